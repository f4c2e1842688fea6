/* The structs of a Parquet footer and its indexes, and their Thrift form both ways. Reading takes bytes
 * that nobody vouches for; arrays come from an arena and never exceed what the input could hold. Spans
 * point into the input. */
#ifndef LEAT_FORMAT_PARQUET_METADATA_H
#define LEAT_FORMAT_PARQUET_METADATA_H

#include "base/bytes.h"
#include "base/memory.h"
#include "format/parquet/leaf.h"
#include "format/thrift/compact_reader.h"
#include "format/thrift/compact_writer.h"

struct parquet_statistics {
    int64_t null_count; /* -1: not said */
    int64_t nan_count;  /* -1: not said (always said of FLOAT and DOUBLE) */
    bool has_min, has_max;
    bool min_exact, max_exact;
    struct span min, max; /* PLAIN form */
    bool has_distinct;    /* distinct_count is known */
    int64_t distinct_count;
};

/* What a reader needs to foretell its memory. Histograms have an element for each level from 0 up. */
struct parquet_size_statistics {
    bool has_unencoded;
    int64_t unencoded_bytes;          /* BYTE_ARRAY: of all values, their lengths left out */
    int64_t *repetition, *definition; /* NULL: not said */
    size_t n_repetition, n_definition;
};

struct parquet_chunk {
    int32_t physical;
    uint64_t encodings; /* bit N: encoding N occurs */
    const struct span *path;
    size_t n_path;
    int32_t codec;
    int64_t values;                               /* NULLs included */
    int64_t uncompressed_bytes, compressed_bytes; /* page headers included */
    int64_t data_page_offset;
    int64_t dictionary_page_offset;                       /* -1: none */
    int32_t dictionary_pages, plain_pages, indexed_pages; /* by encoding; all 0: not said */
    int32_t encoded_pages, page_encoding; /* data pages of another encoding, and which */
    bool pages_v2;                        /* data pages, where any are counted, are V2 */
    struct parquet_statistics statistics;
    int64_t column_index_offset, offset_index_offset, bloom_filter_offset; /* -1: none */
    int32_t column_index_bytes, offset_index_bytes;
    int32_t bloom_filter_bytes; /* header included; 0: not said */
    struct parquet_size_statistics sizes;
    bool is_elsewhere; /* in another file; read only */
};

struct parquet_group {
    struct parquet_chunk *chunks;
    size_t n_chunks;
    int64_t rows;
    int64_t uncompressed_bytes, compressed_bytes;
    int64_t file_offset; /* -1: not said */
    int32_t ordinal;     /* -1: not said */
    const struct sort_key *sort_keys;
    size_t n_sort_keys;
};

struct parquet_column_index {
    size_t pages; /* 0: there is none */
    bool *null_pages;
    struct span *min, *max; /* PLAIN form; empty for null pages */
    int64_t *null_counts;
    enum parquet_boundary boundary;
};

struct parquet_page_location {
    int64_t offset;
    int32_t bytes; /* header included */
    int64_t first_row;
};

struct parquet_offset_index {
    size_t pages;
    struct parquet_page_location *locations;
};

struct parquet_footer {
    int32_t version;
    struct schema_element *elements; /* names are NUL-terminated copies */
    size_t n_elements;
    int64_t rows;
    struct parquet_group *groups;
    size_t n_groups;
    struct span *keys, *values; /* key-value metadata */
    size_t n_pairs;
    struct span created_by;
    size_t column_orders;
};

/* Fields into the struct that is open; the caller closes it. */
void parquet_write_group(struct thrift_writer *writer, const struct parquet_group *group);
void parquet_write_column_index(struct thrift_writer *writer,
                                const struct parquet_column_index *index);
void parquet_write_offset_index(struct thrift_writer *writer,
                                const struct parquet_offset_index *index);
void parquet_write_element(struct thrift_writer *writer, const struct schema_element *element);

/* Fields up to the end of the struct. What does not hold, and memory that runs out, sets reader->failed. */
void parquet_read_group(struct thrift_reader *reader, struct arena *arena,
                        struct parquet_group *out);
void parquet_read_column_index(struct thrift_reader *reader, struct arena *arena,
                               struct parquet_column_index *out);
void parquet_read_offset_index(struct thrift_reader *reader, struct arena *arena,
                               struct parquet_offset_index *out);
void parquet_read_footer(struct thrift_reader *reader, struct arena *arena,
                         struct parquet_footer *out);

#endif
