#include "format/parquet/dictionary.h"

#include <math.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "format/parquet/bit_pack.h"

enum {
    INDEX_SLACK = 16,
    DIRECT_RANGE_MAX = 1 << 20, /* a table of it stays in the second-level cache */
    DIRECT_RANGE_MIN = 1 << 12,
    SLOTS_FIRST = 1 << 12,
    SAMPLE_FIRST = 1 << 12, /* values after which repetition is looked at, then twice as many ... */
    SAMPLE_LEAST = 1 << 9,  /* ... but sooner where there are few: a quarter of them */
    VALUES_MAX = 1 << 30,
};

void dictionary_release(struct dictionary *dictionary)
{
    buffer_release(&dictionary->values);
    buffer_release(&dictionary->firsts);
    buffer_release(&dictionary->index);
    buffer_release(&dictionary->slots);
    buffer_release(&dictionary->hashes);
    buffer_release(&dictionary->keys);
    *dictionary = (struct dictionary){0};
}

/* Would N values drawn evenly from DISTINCT ones show so many of them? */
static double expected_entries(double distinct, double n)
{
    return distinct * -expm1(-n / distinct);
}

/* Entries that all VALUES will make if ENTRIES were made by the first SEEN of them. A share alone would
 * mislead: of 20,000 different values, 4,096 drawn hardly repeat, and 100,000 do five times over. */
static double foresee_entries(size_t entries, size_t seen, size_t values)
{
    if (entries == seen)
        return (double)values;
    double low = (double)entries,
           high = (double)seen * (double)seen; /* about the inverse, by halving */
    for (int step = 0; step < 40; step++) {
        double middle = (low + high) / 2;
        if (expected_entries(middle, (double)seen) < (double)entries)
            low = middle;
        else
            high = middle;
    }
    return expected_entries(high, (double)values);
}

/* Do so many entries among so many values say that it will not pay in the end? */
static bool repeats_too_little(const struct dictionary *d, size_t seen, size_t values)
{
    double entries = foresee_entries(d->entries, seen, values);
    double bytes = entries * (double)d->bytes / (double)d->entries;
    return 3 * entries > 2 * (double)values || bytes > DICTIONARY_MAX_BYTES;
}

/* Entries and packed indexes against the values themselves. */
static bool pays(const struct dictionary *dictionary, const struct dense *values)
{
    size_t index_bytes = values->n * bit_width_of(dictionary->entries - 1) / 8;
    size_t plain = dense_plain_bytes(values, 0, values->n);
    return dictionary->bytes <= DICTIONARY_MAX_BYTES && dictionary->bytes + index_bytes < plain;
}

/* ---- integers of a small range: a table with a place for each possible value ----
 * Entries come out in ascending order, and no value takes a branch. */

#define DIRECT_BUILD(name, type, utype)                                                            \
    static size_t name(const type *values, size_t n, type min, size_t range, uint8_t *seen,        \
                       uint32_t *map, type *entries, size_t limit)                                 \
    {                                                                                              \
        memset(seen, 0, range);                                                                    \
        for (size_t i = 0; i < n; i++)                                                             \
            seen[(utype)((utype)values[i] - (utype)min)] = 1;                                      \
        size_t count = 0;                                                                          \
        for (size_t at = 0; at < range; at++)                                                      \
            count += seen[at];                                                                     \
        if (count > limit)                                                                         \
            return count;                                                                          \
        uint32_t next = 0;                                                                         \
        for (size_t at = 0; at < range; at++) {                                                    \
            map[at] = next;                                                                        \
            if (seen[at])                                                                          \
                entries[next++] = (type)((utype)min + (utype)at);                                  \
        }                                                                                          \
        return count;                                                                              \
    }                                                                                              \
    static void name##_index(const type *values, size_t n, type min, const uint32_t *map,          \
                             uint32_t *index)                                                      \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            index[i] = map[(utype)((utype)values[i] - (utype)min)];                                \
    }

DIRECT_BUILD(direct32, int32_t, uint32_t)
DIRECT_BUILD(direct64, int64_t, uint64_t)

static size_t entry_limit(const struct dense *values)
{
    size_t by_bytes = DICTIONARY_MAX_BYTES / values->width;
    size_t by_share = values->n * 2 / 3;
    return by_bytes < by_share ? by_bytes : by_share;
}

static status build_direct(struct dictionary *d, const struct dense *values, const uint8_t *min_raw,
                           size_t range, bool *out_made, struct error *err)
{
    size_t limit = entry_limit(values);
    TRY(buffer_reserve(&d->slots, range * sizeof(uint32_t), err));
    TRY(buffer_reserve(&d->hashes, range, err));
    TRY(buffer_reserve(&d->values, (limit + 1) * values->width, err));
    uint32_t *map = (uint32_t *)(void *)d->slots.data;
    void *entries = d->values.data;
    const void *from = values->values;
    if (values->width == 4) {
        int32_t min;
        memcpy(&min, min_raw, sizeof(min));
        d->entries = direct32(from, values->n, min, range, d->hashes.data, map, entries, limit);
        if (d->entries <= limit)
            direct32_index(from, values->n, min, map, dictionary_index(d));
    } else {
        int64_t min;
        memcpy(&min, min_raw, sizeof(min));
        d->entries = direct64(from, values->n, min, range, d->hashes.data, map, entries, limit);
        if (d->entries <= limit)
            direct64_index(from, values->n, min, map, dictionary_index(d));
    }
    d->bytes = d->entries * values->width;
    *out_made = d->entries <= limit && pays(d, values);
    return STATUS_OK;
}

/* ---- open addressing: a slot holds an entry's number + 1; 0 is empty ---- */

static inline uint32_t hash_fixed(uint64_t value)
{
    return (uint32_t)((value * 0x9e3779b97f4a7c15u) >> 32);
}

/* All entries into empty slots, by their hashes. */
static void place_entries(struct dictionary *d, size_t slots)
{
    uint32_t *table = (uint32_t *)(void *)d->slots.data;
    const uint32_t *hashes = (const uint32_t *)(const void *)d->hashes.data;
    memset(table, 0, slots * sizeof(*table));
    for (size_t e = 0; e < d->entries; e++) {
        size_t at = hashes[e] & (slots - 1);
        while (table[at])
            at = (at + 1) & (slots - 1);
        table[at] = (uint32_t)e + 1;
    }
}

static status grow_slots(struct dictionary *d, size_t slots, struct error *err)
{
    d->hashes.size = d->entries * sizeof(uint32_t);
    TRY(buffer_reserve(&d->slots, slots * sizeof(uint32_t), err));
    TRY(buffer_reserve(&d->hashes, slots / 2 * sizeof(uint32_t), err));
    place_entries(d, slots);
    return STATUS_OK;
}

/* Values [*from, to) by hashing; stops early when the table is half full. */
#define HASH_FIXED(name, type)                                                                     \
    static size_t name(struct dictionary *d, const type *values, size_t from, size_t to,           \
                       size_t slots)                                                               \
    {                                                                                              \
        uint32_t *table = (uint32_t *)(void *)d->slots.data;                                       \
        uint32_t *hashes = (uint32_t *)(void *)d->hashes.data;                                     \
        uint32_t *index = dictionary_index(d);                                                     \
        type *entries = (type *)(void *)d->values.data;                                            \
        size_t mask = slots - 1;                                                                   \
        for (size_t i = from; i < to; i++) {                                                       \
            uint32_t hash = hash_fixed((uint64_t)values[i]);                                       \
            size_t at = hash & mask;                                                               \
            while (table[at] && entries[table[at] - 1] != values[i])                               \
                at = (at + 1) & mask;                                                              \
            if (!table[at]) {                                                                      \
                if (2 * (d->entries + 1) > slots)                                                  \
                    return i;                                                                      \
                entries[d->entries] = values[i];                                                   \
                hashes[d->entries] = hash;                                                         \
                table[at] = (uint32_t)++d->entries;                                                \
            }                                                                                      \
            index[i] = table[at] - 1;                                                              \
        }                                                                                          \
        return to;                                                                                 \
    }

HASH_FIXED(hash32, uint32_t)
HASH_FIXED(hash64, uint64_t)

/* Bytes of any length as what is quick to hash and to compare: the first and the last eight, and the eight beside each. Words
 * are masked to the size where it is below eight. Values of up to KEY_WHOLE bytes are equal if their keys are. */
struct text_key {
    uint64_t head, tail, inner, outer, size;
};
enum { KEY_WHOLE = 32 };

static inline uint64_t rotated(uint64_t value)
{
    return value << 29 | value >> 35;
}

/* Without a branch on the size up to KEY_WHOLE: columns mix sizes. VALUE has eight readable bytes behind. */
static inline struct text_key key_of(struct span value, uint32_t *out_hash)
{
    const uint64_t first = 0x9e3779b97f4a7c15u, second = 0xc2b2ae3d27d4eb4fu;
    const uint8_t *at = value.data;
    size_t size = value.size, bits = 4 * (size < 8 ? size : 8);
    uint64_t mask = ((uint64_t)1 << bits << bits) - 1;
    uint64_t head = load_u64le(at) & mask;
    uint64_t tail = load_u64le(at + (size > 8 ? size - 8 : 0)) & mask;
    uint64_t inner = load_u64le(at + (size > 16 ? 8 : 0)) & mask;
    uint64_t outer = load_u64le(at + (size > 16 ? size - 16 : 0)) & mask;
    uint64_t mixed =
        (head ^ rotated(inner)) * first ^ rotated((tail ^ rotated(outer)) + size) * second;
    if (size > KEY_WHOLE)
        mixed = XXH3_64bits(at, size);
    *out_hash = (uint32_t)((mixed ^ mixed >> 32) * first >> 32);
    return (struct text_key){head, tail, inner, outer, size};
}

static inline bool same_key(const struct text_key *a, const struct text_key *b)
{
    return ((a->head ^ b->head) | (a->tail ^ b->tail) | (a->inner ^ b->inner) |
            (a->outer ^ b->outer) | (a->size ^ b->size)) == 0;
}

static inline bool same_value(const struct text_key *a, const struct text_key *b,
                              const struct dense *values, size_t i, size_t first)
{
    if (!same_key(a, b) || a->size <= KEY_WHOLE)
        return same_key(a, b);
    return memcmp(dense_value(values, i).data, dense_value(values, first).data, a->size) == 0;
}

/* Values of up to seven bytes are a number, their size in its highest byte. Stops at the first longer one. */
enum { SHORT_BYTES = 7 };

static size_t hash_short(struct dictionary *d, const struct dense *values, size_t from, size_t to,
                         size_t slots)
{
    uint32_t *table = (uint32_t *)(void *)d->slots.data;
    uint32_t *hashes = (uint32_t *)(void *)d->hashes.data;
    uint64_t *keys = (uint64_t *)(void *)d->keys.data;
    uint32_t *firsts = (uint32_t *)(void *)d->firsts.data;
    uint32_t *index = dictionary_index(d);
    const int64_t *offsets = values->offsets;
    size_t mask = slots - 1;
    for (size_t i = from; i < to; i++) {
        uint64_t size = (uint64_t)(offsets[i + 1] - offsets[i]);
        if (size > SHORT_BYTES)
            return i;
        uint64_t key = load_u64le(values->data + offsets[i]) & (((uint64_t)1 << 8 * size) - 1);
        key |= size << 8 * SHORT_BYTES;
        uint32_t hash = hash_fixed(key);
        size_t at = hash & mask;
        while (table[at] && keys[table[at] - 1] != key)
            at = (at + 1) & mask;
        if (!table[at]) {
            if (2 * (d->entries + 1) > slots || d->bytes > DICTIONARY_MAX_BYTES)
                return i;
            firsts[d->entries] = (uint32_t)i;
            keys[d->entries] = key;
            hashes[d->entries] = hash;
            table[at] = (uint32_t)++d->entries;
            d->bytes += size + 4;
        }
        index[i] = table[at] - 1;
    }
    return to;
}

/* A longer value has come: the entries made so far get keys of the other kind, and other slots. */
static void lengthen_keys(struct dictionary *d, const struct dense *values, size_t slots)
{
    struct text_key *keys = (struct text_key *)(void *)d->keys.data;
    uint32_t *hashes = (uint32_t *)(void *)d->hashes.data;
    for (size_t e = 0; e < d->entries; e++)
        keys[e] = key_of(dense_value(values, dictionary_firsts(d)[e]), &hashes[e]);
    place_entries(d, slots);
    d->short_keys = false;
}

static size_t hash_spans(struct dictionary *d, const struct dense *values, size_t from, size_t to,
                         size_t slots)
{
    uint32_t *table = (uint32_t *)(void *)d->slots.data;
    uint32_t *hashes = (uint32_t *)(void *)d->hashes.data;
    struct text_key *keys = (struct text_key *)(void *)d->keys.data;
    uint32_t *firsts = (uint32_t *)(void *)d->firsts.data;
    uint32_t *index = dictionary_index(d);
    size_t mask = slots - 1, length_bytes = values->width == 0 ? 4 : 0;
    for (size_t i = from; i < to; i++) {
        uint32_t hash;
        struct text_key key = key_of(dense_value(values, i), &hash);
        size_t at = hash & mask;
        uint32_t entry = table[at];
        while (entry && !same_value(&key, &keys[entry - 1], values, i, firsts[entry - 1])) {
            at = (at + 1) & mask;
            entry = table[at];
        }
        if (!entry) {
            if (2 * (d->entries + 1) > slots || d->bytes > DICTIONARY_MAX_BYTES)
                return i;
            firsts[d->entries] = (uint32_t)i;
            keys[d->entries] = key;
            hashes[d->entries] = hash;
            table[at] = entry = (uint32_t)++d->entries;
            d->bytes += key.size + length_bytes;
        }
        index[i] = entry - 1;
    }
    return to;
}

static bool by_value(const struct dense *values)
{
    return values->width == 4 || values->width == 8;
}

static size_t hash_some(struct dictionary *d, const struct dense *values, size_t from, size_t to,
                        size_t slots)
{
    const void *fixed = values->values;
    if (values->width == 4)
        return hash32(d, fixed, from, to, slots);
    if (values->width == 8)
        return hash64(d, fixed, from, to, slots);
    if (d->short_keys) {
        from = hash_short(d, values, from, to, slots);
        if (from == to || values->offsets[from + 1] - values->offsets[from] <= SHORT_BYTES)
            return from;
        lengthen_keys(d, values, slots);
    }
    return hash_spans(d, values, from, to, slots);
}

/* Room for the entries that SLOTS slots can take. */
static status make_room(struct dictionary *d, const struct dense *values, size_t slots,
                        struct error *err)
{
    if (by_value(values)) {
        d->values.size = d->entries * values->width; /* what growing has to keep */
        TRY(buffer_reserve(&d->values, slots / 2 * values->width, err));
    } else {
        d->firsts.size = d->entries * sizeof(uint32_t);
        d->keys.size = d->entries * sizeof(struct text_key);
        TRY(buffer_reserve(&d->firsts, slots / 2 * sizeof(uint32_t), err));
        TRY(buffer_reserve(&d->keys, slots / 2 * sizeof(struct text_key), err));
    }
    return grow_slots(d, slots, err);
}

static size_t first_sample(size_t n)
{
    if (n / 4 > SAMPLE_FIRST)
        return SAMPLE_FIRST;
    return n / 4 < SAMPLE_LEAST ? SAMPLE_LEAST : n / 4;
}

static status build_hashed(struct dictionary *d, const struct dense *values, bool *out_made,
                           struct error *err)
{
    size_t slots = SLOTS_FIRST;
    d->short_keys = values->width == 0;
    TRY(make_room(d, values, slots, err));
    size_t sample = first_sample(values->n);
    for (size_t done = 0; done < values->n;) {
        size_t to = sample < values->n ? sample : values->n;
        size_t reached = hash_some(d, values, done, to, slots);
        if (by_value(values))
            d->bytes = d->entries * values->width;
        if (d->bytes > DICTIONARY_MAX_BYTES)
            return STATUS_OK;
        if (reached < to) {
            slots *= 2;
            TRY(make_room(d, values, slots, err));
        } else {
            if (repeats_too_little(d, reached, values->n))
                return STATUS_OK;
            sample *= 2;
        }
        done = reached;
    }
    *out_made = pays(d, values);
    return STATUS_OK;
}

/* Places from the smallest to the largest integer, 0 for other types and for more than 2^63. */
static uint64_t integer_range(const struct leaf *leaf, const struct bounds *bounds)
{
    bool integer = leaf->order == ORDER_INT32 || leaf->order == ORDER_INT64 ||
                   leaf->order == ORDER_UINT32 || leaf->order == ORDER_UINT64;
    if (!integer || !bounds->set)
        return 0;
    if (leaf->width == 4)
        return (uint64_t)(load_u32le(bounds->max.raw) - load_u32le(bounds->min.raw)) + 1;
    uint64_t distance = load_u64le(bounds->max.raw) - load_u64le(bounds->min.raw);
    return distance >> 63 ? 0 : distance + 1;
}

/* Does each value stand beside its equals, in ascending or descending order or in that of their first
 * appearance? Compression then finds the repetition in the values themselves, and indexes that change
 * every few rows by one hide it: l_orderkey of TPC-H takes 11.4 MB with a dictionary, 2.0 MB without.
 * Where runs are long the indexes are runs as well and cost nothing. */
static bool is_clustered(const struct dictionary *d, size_t n)
{
    enum { LONG_RUN = 16, STRAYS = 64 };
    if (d->entries * LONG_RUN < n)
        return false;
    const uint32_t *index = (const uint32_t *)(const void *)d->index.data;
    size_t back = 0, forward = 0;
    for (size_t i = 1; i < n; i++) {
        back += index[i] < index[i - 1];
        forward += index[i] > index[i - 1];
    }
    return back * STRAYS <= n || forward * STRAYS <= n;
}

static status build(struct dictionary *dictionary, const struct leaf *leaf,
                    const struct dense *values, const struct bounds *bounds, bool *out_made,
                    struct error *err)
{
    dictionary->entries = 0;
    dictionary->bytes = 0;
    if (values->n < 2 || values->n > VALUES_MAX || leaf->physical == PARQUET_BOOLEAN ||
        values->width > DICTIONARY_MAX_BYTES)
        return STATUS_OK;
    TRY(buffer_reserve(&dictionary->index, (values->n + INDEX_SLACK) * sizeof(uint32_t), err));
    uint64_t range = integer_range(leaf, bounds);
    bool small = range > 0 && range <= DIRECT_RANGE_MAX &&
                 (range <= DIRECT_RANGE_MIN || range <= 4 * values->n);
    if (small)
        return build_direct(dictionary, values, bounds->min.raw, (size_t)range, out_made, err);
    return build_hashed(dictionary, values, out_made, err);
}

status dictionary_build(struct dictionary *dictionary, const struct leaf *leaf,
                        const struct dense *values, const struct bounds *bounds, bool compressed,
                        bool *out_made, struct error *err)
{
    *out_made = false;
    TRY(build(dictionary, leaf, values, bounds, out_made, err));
    if (*out_made && compressed && is_clustered(dictionary, values->n))
        *out_made = false;
    return STATUS_OK;
}
