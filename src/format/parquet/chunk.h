/* One leaf column of one row group: its pages as bytes, and what the footer says of it. */
#ifndef LEAT_FORMAT_PARQUET_CHUNK_H
#define LEAT_FORMAT_PARQUET_CHUNK_H

#include "format/parquet/bounds.h"
#include "format/parquet/crc32.h"
#include "format/parquet/dense.h"
#include "format/parquet/dictionary.h"
#include "format/parquet/levels.h"
#include "format/parquet/metadata.h"
#include "format/parquet/options.h"
#include "format/parquet/values.h"

/* Working memory of an encoder, used again for every chunk. */
struct chunk_scratch {
    struct codec codec;
    struct crc32 crc;
    struct levels_scratch levels;
    struct dense_scratch dense;
    struct dictionary dictionary;
    struct coding_scratch values;
    struct buffer filter; /* bits of a bloom filter */
    struct buffer body;   /* a page before compression */
    struct buffer small;  /* a page header; levels of a page as 32-bit values */
};

void chunk_scratch_release(struct chunk_scratch *scratch);

/* Rows that all columns are cut at: page i holds rows [starts[i], starts[i + 1]) of the row group. */
struct page_cuts {
    size_t pages;
    const uint64_t *starts; /* pages + 1 */
};

struct chunk_result {
    struct parquet_chunk chunk; /* offsets relative to the row group's pages */
    struct parquet_column_index column_index;
    struct parquet_offset_index offset_index;
    uint64_t plain_bytes;
};

/* One leaf of some rows. */
struct chunk_input {
    const struct leaf *leaf;
    size_t number; /* of the leaf */
    bounds_kernel *bounds;
    const struct parquet_options *options; /* bound */
    const struct batch *batch;
    size_t first; /* row of the batch that the row group begins at */
    const struct page_cuts *cuts;
};

/* Append the pages of the leaf to PAGES, its bloom filter, if it has one, to FILTERS (its offset in OUT is relative to
 * those). Arrays and bounds of OUT live in ARENA. BAD_DATA: a value without a Parquet form. */
status chunk_encode(const struct chunk_input *input, struct chunk_scratch *scratch,
                    struct buffer *pages, struct buffer *filters, struct arena *arena,
                    struct chunk_result *out, struct error *err);

#endif
