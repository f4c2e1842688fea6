/* Data pages, V1 and V2, and dictionary pages: body, compression, checksum, header. */
#ifndef LEAT_FORMAT_PARQUET_PAGE_H
#define LEAT_FORMAT_PARQUET_PAGE_H

#include "format/parquet/chunk.h"

/* A slice of a chunk. */
struct page {
    size_t first_row, rows; /* of the row group */
    size_t first_level, levels;
    size_t first_value, values;
    struct bounds bounds;
};

/* What all pages of a chunk share. */
struct page_source {
    const struct leaf *leaf;
    const struct levels *levels;
    const struct dense *values;
    struct value_coding coding;
    bool v2;
    /* V2: the page before was not worth compressing; a piece of this one is tried first */
    bool doubtful;
};

struct page_sizes {
    size_t body;   /* header and page, uncompressed */
    size_t stored; /* header and page as stored */
};

/* What a page's values are to the compressor. */
static inline enum codec_data page_content(const struct leaf *leaf, enum parquet_encoding encoding)
{
    bool integers = leaf->physical == PARQUET_INT32 || leaf->physical == PARQUET_INT64;
    return integers && encoding == PARQUET_PLAIN ? CODEC_INTEGERS : CODEC_DATA;
}

/* Is it worth it that a reader has to decompress? A 64th saved is the least. */
static inline bool compression_pays(size_t body_bytes, size_t stored_bytes)
{
    return stored_bytes < body_bytes - body_bytes / 64;
}

/* Append the page to PAGES, compressed by the scratch's codec; V2 as it is where that does not pay. */
status page_write_data(const struct page_source *source, const struct page *page,
                       struct chunk_scratch *scratch, struct buffer *pages, struct page_sizes *out,
                       struct error *err);
status page_write_dictionary(const struct page_source *source, struct chunk_scratch *scratch,
                             struct buffer *pages, struct page_sizes *out, struct error *err);

#endif
