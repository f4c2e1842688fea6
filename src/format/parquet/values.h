/* Values of a page as bytes, in each of the encodings. Levels and compression are the page's. */
#ifndef LEAT_FORMAT_PARQUET_VALUES_H
#define LEAT_FORMAT_PARQUET_VALUES_H

#include "format/parquet/dense.h"
#include "format/parquet/dictionary.h"

/* How the values of all pages of a chunk are written. */
struct value_coding {
    enum parquet_encoding encoding;
    const struct dictionary *dictionary; /* RLE_DICTIONARY; else NULL */
};

/* Working memory, used again. */
struct coding_scratch {
    struct buffer lengths, offsets;
};

void coding_scratch_release(struct coding_scratch *scratch);

/* Bytes that values [first, first + n) may need, slack included. */
size_t values_bound(const struct dense *values, const struct value_coding *coding, size_t first,
                    size_t n);
/* The values into OUT, which has room for values_bound. The encoding is one that the type allows
 * (parquet_encoding_fits). BAD_DATA: a value too long for the encoding. */
status values_encode(const struct leaf *leaf, const struct dense *values,
                     const struct value_coding *coding, size_t first, size_t n,
                     struct coding_scratch *scratch, uint8_t *out, size_t *out_size,
                     struct error *err);

/* The first ENTRIES entries of a dictionary, PLAIN, into OUT: their bytes and VALUES_SLACK. Returns the size. */
enum { VALUES_SLACK = 64 };
size_t values_put_entries(const struct dense *values, const struct dictionary *dictionary,
                          size_t entries, uint8_t *out);

#endif
