/* Compression of single pages. One codec a thread: it keeps the compressor's working memory. */
#ifndef LEAT_FORMAT_CODEC_CODEC_H
#define LEAT_FORMAT_CODEC_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Numbers of parquet.thrift's CompressionCodec. */
enum codec_id { CODEC_NONE = 0, CODEC_SNAPPY = 1, CODEC_ZSTD = 6 };

struct codec_spec {
    enum codec_id id;
    int level; /* ZSTD: 1..19; else 0 */
};

/* "zstd", "zstd:1" .. "zstd:19", "snappy", "none". BAD_CONFIG says what was expected. */
status codec_parse(const char *text, struct codec_spec *out, struct error *err);

struct codec {
    struct codec_spec spec;
    void *context; /* ZSTD_CCtx */
};

status codec_init(struct codec *codec, struct codec_spec spec, struct error *err);
void codec_release(struct codec *codec); /* accepts zeroed */
/* Bytes that OUT of codec_compress must have room for. */
size_t codec_bound(const struct codec *codec, size_t size);
/* SIZE bytes at FROM into OUT of CAPACITY bytes; NONE copies. */
status codec_compress(struct codec *codec, const void *from, size_t size, void *out,
                      size_t capacity, size_t *out_size, struct error *err);

#endif
