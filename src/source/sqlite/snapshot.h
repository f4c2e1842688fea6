/* One state of a database for several connections at once.
 *
 *   journal   how every connection gets the same state
 *   WAL       each begins a read transaction; the header of the WAL index, read before the first and after
 *             the last, is equal, so no commit came in between. Otherwise all end and try again. Writers are
 *             never kept waiting. After TRIES the snapshot has one connection only, which needs no proof.
 *   rollback  hold: the first connection's SHARED lock keeps every writer from committing until the snapshot
 *             ends, so all that begin after it see the same state.
 *             copy: the planner holds a SHARED lock until the first reader asks for a connection. Then the
 *             pages are copied (SQLite's backup) under that lock into a private file, whose name is removed as
 *             soon as the connections to it are open. A plan that nobody reads copies nothing. */
#ifndef LEAT_SOURCE_SQLITE_SNAPSHOT_H
#define LEAT_SOURCE_SQLITE_SNAPSHOT_H

#include <pthread.h>

#include "base/cancel.h"
#include "source/sqlite/connection.h"
#include "source/sqlite/pages.h"

enum sqlite_consistency { CONSISTENCY_AUTO, CONSISTENCY_HOLD, CONSISTENCY_COPY };

struct snapshot_options {
    const char *path;
    int64_t busy_ms;
    enum sqlite_consistency consistency;
    uint64_t hold_limit; /* bytes of database up to which `auto` holds */
};

struct sqlite_snapshot {
    bool fixed;
    sqlite3 *planner;   /* for plans; several threads may use it */
    sqlite3 **readers;  /* one thread each; n_readers may be 0: then the planner reads as well */
    bool *taken;        /* n_readers, or 1 for the planner */
    uint32_t n_readers; /* connections that may read at the same time, at least 1 */
    bool planner_reads;
    pthread_mutex_t mutex; /* guards `taken`, `planning` and the making of the copy */
    pthread_cond_t freed;
    uint32_t planning; /* plans that use the planner right now */
    uint32_t copy_for; /* > 0: the copy is still to be made, for so many readers */
    const struct snapshot_options *options; /* of that copy; borrowed */
    char *token;                            /* NULL: none */
    char *consistency;                      /* a sentence */
    char *note;                             /* NULL, or what the user should know */
    struct page_map pages; /* where the pages of this state are; for `readers` only */
};

void snapshot_init(struct sqlite_snapshot *snapshot);
/* Fix the state, with WANTED reading connections if they can be had. OPTIONS stay until snapshot_end.
 * Errors: UNAVAILABLE, NO_SPACE, ... */
status snapshot_fix(struct sqlite_snapshot *snapshot, const struct snapshot_options *options,
                    uint32_t wanted, struct error *err);
void snapshot_end(struct sqlite_snapshot *snapshot);
/* The planner, until it is given back: no copy takes its place meanwhile. Threads: any. */
sqlite3 *snapshot_plan_begin(struct sqlite_snapshot *snapshot);
void snapshot_plan_done(struct sqlite_snapshot *snapshot);
void sqlite_snapshot_release(struct sqlite_snapshot *snapshot);

/* A connection for one reader; waits for a free one until CANCEL says stop. Threads: any. */
status snapshot_take(struct sqlite_snapshot *snapshot, const struct cancel *cancel, sqlite3 **out,
                     struct error *err);
void snapshot_give_back(struct sqlite_snapshot *snapshot, sqlite3 *db);

/* Is the database of DB in WAL mode? Inside a read transaction. */
status sqlite_in_wal_mode(sqlite3 *db, bool *out, struct error *err);

#endif
