/* The scanner of log lines, and values and paths as the log writes them. */
#include "table_of.h"

#include "commit/delta/log.h"
#include "commit/delta/schema.h"
#include "commit/delta/value.h"
#include "json/json.h"

static struct scan over(const char *text)
{
    return (struct scan){.at = text, .end = text + strlen(text)};
}

static void members_are_found_whatever_stands_between(void **state)
{
    struct scan scan = over("{ \"a\" : {\"x\":[1,{\"}\":\"]\"}]} , \"b\\\"c\":\"q\\\\\", \"n\":-12,"
                            "\"t\": true,\"s\":\"\\u00fc\\n\"}");
    struct slice key;
    struct slice value = {0};
    int64_t number;
    bool flag;
    (void)state;
    assert_true(scan_object(&scan));
    assert_true(scan_member(&scan, &key) && slice_is(key, "a") && scan_value(&scan, &value));
    assert_true(slice_is(value, "{\"x\":[1,{\"}\":\"]\"}]}"));
    assert_true(scan_member(&scan, &key) && slice_is(key, "b\\\"c") && scan_string(&scan, &value));
    assert_true(slice_is(value, "q\\\\"));
    assert_true(scan_member(&scan, &key) && scan_int(&scan, &number) && number == -12);
    assert_true(scan_member(&scan, &key) && scan_bool(&scan, &flag) && flag);
    assert_true(scan_member(&scan, &key) && scan_string(&scan, &value));
    struct arena arena = {0};
    assert_string_equal(scan_unescape(value, &arena, NULL), "ü\n");
    arena_release(&arena);
    assert_false(scan_member(&scan, &key));
    assert_false(scan.bad);
}

static void what_is_no_json_is_bad_and_never_read_beyond(void **state)
{
    static const char whole[] = "{\"add\":{\"path\":\"a\\\"b\",\"v\":{\"d\":null},\"size\":12}}";
    (void)state;
    for (size_t cut = 0; cut < sizeof(whole) - 1; cut++) {
        char *text = malloc(cut + 1); /* of the exact size: a sanitizer sees a step too far */
        memcpy(text, whole, cut);
        struct scan scan = {.at = text, .end = text + cut};
        struct slice key;
        struct slice value;
        if (scan_object(&scan))
            while (scan_member(&scan, &key) && scan_value(&scan, &value))
                continue;
        assert_true(scan.bad);
        free(text);
    }
}

static void a_path_of_any_bytes_comes_back_equal(void **state)
{
    char path[256];
    (void)state;
    for (int i = 1; i < 256; i++)
        path[i - 1] = (char)i;
    path[255] = '\0';
    struct text text = {0};
    struct arena arena = {0};
    value_append_path(&text, path);
    struct slice inner = {.data = text.data + 1, .size = text.size - 2};
    struct error err = {0};
    char *back = NULL;
    assert_int_equal(value_decode_path(&inner, &arena, &back, &err), STATUS_OK);
    assert_string_equal(back, path);
    inner = (struct slice){.data = "a%4", .size = 3};
    assert_int_equal(value_decode_path(&inner, &arena, &back, &err), STATUS_BAD_DATA);
    text_release(&text);
    value_append_path(&text, "day=2013-10-22/a%2Fb c.parquet");
    assert_string_equal(text.data, "\"day=2013-10-22/a%252Fb%20c.parquet\"");
    text_release(&text);
    arena_release(&arena);
}

static void expect_partition(struct scalar value, const char *expected)
{
    struct text text = {0};
    struct error err = {0};
    assert_int_equal(value_append_partition(&text, &value, &err), STATUS_OK);
    assert_string_equal(text_string(&text), expected);
    text_release(&text);
}

static void partition_values_are_written_as_the_protocol_has_them(void **state)
{
    (void)state;
    expect_partition((struct scalar){.type = {TYPE_DATE}, .i64 = 16039}, "\"2013-11-30\"");
    expect_partition((struct scalar){.type = {TYPE_DATE}, .is_null = true}, "null");
    expect_partition((struct scalar){.type = {TYPE_INT32}, .i64 = -7}, "\"-7\"");
    expect_partition((struct scalar){.type = {TYPE_BOOL}, .i64 = 1}, "\"true\"");
    expect_partition((struct scalar){.type = {TYPE_TIMESTAMP}, .i64 = 1500000},
                     "\"1970-01-01 00:00:01.500000\"");
    expect_partition((struct scalar){.type = {TYPE_TIMESTAMP}, .i64 = -1000000},
                     "\"1969-12-31 23:59:59\"");
    expect_partition((struct scalar){.type = {.id = TYPE_TIMESTAMP, .utc = true}, .i64 = 1},
                     "\"1970-01-01T00:00:00.000001Z\"");
    expect_partition((struct scalar){.type = {TYPE_UTF8}, .bytes = "../\"a\"\n\0b", .size = 9},
                     "\"../\\\"a\\\"\\u000a\\u0000b\"");
    expect_partition((struct scalar){.type = {TYPE_UTF8}}, "\"\"");
}

static void expect_stats_beside(uint64_t nan_count, struct scalar min, struct scalar max,
                                const char *expected)
{
    struct field field = {.name = "c", .type = min.type};
    struct schema schema = {.fields = &field, .n_fields = 1};
    struct column_stats stats = {
        .has_bounds = true, .min = min, .max = max, .null_count = 3, .nan_count = nan_count};
    struct new_file file = {.rows = 9, .columns = &stats};
    struct text text = {0};
    struct error err = {0};
    assert_int_equal(value_append_stats(&text, &schema, &file, &err), STATUS_OK);
    char *bounds = strstr(text.data, "\"minValues\"");
    char *nulls = strstr(text.data, ",\"nullCount\":{\"c\":3}}");
    assert_non_null(bounds);
    assert_non_null(nulls);
    *nulls = '\0';
    assert_string_equal(bounds, expected);
    text_release(&text);
}

static void expect_stats(struct scalar min, struct scalar max, const char *expected)
{
    expect_stats_beside(0, min, max, expected);
}

static struct scalar text_of(const char *bytes)
{
    return (struct scalar){.type = {TYPE_UTF8}, .bytes = bytes, .size = strlen(bytes)};
}

static void bounds_are_never_inside_the_values(void **state)
{
    struct type ntz = {TYPE_TIMESTAMP};
    struct type utc = {.id = TYPE_TIMESTAMP, .utc = true};
    (void)state;
    /* to milliseconds: the least down, the greatest up */
    expect_stats((struct scalar){.type = ntz, .i64 = -1}, (struct scalar){.type = ntz, .i64 = 1},
                 "\"minValues\":{\"c\":\"1969-12-31T23:59:59.999\"},"
                 "\"maxValues\":{\"c\":\"1970-01-01T00:00:00.001\"}");
    expect_stats((struct scalar){.type = utc, .i64 = 0}, (struct scalar){.type = utc, .i64 = 1000},
                 "\"minValues\":{\"c\":\"1970-01-01T00:00:00.000Z\"},"
                 "\"maxValues\":{\"c\":\"1970-01-01T00:00:00.001Z\"}");
    /* 32 code points, the last one raised */
    expect_stats(text_of("aaaaaaaaaabbbbbbbbbbccccccccccddee"),
                 text_of("aaaaaaaaaabbbbbbbbbbccccccccccddee"),
                 "\"minValues\":{\"c\":\"aaaaaaaaaabbbbbbbbbbccccccccccdd\"},"
                 "\"maxValues\":{\"c\":\"aaaaaaaaaabbbbbbbbbbccccccccccde\"}");
    expect_stats(text_of("a"), text_of("aaaaaaaaaabbbbbbbbbbccccccccccd\xED\x9F\xBFx"),
                 "\"minValues\":{\"c\":\"a\"},"
                 "\"maxValues\":{\"c\":\"aaaaaaaaaabbbbbbbbbbccccccccccd\xEE\x80\x80\"}");
    expect_stats(text_of("a"), text_of("aaaaaaaaaabbbbbbbbbbccccccccccd\xF4\x8F\xBF\xBFx"),
                 "\"minValues\":{\"c\":\"a\"},"
                 "\"maxValues\":{\"c\":\"aaaaaaaaaabbbbbbbbbbcccccccccce\"}");
    /* a bound cut within a character is left out */
    expect_stats(text_of("a"), text_of("b\xC3"), "\"minValues\":{\"c\":\"a\"},\"maxValues\":{}");
    /* the greatest float is left out where a NaN stands beside it: that may be greater still */
    struct scalar low = {.type = {TYPE_FLOAT64}, .f64 = -1.5};
    struct scalar high = {.type = {TYPE_FLOAT64}, .f64 = 2};
    expect_stats(low, high, "\"minValues\":{\"c\":-1.5},\"maxValues\":{\"c\":2}");
    expect_stats_beside(1, low, high, "\"minValues\":{\"c\":-1.5},\"maxValues\":{}");
    struct type decimal = {.id = TYPE_DECIMAL, .precision = 18, .scale = 2};
    expect_stats((struct scalar){.type = decimal, .fixed = {230, 4}},
                 (struct scalar){.type = decimal, .fixed = {210, 4}},
                 "\"minValues\":{\"c\":12.54},\"maxValues\":{\"c\":12.34}");
    expect_stats((struct scalar){.type = {TYPE_DATE}, .i64 = 16039},
                 (struct scalar){.type = {TYPE_DATE}, .i64 = 2932897},
                 "\"minValues\":{\"c\":\"2013-11-30\"},\"maxValues\":{}");
    expect_stats((struct scalar){.type = {TYPE_BOOL}}, (struct scalar){.type = {TYPE_BOOL}},
                 "\"minValues\":{},\"maxValues\":{}");
}

static void schemas_survive_the_way_through_deltas_form(void **state)
{
    static const struct field element = {.name = "element", .type = {.id = TYPE_INT32}};
    static const struct field pair[] = {
        {.name = "key", .type = {.id = TYPE_UTF8}},
        {.name = "value", .type = {.id = TYPE_FLOAT64}, .nullable = true},
    };
    static const struct field entry = {
        .name = "key_value", .type = {.id = TYPE_STRUCT}, .children = pair, .n_children = 2};
    static const struct field fields[] = {
        {.name = "b", .type = {TYPE_BOOL}, .nullable = true},
        {.name = "i8", .type = {TYPE_INT8}},
        {.name = "i16", .type = {TYPE_INT16}},
        {.name = "i32", .type = {TYPE_INT32}},
        {.name = "i64", .type = {TYPE_INT64}},
        {.name = "f32", .type = {TYPE_FLOAT32}},
        {.name = "f64", .type = {TYPE_FLOAT64}},
        {.name = "d", .type = {.id = TYPE_DECIMAL, .precision = 38, .scale = 10}},
        {.name = "t", .type = {TYPE_UTF8}},
        {.name = "x", .type = {TYPE_BINARY}},
        {.name = "day", .type = {TYPE_DATE}},
        {.name = "utc", .type = {.id = TYPE_TIMESTAMP, .utc = true}},
        {.name = "ntz", .type = {TYPE_TIMESTAMP}},
        {.name = "l", .type = {TYPE_LIST}, .children = &element, .n_children = 1},
        {.name = "m", .type = {TYPE_MAP}, .children = &entry, .n_children = 1},
        {.name = "s", .type = {TYPE_STRUCT}, .children = pair, .n_children = 2},
    };
    struct schema schema = SCHEMA_OF(fields);
    struct schema back = {0};
    struct error err = {0};
    struct text text = {0};
    (void)state;
    assert_int_equal(delta_schema_append(&text, &schema, NULL, false, &err), STATUS_OK);
    if (delta_schema_parse(text.data, text.size, &back, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(schema_equal(&schema, &back));
    assert_true(delta_schema_same(&schema, &back));
    assert_true(delta_has_ntz(&back));
    back.n_fields--;
    assert_true(delta_schema_extends(&back, &schema, false));
    assert_false(delta_schema_extends(&schema, &back, false));
    back.n_fields++;
    schema_release(&back);
    text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found_whatever_stands_between),
        cmocka_unit_test(what_is_no_json_is_bad_and_never_read_beyond),
        cmocka_unit_test(a_path_of_any_bytes_comes_back_equal),
        cmocka_unit_test(partition_values_are_written_as_the_protocol_has_them),
        cmocka_unit_test(bounds_are_never_inside_the_values),
        cmocka_unit_test(schemas_survive_the_way_through_deltas_form),
    };
    return cmocka_run_group_tests_name("commit/scan", tests, NULL, NULL);
}
