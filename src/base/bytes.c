#include "base/bytes.h"

/* COUNT bits from bit 0 of BITS. */
static size_t count_aligned(const uint8_t *bits, size_t count)
{
    size_t ones = 0;
    for (; count >= 64; count -= 64, bits += 8)
        ones += (size_t)__builtin_popcountll(load_u64le(bits));
    for (; count >= 8; count -= 8, bits++)
        ones += (size_t)__builtin_popcount(*bits);
    if (count > 0)
        ones += (size_t)__builtin_popcount(*bits & ((1u << count) - 1));
    return ones;
}

size_t bits_count(const uint8_t *bits, size_t first, size_t count)
{
    size_t ones = 0;
    for (; count > 0 && (first & 7) != 0; first++, count--)
        ones += bit_get(bits, first);
    return count > 0 ? ones + count_aligned(bits + (first >> 3), count) : ones;
}

void bytes_to_hex(const void *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool bytes_from_hex(const char *hex, size_t hex_size, uint8_t *out)
{
    if (hex_size % 2 != 0)
        return false;
    for (size_t i = 0; i < hex_size; i += 2) {
        int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}
