/* Types that a table does not have. */
#include "batch/convert.h"
#include "cmocka_all.h"
#include "commit/commit.h"

static const struct type every_flat_type[] = {
    {.id = TYPE_BOOL},
    {.id = TYPE_INT8},
    {.id = TYPE_INT16},
    {.id = TYPE_INT32},
    {.id = TYPE_INT64},
    {.id = TYPE_UINT8},
    {.id = TYPE_UINT16},
    {.id = TYPE_UINT32},
    {.id = TYPE_UINT64},
    {.id = TYPE_FLOAT32},
    {.id = TYPE_FLOAT64},
    {.id = TYPE_DECIMAL, .precision = 38, .scale = 2},
    {.id = TYPE_DECIMAL, .precision = 39, .scale = 2},
    {.id = TYPE_UTF8},
    {.id = TYPE_BINARY},
    {.id = TYPE_FIXED_BINARY, .width = 7},
    {.id = TYPE_DATE},
    {.id = TYPE_TIME},
    {.id = TYPE_TIMESTAMP},
    {.id = TYPE_TIMESTAMP, .utc = true},
    {.id = TYPE_INTERVAL},
    {.id = TYPE_UUID},
    {.id = TYPE_JSON},
};
enum { N_TYPES = sizeof(every_flat_type) / sizeof(every_flat_type[0]) };

/* For each kind of table: what it carries a type as, it has a type for, and there is a way to make it. */
static void every_flat_type_is_carried_and_has_a_kernel(void **state)
{
    for (const struct commit_driver *const *driver = commit_drivers; *driver; driver++)
        for (size_t i = 0; i < N_TYPES; i++) {
            struct type from = every_flat_type[i], to, again;
            assert_true((*driver)->carry(from, &to));
            assert_true((*driver)->carry(to, &again));
            assert_true(type_equal(to, again));
            assert_true(type_equal(from, to) || column_convert_for(from, to) ||
                        column_is_also(from, to));
        }
}

static void a_carried_schema_says_what_its_columns_were(void **state)
{
    struct error err = {0};
    struct field element = {.name = "element", .type.id = TYPE_UINT64};
    struct field pair[] = {{.name = "key", .type.id = TYPE_UTF8},
                           {.name = "value", .type.id = TYPE_UUID, .nullable = true}};
    struct field entry = {
        .name = "key_value", .type.id = TYPE_STRUCT, .children = pair, .n_children = 2};
    struct field fields[] = {
        {.name = "n", .type.id = TYPE_INT64, .field_id = 4},
        {.name = "u", .type.id = TYPE_UINT64, .field_id = 5, .nullable = true},
        {.name = "l", .type.id = TYPE_LIST, .children = &element, .n_children = 1},
        {.name = "m", .type.id = TYPE_MAP, .children = &entry, .n_children = 1},
        {.name = "s", .type.id = TYPE_STRUCT, .children = pair, .n_children = 1},
    };
    struct schema schema = {.fields = fields, .n_fields = 5}, carried;
    struct arena arena = {0};
    const struct commit_driver *delta = commit_find("delta");
    assert_int_equal(commit_carry_schema(delta, &schema, &carried, &err), STATUS_OK);
    assert_int_equal(carried.n_fields, 5);
    assert_null(carried.fields[0].carries);
    assert_string_equal(carried.fields[1].carries, "uint64");
    assert_int_equal(carried.fields[1].type.id, TYPE_DECIMAL);
    assert_int_equal(carried.fields[1].type.precision, 20);
    assert_int_equal(carried.fields[1].field_id, 5);
    assert_true(carried.fields[1].nullable);
    assert_int_equal(carried.fields[2].children[0].type.id, TYPE_DECIMAL);
    assert_string_equal(carried.fields[2].carries, "list of uint64");
    assert_int_equal(carried.fields[3].children[0].children[1].type.id, TYPE_UTF8);
    assert_string_equal(carried.fields[3].carries, "map of text to uuid");
    assert_null(carried.fields[4].carries);
    assert_int_equal(element.type.id, TYPE_UINT64); /* what was given stays */
    for (size_t i = 0; i < 5; i++)
        assert_true(column_converts(&fields[i], &carried.fields[i]));
    assert_false(column_converts(&carried.fields[2], &fields[2]));
    assert_string_equal(commit_carry_text(delta, &carried.fields[3], &arena),
                        "column \"m\": inside it uuid as text: a delta table has no such type");
    assert_string_equal(
        commit_carry_text(delta, &carried.fields[1], &arena),
        "column \"u\": uint64, carried as decimal(20,0): a delta table has no uint64");
    arena_release(&arena);
    schema_release(&carried);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flat_type_is_carried_and_has_a_kernel),
        cmocka_unit_test(a_carried_schema_says_what_its_columns_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
