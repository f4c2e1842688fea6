/* The streams of a job against what the source has, and the choice of the command line. */
#include <string.h>

#include "base/text.h"
#include "job/job.h"

struct selection {
    const struct job *job;
    const struct source_catalog *catalog; /* NULL: not known */
    struct arena *arena;
    struct stream_spec *streams;
    size_t n, capacity;
};

/* ---- names ---- */

/* Does KEY of the job file name NAME of the catalog? A key may say the schema where the catalog leaves it out, and may
 * leave out the source's default one. */
static bool names(const struct job *job, const char *key, const char *name)
{
    if (strcmp(key, name) == 0)
        return true;
    const char *dot = strrchr(key, '.'), *schema = job->source ? job->source->default_schema : NULL;
    size_t size = schema ? strlen(schema) : 0;
    if (!dot && schema && strncmp(name, schema, size) == 0 && name[size] == '.')
        return strcmp(name + size + 1, key) == 0;
    return dot && !strchr(name, '.') && strcmp(dot + 1, name) == 0;
}

static bool is_excluded(const struct job *job, const char *name)
{
    for (size_t i = 0; i < job->n_streams; i++)
        if (job->streams[i].exclude && text_matches(job->streams[i].name + 1, name))
            return true;
    return false;
}

/* Has the job a spec of its own for NAME? Then wildcards leave it alone. */
static bool is_named(const struct job *job, const char *name)
{
    for (size_t i = 0; i < job->n_streams; i++)
        if (!job->streams[i].pattern && !job->streams[i].query &&
            names(job, job->streams[i].name, name))
            return true;
    return false;
}

static bool is_chosen(const struct selection *selection, const char *name)
{
    for (size_t i = 0; i < selection->n; i++)
        if (strcmp(selection->streams[i].name, name) == 0)
            return true;
    return false;
}

static const char *nearest_stream(const struct source_catalog *catalog, const char *name)
{
    enum { MAX_WORDS = 1000 };
    const char *words[MAX_WORDS];
    size_t n = 0;
    for (; n < catalog->n_streams && n < MAX_WORDS; n++)
        words[n] = catalog->streams[n].name;
    return text_nearest(name, words, n);
}

/* ---- expansion ---- */

/* OBJECT with {schema} and {table} filled from NAME. */
static char *fill_object(const char *object, const char *name, struct arena *arena)
{
    const char *dot = strrchr(name, '.');
    struct text text = {0};
    for (const char *at = object; *at;) {
        if (text_starts_with(at, "{schema}")) {
            text_append_bytes(&text, name, dot ? (size_t)(dot - name) : 0);
            at += strlen("{schema}");
        } else if (text_starts_with(at, "{table}")) {
            text_append(&text, dot ? dot + 1 : name);
            at += strlen("{table}");
        } else {
            text_append_char(&text, *at++);
        }
    }
    char *result = text.failed ? NULL : arena_strdup(arena, text_string(&text));
    text_release(&text);
    return result;
}

/* Two tables of one name in two schemas are two tables. */
static const char *object_pattern(const struct selection *selection, const struct stream_spec *spec,
                                  const char *name)
{
    const struct source_driver *source = selection->job->source; /* NULL: no source is named yet */
    const char *schema = source ? source->default_schema : NULL;
    const char *dot = strrchr(name, '.');
    if (spec->object_given || !schema || !dot)
        return spec->object;
    bool in_default =
        strlen(schema) == (size_t)(dot - name) && strncmp(name, schema, (size_t)(dot - name)) == 0;
    return in_default ? spec->object : "{schema}/{table}";
}

static status add(struct selection *selection, const struct stream_spec *spec, const char *name,
                  struct error *err)
{
    if (selection->n == selection->capacity) {
        size_t capacity = selection->capacity ? selection->capacity * 2 : 16;
        struct stream_spec *grown = arena_alloc(selection->arena, capacity * sizeof(*grown));
        if (!grown)
            return error_no_memory(err);
        if (selection->n)
            memcpy(grown, selection->streams, selection->n * sizeof(*grown));
        selection->streams = grown;
        selection->capacity = capacity;
    }
    struct stream_spec stream = *spec;
    stream.pattern = false;
    stream.name = arena_strdup(selection->arena, name);
    stream.object = fill_object(object_pattern(selection, spec, name), name, selection->arena);
    if (!stream.name || !stream.object)
        return error_no_memory(err);
    if (!storage_name_valid(stream.object))
        return error_set(err, STATUS_BAD_CONFIG,
                         "%s: the object \"%s\" of stream %s is not a relative path such as "
                         "shop/orders; write object",
                         spec->where_in_file, stream.object, name);
    selection->streams[selection->n++] = stream;
    return STATUS_OK;
}

static status expand_pattern(struct selection *selection, const struct stream_spec *spec,
                             struct error *err)
{
    const struct source_catalog *catalog = selection->catalog;
    size_t matches = 0;
    if (!catalog)
        return error_set(err, STATUS_BUG, "%s: a pattern needs the source's catalog",
                         spec->where_in_file);
    for (size_t i = 0; i < catalog->n_streams; i++) {
        const char *name = catalog->streams[i].name;
        if (!text_matches(spec->name, name))
            continue;
        matches++;
        if (is_excluded(selection->job, name) || is_named(selection->job, name) ||
            is_chosen(selection, name))
            continue;
        TRY(add(selection, spec, name, err));
    }
    if (matches == 0)
        return error_set(err, STATUS_BAD_CONFIG, "%s: \"%s\" matches nothing in the source",
                         spec->where_in_file, spec->name);
    return STATUS_OK;
}

static const struct source_stream *find_stream(const struct selection *selection, const char *name)
{
    const struct source_catalog *catalog = selection->catalog;
    for (size_t i = 0; i < catalog->n_streams; i++)
        if (names(selection->job, name, catalog->streams[i].name))
            return &catalog->streams[i];
    for (size_t i = 0; i < catalog->n_parts; i++)
        if (names(selection->job, name, catalog->parts[i].name))
            return &catalog->streams[catalog->parts[i].stream];
    return NULL;
}

/* Table and columns against the catalog, where there is one. */
static status check_source(const struct selection *selection, const struct stream_spec *spec,
                           struct error *err)
{
    const struct source_catalog *catalog = selection->catalog;
    if (!catalog || spec->query)
        return STATUS_OK;
    const struct source_stream *stream = find_stream(selection, spec->name);
    if (stream)
        return job_check_columns(spec, stream, err);
    const char *nearest = nearest_stream(catalog, spec->name);
    if (nearest)
        return error_set(err, STATUS_BAD_CONFIG,
                         "%s: the source has no table \"%s\"; did you mean %s?",
                         spec->where_in_file, spec->name, nearest);
    return error_set(err, STATUS_BAD_CONFIG,
                     "%s: the source has no table \"%s\"; leat discover shows what it has",
                     spec->where_in_file, spec->name);
}

static status expand(struct selection *selection, struct error *err)
{
    const struct job *job = selection->job;
    for (size_t i = 0; i < job->n_streams; i++) {
        const struct stream_spec *spec = &job->streams[i];
        if (spec->exclude)
            continue;
        if (spec->pattern) {
            TRY(expand_pattern(selection, spec, err));
            continue;
        }
        TRY(check_source(selection, spec, err));
        TRY(add(selection, spec, spec->name, err));
    }
    return STATUS_OK;
}

/* ---- two streams, one table ---- */

static bool is_inside(const char *outer, const char *inner)
{
    size_t size = strlen(outer);
    return strncmp(outer, inner, size) == 0 && (inner[size] == 0 || inner[size] == '/');
}

static status check_objects(const struct selection *selection, struct error *err)
{
    for (size_t a = 0; a < selection->n; a++) {
        for (size_t b = 0; b < a; b++) {
            const struct stream_spec *one = &selection->streams[b], *two = &selection->streams[a];
            if (!text_equal(one->target, two->target))
                continue;
            if (strcmp(one->object, two->object) == 0)
                return error_set(err, STATUS_BAD_CONFIG,
                                 "%s: streams %s and %s would share the table \"%s\"; give one of "
                                 "them another object",
                                 two->where_in_file, one->name, two->name, one->object);
            if (is_inside(one->object, two->object) || is_inside(two->object, one->object))
                return error_set(err, STATUS_BAD_CONFIG,
                                 "%s: the tables of streams %s and %s would lie inside each other "
                                 "(\"%s\", \"%s\"); give one of them another object",
                                 two->where_in_file, one->name, two->name, one->object,
                                 two->object);
        }
    }
    return STATUS_OK;
}

/* ---- the choice of the command line ---- */

static bool selector_matches(const char *selector, const struct stream_spec *stream)
{
    if (!text_starts_with(selector, "tag:"))
        return text_matches(selector, stream->name);
    for (size_t i = 0; stream->tags && stream->tags[i]; i++)
        if (text_matches(selector + strlen("tag:"), stream->tags[i]))
            return true;
    return false;
}

static status unmatched(const struct selection *selection, const char *selector, struct error *err)
{
    if (text_starts_with(selector, "tag:"))
        return error_set(err, STATUS_BAD_CONFIG, "no stream of %s has the tag \"%s\"",
                         selection->job->path, selector + strlen("tag:"));
    enum { MAX_WORDS = 1000 };
    const char *words[MAX_WORDS];
    size_t n = 0;
    for (; n < selection->n && n < MAX_WORDS; n++)
        words[n] = selection->streams[n].name;
    const char *nearest = text_nearest(selector, words, n);
    if (nearest)
        return error_set(err, STATUS_BAD_CONFIG, "%s has no stream \"%s\"; did you mean %s?",
                         selection->job->path, selector, nearest);
    return error_set(err, STATUS_BAD_CONFIG, "%s has no stream \"%s\"", selection->job->path,
                     selector);
}

static status choose(struct selection *selection, const char *const *selectors, size_t n,
                     struct error *err)
{
    if (n == 0)
        return STATUS_OK;
    bool *keep = arena_alloc(selection->arena, selection->n + 1);
    if (!keep)
        return error_no_memory(err);
    for (size_t s = 0; s < n; s++) {
        bool any = false;
        for (size_t i = 0; i < selection->n; i++) {
            bool match = selector_matches(selectors[s], &selection->streams[i]);
            keep[i] |= match;
            any |= match;
        }
        if (!any)
            return unmatched(selection, selectors[s], err);
    }
    size_t kept = 0;
    for (size_t i = 0; i < selection->n; i++)
        if (keep[i])
            selection->streams[kept++] = selection->streams[i];
    selection->n = kept;
    return STATUS_OK;
}

status job_streams(const struct job *job, const struct source_catalog *catalog,
                   const char *const *selectors, size_t n_selectors, struct stream_spec **out,
                   size_t *out_n, struct arena *arena, struct error *err)
{
    struct selection selection = {.job = job, .catalog = catalog, .arena = arena};
    TRY(expand(&selection, err));
    TRY(check_objects(&selection, err));
    TRY(choose(&selection, selectors, n_selectors, err));
    if (selection.n == 0)
        return error_set(err, STATUS_BAD_CONFIG, "%s: the patterns leave no stream to load",
                         job->path);
    *out = selection.streams;
    *out_n = selection.n;
    return STATUS_OK;
}
