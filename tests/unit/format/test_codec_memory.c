/* What the memory budget is told of a compressor is no less than what it takes. */
#include <zstd.h>

#include "../cmocka_all.h"

#include "base/memory.h"
#include "format/codec/codec.h"

enum { PAGE = 1 << 20 };

static void zstd_takes_no_more_than_is_said(void **state)
{
    static const int levels[] = {1, 2, 3, 4, 6, 8, 9, 12, 13, 17, 19};
    SCOPED(mem_freep) char *page = mem_alloc(PAGE);
    SCOPED(mem_freep) char *out = mem_alloc(2 * PAGE);
    for (size_t i = 0; i < PAGE; i++)
        page[i] = (char)(i * i % 251 * (i % 13));
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        struct codec_spec spec = {.id = CODEC_ZSTD, .level = levels[i]};
        struct codec codec;
        struct error err = {0};
        size_t size;
        assert_int_equal(codec_init(&codec, spec, &err), STATUS_OK);
        assert_int_equal(codec_compress(&codec, page, PAGE, out, 2 * PAGE, &size, &err), STATUS_OK);
        if (ZSTD_sizeof_CCtx(codec.zstd) > codec_memory(spec))
            fail_msg("level %d takes %zu bytes", levels[i], ZSTD_sizeof_CCtx(codec.zstd));
        codec_release(&codec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(zstd_takes_no_more_than_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
