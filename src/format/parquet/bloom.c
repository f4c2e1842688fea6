#include "format/parquet/bloom.h"

#include <math.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "format/thrift/compact_reader.h"
#include "format/thrift/compact_writer.h"

enum { BLOCK_BYTES = 32, BLOCK_WORDS = 8, WORD_BITS = 32, HEADER_MAX_BYTES = 64 };

/* Odd numbers of the format: word i of a block gets the bit that the upper five bits of hash * salt[i] name. */
static const uint32_t salt[BLOCK_WORDS] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                           0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

static inline size_t block_of(uint64_t hash, size_t blocks)
{
    return (size_t)(((hash >> 32) * (uint64_t)blocks) >> 32);
}

/* 0.0 and -0.0 are equal and have two hashes: who looks for one must not miss the other. */
static uint64_t hash_zero(size_t width, bool negative)
{
    const uint64_t zero = negative ? (uint64_t)1 << (8 * width - 1) : 0;
    return XXH64(&zero, width, 0);
}

/* ---- making ---- */

struct bits {
    uint32_t *words;
    size_t blocks; /* a power of two */
};

static inline void insert(const struct bits *bits, uint64_t hash)
{
    uint32_t *block = bits->words + block_of(hash, bits->blocks) * BLOCK_WORDS;
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        block[i] |= (uint32_t)1 << (((uint32_t)hash * salt[i]) >> 27);
}

/* The widths with a branch of their own: the hash of so few bytes is short once the compiler knows how many. */
static void insert_fixed(const struct bits *bits, const uint8_t *values, size_t width, size_t n)
{
    if (width == 4)
        for (size_t i = 0; i < n; i++)
            insert(bits, XXH64(values + 4 * i, 4, 0));
    else if (width == 8)
        for (size_t i = 0; i < n; i++)
            insert(bits, XXH64(values + 8 * i, 8, 0));
    else
        for (size_t i = 0; i < n; i++)
            insert(bits, XXH64(values + width * i, width, 0));
}

static bool has_zero(const uint8_t *values, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (width == 4 ? (load_u32le(values + 4 * i) << 1) == 0
                       : (load_u64le(values + 8 * i) << 1) == 0)
            return true;
    return false;
}

static void insert_values(const struct bits *bits, const struct leaf *leaf,
                          const struct dense *values, const struct dictionary *dictionary)
{
    size_t n = dictionary ? dictionary->entries : values->n;
    if (values->width > 0) {
        const uint8_t *from = dictionary ? dictionary->values.data : values->values;
        bool floating = leaf->physical == PARQUET_FLOAT || leaf->physical == PARQUET_DOUBLE;
        insert_fixed(bits, from, values->width, n);
        if (floating && has_zero(from, values->width, n)) {
            insert(bits, hash_zero(values->width, false));
            insert(bits, hash_zero(values->width, true));
        }
        return;
    }
    const uint32_t *firsts = dictionary ? dictionary_firsts(dictionary) : NULL;
    for (size_t i = 0; i < n; i++) {
        struct span value = dense_value(values, firsts ? firsts[i] : i);
        insert(bits, XXH64(value.data, value.size, 0));
    }
}

/* Bytes for N distinct values, by what n random hashes do on average; blocks fill unevenly, hence a fifth more. */
static size_t first_size(size_t n, double fpp)
{
    double needed = 1.2 * (double)n / -log(1 - pow(fpp, 1.0 / BLOCK_WORDS));
    size_t size = BLOOM_MIN_BYTES;
    while (size < BLOOM_MAX_BYTES && (double)size < needed)
        size *= 2;
    return size;
}

/* Share of absent values that find all of their eight bits set; with FOLDED as if the filter had half its size. */
static double false_positives(const uint8_t *bits, size_t bytes, bool folded)
{
    size_t step = folded ? 2 * BLOCK_BYTES : BLOCK_BYTES, blocks = bytes / step;
    double sum = 0;
    for (size_t at = 0; at + step <= bytes; at += step) {
        double all = 1;
        for (size_t i = 0; i < BLOCK_WORDS; i++) {
            uint32_t word = load_u32le(bits + at + 4 * i);
            if (folded)
                word |= load_u32le(bits + at + BLOCK_BYTES + 4 * i);
            all *= __builtin_popcount(word) / (double)WORD_BITS;
        }
        sum += all;
    }
    return blocks == 0 ? 1 : sum / (double)blocks;
}

/* Halve the filter: the block of a hash in half as many is half of what it was, so neighbours become one. */
static void fold(struct bits *bits)
{
    bits->blocks /= 2;
    for (size_t block = 0; block < bits->blocks; block++) {
        uint32_t *into = bits->words + block * BLOCK_WORDS;
        const uint32_t *from = bits->words + 2 * block * BLOCK_WORDS;
        for (size_t i = 0; i < BLOCK_WORDS; i++)
            into[i] = from[i] | from[BLOCK_WORDS + i];
    }
}

static status write_stored(const struct bits *bits, struct buffer *out, struct error *err)
{
    size_t bytes = bits->blocks * BLOCK_BYTES;
    struct thrift_writer w;
    thrift_writer_init(&w, out);
    thrift_field_i32(&w, 1, (int32_t)bytes);
    for (int16_t id = 2; id <= 4; id++) { /* split blocks, XXH64, uncompressed: the first of each */
        thrift_field_struct(&w, id);
        thrift_field_empty(&w, 1);
        thrift_struct_end(&w);
    }
    thrift_struct_end(&w);
    TRY(thrift_writer_check(&w, err));
    return buffer_append(out, bits->words, bytes, err);
}

/* How many values are distinct is not known before: the filter is made large enough for all and halved as long as it
 * keeps to FPP. */
status bloom_append(const struct leaf *leaf, const struct dense *values,
                    const struct dictionary *dictionary, double fpp, struct buffer *scratch,
                    struct buffer *out, int32_t *out_bytes, struct error *err)
{
    size_t bytes = first_size(dictionary ? dictionary->entries : values->n, fpp);
    size_t start = out->size;
    TRY(buffer_reserve(scratch, bytes, err));
    memset(scratch->data, 0, bytes);
    struct bits bits = {(uint32_t *)(void *)scratch->data, bytes / BLOCK_BYTES};
    insert_values(&bits, leaf, values, dictionary);
    while (bits.blocks > 1 &&
           false_positives(scratch->data, bits.blocks * BLOCK_BYTES, true) <= fpp)
        fold(&bits);
    status_code code = write_stored(&bits, out, err);
    if (code != STATUS_OK) {
        out->size = start;
        return code;
    }
    *out_bytes = (int32_t)(out->size - start);
    return STATUS_OK;
}

/* ---- reading ---- */

/* A union whose first member is all there is. */
static bool is_first(struct thrift_reader *r, const struct thrift_field *f)
{
    bool first = false;
    if (!thrift_struct(r, f))
        return false;
    struct thrift_field member = {0};
    while (thrift_next(r, &member)) {
        first |= member.id == 1;
        thrift_skip(r, &member);
    }
    thrift_struct_done(r);
    return first;
}

status bloom_filter_read(const void *bytes, size_t size, struct bloom_filter *out,
                         uint64_t *out_bytes, struct error *err)
{
    struct thrift_reader r;
    struct thrift_field f = {0};
    int32_t bits = -1;
    unsigned known = 0;
    thrift_reader_init(&r, bytes, size < HEADER_MAX_BYTES ? size : HEADER_MAX_BYTES);
    while (thrift_next(&r, &f)) {
        if (f.id == 1)
            bits = thrift_int32(&r, &f);
        else if (f.id >= 2 && f.id <= 4)
            known |= is_first(&r, &f) ? 1u << f.id : 0;
        else
            thrift_skip(&r, &f);
    }
    TRY(thrift_reader_check(&r, "header of a bloom filter", err));
    if (known != (1u << 2 | 1u << 3 | 1u << 4))
        return error_set(err, STATUS_BAD_DATA,
                         "a bloom filter has an algorithm, hash or compression that is not known");
    if (bits < BLOCK_BYTES || bits % BLOCK_BYTES != 0)
        return error_set(err, STATUS_BAD_DATA,
                         "a bloom filter of %d bytes; it must hold blocks of %d", bits,
                         BLOCK_BYTES);
    size_t header = (size_t)(r.at - r.start);
    if (out_bytes)
        *out_bytes = header + (uint64_t)bits;
    if (size - header < (size_t)bits)
        return error_set(err, STATUS_BAD_DATA, "a bloom filter of %d bytes is cut after %zu", bits,
                         size - header);
    *out = (struct bloom_filter){r.at, (size_t)bits};
    return STATUS_OK;
}

static bool holds(const struct bloom_filter *filter, uint64_t hash)
{
    const uint8_t *block = filter->bits + block_of(hash, filter->bytes / BLOCK_BYTES) * BLOCK_BYTES;
    bool all = true;
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        all &= load_u32le(block + 4 * i) >> (((uint32_t)hash * salt[i]) >> 27) & 1;
    return all;
}

/* Other writers hash the zero that was there, so both are looked for. */
static bool may_contain_zero(const struct bloom_filter *filter, size_t width)
{
    return holds(filter, hash_zero(width, false)) || holds(filter, hash_zero(width, true));
}

bool bloom_may_contain(const struct bloom_filter *filter, enum parquet_physical physical,
                       struct span value)
{
    if (physical == PARQUET_FLOAT && value.size == 4 && load_u32le(value.data) << 1 == 0)
        return may_contain_zero(filter, 4);
    if (physical == PARQUET_DOUBLE && value.size == 8 && load_u64le(value.data) << 1 == 0)
        return may_contain_zero(filter, 8);
    return holds(filter, XXH64(value.data, value.size, 0));
}

double bloom_false_positives(const struct bloom_filter *filter)
{
    return false_positives(filter->bits, filter->bytes, false);
}

double bloom_distinct(const struct bloom_filter *filter)
{
    size_t blocks = filter->bytes / BLOCK_BYTES;
    double all = (double)filter->bytes * 8;
    double zeros = all - (double)bits_count(filter->bits, 0, filter->bytes * 8);
    if (zeros < 1)
        zeros = 1; /* full: at least so many */
    return -WORD_BITS * log(zeros / all) * (double)blocks;
}
