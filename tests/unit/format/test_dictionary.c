#include "format/parquet/dictionary.h"

#include <string.h>

#include "cmocka_all.h"
#include "random.h"

enum { N = 100000 };

static const struct leaf int64_leaf = {.physical = PARQUET_INT64, .width = 8, .order = ORDER_INT64};
static const struct leaf int32_leaf = {.physical = PARQUET_INT32, .width = 4, .order = ORDER_INT32};
static const struct leaf double_leaf = {
    .physical = PARQUET_DOUBLE, .width = 8, .order = ORDER_DOUBLE};
static const struct leaf uuid_leaf = {.physical = PARQUET_FIXED, .width = 16, .order = ORDER_BYTES};
static const struct leaf text_leaf = {
    .physical = PARQUET_BYTE_ARRAY, .order = ORDER_BYTES, .is_text = true};

static bool build_for(struct dictionary *dictionary, const struct leaf *leaf,
                      const struct dense *values, bool compressed)
{
    struct error err;
    struct bounds bounds;
    bool made = false;
    bounds_kernel_for(leaf)(values, 0, values->n, &bounds);
    if (dictionary_build(dictionary, leaf, values, &bounds, compressed, &made, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return made;
}

static bool build(struct dictionary *dictionary, const struct leaf *leaf,
                  const struct dense *values)
{
    return build_for(dictionary, leaf, values, true);
}

static struct span entry_of(const struct dictionary *dictionary, const struct dense *values,
                            uint32_t entry)
{
    if (values->width == 4 || values->width == 8)
        return (struct span){dictionary->values.data + entry * values->width, values->width};
    return dense_value(values, dictionary_firsts(dictionary)[entry]);
}

/* The entry at each index is the value, and no entry stands twice. */
static void check_dictionary(struct dictionary *dictionary, const struct dense *values)
{
    const uint32_t *index = dictionary_index(dictionary);
    for (size_t i = 0; i < values->n; i++) {
        assert_in_range(index[i], 0, dictionary->entries - 1);
        struct span entry = entry_of(dictionary, values, index[i]), value = dense_value(values, i);
        assert_int_equal(entry.size, value.size);
        assert_true(value.size == 0 || memcmp(entry.data, value.data, value.size) == 0);
    }
    for (uint32_t a = 0; a < dictionary->entries && dictionary->entries < 500; a++)
        for (uint32_t b = a + 1; b < dictionary->entries; b++) {
            struct span x = entry_of(dictionary, values, a), y = entry_of(dictionary, values, b);
            assert_true(x.size != y.size || memcmp(x.data, y.data, x.size) != 0);
        }
}

static void *room_for(size_t bytes)
{
    return test_calloc(1, bytes + 64);
}

static void check_int64(int64_t low, int64_t step, uint64_t distinct, size_t n, bool expected)
{
    uint64_t seed = distinct;
    int64_t *v = room_for(n * 8);
    for (size_t i = 0; i < n; i++)
        v[i] = (int64_t)((uint64_t)low + (uint64_t)step * (next_random(&seed) % distinct));
    struct dense values = {.n = n, .width = 8, .values = (uint8_t *)v};
    struct dictionary dictionary = {0};
    assert_int_equal(build(&dictionary, &int64_leaf, &values), expected);
    if (expected)
        check_dictionary(&dictionary, &values);
    dictionary_release(&dictionary);
    test_free(v);
}

static void integers_of_a_small_range_are_indexed_directly(void **state)
{
    check_int64(-50, 1, 100, N, true);
    check_int64(INT64_MAX - 99, 1, 100, N, true);
    check_int64(INT64_MIN, 1, 100, N, true);
    check_int64(7, 1, 1, 1000, true);
    check_int64(0, 1000, 50, N, true);
}

static void integers_far_apart_are_hashed(void **state)
{
    check_int64(INT64_MIN, INT64_MAX / 4, 8, N, true);
    check_int64(0, 1 << 20, 5000, N, true);
    check_int64(0, 1 << 20, 20000, N, true); /* the table has to grow */
}

static void values_that_do_not_repeat_are_given_up(void **state)
{
    check_int64(0, 12345678, UINT64_C(1) << 40, N, false);
    check_int64(0, 1, UINT64_C(1) << 19, 100000, false); /* of a small range as well */
}

static void numbers_of_four_bytes_are_indexed_as_well(void **state)
{
    uint64_t seed = 3;
    const unsigned steps[] = {1, 1 << 20};
    for (size_t k = 0; k < 2; k++) {
        int32_t *v = room_for(N * 4);
        for (size_t i = 0; i < N; i++)
            v[i] = (int32_t)(next_random(&seed) % 1000 * steps[k]) - 500;
        struct dense values = {.n = N, .width = 4, .values = (uint8_t *)v};
        struct dictionary dictionary = {0};
        assert_true(build(&dictionary, &int32_leaf, &values));
        assert_int_equal(dictionary.entries, 1000);
        check_dictionary(&dictionary, &values);
        dictionary_release(&dictionary);
        test_free(v);
    }
}

/* Doubles are told apart by their bits: both zeros, and NaNs of any payload, survive. */
static void doubles_are_told_apart_by_their_bits(void **state)
{
    const uint64_t bits[] = {0, UINT64_C(1) << 63, 0x7ff8000000000000u, 0x7ff8000000000001u,
                             0xfff8000000000000u};
    uint64_t *v = room_for(N * 8);
    for (size_t i = 0; i < N; i++)
        v[i] = bits[i % 5];
    struct dense values = {.n = N, .width = 8, .values = (uint8_t *)v};
    struct dictionary dictionary = {0};
    assert_true(build(&dictionary, &double_leaf, &values));
    assert_int_equal(dictionary.entries, 5);
    check_dictionary(&dictionary, &values);
    dictionary_release(&dictionary);
    test_free(v);
}

static void check_texts(size_t distinct, size_t longest, bool expected)
{
    uint64_t seed = 11;
    int64_t *offsets = room_for((N + 1) * 8);
    uint8_t *data = room_for(N * (longest + 8));
    for (size_t i = 0; i < N; i++) {
        uint64_t which = next_random(&seed) % distinct;
        uint64_t own = which;
        size_t size = which % (longest + 1);
        for (size_t b = 0; b < size; b++)
            data[offsets[i] + (int64_t)b] = (uint8_t)('a' + next_random(&own) % 26);
        offsets[i + 1] = offsets[i] + (int64_t)size;
    }
    struct dense values = {.n = N, .offsets = offsets, .data = data};
    struct dictionary dictionary = {0};
    assert_int_equal(build(&dictionary, &text_leaf, &values), expected);
    if (expected)
        check_dictionary(&dictionary, &values);
    dictionary_release(&dictionary);
    test_free(offsets);
    test_free(data);
}

static void texts_of_every_length_are_told_apart(void **state)
{
    check_texts(40, 7, true);
    check_texts(40, 17, true);
    check_texts(3000, 40, true);
}

/* Value I: short until half of them have passed, then long as well; some differ by one byte anywhere in them, some by
 * zeros at their end only. */
static size_t put_late(size_t i, size_t longest, uint8_t *out)
{
    uint64_t seed = (i % 700) * (i % 3 == 0 && i > N / 2 ? 1 : 2);
    size_t size = i > N / 2 ? next_random(&seed) % (longest + 1) : next_random(&seed) % 8;
    memset(out, seed % 2 ? 0 : 'x', size);
    if (size > 0)
        out[next_random(&seed) % size] = (uint8_t)(next_random(&seed) % 3);
    return size;
}

static void long_texts_may_come_after_many_short_ones(void **state)
{
    enum { LONGEST = 70 };
    for (size_t longest = 8; longest <= LONGEST; longest += 31) {
        int64_t *offsets = room_for((N + 1) * 8);
        uint8_t *data = room_for((size_t)N * LONGEST);
        for (size_t i = 0; i < N; i++)
            offsets[i + 1] = offsets[i] + (int64_t)put_late(i, longest, data + offsets[i]);
        struct dense values = {.n = N, .offsets = offsets, .data = data};
        struct dictionary dictionary = {0};
        assert_true(build(&dictionary, &text_leaf, &values));
        check_dictionary(&dictionary, &values);
        size_t entries = dictionary.entries;
        assert_true(build(&dictionary, &text_leaf, &values)); /* the same memory again */
        assert_int_equal(dictionary.entries, entries);
        dictionary_release(&dictionary);
        test_free(offsets);
        test_free(data);
    }
}

/* 1,500 values of SIZE bytes that differ in two bytes AT only. */
static void check_difference(size_t size, size_t at)
{
    int64_t *offsets = room_for((N + 1) * 8);
    uint8_t *data = room_for(N * size);
    for (size_t i = 0; i < N; i++) {
        uint16_t number = (uint16_t)(i % 1500);
        offsets[i + 1] = (int64_t)((i + 1) * size);
        memcpy(data + offsets[i] + at, &number, sizeof(number));
    }
    struct dense values = {.n = N, .offsets = offsets, .data = data};
    struct dictionary dictionary = {0};
    assert_true(build(&dictionary, &text_leaf, &values));
    assert_int_equal(dictionary.entries, 1500);
    check_dictionary(&dictionary, &values);
    dictionary_release(&dictionary);
    test_free(offsets);
    test_free(data);
}

static void texts_that_differ_at_any_place_are_told_apart(void **state)
{
    static const size_t sizes[] = {2, 7, 8, 16, 17, 31, 32, 33};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t quarter = 0; quarter <= 4; quarter++)
            check_difference(sizes[i], (sizes[i] - 2) * quarter / 4);
}

static void a_dictionary_never_outgrows_its_ceiling(void **state)
{
    check_texts(30000, 200, false);
}

static void values_of_sixteen_bytes_are_told_apart(void **state)
{
    uint8_t *v = room_for(N * 16);
    for (size_t i = 0; i < N; i++)
        v[16 * i + (i % 3 ? 15 : 0)] = (uint8_t)(i % 7);
    struct dense values = {.n = N, .width = 16, .values = v};
    struct dictionary dictionary = {0};
    assert_true(build(&dictionary, &uuid_leaf, &values));
    assert_int_equal(dictionary.entries, 13);
    check_dictionary(&dictionary, &values);
    dictionary_release(&dictionary);
    test_free(v);
}

/* RUN equals side by side, ascending by STEP; every STRAY-th value is 0 (0: none). */
static void check_ordered(size_t run, int64_t step, size_t stray, bool compressed, bool expected)
{
    int64_t *v = room_for(N * 8);
    for (size_t i = 0; i < N; i++)
        v[i] = stray > 0 && i % stray == 1 ? 0 : (int64_t)(i / run) * step;
    struct dense values = {.n = N, .width = 8, .values = (uint8_t *)v};
    struct dictionary dictionary = {0};
    assert_int_equal(build_for(&dictionary, &int64_leaf, &values, compressed), expected);
    dictionary_release(&dictionary);
    test_free(v);
}

static void ordered_values_are_left_to_compression(void **state)
{
    for (int64_t step = 1; step <= 1 << 20; step <<= 20) { /* direct and hashed */
        check_ordered(4, step, 0, true, false);
        check_ordered(4, -step, 0, true, false);
        check_ordered(4, step, 1000, true, false);
        check_ordered(4, step, 0, false, true); /* nothing else would find the repetition */
        check_ordered(4, step, 3, true, true);
        check_ordered(50, step, 0, true, true); /* long runs: the indexes cost nothing */
    }
}

static void few_values_have_no_dictionary(void **state)
{
    check_int64(0, 1, 1, 1, false);
    check_int64(0, 1, 1, 40, true);
}

static void its_memory_serves_one_chunk_after_the_other(void **state)
{
    struct dictionary dictionary = {0};
    uint64_t seed = 9;
    for (size_t n = 10; n < 200000; n = n * 5 + 3) {
        uint64_t *v = room_for(n * 8);
        for (size_t i = 0; i < n; i++)
            v[i] = next_random(&seed) % (n / 4 + 2) << 40;
        struct dense values = {.n = n, .width = 8, .values = (uint8_t *)v};
        if (build(&dictionary, &double_leaf, &values))
            check_dictionary(&dictionary, &values);
        test_free(v);
    }
    dictionary_release(&dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_a_small_range_are_indexed_directly),
        cmocka_unit_test(integers_far_apart_are_hashed),
        cmocka_unit_test(values_that_do_not_repeat_are_given_up),
        cmocka_unit_test(numbers_of_four_bytes_are_indexed_as_well),
        cmocka_unit_test(doubles_are_told_apart_by_their_bits),
        cmocka_unit_test(texts_of_every_length_are_told_apart),
        cmocka_unit_test(long_texts_may_come_after_many_short_ones),
        cmocka_unit_test(texts_that_differ_at_any_place_are_told_apart),
        cmocka_unit_test(a_dictionary_never_outgrows_its_ceiling),
        cmocka_unit_test(values_of_sixteen_bytes_are_told_apart),
        cmocka_unit_test(ordered_values_are_left_to_compression),
        cmocka_unit_test(few_values_have_no_dictionary),
        cmocka_unit_test(its_memory_serves_one_chunk_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
