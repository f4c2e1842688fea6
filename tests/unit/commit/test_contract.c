/* What changed between a table's contract and its source. */
#include "cmocka_all.h"
#include "commit/contract.h"

static const struct type types[] = {
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
    {.id = TYPE_DECIMAL, .precision = 9, .scale = 2},
    {.id = TYPE_DECIMAL, .precision = 10, .scale = 2},
    {.id = TYPE_DECIMAL, .precision = 10, .scale = 3},
    {.id = TYPE_DECIMAL, .precision = 38, .scale = 2},
    {.id = TYPE_DECIMAL, .precision = 50, .scale = 2},
    {.id = TYPE_UTF8},
    {.id = TYPE_BINARY},
    {.id = TYPE_DATE},
    {.id = TYPE_TIMESTAMP},
    {.id = TYPE_TIMESTAMP, .utc = true},
    {.id = TYPE_JSON},
};
enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

static void no_type_is_wider_than_itself_or_than_one_that_is_wider(void **state)
{
    (void)state;
    for (size_t a = 0; a < N_TYPES; a++) {
        assert_false(type_widens(types[a], types[a]));
        for (size_t b = 0; b < N_TYPES; b++) {
            assert_false(type_widens(types[a], types[b]) && type_widens(types[b], types[a]));
            for (size_t c = 0; c < N_TYPES; c++)
                if (type_widens(types[a], types[b]) && type_widens(types[b], types[c]))
                    assert_true(type_widens(types[a], types[c]));
        }
    }
}

/* What files of the old type hold is read under the new one, so both must be of one family. */
static void only_numbers_of_a_kind_get_wider(void **state)
{
    (void)state;
    for (size_t a = 0; a < N_TYPES; a++)
        for (size_t b = 0; b < N_TYPES; b++) {
            if (!type_widens(types[a], types[b]))
                continue;
            assert_true(type_value_bytes(types[a]) <= type_value_bytes(types[b]));
            assert_int_equal(types[a].id == TYPE_DECIMAL, types[b].id == TYPE_DECIMAL);
            assert_int_equal(types[a].scale, types[b].scale);
            assert_int_equal(types[a].id >= TYPE_FLOAT32, types[b].id >= TYPE_FLOAT32);
        }
}

static enum change_kind kind_of(struct field was, struct field is, const char *says)
{
    struct arena arena = {0};
    struct error err = {0};
    struct text text = {0};
    struct contract_changes changes;
    const struct schema before = {.fields = &was, .n_fields = 1},
                        now = {.fields = &is, .n_fields = 1};
    assert_int_equal(contract_compare(commit_find("delta"), &before, &now, &arena, &changes, &err),
                     STATUS_OK);
    enum change_kind kind = changes.n ? changes.items[0].kind : CHANGE_KINDS;
    if (changes.n)
        contract_change_append(&text, &changes.items[0]);
    assert_string_equal(text_string(&text), says);
    text_release(&text);
    arena_release(&arena);
    return kind;
}

static struct field column(const char *name, struct type type, bool nullable, const char *id)
{
    return (struct field){.name = name, .type = type, .nullable = nullable, .source_id = id};
}

static void each_change_has_its_kind(void **state)
{
    const struct type i32 = {.id = TYPE_INT32}, i64 = {.id = TYPE_INT64}, text = {.id = TYPE_UTF8};
    (void)state;
    assert_int_equal(kind_of(column("n", i32, true, "1.2"), column("n", i32, false, "1.2"), ""),
                     CHANGE_KINDS);
    assert_int_equal(kind_of(column("n", i32, true, "1.2"), column("n", i64, true, "1.2"),
                             "column \"n\" was int32 and is int64"),
                     CHANGE_WIDEN);
    assert_int_equal(kind_of(column("n", i32, false, "1.2"), column("n", i32, true, "1.2"),
                             "column \"n\" may now be NULL"),
                     CHANGE_WIDEN);
    assert_int_equal(kind_of(column("n", i64, true, "1.2"), column("n", text, true, "1.2"),
                             "column \"n\" was int64 and is text"),
                     CHANGE_NARROW);
    assert_int_equal(kind_of(column("n", i32, true, "1.2"), column("m", i64, true, "1.2"),
                             "column \"n\" is now called \"m\", was int32 and is int64"),
                     CHANGE_RENAME);
    assert_int_equal(kind_of(column("n", i32, true, "1.2"), column("n", i32, true, "1.3"),
                             "column \"n\" is new, another one than the table's of this name"),
                     CHANGE_ADD);
    assert_int_equal(kind_of(column("n", i32, true, NULL), column("n", i32, true, "1.3"), ""),
                     CHANGE_KINDS);
}

/* decimal(40) is text in a Delta table, and so is decimal(50); decimal(38) is a number there. */
static void a_type_is_wider_as_the_table_holds_it(void **state)
{
    const struct type d38 = {.id = TYPE_DECIMAL, .precision = 38, .scale = 2};
    const struct type d40 = {.id = TYPE_DECIMAL, .precision = 40, .scale = 2};
    const struct type d50 = {.id = TYPE_DECIMAL, .precision = 50, .scale = 2};
    (void)state;
    assert_int_equal(kind_of(column("d", d40, true, "1"), column("d", d50, true, "1"),
                             "column \"d\" was decimal(40,2) and is decimal(50,2)"),
                     CHANGE_WIDEN);
    assert_int_equal(kind_of(column("d", d38, true, "1"), column("d", d40, true, "1"),
                             "column \"d\" was decimal(38,2) and is decimal(40,2)"),
                     CHANGE_NARROW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_type_is_wider_than_itself_or_than_one_that_is_wider),
        cmocka_unit_test(only_numbers_of_a_kind_get_wider),
        cmocka_unit_test(each_change_has_its_kind),
        cmocka_unit_test(a_type_is_wider_as_the_table_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
