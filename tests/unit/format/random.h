/* Numbers that look random and are the same in every run (splitmix64). */
#ifndef LEAT_TEST_FORMAT_RANDOM_H
#define LEAT_TEST_FORMAT_RANDOM_H

#include <stdint.h>

static inline uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
