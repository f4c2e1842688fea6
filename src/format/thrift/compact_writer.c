#include "format/thrift/compact_writer.h"

static void put(struct thrift_writer *writer, const void *bytes, size_t size)
{
    if (writer->failed == STATUS_OK)
        writer->failed = buffer_append(writer->out, bytes, size, NULL);
}

static void put_byte(struct thrift_writer *writer, uint8_t byte)
{
    put(writer, &byte, 1);
}

/* Seven bits a byte, lowest first, high bit set on all but the last. */
static void put_varint(struct thrift_writer *writer, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    put(writer, bytes, size);
}

/* Small magnitudes of either sign become small varints: 0, -1, 1, -2 -> 0, 1, 2, 3. */
static void put_zigzag(struct thrift_writer *writer, int64_t value)
{
    put_varint(writer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

/* One byte (delta to the last id, type), or a zero delta and the id in full. */
static void put_field(struct thrift_writer *writer, int16_t id, enum thrift_type type)
{
    int16_t *last = &writer->last_field[writer->depth];
    int delta = id - *last;
    if (delta > 0 && delta < 16) {
        put_byte(writer, (uint8_t)(delta << 4 | (int)type));
    } else {
        put_byte(writer, (uint8_t)type);
        put_zigzag(writer, id);
    }
    *last = id;
}

static void open_struct(struct thrift_writer *writer)
{
    if (writer->depth + 1 == THRIFT_MAX_DEPTH) {
        writer->failed = STATUS_BUG;
        return;
    }
    writer->last_field[++writer->depth] = 0;
}

void thrift_writer_init(struct thrift_writer *writer, struct buffer *out)
{
    *writer = (struct thrift_writer){.out = out, .failed = STATUS_OK};
}

status thrift_writer_check(const struct thrift_writer *writer, struct error *err)
{
    if (writer->failed == STATUS_NO_MEMORY)
        return error_no_memory(err);
    if (writer->failed != STATUS_OK)
        return error_set(err, writer->failed, "cannot write Thrift: structs nest too deep");
    return STATUS_OK;
}

void thrift_field_bool(struct thrift_writer *writer, int16_t id, bool value)
{
    put_field(writer, id, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_field_i8(struct thrift_writer *writer, int16_t id, int8_t value)
{
    put_field(writer, id, THRIFT_I8);
    put_byte(writer, (uint8_t)value);
}

void thrift_field_i16(struct thrift_writer *writer, int16_t id, int16_t value)
{
    put_field(writer, id, THRIFT_I16);
    put_zigzag(writer, value);
}

void thrift_field_i32(struct thrift_writer *writer, int16_t id, int32_t value)
{
    put_field(writer, id, THRIFT_I32);
    put_zigzag(writer, value);
}

void thrift_field_i64(struct thrift_writer *writer, int16_t id, int64_t value)
{
    put_field(writer, id, THRIFT_I64);
    put_zigzag(writer, value);
}

void thrift_field_binary(struct thrift_writer *writer, int16_t id, struct span bytes)
{
    put_field(writer, id, THRIFT_BINARY);
    thrift_item_binary(writer, bytes);
}

void thrift_field_text(struct thrift_writer *writer, int16_t id, const char *text)
{
    thrift_field_binary(writer, id, (struct span){(const uint8_t *)text, strlen(text)});
}

void thrift_field_struct(struct thrift_writer *writer, int16_t id)
{
    put_field(writer, id, THRIFT_STRUCT);
    open_struct(writer);
}

void thrift_field_empty(struct thrift_writer *writer, int16_t id)
{
    thrift_field_struct(writer, id);
    thrift_struct_end(writer);
}

void thrift_field_list(struct thrift_writer *writer, int16_t id, enum thrift_type element,
                       size_t count)
{
    put_field(writer, id, THRIFT_LIST);
    if (count < 15) {
        put_byte(writer, (uint8_t)(count << 4 | element));
    } else {
        put_byte(writer, (uint8_t)(0xf0 | element));
        put_varint(writer, count);
    }
}

void thrift_item_bool(struct thrift_writer *writer, bool value)
{
    put_byte(writer, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_item_int(struct thrift_writer *writer, int64_t value)
{
    put_zigzag(writer, value);
}

void thrift_item_binary(struct thrift_writer *writer, struct span bytes)
{
    put_varint(writer, bytes.size);
    if (bytes.size > 0)
        put(writer, bytes.data, bytes.size);
}

void thrift_item_struct(struct thrift_writer *writer)
{
    open_struct(writer);
}

void thrift_struct_end(struct thrift_writer *writer)
{
    put_byte(writer, THRIFT_STOP);
    if (writer->depth > 0)
        writer->depth--;
}
