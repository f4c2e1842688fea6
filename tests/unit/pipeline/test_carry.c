/* Columns that the table has no type for, bound again with each plan. */
#include "cmocka_all.h"

#include "commit/commit.h"
#include "pipeline/stream.h"

static void a_plan_made_again_binds_each_column_once(void **state)
{
    static const char *const names[] = {"opens", "closes", "breaks"};
    struct error err = {0};
    struct run_options options = {0};
    struct run_context run = {.options = &options};
    struct stream_spec spec = {.table = commit_drivers[0]};
    struct stream_run stream = {.run = &run, .spec = &spec};
    for (size_t i = 0; i < 3; i++) {
        const struct field field = {.name = names[i], .type.id = TYPE_TIME, .nullable = true};
        assert_int_equal(schema_append(&stream.plan.schema, &field, &err), STATUS_OK);
    }
    for (int plan = 0; plan < 3; plan++) {
        assert_int_equal(stream_plan_carries(&stream, &err), STATUS_OK);
        assert_int_equal(stream.n_carries, 3);
        assert_true(stream.converts);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(stream.carries[i].column, i);
        schema_release(&stream.carried);
    }
    schema_release(&stream.plan.schema);
    arena_release(&stream.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_plan_made_again_binds_each_column_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
