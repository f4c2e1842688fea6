#include <xxhash.h>

#include "rows.h"

static void make(struct batch *batch, size_t rows, unsigned nulls_in)
{
    CHECK_OK(batch_init(batch, &every_type, &test_error));
    fill(batch, rows, 17, nulls_in);
}

static void plain_rows_come_back_equal(void **state)
{
    static const unsigned nulls[] = {0, 3, 1};
    for (size_t k = 0; k < 3; k++) {
        struct batch from, into;
        struct buffer bytes = {0};
        make(&from, 120, nulls[k]);
        make(&into, 3, 2);
        CHECK_OK(buffer_append(&bytes, "odd", k, &test_error)); /* any place in OUT will do */
        CHECK_OK(batch_write_plain(&from, 7, 101, &bytes, &test_error));
        CHECK_OK(batch_read_plain(&into, bytes.data + k, bytes.size - k, &test_error));
        check_batch(&into);
        assert_int_equal(into.rows, 104);
        for (size_t i = 0; i < 101; i++)
            check_same_row(&into, 3 + i, &from, 7 + i);
        buffer_release(&bytes);
        batch_release(&from);
        batch_release(&into);
    }
}

static void gathered_plain_rows_equal_a_gathered_batch(void **state)
{
    struct batch from, picked;
    struct buffer direct = {0}, by_batch = {0};
    uint32_t rows[200];
    uint64_t seed = 4;
    for (size_t n = 0; n <= 200; n += 40) {
        make(&from, 90, n % 80 ? 0 : 4);
        CHECK_OK(batch_init(&picked, &every_type, &test_error));
        for (size_t i = 0; i < n; i++)
            rows[i] = (uint32_t)(next_random(&seed) % 90);
        CHECK_OK(batch_gather(&picked, &from, rows, n, &test_error));
        direct.size = by_batch.size = 0;
        CHECK_OK(batch_write_plain_gathered(&from, rows, n, &direct, &test_error));
        CHECK_OK(batch_write_plain(&picked, 0, n, &by_batch, &test_error));
        assert_int_equal(direct.size, by_batch.size);
        assert_memory_equal(direct.data, by_batch.data, direct.size);
        batch_release(&from);
        batch_release(&picked);
    }
    buffer_release(&direct);
    buffer_release(&by_batch);
}

/* A copy of its own, so that the sanitizer sees the first byte read behind it. */
static status read_copy(struct batch *into, const uint8_t *bytes, size_t size, struct error *err)
{
    uint8_t *copy = test_malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    status s = batch_read_plain(into, copy, size, err);
    test_free(copy);
    return s;
}

static void every_truncation_is_bad_data(void **state)
{
    struct batch from, into;
    struct buffer bytes = {0};
    struct error err;
    make(&from, 11, 3);
    make(&into, 2, 0);
    CHECK_OK(batch_write_plain(&from, 0, 11, &bytes, &test_error));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(read_copy(&into, bytes.data, size, &err), STATUS_BAD_DATA);
        assert_int_equal(into.rows, 2);
    }
    check_batch(&into);
    buffer_release(&bytes);
    batch_release(&from);
    batch_release(&into);
}

static void flipped_bits_are_bad_data(void **state)
{
    struct batch from, into;
    struct buffer bytes = {0};
    struct error err;
    uint64_t seed = 12;
    make(&from, 20, 3);
    make(&into, 0, 0);
    CHECK_OK(batch_write_plain(&from, 0, 20, &bytes, &test_error));
    for (size_t i = 0; i < 2000; i++) {
        size_t bit = next_random(&seed) % (bytes.size * 8);
        bytes.data[bit >> 3] ^= (uint8_t)(1u << (bit & 7));
        assert_int_equal(read_copy(&into, bytes.data, bytes.size, &err), STATUS_BAD_DATA);
        bytes.data[bit >> 3] ^= (uint8_t)(1u << (bit & 7));
    }
    buffer_release(&bytes);
    batch_release(&from);
    batch_release(&into);
}

static void check_offsets_rise(const struct column *column)
{
    bool has_offsets =
        column->values.size && !column->value_bytes && column->field->type.id != TYPE_BOOL;
    for (size_t i = 0; has_offsets && i < column->rows; i++)
        assert_true(column_offsets(column)[i + 1] >= column_offsets(column)[i]);
    for (size_t i = 0; i < column->n_children; i++)
        check_offsets_rise(&column->children[i]);
}

/* ---- numbers take what their range needs ---- */

static const struct field one_i64[] = {{.name = "n", .type.id = TYPE_INT64, .nullable = true}};
static const struct field one_u8[] = {{.name = "n", .type.id = TYPE_UINT8}};
static const struct field one_date[] = {{.name = "n", .type.id = TYPE_DATE, .nullable = true}};
static const struct field one_decimal[] = {{.name = "n", .type = {TYPE_DECIMAL, .precision = 38}}};
static const struct field one_narrow_decimal[] = {
    {.name = "n", .type = {TYPE_DECIMAL, .precision = 18, .scale = 2}}};
static const struct field one_float[] = {{.name = "n", .type.id = TYPE_FLOAT64}};
static const struct field one_text[] = {{.name = "n", .type.id = TYPE_UTF8}};
static const struct field one_list[] = {
    {.name = "n", .type.id = TYPE_LIST, .children = &element, .n_children = 1}};

enum { FRAME = 32 }; /* head and checksum */

/* ROWS rows of the column's slots as they stand, through plain form and back; returns its bytes. */
static size_t through_plain(struct batch *from, struct batch *into)
{
    struct buffer bytes = {0};
    CHECK_OK(batch_write_plain(from, 0, from->rows, &bytes, &test_error));
    CHECK_OK(batch_init(into, from->schema, &test_error));
    CHECK_OK(batch_read_plain(into, bytes.data, bytes.size, &test_error));
    check_batch(into);
    assert_int_equal(into->rows, from->rows);
    assert_int_equal(batch_plain_column_bytes(bytes.data, bytes.size), batch_bytes(into));
    size_t size = bytes.size;
    buffer_release(&bytes);
    return size;
}

/* Bytes of a piece of VALUES, each of the column's width. */
static size_t stored_bytes(const struct field *field, const void *values, size_t n)
{
    struct field copy = *field;
    const struct schema schema = {.fields = &copy, .n_fields = 1};
    struct batch from, into;
    CHECK_OK(batch_init(&from, &schema, &test_error));
    CHECK_OK(batch_reserve(&from, n, &test_error));
    size_t width = from.columns[0].value_bytes;
    for (size_t i = 0; i < n; i++)
        column_append_fixed(&from.columns[0], (const uint8_t *)values + i * width);
    from.rows = n;
    size_t size = through_plain(&from, &into);
    assert_memory_equal(into.columns[0].values.data, values, n * width);
    batch_release(&from);
    batch_release(&into);
    return size - FRAME;
}

static void integers_take_the_bytes_of_their_range(void **state)
{
    static const int64_t equal[] = {7, 7, 7}, near[] = {1000000, 1000255, 1000001},
                         two[] = {-1, 255, 0}, four[] = {0, 65536, 1},
                         eight[] = {0, INT64_C(1) << 32, 1},
                         all[] = {INT64_MIN, INT64_MAX, 0, -1, 1}, least[] = {INT64_MIN, INT64_MIN},
                         most[] = {INT64_MAX, INT64_MAX - 255};
    assert_int_equal(stored_bytes(one_i64, equal, 3), 1 + 1);
    assert_int_equal(stored_bytes(one_i64, near, 3), 1 + 3 + 3);
    assert_int_equal(stored_bytes(one_i64, two, 3), 1 + 1 + 6);
    assert_int_equal(stored_bytes(one_i64, four, 3), 1 + 1 + 12);
    assert_int_equal(stored_bytes(one_i64, eight, 3), 1 + 1 + 24);
    assert_int_equal(stored_bytes(one_i64, all, 5), 1 + 10 + 40); /* modulo 2^64 */
    assert_int_equal(stored_bytes(one_i64, least, 2), 1 + 10);
    assert_int_equal(stored_bytes(one_i64, most, 2), 1 + 10 + 2);
    static const uint8_t bytes[] = {0, 255, 128, 127};
    assert_int_equal(stored_bytes(one_u8, bytes, 4), 1 + 2 + 4);
}

static void decimals_beyond_64_bits_stand_as_they_are(void **state)
{
    static const int64_t small[] = {5, 0, -5, -1}, edge[] = {INT64_MAX, 0, INT64_MIN, -1},
                         above[] = {INT64_MIN, 0, 1, 0}, below[] = {INT64_MAX, -1, 1, 0};
    assert_int_equal(stored_bytes(one_decimal, small, 2), 1 + 1 + 2);
    assert_int_equal(stored_bytes(one_decimal, edge, 2), 1 + 10 + 16);
    assert_int_equal(stored_bytes(one_decimal, above, 2), 1 + 32);
    assert_int_equal(stored_bytes(one_decimal, below, 2), 1 + 32);
}

static void decimals_of_eight_bytes_are_stored_as_integers(void **state)
{
    static const int64_t most = INT64_C(999999999999999999);
    const int64_t small[] = {5, -5}, edge[] = {most, -most, 0}, near[] = {most, most - 255};
    assert_int_equal(stored_bytes(one_narrow_decimal, small, 2), 1 + 1 + 2);
    assert_int_equal(stored_bytes(one_narrow_decimal, edge, 3), 1 + 9 + 24);
    assert_int_equal(stored_bytes(one_narrow_decimal, near, 2), 1 + 9 + 2);
}

/* More rows than go over the stack at once, and more than may take no byte each. */
static void large_pieces_come_back_equal(void **state)
{
    static int64_t values[70000];
    for (size_t n = 1023; n <= 70000; n = n < 1025 ? n + 1 : n * 4) {
        for (size_t i = 0; i < n; i++)
            values[i] = (int64_t)i * 3 - 40;
        assert_int_equal(stored_bytes(one_i64, values, n), 1 + 1 + n * (n < 21846 ? 2 : 4));
    }
    for (size_t i = 0; i < 70000; i++)
        values[i] = 9;
    assert_int_equal(stored_bytes(one_i64, values, 65536), 1 + 1);
    assert_int_equal(stored_bytes(one_i64, values, 65537), 1 + 1 + 65537);
}

static void the_slots_of_nulls_do_not_widen_a_range(void **state)
{
    struct field field = *one_date;
    const struct schema schema = {.fields = &field, .n_fields = 1};
    struct batch from, into;
    CHECK_OK(batch_init(&from, &schema, &test_error));
    CHECK_OK(batch_reserve(&from, 3000, &test_error));
    for (int32_t i = 0; i < 3000; i++) {
        if (i % 3 == 0)
            CHECK_OK(column_append_null(&from.columns[0], &test_error));
        else
            column_append_i32(&from.columns[0], 19000 + i % 200);
    }
    from.rows = 3000;
    assert_int_equal(through_plain(&from, &into), FRAME + 1 + 375 + 3 + 3000);
    for (size_t i = 0; i < 3000; i++)
        check_same_row(&into, i, &from, i);
    batch_release(&from);
    batch_release(&into);
}

static void columns_without_rows_take_no_byte(void **state)
{
    struct batch from, into;
    make(&from, 0, 0);
    assert_int_equal(through_plain(&from, &into), FRAME);
    batch_release(&from);
    batch_release(&into);
}

static void columns_of_nulls_alone_come_back(void **state)
{
    struct batch from, into;
    make(&from, 50, 1);
    (void)through_plain(&from, &into);
    for (size_t i = 0; i < 50; i++)
        check_same_row(&into, i, &from, i);
    batch_release(&from);
    batch_release(&into);
}

/* ---- damage behind a checksum that holds ---- */

/* Refused for the reason WHY. */
static void refuse(const struct field *field, uint64_t rows, const void *column, size_t size,
                   const char *why)
{
    uint8_t bytes[64] = {'L', 'P', 'B', '4'};
    struct field copy = *field;
    const struct schema schema = {.fields = &copy, .n_fields = 1};
    struct batch into;
    struct error err = {0};
    bytes[4] = (uint8_t)(1 + field->n_children);
    store_u64le(bytes + 8, rows);
    memcpy(bytes + 24, column, size);
    store_u64le(bytes + 24 + size, XXH3_64bits(bytes, 24 + size));
    CHECK_OK(batch_init(&into, &schema, &test_error));
    status s = read_copy(&into, bytes, 24 + size + 8, &err);
    assert_int_equal(s, STATUS_BAD_DATA);
    if (!strstr(err.text, why))
        fail_msg("%s, not %s", err.text, why);
    assert_int_equal(into.rows, 0);
    check_batch(&into);
    batch_release(&into);
}

#define REFUSE(field, rows, column, why) refuse(field, rows, column, sizeof(column) - 1, why)

static void impossible_columns_are_bad_data(void **state)
{
    static const uint64_t many = UINT64_C(1) << 40;
    REFUSE(one_i64, 1, "\x00\x02", "the size of the rows"); /* the head says another */
    REFUSE(one_i64, 1, "\x10\x02", "cut short");
    REFUSE(one_i64, 1, "\x03\x02xxx", "the width of numbers");
    REFUSE(one_i64, 1, "\x20\x02xxxx", "the width of numbers");
    REFUSE(one_i64, 2, "\x01\x02x", "cut short");
    REFUSE(one_i64, 1, "\x00\x02x", "behind the last column");
    REFUSE(one_i64, 1, "\x00\x80\x80", "does not end");
    REFUSE(one_i64, 1, "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "does not end");
    REFUSE(one_i64, 65537, "\x00\x02", "the number of rows");
    REFUSE(one_i64, many, "\x00\x02", "the number of rows");
    REFUSE(one_i64, UINT64_MAX, "\x00\x02", "the number of rows");
    REFUSE(one_i64, 2, "\x80\x03\x02", "without NULLs");
    REFUSE(one_i64, 2, "\x80\x05\x02", "bits behind the last row");
    REFUSE(one_text, 1, "\x10zzzzzzzz", "the form of a column");
    REFUSE(one_float, 1, "\x08\x02zzzzzzzz", "the form of a column");
    REFUSE(one_text, 1, "\x00\x06zz", "end beyond the bytes");
    REFUSE(one_text, 2, "\x00\x01zz", "end beyond the bytes"); /* lengths of -1 */
    REFUSE(one_text, 2, "\x08\x02\1\0\0\0\0\0\0\0\xfd\xff\xff\xff\xff\xff\xff\xffz",
           "end beyond the bytes"); /* 2 and -2 */
    REFUSE(one_list, 1, "\x08\x00\0\0\0\0\0\0\0\x40", "end beyond the bytes");
    REFUSE(one_list, 1, "\x00\x80\x80\x10\x00\x00", "the number of rows"); /* of 131072 elements */
    REFUSE(one_list, 1, "\x20\x01\x01z\x00", "the width of numbers");
    REFUSE(one_float, 1, "\x20\x01\x01z\x00", "the form of a column");
    REFUSE(one_text, 1, "\x20\x00", "the number of coded values");
    REFUSE(one_text, 1, "\x20\x11\x00\x00", "the number of coded values");
    REFUSE(one_text, 1, "\x20\x01\x21zzzz", "the length of a coded value");
    REFUSE(one_text, 1, "\x20\x01\x04zz", "cut short");
    REFUSE(one_text, 2, "\x20\x01\x02zz\x00", "cut short");
    REFUSE(one_text, 2, "\x20\x01\x02zz\x00\x01", "the code of a value");
}

/* Behind a checksum that holds, every length and offset is still checked. */
static void forged_lengths_never_leave_the_bytes(void **state)
{
    static const uint64_t nasty[] = {0,
                                     1,
                                     7,
                                     8,
                                     UINT64_MAX,
                                     1u << 31,
                                     INT64_MAX,
                                     UINT64_MAX / 8,
                                     UINT64_MAX / 8 + 2,
                                     (uint64_t)1 << 40,
                                     (uint64_t)1 << 61};
    struct batch from, into;
    struct buffer bytes = {0}, forged = {0};
    struct error err;
    unsigned refused = 0;
    make(&from, 9, 3);
    make(&into, 0, 0);
    CHECK_OK(batch_write_plain(&from, 0, 9, &bytes, &test_error));
    for (size_t at = 4; at + 16 <= bytes.size; at++) {
        for (size_t k = 0; k < sizeof(nasty) / sizeof(nasty[0]); k++) {
            forged.size = 0;
            CHECK_OK(buffer_append(&forged, bytes.data, bytes.size, &test_error));
            if (k % 2) /* a byte, or a word */
                store_u64le(forged.data + at, nasty[k]);
            else
                forged.data[at] ^= (uint8_t)(1u << (k / 2));
            store_u64le(forged.data + bytes.size - 8, XXH3_64bits(forged.data, bytes.size - 8));
            status s = read_copy(&into, forged.data, forged.size, &err);
            assert_true(s == STATUS_OK || s == STATUS_BAD_DATA);
            refused += s == STATUS_BAD_DATA;
            check_batch(&into);
            for (size_t c = 0; c < N_FIELDS; c++)
                check_offsets_rise(&into.columns[c]);
            batch_clear(&into);
        }
    }
    assert_true(refused > 1000);
    buffer_release(&bytes);
    buffer_release(&forged);
    batch_release(&from);
    batch_release(&into);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_rows_come_back_equal),
        cmocka_unit_test(gathered_plain_rows_equal_a_gathered_batch),
        cmocka_unit_test(every_truncation_is_bad_data),
        cmocka_unit_test(flipped_bits_are_bad_data),
        cmocka_unit_test(integers_take_the_bytes_of_their_range),
        cmocka_unit_test(decimals_beyond_64_bits_stand_as_they_are),
        cmocka_unit_test(decimals_of_eight_bytes_are_stored_as_integers),
        cmocka_unit_test(large_pieces_come_back_equal),
        cmocka_unit_test(the_slots_of_nulls_do_not_widen_a_range),
        cmocka_unit_test(columns_without_rows_take_no_byte),
        cmocka_unit_test(columns_of_nulls_alone_come_back),
        cmocka_unit_test(impossible_columns_are_bad_data),
        cmocka_unit_test(forged_lengths_never_leave_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
