#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/open.h"
#include "commit/commit.h"

/* The type that a table without TYPE holds its values as; NULL: it has the type. No target is known here: the one that a
 * lake path means. */
static const char *carried_as(struct type type, char out[64])
{
    struct type carried;
    if (!commit_drivers[0]->carry(type, &carried) || type_equal(type, carried))
        return NULL;
    return type_text(carried, out);
}

/* ---- JSON ---- */

static json_t *column_to_json(const struct source_column *column)
{
    char type[64], carried[64];
    return json_pack("{s:s,s:s,s:o,s:s,s:b,s:i,s:b,s:b}", "name", column->name, "type",
                     type_text(column->type, type), "carried_as",
                     json_text_or_null(carried_as(column->type, carried)), "declared_type",
                     column->declared_type ? column->declared_type : "", "nullable",
                     column->nullable, "key_position", (int)column->key_position, "usable_key",
                     column->usable_key, "indexed", column->indexed);
}

/* A view has no size of its own. */
static bool is_estimated(const struct source_stream *stream)
{
    return stream->rows > 0 || stream->bytes > 0;
}

static json_t *stream_to_json_entry(const struct source_stream *stream)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < stream->n_columns; i++)
        json_array_append_new(columns, column_to_json(&stream->columns[i]));
    bool known = is_estimated(stream);
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o}", "stream", stream->name, "kind", stream->kind,
                     "rows", known ? json_integer((json_int_t)stream->rows) : json_null(), "bytes",
                     known ? json_integer((json_int_t)stream->bytes) : json_null(), "note",
                     json_text_or_null(stream->note), "columns", columns);
}

static json_t *catalog_to_json(const char *source, const struct source_catalog *catalog)
{
    json_t *streams = json_array();
    for (size_t i = 0; i < catalog->n_streams; i++)
        json_array_append_new(streams, stream_to_json_entry(&catalog->streams[i]));
    return json_pack("{s:s,s:o}", "source", source, "streams", streams);
}

/* ---- text ---- */

/* "primary key, update_key, indexed": what the column is good for. */
static const char *column_uses(const struct source_column *column, char out[64])
{
    snprintf(out, 64, "%s%s%s%s%s", column->key_position ? "primary key" : "",
             column->key_position && column->usable_key ? ", " : "",
             column->usable_key ? "usable as update_key" : "",
             column->indexed && (column->usable_key || column->key_position) ? ", " : "",
             column->indexed ? "indexed" : "");
    return out;
}

static status print_columns(struct invocation *invocation, const struct source_stream *stream,
                            struct error *err)
{
    struct grid grid = {.arena = &invocation->arena, .n_columns = 5, .alignment = "lllll"};
    for (size_t i = 0; i < stream->n_columns; i++) {
        const struct source_column *column = &stream->columns[i];
        char type[64], carried[64], shown[192], uses[64];
        snprintf(shown, sizeof(shown), "%s", type_text(column->type, type));
        if (carried_as(column->type, carried))
            snprintf(shown, sizeof(shown), "%s (%s table: %s)", type, commit_drivers[0]->name,
                     carried);
        const char *cells[] = {
            column->name, shown,
            column->declared_type && column->declared_type[0] ? column->declared_type : "(no type)",
            column->nullable ? "" : "not null", column_uses(column, uses)};
        grid_row(&grid, cells);
    }
    return grid_print(&grid, invocation->out, err);
}

static status print_catalog(struct invocation *invocation, const char *source,
                            const struct source_catalog *catalog, struct error *err)
{
    char streams[48];
    fprintf(invocation->out, "%s holds %s\n", source,
            counted(catalog->n_streams, "stream", streams));
    for (size_t i = 0; i < catalog->n_streams; i++) {
        const struct source_stream *stream = &catalog->streams[i];
        char rows[48], bytes[32];
        fprintf(invocation->out, "\n%s (%s)", stream->name, stream->kind);
        if (is_estimated(stream))
            fprintf(invocation->out, ": about %s", counted(stream->rows, "row", rows));
        if (stream->bytes)
            fprintf(invocation->out, ", %s", text_format_bytes(stream->bytes, bytes));
        fputc('\n', invocation->out);
        TRY(print_columns(invocation, stream, err));
        if (stream->note)
            fprintf(invocation->out, "  note: %s\n", stream->note);
    }
    return STATUS_OK;
}

/* ---- the command ---- */

/* A job file is YAML by its name; everything else is a source. */
static bool is_job_file(const char *word)
{
    return text_ends_with(word, ".yaml") || text_ends_with(word, ".yml") || strcmp(word, "-") == 0;
}

static status open_any(struct invocation *invocation, struct open_source *out,
                       const char **out_shown, struct error *err)
{
    if (!is_job_file(invocation->args[0]))
        return source_open_url(invocation, invocation->args[0], out, out_shown, err);
    TRY(invocation_load_job(invocation, err));
    *out_shown = invocation->job.source_shown;
    return source_open_job(&invocation->job, out, err);
}

static status run(struct invocation *invocation, struct error *err)
{
    SCOPED(open_source_close) struct open_source source = {0};
    const char *shown;
    TRY(open_any(invocation, &source, &shown, err));
    TRY(source_catalog_read(&source, err));
    if (invocation->json)
        return print_json(invocation, catalog_to_json(shown, &source.catalog), err);
    return print_catalog(invocation, shown, &source.catalog, err);
}

const struct command cmd_discover = {
    .name = "discover",
    .synopsis = "URL|JOB",
    .summary = "streams, columns, types, row estimates and usable keys of a source",
    .help = "Shows what a source holds: its streams with their columns, the types they become, "
            "estimates of rows and bytes, and which columns can be an update_key. Reads no rows.",
    .example = "leat discover ./shop.db",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
