#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "cmocka_all.h"
#include "partition/partition.h"

#define CHECK_OK(call) CHECK_CALL(call, STATUS_OK, &err)

static struct error err;
static const int64_t DAY_US = INT64_C(86400) * 1000000;

/* One partitioner, one set of keys, one batch: what each test here needs. */
struct bench {
    struct schema schema;
    struct partitioner *partitioner;
    struct partition_keys *keys;
    struct batch batch;
    struct partition_groups groups;
};

static void set_up(struct bench *bench, struct field *fields, size_t n_fields,
                   const struct partition_spec *specs, size_t n_specs, int32_t today)
{
    *bench = (struct bench){.schema = {.fields = fields, .n_fields = n_fields}};
    CHECK_OK(partitioner_new(&bench->schema, specs, n_specs, today, &bench->partitioner, &err));
    CHECK_OK(partition_keys_new(bench->partitioner, &bench->keys, &err));
    CHECK_OK(batch_init(&bench->batch, &bench->schema, &err));
}

static void tear_down(struct bench *bench)
{
    partition_groups_release(&bench->groups);
    batch_release(&bench->batch);
    partition_keys_free(bench->keys);
    partitioner_free(bench->partitioner);
}

/* Values of an earlier group are not larger; the texts here are short enough to count whole. */
static void check_order(const struct bench *bench, uint32_t earlier, uint32_t later)
{
    size_t n = partitioner_keys(bench->partitioner)->n_fields;
    int difference = 0;
    for (size_t c = 0; c < n && difference == 0; c++) {
        struct scalar a, b;
        partition_keys_value(bench->keys, earlier, c, &a);
        partition_keys_value(bench->keys, later, c, &b);
        difference = scalar_compare(&a, &b);
    }
    assert_true(difference < 0);
}

/* Every row once, groups in order of value, rows in their order within. */
static void check_groups(const struct bench *bench)
{
    const struct partition_groups *groups = &bench->groups;
    uint8_t *seen = test_calloc(bench->batch.rows + 1, 1);
    uint32_t first = 0;
    for (size_t g = 0; g < groups->n_groups; g++) {
        const struct partition_group *group = &groups->groups[g];
        if (g > 0)
            check_order(bench, groups->groups[g - 1].key, group->key);
        assert_true(group->key < partition_keys_count(bench->keys));
        assert_true(group->rows > 0);
        assert_int_equal(group->first, first);
        first += group->rows;
        for (uint32_t i = group->first; i < first; i++) {
            assert_true(i == group->first || groups->order[i] > groups->order[i - 1]);
            assert_false(seen[groups->order[i]]++);
        }
    }
    assert_int_equal(first, bench->batch.rows);
    test_free(seen);
}

static uint32_t key_of_row(const struct bench *bench, uint32_t row)
{
    for (size_t g = 0; g < bench->groups.n_groups; g++) {
        const struct partition_group *group = &bench->groups.groups[g];
        for (uint32_t i = 0; i < group->rows; i++)
            if (bench->groups.order[group->first + i] == row)
                return group->key;
    }
    return UINT32_MAX;
}

/* The path of a row's key. */
static char *path_of_row(const struct bench *bench, uint32_t row, struct arena *arena)
{
    struct scalar values[8];
    const struct schema *keys = partitioner_keys(bench->partitioner);
    for (size_t i = 0; i < keys->n_fields; i++)
        partition_keys_value(bench->keys, key_of_row(bench, row), i, &values[i]);
    return partition_path(keys, values, arena);
}

static void append_number(struct bench *bench, size_t column, int64_t value)
{
    CHECK_OK(column_reserve(&bench->batch.columns[column], 1, &err));
    column_append_fixed(&bench->batch.columns[column], &value);
}

static void append_timestamp(struct bench *bench, const char *text)
{
    int64_t us = 0;
    bool zoned;
    if (text) {
        assert_true(parse_timestamp(text, strlen(text), &us, &zoned));
        append_number(bench, 0, us);
    } else {
        CHECK_OK(column_append_null(&bench->batch.columns[0], &err));
    }
    bench->batch.rows++;
}

static void check_transform(enum partition_transform transform, bool utc, int32_t today,
                            int32_t after, const char *const (*rows)[2], size_t n)
{
    struct field field = {.name = "t", .type = {TYPE_TIMESTAMP, .utc = utc}, .nullable = true};
    struct partition_spec spec = {.transform = transform, .column = "t", .after_days = after};
    struct arena arena = {0};
    struct bench bench;
    set_up(&bench, &field, 1, &spec, 1, today);
    for (size_t i = 0; i < n; i++)
        append_timestamp(&bench, rows[i][0]);
    CHECK_OK(partition_group(bench.partitioner, bench.keys, &bench.batch, &bench.groups, &err));
    check_groups(&bench);
    for (uint32_t i = 0; i < n; i++)
        assert_string_equal(path_of_row(&bench, i, &arena), rows[i][1]);
    arena_release(&arena);
    tear_down(&bench);
}

static void days_months_and_years_are_cut(void **state)
{
    static const char *const day[][2] = {
        {"2013-11-30T23:59:59.999999", "t_day=2013-11-30"},
        {"2013-12-01T00:00", "t_day=2013-12-01"},
        {NULL, "t_day=__HIVE_DEFAULT_PARTITION__"},
        {"1969-12-31T23:59:59.999999", "t_day=1969-12-31"},
        {"0001-01-01T00:00", "t_day=0001-01-01"},
        {"9999-12-31T23:59", "t_day=9999-12-31"},
    };
    static const char *const month[][2] = {{"2012-02-29T12:00", "t_month=2012-02-01"},
                                           {"2012-02-01T00:00", "t_month=2012-02-01"},
                                           {"1900-12-31T00:00", "t_month=1900-12-01"}};
    static const char *const year[][2] = {{"2012-12-31T23:59", "t_year=2012-01-01"},
                                          {"1969-07-20T20:17", "t_year=1969-01-01"}};
    static const char *const ymd[][2] = {
        {"2025-09-15T10:00", "year=2025/month=09/day=15"},
        {NULL, "year=__HIVE_DEFAULT_PARTITION__/month=__HIVE_DEFAULT_PARTITION__/"
               "day=__HIVE_DEFAULT_PARTITION__"}};
    check_transform(PARTITION_DAY, false, 0, 0, day, 6);
    check_transform(PARTITION_DAY, true, 0, 0, day, 6);
    check_transform(PARTITION_MONTH, false, 0, 0, month, 3);
    check_transform(PARTITION_YEAR, false, 0, 0, year, 2);
    check_transform(PARTITION_YMD, false, 0, 0, ymd, 2);
}

static void old_days_go_by_month(void **state)
{
    static const char *const rows[][2] = {
        {"2013-12-31T10:00", "t_period=2013-12-31"},
        {"2013-10-03T00:00", "t_period=2013-10-03"}, /* 89 days before */
        {"2013-10-02T23:59", "t_period=2013-10-01"}, /* 90 */
        {"2013-01-15T00:00", "t_period=2013-01-01"},
        {"2014-02-01T00:00", "t_period=2014-02-01"}, /* after today */
    };
    check_transform(PARTITION_PERIOD, true, civil_to_days(2013, 12, 31), 90, rows, 5);
}

static void a_day_outside_the_calendar_is_bad_data(void **state)
{
    struct field field = {.name = "d", .type.id = TYPE_DATE};
    for (size_t t = PARTITION_IDENTITY; t <= PARTITION_PERIOD; t++) {
        struct partition_spec spec = {.transform = (enum partition_transform)t, .column = "d"};
        static const int32_t days[] = {INT32_MIN, INT32_MAX, -719163, 2932897};
        for (size_t i = 0; i < 4; i++) {
            struct bench bench;
            set_up(&bench, &field, 1, &spec, 1, 0);
            append_number(&bench, 0, days[i]);
            bench.batch.rows = 1;
            assert_int_equal(
                partition_group(bench.partitioner, bench.keys, &bench.batch, &bench.groups, &err),
                STATUS_BAD_DATA);
            assert_non_null(strstr(err.text, "0001 to 9999"));
            assert_int_equal(partition_keys_count(bench.keys), 0);
            tear_down(&bench);
        }
    }
}

static void one_key_leaves_the_rows_in_order(void **state)
{
    struct field field = {.name = "d", .type.id = TYPE_DATE};
    struct partition_spec spec = {.transform = PARTITION_MONTH, .column = "d"};
    for (size_t n_specs = 0; n_specs < 2;
         n_specs++) { /* without partition_by all rows are one group */
        struct bench bench;
        set_up(&bench, &field, 1, &spec, n_specs, 0);
        for (int64_t i = 0; i < 28; i++)
            append_number(&bench, 0, 27 - i);
        bench.batch.rows = 28;
        CHECK_OK(partition_group(bench.partitioner, bench.keys, &bench.batch, &bench.groups, &err));
        check_groups(&bench);
        assert_int_equal(bench.groups.n_groups, 1);
        for (uint32_t i = 0; i < 28; i++)
            assert_int_equal(bench.groups.order[i], i);
        batch_clear(&bench.batch);
        CHECK_OK(partition_group(bench.partitioner, bench.keys, &bench.batch, &bench.groups, &err));
        assert_int_equal(bench.groups.n_groups, 0);
        tear_down(&bench);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Compares each row's key values with the row's own. */
static void check_identity_keys(const struct bench *bench, const size_t *columns, size_t n)
{
    for (size_t g = 0; g < bench->groups.n_groups; g++) {
        const struct partition_group *group = &bench->groups.groups[g];
        for (size_t c = 0; c < n; c++) {
            struct scalar key, value;
            partition_keys_value(bench->keys, group->key, c, &key);
            for (uint32_t i = 0; i < group->rows; i++) {
                scalar_from_column(&value, &bench->batch.columns[columns[c]],
                                   bench->groups.order[group->first + i]);
                assert_int_equal(scalar_compare(&key, &value), 0);
            }
        }
    }
}

static void ten_thousand_partitions_in_random_order(void **state)
{
    struct field field = {.name = "n", .type.id = TYPE_INT64};
    struct partition_spec spec = {.transform = PARTITION_IDENTITY, .column = "n"};
    static const uint64_t step[] = {1, 1000003}; /* by an array over the range, and by hash */
    for (size_t k = 0; k < 2; k++) {
        struct bench bench;
        uint64_t seed = 3;
        size_t rows = 0;
        set_up(&bench, &field, 1, &spec, 1, 0);
        for (int b = 0; b < 4; b++) {
            batch_clear(&bench.batch);
            for (int i = 0; i < 20000; i++)
                append_number(&bench, 0, (int64_t)(next_random(&seed) % 10000 * step[k]) - 5000);
            bench.batch.rows = 20000;
            CHECK_OK(
                partition_group(bench.partitioner, bench.keys, &bench.batch, &bench.groups, &err));
            check_groups(&bench);
            check_identity_keys(&bench, (size_t[]){0}, 1);
            rows += bench.batch.rows;
        }
        assert_int_equal(rows, 80000);
        assert_in_range(partition_keys_count(bench.keys), 9990, 10000);
        tear_down(&bench);
    }
}

static void append_any(struct column *column, uint64_t random)
{
    static const char *const texts[] = {"", "a", "b", "same", "A", "\x01"};
    uint8_t value[32] = {(uint8_t)(random >> 8 & 3)};
    CHECK_OK(column_reserve(column, 1, &err));
    if (column->field->nullable && random % 5 == 0)
        CHECK_OK(column_append_null(column, &err));
    else if (column->field->type.id == TYPE_UTF8)
        CHECK_OK(column_append_bytes(column, texts[(random >> 8) % 6],
                                     strlen(texts[(random >> 8) % 6]), &err));
    else if (column->field->type.id == TYPE_BOOL)
        column_append_bool(column, random & 256);
    else
        column_append_fixed(column, value);
}

static void keys_of_every_type_and_their_combinations(void **state)
{
    static struct field fields[] = {
        {.name = "bool", .type.id = TYPE_BOOL, .nullable = true},
        {.name = "i8", .type.id = TYPE_INT8, .nullable = true},
        {.name = "u16", .type.id = TYPE_UINT16},
        {.name = "u32", .type.id = TYPE_UINT32, .nullable = true},
        {.name = "u64", .type.id = TYPE_UINT64},
        {.name = "text", .type.id = TYPE_UTF8, .nullable = true},
        {.name = "decimal", .type = {TYPE_DECIMAL, .precision = 50, .scale = 2}, .nullable = true},
        {.name = "uuid", .type.id = TYPE_UUID, .nullable = true},
        {.name = "date", .type.id = TYPE_DATE, .nullable = true},
        {.name = "ts", .type.id = TYPE_TIMESTAMP, .nullable = true},
    };
    enum { N = sizeof(fields) / sizeof(fields[0]) };
    uint64_t seed = 5;
    for (size_t a = 0; a < N; a++) {
        for (size_t n = 1; n <= 3; n++) {
            size_t columns[] = {a, (a + 5) % N, (a + 7) % N};
            struct partition_spec specs[3] = {0};
            struct bench bench;
            for (size_t i = 0; i < n; i++)
                specs[i].column = fields[columns[i]].name;
            set_up(&bench, fields, N, specs, n, 0);
            for (int round = 0; round < 2; round++) {
                batch_clear(&bench.batch);
                for (size_t i = 0; i < 500; i++, bench.batch.rows++)
                    for (size_t c = 0; c < N; c++)
                        append_any(&bench.batch.columns[c], next_random(&seed));
                CHECK_OK(partition_group(bench.partitioner, bench.keys, &bench.batch, &bench.groups,
                                         &err));
                check_groups(&bench);
                check_identity_keys(&bench, columns, n);
            }
            for (uint32_t key = 0; key < partition_keys_count(bench.keys); key++) {
                struct scalar values[3]; /* no key twice: each is found where it is */
                struct arena arena = {0};
                uint32_t found;
                for (size_t i = 0; i < n; i++) {
                    partition_keys_value(bench.keys, key, i, &values[i]);
                    CHECK_OK(scalar_copy(&values[i], &values[i], &arena, &err));
                }
                CHECK_OK(partition_keys_intern(bench.keys, values, &found, &err));
                assert_int_equal(found, key);
                arena_release(&arena);
            }
            tear_down(&bench);
        }
    }
}

/* Keys of these texts, met from the last to the first. */
static void intern_texts(struct bench *bench, const char *const *texts, size_t n,
                         const uint32_t **out_order)
{
    static struct field field = {.name = "s", .type.id = TYPE_UTF8, .nullable = true};
    struct partition_spec spec = {.transform = PARTITION_IDENTITY, .column = "s"};
    set_up(bench, &field, 1, &spec, 1, 0);
    for (size_t i = n; i-- > 0;) {
        uint32_t key;
        struct scalar value = {.type.id = TYPE_UTF8, .is_null = !texts[i], .bytes = texts[i]};
        value.size = texts[i] ? strlen(texts[i]) : 0;
        CHECK_OK(partition_keys_intern(bench->keys, &value, &key, &err));
        CHECK_OK(partition_keys_order(bench->keys, out_order, &err)); /* it grows with them */
    }
}

static void texts_are_ordered_by_their_first_bytes(void **state)
{
    static const char *const texts[] = {
        NULL, "", "customer-000001", "customer-000002", "customer-0000021", "\xc3\xa4"};
    static const char *const alike[] = {"0123456789abcdef0123456789abcdef-1",
                                        "0123456789abcdef0123456789abcdef-2"};
    const uint32_t *order = NULL;
    struct bench bench;
    intern_texts(&bench, texts, 6, &order);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(order[i], 5 - i);
    tear_down(&bench);
    intern_texts(&bench, alike, 2, &order);
    assert_int_equal(order[0], 0); /* as they were met */
    tear_down(&bench);
}

static void days_that_share_a_month_share_a_key(void **state)
{
    struct field field = {.name = "t", .type.id = TYPE_TIMESTAMP};
    struct partition_spec spec = {.transform = PARTITION_MONTH, .column = "t"};
    struct bench bench;
    set_up(&bench, &field, 1, &spec, 1, 0);
    for (int64_t day = 0; day < 365 * 40; day += 3, bench.batch.rows++)
        append_number(&bench, 0, day * DAY_US + day * 1000);
    CHECK_OK(partition_group(bench.partitioner, bench.keys, &bench.batch, &bench.groups, &err));
    check_groups(&bench);
    assert_int_equal(partition_keys_count(bench.keys), 40 * 12);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_months_and_years_are_cut),
        cmocka_unit_test(old_days_go_by_month),
        cmocka_unit_test(a_day_outside_the_calendar_is_bad_data),
        cmocka_unit_test(one_key_leaves_the_rows_in_order),
        cmocka_unit_test(ten_thousand_partitions_in_random_order),
        cmocka_unit_test(keys_of_every_type_and_their_combinations),
        cmocka_unit_test(texts_are_ordered_by_their_first_bytes),
        cmocka_unit_test(days_that_share_a_month_share_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
