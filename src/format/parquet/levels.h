/* Definition and repetition levels of a leaf, and where its values stand in the column, for one row group.
 * Source: parquet-format README "Nested Encoding" (the Dremel paper's levels). */
#ifndef LEAT_FORMAT_PARQUET_LEVELS_H
#define LEAT_FORMAT_PARQUET_LEVELS_H

#include "base/error.h"
#include "base/memory.h"
#include "batch/batch.h"
#include "format/parquet/leaf.h"

struct levels {
    const struct column *column; /* the leaf's */
    size_t count;                /* levels: values, NULLs, and empty or NULL lists */
    size_t values;
    const uint32_t
        *rows; /* positions of the values in the column; NULL: one after the other, from `first` */
    size_t first;
    /* flat: bit 1 = value, from bit `first` on; NULL: no NULLs in these rows */
    const uint8_t *validity;
    /* nested */
    const uint8_t *definition, *repetition;
    const uint64_t *row_levels; /* rows + 1: the level that a row begins at */
};

struct levels_scratch {
    struct buffer rows, definition, repetition, row_levels;
};

void levels_scratch_release(struct levels_scratch *scratch);

/* Levels of LEAF for rows [first, first + n) of BATCH. BAD_DATA: NULL in a column that has none by its
 * schema. */
status levels_take(const struct leaf *leaf, const struct batch *batch, size_t first, size_t n,
                   struct levels_scratch *scratch, struct levels *out, struct error *err);

/* PLAIN bytes of rows [from, to) at most (NULLs counted as values), found through offsets alone. */
size_t levels_plain_bytes(const struct leaf *leaf, const struct batch *batch, size_t from,
                          size_t to);

#endif
