/* Smallest and largest value of a page or a chunk, by the order of the column's type, and the form in
 * which they stand in the footer. Source: parquet.thrift, Statistics, ColumnIndex and ColumnOrder. */
#ifndef LEAT_FORMAT_PARQUET_BOUNDS_H
#define LEAT_FORMAT_PARQUET_BOUNDS_H

#include "base/bytes.h"
#include "base/memory.h"
#include "format/parquet/dense.h"
#include "format/parquet/leaf.h"

/* Texts are cut to this many bytes; an upper bound may grow by a few when its last character does. */
enum { BOUND_TEXT_BYTES = 64, BOUND_MAX_BYTES = BOUND_TEXT_BYTES + 4 };

struct bound {
    size_t size;
    const uint8_t *at; /* into the values; NULL: raw */
    uint8_t raw[8];
};

struct bounds {
    bool set; /* false: no values, NaN only, or no order */
    uint64_t nan_count;
    struct bound min, max;
};

static inline struct span bound_span(const struct bound *bound)
{
    return (struct span){bound->at ? bound->at : bound->raw, bound->size};
}

/* Bounds of dense values [first, first + n). Bound once for a leaf. */
typedef void bounds_kernel(const struct dense *values, size_t first, size_t n, struct bounds *out);
bounds_kernel *bounds_kernel_for(const struct leaf *leaf);

/* Order of two values in PLAIN form: -1, 0, 1. Neither is NaN. */
int bound_compare(enum leaf_order order, struct span a, struct span b);
/* Widen INTO by FROM. */
void bounds_merge(enum leaf_order order, struct bounds *into, const struct bounds *from);

/* What is written: texts cut to BOUND_TEXT_BYTES, the lower one down, the upper one up (at a character where
 * the leaf is text, at a byte else). *out_exact says whether it is the value itself. */
void bound_cut_min(const struct leaf *leaf, struct span value, struct span *out, bool *out_exact);
/* The upper one may live in ARENA. *out_raised false: nothing short is above the value, there is no bound. */
status bound_cut_max(const struct leaf *leaf, struct span value, struct arena *arena,
                     struct span *out, bool *out_raised, bool *out_exact, struct error *err);

#endif
