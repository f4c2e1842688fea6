/* Records, schemas and values survive a round trip through JSON. */
#include "table_of.h"

#include "json/json.h"

static const struct field element = {.name = "element", .type = {.id = TYPE_INT32}};
static const struct field pair[] = {
    {.name = "key", .type = {.id = TYPE_UTF8}},
    {.name = "value", .type = {.id = TYPE_FLOAT64}, .nullable = true},
};
static const struct field entry = {
    .name = "key_value", .type = {.id = TYPE_STRUCT}, .children = pair, .n_children = 2};
static const struct field every_kind[] = {
    {.name = "id",
     .type = {.id = TYPE_INT64},
     .field_id = 1,
     .source_id = "cid:0",
     .source_type = "INTEGER"},
    {.name = "amount", .type = {.id = TYPE_DECIMAL, .precision = 18, .scale = 2}, .nullable = true},
    {.name = "at", .type = {.id = TYPE_TIMESTAMP}, .nullable = true, .field_id = 3},
    {.name = "at utc \"x\"", .type = {.id = TYPE_TIMESTAMP, .utc = true}},
    {.name = "key", .type = {.id = TYPE_FIXED_BINARY, .width = 7}},
    {.name = "list", .type = {.id = TYPE_LIST}, .children = &element, .n_children = 1},
    {.name = "map", .type = {.id = TYPE_MAP}, .children = &entry, .n_children = 1},
    {.name = "struct", .type = {.id = TYPE_STRUCT}, .children = pair, .n_children = 2},
};

static void schemas_survive_a_round_trip(void **state)
{
    struct error err = {0};
    struct schema schema = SCHEMA_OF(every_kind);
    struct schema back = {0};
    json_t *json = schema_to_json(&schema);
    (void)state;
    assert_non_null(json);
    assert_int_equal(schema_from_json(json, &back, &err), STATUS_OK);
    assert_true(schema_equal(&schema, &back));
    assert_int_equal(back.fields[0].field_id, 1);
    assert_string_equal(back.fields[0].source_id, "cid:0");
    assert_string_equal(back.fields[0].source_type, "INTEGER");
    assert_null(back.fields[1].source_id);
    schema_release(&back);
    json_release(&json);
}

static void values_survive_a_round_trip(void **state)
{
    static const struct {
        struct type type;
        const char *text;
    } values[] = {
        {{.id = TYPE_INT64}, "-42"},
        {{.id = TYPE_UINT64}, "18446744073709551615"},
        {{.id = TYPE_DECIMAL, .precision = 38, .scale = 4}, "-123456789012345678901234567890.1234"},
        {{.id = TYPE_TIMESTAMP}, "2013-11-30T08:15:00.123456"},
        {{.id = TYPE_TIMESTAMP, .utc = true}, "2013-11-30T08:15:00Z"},
        {{.id = TYPE_DATE}, "2013-11-30"},
        {{.id = TYPE_UTF8}, "a \"quoted\" \\ text\n"},
        {{.id = TYPE_FLOAT64}, "1.5"},
    };
    struct error err = {0};
    struct arena arena = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct scalar value;
        struct scalar back;
        if (scalar_parse(values[i].type, values[i].text, strlen(values[i].text), &value, &err))
            fail_msg("%s: %s", values[i].text, err.text);
        json_t *json = scalar_to_json(&value);
        assert_int_equal(scalar_from_json(json, &arena, &back, &err), STATUS_OK);
        json_release(&json);
        assert_int_equal(scalar_compare(&value, &back), 0);
        assert_true(type_equal(value.type, back.type));
    }
    struct scalar null = {.type = {.id = TYPE_INT64}, .is_null = true};
    struct scalar back = {0};
    json_t *json = scalar_to_json(&null);
    assert_int_equal(scalar_from_json(json, &arena, &back, &err), STATUS_OK);
    assert_true(back.is_null && back.type.id == TYPE_INT64);
    json_release(&json);
    arena_release(&arena);
}

static struct run_record sample(struct digest *ties)
{
    static const char *const partition_by[] = {"day(at)", "carrier"};
    struct run_record record = {
        .number = 7,
        .previous = 5,
        .table_id = "t-1",
        .stream = "public.orders",
        .source_identity = "sqlite:abc",
        .run_id = "01J9",
        .mode = "incremental",
        .published_us = 1234567,
        .update_key = "at",
        .watermark = {.type = {.id = TYPE_INT64}, .i64 = -9},
        .ties = {.items = ties, .n = 2},
        .fence_state = "1 \"17\" 3/4,5/6",
        .contract = SCHEMA_OF(every_kind),
        .partition_by = partition_by,
        .n_partition_by = 2,
        .partition_keys = SCHEMA_OF(test_key_fields),
        .rows_read = 10,
        .rows_written = 8,
        .rows_rejected = 1,
        .rows_known = 1,
        .bytes_read = 100,
        .bytes_written = 50,
        .files_written = 2,
        .token = "tok",
    };
    return record;
}

static void records_survive_a_round_trip(void **state)
{
    struct error err = {0};
    struct digest ties[] = {{.low = 1, .high = ~0ull}, {.low = 0x0123456789abcdef, .high = 2}};
    struct run_record record = sample(ties);
    struct run_record back = {0};
    char *json;
    size_t size;
    (void)state;
    assert_int_equal(record_write(&record, &json, &size, &err), STATUS_OK);
    if (record_read(json, size, &back, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(back.number, 7);
    assert_int_equal(back.previous, 5);
    assert_string_equal(back.source_identity, "sqlite:abc");
    assert_string_equal(back.update_key, "at");
    assert_int_equal(back.watermark.i64, -9);
    assert_int_equal(back.ties.n, 2);
    assert_memory_equal(back.ties.items, ties, sizeof(ties));
    assert_string_equal(back.fence_state, "1 \"17\" 3/4,5/6");
    assert_true(schema_equal(&back.contract, &record.contract));
    assert_string_equal(back.partition_by[1], "carrier");
    assert_int_equal(back.rows_written, 8);
    assert_null(back.reject_file);
    assert_null(back.leat_version);
    assert_string_equal(back.token, "tok");
    record_release(&back);
    mem_free(json);
}

static void a_record_that_was_cut_or_bent_is_bad_data(void **state)
{
    struct error err = {0};
    struct digest ties[] = {{.low = 1}, {.low = 2}};
    struct run_record record = sample(ties);
    struct run_record back = {0};
    char *json;
    size_t size;
    (void)state;
    assert_int_equal(record_write(&record, &json, &size, &err), STATUS_OK);
    for (size_t cut = 0; cut < size; cut += 7)
        assert_int_not_equal(record_read(json, cut, &back, &err), STATUS_OK);
    char *format = strstr(json, "\"format\":1");
    assert_non_null(format);
    format[9] = '2';
    assert_int_equal(record_read(json, size, &back, &err), STATUS_BAD_DATA);
    assert_non_null(strstr(err.text, "format 2"));
    mem_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas_survive_a_round_trip),
        cmocka_unit_test(values_survive_a_round_trip),
        cmocka_unit_test(records_survive_a_round_trip),
        cmocka_unit_test(a_record_that_was_cut_or_bent_is_bad_data),
    };
    return cmocka_run_group_tests_name("commit/record", tests, NULL, NULL);
}
