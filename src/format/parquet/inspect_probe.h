/* What a file holds beside its footer, looked at for a person: page headers, indexes, bloom filters. Every place comes
 * from the file and is checked against its size; what does not hold is told as damaged, and the report goes on. */
#ifndef LEAT_FORMAT_PARQUET_INSPECT_PROBE_H
#define LEAT_FORMAT_PARQUET_INSPECT_PROBE_H

#include "format/format.h"
#include "format/parquet/metadata.h"

struct seen_page {
    uint64_t offset;
    int32_t type;                        /* enum parquet_page_type */
    int32_t encoding;                    /* -1: not said */
    int64_t values;                      /* NULLs included; entries of a dictionary */
    int64_t rows, nulls;                 /* -1: not said */
    int64_t stored_bytes, decoded_bytes; /* header included */
    bool has_crc;
};

/* The page whose header is at AT, of a chunk that ends at END. *OUT_HOLDS false: there is none. Errors: of the source,
 * NO_MEMORY. */
status seen_page_read(const struct byte_source *source, uint64_t at, uint64_t end,
                      struct seen_page *out, bool *out_holds, struct error *err);

struct chunk_probe {
    uint64_t start, end; /* its pages in the file; 0, 0: nowhere in it */
    bool has_dictionary;
    struct seen_page dictionary;
    bool has_data;
    struct seen_page data;                    /* the first */
    struct parquet_column_index column_index; /* pages 0: none; spans in the arena */
    struct parquet_offset_index offset_index;
    bool has_bloom_filter;
    uint64_t bloom_filter_bytes;                    /* of its bits */
    double bloom_filter_fpp, bloom_filter_distinct; /* estimated from the bits */
    bool damaged; /* something that the footer speaks of is not there */
};

/* Arrays live in ARENA. Errors: of the source, NO_MEMORY. */
status chunk_probe_read(const struct byte_source *source, const struct parquet_chunk *chunk,
                        struct arena *arena, struct chunk_probe *out, struct error *err);

#endif
