#include "format/parquet/bounds.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cmocka_all.h"
#include "random.h"

static const struct leaf text_leaf = {
    .physical = PARQUET_BYTE_ARRAY, .order = ORDER_BYTES, .is_text = true};
static const struct leaf bytes_leaf = {.physical = PARQUET_BYTE_ARRAY, .order = ORDER_BYTES};

static struct span span_of(const char *text)
{
    return (struct span){(const uint8_t *)text, strlen(text)};
}

/* TEXT again and again, at least SIZE bytes of it. */
static struct span repeated(const char *text, size_t size, char *room)
{
    size_t at = 0;
    while (at < size) {
        memcpy(room + at, text, strlen(text));
        at += strlen(text);
    }
    return (struct span){(const uint8_t *)room, at};
}

static bool is_utf8(struct span span)
{
    return text_utf8_valid_prefix((const char *)span.data, span.size) == span.size;
}

/* Both bounds of VALUE hold, are short and, for texts, are texts. False: it has no upper one. */
static bool check_cut(const struct leaf *leaf, struct span value)
{
    struct arena arena = {0};
    struct span min, max;
    bool min_exact, max_exact, raised;
    bound_cut_min(leaf, value, &min, &min_exact);
    assert_int_equal(min_exact, value.size <= BOUND_TEXT_BYTES);
    assert_in_range(min.size, 0, BOUND_TEXT_BYTES);
    assert_true(bound_compare(ORDER_BYTES, min, value) <= 0);
    assert_int_equal(bound_cut_max(leaf, value, &arena, &max, &raised, &max_exact, NULL),
                     STATUS_OK);
    assert_int_equal(max_exact, value.size <= BOUND_TEXT_BYTES);
    if (raised) {
        assert_in_range(max.size, 0, BOUND_MAX_BYTES);
        assert_true(bound_compare(ORDER_BYTES, max, value) >= 0);
        assert_int_equal(bound_compare(ORDER_BYTES, max, value) == 0, max_exact);
    }
    if (leaf->is_text) {
        assert_true(is_utf8(min));
        assert_true(!raised || is_utf8(max));
    }
    arena_release(&arena);
    return raised;
}

static void short_texts_are_bounds_themselves(void **state)
{
    char room[80];
    assert_true(check_cut(&text_leaf, span_of("")));
    assert_true(check_cut(&text_leaf, span_of("a")));
    assert_true(check_cut(&text_leaf, repeated("x", BOUND_TEXT_BYTES, room)));
}

static void long_texts_are_cut_at_a_character(void **state)
{
    char room[200];
    const char *const parts[] = {"a",   "é",    "€",    "😀",      "aé",    "a€",
                                 "aa😀", "aaa😀", "\x7f", "\u07ff", "\uffff"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (size_t size = BOUND_TEXT_BYTES + 1; size < BOUND_TEXT_BYTES + 20; size++)
            assert_true(check_cut(&text_leaf, repeated(parts[i], size, room)));
}

static void a_raised_character_never_becomes_a_surrogate(void **state)
{
    char room[200];
    struct span value =
        repeated("\xed\x9f\xbf", 90, room); /* U+D7FF; behind it come the surrogates */
    struct arena arena = {0};
    struct span max;
    bool exact, raised;
    assert_int_equal(bound_cut_max(&text_leaf, value, &arena, &max, &raised, &exact, NULL),
                     STATUS_OK);
    assert_true(raised);
    assert_memory_equal(max.data + max.size - 3, "\xee\x80\x80", 3); /* U+E000 */
    arena_release(&arena);
    assert_true(check_cut(&text_leaf, value));
}

static void the_last_character_of_all_has_no_successor(void **state)
{
    char room[200];
    struct span value = repeated("\xf4\x8f\xbf\xbf", 100, room); /* U+10FFFF */
    assert_false(check_cut(&text_leaf, value));
    room[0] = 'a', room[1] = 'b', room[2] = 'c', room[3] = 'd';
    struct arena arena = {0};
    struct span max;
    bool exact, raised;
    assert_true(check_cut(&text_leaf, value));
    assert_int_equal(bound_cut_max(&text_leaf, value, &arena, &max, &raised, &exact, NULL),
                     STATUS_OK);
    assert_true(raised);
    assert_int_equal(max.size, 4);
    assert_memory_equal(max.data, "abce", 4);
    arena_release(&arena);
}

static void bytes_of_ff_have_no_upper_bound(void **state)
{
    char room[200];
    struct span value = repeated("\xff", 100, room);
    assert_false(check_cut(&bytes_leaf, value));
    room[10] = 0x01;
    struct arena arena = {0};
    struct span max;
    bool exact, raised;
    assert_true(check_cut(&bytes_leaf, value));
    assert_int_equal(bound_cut_max(&bytes_leaf, value, &arena, &max, &raised, &exact, NULL),
                     STATUS_OK);
    assert_true(raised);
    assert_int_equal(max.size, 11);
    assert_int_equal(max.data[10], 0x02);
    arena_release(&arena);
}

static void random_texts_and_bytes_lie_within_their_cut_bounds(void **state)
{
    uint64_t seed = 5;
    char room[400];
    for (int round = 0; round < 5000; round++) {
        size_t size = 0;
        size_t wanted = next_random(&seed) % 90;
        while (size < wanted) {
            static const char *const parts[] = {
                "a", "\x7f", "ß", "\u07ff", "€", "\xed\x9f\xbf", "\uffff", "😀", "\U0010ffff"};
            const char *part = parts[next_random(&seed) % 9];
            memcpy(room + size, part, strlen(part));
            size += strlen(part);
        }
        (void)check_cut(&text_leaf, (struct span){(const uint8_t *)room, size});
        for (size_t i = 0; i < size; i++)
            room[i] = (char)(next_random(&seed) % 4 ? 0xff : next_random(&seed));
        (void)check_cut(&bytes_leaf, (struct span){(const uint8_t *)room, size});
    }
}

/* ---- values ---- */

static struct bounds bounds_of_doubles(const double *values, size_t n)
{
    const struct leaf leaf = {.physical = PARQUET_DOUBLE, .width = 8, .order = ORDER_DOUBLE};
    struct dense dense = {.n = n, .width = 8, .values = (const uint8_t *)values};
    struct bounds bounds;
    bounds_kernel_for (&leaf)(&dense, 0, n, &bounds);
    return bounds;
}

static double double_of(const struct bound *bound)
{
    double value;
    memcpy(&value, bound_span(bound).data, sizeof(value));
    return value;
}

static void nan_is_counted_and_never_a_bound(void **state)
{
    const double some[] = {NAN, 2, -NAN, -3, NAN}, none[] = {NAN, NAN};
    struct bounds bounds = bounds_of_doubles(some, 5);
    assert_true(bounds.set);
    assert_int_equal(bounds.nan_count, 3);
    assert_true(double_of(&bounds.min) == -3 && double_of(&bounds.max) == 2);
    bounds = bounds_of_doubles(none, 2);
    assert_false(bounds.set);
    assert_int_equal(bounds.nan_count, 2);
    assert_false(bounds_of_doubles(none, 0).set);
}

static void a_zero_bound_stands_for_both_zeros(void **state)
{
    const double zeros[][2] = {{0.0, 0.0}, {-0.0, -0.0}, {0.0, -0.0}, {-0.0, 0.0}};
    for (size_t i = 0; i < 4; i++) {
        struct bounds bounds = bounds_of_doubles(zeros[i], 2);
        assert_true(signbit(double_of(&bounds.min)));
        assert_false(signbit(double_of(&bounds.max)));
    }
}

static void infinities_are_bounds(void **state)
{
    const double values[] = {INFINITY, NAN, -INFINITY}, above[] = {INFINITY, INFINITY};
    struct bounds bounds = bounds_of_doubles(values, 3);
    assert_true(double_of(&bounds.min) == -INFINITY && double_of(&bounds.max) == INFINITY);
    bounds = bounds_of_doubles(above, 2);
    assert_true(double_of(&bounds.min) == INFINITY);
}

static void texts_compare_as_bytes_whatever_their_length(void **state)
{
    const char *const texts[] = {"b", "", "abcdefgh", "abcdefghi", "b\x01", "\xff", "abcdefg"};
    enum { N = sizeof(texts) / sizeof(texts[0]) };
    uint8_t data[128 + 64] = {0};
    int64_t offsets[N + 1] = {0};
    for (size_t i = 0; i < N; i++) {
        memcpy(data + offsets[i], texts[i], strlen(texts[i]));
        offsets[i + 1] = offsets[i] + (int64_t)strlen(texts[i]);
    }
    struct dense dense = {.n = N, .offsets = offsets, .data = data};
    struct bounds bounds;
    bounds_kernel_for (&bytes_leaf)(&dense, 0, N, &bounds);
    assert_int_equal(bound_span(&bounds.min).size, 0);
    assert_int_equal(bound_span(&bounds.max).data[0], 0xff);
    bounds_kernel_for (&bytes_leaf)(&dense, 2, 2, &bounds);
    assert_int_equal(bound_span(&bounds.min).size, 8);
    assert_int_equal(bound_span(&bounds.max).size, 9);
}

/* Few different bytes, so that values share their beginnings: N values, or values of WIDTH bytes if that is not 0. */
static void check_bounds_of_bytes(size_t n, size_t width, uint64_t *seed)
{
    enum { LONGEST = 20, SLACK = 64 };
    static const uint8_t alphabet[] = {0, 1, 'a', 'b', 0x80, 0xff};
    uint8_t *data = test_malloc(n * LONGEST + SLACK);
    int64_t *offsets = test_malloc((n + 1) * sizeof(*offsets));
    size_t letters = 1 + next_random(seed) % sizeof(alphabet);
    size_t longest = width ? width : next_random(seed) % (LONGEST + 1), at = 0;
    for (size_t i = 0; i < n; i++) {
        offsets[i] = (int64_t)at;
        for (size_t size = width ? width : next_random(seed) % (longest + 1); size > 0; size--)
            data[at++] = next_random(seed) % 8 ? 'a' : alphabet[next_random(seed) % letters];
    }
    offsets[n] = (int64_t)at;
    memset(data + at, 0xee, SLACK);
    struct dense dense = {.n = n, .width = width, .offsets = offsets};
    dense.data = dense.values = data;
    struct leaf leaf = bytes_leaf;
    leaf.width = (int32_t)width;
    struct bounds bounds;
    size_t first = next_random(seed) % n;
    bounds_kernel_for (&leaf)(&dense, first, n - first, &bounds);
    struct span min = dense_value(&dense, first), max = min;
    for (size_t i = first; i < n; i++) {
        struct span value = dense_value(&dense, i);
        min = bound_compare(ORDER_BYTES, value, min) < 0 ? value : min;
        max = bound_compare(ORDER_BYTES, value, max) > 0 ? value : max;
    }
    assert_int_equal(bound_compare(ORDER_BYTES, bound_span(&bounds.min), min), 0);
    assert_int_equal(bound_compare(ORDER_BYTES, bound_span(&bounds.max), max), 0);
    test_free(data);
    test_free(offsets);
}

static void bytes_of_all_lengths_and_beginnings_have_their_bounds(void **state)
{
    uint64_t seed = 6;
    for (size_t round = 0; round < 3000; round++)
        check_bounds_of_bytes(1 + round % 700, round % 3 ? 0 : round % 21, &seed);
}

static void zeros_at_the_end_of_a_text_count(void **state)
{
    uint8_t data[64 + 64] = "a\0a\0\0a";
    const int64_t offsets[] = {0, 2, 5, 6}; /* "a\0", "a\0\0", "a" */
    struct dense dense = {.n = 3, .offsets = offsets, .data = data};
    struct bounds bounds;
    bounds_kernel_for (&bytes_leaf)(&dense, 0, 3, &bounds);
    assert_int_equal(bound_span(&bounds.min).size, 1);
    assert_int_equal(bound_span(&bounds.max).size, 3);
}

static void unsigned_and_signed_numbers_have_their_own_order(void **state)
{
    const uint32_t values[] = {1, UINT32_MAX, 0x80000000u};
    struct dense dense = {.n = 3, .width = 4, .values = (const uint8_t *)values};
    const struct leaf is_unsigned = {.physical = PARQUET_INT32, .width = 4, .order = ORDER_UINT32};
    const struct leaf is_signed = {.physical = PARQUET_INT32, .width = 4, .order = ORDER_INT32};
    struct bounds bounds;
    bounds_kernel_for (&is_unsigned)(&dense, 0, 3, &bounds);
    assert_int_equal(load_u32le(bound_span(&bounds.min).data), 1);
    assert_int_equal(load_u32le(bound_span(&bounds.max).data), UINT32_MAX);
    bounds_kernel_for (&is_signed)(&dense, 0, 3, &bounds);
    assert_int_equal(load_u32le(bound_span(&bounds.min).data), 0x80000000u);
    assert_int_equal(load_u32le(bound_span(&bounds.max).data), 1);
}

static void wide_decimals_compare_by_sign_first(void **state)
{
    const uint8_t values[] = {0x00, 0x01, 0xff, 0xff, 0x80, 0x00, 0x7f, 0xff};
    struct dense dense = {.n = 4, .width = 2, .values = values};
    const struct leaf leaf = {.physical = PARQUET_FIXED, .width = 2, .order = ORDER_SIGNED_FIXED};
    struct bounds bounds;
    bounds_kernel_for (&leaf)(&dense, 0, 4, &bounds);
    assert_memory_equal(bound_span(&bounds.min).data, "\x80\x00", 2);
    assert_memory_equal(bound_span(&bounds.max).data, "\x7f\xff", 2);
}

static void bounds_merge_to_the_widest(void **state)
{
    const double low[] = {-1, 1}, high[] = {0, 5}, none[] = {NAN};
    struct bounds all = {0}, part = bounds_of_doubles(none, 1);
    bounds_merge(ORDER_DOUBLE, &all, &part);
    assert_false(all.set);
    part = bounds_of_doubles(low, 2);
    bounds_merge(ORDER_DOUBLE, &all, &part);
    part = bounds_of_doubles(high, 2);
    bounds_merge(ORDER_DOUBLE, &all, &part);
    assert_true(all.set && double_of(&all.min) == -1 && double_of(&all.max) == 5);
    assert_int_equal(all.nan_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_texts_are_bounds_themselves),
        cmocka_unit_test(long_texts_are_cut_at_a_character),
        cmocka_unit_test(a_raised_character_never_becomes_a_surrogate),
        cmocka_unit_test(the_last_character_of_all_has_no_successor),
        cmocka_unit_test(bytes_of_ff_have_no_upper_bound),
        cmocka_unit_test(random_texts_and_bytes_lie_within_their_cut_bounds),
        cmocka_unit_test(nan_is_counted_and_never_a_bound),
        cmocka_unit_test(a_zero_bound_stands_for_both_zeros),
        cmocka_unit_test(infinities_are_bounds),
        cmocka_unit_test(texts_compare_as_bytes_whatever_their_length),
        cmocka_unit_test(bytes_of_all_lengths_and_beginnings_have_their_bounds),
        cmocka_unit_test(zeros_at_the_end_of_a_text_count),
        cmocka_unit_test(unsigned_and_signed_numbers_have_their_own_order),
        cmocka_unit_test(wide_decimals_compare_by_sign_first),
        cmocka_unit_test(bounds_merge_to_the_widest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
