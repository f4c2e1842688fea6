/* A chunk becomes row groups and pieces of the split's segment, by partition. */
#include "base/clock.h"
#include "pipeline/split_work.h"

/* Row groups of so many rows stay as they are, and those of keep_bytes. The few splits that were cut short stay whole, too: what
 * they save at the end would go into encoding them again. */
enum { KEEP_ROWS = 62500, KEEP_SHORT_ROWS = 12500 };

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
    struct byte_sink *pages = &work->writer.pages;
    row_group_release(&worker->group);
    TRY(segment_begin_row_group(&work->writer, key, err));
    if (order[n - 1] - order[0] == n - 1) {
        TRY(format->encode(worker->encoder, rows, order[0], n, pages, &worker->group, err));
    } else {
        batch_clear(&worker->gathered);
        TRY(batch_gather(&worker->gathered, rows, order, n, err));
        TRY(format->encode(worker->encoder, &worker->gathered, 0, n, pages, &worker->group, err));
    }
    return segment_end_row_group(&work->writer, &worker->group, err);
}

/* Do so many rows stay as a row group? */
static bool are_kept(const struct split_work *work, const struct batch *rows,
                     const struct row_measure *measure, const uint32_t *order, size_t n,
                     size_t keep_rows)
{
    return n >= keep_rows || n >= work->stream->row_group_rows ||
           bytes_of(measure, rows, order, n) >= work->room.keep_bytes;
}

static status emit_group(struct split_work *work, const struct batch *rows,
                         const struct batch_codes *codes, const struct row_measure *measure,
                         const struct partition_group *group, struct error *err)
{
    struct worker *worker = work->worker;
    const uint32_t *order = worker->groups.order + group->first;
    bool whole = worker->groups.n_groups == 1 && !work->room.alone;
    size_t keep_rows = whole && work->split->cut_short ? KEEP_SHORT_ROWS : KEEP_ROWS;
    uint64_t slice_bytes = whole ? work->room.group_bytes : work->room.slice_bytes;
    for (size_t at = 0, n; at < group->rows; at += n) {
        n = group->rows - at;
        n = slice_rows(measure, rows, order + at, n, slice_bytes);
        if (are_kept(work, rows, measure, order + at, n, keep_rows))
            TRY(emit_row_group(work, rows, group->key, order + at, n, err));
        else
            TRY(segment_add_rows(&work->writer, group->key, rows, codes, order + at, n, err));
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

static status emit_groups(struct split_work *work, const struct batch *rows,
                          const struct batch_codes *codes, const struct row_measure *measure,
                          struct error *err)
{
    struct partition_groups *groups = &work->worker->groups;
    bool some = work->stream->run->options->partitions != NULL;
    if (some)
        TRY(find_wanted(work, err));
    for (size_t i = 0; i < groups->n_groups; i++) {
        const struct partition_group *group = &groups->groups[i];
        if (some && !work->wanted[group->key]) {
            work->result.skipped += group->rows;
            continue;
        }
        TRY(emit_group(work, rows, codes, measure, group, err));
        work->result.rows += group->rows;
    }
    return STATUS_OK;
}

/* What becomes pieces alone is read once more: its texts may be coded. */
static bool only_pieces(const struct split_work *work, const struct batch *rows,
                        const struct row_measure *measure)
{
    const struct partition_groups *groups = &work->worker->groups;
    if (measure->exact) /* the length of each text will be asked for */
        return false;
    for (size_t i = 0; i < groups->n_groups; i++) {
        const uint32_t *order = groups->order + groups->groups[i].first;
        if (are_kept(work, rows, measure, order, groups->groups[i].rows, KEEP_ROWS))
            return false;
    }
    return true;
}

/* The rows of each partition side by side: column by column a chunk's values come out of the processor's cache, which they
 * do not where each of thousands of partitions takes its few rows out of all columns. */
static status emit_ordered(struct split_work *work, const struct batch *rows,
                           const struct row_measure *measure, struct error *err)
{
    struct worker *worker = work->worker;
    uint32_t *order = worker->groups.order;
    bool coded = only_pieces(work, rows, measure);
    batch_clear(&worker->gathered);
    if (coded)
        TRY(batch_gather_coded(&worker->gathered, &worker->codes, rows, order, rows->rows, err));
    else
        TRY(batch_gather(&worker->gathered, rows, order, rows->rows, err));
    for (size_t i = 0; i < rows->rows; i++)
        order[i] = (uint32_t)i;
    return emit_groups(work, &worker->gathered, coded ? &worker->codes : NULL, measure, err);
}

static status write_chunk(struct split_work *work, struct error *err)
{
    struct worker *worker = work->worker;
    struct stream_run *stream = work->stream;
    struct batch carried, rows;
    struct row_measure measure;
    TRY(stream_carry(stream, &worker->chunk, &worker->carried, &carried, err));
    TRY(partition_group(stream->partitioner, work->result.keys, &carried, &worker->groups, err));
    batch_view(&carried, &stream->data_schema, stream->data_pick, worker->view, &rows);
    measure_rows(work, &rows, &measure);
    if (worker->groups.n_groups > 1 && !work->room.alone)
        TRY(emit_ordered(work, &rows, &measure, err));
    else
        TRY(emit_groups(work, &rows, NULL, &measure, err));
    return worker_empty(worker, &work->room, err);
}

status split_write_chunk(struct split_work *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    if (work->worker->chunk.rows == 0)
        return STATUS_OK;
    stream_remember_begin(stream);
    TRY(gate_enter(stream->run->encode_gate, &stream->cancel, err));
    int64_t started = clock_monotonic_ns();
    status_code code = write_chunk(work, err);
    atomic_fetch_add(&stream->stage_ns[STAGE_ENCODE], clock_monotonic_ns() - started);
    gate_leave(stream->run->encode_gate);
    return code;
}
