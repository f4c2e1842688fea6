/* The rows of a row group in the order that was asked for ("sort_by"). */
#ifndef LEAT_FORMAT_PARQUET_ROW_ORDER_H
#define LEAT_FORMAT_PARQUET_ROW_ORDER_H

#include "format/parquet/dense.h"
#include "format/parquet/levels.h"
#include "format/parquet/options.h"

/* Working memory, used again. */
struct row_order {
    struct order_key *keys;
    size_t n_keys;
    struct buffer entries, room, rows;
};

void row_order_release(struct row_order *order); /* accepts zeroed */

/* Rows [first, first + n) of BATCH by the sort keys of OPTIONS, equal ones as they stood. Values compare as bounds do;
 * NaN is above all; NULLs are first or last as the key says, in both directions. *OUT_ROWS: N rows of the batch,
 * in ORDER; NULL where they are in order already. */
status row_order_find(struct row_order *order, const struct leaf_plan *plan,
                      const struct parquet_options *options, const struct batch *batch,
                      size_t first, size_t n, const uint32_t **out_rows, struct error *err);

#endif
