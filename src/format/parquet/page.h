/* Data and dictionary pages (V1): body, compression, checksum, header. */
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

struct page_sizes {
    size_t body;   /* header and page, uncompressed */
    size_t stored; /* header and page as stored */
};

/* Append the page to PAGES. DICTIONARY NULL: PLAIN. */
status page_write_data(const struct leaf *leaf, const struct levels *levels,
                       const struct dense *values, const struct dictionary *dictionary,
                       const struct page *page, struct chunk_scratch *scratch, struct buffer *pages,
                       struct page_sizes *out, struct error *err);
status page_write_dictionary(const struct leaf *leaf, const struct dense *values,
                             const struct dictionary *dictionary, struct chunk_scratch *scratch,
                             struct buffer *pages, struct page_sizes *out, struct error *err);

/* Is the dictionary with its indexes smaller than the values, when both are compressed? Foretold from the
 * first values and entries. */
status page_dictionary_pays(const struct leaf *leaf, const struct dense *values,
                            const struct dictionary *dictionary, struct chunk_scratch *scratch,
                            bool *out_pays, struct error *err);

#endif
