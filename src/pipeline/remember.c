/* Finished splits are remembered for a run that goes on after this one was killed: plan, segments and what they name are made
 * durable, then a manifest for each is put. To make durable is to wait for the disk, so it is done for all splits that were
 * finished since the last time, every `save_every_ms`. What was finished since then a later run reads again. */
#include "base/clock.h"
#include "pipeline/split_work.h"

/* The plan lies in the staging area before the first manifest does. */
status stream_write_plan_once(struct stream_run *stream, struct error *err)
{
    status_code code = STATUS_OK;
    pthread_mutex_lock(&stream->plan_mutex);
    if (!stream->plan_written) {
        code = stream_write_plan(stream, err);
        stream->plan_written = code == STATUS_OK;
    }
    pthread_mutex_unlock(&stream->plan_mutex);
    return code;
}

status stream_put_manifest(struct stream_run *stream, uint32_t split,
                           const struct split_result *result, struct error *err)
{
    char name[128];
    SCOPED(mem_freep) char *json = NULL;
    size_t size = 0;
    TRY(manifest_write(result, stream->run->run_id, stream->digest, split,
                       stream->plan.schema.n_fields, &json, &size, err));
    snprintf(name, sizeof(name), "%s/split-%05u.json", stream->staging, split);
    status_code code = storage_put(stream->storage, name, PUT_IF_ABSENT, json, size, err);
    return code == STATUS_EXISTS ? STATUS_OK : code; /* our own earlier try */
}

/* Splits that read next to nothing and left nothing are cheaper to read again than to remember. */
static bool worth_remembering(const struct split_result *result)
{
    return result->rows > 0 || result->rejected > 0 || result->rows_read >= READ_STEP_ROWS;
}

struct save {
    struct stream_run *stream;
    uint32_t *splits;
    size_t n;
};

static status_code save(void *context, unsigned attempt, struct error *err)
{
    const struct save *save = context;
    struct stream_run *stream = save->stream;
    TRY(stream_write_plan_once(stream, err));
    TRY(storage_sync(stream->storage, err)); /* plan and segments, before anything names them */
    for (size_t i = 0; i < save->n; i++)
        TRY(stream_put_manifest(stream, save->splits[i], &stream->splits[save->splits[i]], err));
    return STATUS_OK;
}

void stream_remember_begin(struct stream_run *stream)
{
    stream->saved_ns = clock_monotonic_ns();
}

/* Take the list if the time has come. */
static status add_unsaved(struct stream_run *stream, uint32_t split, struct save *out,
                          struct error *err)
{
    int64_t now = clock_monotonic_ns();
    uint32_t *all =
        mem_realloc_array(stream->unsaved, stream->n_unsaved + 1, sizeof(*stream->unsaved));
    if (!all)
        return error_no_memory(err);
    stream->unsaved = all;
    all[stream->n_unsaved++] = split;
    if (now - stream->saved_ns < stream->run->options->save_every_ms * 1000000)
        return STATUS_OK;
    *out = (struct save){stream, TAKE(stream->unsaved), stream->n_unsaved};
    stream->n_unsaved = 0;
    stream->saved_ns = now;
    return STATUS_OK;
}

status stream_remember(struct stream_run *stream, uint32_t split, struct error *err)
{
    struct save due = {stream, NULL, 0};
    if (!worth_remembering(&stream->splits[split]))
        return STATUS_OK;
    pthread_mutex_lock(&stream->unsaved_mutex);
    status_code code = add_unsaved(stream, split, &due, err);
    pthread_mutex_unlock(&stream->unsaved_mutex);
    if (code == STATUS_OK && due.n)
        code = with_retries(&stream->cancel, save, &due, err);
    mem_free(due.splits);
    return code;
}

void stream_remember_end(struct stream_run *stream, status_code code)
{
    struct error ignored = {0};
    struct save rest = {stream, stream->unsaved, stream->n_unsaved};
    if (code != STATUS_OK && code != STATUS_SNAPSHOT_LOST && rest.n)
        (void)!save(&rest, 0, &ignored); /* what can't be saved now is read again */
    mem_free(stream->unsaved);
    stream->unsaved = NULL;
    stream->n_unsaved = 0;
}
