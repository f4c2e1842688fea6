#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/open.h"

static const struct option_spec flags[] = {
    {.name = "keep",
     .kind = OPTION_DURATION,
     .default_text = "7d",
     .help = "Age from which an unreferenced file may go; readers of old versions and runs that "
             "are still writing need the time.",
     .example = "30d"},
    {.name = "dry-run",
     .kind = OPTION_BOOL,
     .help = "Say what would go and how much it holds; remove nothing."},
    {0},
};

enum { SHOWN_OBJECTS = 10 }; /* of a table; --json lists all */

struct sweep {
    struct invocation *invocation;
    bool dry_run;
    json_t *objects; /* with --json */
    uint64_t count, bytes;
};

static void on_found(void *context, const char *name, uint64_t size_bytes, int64_t age_s,
                     const char *why)
{
    struct sweep *sweep = context;
    sweep->count++;
    sweep->bytes += size_bytes;
    if (sweep->objects) {
        json_array_append_new(sweep->objects,
                              json_pack("{s:s,s:I,s:I,s:s}", "name", name, "size_bytes",
                                        (json_int_t)size_bytes, "age_seconds", (json_int_t)age_s,
                                        "why", why ? why : ""));
        return;
    }
    char size[32], age[32];
    if (!sweep->invocation->quiet && sweep->count <= SHOWN_OBJECTS)
        fprintf(sweep->invocation->out, "  %10s  %10s old  %s%s%s\n",
                text_format_bytes(size_bytes, size), text_format_duration((double)age_s, age), name,
                why ? "  " : "", why ? why : "");
}

static void print_sum(const struct sweep *sweep)
{
    char bytes[32], count[48];
    FILE *out = sweep->invocation->out;
    if (sweep->count > SHOWN_OBJECTS)
        fprintf(out, "  ... and %s more (--json lists all)\n",
                text_format_count(sweep->count - SHOWN_OBJECTS, bytes));
    fprintf(out, "  %s %s, %s\n", sweep->dry_run ? "would remove" : "removed",
            counted(sweep->count, "object", count), text_format_bytes(sweep->bytes, bytes));
}

static status sweep_table(struct sweep *sweep, struct open_table *table, json_t *tables,
                          struct error *err)
{
    struct invocation *invocation = sweep->invocation;
    sweep->count = sweep->bytes = 0;
    sweep->objects = tables ? json_array() : NULL;
    if (!tables && !invocation->quiet)
        fprintf(invocation->out, "%s\n", table->url);
    status_code code = STATUS_OK;
    if (table->state.exists)
        code = table->driver->vacuum(table->table, option_number(&invocation->flags, "keep"),
                                     sweep->dry_run, on_found, sweep, err);
    if (tables) {
        json_array_append_new(tables, json_pack("{s:s,s:b,s:I,s:I,s:o}", "table", table->url,
                                                "removed", !sweep->dry_run, "objects",
                                                (json_int_t)sweep->count, "bytes",
                                                (json_int_t)sweep->bytes, "found", sweep->objects));
        return code == STATUS_OK ? STATUS_OK : error_context(err, "in table %s", table->url);
    }
    if (code != STATUS_OK)
        return error_context(err, "in table %s", table->url);
    if (!invocation->quiet)
        print_sum(sweep);
    return STATUS_OK;
}

static status sweep_job(struct sweep *sweep, json_t *tables, struct error *err)
{
    struct invocation *invocation = sweep->invocation;
    SCOPED(open_source_close) struct open_source source = {0};
    struct stream_spec *streams;
    size_t n;
    TRY(invocation_load_job(invocation, err));
    if (job_has_patterns(&invocation->job)) {
        TRY(source_open_job(&invocation->job, &source, err));
        TRY(source_catalog_read(&source, err));
    }
    TRY(invocation_streams(invocation, source.has_catalog ? &source.catalog : NULL, &streams, &n,
                           err));
    for (size_t i = 0; i < n; i++) {
        SCOPED(open_table_close) struct open_table table = {0};
        TRY(table_open_stream(invocation, &streams[i], &table, err));
        TRY(sweep_table(sweep, &table, tables, err));
    }
    return STATUS_OK;
}

static status sweep_url(struct sweep *sweep, json_t *tables, struct error *err)
{
    SCOPED(open_table_close) struct open_table table = {0};
    const char *url = sweep->invocation->args[0];
    TRY(table_open_url(sweep->invocation, url, &table, err));
    if (!table.state.exists)
        return error_set(err, STATUS_NOT_FOUND, "there is no table at %s", table.url);
    return sweep_table(sweep, &table, tables, err);
}

static bool is_job_file(const char *word)
{
    return text_ends_with(word, ".yaml") || text_ends_with(word, ".yml") || strcmp(word, "-") == 0;
}

static status run(struct invocation *invocation, struct error *err)
{
    struct sweep sweep = {
        .invocation = invocation,
        .dry_run = option_number(&invocation->flags, "dry-run") != 0,
    };
    SCOPED(json_release) json_t *tables = invocation->json ? json_array() : NULL;
    if (is_job_file(invocation->args[0]))
        TRY(sweep_job(&sweep, tables, err));
    else
        TRY(sweep_url(&sweep, tables, err));
    if (tables)
        return print_json(invocation, json_pack("{s:o}", "tables", TAKE(tables)), err);
    return STATUS_OK;
}

const struct command cmd_vacuum = {
    .name = "vacuum",
    .synopsis = "JOB|TABLE [STREAM...]",
    .summary = "remove what no retained version of a table refers to",
    .help = "Removes data files and records that no version of the table refers to and that are "
            "older than --keep. TABLE is a table's folder; JOB means the tables of its streams.",
    .example = "leat vacuum shop.yaml --keep 30d --dry-run",
    .flags = flags,
    .min_args = 1,
    .max_args = 1000,
    .run = run,
};
