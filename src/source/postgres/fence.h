/* The bound of an incremental run: below it every row is in the snapshot (DESIGN, "The bound"). */
#ifndef LEAT_SOURCE_POSTGRES_FENCE_H
#define LEAT_SOURCE_POSTGRES_FENCE_H

#include "source/postgres/table.h"

struct fence {
    bool is_fence;       /* VALUE is a bound that nothing below will be added to */
    struct scalar value; /* in ARENA; NULL-valued when there is none */
    const char *note;    /* for the user; NULL */
    const char *held;    /* why there is none now, though one will be; NULL */
    bool wants_help;     /* and that is for somebody to mend */
    const char *leaves;  /* what lies above it now, and the remedy; NULL: nothing known */
    const char *state;   /* for the next run's plan; NULL */
    bool state_due;      /* it should be kept even if this run finds nothing */
};

void fence_facts_release(struct fence_facts *facts);
/* Look at other sessions, and give those with an open transaction up to SETTLE_MS to end it (facts.c). Call after the
 * transaction that keys are looked at in has its snapshot, and before the run's snapshot is taken; CONN is in no
 * transaction. BEFORE_PID: the session of the first. STREAMS: whose sequences are looked at, NULL-terminated. */
status fence_look(PGconn *conn, int before_pid, const char *const *streams, int64_t settle_ms,
                  struct fence_facts *out, struct error *err);

/* Why no exact bound can be had for KEY of TABLE, as the part of a sentence (in ARENA); NULL: one can. STANDBY: nothing is
 * known of the transactions on its primary. */
status fence_doubt(PGconn *conn, bool standby, const struct postgres_table *table,
                   const struct postgres_column *key, struct arena *arena, const char **out_why,
                   struct error *err);

/* The bound for TABLE, from what SOURCE knows from before its snapshot and what an earlier run left in REQUEST. CONN reads
 * the catalog. */
status fence_bound(const struct source *source, PGconn *conn, const struct postgres_table *table,
                   const struct postgres_column *key, const struct read_request *request,
                   struct arena *arena, struct fence *out, struct error *err);
/* The largest value CONN sees: the bound where no exact one can be had. */
status fence_largest(PGconn *conn, const struct postgres_table *table,
                     const struct postgres_column *key, const char *where, struct type type,
                     struct arena *arena, struct scalar *out, struct error *err);
/* The value of a key of TYPE that the server writes as TEXT. BAD_DATA: it is none, as an infinity. */
status fence_value(const char *text, struct type type, struct arena *arena, struct scalar *out,
                   struct error *err);
/* "literal"::type of VALUE. */
status fence_literal(const struct scalar *value, const struct postgres_column *key,
                     struct text *sql, struct error *err);

#endif
