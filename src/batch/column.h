/* One column of a batch, laid out as in the Arrow columnar format (large offsets):
 *
 *   type           validity   values                        data
 *   BOOL           bitmap     bitmap                        -
 *   fixed width    bitmap     rows * type_value_bytes       -
 *   UTF8 BINARY    bitmap     (rows + 1) * int64 offsets    bytes
 *   LIST MAP       bitmap     (rows + 1) * int64 offsets    -        children[0]
 *   STRUCT         bitmap     -                             -        children[0..n)
 *
 * validity: bit 1 = there is a value. The buffer is empty while null_count is 0, and full (a bit for
 * each row) from the first NULL on. The values slot of a NULL is zero (fixed width) or empty (text), so
 * bytes of a file never hold what was in memory before.
 * Bitmaps are padded with zero bits; buffers have 64 readable bytes behind their end. */
#ifndef LEAT_BATCH_COLUMN_H
#define LEAT_BATCH_COLUMN_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "batch/schema.h"

/* What the text and binary data of a batch's columns may still grow by, in all. */
struct data_room {
    size_t left; /* bytes of memory */
    size_t most; /* for one value */
};

struct column {
    const struct field *field; /* borrowed from the batch's schema */
    size_t rows;
    size_t null_count;
    struct buffer validity;
    struct buffer values;
    struct buffer data;
    struct column *children;
    size_t n_children;
    size_t value_bytes;     /* type_value_bytes of the field, at hand for the append loops */
    struct data_room *room; /* batch_limit_data; NULL: `data` grows without limit */
};

/* A zeroed column of FIELD with no rows; allocates children, nothing else. */
status column_init(struct column *column, const struct field *field, struct error *err);
void column_release(struct column *column);
/* Drop the rows, keep the memory. */
void column_clear(struct column *column);

static inline bool column_is_null(const struct column *column, size_t row)
{
    return column->null_count != 0 && !((column->validity.data[row >> 3] >> (row & 7)) & 1);
}

static inline const int64_t *column_offsets(const struct column *column)
{
    return (const int64_t *)(const void *)column->values.data;
}

/* ---- appending: for readers of sources. The row is complete when every column of the batch got one
 * value and the batch's `rows` was raised. Room is made by column_reserve, once for many rows, so the
 * loop of a reader has no branch on memory but for text bytes. ---- */

/* Room for ROWS more rows in values and validity (text: offsets; not their bytes). */
status column_reserve(struct column *column, size_t rows, struct error *err);
status column_append_null(struct column *column, struct error *err); /* reserves by itself */
/* More room for the bytes of text; at least SIZE. Readers need not call it. NO_MEMORY beyond the limit of the batch. */
status column_grow_data(struct column *column, size_t size, struct error *err);
/* Where the data has a limit: what is over an eighth more than the values take goes back. */
void column_trim_data(struct column *column);

/* The bit of the row being appended, where there is a bitmap at all. */
static inline void column_mark_valid(struct column *column)
{
    if (__builtin_expect(column->null_count != 0, 0)) {
        size_t row = column->rows;
        uint8_t *byte = &column->validity.data[row >> 3];
        *byte = (uint8_t)(((row & 7) ? *byte : 0) | (1u << (row & 7)));
        column->validity.size = (row >> 3) + 1;
    }
}

/* SIZE bytes for UTF8, BINARY, JSON; the caller has checked that UTF8 is valid. Room for the row
 * must be reserved; room for the bytes is made here. */
static inline status column_append_bytes(struct column *column, const void *bytes, size_t size,
                                         struct error *err)
{
    if (__builtin_expect(size > column->data.capacity - column->data.size, 0))
        TRY(column_grow_data(column, size, err));
    if (size)
        memcpy(column->data.data + column->data.size, bytes, size);
    column->data.size += size;
    column_mark_valid(column);
    column->rows++;
    ((int64_t *)(void *)column->values.data)[column->rows] = (int64_t)column->data.size;
    column->values.size += sizeof(int64_t);
    return STATUS_OK;
}

/* One fixed-width value of type_value_bytes; room must be reserved. VALUE need not be aligned. */
static inline void column_append_fixed(struct column *column, const void *value)
{
    uint8_t *slot = column->values.data + column->values.size;
    __asm__("" : "+r"(value));     /* else gcc warns of the cases VALUE is too small for, inlined */
    switch (column->value_bytes) { /* constant sizes become single moves */
    case 8:
        memcpy(slot, value, 8);
        break;
    case 4:
        memcpy(slot, value, 4);
        break;
    case 16:
        memcpy(slot, value, 16);
        break;
    default:
        memcpy(slot, value, column->value_bytes);
    }
    column_mark_valid(column);
    column->values.size += column->value_bytes;
    column->rows++;
}

/* The same where the width is known: 8 bytes, 4 bytes. */
static inline void column_append_i64(struct column *column, int64_t value)
{
    memcpy(column->values.data + column->values.size, &value, sizeof(value));
    column_mark_valid(column);
    column->values.size += sizeof(value);
    column->rows++;
}

static inline void column_append_i32(struct column *column, int32_t value)
{
    memcpy(column->values.data + column->values.size, &value, sizeof(value));
    column_mark_valid(column);
    column->values.size += sizeof(value);
    column->rows++;
}

static inline void column_append_bool(struct column *column, bool value)
{
    size_t row = column->rows;
    uint8_t *byte = &column->values.data[row >> 3];
    *byte = (uint8_t)(((row & 7) ? *byte : 0) | ((unsigned)value << (row & 7)));
    column_mark_valid(column);
    column->values.size = (row >> 3) + 1;
    column->rows++;
}

/* One row of a LIST, MAP or STRUCT whose children got theirs before: a list takes all elements
 * its child holds behind the last list's end. Room must be reserved. */
void column_append_nested(struct column *column);

/* Take the last row off again (a rejected row whose earlier columns were appended already): shrink to
 * ROWS rows. */
void column_truncate(struct column *column, size_t rows);

/* Append rows ROWS[0..n) of FROM (same type) in that order: the gather kernel behind partitioning. */
status column_gather(struct column *into, const struct column *from, const uint32_t *rows, size_t n,
                     struct error *err);
/* Append rows [first, first + n) of FROM. */
status column_append_range(struct column *into, const struct column *from, size_t first, size_t n,
                           struct error *err);

/* Bytes the rows take: values, offsets, validity and data, children included. */
size_t column_bytes(const struct column *column);
/* Bytes of memory held (capacities). */
size_t column_capacity_bytes(const struct column *column);

#endif
