#include "base/cpu.h"

#include <string.h>

#include "cmocka_all.h"

static struct error err;

static void until_something_is_chosen_the_level_is_portable(void **state)
{
    assert_int_equal(cpu_level(), CPU_PORTABLE);
}

static void nothing_said_means_the_best_there_is(void **state)
{
    assert_int_equal(cpu_choose(NULL, &err), STATUS_OK);
    assert_int_equal(cpu_level(), cpu_best());
    assert_int_equal(cpu_choose("", &err), STATUS_OK);
    assert_int_equal(cpu_level(), cpu_best());
}

static void a_lower_level_can_be_chosen_and_a_higher_one_is_refused(void **state)
{
    for (enum cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) {
        status_code code = cpu_choose(cpu_level_text(level), &err);
        assert_int_equal(code, level <= cpu_best() ? STATUS_OK : STATUS_BAD_CONFIG);
        if (code == STATUS_OK)
            assert_int_equal(cpu_level(), level);
        else
            assert_non_null(strstr(err.text, cpu_level_text(cpu_best())));
    }
}

static void an_unknown_level_is_refused_with_the_choices(void **state)
{
    assert_int_equal(cpu_choose("portable", &err), STATUS_OK);
    assert_int_equal(cpu_choose("sse9", &err), STATUS_BAD_CONFIG);
    assert_non_null(strstr(err.text, "portable, avx2 or avx512, got \"sse9\""));
    assert_int_equal(cpu_level(), CPU_PORTABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(until_something_is_chosen_the_level_is_portable),
        cmocka_unit_test(nothing_said_means_the_best_there_is),
        cmocka_unit_test(a_lower_level_can_be_chosen_and_a_higher_one_is_refused),
        cmocka_unit_test(an_unknown_level_is_refused_with_the_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
