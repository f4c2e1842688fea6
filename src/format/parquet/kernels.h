/* Loops over plain arrays, in a form for each level of processor (base/cpu.h). All forms of a kernel give the same
 * result for every input; the portable one is the definition, tests/unit/format/test_kernels.c compares the others with
 * it. A caller takes kernels() once for a page or a column. */
#ifndef LEAT_FORMAT_PARQUET_KERNELS_H
#define LEAT_FORMAT_PARQUET_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

struct crc32;

struct kernels {
    /* bit_pack and bit_unpack of bit_pack.h. */
    void (*pack)(const uint32_t *values, size_t groups, unsigned width, uint8_t *out);
    void (*unpack)(const uint8_t *in, size_t groups, unsigned width, uint32_t *out);
    /* The first group g in [from, groups) whose eight values, and the eight of group g + 1, are all the same; GROUPS when
     * there is none. */
    size_t (*next_run)(const uint32_t *values, size_t from, size_t groups);

    /* Smallest and largest of N >= 1 values. */
    void (*bounds_int32)(const int32_t *values, size_t n, int32_t *min, int32_t *max);
    void (*bounds_int64)(const int64_t *values, size_t n, int64_t *min, int64_t *max);
    void (*bounds_uint32)(const uint32_t *values, size_t n, uint32_t *min, uint32_t *max);
    void (*bounds_uint64)(const uint64_t *values, size_t n, uint64_t *min, uint64_t *max);
    /* The same without NaN, which is counted: returns how many there are. All NaN: infinities of the wrong side.
     * Which of two zeros it is stays open. */
    size_t (*bounds_float)(const float *values, size_t n, float *min, float *max);
    size_t (*bounds_double)(const double *values, size_t n, double *min, double *max);

    /* Bitmaps have a readable byte behind their last.
     * Positions of the bits that are 1 among [first, first + n); returns how many. OUT needs room for N + 16. */
    size_t (*positions)(const uint8_t *bits, size_t first, size_t n, uint32_t *out);
    /* Bits [first, first + n) as bytes 0 and 1. */
    void (*bits_to_bytes)(const uint8_t *bits, size_t first, size_t n, uint8_t *out);
    /* False: one does not fit. */
    bool (*narrow_int32)(const int64_t *values, size_t n, int32_t *out);

    /* VALUE goes on over the bytes; neither end is complemented here. */
    uint32_t (*crc32)(const struct crc32 *crc, uint32_t value, const uint8_t *bytes, size_t size);
};

extern const struct kernels kernels_portable;
#ifdef __x86_64__
extern const struct kernels kernels_avx2, kernels_avx512;
#endif

/* Those of a level, at most cpu_best(). */
const struct kernels *kernels_of(enum cpu_level level);

static inline const struct kernels *kernels(void)
{
    return kernels_of(cpu_level());
}

#endif
