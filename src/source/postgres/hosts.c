/* libpq tries several hosts in turn. The next one's turn comes when a host refuses, and, in the calls that block, when it is
 * silent for connect_timeout; no signal ends those, and the others know no time. So each host is connected to on its own:
 *
 *   it answers                                              done
 *   it can't be reached, is silent, starts up, or is not
 *   what target_session_attrs wants                         the next one
 *   it refuses the user, or has no free connection          that is the answer, as with libpq
 */
#include "source/postgres/hosts.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"

void connection_words_add(struct connection_words *words, const char *key, const char *value)
{
    words->keys[words->n] = key;
    words->values[words->n++] = value;
}

/* What all words come to, those of the environment and service files among them. */
struct target {
    PQconninfoOption *found;
    const char *hosts, *addresses, *ports, *attributes;
    int64_t timeout_s;
    size_t n; /* hosts */
};

static void target_release(struct target *target)
{
    libpq.PQconninfoFree(target->found);
}

static size_t list_size(const char *list)
{
    size_t n = list && *list ? 1 : 0;
    for (; n && *list; list++)
        n += *list == ',';
    return n;
}

static void look_at_words(PGconn *conn, struct target *out)
{
    *out = (struct target){.found = libpq.PQconninfo(conn)};
    for (PQconninfoOption *o = out->found; o && o->keyword; o++) {
        if (strcmp(o->keyword, "host") == 0)
            out->hosts = o->val;
        else if (strcmp(o->keyword, "hostaddr") == 0)
            out->addresses = o->val;
        else if (strcmp(o->keyword, "port") == 0)
            out->ports = o->val;
        else if (strcmp(o->keyword, "target_session_attrs") == 0)
            out->attributes = o->val;
        else if (strcmp(o->keyword, "connect_timeout") == 0 && o->val)
            (void)text_parse_int64(o->val, strlen(o->val), &out->timeout_s);
    }
    size_t addresses = list_size(out->addresses);
    out->n = addresses ? addresses : list_size(out->hosts);
}

/* ---- one ---- */

/* As PQconnectdbParams, but a signal ends it. What went wrong CONN says itself; *OUT_SILENT: nothing was said in time. */
static status await_connection(PGconn *conn, const struct connection_options *options,
                               int64_t timeout_s, bool *out_silent, struct error *err)
{
    int64_t end = timeout_s > 0 ? clock_monotonic_ns() + timeout_s * 1000000000 : INT64_MAX;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    *out_silent = false;
    while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
        struct pollfd one = {.fd = libpq.PQsocket(conn),
                             .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        TRY(cancel_check(options->cancel ? *options->cancel : NULL, err));
        *out_silent = clock_monotonic_ns() > end;
        if (*out_silent)
            return STATUS_OK;
        if (poll(&one, 1, POSTGRES_POLL_MS) > 0)
            next = libpq.PQconnectPoll(conn);
    }
    return STATUS_OK;
}

/* CONN, which has begun, or why not. */
static status finish_connection(PGconn *conn, const struct connection_options *options,
                                int64_t timeout_s, struct error *err)
{
    bool silent = false;
    if (libpq.PQstatus(conn) != CONNECTION_BAD)
        TRY(await_connection(conn, options, timeout_s, &silent, err));
    if (silent)
        return error_set(err, STATUS_UNAVAILABLE,
                         "cannot connect: the server has not answered for %lld s",
                         (long long)timeout_s);
    return libpq.PQstatus(conn) == CONNECTION_OK
               ? STATUS_OK
               : postgres_connect_error(libpq.PQerrorMessage(conn), err);
}

/* ---- one of several ---- */

enum { MAX_NAME = 256 };

/* Element I of LIST; of a list of one, that. False: too long. */
static bool element(const char *list, size_t i, char out[MAX_NAME])
{
    *out = '\0';
    if (!list)
        return true;
    for (; i > 0 && strchr(list, ','); i--)
        list = strchr(list, ',') + 1;
    size_t size = strcspn(list, ",");
    if (size >= MAX_NAME)
        return false;
    memcpy(out, list, size);
    out[size] = '\0';
    return true;
}

struct host {
    char name[MAX_NAME], address[MAX_NAME], port[MAX_NAME];
};

/* False: libpq alone can say what is meant, as by an empty name among others. */
static bool host_at(const struct target *target, size_t i, struct host *out)
{
    if (!element(target->hosts, i, out->name) || !element(target->addresses, i, out->address) ||
        !element(target->ports, i, out->port))
        return false;
    if (!*out->port)
        memcpy(out->port, "5432", sizeof("5432"));
    if (list_size(target->addresses) && !*out->address)
        return false;
    return *out->name || (!list_size(target->hosts) && *out->address);
}

/* Can they be told one by one: as many names and ports as there are hosts, or one port for all? */
static bool all_are_plain(const struct target *target)
{
    struct host host;
    for (size_t i = 0; i < target->n; i++) {
        if (!host_at(target, i, &host))
            return false;
    }
    size_t ports = list_size(target->ports);
    size_t names = list_size(target->hosts);
    return (ports <= 1 || ports == target->n) && (!names || names == target->n);
}

static status try_host(const struct connection_words *words, const struct host *host,
                       const char *attributes, const struct connection_options *options,
                       int64_t timeout_s, PGconn **out, struct error *err)
{
    struct connection_words one = *words;
    if (*host->name)
        connection_words_add(&one, "host", host->name);
    if (*host->address)
        connection_words_add(&one, "hostaddr", host->address);
    connection_words_add(&one, "port", host->port);
    if (attributes)
        connection_words_add(&one, "target_session_attrs", attributes);
    SCOPED(postgres_disconnectp) PGconn *conn = libpq.PQconnectStartParams(one.keys, one.values, 1);
    if (!conn)
        return error_no_memory(err);
    TRY_IN(finish_connection(conn, options, timeout_s, err), err, "host %s, port %s",
           *host->name ? host->name : host->address, host->port);
    *out = TAKE(conn);
    return STATUS_OK;
}

static status try_hosts(const struct connection_words *words, const struct target *target,
                        const char *attributes, const struct connection_options *options,
                        PGconn **out, struct error *err)
{
    status_code code = STATUS_UNAVAILABLE;
    for (size_t i = 0; i < target->n; i++) {
        struct host host;
        struct error why = {0};
        (void)host_at(target, i, &host);
        code = try_host(words, &host, attributes, options, target->timeout_s, out, &why);
        if (code == STATUS_OK)
            return STATUS_OK;
        if (code != STATUS_UNAVAILABLE || why.source_code || i == 0)
            *err = why;
        else
            (void)error_context(err, "%s", why.text);
        if (code != STATUS_UNAVAILABLE || why.source_code)
            return code;
    }
    return code;
}

static status connect_in_turn(const struct connection_words *words, const struct target *target,
                              const struct connection_options *options, PGconn **out,
                              struct error *err)
{
    if (!target->attributes || strcmp(target->attributes, "prefer-standby") != 0)
        return try_hosts(words, target, NULL, options, out, err);
    struct error ignored = {0}; /* the second round says the same, but what the first is about */
    status_code code = try_hosts(words, target, "standby", options, out, &ignored);
    if (code == STATUS_OK)
        return code;
    if (code != STATUS_UNAVAILABLE || ignored.source_code) {
        *err = ignored;
        return code;
    }
    return try_hosts(words, target, "any", options, out, err);
}

status hosts_connect(const struct connection_words *words, const struct connection_options *options,
                     PGconn **out, struct error *err)
{
    SCOPED(target_release) struct target target = {0};
    SCOPED(postgres_disconnectp)
    PGconn *conn = libpq.PQconnectStartParams(words->keys, words->values, 1);
    if (!conn)
        return error_no_memory(err);
    look_at_words(conn, &target);
    if (target.n > 1 && all_are_plain(&target)) {
        libpq.PQfinish(TAKE(conn));
        return connect_in_turn(words, &target, options, out, err);
    }
    int64_t several = target.n > 1 ? (int64_t)target.n : 1;
    TRY(finish_connection(conn, options, target.timeout_s * several, err));
    *out = TAKE(conn);
    return STATUS_OK;
}
