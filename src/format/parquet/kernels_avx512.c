/* Kernels for AVX-512 with VBMI, VBMI2 and VPCLMULQDQ: Ice Lake, Zen 4 and later. */
#include "format/parquet/kernels.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "format/parquet/crc32.h"

#define TARGET                                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,"             \
                          "avx2,bmi,bmi2,popcnt,pclmul,vpclmulqdq")))
#include "format/parquet/kernels_loops.h"

/* ---- bit packing ---- */

/* Values become bytes, or pairs of bytes, and PEXT takes the bits that count out of eight of these. */
TARGET static void pack_bytes(const uint32_t *values, size_t groups, unsigned width, uint8_t *out)
{
    uint64_t mask = 0x0101010101010101u * ((1u << width) - 1);
    size_t g = 0;
    for (; g + 2 <= groups; g += 2, out += 2 * width) {
        __m128i bytes = _mm512_cvtepi32_epi8(_mm512_loadu_si512(values + 8 * g));
        store_u64le(out, _pext_u64((uint64_t)_mm_cvtsi128_si64(bytes), mask));
        store_u64le(out + width, _pext_u64((uint64_t)_mm_extract_epi64(bytes, 1), mask));
    }
    kernels_portable.pack(values + 8 * g, groups - g, width, out);
}

TARGET static void pack(const uint32_t *values, size_t groups, unsigned width, uint8_t *out)
{
    enum { WIDEST = 16 };
    if (width <= 8) {
        pack_bytes(values, groups, width, out);
        return;
    }
    if (width > WIDEST) {
        kernels_portable.pack(values, groups, width, out);
        return;
    }
    uint64_t mask = 0x0001000100010001u * (((uint64_t)1 << width) - 1);
    for (size_t g = 0; g < groups; g++, out += width) {
        const __m256i *at = (const __m256i *)(const void *)(values + 8 * g);
        __m128i pairs = _mm256_cvtepi32_epi16(_mm256_loadu_si256(at));
        unsigned __int128 all = _pext_u64((uint64_t)_mm_extract_epi64(pairs, 1), mask);
        all = all << (4 * width) | _pext_u64((uint64_t)_mm_cvtsi128_si64(pairs), mask);
        memcpy(out, &all, sizeof(all));
    }
}

/* Sixteen values a step: each takes the four bytes it lies in, and is shifted down. */
TARGET static void unpack(const uint8_t *in, size_t groups, unsigned width, uint32_t *out)
{
    enum { WIDEST = 25 }; /* and 7 bits of shift fit 32 */
    if (width > WIDEST) {
        kernels_portable.unpack(in, groups, width, out);
        return;
    }
    uint8_t picks[64];
    uint32_t shifts[16];
    for (unsigned i = 0; i < 16; i++) {
        shifts[i] = i * width % 8;
        for (unsigned b = 0; b < 4; b++)
            picks[4 * i + b] = (uint8_t)(i * width / 8 + b);
    }
    __m512i pick = _mm512_loadu_si512(picks), shift = _mm512_loadu_si512(shifts);
    __m512i mask = _mm512_set1_epi32((int)(((uint32_t)1 << width) - 1));
    __mmask64 two = _cvtu64_mask64(((uint64_t)1 << 2 * width) - 1);
    size_t g = 0;
    for (; g + 2 <= groups; g += 2) {
        __m512i bytes = _mm512_maskz_loadu_epi8(two, in + g * width);
        __m512i values = _mm512_srlv_epi32(_mm512_permutexvar_epi8(pick, bytes), shift);
        _mm512_storeu_si512(out + 8 * g, _mm512_and_si512(values, mask));
    }
    kernels_portable.unpack(in + g * width, groups - g, width, out + 8 * g);
}

/* One comparison of sixteen took a third longer than AVX2's two, most of which the first and the last value spare. */
static size_t next_run(const uint32_t *values, size_t from, size_t groups)
{
    return kernels_avx2.next_run(values, from, groups);
}

/* ---- bounds: a NaN makes min and max give their second operand, which is what was there before ---- */

#define FLOAT_BOUNDS(name, type, vector, suffix, lanes)                                            \
    TARGET static size_t name(const type *values, size_t n, type *out_min, type *out_max)          \
    {                                                                                              \
        vector low = _mm512_set1_##suffix((type)INFINITY);                                         \
        vector high = _mm512_set1_##suffix((type)-INFINITY);                                       \
        size_t nans = 0, i = 0;                                                                    \
        for (; i + (lanes) <= n; i += (lanes)) {                                                   \
            vector some = _mm512_loadu_##suffix(values + i);                                       \
            unsigned odd = _mm512_cmp_##suffix##_mask(some, some, _CMP_UNORD_Q);                   \
            nans += (size_t)_mm_popcnt_u32(odd);                                                   \
            low = _mm512_min_##suffix(some, low);                                                  \
            high = _mm512_max_##suffix(some, high);                                                \
        }                                                                                          \
        type lows[lanes], highs[lanes], min, max;                                                  \
        _mm512_storeu_##suffix(lows, low);                                                         \
        _mm512_storeu_##suffix(highs, high);                                                       \
        nans += kernels_portable.name(values + i, n - i, &min, &max);                              \
        for (i = 0; i < (lanes); i++) {                                                            \
            min = lows[i] < min ? lows[i] : min;                                                   \
            max = highs[i] > max ? highs[i] : max;                                                 \
        }                                                                                          \
        *out_min = min;                                                                            \
        *out_max = max;                                                                            \
        return nans;                                                                               \
    }

FLOAT_BOUNDS(bounds_float, float, __m512, ps, 16)
FLOAT_BOUNDS(bounds_double, double, __m512d, pd, 8)

/* ---- bitmaps ---- */

TARGET static size_t positions(const uint8_t *bits, size_t first, size_t n, uint32_t *out)
{
    __m512i step = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t count = 0, i = 0;
    for (; i + 16 <= n; i += 16) {
        size_t bit = first + i;
        const uint8_t *at = bits + bit / 8;
        uint32_t word = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
        __mmask16 ones = (__mmask16)(word >> bit % 8);
        __m512i numbers = _mm512_add_epi32(step, _mm512_set1_epi32((int)(uint32_t)bit));
        /* compressed in a register: straight to memory is slow on Zen 4 */
        _mm512_storeu_si512(out + count, _mm512_maskz_compress_epi32(ones, numbers));
        count += (size_t)_mm_popcnt_u32(ones);
    }
    return count + kernels_portable.positions(bits, first + i, n - i, out + count);
}

TARGET static void bits_to_bytes(const uint8_t *bits, size_t first, size_t n, uint8_t *out)
{
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        size_t bit = first + i;
        unsigned shift = bit % 8;
        uint64_t ones = load_u64le(bits + bit / 8) >> shift;
        if (shift)
            ones |= (uint64_t)bits[bit / 8 + 8] << (64 - shift);
        _mm512_storeu_si512(out + i, _mm512_maskz_set1_epi8(_cvtu64_mask64(ones), 1));
    }
    kernels_avx2.bits_to_bytes(bits, first + i, n - i, out + i);
}

/* ---- CRC-32 by folding: kernels_avx2.c, four 128-bit lanes in each register ---- */

TARGET static inline __m512i fold(__m512i before, __m512i factors, __m512i next)
{
    __m512i low = _mm512_clmulepi64_epi128(before, factors, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(before, factors, 0x11);
    return _mm512_ternarylogic_epi64(low, high, next, 0x96);
}

TARGET static uint32_t crc32(const struct crc32 *crc, uint32_t value, const uint8_t *bytes,
                             size_t size)
{
    enum { LANES = 4, STEP = 64 * LANES };
    if (size < STEP)
        return kernels_avx2.crc32(crc, value, bytes, size);
    __m512i by_2048 = _mm512_broadcast_i32x4(_mm_set_epi64x(0x1322d1430, 0x11542778a));
    __m512i by_512 = _mm512_broadcast_i32x4(_mm_set_epi64x(0x1c6e41596, 0x154442bd4));
    __m512i lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = _mm512_loadu_si512(bytes + 64 * i);
    lanes[0] = _mm512_xor_si512(lanes[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)value)));
    for (bytes += STEP, size -= STEP; size >= STEP; bytes += STEP, size -= STEP)
        for (int i = 0; i < LANES; i++)
            lanes[i] = fold(lanes[i], by_2048, _mm512_loadu_si512(bytes + 64 * i));
    for (int i = 1; i < LANES; i++)
        lanes[i] = fold(lanes[i - 1], by_512, lanes[i]);
    uint8_t rest[64]; /* congruent to all before it */
    _mm512_storeu_si512(rest, lanes[LANES - 1]);
    value = kernels_avx2.crc32(crc, 0, rest, sizeof(rest));
    return kernels_avx2.crc32(crc, value, bytes, size);
}

const struct kernels kernels_avx512 = {
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
