#include "format/parquet/chunk.h"

#include <string.h>

#include "base/bytes.h"
#include "format/parquet/page.h"

void chunk_scratch_release(struct chunk_scratch *scratch)
{
    codec_release(&scratch->codec);
    levels_scratch_release(&scratch->levels);
    buffer_release(&scratch->dense.values);
    buffer_release(&scratch->dense.data);
    dictionary_release(&scratch->dictionary);
    buffer_release(&scratch->body);
    buffer_release(&scratch->small);
}

/* What stands between the steps of one chunk. */
struct chunk_work {
    const struct leaf *leaf;
    struct levels levels;
    struct dense values;
    const struct dictionary *dictionary; /* NULL: PLAIN */
    struct page *pages;
    size_t n_pages;
    struct bounds bounds; /* of the chunk */
    struct chunk_scratch *scratch;
    struct arena *arena;
};

static size_t count_values(const struct levels *levels, size_t first, size_t n, unsigned max)
{
    if (!levels->definition)
        return levels->validity ? bits_count(levels->validity, levels->first + first, n) : n;
    size_t values = 0;
    for (size_t i = first; i < first + n; i++)
        values += levels->definition[i] == max;
    return values;
}

static status slice_pages(struct chunk_work *work, const struct page_cuts *cuts, struct error *err)
{
    const struct levels *levels = &work->levels;
    work->n_pages = cuts->pages;
    work->pages = arena_alloc(work->arena, cuts->pages * sizeof(*work->pages) + 1);
    if (!work->pages)
        return error_no_memory(err);
    size_t first_value = 0;
    for (size_t i = 0; i < cuts->pages; i++) {
        struct page *page = &work->pages[i];
        page->first_row = cuts->starts[i];
        page->rows = cuts->starts[i + 1] - cuts->starts[i];
        page->first_level = page->first_row;
        page->levels = page->rows;
        if (levels->row_levels) {
            page->first_level = levels->row_levels[page->first_row];
            page->levels = levels->row_levels[cuts->starts[i + 1]] - page->first_level;
        }
        page->first_value = first_value;
        page->values =
            count_values(levels, page->first_level, page->levels, work->leaf->max_definition);
        first_value += page->values;
    }
    return STATUS_OK;
}

static void find_bounds(struct chunk_work *work, bounds_kernel *kernel)
{
    for (size_t i = 0; i < work->n_pages; i++) {
        struct page *page = &work->pages[i];
        kernel(&work->values, page->first_value, page->values, &page->bounds);
        bounds_merge(work->leaf->order, &work->bounds, &page->bounds);
    }
}

/* ---- pages ---- */

static void add_sizes(struct parquet_chunk *chunk, const struct page_sizes *sizes)
{
    chunk->uncompressed_bytes += (int64_t)sizes->body;
    chunk->compressed_bytes += (int64_t)sizes->stored;
}

static status write_pages(struct chunk_work *work, struct buffer *pages, struct chunk_result *out,
                          struct error *err)
{
    struct parquet_chunk *chunk = &out->chunk;
    struct page_sizes sizes;
    chunk->codec = (int32_t)work->scratch->codec.spec.id;
    chunk->uncompressed_bytes = chunk->compressed_bytes = 0;
    chunk->dictionary_page_offset = -1;
    if (work->dictionary) {
        chunk->dictionary_page_offset = (int64_t)pages->size;
        TRY(page_write_dictionary(work->leaf, &work->values, work->dictionary, work->scratch, pages,
                                  &sizes, err));
        add_sizes(chunk, &sizes);
    }
    chunk->data_page_offset = (int64_t)pages->size;
    for (size_t i = 0; i < work->n_pages; i++) {
        size_t offset = pages->size;
        TRY(page_write_data(work->leaf, &work->levels, &work->values, work->dictionary,
                            &work->pages[i], work->scratch, pages, &sizes, err));
        add_sizes(chunk, &sizes);
        out->offset_index.locations[i] =
            (struct parquet_page_location){.offset = (int64_t)offset,
                                           .bytes = (int32_t)sizes.stored,
                                           .first_row = (int64_t)work->pages[i].first_row};
    }
    return STATUS_OK;
}

/* A chunk has one codec. Where compression gains nothing, the pages are written again as they are: readers
 * are spared the decompression. */
static status write_smallest(struct chunk_work *work, struct buffer *pages,
                             struct chunk_result *out, struct error *err)
{
    size_t start = pages->size;
    TRY(write_pages(work, pages, out, err));
    struct codec *codec = &work->scratch->codec;
    if (codec->spec.id == CODEC_NONE || out->chunk.compressed_bytes < out->chunk.uncompressed_bytes)
        return STATUS_OK;
    pages->size = start;
    struct codec_spec kept = codec->spec;
    codec->spec = (struct codec_spec){.id = CODEC_NONE};
    status_code code = write_pages(work, pages, out, err);
    codec->spec = kept;
    return code;
}

/* ---- what the footer says ---- */

static void describe(const struct chunk_work *work, struct chunk_result *out)
{
    const struct leaf *leaf = work->leaf;
    struct parquet_chunk *chunk = &out->chunk;
    chunk->physical = (int32_t)leaf->physical;
    chunk->values = (int64_t)work->levels.count;
    bool dictionary = work->dictionary != NULL;
    /* the levels of a page are RLE, also where a column has none */
    chunk->encodings = (uint64_t)1 << PARQUET_RLE;
    chunk->encodings |= (uint64_t)1 << PARQUET_PLAIN;
    if (dictionary)
        chunk->encodings |= (uint64_t)1 << PARQUET_RLE_DICTIONARY;
    chunk->dictionary_pages = dictionary;
    chunk->plain_pages = dictionary ? 0 : (int32_t)work->n_pages;
    chunk->indexed_pages = dictionary ? (int32_t)work->n_pages : 0;
    chunk->column_index_offset = chunk->offset_index_offset = chunk->bloom_filter_offset = -1;
    out->plain_bytes = dense_plain_bytes(&work->values, 0, work->values.n);
}

static status set_path(const struct chunk_work *work, struct parquet_chunk *chunk,
                       struct error *err)
{
    struct span *path = arena_alloc(work->arena, work->leaf->n_path * sizeof(*path));
    if (!path)
        return error_no_memory(err);
    for (size_t i = 0; i < work->leaf->n_path; i++)
        path[i] = (struct span){(const uint8_t *)work->leaf->path[i], strlen(work->leaf->path[i])};
    chunk->path = path;
    chunk->n_path = work->leaf->n_path;
    return STATUS_OK;
}

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

static status set_statistics(const struct chunk_work *work, struct parquet_statistics *out,
                             struct error *err)
{
    const struct leaf *leaf = work->leaf;
    bool floating = leaf->order == ORDER_FLOAT || leaf->order == ORDER_DOUBLE;
    *out =
        (struct parquet_statistics){.null_count = (int64_t)(work->levels.count - work->values.n),
                                    .nan_count = floating ? (int64_t)work->bounds.nan_count : -1};
    if (!work->bounds.set)
        return STATUS_OK;
    struct span min = bound_span(&work->bounds.min), max = bound_span(&work->bounds.max);
    out->has_min = true;
    bound_cut_min(leaf, min, &out->min, &out->min_exact);
    TRY(bound_cut_max(leaf, max, work->arena, &out->max, &out->has_max, &out->max_exact, err));
    if ((out->has_min && !keep(work->arena, &out->min)) ||
        (out->has_max && !keep(work->arena, &out->max)))
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
static status fill_index(const struct chunk_work *work, struct parquet_column_index *index,
                         bool *out_whole, struct error *err)
{
    *out_whole = false;
    for (size_t i = 0; i < work->n_pages; i++) {
        const struct page *page = &work->pages[i];
        bool exact;
        index->null_pages[i] = page->values == 0;
        index->null_counts[i] = (int64_t)(page->levels - page->values);
        if (page->values == 0)
            continue;
        if (!page->bounds.set)
            return STATUS_OK;
        struct span max = bound_span(&page->bounds.max);
        bound_cut_min(work->leaf, bound_span(&page->bounds.min), &index->min[i], &exact);
        bool raised;
        TRY(bound_cut_max(work->leaf, max, work->arena, &index->max[i], &raised, &exact, err));
        if (!raised)
            return STATUS_OK;
        if (!keep(work->arena, &index->min[i]) || !keep(work->arena, &index->max[i]))
            return error_no_memory(err);
    }
    *out_whole = true;
    return STATUS_OK;
}

static status set_column_index(const struct chunk_work *work, struct parquet_column_index *out,
                               struct error *err)
{
    size_t n = work->n_pages;
    *out = (struct parquet_column_index){0};
    if (work->leaf->order == ORDER_NONE)
        return STATUS_OK;
    struct parquet_column_index index = {
        .pages = n,
        .null_pages = arena_alloc(work->arena, n * sizeof(bool) + 1),
        .min = arena_alloc(work->arena, n * sizeof(struct span) + 1),
        .max = arena_alloc(work->arena, n * sizeof(struct span) + 1),
        .null_counts = arena_alloc(work->arena, n * sizeof(int64_t) + 1),
    };
    if (!index.null_pages || !index.min || !index.max || !index.null_counts)
        return error_no_memory(err);
    bool whole;
    TRY(fill_index(work, &index, &whole, err));
    if (!whole)
        return STATUS_OK;
    index.boundary = boundary_of(work->leaf->order, &index);
    *out = index;
    return STATUS_OK;
}

/* Dictionary or PLAIN. Few entries always pay; of many, with compression, a trial tells: supplier keys of
 * 10,000 line items are a quarter larger with a dictionary than without. */
static status choose_encoding(struct chunk_work *work, const struct parquet_options *options,
                              struct error *err)
{
    enum { MANY = 8 };
    struct dictionary *dictionary = &work->scratch->dictionary;
    bool compressed = options->codec.id != CODEC_NONE, made = false;
    if (options->dictionary)
        TRY(dictionary_build(dictionary, work->leaf, &work->values, &work->bounds, compressed,
                             &made, err));
    if (made && compressed && dictionary->entries * MANY > work->values.n)
        TRY(page_dictionary_pays(work->leaf, &work->values, dictionary, work->scratch, &made, err));
    work->dictionary = made ? dictionary : NULL;
    return STATUS_OK;
}

status chunk_encode(const struct leaf *leaf, bounds_kernel *bounds,
                    const struct parquet_options *options, const struct batch *batch, size_t first,
                    const struct page_cuts *cuts, struct chunk_scratch *scratch,
                    struct buffer *pages, struct arena *arena, struct chunk_result *out,
                    struct error *err)
{
    struct chunk_work work = {.leaf = leaf, .scratch = scratch, .arena = arena};
    struct levels *levels = &work.levels;
    TRY(levels_take(leaf, batch, first, cuts->starts[cuts->pages], &scratch->levels, levels, err));
    TRY(dense_take(leaf, levels->column, levels->rows, levels->first, levels->values,
                   &scratch->dense, &work.values, err));
    TRY(slice_pages(&work, cuts, err));
    find_bounds(&work, bounds);
    TRY(choose_encoding(&work, options, err));
    out->offset_index.pages = work.n_pages;
    out->offset_index.locations =
        arena_alloc(arena, work.n_pages * sizeof(*out->offset_index.locations) + 1);
    if (!out->offset_index.locations)
        return error_no_memory(err);
    TRY(write_smallest(&work, pages, out, err));
    describe(&work, out);
    TRY(set_path(&work, &out->chunk, err));
    TRY(set_statistics(&work, &out->chunk.statistics, err));
    return set_column_index(&work, &out->column_index, err);
}
