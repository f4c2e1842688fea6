/* Batches to sealed row groups, one column after the other:
 *
 *   rows put in order, where asked
 *   column -> levels and dense values -> bounds of each page -> encoding -> pages, bloom filter -> description
 *
 * All working memory belongs to the encoder and is used again, so a row group costs no allocation but its
 * own bytes. */
#include "format/parquet/chunk.h"
#include "format/parquet/driver.h"
#include "format/parquet/group_meta.h"
#include "format/parquet/row_order.h"

enum { KEPT_COLUMN_BYTES = 8 << 20 };

struct encoder {
    struct leaf_plan plan;
    bounds_kernel **bounds; /* one for each leaf */
    struct parquet_options options;
    struct chunk_scratch scratch;
    struct buffer cuts;
    struct buffer filters;
    struct buffer column; /* pages on their way to a sink */
    struct row_order order;
    struct batch sorted;
    struct arena arena; /* of one encode */
    size_t page_rows;   /* rows of a page at most, after the widest fixed-width column */
};

void parquet_encoder_free(struct encoder *encoder)
{
    if (!encoder)
        return;
    leaf_plan_release(&encoder->plan);
    mem_free(encoder->bounds);
    chunk_scratch_release(&encoder->scratch);
    buffer_release(&encoder->cuts);
    buffer_release(&encoder->filters);
    buffer_release(&encoder->column);
    row_order_release(&encoder->order);
    batch_release(&encoder->sorted);
    arena_release(&encoder->arena);
    mem_free(encoder);
}

static void encoder_freep(struct encoder **encoder)
{
    parquet_encoder_free(*encoder);
}

static status bind_kernels(struct encoder *encoder, struct error *err)
{
    const struct leaf_plan *plan = &encoder->plan;
    encoder->bounds = mem_realloc_array(NULL, plan->n_leaves, sizeof(*encoder->bounds));
    if (!encoder->bounds)
        return error_no_memory(err);
    encoder->page_rows = encoder->options.page_rows;
    for (size_t i = 0; i < plan->n_leaves; i++) {
        const struct leaf *leaf = &plan->leaves[i];
        encoder->bounds[i] = bounds_kernel_for(leaf);
        if (leaf_is_flat(leaf) && leaf->width > 0) {
            size_t fit = encoder->options.page_bytes / (size_t)leaf->width;
            if (fit < encoder->page_rows)
                encoder->page_rows = fit > 0 ? fit : 1;
        }
    }
    return STATUS_OK;
}

status parquet_encoder_new(const struct schema *schema, const struct option_values *options,
                           struct encoder **out, struct error *err)
{
    SCOPED(encoder_freep) struct encoder *encoder = mem_zalloc(sizeof(*encoder));
    if (!encoder)
        return error_no_memory(err);
    TRY(parquet_options_read(options, &encoder->options, err));
    TRY(leaf_plan_init(&encoder->plan, schema, err));
    TRY(parquet_options_bind(options, &encoder->plan, &encoder->plan.arena, &encoder->options,
                             err));
    TRY(bind_kernels(encoder, err));
    if (encoder->options.n_sort_keys > 0)
        TRY(batch_init(&encoder->sorted, schema, err));
    TRY(codec_init(&encoder->scratch.codec, encoder->options.codec, err));
    crc32_init(&encoder->scratch.crc);
    *out = TAKE(encoder);
    return STATUS_OK;
}

/* ---- pages: cut at the same rows in every column ---- */

static bool fits(const struct encoder *encoder, const struct leaf *leaf, const struct batch *batch,
                 size_t from, size_t to)
{
    return levels_plain_bytes(leaf, batch, from, to) <= encoder->options.page_bytes;
}

/* The last row up to TO at which a page that begins at FROM may end; at least one row goes in. */
static size_t page_end(const struct encoder *encoder, const struct batch *batch, size_t from,
                       size_t to)
{
    for (size_t i = 0; i < encoder->plan.n_leaves; i++) {
        const struct leaf *leaf = &encoder->plan.leaves[i];
        bool fixed = leaf_is_flat(leaf) && leaf->width > 0;
        if (fixed || fits(encoder, leaf, batch, from, to))
            continue;
        size_t low = from + 1, high = to; /* [from, low) is taken, [from, high) does not fit */
        while (low + 1 < high) {
            size_t middle = low + (high - low) / 2;
            if (fits(encoder, leaf, batch, from, middle))
                low = middle;
            else
                high = middle;
        }
        to = low;
    }
    return to;
}

static status cut_pages(struct encoder *encoder, const struct batch *batch, size_t first, size_t n,
                        struct page_cuts *out, struct error *err)
{
    struct buffer *cuts = &encoder->cuts;
    cuts->size = 0;
    uint64_t at = 0;
    TRY(buffer_append(cuts, &at, sizeof(at), err));
    while (at < n) {
        size_t to = n - at > encoder->page_rows ? at + encoder->page_rows : n;
        at = page_end(encoder, batch, first + at, first + to) - first;
        TRY(buffer_append(cuts, &at, sizeof(at), err));
    }
    *out = (struct page_cuts){.pages = cuts->size / sizeof(at) - 1,
                              .starts = (const uint64_t *)(const void *)cuts->data};
    return STATUS_OK;
}

/* ---- the row group ---- */

static void add_leaf(const struct chunk_result *result, size_t i, struct row_group *group,
                     struct group_meta *meta)
{
    meta->group.chunks[i] = result->chunk;
    meta->leaves[i] = (struct group_leaf){.column_index = result->column_index,
                                          .offset_index = result->offset_index,
                                          .plain_bytes = (int64_t)result->plain_bytes};
    meta->group.uncompressed_bytes += result->chunk.uncompressed_bytes;
    meta->group.compressed_bytes += result->chunk.compressed_bytes;
    group->plain_bytes += result->plain_bytes;
}

/* What a column left in the row group's buffer, which began as large as FROM bytes, stays there or goes on to SINK. */
static status pass_on(struct row_group *group, size_t from, struct byte_sink *sink,
                      struct error *err)
{
    group->pages_bytes += group->pages.size - from;
    if (!sink)
        return STATUS_OK;
    status_code code = sink->write(sink, group->pages.data, group->pages.size, err);
    group->pages.size = 0;
    return code;
}

/* Offsets in RESULT that count from the row group's buffer count from its first page then. */
static void move_offsets(struct chunk_result *result, int64_t by)
{
    if (result->chunk.dictionary_page_offset >= 0)
        result->chunk.dictionary_page_offset += by;
    result->chunk.data_page_offset += by;
    for (size_t i = 0; i < result->offset_index.pages; i++)
        result->offset_index.locations[i].offset += by;
}

/* Bloom filters lie behind the pages of all columns. */
static status append_filters(struct encoder *encoder, struct row_group *group,
                             struct byte_sink *sink, struct group_meta *meta, struct error *err)
{
    const struct buffer *filters = &encoder->filters;
    size_t from = group->pages.size;
    for (size_t i = 0; i < meta->n_leaves; i++)
        if (meta->group.chunks[i].bloom_filter_offset >= 0)
            meta->group.chunks[i].bloom_filter_offset += (int64_t)group->pages_bytes;
    if (filters->size > 0) {
        TRY(buffer_append(&group->pages, filters->data, filters->size, err));
        TRY(pass_on(group, from, sink, err));
    }
    meta->pages_bytes = (int64_t)group->pages_bytes;
    return STATUS_OK;
}

static status encode_leaves(struct encoder *encoder, const struct batch *batch, size_t first,
                            const struct page_cuts *cuts, struct byte_sink *sink,
                            struct row_group *group, struct group_meta *meta, struct error *err)
{
    encoder->filters.size = 0;
    for (size_t i = 0; i < encoder->plan.n_leaves; i++) {
        struct chunk_result result = {0};
        struct chunk_input input = {.leaf = &encoder->plan.leaves[i],
                                    .number = i,
                                    .bounds = encoder->bounds[i],
                                    .options = &encoder->options,
                                    .batch = batch,
                                    .first = first,
                                    .cuts = cuts};
        size_t from = group->pages.size;
        TRY(chunk_encode(&input, &encoder->scratch, &group->pages, &encoder->filters,
                         &encoder->arena, &result, err));
        move_offsets(&result, (int64_t)group->pages_bytes - (int64_t)from);
        TRY(pass_on(group, from, sink, err));
        add_leaf(&result, i, group, meta);
    }
    return append_filters(encoder, group, sink, meta, err);
}

/* The rows in the order that was asked for: BATCH and FIRST stay, or become those of a sorted copy. */
static status put_in_order(struct encoder *encoder, const struct batch **batch, size_t *first,
                           size_t n, struct error *err)
{
    const uint32_t *rows;
    TRY(row_order_find(&encoder->order, &encoder->plan, &encoder->options, *batch, *first, n, &rows,
                       err));
    if (!rows)
        return STATUS_OK;
    batch_clear(&encoder->sorted);
    TRY(batch_gather(&encoder->sorted, *batch, rows, n, err));
    *batch = &encoder->sorted;
    *first = 0;
    return STATUS_OK;
}

status parquet_encode(struct encoder *encoder, const struct batch *batch, size_t first, size_t n,
                      struct byte_sink *pages, struct row_group *out, struct error *err)
{
    const struct leaf_plan *plan = &encoder->plan;
    if (first > batch->rows || n > batch->rows - first)
        return error_set(err, STATUS_BUG, "rows %zu+%zu of a batch of %zu", first, n, batch->rows);
    SCOPED(row_group_release) struct row_group group = {.rows = n};
    arena_release(&encoder->arena);
    struct group_meta meta = {
        .group = {.rows = (int64_t)n,
                  .n_chunks = plan->n_leaves,
                  .file_offset = -1,
                  .ordinal = -1,
                  .sort_keys = encoder->options.sort_keys,
                  .n_sort_keys = encoder->options.n_sort_keys,
                  .chunks =
                      arena_alloc(&encoder->arena, plan->n_leaves * sizeof(*meta.group.chunks))},
        .leaves = arena_alloc(&encoder->arena, plan->n_leaves * sizeof(*meta.leaves)),
        .n_leaves = plan->n_leaves,
    };
    if (!meta.group.chunks || !meta.leaves)
        return error_no_memory(err);
    TRY(put_in_order(encoder, &batch, &first, n, err));
    struct page_cuts cuts;
    TRY(cut_pages(encoder, batch, first, n, &cuts, err));
    encoder->column.size = 0;
    if (pages)
        group.pages = encoder->column;
    status_code code = encode_leaves(encoder, batch, first, &cuts, pages, &group, &meta, err);
    if (pages) {
        encoder->column = group.pages;
        group.pages = (struct buffer){0};
        if (encoder->column.capacity > KEPT_COLUMN_BYTES)
            buffer_release(&encoder->column);
    }
    TRY(code);
    TRY(group_meta_write(&meta, &group.meta, err));
    *out = group;
    group = (struct row_group){0};
    return STATUS_OK;
}
