/* Pages back from their codecs. The size of the result is known from the page header; anything else that comes out is
 * damage. No codec here allocates by what its input claims: results go where the caller made room. */
#include "format/codec/codec.h"

#include <brotli/decode.h>
#include <libdeflate.h>
#include <lz4.h>
#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

/* Names by the numbers of parquet.thrift; LZO and the first LZ4 (of an unclear framing) are not read. */
static const char *const codec_names[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                          "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};

const char *codec_name(int32_t id)
{
    size_t at = (size_t)id;
    return id >= 0 && at < sizeof(codec_names) / sizeof(codec_names[0]) ? codec_names[at] : NULL;
}

void decompressor_release(struct decompressor *decompressor)
{
    ZSTD_freeDCtx(decompressor->zstd);
    libdeflate_free_decompressor(decompressor->deflate);
    *decompressor = (struct decompressor){0};
}

static status damaged(int32_t id, const char *why, size_t size, size_t out_size, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA,
                     "%s data is damaged: %zu bytes that should become %zu (%s)", codec_name(id),
                     size, out_size, why);
}

static status read_zstd(struct decompressor *decompressor, const void *from, size_t size, void *out,
                        size_t out_size, struct error *err)
{
    if (!decompressor->zstd)
        decompressor->zstd = ZSTD_createDCtx();
    if (!decompressor->zstd)
        return error_no_memory(err);
    size_t made = ZSTD_decompressDCtx(decompressor->zstd, out, out_size, from, size);
    if (ZSTD_isError(made))
        return damaged(CODEC_ZSTD, ZSTD_getErrorName(made), size, out_size, err);
    if (made != out_size)
        return damaged(CODEC_ZSTD, "another size comes out", size, out_size, err);
    return STATUS_OK;
}

static status read_snappy(const void *from, size_t size, void *out, size_t out_size,
                          struct error *err)
{
    size_t made = 0;
    if (snappy_uncompressed_length(from, size, &made) != SNAPPY_OK || made != out_size)
        return damaged(CODEC_SNAPPY, "it claims another size", size, out_size, err);
    if (snappy_uncompress(from, size, out, &made) != SNAPPY_OK)
        return damaged(CODEC_SNAPPY, "not valid", size, out_size, err);
    return STATUS_OK;
}

/* One member after the other: a few writers start a new one for each block. */
static status read_gzip(struct decompressor *decompressor, const uint8_t *from, size_t size,
                        uint8_t *out, size_t out_size, struct error *err)
{
    if (!decompressor->deflate)
        decompressor->deflate = libdeflate_alloc_decompressor();
    if (!decompressor->deflate)
        return error_no_memory(err);
    size_t read = 0, made = 0;
    do {
        size_t in = 0, more = 0;
        enum libdeflate_result result =
            libdeflate_gzip_decompress_ex(decompressor->deflate, from + read, size - read,
                                          out + made, out_size - made, &in, &more);
        if (result != LIBDEFLATE_SUCCESS)
            return damaged(CODEC_GZIP,
                           result == LIBDEFLATE_INSUFFICIENT_SPACE ? "more comes out" : "not valid",
                           size, out_size, err);
        read += in;
        made += more;
    } while (read < size);
    if (made != out_size)
        return damaged(CODEC_GZIP, "less comes out", size, out_size, err);
    return STATUS_OK;
}

static status read_lz4(const void *from, size_t size, void *out, size_t out_size, struct error *err)
{
    int made = -1;
    if (size <= INT32_MAX && out_size <= INT32_MAX)
        made = LZ4_decompress_safe(from, out, (int)size, (int)out_size);
    if (made < 0 || (size_t)made != out_size)
        return damaged(CODEC_LZ4_RAW, made < 0 ? "not valid" : "less comes out", size, out_size,
                       err);
    return STATUS_OK;
}

static status read_brotli(const void *from, size_t size, void *out, size_t out_size,
                          struct error *err)
{
    size_t made = out_size;
    if (BrotliDecoderDecompress(size, from, &made, out) != BROTLI_DECODER_RESULT_SUCCESS ||
        made != out_size)
        return damaged(CODEC_BROTLI, "not valid, or another size", size, out_size, err);
    return STATUS_OK;
}

static status unreadable(int32_t id, struct error *err)
{
    const char *name = codec_name(id);
    if (!name)
        return error_set(err, STATUS_BAD_DATA, "compression codec %d is not in the format", id);
    return error_set(err, STATUS_BAD_DATA,
                     "compression codec %s can't be read; write the file again with ZSTD, SNAPPY, "
                     "GZIP or LZ4_RAW",
                     name);
}

status decompress(struct decompressor *decompressor, int32_t id, const void *from, size_t size,
                  void *out, size_t out_size, struct error *err)
{
    uint8_t nothing[1];
    if (!out)
        out = nothing;
    switch (id) {
    case CODEC_ZSTD:
        return read_zstd(decompressor, from, size, out, out_size, err);
    case CODEC_SNAPPY:
        return read_snappy(from, size, out, out_size, err);
    case CODEC_GZIP:
        return read_gzip(decompressor, from, size, out, out_size, err);
    case CODEC_LZ4_RAW:
        return read_lz4(from, size, out, out_size, err);
    case CODEC_BROTLI:
        return read_brotli(from, size, out, out_size, err);
    case CODEC_NONE:
        break;
    default:
        return unreadable(id, err);
    }
    if (size != out_size)
        return damaged(CODEC_NONE, "the sizes differ", size, out_size, err);
    if (size > 0)
        memcpy(out, from, size);
    return STATUS_OK;
}
