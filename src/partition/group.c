/* Rows to groups.
 *
 *   entry 0      entry 1            ...
 *   value        value                    column of the batch as numbers (numbers.c) or bytes: days, hours,
 *     |            |                        buckets, floors, prefixes where a transform asks for them
 *     | codes      | codes                number of the distinct value, one dictionary for each entry
 *     +-> id ------+-> id -> ...          number of the distinct combination
 *                       | key_of_id       transforms run here: once for each id, not for each row
 *                      key
 *
 * then a histogram of the keys, its prefix sums in the order of their values (order.c), and one pass that puts each row's
 * number in its place. Codes of
 * numbers come through an array over the batch's smallest to largest value where that is short: days and
 * small numbers need no hashing at all. */
#include <string.h>

#include "base/bytes.h"
#include "partition/partitioner.h"

enum {
    NULL_CODE = 0, /* values have codes from 1 */
    NO_KEY = UINT32_MAX,
    LEAST_DIRECT_SLOTS = 4096,
};

/* Regions of the groups' scratch, for one batch. */
struct work {
    const struct batch *batch;
    int64_t *numbers; /* rows: the values of an entry */
    uint32_t *ids;    /* rows: the id, at the end the key */
    uint32_t *codes;  /* rows */
    uint32_t *direct; /* direct_slots: code of (value - least), 0 while not met */
    size_t direct_slots;
};

/* ---- codes ---- */

/* Smallest value and how many steps lie up to the largest. A NULL's slot is zero, a value like any other
 * here: it only widens the range. */
static uint64_t range_of(const int64_t *numbers, size_t n, int64_t *out_least)
{
    int64_t least = numbers[0], most = numbers[0];
    for (size_t i = 1; i < n; i++) {
        least = numbers[i] < least ? numbers[i] : least;
        most = numbers[i] > most ? numbers[i] : most;
    }
    *out_least = least;
    return (uint64_t)most - (uint64_t)least;
}

static status code_of(struct interner *dictionary, const void *bytes, size_t size, uint32_t *out,
                      struct error *err)
{
    uint32_t number;
    TRY(interner_add(dictionary, bytes, size, &number, err));
    *out = number + 1;
    return STATUS_OK;
}

static status codes_direct(const struct work *work, const struct column *column, int64_t least,
                           struct interner *dictionary, struct error *err)
{
    for (size_t i = 0; i < work->batch->rows; i++) {
        if (column_is_null(column, i)) {
            work->codes[i] = NULL_CODE;
            continue;
        }
        uint32_t *slot = &work->direct[(uint64_t)work->numbers[i] - (uint64_t)least];
        if (__builtin_expect(*slot == 0, 0))
            TRY(code_of(dictionary, &work->numbers[i], sizeof(int64_t), slot, err));
        work->codes[i] = *slot;
    }
    return STATUS_OK;
}

/* Neighbours are often equal: the last value answers for the next. */
static status codes_hashed(const struct work *work, const struct column *column,
                           struct interner *dictionary, struct error *err)
{
    uint32_t last = 0;
    int64_t last_number = 0;
    for (size_t i = 0; i < work->batch->rows; i++) {
        if (column_is_null(column, i)) {
            work->codes[i] = NULL_CODE;
            continue;
        }
        if (last == 0 || work->numbers[i] != last_number) {
            last_number = work->numbers[i];
            TRY(code_of(dictionary, &last_number, sizeof(last_number), &last, err));
        }
        work->codes[i] = last;
    }
    return STATUS_OK;
}

static status codes_of_numbers(const struct work *work, const struct partition_entry *entry,
                               const struct column *column, struct interner *dictionary,
                               struct error *err)
{
    int64_t least;
    transform_numbers(entry, column, work->batch->rows, work->numbers);
    uint64_t range = range_of(work->numbers, work->batch->rows, &least);
    if (range >= work->direct_slots)
        return codes_hashed(work, column, dictionary, err);
    memset(work->direct, 0, (range + 1) * sizeof(*work->direct));
    return codes_direct(work, column, least, dictionary, err);
}

static bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Text, decimals, UUIDs; of text no more than POINTS code points count. */
static status codes_of_bytes(const struct work *work, const struct column *column, size_t points,
                             struct interner *dictionary, struct error *err)
{
    uint32_t last = 0;
    struct span last_value = {0};
    for (size_t i = 0; i < work->batch->rows; i++) {
        if (column_is_null(column, i)) {
            work->codes[i] = NULL_CODE;
            continue;
        }
        struct span value = partition_bytes_at(column, i);
        if (value.size > points)
            value.size = text_prefix(value.data, value.size, points);
        if (last == 0 || !span_equal(value, last_value)) {
            TRY(code_of(dictionary, value.data, value.size, &last, err));
            last_value = value;
        }
        work->codes[i] = last;
    }
    return STATUS_OK;
}

static status codes_of_floors(const struct work *work, const struct column *column, uint32_t step,
                              struct interner *dictionary, struct error *err)
{
    size_t width = column->value_bytes;
    uint32_t last = 0;
    uint8_t value[32], last_value[32];
    for (size_t i = 0; i < work->batch->rows; i++) {
        if (column_is_null(column, i)) {
            work->codes[i] = NULL_CODE;
            continue;
        }
        decimal_floor(column->values.data + i * width, width, step, value);
        if (last == 0 || memcmp(value, last_value, width) != 0) {
            TRY(code_of(dictionary, value, width, &last, err));
            memcpy(last_value, value, width);
        }
        work->codes[i] = last;
    }
    return STATUS_OK;
}

static status codes_of_entry(const struct work *work, const struct partition_entry *entry,
                             struct interner *dictionary, struct error *err)
{
    const struct column *column = &work->batch->columns[entry->column];
    if (transform_has_numbers(entry, column))
        return codes_of_numbers(work, entry, column, dictionary, err);
    if (entry->transform != PARTITION_TRUNCATE)
        return codes_of_bytes(work, column, SIZE_MAX, dictionary, err);
    if (column->field->type.id == TYPE_DECIMAL)
        return codes_of_floors(work, column, (uint32_t)entry->argument, dictionary, err);
    return codes_of_bytes(work, column, (size_t)entry->argument, dictionary, err);
}

/* ---- ids and keys ---- */

static status pair_ids(const struct work *work, struct interner *pairs, struct error *err)
{
    uint32_t pair[2] = {0}, last[2] = {0}, last_id = 0;
    for (size_t i = 0; i < work->batch->rows; i++) {
        pair[0] = work->ids[i];
        pair[1] = work->codes[i];
        if (i == 0 || pair[0] != last[0] || pair[1] != last[1]) {
            TRY(interner_add(pairs, pair, sizeof(pair), &last_id, err));
            memcpy(last, pair, sizeof(last));
        }
        work->ids[i] = last_id;
    }
    return STATUS_OK;
}

static status find_ids(const struct partitioner *partitioner, struct partition_keys *keys,
                       struct work *work, struct error *err)
{
    uint32_t *ids = work->ids, *codes = work->codes;
    for (size_t e = 0; e < partitioner->n_entries; e++) {
        work->codes = e == 0 ? ids : codes; /* the first entry's codes are ids already */
        TRY(codes_of_entry(work, &partitioner->entries[e], &keys->codes[e], err));
        if (e > 0)
            TRY(pair_ids(work, &keys->pairs[e], err));
    }
    return STATUS_OK;
}

/* One more than the largest id there can be. */
static size_t count_ids(const struct partitioner *partitioner, const struct partition_keys *keys)
{
    size_t last = partitioner->n_entries - 1;
    return last == 0 ? keys->codes[0].count + (size_t)1 : keys->pairs[last].count;
}

static status key_of_row(const struct partitioner *partitioner, struct partition_keys *keys,
                         const struct batch *batch, size_t row, uint32_t *out, struct error *err)
{
    size_t n = partitioner->keys.n_fields;
    SCOPED(mem_freep) struct scalar *values = mem_zalloc(n * sizeof(*values));
    if (!values)
        return error_no_memory(err);
    for (size_t e = 0; e < partitioner->n_entries; e++) {
        const struct partition_entry *entry = &partitioner->entries[e];
        TRY(partition_entry_values(entry, &batch->columns[entry->column], row,
                                   &values[entry->first_key], err));
    }
    return partition_keys_intern(keys, values, out, err);
}

static status find_keys(const struct partitioner *partitioner, struct partition_keys *keys,
                        struct work *work, struct error *err)
{
    TRY(find_ids(partitioner, keys, work, err));
    size_t known = keys->key_of_id.size / sizeof(uint32_t);
    size_t n_ids = count_ids(partitioner, keys);
    TRY(buffer_reserve(&keys->key_of_id, n_ids * sizeof(uint32_t), err));
    uint32_t *key_of_id = (uint32_t *)(void *)keys->key_of_id.data;
    for (; known < n_ids; known++)
        key_of_id[known] = NO_KEY;
    keys->key_of_id.size = n_ids * sizeof(uint32_t);
    for (size_t i = 0; i < work->batch->rows; i++) {
        uint32_t *key = &key_of_id[work->ids[i]];
        if (__builtin_expect(*key == NO_KEY, 0))
            TRY(key_of_row(partitioner, keys, work->batch, i, key, err));
        work->ids[i] = *key;
    }
    return STATUS_OK;
}

/* ---- the counting sort ---- */

static void sort_rows(const struct work *work, const uint32_t *key_order, uint32_t *counts,
                      size_t n_keys, struct partition_groups *out)
{
    size_t rows = work->batch->rows;
    memset(counts, 0, n_keys * sizeof(*counts));
    for (size_t i = 0; i < rows; i++)
        counts[work->ids[i]]++;
    uint32_t first = 0;
    out->n_groups = 0;
    for (size_t i = 0; i < n_keys; i++) {
        uint32_t key = key_order[i], count = counts[key];
        counts[key] = first;
        if (count)
            out->groups[out->n_groups++] =
                (struct partition_group){.key = key, .first = first, .rows = count};
        first += count;
    }
    for (size_t i = 0; i < rows; i++)
        out->order[counts[work->ids[i]]++] = (uint32_t)i;
}

/* ---- memory: one buffer cut in regions, kept from batch to batch ---- */

static status reserve_work(struct buffer *scratch, const struct batch *batch, struct work *out,
                           struct error *err)
{
    size_t rows = batch->rows;
    size_t slots = LEAST_DIRECT_SLOTS + 4 * rows;
    size_t bytes = rows * (sizeof(int64_t) + 2 * sizeof(uint32_t)) + slots * sizeof(uint32_t);
    TRY(buffer_reserve(scratch, bytes, err));
    int64_t *numbers = (int64_t *)(void *)scratch->data;
    uint32_t *ids = (uint32_t *)(numbers + rows);
    *out = (struct work){.batch = batch,
                         .numbers = numbers,
                         .ids = ids,
                         .codes = ids + rows,
                         .direct = ids + 2 * rows,
                         .direct_slots = slots};
    return STATUS_OK;
}

static status reserve_groups(struct partition_groups *groups, size_t rows, size_t n_keys,
                             uint32_t **out_counts, struct error *err)
{
    size_t n_groups = n_keys < rows ? n_keys : rows;
    size_t bytes = n_groups * sizeof(*groups->groups) + (rows + n_keys) * sizeof(uint32_t);
    TRY(buffer_reserve(&groups->memory, bytes, err));
    groups->groups = (struct partition_group *)(void *)groups->memory.data;
    groups->order = (uint32_t *)(void *)(groups->groups + n_groups);
    *out_counts = groups->order + rows;
    return STATUS_OK;
}

/* Without partitions all rows are of the one key without values. */
static status one_group(struct partition_keys *keys, const struct batch *batch,
                        struct partition_groups *out, struct error *err)
{
    uint32_t *counts, key;
    TRY(partition_keys_intern(keys, NULL, &key, err));
    TRY(reserve_groups(out, batch->rows, 1, &counts, err));
    for (size_t i = 0; i < batch->rows; i++)
        out->order[i] = (uint32_t)i;
    out->groups[0] = (struct partition_group){.key = key, .rows = (uint32_t)batch->rows};
    out->n_groups = 1;
    return STATUS_OK;
}

status partition_group(const struct partitioner *partitioner, struct partition_keys *keys,
                       const struct batch *batch, struct partition_groups *out, struct error *err)
{
    struct work work;
    const uint32_t *key_order;
    uint32_t *counts;
    out->n_groups = 0;
    if (batch->rows == 0)
        return STATUS_OK;
    if (batch->rows > (size_t)1 << 31)
        return error_set(err, STATUS_BUG, "a batch of %zu rows, 2^31 at most", batch->rows);
    if (partitioner->n_entries == 0)
        return one_group(keys, batch, out, err);
    TRY(reserve_work(&out->scratch, batch, &work, err));
    TRY(find_keys(partitioner, keys, &work, err));
    size_t n_keys = partition_keys_count(keys);
    TRY(reserve_groups(out, batch->rows, n_keys, &counts, err));
    TRY(partition_keys_order(keys, &key_order, err));
    sort_rows(&work, key_order, counts, n_keys, out);
    return STATUS_OK;
}

void partition_groups_release(struct partition_groups *groups)
{
    buffer_release(&groups->memory);
    buffer_release(&groups->scratch);
    *groups = (struct partition_groups){0};
}
