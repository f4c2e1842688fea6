/* One value outside a column: bounds, watermarks, partition values, statistics. */
#ifndef LEAT_BATCH_SCALAR_H
#define LEAT_BATCH_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "batch/column.h"
#include "batch/type.h"

struct scalar {
    struct type type;
    bool is_null;
    union {
        int64_t i64;       /* BOOL, INT8..INT64, DATE, TIME, TIMESTAMP */
        uint64_t u64;      /* UINT8..UINT64 */
        double f64;        /* FLOAT32, FLOAT64 */
        uint8_t fixed[32]; /* DECIMAL (little-endian), UUID, INTERVAL, FIXED_BINARY to 32 bytes */
    };
    const char *bytes; /* UTF8, BINARY, JSON: borrowed unless made by scalar_copy */
    size_t size;
};

/* The value at ROW of COLUMN (flat types); text is borrowed from the column. */
void scalar_from_column(struct scalar *out, const struct column *column, size_t row);
/* The inverse: one more row of COLUMN (flat, of the scalar's type). Errors: NO_MEMORY; BUG for a nested column. */
status column_append_scalar(struct column *column, const struct scalar *value, struct error *err);
/* A copy whose bytes live in ARENA. */
status scalar_copy(struct scalar *out, const struct scalar *from, struct arena *arena,
                   struct error *err);
/* Order of the type: -1, 0, 1. NULL before all, NaN after all. Types must be equal. */
int scalar_compare(const struct scalar *a, const struct scalar *b);
/* Canonical text: 42, 1.5 (shortest that reads back), 12.30, 2013-11-30, 2013-11-30T08:15:00.123456
 * (with Z if UTC; no fraction when it is zero), 0x.. for binary. Dates outside the years 0001..9999 are "@" and
 * their number. NUL-terminated in ARENA, NULL when there is no memory; "NULL" for a NULL. */
char *scalar_text(const struct scalar *scalar, struct arena *arena);
/* The inverse, for TYPE; accepts the canonical text only. Strings borrow from TEXT (so BINARY, whose text
 * is hex, is refused). BAD_DATA says what was expected. */
status scalar_parse(struct type type, const char *text, size_t size, struct scalar *out,
                    struct error *err);

/* Parts of scalar_parse that readers of sources use on their own (strict forms, see docs):
 *   date       YYYY-MM-DD
 *   timestamp  YYYY-MM-DD[T or space]HH:MM[:SS[.f{1,9}]][Z|+HH[:MM]|-HH[:MM]]
 * More than six digits of a fraction must be zeros. *out_zoned tells whether an offset was written (it is
 * applied: the result is UTC). False: not of that form. */
bool parse_date(const char *text, size_t size, int32_t *out_days);
bool parse_timestamp(const char *text, size_t size, int64_t *out_us, bool *out_zoned);
bool parse_time(const char *text, size_t size, int64_t *out_us);
/* Exact decimal text [+-]digits[.digits][e[+-]n] to a scaled integer (little-endian two's complement of
 * decimal_value_bytes). False: not a number, does not fit, or has non-zero digits beyond SCALE. */
bool parse_decimal(const char *text, size_t size, int32_t precision, int32_t scale, uint8_t *out);
/* [+-] stands before any part: P1Y2M3W4DT5H6M7.5S, parts in this order, at least one; nothing lost, or false. The value is
 * that of a column's slot: months, days, nanoseconds. */
bool parse_interval(const char *text, size_t size, uint8_t out[16]);
enum { INTERVAL_TEXT_BYTES = 96 };
/* The same form, without weeks and parts that are zero; PT0S for none. Returns the length; ends without a NUL. */
size_t format_interval(const uint8_t *value, char out[INTERVAL_TEXT_BYTES]);

#endif
