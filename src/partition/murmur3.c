#include "partition/murmur3.h"

#include "base/bytes.h"

uint32_t murmur3_bytes(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t hash = 0, tail = 0;
    for (size_t left = size / 4; left; left--, at += 4)
        hash = murmur3_mix(hash, load_u32le(at));
    for (size_t i = size & 3; i-- > 0;)
        tail = tail << 8 | at[i];
    if (size & 3) {
        tail *= 0xcc9e2d51u;
        hash ^= (tail << 15 | tail >> 17) * 0x1b873593u;
    }
    return murmur3_end(hash, (uint32_t)size);
}
