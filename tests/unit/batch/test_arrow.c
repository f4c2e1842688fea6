#include "batch/arrow.h"
#include "batch/scalar.h"
#include "rows.h"

static void exported_rows_come_back_equal(void **state)
{
    static const unsigned nulls[] = {0, 3, 1};
    for (size_t k = 0; k < 3; k++) {
        struct batch from, same, into;
        struct ArrowSchema arrow_schema;
        struct ArrowArray array;
        struct schema schema;
        CHECK_OK(batch_init(&from, &every_type, &test_error));
        CHECK_OK(batch_init(&same, &every_type, &test_error));
        fill(&from, 77, 8, nulls[k]);
        fill(&same, 77, 8, nulls[k]);
        CHECK_OK(arrow_export_schema(&every_type, &arrow_schema, &test_error));
        CHECK_OK(arrow_export_batch(&from, &array, &test_error));
        assert_int_equal(from.rows, 0);
        check_batch(&from);
        fill(&from, 5, 1, 2); /* the batch is good for more rows */
        check_batch(&from);

        CHECK_OK(arrow_import_schema(&arrow_schema, &schema, &test_error));
        assert_true(schema_equal(&schema, &every_type));
        CHECK_OK(batch_init(&into, &schema, &test_error));
        CHECK_OK(arrow_import_batch(&arrow_schema, &array, &into, &test_error));
        array.offset = 11; /* and again from the middle */
        array.length = 60;
        CHECK_OK(arrow_import_batch(&arrow_schema, &array, &into, &test_error));
        check_batch(&into);
        assert_int_equal(into.rows, 137);
        for (size_t i = 0; i < 77; i++)
            check_same_row(&into, i, &same, i);
        for (size_t i = 0; i < 60; i++)
            check_same_row(&into, 77 + i, &same, 11 + i);

        arrow_schema.release(&arrow_schema);
        array.release(&array);
        assert_null(arrow_schema.release);
        assert_null(array.release);
        batch_release(&from);
        batch_release(&same);
        batch_release(&into);
        schema_release(&schema);
    }
}

static void a_child_outlives_its_parent_once_moved(void **state)
{
    struct batch from;
    struct ArrowArray array, child;
    CHECK_OK(batch_init(&from, &every_type, &test_error));
    fill(&from, 10, 8, 0);
    CHECK_OK(arrow_export_batch(&from, &array, &test_error));
    child = *array.children[14];
    array.children[14]->release = NULL;
    array.release(&array);
    assert_int_equal(child.length, 10);
    assert_int_equal(child.n_buffers, 3);
    assert_int_equal(((const int64_t *)child.buffers[1])[0], 0);
    child.release(&child);
    batch_release(&from);
}

static void an_empty_batch_has_all_its_buffers(void **state)
{
    struct batch from;
    struct ArrowArray array;
    CHECK_OK(batch_init(&from, &every_type, &test_error));
    CHECK_OK(arrow_export_batch(&from, &array, &test_error));
    for (int64_t i = 0; i < array.n_children; i++)
        for (int64_t k = 1; k < array.children[i]->n_buffers; k++)
            assert_non_null(array.children[i]->buffers[k]);
    array.release(&array);
    batch_release(&from);
}

/* One column as another library would hand it out; nothing of it is owned. */
struct foreign {
    struct ArrowSchema root_schema, schema, *schemas[1];
    struct ArrowArray root, array, *arrays[1];
    const void *buffers[3], *root_buffers[1];
};

static void make_foreign(struct foreign *out, const char *format, int64_t length,
                         const void *validity, const void *values, const void *data)
{
    *out = (struct foreign){.schema = {.format = format, .name = "x", .flags = ARROW_FLAG_NULLABLE},
                            .root_schema = {.format = "+s", .name = "", .n_children = 1},
                            .array = {.length = length, .null_count = -1, .n_buffers = 3},
                            .root = {.length = length, .n_buffers = 1, .n_children = 1},
                            .buffers = {validity, values, data}};
    out->schemas[0] = &out->schema;
    out->arrays[0] = &out->array;
    out->root_schema.children = out->schemas;
    out->root.children = out->arrays;
    out->root.buffers = out->root_buffers;
    out->array.buffers = out->buffers;
}

static status import_foreign(const struct foreign *foreign, struct schema *schema,
                             struct batch *batch, struct error *err)
{
    TRY(arrow_import_schema(&foreign->root_schema, schema, err));
    TRY(batch_init(batch, schema, err));
    return arrow_import_batch(&foreign->root_schema, &foreign->root, batch, err);
}

static void units_of_time_become_microseconds_or_stop(void **state)
{
    static const int64_t values[] = {-2000, 0, 3000};
    static const struct {
        const char *format;
        int64_t first;
    } cases[] = {{"tss:", -2000000000}, {"tsm:UTC", -2000000}, {"tsu:Europe/Warsaw", -2000},
                 {"tsn:", -2},          {"ttu", -2000},        {"ttn", -2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct foreign foreign;
        struct schema schema;
        struct batch batch;
        make_foreign(&foreign, cases[i].format, 3, NULL, values, NULL);
        CHECK_OK(import_foreign(&foreign, &schema, &batch, &test_error));
        int64_t first;
        memcpy(&first, batch.columns[0].values.data, sizeof(first));
        assert_int_equal(first, cases[i].first);
        assert_int_equal(schema.fields[0].type.utc, i == 1 || i == 2);
        batch_release(&batch);
        schema_release(&schema);
    }
    static const int64_t odd[] = {1000, 1001}, far[] = {INT64_MAX};
    struct foreign foreign;
    struct schema schema;
    struct batch batch;
    struct error err;
    make_foreign(&foreign, "tsn:", 2, NULL, odd, NULL);
    assert_int_equal(import_foreign(&foreign, &schema, &batch, &err), STATUS_BAD_DATA);
    assert_non_null(strstr(err.text, "row 1"));
    assert_int_equal(batch.columns[0].rows, 0); /* nothing of it stays */
    batch_release(&batch);
    schema_release(&schema);
    make_foreign(&foreign, "tss:", 1, NULL, far, NULL);
    assert_int_equal(import_foreign(&foreign, &schema, &batch, &err), STATUS_BAD_DATA);
    batch_release(&batch);
    schema_release(&schema);
}

static void what_lies_under_a_null_is_not_carried(void **state)
{
    static const int32_t offsets[] = {0, 6, 12, 12};
    static const uint8_t validity = 0x5; /* the middle one is NULL */
    struct foreign foreign;
    struct schema schema;
    struct batch batch;
    make_foreign(&foreign, "u", 3, &validity, offsets, "firstXsecret");
    CHECK_OK(import_foreign(&foreign, &schema, &batch, &test_error));
    check_batch(&batch);
    assert_int_equal(batch.columns[0].null_count, 1);
    assert_int_equal(batch.columns[0].data.size, 6);
    batch_release(&batch);
    schema_release(&schema);
}

static void text_that_is_no_utf8_is_bad_data(void **state)
{
    static const int32_t offsets[] = {0, 2};
    struct foreign foreign;
    struct schema schema;
    struct batch batch;
    struct error err;
    make_foreign(&foreign, "u", 1, NULL, offsets, "\xff\xfe");
    assert_int_equal(import_foreign(&foreign, &schema, &batch, &err), STATUS_BAD_DATA);
    batch_release(&batch);
    schema_release(&schema);
    make_foreign(&foreign, "z", 1, NULL, offsets, "\xff\xfe");
    CHECK_OK(import_foreign(&foreign, &schema, &batch, &err));
    batch_release(&batch);
    schema_release(&schema);
}

/* One value, its bytes in hex, as FORMAT: what stands in the column then, or a refusal. */
static void check_decimal_import(const char *format, const char *hex, const char *words)
{
    uint8_t value[32];
    struct foreign foreign;
    struct schema schema;
    struct batch batch;
    struct scalar got;
    struct error err;
    struct arena arena = {0};
    assert_true(bytes_from_hex(hex, strlen(hex), value));
    make_foreign(&foreign, format, 1, NULL, value, NULL);
    status_code s = import_foreign(&foreign, &schema, &batch, &err);
    assert_int_equal(s, words ? STATUS_OK : STATUS_BAD_DATA);
    if (words) {
        assert_int_equal(batch.columns[0].value_bytes,
                         decimal_value_bytes(schema.fields[0].type.precision));
        scalar_from_column(&got, &batch.columns[0], 0);
        assert_string_equal(scalar_text(&got, &arena), words);
    } else {
        assert_non_null(strstr(err.text, "wider than its precision"));
    }
    arena_release(&arena);
    batch_release(&batch);
    schema_release(&schema);
}

/* 10^18 - 1 is 0de0b6b3a763ffff. */
static void decimals_come_in_as_their_precision_asks(void **state)
{
    check_decimal_import("d:18,0", "ffff63a7b3b6e00d0000000000000000", "999999999999999999");
    check_decimal_import("d:18,18", "01009c584c491ff2ffffffffffffffff", "-0.999999999999999999");
    check_decimal_import("d:18,2,256",
                         "01009c584c491ff2ffffffffffffffffffffffffffffffffffffffffffffffff",
                         "-9999999999999999.99");
    check_decimal_import("d:1,0", "f7ffffffffffffffffffffffffffffff", "-9");
    check_decimal_import("d:19,0", "ffffe7890423c78a0000000000000000", "9999999999999999999");
    check_decimal_import("d:19,0,256",
                         "01001876fbdc3875ffffffffffffffffffffffffffffffffffffffffffffffff",
                         "-9999999999999999999");
    check_decimal_import("d:38,0,256",
                         "01000000c0dd75f6853b79a557b3c4b4ffffffffffffffffffffffffffffffff",
                         "-99999999999999999999999999999999999999");
    check_decimal_import("d:39,0,256",
                         "ffffffff7f56655fc4ac438993fe50f002000000000000000000000000000000",
                         "999999999999999999999999999999999999999");
    check_decimal_import("d:18,0", "00000000000000800000000000000000", NULL);
    check_decimal_import("d:18,0", "ffffffffffffff7fffffffffffffffff", NULL);
    check_decimal_import("d:18,0", "00000000000000000100000000000000", NULL);
    check_decimal_import("d:18,0,256",
                         "0000000000000000000000000000000000000000000000000001000000000000", NULL);
    check_decimal_import("d:19,0,256",
                         "0000000000000000000000000000008000000000000000000000000000000000", NULL);
}

static void narrow_decimals_go_out_as_128_bits(void **state)
{
    static const int64_t most = INT64_C(999999999999999999);
    const int64_t values[] = {most, -most, -1, 0};
    struct field field = {
        .name = "n", .type = {TYPE_DECIMAL, .precision = 18, .scale = 2}, .nullable = true};
    const struct schema schema = {.fields = &field, .n_fields = 1};
    struct batch from;
    struct ArrowSchema arrow_schema;
    struct ArrowArray array;
    CHECK_OK(batch_init(&from, &schema, &test_error));
    CHECK_OK(batch_reserve(&from, 5, &test_error));
    for (size_t i = 0; i < 4; i++)
        column_append_fixed(&from.columns[0], &values[i]);
    CHECK_OK(column_append_null(&from.columns[0], &test_error));
    from.rows = 5;
    CHECK_OK(arrow_export_schema(&schema, &arrow_schema, &test_error));
    CHECK_OK(arrow_export_batch(&from, &array, &test_error));
    assert_string_equal(arrow_schema.children[0]->format, "d:18,2");
    const int64_t *words = array.children[0]->buffers[1];
    for (size_t i = 0; i < 4; i++) {
        assert_true(words[2 * i] == values[i]);
        assert_true(words[2 * i + 1] == values[i] >> 63);
    }
    assert_true(words[8] == 0 && words[9] == 0);
    check_batch(&from); /* empty, and good for more rows */
    CHECK_OK(batch_reserve(&from, 1, &test_error));
    column_append_fixed(&from.columns[0], &most);
    from.rows = 1;
    check_batch(&from);
    arrow_schema.release(&arrow_schema);
    array.release(&array);
    batch_release(&from);
}

static void wide_decimals_narrow_where_they_fit(void **state)
{
    uint8_t values[64];
    memset(values, 0xff, 32); /* -1 */
    memset(values + 32, 0, 32);
    struct foreign foreign;
    struct schema schema;
    struct batch batch;
    struct error err;
    make_foreign(&foreign, "d:10,2,256", 2, NULL, values, NULL);
    CHECK_OK(import_foreign(&foreign, &schema, &batch, &test_error));
    assert_int_equal(batch.columns[0].value_bytes, 8);
    batch_release(&batch);
    schema_release(&schema);
    values[48] = 1;
    assert_int_equal(import_foreign(&foreign, &schema, &batch, &err), STATUS_BAD_DATA);
    batch_release(&batch);
    schema_release(&schema);
}

static void formats_not_taken_are_named(void **state)
{
    static const char *const formats[] = {"n",         "e",      "tdm", "+w:3", "d:0,0",
                                          "d:5,9",     "d:39,2", "d:5", "tsx:", "w:0",
                                          "d:10,2,64", "tiM",    "ts",  "vu"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct foreign foreign;
        struct schema schema;
        struct error err = {0};
        make_foreign(&foreign, formats[i], 0, NULL, NULL, NULL);
        assert_int_equal(arrow_import_schema(&foreign.root_schema, &schema, &err), STATUS_BAD_DATA);
        assert_non_null(strstr(err.text, formats[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exported_rows_come_back_equal),
        cmocka_unit_test(a_child_outlives_its_parent_once_moved),
        cmocka_unit_test(an_empty_batch_has_all_its_buffers),
        cmocka_unit_test(units_of_time_become_microseconds_or_stop),
        cmocka_unit_test(what_lies_under_a_null_is_not_carried),
        cmocka_unit_test(text_that_is_no_utf8_is_bad_data),
        cmocka_unit_test(decimals_come_in_as_their_precision_asks),
        cmocka_unit_test(narrow_decimals_go_out_as_128_bits),
        cmocka_unit_test(wide_decimals_narrow_where_they_fit),
        cmocka_unit_test(formats_not_taken_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
