/* Fixed-width numbers in byte strings, bits in bitmaps, hex. */
#ifndef LEAT_BASE_BYTES_H
#define LEAT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *data;
    size_t size;
};

static inline uint32_t load_u32le(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v; /* x86-64 and aarch64 are little-endian; meson refuses others */
}

static inline uint64_t load_u64le(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t load_u32be(const void *p)
{
    return __builtin_bswap32(load_u32le(p));
}

static inline void store_u32le(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

static inline void store_u64le(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
}

/* Bit I of a bitmap in Arrow's order: least significant bit first. */
static inline bool bit_get(const uint8_t *bits, size_t i)
{
    return (bits[i >> 3] >> (i & 7)) & 1;
}

static inline void bit_set(uint8_t *bits, size_t i)
{
    bits[i >> 3] |= (uint8_t)(1u << (i & 7));
}

static inline void bit_clear(uint8_t *bits, size_t i)
{
    bits[i >> 3] &= (uint8_t) ~(1u << (i & 7));
}

static inline void bit_put(uint8_t *bits, size_t i, bool value)
{
    uint8_t mask = (uint8_t)(1u << (i & 7));
    bits[i >> 3] = (uint8_t)((bits[i >> 3] & ~mask) | (value ? mask : 0));
}

/* Ones among bits [first, first + count). */
size_t bits_count(const uint8_t *bits, size_t first, size_t count);

/* Lower-case hex of SIZE bytes into OUT (2 * SIZE + 1 bytes). */
void bytes_to_hex(const void *bytes, size_t size, char *out);
bool bytes_from_hex(const char *hex, size_t hex_size, uint8_t *out); /* hex_size even */

#endif
