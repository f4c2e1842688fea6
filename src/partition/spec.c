/* The text form of one entry of partition_by. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "partition/partition.h"

static const struct {
    const char *word;
    enum partition_transform transform;
} words[] = {
    {"year", PARTITION_YEAR},         {"month", PARTITION_MONTH},   {"day", PARTITION_DAY},
    {"hour", PARTITION_HOUR},         {"ymd", PARTITION_YMD},       {"period", PARTITION_PERIOD},
    {"truncate", PARTITION_TRUNCATE}, {"bucket", PARTITION_BUCKET},
};
enum { N_WORDS = sizeof(words) / sizeof(words[0]) };

struct piece {
    const char *text;
    size_t size;
};

static struct piece trimmed(const char *text, size_t size)
{
    while (size && isspace((unsigned char)text[0]))
        text++, size--;
    while (size && isspace((unsigned char)text[size - 1]))
        size--;
    return (struct piece){text, size};
}

/* Cut " as NAME" off the end; *out_as is empty where there is none. */
static void cut_as(struct piece *whole, struct piece *out_as)
{
    *out_as = (struct piece){"", 0};
    for (size_t i = whole->size; i-- > 1;) {
        if (i + 3 >= whole->size || !isspace((unsigned char)whole->text[i - 1]) ||
            memcmp(whole->text + i, "as", 2) != 0 || !isspace((unsigned char)whole->text[i + 2]))
            continue;
        *out_as = trimmed(whole->text + i + 2, whole->size - i - 2);
        *whole = trimmed(whole->text, i);
        return;
    }
}

static status unknown_transform(struct piece word, struct arena *arena, struct error *err)
{
    const char *choices[N_WORDS];
    for (size_t i = 0; i < N_WORDS; i++)
        choices[i] = words[i].word;
    char *given = arena_strndup(arena, word.text, word.size);
    if (!given)
        return error_no_memory(err);
    const char *near = text_nearest(given, choices, N_WORDS);
    return error_set(err, STATUS_BAD_CONFIG,
                     "unknown partition transform \"%s\"%s%s%s; expected a column, or year, month, "
                     "day, hour, ymd, period, truncate or bucket of one, as in day(created_at)",
                     given, near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bool is_word(struct piece word, size_t which)
{
    return strlen(words[which].word) == word.size &&
           memcmp(words[which].word, word.text, word.size) == 0;
}

static status take_transform(struct piece word, struct arena *arena, struct partition_spec *out,
                             struct error *err)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        if (is_word(word, i)) {
            out->transform = words[i].transform;
            return STATUS_OK;
        }
    }
    return unknown_transform(word, arena, err);
}

/* Cut what follows the last comma off INNER; false if there is none. */
static bool cut_argument(struct piece *inner, struct piece *out)
{
    const char *comma = memrchr(inner->text, ',', inner->size);
    if (!comma)
        return false;
    *out = trimmed(comma + 1, inner->size - (size_t)(comma + 1 - inner->text));
    *inner = trimmed(inner->text, (size_t)(comma - inner->text));
    return true;
}

/* "created_at, 90 days" */
static status take_period(struct piece *inner, struct arena *arena, struct partition_spec *out,
                          struct error *err)
{
    struct piece age;
    if (!cut_argument(inner, &age))
        return error_set(err, STATUS_BAD_CONFIG,
                         "expected period(column, age), as in period(created_at, 90 days)");
    char *text = arena_strndup(arena, age.text, age.size);
    if (!text)
        return error_no_memory(err);
    int64_t seconds;
    TRY_IN(text_parse_duration(text, &seconds, err), err, "in the age of a period");
    if (seconds < 0 || seconds % 86400 != 0 || seconds / 86400 > 3000000)
        return error_set(err, STATUS_BAD_CONFIG,
                         "the age of a period is a number of whole days, got \"%s\"", text);
    out->after_days = (int32_t)(seconds / 86400);
    return STATUS_OK;
}

/* "id, 16" */
static status take_number(struct piece *inner, struct partition_spec *out, struct error *err)
{
    bool bucket = out->transform == PARTITION_BUCKET;
    struct piece number;
    int64_t value;
    if (!cut_argument(inner, &number))
        return error_set(err, STATUS_BAD_CONFIG,
                         bucket ? "expected bucket(column, buckets), as in bucket(id, 16)"
                                : "expected truncate(column, width), as in truncate(id, 1000)");
    if (!text_parse_int64(number.text, number.size, &value) || value < 1 || value > INT32_MAX)
        return error_set(err, STATUS_BAD_CONFIG,
                         "the %s is a whole number from 1 to 2147483647, got \"%.*s\"",
                         bucket ? "number of buckets" : "width of a truncate",
                         (int)(number.size < 100 ? number.size : 100), number.text);
    out->argument = (int32_t)value;
    return STATUS_OK;
}

/* "bucket(id" is what a list in brackets makes of [bucket(id, 16)]. No column is called so. */
static status check_closed(struct piece whole, const char *open, struct error *err)
{
    struct piece word = trimmed(whole.text, (size_t)(open - whole.text));
    for (size_t i = 0; i < N_WORDS; i++)
        if (is_word(word, i) && !memchr(open, ')', whole.size - (size_t)(open - whole.text)))
            return error_set(err, STATUS_BAD_CONFIG,
                             "\"%.*s\" has no \")\"; a comma ends an item of a list in [ ], so put "
                             "the item in quotes, as in [\"bucket(id, 16)\"]",
                             (int)(whole.size < 100 ? whole.size : 100), whole.text);
    return STATUS_OK;
}

static status take_call(struct piece *whole, const char *open, struct arena *arena,
                        struct partition_spec *out, struct error *err)
{
    if (whole->text[whole->size - 1] != ')')
        return check_closed(*whole, open, err);
    TRY(take_transform(trimmed(whole->text, (size_t)(open - whole->text)), arena, out, err));
    *whole = trimmed(open + 1, (size_t)(whole->text + whole->size - 1 - (open + 1)));
    if (out->transform == PARTITION_PERIOD)
        return take_period(whole, arena, out, err);
    if (out->transform == PARTITION_TRUNCATE || out->transform == PARTITION_BUCKET)
        return take_number(whole, out, err);
    return STATUS_OK;
}

status partition_spec_parse(const char *text, struct arena *arena, struct partition_spec *out,
                            struct error *err)
{
    struct piece whole = trimmed(text, strlen(text)), as;
    struct partition_spec spec = {.transform = PARTITION_IDENTITY};
    cut_as(&whole, &as);
    const char *open = memchr(whole.text, '(', whole.size);
    if (open)
        TRY(take_call(&whole, open, arena, &spec, err));
    if (whole.size == 0)
        return error_set(err, STATUS_BAD_CONFIG,
                         "\"%s\" names no column; expected one as in created_at or day(created_at)",
                         text);
    spec.column = arena_strndup(arena, whole.text, whole.size);
    spec.as = as.size ? arena_strndup(arena, as.text, as.size) : NULL;
    if (!spec.column || (as.size && !spec.as))
        return error_no_memory(err);
    *out = spec;
    return STATUS_OK;
}

char *partition_spec_text(const struct partition_spec *spec, struct arena *arena)
{
    const char *between = spec->as ? " as " : "";
    const char *as = spec->as ? spec->as : "";
    if (spec->transform == PARTITION_IDENTITY)
        return arena_printf(arena, "%s%s%s", spec->column, between, as);
    if (spec->transform == PARTITION_PERIOD)
        return arena_printf(arena, "period(%s, %d days)%s%s", spec->column, (int)spec->after_days,
                            between, as);
    const char *word = "";
    for (size_t i = 0; i < N_WORDS; i++)
        if (words[i].transform == spec->transform)
            word = words[i].word;
    if (spec->argument)
        return arena_printf(arena, "%s(%s, %d)%s%s", word, spec->column, (int)spec->argument,
                            between, as);
    return arena_printf(arena, "%s(%s)%s%s", word, spec->column, between, as);
}
