#include "format/parquet/bit_pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cmocka_all.h"
#include "hybrid_decode.h"
#include "random.h"

enum { VALUES = 1024, WIDTHS = 32, ROOM = 1 << 15 };

static uint32_t mask_of(unsigned width)
{
    return width == 32 ? UINT32_MAX : ((uint32_t)1 << width) - 1;
}

/* Bit by bit, least significant first. */
static void pack_naively(const uint32_t *values, size_t n, unsigned width, uint8_t *out)
{
    memset(out, 0, (n * width + 7) / 8);
    for (size_t i = 0; i < n; i++)
        for (unsigned bit = 0; bit < width; bit++)
            if (values[i] >> bit & 1)
                out[(i * width + bit) / 8] |= (uint8_t)(1u << (i * width + bit) % 8);
}

static void groups_of_every_width_are_packed_as_the_format_says(void **state)
{
    uint32_t values[VALUES];
    uint8_t packed[VALUES * 4 + BIT_PACK_SLACK], expected[VALUES * 4];
    uint64_t seed = 1;
    for (unsigned width = 1; width <= WIDTHS; width++)
        for (size_t groups = 1; groups <= VALUES / 8; groups += 7) {
            for (size_t i = 0; i < 8 * groups; i++)
                values[i] = (uint32_t)next_random(&seed) & mask_of(width);
            memset(packed, 0xaa, sizeof(packed));
            bit_pack(values, groups, width, packed);
            pack_naively(values, 8 * groups, width, expected);
            assert_memory_equal(packed, expected, groups * width);
        }
}

static void packing_stays_inside_its_slack(void **state)
{
    uint32_t values[64];
    memset(values, 0, sizeof(values));
    for (unsigned width = 1; width <= WIDTHS; width++) {
        uint8_t *packed = malloc(8 * width + BIT_PACK_SLACK); /* the sanitizer looks */
        bit_pack(values, 8, width, packed);
        free(packed);
    }
}

/* Runs of lengths around eight between values that differ. */
static void fill_mixed(uint32_t *values, size_t n, unsigned width, uint64_t *seed)
{
    for (size_t i = 0; i < n;) {
        uint64_t pick = next_random(seed);
        size_t run = pick % 3 == 0 ? 1 + pick / 8 % 70 : 1;
        uint32_t value = (uint32_t)(pick >> 32) & mask_of(width);
        for (; run > 0 && i < n; run--)
            values[i++] = value;
    }
}

static void check_hybrid(const uint32_t *values, size_t n, unsigned width)
{
    static uint32_t decoded[VALUES + 8];
    size_t bound = hybrid_bound(n, width);
    uint8_t *encoded = malloc(bound);
    size_t size = hybrid_encode(values, n, width, encoded);
    assert_in_range(size, 0, bound);
    assert_true(hybrid_decode(encoded, size, n, width, decoded));
    assert_memory_equal(decoded, values, n * sizeof(*values));
    free(encoded);
}

static void runs_and_groups_of_every_width_and_count_come_back(void **state)
{
    static uint32_t values[VALUES];
    uint64_t seed = 2;
    for (unsigned width = 1; width <= WIDTHS; width++)
        for (size_t n = 0; n < VALUES; n += 1 + n / 9) {
            fill_mixed(values, n, width, &seed);
            check_hybrid(values, n, width);
        }
}

static void one_value_throughout_is_one_run(void **state)
{
    static uint32_t values[VALUES];
    uint8_t encoded[ROOM];
    for (size_t i = 0; i < VALUES; i++)
        values[i] = 5;
    assert_int_equal(hybrid_encode(values, VALUES, 3, encoded),
                     3); /* two bytes of header, one of value */
    check_hybrid(values, VALUES, 3);
}

static void the_worst_case_stays_inside_its_bound(void **state)
{
    static uint32_t values[VALUES]; /* two uniform groups, one that is not, again and again */
    for (unsigned width = 1; width <= WIDTHS; width++) {
        for (size_t i = 0; i < VALUES; i++)
            values[i] = i / 8 % 3 == 2 ? i & 1 : 0;
        check_hybrid(values, VALUES, width);
    }
}

static void a_run_of_any_length_is_counted(void **state)
{
    uint8_t encoded[32];
    static uint32_t decoded[5000];
    for (size_t n = 1; n < 5000; n = n * 3 / 2 + 1) {
        size_t size = hybrid_encode_run(1, n, 1, encoded);
        assert_true(hybrid_decode(encoded, size, n, 1, decoded));
        for (size_t i = 0; i < n; i++)
            assert_int_equal(decoded[i], 1);
    }
    assert_int_equal(hybrid_encode_run(1, 0, 1, encoded), 0);
}

static void bits_of_a_bitmap_are_cut_at_any_place(void **state)
{
    static uint32_t decoded[300];
    uint64_t seed = 3;
    for (size_t first = 0; first < 20; first++)
        for (size_t n = 1; n < 280; n += 1 + n / 5) {
            size_t bytes = (first + n + 7) / 8;
            uint8_t *bits = malloc(bytes); /* no byte behind the last one may be read */
            for (size_t b = 0; b < bytes; b++)
                bits[b] = (uint8_t)next_random(&seed);
            uint8_t encoded[64];
            size_t size = hybrid_encode_bits(bits, first, n, encoded);
            assert_true(hybrid_decode(encoded, size, n, 1, decoded));
            for (size_t i = 0; i < n; i++)
                assert_int_equal(decoded[i], bit_get(bits, first + i));
            if (n % 8) /* the padding is zeros */
                assert_int_equal(encoded[size - 1] >> n % 8, 0);
            free(bits);
        }
}

static void bit_widths_are_those_of_the_largest_value(void **state)
{
    assert_int_equal(bit_width_of(0), 0);
    assert_int_equal(bit_width_of(1), 1);
    assert_int_equal(bit_width_of(255), 8);
    assert_int_equal(bit_width_of(256), 9);
    assert_int_equal(bit_width_of(UINT64_MAX), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_every_width_are_packed_as_the_format_says),
        cmocka_unit_test(packing_stays_inside_its_slack),
        cmocka_unit_test(runs_and_groups_of_every_width_and_count_come_back),
        cmocka_unit_test(one_value_throughout_is_one_run),
        cmocka_unit_test(the_worst_case_stays_inside_its_bound),
        cmocka_unit_test(a_run_of_any_length_is_counted),
        cmocka_unit_test(bits_of_a_bitmap_are_cut_at_any_place),
        cmocka_unit_test(bit_widths_are_those_of_the_largest_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
