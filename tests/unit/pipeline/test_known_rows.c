/* Rows at the watermark are a multiset: as often as the table has them, and no oftener. */
#include "cmocka_all.h"

#include "pipeline/stream.h"

static struct digest items[] = {{.high = 1, .low = 5}, {.high = 1, .low = 5},
                                {.high = 1, .low = 9}, {.high = 7, .low = 0},
                                {.high = 7, .low = 0}, {.high = 7, .low = 0}};
static const struct tie_digests ties = {.items = items, .n = 6};

static int setup(void **state)
{
    static struct known_rows known;
    struct error err = {0};
    known = (struct known_rows){0};
    pthread_mutex_init(&known.mutex, NULL);
    *state = &known;
    return known_rows_init(&known, &ties, &err) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct known_rows *known = *state;
    mem_free(known->used);
    pthread_mutex_destroy(&known->mutex);
    return 0;
}

static size_t takes(struct known_rows *known, struct digest digest)
{
    size_t n = 0;
    while (n < 100 && known_rows_take(known, &digest))
        n++;
    return n;
}

static void each_digest_is_taken_as_often_as_it_stands(void **state)
{
    assert_int_equal(takes(*state, items[0]), 2);
    assert_int_equal(takes(*state, items[2]), 1);
    assert_int_equal(takes(*state, items[3]), 3);
    assert_int_equal(takes(*state, (struct digest){.high = 1, .low = 6}), 0);
    assert_int_equal(takes(*state, (struct digest){.high = 9, .low = 0}), 0);
}

static void what_a_failed_try_took_can_be_taken_again(void **state)
{
    struct tie_digests two = {.items = &items[3], .n = 2};
    assert_int_equal(takes(*state, items[3]), 3);
    known_rows_give_back(*state, &two);
    assert_int_equal(takes(*state, items[3]), 2);
}

static void without_known_rows_every_row_is_new(void **state)
{
    struct known_rows none = {0};
    struct error err = {0};
    struct tie_digests empty = {0};
    assert_int_equal(known_rows_init(&none, &empty, &err), STATUS_OK);
    assert_false(known_rows_take(&none, &items[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_digest_is_taken_as_often_as_it_stands, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_failed_try_took_can_be_taken_again, setup, teardown),
        cmocka_unit_test(without_known_rows_every_row_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
