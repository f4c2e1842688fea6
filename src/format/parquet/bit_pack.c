#include "format/parquet/bit_pack.h"

#include <stdbool.h>
#include <string.h>

#include "format/parquet/kernels.h"

/* A run shorter than this stays in the packed groups around it: its own header would cost more. It is what the
 * kernel next_run looks for. */
enum { SHORTEST_RUN_GROUPS = 2 };

void bit_pack(const uint32_t *values, size_t groups, unsigned width, uint8_t *out)
{
    kernels()->pack(values, groups, width, out);
}

void bit_unpack(const uint8_t *in, size_t groups, unsigned width, uint32_t *out)
{
    kernels()->unpack(in, groups, width, out);
}

static size_t put_varint(uint8_t *out, uint64_t value)
{
    size_t size = 0;
    while (value >= 0x80) {
        out[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[size++] = (uint8_t)value;
    return size;
}

size_t hybrid_bound(size_t n, unsigned width)
{
    /* packed throughout, and for each run of the shortest length two headers and a value */
    size_t groups = (n + 7) / 8;
    return groups * width + (groups / SHORTEST_RUN_GROUPS + 2) * 16 + BIT_PACK_SLACK;
}

size_t hybrid_encode_run(uint32_t value, size_t n, unsigned width, uint8_t *out)
{
    if (n == 0)
        return 0;
    size_t size = put_varint(out, (uint64_t)n << 1);
    size_t bytes = (width + 7) / 8;
    memcpy(out + size, &value, bytes);
    return size + bytes;
}

static size_t encode_packed(const uint32_t *values, size_t groups, unsigned width, uint8_t *out)
{
    if (groups == 0)
        return 0;
    size_t size = put_varint(out, (uint64_t)groups << 1 | 1);
    bit_pack(values, groups, width, out + size);
    return size + groups * width;
}

/* Is the group one value eight times? */
static inline bool is_uniform(const uint32_t *group)
{
    uint32_t differ = 0;
    for (unsigned i = 1; i < 8; i++)
        differ |= group[i] ^ group[0];
    return differ == 0;
}

/* Groups from FIRST on that hold the value of FIRST only. */
static size_t uniform_groups(const uint32_t *values, size_t first, size_t groups)
{
    size_t g = first;
    while (g < groups && values[8 * g] == values[8 * first] && is_uniform(values + 8 * g))
        g++;
    return g - first;
}

/* Groups [from, to) and, at the end, the values that fill no group; what is missing there is zeros. */
static size_t encode_tail(const uint32_t *values, size_t from, size_t n, unsigned width,
                          uint8_t *out)
{
    size_t whole = n / 8 - from;
    size_t rest = n % 8;
    if (whole == 0 && rest == 0)
        return 0;
    size_t size = put_varint(out, (uint64_t)(whole + (rest > 0)) << 1 | 1);
    bit_pack(values + 8 * from, whole, width, out + size);
    size += whole * width;
    if (rest > 0) {
        uint32_t last[8] = {0};
        memcpy(last, values + n - rest, rest * sizeof(*last));
        bit_pack(last, 1, width, out + size);
        size += width;
    }
    return size;
}

size_t hybrid_encode(const uint32_t *values, size_t n, unsigned width, uint8_t *out)
{
    const struct kernels *kernel = kernels();
    size_t whole = n / 8;
    size_t packed_from = 0; /* groups [packed_from, g) wait to be packed */
    size_t size = 0;
    for (size_t g = 0; (g = kernel->next_run(values, g, whole)) < whole;) {
        size_t same = uniform_groups(values, g, whole);
        size += encode_packed(values + 8 * packed_from, g - packed_from, width, out + size);
        size += hybrid_encode_run(values[8 * g], 8 * same, width, out + size);
        g += same;
        packed_from = g;
    }
    return size + encode_tail(values, packed_from, n, width, out + size);
}

size_t hybrid_encode_bits(const uint8_t *bits, size_t first, size_t n, uint8_t *out)
{
    size_t groups = (n + 7) / 8;
    if (groups == 0)
        return 0;
    size_t size = put_varint(out, (uint64_t)groups << 1 | 1);
    const uint8_t *from = bits + first / 8;
    unsigned shift = first % 8;
    for (size_t g = 0; g < groups; g++) {
        unsigned both = from[g];
        if (shift + n > 8 * (g + 1)) /* bits of this group lie in the next byte */
            both |= (unsigned)from[g + 1] << 8;
        out[size + g] = (uint8_t)(both >> shift);
    }
    if (n % 8)
        out[size + groups - 1] &= (uint8_t)((1u << n % 8) - 1);
    return size + groups;
}
