#include <errno.h>
#include <string.h>
#include <time.h>

#include "cmocka_all.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"

static void dates_agree_with_the_c_library(void **state)
{
    for (int64_t days = -3000000; days < 3000000; days += 97) {
        time_t seconds = (time_t)days * 86400;
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        int32_t year, month, day;
        civil_from_days((int32_t)days, &year, &month, &day);
        assert_int_equal(year, tm.tm_year + 1900);
        assert_int_equal(month, tm.tm_mon + 1);
        assert_int_equal(day, tm.tm_mday);
        assert_int_equal(civil_to_days(year, month, day), days);
        assert_true(day <= civil_days_in_month(year, month));
    }
}

static void the_whole_range_of_days_converts_back(void **state)
{
    const int32_t ends[] = {INT32_MIN, INT32_MIN + 1, -719468,  -719469, -1, 0, 59,
                            60,        11016,         INT32_MAX};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        int32_t year, month, day;
        civil_from_days(ends[i], &year, &month, &day);
        assert_int_equal(civil_to_days(year, month, day), ends[i]);
    }
    assert_int_equal(civil_to_days(1970, 1, 1), 0);
    assert_int_equal(civil_to_days(2000, 2, 29), 11016);
}

static void february_knows_its_leap_years(void **state)
{
    assert_int_equal(civil_days_in_month(2000, 2), 29);
    assert_int_equal(civil_days_in_month(1900, 2), 28);
    assert_int_equal(civil_days_in_month(2024, 2), 29);
    assert_int_equal(civil_days_in_month(-4, 2), 29);
    assert_int_equal(civil_days_in_month(2023, 12), 31);
}

static void times_are_written_in_utc(void **state)
{
    char text[32];
    clock_format_utc(INT64_C(1385799300000000), text);
    assert_string_equal(text, "2013-11-30T08:15:00.000000Z");
    clock_format_utc(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
}

static int64_t frozen_wall_us(void)
{
    return INT64_C(1469918176385000);
}

static int64_t frozen_monotonic_ns(void)
{
    return 5;
}

static int64_t slept_us;
static void note_sleep(int64_t us)
{
    slept_us += us;
}

static int fill_with_ff(void *out, size_t bytes)
{
    memset(out, 0xFF, bytes);
    return 0;
}

static int fail_to_fill(void *out, size_t bytes)
{
    return EIO;
}

static void clock_and_randomness_can_be_replaced(void **state)
{
    static const struct clock_ops frozen = {frozen_wall_us, frozen_monotonic_ns, note_sleep};
    static const struct random_ops constant = {fill_with_ff}, broken = {fail_to_fill};
    const struct clock_ops *clock_before = clock_set_ops(&frozen);
    const struct random_ops *random_before = random_set_ops(&constant);
    char id[RUN_ID_BYTES], uuid[37];
    struct error err = {0};
    clock_sleep_ms(1000);
    assert_int_equal(slept_us, 1000000);
    clock_sleep_us(7);
    assert_int_equal(slept_us, 1000007);
    assert_int_equal(clock_monotonic_ns(), 5);
    assert_int_equal(random_run_id(id, &err), STATUS_OK);
    assert_string_equal(id,
                        "01ARYZ6S41ZZZZZZZZZZZZZZZZ"); /* time part as in the ULID specification */
    assert_int_equal(random_uuid(uuid, &err), STATUS_OK);
    assert_string_equal(uuid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    (void)random_set_ops(&broken);
    assert_int_equal(random_run_id(id, &err), STATUS_UNAVAILABLE);
    (void)random_set_ops(random_before);
    (void)clock_set_ops(clock_before);
}

static void run_ids_differ_and_time_moves(void **state)
{
    char a[RUN_ID_BYTES], b[RUN_ID_BYTES];
    struct error err = {0};
    assert_int_equal(random_run_id(a, &err), STATUS_OK);
    assert_int_equal(random_run_id(b, &err), STATUS_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 26);
    int64_t before = clock_monotonic_ns();
    clock_sleep_ms(2);
    assert_true(clock_monotonic_ns() - before >= 2000000);
    assert_true(clock_process_cpu_ns() > 0);
    assert_true(clock_thread_cpu_ns() > 0);
}

static void bits_are_counted_from_any_offset(void **state)
{
    uint8_t bits[40];
    for (size_t i = 0; i < sizeof(bits); i++)
        bits[i] = (uint8_t)(i * 167 + 13);
    for (size_t first = 0; first < 20; first++)
        for (size_t count = 0; first + count <= 320; count++) {
            size_t ones = 0;
            for (size_t i = first; i < first + count; i++)
                ones += bit_get(bits, i);
            assert_int_equal(bits_count(bits, first, count), ones);
        }
}

static void hex_reads_what_it_wrote(void **state)
{
    const uint8_t bytes[] = {0x00, 0x7F, 0xA0, 0xFF};
    uint8_t back[4];
    char hex[9];
    bytes_to_hex(bytes, sizeof(bytes), hex);
    assert_string_equal(hex, "007fa0ff");
    assert_true(bytes_from_hex(hex, 8, back));
    assert_memory_equal(back, bytes, 4);
    assert_false(bytes_from_hex("0g", 2, back));
    assert_false(bytes_from_hex("012", 3, back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_agree_with_the_c_library),
        cmocka_unit_test(the_whole_range_of_days_converts_back),
        cmocka_unit_test(february_knows_its_leap_years),
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(clock_and_randomness_can_be_replaced),
        cmocka_unit_test(run_ids_differ_and_time_moves),
        cmocka_unit_test(bits_are_counted_from_any_offset),
        cmocka_unit_test(hex_reads_what_it_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
