/* numeric: int16 digits, int16 weight, uint16 sign, uint16 dscale, then digits of base 10,000. The value is
 * digit[0] * 10000^weight + digit[1] * 10000^(weight - 1) + ... Source: numeric_send, src/backend/utils/adt/numeric.c. */
#include <string.h>

#include "batch/scalar.h"
#include "source/postgres/decode.h"

enum {
    HEAD_BYTES = 8,
    BASE = 10000,
    BASE_DIGITS = 4,
    QUICK_GROUPS = 4, /* 10000^4 fits 64 bits */
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

static inline bool read_head(const uint8_t *value, size_t size, struct numeric *out)
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

/* A number of few groups down to the last of the column, and none behind it, as almost all are. POWER is a constant where it is
 * called: no division is left. False: another, which slow_value takes or refuses. */
static inline bool quick_value(const struct numeric *number, int groups, unsigned power,
                               uint64_t *out)
{
    uint64_t v = 0;
    unsigned largest = 0;
    int i;
    if (groups > QUICK_GROUPS || groups < number->n)
        return false;
    for (i = 0; i < number->n; i++) {
        unsigned digit = load_u16be(number->digits + 2 * i);
        largest = digit > largest ? digit : largest;
        v = v * BASE + digit;
    }
    for (; i < groups; i++)
        v *= BASE;
    *out = v / power;
    return largest < BASE && v % power == 0;
}

static bool slow_value(const struct numeric *number, int groups, unsigned power,
                       unsigned __int128 *out)
{
    unsigned __int128 v = 0;
    int i = 0;
    for (int beyond = groups < 0 ? 0 : groups; beyond < number->n; beyond++) {
        if (group_at(number, beyond) != 0)
            return false; /* more digits behind the point than the column has */
    }
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

static inline bool read_value(const uint8_t *p, int behind, unsigned power, unsigned __int128 limit,
                              unsigned __int128 *out)
{
    struct numeric number;
    uint32_t size = load_u32be(p);
    uint64_t quick;
    if (size == UINT32_MAX || !read_head(p + 4, size, &number) ||
        (number.sign & ~(unsigned)SIGN_NEGATIVE) != 0)
        return false;
    int groups = number.weight + 1 + behind;
    if (__builtin_expect(quick_value(&number, groups, power, &quick), 1))
        *out = quick;
    else if (!slow_value(&number, groups, power, out))
        return false;
    if (*out >= limit)
        return false;
    *out = number.sign ? -*out : *out;
    return true;
}

static inline size_t run_numeric(const struct decoder *decoder, const struct fields *fields,
                                 int behind, unsigned power, bool wide, uint8_t *out)
{
    const unsigned __int128 limit = (unsigned __int128)decoder->limit;
    const size_t width = wide ? sizeof(limit) : sizeof(uint64_t);
    size_t i;
    for (i = 0; i < fields->n; i++) {
        unsigned __int128 v;
        if (!read_value(fields->base + fields->at[i], behind, power, limit, &v))
            break;
        memcpy(out + i * width, &v, width); /* little-endian */
    }
    return i;
}

static inline size_t decode_numeric(const struct decoder *decoder, const struct fields *fields,
                                    bool wide, struct column *column)
{
    uint8_t *out = column->values.data + column->values.size;
    struct last_group last = last_group_of(decoder->type.scale);
    switch (last.power) {
    case 1:
        return run_numeric(decoder, fields, last.behind, 1, wide, out);
    case 10:
        return run_numeric(decoder, fields, last.behind, 10, wide, out);
    case 100:
        return run_numeric(decoder, fields, last.behind, 100, wide, out);
    default:
        return run_numeric(decoder, fields, last.behind, 1000, wide, out);
    }
}

status decode_numeric_8(const struct decoder *decoder, struct column *column,
                        const struct fields *fields, size_t *out_n, struct error *err)
{
    *out_n = decode_numeric(decoder, fields, false, column);
    return STATUS_OK;
}

status decode_numeric_16(const struct decoder *decoder, struct column *column,
                         const struct fields *fields, size_t *out_n, struct error *err)
{
    *out_n = decode_numeric(decoder, fields, true, column);
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
