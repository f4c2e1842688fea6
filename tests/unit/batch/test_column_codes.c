/* Texts of few values and numbers that differ little move as codes, and come back as they were. */
#include "batch/column_codes.h"
#include "rows.h"

enum { ROWS = 3000, LONGEST = 40 };

static const struct field fields[] = {
    {.name = "flag", .type.id = TYPE_UTF8},
    {.name = "number", .type.id = TYPE_INT64},
    {.name = "alike", .type.id = TYPE_BINARY},
    {.name = "comment", .type.id = TYPE_UTF8},
    {.name = "holes", .type.id = TYPE_UTF8, .nullable = true},
    {.name = "empty", .type.id = TYPE_UTF8},
    {.name = "price", .type = {.id = TYPE_DECIMAL, .precision = 15, .scale = 2}},
    {.name = "below zero", .type.id = TYPE_INT64},
    {.name = "instant", .type.id = TYPE_TIMESTAMP},
    {.name = "unsigned", .type.id = TYPE_UINT64},
    {.name = "any", .type.id = TYPE_INT64},
    {.name = "missing", .type.id = TYPE_INT64, .nullable = true},
    {.name = "ratio", .type.id = TYPE_FLOAT64},
    {.name = "day", .type.id = TYPE_DATE},
};
enum {
    FLAG,
    NUMBER,
    ALIKE,
    COMMENT,
    HOLES,
    EMPTY,
    PRICE,
    BELOW_ZERO,
    INSTANT,
    UNSIGNED,
    ANY,
    MISSING,
    RATIO,
    DAY,
    N
};
static const struct schema schema = {.fields = (struct field *)fields, .n_fields = N};

/* They differ in their length, or somewhere in the middle, in the end, in the beginning. */
static const char *const alike[] = {"",
                                    "a",
                                    "ab",
                                    "abcdefgh",
                                    "abcdefghi",
                                    "abcdefgh--abcdefgh",
                                    "abcdefgh+-abcdefgh",
                                    "abcdefgh-+abcdefgh",
                                    "-bcdefgh--abcdefgh",
                                    "abcdefgh--abcdefg-",
                                    "abcdefgh----------------abcdefgh",
                                    "abcdefgh---------+------abcdefgh"};

static void append_text(struct batch *batch, size_t column, const char *text)
{
    CHECK_OK(column_append_bytes(&batch->columns[column], text, strlen(text), &test_error));
}

static void append_numbers(struct column *columns, uint64_t random)
{
    double ratio = (double)(random % 8);
    column_append_i64(&columns[PRICE], (int64_t)(random % 10000000));
    column_append_i64(&columns[BELOW_ZERO], -(int64_t)(random % 200) - 1);
    column_append_i64(&columns[INSTANT], INT64_C(1700000000000000) + (int64_t)(random % 1000));
    column_append_i64(&columns[UNSIGNED], (int64_t)(UINT64_MAX - random % 60000));
    column_append_i64(&columns[ANY], (int64_t)random);
    if (random % 5)
        column_append_i64(&columns[MISSING], (int64_t)(random % 100));
    else
        CHECK_OK(column_append_null(&columns[MISSING], &test_error));
    column_append_fixed(&columns[RATIO], &ratio);
    column_append_i32(&columns[DAY], (int32_t)(random % 3000));
}

static void fill_rows(struct batch *batch, size_t rows, uint64_t seed)
{
    static const char *const flags[] = {"A", "N", "R"};
    CHECK_OK(batch_init(batch, &schema, &test_error));
    CHECK_OK(batch_reserve(batch, rows, &test_error));
    for (size_t i = 0; i < rows; i++) {
        uint64_t random = next_random(&seed);
        char comment[LONGEST];
        (void)snprintf(comment, sizeof(comment), "comment %llu", (unsigned long long)random);
        append_text(batch, FLAG, flags[random % 3]);
        column_append_i64(&batch->columns[NUMBER], (int64_t)i);
        append_text(batch, ALIKE, alike[random / 3 % (sizeof(alike) / sizeof(alike[0]))]);
        append_text(batch, COMMENT, comment);
        if (random % 7)
            append_text(batch, HOLES, "x");
        else
            CHECK_OK(column_append_null(&batch->columns[HOLES], &test_error));
        append_text(batch, EMPTY, "");
        append_numbers(batch->columns, random);
    }
    batch->rows = rows;
}

static const struct {
    enum codes_kind kind;
    unsigned width;
} expected[N] = {
    [FLAG] = {CODES_WORDS, 1},         [NUMBER] = {CODES_NUMBERS, 2},
    [ALIKE] = {CODES_WORDS, 1},        [PRICE] = {CODES_NUMBERS, 4},
    [BELOW_ZERO] = {CODES_NUMBERS, 1}, [INSTANT] = {CODES_NUMBERS, 2},
    [UNSIGNED] = {CODES_NUMBERS, 2},
};

static void coded_rows_come_back_equal(void **state)
{
    struct batch from, into, gathered;
    struct batch_codes codes;
    struct buffer bytes = {0};
    uint32_t order[ROWS];
    uint64_t seed = 5;
    fill_rows(&from, ROWS, 1);
    for (size_t i = 0; i < ROWS; i++)
        order[i] = (uint32_t)(next_random(&seed) % ROWS);
    CHECK_OK(batch_init(&gathered, &schema, &test_error));
    CHECK_OK(batch_codes_init(&codes, N, &test_error));
    CHECK_OK(batch_gather_coded(&gathered, &codes, &from, order, ROWS, &test_error));
    assert_int_equal(codes.columns[FLAG].n_words, 3);
    assert_int_equal(codes.columns[ALIKE].n_words, 12);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(codes.columns[i].kind, expected[i].kind);
        assert_int_equal(gathered.columns[i].rows, expected[i].kind == CODES_NONE ? ROWS : 0);
        if (expected[i].kind != CODES_NONE)
            assert_int_equal(codes.columns[i].width, expected[i].width);
    }
    static const size_t pieces[] = {0, 1, 2, 50, 51, 1500, ROWS}; /* where each begins */
    for (size_t k = 0; k + 1 < sizeof(pieces) / sizeof(pieces[0]); k++) {
        size_t first = pieces[k], n = pieces[k + 1] - first;
        CHECK_OK(batch_init(&into, &schema, &test_error));
        bytes.size = 0;
        CHECK_OK(batch_write_plain_coded(&gathered, &codes, first, n, &bytes, &test_error));
        CHECK_OK(batch_read_plain(&into, bytes.data, bytes.size, &test_error));
        assert_int_equal(batch_plain_column_bytes(bytes.data, bytes.size), batch_bytes(&into));
        CHECK_OK(batch_read_plain(&into, bytes.data, bytes.size, &test_error));
        check_batch(&into);
        assert_int_equal(into.rows, 2 * n);
        for (size_t i = 0; i < 2 * n; i++)
            check_same_row(&into, i, &from, order[first + i % n]);
        batch_release(&into);
    }
    buffer_release(&bytes);
    batch_codes_release(&codes);
    batch_release(&from);
    batch_release(&gathered);
}

/* A batch of the column FLAG with these texts; is it coded? */
static bool is_coded(const char *const *texts, size_t n)
{
    static const struct schema one = {.fields = (struct field *)fields, .n_fields = 1};
    struct batch from, into;
    struct batch_codes codes;
    uint32_t order[64];
    CHECK_OK(batch_init(&from, &one, &test_error));
    CHECK_OK(batch_init(&into, &one, &test_error));
    CHECK_OK(batch_codes_init(&codes, 1, &test_error));
    CHECK_OK(batch_reserve(&from, n, &test_error));
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
        append_text(&from, FLAG, texts[i]);
    }
    from.rows = n;
    CHECK_OK(batch_gather_coded(&into, &codes, &from, order, n, &test_error));
    bool coded = codes.columns[FLAG].kind == CODES_WORDS;
    assert_int_equal(into.columns[FLAG].rows, coded ? 0 : n);
    batch_codes_release(&codes);
    batch_release(&from);
    batch_release(&into);
    return coded;
}

static void many_values_and_long_ones_stay_texts(void **state)
{
    char texts[MOST_CODED_WORDS + 1][3];
    const char *many[MOST_CODED_WORDS + 1];
    for (size_t i = 0; i <= MOST_CODED_WORDS; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%02u", (unsigned)i % 100);
        many[i] = texts[i];
    }
    assert_true(is_coded(many, MOST_CODED_WORDS));
    assert_false(is_coded(many, MOST_CODED_WORDS + 1));
    assert_true(is_coded((const char *[]){"a", "0123456789abcdef0123456789abcdef"}, 2));
    assert_false(is_coded((const char *[]){"a", "0123456789abcdef0123456789abcdef0"}, 2));
}

/* What one batch left says nothing about the next. */
static void codes_are_used_again(void **state)
{
    struct batch from, into, back;
    struct batch_codes codes;
    struct buffer bytes = {0};
    uint32_t order[100];
    for (size_t i = 0; i < 100; i++)
        order[i] = (uint32_t)(99 - i);
    CHECK_OK(batch_init(&into, &schema, &test_error));
    CHECK_OK(batch_codes_init(&codes, N, &test_error));
    for (uint64_t seed = 1; seed < 4; seed++) {
        fill_rows(&from, 100, seed);
        batch_clear(&into);
        bytes.size = 0;
        CHECK_OK(batch_gather_coded(&into, &codes, &from, order, 100, &test_error));
        CHECK_OK(batch_write_plain_coded(&into, &codes, 0, 100, &bytes, &test_error));
        CHECK_OK(batch_init(&back, &schema, &test_error));
        CHECK_OK(batch_read_plain(&back, bytes.data, bytes.size, &test_error));
        for (size_t i = 0; i < 100; i++)
            check_same_row(&back, i, &from, order[i]);
        batch_release(&back);
        batch_release(&from);
    }
    buffer_release(&bytes);
    batch_codes_release(&codes);
    batch_release(&into);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coded_rows_come_back_equal),
        cmocka_unit_test(many_values_and_long_ones_stay_texts),
        cmocka_unit_test(codes_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
