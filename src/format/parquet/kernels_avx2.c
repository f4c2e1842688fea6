/* Kernels for AVX2 with BMI2 and PCLMULQDQ. */
#include "format/parquet/kernels.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "format/parquet/crc32.h"

#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt,pclmul")))
#include "format/parquet/kernels_loops.h"

TARGET static inline __m256i load256(const void *at)
{
    return _mm256_loadu_si256((const __m256i *)at);
}

/* ---- bit packing ---- */

/* Joining neighbours by shifts (8 values of w bits, 4 of 2w, 2 of 4w, one of 8w) took a quarter longer than the
 * portable loop, which has constant shifts. */
static void pack(const uint32_t *values, size_t groups, unsigned width, uint8_t *out)
{
    kernels_portable.pack(values, groups, width, out);
}

/* Four values in each half of the register, from the byte that the first of them begins in: each takes the four bytes
 * it lies in, and is shifted down. */
TARGET static void unpack(const uint8_t *in, size_t groups, unsigned width, uint32_t *out)
{
    enum { WIDEST = 25 }; /* and 7 bits of shift fit 32 */
    size_t g = 0, half = width / 2, reach = half + 16;
    if (width <= WIDEST) {
        uint8_t picks[32];
        uint32_t shifts[8];
        for (unsigned i = 0; i < 8; i++) {
            unsigned bit = i < 4 ? i * width : i * width - 8 * (unsigned)half;
            shifts[i] = bit % 8;
            for (unsigned b = 0; b < 4; b++)
                picks[4 * i + b] = (uint8_t)(bit / 8 + b);
        }
        __m256i pick = load256(picks), shift = load256(shifts);
        __m256i mask = _mm256_set1_epi32((int)(((uint32_t)1 << width) - 1));
        for (; (groups - g) * width >= reach; g++) {
            const uint8_t *at = in + g * width;
            __m256i bytes = _mm256_inserti128_si256(
                _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)at)),
                _mm_loadu_si128((const __m128i *)(at + half)), 1);
            __m256i values = _mm256_srlv_epi32(_mm256_shuffle_epi8(bytes, pick), shift);
            _mm256_storeu_si256((__m256i *)(out + 8 * g), _mm256_and_si256(values, mask));
        }
    }
    kernels_portable.unpack(in + g * width, groups - g, width, out + 8 * g);
}

TARGET static size_t next_run(const uint32_t *values, size_t from, size_t groups)
{
    for (size_t g = from; g + 1 < groups; g++) {
        const uint32_t *at = values + 8 * g;
        if (at[0] != at[15])
            continue;
        __m256i first = _mm256_set1_epi32((int)at[0]);
        __m256i same = _mm256_and_si256(_mm256_cmpeq_epi32(load256(at), first),
                                        _mm256_cmpeq_epi32(load256(at + 8), first));
        if (_mm256_movemask_epi8(same) == -1)
            return g;
    }
    return groups;
}

/* ---- bounds: a NaN makes min and max give their second operand, which is what was there before ---- */

#define FLOAT_BOUNDS(name, type, vector, suffix, lanes)                                            \
    TARGET static size_t name(const type *values, size_t n, type *out_min, type *out_max)          \
    {                                                                                              \
        vector low = _mm256_set1_##suffix((type)INFINITY);                                         \
        vector high = _mm256_set1_##suffix((type)-INFINITY);                                       \
        size_t nans = 0, i = 0;                                                                    \
        for (; i + (lanes) <= n; i += (lanes)) {                                                   \
            vector some = _mm256_loadu_##suffix(values + i);                                       \
            int odd = _mm256_movemask_##suffix(_mm256_cmp_##suffix(some, some, _CMP_UNORD_Q));     \
            nans += (size_t)_mm_popcnt_u32((unsigned)odd);                                         \
            low = _mm256_min_##suffix(some, low);                                                  \
            high = _mm256_max_##suffix(some, high);                                                \
        }                                                                                          \
        type lows[lanes], highs[lanes], min, max;                                                  \
        _mm256_storeu_##suffix(lows, low);                                                         \
        _mm256_storeu_##suffix(highs, high);                                                       \
        nans += kernels_portable.name(values + i, n - i, &min, &max);                              \
        for (i = 0; i < (lanes); i++) {                                                            \
            min = lows[i] < min ? lows[i] : min;                                                   \
            max = highs[i] > max ? highs[i] : max;                                                 \
        }                                                                                          \
        *out_min = min;                                                                            \
        *out_max = max;                                                                            \
        return nans;                                                                               \
    }

FLOAT_BOUNDS(bounds_float, float, __m256, ps, 8)
FLOAT_BOUNDS(bounds_double, double, __m256d, pd, 4)

/* ---- bitmaps ---- */

TARGET static inline uint64_t eight_bits(const uint8_t *bits, size_t first)
{
    unsigned both = bits[first / 8] | (unsigned)bits[first / 8 + 1] << 8;
    return both >> first % 8 & 0xff;
}

/* Eight bits a step: a bit becomes a byte, the bytes of ones pick numbers 0 to 7. */
TARGET static size_t positions(const uint8_t *bits, size_t first, size_t n, uint32_t *out)
{
    size_t count = 0, i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t ones = eight_bits(bits, first + i);
        uint64_t bytes = _pdep_u64(ones, 0x0101010101010101u) * 0xff;
        uint64_t numbers = _pext_u64(0x0706050403020100u, bytes);
        __m256i wide = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)numbers));
        __m256i base = _mm256_set1_epi32((int)(uint32_t)(first + i));
        _mm256_storeu_si256((__m256i *)(out + count), _mm256_add_epi32(wide, base));
        count += (size_t)_mm_popcnt_u64(ones);
    }
    return count + kernels_portable.positions(bits, first + i, n - i, out + count);
}

TARGET static void bits_to_bytes(const uint8_t *bits, size_t first, size_t n, uint8_t *out)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        store_u64le(out + i, _pdep_u64(eight_bits(bits, first + i), 0x0101010101010101u));
    kernels_portable.bits_to_bytes(bits, first + i, n - i, out + i);
}

/* ---- CRC-32 by folding ----
 * Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ". 128 bits that stand D bits before
 * others are the same remainder as their halves times x^(D+32) and x^(D-32) modulo the polynomial, reflected. */

TARGET static inline __m128i fold(__m128i before, __m128i factors, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(before, factors, 0x00);
    __m128i high = _mm_clmulepi64_si128(before, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

TARGET static uint32_t crc32(const struct crc32 *crc, uint32_t value, const uint8_t *bytes,
                             size_t size)
{
    enum { LANES = 4, STEP = 16 * LANES };
    if (size < STEP)
        return crc32_update(crc, value, bytes, size);
    const __m128i *at = (const __m128i *)(const void *)bytes;
    __m128i by_512 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    __m128i by_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = _mm_loadu_si128(at + i);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128((int)value));
    for (at += LANES, size -= STEP; size >= STEP; at += LANES, size -= STEP)
        for (int i = 0; i < LANES; i++)
            lanes[i] = fold(lanes[i], by_512, _mm_loadu_si128(at + i));
    for (int i = 1; i < LANES; i++)
        lanes[i] = fold(lanes[i - 1], by_128, lanes[i]);
    uint8_t rest[16]; /* congruent to all before it */
    _mm_storeu_si128((__m128i *)(void *)rest, lanes[LANES - 1]);
    value = crc32_update(crc, 0, rest, sizeof(rest));
    return crc32_update(crc, value, (const uint8_t *)at, size);
}

const struct kernels kernels_avx2 = {
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
    .crc32 = crc32,
};

#endif
