/* The columns of table `runs`, each with the field of struct ledger_entry it holds. Private to src/ledger. */
#ifndef LEAT_LEDGER_COLUMNS_H
#define LEAT_LEDGER_COLUMNS_H

#include <stddef.h>

enum ledger_kind {
    LEDGER_TEXT,  /* const char *; NULL is NULL */
    LEDGER_INT,   /* int64_t, or uint64_t below 2^63 */
    LEDGER_REAL,  /* double; NULL reads as 0 */
    LEDGER_MAYBE, /* double; NaN is NULL */
};

struct ledger_column {
    const char *name;
    enum ledger_kind kind;
    size_t offset; /* in struct ledger_entry */
};

extern const struct ledger_column ledger_columns[];
extern const size_t ledger_n_columns;

/* Step I brings a file of version I to version I + 1; ends with NULL. A step once released never changes. */
extern const char *const ledger_migrations[];

#endif
