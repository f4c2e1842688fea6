#include "format/parquet/inspect_survey.h"

#include <math.h>
#include <stdlib.h>

#include "format/parquet/bounds.h"
#include "format/parquet/describe.h"

enum leaf_order survey_order(const struct schema_element *element)
{
    bool is_unsigned = element->logical == PARQUET_LOGICAL_INTEGER && !element->is_signed;
    switch (element->physical) {
    case PARQUET_BOOLEAN:
        return ORDER_BOOL;
    case PARQUET_INT32:
        return is_unsigned ? ORDER_UINT32 : ORDER_INT32;
    case PARQUET_INT64:
        return is_unsigned ? ORDER_UINT64 : ORDER_INT64;
    case PARQUET_FLOAT:
        return ORDER_FLOAT;
    case PARQUET_DOUBLE:
        return ORDER_DOUBLE;
    case PARQUET_BYTE_ARRAY: /* a decimal's bytes may be of any length */
        return element->logical == PARQUET_LOGICAL_DECIMAL ? ORDER_NONE : ORDER_BYTES;
    case PARQUET_FIXED:
        if (element->logical == PARQUET_LOGICAL_DECIMAL)
            return ORDER_SIGNED_FIXED;
        return element->logical == PARQUET_LOGICAL_NONE || element->logical == PARQUET_LOGICAL_UUID
                   ? ORDER_BYTES
                   : ORDER_NONE;
    default:
        return ORDER_NONE;
    }
}

static size_t bound_bytes(const struct schema_element *element)
{
    if (element->physical != PARQUET_FIXED)
        return describe_bound_bytes(element);
    return element->type_length > 0 ? (size_t)element->type_length : 0;
}

static bool is_nan(const struct schema_element *element, struct span bound)
{
    float narrow;
    double wide;
    if (element->physical == PARQUET_FLOAT) {
        memcpy(&narrow, bound.data, sizeof(narrow));
        return isnan(narrow);
    }
    if (element->physical != PARQUET_DOUBLE)
        return false;
    memcpy(&wide, bound.data, sizeof(wide));
    return isnan(wide);
}

/* Can BOUND be compared? */
static bool is_usable(const struct schema_element *element, struct span bound)
{
    size_t bytes = bound_bytes(element);
    return survey_order(element) != ORDER_NONE && (bytes == 0 || bound.size == bytes) &&
           !is_nan(element, bound);
}

/* ---- lookups ---- */

/* The bounds of parts. */
struct ranges {
    const struct schema_element *element;
    struct span *mins, *maxs;
    size_t n, capacity;
    size_t parts, without_values; /* parts that hold no values are never read */
};

static status add_range(struct ranges *ranges, struct span min, struct span max, struct error *err)
{
    if (ranges->n == ranges->capacity) {
        size_t capacity = ranges->capacity ? 2 * ranges->capacity : 64;
        struct span *mins = mem_realloc_array(ranges->mins, capacity, sizeof(*mins));
        if (mins)
            ranges->mins = mins;
        struct span *maxs = mem_realloc_array(ranges->maxs, capacity, sizeof(*maxs));
        if (maxs)
            ranges->maxs = maxs;
        if (!mins || !maxs)
            return error_no_memory(err);
        ranges->capacity = capacity;
    }
    ranges->mins[ranges->n] = min;
    ranges->maxs[ranges->n++] = max;
    return STATUS_OK;
}

static void ranges_release(struct ranges *ranges)
{
    mem_free(ranges->mins);
    mem_free(ranges->maxs);
}

static int compare_spans(const void *a, const void *b, void *order)
{
    return bound_compare(*(const enum leaf_order *)order, *(const struct span *)a,
                         *(const struct span *)b);
}

/* Of N sorted bounds those below VALUE; with EQUAL also those that are it. */
static size_t count_below(enum leaf_order order, const struct span *sorted, size_t n,
                          struct span value, bool equal)
{
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        int sign = bound_compare(order, sorted[low + half], value);
        if (sign < 0 || (equal && sign == 0)) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

/* Parts that overlap one: those that begin at or below its end, without those that end below its beginning. */
static double count_overlapping(enum leaf_order order, const struct span *sorted_mins,
                                const struct span *sorted_maxs, size_t n, struct span min,
                                struct span max)
{
    size_t begun = count_below(order, sorted_mins, n, max, true);
    size_t ended = count_below(order, sorted_maxs, n, min, false);
    return begun > ended ? (double)(begun - ended)
                         : 0; /* bounds in a damaged file may be crossed */
}

static status count_lookup(struct ranges *ranges, struct lookup *out, struct error *err)
{
    enum leaf_order order = survey_order(ranges->element);
    size_t n = ranges->n, unbounded = ranges->parts - ranges->without_values - n;
    *out = (struct lookup){
        .total = ranges->parts, .bounded = n + ranges->without_values, .read = (double)unbounded};
    if (n == 0)
        return STATUS_OK;
    SCOPED(mem_freep) struct span *mins = mem_realloc_array(NULL, n, sizeof(*mins));
    SCOPED(mem_freep) struct span *maxs = mem_realloc_array(NULL, n, sizeof(*maxs));
    if (!mins || !maxs)
        return error_no_memory(err);
    memcpy(mins, ranges->mins, n * sizeof(*mins));
    memcpy(maxs, ranges->maxs, n * sizeof(*maxs));
    qsort_r(mins, n, sizeof(struct span), compare_spans, &order);
    qsort_r(maxs, n, sizeof(struct span), compare_spans, &order);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += count_overlapping(order, mins, maxs, n, ranges->mins[i], ranges->maxs[i]);
    out->read += sum / (double)n;
    return STATUS_OK;
}

/* ---- one column ---- */

struct surveying {
    const struct byte_source *source;
    const struct parquet_footer *meta;
    struct arena *arena; /* of one column: its indexes */
    struct ranges groups, pages;
    struct column_survey *out;
    struct error *err;
};

static void add_count(int64_t *sum, int64_t count)
{
    if (*sum < 0 || count < 0 || __builtin_add_overflow(*sum, count, sum))
        *sum = -1;
}

static void widen(struct column_survey *out, const struct parquet_statistics *from)
{
    enum leaf_order order = survey_order(out->element);
    if (from->has_min && is_usable(out->element, from->min) &&
        (!out->has_min || bound_compare(order, from->min, out->min) < 0)) {
        out->has_min = true;
        out->min = from->min;
        out->min_exact = from->min_exact;
    }
    if (from->has_max && is_usable(out->element, from->max) &&
        (!out->has_max || bound_compare(order, from->max, out->max) > 0)) {
        out->has_max = true;
        out->max = from->max;
        out->max_exact = from->max_exact;
    }
}

/* Levels and dictionary pages have encodings too, which say little. */
static uint64_t data_encodings(const struct parquet_chunk *chunk)
{
    uint64_t set = 0;
    if (chunk->plain_pages > 0)
        set |= (uint64_t)1 << PARQUET_PLAIN;
    if (chunk->indexed_pages > 0)
        set |= (uint64_t)1 << PARQUET_RLE_DICTIONARY;
    if (chunk->encoded_pages > 0 && chunk->page_encoding >= 0 && chunk->page_encoding < 64)
        set |= (uint64_t)1 << chunk->page_encoding;
    if (set)
        return set;
    uint64_t levels = (uint64_t)1 << PARQUET_RLE | (uint64_t)1 << PARQUET_BIT_PACKED;
    set = chunk->physical == PARQUET_BOOLEAN ? chunk->encodings : chunk->encodings & ~levels;
    return set ? set : chunk->encodings;
}

static status add_footer(struct surveying *s, const struct parquet_chunk *chunk)
{
    struct column_survey *out = s->out;
    const struct parquet_statistics *statistics = &chunk->statistics;
    add_count(&out->values, chunk->values);
    add_count(&out->nulls, statistics->null_count);
    add_count(&out->nans, statistics->nan_count);
    add_count(&out->stored_bytes, chunk->compressed_bytes);
    add_count(&out->plain_bytes, chunk->uncompressed_bytes);
    out->encodings |= chunk->encodings;
    out->data_encodings |= data_encodings(chunk);
    if (chunk->codec >= 0 && chunk->codec < 64)
        out->codecs |= (uint64_t)1 << chunk->codec;
    out->distinct =
        s->meta->n_groups == 1 && statistics->has_distinct ? statistics->distinct_count : -1;
    widen(out, statistics);
    s->groups.parts++;
    if (statistics->null_count >= 0 && statistics->null_count == chunk->values)
        s->groups.without_values++;
    else if (statistics->has_min && statistics->has_max &&
             is_usable(out->element, statistics->min) && is_usable(out->element, statistics->max))
        return add_range(&s->groups, statistics->min, statistics->max, s->err);
    return STATUS_OK;
}

static status add_pages(struct surveying *s, const struct chunk_probe *probe)
{
    const struct parquet_column_index *index = &probe->column_index;
    struct column_survey *out = s->out;
    s->pages.parts += probe->offset_index.pages;
    if (index->pages == 0 || index->pages != probe->offset_index.pages)
        return STATUS_OK;
    out->ascending &= index->boundary == PARQUET_ASCENDING;
    out->descending &= index->boundary == PARQUET_DESCENDING;
    for (size_t i = 0; i < index->pages; i++) {
        if (index->null_pages[i])
            s->pages.without_values++;
        else if (is_usable(out->element, index->min[i]) && is_usable(out->element, index->max[i]))
            TRY(add_range(&s->pages, index->min[i], index->max[i], s->err));
    }
    return STATUS_OK;
}

static status add_probe(struct surveying *s, const struct chunk_probe *probe)
{
    struct column_survey *out = s->out;
    out->damaged |= probe->damaged;
    out->column_indexes += probe->column_index.pages > 0;
    out->offset_indexes += probe->offset_index.pages > 0;
    if (probe->has_dictionary) {
        out->dictionaries++;
        add_count(&out->dictionary_entries, probe->dictionary.values);
        add_count(&out->dictionary_bytes, probe->dictionary.stored_bytes);
    }
    if (probe->has_data) {
        out->v1 += probe->data.type == PARQUET_DATA_PAGE;
        out->v2 += probe->data.type == PARQUET_DATA_PAGE_V2;
        out->checksummed += probe->data.has_crc;
    }
    if (probe->has_bloom_filter) {
        out->bloom_filters++;
        out->bloom_filter_bytes += probe->bloom_filter_bytes;
        if (probe->bloom_filter_fpp > out->bloom_filter_fpp)
            out->bloom_filter_fpp = probe->bloom_filter_fpp;
    }
    return add_pages(s, probe);
}

static status survey_groups(struct surveying *s, size_t leaf)
{
    for (size_t g = 0; g < s->meta->n_groups; g++) {
        const struct parquet_group *group = &s->meta->groups[g];
        struct chunk_probe probe;
        if (leaf >= group->n_chunks)
            continue;
        if (!s->out->first)
            s->out->first = &group->chunks[leaf];
        s->out->n_groups++;
        TRY(add_footer(s, &group->chunks[leaf]));
        TRY(chunk_probe_read(s->source, &group->chunks[leaf], s->arena, &probe, s->err));
        TRY(add_probe(s, &probe));
    }
    TRY(count_lookup(&s->groups, &s->out->groups, s->err));
    TRY(count_lookup(&s->pages, &s->out->pages, s->err));
    bool indexed = s->out->column_indexes > 0;
    s->out->ascending &= indexed;
    s->out->descending &= indexed;
    return STATUS_OK;
}

/* A column's indexes are held while it is looked at, never those of all columns. */
static status survey_column(const struct byte_source *source, const struct parquet_footer *meta,
                            const struct schema_element *element, size_t leaf,
                            struct column_survey *out, struct error *err)
{
    SCOPED(arena_release) struct arena arena = {0};
    *out = (struct column_survey){
        .element = element, .distinct = -1, .ascending = true, .descending = true};
    struct surveying s = {.source = source,
                          .meta = meta,
                          .arena = &arena,
                          .groups.element = element,
                          .pages.element = element,
                          .out = out,
                          .err = err};
    status_code code = survey_groups(&s, leaf);
    ranges_release(&s.groups);
    ranges_release(&s.pages);
    return code;
}

status survey_columns(const struct byte_source *source, const struct footer *footer,
                      struct arena *arena, struct column_survey **out, size_t *out_n,
                      struct error *err)
{
    const struct parquet_footer *meta = &footer->meta;
    size_t n = 0;
    const struct schema_element **leaves = describe_leaves(meta, arena, &n);
    struct column_survey *columns = arena_alloc(arena, n * sizeof(*columns) + 1);
    if (!leaves || !columns)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++)
        TRY(survey_column(source, meta, leaves[i], i, &columns[i], err));
    *out = columns;
    *out_n = n;
    return STATUS_OK;
}
