/* One exported snapshot for all connections of a run (PostgreSQL, "Snapshot Synchronization Functions"). It lives as
 * long as the transaction that exported it.
 *
 * A connection costs the server a process, so a small run has two:
 *
 *   conn       BEGIN, a first look: `before`          planning          newest, outside of it again
 *   exporter        fence_look, in no transaction | BEGIN, export   planning   COPY, if it is lent
 *
 * The exporter is lent to the reader of a lone plan with one split of few rows: should that fail, the snapshot is lost
 * with it, and no more than those rows. */
#include <stdlib.h>
#include <string.h>

#include "source/postgres/fence.h"
#include "source/postgres/postgres.h"
#include "source/postgres/primary.h"
#include "source/postgres/xmin.h"

#define BEGIN_READ "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

/* A transaction has its snapshot from its first statement on. */
static status begin(PGconn *conn, const char *first, PGresult **out, struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql, BEGIN_READ "; %s", first);
    TRY(text_check(&sql, err));
    return postgres_query(conn, text_string(&sql), out, err);
}

static status export(struct source *source, PGconn *conn, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *id = NULL;
    TRY(begin(conn, "SELECT pg_catalog.pg_export_snapshot(), current_date - DATE '1970-01-01'", &id,
              err));
    source->today = (int32_t)postgres_cell_number(id, 0, 1);
    source->snapshot = mem_strdup(libpq.PQgetvalue(id, 0, 0));
    return source->snapshot ? STATUS_OK : error_no_memory(err);
}

/* What is known from before the snapshot that EXPORTER will take: of this server, or of the one it follows. */
static status look_before(struct source *source, PGconn *exporter,
                          const struct read_request *request, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *standby = NULL;
    SCOPED(postgres_clearp) PGresult *pid = NULL;
    bool own = request->update_key && strcmp(request->update_key, XMIN_KEY) != 0;
    const char *alone[] = {own ? request->stream : NULL, NULL};
    const char *const *streams = request->keyed ? request->keyed : alone;
    int64_t settle_ms = own || request->watched ? source->settle_ms : 0;
    if (source->fence) { /* also for the first of several streams, which may need none */
        TRY(postgres_query(exporter, "SELECT pg_is_in_recovery()", &standby, err));
        if (libpq.PQgetvalue(standby, 0, 0)[0] == 't')
            return primary_look(source, exporter, streams, settle_ms, err);
    }
    source->before = source->conn;
    TRY(begin(source->before, "SELECT pg_backend_pid()", &pid, err));
    return fence_look(exporter, (int)postgres_cell_number(pid, 0, 0), streams, settle_ms,
                      &source->facts, err);
}

status postgres_snapshot_fix(struct source *source, const struct read_request *request,
                             struct error *err)
{
    if (source->exporter)
        return STATUS_OK;
    SCOPED(postgres_disconnectp) PGconn *exporter = NULL;
    TRY(postgres_revive(source, err));
    TRY(postgres_present(source, err));
    TRY(postgres_connect(&source->connect, &exporter, err));
    status_code s = look_before(source, exporter, request, err);
    if (s == STATUS_OK)
        s = export(source, exporter, err);
    source->exporter = TAKE(exporter);
    if (s != STATUS_OK)
        postgres_snapshot_end(source);
    return s;
}

/* What is older than the snapshot goes, unless another plan may come that needs it. */
status postgres_present(struct source *source, struct error *err)
{
    PGconn *conn = NULL;
    if (source->before && source->before != source->conn)
        return STATUS_OK;
    if (source->before && !source->lend) {
        TRY(postgres_connect(&source->connect, &conn, err));
        source->conn = conn;
        return STATUS_OK;
    }
    source->before = NULL;
    if (libpq.PQtransactionStatus(source->conn) != PQTRANS_IDLE)
        TRY(postgres_run(source->conn, "ROLLBACK", err));
    return STATUS_OK;
}

void postgres_snapshot_end(struct source *source)
{
    for (size_t i = 0; i < source->n_idle; i++)
        postgres_disconnectp(&source->idle[i]);
    source->n_idle = 0;
    postgres_disconnectp(&source->exporter);
    if (source->before != source->conn)
        postgres_disconnectp(&source->before);
    else if (source->conn)
        (void)postgres_answers(source->conn, "ROLLBACK", source->connect.connect_timeout_s * 1000,
                               NULL);
    source->before = NULL;
    fence_facts_release(&source->facts);
    mem_free(source->snapshot);
    source->snapshot = NULL;
    source->n_plans = 0;
    source->lend = source->lent = false;
}

/* The connection that holds the snapshot is broken, or does not answer; its last words are kept in ERR. Lent to a reader who did
 * not give it back, it is as good as broken. */
static bool is_gone(struct source *source, struct error *err)
{
    if (source->lent) {
        source->never_lend = true; /* it would end the same way again */
        (void)error_set(err, STATUS_UNAVAILABLE, "the connection that held it failed as it read");
        return true;
    }
    return !postgres_answers(source->exporter, "SELECT 1", source->connect.connect_timeout_s * 1000,
                             err);
}

/* What fails in a snapshot mostly fails because the connection that held it is gone, and that one knows why. */
status postgres_snapshot_verdict(struct source *source, status_code code, struct error *err)
{
    struct error why = {0};
    if (code != STATUS_UNAVAILABLE && code != STATUS_SNAPSHOT_LOST)
        return code;
    pthread_mutex_lock(&source->mutex);
    bool gone = source->exporter && is_gone(source, &why);
    pthread_mutex_unlock(&source->mutex);
    if (!gone && code != STATUS_SNAPSHOT_LOST)
        return code;
    if (why.text_bytes > 0)
        *err = why;
    err->code = STATUS_SNAPSHOT_LOST;
    return error_context(err, "holding the run's snapshot, which is lost");
}

/* What SET TRANSACTION SNAPSHOT says of one that is gone: its words changed from version to version. */
static bool says_gone(const struct error *err)
{
    return err->source_code == postgres_state_number("22023") ||
           err->source_code == postgres_state_number("42704") ||
           err->source_code == postgres_state_number("55000");
}

static status join_new(struct source *source, PGconn **out, struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *conn = NULL;
    SCOPED(text_release) struct text sql = {0};
    text_append(&sql, BEGIN_READ "; SET TRANSACTION SNAPSHOT ");
    postgres_quote_literal(&sql, source->snapshot);
    TRY(text_check(&sql, err));
    status_code s = postgres_connect(&source->connect, &conn, err);
    if (s == STATUS_OK) {
        s = postgres_run_within(conn, text_string(&sql), source->connect.network_timeout_s * 1000,
                                err);
        if (s != STATUS_OK && says_gone(err))
            s = STATUS_SNAPSHOT_LOST;
    }
    if (s != STATUS_OK) {
        s = postgres_snapshot_verdict(source, s, err);
        if (s != STATUS_SNAPSHOT_LOST)
            (void)error_context(err, "joining the snapshot %s", source->snapshot);
        return s;
    }
    *out = TAKE(conn);
    return STATUS_OK;
}

status postgres_snapshot_join(struct source *source, PGconn **out, struct error *err)
{
    PGconn *conn = NULL;
    pthread_mutex_lock(&source->mutex);
    if (source->n_idle > 0) {
        conn = source->idle[--source->n_idle];
    } else if (source->lend && !source->lent) {
        conn = source->exporter;
        source->lent = true;
    }
    pthread_mutex_unlock(&source->mutex);
    if (!conn)
        return join_new(source, out, err);
    *out = conn;
    return STATUS_OK;
}

void postgres_keep_idle(struct source *source, unsigned n)
{
    for (;;) {
        PGconn *conn = NULL;
        pthread_mutex_lock(&source->mutex);
        if (source->n_idle > n)
            conn = source->idle[--source->n_idle];
        pthread_mutex_unlock(&source->mutex);
        if (!conn)
            return;
        postgres_disconnectp(&conn);
    }
}

/* The exporter stays where it is, broken or not: its end is the snapshot's. */
void postgres_snapshot_discard(struct source *source, PGconn *conn)
{
    if (conn != source->exporter)
        postgres_disconnectp(&conn);
}

void postgres_snapshot_leave(struct source *source, PGconn *conn)
{
    pthread_mutex_lock(&source->mutex);
    if (conn == source->exporter) {
        source->lent = false;
        conn = NULL;
    }
    if (conn && source->n_idle == source->capacity_idle) {
        size_t capacity = source->capacity_idle ? 2 * source->capacity_idle : 8;
        PGconn **grown = mem_realloc_array(source->idle, capacity, sizeof(PGconn *));
        if (grown) {
            source->idle = grown;
            source->capacity_idle = capacity;
        }
    }
    if (conn && source->n_idle < source->capacity_idle) {
        source->idle[source->n_idle++] = conn;
        conn = NULL;
    }
    pthread_mutex_unlock(&source->mutex);
    postgres_disconnectp(&conn);
}
