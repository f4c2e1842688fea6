/* Rows from one column to another: by a list of row numbers (the inner loop of partitioning) and by
 * range. The kernel is chosen once for a call; a column without NULLs pays nothing for them. */
#include <string.h>

#include "batch/bitmap.h"
#include "batch/column.h"

/* ---- validity ---- */

static size_t count_nulls_at(const uint8_t *bits, const uint32_t *rows, size_t n)
{
    size_t valid = 0;
    for (size_t i = 0; i < n; i++)
        valid += bit_get(bits, rows[i]);
    return n - valid;
}

static void gather_bits(uint8_t *to, size_t at, const uint8_t *from, const uint32_t *rows, size_t n)
{
    size_t i = 0;
    for (; i < n && ((at + i) & 7); i++)
        bit_put(to, at + i, bit_get(from, rows[i]));
    for (; i + 8 <= n; i += 8) {
        unsigned byte = 0;
        for (unsigned k = 0; k < 8; k++)
            byte |= (unsigned)bit_get(from, rows[i + k]) << k;
        to[(at + i) >> 3] = (uint8_t)byte;
    }
    for (; i < n; i++)
        bit_put(to, at + i, bit_get(from, rows[i]));
    bitmap_clear_tail(to, at + n);
}

/* The first NULL of INTO makes its bitmap: ones for all rows before. */
static void open_validity(struct column *into)
{
    if (into->null_count == 0)
        bitmap_fill(into->validity.data, 0, into->rows);
}

static void set_valid(struct column *into, size_t n)
{
    if (into->null_count == 0)
        return;
    bitmap_fill(into->validity.data, into->rows, n);
    into->validity.size = bitmap_bytes(into->rows + n);
}

static void gather_validity(struct column *into, const struct column *from, const uint32_t *rows,
                            size_t n)
{
    size_t nulls = from->null_count ? count_nulls_at(from->validity.data, rows, n) : 0;
    if (nulls == 0) {
        set_valid(into, n);
        return;
    }
    open_validity(into);
    gather_bits(into->validity.data, into->rows, from->validity.data, rows, n);
    into->validity.size = bitmap_bytes(into->rows + n);
    into->null_count += nulls;
}

static void range_validity(struct column *into, const struct column *from, size_t first, size_t n)
{
    size_t nulls = from->null_count ? n - bits_count(from->validity.data, first, n) : 0;
    if (nulls == 0) {
        set_valid(into, n);
        return;
    }
    open_validity(into);
    bitmap_copy(into->validity.data, into->rows, from->validity.data, first, n);
    into->validity.size = bitmap_bytes(into->rows + n);
    into->null_count += nulls;
}

/* ---- fixed width ---- */

#define GATHER_KERNEL(width)                                                                       \
    static void gather_##width(uint8_t *restrict out, const uint8_t *restrict in,                  \
                               const uint32_t *restrict rows, size_t n)                            \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            memcpy(out + i * (width), in + (size_t)rows[i] * (width), (width));                    \
    }

GATHER_KERNEL(1)
GATHER_KERNEL(2)
GATHER_KERNEL(4)
GATHER_KERNEL(8)
GATHER_KERNEL(16)
GATHER_KERNEL(32)

static void gather_fixed(struct column *into, const struct column *from, const uint32_t *rows,
                         size_t n)
{
    size_t width = into->value_bytes;
    uint8_t *out = into->values.data + into->values.size;
    const uint8_t *in = from->values.data;
    switch (width) {
    case 1:
        gather_1(out, in, rows, n);
        break;
    case 2:
        gather_2(out, in, rows, n);
        break;
    case 4:
        gather_4(out, in, rows, n);
        break;
    case 8:
        gather_8(out, in, rows, n);
        break;
    case 16:
        gather_16(out, in, rows, n);
        break;
    case 32:
        gather_32(out, in, rows, n);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            memcpy(out + i * width, in + (size_t)rows[i] * width, width);
    }
    into->values.size += n * width;
}

/* ---- text ---- */

/* Short values are copied in one fixed move: buffers have readable bytes behind their end, and
 * SHORT_COPY spare bytes are kept behind ours. */
enum { SHORT_COPY = 16 };

static status gather_text(struct column *into, const struct column *from, const uint32_t *rows,
                          size_t n, struct error *err)
{
    const int64_t *in = column_offsets(from);
    size_t bytes = SHORT_COPY;
    for (size_t i = 0; i < n; i++)
        bytes += (size_t)(in[rows[i] + (size_t)1] - in[rows[i]]);
    if (bytes > into->data.capacity - into->data.size)
        TRY(column_grow_data(into, bytes, err));
    int64_t *out = (int64_t *)(void *)into->values.data + into->rows + 1;
    const uint8_t *source = from->data.data;
    uint8_t *base = into->data.data;
    size_t end = into->data.size;
    if (!source) { /* every value is empty */
        for (size_t i = 0; i < n; i++)
            out[i] = (int64_t)end;
        n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *value = source + in[rows[i]];
        size_t size = (size_t)(in[rows[i] + (size_t)1] - in[rows[i]]);
        if (size <= SHORT_COPY)
            memcpy(base + end, value, SHORT_COPY);
        else
            memcpy(base + end, value, size);
        end += size;
        out[i] = (int64_t)end;
    }
    into->data.size = end;
    return STATUS_OK;
}

static status range_text(struct column *into, const struct column *from, size_t first, size_t n,
                         struct error *err)
{
    const int64_t *in = column_offsets(from) + first;
    size_t bytes = (size_t)(in[n] - in[0]);
    if (bytes > into->data.capacity - into->data.size)
        TRY(column_grow_data(into, bytes, err));
    int64_t *out = (int64_t *)(void *)into->values.data + into->rows + 1;
    int64_t shift = (int64_t)into->data.size - in[0];
    for (size_t i = 0; i < n; i++)
        out[i] = in[i + 1] + shift;
    if (bytes)
        memcpy(into->data.data + into->data.size, from->data.data + in[0], bytes);
    into->data.size += bytes;
    return STATUS_OK;
}

/* ---- lists: the elements of neighbouring rows move in one piece ---- */

static status gather_list(struct column *into, const struct column *from, const uint32_t *rows,
                          size_t n, struct error *err)
{
    const int64_t *in = column_offsets(from);
    int64_t *out = (int64_t *)(void *)into->values.data + into->rows + 1;
    int64_t end = (int64_t)into->children[0].rows;
    size_t i = 0;
    while (i < n) {
        size_t run = i + 1;
        while (run < n && rows[run] == rows[run - 1] + 1)
            run++;
        int64_t start = in[rows[i]];
        int64_t stop = in[rows[run - 1] + (size_t)1];
        TRY(column_append_range(&into->children[0], &from->children[0], (size_t)start,
                                (size_t)(stop - start), err));
        for (; i < run; i++) {
            end += in[rows[i] + (size_t)1] - in[rows[i]];
            out[i] = end;
        }
    }
    return STATUS_OK;
}

static status range_list(struct column *into, const struct column *from, size_t first, size_t n,
                         struct error *err)
{
    const int64_t *in = column_offsets(from) + first;
    int64_t *out = (int64_t *)(void *)into->values.data + into->rows + 1;
    int64_t shift = (int64_t)into->children[0].rows - in[0];
    TRY(column_append_range(&into->children[0], &from->children[0], (size_t)in[0],
                            (size_t)(in[n] - in[0]), err));
    for (size_t i = 0; i < n; i++)
        out[i] = in[i + 1] + shift;
    return STATUS_OK;
}

/* ---- the two verbs ---- */

status column_gather(struct column *into, const struct column *from, const uint32_t *rows, size_t n,
                     struct error *err)
{
    if (n == 0)
        return STATUS_OK;
    TRY(column_reserve(into, n, err));
    enum type_id id = into->field->type.id;
    if (id == TYPE_STRUCT) {
        for (size_t i = 0; i < into->n_children; i++)
            TRY(column_gather(&into->children[i], &from->children[i], rows, n, err));
    } else if (id == TYPE_BOOL) {
        gather_bits(into->values.data, into->rows, from->values.data, rows, n);
        into->values.size = bitmap_bytes(into->rows + n);
    } else if (id == TYPE_LIST || id == TYPE_MAP) {
        TRY(gather_list(into, from, rows, n, err));
        into->values.size += n * sizeof(int64_t);
    } else if (type_is_text_like(into->field->type)) {
        TRY(gather_text(into, from, rows, n, err));
        into->values.size += n * sizeof(int64_t);
    } else {
        gather_fixed(into, from, rows, n);
    }
    gather_validity(into, from, rows, n);
    into->rows += n;
    return STATUS_OK;
}

status column_append_range(struct column *into, const struct column *from, size_t first, size_t n,
                           struct error *err)
{
    if (n == 0)
        return STATUS_OK;
    TRY(column_reserve(into, n, err));
    enum type_id id = into->field->type.id;
    if (id == TYPE_STRUCT) {
        for (size_t i = 0; i < into->n_children; i++)
            TRY(column_append_range(&into->children[i], &from->children[i], first, n, err));
    } else if (id == TYPE_BOOL) {
        bitmap_copy(into->values.data, into->rows, from->values.data, first, n);
        into->values.size = bitmap_bytes(into->rows + n);
    } else if (id == TYPE_LIST || id == TYPE_MAP) {
        TRY(range_list(into, from, first, n, err));
        into->values.size += n * sizeof(int64_t);
    } else if (type_is_text_like(into->field->type)) {
        TRY(range_text(into, from, first, n, err));
        into->values.size += n * sizeof(int64_t);
    } else if (into->value_bytes) {
        memcpy(into->values.data + into->values.size, from->values.data + first * into->value_bytes,
               n * into->value_bytes);
        into->values.size += n * into->value_bytes;
    }
    range_validity(into, from, first, n);
    into->rows += n;
    return STATUS_OK;
}
