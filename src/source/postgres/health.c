/* Latency is the time of one small query, the way there and back included: the server's own trouble and a way that is
 * full both count. Replication lag is bytes of WAL, or time. The server's own time for it stands still while a standby replays
 * nothing, just when it is needed, and on a standby it grows while the primary is idle. So it is checked by a mark: how long it
 * takes the standby to get to where the log ended at some look. */
#include "source/postgres/health.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "source/postgres/postgres.h"

enum { LOOK_MS = 50, PATIENCE_MS = 10000 };
static const int64_t MS_NS = 1000 * 1000;

/* On a standby: what has come and what is replayed. On a primary: what is written, and what the standby that is furthest
 * behind has replayed. Then how long the server says it takes, in milliseconds, and how many standbys it hides. Of the places
 * themselves there is no min() before PostgreSQL 13. */
static const char lag_sql[] =
    "SELECT pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()"
    " THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn() END,"
    " '0/0')::bigint,"
    " (CASE WHEN pg_catalog.pg_is_in_recovery()"
    " THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_replay_lsn(), '0/0')"
    " ELSE min(pg_catalog.pg_wal_lsn_diff(replay_lsn, '0/0')) END)::bigint,"
    " (extract(epoch FROM CASE WHEN pg_catalog.pg_is_in_recovery()"
    " THEN pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()"
    " ELSE max(replay_lag) END) * 1000)::bigint,"
    " count(*) FILTER (WHERE state IS NULL) FROM pg_catalog.pg_stat_replication";

struct lag {
    int64_t bytes, ms;
};

static bool watches_lag(const struct health_limits *limits)
{
    return limits->max_lag > 0 || limits->max_lag_ms > 0;
}

/* ---- options ---- */

static bool parse_milliseconds(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    while (*end == ' ')
        end++;
    if (end != text && strcmp(end, "ms") == 0) {
        *out = (int64_t)number;
        return errno == 0 && number >= 1 && number < 1e9;
    }
    struct error ignored;
    if (text_parse_duration(text, out, &ignored) != STATUS_OK || *out <= 0 || *out > 86400)
        return false;
    *out *= 1000;
    return true;
}

static status read_lag(const struct option_value *lag, struct health_limits *out, struct error *err)
{
    uint64_t bytes;
    struct error ignored;
    if (!lag || !lag->text || parse_milliseconds(lag->text, &out->max_lag_ms))
        return STATUS_OK;
    if (text_parse_size(lag->text, &bytes, &ignored) == STATUS_OK && bytes > 0 &&
        bytes <= INT64_MAX) {
        out->max_lag = (int64_t)bytes;
        return STATUS_OK;
    }
    return error_set(err, STATUS_BAD_CONFIG,
                     "%s%smax_replication_lag: expected a size such as 64MB or a time such as "
                     "10 s, got \"%s\"",
                     lag->where ? lag->where : "", lag->where ? ": " : "", lag->text);
}

status health_limits_read(const struct option_values *values, struct health_limits *out,
                          struct error *err)
{
    *out = (struct health_limits){0};
    if (!values)
        return STATUS_OK;
    out->max_rate = option_number(values, "max_rate");
    TRY(read_lag(option_find(values, "max_replication_lag"), out, err));
    const struct option_value *latency = option_find(values, "max_latency");
    if (!latency || !latency->text || parse_milliseconds(latency->text, &out->max_latency_ms))
        return STATUS_OK;
    return error_set(err, STATUS_BAD_CONFIG,
                     "%s%smax_latency: expected a time such as 100 ms or 2 s, got \"%s\"",
                     latency->where ? latency->where : "", latency->where ? ": " : "",
                     latency->text);
}

void postgres_limits(const struct source *source, struct source_limits *out)
{
    const struct health_limits *limits = &source->limits;
    *out = (struct source_limits){.bytes_per_second = (uint64_t)limits->max_rate,
                                  .health = limits->max_latency_ms > 0 || watches_lag(limits)};
}

/* ---- asking ---- */

static int64_t waited_ms(const struct source *source)
{
    return (clock_monotonic_ns() - source->limits.asked_ns) / MS_NS;
}

static status ask(struct source *source, struct error *err)
{
    /* The answer to the last question has not come. Another connection, or another query since, has nothing to say to it. */
    if (source->limits.asked_ns && libpq.PQtransactionStatus(source->conn) == PQTRANS_ACTIVE)
        return STATUS_OK;
    TRY(postgres_present(source, err));
    source->limits.asked_ns = clock_monotonic_ns();
    if (!libpq.PQsendQuery(source->conn, watches_lag(&source->limits) ? lag_sql : "SELECT 0")) {
        source->limits.asked_ns = 0;
        return postgres_result_error(source->conn, NULL, err);
    }
    return STATUS_OK;
}

/* *OUT is false when the wait alone was too long. */
static status wait_for_answer(struct source *source, const struct cancel *cancel, bool *out,
                              struct error *err)
{
    const struct health_limits *limits = &source->limits;
    int64_t patience = limits->max_latency_ms ? limits->max_latency_ms : PATIENCE_MS;
    for (;;) {
        struct pollfd one = {.fd = libpq.PQsocket(source->conn), .events = POLLIN};
        TRY(cancel_check(cancel, err));
        if (!libpq.PQconsumeInput(source->conn))
            return postgres_result_error(source->conn, NULL, err);
        int64_t left = patience - waited_ms(source);
        *out = !libpq.PQisBusy(source->conn);
        if (*out || left < 0)
            return STATUS_OK;
        (void)poll(&one, 1, (int)(left < LOOK_MS ? left + 1 : LOOK_MS));
    }
}

/* END: where the log is, REPLAYED: how far the standby. SERVER_MS is right while replay goes on and writers write: when the
 * mark is passed, it can't have taken longer than since the mark was set; while it is not, it takes longer than that. */
static int64_t lag_time(struct health_limits *limits, int64_t end, int64_t replayed,
                        int64_t server_ms)
{
    int64_t now_ns = clock_monotonic_ns();
    int64_t since_ms = limits->mark_ns ? (now_ns - limits->mark_ns) / MS_NS : 0;
    bool passed = replayed >= limits->mark;
    if (passed || !limits->mark_ns) {
        limits->mark = end;
        limits->mark_ns = now_ns;
    }
    if (replayed >= end)
        return 0;
    return (server_ms < since_ms) == passed ? server_ms : since_ms;
}

static status take_answer(struct source *source, struct lag *out, struct error *err)
{
    status_code code = STATUS_OK;
    PGresult *result;
    int64_t hidden = 0;
    *out = (struct lag){0};
    while ((result = libpq.PQgetResult(source->conn))) {
        if (libpq.PQresultStatus(result) != PGRES_TUPLES_OK && code == STATUS_OK)
            code = postgres_result_error(source->conn, result, err);
        else if (libpq.PQnfields(result) == 4) {
            int64_t end = postgres_cell_number(result, 0, 0);
            int64_t replayed = postgres_cell_number(result, 0, 1);
            if (libpq.PQgetisnull(result, 0, 0) ||
                libpq.PQgetisnull(result, 0, 1)) /* there is no standby */
                replayed = end;
            out->bytes = end - replayed;
            out->ms = lag_time(&source->limits, end, replayed, postgres_cell_number(result, 0, 2));
            hidden = postgres_cell_number(result, 0, 3);
        }
        libpq.PQclear(result);
    }
    if (code == STATUS_OK && hidden > 0)
        return error_set(err, STATUS_DENIED,
                         "this user may not see how far standbys are: GRANT pg_read_all_stats");
    return code;
}

static void judge(const struct health_limits *limits, bool answered, int64_t latency_ms,
                  struct lag lag, struct source_health *out)
{
    char is[32], most[32];
    *out = (struct source_health){0};
    out->strained = true;
    if (limits->max_latency_ms && latency_ms > limits->max_latency_ms)
        snprintf(out->text, sizeof(out->text), "latency %s%lld ms over %lld ms",
                 answered ? "" : "above ", (long long)latency_ms,
                 (long long)limits->max_latency_ms);
    else if (limits->max_lag_ms && lag.ms > limits->max_lag_ms)
        snprintf(out->text, sizeof(out->text), "replication lag %s over %s",
                 text_format_duration((double)lag.ms / 1000, is),
                 text_format_duration((double)limits->max_lag_ms / 1000, most));
    else if (limits->max_lag && lag.bytes > limits->max_lag)
        snprintf(out->text, sizeof(out->text), "replication lag %s over %s",
                 text_format_bytes((uint64_t)lag.bytes, is),
                 text_format_bytes((uint64_t)limits->max_lag, most));
    else
        out->strained = false;
}

status postgres_health(struct source *source, struct cancel *cancel, struct source_health *out,
                       struct error *err)
{
    struct health_limits *limits = &source->limits;
    bool answered = true;
    struct lag lag = {0};
    TRY(ask(source, err));
    status_code code = wait_for_answer(source, cancel, &answered, err);
    int64_t latency_ms = waited_ms(source);
    if (code == STATUS_CANCELLED)
        return code;
    if (code == STATUS_OK && answered)
        code = take_answer(source, &lag, err);
    if (code != STATUS_OK || answered)
        limits->asked_ns = 0;
    TRY(code);
    if (!answered && !limits->max_latency_ms)
        return error_set(err, STATUS_UNAVAILABLE, "the server has not answered for %lld ms",
                         (long long)latency_ms);
    judge(limits, answered, latency_ms, lag, out);
    return STATUS_OK;
}
