#include "format/parquet/read_skip.h"

#include <string.h>

#include "format/parquet/bloom.h"
#include "format/parquet/read_bound.h"
#include "format/parquet/read_chunk.h"

static const struct read_leaf *leaf_of(const struct skip_request *request,
                                       const struct format_range *range)
{
    return &request->plan->leaves[request->plan->first_leaf[range->field]];
}

static const struct parquet_chunk *chunk_of(const struct skip_request *request,
                                            const struct format_range *range)
{
    return &request->group->chunks[request->plan->first_leaf[range->field]];
}

/* ---- bounds ---- */

/* Can values within MIN and MAX (NULL: not known) lie in RANGE? */
static bool may_hold(const struct read_type *type, const struct format_range *range,
                     const struct span *min, const struct span *max)
{
    struct scalar bound;
    if (range->high && min && read_bound(type, *min, false, &bound) &&
        scalar_compare(&bound, range->high) > 0)
        return false;
    return !(range->low && max && read_bound(type, *max, true, &bound) &&
             scalar_compare(&bound, range->low) < 0);
}

static bool chunk_may_hold(const struct skip_request *request, const struct format_range *range)
{
    const struct parquet_chunk *chunk = chunk_of(request, range);
    const struct parquet_statistics *statistics = &chunk->statistics;
    if (statistics->null_count == chunk->values)
        return false;
    if (!request->has_orders)
        return true;
    return may_hold(&leaf_of(request, range)->type, range,
                    statistics->has_min ? &statistics->min : NULL,
                    statistics->has_max ? &statistics->max : NULL);
}

/* ---- parts of the file outside of chunks ---- */

/* SIZE bytes at OFFSET into BUFFER. *OUT_READ false: they are not inside of the file, or more than may be held. */
static status read_part(const struct skip_request *request, int64_t offset, uint64_t size,
                        struct buffer *buffer, bool *out_read, struct error *err)
{
    struct read_memory *memory = request->memory;
    *out_read = false;
    if (offset < PARQUET_MAGIC_BYTES || (uint64_t)offset > request->data_end ||
        size > request->data_end - (uint64_t)offset || memory->used > memory->limit ||
        size > (memory->limit - memory->used) / 2)
        return STATUS_OK;
    TRY(read_memory_room(memory, buffer, (size_t)size, "an index", err));
    TRY(request->source->read(request->source, (uint64_t)offset, buffer->data, (size_t)size, err));
    *request->bytes_read += size;
    *out_read = true;
    return STATUS_OK;
}

/* ---- bloom filter ---- */

/* A filter that can't be used tells nothing: rows are read then. */
static status probe(const struct skip_request *request, const struct parquet_chunk *chunk,
                    const struct read_type *type, struct span value, struct buffer *buffer,
                    bool *out_may_hold, struct error *err)
{
    enum { HEADER_GUESS = 64 };
    uint64_t left = request->data_end - (uint64_t)chunk->bloom_filter_offset, needed = 0;
    uint64_t size = chunk->bloom_filter_bytes > 0 ? (uint64_t)chunk->bloom_filter_bytes
                                                  : (left < HEADER_GUESS ? left : HEADER_GUESS);
    struct bloom_filter filter;
    for (int tries = 0; tries < 2; tries++) {
        bool is_read;
        TRY(read_part(request, chunk->bloom_filter_offset, size, buffer, &is_read, err));
        if (!is_read)
            return STATUS_OK;
        if (bloom_filter_read(buffer->data, (size_t)size, &filter, &needed, NULL) == STATUS_OK) {
            *out_may_hold = bloom_may_contain(&filter, type->physical, value);
            return STATUS_OK;
        }
        if (needed <= size)
            return STATUS_OK;
        size = needed;
    }
    return STATUS_OK;
}

static status filter_may_hold(const struct skip_request *request, const struct format_range *range,
                              bool *out, struct error *err)
{
    const struct parquet_chunk *chunk = chunk_of(request, range);
    const struct read_type *type = &leaf_of(request, range)->type;
    uint8_t buf[PLAIN_VALUE_BYTES];
    struct span value;
    *out = true;
    if (chunk->bloom_filter_offset < PARQUET_MAGIC_BYTES ||
        (uint64_t)chunk->bloom_filter_offset > request->data_end || !range->low || !range->high ||
        scalar_compare(range->low, range->high) != 0 || !plain_value(type, range->low, buf, &value))
        return STATUS_OK;
    struct buffer buffer = {0};
    status_code code = probe(request, chunk, type, value, &buffer, out, err);
    read_memory_release(request->memory, &buffer);
    return code;
}

/* ---- page indexes ---- */

static bool index_holds(const struct parquet_offset_index *index, uint64_t at, uint64_t end,
                        uint64_t rows)
{
    int64_t last_row = -1;
    for (size_t i = 0; i < index->pages; i++) {
        const struct parquet_page_location *page = &index->locations[i];
        if (page->offset < 0 || page->bytes < 0 || (uint64_t)page->offset < at ||
            (uint64_t)page->offset > end || (uint64_t)page->bytes > end - (uint64_t)page->offset ||
            page->first_row <= last_row || (uint64_t)page->first_row >= rows)
            return false;
        at = (uint64_t)page->offset + (uint64_t)page->bytes;
        last_row = page->first_row;
    }
    return index->pages > 0 && index->locations[0].first_row == 0;
}

static status index_damaged(const char *which, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "its %s index does not hold", which);
}

static status parse_offset_index(const struct skip_request *request, struct span bytes,
                                 struct parquet_offset_index *out, struct error *err)
{
    struct thrift_reader r;
    thrift_reader_init(&r, bytes.data, bytes.size);
    r.room = request->memory->limit;
    parquet_read_offset_index(&r, request->arena, out);
    return r.no_memory ? error_no_memory(err) : r.failed ? index_damaged("offset", err) : STATUS_OK;
}

status skip_offset_index(const struct skip_request *request, const struct parquet_chunk *chunk,
                         const struct parquet_offset_index **out, struct error *err)
{
    struct buffer buffer = {0};
    struct parquet_offset_index *index = arena_alloc(request->arena, sizeof(*index));
    uint64_t at = 0, end = 0;
    bool is_read = false;
    *out = NULL;
    if (!index)
        return error_no_memory(err);
    if (chunk->offset_index_bytes <= 0 || !chunk_range(chunk, request->data_end, &at, &end))
        return STATUS_OK;
    status_code code = read_part(request, chunk->offset_index_offset,
                                 (uint64_t)chunk->offset_index_bytes, &buffer, &is_read, err);
    if (code == STATUS_OK && is_read)
        code = parse_offset_index(
            request, (struct span){buffer.data, (size_t)chunk->offset_index_bytes}, index, err);
    if (code == STATUS_OK && is_read &&
        !index_holds(index, at, end, (uint64_t)request->group->rows))
        code = index_damaged("offset", err);
    read_memory_release(request->memory, &buffer);
    if (code == STATUS_OK && is_read)
        *out = index;
    return code;
}

/* Rows of pages that may hold values of RANGE, told by INDEX (its bounds lie in bytes that live for the call). */
static void keep_pages(const struct skip_request *request, const struct format_range *range,
                       const struct parquet_column_index *index,
                       const struct parquet_offset_index *pages, struct row_spans *out)
{
    const struct read_type *type = &leaf_of(request, range)->type;
    out->n = 0;
    for (size_t i = 0; i < index->pages; i++) {
        if (index->null_pages[i] || !may_hold(type, range, &index->min[i], &index->max[i]))
            continue;
        uint64_t first = (uint64_t)pages->locations[i].first_row;
        uint64_t end = i + 1 < pages->pages ? (uint64_t)pages->locations[i + 1].first_row
                                            : (uint64_t)request->group->rows;
        if (out->n > 0 && out->spans[out->n - 1].end == first)
            out->spans[out->n - 1].end = end;
        else
            out->spans[out->n++] = (struct row_span){first, end};
    }
}

static status parse_column_index(const struct skip_request *request,
                                 const struct format_range *range, struct span bytes,
                                 const struct parquet_offset_index *pages, struct row_spans *out,
                                 struct error *err)
{
    struct parquet_column_index index;
    struct thrift_reader r;
    thrift_reader_init(&r, bytes.data, bytes.size);
    r.room = request->memory->limit;
    parquet_read_column_index(&r, request->arena, &index);
    if (r.no_memory)
        return error_no_memory(err);
    if (r.failed || index.pages != pages->pages)
        return index_damaged("column", err);
    out->spans = arena_alloc(request->arena, index.pages * sizeof(*out->spans));
    if (!out->spans)
        return error_no_memory(err);
    keep_pages(request, range, &index, pages, out);
    return STATUS_OK;
}

/* *OUT_KNOWN false: the chunk has no indexes. */
static status spans_of_range(const struct skip_request *request, const struct format_range *range,
                             struct row_spans *out, bool *out_known, struct error *err)
{
    const struct parquet_chunk *chunk = chunk_of(request, range);
    const struct parquet_offset_index *pages = NULL;
    struct buffer buffer = {0};
    bool is_read = false;
    *out_known = false;
    if (chunk->column_index_bytes <= 0 || !request->has_orders)
        return STATUS_OK;
    TRY(skip_offset_index(request, chunk, &pages, err));
    if (!pages)
        return STATUS_OK;
    status_code code = read_part(request, chunk->column_index_offset,
                                 (uint64_t)chunk->column_index_bytes, &buffer, &is_read, err);
    if (code == STATUS_OK && is_read)
        code = parse_column_index(request, range,
                                  (struct span){buffer.data, (size_t)chunk->column_index_bytes},
                                  pages, out, err);
    read_memory_release(request->memory, &buffer);
    *out_known = code == STATUS_OK && is_read;
    return code;
}

/* Rows that are in both. */
static status intersect(struct arena *arena, const struct row_spans *a, const struct row_spans *b,
                        struct row_spans *out, struct error *err)
{
    struct row_span *spans = arena_alloc(arena, (a->n + b->n) * sizeof(*spans));
    size_t n = 0;
    if (!spans)
        return error_no_memory(err);
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        uint64_t first =
            a->spans[i].first > b->spans[k].first ? a->spans[i].first : b->spans[k].first;
        uint64_t end = a->spans[i].end < b->spans[k].end ? a->spans[i].end : b->spans[k].end;
        if (first < end)
            spans[n++] = (struct row_span){first, end};
        if (a->spans[i].end < b->spans[k].end)
            i++;
        else
            k++;
    }
    *out = (struct row_spans){spans, n};
    return STATUS_OK;
}

/* ---- the whole ---- */

static status choose_pages(const struct skip_request *request, struct row_spans *io_spans,
                           struct error *err)
{
    for (size_t i = 0; i < request->n_ranges && io_spans->n > 0; i++) {
        struct row_spans of_range;
        bool is_known;
        TRY(spans_of_range(request, &request->ranges[i], &of_range, &is_known, err));
        if (is_known)
            TRY(intersect(request->arena, io_spans, &of_range, io_spans, err));
    }
    return STATUS_OK;
}

status skip_choose(const struct skip_request *request, struct row_spans *out, struct error *err)
{
    bool may = true;
    struct row_span *all = arena_alloc(request->arena, sizeof(*all));
    if (!all)
        return error_no_memory(err);
    *out = (struct row_spans){0};
    for (size_t i = 0; i < request->n_ranges; i++)
        if (!chunk_may_hold(request, &request->ranges[i]))
            return STATUS_OK;
    for (size_t i = 0; i < request->n_ranges; i++) {
        TRY(filter_may_hold(request, &request->ranges[i], &may, err));
        if (!may)
            return STATUS_OK;
    }
    *all = (struct row_span){0, (uint64_t)request->group->rows};
    struct row_spans chosen = {all, 1};
    TRY(choose_pages(request, &chosen, err));
    *out = chosen;
    return STATUS_OK;
}
