#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "partition/partition.h"

static struct error err;

static void text_forms_read_back(void **state)
{
    static const struct {
        const char *given, *text;
    } cases[] = {
        {"created_at", "created_at"},
        {" created_at  as  c ", "created_at as c"},
        {"day(created_at)", "day(created_at)"},
        {"ymd( d ) as x", "ymd(d) as x"},
        {"year(as)", "year(as)"},
        {"month(a b)", "month(a b)"},
        {"period(created_at, 90 days)", "period(created_at, 90 days)"},
        {"period(c,2d) as p", "period(c, 2 days) as p"},
        {"has", "has"},
        {"hour(created_at) as h", "hour(created_at) as h"},
        {"truncate( name ,3)", "truncate(name, 3)"},
        {"truncate(total, 2147483647) as t", "truncate(total, 2147483647) as t"},
        {"bucket(a, b, 16)", "bucket(a, b, 16)"}, /* a column called "a, b" */
        {"x(id", "x(id"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        struct partition_spec spec, again;
        if (partition_spec_parse(cases[i].given, &arena, &spec, &err) != STATUS_OK)
            fail_msg("%s: %s", cases[i].given, err.text);
        char *text = partition_spec_text(&spec, &arena);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(partition_spec_parse(text, &arena, &again, &err), STATUS_OK);
        assert_string_equal(partition_spec_text(&again, &arena), text);
        arena_release(&arena);
    }
}

static void wrong_forms_say_what_was_expected(void **state)
{
    static const struct {
        const char *given, *says;
    } cases[] = {
        {"", "names no column"},
        {"day()", "names no column"},
        {"dya(x)", "did you mean \"day\""},
        {"cube(x, 4)", "truncate or bucket of one"},
        {"bucket(x)", "as in bucket(id, 16)"},
        {"truncate(x)", "as in truncate(id, 1000)"},
        {"bucket(x, 0)", "from 1 to 2147483647, got \"0\""},
        {"bucket(x, -4)", "got \"-4\""},
        {"bucket(x, 2147483648)", "got \"2147483648\""},
        {"truncate(x, 1.5)", "got \"1.5\""},
        {"truncate(x, )", "got \"\""},
        {"bucket(, 4)", "names no column"},
        {"bucket(id", "has no \")\""},
        {"period(x)", "period(created_at, 90 days)"},
        {"period(x, soon)", "age of a period"},
        {"period(x, 90 min)", "whole days"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        struct partition_spec spec;
        assert_int_equal(partition_spec_parse(cases[i].given, &arena, &spec, &err),
                         STATUS_BAD_CONFIG);
        if (!strstr(err.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
        arena_release(&arena);
    }
}

static struct field fields[] = {
    {.name = "id", .type.id = TYPE_INT64},
    {.name = "created_at", .type = {TYPE_TIMESTAMP, .utc = true}, .nullable = true},
    {.name = "carrier", .type.id = TYPE_UTF8, .nullable = true, .field_id = 3},
    {.name = "price", .type.id = TYPE_FLOAT64},
    {.name = "raw", .type.id = TYPE_BINARY},
    {.name = "tags", .type.id = TYPE_STRUCT},
    {.name = "year", .type.id = TYPE_INT32},
};
static const struct schema schema = {.fields = fields, .n_fields = 7};

static void keys_have_names_and_types(void **state)
{
    static const struct partition_spec specs[] = {
        {.transform = PARTITION_DAY, .column = "created_at"},
        {.transform = PARTITION_IDENTITY, .column = "carrier"},
        {.transform = PARTITION_YMD, .column = "created_at", .as = "c"},
        {.transform = PARTITION_PERIOD, .column = "created_at", .as = "p", .after_days = 1},
        {.transform = PARTITION_IDENTITY, .column = "id", .as = "id_copy"},
    };
    static const struct {
        const char *name;
        enum type_id id;
    } expected[] = {{"created_at_day", TYPE_DATE}, {"carrier", TYPE_UTF8}, {"c_year", TYPE_INT32},
                    {"c_month", TYPE_INT32},       {"c_day", TYPE_INT32},  {"p", TYPE_DATE},
                    {"id_copy", TYPE_INT64}};
    struct partitioner *partitioner;
    size_t pick[7], n;
    assert_int_equal(partitioner_new(&schema, specs, 5, 0, &partitioner, &err), STATUS_OK);
    const struct schema *keys = partitioner_keys(partitioner);
    assert_int_equal(keys->n_fields, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(keys->fields[i].name, expected[i].name);
        assert_int_equal(keys->fields[i].type.id, expected[i].id);
    }
    assert_int_equal(keys->fields[1].field_id, 3);
    partitioner_data_columns(partitioner, pick, &n);
    assert_int_equal(n, 6); /* all but carrier */
    assert_int_equal(pick[2], 3);
    partitioner_free(partitioner);
}

static void wrong_specs_are_bad_config(void **state)
{
    static const struct {
        struct partition_spec specs[2];
        const char *says;
    } cases[] = {
        {{{PARTITION_DAY, "create_at"}}, "did you mean \"created_at\""},
        {{{PARTITION_DAY, "carrier"}}, "only a date or a timestamp"},
        {{{PARTITION_HOUR, "id"}}, "only a timestamp can be cut by hour"},
        {{{PARTITION_TRUNCATE, "created_at", .argument = 2}}, "integers, decimals, text"},
        {{{PARTITION_TRUNCATE, "raw", .argument = 2}}, "integers, decimals, text"},
        {{{PARTITION_BUCKET, "price", .argument = 2}}, "have buckets"},
        {{{PARTITION_BUCKET, "tags", .argument = 2}}, "have buckets"},
        {{{PARTITION_BUCKET, "id"}}, "expected 1 or more"},
        {{{PARTITION_TRUNCATE, "id", .argument = -1}}, "expected 1 or more"},
        {{{PARTITION_IDENTITY, "price"}}, "NaN"},
        {{{PARTITION_IDENTITY, "raw"}}, "bytes have no text"},
        {{{PARTITION_IDENTITY, "tags"}}, "single value"},
        {{{PARTITION_YMD, "created_at"}}, "\"year\" is a column of the stream already"},
        {{{PARTITION_DAY, "created_at", "ID"}}, "\"ID\" is a column of the stream already"},
        {{{PARTITION_DAY, "created_at"}, {PARTITION_DAY, "created_at"}}, "two partition columns"},
        {{{PARTITION_DAY, "created_at", NULL, 0, "Europe/Warsaw"}}, "only UTC"},
        {{{PARTITION_PERIOD, "created_at", NULL, -1}}, "expected 0 or more"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct partitioner *partitioner;
        size_t n = cases[i].specs[1].column ? 2 : 1;
        assert_int_equal(partitioner_new(&schema, cases[i].specs, n, 0, &partitioner, &err),
                         STATUS_BAD_CONFIG);
        if (!strstr(err.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_forms_read_back),
        cmocka_unit_test(wrong_forms_say_what_was_expected),
        cmocka_unit_test(keys_have_names_and_types),
        cmocka_unit_test(wrong_specs_are_bad_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
