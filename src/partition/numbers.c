/* A column as one number for each row. What to do is settled once for a column; the loops have no branch on it. */
#include "partition/murmur3.h"
#include "partition/partitioner.h"

bool transform_has_numbers(const struct partition_entry *entry, const struct column *column)
{
    return entry->transform == PARTITION_BUCKET || column->field->type.id == TYPE_BOOL ||
           (column->value_bytes > 0 && column->value_bytes <= 8);
}

/* ---- as they are ---- */

#define WIDEN(type)                                                                                \
    do {                                                                                           \
        const type *in = (const type *)(const void *)column->values.data;                          \
        for (size_t i = 0; i < n; i++)                                                             \
            out[i] = (int64_t)in[i];                                                               \
    } while (0)

static void widen(const struct column *column, size_t n, int64_t *restrict out)
{
    switch (column->field->type.id) {
    case TYPE_BOOL:
        for (size_t i = 0; i < n; i++)
            out[i] = bit_get(column->values.data, i);
        break;
    case TYPE_INT8:
        WIDEN(int8_t);
        break;
    case TYPE_UINT8:
        WIDEN(uint8_t);
        break;
    case TYPE_INT16:
        WIDEN(int16_t);
        break;
    case TYPE_UINT16:
        WIDEN(uint16_t);
        break;
    case TYPE_INT32:
    case TYPE_DATE:
        WIDEN(int32_t);
        break;
    case TYPE_UINT32:
        WIDEN(uint32_t);
        break;
    default:
        WIDEN(int64_t);
    }
}

/* Hours or days. A loop each: division by a constant is a multiplication. */
static void periods(const struct column *column, bool hours, size_t n, int64_t *restrict out)
{
    const int64_t *in = (const int64_t *)(const void *)column->values.data;
    if (hours)
        for (size_t i = 0; i < n; i++)
            out[i] = floor_divide(in[i], US_PER_HOUR);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = floor_divide(in[i], US_PER_DAY);
}

/* ---- buckets ---- */

static void buckets_of_bytes(const struct column *column, int32_t n_buckets, size_t n,
                             int64_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        struct span value = partition_bytes_at(column, i);
        out[i] = bucket_of_hash(murmur3_bytes(value.data, value.size), n_buckets);
    }
}

static void buckets_of_decimals(const struct column *column, int32_t n_buckets, size_t n,
                                int64_t *restrict out)
{
    size_t width = column->value_bytes;
    for (size_t i = 0; i < n; i++)
        out[i] = bucket_of_hash(hash_of_decimal(column->values.data + i * width, width), n_buckets);
}

static void buckets_of_unsigned(const struct column *column, int32_t n_buckets, size_t n,
                                int64_t *restrict out)
{
    const uint64_t *in = (const uint64_t *)(const void *)column->values.data;
    for (size_t i = 0; i < n; i++)
        out[i] = bucket_of_hash(hash_of_unsigned(in[i]), n_buckets);
}

static void buckets(const struct column *column, int32_t n_buckets, size_t n, int64_t *restrict out)
{
    switch (column->field->type.id) {
    case TYPE_DECIMAL:
        buckets_of_decimals(column, n_buckets, n, out);
        break;
    case TYPE_UINT64:
        buckets_of_unsigned(column, n_buckets, n, out);
        break;
    case TYPE_UTF8:
    case TYPE_JSON:
    case TYPE_BINARY:
    case TYPE_FIXED_BINARY:
    case TYPE_UUID:
        buckets_of_bytes(column, n_buckets, n, out);
        break;
    default:
        widen(column, n, out);
        for (size_t i = 0; i < n; i++)
            out[i] = bucket_of_hash(murmur3_long(out[i]), n_buckets);
    }
}

/* ---- all of them ---- */

/* A floor below the least int64 wraps around. It meets no other: a multiple of STEP that lies 2^64 away would make
 * STEP a power of two, which the least int64 is a multiple of. The transform of the row says it is too small. */
static void floors(const struct column *column, int32_t step, size_t n, int64_t *restrict out)
{
    widen(column, n, out);
    if (column->field->type.id == TYPE_UINT64)
        for (size_t i = 0; i < n; i++)
            out[i] = (int64_t)((uint64_t)out[i] / (uint32_t)step * (uint32_t)step);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = floor_wrapping(out[i], step);
}

void transform_numbers(const struct partition_entry *entry, const struct column *column, size_t n,
                       int64_t *restrict out)
{
    if (entry->transform == PARTITION_BUCKET) {
        buckets(column, entry->argument, n, out);
        return;
    }
    if (entry->transform == PARTITION_TRUNCATE) {
        floors(column, entry->argument, n, out);
        return;
    }
    if (entry->transform != PARTITION_IDENTITY && column->field->type.id == TYPE_TIMESTAMP)
        periods(column, entry->transform == PARTITION_HOUR, n, out);
    else
        widen(column, n, out);
}
