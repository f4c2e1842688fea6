/* numeric: int16 digits, int16 weight, uint16 sign, uint16 dscale, then digits of base 10,000. The value is
 * digit[0] * 10000^weight + digit[1] * 10000^(weight - 1) + ... Source: numeric_send, src/backend/utils/adt/numeric.c. */
#include <stdio.h>
#include <string.h>

#include "batch/scalar.h"
#include "source/postgres/decode.h"

enum {
    HEAD_BYTES = 8,
    BASE = 10000,
    BASE_DIGITS = 4,
    NARROW_GROUPS = 4, /* 10000^4 fits 64 bits */
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
    return size == HEAD_BYTES + 2 * (size_t)out->n;
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
    for (int i = 0; i < groups; i++)
        v = v * BASE + (i < number->n ? load_u16be(number->digits + 2 * i) : 0);
    uint64_t power = powers[spare];
    *out = (__int128)(v / power);
    return spare == 0 || v % power == 0;
}

static bool to_wide(const struct numeric *number, int groups, int spare, __int128 *out)
{
    unsigned __int128 v = 0;
    int i = 0;
    while (i < number->n && i < groups && load_u16be(number->digits + 2 * i) == 0)
        i++; /* zeros in front */
    for (; i < groups; i++) {
        unsigned digit = i < number->n ? load_u16be(number->digits + 2 * i) : 0;
        if (i + 1 == groups && spare > 0) { /* the last group may not fit as a whole */
            unsigned power = powers[spare];
            if (digit % power != 0)
                return false;
            if (__builtin_mul_overflow(v, (unsigned __int128)(BASE / power), &v))
                return false;
            v += digit / power;
            break;
        }
        if (__builtin_mul_overflow(v, (unsigned __int128)BASE, &v))
            return false;
        v += digit;
    }
    *out = (__int128)v;
    return v >> 127 == 0;
}

size_t decode_numeric_16(const struct decoder *decoder, struct column *column,
                         const struct fields *fields)
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
    return i;
}

/* ---- as text, and what is too wide for 128 bits ---- */

static void put_digits(const struct numeric *number, struct text *out)
{
    for (int group = number->weight < 0 ? 0 : number->weight; group >= 0; group--) {
        int i = number->weight - group;
        unsigned digit = i >= 0 && i < number->n ? load_u16be(number->digits + 2 * i) : 0;
        text_printf(out, group == (number->weight < 0 ? 0 : number->weight) ? "%u" : "%04u", digit);
    }
    if (number->dscale == 0)
        return;
    text_append_char(out, '.');
    for (int left = number->dscale, group = -1; left > 0; left -= BASE_DIGITS, group--) {
        char four[8];
        int i = number->weight - group;
        unsigned digit = i >= 0 && i < number->n ? load_u16be(number->digits + 2 * i) : 0;
        snprintf(four, sizeof(four), "%04u", digit % BASE);
        text_append_bytes(out, four, left < BASE_DIGITS ? (size_t)left : BASE_DIGITS);
    }
}

bool numeric_text(const uint8_t *value, size_t size, struct text *out)
{
    struct numeric number;
    if (!read_head(value, size, &number))
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

size_t decode_numeric_32(const struct decoder *decoder, struct column *column,
                         const struct fields *fields)
{
    enum { WIDE_BYTES = 32 };
    uint8_t *out = column->values.data + column->values.size;
    SCOPED(text_release) struct text text = {0};
    size_t i;
    for (i = 0; i < fields->n; i++) {
        const uint8_t *p = fields->base + fields->at[i];
        uint32_t size = load_u32be(p);
        text.size = 0;
        if (size == UINT32_MAX || !numeric_text(p + 4, size, &text) || text.failed ||
            !parse_decimal(text_string(&text), text.size, decoder->type.precision,
                           decoder->type.scale, out + i * WIDE_BYTES))
            break;
    }
    return i;
}

size_t decode_numeric_text(const struct decoder *decoder, struct column *column,
                           const struct fields *fields)
{
    SCOPED(text_release) struct text text = {0};
    int64_t *offsets = (int64_t *)(void *)column->values.data + column->rows + 1;
    size_t i;
    for (i = 0; i < fields->n; i++) {
        const uint8_t *p = fields->base + fields->at[i];
        uint32_t size = load_u32be(p);
        text.size = 0;
        if (size == UINT32_MAX || !numeric_text(p + 4, size, &text) || text.failed ||
            column_grow_data(column, text.size, NULL) != STATUS_OK)
            break;
        memcpy(column->data.data + column->data.size, text.data, text.size);
        column->data.size += text.size;
        offsets[i] = (int64_t)column->data.size;
    }
    return i;
}
