/* Step 3: read, decode, partition, encode: one task a split, its result one segment and one manifest.
 *
 *   reader -> chunk (columns, at most a row group) -> groups by partition -> pieces -> segment
 *
 * A task holds one reservation of the memory budget from its first row to its manifest: its share. When the chunk has used its
 * part of the share, or has the rows of a row group, it is written out and reused; so a task never waits for memory while it
 * holds some. Of its share
 *
 *   without partitions   a third is the chunk, a third the row group that it becomes
 *   with partitions      three eighths are the chunk, as much its rows in the order of their partitions; of large partitions
 *                        an eighth at a time is encoded
 *   both                 a twelfth is the largest value: as the source gives it, in the chunk, and in a page
 *
 * A larger value ends the task with NO_MEMORY. It gives its share back, waits for the whole budget and is done again alone:
 * then a row may be two fifths of the budget, and is encoded as soon as it is read. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pipeline/stream.h"
#include "json/json.h"

enum {
    READ_STEP_ROWS = 16384,
    KEEP_ROWS = 62500, /* row groups of so many rows, or so many bytes, stay as they are */
    MAX_TIES = 1000000,
    ALONE_ATTEMPT = 100, /* tries with the whole budget are numbered from here: names of objects */
};
static const uint64_t KEEP_PLAIN_BYTES = 16 << 20;
/* Alone: a chunk is no larger before a large row is added to it. */
static const uint64_t ALONE_CHUNK_BYTES = 2 << 20;

/* What a thread keeps from split to split. */
struct worker {
    struct worker *next;
    struct batch chunk;    /* of plan.schema */
    struct data_room room; /* of the chunk's texts */
    struct carried_rows carried;
    struct batch gathered; /* of data_schema: the chunk by partition */
    struct encoder *encoder;
    struct partition_groups groups;
    struct row_group group;
    struct column *view; /* data_schema.n_fields */
};

struct split_pass {
    struct stream_run *stream;
    pthread_mutex_t mutex;
    struct worker *idle;
    uint64_t share_bytes;
};

/* What of the budget a task may use, and for what. */
struct split_room {
    uint64_t share_bytes;
    bool alone;
    uint64_t chunk_bytes; /* the chunk is written out once it is so large */
    uint64_t data_bytes;  /* memory of its texts */
    uint64_t value_bytes; /* the largest of them */
    uint64_t keep_bytes;  /* rows of a partition that take as much become a row group ... */
    uint64_t
        slice_bytes; /* ... or several, each of so many bytes, where they have to be gathered */
    uint64_t group_bytes; /* no row group is larger: a file's size */
};

struct split_work {
    struct split_pass *pass;
    struct stream_run *stream;
    struct worker *worker;
    struct split_room room;
    const struct split *split;
    struct reader *reader;
    struct segment_writer writer;
    struct split_result result;
    struct upload *rejects;
    size_t checked_rows; /* rows of the chunk whose key was looked at */
    size_t ties_capacity, used_capacity;
    unsigned attempt;
    uint64_t shown_rows, shown_bytes; /* what the progress display counts of this try */
    uint8_t *wanted;                  /* --partitions: worked out for keys below n_wanted */
    size_t n_wanted;
};

/* ---- workers ---- */

static void worker_free(struct worker *worker, const struct format_driver *format)
{
    batch_release(&worker->chunk);
    carried_rows_release(&worker->carried);
    batch_release(&worker->gathered);
    if (worker->encoder)
        format->encoder_free(worker->encoder);
    partition_groups_release(&worker->groups);
    row_group_release(&worker->group);
    mem_free(worker->view);
    mem_free(worker);
}

static status worker_init(struct worker *worker, struct stream_run *stream, struct error *err)
{
    TRY(batch_init(&worker->chunk, &stream->plan.schema, err));
    TRY(carried_rows_init(stream, &worker->carried, err));
    TRY(batch_init(&worker->gathered, &stream->data_schema, err));
    TRY(stream->spec->format->encoder_new(&stream->data_schema, &stream->spec->format_options,
                                          &worker->encoder, err));
    worker->view = mem_zalloc(stream->data_schema.n_fields * sizeof(*worker->view));
    return worker->view ? STATUS_OK : error_no_memory(err);
}

static status renew(struct batch *batch, struct error *err)
{
    const struct schema *schema = batch->schema;
    batch_release(batch);
    return batch_init(batch, schema, err);
}

/* Ready for the next chunk. Memory that texts needed is not kept where it would be in the way of other columns' texts. */
static status worker_empty(struct worker *worker, const struct split_room *room, struct error *err)
{
    uint64_t grown = room->data_bytes - worker->room.left;
    batch_clear(&worker->chunk);
    batch_clear(&worker->gathered);
    row_group_release(&worker->group);
    if (grown > room->chunk_bytes / 2) {
        TRY(renew(&worker->chunk, err));
        TRY(renew(&worker->gathered, err));
        worker->room.left = room->data_bytes;
        batch_limit_data(&worker->chunk, &worker->room);
    }
    return STATUS_OK;
}

/* A worker that has done splits keeps its chunk; one never comes from a share to the whole budget or back. */
static void worker_begin(struct worker *worker, const struct split_room *room)
{
    if (worker->room.most)
        return;
    worker->room = (struct data_room){.left = room->data_bytes, .most = room->value_bytes};
    batch_limit_data(&worker->chunk, &worker->room);
}

static status worker_take(struct split_pass *pass, struct worker **out, struct error *err)
{
    pthread_mutex_lock(&pass->mutex);
    struct worker *worker = pass->idle;
    if (worker)
        pass->idle = worker->next;
    pthread_mutex_unlock(&pass->mutex);
    if (worker) {
        *out = worker;
        return STATUS_OK;
    }
    worker = mem_zalloc(sizeof(*worker));
    if (!worker)
        return error_no_memory(err);
    status_code code = worker_init(worker, pass->stream, err);
    if (code != STATUS_OK) {
        worker_free(worker, pass->stream->spec->format);
        return code;
    }
    *out = worker;
    return STATUS_OK;
}

static void worker_give_back(struct split_pass *pass, struct worker *worker)
{
    batch_clear(&worker->chunk);
    batch_clear(&worker->gathered);
    pthread_mutex_lock(&pass->mutex);
    worker->next = pass->idle;
    pass->idle = worker;
    pthread_mutex_unlock(&pass->mutex);
}

static void free_idle(struct split_pass *pass)
{
    pthread_mutex_lock(&pass->mutex);
    struct worker *worker = pass->idle;
    pass->idle = NULL;
    pthread_mutex_unlock(&pass->mutex);
    while (worker) {
        struct worker *next = worker->next;
        worker_free(worker, pass->stream->spec->format);
        worker = next;
    }
}

/* ---- rows equal to the watermark ---- */

static status add_digest(struct tie_digests *ties, size_t *capacity, const struct digest *digest,
                         struct error *err)
{
    if (ties->n == MAX_TIES)
        return error_set(
            err, STATUS_BAD_DATA,
            "more than %d rows share one value of the update_key, which can't tell new "
            "rows from old ones then; choose a finer column",
            MAX_TIES);
    if (ties->n == *capacity) {
        size_t grown = *capacity ? *capacity * 2 : 16;
        struct digest *items = mem_realloc_array(ties->items, grown, sizeof(*items));
        if (!items)
            return error_no_memory(err);
        ties->items = items;
        *capacity = grown;
    }
    ties->items[ties->n++] = *digest;
    return STATUS_OK;
}

static bool key_equals(const struct column *column, size_t row, const struct scalar *value)
{
    struct scalar at;
    if (value->is_null || column_is_null(column, row))
        return false;
    scalar_from_column(&at, column, row);
    return at.i64 == value->i64;
}

/* Rows of 8-byte keys that equal VALUE are rare: look for them without making scalars. */
static size_t next_equal(const struct column *column, size_t row, size_t end,
                         const struct scalar *value)
{
    if (value->is_null)
        return end;
    if (type_value_bytes(column->field->type) == 8) {
        const int64_t *values = (const int64_t *)(const void *)column->values.data;
        while (row < end && (values[row] != value->i64 || column_is_null(column, row)))
            row++;
        return row;
    }
    while (row < end && !key_equals(column, row, value))
        row++;
    return row;
}

/* Note digests of rows at the new bound; find rows at the old one that the table has. */
static status look_at_ties(struct split_work *work, size_t first, uint32_t *drop, size_t *n_drop,
                           struct error *err)
{
    struct stream_run *stream = work->stream;
    struct batch *chunk = &work->worker->chunk;
    const struct column *key = &chunk->columns[stream->plan.update_key];
    const struct scalar *bound = &stream->plan.bound;
    struct digest digest;
    for (size_t row = next_equal(key, first, chunk->rows, bound); row < chunk->rows;
         row = next_equal(key, row + 1, chunk->rows, bound)) {
        TRY(batch_digest(chunk, row, 1, &digest, err));
        TRY(add_digest(&work->result.ties, &work->ties_capacity, &digest, err));
    }
    if (!stream->known.ties)
        return STATUS_OK;
    for (size_t row = next_equal(key, first, chunk->rows, &stream->lower); row < chunk->rows;
         row = next_equal(key, row + 1, chunk->rows, &stream->lower)) {
        TRY(batch_digest(chunk, row, 1, &digest, err));
        if (!known_rows_take(&stream->known, &digest))
            continue;
        drop[(*n_drop)++] = (uint32_t)row;
        TRY(add_digest(&work->result.used, &work->used_capacity, &digest, err));
    }
    return STATUS_OK;
}

/* Take the rows DROP[0..n) (ascending) out of the chunk. Rare and small: by way of a second batch. */
static status drop_rows(struct batch *chunk, const uint32_t *drop, size_t n, struct error *err)
{
    SCOPED(batch_release) struct batch kept = {0};
    size_t from = drop[0];
    TRY(batch_init(&kept, chunk->schema, err));
    for (size_t i = 0; i < n; i++) {
        size_t next = i + 1 < n ? drop[i + 1] : chunk->rows;
        if (next > drop[i] + 1)
            TRY(batch_append_range(&kept, chunk, drop[i] + 1, next - drop[i] - 1, err));
    }
    batch_truncate(chunk, from);
    return kept.rows ? batch_append_range(chunk, &kept, 0, kept.rows, err) : STATUS_OK;
}

/* A run of given partitions loads again what the watermark says is in the table, and nothing beyond: rows above it, and rows
 * equal to it that no run has loaded yet, are the next incremental run's. */
static status look_beyond_watermark(struct split_work *work, size_t first, uint32_t *drop,
                                    size_t *n_drop, struct error *err)
{
    struct stream_run *stream = work->stream;
    struct batch *chunk = &work->worker->chunk;
    const struct column *key = &chunk->columns[stream->plan.update_key];
    bool fence = stream->state.record.watermark_is_fence;
    for (size_t row = first; row < chunk->rows; row++) {
        struct scalar at;
        struct digest digest;
        scalar_from_column(&at, key, row);
        if (at.is_null || at.i64 < stream->lower.i64)
            continue;
        if (at.i64 == stream->lower.i64 && !fence && stream->known.ties) {
            TRY(batch_digest(chunk, row, 1, &digest, err));
            if (known_rows_take(&stream->known, &digest)) {
                TRY(add_digest(&work->result.used, &work->used_capacity, &digest, err));
                continue;
            }
        }
        drop[(*n_drop)++] = (uint32_t)row;
    }
    return STATUS_OK;
}

/* Sort out the rows [first, ...) of the chunk by what the watermark says of them. */
static status handle_watermark(struct split_work *work, size_t first, struct error *err)
{
    struct stream_run *stream = work->stream;
    struct batch *chunk = &work->worker->chunk;
    bool only_listed = stream->partial && !stream->lower.is_null;
    if (stream->plan.update_key == SIZE_MAX || first == chunk->rows)
        return STATUS_OK;
    if (stream->partial ? !only_listed : stream->plan.bound_is_fence)
        return STATUS_OK;
    SCOPED(mem_freep) uint32_t *drop = mem_alloc((chunk->rows - first) * sizeof(*drop));
    size_t n_drop = 0;
    if (!drop)
        return error_no_memory(err);
    if (only_listed) {
        TRY(look_beyond_watermark(work, first, drop, &n_drop, err));
        work->result.skipped += n_drop;
    } else {
        TRY(look_at_ties(work, first, drop, &n_drop, err));
        work->result.known += n_drop;
    }
    return n_drop ? drop_rows(chunk, drop, n_drop, err) : STATUS_OK;
}

/* ---- writing the chunk ---- */

/* How large the rows of a chunk are. */
struct row_measure {
    uint64_t fixed_bytes; /* of a row, values of text and binary columns aside */
    uint64_t row_bytes;   /* on average, all of it */
    bool exact;           /* a few rows may hold what would be a row group: look at each */
};

static void measure_rows(const struct split_work *work, const struct batch *rows,
                         struct row_measure *out)
{
    uint64_t bytes = batch_bytes(rows), data = 0;
    for (size_t i = 0; i < rows->schema->n_fields; i++)
        data += rows->columns[i].data.size;
    *out = (struct row_measure){.exact = data >= work->room.keep_bytes};
    if (rows->rows) {
        out->fixed_bytes = (bytes - data) / rows->rows + 1;
        out->row_bytes = bytes / rows->rows + 1;
    }
}

static uint64_t bytes_of(const struct row_measure *measure, const struct batch *rows,
                         const uint32_t *order, size_t n)
{
    if (!measure->exact)
        return n * measure->row_bytes;
    return n * measure->fixed_bytes + batch_data_bytes(rows, order, n);
}

/* As many rows as make a slice; at least one. */
static size_t slice_rows(const struct row_measure *measure, const struct batch *rows,
                         const uint32_t *order, size_t n, uint64_t slice_bytes)
{
    uint64_t bytes = 0;
    if (bytes_of(measure, rows, order, n) <= slice_bytes)
        return n;
    for (size_t i = 0; i < n; i++) {
        bytes += bytes_of(measure, rows, &order[i], 1);
        if (i > 0 && bytes > slice_bytes)
            return i;
    }
    return n;
}

/* Rows that lie side by side, as a single large one does, are encoded where they are. */
static status emit_row_group(struct split_work *work, const struct batch *rows, uint32_t key,
                             const uint32_t *order, size_t n, struct error *err)
{
    struct worker *worker = work->worker;
    const struct format_driver *format = work->stream->spec->format;
    row_group_release(&worker->group);
    if (order[n - 1] - order[0] == n - 1) {
        TRY(format->encode(worker->encoder, rows, order[0], n, &worker->group, err));
    } else {
        batch_clear(&worker->gathered);
        TRY(batch_gather(&worker->gathered, rows, order, n, err));
        TRY(format->encode(worker->encoder, &worker->gathered, 0, n, &worker->group, err));
    }
    return segment_add_row_group(&work->writer, key, &worker->group, err);
}

static status emit_group(struct split_work *work, const struct batch *rows,
                         const struct row_measure *measure, const struct partition_group *group,
                         struct error *err)
{
    struct worker *worker = work->worker;
    const uint32_t *order = worker->groups.order + group->first;
    bool whole = worker->groups.n_groups == 1 && !work->room.alone;
    uint64_t slice_bytes = whole ? work->room.group_bytes : work->room.slice_bytes;
    for (size_t at = 0, n; at < group->rows; at += n) {
        n = group->rows - at;
        n = slice_rows(measure, rows, order + at, n, slice_bytes);
        bool keep = n >= KEEP_ROWS || n >= work->stream->row_group_rows ||
                    bytes_of(measure, rows, order + at, n) >= work->room.keep_bytes;
        if (keep)
            TRY(emit_row_group(work, rows, group->key, order + at, n, err));
        else
            TRY(segment_add_rows(&work->writer, group->key, rows, order + at, n, err));
    }
    return STATUS_OK;
}

/* ---- --partitions: only the rows of given partitions ---- */

static status find_wanted(struct split_work *work, struct error *err)
{
    size_t n = partition_keys_count(work->result.keys);
    uint8_t *wanted = mem_realloc(work->wanted, n + 1);
    if (!wanted)
        return error_no_memory(err);
    work->wanted = wanted;
    struct arena arena = {0};
    for (; work->n_wanted < n; work->n_wanted++) {
        struct scalar value;
        partition_keys_value(work->result.keys, (uint32_t)work->n_wanted, 0, &value);
        const char *text = value.is_null ? "NULL" : partition_value_text(&value, &arena);
        wanted[work->n_wanted] = partition_is_given(work->stream, text);
    }
    arena_release(&arena);
    return STATUS_OK;
}

static status emit_groups(struct split_work *work, const struct batch *rows, struct error *err)
{
    struct partition_groups *groups = &work->worker->groups;
    bool some = work->stream->run->options->partitions != NULL;
    struct row_measure measure;
    measure_rows(work, rows, &measure);
    if (some)
        TRY(find_wanted(work, err));
    for (size_t i = 0; i < groups->n_groups; i++) {
        const struct partition_group *group = &groups->groups[i];
        if (some && !work->wanted[group->key]) {
            work->result.skipped += group->rows;
            continue;
        }
        TRY(emit_group(work, rows, &measure, group, err));
        work->result.rows += group->rows;
    }
    return STATUS_OK;
}

/* The rows of each partition side by side: column by column a chunk's values come out of the processor's cache, which they
 * do not where each of thousands of partitions takes its few rows out of all columns. */
static status order_rows(struct worker *worker, const struct batch *rows, struct error *err)
{
    batch_clear(&worker->gathered);
    TRY(batch_gather(&worker->gathered, rows, worker->groups.order, rows->rows, err));
    for (size_t i = 0; i < rows->rows; i++)
        worker->groups.order[i] = (uint32_t)i;
    return STATUS_OK;
}

static status write_chunk(struct split_work *work, struct error *err)
{
    struct worker *worker = work->worker;
    struct stream_run *stream = work->stream;
    struct batch carried, rows;
    TRY(stream_carry(stream, &worker->chunk, &worker->carried, &carried, err));
    TRY(partition_group(stream->partitioner, work->result.keys, &carried, &worker->groups, err));
    batch_view(&carried, &stream->data_schema, stream->data_pick, worker->view, &rows);
    if (worker->groups.n_groups > 1 && !work->room.alone) {
        TRY(order_rows(worker, &rows, err));
        TRY(emit_groups(work, &worker->gathered, err));
    } else {
        TRY(emit_groups(work, &rows, err));
    }
    return worker_empty(worker, &work->room, err);
}

static status flush_chunk(struct split_work *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    if (work->worker->chunk.rows == 0)
        return STATUS_OK;
    TRY(gate_enter(stream->run->encode_gate, &stream->cancel, err));
    int64_t started = clock_monotonic_ns();
    status_code code = write_chunk(work, err);
    atomic_fetch_add(&stream->stage_ns[STAGE_ENCODE], clock_monotonic_ns() - started);
    gate_leave(stream->run->encode_gate);
    return code;
}

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
static void take_progress_back(const struct split_work *work)
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
    uint64_t room = stream->row_group_rows - before;
    const struct reader_counts *counts = driver->reader_counts(work->reader);
    uint64_t rows_before = counts->rows, bytes_before = counts->bytes;

    int64_t started = clock_monotonic_ns();
    status_code code = driver->reader_next(
        work->reader, chunk, room < READ_STEP_ROWS ? room : READ_STEP_ROWS, limit_bytes, err);
    atomic_fetch_add(&stream->stage_ns[STAGE_READ], clock_monotonic_ns() - started);
    *drained = code == STATUS_END;
    if (code != STATUS_OK && code != STATUS_END)
        return code;
    counts = driver->reader_counts(work->reader);
    count_progress(work, counts->rows - rows_before, counts->bytes - bytes_before);
    TRY(handle_watermark(work, before, err));
    return cancel_check(&stream->cancel, err);
}

static status read_all(struct split_work *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    /* what is converted stands beside what was read, and its text is longer than the value was */
    size_t limit = work->room.chunk_bytes / (stream->converts ? 2 : 1);
    for (bool drained = false; !drained;) {
        TRY(read_step(work, limit, &drained, err));
        struct batch *chunk = &work->worker->chunk;
        if (chunk->rows >= stream->row_group_rows || batch_bytes(chunk) >= limit)
            TRY(flush_chunk(work, err));
    }
    return flush_chunk(work, err);
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
    if (result->rows_read != result->rows + result->known + result->skipped + result->rejected)
        return error_set(err, STATUS_BUG, "split %u read %llu rows but accounts for %llu",
                         work->split->number, (unsigned long long)result->rows_read,
                         (unsigned long long)(result->rows + result->known + result->skipped +
                                              result->rejected));
    return STATUS_OK;
}

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

static status finish_split(struct split_work *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    TRY(take_counts(work, err));
    TRY(segment_finish(&work->writer, &stream->keys, work->result.keys, &work->result, err));
    if (work->rejects)
        TRY(storage_put_commit(stream->storage, TAKE(work->rejects), err));
    TRY(stream_take_keys(stream, &work->result, err));
    work->result.done = true;
    if (!worth_remembering(&work->result))
        return STATUS_OK;
    TRY(stream_write_plan_once(stream, err));
    TRY(storage_sync(stream->storage, err)); /* plan and segment, before anything names them */
    return stream_put_manifest(stream, work->split->number, &work->result, err);
}

static status finish_split_timed(struct split_work *work, struct error *err)
{
    int64_t started = clock_monotonic_ns();
    status_code code = finish_split(work, err);
    atomic_fetch_add(&work->stream->stage_ns[STAGE_ENCODE], clock_monotonic_ns() - started);
    return code;
}

static status work_split(struct split_work *work, struct error *err)
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
    out->chunk_bytes =
        stream->spec->n_partitions ? share_bytes / 8 * 3 : smaller(share_bytes / 3, target);
    out->value_bytes = share_bytes / 12;
    out->data_bytes = out->chunk_bytes + out->chunk_bytes / 2 + out->value_bytes;
    if (alone) {
        out->chunk_bytes = smaller(ALONE_CHUNK_BYTES, target);
        out->value_bytes = SIZE_MAX; /* the reader knows the limit, and says it */
        out->data_bytes = share_bytes / 100 * 42;
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
    TRY(worker_take(try->pass, &work.worker, err));
    worker_begin(work.worker, &work.room);
    status_code code = work_split(&work, err);
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
    take_progress_back(&work);
    known_rows_give_back(&stream->known, &work.result.used);
    split_result_release(&work.result);
    return code;
}

static status try_split(struct split_try *try, bool alone, struct error *err)
{
    struct stream_run *stream = try->pass->stream;
    struct budget *budget = stream->run->budget;
    uint64_t share_bytes = alone ? budget_limit(budget) : try->pass->share_bytes;
    TRY(budget_wait(budget, share_bytes, &stream->cancel, err));
    if (alone)
        free_idle(try->pass); /* what they keep is part of the budget that is all ours now */
    plan_room(stream, share_bytes, alone, &try->room);
    status_code code = with_retries(&stream->cancel, split_once, try, err);
    if (alone)
        free_idle(try->pass);
    budget_return(budget, share_bytes);
    return code;
}

static status_code split_task(void *context, size_t number, struct error *err)
{
    struct split_try try = {.pass = context, .number = number};
    struct stream_run *stream = try.pass->stream;
    if (stream->splits[number].done)
        return STATUS_OK; /* a dead run's, kept */
    status_code code = try_split(&try, false, err);
    if (code == STATUS_NO_MEMORY && !try.room.alone) {
        *err = (struct error){0};
        code = try_split(&try, true, err);
    }
    if (code == STATUS_OK || code == STATUS_CANCELLED)
        return code;
    if (strstr(err->text, ", split ")) /* the reader has said it */
        return code;
    return error_context(err, "in %s, split %zu of %zu (%s)", stream->plan.relation, number + 1,
                         stream->plan.n_splits, stream->plan.splits[number].text);
}

status stream_read_splits(struct stream_run *stream, struct error *err)
{
    struct run_context *run = stream->run;
    unsigned threads = run->readers;
    if (threads > stream->plan.max_readers && stream->plan.max_readers)
        threads = stream->plan.max_readers;
    if (threads > stream->plan.n_splits && stream->plan.n_splits)
        threads = (unsigned)stream->plan.n_splits;
    struct split_pass pass = {.stream = stream};
    pass.share_bytes = stream_share_bytes(stream, &threads);
    pthread_mutex_init(&pass.mutex, NULL);
    status_code code =
        thread_run_all(stream->plan.n_splits, threads, split_task, &pass, &stream->cancel, err);
    free_idle(&pass);
    pthread_mutex_destroy(&pass.mutex);
    return code;
}
