/* From a batch to groups of rows with equal partition values, and from the values to paths.
 *
 * partition_by is a list of transforms of source columns. Each gives one key column, or three (ymd). Rows are
 * grouped with one counting sort over a batch: a key number for each row, a histogram, a prefix sum, a
 * permutation. */
#ifndef LEAT_PARTITION_PARTITION_H
#define LEAT_PARTITION_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "batch/batch.h"
#include "batch/scalar.h"

enum partition_transform {
    PARTITION_IDENTITY,
    PARTITION_YEAR,   /* date: the first day of the year */
    PARTITION_MONTH,  /* date: the first day of the month */
    PARTITION_DAY,    /* date */
    PARTITION_YMD,    /* three int32 columns: year, month, day */
    PARTITION_PERIOD, /* date: start of the row's day, or of its month once the day is old enough */
    PARTITION_HOUR,   /* timestamp: start of the hour, of the column's kind */
    PARTITION_TRUNCATE, /* numbers: down to a multiple of `argument` (decimals: of the last digit); text and JSON:
                           a text of the first `argument` code points */
    PARTITION_BUCKET, /* int32: Iceberg's murmur3 of the value, modulo `argument` */
};

/* One entry of partition_by as the job file says it. */
struct partition_spec {
    enum partition_transform transform;
    const char *column; /* source column */
    const char *as;     /* name of the key column; NULL: the default (identity: the column's own
                                name; year, month, day, hour: <column>_year, ...; period: <column>_period;
                                truncate: <column>_trunc; bucket: <column>_bucket;
                                ymd: year, month, day, where `as` is a prefix: <as>_year ...) */
    int32_t after_days; /* PERIOD: days this many days or more before `today` go by month */
    const char
        *time_zone;   /* UTC (the default) or a name of the tz database; only UTC now. For columns
                                that are instants: the calendar in which days are cut. */
    int32_t argument; /* TRUNCATE: units or code points, BUCKET: buckets; 1 or more */
};

/* Parse "created_at", "day(created_at)", "ymd(d) as x", "period(d, 90 days)", "bucket(id, 16)": the text form of one entry. Strings live in ARENA. BAD_CONFIG
 * says what was expected. */
status partition_spec_parse(const char *text, struct arena *arena, struct partition_spec *out,
                            struct error *err);
/* The text form again, for messages and the contract. */
char *partition_spec_text(const struct partition_spec *spec, struct arena *arena);

/* Whether VALUE, of the type of the key column that SPEC makes (not ymd), is the value of a partition. A value that
 * no row can have is BAD_CONFIG, which names the one meant: the first of the month for a day in it. */
status partition_spec_admits(const struct partition_spec *spec, const struct scalar *value,
                             struct error *err);

struct partitioner;

/* SCHEMA: that of the batches to come. TODAY: the day that counts as today, from the plan (days since 1970).
 * Errors: BAD_CONFIG (no such column, with the nearest name; a type the transform can't take; a name that clashes). */
status partitioner_new(const struct schema *schema, const struct partition_spec *specs, size_t n,
                       int32_t today, struct partitioner **out, struct error *err);
void partitioner_free(struct partitioner *partitioner);

/* The key columns, in path order: names, types, nullable. */
const struct schema *partitioner_keys(const struct partitioner *partitioner);
/* Positions of the source columns that stay in the data files: all but those an identity transform took
 * under their own name (their values are in the table's metadata). OUT_PICK has room for all columns. */
void partitioner_data_columns(const struct partitioner *partitioner, size_t *out_pick,
                              size_t *out_n);

/* A set of partition keys, numbered from 0 in order of appearance. One for each split; not shared. */
struct partition_keys;
status partition_keys_new(const struct partitioner *partitioner, struct partition_keys **out,
                          struct error *err);
void partition_keys_free(struct partition_keys *keys);
size_t partition_keys_count(const struct partition_keys *keys);
size_t partition_keys_bytes(const struct partition_keys *keys); /* memory they take */
/* Value of key column COLUMN of key KEY; bytes borrowed from KEYS. */
void partition_keys_value(const struct partition_keys *keys, uint32_t key, size_t column,
                          struct scalar *out);
/* Number of the key with these VALUES (one for each key column), added if new. Bytes must not be
 * borrowed from KEYS itself. */
status partition_keys_intern(struct partition_keys *keys, const struct scalar *values,
                             uint32_t *out_key, struct error *err);
/* All keys, partition_keys_count of them, in the order of their values, NULL first; of texts the first 32 bytes count, and what
 * is equal then stands as it was met. For what gains from a common order of several sets; nothing may depend on it. Borrowed
 * until it is asked for again. */
status partition_keys_order(struct partition_keys *keys, const uint32_t **out, struct error *err);

/* Rows of a batch by partition. With one key in the batch `order` is the identity (rows 0..n). */
struct partition_groups {
    size_t n_groups;
    struct partition_group {
        uint32_t key;   /* in KEYS */
        uint32_t first; /* rows order[first .. first + rows) */
        uint32_t rows;
    } * groups;           /* in the order of partition_keys_order */
    uint32_t *order;      /* batch->rows row numbers; rows of a group keep their order */
    struct buffer memory; /* owns both */
    struct buffer scratch;
};

/* Group the rows of BATCH (at most 2^31). OUT may be reused; release it at the end. */
status partition_group(const struct partitioner *partitioner, struct partition_keys *keys,
                       const struct batch *batch, struct partition_groups *out, struct error *err);
void partition_groups_release(struct partition_groups *groups);

/* ---- paths ---- */

/* source_type of the key columns that ymd makes: their numbers have at least two digits in a path (month=09). */
#define PARTITION_PART_OF_DATE "part of a date"

/* "created_day=2013-11-30/carrier=UA" for the key's values, in ARENA; "" without key columns. Values are in
 * canonical text, percent-encoded but for [A-Za-z0-9_.-] (with "." and ".." and a leading "." or "_" encoded
 * too); NULL and, as all Hive readers do, the empty string are __HIVE_DEFAULT_PARTITION__ (the true value is
 * in the table's metadata). A segment over 200 bytes ends in "~" and 32 hex digits of its XXH3-128. */
char *partition_path(const struct schema *keys, const struct scalar *values, struct arena *arena);
/* Canonical text of one partition value as Delta wants it in partitionValues: dates YYYY-MM-DD, timestamps
 * "YYYY-MM-DD HH:MM:SS[.ffffff]", numbers in decimal; NULL for NULL. In ARENA. Text is copied whole: if it holds NUL
 * bytes, its length is value->size. */
char *partition_value_text(const struct scalar *value, struct arena *arena);
/* The inverse of one segment ("k=v") for names that were not cut: decoded name and value in ARENA, NULL value for the
 * default partition. False: not of that form. */
/* A value with a NUL byte in it has no such string: false here, whole in partition_segment_decode. */
bool partition_path_decode(const char *segment, size_t size, struct arena *arena, char **out_name,
                           char **out_value);
bool partition_segment_decode(const char *segment, size_t size, struct arena *arena,
                              char **out_name, char **out_value, size_t *out_value_size);

#endif
