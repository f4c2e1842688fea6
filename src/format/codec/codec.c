#include "format/codec/codec.h"

#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

#include "base/text.h"

enum { ZSTD_DEFAULT_LEVEL = 1, ZSTD_HIGHEST_LEVEL = 19 };

static status bad_codec(const char *text, struct error *err)
{
    return error_set(err, STATUS_BAD_CONFIG,
                     "expected zstd, zstd:1 to zstd:%d, snappy or none, got \"%s\"",
                     ZSTD_HIGHEST_LEVEL, text);
}

status codec_parse(const char *text, struct codec_spec *out, struct error *err)
{
    if (strcmp(text, "none") == 0) {
        *out = (struct codec_spec){.id = CODEC_NONE};
    } else if (strcmp(text, "snappy") == 0) {
        *out = (struct codec_spec){.id = CODEC_SNAPPY};
    } else if (strcmp(text, "zstd") == 0) {
        *out = (struct codec_spec){.id = CODEC_ZSTD, .level = ZSTD_DEFAULT_LEVEL};
    } else if (strncmp(text, "zstd:", 5) == 0) {
        int64_t level = 0;
        if (!text_parse_int64(text + 5, strlen(text + 5), &level) || level < 1 ||
            level > ZSTD_HIGHEST_LEVEL)
            return bad_codec(text, err);
        *out = (struct codec_spec){.id = CODEC_ZSTD, .level = (int)level};
    } else {
        return bad_codec(text, err);
    }
    return STATUS_OK;
}

status codec_init(struct codec *codec, struct codec_spec spec, struct error *err)
{
    *codec = (struct codec){.spec = spec};
    if (spec.id != CODEC_ZSTD)
        return STATUS_OK;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    if (!context)
        return error_no_memory(err);
    codec->context = context;
    size_t set = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, spec.level);
    if (ZSTD_isError(set))
        return error_set(err, STATUS_BUG, "zstd refuses level %d: %s", spec.level,
                         ZSTD_getErrorName(set));
    return STATUS_OK;
}

void codec_release(struct codec *codec)
{
    ZSTD_freeCCtx(codec->context);
    *codec = (struct codec){0};
}

size_t codec_bound(const struct codec *codec, size_t size)
{
    switch (codec->spec.id) {
    case CODEC_ZSTD:
        return ZSTD_compressBound(size);
    case CODEC_SNAPPY:
        return snappy_max_compressed_length(size);
    case CODEC_NONE:
        break;
    }
    return size;
}

static status compress_zstd(struct codec *codec, const void *from, size_t size, void *out,
                            size_t capacity, size_t *out_size, struct error *err)
{
    size_t made = ZSTD_compress2(codec->context, out, capacity, from, size);
    if (ZSTD_isError(made))
        return error_set(err, STATUS_NO_MEMORY, "zstd cannot compress %zu bytes: %s", size,
                         ZSTD_getErrorName(made));
    *out_size = made;
    return STATUS_OK;
}

static status compress_snappy(const void *from, size_t size, void *out, size_t capacity,
                              size_t *out_size, struct error *err)
{
    size_t made = capacity;
    if (snappy_compress(from, size, out, &made) != SNAPPY_OK)
        return error_set(err, STATUS_BUG, "snappy cannot compress %zu bytes into %zu", size,
                         capacity);
    *out_size = made;
    return STATUS_OK;
}

status codec_compress(struct codec *codec, const void *from, size_t size, void *out,
                      size_t capacity, size_t *out_size, struct error *err)
{
    switch (codec->spec.id) {
    case CODEC_ZSTD:
        return compress_zstd(codec, from, size, out, capacity, out_size, err);
    case CODEC_SNAPPY:
        return compress_snappy(from, size, out, capacity, out_size, err);
    case CODEC_NONE:
        break;
    }
    if (capacity < size)
        return error_set(err, STATUS_BUG, "page of %zu bytes in room for %zu", size, capacity);
    if (size > 0)
        memcpy(out, from, size);
    *out_size = size;
    return STATUS_OK;
}
