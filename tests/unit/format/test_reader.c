/* What was written is read: every type, nested, in every profile and codec, in batches of any size; only the columns,
 * row groups and pages that are wanted; within the memory that is allowed. Rows are compared by their digests. */
#include "base/failing_memory.h"
#include "memory_file.h"

/* ---- a table of every type ---- */

#define LEAF(n, t, ...)                                                                            \
    {                                                                                              \
        .name = (n), .nullable = true, .type = {.id = (t), __VA_ARGS__ }                           \
    }
#define NESTED(n, t, c, count)                                                                     \
    {                                                                                              \
        .name = (n), .nullable = true, .type = {.id = (t)}, .children = (c), .n_children = (count) \
    }

static const struct field text_element[] = {LEAF("element", TYPE_UTF8)};
static const struct field lists_element[] = {NESTED("element", TYPE_LIST, text_element, 1)};
static const struct field number_element[] = {{.name = "element", .type.id = TYPE_INT32}};
static const struct field entry_fields[] = {{.name = "key", .type.id = TYPE_UTF8},
                                            NESTED("value", TYPE_LIST, number_element, 1)};
static const struct field entries[] = {
    {.name = "key_value", .type.id = TYPE_STRUCT, .children = entry_fields, .n_children = 2}};
static const struct field inner_fields[] = {LEAF("bool", TYPE_BOOL), LEAF("uuid", TYPE_UUID),
                                            NESTED("map", TYPE_MAP, entries, 1)};
static const struct field pair_fields[] = {{.name = "a", .type.id = TYPE_INT64},
                                           LEAF("b", TYPE_UTF8),
                                           NESTED("in", TYPE_STRUCT, inner_fields, 3)};
static const struct field pair_element[] = {NESTED("element", TYPE_STRUCT, pair_fields, 3)};

static struct field all_fields[] = {
    {.name = "row", .type.id = TYPE_INT64},
    LEAF("bool", TYPE_BOOL),
    LEAF("int8", TYPE_INT8),
    LEAF("int16", TYPE_INT16),
    LEAF("int32", TYPE_INT32),
    LEAF("int64", TYPE_INT64),
    LEAF("uint8", TYPE_UINT8),
    LEAF("uint16", TYPE_UINT16),
    LEAF("uint32", TYPE_UINT32),
    LEAF("uint64", TYPE_UINT64),
    LEAF("float32", TYPE_FLOAT32),
    LEAF("float64", TYPE_FLOAT64),
    LEAF("decimal9", TYPE_DECIMAL, .precision = 9, .scale = 2),
    LEAF("decimal18", TYPE_DECIMAL, .precision = 18, .scale = 3),
    LEAF("decimal38", TYPE_DECIMAL, .precision = 38, .scale = 5),
    LEAF("decimal76", TYPE_DECIMAL, .precision = 76, .scale = 10),
    LEAF("text", TYPE_UTF8),
    LEAF("binary", TYPE_BINARY),
    LEAF("fixed", TYPE_FIXED_BINARY, .width = 7),
    LEAF("date", TYPE_DATE),
    LEAF("time", TYPE_TIME),
    LEAF("timestamp", TYPE_TIMESTAMP),
    LEAF("instant", TYPE_TIMESTAMP, .utc = true),
    LEAF("interval", TYPE_INTERVAL),
    LEAF("uuid", TYPE_UUID),
    LEAF("json", TYPE_JSON),
    NESTED("lists", TYPE_LIST, lists_element, 1),
    NESTED("pair", TYPE_STRUCT, pair_fields, 3),
    NESTED("pairs", TYPE_LIST, pair_element, 1),
    NESTED("map", TYPE_MAP, entries, 1),
};
enum { N_FIELDS = sizeof(all_fields) / sizeof(all_fields[0]) };
static const struct schema all_types = {.fields = all_fields, .n_fields = N_FIELDS};

/* ---- values ---- */

static uint64_t seed;
static unsigned null_share; /* of 100 */

static void put_value(struct column *column);

static void put_text_value(struct column *column)
{
    static const char *const words[] = {"", "a", "żółć", "a text of more than sixteen bytes", "b"};
    char text[80];
    uint64_t random = next_random(&seed);
    int size = snprintf(text, sizeof(text), "%s", words[random % 5]);
    if (random % 3 == 0)
        size =
            snprintf(text, sizeof(text), "%s%llu", words[random % 5], (unsigned long long)random);
    CHECK_OK(column_append_bytes(column, text, (size_t)size, &test_error));
}

static void put_decimal_value(struct column *column)
{
    uint8_t value[32];
    char text[40];
    int64_t small = (int64_t)(next_random(&seed) % 999999999) - 499999999;
    int size =
        snprintf(text, sizeof(text), "%llde-%d", (long long)small, column->field->type.scale);
    assert_true(parse_decimal(text, (size_t)size, column->field->type.precision,
                              column->field->type.scale, value));
    column_append_fixed(column, value);
}

static void put_fixed_value(struct column *column)
{
    uint64_t value[4] = {next_random(&seed), next_random(&seed), 0, 0};
    if (column->field->type.id == TYPE_TIME)
        value[0] %= UINT64_C(86400000000);
    if (column->field->type.id == TYPE_INTERVAL) {
        value[0] &= UINT64_C(0x7fffffff7fffffff);
        value[1] = value[1] % 1000 * 1000000;
    }
    column_append_fixed(column, value);
}

static void put_elements(struct column *column)
{
    for (uint64_t n = next_random(&seed) % 4; n > 0; n--)
        put_value(&column->children[0]);
    column_append_nested(column);
}

static void put_value(struct column *column)
{
    CHECK_OK(column_reserve(column, 1, &test_error));
    if (column->field->nullable && next_random(&seed) % 100 < null_share) {
        CHECK_OK(column_append_null(column, &test_error));
        return;
    }
    switch (column->field->type.id) {
    case TYPE_BOOL:
        column_append_bool(column, next_random(&seed) % 3 == 0);
        return;
    case TYPE_UTF8:
    case TYPE_BINARY:
    case TYPE_JSON:
        put_text_value(column);
        return;
    case TYPE_DECIMAL:
        put_decimal_value(column);
        return;
    case TYPE_LIST:
    case TYPE_MAP:
        put_elements(column);
        return;
    case TYPE_STRUCT:
        for (size_t i = 0; i < column->n_children; i++)
            put_value(&column->children[i]);
        column_append_nested(column);
        return;
    default:
        put_fixed_value(column);
    }
}

static void make_rows(struct batch *batch, const struct schema *schema, size_t rows, unsigned nulls)
{
    seed = 42;
    null_share = nulls;
    CHECK_OK(batch_init(batch, schema, &test_error));
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < schema->n_fields; i++)
            put_value(&batch->columns[i]);
        memcpy(batch->columns[0].values.data + 8 * row, &row, 8);
        batch->rows++;
    }
}

/* ---- reading ---- */

static const struct format_driver *driver;
static struct memory_source source;
static struct format_reader *reader;

static void open_file(const struct buffer *bytes, size_t limit)
{
    driver = format_find("parquet");
    source = memory_source_of(bytes->data, bytes->size);
    CHECK_OK(driver->reader_open(&source.base, limit, &reader, &test_error));
}

static void read_all(struct batch *out, size_t at_once)
{
    size_t rows = 1;
    CHECK_OK(batch_init(out, driver->reader_batch_schema(reader), &test_error));
    while (rows > 0) {
        size_t before = out->rows;
        CHECK_OK(driver->reader_next(reader, out, at_once, &rows, &test_error));
        assert_true(rows <= at_once);
        assert_int_equal(out->rows, before + rows);
    }
}

static void check_slots(const struct column *column)
{
    size_t width = column->value_bytes;
    static const uint8_t zeros[64];
    assert_int_equal(column->values.size, column->rows * width);
    for (size_t row = 0; row < column->rows; row++)
        if (column_is_null(column, row))
            assert_memory_equal(column->values.data + row * width, zeros, width);
}

static void check_offsets(const struct column *column)
{
    const int64_t *offsets = column_offsets(column);
    if (column->rows == 0)
        return;
    assert_int_equal(column->values.size, (column->rows + 1) * sizeof(int64_t));
    assert_int_equal(offsets[0], 0);
    for (size_t row = 0; row < column->rows; row++) {
        assert_true(offsets[row] <= offsets[row + 1]);
        if (column_is_null(column, row))
            assert_int_equal(offsets[row], offsets[row + 1]);
    }
    assert_int_equal(offsets[column->rows],
                     column->n_children ? column->children[0].rows : column->data.size);
}

/* What batch/column.h promises of a column's buffers. */
static void check_shape(const struct column *column)
{
    size_t ones = column->rows;
    if (column->validity.size > 0)
        ones = bits_count(column->validity.data, 0, column->rows);
    assert_int_equal(column->null_count, column->rows - ones);
    if (column->null_count > 0)
        assert_int_equal(column->validity.size, (column->rows + 7) / 8);
    else
        assert_int_equal(column->validity.size, 0);
    if (column->value_bytes > 0)
        check_slots(column);
    else if (column->field->type.id == TYPE_BOOL)
        assert_int_equal(column->values.size, (column->rows + 7) / 8);
    else if (column->field->type.id != TYPE_STRUCT)
        check_offsets(column);
    for (size_t i = 0; i < column->n_children; i++) {
        if (column->field->type.id == TYPE_STRUCT)
            assert_int_equal(column->children[i].rows, column->rows);
        check_shape(&column->children[i]);
    }
}

static void check_same_rows(const struct batch *a, const struct batch *b)
{
    struct digest *x = test_malloc((a->rows + 1) * sizeof(*x));
    struct digest *y = test_malloc((a->rows + 1) * sizeof(*y));
    assert_int_equal(a->rows, b->rows);
    for (size_t i = 0; i < b->schema->n_fields; i++)
        check_shape(&b->columns[i]);
    CHECK_OK(batch_digest(a, 0, a->rows, x, &test_error));
    CHECK_OK(batch_digest(b, 0, b->rows, y, &test_error));
    for (size_t i = 0; i < a->rows; i++)
        if (memcmp(&x[i], &y[i], sizeof(*x)) != 0)
            fail_msg("row %zu differs", i);
    test_free(x);
    test_free(y);
}

/* BATCH written by OPTIONS in GROUPS row groups, and read again, AT_ONCE rows each. */
static void check_round_trip(const struct batch *batch, size_t groups, size_t at_once,
                             const char *const *options)
{
    struct test_options values;
    struct memory_sink sink;
    struct file_result result;
    struct batch back;
    write_file(batch, groups, test_options(&values, options), &sink, &result);
    open_file(&sink.bytes, 0);
    assert_true(schema_equal(driver->reader_schema(reader), batch->schema));
    assert_int_equal(driver->reader_rows(reader), batch->rows);
    read_all(&back, at_once);
    check_same_rows(batch, &back);
    batch_release(&back);
    driver->reader_free(reader);
    file_result_release(&result);
    buffer_release(&sink.bytes);
}

static void every_type_survives_every_option(void **state)
{
    static const char *const options[][5] = {
        {NULL},
        {"encoding=dense", NULL},
        {"encoding=dense", "compression=none", "page_rows=100", NULL},
        {"dictionary=false", "compression=snappy", NULL},
        {"dictionary=false", "compression=lz4_raw", "page_rows=33", NULL},
        {"compression=gzip", "statistics=false", NULL},
        {"compression=zstd:9", "bloom_filter=text", "page_bytes=4096", NULL},
    };
    struct batch batch;
    make_rows(&batch, &all_types, 1200, 15);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        check_round_trip(&batch, 1 + i % 3, 5000, options[i]);
    batch_release(&batch);
}

static void batches_of_any_size_give_the_same_rows(void **state)
{
    static const char *const options[] = {"page_rows=64", NULL};
    static const size_t sizes[] = {1, 7, 64, 100, 1000};
    struct batch batch;
    make_rows(&batch, &all_types, 500, 15);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_round_trip(&batch, 3, sizes[i], options);
    batch_release(&batch);
}

static void nulls_everywhere_and_nowhere_survive(void **state)
{
    static const char *const dense[] = {"encoding=dense", NULL};
    for (unsigned nulls = 0; nulls <= 100; nulls += 50) {
        struct batch batch;
        make_rows(&batch, &all_types, 300, nulls);
        check_round_trip(&batch, 2, 128, NULL);
        check_round_trip(&batch, 2, 128, dense);
        batch_release(&batch);
    }
}

static void a_file_without_rows_is_read(void **state)
{
    struct batch batch;
    make_rows(&batch, &all_types, 0, 0);
    check_round_trip(&batch, 1, 10, NULL);
    batch_release(&batch);
}

static void long_texts_survive(void **state)
{
    static const struct schema schema = {.fields = &all_fields[16], .n_fields = 1};
    struct batch batch;
    char *text = test_malloc(3 << 20);
    CHECK_OK(batch_init(&batch, &schema, &test_error));
    CHECK_OK(batch_reserve(&batch, 8, &test_error));
    for (size_t i = 0; i < 8; i++) {
        memset(text, 'a' + (int)i, 3 << 20);
        CHECK_OK(column_append_bytes(&batch.columns[0], text, i * 400000, &test_error));
        batch.rows++;
    }
    check_round_trip(&batch, 1, 100, NULL);
    test_free(text);
    batch_release(&batch);
}

/* ---- a file of numbers in order: what is left out can be told ---- */

enum { ORDERED_ROWS = 4000, ORDERED_GROUPS = 4, ORDERED_PAGES = 10 };
static struct field ordered_fields[] = {
    {.name = "n", .type.id = TYPE_INT64},
    LEAF("text", TYPE_UTF8),
    NESTED("lists", TYPE_LIST, lists_element, 1),
    LEAF("decimal", TYPE_DECIMAL, .precision = 20, .scale = 2),
};
static const struct schema ordered = {.fields = ordered_fields, .n_fields = 4};

static void make_ordered(struct batch *batch)
{
    make_rows(batch, &ordered, ORDERED_ROWS, 10);
}

static struct memory_sink ordered_sink;
static struct batch ordered_batch;

static int write_ordered(void **state)
{
    static const char *const texts[] = {"page_rows=100", "bloom_filter=text", NULL};
    struct test_options options;
    struct file_result result;
    make_ordered(&ordered_batch);
    write_file(&ordered_batch, ORDERED_GROUPS, test_options(&options, texts), &ordered_sink,
               &result);
    file_result_release(&result);
    return 0;
}

static int release_ordered(void **state)
{
    buffer_release(&ordered_sink.bytes);
    batch_release(&ordered_batch);
    return 0;
}

static struct scalar number(int64_t value)
{
    return (struct scalar){.type.id = TYPE_INT64, .i64 = value};
}

/* Rows [*OUT_FIRST, ...) that are read for n in [LOW, HIGH], as one stretch; they are what was written. */
static void read_between(int64_t low, int64_t high, int64_t *out_first, size_t *out_rows,
                         struct format_read_counts *counts)
{
    struct scalar bounds[] = {number(low), number(high)};
    struct format_range range = {0, &bounds[0], &bounds[1]};
    struct format_read_options options = {.ranges = &range, .n_ranges = 1};
    struct batch back, expected;
    open_file(&ordered_sink.bytes, 0);
    CHECK_OK(driver->reader_begin(reader, &options, &test_error));
    read_all(&back, 777);
    driver->reader_counts(reader, counts);
    *out_rows = back.rows;
    *out_first = back.rows ? ((const int64_t *)(void *)back.columns[0].values.data)[0] : 0;
    CHECK_OK(batch_init(&expected, &ordered, &test_error));
    CHECK_OK(
        batch_append_range(&expected, &ordered_batch, (size_t)*out_first, back.rows, &test_error));
    check_same_rows(&expected, &back);
    batch_release(&expected);
    batch_release(&back);
    driver->reader_free(reader);
}

static void pages_without_wanted_rows_are_not_read(void **state)
{
    struct format_read_counts counts, all;
    int64_t first;
    size_t rows;
    read_between(INT64_MIN, INT64_MAX, &first, &rows, &all);
    assert_int_equal(rows, ORDERED_ROWS);
    assert_int_equal(all.groups_skipped, 0);
    assert_int_equal(all.pages_skipped, 0);
    read_between(1250, 1349, &first, &rows, &counts);
    assert_int_equal(first, 1200);
    assert_int_equal(rows, 200);
    assert_int_equal(counts.groups, ORDERED_GROUPS);
    assert_int_equal(counts.groups_skipped, 3);
    /* "n", "text", the texts of "lists" and "decimal": two of ten pages each */
    assert_int_equal(counts.pages, 4 * ORDERED_PAGES);
    assert_int_equal(counts.pages_skipped, 4 * (ORDERED_PAGES - 2));
    assert_true(counts.bytes < all.bytes / 4);
}

static void rows_over_two_row_groups_are_all_read(void **state)
{
    struct format_read_counts counts;
    int64_t first;
    size_t rows;
    read_between(995, 1005, &first, &rows, &counts);
    assert_int_equal(first, 900);
    assert_int_equal(rows, 200);
    assert_int_equal(counts.groups_skipped, 2);
}

static void nothing_is_read_where_no_row_is_wanted(void **state)
{
    struct format_read_counts counts;
    int64_t first;
    size_t rows;
    read_between(ORDERED_ROWS, INT64_MAX, &first, &rows, &counts);
    assert_int_equal(rows, 0);
    assert_int_equal(counts.groups_skipped, ORDERED_GROUPS);
    assert_int_equal(counts.pages, 0);
}

/* Text: no order that bounds could use, but a filter knows that it is not there. */
static void a_bloom_filter_leaves_row_groups_out(void **state)
{
    struct scalar word = {.type.id = TYPE_UTF8, .bytes = "ab", .size = 2};
    struct format_range range = {1, &word, &word};
    struct format_read_options options = {.ranges = &range, .n_ranges = 1};
    struct format_read_counts counts;
    struct batch back;
    open_file(&ordered_sink.bytes, 0);
    CHECK_OK(driver->reader_begin(reader, &options, &test_error));
    read_all(&back, 100);
    driver->reader_counts(reader, &counts);
    assert_true(counts.groups_skipped >= ORDERED_GROUPS - 1); /* one false answer may be */
    batch_release(&back);
    driver->reader_free(reader);
}

static void ranges_of_two_columns_must_both_hold(void **state)
{
    struct scalar low = number(100), high = number(150);
    struct scalar far = {.type = ordered_fields[3].type};
    struct format_range ranges[] = {{0, &low, &high}, {3, &far, NULL}};
    struct format_read_options options = {.ranges = ranges, .n_ranges = 2};
    struct batch back;
    memset(far.fixed, 0x7f, 12); /* above all there is */
    open_file(&ordered_sink.bytes, 0);
    CHECK_OK(driver->reader_begin(reader, &options, &test_error));
    read_all(&back, 100);
    assert_int_equal(back.rows, 0);
    batch_release(&back);
    driver->reader_free(reader);
}

/* ---- columns, options, failures ---- */

static void chosen_columns_come_in_the_order_asked_for(void **state)
{
    static const size_t fields[] = {3, 0};
    struct format_read_options options = {.fields = fields, .n_fields = 2};
    struct batch back;
    open_file(&ordered_sink.bytes, 0);
    CHECK_OK(driver->reader_begin(reader, &options, &test_error));
    const struct schema *schema = driver->reader_batch_schema(reader);
    assert_int_equal(schema->n_fields, 2);
    assert_string_equal(schema->fields[0].name, "decimal");
    assert_string_equal(schema->fields[1].name, "n");
    read_all(&back, 1000);
    assert_int_equal(back.rows, ORDERED_ROWS);
    const int64_t *numbers = (const int64_t *)(void *)back.columns[1].values.data;
    for (int64_t i = 0; i < ORDERED_ROWS; i++)
        assert_int_equal(numbers[i], i);
    batch_release(&back);
    driver->reader_free(reader);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    static const size_t beyond[] = {4};
    struct scalar text = {.type.id = TYPE_UTF8, .bytes = "", .size = 0};
    const struct format_range ranges[] = {{0, &text, NULL}, {2, NULL, NULL}, {9, NULL, NULL}};
    open_file(&ordered_sink.bytes, 0);
    struct format_read_options options = {.fields = beyond, .n_fields = 1};
    assert_int_equal(driver->reader_begin(reader, &options, &test_error), STATUS_BAD_CONFIG);
    for (size_t i = 0; i < 3; i++) {
        options = (struct format_read_options){.ranges = &ranges[i], .n_ranges = 1};
        assert_int_equal(driver->reader_begin(reader, &options, &test_error), STATUS_BAD_CONFIG);
    }
    driver->reader_free(reader);
}

static void little_memory_is_enough_for_small_pages(void **state)
{
    struct batch back;
    open_file(&ordered_sink.bytes, 2 << 20);
    read_all(&back, 500);
    check_same_rows(&ordered_batch, &back);
    batch_release(&back);
    driver->reader_free(reader);
}

/* Bytes flipped in the last row group: the rows before it are read, and stay as they are. */
static void rows_before_a_damaged_page_stay(void **state)
{
    struct buffer copy = {0};
    struct batch back;
    size_t rows = 0;
    CHECK_OK(buffer_append(&copy, ordered_sink.bytes.data, ordered_sink.bytes.size, &test_error));
    open_file(&copy, 0);
    CHECK_OK(batch_init(&back, driver->reader_batch_schema(reader), &test_error));
    CHECK_OK(driver->reader_next(reader, &back, 1000, &rows, &test_error));
    assert_int_equal(rows, 1000);
    memset(copy.data + 4, 0x55, copy.size / 2); /* all pages of the next row group */
    assert_int_equal(driver->reader_next(reader, &back, 1000, &rows, &test_error), STATUS_BAD_DATA);
    assert_int_equal(back.rows, 1000);
    struct batch expected;
    CHECK_OK(batch_init(&expected, &ordered, &test_error));
    CHECK_OK(batch_append_range(&expected, &ordered_batch, 0, 1000, &test_error));
    check_same_rows(&expected, &back);
    batch_release(&expected);
    batch_release(&back);
    driver->reader_free(reader);
    buffer_release(&copy);
}

static status_code read_with_failures(const struct buffer *bytes)
{
    struct memory_source from = memory_source_of(bytes->data, bytes->size);
    struct format_reader *failing = NULL;
    struct batch back = {0};
    size_t rows = 1;
    driver = format_find("parquet");
    status_code code = driver->reader_open(&from.base, 0, &failing, &test_error);
    if (code == STATUS_OK)
        code = batch_init(&back, driver->reader_batch_schema(failing), &test_error);
    for (rows = 1; code == STATUS_OK && rows > 0;)
        code = driver->reader_next(failing, &back, 100, &rows, &test_error);
    if (back.schema)
        batch_release(&back);
    driver->reader_free(failing);
    return code;
}

static void want_of_memory_is_never_bad_data(void **state)
{
    struct test_options options;
    struct memory_sink sink;
    struct file_result result;
    struct batch batch;
    make_rows(&batch, &all_types, 40, 20);
    write_file(&batch, 1, test_options(&options, NULL), &sink, &result);
    for (unsigned nth = 1;; nth++) {
        fail_allocation(nth);
        status_code got = read_with_failures(&sink.bytes);
        if (!allocation_failed()) {
            assert_int_equal(got, STATUS_OK);
            break;
        }
        if (got != STATUS_NO_MEMORY)
            fail_msg("allocation %u: %s, %s", nth, status_text(got), test_error.text);
    }
    file_result_release(&result);
    buffer_release(&sink.bytes);
    batch_release(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_survives_every_option),
        cmocka_unit_test(batches_of_any_size_give_the_same_rows),
        cmocka_unit_test(nulls_everywhere_and_nowhere_survive),
        cmocka_unit_test(a_file_without_rows_is_read),
        cmocka_unit_test(long_texts_survive),
        cmocka_unit_test(pages_without_wanted_rows_are_not_read),
        cmocka_unit_test(rows_over_two_row_groups_are_all_read),
        cmocka_unit_test(nothing_is_read_where_no_row_is_wanted),
        cmocka_unit_test(a_bloom_filter_leaves_row_groups_out),
        cmocka_unit_test(ranges_of_two_columns_must_both_hold),
        cmocka_unit_test(chosen_columns_come_in_the_order_asked_for),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(little_memory_is_enough_for_small_pages),
        cmocka_unit_test(rows_before_a_damaged_page_stay),
        cmocka_unit_test(want_of_memory_is_never_bad_data),
    };
    return cmocka_run_group_tests(tests, write_ordered, release_ordered);
}
