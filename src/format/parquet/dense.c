#include "format/parquet/dense.h"

#include <string.h>

#include "base/bytes.h"
#include "format/parquet/kernels.h"

enum { SLACK = 64 };

static status reserve(struct buffer *buffer, size_t bytes, uint8_t **out, struct error *err)
{
    TRY(buffer_reserve(buffer, bytes + SLACK, err));
    *out = buffer->data;
    return STATUS_OK;
}

/* ---- kernels: N values from FROM (at ROWS, or one after the other) to OUT ----
 * False: a value has no form in the physical type. */

#define ROW(i) (rows ? rows[i] : (i))

#define WIDEN_KERNEL(name, type)                                                                   \
    static bool name(const struct leaf *leaf, const uint8_t *from, const uint32_t *rows, size_t n, \
                     uint8_t *out)                                                                 \
    {                                                                                              \
        const type *values = (const type *)(const void *)from;                                     \
        int32_t *wide = (int32_t *)(void *)out;                                                    \
        for (size_t i = 0; i < n; i++)                                                             \
            wide[i] = values[ROW(i)];                                                              \
        return true;                                                                               \
    }

WIDEN_KERNEL(take_int8, int8_t) /* NOLINT(bugprone-signed-char-misuse): a number, no character */
WIDEN_KERNEL(take_int16, int16_t)
WIDEN_KERNEL(take_uint8, uint8_t)
WIDEN_KERNEL(take_uint16, uint16_t)

#define SAME_KERNEL(name, type)                                                                    \
    static void name(const uint8_t *from, const uint32_t *rows, size_t n, uint8_t *out)            \
    {                                                                                              \
        const type *values = (const type *)(const void *)from;                                     \
        type *same = (type *)(void *)out;                                                          \
        for (size_t i = 0; i < n; i++)                                                             \
            same[i] = values[rows[i]];                                                             \
    }

SAME_KERNEL(gather4, uint32_t)
SAME_KERNEL(gather8, uint64_t)

static bool take_same(const struct leaf *leaf, const uint8_t *from, const uint32_t *rows, size_t n,
                      uint8_t *out)
{
    size_t width = (size_t)leaf->width;
    if (width == 4)
        gather4(from, rows, n, out);
    else if (width == 8)
        gather8(from, rows, n, out);
    else
        for (size_t i = 0; i < n; i++)
            memcpy(out + i * width, from + rows[i] * width, width);
    return true;
}

static bool take_decimal_int32(const struct leaf *leaf, const uint8_t *from, const uint32_t *rows,
                               size_t n, uint8_t *out)
{
    const int64_t *values = (const int64_t *)(const void *)from;
    int32_t *narrow = (int32_t *)(void *)out;
    if (!rows)
        return kernels()->narrow_int32(values, n, narrow);
    int64_t lost = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t value = values[rows[i]];
        narrow[i] = (int32_t)value;
        lost |= narrow[i] ^ value;
    }
    return lost == 0;
}

static bool take_decimal_fixed(const struct leaf *leaf, const uint8_t *from, const uint32_t *rows,
                               size_t n, uint8_t *out)
{
    size_t stride = type_value_bytes(leaf->field->type);
    size_t width = (size_t)leaf->width;
    uint8_t lost = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *value = from + ROW(i) * stride;
        for (size_t b = 0; b < width; b++)
            out[i * width + b] = value[width - 1 - b];
        uint8_t sign = value[width - 1] & 0x80 ? 0xff : 0;
        for (size_t b = width; b < stride; b++)
            lost |= value[b] ^ sign;
    }
    return lost == 0;
}

/* 12 bytes: months, days, milliseconds, unsigned 32 bits each. */
static bool take_interval(const struct leaf *leaf, const uint8_t *from, const uint32_t *rows,
                          size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *value = from + ROW(i) * 16;
        int32_t months, days;
        int64_t nanoseconds;
        memcpy(&months, value, 4);
        memcpy(&days, value + 4, 4);
        memcpy(&nanoseconds, value + 8, 8);
        int64_t ms = nanoseconds / 1000000;
        if (months < 0 || days < 0 || nanoseconds < 0 || nanoseconds % 1000000 || ms > UINT32_MAX)
            return false;
        memcpy(out + 12 * i, value, 8);
        store_u32le(out + 12 * i + 8, (uint32_t)ms);
    }
    return true;
}

static void take_bool(const uint8_t *bits, const uint32_t *rows, size_t first, size_t n,
                      uint8_t *out)
{
    if (!rows) {
        kernels()->bits_to_bytes(bits, first, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = bit_get(bits, rows[i]);
}

typedef bool take_kernel(const struct leaf *leaf, const uint8_t *from, const uint32_t *rows,
                         size_t n, uint8_t *out);

static take_kernel *const forms[] = {
    [FORM_SAME] = take_same,
    [FORM_INT8] = take_int8,
    [FORM_INT16] = take_int16,
    [FORM_UINT8] = take_uint8,
    [FORM_UINT16] = take_uint16,
    [FORM_DECIMAL_INT32] = take_decimal_int32,
    [FORM_DECIMAL_FIXED] = take_decimal_fixed,
    [FORM_INTERVAL] = take_interval,
};

static status no_form(const struct leaf *leaf, struct error *err)
{
    char type[64];
    if (leaf->form == FORM_INTERVAL)
        return error_set(
            err, STATUS_BAD_DATA,
            "an interval in column \"%s\" is negative or finer than milliseconds, which "
            "Parquet's INTERVAL can't hold; select it as text or as a number",
            leaf->name);
    return error_set(err, STATUS_BAD_DATA, "a value in column \"%s\" does not fit its type %s",
                     leaf->name, type_text(leaf->field->type, type));
}

/* ---- bytes ---- */

/* Offsets of the values at ROWS; false when their bytes do not follow each other. */
static bool take_offsets(const int64_t *from, const uint32_t *rows, size_t n, int64_t *out)
{
    bool follow = true;
    for (size_t i = 0; i < n; i++) {
        out[i] = from[rows[i]];
        out[i + 1] = from[rows[i] + 1];
        follow &= i + 1 == n || from[rows[i + 1]] == out[i + 1];
    }
    return follow;
}

static status copy_bytes(const struct column *column, const uint32_t *rows, size_t n,
                         struct buffer *data, int64_t *offsets, struct error *err)
{
    const int64_t *from = column_offsets(column);
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += (size_t)(from[rows[i] + 1] - from[rows[i]]);
    uint8_t *out = NULL;
    TRY(reserve(data, total, &out, err));
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t size = (size_t)(from[rows[i] + 1] - from[rows[i]]);
        offsets[i] = (int64_t)at;
        if (size > 0)
            memcpy(out + at, column->data.data + from[rows[i]], size);
        at += size;
    }
    offsets[n] = (int64_t)at;
    return STATUS_OK;
}

static status take_bytes(const struct column *column, const uint32_t *rows, size_t first, size_t n,
                         struct dense_scratch *scratch, struct dense *out, struct error *err)
{
    static const uint8_t none[SLACK];
    out->data = column->data.data ? column->data.data : none;
    if (!rows) {
        out->offsets = column_offsets(column) + first;
        return STATUS_OK;
    }
    uint8_t *room = NULL;
    TRY(reserve(&scratch->values, (n + 1) * sizeof(int64_t), &room, err));
    int64_t *offsets = (int64_t *)(void *)room;
    out->offsets = offsets;
    if (take_offsets(column_offsets(column), rows, n, offsets))
        return STATUS_OK;
    TRY(copy_bytes(column, rows, n, &scratch->data, offsets, err));
    out->data = scratch->data.data;
    return STATUS_OK;
}

status dense_take(const struct leaf *leaf, const struct column *column, const uint32_t *rows,
                  size_t first, size_t n, struct dense_scratch *scratch, struct dense *out,
                  struct error *err)
{
    *out = (struct dense){.n = n, .width = (size_t)leaf->width};
    if (n == 0) {
        static const int64_t no_offsets[1];
        out->offsets = no_offsets;
        return STATUS_OK;
    }
    if (leaf->form == FORM_BYTES)
        return take_bytes(column, rows, first, n, scratch, out, err);
    const uint8_t *from = column->values.data;
    if (leaf->form != FORM_BOOL)
        from += rows ? 0 : first * type_value_bytes(leaf->field->type);
    if (leaf->form == FORM_SAME && !rows) {
        out->values = from;
        return STATUS_OK;
    }
    uint8_t *room = NULL;
    TRY(reserve(&scratch->values, n * (size_t)leaf->width, &room, err));
    out->values = room;
    if (leaf->form == FORM_BOOL)
        take_bool(from, rows, first, n, room);
    else if (!forms[leaf->form](leaf, from, rows, n, room))
        return no_form(leaf, err);
    return STATUS_OK;
}
