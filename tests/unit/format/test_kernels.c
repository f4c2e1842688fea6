/* Every kernel of every level that this processor has against the portable one: all lengths up to 200, starts that are
 * not aligned, random values and extreme ones. Memory is exactly as large as the contract says, so that the sanitizer
 * sees a byte too much (malloc of the C library: cmocka's has room on both sides). */
#include "format/parquet/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cmocka_all.h"
#include "format/parquet/bit_pack.h"
#include "format/parquet/crc32.h"
#include "random.h"

enum { LENGTHS = 200, SHIFTS = 9, GROUPS = LENGTHS / 8 };

static const struct kernels *others[CPU_LEVELS];
static size_t n_others;

static int find_levels(void **state)
{
    for (enum cpu_level level = CPU_AVX2; level < CPU_LEVELS; level++) {
        if (level <= cpu_best())
            others[n_others++] = kernels_of(level);
        else
            print_message("skipped: this processor has no %s\n", cpu_level_text(level));
    }
    return 0;
}

/* Bytes of N random values, exactly, that begin SHIFT values into a block, so at an odd multiple of their width. */
struct block {
    uint8_t *memory;
    void *at;
};

static struct block block_of(size_t n, size_t width, size_t shift)
{
    uint8_t *memory = malloc((n + shift) * width + 1);
    return (struct block){memory, memory + shift * width};
}

static uint32_t mask_of(unsigned width)
{
    return width == 32 ? UINT32_MAX : ((uint32_t)1 << width) - 1;
}

/* ---- bit packing ---- */

static void check_packing(const uint32_t *values, size_t groups, unsigned width)
{
    size_t size = groups * width;
    uint8_t expected[GROUPS * 32 + BIT_PACK_SLACK];
    kernels_portable.pack(values, groups, width, expected);
    for (size_t k = 0; k < n_others; k++) {
        uint8_t *packed = malloc(size + BIT_PACK_SLACK);
        others[k]->pack(values, groups, width, packed);
        assert_memory_equal(packed, expected, size);
        free(packed);
    }
    for (size_t k = 0; k <= n_others; k++) {
        const struct kernels *kernel = k < n_others ? others[k] : &kernels_portable;
        uint8_t *packed = malloc(size + 1); /* at an odd address */
        uint32_t *unpacked = malloc(groups * 8 * sizeof(*unpacked));
        memcpy(packed + 1, expected, size);
        kernel->unpack(packed + 1, groups, width, unpacked);
        assert_memory_equal(unpacked, values, groups * 8 * sizeof(*unpacked));
        free(unpacked);
        free(packed);
    }
}

static void values_of_every_width_are_packed_and_come_back(void **state)
{
    uint64_t seed = 11;
    for (unsigned width = 1; width <= BIT_PACK_MAX_WIDTH; width++)
        for (size_t groups = 0; groups <= GROUPS; groups++) {
            struct block block = block_of(8 * groups, sizeof(uint32_t), groups % SHIFTS);
            uint32_t *values = block.at;
            for (size_t i = 0; i < 8 * groups; i++)
                values[i] = (uint32_t)next_random(&seed) & mask_of(width);
            check_packing(values, groups, width);
            for (size_t i = 0; i < 8 * groups; i++)
                values[i] = i % 3 ? mask_of(width) : 0;
            check_packing(values, groups, width);
            free(block.memory);
        }
}

static void runs_are_found_where_they_are(void **state)
{
    uint64_t seed = 12;
    for (int round = 0; round < 2000; round++) {
        size_t groups = next_random(&seed) % (GROUPS + 1);
        struct block block = block_of(8 * groups, sizeof(uint32_t), (size_t)round % SHIFTS);
        uint32_t *values = block.at;
        for (size_t i = 0; i < 8 * groups; i++)
            values[i] = 7;
        for (unsigned odd = round % 5; odd > 0 && groups > 0; odd--)
            values[next_random(&seed) % (8 * groups)] = (uint32_t)next_random(&seed);
        for (size_t from = 0; from <= groups; from++) {
            size_t expected = from;
            for (; expected < groups; expected++) {
                size_t same = 0;
                while (expected + 1 < groups && same < 16 &&
                       values[8 * expected + same] == values[8 * expected])
                    same++;
                if (same == 16)
                    break;
            }
            assert_int_equal(kernels_portable.next_run(values, from, groups), expected);
            for (size_t k = 0; k < n_others; k++)
                assert_int_equal(others[k]->next_run(values, from, groups), expected);
        }
        free(block.memory);
    }
}

/* ---- bounds ---- */

#define CHECK_INTEGER_BOUNDS(member, type, lowest, highest)                                        \
    static void check_##member(uint64_t *seed)                                                     \
    {                                                                                              \
        static const type extremes[] = {lowest, highest, 0, 1, (type)-1};                          \
        for (size_t n = 1; n <= LENGTHS; n++) {                                                    \
            struct block block = block_of(n, sizeof(type), n % SHIFTS);                            \
            type *values = block.at;                                                               \
            for (size_t i = 0; i < n; i++) {                                                       \
                uint64_t value = next_random(seed);                                                \
                values[i] =                                                                        \
                    n % 4 == 0 && value % 50 == 0 ? extremes[value / 50 % 5] : (type)value;        \
            }                                                                                      \
            type min = values[0], max = values[0], got_min, got_max;                               \
            for (size_t i = 0; i < n; i++) {                                                       \
                min = values[i] < min ? values[i] : min;                                           \
                max = values[i] > max ? values[i] : max;                                           \
            }                                                                                      \
            for (size_t k = 0; k <= n_others; k++) {                                               \
                const struct kernels *kernel = k < n_others ? others[k] : &kernels_portable;       \
                kernel->member(values, n, &got_min, &got_max);                                     \
                assert_true(got_min == min && got_max == max);                                     \
            }                                                                                      \
            free(block.memory);                                                                    \
        }                                                                                          \
    }

CHECK_INTEGER_BOUNDS(bounds_int32, int32_t, INT32_MIN, INT32_MAX)
CHECK_INTEGER_BOUNDS(bounds_int64, int64_t, INT64_MIN, INT64_MAX)
CHECK_INTEGER_BOUNDS(bounds_uint32, uint32_t, 0, UINT32_MAX)
CHECK_INTEGER_BOUNDS(bounds_uint64, uint64_t, 0, UINT64_MAX)

static void integers_have_the_same_bounds_at_every_level(void **state)
{
    uint64_t seed = 13;
    for (int round = 0; round < 5; round++) {
        check_bounds_int32(&seed);
        check_bounds_int64(&seed);
        check_bounds_uint32(&seed);
        check_bounds_uint64(&seed);
    }
}

/* Of two zeros either may be told. */
#define CHECK_FLOAT_BOUNDS(member, type)                                                           \
    static void check_##member(uint64_t *seed)                                                     \
    {                                                                                              \
        static const type odd[] = {(type)NAN, (type)-NAN, (type)INFINITY, (type)-INFINITY,         \
                                   (type)0.0, (type)-0.0, (type)1e-310,   (type)-1e-40};           \
        for (size_t n = 0; n <= LENGTHS; n++) {                                                    \
            struct block block = block_of(n, sizeof(type), n % SHIFTS);                            \
            type *values = block.at;                                                               \
            uint64_t share = 1 + next_random(seed) % 6;                                            \
            for (size_t i = 0; i < n; i++) {                                                       \
                uint64_t value = next_random(seed);                                                \
                values[i] =                                                                        \
                    value % share == 0 ? odd[value / 64 % (n % 2 ? 8 : 2)] : (type)(int64_t)value; \
            }                                                                                      \
            type min, max, got_min, got_max;                                                       \
            size_t nans = kernels_portable.member(values, n, &min, &max);                          \
            for (size_t k = 0; k < n_others; k++) {                                                \
                assert_int_equal(others[k]->member(values, n, &got_min, &got_max), nans);          \
                assert_true(got_min == min && got_max == max);                                     \
            }                                                                                      \
            free(block.memory);                                                                    \
        }                                                                                          \
    }

CHECK_FLOAT_BOUNDS(bounds_float, float)
CHECK_FLOAT_BOUNDS(bounds_double, double)

static void numbers_have_the_same_bounds_and_nans_at_every_level(void **state)
{
    uint64_t seed = 14;
    for (int round = 0; round < 5; round++) {
        check_bounds_float(&seed);
        check_bounds_double(&seed);
    }
}

/* ---- bitmaps ---- */

static void bits_become_positions_and_bytes(void **state)
{
    uint64_t seed = 15;
    for (size_t first = 0; first < 70; first++)
        for (size_t n = 0; n <= LENGTHS; n++) {
            size_t bytes = (first + n + 7) / 8;
            uint8_t *bits = malloc(bytes + 1);
            uint64_t kind = next_random(&seed) % 4;
            for (size_t b = 0; b < bytes; b++)
                bits[b] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)next_random(&seed);
            bits[bytes] = (uint8_t)next_random(&seed);
            uint32_t expected[LENGTHS + 16];
            uint8_t flags[LENGTHS];
            size_t count = kernels_portable.positions(bits, first, n, expected);
            kernels_portable.bits_to_bytes(bits, first, n, flags);
            for (size_t k = 0; k < n_others; k++) {
                uint32_t *found = malloc((n + 16) * sizeof(*found));
                assert_int_equal(others[k]->positions(bits, first, n, found), count);
                assert_memory_equal(found, expected, count * sizeof(*found));
                free(found);
                uint8_t *wide = malloc(n + 1);
                others[k]->bits_to_bytes(bits, first, n, wide);
                assert_memory_equal(wide, flags, n);
                free(wide);
            }
            free(bits);
        }
}

/* ---- decimals ---- */

static void check_narrow(const int64_t *values, size_t n, bool fits)
{
    int32_t *narrow = malloc(n * sizeof(*narrow) + 1);
    for (size_t k = 0; k <= n_others; k++) {
        const struct kernels *kernel = k < n_others ? others[k] : &kernels_portable;
        assert_int_equal(kernel->narrow_int32(values, n, narrow), fits);
        for (size_t i = 0; i < n; i++)
            assert_true(narrow[i] == (int32_t)values[i]);
    }
    free(narrow);
}

static void decimals_that_do_not_fit_are_seen_wherever_they_stand(void **state)
{
    static const int64_t edges[] = {0, 1, -1, INT32_MAX, INT32_MIN};
    static const int64_t beyond[] = {(int64_t)INT32_MAX + 1, (int64_t)INT32_MIN - 1, INT64_MAX,
                                     INT64_MIN};
    uint64_t seed = 16;
    for (size_t n = 0; n <= LENGTHS; n++) {
        struct block block = block_of(n, sizeof(int64_t), n % SHIFTS);
        int64_t *values = block.at;
        for (size_t i = 0; i < n; i++) {
            uint64_t value = next_random(&seed);
            values[i] = value % 2 ? edges[value / 2 % 5] : (int32_t)value;
        }
        check_narrow(values, n, true);
        if (n > 0) {
            values[next_random(&seed) % n] = beyond[n % 4];
            check_narrow(values, n, false);
        }
        free(block.memory);
    }
}

/* ---- CRC-32 ---- */

static void checksums_of_every_length_are_those_of_the_tables(void **state)
{
    static struct crc32 crc;
    crc32_init(&crc);
    uint64_t seed = 17;
    assert_int_equal(~kernels_portable.crc32(&crc, 0xffffffffu, (const uint8_t *)"123456789", 9),
                     0xcbf43926u); /* the check value of the polynomial */
    for (size_t size = 0; size < 2500; size += size < 1100 ? 1 : 37) {
        uint8_t *memory = malloc(size + SHIFTS), *bytes = memory + size % SHIFTS;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)next_random(&seed);
        uint8_t *exact = malloc(size + 1);
        memcpy(exact, bytes, size);
        uint32_t start = size % 3 ? 0xffffffffu : (uint32_t)next_random(&seed);
        uint32_t expected = kernels_portable.crc32(&crc, start, bytes, size);
        for (size_t k = 0; k < n_others; k++) {
            assert_int_equal(others[k]->crc32(&crc, start, bytes, size), expected);
            assert_int_equal(others[k]->crc32(&crc, start, exact, size), expected);
        }
        free(exact);
        free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_width_are_packed_and_come_back),
        cmocka_unit_test(runs_are_found_where_they_are),
        cmocka_unit_test(integers_have_the_same_bounds_at_every_level),
        cmocka_unit_test(numbers_have_the_same_bounds_and_nans_at_every_level),
        cmocka_unit_test(bits_become_positions_and_bytes),
        cmocka_unit_test(decimals_that_do_not_fit_are_seen_wherever_they_stand),
        cmocka_unit_test(checksums_of_every_length_are_those_of_the_tables),
    };
    return cmocka_run_group_tests(tests, find_levels, NULL);
}
