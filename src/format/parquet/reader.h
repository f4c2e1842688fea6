/* A file that is being read. The verbs are in driver.h. */
#ifndef LEAT_FORMAT_PARQUET_READER_H
#define LEAT_FORMAT_PARQUET_READER_H

#include "format/parquet/footer.h"
#include "format/parquet/read_chunk.h"
#include "format/parquet/read_skip.h"

struct reader_column {
    size_t field; /* of the file's schema */
    size_t first_leaf, n_leaves;
};

struct format_reader {
    const struct byte_source *source;
    uint64_t data_end; /* of the file: where the footer begins */
    struct footer footer;
    struct column_tree plan;
    struct read_memory memory;
    struct page_reader pages;
    struct format_read_counts counts;

    /* what is read; made by begin */
    bool has_begun;
    struct schema schema;
    struct reader_column *columns;
    size_t n_columns;
    struct chunk_reader *leaves;
    size_t n_leaves;
    const struct format_range *ranges;
    size_t n_ranges;

    /* where it stands */
    status_code failed; /* for good */
    size_t next_group;
    bool is_open; /* row group next_group - 1 */
    struct arena group_arena;
    size_t group_bytes;     /* of the arena, as charged */
    struct row_spans spans; /* of the open group: what is wanted of it */
    size_t span;
    uint64_t row; /* of the open group */
};

/* For fuzzing: what lies behind a checksum is read although it does not match. */
void parquet_reader_ignore_checksums(struct format_reader *reader);

#endif
