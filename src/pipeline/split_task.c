/* One split: its rows go through the chunk into the segment; then it is counted and closed. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pipeline/split_work.h"
#include "json/json.h"

/* ---- reading ---- */

static void count_progress(struct split_work *work, uint64_t rows, uint64_t bytes)
{
    struct run_progress *progress = work->stream->run->progress;
    if (!progress)
        return;
    work->shown_rows += rows;
    work->shown_bytes += bytes;
    atomic_fetch_add_explicit(&progress->rows_done, rows, memory_order_relaxed);
    atomic_fetch_add_explicit(&progress->bytes_read, bytes, memory_order_relaxed);
}

/* A try that failed: its rows will be counted again. */
void split_take_progress_back(const struct split_work *work)
{
    struct run_progress *progress = work->stream->run->progress;
    if (!progress)
        return;
    atomic_fetch_sub_explicit(&progress->rows_done, work->shown_rows, memory_order_relaxed);
    atomic_fetch_sub_explicit(&progress->bytes_read, work->shown_bytes, memory_order_relaxed);
}

static status read_step(struct split_work *work, size_t limit_bytes, bool *drained,
                        struct error *err)
{
    struct stream_run *stream = work->stream;
    const struct source_driver *driver = stream->run->job->source;
    struct batch *chunk = &work->worker->chunk;
    size_t before = chunk->rows;
    uint64_t room = work->chunk_rows - before;
    const struct reader_counts *counts = driver->reader_counts(work->reader);
    uint64_t rows_before = counts->rows, bytes_before = counts->bytes;
    struct pace *pace = &stream->run->pace;
    size_t most_rows = pace_step_rows(&work->step, room < READ_STEP_ROWS ? room : READ_STEP_ROWS);
    size_t most_bytes = pace_step_bytes(pace, batch_bytes(chunk), limit_bytes);

    int64_t started = clock_monotonic_ns();
    status_code code = driver->reader_next(work->reader, chunk, most_rows, most_bytes, err);
    int64_t took = clock_monotonic_ns() - started;
    atomic_fetch_add(&stream->stage_ns[STAGE_READ], took);
    *drained = code == STATUS_END;
    if (code != STATUS_OK && code != STATUS_END)
        return code;
    counts = driver->reader_counts(work->reader);
    count_progress(work, counts->rows - rows_before, counts->bytes - bytes_before);
    pace_step_took(pace, &work->step, counts->rows - rows_before, took);
    TRY(pace_took(pace, counts->bytes - bytes_before, &stream->cancel, err));
    TRY(split_sort_out(work, before, err));
    return cancel_check(&stream->cancel, err);
}

static size_t text_bytes(const struct column *column)
{
    size_t bytes = column->data.size;
    for (size_t i = 0; i < column->n_children; i++)
        bytes += text_bytes(&column->children[i]);
    return bytes;
}

/* The chunk may grow until it fills, with the pages of its largest column beside it, three fifths of the share. Room for texts
 * was planned with the chunk at a third; what its rows show decides. */
static size_t chunk_limit(const struct split_work *work)
{
    const struct stream_run *stream = work->stream;
    const struct batch *chunk = &work->worker->chunk;
    size_t planned = work->room.chunk_bytes, bytes = batch_bytes(chunk), largest = 0, texts = 0;
    /* what is converted stands beside what was read, and its text is longer than the value was */
    if (stream->converts)
        return planned / 2;
    if (stream->spec->n_partitions || stream->needs.copies_rows || work->room.alone || !bytes)
        return planned;
    for (size_t i = 0; i < chunk->schema->n_fields; i++) {
        size_t column = column_bytes(&chunk->columns[i]);
        largest = column > largest ? column : largest;
        texts += text_bytes(&chunk->columns[i]);
    }
    double filled = (double)bytes / ((double)bytes + (double)largest);
    size_t limit = (size_t)((double)work->room.share_bytes * 0.6 * filled);
    if (texts > 0 && limit > planned * bytes / texts)
        limit = planned * bytes / texts;
    if (limit > stream->spec->file_size)
        limit = stream->spec->file_size;
    return limit > planned ? limit : planned;
}

/* Bytes that the chunk may have after the next step: the rows to come may be nothing but texts, whatever those before were. */
static size_t step_limit(const struct split_work *work, size_t limit)
{
    const struct batch *chunk = &work->worker->chunk;
    size_t planned = work->room.chunk_bytes, texts = 0;
    if (limit <= planned)
        return limit;
    for (size_t i = 0; i < chunk->schema->n_fields; i++)
        texts += text_bytes(&chunk->columns[i]);
    size_t least = planned / 8, room = texts + least < planned ? planned - texts : least;
    size_t most = batch_bytes(chunk) + room;
    return most < limit ? most : limit;
}

/* Rows that the chunks of the split should have. Where it takes several, they are of one size: a small last one would have to
 * be encoded again when files are assembled. */
static size_t chunk_rows(const struct split_work *work, size_t limit_bytes)
{
    const struct stream_run *stream = work->stream;
    const struct batch *chunk = &work->worker->chunk;
    uint64_t expected = work->split->rows, bytes = batch_bytes(chunk);
    if (stream->spec->n_partitions || !expected || !chunk->rows || !bytes)
        return stream->row_group_rows;
    uint64_t fit = limit_bytes * chunk->rows / bytes;
    uint64_t chunks = fit ? (expected + fit - 1) / fit : 0;
    if (chunks < 2)
        return stream->row_group_rows;
    uint64_t each = expected / chunks;
    each += each / 64 + 1; /* the estimates are not exact */
    return each < stream->row_group_rows ? each : stream->row_group_rows;
}

/* Bytes of a row: as columns, texts aside, or in the source, whichever is more. */
static uint64_t row_bytes(const struct split_work *work)
{
    const struct read_plan *plan = &work->stream->plan;
    const struct batch *chunk = &work->worker->chunk;
    uint64_t columns = 0, source = plan->rows ? plan->bytes / plan->rows : 0;
    for (size_t i = 0; i < chunk->schema->n_fields; i++) {
        size_t width = chunk->columns[i].value_bytes;
        columns += width > sizeof(int64_t) ? width : sizeof(int64_t);
    }
    return columns > source ? columns : source + 1;
}

/* Buffers that grow step by step are copied from one to the next, and touch the memory of all of them. A split that about fits the
 * chunk as a whole has all its room at once; of larger ones the first rows tell how many the chunk will have. */
static status reserve_chunk(const struct split_work *work, struct error *err)
{
    uint64_t expected = work->split->rows, most = work->room.chunk_bytes / row_bytes(work);
    /* the estimate is not exact, and a reader asks for a whole step */
    uint64_t rows = expected + expected / 64 + READ_STEP_ROWS;
    if (expected == 0 || expected > work->stream->row_group_rows || rows > most + most / 4 ||
        work->worker->outgrew_region)
        return STATUS_OK;
    return batch_reserve_together(&work->worker->chunk, rows, err);
}

static status read_all(struct split_work *work, struct error *err)
{
    size_t limit = chunk_limit(work);
    struct batch *chunk = &work->worker->chunk;
    TRY(reserve_chunk(work, err));
    work->chunk_rows = work->stream->row_group_rows;
    for (bool drained = false; !drained;) {
        TRY(read_step(work, step_limit(work, limit), &drained, err));
        limit = chunk_limit(work);
        work->chunk_rows = chunk_rows(work, limit);
        if (chunk->rows >= work->chunk_rows || batch_bytes(chunk) >= limit)
            TRY(split_write_chunk(work, err));
    }
    return split_write_chunk(work, err);
}

/* ---- rejects ---- */

static status_code add_reject(void *context, const char *json, size_t size, struct error *err)
{
    struct split_work *work = context;
    struct storage *storage = work->stream->storage;
    if (!work->rejects) {
        work->result.rejects =
            arena_printf(&work->result.arena, "%s/split-%05u-%u.rejects", work->stream->staging,
                         work->split->number, work->attempt);
        if (!work->result.rejects)
            return error_no_memory(err);
        TRY(storage_put_begin(storage, work->result.rejects, PUT_IF_ABSENT, &work->rejects, err));
    }
    TRY(storage_put_write(storage, work->rejects, json, size, err));
    TRY(storage_put_write(storage, work->rejects, "\n", 1, err));
    work->result.reject_bytes += size + 1;
    return STATUS_OK;
}

/* ---- finishing ---- */

static status take_counts(struct split_work *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    const struct reader_counts *counts = stream->run->job->source->reader_counts(work->reader);
    struct split_result *result = &work->result;
    size_t n = stream->plan.schema.n_fields;
    result->rows_read = counts->rows;
    result->rejected = counts->rejected;
    result->bytes_read = counts->bytes;
    result->policy = mem_zalloc((n + 1) * sizeof(*result->policy));
    if (!result->policy)
        return error_no_memory(err);
    if (counts->policy)
        memcpy(result->policy, counts->policy, n * sizeof(*result->policy));
    unsigned long long told =
        (unsigned long long)result->rows + result->known + result->skipped + result->rejected;
    if (result->rows_read != told)
        return error_set(err, STATUS_BUG, "split %u read %llu rows but accounts for %llu",
                         work->split->number, (unsigned long long)result->rows_read, told);
    return STATUS_OK;
}

static status finish_split(struct split_work *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    TRY(take_counts(work, err));
    TRY(segment_finish(&work->writer, &stream->keys, work->result.keys, &work->result, err));
    if (work->rejects)
        TRY(storage_put_commit(stream->storage, TAKE(work->rejects), err));
    TRY(stream_take_keys(stream, work->split->number, &work->result, err));
    work->result.done = true;
    return STATUS_OK;
}

static status finish_split_timed(struct split_work *work, struct error *err)
{
    int64_t started = clock_monotonic_ns();
    status_code code = finish_split(work, err);
    atomic_fetch_add(&work->stream->stage_ns[STAGE_ENCODE], clock_monotonic_ns() - started);
    return code;
}

status split_read(struct split_work *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    const struct run_context *run = stream->run;
    struct reader_options options = {
        .cancel = &stream->cancel, .reject = add_reject, .reject_context = work};
    options.max_value_bytes = budget_limit(run->budget) / 3;
    work->writer.storage = stream->storage;
    work->writer.name = arena_printf(&work->result.arena, "%s/split-%05u-%u.seg", stream->staging,
                                     work->split->number, work->attempt);
    if (!work->writer.name)
        return error_no_memory(err);
    TRY(partition_keys_new(stream->partitioner, &work->result.keys, err));
    TRY(run->job->source->reader_open(run->source, &stream->plan, &stream->request, work->split,
                                      &options, &work->reader, err));
    TRY(read_all(work, err));
    return finish_split_timed(work, err);
}
