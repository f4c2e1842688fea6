/* Decimal text to and from scaled integers of up to 256 bits, exactly. */
#include "batch/decimal.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "batch/scalar.h"

/* 256 bits, least significant limb first. */
struct wide {
    uint64_t limb[4];
};

static void wide_load(struct wide *out, const uint8_t *value, size_t width)
{
    uint64_t sign = (value[width - 1] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = 0; i < 4; i++)
        out->limb[i] = i * 8 < width ? load_u64le(value + i * 8) : sign;
}

static void wide_negate(struct wide *value)
{
    unsigned carry = 1;
    for (size_t i = 0; i < 4; i++) {
        value->limb[i] = ~value->limb[i] + carry;
        carry = carry && value->limb[i] == 0;
    }
}

/* value * factor + more; the caller knows that it fits */
static void wide_multiply_add(struct wide *value, uint64_t factor, uint64_t more)
{
    unsigned __int128 carry = more;
    for (size_t i = 0; i < 4; i++) {
        carry += (unsigned __int128)value->limb[i] * factor;
        value->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

/* value / divisor in place; returns the remainder */
static uint64_t wide_divide(struct wide *value, uint64_t divisor)
{
    unsigned __int128 rest = 0;
    for (size_t i = 4; i-- > 0;) {
        rest = (rest << 64) | value->limb[i];
        value->limb[i] = (uint64_t)(rest / divisor);
        rest %= divisor;
    }
    return (uint64_t)rest;
}

static bool wide_is_zero(const struct wide *value)
{
    return (value->limb[0] | value->limb[1] | value->limb[2] | value->limb[3]) == 0;
}

size_t decimal_format(const uint8_t *value, size_t width, int32_t scale,
                      char out[DECIMAL_TEXT_BYTES])
{
    struct wide rest;
    wide_load(&rest, value, width);
    bool negative = rest.limb[3] >> 63;
    if (negative)
        wide_negate(&rest);

    char digits[80]; /* least significant first; 2^255 has 77 */
    size_t n = 0;
    while (!wide_is_zero(&rest)) {
        uint64_t group = wide_divide(&rest, UINT64_C(1000000000000000000));
        for (int i = 0; i < 18 && (group || !wide_is_zero(&rest)); i++, group /= 10)
            digits[n++] = (char)('0' + group % 10);
    }
    while (n < (size_t)scale + 1)
        digits[n++] = '0';

    size_t size = 0;
    if (negative)
        out[size++] = '-';
    while (n > 0) {
        if (n == (size_t)scale)
            out[size++] = '.';
        out[size++] = digits[--n];
    }
    out[size] = '\0';
    return size;
}

int decimal_compare(const uint8_t *a, const uint8_t *b, size_t width)
{
    struct wide left, right;
    wide_load(&left, a, width);
    wide_load(&right, b, width);
    int64_t top_left = (int64_t)left.limb[3], top_right = (int64_t)right.limb[3];
    if (top_left != top_right)
        return top_left < top_right ? -1 : 1;
    for (size_t i = 3; i-- > 0;)
        if (left.limb[i] != right.limb[i])
            return left.limb[i] < right.limb[i] ? -1 : 1;
    return 0;
}

/* The number of a text as (digits) * 10^exponent with neither leading nor trailing zeros. */
struct significand {
    bool negative;
    char digits[DECIMAL_MAX_PRECISION];
    size_t n; /* 0: the number is zero */
    int64_t exponent;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Runs over one row of digits; false when more than DECIMAL_MAX_PRECISION of them matter. Zeros are held back
 * until a digit follows, so "1" with a million zeros behind it costs no room. */
static bool take_digits(const char *text, size_t size, struct significand *out, int64_t *zeros)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '0') {
            *zeros += out->n > 0;
            continue;
        }
        if ((uint64_t)*zeros + 1 > sizeof(out->digits) - out->n)
            return false;
        for (; *zeros > 0; --*zeros)
            out->digits[out->n++] = '0';
        out->digits[out->n++] = text[i];
    }
    return true;
}

static bool take_exponent(const char *text, size_t size, int64_t *out)
{
    size_t i = 0;
    bool negative = size && text[0] == '-';
    if (size && (text[0] == '-' || text[0] == '+'))
        i++;
    if (i == size)
        return false;
    int64_t value = 0;
    for (; i < size; i++) {
        if (!is_digit(text[i]))
            return false;
        if (value < INT32_MAX) /* larger ones fit nothing anyway */
            value = value * 10 + (text[i] - '0');
    }
    *out = negative ? -value : value;
    return true;
}

static size_t digit_run(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && is_digit(text[n]))
        n++;
    return n;
}

static bool take_significand(const char *text, size_t size, struct significand *out)
{
    size_t at = size && (text[0] == '-' || text[0] == '+');
    out->negative = size && text[0] == '-';
    out->n = 0;
    size_t whole = digit_run(text + at, size - at);
    if (whole == 0)
        return false;
    int64_t zeros = 0;
    if (!take_digits(text + at, whole, out, &zeros))
        return false;
    at += whole;
    size_t fraction = 0;
    if (at < size && text[at] == '.') {
        at++;
        fraction = digit_run(text + at, size - at);
        if (fraction == 0 || !take_digits(text + at, fraction, out, &zeros))
            return false;
        at += fraction;
    }
    int64_t exponent = 0;
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        if (!take_exponent(text + at + 1, size - at - 1, &exponent))
            return false;
        at = size;
    }
    /* zeros held back at the end belong to the exponent */
    out->exponent = exponent - (int64_t)fraction + zeros;
    return at == size;
}

static void store_wide(const struct wide *value, size_t width, uint8_t *out)
{
    for (size_t i = 0; i < width / 8; i++)
        store_u64le(out + i * 8, value->limb[i]);
}

bool parse_decimal(const char *text, size_t size, int32_t precision, int32_t scale, uint8_t *out)
{
    size_t width = decimal_value_bytes(precision);
    struct significand number;
    if (!take_significand(text, size, &number))
        return false;
    struct wide value = {0};
    if (number.n == 0) {
        store_wide(&value, width, out);
        return true;
    }
    int64_t shift = number.exponent + scale;
    if (shift < 0 || (int64_t)number.n + shift > precision)
        return false;
    for (size_t i = 0; i < number.n; i++)
        number.digits[i] = (char)(number.digits[i] - '0');
    for (size_t i = 0; i < number.n + (size_t)shift;) {
        uint64_t group = 0, power = 1;
        for (; i < number.n + (size_t)shift && power < UINT64_C(1000000000000000000); i++) {
            group = group * 10 + (i < number.n ? (uint64_t)number.digits[i] : 0);
            power *= 10;
        }
        wide_multiply_add(&value, power, group);
    }
    if (number.negative)
        wide_negate(&value);
    store_wide(&value, width, out);
    return true;
}
