#include "rows.h"

static void rows_of_every_type_have_their_layout(void **state)
{
    static const unsigned nulls[] = {0, 2, 7, 1};
    for (size_t k = 0; k < 4; k++) {
        struct batch batch;
        CHECK_OK(batch_init(&batch, &every_type, &test_error));
        fill(&batch, 133, 1 + k, nulls[k]);
        check_batch(&batch);
        batch_clear(&batch);
        check_batch(&batch);
        fill(&batch, 9, 3, nulls[k]);
        check_batch(&batch);
        assert_true(batch_bytes(&batch) <= batch_capacity_bytes(&batch));
        batch_release(&batch);
    }
}

static void the_first_null_makes_the_bitmap(void **state)
{
    struct field field = {.name = "x", .type.id = TYPE_INT64, .nullable = true};
    struct column column;
    struct error err;
    CHECK_OK(column_init(&column, &field, &test_error));
    CHECK_OK(column_reserve(&column, 20, &err));
    for (int64_t i = 0; i < 11; i++)
        column_append_fixed(&column, &i);
    assert_int_equal(column.validity.size, 0);
    CHECK_OK(column_append_null(&column, &err));
    assert_int_equal(column.validity.size, 2);
    assert_int_equal(column.validity.data[0], 0xff);
    assert_int_equal(column.validity.data[1], 0x07);
    column_append_i64(&column, 7);
    assert_int_equal(column.validity.data[1], 0x17);
    column_truncate(&column, 11); /* the only NULL goes, the bitmap with it */
    assert_int_equal(column.null_count, 0);
    assert_int_equal(column.validity.size, 0);
    column_release(&column);
}

static void gathered_rows_are_the_rows_asked_for(void **state)
{
    static const unsigned nulls[] = {0, 3};
    for (size_t k = 0; k < 4; k++) { /* NULLs in neither, in one, in both */
        struct batch from, into;
        uint32_t rows[700];
        uint64_t seed = 99;
        CHECK_OK(batch_init(&from, &every_type, &test_error));
        CHECK_OK(batch_init(&into, &every_type, &test_error));
        fill(&from, 300, 5, nulls[k & 1]);
        fill(&into, 13, 6, nulls[k >> 1]);
        for (size_t i = 0; i < 700; i++)
            rows[i] = i % 5 ? (uint32_t)(next_random(&seed) % 300) : (uint32_t)(i % 300);
        for (size_t i = 100; i < 200; i++)
            rows[i] = (uint32_t)i; /* a run of neighbours */
        CHECK_OK(batch_gather(&into, &from, rows, 700, &test_error));
        assert_int_equal(into.rows, 713);
        check_batch(&into);
        for (size_t i = 0; i < 700; i++)
            check_same_row(&into, 13 + i, &from, rows[i]);
        batch_release(&from);
        batch_release(&into);
    }
}

/* Sizes and starts that don't fit one word together are gathered, too. */
static void texts_of_any_size_are_gathered(void **state)
{
    static const struct field text = {.name = "text", .type.id = TYPE_BINARY};
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, ((size_t)1 << 24) - 1, (size_t)1 << 24};
    static const uint32_t order[] = {7, 2, 0, 6, 3, 4, 1, 5, 7};
    enum { N = sizeof(sizes) / sizeof(sizes[0]), PICKED = sizeof(order) / sizeof(order[0]) };
    uint8_t *bytes = mem_alloc(sizes[N - 1]);
    assert_non_null(bytes);
    for (size_t rows = N - 1; rows <= N; rows++) { /* without the last one, and with it */
        struct column from, into;
        size_t skipped = rows < N,
               n = PICKED - 2 * skipped; /* it is the first and the last picked */
        CHECK_OK(column_init(&from, &text, &test_error));
        CHECK_OK(column_init(&into, &text, &test_error));
        CHECK_OK(column_reserve(&from, rows, &test_error));
        for (size_t i = 0; i < rows; i++) {
            memset(bytes, 'a' + (int)i, sizes[i]);
            CHECK_OK(column_append_bytes(&from, bytes, sizes[i], &test_error));
        }
        CHECK_OK(column_gather(&into, &from, order + skipped, n, &test_error));
        const int64_t *ends = column_offsets(&into) + 1;
        size_t at = 0;
        for (size_t i = 0; i < n; i++) {
            uint32_t row = order[skipped + i];
            memset(bytes, 'a' + (int)row, sizes[row]);
            assert_int_equal(ends[i], at + sizes[row]);
            assert_memory_equal(into.data.data + at, bytes, sizes[row]);
            at += sizes[row];
        }
        assert_int_equal(into.data.size, at);
        column_release(&from);
        column_release(&into);
    }
    mem_free(bytes);
}

static void ranges_append_at_any_bit(void **state)
{
    for (unsigned first = 0; first < 10; first++) {
        struct batch from, into;
        CHECK_OK(batch_init(&from, &every_type, &test_error));
        CHECK_OK(batch_init(&into, &every_type, &test_error));
        fill(&from, 100, 5, first % 2 ? 3 : 0);
        fill(&into, first * 3 % 11, 6, first % 3 ? 4 : 0);
        size_t before = into.rows;
        for (size_t n = 0; n < 25; n += 4)
            CHECK_OK(batch_append_range(&into, &from, first, n, &test_error));
        check_batch(&into);
        size_t at = before;
        for (size_t n = 0; n < 25; n += 4)
            for (size_t i = 0; i < n; i++)
                check_same_row(&into, at++, &from, first + i);
        assert_int_equal(at, into.rows);
        batch_release(&from);
        batch_release(&into);
    }
}

static void a_rejected_row_is_taken_off_again(void **state)
{
    struct batch batch, other;
    CHECK_OK(batch_init(&batch, &every_type, &test_error));
    CHECK_OK(batch_init(&other, &every_type, &test_error));
    fill(&batch, 50, 7, 5);
    fill(&other, 50, 7, 5);
    uint64_t seed = 1;
    for (size_t c = 0; c < N_FIELDS / 2; c++) /* the row stops in the middle */
        append_random(&batch.columns[c], &seed, 2);
    append_random(&batch.columns[N_FIELDS - 2].children[0], &seed, 2);
    batch_truncate(&batch, 50);
    check_batch(&batch);
    for (size_t i = 0; i < 50; i++)
        check_same_row(&batch, i, &other, i);
    batch_truncate(&batch, 17);
    check_batch(&batch);
    for (size_t i = 0; i < 17; i++)
        check_same_row(&batch, i, &other, i);
    batch_release(&batch);
    batch_release(&other);
}

static void digests_stay_the_same_for_ever(void **state)
{
    struct field fields[] = {{.name = "id", .type.id = TYPE_INT64},
                             {.name = "name", .type.id = TYPE_UTF8, .nullable = true},
                             {.name = "ok", .type.id = TYPE_BOOL, .nullable = true}};
    struct schema schema = {.fields = fields, .n_fields = 3};
    struct batch batch;
    struct error err;
    CHECK_OK(batch_init(&batch, &schema, &test_error));
    CHECK_OK(batch_reserve(&batch, 2, &err));
    column_append_i64(&batch.columns[0], 42);
    CHECK_OK(column_append_bytes(&batch.columns[1], "leat", 4, &err));
    column_append_bool(&batch.columns[2], true);
    column_append_i64(&batch.columns[0], -1);
    CHECK_OK(column_append_null(&batch.columns[1], &err));
    CHECK_OK(column_append_null(&batch.columns[2], &err));
    batch.rows = 2;
    struct digest digests[2];
    CHECK_OK(batch_digest(&batch, 0, 2, digests, &test_error));
    char text[2][40];
    for (size_t i = 0; i < 2; i++)
        snprintf(text[i], sizeof(text[i]), "%016llx%016llx", (unsigned long long)digests[i].high,
                 (unsigned long long)digests[i].low);
    assert_string_equal(text[0], "c465ca8458b32ad8a434700e7641fcaa");
    assert_string_equal(text[1], "ecb04d265a92e74cce2e8614bc07f640");
    batch_release(&batch);
}

/* A table whose column got more digits still knows its rows. */
static void a_decimal_has_the_digest_that_it_has_in_more_digits(void **state)
{
    static const int32_t precisions[] = {9, 18, 19, 38, 39};
    static const int64_t numbers[] = {0, -1, 123456789, -999999999};
    struct digest digests[5][4];
    for (size_t p = 0; p < 5; p++) {
        struct field field = {.name = "d", .type = {TYPE_DECIMAL, .precision = precisions[p]}};
        struct schema schema = {.fields = &field, .n_fields = 1};
        struct batch batch;
        CHECK_OK(batch_init(&batch, &schema, &test_error));
        CHECK_OK(batch_reserve(&batch, 4, &test_error));
        for (size_t i = 0; i < 4; i++, batch.rows++) {
            int64_t sign = numbers[i] >> 63, value[] = {numbers[i], sign, sign, sign};
            column_append_fixed(&batch.columns[0], value);
        }
        assert_int_equal(batch.columns[0].value_bytes, p < 2 ? 8 : p < 4 ? 16 : 32);
        assert_int_equal(digest_value_bytes(field.type), p < 4 ? 16 : 32);
        CHECK_OK(batch_digest(&batch, 0, 4, digests[p], &test_error));
        batch_release(&batch);
    }
    for (size_t p = 1; p < 4; p++)
        assert_memory_equal(digests[p], digests[0], sizeof(digests[0]));
    assert_memory_not_equal(digests[4], digests[0], sizeof(digests[0]));
    char text[40];
    snprintf(text, sizeof(text), "%016llx%016llx", (unsigned long long)digests[0][2].high,
             (unsigned long long)digests[0][2].low);
    assert_string_equal(text, "3183b61ef548638fdf3b75f6f08c9855");
}

static void a_value_and_its_neighbour_do_not_share_a_digest(void **state)
{
    struct field fields[] = {{.name = "a", .type.id = TYPE_UTF8, .nullable = true},
                             {.name = "b", .type.id = TYPE_UTF8, .nullable = true}};
    struct schema schema = {.fields = fields, .n_fields = 2};
    static const char *const rows[][2] = {{"ab", "c"}, {"a", "bc"}, {"", NULL}, {NULL, ""}};
    struct batch batch;
    struct error err;
    CHECK_OK(batch_init(&batch, &schema, &test_error));
    CHECK_OK(batch_reserve(&batch, 4, &err));
    for (size_t i = 0; i < 4; i++, batch.rows++)
        for (size_t c = 0; c < 2; c++) {
            if (rows[i][c])
                CHECK_OK(
                    column_append_bytes(&batch.columns[c], rows[i][c], strlen(rows[i][c]), &err));
            else
                CHECK_OK(column_append_null(&batch.columns[c], &err));
        }
    struct digest digests[4];
    CHECK_OK(batch_digest(&batch, 0, 4, digests, &test_error));
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(digests[i].low, digests[k].low);
    batch_release(&batch);
}

static void texts_grow_as_far_as_the_batch_may(void **state)
{
    const struct field fields[] = {{.name = "a", .type.id = TYPE_UTF8, .nullable = true},
                                   {.name = "b", .type.id = TYPE_BINARY, .nullable = true}};
    const struct schema schema = {.fields = (struct field *)fields, .n_fields = 2};
    struct data_room room = {.left = 3000, .most = 2000};
    struct batch batch;
    static const char bytes[2001];
    CHECK_OK(batch_init(&batch, &schema, &test_error));
    batch_limit_data(&batch, &room);
    CHECK_OK(batch_reserve(&batch, 9, &test_error));
    assert_int_equal(column_append_bytes(&batch.columns[0], bytes, 2001, &test_error),
                     STATUS_NO_MEMORY); /* too large for a value */
    CHECK_OK(column_append_bytes(&batch.columns[0], bytes, 1500, &test_error));
    CHECK_OK(column_append_bytes(&batch.columns[1], bytes, 1000, &test_error));
    assert_in_range(room.left, 0, 500);
    assert_int_equal(column_append_bytes(&batch.columns[0], bytes, 1000, &test_error),
                     STATUS_NO_MEMORY); /* together too much */
    assert_int_equal(batch.columns[0].rows, 1);
    batch_clear(&batch); /* what was grown stays to be used */
    CHECK_OK(column_append_bytes(&batch.columns[0], bytes, 1500, &test_error));
    batch_release(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_grow_as_far_as_the_batch_may),
        cmocka_unit_test(rows_of_every_type_have_their_layout),
        cmocka_unit_test(the_first_null_makes_the_bitmap),
        cmocka_unit_test(gathered_rows_are_the_rows_asked_for),
        cmocka_unit_test(texts_of_any_size_are_gathered),
        cmocka_unit_test(ranges_append_at_any_bit),
        cmocka_unit_test(a_rejected_row_is_taken_off_again),
        cmocka_unit_test(digests_stay_the_same_for_ever),
        cmocka_unit_test(a_decimal_has_the_digest_that_it_has_in_more_digits),
        cmocka_unit_test(a_value_and_its_neighbour_do_not_share_a_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
