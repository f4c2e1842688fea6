/* DELTA_BINARY_PACKED:
 *
 *   header     values of a block, miniblocks of a block, values in all (varints), first value (zigzag)
 *   block      smallest difference (zigzag), a byte of width for each miniblock, the miniblocks
 *   miniblock  difference - smallest difference, packed with the miniblock's width, least significant bit first
 *
 * Differences wrap in the width of the type, so any two values have one. What the last miniblock lacks is
 * padded; miniblocks after it have a width in the list (written as 0, read as anything) and no bytes. */
#include <string.h>

#include "base/bytes.h"
#include "format/parquet/bit_pack.h"
#include "format/parquet/delta.h"

enum {
    BLOCK = 128,
    MINIBLOCKS = 4,
    MINIBLOCK = BLOCK / MINIBLOCKS,
    VARINT_BYTES = 10,
    SLACK = 16,
    PIECE = 32,              /* values that are unpacked at once */
    LARGEST_BLOCK = 1 << 20, /* read; nobody writes more than some thousand */
};

/* ---- varints ---- */

static uint8_t *put_uleb(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *put_zigzag(uint8_t *out, int64_t value)
{
    return put_uleb(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static bool take_uleb(struct span *from, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES && i < from->size; i++) {
        uint8_t byte = from->data[i];
        if (i == VARINT_BYTES - 1 && byte > 1)
            return false; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            *out = value;
            from->data += i + 1;
            from->size -= i + 1;
            return true;
        }
    }
    return false;
}

static bool take_zigzag(struct span *from, uint64_t *out)
{
    uint64_t value;
    if (!take_uleb(from, &value))
        return false;
    *out = value >> 1 ^ (0 - (value & 1));
    return true;
}

/* ---- encoding ---- */

size_t delta_binary_bound(size_t n, size_t width)
{
    size_t blocks = n / BLOCK + 1;
    return 4 * (size_t)VARINT_BYTES + blocks * (VARINT_BYTES + MINIBLOCKS + BLOCK * width) + SLACK;
}

/* N values of WIDTH bits (at most 56), together whole bytes. Returns the end; 8 bytes behind it may be written. */
static uint8_t *append_bits(const uint64_t *values, size_t n, unsigned width, uint8_t *out)
{
    uint64_t acc = 0;
    unsigned used = 0;
    for (size_t i = 0; i < n; i++) {
        acc |= values[i] << used;
        store_u64le(out, acc);
        used += width;
        out += used / 8;
        acc >>= used & ~7u;
        used %= 8;
    }
    return out;
}

/* Widths over 56: the highest byte may not fit into the word. */
static void pack_wide(const uint64_t *values, unsigned width, uint8_t *out)
{
    memset(out, 0, (size_t)MINIBLOCK * width / 8);
    for (size_t i = 0; i < MINIBLOCK; i++) {
        uint8_t *at = out + i * width / 8;
        unsigned shift = (unsigned)(i * width % 8);
        store_u64le(at, load_u64le(at) | values[i] << shift);
        if (shift + width > 64)
            at[8] = (uint8_t)(values[i] >> (64 - shift));
    }
}

/* Neighbours are joined to wider values as long as those fit, all with the same shift: that part becomes vector
 * instructions, and the serial rest is short. VALUES are overwritten. */
static void pack_miniblock(uint64_t *values, unsigned width, uint8_t *out)
{
    enum { WIDEST = 56 };
    if (width == 0)
        return;
    if (width > WIDEST) {
        pack_wide(values, width, out);
        return;
    }
    size_t n = MINIBLOCK;
    for (; 2 * width <= WIDEST && n > MINIBLOCK / 8; width *= 2) {
        n /= 2;
        for (size_t i = 0; i < n; i++)
            values[i] = values[2 * i] | values[2 * i + 1] << width;
    }
    append_bits(values, n, width, out);
}

/* Differences of the N values at VALUES (at most BLOCK) to those before them. */
static inline __attribute__((always_inline)) void subtract(const uint8_t *values, size_t n,
                                                           size_t width, int64_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *at = values + i * width;
        if (width == 4)
            out[i] = (int32_t)(load_u32le(at) - load_u32le(at - 4));
        else
            out[i] = (int64_t)(load_u64le(at) - load_u64le(at - 8));
    }
}

static uint8_t *put_block(int64_t *deltas, size_t n, uint8_t *out)
{
    int64_t min = deltas[0];
    for (size_t i = 1; i < n; i++)
        min = deltas[i] < min ? deltas[i] : min;
    uint64_t above[BLOCK];
    for (size_t i = 0; i < n; i++)
        above[i] = (uint64_t)deltas[i] - (uint64_t)min;
    memset(above + n, 0, (BLOCK - n) * sizeof(*above));
    out = put_zigzag(out, min);
    uint8_t *widths = out;
    out += MINIBLOCKS;
    for (size_t m = 0; m < MINIBLOCKS; m++) {
        uint64_t bits = 0;
        for (size_t i = 0; i < MINIBLOCK; i++)
            bits |= above[m * MINIBLOCK + i];
        widths[m] = (uint8_t)bit_width_of(bits);
        pack_miniblock(above + m * MINIBLOCK, widths[m], out);
        out += (size_t)widths[m] * MINIBLOCK / 8; /* those without values have width 0 */
    }
    return out;
}

size_t delta_binary_encode(const void *values, size_t n, size_t width, uint8_t *out)
{
    const uint8_t *from = values;
    int64_t first = 0;
    if (n > 0)
        first = width == 4 ? (int32_t)load_u32le(from) : (int64_t)load_u64le(from);
    uint8_t *at = put_uleb(out, BLOCK);
    at = put_uleb(at, MINIBLOCKS);
    at = put_uleb(at, n);
    at = put_zigzag(at, first);
    for (size_t i = 1; i < n; i += BLOCK) {
        int64_t deltas[BLOCK];
        size_t count = n - i < BLOCK ? n - i : BLOCK;
        if (width == 4)
            subtract(from + i * 4, count, 4, deltas);
        else
            subtract(from + i * 8, count, 8, deltas);
        at = put_block(deltas, count, at);
    }
    return (size_t)(at - out);
}

/* ---- decoding ---- */

/* N values of WIDTH bits; 8 bytes may be read behind the last, of widths over 56 nine. */
static void unpack(const uint8_t *from, size_t n, unsigned width, uint64_t *out)
{
    uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
    if (width <= 56) {
        for (size_t i = 0; i < n; i++)
            out[i] = load_u64le(from + i * width / 8) >> (i * width % 8) & mask;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *at = from + i * width / 8;
        unsigned shift = (unsigned)(i * width % 8);
        out[i] = (load_u64le(at) >> shift | (uint64_t)at[8] << 1 << (63 - shift)) & mask;
    }
}

/* The same where FROM ends after READABLE bytes; what lies behind counts as zeros. */
static void unpack_piece(const uint8_t *from, size_t readable, size_t n, unsigned width,
                         uint64_t *out)
{
    uint8_t copy[PIECE * 8 + SLACK];
    size_t bytes = n * width / 8 + 1;
    if (readable < bytes + SLACK) {
        memset(copy, 0, sizeof(copy));
        memcpy(copy, from, readable < bytes ? readable : bytes);
        from = copy;
    }
    unpack(from, n, width, out);
}

static inline __attribute__((always_inline)) uint64_t add_up(const uint64_t *deltas, size_t n,
                                                             uint64_t min, size_t width,
                                                             uint64_t last, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        last += min + deltas[i];
        if (width == 4)
            store_u32le(out + 4 * i, (uint32_t)last);
        else
            store_u64le(out + 8 * i, last);
    }
    return last;
}

struct delta_reader {
    struct span from;
    size_t width;     /* of a value */
    size_t miniblock; /* values */
    size_t miniblocks;
    size_t left; /* values that are still to come */
    uint64_t last;
    uint8_t *out;
};

static bool take_miniblock(struct delta_reader *r, unsigned bits, uint64_t min)
{
    size_t n = r->left < r->miniblock ? r->left : r->miniblock;
    if (bits > 64) /* DuckDB does not wrap: differences of int32 take 33 bits */
        return false;
    /* Some writers leave out the padding of the last miniblock. */
    size_t needed = (n * bits + 7) / 8, padded = r->miniblock * bits / 8;
    if (needed > r->from.size)
        return false;
    for (size_t i = 0; i < n; i += PIECE) {
        size_t count = n - i < PIECE ? n - i : PIECE, skip = i * bits / 8;
        uint64_t deltas[PIECE];
        unpack_piece(r->from.data + skip, r->from.size - skip, count, bits, deltas);
        r->last = r->width == 4 ? add_up(deltas, count, min, 4, r->last, r->out)
                                : add_up(deltas, count, min, 8, r->last, r->out);
        r->out += count * r->width;
    }
    size_t used = padded < r->from.size ? padded : r->from.size;
    r->from.data += used;
    r->from.size -= used;
    r->left -= n;
    return true;
}

static bool take_block(struct delta_reader *r)
{
    uint64_t min;
    if (!take_zigzag(&r->from, &min) || r->from.size < r->miniblocks)
        return false;
    const uint8_t *widths = r->from.data;
    r->from.data += r->miniblocks;
    r->from.size -= r->miniblocks;
    for (size_t m = 0; m < r->miniblocks && r->left > 0; m++)
        if (!take_miniblock(r, widths[m], min))
            return false;
    return true;
}

static bool take_header(struct delta_reader *r, size_t n)
{
    uint64_t block, miniblocks, count;
    if (!take_uleb(&r->from, &block) || !take_uleb(&r->from, &miniblocks) ||
        !take_uleb(&r->from, &count) || !take_zigzag(&r->from, &r->last))
        return false;
    if (block == 0 || block > LARGEST_BLOCK || miniblocks == 0 || block % miniblocks != 0)
        return false;
    r->miniblocks = miniblocks;
    r->miniblock = block / miniblocks;
    return r->miniblock % 8 == 0 && count == n;
}

bool delta_binary_decode(const uint8_t *from, size_t size, size_t n, size_t width, void *out,
                         size_t *out_used)
{
    struct delta_reader r = {.from = {from, size}, .width = width, .out = out};
    if (!take_header(&r, n))
        return false;
    if (n > 0) {
        memcpy(r.out, &r.last, width);
        r.out += width;
        r.left = n - 1;
    }
    while (r.left > 0)
        if (!take_block(&r))
            return false;
    *out_used = size - r.from.size;
    return true;
}
