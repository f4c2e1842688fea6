/* Transforms of single values, and of whole columns to the numbers that group their rows. Private to partition/. */
#ifndef LEAT_PARTITION_TRANSFORM_H
#define LEAT_PARTITION_TRANSFORM_H

#include "partition/partition.h"

struct partition_entry;

/* NULL, or why a column of type ID can't go through TRANSFORM (not identity): "only ... can be ...". */
const char *transform_refusal(enum partition_transform transform, enum type_id id);
/* Type of the key columns of TRANSFORM (not identity) of a column of type FROM. */
struct type transform_type(enum partition_transform transform, struct type from);

/* Key values of row ROW of COLUMN under ENTRY into OUT[entry->n_keys]; text is borrowed from the column.
 * BAD_DATA: a day outside the calendar, a truncated number that its type can't hold. */
status partition_entry_values(const struct partition_entry *entry, const struct column *column,
                              size_t row, struct scalar *out, struct error *err);

/* Whether rows of COLUMN are grouped under ENTRY by numbers: small values, and all that becomes one. */
bool transform_has_numbers(const struct partition_entry *entry, const struct column *column);
/* A number for each of the first N rows, the same for two rows (not NULL) only if their key values are the same.
 * That of a NULL is any. */
void transform_numbers(const struct partition_entry *entry, const struct column *column, size_t n,
                       int64_t *restrict out);

/* Bytes of the first POINTS code points of valid UTF-8. */
size_t text_prefix(const uint8_t *bytes, size_t size, size_t points);
/* VALUE, two's complement of WIDTH bytes (a multiple of 4), down to a multiple of N. */
void decimal_floor(const uint8_t *value, size_t width, uint32_t n, uint8_t *out);

#endif
