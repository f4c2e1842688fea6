#include "format/thrift/compact_reader.h"

static size_t left(const struct thrift_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static void fail(struct thrift_reader *reader)
{
    reader->failed = true;
}

static uint8_t next_byte(struct thrift_reader *reader)
{
    if (reader->failed || left(reader) == 0) {
        fail(reader);
        return 0;
    }
    return *reader->at++;
}

static uint64_t next_varint(struct thrift_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = next_byte(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return reader->failed ? 0 : value;
    }
    fail(reader); /* more than ten bytes */
    return 0;
}

static struct span next_bytes(struct thrift_reader *reader, uint64_t size)
{
    if (reader->failed || size > left(reader)) {
        fail(reader);
        return (struct span){0};
    }
    struct span bytes = {reader->at, (size_t)size};
    reader->at += size;
    return bytes;
}

static bool enter(struct thrift_reader *reader)
{
    if (reader->failed || reader->depth == THRIFT_MAX_DEPTH) {
        fail(reader);
        return false;
    }
    reader->depth++;
    return true;
}

void thrift_reader_init(struct thrift_reader *reader, const void *bytes, size_t size)
{
    const uint8_t *start = bytes;
    *reader = (struct thrift_reader){.start = start, .at = start, .end = start + size};
}

status thrift_reader_check(const struct thrift_reader *reader, const char *what, struct error *err)
{
    if (!reader->failed)
        return STATUS_OK;
    if (reader->no_memory)
        return error_no_memory(err);
    return error_set(err, STATUS_BAD_DATA,
                     "%s is damaged: Thrift data does not hold at byte %zu of %zu", what,
                     (size_t)(reader->at - reader->start), (size_t)(reader->end - reader->start));
}

bool thrift_next(struct thrift_reader *reader, struct thrift_field *field)
{
    uint8_t head = next_byte(reader);
    if (reader->failed || (head & 0x0f) == THRIFT_STOP)
        return false;
    int64_t id;
    if (head >> 4)
        id = field->id + (head >> 4);
    else
        id = thrift_next_int(reader);
    if (reader->failed || id < INT16_MIN || id > INT16_MAX) {
        fail(reader);
        return false;
    }
    field->id = (int16_t)id;
    field->type = (enum thrift_type)(head & 0x0f);
    return true;
}

int64_t thrift_int(struct thrift_reader *reader, const struct thrift_field *field)
{
    if (field->type == THRIFT_I8)
        return (int8_t)next_byte(reader);
    if (field->type < THRIFT_I16 || field->type > THRIFT_I64) {
        fail(reader);
        return 0;
    }
    return thrift_next_int(reader);
}

int32_t thrift_int32(struct thrift_reader *reader, const struct thrift_field *field)
{
    int64_t value = thrift_int(reader, field);
    if (value >= INT32_MIN && value <= INT32_MAX)
        return (int32_t)value;
    fail(reader);
    return 0;
}

bool thrift_bool(struct thrift_reader *reader, const struct thrift_field *field)
{
    if (field->type != THRIFT_TRUE && field->type != THRIFT_FALSE)
        fail(reader);
    return field->type == THRIFT_TRUE;
}

struct span thrift_binary(struct thrift_reader *reader, const struct thrift_field *field)
{
    if (field->type != THRIFT_BINARY)
        fail(reader);
    return thrift_next_binary(reader);
}

bool thrift_struct(struct thrift_reader *reader, const struct thrift_field *field)
{
    if (field->type != THRIFT_STRUCT)
        fail(reader);
    return enter(reader);
}

void thrift_struct_done(struct thrift_reader *reader)
{
    if (reader->depth > 0)
        reader->depth--;
}

static size_t list_head(struct thrift_reader *reader, enum thrift_type *out_element)
{
    uint8_t head = next_byte(reader);
    uint64_t count = head >> 4;
    if (count == 15)
        count = next_varint(reader);
    *out_element = (enum thrift_type)(head & 0x0f);
    if (reader->failed || count > left(reader)) { /* an element takes a byte at least */
        fail(reader);
        return 0;
    }
    return (size_t)count;
}

static bool same_kind(enum thrift_type a, enum thrift_type b)
{
    return a == b || (a <= THRIFT_FALSE && b <= THRIFT_FALSE && a != THRIFT_STOP);
}

size_t thrift_list(struct thrift_reader *reader, const struct thrift_field *field,
                   enum thrift_type element, size_t min_bytes)
{
    if (field->type != THRIFT_LIST)
        fail(reader);
    enum thrift_type found = THRIFT_STOP;
    size_t count = list_head(reader, &found);
    if (reader->failed || count == 0)
        return 0;
    if (!same_kind(found, element) || count > left(reader) / min_bytes) {
        fail(reader);
        return 0;
    }
    return count;
}

int64_t thrift_next_int(struct thrift_reader *reader)
{
    uint64_t zigzag = next_varint(reader);
    return (int64_t)((zigzag >> 1) ^ (0 - (zigzag & 1)));
}

bool thrift_next_bool(struct thrift_reader *reader)
{
    return next_byte(reader) == THRIFT_TRUE;
}

struct span thrift_next_binary(struct thrift_reader *reader)
{
    return next_bytes(reader, next_varint(reader));
}

bool thrift_next_struct(struct thrift_reader *reader)
{
    return enter(reader);
}

static void skip_value(struct thrift_reader *reader, enum thrift_type type);

/* Inside of lists and maps a bool takes a byte; so nothing there is free, and counts are bounded by what is left. */
static void skip_element(struct thrift_reader *reader, enum thrift_type type)
{
    if (type == THRIFT_TRUE || type == THRIFT_FALSE)
        next_byte(reader);
    else
        skip_value(reader, type);
}

static void skip_map(struct thrift_reader *reader)
{
    uint64_t count = next_varint(reader);
    if (count == 0 || reader->failed)
        return;
    uint8_t types = next_byte(reader);
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        skip_element(reader, (enum thrift_type)(types >> 4));
        skip_element(reader, (enum thrift_type)(types & 0x0f));
    }
}

static void skip_list(struct thrift_reader *reader)
{
    enum thrift_type element = THRIFT_STOP;
    size_t count = list_head(reader, &element);
    for (size_t i = 0; i < count && !reader->failed; i++)
        skip_element(reader, element);
}

static void skip_struct(struct thrift_reader *reader)
{
    struct thrift_field field = {0};
    while (thrift_next(reader, &field))
        skip_value(reader, field.type);
}

/* Depth is counted for everything that can nest, so hostile input can't use up the stack. */
static void skip_value(struct thrift_reader *reader, enum thrift_type type)
{
    if (reader->failed)
        return;
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        return;
    case THRIFT_I8:
        next_byte(reader);
        return;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        next_varint(reader);
        return;
    case THRIFT_DOUBLE:
        next_bytes(reader, 8);
        return;
    case THRIFT_UUID:
        next_bytes(reader, 16);
        return;
    case THRIFT_BINARY:
        thrift_next_binary(reader);
        return;
    case THRIFT_LIST:
    case THRIFT_SET:
    case THRIFT_MAP:
    case THRIFT_STRUCT:
        if (!enter(reader))
            return;
        if (type == THRIFT_STRUCT)
            skip_struct(reader);
        else if (type == THRIFT_MAP)
            skip_map(reader);
        else
            skip_list(reader);
        thrift_struct_done(reader);
        return;
    case THRIFT_STOP:
        break;
    }
    fail(reader);
}

void thrift_skip(struct thrift_reader *reader, const struct thrift_field *field)
{
    skip_value(reader, field->type);
}
