/* Option values: what is taken, and what is said about the rest. */
#include "base/option.h"

#include <string.h>

#include "cmocka_all.h"

static const char *const modes[] = {"full-refresh", "incremental", NULL};

static const struct option_spec specs[] = {
    {.name = "mode", .kind = OPTION_CHOICE, .choices = modes},
    {.name = "rows", .kind = OPTION_INT, .minimum = 1, .maximum = 100},
    {.name = "memory", .kind = OPTION_SIZE, .minimum = 1000, .maximum = INT64_MAX},
    {.name = "keep", .kind = OPTION_DURATION},
    {.name = "drop", .kind = OPTION_PERCENT},
    {.name = "sure", .kind = OPTION_BOOL},
    {.name = "name", .kind = OPTION_TEXT},
    {0},
};

static const struct option_spec *spec(const char *name)
{
    for (size_t i = 0; specs[i].name; i++)
        if (strcmp(specs[i].name, name) == 0)
            return &specs[i];
    return NULL;
}

static struct option_value taken(const char *name, const char *text)
{
    struct option_value value = {0};
    struct error err = {0};
    if (option_parse(spec(name), text, &value, &err) != STATUS_OK)
        fail_msg("%s: %s", text, err.text);
    assert_string_equal(value.text, text);
    assert_true(value.given);
    return value;
}

static void refused(const char *name, const char *text, const char *message)
{
    struct option_value value = {.number = 7};
    struct error err = {0};
    assert_int_equal(option_parse(spec(name), text, &value, &err), STATUS_BAD_CONFIG);
    assert_string_equal(err.text, message);
    assert_int_equal(value.number, 7); /* written only on success */
}

static void values_of_every_kind_are_converted(void **state)
{
    assert_int_equal(taken("mode", "incremental").number, 1);
    assert_int_equal(taken("rows", "100").number, 100);
    assert_int_equal(taken("memory", "2MiB").number, 2 << 20);
    assert_int_equal(taken("keep", "3 days").number, 3 * 86400);
    assert_true(taken("drop", "20%").share > 0.1999 && taken("drop", "0.2").share < 0.2001);
    assert_int_equal(taken("sure", "true").number, 1);
    assert_int_equal(taken("sure", "false").number, 0);
    taken("name", "");
}

static void a_refusal_says_what_was_expected_and_the_nearest_word(void **state)
{
    refused("mode", "incrementl",
            "expected full-refresh or incremental, got \"incrementl\"; did you mean incremental?");
    refused("rows", "0", "expected a whole number, from 1 to 100, got \"0\"");
    refused("rows", "12 ", "expected a whole number, from 1 to 100, got \"12 \"");
    refused("memory", "1", "expected a size such as 256MB or 64MiB, at least 1.0 kB, got \"1\"");
    refused("keep", "soon", "expected a duration such as 90s, 15m or 3 days, got \"soon\"");
    refused("sure", "yes", "expected true or false, got \"yes\"");
}

static void a_share_is_between_nothing_and_all(void **state)
{
    static const char *const wrong[] = {"101%", "1.1", "-1%", "nan", "1e0", "%", "", "1.2.3", "."};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct option_value value;
        struct error err = {0};
        assert_int_equal(option_parse(spec("drop"), wrong[i], &value, &err), STATUS_BAD_CONFIG);
    }
    assert_true(taken("drop", "100%").share == 1);
    assert_true(taken("drop", "0").share == 0);
}

static void values_are_found_by_name(void **state)
{
    struct option_value all[7] = {{.spec = &specs[0], .text = "x", .number = 3, .given = true}};
    struct option_values values = {specs, all, option_count(specs)};
    assert_int_equal(values.n_values, 7);
    assert_string_equal(option_text(&values, "mode"), "x");
    assert_int_equal(option_number(&values, "mode"), 3);
    assert_true(option_given(&values, "mode") && !option_given(&values, "rows"));
    assert_null(option_find(&values, "nothing"));
    assert_null(option_text(&values, "nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind_are_converted),
        cmocka_unit_test(a_refusal_says_what_was_expected_and_the_nearest_word),
        cmocka_unit_test(a_share_is_between_nothing_and_all),
        cmocka_unit_test(values_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
