#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "partition/partition.h"

static const struct field text_field = {.name = "k", .type.id = TYPE_UTF8, .nullable = true};

static struct scalar text_scalar(const char *bytes, size_t size)
{
    return (struct scalar){.type.id = TYPE_UTF8, .bytes = bytes, .size = size};
}

static char *path_of(const char *bytes, size_t size, struct arena *arena)
{
    struct schema keys = {.fields = (struct field *)(uintptr_t)&text_field, .n_fields = 1};
    struct scalar value = text_scalar(bytes, size);
    return partition_path(&keys, &value, arena);
}

static void paths_look_as_hive_readers_expect(void **state)
{
    struct field fields[] = {{.name = "created_day", .type.id = TYPE_DATE},
                             {.name = "carrier", .type.id = TYPE_UTF8, .nullable = true},
                             {.name = "n", .type.id = TYPE_INT32},
                             {.name = "price", .type = {TYPE_DECIMAL, .precision = 9, .scale = 2}},
                             {.name = "at", .type = {TYPE_TIMESTAMP, .utc = true}}};
    struct schema keys = {.fields = fields, .n_fields = 5};
    struct scalar values[] = {{.type.id = TYPE_DATE, .i64 = 16039},
                              text_scalar("UA", 2),
                              {.type.id = TYPE_INT32, .i64 = -7},
                              {.type = fields[3].type, .fixed = {0xd2, 0x04}},
                              {.type = fields[4].type, .i64 = 1500000}};
    struct arena arena = {0};
    assert_string_equal(partition_path(&keys, values, &arena),
                        "created_day=2013-11-30/carrier=UA/n=-7/price=12.34/"
                        "at=1970-01-01T00%3A00%3A01.500000Z");
    values[1].is_null = true;
    keys.n_fields = 2;
    assert_string_equal(partition_path(&keys, values, &arena),
                        "created_day=2013-11-30/carrier=__HIVE_DEFAULT_PARTITION__");
    keys.n_fields = 0;
    assert_string_equal(partition_path(&keys, values, &arena), "");
    arena_release(&arena);
}

static void nasty_values_stay_in_their_segment_and_read_back(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *segment;
    } cases[] = {
        {"../../etc", 9, "k=%2E.%2F..%2Fetc"},
        {"a/b=c", 5, "k=a%2Fb%3Dc"},
        {"a\nb", 3, "k=a%0Ab"},
        {"a\0b", 3, "k=a%00b"},
        {"\0", 1, "k=%00"},
        {".", 1, "k=%2E"},
        {"..", 2, "k=%2E."},
        {"_x", 2, "k=%5Fx"},
        {"x_.-", 4, "k=x_.-"},
        {"%41", 3, "k=%2541"},
        {"~", 1, "k=%7E"},
        {"__HIVE_DEFAULT_PARTITION__", 26, "k=%5F_HIVE_DEFAULT_PARTITION__"},
        {"\xc5\xbb\xc3\xb3\xc5\x82w", 7, "k=%C5%BB%C3%B3%C5%82w"},
        {"\x80\xff", 2, "k=%80%FF"},
        {"C:\\\"x\" *?", 9, "k=C%3A%5C%22x%22%20%2A%3F"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        char *path = path_of(cases[i].bytes, cases[i].size, &arena), *name, *value;
        size_t size;
        assert_string_equal(path, cases[i].segment);
        assert_true(partition_segment_decode(path, strlen(path), &arena, &name, &value, &size));
        assert_string_equal(name, "k");
        assert_int_equal(size, cases[i].size);
        assert_memory_equal(value, cases[i].bytes, size);
        bool has_nul = memchr(cases[i].bytes, '\0', cases[i].size) != NULL;
        assert_int_equal(partition_path_decode(path, strlen(path), &arena, &name, &value),
                         !has_nul);
        arena_release(&arena);
    }
}

static void null_and_empty_share_the_default_partition(void **state)
{
    struct arena arena = {0};
    char *name, *value;
    char *path = path_of("", 0, &arena);
    assert_string_equal(path, "k=__HIVE_DEFAULT_PARTITION__");
    assert_true(partition_path_decode(path, strlen(path), &arena, &name, &value));
    assert_null(value);
    arena_release(&arena);
}

static void long_values_are_cut_and_stay_distinct(void **state)
{
    static char big[10000];
    struct arena arena = {0};
    char *name, *value;
    memset(big, 'x', sizeof(big));
    char *a = path_of(big, sizeof(big), &arena);
    big[sizeof(big) - 1] = 'y';
    char *b = path_of(big, sizeof(big), &arena);
    assert_int_equal(strlen(a), 200);
    assert_string_not_equal(a, b);
    assert_int_equal(a[200 - 33], '~');
    assert_false(partition_path_decode(a, strlen(a), &arena, &name, &value));
    for (size_t shift = 0; shift < 3; shift++) { /* no percent triple is cut through */
        memset(big, 'x', shift);
        memset(big + shift, '/', 300);
        char *path = path_of(big, 300, &arena);
        char *tilde = strchr(path, '~');
        assert_true(strlen(path) <= 200);
        assert_memory_equal(tilde - 3, "%2F", 3);
    }
    assert_int_equal(strlen(path_of(big, 66, &arena)), 2 + 2 + 64 * 3); /* the last that fits */
    arena_release(&arena);
}

static void names_of_columns_are_encoded_too(void **state)
{
    struct field field = {.name = "_a/b=", .type.id = TYPE_INT32};
    struct schema keys = {.fields = &field, .n_fields = 1};
    struct scalar value = {.type.id = TYPE_INT32, .i64 = 1};
    struct arena arena = {0};
    char *name, *text;
    char *path = partition_path(&keys, &value, &arena);
    assert_string_equal(path, "%5Fa%2Fb%3D=1");
    assert_true(partition_path_decode(path, strlen(path), &arena, &name, &text));
    assert_string_equal(name, "_a/b=");
    assert_string_equal(text, "1");
    arena_release(&arena);
}

static void other_segments_are_not_decoded(void **state)
{
    static const char *const bad[] = {"",      "k",     "=v",     "k=",        "k=%",   "k=%2",
                                      "k=%2f", "k=%zz", "k=a b",  "k=a/",      "k=a=b", "a b=c",
                                      "k=~",   "%00=v", "k=\xc5", "_delta_log"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena arena = {0};
        char *name, *value;
        if (partition_path_decode(bad[i], strlen(bad[i]), &arena, &name, &value))
            fail_msg("%s was taken", bad[i]);
        arena_release(&arena);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void distinct_values_have_distinct_paths(void **state)
{
    enum { N = 4000 };
    static char *paths[N];
    struct arena arena = {0};
    uint64_t seed = 7;
    static const char alphabet[] = {'a', '/',  '%', '=', '.',  '_',
                                    '~', '\0', '2', 'F', '\n', (char)0xc3};
    for (size_t i = 0; i < N; i++) {
        char value[160];
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t size = 8 + (seed >> 40) % 150, n;
        for (n = 0; n < size; n++)
            value[n] = alphabet[(seed >> (n % 50)) * (n + 1) % sizeof(alphabet)];
        memcpy(value, &i, 2); /* surely another value than all before */
        paths[i] = path_of(value, size, &arena);
        char *name, *back;
        size_t back_size;
        if (partition_segment_decode(paths[i], strlen(paths[i]), &arena, &name, &back,
                                     &back_size)) {
            assert_int_equal(back_size, size);
            assert_memory_equal(back, value, size);
        } else {
            assert_non_null(strchr(paths[i], '~'));
        }
    }
    qsort(paths, N, sizeof(paths[0]), by_text);
    for (size_t i = 1; i < N; i++)
        assert_string_not_equal(paths[i - 1], paths[i]);
    arena_release(&arena);
}

static void values_have_the_text_delta_wants(void **state)
{
    struct arena arena = {0};
    struct scalar at = {.type = {TYPE_TIMESTAMP, .utc = true}, .i64 = 1500000};
    struct scalar day = {.type.id = TYPE_DATE, .i64 = 16039};
    struct scalar null = {.type.id = TYPE_DATE, .is_null = true};
    struct scalar text = text_scalar("a\0b", 3);
    assert_string_equal(partition_value_text(&at, &arena), "1970-01-01 00:00:01.500000");
    at.type.utc = false;
    at.i64 = 0;
    assert_string_equal(partition_value_text(&at, &arena), "1970-01-01 00:00:00");
    assert_string_equal(partition_value_text(&day, &arena), "2013-11-30");
    assert_null(partition_value_text(&null, &arena));
    assert_memory_equal(partition_value_text(&text, &arena), "a\0b", 4);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_look_as_hive_readers_expect),
        cmocka_unit_test(nasty_values_stay_in_their_segment_and_read_back),
        cmocka_unit_test(null_and_empty_share_the_default_partition),
        cmocka_unit_test(long_values_are_cut_and_stay_distinct),
        cmocka_unit_test(names_of_columns_are_encoded_too),
        cmocka_unit_test(other_segments_are_not_decoded),
        cmocka_unit_test(distinct_values_have_distinct_paths),
        cmocka_unit_test(values_have_the_text_delta_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
