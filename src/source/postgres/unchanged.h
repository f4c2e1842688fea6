/* What a snapshot does not protect from. */
#ifndef LEAT_SOURCE_POSTGRES_UNCHANGED_H
#define LEAT_SOURCE_POSTGRES_UNCHANGED_H

#include "source/postgres/table.h"

/* What of a plan must be looked at once it was read; the plan's `driver`. */
struct plan_watch {
    uint32_t parent; /* a partitioned table that readers read by its own name; 0: none */
    size_t *key;     /* places in the schema of the columns that tell rows apart, for messages */
    size_t n_key;    /* 0: there are none, or not all of them are read */
};

/* Lock the parts of TABLE for the transaction of CONN, for readers that name each of them. The user may read them all. */
status unchanged_lock_parts(PGconn *conn, const struct postgres_table *table, struct error *err);
/* CONN: in a snapshot, its transaction holding locks on all that will be read, or was. SNAPSHOT_LOST: a relation among them was
 * truncated or rewritten between snapshot and lock, or TABLE (NULL: not asked for) is another one now. BY_PARTS: its parts,
 * too, are meant. */
status unchanged_check(PGconn *conn, const struct postgres_table *table, bool by_parts,
                       struct error *err);
/* Is ERR that the server knows no such relation or column? The names came from the snapshot's catalog, so another snapshot
 * may know better. */
bool unchanged_names_fail(const struct error *err);

#endif
