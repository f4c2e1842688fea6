#include "format/parquet/chunk_stats.h"

#include <string.h>

/* Bounds outlive the column only as copies. */
static bool keep(struct arena *arena, struct span *span)
{
    uint8_t *copy = arena_alloc(arena, span->size + 1);
    if (!copy)
        return false;
    if (span->size > 0)
        memcpy(copy, span->data, span->size);
    span->data = copy;
    return true;
}

status chunk_statistics(const struct chunk_layout *chunk, bool bounded, struct arena *arena,
                        struct parquet_statistics *out, struct error *err)
{
    const struct leaf *leaf = chunk->leaf;
    bool floating = leaf->order == ORDER_FLOAT || leaf->order == ORDER_DOUBLE;
    *out =
        (struct parquet_statistics){.null_count = (int64_t)(chunk->levels.count - chunk->values.n),
                                    .nan_count = floating ? (int64_t)chunk->bounds.nan_count : -1};
    if (!bounded || !chunk->bounds.set)
        return STATUS_OK;
    struct span min = bound_span(&chunk->bounds.min), max = bound_span(&chunk->bounds.max);
    out->has_min = true;
    bound_cut_min(leaf, min, &out->min, &out->min_exact);
    TRY(bound_cut_max(leaf, max, arena, &out->max, &out->has_max, &out->max_exact, err));
    if ((out->has_min && !keep(arena, &out->min)) || (out->has_max && !keep(arena, &out->max)))
        return error_no_memory(err);
    return STATUS_OK;
}

static enum parquet_boundary boundary_of(enum leaf_order order,
                                         const struct parquet_column_index *index)
{
    bool ascending = true, descending = true;
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < index->pages; i++) {
        if (index->null_pages[i])
            continue;
        if (before != SIZE_MAX) {
            int min = bound_compare(order, index->min[before], index->min[i]);
            int max = bound_compare(order, index->max[before], index->max[i]);
            ascending &= min <= 0 && max <= 0;
            descending &= min >= 0 && max >= 0;
        }
        before = i;
    }
    if (ascending)
        return PARQUET_ASCENDING;
    return descending ? PARQUET_DESCENDING : PARQUET_UNORDERED;
}

/* *out_whole false: a page has values but no bounds (NaN only, or a text that can't be raised): then the
 * format wants no index for the chunk. */
static status fill_index(const struct chunk_layout *chunk, struct arena *arena,
                         struct parquet_column_index *index, bool *out_whole, struct error *err)
{
    *out_whole = false;
    for (size_t i = 0; i < chunk->n_pages; i++) {
        const struct page *page = &chunk->pages[i];
        bool exact;
        index->null_pages[i] = page->values == 0;
        index->null_counts[i] = (int64_t)(page->levels - page->values);
        if (page->values == 0)
            continue;
        if (!page->bounds.set)
            return STATUS_OK;
        struct span max = bound_span(&page->bounds.max);
        bound_cut_min(chunk->leaf, bound_span(&page->bounds.min), &index->min[i], &exact);
        bool raised;
        TRY(bound_cut_max(chunk->leaf, max, arena, &index->max[i], &raised, &exact, err));
        if (!raised)
            return STATUS_OK;
        if (!keep(arena, &index->min[i]) || !keep(arena, &index->max[i]))
            return error_no_memory(err);
    }
    *out_whole = true;
    return STATUS_OK;
}

status chunk_column_index(const struct chunk_layout *chunk, struct arena *arena,
                          struct parquet_column_index *out, struct error *err)
{
    size_t n = chunk->n_pages;
    *out = (struct parquet_column_index){0};
    if (chunk->leaf->order == ORDER_NONE)
        return STATUS_OK;
    struct parquet_column_index index = {
        .pages = n,
        .null_pages = arena_alloc(arena, n * sizeof(bool) + 1),
        .min = arena_alloc(arena, n * sizeof(struct span) + 1),
        .max = arena_alloc(arena, n * sizeof(struct span) + 1),
        .null_counts = arena_alloc(arena, n * sizeof(int64_t) + 1),
    };
    if (!index.null_pages || !index.min || !index.max || !index.null_counts)
        return error_no_memory(err);
    bool whole;
    TRY(fill_index(chunk, arena, &index, &whole, err));
    if (!whole)
        return STATUS_OK;
    index.boundary = boundary_of(chunk->leaf->order, &index);
    *out = index;
    return STATUS_OK;
}

/* ---- sizes ---- */

static status count_levels(const uint8_t *levels, size_t n, unsigned max, struct arena *arena,
                           int64_t **out, size_t *out_count, struct error *err)
{
    int64_t *counts = arena_alloc(arena, (max + 1) * sizeof(*counts));
    if (!counts)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++)
        counts[levels[i]]++;
    *out = counts;
    *out_count = max + 1;
    return STATUS_OK;
}

status chunk_size_statistics(const struct chunk_layout *chunk, struct arena *arena,
                             struct parquet_size_statistics *out, struct error *err)
{
    const struct leaf *leaf = chunk->leaf;
    const struct levels *levels = &chunk->levels;
    const struct dense *values = &chunk->values;
    *out = (struct parquet_size_statistics){0};
    if (leaf->physical == PARQUET_BYTE_ARRAY) {
        out->has_unencoded = true;
        out->unencoded_bytes = values->n > 0 ? values->offsets[values->n] - values->offsets[0] : 0;
    }
    if (!levels->definition) /* flat: the NULLs are counted, and that says all */
        return STATUS_OK;
    if (leaf->max_repetition > 0)
        TRY(count_levels(levels->repetition, levels->count, leaf->max_repetition, arena,
                         &out->repetition, &out->n_repetition, err));
    return count_levels(levels->definition, levels->count, leaf->max_definition, arena,
                        &out->definition, &out->n_definition, err);
}
