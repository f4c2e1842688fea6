#include "batch/bitmap.h"

#include <string.h>

#include "base/bytes.h"

void bitmap_clear_tail(uint8_t *bits, size_t n)
{
    if (n & 7)
        bits[n >> 3] &= (uint8_t)((1u << (n & 7)) - 1);
}

void bitmap_copy(uint8_t *to, size_t at, const uint8_t *from, size_t first, size_t n)
{
    size_t end = at + n;
    for (; (at & 7) && at < end; at++, first++)
        bit_put(to, at, bit_get(from, first));
    if (at == end) {
        bitmap_clear_tail(to, end);
        return;
    }
    /* TO is at a byte's start now; each of its bytes spans at most two of FROM */
    uint8_t *out = to + (at >> 3);
    const uint8_t *in = from + (first >> 3);
    unsigned shift = first & 7;
    size_t bits = end - at;
    if (shift == 0) {
        memcpy(out, in, bitmap_bytes(bits));
    } else {
        size_t i = 0;
        for (; (i + 1) * 8 <= bits; i++)
            out[i] = (uint8_t)((in[i] >> shift) | (in[i + 1] << (8 - shift)));
        size_t left = bits - i * 8;
        if (left) {
            unsigned byte = in[i] >> shift;
            if (left > 8 - shift)
                byte |= (unsigned)in[i + 1] << (8 - shift);
            out[i] = (uint8_t)byte;
        }
    }
    bitmap_clear_tail(to, end);
}

void bitmap_fill(uint8_t *to, size_t at, size_t n)
{
    size_t end = at + n;
    for (; (at & 7) && at < end; at++)
        bit_set(to, at);
    if (at < end)
        memset(to + (at >> 3), 0xff, bitmap_bytes(end - at));
    bitmap_clear_tail(to, end);
}
