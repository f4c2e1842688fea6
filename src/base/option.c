#include "base/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

size_t option_count(const struct option_spec *specs)
{
    size_t n = 0;
    while (specs && specs[n].name)
        n++;
    return n;
}

const struct option_value *option_find(const struct option_values *values, const char *name)
{
    for (size_t i = 0; i < values->n_values; i++)
        if (strcmp(values->specs[i].name, name) == 0)
            return &values->values[i];
    return NULL;
}

const char *option_text(const struct option_values *values, const char *name)
{
    const struct option_value *value = option_find(values, name);
    return value ? value->text : NULL;
}

int64_t option_number(const struct option_values *values, const char *name)
{
    const struct option_value *value = option_find(values, name);
    return value ? value->number : 0;
}

bool option_given(const struct option_values *values, const char *name)
{
    const struct option_value *value = option_find(values, name);
    return value && value->given;
}

const char *option_kind_text(enum option_kind kind)
{
    static const char *const words[] = {
        [OPTION_TEXT] = "text",     [OPTION_SECRET] = "secret", [OPTION_BOOL] = "true or false",
        [OPTION_INT] = "integer",   [OPTION_SIZE] = "size",     [OPTION_DURATION] = "duration",
        [OPTION_PERCENT] = "share", [OPTION_CHOICE] = "one of", [OPTION_LIST] = "list",
        [OPTION_MAP] = "map",
    };
    return (size_t)kind < sizeof(words) / sizeof(words[0]) ? words[kind] : "?";
}

static void describe_choices(const struct option_spec *spec, struct text *out)
{
    for (size_t i = 0; spec->choices[i]; i++) {
        if (i)
            text_append(out, spec->choices[i + 1] ? ", " : " or ");
        text_append(out, spec->choices[i]);
    }
}

static const char *limit_text(enum option_kind kind, int64_t limit, char buf[32])
{
    if (kind == OPTION_SIZE)
        return text_format_bytes((uint64_t)limit, buf);
    if (kind == OPTION_DURATION && limit % 86400 == 0)
        snprintf(buf, 32, "%lld days", (long long)(limit / 86400));
    else
        snprintf(buf, 32, "%lld%s", (long long)limit, kind == OPTION_DURATION ? "s" : "");
    return buf;
}

static void describe_limits(const struct option_spec *spec, struct text *out)
{
    char low[32], high[32];
    if (spec->minimum == 0 && spec->maximum == 0)
        return;
    if (spec->maximum == INT64_MAX || spec->maximum == 0)
        text_printf(out, ", at least %s", limit_text(spec->kind, spec->minimum, low));
    else
        text_printf(out, ", from %s to %s", limit_text(spec->kind, spec->minimum, low),
                    limit_text(spec->kind, spec->maximum, high));
}

void option_expected(const struct option_spec *spec, struct text *out)
{
    switch (spec->kind) {
    case OPTION_CHOICE:
        describe_choices(spec, out);
        return;
    case OPTION_BOOL:
        text_append(out, "true or false");
        return;
    case OPTION_INT:
        text_append(out, "a whole number");
        break;
    case OPTION_SIZE:
        text_append(out, "a size such as 256MB or 64MiB");
        break;
    case OPTION_DURATION:
        text_append(out, "a duration such as 90s, 15m or 3 days");
        break;
    case OPTION_PERCENT:
        text_append(out, "a share such as 20% or 0.2");
        break;
    case OPTION_LIST:
        text_append(out, "a list such as [a, b]");
        return;
    case OPTION_MAP:
        text_append(out, "a map such as {key: value}");
        return;
    case OPTION_TEXT:
    case OPTION_SECRET:
        text_append(out, "text");
        return;
    }
    describe_limits(spec, out);
}

/* "expected 1 or 2, got "x"": the one form of every message about a value. */
static status unexpected(const struct option_spec *spec, const char *text, struct error *err)
{
    struct text expected = {0};
    option_expected(spec, &expected);
    const char *nearest = NULL;
    if (spec->kind == OPTION_CHOICE) {
        size_t n = 0;
        while (spec->choices[n])
            n++;
        nearest = text_nearest(text, spec->choices, n);
    }
    status code;
    if (nearest)
        code = error_set(err, STATUS_BAD_CONFIG, "expected %s, got \"%s\"; did you mean %s?",
                         text_string(&expected), text, nearest);
    else
        code = error_set(err, STATUS_BAD_CONFIG, "expected %s, got \"%s\"", text_string(&expected),
                         text);
    text_release(&expected);
    return code;
}

static bool parse_bool(const char *text, int64_t *out)
{
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return false;
    *out = yes;
    return true;
}

static bool parse_choice(const struct option_spec *spec, const char *text, int64_t *out)
{
    for (size_t i = 0; spec->choices[i]; i++) {
        if (strcmp(spec->choices[i], text) == 0) {
            *out = (int64_t)i;
            return true;
        }
    }
    return false;
}

/* "20%" or "0.2"; digits with one point, never a sign, an exponent or a word such as "nan". */
static bool parse_share(const char *text, double *out)
{
    size_t digits = strspn(text, "0123456789.");
    bool percent = text[digits] == '%' && text[digits + 1] == 0;
    if (digits == 0 || (text[digits] != 0 && !percent))
        return false;
    char *end;
    double share = strtod(text, &end);
    if (end != text + digits)
        return false;
    share = percent ? share / 100 : share;
    if (!(share >= 0 && share <= 1))
        return false;
    *out = share;
    return true;
}

static bool parse_size(const char *text, int64_t *out)
{
    uint64_t bytes;
    struct error ignored = {0};
    if (text_parse_size(text, &bytes, &ignored) != STATUS_OK || bytes > INT64_MAX)
        return false;
    *out = (int64_t)bytes;
    return true;
}

static bool parse_duration(const char *text, int64_t *out)
{
    struct error ignored = {0};
    return text_parse_duration(text, out, &ignored) == STATUS_OK;
}

static bool convert(const struct option_spec *spec, const char *text, struct option_value *out)
{
    switch (spec->kind) {
    case OPTION_TEXT:
    case OPTION_SECRET:
        return true;
    case OPTION_BOOL:
        return parse_bool(text, &out->number);
    case OPTION_INT:
        return text_parse_int64(text, strlen(text), &out->number);
    case OPTION_SIZE:
        return parse_size(text, &out->number);
    case OPTION_DURATION:
        return parse_duration(text, &out->number);
    case OPTION_PERCENT:
        return parse_share(text, &out->share);
    case OPTION_CHOICE:
        return parse_choice(spec, text, &out->number);
    case OPTION_LIST:
    case OPTION_MAP:
        return false; /* more than one text: the caller takes them apart */
    }
    return false;
}

static bool within_limits(const struct option_spec *spec, int64_t number)
{
    bool limited =
        spec->kind == OPTION_INT || spec->kind == OPTION_SIZE || spec->kind == OPTION_DURATION;
    if (!limited || (spec->minimum == 0 && spec->maximum == 0))
        return true;
    return number >= spec->minimum && (spec->maximum == 0 || number <= spec->maximum);
}

status option_parse(const struct option_spec *spec, const char *text, struct option_value *out,
                    struct error *err)
{
    struct option_value value = {.spec = spec, .given = true, .text = text};
    if (!convert(spec, text, &value) || !within_limits(spec, value.number))
        return unexpected(spec, text, err);
    *out = value;
    return STATUS_OK;
}

status option_defaults(struct arena *arena, const struct option_spec *specs,
                       struct option_values *out, struct error *err)
{
    size_t n = option_count(specs);
    struct option_value *values = arena_alloc(arena, (n + 1) * sizeof(*values));
    if (!values)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        values[i].spec = &specs[i];
        if (!specs[i].default_text || specs[i].kind == OPTION_LIST)
            continue;
        TRY(option_parse(&specs[i], specs[i].default_text, &values[i], err));
        values[i].given = false;
    }
    *out = (struct option_values){specs, values, n};
    return STATUS_OK;
}
