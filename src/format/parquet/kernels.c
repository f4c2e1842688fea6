/* Portable kernels, and which table is whose. */
#include "format/parquet/kernels.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "format/parquet/crc32.h"

#define TARGET
#include "format/parquet/kernels_loops.h"

/* ---- bit packing: eight values a group ---- */

/* WIDTH is a constant wherever this is called, so all shifts are too. */
static inline __attribute__((always_inline)) void pack_group(const uint32_t *in, unsigned width,
                                                             uint8_t *out)
{
    if (width <= 8) {
        uint64_t bits = 0;
        for (unsigned i = 0; i < 8; i++)
            bits |= (uint64_t)in[i] << (i * width);
        store_u64le(out, bits);
        return;
    }
    uint64_t bits = 0;
    unsigned used = 0;
    for (unsigned i = 0; i < 8; i++) {
        bits |= (uint64_t)in[i] << used;
        used += width;
        if (used >= 32) {
            store_u32le(out, (uint32_t)bits);
            out += 4;
            bits >>= 32;
            used -= 32;
        }
    }
    store_u32le(out, (uint32_t)bits);
}

#define PACK_CASE(w)                                                                               \
    case w:                                                                                        \
        for (size_t g = 0; g < groups; g++)                                                        \
            pack_group(values + 8 * g, w, out + (size_t)w * g);                                    \
        break;

#define EACH_WIDTH(apply)                                                                          \
    apply(1) apply(2) apply(3) apply(4) apply(5) apply(6) apply(7) apply(8) apply(9) apply(10)     \
        apply(11) apply(12) apply(13) apply(14) apply(15) apply(16) apply(17) apply(18) apply(19)  \
            apply(20) apply(21) apply(22) apply(23) apply(24)

static void pack(const uint32_t *values, size_t groups, unsigned width, uint8_t *out)
{
    switch (width) {
        EACH_WIDTH(PACK_CASE)
    default: /* wider indexes need a dictionary of 2^24 entries: rare */
        for (size_t g = 0; g < groups; g++)
            pack_group(values + 8 * g, width, out + (size_t)width * g);
        break;
    }
}

/* Reads the WIDTH bytes of the group and none beside them. */
static inline __attribute__((always_inline)) void unpack_group(const uint8_t *in, unsigned width,
                                                               uint32_t *out)
{
    uint64_t mask = ((uint64_t)1 << width) - 1, bits = 0;
    unsigned held = 0;
    for (unsigned i = 0; i < 8; i++) {
        for (; held < width; held += 8)
            bits |= (uint64_t)*in++ << held;
        out[i] = (uint32_t)(bits & mask);
        bits >>= width;
        held -= width;
    }
}

#define UNPACK_CASE(w)                                                                             \
    case w:                                                                                        \
        for (size_t g = 0; g < groups; g++)                                                        \
            unpack_group(in + (size_t)w * g, w, out + 8 * g);                                      \
        break;

static void unpack(const uint8_t *in, size_t groups, unsigned width, uint32_t *out)
{
    switch (width) {
        EACH_WIDTH(UNPACK_CASE)
    default:
        for (size_t g = 0; g < groups; g++)
            unpack_group(in + (size_t)width * g, width, out + 8 * g);
        break;
    }
}

static size_t next_run(const uint32_t *values, size_t from, size_t groups)
{
    for (size_t g = from; g + 1 < groups; g++) {
        const uint32_t *at = values + 8 * g;
        if (at[0] != at[15])
            continue;
        uint32_t differ = 0;
        for (unsigned i = 1; i < 15; i++)
            differ |= at[i] ^ at[0];
        if (differ == 0)
            return g;
    }
    return groups;
}

/* ---- bounds ---- */

#define FLOAT_BOUNDS(name, type)                                                                   \
    static size_t name(const type *values, size_t n, type *out_min, type *out_max)                 \
    {                                                                                              \
        type min = (type)INFINITY, max = (type)-INFINITY;                                          \
        size_t nans = 0;                                                                           \
        for (size_t i = 0; i < n; i++) {                                                           \
            nans += values[i] != values[i];                                                        \
            min = values[i] < min ? values[i] : min;                                               \
            max = values[i] > max ? values[i] : max;                                               \
        }                                                                                          \
        *out_min = min;                                                                            \
        *out_max = max;                                                                            \
        return nans;                                                                               \
    }

FLOAT_BOUNDS(bounds_float, float)
FLOAT_BOUNDS(bounds_double, double)

/* ---- bitmaps ---- */

static size_t positions(const uint8_t *bits, size_t first, size_t n, uint32_t *out)
{
    size_t count = 0;
    for (size_t i = first; i < first + n; i++) {
        out[count] = (uint32_t)i;
        count += bit_get(bits, i);
    }
    return count;
}

static void bits_to_bytes(const uint8_t *bits, size_t first, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = bit_get(bits, first + i);
}

/* ---- the tables ---- */

const struct kernels kernels_portable = {
    .pack = pack,
    .unpack = unpack,
    .next_run = next_run,
    .bounds_int32 = bounds_int32,
    .bounds_int64 = bounds_int64,
    .bounds_uint32 = bounds_uint32,
    .bounds_uint64 = bounds_uint64,
    .bounds_float = bounds_float,
    .bounds_double = bounds_double,
    .positions = positions,
    .bits_to_bytes = bits_to_bytes,
    .narrow_int32 = narrow_int32,
    .crc32 = crc32_update,
};

const struct kernels *kernels_of(enum cpu_level level)
{
#ifdef __x86_64__
    if (level == CPU_AVX512)
        return &kernels_avx512;
    if (level == CPU_AVX2)
        return &kernels_avx2;
#endif
    return &kernels_portable;
}
