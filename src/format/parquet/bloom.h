/* Bloom filters of column chunks: split blocks of 256 bits, each value sets eight bits of one block. They tell for
 * certain that a chunk does not hold a value. Source: parquet-format BloomFilter.md.
 *
 * As stored: a Thrift header (bytes of the bits, algorithm, hash, compression), then the bits. */
#ifndef LEAT_FORMAT_PARQUET_BLOOM_H
#define LEAT_FORMAT_PARQUET_BLOOM_H

#include "base/bytes.h"
#include "base/memory.h"
#include "format/parquet/dense.h"
#include "format/parquet/dictionary.h"
#include "format/parquet/leaf.h"

/* Bits of a filter, at most: about 800,000 distinct values at 1 %. What has more of them gets more false answers. A
 * reader may trust a stored filter that is larger, made by others. */
enum { BLOOM_MIN_BYTES = 32, BLOOM_MAX_BYTES = 1 << 20 };

/* Append the filter of VALUES, header and bits, to OUT; *OUT_BYTES what it takes. DICTIONARY: of these values, so that
 * each is hashed once; NULL: all are hashed. FPP: share of absent values that may seem present. The filter is the
 * smallest that keeps to it (a power of two, as readers want it). SCRATCH holds at most BLOOM_MAX_BYTES and is used
 * again. Pure. Errors: NO_MEMORY, then OUT is as it was. */
status bloom_append(const struct leaf *leaf, const struct dense *values,
                    const struct dictionary *dictionary, double fpp, struct buffer *scratch,
                    struct buffer *out, int32_t *out_bytes, struct error *err);

/* ---- reading ---- */

struct bloom_filter {
    const uint8_t *bits; /* into the bytes read */
    size_t bytes;        /* of the bits: a multiple of 32 */
};

/* Header and bits as they stand in a file; nobody vouches for them. SIZE may be more than they take. *OUT_BYTES (may be
 * NULL) is what header and bits need: set also where SIZE is too small for the bits but holds the header, so that the
 * caller can read on. BAD_DATA: not a filter of the one known form, or cut. */
status bloom_filter_read(const void *bytes, size_t size, struct bloom_filter *out,
                         uint64_t *out_bytes, struct error *err);
/* False: the chunk does not hold VALUE (PLAIN form; of BYTE_ARRAY without its length; 0.0 and -0.0 are one). */
bool bloom_may_contain(const struct bloom_filter *filter, enum parquet_physical physical,
                       struct span value);
/* Share of absent values that would seem present: counted from the bits. */
double bloom_false_positives(const struct bloom_filter *filter);
/* Distinct values that went in, estimated from the bits. */
double bloom_distinct(const struct bloom_filter *filter);

#endif
