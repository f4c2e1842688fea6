/* Which 32 bits of a transaction's number are read for a range of numbers of 64. */
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "source/postgres/xmin.h"

#define EPOCH (UINT64_C(1) << 32)

static const char *condition(uint64_t lower, uint64_t bound, uint64_t most)
{
    static char kept[400];
    struct text text = {0};
    xmin_condition(lower, bound, most, &text);
    snprintf(kept, sizeof(kept), "%s", text_string(&text));
    text_release(&text);
    return kept;
}

static void a_range_is_from_the_last_bound_to_this_one(void **state)
{
    (void)state;
    assert_string_equal(condition(0x2ea, 0x300, 0x310),
                        "(xidsend(xmin) >= '\\x000002ea'::bytea AND xidsend(xmin) < "
                        "'\\x00000300'::bytea)");
    assert_string_equal(condition(5 * EPOCH + 0x2ea, 5 * EPOCH + 0x300, 5 * EPOCH + 0x310),
                        "(xidsend(xmin) >= '\\x000002ea'::bytea AND xidsend(xmin) < "
                        "'\\x00000300'::bytea)");
    assert_string_equal(condition(0x300, 0x300, 0x310), "false");
}

static void a_range_around_the_end_of_32_bits_leaves_out_what_is_no_number(void **state)
{
    (void)state;
    assert_string_equal(condition(EPOCH - 16, EPOCH + 16, EPOCH + 20),
                        "(xidsend(xmin) >= '\\xfffffff0'::bytea OR xidsend(xmin) < "
                        "'\\x00000010'::bytea) AND xidsend(xmin) >= '\\x00000003'::bytea");
}

static void a_first_load_leaves_out_what_the_next_one_reads(void **state)
{
    (void)state;
    assert_string_equal(condition(0, 0x300, 0x300), ""); /* nothing is open */
    assert_string_equal(condition(0, 0x300, 0x310),
                        "(NOT (xidsend(xmin) >= '\\x00000300'::bytea AND xidsend(xmin) < "
                        "'\\x00000310'::bytea) OR xidsend(xmin) < '\\x00000003'::bytea)");
    assert_string_equal(condition(0, EPOCH - 1, EPOCH + 5),
                        "(NOT (xidsend(xmin) >= '\\xffffffff'::bytea OR xidsend(xmin) < "
                        "'\\x00000005'::bytea) OR xidsend(xmin) < '\\x00000003'::bytea)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_from_the_last_bound_to_this_one),
        cmocka_unit_test(a_range_around_the_end_of_32_bits_leaves_out_what_is_no_number),
        cmocka_unit_test(a_first_load_leaves_out_what_the_next_one_reads),
    };
    return cmocka_run_group_tests_name("source/postgres_xmin", tests, NULL, NULL);
}
