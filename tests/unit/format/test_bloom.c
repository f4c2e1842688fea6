/* Bloom filters against those of another writer, and against counting. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failing_memory.h"
#include "cmocka_all.h"
#include "format/parquet/bloom.h"
#include "random.h"

static struct error test_error;

#define CHECK_OK(call) CHECK_CALL(call, STATUS_OK, &test_error)

static const struct leaf int64_leaf = {.physical = PARQUET_INT64, .width = 8};
static const struct leaf double_leaf = {.physical = PARQUET_DOUBLE, .width = 8};
static const struct leaf float_leaf = {.physical = PARQUET_FLOAT, .width = 4};
static const struct leaf text_leaf = {.physical = PARQUET_BYTE_ARRAY};

static struct dense fixed(const void *values, size_t width, size_t n)
{
    return (struct dense){.n = n, .width = width, .values = values};
}

static struct span span_of(const void *value, size_t size)
{
    return (struct span){value, size};
}

/* OUT: header and bits. */
static void make(const struct leaf *leaf, const struct dense *values, double fpp,
                 struct buffer *out, struct bloom_filter *filter)
{
    struct buffer scratch = {0};
    int32_t bytes = 0;
    uint64_t told = 0;
    CHECK_OK(bloom_append(leaf, values, NULL, fpp, &scratch, out, &bytes, &test_error));
    assert_int_equal(bytes, out->size);
    assert_true(scratch.size <= BLOOM_MAX_BYTES);
    CHECK_OK(bloom_filter_read(out->data, out->size, filter, &told, &test_error));
    assert_int_equal(told, out->size);
    buffer_release(&scratch);
}

static void same_as_hex(const struct buffer *made, const char *hex)
{
    uint8_t expected[256];
    assert_int_equal(strlen(hex), 2 * made->size);
    assert_true(bytes_from_hex(hex, strlen(hex), expected));
    assert_memory_equal(made->data, expected, made->size);
}

/* DuckDB 1.5 made these of 0..39 as BIGINT, and of "value 0".."value 6", both at 1 %. */
static void filters_are_those_of_duckdb_bit_for_bit(void **state)
{
    int64_t numbers[40];
    char texts[7 * 7 + 1] = "";
    int64_t offsets[8] = {0};
    struct buffer out = {0};
    struct bloom_filter filter;
    for (int i = 0; i < 40; i++)
        numbers[i] = i;
    struct dense dense = fixed(numbers, 8, 40);
    make(&int64_leaf, &dense, 0.01, &out, &filter);
    same_as_hex(&out, "1580011c1c00001c1c00001c1c0000001d4243b3fc141d4f0db086d97212035af71584621bc2"
                      "c0940a53298665792543e8ca5e8a66c9545e8f478a2a7003e7ce5091d1f6d7d292a8418552ae"
                      "fa29d1f4");
    out.size = 0;
    for (int i = 0; i < 7; i++) {
        memcpy(texts + 7 * i, "value ", 6);
        texts[7 * i + 6] = (char)('0' + i);
        offsets[i + 1] = 7 * (i + 1);
    }
    dense = (struct dense){.n = 7, .width = 0, .offsets = offsets, .data = (const uint8_t *)texts};
    make(&text_leaf, &dense, 0.01, &out, &filter);
    same_as_hex(&out,
                "15401c1c00001c1c00001c1c0000000100540b800250038240004512400520008840900452400"
                "42084013401098801");
    buffer_release(&out);
}

static void values_of_a_dictionary_make_the_same_filter(void **state)
{
    int64_t numbers[1000], entries[10];
    uint32_t firsts[3] = {0, 1, 2};
    const int64_t offsets[] = {0, 1, 3, 6, 7, 9};
    struct buffer plain = {0}, dictionary_out = {0}, scratch = {0};
    struct bloom_filter filter;
    int32_t bytes;
    for (int i = 0; i < 1000; i++)
        numbers[i] = i % 10;
    memcpy(entries, numbers, sizeof(entries));
    struct dense dense = fixed(numbers, 8, 1000);
    struct dictionary dictionary = {.entries = 10, .values.data = (uint8_t *)entries};
    make(&int64_leaf, &dense, 0.01, &plain, &filter);
    CHECK_OK(bloom_append(&int64_leaf, &dense, &dictionary, 0.01, &scratch, &dictionary_out, &bytes,
                          &test_error));
    assert_int_equal(plain.size, dictionary_out.size);
    assert_memory_equal(plain.data, dictionary_out.data, plain.size);
    plain.size = dictionary_out.size = 0;

    dense = (struct dense){.n = 5, .offsets = offsets, .data = (const uint8_t *)"abbcccabb"};
    dictionary = (struct dictionary){.entries = 3, .firsts.data = (uint8_t *)firsts};
    make(&text_leaf, &dense, 0.01, &plain, &filter);
    CHECK_OK(bloom_append(&text_leaf, &dense, &dictionary, 0.01, &scratch, &dictionary_out, &bytes,
                          &test_error));
    assert_int_equal(plain.size, dictionary_out.size);
    assert_memory_equal(plain.data, dictionary_out.data, plain.size);
    buffer_release(&plain);
    buffer_release(&dictionary_out);
    buffer_release(&scratch);
}

/* Every value is found; of others about FPP, as counted and as the filter says of itself. */
static void check_share(size_t n, size_t distinct, double fpp)
{
    uint64_t *values = calloc(n, sizeof(*values));
    uint64_t seed = n + distinct;
    struct buffer out = {0};
    struct bloom_filter filter;
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = i < distinct ? next_random(&seed) | 1 : values[i - distinct];
    struct dense dense = fixed(values, 8, n);
    make(&int64_leaf, &dense, fpp, &out, &filter);
    for (size_t i = 0; i < n; i++)
        assert_true(bloom_may_contain(&filter, PARQUET_INT64, span_of(&values[i], 8)));
    size_t found = 0, tries = 200000;
    for (size_t i = 0; i < tries; i++) {
        uint64_t absent = next_random(&seed) & ~(uint64_t)1;
        found += bloom_may_contain(&filter, PARQUET_INT64, span_of(&absent, 8));
    }
    double counted = (double)found / (double)tries, told = bloom_false_positives(&filter);
    double noise = 5 * sqrt(fpp / (double)tries);
    if (counted > fpp + noise || told > fpp || fabs(counted - told) > noise)
        fail_msg("%zu values, %zu distinct: asked for %g, told %g, counted %g", n, distinct, fpp,
                 told, counted);
    if (distinct > 100 && fabs(bloom_distinct(&filter) / (double)distinct - 1) > 0.05)
        fail_msg("%g distinct values, there are %zu", bloom_distinct(&filter), distinct);
    /* no power of two less would have done: at most some 2.5 times what the values need */
    assert_true(filter.bytes <= 32 || (double)filter.bytes * 8 / (double)distinct < 60);
    buffer_release(&out);
    free(values);
}

static void no_value_is_missed_and_few_others_are_found(void **state)
{
    check_share(1, 1, 0.01);
    check_share(100, 100, 0.01);
    check_share(5000, 5000, 0.05);
    check_share(20000, 300, 0.01);
    check_share(100000, 100000, 0.01);
    check_share(50000, 50000, 0.001);
}

static void a_filter_is_as_small_as_its_distinct_values_allow(void **state)
{
    static int64_t values[100000];
    struct buffer out = {0};
    struct bloom_filter filter;
    for (size_t i = 0; i < 100000; i++)
        values[i] = (int64_t)(i % 200);
    struct dense dense = fixed(values, 8, 100000);
    make(&int64_leaf, &dense, 0.01, &out, &filter);
    assert_in_range(filter.bytes, 256, 512); /* 10.5 bits each are 262 bytes */
    buffer_release(&out);
}

static void a_filter_never_grows_beyond_its_ceiling(void **state)
{
    size_t n = 2000000;
    uint64_t *values = calloc(n, sizeof(*values));
    struct buffer out = {0};
    struct bloom_filter filter;
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = i * 0x9e3779b97f4a7c15u;
    struct dense dense = fixed(values, 8, n);
    make(&int64_leaf, &dense, 0.01, &out, &filter);
    assert_int_equal(filter.bytes, BLOOM_MAX_BYTES);
    assert_true(bloom_may_contain(&filter, PARQUET_INT64, span_of(&values[n - 1], 8)));
    buffer_release(&out);
    free(values);
}

static void both_zeros_are_found_where_one_was_written(void **state)
{
    const double plus = 0.0, minus = -0.0, other = 1.5;
    const float minus_float = -0.0f, plus_float = 0.0f;
    struct buffer out = {0};
    struct bloom_filter filter;
    struct dense dense = fixed(&minus, 8, 1);
    make(&double_leaf, &dense, 0.01, &out, &filter);
    assert_true(bloom_may_contain(&filter, PARQUET_DOUBLE, span_of(&plus, 8)));
    /* a reader that knows nothing of this hashes the zero it looks for */
    assert_true(bloom_may_contain(&filter, PARQUET_INT64, span_of(&plus, 8)));
    assert_true(bloom_may_contain(&filter, PARQUET_INT64, span_of(&minus, 8)));
    assert_false(bloom_may_contain(&filter, PARQUET_DOUBLE, span_of(&other, 8)));
    out.size = 0;
    dense = fixed(&minus_float, 4, 1);
    make(&float_leaf, &dense, 0.01, &out, &filter);
    assert_true(bloom_may_contain(&filter, PARQUET_INT32, span_of(&plus_float, 4)));
    assert_true(bloom_may_contain(&filter, PARQUET_INT32, span_of(&minus_float, 4)));
    /* and one that hashed only the other is asked for both */
    out.size = 0;
    dense = fixed(&minus, 8, 1);
    make(&int64_leaf, &dense, 0.01, &out, &filter);
    assert_true(bloom_may_contain(&filter, PARQUET_DOUBLE, span_of(&plus, 8)));
    buffer_release(&out);
}

static void an_empty_chunk_holds_nothing(void **state)
{
    struct buffer out = {0};
    struct bloom_filter filter;
    struct dense dense = fixed(NULL, 8, 0);
    const int64_t value = 7;
    make(&int64_leaf, &dense, 0.01, &out, &filter);
    assert_int_equal(filter.bytes, BLOOM_MIN_BYTES);
    assert_false(bloom_may_contain(&filter, PARQUET_INT64, span_of(&value, 8)));
    assert_true(bloom_false_positives(&filter) == 0 && bloom_distinct(&filter) == 0);
    buffer_release(&out);
}

/* Read from a block of exactly SIZE bytes, so that the sanitizer sees a step too far. */
static status_code read_cut(const uint8_t *bytes, size_t size, uint64_t *needed)
{
    uint8_t *copy = malloc(size + (size == 0));
    struct bloom_filter filter;
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    status_code code = bloom_filter_read(copy, size, &filter, needed, &test_error);
    if (code == STATUS_OK) {
        const int64_t value = 1234;
        (void)bloom_may_contain(&filter, PARQUET_INT64, span_of(&value, 8));
        assert_true(filter.bytes <= size && filter.bytes % 32 == 0 && filter.bytes > 0);
    }
    free(copy);
    return code;
}

static void cut_and_damaged_filters_are_refused_or_harmless(void **state)
{
    int64_t values[100];
    struct buffer out = {0};
    struct bloom_filter filter;
    uint64_t seed = 5;
    for (int i = 0; i < 100; i++)
        values[i] = i;
    struct dense dense = fixed(values, 8, 100);
    make(&int64_leaf, &dense, 0.01, &out, &filter);
    size_t header = out.size - filter.bytes;
    for (size_t size = 0; size < out.size; size++) {
        uint64_t needed = 0;
        assert_int_equal(read_cut(out.data, size, &needed), STATUS_BAD_DATA);
        assert_int_equal(needed, size < header ? 0 : out.size);
    }
    unsigned refused = 0;
    for (int round = 0; round < 5000; round++) {
        uint8_t copy[512];
        memcpy(copy, out.data, out.size);
        size_t bit = next_random(&seed) % (8 * header);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused += read_cut(copy, out.size, NULL) == STATUS_BAD_DATA;
    }
    assert_true(refused > 2500);
    /* 2 GiB, -32 and 31 bytes; another hash */
    const uint8_t huge[] = {0x15, 0xc0, 0xff, 0xff, 0xff, 0x0f, 0x1c, 0x1c, 0, 0,
                            0x1c, 0x1c, 0,    0,    0x1c, 0x1c, 0,    0,    0};
    const uint8_t negative[] = {0x15, 0x3f, 0x1c, 0x1c, 0, 0, 0x1c, 0x1c,
                                0,    0,    0x1c, 0x1c, 0, 0, 0};
    const uint8_t odd[] = {0x15, 0x3e, 0x1c, 0x1c, 0, 0, 0x1c, 0x1c, 0, 0, 0x1c, 0x1c, 0, 0, 0};
    const uint8_t other[] = {0x15, 0x40, 0x1c, 0x1c, 0, 0, 0x1c, 0x2c, 0, 0, 0x1c, 0x1c, 0, 0, 0};
    assert_int_equal(read_cut(huge, sizeof(huge), NULL), STATUS_BAD_DATA);
    assert_int_equal(read_cut(negative, sizeof(negative), NULL), STATUS_BAD_DATA);
    assert_int_equal(read_cut(odd, sizeof(odd), NULL), STATUS_BAD_DATA);
    assert_int_equal(read_cut(other, sizeof(other), NULL), STATUS_BAD_DATA);
    assert_non_null(strstr(test_error.text, "not known"));
    buffer_release(&out);
}

static void every_failed_allocation_leaves_what_was_there(void **state)
{
    static int64_t values[50000];
    for (size_t i = 0; i < 50000; i++)
        values[i] = (int64_t)i;
    struct dense dense = fixed(values, 8, 50000);
    for (unsigned nth = 1;; nth++) {
        struct buffer scratch = {0}, out = {0};
        int32_t bytes = -1;
        CHECK_OK(buffer_append(&out, "before", 6, &test_error));
        fail_allocation(nth);
        status_code code =
            bloom_append(&int64_leaf, &dense, NULL, 0.01, &scratch, &out, &bytes, &test_error);
        bool failed = allocation_failed();
        assert_int_equal(code, failed ? STATUS_NO_MEMORY : STATUS_OK);
        assert_memory_equal(out.data, "before", 6);
        if (failed)
            assert_true(out.size == 6 && bytes == -1);
        buffer_release(&scratch);
        buffer_release(&out);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_those_of_duckdb_bit_for_bit),
        cmocka_unit_test(values_of_a_dictionary_make_the_same_filter),
        cmocka_unit_test(no_value_is_missed_and_few_others_are_found),
        cmocka_unit_test(a_filter_is_as_small_as_its_distinct_values_allow),
        cmocka_unit_test(a_filter_never_grows_beyond_its_ceiling),
        cmocka_unit_test(both_zeros_are_found_where_one_was_written),
        cmocka_unit_test(an_empty_chunk_holds_nothing),
        cmocka_unit_test(cut_and_damaged_filters_are_refused_or_harmless),
        cmocka_unit_test(every_failed_allocation_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
