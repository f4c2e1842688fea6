/* What others wrote between two of our runs: goes on, holds, or can't be read; and many runs of many streams on one
 * table at once. The lines are those that delta-rs and Spark write. */
#include <pthread.h>

#include "table_of.h"

#define FOREIGN_ADD(path, rows, change)                                                            \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{\"day\":\"2013-10-22\"},\"size\":9,"     \
    "\"modificationTime\":1,\"dataChange\":" change ",\"stats\":\"{\\\"numRecords\\\":" rows       \
    "}\",\"tags\":null,\"deletionVector\":null}}\n"
#define FOREIGN_REMOVE(path, change)                                                               \
    "{\"remove\":{\"path\":\"" path "\",\"dataChange\":" change                                    \
    ",\"deletionTimestamp\":1385000000000,\"extendedFileMetadata\":true,\"partitionValues\":{}}}"  \
    "\n"
/* delta-rs puts it first, others last */
#define FOREIGN_INFO(operation)                                                                    \
    "{\"commitInfo\":{\"timestamp\":1385000000000,\"operation\":\"" operation                      \
    "\",\"engineInfo\":\"delta-rs:py-1.6.6\",\"operationParameters\":{\"mode\":\"Append\"}}}\n"

/* A table of one run of ours, then LINES by another as version 1. */
static void after(struct scratch *scratch, const char *lines, struct test_run *run)
{
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    put_version_text(scratch, 1, lines);
    status_code s = test_begin(run, scratch->storage, "public.orders");
    scratch->err = run->err;
    CHECK_OK(s);
    assert_int_equal(run->base.version, 1);
    assert_int_equal(run->base.record_version, 0);
    assert_string_equal(run->base.record.run_id, "RUN1");
}

static void expect_hold(struct scratch *scratch, const char *lines, const char *what)
{
    struct test_run run;
    after(scratch, lines, &run);
    assert_non_null(run.base.hold);
    if (!strstr(run.base.hold, what) || !strstr(run.base.hold, "version 1") ||
        !strstr(run.base.hold, "--accept-foreign"))
        fail_msg("%s", run.base.hold);
    CHECK_STATUS(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000), STATUS_HELD);
    run.accept_foreign = true;
    CHECK_OK(test_publish(&run, scratch->storage, "c.parquet", "RUN3", 3, 16000));
    assert_int_equal(run.version, 2);
    test_end(&run);
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_null(run.base.hold); /* the choice is made once */
    test_end(&run);
}

static void rows_that_another_added_are_counted_and_stay(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    after(scratch,
          FOREIGN_ADD("x.parquet", "5", "true") FOREIGN_ADD("y.parquet", "6", "true")
              FOREIGN_INFO("WRITE"),
          &run);
    assert_null(run.base.hold);
    assert_int_equal(run.base.foreign_commits, 1);
    assert_int_equal(run.base.foreign_rows, 11);
    assert_true(run.base.has_other_data);
    CHECK_OK(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000));
    assert_int_equal(run.version, 2);
    test_end(&run);
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_int_equal(run.base.foreign_commits, 0);
    assert_true(run.base.has_other_data); /* said by our own commit now */
    test_end(&run);
}

static void files_rewritten_without_a_change_of_rows_hold_nothing(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    after(scratch,
          FOREIGN_INFO("OPTIMIZE") FOREIGN_REMOVE("a.parquet", "false")
              FOREIGN_ADD("z.parquet", "1", "false"),
          &run);
    assert_null(run.base.hold);
    assert_int_equal(run.base.foreign_rows, 0);
    assert_false(run.base.has_other_data);
    run.replace_all = true;
    CHECK_OK(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000));
    test_end(&run);
    char *log;
    CHECK_OK(storage_get(scratch->storage, "_delta_log/00000000000000000002.json", 1 << 20, &log,
                         NULL, &scratch->err));
    assert_non_null(strstr(log, "{\"remove\":{\"path\":\"z.parquet\""));
    assert_null(strstr(log, "{\"remove\":{\"path\":\"a.parquet\""));
    mem_free(log);
}

static void an_overwrite_by_another_holds(void **state)
{
    expect_hold(*state,
                FOREIGN_INFO("WRITE") FOREIGN_REMOVE("a.parquet", "true")
                    FOREIGN_ADD("x.parquet", "5", "true"),
                "replaced the rows");
}

static void a_delete_by_another_holds(void **state)
{
    expect_hold(*state, FOREIGN_INFO("DELETE") FOREIGN_REMOVE("a.parquet", "true"), "DELETE by");
}

static void a_restore_by_another_holds_also_when_it_only_adds(void **state)
{
    expect_hold(*state, FOREIGN_ADD("old.parquet", "5", "true") FOREIGN_INFO("RESTORE"), "RESTORE");
}

static void a_replaced_schema_holds(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    char *lines = mem_printf(
        "%s{\"metaData\":{\"id\":\"%s\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"id\\\","
        "\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}]}\","
        "\"partitionColumns\":[],\"configuration\":{},\"createdTime\":1}}\n",
        FOREIGN_INFO("ADD COLUMN"), run.base.table_id);
    test_end(&run);
    put_version_text(scratch, 1, lines);
    mem_free(lines);
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_non_null(run.base.hold);
    assert_non_null(strstr(run.base.hold, "schema"));
    assert_int_equal(run.base.schema.n_fields, 1); /* the newest is in force */
    CHECK_STATUS(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000), STATUS_HELD);
    test_end(&run);
}

static void a_feature_that_is_not_known_holds_whatever_the_user_chose(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    after(scratch,
          FOREIGN_INFO("SET TBLPROPERTIES") "{\"protocol\":{\"minReaderVersion\":3,"
                                            "\"minWriterVersion\":7,\"readerFeatures\":"
                                            "[\"deletionVectors\"],\"writerFeatures\":"
                                            "[\"deletionVectors\"]}}\n",
          &run);
    assert_non_null(run.base.hold);
    assert_non_null(strstr(run.base.hold, "deletionVectors"));
    run.accept_foreign = true;
    CHECK_STATUS(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000), STATUS_HELD);
    test_end(&run);
}

static void expect_load_held(struct scratch *scratch, const char *what)
{
    struct test_run run;
    status_code s = test_begin(&run, scratch->storage, "public.orders");
    assert_int_equal(s, STATUS_HELD);
    if (!strstr(run.err.text, what))
        fail_msg("%s", run.err.text);
    test_end(&run);
}

static void a_gap_in_the_log_is_named(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    put_version_text(scratch, 2, FOREIGN_INFO("WRITE"));
    expect_load_held(scratch, "version 1 is missing");
}

static void a_log_cut_off_behind_a_checkpoint_that_is_none_is_named(void **state)
{
    struct scratch *scratch = *state;
    put_version_text(scratch, 3, FOREIGN_INFO("WRITE"));
    CHECK_OK(put_text(scratch, "_delta_log/00000000000000000003.checkpoint.parquet", "PAR1"));
    expect_load_held(scratch, "checkpoint of version 3");
}

static void a_torn_version_is_bad_data(void **state)
{
    struct scratch *scratch = *state;
    static const char *const torn[] = {"", "{\"add\":{\"path\":\"x.par", "{\"add\":{\"size\":1}}\n",
                                       "null\n"};
    for (int64_t v = 0; v < 4; v++) {
        struct scratch own = *scratch;
        struct test_run run;
        char folder[8];
        snprintf(folder, sizeof(folder), "t%d", (int)v);
        CHECK_OK(storage_open_below(scratch->storage, folder, &own.storage, &scratch->err));
        CHECK_OK(test_add(&own, "a.parquet", "RUN1", 1));
        CHECK_OK(storage_put(own.storage, "_delta_log/00000000000000000001.json", PUT_IF_ABSENT,
                             torn[v], strlen(torn[v]), &scratch->err));
        assert_int_equal(test_begin(&run, own.storage, "public.orders"), STATUS_BAD_DATA);
        test_end(&run);
        storage_close(own.storage);
    }
}

/* ---- many at once ---- */

enum { WRITERS = 8, COMMITS = 10 };

struct writer {
    struct scratch *scratch;
    int number;
    struct error err;
    status_code failed;
};

static void *write_many(void *argument)
{
    struct writer *writer = argument;
    char stream[16];
    char file[32];
    char id[32];
    snprintf(stream, sizeof(stream), "s%d", writer->number);
    for (int i = 0; i < COMMITS && writer->failed == STATUS_OK; i++) {
        struct test_run run;
        snprintf(file, sizeof(file), "%d-%d.parquet", writer->number, i);
        snprintf(id, sizeof(id), "RUN-%d-%d", writer->number, i);
        writer->failed = test_begin(&run, writer->scratch->storage, stream);
        if (writer->failed == STATUS_OK)
            writer->failed =
                test_publish(&run, writer->scratch->storage, file, id, (uint64_t)i + 1, 16000);
        writer->err = run.err;
        test_end(&run);
    }
    return NULL;
}

static status_code count_file(void *context, const struct live_file *file, struct error *err)
{
    (void)file;
    (void)err;
    (*(int *)context)++;
    return STATUS_OK;
}

static void runs_of_many_streams_all_get_in_and_versions_are_dense(void **state)
{
    struct scratch *scratch = *state;
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    struct test_run run;
    int files = 0;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1)); /* the table is there */
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.scratch = scratch, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        if (writers[i].failed != STATUS_OK)
            fail_msg("writer %d: %s", i, writers[i].err.text);
    }
    for (int i = 0; i < WRITERS; i++) {
        char stream[16];
        snprintf(stream, sizeof(stream), "s%d", i);
        CHECK_OK(test_begin(&run, scratch->storage, stream));
        assert_int_equal(run.base.version, WRITERS * COMMITS); /* dense: a gap would hold */
        assert_int_equal(run.base.record.number, COMMITS - 1);
        assert_int_equal(run.base.record.watermark.i64, COMMITS);
        test_end(&run);
    }
    CHECK_OK(test_begin(&run, scratch->storage, "s0"));
    CHECK_OK(commit_find("delta")->each_file(run.table, count_file, &files, &scratch->err));
    assert_int_equal(files, WRITERS * COMMITS + 1);
    test_end(&run);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(rows_that_another_added_are_counted_and_stay),
        T(files_rewritten_without_a_change_of_rows_hold_nothing),
        T(an_overwrite_by_another_holds),
        T(a_delete_by_another_holds),
        T(a_restore_by_another_holds_also_when_it_only_adds),
        T(a_replaced_schema_holds),
        T(a_feature_that_is_not_known_holds_whatever_the_user_chose),
        T(a_gap_in_the_log_is_named),
        T(a_log_cut_off_behind_a_checkpoint_that_is_none_is_named),
        T(a_torn_version_is_bad_data),
        T(runs_of_many_streams_all_get_in_and_versions_are_dense),
    };
    return cmocka_run_group_tests_name("commit/foreign", tests, NULL, NULL);
}
