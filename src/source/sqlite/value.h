/* One SQLite value into one column: the rules of docs/sources/sqlite.md, one function for each kind of column.
 * The function is chosen once for a column; it looks at the value's own storage class and nothing else. */
#ifndef LEAT_SOURCE_SQLITE_VALUE_H
#define LEAT_SOURCE_SQLITE_VALUE_H

#include <sqlite3.h>

#include "batch/column.h"

enum fit {
    FIT_YES,    /* appended */
    FIT_NULL,   /* the value is NULL; nothing appended */
    FIT_NO,     /* the value has no exact form in the column's type; nothing appended */
    FIT_FAILED, /* ERR is set (memory); nothing appended */
};

/* Room for the row must be reserved. VALUE belongs to a statement that no other thread steps. */
typedef enum fit (*append_fn)(struct column *column, sqlite3_value *value, struct error *err);

/* NULL: the driver has no rule for TYPE. */
append_fn value_append_for(struct type type);
/* As its text, whatever it is: what a column with the policy `text` gets. BLOBs and text that is not UTF-8
 * become 0x and hex digits. */
enum fit value_append_any_text(struct column *column, sqlite3_value *value, struct error *err);

enum { VALUE_TEXT_BYTES = 32 };
/* Shortest decimal text that reads back to VALUE, with a point or an exponent; Infinity, -Infinity. Returns
 * its length. */
size_t value_real_text(double value, char out[VALUE_TEXT_BYTES]);

enum { VALUE_SHOWN_BYTES = 128 };
/* "TEXT 'abc'", "REAL 1.5", "BLOB of 12 bytes": for messages; long text is cut. */
const char *value_show(sqlite3_value *value, char out[VALUE_SHOWN_BYTES]);

#endif
