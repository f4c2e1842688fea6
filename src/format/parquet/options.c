#include "format/parquet/options.h"

#include <string.h>

#include "base/text.h"
#include "format/parquet/sort_item.h"

static const char *const profiles[] = {"compatible", "dense", NULL};

const struct option_spec parquet_option_specs[] = {
    {.name = "encoding",
     .kind = OPTION_CHOICE,
     .choices = profiles,
     .default_text = "compatible",
     .help = "Which encodings may be used: compatible, what every reader takes; or dense, also "
             "the newer ones where they are smaller."},
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
    {.name = "statistics",
     .kind = OPTION_BOOL,
     .default_text = "true",
     .help = "Write the smallest and largest value of columns and pages, so that readers can skip.",
     .example = "false"},
    {.name = "bloom_filter",
     .kind = OPTION_LIST,
     .help = "Columns with a bloom filter: a reader that looks for one value skips row groups that "
             "don't hold it.",
     .example = "[id, email]"},
    {.name = "bloom_filter_fpp",
     .kind = OPTION_PERCENT,
     .default_text = "1%",
     .help = "Share of absent values that a bloom filter takes for present; from 0.001% to 50%.",
     .example = "0.1%"},
    {.name = "sort_by",
     .kind = OPTION_LIST,
     .help = "Order of the rows within each row group: columns, each with desc and nulls first "
             "where wanted. The footer tells readers.",
     .example = "[customer, created_at desc]"},
    {.name = NULL},
};

/* The order is that of enum leaf_encoding. */
static const char *const encodings[] = {
    [ENCODE_AUTO] = "auto",
    [ENCODE_PLAIN] = "plain",
    [ENCODE_DICTIONARY] = "dictionary",
    [ENCODE_DELTA] = "delta",
    [ENCODE_DELTA_STRINGS] = "delta_strings",
    [ENCODE_SPLIT] = "split",
    NULL,
};

const struct option_spec parquet_column_specs[] = {
    {.name = "encoding",
     .kind = OPTION_CHOICE,
     .choices = encodings,
     .default_text = "auto",
     .help = "How the column's values are written: auto, what is smallest; plain; dictionary; "
             "delta, for integers, times and texts; delta_strings, for texts with common "
             "beginnings; split, for floating point and other numbers of one width."},
    {.name = "compression",
     .kind = OPTION_TEXT,
     .help = "Compression of the column's pages, in place of the stream's.",
     .example = "none"},
    {.name = "statistics",
     .kind = OPTION_BOOL,
     .help = "Whether the column's smallest and largest values are written, in place of the "
             "stream's word.",
     .example = "false"},
    {.name = "bloom_filter",
     .kind = OPTION_BOOL,
     .help = "Whether the column has a bloom filter.",
     .example = "true"},
    {.name = NULL},
};

static int64_t number_or(const struct option_values *values, const char *name, int64_t fallback)
{
    const struct option_value *value = values ? option_find(values, name) : NULL;
    return value && value->text ? value->number : fallback;
}

static const char *text_or_null(const struct option_values *values, const char *name)
{
    const struct option_value *value = values ? option_find(values, name) : NULL;
    return value ? value->text : NULL;
}

static status read_fpp(const struct option_values *values, double *out, struct error *err)
{
    const struct option_value *value = values ? option_find(values, "bloom_filter_fpp") : NULL;
    *out = value && value->text ? value->share : 0.01;
    if (*out < 0.00001 || *out > 0.5)
        return error_set(err, STATUS_BAD_CONFIG,
                         "bloom_filter_fpp: expected a share from 0.001%% to 50%%, got \"%s\"",
                         value->text);
    return STATUS_OK;
}

status parquet_options_read(const struct option_values *values, struct parquet_options *out,
                            struct error *err)
{
    struct parquet_options options = {.codec = {.id = CODEC_ZSTD, .level = 1}};
    const char *compression = text_or_null(values, "compression");
    if (compression)
        TRY_IN(codec_parse(compression, &options.codec, err), err, "in option compression");
    TRY(read_fpp(values, &options.bloom_filter_fpp, err));
    options.profile =
        (enum parquet_profile)number_or(values, "encoding", (int64_t)PROFILE_COMPATIBLE);
    options.page_rows = (size_t)number_or(values, "page_rows", 20000);
    options.page_bytes = (size_t)number_or(values, "page_bytes", 1 << 20);
    options.dictionary = number_or(values, "dictionary", 1) != 0;
    *out = options;
    return STATUS_OK;
}

static status read_column_codec(const struct option_entry *entry, struct codec_spec *out,
                                struct error *err)
{
    const char *compression = text_or_null(&entry->values, "compression");
    if (!compression)
        return STATUS_OK;
    struct error cause = {0};
    if (codec_parse(compression, out, &cause) != STATUS_OK)
        return error_set(err, STATUS_BAD_CONFIG, "column \"%s\": compression: %s", entry->name,
                         cause.text);
    return STATUS_OK;
}

status parquet_options_check(const struct option_values *values, struct error *err)
{
    SCOPED(arena_release) struct arena arena = {0};
    struct parquet_options options;
    struct codec_spec codec;
    TRY(parquet_options_read(values, &options, err));
    for (size_t i = 0; i < values->n_entries; i++)
        TRY(read_column_codec(&values->entries[i], &codec, err));
    const struct option_value *sort = option_find(values, "sort_by");
    for (size_t i = 0; sort && i < sort->n_items; i++) {
        struct sort_item item;
        TRY(sort_item_parse(sort->items[i], &arena, &item, err));
    }
    return STATUS_OK;
}

/* ---- by leaf ---- */

struct binding {
    const struct option_values *values;
    const struct leaf_plan *plan;
    struct arena *arena;
    struct parquet_options *options;
    struct error *err;
};

static const char *top_name(const struct leaf *leaf)
{
    return leaf->path[0];
}

static const char *nearest_column(const struct leaf_plan *plan, const char *name)
{
    enum { MAX_WORDS = 1000 };
    const char *words[MAX_WORDS];
    size_t n = 0;
    for (size_t i = 0; i < plan->n_leaves && n < MAX_WORDS; i++)
        if (i == 0 || plan->leaves[i].top != plan->leaves[i - 1].top)
            words[n++] = top_name(&plan->leaves[i]);
    return text_nearest(name, words, n);
}

static status no_such_column(const struct binding *binding, const char *word, const char *name)
{
    const char *nearest = nearest_column(binding->plan, name);
    if (nearest)
        return error_set(binding->err, STATUS_BAD_CONFIG,
                         "%s: the files have no column \"%s\"; did you mean %s?", word, name,
                         nearest);
    return error_set(binding->err, STATUS_BAD_CONFIG,
                     "%s: the files have no column \"%s\" (a column that only cuts partitions is "
                     "in the folders' names)",
                     word, name);
}

/* Leaves [*out_first, *out_end) of the top-level column NAME: as it is written, else in any case, as SQL takes it. */
static bool find_column(const struct leaf_plan *plan, const char *name, size_t *out_first,
                        size_t *out_end)
{
    int (*const same[])(const char *, const char *) = {strcmp, strcasecmp};
    for (size_t way = 0; way < 2; way++)
        for (size_t i = 0; i < plan->n_leaves; i++) {
            if (same[way](top_name(&plan->leaves[i]), name) != 0)
                continue;
            size_t end = i + 1;
            while (end < plan->n_leaves && plan->leaves[end].top == plan->leaves[i].top)
                end++;
            *out_first = i;
            *out_end = end;
            return true;
        }
    return false;
}

bool parquet_encoding_fits(enum leaf_encoding encoding, enum parquet_physical physical)
{
    switch (encoding) {
    case ENCODE_AUTO:
    case ENCODE_PLAIN:
        return true;
    case ENCODE_DICTIONARY:
        return physical != PARQUET_BOOLEAN;
    case ENCODE_DELTA:
        return physical == PARQUET_INT32 || physical == PARQUET_INT64 ||
               physical == PARQUET_BYTE_ARRAY;
    case ENCODE_DELTA_STRINGS:
        return physical == PARQUET_BYTE_ARRAY || physical == PARQUET_FIXED;
    case ENCODE_SPLIT:
        return physical != PARQUET_BOOLEAN && physical != PARQUET_BYTE_ARRAY;
    }
    return false;
}

static status wrong_encoding(const struct binding *binding, const char *column,
                             enum leaf_encoding encoding, const struct leaf *leaf)
{
    SCOPED(text_release) struct text fitting = {0};
    char type[64];
    for (size_t i = 0; encodings[i]; i++)
        if (parquet_encoding_fits((enum leaf_encoding)i, leaf->physical))
            text_printf(&fitting, "%s%s", fitting.size > 0 ? ", " : "", encodings[i]);
    return error_set(binding->err, STATUS_BAD_CONFIG,
                     "column \"%s\": encoding: %s can't hold %s; expected one of %s", column,
                     encodings[encoding], type_text(leaf->field->type, type),
                     text_string(&fitting));
}

static status set_encoding(const struct binding *binding, const struct option_entry *entry,
                           size_t first, size_t end)
{
    if (!option_given(&entry->values, "encoding"))
        return STATUS_OK;
    enum leaf_encoding encoding = (enum leaf_encoding)option_number(&entry->values, "encoding");
    bool any = false;
    for (size_t i = first; i < end; i++) {
        if (!parquet_encoding_fits(encoding, binding->plan->leaves[i].physical))
            continue;
        binding->options->leaves[i].encoding = encoding;
        any = true;
    }
    return any ? STATUS_OK
               : wrong_encoding(binding, entry->name, encoding, &binding->plan->leaves[first]);
}

/* A filter of two values would tell nothing; the format's other writers have none for booleans either. */
static bool set_bloom_filters(const struct binding *binding, size_t first, size_t end, bool wanted)
{
    bool any = false;
    for (size_t i = first; i < end; i++) {
        bool can = binding->plan->leaves[i].physical != PARQUET_BOOLEAN;
        binding->options->leaves[i].bloom_filter = wanted && can;
        any |= can;
    }
    return any;
}

static status bind_entry(const struct binding *binding, const struct option_entry *entry)
{
    const struct option_values *values = &entry->values;
    size_t first, end, given = values->n_values;
    for (size_t i = 0; i < values->n_values && given == values->n_values; i++)
        if (values->values[i].given)
            given = i;
    if (given == values->n_values)
        return STATUS_OK;
    if (!find_column(binding->plan, entry->name, &first, &end))
        return error_set(binding->err, STATUS_BAD_CONFIG,
                         "column \"%s\": %s: the files have no such column; one that only cuts "
                         "partitions is in the folders' names",
                         entry->name, values->specs[given].name);
    struct codec_spec codec = binding->options->codec;
    TRY(read_column_codec(entry, &codec, binding->err));
    for (size_t i = first; i < end; i++) {
        struct leaf_options *leaf = &binding->options->leaves[i];
        leaf->codec = codec;
        if (option_given(values, "statistics"))
            leaf->statistics = option_number(values, "statistics") != 0;
    }
    bool wanted = option_number(values, "bloom_filter") != 0;
    if (option_given(values, "bloom_filter") && !set_bloom_filters(binding, first, end, wanted) &&
        wanted)
        return error_set(binding->err, STATUS_BAD_CONFIG,
                         "column \"%s\": bloom_filter: there is none for a boolean", entry->name);
    return set_encoding(binding, entry, first, end);
}

static status bind_bloom_list(const struct binding *binding)
{
    const struct option_value *list =
        binding->values ? option_find(binding->values, "bloom_filter") : NULL;
    for (size_t i = 0; list && i < list->n_items; i++) {
        size_t first, end;
        if (!find_column(binding->plan, list->items[i], &first, &end))
            return no_such_column(binding, "bloom_filter", list->items[i]);
        if (!set_bloom_filters(binding, first, end, true))
            return error_set(binding->err, STATUS_BAD_CONFIG,
                             "bloom_filter: there is none for a boolean; leave \"%s\" out",
                             list->items[i]);
    }
    return STATUS_OK;
}

static status bind_sort_key(const struct binding *binding, const char *text)
{
    struct parquet_options *options = binding->options;
    struct sort_item item = {.name = text};
    size_t first, end;
    if (!find_column(binding->plan, text, &first, &end)) {
        TRY(sort_item_parse(text, binding->arena, &item, binding->err));
        if (!find_column(binding->plan, item.name, &first, &end))
            return no_such_column(binding, "sort_by", item.name);
    }
    const struct leaf *leaf = &binding->plan->leaves[first];
    if (!leaf_is_flat(leaf) || leaf->order == ORDER_NONE) {
        char type[64];
        return error_set(binding->err, STATUS_BAD_CONFIG,
                         "sort_by: \"%s\" has no order, its type is %s", top_name(leaf),
                         type_text(leaf->steps[0].field->type, type));
    }
    for (size_t i = 0; i < options->n_sort_keys; i++)
        if (options->sort_keys[i].leaf == first)
            return error_set(binding->err, STATUS_BAD_CONFIG, "sort_by: \"%s\" stands there twice",
                             top_name(leaf));
    options->sort_keys[options->n_sort_keys++] =
        (struct sort_key){first, item.descending, item.nulls_first};
    return STATUS_OK;
}

static status bind_sort_keys(const struct binding *binding)
{
    const struct option_value *list =
        binding->values ? option_find(binding->values, "sort_by") : NULL;
    if (!list || list->n_items == 0)
        return STATUS_OK;
    struct sort_key *keys = arena_alloc(binding->arena, list->n_items * sizeof(*keys));
    if (!keys)
        return error_no_memory(binding->err);
    binding->options->sort_keys = keys;
    for (size_t i = 0; i < list->n_items; i++)
        TRY(bind_sort_key(binding, list->items[i]));
    return STATUS_OK;
}

status parquet_options_bind(const struct option_values *values, const struct leaf_plan *plan,
                            struct arena *arena, struct parquet_options *options, struct error *err)
{
    options->leaves = arena_alloc(arena, plan->n_leaves * sizeof(*options->leaves) + 1);
    if (!options->leaves)
        return error_no_memory(err);
    bool statistics = number_or(values, "statistics", 1) != 0;
    /* without dictionaries the dense profile still has its own encodings to choose from */
    bool free_choice = options->dictionary || options->profile == PROFILE_DENSE;
    for (size_t i = 0; i < plan->n_leaves; i++)
        options->leaves[i] =
            (struct leaf_options){.codec = options->codec,
                                  .encoding = free_choice ? ENCODE_AUTO : ENCODE_PLAIN,
                                  .statistics = statistics};
    options->sort_keys = NULL;
    options->n_sort_keys = 0;
    const struct binding binding = {values, plan, arena, options, err};
    TRY(bind_bloom_list(&binding));
    for (size_t i = 0; values && i < values->n_entries; i++)
        TRY(bind_entry(&binding, &values->entries[i]));
    return bind_sort_keys(&binding);
}
