/* Compression of single pages. One codec a thread: it keeps the compressor's working memory. */
#ifndef LEAT_FORMAT_CODEC_CODEC_H
#define LEAT_FORMAT_CODEC_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Numbers of parquet.thrift's CompressionCodec. */
enum codec_id {
    CODEC_NONE = 0,
    CODEC_SNAPPY = 1,
    CODEC_GZIP = 2,
    CODEC_BROTLI = 4, /* read only */
    CODEC_ZSTD = 6,
    CODEC_LZ4_RAW = 7,
};

struct codec_spec {
    enum codec_id id;
    int level; /* ZSTD: 1..19, GZIP: 1..9; else 0 */
};

/* "zstd", "zstd:1" .. "zstd:19", "snappy", "lz4_raw", "gzip", "gzip:1" .. "gzip:9", "none". BAD_CONFIG says what was expected. */
status codec_parse(const char *text, struct codec_spec *out, struct error *err);

/* What the bytes are. It decides how zstd at level 1 looks for repetition, and nothing else. */
enum codec_data {
    CODEC_DATA,     /* texts, floating point, whatever else */
    CODEC_INTEGERS, /* of four or eight bytes each */
};

struct codec {
    struct codec_spec spec;
    enum codec_data data;
    void *zstd, *deflate; /* compressors, made when first needed */
    int deflate_level;
};

/* Bytes that a compressor keeps, once it has seen pages of 1 MiB. */
size_t codec_memory(struct codec_spec spec);
/* Another codec or level from now on; keeps the compressors. */
status codec_use(struct codec *codec, struct codec_spec spec, struct error *err);
/* What comes next. After codec_use it is CODEC_DATA. */
void codec_expect(struct codec *codec, enum codec_data data);
status codec_init(struct codec *codec, struct codec_spec spec, struct error *err);
void codec_release(struct codec *codec); /* accepts zeroed */
/* Bytes that OUT of codec_compress must have room for. */
size_t codec_bound(const struct codec *codec, size_t size);
/* SIZE bytes at FROM into OUT of CAPACITY bytes; NONE copies. */
status codec_compress(struct codec *codec, const void *from, size_t size, void *out,
                      size_t capacity, size_t *out_size, struct error *err);

/* ---- reading (decompress.c) ---- */

struct decompressor {
    void *zstd, *deflate; /* made when first needed */
};

void decompressor_release(struct decompressor *decompressor); /* accepts zeroed */
/* SIZE bytes at FROM, that nobody vouches for, into exactly OUT_SIZE bytes at OUT. BAD_DATA: corrupt, of another size,
 * or a codec that can't be read (it is named). ID is the number in the file. */
status decompress(struct decompressor *decompressor, int32_t id, const void *from, size_t size,
                  void *out, size_t out_size, struct error *err);
const char *codec_name(int32_t id); /* "ZSTD"; NULL: not in the format */

#endif
