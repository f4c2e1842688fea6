#include <string.h>

#include "cmocka_all.h"
#include "format/thrift/compact_reader.h"
#include "random.h"

static void write_example(struct buffer *out)
{
    struct thrift_writer w;
    thrift_writer_init(&w, out);
    thrift_field_bool(&w, 1, true);
    thrift_field_bool(&w, 2, false);
    thrift_field_i8(&w, 3, -128);
    thrift_field_i16(&w, 4, -32768);
    thrift_field_i32(&w, 5, INT32_MIN);
    thrift_field_i64(&w, 6, INT64_MAX);
    thrift_field_i64(&w, 40, INT64_MIN); /* too far for a short header */
    thrift_field_text(&w, 41, "ünï");
    thrift_field_list(&w, 42, THRIFT_I64, 20); /* too many for a short header */
    for (int64_t i = 0; i < 20; i++)
        thrift_item_int(&w, i - 10);
    thrift_field_struct(&w, 43);
    thrift_field_list(&w, 1, THRIFT_STRUCT, 2);
    for (int i = 0; i < 2; i++) {
        thrift_item_struct(&w);
        thrift_field_i32(&w, 7, i);
        thrift_struct_end(&w);
    }
    thrift_struct_end(&w);
    thrift_field_empty(&w, 44);
    thrift_field_list(&w, 45, THRIFT_TRUE, 2);
    thrift_item_bool(&w, true);
    thrift_item_bool(&w, false);
    thrift_struct_end(&w);
    assert_int_equal(thrift_writer_check(&w, NULL), STATUS_OK);
}

static void read_nested(struct thrift_reader *r, const struct thrift_field *field)
{
    assert_true(thrift_struct(r, field));
    struct thrift_field f = {0};
    assert_true(thrift_next(r, &f));
    size_t count = thrift_list(r, &f, THRIFT_STRUCT, 1);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(thrift_next_struct(r));
        struct thrift_field inner = {0};
        assert_true(thrift_next(r, &inner));
        assert_int_equal(inner.id, 7);
        assert_int_equal(thrift_int32(r, &inner), i);
        assert_false(thrift_next(r, &inner));
        thrift_struct_done(r);
    }
    assert_false(thrift_next(r, &f));
    thrift_struct_done(r);
}

static void what_is_written_is_read_back(void **state)
{
    struct buffer bytes = {0};
    write_example(&bytes);
    struct thrift_reader r;
    thrift_reader_init(&r, bytes.data, bytes.size);
    struct thrift_field f = {0};
    const int64_t integers[] = {0, 0, 0, INT8_MIN, INT16_MIN, INT32_MIN, INT64_MAX};
    for (int id = 1; id <= 6; id++) {
        assert_true(thrift_next(&r, &f));
        assert_int_equal(f.id, id);
        if (id <= 2)
            assert_int_equal(thrift_bool(&r, &f), id == 1);
        else
            assert_true(thrift_int(&r, &f) == integers[id]);
    }
    assert_true(thrift_next(&r, &f) && f.id == 40);
    assert_true(thrift_int(&r, &f) == INT64_MIN);
    assert_true(thrift_next(&r, &f));
    struct span text = thrift_binary(&r, &f);
    assert_int_equal(text.size, strlen("ünï"));
    assert_memory_equal(text.data, "ünï", text.size);
    assert_true(thrift_next(&r, &f));
    assert_int_equal(thrift_list(&r, &f, THRIFT_I64, 1), 20);
    for (int64_t i = 0; i < 20; i++)
        assert_int_equal(thrift_next_int(&r), i - 10);
    assert_true(thrift_next(&r, &f));
    read_nested(&r, &f);
    assert_true(thrift_next(&r, &f) && f.id == 44);
    thrift_skip(&r, &f);
    assert_true(thrift_next(&r, &f));
    assert_int_equal(thrift_list(&r, &f, THRIFT_TRUE, 1), 2);
    assert_true(thrift_next_bool(&r));
    assert_false(thrift_next_bool(&r));
    assert_false(thrift_next(&r, &f));
    assert_int_equal(thrift_reader_check(&r, "example", NULL), STATUS_OK);
    assert_ptr_equal(r.at, r.end);
    buffer_release(&bytes);
}

static bool skips_all(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = test_malloc(size + 1); /* of its own, so that the sanitizer sees the end */
    memcpy(copy, bytes, size);
    struct thrift_reader r;
    thrift_reader_init(&r, copy, size);
    struct thrift_field f = {0};
    while (thrift_next(&r, &f))
        thrift_skip(&r, &f);
    bool held = !r.failed;
    test_free(copy);
    return held;
}

static void every_truncation_is_noticed(void **state)
{
    struct buffer bytes = {0};
    write_example(&bytes);
    assert_true(skips_all(bytes.data, bytes.size));
    for (size_t size = 0; size < bytes.size; size++)
        assert_false(skips_all(bytes.data, size));
    buffer_release(&bytes);
}

static void damaged_bytes_end_at_worst_in_a_failure(void **state)
{
    struct buffer bytes = {0};
    write_example(&bytes);
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        size_t bit = next_random(&seed) % (8 * bytes.size);
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)skips_all(bytes.data, bytes.size);
        if (round % 4 == 3) {
            bytes.size = 0;
            write_example(&bytes);
        }
    }
    buffer_release(&bytes);
}

static void a_list_longer_than_the_input_is_refused(void **state)
{
    /* field 1, a list of 2^40 structs */
    const uint8_t bytes[] = {0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0, 0};
    struct thrift_reader r;
    struct thrift_field f = {0};
    thrift_reader_init(&r, bytes, sizeof(bytes));
    assert_true(thrift_next(&r, &f));
    assert_int_equal(thrift_list(&r, &f, THRIFT_STRUCT, 1), 0);
    assert_int_equal(thrift_reader_check(&r, "list", NULL), STATUS_BAD_DATA);
}

static void a_varint_of_more_than_ten_bytes_is_refused(void **state)
{
    uint8_t bytes[16];
    memset(bytes, 0xff, sizeof(bytes));
    bytes[0] = 0x16; /* field 1, i64 */
    struct thrift_reader r;
    struct thrift_field f = {0};
    thrift_reader_init(&r, bytes, sizeof(bytes));
    assert_true(thrift_next(&r, &f));
    (void)thrift_int(&r, &f);
    assert_true(r.failed);
}

static void structs_nested_without_end_do_not_use_up_the_stack(void **state)
{
    static uint8_t bytes[1 << 20];
    for (uint8_t kind = THRIFT_LIST; kind <= THRIFT_STRUCT; kind++) {
        uint8_t head = kind == THRIFT_STRUCT ? 0x1c : (uint8_t)(0x10 | kind);
        memset(bytes, head, sizeof(bytes));
        assert_false(skips_all(bytes, sizeof(bytes)));
    }
}

static void a_value_of_another_type_is_refused(void **state)
{
    const uint8_t text[] = {0x18, 0x01, 'x', 0}, number[] = {0x15, 0x02, 0};
    struct thrift_reader r;
    struct thrift_field f = {0};
    thrift_reader_init(&r, text, sizeof(text));
    assert_true(thrift_next(&r, &f));
    assert_int_equal(thrift_int(&r, &f), 0);
    assert_true(r.failed);
    f = (struct thrift_field){0};
    thrift_reader_init(&r, number, sizeof(number));
    assert_true(thrift_next(&r, &f));
    (void)thrift_binary(&r, &f);
    assert_true(r.failed);
}

static void an_integer_too_large_for_32_bits_is_refused(void **state)
{
    struct buffer bytes = {0};
    struct thrift_writer w;
    thrift_writer_init(&w, &bytes);
    thrift_field_i64(&w, 1, (int64_t)INT32_MAX + 1);
    thrift_struct_end(&w);
    assert_int_equal(thrift_writer_check(&w, NULL), STATUS_OK);
    struct thrift_reader r;
    struct thrift_field f = {0};
    thrift_reader_init(&r, bytes.data, bytes.size);
    assert_true(thrift_next(&r, &f));
    assert_int_equal(thrift_int32(&r, &f), 0);
    assert_true(r.failed);
    buffer_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(every_truncation_is_noticed),
        cmocka_unit_test(damaged_bytes_end_at_worst_in_a_failure),
        cmocka_unit_test(a_list_longer_than_the_input_is_refused),
        cmocka_unit_test(a_varint_of_more_than_ten_bytes_is_refused),
        cmocka_unit_test(structs_nested_without_end_do_not_use_up_the_stack),
        cmocka_unit_test(a_value_of_another_type_is_refused),
        cmocka_unit_test(an_integer_too_large_for_32_bits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
