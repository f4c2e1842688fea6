/* What other sessions are doing, looked at between two snapshots:
 *
 *   snapshot A   |   sequences, then open transactions   |   snapshot B
 *   keys                                                     rows
 *
 * Timestamps. now() is the start of a transaction. A row that B does not see is of one that had not ended when B was taken,
 * so either it was open during the look, and its start is no earlier than the oldest one found; or it began after.
 * pg_stat_activity is live, not part of a snapshot: it must be read before B.
 *
 * Integers of a sequence. Let S be the key that the sequence gives next, read after A and before the list of open
 * transactions is made. Whoever drew a key k < S did so before that, in the transaction that writes it: it is in the list, or
 * has ended by then. Once all of the list have ended, B sees k, or k is gone for good: below S nothing will be added. The
 * bound H is S, or what lies behind the largest key in A if that is less. The largest key alone would not do: a row may bring
 * one far above S, and those between would come later. Keys from S on wait until the sequence has passed them.
 * The same holds for every later snapshot, so H stays true: a later run that finds the list ended may use it (candidate.h),
 * as long as nobody has set the sequence back. And it holds for a time in place of H: transactions that began before the list
 * was made are in it. Where S may not be read, H is behind the largest key, and that is said.
 *
 * A transaction is known by its virtual id, which it locks from its first moment to after its end, whether it writes or not
 * and whoever looks. Ids are not given twice while the server's memory lives; a crash that leaves the postmaster running may
 * repeat one, which then seems to wait for longer than it must. After a restart a list says nothing, and is dropped.
 *
 * PREPARE TRANSACTION ends the virtual id, not the transaction. Its locks go over to the prepared one before that, so a
 * look at locks that comes after the look at ids finds it: while such a lock is on the table, no bound is told. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/postgres/candidate.h"
#include "source/postgres/fence.h"
#include "source/postgres/sequences.h"

enum { SETTLE_STEP_MS = 20 };

static const char *cell(const PGresult *result, int row, int column)
{
    return libpq.PQgetvalue(result, row, column);
}

static status keep(const char *text, char **out, struct error *err)
{
    mem_free(*out);
    *out = mem_strdup(text);
    return *out ? STATUS_OK : error_no_memory(err);
}

/* ---- transactions that are open now ---- */

/* Whoever may write here. Left out are our own two sessions, which can't, and autovacuum, which draws no keys. Nobody is
 * left out by what a session says of itself; what this user may not see (backend_type) leaves nobody out. */
static status list_open(PGconn *conn, int before_pid, struct fence_facts *facts, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query_of(
        conn,
        "SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint,"
        " (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, pg_is_in_recovery(),"
        " (SELECT ',' || coalesce(string_agg(l.virtualxid || ',', ''), '') FROM pg_locks l"
        " LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'virtualxid' AND"
        " l.granted AND l.mode = 'ExclusiveLock' AND l.pid NOT IN (pg_backend_pid(), $1::int) AND"
        " coalesce(a.datname = current_database(), true) AND"
        " coalesce(a.backend_type, '') <> 'autovacuum worker')",
        before_pid, &result, err));
    facts->looked_micros = postgres_cell_number(result, 0, 0);
    facts->server_start = postgres_cell_number(result, 0, 1);
    facts->standby = cell(result, 0, 2)[0] == 't';
    return keep(cell(result, 0, 3), &facts->waiting, err);
}

/* All that are open, of whatever database; and of those in the first list the ones that still are. */
static status look_again(PGconn *conn, struct fence_facts *facts, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text open = {0};
    SCOPED(text_release) struct text waiting = {0};
    SCOPED(text_release) struct text pids = {0};
    TRY(postgres_query(conn,
                       "SELECT virtualxid, pid FROM pg_locks WHERE locktype = 'virtualxid' AND"
                       " granted AND mode = 'ExclusiveLock'",
                       &result, err));
    text_append_char(&open, ',');
    text_append_char(&waiting, ',');
    for (int i = 0; i < libpq.PQntuples(result); i++) {
        const char *id = cell(result, i, 0);
        text_printf(&open, "%s,", id);
        if (!virtual_ids_have(facts->waiting, id, strlen(id)))
            continue;
        text_printf(&waiting, "%s,", id);
        text_printf(&pids, "%s%s", pids.size ? ", " : "", cell(result, i, 1));
    }
    TRY(text_check(&open, err));
    TRY(text_check(&waiting, err));
    TRY(text_check(&pids, err));
    snprintf(facts->pids, sizeof(facts->pids), "%s", text_string(&pids));
    TRY(keep(text_string(&waiting), &facts->waiting, err));
    return keep(text_string(&open), &facts->open, err);
}

static status settle(PGconn *conn, int64_t settle_ms, struct fence_facts *facts, struct error *err)
{
    for (int64_t waited = 0;; waited += SETTLE_STEP_MS) {
        TRY(look_again(conn, facts, err));
        facts->settled = strcmp(facts->waiting, ",") == 0;
        if (facts->settled || waited >= settle_ms)
            return STATUS_OK;
        clock_sleep_ms(SETTLE_STEP_MS);
    }
}

/* ---- when they began ---- */

/* A session that has just been sent its first statement shows when that came before it shows its transaction. Autovacuum
 * may be hours in one transaction, and adds no rows. */
static status look_at_starts(PGconn *conn, int before_pid, struct fence_facts *facts,
                             struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query_of(
        conn,
        "SELECT (extract(epoch FROM least(statement_timestamp(), min(xact_start),"
        " min(query_start) FILTER (WHERE state = 'active' AND xact_start IS NULL AND"
        " backend_type = 'client backend'))) * 1000000)::bigint,"
        " count(*) FILTER (WHERE query = '<insufficient privilege>' OR state = 'disabled')"
        " FROM pg_stat_activity WHERE pid NOT IN (pg_backend_pid(), $1::int) AND"
        " datname = current_database() AND coalesce(backend_type, '') <> 'autovacuum worker'",
        before_pid, &result, err));
    facts->oldest_micros = postgres_cell_number(result, 0, 0);
    facts->hidden = (int)postgres_cell_number(result, 0, 1);
    return STATUS_OK;
}

static status look_at_prepared(PGconn *conn, struct fence_facts *facts, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query(
        conn,
        "SELECT ',' || coalesce(string_agg(DISTINCT relation || ',', ''), '') FROM pg_locks"
        " WHERE locktype = 'relation' AND pid IS NULL AND mode NOT IN ('AccessShareLock',"
        " 'RowShareLock') AND database = (SELECT oid FROM pg_database WHERE datname ="
        " current_database())",
        &result, err));
    return keep(cell(result, 0, 0), &facts->prepared, err);
}

/* ---- all of it ---- */

void fence_facts_release(struct fence_facts *facts)
{
    mem_free(facts->prepared);
    mem_free(facts->waiting);
    mem_free(facts->open);
    sequences_release(facts);
    *facts = (struct fence_facts){0};
}

/* In this order: who drew a key before a sequence was looked at is in the list, and what a prepared transaction was before
 * is seen first. */
status fence_look(PGconn *conn, int before_pid, const char *const *streams, int64_t settle_ms,
                  struct fence_facts *out, struct error *err)
{
    SCOPED(fence_facts_release) struct fence_facts facts = {0};
    TRY(sequences_look(conn, streams, &facts, err));
    TRY(list_open(conn, before_pid, &facts, err));
    TRY(settle(conn, facts.standby ? 0 : settle_ms, &facts, err));
    TRY(look_at_starts(conn, before_pid, &facts, err));
    TRY(look_at_prepared(conn, &facts, err));
    *out = facts;
    facts = (struct fence_facts){0};
    return STATUS_OK;
}
