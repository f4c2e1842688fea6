#include "batch/convert.h"

#include <string.h>

#include "base/bytes.h"
#include "batch/decimal.h"
#include "batch/scalar.h"

enum { TEXT_BYTES = 96 }; /* DECIMAL_TEXT_BYTES, INTERVAL_TEXT_BYTES */
static const int64_t US_PER_DAY = INT64_C(86400) * 1000000;

/* ---- fixed width to fixed width: the slot of a NULL is zero before and after ---- */

static status copy_validity(struct column *into, const struct column *from, struct error *err)
{
    into->rows = from->rows;
    into->values.size = from->rows * into->value_bytes;
    into->null_count = from->null_count;
    into->validity.size = 0;
    return from->null_count
               ? buffer_append(&into->validity, from->validity.data, from->validity.size, err)
               : STATUS_OK;
}

#define WIDEN(name, from_type, to_type)                                                            \
    static status name(struct column *into, const struct column *from, struct error *err)          \
    {                                                                                              \
        column_clear(into);                                                                        \
        TRY(column_reserve(into, from->rows, err));                                                \
        const from_type *narrow = (const void *)from->values.data;                                 \
        to_type *wide = (void *)into->values.data;                                                 \
        for (size_t i = 0; i < from->rows; i++)                                                    \
            wide[i] = narrow[i];                                                                   \
        return copy_validity(into, from, err);                                                     \
    }
WIDEN(widen_uint8, uint8_t, int16_t)
WIDEN(widen_uint16, uint16_t, int32_t)
WIDEN(widen_uint32, uint32_t, int64_t)
WIDEN(widen_uint64, uint64_t, unsigned __int128) /* little-endian, as a decimal of no places is */

/* ---- to bytes ---- */

static status fixed_to_binary(struct column *into, const struct column *from, struct error *err)
{
    size_t width = from->value_bytes;
    column_clear(into);
    TRY(column_reserve(into, from->rows, err));
    TRY(column_grow_data(into, (from->rows - from->null_count) * width, err));
    for (size_t i = 0; i < from->rows; i++) {
        if (column_is_null(from, i))
            TRY(column_append_null(into, err));
        else
            TRY(column_append_bytes(into, from->values.data + i * width, width, err));
    }
    return STATUS_OK;
}

/* ---- to text: a function for the form, a kernel around it with the call inlined ---- */

static inline size_t put_two(char *out, unsigned number)
{
    out[0] = (char)('0' + number / 10);
    out[1] = (char)('0' + number % 10);
    return 2;
}

/* 0: the value is none of the type. */
static inline size_t time_text(const struct column *from, const uint8_t *value, char *out)
{
    int64_t us = (int64_t)load_u64le(value);
    if (us < 0 || us > US_PER_DAY)
        return 0;
    unsigned seconds = (unsigned)(us / 1000000), fraction = (unsigned)(us % 1000000);
    size_t n = put_two(out, seconds / 3600);
    out[n++] = ':';
    n += put_two(out + n, seconds / 60 % 60);
    out[n++] = ':';
    n += put_two(out + n, seconds % 60);
    if (fraction) {
        out[n++] = '.';
        for (unsigned place = 100000; place; place /= 10)
            out[n++] = (char)('0' + fraction / place % 10);
    }
    return n;
}

static inline size_t uuid_text(const struct column *from, const uint8_t *value, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        out[n++] = digits[value[i] >> 4];
        out[n++] = digits[value[i] & 15];
    }
    return n;
}

static inline size_t decimal_text(const struct column *from, const uint8_t *value, char *out)
{
    return decimal_format(value, from->value_bytes, from->field->type.scale, out);
}

static inline size_t interval_text(const struct column *from, const uint8_t *value, char *out)
{
    return format_interval(value, out);
}

static status no_such_value(const struct column *from, size_t row, struct error *err)
{
    char type[64];
    return error_set(err, STATUS_BAD_DATA,
                     "column \"%s\": the value in row %zu of the batch is no %s", from->field->name,
                     row, type_text(from->field->type, type));
}

#define TO_TEXT(name, text_of)                                                                     \
    static status name(struct column *into, const struct column *from, struct error *err)          \
    {                                                                                              \
        size_t width = from->value_bytes;                                                          \
        column_clear(into);                                                                        \
        TRY(column_reserve(into, from->rows, err));                                                \
        for (size_t i = 0; i < from->rows; i++) {                                                  \
            char text[TEXT_BYTES];                                                                 \
            if (column_is_null(from, i)) {                                                         \
                TRY(column_append_null(into, err));                                                \
                continue;                                                                          \
            }                                                                                      \
            size_t size = text_of(from, from->values.data + i * width, text);                      \
            if (__builtin_expect(size == 0, 0))                                                    \
                return no_such_value(from, i, err);                                                \
            TRY(column_append_bytes(into, text, size, err));                                       \
        }                                                                                          \
        return STATUS_OK;                                                                          \
    }
TO_TEXT(time_to_text, time_text)
TO_TEXT(uuid_to_text, uuid_text)
TO_TEXT(decimal_to_text, decimal_text)
TO_TEXT(interval_to_text, interval_text)

/* ---- lists, maps, structs: rows and offsets stay, what is inside is converted ---- */

static status convert_nested(struct column *into, const struct column *from, struct error *err)
{
    bool offsets = from->field->type.id != TYPE_STRUCT;
    column_clear(into);
    TRY(column_reserve(into, from->rows, err));
    TRY(copy_validity(into, from, err));
    if (offsets && from->rows)
        memcpy(into->values.data, from->values.data, (from->rows + 1) * sizeof(int64_t));
    if (offsets)
        into->values.size = (from->rows + 1) * sizeof(int64_t);
    for (size_t i = 0; i < from->n_children; i++)
        TRY(column_convert(&into->children[i], &from->children[i], err));
    return STATUS_OK;
}

/* ---- the pairs ---- */

static const struct {
    enum type_id from, to;
    column_convert_fn convert;
} pairs[] = {
    {TYPE_UINT8, TYPE_INT16, widen_uint8},        {TYPE_UINT16, TYPE_INT32, widen_uint16},
    {TYPE_UINT32, TYPE_INT64, widen_uint32},      {TYPE_UINT64, TYPE_DECIMAL, widen_uint64},
    {TYPE_DECIMAL, TYPE_UTF8, decimal_to_text},   {TYPE_FIXED_BINARY, TYPE_BINARY, fixed_to_binary},
    {TYPE_UUID, TYPE_UTF8, uuid_to_text},         {TYPE_TIME, TYPE_UTF8, time_to_text},
    {TYPE_INTERVAL, TYPE_UTF8, interval_to_text}, {TYPE_LIST, TYPE_LIST, convert_nested},
    {TYPE_MAP, TYPE_MAP, convert_nested},         {TYPE_STRUCT, TYPE_STRUCT, convert_nested},
};

bool column_is_also(struct type from, struct type to)
{
    return from.id == TYPE_JSON && to.id == TYPE_UTF8;
}

column_convert_fn column_convert_for(struct type from, struct type to)
{
    if (to.id == TYPE_DECIMAL && (to.precision != 20 || to.scale != 0))
        return NULL;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i].from == from.id && pairs[i].to == to.id)
            return pairs[i].convert;
    return NULL;
}

status column_convert(struct column *into, const struct column *from, struct error *err)
{
    column_convert_fn convert = column_convert_for(from->field->type, into->field->type);
    if (convert)
        return convert(into, from, err);
    column_clear(into);
    return column_append_range(into, from, 0, from->rows, err);
}

bool column_converts(const struct field *from, const struct field *to)
{
    if (from->n_children != to->n_children)
        return false;
    for (size_t i = 0; i < from->n_children; i++)
        if (!column_converts(&from->children[i], &to->children[i]))
            return false;
    return type_equal(from->type, to->type) || column_is_also(from->type, to->type) ||
           column_convert_for(from->type, to->type);
}
