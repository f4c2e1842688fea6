/* Our own runs on a table: first, next, replacing, twice, too late. */
#include "table_of.h"

static status_code append_file(void *context, const struct live_file *file, struct error *err)
{
    (void)err;
    text_printf(context, "%s %llu %s;", file->path, (unsigned long long)file->rows,
                file->partition);
    return STATUS_OK;
}

static void expect_files(struct scratch *scratch, const char *expected)
{
    struct test_run run;
    struct text files = {0};
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    CHECK_OK(commit_find("delta")->each_file(run.table, append_file, &files, &scratch->err));
    assert_string_equal(text_string(&files), expected);
    text_release(&files);
    test_end(&run);
}

static void a_table_that_is_not_there_is_a_state(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_false(run.base.exists);
    assert_int_equal(run.base.version, -1);
    assert_int_equal(run.base.record_version, -1);
    assert_null(run.base.hold);
    test_end(&run);
}

static void the_first_run_makes_the_table_and_its_record(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    status_code s =
        test_publish(&run, scratch->storage, "day=2013-10-22/a.parquet", "RUN1", 7, 16000);
    scratch->err = run.err;
    CHECK_OK(s);
    assert_int_equal(run.version, 0);
    test_end(&run);

    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_true(run.base.exists && run.base.has_record);
    assert_int_equal(run.base.version, 0);
    assert_int_equal(run.base.record_version, 0);
    assert_string_equal(run.base.record.run_id, "RUN1");
    assert_string_equal(run.base.record.table_id, run.base.table_id);
    assert_int_equal(run.base.record.number, 0);
    assert_int_equal(run.base.record.previous, -1);
    assert_int_equal(run.base.record.watermark.i64, 7);
    assert_null(run.base.hold);
    assert_false(run.base.has_other_data);
    assert_int_equal(run.base.file_retention_s, 604800);
    assert_int_equal(run.base.schema.n_fields, 4);
    assert_string_equal(run.base.schema.fields[3].name, "day");
    assert_int_equal(run.base.schema.fields[3].field_id, 4);
    assert_string_equal(run.base.partition_columns[0], "day");
    assert_null(run.base.partition_columns[1]);
    test_end(&run);
    expect_files(scratch, "day=2013-10-22/a.parquet 7 day=2013-10-22;");
    expect_list(scratch, "_leat", false, "_leat/public.orders/0.json ");
}

static void next_runs_add_and_a_full_refresh_replaces(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_add(scratch, "b.parquet", "RUN2", 2));
    expect_files(scratch, "a.parquet 1 day=2013-10-22;b.parquet 2 day=2013-10-22;");
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    run.replace_all = true;
    CHECK_OK(test_publish(&run, scratch->storage, "c.parquet", "RUN3", 3, 16000));
    assert_int_equal(run.version, 2);
    assert_int_equal(run.record.number, 2);
    assert_int_equal(run.record.previous, 1);
    test_end(&run);
    expect_files(scratch, "c.parquet 3 day=2013-10-22;");
}

static status_code add_on_day(struct scratch *scratch, const char *file, int32_t day)
{
    struct test_run run;
    status_code s = test_begin(&run, scratch->storage, "public.orders");
    if (s == STATUS_OK)
        s = test_publish(&run, scratch->storage, file, file, 1, day);
    test_end(&run);
    return s;
}

static void given_partitions_are_replaced_and_the_others_stay(void **state)
{
    struct scratch *scratch = *state;
    static const char *const days[] = {"2013-10-23", "2013-10-24", NULL};
    struct test_run run;
    CHECK_OK(add_on_day(scratch, "a.parquet", 16000));
    CHECK_OK(add_on_day(scratch, "b.parquet", 16001));
    CHECK_OK(add_on_day(scratch, "c.parquet", 16002));
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    run.replaced = days;
    CHECK_OK(test_publish(&run, scratch->storage, "d.parquet", "RUN4", 5, 16001));
    test_end(&run);
    expect_files(scratch, "a.parquet 1 day=2013-10-22;d.parquet 5 day=2013-10-23;");
}

static void a_run_without_files_still_moves_the_record(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_add(scratch, NULL, "RUN2", 9));
    struct test_run run;
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_int_equal(run.base.record.watermark.i64, 9);
    test_end(&run);
}

static void of_two_runs_with_one_base_the_second_is_a_conflict(void **state)
{
    struct scratch *scratch = *state;
    struct test_run first;
    struct test_run second;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_begin(&first, scratch->storage, "public.orders"));
    CHECK_OK(test_begin(&second, scratch->storage, "public.orders"));
    CHECK_OK(test_publish(&first, scratch->storage, "b.parquet", "RUN2", 2, 16000));
    CHECK_STATUS(test_publish(&second, scratch->storage, "c.parquet", "RUN3", 2, 16000),
                 STATUS_CONFLICT);
    assert_non_null(strstr(second.err.text, "RUN2"));
    test_end(&first);
    test_end(&second);
    expect_files(scratch, "a.parquet 1 day=2013-10-22;b.parquet 2 day=2013-10-22;");
}

static void of_two_first_runs_the_second_is_a_conflict(void **state)
{
    struct scratch *scratch = *state;
    struct test_run first;
    struct test_run second;
    CHECK_OK(test_begin(&first, scratch->storage, "public.orders"));
    CHECK_OK(test_begin(&second, scratch->storage, "public.orders"));
    CHECK_OK(test_publish(&first, scratch->storage, "b.parquet", "RUN2", 2, 16000));
    CHECK_STATUS(test_publish(&second, scratch->storage, "c.parquet", "RUN3", 2, 16000),
                 STATUS_CONFLICT);
    test_end(&first);
    test_end(&second);
}

static void a_run_id_is_published_once(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    CHECK_OK(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000));
    CHECK_OK(test_publish(&run, scratch->storage, NULL, "RUN2", 2, 16000));
    assert_int_equal(run.version, 1);
    int64_t version;
    CHECK_OK(commit_find("delta")->find_run(run.table, "RUN1", &version, &scratch->err));
    assert_int_equal(version, 0);
    CHECK_OK(commit_find("delta")->find_run(run.table, "RUN2", &version, &scratch->err));
    assert_int_equal(version, 1);
    CHECK_OK(commit_find("delta")->find_run(run.table, "RUN9", &version, &scratch->err));
    assert_int_equal(version, -1);
    test_end(&run);
}

static void a_dead_runs_record_number_stays_unused(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(put_text(scratch, "_leat/public.orders/0.json", "{}"));
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    struct test_run run;
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_int_equal(run.base.record.number, 1);
    assert_null(run.base.hold);
    test_end(&run);
}

static void a_missing_record_holds_and_is_no_first_load(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(storage_remove(scratch->storage, "_leat/public.orders/0.json", &scratch->err));
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_true(run.base.exists);
    assert_non_null(run.base.hold);
    assert_non_null(strstr(run.base.hold, "0.json"));
    CHECK_STATUS(test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000), STATUS_HELD);
    run.replace_all = run.accept_foreign = true;
    CHECK_OK(test_publish(&run, scratch->storage, "c.parquet", "RUN3", 3, 16000));
    test_end(&run);
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_null(run.base.hold);
    test_end(&run);
}

static void a_record_of_another_table_holds(void **state)
{
    struct scratch *scratch = *state;
    struct scratch other = *scratch;
    struct test_run run;
    char *record;
    size_t size;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(storage_open_below(scratch->storage, "other", &other.storage, &scratch->err));
    CHECK_OK(test_add(&other, "a.parquet", "RUN9", 9));
    const char *name = "_leat/public.orders/0.json";
    CHECK_OK(storage_get(other.storage, name, 1 << 20, &record, &size, &scratch->err));
    CHECK_OK(storage_put(scratch->storage, name, PUT_REPLACE, record, size, &scratch->err));
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_non_null(run.base.hold);
    assert_non_null(strstr(run.base.hold, "another") ? run.base.hold
                                                     : strstr(run.base.hold, "copied"));
    test_end(&run);
    mem_free(record);
    storage_close(other.storage);
}

static void a_data_file_that_is_not_as_written_publishes_nothing(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    struct schema data = SCHEMA_OF(test_data_fields);
    struct schema none = {0};
    struct run_record record = {.run_id = "R", .stream = "public.orders", .contract = data};
    struct column_stats stats[3] = {{0}};
    struct new_file file = {.path = "x.parquet", .size_bytes = 5, .rows = 1, .columns = stats};
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    struct publish_request request = {.base = &run.base,
                                      .data_schema = &data,
                                      .partition_keys = &none,
                                      .table_schema = &data,
                                      .files = &file,
                                      .n_files = 1,
                                      .record = &record};
    const struct commit_driver *delta = commit_find("delta");
    CHECK_STATUS(delta->publish(run.table, &request, &run.version, &scratch->err), STATUS_BUG);
    CHECK_OK(put_text(scratch, "x.parquet", "1234"));
    CHECK_STATUS(delta->publish(run.table, &request, &run.version, &scratch->err), STATUS_BUG);
    file.size_bytes = 4;
    CHECK_OK(delta->publish(run.table, &request, &run.version, &scratch->err));
    arena_release(&record.arena);
    test_end(&run);
}

static void a_run_older_than_half_the_retention_is_held(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    struct schema data = SCHEMA_OF(test_data_fields);
    struct schema keys = SCHEMA_OF(test_key_fields);
    struct schema all = SCHEMA_OF(test_table_fields);
    struct run_record record = {.run_id = "R", .stream = "public.orders", .contract = data};
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    struct publish_request request = {.base = &run.base,
                                      .data_schema = &data,
                                      .partition_keys = &keys,
                                      .table_schema = &all,
                                      .record = &record,
                                      .run_started_us = clock_wall_us() - 302500LL * 1000000};
    CHECK_STATUS(commit_find("delta")->publish(run.table, &request, &run.version, &scratch->err),
                 STATUS_HELD);
    test_end(&run);
}

static status_code check_one(struct scratch *scratch, struct field field)
{
    struct schema schema = {.fields = &field, .n_fields = 1};
    struct table *table;
    TRY(commit_find("delta")->open(scratch->storage, "s", NULL, &table, &scratch->err));
    status_code s = commit_find("delta")->check_schema(table, &schema, &scratch->err);
    commit_find("delta")->close(table);
    return s;
}

static void types_and_names_that_delta_lacks_are_named_with_a_remedy(void **state)
{
    struct scratch *scratch = *state;
    enum type_id refused[] = {TYPE_UINT8, TYPE_UINT64, TYPE_TIME, TYPE_INTERVAL, TYPE_UUID};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        status_code s = check_one(scratch, (struct field){.name = "c1", .type = {refused[i]}});
        assert_int_equal(s, STATUS_BAD_CONFIG);
        assert_non_null(strstr(scratch->err.text, "\"c1\""));
        assert_non_null(strstr(scratch->err.text, "columns: {c1: {type: "));
    }
    struct type wide = {.id = TYPE_DECIMAL, .precision = 39};
    CHECK_STATUS(check_one(scratch, (struct field){.name = "c", .type = wide}), STATUS_BAD_CONFIG);
    static const char *const names[] = {"", "a b", "a,b", "a=b", "a;b", "a(b", "a\nb", "a{b"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        CHECK_STATUS(check_one(scratch, (struct field){.name = names[i]}), STATUS_BAD_CONFIG);
    CHECK_OK(check_one(scratch, (struct field){.name = "a.b-ü", .type = {TYPE_DATE}}));
}

static void a_stream_of_any_name_keeps_its_records_in_one_folder(void **state)
{
    struct scratch *scratch = *state;
    static const char *const streams[] = {"../../etc", "a/b", "staging", "sales.*",
                                          ".",         "Ü x", "lock",    "rejects"};
    for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
        struct scratch own = *scratch;
        struct test_run run;
        char folder[8];
        snprintf(folder, sizeof(folder), "t%zu", i);
        CHECK_OK(storage_open_below(scratch->storage, folder, &own.storage, &scratch->err));
        CHECK_OK(test_begin(&run, own.storage, streams[i]));
        CHECK_OK(test_publish(&run, own.storage, "x.parquet", "RUN", 1, 1));
        test_end(&run);
        CHECK_OK(test_begin(&run, own.storage, streams[i]));
        assert_int_equal(run.base.record_version, 0);
        test_end(&run);
        storage_close(own.storage);
    }
    expect_list(scratch, "t2/_leat", true, "t2/_leat/%73taging/ ");
    expect_list(scratch, "t6/_leat", true, "t6/_leat/%6Cock/ ");
    expect_list(scratch, "t0/_leat", true, "t0/_leat/%2E.%2F..%2Fetc/ ");
}

static void see_vacuum(void *context, const char *name, uint64_t size_bytes, int64_t age_s,
                       const char *why)
{
    (void)size_bytes;
    (void)age_s;
    (void)why;
    text_printf(context, "%s;", name);
}

static void vacuum_removes_what_no_version_refers_to(void **state)
{
    struct scratch *scratch = *state;
    struct test_run run;
    struct text seen = {0};
    CHECK_OK(test_add(scratch, "day=2013-10-22/a.parquet", "RUN1", 1));
    CHECK_OK(put_text(scratch, "day=2013-10-22/orphan.parquet", "x"));
    CHECK_OK(put_text(scratch, "_leat/public.orders/7.json", "x"));
    CHECK_OK(put_text(scratch, "_leat/staging/r/1.parquet", "x"));
    CHECK_OK(put_text(scratch, "notes.txt", "x"));
    clock_sleep_ms(20);
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    const struct commit_driver *delta = commit_find("delta");
    CHECK_OK(delta->vacuum(run.table, 3600, false, see_vacuum, &seen, &scratch->err));
    assert_string_equal(text_string(&seen), "");
    CHECK_OK(delta->vacuum(run.table, 0, true, see_vacuum, &seen, &scratch->err));
    CHECK_OK(delta->vacuum(run.table, 0, false, see_vacuum, &seen, &scratch->err));
    assert_string_equal(text_string(&seen),
                        "_leat/public.orders/7.json;day=2013-10-22/orphan.parquet;"
                        "_leat/public.orders/7.json;day=2013-10-22/orphan.parquet;");
    text_release(&seen);
    test_end(&run);
    expect_files(scratch, "day=2013-10-22/a.parquet 1 day=2013-10-22;");
    expect_text(scratch, "_leat/staging/r/1.parquet", "x");
    expect_text(scratch, "notes.txt", "x");
}

static void loading_a_table_of_a_thousand_versions_reads_two_heads(void **state)
{
    struct scratch *scratch = *state;
    char path[160];
    char *first;
    size_t size;
    struct test_run run;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(storage_get(scratch->storage, "_delta_log/00000000000000000000.json", 1 << 20, &first,
                         &size, &scratch->err));
    char *own = strstr(first, "{\"protocol\"");
    assert_non_null(own);
    *own = '\0'; /* commitInfo and txn */
    for (int v = 1; v <= 1000; v++) {
        snprintf(path, sizeof(path), "%s/_delta_log/%020d.json", scratch->dir, v);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(first, file);
        fclose(file);
    }
    mem_free(first);
    int64_t start = clock_monotonic_ns();
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    double ms = (double)(clock_monotonic_ns() - start) / 1e6;
    print_message("load of 1,001 versions: %.1f ms\n", ms);
    assert_int_equal(run.base.record_version, 1000);
    assert_int_equal(run.base.foreign_commits, 0);
    assert_true(ms < 200); /* with sanitizers; a fifth without */
    test_end(&run);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(a_table_that_is_not_there_is_a_state),
        T(the_first_run_makes_the_table_and_its_record),
        T(next_runs_add_and_a_full_refresh_replaces),
        T(given_partitions_are_replaced_and_the_others_stay),
        T(a_run_without_files_still_moves_the_record),
        T(of_two_runs_with_one_base_the_second_is_a_conflict),
        T(of_two_first_runs_the_second_is_a_conflict),
        T(a_run_id_is_published_once),
        T(a_dead_runs_record_number_stays_unused),
        T(a_missing_record_holds_and_is_no_first_load),
        T(a_record_of_another_table_holds),
        T(a_data_file_that_is_not_as_written_publishes_nothing),
        T(a_run_older_than_half_the_retention_is_held),
        T(types_and_names_that_delta_lacks_are_named_with_a_remedy),
        T(a_stream_of_any_name_keeps_its_records_in_one_folder),
        T(vacuum_removes_what_no_version_refers_to),
        T(loading_a_table_of_a_thousand_versions_reads_two_heads),
    };
    return cmocka_run_group_tests_name("commit/delta", tests, NULL, NULL);
}
