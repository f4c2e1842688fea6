#include "format/parquet/chunk.h"

#include <string.h>

#include "base/bytes.h"
#include "format/parquet/bit_pack.h"
#include "format/parquet/bloom.h"
#include "format/parquet/chunk_stats.h"
#include "format/parquet/encoding_choice.h"

void chunk_scratch_release(struct chunk_scratch *scratch)
{
    codec_release(&scratch->codec);
    levels_scratch_release(&scratch->levels);
    buffer_release(&scratch->dense.values);
    buffer_release(&scratch->dense.data);
    dictionary_release(&scratch->dictionary);
    coding_scratch_release(&scratch->values);
    buffer_release(&scratch->filter);
    buffer_release(&scratch->body);
    buffer_release(&scratch->small);
}

/* What stands between the steps of one chunk. */
struct chunk_work {
    const struct chunk_input *input;
    struct chunk_layout layout;
    struct page_source source; /* of all its pages */
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
    struct chunk_layout *layout = &work->layout;
    const struct levels *levels = &layout->levels;
    layout->n_pages = cuts->pages;
    layout->pages = arena_alloc(work->arena, cuts->pages * sizeof(*layout->pages) + 1);
    if (!layout->pages)
        return error_no_memory(err);
    size_t first_value = 0;
    for (size_t i = 0; i < cuts->pages; i++) {
        struct page *page = &layout->pages[i];
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
            count_values(levels, page->first_level, page->levels, layout->leaf->max_definition);
        first_value += page->values;
    }
    return STATUS_OK;
}

static void find_bounds(struct chunk_layout *layout, bounds_kernel *kernel)
{
    for (size_t i = 0; i < layout->n_pages; i++) {
        struct page *page = &layout->pages[i];
        kernel(&layout->values, page->first_value, page->values, &page->bounds);
        bounds_merge(layout->leaf->order, &layout->bounds, &page->bounds);
    }
}

static status lay_out(struct chunk_work *work, struct error *err)
{
    const struct chunk_input *input = work->input;
    const struct page_cuts *cuts = input->cuts;
    struct chunk_layout *layout = &work->layout;
    struct levels *levels = &layout->levels;
    layout->leaf = input->leaf;
    TRY(levels_take(input->leaf, input->batch, input->first, cuts->starts[cuts->pages],
                    &work->scratch->levels, levels, err));
    TRY(dense_take(input->leaf, levels->column, levels->rows, levels->first, levels->values,
                   &work->scratch->dense, &layout->values, err));
    TRY(slice_pages(work, cuts, err));
    find_bounds(layout, input->bounds);
    return STATUS_OK;
}

/* ---- pages ---- */

static void add_sizes(struct parquet_chunk *chunk, const struct page_sizes *sizes)
{
    chunk->uncompressed_bytes += (int64_t)sizes->body;
    chunk->compressed_bytes += (int64_t)sizes->stored;
}

/* Bytes that compression saves of page NUMBER, a page V1; nothing is kept of it. */
static status page_saving(struct chunk_work *work, size_t number, struct buffer *pages,
                          size_t *out_saved, size_t *out_body, struct error *err)
{
    size_t start = pages->size;
    struct page_sizes sizes;
    TRY(page_write_data(&work->source, &work->layout.pages[number], work->scratch, pages, &sizes,
                        err));
    pages->size = start;
    *out_body += sizes.body;
    *out_saved += sizes.stored < sizes.body ? sizes.body - sizes.stored : 0;
    return STATUS_OK;
}

/* The first page of a chunk V1 did not get smaller: does it look the same in the middle and at the end, and the
 * dictionary saves nothing worth it either? Then the rest need not be tried. */
static status is_hopeless(struct chunk_work *work, const struct parquet_chunk *so_far,
                          struct buffer *pages, bool *out_hopeless, struct error *err)
{
    enum { PAGES_AT_LEAST = 4 }; /* of fewer, all are tried */
    size_t n = work->layout.n_pages, body = 0, saved = 0;
    *out_hopeless = false;
    if (n < PAGES_AT_LEAST || work->source.v2 || work->scratch->codec.spec.id == CODEC_NONE)
        return STATUS_OK;
    if (compression_pays((size_t)so_far->uncompressed_bytes, (size_t)so_far->compressed_bytes))
        return STATUS_OK;
    TRY(page_saving(work, n / 2, pages, &saved, &body, err));
    TRY(page_saving(work, n - 1, pages, &saved, &body, err));
    *out_hopeless = !compression_pays(body, body - saved);
    return STATUS_OK;
}

static status write_dictionary(struct chunk_work *work, struct buffer *pages,
                               struct parquet_chunk *chunk, struct error *err)
{
    struct page_sizes sizes;
    chunk->dictionary_page_offset = -1;
    if (!work->source.coding.dictionary)
        return STATUS_OK;
    chunk->dictionary_page_offset = (int64_t)pages->size;
    TRY(page_write_dictionary(&work->source, work->scratch, pages, &sizes, err));
    add_sizes(chunk, &sizes);
    return STATUS_OK;
}

/* *OUT_HOPELESS: the pages are not all there, compression will not pay. */
static status write_pages(struct chunk_work *work, struct buffer *pages, struct chunk_result *out,
                          bool *out_hopeless, struct error *err)
{
    struct parquet_chunk *chunk = &out->chunk;
    *out_hopeless = false;
    chunk->codec = (int32_t)work->scratch->codec.spec.id;
    chunk->uncompressed_bytes = chunk->compressed_bytes = 0;
    TRY(write_dictionary(work, pages, chunk, err));
    chunk->data_page_offset = (int64_t)pages->size;
    work->source.doubtful = false;
    for (size_t i = 0; i < work->layout.n_pages; i++) {
        const struct page *page = &work->layout.pages[i];
        struct page_sizes sizes;
        size_t offset = pages->size;
        TRY(page_write_data(&work->source, page, work->scratch, pages, &sizes, err));
        add_sizes(chunk, &sizes);
        work->source.doubtful = sizes.stored == sizes.body;
        out->offset_index.locations[i] =
            (struct parquet_page_location){.offset = (int64_t)offset,
                                           .bytes = (int32_t)sizes.stored,
                                           .first_row = (int64_t)page->first_row};
        if (i == 0)
            TRY(is_hopeless(work, chunk, pages, out_hopeless, err));
        if (*out_hopeless)
            return STATUS_OK;
    }
    return STATUS_OK;
}

/* Only these are looked at for repetition. */
enum { TIGHT_BYTES = 4096, TIGHT_LEAST_BITS = 3, TIGHT_MOST_BITS = 7 };
enum { TIGHT_INDEXES = TIGHT_BYTES * 8 / TIGHT_LEAST_BITS };

/* How often PIECE stands in the N indexes: bytes, so that many are compared at once. */
static size_t count_pieces(const uint8_t *index, size_t n, const uint8_t piece[static 6])
{
    enum { BLOCK = 240 }; /* a byte counts them */
    size_t total = 0;
    for (size_t at = 0; at + 6 <= n; at += BLOCK) {
        const uint8_t *in = index + at;
        size_t left = n - 5 - at, places = left < BLOCK ? left : BLOCK;
        uint8_t found = 0;
        for (size_t i = 0; i < places; i++)
            found = (uint8_t)(found + ((in[i] == piece[0]) & (in[i + 1] == piece[1]) &
                                       (in[i + 2] == piece[2]) & (in[i + 3] == piece[3]) &
                                       (in[i + 4] == piece[4]) & (in[i + 5] == piece[5])));
        total += found;
    }
    return total;
}

/* Does one of a few short pieces of INDEX, or a value beside itself, come again so often that a compressor would find it? */
static bool repeats(const uint32_t *index, size_t n)
{
    enum { PIECE = 6, PIECES = 4, LEAST_ALIKE = 4 };
    uint8_t bytes[TIGHT_INDEXES];
    uint32_t alike = 0;
    size_t again = 0;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)index[i];
    for (size_t i = 1; i < n; i++)
        alike += bytes[i] == bytes[i - 1];
    for (size_t k = 0; k < PIECES && n > PIECE; k++)
        again += count_pieces(bytes, n, bytes + (n - PIECE) / PIECES * k);
    return (size_t)alike * LEAST_ALIKE >= n || again > PIECES; /* each is found where it stands */
}

/* A small page of indexes in no order, packed in bits that do not end with bytes: compressors, which look at bytes, gain a few
 * percent at most, and a load by day has tens of thousands of such pages. */
static bool is_packed_tight(const struct chunk_work *work)
{
    enum { INDEXES_TIMES = 4 };
    const struct dictionary *dictionary = work->source.coding.dictionary;
    size_t n = work->layout.values.n;
    if (!dictionary || work->layout.n_pages != 1)
        return false;
    unsigned width = bit_width_of(dictionary->entries - 1);
    size_t bytes = n * width / 8;
    if (width < TIGHT_LEAST_BITS || width > TIGHT_MOST_BITS || width == 4 || bytes >= TIGHT_BYTES ||
        dictionary->bytes * INDEXES_TIMES > bytes)
        return false;
    return !repeats((const uint32_t *)(const void *)dictionary->index.data, n);
}

/* One value, and not a long one: its pages are smaller than what a compressor puts before them. */
static bool is_one_value(const struct chunk_work *work)
{
    enum { SHORT_BYTES = 32 };
    const struct dictionary *dictionary = work->source.coding.dictionary;
    return dictionary && dictionary->entries == 1 && dictionary->bytes <= SHORT_BYTES &&
           work->layout.leaf->max_repetition == 0 &&
           work->layout.values.n == work->layout.levels.count;
}

static status write_uncompressed(struct chunk_work *work, struct buffer *pages,
                                 struct chunk_result *out, struct error *err)
{
    struct codec *codec = &work->scratch->codec;
    struct codec_spec kept = codec->spec;
    bool ignored;
    codec->spec = (struct codec_spec){.id = CODEC_NONE};
    status_code code = write_pages(work, pages, out, &ignored, err);
    codec->spec = kept;
    return code;
}

/* A chunk has one codec. Where compression gains nothing, the pages are written again as they are: readers
 * are spared the decompression. */
static status write_smallest(struct chunk_work *work, struct buffer *pages,
                             struct chunk_result *out, struct error *err)
{
    size_t start = pages->size;
    bool hopeless;
    if (is_one_value(work) || is_packed_tight(work))
        return write_uncompressed(work, pages, out, err);
    TRY(write_pages(work, pages, out, &hopeless, err));
    struct parquet_chunk *chunk = &out->chunk;
    struct codec *codec = &work->scratch->codec;
    bool smaller = !hopeless && chunk->compressed_bytes < chunk->uncompressed_bytes;
    if (codec->spec.id == CODEC_NONE || smaller)
        return STATUS_OK;
    if (work->source.v2 && !work->source.coding.dictionary) {
        chunk->codec = CODEC_NONE; /* each of its pages is stored as it is */
        return STATUS_OK;
    }
    pages->size = start;
    return write_uncompressed(work, pages, out, err);
}

/* ---- what the footer says ---- */

static void count_pages(const struct chunk_work *work, struct parquet_chunk *chunk)
{
    enum parquet_encoding encoding = work->source.coding.encoding;
    int32_t pages = (int32_t)work->layout.n_pages;
    bool dictionary = work->source.coding.dictionary != NULL;
    /* the levels of a page are RLE, also where a column has none */
    chunk->encodings = (uint64_t)1 << PARQUET_RLE | (uint64_t)1 << encoding;
    if (dictionary)
        chunk->encodings |= (uint64_t)1 << PARQUET_PLAIN; /* of the dictionary's page */
    chunk->pages_v2 = work->source.v2;
    chunk->dictionary_pages = dictionary;
    if (encoding == PARQUET_PLAIN) {
        chunk->plain_pages = pages;
    } else if (encoding == PARQUET_RLE_DICTIONARY) {
        chunk->indexed_pages = pages;
    } else {
        chunk->encoded_pages = pages;
        chunk->page_encoding = (int32_t)encoding;
    }
}

static status set_path(const struct chunk_work *work, struct parquet_chunk *chunk,
                       struct error *err)
{
    const struct leaf *leaf = work->layout.leaf;
    struct span *path = arena_alloc(work->arena, leaf->n_path * sizeof(*path));
    if (!path)
        return error_no_memory(err);
    for (size_t i = 0; i < leaf->n_path; i++)
        path[i] = (struct span){(const uint8_t *)leaf->path[i], strlen(leaf->path[i])};
    chunk->path = path;
    chunk->n_path = leaf->n_path;
    return STATUS_OK;
}

static status describe(const struct chunk_work *work, struct chunk_result *out, struct error *err)
{
    const struct chunk_layout *layout = &work->layout;
    struct parquet_chunk *chunk = &out->chunk;
    bool bounded = work->input->options->leaves[work->input->number].statistics;
    chunk->physical = (int32_t)layout->leaf->physical;
    chunk->values = (int64_t)layout->levels.count;
    chunk->column_index_offset = chunk->offset_index_offset = -1;
    count_pages(work, chunk);
    TRY(set_path(work, chunk, err));
    TRY(chunk_statistics(layout, bounded, work->arena, &chunk->statistics, err));
    TRY(chunk_size_statistics(layout, work->arena, &chunk->sizes, err));
    out->plain_bytes = dense_plain_bytes(&layout->values, 0, layout->values.n);
    return bounded ? chunk_column_index(layout, work->arena, &out->column_index, err) : STATUS_OK;
}

/* ---- distinct values ---- */

static bool is_floating(const struct leaf *leaf)
{
    return leaf->physical == PARQUET_FLOAT || leaf->physical == PARQUET_DOUBLE;
}

/* What follows from DISTINCT (NULL: not known): their number, which of floating point is not that of the bit patterns,
 * and the bloom filter. */
static status use_distinct(const struct chunk_work *work, const struct dictionary *distinct,
                           struct buffer *filters, struct chunk_result *out, struct error *err)
{
    const struct chunk_input *input = work->input;
    struct parquet_chunk *chunk = &out->chunk;
    if (distinct && !is_floating(input->leaf)) {
        chunk->statistics.has_distinct = true;
        chunk->statistics.distinct_count = (int64_t)distinct->entries;
    }
    chunk->bloom_filter_offset = -1;
    if (!input->options->leaves[input->number].bloom_filter)
        return STATUS_OK;
    size_t offset = filters->size;
    TRY(bloom_append(input->leaf, &work->layout.values, distinct, input->options->bloom_filter_fpp,
                     &work->scratch->filter, filters, &chunk->bloom_filter_bytes, err));
    chunk->bloom_filter_offset = (int64_t)offset;
    return STATUS_OK;
}

status chunk_encode(const struct chunk_input *input, struct chunk_scratch *scratch,
                    struct buffer *pages, struct buffer *filters, struct arena *arena,
                    struct chunk_result *out, struct error *err)
{
    const struct parquet_options *options = input->options;
    struct chunk_work work = {.input = input, .scratch = scratch, .arena = arena};
    struct chunk_layout *layout = &work.layout;
    const struct dictionary *distinct;
    TRY(codec_use(&scratch->codec, options->leaves[input->number].codec, err));
    TRY(lay_out(&work, err));
    work.source = (struct page_source){.leaf = input->leaf,
                                       .levels = &layout->levels,
                                       .values = &layout->values,
                                       .v2 = options->profile == PROFILE_DENSE};
    TRY(encoding_choose(input->leaf, options, input->number, &layout->values, &layout->bounds,
                        scratch, &work.source.coding, &distinct, err));
    out->offset_index.pages = layout->n_pages;
    out->offset_index.locations =
        arena_alloc(arena, layout->n_pages * sizeof(*out->offset_index.locations) + 1);
    if (!out->offset_index.locations)
        return error_no_memory(err);
    TRY(write_smallest(&work, pages, out, err));
    TRY(describe(&work, out, err));
    return use_distinct(&work, distinct, filters, out, err);
}
