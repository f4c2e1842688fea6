/* Want of memory at each allocation: a failure is told, and nothing half-known is acted upon. */
#include "table_of.h"

#include "base/failing_memory.h"
#include "json/json.h"

static const char THEIR_OVERWRITE[] =
    "{\"commitInfo\":{\"operation\":\"RESTORE\",\"engineInfo\":\"other\"}}\n"
    "{\"remove\":{\"path\":\"a.parquet\",\"deletionTimestamp\":1,\"dataChange\":true}}\n"
    "{\"add\":{\"path\":\"b.parquet\",\"partitionValues\":{\"day\":\"2013-10-22\"},\"size\":1,"
    "\"modificationTime\":1,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":3}\"}}\n";

static void reopen(struct scratch *scratch)
{
    storage_close(scratch->storage); /* one whose sync failed stays failed */
    CHECK_OK(storage_open(scratch->dir, NULL, false, &scratch->storage, &scratch->err));
}

static void check_held(struct scratch *scratch)
{
    for (unsigned nth = 1;; nth++) {
        struct test_run run;
        fail_allocation(nth);
        status_code s = test_begin(&run, scratch->storage, "public.orders");
        bool failed = allocation_failed();
        if (s == STATUS_OK)
            assert_non_null(run.base.hold);
        else if (s != STATUS_NO_MEMORY)
            fail_msg("allocation %u: %s: %s", nth, status_text(s), run.err.text);
        assert_true(failed || s == STATUS_OK);
        test_end(&run);
        if (!failed)
            break;
    }
}

static void a_hold_never_gets_lost(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    put_version_text(scratch, 1, THEIR_OVERWRITE);
    check_held(scratch);
}

static void a_stream_never_forgets_its_last_run(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_add(scratch, "b.parquet", "RUN2", 2));
    for (unsigned nth = 1;; nth++) {
        struct test_run run;
        fail_allocation(nth);
        status_code s = test_begin(&run, scratch->storage, "public.orders");
        bool failed = allocation_failed();
        if (s == STATUS_OK) {
            assert_string_equal(run.base.record.run_id, "RUN2");
            assert_int_equal(run.base.foreign_commits, 0);
            assert_null(run.base.hold);
        } else {
            assert_int_equal(s, STATUS_NO_MEMORY);
        }
        test_end(&run);
        if (!failed)
            break;
    }
}

/* The version is there whole, or not at all; a given partition takes away its files and no others. */
static void a_version_is_never_published_with_a_hole(void **state)
{
    static const char *const days[] = {"2013-10-22", "NULL", NULL};
    struct scratch *scratch = *state;
    char *expected = NULL;
    size_t expected_size = 0;
    const char *version_2 = "_delta_log/00000000000000000002.json";
    for (unsigned nth = 1; !expected || nth < 2000; nth++) {
        struct scratch own = *scratch;
        struct test_run run;
        char folder[16];
        /* nth 1: the undisturbed run */
        snprintf(folder, sizeof(folder), "t%u", nth);
        CHECK_OK(storage_open_below(scratch->storage, folder, &own.storage, &scratch->err));
        CHECK_OK(test_add(&own, "a.parquet", "RUN1", 1));
        CHECK_OK(test_begin(&run, own.storage, "public.orders"));
        CHECK_OK(test_publish(&run, own.storage, "b.parquet", "RUN2", 1, 16001));
        test_end(&run);
        CHECK_OK(test_begin(&run, own.storage, "public.orders"));
        run.replaced = days;
        fail_allocation(nth == 1 ? UINT32_MAX : nth - 1);
        status_code s = test_publish(&run, own.storage, "c.parquet", "RUN3", 2, 16000);
        bool failed = allocation_failed();
        test_end(&run);

        char *got = NULL;
        size_t size = 0;
        status_code read = storage_get(own.storage, version_2, 1 << 20, &got, &size, &scratch->err);
        if (nth == 1) {
            expected = TAKE(got);
            expected_size = size;
            CHECK_OK(read);
        } else if (read == STATUS_OK) {
            assert_true(s == STATUS_OK || s == STATUS_IN_DOUBT);
            assert_int_equal(size, expected_size); /* ids and times have one width */
        } else {
            assert_int_equal(read, STATUS_NOT_FOUND);
            assert_int_equal(s, STATUS_NO_MEMORY);
        }
        mem_free(got);
        storage_close(own.storage);
        if (nth > 1 && !failed)
            break;
        reopen(scratch);
    }
    mem_free(expected);
}

static void a_checkpoint_is_whole_or_not_there(void **state)
{
    struct scratch *scratch = *state;
    char name[32];
    struct test_run run;
    uint64_t whole = 0;
    for (int i = 0; i <= 10; i++) {
        snprintf(name, sizeof(name), "%d.parquet", i);
        CHECK_OK(test_add(scratch, name, name, 1));
    }
    for (unsigned nth = 1;; nth++) {
        struct storage_entry entry;
        const char *file = "_delta_log/00000000000000000010.checkpoint.parquet";
        const char *hint = "_delta_log/_last_checkpoint";
        CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
        if (nth > 1)
            fail_allocation(nth - 1); /* nth 1: undisturbed */
        status_code s = commit_find("delta")->after_publish(run.table, 10, &run.err);
        bool failed = nth == 1 || allocation_failed();
        if (s != STATUS_OK && (nth == 1 || s != STATUS_NO_MEMORY))
            fail_msg("allocation %u: %s: %s", nth - 1, status_text(s), run.err.text);
        if (s == STATUS_OK)
            CHECK_OK(storage_stat(scratch->storage, hint, &entry, &scratch->err));
        if (storage_stat(scratch->storage, file, &entry, &scratch->err) == STATUS_OK) {
            whole = whole ? whole : entry.size_bytes;
            assert_int_equal(entry.size_bytes, whole);
        }
        test_end(&run);
        reopen(scratch);
        CHECK_OK(storage_remove(scratch->storage, file, &scratch->err));
        CHECK_OK(storage_remove(scratch->storage, hint, &scratch->err));
        if (!failed)
            break;
    }
}

static status_code count_files(void *context, const struct live_file *file, struct error *err)
{
    ++*(int *)context;
    return STATUS_OK;
}

/* Eleven runs, of which a checkpoint alone tells the first ten; THEIRS: also another's version behind it. */
static void cut_off(struct scratch *scratch, bool theirs)
{
    struct test_run run;
    char name[64];
    for (int i = 0; i <= 10; i++) {
        snprintf(name, sizeof(name), "%d.parquet", i);
        CHECK_OK(test_add(scratch, name, name, 1));
    }
    if (theirs)
        put_version_text(scratch, 11,
                         "{\"commitInfo\":{\"operation\":\"WRITE\",\"engineInfo\":\"other\"}}\n");
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    CHECK_OK(commit_find("delta")->after_publish(run.table, 10 + theirs, &scratch->err));
    test_end(&run);
    for (int i = 0; i < 10 + theirs; i++) {
        snprintf(name, sizeof(name), "_delta_log/%020d.json", i);
        CHECK_OK(storage_remove(scratch->storage, name, &scratch->err));
    }
}

static void a_state_told_by_a_checkpoint_is_whole_or_not_told(void **state)
{
    struct scratch *scratch = *state;
    cut_off(scratch, false);
    for (unsigned nth = 1;; nth++) {
        struct test_run run;
        int files = 0;
        fail_allocation(nth);
        status_code s = test_begin(&run, scratch->storage, "public.orders");
        if (s == STATUS_OK)
            s = commit_find("delta")->each_file(run.table, count_files, &files, &run.err);
        bool failed = allocation_failed();
        if (s == STATUS_OK) {
            assert_string_equal(run.base.record.run_id, "10.parquet");
            assert_int_equal(run.base.schema.n_fields, 4);
            assert_int_equal(files, 11);
        } else if (s != STATUS_NO_MEMORY) {
            fail_msg("allocation %u: %s: %s", nth, status_text(s), run.err.text);
        }
        test_end(&run);
        if (!failed)
            break;
    }
}

static void a_hold_over_versions_that_nobody_can_read_never_gets_lost(void **state)
{
    struct scratch *scratch = *state;
    cut_off(scratch, true);
    check_held(scratch);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(a_hold_never_gets_lost),
        T(a_stream_never_forgets_its_last_run),
        T(a_version_is_never_published_with_a_hole),
        T(a_checkpoint_is_whole_or_not_there),
        T(a_state_told_by_a_checkpoint_is_whole_or_not_told),
        T(a_hold_over_versions_that_nobody_can_read_never_gets_lost),
    };
    json_init();
    return cmocka_run_group_tests_name("commit/want", tests, NULL, NULL);
}
