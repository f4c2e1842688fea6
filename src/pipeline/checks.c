/* Step 5: reconcile, then the stream's checks. Nothing is published that does not add up. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "pipeline/assemble.h"
#include "pipeline/stream.h"

/* ---- reconcile: rows read = rows in manifests = rows in files, and in their footers ---- */

struct object_source {
    struct byte_source base;
    struct storage *storage;
    struct storage_object *object;
};

static status object_source_read(const struct byte_source *base, uint64_t offset, void *out,
                                 size_t size, struct error *err)
{
    const struct object_source *source = (const struct object_source *)base;
    return storage_object_read(source->storage, source->object, offset, out, size, err);
}

static status footer_rows(struct stream_run *stream, const char *path, uint64_t *out,
                          struct error *err)
{
    struct object_source source = {.base.read = object_source_read, .storage = stream->storage};
    TRY(storage_object_open(stream->storage, path, &source.object, &source.base.size, err));
    status_code code = stream->spec->format->footer_rows(&source.base, out, err);
    storage_object_close(stream->storage, source.object);
    return code;
}

static status reconcile_file(struct stream_run *stream, const struct assembled_file *file,
                             struct error *err)
{
    uint64_t rows = 0;
    TRY_IN(footer_rows(stream, file->path, &rows, err), err, "in %s", file->path);
    if (rows != file->rows)
        return error_set(err, STATUS_BUG, "%s says it has %llu rows, %llu were written", file->path,
                         (unsigned long long)rows, (unsigned long long)file->rows);
    return STATUS_OK;
}

enum { FILES_A_TASK = 64 };

size_t stream_read_back_tasks(const struct stream_run *stream)
{
    return (stream->assembly->n_files + FILES_A_TASK - 1) / FILES_A_TASK;
}

status stream_read_back(struct stream_run *stream, size_t task, struct error *err)
{
    const struct assembly *assembly = stream->assembly;
    size_t end = (task + 1) * FILES_A_TASK;
    for (size_t i = task * FILES_A_TASK; i < end && i < assembly->n_files; i++)
        TRY(reconcile_file(stream, &assembly->files[i], err));
    return STATUS_OK;
}

static status reconcile_partitions(struct stream_run *stream, struct error *err)
{
    const struct assembly *assembly = stream->assembly;
    SCOPED(mem_freep) uint64_t *rows = mem_zalloc((assembly->n_partitions + 1) * sizeof(*rows));
    if (!rows)
        return error_no_memory(err);
    for (size_t i = 0; i < assembly->n_files; i++)
        rows[assembly->files[i].partition] += assembly->files[i].rows;
    for (size_t i = 0; i < assembly->n_partitions; i++)
        if (rows[i] != assembly->partitions[i].rows)
            return error_set(
                err, STATUS_BUG, "partition %s: its splits hold %llu rows, its files %llu",
                assembly->partitions[i].path, (unsigned long long)assembly->partitions[i].rows,
                (unsigned long long)rows[i]);
    return STATUS_OK;
}

static status reconcile(struct stream_run *stream, struct error *err)
{
    const struct assembly *assembly = stream->assembly;
    uint64_t split_rows = 0, file_rows = 0;
    for (size_t i = 0; i < stream->plan.n_splits; i++)
        split_rows += stream->splits[i].rows;
    for (size_t i = 0; i < assembly->n_files; i++)
        file_rows += assembly->files[i].rows;
    if (split_rows != file_rows)
        return error_set(err, STATUS_BUG, "the splits hold %llu rows, the files %llu",
                         (unsigned long long)split_rows, (unsigned long long)file_rows);
    return reconcile_partitions(stream, err);
}

/* ---- rows of the table ---- */

/* VALUE of a live file's "name=value", as partition_value_text gives it. In place. */
static const char *decode_value(char *partition)
{
    char *in = strchr(partition, '=');
    if (!in)
        return "";
    char *value = ++in, *out = in;
    if (strcmp(value, "__HIVE_DEFAULT_PARTITION__") == 0)
        return "NULL";
    for (; *in; in++, out++) {
        uint8_t byte;
        if (*in == '%' && in[1] && in[2] && bytes_from_hex(in + 1, 2, &byte)) {
            *out = (char)byte;
            in += 2;
        } else {
            *out = *in;
        }
    }
    *out = '\0';
    return value;
}

static status_code add_rows(void *context, const struct live_file *file, struct error *err)
{
    struct stream_run *stream = context;
    bool replaced = stream->first_load && !stream->partial;
    if (file->rows == UINT64_MAX) {
        stream->table_rows.known = false;
        return STATUS_OK;
    }
    if (stream->partial) {
        SCOPED(mem_freep) char *partition = mem_strdup(file->partition);
        if (!partition)
            return error_no_memory(err);
        replaced = partition_is_given(stream, decode_value(partition));
    }
    stream->table_rows.before += file->rows;
    stream->table_rows.replaced += replaced ? file->rows : 0;
    return STATUS_OK;
}

status stream_count_table(struct stream_run *stream, struct error *err)
{
    stream->table_rows.before = stream->table_rows.replaced = 0;
    stream->table_rows.known = true;
    if (!stream->state.exists)
        return STATUS_OK;
    return stream->spec->table->each_file(stream->table, add_rows, stream, err);
}

/* ---- checks ---- */

static status check_row_count(struct stream_run *stream, uint64_t rows, struct error *err)
{
    const struct row_count_check *check = &stream->spec->row_count;
    uint64_t before = stream->table_rows.before;
    char was[32], is[32];
    text_format_count(rows, is);
    text_format_count(before, was);
    if (check->has_min && rows < check->min)
        return error_set(err, STATUS_HELD, "check row_count: %s rows, min is %llu", is,
                         (unsigned long long)check->min);
    if (check->has_max && rows > check->max)
        return error_set(err, STATUS_HELD, "check row_count: %s rows, max is %llu", is,
                         (unsigned long long)check->max);
    if (check->has_max_drop && (double)rows < (double)before * (1.0 - check->max_drop))
        return error_set(err, STATUS_HELD,
                         "check row_count: %s rows, the version before has %s: a drop of %.0f %%, "
                         "max_drop is %.0f %%",
                         is, was, 100.0 * (1.0 - (double)rows / (double)before),
                         100.0 * check->max_drop);
    return STATUS_OK;
}

/* Rows of the table with this run, for the checks and the report. */
static status check_table_rows(struct stream_run *stream, struct error *err)
{
    const struct row_count_check *check = &stream->spec->row_count;
    struct stream_report *report = stream->report;
    bool checked = check->has_min || check->has_max || check->has_max_drop;
    struct error own = {0};
    status_code code = stream_count_table(stream, &own);
    if (code != STATUS_OK || !stream->table_rows.known) {
        if (!checked)
            return STATUS_OK; /* only the report lacks a number */
        if (code != STATUS_OK && err)
            *err = own;
        return code != STATUS_OK
                   ? code
                   : error_set(err, STATUS_HELD,
                               "check row_count: the table has files of others without row counts");
    }
    report->table_rows =
        stream->table_rows.before - stream->table_rows.replaced + report->rows_written;
    report->table_rows_known = true;
    return checked ? check_row_count(stream, report->table_rows, err) : STATUS_OK;
}

static uint64_t nulls_in_keys(struct stream_run *stream, size_t key_column)
{
    const struct assembly *assembly = stream->assembly;
    uint64_t nulls = 0;
    for (size_t i = 0; i < assembly->n_partitions; i++) {
        struct scalar value;
        partition_keys_value(assembly->keys, (uint32_t)i, key_column, &value);
        nulls += value.is_null ? assembly->partitions[i].rows : 0;
    }
    return nulls;
}

static status check_not_null(struct stream_run *stream, const char *name, struct error *err)
{
    size_t column = schema_find(&stream->data_schema, name);
    size_t key = schema_find(&stream->keys, name);
    uint64_t nulls;
    if (column != SIZE_MAX)
        nulls = stream->assembly->nulls[column];
    else if (key != SIZE_MAX)
        nulls = nulls_in_keys(stream, key);
    else
        return error_set(err, STATUS_BAD_CONFIG,
                         "checks: not_null names column \"%s\", which the stream does not have",
                         name);
    char count[32];
    if (nulls)
        return error_set(err, STATUS_HELD, "check not_null: column \"%s\" is NULL in %s rows", name,
                         text_format_count(nulls, count));
    return STATUS_OK;
}

/* A held run leaves a word about itself in its staging area. */
static void leave_note(struct stream_run *stream, const struct error *why)
{
    char name[128];
    struct error ignored = {0};
    snprintf(name, sizeof(name), "%s/held", stream->staging);
    if (storage_put(stream->storage, name, PUT_IF_ABSENT, why->text, strlen(why->text), &ignored) !=
        STATUS_OK)
        stream_note(stream, "no note could be left in %s", stream->staging);
}

static status run_checks(struct stream_run *stream, struct error *err)
{
    TRY(check_table_rows(stream, err));
    for (const char *const *name = stream->spec->not_null; name && *name; name++)
        TRY(check_not_null(stream, *name, err));
    return STATUS_OK;
}

status stream_validate(struct stream_run *stream, struct error *err)
{
    TRY(reconcile(stream, err));
    status_code code = run_checks(stream, err);
    if (code == STATUS_HELD) {
        leave_note(stream, err);
        return error_context(err,
                             "the version before stands; the staged data is in %s/%s until the "
                             "next run of this stream; mend the source or change `checks:`, then "
                             "run again",
                             stream->report->table_url, stream->staging);
    }
    return code;
}
