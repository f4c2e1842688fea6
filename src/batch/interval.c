/* Intervals and their ISO 8601 text. A value is 16 bytes: int32 months, int32 days, int64 nanoseconds. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "batch/scalar.h"

static const uint64_t NS_PER_SECOND = 1000000000;

/* ---- to text ---- */

/* "5M" for 5; nothing for 0. */
static size_t put_part(char *out, int64_t number, char unit)
{
    return number ? (size_t)snprintf(out, 24, "%" PRId64 "%c", number, unit) : 0;
}

/* "-6.5S": the sign by itself, because half a second has no whole part that could hold it. */
static size_t put_seconds(char *out, bool negative, uint64_t ns)
{
    uint64_t fraction = ns % NS_PER_SECOND;
    if (ns == 0)
        return 0;
    size_t n = (size_t)snprintf(out, 24, "%s%" PRIu64, negative ? "-" : "", ns / NS_PER_SECOND);
    if (fraction) {
        n += (size_t)snprintf(out + n, 16, ".%09" PRIu64, fraction);
        while (out[n - 1] == '0')
            n--;
    }
    out[n++] = 'S';
    return n;
}

size_t format_interval(const uint8_t *value, char out[INTERVAL_TEXT_BYTES])
{
    int32_t months = (int32_t)load_u32le(value), days = (int32_t)load_u32le(value + 4);
    int64_t signed_ns = (int64_t)load_u64le(value + 8);
    bool negative = signed_ns < 0;
    uint64_t ns = negative ? -(uint64_t)signed_ns : (uint64_t)signed_ns;
    uint64_t minutes = ns / NS_PER_SECOND / 60;
    int64_t sign = negative ? -1 : 1;
    size_t n = 0;
    if (months == 0 && days == 0 && ns == 0)
        return (size_t)snprintf(out, INTERVAL_TEXT_BYTES, "PT0S");
    out[n++] = 'P';
    n += put_part(out + n, months / 12, 'Y');
    n += put_part(out + n, months % 12, 'M');
    n += put_part(out + n, days, 'D');
    if (ns == 0)
        return n;
    out[n++] = 'T';
    n += put_part(out + n, sign * (int64_t)(minutes / 60), 'H');
    n += put_part(out + n, sign * (int64_t)(minutes % 60), 'M');
    return n + put_seconds(out + n, negative, ns % (60 * NS_PER_SECOND));
}

/* ---- from text ---- */

struct sums {
    int64_t months, days, ns;
};

/* Largest first; the order in which parts may stand. */
static const struct part {
    char unit;
    bool in_time; /* behind the T */
    size_t sum;   /* offset in struct sums */
    int64_t factor;
} parts[] = {
    {'Y', false, offsetof(struct sums, months), 12},
    {'M', false, offsetof(struct sums, months), 1},
    {'W', false, offsetof(struct sums, days), 7},
    {'D', false, offsetof(struct sums, days), 1},
    {'H', true, offsetof(struct sums, ns), INT64_C(3600000000000)},
    {'M', true, offsetof(struct sums, ns), INT64_C(60000000000)},
    {'S', true, offsetof(struct sums, ns), INT64_C(1000000000)},
};
enum { N_PARTS = sizeof(parts) / sizeof(parts[0]) };

struct number {
    bool negative, has_fraction;
    int64_t whole;    /* its sign applied */
    int64_t fraction; /* in nanounits, its sign applied */
};

/* [+-]digits[.digits], moving *AT behind it. At most nine places, nothing lost. */
static bool read_number(const char **at, const char *end, struct number *out)
{
    const char *c = *at;
    *out = (struct number){0};
    if (c < end && (*c == '-' || *c == '+'))
        out->negative = *c++ == '-';
    int64_t sign = out->negative ? -1 : 1;
    const char *first = c;
    for (; c < end && isdigit((unsigned char)*c); c++)
        if (__builtin_mul_overflow(out->whole, INT64_C(10), &out->whole) ||
            __builtin_add_overflow(out->whole, sign * (*c - '0'), &out->whole))
            return false;
    if (c == first)
        return false;
    if (c < end && *c == '.') {
        int64_t place = (int64_t)NS_PER_SECOND / 10;
        out->has_fraction = true;
        for (first = ++c; c < end && isdigit((unsigned char)*c); c++, place /= 10) {
            if (place == 0 && *c != '0')
                return false;
            out->fraction += sign * place * (*c - '0');
        }
        if (c == first)
            return false;
    }
    *at = c;
    return true;
}

static bool add_part(struct sums *sums, const struct part *part, const struct number *number)
{
    int64_t *sum = (int64_t *)(void *)((char *)sums + part->sum), more;
    if (number->has_fraction && part->unit != 'S')
        return false;
    return !__builtin_mul_overflow(number->whole, part->factor, &more) &&
           !__builtin_add_overflow(*sum, more, sum) &&
           !__builtin_add_overflow(*sum, number->fraction, sum);
}

bool parse_interval(const char *text, size_t size, uint8_t out[16])
{
    const char *at = text, *end = text + size;
    struct sums sums = {0};
    size_t next = 0, taken = 0; /* parts before `next` can't come any more */
    bool in_time = false;
    if (size < 3 || *at++ != 'P')
        return false;
    while (at < end) {
        struct number number;
        if (*at == 'T' && !in_time) {
            in_time = true;
            if (++at == end)
                return false;
        }
        if (!read_number(&at, end, &number) || at == end)
            return false;
        while (next < N_PARTS && (parts[next].unit != *at || parts[next].in_time != in_time))
            next++;
        if (next == N_PARTS || !add_part(&sums, &parts[next], &number))
            return false;
        next++;
        taken++;
        at++;
    }
    if (!taken || sums.months != (int32_t)sums.months || sums.days != (int32_t)sums.days)
        return false;
    store_u32le(out, (uint32_t)sums.months);
    store_u32le(out + 4, (uint32_t)sums.days);
    store_u64le(out + 8, (uint64_t)sums.ns);
    return true;
}
