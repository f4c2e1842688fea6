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
    const uint32_t *splits;
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

void remember_begin(struct split_pass *pass)
{
    pass->saved_ns = clock_monotonic_ns();
}

status remember_split(struct split_pass *pass, uint32_t split, struct error *err)
{
    struct stream_run *stream = pass->stream;
    SCOPED(mem_freep) uint32_t *due = NULL;
    size_t n = 0;
    status_code code = STATUS_OK;
    if (!worth_remembering(&stream->splits[split]))
        return STATUS_OK;
    pthread_mutex_lock(&pass->mutex);
    uint32_t *all = mem_realloc_array(pass->unsaved, pass->n_unsaved + 1, sizeof(*all));
    if (all) {
        pass->unsaved = all;
        all[pass->n_unsaved++] = split;
    } else {
        code = error_no_memory(err);
    }
    int64_t now = clock_monotonic_ns();
    if (code == STATUS_OK &&
        now - pass->saved_ns >= stream->run->options->save_every_ms * 1000000) {
        due = TAKE(pass->unsaved);
        n = pass->n_unsaved;
        pass->n_unsaved = 0;
        pass->saved_ns = now;
    }
    pthread_mutex_unlock(&pass->mutex);
    TRY(code);
    struct save work = {stream, due, n};
    return n ? with_retries(&stream->cancel, save, &work, err) : STATUS_OK;
}

void remember_end(struct split_pass *pass, bool stopped)
{
    struct error ignored = {0};
    struct save work = {pass->stream, pass->unsaved, pass->n_unsaved};
    if (stopped && work.n) /* what can't be saved now is read again */
        (void)!save(&work, 0, &ignored);
    mem_free(pass->unsaved);
    pass->unsaved = NULL;
}
