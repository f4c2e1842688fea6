/* Forms that older writers left behind, each put together by hand: lists without a wrapper, maps by their old name,
 * packed levels, dictionaries that nothing points to, members of gzip one after the other. */
#include <libdeflate.h>
#include <stdio.h>

#include "hostile_file.h"

/* ---- rows as text: 1 [1, NULL] {k: v} ---- */

static char text[4096];

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list args;
    size_t used = strlen(text);
    va_start(args, format);
    vsnprintf(text + used, sizeof(text) - used, format, args);
    va_end(args);
}

static void say_value(const struct column *column, size_t row);

static void say_children(const struct column *column, size_t row)
{
    for (size_t i = 0; i < column->n_children; i++) {
        say(i ? " " : "(");
        say_value(&column->children[i], row);
    }
    say(")");
}

static void say_value(const struct column *column, size_t row)
{
    const int64_t *offsets = column_offsets(column);
    struct arena arena = {0};
    struct scalar value;
    if (column_is_null(column, row)) {
        say("NULL");
    } else if (column->field->type.id == TYPE_STRUCT) {
        say_children(column, row);
    } else if (type_is_nested(column->field->type)) {
        say("[");
        for (int64_t i = offsets[row]; i < offsets[row + 1]; i++) {
            say(i > offsets[row] ? " " : "");
            say_value(&column->children[0], (size_t)i);
        }
        say("]");
    } else {
        scalar_from_column(&value, column, row);
        say("%s", scalar_text(&value, &arena));
    }
    arena_release(&arena);
}

static void say_type(const struct field *field)
{
    char buf[64];
    say("%s%s", type_text(field->type, buf), field->nullable ? "?" : "");
    for (size_t i = 0; i < field->n_children; i++) {
        say(i ? " " : "<");
        say_type(&field->children[i]);
    }
    say(field->n_children ? ">" : "");
}

/* "type: row, row" of the first column. */
static const char *read_bytes(const struct buffer *bytes)
{
    const struct format_driver *driver = format_find("parquet");
    struct memory_source source = memory_source_of(bytes->data, bytes->size);
    struct format_reader *reader = NULL;
    struct batch batch;
    size_t rows = 0;
    text[0] = 0;
    CHECK_OK(driver->reader_open(&source.base, 0, &reader, &test_error));
    say_type(&driver->reader_schema(reader)->fields[0]);
    CHECK_OK(batch_init(&batch, driver->reader_batch_schema(reader), &test_error));
    CHECK_OK(driver->reader_next(reader, &batch, 1000, &rows, &test_error));
    for (size_t row = 0; row < batch.rows; row++) {
        say(row ? ", " : ": ");
        say_value(&batch.columns[0], row);
    }
    batch_release(&batch);
    driver->reader_free(reader);
    return text;
}

static const char *read_made(struct made_file *file)
{
    struct buffer bytes;
    build_file(file, &bytes);
    (void)read_bytes(&bytes);
    buffer_release(&bytes);
    return text;
}

/* ---- lists ---- */

/* Two lists of required numbers below a repeated field: [1 2], [3]. */
static void put_two_lists(struct made_file *file, uint8_t definition)
{
    const uint8_t body[] = {2, 0, 0, 0, 3, 0x02, 2, 0, 0, 0, 6, definition,
                            1, 0, 0, 0, 2, 0,    0, 0, 3, 0, 0, 0};
    add_page(add_chunk(file, PARQUET_INT32, 3), PARQUET_DATA_PAGE, body, sizeof(body), 3,
             PARQUET_PLAIN);
}

static struct made_file list_of(const char *repeated, int physical, int children)
{
    struct made_file file = file_of_rows(2);
    add_element(&file, "schema", -1, -1, 1);
    add_element(&file, "a", -1, PARQUET_OPTIONAL, 1);
    file.elements[1].converted = PARQUET_CONVERTED_LIST;
    add_element(&file, repeated, physical, PARQUET_REPEATED, children);
    return file;
}

static void lists_of_two_levels_are_read(void **state)
{
    struct made_file file = list_of("element", PARQUET_INT32, 0);
    put_two_lists(&file, 2);
    assert_string_equal(read_made(&file), "list?<int32>: [1 2], [3]");
}

static void lists_of_three_levels_under_any_name_are_read(void **state)
{
    struct made_file file = list_of("bag", -1, 1);
    add_element(&file, "array_element", PARQUET_INT32, PARQUET_REQUIRED, 0);
    put_two_lists(&file, 2);
    assert_string_equal(read_made(&file), "list?<int32>: [1 2], [3]");
}

static void a_repeated_group_called_array_is_the_element(void **state)
{
    struct made_file file = list_of("array", -1, 1);
    add_element(&file, "x", PARQUET_INT32, PARQUET_REQUIRED, 0);
    put_two_lists(&file, 2);
    assert_string_equal(read_made(&file), "list?<struct<int32>>: [(1) (2)], [(3)]");
}

static void a_repeated_group_called_tuple_is_the_element(void **state)
{
    struct made_file file = list_of("a_tuple", -1, 1);
    add_element(&file, "x", PARQUET_INT32, PARQUET_REQUIRED, 0);
    put_two_lists(&file, 2);
    assert_string_equal(read_made(&file), "list?<struct<int32>>: [(1) (2)], [(3)]");
}

static void a_repeated_group_of_two_fields_is_the_element(void **state)
{
    struct made_file file = list_of("list", -1, 2);
    add_element(&file, "x", PARQUET_INT32, PARQUET_REQUIRED, 0);
    add_element(&file, "y", PARQUET_INT32, PARQUET_REQUIRED, 0);
    put_two_lists(&file, 2);
    put_two_lists(&file, 2);
    assert_string_equal(read_made(&file), "list?<struct<int32 int32>>: [(1 1) (2 2)], [(3 3)]");
}

static void lists_of_lists_without_a_wrapper_are_read(void **state)
{
    /* a (LIST) { repeated group array (LIST) { repeated int32 array } }: [[1] [2]], [[3]] */
    static const uint8_t body[] = {3, 0, 0, 0, 3, 0x04, 0, 2, 0, 0, 0, 6, 3,
                                   1, 0, 0, 0, 2, 0,    0, 0, 3, 0, 0, 0};
    struct made_file file = list_of("array", -1, 1);
    file.elements[2].converted = PARQUET_CONVERTED_LIST;
    add_element(&file, "array", PARQUET_INT32, PARQUET_REPEATED, 0);
    add_page(add_chunk(&file, PARQUET_INT32, 3), PARQUET_DATA_PAGE, body, sizeof(body), 3,
             PARQUET_PLAIN);
    assert_string_equal(read_made(&file), "list?<list<int32>>: [[1] [2]], [[3]]");
}

static void a_repeated_field_by_itself_is_a_list(void **state)
{
    struct made_file file = file_of_rows(2);
    add_element(&file, "schema", -1, -1, 1);
    add_element(&file, "a", PARQUET_INT32, PARQUET_REPEATED, 0);
    put_two_lists(&file, 1);
    assert_string_equal(read_made(&file), "list<int32>: [1 2], [3]");
}

/* ---- maps ---- */

static struct made_file map_of(enum parquet_converted converted, int key)
{
    struct made_file file = file_of_rows(2);
    add_element(&file, "schema", -1, -1, 1);
    add_element(&file, "a", -1, PARQUET_OPTIONAL, 1);
    file.elements[1].converted = converted;
    add_element(&file, "map", -1, PARQUET_REPEATED, 2);
    add_element(&file, "k", PARQUET_INT32, key, 0);
    add_element(&file, "v", PARQUET_INT32, PARQUET_REQUIRED, 0);
    put_two_lists(&file, key == PARQUET_OPTIONAL ? 3 : 2);
    put_two_lists(&file, 2);
    return file;
}

static void maps_by_their_old_name_are_read(void **state)
{
    struct made_file file = map_of(PARQUET_CONVERTED_MAP_KEY_VALUE, PARQUET_REQUIRED);
    assert_string_equal(read_made(&file), "map?<struct<int32 int32>>: [(1 1) (2 2)], [(3 3)]");
}

static void keys_that_could_be_null_are_read_where_none_is(void **state)
{
    struct made_file file = map_of(PARQUET_CONVERTED_MAP, PARQUET_OPTIONAL);
    assert_string_equal(read_made(&file), "map?<struct<int32 int32>>: [(1 1) (2 2)], [(3 3)]");
}

static void a_key_that_is_null_is_refused(void **state)
{
    struct made_file file = map_of(PARQUET_CONVERTED_MAP, PARQUET_OPTIONAL);
    struct buffer bytes;
    struct format_reader *reader = NULL;
    struct batch batch;
    size_t rows = 0;
    file.chunks[0].pages[0].body[11] = 2;
    build_file(&file, &bytes);
    const struct format_driver *driver = format_find("parquet");
    struct memory_source source = memory_source_of(bytes.data, bytes.size);
    CHECK_OK(driver->reader_open(&source.base, 0, &reader, &test_error));
    CHECK_OK(batch_init(&batch, driver->reader_schema(reader), &test_error));
    assert_int_equal(driver->reader_next(reader, &batch, 10, &rows, &test_error), STATUS_BAD_DATA);
    assert_non_null(strstr(test_error.text, "a key of a map is NULL"));
    batch_release(&batch);
    driver->reader_free(reader);
    buffer_release(&bytes);
}

/* ---- pages ---- */

static void levels_packed_the_old_way_are_read(void **state)
{
    static const uint8_t body[] = {0xa0, 1, 0, 0, 0, 2, 0, 0, 0}; /* 1 0 1 0 from the left */
    struct made_file file = good_nulls();
    file.chunks[0].n_pages = 0;
    add_page(&file.chunks[0], PARQUET_DATA_PAGE, body, sizeof(body), 4, PARQUET_PLAIN)
        ->definition_encoding = PARQUET_BIT_PACKED;
    assert_string_equal(read_made(&file), "int32?: 1, NULL, 2, NULL");
}

static void a_dictionary_that_nothing_points_to_is_found(void **state)
{
    struct made_file file = good_dictionary();
    file.chunks[0].data_offset = 4;
    file.chunks[0].dictionary_offset = -2;
    assert_string_equal(read_made(&file), "text: a, bc, a, bc");
    file.chunks[0].dictionary_offset = 0; /* some wrote 0 for none */
    assert_string_equal(read_made(&file), "text: a, bc, a, bc");
}

static void the_first_name_of_dictionary_indexes_is_known(void **state)
{
    struct made_file file = good_dictionary();
    file.chunks[0].pages[0].encoding = PARQUET_PLAIN_DICTIONARY;
    file.chunks[0].pages[1].encoding = PARQUET_PLAIN_DICTIONARY;
    assert_string_equal(read_made(&file), "text: a, bc, a, bc");
}

static void indexes_of_no_bits_are_all_zero(void **state)
{
    struct made_file file = good_dictionary();
    struct made_page *page = &file.chunks[0].pages[1];
    page->body[0] = 0;
    page->size = 1;
    assert_string_equal(read_made(&file), "text: a, a, a, a");
    page->body[1] = 8; /* the same as a run */
    page->size = 2;
    assert_string_equal(read_made(&file), "text: a, a, a, a");
}

static void a_last_group_that_is_cut_short_is_read(void **state)
{
    /* indexes of 4 bits: a group would take 4 bytes, the values take 2 */
    struct made_file file = good_dictionary();
    static const uint8_t body[] = {4, 3, 0x10, 0x10};
    memcpy(file.chunks[0].pages[1].body, body, sizeof(body));
    file.chunks[0].pages[1].size = sizeof(body);
    assert_string_equal(read_made(&file), "text: a, bc, a, bc");
}

static void a_dictionary_may_end_in_the_middle_of_a_chunk(void **state)
{
    static const uint8_t plain[] = {1, 0, 0, 0, 'x', 0, 0, 0, 0};
    struct made_file file = good_dictionary();
    add_page(&file.chunks[0], PARQUET_DATA_PAGE, plain, sizeof(plain), 2, PARQUET_PLAIN);
    file.rows = file.footer_rows = file.chunks[0].values = 6;
    assert_string_equal(read_made(&file), "text: a, bc, a, bc, x, ");
}

static void fields_of_later_versions_are_skipped(void **state)
{
    struct made_file file = good_dictionary();
    file.chunks[0].pages[0].unknown_fields = true;
    file.chunks[0].pages[1].unknown_fields = true;
    assert_string_equal(read_made(&file), "text: a, bc, a, bc");
}

static void index_pages_and_empty_pages_are_passed_by(void **state)
{
    struct made_file file = good_nulls();
    struct made_page data = file.chunks[0].pages[0];
    static const uint8_t no_levels[] = {0, 0, 0, 0};
    file.chunks[0].n_pages = 0;
    add_page(&file.chunks[0], PARQUET_INDEX_PAGE, "junk", 4, 0, 0);
    add_page(&file.chunks[0], PARQUET_DATA_PAGE, no_levels, 4, 0, PARQUET_PLAIN);
    file.chunks[0].pages[file.chunks[0].n_pages++] = data;
    assert_string_equal(read_made(&file), "int32?: 1, NULL, 2, NULL");
}

static void values_of_a_v2_page_may_be_stored_as_they_are(void **state)
{
    struct made_file file = good_v2();
    struct buffer bytes;
    file.chunks[0].pages[0].is_compressed = false;
    build_file(&file, &bytes);
    assert_string_equal(read_bytes(&bytes), "int32?: 1, NULL, 2, NULL");
    buffer_release(&bytes);
}

/* Two members, as writers make that compress block by block. */
static void members_of_gzip_follow_each_other(void **state)
{
    struct made_file file = good_numbers();
    struct made_page *page = &file.chunks[0].pages[0];
    uint8_t stored[200];
    struct libdeflate_compressor *deflate = libdeflate_alloc_compressor(1);
    size_t first = libdeflate_gzip_compress(deflate, page->body, 10, stored, 100);
    size_t second = libdeflate_gzip_compress(deflate, page->body + 10, 6, stored + first, 100);
    libdeflate_free_compressor(deflate);
    uint8_t out[16];
    struct decompressor decompressor = {0};
    CHECK_OK(decompress(&decompressor, CODEC_GZIP, stored, first + second, out, 16, &test_error));
    assert_memory_equal(out, page->body, 16);
    decompressor_release(&decompressor);
}

/* ---- annotations ---- */

static const char *read_as(enum parquet_converted converted)
{
    struct made_file file = good_numbers();
    file.elements[1].converted = converted;
    return read_made(&file);
}

static void old_annotations_are_known(void **state)
{
    assert_string_equal(read_as(PARQUET_CONVERTED_INT_8), "int8: 1, 2, 3, 4");
    assert_string_equal(read_as(PARQUET_CONVERTED_UINT_16), "uint16: 1, 2, 3, 4");
    assert_string_equal(read_as(PARQUET_CONVERTED_UINT_32), "uint32: 1, 2, 3, 4");
    assert_string_equal(read_as(PARQUET_CONVERTED_DATE),
                        "date: 1970-01-02, 1970-01-03, 1970-01-04, 1970-01-05");
    assert_string_equal(read_as(PARQUET_CONVERTED_TIME_MILLIS),
                        "time: 00:00:00.001000, 00:00:00.002000, 00:00:00.003000, 00:00:00.004000");
}

static void texts_under_other_names_are_texts_or_bytes(void **state)
{
    struct made_file file = good_dictionary();
    file.elements[1].converted = PARQUET_CONVERTED_ENUM;
    assert_string_equal(read_made(&file), "text: a, bc, a, bc");
    file.elements[1].converted = PARQUET_CONVERTED_BSON;
    assert_string_equal(read_made(&file), "binary: 0x61, 0x6263, 0x61, 0x6263");
    file.elements[1].converted = PARQUET_CONVERTED_NONE;
    assert_string_equal(read_made(&file), "binary: 0x61, 0x6263, 0x61, 0x6263");
}

/* -1 as one byte, 256 as two, and 1 with more signs than it needs. */
static void decimals_of_bytes_are_read_plain_and_by_dictionary(void **state)
{
    static const uint8_t plain[] = {1, 0, 0, 0, 0xff, 2, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 1};
    static const uint8_t index[] = {2, 3, 0x24, 0};
    struct made_file file = good_texts();
    file.elements[1].converted = PARQUET_CONVERTED_DECIMAL;
    file.elements[1].precision = 5;
    file.elements[1].scale = 2;
    file.rows = file.footer_rows = file.chunks[0].values = 3;
    file.chunks[0].n_pages = 0;
    add_page(&file.chunks[0], PARQUET_DATA_PAGE, plain, sizeof(plain), 3, PARQUET_PLAIN);
    assert_string_equal(read_made(&file), "decimal(5,2): -0.01, 2.56, 0.01");
    file.chunks[0].n_pages = 0;
    add_page(&file.chunks[0], PARQUET_DICTIONARY_PAGE, plain, sizeof(plain), 3, PARQUET_PLAIN);
    add_page(&file.chunks[0], PARQUET_DATA_PAGE, index, sizeof(index), 3, PARQUET_RLE_DICTIONARY);
    assert_string_equal(read_made(&file), "decimal(5,2): -0.01, 2.56, 0.01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_two_levels_are_read),
        cmocka_unit_test(lists_of_three_levels_under_any_name_are_read),
        cmocka_unit_test(a_repeated_group_called_array_is_the_element),
        cmocka_unit_test(a_repeated_group_called_tuple_is_the_element),
        cmocka_unit_test(a_repeated_group_of_two_fields_is_the_element),
        cmocka_unit_test(lists_of_lists_without_a_wrapper_are_read),
        cmocka_unit_test(a_repeated_field_by_itself_is_a_list),
        cmocka_unit_test(maps_by_their_old_name_are_read),
        cmocka_unit_test(keys_that_could_be_null_are_read_where_none_is),
        cmocka_unit_test(a_key_that_is_null_is_refused),
        cmocka_unit_test(levels_packed_the_old_way_are_read),
        cmocka_unit_test(a_dictionary_that_nothing_points_to_is_found),
        cmocka_unit_test(the_first_name_of_dictionary_indexes_is_known),
        cmocka_unit_test(indexes_of_no_bits_are_all_zero),
        cmocka_unit_test(a_last_group_that_is_cut_short_is_read),
        cmocka_unit_test(a_dictionary_may_end_in_the_middle_of_a_chunk),
        cmocka_unit_test(fields_of_later_versions_are_skipped),
        cmocka_unit_test(index_pages_and_empty_pages_are_passed_by),
        cmocka_unit_test(values_of_a_v2_page_may_be_stored_as_they_are),
        cmocka_unit_test(members_of_gzip_follow_each_other),
        cmocka_unit_test(old_annotations_are_known),
        cmocka_unit_test(texts_under_other_names_are_texts_or_bytes),
        cmocka_unit_test(decimals_of_bytes_are_read_plain_and_by_dictionary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
