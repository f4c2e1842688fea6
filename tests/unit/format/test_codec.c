/* What the memory budget is told of a compressor is no less than what it takes; what is expected of the bytes changes how many come
 * out, and nothing else. */
#include <zstd.h>

#include "../cmocka_all.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "format/codec/codec.h"
#include "random.h"

enum { PAGE = 1 << 20, LARGE_VALUE = 16 << 20 };

static void assert_takes_no_more(struct codec_spec spec, const char *page, size_t n, char *out)
{
    struct codec codec;
    struct error err = {0};
    size_t size;
    assert_int_equal(codec_init(&codec, spec, &err), STATUS_OK);
    assert_int_equal(codec_compress(&codec, page, n, out, n + PAGE, &size, &err), STATUS_OK);
    if (ZSTD_sizeof_CCtx(codec.zstd) > codec_memory(spec))
        fail_msg("level %d takes %zu bytes for %zu", spec.level, ZSTD_sizeof_CCtx(codec.zstd), n);
    codec_release(&codec);
}

static void zstd_takes_no_more_than_is_said(void **state)
{
    static const int levels[] = {1, 2, 3, 4, 6, 8, 9, 12, 13, 17, 19};
    SCOPED(mem_freep) char *page = mem_alloc(PAGE);
    SCOPED(mem_freep) char *out = mem_alloc(2 * PAGE);
    for (size_t i = 0; i < PAGE; i++)
        page[i] = (char)(i * i % 251 * (i % 13));
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        assert_takes_no_more((struct codec_spec){.id = CODEC_ZSTD, .level = levels[i]}, page, PAGE,
                             out);
}

static void nor_does_it_for_a_large_value(void **state)
{
    static const int levels[] = {1, 3, 12, 15, 19};
    SCOPED(mem_freep) char *value = mem_zalloc(LARGE_VALUE);
    SCOPED(mem_freep) char *out = mem_alloc(LARGE_VALUE + PAGE);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        assert_takes_no_more((struct codec_spec){.id = CODEC_ZSTD, .level = levels[i]}, value,
                             LARGE_VALUE, out);
}

enum { KEYS = 100000 };

/* Bytes that KEYS become, which come back. */
static size_t packed_size(int level, enum codec_data data, const uint8_t *keys, uint8_t *out)
{
    struct codec codec;
    struct decompressor decompressor = {0};
    struct error err = {0};
    size_t size, n = KEYS * sizeof(int64_t);
    SCOPED(mem_freep) uint8_t *back = mem_alloc(n);
    struct codec_spec spec = {.id = CODEC_ZSTD, .level = level};
    assert_int_equal(codec_init(&codec, spec, &err), STATUS_OK);
    codec_expect(&codec, data);
    assert_int_equal(codec_compress(&codec, keys, n, out, 2 * n, &size, &err), STATUS_OK);
    assert_int_equal(decompress(&decompressor, CODEC_ZSTD, out, size, back, n, &err), STATUS_OK);
    assert_memory_equal(back, keys, n);
    codec_release(&codec);
    decompressor_release(&decompressor);
    return size;
}

static void integers_pack_better_when_they_are_expected(void **state)
{
    SCOPED(mem_freep) uint8_t *keys = mem_alloc(KEYS * sizeof(int64_t));
    SCOPED(mem_freep) uint8_t *out = mem_alloc(2 * KEYS * sizeof(int64_t));
    uint64_t seed = 1;
    for (size_t i = 0; i < KEYS; i++)
        store_u64le(keys + i * sizeof(int64_t), next_random(&seed) % 200000);
    size_t as_data = packed_size(1, CODEC_DATA, keys, out);
    size_t as_integers = packed_size(1, CODEC_INTEGERS, keys, out);
    assert_in_range(as_integers, 1, as_data / 100 * 97);
    /* other levels look further by themselves */
    assert_int_equal(packed_size(3, CODEC_DATA, keys, out),
                     packed_size(3, CODEC_INTEGERS, keys, out));
}

/* What was expected of one chunk says nothing about the next. */
static void another_use_forgets_what_was_expected(void **state)
{
    struct codec codec;
    struct error err = {0};
    struct codec_spec spec = {.id = CODEC_ZSTD, .level = 1};
    size_t size[2];
    SCOPED(mem_freep) uint8_t *keys = mem_alloc(PAGE);
    SCOPED(mem_freep) uint8_t *out = mem_alloc(2 * PAGE);
    uint64_t seed = 2;
    for (size_t i = 0; i < PAGE / sizeof(int64_t); i++)
        store_u64le(keys + i * sizeof(int64_t), next_random(&seed) % 200000);
    assert_int_equal(codec_init(&codec, spec, &err), STATUS_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(codec_use(&codec, spec, &err), STATUS_OK);
        assert_int_equal(codec_compress(&codec, keys, PAGE, out, (size_t)2 * PAGE, &size[i], &err),
                         STATUS_OK);
        codec_expect(&codec, CODEC_INTEGERS);
    }
    assert_int_equal(size[0], size[1]);
    codec_release(&codec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zstd_takes_no_more_than_is_said),
        cmocka_unit_test(integers_pack_better_when_they_are_expected),
        cmocka_unit_test(another_use_forgets_what_was_expected),
        cmocka_unit_test(nor_does_it_for_a_large_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
