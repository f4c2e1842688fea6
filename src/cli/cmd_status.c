#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/open.h"

static const struct option_spec flags[] = {
    {.name = "set",
     .kind = OPTION_LIST,
     .help = "Another value for a word of the job file; may be given again.",
     .example = "target=./other"},
    {0},
};

struct partition_count {
    const char *name;
    uint64_t rows;
};

/* What is in one table, and how far it is behind the source. */
struct table_status {
    const struct stream_spec *spec;
    const char *url;
    bool exists;
    int64_t version;
    uint64_t files, small_files, bytes, rows;
    bool rows_known;
    uint64_t small_below; /* bytes */
    struct partition_count *partitions;
    size_t n_partitions, partition_capacity;
    double skew;
    const char *watermark, *newest;
    double lag_seconds; /* NaN: not a time, or not known */
    const char *last_run, *last_mode, *published, *hold;
    struct arena *arena;
};

/* ---- files ---- */

/* One entry a file at first; group_partitions makes one a partition of them. */
static struct partition_count *add_file(struct table_status *table, const char *name)
{
    if (table->n_partitions == table->partition_capacity) {
        size_t capacity = table->partition_capacity ? table->partition_capacity * 2 : 64;
        struct partition_count *grown = arena_alloc(table->arena, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        if (table->n_partitions)
            memcpy(grown, table->partitions, table->n_partitions * sizeof(*grown));
        table->partitions = grown;
        table->partition_capacity = capacity;
    }
    struct partition_count *added = &table->partitions[table->n_partitions];
    *added = (struct partition_count){.name = arena_strdup(table->arena, name)};
    table->n_partitions += added->name != NULL;
    return added->name ? added : NULL;
}

static status_code on_file(void *context, const struct live_file *file, struct error *err)
{
    struct table_status *table = context;
    struct partition_count *partition = add_file(table, file->partition ? file->partition : "");
    if (!partition)
        return error_no_memory(err);
    table->files++;
    table->bytes += file->size_bytes;
    table->small_files += file->size_bytes < table->small_below;
    if (file->rows == UINT64_MAX) {
        table->rows_known = false;
        return STATUS_OK;
    }
    table->rows += file->rows;
    partition->rows += file->rows;
    return STATUS_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct partition_count *)a)->name,
                  ((const struct partition_count *)b)->name);
}

static void group_partitions(struct table_status *table)
{
    struct partition_count *all = table->partitions;
    size_t n = 0;
    if (table->n_partitions)
        qsort(all, table->n_partitions, sizeof(*all), by_name);
    for (size_t i = 0; i < table->n_partitions; i++) {
        if (n && strcmp(all[n - 1].name, all[i].name) == 0)
            all[n - 1].rows += all[i].rows;
        else
            all[n++] = all[i];
    }
    table->n_partitions = n;
}

static int by_rows(const void *a, const void *b)
{
    const struct partition_count *one = a, *two = b;
    return (one->rows > two->rows) - (one->rows < two->rows);
}

static double skew_of(struct table_status *table)
{
    size_t n = table->n_partitions; /* grouped */
    if (n < 2)
        return 0;
    qsort(table->partitions, n, sizeof(*table->partitions), by_rows);
    uint64_t median = table->partitions[n / 2].rows;
    return median ? (double)table->partitions[n - 1].rows / (double)median : 0;
}

/* ---- the source ---- */

static double lag_of(const struct scalar *watermark, const struct scalar *newest)
{
    if (watermark->is_null || newest->is_null || !type_equal(watermark->type, newest->type))
        return NAN;
    double unit = watermark->type.id == TYPE_DATE        ? 86400
                  : watermark->type.id == TYPE_TIMESTAMP ? 1e-6
                                                         : NAN;
    return ((double)newest->i64 - (double)watermark->i64) * unit;
}

/* How far the source is ahead. A source that can't be asked is a note, not a failure. */
static void ask_source(struct invocation *invocation, struct open_source *source,
                       const struct run_record *record, struct table_status *table)
{
    struct read_request request;
    struct scalar newest = {0};
    struct error err = {0};
    if (!table->spec->update_key || !source->source || !source->driver->newest)
        return;
    stream_request(table->spec, &request);
    if (source->driver->newest(source->source, &request, table->arena, &newest, &err)) {
        fprintf(invocation->log, "note: %s: the source's newest %s is not known: %s\n",
                table->spec->name, table->spec->update_key, err.text);
        return;
    }
    if (!newest.is_null)
        table->newest = scalar_text(&newest, table->arena);
    if (record)
        table->lag_seconds = lag_of(&record->watermark, &newest);
}

/* ---- one table ---- */

static void take_record(struct table_status *table, const struct run_record *record)
{
    char published[32];
    clock_format_utc(record->published_us, published);
    table->published = arena_strdup(table->arena, published);
    table->last_run = arena_strdup(table->arena, record->run_id ? record->run_id : "");
    table->last_mode = record->mode ? arena_strdup(table->arena, record->mode) : NULL;
    if (record->update_key && !record->watermark.is_null)
        table->watermark = scalar_text(&record->watermark, table->arena);
}

static status look_at_table(struct invocation *invocation, struct open_source *source,
                            const struct stream_spec *spec, struct table_status *out,
                            struct error *err)
{
    SCOPED(open_table_close) struct open_table opened = {0};
    TRY(table_open_stream(invocation, spec, &opened, err));
    *out = (struct table_status){
        .spec = spec,
        .url = opened.url,
        .exists = opened.state.exists,
        .version = opened.state.version,
        .rows_known = true,
        .small_below = spec->file_size / 2,
        .lag_seconds = NAN,
        .arena = &invocation->arena,
    };
    const struct run_record *record = opened.state.has_record ? &opened.state.record : NULL;
    if (opened.state.exists)
        TRY_IN(opened.driver->each_file(opened.table, on_file, out, err), err, "in table %s",
               opened.url);
    if (record)
        take_record(out, record);
    if (opened.state.hold)
        out->hold = arena_strdup(out->arena, opened.state.hold);
    group_partitions(out);
    out->skew = skew_of(out);
    ask_source(invocation, source, record, out);
    return STATUS_OK;
}

/* ---- telling ---- */

static json_t *number_or_null(double number, bool known)
{
    return known && isfinite(number) ? json_real(number) : json_null();
}

static json_t *status_to_json(const struct table_status *table)
{
    json_t *json =
        json_pack("{s:s,s:s,s:b,s:o,s:o,s:I,s:I,s:I,s:I}", "stream", table->spec->name, "table",
                  table->url, "exists", table->exists, "version",
                  table->exists ? json_integer(table->version) : json_null(), "rows",
                  table->rows_known ? json_integer((json_int_t)table->rows) : json_null(), "files",
                  (json_int_t)table->files, "small_files", (json_int_t)table->small_files, "bytes",
                  (json_int_t)table->bytes, "partitions", (json_int_t)table->n_partitions);
    if (!json)
        return NULL;
    json_object_set_new(json, "skew", number_or_null(table->skew, table->skew > 0));
    json_object_set_new(json, "update_key", json_text_or_null(table->spec->update_key));
    json_object_set_new(json, "watermark", json_text_or_null(table->watermark));
    json_object_set_new(json, "source_newest", json_text_or_null(table->newest));
    json_object_set_new(json, "lag_seconds", number_or_null(table->lag_seconds, true));
    json_object_set_new(json, "last_run", json_text_or_null(table->last_run));
    json_object_set_new(json, "last_mode", json_text_or_null(table->last_mode));
    json_object_set_new(json, "published", json_text_or_null(table->published));
    json_object_set_new(json, "hold", json_text_or_null(table->hold));
    return json;
}

static void print_watermark(FILE *out, const struct table_status *table)
{
    char lag[32];
    if (!table->watermark)
        return;
    fprintf(out, "  watermark   %s %s", table->spec->update_key ? table->spec->update_key : "",
            table->watermark);
    if (isfinite(table->lag_seconds) && table->lag_seconds > 0)
        fprintf(out, ", %s behind the source (%s)", text_format_duration(table->lag_seconds, lag),
                table->newest);
    else if (table->newest && strcmp(table->newest, table->watermark) == 0)
        fputs(", level with the source", out);
    else if (table->newest)
        fprintf(out, ", the source is at %s", table->newest);
    fputc('\n', out);
}

static void print_status(FILE *out, const struct table_status *table)
{
    char rows[32], files[32], bytes[32], average[32], threshold[32], parts[32];
    fprintf(out, "%s\n  table       %s\n", table->spec->name, table->url);
    if (!table->exists) {
        fputs("  version     none yet; leat run makes it\n", out);
        return;
    }
    fprintf(out, "  version     %lld", (long long)table->version);
    if (table->published)
        fprintf(out, ", published %s by run %s", table->published, table->last_run);
    fprintf(out, "\n  rows        %s\n",
            table->rows_known ? text_format_count(table->rows, rows) : "not known");
    fprintf(out, "  files       %s, %s", text_format_count(table->files, files),
            text_format_bytes(table->bytes, bytes));
    if (table->files)
        fprintf(out, ", %s on average; %s under %s",
                text_format_bytes(table->bytes / table->files, average),
                text_format_count(table->small_files, parts),
                text_format_bytes(table->small_below, threshold));
    fputc('\n', out);
    if (table->spec->n_partitions || table->n_partitions > 1) {
        fprintf(out, "  partitions  %s", text_format_count(table->n_partitions, parts));
        if (table->skew > 0)
            fprintf(out, ", the largest %.1f times the median%s", table->skew,
                    table->skew >= 10 ? " (skewed)" : "");
        fputc('\n', out);
    }
    print_watermark(out, table);
    if (table->hold)
        fprintf(out, "  held        %s\n", table->hold);
}

/* ---- the command ---- */

/* Without its source a table still has a status; only wildcards need the catalog. */
static status try_source(struct invocation *invocation, struct open_source *source,
                         struct error *err)
{
    struct error cause = {0};
    status_code code = source_open_job(&invocation->job, source, &cause);
    if (job_has_patterns(&invocation->job)) {
        if (code != STATUS_OK)
            return error_set(err, code, "%s", cause.text);
        return source_catalog_read(source, err);
    }
    if (code != STATUS_OK)
        fprintf(invocation->log, "note: the source can't be asked: %s\n", cause.text);
    return STATUS_OK;
}

static status run(struct invocation *invocation, struct error *err)
{
    SCOPED(open_source_close) struct open_source source = {0};
    SCOPED(json_release) json_t *tables = invocation->json ? json_array() : NULL;
    struct stream_spec *streams;
    size_t n;
    TRY(invocation_load_job(invocation, err));
    TRY(try_source(invocation, &source, err));
    TRY(invocation_streams(invocation, source.has_catalog ? &source.catalog : NULL, &streams, &n,
                           err));
    for (size_t i = 0; i < n; i++) {
        struct table_status table;
        TRY(look_at_table(invocation, &source, &streams[i], &table, err));
        if (tables)
            json_array_append_new(tables, status_to_json(&table));
        else
            print_status(invocation->out, &table);
    }
    if (tables)
        return print_json(invocation, json_pack("{s:o}", "tables", TAKE(tables)), err);
    return STATUS_OK;
}

const struct command cmd_status = {
    .name = "status",
    .synopsis = "JOB [STREAM...]",
    .summary = "tables with their versions, rows, files, skew, watermarks and lag",
    .help = "Shows each stream's table as it stands: version, rows, files and small files, "
            "partitions and their skew, the watermark and how far it is behind the source.",
    .example = "leat status shop.yaml",
    .flags = flags,
    .min_args = 1,
    .max_args = 1000,
    .run = run,
};
