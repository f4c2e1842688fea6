/* One exported snapshot for all connections of a run (PostgreSQL, "Snapshot Synchronization Functions"). It lives as
 * long as the transaction that exported it. */
#include <stdlib.h>
#include <string.h>

#include "source/postgres/postgres.h"

#define BEGIN_READ "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

status postgres_snapshot_fix(struct source *source, struct error *err)
{
    if (source->exporter)
        return STATUS_OK;
    SCOPED(postgres_disconnectp) PGconn *conn = NULL;
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_connect(&source->connect, &conn, err));
    TRY(postgres_run(conn, BEGIN_READ, err));
    TRY(postgres_query(conn, "SELECT pg_catalog.pg_export_snapshot()", &result, err));
    source->snapshot = mem_strdup(PQgetvalue(result, 0, 0));
    if (!source->snapshot)
        return error_no_memory(err);
    source->exporter = TAKE(conn);
    return STATUS_OK;
}

void postgres_snapshot_end(struct source *source)
{
    for (size_t i = 0; i < source->n_idle; i++)
        postgres_disconnectp(&source->idle[i]);
    source->n_idle = 0;
    postgres_disconnectp(&source->exporter);
    mem_freep(&source->snapshot);
    source->snapshot = NULL;
}

static status join_new(struct source *source, PGconn **out, struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *conn = NULL;
    SCOPED(text_release) struct text sql = {0};
    TRY(postgres_connect(&source->connect, &conn, err));
    text_append(&sql, BEGIN_READ "; SET TRANSACTION SNAPSHOT ");
    postgres_quote_literal(&sql, source->snapshot);
    TRY(text_check(&sql, err));
    TRY_IN(postgres_run(conn, text_string(&sql), err), err, "joining the snapshot %s",
           source->snapshot);
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
