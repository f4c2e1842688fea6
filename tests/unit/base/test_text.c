#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/failing_memory.h"
#include "base/memory.h"
#include "base/text.h"

static void text_grows_and_is_taken(void **state)
{
    struct text text = {0};
    assert_string_equal(text_string(&text), "");
    for (int i = 0; i < 100; i++)
        text_printf(&text, "%d,", i);
    text_append_char(&text, '!');
    text_append(&text, "");
    assert_true(text_starts_with(text_string(&text), "0,1,2,"));
    assert_true(text_ends_with(text_string(&text), "99,!"));
    assert_int_equal(text.size, strlen(text.data));
    char *taken = text_take(&text);
    assert_null(text.data);
    mem_free(taken);
    SCOPED(mem_freep) char *empty = text_take(&text);
    assert_string_equal(empty, "");
}

static void json_strings_are_quoted_and_control_characters_spelled(void **state)
{
    SCOPED(text_release) struct text text = {0};
    text_append_json(&text, "");
    text_append_json(&text, "a \"b\" \\ /\n\t\x01\x1f\x7f \xc3\xa9");
    text_append_json_bytes(&text, "x\0y", 3);
    text_append_json_bytes(&text, NULL, 0);
    assert_string_equal(text_string(&text),
                        "\"\"\"a \\\"b\\\" \\\\ /\\u000a\\u0009\\u0001\\u001f\\u007f \xc3\xa9\""
                        "\"x\\u0000y\"\"\"");
}

static void lost_text_is_noticed_once_at_the_end(void **state)
{
    struct text text = {0};
    struct error err = {0};
    fail_allocation(1);
    text_append(&text, "lost");
    assert_true(allocation_failed());
    text_append(&text, "also lost");
    assert_int_equal(text_check(&text, &err), STATUS_NO_MEMORY);
    assert_string_equal(text_string(&text), "");
    assert_null(text_take(&text));
    assert_int_equal(text_check(&text, &err), STATUS_OK); /* empty again */
}

static void text_stops_at_its_ceiling(void **state)
{
    static char block[1 << 20];
    struct text text = {0};
    struct error err = {0};
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 64; i++)
        text_append_bytes(&text, block, sizeof(block));
    assert_int_equal(text_check(&text, &err), STATUS_NO_MEMORY);
    assert_int_equal(text.size, 63 << 20);
    text_release(&text);
}

static void wildcards_match_as_a_shell_would(void **state)
{
    assert_true(text_matches("sales.*", "sales.orders"));
    assert_true(text_matches("*", ""));
    assert_true(text_matches("a*b*c", "a-b-b-c"));
    assert_true(text_matches("a?c", "abc"));
    assert_true(text_matches("*.*", "a.b.c"));
    assert_false(text_matches("a?c", "ac"));
    assert_false(text_matches("sales.*", "sale.orders"));
    assert_false(text_matches("a*b", "a-b-c"));
    assert_false(text_matches("", "x"));
}

static void the_nearest_word_is_suggested_and_no_far_one(void **state)
{
    const char *const words[] = {"lookback", "primary_key", "update_key", "mode"};
    assert_string_equal(text_nearest("lokback", words, 4), "lookback");
    assert_string_equal(text_nearest("primaryKey", words, 4), "primary_key");
    assert_string_equal(text_nearest("PRIMARY_KEY", words, 4), "primary_key");
    assert_string_equal(text_nearest("mdoe", words, 4), "mode"); /* a swap is one step */
    assert_null(text_nearest("watermark", words, 4));
    assert_null(text_nearest("x", words, 4));
    char longest[200];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(text_nearest(longest, words, 4));
}

static size_t valid(const char *bytes)
{
    return text_utf8_valid_prefix(bytes, strlen(bytes));
}

static void only_well_formed_utf8_is_valid(void **state)
{
    assert_int_equal(valid("plain ascii, long enough for words"), 34);
    assert_int_equal(valid("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), 9);
    assert_int_equal(valid("\xF4\x8F\xBF\xBF"), 4);   /* U+10FFFF */
    assert_int_equal(valid("ab\xF4\x90\x80\x80"), 2); /* above it */
    assert_int_equal(valid("ab\xC0\xAF"), 2);         /* overlong */
    assert_int_equal(valid("ab\xE0\x9F\xBF"), 2);     /* overlong */
    assert_int_equal(valid("ab\xF0\x8F\xBF\xBF"), 2); /* overlong */
    assert_int_equal(valid("ab\xED\xA0\x80"), 2);     /* surrogate */
    assert_int_equal(valid("12345678\xE2\x82"), 8);   /* cut */
    assert_int_equal(valid("\x80"), 0);
    assert_int_equal(valid("\xFF"), 0);
    assert_int_equal(text_utf8_valid_prefix("a\0b", 3), 3);
}

/* One bad byte at each place of a text of each length; the one behind its end is bad as well. */
static void a_bad_byte_is_found_at_every_place(void **state)
{
    for (size_t size = 0; size < 100; size++) {
        char *text = malloc(size + 1);
        memset(text, 'a', size);
        text[size] = '\xFF';
        assert_int_equal(text_utf8_valid_prefix(text, size), size);
        for (size_t bad = 0; bad < size; bad++) {
            text[bad] = '\xFF';
            assert_int_equal(text_utf8_valid_prefix(text, size), bad);
            text[bad] = 'a';
        }
        for (size_t at = 0; at + 2 <= size; at++) {
            memcpy(text + at, "\xC3\xA4", 2);
            assert_int_equal(text_utf8_valid_prefix(text, size), size);
            assert_int_equal(text_utf8_valid_prefix(text, at + 1), at);
            memcpy(text + at, "aa", 2);
        }
        free(text);
    }
}

static void whole_numbers_are_read_to_the_last_one(void **state)
{
    int64_t n;
    assert_true(text_parse_int64("-9223372036854775808", 20, &n) && n == INT64_MIN);
    assert_true(text_parse_int64("9223372036854775807", 19, &n) && n == INT64_MAX);
    assert_true(text_parse_int64("+7", 2, &n) && n == 7);
    assert_false(text_parse_int64("9223372036854775808", 19, &n));
    assert_false(text_parse_int64("-9223372036854775809", 20, &n));
    assert_false(text_parse_int64("", 0, &n));
    assert_false(text_parse_int64("-", 1, &n));
    assert_false(text_parse_int64(" 1", 2, &n));
    assert_false(text_parse_int64("1x", 2, &n));
}

static void sizes_are_read_in_both_systems(void **state)
{
    const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"256MB", 256000000}, {"2MiB", 2 << 20}, {"512", 512}, {"1.5 GB", 1500000000},
                {"1.5KiB", 1536},     {"16 eib", 0},     {"0", 0}};
    struct error err = {0};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t bytes = 1;
        status_code got = text_parse_size(good[i].text, &bytes, &err);
        if (strcmp(good[i].text, "16 eib") == 0) {
            assert_int_equal(got, STATUS_BAD_CONFIG);
            continue;
        }
        assert_int_equal(got, STATUS_OK);
        assert_int_equal(bytes, good[i].bytes);
    }
    const char *const bad[] = {
        "", "MB", "-1MB", "1 M", "1MB2", "1.MB", "99999999999999999999", "99999999999TiB"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t bytes = 77;
        assert_int_equal(text_parse_size(bad[i], &bytes, &err), STATUS_BAD_CONFIG);
        assert_int_equal(bytes, 77);
    }
    assert_non_null(strstr(err.text, "got \"99999999999TiB\""));
}

static void durations_are_read_as_people_write_them(void **state)
{
    const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"3 days", 259200}, {"7d", 604800},  {"90s", 90}, {"15 min", 900},
                {"2 h", 7200},      {"1h30m", 5400}, {"0", 0},    {"1 week", 604800}};
    struct error err = {0};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t seconds = -1;
        assert_int_equal(text_parse_duration(good[i].text, &seconds, &err), STATUS_OK);
        assert_int_equal(seconds, good[i].seconds);
    }
    const char *const bad[] = {
        "", "30", "days", "3 dayz", "-3 days", "3 days ago", "99999999999999999 weeks"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t seconds = -1;
        assert_int_equal(text_parse_duration(bad[i], &seconds, &err), STATUS_BAD_CONFIG);
        assert_int_equal(seconds, -1);
    }
}

static void quantities_are_shown_short(void **state)
{
    char buf[32];
    assert_string_equal(text_format_bytes(0, buf), "0 B");
    assert_string_equal(text_format_bytes(999, buf), "999 B");
    assert_string_equal(text_format_bytes(12345678, buf), "12.3 MB");
    assert_string_equal(text_format_bytes(999999, buf), "1.0 MB");
    assert_string_equal(text_format_bytes(UINT64_MAX, buf), "18.4 EB");
    assert_string_equal(text_format_count(7, buf), "7");
    assert_string_equal(text_format_count(1234567, buf), "1,234,567");
    assert_string_equal(text_format_count(UINT64_MAX, buf), "18,446,744,073,709,551,615");
    assert_string_equal(text_format_duration(0.84, buf), "0.8 s");
    assert_string_equal(text_format_duration(59.97, buf), "1 m 0 s");
    assert_string_equal(text_format_duration(250, buf), "4 m 10 s");
    assert_string_equal(text_format_duration(7500, buf), "2 h 5 m");
    assert_string_equal(text_format_duration(90000, buf), "1 d 1 h");
    assert_string_equal(text_format_duration(NAN, buf), "unknown");
}

static void null_equals_only_null(void **state)
{
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal(NULL, ""));
    assert_true(text_equal("a", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_is_taken),
        cmocka_unit_test(json_strings_are_quoted_and_control_characters_spelled),
        cmocka_unit_test(lost_text_is_noticed_once_at_the_end),
        cmocka_unit_test(text_stops_at_its_ceiling),
        cmocka_unit_test(wildcards_match_as_a_shell_would),
        cmocka_unit_test(the_nearest_word_is_suggested_and_no_far_one),
        cmocka_unit_test(only_well_formed_utf8_is_valid),
        cmocka_unit_test(a_bad_byte_is_found_at_every_place),
        cmocka_unit_test(whole_numbers_are_read_to_the_last_one),
        cmocka_unit_test(sizes_are_read_in_both_systems),
        cmocka_unit_test(durations_are_read_as_people_write_them),
        cmocka_unit_test(quantities_are_shown_short),
        cmocka_unit_test(null_equals_only_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
