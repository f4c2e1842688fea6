/* Wildcards, exclusions, tags and the choice of the command line. */
#include "cmocka_all.h"

#include "fake_drivers.h"

struct chosen {
    struct job job;
    struct arena arena;
    struct stream_spec *streams;
    size_t n;
    struct error err;
    status_code code;
};

static struct stream_spec specs[] = {
    {.name = "orders", .object = "{table}", .where_in_file = "job.yaml:4:3"},
    {.name = "*", .pattern = true, .object = "all/{table}", .where_in_file = "job.yaml:5:3"},
    {.name = "!order_*", .pattern = true, .exclude = true, .where_in_file = "job.yaml:6:3"},
    {.name = "totals",
     .query = "select 1",
     .object = "reports/{table}",
     .where_in_file = "job.yaml:7:3"},
};
static const char *const nightly[] = {"nightly", NULL};

static struct chosen choose(size_t n_specs, const char *const *selectors, size_t n)
{
    struct chosen chosen = {.job = {.path = "job.yaml", .streams = specs, .n_streams = n_specs}};
    chosen.code = job_streams(&chosen.job, &fake_catalog, selectors, n, &chosen.streams, &chosen.n,
                              &chosen.arena, &chosen.err);
    return chosen;
}

static void wildcards_bring_what_is_not_named_and_not_left_out(void **state)
{
    struct chosen chosen = choose(4, NULL, 0);
    assert_int_equal(chosen.code, STATUS_OK);
    assert_int_equal(chosen.n, 3);
    assert_string_equal(chosen.streams[0].name, "orders");
    assert_string_equal(chosen.streams[0].object, "orders");
    assert_string_equal(chosen.streams[1].name, "customers");
    assert_string_equal(chosen.streams[1].object, "all/customers");
    assert_string_equal(chosen.streams[2].object, "reports/totals");
    arena_release(&chosen.arena);
}

static void streams_are_chosen_by_name_wildcard_and_tag(void **state)
{
    specs[1].tags = nightly;
    struct chosen chosen = choose(4, (const char *[]){"tag:nightly", "ord*"}, 2);
    assert_int_equal(chosen.code, STATUS_OK);
    assert_int_equal(chosen.n, 2);
    assert_string_equal(chosen.streams[0].name, "orders");
    assert_string_equal(chosen.streams[1].name, "customers");
    arena_release(&chosen.arena);
    specs[1].tags = NULL;
}

static void a_choice_that_matches_nothing_is_a_mistake(void **state)
{
    struct chosen chosen = choose(4, (const char *[]){"oders"}, 1);
    assert_int_equal(chosen.code, STATUS_BAD_CONFIG);
    assert_string_equal(chosen.err.text, "job.yaml has no stream \"oders\"; did you mean orders?");
    arena_release(&chosen.arena);
    chosen = choose(4, (const char *[]){"tag:weekly"}, 1);
    assert_string_equal(chosen.err.text, "no stream of job.yaml has the tag \"weekly\"");
    arena_release(&chosen.arena);
}

static void a_schema_in_the_name_goes_into_the_object(void **state)
{
    struct stream_spec spec = {.name = "main.orders", .object = "{schema}/{table}"};
    struct job job = {.path = "job.yaml", .streams = &spec, .n_streams = 1};
    struct arena arena = {0};
    struct stream_spec *streams;
    size_t n;
    struct error err = {0};
    assert_int_equal(job_streams(&job, &fake_catalog, NULL, 0, &streams, &n, &arena, &err),
                     STATUS_OK);
    assert_string_equal(streams[0].object, "main/orders");
    arena_release(&arena);
}

static void without_patterns_no_catalog_is_needed(void **state)
{
    struct job job = {.path = "job.yaml", .streams = specs, .n_streams = 1};
    struct arena arena = {0};
    struct stream_spec *streams;
    size_t n;
    struct error err = {0};
    assert_int_equal(job_streams(&job, NULL, NULL, 0, &streams, &n, &arena, &err), STATUS_OK);
    assert_int_equal(n, 1);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_bring_what_is_not_named_and_not_left_out),
        cmocka_unit_test(streams_are_chosen_by_name_wildcard_and_tag),
        cmocka_unit_test(a_choice_that_matches_nothing_is_a_mistake),
        cmocka_unit_test(a_schema_in_the_name_goes_into_the_object),
        cmocka_unit_test(without_patterns_no_catalog_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
