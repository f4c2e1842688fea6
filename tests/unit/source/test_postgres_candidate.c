/* What a run leaves for the next one: a bound, and the transactions that it waits for. */
#include <string.h>

#include "cmocka_all.h"

#include "source/postgres/candidate.h"

#define SUBJECT "1763900000000000 16385.1.16390.i postgres:757/a shop#5"

static const char *written(struct arena *arena, int64_t value, const char *waiting)
{
    struct candidate candidate = {.value = value, .waiting = waiting, .subject = SUBJECT};
    struct error err = {0};
    const char *text;
    assert_int_equal(candidate_write(&candidate, arena, &text, &err), STATUS_OK);
    return text;
}

static void a_candidate_survives_a_round_trip(void **state)
{
    static const int64_t values[] = {0, -1, INT64_MIN, INT64_MAX, 1001};
    struct arena arena = {0};
    struct candidate back;
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const char *text = written(&arena, values[i], ",3/14,12/5,");
        assert_true(candidate_read(text, SUBJECT, &arena, &back));
        assert_int_equal(back.value, values[i]);
        assert_string_equal(back.waiting, ",3/14,12/5,");
    }
    assert_true(candidate_read(written(&arena, 1, ","), SUBJECT, &arena, &back));
    assert_string_equal(back.waiting, ",");
    arena_release(&arena);
}

static void what_is_true_of_something_else_says_nothing(void **state)
{
    struct arena arena = {0};
    struct candidate back;
    const char *text = written(&arena, 7, ",3/14,");
    (void)state;
    assert_false(candidate_read(NULL, SUBJECT, &arena, &back));
    assert_false(candidate_read("", SUBJECT, &arena, &back));
    assert_false(candidate_read(text, SUBJECT "x", &arena, &back));
    assert_false(candidate_read(text, "1763900000000001 16385.1.16390.i postgres:757/a shop#5",
                                &arena, &back));
    assert_false(candidate_read("2 7 ,3/14, " SUBJECT, SUBJECT, &arena, &back));
    assert_false(candidate_read("1 x ,3/14, " SUBJECT, SUBJECT, &arena, &back));
    assert_false(candidate_read("1 7 3/14 " SUBJECT, SUBJECT, &arena, &back));
    for (size_t n = 0; n < strlen(text); n++)
        assert_false(candidate_read(arena_strndup(&arena, text, n), SUBJECT, &arena, &back));
    arena_release(&arena);
}

static void an_id_is_found_only_as_a_whole(void **state)
{
    (void)state;
    assert_true(virtual_ids_have(",3/14,12/5,", "3/14", 4));
    assert_true(virtual_ids_have(",3/14,12/5,", "12/5", 4));
    assert_false(virtual_ids_have(",3/14,12/5,", "2/5", 3));
    assert_false(virtual_ids_have(",3/14,12/5,", "3/1", 3));
    assert_false(virtual_ids_have(",", "3/1", 3));
    assert_int_equal(virtual_ids_open(",3/14,12/5,", ",12/5,7/7,"), 1);
    assert_int_equal(virtual_ids_open(",3/14,12/5,", ",12/5,3/14,"), 2);
    assert_int_equal(virtual_ids_open(",3/14,12/5,", ","), 0);
    assert_int_equal(virtual_ids_open(",", ",12/5,"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_candidate_survives_a_round_trip),
        cmocka_unit_test(what_is_true_of_something_else_says_nothing),
        cmocka_unit_test(an_id_is_found_only_as_a_whole),
    };
    return cmocka_run_group_tests_name("source/postgres_candidate", tests, NULL, NULL);
}
