/* Loops that the compiler makes vectors of by itself: the same text for each level, included by kernels.c,
 * kernels_avx2.c and kernels_avx512.c with TARGET set to the function attribute of theirs. */

#define BOUNDS_LOOP(name, type)                                                                    \
    TARGET static void name(const type *values, size_t n, type *out_min, type *out_max)            \
    {                                                                                              \
        type min = values[0], max = values[0];                                                     \
        for (size_t i = 1; i < n; i++) {                                                           \
            min = values[i] < min ? values[i] : min;                                               \
            max = values[i] > max ? values[i] : max;                                               \
        }                                                                                          \
        *out_min = min;                                                                            \
        *out_max = max;                                                                            \
    }

BOUNDS_LOOP(bounds_int32, int32_t)
BOUNDS_LOOP(bounds_int64, int64_t)
BOUNDS_LOOP(bounds_uint32, uint32_t)
BOUNDS_LOOP(bounds_uint64, uint64_t)

TARGET static bool narrow_int32(const int64_t *values, size_t n, int32_t *out)
{
    int64_t lost = 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = (int32_t)values[i];
        lost |= (int32_t)values[i] ^ values[i];
    }
    return lost == 0;
}
