/* How many readers a source gets, by what they bring. */
#include "cmocka_all.h"

#include "pipeline/climb.h"

/* One window that was measured, and what comes of it. */
struct window {
    double rate, seconds;
    enum climb_move move;
    unsigned readers; /* then */
};

static void follow(struct climb *climb, const struct window *windows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum climb_move move = climb_measured(climb, windows[i].rate, windows[i].seconds);
        if (move != windows[i].move || climb->readers != windows[i].readers)
            fail_msg("window %zu: move %d to %u readers, expected %d to %u", i, (int)move,
                     climb->readers, (int)windows[i].move, windows[i].readers);
    }
}
#define FOLLOW(climb, windows) follow((climb), (windows), sizeof(windows) / sizeof((windows)[0]))

static void readers_come_while_each_brings_five_percent(void **state)
{
    static const struct window windows[] = {
        {100, 0.5, CLIMB_UP, 3},   /* the first is measured */
        {130, 1.0, CLIMB_UP, 4},   /* 30 % */
        {138, 1.0, CLIMB_UP, 5},   /* 6 % */
        {140, 1.5, CLIMB_BACK, 4}, /* 1.4 % */
        {138, 2.0, CLIMB_STAY, 4},
    };
    struct climb climb;
    climb_init(&climb, 2, 8);
    FOLLOW(&climb, windows);
    assert_int_equal(climb.reason, CLIMB_NO_GAIN);
    assert_in_range((long)(climb.gain * 1000), 13, 15);
}

static void a_rate_that_falls_takes_the_last_reader_back(void **state)
{
    static const struct window windows[] = {{100, 0.5, CLIMB_UP, 3}, {90, 1.5, CLIMB_BACK, 2}};
    struct climb climb;
    climb_init(&climb, 2, 8);
    FOLLOW(&climb, windows);
    assert_int_equal(climb.reason, CLIMB_NO_GAIN);
    assert_true(climb.gain < 0);
}

static void little_is_not_decided_upon_early(void **state)
{
    static const struct window windows[] = {
        {500, 0.2, CLIMB_MEASURE_ON, 2}, {100, 0.6, CLIMB_UP, 3},
        {150, 0.2, CLIMB_MEASURE_ON, 3}, /* too short for anything */
        {120, 0.4, CLIMB_MEASURE_ON, 3}, /* less than half of what the others bring */
        {110, 1.0, CLIMB_UP, 4},         {120, 0.3, CLIMB_MEASURE_ON, 4},
        {112, 1.4, CLIMB_MEASURE_ON, 4}, {112, 1.5, CLIMB_BACK, 3},
    };
    struct climb climb;
    climb_init(&climb, 2, 8);
    FOLLOW(&climb, windows);
}

static void much_is_decided_upon_early(void **state)
{
    static const struct window windows[] = {
        {20, 0.5, CLIMB_UP, 3},    {30, 0.25, CLIMB_UP, 4}, {40, 0.25, CLIMB_UP, 5},
        {50, 0.25, CLIMB_UP, 6},   {60, 0.25, CLIMB_UP, 7}, {70, 0.25, CLIMB_UP, 8},
        {80, 0.25, CLIMB_STAY, 8},
    };
    struct climb climb;
    climb_init(&climb, 2, 8);
    FOLLOW(&climb, windows);
    assert_int_equal(climb.reason, CLIMB_MOST);
}

static void one_more_is_tried_again_after_a_while_and_later_each_time(void **state)
{
    unsigned windows = 0, waits[3] = {0};
    struct climb climb;
    climb_init(&climb, 2, 8);
    assert_int_equal(climb_measured(&climb, 100, 0.5), CLIMB_UP);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(climb_measured(&climb, 101, 1.5), CLIMB_BACK);
        for (windows = 1; climb_measured(&climb, 100, 2.0) == CLIMB_STAY; windows++)
            assert_int_equal(climb.readers, 2);
        waits[i] = windows;
        assert_int_equal(climb.readers, 3);
        assert_int_equal(climb_chosen(&climb), 2); /* the third is on trial */
    }
    assert_int_equal(waits[0], 2);
    assert_int_equal(waits[1], 4);
    assert_int_equal(waits[2], 8);
}

static void a_lucky_window_is_not_what_the_next_is_compared_with(void **state)
{
    struct climb climb;
    climb_init(&climb, 4, 8);
    assert_int_equal(climb_measured(&climb, 40, 0.5), CLIMB_UP);
    assert_int_equal(climb_measured(&climb, 58, 0.25), CLIMB_UP);
    climb_refined(&climb, 50);
    assert_int_equal(climb_measured(&climb, 59, 0.25), CLIMB_UP);
    assert_int_equal(climb.readers, 7);
}

static void a_source_that_gets_slow_is_relieved(void **state)
{
    static const struct window windows[] = {
        {100, 0.5, CLIMB_UP, 3},   {200, 1.0, CLIMB_UP, 4},   {300, 1.0, CLIMB_STAY, 4},
        {280, 2.0, CLIMB_STAY, 4}, {200, 2.0, CLIMB_BACK, 3}, /* below three quarters */
        {150, 2.0, CLIMB_STAY, 3},                            /* what is normal now */
        {150, 2.0, CLIMB_STAY, 3}, {100, 2.0, CLIMB_BACK, 2},
    };
    struct climb climb;
    climb_init(&climb, 2, 4);
    climb.next_windows = 8;
    FOLLOW(&climb, windows);
    assert_int_equal(climb.reason, CLIMB_FELL);
}

static void strain_takes_readers_one_by_one_to_none(void **state)
{
    struct climb climb;
    climb_init(&climb, 2, 8);
    assert_int_equal(climb_measured(&climb, 100, 0.5), CLIMB_UP);
    for (unsigned left = 3; left > 0; left--) {
        climb_strained(&climb);
        assert_int_equal(climb.readers, left - 1);
    }
    climb_strained(&climb);
    assert_int_equal(climb.readers, 0);
    assert_int_equal(climb.reason, CLIMB_STRAINED);
    climb_eased(&climb);
    assert_int_equal(climb.readers, 1);
    climb_eased(&climb);
    assert_int_equal(climb.readers, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(climb_measured(&climb, 50, 2.0), CLIMB_STAY);
    assert_int_equal(climb_measured(&climb, 50, 2.0), CLIMB_UP);
    assert_int_equal(climb.readers, 2);
}

static void no_more_than_allowed_ever_read(void **state)
{
    struct climb climb;
    climb_init(&climb, 2, 1);
    assert_int_equal(climb.readers, 1);
    for (int i = 0; i < 50; i++) {
        (void)climb_measured(&climb, 100.0 * (i + 1), 2.0);
        assert_int_equal(climb.readers, 1);
    }
    assert_int_equal(climb.reason, CLIMB_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_come_while_each_brings_five_percent),
        cmocka_unit_test(a_rate_that_falls_takes_the_last_reader_back),
        cmocka_unit_test(little_is_not_decided_upon_early),
        cmocka_unit_test(much_is_decided_upon_early),
        cmocka_unit_test(one_more_is_tried_again_after_a_while_and_later_each_time),
        cmocka_unit_test(a_lucky_window_is_not_what_the_next_is_compared_with),
        cmocka_unit_test(a_source_that_gets_slow_is_relieved),
        cmocka_unit_test(strain_takes_readers_one_by_one_to_none),
        cmocka_unit_test(no_more_than_allowed_ever_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
