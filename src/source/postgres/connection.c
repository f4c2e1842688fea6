#include "source/postgres/connection.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/postgres/cancel.h"
#include "source/postgres/hosts.h"
#include "source/postgres/pooler.h"

/* ---- errors ---- */

/* What a condition means for the run, by SQLSTATE (PostgreSQL, Appendix A); a class stands for all of its codes. The first
 * that fits holds.
 *
 *   UNAVAILABLE     may heal: the split is done again on another connection, in the same snapshot. Should the
 *                   snapshot be gone, that connection can't join it, and then it is SNAPSHOT_LOST (snapshot.c)
 *   SNAPSHOT_LOST   it can't be there any more, whatever else may be
 *   any other       the same would happen again */
static const struct {
    const char *state;
    status_code code;
    const char *remedy;
} conditions[] = {
    {"08", STATUS_UNAVAILABLE, NULL},
    {"22", STATUS_BAD_DATA, NULL},
    {"25P03", STATUS_UNAVAILABLE,
     "idle_in_transaction_session_timeout of a pooler, or of the role"},
    {"28P01", STATUS_DENIED, "correct the password (URL, PGPASSWORD or ~/.pgpass)"},
    {"28", STATUS_DENIED, "let pg_hba.conf allow this user, database and address"},
    {"3D000", STATUS_NOT_FOUND, "correct the name of the database in the URL"},
    {"40001", STATUS_UNAVAILABLE,
     "on a standby: set hot_standby_feedback = on, or a longer max_standby_streaming_delay"},
    {"40", STATUS_UNAVAILABLE, NULL},
    {"42501", STATUS_DENIED, "grant the privilege that is missing"},
    {"42P01", STATUS_NOT_FOUND, NULL},
    {"42", STATUS_BAD_CONFIG, NULL},
    {"53100", STATUS_NO_SPACE, "the server's disk is full"},
    {"53300", STATUS_UNAVAILABLE, "lower `connections`, or raise max_connections on the server"},
    {"53", STATUS_UNAVAILABLE, NULL},
    {"54", STATUS_BAD_DATA, NULL},
    {"55P03", STATUS_UNAVAILABLE, "somebody holds a lock on the table; raise lock_timeout or wait"},
    {"57014", STATUS_DENIED, "raise statement_timeout, or find out who cancelled the query"},
    {"57P02", STATUS_SNAPSHOT_LOST, "a process of the server crashed; look at its log"},
    {"57P04", STATUS_NOT_FOUND, "the database was dropped"},
    {"57", STATUS_UNAVAILABLE, NULL},
    {"58P01", STATUS_BAD_DATA, "the server misses a file of its own; look at its log"},
    {"58", STATUS_UNAVAILABLE, NULL},
    {"72000", STATUS_SNAPSHOT_LOST, "raise old_snapshot_threshold on the server"},
    {"XX", STATUS_BAD_DATA, "the server reports damage or a fault of its own; look at its log"},
};

status_code postgres_state_status(const char *state, const char **out_remedy)
{
    *out_remedy = NULL;
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        if (strncmp(state, conditions[i].state, strlen(conditions[i].state)) == 0) {
            *out_remedy = conditions[i].remedy;
            return conditions[i].code;
        }
    }
    return STATUS_UNAVAILABLE;
}

int postgres_state_number(const char *state)
{
    return (int)strtol(state, NULL, 36);
}

status postgres_error(struct error *err, const char *state, const char *message, const char *detail,
                      const char *hint)
{
    const char *remedy;
    state = state ? state : "08006";
    status_code code = postgres_state_status(state, &remedy);
    code = error_set(err, code, "the server says: %s%s%s%s%s (SQLSTATE %s)%s%s",
                     message ? message : "nothing", detail ? "; " : "", detail ? detail : "",
                     hint ? "; " : "", hint ? hint : "", state, remedy ? "; " : "",
                     remedy ? remedy : "");
    if (err)
        err->source_code = postgres_state_number(state);
    return code;
}

/* libpq writes lines, some of them indented by a tab, and ends with a newline. */
static const char *one_line(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        if (*text != '\n' && *text != '\t')
            out[n++] = *text;
        else if (text[1] && n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    out[n] = '\0';
    return out;
}

status postgres_result_error(PGconn *conn, const PGresult *result, struct error *err)
{
    char line[1024];
    const char *state = result ? libpq.PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!state) {
        one_line(libpq.PQerrorMessage(conn), line, sizeof(line));
        if (strstr(line, "conflict with recovery"))
            return postgres_error(err, "40001", line, NULL, NULL);
        return error_set(err, STATUS_UNAVAILABLE, "the connection to the server broke: %s", line);
    }
    return postgres_error(err, state, libpq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
                          libpq.PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
                          libpq.PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
}

/* ---- statements ---- */

void postgres_clearp(PGresult **result)
{
    libpq.PQclear(*result);
    *result = NULL;
}

static status check_result(PGconn *conn, PGresult *result, PGresult **out, struct error *err)
{
    ExecStatusType got = libpq.PQresultStatus(result);
    if (got == PGRES_TUPLES_OK || got == PGRES_COMMAND_OK) {
        *out = result;
        return STATUS_OK;
    }
    status_code s = postgres_result_error(conn, result, err);
    libpq.PQclear(result);
    return s;
}

/* The place of the cancel flag stays with the connection: each of its statements looks there. */
static int keep_cancel(PGEventId id, void *info, void *through)
{
    return 1;
}

static const struct cancel *cancel_of(const PGconn *conn)
{
    const struct cancel *const *place = libpq.PQinstanceData(conn, keep_cancel);
    return place ? *place : NULL;
}

/* A server's notices are for nobody. */
static void drop_notice(void *context, const char *message)
{
}

/* Until libpq has a whole result, or the connection broke. WITHIN_MS: 0 for as long as it takes. */
static status await_result(PGconn *conn, int64_t within_ms, struct error *err)
{
    int64_t end = within_ms ? clock_monotonic_ns() + within_ms * 1000000 : INT64_MAX;
    while (libpq.PQisBusy(conn)) {
        struct pollfd one = {.fd = libpq.PQsocket(conn), .events = POLLIN};
        status_code s = cancel_check(cancel_of(conn), err);
        if (s != STATUS_OK) {
            postgres_cancel(conn);
            return s;
        }
        if (clock_monotonic_ns() > end) {
            postgres_sever(conn);
            return error_set(err, STATUS_UNAVAILABLE, "the server has not answered for %lld ms",
                             (long long)within_ms);
        }
        if (poll(&one, 1, POSTGRES_POLL_MS) > 0 && !libpq.PQconsumeInput(conn))
            break; /* PQgetResult says why */
    }
    return STATUS_OK;
}

/* The first error, else the result of the last statement. */
static status gather_result(PGconn *conn, int64_t within_ms, PGresult **out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *kept = NULL;
    for (;;) {
        TRY(await_result(conn, within_ms, err));
        PGresult *next = libpq.PQgetResult(conn);
        if (!next) {
            *out = TAKE(kept);
            return STATUS_OK;
        }
        if (kept && libpq.PQresultStatus(kept) == PGRES_FATAL_ERROR) {
            libpq.PQclear(next);
        } else {
            libpq.PQclear(kept);
            kept = next;
        }
    }
}

static status take_result(PGconn *conn, int64_t within_ms, PGresult **out, struct error *err)
{
    PGresult *result;
    TRY(gather_result(conn, within_ms, &result, err));
    return check_result(conn, result, out, err);
}

status postgres_query(PGconn *conn, const char *sql, PGresult **out, struct error *err)
{
    if (!libpq.PQsendQuery(conn, sql))
        return postgres_result_error(conn, NULL, err);
    return take_result(conn, 0, out, err);
}

status postgres_query_with(PGconn *conn, const char *sql, const char *const *values, int n,
                           PGresult **out, struct error *err)
{
    if (!libpq.PQsendQueryParams(conn, sql, n, NULL, values, NULL, NULL, 0))
        return postgres_result_error(conn, NULL, err);
    return take_result(conn, 0, out, err);
}

status postgres_query_of(PGconn *conn, const char *sql, int64_t number, PGresult **out,
                         struct error *err)
{
    char text[24];
    const char *values[] = {text};
    snprintf(text, sizeof(text), "%lld", (long long)number);
    return postgres_query_with(conn, sql, values, 1, out, err);
}

bool postgres_answers(PGconn *conn, const char *sql, int64_t within_ms, struct error *err)
{
    PGresult *result = NULL;
    if (libpq.PQstatus(conn) != CONNECTION_OK || !libpq.PQsendQuery(conn, sql)) {
        (void)postgres_result_error(conn, NULL, err);
        return false;
    }
    status_code s = take_result(conn, within_ms, &result, err);
    libpq.PQclear(result);
    return s == STATUS_OK;
}

/* An idle connection on which something arrived: mostly the server's last words, and the end. */
bool postgres_is_alive(PGconn *conn)
{
    struct pollfd one = {.fd = libpq.PQsocket(conn), .events = POLLIN};
    while (libpq.PQstatus(conn) == CONNECTION_OK && poll(&one, 1, 0) > 0) {
        if (!libpq.PQconsumeInput(conn))
            return false;
    }
    return libpq.PQstatus(conn) == CONNECTION_OK;
}

int64_t postgres_cell_number(const PGresult *result, int row, int column)
{
    const char *text = libpq.PQgetvalue(result, row, column);
    int64_t number = 0;
    return text && text_parse_int64(text, strlen(text), &number) ? number : 0;
}

status postgres_run(PGconn *conn, const char *sql, struct error *err)
{
    PGresult *result = NULL;
    TRY(postgres_query(conn, sql, &result, err));
    libpq.PQclear(result);
    return STATUS_OK;
}

status postgres_run_within(PGconn *conn, const char *sql, int64_t within_ms, struct error *err)
{
    PGresult *result = NULL;
    if (!libpq.PQsendQuery(conn, sql))
        return postgres_result_error(conn, NULL, err);
    TRY(take_result(conn, within_ms, &result, err));
    libpq.PQclear(result);
    return STATUS_OK;
}

static void quote(struct text *sql, const char *value, char mark)
{
    text_append_char(sql, mark);
    for (; *value; value++) {
        if (*value == mark)
            text_append_char(sql, mark);
        text_append_char(sql, *value);
    }
    text_append_char(sql, mark);
}

void postgres_quote(struct text *sql, const char *name)
{
    quote(sql, name, '"');
}

/* standard_conforming_strings is on in every session of ours, so a backslash is a character. */
void postgres_quote_literal(struct text *sql, const char *value)
{
    quote(sql, value, '\'');
}

/* ---- connecting ---- */

bool postgres_host_is_local(const char *host)
{
    return !host || !*host || *host == '/' || *host == '@' || strcmp(host, "localhost") == 0 ||
           strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static const char *given(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    }
    return NULL;
}

/* Of several hosts, all must be local. */
static bool all_local(const char *hosts)
{
    while (hosts && *hosts) {
        char one[256];
        size_t n = strcspn(hosts, ",");
        if (n >= sizeof(one))
            return false;
        memcpy(one, hosts, n);
        one[n] = '\0';
        if (!postgres_host_is_local(one))
            return false;
        hosts += n + (hosts[n] == ',');
    }
    return true;
}

bool postgres_is_local(PGconn *conn)
{
    return all_local(libpq.PQhost(conn)) && all_local(libpq.PQhostaddr(conn));
}

static bool has_own_roots(void)
{
    char path[1024];
    const char *home = getenv("HOME");
    int n = home ? snprintf(path, sizeof(path), "%s/.postgresql/root.crt", home) : -1;
    return n > 0 && n < (int)sizeof(path) && access(path, R_OK) == 0;
}

/* TLS is verified unless the user says otherwise. libpq 15 looks for roots in the home directory only.
 *   written   what stands in the URL
 *   all       what URL, service file and environment come to. libpq's own default can't be told from the same word in a
 *             service file: there "prefer" counts as nothing said. */
static void ask_for_tls(struct connection_words *words, const PQconninfoOption *written,
                        const PQconninfoOption *all)
{
    static const char system_roots[] = "/etc/ssl/certs/ca-certificates.crt";
    const char *mode = given(all, "sslmode");
    bool asked =
        given(written, "sslmode") || getenv("PGSSLMODE") || (mode && strcmp(mode, "prefer") != 0);
    bool local = all_local(given(all, "host")) && all_local(given(all, "hostaddr"));
    if (asked || local)
        return;
    connection_words_add(words, "sslmode", "verify-full");
    const char *roots = given(all, "sslrootcert");
    if (!(roots && *roots) && !has_own_roots() && access(system_roots, R_OK) == 0)
        connection_words_add(words, "sslrootcert", system_roots);
}

/* What libpq makes of LOCATION. With a port that can't be, it resolves everything and contacts nobody. */
static status resolve_tls(struct connection_words *words, const char *location,
                          const PQconninfoOption *written, struct error *err)
{
    static const char *const keys[] = {"dbname", "port", NULL};
    const char *values[] = {location, "-1", NULL};
    SCOPED(postgres_disconnectp) PGconn *probe = libpq.PQconnectStartParams(keys, values, 1);
    PQconninfoOption *all = probe ? libpq.PQconninfo(probe) : NULL;
    if (!all)
        return error_no_memory(err);
    ask_for_tls(words, written, all);
    libpq.PQconninfoFree(all);
    return STATUS_OK;
}

static status bad_location(struct error *err)
{
    /* libpq's own words would repeat the string, password included */
    return error_set(
        err, STATUS_BAD_CONFIG,
        "the connection string is not one that PostgreSQL knows; expected "
        "postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full or postgres:host=... dbname=..., "
        "with percent signs for characters such as @ and / in user, password and database");
}

/* A password with @ or / that has no percent signs: its parts would be taken for host, port and database, and repeated in
 * messages. One @ ends the user info, before any slash, and from there to the parameters there is none. */
static bool holds_parts_of_a_password(const char *location, const PQconninfoOption *written)
{
    const char *host = given(written, "host"), *port = given(written, "port");
    bool abstract = host && *host == '@'; /* a socket */
    if ((host && !abstract && strchr(host, '@')) ||
        (port && port[strspn(port, "0123456789,")] != '\0'))
        return true;
    if (!text_starts_with(location, "postgres://") && !text_starts_with(location, "postgresql://"))
        return false;
    const char *rest = strstr(location, "://") + 3;
    const char *at = memchr(rest, '@', strcspn(rest, "/"));
    rest = at ? at + 1 : rest;
    return memchr(rest, '@', strcspn(rest, "?")) != NULL;
}

status postgres_connect_error(const char *message, struct error *err)
{
    char line[1024];
    one_line(message, line, sizeof(line));
    if (strstr(line, "password authentication failed") || strstr(line, "no password supplied") ||
        strstr(line, "pg_hba.conf"))
        return error_set(err, STATUS_DENIED,
                         "cannot connect: %s; correct user and password (URL, PGPASSWORD, "
                         "~/.pgpass) or pg_hba.conf",
                         line);
    if (strstr(line, "too many clients") || strstr(line, "connection slots") ||
        strstr(line, "too many connections"))
        return postgres_error(err, "53300", line, NULL, NULL);
    if (strstr(line, "certificate") || strstr(line, "SSL"))
        return error_set(
            err, STATUS_DENIED,
            "cannot connect: %s; TLS is verified for hosts that are not local: name the "
            "authority with sslrootcert=FILE, or ask for less with sslmode=require",
            line);
    if (strstr(line, "does not exist"))
        return error_set(err, STATUS_NOT_FOUND, "cannot connect: %s", line);
    return error_set(err, STATUS_UNAVAILABLE, "cannot connect: %s", line);
}

/* Settings of a session that somebody else gets next would be theirs: without a pooler the process is the one that the
 * server named when it connected. Asked in the same breath, and what follows an error is not run. */
static void only_without_pooler(PGconn *conn, struct text *sql)
{
    text_printf(sql, "SELECT 1 / (pg_catalog.pg_backend_pid() = %d)::int; ",
                libpq.PQbackendPID(conn));
}

static void append_settings(PGconn *conn, const struct connection_options *options,
                            struct text *sql)
{
    text_append(sql, "SET search_path = ''; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';"
                     " SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 3;"
                     " SET bytea_output = 'hex'; SET standard_conforming_strings = on;"
                     " SET row_security = off; SET default_transaction_read_only = on;"
                     " SET idle_in_transaction_session_timeout = 0;"
                     " SET synchronize_seqscans = off; SET jit = off;");
    /* else the server itself refuses bytes that are not UTF-8, whatever the column's policy is */
    const char *encoding = libpq.PQparameterStatus(conn, "server_encoding");
    if (encoding && strcmp(encoding, "SQL_ASCII") == 0)
        text_append(sql, " SET client_encoding = 'SQL_ASCII';");
    if (libpq.PQserverVersion(conn) >= 140000)
        text_append(sql, " SET idle_session_timeout = 0;");
    if (libpq.PQserverVersion(conn) >= 170000)
        text_append(sql, " SET transaction_timeout = 0;");
    text_printf(sql, " SET statement_timeout = %lld; SET lock_timeout = %lld",
                (long long)options->statement_timeout_ms, (long long)options->lock_timeout_ms);
}

/* The kernel may hear from a proxy on the way that hears nothing itself. */
static status set_session(PGconn *conn, const struct connection_options *options, struct error *err)
{
    int64_t within_ms = options->network_timeout_s * 1000;
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text guarded = {0};
    SCOPED(text_release) struct text sql = {0};
    only_without_pooler(conn, &guarded);
    append_settings(conn, options, &guarded);
    append_settings(conn, options, &sql);
    TRY(text_check(&guarded, err));
    TRY(text_check(&sql, err));
    if (!libpq.PQsendQuery(conn, text_string(&guarded)))
        return postgres_result_error(conn, NULL, err);
    TRY(gather_result(conn, within_ms, &result, err));
    if (libpq.PQresultStatus(result) == PGRES_COMMAND_OK)
        return STATUS_OK;
    const char *state = libpq.PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!state || strcmp(state, "22012") != 0) /* division by zero */
        return postgres_result_error(conn, result, err);
    if (!options->sessions_kept || !*options->sessions_kept)
        TRY(pooler_keeps_sessions(options, conn, err));
    if (options->sessions_kept)
        *options->sessions_kept = true;
    return postgres_run_within(conn, text_string(&sql), within_ms, err);
}

void postgres_disconnectp(PGconn **conn)
{
    libpq.PQfinish(*conn);
    *conn = NULL;
}

struct network_words {
    char idle[24], interval[24], timeout_ms[24];
};

/* A server that is cut off sends nothing, not even that it is gone: the kernel asks after half of the time, and again, and gives
 * up after all of it. Over a socket file these mean nothing. */
static void watch_network(struct connection_words *words, const struct connection_options *options,
                          struct network_words *out)
{
    long long seconds = options->network_timeout_s;
    if (seconds <= 0)
        return;
    snprintf(out->idle, sizeof(out->idle), "%lld", seconds / 2 ? seconds / 2 : 1);
    snprintf(out->interval, sizeof(out->interval), "%lld", seconds / 6 ? seconds / 6 : 1);
    snprintf(out->timeout_ms, sizeof(out->timeout_ms), "%lld", seconds * 1000);
    connection_words_add(words, "keepalives_idle", out->idle);
    connection_words_add(words, "keepalives_interval", out->interval);
    connection_words_add(words, "keepalives_count", "3");
    connection_words_add(words, "tcp_user_timeout", out->timeout_ms);
}

status postgres_connect_bare(const struct connection_options *options, PGconn **out,
                             struct error *err)
{
    char seconds[24];
    struct network_words watch;
    struct connection_words words = {0};
    PQconninfoOption *parsed = libpq.PQconninfoParse(options->location, NULL);
    if (!parsed)
        return bad_location(err);
    if (holds_parts_of_a_password(options->location, parsed)) {
        libpq.PQconninfoFree(parsed);
        return bad_location(err);
    }
    snprintf(seconds, sizeof(seconds), "%lld", (long long)options->connect_timeout_s);
    connection_words_add(&words, "connect_timeout", seconds);
    connection_words_add(&words, "fallback_application_name", "leat");
    watch_network(&words, options, &watch);
    status_code resolved = resolve_tls(&words, options->location, parsed, err);
    libpq.PQconninfoFree(parsed);
    TRY(resolved);
    connection_words_add(
        &words, "dbname",
        options->location); /* expanded; what it says goes before what stands above */
    connection_words_add(&words, "client_encoding", "UTF8");
    SCOPED(postgres_disconnectp) PGconn *conn = NULL;
    TRY(hosts_connect(&words, options, &conn, err));
    if (libpq.PQserverVersion(conn) < 120000)
        return error_set(err, STATUS_BAD_CONFIG,
                         "the server is PostgreSQL %d; leat reads 12 and later",
                         libpq.PQserverVersion(conn) / 10000);
    libpq.PQsetNoticeProcessor(conn, drop_notice, NULL);
    if (!libpq.PQregisterEventProc(conn, keep_cancel, "leat", NULL) ||
        !libpq.PQsetInstanceData(conn, keep_cancel, (void *)options->cancel))
        return error_no_memory(err);
    *out = TAKE(conn);
    return STATUS_OK;
}

status postgres_connect(const struct connection_options *options, PGconn **out, struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *conn = NULL;
    TRY(postgres_connect_bare(options, &conn, err));
    TRY(set_session(conn, options, err));
    *out = TAKE(conn);
    return STATUS_OK;
}
