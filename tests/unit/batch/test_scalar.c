#include <float.h>
#include <math.h>

#include "batch/decimal.h"
#include "batch/scalar.h"
#include "rows.h"

static struct type decimal(int32_t precision, int32_t scale)
{
    return (struct type){.id = TYPE_DECIMAL, .precision = precision, .scale = scale};
}

static void check_round_trip(struct type type, const char *text)
{
    struct arena arena = {0};
    struct scalar scalar;
    CHECK_OK(scalar_parse(type, text, strlen(text), &scalar, &test_error));
    assert_string_equal(scalar_text(&scalar, &arena), text);
    arena_release(&arena);
}

static void check_refused(struct type type, const char *text)
{
    struct scalar scalar;
    struct error err;
    if (scalar_parse(type, text, strlen(text), &scalar, &err) != STATUS_BAD_DATA)
        fail_msg("\"%s\" was taken", text);
}

static void canonical_text_reads_back(void **state)
{
    static const struct {
        struct type type;
        const char *text;
    } cases[] = {
        {{TYPE_BOOL}, "true"},
        {{TYPE_BOOL}, "false"},
        {{TYPE_INT8}, "-128"},
        {{TYPE_INT16}, "32767"},
        {{TYPE_INT32}, "-2147483648"},
        {{TYPE_INT64}, "-9223372036854775808"},
        {{TYPE_INT64}, "9223372036854775807"},
        {{TYPE_UINT8}, "255"},
        {{TYPE_UINT64}, "18446744073709551615"},
        {{TYPE_FLOAT32}, "0.1"},
        {{TYPE_FLOAT32}, "3.4028235e+38"},
        {{TYPE_FLOAT64}, "0.1"},
        {{TYPE_FLOAT64}, "-0"},
        {{TYPE_FLOAT64}, "1.7976931348623157e+308"},
        {{TYPE_FLOAT64}, "5e-324"},
        {{TYPE_FLOAT64}, "NaN"},
        {{TYPE_FLOAT64}, "-Infinity"},
        {{TYPE_DATE}, "0001-01-01"},
        {{TYPE_DATE}, "9999-12-31"},
        {{TYPE_DATE}, "@-2147483648"},
        {{TYPE_TIME}, "00:00:00"},
        {{TYPE_TIME}, "23:59:59.999999"},
        {{TYPE_TIME}, "24:00:00"},
        {{TYPE_TIMESTAMP}, "1969-12-31T23:59:59.999999"},
        {{TYPE_TIMESTAMP}, "0001-01-01T00:00:00"},
        {{TYPE_TIMESTAMP}, "@-9223372036854775808"},
        {{TYPE_TIMESTAMP, .utc = true}, "2013-11-30T08:15:00.123456Z"},
        {{TYPE_INTERVAL}, "-1 months 2 days -3 ns"},
        {{TYPE_UUID}, "00112233-4455-6677-8899-aabbccddeeff"},
        {{TYPE_FIXED_BINARY, .width = 3}, "0x00ff7f"},
        {{TYPE_UTF8}, ""},
        {{TYPE_UTF8}, "Żółw"},
        {{TYPE_JSON}, "{}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_round_trip(cases[i].type, cases[i].text);
    check_round_trip(decimal(4, 2), "12.30");
    check_round_trip(decimal(4, 2), "-0.05");
    check_round_trip(decimal(4, 0), "0");
    check_round_trip(decimal(3, 3), "0.001");
}

static void other_text_is_refused(void **state)
{
    static const struct {
        struct type type;
        const char *text;
    } cases[] = {
        {{TYPE_BOOL}, "1"},
        {{TYPE_BOOL}, "TRUE"},
        {{TYPE_INT8}, "128"},
        {{TYPE_INT32}, "007"},
        {{TYPE_INT32}, "+1"},
        {{TYPE_INT32}, " 1"},
        {{TYPE_INT32}, ""},
        {{TYPE_INT64}, "9223372036854775808"},
        {{TYPE_UINT8}, "-1"},
        {{TYPE_UINT64}, "18446744073709551616"},
        {{TYPE_FLOAT64}, "0x10"},
        {{TYPE_FLOAT64}, "1.0"},
        {{TYPE_DATE}, "2013-1-1"},
        {{TYPE_DATE}, "@0"},
        {{TYPE_DATE}, "@2147483648"},
        {{TYPE_TIMESTAMP}, "2013-11-30 08:15:00"},
        {{TYPE_TIMESTAMP}, "2013-11-30T08:15:00Z"},
        {{TYPE_TIMESTAMP, .utc = true}, "2013-11-30T08:15:00"},
        {{TYPE_UUID}, "00112233445566778899aabbccddeeff"},
        {{TYPE_UUID}, "00112233-4455-6677-8899-AABBCCDDEEFF"},
        {{TYPE_FIXED_BINARY, .width = 3}, "0x00ff"},
        {{TYPE_BINARY}, "0x00"},
        {{TYPE_LIST}, "[]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_refused(cases[i].type, cases[i].text);
    check_refused(decimal(4, 2), "12.3");
    check_refused(decimal(4, 2), "123.45");
    check_refused(decimal(4, 2), "-0.00");
}

static void check_decimal(const char *text, int32_t precision, int32_t scale, const char *expected)
{
    uint8_t value[32];
    char back[DECIMAL_TEXT_BYTES];
    bool taken = parse_decimal(text, strlen(text), precision, scale, value);
    if (!expected) {
        if (taken)
            fail_msg("%s was taken as decimal(%d,%d)", text, (int)precision, (int)scale);
        return;
    }
    if (!taken)
        fail_msg("%s was refused as decimal(%d,%d)", text, (int)precision, (int)scale);
    decimal_format(value, decimal_value_bytes(precision), scale, back);
    assert_string_equal(back, expected);
}

#define NINES_38 "99999999999999999999999999999999999999"

static void decimals_keep_every_digit(void **state)
{
    check_decimal(NINES_38, 38, 0, NINES_38);
    check_decimal(("-" NINES_38), 38, 0, "-" NINES_38);
    check_decimal(NINES_38 NINES_38, 76, 0, NINES_38 NINES_38);
    check_decimal("-" NINES_38 "." NINES_38, 76, 38, "-" NINES_38 "." NINES_38);
    check_decimal(NINES_38 "0", 38, 0, NULL);
    check_decimal(NINES_38 NINES_38 "0", 76, 0, NULL);
    for (int32_t scale = 0; scale <= 18; scale++) { /* 8 bytes and 16 */
        char most[DECIMAL_TEXT_BYTES], beyond[DECIMAL_TEXT_BYTES];
        snprintf(most, sizeof(most), "-%.*s%s%.*s", scale == 18 ? 1 : 18 - (int)scale,
                 scale == 18 ? "0" : NINES_38, scale ? "." : "", (int)scale, NINES_38);
        snprintf(beyond, sizeof(beyond), "1%0*d%s%.*s", 18 - (int)scale, 0, scale ? "." : "",
                 (int)scale, "000000000000000000");
        if (scale == 18)
            snprintf(beyond, sizeof(beyond), "1.000000000000000000");
        check_decimal(most, 18, scale, most);
        check_decimal(most + 1, 18, scale, most + 1);
        check_decimal(most, 19, scale, most);
        check_decimal(beyond, 18, scale, NULL);
        check_decimal(beyond, 19, scale, beyond);
        snprintf(most, sizeof(most), "-9%.*s%s%.*s", 18 - (int)scale, NINES_38, scale ? "." : "",
                 (int)scale, NINES_38);
        check_decimal(most, 19, scale, most);
        check_decimal(most, 18, scale, NULL);
    }
    check_decimal("1e37", 38, 0, "10000000000000000000000000000000000000");
    check_decimal("1e38", 38, 0, NULL);
    check_decimal("123.4500", 5, 2, "123.45");
    check_decimal("123.456", 5, 2, NULL);
    check_decimal("1234.5", 5, 2, NULL);
    check_decimal("-0", 5, 2, "0.00");
    check_decimal(
        "000000000000000000000000000000000000000000000000000000000000000000000000000001.5", 5, 2,
        "1.50");
    check_decimal("1.5e+2", 5, 2, "150.00");
    check_decimal("15000e-2", 5, 2, "150.00");
    check_decimal("1e-3", 5, 2, NULL);
    check_decimal("0e999999999999999999999", 5, 2, "0.00");
    check_decimal("1e999999999999999999999", 5, 2, NULL);
    check_decimal("1e-99999999999999999999", 5, 2, NULL);
    check_decimal("+7", 5, 2, "7.00");
    static const char *const bad[] = {"",   "+",  "-",   ".5",  "5.",  "1e",    "1e+", "1.e2",
                                      "1 ", " 1", "1,5", "0x1", "--1", "1e2.0", "NaN", "1e2e3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_decimal(bad[i], 38, 10, NULL);
}

static void decimals_are_ordered_by_value(void **state)
{
    static const char *const rising[] = {
        ("-" NINES_38),         "-18446744073709551616", "-1.5",  "-1.49", "0", "0.01", "1",
        "18446744073709551615", "18446744073709551616",  NINES_38};
    for (int32_t precision = 40; precision <= 76; precision += 36)
        for (size_t i = 1; i < sizeof(rising) / sizeof(rising[0]); i++) {
            struct scalar a = {.type = decimal(precision, 2)}, b = a;
            assert_true(parse_decimal(rising[i - 1], strlen(rising[i - 1]), precision, 2, a.fixed));
            assert_true(parse_decimal(rising[i], strlen(rising[i]), precision, 2, b.fixed));
            assert_int_equal(scalar_compare(&a, &b), -1);
            assert_int_equal(scalar_compare(&b, &a), 1);
            assert_int_equal(scalar_compare(&a, &a), 0);
        }
}

static void every_day_of_the_calendar_reads_back(void **state)
{
    struct arena arena = {0};
    int32_t days;
    assert_true(parse_date("0001-01-01", 10, &days));
    assert_int_equal(days, -719162);
    int32_t first = days;
    assert_true(parse_date("9999-12-31", 10, &days));
    assert_int_equal(days, 2932896);
    for (int32_t day = first; day <= days; day += 97) {
        struct scalar scalar = {.type.id = TYPE_DATE, .i64 = day};
        int32_t back;
        char *text = scalar_text(&scalar, &arena);
        assert_true(parse_date(text, strlen(text), &back));
        assert_int_equal(back, day);
        arena_release(&arena);
    }
    static const char *const bad[] = {"0000-12-31", "10000-1-1",  "2013-02-29", "1900-02-29",
                                      "2013-13-01", "2013-00-01", "2013-01-00", "2013-04-31",
                                      "2013/04/30", "2013-04-3x", "-013-04-30", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(parse_date(bad[i], strlen(bad[i]), &days));
    assert_true(parse_date("2000-02-29", 10, &days));
    assert_true(parse_date("1904-02-29", 10, &days));
}

static void timestamps_have_strict_forms(void **state)
{
    static const struct {
        const char *text;
        bool zoned;
        int64_t us;
    } good[] = {
        {"1970-01-01T00:00", false, 0},
        {"1970-01-01 00:00:01", false, 1000000},
        {"1970-01-01T00:00:00.5", false, 500000},
        {"1970-01-01T00:00:00.123456000", false, 123456},
        {"1969-12-31T23:59:59.999999Z", true, -1},
        {"1970-01-01T02:00:00+02", true, 0},
        {"1970-01-01T02:30+02:30", true, 0},
        {"1969-12-31 19:00:00-05:00", true, 0},
        {"1900-03-01T00:00:00Z", true, INT64_C(-2203891200) * 1000000},
        {"1900-02-28T00:00:00Z", true, INT64_C(-2203977600) * 1000000},
    };
    static const char *const bad[] = {"1970-01-01",
                                      "1970-01-01T",
                                      "1970-01-01T00",
                                      "1970-01-01T24:00",
                                      "1970-01-01T00:60",
                                      "1970-01-01T00:00:60",
                                      "1970-01-01T00:00:00.",
                                      "1970-01-01T00:00:00.1234567",
                                      "1970-01-01T00:00:00.1234560000",
                                      "1970-01-01T00:00:00z",
                                      "1970-01-01T00:00:00+2",
                                      "1970-01-01T00:00:00+0200",
                                      "1970-01-01T00:00:00+24:00",
                                      "1970-01-01T00:00:00 Z",
                                      "1970-01-01t00:00:00",
                                      "1970-01-01T00:00:00Zx",
                                      "1900-02-29T00:00:00",
                                      "0001-01-01T00:00:00+00:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "1970-01-01T00:00:"};
    int64_t us;
    bool zoned;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(parse_timestamp(good[i].text, strlen(good[i].text), &us, &zoned));
        assert_int_equal(us, good[i].us);
        assert_int_equal(zoned, good[i].zoned);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse_timestamp(bad[i], strlen(bad[i]), &us, &zoned))
            fail_msg("%s was taken", bad[i]);
    assert_true(parse_time("24:00:00", 8, &us));
    assert_false(parse_time("24:00:00.000001", 15, &us));
    assert_false(parse_time("08:15:00Z", 9, &us));
}

static void nulls_come_first_and_nan_last(void **state)
{
    struct scalar null = {.type.id = TYPE_FLOAT64, .is_null = true};
    struct scalar nan = {.type.id = TYPE_FLOAT64, .f64 = NAN};
    struct scalar low = {.type.id = TYPE_FLOAT64, .f64 = -INFINITY};
    struct scalar high = {.type.id = TYPE_FLOAT64, .f64 = INFINITY};
    const struct scalar *rising[] = {&null, &low, &high, &nan};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++)
            assert_int_equal(scalar_compare(rising[i], rising[k]), (i > k) - (i < k));
    struct scalar a = {.type.id = TYPE_UTF8, .bytes = "a", .size = 1};
    struct scalar ab = {.type.id = TYPE_UTF8, .bytes = "ab", .size = 2};
    struct scalar big = {.type.id = TYPE_UTF8, .bytes = "\xc3", .size = 1};
    assert_int_equal(scalar_compare(&a, &ab), -1);
    assert_int_equal(scalar_compare(&big, &ab), 1);
}

static void values_of_a_column_are_copied_whole(void **state)
{
    struct batch batch;
    CHECK_OK(batch_init(&batch, &every_type, &test_error));
    fill(&batch, 40, 3, 4);
    for (size_t c = 0; c < N_FIELDS; c++) {
        if (type_is_nested(every_field[c].type))
            continue;
        for (size_t i = 0; i < 40; i++) {
            struct arena arena = {0};
            struct scalar value, copy;
            scalar_from_column(&value, &batch.columns[c], i);
            CHECK_OK(scalar_copy(&copy, &value, &arena, &test_error));
            assert_int_equal(value.is_null, column_is_null(&batch.columns[c], i));
            assert_int_equal(scalar_compare(&value, &copy), 0);
            assert_string_equal(scalar_text(&value, &arena), scalar_text(&copy, &arena));
            arena_release(&arena);
        }
    }
    batch_release(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_text_reads_back),
        cmocka_unit_test(other_text_is_refused),
        cmocka_unit_test(decimals_keep_every_digit),
        cmocka_unit_test(decimals_are_ordered_by_value),
        cmocka_unit_test(every_day_of_the_calendar_reads_back),
        cmocka_unit_test(timestamps_have_strict_forms),
        cmocka_unit_test(nulls_come_first_and_nan_last),
        cmocka_unit_test(values_of_a_column_are_copied_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
