/* Decimals as two's complement little-endian integers of 8, 16 or 32 bytes. Private to batch/;
 * parse_decimal is in scalar.h. */
#ifndef LEAT_BATCH_DECIMAL_H
#define LEAT_BATCH_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_TEXT_BYTES = 96 };

/* "-12.30": SCALE digits after the point always; NUL-terminated. Returns the length. */
size_t decimal_format(const uint8_t *value, size_t width, int32_t scale,
                      char out[DECIMAL_TEXT_BYTES]);
int decimal_compare(const uint8_t *a, const uint8_t *b, size_t width);

#endif
