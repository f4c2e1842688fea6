/* Inside of batch: values of a fixed width, by row numbers. */
#ifndef LEAT_BATCH_GATHER_H
#define LEAT_BATCH_GATHER_H

#include <stddef.h>
#include <stdint.h>

/* Values ROWS[0..n) of IN, WIDTH bytes each, one behind the other at OUT. */
void gather_values(uint8_t *out, const uint8_t *in, size_t width, const uint32_t *rows, size_t n);

#endif
