#include "format/parquet/read_levels.h"

#include <string.h>

#include "base/bytes.h"
#include "batch/bitmap.h"
#include "format/parquet/bit_pack.h"

/* ---- pieces ---- */

void hybrid_reader_init(struct hybrid_reader *reader, const uint8_t *from, size_t size,
                        unsigned width)
{
    *reader = (struct hybrid_reader){.at = from, .end = from + size, .width = width};
}

static bool next_header(struct hybrid_reader *reader, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (reader->at == reader->end)
            return false;
        uint8_t byte = *reader->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool begin_run(struct hybrid_reader *reader, size_t n)
{
    size_t bytes = (reader->width + 7) / 8;
    uint32_t value = 0;
    if (n == 0 || bytes > (size_t)(reader->end - reader->at))
        return false;
    for (size_t b = 0; b < bytes; b++)
        value |= (uint32_t)reader->at[b] << 8 * b;
    reader->at += bytes;
    reader->piece = (struct hybrid_piece){.n = n, .value = value};
    reader->left = n;
    return true;
}

/* A last group may be cut short by writers that count on the number of values. */
static bool begin_packed(struct hybrid_reader *reader, uint64_t groups)
{
    size_t left = (size_t)(reader->end - reader->at), n = (size_t)groups * 8;
    size_t bytes = (size_t)groups * reader->width;
    if (bytes > left) {
        n = left * 8 / reader->width;
        bytes = left;
    }
    if (n == 0)
        return false;
    if (reader->width == 0)
        reader->piece = (struct hybrid_piece){.n = n};
    else
        reader->piece = (struct hybrid_piece){.n = n, .packed = reader->at};
    reader->at += bytes;
    reader->left = n;
    reader->bit = 0;
    return true;
}

/* Something is left in the piece, or another one begins. Without bits all values are 0, said or not. */
static bool has_piece(struct hybrid_reader *reader)
{
    uint64_t header;
    if (reader->left > 0)
        return true;
    if (reader->width == 0 && reader->at == reader->end) {
        reader->piece = (struct hybrid_piece){.n = SIZE_MAX};
        reader->left = SIZE_MAX;
        return true;
    }
    if (!next_header(reader, &header))
        return false;
    return header & 1 ? begin_packed(reader, header >> 1)
                      : begin_run(reader, (size_t)(header >> 1));
}

static uint32_t packed_value(const struct hybrid_reader *reader)
{
    uint64_t word = load_u64le(reader->piece.packed + (reader->bit >> 3)) >> (reader->bit & 7);
    return (uint32_t)(word & (((uint64_t)1 << reader->width) - 1));
}

/* Whole groups by the kernel, what is before and behind them one by one. */
static void read_packed(struct hybrid_reader *reader, size_t n, uint32_t *out)
{
    size_t width = reader->width;
    for (; n > 0 && reader->bit & 7; n--, reader->bit += width)
        *out++ = packed_value(reader);
    size_t groups = n / 8;
    if (groups > 0)
        bit_unpack(reader->piece.packed + (reader->bit >> 3), groups, reader->width, out);
    reader->bit += groups * 8 * width;
    out += groups * 8;
    for (n -= groups * 8; n > 0; n--, reader->bit += width)
        *out++ = packed_value(reader);
}

bool hybrid_read(struct hybrid_reader *reader, size_t n, uint32_t *out)
{
    while (n > 0) {
        if (!has_piece(reader))
            return false;
        size_t part = reader->left < n ? reader->left : n;
        if (reader->piece.packed)
            read_packed(reader, part, out);
        else
            for (size_t i = 0; i < part; i++)
                out[i] = reader->piece.value;
        reader->left -= part;
        out += part;
        n -= part;
    }
    return true;
}

size_t hybrid_read_run(struct hybrid_reader *reader, size_t n, size_t least, uint32_t *out_value)
{
    if (n == 0 || !has_piece(reader) || reader->piece.packed || reader->left < least)
        return 0;
    size_t part = reader->left < n ? reader->left : n;
    *out_value = reader->piece.value;
    reader->left -= part;
    return part;
}

bool hybrid_skip(struct hybrid_reader *reader, size_t n)
{
    while (n > 0) {
        if (!has_piece(reader))
            return false;
        size_t part = reader->left < n ? reader->left : n;
        if (reader->piece.packed)
            reader->bit += part * reader->width;
        reader->left -= part;
        n -= part;
    }
    return true;
}

/* ---- levels ---- */

bool levels_read_hybrid(const uint8_t *from, size_t size, unsigned width, size_t n, uint8_t max,
                        uint8_t *out)
{
    enum { BLOCK = 1024 };
    uint32_t block[BLOCK];
    struct hybrid_reader reader;
    hybrid_reader_init(&reader, from, size, width);
    for (size_t done = 0; done < n;) {
        uint32_t value = 0, largest = 0;
        size_t part = hybrid_read_run(&reader, n - done, 64, &value);
        if (part > 0) {
            memset(out + done, (int)value, part);
            largest = value;
        } else {
            part = n - done < BLOCK ? n - done : BLOCK;
            if (!hybrid_read(&reader, part, block))
                return false;
            for (size_t i = 0; i < part; i++) {
                largest = block[i] > largest ? block[i] : largest;
                out[done + i] = (uint8_t)block[i];
            }
        }
        if (largest > max)
            return false;
        done += part;
    }
    return true;
}

/* The old form: most significant bit first, no header, no length. */
bool levels_read_packed(const uint8_t *from, size_t size, unsigned width, size_t n, uint8_t max,
                        uint8_t *out, size_t *out_used)
{
    if (n > SIZE_MAX / 8 || (n * width + 7) / 8 > size)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned value = 0;
        for (size_t bit = i * width; bit < (i + 1) * width; bit++)
            value = value << 1 | (from[bit >> 3] >> (7 - (bit & 7)) & 1);
        if (value > max)
            return false;
        out[i] = (uint8_t)value;
    }
    *out_used = (n * width + 7) / 8;
    return true;
}

bool levels_are_one_run(const uint8_t *from, size_t size, size_t n)
{
    struct hybrid_reader reader;
    hybrid_reader_init(&reader, from, size, 1);
    return n > 0 && has_piece(&reader) && !reader.piece.packed && reader.piece.value == 1 &&
           reader.left >= n;
}

static void put_run(uint8_t *bits, size_t at, size_t n, uint32_t value)
{
    if (value) {
        bitmap_fill(bits, at, n);
        return;
    }
    size_t first = bitmap_bytes(at), end = bitmap_bytes(at + n);
    bitmap_clear_tail(bits, at);
    if (end > first)
        memset(bits + first, 0, end - first);
}

bool levels_read_bits(const uint8_t *from, size_t size, size_t n, uint8_t *out, size_t *out_ones)
{
    struct hybrid_reader reader;
    hybrid_reader_init(&reader, from, size, 1);
    for (size_t done = 0; done < n;) {
        if (!has_piece(&reader))
            return false;
        size_t part = reader.left < n - done ? reader.left : n - done;
        if (reader.piece.packed)
            bitmap_copy(out, done, reader.piece.packed, 0, part);
        else if (reader.piece.value <= 1)
            put_run(out, done, part, reader.piece.value);
        else
            return false;
        reader.left = 0;
        done += part;
    }
    *out_ones = bits_count(out, 0, n);
    return true;
}
