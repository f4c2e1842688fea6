/* A standby does not know what is open on its primary. So the first look is taken there, and the snapshot here:
 *
 *   primary   snapshot A   |   the look   |   where the log ends: L
 *   standby                                                           replayed up to L   |   snapshot B
 *
 * A transaction that the look found ended has its end in the log before L, also if it was committed without waiting for
 * the disk. B, taken when that much is replayed, sees what it wrote. All the rest is as on one server (facts.c). */
#include "source/postgres/primary.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/postgres/fence.h"

enum { REPLAY_STEP_MS = 20 };

static const char *cell(const PGresult *result, int row, int column)
{
    return libpq.PQgetvalue(result, row, column);
}

/* ---- is it the primary of this standby? ---- */

static status who(PGconn *conn, PGresult **out, struct error *err)
{
    return postgres_query(conn,
                          "SELECT pg_is_in_recovery(), (SELECT oid FROM pg_database WHERE datname ="
                          " current_database()), system_identifier FROM pg_control_system()",
                          out, err);
}

static status check_primary(PGconn *primary, PGconn *standby, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *there = NULL;
    SCOPED(postgres_clearp) PGresult *here = NULL;
    TRY(who(primary, &there, err));
    TRY(who(standby, &here, err));
    const char *host = libpq.PQhost(primary), *port = libpq.PQport(primary);
    if (strcmp(cell(there, 0, 2), cell(here, 0, 2)) != 0)
        return error_set(err, STATUS_BAD_CONFIG,
                         "fence: the server at %s:%s is of another cluster (system identifier %s, "
                         "the source's is %s); name the primary that the source follows",
                         host, port, cell(there, 0, 2), cell(here, 0, 2));
    if (cell(there, 0, 0)[0] == 't')
        return error_set(err, STATUS_BAD_CONFIG,
                         "fence: the server at %s:%s is a standby itself; name the primary", host,
                         port);
    if (strcmp(cell(there, 0, 1), cell(here, 0, 1)) != 0)
        return error_set(err, STATUS_BAD_CONFIG,
                         "fence: \"%s\" at %s:%s is not the database that is read here, \"%s\"",
                         libpq.PQdb(primary), host, port, libpq.PQdb(standby));
    return STATUS_OK;
}

status primary_connect(const struct source *source, PGconn *standby, PGconn **out,
                       struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *conn = NULL;
    struct connection_options options = source->connect;
    options.location = source->fence;
    TRY_IN(postgres_connect(&options, &conn, err), err, "in `fence`, the primary");
    TRY(check_primary(conn, standby, err));
    *out = TAKE(conn);
    return STATUS_OK;
}

/* ---- waiting for the standby ---- */

/* "16/B374D848". Where a page is about to begin, the end of the log stands behind that page's header, which no record ends
 * in: replay gets only as far as the page. */
static uint64_t parse_lsn(const char *text)
{
    enum { PAGE = 8192, HEADER = 24, FIRST_HEADER = 40 };
    char *slash;
    uint64_t high = strtoull(text, &slash, 16);
    uint64_t lsn = high << 32 | (*slash == '/' ? strtoull(slash + 1, NULL, 16) : 0);
    uint64_t into = lsn % PAGE;
    return into == HEADER || into == FIRST_HEADER ? lsn - into : lsn;
}

static status too_late(const struct source *source, PGconn *standby, const char *wanted,
                       const char *replayed, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *paused = NULL;
    TRY(postgres_query(standby, "SELECT pg_is_wal_replay_paused()", &paused, err));
    return error_set(err, STATUS_UNAVAILABLE,
                     "the standby has replayed the log up to %s, and not up to %s, where its "
                     "primary was %lld s ago%s; look at its replication, or raise fence_timeout",
                     replayed, wanted, (long long)(source->fence_timeout_ms / 1000),
                     cell(paused, 0, 0)[0] == 't' ? ": replay is paused (pg_wal_replay_resume())"
                                                  : "");
}

static status wait_for_replay(const struct source *source, PGconn *standby, const char *wanted,
                              struct error *err)
{
    uint64_t until = parse_lsn(wanted);
    for (int64_t waited = 0;; waited += REPLAY_STEP_MS) {
        SCOPED(postgres_clearp) PGresult *result = NULL;
        TRY(postgres_query(standby, "SELECT pg_last_wal_replay_lsn(), pg_is_in_recovery()", &result,
                           err));
        if (cell(result, 0, 1)[0] != 't')
            return error_set(err, STATUS_UNAVAILABLE, "the standby has just become a primary");
        if (parse_lsn(cell(result, 0, 0)) >= until)
            return STATUS_OK;
        if (waited >= source->fence_timeout_ms)
            return too_late(source, standby, wanted, cell(result, 0, 0), err);
        clock_sleep_ms(REPLAY_STEP_MS);
    }
}

status primary_look(struct source *source, PGconn *standby, const char *const *streams,
                    int64_t settle_ms, struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *primary = NULL;
    SCOPED(postgres_clearp) PGresult *pid = NULL;
    SCOPED(postgres_clearp) PGresult *lsn = NULL;
    TRY(primary_connect(source, standby, &primary, err));
    TRY(primary_connect(source, standby, &source->before, err));
    TRY(postgres_query(source->before,
                       "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_backend_pid()",
                       &pid, err));
    TRY(fence_look(primary, (int)postgres_cell_number(pid, 0, 0), streams, settle_ms,
                   &source->facts, err));
    TRY(postgres_query(primary, "SELECT pg_current_wal_insert_lsn()", &lsn, err));
    return wait_for_replay(source, standby, cell(lsn, 0, 0), err);
}
