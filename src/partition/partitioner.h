/* What the files of partition/ know of each other. Private. */
#ifndef LEAT_PARTITION_PARTITIONER_H
#define LEAT_PARTITION_PARTITIONER_H

#include "base/bytes.h"
#include "partition/interner.h"
#include "partition/partition.h"
#include "partition/transform.h"

/* One entry of partition_by, bound to a schema. */
struct partition_entry {
    enum partition_transform transform;
    size_t column;    /* position in the source schema */
    size_t first_key; /* its key columns: one, three for ymd */
    size_t n_keys;
    int32_t month_until; /* PERIOD: days up to this one go by month */
    int32_t argument;    /* TRUNCATE, BUCKET */
};

struct partitioner {
    struct schema keys;
    struct partition_entry *entries;
    size_t n_entries;
    size_t *data_columns;
    size_t n_data_columns;
};

struct partition_keys {
    const struct partitioner *partitioner;
    struct batch values;     /* row k: the values of key k */
    struct interner table;   /* values in canonical bytes -> key */
    struct buffer scratch;   /* canonical bytes of one key */
    struct interner *codes;  /* for each entry: source value (dates: the day) -> code */
    struct interner *pairs;  /* for each entry but the first: (id so far, code) -> id */
    struct buffer key_of_id; /* uint32 for each id of the last entry: its key */
    struct buffer order;     /* uint32: the keys there were when it was last asked for, in order */
};

bool partition_is_identity(const struct partition_entry *entry);

/* ---- arithmetic that single values and whole columns share ---- */

#define US_PER_HOUR INT64_C(3600000000)
#define US_PER_DAY  (24 * US_PER_HOUR)

/* Rounded down, UNIT > 0. */
static inline int64_t floor_divide(int64_t value, int64_t unit)
{
    return value / unit - (value % unit < 0);
}

/* Down to a multiple of STEP > 0, modulo 2^64. */
static inline int64_t floor_wrapping(int64_t value, int64_t step)
{
    int64_t over = value % step;
    return (int64_t)((uint64_t)value - (uint64_t)(over < 0 ? over + step : over));
}

static inline int32_t bucket_of_hash(uint32_t hash, int32_t n_buckets)
{
    return (int32_t)(hash & INT32_MAX) % n_buckets;
}

/* Of the shortest big-endian two's complement of VALUE, a little-endian one of WIDTH bytes: whatever the width, the same. */
uint32_t hash_of_decimal(const uint8_t *value, size_t width);
/* As the decimal(20,0) it is in tables that know no such type. */
uint32_t hash_of_unsigned(uint64_t value);

/* The bytes of a value that is neither a bit nor nested. */
static inline struct span partition_bytes_at(const struct column *column, size_t row)
{
    if (column->value_bytes)
        return (struct span){column->values.data + row * column->value_bytes, column->value_bytes};
    const int64_t *offsets = column_offsets(column);
    size_t size = (size_t)(offsets[row + 1] - offsets[row]);
    return (struct span){size ? column->data.data + offsets[row] : (const uint8_t *)"", size};
}

#endif
