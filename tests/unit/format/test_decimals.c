/* Decimals between the widths of columns and the physical types of Parquet: both ways, at the ends of each width. */
#include <stdio.h>
#include <string.h>

#include "batch/scalar.h"
#include "cmocka_all.h"
#include "format/parquet/dense.h"
#include "format/parquet/read_type.h"

static struct error test_error;

#define CHECK_OK(call) CHECK_CALL(call, STATUS_OK, &test_error)

static const int64_t most18 = INT64_C(999999999999999999);

static const char *words_of(struct type type, const uint8_t *value)
{
    static char words[128];
    struct arena arena = {0};
    struct scalar scalar = {.type = type};
    memcpy(scalar.fixed, value, type_value_bytes(type));
    snprintf(words, sizeof(words), "%s", scalar_text(&scalar, &arena));
    arena_release(&arena);
    return words;
}

/* ---- in ---- */

static struct read_type type_of(enum parquet_physical physical, int32_t precision, int32_t length)
{
    struct schema_element element = {.name = "d",
                                     .physical = (int)physical,
                                     .type_length = length,
                                     .converted = PARQUET_CONVERTED_DECIMAL,
                                     .logical = PARQUET_LOGICAL_DECIMAL,
                                     .precision = precision};
    struct read_type type;
    CHECK_OK(read_type_of(&element, &type, &test_error));
    assert_int_equal(type.out_width, decimal_value_bytes(precision));
    return type;
}

/* VALUES of one physical type into the column's form: the N that fit before one that does not. */
static void check_taken(const struct read_type *type, const int64_t *values, size_t n, size_t fit)
{
    uint8_t from[8 * 16], out[8 * 32];
    for (size_t i = 0; i < n; i++)
        memcpy(from + i * type->width, &values[i], type->width);
    assert_int_equal(type->convert(type, from, n, out), fit);
    for (size_t i = 0; i < fit; i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "%lld", (long long)values[i]);
        assert_string_equal(words_of(type->type, out + i * type->out_width), expected);
    }
}

static void integers_are_taken_to_the_ends_of_their_precision(void **state)
{
    int64_t limit = 1;
    for (int32_t precision = 1; precision <= 18; precision++) {
        limit *= 10;
        struct read_type type = type_of(PARQUET_INT64, precision, 0);
        check_taken(&type, (int64_t[]){0, limit - 1, 1 - limit, -1}, 4, 4);
        check_taken(&type, (int64_t[]){1, limit, 1}, 3, 1);
        check_taken(&type, (int64_t[]){1, 2, -limit}, 3, 2);
        check_taken(&type, (int64_t[]){INT64_MIN}, 1, 0);
        check_taken(&type, (int64_t[]){0, INT64_MAX}, 2, 1);
        if (precision > 9)
            continue;
        type = type_of(PARQUET_INT32, precision, 0);
        check_taken(&type, (int64_t[]){0, limit - 1, 1 - limit, -1}, 4, 4);
        check_taken(&type, (int64_t[]){1, limit, 1}, 3, 1);
        check_taken(&type, (int64_t[]){1, 2, -limit}, 3, 2);
    }
    static const int32_t wider[] = {18, 19, 38, 39, 76};
    for (size_t i = 0; i < 5; i++) {
        struct read_type type = type_of(PARQUET_INT32, wider[i], 0);
        check_taken(&type, (int64_t[]){INT32_MAX, INT32_MIN, -1}, 3, 3);
        type = type_of(PARQUET_INT64, wider[i], 0);
        check_taken(&type, (int64_t[]){most18, -most18, -1}, 3, 3);
        if (wider[i] > 18)
            check_taken(&type, (int64_t[]){INT64_MAX, INT64_MIN}, 2, 2);
    }
}

static void bytes_of_any_length_are_taken_to_the_ends_of_18_digits(void **state)
{
    for (int32_t length = 8; length <= 20; length++) {
        struct read_type type = type_of(PARQUET_FIXED, 18, length);
        const int64_t values[] = {most18, -most18, most18 + 1, -most18 - 1, INT64_MIN};
        for (size_t i = 0; i < 5; i++) {
            uint8_t from[20], out[8];
            for (int32_t b = 0; b < length; b++)
                from[length - 1 - b] = (uint8_t)(values[i] >> (b < 8 ? 8 * b : 63));
            assert_int_equal(type.convert(&type, from, 1, out), i < 2);
            if (i < 2)
                assert_memory_equal(out, &values[i], 8);
        }
        if (length > 8) { /* the low eight bytes alone are small */
            uint8_t from[20] = {1}, out[8];
            assert_int_equal(type.convert(&type, from, 1, out), 0);
        }
    }
}

/* ---- out ---- */

struct written {
    struct field field;
    struct schema schema;
    struct leaf_plan plan;
    struct column column;
    struct dense_scratch scratch;
    struct dense dense;
};

static void written_init(struct written *w, int32_t precision, const int64_t *values, size_t n)
{
    *w = (struct written){
        .field = {.name = "d", .type = {.id = TYPE_DECIMAL, .precision = precision}}};
    w->schema = (struct schema){.fields = &w->field, .n_fields = 1};
    CHECK_OK(leaf_plan_init(&w->plan, &w->schema, &test_error));
    CHECK_OK(column_init(&w->column, &w->field, &test_error));
    CHECK_OK(column_reserve(&w->column, n, &test_error));
    for (size_t i = 0; i < n; i++) {
        int64_t wide[4] = {values[i], values[i] >> 63, values[i] >> 63, values[i] >> 63};
        column_append_fixed(&w->column, wide);
    }
}

static void written_release(struct written *w)
{
    leaf_plan_release(&w->plan);
    column_release(&w->column);
    buffer_release(&w->scratch.values);
    buffer_release(&w->scratch.data);
}

static status take(struct written *w, const uint32_t *rows, size_t first, size_t n)
{
    return dense_take(&w->plan.leaves[0], &w->column, rows, first, n, &w->scratch, &w->dense,
                      &test_error);
}

static void decimals_of_eight_bytes_are_written_as_they_lie(void **state)
{
    static const uint32_t rows[] = {3, 0};
    const int64_t values[] = {most18, -most18, 0, -1};
    for (int32_t precision = 10; precision <= 18; precision++) {
        struct written w;
        written_init(&w, precision, values, 4);
        assert_int_equal(w.plan.leaves[0].physical, PARQUET_INT64);
        CHECK_OK(take(&w, NULL, 1, 3));
        assert_ptr_equal(w.dense.values, w.column.values.data + 8); /* no copy */
        CHECK_OK(take(&w, rows, 0, 2));
        assert_memory_equal(w.dense.values, ((const int64_t[]){-1, most18}), 16);
        written_release(&w);
    }
}

static void decimals_of_nine_digits_are_written_in_four_bytes(void **state)
{
    static const uint32_t rows[] = {2, 0}, bad[] = {0, 3};
    static const int64_t values[] = {999999999, 0, -999999999, INT64_C(1) << 32};
    struct written w;
    written_init(&w, 9, values, 4);
    assert_int_equal(w.plan.leaves[0].physical, PARQUET_INT32);
    CHECK_OK(take(&w, NULL, 0, 3));
    assert_memory_equal(w.dense.values, ((const int32_t[]){999999999, 0, -999999999}), 12);
    CHECK_OK(take(&w, rows, 0, 2));
    assert_memory_equal(w.dense.values, ((const int32_t[]){-999999999, 999999999}), 8);
    assert_int_equal(take(&w, NULL, 0, 4), STATUS_BAD_DATA);
    assert_int_equal(take(&w, bad, 0, 2), STATUS_BAD_DATA);
    written_release(&w);
}

static void decimals_of_nineteen_digits_are_written_big_endian(void **state)
{
    static const uint8_t expected[] = {0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x63, 0xff, 0xff};
    struct written w;
    written_init(&w, 19, (const int64_t[]){-1, most18}, 2);
    assert_int_equal(w.plan.leaves[0].physical, PARQUET_FIXED);
    assert_int_equal(w.plan.leaves[0].width, 9);
    CHECK_OK(take(&w, NULL, 0, 2));
    assert_memory_equal(w.dense.values, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 10);
    assert_memory_equal(w.dense.values + 10, expected, 8);
    written_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_taken_to_the_ends_of_their_precision),
        cmocka_unit_test(bytes_of_any_length_are_taken_to_the_ends_of_18_digits),
        cmocka_unit_test(decimals_of_eight_bytes_are_written_as_they_lie),
        cmocka_unit_test(decimals_of_nine_digits_are_written_in_four_bytes),
        cmocka_unit_test(decimals_of_nineteen_digits_are_written_big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
