#include "source/postgres/decode.h"

#include <string.h>

#include "batch/scalar.h"

/* 2000-01-01 in days and microseconds since 1970 */
#define EPOCH_DAYS   10957
#define EPOCH_MICROS INT64_C(946684800000000)

enum { NULL_LENGTH = -1, COPY_STEP = 16, JSONB_VERSION = 1 };

static inline const uint8_t *field_at(const struct fields *fields, size_t i)
{
    return fields->base + fields->at[i];
}

/* ---- fixed width ----
 * KERNEL(name, bytes on the wire, type in the column, expression of the value at p, condition that it fits) */

#define KERNEL(name, bytes, out_type, value, fits)                                                 \
    static status name(const struct decoder *decoder, struct column *column,                       \
                       const struct fields *fields, size_t *out_n, struct error *err)              \
    {                                                                                              \
        uint8_t *out = column->values.data + column->values.size;                                  \
        size_t i;                                                                                  \
        for (i = 0; i < fields->n; i++) {                                                          \
            const uint8_t *p = field_at(fields, i);                                                \
            if (load_u32be(p) != (bytes))                                                          \
                break;                                                                             \
            p += 4;                                                                                \
            if (!(fits))                                                                           \
                break;                                                                             \
            out_type v = (out_type)(value);                                                        \
            memcpy(out + i * sizeof(v), &v, sizeof(v));                                            \
        }                                                                                          \
        *out_n = i;                                                                                \
        return STATUS_OK;                                                                          \
    }

#define MICROS ((int64_t)load_u64be(p))
#define MONEY  ((int64_t)load_u64be(p)) /* in the smallest unit of the server's lc_monetary */
#define DAYS   ((int32_t)load_u32be(p))

/* Has it no more digits than the decimal? */
static inline bool money_fits(const struct decoder *decoder, int64_t value)
{
    return value < decoder->limit && value > -decoder->limit;
}

KERNEL(decode_int2, 2, int16_t, load_u16be(p), true)
KERNEL(decode_int4, 4, int32_t, load_u32be(p), true)
KERNEL(decode_int8, 8, int64_t, load_u64be(p), true)
KERNEL(decode_int2_as_int8, 2, int64_t, (int16_t)load_u16be(p), true)
KERNEL(decode_int2_as_int4, 2, int32_t, (int16_t)load_u16be(p), true)
KERNEL(decode_int4_as_int8, 4, int64_t, (int32_t)load_u32be(p), true)
KERNEL(decode_oid_as_int8, 4, int64_t, load_u32be(p), true)
KERNEL(decode_date, 4, int32_t, DAYS + EPOCH_DAYS,
       DAYS != INT32_MIN && DAYS <= INT32_MAX - EPOCH_DAYS)
KERNEL(decode_time, 8, int64_t, MICROS, MICROS >= 0 && MICROS <= INT64_C(86400000000))
KERNEL(decode_timestamp, 8, int64_t, MICROS + EPOCH_MICROS,
       MICROS != INT64_MIN && MICROS <= INT64_MAX - EPOCH_MICROS)
KERNEL(decode_money_8, 8, int64_t, MONEY, money_fits(decoder, MONEY))
KERNEL(decode_money_16, 8, __int128, MONEY, money_fits(decoder, MONEY))

/* ---- others of one size ---- */

static status decode_bool(const struct decoder *decoder, struct column *column,
                          const struct fields *fields, size_t *out_n, struct error *err)
{
    size_t i;
    for (i = 0; i < fields->n; i++) {
        const uint8_t *p = field_at(fields, i);
        if (load_u32be(p) != 1)
            break;
        size_t row = column->rows + i;
        uint8_t *byte = &column->values.data[row >> 3];
        *byte = (uint8_t)(((row & 7) ? *byte : 0) | ((unsigned)(p[4] != 0) << (row & 7)));
    }
    *out_n = i;
    return STATUS_OK;
}

static status decode_uuid(const struct decoder *decoder, struct column *column,
                          const struct fields *fields, size_t *out_n, struct error *err)
{
    enum { UUID_BYTES = 16 };
    uint8_t *out = column->values.data + column->values.size;
    size_t i;
    for (i = 0; i < fields->n; i++) {
        const uint8_t *p = field_at(fields, i);
        if (load_u32be(p) != UUID_BYTES)
            break;
        memcpy(out + i * UUID_BYTES, p + 4, UUID_BYTES);
    }
    *out_n = i;
    return STATUS_OK;
}

/* int64 microseconds, int32 days, int32 months -> months, days, nanoseconds */
static status decode_interval(const struct decoder *decoder, struct column *column,
                              const struct fields *fields, size_t *out_n, struct error *err)
{
    enum { INTERVAL_BYTES = 16 };
    uint8_t *out = column->values.data + column->values.size;
    size_t i;
    for (i = 0; i < fields->n; i++) {
        const uint8_t *p = field_at(fields, i);
        int64_t nanos;
        if (load_u32be(p) != INTERVAL_BYTES ||
            __builtin_mul_overflow((int64_t)load_u64be(p + 4), INT64_C(1000), &nanos))
            break;
        store_u32le(out + i * INTERVAL_BYTES, load_u32be(p + 16));
        store_u32le(out + i * INTERVAL_BYTES + 4, load_u32be(p + 12));
        store_u64le(out + i * INTERVAL_BYTES + 8, (uint64_t)nanos);
    }
    *out_n = i;
    return STATUS_OK;
}

/* ---- bytes ---- */

/* Texts are short: moves of 16 bytes that run over the end beat a call. Both sides have room for it. */
static inline void copy_over(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i += COPY_STEP)
        memcpy(to + i, from + i, COPY_STEP);
}

/* Values up to the first NULL, and their bytes. */
static size_t count_bytes(const struct fields *fields, size_t skip, size_t *out_bytes)
{
    size_t i, bytes = 0;
    for (i = 0; i < fields->n; i++) {
        int32_t size = (int32_t)load_u32be(field_at(fields, i));
        if (size < (int32_t)skip)
            break;
        bytes += (size_t)size;
    }
    *out_bytes = bytes;
    return i;
}

/* SKIP bytes stand before each value (jsonb: its version). copy_over writes up to COPY_STEP - 1 bytes behind the last one:
 * room for them is made, even where all values are empty. */
static inline status append_bytes(const struct decoder *decoder, struct column *column,
                                  const struct fields *fields, size_t skip, size_t *out_n,
                                  struct error *err)
{
    size_t bytes, n = count_bytes(fields, skip, &bytes), i;
    *out_n = 0;
    if (n == 0)
        return STATUS_OK;
    while (n > 1 && column_grow_data(column, bytes + COPY_STEP, NULL) != STATUS_OK) {
        struct fields half = {fields->base, fields->at, n / 2}; /* the limit is for one value */
        n = count_bytes(&half, skip, &bytes);
    }
    TRY(column_grow_data(column, bytes + COPY_STEP, err));
    uint8_t *to = column->data.data;
    size_t end = column->data.size;
    int64_t *offsets = (int64_t *)(void *)column->values.data + column->rows + 1;
    for (i = 0; i < n; i++) {
        const uint8_t *p = field_at(fields, i) + 4 + skip;
        size_t size = load_u32be(p - skip - 4) - skip;
        if (skip && p[-1] != JSONB_VERSION)
            break;
        if (decoder->check_utf8 && text_utf8_valid_prefix((const char *)p, size) != size)
            break;
        copy_over(to + end, p, size);
        end += size;
        offsets[i] = (int64_t)end;
    }
    column->data.size = end;
    *out_n = i;
    return STATUS_OK;
}

static status decode_text(const struct decoder *decoder, struct column *column,
                          const struct fields *fields, size_t *out_n, struct error *err)
{
    return append_bytes(decoder, column, fields, 0, out_n, err);
}

static status decode_jsonb(const struct decoder *decoder, struct column *column,
                           const struct fields *fields, size_t *out_n, struct error *err)
{
    return append_bytes(decoder, column, fields, 1, out_n, err);
}

/* ---- binding ---- */

static const struct {
    enum wire_form form;
    enum type_id type;
    decode_kernel kernel;
} kernels[] = {
    {WIRE_BOOL, TYPE_BOOL, decode_bool},
    {WIRE_INT2, TYPE_INT16, decode_int2},
    {WIRE_INT2, TYPE_INT32, decode_int2_as_int4},
    {WIRE_INT2, TYPE_INT64, decode_int2_as_int8},
    {WIRE_INT4, TYPE_INT32, decode_int4},
    {WIRE_INT4, TYPE_INT64, decode_int4_as_int8},
    {WIRE_INT8, TYPE_INT64, decode_int8},
    {WIRE_OID, TYPE_UINT32, decode_int4},
    {WIRE_OID, TYPE_INT64, decode_oid_as_int8},
    {WIRE_FLOAT4, TYPE_FLOAT32, decode_int4},
    {WIRE_FLOAT8, TYPE_FLOAT64, decode_int8},
    {WIRE_NUMERIC, TYPE_UTF8, decode_numeric_text},
    {WIRE_TEXT, TYPE_UTF8, decode_text},
    {WIRE_TEXT, TYPE_JSON, decode_text},
    {WIRE_BYTEA, TYPE_BINARY, decode_text},
    {WIRE_JSONB, TYPE_JSON, decode_jsonb},
    {WIRE_JSONB, TYPE_UTF8, decode_jsonb},
    {WIRE_DATE, TYPE_DATE, decode_date},
    {WIRE_TIME, TYPE_TIME, decode_time},
    {WIRE_TIMESTAMP, TYPE_TIMESTAMP, decode_timestamp},
    {WIRE_INTERVAL, TYPE_INTERVAL, decode_interval},
    {WIRE_UUID, TYPE_UUID, decode_uuid},
};

static decode_kernel decimal_kernel(enum wire_form form, struct type type)
{
    bool numeric = form == WIRE_NUMERIC;
    if (type.id != TYPE_DECIMAL || (!numeric && form != WIRE_MONEY))
        return NULL;
    switch (type_value_bytes(type)) {
    case 8:
        return numeric ? decode_numeric_8 : decode_money_8;
    case 16:
        return numeric ? decode_numeric_16 : decode_money_16;
    default:
        return numeric ? decode_numeric_32 : NULL;
    }
}

static __int128 power_of_ten(int32_t n)
{
    __int128 power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

bool decoder_init(struct decoder *decoder, enum wire_form form, struct type type)
{
    *decoder = (struct decoder){.form = form, .type = type, .kernel = decimal_kernel(form, type)};
    if (type.id == TYPE_DECIMAL && type.precision <= DECIMAL128_MAX_PRECISION)
        decoder->limit = power_of_ten(type.precision);
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        if (kernels[i].form == form && kernels[i].type == type.id)
            decoder->kernel = kernels[i].kernel;
    }
    return decoder->kernel || (form == WIRE_ARRAY && type.id == TYPE_LIST) ||
           (form == WIRE_RECORD && type.id == TYPE_STRUCT);
}

void decoder_release(struct decoder *decoder)
{
    for (size_t i = 0; i < decoder->n_children; i++)
        decoder_release(&decoder->children[i]);
    mem_free(decoder->children);
    buffer_release(&decoder->places);
    *decoder = (struct decoder){0};
}

/* ---- arrays and records: a value at a time, its parts through the kernels ---- */

static status keep_place(struct buffer *places, size_t at, struct error *err)
{
    uint32_t place = (uint32_t)at;
    return buffer_append(places, &place, sizeof(place), err);
}

/* int32 dimensions, int32 flags, oid of the elements; for each dimension int32 size and lower bound; then the elements as
 * fields. False: more than one dimension, or not an array. */
static bool find_elements(struct decoder *decoder, const uint8_t *base, size_t at, size_t size,
                          status_code *failed, struct error *err)
{
    enum { HEAD_BYTES = 12, DIMENSION_BYTES = 8 };
    const uint8_t *p = base + at;
    decoder->places.size = 0;
    if (size < HEAD_BYTES)
        return false;
    uint32_t dimensions = load_u32be(p);
    if (dimensions == 0)
        return size == HEAD_BYTES;
    if (dimensions != 1 || size < HEAD_BYTES + DIMENSION_BYTES)
        return false;
    uint32_t count = load_u32be(p + HEAD_BYTES);
    size_t i = HEAD_BYTES + DIMENSION_BYTES;
    for (uint32_t e = 0; e < count; e++) {
        if (size - i < 4)
            return false;
        uint32_t length = load_u32be(p + i);
        size_t bytes = length == UINT32_MAX ? 0 : length;
        if (bytes > size - i - 4)
            return false;
        *failed = keep_place(&decoder->places, at + i, err);
        if (*failed != STATUS_OK)
            return false;
        i += 4 + bytes;
    }
    return i == size;
}

/* *OUT_FITS false: nothing of the value stays. */
static status append_array(struct decoder *decoder, struct column *column, const uint8_t *base,
                           size_t at, bool *out_fits, struct error *err)
{
    struct column *child = &column->children[0];
    size_t size = load_u32be(base + at), before = child->rows, row = 0;
    status_code failed = STATUS_OK;
    *out_fits = find_elements(decoder, base, at + 4, size, &failed, err);
    TRY(failed);
    if (!*out_fits)
        return STATUS_OK;
    struct fields elements = {base, (const uint32_t *)(const void *)decoder->places.data,
                              decoder->places.size / sizeof(uint32_t)};
    TRY(decode_column(&decoder->children[0], child, &elements, &row, err));
    *out_fits = row == elements.n;
    if (!*out_fits)
        column_truncate(child, before);
    else
        column_append_nested(column);
    return STATUS_OK;
}

/* int32 fields; for each its oid and then a field. */
static status append_record(struct decoder *decoder, struct column *column, const uint8_t *base,
                            size_t at, bool *out_fits, struct error *err)
{
    size_t size = load_u32be(base + at), i = 4, done = 0;
    const uint8_t *p = base + at + 4;
    *out_fits = size >= 4 && load_u32be(p) == decoder->n_children;
    for (; *out_fits && done < decoder->n_children; done++) {
        *out_fits = size - i >= 8;
        if (!*out_fits)
            break;
        uint32_t length = load_u32be(p + i + 4);
        size_t bytes = length == UINT32_MAX ? 0 : length, row = 0;
        *out_fits = bytes <= size - i - 8;
        if (!*out_fits)
            break;
        uint32_t place = (uint32_t)(at + 4 + i + 4);
        struct fields one = {base, &place, 1};
        TRY(decode_column(&decoder->children[done], &column->children[done], &one, &row, err));
        *out_fits = row == 1;
        i += 8 + bytes;
    }
    if (*out_fits && i == size) {
        column_append_nested(column);
        return STATUS_OK;
    }
    *out_fits = false;
    for (size_t c = 0; c < column->n_children; c++) {
        if (column->children[c].rows > column->rows)
            column_truncate(&column->children[c], column->rows);
    }
    return STATUS_OK;
}

/* ---- a column ---- */

/* N values were written behind the column's end: count them, and mark them valid. */
static void take_values(struct column *column, size_t n)
{
    if (column->null_count) {
        for (size_t i = 0; i < n; i++) {
            column_mark_valid(column);
            column->rows++;
        }
    } else {
        column->rows += n;
    }
    if (type_is_text_like(column->field->type))
        column->values.size += n * sizeof(int64_t);
    else if (column->value_bytes)
        column->values.size += n * column->value_bytes;
    else
        column->values.size = (column->rows + 7) >> 3;
}

static status append_nested(struct decoder *decoder, struct column *column,
                            const struct fields *fields, size_t *out_n, struct error *err)
{
    size_t i;
    for (i = 0; i < fields->n; i++) {
        bool fits;
        if ((int32_t)load_u32be(field_at(fields, i)) == NULL_LENGTH)
            break;
        if (decoder->form == WIRE_ARRAY)
            TRY(append_array(decoder, column, fields->base, fields->at[i], &fits, err));
        else
            TRY(append_record(decoder, column, fields->base, fields->at[i], &fits, err));
        if (!fits)
            break;
    }
    *out_n = i;
    return STATUS_OK;
}

static status append_values(struct decoder *decoder, struct column *column,
                            const struct fields *rest, size_t *out_n, struct error *err)
{
    if (!decoder->kernel)
        return append_nested(decoder, column, rest, out_n, err);
    TRY(decoder->kernel(decoder, column, rest, out_n, err));
    take_values(column, *out_n);
    return STATUS_OK;
}

status decode_column(struct decoder *decoder, struct column *column, const struct fields *fields,
                     size_t *io_row, struct error *err)
{
    size_t row = *io_row, done;
    TRY(column_reserve(column, fields->n - row, err));
    while (row < fields->n) {
        struct fields rest = {fields->base, fields->at + row, fields->n - row};
        TRY(append_values(decoder, column, &rest, &done, err));
        row += done;
        if (row == fields->n)
            break;
        bool null = (int32_t)load_u32be(field_at(fields, row)) == NULL_LENGTH;
        if (null && column->field->nullable) {
            TRY(column_append_null(column, err));
            row++;
        } else if (null || done == 0) {
            break; /* else the kernel is asked again: it may have stopped because memory ended */
        }
    }
    *io_row = row;
    return STATUS_OK;
}
