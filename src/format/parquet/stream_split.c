/* BYTE_STREAM_SPLIT: the first bytes of all values, then all second bytes, and so on.
 *
 * Sixteen values of WIDTH bytes are WIDTH vectors of sixteen bytes. Where WIDTH is a power of two, one step
 * interleaves the first half of those bytes with the second: a byte's place, as a binary number, is rotated by a
 * bit to the left. Of a value's byte the place reads (value, byte), in the streams (byte, value): four steps lead
 * there, log2(WIDTH) steps back. */
#include <string.h>

#include "format/parquet/delta.h"

enum { LANES = 16, WIDEST = 16 };

typedef uint8_t vector __attribute__((vector_size(LANES)));

static inline __attribute__((always_inline)) void interleave(vector *v, size_t width)
{
    vector out[WIDEST];
    for (size_t i = 0; i < width / 2; i++) {
        vector low = v[i], high = v[i + width / 2];
        out[2 * i] = __builtin_shufflevector(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                             22, 7, 23);
        out[2 * i + 1] = __builtin_shufflevector(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                                 13, 29, 14, 30, 15, 31);
    }
    memcpy(v, out, width * sizeof(*v));
}

/* Whole groups of sixteen; returns the values done. WIDTH and STEPS are constants wherever these are called. */
static inline __attribute__((always_inline)) size_t split_groups(const uint8_t *values, size_t n,
                                                                 size_t width, uint8_t *out)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vector v[WIDEST];
        memcpy(v, values + i * width, width * sizeof(*v));
        for (unsigned step = 0; step < 4; step++)
            interleave(v, width);
        for (size_t byte = 0; byte < width; byte++)
            memcpy(out + byte * n + i, &v[byte], sizeof(*v));
    }
    return i;
}

static inline __attribute__((always_inline)) size_t join_groups(const uint8_t *from, size_t n,
                                                                size_t width, unsigned steps,
                                                                uint8_t *out)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vector v[WIDEST];
        for (size_t byte = 0; byte < width; byte++)
            memcpy(&v[byte], from + byte * n + i, sizeof(*v));
        for (unsigned step = 0; step < steps; step++)
            interleave(v, width);
        memcpy(out + i * width, v, width * sizeof(*v));
    }
    return i;
}

void stream_split_encode(const uint8_t *values, size_t n, size_t width, uint8_t *out)
{
    size_t done = 0;
    if (width == 4)
        done = split_groups(values, n, 4, out);
    else if (width == 8)
        done = split_groups(values, n, 8, out);
    else if (width == 16)
        done = split_groups(values, n, 16, out);
    for (size_t byte = 0; byte < width; byte++)
        for (size_t i = done; i < n; i++)
            out[byte * n + i] = values[i * width + byte];
}

void stream_split_decode(const uint8_t *from, size_t n, size_t width, uint8_t *out)
{
    size_t done = 0;
    if (width == 4)
        done = join_groups(from, n, 4, 2, out);
    else if (width == 8)
        done = join_groups(from, n, 8, 3, out);
    else if (width == 16)
        done = join_groups(from, n, 16, 4, out);
    for (size_t byte = 0; byte < width; byte++)
        for (size_t i = done; i < n; i++)
            out[i * width + byte] = from[byte * n + i];
}
