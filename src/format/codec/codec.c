#include "format/codec/codec.h"

#include <libdeflate.h>
#include <lz4.h>
#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

#include "base/text.h"

static const struct {
    const char *name;
    enum codec_id id;
    int level, highest; /* 0: the codec has no levels */
} words[] = {
    {"none", CODEC_NONE, 0, 0}, {"snappy", CODEC_SNAPPY, 0, 0}, {"lz4_raw", CODEC_LZ4_RAW, 0, 0},
    {"gzip", CODEC_GZIP, 6, 9}, {"zstd", CODEC_ZSTD, 1, 19},
};

status codec_parse(const char *text, struct codec_spec *out, struct error *err)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i].name);
        int64_t level = words[i].level;
        if (strncmp(text, words[i].name, length) != 0)
            continue;
        if (text[length] == ':' && words[i].highest > 0) {
            const char *number = text + length + 1;
            if (!text_parse_int64(number, strlen(number), &level) || level < 1 ||
                level > words[i].highest)
                continue;
        } else if (text[length]) {
            continue;
        }
        *out = (struct codec_spec){.id = words[i].id, .level = (int)level};
        return STATUS_OK;
    }
    return error_set(err, STATUS_BAD_CONFIG,
                     "expected zstd, zstd:1 to zstd:19, snappy, lz4_raw, gzip, gzip:1 to gzip:9 or "
                     "none, got \"%s\"",
                     text);
}

/* At level 1 zstd remembers 16,384 places. Among integers the only repetition worth finding stands near, and what is found by
 * chance further off is worse than none: with 256 places random keys take 0.376 in place of 0.393, prices 0.379 in place of
 * 0.402, in five sixths of the time (bench/README.md). */
enum { FAST_LEVEL = 1, FEW_PLACES_LOG = 8, ZSTD_DEFAULT = 0 };

static size_t set_places(const struct codec *codec)
{
    bool few = codec->spec.level == FAST_LEVEL && codec->data == CODEC_INTEGERS;
    return ZSTD_CCtx_setParameter(codec->zstd, ZSTD_c_hashLog, few ? FEW_PLACES_LOG : ZSTD_DEFAULT);
}

void codec_expect(struct codec *codec, enum codec_data data)
{
    if (codec->spec.id != CODEC_ZSTD || codec->data == data)
        return;
    codec->data = data;
    (void)set_places(codec); /* refused only for numbers out of range */
}

/* From level 3 on zstd's window, and the tables with it, would grow with the value: 85 MB at level 19 for one of 25 MB. */
enum { LARGE_WINDOW_LEVEL = 3, MOST_WINDOW_LOG = 20 };

static status use_zstd(struct codec *codec, int level, struct error *err)
{
    int window = level >= LARGE_WINDOW_LEVEL ? MOST_WINDOW_LOG : ZSTD_DEFAULT;
    if (!codec->zstd)
        codec->zstd = ZSTD_createCCtx();
    if (!codec->zstd)
        return error_no_memory(err);
    size_t set = ZSTD_CCtx_setParameter(codec->zstd, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(set))
        set = ZSTD_CCtx_setParameter(codec->zstd, ZSTD_c_windowLog, window);
    if (!ZSTD_isError(set))
        set = set_places(codec);
    if (ZSTD_isError(set))
        return error_set(err, STATUS_BUG, "zstd refuses level %d: %s", level,
                         ZSTD_getErrorName(set));
    return STATUS_OK;
}

static status use_deflate(struct codec *codec, int level, struct error *err)
{
    if (codec->deflate && codec->deflate_level == level)
        return STATUS_OK;
    libdeflate_free_compressor(codec->deflate);
    codec->deflate = libdeflate_alloc_compressor(level);
    codec->deflate_level = level;
    return codec->deflate ? STATUS_OK : error_no_memory(err);
}

size_t codec_memory(struct codec_spec spec)
{
    /* zstd: its tables for inputs of 1 MiB and more grow in these steps, in units of 100 kB; libdeflate's are all below 1 MB */
    static const struct {
        int level;
        size_t size;
    } steps[] = {{1, 6},  {2, 8},    {3, 13},   {4, 26},  {6, 37},
                 {8, 68}, {12, 131}, {17, 174}, {19, 181}};
    size_t n = sizeof(steps) / sizeof(steps[0]), i = 0;
    if (spec.id != CODEC_ZSTD)
        return spec.id == CODEC_GZIP ? 1000000 : 0;
    while (i + 1 < n && steps[i].level < spec.level)
        i++;
    return (steps[i].size + 1) * 100000;
}

status codec_use(struct codec *codec, struct codec_spec spec, struct error *err)
{
    codec->spec = spec;
    codec->data = CODEC_DATA;
    if (spec.id == CODEC_ZSTD)
        TRY(use_zstd(codec, spec.level, err));
    if (spec.id == CODEC_GZIP)
        TRY(use_deflate(codec, spec.level, err));
    return STATUS_OK;
}

status codec_init(struct codec *codec, struct codec_spec spec, struct error *err)
{
    *codec = (struct codec){0};
    return codec_use(codec, spec, err);
}

void codec_release(struct codec *codec)
{
    ZSTD_freeCCtx(codec->zstd);
    libdeflate_free_compressor(codec->deflate);
    *codec = (struct codec){0};
}

size_t codec_bound(const struct codec *codec, size_t size)
{
    switch (codec->spec.id) {
    case CODEC_ZSTD:
        return ZSTD_compressBound(size);
    case CODEC_SNAPPY:
        return snappy_max_compressed_length(size);
    case CODEC_GZIP:
        return libdeflate_gzip_compress_bound(codec->deflate, size);
    case CODEC_LZ4_RAW:
        return size > LZ4_MAX_INPUT_SIZE ? size : (size_t)LZ4_compressBound((int)size);
    case CODEC_NONE:
    case CODEC_BROTLI:
        break;
    }
    return size;
}

static status compress_zstd(struct codec *codec, const void *from, size_t size, void *out,
                            size_t capacity, size_t *out_size, struct error *err)
{
    size_t made = ZSTD_compress2(codec->zstd, out, capacity, from, size);
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

static status compress_gzip(struct codec *codec, const void *from, size_t size, void *out,
                            size_t capacity, size_t *out_size, struct error *err)
{
    *out_size = libdeflate_gzip_compress(codec->deflate, from, size, out, capacity);
    if (*out_size == 0)
        return error_set(err, STATUS_BUG, "gzip cannot compress %zu bytes into %zu", size,
                         capacity);
    return STATUS_OK;
}

static status compress_lz4(const void *from, size_t size, void *out, size_t capacity,
                           size_t *out_size, struct error *err)
{
    int made = 0;
    if (size <= LZ4_MAX_INPUT_SIZE && capacity <= INT32_MAX)
        made = LZ4_compress_default(from, out, (int)size, (int)capacity);
    if (made <= 0)
        return error_set(err, STATUS_BAD_DATA,
                         "lz4_raw cannot compress a page of %zu bytes; use zstd for this column",
                         size);
    *out_size = (size_t)made;
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
    case CODEC_GZIP:
        return compress_gzip(codec, from, size, out, capacity, out_size, err);
    case CODEC_LZ4_RAW:
        return compress_lz4(from, size, out, capacity, out_size, err);
    case CODEC_BROTLI:
        return error_set(err, STATUS_BUG, "brotli is for reading");
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
