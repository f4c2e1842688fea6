#include <stdlib.h>
#include <string.h>

#include "source/postgres/cancel.h"
#include "source/postgres/fence.h"
#include "source/postgres/newest.h"
#include "source/postgres/overlap.h"
#include "source/postgres/postgres.h"
#include "source/postgres/xmin.h"

static const char *const numeric_choices[] = {"text", "scan", NULL};
static const struct option_spec options[] = {
    {.name = "connections",
     .kind = OPTION_INT,
     .default_text = "8",
     .minimum = 1,
     .maximum = 1000,
     .help = "Connections that read at the same time, at most, for all streams together.",
     .example = "4"},
    {.name = "max_rate",
     .kind = OPTION_SIZE,
     .minimum = 1000,
     .maximum = INT64_MAX,
     .help = "Bytes a second, at most, that all connections together read; without it, no limit.",
     .example = "50MB"},
    {.name = "max_latency",
     .kind = OPTION_TEXT,
     .help = "Read with fewer connections, or none, while a small query takes longer than this.",
     .example = "100 ms"},
    {.name = "max_replication_lag",
     .kind = OPTION_TEXT,
     .help =
         "Read with fewer connections, or none, while a standby is so far behind: bytes of WAL, "
         "or a time.",
     .example = "10 s"},
    {.name = "settle",
     .kind = OPTION_DURATION,
     .default_text = "2 s",
     .maximum = 86400,
     .help = "How long to wait for transactions that were open when the largest key was looked at.",
     .example = "1 min"},
    {.name = "fence",
     .kind = OPTION_SECRET,
     .help = "URL of the primary, where the source is a standby: open transactions are looked at "
             "there.",
     .example = "postgres://leat@primary.example.com/shop"},
    {.name = "fence_timeout",
     .kind = OPTION_DURATION,
     .default_text = "1 min",
     .maximum = 86400,
     .help = "How long to wait until the standby has replayed what its primary had written.",
     .example = "5 min"},
    {.name = "statement_timeout",
     .kind = OPTION_DURATION,
     .maximum = 30 * 86400,
     .help = "Longest time of one statement, as the server counts it; without it, none.",
     .example = "2 h"},
    {.name = "lock_timeout",
     .kind = OPTION_DURATION,
     .default_text = "10 s",
     .maximum = 86400,
     .help = "How long to wait for a lock that somebody else holds on a table.",
     .example = "1 min"},
    {.name = "connect_timeout",
     .kind = OPTION_DURATION,
     .default_text = "10 s",
     .minimum = 2,
     .maximum = 3600,
     .help = "How long to wait for a connection.",
     .example = "30 s"},
    {.name = "numeric",
     .kind = OPTION_CHOICE,
     .choices = numeric_choices,
     .default_text = "text",
     .help = "What numeric without precision becomes: text, or a decimal, by a look at all values.",
     .example = "scan"},
    {.name = "network_timeout",
     .kind = OPTION_DURATION,
     .default_text = "1 min",
     .minimum = 2,
     .maximum = 86400,
     .help = "How long a server may be cut off before its connections are given up.",
     .example = "5 min"},
    {.name = NULL},
};

static const char *const row_keys[] = {XMIN_KEY, NULL};
static const char *const schemes[] = {"postgres", "postgresql", NULL};

static void source_freep(struct source **source)
{
    if (!*source)
        return;
    postgres_snapshot_end(*source);
    newest_forget_all(*source);
    overlap_forget_all(*source);
    postgres_disconnectp(&(*source)->conn);
    pthread_mutex_destroy(&(*source)->mutex);
    mem_free((*source)->idle);
    mem_free((*source)->location);
    mem_free((*source)->fence_location);
    mem_free((*source)->shown);
    mem_free((*source)->identity);
    mem_free(*source);
    *source = NULL;
}

/* The location is what follows the scheme: of a URL, which libpq wants whole, or of postgres:KEY=VALUE..., which it
 * wants as it is. */
static char *connection_string(const char *location)
{
    bool pairs = location[strcspn(location, "=@/?:")] == '=';
    return pairs ? mem_strdup(location) : mem_printf("postgresql://%s", location);
}

/* The primary's URL with its scheme; libpq takes a URL whole, and KEY=VALUE... without. */
static status read_fence(struct source *source, const struct option_values *values,
                         struct error *err)
{
    static const char *const words[] = {"postgres:", "postgresql:"};
    const char *fence = values ? option_text(values, "fence") : NULL;
    source->fence_timeout_ms = values ? option_number(values, "fence_timeout") * 1000 : 60000;
    if (!fence)
        return STATUS_OK;
    source->fence_location = mem_strdup(fence);
    if (!source->fence_location)
        return error_no_memory(err);
    source->fence = source->fence_location;
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(words[i]);
        if (strncmp(fence, words[i], n) == 0 && strncmp(fence + n, "//", 2) != 0)
            source->fence = source->fence_location + n;
    }
    return STATUS_OK;
}

static void read_options(struct source *source, const struct option_values *values)
{
    source->scan_numerics = values && strcmp(option_text(values, "numeric"), "scan") == 0;
    source->max_connections = values ? option_number(values, "connections") : 8;
    source->settle_ms = values ? option_number(values, "settle") * 1000 : 2000;
    source->connect = (struct connection_options){
        .location = source->location,
        .sessions_kept = &source->sessions_kept,
        .cancel = &source->cancel,
        .connect_timeout_s = values ? option_number(values, "connect_timeout") : 10,
        .network_timeout_s = values ? option_number(values, "network_timeout") : 60,
        .statement_timeout_ms = values ? option_number(values, "statement_timeout") * 1000 : 0,
        .lock_timeout_ms = values ? option_number(values, "lock_timeout") * 1000 : 10000,
    };
}

/* The cluster's number, made at initdb, tells servers apart whatever they are called; where it is not to be had,
 * host and port do. */
static status make_identity(struct source *source, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *database = NULL;
    SCOPED(postgres_clearp) PGresult *cluster = NULL;
    TRY(postgres_query(source->conn,
                       "SELECT oid, datname FROM pg_database WHERE datname = current_database()",
                       &database, err));
    cluster =
        libpq.PQexec(source->conn, "SELECT system_identifier FROM pg_catalog.pg_control_system()");
    const char *oid = libpq.PQgetvalue(database, 0, 0), *name = libpq.PQgetvalue(database, 0, 1);
    source->shown =
        mem_printf("%s:%s/%s", libpq.PQhost(source->conn), libpq.PQport(source->conn), name);
    if (libpq.PQresultStatus(cluster) == PGRES_TUPLES_OK)
        source->identity =
            mem_printf("postgres:%s/%s#%s", libpq.PQgetvalue(cluster, 0, 0), name, oid);
    else
        source->identity = mem_printf("postgres:%s#%s", source->shown ? source->shown : "", oid);
    return source->shown && source->identity ? STATUS_OK : error_no_memory(err);
}

/* IDENTITY stays the source's, whatever answers now. */
static status compare_identity(struct source *source, char *identity, struct error *err)
{
    status_code s = make_identity(source, err);
    if (s == STATUS_OK && strcmp(identity, source->identity) != 0)
        s = error_set(err, STATUS_BAD_CONFIG, "the server was %s, and now %s answers in its place",
                      identity, source->identity);
    mem_free(source->identity);
    source->identity = identity;
    return s;
}

status postgres_revive(struct source *source, struct error *err)
{
    PGconn *fresh = NULL;
    if (postgres_is_alive(source->conn) &&
        postgres_answers(source->conn, "SELECT 1", source->connect.connect_timeout_s * 1000, NULL))
        return STATUS_OK;
    TRY(postgres_connect(&source->connect, &fresh, err));
    if (source->before == source->conn)
        source->before = NULL;
    postgres_disconnectp(&source->conn);
    source->conn = fresh;
    mem_free(source->shown);
    source->shown = NULL;
    char *identity = source->identity;
    source->identity = NULL;
    status_code s = compare_identity(source, identity, err);
    if (s != STATUS_OK)
        postgres_sever(source->conn); /* the next try asks again */
    return s;
}

static status postgres_open_far(const char *location, const struct option_values *values,
                                const struct cancel *cancel, struct source **out, struct error *err)
{
    TRY(libpq_load(err));
    SCOPED(source_freep) struct source *source = mem_zalloc(sizeof(*source));
    if (!source)
        return error_no_memory(err);
    pthread_mutex_init(&source->mutex, NULL);
    source->location = connection_string(location);
    if (!source->location)
        return error_no_memory(err);
    source->cancel = cancel;
    read_options(source, values);
    TRY(read_fence(source, values, err));
    if (values)
        TRY(health_limits_read(values, &source->limits, err));
    TRY(postgres_connect(&source->connect, &source->conn, err));
    TRY(make_identity(source, err));
    *out = TAKE(source);
    return STATUS_OK;
}

static status postgres_open(const char *location, const struct option_values *values,
                            struct source **out, struct error *err)
{
    return postgres_open_far(location, values, NULL, out, err);
}

static void postgres_close(struct source *source)
{
    source_freep(&source);
}

const struct source_driver postgres_driver = {
    .name = "postgres",
    .schemes = schemes,
    .options = options,
    .default_schema = "public",
    .row_keys = row_keys,
    .traits = SOURCE_SPLITS | SOURCE_FENCE,
    .open = postgres_open,
    .open_far = postgres_open_far,
    .discover = postgres_discover,
    .check = postgres_check,
    .plan = postgres_plan,
    .plan_holds = postgres_plan_holds,
    .plan_end = postgres_snapshot_end,
    .reader_open = postgres_reader_open,
    .reader_next = postgres_reader_next,
    .reader_counts = postgres_reader_counts,
    .reader_close = postgres_reader_close,
    .newest = postgres_newest,
    .limits = postgres_limits,
    .health = postgres_health,
    .keep_idle = postgres_keep_idle,
    .close = postgres_close,
};
