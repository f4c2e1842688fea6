/* What may be printed. Secrets are struck out by value: a driver's or a system's message that repeats a password is
 * cleaned as well as our own. */
#include <string.h>

#include "base/text.h"
#include "job/reader.h"

static const char *const secret_parameters[] = {
    "password", "passwd",     "pwd",           "token",         "secret",
    "key",      "access_key", "session_token", "client_secret", "private_key",
    "sig",      "signature",  "sslpassword",
};

static bool is_secret_parameter(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof(secret_parameters) / sizeof(secret_parameters[0]); i++)
        if (strlen(secret_parameters[i]) == size &&
            strncasecmp(secret_parameters[i], name, size) == 0)
            return true;
    return false;
}

/* Where user info may end in what follows "scheme://". Behind the host's colon stands a port: anything else is a password with a
 * character in it that should have been written with a percent sign. */
static size_t authority_size(const char *authority)
{
    size_t size = strcspn(authority, "/?#");
    const char *colon = memchr(authority, ':', size);
    if (!colon || *authority == '[' || memchr(authority, '@', size))
        return size;
    const char *port = colon + 1 + strspn(colon + 1, "0123456789");
    return port == authority + size || *port == ',' ? size : strlen(authority);
}

/* The password of URL's user info: "scheme://user:PASSWORD@host". False: there is none. */
static bool find_password(const char *url, const char **out_first, size_t *out_size)
{
    const char *authority = strstr(url, "://");
    if (!authority)
        return false;
    authority += 3;
    size_t size = authority_size(authority);
    const char *at = memrchr(authority, '@', size);
    const char *colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    if (!colon)
        return false;
    *out_first = colon + 1;
    *out_size = (size_t)(at - colon - 1);
    return true;
}

typedef status_code (*secret_fn)(void *context, const char *first, size_t size);

/* What follows the scheme, or all of it, of "scheme:key=value key='va lue'", as PostgreSQL writes connection strings; NULL
 * for every other form. */
static const char *find_pairs(const char *text)
{
    const char *colon = strchr(text, ':'), *equals = strchr(text, '=');
    if (colon && equals && colon < equals)
        text = colon + 1;
    return text[strcspn(text, "=@/?:")] == '=' ? text : NULL;
}

static status_code each_secret_pair(const char *text, secret_fn found, void *context)
{
    while (*text) {
        text += strspn(text, " \t\n");
        const char *name = text;
        size_t name_size = strcspn(name, "= \t\n");
        text = name + name_size + strspn(name + name_size, " \t\n");
        if (*text != '=')
            continue;
        text++;
        text += strspn(text, " \t\n");
        bool quoted = *text == '\'';
        const char *first = text += quoted;
        while (*text && !strchr(quoted ? "'" : " \t\n", *text))
            text += *text == '\\' && text[1] ? 2 : 1;
        if (text > first && is_secret_parameter(name, name_size))
            TRY(found(context, first, (size_t)(text - first)));
        text += quoted && *text;
    }
    return STATUS_OK;
}

/* Each secret part of URL, from left to right. */
static status_code each_secret(const char *url, secret_fn found, void *context)
{
    const char *first;
    size_t size;
    const char *pairs = find_pairs(url);
    if (pairs)
        return each_secret_pair(pairs, found, context);
    const char *query = url;
    if (find_password(url, &first, &size)) {
        query = first + size;
        if (size)
            TRY(found(context, first, size));
    }
    query = strchr(query, '?');
    while (query && *query) {
        const char *name = query + 1;
        size_t name_size = strcspn(name, "=&#");
        query = name + name_size;
        if (*query != '=')
            continue;
        first = query + 1;
        size = strcspn(first, "&#");
        query = first + size;
        if (size && is_secret_parameter(name, name_size))
            TRY(found(context, first, size));
        if (*query == '#')
            break;
    }
    return STATUS_OK;
}

struct redaction {
    struct text text;
    const char *rest;
};

static status_code strike_out(void *context, const char *first, size_t size)
{
    struct redaction *redaction = context;
    text_append_bytes(&redaction->text, redaction->rest, (size_t)(first - redaction->rest));
    text_append(&redaction->text, "***");
    redaction->rest = first + size;
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

struct collection {
    struct job_reader *reader;
    struct error *err;
};

/* As written, and as the system that is logged in to sees it. */
static status_code collect(void *context, const char *first, size_t size)
{
    struct collection *collection = context;
    struct job_reader *reader = collection->reader;
    char *written = arena_strndup(reader->yaml.arena, first, size);
    char *decoded = arena_strndup(reader->yaml.arena, first, size);
    if (!written || !decoded)
        return error_no_memory(collection->err);
    percent_decode(decoded);
    TRY(secret_add(reader, written, collection->err));
    if (strcmp(written, decoded) == 0)
        return STATUS_OK;
    return secret_add(reader, decoded, collection->err);
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
