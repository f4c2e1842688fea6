#include "job/words.h"

#include <string.h>

#include "base/text.h"
#include "job/job.h"

/* Help texts are the reference: docs/reference/job-file.md is made of them. */

const struct option_spec job_words[] = {
    {.name = "source",
     .kind = OPTION_TEXT,
     .help = "What to read: a URL, a path, env:NAME or file:PATH; or a map of url and the source's "
             "options.",
     .example = "sqlite:///data/shop.db"},
    {.name = "target",
     .kind = OPTION_TEXT,
     .help = "Where the tables live: a URL or a path; or a map of url and the storage's options.",
     .example = "file:///lake/shop"},
    {.name = "defaults",
     .kind = OPTION_MAP,
     .help = "Words of a stream that hold for every stream that doesn't say otherwise; its columns "
             "and checks are merged entry by entry.",
     .example = "{mode: incremental, compression: zstd:1}"},
    {.name = "streams",
     .kind = OPTION_MAP,
     .help = "What to load: a map from a stream's name to its words. Names may hold * and ?; "
             "\"!name\" leaves out what a wildcard would bring.",
     .example = "{orders: {mode: full-refresh}}"},
    {0},
};

const struct option_spec source_words[] = {
    {.name = "url",
     .kind = OPTION_TEXT,
     .help = "The source's URL or path, env:NAME or file:PATH.",
     .example = "sqlite:///data/shop.db"},
    {0},
};

const struct option_spec target_words[] = {
    {.name = "url",
     .kind = OPTION_TEXT,
     .help = "The target's URL or path, env:NAME or file:PATH.",
     .example = "file:///lake/shop"},
    {0},
};

static const char *const modes[] = {"full-refresh", "incremental", NULL};
static const char *const writes[] = {"append", NULL};
static const char *const null_keys[] = {"error", "include", NULL};

const struct option_spec stream_words[] = {
    {.name = "object",
     .kind = OPTION_TEXT,
     .default_text = "{table}",
     .help = "The table's name below the target; {schema} and {table} stand for the parts of the "
             "stream's name.",
     .example = "{schema}/{table}"},
    {.name = "mode",
     .kind = OPTION_CHOICE,
     .choices = modes,
     .help = "full-refresh replaces the table; incremental adds what is new by update_key. Without "
             "it: incremental where there is an update_key, else full-refresh."},
    {.name = "write",
     .kind = OPTION_CHOICE,
     .choices = writes,
     .help = "How an incremental stream adds its rows: append."},
    {.name = "query",
     .kind = OPTION_TEXT,
     .help = "A SELECT in the source's SQL instead of a table; the stream's name is free then.",
     .example = "select id, total from orders where total > 0"},
    {.name = "where",
     .kind = OPTION_TEXT,
     .help = "A condition in the source's SQL; only rows that meet it are read.",
     .example = "status <> 'draft'"},
    {.name = "select",
     .kind = OPTION_LIST,
     .help = "Columns to load, in this order; entries that start with - leave out instead.",
     .example = "[id, customer, total]"},
    {.name = "primary_key",
     .kind = OPTION_LIST,
     .help = "Columns that identify a row.",
     .example = "[id]"},
    {.name = "update_key",
     .kind = OPTION_TEXT,
     .help = "The watermark column: it grows with every new or changed row.",
     .example = "updated_at"},
    {.name = "on_null_key",
     .kind = OPTION_CHOICE,
     .choices = null_keys,
     .default_text = "error",
     .help = "Rows whose update_key is NULL: error stops with their count, include loads them on "
             "the first load."},
    {.name = "partition_by",
     .kind = OPTION_LIST,
     .help =
         "Columns or periods that cut the table into folders: a name, year(c), month(c), day(c), "
         "hour(c), ymd(c), truncate(c, n) or bucket(c, n), each with \"as NAME\" where a name "
         "would clash; a list of them; or the map of days that become months.",
     .example = "[day(created_at)]"},
    {.name = "file_size",
     .kind = OPTION_SIZE,
     .default_text = "256MB",
     .minimum = 1000,
     .maximum = 100000000000,
     .help = "Size of a data file on disk to aim at."},
    {.name = "columns",
     .kind = OPTION_MAP,
     .help = "Per column: its type, and what to do with a value that does not fit; a text stands "
             "for the type.",
     .example = "{total: {type: \"decimal(18,2)\", on_error: reject}}"},
    {.name = "checks",
     .kind = OPTION_MAP,
     .help = "What must hold before a run publishes; else it is held and the old version stands.",
     .example = "{row_count: {max_drop: 20%}, not_null: [id]}"},
    {.name = "on_change",
     .kind = OPTION_MAP,
     .help = "What to do when the source's columns are not the table's any more.",
     .example = "{add: apply, widen: apply}"},
    {.name = "table",
     .kind = OPTION_TEXT,
     .default_text = "delta",
     .help = "Kind of the table.",
     .example = "delta"},
    {.name = "tags",
     .kind = OPTION_LIST,
     .help = "Words to choose streams by: leat run JOB tag:nightly.",
     .example = "[nightly]"},
    {.name = "target",
     .kind = OPTION_TEXT,
     .help = "Another target for this stream.",
     .example = "file:///lake/archive"},
    {0},
};

static const char *const policies[] = {"error", "text", "null", "reject", NULL};

const struct option_spec column_words[] = {
    {.name = "type",
     .kind = OPTION_TEXT,
     .help = "Type of the column, in place of the declared one.",
     .example = "decimal(18,2)"},
    {.name = "on_error",
     .kind = OPTION_CHOICE,
     .choices = policies,
     .default_text = "error",
     .help = "A value that does not fit: error stops the run; text makes the column text; null "
             "makes it NULL, counted; reject puts the row into the reject file, counted."},
    {0},
};

const struct option_spec check_words[] = {
    {.name = "row_count",
     .kind = OPTION_MAP,
     .help = "Bounds for the rows of the table after the run.",
     .example = "{min: 1, max_drop: 20%}"},
    {.name = "not_null",
     .kind = OPTION_LIST,
     .help = "Columns that hold no NULL.",
     .example = "[id]"},
    {0},
};

static const char *const applied_or_not[] = {"stop", "apply", NULL};
static const char *const only_stop[] = {"stop", NULL};

/* In the order of enum change_kind. */
const struct option_spec change_words[] = {
    {.name = "add",
     .kind = OPTION_CHOICE,
     .choices = applied_or_not,
     .help =
         "A new column: apply adds it to the table, NULL in the rows that are there; stop holds "
         "the run. Without it incremental runs stop, and a full refresh takes new columns."},
    {.name = "widen",
     .kind = OPTION_CHOICE,
     .choices = applied_or_not,
     .help = "A wider type (integers and floats of more bytes, decimals of more digits before the "
             "point), or a column that may now be NULL: apply changes the table's column; stop, as "
             "without it, holds the run."},
    {.name = "rename",
     .kind = OPTION_CHOICE,
     .choices = only_stop,
     .help = "A column by another name: stop holds the run."},
    {.name = "drop",
     .kind = OPTION_CHOICE,
     .choices = only_stop,
     .help = "A column that is gone: stop holds the run."},
    {.name = "narrow",
     .kind = OPTION_CHOICE,
     .choices = only_stop,
     .help = "Any other change of a type: stop holds the run."},
    {0},
};

const struct option_spec row_count_words[] = {
    {.name = "min",
     .kind = OPTION_INT,
     .minimum = 0,
     .maximum = INT64_MAX,
     .help = "At least this many rows."},
    {.name = "max",
     .kind = OPTION_INT,
     .minimum = 0,
     .maximum = INT64_MAX,
     .help = "At most this many rows."},
    {.name = "max_drop",
     .kind = OPTION_PERCENT,
     .help = "At most this share of the former version's rows may be gone.",
     .example = "20%"},
    {0},
};

static const char *const recent_periods[] = {"day", NULL};
static const char *const then_periods[] = {"month", NULL};

const struct option_spec period_words[] = {
    {.name = "column",
     .kind = OPTION_TEXT,
     .help = "A date or timestamp column.",
     .example = "created_at"},
    {.name = "recent",
     .kind = OPTION_CHOICE,
     .choices = recent_periods,
     .default_text = "day",
     .help = "Period of recent rows."},
    {.name = "after",
     .kind = OPTION_DURATION,
     .minimum = 86400,
     .maximum = (int64_t)86400 * 36500,
     .help = "Age from which days go by the longer period; whole days.",
     .example = "90 days"},
    {.name = "then",
     .kind = OPTION_CHOICE,
     .choices = then_periods,
     .default_text = "month",
     .help = "Period of older rows."},
    {.name = "time_zone",
     .kind = OPTION_TEXT,
     .default_text = "UTC",
     .help = "The calendar in which days are cut; UTC."},
    {.name = "as",
     .kind = OPTION_TEXT,
     .help = "Name of the partition column; <column>_period without it.",
     .example = "order_period"},
    {0},
};

const struct later_word later_words[] = {
    {"stream", "lookback", NULL, NULL},
    {"stream", "compact", NULL, NULL},
    {"stream", "partial", NULL, NULL},
    {"stream", "partition_immutable", NULL, NULL},
    {"stream", "backfill", NULL, NULL},
    {"stream", "cdc", NULL, NULL},
    {"stream", "mode", "backfill", "full-refresh or incremental"},
    {"stream", "mode", "cdc", "full-refresh or incremental"},
    {"stream", "write", "merge", "write: append, or mode: full-refresh"},
    {"stream", "write", "replace-partitions", "write: append, or mode: full-refresh"},
    {"stream", "table", "iceberg", "table: delta"},
    {"stream", "table", "hive", "table: delta"},
    {"stream", "table", "database", "table: delta"},
    {"checks", "unique", NULL, NULL},
    {"on_change", "add", "ignore", "add: apply or add: stop; select names the columns to load"},
    {"on_change", "rename", "apply", "rename: stop"},
    {"on_change", "drop", "keep", "drop: stop"},
    {"on_change", "drop", "apply", "drop: stop"},
    {"on_change", "narrow", "apply", "narrow: stop"},
    {"partition_by", "recent", "hour", "recent: day"},
    {"partition_by", "then", "year", "then: month"},
    {"source", "url", "mysql", "a SQLite file"},
    {"source", "url", "mariadb", "a SQLite file"},
    {"source", "url", "odbc", "a SQLite file"},
    {"source", "url", "adbc", "a SQLite file"},
    {"source", "url", "snowflake", "a SQLite file"},
    {"source", "url", "s3", "a SQLite file"},
    {"source", "url", "file", "a SQLite file"},
    {"target", "url", "s3", "file:///path"},
    {"target", "url", "iceberg+rest", "file:///path"},
    {"target", "url", "postgres", "file:///path"},
    {"target", "url", "postgresql", "file:///path"},
    {"target", "url", "mysql", "file:///path"},
    {"target", "url", "snowflake", "file:///path"},
    {0},
};

const struct later_word *later_word_find(const char *section, const char *key, const char *value)
{
    for (const struct later_word *word = later_words; word->section; word++)
        if (strcmp(word->section, section) == 0 && strcmp(word->key, key) == 0 &&
            text_equal(word->value, value))
            return word;
    return NULL;
}

const struct option_section *job_sections(size_t *out_n)
{
    static const struct option_section sections[] = {
        {"job", "The job", "The top level of the file.", job_words},
        {"source", "source as a map", "With the options of the source's driver beside it.",
         source_words},
        {"target", "target as a map", "With the options of the storage's driver beside it.",
         target_words},
        {"stream", "A stream, and defaults",
         "With the options of the table's kind and of the file format beside them.", stream_words},
        {"columns", "columns", "One entry for each column that needs a word.", column_words},
        {"checks", "checks", "A check that fails holds the run: exit code 4.", check_words},
        {"on_change", "on_change", "A change that is not applied holds the run: exit code 4.",
         change_words},
        {"row_count", "checks: row_count", "Any of the three.", row_count_words},
        {"partition_by", "partition_by as a map",
         "Days for recent rows and months for old ones, side by side in one partition column that "
         "holds the start of the row's period.",
         period_words},
    };
    *out_n = sizeof(sections) / sizeof(sections[0]);
    return sections;
}
