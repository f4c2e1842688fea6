/* The dense encodings, both ways. Source: parquet-format Encodings.md ("Delta Encoding", "Delta-length byte array",
 * "Delta Strings", "Byte Stream Split").
 *
 * Encoders write into room that a *_bound call gave. Decoders take bytes that nobody vouches for: they never
 * read beyond SIZE, never write beyond N values, and return false for what does not hold. */
#ifndef LEAT_FORMAT_PARQUET_DELTA_H
#define LEAT_FORMAT_PARQUET_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

/* ---- DELTA_BINARY_PACKED: blocks of 128 values in 4 miniblocks. Differences wrap in WIDTH bytes. ---- */

/* Bytes that N values of WIDTH (4 or 8) bytes may need, slack included. */
size_t delta_binary_bound(size_t n, size_t width);
/* Returns the bytes written. VALUES need not be aligned. */
size_t delta_binary_encode(const void *values, size_t n, size_t width, uint8_t *out);
/* Exactly N values of WIDTH bytes into OUT. *OUT_USED: bytes taken. False also when the header counts other than N. */
bool delta_binary_decode(const uint8_t *from, size_t size, size_t n, size_t width, void *out,
                         size_t *out_used);

/* ---- DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY ----
 * Values are bytes[offsets[i], offsets[i + 1]). */

size_t delta_length_bound(const int64_t *offsets, size_t n);
status delta_length_encode(const uint8_t *bytes, const int64_t *offsets, size_t n,
                           struct buffer *scratch, uint8_t *out, size_t *out_size,
                           struct error *err);
size_t delta_bytes_bound(const int64_t *offsets, size_t n);
status delta_bytes_encode(const uint8_t *bytes, const int64_t *offsets, size_t n,
                          struct buffer *scratch, uint8_t *out, size_t *out_size,
                          struct error *err);

/* Append N values to BYTES, and their ends to OFFSETS (int64, offsets->size bytes in use; the first end is
 * base + length of the first value, where base is BYTES' size before). At most MAX_BYTES bytes are appended
 * (a page of prefixes can describe far more than it holds): beyond that BAD_DATA. LENGTHS is scratch. */
status delta_length_decode(const uint8_t *from, size_t size, size_t n, size_t max_bytes,
                           struct buffer *lengths, struct buffer *bytes, struct buffer *offsets,
                           struct error *err);
status delta_bytes_decode(const uint8_t *from, size_t size, size_t n, size_t max_bytes,
                          struct buffer *lengths, struct buffer *bytes, struct buffer *offsets,
                          struct error *err);

/* ---- BYTE_STREAM_SPLIT: N values of WIDTH bytes as WIDTH streams of N bytes. ---- */

void stream_split_encode(const uint8_t *values, size_t n, size_t width, uint8_t *out);
/* FROM holds n * width bytes: the caller checked. */
void stream_split_decode(const uint8_t *from, size_t n, size_t width, uint8_t *out);

#endif
