/* CRC-32 of gzip (polynomial 0x04C11DB7, reflected), as page headers carry it. */
#ifndef LEAT_FORMAT_PARQUET_CRC32_H
#define LEAT_FORMAT_PARQUET_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Made once for an encoder, so that nothing is global. */
struct crc32 {
    uint32_t table[16][256];
};

void crc32_init(struct crc32 *crc);
/* VALUE (complemented, as it is between two pieces) goes on over the bytes, sixteen a step. */
uint32_t crc32_update(const struct crc32 *crc, uint32_t value, const uint8_t *bytes, size_t size);
/* The checksum of the bytes, by the fastest kernel there is (kernels.h). */
uint32_t crc32_of(const struct crc32 *crc, const void *bytes, size_t size);

#endif
