#include "source/sqlite/record.h"

#include <math.h>
#include <string.h>

enum {
    MAX_HEADER_BYTES = 98307, /* 32,767 columns of three bytes, and the length itself */
    KEEP_VALUE_BYTES = 1 << 20,
    RESERVED_10 = 10,
    RESERVED_11 = 11,
};

static status bad_record(const struct scan_row *row, struct error *err)
{
    return page_malformed(row->page, err, "the record of rowid %lld does not hold together",
                          (long long)row->rowid);
}

/* ---- rows that are whole in the window ---- */

static inline uint32_t missing_serial(const struct record_shape *shape, uint32_t column)
{
    return column == shape->n_columns || shape->no_default[column] ? SERIAL_NULL : SERIAL_MISSING;
}

static inline status parse_row(const struct record_shape *shape, const struct scan_row *row,
                               const uint8_t *base, record_cell *cells, size_t stride,
                               struct error *err)
{
    const uint8_t *at = row->payload;
    uint64_t header_bytes;
    at += scan_varint(at, &header_bytes);
    if (header_bytes > row->payload_bytes || header_bytes < 1)
        return bad_record(row, err);
    const uint8_t *end = row->payload + header_bytes;
    const uint8_t *limit = row->payload + row->payload_bytes;
    uint64_t place = (uint64_t)(end - base);
    uint64_t reserved = 0;
    size_t i = 0;
    for (; i < shape->n_stored && at < end; i++) {
        uint64_t serial = *at;
        if (__builtin_expect(serial < 0x80, 1))
            at++;
        else
            at += scan_varint(at, &serial);
        if (__builtin_expect(serial >= SERIAL_MISSING, 0))
            return bad_record(row, err);
        cells[shape->column[i] * stride] = place << 32 | serial;
        reserved |= serial - RESERVED_10 < 2;
        place += serial_bytes((uint32_t)serial);
    }
    uint64_t size = (uint64_t)(limit - base);
    bool adds_up = at < end ? place <= size : at == end && place == size;
    if (__builtin_expect(!adds_up || reserved, 0))
        return bad_record(row, err);
    for (; i < shape->n_stored; i++)
        cells[shape->column[i] * stride] = missing_serial(shape, shape->column[i]);
    return STATUS_OK;
}

status record_parse(const struct record_shape *shape, const struct scan_row *rows, size_t n,
                    const uint8_t *base, record_cell *cells, size_t stride, struct error *err)
{
    for (size_t row = 0; row < n; row++)
        TRY(parse_row(shape, &rows[row], base, cells + row, stride, err));
    return STATUS_OK;
}

/* SQLite reads a stored NaN as NULL. */
static void number_value(const uint8_t *bytes, uint32_t serial, bool real_affinity,
                         struct stored_value *out)
{
    if (serial == SERIAL_DOUBLE) {
        out->real = serial_double(bytes);
        out->kind = isnan(out->real) ? SQLITE_NULL : SQLITE_FLOAT;
        return;
    }
    int64_t integer = serial_integer(bytes, serial);
    out->kind = real_affinity ? SQLITE_FLOAT : SQLITE_INTEGER;
    if (real_affinity)
        out->real = (double)integer;
    else
        out->integer = integer;
}

static void value_of_serial(const uint8_t *bytes, uint32_t serial, bool real_affinity,
                            struct stored_value *out)
{
    *out = (struct stored_value){.kind = SQLITE_NULL};
    if (serial >= SERIAL_BLOB) {
        out->kind = serial & 1 ? SQLITE_TEXT : SQLITE_BLOB;
        out->bytes = (const char *)bytes;
        out->size = serial_bytes(serial);
    } else if (serial != SERIAL_NULL) {
        number_value(bytes, serial, real_affinity, out);
    }
}

void record_value(const uint8_t *base, record_cell cell, bool real_affinity,
                  struct stored_value *out)
{
    value_of_serial(cell_bytes(base, cell), cell_serial(cell), real_affinity, out);
}

/* ---- one row with overflow pages ---- */

status long_record_init(struct long_record *record, struct page_source *source,
                        const struct record_shape *shape, struct error *err)
{
    *record = (struct long_record){.source = source};
    record->serials = mem_zalloc((shape->n_columns + 1) * sizeof(*record->serials));
    record->places = mem_zalloc((shape->n_columns + 1) * sizeof(*record->places));
    record->page = mem_zalloc(source->map->page_size);
    return record->serials && record->places && record->page ? STATUS_OK : error_no_memory(err);
}

void long_record_release(struct long_record *record)
{
    mem_free(record->serials);
    mem_free(record->places);
    mem_free(record->page);
    buffer_release(&record->value);
    *record = (struct long_record){0};
}

/* The overflow page numbered INDEX of the chain; forward from the one at hand where that is possible. A chain
 * that runs in a circle ends, because INDEX is bounded by the payload's size. */
static status go_to(struct long_record *record, uint64_t index, struct error *err)
{
    if (record->page_number == 0 || index < record->page_index) {
        record->page_number = record->row->overflow;
        record->page_index = 0;
        TRY(page_source_read(record->source, &record->page_number, 1, record->page, err));
    }
    for (; record->page_index < index; record->page_index++) {
        record->page_number = load_u32be(record->page);
        if (record->page_number < 2)
            return page_malformed(record->row->page, err,
                                  "the overflow pages of rowid %lld end too early",
                                  (long long)record->row->rowid);
        TRY(page_source_read(record->source, &record->page_number, 1, record->page, err));
    }
    return STATUS_OK;
}

/* Bytes [at, at + size) of the payload, which are there. */
static status copy_payload(struct long_record *record, uint64_t at, size_t size, uint8_t *out,
                           struct error *err)
{
    const struct scan_row *row = record->row;
    uint32_t room = record->source->map->usable_size - 4;
    while (size > 0) {
        const uint8_t *from;
        size_t here;
        if (at < row->local_bytes) {
            from = row->payload + at;
            here = row->local_bytes - at;
        } else {
            uint64_t behind = at - row->local_bytes;
            TRY(go_to(record, behind / room, err));
            from = record->page + 4 + behind % room;
            here = room - behind % room;
        }
        if (here > size)
            here = size;
        memcpy(out, from, here);
        out += here;
        at += here;
        size -= here;
    }
    return STATUS_OK;
}

/* Zeros behind the value, so that eight bytes of a number can be loaded. */
static status room_for(struct long_record *record, size_t size, struct error *err)
{
    if (record->value.capacity > KEEP_VALUE_BYTES && record->value.capacity / 2 > size)
        buffer_release(&record->value);
    return buffer_reserve(&record->value, size + sizeof(uint64_t), err);
}

static status read_header(struct long_record *record, uint64_t *out_bytes, size_t *out_first,
                          struct error *err)
{
    const struct scan_row *row = record->row;
    uint8_t start[9] = {0};
    size_t n = row->payload_bytes < sizeof(start) ? (size_t)row->payload_bytes : sizeof(start);
    TRY(copy_payload(record, 0, n, start, err));
    *out_first = scan_varint(start, out_bytes);
    if (*out_bytes > row->payload_bytes || *out_bytes > MAX_HEADER_BYTES || *out_bytes < 1)
        return bad_record(row, err);
    TRY(room_for(record, *out_bytes + sizeof(start), err));
    memset(record->value.data + *out_bytes, 0, sizeof(start));
    return copy_payload(record, 0, *out_bytes, record->value.data, err);
}

status long_record_open(struct long_record *record, const struct record_shape *shape,
                        const struct scan_row *row, struct error *err)
{
    uint64_t header_bytes;
    size_t at;
    record->row = row;
    record->page_number = 0;
    TRY(read_header(record, &header_bytes, &at, err));
    uint64_t place = header_bytes;
    size_t i = 0;
    for (; i < shape->n_stored && at < header_bytes; i++) {
        uint64_t serial;
        at += scan_varint(record->value.data + at, &serial);
        if (serial >= SERIAL_MISSING || serial == RESERVED_10 || serial == RESERVED_11)
            return bad_record(row, err);
        record->serials[shape->column[i]] = (uint32_t)serial;
        record->places[shape->column[i]] = place;
        place += serial_bytes((uint32_t)serial);
    }
    if (at > header_bytes || place > row->payload_bytes ||
        (at == header_bytes && place != row->payload_bytes))
        return bad_record(row, err);
    for (; i < shape->n_stored; i++)
        record->serials[shape->column[i]] = missing_serial(shape, shape->column[i]);
    return STATUS_OK;
}

status long_record_value(struct long_record *record, size_t column, bool real_affinity,
                         struct stored_value *out, struct error *err)
{
    uint32_t serial = record->serials[column];
    size_t size = serial_bytes(serial);
    TRY(room_for(record, size, err));
    TRY(copy_payload(record, record->places[column], size, record->value.data, err));
    value_of_serial(record->value.data, serial, real_affinity, out);
    return STATUS_OK;
}
