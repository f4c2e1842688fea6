/* Ranges of bits, in Arrow's order. Private to batch/. */
#ifndef LEAT_BATCH_BITMAP_H
#define LEAT_BATCH_BITMAP_H

#include <stddef.h>
#include <stdint.h>

static inline size_t bitmap_bytes(size_t bits)
{
    return (bits >> 3) + ((bits & 7) != 0);
}

/* Copy bits [first, first + n) of FROM to bits [at, at + n) of TO. Bits of TO below AT stay; those from
 * at + n to the end of their byte become zero. Reads no byte of FROM that holds none of the bits. */
void bitmap_copy(uint8_t *to, size_t at, const uint8_t *from, size_t first, size_t n);
/* Bits [at, at + n) become ones; the rest as in bitmap_copy. */
void bitmap_fill(uint8_t *to, size_t at, size_t n);
/* Zero the bits from BITS to the end of their byte. */
void bitmap_clear_tail(uint8_t *bits, size_t n);

#endif
