#include "format/parquet/delta.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cmocka_all.h"
#include "random.h"

enum { MANY = 3000 };

/* A block of memory of exactly SIZE bytes: the sanitizer sees what is read or written behind. */
static uint8_t *exact(const void *bytes, size_t size)
{
    uint8_t *copy = test_malloc(size + !size);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

/* ---- DELTA_BINARY_PACKED ---- */

static void the_examples_of_the_format_are_read(void **state)
{
    /* Encodings.md: 1 to 5 in blocks of 8 with one miniblock; 7, 5, 3, 1, 2, 3, 4, 5 */
    static const uint8_t even[] = {8, 1, 5, 2, 2, 0}, mixed[] = {8, 1, 8, 14, 3, 2, 0xc0, 0x3f};
    static const int32_t expected_even[] = {1, 2, 3, 4, 5};
    static const int64_t expected_mixed[] = {7, 5, 3, 1, 2, 3, 4, 5};
    int32_t narrow[5];
    int64_t wide[8];
    size_t used;
    assert_true(delta_binary_decode(even, sizeof(even), 5, 4, narrow, &used));
    assert_int_equal(used, sizeof(even));
    assert_memory_equal(narrow, expected_even, sizeof(narrow));
    assert_true(delta_binary_decode(mixed, sizeof(mixed), 8, 8, wide, &used));
    assert_int_equal(used, sizeof(mixed));
    assert_memory_equal(wide, expected_mixed, sizeof(wide));
}

static void a_block_is_written_as_the_format_says(void **state)
{
    static const int32_t values[] = {7, 5, 3, 1, 2, 3, 4, 5};
    /* block of 128 in 4 miniblocks, 8 values, first 7, smallest difference -2, widths, 32 x 2 bits */
    static const uint8_t expected[] = {0x80, 1,    4,    8, 14, 3, 2, 0, 0,
                                       0,    0xc0, 0x3f, 0, 0,  0, 0, 0, 0};
    uint8_t *out = test_malloc(delta_binary_bound(8, 4));
    assert_int_equal(delta_binary_encode(values, 8, 4, out), sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
    test_free(out);
}

static void no_values_and_one_value_are_a_header(void **state)
{
    static const uint8_t none[] = {0x80, 1, 4, 0, 0}, one[] = {0x80, 1, 4, 1, 3};
    static const int64_t value = -2;
    uint8_t *out = test_malloc(delta_binary_bound(1, 8));
    int64_t back;
    size_t used;
    assert_int_equal(delta_binary_encode(NULL, 0, 8, out), sizeof(none));
    assert_memory_equal(out, none, sizeof(none));
    assert_true(delta_binary_decode(none, sizeof(none), 0, 8, &back, &used));
    assert_int_equal(used, sizeof(none));
    assert_int_equal(delta_binary_encode(&value, 1, 8, out), sizeof(one));
    assert_memory_equal(out, one, sizeof(one));
    assert_true(delta_binary_decode(one, sizeof(one), 1, 8, &back, &used));
    assert_int_equal(back, -2);
    test_free(out);
}

/* Encoded, moved to a block of its exact size, decoded; bytes behind are not taken. Returns the size. */
static size_t check_round_trip(const void *values, size_t n, size_t width)
{
    size_t bound = delta_binary_bound(n, width), used = 0;
    uint8_t *out = test_malloc(bound);
    size_t size = delta_binary_encode(values, n, width, out);
    assert_true(size <= bound);
    uint8_t *from = exact(out, size), *back = test_malloc(n * width + 1);
    back[n * width] = 0x5a;
    assert_true(delta_binary_decode(from, size, n, width, back, &used));
    assert_int_equal(used, size);
    if (n > 0)
        assert_memory_equal(back, values, n * width);
    assert_int_equal(back[n * width], 0x5a);
    out[size] = 0xff;
    assert_true(delta_binary_decode(out, size + 1, n, width, back, &used));
    assert_int_equal(used, size);
    test_free(from);
    test_free(back);
    test_free(out);
    return size;
}

static void extremes_survive_though_their_differences_wrap(void **state)
{
    int64_t wide[MANY];
    int32_t narrow[MANY];
    for (size_t i = 0; i < MANY; i++) {
        wide[i] = i % 2 ? INT64_MIN : INT64_MAX;
        narrow[i] = i % 2 ? INT32_MIN : INT32_MAX;
    }
    check_round_trip(wide, MANY, 8);
    check_round_trip(narrow, MANY, 4);
    for (size_t i = 0; i < MANY; i++) {
        wide[i] = i % 3 == 0 ? INT64_MIN : i % 3 == 1 ? INT64_MAX : 0;
        narrow[i] = i % 3 == 0 ? INT32_MIN : i % 3 == 1 ? INT32_MAX : -1;
    }
    check_round_trip(wide, MANY, 8);
    check_round_trip(narrow, MANY, 4);
}

/* A reader that holds a difference in 32 bits sees no width above: INT32_MAX to INT32_MIN is +1. */
static void a_difference_of_32_bits_wraps_in_32_bits(void **state)
{
    static const int32_t values[] = {INT32_MAX, INT32_MIN};
    static const uint8_t expected[] = {0x80, 1, 4, 2, 0xfe, 0xff, 0xff, 0xff, 0x0f, 2, 0, 0, 0, 0};
    uint8_t *out = test_malloc(delta_binary_bound(2, 4));
    assert_int_equal(delta_binary_encode(values, 2, 4, out), sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
    test_free(out);
}

static void every_width_and_count_survives(void **state)
{
    static const size_t counts[] = {2, 3, 31, 32, 33, 34, 127, 128, 129, 130, 161, 257, 1000};
    uint64_t seed = 7;
    for (unsigned width = 0; width <= 64; width++)
        for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
            uint64_t wide[1000], mask = width == 0 ? 0 : UINT64_MAX >> (64 - width);
            uint32_t narrow[1000];
            for (size_t i = 0; i < counts[c]; i++) {
                wide[i] = (i ? wide[i - 1] : 0) + (next_random(&seed) & mask);
                narrow[i] = (i ? narrow[i - 1] : 0) + (uint32_t)(next_random(&seed) & mask);
            }
            check_round_trip(wide, counts[c], 8);
            check_round_trip(narrow, counts[c], 4);
        }
}

static void values_in_steady_steps_take_hardly_a_byte(void **state)
{
    int64_t values[MANY];
    for (size_t i = 0; i < MANY; i++)
        values[i] = 1000000 + 7 * (int64_t)i;
    assert_true(check_round_trip(values, MANY, 8) < MANY / 20);
}

/* parquet.thrift lets writers choose: 256 values in 4 miniblocks of 64, as others do. */
static void other_sizes_of_blocks_are_read(void **state)
{
    uint8_t page[64] = {0x80, 2, 4, 0xc8, 1, 0}; /* 200 values, the first 0 */
    size_t size = 6;
    page[size++] = 2; /* smallest difference 1 */
    page[size++] = 1;
    page[size++] = 0;
    page[size++] = 1;
    page[size++] = 99; /* of a miniblock that is not needed: never looked at */
    memset(page + size, 0xff, 8);
    memset(page + size + 8, 0, 8);
    page[size + 8] = 1;
    int32_t values[200];
    size_t used;
    assert_false(delta_binary_decode(page, size + 16, 200, 4, values, &used)); /* 99 is needed */
    page[3] = 0xc0;                                                            /* 192 */
    assert_true(delta_binary_decode(page, size + 16, 192, 4, values, &used));
    assert_int_equal(used, size + 16);
    assert_int_equal(values[64], 128);
    assert_int_equal(values[128], 192);
    assert_int_equal(values[129], 194);
    assert_int_equal(values[191], 256);
}

static void a_last_miniblock_without_padding_is_read(void **state)
{
    static const int32_t values[] = {7, 5, 3, 1, 2, 3, 4, 5};
    uint8_t *out = test_malloc(delta_binary_bound(8, 4));
    size_t size = delta_binary_encode(values, 8, 4, out), used;
    uint8_t *cut = exact(out, size - 6);
    int32_t back[8];
    assert_true(delta_binary_decode(cut, size - 6, 8, 4, back, &used));
    assert_int_equal(used, size - 6);
    assert_memory_equal(back, values, sizeof(values));
    assert_false(delta_binary_decode(cut, size - 7, 8, 4, back, &used));
    test_free(cut);
    test_free(out);
}

/* DuckDB takes differences of int32 in 64 bits: from the smallest to the largest 33. */
static void differences_that_do_not_wrap_are_read(void **state)
{
    uint8_t bytes[8 + 2 + 132] = {0x80, 1, 4, 2, 9, 0, 33, 0, 0, 0, 5, 0, 0, 0, 1};
    int32_t values[2];
    size_t used;
    assert_true(delta_binary_decode(bytes, sizeof(bytes), 2, 4, values, &used));
    assert_int_equal(values[0], -5);
    assert_int_equal(values[1], 0); /* -5 + 2^32 + 5 */
}

static void headers_that_lie_are_refused(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[24];
        size_t size;
    } cases[] = {
        {"no header", {0}, 0},
        {"blocks of no values", {0, 4, 2, 0, 0, 0, 0, 0, 0}, 9},
        {"no miniblocks", {0x80, 1, 0, 2, 0, 0}, 6},
        {"miniblocks that don't divide the block", {0x80, 1, 3, 2, 0, 0, 0, 0, 0}, 9},
        {"miniblocks of four values", {0x80, 1, 32, 2, 0, 0}, 6},
        {"a block of 2^56 values",
         {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 1, 2, 0, 0, 0},
         14},
        {"another count", {0x80, 1, 4, 3, 0, 0, 0, 0, 0, 0}, 10},
        {"a varint of more than 64 bits",
         {0x80, 1, 4, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0},
         19},
        {"a varint without end", {0x80, 1, 4, 2, 0xff, 0xff}, 6},
        {"a width over 64 bits", {0x80, 1, 4, 2, 0, 0, 65, 0, 0, 0, 1}, 24},
        {"no list of widths", {0x80, 1, 4, 2, 0, 0, 0, 0}, 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint8_t *from = exact(cases[i].bytes, cases[i].size);
        int32_t values[2];
        size_t used;
        if (delta_binary_decode(from, cases[i].size, 2, 4, values, &used))
            fail_msg("%s is taken", cases[i].what);
        test_free(from);
    }
}

/* Each cut is refused, unless only padding is missing; each flipped byte is at least no reason to crash. */
static void damaged_pages_are_refused_or_read_within_bounds(void **state)
{
    int64_t values[300], back[300];
    uint64_t seed = 3;
    for (size_t i = 0; i < 300; i++)
        values[i] = (int64_t)(next_random(&seed) >> (i / 40 * 8));
    uint8_t *out = test_malloc(delta_binary_bound(300, 8));
    size_t size = delta_binary_encode(values, 300, 8, out), used;
    size_t refused = 0;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *from = exact(out, cut);
        refused += !delta_binary_decode(from, cut, 300, 8, back, &used);
        test_free(from);
    }
    assert_true(refused + 32 * 8 > size);
    for (size_t i = 0; i < 20000; i++) {
        uint8_t *from = exact(out, size);
        for (size_t flips = 1 + next_random(&seed) % 4; flips > 0; flips--)
            from[next_random(&seed) % (i % 2 ? 16 : size)] = (uint8_t)next_random(&seed);
        if (delta_binary_decode(from, size, 300, 8, back, &used))
            assert_true(used <= size);
        test_free(from);
    }
    test_free(out);
}

/* ---- texts ---- */

struct texts {
    uint8_t *bytes;
    int64_t *offsets;
    size_t n;
};

static struct texts texts_of(const char *const *values, size_t n)
{
    struct texts texts = {.offsets = test_malloc((n + 1) * sizeof(int64_t)), .n = n};
    texts.offsets[0] = 0;
    for (size_t i = 0; i < n; i++)
        texts.offsets[i + 1] = texts.offsets[i] + (int64_t)strlen(values[i]);
    texts.bytes = test_malloc((size_t)texts.offsets[n] + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(texts.bytes + texts.offsets[i], values[i], strlen(values[i]));
    return texts;
}

/* Words of three letters of the alphabet's beginning: many have prefixes in common; some are long. */
static struct texts random_texts(size_t n, size_t longest, uint64_t *seed)
{
    struct texts texts = {.offsets = test_malloc((n + 1) * sizeof(int64_t)), .n = n};
    texts.offsets[0] = 0;
    for (size_t i = 0; i < n; i++)
        texts.offsets[i + 1] =
            texts.offsets[i] + (int64_t)(next_random(seed) % (i % 50 ? longest / 4 + 1 : longest));
    size_t size = (size_t)texts.offsets[n];
    texts.bytes = test_malloc(size + !size);
    for (size_t i = 0; i < size; i++)
        texts.bytes[i] = (uint8_t)('a' + next_random(seed) % 64 / 61);
    return texts;
}

static void texts_free(struct texts *texts)
{
    test_free(texts->bytes);
    test_free(texts->offsets);
}

typedef status encode_fn(const uint8_t *, const int64_t *, size_t, struct buffer *, uint8_t *,
                         size_t *, struct error *);
typedef status decode_fn(const uint8_t *, size_t, size_t, size_t, struct buffer *, struct buffer *,
                         struct buffer *, struct error *);

static const struct {
    size_t (*bound)(const int64_t *, size_t);
    encode_fn *encode;
    decode_fn *decode;
} kinds[] = {
    {delta_length_bound, delta_length_encode, delta_length_decode},
    {delta_bytes_bound, delta_bytes_encode, delta_bytes_decode},
};
enum { KINDS = 2 };

static uint8_t *encoded(size_t kind, const struct texts *texts, size_t *out_size)
{
    struct error err = {0};
    struct buffer scratch = {0};
    size_t bound = kinds[kind].bound(texts->offsets, texts->n);
    uint8_t *room = test_malloc(bound);
    assert_int_equal(
        kinds[kind].encode(texts->bytes, texts->offsets, texts->n, &scratch, room, out_size, &err),
        STATUS_OK);
    assert_true(*out_size <= bound);
    uint8_t *page = exact(room, *out_size);
    test_free(room);
    buffer_release(&scratch);
    return page;
}

struct decoded {
    struct buffer lengths, bytes, offsets;
    struct error err;
};

static status_code decode(size_t kind, const uint8_t *page, size_t size, size_t n, size_t max_bytes,
                          struct decoded *out)
{
    return kinds[kind].decode(page, size, n, max_bytes, &out->lengths, &out->bytes, &out->offsets,
                              &out->err);
}

static void decoded_free(struct decoded *decoded)
{
    buffer_release(&decoded->lengths);
    buffer_release(&decoded->bytes);
    buffer_release(&decoded->offsets);
}

static void check_texts(size_t kind, const struct texts *texts)
{
    size_t size, content = (size_t)texts->offsets[texts->n];
    uint8_t *page = encoded(kind, texts, &size);
    struct decoded out = {0};
    for (size_t page_number = 0; page_number < 2; page_number++) /* the second goes behind */
        assert_int_equal(decode(kind, page, size, texts->n, content, &out), STATUS_OK);
    assert_int_equal(out.bytes.size, 2 * content);
    assert_int_equal(out.offsets.size, 2 * texts->n * sizeof(int64_t));
    const int64_t *ends = (const int64_t *)(const void *)out.offsets.data;
    if (content > 0) {
        assert_memory_equal(out.bytes.data, texts->bytes, content);
        assert_memory_equal(out.bytes.data + content, texts->bytes, content);
    }
    for (size_t i = 0; i < texts->n; i++) {
        assert_int_equal(ends[i], texts->offsets[i + 1]);
        assert_int_equal(ends[texts->n + i], (int64_t)content + texts->offsets[i + 1]);
    }
    if (content > 0)
        assert_int_equal(decode(kind, page, size, texts->n, content - 1, &out), STATUS_BAD_DATA);
    decoded_free(&out);
    test_free(page);
}

static void the_examples_of_texts_are_written(void **state)
{
    static const char *const words[] = {"Hello", "World", "Foobar", "ABCDEF"};
    static const char *const alike[] = {"axis", "axle", "babble", "babyhood"};
    /* 5 5 6 6: differences 0 1 0; the smallest 0, one bit each */
    static const uint8_t lengths[] = {0x80, 1, 4, 4, 10, 0, 1, 0, 0, 0, 2, 0, 0, 0};
    /* 0 2 0 3: differences 2 -2 3, less -2: 4 0 5, three bits each = 0b101000100 */
    static const uint8_t prefixes[] = {0x80, 1, 4, 4, 0, 3, 3, 0, 0, 0, 0x44,
                                       1,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    /* 4 2 6 5: differences -2 4 -1, less -2: 0 6 1 = 0b001110000 */
    static const uint8_t suffixes[] = {0x80, 1, 4, 4, 8, 3, 3, 0, 0, 0, 0x70,
                                       0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    size_t size;
    struct texts texts = texts_of(words, 4);
    uint8_t *page = encoded(0, &texts, &size);
    assert_int_equal(size, sizeof(lengths) + 22);
    assert_memory_equal(page, lengths, sizeof(lengths));
    assert_memory_equal(page + sizeof(lengths), "HelloWorldFoobarABCDEF", 22);
    test_free(page);
    texts_free(&texts);
    texts = texts_of(alike, 4);
    page = encoded(1, &texts, &size);
    assert_int_equal(size, sizeof(prefixes) + sizeof(suffixes) + 17);
    assert_memory_equal(page, prefixes, sizeof(prefixes));
    assert_memory_equal(page + sizeof(prefixes), suffixes, sizeof(suffixes));
    assert_memory_equal(page + sizeof(prefixes) + sizeof(suffixes), "axislebabbleyhood", 17);
    test_free(page);
    texts_free(&texts);
}

static void texts_survive_both_ways(void **state)
{
    static const size_t counts[] = {0, 1, 2, 33, 129, 700};
    static const size_t longest[] = {1, 5, 40, 70, 1000};
    uint64_t seed = 5;
    for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++)
        for (size_t l = 0; l < sizeof(longest) / sizeof(*longest); l++)
            for (size_t kind = 0; kind < KINDS; kind++) {
                struct texts texts = random_texts(counts[c], longest[l], &seed);
                check_texts(kind, &texts);
                texts_free(&texts);
            }
}

/* The values of a slice don't begin at offset 0. */
static void a_slice_of_texts_is_written_alone(void **state)
{
    static const char *const words[] = {"left out", "kept", "keeps"};
    struct texts all = texts_of(words, 3), kept = texts_of(words + 1, 2);
    for (size_t kind = 0; kind < KINDS; kind++) {
        size_t size, expected_size;
        struct texts slice = {.bytes = all.bytes, .offsets = all.offsets + 1, .n = 2};
        uint8_t *page = encoded(kind, &slice, &size);
        uint8_t *expected = encoded(kind, &kept, &expected_size);
        assert_int_equal(size, expected_size);
        assert_memory_equal(page, expected, size);
        test_free(page);
        test_free(expected);
    }
    texts_free(&all);
    texts_free(&kept);
}

static void a_value_over_2_gib_is_refused(void **state)
{
    static const int64_t offsets[] = {0, (int64_t)INT32_MAX + 1};
    uint8_t byte = 0, out[256];
    struct buffer scratch = {0};
    struct error err = {0};
    size_t size;
    for (size_t kind = 0; kind < KINDS; kind++)
        assert_int_equal(kinds[kind].encode(&byte, offsets, 1, &scratch, out, &size, &err),
                         STATUS_BAD_DATA);
    buffer_release(&scratch);
}

static size_t put_lengths(uint8_t *page, size_t size, const int32_t *lengths, size_t n)
{
    return size + delta_binary_encode(lengths, n, 4, page + size);
}

static void lengths_that_lie_are_refused(void **state)
{
    static const int32_t negative[] = {3, -1}, beyond[] = {3, 4}, fitting[] = {3, 3};
    static const int32_t early[] = {1, 0}, too_long[] = {0, 4}, below[] = {0, -1};
    static const int32_t huge[] = {INT32_MAX, INT32_MAX}, none[] = {0, 0};
    static const struct {
        size_t kind;
        const int32_t *prefixes, *lengths;
    } cases[] = {
        {0, NULL, negative},  {0, NULL, beyond},      {0, NULL, huge},
        {1, early, fitting},  {1, too_long, fitting}, {1, below, fitting},
        {1, below, negative}, {1, none, huge},        {1, negative, negative},
    };
    uint8_t room[512];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        size_t size = 0;
        if (cases[i].prefixes)
            size = put_lengths(room, size, cases[i].prefixes, 2);
        size = put_lengths(room, size, cases[i].lengths, 2);
        memcpy(room + size, "sixsix", 6);
        uint8_t *page = exact(room, size + 6);
        struct decoded out = {0};
        assert_int_equal(decode(cases[i].kind, page, size + 6, 2, 1 << 20, &out), STATUS_BAD_DATA);
        assert_int_equal(out.bytes.size, 0);
        assert_int_equal(out.offsets.size, 0);
        decoded_free(&out);
        test_free(page);
    }
}

/* A few bytes may describe gigabytes: a value of 1 MiB, then each the same. */
static void a_page_that_grows_without_end_is_refused(void **state)
{
    enum { LONG = 1 << 20, TIMES = 5000 };
    int32_t *prefixes = test_malloc(TIMES * sizeof(int32_t));
    int32_t *suffixes = test_calloc(TIMES, sizeof(int32_t));
    for (size_t i = 0; i < TIMES; i++)
        prefixes[i] = i ? LONG : 0;
    suffixes[0] = LONG;
    uint8_t *page = test_calloc(1, 2 * delta_binary_bound(TIMES, 4) + LONG);
    size_t size = put_lengths(page, 0, prefixes, TIMES);
    size = put_lengths(page, size, suffixes, TIMES);
    struct decoded out = {0};
    assert_int_equal(decode(1, page, size + LONG, TIMES, 64 << 20, &out), STATUS_BAD_DATA);
    assert_true(out.bytes.capacity < 64 << 20);
    decoded_free(&out);
    test_free(page);
    test_free(prefixes);
    test_free(suffixes);
}

static void damaged_texts_are_refused_or_read_within_bounds(void **state)
{
    uint64_t seed = 11;
    struct texts texts = random_texts(150, 30, &seed);
    for (size_t kind = 0; kind < KINDS; kind++) {
        size_t size;
        uint8_t *page = encoded(kind, &texts, &size);
        struct decoded out = {0};
        for (size_t cut = 0; cut < size; cut++) {
            uint8_t *from = exact(page, cut);
            assert_int_equal(decode(kind, from, cut, 150, 1 << 20, &out), STATUS_BAD_DATA);
            test_free(from);
        }
        for (size_t i = 0; i < 10000; i++) {
            uint8_t *from = exact(page, size);
            for (size_t flips = 1 + next_random(&seed) % 3; flips > 0; flips--)
                from[next_random(&seed) % (i % 2 ? 40 : size)] = (uint8_t)next_random(&seed);
            out.bytes.size = out.offsets.size = 0;
            if (decode(kind, from, size, 150, 1 << 16, &out) == STATUS_OK)
                assert_true(out.bytes.size <= 1 << 16);
            test_free(from);
        }
        decoded_free(&out);
        test_free(page);
    }
    texts_free(&texts);
}

/* ---- BYTE_STREAM_SPLIT ---- */

static void the_example_of_streams_is_written(void **state)
{
    static const uint8_t values[] = {0xaa, 0xbb, 0xcc, 0xdd, 0x00, 0x11,
                                     0x22, 0x33, 0xa3, 0xb4, 0xc5, 0xd6};
    static const uint8_t expected[] = {0xaa, 0x00, 0xa3, 0xbb, 0x11, 0xb4,
                                       0xcc, 0x22, 0xc5, 0xdd, 0x33, 0xd6};
    uint8_t out[sizeof(values)], back[sizeof(values)];
    stream_split_encode(values, 3, 4, out);
    assert_memory_equal(out, expected, sizeof(expected));
    stream_split_decode(expected, 3, 4, back);
    assert_memory_equal(back, values, sizeof(values));
}

static void values_of_every_width_are_split_and_joined(void **state)
{
    uint64_t seed = 2;
    for (size_t width = 1; width <= 33; width++)
        for (size_t n = 0; n < 100; n = n < 36 ? n + 1 : n + 13) {
            uint8_t *values = test_malloc(n * width + 1), *out = exact(values, n * width);
            for (size_t i = 0; i < n * width; i++)
                values[i] = (uint8_t)next_random(&seed);
            stream_split_encode(values, n, width, out);
            for (size_t i = 0; i < n; i++)
                for (size_t byte = 0; byte < width; byte++)
                    assert_int_equal(out[byte * n + i], values[i * width + byte]);
            uint8_t *back = exact(out, n * width);
            stream_split_decode(out, n, width, back);
            if (n > 0)
                assert_memory_equal(back, values, n * width);
            test_free(values);
            test_free(out);
            test_free(back);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_format_are_read),
        cmocka_unit_test(a_block_is_written_as_the_format_says),
        cmocka_unit_test(no_values_and_one_value_are_a_header),
        cmocka_unit_test(extremes_survive_though_their_differences_wrap),
        cmocka_unit_test(a_difference_of_32_bits_wraps_in_32_bits),
        cmocka_unit_test(every_width_and_count_survives),
        cmocka_unit_test(values_in_steady_steps_take_hardly_a_byte),
        cmocka_unit_test(other_sizes_of_blocks_are_read),
        cmocka_unit_test(a_last_miniblock_without_padding_is_read),
        cmocka_unit_test(differences_that_do_not_wrap_are_read),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(damaged_pages_are_refused_or_read_within_bounds),
        cmocka_unit_test(the_examples_of_texts_are_written),
        cmocka_unit_test(texts_survive_both_ways),
        cmocka_unit_test(a_slice_of_texts_is_written_alone),
        cmocka_unit_test(a_value_over_2_gib_is_refused),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(a_page_that_grows_without_end_is_refused),
        cmocka_unit_test(damaged_texts_are_refused_or_read_within_bounds),
        cmocka_unit_test(the_example_of_streams_is_written),
        cmocka_unit_test(values_of_every_width_are_split_and_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
