/* What a job says of its files, by leaf: what is inherited, what is refused and in which words. */
#include <stdlib.h>

#include "memory_file.h"

#include "format/parquet/leaf.h"
#include "format/parquet/options.h"
#include "format/parquet/sort_item.h"

static const struct field pair_fields[] = {
    {.name = "x", .type.id = TYPE_INT64, .nullable = true},
    {.name = "y", .type.id = TYPE_UTF8, .nullable = true},
};
static struct field fields[] = {
    {.name = "id", .type.id = TYPE_INT64},
    {.name = "Name", .type.id = TYPE_UTF8, .nullable = true},
    {.name = "flag", .type.id = TYPE_BOOL, .nullable = true},
    {.name = "pair", .type.id = TYPE_STRUCT, .children = pair_fields, .n_children = 2},
    {.name = "share", .type.id = TYPE_FLOAT64, .nullable = true},
    {.name = "took", .type.id = TYPE_INTERVAL, .nullable = true},
    {.name = "a desc", .type.id = TYPE_INT32},
};
static const struct schema schema = {.fields = fields, .n_fields = 7};

enum { ID, NAME, FLAG, PAIR_X, PAIR_Y, SHARE, TOOK, A_DESC, LEAVES };

static status_code bind(const char *const *texts, struct arena *arena, struct leaf_plan *plan,
                        struct parquet_options *out)
{
    static struct test_options options;
    const struct option_values *values = test_options(&options, texts);
    CHECK_OK(leaf_plan_init(plan, &schema, &test_error));
    assert_int_equal(plan->n_leaves, LEAVES);
    status_code code = parquet_options_check(values, &test_error);
    if (code == STATUS_OK)
        code = parquet_options_read(values, out, &test_error);
    if (code == STATUS_OK)
        code = parquet_options_bind(values, plan, arena, out, &test_error);
    return code;
}

static void what_is_said_of_a_stream_holds_for_all_leaves(void **state)
{
    struct arena arena = {0};
    struct leaf_plan plan;
    struct parquet_options options;
    const char *const texts[] = {"compression=gzip:4", "statistics=false", "encoding=dense", NULL};
    assert_int_equal(bind(texts, &arena, &plan, &options), STATUS_OK);
    assert_int_equal(options.profile, PROFILE_DENSE);
    for (size_t i = 0; i < LEAVES; i++) {
        assert_int_equal(options.leaves[i].codec.id, CODEC_GZIP);
        assert_int_equal(options.leaves[i].codec.level, 4);
        assert_int_equal(options.leaves[i].encoding, ENCODE_AUTO);
        assert_false(options.leaves[i].statistics);
        assert_false(options.leaves[i].bloom_filter);
    }
    leaf_plan_release(&plan);
    arena_release(&arena);
}

static void a_column_goes_before_its_stream_and_its_leaves_inherit(void **state)
{
    struct arena arena = {0};
    struct leaf_plan plan;
    struct parquet_options options;
    const char *const texts[] = {"pair.encoding=delta_strings", "pair.compression=none",
                                 "pair.statistics=false",       "name.bloom_filter=true",
                                 "id.encoding=delta",           "bloom_filter=id,pair",
                                 "id.bloom_filter=false",       NULL};
    assert_int_equal(bind(texts, &arena, &plan, &options), STATUS_OK);
    const struct leaf_options *leaves = options.leaves;
    assert_int_equal(leaves[PAIR_X].encoding, ENCODE_AUTO); /* its type can't have it */
    assert_int_equal(leaves[PAIR_Y].encoding, ENCODE_DELTA_STRINGS);
    assert_int_equal(leaves[PAIR_X].codec.id, CODEC_NONE);
    assert_int_equal(leaves[PAIR_Y].codec.id, CODEC_NONE);
    assert_false(leaves[PAIR_X].statistics);
    assert_int_equal(leaves[ID].encoding, ENCODE_DELTA);
    assert_int_equal(leaves[ID].codec.id, CODEC_ZSTD);
    assert_true(leaves[ID].statistics);
    const bool filters[LEAVES] = {[NAME] = true, [PAIR_X] = true, [PAIR_Y] = true};
    for (size_t i = 0; i < LEAVES; i++)
        assert_int_equal(leaves[i].bloom_filter, filters[i]);
    leaf_plan_release(&plan);
    arena_release(&arena);
}

static void without_dictionaries_the_compatible_profile_is_plain(void **state)
{
    struct arena arena = {0};
    struct leaf_plan plan;
    struct parquet_options options;
    const char *const compatible[] = {"dictionary=false", "Name.encoding=dictionary", NULL};
    assert_int_equal(bind(compatible, &arena, &plan, &options), STATUS_OK);
    assert_int_equal(options.leaves[ID].encoding, ENCODE_PLAIN);
    assert_int_equal(options.leaves[NAME].encoding, ENCODE_DICTIONARY);
    leaf_plan_release(&plan);
    const char *const dense[] = {"dictionary=false", "encoding=dense", NULL};
    assert_int_equal(bind(dense, &arena, &plan, &options), STATUS_OK);
    assert_int_equal(options.leaves[ID].encoding, ENCODE_AUTO);
    leaf_plan_release(&plan);
    arena_release(&arena);
}

static void sort_keys_are_leaves_with_their_direction(void **state)
{
    struct arena arena = {0};
    struct leaf_plan plan;
    struct parquet_options options;
    const char *const texts[] = {"sort_by=name desc,share nulls first,a desc,id asc nulls last",
                                 NULL};
    assert_int_equal(bind(texts, &arena, &plan, &options), STATUS_OK);
    const struct sort_key expected[] = {
        {NAME, true, false}, {SHARE, false, true}, {A_DESC, false, false}, {ID, false, false}};
    assert_int_equal(options.n_sort_keys, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(options.sort_keys[i].leaf, expected[i].leaf);
        assert_int_equal(options.sort_keys[i].descending, expected[i].descending);
        assert_int_equal(options.sort_keys[i].nulls_first, expected[i].nulls_first);
    }
    leaf_plan_release(&plan);
    arena_release(&arena);
}

static void words_behind_a_sort_column_are_taken_from_the_end(void **state)
{
    static const struct {
        const char *text, *name;
        bool descending, nulls_first;
    } items[] = {
        {"id", "id", false, false},
        {"id DESC", "id", true, false},
        {"id  asc   nulls first", "id", false, true},
        {"nulls first desc nulls last", "nulls first", true, false},
        {"order date", "order date", false, false},
        {"descent", "descent", false, false},
    };
    struct arena arena = {0};
    struct sort_item item;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        status_code code = sort_item_parse(items[i].text, &arena, &item, &test_error);
        if (strcmp(items[i].name, "nulls first") == 0) { /* a word alone is no column */
            assert_int_equal(code, STATUS_BAD_CONFIG);
            continue;
        }
        assert_int_equal(code, STATUS_OK);
        assert_string_equal(item.name, items[i].name);
        assert_int_equal(item.descending, items[i].descending);
        assert_int_equal(item.nulls_first, items[i].nulls_first);
    }
    static const char *const wrong[] = {"", "desc", "nulls last", "asc nulls first", "  desc"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(sort_item_parse(wrong[i], &arena, &item, &test_error), STATUS_BAD_CONFIG);
    arena_release(&arena);
}

static void mistakes_are_refused_and_begin_with_their_word(void **state)
{
    static const struct {
        const char *text, *begins, *says;
    } mistakes[] = {
        {"bloom_filter=nam", "bloom_filter: ", "did you mean Name?"},
        {"bloom_filter=flag", "bloom_filter: ", "boolean"},
        {"flag.bloom_filter=true", "column \"flag\": bloom_filter: ", "boolean"},
        {"flag.encoding=dictionary", "column \"flag\": encoding: ", "auto, plain"},
        {"id.encoding=delta_strings",
         "column \"id\": encoding: ", "auto, plain, dictionary, delta"},
        {"share.encoding=delta", "column \"share\": encoding: ", "split"},
        {"id.compression=brotli", "column \"id\": compression: ", "zstd"},
        {"gone.statistics=false", "column \"gone\": statistics: ", "no such column"},
        {"sort_by=pair", "sort_by: ", "has no order"},
        {"sort_by=took", "sort_by: ", "has no order"},
        {"sort_by=id,ID desc", "sort_by: ", "twice"},
        {"sort_by=idd desc", "sort_by: ", "did you mean id?"},
        {"bloom_filter_fpp=0", "bloom_filter_fpp: ", "50%"},
        {"bloom_filter_fpp=51%", "bloom_filter_fpp: ", "50%"},
    };
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct arena arena = {0};
        struct leaf_plan plan;
        struct parquet_options options;
        const char *const texts[] = {mistakes[i].text, NULL};
        assert_int_equal(bind(texts, &arena, &plan, &options), STATUS_BAD_CONFIG);
        if (strncmp(test_error.text, mistakes[i].begins, strlen(mistakes[i].begins)) != 0 ||
            !strstr(test_error.text, mistakes[i].says))
            fail_msg("%s: %s", mistakes[i].text, test_error.text);
        leaf_plan_release(&plan);
        arena_release(&arena);
    }
}

static void without_any_options_there_are_defaults(void **state)
{
    struct arena arena = {0};
    struct leaf_plan plan;
    struct parquet_options options;
    CHECK_OK(leaf_plan_init(&plan, &schema, &test_error));
    CHECK_OK(parquet_options_read(NULL, &options, &test_error));
    CHECK_OK(parquet_options_bind(NULL, &plan, &arena, &options, &test_error));
    assert_int_equal(options.profile, PROFILE_COMPATIBLE);
    assert_int_equal(options.n_sort_keys, 0);
    assert_true(options.leaves[ID].statistics && !options.leaves[ID].bloom_filter);
    leaf_plan_release(&plan);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_of_a_stream_holds_for_all_leaves),
        cmocka_unit_test(a_column_goes_before_its_stream_and_its_leaves_inherit),
        cmocka_unit_test(without_dictionaries_the_compatible_profile_is_plain),
        cmocka_unit_test(sort_keys_are_leaves_with_their_direction),
        cmocka_unit_test(words_behind_a_sort_column_are_taken_from_the_end),
        cmocka_unit_test(mistakes_are_refused_and_begin_with_their_word),
        cmocka_unit_test(without_any_options_there_are_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
