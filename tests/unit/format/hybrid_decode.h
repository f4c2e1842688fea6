/* Runs and packed groups back to values, a bit at a time: written from the format's text alone, so that it shares no
 * mistake with the encoder. Source: parquet-format Encodings.md. */
#ifndef LEAT_TEST_HYBRID_DECODE_H
#define LEAT_TEST_HYBRID_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hybrid_input {
    const uint8_t *at, *end;
};

static inline bool hybrid_header(struct hybrid_input *in, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static inline uint32_t hybrid_bits(const uint8_t *bytes, size_t first, unsigned width)
{
    uint32_t value = 0;
    for (unsigned bit = 0; bit < width; bit++)
        value |= (uint32_t)(bytes[(first + bit) / 8] >> (first + bit) % 8 & 1) << bit;
    return value;
}

/* One run or one stretch of packed groups at IN, at most N values of it into OUT. 0: it does not hold. */
static inline size_t hybrid_piece(struct hybrid_input *in, size_t n, unsigned width, uint32_t *out)
{
    uint64_t header;
    if (!hybrid_header(in, &header))
        return 0;
    bool packed = header & 1;
    uint64_t count = packed ? 8 * (header >> 1) : header >> 1;
    uint64_t bytes = packed ? (header >> 1) * width : (width + 7) / 8;
    if (count == 0 || bytes > (uint64_t)(in->end - in->at) || (!packed && count > n))
        return 0;
    size_t taken = count < n ? (size_t)count : n;
    for (size_t i = 0; i < taken; i++)
        out[i] = hybrid_bits(in->at, packed ? i * width : 0, width);
    in->at += bytes;
    return taken;
}

/* N values from SIZE bytes, which must end with the last of them. */
static inline bool hybrid_decode(const uint8_t *bytes, size_t size, size_t n, unsigned width,
                                 uint32_t *out)
{
    struct hybrid_input in = {bytes, bytes + size};
    for (size_t done = 0; done < n;) {
        size_t taken = hybrid_piece(&in, n - done, width, out + done);
        if (taken == 0)
            return false;
        done += taken;
    }
    return in.at == in.end;
}

#endif
