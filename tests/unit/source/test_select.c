/* `select`, `columns` and `update_key` of a job against the names of a relation. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cmocka_all.h"

#include "source/select.h"

static const char *const letters[] = {"id", "name", "Total", "total"};

static struct column_names columns(name_compare_fn compare)
{
    return (struct column_names){letters, 4, "table public.t", compare};
}

/* The picked positions as "2 0 ", or the error's text. */
static const char *pick_for(name_compare_fn compare, const struct read_request *request)
{
    static char shown[4096];
    SCOPED(arena_release) struct arena arena = {0};
    struct column_names names = columns(compare);
    struct error err = {0};
    size_t *picked = NULL, n = 0;
    status_code s = select_columns(&names, request, &arena, &picked, &n, &err);
    shown[0] = '\0';
    if (s != STATUS_OK) {
        assert_int_equal(s, STATUS_BAD_CONFIG);
        assert_null(picked);
        snprintf(shown, sizeof(shown), "%s", err.text);
    }
    for (size_t i = 0; i < n; i++)
        snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%zu ", picked[i]);
    return shown;
}

#define PICK(compare, ...)                                                                         \
    pick_for(compare, &(struct read_request){.select = (const char *const[]){__VA_ARGS__, NULL}})

static void without_select_every_column_is_read(void **state)
{
    assert_string_equal(pick_for(strcmp, &(struct read_request){0}), "0 1 2 3 ");
}

static void named_columns_come_in_the_order_of_select(void **state)
{
    assert_string_equal(PICK(strcmp, "name", "id"), "1 0 ");
}

static void a_minus_leaves_out_of_all_or_of_the_named(void **state)
{
    assert_string_equal(PICK(strcmp, "-name"), "0 2 3 ");
    assert_string_equal(PICK(strcmp, "-name", "-id"), "2 3 ");
    assert_string_equal(PICK(strcmp, "id", "name", "-id"), "1 ");
}

static void letter_case_counts_where_the_source_says_so(void **state)
{
    assert_string_equal(PICK(strcmp, "Total"), "2 ");
    assert_string_equal(PICK(strcasecmp, "Total"), "2 "); /* the same letters win */
    assert_string_equal(PICK(strcasecmp, "total"), "3 ");
    assert_string_equal(PICK(strcasecmp, "NAME"), "1 ");
    assert_string_equal(PICK(strcasecmp, "-NAME"), "0 2 3 ");
    assert_string_equal(PICK(strcmp, "NAME"),
                        "select: no column \"NAME\" in table public.t; did you mean \"name\"?");
}

static void what_select_can_not_mean_is_refused(void **state)
{
    assert_string_equal(PICK(strcmp, "id", "names"),
                        "select: no column \"names\" in table public.t; did you mean \"name\"?");
    assert_string_equal(PICK(strcmp, "-nothing"),
                        "select: no column \"nothing\" in table public.t");
    assert_string_equal(PICK(strcmp, "id", "id"), "select: column \"id\" twice");
    assert_string_equal(PICK(strcmp, "-id", "-name", "-Total", "-total"),
                        "select leaves no column of table public.t");
}

static void a_wish_for_a_column_that_is_not_there_is_refused_where_it_stands(void **state)
{
    struct column_request wishes[] = {{.name = "id"}, {.name = "idd", .where = "job.yaml:7:3"}};
    struct read_request request = {.columns = wishes, .n_columns = 2};
    assert_string_equal(pick_for(strcmp, &request),
                        "job.yaml:7:3: no column \"idd\" in table public.t; did you mean \"id\"?");
    wishes[1].where = NULL;
    assert_string_equal(pick_for(strcmp, &request),
                        "columns: no column \"idd\" in table public.t; did you mean \"id\"?");
}

static void the_wish_for_a_column_is_found_as_the_source_compares(void **state)
{
    struct column_request wishes[] = {{.name = "id"}, {.name = "Name"}};
    struct read_request request = {.columns = wishes, .n_columns = 2};
    assert_null(column_request_find(&request, "name", strcmp));
    assert_ptr_equal(column_request_find(&request, "name", strcasecmp), &wishes[1]);
    assert_ptr_equal(column_request_find(&request, "id", strcmp), &wishes[0]);
}

static void the_update_key_must_be_a_column_that_is_read(void **state)
{
    struct column_names names = columns(strcmp);
    struct error err = {0};
    const size_t picked[] = {3, 1};
    size_t column, position;
    assert_int_equal(select_key(&names, "name", picked, 2, &column, &position, &err), STATUS_OK);
    assert_int_equal(column, 1);
    assert_int_equal(position, 1);
    assert_int_equal(select_key(&names, "id", picked, 2, &column, &position, &err),
                     STATUS_BAD_CONFIG);
    assert_string_equal(err.text, "select leaves out the update_key \"id\"");
    assert_int_equal(select_key(&names, "nam", picked, 2, &column, &position, &err),
                     STATUS_BAD_CONFIG);
    assert_string_equal(err.text,
                        "update_key: no column \"nam\" in table public.t; did you mean \"name\"?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_select_every_column_is_read),
        cmocka_unit_test(named_columns_come_in_the_order_of_select),
        cmocka_unit_test(a_minus_leaves_out_of_all_or_of_the_named),
        cmocka_unit_test(letter_case_counts_where_the_source_says_so),
        cmocka_unit_test(what_select_can_not_mean_is_refused),
        cmocka_unit_test(a_wish_for_a_column_that_is_not_there_is_refused_where_it_stands),
        cmocka_unit_test(the_wish_for_a_column_is_found_as_the_source_compares),
        cmocka_unit_test(the_update_key_must_be_a_column_that_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
