/* Rows at the watermark: those equal to it are noted by digest, and known by it when they come again. */
#include "pipeline/split_work.h"

enum { MAX_TIES = 1000000 };

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

/* The digest by which a former run knows a row: over the columns that it had. */
static status known_digest(struct split_work *work, size_t row, struct digest *out,
                           struct error *err)
{
    const struct stream_run *stream = work->stream;
    const struct batch *chunk = &work->worker->chunk;
    struct batch view;
    if (!stream->known_pick)
        return batch_digest(chunk, row, 1, out, err);
    SCOPED(mem_freep)
    struct column *columns = mem_alloc((stream->known_schema.n_fields + 1) * sizeof(*columns));
    if (!columns)
        return error_no_memory(err);
    batch_view(chunk, &stream->known_schema, stream->known_pick, columns, &view);
    return batch_digest(&view, row, 1, out, err);
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
        TRY(known_digest(work, row, &digest, err));
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
            TRY(known_digest(work, row, &digest, err));
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
status split_sort_out(struct split_work *work, size_t first, struct error *err)
{
    struct stream_run *stream = work->stream;
    struct batch *chunk = &work->worker->chunk;
    bool only_listed = stream->partial && !stream->lower.is_null;
    if (stream->plan.update_key == SIZE_MAX || first == chunk->rows)
        return STATUS_OK;
    /* below a fence nobody is equal to the bound; but the watermark may be of a run that had none */
    if (stream->partial ? !only_listed : stream->plan.bound_is_fence && !stream->known.ties)
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
