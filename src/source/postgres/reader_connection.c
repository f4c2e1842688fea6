/* Which connection a reader gets: one that another reader gave back, or a new one; or, where the server has none to
 * give, the next that comes back. So a run goes on with as many connections as the server lets it have, whatever the number of
 * its readers is, and asks for more now and then. */
#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "source/postgres/postgres.h"

enum { STEP_MS = 20, FIRST_WAIT_MS = 500, MOST_WAIT_MS = 10000 };

static size_t others_reading(struct source *source)
{
    pthread_mutex_lock(&source->mutex);
    size_t n = source->n_reading + source->n_idle;
    pthread_mutex_unlock(&source->mutex);
    return n;
}

static void count_reading(struct source *source, int change)
{
    pthread_mutex_lock(&source->mutex);
    source->n_reading += (size_t)change;
    pthread_mutex_unlock(&source->mutex);
}

static bool one_is_idle(struct source *source)
{
    pthread_mutex_lock(&source->mutex);
    bool idle = source->n_idle > 0;
    pthread_mutex_unlock(&source->mutex);
    return idle;
}

static status wait_for_idle(struct source *source, unsigned attempt, const struct cancel *cancel,
                            struct error *err)
{
    for (int64_t left = backoff_ms(attempt, FIRST_WAIT_MS, MOST_WAIT_MS);
         left > 0 && !one_is_idle(source); left -= STEP_MS) {
        TRY(cancel_check(cancel, err));
        if (others_reading(source) == 0)
            break;
        clock_sleep_ms(STEP_MS);
    }
    return cancel_check(cancel, err);
}

/* One that was ended between two splits is not given to a reader. */
static status join(struct source *source, PGconn **out, struct error *err)
{
    for (;;) {
        PGconn *conn = NULL;
        TRY(postgres_snapshot_join(source, &conn, err));
        if (postgres_is_alive(conn)) {
            *out = conn;
            return STATUS_OK;
        }
        postgres_snapshot_discard(source, conn);
    }
}

status postgres_reader_connect(struct source *source, const struct cancel *cancel, PGconn **out,
                               struct error *err)
{
    const int no_room = postgres_state_number("53300");
    for (unsigned attempt = 0;; attempt++) {
        struct error why = {0};
        status_code s = join(source, out, &why);
        if (s == STATUS_OK) {
            count_reading(source, 1);
            return STATUS_OK;
        }
        if (why.source_code != no_room || others_reading(source) == 0) {
            *err = why;
            return s;
        }
        TRY(wait_for_idle(source, attempt, cancel, err));
    }
}

void postgres_reader_disconnect(struct source *source, PGconn *conn, bool usable)
{
    if (usable)
        postgres_snapshot_leave(source, conn);
    else
        postgres_snapshot_discard(source, conn);
    count_reading(source, -1);
}

/* ---- a server that sends nothing ---- */

/* It may be sorting, or cut off by something on the way that keeps the connection open. A new connection tells: a server that lets
 * nobody in is cut off, and so is a backend that is done, or waits for its rows to be taken. A pooler's number of a backend is none
 * of the server's: then nothing is found, and nothing concluded. */
status postgres_reader_silent(struct source *source, PGconn *conn, struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *other = NULL;
    SCOPED(postgres_clearp) PGresult *found = NULL;
    struct error why = {0};
    char sql[160];
    status_code s = postgres_connect(&source->connect, &other, &why);
    if (s != STATUS_OK && why.source_code == postgres_state_number("53300"))
        return STATUS_OK; /* it lives */
    snprintf(sql, sizeof(sql),
             "SELECT 1 FROM pg_stat_activity WHERE pid = %d"
             " AND (state <> 'active' OR wait_event = 'ClientWrite')",
             libpq.PQbackendPID(conn));
    if (s == STATUS_OK)
        s = postgres_query(other, sql, &found, &why);
    if (s == STATUS_OK && libpq.PQntuples(found) == 0)
        return STATUS_OK;
    return error_set(err, s == STATUS_CANCELLED ? s : STATUS_UNAVAILABLE,
                     "the connection to the server is cut: nothing has come for %lld s, and %s",
                     (long long)source->connect.network_timeout_s,
                     s == STATUS_OK ? "the server has sent its rows" : why.text);
}
