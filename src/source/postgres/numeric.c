/* numeric: int16 digits, int16 weight, uint16 sign, uint16 dscale, then digits of base 10,000. The value is
 * digit[0] * 10000^weight + digit[1] * 10000^(weight - 1) + ... Source: numeric_send, src/backend/utils/adt/numeric.c. */
#include <string.h>

#include "batch/scalar.h"
#include "source/postgres/decode.h"

enum {
    HEAD_BYTES = 8,
    BASE = 10000,
    BASE_DIGITS = 4,
    NARROW_GROUPS = 5, /* all but the last of them are 10000^4 at most, and fit 64 bits */
    MOST_DSCALE = 0x3fff,
    SIGN_NEGATIVE = 0x4000,
    SIGN_NAN = 0xc000,
    SIGN_INFINITE = 0xd000,
    SIGN_MINUS_INFINITE = 0xf000,
};

struct numeric {
    int n;      /* digits */
    int weight; /* of the first */
    unsigned sign;
    int dscale;
    const uint8_t *digits; /* big-endian uint16 */
};

static bool read_head(const uint8_t *value, size_t size, struct numeric *out)
{
    if (size < HEAD_BYTES)
        return false;
    uint64_t head = load_u64be(value);
    *out = (struct numeric){.n = (uint16_t)(head >> 48),
                            .weight = (int16_t)(head >> 32),
                            .sign = (uint16_t)(head >> 16),
                            .dscale = (uint16_t)head,
                            .digits = value + HEAD_BYTES};
    return size == HEAD_BYTES + 2 * (size_t)out->n && out->dscale <= MOST_DSCALE;
}

/* Group I, counted from the first; what was not sent is zero. */
static inline unsigned group_at(const struct numeric *number, int i)
{
    return i >= 0 && i < number->n ? load_u16be(number->digits + 2 * i) : 0;
}

/* The last group of a column's values: how many stand behind the point up to it, and 10 to the number of its digits that lie
 * beyond the scale. */
struct last_group {
    int behind;
    unsigned power;
};

static struct last_group last_group_of(int scale)
{
    static const uint16_t powers[BASE_DIGITS] = {1, 10, 100, 1000};
    int behind = (scale + BASE_DIGITS - 1) / BASE_DIGITS;
    return (struct last_group){behind, powers[behind * BASE_DIGITS - scale]};
}

/* A finite number and its groups down to the last one of the column. */
static inline bool read_finite(const uint8_t *p, int behind, struct numeric *out, int *out_groups)
{
    uint32_t size = load_u32be(p);
    if (size == UINT32_MAX || !read_head(p + 4, size, out) ||
        (out->sign & ~(unsigned)SIGN_NEGATIVE) != 0)
        return false;
    *out_groups = out->weight + 1 + behind;
    if (*out_groups < 0)
        *out_groups = 0;
    for (int i = *out_groups; i < out->n; i++) {
        if (load_u16be(out->digits + 2 * i) != 0)
            return false; /* more digits behind the point than the column has */
    }
    return true;
}

/* False: more than 64 bits, or digits beyond the scale. */
static inline bool to_narrow(const struct numeric *number, int groups, unsigned power,
                             uint64_t *out)
{
    uint64_t v = 0;
    unsigned largest = 0;
    for (int i = 0; i + 1 < groups; i++) {
        unsigned digit = group_at(number, i);
        largest = digit > largest ? digit : largest;
        v = v * BASE + digit;
    }
    unsigned last = group_at(number, groups - 1);
    return largest < BASE && last < BASE && last % power == 0 &&
           !__builtin_mul_overflow(v, (uint64_t)(BASE / power), &v) &&
           !__builtin_add_overflow(v, (uint64_t)(last / power), out);
}

static bool to_wide(const struct numeric *number, int groups, unsigned power,
                    unsigned __int128 *out)
{
    unsigned __int128 v = 0;
    int i = 0;
    while (i < number->n && i < groups && group_at(number, i) == 0)
        i++; /* zeros in front */
    if (i == number->n)
        i = groups; /* and nothing else */
    for (; i < groups; i++) {
        unsigned digit = group_at(number, i), cut = i + 1 == groups ? power : 1;
        if (digit >= BASE || digit % cut != 0 ||
            __builtin_mul_overflow(v, (unsigned __int128)(BASE / cut), &v) ||
            __builtin_add_overflow(v, (unsigned __int128)(digit / cut), &v))
            return false;
    }
    *out = v;
    return true;
}

static bool to_limit(const struct numeric *number, int groups, unsigned power,
                     unsigned __int128 limit, unsigned __int128 *out)
{
    uint64_t narrow;
    if (groups > NARROW_GROUPS || !to_narrow(number, groups, power, &narrow))
        return to_wide(number, groups, power, out) && *out < limit;
    *out = narrow;
    return *out < limit;
}

/* POWER is a constant where it is called: no division is left. */
static inline size_t run_numeric_8(const struct decoder *decoder, const struct fields *fields,
                                   int behind, unsigned power, uint8_t *out)
{
    const uint64_t limit = (uint64_t)decoder->limit;
    size_t i;
    for (i = 0; i < fields->n; i++) {
        struct numeric number;
        unsigned __int128 wide;
        uint64_t v;
        int groups;
        if (!read_finite(fields->base + fields->at[i], behind, &number, &groups))
            break;
        if (__builtin_expect(groups > NARROW_GROUPS, 0)) {
            if (!to_wide(&number, groups, power, &wide) || wide >= limit)
                break;
            v = (uint64_t)wide;
        } else if (!to_narrow(&number, groups, power, &v) || v >= limit) {
            break;
        }
        v = number.sign ? -v : v;
        memcpy(out + i * sizeof(v), &v, sizeof(v));
    }
    return i;
}

status decode_numeric_8(const struct decoder *decoder, struct column *column,
                        const struct fields *fields, size_t *out_n, struct error *err)
{
    uint8_t *out = column->values.data + column->values.size;
    struct last_group last = last_group_of(decoder->type.scale);
    switch (last.power) {
    case 1:
        *out_n = run_numeric_8(decoder, fields, last.behind, 1, out);
        break;
    case 10:
        *out_n = run_numeric_8(decoder, fields, last.behind, 10, out);
        break;
    case 100:
        *out_n = run_numeric_8(decoder, fields, last.behind, 100, out);
        break;
    default:
        *out_n = run_numeric_8(decoder, fields, last.behind, 1000, out);
    }
    return STATUS_OK;
}

status decode_numeric_16(const struct decoder *decoder, struct column *column,
                         const struct fields *fields, size_t *out_n, struct error *err)
{
    uint8_t *out = column->values.data + column->values.size;
    struct last_group last = last_group_of(decoder->type.scale);
    size_t i;
    for (i = 0; i < fields->n; i++) {
        struct numeric number;
        int groups;
        unsigned __int128 v;
        if (!read_finite(fields->base + fields->at[i], last.behind, &number, &groups) ||
            !to_limit(&number, groups, last.power, (unsigned __int128)decoder->limit, &v))
            break;
        v = number.sign ? -v : v;
        memcpy(out + i * sizeof(v), &v, sizeof(v));
    }
    *out_n = i;
    return STATUS_OK;
}

/* ---- as text, and what is too wide for 128 bits ---- */

static void put_group(unsigned group, size_t digits, struct text *out)
{
    char four[BASE_DIGITS] = {(char)('0' + group / 1000), (char)('0' + group / 100 % 10),
                              (char)('0' + group / 10 % 10), (char)('0' + group % 10)};
    text_append_bytes(out, four, digits < BASE_DIGITS ? digits : BASE_DIGITS);
}

static void put_digits(const struct numeric *number, struct text *out)
{
    int first = number->weight < 0 ? 0 : number->weight;
    text_printf(out, "%u", group_at(number, number->weight - first));
    for (int power = first - 1; power >= 0; power--)
        put_group(group_at(number, number->weight - power), BASE_DIGITS, out);
    if (number->dscale == 0)
        return;
    text_append_char(out, '.');
    for (int left = number->dscale, power = -1; left > 0; left -= BASE_DIGITS, power--)
        put_group(group_at(number, number->weight - power), (size_t)left, out);
}

static bool digits_hold(const struct numeric *number)
{
    for (int i = 0; i < number->n; i++) {
        if (group_at(number, i) >= BASE)
            return false;
    }
    return true;
}

bool numeric_text(const uint8_t *value, size_t size, struct text *out)
{
    struct numeric number;
    if (!read_head(value, size, &number) || !digits_hold(&number))
        return false;
    switch (number.sign) {
    case 0:
        break;
    case SIGN_NEGATIVE:
        text_append_char(out, '-');
        break;
    case SIGN_NAN:
        text_append(out, "NaN");
        return true;
    case SIGN_INFINITE:
        text_append(out, "Infinity");
        return true;
    case SIGN_MINUS_INFINITE:
        text_append(out, "-Infinity");
        return true;
    default:
        return false;
    }
    put_digits(&number, out);
    return true;
}

/* Field I as text. False: it has none, or memory ended: then FAILED says so, and ERR if no row comes before it. */
static bool field_as_text(const struct fields *fields, size_t i, struct text *out,
                          status_code *failed, struct error *err)
{
    const uint8_t *p = fields->base + fields->at[i];
    uint32_t size = load_u32be(p);
    out->size = 0;
    if (size == UINT32_MAX || !numeric_text(p + 4, size, out))
        return false;
    *failed = text_check(out, i == 0 ? err : NULL);
    return *failed == STATUS_OK;
}

status decode_numeric_32(const struct decoder *decoder, struct column *column,
                         const struct fields *fields, size_t *out_n, struct error *err)
{
    enum { WIDE_BYTES = 32 };
    uint8_t *out = column->values.data + column->values.size;
    SCOPED(text_release) struct text text = {0};
    status_code failed = STATUS_OK;
    size_t i;
    for (i = 0; i < fields->n && field_as_text(fields, i, &text, &failed, err); i++) {
        if (!parse_decimal(text_string(&text), text.size, decoder->type.precision,
                           decoder->type.scale, out + i * WIDE_BYTES))
            break;
    }
    *out_n = i;
    return i == 0 ? failed : STATUS_OK;
}

status decode_numeric_text(const struct decoder *decoder, struct column *column,
                           const struct fields *fields, size_t *out_n, struct error *err)
{
    SCOPED(text_release) struct text text = {0};
    int64_t *offsets = (int64_t *)(void *)column->values.data + column->rows + 1;
    status_code failed = STATUS_OK;
    size_t i;
    for (i = 0; i < fields->n && field_as_text(fields, i, &text, &failed, err); i++) {
        failed = column_grow_data(column, text.size, i == 0 ? err : NULL);
        if (failed != STATUS_OK)
            break;
        memcpy(column->data.data + column->data.size, text.data, text.size);
        column->data.size += text.size;
        offsets[i] = (int64_t)column->data.size;
    }
    *out_n = i;
    return i == 0 ? failed : STATUS_OK;
}
