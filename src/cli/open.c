#include "cli/open.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* ---- source ---- */

status source_open_job(const struct job *job, struct open_source *out, struct error *err)
{
    struct open_source opened = {.driver = job->source};
    TRY_IN(job->source->open(job->source_location, &job->source_options, &opened.source, err), err,
           "in source %s", job->source_shown);
    *out = opened;
    return STATUS_OK;
}

status source_open_url(struct invocation *invocation, const char *url, struct open_source *out,
                       const char **out_shown, struct error *err)
{
    struct arena *arena = &invocation->arena;
    struct open_source opened = {0};
    struct option_values options;
    const char *location;
    TRY(job_keep_url_secret(&invocation->job, url, err));
    TRY(source_find(url, arena, &opened.driver, &location, err));
    TRY(option_defaults(arena, opened.driver->options, &options, err));
    *out_shown = job_redact_url(url, arena);
    if (!*out_shown)
        return error_no_memory(err);
    TRY(opened.driver->open(location, &options, &opened.source, err));
    *out = opened;
    return STATUS_OK;
}

status source_catalog_read(struct open_source *source, struct error *err)
{
    TRY(source->driver->discover(source->source, &source->catalog, err));
    source->has_catalog = true;
    return STATUS_OK;
}

void open_source_close(struct open_source *source)
{
    if (source->has_catalog)
        source_catalog_release(&source->catalog);
    if (source->driver)
        source->driver->close(source->source);
    *source = (struct open_source){0};
}

void stream_request(const struct stream_spec *spec, struct read_request *out)
{
    *out = (struct read_request){
        .stream = spec->query ? NULL : spec->name,
        .query = spec->query,
        .where = spec->where,
        .select = spec->select,
        .columns = spec->columns,
        .n_columns = spec->n_columns,
        .primary_key = spec->primary_key,
        .update_key = spec->update_key,
        .nulls_ok = spec->update_key_nulls,
        .max_readers = 1,
    };
}

/* ---- table ---- */

static status load_table(struct open_table *table, const char *stream,
                         const struct option_values *options, struct error *err)
{
    table->state.version = -1;
    if (!table->storage)
        return STATUS_OK;
    TRY_IN(table->driver->open(table->storage, stream, options, &table->table, err), err,
           "in table %s", table->url);
    TRY_IN(table->driver->load(table->table, &table->state, err), err, "in table %s", table->url);
    return STATUS_OK;
}

static status open_storage(const char *url, const struct option_values *options,
                           struct open_table *out, struct error *err)
{
    status_code code = storage_open(url, options, false, &out->storage, err);
    if (code == STATUS_NOT_FOUND) { /* no run has been there yet */
        out->storage = NULL;
        return STATUS_OK;
    }
    return code;
}

status table_open_stream(struct invocation *invocation, const struct stream_spec *spec,
                         struct open_table *out, struct error *err)
{
    struct arena *arena = &invocation->arena;
    const char *root = spec->target ? spec->target : invocation->job.target;
    const char *url =
        arena_printf(arena, "%s%s%s", root, text_ends_with(root, "/") ? "" : "/", spec->object);
    struct open_table opened = {.driver = spec->table};
    opened.url = url ? job_redact_url(url, arena) : NULL;
    if (!opened.url)
        return error_no_memory(err);
    status_code code = open_storage(url, &invocation->job.storage_options, &opened, err);
    if (code == STATUS_OK)
        code = load_table(&opened, spec->name, &spec->commit_options, err);
    if (code != STATUS_OK) {
        open_table_close(&opened);
        return code;
    }
    *out = opened;
    return STATUS_OK;
}

/* storage_open wants a URL or an absolute path. */
static const char *absolute(struct arena *arena, const char *url)
{
    char current[PATH_MAX];
    if (url[0] == '/' || strstr(url, "://") || !getcwd(current, sizeof(current)))
        return url;
    while (text_starts_with(url, "./"))
        url += 2;
    if (strcmp(url, ".") == 0)
        return arena_strdup(arena, current);
    return arena_printf(arena, "%s/%s", current, url);
}

status table_open_url(struct invocation *invocation, const char *url, struct open_table *out,
                      struct error *err)
{
    struct arena *arena = &invocation->arena;
    struct option_values table_options, storage_options;
    struct open_table opened = {.driver = commit_find("delta")};
    if (!opened.driver)
        return error_set(err, STATUS_BUG, "this build has no table kind \"delta\"");
    TRY(job_keep_url_secret(&invocation->job, url, err));
    const char *path = absolute(arena, url);
    opened.url = path ? job_redact_url(path, arena) : NULL;
    if (!opened.url)
        return error_no_memory(err);
    TRY(option_defaults(arena, opened.driver->options, &table_options, err));
    TRY(option_defaults(arena, storage_drivers[0]->options, &storage_options, err));
    TRY(storage_open(path, &storage_options, false, &opened.storage, err));
    status_code code = load_table(&opened, "-", &table_options, err);
    if (code != STATUS_OK) {
        open_table_close(&opened);
        return code;
    }
    *out = opened;
    return STATUS_OK;
}

void open_table_close(struct open_table *table)
{
    if (table->driver) {
        table_state_release(&table->state);
        table->driver->close(table->table);
    }
    if (table->storage)
        storage_close(table->storage);
    *table = (struct open_table){0};
}

/* ---- streams ---- */

bool job_has_patterns(const struct job *job)
{
    for (size_t i = 0; i < job->n_streams; i++)
        if (job->streams[i].pattern && !job->streams[i].exclude)
            return true;
    return false;
}

status invocation_streams(struct invocation *invocation, const struct source_catalog *catalog,
                          struct stream_spec **out, size_t *out_n, struct error *err)
{
    return job_streams(&invocation->job, catalog, invocation->args + 1, invocation->n_args - 1, out,
                       out_n, &invocation->arena, err);
}
