/* CRC-32 of gzip (polynomial 0x04C11DB7, reflected), as page headers carry it. */
#ifndef LEAT_FORMAT_PARQUET_CRC32_H
#define LEAT_FORMAT_PARQUET_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Sixteen bytes a step. Made once for an encoder, so that nothing is global. */
struct crc32 {
    uint32_t table[16][256];
};

void crc32_init(struct crc32 *crc);
uint32_t crc32_of(const struct crc32 *crc, const void *bytes, size_t size);

#endif
