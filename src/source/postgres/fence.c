#include "source/postgres/fence.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MARGIN_MICROS INT64_C(1000000)
enum { SETTLE_STEP_MS = 20 };

static const char *cell(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column);
}

/* ---- literals and values ---- */

/* Numbers and instants as text that PostgreSQL reads back to the same value. */
status fence_literal(const struct scalar *value, const struct postgres_column *key,
                     struct text *sql, struct error *err)
{
    struct arena arena = {0};
    const char *text = scalar_text(value, &arena);
    if (text)
        postgres_quote_literal(sql, text);
    arena_release(&arena);
    if (!text)
        return error_no_memory(err);
    text_printf(sql, "::%s", key->wire.cast ? key->wire.cast : key->declared);
    return text_check(sql, err);
}

/* What text output makes of a key, in the form that scalar_parse reads. */
static status key_value(const char *text, struct type type, struct arena *arena,
                        struct scalar *out, struct error *err)
{
    SCOPED(text_release) struct text canonical = {0};
    text_append(&canonical, text);
    if (type.id == TYPE_TIMESTAMP) { /* 2013-11-30 08:15:00.123+00 */
        int64_t micros;
        bool zoned;
        if (!parse_timestamp(text, strlen(text), &micros, &zoned))
            return error_set(err, STATUS_BAD_DATA,
                             "the largest key is %s, which is no bound; mend that row, or leave it out "
                             "with `where`",
                             text);
        *out = (struct scalar){.type = type, .i64 = micros};
        return STATUS_OK;
    }
    TRY(text_check(&canonical, err));
    char *kept = arena_strdup(arena, text_string(&canonical));
    if (!kept)
        return error_no_memory(err);
    return scalar_parse(type, kept, strlen(kept), out, err);
}

status fence_largest(PGconn *conn, const struct postgres_table *table,
                     const struct postgres_column *key, const char *where, struct type type,
                     struct arena *arena, struct scalar *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text sql = {0};
    text_append(&sql, "SELECT max(");
    postgres_quote(&sql, key->name);
    text_printf(&sql, ")%s%s FROM %s%s%s%s", key->wire.cast ? "::" : "",
                key->wire.cast ? key->wire.cast : "", table->from, where ? " WHERE (\n" : "",
                where ? where : "", where ? "\n)" : "");
    TRY(text_check(&sql, err));
    TRY(postgres_query(conn, text_string(&sql), &result, err));
    *out = (struct scalar){.type = type, .is_null = true};
    if (PQgetisnull(result, 0, 0))
        return STATUS_OK;
    return key_value(cell(result, 0, 0), type, arena, out, err);
}

/* ---- timestamps ----
 * now() is the start of a transaction, so a row that will still appear has a time no older than the oldest transaction
 * that is open now. pg_stat_activity is live: looked at before the snapshot is taken, a transaction that commits
 * in between is seen by both. A prepared transaction shows when it was prepared, not when it began: one that holds a lock
 * on the table leaves no bound. */

static status oldest_start(PGconn *conn, const struct postgres_table *table, int64_t *out_micros,
                           int *out_hidden, int *out_prepared, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char oid[24];
    const char *values[] = {oid};
    snprintf(oid, sizeof(oid), "%u", table->oid);
    TRY(postgres_query_with(
        conn,
        "SELECT (extract(epoch FROM least(clock_timestamp(), (SELECT min(xact_start) FROM"
        " pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database())))"
        " * 1000000)::bigint,"
        " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND"
        " query = '<insufficient privilege>'),"
        " (SELECT count(*) FROM pg_locks l WHERE l.locktype = 'relation' AND l.pid IS NULL AND"
        " l.mode IN ('RowExclusiveLock','ShareRowExclusiveLock','ExclusiveLock',"
        " 'AccessExclusiveLock') AND l.database = (SELECT oid FROM pg_database WHERE datname ="
        " current_database()) AND l.relation IN (WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION"
        " SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid)"
        " SELECT oid FROM tree))",
        values, 1, &result, err));
    *out_micros = strtoll(cell(result, 0, 0), NULL, 10);
    *out_hidden = atoi(cell(result, 0, 1));
    *out_prepared = atoi(cell(result, 0, 2));
    return STATUS_OK;
}

static status fence_by_time(struct source *source, const struct postgres_table *table,
                            struct arena *arena, struct fence *out, struct error *err)
{
    int64_t micros;
    int hidden, prepared;
    TRY(oldest_start(source->conn, table, &micros, &hidden, &prepared, err));
    if (hidden > 0) {
        out->note = arena_printf(arena,
                                 "the bound is the largest key seen, because this user does not see when "
                                 "%d other sessions began; GRANT pg_read_all_stats TO \"%s\" gives an "
                                 "exact one",
                                 hidden, PQuser(source->conn));
        return out->note ? STATUS_OK : error_no_memory(err);
    }
    if (prepared > 0) {
        out->note = "a prepared transaction holds a lock on the table: the bound stays where it was";
        out->is_fence = true;
        return STATUS_OK; /* the value stays NULL */
    }
    out->is_fence = true;
    out->value = (struct scalar){.type = {.id = TYPE_TIMESTAMP, .utc = true},
                                 .i64 = micros - MARGIN_MICROS};
    return STATUS_OK;
}

/* ---- integers from a sequence ----
 * The largest committed key, then the transactions open at that moment: what they hold of smaller keys is there once all
 * of them have ended. */

static status open_transactions(PGconn *conn, struct text *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query(conn,
                       "SELECT coalesce(string_agg(quote_literal(virtualxid), ','), '') FROM pg_locks l"
                       " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'virtualxid' AND l.granted"
                       " AND l.mode = 'ExclusiveLock' AND pid <> pg_backend_pid()"
                       " AND a.datname = current_database() AND a.backend_type <> 'autovacuum worker'",
                       &result, err));
    text_append(out, cell(result, 0, 0));
    return text_check(out, err);
}

static status still_open(PGconn *conn, const char *which, int *out_n, char *out_pids, size_t size,
                         struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql,
                "SELECT count(*), coalesce(string_agg(pid::text, ', '), '') FROM pg_locks WHERE"
                " locktype = 'virtualxid' AND granted AND mode = 'ExclusiveLock' AND virtualxid IN (%s)",
                which);
    TRY(text_check(&sql, err));
    TRY(postgres_query(conn, text_string(&sql), &result, err));
    *out_n = atoi(cell(result, 0, 0));
    snprintf(out_pids, size, "%s", cell(result, 0, 1));
    return STATUS_OK;
}

static status fence_by_sequence(struct source *source, const struct postgres_table *table,
                                const struct postgres_column *key, struct arena *arena,
                                struct fence *out, struct error *err)
{
    SCOPED(text_release) struct text open = {0};
    char pids[128];
    int n = 0;
    struct scalar largest;
    TRY(fence_largest(source->conn, table, key, NULL, key->wire.type, arena, &largest, err));
    TRY(open_transactions(source->conn, &open, err));
    for (int64_t waited = 0; open.size > 0; waited += SETTLE_STEP_MS) {
        TRY(still_open(source->conn, text_string(&open), &n, pids, sizeof(pids), err));
        if (n == 0 || waited >= source->settle_ms)
            break;
        clock_sleep_ms(SETTLE_STEP_MS);
    }
    out->is_fence = true;
    if (n > 0) {
        out->note = arena_printf(arena,
                                 "%d transactions (pid %s) were open for longer than settle: the bound "
                                 "stays where it was",
                                 n, pids);
        return out->note ? STATUS_OK : error_no_memory(err);
    }
    out->value = largest;
    if (!largest.is_null)
        out->value.i64++; /* rows below it are read: the largest itself, too */
    return STATUS_OK;
}

status fence_before(struct source *source, const struct postgres_table *table,
                    const struct postgres_column *key, struct arena *arena, struct fence *out,
                    struct error *err)
{
    struct type type = key->wire.type;
    *out = (struct fence){.value = {.type = type, .is_null = true}};
    if (table->kind == 'q' || table->kind == 'f' || table->kind == 'v') {
        out->note = "the bound is the largest key seen: rows that are committed late need a lookback";
        return STATUS_OK;
    }
    if (type.id == TYPE_TIMESTAMP && type.utc)
        return fence_by_time(source, table, arena, out, err);
    if (type.id == TYPE_INT16 || type.id == TYPE_INT32 || type.id == TYPE_INT64)
        return fence_by_sequence(source, table, key, arena, out, err);
    out->note = "the bound is the largest key seen: rows that are committed late need a lookback";
    return STATUS_OK;
}
