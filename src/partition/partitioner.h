/* What the files of partition/ know of each other. Private. */
#ifndef LEAT_PARTITION_PARTITIONER_H
#define LEAT_PARTITION_PARTITIONER_H

#include "partition/interner.h"
#include "partition/partition.h"

/* One entry of partition_by, bound to a schema. */
struct partition_entry {
    enum partition_transform transform;
    size_t column;    /* position in the source schema */
    size_t first_key; /* its key columns: one, three for ymd */
    size_t n_keys;
    int32_t month_until; /* PERIOD: days up to this one go by month */
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
};

bool partition_is_identity(const struct partition_entry *entry);
/* Key values of row ROW of COLUMN under ENTRY into OUT[entry->n_keys]. BAD_DATA: a day outside the calendar. */
status partition_entry_values(const struct partition_entry *entry, const struct column *column,
                              size_t row, struct scalar *out, struct error *err);
/* Days since 1970 of microseconds, rounded down. */
static inline int64_t partition_day_of_us(int64_t us)
{
    const int64_t us_per_day = INT64_C(86400) * 1000000;
    int64_t day = us / us_per_day;
    return day - (us % us_per_day < 0);
}

#endif
