#include "format/parquet/crc32.h"

#include "base/bytes.h"
#include "format/parquet/kernels.h"

enum { STEP = 16 };

/* table[k][b]: the checksum of byte b followed by k zero bytes. */
void crc32_init(struct crc32 *crc)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
        crc->table[0][byte] = value;
    }
    for (int k = 1; k < STEP; k++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t before = crc->table[k - 1][byte];
            crc->table[k][byte] = before >> 8 ^ crc->table[0][before & 0xff];
        }
}

static inline uint32_t four_bytes(const uint32_t (*table)[256], uint32_t word)
{
    return table[3][word & 0xff] ^ table[2][word >> 8 & 0xff] ^ table[1][word >> 16 & 0xff] ^
           table[0][word >> 24];
}

uint32_t crc32_update(const struct crc32 *crc, uint32_t value, const uint8_t *at, size_t size)
{
    for (; size >= STEP; at += STEP, size -= STEP)
        value = four_bytes(&crc->table[12], load_u32le(at) ^ value) ^
                four_bytes(&crc->table[8], load_u32le(at + 4)) ^
                four_bytes(&crc->table[4], load_u32le(at + 8)) ^
                four_bytes(&crc->table[0], load_u32le(at + 12));
    for (; size > 0; at++, size--)
        value = value >> 8 ^ crc->table[0][(value ^ *at) & 0xff];
    return value;
}

uint32_t crc32_of(const struct crc32 *crc, const void *bytes, size_t size)
{
    return ~kernels()->crc32(crc, 0xffffffffu, bytes, size);
}
