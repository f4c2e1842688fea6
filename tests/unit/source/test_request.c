/* How many rows a split should have. */
#include "cmocka_all.h"

#include <math.h>

#include "source/source.h"

static const struct read_request usual = {
    .split_rows = 4096, .split_count = 48, .max_split_rows = 500000, .kept_rows = 70000};

static double splits_of(const struct read_request *request, double rows)
{
    return ceil(rows / read_request_split_rows(request, rows) - 1e-6);
}

static void large_streams_have_the_splits_aimed_at(void **state)
{
    assert_true(splits_of(&usual, 6e6) == 48);
    assert_true(splits_of(&usual, 1e9) == 2000);
}

static void smaller_ones_have_splits_worth_keeping(void **state)
{
    assert_true(read_request_split_rows(&usual, 1e6) == 70000);
    assert_true(read_request_split_rows(&usual, 100000) == 4096);
}

static void few_splits_are_shared_evenly(void **state)
{
    struct read_request request = usual;
    request.crew = 2;
    assert_true(splits_of(&request, 1e6) == 14);
    request.crew = 4;
    assert_true(splits_of(&request, 1e6) == 12);
    request.crew = 64; /* fewer splits than readers: no split is made smaller for that */
    assert_true(read_request_split_rows(&request, 1e6) == 70000);
    request.crew = 2;
    assert_true(splits_of(&request, 6e6) == 48);
    request.max_split_rows = 70000;
    assert_true(read_request_split_rows(&request, 1e6) == 70000);
}

static void the_last_splits_are_cut_into_halves_and_quarters(void **state)
{
    struct read_request request = usual;
    request.crew = 2;
    struct split_steps steps = split_steps_of(&request, 14);
    size_t n = split_steps_count(&steps);
    assert_int_equal(steps.whole, 12);
    assert_int_equal(n, 18);
    const double last[] = {12, 12.5, 13, 13.25, 13.5, 13.75, 14};
    for (size_t i = 0; i <= 12; i++)
        assert_float_equal(split_steps_at(&steps, i) * 14, i, 1e-9);
    for (size_t i = 12; i <= n; i++)
        assert_float_equal(split_steps_at(&steps, i) * 14, last[i - 12], 1e-9);
    assert_true(split_steps_at(&steps, n) == 1);
}

static void few_splits_or_one_reader_leave_them_as_they_are(void **state)
{
    struct read_request request = usual;
    request.crew = 2;
    struct split_steps steps = split_steps_of(&request, 7);
    assert_int_equal(split_steps_count(&steps), 7);
    request.crew = 1;
    steps = split_steps_of(&request, 48);
    assert_int_equal(split_steps_count(&steps), 48);
    assert_true(split_steps_at(&steps, 24) == 0.5 && split_steps_at(&steps, 48) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_streams_have_the_splits_aimed_at),
        cmocka_unit_test(smaller_ones_have_splits_worth_keeping),
        cmocka_unit_test(few_splits_are_shared_evenly),
        cmocka_unit_test(the_last_splits_are_cut_into_halves_and_quarters),
        cmocka_unit_test(few_splits_or_one_reader_leave_them_as_they_are)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
