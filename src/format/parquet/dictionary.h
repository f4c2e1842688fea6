/* The distinct values of a chunk and, for each value, the position of its equal: worth it when values
 * repeat. Gives up early when they don't. */
#ifndef LEAT_FORMAT_PARQUET_DICTIONARY_H
#define LEAT_FORMAT_PARQUET_DICTIONARY_H

#include "base/memory.h"
#include "format/parquet/bounds.h"
#include "format/parquet/dense.h"

enum { DICTIONARY_MAX_BYTES = 1 << 20 };

/* Kept between chunks for its memory. */
struct dictionary {
    size_t entries;
    size_t bytes;         /* PLAIN bytes of the entries */
    struct buffer values; /* fixed width: the entries one after the other */
    struct buffer firsts; /* bytes: uint32, position of an entry's first value */
    struct buffer index;  /* uint32 for each value; 8 more may be written behind */
    struct buffer slots;  /* working memory */
    struct buffer hashes;
    struct buffer keys;
    bool short_keys; /* of bytes, while none is long */
};

void dictionary_release(struct dictionary *dictionary);

/* *out_made false: it does not pay, write the values PLAIN. BOUNDS are those of all values (integers of
 * a small range take no hashing). COMPRESSED: pages will be; then ordered values need no dictionary. */
status dictionary_build(struct dictionary *dictionary, const struct leaf *leaf,
                        const struct dense *values, const struct bounds *bounds, bool compressed,
                        bool *out_made, struct error *err);

static inline uint32_t *dictionary_index(const struct dictionary *dictionary)
{
    return (uint32_t *)(void *)dictionary->index.data;
}

static inline const uint32_t *dictionary_firsts(const struct dictionary *dictionary)
{
    return (const uint32_t *)(const void *)dictionary->firsts.data;
}

#endif
