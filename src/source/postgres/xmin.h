/* The transaction that wrote a row (the system column xmin) as a watermark, for tables that have no better column. */
#ifndef LEAT_SOURCE_POSTGRES_XMIN_H
#define LEAT_SOURCE_POSTGRES_XMIN_H

#include "source/postgres/table.h"

#define XMIN_KEY "xmin"

/* What a plan needs: the bound, and the condition that reads what lies below it. All in ARENA. */
struct xmin_range {
    struct scalar bound;   /* int64; NULL: nothing is new */
    const char *condition; /* on the rows of a table; "" none */
    const char *note;      /* for the user; NULL */
};

/* Does KEY mean the system column of TABLE? A view may have a column of that name. */
bool xmin_is_key(const struct postgres_table *table, const char *key);
/* NULL, or why TABLE has no such watermark, as the part of a sentence. */
const char *xmin_doubt(const struct postgres_table *table);
/* CONN is in the run's snapshot. HELD: LOWER (NULL: none) is too old, or of another history of the server. */
status xmin_plan(PGconn *conn, const struct scalar *lower, struct arena *arena,
                 struct xmin_range *out, struct error *err);
/* The bound that a run would have now. */
status xmin_newest(PGconn *conn, struct scalar *out, struct error *err);

/* The condition for rows of transactions [LOWER, BOUND), where MOST is the next one that the snapshot does not know; LOWER 0:
 * from the first on. */
void xmin_condition(uint64_t lower, uint64_t bound, uint64_t most, struct text *out);

#endif
