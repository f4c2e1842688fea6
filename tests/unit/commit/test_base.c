/* A state read from a checkpoint on, where the JSON before it is gone: manifests as lines, which need no Parquet. What
 * real writers make is judged by tests/e2e/test_delta_checkpoints.py. */
#include "table_of.h"

#include "commit/delta/listing.h"

#define STREAM "public.orders"
#define UUID   "0d3a4f1e-1111-2222-3333-444455556666"

static void name_of(int64_t version, const char *rest, char out[128])
{
    snprintf(out, 128, "_delta_log/%020lld.%s", (long long)version, rest);
}

/* Not inlined: gcc 12 would take what it returns for the address of its variable. */
static __attribute__((noinline)) char *lines_of(struct scratch *scratch, int64_t version)
{
    char name[128];
    char *lines;
    name_of(version, "json", name);
    CHECK_OK(storage_get(scratch->storage, name, 1 << 20, &lines, NULL, &scratch->err));
    return lines;
}

static void drop_txn(char *lines)
{
    char *line = strstr(lines, "{\"txn\":");
    if (line)
        memmove(line, strchr(line, '\n') + 1, strlen(strchr(line, '\n') + 1) + 1);
}

static bool has_txn(struct scratch *scratch, int64_t version)
{
    char *lines = lines_of(scratch, version);
    bool has = strstr(lines, "{\"txn\":") != NULL;
    mem_free(lines);
    return has;
}

/* The lines of versions FIRST..VERSION as a manifest of VERSION, with the newest txn: no file of ours is removed in
 * these tests. */
static void put_manifest(struct scratch *scratch, int64_t first, int64_t version, const char *more)
{
    struct text text = {0};
    char name[128];
    text_printf(&text, "{\"checkpointMetadata\":{\"version\":%lld}}\n%s", (long long)version, more);
    for (int64_t v = first; v <= version; v++) {
        char *lines = lines_of(scratch, v);
        for (int64_t later = v + 1; later <= version; later++)
            if (has_txn(scratch, later))
                drop_txn(lines);
        text_append(&text, lines);
        mem_free(lines);
    }
    name_of(version, "checkpoint." UUID ".json", name);
    CHECK_OK(put_text(scratch, name, text_string(&text)));
    text_release(&text);
}

static void remove_versions(struct scratch *scratch, int64_t first, int64_t last)
{
    char name[128];
    for (int64_t v = first; v <= last; v++) {
        name_of(v, "json", name);
        CHECK_OK(storage_remove(scratch->storage, name, &scratch->err));
    }
}

static status_code add_name(void *context, const struct live_file *file, struct error *err)
{
    char *names = context;
    strcat(strcat(names, file->path), " ");
    return STATUS_OK;
}

static void expect_files(struct scratch *scratch, const char *expected)
{
    char names[512] = "";
    struct test_run run;
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    CHECK_OK(commit_find("delta")->each_file(run.table, add_name, names, &scratch->err));
    assert_string_equal(names, expected);
    test_end(&run);
}

static void expect_held(struct scratch *scratch, const char *what)
{
    struct test_run run;
    status_code s = test_begin(&run, scratch->storage, STREAM);
    if (s != STATUS_HELD || !strstr(run.err.text, what))
        fail_msg("%s: %s", status_text(s), run.err.text);
    test_end(&run);
}

static void three_runs(struct scratch *scratch)
{
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_add(scratch, "b.parquet", "RUN2", 2));
    CHECK_OK(test_add(scratch, "c.parquet", "RUN3", 3));
}

static void put_foreign(struct scratch *scratch, int64_t version, const char *path)
{
    char lines[512];
    snprintf(lines, sizeof(lines),
             "{\"commitInfo\":{\"operation\":\"WRITE\",\"engineInfo\":\"other\"}}\n"
             "{\"add\":{\"path\":\"%s\",\"partitionValues\":{\"day\":null},\"size\":1,"
             "\"modificationTime\":1,\"dataChange\":true}}\n",
             path);
    put_version_text(scratch, version, lines);
}

/* ---- names ---- */

static void expect_bases(const struct log_listing *log, int64_t version, enum base_order order,
                         const char *expected)
{
    struct text text = {0};
    struct log_base base;
    for (size_t nth = 0; listing_base(log, version, order, nth, &base); nth++)
        text_printf(&text, "%lld ", (long long)base_version(&base));
    assert_string_equal(text_string(&text), expected);
    text_release(&text);
}

static void a_listing_knows_each_shape_of_a_checkpoint_and_nothing_else(void **state)
{
    static const char *const names[] = {
        "00000000000000000005.json",
        "00000000000000000006.json",
        "00000000000000000007.json",
        "00000000000000000003.checkpoint.parquet", /* too old to stand for version 4 */
        "00000000000000000004.checkpoint.parquet",
        "00000000000000000005.checkpoint." UUID ".json",
        "00000000000000000006.checkpoint.0000000001.0000000002.parquet",
        "00000000000000000006.checkpoint.0000000002.0000000002.parquet",
        "00000000000000000006.checkpoint.0000000001.0000000003.parquet", /* one of three */
        "00000000000000000007.checkpoint." UUID ".parquet",
        "00000000000000000009.checkpoint.0000000001.0000000002.parquet", /* one of two: none */
        "00000000000000000009.checkpoint.0000000003.0000000002.parquet",
        "00000000000000000009.checkpoint." UUID ".txt",
        "00000000000000000009.checkpoint.parquet.tmp",
        "00000000000000000009.checkpoint",
        "9.checkpoint.parquet",
        "00000000000000000005.00000000000000000006.compacted.json",
        "00000000000000000007.crc",
        "_last_checkpoint",
        "_sidecars/00000000000000000009.json",
    };
    struct scratch *scratch = *state;
    struct log_listing log = {0};
    char name[160];
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(name, sizeof(name), "_delta_log/%s", names[i]);
        CHECK_OK(put_text(scratch, name, "x"));
    }
    CHECK_OK(listing_read(scratch->storage, &log, &scratch->err));
    assert_int_equal(log.newest, 7);
    assert_int_equal(log.json_from, 5);
    expect_bases(&log, 7, BASE_NEWEST, "7 6 5 4 ");
    expect_bases(&log, 7, BASE_OLDEST, "4 5 6 7 ");
    expect_bases(&log, 5, BASE_NEWEST, "5 4 ");
    listing_release(&log);
    for (int64_t v = 0; v < 5; v++)
        put_version_text(scratch, v, "x");
    CHECK_OK(listing_read(scratch->storage, &log, &scratch->err));
    expect_bases(&log, 7, BASE_NEWEST, "7 6 5 4 3 -1 "); /* -1: the JSON alone */
    expect_bases(&log, 2, BASE_OLDEST, "-1 ");
    listing_release(&log);
}

/* ---- what must go on ---- */

static void a_stream_goes_on_where_the_json_before_a_checkpoint_is_gone(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    three_runs(scratch);
    put_manifest(scratch, 0, 2, "");
    remove_versions(scratch, 0, 1);
    expect_files(scratch, "a.parquet b.parquet c.parquet ");
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    assert_null(run.base.hold);
    assert_int_equal(run.base.version, 2);
    assert_int_equal(run.base.record_version, 2);
    assert_string_equal(run.base.record.run_id, "RUN3");
    assert_int_equal(run.base.schema.n_fields, 4);
    CHECK_OK(test_publish(&run, scratch->storage, "d.parquet", "RUN4", 4, 16000));
    assert_int_equal(run.version, 3);
    test_end(&run);
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    run.replace_all = true;
    CHECK_OK(test_publish(&run, scratch->storage, "e.parquet", "RUN5", 5, 16000));
    test_end(&run);
    expect_files(scratch, "e.parquet ");
}

static void the_newest_checkpoint_that_can_be_read_is_the_base(void **state)
{
    struct scratch *scratch = *state;
    char name[128];
    three_runs(scratch);
    put_manifest(scratch, 0, 1, "");
    name_of(2, "checkpoint.parquet", name);
    CHECK_OK(put_text(scratch, name, "no Parquet file"));
    name_of(2, "checkpoint." UUID ".json", name);
    CHECK_OK(put_text(scratch, name, "{\"protocol\":{\"minReaderVersion\":1}}\n")); /* not whole */
    remove_versions(scratch, 0, 0);
    expect_files(scratch, "a.parquet b.parquet c.parquet ");
}

static void a_torn_checkpoint_costs_nothing_where_the_json_is_whole(void **state)
{
    struct scratch *scratch = *state;
    static const char *const torn[] = {"", "{\"add\":{\"path\":\"x.par", "\n\n",
                                       "{\"checkpointMetadata\":{\"version\":7}}\n"};
    struct test_run run;
    char name[128];
    three_runs(scratch);
    name_of(2, "checkpoint." UUID ".json", name);
    for (size_t i = 0; i < sizeof(torn) / sizeof(*torn); i++) {
        CHECK_OK(storage_put(scratch->storage, name, PUT_REPLACE, torn[i], strlen(torn[i]),
                             &scratch->err));
        expect_files(scratch, "a.parquet b.parquet c.parquet ");
        CHECK_OK(test_begin(&run, scratch->storage, STREAM));
        assert_null(run.base.hold);
        test_end(&run);
    }
}

/* A run may have been made by another writer's rows only: the definition of a checkpoint before a change of it would
 * be an old one. */
static void a_checkpoint_before_the_last_change_does_not_tell_the_definition(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    char name[128];
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    put_manifest(scratch, 0, 0, "");
    char *first = lines_of(scratch, 0);
    char *metadata = strstr(first, "{\"metaData\":");
    char *columns = strstr(metadata, "\"configuration\":{}");
    *strchr(metadata, '\n') = '\0';
    char *changed =
        mem_printf("%.*s\"configuration\":{\"changed\":\"yes\"}%s\n", (int)(columns - metadata),
                   metadata, columns + strlen("\"configuration\":{}"));
    put_version_text(scratch, 1, changed);
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    run.accept_foreign = true;
    CHECK_OK(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000));
    test_end(&run);
    name_of(1, "checkpoint.parquet",
            name); /* version 1 is best told by its checkpoint: not by this one */
    CHECK_OK(put_text(scratch, name, "no Parquet file"));
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    CHECK_OK(test_publish(&run, scratch->storage, "c.parquet", "RUN3", 3, 16000));
    test_end(&run);
    char *third = lines_of(scratch, 3);
    assert_non_null(strstr(third, "\"metaDataVersion\":1,"));
    mem_free(third);
    mem_free(changed);
    mem_free(first);
}

static void ignore(void *context, const char *name, uint64_t size_bytes, int64_t age_s,
                   const char *why)
{
}

static void records_that_gone_versions_named_stay(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    struct storage_entry entry;
    three_runs(scratch);
    put_manifest(scratch, 0, 2, "");
    remove_versions(scratch, 0, 1);
    CHECK_OK(put_text(scratch, "_leat/public.orders/3.json", "a dead run's"));
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    CHECK_OK(commit_find("delta")->vacuum(run.table, -1, false, ignore, NULL, &scratch->err));
    test_end(&run);
    CHECK_OK(storage_stat(scratch->storage, "_leat/public.orders/0.json", &entry, &scratch->err));
    CHECK_OK(storage_stat(scratch->storage, "_leat/public.orders/2.json", &entry, &scratch->err));
    CHECK_OK(storage_stat(scratch->storage, "a.parquet", &entry, &scratch->err));
    CHECK_STATUS(
        storage_stat(scratch->storage, "_leat/public.orders/3.json", &entry, &scratch->err),
        STATUS_NOT_FOUND);
}

/* ---- what must hold ---- */

static void versions_since_our_last_run_that_nobody_can_read_hold(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    int64_t version;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_add(scratch, "b.parquet", "RUN2", 2));
    put_foreign(scratch, 2, "x.parquet");
    put_foreign(scratch, 3, "y.parquet");
    put_manifest(scratch, 0, 3, "");
    remove_versions(scratch, 0, 2);
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    assert_non_null(run.base.hold);
    assert_non_null(strstr(run.base.hold, "begins at version 3"));
    assert_non_null(strstr(run.base.hold, "--accept-foreign"));
    assert_string_equal(run.base.record.run_id, "RUN2"); /* the watermark is known all the same */
    assert_true(run.base.has_other_data);
    CHECK_STATUS(test_publish(&run, scratch->storage, "c.parquet", "RUN3", 3, 16000), STATUS_HELD);
    CHECK_OK(commit_find("delta")->find_run(run.table, "RUN2", &version, &scratch->err));
    assert_int_equal(version, 2); /* or before */
    CHECK_OK(commit_find("delta")->find_run(run.table, "RUN9", &version, &scratch->err));
    assert_int_equal(version, -1);
    run.accept_foreign = true;
    CHECK_OK(test_publish(&run, scratch->storage, "d.parquet", "RUN4", 4, 16000));
    assert_int_equal(run.version, 4);
    test_end(&run);
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    assert_null(run.base.hold); /* the choice is made once */
    assert_true(run.base.has_other_data);
    test_end(&run);
    expect_files(scratch, "a.parquet b.parquet x.parquet y.parquet d.parquet ");
}

static void two_runs_on_a_hidden_last_one_do_not_both_publish(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    struct test_run other;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    put_foreign(scratch, 1, "x.parquet");
    put_manifest(scratch, 0, 1, "");
    remove_versions(scratch, 0, 0);
    CHECK_OK(test_begin(&run, scratch->storage, STREAM));
    CHECK_OK(test_begin(&other, scratch->storage, STREAM));
    run.accept_foreign = other.accept_foreign = true;
    CHECK_OK(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000));
    CHECK_STATUS(test_publish(&other, scratch->storage, "c.parquet", "RUN3", 3, 16000),
                 STATUS_CONFLICT);
    test_end(&run);
    test_end(&other);
}

static void what_is_no_state_is_held_and_named(void **state)
{
    struct scratch *scratch = *state;
    char name[128];
    three_runs(scratch);
    name_of(9, "checkpoint.parquet", name);
    CHECK_OK(put_text(scratch, name, "PAR1"));
    expect_held(scratch, "checkpoint of version 9, but no version after 2");
    CHECK_OK(storage_remove(scratch->storage, name, &scratch->err));
    name_of(2, "checkpoint.0000000001.0000000002.parquet", name);
    CHECK_OK(put_text(scratch, name, "PAR1"));
    remove_versions(scratch, 0, 0);
    expect_held(scratch, "version 2 has 1 of its 2 parts");
    name_of(2, "checkpoint.0000000002.0000000002.parquet", name);
    CHECK_OK(put_text(scratch, name, "PAR1"));
    expect_held(scratch, "can't be read");
}

static void a_sidecar_that_is_not_there_holds(void **state)
{
    struct scratch *scratch = *state;
    three_runs(scratch);
    put_manifest(scratch, 0, 2, "{\"sidecar\":{\"path\":\"s%20t.parquet\",\"sizeInBytes\":9}}\n");
    expect_files(scratch, "a.parquet b.parquet c.parquet "); /* by the JSON */
    remove_versions(scratch, 0, 1);
    expect_held(scratch, "_delta_log/_sidecars/s t.parquet");
    CHECK_OK(put_text(scratch, "_delta_log/_sidecars/s t.parquet", "too short"));
    CHECK_OK(storage_remove(scratch->storage, "_delta_log/_sidecars/s t.parquet", &scratch->err));
    CHECK_OK(put_text(scratch, "_delta_log/_sidecars/s t.parquet", "longer than that"));
    expect_held(scratch, "has 16 bytes");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(a_listing_knows_each_shape_of_a_checkpoint_and_nothing_else),
        T(a_stream_goes_on_where_the_json_before_a_checkpoint_is_gone),
        T(the_newest_checkpoint_that_can_be_read_is_the_base),
        T(a_torn_checkpoint_costs_nothing_where_the_json_is_whole),
        T(a_checkpoint_before_the_last_change_does_not_tell_the_definition),
        T(records_that_gone_versions_named_stay),
        T(versions_since_our_last_run_that_nobody_can_read_hold),
        T(two_runs_on_a_hidden_last_one_do_not_both_publish),
        T(what_is_no_state_is_held_and_named),
        T(a_sidecar_that_is_not_there_holds),
    };
    return cmocka_run_group_tests_name("commit/base", tests, NULL, NULL);
}
