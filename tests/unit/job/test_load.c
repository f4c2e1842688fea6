/* What a right job file comes to. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failing_memory.h"
#include "cmocka_all.h"

#include "fake_drivers.h"

static char folder[64];

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/leat-job-XXXXXX");
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    write_text("shop.db", "");
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"shop.db", "job.yaml", "url.txt", "below/job.yaml"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(names[i]);
    rmdir("below");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

static struct job load_with(const char *text, const struct job_override *overrides, size_t n)
{
    struct job job = {0};
    struct error err = {0};
    write_text("job.yaml", text);
    if (job_load("job.yaml", overrides, n, &job, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return job;
}

static struct job load(const char *text)
{
    return load_with(text, NULL, 0);
}

static void mistake(const char *path, const char *expected)
{
    struct job job = {0};
    struct error err = {0};
    assert_int_equal(job_load(path, NULL, 0, &job, &err), STATUS_BAD_CONFIG);
    if (!strstr(err.text, expected))
        fail_msg("expected \"%s\" in \"%s\"", expected, err.text);
}

static const char head[] = "source: shop.db\ntarget: ./lake\n";

static struct job load_streams(const char *streams)
{
    char text[4096];
    snprintf(text, sizeof(text), "%sstreams:\n%s", head, streams);
    return load(text);
}

/* ---- */

static void a_stream_takes_defaults_and_overrides_them(void **state)
{
    struct job job = load("source: shop.db\ntarget: ./lake\n"
                          "defaults:\n  mode: incremental\n  update_key: id\n  write: append\n"
                          "  compression: snappy\n  file_size: 64MB\n"
                          "  columns: {id: int64, total: {on_error: 'null'}}\n"
                          "streams:\n  orders:\n    file_size: 1GB\n    columns: {id: int32}\n"
                          "  customers: {mode: full-refresh}\n");
    assert_int_equal(job.n_streams, 2);
    const struct stream_spec *orders = &job.streams[0];
    assert_string_equal(orders->name, "orders");
    assert_string_equal(orders->object, "{table}");
    assert_int_equal(orders->mode, MODE_INCREMENTAL);
    assert_int_equal(orders->file_size, 1000000000);
    assert_string_equal(option_text(&orders->format_options, "compression"), "snappy");
    assert_int_equal(orders->n_columns, 2);
    assert_int_equal(orders->columns[0].type.id, TYPE_INT32);
    assert_int_equal(orders->columns[1].on_error, POLICY_NULL);
    assert_int_equal(job.streams[1].mode, MODE_FULL_REFRESH);
    assert_int_equal(job.streams[1].file_size, 64000000);
    job_release(&job);
}

static void paths_are_relative_to_the_job_file(void **state)
{
    char expected[128];
    mkdir("below", 0777);
    write_text("below/job.yaml", "source: ../shop.db\ntarget: lake/\nstreams: {orders: }\n");
    struct job job = {0};
    struct error err = {0};
    assert_int_equal(job_load("below/job.yaml", NULL, 0, &job, &err), STATUS_OK);
    snprintf(expected, sizeof(expected), "%s/shop.db", folder);
    assert_string_equal(job.source_location, expected);
    snprintf(expected, sizeof(expected), "%s/below/lake", folder);
    assert_string_equal(job.target, expected);
    job_release(&job);
}

static void paths_are_told_without_detours_and_links_lead_where_they_lead(void **state)
{
    char expected[128];
    mkdir("below", 0777);
    mkdir("below/deep", 0777);
    assert_int_equal(symlink("below/deep", "link"), 0);
    struct job job = load("source: ./shop.db\ntarget: link/../lake/./new//er/\nstreams: {o: }\n");
    snprintf(expected, sizeof(expected), "%s/below/lake/new/er", folder);
    assert_string_equal(job.target, expected);
    job_release(&job);
    job = load("source: ./shop.db\ntarget: link/lake\nstreams: {o: }\n");
    snprintf(expected, sizeof(expected), "%s/link/lake", folder);
    assert_string_equal(job.target, expected); /* as it was written */
    job_release(&job);
    job = load("source: ./shop.db\ntarget: file:///nowhere/a/../../b\nstreams: {o: }\n");
    assert_string_equal(job.target, "file:///b");
    job_release(&job);
    unlink("link");
    rmdir("below/deep");
}

static void a_file_at_the_other_place_is_named(void **state)
{
    char expected[160];
    mkdir("below", 0777);
    write_text("below/job.yaml", "source: shop.db\ntarget: ./lake\nstreams: {orders: }\n");
    snprintf(expected, sizeof(expected), "%s/shop.db is there, in the current directory", folder);
    mistake("below/job.yaml", expected);
    write_text("below/job.yaml", "source: sqlite://");
    char text[200];
    snprintf(text, sizeof(text), "source: sqlite:/%s/shop.db\ntarget: ./lake\nstreams: {o: }\n",
             folder);
    write_text("below/job.yaml", text); /* two slashes: relative */
    mistake("below/job.yaml", "only a path after the third slash of a URL is absolute");
}

static void values_come_from_the_environment_and_from_files(void **state)
{
    setenv("SHOP", "shop", 1);
    setenv("LAKE", "file:///lake", 1);
    write_text("url.txt", "id > 5\n");
    struct job job = load("source: ./${SHOP}.db\ntarget: env:LAKE\n"
                          "streams:\n  orders: {where: 'file:url.txt'}\n"
                          "  customers: {where: \"name <> '$$x' and y <> '$z'\"}\n");
    assert_non_null(strstr(job.source_location, "/shop.db"));
    assert_string_equal(job.target, "file:///lake");
    assert_string_equal(job.streams[0].where, "id > 5");
    assert_string_equal(job.streams[1].where, "name <> '$x' and y <> '$z'");
    job_release(&job);
}

static void set_finds_streams_whose_names_hold_dots(void **state)
{
    const struct job_override overrides[] = {
        {"streams.shop.orders.where", "id > 7"},
        {"streams.shop.mode", "full-refresh"},
        {"streams.shop.orders.columns.total.type", "decimal(18,2)"},
        {"streams.shop.orders.select", "[id, total]"},
        {"defaults.compression", "none"},
    };
    struct job job = load_with("source: shop.db\ntarget: ./lake\n"
                               "streams: {shop: , shop.orders: {where: id > 1}}\n",
                               overrides, 5);
    assert_string_equal(job.streams[1].where, "id > 7");
    assert_int_equal(job.streams[1].columns[0].type.id, TYPE_DECIMAL);
    assert_string_equal(job.streams[1].select[1], "total");
    assert_string_equal(option_text(&job.streams[0].format_options, "compression"), "none");
    job_release(&job);
}

static void partition_by_takes_a_text_a_list_and_a_map(void **state)
{
    struct job job = load_streams(
        "  a: {partition_by: carrier}\n"
        "  b: {partition_by: [carrier, day(created_at)]}\n"
        "  c: {partition_by: {column: created_at, recent: day, after: 90 days, then: month}}\n");
    assert_int_equal(job.streams[0].n_partitions, 1);
    assert_int_equal(job.streams[1].n_partitions, 2);
    assert_int_equal(job.streams[1].partitions[1].transform, PARTITION_DAY);
    assert_int_equal(job.streams[2].partitions[0].transform, PARTITION_PERIOD);
    assert_int_equal(job.streams[2].partitions[0].after_days, 90);
    assert_string_equal(job.streams[2].partitions[0].time_zone, "UTC");
    job_release(&job);
}

static void checks_are_taken_apart(void **state)
{
    struct job job = load_streams(
        "  a: {checks: {row_count: {min: 1, max_drop: 20%}, not_null: [id, total]}}\n");
    const struct stream_spec *a = &job.streams[0];
    assert_true(a->row_count.has_min && !a->row_count.has_max && a->row_count.has_max_drop);
    assert_int_equal(a->row_count.min, 1);
    assert_true(a->row_count.max_drop > 0.199 && a->row_count.max_drop < 0.201);
    assert_string_equal(a->not_null[1], "total");
    job_release(&job);
}

static void an_update_key_without_a_mode_means_incremental(void **state)
{
    struct job job = load_streams("  a: {update_key: id}\n  b: {}\n"
                                  "  c: {update_key: id, mode: full-refresh}\n"
                                  "  d: {update_key: id, primary_key: [id], mode: incremental}\n");
    assert_int_equal(job.streams[0].mode, MODE_INCREMENTAL);
    assert_int_equal(job.streams[1].mode, MODE_FULL_REFRESH);
    assert_int_equal(job.streams[2].mode, MODE_FULL_REFRESH);
    assert_int_equal(job.streams[3].mode, MODE_INCREMENTAL);
    job_release(&job);
}

static void on_error_null_is_a_word_not_a_missing_value(void **state)
{
    struct job job = load_streams("  a: {columns: {x: {on_error: null}, y: {on_error: text}}}\n");
    assert_int_equal(job.streams[0].columns[0].on_error, POLICY_NULL);
    assert_int_equal(job.streams[0].columns[1].on_error, POLICY_TEXT);
    job_release(&job);
}

static void a_null_takes_a_default_away(void **state)
{
    struct job job = load("source: shop.db\ntarget: ./lake\ndefaults: {where: id > 5}\n"
                          "streams: {a: , b: {where: null}}\n");
    assert_string_equal(job.streams[0].where, "id > 5");
    assert_null(job.streams[1].where);
    job_release(&job);
}

static void a_source_map_takes_the_drivers_options(void **state)
{
    struct job job = load("source: {url: shop.db, busy_timeout: 5s, password: sesame}\n"
                          "target: {url: ./lake}\nstreams: {a: }\n");
    assert_int_equal(option_number(&job.source_options, "busy_timeout"), 5);
    assert_string_equal(job.secrets[0], "sesame");
    job_release(&job);
}

static void a_file_too_large_is_refused(void **state)
{
    FILE *file = fopen("job.yaml", "w");
    assert_non_null(file);
    fputs(head, file);
    for (size_t i = 0; i < 30000; i++)
        fputs("# a comment that makes the file too large\n", file);
    fclose(file);
    mistake("job.yaml", "is larger than 1024 KiB");
    mistake("nowhere.yaml", "cannot read nowhere.yaml: No such file or directory");
}

static void what_a_stage_refuses_gets_its_place(void **state)
{
    struct job job = load_streams("  a:\n    where: id >\n    compression: snappy\n"
                                  "    columns:\n      total: {type: int64}\n");
    const struct {
        const char *said, *placed;
    } cases[] = {
        {"where: \"id >\" is no condition", "job.yaml:5:12: where: \"id >\" is no condition"},
        {"no such codec\nin option compression",
         "job.yaml:6:18: no such codec\nin option compression"},
        {"column \"total\" can't be int64", "job.yaml:8:7: column \"total\" can't be int64"},
        {"the table is odd", "job.yaml:4:3: the table is odd"},
        {"job.yaml:9:9: told", "job.yaml:9:9: told"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        assert_int_equal(error_set(&err, STATUS_BAD_CONFIG, "%s", cases[i].said),
                         STATUS_BAD_CONFIG);
        assert_int_equal(job_place_error(&job.streams[0], &err), STATUS_BAD_CONFIG);
        assert_string_equal(err.text, cases[i].placed);
    }
    struct error other = {0};
    assert_int_equal(error_set(&other, STATUS_BAD_DATA, "where: no"), STATUS_BAD_DATA);
    assert_int_equal(job_place_error(&job.streams[0], &other), STATUS_BAD_DATA);
    assert_string_equal(other.text, "where: no");
    job_release(&job);
}

static void an_allocation_that_fails_is_told_and_leaks_nothing(void **state)
{
    setenv("SHOP", "shop", 1);
    write_text("job.yaml", "source: ./${SHOP}.db\ntarget: ./lake\ndefaults: {where: id > 5}\n"
                           "streams:\n  orders: {partition_by: [a, day(b)], select: [a, b]}\n");
    for (unsigned nth = 1;; nth++) {
        struct job job = {0};
        struct error err = {0};
        fail_allocation(nth);
        status_code code = job_load("job.yaml", NULL, 0, &job, &err);
        bool failed = allocation_failed();
        job_release(&job);
        if (!failed) {
            assert_int_equal(code, STATUS_OK);
            break;
        }
        if (code == STATUS_OK) /* where it only costs a place or a hint */
            continue;
        assert_int_equal(code, STATUS_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
        CASE(a_stream_takes_defaults_and_overrides_them),
        CASE(paths_are_relative_to_the_job_file),
        CASE(paths_are_told_without_detours_and_links_lead_where_they_lead),
        CASE(a_file_at_the_other_place_is_named),
        CASE(values_come_from_the_environment_and_from_files),
        CASE(set_finds_streams_whose_names_hold_dots),
        CASE(partition_by_takes_a_text_a_list_and_a_map),
        CASE(checks_are_taken_apart),
        CASE(an_update_key_without_a_mode_means_incremental),
        CASE(on_error_null_is_a_word_not_a_missing_value),
        CASE(a_null_takes_a_default_away),
        CASE(a_source_map_takes_the_drivers_options),
        CASE(a_file_too_large_is_refused),
        CASE(what_a_stage_refuses_gets_its_place),
        CASE(an_allocation_that_fails_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
