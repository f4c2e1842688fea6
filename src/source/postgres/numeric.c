/* numeric: int16 digits, int16 weight, uint16 sign, uint16 dscale, then digits of base 10,000. The value is
 * digit[0] * 10000^weight + digit[1] * 10000^(weight - 1) + ... Source: numeric_send, src/backend/utils/adt/numeric.c. */
#include <string.h>

#include "batch/scalar.h"
#include "source/postgres/decode.h"

enum {
    HEAD_BYTES = 8,
    BASE = 10000,
    BASE_DIGITS = 4,
    NARROW_GROUPS = 4, /* 10000^4 fits 64 bits */
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
    *out = (struct numeric){.n = load_u16be(value),
                            .weight = (int16_t)load_u16be(value + 2),
                            .sign = load_u16be(value + 4),
                            .dscale = load_u16be(value + 6),
                            .digits = value + HEAD_BYTES};
    return size == HEAD_BYTES + 2 * (size_t)out->n && out->dscale <= MOST_DSCALE;
}

/* Group I, counted from the first; what was not sent is zero. */
static inline unsigned group_at(const struct numeric *number, int i)
{
    return i >= 0 && i < number->n ? load_u16be(number->digits + 2 * i) : 0;
}

/* Groups of four digits from the first down to SCALE digits behind the point; SPARE: digits of the last group
 * that lie beyond SCALE. */
static inline bool groups_to(const struct numeric *number, int scale, int *out_groups,
                             int *out_spare)
{
    int behind = (scale + BASE_DIGITS - 1) / BASE_DIGITS;
    *out_groups = number->weight + 1 + behind;
    *out_spare = behind * BASE_DIGITS - scale;
    if (*out_groups < 0)
        *out_groups = 0;
    for (int i = *out_groups; i < number->n; i++) {
        if (load_u16be(number->digits + 2 * i) != 0)
            return false; /* more digits behind the point than the column has */
    }
    return true;
}

static const uint16_t powers[] = {1, 10, 100, 1000};

static inline bool to_narrow(const struct numeric *number, int groups, int spare, __int128 *out)
{
    uint64_t v = 0;
    unsigned largest = 0;
    for (int i = 0; i < groups; i++) {
        unsigned digit = group_at(number, i);
        largest = digit > largest ? digit : largest;
        v = v * BASE + digit;
    }
    uint64_t power = powers[spare];
    *out = (__int128)(v / power);
    return largest < BASE && (spare == 0 || v % power == 0);
}

static bool to_wide(const struct numeric *number, int groups, int spare, __int128 *out)
{
    unsigned __int128 v = 0;
    int i = 0;
    while (i < number->n && i < groups && group_at(number, i) == 0)
        i++; /* zeros in front */
    if (i == number->n)
        i = groups; /* and nothing else */
    for (; i < groups; i++) {
        unsigned digit = group_at(number, i), power = 1;
        if (i + 1 == groups)
            power = powers[spare]; /* the last group may not fit as a whole */
        if (digit >= BASE || digit % power != 0 ||
            __builtin_mul_overflow(v, (unsigned __int128)(BASE / power), &v) ||
            __builtin_add_overflow(v, (unsigned __int128)(digit / power), &v))
            return false;
    }
    *out = (__int128)v;
    return v >> 127 == 0;
}

status decode_numeric_16(const struct decoder *decoder, struct column *column,
                         const struct fields *fields, size_t *out_n, struct error *err)
{
    uint8_t *out = column->values.data + column->values.size;
    const int scale = decoder->type.scale;
    size_t i;
    for (i = 0; i < fields->n; i++) {
        const uint8_t *p = fields->base + fields->at[i];
        uint32_t size = load_u32be(p);
        struct numeric number;
        int groups, spare;
        __int128 v;
        if (size == UINT32_MAX || !read_head(p + 4, size, &number) ||
            (number.sign & ~(unsigned)SIGN_NEGATIVE) != 0 ||
            !groups_to(&number, scale, &groups, &spare))
            break;
        bool exact = groups <= NARROW_GROUPS ? to_narrow(&number, groups, spare, &v)
                                             : to_wide(&number, groups, spare, &v);
        if (!exact || v >= decoder->limit)
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
