/* Finished files, whole, cut and damaged, through inspect and footer_rows. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/failing_memory.h"
#include "base/text.h"
#include "memory_file.h"
#include "json/json.h"

/* Allocations above LARGEST fail the test: a damaged length must never become memory. */
static const struct memory_ops *real_memory;
static size_t largest;

static void *bounded_realloc(void *block, size_t size_bytes)
{
    if (size_bytes > largest)
        fail_msg("an allocation of %zu bytes for a file that needs %zu at most", size_bytes,
                 largest);
    return real_memory->realloc(block, size_bytes);
}

static void plain_free(void *block)
{
    real_memory->free(block);
}

static void *bounded_map(void *old, size_t old_bytes, size_t new_bytes)
{
    if (new_bytes > largest)
        fail_msg("a mapping of %zu bytes for a file that needs %zu at most", new_bytes, largest);
    return real_memory->map(old, old_bytes, new_bytes);
}

static void plain_unmap(void *block, size_t size_bytes)
{
    real_memory->unmap(block, size_bytes);
}

static const struct memory_ops bounded = {bounded_realloc, plain_free, bounded_map, plain_unmap};

static void make_file_with(const char *const *texts, struct memory_sink *sink)
{
    struct batch batch;
    struct file_result result;
    struct test_options options;
    make_mixed(&batch, 200);
    write_file(&batch, 2, test_options(&options, texts), sink, &result);
    file_result_release(&result);
    batch_release(&batch);
}

static void make_file(struct memory_sink *sink)
{
    const char *const texts[] = {"page_rows=50", NULL};
    make_file_with(texts, sink);
}

/* All that a job may ask for. */
static void make_rich_file(struct memory_sink *sink)
{
    const char *const texts[] = {"page_rows=20",          "encoding=dense",
                                 "bloom_filter=id,color", "sort_by=color desc nulls first,id",
                                 "note.statistics=false", NULL};
    make_file_with(texts, sink);
}

static bool inspect_pages; /* what inspect below asks for */

/* What inspect says of SIZE bytes; the text is the caller's (free it), NULL on failure. */
static status_code inspect(const void *bytes, size_t size, bool json, char **out_text)
{
    struct memory_source source = memory_source_of(bytes, size);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    const struct format_inspect_options options = {.json = json, .pages = inspect_pages};
    status_code code = format_find("parquet")->inspect(&source.base, &options, out, &test_error);
    fclose(out);
    if (code == STATUS_OK && out_text)
        *out_text = text;
    else
        free(text);
    return code;
}

static void inspect_shows_rows_columns_and_bounds(void **state)
{
    struct memory_sink sink;
    make_file(&sink);
    for (int json = 0; json < 2; json++) {
        char *text = NULL;
        assert_int_equal(inspect(sink.bytes.data, sink.bytes.size, json, &text), STATUS_OK);
        const char *const words[] = {"color",       "RLE_DICTIONARY",       "zstd",
                                     "blue",        "TIMESTAMP MICROS UTC", "made by",
                                     "leat version"};
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (!strstr(text, words[i]))
                fail_msg("no \"%s\" in %s", words[i], text);
        free(text);
    }
    buffer_release(&sink.bytes);
}

static void inspect_shows_order_filters_and_what_a_lookup_reads(void **state)
{
    static const char *const texts[] = {"sorted by   color desc nulls first, id, in each row group",
                                        "pages       V2, with checksums",
                                        " for 2 of 2 row groups, wrong for 0.",
                                        "a lookup reads 1 of 2 row groups (50%)",
                                        "no bounds; no column index",
                                        "dictionary  at ",
                                        "RLE_DICTIONARY  \"red\" to \"red\""};
    static const char *const jsons[] = {
        "\"sorted_by\":[{\"path\":[\"color\"],\"descending\":true,\"nulls_first\":true}",
        "\"page_version\":2", "\"bloom_filter\":{\"bytes\":", "\"lookup_pages\":{\"total\":10",
        "\"kind\":\"data_v2\""};
    struct memory_sink sink;
    make_rich_file(&sink);
    inspect_pages = true;
    for (int json = 0; json < 2; json++) {
        char *text = NULL;
        assert_int_equal(inspect(sink.bytes.data, sink.bytes.size, json, &text), STATUS_OK);
        const char *const *words = json ? jsons : texts;
        for (size_t i = 0; i < (json ? sizeof(jsons) : sizeof(texts)) / sizeof(words[0]); i++)
            if (!strstr(text, words[i]))
                fail_msg("no %s in %s", words[i], text);
        free(text);
    }
    inspect_pages = false;
    buffer_release(&sink.bytes);
}

/* What a footer speaks of and is not there is told; the rest is shown all the same. */
static void damaged_pages_and_filters_are_told(void **state)
{
    struct memory_sink sink;
    make_rich_file(&sink);
    char *text = NULL;
    memset(sink.bytes.data + 4, 0xff, sink.bytes.size / 2);
    inspect_pages = true;
    assert_int_equal(inspect(sink.bytes.data, sink.bytes.size, false, &text), STATUS_OK);
    inspect_pages = false;
    assert_non_null(strstr(text, "damaged     pages or indexes of"));
    assert_non_null(strstr(text, "no page at 4;"));
    assert_non_null(strstr(text, "\"red\""));
    free(text);
    buffer_release(&sink.bytes);
}

static void every_truncation_is_refused_in_words(void **state)
{
    struct memory_sink sink;
    make_file(&sink);
    for (size_t size = 0; size < sink.bytes.size; size++) {
        uint8_t *copy = test_malloc(size + 1);
        memcpy(copy, sink.bytes.data, size);
        struct memory_source source = memory_source_of(copy, size);
        uint64_t rows = 77;
        assert_int_equal(format_find("parquet")->footer_rows(&source.base, &rows, &test_error),
                         STATUS_BAD_DATA);
        assert_non_null(strstr(test_error.text, "Parquet"));
        assert_int_equal(rows, 77);
        assert_int_equal(inspect(copy, size, size % 2, NULL), STATUS_BAD_DATA);
        test_free(copy);
    }
    buffer_release(&sink.bytes);
}

/* DAMAGED are the bits from the end of the file that are turned, one at a time. */
static unsigned turn_bits(const struct memory_sink *sink, size_t damaged, int rounds)
{
    size_t size = sink->bytes.size;
    uint8_t *copy = test_malloc(size);
    uint64_t seed = 21;
    unsigned refused = 0;
    real_memory = memory_get_ops();
    largest = 300 * size;
    (void)memory_set_ops(&bounded);
    inspect_pages = true;
    for (int round = 0; round < rounds; round++) {
        memcpy(copy, sink->bytes.data, size);
        size_t bit = next_random(&seed) % (8 * damaged);
        copy[size - damaged + bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct memory_source source = memory_source_of(copy, size);
        uint64_t rows = 0;
        status_code code = format_find("parquet")->footer_rows(&source.base, &rows, &test_error);
        assert_true(code == STATUS_OK || code == STATUS_BAD_DATA);
        refused += code == STATUS_BAD_DATA;
        assert_int_equal(inspect(copy, size, round % 2, NULL), code);
    }
    inspect_pages = false;
    (void)memory_set_ops(real_memory);
    test_free(copy);
    return refused;
}

static void damaged_footers_are_refused_or_shown(void **state)
{
    struct memory_sink sink;
    void (*const makers[])(struct memory_sink *) = {make_file, make_rich_file};
    for (size_t i = 0; i < 2; i++) {
        makers[i](&sink);
        size_t footer = load_u32le(sink.bytes.data + sink.bytes.size - 8);
        unsigned refused = turn_bits(&sink, footer + 8, 2000);
        assert_true(refused > 200 && refused < 1800);
        buffer_release(&sink.bytes);
    }
}

/* Indexes, filters and page headers: their damage is told, never a reason to refuse the file. */
static void damage_before_the_footer_is_only_told(void **state)
{
    struct memory_sink sink;
    make_rich_file(&sink);
    (void)turn_bits(&sink, sink.bytes.size - 4, 2000);
    buffer_release(&sink.bytes);
}

static void control_characters_of_a_file_never_reach_the_terminal(void **state)
{
    struct field fields[] = {{.name = "\033[31mred\x9b", .type.id = TYPE_UTF8}};
    const struct schema schema = {.fields = fields, .n_fields = 1};
    struct batch batch;
    struct memory_sink sink;
    struct file_result result;
    CHECK_OK(batch_init(&batch, &schema, &test_error));
    CHECK_OK(batch_reserve(&batch, 1, &test_error));
    CHECK_OK(append_text(&batch.columns[0], "\r\n\xc2\x9bżółć"));
    batch.rows = 1;
    write_file(&batch, 1, NULL, &sink, &result);
    char *text = NULL;
    assert_int_equal(inspect(sink.bytes.data, sink.bytes.size, false, &text), STATUS_OK);
    for (const char *c = text; *c; c++)
        assert_true((unsigned char)*c >= ' ' || *c == '\n');
    assert_non_null(strstr(text, "\\x1b[31mred\\x9b"));
    assert_non_null(strstr(text, "\"\\x0d\\x0a\\xc2\\x9bżółć\""));
    free(text);
    assert_int_equal(inspect(sink.bytes.data, sink.bytes.size, true, &text), STATUS_OK);
    assert_int_equal(text_utf8_valid_prefix(text, strlen(text)), strlen(text));
    free(text);
    file_result_release(&result);
    buffer_release(&sink.bytes);
    batch_release(&batch);
}

static void every_failed_allocation_is_told(void **state)
{
    struct memory_sink sink;
    make_rich_file(&sink);
    json_init(); /* its memory is ours from here on */
    for (int json = 0; json < 2; json++)
        for (unsigned nth = 1;; nth++) {
            fail_allocation(nth);
            status_code code = inspect(sink.bytes.data, sink.bytes.size, json, NULL);
            if (!allocation_failed()) {
                assert_int_equal(code, STATUS_OK);
                break;
            }
            assert_int_equal(code, STATUS_NO_MEMORY);
        }
    buffer_release(&sink.bytes);
}

/* A footer of LENGTH bytes between the magics. */
static status_code inspect_footer(const uint8_t *footer, size_t length)
{
    uint8_t bytes[256] = "PAR1";
    memcpy(bytes + 4, footer, length);
    store_u32le(bytes + 4 + length, (uint32_t)length);
    memcpy(bytes + 8 + length, "PAR1", 4);
    return inspect(bytes, length + 12, false, NULL);
}

static void schemas_that_are_no_tree_are_refused(void **state)
{
    /* version 1, schema: list of ..., rows 0, row groups: none */
#define ELEMENT(name, children) 0x48, 0x01, name, 0x15, 2 * (children), 0x00
#define FOOTER(...)                                                                                \
    {                                                                                              \
        0x15, 0x02, __VA_ARGS__, 0x16, 0x00, 0x19, 0x0c, 0x00                                      \
    }
    const uint8_t good[] = FOOTER(0x19, 0x2c, ELEMENT('s', 1), ELEMENT('a', 0));
    const uint8_t missing[] = FOOTER(0x19, 0x2c, ELEMENT('s', 2), ELEMENT('a', 0));
    const uint8_t left_over[] = FOOTER(0x19, 0x2c, ELEMENT('s', 0), ELEMENT('a', 0));
    const uint8_t negative[] = FOOTER(0x19, 0x1c, 0x48, 0x01, 's', 0x15, 0x01, 0x00);
    const uint8_t none[] = FOOTER(0x19, 0x0c);
    assert_int_equal(inspect_footer(good, sizeof(good)), STATUS_OK);
    assert_int_equal(inspect_footer(missing, sizeof(missing)), STATUS_BAD_DATA);
    assert_int_equal(inspect_footer(left_over, sizeof(left_over)), STATUS_BAD_DATA);
    assert_int_equal(inspect_footer(negative, sizeof(negative)), STATUS_BAD_DATA);
    assert_int_equal(inspect_footer(none, sizeof(none)), STATUS_BAD_DATA);
}

static void other_files_are_named_for_what_they_are_not(void **state)
{
    char bytes[64];
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(inspect(bytes, sizeof(bytes), false, NULL), STATUS_BAD_DATA);
    assert_non_null(strstr(test_error.text, "does not end in \"PAR1\""));
    memcpy(bytes + 60, "PARE", 4);
    assert_int_equal(inspect(bytes, sizeof(bytes), false, NULL), STATUS_BAD_DATA);
    assert_non_null(strstr(test_error.text, "encrypted"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inspect_shows_rows_columns_and_bounds),
        cmocka_unit_test(inspect_shows_order_filters_and_what_a_lookup_reads),
        cmocka_unit_test(damaged_pages_and_filters_are_told),
        cmocka_unit_test(every_truncation_is_refused_in_words),
        cmocka_unit_test(damaged_footers_are_refused_or_shown),
        cmocka_unit_test(damage_before_the_footer_is_only_told),
        cmocka_unit_test(control_characters_of_a_file_never_reach_the_terminal),
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(schemas_that_are_no_tree_are_refused),
        cmocka_unit_test(other_files_are_named_for_what_they_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
