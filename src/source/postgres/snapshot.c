/* One exported snapshot for all connections of a run (PostgreSQL, "Snapshot Synchronization Functions"). It lives as
 * long as the transaction that exported it. */
#include <stdlib.h>
#include <string.h>

#include "source/postgres/fence.h"
#include "source/postgres/postgres.h"

#define BEGIN_READ "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

/* A transaction has its snapshot from its first statement on. */
static status begin(struct source *source, const char *first, PGconn **out, PGresult **out_result,
                    struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *conn = NULL;
    TRY(postgres_connect(&source->connect, &conn, err));
    TRY(postgres_run(conn, BEGIN_READ, err));
    TRY(postgres_query(conn, first, out_result, err));
    *out = TAKE(conn);
    return STATUS_OK;
}

status postgres_snapshot_fix(struct source *source, bool watch, struct error *err)
{
    if (source->exporter)
        return STATUS_OK;
    SCOPED(postgres_clearp) PGresult *none = NULL;
    SCOPED(postgres_clearp) PGresult *id = NULL;
    TRY(begin(source, "SELECT 1", &source->before, &none, err));
    status_code s = fence_look(source->conn, watch ? source->settle_ms : 0, &source->facts, err);
    if (s == STATUS_OK)
        s = begin(source, "SELECT pg_catalog.pg_export_snapshot()", &source->exporter, &id, err);
    if (s == STATUS_OK) {
        source->snapshot = mem_strdup(PQgetvalue(id, 0, 0));
        s = source->snapshot ? STATUS_OK : error_no_memory(err);
    }
    if (s != STATUS_OK)
        postgres_snapshot_end(source);
    return s;
}

void postgres_snapshot_end(struct source *source)
{
    for (size_t i = 0; i < source->n_idle; i++)
        postgres_disconnectp(&source->idle[i]);
    source->n_idle = 0;
    postgres_disconnectp(&source->exporter);
    postgres_disconnectp(&source->before);
    fence_facts_release(&source->facts);
    mem_free(source->snapshot);
    source->snapshot = NULL;
}

/* A snapshot that is not to be had (CODE, ERR) is mostly lost with the connection that held it, and that one knows why.
 * Once it is broken its message stays as it is. */
static status why_lost(struct source *source, status_code code, struct error *err)
{
    status_code lost = STATUS_OK;
    pthread_mutex_lock(&source->mutex);
    if (PQstatus(source->exporter) == CONNECTION_OK)
        PQclear(PQexec(source->exporter, "SELECT 1"));
    if (PQstatus(source->exporter) != CONNECTION_OK) {
        *err = (struct error){0};
        lost = postgres_result_error(source->exporter, NULL, err);
    }
    pthread_mutex_unlock(&source->mutex);
    if (lost != STATUS_OK) {
        (void)error_context(err, "holding the run's snapshot, which is lost");
        return lost;
    }
    (void)error_context(err, "joining the snapshot %s", source->snapshot);
    return code;
}

static status join_new(struct source *source, PGconn **out, struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *conn = NULL;
    SCOPED(text_release) struct text sql = {0};
    TRY(postgres_connect(&source->connect, &conn, err));
    text_append(&sql, BEGIN_READ "; SET TRANSACTION SNAPSHOT ");
    postgres_quote_literal(&sql, source->snapshot);
    TRY(text_check(&sql, err));
    status_code s = postgres_run(conn, text_string(&sql), err);
    if (s != STATUS_OK)
        return why_lost(source, s, err);
    *out = TAKE(conn);
    return STATUS_OK;
}

status postgres_snapshot_join(struct source *source, PGconn **out, struct error *err)
{
    PGconn *conn = NULL;
    pthread_mutex_lock(&source->mutex);
    if (source->n_idle > 0)
        conn = source->idle[--source->n_idle];
    pthread_mutex_unlock(&source->mutex);
    if (!conn)
        return join_new(source, out, err);
    *out = conn;
    return STATUS_OK;
}

void postgres_snapshot_leave(struct source *source, PGconn *conn)
{
    pthread_mutex_lock(&source->mutex);
    if (source->n_idle == source->capacity_idle) {
        size_t capacity = source->capacity_idle ? 2 * source->capacity_idle : 8;
        PGconn **grown = mem_realloc_array(source->idle, capacity, sizeof(PGconn *));
        if (grown) {
            source->idle = grown;
            source->capacity_idle = capacity;
        }
    }
    if (source->n_idle < source->capacity_idle) {
        source->idle[source->n_idle++] = conn;
        conn = NULL;
    }
    pthread_mutex_unlock(&source->mutex);
    postgres_disconnectp(&conn);
}
