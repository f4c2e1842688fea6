#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmocka_all.h"

#include "base/clock.h"
#include "base/failing_memory.h"
#include "ledger/columns.h"
#include "ledger/ledger.h"
#include "thread/thread.h"

static char root[] = "/tmp/leat-ledger-XXXXXX";
static char path[300];

static int fresh_file(void **state)
{
    static int n;
    (void)snprintf(path, sizeof(path), "%s/%d/state/ledger.db", root, ++n);
    return 0;
}

static struct ledger *open_ledger(void)
{
    struct ledger *ledger = NULL;
    struct error err = {0};
    status_code got = ledger_open(path, &ledger, &err);
    if (got != STATUS_OK)
        print_error("%s\n", err.text);
    assert_int_equal(got, STATUS_OK);
    return ledger;
}

static struct ledger_entry an_entry(const char *run_id, const char *stream, int64_t started_us)
{
    return (struct ledger_entry){.run_id = run_id,
                                 .stream = stream,
                                 .job = "shop.yaml",
                                 .target = "file:///lake/orders",
                                 .mode = "incremental",
                                 .outcome = "published",
                                 .started_us = started_us,
                                 .ended_us = started_us + 5,
                                 .version = 3,
                                 .rows_read = 10,
                                 .rows_written = 9,
                                 .compression_ratio = 4.5,
                                 .watermark = "2024-01-02",
                                 .lag_seconds = NAN,
                                 .stage_seconds = {0, 1, 2, 3, 4, 5}};
}

static void put(struct ledger *ledger, const struct ledger_entry *entry)
{
    struct error err = {0};
    assert_int_equal(ledger_put(ledger, entry, &err), STATUS_OK);
}

struct seen {
    size_t n, stop_after;
    char run_ids[8][32];
    struct ledger_entry last;
};

static status_code note(void *context, const struct ledger_entry *entry, struct error *err)
{
    struct seen *seen = context;
    (void)snprintf(seen->run_ids[seen->n], sizeof(seen->run_ids[0]), "%s", entry->run_id);
    seen->n++;
    seen->last = *entry;
    if (strcmp(entry->run_id, "R2") == 0)
        assert_null(entry->message);
    return seen->n == seen->stop_after ? STATUS_END : STATUS_OK;
}

static void an_entry_comes_back_as_it_was_put(void **state)
{
    struct ledger *ledger = open_ledger();
    struct ledger_entry entry = an_entry("R1", "orders", 1000);
    entry.rows_known = (uint64_t)1 << 40;
    put(ledger, &entry);
    struct seen seen = {0};
    struct error err = {0};
    assert_int_equal(ledger_list(ledger, NULL, NULL, NULL, 0, note, &seen, &err), STATUS_OK);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.last.version, 3);
    assert_int_equal(seen.last.rows_known, entry.rows_known);
    assert_true(isnan(seen.last.lag_seconds));
    assert_true(seen.last.compression_ratio == 4.5);
    assert_null(seen.last.source_newest);
    for (size_t i = 0; i < 6; i++)
        assert_true(seen.last.stage_seconds[i] == (double)i);
    ledger_close(ledger);
    ledger_close(NULL);
}

static void a_second_put_updates_the_first(void **state)
{
    struct ledger *ledger = open_ledger();
    struct ledger_entry entry = an_entry("R1", "orders", 1000);
    entry.outcome = "running";
    put(ledger, &entry);
    entry.rows_read = 77;
    put(ledger, &entry);
    struct seen seen = {0};
    struct error err = {0};
    assert_int_equal(ledger_list(ledger, "R1", NULL, NULL, 0, note, &seen, &err), STATUS_OK);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.last.rows_read, 77);
    entry.run_id = NULL;
    assert_int_equal(ledger_put(ledger, &entry, &err), STATUS_BUG);
    ledger_close(ledger);
}

static void the_newest_run_comes_first_and_filters_apply(void **state)
{
    struct ledger *ledger = open_ledger();
    struct ledger_entry entries[] = {an_entry("R1", "orders", 1), an_entry("R3", "orders", 3),
                                     an_entry("R2", "lines", 2)};
    entries[2].target = "file:///lake/lines";
    for (size_t i = 0; i < 3; i++)
        put(ledger, &entries[i]);
    struct error err = {0};
    struct seen all = {0}, stream = {0}, target = {0}, limited = {0}, stopped = {.stop_after = 1};
    assert_int_equal(ledger_list(ledger, NULL, NULL, NULL, 0, note, &all, &err), STATUS_OK);
    assert_int_equal(all.n, 3);
    assert_string_equal(all.run_ids[0], "R3");
    assert_string_equal(all.run_ids[2], "R1");
    assert_int_equal(ledger_list(ledger, NULL, "lines", NULL, 0, note, &stream, &err), STATUS_OK);
    assert_int_equal(stream.n, 1);
    assert_int_equal(ledger_list(ledger, NULL, NULL, "file:///lake/orders", 0, note, &target, &err),
                     STATUS_OK);
    assert_int_equal(target.n, 2);
    assert_int_equal(ledger_list(ledger, NULL, NULL, NULL, 2, note, &limited, &err), STATUS_OK);
    assert_int_equal(limited.n, 2);
    assert_int_equal(ledger_list(ledger, NULL, NULL, NULL, 0, note, &stopped, &err), STATUS_OK);
    assert_int_equal(stopped.n, 1);
    ledger_close(ledger);
}

static void the_past_ratio_is_the_median_of_published_runs(void **state)
{
    struct ledger *ledger = open_ledger();
    struct error err = {0};
    double ratio = -1;
    assert_int_equal(ledger_past_ratio(ledger, "file:///lake/orders", 5, &ratio, &err), STATUS_OK);
    assert_true(ratio == 0);
    const double ratios[] = {100, 2, 8, 4, 3}; /* the oldest is out of the last four */
    const char *const ids[] = {"A", "B", "C", "D", "E"};
    for (int i = 0; i < 5; i++) {
        struct ledger_entry entry = an_entry(ids[i], "orders", i);
        entry.compression_ratio = ratios[i];
        put(ledger, &entry);
    }
    struct ledger_entry bad = an_entry("F", "orders", 9);
    bad.outcome = "failed";
    put(ledger, &bad);
    assert_int_equal(ledger_past_ratio(ledger, "file:///lake/orders", 4, &ratio, &err), STATUS_OK);
    assert_true(ratio == 3.5);
    assert_int_equal(ledger_past_ratio(ledger, "file:///lake/orders", 3, &ratio, &err), STATUS_OK);
    assert_true(ratio == 4);
    ledger_close(ledger);
}

static void file_and_directories_are_for_the_user_alone(void **state)
{
    ledger_close(open_ledger());
    struct stat file, directory;
    char parent[300];
    assert_int_equal(stat(path, &file), 0);
    (void)snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
    assert_int_equal(stat(parent, &directory), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(directory.st_mode & 0777, 0700);
}

static void the_environment_says_where(void **state)
{
    struct ledger *ledger = NULL;
    struct error err = {0};
    char state_home[350], expected[400];
    (void)snprintf(state_home, sizeof(state_home), "%s.home", path);
    (void)snprintf(expected, sizeof(expected), "%s/leat/ledger.db", state_home);
    assert_int_equal(unsetenv("LEAT_LEDGER"), 0);
    assert_int_equal(setenv("XDG_STATE_HOME", state_home, 1), 0);
    assert_int_equal(ledger_open(NULL, &ledger, &err), STATUS_OK);
    ledger_close(ledger);
    struct stat file;
    assert_int_equal(stat(expected, &file), 0);
    (void)snprintf(expected, sizeof(expected), "%s.given", path);
    assert_int_equal(setenv("LEAT_LEDGER", expected, 1), 0);
    assert_int_equal(ledger_open(NULL, &ledger, &err), STATUS_OK);
    ledger_close(ledger);
    assert_int_equal(stat(expected, &file), 0);
    assert_int_equal(unsetenv("LEAT_LEDGER"), 0);
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(ledger_open(NULL, &ledger, &err), STATUS_BAD_CONFIG);
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void a_database_of_something_else_is_left_alone(void **state)
{
    struct ledger *ledger = NULL;
    struct error err = {0};
    ledger_close(open_ledger());
    assert_int_equal(remove(path), 0);
    run_sql("CREATE TABLE orders (id INTEGER)");
    assert_int_equal(ledger_open(path, &ledger, &err), STATUS_BAD_CONFIG);
    assert_non_null(strstr(err.text, "not a ledger"));
}

static void a_newer_ledger_is_refused(void **state)
{
    struct ledger *ledger = NULL;
    struct error err = {0};
    ledger_close(open_ledger());
    run_sql("PRAGMA user_version = 999");
    assert_int_equal(ledger_open(path, &ledger, &err), STATUS_BAD_CONFIG);
    assert_non_null(strstr(err.text, "newer leat"));
}

static void a_damaged_ledger_is_told_as_such(void **state)
{
    struct ledger *ledger = NULL;
    struct error err = {0};
    ledger_close(open_ledger());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        (void)fputs("garbage ", file);
    (void)fclose(file);
    assert_int_equal(ledger_open(path, &ledger, &err), STATUS_BAD_DATA);
    assert_non_null(strstr(err.text, "may be deleted"));
}

static int count_columns(void *context, int n, char **values, char **names)
{
    size_t *matched = context;
    assert_string_equal(values[1], ledger_columns[*matched].name);
    (*matched)++;
    return 0;
}

static void migrations_make_exactly_the_columns_of_the_entry(void **state)
{
    ledger_close(open_ledger());
    sqlite3 *db = NULL;
    size_t matched = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA table_info(runs)", count_columns, &matched, NULL),
                     SQLITE_OK);
    (void)sqlite3_close(db);
    assert_int_equal(matched, ledger_n_columns);
}

static void a_file_of_an_earlier_version_is_brought_up(void **state)
{
    struct ledger *ledger = open_ledger();
    struct ledger_entry entry = an_entry("R1", "orders", 1000);
    put(ledger, &entry);
    ledger_close(ledger);
    run_sql("ALTER TABLE runs DROP COLUMN values_null; ALTER TABLE runs DROP COLUMN values_text;"
            "PRAGMA user_version = 1");
    ledger = open_ledger();
    entry.run_id = "R2";
    entry.started_us = 2000;
    entry.values_text = 7;
    put(ledger, &entry);
    struct seen seen = {0};
    struct error err = {0};
    assert_int_equal(ledger_list(ledger, "R1", NULL, NULL, 0, note, &seen, &err), STATUS_OK);
    assert_int_equal(seen.last.values_text, 0);
    assert_int_equal(ledger_list(ledger, "R2", NULL, NULL, 0, note, &seen, &err), STATUS_OK);
    assert_int_equal(seen.last.values_text, 7);
    assert_int_equal(seen.n, 2);
    ledger_close(ledger);
}

static status_code put_one(void *context, size_t i, struct error *err)
{
    char run_id[16];
    (void)snprintf(run_id, sizeof(run_id), "T%zu", i);
    struct ledger_entry entry = an_entry(run_id, "orders", (int64_t)i);
    return ledger_put(context, &entry, err);
}

static status_code count_entry(void *context, const struct ledger_entry *entry, struct error *err)
{
    ++*(size_t *)context;
    return STATUS_OK;
}

static void threads_may_share_a_ledger(void **state)
{
    struct ledger *ledger = open_ledger();
    struct error err = {0};
    size_t n = 0;
    assert_int_equal(thread_run_all(20, 4, put_one, ledger, NULL, &err), STATUS_OK);
    assert_int_equal(ledger_list(ledger, NULL, NULL, NULL, 0, count_entry, &n, &err), STATUS_OK);
    assert_int_equal(n, 20);
    ledger_close(ledger);
}

static void memory_running_out_is_only_an_error(void **state)
{
    for (unsigned nth = 1;; nth++) {
        struct ledger *ledger = NULL;
        struct error err = {0};
        struct ledger_entry entry = an_entry("R1", "orders", 1);
        fail_allocation(nth);
        status_code got = ledger_open(path, &ledger, &err);
        if (got == STATUS_OK)
            got = ledger_put(ledger, &entry, &err);
        ledger_close(ledger);
        if (!allocation_failed()) {
            assert_int_equal(got, STATUS_OK);
            break;
        }
        assert_int_equal(got, STATUS_NO_MEMORY);
    }
}

static int make_root(void **state)
{
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[300];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_entry_comes_back_as_it_was_put, fresh_file),
        cmocka_unit_test_setup(a_second_put_updates_the_first, fresh_file),
        cmocka_unit_test_setup(the_newest_run_comes_first_and_filters_apply, fresh_file),
        cmocka_unit_test_setup(the_past_ratio_is_the_median_of_published_runs, fresh_file),
        cmocka_unit_test_setup(file_and_directories_are_for_the_user_alone, fresh_file),
        cmocka_unit_test_setup(the_environment_says_where, fresh_file),
        cmocka_unit_test_setup(a_database_of_something_else_is_left_alone, fresh_file),
        cmocka_unit_test_setup(a_newer_ledger_is_refused, fresh_file),
        cmocka_unit_test_setup(a_damaged_ledger_is_told_as_such, fresh_file),
        cmocka_unit_test_setup(migrations_make_exactly_the_columns_of_the_entry, fresh_file),
        cmocka_unit_test_setup(a_file_of_an_earlier_version_is_brought_up, fresh_file),
        cmocka_unit_test_setup(threads_may_share_a_ledger, fresh_file),
        cmocka_unit_test_setup(memory_running_out_is_only_an_error, fresh_file),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
