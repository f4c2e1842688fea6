/* What was put aside is read back, from memory and from the object alike. */
#include "../storage/scratch.h"

#include "pipeline/spool.h"

/* Sixty pieces of growing length, read in and out of order; a limit of 0 bytes in memory writes each. */
static void put_aside_and_read(struct scratch *scratch, size_t limit)
{
    struct spool spool = {.storage = scratch->storage, .name = "spool", .limit = limit};
    uint64_t offsets[60];
    char piece[60], back[60];
    for (size_t i = 0; i < 60; i++) {
        memset(piece, (int)('0' + i), i);
        CHECK_OK(spool_append(&spool, piece, i, &offsets[i], &scratch->err));
    }
    CHECK_OK(spool_seal(&spool, &scratch->err));
    for (size_t k = 0; k < 60; k++) {
        size_t i = k * 37 % 60;
        memset(piece, (int)('0' + i), i);
        CHECK_OK(spool_read(&spool, offsets[i], back, i, &scratch->err));
        assert_memory_equal(back, piece, i);
    }
    spool_release(&spool);
}

static void few_bytes_stay_in_memory(void **state)
{
    struct scratch *scratch = *state;
    struct storage_entry entry;
    put_aside_and_read(scratch, 1 << 20);
    assert_int_equal(storage_stat(scratch->storage, "spool", &entry, &scratch->err),
                     STATUS_NOT_FOUND);
}

static void many_bytes_go_to_an_object(void **state)
{
    struct scratch *scratch = *state;
    struct storage_entry entry;
    put_aside_and_read(scratch, 100);
    CHECK_OK(storage_stat(scratch->storage, "spool", &entry, &scratch->err));
    assert_int_equal(entry.size_bytes, 59 * 60 / 2);
}

static void a_spool_whose_write_failed_stays_failed(void **state)
{
    struct scratch *scratch = *state;
    uint64_t offset;
    struct spool spool = {.storage = scratch->storage, .name = "../no name", .limit = 1};
    CHECK_OK(spool_append(&spool, "ab", 2, &offset, &scratch->err));
    assert_int_not_equal(spool_append(&spool, "c", 1, &offset, &scratch->err), STATUS_OK);
    assert_int_equal(spool_append(&spool, "c", 1, &offset, &scratch->err), STATUS_BUG);
    assert_int_equal(spool_seal(&spool, &scratch->err), STATUS_BUG);
    spool_release(&spool);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(few_bytes_stay_in_memory),
        T(many_bytes_go_to_an_object),
        T(a_spool_whose_write_failed_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
