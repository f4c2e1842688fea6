/* The driver for a URL or a path. */
#include <string.h>

#include "base/text.h"
#include "source/source.h"

static bool in_list(const char *const *list, const char *text, size_t size)
{
    for (; list && *list; list++) {
        if (strlen(*list) == size && strncmp(*list, text, size) == 0)
            return true;
    }
    return false;
}

static void list_schemes(struct text *out)
{
    for (const struct source_driver *const *driver = source_drivers; *driver; driver++) {
        for (const char *const *scheme = (*driver)->schemes; *scheme; scheme++)
            text_printf(out, "%s%s:", out->size ? ", " : "", *scheme);
        for (const char *const *s = (*driver)->suffixes; s && *s; s++)
            text_printf(out, ", *%s", *s);
    }
}

static status unknown(const char *url, struct error *err)
{
    SCOPED(text_release) struct text known = {0};
    list_schemes(&known);
    return error_set(err, STATUS_BAD_CONFIG, "no source reads \"%s\"; expected one of %s%s", url,
                     text_string(&known),
                     strchr(url, '=') ? " (before host=..., too: postgres:host=...)" : "");
}

/* sqlite:///abs, sqlite://rel, sqlite:rel, sqlite:/abs: what follows the scheme and an empty host. */
static const char *behind_scheme(const char *rest)
{
    return strncmp(rest, "//", 2) == 0 ? rest + 2 : rest;
}

static const struct source_driver *by_suffix(const char *path)
{
    for (const struct source_driver *const *driver = source_drivers; *driver; driver++) {
        for (const char *const *suffix = (*driver)->suffixes; suffix && *suffix; suffix++) {
            if (text_ends_with(path, *suffix))
                return *driver;
        }
    }
    return NULL;
}

/* Letters, digits, + - . before the colon; a path may hold a colon only behind a slash. */
static size_t scheme_size(const char *url)
{
    size_t n = strcspn(url, ":/");
    return url[n] == ':' && n > 0 ? n : 0;
}

status source_find(const char *url, struct arena *arena, const struct source_driver **out,
                   const char **out_location, struct error *err)
{
    const struct source_driver *found = NULL;
    const char *location = url;
    size_t scheme = scheme_size(url);
    if (scheme) {
        for (const struct source_driver *const *driver = source_drivers; *driver; driver++) {
            if (in_list((*driver)->schemes, url, scheme))
                found = *driver;
        }
        location = behind_scheme(url + scheme + 1);
    } else {
        found = by_suffix(url);
    }
    if (!found || (!*location && found->suffixes)) /* a server may be named by the environment */
        return unknown(url, err);
    const char *copy = arena_strdup(arena, location);
    if (!copy)
        return error_no_memory(err);
    *out = found;
    *out_location = copy;
    return STATUS_OK;
}
