/* Files that lie, each a good one with one thing changed: every one is refused as bad data, by a message that says what
 * does not hold, without a crash, without an allocation above the limit. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "hostile_file.h"

enum { LIMIT = 1 << 20, MARGIN = 1 << 20 };

/* ---- what is allocated ---- */

static size_t live_bytes, peak_bytes, largest_bytes;

static void count_bytes(size_t before, size_t after, size_t asked)
{
    live_bytes += after - before;
    peak_bytes = live_bytes > peak_bytes ? live_bytes : peak_bytes;
    largest_bytes = asked > largest_bytes ? asked : largest_bytes;
}

static const struct memory_ops *system_memory;

static void *counted_realloc(void *block, size_t size)
{
    size_t before = block ? malloc_usable_size(block) : 0;
    void *made = system_memory->realloc(block, size);
    count_bytes(before, malloc_usable_size(made), size);
    return made;
}

static void counted_free(void *block)
{
    count_bytes(malloc_usable_size(block), 0, 0);
    system_memory->free(block);
}

static void *counted_map(void *old, size_t old_bytes, size_t new_bytes)
{
    void *made = system_memory->map(old, old_bytes, new_bytes);
    count_bytes(old_bytes, new_bytes, new_bytes);
    return made;
}

static void counted_unmap(void *block, size_t size)
{
    count_bytes(size, 0, 0);
    system_memory->unmap(block, size);
}

static const struct memory_ops counted_memory = {counted_realloc, counted_free, counted_map,
                                                 counted_unmap};

/* ---- reading ---- */

static status_code read_rows(struct format_reader *reader, struct error *err)
{
    const struct format_driver *driver = format_find("parquet");
    struct batch batch;
    size_t rows = 1;
    CHECK_OK(batch_init(&batch, driver->reader_batch_schema(reader), &test_error));
    status_code code = STATUS_OK;
    while (code == STATUS_OK && rows > 0) {
        code = driver->reader_next(reader, &batch, 1000, &rows, err);
        if (code == STATUS_OK)
            batch_clear(&batch);
        else if (batch.rows > 0)
            fail_msg("rows of a failed read are left in the batch");
    }
    batch_release(&batch);
    return code;
}

static status_code read_file(const struct buffer *bytes, size_t limit, bool has_range,
                             struct error *err)
{
    const struct format_driver *driver = format_find("parquet");
    struct memory_source source = memory_source_of(bytes->data, bytes->size);
    struct scalar low = {.type.id = TYPE_INT32, .i64 = 3};
    struct format_range range = {0, &low, NULL};
    struct format_read_options options = {.ranges = &range, .n_ranges = 1, .memory_limit = limit};
    struct format_reader *reader = NULL;
    TRY(driver->reader_open(&source.base, limit, &reader, err));
    status_code code = STATUS_OK;
    if (has_range)
        code = driver->reader_begin(reader, &options, err);
    if (code == STATUS_OK)
        code = read_rows(reader, err);
    driver->reader_free(reader);
    return code;
}

static status_code build_and_read(struct made_file *file, struct error *err)
{
    struct buffer bytes;
    build_file(file, &bytes);
    live_bytes = peak_bytes = largest_bytes = 0;
    system_memory = memory_set_ops(&counted_memory);
    size_t limit = file->memory_limit ? file->memory_limit : LIMIT;
    status_code code = read_file(&bytes, limit, file->all_columns_wanted, err);
    (void)memory_set_ops(system_memory);
    if (live_bytes != 0)
        fail_msg("%zu bytes are not freed", live_bytes);
    if (largest_bytes > limit + MARGIN || peak_bytes > 2 * limit + MARGIN)
        fail_msg("%zu bytes at once, %zu in one piece, with a limit of %zu", peak_bytes,
                 largest_bytes, limit);
    buffer_release(&bytes);
    return code;
}

/* ---- pieces of lies ---- */

static void set_body(struct made_page *page, const void *body, size_t size)
{
    memcpy(page->body, body, size);
    page->size = size;
}
#define BODY(page, ...)                                                                            \
    set_body((page), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

#define CHUNK (&f->chunks[0])
#define PAGE  (&f->chunks[0].pages[0])
#define DATA  (&f->chunks[0].pages[1]) /* behind a dictionary */

/* Groups in groups, each the only child of the one above. */
static void nest_deeply(struct made_file *f)
{
    f->n_elements = 1;
    for (int i = 0; i < MOST_ELEMENTS - 2; i++)
        add_element(f, "g", -1, PARQUET_OPTIONAL, 1);
    add_element(f, "n", PARQUET_INT32, PARQUET_REQUIRED, 0);
}

/* A field 20 of lists in lists in lists ... */
static void nest_thrift(struct made_file *f)
{
    static uint8_t bytes[4000];
    memset(bytes, 0x19, sizeof(bytes)); /* a list of one list */
    bytes[0] = 0x09;                    /* field: list, id in full */
    bytes[1] = 40;
    f->raw_footer = (struct span){bytes, sizeof(bytes)};
}

/* A map of 2^42 booleans, which need no bytes if one believes so. */
static void count_nothing(struct made_file *f)
{
    static const uint8_t bytes[] = {0x0b, 40, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0x11, 0};
    f->raw_footer = (struct span){bytes, sizeof(bytes)};
}

/* A list of 2^31 - 1 schema elements. */
static void count_elements(struct made_file *f)
{
    static const uint8_t bytes[] = {0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0};
    f->raw_footer = (struct span){bytes, sizeof(bytes)};
}

static void compress(struct made_file *f, int32_t codec, size_t size)
{
    f->chunks[0].codec = codec;
    f->chunks[0].pages[0].size = size;
    memset(f->chunks[0].pages[0].body, 0, size);
}

static void take_delta(struct made_file *f, int32_t encoding)
{
    f->chunks[0].pages[0].encoding = encoding;
}

/* ---- the lies: name, part of the message, the good file, what is changed in it ---- */

#define LIES(LIE)                                                                                  \
    /* the file and its footer */                                                                  \
    LIE(another_magic, "does not end in \"PAR1\"", numbers, f->magic = "PAR2")                     \
    LIE(an_encrypted_footer, "is encrypted", numbers, f->magic = "PARE")                           \
    LIE(a_file_cut_in_its_tail, "does not end in", numbers, f->cut = 3)                            \
    LIE(a_file_cut_to_nothing, "too few", numbers, f->cut = 1 << 30)                               \
    LIE(a_footer_of_2_gib, "a footer of 2147483647 bytes", numbers, f->footer_bytes = INT32_MAX)   \
    LIE(a_footer_of_4_gib, "a footer of 4294967295 bytes", numbers, f->footer_bytes = UINT32_MAX)  \
    LIE(a_footer_that_begins_too_late, "footer", numbers, f->footer_bytes = 20)                    \
    LIE(an_empty_footer, "footer", numbers, f->footer_bytes = 0)                                   \
    LIE(a_footer_above_the_limit, "more than the", numbers, f->memory_limit = 100)                 \
    LIE(a_footer_whose_structs_are_above_the_limit, "memory", numbers, f->memory_limit = 1000)     \
    LIE(thrift_nested_without_end, "Thrift data does not hold", numbers, nest_thrift(f))           \
    LIE(a_map_of_booleans_without_bytes, "Thrift data does not hold", numbers, count_nothing(f))   \
    LIE(more_elements_than_bytes, "Thrift data does not hold", numbers, count_elements(f))         \
    LIE(row_counts_that_disagree, "says 5 rows, its row groups 4", numbers, f->footer_rows = 5)    \
    LIE(a_row_group_said_twice, "overlap", numbers, f->groups = 2; f->footer_rows = 8)             \
    LIE(rows_below_zero, "footer", numbers, f->rows = f->footer_rows = -4)                         \
    /* the schema */                                                                               \
    LIE(more_children_than_elements, "is no tree", numbers, f->elements[0].n_children = 2)         \
    LIE(fewer_children_than_elements, "is no tree", numbers, f->elements[0].n_children = 0)        \
    LIE(children_below_zero, "is no tree", numbers, f->elements[0].n_children = -1)                \
    LIE(two_billion_children, "is no tree", numbers, f->elements[0].n_children = INT32_MAX)        \
    LIE(a_root_that_is_a_number, "no tree", numbers, f->elements[0].physical = PARQUET_INT32)      \
    LIE(a_group_without_fields, "group without fields", numbers, f->elements[1].physical = -1)     \
    LIE(groups_nested_without_end, "nests deeper than 32", numbers, nest_deeply(f))                \
    LIE(an_unknown_physical_type, "physical type 77", numbers, f->elements[1].physical = 77)       \
    LIE(an_unknown_repetition, "repetition 9", numbers, f->elements[1].repetition = 9)             \
    LIE(a_field_without_repetition, "repetition -1", numbers, f->elements[1].repetition = -1)      \
    LIE(a_text_of_int32, "STRING does not fit", numbers, f->elements[1].converted = 0)             \
    LIE(a_time_of_another_width, "a time of its unit does not fit", numbers,                       \
        f->elements[1].converted = PARQUET_CONVERTED_TIME_MICROS)                                  \
    LIE(an_integer_of_another_width, "an integer of its width", numbers,                           \
        f->elements[1].converted = PARQUET_CONVERTED_INT_64)                                       \
    LIE(a_decimal_without_digits, "precision 0", numbers,                                          \
        f->elements[1].converted = PARQUET_CONVERTED_DECIMAL)                                      \
    LIE(a_decimal_with_more_scale_than_digits, "precision 3 and scale 7", numbers,                 \
        f->elements[1].converted = PARQUET_CONVERTED_DECIMAL;                                      \
        f->elements[1].precision = 3; f->elements[1].scale = 7)                                    \
    LIE(a_decimal_of_a_thousand_digits, "1000 digits", numbers,                                    \
        f->elements[1].converted = PARQUET_CONVERTED_DECIMAL;                                      \
        f->elements[1].precision = 1000)                                                           \
    LIE(fixed_bytes_of_no_width, "FIXED_LEN_BYTE_ARRAY of 0", numbers,                             \
        f->elements[1].physical = PARQUET_FIXED)                                                   \
    LIE(values_of_a_gigabyte_each, "1073741824 bytes each", numbers,                               \
        f->elements[1].physical = PARQUET_FIXED;                                                   \
        f->elements[1].type_length = 1 << 30)                                                      \
    LIE(a_uuid_of_4_bytes, "UUID must be", numbers, f->elements[1].physical = PARQUET_FIXED;       \
        f->elements[1].type_length = 4; f->elements[1].logical = PARQUET_LOGICAL_UUID)             \
    LIE(a_name_that_is_not_utf8, "not valid UTF-8", numbers, f->elements[1].name = "\xff\xfe")     \
    /* row groups and chunks */                                                                    \
    LIE(fewer_chunks_than_columns, "0 column chunks", numbers, f->n_chunks = 0)                    \
    LIE(a_chunk_of_another_type, "physical type 2", numbers, CHUNK->physical = PARQUET_INT64)      \
    LIE(a_chunk_of_another_column, "said to be of \"x\"", numbers, CHUNK->path = "x")              \
    LIE(a_chunk_of_other_rows, "5 values, its row group 4", numbers, CHUNK->values = 5)            \
    LIE(a_chunk_of_values_below_zero, "-1 values", numbers, CHUNK->values = -1)                    \
    LIE(pages_behind_the_file, "not in the", numbers, CHUNK->data_offset = 1 << 30)                \
    LIE(pages_before_the_file, "not in the", numbers, CHUNK->data_offset = -8)                     \
    LIE(pages_in_the_magic, "not in the", numbers, CHUNK->data_offset = 1)                         \
    LIE(pages_at_the_end_of_numbers, "not in the", numbers, CHUNK->data_offset = INT64_MAX)        \
    LIE(a_chunk_of_2_exbibytes, "not in the", numbers, CHUNK->bytes = INT64_MAX)                   \
    LIE(a_chunk_of_bytes_below_zero, "not in the", numbers, CHUNK->bytes = -2)                     \
    LIE(a_chunk_of_no_bytes, "ends before the rows", numbers, CHUNK->bytes = 0)                    \
    LIE(a_chunk_cut_in_a_header, "page header", numbers, CHUNK->bytes = 5)                         \
    LIE(a_chunk_cut_in_a_page, "page header says 16 bytes", numbers, CHUNK->bytes = 30)            \
    LIE(two_chunks_in_one_place, "overlap", pairs, f->chunks[1].data_offset = 4)                   \
    LIE(the_codec_lzo, "LZO can't be read", numbers, CHUNK->codec = 3)                             \
    LIE(the_codec_lz4_of_old, "LZ4 can't be read", numbers, CHUNK->codec = 5)                      \
    LIE(a_codec_not_in_the_format, "codec 99", numbers, CHUNK->codec = 99)                         \
    /* page headers */                                                                             \
    LIE(a_page_of_2_gib_stored, "2147483647 bytes", numbers, PAGE->stored_bytes = INT32_MAX)       \
    LIE(a_page_of_2_gib_behind_a_codec, "needs 2147483647 bytes", numbers,                         \
        CHUNK->codec = CODEC_ZSTD;                                                                 \
        PAGE->body_bytes = INT32_MAX)                                                              \
    LIE(a_page_of_size_below_zero, "page header", numbers, PAGE->stored_bytes = -16)               \
    LIE(a_body_below_zero, "page header", numbers, PAGE->body_bytes = -2)                          \
    LIE(sizes_that_differ_without_a_codec, "not compressed", numbers, PAGE->body_bytes = 17)       \
    LIE(values_below_zero, "page header", numbers, PAGE->values = -1)                              \
    LIE(more_values_than_the_chunk, "header says 5 values", numbers, PAGE->values = 5)             \
    LIE(fewer_values_than_the_chunk, "ends before the rows", numbers, PAGE->values = 3)            \
    LIE(two_billion_values, "2147483647 values", numbers, PAGE->values = INT32_MAX)                \
    LIE(a_header_without_its_details, "page header", numbers, PAGE->no_details = true)             \
    LIE(a_page_type_not_in_the_format, "page header", numbers, PAGE->type = 17)                    \
    LIE(a_wrong_checksum, "checksum", numbers, PAGE->has_crc = true; PAGE->crc_flip = 1)           \
    LIE(two_dictionaries, "not the first page", dictionary, CHUNK->pages[2] = *PAGE;               \
        CHUNK->n_pages = 3; CHUNK->values = f->rows = f->footer_rows = 5)                          \
    LIE(an_encoding_not_in_the_format, "encoding 42", numbers, PAGE->encoding = 42)                \
    LIE(an_encoding_of_another_type, "can't hold values", numbers, PAGE->encoding = 7)             \
    /* levels */                                                                                   \
    LIE(levels_longer_than_the_page, "longer than their page", nulls, PAGE->body[0] = 200)         \
    LIE(levels_of_4_gib, "longer than their page", nulls, memset(PAGE->body, 0xff, 4))             \
    LIE(levels_that_end_too_early, "levels do not hold", nulls, PAGE->body[4] = 0x01)              \
    LIE(a_level_above_the_highest, "levels do not hold", nulls,                                    \
        BODY(PAGE, 2, 0, 0, 0, 8, 2, 1, 0, 0, 0, 2, 0, 0, 0))                                      \
    LIE(a_run_of_no_values, "levels do not hold", nulls, PAGE->body[4] = 0)                        \
    LIE(levels_in_plain, "not RLE", nulls, PAGE->definition_encoding = PARQUET_PLAIN)              \
    LIE(levels_packed_the_old_way_and_cut, "levels do not hold", nulls,                            \
        PAGE->definition_encoding = PARQUET_BIT_PACKED;                                            \
        PAGE->size = 0)                                                                            \
    LIE(more_values_by_levels_than_there_are, "do not fit", nulls, PAGE->body[5] = 0x0f)           \
    LIE(nulls_that_the_levels_deny, "with 3 NULLs", v2, PAGE->nulls = 3)                           \
    LIE(rows_that_the_levels_deny, "says 3 rows", v2, PAGE->rows = 3)                              \
    LIE(v2_levels_longer_than_the_page, "bytes of levels", v2, PAGE->definition_bytes = 900)       \
    LIE(v2_levels_where_there_are_none, "its column has none", v2, PAGE->repetition_bytes = 1)     \
    LIE(v2_levels_of_2_gib, "bytes of levels", v2, PAGE->definition_bytes = INT32_MAX;             \
        PAGE->repetition_bytes = INT32_MAX)                                                        \
    LIE(a_list_that_begins_inside, "begins inside of a row", list, PAGE->body[5] = 0x03)           \
    LIE(an_element_of_a_null_list, "go on with a list", list, PAGE->body[5] = 0x0a)                \
    LIE(a_list_level_above_the_highest, "levels do not hold", list,                                \
        BODY(PAGE, 2, 0, 0, 0, 10, 2, 3, 0, 0, 0, 3, 0x4b, 3, 7, 0, 0, 0, 8, 0, 0, 0))             \
    LIE(fewer_rows_by_levels, "ends before the rows", list, PAGE->body[5] = 0x06;                  \
        PAGE->body[11] = 0x2b)                                                                     \
    LIE(columns_that_disagree_on_a_list, "not those of the other", pairs,                          \
        f->chunks[1].pages[0].body[5] = 0x00;                                                      \
        f->rows = f->footer_rows = 1)                                                              \
    LIE(more_rows_than_the_group, "more rows than its row group", pairs,                           \
        f->chunks[0].pages[0].body[5] = 0x00;                                                      \
        f->chunks[1].pages[0].body[5] = 0x00)                                                      \
    /* values */                                                                                   \
    LIE(fewer_bytes_than_values, "do not fit", numbers, PAGE->size = 15)                           \
    LIE(an_index_out_of_range, "dictionary index 1, but", dictionary, PAGE->values = 1)            \
    LIE(an_index_of_40_bits, "indexes of 40 bits", dictionary, DATA->body[0] = 40)                 \
    LIE(an_index_far_out_of_range, "dictionary index 4294967295", dictionary,                      \
        BODY(DATA, 32, 8, 0xff, 0xff, 0xff, 0xff))                                                 \
    LIE(indexes_that_end_too_early, "ends before its dictionary", dictionary, DATA->size = 2)      \
    LIE(no_index_at_all, "do not fit", dictionary, DATA->size = 0)                                 \
    LIE(indexes_without_a_dictionary, "no dictionary before it", numbers, PAGE->encoding = 8)      \
    LIE(a_dictionary_that_says_too_much, "does not fit into the 11", dictionary, PAGE->values = 3) \
    LIE(a_dictionary_of_two_billion, "does not fit", dictionary, PAGE->values = INT32_MAX)         \
    LIE(a_dictionary_in_another_encoding, "dictionary in encoding 6", dictionary,                  \
        PAGE->encoding = 6)                                                                        \
    LIE(a_dictionary_that_is_not_utf8, "entry 0 is not valid UTF-8", dictionary,                   \
        PAGE->body[4] = 0xff)                                                                      \
    LIE(a_dictionary_text_of_4_gib, "does not fit", dictionary, memset(PAGE->body, 0xff, 4))       \
    LIE(a_text_of_4_gib, "longer than what is left", texts, memset(PAGE->body, 0xff, 4))           \
    LIE(a_text_cut_off, "longer than what is left", texts, PAGE->size = 10)                        \
    LIE(a_text_that_is_not_utf8, "not valid UTF-8", texts, PAGE->body[4] = 0xc3)                   \
    LIE(a_character_cut_between_texts, "not valid UTF-8", texts, PAGE->body[4] = 0xc3;             \
        PAGE->body[9] = 0xa9)                                                                      \
    LIE(a_number_out_of_its_range, "out of the range of its type", numbers,                        \
        f->elements[1].converted = PARQUET_CONVERTED_INT_8;                                        \
        PAGE->body[1] = 1)                                                                         \
    LIE(a_time_beyond_the_day, "no time of a day", numbers,                                        \
        f->elements[1].converted = PARQUET_CONVERTED_TIME_MILLIS;                                  \
        PAGE->body[3] = 0x7f)                                                                      \
    LIE(a_decimal_of_more_digits, "more digits", numbers,                                          \
        f->elements[1].converted = PARQUET_CONVERTED_DECIMAL;                                      \
        f->elements[1].precision = 2; PAGE->body[0] = 100)                                         \
    /* dense encodings */                                                                          \
    LIE(a_delta_header_that_ends, "DELTA_BINARY_PACKED", numbers, take_delta(f, 5);                \
        PAGE->size = 1)                                                                            \
    LIE(a_delta_of_another_count, "DELTA_BINARY_PACKED", numbers, take_delta(f, 5);                \
        BODY(PAGE, 0x80, 1, 4, 5, 0, 0, 0, 0, 0, 0))                                               \
    LIE(a_delta_block_of_nothing, "DELTA_BINARY_PACKED", numbers, take_delta(f, 5);                \
        BODY(PAGE, 0, 0, 4, 0))                                                                    \
    LIE(a_delta_of_texts_too_long, "DELTA_LENGTH_BYTE_ARRAY", texts, take_delta(f, 6);             \
        BODY(PAGE, 0x80, 1, 4, 2, 0xc8, 1, 0, 0, 0, 0, 0, 'x'))                                    \
    LIE(a_delta_of_lengths_below_zero, "DELTA_LENGTH_BYTE_ARRAY", texts, take_delta(f, 6);         \
        BODY(PAGE, 0x80, 1, 4, 2, 1, 0, 0, 0, 0, 0, 'x'))                                          \
    LIE(a_delta_of_prefixes_of_nothing, "DELTA_BYTE_ARRAY", texts, take_delta(f, 7);               \
        BODY(PAGE, 0x80, 1, 4, 2, 4, 0, 0, 0, 0, 0, 0x80, 1, 4, 2, 0, 0, 0, 0, 0, 0))              \
    LIE(a_split_that_is_cut, "do not fit", numbers, take_delta(f, 9); PAGE->size = 12)             \
    /* codecs */                                                                                   \
    LIE(zstd_that_is_none, "ZSTD data is damaged", numbers, CHUNK->codec = CODEC_ZSTD;             \
        PAGE->stored_bytes = 5)                                                                    \
    LIE(zstd_of_another_size, "ZSTD data is damaged", numbers, compress(f, CODEC_ZSTD, 16);        \
        PAGE->body_bytes = 20)                                                                     \
    LIE(a_zstd_bomb, "ZSTD data is damaged", numbers, compress(f, CODEC_ZSTD, 4000);               \
        PAGE->body_bytes = 16)                                                                     \
    LIE(snappy_of_another_size, "SNAPPY data is damaged", numbers, compress(f, CODEC_SNAPPY, 16);  \
        PAGE->body_bytes = 20)                                                                     \
    LIE(a_snappy_bomb, "SNAPPY data is damaged", numbers, compress(f, CODEC_SNAPPY, 4000);         \
        PAGE->body_bytes = 16)                                                                     \
    LIE(a_gzip_bomb, "GZIP data is damaged", numbers, compress(f, CODEC_GZIP, 4000);               \
        PAGE->body_bytes = 16)                                                                     \
    LIE(gzip_of_less, "GZIP data is damaged", numbers, compress(f, CODEC_GZIP, 16);                \
        PAGE->body_bytes = 20)                                                                     \
    LIE(an_lz4_bomb, "LZ4_RAW data is damaged", numbers, compress(f, CODEC_LZ4_RAW, 4000);         \
        PAGE->body_bytes = 16)                                                                     \
    LIE(brotli_that_is_none, "BROTLI data is damaged", numbers, CHUNK->codec = CODEC_BROTLI)       \
    /* indexes */                                                                                  \
    LIE(an_index_that_points_outside, "offset index does not hold", index,                         \
        CHUNK->index_shift = 1 << 20)                                                              \
    LIE(an_index_before_the_file, "offset index does not hold", index, CHUNK->index_shift = -90)   \
    LIE(an_index_that_begins_later, "offset index does not hold", index,                           \
        CHUNK->offset_index.locations[0].first_row = 1)                                            \
    LIE(an_index_of_rows_beyond, "offset index does not hold", index,                              \
        CHUNK->offset_index.locations[1].first_row = 4)                                            \
    LIE(an_index_of_rows_that_go_back, "offset index does not hold", index,                        \
        CHUNK->offset_index.locations[1].first_row = 0)                                            \
    LIE(an_index_of_other_rows, "offset index says", index,                                        \
        CHUNK->offset_index.locations[1].first_row = 3)                                            \
    LIE(indexes_of_different_lengths, "column index does not hold", index,                         \
        CHUNK->column_index.pages = 1)                                                             \
    LIE(an_index_without_pages, "does not hold", index, CHUNK->column_index.pages = 0;             \
        CHUNK->offset_index.pages = 0)

#define DEFINE(name, expected, good, ...)                                                          \
    static void name(struct made_file *f)                                                          \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
LIES(DEFINE)

static const struct {
    const char *name, *expected;
    struct made_file (*good)(void);
    void (*change)(struct made_file *file);
} lies[] = {
#define ROW(name, expected, good, ...) {#name, expected, good_##good, name},
    LIES(ROW)};

static void good_files_are_read(void **state)
{
    struct made_file (*const good[])(void) = {good_numbers, good_nulls, good_v2,    good_dictionary,
                                              good_texts,   good_list,  good_pairs, good_index};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct made_file file = good[i]();
        if (build_and_read(&file, &test_error) != STATUS_OK)
            fail_msg("good file %zu: %s", i, test_error.text);
    }
}

static void every_lie_is_refused(void **state)
{
    size_t failed = 0;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct made_file file = lies[i].good();
        struct error error = {0};
        lies[i].change(&file);
        status_code code = build_and_read(&file, &error);
        if (code == STATUS_BAD_DATA && strstr(error.text, lies[i].expected))
            continue;
        print_error("%s: %s, \"%s\", expected \"%s\"\n", lies[i].name, status_text(code),
                    error.text, lies[i].expected);
        failed++;
    }
    assert_true(sizeof(lies) / sizeof(lies[0]) >= 60);
    assert_int_equal(failed, 0);
}

/* A message names the column, the page and the row group. */
static void a_refusal_says_where(void **state)
{
    struct made_file file = good_dictionary();
    struct error error = {0};
    file.chunks[0].pages[0].values = 1;
    assert_int_equal(build_and_read(&file, &error), STATUS_BAD_DATA);
    assert_string_equal(error.text, "dictionary index 1, but the dictionary has 1 entries\n"
                                    "in page 0 of column \"t\"\nin row group 0");
}

/* Files of the writer with any byte changed, any length: refused or read, never more. Sanitizers look on. */
static void damaged_files_of_the_writer_do_no_harm(void **state)
{
    static const char *const variants[][4] = {
        {"compression=none", NULL},
        {"compression=none", "dictionary=false", "page_rows=7", NULL},
        {"compression=zstd", NULL},
        {"compression=none", "encoding=dense", NULL},
    };
    uint64_t seed = 5;
    for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); v++) {
        struct batch batch;
        struct memory_sink sink;
        struct file_result result;
        struct test_options options;
        make_mixed(&batch, 60);
        write_file(&batch, 2, test_options(&options, variants[v]), &sink, &result);
        for (int i = 0; i < 1500; i++) {
            struct buffer copy = {0};
            struct error error = {0};
            CHECK_OK(buffer_append(&copy, sink.bytes.data, sink.bytes.size, &test_error));
            for (uint64_t flips = next_random(&seed) % 3; flips < 3; flips++)
                copy.data[next_random(&seed) % copy.size] ^=
                    (uint8_t)(1u << next_random(&seed) % 8);
            if (i % 10 == 0)
                copy.size = next_random(&seed) % copy.size;
            status_code code = read_file(&copy, LIMIT, false, &error);
            if (code != STATUS_OK && code != STATUS_BAD_DATA)
                fail_msg("%s: %s", status_text(code), error.text);
            buffer_release(&copy);
        }
        file_result_release(&result);
        buffer_release(&sink.bytes);
        batch_release(&batch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_read),
        cmocka_unit_test(every_lie_is_refused),
        cmocka_unit_test(a_refusal_says_where),
        cmocka_unit_test(damaged_files_of_the_writer_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
