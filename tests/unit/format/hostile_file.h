/* A small Parquet file put together from parts, each of which may lie. A good one is made first (good_*), then changed,
 * then built into bytes. One row group of at most two columns. */
#ifndef LEAT_TEST_HOSTILE_FILE_H
#define LEAT_TEST_HOSTILE_FILE_H

#include "format/codec/codec.h"
#include "format/parquet/crc32.h"
#include "format/parquet/metadata.h"
#include "memory_file.h"

enum { MOST_ELEMENTS = 64, MOST_PAGES = 4, MOST_CHUNKS = 2, MOST_BODY = 4096, AS_IT_IS = -1 };

struct made_page {
    int32_t type;
    uint8_t body[MOST_BODY];
    size_t size;
    int32_t values, encoding, definition_encoding, repetition_encoding;
    int32_t nulls, rows, definition_bytes, repetition_bytes; /* V2 */
    bool is_compressed;                                      /* V2 */
    int64_t stored_bytes, body_bytes; /* what the header says; AS_IT_IS: the truth */
    bool has_crc;
    uint32_t crc_flip; /* bits of the checksum that are wrong */
    bool no_details;   /* the header lacks the struct of its type */
    bool unknown_fields;
};

struct made_chunk {
    struct made_page pages[MOST_PAGES];
    size_t n_pages;
    int32_t codec;
    int32_t physical;
    int64_t values;
    int64_t data_offset, dictionary_offset,
        bytes; /* AS_IT_IS: the truth; dictionary: where there is one */
    const char *path;
    struct parquet_statistics statistics;
    struct parquet_column_index column_index;
    struct parquet_offset_index offset_index;
    bool has_index;
    int64_t index_shift; /* of the places in the offset index */
};

struct made_file {
    struct schema_element elements[MOST_ELEMENTS];
    size_t n_elements;
    struct made_chunk chunks[MOST_CHUNKS];
    size_t n_chunks;
    int64_t rows, footer_rows; /* of the row group, of the footer */
    size_t groups;             /* the one row group is said this often */
    const char *magic;
    int64_t footer_bytes;   /* what the tail says; AS_IT_IS: the truth */
    size_t cut;             /* bytes taken off the end */
    struct span raw_footer; /* instead of the footer */
    size_t memory_limit;
    bool all_columns_wanted; /* with a range over the first column */
};

/* ---- good parts ---- */

static inline struct schema_element element_of(const char *name, int physical, int repetition,
                                               int children)
{
    return (struct schema_element){.name = name,
                                   .physical = physical,
                                   .repetition = repetition,
                                   .n_children = children,
                                   .converted = PARQUET_CONVERTED_NONE};
}

static inline void add_element(struct made_file *file, const char *name, int physical,
                               int repetition, int children)
{
    file->elements[file->n_elements++] = element_of(name, physical, repetition, children);
}

static inline struct made_page *add_page(struct made_chunk *chunk, int32_t type, const void *body,
                                         size_t size, int32_t values, int32_t encoding)
{
    struct made_page *page = &chunk->pages[chunk->n_pages++];
    *page = (struct made_page){.type = type,
                               .size = size,
                               .values = values,
                               .rows = values,
                               .encoding = encoding,
                               .definition_encoding = PARQUET_RLE,
                               .repetition_encoding = PARQUET_RLE,
                               .is_compressed = true,
                               .stored_bytes = AS_IT_IS,
                               .body_bytes = AS_IT_IS};
    if (size > 0)
        memcpy(page->body, body, size);
    return page;
}

static inline struct made_chunk *add_chunk(struct made_file *file, int32_t physical, int64_t values)
{
    struct made_chunk *chunk = &file->chunks[file->n_chunks++];
    *chunk = (struct made_chunk){.physical = physical,
                                 .values = values,
                                 .data_offset = AS_IT_IS,
                                 .dictionary_offset = AS_IT_IS,
                                 .bytes = AS_IT_IS,
                                 .statistics = {.null_count = -1, .nan_count = -1}};
    return chunk;
}

static inline struct made_file file_of_rows(int64_t rows)
{
    return (struct made_file){
        .rows = rows, .footer_rows = rows, .groups = 1, .magic = "PAR1", .footer_bytes = AS_IT_IS};
}

/* Column "n", NOT NULL, of the numbers 1 to 4. */
static inline struct made_file good_numbers(void)
{
    static const int32_t numbers[] = {1, 2, 3, 4};
    struct made_file file = file_of_rows(4);
    add_element(&file, "schema", -1, -1, 1);
    add_element(&file, "n", PARQUET_INT32, PARQUET_REQUIRED, 0);
    add_page(add_chunk(&file, PARQUET_INT32, 4), PARQUET_DATA_PAGE, numbers, 16, 4, PARQUET_PLAIN);
    return file;
}

/* Column "n", nullable: 1, NULL, 2, NULL. */
static inline struct made_file good_nulls(void)
{
    static const uint8_t body[] = {2, 0, 0, 0, 3, 0x05, 1, 0, 0, 0, 2, 0, 0, 0};
    struct made_file file = good_numbers();
    file.elements[1].repetition = PARQUET_OPTIONAL;
    file.chunks[0].n_pages = 0;
    add_page(&file.chunks[0], PARQUET_DATA_PAGE, body, sizeof(body), 4, PARQUET_PLAIN);
    return file;
}

/* The same as a V2 page. */
static inline struct made_file good_v2(void)
{
    static const uint8_t body[] = {3, 0x05, 1, 0, 0, 0, 2, 0, 0, 0};
    struct made_file file = good_nulls();
    file.chunks[0].n_pages = 0;
    struct made_page *page =
        add_page(&file.chunks[0], PARQUET_DATA_PAGE_V2, body, sizeof(body), 4, PARQUET_PLAIN);
    page->nulls = 2;
    page->definition_bytes = 2;
    return file;
}

/* Column "t", text NOT NULL: "a", "bc", "a", "bc" of a dictionary. */
static inline struct made_file good_dictionary(void)
{
    static const uint8_t entries[] = {1, 0, 0, 0, 'a', 2, 0, 0, 0, 'b', 'c'};
    static const uint8_t index[] = {1, 3, 0x0a};
    struct made_file file = good_numbers();
    file.elements[1] = element_of("t", PARQUET_BYTE_ARRAY, PARQUET_REQUIRED, 0);
    file.elements[1].converted = PARQUET_CONVERTED_UTF8;
    file.chunks[0].physical = PARQUET_BYTE_ARRAY;
    file.chunks[0].n_pages = 0;
    add_page(&file.chunks[0], PARQUET_DICTIONARY_PAGE, entries, sizeof(entries), 2, PARQUET_PLAIN);
    add_page(&file.chunks[0], PARQUET_DATA_PAGE, index, sizeof(index), 4, PARQUET_RLE_DICTIONARY);
    return file;
}

/* Column "t", text NOT NULL, PLAIN: "a", "bc". */
static inline struct made_file good_texts(void)
{
    struct made_file file = good_dictionary();
    struct made_page entries = file.chunks[0].pages[0];
    file.rows = file.footer_rows = file.chunks[0].values = 2;
    file.chunks[0].n_pages = 0;
    add_page(&file.chunks[0], PARQUET_DATA_PAGE, entries.body, entries.size, 2, PARQUET_PLAIN);
    return file;
}

/* Column "list", nullable lists of nullable int32: [7, NULL], NULL, [], [8]. */
static inline struct made_file good_list(void)
{
    /* repetition 0 1 0 0 0; definition 3 2 0 1 3 */
    static const uint8_t body[] = {2,    0,    0, 0, 3, 0x02, 3, 0, 0, 0, 3,
                                   0x4b, 0x03, 7, 0, 0, 0,    8, 0, 0, 0};
    struct made_file file = file_of_rows(4);
    add_element(&file, "schema", -1, -1, 1);
    add_element(&file, "list", -1, PARQUET_OPTIONAL, 1);
    file.elements[1].converted = PARQUET_CONVERTED_LIST;
    add_element(&file, "list", -1, PARQUET_REPEATED, 1);
    add_element(&file, "element", PARQUET_INT32, PARQUET_OPTIONAL, 0);
    add_page(add_chunk(&file, PARQUET_INT32, 5), PARQUET_DATA_PAGE, body, sizeof(body), 5,
             PARQUET_PLAIN);
    return file;
}

/* Column "pairs", lists of structs (a, b) of required int32: [(1, 5), (2, 6)]. */
static inline struct made_file good_pairs(void)
{
    static const uint8_t a[] = {2, 0, 0, 0, 3, 0x02, 2, 0, 0, 0, 4, 1, 1, 0, 0, 0, 2, 0, 0, 0};
    static const uint8_t b[] = {2, 0, 0, 0, 3, 0x02, 2, 0, 0, 0, 4, 1, 5, 0, 0, 0, 6, 0, 0, 0};
    struct made_file file = file_of_rows(1);
    add_element(&file, "schema", -1, -1, 1);
    add_element(&file, "pairs", -1, PARQUET_REPEATED, 2);
    add_element(&file, "a", PARQUET_INT32, PARQUET_REQUIRED, 0);
    add_element(&file, "b", PARQUET_INT32, PARQUET_REQUIRED, 0);
    add_page(add_chunk(&file, PARQUET_INT32, 2), PARQUET_DATA_PAGE, a, sizeof(a), 2, PARQUET_PLAIN);
    add_page(add_chunk(&file, PARQUET_INT32, 2), PARQUET_DATA_PAGE, b, sizeof(b), 2, PARQUET_PLAIN);
    return file;
}

/* Column "n" in two pages with indexes: 1, 2 and 3, 4; and "m", the same without an index. */
static inline struct made_file good_index(void)
{
    static const int32_t numbers[] = {1, 2, 3, 4};
    static struct span min[2], max[2];
    static bool null_pages[2];
    static int64_t counts[2];
    static struct parquet_page_location locations[2];
    struct made_file file = good_numbers();
    file.elements[0].n_children = 2;
    add_element(&file, "m", PARQUET_INT32, PARQUET_REQUIRED, 0);
    file.chunks[0].n_pages = 0;
    for (size_t i = 0; i < 2; i++) {
        add_page(&file.chunks[0], PARQUET_DATA_PAGE, numbers + 2 * i, 8, 2, PARQUET_PLAIN);
        min[i] = (struct span){(const uint8_t *)(numbers + 2 * i), 4};
        max[i] = (struct span){(const uint8_t *)(numbers + 2 * i + 1), 4};
        locations[i] = (struct parquet_page_location){.first_row = (int64_t)(2 * i)};
    }
    file.chunks[0].has_index = true;
    file.chunks[0].column_index = (struct parquet_column_index){
        .pages = 2, .null_pages = null_pages, .min = min, .max = max, .null_counts = counts};
    file.chunks[0].offset_index = (struct parquet_offset_index){2, locations};
    add_page(add_chunk(&file, PARQUET_INT32, 4), PARQUET_DATA_PAGE, numbers, 16, 4, PARQUET_PLAIN);
    file.all_columns_wanted = true;
    return file;
}

/* ---- bytes ---- */

static inline void write_details(struct thrift_writer *w, const struct made_page *page)
{
    if (page->type == PARQUET_DATA_PAGE_V2) {
        thrift_field_struct(w, 8);
        thrift_field_i32(w, 1, page->values);
        thrift_field_i32(w, 2, page->nulls);
        thrift_field_i32(w, 3, page->rows);
        thrift_field_i32(w, 4, page->encoding);
        thrift_field_i32(w, 5, page->definition_bytes);
        thrift_field_i32(w, 6, page->repetition_bytes);
        thrift_field_bool(w, 7, page->is_compressed);
    } else {
        thrift_field_struct(w, page->type == PARQUET_DICTIONARY_PAGE ? 7 : 5);
        thrift_field_i32(w, 1, page->values);
        thrift_field_i32(w, 2, page->encoding);
        if (page->type != PARQUET_DICTIONARY_PAGE) {
            thrift_field_i32(w, 3, page->definition_encoding);
            thrift_field_i32(w, 4, page->repetition_encoding);
        }
    }
    if (page->unknown_fields)
        thrift_field_text(w, 100, "from a later version");
    thrift_struct_end(w);
}

static inline void write_page(struct buffer *out, const struct made_page *page, int32_t codec)
{
    static struct crc32 crc;
    uint8_t stored[2 * MOST_BODY];
    size_t size = page->size;
    struct codec compressor;
    struct thrift_writer w;
    crc32_init(&crc);
    memcpy(stored, page->body, page->size);
    if (codec == CODEC_ZSTD || codec == CODEC_SNAPPY || codec == CODEC_GZIP ||
        codec == CODEC_LZ4_RAW) {
        struct codec_spec spec = {(enum codec_id)codec, codec == CODEC_SNAPPY ? 0 : 1};
        CHECK_OK(codec_init(&compressor, spec, &test_error));
        CHECK_OK(codec_compress(&compressor, page->body, page->size, stored, sizeof(stored), &size,
                                &test_error));
        codec_release(&compressor);
    }
    thrift_writer_init(&w, out);
    thrift_field_i32(&w, 1, page->type);
    thrift_field_i32(
        &w, 2, (int32_t)(page->body_bytes == AS_IT_IS ? (int64_t)page->size : page->body_bytes));
    thrift_field_i32(
        &w, 3, (int32_t)(page->stored_bytes == AS_IT_IS ? (int64_t)size : page->stored_bytes));
    if (page->has_crc)
        thrift_field_i32(&w, 4, (int32_t)(crc32_of(&crc, stored, size) ^ page->crc_flip));
    if (!page->no_details)
        write_details(&w, page);
    if (page->unknown_fields)
        thrift_field_i64(&w, 99, -1);
    thrift_struct_end(&w);
    CHECK_OK(thrift_writer_check(&w, &test_error));
    CHECK_OK(buffer_append(out, stored, size, &test_error));
}

static inline struct parquet_chunk write_chunk_pages(struct buffer *out, struct made_chunk *made,
                                                     struct span *path)
{
    size_t start = out->size, data = 0, seen = 0;
    bool has_dictionary = false;
    for (size_t i = 0; i < made->n_pages; i++) {
        size_t at = out->size;
        bool is_data = made->pages[i].type != PARQUET_DICTIONARY_PAGE;
        has_dictionary |= !is_data;
        if (is_data && data == 0)
            data = at;
        write_page(out, &made->pages[i], made->codec);
        if (is_data && made->has_index && seen < made->offset_index.pages) {
            struct parquet_page_location *place = &made->offset_index.locations[seen++];
            place->offset = (int64_t)at + made->index_shift;
            place->bytes = (int32_t)(out->size - at);
        }
    }
    *path = (struct span){(const uint8_t *)made->path, made->path ? strlen(made->path) : 0};
    return (struct parquet_chunk){
        .physical = made->physical,
        .encodings = 1,
        .path = path,
        .n_path = made->path != NULL,
        .codec = made->codec,
        .values = made->values,
        .compressed_bytes = made->bytes == AS_IT_IS ? (int64_t)(out->size - start) : made->bytes,
        .uncompressed_bytes = 1,
        .data_page_offset = made->data_offset == AS_IT_IS ? (int64_t)data : made->data_offset,
        .dictionary_page_offset = made->dictionary_offset != AS_IT_IS ? made->dictionary_offset
                                  : has_dictionary                    ? (int64_t)start
                                                                      : -1,
        .statistics = made->statistics,
        .column_index_offset = -1,
        .offset_index_offset = -1,
        .bloom_filter_offset = -1};
}

static inline void write_index(struct buffer *out, const struct made_chunk *made,
                               struct parquet_chunk *chunk)
{
    struct thrift_writer w;
    if (!made->has_index)
        return;
    chunk->column_index_offset = (int64_t)out->size;
    thrift_writer_init(&w, out);
    parquet_write_column_index(&w, &made->column_index);
    thrift_struct_end(&w);
    chunk->column_index_bytes = (int32_t)((int64_t)out->size - chunk->column_index_offset);
    chunk->offset_index_offset = (int64_t)out->size;
    thrift_writer_init(&w, out);
    parquet_write_offset_index(&w, &made->offset_index);
    thrift_struct_end(&w);
    chunk->offset_index_bytes = (int32_t)((int64_t)out->size - chunk->offset_index_offset);
}

static inline void write_footer(struct buffer *out, const struct made_file *file,
                                const struct parquet_group *group)
{
    struct thrift_writer w;
    if (file->raw_footer.data) {
        CHECK_OK(buffer_append(out, file->raw_footer.data, file->raw_footer.size, &test_error));
        return;
    }
    thrift_writer_init(&w, out);
    thrift_field_i32(&w, 1, 1);
    thrift_field_list(&w, 2, THRIFT_STRUCT, file->n_elements);
    for (size_t i = 0; i < file->n_elements; i++)
        parquet_write_element(&w, &file->elements[i]);
    thrift_field_i64(&w, 3, file->footer_rows);
    thrift_field_list(&w, 4, THRIFT_STRUCT, file->groups);
    for (size_t i = 0; i < file->groups; i++) {
        thrift_item_struct(&w);
        parquet_write_group(&w, group);
        thrift_struct_end(&w);
    }
    thrift_field_list(&w, 7, THRIFT_STRUCT, 1); /* column orders */
    thrift_item_struct(&w);
    thrift_field_empty(&w, 1);
    thrift_struct_end(&w);
    thrift_struct_end(&w);
    CHECK_OK(thrift_writer_check(&w, &test_error));
}

/* The caller releases OUT. */
static inline void build_file(struct made_file *file, struct buffer *out)
{
    struct parquet_chunk chunks[MOST_CHUNKS];
    struct span paths[MOST_CHUNKS];
    uint8_t tail[4];
    *out = (struct buffer){0};
    CHECK_OK(buffer_append(out, "PAR1", 4, &test_error));
    for (size_t i = 0; i < file->n_chunks; i++)
        chunks[i] = write_chunk_pages(out, &file->chunks[i], &paths[i]);
    for (size_t i = 0; i < file->n_chunks; i++)
        write_index(out, &file->chunks[i], &chunks[i]);
    struct parquet_group group = {.chunks = chunks,
                                  .n_chunks = file->n_chunks,
                                  .rows = file->rows,
                                  .uncompressed_bytes = 1,
                                  .compressed_bytes = 1,
                                  .file_offset = -1,
                                  .ordinal = -1};
    size_t footer = out->size;
    write_footer(out, file, &group);
    store_u32le(tail, (uint32_t)(file->footer_bytes == AS_IT_IS ? (int64_t)(out->size - footer)
                                                                : file->footer_bytes));
    CHECK_OK(buffer_append(out, tail, 4, &test_error));
    CHECK_OK(buffer_append(out, file->magic, 4, &test_error));
    out->size = file->cut < out->size ? out->size - file->cut : 5;
}

#endif
