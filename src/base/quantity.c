/* Numbers, sizes and durations as people write and read them. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

bool text_parse_int64(const char *text, size_t size, int64_t *out)
{
    bool negative = size > 0 && text[0] == '-';
    size_t at = negative || (size > 0 && text[0] == '+');
    if (at == size)
        return false;
    int64_t value = 0;
    for (; at < size; at++) {
        if (text[at] < '0' || text[at] > '9')
            return false;
        int digit = text[at] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

struct unit {
    const char *name; /* compared without case */
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"b", 1},
    {"kb", 1000},
    {"mb", 1000000},
    {"gb", 1000000000},
    {"tb", 1000000000000},
    {"kib", 1 << 10},
    {"mib", 1 << 20},
    {"gib", 1 << 30},
    {"tib", UINT64_C(1) << 40},
};

static const struct unit duration_units[] = {
    {"s", 1},        {"sec", 1},       {"secs", 1},         {"second", 1},        {"seconds", 1},
    {"m", 60},       {"min", 60},      {"mins", 60},        {"minute", 60},       {"minutes", 60},
    {"h", 3600},     {"hour", 3600},   {"hours", 3600},     {"d", 86400},         {"day", 86400},
    {"days", 86400}, {"w", 7 * 86400}, {"week", 7 * 86400}, {"weeks", 7 * 86400},
};

static const struct unit *unit_find(const struct unit *units, size_t n, const char *name,
                                    size_t length)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(units[i].name) == length && strncasecmp(units[i].name, name, length) == 0)
            return &units[i];
    return NULL;
}

static const char *skip_spaces(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

/* One "NUMBER UNIT" at *TEXT, times the unit, into OUT; *TEXT moves behind it. A fraction of a unit
 * ("1.5GB") is exact for as many digits as the unit has. */
static bool parse_quantity(const char **text, const struct unit *units, size_t n_units,
                           uint64_t *out)
{
    const char *at = skip_spaces(*text);
    if (!isdigit((unsigned char)*at))
        return false;
    uint64_t whole = 0;
    for (; isdigit((unsigned char)*at); at++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
            return false;
    const char *fraction = *at == '.' ? at + 1 : NULL;
    if (fraction) {
        for (at = fraction; isdigit((unsigned char)*at); at++) {
        }
        if (at == fraction)
            return false;
    }
    const char *name = skip_spaces(at);
    size_t length = 0;
    while (isalpha((unsigned char)name[length]))
        length++;
    const struct unit *unit = unit_find(units, n_units, name, length);
    if (!unit || __builtin_mul_overflow(whole, unit->factor, out))
        return false;
    uint64_t share = unit->factor;
    for (const char *digit = fraction; digit && isdigit((unsigned char)*digit); digit++) {
        uint64_t part = share * (uint64_t)(*digit - '0') / 10;
        share /= 10;
        if (__builtin_add_overflow(*out, part, out))
            return false;
    }
    *text = skip_spaces(name + length);
    return true;
}

status text_parse_size(const char *text, uint64_t *out_bytes, struct error *err)
{
    const char *at = text;
    uint64_t bytes;
    if (!parse_quantity(&at, size_units, sizeof(size_units) / sizeof(size_units[0]), &bytes) ||
        *at != '\0')
        return error_set(err, STATUS_BAD_CONFIG,
                         "expected a size such as 256MB (10^6 bytes) or 256MiB (2^20), got \"%s\"",
                         text);
    *out_bytes = bytes;
    return STATUS_OK;
}

/* "0", or one or more "NUMBER UNIT" after each other. */
static bool parse_duration(const char *text, int64_t *out)
{
    const size_t n = sizeof(duration_units) / sizeof(duration_units[0]);
    const char *at = skip_spaces(text);
    if (strcmp(at, "0") == 0) {
        *out = 0;
        return true;
    }
    int64_t seconds = 0;
    do {
        uint64_t part;
        if (!parse_quantity(&at, duration_units, n, &part) ||
            __builtin_add_overflow(seconds, part, &seconds))
            return false;
    } while (*at != '\0');
    *out = seconds;
    return true;
}

status text_parse_duration(const char *text, int64_t *out_seconds, struct error *err)
{
    if (!parse_duration(text, out_seconds))
        return error_set(err, STATUS_BAD_CONFIG,
                         "expected a duration such as \"3 days\", 15m or 90s, got \"%s\"", text);
    return STATUS_OK;
}

const char *text_format_bytes(uint64_t bytes, char buf[32])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        (void)snprintf(buf, 32, "%u B", (unsigned)bytes);
        return buf;
    }
    size_t unit = 0;
    double value = (double)bytes / 1000;
    for (; value >= 999.95; value /= 1000) /* what would be printed as 1000.0 */
        unit++;
    (void)snprintf(buf, 32, "%.1f %s", value, units[unit]);
    return buf;
}

const char *text_format_count(uint64_t count, char buf[32])
{
    char digits[21];
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    char *out = buf;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return buf;
}

const char *text_format_duration(double seconds, char buf[32])
{
    if (!(seconds >= 0) || seconds > 1e15) {
        (void)snprintf(buf, 32, "unknown");
        return buf;
    }
    if (seconds < 59.95) {
        (void)snprintf(buf, 32, seconds < 0.095 ? "%.3f s" : "%.1f s", seconds);
        return buf;
    }
    uint64_t s = (uint64_t)(seconds + 0.5);
    unsigned long long days = s / 86400, hours = s / 3600, minutes = s / 60;
    if (days > 0)
        (void)snprintf(buf, 32, "%llu d %llu h", days, hours % 24);
    else if (hours > 0)
        (void)snprintf(buf, 32, "%llu h %llu m", hours, minutes % 60);
    else
        (void)snprintf(buf, 32, "%llu m %llu s", minutes, (unsigned long long)s % 60);
    return buf;
}
