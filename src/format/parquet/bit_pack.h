/* Bit packing, and the hybrid of runs and packed groups that Parquet uses for levels and dictionary
 * indexes. Source: parquet-format Encodings.md, "Run Length Encoding / Bit-Packing Hybrid". */
#ifndef LEAT_FORMAT_PARQUET_BIT_PACK_H
#define LEAT_FORMAT_PARQUET_BIT_PACK_H

#include <stddef.h>
#include <stdint.h>

enum { BIT_PACK_MAX_WIDTH = 32, BIT_PACK_SLACK = 16 };

/* Bits that VALUE takes: 0 for 0. */
static inline unsigned bit_width_of(uint64_t value)
{
    return value == 0 ? 0 : 64u - (unsigned)__builtin_clzll(value);
}

/* GROUPS * 8 values of WIDTH bits (1..32) into OUT, least significant bit first. OUT needs
 * GROUPS * WIDTH bytes and BIT_PACK_SLACK behind them, which may be overwritten. */
void bit_pack(const uint32_t *values, size_t groups, unsigned width, uint8_t *out);
/* The way back: GROUPS * 8 values of WIDTH bits (1..32) out of exactly GROUPS * WIDTH bytes at IN; no byte beside
 * them is read. OUT has room for GROUPS * 8 values and no more is written. */
void bit_unpack(const uint8_t *in, size_t groups, unsigned width, uint32_t *out);

/* Bytes that hybrid_encode may need for N values, slack included. */
size_t hybrid_bound(size_t n, unsigned width);
/* N values of WIDTH bits into OUT; returns the bytes written. */
size_t hybrid_encode(const uint32_t *values, size_t n, unsigned width, uint8_t *out);
/* The same for one value N times. */
size_t hybrid_encode_run(uint32_t value, size_t n, unsigned width, uint8_t *out);
/* Bits [first, first + n) of a bitmap as values of width 1, in one packed run. */
size_t hybrid_encode_bits(const uint8_t *bits, size_t first, size_t n, uint8_t *out);

#endif
