/* Findings about the server and one stream, each with how to mend it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/postgres/fence.h"
#include "source/postgres/overlap.h"
#include "source/postgres/pooler.h"
#include "source/postgres/primary.h"
#include "source/postgres/sequences.h"
#include "source/postgres/xmin.h"

enum {
    MUCH_SKEW_S = 5,
    LONG_OPEN_S = 600,
    READ_BYTES_A_SECOND = 50 * 1000 * 1000, /* a careful guess: a slow disk, one busy core */
};

struct checking {
    struct source *source;
    PGconn *primary; /* named by `fence`, and the source is its standby; NULL */
    finding_fn finding;
    void *context;
};

static void checking_release(struct checking *check)
{
    postgres_disconnectp(&check->primary);
}

static void tell(const struct checking *check, enum finding_level level, const char *subject,
                 const char *found, const char *remedy)
{
    check->finding(check->context, level, subject, found, remedy);
}

static bool is_true(const PGresult *result, int column)
{
    return libpq.PQgetvalue(result, 0, column)[0] == 't';
}

/* ---- the server ---- */

static void copy_setting(PGconn *conn, const char *keyword, char *out, size_t size)
{
    PQconninfoOption *options = libpq.PQconninfo(conn);
    snprintf(out, size, "%s", "");
    for (PQconninfoOption *o = options; o && o->keyword; o++) {
        if (strcmp(o->keyword, keyword) == 0 && o->val)
            snprintf(out, size, "%s", o->val);
    }
    libpq.PQconninfoFree(options);
}

static void check_encryption(const struct checking *check)
{
    PGconn *conn = check->source->conn;
    char mode[32], found[256];
    bool local = postgres_is_local(conn), tls = libpq.PQsslInUse(conn);
    copy_setting(conn, "sslmode", mode, sizeof(mode));
    bool verified = tls && strcmp(mode, "verify-full") == 0;
    if (verified)
        snprintf(found, sizeof(found), "%s, the server's certificate and name are verified",
                 libpq.PQsslAttribute(conn, "protocol"));
    else if (tls)
        snprintf(found, sizeof(found), "%s, but %s (sslmode=%s)",
                 libpq.PQsslAttribute(conn, "protocol"),
                 strcmp(mode, "verify-ca") == 0 ? "the server's name is not verified"
                                                : "nothing proves which server answers",
                 mode);
    else
        snprintf(found, sizeof(found), "not encrypted%s", local ? ", to this machine" : "");
    bool good = verified || local;
    tell(check, good ? FINDING_OK : FINDING_WARN, "connection", found,
         good ? NULL
              : "use sslmode=verify-full, with sslrootcert=FILE for an authority of your own");
}

static status check_server(const struct checking *check, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[300];
    TRY(postgres_query(check->source->conn, "SELECT current_setting('wal_level')", &result, err));
    snprintf(found, sizeof(found), "PostgreSQL %s at %s, wal_level %s",
             libpq.PQparameterStatus(check->source->conn, "server_version"), check->source->shown,
             libpq.PQgetvalue(result, 0, 0));
    tell(check, FINDING_OK, "server", found, NULL);
    check_encryption(check);
    return STATUS_OK;
}

/* One that does not keep sessions is refused when the source is opened. */
static status check_pooler(const struct checking *check, struct error *err)
{
    int64_t pid;
    PGconn *conn = check->source->conn;
    TRY(pooler_backend(conn, &pid, err));
    if (pid != libpq.PQbackendPID(conn))
        tell(check, FINDING_OK, "pooler",
             "a connection pooler answers; it keeps a server for each session", NULL);
    return STATUS_OK;
}

/* The server's clock against the middle of the question. */
static status check_clock(const struct checking *check, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[200], apart[32];
    int64_t before = clock_wall_us();
    TRY(postgres_query(check->source->conn,
                       "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", &result,
                       err));
    int64_t here = before + (clock_wall_us() - before) / 2;
    int64_t skew = postgres_cell_number(result, 0, 0) - here;
    double seconds = (double)(skew < 0 ? -skew : skew) / 1e6;
    bool much = seconds > MUCH_SKEW_S;
    if (much)
        snprintf(found, sizeof(found),
                 "the server's clock is %s %s this machine's; bounds go by the server's alone",
                 text_format_duration(seconds, apart), skew > 0 ? "ahead of" : "behind");
    else
        snprintf(found, sizeof(found), "the server's and this machine's are less than %d s apart",
                 MUCH_SKEW_S);
    tell(check, much ? FINDING_WARN : FINDING_OK, "clock", found,
         much ? "set both by NTP; until then the lag that `status` shows is off by as much" : NULL);
    return STATUS_OK;
}

static status check_standby(const struct checking *check, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[400], lag[32];
    TRY(postgres_query(
        check->source->conn,
        "SELECT pg_is_in_recovery(), current_setting('max_standby_streaming_delay'),"
        " current_setting('hot_standby_feedback'),"
        " coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)"
        "::bigint",
        &result, err));
    if (!is_true(result, 0))
        return STATUS_OK;
    if (!check->source->fence)
        tell(check, FINDING_WARN, "standby",
             "this is a standby, which does not see what is open on its primary: no bound is exact "
             "here, and rows that are committed late are missed",
             "for incremental loads name the primary with `fence: postgres://...` beside the "
             "source's url, or read the primary; full refreshes are right here, too");
    snprintf(found, sizeof(found),
             "the last transaction it replayed was committed %s ago; a query that is in the way "
             "of replay is cancelled after %s (hot_standby_feedback is %s)",
             text_format_duration((double)postgres_cell_number(result, 0, 3), lag),
             libpq.PQgetvalue(result, 0, 1), libpq.PQgetvalue(result, 0, 2));
    bool patient = strcmp(libpq.PQgetvalue(result, 0, 2), "on") == 0 ||
                   strcmp(libpq.PQgetvalue(result, 0, 1), "-1") == 0;
    tell(check, patient ? FINDING_OK : FINDING_WARN, "replay", found,
         patient ? NULL
                 : "set hot_standby_feedback = on, or max_standby_streaming_delay longer than the "
                   "longest run");
    return STATUS_OK;
}

/* The server that `fence` names must be the one this standby follows. */
static status check_primary(struct checking *check, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *standby = NULL;
    struct error cause = {0};
    char found[300];
    if (!check->source->fence)
        return STATUS_OK;
    TRY(postgres_query(check->source->conn, "SELECT pg_is_in_recovery()", &standby, err));
    if (!is_true(standby, 0)) {
        tell(check, FINDING_WARN, "fence", "the source is no standby: `fence` is not used",
             "take it out of the job");
        return STATUS_OK;
    }
    if (primary_connect(check->source, check->source->conn, &check->primary, &cause) != STATUS_OK) {
        tell(check, FINDING_FAIL, "fence", cause.text, "correct `fence`: the primary's URL");
        return STATUS_OK;
    }
    snprintf(found, sizeof(found), "open transactions are looked at on the primary, %s:%s",
             libpq.PQhost(check->primary), libpq.PQport(check->primary));
    tell(check, FINDING_OK, "fence", found, NULL);
    return STATUS_OK;
}

static void check_sight(const struct checking *check, bool sees, bool standby)
{
    char remedy[256];
    snprintf(remedy, sizeof(remedy), "GRANT pg_read_all_stats TO \"%s\"",
             libpq.PQuser(check->source->conn));
    if (sees && !standby)
        tell(check, FINDING_OK, "fence", "the oldest open transaction can be seen", NULL);
    else if (!standby)
        tell(check, FINDING_WARN, "fence",
             "this user does not see when the transactions of others began: while one is open for "
             "longer than `settle`, the bound of a timestamptz stays where it was",
             remedy);
}

/* The least of what the server, the database and the role leave. */
static status check_sessions(const struct checking *check, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[256], remedy[128];
    TRY(postgres_query(
        check->source->conn,
        "WITH others AS (SELECT datid, usesysid FROM pg_stat_activity WHERE datid IS NOT NULL)"
        " SELECT 'max_connections', current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int"
        " - coalesce(current_setting('reserved_connections', true)::int, 0)"
        " - (SELECT count(*) FROM others) AS n"
        " UNION ALL SELECT 'the CONNECTION LIMIT of the database', datconnlimit"
        " - (SELECT count(*) FROM others WHERE datid = d.oid) FROM pg_database d"
        " WHERE datname = current_database() AND datconnlimit >= 0"
        " UNION ALL SELECT 'the CONNECTION LIMIT of the role', rolconnlimit"
        " - (SELECT count(*) FROM others WHERE usesysid = r.oid) FROM pg_roles r"
        " WHERE rolname = current_user AND rolconnlimit >= 0 ORDER BY n LIMIT 1",
        &result, err));
    long left = (long)postgres_cell_number(result, 0, 1);
    bool enough = left >= check->source->max_connections + 1; /* two, one of which is counted */
    snprintf(found, sizeof(found), "%ld more are free; a run takes at most %ld and 2",
             left > 0 ? left : 0, (long)check->source->max_connections);
    snprintf(remedy, sizeof(remedy), "lower `connections`, or raise %s",
             libpq.PQgetvalue(result, 0, 0));
    tell(check, enough ? FINDING_OK : FINDING_WARN, "connections", found, enough ? NULL : remedy);
    return STATUS_OK;
}

/* What server, database or role would end us by. */
static status check_timeouts(const struct checking *check, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[400];
    TRY(postgres_query(
        check->source->conn,
        "SELECT string_agg(name || ' = ' || reset_val || coalesce(' ' || unit, ''), ', '"
        " ORDER BY name) FROM pg_settings WHERE name IN ('statement_timeout', "
        "'transaction_timeout',"
        " 'idle_in_transaction_session_timeout', 'idle_session_timeout') AND reset_val <> '0'",
        &result, err));
    if (libpq.PQgetisnull(result, 0, 0))
        return STATUS_OK;
    snprintf(found, sizeof(found), "%s: not for the sessions of a run, which set their own",
             libpq.PQgetvalue(result, 0, 0));
    tell(check, FINDING_OK, "timeouts", found, NULL);
    return STATUS_OK;
}

static status check_open(const struct checking *check, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[256], since[32];
    TRY(postgres_query(
        check->primary ? check->primary : check->source->conn,
        "SELECT pg_has_role('pg_read_all_stats', 'USAGE'), pg_is_in_recovery(),"
        " coalesce(extract(epoch FROM max(clock_timestamp() - xact_start))::bigint, 0) FROM"
        " pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        &result, err));
    check_sight(check, is_true(result, 0), is_true(result, 1));
    long open = (long)postgres_cell_number(result, 0, 2);
    if (open > LONG_OPEN_S) {
        snprintf(found, sizeof(found),
                 "a transaction has been open for %s: no row that is younger is loaded "
                 "before it ends",
                 text_format_duration((double)open, since));
        tell(check, FINDING_WARN, "open transactions", found,
             "find it in pg_stat_activity by its xact_start, and end it");
    }
    return STATUS_OK;
}

/* ---- one stream ---- */

/* What COPY would refuse: the schema, and each column. */
static status check_privileges(const struct checking *check, const struct postgres_table *table,
                               struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[300], remedy[400];
    PGconn *conn = check->source->conn;
    TRY(postgres_query_of(
        conn,
        "SELECT has_schema_privilege(n.oid, 'USAGE'), quote_ident(n.nspname),"
        " (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE"
        " attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND"
        " NOT has_column_privilege(c.oid, attnum, 'SELECT'))"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid",
        table->oid, &result, err));
    if (libpq.PQntuples(result) == 0)
        return STATUS_OK;
    const char *schema = libpq.PQgetvalue(result, 0, 1), *columns = libpq.PQgetvalue(result, 0, 2);
    if (!is_true(result, 0)) {
        snprintf(found, sizeof(found), "user %s may not use the schema %s", libpq.PQuser(conn),
                 schema);
        snprintf(remedy, sizeof(remedy), "GRANT USAGE ON SCHEMA %s TO \"%s\"", schema,
                 libpq.PQuser(conn));
        tell(check, FINDING_FAIL, "privileges", found, remedy);
    }
    if (*columns) {
        snprintf(found, sizeof(found), "user %s may not read %s", libpq.PQuser(conn), columns);
        snprintf(remedy, sizeof(remedy),
                 "GRANT SELECT (%s) ON %s TO \"%s\", or leave the columns out by select", columns,
                 table->from, libpq.PQuser(conn));
        tell(check, FINDING_WARN, "privileges", found, remedy);
    }
    return STATUS_OK;
}

/* A partition is a table of its own, and a part of another. */
static status check_parent(const struct checking *check, const struct postgres_table *table,
                           struct arena *arena, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[300];
    const char *twice;
    TRY(postgres_query_of(
        check->source->conn,
        "SELECT n.nspname || '.' || p.relname FROM pg_inherits i JOIN pg_class c ON c.oid ="
        " i.inhrelid AND c.relispartition JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace"
        " n ON n.oid = p.relnamespace WHERE i.inhrelid = $1::oid",
        table->oid, &result, err));
    if (libpq.PQntuples(result) > 0) {
        snprintf(found, sizeof(found), "%s is a partition of %s, read alone", table->label,
                 libpq.PQgetvalue(result, 0, 0));
        tell(check, FINDING_OK, "partition", found, NULL);
    }
    TRY(overlap_find(check->source, table, arena, &twice, err));
    if (twice)
        tell(check, FINDING_WARN, "overlap", twice,
             "leave one of the two out, unless each is wanted in a table of its own");
    return STATUS_OK;
}

/* How long the server keeps a snapshot for us, against a guess at how long the table takes. */
static status check_snapshot(const struct checking *check, const struct postgres_table *table,
                             struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    char found[300], takes[32], kept[32], name[64];
    TRY(postgres_query(
        check->source->conn,
        "SELECT name, CASE unit WHEN 'min' THEN setting::bigint * 60 ELSE setting::bigint / 1000"
        " END FROM pg_settings WHERE setting <> '-1' AND (name = 'old_snapshot_threshold' OR"
        " name = 'max_standby_streaming_delay' AND pg_is_in_recovery() AND"
        " current_setting('hot_standby_feedback') = 'off') ORDER BY 2 LIMIT 1",
        &result, err));
    if (libpq.PQntuples(result) == 0)
        return STATUS_OK;
    double limit = (double)postgres_cell_number(result, 0, 1);
    double seconds = (double)table->bytes / READ_BYTES_A_SECOND;
    if (seconds <= limit)
        return STATUS_OK;
    snprintf(name, sizeof(name), "%s", libpq.PQgetvalue(result, 0, 0));
    snprintf(found, sizeof(found),
             "reading it may take %s (at 50 MB/s), and %s gives a snapshot up after %s",
             text_format_duration(seconds, takes), name, text_format_duration(limit, kept));
    tell(check, FINDING_WARN, "snapshot", found,
         "raise that setting, or load the table in parts with `where`");
    return STATUS_OK;
}

/* A stream that is read in pieces has as many statements. */
static void check_statement_timeout(const struct checking *check,
                                    const struct postgres_table *table)
{
    char found[300], takes[32], most[32];
    double limit = (double)check->source->connect.statement_timeout_ms / 1000;
    double seconds = (double)table->bytes / READ_BYTES_A_SECOND;
    if (limit <= 0 || table->by_ctid || seconds <= limit)
        return;
    snprintf(found, sizeof(found),
             "reading it may take %s (at 50 MB/s), and statement_timeout ends it after %s",
             text_format_duration(seconds, takes), text_format_duration(limit, most));
    tell(check, FINDING_WARN, "timeouts", found, "raise statement_timeout in the job");
}

/* Defaults that give the start of the transaction, or a later time. */
static bool is_now(const char *expression)
{
    static const char *const known[] = {"now()", "CURRENT_TIMESTAMP", "transaction_timestamp()",
                                        "statement_timestamp()", "clock_timestamp()"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(expression, known[i]) == 0)
            return true;
    }
    return false;
}

static void check_instant(const struct checking *check, const struct postgres_column *key,
                          const char *given, const char *trigger)
{
    char found[400];
    if (is_now(given))
        snprintf(found, sizeof(found),
                 "\"%s\" has the default %s: the bound is exact for rows that take it", key->name,
                 given);
    else if (*trigger)
        snprintf(found, sizeof(found),
                 "\"%s\" may be set by the trigger %s: the bound is exact if that sets now()",
                 key->name, trigger);
    else
        snprintf(found, sizeof(found),
                 "nothing says that the database sets \"%s\" to now(): rows that come with an "
                 "older time are missed",
                 key->name);
    bool good = is_now(given) || *trigger;
    tell(check, good ? FINDING_OK : FINDING_WARN, "update_key", found,
         good ? NULL
              : "add DEFAULT now() or a trigger that sets it, or load with mode: full-refresh (a "
                "lookback comes with a later version)");
}

static status key_facts(PGconn *conn, const struct postgres_table *table,
                        const struct postgres_column *key, PGresult **out, struct error *err)
{
    char oid[24], number[16];
    const char *values[] = {oid, number};
    snprintf(oid, sizeof(oid), "%u", table->oid);
    snprintf(number, sizeof(number), "%d", key->attnum);
    return postgres_query_with(
        conn,
        "SELECT coalesce((SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid ="
        " $1::oid AND adnum = $2::int2), ''),"
        " coalesce((SELECT tgname FROM pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal"
        " AND tgenabled <> 'D' AND tgtype & 7 = 7 ORDER BY tgname LIMIT 1), ''),"
        " EXISTS (SELECT FROM pg_index WHERE indrelid = $1::oid AND indkey[0] = $2::int2 AND"
        " indisvalid AND indpred IS NULL)",
        values, 2, out, err);
}

/* Is the sequence of KEY seen, and has it passed all keys? Asked where a run would: CONN's server, or its primary. */
static status check_sequence(const struct checking *check, const struct read_request *request,
                             const struct postgres_table *table, const struct postgres_column *key,
                             bool standby, bool indexed, struct arena *arena, struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *primary = NULL;
    SCOPED(fence_facts_release) struct fence_facts facts = {0};
    SCOPED(postgres_clearp) PGresult *of_key = NULL;
    PGconn *conn = check->source->conn;
    const char *streams[] = {request->stream, NULL}, *found = "", *remedy = NULL;
    struct scalar largest = {.is_null = true};
    struct key_sequence by;
    struct error cause = {0};
    if (standby && primary_connect(check->source, conn, &primary, &cause) != STATUS_OK)
        return STATUS_OK; /* told of the server already */
    TRY(sequences_of_key(conn, table, key, &of_key, err));
    if (indexed) /* before the sequence, which may give keys meanwhile */
        TRY(fence_largest(conn, table, key, NULL, key->wire.type, arena, &largest, err));
    TRY(sequences_look(primary ? primary : conn, streams, &facts, err));
    TRY(sequences_find(&facts, of_key, arena, &by, err));
    if (by.look && by.look->grant) {
        found = sequences_say_hidden(&by, key, arena);
        remedy = arena_strdup(arena, by.look->grant);
    } else if (by.look && !largest.is_null && largest.i64 >= by.look->next) {
        found = sequences_say_above(&by, key, largest.i64, arena);
        remedy = sequences_remedy_above(&by, key, largest.i64, arena);
    } else {
        found = arena_printf(
            arena,
            "\"%s\" grows by a sequence: the bound is exact for rows that take it from there",
            key->name);
    }
    if (!found || (by.look && by.look->grant && !remedy))
        return error_no_memory(err);
    tell(check, remedy ? FINDING_WARN : FINDING_OK, "update_key", found, remedy);
    return STATUS_OK;
}

static status check_key(const struct checking *check, const struct read_request *request,
                        const struct postgres_table *table, const struct postgres_column *key,
                        struct arena *arena, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *standby = NULL;
    SCOPED(postgres_clearp) PGresult *facts = NULL;
    PGconn *conn = check->source->conn;
    const char *why;
    char found[400];
    TRY(postgres_query(conn, "SELECT pg_is_in_recovery()", &standby, err));
    bool alone = is_true(standby, 0) && !check->source->fence;
    TRY(fence_doubt(conn, alone, table, key, arena, &why, err));
    TRY(key_facts(conn, table, key, &facts, err));
    if (why) {
        snprintf(found, sizeof(found),
                 "no bound is exact: %s; rows that are committed late are missed", why);
        tell(check, FINDING_WARN, "update_key", found,
             "take a timestamptz that the database sets to now(), or the key of a sequence with "
             "CACHE 1, on the primary or with `fence`; or update_key: xmin, if it is a table; or "
             "load with mode: full-refresh (a lookback comes with a later version)");
    } else if (key->wire.type.id == TYPE_TIMESTAMP) {
        check_instant(check, key, libpq.PQgetvalue(facts, 0, 0), libpq.PQgetvalue(facts, 0, 1));
    } else {
        TRY(check_sequence(check, request, table, key, is_true(standby, 0), is_true(facts, 2),
                           arena, err));
    }
    if (!is_true(facts, 2) && (table->kind == 'r' || table->kind == 'p' || table->kind == 'm'))
        tell(check, FINDING_WARN, "index",
             "no index begins with the update_key: every run reads the whole table",
             "CREATE INDEX on it");
    return STATUS_OK;
}

static void check_xmin(const struct checking *check, const struct postgres_table *table)
{
    const char *why = xmin_doubt(table);
    char found[300];
    if (why) {
        snprintf(found, sizeof(found), "%s has no xmin: %s", table->label, why);
        tell(check, FINDING_FAIL, "update_key", found, "take a column, or mode: full-refresh");
        return;
    }
    tell(check, FINDING_OK, "update_key",
         "the transaction that wrote a row: the bound is exact, rows that are updated come again, "
         "and every run looks at the whole table",
         NULL);
}

static status check_table(const struct checking *check, const struct read_request *request,
                          const struct postgres_table *table, struct arena *arena,
                          struct error *err)
{
    char found[300];
    snprintf(found, sizeof(found), "%s can be read, over %s", table->label,
             table->by_ctid ? "several connections" : "one connection");
    tell(check, FINDING_OK, "stream", found, NULL);
    if (table->oid)
        TRY(check_privileges(check, table, err));
    if (table->oid)
        TRY(check_parent(check, table, arena, err));
    TRY(check_snapshot(check, table, err));
    check_statement_timeout(check, table);
    if (!request->update_key)
        return STATUS_OK;
    if (xmin_is_key(table, request->update_key)) {
        check_xmin(check, table);
        return STATUS_OK;
    }
    size_t key;
    TRY(column_names_need(&table->names, request->update_key, "update_key", &key, err));
    return check_key(check, request, table, &table->columns[key], arena, err);
}

static status check_stream(const struct checking *check, const struct read_request *request,
                           struct error *err)
{
    struct arena arena = {0};
    struct postgres_table table;
    status_code s = postgres_table_describe(check->source->conn, request, &arena, &table, err);
    if (s == STATUS_OK)
        s = check_table(check, request, &table, &arena, err);
    arena_release(&arena);
    return s;
}

status postgres_check(struct source *source, const struct read_request *request, finding_fn finding,
                      void *context, struct error *err)
{
    SCOPED(checking_release)
    struct checking check = {.source = source, .finding = finding, .context = context};
    TRY(postgres_present(source, err));
    if (request)
        return check_stream(&check, request, err);
    TRY(check_server(&check, err));
    TRY(check_pooler(&check, err));
    TRY(check_clock(&check, err));
    TRY(check_standby(&check, err));
    TRY(check_primary(&check, err));
    TRY(check_sessions(&check, err));
    TRY(check_timeouts(&check, err));
    return check_open(&check, err);
}
