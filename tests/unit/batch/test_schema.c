#include "rows.h"

static void types_read_back_from_their_text(void **state)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        char text[64];
        struct type type;
        if (type_is_nested(every_field[i].type))
            continue;
        CHECK_OK(type_parse(type_text(every_field[i].type, text), &type, &test_error));
        assert_true(type_equal(type, every_field[i].type));
    }
}

static void type_aliases_are_taken(void **state)
{
    static const struct {
        const char *text;
        struct type type;
    } cases[] = {
        {"timestamptz", {TYPE_TIMESTAMP, .utc = true}},
        {"double", {TYPE_FLOAT64}},
        {"real", {TYPE_FLOAT32}},
        {"string", {TYPE_UTF8}},
        {"utf8", {TYPE_UTF8}},
        {"bytes", {TYPE_BINARY}},
        {"decimal( 18 , 2 )", {TYPE_DECIMAL, .precision = 18, .scale = 2}},
        {"decimal(5)", {TYPE_DECIMAL, .precision = 5}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct type type;
        CHECK_OK(type_parse(cases[i].text, &type, &test_error));
        assert_true(type_equal(type, cases[i].type));
    }
}

static void wrong_types_are_told_with_what_was_expected(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"timestmp", "did you mean \"timestamp\""},
        {"decimal", "decimal(18,2)"},
        {"decimal(77,2)", "1 to 76"},
        {"decimal(5,6)", "after the point"},
        {"decimal(5,2", "decimal(18,2)"},
        {"decimal(99999999999,1)", "decimal(18,2)"},
        {"fixed_binary", "fixed_binary(16)"},
        {"fixed_binary(0)", "fixed_binary(16)"},
        {"int32(4)", "in parentheses"},
        {"", "unknown type"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct type type;
        struct error err = {0};
        assert_int_equal(type_parse(cases[i].text, &type, &err), STATUS_BAD_CONFIG);
        if (!strstr(err.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
    }
}

static void copies_of_a_schema_own_their_strings(void **state)
{
    struct schema copy, picked;
    static const size_t pick[] = {25, 0, 14};
    CHECK_OK(schema_copy(&every_type, &copy, &test_error));
    assert_true(schema_equal(&every_type, &copy));
    assert_ptr_not_equal(copy.fields[25].children[1].name, every_field[25].children[1].name);
    CHECK_OK(schema_select(&copy, pick, 3, &picked, &test_error));
    schema_release(&copy);
    assert_int_equal(picked.n_fields, 3);
    assert_int_equal(schema_find(&picked, "text"), 2);
    assert_true(schema_find(&picked, "TEXT") == SIZE_MAX);
    schema_release(&picked);
}

static void a_schema_grows_to_many_columns(void **state)
{
    struct schema schema = {0};
    for (int i = 0; i < 1600; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        struct field field = {.name = name, .type.id = TYPE_INT32};
        CHECK_OK(schema_append(&schema, &field, &test_error));
    }
    assert_int_equal(schema.n_fields, 1600);
    assert_int_equal(schema_find(&schema, "c1599"), 1599);
    assert_true(schema.arena.total_bytes < 2000000);
    schema_release(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_read_back_from_their_text),
        cmocka_unit_test(type_aliases_are_taken),
        cmocka_unit_test(wrong_types_are_told_with_what_was_expected),
        cmocka_unit_test(copies_of_a_schema_own_their_strings),
        cmocka_unit_test(a_schema_grows_to_many_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
