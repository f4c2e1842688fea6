/* The values of a leaf for one row group, NULLs left out, in the form of the physical type. */
#ifndef LEAT_FORMAT_PARQUET_DENSE_H
#define LEAT_FORMAT_PARQUET_DENSE_H

#include "base/error.h"
#include "base/memory.h"
#include "batch/column.h"
#include "format/parquet/leaf.h"

struct dense {
    size_t n;
    size_t width;           /* bytes of a fixed value; 0: bytes */
    const uint8_t *values;  /* fixed: n * width, 8 readable bytes behind */
    const int64_t *offsets; /* bytes: n + 1, into data */
    const uint8_t *data;    /* 64 readable bytes behind */
};

struct dense_scratch {
    struct buffer values, data;
};

/* Values of COLUMN (the leaf's) at ROWS[0..n), or at [first, first + n) when ROWS is NULL. OUT borrows
 * from the column where the forms are the same, else from SCRATCH. BAD_DATA: a value without a form. */
status dense_take(const struct leaf *leaf, const struct column *column, const uint32_t *rows,
                  size_t first, size_t n, struct dense_scratch *scratch, struct dense *out,
                  struct error *err);

static inline struct span dense_value(const struct dense *values, size_t i)
{
    if (values->width > 0)
        return (struct span){values->values + i * values->width, values->width};
    size_t size = (size_t)(values->offsets[i + 1] - values->offsets[i]);
    return (struct span){values->data + values->offsets[i], size};
}

/* PLAIN bytes of values [first, first + n). */
static inline size_t dense_plain_bytes(const struct dense *values, size_t first, size_t n)
{
    if (values->width > 0)
        return n * values->width;
    return (size_t)(values->offsets[first + n] - values->offsets[first]) + 4 * n;
}

#endif
