/* murmur3_x86_32 with seed 0, the hash under Iceberg's bucket transform. Private to partition/. */
#ifndef LEAT_PARTITION_MURMUR3_H
#define LEAT_PARTITION_MURMUR3_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t murmur3_mix(uint32_t hash, uint32_t block)
{
    block *= 0xcc9e2d51u;
    block = (block << 15 | block >> 17) * 0x1b873593u;
    hash ^= block;
    return (hash << 13 | hash >> 19) * 5 + 0xe6546b64u;
}

static inline uint32_t murmur3_end(uint32_t hash, uint32_t size)
{
    hash ^= size;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

/* Of VALUE's eight bytes, little-endian. */
static inline uint32_t murmur3_long(int64_t value)
{
    uint64_t bits = (uint64_t)value;
    return murmur3_end(murmur3_mix(murmur3_mix(0, (uint32_t)bits), (uint32_t)(bits >> 32)), 8);
}

uint32_t murmur3_bytes(const void *bytes, size_t size);

#endif
