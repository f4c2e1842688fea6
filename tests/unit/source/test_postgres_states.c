/* What each condition of a server means for a run. */
#include <string.h>

#include "cmocka_all.h"

#include "source/postgres/connection.h"

static const struct {
    const char *state, *what;
    status_code means;
} expected[] = {
    /* again, in the same snapshot */
    {"08006", "the connection broke", STATUS_UNAVAILABLE},
    {"08P01", "protocol violation", STATUS_UNAVAILABLE},
    {"25P03", "idle in transaction for too long", STATUS_UNAVAILABLE},
    {"40001", "conflict with recovery", STATUS_UNAVAILABLE},
    {"40P01", "deadlock", STATUS_UNAVAILABLE},
    {"53200", "out of memory on the server", STATUS_UNAVAILABLE},
    {"53300", "too many connections", STATUS_UNAVAILABLE},
    {"55P03", "lock timeout", STATUS_UNAVAILABLE},
    {"57P01", "a backend was ended", STATUS_UNAVAILABLE},
    {"57P03", "the server starts up", STATUS_UNAVAILABLE},
    {"58030", "an I/O error of the server", STATUS_UNAVAILABLE},
    {"ZZ123", "what nobody knows", STATUS_UNAVAILABLE},
    /* under a new snapshot */
    {"57P02", "a crash", STATUS_SNAPSHOT_LOST},
    {"72000", "snapshot too old", STATUS_SNAPSHOT_LOST},
    /* not again */
    {"22P02", "a value that is none of its type", STATUS_BAD_DATA},
    {"28000", "no line of pg_hba.conf", STATUS_DENIED},
    {"28P01", "a wrong password", STATUS_DENIED},
    {"3D000", "no such database", STATUS_NOT_FOUND},
    {"42501", "no privilege", STATUS_DENIED},
    {"42P01", "no such table", STATUS_NOT_FOUND},
    {"42703", "no such column", STATUS_BAD_CONFIG},
    {"42601", "a mistake in `where`", STATUS_BAD_CONFIG},
    {"53100", "disk full", STATUS_NO_SPACE},
    {"54000", "a limit of the server", STATUS_BAD_DATA},
    {"57014", "statement timeout, or cancelled by somebody", STATUS_DENIED},
    {"57P04", "the database was dropped", STATUS_NOT_FOUND},
    {"58P01", "a file of the server is missing", STATUS_BAD_DATA},
    {"XX001", "damaged data", STATUS_BAD_DATA},
};

static void each_condition_means_what_its_table_says(void **state)
{
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct error err = {0};
        status_code code =
            postgres_error(&err, expected[i].state, expected[i].what, "detail", "hint");
        if (code != expected[i].means)
            fail_msg("%s (%s) is %s", expected[i].state, expected[i].what, status_text(code));
        assert_int_equal(err.code, code);
        assert_int_equal(err.source_code, postgres_state_number(expected[i].state));
        assert_non_null(strstr(err.text, expected[i].state));
        assert_non_null(strstr(err.text, expected[i].what));
    }
}

static void what_the_user_can_change_is_said(void **state)
{
    static const char *const states[] = {"28P01", "3D000", "40001", "42501",
                                         "53300", "55P03", "57014"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        const char *remedy = NULL;
        (void)postgres_state_status(states[i], &remedy);
        assert_non_null(remedy);
    }
}

static void states_have_numbers_of_their_own(void **state)
{
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(postgres_state_number(expected[i].state),
                                 postgres_state_number(expected[k].state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_condition_means_what_its_table_says),
        cmocka_unit_test(what_the_user_can_change_is_said),
        cmocka_unit_test(states_have_numbers_of_their_own),
    };
    return cmocka_run_group_tests_name("source/postgres_states", tests, NULL, NULL);
}
