#include <pthread.h>
#include <stdatomic.h>

#include "cmocka_all.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/memory.h"

static struct budget *budget_of(size_t limit)
{
    struct budget *budget = NULL;
    struct error err = {0};
    assert_int_equal(budget_new(limit, &budget, &err), STATUS_OK);
    return budget;
}

static void a_try_beyond_the_limit_is_refused(void **state)
{
    struct budget *budget = budget_of(100);
    assert_true(budget_try(budget, 60));
    assert_false(budget_try(budget, 41));
    assert_true(budget_try(budget, 40));
    budget_return(budget, 70);
    assert_int_equal(budget_used(budget), 30);
    assert_int_equal(budget_peak(budget), 100);
    assert_false(budget_try(budget, SIZE_MAX));
    budget_free(budget);
    budget_free(NULL);
}

static void a_limit_of_zero_is_none(void **state)
{
    struct budget *budget = budget_of(0);
    struct error err = {0};
    assert_int_equal(budget_wait(budget, (size_t)1 << 50, NULL, &err), STATUS_OK);
    assert_true(budget_try(budget, (size_t)1 << 50));
    assert_int_equal(budget_limit(budget), 0);
    budget_free(budget);
}

static void what_can_never_fit_is_an_error_and_not_a_wait(void **state)
{
    struct budget *budget = budget_of(100);
    struct error err = {0};
    assert_int_equal(budget_wait(budget, 101, NULL, &err), STATUS_NO_MEMORY);
    budget_free(budget);
}

enum { WORKERS = 8, ROUNDS = 400, LIMIT = 100 };

struct crowd {
    struct budget *budget;
    atomic_size_t held; /* counted beside the budget */
    atomic_bool exceeded;
};

static void *reserve_and_return(void *argument)
{
    struct crowd *crowd = argument;
    struct error err = {0};
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t bytes = 1 + (i * 37) % LIMIT;
        if (budget_wait(crowd->budget, bytes, NULL, &err) != STATUS_OK)
            atomic_store(&crowd->exceeded, true);
        if (atomic_fetch_add(&crowd->held, bytes) + bytes > LIMIT)
            atomic_store(&crowd->exceeded, true);
        if (budget_try(crowd->budget, 5))
            budget_return(crowd->budget, 5);
        (void)atomic_fetch_sub(&crowd->held, bytes);
        budget_return(crowd->budget, bytes);
    }
    return NULL;
}

static void many_threads_never_hold_more_than_the_limit(void **state)
{
    struct crowd crowd = {.budget = budget_of(LIMIT)};
    pthread_t threads[WORKERS];
    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reserve_and_return, &crowd), 0);
    for (size_t i = 0; i < WORKERS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_false(atomic_load(&crowd.exceeded));
    assert_int_equal(budget_used(crowd.budget), 0);
    assert_true(budget_peak(crowd.budget) <= LIMIT);
    budget_free(crowd.budget);
}

struct queued {
    struct budget *budget;
    size_t bytes;
    struct cancel cancel;
    atomic_int *turn;
    int got_turn; /* 1 for who got its bytes first */
    status_code result;
};

static void *wait_in_queue(void *argument)
{
    struct queued *queued = argument;
    struct error err = {0};
    queued->result = budget_wait(queued->budget, queued->bytes, &queued->cancel, &err);
    queued->got_turn = atomic_fetch_add(queued->turn, 1) + 1;
    return NULL;
}

static void who_asks_first_is_served_first_even_for_more(void **state)
{
    struct budget *budget = budget_of(100);
    atomic_int turn = 0;
    struct queued large = {.budget = budget, .bytes = 90, .turn = &turn};
    struct queued small = {.budget = budget, .bytes = 20, .turn = &turn};
    pthread_t threads[2];
    assert_true(budget_try(budget, 50));
    assert_int_equal(pthread_create(&threads[0], NULL, wait_in_queue, &large), 0);
    clock_sleep_ms(30);
    assert_int_equal(pthread_create(&threads[1], NULL, wait_in_queue, &small), 0);
    clock_sleep_ms(30);
    assert_int_equal(atomic_load(&turn), 0); /* 20 would fit, but 90 asked before */
    budget_return(budget, 50);
    (void)pthread_join(threads[0], NULL);
    assert_int_equal(large.got_turn, 1);
    budget_return(budget, 90);
    (void)pthread_join(threads[1], NULL);
    assert_int_equal(small.got_turn, 2);
    budget_free(budget);
}

static void a_cancelled_waiter_lets_the_next_one_through(void **state)
{
    struct budget *budget = budget_of(100);
    atomic_int turn = 0;
    struct queued large = {.budget = budget, .bytes = 90, .turn = &turn};
    struct queued small = {.budget = budget, .bytes = 20, .turn = &turn};
    pthread_t threads[2];
    assert_true(budget_try(budget, 50));
    assert_int_equal(pthread_create(&threads[0], NULL, wait_in_queue, &large), 0);
    clock_sleep_ms(30);
    assert_int_equal(pthread_create(&threads[1], NULL, wait_in_queue, &small), 0);
    cancel_request(&large.cancel, CANCEL_SIGTERM);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    assert_int_equal(large.result, STATUS_CANCELLED);
    assert_int_equal(small.result, STATUS_OK);
    assert_int_equal(budget_used(budget), 70);
    budget_free(budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_try_beyond_the_limit_is_refused),
        cmocka_unit_test(a_limit_of_zero_is_none),
        cmocka_unit_test(what_can_never_fit_is_an_error_and_not_a_wait),
        cmocka_unit_test(many_threads_never_hold_more_than_the_limit),
        cmocka_unit_test(who_asks_first_is_served_first_even_for_more),
        cmocka_unit_test(a_cancelled_waiter_lets_the_next_one_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
