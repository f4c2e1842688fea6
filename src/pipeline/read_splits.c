/* Step 3: read, decode, partition, encode: one task a split, its result one segment and one manifest.
 *
 *   reader -> chunk (columns, at most a row group) -> groups by partition -> pieces -> segment
 *
 * A task holds one reservation of the memory budget from its first row to its manifest: its share. When the chunk has used its
 * part of the share, or has the rows of a row group, it is written out and reused; so a task never waits for memory while it
 * holds some. Of its share
 *
 *   without partitions   three fifths are the chunk, and beside it the pages of its largest column: they go to the segment
 *                        column by column; a third is the chunk at least
 *   with partitions      three eighths are the chunk, as much its rows in the order of their partitions; of large partitions
 *                        an eighth at a time is encoded
 *   both                 a twelfth is the largest value: as the source gives it, in the chunk, and in a page
 *   sort_by              a quarter, and five sixteenths: what is encoded then stands there twice
 *
 * A larger value ends the task with NO_MEMORY. It gives its share back, waits for the whole budget and is done again alone:
 * then a row may be two fifths of the budget, and is encoded as soon as it is read. */
#include <string.h>

#include "pipeline/split_work.h"

enum { ALONE_ATTEMPT = 100 }; /* tries with the whole budget: names of their objects begin here */
static const uint64_t KEEP_PLAIN_BYTES = 16 << 20;
/* Alone: a chunk is no larger before a large row is added to it. */
static const uint64_t ALONE_CHUNK_BYTES = 2 << 20;

struct split_try {
    struct split_pass *pass;
    size_t number;
    struct split_room room;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void plan_room(const struct stream_run *stream, uint64_t share_bytes, bool alone,
                      struct split_room *out)
{
    uint64_t target = stream->spec->file_size; /* a row group should not be larger than a file */
    *out = (struct split_room){.share_bytes = share_bytes, .alone = alone};
    out->slice_bytes = smaller(share_bytes / 8, target);
    out->keep_bytes = smaller(out->slice_bytes, KEEP_PLAIN_BYTES);
    out->group_bytes = target;
    bool sorts = stream->needs.copies_rows; /* what is encoded then stands there twice */
    out->chunk_bytes = stream->spec->n_partitions ? share_bytes / 16 * (sorts ? 5 : 6)
                                                  : smaller(share_bytes / (sorts ? 4 : 3), target);
    out->value_bytes = share_bytes / 12;
    out->data_bytes = out->chunk_bytes + out->chunk_bytes / 2 + out->value_bytes;
    if (alone) {
        out->chunk_bytes = smaller(ALONE_CHUNK_BYTES, target);
        out->value_bytes = SIZE_MAX; /* the reader knows the limit, and says it */
        out->data_bytes = share_bytes / 100 * (sorts ? 30 : 46);
    }
}

static status_code split_once(void *context, unsigned attempt, struct error *err)
{
    const struct split_try *try = context;
    struct stream_run *stream = try->pass->stream;
    struct split_work work = {.pass = try->pass,
                              .stream = stream,
                              .split = &stream->plan.splits[try->number],
                              .room = try->room,
                              .attempt = attempt + (try->room.alone ? ALONE_ATTEMPT : 0)};
    TRY(worker_take(try->pass, work.room.share_bytes, &work.worker, err));
    status_code code = worker_begin(work.worker, &work.room, err);
    if (code == STATUS_OK)
        code = split_read(&work, err);
    pace_step_end(&stream->run->pace, &work.step);
    stream->run->job->source->reader_close(work.reader);
    worker_give_back(try->pass, work.worker);
    segment_abort(&work.writer);
    mem_free(work.wanted);
    if (work.rejects)
        storage_put_abort(stream->storage, work.rejects);
    if (code == STATUS_OK) {
        stream->splits[try->number] = work.result;
        return STATUS_OK;
    }
    split_take_progress_back(&work);
    known_rows_give_back(&stream->known, &work.result.used);
    split_result_release(&work.result);
    return code;
}

static status try_split(struct split_try *try, bool alone, struct error *err)
{
    struct stream_run *stream = try->pass->stream;
    struct budget *budget = stream->run->budget;
    uint64_t share_bytes = alone ? stream_task_bytes(stream) : guard_share_bytes(&try->pass->guard);
    TRY(budget_wait(budget, share_bytes, &stream->cancel, err));
    if (alone)
        workers_free(try->pass); /* what they keep is part of the budget that is all ours now */
    plan_room(stream, share_bytes, alone, &try->room);
    status_code code = with_retries(&stream->cancel, split_once, try, err);
    if (alone)
        workers_free(try->pass);
    budget_return(budget, share_bytes);
    return code;
}

/* A split that may be kept under another snapshot is, by this run or a later one, if this snapshot and its locks still stand. */
static status prove_and_remember(struct stream_run *stream, size_t number, struct error *err)
{
    const struct source_driver *driver = stream->run->job->source;
    struct error why = {0};
    if (!stream->plan.splits[number].complete_below || !driver->plan_holds)
        return stream_remember(stream, (uint32_t)number, err);
    status_code code = driver->plan_holds(stream->run->source, &stream->plan, &why);
    stream->splits[number].proven = code == STATUS_OK;
    if (code == STATUS_SNAPSHOT_LOST) {
        *err = why; /* what the others read is in vain */
        return code;
    }
    return code == STATUS_OK ? stream_remember(stream, (uint32_t)number, err) : STATUS_OK;
}

static status_code split_task(void *context, size_t number, struct error *err)
{
    struct split_try try = {.pass = context, .number = number};
    struct stream_run *stream = try.pass->stream;
    pthread_mutex_lock(&try.pass->mutex);
    try.pass->n_begun++;
    pthread_mutex_unlock(&try.pass->mutex);
    if (stream->splits[number].done) /* a dead run's, kept */
        return stream_append_ahead(stream, (uint32_t)number, err);
    status_code code = try_split(&try, false, err);
    if (code == STATUS_NO_MEMORY && !try.room.alone) {
        *err = (struct error){0};
        code = try_split(&try, true, err);
    }
    if (code == STATUS_OK)
        code = prove_and_remember(stream, number, err);
    if (code == STATUS_OK)
        return stream_append_ahead(stream, (uint32_t)number, err);
    if (code == STATUS_CANCELLED)
        return code;
    if (strstr(err->text, ", split ")) /* the reader has said it */
        return code;
    return error_context(err, "in %s, split %zu of %zu (%s)", stream->plan.relation, number + 1,
                         stream->plan.n_splits, stream->plan.splits[number].text);
}

static unsigned steer(void *context, unsigned running)
{
    struct split_pass *pass = context;
    return guard_steer(&pass->guard, running);
}

status stream_read_splits(struct stream_run *stream, struct error *err)
{
    struct run_context *run = stream->run;
    size_t n = stream->plan.n_splits;
    struct split_pass pass = {.stream = stream};
    pthread_mutex_init(&pass.mutex, NULL);
    guard_begin(&pass.guard, stream);
    status_code code =
        guard_steers(&pass.guard)
            ? thread_run_steered(n, split_task, steer, &pass, &stream->cancel, err)
            : thread_run_all(n, pass.guard.climb.readers, split_task, &pass, &stream->cancel, err);
    guard_end(&pass.guard);
    workers_free(&pass);
    pthread_mutex_destroy(&pass.mutex);
    if (code != STATUS_OK || !run->job->source->plan_holds)
        return code;
    return run->job->source->plan_holds(run->source, &stream->plan, err);
}
