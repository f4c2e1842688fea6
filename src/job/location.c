/* Where source and target are. A URL path after the third slash is absolute; a plain path, and what follows two
 * slashes, is relative to the job file. Where a file is at the other place, the message says so. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "job/reader.h"

static const char *scheme_of(const char *url, struct arena *arena)
{
    const char *colon = strstr(url, "://");
    return colon ? arena_strndup(arena, url, (size_t)(colon - url)) : NULL;
}

/* A scheme that the design has and this version doesn't. */
static status check_later(struct job_reader *reader, const char *section,
                          const struct yaml_node *node, struct error *err)
{
    const char *scheme = scheme_of(node->text, reader->yaml.arena);
    const struct later_word *later = scheme ? later_word_find(section, "url", scheme) : NULL;
    return later ? values_later(reader, node, later, err) : STATUS_OK;
}

/* The scalar that holds the URL: the node itself, or `url` of a map. */
static status url_node(struct job_reader *reader, const char *section, const struct yaml_node *node,
                       const struct yaml_node **out, struct error *err)
{
    const struct yaml_node *url = node->kind == YAML_MAP ? yaml_get(node, "url") : node;
    if (!url)
        return yaml_error(&reader->yaml, node, err, "%s has no url", section);
    if (url->kind != YAML_SCALAR || !url->text[0])
        return yaml_error(&reader->yaml, url, err, "%s: expected a URL or a path, got %s", section,
                          url->kind == YAML_SCALAR ? "an empty text" : yaml_kind_text(url));
    *out = url;
    return secret_add_url(reader, url->text, err);
}

static status read_options(struct job_reader *reader, const char *section,
                           const struct yaml_node *node, const struct option_spec *words,
                           const struct option_spec *options, struct option_values *out,
                           struct error *err)
{
    static const struct option_spec no_words[] = {{0}};
    static const struct yaml_node nothing = {.kind = YAML_MAP};
    struct option_values own;
    struct word_table tables[] = {{words, &own}, {options ? options : no_words, out}};
    return values_read(reader, section, node->kind == YAML_MAP ? node : &nothing, tables, 2, err);
}

/* ---- files ---- */

struct elsewhere {
    const char *path; /* a file that is there */
    const char *why;
};

/* The places where somebody who wrote WRITTEN may have meant it: the reader of one rule mistaken for another. */
static struct elsewhere find_elsewhere(struct job_reader *reader, const char *written)
{
    struct arena *arena = reader->yaml.arena;
    struct elsewhere candidates[3] = {{0}};
    const char *relative = written + strspn(written, "/");
    const char *current = NULL;
    struct error ignored = {0};
    if (file_directory("-", arena, &current, &ignored) != STATUS_OK)
        return candidates[0];
    if (written[0] == '/') {
        candidates[0].path = file_join(reader->directory, relative, arena);
        candidates[0].why = "is there, but a path that starts with / is absolute; write ./ and the "
                            "path to begin at the job file's folder";
    } else {
        candidates[0].path = arena_printf(arena, "/%s", relative);
        candidates[0].why = "is there, but only a path after the third slash of a URL is absolute";
    }
    candidates[1].path = file_join(current, relative, arena);
    candidates[1].why = "is there, in the current directory, but paths are relative to the job "
                        "file; write that path";
    for (size_t i = 0; i < 2; i++)
        if (candidates[i].path && file_exists(candidates[i].path))
            return candidates[i];
    return candidates[2];
}

static status file_problem(struct job_reader *reader, const struct yaml_node *node,
                           const char *written, const char *path, int problem, struct error *err)
{
    if (problem == EACCES)
        return yaml_error(&reader->yaml, node, err, "no permission to read %s", path);
    if (problem == EISDIR)
        return yaml_error(&reader->yaml, node, err, "%s is a directory, expected a file", path);
    if (problem != ENOENT && problem != ENOTDIR)
        return yaml_error(&reader->yaml, node, err, "cannot read %s: %s", path,
                          strerror(problem)); /* NOLINT: loading is one thread */
    struct elsewhere other = find_elsewhere(reader, written);
    if (other.path)
        return yaml_error(&reader->yaml, node, err, "there is no file %s; %s %s", path, other.path,
                          other.why);
    return yaml_error(&reader->yaml, node, err,
                      "there is no file %s (paths are relative to the job file)", path);
}

static int try_file(const char *path)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return errno;
    if (S_ISDIR(found.st_mode))
        return EISDIR;
    return access(path, R_OK) == 0 ? 0 : errno;
}

/* ---- source ---- */

static status name_source(struct job_reader *reader, const char *url, bool is_file,
                          struct error *err)
{
    struct job *job = reader->job;
    job->source_shown =
        is_file ? arena_printf(&job->arena, "%s://%s", job->source->name, job->source_location)
                : job_redact_url(url, &job->arena);
    return job->source_shown ? STATUS_OK : error_no_memory(err);
}

status location_source(struct job_reader *reader, const struct yaml_node *node, struct error *err)
{
    struct job *job = reader->job;
    const struct yaml_node *url;
    TRY(url_node(reader, "source", node, &url, err));
    TRY(check_later(reader, "source", url, err));
    struct error cause = {0};
    const char *location;
    status_code code = source_find(url->text, &job->arena, &job->source, &location, &cause);
    if (code == STATUS_NO_MEMORY)
        return error_no_memory(err);
    if (code != STATUS_OK)
        return yaml_error(&reader->yaml, url, err, "source: %s", cause.text);
    TRY(read_options(reader, "source", node, source_words, job->source->options,
                     &job->source_options, err));
    job->source_location = location;
    bool is_file = job->source->suffixes != NULL;
    if (is_file) {
        const char *joined = file_join(reader->directory, location, &job->arena);
        job->source_location = joined ? file_normalize(joined, &job->arena) : NULL;
        if (!job->source_location)
            return error_no_memory(err);
        int problem = try_file(job->source_location);
        if (problem)
            return file_problem(reader, url, location, job->source_location, problem, err);
    }
    return name_source(reader, url->text, is_file, err);
}

/* ---- target ---- */

static const struct storage_driver *find_storage(const char *scheme)
{
    for (size_t i = 0; storage_drivers[i]; i++)
        for (size_t k = 0; storage_drivers[i]->schemes[k]; k++)
            if (strcmp(storage_drivers[i]->schemes[k], scheme) == 0)
                return storage_drivers[i];
    return NULL;
}

static status unknown_scheme(struct job_reader *reader, const struct yaml_node *node,
                             const char *scheme, struct error *err)
{
    const char *words[16];
    size_t n = 0;
    SCOPED(text_release) struct text list = {0};
    for (size_t i = 0; storage_drivers[i]; i++) {
        for (size_t k = 0; storage_drivers[i]->schemes[k] && n < 16; k++) {
            text_printf(&list, "%s%s://", n ? ", " : "", storage_drivers[i]->schemes[k]);
            words[n++] = storage_drivers[i]->schemes[k];
        }
    }
    const char *nearest = text_nearest(scheme, words, n);
    if (nearest)
        return yaml_error(&reader->yaml, node, err,
                          "target: no storage is called \"%s://\"; did you mean %s://?", scheme,
                          nearest);
    return yaml_error(&reader->yaml, node, err,
                      "target: no storage is called \"%s://\"; expected a path or %s", scheme,
                      text_string(&list));
}

/* A folder in its shortest true form: what status and the ledger show is what `ls` finds. NULL: no memory. */
static char *target_path(struct job_reader *reader, const char *scheme, const char *url)
{
    struct arena *arena = &reader->job->arena;
    if (scheme && strcmp(scheme, "file") != 0)
        return arena_strdup(arena, url);
    if (scheme) {
        const char *path = file_normalize(url + strlen("file://"), arena);
        return path ? arena_printf(arena, "file://%s", path) : NULL;
    }
    const char *path = file_join(reader->directory, url, arena);
    return path ? file_normalize(path, arena) : NULL;
}

status location_target(struct job_reader *reader, const struct yaml_node *node, const char **out,
                       const struct storage_driver **out_driver, struct error *err)
{
    struct arena *arena = &reader->job->arena;
    const struct yaml_node *url;
    TRY(url_node(reader, "target", node, &url, err));
    TRY(check_later(reader, "target", url, err));
    const char *scheme = scheme_of(url->text, arena);
    const struct storage_driver *driver = find_storage(scheme ? scheme : "file");
    if (!driver)
        return unknown_scheme(reader, url, scheme ? scheme : "file", err);
    if (scheme && strcmp(scheme, "file") == 0 && url->text[strlen("file://")] != '/')
        return yaml_error(&reader->yaml, url, err,
                          "target: %s has two slashes; write file:///%s for /%s, or ./%s for a "
                          "folder beside the job file",
                          values_shown(url), url->text + 7, url->text + 7, url->text + 7);
    char *path = target_path(reader, scheme, url->text);
    if (!path)
        return error_no_memory(err);
    size_t size = strlen(path);
    size_t least = scheme ? strlen(scheme) + 4 : 1; /* the root itself keeps its slash */
    while (size > least && path[size - 1] == '/')
        path[--size] = 0;
    *out = path;
    *out_driver = driver;
    return STATUS_OK;
}
