/* numeric into decimals of 64, 128 and 256 bits and into text: weights, scales, digits to spare, and what is too much. */
#include <stdio.h>

#include "postgres_bytes.h"

#define DECIMAL(p, s) ((struct type){.id = TYPE_DECIMAL, .precision = (p), .scale = (s)})
static const struct type as_text = {.id = TYPE_UTF8};

/* One number alone: WORDS, or NULL where it does not fit. */
static void check_one(struct type type, const char *number, const char *words)
{
    struct bytes b = {0};
    put_numeric_text(&b, number);
    check_decodes(WIRE_NUMERIC, type, &b, words ? words : "", !words);
}

#define NINES19 "9999999999999999999"
#define NINES38 NINES19 NINES19
#define NINES76 NINES38 NINES38

static void numbers_fill_their_precision_and_no_more(void **state)
{
    check_one(DECIMAL(1, 0), "9", "9");
    check_one(DECIMAL(1, 0), "10", NULL);
    check_one(DECIMAL(4, 2), "99.99", "99.99");
    check_one(DECIMAL(4, 2), "-99.99", "-99.99");
    check_one(DECIMAL(4, 2), "100.00", NULL);
    check_one(DECIMAL(4, 2), "-100.00", NULL);
    check_one(DECIMAL(38, 0), NINES38, NINES38);
    check_one(DECIMAL(38, 0), "-" NINES38, "-" NINES38);
    check_one(DECIMAL(38, 0), "100000000000000000000000000000000000000", NULL);
    check_one(DECIMAL(38, 38), "0." NINES38, "0." NINES38);
    check_one(DECIMAL(38, 38), "1", NULL);
    check_one(DECIMAL(38, 37),
              "9."
              "9999999999999999999999999999999999999",
              "9."
              "9999999999999999999999999999999999999");
    check_one(DECIMAL(39, 0), NINES38 "9", NINES38 "9");
    check_one(DECIMAL(76, 0), NINES76, NINES76);
    check_one(DECIMAL(76, 0), "-" NINES76, "-" NINES76);
    check_one(DECIMAL(76, 0), NINES76 "9", NULL);
    check_one(DECIMAL(76, 38), NINES38 "." NINES38, NINES38 "." NINES38);
}

/* Where 8 bytes end and 16 begin, at every scale. */
static void eighteen_digits_and_nineteen_are_filled_and_no_more(void **state)
{
    for (int32_t precision = 18; precision <= 19; precision++)
        for (int32_t scale = 0; scale <= precision; scale++) {
            char most[96], beyond[96], finer[104];
            int before = precision - scale;
            snprintf(most, sizeof(most), "-%.*s%s%.*s", before ? before : 1, before ? NINES38 : "0",
                     scale ? "." : "", (int)scale, NINES38);
            snprintf(beyond, sizeof(beyond), "1%.*s", before, "0000000000000000000");
            snprintf(finer, sizeof(finer), "%s%s1", most, scale ? "" : ".");
            check_one(DECIMAL(precision, scale), most, most);
            check_one(DECIMAL(precision, scale), most + 1, most + 1);
            check_one(DECIMAL(precision, scale), beyond, NULL);
            check_one(DECIMAL(precision, scale), finer, NULL);
        }
}

/* 2^64 and its neighbours, and what lies far above: sums of 64 bits that wrap around would be small again. */
static void numbers_beyond_64_bits_do_not_come_back_small(void **state)
{
    static const char *const numbers[] = {
        "1000000000000000000",   "9223372036854775807",
        "9223372036854775808",   "18446744073709551615",
        "18446744073709551616",  "18446744073709551617",
        "36893488147419103233",  "99999999999999999999",
        "100000000000000000001", "340282366920938463463374607431768211457",
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (int32_t scale = 0; scale <= 18; scale++) {
            check_one(DECIMAL(18, scale), numbers[i], NULL);
            struct text text = {0};
            text_printf(&text, "%.*s.%s", (int)strlen(numbers[i]) - 10, numbers[i],
                        numbers[i] + strlen(numbers[i]) - 10);
            check_one(DECIMAL(18, 10), text_string(&text), NULL);
            text_release(&text);
        }
}

/* 2^128 and its neighbours: sums that wrap around would be small again. */
static void numbers_beyond_128_bits_do_not_come_back_small(void **state)
{
    static const char *const numbers[] = {
        "170141183460469231731687303715884105727",
        "170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455",
        "340282366920938463463374607431768211456",
        "340282366920938463463374607431768211457",
        "340282366920938463463374607431768219999",
        "340282366920938463463374607431768210000",
        "680564733841876926926749214863536422912",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936",
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        check_one(DECIMAL(38, 0), numbers[i], NULL);
    check_one(DECIMAL(38, 2), "3402823669209384634633746074317682114.56", NULL);
    check_one(DECIMAL(38, 3), "340282366920938463463374607431768211.456", NULL);
}

static void digits_behind_the_scale_are_refused_unless_zero(void **state)
{
    check_one(DECIMAL(10, 2), "1.23", "1.23");
    check_one(DECIMAL(10, 2), "1.230", "1.23");
    check_one(DECIMAL(10, 2), "1.2300000000", "1.23");
    check_one(DECIMAL(10, 2), "1.231", NULL);
    check_one(DECIMAL(10, 2), "1.23001", NULL);
    check_one(DECIMAL(10, 2), "0.001", NULL);
    check_one(DECIMAL(10, 2), "0.00000001", NULL);
    check_one(DECIMAL(10, 0), "0.1", NULL);
    check_one(DECIMAL(10, 4), "0.0001", "0.0001");
    check_one(DECIMAL(10, 5), "0.00001", "0.00001");
    check_one(DECIMAL(10, 5), "0.000011", NULL);
    check_one(DECIMAL(38, 6), "12345678901234567890.123456", "12345678901234567890.123456");
    check_one(DECIMAL(38, 6), "12345678901234567890.1234561", NULL);
    check_one(DECIMAL(50, 6), "12345678901234567890.1234561", NULL);
}

static void zero_has_many_forms(void **state)
{
    for (int i = 0; i < 19 + 39; i++) { /* each scale of 18 digits, then of 38 */
        struct bytes b = {0};
        struct bench bench;
        static const uint8_t zeros[5 * 16];
        int precision = i < 19 ? 18 : 38, scale = i < 19 ? i : i - 19;
        bench_init(&bench, WIRE_NUMERIC, DECIMAL(precision, scale), true);
        put_numeric(&b, 0, 0, 0, 0, NULL);
        put_numeric(&b, 0, 0, 7, 0, NULL);
        put_numeric(&b, -20, 0, 16383, 0, NULL);
        put_numeric(&b, 32767, 0x4000, 3, 0, NULL); /* no server writes it */
        put_numeric(&b, 12, 0, 3, 3, (const uint16_t[]){0, 0, 0});
        assert_int_equal(decode_from(&bench, &b, 0), 5);
        assert_memory_equal(bench.column.values.data, zeros, 5 * bench.column.value_bytes);
        bench_release(&bench);
        bytes_release(&b);
    }
    check_one(as_text, "0", "0");
    check_one(as_text, "0.000", "0.000");
}

static void what_is_no_number_is_refused_as_a_decimal_and_named_as_text(void **state)
{
    static const struct {
        unsigned sign;
        const char *words;
    } specials[] = {{0xc000, "NaN"}, {0xd000, "Infinity"}, {0xf000, "-Infinity"}};
    for (size_t i = 0; i < 3; i++) {
        struct bytes b = {0};
        put_numeric(&b, 0, specials[i].sign, 0, 0, NULL);
        check_decodes(WIRE_NUMERIC, DECIMAL(38, 2), &b, "", true);
        put_numeric(&b, 0, specials[i].sign, 0, 0, NULL);
        check_decodes(WIRE_NUMERIC, DECIMAL(76, 2), &b, "", true);
        put_numeric(&b, 0, specials[i].sign, 0, 0, NULL);
        check_decodes(WIRE_NUMERIC, as_text, &b, specials[i].words, false);
    }
}

static void forms_that_lie_are_refused(void **state)
{
    static const struct type types[] = {{.id = TYPE_DECIMAL, .precision = 12, .scale = 2},
                                        {.id = TYPE_DECIMAL, .precision = 38, .scale = 2},
                                        {.id = TYPE_DECIMAL, .precision = 76, .scale = 2},
                                        {.id = TYPE_UTF8}};
    for (size_t i = 0; i < 4; i++) {
        struct bytes b = {0};
        put_numeric(&b, 0, 0x2000, 0, 0, NULL); /* no such sign */
        check_decodes(WIRE_NUMERIC, types[i], &b, "", true);
        put_numeric(&b, 0, 0, 0x4000, 0, NULL); /* no such scale */
        check_decodes(WIRE_NUMERIC, types[i], &b, "", true);
        put_numeric(&b, 0, 0, 0, 1, (const uint16_t[]){10000}); /* no such digit */
        check_decodes(WIRE_NUMERIC, types[i], &b, "", true);
        put_numeric(&b, 4, 0, 0, 5, (const uint16_t[]){1, 0, 65535, 0, 0});
        check_decodes(WIRE_NUMERIC, types[i], &b, "", true);
        put_field(&b, "\0\2\0\0\0\0\0\0\0\1", 10); /* says two, has one */
        check_decodes(WIRE_NUMERIC, types[i], &b, "", true);
        put_field(&b, "\xff\xff\0\0\0\0\0\0\0\1", 10);
        check_decodes(WIRE_NUMERIC, types[i], &b, "", true);
        put_field(&b, "\0\0\0\0\0\0\0\0\0", 9);
        check_decodes(WIRE_NUMERIC, types[i], &b, "", true);
    }
    struct bytes b = {0};
    put_numeric(&b, 32767, 0, 0, 1, (const uint16_t[]){1}); /* right, and enormous */
    check_decodes(WIRE_NUMERIC, types[1], &b, "", true);
    put_numeric(&b, -32768, 0, 16383, 1, (const uint16_t[]){1});
    check_decodes(WIRE_NUMERIC, types[1], &b, "", true);
}

static void text_keeps_each_digit(void **state)
{
    static const char *const numbers[] = {"1",
                                          "-1",
                                          "10000",
                                          "9999",
                                          "100000000",
                                          "0.5",
                                          "-0.0001",
                                          "0.00010000",
                                          "12345.678901",
                                          "0.00000000000000000001",
                                          "100000000000000000000000000000.00000"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        check_one(as_text, numbers[i], numbers[i]);
    struct bytes b = {0};
    struct bench bench;
    bench_init(&bench, WIRE_NUMERIC, as_text, true);
    put_numeric(&b, 32767, 0x4000, 16383, 1, (const uint16_t[]){9999}); /* the largest there is */
    assert_int_equal(decode_from(&bench, &b, 0), 1);
    assert_int_equal(bench.column.data.size, 1 + 131072 + 1 + 16383);
    assert_memory_equal(bench.column.data.data, "-99990000", 9);
    bench_release(&bench);
    bytes_release(&b);
}

/* ---- any number: the kernels agree with its text, read by the parser of decimals ---- */

static uint64_t seed = 88172645463325252u;

static unsigned random_below(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % n;
}

static void random_number(char *out, int precision, int scale)
{
    int before = (int)random_below((unsigned)(precision - scale) + 2) + 1;
    int behind = (int)random_below((unsigned)scale + 3);
    if (random_below(3) == 0)
        *out++ = '-';
    for (int i = 0; i < before; i++)
        *out++ = (char)('0' + (random_below(4) ? random_below(10) : 9 * random_below(2)));
    if (behind) {
        *out++ = '.';
        for (int i = 0; i < behind; i++)
            *out++ = (char)('0' + (random_below(3) ? random_below(10) : 0));
    }
    *out = 0;
}

static void check_random(int precision, int scale)
{
    struct bytes b = {0};
    struct bench bench;
    struct text text = {0};
    char number[256];
    uint8_t expected[32];
    random_number(number, precision, scale);
    bench_init(&bench, WIRE_NUMERIC, DECIMAL(precision, scale), true);
    put_numeric_text(&b, number);
    assert_true(numeric_text(b.buffer.data + 4, b.buffer.size - 4, &text));
    bool fits = parse_decimal(text_string(&text), text.size, precision, scale, expected);
    bool same = parse_decimal(number, strlen(number), precision, scale, expected);
    assert_int_equal(fits, same);
    if (decode_from(&bench, &b, 0) != fits)
        fail_msg("%s as decimal(%d,%d)", number, precision, scale);
    if (fits && memcmp(bench.column.values.data, expected, bench.column.value_bytes) != 0)
        fail_msg("%s as decimal(%d,%d) is %s", number, precision, scale,
                 column_words(&bench.column));
    text_release(&text);
    bench_release(&bench);
    bytes_release(&b);
}

static void any_number_is_what_its_text_says(void **state)
{
    for (int i = 0; i < 40000; i++) {
        int precision = 1 + (int)random_below(i % 2 ? 76 : 20);
        check_random(precision, (int)random_below((unsigned)precision + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_fill_their_precision_and_no_more),
        cmocka_unit_test(eighteen_digits_and_nineteen_are_filled_and_no_more),
        cmocka_unit_test(numbers_beyond_64_bits_do_not_come_back_small),
        cmocka_unit_test(numbers_beyond_128_bits_do_not_come_back_small),
        cmocka_unit_test(digits_behind_the_scale_are_refused_unless_zero),
        cmocka_unit_test(zero_has_many_forms),
        cmocka_unit_test(what_is_no_number_is_refused_as_a_decimal_and_named_as_text),
        cmocka_unit_test(forms_that_lie_are_refused),
        cmocka_unit_test(text_keeps_each_digit),
        cmocka_unit_test(any_number_is_what_its_text_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
