#include <string.h>

#include "base/text.h"
#include "job/reader.h"

/* The order of a load: text, tree, --set, references, then section by section; the first mistake ends it. */

static status read_tree(struct job_reader *reader, const char *path, struct error *err)
{
    char *text;
    size_t size;
    struct error cause = {0};
    status_code code =
        file_read_small(path, YAML_FILE_MAX_BYTES, &reader->job->arena, &text, &size, &cause);
    if (code != STATUS_OK)
        return error_set(err, code == STATUS_NO_MEMORY ? code : STATUS_BAD_CONFIG, "%s",
                         cause.text);
    TRY(file_directory(path, &reader->job->arena, &reader->directory, err));
    TRY(yaml_parse(strcmp(path, "-") == 0 ? "(standard input)" : path, text, size,
                   &reader->job->arena, &reader->yaml, err));
    if (reader->yaml.root->kind != YAML_MAP)
        return yaml_error(&reader->yaml, reader->yaml.root, err,
                          "expected a map with source, target and streams, got %s",
                          yaml_kind_text(reader->yaml.root));
    return STATUS_OK;
}

static status require(struct job_reader *reader, const char *key, const char *example,
                      const struct yaml_node **out, struct error *err)
{
    const struct yaml_node *node = yaml_get(reader->yaml.root, key);
    if (!node)
        return yaml_error(&reader->yaml, reader->yaml.root, err, "%s is missing; write %s", key,
                          example);
    if (node->kind == YAML_NULL)
        return yaml_error_key(&reader->yaml, node, err, "%s is empty; write %s", key, example);
    *out = node;
    return STATUS_OK;
}

/* Top-level keys only: what they hold is read by the functions of the sections. */
static status check_keys(struct job_reader *reader, struct error *err)
{
    struct yaml_node *keys = yaml_node_new(reader->yaml.arena, YAML_MAP);
    if (!keys)
        return error_no_memory(err);
    for (struct yaml_node *node = reader->yaml.root->first; node; node = node->next) {
        struct yaml_node *copy = yaml_node_new(reader->yaml.arena, YAML_NULL);
        if (!copy)
            return error_no_memory(err);
        *copy = *node;
        copy->kind = YAML_NULL;
        copy->text = NULL;
        yaml_put(keys, node->key, copy);
    }
    struct option_values values;
    struct word_table table = {job_words, &values};
    return values_read(reader, "job", keys, &table, 1, err);
}

static status read_target(struct job_reader *reader, const struct yaml_node *node,
                          struct error *err)
{
    static const struct option_spec no_words[] = {{0}};
    static const struct yaml_node nothing = {.kind = YAML_MAP};
    struct job *job = reader->job;
    const struct storage_driver *driver;
    TRY(location_target(reader, node, &job->target, &driver, err));
    struct option_values own;
    struct word_table tables[] = {
        {target_words, &own},
        {driver->options ? driver->options : no_words, &job->storage_options},
    };
    TRY(values_read(reader, "target", node->kind == YAML_MAP ? node : &nothing, tables, 2, err));
    job->target_shown = job_redact_url(job->target, &job->arena);
    return job->target_shown ? STATUS_OK : error_no_memory(err);
}

static status read_job(struct job_reader *reader, const char *path,
                       const struct job_override *overrides, size_t n_overrides, struct error *err)
{
    const struct yaml_node *source, *target, *streams;
    TRY(read_tree(reader, path, err));
    TRY(override_apply(reader, overrides, n_overrides, err));
    TRY(check_keys(reader, err));
    TRY(reference_resolve(reader, reader->yaml.root, err));
    TRY(require(reader, "source", "source: sqlite:///path/to/file.db", &source, err));
    TRY(require(reader, "target", "target: file:///path/to/lake", &target, err));
    TRY(require(reader, "streams", "streams: {orders: {mode: full-refresh}}", &streams, err));
    TRY(location_source(reader, source, err));
    TRY(read_target(reader, target, err));
    return stream_read_all(reader, yaml_get(reader->yaml.root, "defaults"), streams, err);
}

/* Not even a message about a mistake repeats a secret. */
static void redact_error(const struct job *job, struct error *err)
{
    struct arena scratch = {0};
    if (!err || !job->secrets)
        return;
    const char *clean = job_redact(job, err->text, &scratch);
    if (!clean)
        clean = "out of memory";
    err->text_bytes = strnlen(clean, sizeof(err->text) - 1);
    memcpy(err->text, clean, err->text_bytes);
    err->text[err->text_bytes] = 0;
    arena_release(&scratch);
}

status job_load(const char *path, const struct job_override *overrides, size_t n_overrides,
                struct job *out, struct error *err)
{
    struct job job = {0};
    struct job_reader reader = {.job = &job};
    reader.yaml.arena = &job.arena;
    job.path = arena_strdup(&job.arena, path);
    status code =
        job.path ? read_job(&reader, job.path, overrides, n_overrides, err) : error_no_memory(err);
    if (code != STATUS_OK) {
        redact_error(&job, err);
        job_release(&job);
        return code;
    }
    *out = job;
    return STATUS_OK;
}

void job_release(struct job *job)
{
    if (!job)
        return;
    arena_release(&job->arena);
    *job = (struct job){0};
}
