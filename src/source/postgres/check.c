/* Findings about the server and one stream, each with how to mend it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/postgres/fence.h"

struct checking {
    struct source *source;
    finding_fn finding;
    void *context;
};

static void tell(const struct checking *check, enum finding_level level, const char *subject,
                 const char *found, const char *remedy)
{
    check->finding(check->context, level, subject, found, remedy);
}

static void check_connection(const struct checking *check)
{
    PGconn *conn = check->source->conn;
    char found[256];
    bool local = postgres_host_is_local(PQhost(conn));
    snprintf(found, sizeof(found), "PostgreSQL %s at %s", PQparameterStatus(conn, "server_version"),
             check->source->shown);
    tell(check, FINDING_OK, "server", found, NULL);
    const char *encrypted = PQsslInUse(conn) ? PQsslAttribute(conn, "protocol") : NULL;
    if (encrypted)
        snprintf(found, sizeof(found), "encrypted by %s", encrypted);
    else
        snprintf(found, sizeof(found), "not encrypted%s", local ? ", to this machine" : "");
    tell(check, encrypted || local ? FINDING_OK : FINDING_WARN, "connection", found,
         encrypted || local ? NULL : "use sslmode=verify-full");
}

static status check_sessions(const struct checking *check, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[256], remedy[256];
    PGconn *conn = check->source->conn;
    TRY(postgres_query(
        conn,
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE query ="
        " '<insufficient privilege>' AND datname = current_database()),"
        " pg_is_in_recovery(), current_setting('max_connections')::int -"
        " (SELECT count(*) FROM pg_stat_activity),"
        " coalesce((SELECT extract(epoch FROM max(clock_timestamp() - xact_start))::bigint"
        " FROM pg_stat_activity WHERE datname = current_database() AND pid <>"
        " pg_backend_pid()), 0)",
        &result, err));
    int hidden = (int)postgres_cell_number(result, 0, 0),
        left = (int)postgres_cell_number(result, 0, 2);
    long oldest = (int)postgres_cell_number(result, 0, 3);
    snprintf(remedy, sizeof(remedy), "GRANT pg_read_all_stats TO \"%s\"", PQuser(conn));
    if (hidden > 0)
        tell(check, FINDING_WARN, "fence",
             "the starts of other sessions' transactions can't be seen: the watermark is the "
             "largest "
             "key, and rows that are committed late are missed",
             remedy);
    else
        tell(check, FINDING_OK, "fence", "the oldest open transaction can be seen", NULL);
    if (PQgetvalue(result, 0, 1)[0] == 't')
        tell(check, FINDING_WARN, "standby",
             "this is a standby: it does not see the transactions of its primary, so the watermark "
             "can't be exact, and long reads may be cancelled",
             "add a lookback, and set max_standby_streaming_delay or hot_standby_feedback");
    snprintf(found, sizeof(found), "%d connections are free", left);
    snprintf(remedy, sizeof(remedy), "lower `connections` below %d", left);
    bool enough = left > check->source->max_connections + 2;
    tell(check, enough ? FINDING_OK : FINDING_WARN, "connections", found, enough ? NULL : remedy);
    if (oldest > 600) {
        snprintf(found, sizeof(found),
                 "a transaction has been open for %ld minutes: the watermark waits "
                 "for it",
                 oldest / 60);
        tell(check, FINDING_WARN, "open transactions", found,
             "find it in pg_stat_activity, and end it");
    }
    return STATUS_OK;
}

static status check_key(const struct checking *check, const struct read_request *request,
                        const struct postgres_table *table, const struct postgres_column *key,
                        struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char oid[24], number[16], found[300];
    const char *values[] = {oid, number};
    struct type type = key->wire.type;
    snprintf(oid, sizeof(oid), "%u", table->oid);
    snprintf(number, sizeof(number), "%d", key->attnum);
    TRY(postgres_query_with(
        check->source->conn,
        "SELECT coalesce((SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = "
        "$1::oid"
        " AND adnum = $2::int2), ''),"
        " (SELECT count(*) FROM pg_index WHERE indrelid = $1::oid AND indkey[0] = $2::int2 AND"
        " indisvalid), (SELECT count(*) FROM pg_trigger WHERE tgrelid = $1::oid AND NOT "
        "tgisinternal),"
        " coalesce((SELECT s.seqcache FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid"
        " WHERE d.refobjid = $1::oid AND d.refobjsubid = $2::int2 LIMIT 1), 0)",
        values, 2, &result, err));
    const char *given = PQgetvalue(result, 0, 0);
    long cache = (int)postgres_cell_number(result, 0, 3);
    bool by_now = strstr(given, "now()") || strstr(given, "CURRENT_TIMESTAMP");
    if (type.id == TYPE_TIMESTAMP && type.utc &&
        (by_now || (int)postgres_cell_number(result, 0, 2) > 0)) {
        snprintf(found, sizeof(found),
                 "\"%s\" is set by the database (%s): the bound is exact for rows "
                 "that take it from there",
                 key->name, by_now ? given : "a trigger");
        tell(check, FINDING_OK, "update_key", found, NULL);
    } else if (type.id == TYPE_TIMESTAMP || type.id == TYPE_DATE) {
        snprintf(found, sizeof(found),
                 "\"%s\" is %s: nothing says that the database sets it to now()", key->name,
                 key->declared);
        tell(check, FINDING_WARN, "update_key", found,
             "add a lookback as long as rows may be late, or a default or trigger that sets now()");
    } else if (cache > 1) {
        snprintf(found, sizeof(found),
                 "the sequence of \"%s\" has CACHE %ld: sessions draw keys ahead", key->name,
                 cache);
        tell(check, FINDING_WARN, "update_key", found,
             "ALTER SEQUENCE ... CACHE 1, or add a lookback");
    } else {
        snprintf(found, sizeof(found), "\"%s\" grows by a sequence", key->name);
        tell(check, cache == 1 ? FINDING_OK : FINDING_WARN, "update_key",
             cache == 1 ? found : "the key is no sequence's",
             cache == 1 ? NULL : "add a lookback, if rows may come with smaller keys");
    }
    if (strcmp(PQgetvalue(result, 0, 1), "0") == 0)
        tell(check, FINDING_WARN, "index",
             "no index begins with the update_key: every run reads the whole table",
             "CREATE INDEX on it");
    return STATUS_OK;
}

static status check_stream(const struct checking *check, const struct read_request *request,
                           struct error *err)
{
    struct arena arena = {0};
    struct postgres_table table;
    char found[300];
    status_code s = postgres_table_describe(check->source->conn, request, &arena, &table, err);
    if (s == STATUS_OK) {
        snprintf(found, sizeof(found), "%s can be read, over %s", table.label,
                 table.by_ctid ? "several connections" : "one connection");
        tell(check, FINDING_OK, "stream", found, NULL);
        size_t key =
            request->update_key ? postgres_table_column(&table, request->update_key) : SIZE_MAX;
        if (request->update_key && key == SIZE_MAX)
            s = postgres_no_column(&table, request->update_key, "update_key", err);
        else if (key != SIZE_MAX && table.oid)
            s = check_key(check, request, &table, &table.columns[key], err);
    }
    arena_release(&arena);
    return s;
}

status postgres_check(struct source *source, const struct read_request *request, finding_fn finding,
                      void *context, struct error *err)
{
    struct checking check = {source, finding, context};
    if (request)
        return check_stream(&check, request, err);
    check_connection(&check);
    return check_sessions(&check, err);
}
