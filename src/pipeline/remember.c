/* Finished splits are remembered for a run that goes on after this one was killed: plan, segments and what they name are made
 * durable, then a manifest for each is put. To make durable is to wait for the disk, so a thread of its own does it, for all splits
 * that were finished since the last time, every `save_every_ms`. What was finished since then a later run reads again. With 0, or
 * where no thread can be made, whoever finishes a split saves it. */
#include <string.h>

#include "base/clock.h"
#include "pipeline/split_work.h"
#include "thread/thread.h"

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

/* ---- what is saved ---- */

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

/* Later runs look for data files of this one only if it got this far. */
static status_code mark(void *context, unsigned attempt, struct error *err)
{
    struct stream_run *stream = context;
    char name[128];
    snprintf(name, sizeof(name), "%s/may-have-files", stream->staging);
    status_code code = storage_put(stream->storage, name, PUT_IF_ABSENT, "", 0, err);
    TRY(code == STATUS_EXISTS ? STATUS_OK : code);
    return storage_sync(stream->storage, err);
}

/* Save what is on the list. The mutex is held, but not while this works: the list may grow meanwhile. */
static status_code save_list(struct stream_run *stream, struct error *err)
{
    struct saver *saver = &stream->saver;
    struct save due = {stream, mem_alloc(saver->n * sizeof(*due.splits)), saver->n};
    if (!due.splits)
        return error_no_memory(err);
    memcpy(due.splits, saver->splits, due.n * sizeof(*due.splits));
    saver->saved_ns = clock_monotonic_ns();
    saver->saving = true;
    pthread_mutex_unlock(&saver->mutex);
    status_code code = with_retries(&stream->cancel, save, &due, err);
    mem_free(due.splits);
    pthread_mutex_lock(&saver->mutex);
    saver->saving = false;
    (void)pthread_cond_broadcast(&saver->changed);
    if (code == STATUS_OK) {
        saver->n -= due.n;
        memmove(saver->splits, saver->splits + due.n, saver->n * sizeof(*saver->splits));
    }
    return code;
}

/* ---- the thread ---- */

static int64_t next_save_ns(const struct stream_run *stream)
{
    return stream->saver.saved_ns + stream->run->options->save_every_ms * 1000000;
}

/* The mutex is held. */
static void wait_for_splits(struct stream_run *stream)
{
    struct saver *saver = &stream->saver;
    int64_t until_ns = next_save_ns(stream);
    struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    if (saver->n == 0)
        (void)pthread_cond_wait(&saver->changed, &saver->mutex);
    else
        (void)pthread_cond_timedwait(&saver->changed, &saver->mutex, &until);
}

static void *run_saver(void *argument)
{
    struct stream_run *stream = argument;
    struct saver *saver = &stream->saver;
    status_code code = with_retries(&stream->cancel, mark, stream, &saver->err);
    pthread_mutex_lock(&saver->mutex);
    saver->marked = code == STATUS_OK;
    saver->code = code;
    (void)pthread_cond_broadcast(&saver->changed);
    while (code == STATUS_OK && !saver->stop) {
        if (saver->n > 0 && clock_monotonic_ns() >= next_save_ns(stream))
            code = save_list(stream, &saver->err);
        else
            wait_for_splits(stream);
    }
    saver->code = code;
    pthread_mutex_unlock(&saver->mutex);
    return NULL;
}

/* What the thread failed with, if it did. The mutex is held. */
static status_code saver_failure(const struct saver *saver, struct error *err)
{
    if (saver->code != STATUS_OK)
        *err = saver->err;
    return saver->code;
}

static void stop_saver(struct saver *saver)
{
    if (!saver->has_thread)
        return;
    pthread_mutex_lock(&saver->mutex);
    saver->stop = true;
    (void)pthread_cond_broadcast(&saver->changed);
    pthread_mutex_unlock(&saver->mutex);
    thread_join(saver->thread);
    saver->has_thread = false;
}

void saver_init(struct saver *saver)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&saver->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&saver->mutex, NULL);
}

void saver_release(struct saver *saver)
{
    pthread_cond_destroy(&saver->changed);
    pthread_mutex_destroy(&saver->mutex);
}

/* ---- what the steps of a stream say ---- */

/* Before there is a segment: the thread's first sync has but its own mark to wait for. And before a split is saved: whoever begins
 * to save does it for good, the thread or those that finish splits. */
void stream_remember_begin(struct stream_run *stream)
{
    struct saver *saver = &stream->saver;
    pthread_mutex_lock(&saver->mutex);
    if (!saver->begun) {
        saver->begun = true;
        saver->saved_ns = clock_monotonic_ns();
        if (stream->run->options->save_every_ms > 0)
            saver->has_thread = thread_begin(&saver->thread, run_saver, stream);
    }
    pthread_mutex_unlock(&saver->mutex);
}

/* Splits that read next to nothing and left nothing are cheaper to read again than to remember. */
static bool worth_remembering(const struct split_result *result)
{
    return result->rows > 0 || result->rejected > 0 || result->rows_read >= READ_STEP_ROWS;
}

/* The mutex is held. */
static status add_split(struct stream_run *stream, uint32_t split, struct error *err)
{
    struct saver *saver = &stream->saver;
    uint32_t *all = mem_realloc_array(saver->splits, saver->n + 1, sizeof(*saver->splits));
    if (!all)
        return error_no_memory(err);
    saver->splits = all;
    all[saver->n++] = split;
    if (saver->has_thread) {
        (void)pthread_cond_broadcast(&saver->changed);
        return saver_failure(saver, err);
    }
    while (saver->saving)
        (void)pthread_cond_wait(&saver->changed, &saver->mutex);
    bool due = saver->n > 0 && clock_monotonic_ns() >= next_save_ns(stream);
    return due ? save_list(stream, err) : STATUS_OK;
}

status stream_remember(struct stream_run *stream, uint32_t split, struct error *err)
{
    struct saver *saver = &stream->saver;
    if (!worth_remembering(&stream->splits[split]))
        return STATUS_OK;
    stream_remember_begin(stream); /* all its rows may have been rejected */
    pthread_mutex_lock(&saver->mutex);
    status_code code = add_split(stream, split, err);
    pthread_mutex_unlock(&saver->mutex);
    return code;
}

status stream_remember_files(struct stream_run *stream, struct error *err)
{
    struct saver *saver = &stream->saver;
    pthread_mutex_lock(&saver->mutex);
    while (saver->has_thread && !saver->marked && saver->code == STATUS_OK)
        (void)pthread_cond_wait(&saver->changed, &saver->mutex);
    bool marked = saver->marked;
    status_code code = saver_failure(saver, err);
    pthread_mutex_unlock(&saver->mutex);
    if (code != STATUS_OK || marked)
        return code;
    TRY(with_retries(&stream->cancel, mark, stream, err));
    pthread_mutex_lock(&saver->mutex);
    saver->marked = true;
    pthread_mutex_unlock(&saver->mutex);
    return STATUS_OK;
}

static status_code remove_segment(void *context, size_t number, struct error *err)
{
    struct stream_run *stream = context;
    const char *segment = stream->splits[stream->saver.splits[number]].segment;
    struct error ignored = {0};
    if (segment)
        (void)!storage_remove(stream->storage, segment, &ignored); /* later is early enough */
    return STATUS_OK;
}

/* By all workers: the kernel takes its time over the pages of each. */
void stream_remember_no_more(struct stream_run *stream)
{
    struct saver *saver = &stream->saver;
    struct error ignored = {0};
    stop_saver(saver);
    (void)!thread_run_all(saver->n, stream->run->workers, remove_segment, stream, &stream->cancel,
                          &ignored);
    saver->n = 0;
}

void stream_remember_end(struct stream_run *stream, status_code code)
{
    struct saver *saver = &stream->saver;
    struct error ignored = {0};
    stop_saver(saver);
    struct save rest = {stream, saver->splits, saver->n};
    if (code != STATUS_OK && code != STATUS_SNAPSHOT_LOST && rest.n)
        (void)!save(&rest, 0, &ignored); /* what can't be saved now is read again */
    mem_free(saver->splits);
    saver->splits = NULL;
    saver->n = 0;
    saver->begun = saver->stop = saver->marked = false;
    saver->code = STATUS_OK;
}
