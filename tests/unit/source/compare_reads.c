/* Reads a table of a SQLite database twice, from its pages and through SQL, and compares row by row: digests of the
 * rows, rejected rows, values that a policy changed, bytes, and the words of errors.
 *
 *   compare_reads DB TABLE [--policy null|text|reject] [--split-rows N] [--max-value BYTES] [--batch ROWS]
 *                 [--columns NAME,...] [--consistency hold|copy] [--hostile] [--time pages|sql]
 *
 * Prints "same: N rows", "same error: ...", and exits 0; says what differs and exits 1. --hostile: the pages may also
 * end in an error where SQL does not. --time reads one way only, over one connection, and prints CPU seconds.
 * tests/e2e/test_sqlite_pages.py makes the databases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "source/source.h"

struct asked {
    const char *path, *table, *time, *consistency;
    enum value_policy policy;
    bool hostile;
    uint64_t split_rows;
    size_t max_value, batch_rows;
    const char *columns[256];
    bool some_columns;
};

/* What one way of reading gave. */
struct side {
    const char *way;
    struct source *source;
    struct read_plan plan;
    struct column_request *requests;
    struct digest *rows;
    size_t n, capacity;
    uint64_t seen, rejected, bytes, policy;
    struct buffer rejects;
    status_code status;
    struct error err;
};

static const struct source_driver *driver(void)
{
    return source_drivers[0];
}

static _Noreturn void die(const char *what, const struct error *err)
{
    fprintf(stderr, "compare_reads: %s: %s\n", what, err ? err->text : "");
    exit(2);
}

static struct source *open_source(const struct asked *asked, const char *way)
{
    static struct option_value values[2][16];
    struct option_values all = {driver()->options, values[way[0] == 'p'],
                                option_count(driver()->options)};
    struct error err = {0};
    struct source *source = NULL;
    for (size_t i = 0; i < all.n_values; i++) {
        const struct option_spec *spec = &driver()->options[i];
        const char *text = strcmp(spec->name, "read") == 0 ? way : spec->default_text;
        if (asked->consistency && strcmp(spec->name, "consistency") == 0)
            text = asked->consistency;
        if (option_parse(spec, text, &all.values[i], &err) != STATUS_OK)
            die(spec->name, &err);
    }
    if (driver()->open(asked->path, &all, &source, &err) != STATUS_OK) {
        printf("cannot open: %s\n", err.text);
        exit(asked->hostile ? 0 : 2);
    }
    return source;
}

static status_code keep_reject(void *context, const char *json, size_t size, struct error *err)
{
    struct side *side = context;
    return buffer_append(&side->rejects, json, size, err);
}

static status_code take_rows(struct side *side, const struct batch *batch)
{
    if (side->n + batch->rows > side->capacity) {
        side->capacity = (side->n + batch->rows) * 2;
        side->rows = mem_realloc_array(side->rows, side->capacity, sizeof(*side->rows));
        if (!side->rows)
            die("memory", NULL);
    }
    status_code s = batch_digest(batch, 0, batch->rows, side->rows + side->n, &side->err);
    side->n += batch->rows;
    return s;
}

static status_code read_split(struct side *side, const struct asked *asked,
                              const struct read_request *request, size_t number, bool digest)
{
    struct reader_options options = {
        .reject = keep_reject, .reject_context = side, .max_value_bytes = asked->max_value};
    struct reader *reader = NULL;
    struct batch batch = {0};
    status_code s = batch_init(&batch, &side->plan.schema, &side->err);
    if (s == STATUS_OK)
        s = driver()->reader_open(side->source, &side->plan, request, &side->plan.splits[number],
                                  &options, &reader, &side->err);
    while (s == STATUS_OK) {
        s = driver()->reader_next(reader, &batch, asked->batch_rows, 300000, &side->err);
        if (digest && (s == STATUS_OK || s == STATUS_END)) {
            status_code taken = take_rows(side, &batch);
            s = taken == STATUS_OK ? s : taken;
        }
        batch_clear(&batch);
    }
    if (reader) {
        const struct reader_counts *counts = driver()->reader_counts(reader);
        side->seen += counts->rows;
        side->rejected += counts->rejected;
        side->bytes += counts->bytes;
        for (size_t i = 0; counts->policy && i < side->plan.schema.n_fields; i++)
            side->policy = side->policy * 31 + counts->policy[i];
    }
    driver()->reader_close(reader);
    batch_release(&batch);
    return s == STATUS_END ? STATUS_OK : s;
}

/* A policy for every column there is. */
static void ask_policies(struct side *side, const struct asked *asked, struct read_request *request)
{
    if (asked->policy == POLICY_ERROR ||
        driver()->plan(side->source, request, &side->plan, &side->err) != STATUS_OK)
        return;
    size_t n = side->plan.schema.n_fields;
    side->requests = mem_zalloc(n * sizeof(*side->requests));
    for (size_t i = 0; i < n; i++) {
        side->requests[i].name = mem_strdup(side->plan.schema.fields[i].name);
        side->requests[i].on_error = asked->policy;
    }
    request->columns = side->requests;
    request->n_columns = n;
    driver()->plan_end(side->source);
    read_plan_release(&side->plan);
    side->plan = (struct read_plan){0};
}

static void read_all(struct side *side, const struct asked *asked, const char *way)
{
    struct read_request request = {.stream = asked->table,
                                   .split_rows = asked->split_rows,
                                   .max_readers = 2,
                                   .select = asked->some_columns ? asked->columns : NULL};
    side->way = way;
    side->source = open_source(asked, way);
    ask_policies(side, asked, &request);
    side->status = driver()->plan(side->source, &request, &side->plan, &side->err);
    for (size_t i = 0; side->status == STATUS_OK && i < side->plan.n_splits; i++)
        side->status = read_split(side, asked, &request, i, !asked->time);
    for (size_t i = 0; i < request.n_columns; i++)
        mem_free((void *)(uintptr_t)side->requests[i].name);
    mem_free(side->requests);
    driver()->plan_end(side->source);
    driver()->close(side->source);
}

static void end(struct side *side)
{
    read_plan_release(&side->plan);
    mem_free(side->rows);
    buffer_release(&side->rejects);
}

/* NULL: the two are the same. */
static const char *difference(const struct side *a, const struct side *b, char out[512])
{
    if (a->status != b->status || strcmp(a->err.text, b->err.text) != 0)
        snprintf(out, 512, "%s: %s\n%.200s\n%s: %s\n%.200s", a->way, status_text(a->status),
                 a->err.text, b->way, status_text(b->status), b->err.text);
    else if (a->status != STATUS_OK)
        return NULL;
    else if (a->n != b->n || a->seen != b->seen || a->rejected != b->rejected ||
             a->bytes != b->bytes || a->policy != b->policy)
        snprintf(out, 512, "rows %zu and %zu, seen %llu %llu, rejected %llu %llu, bytes %llu %llu",
                 a->n, b->n, (unsigned long long)a->seen, (unsigned long long)b->seen,
                 (unsigned long long)a->rejected, (unsigned long long)b->rejected,
                 (unsigned long long)a->bytes, (unsigned long long)b->bytes);
    else if (a->rejects.size != b->rejects.size ||
             (a->rejects.size && memcmp(a->rejects.data, b->rejects.data, a->rejects.size) != 0))
        snprintf(out, 512, "other rejected rows:\n%.200s\n%.200s", (char *)a->rejects.data,
                 (char *)b->rejects.data);
    else {
        for (size_t i = 0; i < a->n; i++) {
            if (memcmp(&a->rows[i], &b->rows[i], sizeof(a->rows[i])) != 0) {
                snprintf(out, 512, "row %zu of %zu differs", i, a->n);
                return out;
            }
        }
        return NULL;
    }
    return out;
}

static int compare(const struct asked *asked)
{
    struct side pages = {0}, sql = {0};
    char text[512];
    read_all(&pages, asked, asked->hostile ? "auto" : "pages");
    read_all(&sql, asked, "sql");
    const char *differs = difference(&pages, &sql, text);
    bool may = asked->hostile && pages.status != STATUS_OK;
    if (asked->max_value && strstr(sql.err.text, "the limit is"))
        may = true; /* SQLite refuses the whole row, the pages name the column or read on */
    if (differs && !may)
        printf("DIFFERENT: %s\n", differs);
    else if (pages.status != STATUS_OK || may)
        printf("same error: %s\n", pages.err.text);
    else
        printf("same: %zu rows, %zu splits, %s\n", pages.n, pages.plan.n_splits,
               pages.plan.consistency);
    int code = differs && !may;
    end(&pages);
    end(&sql);
    return code;
}

static int measure(const struct asked *asked)
{
    struct side side = {0};
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    read_all(&side, asked, asked->time);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    if (side.status != STATUS_OK)
        die(asked->time, &side.err);
    printf("%s: %llu rows, %.2f CPU-s\n", asked->time, (unsigned long long)side.seen,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    end(&side);
    return 0;
}

static void split_columns(struct asked *asked, char *names)
{
    size_t n = 0;
    for (char *name = strtok(names, ","); name && n < 255; name = strtok(NULL, ","))
        asked->columns[n++] = name;
    asked->some_columns = true;
}

int main(int argc, char **argv)
{
    struct asked asked = {.batch_rows = 1000, .split_rows = 1000000};
    if (argc < 3)
        die("usage: compare_reads DB TABLE [options]", NULL);
    asked.path = argv[1];
    asked.table = argv[2];
    for (int i = 3; i < argc; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--hostile") == 0) {
            asked.hostile = true;
            continue;
        }
        if (++i == argc)
            die("an option without a value", NULL);
        if (strcmp(option, "--policy") == 0)
            asked.policy = argv[i][0] == 'n'   ? POLICY_NULL
                           : argv[i][0] == 't' ? POLICY_TEXT
                           : argv[i][0] == 'r' ? POLICY_REJECT
                                               : POLICY_ERROR;
        else if (strcmp(option, "--split-rows") == 0)
            asked.split_rows = strtoull(argv[i], NULL, 10);
        else if (strcmp(option, "--max-value") == 0)
            asked.max_value = strtoull(argv[i], NULL, 10);
        else if (strcmp(option, "--batch") == 0)
            asked.batch_rows = strtoull(argv[i], NULL, 10);
        else if (strcmp(option, "--columns") == 0)
            split_columns(&asked, argv[i]);
        else if (strcmp(option, "--consistency") == 0)
            asked.consistency = argv[i];
        else if (strcmp(option, "--time") == 0)
            asked.time = argv[i];
        else
            die(option, NULL);
    }
    return asked.time ? measure(&asked) : compare(&asked);
}
