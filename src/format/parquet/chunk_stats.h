/* What footer and indexes say of a chunk, found from its values. */
#ifndef LEAT_FORMAT_PARQUET_CHUNK_STATS_H
#define LEAT_FORMAT_PARQUET_CHUNK_STATS_H

#include "format/parquet/page.h"

/* A chunk before it is written: its values, and where its pages are cut. */
struct chunk_layout {
    const struct leaf *leaf;
    struct levels levels;
    struct dense values;
    struct page *pages;
    size_t n_pages;
    struct bounds bounds; /* of the chunk */
};

/* Arrays and copies of bounds live in ARENA. Counts are said always, bounds where BOUNDED. */
status chunk_statistics(const struct chunk_layout *chunk, bool bounded, struct arena *arena,
                        struct parquet_statistics *out, struct error *err);
/* Without pages where the format wants no index: a type without order, a page with values but without bounds. */
status chunk_column_index(const struct chunk_layout *chunk, struct arena *arena,
                          struct parquet_column_index *out, struct error *err);
status chunk_size_statistics(const struct chunk_layout *chunk, struct arena *arena,
                             struct parquet_size_statistics *out, struct error *err);

#endif
