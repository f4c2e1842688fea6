/* The driver `sqlite` against databases made here, with SQLite itself as the judge. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/text.h"
#include "cmocka_all.h"
#include "source/source.h"

static char directory[64];
static unsigned files;
static struct error err;

#define CHECK_OK(call) CHECK_STATUS(call, STATUS_OK)
#define CHECK_STATUS(call, expected)                                                               \
    do {                                                                                           \
        err = (struct error){0};                                                                   \
        CHECK_CALL(call, (expected), &err);                                                        \
    } while (0)

#define CHECK_SAYS(words)                                                                          \
    do {                                                                                           \
        if (!strstr(err.text, words))                                                              \
            fail_msg("\"%s\" is not in: %s", words, err.text);                                     \
    } while (0)

/* ---- a database, and a stream of it ---- */

struct world {
    char path[128];
    sqlite3 *db; /* the writer */
    struct source *source;
    struct read_plan plan;
    struct batch batch;
    uint64_t rejected;
    char reject_text[1024];
};

static const struct source_driver *driver(void)
{
    return source_drivers[0];
}

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static struct world make(const char *sql)
{
    struct world w = {0};
    snprintf(w.path, sizeof(w.path), "%s/%u.db", directory, files++);
    assert_int_equal(sqlite3_open(w.path, &w.db), SQLITE_OK);
    run(w.db, sql);
    return w;
}

static void close_source(struct world *w)
{
    batch_release(&w->batch);
    w->batch = (struct batch){0};
    read_plan_release(&w->plan);
    driver()->close(w->source);
    w->source = NULL;
}

static void end(struct world *w)
{
    close_source(w);
    sqlite3_close(w->db);
}

static status_code open_with(struct world *w, const char *consistency)
{
    struct option_value values[8] = {0};
    struct option_values all = {driver()->options, values, option_count(driver()->options)};
    for (size_t i = 0; i < all.n_values; i++) {
        const struct option_spec *spec = &driver()->options[i];
        const char *text = spec->default_text;
        if (strcmp(spec->name, "consistency") == 0 && consistency)
            text = consistency;
        if (strcmp(spec->name, "busy_timeout") == 0)
            text = "3 s";
        CHECK_OK(option_parse(spec, text, &values[i], &err));
    }
    return driver()->open(w->path, &all, &w->source, &err);
}

static status_code plan(struct world *w, const struct read_request *request)
{
    if (!w->source)
        CHECK_OK(open_with(w, NULL));
    batch_release(&w->batch);
    w->batch = (struct batch){0};
    read_plan_release(&w->plan);
    return driver()->plan(w->source, request, &w->plan, &err);
}

static status_code keep_reject(void *context, const char *json, size_t size, struct error *e)
{
    struct world *w = context;
    w->rejected++;
    snprintf(w->reject_text, sizeof(w->reject_text), "%.*s", (int)size, json);
    return STATUS_OK;
}

static status_code read_split(struct world *w, const struct read_request *request, size_t number,
                              struct batch *into)
{
    struct reader_options options = {.reject = keep_reject, .reject_context = w};
    struct reader *reader = NULL;
    status_code s = driver()->reader_open(w->source, &w->plan, request, &w->plan.splits[number],
                                          &options, &reader, &err);
    while (s == STATUS_OK)
        s = driver()->reader_next(reader, into, 1000, SIZE_MAX, &err);
    if (s == STATUS_END) {
        const struct reader_counts *counts = driver()->reader_counts(reader);
        assert_true(counts->rows >= counts->rejected);
    }
    driver()->reader_close(reader);
    return s;
}

/* Plan and read everything into w->batch. */
static status_code load(struct world *w, const struct read_request *request)
{
    status_code s = plan(w, request);
    if (s != STATUS_OK)
        return s;
    CHECK_OK(batch_init(&w->batch, &w->plan.schema, &err));
    for (size_t i = 0; i < w->plan.n_splits; i++) {
        s = read_split(w, request, i, &w->batch);
        if (s != STATUS_END)
            return s;
    }
    return STATUS_OK;
}

/* The batch as text: values with commas, rows with semicolons. */
static const char *shown(const struct batch *batch)
{
    static char out[8192];
    struct arena arena = {0};
    size_t n = 0;
    out[0] = '\0';
    for (size_t row = 0; row < batch->rows; row++) {
        for (size_t c = 0; c < batch->schema->n_fields; c++) {
            struct scalar value;
            scalar_from_column(&value, &batch->columns[c], row);
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s",
                                  c     ? ","
                                  : row ? ";"
                                        : "",
                                  scalar_text(&value, &arena));
        }
    }
    arena_release(&arena);
    return out;
}

static void check_load(struct world *w, const struct read_request *request, const char *expected)
{
    CHECK_OK(load(w, request));
    assert_string_equal(shown(&w->batch), expected);
    driver()->plan_end(w->source);
}

/* ---- types ---- */

struct value_case {
    const char *declared, *sql; /* a column of the type, the value */
    const char *expected;       /* NULL: does not fit */
};

static const struct value_case value_cases[] = {
    {"INTEGER", "5", "5"},
    {"INTEGER", "-9223372036854775808", "-9223372036854775808"},
    {"INTEGER", "2.0", "2"},
    {"INTEGER", "1.5", NULL},
    {"INTEGER", "'abc'", NULL},
    {"INTEGER", "x'00'", NULL},
    {"INTEGER", "9e300", NULL},
    {"SMALLINT", "70000", "70000"},
    {"BIGINT UNSIGNED", "7", "7"},
    {"REAL", "1.5", "1.5"},
    {"REAL", "3", "3"},
    {"REAL", "9e999", NULL}, /* see below: infinities */
    {"REAL", "'x'", NULL},
    {"DOUBLE PRECISION", "0.1", "0.1"},
    {"NUMERIC", "9007199254740993", NULL}, /* no double is this integer */
    {"NUMERIC", "9007199254740992", "9007199254740992"},
    {"DECIMAL(15,2)", "0.1", "0.10"},
    {"DECIMAL(15,2)", "12.34", "12.34"},
    {"DECIMAL(15,2)", "-12.34", "-12.34"},
    {"DECIMAL(15,2)", "1.005", NULL},
    {"DECIMAL(15,2)", "0.1+0.2", NULL}, /* 0.30000000000000004 */
    {"DECIMAL(15,2)", "1234567890123.45", "1234567890123.45"},
    {"DECIMAL(15,2)", "12345678901234.5", NULL},
    {"DECIMAL(15,2)", "7", "7.00"},
    {"DECIMAL(4,2)", "100", NULL},
    {"DECIMAL(4,2)", "-99.99", "-99.99"},
    {"DECIMAL(18)", "999999999999999999", "999999999999999999"},
    {"DECIMAL(18)", "-999999999999999999", "-999999999999999999"},
    {"DECIMAL(18)", "1000000000000000000", NULL},
    {"DECIMAL(18)", "-1000000000000000000", NULL},
    {"DECIMAL(18)", "9223372036854775807", NULL},
    {"DECIMAL(18)", "-9223372036854775807 - 1", NULL},
    {"DECIMAL(18,2)", "9999999999999999", "9999999999999999.00"},
    {"DECIMAL(18,2)", "10000000000000000", NULL},
    {"DECIMAL(18,18)", "0", "0.000000000000000000"},
    {"DECIMAL(18,18)", "1", NULL},
    {"DECIMAL(18,18)", "-0.5", "-0.500000000000000000"},
    {"DECIMAL(19)", "9223372036854775807", "9223372036854775807"},
    {"DECIMAL(19)", "-9223372036854775807 - 1", "-9223372036854775808"},
    {"DECIMAL(19,2)", "-12.34", "-12.34"},
    {"DECIMAL(19,18)", "9", "9.000000000000000000"},
    {"DECIMAL(19,18)", "10", NULL},
    {"DECIMAL(38,10)", "9223372036854775807", "9223372036854775807.0000000000"},
    {"DECIMAL(20,0)", "1e18", "1000000000000000000"},
    {"DECIMAL(5)", "12345", "12345"},
    {"DECIMAL(15,2)", "9e999", NULL},
    {"TEXT", "'a b'", "a b"},
    {"TEXT", "5", "5"},
    {"TEXT", "''", ""},
    {"TEXT", "x'41'", NULL},
    {"VARCHAR(3)", "'longer'", "longer"},
    {"TEXT", "cast(x'c3a9' as text)", "\xc3\xa9"},
    {"TEXT", "cast(x'41ff' as text)", NULL},
    {"TEXT", "cast(x'4142434445464748c3' as text)", NULL},
    {"", "5", "5"},
    {"", "2.0", "2.0"},
    {"GEOMETRY", "x'00'", NULL},
    {"BLOB", "x'00ff'", "0x00ff"},
    {"BLOB", "'A'", "0x41"},
    {"BLOB", "1", NULL},
    {"BOOLEAN", "1", "true"},
    {"BOOLEAN", "0", "false"},
    {"BOOLEAN", "'TRUE'", "true"},
    {"BOOLEAN", "'false'", "false"},
    {"BOOLEAN", "2", NULL},
    {"BOOLEAN", "'yes'", NULL},
    {"DATE", "'2013-11-30'", "2013-11-30"},
    {"DATE", "'2013-02-29'", NULL},
    {"DATE", "'2013-1-1'", NULL},
    {"DATE", "'2013-11-30 00:00:00'", NULL},
    {"DATE", "20131130", NULL},
    {"TIMESTAMP", "'2013-11-30 08:15:00'", "2013-11-30T08:15:00"},
    {"DATETIME", "'2013-11-30T08:15:00.25'", "2013-11-30T08:15:00.25"},
    {"TIMESTAMP", "'2013-11-30'", NULL},
    {"TIMESTAMP", "1385799300", NULL},
    {"TIMESTAMP", "'2013-11-30T08:15:00Z'", NULL},
    {"TIMESTAMPTZ", "'2013-11-30T08:15:00+01:00'", "2013-11-30T07:15:00Z"},
    {"TIMESTAMP WITH TIME ZONE", "'2013-11-30T08:15:00'", NULL},
    {"TIME", "'08:15:00'", "08:15:00"},
    {"TIME", "'25:00'", NULL},
    {"UUID", "'123e4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000"},
    {"UUID", "x'123e4567e89b12d3a456426614174000'", "123e4567-e89b-12d3-a456-426614174000"},
    {"UUID", "'123e4567'", NULL},
    {"JSON", "'{\"a\":1}'", "{\"a\":1}"},
};

/* Fraction digits of timestamps and such may be written longer; compare from the left. */
static bool same_value(const char *got, const char *expected)
{
    size_t n = strlen(expected);
    return strncmp(got, expected, n) == 0 && strspn(got + n, ".0:") == strlen(got + n);
}

static void a_value_fits_its_declared_type_exactly_or_stops_the_run(void **state)
{
    for (size_t i = 0; i < sizeof(value_cases) / sizeof(value_cases[0]); i++) {
        const struct value_case *c = &value_cases[i];
        if (strcmp(c->sql, "9e999") == 0 && strcmp(c->declared, "REAL") == 0)
            continue;
        char sql[512];
        snprintf(sql, sizeof(sql), "CREATE TABLE t(x %s); INSERT INTO t VALUES (NULL), (%s);",
                 c->declared, c->sql);
        struct world w = make(sql);
        struct read_request request = {.stream = "t"};
        status_code s = load(&w, &request);
        if (!c->expected) {
            if (s != STATUS_BAD_DATA)
                fail_msg("%s %s: %s, %s", c->declared, c->sql, status_text(s), shown(&w.batch));
            CHECK_SAYS("value of kind ");
            CHECK_SAYS("in column \"x\", rowid 2");
            CHECK_SAYS("in table main.t, split 1 of 1");
        } else {
            if (s != STATUS_OK)
                fail_msg("%s %s: %s", c->declared, c->sql, err.text);
            const char *got = shown(&w.batch);
            if (strncmp(got, "NULL;", 5) != 0 || !same_value(got + 5, c->expected))
                fail_msg("%s %s: %s", c->declared, c->sql, got);
        }
        end(&w);
    }
}

static void infinities_are_floats(void **state)
{
    struct world w = make("CREATE TABLE t(x REAL); INSERT INTO t VALUES (9e999), (-9e999)");
    struct read_request request = {.stream = "t"};
    CHECK_OK(load(&w, &request));
    const double *x = (const double *)(const void *)w.batch.columns[0].values.data;
    assert_true(isinf(x[0]) && x[0] > 0 && isinf(x[1]) && x[1] < 0);
    end(&w);
}

/* The way without text agrees with the way over text for every double near a decimal. */
static void reals_become_the_decimal_of_their_shortest_text(void **state)
{
    struct world w = make("CREATE TABLE t(x DECIMAL(15,2), y TEXT)");
    run(w.db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000)"
              " INSERT INTO t SELECT v/100.0, printf('%d.%02d', v/100, v%100) FROM"
              " (SELECT (i * 7919 * 104729) % 1000000000000000 AS v FROM n)");
    struct read_request request = {.stream = "t", .split_rows = 1000000};
    CHECK_OK(load(&w, &request));
    assert_int_equal(w.batch.rows, 20000);
    struct arena arena = {0};
    for (size_t i = 0; i < w.batch.rows; i++) {
        struct scalar x, y;
        scalar_from_column(&x, &w.batch.columns[0], i);
        scalar_from_column(&y, &w.batch.columns[1], i);
        const char *text = scalar_text(&x, &arena);
        if (strlen(text) != y.size || memcmp(text, y.bytes, y.size) != 0)
            fail_msg("%s is not %.*s", text, (int)y.size, y.bytes);
    }
    arena_release(&arena);
    end(&w);
}

static void the_job_may_name_another_type(void **state)
{
    struct world w = make("CREATE TABLE t(a TEXT, b); INSERT INTO t VALUES ('12', '2013-11-30')");
    struct column_request columns[] = {
        {.name = "a", .has_type = true, .type = {.id = TYPE_INT16}},
        {.name = "b", .has_type = true, .type = {.id = TYPE_DATE}},
    };
    struct read_request request = {.stream = "t", .columns = columns, .n_columns = 2};
    check_load(&w, &request, "12,2013-11-30");
    end(&w);
}

/* ---- policies ---- */

static const char *const mixed = "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
                                 "INSERT INTO t VALUES (1, 10), (2, 'abc'), (3, x'ff00'), (4, 40)";

static void policy_null_makes_nulls_and_counts_them(void **state)
{
    struct world w = make(mixed);
    struct column_request columns[] = {{.name = "n", .on_error = POLICY_NULL}};
    struct read_request request = {.stream = "t", .columns = columns, .n_columns = 1};
    CHECK_OK(plan(&w, &request));
    assert_true(w.plan.schema.fields[1].nullable);
    struct reader *reader;
    CHECK_OK(batch_init(&w.batch, &w.plan.schema, &err));
    CHECK_OK(
        driver()->reader_open(w.source, &w.plan, &request, &w.plan.splits[0], NULL, &reader, &err));
    CHECK_STATUS(driver()->reader_next(reader, &w.batch, 100, SIZE_MAX, &err), STATUS_END);
    assert_int_equal(driver()->reader_counts(reader)->policy[1], 2);
    assert_int_equal(driver()->reader_counts(reader)->rows, 4);
    assert_string_equal(shown(&w.batch), "1,10;2,NULL;3,NULL;4,40");
    driver()->reader_close(reader);
    end(&w);
}

static void policy_text_makes_the_whole_column_text(void **state)
{
    struct world w = make(mixed);
    struct column_request columns[] = {{.name = "n", .on_error = POLICY_TEXT}};
    struct read_request request = {.stream = "t", .columns = columns, .n_columns = 1};
    CHECK_OK(plan(&w, &request));
    assert_int_equal(w.plan.schema.fields[1].type.id, TYPE_UTF8);
    struct reader *reader;
    CHECK_OK(batch_init(&w.batch, &w.plan.schema, &err));
    CHECK_OK(
        driver()->reader_open(w.source, &w.plan, &request, &w.plan.splits[0], NULL, &reader, &err));
    CHECK_STATUS(driver()->reader_next(reader, &w.batch, 100, SIZE_MAX, &err), STATUS_END);
    assert_int_equal(driver()->reader_counts(reader)->policy[1], 2);
    assert_string_equal(shown(&w.batch), "1,10;2,abc;3,0xff00;4,40");
    driver()->reader_close(reader);
    end(&w);
}

static void policy_reject_leaves_the_row_out_and_says_why(void **state)
{
    struct world w = make(mixed);
    struct column_request columns[] = {{.name = "n", .on_error = POLICY_REJECT}};
    struct read_request request = {.stream = "t", .columns = columns, .n_columns = 1};
    check_load(&w, &request, "1,10;4,40");
    assert_int_equal(w.rejected, 2);
    assert_string_equal(w.reject_text,
                        "{\"relation\":\"table main.t\",\"row\":\"rowid 3\",\"column\":\"n\","
                        "\"why\":\"value of kind BLOB of 2 bytes does not fit int64\","
                        "\"values\":{\"id\":\"3\",\"n\":\"0xff00\"}}");
    end(&w);
}

/* ---- what can be read ---- */

static void nasty_names_are_only_names(void **state)
{
    struct world w = make("CREATE TABLE \"a\"\"b; DROP TABLE x--\"(\"select\" INT, \"c\"\"d\" TEXT,"
                          " \"rowid\" TEXT); INSERT INTO \"a\"\"b; DROP TABLE x--\" VALUES"
                          " (1, 'x', 'own')");
    struct read_request request = {.stream = "a\"b; DROP TABLE x--"};
    check_load(&w, &request, "1,x,own");
    end(&w);
}

static void select_picks_and_leaves_out(void **state)
{
    struct world w = make("CREATE TABLE t(a INT, b INT, c INT); INSERT INTO t VALUES (1,2,3)");
    const char *const some[] = {"c", "a", NULL};
    const char *const without[] = {"-b", NULL};
    const char *const wrong[] = {"bb", NULL};
    struct read_request request = {.stream = "main.t", .select = some};
    check_load(&w, &request, "3,1");
    request.select = without;
    check_load(&w, &request, "1,3");
    request.select = wrong;
    CHECK_STATUS(plan(&w, &request), STATUS_BAD_CONFIG);
    CHECK_SAYS("did you mean \"b\"");
    end(&w);
}

static void where_is_one_condition(void **state)
{
    struct world w = make("CREATE TABLE t(a INT); INSERT INTO t VALUES (1),(2),(3)");
    struct read_request request = {.stream = "t", .where = "a > 1 -- only these"};
    check_load(&w, &request, "2;3");
    const char *const wrong[] = {"1) UNION SELECT 2 --", "1; DROP TABLE t", "1) OR (1",
                                 "nothing = 1",          "a = \"text\"",    ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        request.where = wrong[i];
        CHECK_STATUS(plan(&w, &request), STATUS_BAD_CONFIG);
    }
    end(&w);
}

static void queries_read_and_nothing_else(void **state)
{
    struct world w = make("CREATE TABLE t(a INT, d DATE);"
                          "INSERT INTO t VALUES (1,'2013-01-01'),(2,'2013-01-02')");
    struct read_request request = {.query = "SELECT a, d, a * 2 AS twice FROM t; -- end"};
    check_load(&w, &request, "1,2013-01-01,2;2,2013-01-02,4");
    const char *const wrong[] = {"DELETE FROM t",    "SELECT 1; SELECT 2",  "ATTACH 'x' AS y",
                                 "SELECT no FROM t", "PRAGMA user_version", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        request.query = wrong[i];
        CHECK_STATUS(plan(&w, &request), STATUS_BAD_CONFIG);
    }
    end(&w);
}

static void views_strict_generated_and_without_rowid_are_read(void **state)
{
    struct world w = make("CREATE TABLE s(a INT, b ANY) STRICT; INSERT INTO s VALUES (1, 'x');"
                          "CREATE TABLE g(a INT, b INT AS (a * 2), c TEXT AS (a || '!') STORED);"
                          "INSERT INTO g VALUES (4);"
                          "CREATE TABLE k(a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;"
                          "INSERT INTO k VALUES ('x', 1), ('y', 2);"
                          "CREATE VIEW v AS SELECT a, b + 1 AS next FROM k;");
    struct read_request request = {.stream = "s"};
    check_load(&w, &request, "1,x");
    request.stream = "g";
    check_load(&w, &request, "4,8,4!");
    request.stream = "k";
    check_load(&w, &request, "x,1;y,2");
    request.stream = "v";
    check_load(&w, &request, "x,2;y,3");
    end(&w);
}

static void a_row_without_rowid_is_named_by_its_key(void **state)
{
    struct world w = make("CREATE TABLE k(a TEXT, b INT, n INT, PRIMARY KEY (a, b)) WITHOUT ROWID;"
                          "INSERT INTO k VALUES ('x', 1, 'bad')");
    struct read_request request = {.stream = "k"};
    CHECK_STATUS(load(&w, &request), STATUS_BAD_DATA);
    CHECK_SAYS("in column \"n\", key TEXT 'x', INTEGER 1");
    end(&w);
}

static void wrong_names_get_the_nearest(void **state)
{
    struct world w = make("CREATE TABLE orders(a INT)");
    struct read_request request = {.stream = "order"};
    CHECK_STATUS(plan(&w, &request), STATUS_BAD_CONFIG);
    CHECK_SAYS("did you mean \"orders\"");
    request = (struct read_request){.stream = "orders", .update_key = "b"};
    CHECK_STATUS(plan(&w, &request), STATUS_BAD_CONFIG);
    CHECK_SAYS("update_key: no column \"b\"");
    end(&w);
}

/* ---- splits ---- */

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Every row once: the ids read are the ids stored. */
static void check_cover(struct world *w, const struct read_request *request, const char *ids)
{
    CHECK_OK(load(w, request));
    size_t n = w->batch.rows;
    int64_t *got = calloc(n + 1, sizeof(*got));
    memcpy(got, w->batch.columns[0].values.data, n * sizeof(*got));
    qsort(got, n, sizeof(*got), compare_int64);
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(w->db, ids, -1, &statement, NULL), SQLITE_OK);
    size_t i = 0;
    for (; sqlite3_step(statement) == SQLITE_ROW; i++) {
        if (i >= n || got[i] != sqlite3_column_int64(statement, 0))
            fail_msg("row %zu of %zu is missing or twice, %zu splits", i, n, w->plan.n_splits);
    }
    assert_int_equal(i, n);
    sqlite3_finalize(statement);
    free(got);
    driver()->plan_end(w->source);
}

static uint64_t seed = 1;
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Rowids as the k-th kind of application makes them. */
static int64_t random_id(unsigned kind, int64_t i)
{
    switch (kind) {
    case 0:
        return i;
    case 1:
        return (int64_t)next_random(); /* anything, negative too */
    case 2:
        return i < 500 ? i : INT64_C(1) << 60 | i; /* one huge gap */
    case 3:
        return i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : i - 1000; /* both ends */
    default:
        return (int64_t)(next_random() % 5000) * (next_random() % 50 == 0 ? 1000003 : 1);
    }
}

static void splits_cover_every_row_once(void **state)
{
    for (unsigned trial = 0; trial < 24; trial++) {
        struct world w = make(trial & 1 ? "PRAGMA journal_mode=WAL;" : "");
        run(w.db, trial % 3 == 2 ? "CREATE TABLE t(id INTEGER PRIMARY KEY, x) WITHOUT ROWID"
                                 : "CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
        sqlite3_stmt *statement;
        run(w.db, "BEGIN");
        sqlite3_prepare_v2(w.db, "INSERT OR IGNORE INTO t VALUES (?, printf('%0100d', ?))", -1,
                           &statement, NULL);
        int64_t rows = trial < 5 ? trial : (int64_t)(next_random() % 4000);
        for (int64_t i = 0; i < rows; i++) {
            sqlite3_bind_int64(statement, 1, random_id(trial % 5, i));
            sqlite3_bind_int64(statement, 2, i);
            sqlite3_step(statement);
            sqlite3_reset(statement);
        }
        sqlite3_finalize(statement);
        run(w.db, "COMMIT");
        if (trial % 4 == 3)
            run(w.db, "DELETE FROM t WHERE id % 7 < 5");
        struct read_request request = {
            .stream = "t", .split_rows = 1 + next_random() % 700, .max_readers = 2};
        check_cover(&w, &request, "SELECT id FROM t ORDER BY id");
        end(&w);
    }
}

static void splits_follow_the_real_sizes(void **state)
{
    struct world w = make("CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT);"
                          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE"
                          " i < 100000) INSERT INTO t SELECT CASE WHEN i < 50000 THEN i ELSE"
                          " 1000000000 + i * 1000 END, 'some text' FROM n");
    struct read_request request = {.stream = "t", .split_rows = 10000};
    CHECK_OK(plan(&w, &request));
    assert_in_range(w.plan.n_splits, 9, 12);
    assert_true(w.plan.rows_exact);
    assert_int_equal(w.plan.rows, 100000);
    for (size_t i = 0; i < w.plan.n_splits; i++) {
        struct batch batch;
        CHECK_OK(batch_init(&batch, &w.plan.schema, &err));
        CHECK_STATUS(read_split(&w, &request, i, &batch), STATUS_END);
        assert_in_range(batch.rows, 5000, 16000);
        batch_release(&batch);
    }
    end(&w);
}

static void rows_only_in_the_wal_are_split_too(void **state)
{
    struct world w = make("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                          "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT);"
                          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE"
                          " i < 50000) INSERT INTO t SELECT i, 'some text' FROM n");
    struct read_request request = {.stream = "t", .split_rows = 10000};
    CHECK_OK(plan(&w, &request));
    assert_in_range(w.plan.n_splits, 4, 7);
    driver()->plan_end(w.source);
    check_cover(&w, &request, "SELECT id FROM t ORDER BY id");
    end(&w);
}

/* ---- the watermark ---- */

static struct scalar number(int64_t value)
{
    return (struct scalar){.type = {.id = TYPE_INT64}, .i64 = value};
}

static struct scalar timestamp(const char *text)
{
    struct scalar out = {.type = {.id = TYPE_TIMESTAMP}};
    bool zoned;
    assert_true(parse_timestamp(text, strlen(text), &out.i64, &zoned));
    out.type.utc = zoned;
    return out;
}

static void the_bound_is_the_largest_key_and_equal_rows_come_again(void **state)
{
    struct world w = make("CREATE TABLE t(id INTEGER PRIMARY KEY, x INT);"
                          "INSERT INTO t VALUES (1,1),(2,2),(7,3)");
    struct read_request request = {.stream = "t", .update_key = "id"};
    check_load(&w, &request, "1,1;2,2;7,3");
    assert_int_equal(w.plan.bound.i64, 7);
    assert_false(w.plan.bound_is_fence);
    struct scalar lower = number(7);
    request.lower = &lower;
    check_load(&w, &request, "7,3");
    lower = number(9);
    check_load(&w, &request, "");
    assert_true(w.plan.bound.is_null);
    end(&w);
}

static void an_indexed_key_finds_new_rows_by_the_index(void **state)
{
    struct world w = make("CREATE TABLE t(id INTEGER PRIMARY KEY, u TIMESTAMP);"
                          "CREATE INDEX i ON t(u);"
                          "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE"
                          " i < 19999) INSERT INTO t SELECT i, strftime('%Y-%m-%d %H:%M:%S',"
                          " 1385000000 + i / 3, 'unixepoch') FROM n");
    struct read_request request = {.stream = "t", .update_key = "u", .split_rows = 1000};
    CHECK_OK(plan(&w, &request));
    assert_non_null(strstr(w.plan.statement, "NOT INDEXED"));
    struct scalar bound = w.plan.bound;
    driver()->plan_end(w.source);
    struct scalar lower = bound;
    lower.i64 -= 1000 * INT64_C(1000000);
    request.lower = &lower;
    check_cover(&w, &request,
                "SELECT id FROM t WHERE u >= (SELECT strftime('%Y-%m-%d %H:%M:%S', max(u),"
                " '-1000 seconds') FROM t) ORDER BY id");
    assert_non_null(strstr(w.plan.statement, "INDEXED BY \"i\""));
    assert_true(w.plan.n_splits >= 3);
    assert_true(w.plan.rows_exact);
    assert_int_equal(w.plan.bound.i64, bound.i64);
    end(&w);
}

static void null_keys_are_an_error_with_their_count(void **state)
{
    for (int indexed = 0; indexed < 2; indexed++) {
        struct world w = make("CREATE TABLE t(u INT); INSERT INTO t VALUES (1),(NULL),(NULL),(3)");
        if (indexed)
            run(w.db, "CREATE INDEX i ON t(u)");
        struct read_request request = {.stream = "t", .update_key = "u"};
        CHECK_STATUS(plan(&w, &request), STATUS_BAD_DATA);
        CHECK_SAYS("NULL in 2 rows");
        request.nulls_ok = true;
        check_load(&w, &request, "1;NULL;NULL;3");
        assert_int_equal(w.plan.bound.i64, 3);
        request.nulls_ok = false;
        request.where = "u IS NOT NULL";
        check_load(&w, &request, "1;3");
        end(&w);
    }
}

static void a_value_of_another_type_never_becomes_the_bound(void **state)
{
    struct {
        const char *type, *values, *says;
    } cases[] = {
        {"INT", "(1), ('zzz'), (3)", "TEXT 'zzz'"},
        {"INT", "(1), (x'00')", "BLOB"},
        {"DATE", "('2013-01-01'), ('never')", "TEXT 'never'"},
        {"DATE", "('2013-01-01'), (5)", "INTEGER 5"},
        {"TIMESTAMP", "('2013-01-01 08:00'), ('9999-99-99 00:00')", "TEXT '9999-99-99 00:00'"},
        {"TIMESTAMP", "('2013-11-30 08:00'), ('2013-11-30T07:00')", "more than one form"},
        {"TIMESTAMP", "('2013-11-30 08:00'), ('2013-11-30T07:00'), ('2014-01-01 00:00')",
         "more than one form"},
        {"TIMESTAMPTZ", "('2013-11-30T08:00Z'), ('2013-11-30T08:30+01:00')", "more than one form"},
        {"TIMESTAMPTZ", "('2013-11-30T08:00:00Z'), ('2013-11-30T08:00:00.5Z')",
         "more than one form"},
        {"TEXT", "('a')", "expected an integer, a date or a timestamp"},
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[512];
        snprintf(sql, sizeof(sql), "CREATE TABLE t(u %s); INSERT INTO t VALUES %s; %s",
                 cases[i / 2].type, cases[i / 2].values, i & 1 ? "CREATE INDEX i ON t(u)" : "");
        struct world w = make(sql);
        struct read_request request = {.stream = "t", .update_key = "u"};
        status_code s = plan(&w, &request);
        if (s != STATUS_BAD_DATA && s != STATUS_BAD_CONFIG)
            fail_msg("%s %s: %s", cases[i / 2].type, cases[i / 2].values, status_text(s));
        CHECK_SAYS(cases[i / 2].says);
        end(&w);
    }
}

static void the_key_of_a_table_without_rowid_is_its_own_index(void **state)
{
    struct world w = make("CREATE TABLE t(id INT PRIMARY KEY, x INT) WITHOUT ROWID;"
                          "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
    struct scalar lower = number(2);
    struct read_request request = {.stream = "t", .update_key = "id", .lower = &lower};
    check_load(&w, &request, "2,2;3,3");
    assert_int_equal(w.plan.bound.i64, 3);
    assert_non_null(strstr(w.plan.statement, "INDEXED BY"));
    end(&w);
}

/* '.5' < '.50' as text, the same as time: rows equal to the bound come again whatever their digits. */
static void equal_timestamps_of_other_length_are_read_again(void **state)
{
    struct world w =
        make("CREATE TABLE t(id INT, u TIMESTAMP); INSERT INTO t VALUES"
             "(1,'2013-11-30 08:00:00.5'),(2,'2013-11-30 08:00:00.50'),"
             "(3,'2013-11-30 08:00:00'),(4,'2013-11-30 08:00'),(5,'2013-11-30 07:59')");
    struct scalar lower = timestamp("2013-11-30 08:00:00.5");
    const char *const id[] = {"id", "u", NULL};
    struct read_request request = {.stream = "t", .update_key = "u", .lower = &lower, .select = id};
    CHECK_OK(load(&w, &request));
    assert_int_equal(w.batch.rows, 2);
    driver()->plan_end(w.source);
    lower = timestamp("2013-11-30 08:00");
    CHECK_OK(load(&w, &request));
    assert_int_equal(w.batch.rows, 4);
    end(&w);
}

static void zoned_bounds_are_written_as_the_values_are(void **state)
{
    struct world w = make("CREATE TABLE t(id INT, u TIMESTAMPTZ); INSERT INTO t VALUES"
                          "(1,'2013-11-30T08:00:00.000+01:00'),(2,'2013-11-30T08:00:00.250+01:00'),"
                          "(3,'2013-11-30T00:30:00.000+01:00')");
    struct scalar lower = timestamp("2013-11-30T07:00:00.25Z");
    struct read_request request = {.stream = "t", .update_key = "u", .lower = &lower};
    CHECK_OK(load(&w, &request));
    assert_int_equal(w.batch.rows, 1);
    driver()->plan_end(w.source);
    lower = timestamp("2013-11-29T23:30:00Z");
    CHECK_OK(load(&w, &request));
    assert_int_equal(w.batch.rows, 3);
    end(&w);
}

static void newest_is_the_largest_key_now(void **state)
{
    struct world w = make("CREATE TABLE t(u INT); INSERT INTO t VALUES (1),(5)");
    struct read_request request = {.stream = "t", .update_key = "u"};
    struct arena arena = {0};
    struct scalar newest;
    CHECK_OK(open_with(&w, NULL));
    CHECK_OK(driver()->newest(w.source, &request, &arena, &newest, &err));
    assert_int_equal(newest.i64, 5);
    arena_release(&arena);
    end(&w);
}

/* ---- one state ---- */

struct bank {
    const char *path;
    unsigned pause_us;
    atomic_bool stop;
    atomic_int commits;
};

/* Moves money from account to account; the sum never changes. */
static void *move_money(void *context)
{
    struct bank *bank = context;
    sqlite3 *db;
    sqlite3_open(bank->path, &db);
    sqlite3_busy_timeout(db, 5000);
    for (unsigned i = 1; !atomic_load(&bank->stop); i++) {
        char sql[256];
        snprintf(sql, sizeof(sql),
                 "BEGIN IMMEDIATE; UPDATE t SET money = money - 7 WHERE id = %u;"
                 "UPDATE t SET money = money + 7 WHERE id = %u; COMMIT",
                 i * 7919 % 20000, 20000 + i * 104729 % 20000);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
            atomic_fetch_add(&bank->commits, 1);
        else
            sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        if (bank->pause_us)
            usleep(bank->pause_us);
    }
    sqlite3_close(db);
    return NULL;
}

struct split_task {
    struct world *w;
    const struct read_request *request;
    atomic_size_t *next;
    int64_t sum;
    size_t rows;
    status_code status;
    struct error err;
};

static void *sum_splits(void *context)
{
    struct split_task *task = context;
    struct world *w = task->w;
    for (size_t i; (i = atomic_fetch_add(task->next, 1)) < w->plan.n_splits;) {
        struct batch batch;
        struct reader *reader = NULL;
        status_code s = batch_init(&batch, &w->plan.schema, &task->err);
        if (s == STATUS_OK)
            s = driver()->reader_open(w->source, &w->plan, task->request, &w->plan.splits[i], NULL,
                                      &reader, &task->err);
        while (s == STATUS_OK)
            s = driver()->reader_next(reader, &batch, 500, SIZE_MAX, &task->err);
        const int64_t *money = (const int64_t *)(const void *)batch.columns[1].values.data;
        for (size_t row = 0; row < batch.rows; row++)
            task->sum += money[row];
        task->rows += batch.rows;
        task->status = s;
        driver()->reader_close(reader);
        batch_release(&batch);
    }
    return NULL;
}

enum { THREADS = 3 };

/* Leave free the first connection and the last ones: those that began furthest apart. */
static size_t occupy(struct world *w, const struct read_request *request, struct reader **out)
{
    size_t n = w->plan.max_readers > THREADS ? w->plan.max_readers - THREADS + 1 : 0;
    for (size_t i = 0; i < n; i++)
        CHECK_OK(driver()->reader_open(w->source, &w->plan, request, &w->plan.splits[0], NULL,
                                       &out[i], &err));
    if (n > 0)
        driver()->reader_close(out[0]);
    return n;
}

static void sum_in_parallel(struct world *w, const char *consistency, uint32_t readers)
{
    struct reader *occupied[256];
    if (!w->source)
        CHECK_OK(open_with(w, consistency));
    struct read_request request = {.stream = "t", .split_rows = 3000, .max_readers = readers};
    CHECK_OK(plan(w, &request));
    assert_true(w->plan.n_splits > THREADS);
    size_t n_occupied = occupy(w, &request, occupied);
    pthread_t threads[THREADS];
    struct split_task tasks[THREADS];
    atomic_size_t next = 0;
    for (int i = 0; i < THREADS; i++) {
        tasks[i] =
            (struct split_task){.w = w, .request = &request, .next = &next, .status = STATUS_END};
        pthread_create(&threads[i], NULL, sum_splits, &tasks[i]);
    }
    int64_t sum = 0;
    size_t rows = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (tasks[i].status != STATUS_END)
            fail_msg("%s", tasks[i].err.text);
        sum += tasks[i].sum;
        rows += tasks[i].rows;
    }
    for (size_t i = 1; i < n_occupied; i++)
        driver()->reader_close(occupied[i]);
    assert_int_equal(rows, 40000);
    assert_int_equal(sum, 40000 * 100);
    driver()->plan_end(w->source);
}

static const char *const accounts =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, money INT);"
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 39999)"
    " INSERT INTO t SELECT i, 100 FROM n";

static void read_while_money_moves(const char *journal, const char *consistency, int times)
{
    struct world w = make(journal);
    run(w.db, accounts);
    bool wal = strstr(journal, "WAL") != NULL;
    struct bank bank = {.path = w.path, .pause_us = wal ? 50 : 3000};
    pthread_t writer;
    pthread_create(&writer, NULL, move_money, &bank);
    while (atomic_load(&bank.commits) == 0)
        usleep(1000);
    for (int i = 0; i < times; i++)
        sum_in_parallel(&w, consistency, wal ? 20 : THREADS);
    atomic_store(&bank.stop, true);
    pthread_join(writer, NULL);
    end(&w);
}

static void parallel_readers_of_a_wal_database_see_one_state(void **state)
{
    read_while_money_moves("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;", NULL, 15);
}

/* So many connections that commits come between them again and again: one of them reads for all threads. */
static void readers_that_never_meet_one_state_share_a_connection(void **state)
{
    struct world w = make("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;");
    run(w.db, accounts);
    struct bank bank = {.path = w.path};
    pthread_t writer;
    pthread_create(&writer, NULL, move_money, &bank);
    while (atomic_load(&bank.commits) == 0)
        usleep(1000);
    for (int i = 0; i < 2; i++)
        sum_in_parallel(&w, NULL, 200);
    atomic_store(&bank.stop, true);
    pthread_join(writer, NULL);
    end(&w);
}

static void parallel_readers_that_hold_see_one_state(void **state)
{
    read_while_money_moves("PRAGMA synchronous=OFF;", "hold", 4);
}

static void parallel_readers_of_a_copy_see_one_state(void **state)
{
    read_while_money_moves("PRAGMA synchronous=OFF;", "copy", 4);
    read_while_money_moves("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;", "copy", 2);
}

static void writers_wait_for_the_copy_and_go_on_then_and_wait_beside_a_hold(void **state)
{
    struct world w = make("CREATE TABLE t(a INT); INSERT INTO t VALUES (1)");
    struct read_request request = {.stream = "t"};
    struct reader *reader = NULL;
    CHECK_OK(open_with(&w, "copy"));
    CHECK_OK(plan(&w, &request));
    assert_non_null(strstr(w.plan.consistency, "copy"));
    assert_int_equal(sqlite3_exec(w.db, "INSERT INTO t VALUES (2)", NULL, NULL, NULL), SQLITE_BUSY);
    CHECK_OK(
        driver()->reader_open(w.source, &w.plan, &request, &w.plan.splits[0], NULL, &reader, &err));
    run(w.db, "INSERT INTO t VALUES (2)");
    CHECK_OK(batch_init(&w.batch, &w.plan.schema, &err));
    CHECK_STATUS(driver()->reader_next(reader, &w.batch, 1000, SIZE_MAX, &err), STATUS_END);
    driver()->reader_close(reader);
    assert_string_equal(shown(&w.batch), "1");
    close_source(&w);
    CHECK_OK(open_with(&w, "hold"));
    CHECK_OK(plan(&w, &request));
    assert_int_equal(sqlite3_exec(w.db, "INSERT INTO t VALUES (3)", NULL, NULL, NULL), SQLITE_BUSY);
    driver()->plan_end(w.source);
    run(w.db, "INSERT INTO t VALUES (3)");
    end(&w);
}

static void a_plan_that_nobody_reads_makes_no_copy(void **state)
{
    struct world w = make("CREATE TABLE t(a INT); INSERT INTO t VALUES (1)");
    struct read_request request = {.stream = "t"};
    char nowhere[128];
    snprintf(nowhere, sizeof(nowhere), "%s/nowhere", directory);
    setenv("TMPDIR", nowhere, 1);
    CHECK_OK(open_with(&w, "copy"));
    CHECK_OK(plan(&w, &request));
    CHECK_OK(batch_init(&w.batch, &w.plan.schema, &err));
    CHECK_STATUS(read_split(&w, &request, 0, &w.batch), STATUS_NOT_FOUND);
    unsetenv("TMPDIR");
    CHECK_STATUS(read_split(&w, &request, 0, &w.batch), STATUS_END);
    assert_string_equal(shown(&w.batch), "1");
    driver()->plan_end(w.source);
    run(w.db, "INSERT INTO t VALUES (2)");
    end(&w);
}

static void several_streams_share_the_snapshot(void **state)
{
    struct world w = make("PRAGMA journal_mode=WAL; CREATE TABLE a(x INT); CREATE TABLE b(x INT);"
                          "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)");
    struct read_request a = {.stream = "a"}, b = {.stream = "b"};
    CHECK_OK(plan(&w, &a));
    run(w.db, "INSERT INTO b VALUES (2)");
    CHECK_OK(load(&w, &b));
    assert_string_equal(shown(&w.batch), "1");
    driver()->plan_end(w.source);
    check_load(&w, &b, "1;2");
    end(&w);
}

static void tokens_are_equal_only_while_nothing_changed(void **state)
{
    for (int wal = 0; wal < 2; wal++) {
        struct world w =
            make(wal ? "PRAGMA journal_mode=WAL; CREATE TABLE t(a INT)" : "CREATE TABLE t(a INT)");
        struct read_request request = {.stream = "t"};
        char first[512], second[512];
        CHECK_OK(plan(&w, &request));
        assert_non_null(w.plan.token);
        snprintf(first, sizeof(first), "%s", w.plan.token);
        close_source(&w);
        CHECK_OK(plan(&w, &request));
        assert_string_equal(w.plan.token, first);
        close_source(&w);
        run(w.db, "INSERT INTO t VALUES (1)");
        CHECK_OK(plan(&w, &request));
        snprintf(second, sizeof(second), "%s", w.plan.token);
        assert_string_not_equal(second, first);
        close_source(&w);
        run(w.db, "UPDATE t SET a = 2");
        CHECK_OK(plan(&w, &request));
        assert_string_not_equal(w.plan.token, second);
        assert_string_not_equal(w.plan.token, first);
        end(&w);
    }
}

static void the_database_is_left_as_it_was(void **state)
{
    struct world w =
        make("PRAGMA journal_mode=WAL; CREATE TABLE t(a INT); INSERT INTO t VALUES (1)");
    char wal[160];
    struct stat before, after, wal_before, wal_after;
    snprintf(wal, sizeof(wal), "%s-wal", w.path);
    stat(w.path, &before);
    stat(wal, &wal_before);
    struct read_request request = {.stream = "t", .max_readers = 3};
    check_load(&w, &request, "1");
    close_source(&w);
    stat(w.path, &after);
    assert_int_equal(stat(wal, &wal_after), 0);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    assert_int_equal(wal_before.st_size, wal_after.st_size);
    assert_int_equal(wal_before.st_mtim.tv_nsec, wal_after.st_mtim.tv_nsec);
    end(&w);
}

/* ---- failures ---- */

static void a_missing_file_is_named_in_full(void **state)
{
    struct world w = {0};
    snprintf(w.path, sizeof(w.path), "%s/none.db", directory);
    CHECK_STATUS(open_with(&w, NULL), STATUS_NOT_FOUND);
    CHECK_SAYS(w.path);
    assert_int_not_equal(access(w.path, F_OK), 0); /* and not created */
}

static void what_is_no_database_is_bad_data(void **state)
{
    struct world w = {0};
    snprintf(w.path, sizeof(w.path), "%s/text.db", directory);
    FILE *file = fopen(w.path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    CHECK_STATUS(open_with(&w, NULL), STATUS_BAD_DATA);
}

static void copy_file(const char *from, const char *to)
{
    char command[400];
    snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

/* Bytes of the file changed at random: whatever SQLite makes of it, nothing worse than an error. */
static void a_damaged_file_ends_in_an_error_at_worst(void **state)
{
    struct world w = make("PRAGMA page_size=512; CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT);"
                          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE"
                          " i < 3000) INSERT INTO t SELECT i, 'some text' FROM n");
    struct stat st;
    assert_int_equal(stat(w.path, &st), 0);
    for (unsigned trial = 0; trial < 60; trial++) {
        struct world bad = {0};
        snprintf(bad.path, sizeof(bad.path), "%s/bad%u.db", directory, trial);
        copy_file(w.path, bad.path);
        FILE *file = fopen(bad.path, "r+");
        for (unsigned i = 0; i < 40; i++) {
            fseek(file, 100 + (long)(next_random() % (uint64_t)(st.st_size - 100)), SEEK_SET);
            fputc((int)(next_random() & 0xff), file);
        }
        fclose(file);
        struct read_request request = {.stream = "t", .split_rows = 100};
        if (open_with(&bad, NULL) == STATUS_OK)
            (void)load(&bad, &request);
        close_source(&bad);
    }
    end(&w);
}

static void a_locked_database_is_unavailable(void **state)
{
    struct world w = make("CREATE TABLE t(a INT)");
    CHECK_OK(open_with(&w, NULL));
    run(w.db, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)");
    struct read_request request = {.stream = "t"};
    CHECK_STATUS(plan(&w, &request), STATUS_UNAVAILABLE);
    CHECK_SAYS("busy_timeout");
    end(&w);
}

/* What a writer that died leaves behind: a half-written file and the journal to take it back. */
static void a_journal_to_roll_back_is_left_to_a_writer(void **state)
{
    struct world w = make("PRAGMA cache_size=1; CREATE TABLE t(a BLOB); BEGIN;"
                          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE"
                          " i < 2000) INSERT INTO t SELECT randomblob(900) FROM n");
    struct world dead = {0};
    char from[160], to[160];
    snprintf(dead.path, sizeof(dead.path), "%s/dead.db", directory);
    snprintf(from, sizeof(from), "%s-journal", w.path);
    snprintf(to, sizeof(to), "%s-journal", dead.path);
    copy_file(w.path, dead.path);
    copy_file(from, to);
    CHECK_STATUS(open_with(&dead, NULL), STATUS_UNAVAILABLE);
    CHECK_SAYS("open the file once with a program that may write");
    assert_int_equal(access(to, F_OK), 0); /* not rolled back by us */
    end(&w);
}

static void a_cancelled_reader_stops(void **state)
{
    struct world w = make("CREATE TABLE t(a INT)");
    struct read_request request = {.query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1"
                                            " FROM n) SELECT i FROM n WHERE i < 0"};
    struct cancel cancel = {0};
    struct reader_options options = {.cancel = &cancel};
    struct reader *reader;
    CHECK_OK(plan(&w, &request));
    CHECK_OK(batch_init(&w.batch, &w.plan.schema, &err));
    CHECK_OK(driver()->reader_open(w.source, &w.plan, &request, &w.plan.splits[0], &options,
                                   &reader, &err));
    cancel_request(&cancel, CANCEL_SIGINT);
    CHECK_STATUS(driver()->reader_next(reader, &w.batch, 10, SIZE_MAX, &err), STATUS_CANCELLED);
    driver()->reader_close(reader);
    end(&w);
}

static void a_batch_ends_at_its_rows_or_bytes(void **state)
{
    struct world w = make("CREATE TABLE t(a TEXT);"
                          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE"
                          " i < 100) INSERT INTO t SELECT printf('%0100d', i) FROM n");
    struct read_request request = {.stream = "t"};
    struct reader *reader;
    CHECK_OK(plan(&w, &request));
    CHECK_OK(batch_init(&w.batch, &w.plan.schema, &err));
    CHECK_OK(
        driver()->reader_open(w.source, &w.plan, &request, &w.plan.splits[0], NULL, &reader, &err));
    CHECK_OK(driver()->reader_next(reader, &w.batch, 7, SIZE_MAX, &err));
    assert_int_equal(w.batch.rows, 7);
    CHECK_OK(driver()->reader_next(reader, &w.batch, 1000, 1500, &err));
    assert_in_range(w.batch.rows, 13, 15);
    driver()->reader_close(reader);
    end(&w);
}

/* ---- finding and looking ---- */

static void urls_and_paths_find_their_driver(void **state)
{
    struct {
        const char *url, *location;
    } cases[] = {
        {"sqlite:///data/x.db", "/data/x.db"}, {"sqlite:x", "x"},  {"./shop.db", "./shop.db"},
        {"/a/b.sqlite3", "/a/b.sqlite3"},      {"x.db3", "x.db3"}, {"sqlite:a/b.db", "a/b.db"},
    };
    struct arena arena = {0};
    const struct source_driver *found;
    const char *location;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_OK(source_find(cases[i].url, &arena, &found, &location, &err));
        assert_ptr_equal(found, driver());
        assert_string_equal(location, cases[i].location);
    }
    CHECK_STATUS(source_find("oracle://x", &arena, &found, &location, &err), STATUS_BAD_CONFIG);
    CHECK_SAYS("sqlite:");
    CHECK_STATUS(source_find("x.xls", &arena, &found, &location, &err), STATUS_BAD_CONFIG);
    arena_release(&arena);
}

static void discover_lists_streams_with_types_and_keys(void **state)
{
    struct world w = make("CREATE TABLE t(id INTEGER PRIMARY KEY, u TIMESTAMP, g GEOMETRY);"
                          "CREATE INDEX i ON t(u); CREATE VIEW v AS SELECT id FROM t;"
                          "CREATE VIEW broken AS SELECT * FROM gone; INSERT INTO t(id) VALUES (1)");
    struct source_catalog catalog;
    CHECK_OK(open_with(&w, NULL));
    CHECK_OK(driver()->discover(w.source, &catalog, &err));
    assert_int_equal(catalog.n_streams, 3);
    assert_string_equal(catalog.streams[0].name, "broken");
    assert_non_null(strstr(catalog.streams[0].note, "can't be read"));
    const struct source_stream *t = &catalog.streams[1];
    assert_string_equal(t->kind, "table");
    assert_int_equal(t->rows, 1);
    assert_true(t->columns[0].usable_key && t->columns[0].indexed && !t->columns[0].nullable);
    assert_true(t->columns[1].usable_key && t->columns[1].indexed);
    assert_non_null(strstr(t->note, "GEOMETRY"));
    source_catalog_release(&catalog);
    end(&w);
}

struct seen {
    unsigned ok, warn, fail;
};

static void count_finding(void *context, enum finding_level level, const char *subject,
                          const char *found, const char *remedy)
{
    struct seen *seen = context;
    assert_true((remedy == NULL) == (level == FINDING_OK));
    if (level == FINDING_OK)
        seen->ok++;
    else if (level == FINDING_WARN)
        seen->warn++;
    else
        seen->fail++;
}

static void check_finds_what_has_to_be_mended(void **state)
{
    struct world w = make("CREATE TABLE t(id INT, x GEOMETRY); INSERT INTO t VALUES (NULL, 1)");
    struct read_request request = {.stream = "t", .update_key = "id"};
    struct seen seen = {0};
    CHECK_OK(open_with(&w, NULL));
    CHECK_OK(driver()->check(w.source, &request, count_finding, &seen, &err));
    assert_int_equal(seen.fail, 1);
    assert_int_equal(seen.warn, 2); /* the journal, the type */
    end(&w);
}

static int make_directory(void **state)
{
    snprintf(directory, sizeof(directory), "/tmp/leat-sqlite-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_fits_its_declared_type_exactly_or_stops_the_run),
        cmocka_unit_test(infinities_are_floats),
        cmocka_unit_test(reals_become_the_decimal_of_their_shortest_text),
        cmocka_unit_test(the_job_may_name_another_type),
        cmocka_unit_test(policy_null_makes_nulls_and_counts_them),
        cmocka_unit_test(policy_text_makes_the_whole_column_text),
        cmocka_unit_test(policy_reject_leaves_the_row_out_and_says_why),
        cmocka_unit_test(nasty_names_are_only_names),
        cmocka_unit_test(select_picks_and_leaves_out),
        cmocka_unit_test(where_is_one_condition),
        cmocka_unit_test(queries_read_and_nothing_else),
        cmocka_unit_test(views_strict_generated_and_without_rowid_are_read),
        cmocka_unit_test(a_row_without_rowid_is_named_by_its_key),
        cmocka_unit_test(wrong_names_get_the_nearest),
        cmocka_unit_test(splits_cover_every_row_once),
        cmocka_unit_test(splits_follow_the_real_sizes),
        cmocka_unit_test(rows_only_in_the_wal_are_split_too),
        cmocka_unit_test(the_bound_is_the_largest_key_and_equal_rows_come_again),
        cmocka_unit_test(an_indexed_key_finds_new_rows_by_the_index),
        cmocka_unit_test(null_keys_are_an_error_with_their_count),
        cmocka_unit_test(a_value_of_another_type_never_becomes_the_bound),
        cmocka_unit_test(the_key_of_a_table_without_rowid_is_its_own_index),
        cmocka_unit_test(equal_timestamps_of_other_length_are_read_again),
        cmocka_unit_test(zoned_bounds_are_written_as_the_values_are),
        cmocka_unit_test(newest_is_the_largest_key_now),
        cmocka_unit_test(parallel_readers_of_a_wal_database_see_one_state),
        cmocka_unit_test(readers_that_never_meet_one_state_share_a_connection),
        cmocka_unit_test(parallel_readers_that_hold_see_one_state),
        cmocka_unit_test(parallel_readers_of_a_copy_see_one_state),
        cmocka_unit_test(writers_wait_for_the_copy_and_go_on_then_and_wait_beside_a_hold),
        cmocka_unit_test(a_plan_that_nobody_reads_makes_no_copy),
        cmocka_unit_test(several_streams_share_the_snapshot),
        cmocka_unit_test(tokens_are_equal_only_while_nothing_changed),
        cmocka_unit_test(the_database_is_left_as_it_was),
        cmocka_unit_test(a_missing_file_is_named_in_full),
        cmocka_unit_test(what_is_no_database_is_bad_data),
        cmocka_unit_test(a_damaged_file_ends_in_an_error_at_worst),
        cmocka_unit_test(a_locked_database_is_unavailable),
        cmocka_unit_test(a_journal_to_roll_back_is_left_to_a_writer),
        cmocka_unit_test(a_cancelled_reader_stops),
        cmocka_unit_test(a_batch_ends_at_its_rows_or_bytes),
        cmocka_unit_test(urls_and_paths_find_their_driver),
        cmocka_unit_test(discover_lists_streams_with_types_and_keys),
        cmocka_unit_test(check_finds_what_has_to_be_mended),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
