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
    for (size_t at = 8; at + 8 < bytes.size; at += 8) {
        for (size_t k = 0; k < sizeof(nasty) / sizeof(nasty[0]); k++) {
            forged.size = 0;
            CHECK_OK(buffer_append(&forged, bytes.data, bytes.size, &test_error));
            store_u64le(forged.data + at, nasty[k]);
            store_u64le(forged.data + bytes.size - 8, XXH3_64bits(forged.data, bytes.size - 8));
            status s = read_copy(&into, forged.data, forged.size, &err);
            assert_true(s == STATUS_OK || s == STATUS_BAD_DATA);
            refused += s == STATUS_BAD_DATA;
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
        cmocka_unit_test(forged_lengths_never_leave_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
