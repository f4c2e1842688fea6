/* Retries: only what can heal, a bounded number of times, and never after a stop. */
#include "cmocka_all.h"

#include <stdio.h>

#include "base/clock.h"
#include "pipeline/stream.h"

static int64_t slept_ms;

static void count_sleep(int64_t us)
{
    slept_ms += us / 1000;
}

static int64_t frozen(void)
{
    return 0;
}

static const struct clock_ops still = {
    .wall_us = frozen, .monotonic_ns = frozen, .sleep_us = count_sleep};

struct plan {
    status_code code;    /* what each failing try returns */
    unsigned good_after; /* tries that fail first */
    unsigned tries;
    struct cancel *cancel_on_first;
};

static status_code once(void *context, unsigned attempt, struct error *err)
{
    struct plan *plan = context;
    assert_int_equal(attempt, plan->tries);
    plan->tries++;
    if (plan->cancel_on_first)
        cancel_request(plan->cancel_on_first, CANCEL_SIGINT);
    if (plan->tries > plan->good_after)
        return STATUS_OK;
    return error_set(err, plan->code, "no");
}

static void what_can_heal_is_tried_again(void **state)
{
    struct cancel cancel = {0};
    struct error err = {0};
    struct plan plan = {.code = STATUS_UNAVAILABLE, .good_after = 3};
    (void)state;
    slept_ms = 0;
    assert_int_equal(with_retries(&cancel, once, &plan, &err), STATUS_OK);
    assert_int_equal(plan.tries, 4);
    assert_in_range(slept_ms, 50 + 100 + 200, 100 + 200 + 400);
}

static void what_never_heals_ends(void **state)
{
    struct cancel cancel = {0};
    struct error err = {0};
    struct plan plan = {.code = STATUS_UNAVAILABLE, .good_after = 1000};
    (void)state;
    assert_int_equal(with_retries(&cancel, once, &plan, &err), STATUS_UNAVAILABLE);
    assert_int_equal(plan.tries, 5);
}

static void what_can_not_heal_is_not_tried_again(void **state)
{
    const status_code codes[] = {STATUS_BAD_DATA, STATUS_NO_SPACE, STATUS_DENIED, STATUS_IN_DOUBT,
                                 STATUS_SNAPSHOT_LOST};
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct cancel cancel = {0};
        struct error err = {0};
        struct plan plan = {.code = codes[i], .good_after = 1000};
        assert_int_equal(with_retries(&cancel, once, &plan, &err), codes[i]);
        assert_int_equal(plan.tries, 1);
    }
}

static void what_restarts_is_waited_for_up_to_a_limit(void **state)
{
    struct cancel cancel = {0};
    struct error err = {0};
    struct plan back = {.code = STATUS_UNAVAILABLE, .good_after = 12};
    struct plan gone = {.code = STATUS_UNAVAILABLE, .good_after = 1000};
    (void)state;
    assert_int_equal(with_patience(60000, &cancel, once, &back, &err), STATUS_OK);
    slept_ms = 0;
    assert_int_equal(with_patience(60000, &cancel, once, &gone, &err), STATUS_UNAVAILABLE);
    assert_in_range(slept_ms, 60000, 65000);
    assert_true(gone.tries < 40);
}

static void a_stop_ends_the_retries(void **state)
{
    struct cancel cancel = {0};
    struct error err = {0};
    struct plan plan = {.code = STATUS_UNAVAILABLE, .good_after = 1000, .cancel_on_first = &cancel};
    (void)state;
    assert_int_equal(with_retries(&cancel, once, &plan, &err), STATUS_CANCELLED);
    assert_int_equal(plan.tries, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_heal_is_tried_again),
        cmocka_unit_test(what_never_heals_ends),
        cmocka_unit_test(what_can_not_heal_is_not_tried_again),
        cmocka_unit_test(what_restarts_is_waited_for_up_to_a_limit),
        cmocka_unit_test(a_stop_ends_the_retries),
    };
    clock_set_ops(&still);
    return cmocka_run_group_tests_name("pipeline/retry", tests, NULL, NULL);
}
