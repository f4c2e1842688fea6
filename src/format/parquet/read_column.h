/* A top-level column from the leaves below it: slots, offsets and validity out of levels. */
#ifndef LEAT_FORMAT_PARQUET_READ_COLUMN_H
#define LEAT_FORMAT_PARQUET_READ_COLUMN_H

#include "format/parquet/read_chunk.h"

/* N rows of the top-level field that LEAVES[0..n_leaves) are the leaves of, onto COLUMN. The first leaf below a field
 * makes its rows, the others must say the same. A failure leaves more or less in COLUMN: truncate it. */
status column_read(struct chunk_reader *leaves, size_t n_leaves, struct column *column, size_t n,
                   struct error *err);

#endif
