/* Step 6: one atomic commit that holds files, schema, watermark and run id together. There is no second step to fail. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pipeline/assemble.h"
#include "pipeline/stream.h"

/* ---- rejected rows ---- */

static status copy_rejects(struct stream_run *stream, struct upload *upload, const char *name,
                           struct error *err)
{
    struct storage_object *object = NULL;
    uint64_t size = 0;
    TRY(storage_object_open(stream->storage, name, &object, &size, err));
    status_code code = storage_put_copy_range(stream->storage, upload, object, 0, size, err);
    storage_object_close(stream->storage, object);
    return code;
}

/* One reject file for the run, complete and durable before the record names it. */
static status gather_rejects(struct stream_run *stream, const char **out, struct error *err)
{
    struct upload *upload = NULL;
    status_code code = STATUS_OK;
    *out = NULL;
    for (size_t i = 0; i < stream->plan.n_splits && code == STATUS_OK; i++) {
        if (!stream->splits[i].rejects)
            continue;
        if (!upload) {
            *out = arena_printf(stream->run->arena, "_leat/rejects/%s.ndjson", stream->run->run_id);
            if (!*out)
                return error_no_memory(err);
            TRY(storage_put_begin(stream->storage, *out, PUT_IF_ABSENT, &upload, err));
        }
        code = copy_rejects(stream, upload, stream->splits[i].rejects, err);
    }
    if (!upload)
        return code;
    if (code != STATUS_OK) {
        storage_put_abort(stream->storage, upload);
        return code;
    }
    code = storage_put_commit(stream->storage, upload, err);
    return code == STATUS_EXISTS ? STATUS_OK : code; /* an earlier try of ours */
}

/* ---- watermark ---- */

static int compare_digests(const void *a, const void *b)
{
    const struct digest *x = a, *y = b;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    return x->low < y->low ? -1 : x->low > y->low;
}

static status gather_ties(struct stream_run *stream, struct tie_digests *out, struct error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < stream->plan.n_splits; i++)
        n += stream->splits[i].ties.n;
    out->items = arena_alloc(&stream->arena, (n + 1) * sizeof(*out->items));
    if (!out->items)
        return error_no_memory(err);
    for (size_t i = 0; i < stream->plan.n_splits; i++) {
        const struct tie_digests *ties = &stream->splits[i].ties;
        if (ties->n)
            memcpy(out->items + out->n, ties->items, ties->n * sizeof(*ties->items));
        out->n += ties->n;
    }
    qsort(out->items, out->n, sizeof(*out->items), compare_digests);
    return STATUS_OK;
}

/* The watermark moves to the plan's bound. A run of given partitions leaves it, and so does one that adds no rows; one that
 * leaves the table empty has none. */
static status fill_watermark(struct stream_run *stream, struct run_record *record,
                             struct error *err)
{
    const struct run_record *before = &stream->state.record;
    record->update_key = stream->request.update_key;
    record->watermark.is_null = true;
    if (!record->update_key && stream->mode == MODE_INCREMENTAL)
        record->update_key = stream->spec->update_key;
    bool nothing_read = stream->request.update_key && stream->plan.bound.is_null;
    record->fence_state = stream->partial ? before->fence_state : stream->plan.fence_state;
    if (stream->partial || (nothing_read && !stream->first_load)) {
        if (!stream->state.has_record || !before->update_key)
            return STATUS_OK;
        record->update_key = before->update_key;
        record->watermark = before->watermark;
        record->watermark_is_fence = before->watermark_is_fence;
        record->ties = before->ties;
        return STATUS_OK;
    }
    if (!stream->request.update_key || nothing_read)
        return STATUS_OK;
    record->watermark = stream->plan.bound;
    record->watermark_is_fence = stream->plan.bound_is_fence;
    return stream->plan.bound_is_fence ? STATUS_OK : gather_ties(stream, &record->ties, err);
}

/* ---- record and request ---- */

static status fill_partition_by(struct stream_run *stream, struct run_record *record,
                                struct error *err)
{
    size_t n = stream->spec->n_partitions;
    const char **texts = arena_alloc(&stream->arena, (n + 1) * sizeof(*texts));
    if (!texts)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        texts[i] = partition_spec_text(&stream->spec->partitions[i], &stream->arena);
        if (!texts[i])
            return error_no_memory(err);
    }
    record->partition_by = texts;
    record->n_partition_by = n;
    return STATUS_OK;
}

static status fill_record(struct stream_run *stream, struct run_record *record, struct error *err)
{
    const struct stream_report *report = stream->report;
    *record = (struct run_record){
        .stream = stream->spec->name,
        .source_identity = stream->plan.source_identity,
        .run_id = stream->run->run_id,
        .leat_version = LEAT_VERSION,
        .mode = stream->mode == MODE_INCREMENTAL ? "incremental" : "full-refresh",
        .published_us = clock_wall_us(),
        .contract = stream->plan.schema,
        .partition_keys = stream->keys,
        .rows_read = report->rows_read,
        .rows_written = report->rows_written,
        .rows_rejected = report->rows_rejected,
        .rows_known = report->rows_known,
        .bytes_read = report->bytes_read,
        .bytes_written = report->bytes_written,
        .files_written = report->files,
        .reject_file = report->reject_file,
        .token = stream->plan.token,
    };
    TRY(fill_partition_by(stream, record, err));
    return fill_watermark(stream, record, err);
}

static status fill_files(struct stream_run *stream, struct new_file **out, struct error *err)
{
    const struct assembly *assembly = stream->assembly;
    size_t n_keys = stream->keys.n_fields;
    int64_t now = clock_wall_us();
    struct new_file *files = arena_alloc(&stream->arena, (assembly->n_files + 1) * sizeof(*files));
    if (!files)
        return error_no_memory(err);
    for (size_t i = 0; i < assembly->n_files; i++) {
        const struct assembled_file *file = &assembly->files[i];
        struct scalar *values = arena_alloc(&stream->arena, (n_keys + 1) * sizeof(*values));
        if (!values)
            return error_no_memory(err);
        for (size_t c = 0; c < n_keys; c++)
            partition_keys_value(assembly->keys, file->partition, c, &values[c]);
        files[i] = (struct new_file){.path = file->path,
                                     .size_bytes = file->size_bytes,
                                     .rows = file->rows,
                                     .modified_us = now,
                                     .partition_values = values};
    }
    *out = files;
    return STATUS_OK;
}

static status read_file_stats(void *context, size_t number, struct text *out, struct error *err)
{
    const struct assembly *assembly = context;
    const struct assembled_file *file = &assembly->files[number];
    char few[4096];
    for (uint64_t at = 0; at < file->stats_bytes;) {
        uint64_t left = file->stats_bytes - at;
        size_t n = left < sizeof(few) ? left : sizeof(few);
        TRY(spool_read(&assembly->stats, file->stats_offset + at, few, n, err));
        text_append_bytes(out, few, n);
        at += n;
    }
    return STATUS_OK;
}

/* Number 0 is the barrier. Beside it the files are read back: meanwhile it is the disk that works. */
static status_code barrier_task(void *context, size_t number, struct error *err)
{
    struct stream_run *stream = context;
    return number == 0 ? storage_sync(stream->storage, err)
                       : stream_read_back(stream, number - 1, err);
}

struct publish_try {
    struct stream_run *stream;
    struct publish_request request;
    int64_t version;
    bool tried;
};

/* A try whose reply was lost may have succeeded: look for the run before anything else. */
static status_code publish_once(void *context, unsigned attempt, struct error *err)
{
    struct publish_try *try = context;
    struct stream_run *stream = try->stream;
    const struct commit_driver *driver = stream->spec->table;
    if (attempt > 0) {
        TRY(driver->find_run(stream->table, stream->run->run_id, &try->version, err));
        if (try->version >= 0)
            return storage_sync(stream->storage, err); /* visible; now durable too */
    }
    try->tried = true;
    return driver->publish(stream->table, &try->request, &try->version, err);
}

/* After a failure that says nothing about the outcome (a signal between two tries is one too) the run is looked for once
 * more; what can't be found out is IN_DOUBT. */
static status settle_outcome(struct publish_try *try, status_code code, struct error *err)
{
    struct stream_run *stream = try->stream;
    struct error second = {0};
    if (!try->tried || code == STATUS_CONFLICT || code == STATUS_HELD ||
        code == STATUS_SCHEMA_CHANGED || code == STATUS_BAD_CONFIG)
        return code;
    status_code found =
        stream->spec->table->find_run(stream->table, stream->run->run_id, &try->version, &second);
    if (found == STATUS_OK && try->version >= 0 &&
        storage_sync(stream->storage, &second) == STATUS_OK)
        return STATUS_OK;
    if (found == STATUS_OK && try->version < 0 && code != STATUS_IN_DOUBT)
        return code; /* certainly not published */
    err->code = STATUS_IN_DOUBT;
    return error_context(err,
                         "whether the run was published can't be told now; nothing was deleted; "
                         "`leat runs %s` looks again",
                         stream->run->run_id);
}

status stream_publish(struct stream_run *stream, struct error *err)
{
    struct stream_report *report = stream->report;
    struct run_record record;
    struct new_file *files = NULL;
    TRY(gather_rejects(stream, &report->reject_file, err));
    TRY(fill_record(stream, &record, err));
    TRY(fill_files(stream, &files, err));
    stream_remember_no_more(stream);
    /* invariant 2: durable before anything refers to them */
    size_t tasks = 1 + stream_read_back_tasks(stream);
    unsigned threads = tasks > 2 ? stream->run->workers + 1 : 1; /* few files are read at once */
    TRY(thread_run_all(tasks, threads, barrier_task, stream, &stream->cancel, err));

    struct publish_try try = {.stream = stream};
    try.request = (struct publish_request){
        .base = &stream->state,
        .replace_all = stream->first_load && !stream->partial,
        .replace_partitions = stream->partial,
        .accept_foreign = stream->run->options->accept_foreign,
        .widens = stream->widens,
        .data_schema = &stream->data_schema,
        .partition_keys = &stream->keys,
        .table_schema = &stream->table_schema,
        .files = files,
        .n_files = stream->assembly->n_files,
        .record = &record,
        .run_started_us = report->started_us,
        .replaced_values = stream->run->options->partitions,
        .file_stats = read_file_stats,
        .file_stats_context = stream->assembly,
    };
    status_code code = with_retries(&stream->cancel, publish_once, &try, err);
    arena_release(&record.arena); /* what publish filled in */
    if (code != STATUS_OK)
        code = settle_outcome(&try, code, err);
    if (code != STATUS_OK)
        return code;
    report->version = try.version;
    struct error ignored = {0};
    if (stream->spec->table->after_publish(stream->table, try.version, &ignored) != STATUS_OK)
        stream_note(stream, "published, but the checkpoint was not written: %s", ignored.text);
    return STATUS_OK;
}
