/* The rate that all readers keep to together, and the size of their steps. */
#include "cmocka_all.h"

#include "base/clock.h"
#include "pipeline/pace.h"

static const int64_t MS = 1000000;
static int64_t now_ns, slept_ms;

static void sleep_by_clock(int64_t us)
{
    now_ns += us * 1000;
    slept_ms += us / 1000;
}

static int64_t now(void)
{
    return now_ns;
}

static const struct clock_ops by_hand = {
    .wall_us = now, .monotonic_ns = now, .sleep_us = sleep_by_clock};

static void a_rate_is_kept_whoever_reads(void **state)
{
    struct pace pace;
    pace_init(&pace);
    pace.bytes_per_second = 1000000;
    now_ns = 5000 * MS;
    assert_int_equal(pace_owed_ns(&pace, 100000, now_ns), 0); /* a tenth of a second is free */
    assert_int_equal(pace_owed_ns(&pace, 50000, now_ns), 50 * MS);
    assert_int_equal(pace_owed_ns(&pace, 50000, now_ns), 100 * MS); /* another reader, after it */
    assert_int_equal(pace_owed_ns(&pace, 1000000, now_ns + 100 * MS), 1000 * MS);
    /* who was slow for long may not catch up all of it */
    assert_int_equal(pace_owed_ns(&pace, 200000, now_ns + 60000 * MS), 100 * MS);
    pace_release(&pace);
}

static void without_a_rate_nobody_waits(void **state)
{
    struct pace pace;
    struct error err = {0};
    pace_init(&pace);
    slept_ms = 0;
    assert_int_equal(pace_took(&pace, UINT64_MAX / 2, NULL, &err), STATUS_OK);
    assert_int_equal(slept_ms, 0);
    assert_true(atomic_load(&pace.bytes) == UINT64_MAX / 2);
    pace_release(&pace);
}

static void a_wait_for_the_rate_can_be_stopped(void **state)
{
    struct pace pace;
    struct cancel cancel = {0};
    struct error err = {0};
    const struct clock_ops *before = clock_set_ops(&by_hand);
    pace_init(&pace);
    pace.bytes_per_second = 1000;
    now_ns = 1000 * MS;
    slept_ms = 0;
    assert_int_equal(pace_took(&pace, 600, &cancel, &err), STATUS_OK);
    assert_int_equal(slept_ms, 500);
    cancel_request(&cancel, CANCEL_SIGINT);
    assert_int_equal(pace_took(&pace, 1000000, &cancel, &err), STATUS_CANCELLED);
    assert_int_equal(slept_ms, 500);
    (void)clock_set_ops(before);
    pace_release(&pace);
}

static void steps_follow_the_speed(void **state)
{
    struct pace pace;
    struct pace_step step = {0};
    pace_init(&pace);
    for (int i = 0; i < 20; i++)
        pace_step_took(&pace, &step, pace_step_rows(&step, 16384), 1 * MS);
    assert_int_equal(pace_step_rows(&step, 16384), 16384);
    assert_int_equal(pace_step_rows(&step, 10), 10);
    for (int i = 0; i < 20; i++)
        pace_step_took(&pace, &step, 1, 500 * MS);
    assert_in_range(pace_step_rows(&step, 16384), 1, 256);
    pace_release(&pace);
}

static void steps_are_small_where_the_rate_is(void **state)
{
    struct pace pace;
    pace_init(&pace);
    assert_int_equal(pace_step_bytes(&pace, 10, 50000000), 50000000);
    pace.bytes_per_second = 10000000;
    assert_int_equal(pace_step_bytes(&pace, 10, 50000000), 1000010);
    assert_int_equal(pace_step_bytes(&pace, 49999999, 50000000), 50000000);
    pace.bytes_per_second = 1;
    assert_int_equal(pace_step_bytes(&pace, 0, 50000000), 65536);
    pace_release(&pace);
}

static void readers_are_counted_from_their_first_row(void **state)
{
    struct pace pace;
    struct pace_step one = {0}, other = {0};
    pace_init(&pace);
    pace_step_took(&pace, &one, 0, MS);
    assert_int_equal(atomic_load(&pace.reading), 0);
    pace_step_took(&pace, &one, 5, MS);
    pace_step_took(&pace, &one, 5, MS);
    pace_step_took(&pace, &other, 5, MS);
    assert_int_equal(atomic_load(&pace.reading), 2);
    pace_step_end(&pace, &one);
    pace_step_end(&pace, &one);
    assert_int_equal(atomic_load(&pace.reading), 1);
    assert_int_equal(atomic_load(&pace.most_reading), 2);
    pace_step_end(&pace, &other);
    pace_release(&pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_kept_whoever_reads),
        cmocka_unit_test(without_a_rate_nobody_waits),
        cmocka_unit_test(a_wait_for_the_rate_can_be_stopped),
        cmocka_unit_test(steps_follow_the_speed),
        cmocka_unit_test(steps_are_small_where_the_rate_is),
        cmocka_unit_test(readers_are_counted_from_their_first_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
