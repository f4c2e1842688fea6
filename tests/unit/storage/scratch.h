/* A directory of its own for a test, and the few lines every storage test begins with. */
#ifndef LEAT_TEST_STORAGE_SCRATCH_H
#define LEAT_TEST_STORAGE_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmocka_all.h"
#include "storage/storage.h"

struct scratch {
    char dir[64];
    struct storage *storage;
    struct error err;
};

#define CHECK_OK(call) CHECK_CALL(call, STATUS_OK, &scratch->err)
#define CHECK_STATUS(call, expected)                                                               \
    do {                                                                                           \
        CHECK_CALL(call, expected, &scratch->err);                                                 \
        scratch->err = (struct error){0};                                                          \
    } while (0)

static inline int scratch_setup(void **state)
{
    struct scratch *scratch = calloc(1, sizeof(*scratch));
    strcpy(scratch->dir, "/tmp/leat-test-XXXXXX");
    if (!mkdtemp(scratch->dir))
        return -1;
    if (storage_open(scratch->dir, NULL, false, &scratch->storage, &scratch->err) != STATUS_OK)
        return -1;
    *state = scratch;
    return 0;
}

static inline int scratch_teardown(void **state)
{
    struct scratch *scratch = *state;
    char command[256];
    storage_close(scratch->storage);
    snprintf(command, sizeof(command), "chmod -R u+rwX '%s'; rm -rf '%s'", scratch->dir,
             scratch->dir);
    int r = system(command);
    free(scratch);
    return r;
}

static inline status_code put_text(struct scratch *scratch, const char *name, const char *text)
{
    return storage_put(scratch->storage, name, PUT_IF_ABSENT, text, strlen(text), &scratch->err);
}

static inline void expect_text(struct scratch *scratch, const char *name, const char *text)
{
    char *got = NULL;
    size_t size = 0;
    CHECK_OK(storage_get(scratch->storage, name, 1 << 24, &got, &size, &scratch->err));
    assert_int_equal(size, strlen(text));
    assert_string_equal(got, text);
    mem_free(got);
}

static inline status_code append_name(void *context, const struct storage_entry *entry,
                                      struct error *err)
{
    (void)err;
    text_printf(context, "%s%s ", entry->name, entry->is_prefix ? "/" : "");
    return STATUS_OK;
}

static inline void expect_list(struct scratch *scratch, const char *prefix, bool shallow,
                               const char *expected)
{
    struct text names = {0};
    CHECK_OK(storage_list(scratch->storage, prefix, shallow, append_name, &names, &scratch->err));
    assert_string_equal(text_string(&names), expected);
    text_release(&names);
}

#endif
