/* What the memory budget is told of a compressor is no less than what it takes. */
#include <zstd.h>

#include "../cmocka_all.h"

#include "base/memory.h"
#include "format/codec/codec.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(zstd_takes_no_more_than_is_said),
                                       cmocka_unit_test(nor_does_it_for_a_large_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
