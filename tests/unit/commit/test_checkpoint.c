/* What a checkpoint counts as the state. Its content is judged by the real readers: tests/e2e/test_delta.py. */
#include "table_of.h"

static const char HINT[] = "_delta_log/_last_checkpoint";

static void put_add(struct scratch *scratch, int64_t version, const char *path)
{
    char line[256];
    snprintf(line, sizeof(line),
             "{\"add\":{\"path\":\"%s\",\"partitionValues\":{\"day\":null},\"size\":1,"
             "\"modificationTime\":1,\"dataChange\":true,\"tags\":{\"a\":\"b\"}}}\n",
             path);
    put_version_text(scratch, version, line);
}

static void put_remove(struct scratch *scratch, int64_t version, const char *path, int64_t when_ms)
{
    char line[256];
    snprintf(line, sizeof(line),
             "{\"remove\":{\"path\":\"%s\",\"deletionTimestamp\":%lld,\"dataChange\":true}}\n",
             path, (long long)when_ms);
    put_version_text(scratch, version, line);
}

static void checkpoint_at(struct scratch *scratch, int64_t version)
{
    struct test_run run;
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    CHECK_OK(commit_find("delta")->after_publish(run.table, version, &scratch->err));
    test_end(&run);
}

static void expect_hint(struct scratch *scratch, const char *part)
{
    char *hint;
    size_t size;
    CHECK_OK(storage_get(scratch->storage, HINT, 1 << 20, &hint, &size, &scratch->err));
    if (!strstr(hint, part))
        fail_msg("%s is not in %s", part, hint);
    mem_free(hint);
}

static void each_file_counts_once_as_its_last_line_has_it(void **state)
{
    struct scratch *scratch = *state;
    int64_t now_ms = clock_wall_us() / 1000;
    int64_t long_ago_ms = now_ms - 8LL * 86400 * 1000; /* tables keep removed files for a week */
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    put_add(scratch, 1, "again.parquet");
    put_remove(scratch, 2, "again.parquet", now_ms);
    put_add(scratch, 3, "%61gain.parquet"); /* the same name, as another writer encodes it */
    put_add(scratch, 4, "gone.parquet");
    put_remove(scratch, 5, "gone.parquet", now_ms);
    put_remove(scratch, 6, "gone.parquet", now_ms);
    put_add(scratch, 7, "old.parquet");
    put_remove(scratch, 8, "old.parquet", long_ago_ms);
    put_add(scratch, 9, "b.parquet");
    put_add(scratch, 10, "b.parquet");
    checkpoint_at(scratch, 10);
    /* a, again, b; the tombstone of gone; protocol, metaData, txn */
    expect_hint(scratch, "\"numOfAddFiles\":3}");
    expect_hint(scratch, "\"version\":10,\"size\":7,");
}

static void the_next_checkpoint_is_ten_versions_later(void **state)
{
    struct scratch *scratch = *state;
    struct storage_entry entry;
    char name[32];
    for (int64_t v = 0; v <= 20; v++) {
        snprintf(name, sizeof(name), "%lld.parquet", (long long)v);
        CHECK_OK(test_add(scratch, name, name, 1));
        checkpoint_at(scratch, v);
        if (v < 10)
            CHECK_STATUS(storage_stat(scratch->storage, HINT, &entry, &scratch->err),
                         STATUS_NOT_FOUND);
        else
            expect_hint(scratch, v < 20 ? "\"version\":10," : "\"version\":20,");
    }
}

static void a_hint_that_tells_nothing_is_mended(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    for (int64_t v = 1; v <= 10; v++)
        put_add(scratch, v, "b.parquet");
    CHECK_OK(put_text(scratch, HINT, "{\"version\":"));
    checkpoint_at(scratch, 10);
    expect_hint(scratch, "\"version\":10,");
}

static void a_checkpoint_of_the_version_by_another_is_never_overwritten(void **state)
{
    static const char THEIRS[] = "_delta_log/00000000000000000010.checkpoint.parquet";
    struct scratch *scratch = *state;
    struct storage_entry entry;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    for (int64_t v = 1; v <= 10; v++)
        put_add(scratch, v, "b.parquet");
    CHECK_OK(put_text(scratch, THEIRS, "another writer's"));
    checkpoint_at(scratch, 10);
    expect_text(scratch, THEIRS, "another writer's");
    CHECK_STATUS(storage_stat(scratch->storage, HINT, &entry, &scratch->err), STATUS_NOT_FOUND);
}

static void expect_not_carried(struct scratch *scratch, const char *line, const char *what)
{
    struct test_run run;
    struct storage_entry entry;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    for (int64_t v = 1; v <= 9; v++)
        put_add(scratch, v, "b.parquet");
    put_version_text(scratch, 10, line);
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_int_equal(commit_find("delta")->after_publish(run.table, 10, &scratch->err),
                     STATUS_BAD_DATA);
    if (!strstr(scratch->err.text, what))
        fail_msg("%s", scratch->err.text);
    CHECK_STATUS(storage_stat(scratch->storage, HINT, &entry, &scratch->err), STATUS_NOT_FOUND);
    test_end(&run);
}

static void an_action_that_leat_does_not_know_is_not_left_out(void **state)
{
    expect_not_carried(*state, "{\"domainMetadata\":{\"domain\":\"x\",\"removed\":false}}\n",
                       "an action of an unknown kind");
}

static void a_member_that_leat_does_not_know_is_not_left_out(void **state)
{
    expect_not_carried(*state,
                       "{\"add\":{\"path\":\"c.parquet\",\"partitionValues\":{},\"size\":1,"
                       "\"modificationTime\":1,\"dataChange\":true,\"baseRowId\":7}}\n",
                       "baseRowId");
}

static status_code count_file(void *context, const struct live_file *file, struct error *err)
{
    ++*(size_t *)context;
    return STATUS_OK;
}

static void a_log_that_does_not_fit_the_memory_is_refused(void **state)
{
    struct scratch *scratch = *state;
    SCOPED(text_release) struct text lines = {0};
    struct test_run run;
    size_t files = 0;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    for (int i = 0; i < 2000; i++)
        text_printf(
            &lines,
            "{\"add\":{\"path\":\"%05d.parquet\",\"partitionValues\":{\"day\":null},\"size\":1,"
            "\"modificationTime\":1,\"dataChange\":true}}\n",
            i);
    put_version_text(scratch, 1, text_string(&lines));
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    const struct commit_driver *delta = commit_find("delta");
    delta->limit_memory(run.table, 100000);
    CHECK_CALL(delta->each_file(run.table, count_file, &files, &run.err), STATUS_NO_MEMORY,
               &run.err);
    assert_non_null(strstr(run.err.text, "give more with --memory"));
    run.err = (struct error){0};
    delta->limit_memory(run.table, 1000000);
    CHECK_CALL(delta->each_file(run.table, count_file, &files, &run.err), STATUS_OK, &run.err);
    assert_int_equal(files, 2001);
    test_end(&run);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(each_file_counts_once_as_its_last_line_has_it),
        T(a_log_that_does_not_fit_the_memory_is_refused),
        T(the_next_checkpoint_is_ten_versions_later),
        T(a_hint_that_tells_nothing_is_mended),
        T(a_checkpoint_of_the_version_by_another_is_never_overwritten),
        T(an_action_that_leat_does_not_know_is_not_left_out),
        T(a_member_that_leat_does_not_know_is_not_left_out),
    };
    return cmocka_run_group_tests_name("commit/checkpoint", tests, NULL, NULL);
}
