#include "source/source.h"

#include <string.h>

#include "base/text.h"

void read_plan_release(struct read_plan *plan)
{
    if (!plan)
        return;
    schema_release(&plan->schema);
    arena_release(&plan->arena);
    *plan = (struct read_plan){0};
}

status read_plan_note(struct read_plan *plan, const char *text, struct error *err)
{
    enum { MOST_NOTES = 32 };
    size_t n = 0;
    if (!plan->notes)
        plan->notes = arena_alloc(&plan->arena, (MOST_NOTES + 1) * sizeof(*plan->notes));
    if (!plan->notes || !text)
        return error_no_memory(err);
    while (plan->notes[n])
        n++;
    if (n < MOST_NOTES)
        plan->notes[n] = text;
    return STATUS_OK;
}

void source_catalog_release(struct source_catalog *catalog)
{
    if (!catalog)
        return;
    arena_release(&catalog->arena);
    *catalog = (struct source_catalog){0};
}

double read_request_split_rows(const struct read_request *request, double rows)
{
    enum { FEWER = 5 }; /* times fewer splits than split_count */
    double wanted =
        request->split_count ? rows / request->split_count : (double)request->split_rows;
    double kept = (double)request->kept_rows;
    if (wanted < kept && FEWER * rows >= kept * request->split_count)
        wanted = kept;
    if (wanted < (double)request->split_rows)
        wanted = (double)request->split_rows;
    if (request->max_split_rows && wanted > (double)request->max_split_rows)
        wanted = (double)request->max_split_rows;
    return wanted;
}

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

bool source_has_row_key(const struct source_driver *driver, const char *name)
{
    return driver && driver->row_keys && name && in_list(driver->row_keys, name, strlen(name));
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
