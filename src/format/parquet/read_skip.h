/* What of a row group can hold rows that are wanted: by the chunk's statistics and bloom filter, then by the bounds of
 * its pages. What is left out holds none for certain; what is kept may hold none either. */
#ifndef LEAT_FORMAT_PARQUET_READ_SKIP_H
#define LEAT_FORMAT_PARQUET_READ_SKIP_H

#include "format/format.h"
#include "format/parquet/read_memory.h"
#include "format/parquet/read_schema.h"

/* Rows [first, end) of a row group. */
struct row_span {
    uint64_t first, end;
};

struct row_spans {
    struct row_span *spans; /* in order, apart from each other */
    size_t n;
};

struct skip_request {
    const struct byte_source *source;
    uint64_t data_end; /* where the footer begins */
    const struct parquet_group *group;
    const struct column_tree *plan;
    const struct format_range *ranges;
    size_t n_ranges;
    bool has_orders; /* the footer says how bounds are ordered */
    struct read_memory *memory;
    uint64_t *bytes_read;
    struct arena *arena; /* of the row group: the spans live there */
};

/* The rows to read; none: the row group is left out. BAD_DATA: an index that does not hold. */
status skip_choose(const struct skip_request *request, struct row_spans *out, struct error *err);
/* The offset index of CHUNK, checked against it, in the arena; *OUT NULL: it has none. */
status skip_offset_index(const struct skip_request *request, const struct parquet_chunk *chunk,
                         const struct parquet_offset_index **out, struct error *err);

#endif
