/* Another writer who takes the version number between our look at the log and our put. */
#include "table_of.h"

/* The storage of a run, whose first put below _delta_log/ is preceded by what an intruder does through ANOTHER. */
static struct {
    struct storage_ops bent;
    const struct storage_ops *straight;
    void (*intrude)(struct scratch *other);
    struct scratch other;
    unsigned puts;
} race;

static status put_begin_late(struct storage *storage, const char *name, enum put_mode mode,
                             struct upload **out, struct error *err)
{
    if (text_starts_with(name, "_delta_log/") && race.puts++ == 0)
        race.intrude(&race.other);
    return race.straight->put_begin(storage, name, mode, out, err);
}

static void bend(struct scratch *scratch, void (*intrude)(struct scratch *other))
{
    race.straight = scratch->storage->ops;
    race.bent = *race.straight;
    race.bent.put_begin = put_begin_late;
    race.intrude = intrude;
    race.puts = 0;
    race.other = (struct scratch){0};
    CHECK_OK(storage_open(scratch->dir, NULL, false, &race.other.storage, &scratch->err));
    scratch->storage->ops = &race.bent;
}

static void straighten(struct scratch *scratch)
{
    scratch->storage->ops = race.straight;
    storage_close(race.other.storage);
}

static void foreign_append(struct scratch *scratch)
{
    put_version_text(scratch, 1,
                     "{\"commitInfo\":{\"operation\":\"WRITE\",\"engineInfo\":\"other\"}}\n"
                     "{\"add\":{\"path\":\"theirs.parquet\",\"partitionValues\":{\"day\":null},"
                     "\"size\":1,\"modificationTime\":1,\"dataChange\":true}}\n");
}

static void foreign_delete(struct scratch *scratch)
{
    put_version_text(scratch, 1,
                     "{\"commitInfo\":{\"operation\":\"DELETE\",\"engineInfo\":\"other\"}}\n"
                     "{\"remove\":{\"path\":\"a.parquet\",\"deletionTimestamp\":1,"
                     "\"dataChange\":true}}\n");
}

static void run_of_the_same_stream(struct scratch *scratch)
{
    CHECK_OK(test_add(scratch, "same.parquet", "RUN-OTHER", 5));
}

static void run_of_another_stream(struct scratch *scratch)
{
    struct test_run run;
    CHECK_OK(test_begin(&run, scratch->storage, "public.returns"));
    CHECK_OK(test_publish(&run, scratch->storage, "else.parquet", "RUN-ELSE", 5, 16000));
    test_end(&run);
}

/* A table of one version; the next run loses its first put to INTRUDE. */
static status_code lose_a_put(struct scratch *scratch, void (*intrude)(struct scratch *other),
                              bool replace_all, int64_t *out_version)
{
    struct test_run run;
    CHECK_OK(test_add(scratch, "a.parquet", "RUN1", 1));
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    bend(scratch, intrude);
    run.replace_all = replace_all;
    status_code s = test_publish(&run, scratch->storage, "b.parquet", "RUN2", 2, 16000);
    straighten(scratch);
    scratch->err = run.err;
    *out_version = run.version;
    test_end(&run);
    return s;
}

static void expect_newest(struct scratch *scratch, int64_t version, const char *run_id)
{
    struct test_run run;
    CHECK_OK(test_begin(&run, scratch->storage, "public.orders"));
    assert_int_equal(run.base.version, version);
    assert_string_equal(run.base.record.run_id, run_id);
    test_end(&run);
}

static void a_lost_put_goes_on_top_of_rows_that_others_added(void **state)
{
    struct scratch *scratch = *state;
    int64_t version;
    CHECK_OK(lose_a_put(scratch, foreign_append, false, &version));
    assert_int_equal(version, 2);
    assert_true(race.puts >= 2);
    expect_newest(scratch, 2, "RUN2");
}

static void a_lost_put_goes_on_top_of_another_streams_run(void **state)
{
    struct scratch *scratch = *state;
    int64_t version;
    CHECK_OK(lose_a_put(scratch, run_of_another_stream, false, &version));
    assert_int_equal(version, 2);
    expect_newest(scratch, 2, "RUN2");
}

static void the_streams_txn_is_looked_at_again_after_a_lost_put(void **state)
{
    struct scratch *scratch = *state;
    int64_t version;
    status_code s = lose_a_put(scratch, run_of_the_same_stream, false, &version);
    assert_non_null(strstr(scratch->err.text, "RUN-OTHER"));
    CHECK_STATUS(s, STATUS_CONFLICT);
    expect_newest(scratch, 1, "RUN-OTHER");
}

static void a_lost_put_to_a_removal_of_rows_is_held(void **state)
{
    struct scratch *scratch = *state;
    int64_t version;
    CHECK_STATUS(lose_a_put(scratch, foreign_delete, false, &version), STATUS_HELD);
    expect_newest(scratch, 1, "RUN1");
}

static void a_full_refresh_never_takes_away_rows_added_since_its_base(void **state)
{
    struct scratch *scratch = *state;
    int64_t version;
    CHECK_STATUS(lose_a_put(scratch, foreign_append, true, &version), STATUS_HELD);
    expect_newest(scratch, 1, "RUN1");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(a_lost_put_goes_on_top_of_rows_that_others_added),
        T(a_lost_put_goes_on_top_of_another_streams_run),
        T(the_streams_txn_is_looked_at_again_after_a_lost_put),
        T(a_lost_put_to_a_removal_of_rows_is_held),
        T(a_full_refresh_never_takes_away_rows_added_since_its_base),
    };
    return cmocka_run_group_tests_name("commit/race", tests, NULL, NULL);
}
