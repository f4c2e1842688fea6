/* One SQLite value into one column: the rules of docs/sources/sqlite.md, one function for each kind of column.
 * The function is chosen once for a column; it looks at the value's own storage class and nothing else. */
#ifndef LEAT_SOURCE_SQLITE_VALUE_H
#define LEAT_SOURCE_SQLITE_VALUE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "batch/column.h"

enum fit {
    FIT_YES,    /* appended */
    FIT_NULL,   /* the value is NULL; nothing appended */
    FIT_NO,     /* the value has no exact form in the column's type; nothing appended */
    FIT_FAILED, /* ERR is set (memory); nothing appended */
};

/* A value as the database holds it, whoever read it: SQLite or our own decoder of pages. */
struct stored_value {
    int kind; /* SQLITE_INTEGER, _FLOAT, _TEXT, _BLOB, _NULL */
    union {
        int64_t integer;
        double real;
        const char *bytes; /* TEXT (UTF-8, no NUL at the end promised) and BLOB; borrowed */
    };
    size_t size; /* of `bytes` */
};

/* VALUE belongs to a statement that no other thread steps; OUT borrows from it until the next step. */
void value_of_sqlite(sqlite3_value *value, struct stored_value *out);

/* Room for the row must be reserved. */
typedef enum fit (*append_fn)(struct column *column, const struct stored_value *value,
                              struct error *err);

/* NULL: the driver has no rule for TYPE. */
append_fn value_append_for(struct type type);
/* As its text, whatever it is: what a column with the policy `text` gets. BLOBs and text that is not UTF-8
 * become 0x and hex digits. */
enum fit value_append_any_text(struct column *column, const struct stored_value *value,
                               struct error *err);

/* ASCII eight bytes at a time; the rest in full. */
bool value_is_utf8(const char *bytes, size_t size);

enum { VALUE_EXACT_SCALE = 22 };
/* 10^n as a double, exact; n to VALUE_EXACT_SCALE. */
double value_power_real(int32_t n);
/* Integers from this one on have more than PRECISION digits; PRECISION to 18, INT64_MAX above. */
int64_t value_decimal_limit(int32_t precision);

/* The rule: a REAL is the decimal its shortest text names, if that has at most `scale` digits behind the point.
 *
 * Without making text: let r be the whole number nearest to real * 10^scale. If |r| < 10^15 and r / 10^scale
 * is `real` again, then r * 10^-scale has at most 15 digits and reads back to `real` (both operands are exact
 * and division rounds as reading does). Two decimals of at most 15 digits never read as the same double, so
 * the shortest text names the same number. All other values take the way over the text: false.
 *
 *   power  10^scale
 * Adding and taking away 1.5 * 2^52 leaves the nearest whole number of what is below 2^51. */
static inline bool value_decimal_of_real(double real, double power, int64_t *out)
{
    static const double whole = 6755399441055744.0;
    double scaled = real * power;
    double nearest = (scaled + whole) - whole;
    if (!(scaled < 1e15 && scaled > -1e15 && nearest < 1e15 && nearest > -1e15) ||
        nearest / power != real)
        return false;
    *out = (int64_t)nearest;
    return true;
}

enum { VALUE_TEXT_BYTES = 32 };
/* Shortest decimal text that reads back to VALUE, with a point or an exponent; Infinity, -Infinity. Returns
 * its length. */
size_t value_real_text(double value, char out[VALUE_TEXT_BYTES]);

enum { VALUE_SHOWN_BYTES = 128 };
/* "TEXT 'abc'", "REAL 1.5", "BLOB of 12 bytes": for messages; long text is cut. */
const char *value_show(const struct stored_value *value, char out[VALUE_SHOWN_BYTES]);

#endif
