#include "batch/convert.h"

#include "base/bytes.h"
#include "batch/scalar.h"
#include "rows.h"

/* A column of FROM holding the canonical texts given ("" is a NULL), converted to TO and shown as text again. */
static void check_converted(struct type from, struct type to, const char *const *given,
                            const char *const *expected)
{
    struct field narrow = {.name = "n", .type = from, .nullable = true};
    struct field wide = {.name = "w", .type = to, .nullable = true};
    struct column source, made;
    struct arena arena = {0};
    size_t n = 0;
    CHECK_OK(column_init(&source, &narrow, &test_error));
    CHECK_OK(column_init(&made, &wide, &test_error));
    for (; given[n]; n++) {
        struct scalar value = {.type = from, .is_null = !*given[n]};
        if (*given[n])
            CHECK_OK(scalar_parse(from, given[n], strlen(given[n]), &value, &test_error));
        CHECK_OK(column_append_scalar(&source, &value, &test_error));
    }
    column_convert_fn convert = column_convert_for(from, to);
    assert_non_null(convert);
    for (int pass = 0; pass < 2; pass++) { /* the second time into a column that was used */
        CHECK_OK(convert(&made, &source, &test_error));
        assert_int_equal(made.rows, n);
        assert_int_equal(made.null_count, source.null_count);
        check_layout(&made);
        for (size_t i = 0; i < n; i++) {
            struct scalar value;
            scalar_from_column(&value, &made, i);
            assert_string_equal(scalar_text(&value, &arena),
                                *given[i] ? expected ? expected[i] : given[i] : "NULL");
        }
    }
    arena_release(&arena);
    column_release(&source);
    column_release(&made);
}

#define TYPE(...)  ((struct type){__VA_ARGS__})
#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void unsigned_numbers_keep_their_value(void **state)
{
    check_converted(TYPE(TYPE_UINT8), TYPE(TYPE_INT16), TEXTS("0", "255", "", "128"), NULL);
    check_converted(TYPE(TYPE_UINT16), TYPE(TYPE_INT32), TEXTS("", "65535", "32768"), NULL);
    check_converted(TYPE(TYPE_UINT32), TYPE(TYPE_INT64), TEXTS("4294967295", "2147483648", ""),
                    NULL);
    check_converted(TYPE(TYPE_UINT64), TYPE(TYPE_DECIMAL, .precision = 20),
                    TEXTS("18446744073709551615", "9223372036854775808", "0", ""), NULL);
}

static void values_without_a_type_become_their_text(void **state)
{
    check_converted(
        TYPE(TYPE_UUID), TYPE(TYPE_UTF8),
        TEXTS("00000000-0000-0000-0000-000000000000", "", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        NULL);
    check_converted(TYPE(TYPE_TIME), TYPE(TYPE_UTF8),
                    TEXTS("00:00:00", "23:59:59.999999", "24:00:00", "", "08:05:09.000100"), NULL);
    check_converted(
        TYPE(TYPE_DECIMAL, .precision = 76, .scale = 38), TYPE(TYPE_UTF8),
        TEXTS("-99999999999999999999999999999999999999.99999999999999999999999999999999999999",
              "0.00000000000000000000000000000000000001", ""),
        NULL);
}

static void decimals_of_every_width_have_their_text(void **state)
{
    check_converted(TYPE(TYPE_DECIMAL, .precision = 18, .scale = 2), TYPE(TYPE_UTF8),
                    TEXTS("9999999999999999.99", "-9999999999999999.99", "", "-0.01", "0.00"),
                    NULL);
    check_converted(TYPE(TYPE_DECIMAL, .precision = 18, .scale = 18), TYPE(TYPE_UTF8),
                    TEXTS("-0.999999999999999999", "0.000000000000000001"), NULL);
    check_converted(TYPE(TYPE_DECIMAL, .precision = 19), TYPE(TYPE_UTF8),
                    TEXTS("9999999999999999999", "-9999999999999999999", ""), NULL);
}

static void bytes_of_fixed_width_become_bytes(void **state)
{
    check_converted(TYPE(TYPE_FIXED_BINARY, .width = 3), TYPE(TYPE_BINARY),
                    TEXTS("0x000000", "", "0xff00ff"), NULL);
}

static void intervals_are_written_as_iso_8601_says(void **state)
{
    check_converted(TYPE(TYPE_INTERVAL), TYPE(TYPE_UTF8),
                    TEXTS("0 months 0 days 0 ns", "14 months 3 days 14706500000000 ns", "",
                          "-13 months 0 days -500000000 ns", "0 months -1 days 1 ns",
                          "2147483647 months -2147483648 days -9223372036854775808 ns",
                          "0 months 0 days 60000000000 ns"),
                    TEXTS("PT0S", "P1Y2M3DT4H5M6.5S", "", "P-1Y-1MT-0.5S", "P-1DT0.000000001S",
                          "P178956970Y7M-2147483648DT-2562047H-47M-16.854775808S", "PT1M"));
}

static void the_text_of_an_interval_is_read_or_refused(void **state)
{
    static const char *const same[] = {"PT0S", "P1Y2M3DT4H5M6.5S", "P-1Y-1MT-0.5S",
                                       "P178956970Y7M-2147483648DT-2562047H-47M-16.854775808S",
                                       "PT0.000000001S"};
    static const char *const others[][2] = {
        {"P2W", "P14D"}, {"PT90M", "PT1H30M"}, {"P14M", "P1Y2M"}, {"PT+1.50S", "PT1.5S"}};
    static const char *const refused[] = {"",
                                          "P",
                                          "PT",
                                          "P1",
                                          "1D",
                                          "P1DT",
                                          "P1D2Y",
                                          "P1.5D",
                                          "PT1H1H",
                                          "P1S",
                                          "PT1D",
                                          "P-D",
                                          "PT1.S",
                                          "PT0.0000000001S",
                                          "P1D ",
                                          "PT1H1D",
                                          "P1Y1Y",
                                          "P2147483648D",
                                          "P178956971Y",
                                          "PT9223372037S"};
    uint8_t value[16];
    char text[INTERVAL_TEXT_BYTES];
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
        assert_true(parse_interval(same[i], strlen(same[i]), value));
        size_t size = format_interval(value, text);
        assert_int_equal(size, strlen(same[i]));
        assert_memory_equal(text, same[i], size);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_true(parse_interval(others[i][0], strlen(others[i][0]), value));
        assert_int_equal(format_interval(value, text), strlen(others[i][1]));
        assert_memory_equal(text, others[i][1], strlen(others[i][1]));
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        if (parse_interval(refused[i], strlen(refused[i]), value))
            fail_msg("\"%s\" was read", refused[i]);
}

/* {NULL, [], ["...", NULL], ...}: a list of structs of a time and a number, some of all of them NULL. */
static void what_is_inside_a_list_is_converted_in_place(void **state)
{
    struct field time_and_number[] = {{.name = "at", .type.id = TYPE_TIME, .nullable = true},
                                      {.name = "n", .type.id = TYPE_INT32, .nullable = true},
                                      {.name = "doc", .type.id = TYPE_JSON, .nullable = true}};
    struct field text_and_number[] = {{.name = "at", .type.id = TYPE_UTF8, .nullable = true},
                                      {.name = "n", .type.id = TYPE_INT32, .nullable = true},
                                      {.name = "doc", .type.id = TYPE_UTF8, .nullable = true}};
    struct field from_pair = {
        .type.id = TYPE_STRUCT, .nullable = true, .children = time_and_number, .n_children = 3};
    struct field to_pair = {
        .type.id = TYPE_STRUCT, .nullable = true, .children = text_and_number, .n_children = 3};
    struct field from = {
        .type.id = TYPE_LIST, .nullable = true, .children = &from_pair, .n_children = 1};
    struct field to = {
        .type.id = TYPE_LIST, .nullable = true, .children = &to_pair, .n_children = 1};
    struct column source, made;
    CHECK_OK(column_init(&source, &from, &test_error));
    CHECK_OK(column_init(&made, &to, &test_error));
    assert_true(column_converts(&from, &to));
    CHECK_OK(column_convert(&made, &source, &test_error)); /* no rows */
    check_layout(&made);
    struct column *pairs = &source.children[0];
    for (int64_t row = 0; row < 40; row++) {
        for (int64_t i = 0; i < row % 4; i++) {
            if ((row + i) % 5 == 0) {
                CHECK_OK(column_append_null(pairs, &test_error));
                continue;
            }
            struct scalar at = {.type.id = TYPE_TIME, .is_null = i == 2, .i64 = row * 1000001};
            struct scalar doc = {.type.id = TYPE_JSON, .bytes = "{}", .size = 2};
            CHECK_OK(column_reserve(pairs, 1, &test_error));
            CHECK_OK(column_append_scalar(&pairs->children[0], &at, &test_error));
            column_append_i32(&pairs->children[1], (int32_t)(row + i));
            CHECK_OK(column_append_scalar(&pairs->children[2], &doc, &test_error));
            column_append_nested(pairs);
        }
        if (row % 7 == 3) {
            CHECK_OK(column_append_null(&source, &test_error)); /* the next list takes them */
            continue;
        }
        CHECK_OK(column_reserve(&source, 1, &test_error));
        column_append_nested(&source);
    }
    CHECK_OK(column_convert(&made, &source, &test_error));
    CHECK_OK(column_convert(&made, &source, &test_error));
    check_layout(&made);
    assert_int_equal(made.rows, 40);
    assert_int_equal(made.null_count, source.null_count);
    assert_memory_equal(made.values.data, source.values.data, 41 * 8);
    const struct column *texts = &made.children[0].children[0];
    for (size_t i = 0; i < pairs->rows; i++) {
        struct scalar was, is;
        struct arena arena = {0};
        scalar_from_column(&was, &pairs->children[0], i);
        scalar_from_column(&is, texts, i);
        assert_int_equal(column_is_null(pairs, i), column_is_null(&made.children[0], i));
        assert_string_equal(scalar_text(&was, &arena), scalar_text(&is, &arena));
        arena_release(&arena);
    }
    column_release(&source);
    column_release(&made);
}

static void a_time_outside_the_day_is_named(void **state)
{
    struct field from = {.name = "at", .type.id = TYPE_TIME}, to = {.type.id = TYPE_UTF8};
    struct column source, made;
    CHECK_OK(column_init(&source, &from, &test_error));
    CHECK_OK(column_init(&made, &to, &test_error));
    CHECK_OK(column_reserve(&source, 2, &test_error));
    column_append_i64(&source, 0);
    column_append_i64(&source, -1);
    status_code code = column_convert_for(from.type, to.type)(&made, &source, &test_error);
    assert_int_equal(code, STATUS_BAD_DATA);
    assert_non_null(strstr(test_error.text, "column \"at\": the value in row 1"));
    column_release(&source);
    column_release(&made);
}

static void only_exact_pairs_have_a_kernel(void **state)
{
    assert_null(column_convert_for(TYPE(TYPE_UINT64), TYPE(TYPE_INT64)));
    assert_null(
        column_convert_for(TYPE(TYPE_UINT64), TYPE(TYPE_DECIMAL, .precision = 20, .scale = 1)));
    assert_null(column_convert_for(TYPE(TYPE_UTF8), TYPE(TYPE_JSON)));
    assert_true(column_is_also(TYPE(TYPE_JSON), TYPE(TYPE_UTF8)));
    assert_false(column_is_also(TYPE(TYPE_UTF8), TYPE(TYPE_JSON)));
    assert_false(column_is_also(TYPE(TYPE_BINARY), TYPE(TYPE_UTF8)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_numbers_keep_their_value),
        cmocka_unit_test(values_without_a_type_become_their_text),
        cmocka_unit_test(decimals_of_every_width_have_their_text),
        cmocka_unit_test(bytes_of_fixed_width_become_bytes),
        cmocka_unit_test(intervals_are_written_as_iso_8601_says),
        cmocka_unit_test(the_text_of_an_interval_is_read_or_refused),
        cmocka_unit_test(what_is_inside_a_list_is_converted_in_place),
        cmocka_unit_test(a_time_outside_the_day_is_named),
        cmocka_unit_test(only_exact_pairs_have_a_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
