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

#include "base/error.h"
#include "base/memory.h"
#include "batch/schema.h"

struct column {
    const struct field *field; /* borrowed from the batch's schema */
    size_t rows;
    size_t null_count;
    struct buffer validity;
    struct buffer values;
    struct buffer data;
    struct column *children;
    size_t n_children;
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
/* SIZE bytes for UTF8, BINARY, JSON; the caller has checked that UTF8 is valid. Room for the row
 * must be reserved; room for the bytes is made here. */
status column_append_bytes(struct column *column, const void *bytes, size_t size,
                           struct error *err);
/* One fixed-width value of type_value_bytes; room must be reserved. */
void column_append_fixed(struct column *column, const void *value);
void column_append_bool(struct column *column, bool value);

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
