/* Rows from one column to another: by a list of row numbers (the inner loop of partitioning) and by
 * range. The kernel is chosen once for a call; a column without NULLs pays nothing for them. */
#include "batch/gather.h"

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

void gather_values(uint8_t *out, const uint8_t *in, size_t width, const uint32_t *rows, size_t n)
{
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
}

/* ---- text ---- */

/* Texts come in two passes, and the random places of the first are not asked for again in the second: a value's start and
 * size wait where its end will be written. Values of up to MOVE bytes are copied in one fixed move; buffers have so many
 * readable bytes behind their end, and ours gets as many to spare. */
enum { MOVE = 64, SIZE_BITS = 24, START_BITS = 64 - SIZE_BITS };

/* False: a value or the whole is too large for that. */
static bool find_texts(const struct column *from, const uint32_t *rows, size_t n, uint64_t *places,
                       size_t *out_bytes)
{
    const int64_t *in = column_offsets(from);
    uint64_t bytes = 0, sizes = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t start = (uint64_t)in[rows[i]];
        uint64_t size = (uint64_t)in[rows[i] + (size_t)1] - start;
        places[i] = start << SIZE_BITS | size;
        bytes += size;
        sizes |= size;
    }
    *out_bytes = bytes;
    return sizes >> SIZE_BITS == 0 && from->data.size >> START_BITS == 0;
}

static size_t move_texts(uint8_t *to, size_t end, const uint8_t *from, int64_t *ends, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t place = (uint64_t)ends[i];
        const uint8_t *value = from + (place >> SIZE_BITS);
        size_t size = place & ((1u << SIZE_BITS) - 1);
        if (size <= MOVE)
            memcpy(to + end, value, MOVE);
        else
            memcpy(to + end, value, size);
        end += size;
        ends[i] = (int64_t)end;
    }
    return end;
}

static size_t move_large_texts(uint8_t *to, size_t end, const struct column *from,
                               const uint32_t *rows, int64_t *ends, size_t n)
{
    const int64_t *in = column_offsets(from);
    for (size_t i = 0; i < n; i++) {
        size_t size = (size_t)(in[rows[i] + (size_t)1] - in[rows[i]]);
        memcpy(to + end, from->data.data + in[rows[i]], size);
        end += size;
        ends[i] = (int64_t)end;
    }
    return end;
}

static status gather_text(struct column *into, const struct column *from, const uint32_t *rows,
                          size_t n, struct error *err)
{
    int64_t *ends = (int64_t *)(void *)into->values.data + into->rows + 1;
    size_t bytes;
    bool small = find_texts(from, rows, n, (uint64_t *)(void *)ends, &bytes);
    if (bytes > 0 && bytes + MOVE > into->data.capacity - into->data.size)
        TRY(column_grow_data(into, bytes + MOVE, err));
    size_t end = into->data.size;
    if (bytes == 0) { /* there may be none to read from */
        for (size_t i = 0; i < n; i++)
            ends[i] = (int64_t)end;
    } else if (small) {
        end = move_texts(into->data.data, end, from->data.data, ends, n);
    } else {
        end = move_large_texts(into->data.data, end, from, rows, ends, n);
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
        gather_values(into->values.data + into->values.size, from->values.data, into->value_bytes,
                      rows, n);
        into->values.size += n * into->value_bytes;
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
