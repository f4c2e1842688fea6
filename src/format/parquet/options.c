#include "format/parquet/options.h"

#include "format/parquet/leaf.h"

const struct option_spec parquet_option_specs[] = {
    {.name = "compression",
     .kind = OPTION_TEXT,
     .default_text = "zstd:1",
     .help = "How pages are compressed: zstd, zstd:1 to zstd:19, snappy, lz4_raw, gzip, gzip:1 to "
             "gzip:9 or none.",
     .example = "zstd:3"},
    {.name = "row_group_rows",
     .kind = OPTION_INT,
     .default_text = "500000",
     .minimum = 1,
     .maximum = 1 << 30,
     .help = "Rows of a row group at most.",
     .example = "1000000"},
    {.name = "row_group_bytes",
     .kind = OPTION_SIZE,
     .default_text = "128MiB",
     .minimum = 1 << 16,
     .maximum = (int64_t)1 << 31,
     .help = "Encoded bytes that a row group aims at.",
     .example = "64MiB"},
    {.name = "page_rows",
     .kind = OPTION_INT,
     .default_text = "20000",
     .minimum = 1,
     .maximum = 1 << 30,
     .help = "Rows of a page at most; all columns are cut at the same rows.",
     .example = "10000"},
    {.name = "page_bytes",
     .kind = OPTION_SIZE,
     .default_text = "1MiB",
     .minimum = 1 << 10,
     .maximum = 1 << 30,
     .help = "Bytes of a page before compression at most, except where one value is larger.",
     .example = "512KiB"},
    {.name = "dictionary",
     .kind = OPTION_BOOL,
     .default_text = "true",
     .help = "Write repeated values once, in a dictionary, where that is smaller.",
     .example = "false"},
    {.name = NULL},
};

static int64_t number_or(const struct option_values *values, const char *name, int64_t fallback)
{
    const struct option_value *value = values ? option_find(values, name) : NULL;
    return value && value->text ? value->number : fallback;
}

status parquet_options_read(const struct option_values *values, struct parquet_options *out,
                            struct error *err)
{
    struct parquet_options options = {.codec = {.id = CODEC_ZSTD, .level = 1}};
    const struct option_value *compression = values ? option_find(values, "compression") : NULL;
    if (compression && compression->text)
        TRY_IN(codec_parse(compression->text, &options.codec, err), err, "in option compression");
    options.page_rows = (size_t)number_or(values, "page_rows", 20000);
    options.page_bytes = (size_t)number_or(values, "page_bytes", 1 << 20);
    options.dictionary = number_or(values, "dictionary", 1) != 0;
    *out = options;
    return STATUS_OK;
}

status parquet_options_bind(const struct option_values *values, const struct leaf_plan *plan,
                            struct arena *arena, struct parquet_options *options, struct error *err)
{
    options->leaves = arena_alloc(arena, plan->n_leaves * sizeof(*options->leaves) + 1);
    if (!options->leaves)
        return error_no_memory(err);
    for (size_t i = 0; i < plan->n_leaves; i++)
        options->leaves[i] =
            (struct leaf_options){.codec = options->codec,
                                  .encoding = options->dictionary ? ENCODE_AUTO : ENCODE_PLAIN,
                                  .statistics = true};
    return STATUS_OK;
}
