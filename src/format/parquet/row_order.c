/* Each key gives a row two numbers: a rank (NULL first, value, NULL last) and the first eight bytes of the value, turned
 * so that they compare as an unsigned number. Those of the first key travel with the row's number through a merge
 * sort; other keys, and values that go on behind eight bytes, are looked at only where these are equal. */
#include "format/parquet/row_order.h"

#include <string.h>

#include "base/bytes.h"
#include "format/parquet/bounds.h"

enum rank { RANK_NULL_FIRST, RANK_VALUE, RANK_NULL_LAST };

struct order_key {
    const struct leaf *leaf;
    struct sort_key asked;
    struct levels_scratch levels;
    struct dense_scratch dense;
    struct dense values;
    bool whole;              /* the prefix says all */
    struct buffer prefixes;  /* uint64 for each row */
    struct buffer positions; /* uint32 for each row: its value; NO_VALUE */
};

enum { NO_VALUE = UINT32_MAX };

struct entry {
    uint64_t prefix; /* of the first key */
    uint32_t row;    /* from the first row of the row group */
    uint32_t rank;
};

void row_order_release(struct row_order *order)
{
    for (size_t i = 0; i < order->n_keys; i++) {
        struct order_key *key = &order->keys[i];
        levels_scratch_release(&key->levels);
        buffer_release(&key->dense.values);
        buffer_release(&key->dense.data);
        buffer_release(&key->prefixes);
        buffer_release(&key->positions);
    }
    mem_free(order->keys);
    buffer_release(&order->entries);
    buffer_release(&order->room);
    buffer_release(&order->rows);
    *order = (struct row_order){0};
}

/* ---- prefixes ---- */

static const uint64_t SIGN = UINT64_C(1) << 63;

/* Bits of an IEEE number of 64 bits in the order of the numbers; both zeros are one, and so are all NaN. */
static uint64_t floating_prefix(double value)
{
    uint64_t bits;
    if (value != value)
        return UINT64_MAX;
    value += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &value, sizeof(bits));
    return bits & SIGN ? ~bits : bits | SIGN;
}

static uint64_t bytes_prefix(struct span value)
{
    uint8_t padded[8] = {0};
    if (value.size > 0)
        memcpy(padded, value.data, value.size < sizeof(padded) ? value.size : sizeof(padded));
    return __builtin_bswap64(load_u64le(padded));
}

static uint64_t prefix_of(enum leaf_order order, struct span value)
{
    float narrow;
    double wide;
    switch (order) {
    case ORDER_INT32:
        return (uint64_t)load_u32le(value.data) << 32 ^ SIGN;
    case ORDER_UINT32:
        return load_u32le(value.data);
    case ORDER_INT64:
        return load_u64le(value.data) ^ SIGN;
    case ORDER_UINT64:
        return load_u64le(value.data);
    case ORDER_FLOAT:
        memcpy(&narrow, value.data, sizeof(narrow));
        return floating_prefix((double)narrow);
    case ORDER_DOUBLE:
        memcpy(&wide, value.data, sizeof(wide));
        return floating_prefix(wide);
    case ORDER_SIGNED_FIXED:
        return bytes_prefix(value) ^ SIGN;
    default: /* ORDER_BOOL, ORDER_BYTES */
        return bytes_prefix(value);
    }
}

static void set_prefixes(struct order_key *key, const struct levels *levels, size_t n)
{
    uint64_t *prefixes = (uint64_t *)(void *)key->prefixes.data;
    uint32_t *positions = (uint32_t *)(void *)key->positions.data;
    uint64_t turn = key->asked.descending ? UINT64_MAX : 0;
    size_t position = 0;
    for (size_t i = 0; i < n; i++) {
        bool present = !levels->validity || bit_get(levels->validity, levels->first + i);
        positions[i] = present ? (uint32_t)position : (uint32_t)NO_VALUE;
        prefixes[i] = 0;
        if (present)
            prefixes[i] = prefix_of(key->leaf->order, dense_value(&key->values, position++)) ^ turn;
    }
}

static status prepare(struct order_key *key, const struct batch *batch, size_t first, size_t n,
                      struct error *err)
{
    const struct leaf *leaf = key->leaf;
    struct levels levels;
    TRY(levels_take(leaf, batch, first, n, &key->levels, &levels, err));
    TRY(dense_take(leaf, levels.column, levels.rows, levels.first, levels.values, &key->dense,
                   &key->values, err));
    TRY(buffer_reserve(&key->prefixes, n * sizeof(uint64_t), err));
    TRY(buffer_reserve(&key->positions, n * sizeof(uint32_t), err));
    bool in_bytes = leaf->order == ORDER_BYTES || leaf->order == ORDER_SIGNED_FIXED;
    key->whole = !in_bytes || (leaf->order == ORDER_SIGNED_FIXED && leaf->width <= 8);
    set_prefixes(key, &levels, n);
    return STATUS_OK;
}

/* ---- comparing ---- */

static uint32_t rank_of(const struct order_key *key, uint32_t row)
{
    const uint32_t *positions = (const uint32_t *)(const void *)key->positions.data;
    if (positions[row] != (uint32_t)NO_VALUE)
        return RANK_VALUE;
    return key->asked.nulls_first ? RANK_NULL_FIRST : RANK_NULL_LAST;
}

static uint64_t prefix_at(const struct order_key *key, uint32_t row)
{
    return ((const uint64_t *)(const void *)key->prefixes.data)[row];
}

/* Of two values with the same prefix. */
static int compare_rest(const struct order_key *key, uint32_t a, uint32_t b)
{
    const uint32_t *positions = (const uint32_t *)(const void *)key->positions.data;
    if (key->whole || positions[a] == (uint32_t)NO_VALUE)
        return 0;
    int order = bound_compare(key->leaf->order, dense_value(&key->values, positions[a]),
                              dense_value(&key->values, positions[b]));
    return key->asked.descending ? -order : order;
}

/* Of two rows of which rank and prefix of the first key are equal. */
static int compare_ties(const struct row_order *order, uint32_t a, uint32_t b)
{
    int first = compare_rest(&order->keys[0], a, b);
    for (size_t i = 1; i < order->n_keys && first == 0; i++) {
        const struct order_key *key = &order->keys[i];
        uint32_t rank_a = rank_of(key, a), rank_b = rank_of(key, b);
        uint64_t prefix_a = prefix_at(key, a), prefix_b = prefix_at(key, b);
        if (rank_a != rank_b)
            return rank_a < rank_b ? -1 : 1;
        if (prefix_a != prefix_b)
            return prefix_a < prefix_b ? -1 : 1;
        first = compare_rest(key, a, b);
    }
    return first;
}

static inline bool is_above(const struct row_order *order, const struct entry *a,
                            const struct entry *b)
{
    if (a->rank != b->rank)
        return a->rank > b->rank;
    if (a->prefix != b->prefix)
        return a->prefix > b->prefix;
    return compare_ties(order, a->row, b->row) > 0;
}

/* ---- merge sort: from the bottom up, stable ---- */

static void merge(const struct row_order *order, const struct entry *from, size_t middle,
                  size_t end, struct entry *out)
{
    size_t a = 0, b = middle;
    if (middle >= end || !is_above(order, &from[middle - 1], &from[middle])) {
        memcpy(out, from, end * sizeof(*out));
        return;
    }
    for (size_t i = 0; i < end; i++) {
        bool second = a == middle || (b < end && is_above(order, &from[a], &from[b]));
        out[i] = from[second ? b++ : a++];
    }
}

/* The sorted entries are in the one buffer or the other. */
static const struct entry *sort(const struct row_order *order, size_t n)
{
    struct entry *from = (struct entry *)(void *)order->entries.data;
    struct entry *into = (struct entry *)(void *)order->room.data;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t end = n - at < 2 * width ? n - at : 2 * width;
            merge(order, from + at, width < end ? width : end, end, into + at);
        }
        struct entry *other = from;
        from = into;
        into = other;
    }
    return from;
}

static bool is_sorted(const struct row_order *order, size_t n)
{
    const struct entry *entries = (const struct entry *)(const void *)order->entries.data;
    for (size_t i = 1; i < n; i++)
        if (is_above(order, &entries[i - 1], &entries[i]))
            return false;
    return true;
}

static status make_keys(struct row_order *order, const struct leaf_plan *plan,
                        const struct parquet_options *options, struct error *err)
{
    if (order->keys)
        return STATUS_OK;
    order->keys = mem_zalloc(options->n_sort_keys * sizeof(*order->keys));
    if (!order->keys)
        return error_no_memory(err);
    order->n_keys = options->n_sort_keys;
    for (size_t i = 0; i < order->n_keys; i++) {
        order->keys[i].asked = options->sort_keys[i];
        order->keys[i].leaf = &plan->leaves[options->sort_keys[i].leaf];
    }
    return STATUS_OK;
}

static status make_entries(struct row_order *order, size_t n, struct error *err)
{
    TRY(buffer_reserve(&order->entries, n * sizeof(struct entry), err));
    struct entry *entries = (struct entry *)(void *)order->entries.data;
    for (uint32_t i = 0; i < n; i++)
        entries[i] = (struct entry){
            .prefix = prefix_at(&order->keys[0], i), .row = i, .rank = rank_of(&order->keys[0], i)};
    return STATUS_OK;
}

status row_order_find(struct row_order *order, const struct leaf_plan *plan,
                      const struct parquet_options *options, const struct batch *batch,
                      size_t first, size_t n, const uint32_t **out_rows, struct error *err)
{
    *out_rows = NULL;
    if (options->n_sort_keys == 0 || n < 2)
        return STATUS_OK;
    if (first + n > UINT32_MAX)
        return error_set(err, STATUS_BUG, "a batch of more than %u rows is to be sorted",
                         UINT32_MAX);
    TRY(make_keys(order, plan, options, err));
    for (size_t i = 0; i < order->n_keys; i++)
        TRY(prepare(&order->keys[i], batch, first, n, err));
    TRY(make_entries(order, n, err));
    if (is_sorted(order, n))
        return STATUS_OK;
    TRY(buffer_reserve(&order->room, n * sizeof(struct entry), err));
    TRY(buffer_reserve(&order->rows, n * sizeof(uint32_t), err));
    const struct entry *sorted = sort(order, n);
    uint32_t *rows = (uint32_t *)(void *)order->rows.data;
    for (size_t i = 0; i < n; i++)
        rows[i] = (uint32_t)first + sorted[i].row;
    *out_rows = rows;
    return STATUS_OK;
}
