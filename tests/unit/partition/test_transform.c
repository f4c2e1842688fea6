#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "partition/murmur3.h"
#include "partition/partitioner.h"

#define CHECK_OK(call) CHECK_CALL(call, STATUS_OK, &err)

static struct error err;

/* ---- hashes: the values of the Iceberg specification, appendix B ---- */

static uint32_t hash_of_decimal_text(const char *text, int32_t precision, int32_t scale)
{
    uint8_t value[32];
    assert_true(parse_decimal(text, strlen(text), precision, scale, value));
    return hash_of_decimal(value, decimal_value_bytes(precision));
}

static void hashes_are_those_of_iceberg(void **state)
{
    static const uint8_t uuid[] = {0xf7, 0x9c, 0x3e, 0x09, 0x67, 0x7c, 0x4b, 0xbd,
                                   0xa4, 0x79, 0x3f, 0x34, 0x9c, 0xb7, 0x85, 0xe7};
    assert_int_equal((int32_t)murmur3_long(34), 2017239379);
    assert_int_equal((int32_t)murmur3_long(civil_to_days(2017, 11, 16)), -653330422);
    assert_int_equal((int32_t)murmur3_bytes("iceberg", 7), 1210000089);
    assert_int_equal((int32_t)hash_of_decimal_text("14.20", 9, 2), -500754589);
    assert_int_equal((int32_t)hash_of_decimal_text("14.20", 76, 2), -500754589);
    assert_int_equal((int32_t)murmur3_bytes(uuid, sizeof(uuid)), 1488055340);
}

static void a_long_hashes_as_its_eight_bytes(void **state)
{
    static const int64_t values[] = {0, 1, -1, 34, INT64_MIN, INT64_MAX, 0x123456789abcdef};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_int_equal(murmur3_long(values[i]), murmur3_bytes(&values[i], 8));
}

/* The shortest bytes by hand: a sign byte stays only where the number would read otherwise without it. */
static void decimals_hash_by_their_shortest_bytes(void **state)
{
    static const struct {
        const char *text, *bytes;
        size_t size;
    } cases[] = {
        {"0", "\0", 1},          {"127", "\x7f", 1}, {"128", "\0\x80", 2}, {"-128", "\x80", 1},
        {"-129", "\xff\x7f", 2}, {"-1", "\xff", 1},  {"256", "\x01\0", 2},
    };
    static const int32_t precisions[] = {9, 18, 19, 38, 39};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t p = 0; p < 5; p++)
            assert_int_equal(hash_of_decimal_text(cases[i].text, precisions[p], 0),
                             murmur3_bytes(cases[i].bytes, cases[i].size));
    static const char *const ends[] = {"999999999999999999", "-999999999999999999"};
    for (size_t i = 0; i < 2; i++)
        for (size_t p = 2; p < 5; p++)
            assert_int_equal(hash_of_decimal_text(ends[i], precisions[p], 0),
                             hash_of_decimal_text(ends[i], 18, 0));
    const uint64_t most = UINT64_MAX; /* without sign: nine bytes */
    assert_int_equal(hash_of_unsigned(most), hash_of_decimal_text("18446744073709551615", 20, 0));
}

/* ---- whole columns: what a row becomes, alone and among others ---- */

struct text_case {
    const char *given, *key; /* NULL: a NULL */
};

static void append_text(struct column *column, struct type type, const char *text)
{
    struct scalar value = {.type = type, .bytes = text, .size = text ? strlen(text) : 0};
    struct error ignored;
    value.is_null = !text;
    if (text && !type_is_text_like(type))
        CHECK_OK(scalar_parse(type, text, value.size, &value, &ignored));
    CHECK_OK(column_append_scalar(column, &value, &err));
}

/* Groups the cases and compares the text of each row's key; the key column has type KEY. */
static void check_rows(struct partition_spec spec, struct type type, struct type key,
                       const struct text_case *cases, size_t n)
{
    struct field field = {.name = "c", .type = type, .nullable = true};
    struct schema schema = {.fields = &field, .n_fields = 1};
    struct partitioner *partitioner;
    struct partition_keys *keys;
    struct partition_groups groups = {0};
    struct batch batch;
    struct arena arena = {0};
    spec.column = "c";
    CHECK_OK(partitioner_new(&schema, &spec, 1, 0, &partitioner, &err));
    CHECK_OK(partition_keys_new(partitioner, &keys, &err));
    CHECK_OK(batch_init(&batch, &schema, &err));
    assert_true(type_equal(partitioner_keys(partitioner)->fields[0].type, key));
    for (size_t i = 0; i < n; i++, batch.rows++)
        append_text(&batch.columns[0], type, cases[i].given);
    CHECK_OK(partition_group(partitioner, keys, &batch, &groups, &err));
    size_t seen = 0, nulls = batch.columns[0].null_count != 0;
    /* rows are numbered by what they become: distinct ids of one bucket are not kept */
    assert_int_equal(keys->codes[0].count + nulls, partition_keys_count(keys));
    for (size_t g = 0; g < groups.n_groups; g++) {
        struct scalar value;
        partition_keys_value(keys, groups.groups[g].key, 0, &value);
        const char *text = partition_value_text(&value, &arena);
        for (uint32_t i = 0; i < groups.groups[g].rows; i++, seen++) {
            const struct text_case *row = &cases[groups.order[groups.groups[g].first + i]];
            if (!text || !row->key)
                assert_true(!text && !row->key);
            else
                assert_string_equal(text, row->key);
        }
    }
    assert_int_equal(seen, n);
    arena_release(&arena);
    partition_groups_release(&groups);
    batch_release(&batch);
    partition_keys_free(keys);
    partitioner_free(partitioner);
}

#define CHECK_ROWS(transform, argument, type, key, ...)                                            \
    do {                                                                                           \
        const struct text_case rows[] = {__VA_ARGS__};                                             \
        check_rows((struct partition_spec){transform, NULL, NULL, 0, NULL, argument}, type, key,   \
                   rows, sizeof(rows) / sizeof(rows[0]));                                          \
    } while (0)

#define TYPE(...) ((struct type){__VA_ARGS__})

static void hours_begin_at_their_start_in_either_kind_of_timestamp(void **state)
{
    struct type wall = {.id = TYPE_TIMESTAMP}, instant = {.id = TYPE_TIMESTAMP, .utc = true};
    CHECK_ROWS(PARTITION_HOUR, 0, wall, wall, {"2013-11-30T23:59:59.999999", "2013-11-30 23:00:00"},
               {"2013-11-30T23:00:00", "2013-11-30 23:00:00"}, {NULL, NULL},
               {"1969-12-31T23:59:59.999999", "1969-12-31 23:00:00"},
               {"0001-01-01T00:00:01", "0001-01-01 00:00:00"});
    CHECK_ROWS(PARTITION_HOUR, 0, instant, instant, {"2013-11-30T23:59:59Z", "2013-11-30 23:00:00"},
               {"9999-12-31T23:59:59.999999Z", "9999-12-31 23:00:00"});
}

static void integers_are_truncated_downwards(void **state)
{
    struct type type = {.id = TYPE_INT64};
    CHECK_ROWS(PARTITION_TRUNCATE, 10, type, type, {"1", "0"}, {"9", "0"}, {"10", "10"},
               {"-1", "-10"}, {"-10", "-10"}, {"-11", "-20"}, {NULL, NULL},
               {"9223372036854775807", "9223372036854775800"},
               {"-9223372036854775800", "-9223372036854775800"});
    CHECK_ROWS(PARTITION_TRUNCATE, 1, type, type, {"-9223372036854775808", "-9223372036854775808"});
    type.id = TYPE_UINT64;
    CHECK_ROWS(PARTITION_TRUNCATE, 100, type, type,
               {"18446744073709551615", "18446744073709551600"}, {"99", "0"});
    type.id = TYPE_UINT8;
    CHECK_ROWS(PARTITION_TRUNCATE, 100, type, type, {"255", "200"}, {"99", "0"}, {"200", "200"});
    type.id = TYPE_INT8;
    CHECK_ROWS(PARTITION_TRUNCATE, 64, type, type, {"-128", "-128"}, {"-1", "-64"}, {"127", "64"});
}

static void decimals_are_truncated_by_units_of_their_last_digit(void **state)
{
    struct type type = {.id = TYPE_DECIMAL, .precision = 18, .scale = 2};
    CHECK_ROWS(PARTITION_TRUNCATE, 50, type, type, {"10.65", "10.50"}, {"10.50", "10.50"},
               {"-0.01", "-0.50"}, {"-0.50", "-0.50"}, {"0.00", "0.00"}, {NULL, NULL});
    for (int32_t precision = 9; precision <= 39; precision++) {
        type = TYPE(.id = TYPE_DECIMAL, .precision = precision, .scale = 2);
        CHECK_ROWS(PARTITION_TRUNCATE, 50, type, type, {"1234567.99", "1234567.50"},
                   {"-1234567.99", "-1234568.00"}, {"-0.50", "-0.50"}, {"0.49", "0.00"},
                   {NULL, NULL});
        CHECK_ROWS(PARTITION_IDENTITY, 0, type, type, {"9999999.99", "9999999.99"},
                   {"-9999999.99", "-9999999.99"}, {"0.00", "0.00"}, {NULL, NULL});
    }
    type = TYPE(.id = TYPE_DECIMAL, .precision = 18, .scale = 0);
    CHECK_ROWS(PARTITION_TRUNCATE, 2147483647, type, type, {"-1", "-2147483647"},
               {"999999999999999999", "999999998873473689"}, {"-2147483647", "-2147483647"});
    type = TYPE(.id = TYPE_DECIMAL, .precision = 76, .scale = 0);
    CHECK_ROWS(PARTITION_TRUNCATE, 2147483647, type, type, {"-1", "-2147483647"},
               {"2147483646", "0"},
               {"1000000000000000000000000000000000000000000000000000000000000",
                "999999999999999999999999999999999999999999999999999132725331"},
               {"-1000000000000000000000000000000000000000000000000000000000000",
                "-1000000000000000000000000000000000000000000000000001280208978"});
}

static void text_is_cut_between_code_points(void **state)
{
    struct type text = {.id = TYPE_UTF8}, json = {.id = TYPE_JSON};
    CHECK_ROWS(PARTITION_TRUNCATE, 3, text, text, {"abcdef", "abc"}, {"abcxyz", "abc"},
               {"ab", "ab"}, {"", ""}, {NULL, NULL}, {"zürich", "zür"}, {"😀😀😀😀", "😀😀😀"},
               {"éé", "éé"});
    CHECK_ROWS(PARTITION_TRUNCATE, 2, json, text, {"[1,2]", "[1"}, {"{}", "{}"});
}

static void buckets_are_those_of_iceberg(void **state)
{
    struct type key = {.id = TYPE_INT32};
    /* (hash & INT32_MAX) % 16 of the specification's values */
    CHECK_ROWS(PARTITION_BUCKET, 16, TYPE(.id = TYPE_INT32), key, {"34", "3"}, {NULL, NULL});
    CHECK_ROWS(PARTITION_BUCKET, 16, TYPE(.id = TYPE_INT64), key, {"34", "3"}, {"34", "3"});
    CHECK_ROWS(PARTITION_BUCKET, 16, TYPE(.id = TYPE_UINT32), key, {"34", "3"});
    CHECK_ROWS(PARTITION_BUCKET, 16, TYPE(.id = TYPE_DATE), key, {"2017-11-16", "10"},
               {NULL, NULL});
    CHECK_ROWS(PARTITION_BUCKET, 16, TYPE(.id = TYPE_UTF8), key, {"iceberg", "9"}, {NULL, NULL});
    CHECK_ROWS(PARTITION_BUCKET, 16, TYPE(.id = TYPE_BINARY), key, {"iceberg", "9"});
    for (int32_t precision = 9; precision <= 39; precision++)
        CHECK_ROWS(PARTITION_BUCKET, 16,
                   TYPE(.id = TYPE_DECIMAL, .precision = precision, .scale = 2), key,
                   {"14.20", "3"}, {NULL, NULL});
    CHECK_ROWS(PARTITION_BUCKET, 16, TYPE(.id = TYPE_UUID), key,
               {"f79c3e09-677c-4bbd-a479-3f349cb785e7", "12"});
}

/* The number of a column's row and the value of the same row alone come from different code. */
static void a_row_alone_has_the_bucket_it_has_among_others(void **state)
{
    static const struct type types[] = {
        {.id = TYPE_INT8},
        {.id = TYPE_INT16},
        {.id = TYPE_INT32},
        {.id = TYPE_INT64},
        {.id = TYPE_UINT8},
        {.id = TYPE_UINT16},
        {.id = TYPE_UINT32},
        {.id = TYPE_UINT64},
        {.id = TYPE_DECIMAL, .precision = 9},
        {.id = TYPE_DECIMAL, .precision = 18},
        {.id = TYPE_DECIMAL, .precision = 19},
        {.id = TYPE_DECIMAL, .precision = 39},
        {.id = TYPE_DATE},
        {.id = TYPE_TIME},
        {.id = TYPE_TIMESTAMP},
        {.id = TYPE_UUID},
        {.id = TYPE_FIXED_BINARY, .width = 40},
    };
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        struct field field = {.name = "c", .type = types[t]};
        struct partition_entry entry = {
            .transform = PARTITION_BUCKET, .n_keys = 1, .argument = 1000};
        struct column column = {0};
        uint8_t bytes[64];
        int64_t numbers[50];
        CHECK_OK(column_init(&column, &field, &err));
        CHECK_OK(column_reserve(&column, 50, &err));
        for (unsigned i = 0; i < 50; i++) {
            for (unsigned b = 0; b < sizeof(bytes); b++)
                bytes[b] = (uint8_t)(i * 37 + b * 11 + (i % 3 ? 0x80 : 0));
            column_append_fixed(&column, bytes);
        }
        transform_numbers(&entry, &column, 50, numbers);
        for (size_t i = 0; i < 50; i++) {
            struct scalar alone;
            CHECK_OK(partition_entry_values(&entry, &column, i, &alone, &err));
            assert_int_equal(alone.i64, numbers[i]);
        }
        column_release(&column);
    }
}

static void a_floor_that_its_type_cannot_hold_is_bad_data(void **state)
{
    static const struct {
        struct type type;
        const char *value;
        int32_t argument;
    } cases[] = {
        {{.id = TYPE_INT8}, "-128", 100},
        {{.id = TYPE_INT16}, "-32768", 100},
        {{.id = TYPE_INT32}, "-2147483648", 100},
        {{.id = TYPE_INT64}, "-9223372036854775808", 100},
        {{.id = TYPE_DECIMAL, .precision = 3}, "-999", 1000},
        {{.id = TYPE_DECIMAL, .precision = 18}, "-999999999999999999", 1000},
        {{.id = TYPE_DECIMAL, .precision = 19}, "-9999999999999999999", 1000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct field field = {.name = "c", .type = cases[i].type};
        struct partition_entry entry = {
            .transform = PARTITION_TRUNCATE, .n_keys = 1, .argument = cases[i].argument};
        struct column column = {0};
        struct scalar out;
        CHECK_OK(column_init(&column, &field, &err));
        append_text(&column, cases[i].type, cases[i].value);
        assert_int_equal(partition_entry_values(&entry, &column, 0, &out, &err), STATUS_BAD_DATA);
        assert_non_null(strstr(err.text, cases[i].value));
        column_release(&column);
    }
}

static void only_values_that_a_row_can_have_are_admitted(void **state)
{
    static const struct {
        enum partition_transform transform;
        int32_t argument;
        struct type type;
        const char *value, *says; /* NULL: admitted */
    } cases[] = {
        {PARTITION_DAY, 0, {.id = TYPE_DATE}, "2013-02-15", NULL},
        {PARTITION_MONTH, 0, {.id = TYPE_DATE}, "2013-02-15", "is 2013-02-01"},
        {PARTITION_YEAR, 0, {.id = TYPE_DATE}, "2013-02-01", "is 2013-01-01"},
        {PARTITION_PERIOD, 0, {.id = TYPE_DATE}, "2013-02-15", NULL},
        {PARTITION_DAY, 0, {.id = TYPE_DATE}, "@99999999", "0001 to 9999"},
        {PARTITION_HOUR, 0, {.id = TYPE_TIMESTAMP}, "2013-02-15T10:00:00", NULL},
        {PARTITION_HOUR, 0, {.id = TYPE_TIMESTAMP}, "2013-02-15T10:30:00", "2013-02-15 10:00:00"},
        {PARTITION_TRUNCATE, 10, {.id = TYPE_INT32}, "-20", NULL},
        {PARTITION_TRUNCATE, 10, {.id = TYPE_INT32}, "-11", "is -20"},
        {PARTITION_TRUNCATE, 2, {.id = TYPE_UTF8}, "zü", NULL},
        {PARTITION_TRUNCATE, 2, {.id = TYPE_UTF8}, "zür", "is zü"},
        {PARTITION_BUCKET, 4, {.id = TYPE_INT32}, "0", NULL},
        {PARTITION_BUCKET, 4, {.id = TYPE_INT32}, "4", "0 to 3"},
        {PARTITION_BUCKET, 4, {.id = TYPE_INT32}, "-1", "0 to 3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct partition_spec spec = {.transform = cases[i].transform,
                                      .argument = cases[i].argument};
        struct scalar value;
        CHECK_OK(scalar_parse(cases[i].type, cases[i].value, strlen(cases[i].value), &value, &err));
        status code = partition_spec_admits(&spec, &value, &err);
        assert_int_equal(code, cases[i].says ? STATUS_BAD_CONFIG : STATUS_OK);
        if (cases[i].says && !strstr(err.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_iceberg),
        cmocka_unit_test(a_long_hashes_as_its_eight_bytes),
        cmocka_unit_test(decimals_hash_by_their_shortest_bytes),
        cmocka_unit_test(hours_begin_at_their_start_in_either_kind_of_timestamp),
        cmocka_unit_test(integers_are_truncated_downwards),
        cmocka_unit_test(decimals_are_truncated_by_units_of_their_last_digit),
        cmocka_unit_test(text_is_cut_between_code_points),
        cmocka_unit_test(buckets_are_those_of_iceberg),
        cmocka_unit_test(a_row_alone_has_the_bucket_it_has_among_others),
        cmocka_unit_test(a_floor_that_its_type_cannot_hold_is_bad_data),
        cmocka_unit_test(only_values_that_a_row_can_have_are_admitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
