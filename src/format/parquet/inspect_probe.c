#include "format/parquet/inspect_probe.h"

#include "format/parquet/bloom.h"

/* A page header is some thirty bytes, but the statistics in it may be large values. */
enum { HEADER_FIRST_BYTES = 256, HEADER_MAX_BYTES = 1 << 20 };

static bool lies_within(uint64_t offset, uint64_t bytes, uint64_t end)
{
    return offset <= end && bytes <= end - offset;
}

/* ---- page headers ---- */

/* DataPageHeader: 1 values, 2 encoding; DictionaryPageHeader the same; DataPageHeaderV2: 1 values, 2 nulls, 3 rows,
 * 4 encoding. */
static void read_body_header(struct thrift_reader *r, bool v2, struct seen_page *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1)
            out->values = thrift_int(r, &f);
        else if (f.id == (v2 ? 4 : 2))
            out->encoding = thrift_int32(r, &f);
        else if (v2 && f.id == 2)
            out->nulls = thrift_int(r, &f);
        else if (v2 && f.id == 3)
            out->rows = thrift_int(r, &f);
        else
            thrift_skip(r, &f);
    }
}

/* PageHeader. 5 data page, 7 dictionary page, 8 data page V2. */
static void read_header(struct thrift_reader *r, struct seen_page *out)
{
    struct thrift_field f = {0};
    *out = (struct seen_page){.type = -1, .encoding = -1, .rows = -1, .nulls = -1};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->type = thrift_int32(r, &f);
            break;
        case 2:
            out->decoded_bytes = thrift_int32(r, &f);
            break;
        case 3:
            out->stored_bytes = thrift_int32(r, &f);
            break;
        case 4:
            out->has_crc = true;
            thrift_skip(r, &f);
            break;
        case 5:
        case 7:
        case 8:
            if (thrift_struct(r, &f)) {
                read_body_header(r, f.id == 8, out);
                thrift_struct_done(r);
            }
            break;
        default:
            thrift_skip(r, &f);
        }
}

/* *OUT_WHOLE false: the header does not end within SIZE bytes, or is none. */
static status try_header(const struct byte_source *source, uint64_t at, size_t size,
                         struct seen_page *out, bool *out_whole, struct error *err)
{
    SCOPED(buffer_release) struct buffer bytes = {0};
    TRY(buffer_reserve(&bytes, size, err));
    TRY(source->read(source, at, bytes.data, size, err));
    struct thrift_reader r;
    thrift_reader_init(&r, bytes.data, size);
    read_header(&r, out);
    *out_whole = !r.failed;
    int64_t header = r.at - r.start;
    out->offset = at;
    out->stored_bytes += header;
    out->decoded_bytes += header;
    return STATUS_OK;
}

status seen_page_read(const struct byte_source *source, uint64_t at, uint64_t end,
                      struct seen_page *out, bool *out_holds, struct error *err)
{
    bool whole = false;
    *out_holds = false;
    if (end > source->size || at >= end)
        return STATUS_OK;
    size_t left = end - at < HEADER_MAX_BYTES ? (size_t)(end - at) : HEADER_MAX_BYTES;
    size_t first = left < HEADER_FIRST_BYTES ? left : HEADER_FIRST_BYTES;
    TRY(try_header(source, at, first, out, &whole, err));
    if (!whole && left > first)
        TRY(try_header(source, at, left, out, &whole, err));
    *out_holds = whole && out->stored_bytes > 0 && out->decoded_bytes > 0 && out->values >= 0 &&
                 (uint64_t)out->stored_bytes <= end - at;
    return STATUS_OK;
}

/* ---- a chunk ---- */

/* Where its pages are. Some writers don't say that the first one is a dictionary, some say so of a dictionary at 0. */
static void find_pages(const struct byte_source *source, const struct parquet_chunk *chunk,
                       struct chunk_probe *out)
{
    int64_t start = chunk->data_page_offset;
    if (chunk->dictionary_page_offset > 0 && chunk->dictionary_page_offset < start)
        start = chunk->dictionary_page_offset;
    if (start <= 0 || chunk->compressed_bytes <= 0 ||
        !lies_within((uint64_t)start, (uint64_t)chunk->compressed_bytes, source->size)) {
        out->damaged |= chunk->values > 0;
        return;
    }
    out->start = (uint64_t)start;
    out->end = (uint64_t)start + (uint64_t)chunk->compressed_bytes;
}

static status read_first_pages(const struct byte_source *source, struct chunk_probe *out,
                               struct error *err)
{
    struct seen_page page;
    bool holds;
    if (out->end == 0)
        return STATUS_OK;
    TRY(seen_page_read(source, out->start, out->end, &page, &holds, err));
    if (holds && page.type == PARQUET_DICTIONARY_PAGE) {
        out->has_dictionary = true;
        out->dictionary = page;
        if (page.offset + (uint64_t)page.stored_bytes == out->end)
            return STATUS_OK;
        TRY(seen_page_read(source, page.offset + (uint64_t)page.stored_bytes, out->end, &page,
                           &holds, err));
    }
    out->damaged |= !holds;
    out->has_data = holds && (page.type == PARQUET_DATA_PAGE || page.type == PARQUET_DATA_PAGE_V2);
    out->data = page;
    return STATUS_OK;
}

/* The bytes of an index, in ARENA; NULL: none, or not in the file. */
static status read_range(const struct byte_source *source, int64_t offset, int32_t bytes,
                         struct arena *arena, uint8_t **out, struct chunk_probe *probe,
                         struct error *err)
{
    *out = NULL;
    if (offset < 0)
        return STATUS_OK;
    if (bytes <= 0 || !lies_within((uint64_t)offset, (uint64_t)bytes, source->size)) {
        probe->damaged = true;
        return STATUS_OK;
    }
    uint8_t *range = arena_alloc(arena, (size_t)bytes);
    if (!range)
        return error_no_memory(err);
    TRY(source->read(source, (uint64_t)offset, range, (size_t)bytes, err));
    *out = range;
    return STATUS_OK;
}

static status told(const struct thrift_reader *r, bool *out_holds, struct chunk_probe *probe,
                   struct error *err)
{
    *out_holds = !r->failed;
    probe->damaged |= r->failed;
    return r->no_memory ? error_no_memory(err) : STATUS_OK;
}

static status read_indexes(const struct byte_source *source, const struct parquet_chunk *chunk,
                           struct arena *arena, struct chunk_probe *out, struct error *err)
{
    uint8_t *bytes;
    struct thrift_reader r;
    bool holds;
    TRY(read_range(source, chunk->offset_index_offset, chunk->offset_index_bytes, arena, &bytes,
                   out, err));
    if (bytes) {
        thrift_reader_init(&r, bytes, (size_t)chunk->offset_index_bytes);
        parquet_read_offset_index(&r, arena, &out->offset_index);
        TRY(told(&r, &holds, out, err));
        if (!holds)
            out->offset_index = (struct parquet_offset_index){0};
    }
    TRY(read_range(source, chunk->column_index_offset, chunk->column_index_bytes, arena, &bytes,
                   out, err));
    if (bytes) {
        thrift_reader_init(&r, bytes, (size_t)chunk->column_index_bytes);
        parquet_read_column_index(&r, arena, &out->column_index);
        TRY(told(&r, &holds, out, err));
        if (!holds)
            out->column_index = (struct parquet_column_index){0};
    }
    return STATUS_OK;
}

/* Bits are counted, not kept. */
static status read_bloom_filter(const struct byte_source *source, const struct parquet_chunk *chunk,
                                struct chunk_probe *out, struct error *err)
{
    SCOPED(buffer_release) struct buffer bytes = {0};
    struct bloom_filter filter;
    struct error ignored = {0};
    uint64_t at = (uint64_t)chunk->bloom_filter_offset, needed = 0;
    if (chunk->bloom_filter_offset < 0)
        return STATUS_OK;
    uint64_t left = at < source->size ? source->size - at : 0;
    size_t size = chunk->bloom_filter_bytes > 0 ? (size_t)chunk->bloom_filter_bytes
                                                : (size_t)HEADER_FIRST_BYTES;
    if (size > left)
        size = (size_t)left;
    for (int round = 0; round < 2 && size > 0; round++) {
        TRY(buffer_reserve(&bytes, size, err));
        TRY(source->read(source, at, bytes.data, size, err));
        if (bloom_filter_read(bytes.data, size, &filter, &needed, &ignored) == STATUS_OK) {
            out->has_bloom_filter = true;
            out->bloom_filter_bytes = filter.bytes;
            out->bloom_filter_fpp = bloom_false_positives(&filter);
            out->bloom_filter_distinct = bloom_distinct(&filter);
            return STATUS_OK;
        }
        if (needed <= size || needed > left)
            break;
        size = (size_t)needed; /* old files don't say how long a filter is; its header does */
    }
    out->damaged = true;
    return STATUS_OK;
}

status chunk_probe_read(const struct byte_source *source, const struct parquet_chunk *chunk,
                        struct arena *arena, struct chunk_probe *out, struct error *err)
{
    struct chunk_probe probe = {0};
    find_pages(source, chunk, &probe);
    TRY(read_first_pages(source, &probe, err));
    TRY(read_indexes(source, chunk, arena, &probe, err));
    TRY(read_bloom_filter(source, chunk, &probe, err));
    *out = probe;
    return STATUS_OK;
}
