#include "batch/type.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* The words of job files and messages, and the width of a value. The first word of an id is the one
 * printed; the others are taken too. */
static const struct {
    const char *word;
    enum type_id id;
    bool utc;
    bool printed;
} words[] = {
    {"bool", TYPE_BOOL, false, true},
    {"int8", TYPE_INT8, false, true},
    {"int16", TYPE_INT16, false, true},
    {"int32", TYPE_INT32, false, true},
    {"int64", TYPE_INT64, false, true},
    {"uint8", TYPE_UINT8, false, true},
    {"uint16", TYPE_UINT16, false, true},
    {"uint32", TYPE_UINT32, false, true},
    {"uint64", TYPE_UINT64, false, true},
    {"float32", TYPE_FLOAT32, false, true},
    {"float64", TYPE_FLOAT64, false, true},
    {"decimal", TYPE_DECIMAL, false, true},
    {"text", TYPE_UTF8, false, true},
    {"binary", TYPE_BINARY, false, true},
    {"fixed_binary", TYPE_FIXED_BINARY, false, true},
    {"date", TYPE_DATE, false, true},
    {"time", TYPE_TIME, false, true},
    {"timestamp", TYPE_TIMESTAMP, false, true},
    {"timestamp with time zone", TYPE_TIMESTAMP, true, true},
    {"interval", TYPE_INTERVAL, false, true},
    {"uuid", TYPE_UUID, false, true},
    {"json", TYPE_JSON, false, true},
    {"timestamptz", TYPE_TIMESTAMP, true, false},
    {"real", TYPE_FLOAT32, false, false},
    {"double", TYPE_FLOAT64, false, false},
    {"utf8", TYPE_UTF8, false, false},
    {"string", TYPE_UTF8, false, false},
    {"bytes", TYPE_BINARY, false, false},
};
enum { N_WORDS = sizeof(words) / sizeof(words[0]) };

static const char EXPECTED[] =
    "bool, int8 to int64, uint8 to uint64, float32, float64, decimal(p,s), text, binary, "
    "fixed_binary(n), date, time, timestamp, timestamptz, interval, uuid or json";

bool type_equal(struct type a, struct type b)
{
    if (a.id != b.id)
        return false;
    switch (a.id) {
    case TYPE_DECIMAL:
        return a.precision == b.precision && a.scale == b.scale;
    case TYPE_FIXED_BINARY:
        return a.width == b.width;
    case TYPE_TIMESTAMP:
        return a.utc == b.utc;
    default:
        return true;
    }
}

static const char *nested_word(enum type_id id)
{
    return id == TYPE_LIST     ? "list"
           : id == TYPE_STRUCT ? "struct"
           : id == TYPE_MAP    ? "map"
                               : "unknown";
}

const char *type_text(struct type type, char buf[64])
{
    const char *word = nested_word(type.id);
    bool utc = type.id == TYPE_TIMESTAMP && type.utc;
    for (size_t i = 0; i < N_WORDS; i++)
        if (words[i].printed && words[i].id == type.id && words[i].utc == utc)
            word = words[i].word;
    if (type.id == TYPE_DECIMAL)
        snprintf(buf, 64, "decimal(%d,%d)", (int)type.precision, (int)type.scale);
    else if (type.id == TYPE_FIXED_BINARY)
        snprintf(buf, 64, "fixed_binary(%d)", (int)type.width);
    else
        snprintf(buf, 64, "%s", word);
    return buf;
}

/* "(18, 2)" or "(18)" behind a word: up to two numbers. Returns how many, -1 if malformed. */
static int parse_arguments(const char *text, int64_t out[2])
{
    if (*text != '(')
        return -1;
    int n = 0;
    do {
        text++;
        text += strspn(text, " ");
        size_t digits = strspn(text, "0123456789");
        if (n == 2 || digits == 0 || digits > 9 || !text_parse_int64(text, digits, &out[n]))
            return -1;
        n++;
        text += digits;
        text += strspn(text, " ");
    } while (*text == ',');
    return text[0] == ')' && text[1] == '\0' ? n : -1;
}

static status parse_decimal_type(const char *text, const char *rest, struct type *out,
                                 struct error *err)
{
    int64_t numbers[2] = {0, 0};
    if (parse_arguments(rest, numbers) < 1)
        return error_set(err, STATUS_BAD_CONFIG,
                         "expected decimal(precision,scale), as in decimal(18,2), got \"%s\"",
                         text);
    if (numbers[0] < 1 || numbers[0] > DECIMAL_MAX_PRECISION || numbers[1] > numbers[0])
        return error_set(err, STATUS_BAD_CONFIG,
                         "\"%s\": a decimal has 1 to %d digits, of which at most all stand after "
                         "the point",
                         text, DECIMAL_MAX_PRECISION);
    *out = (struct type){
        .id = TYPE_DECIMAL, .precision = (int32_t)numbers[0], .scale = (int32_t)numbers[1]};
    return STATUS_OK;
}

static status parse_fixed_binary_type(const char *text, const char *rest, struct type *out,
                                      struct error *err)
{
    int64_t numbers[2] = {0, 0};
    if (parse_arguments(rest, numbers) != 1 || numbers[0] < 1)
        return error_set(err, STATUS_BAD_CONFIG,
                         "expected fixed_binary(bytes), as in fixed_binary(16), got \"%s\"", text);
    *out = (struct type){.id = TYPE_FIXED_BINARY, .width = (int32_t)numbers[0]};
    return STATUS_OK;
}

static status unknown_type(const char *text, struct error *err)
{
    const char *choices[N_WORDS];
    for (size_t i = 0; i < N_WORDS; i++)
        choices[i] = words[i].word;
    const char *near = text_nearest(text, choices, N_WORDS);
    if (near)
        return error_set(err, STATUS_BAD_CONFIG,
                         "unknown type \"%s\", did you mean \"%s\"? Expected %s", text, near,
                         EXPECTED);
    return error_set(err, STATUS_BAD_CONFIG, "unknown type \"%s\", expected %s", text, EXPECTED);
}

status type_parse(const char *text, struct type *out, struct error *err)
{
    size_t word = strcspn(text, "(");
    while (word && text[word - 1] == ' ')
        word--;
    const char *rest = text + word + strspn(text + word, " ");
    for (size_t i = 0; i < N_WORDS; i++) {
        if (strlen(words[i].word) != word || memcmp(words[i].word, text, word) != 0)
            continue;
        if (words[i].id == TYPE_DECIMAL)
            return parse_decimal_type(text, rest, out, err);
        if (words[i].id == TYPE_FIXED_BINARY)
            return parse_fixed_binary_type(text, rest, out, err);
        if (*rest)
            return error_set(err, STATUS_BAD_CONFIG, "%s takes nothing in parentheses, got \"%s\"",
                             words[i].word, text);
        *out = (struct type){.id = words[i].id, .utc = words[i].utc};
        return STATUS_OK;
    }
    return unknown_type(text, err);
}

size_t decimal_value_bytes(int32_t precision)
{
    return precision <= DECIMAL64_MAX_PRECISION    ? 8
           : precision <= DECIMAL128_MAX_PRECISION ? 16
                                                   : 32;
}

size_t type_value_bytes(struct type type)
{
    switch (type.id) {
    case TYPE_INT8:
    case TYPE_UINT8:
        return 1;
    case TYPE_INT16:
    case TYPE_UINT16:
        return 2;
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_FLOAT32:
    case TYPE_DATE:
        return 4;
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_FLOAT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return 8;
    case TYPE_DECIMAL:
        return decimal_value_bytes(type.precision);
    case TYPE_INTERVAL:
    case TYPE_UUID:
        return 16;
    case TYPE_FIXED_BINARY:
        return (size_t)type.width;
    case TYPE_BOOL:
    case TYPE_UTF8:
    case TYPE_BINARY:
    case TYPE_JSON:
    case TYPE_LIST:
    case TYPE_STRUCT:
    case TYPE_MAP:
        return 0;
    }
    return 0;
}

bool type_is_text_like(struct type type)
{
    return type.id == TYPE_UTF8 || type.id == TYPE_BINARY || type.id == TYPE_JSON;
}

bool type_is_nested(struct type type)
{
    return type.id == TYPE_LIST || type.id == TYPE_STRUCT || type.id == TYPE_MAP;
}
