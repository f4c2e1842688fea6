/* What may be printed. Secrets are struck out by value: a driver's or a system's message that repeats a password is
 * cleaned as well as our own. */
#include <string.h>

#include "base/text.h"
#include "job/reader.h"

/* What stands in a URL or a key-value string and is a password or its like. */
static const char *const secret_parameters[] = {
    "password",
    "passwd",
    "pass",
    "pwd",
    "token",
    "secret",
    "key",
    "access_key",
    "secret_key",
    "session_token",
    "passphrase",
    "client_secret",
    "private_key",
    "sig",
    "signature",
    "sslpassword",
    "scram_client_key",
    "scram_server_key",
    "oauth_client_secret",
};

/* The other words of PostgreSQL's connection strings and of storage: what is none of these does not end a secret. */
static const char *const plain_parameters[] = {
    "user",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "options",
    "service",
    "servicefile",
    "passfile",
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "connect_timeout",
    "target_session_attrs",
    "load_balance_hosts",
    "replication",
    "require_auth",
    "channel_binding",
    "requirepeer",
    "requiressl",
    "sslmode",
    "sslnegotiation",
    "sslcompression",
    "sslcert",
    "sslkey",
    "sslcertmode",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "min_protocol_version",
    "max_protocol_version",
    "gssencmode",
    "gsslib",
    "gssdelegation",
    "krbsrvname",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "region",
    "endpoint",
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_decode(char *text)
{
    char *out = text;
    for (const char *at = text; *at; at++) {
        int high = at[0] == '%' ? hex_digit(at[1]) : -1;
        int low = high >= 0 ? hex_digit(at[2]) : -1;
        *out++ = low >= 0 ? (char)(high * 16 + low) : *at;
        at += low >= 0 ? 2 : 0;
    }
    *out = 0;
}

enum { NAME_BYTES = 96 };

/* Names may have percent signs, too. */
static bool is_one_of(const char *const *words, size_t n, const char *name, size_t size)
{
    char decoded[NAME_BYTES];
    if (size >= sizeof(decoded))
        return false;
    memcpy(decoded, name, size);
    decoded[size] = 0;
    percent_decode(decoded);
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(words[i], decoded) == 0)
            return true;
    return false;
}

static bool is_secret_parameter(const char *name, size_t size)
{
    return is_one_of(secret_parameters, sizeof(secret_parameters) / sizeof(secret_parameters[0]),
                     name, size);
}

static bool is_parameter(const char *name, size_t size)
{
    return is_secret_parameter(name, size) ||
           is_one_of(plain_parameters, sizeof(plain_parameters) / sizeof(plain_parameters[0]), name,
                     size);
}

/* ---- the user info and the query of a URL ---- */

/* Where the value of a secret parameter ends: before the next parameter. */
static const char *end_of_parameter(const char *text)
{
    for (; *text; text++) {
        size_t size = *text == '&' ? strcspn(text + 1, "=&") : 0;
        if (size && text[1 + size] == '=' && is_parameter(text + 1, size))
            break;
    }
    return text;
}

/* A '?' in a password begins no query: all that follows must be parameters. */
static bool is_query(const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "=&");
        if (text[size] != '=' || !is_parameter(text, size))
            return false;
        text = is_secret_parameter(text, size) ? end_of_parameter(text) : text + strcspn(text, "&");
        text += *text == '&';
    }
    return true;
}

static const char *find_query(const char *url)
{
    const char *mark = strchr(url, '?');
    while (mark && !is_query(mark + 1))
        mark = strchr(mark + 1, '?');
    return mark ? mark : url + strlen(url);
}

static bool is_host_character(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c & 0x80) ||
           (c && strchr("-._%~", c));
}

/* host, host:port, [address]:port, and lists of them. */
static bool are_hosts(const char *text, size_t size)
{
    const char *end = text + size;
    for (;; text++) {
        const char *bracket =
            text < end && *text == '[' ? memchr(text, ']', (size_t)(end - text)) : NULL;
        text = bracket ? bracket + 1 : text;
        while (text < end && is_host_character(*text))
            text++;
        if (text < end && *text == ':')
            text++;
        while (text < end && *text >= '0' && *text <= '9')
            text++;
        if (text == end)
            return true;
        if (*text != ',')
            return false;
    }
}

/* A path has no user info, and may hold any character. */
static bool is_path(const char *url)
{
    static const char *const schemes[] = {"file://", "sqlite://", "s3://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

/* What follows "scheme://"; of PostgreSQL's also where slashes were forgotten. NULL: it is no URL. */
static const char *find_authority(const char *url)
{
    const char *slashes = strstr(url, "://");
    if (slashes)
        return slashes + 3;
    if (strncmp(url, "postgres:", 9) != 0 && strncmp(url, "postgresql:", 11) != 0)
        return NULL;
    const char *colon = strchr(url, ':');
    return colon + 1 + strspn(colon + 1, "/");
}

/* The password of URL's user info: "scheme://user:PASSWORD@host". It ends at the last @ before the query, for it may hold
 * any character that should have been written with a percent sign. Where no hosts follow, the @ was forgotten, or is its
 * own: then all of the rest is taken for it. False: there is none. */
static bool find_password(const char *url, const char **out_first, size_t *out_size)
{
    const char *authority = find_authority(url);
    if (!authority)
        return false;
    bool path = is_path(url);
    const char *end = path ? authority + strcspn(authority, "/?#") : find_query(authority);
    const char *at = memrchr(authority, '@', (size_t)(end - authority));
    const char *hosts = at ? at + 1 : authority;
    size_t size = strcspn(hosts, "/?#");
    if (!path && !are_hosts(hosts, size)) {
        at = url + strlen(url);
        end = hosts + size;
    }
    const char *colon =
        at ? memchr(authority, ':', (size_t)((end < at ? end : at) - authority)) : NULL;
    if (!colon)
        return false;
    *out_first = colon + 1;
    *out_size = (size_t)(at - colon - 1);
    return true;
}

/* ---- the secrets of a URL or key-value string ---- */

struct secret {
    const char *first;
    size_t size; /* as PostgreSQL reads it */
    size_t
        whole_size; /* with what is none of its words: a secret goes on where a character of it was not escaped */
    char escape; /* '%', '\\' */
};

typedef status_code (*secret_fn)(void *context, const struct secret *secret);

/* What follows the scheme, or all of it, of "scheme:key=value key='va lue'", as PostgreSQL writes connection strings; NULL
 * for every other form. */
static const char *find_pairs(const char *text)
{
    const char *colon = strchr(text, ':'), *equals = strchr(text, '=');
    if (colon && equals && colon < equals)
        text = colon + 1;
    return text[strcspn(text, "=@/?:")] == '=' ? text : NULL;
}

#define BLANKS " \t\n\r\f\v"

static bool begins_pair(const char *text)
{
    size_t size = strcspn(text, "=" BLANKS);
    return text[size + strspn(text + size, BLANKS)] == '=' && is_parameter(text, size);
}

/* Where a secret ends whose value ends at TEXT. */
static const char *end_of_pair(const char *text)
{
    const char *next = text + strspn(text, BLANKS);
    if (!*next || begins_pair(next))
        return text;
    for (; *text; text++)
        if (strchr(BLANKS, *text) && begins_pair(text + 1))
            return text;
    return text;
}

static status_code each_secret_pair(const char *text, secret_fn found, void *context)
{
    while (*text) {
        text += strspn(text, BLANKS);
        const char *name = text;
        size_t name_size = strcspn(name, "=" BLANKS);
        text = name + name_size + strspn(name + name_size, BLANKS);
        if (*text != '=')
            continue;
        text++;
        text += strspn(text, BLANKS);
        bool quoted = *text == '\'';
        const char *first = text += quoted;
        while (*text && !strchr(quoted ? "'" : BLANKS, *text))
            text += *text == '\\' && text[1] ? 2 : 1;
        struct secret secret = {first, (size_t)(text - first), (size_t)(text - first), '\\'};
        text += quoted && *text;
        if (!is_secret_parameter(name, name_size))
            continue;
        const char *end = end_of_pair(text);
        if (end > text)
            secret.whole_size = (size_t)(end - first);
        text = end;
        if (secret.whole_size)
            TRY(found(context, &secret));
    }
    return STATUS_OK;
}

static status_code each_secret_parameter(const char *query, secret_fn found, void *context)
{
    while (query && *query) {
        const char *name = query + 1;
        size_t name_size = strcspn(name, "=&");
        query = name + name_size;
        if (*query != '=')
            continue;
        const char *first = query + 1;
        struct secret secret = {first, strcspn(first, "&"), 0, '%'};
        query = first + secret.size;
        if (!is_secret_parameter(name, name_size))
            continue;
        query = end_of_parameter(first);
        secret.whole_size = (size_t)(query - first);
        if (secret.whole_size)
            TRY(found(context, &secret));
    }
    return STATUS_OK;
}

/* Each secret part of URL, from left to right. */
static status_code each_secret(const char *url, secret_fn found, void *context)
{
    struct secret password = {.escape = '%'};
    const char *pairs = find_pairs(url);
    if (pairs)
        return each_secret_pair(pairs, found, context);
    const char *rest = url;
    if (find_password(url, &password.first, &password.size)) {
        rest = password.first + password.size;
        password.whole_size = password.size;
        if (password.size)
            TRY(found(context, &password));
    }
    return each_secret_parameter(strchr(rest, '?'), found, context);
}

struct redaction {
    struct text text;
    const char *rest;
};

static status_code strike_out(void *context, const struct secret *secret)
{
    struct redaction *redaction = context;
    text_append_bytes(&redaction->text, redaction->rest, (size_t)(secret->first - redaction->rest));
    text_append(&redaction->text, "***");
    redaction->rest = secret->first + secret->whole_size;
    return STATUS_OK;
}

char *job_redact_url(const char *url, struct arena *arena)
{
    struct redaction redaction = {.rest = url};
    bool whole = each_secret(url, strike_out, &redaction) == STATUS_OK;
    text_append(&redaction.text, redaction.rest);
    char *result =
        whole && !redaction.text.failed ? arena_strdup(arena, text_string(&redaction.text)) : NULL;
    text_release(&redaction.text);
    return result;
}

char *job_redact(const struct job *job, const char *text, struct arena *arena)
{
    struct text result = {0};
    while (*text) {
        size_t longest = 0; /* a secret may begin with another one */
        for (size_t i = 0; job->secrets && job->secrets[i]; i++) {
            size_t size = strlen(job->secrets[i]);
            if (size > longest && strncmp(text, job->secrets[i], size) == 0)
                longest = size;
        }
        if (longest)
            text_append(&result, "***");
        else
            text_append_char(&result, *text);
        text += longest ? longest : 1;
    }
    char *copy = result.failed ? NULL : arena_strdup(arena, text_string(&result));
    text_release(&result);
    return copy;
}

/* ---- collecting ---- */

status secret_add(struct job_reader *reader, const char *value, struct error *err)
{
    if (!*value)
        return STATUS_OK;
    if (reader->n_secrets + 1 >= reader->secrets_capacity) {
        size_t capacity = reader->secrets_capacity ? reader->secrets_capacity * 2 : 8;
        const char **grown = arena_alloc(reader->yaml.arena, capacity * sizeof(*grown));
        if (!grown)
            return error_no_memory(err);
        if (reader->n_secrets)
            memcpy(grown, reader->job->secrets, reader->n_secrets * sizeof(*grown));
        reader->job->secrets = grown;
        reader->secrets_capacity = capacity;
    }
    const char **secrets = (const char **)reader->job->secrets;
    secrets[reader->n_secrets++] = value;
    secrets[reader->n_secrets] = NULL;
    return STATUS_OK;
}

static void backslash_decode(char *text)
{
    char *out = text;
    for (; *text; text++) {
        if (*text == '\\' && text[1])
            text++;
        *out++ = *text;
    }
    *out = 0;
}

struct collection {
    struct job_reader *reader;
    struct error *err;
};

static status_code collect_bytes(struct collection *collection, const char *first, size_t size,
                                 char escape)
{
    struct job_reader *reader = collection->reader;
    char *written = arena_strndup(reader->yaml.arena, first, size);
    char *decoded = arena_strndup(reader->yaml.arena, first, size);
    if (!written || !decoded)
        return error_no_memory(collection->err);
    if (escape == '%')
        percent_decode(decoded);
    else
        backslash_decode(decoded);
    TRY(secret_add(reader, written, collection->err));
    if (strcmp(written, decoded) == 0)
        return STATUS_OK;
    return secret_add(reader, decoded, collection->err);
}

/* As written, and as the system that is logged in to sees it. */
static status_code collect(void *context, const struct secret *secret)
{
    struct collection *collection = context;
    TRY(collect_bytes(collection, secret->first, secret->size, secret->escape));
    if (secret->whole_size == secret->size)
        return STATUS_OK;
    return collect_bytes(collection, secret->first, secret->whole_size, secret->escape);
}

status secret_add_url(struct job_reader *reader, const char *url, struct error *err)
{
    struct collection collection = {reader, err};
    return each_secret(url, collect, &collection);
}

status job_keep_url_secret(struct job *job, const char *url, struct error *err)
{
    struct job_reader reader = {.job = job, .yaml = {.arena = &job->arena}};
    return secret_add_url(&reader, url, err);
}
