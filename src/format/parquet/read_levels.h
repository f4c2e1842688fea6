/* Runs and packed groups back to values: levels and dictionary indexes. Takes bytes that nobody vouches for.
 * Source: parquet-format Encodings.md, "Run Length Encoding / Bit-Packing Hybrid" and "Bit-packed (Deprecated)". */
#ifndef LEAT_FORMAT_PARQUET_READ_LEVELS_H
#define LEAT_FORMAT_PARQUET_READ_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of equal values, or of packed ones that starts at a byte. */
struct hybrid_piece {
    size_t n;
    const uint8_t *packed; /* NULL: n times `value` */
    uint32_t value;
};

struct hybrid_reader {
    const uint8_t *at, *end; /* 8 bytes behind END are readable */
    unsigned width;          /* 0..32 */
    size_t left;             /* values of the piece that was begun */
    struct hybrid_piece piece;
    size_t bit; /* of the first value that is left of a packed piece */
};

void hybrid_reader_init(struct hybrid_reader *reader, const uint8_t *from, size_t size,
                        unsigned width);
/* N values into OUT. False: the bytes end before, or do not hold. */
bool hybrid_read(struct hybrid_reader *reader, size_t n, uint32_t *out);
/* Equal values that come next, at most N of them, when they are at least LEAST in number: taken, and their number is
 * returned; else 0 and nothing is taken. */
size_t hybrid_read_run(struct hybrid_reader *reader, size_t n, size_t least, uint32_t *out_value);
bool hybrid_skip(struct hybrid_reader *reader, size_t n);

/* N levels of WIDTH bits (1..8) into OUT, one byte each. False: not all there, or one is above MAX. *OUT_USED bytes
 * were taken. */
bool levels_read_hybrid(const uint8_t *from, size_t size, unsigned width, size_t n, uint8_t max,
                        uint8_t *out);
bool levels_read_packed(const uint8_t *from, size_t size, unsigned width, size_t n, uint8_t max,
                        uint8_t *out, size_t *out_used);

/* Levels 0 and 1 as a bitmap of N bits and the number of ones. OUT has room for N bits and 8 bytes more. With
 * *OUT_ONES == N nothing may have been written. */
bool levels_read_bits(const uint8_t *from, size_t size, size_t n, uint8_t *out, size_t *out_ones);
/* Is it one run of N ones? What columns without NULLs have. */
bool levels_are_one_run(const uint8_t *from, size_t size, size_t n);

#endif
