/* Drivers that only have names and options: what job/ needs of the stages. They shadow the registries, so these tests
 * say nothing about real drivers and change with none of them. */
#ifndef TESTS_UNIT_JOB_FAKE_DRIVERS_H
#define TESTS_UNIT_JOB_FAKE_DRIVERS_H

#include <string.h>

#include "base/text.h"
#include "job/job.h"

static const struct option_spec fake_sqlite_options[] = {
    {.name = "busy_timeout", .kind = OPTION_DURATION, .default_text = "10s", .help = "Wait."},
    {.name = "password", .kind = OPTION_SECRET, .help = "A secret."},
    {0},
};
static const char *const fake_sqlite_schemes[] = {"sqlite", NULL};
static const char *const fake_sqlite_suffixes[] = {".db", NULL};
static const struct source_driver fake_sqlite = {
    .name = "sqlite",
    .schemes = fake_sqlite_schemes,
    .suffixes = fake_sqlite_suffixes,
    .options = fake_sqlite_options,
};
static const char *const fake_server_schemes[] = {"server", NULL};
static const struct source_driver fake_server = {.name = "server", .schemes = fake_server_schemes};

const struct source_driver *const source_drivers[] = {&fake_sqlite, &fake_server, NULL};

status source_find(const char *url, struct arena *arena, const struct source_driver **out,
                   const char **out_location, struct error *err)
{
    const char *separator = strstr(url, "://");
    if (!separator && !text_ends_with(url, ".db"))
        return error_set(err, STATUS_BAD_CONFIG, "expected sqlite:// or a .db file, got \"%s\"",
                         url);
    if (separator && !text_starts_with(url, "sqlite://") && !text_starts_with(url, "server://"))
        return error_set(err, STATUS_BAD_CONFIG, "expected sqlite:// or a .db file, got \"%s\"",
                         url);
    *out = text_starts_with(url, "server://") ? &fake_server : &fake_sqlite;
    *out_location = arena_strdup(arena, separator ? separator + 3 : url);
    return *out_location ? STATUS_OK : error_no_memory(err);
}

static const char *const fake_codecs[] = {"zstd", "snappy", "none", NULL};
static const struct option_spec fake_parquet_options[] = {
    {.name = "compression",
     .kind = OPTION_CHOICE,
     .choices = fake_codecs,
     .default_text = "zstd",
     .help = "Codec."},
    {.name = "row_group_rows",
     .kind = OPTION_INT,
     .minimum = 1000,
     .maximum = 100000000,
     .default_text = "500000",
     .help = "Rows."},
    {.name = "sort_by", .kind = OPTION_LIST, .help = "Order."},
    {0},
};
static const char *const fake_encodings[] = {"auto", "plain", "delta", NULL};
static const struct option_spec fake_column_options[] = {
    {.name = "encoding",
     .kind = OPTION_CHOICE,
     .choices = fake_encodings,
     .default_text = "auto",
     .help = "Encoding."},
    {.name = "compression", .kind = OPTION_TEXT, .help = "Codec."},
    {.name = "bloom_filter", .kind = OPTION_BOOL, .help = "Filter."},
    {0},
};
/* What only the format can judge: here that nobody asks for "brotli". */
static status fake_check_options(const struct option_values *options, struct error *err)
{
    for (size_t i = 0; i < options->n_entries; i++) {
        const char *codec = option_text(&options->entries[i].values, "compression");
        if (codec && strcmp(codec, "brotli") == 0)
            return error_set(err, STATUS_BAD_CONFIG,
                             "column \"%s\": compression: nobody writes brotli",
                             options->entries[i].name);
    }
    const struct option_value *sort = option_find(options, "sort_by");
    if (sort && sort->n_items > 0 && strcmp(sort->items[0], "desc") == 0)
        return error_set(err, STATUS_BAD_CONFIG, "sort_by: expected a column, got \"desc\"");
    return STATUS_OK;
}
static const struct format_driver fake_parquet = {.name = "parquet",
                                                  .extension = ".parquet",
                                                  .options = fake_parquet_options,
                                                  .column_options = fake_column_options,
                                                  .check_options = fake_check_options};
const struct format_driver *const format_drivers[] = {&fake_parquet, NULL};

const struct format_driver *format_find(const char *name)
{
    return strcmp(name, "parquet") == 0 ? &fake_parquet : NULL;
}

static const struct option_spec fake_delta_options[] = {
    {.name = "checkpoint_every",
     .kind = OPTION_INT,
     .minimum = 1,
     .maximum = 1000,
     .default_text = "10",
     .help = "Versions."},
    {0},
};
static const struct commit_driver fake_delta = {.name = "delta", .options = fake_delta_options};
const struct commit_driver *const commit_drivers[] = {&fake_delta, NULL};

const struct commit_driver *commit_find(const char *name)
{
    return strcmp(name, "delta") == 0 ? &fake_delta : NULL;
}

static struct source_column fake_columns[] = {
    {.name = "id"},         {.name = "customer"},   {.name = "total"},
    {.name = "created_at"}, {.name = "updated_at"},
};
static struct source_stream fake_streams[] = {
    {.name = "customers", .kind = "table"},
    {.name = "order_items", .kind = "table"},
    {.name = "orders", .kind = "table", .columns = fake_columns, .n_columns = 5},
};
static const struct source_catalog fake_catalog = {.streams = fake_streams, .n_streams = 3};

#endif
