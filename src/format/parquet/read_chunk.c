#include "format/parquet/read_chunk.h"

#include <string.h>

#include "format/parquet/bit_pack.h"

bool chunk_range(const struct parquet_chunk *chunk, uint64_t file_end, uint64_t *out_at,
                 uint64_t *out_end)
{
    int64_t at = chunk->data_page_offset, dictionary = chunk->dictionary_page_offset;
    if (dictionary >= PARQUET_MAGIC_BYTES && dictionary < at)
        at = dictionary;
    if (at < PARQUET_MAGIC_BYTES || chunk->compressed_bytes < 0 || (uint64_t)at > file_end ||
        (uint64_t)chunk->compressed_bytes > file_end - (uint64_t)at)
        return false;
    *out_at = (uint64_t)at;
    *out_end = (uint64_t)at + (uint64_t)chunk->compressed_bytes;
    return true;
}

void chunk_reader_init(struct chunk_reader *reader, const struct read_leaf *leaf,
                       const struct byte_source *source, size_t ahead, struct read_memory *memory,
                       struct page_reader *pages, struct format_read_counts *counts)
{
    *reader = (struct chunk_reader){.leaf = leaf, .pages = pages, .counts = counts};
    reader->input = (struct read_input){
        .source = source, .memory = memory, .bytes_read = &counts->bytes, .ahead = ahead};
}

void chunk_reader_release(struct chunk_reader *reader)
{
    struct read_memory *memory = reader->input.memory;
    if (!memory)
        return;
    read_input_release(&reader->input);
    read_dictionary_release(memory, &reader->dictionary);
    values_scratch_release(memory, &reader->scratch);
    struct buffer *buffers[] = {&reader->body, &reader->dictionary_body, &reader->definition,
                                &reader->repetition, &reader->bits};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        read_memory_release(memory, buffers[i]);
}

void chunk_reader_start(struct chunk_reader *reader, const struct parquet_chunk *chunk,
                        const struct parquet_offset_index *index, uint64_t rows, uint64_t at,
                        uint64_t end)
{
    reader->chunk = chunk;
    reader->index = index;
    reader->group_rows = rows;
    reader->next_page = 0;
    reader->row = 0;
    reader->levels_left = (uint64_t)chunk->values;
    reader->has_dictionary = false;
    reader->page = (struct chunk_page){0};
    read_input_start(&reader->input, at, end);
}

status chunk_context(const struct chunk_reader *reader, struct error *err)
{
    char name[READ_NAME_BYTES];
    return error_context(err, "in page %zu of column \"%s\"",
                         reader->next_page ? reader->next_page - 1 : 0,
                         read_leaf_name(reader->leaf, name));
}

/* ---- levels of a page ---- */

static status levels_damaged(const char *kind, size_t n, uint8_t max, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA,
                     "%s levels do not hold: %zu of them, 0 to %u, were expected", kind, n, max);
}

/* The bytes of one kind of levels: told by the header (V2), by four bytes before them (RLE), or by their number. */
static status find_levels(const struct page_header *header, int32_t encoding, size_t v2_bytes,
                          const char *kind, struct span *rest, struct span *out, struct error *err)
{
    size_t size = v2_bytes;
    if (header->type == PARQUET_DATA_PAGE) {
        if (encoding == PARQUET_BIT_PACKED) {
            *out = *rest;
            return STATUS_OK;
        }
        if (encoding != PARQUET_RLE)
            return error_set(err, STATUS_BAD_DATA, "%s levels are in encoding %d, not RLE", kind,
                             encoding);
        size = rest->size < 4 ? SIZE_MAX : load_u32le(rest->data);
        if (size > rest->size || rest->size - size < 4)
            return error_set(err, STATUS_BAD_DATA, "%s levels are longer than their page", kind);
        *rest = (struct span){rest->data + 4, rest->size - 4};
    }
    *out = (struct span){rest->data, size};
    *rest = (struct span){rest->data + size, rest->size - size};
    return STATUS_OK;
}

static status read_bytes(struct chunk_reader *reader, const struct page_header *header,
                         int32_t encoding, size_t v2_bytes, const char *kind, uint8_t max,
                         struct buffer *into, struct span *rest, struct error *err)
{
    struct span levels;
    size_t used = 0;
    unsigned width = bit_width_of(max);
    TRY(find_levels(header, encoding, v2_bytes, kind, rest, &levels, err));
    TRY(read_memory_room(reader->input.memory, into, header->values + 8, "levels of a page", err));
    if (header->type == PARQUET_DATA_PAGE && encoding == PARQUET_BIT_PACKED) {
        if (!levels_read_packed(levels.data, levels.size, width, header->values, max, into->data,
                                &used))
            return levels_damaged(kind, header->values, max, err);
        *rest = (struct span){rest->data + used, rest->size - used};
        return STATUS_OK;
    }
    if (!levels_read_hybrid(levels.data, levels.size, width, header->values, max, into->data))
        return levels_damaged(kind, header->values, max, err);
    return STATUS_OK;
}

static void pack_ones(const uint8_t *levels, size_t n, uint8_t *bits, size_t *out_ones)
{
    size_t ones = 0;
    memset(bits, 0, n / 8 + 1);
    for (size_t i = 0; i < n; i++) {
        bits[i >> 3] |= (uint8_t)(levels[i] << (i & 7));
        ones += levels[i];
    }
    *out_ones = ones;
}

/* A leaf at the top has one bit of definition, or none. */
static status read_flat_levels(struct chunk_reader *reader, const struct page_header *header,
                               struct span *rest, size_t *out_values, struct error *err)
{
    struct chunk_page *page = &reader->page;
    struct span levels;
    size_t n = header->values;
    bool is_packed =
        header->type == PARQUET_DATA_PAGE && header->definition_encoding == PARQUET_BIT_PACKED;
    *out_values = n;
    if (reader->leaf->max_definition == 0)
        return STATUS_OK;
    struct buffer *bits = &reader->bits;
    if (is_packed) {
        TRY(read_bytes(reader, header, PARQUET_BIT_PACKED, 0, "definition", 1, &reader->definition,
                       rest, err));
        TRY(read_memory_room(reader->input.memory, bits, n / 8 + 16, "levels of a page", err));
        pack_ones(reader->definition.data, n, bits->data, out_values);
    } else {
        TRY(find_levels(header, header->definition_encoding, header->definition_bytes, "definition",
                        rest, &levels, err));
        if (levels_are_one_run(levels.data, levels.size, n))
            return STATUS_OK;
        TRY(read_memory_room(reader->input.memory, bits, n / 8 + 16, "levels of a page", err));
        if (!levels_read_bits(levels.data, levels.size, n, bits->data, out_values))
            return levels_damaged("definition", n, 1, err);
    }
    page->valid = *out_values < n ? bits->data : NULL;
    return STATUS_OK;
}

static size_t count_equal(const uint8_t *levels, size_t n, uint8_t value)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += levels[i] == value;
    return count;
}

static status read_nested_levels(struct chunk_reader *reader, const struct page_header *header,
                                 struct span *rest, size_t *out_values, struct error *err)
{
    const struct read_leaf *leaf = reader->leaf;
    struct chunk_page *page = &reader->page;
    if (leaf->max_repetition > 0) {
        TRY(read_bytes(reader, header, header->repetition_encoding, header->repetition_bytes,
                       "repetition", leaf->max_repetition, &reader->repetition, rest, err));
        page->repetition = reader->repetition.data;
    }
    if (leaf->max_definition > 0) {
        TRY(read_bytes(reader, header, header->definition_encoding, header->definition_bytes,
                       "definition", leaf->max_definition, &reader->definition, rest, err));
    } else {
        TRY(read_memory_room(reader->input.memory, &reader->definition, header->values + 8,
                             "levels of a page", err));
        memset(reader->definition.data, 0, header->values);
    }
    page->definition = reader->definition.data;
    *out_values = count_equal(page->definition, header->values, leaf->max_definition);
    return STATUS_OK;
}

static status read_levels(struct chunk_reader *reader, const struct page_header *header,
                          struct span *rest, size_t *out_values, struct error *err)
{
    const struct read_leaf *leaf = reader->leaf;
    bool is_v2 = header->type == PARQUET_DATA_PAGE_V2;
    if (is_v2 && ((leaf->max_repetition == 0 && header->repetition_bytes > 0) ||
                  (leaf->max_definition == 0 && header->definition_bytes > 0)))
        return error_set(err, STATUS_BAD_DATA, "the page has levels, its column has none");
    if (leaf_is_top(leaf))
        TRY(read_flat_levels(reader, header, rest, out_values, err));
    else
        TRY(read_nested_levels(reader, header, rest, out_values, err));
    if (is_v2 && *out_values + header->nulls != header->values)
        return error_set(err, STATUS_BAD_DATA,
                         "page header says %zu values with %zu NULLs, its levels say %zu NULLs",
                         header->values, header->nulls, header->values - *out_values);
    return STATUS_OK;
}

/* ---- pages ---- */

static size_t count_rows(const struct chunk_page *page, size_t from)
{
    if (!page->repetition)
        return page->levels - from;
    return count_equal(page->repetition + from, page->levels - from, 0);
}

/* Rows of the page by the offset index; SIZE_MAX without one. */
static uint64_t rows_by_index(const struct chunk_reader *reader)
{
    const struct parquet_offset_index *index = reader->index;
    size_t at = reader->next_page - 1;
    if (!index)
        return UINT64_MAX;
    uint64_t next =
        at + 1 < index->pages ? (uint64_t)index->locations[at + 1].first_row : reader->group_rows;
    return next - (uint64_t)index->locations[at].first_row;
}

static status check_rows(const struct chunk_reader *reader, const struct page_header *header,
                         struct error *err)
{
    const struct chunk_page *page = &reader->page;
    bool is_first = reader->next_page == 1;
    bool is_v2 = header->type == PARQUET_DATA_PAGE_V2;
    bool begins_row = page->levels == 0 || !page->repetition || page->repetition[0] == 0;
    uint64_t rows = count_rows(page, 0), expected = rows_by_index(reader);
    if (!begins_row && (is_first || is_v2 || reader->index))
        return error_set(err, STATUS_BAD_DATA, "the page begins inside of a row");
    if (is_v2 && rows != header->rows)
        return error_set(err, STATUS_BAD_DATA, "page header says %zu rows, its levels say %llu",
                         header->rows, (unsigned long long)rows);
    if (expected != UINT64_MAX && rows != expected)
        return error_set(err, STATUS_BAD_DATA, "offset index says %llu rows, the page has %llu",
                         (unsigned long long)expected, (unsigned long long)rows);
    return STATUS_OK;
}

static status open_data(struct chunk_reader *reader, const struct page_header *header,
                        struct error *err)
{
    struct span body;
    size_t values = 0;
    if (!reader->index && header->values > reader->levels_left)
        return error_set(err, STATUS_BAD_DATA,
                         "page header says %zu values, its column chunk has %llu left",
                         header->values, (unsigned long long)reader->levels_left);
    TRY(page_read_body(reader->pages, &reader->input, header, reader->chunk->codec, &reader->body,
                       &body, err));
    reader->page = (struct chunk_page){.levels = header->values};
    TRY(read_levels(reader, header, &body, &values, err));
    TRY(check_rows(reader, header, err));
    TRY(page_values_open(&reader->leaf->type, header->encoding, body, values,
                         reader->has_dictionary ? &reader->dictionary : NULL, reader->input.memory,
                         &reader->scratch, &reader->page.values, err));
    if (!reader->index)
        reader->levels_left -= header->values;
    return STATUS_OK;
}

static status load_dictionary(struct chunk_reader *reader, const struct page_header *header,
                              struct error *err)
{
    struct span body;
    struct read_memory *memory = reader->input.memory;
    if (reader->has_dictionary || reader->next_page > 0)
        return error_set(err, STATUS_BAD_DATA,
                         "a dictionary page that is not the first page of its column chunk");
    if (header->encoding != PARQUET_PLAIN && header->encoding != PARQUET_PLAIN_DICTIONARY)
        return error_set(err, STATUS_BAD_DATA, "a dictionary in encoding %d", header->encoding);
    TRY(page_read_body(reader->pages, &reader->input, header, reader->chunk->codec,
                       &reader->dictionary_body, &body, err));
    TRY(read_dictionary_load(&reader->leaf->type, body, header->values, memory, &reader->dictionary,
                             err));
    read_memory_release(memory, &reader->dictionary_body);
    reader->has_dictionary = true;
    return STATUS_OK;
}

/* Anything but data pages on the way to the next one. */
static status read_next(struct chunk_reader *reader, bool *out_is_data, struct error *err)
{
    struct page_header header;
    *out_is_data = false;
    if (read_input_left(&reader->input) == 0)
        return error_set(err, STATUS_BAD_DATA,
                         "the column chunk ends before the rows of its row group do");
    TRY(page_read_header(&reader->input, &header, err));
    switch (header.type) {
    case PARQUET_DICTIONARY_PAGE:
        return load_dictionary(reader, &header, err);
    case PARQUET_INDEX_PAGE:
        read_input_skip(&reader->input, header.stored_bytes);
        return STATUS_OK;
    case PARQUET_DATA_PAGE:
    case PARQUET_DATA_PAGE_V2:
        reader->next_page++;
        reader->counts->pages++;
        *out_is_data = true;
        return open_data(reader, &header, err);
    default:
        return error_set(err, STATUS_BAD_DATA, "page type %d is not in the format", header.type);
    }
}

/* With an index: the dictionary stands before the first data page, and then pages are told by the index. */
static status move_to_page(struct chunk_reader *reader, struct error *err)
{
    const struct parquet_offset_index *index = reader->index;
    if (reader->next_page >= index->pages)
        return error_set(err, STATUS_BAD_DATA, "the offset index ends before the row group does");
    uint64_t at = (uint64_t)index->locations[reader->next_page].offset;
    bool is_data = false;
    if (!reader->has_dictionary && reader->input.at < (uint64_t)index->locations[0].offset) {
        size_t kept = reader->next_page;
        reader->next_page = 0;
        while (!is_data && reader->input.at < (uint64_t)index->locations[0].offset)
            TRY(read_next(reader, &is_data, err));
        if (is_data)
            return error_set(err, STATUS_BAD_DATA, "the offset index leaves the first page out");
        reader->next_page = kept;
    }
    reader->input.at = at;
    return STATUS_OK;
}

static status next_page(struct chunk_reader *reader, struct error *err)
{
    bool is_data = false;
    if (reader->index)
        TRY(move_to_page(reader, err));
    while (!is_data)
        TRY(read_next(reader, &is_data, err));
    return STATUS_OK;
}

status chunk_next_page(struct chunk_reader *reader, struct error *err)
{
    do {
        status_code code = next_page(reader, err);
        if (code != STATUS_OK) {
            (void)chunk_context(reader, err);
            return code;
        }
    } while (reader->page.levels == 0);
    return STATUS_OK;
}

/* ---- rows ---- */

/* Bytes that a slot of the open page takes in the column at most; texts that stand in the page itself aside. */
static size_t widest(const struct chunk_reader *reader)
{
    size_t width = reader->leaf->type.out_width;
    if (width == 0 && reader->page.values.kind == VALUES_INDEX)
        width = reader->dictionary.longest;
    return width + sizeof(int64_t) + 1;
}

status chunk_ready(struct chunk_reader *reader, size_t room, size_t *out_rows, struct error *err)
{
    struct chunk_page *page = &reader->page;
    if (page->at == page->levels)
        TRY(chunk_next_page(reader, err));
    size_t rows = count_rows(page, page->at), width = widest(reader);
    if (rows > room / width) {
        rows = leaf_is_top(reader->leaf) ? room / width : 1;
        rows = rows > 0 ? rows : 1;
    } else if (page->repetition && page->levels > room / width) {
        rows = 1;
    }
    *out_rows = rows;
    return STATUS_OK;
}

status chunk_take_flat(struct chunk_reader *reader, size_t n, struct column *column,
                       struct error *err)
{
    struct chunk_page *page = &reader->page;
    size_t values = page->valid ? bits_count(page->valid, page->at, n) : n;
    TRY(column_reserve(column, n, err));
    status_code code = page_values_take(&reader->leaf->type, &page->values, values,
                                        reader->input.memory->limit, column, err);
    if (code != STATUS_OK) {
        (void)chunk_context(reader, err);
        return code;
    }
    column_fill(column, n, values, page->valid, page->at);
    page->at += n;
    reader->row += n;
    return STATUS_OK;
}

bool chunk_portion(const struct chunk_reader *reader, bool *io_begun, size_t *io_rows,
                   size_t *out_levels)
{
    const struct chunk_page *page = &reader->page;
    size_t left = page->levels - page->at;
    if (!page->repetition) {
        *out_levels = left < *io_rows ? left : *io_rows;
        *io_rows -= *out_levels;
        return *io_rows > 0;
    }
    const uint8_t *repetition = page->repetition + page->at;
    size_t i = 0;
    for (; i < left; i++) {
        if (repetition[i] > 0)
            continue;
        if (*io_begun && --*io_rows == 0)
            break;
        *io_begun = true;
    }
    *out_levels = i;
    return *io_rows > 0;
}

bool chunk_ends_row(const struct chunk_reader *reader, bool begun, size_t rows)
{
    /* pages that an index tells of begin with a row */
    bool is_last = reader->index || reader->levels_left == 0;
    return reader->page.repetition && begun && rows == 1 && is_last &&
           reader->page.at == reader->page.levels;
}

static status skip_levels(struct chunk_reader *reader, size_t n, struct error *err)
{
    struct chunk_page *page = &reader->page;
    size_t values = n;
    if (page->definition)
        values = count_equal(page->definition + page->at, n, reader->leaf->max_definition);
    else if (page->valid)
        values = bits_count(page->valid, page->at, n);
    page->at += n;
    return page_values_skip(&reader->leaf->type, &page->values, values, err);
}

static status skip_rows(struct chunk_reader *reader, uint64_t rows, struct error *err)
{
    size_t left = (size_t)rows, levels = 0;
    bool begun = false;
    while (left > 0) {
        if (reader->page.at == reader->page.levels)
            TRY(chunk_next_page(reader, err));
        bool goes_on = chunk_portion(reader, &begun, &left, &levels);
        TRY(skip_levels(reader, levels, err));
        if (!goes_on || chunk_ends_row(reader, begun, left))
            break;
    }
    reader->row += rows;
    return STATUS_OK;
}

/* The page that holds ROW becomes the next one to read, unless it is open already. */
static void seek_page(struct chunk_reader *reader, uint64_t row)
{
    const struct parquet_offset_index *index = reader->index;
    size_t at = reader->next_page;
    if (at >= index->pages || row < (uint64_t)index->locations[at].first_row)
        return;
    while (at + 1 < index->pages && (uint64_t)index->locations[at + 1].first_row <= row)
        at++;
    reader->counts->pages += at - reader->next_page;
    reader->counts->pages_skipped += at - reader->next_page;
    reader->next_page = at;
    reader->page = (struct chunk_page){0};
    reader->row = (uint64_t)index->locations[at].first_row;
}

status chunk_go_to(struct chunk_reader *reader, uint64_t row, struct error *err)
{
    if (reader->index)
        seek_page(reader, row);
    return row > reader->row ? skip_rows(reader, row - reader->row, err) : STATUS_OK;
}

status chunk_finish(struct chunk_reader *reader, struct error *err)
{
    if (reader->index) {
        reader->counts->pages += reader->index->pages - reader->next_page;
        reader->counts->pages_skipped += reader->index->pages - reader->next_page;
        return STATUS_OK;
    }
    if (reader->page.at == reader->page.levels && reader->levels_left == 0)
        return STATUS_OK;
    (void)error_set(err, STATUS_BAD_DATA, "the column chunk has more rows than its row group, %llu",
                    (unsigned long long)reader->group_rows);
    return chunk_context(reader, err);
}
