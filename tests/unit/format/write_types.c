/* Writes one Parquet file that holds every type, for readers of others to judge. The values of row I are
 * formulas that tests/e2e/test_parquet_types.py knows as well:
 *
 *   write_types OUT [--rows N] [--groups N] [--compression C] [--nulls some|none|all] [--no-dictionary]
 *               [--page-rows N] [--without COLUMN] [--set OPTION=VALUE] [--columns OPTION=VALUE]
 *
 * --set says OPTION of the file, --columns of every column; an encoding of those whose type can have it.
 * Columns stand in the order of `columns` below. With --nulls some, column number C of row I is NULL when
 * I % 7 == C % 7. Row 0, 11, 22, ... hold the smallest value of the type, row 1, 12, ... the largest. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "file_sink.h"
#include "format/format.h"
#include "format/parquet/options.h"

enum nulls { NULLS_SOME, NULLS_NONE, NULLS_ALL };

enum { MOST_SETS = 8 };

struct settings {
    const char *sets[MOST_SETS]; /* "name=value" */
    size_t n_sets;
    const char *of_columns[MOST_SETS]; /* the same */
    size_t n_of_columns;
    const char *path;
    size_t rows, groups;
    enum nulls nulls;
    const char *compression, *dictionary, *page_rows;
    const char *without; /* name of a column that is left out; may be NULL */
};

static void must(status_code code, const struct error *err)
{
    if (code == STATUS_OK)
        return;
    fprintf(stderr, "write_types: %s\n", err->text);
    exit(1);
}

/* ---- schema ---- */

#define LEAF(n, t, ...)                                                                            \
    {                                                                                              \
        .name = (n), .nullable = true, .type = {.id = (t), __VA_ARGS__ }                           \
    }
#define DECIMAL(n, p, s) LEAF(n, TYPE_DECIMAL, .precision = (p), .scale = (s))

static const struct field int_element[] = {LEAF("element", TYPE_INT32)};
static const struct field text_element[] = {LEAF("element", TYPE_UTF8)};
static const struct field list_element[] = {{.name = "element",
                                             .nullable = true,
                                             .type = {.id = TYPE_LIST},
                                             .children = text_element,
                                             .n_children = 1}};
static const struct field struct_fields[] = {LEAF("a", TYPE_INT64), LEAF("b", TYPE_UTF8)};
static const struct field entry_fields[] = {{.name = "key", .type = {.id = TYPE_UTF8}},
                                            LEAF("value", TYPE_INT64)};
static const struct field entries[] = {
    {.name = "key_value", .type = {.id = TYPE_STRUCT}, .children = entry_fields, .n_children = 2}};
static const struct field point_element[] = {{.name = "element",
                                              .nullable = true,
                                              .type = {.id = TYPE_STRUCT},
                                              .children = struct_fields,
                                              .n_children = 2}};

static const struct field columns[] = {
    {.name = "row", .type = {.id = TYPE_INT64}, .field_id = 1},
    LEAF("bool", TYPE_BOOL),
    LEAF("int8", TYPE_INT8),
    LEAF("int16", TYPE_INT16),
    LEAF("int32", TYPE_INT32),
    LEAF("int64", TYPE_INT64),
    LEAF("uint8", TYPE_UINT8),
    LEAF("uint16", TYPE_UINT16),
    LEAF("uint32", TYPE_UINT32),
    LEAF("uint64", TYPE_UINT64),
    LEAF("float32", TYPE_FLOAT32),
    LEAF("float64", TYPE_FLOAT64),
    DECIMAL("dec7_2", 7, 2),
    DECIMAL("dec9_0", 9, 0),
    DECIMAL("dec10_3", 10, 3),
    DECIMAL("dec18_4", 18, 4),
    DECIMAL("dec19_0", 19, 0),
    DECIMAL("dec38_10", 38, 10),
    DECIMAL("dec50_5", 50, 5),
    DECIMAL("dec76_20", 76, 20),
    LEAF("text", TYPE_UTF8),
    LEAF("binary", TYPE_BINARY),
    LEAF("fixed5", TYPE_FIXED_BINARY, .width = 5),
    LEAF("date", TYPE_DATE),
    LEAF("time", TYPE_TIME),
    LEAF("timestamp", TYPE_TIMESTAMP),
    LEAF("timestamptz", TYPE_TIMESTAMP, .utc = true),
    LEAF("interval", TYPE_INTERVAL),
    LEAF("uuid", TYPE_UUID),
    LEAF("json", TYPE_JSON),
    LEAF("color", TYPE_UTF8),
    LEAF("small", TYPE_INT64),
    {.name = "ints",
     .nullable = true,
     .type = {.id = TYPE_LIST},
     .children = int_element,
     .n_children = 1},
    {.name = "texts",
     .nullable = true,
     .type = {.id = TYPE_LIST},
     .children = list_element,
     .n_children = 1},
    {.name = "pair",
     .nullable = true,
     .type = {.id = TYPE_STRUCT},
     .children = struct_fields,
     .n_children = 2},
    {.name = "map",
     .nullable = true,
     .type = {.id = TYPE_MAP},
     .children = entries,
     .n_children = 1},
    {.name = "points",
     .nullable = true,
     .type = {.id = TYPE_LIST},
     .children = point_element,
     .n_children = 1},
};
enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* ---- values ---- */

static void put_fixed(struct column *column, const void *value)
{
    struct error err;
    must(column_reserve(column, 1, &err), &err);
    column_append_fixed(column, value);
}

static void put_bytes(struct column *column, const void *bytes, size_t size)
{
    struct error err;
    must(column_reserve(column, 1, &err), &err);
    must(column_append_bytes(column, bytes, size, &err), &err);
}

static void put_null(struct column *column)
{
    struct error err;
    must(column_append_null(column, &err), &err);
}

/* A list, map or struct whose children hold its rows already. */
static void close_list(struct column *column)
{
    struct error err;
    must(column_reserve(column, 1, &err), &err);
    column_mark_valid(column);
    column->rows++;
    ((int64_t *)(void *)column->values.data)[column->rows] = (int64_t)column->children[0].rows;
    column->values.size += sizeof(int64_t);
}

static void close_struct(struct column *column)
{
    struct error err;
    must(column_reserve(column, 1, &err), &err);
    column_mark_valid(column);
    column->rows++;
}

static uint64_t mix(uint64_t i)
{
    return i * 0x9e3779b97f4a7c15u;
}

static void put_integer(struct column *column, uint64_t i)
{
    unsigned bits = 8 * (unsigned)type_value_bytes(column->field->type);
    bool is_signed = column->field->type.id <= TYPE_INT64;
    uint64_t all = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    uint64_t value = mix(i) >> (64 - bits);
    if (i % 11 == 0)
        value = is_signed ? (uint64_t)1 << (bits - 1) : 0;
    else if (i % 11 == 1)
        value = is_signed ? all >> 1 : all;
    put_fixed(column, &value);
}

static double float_value(uint64_t i)
{
    switch (i % 11) {
    case 0:
        return -INFINITY;
    case 1:
        return INFINITY;
    case 2:
        return NAN;
    case 3:
        return -0.0;
    default:
        return (double)(i % 5000) / 4 - 100;
    }
}

static void put_float(struct column *column, uint64_t i)
{
    double wide = float_value(i);
    float narrow = (float)wide;
    if (column->field->type.id == TYPE_FLOAT32)
        put_fixed(column, &narrow);
    else
        put_fixed(column, &wide);
}

/* All nines, or I * 7919 to at most 12 digits; odd rows are positive. */
static void put_decimal(struct column *column, uint64_t i)
{
    int32_t precision = column->field->type.precision, scale = column->field->type.scale;
    char text[128], digits[100];
    if (i % 11 < 2) {
        memset(digits, '9', (size_t)precision);
        digits[precision] = 0;
    } else {
        uint64_t power = 1;
        for (int32_t k = 0; k < (precision < 12 ? precision : 12); k++)
            power *= 10;
        snprintf(digits, sizeof(digits), "%llu", (unsigned long long)(i * 7919 % power));
    }
    bool positive = i % 11 == 1 || (i % 11 > 1 && i % 2 == 1);
    int size = snprintf(text, sizeof(text), "%s%se-%d", positive ? "" : "-", digits, scale);
    uint8_t value[32];
    if (!parse_decimal(text, (size_t)size, precision, scale, value)) {
        fprintf(stderr, "write_types: %s is no decimal(%d,%d)\n", text, precision, scale);
        exit(1);
    }
    put_fixed(column, value);
}

static void put_text(struct column *column, uint64_t i)
{
    char text[512] = "";
    if (i % 11 == 1)
        for (int k = 0; k < 100; k++)
            strcat(text, "é");
    else if (i % 11 > 1)
        snprintf(text, sizeof(text), "row %llu żółć", (unsigned long long)(i % 1000));
    put_bytes(column, text, strlen(text));
}

static void put_binary(struct column *column, uint64_t i)
{
    uint8_t bytes[100];
    memset(bytes, i % 11 == 1 ? 0xff : (int)(i & 0xff), sizeof(bytes));
    put_bytes(column, bytes, i % 11 == 0 ? 0 : i % 11 == 1 ? 100 : i % 20);
}

static void put_fixed5(struct column *column, uint64_t i)
{
    uint8_t bytes[5] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 0x00, 0xff};
    put_fixed(column, bytes);
}

static int64_t pick(uint64_t i, int64_t smallest, int64_t largest, int64_t other)
{
    return i % 11 == 0 ? smallest : i % 11 == 1 ? largest : other;
}

static void put_date(struct column *column, uint64_t i)
{
    int32_t days = (int32_t)pick(i, -719162, 2932896, (int64_t)(i % 30000));
    put_fixed(column, &days);
}

static void put_time(struct column *column, uint64_t i)
{
    int64_t us = pick(i, 0, 86399999999, (int64_t)(i * 1000003 % 86400000000u));
    put_fixed(column, &us);
}

static void put_timestamp(struct column *column, uint64_t i)
{
    int64_t us = pick(i, -62135596800000000, 253402300799999999, (int64_t)(i * 1000000007));
    put_fixed(column, &us);
}

static void put_interval(struct column *column, uint64_t i)
{
    struct {
        int32_t months, days;
        int64_t ns;
    } value = {(int32_t)(i % 30), (int32_t)(i % 100), (int64_t)(i % 1000) * 1000000};
    put_fixed(column, &value);
}

static void put_uuid(struct column *column, uint64_t i)
{
    uint8_t bytes[16];
    for (int b = 0; b < 16; b++)
        bytes[b] = (uint8_t)(mix(i) >> (b % 8 * 8));
    if (i % 11 < 2)
        memset(bytes, i % 11 == 0 ? 0x00 : 0xff, 16);
    put_fixed(column, bytes);
}

static void put_json(struct column *column, uint64_t i)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "{\"i\": %llu}", (unsigned long long)i);
    put_bytes(column, text, (size_t)size);
}

static void put_color(struct column *column, uint64_t i)
{
    static const char *const colors[] = {"red", "green", "blue", "", "ultramarine"};
    put_bytes(column, colors[i % 5], strlen(colors[i % 5]));
}

static void put_small(struct column *column, uint64_t i)
{
    int64_t value = (int64_t)(i / 100 % 50) - 25;
    put_fixed(column, &value);
}

/* I % 4 elements, element J is NULL when (I + J) % 5 == 0. */
static void put_ints(struct column *column, uint64_t i)
{
    for (uint64_t j = 0; j < i % 4; j++) {
        int32_t value = (int32_t)(i * 10 + j);
        if ((i + j) % 5 == 0)
            put_null(&column->children[0]);
        else
            put_fixed(&column->children[0], &value);
    }
    close_list(column);
}

/* I % 3 lists; list J is NULL when (I + J) % 4 == 3, else holds J texts. */
static void put_texts(struct column *column, uint64_t i)
{
    struct column *inner = &column->children[0];
    for (uint64_t j = 0; j < i % 3; j++) {
        if ((i + j) % 4 == 3) {
            put_null(inner);
            continue;
        }
        for (uint64_t k = 0; k < j; k++)
            put_color(&inner->children[0], i + k);
        close_list(inner);
    }
    close_list(column);
}

/* a = I, b = NULL when I % 3 == 0. */
static void put_pair(struct column *column, uint64_t i)
{
    put_fixed(&column->children[0], &i);
    if (i % 3 == 0)
        put_null(&column->children[1]);
    else
        put_json(&column->children[1], i);
    close_struct(column);
}

/* I % 3 entries, "k0" -> I, "k1" -> NULL. */
static void put_map(struct column *column, uint64_t i)
{
    struct column *entry = &column->children[0];
    for (uint64_t j = 0; j < i % 3; j++) {
        put_bytes(&entry->children[0], j ? "k1" : "k0", 2);
        if (j)
            put_null(&entry->children[1]);
        else
            put_fixed(&entry->children[1], &i);
        close_struct(entry);
    }
    close_list(column);
}

/* I % 3 pairs of I + J; pair J is NULL when (I + J) % 4 == 3. */
static void put_points(struct column *column, uint64_t i)
{
    for (uint64_t j = 0; j < i % 3; j++) {
        if ((i + j) % 4 == 3)
            put_null(&column->children[0]);
        else
            put_pair(&column->children[0], i + j);
    }
    close_list(column);
}

static void put_row(struct column *column, uint64_t i)
{
    put_fixed(column, &i);
}

static void put_bool(struct column *column, uint64_t i)
{
    struct error err;
    must(column_reserve(column, 1, &err), &err);
    column_append_bool(column, i % 3 == 0);
}

typedef void put_value(struct column *column, uint64_t i);
static put_value *const putters[N_COLUMNS] = {
    put_row,     put_bool,    put_integer, put_integer, put_integer,   put_integer,   put_integer,
    put_integer, put_integer, put_integer, put_float,   put_float,     put_decimal,   put_decimal,
    put_decimal, put_decimal, put_decimal, put_decimal, put_decimal,   put_decimal,   put_text,
    put_binary,  put_fixed5,  put_date,    put_time,    put_timestamp, put_timestamp, put_interval,
    put_uuid,    put_json,    put_color,   put_small,   put_ints,      put_texts,     put_pair,
    put_map,     put_points,
};

static bool is_null(const struct settings *settings, size_t column, uint64_t i)
{
    if (!columns[column].nullable || settings->nulls == NULLS_NONE)
        return false;
    return settings->nulls == NULLS_ALL || i % 7 == column % 7;
}

static bool is_left_out(const struct settings *settings, size_t column)
{
    return settings->without && strcmp(settings->without, columns[column].name) == 0;
}

static void fill(struct batch *batch, const struct settings *settings)
{
    struct column *column = batch->columns;
    for (size_t c = 0; c < N_COLUMNS; c++) {
        if (is_left_out(settings, c))
            continue;
        for (uint64_t i = 0; i < settings->rows; i++) {
            if (is_null(settings, c, i))
                put_null(column);
            else
                putters[c](column, i);
        }
        column++;
    }
    batch->rows = settings->rows;
}

/* ---- the file ---- */

static struct option_value *find_value(const struct option_values *values, const char *name)
{
    for (size_t i = 0; i < values->n_values; i++)
        if (strcmp(values->specs[i].name, name) == 0)
            return &values->values[i];
    fprintf(stderr, "write_types: there is no option %s\n", name);
    exit(2);
}

static struct arena lists; /* items of options; kept to the end */

/* Items stand one after the other with commas between them. */
static void set_list(struct option_value *value, const char *text)
{
    enum { MOST_ITEMS = 8 };
    char *copy = arena_strdup(&lists, text), *word;
    const char **items = arena_alloc(&lists, (MOST_ITEMS + 1) * sizeof(*items));
    while (value->n_items < MOST_ITEMS && (word = strsep(&copy, ",")))
        items[value->n_items++] = word;
    value->items = items;
    value->given = true;
}

static void set_option(const struct option_values *values, const char *name, const char *text)
{
    struct error err;
    if (!text)
        return;
    struct option_value *value = find_value(values, name);
    if (value->spec->kind == OPTION_LIST) {
        set_list(value, text);
        return;
    }
    must(option_parse(value->spec, text, value, &err), &err);
    value->given = true;
}

/* TEXT is "name=value". */
static void set_pair(const struct option_values *values, const char *text)
{
    char name[40];
    const char *value = strchr(text, '=');
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
    set_option(values, name, value ? value + 1 : "");
}

/* Can a leaf of top-level column TOP have the encoding that VALUES ask for? */
static bool encoding_fits(const struct leaf_plan *plan, size_t top,
                          const struct option_values *values)
{
    enum leaf_encoding encoding = (enum leaf_encoding)option_number(values, "encoding");
    bool fits = false;
    for (size_t i = 0; i < plan->n_leaves; i++)
        fits |=
            plan->leaves[i].top == top && parquet_encoding_fits(encoding, plan->leaves[i].physical);
    return fits;
}

/* What --columns says, for each column of SCHEMA that can have it. */
static void set_columns(const struct format_driver *driver, const struct settings *settings,
                        const struct schema *schema, struct arena *arena,
                        struct option_values *options)
{
    struct error err;
    struct leaf_plan plan;
    struct option_entry *of_columns = arena_alloc(arena, N_COLUMNS * sizeof(*of_columns));
    must(leaf_plan_init(&plan, schema, &err), &err);
    for (size_t c = 0; c < schema->n_fields && settings->n_of_columns > 0; c++) {
        struct option_entry *entry = &of_columns[options->n_entries];
        entry->name = schema->fields[c].name;
        must(option_defaults(arena, driver->column_options, &entry->values, &err), &err);
        for (size_t i = 0; i < settings->n_of_columns; i++)
            set_pair(&entry->values, settings->of_columns[i]);
        options->n_entries += encoding_fits(&plan, c, &entry->values);
    }
    options->entries = of_columns;
    leaf_plan_release(&plan);
}

static void write_groups(const struct format_driver *driver, const struct settings *settings,
                         const struct option_values *options, const struct batch *batch,
                         struct byte_sink *sink)
{
    struct error err;
    struct encoder *encoder;
    struct format_file *file;
    must(driver->encoder_new(batch->schema, options, &encoder, &err), &err);
    must(driver->file_begin(batch->schema, options, sink, &file, &err), &err);
    size_t step = (settings->rows + settings->groups - 1) / settings->groups;
    for (size_t at = 0; at < settings->rows; at += step) {
        struct row_group group = {0};
        size_t n = settings->rows - at < step ? settings->rows - at : step;
        must(driver->encode(encoder, batch, at, n, NULL, &group, &err), &err);
        must(driver->file_append(file, &group, &err), &err);
        row_group_release(&group);
    }
    struct key_value pairs[] = {{"made by", "write_types"}, {"empty", ""}};
    struct file_result result;
    must(driver->file_finish(file, pairs, 2, &result, &err), &err);
    file_result_release(&result);
    driver->encoder_free(encoder);
}

static void write_all(const struct settings *settings)
{
    struct error err;
    const struct format_driver *driver = format_find("parquet");
    struct arena arena = {0};
    struct option_values options;
    must(option_defaults(&arena, driver->options, &options, &err), &err);
    set_option(&options, "compression", settings->compression);
    set_option(&options, "dictionary", settings->dictionary);
    set_option(&options, "page_rows", settings->page_rows);
    for (size_t i = 0; i < settings->n_sets; i++)
        set_pair(&options, settings->sets[i]);
    struct schema schema = {0};
    for (size_t c = 0; c < N_COLUMNS; c++)
        if (!is_left_out(settings, c))
            must(schema_append(&schema, &columns[c], &err), &err);
    set_columns(driver, settings, &schema, &arena, &options);
    struct batch batch;
    must(batch_init(&batch, &schema, &err), &err);
    fill(&batch, settings);
    struct file_sink sink = {{file_sink_write}, fopen(settings->path, "wb")};
    if (!sink.file) {
        perror(settings->path);
        exit(1);
    }
    write_groups(driver, settings, &options, &batch, &sink.base);
    batch_release(&batch);
    schema_release(&schema);
    arena_release(&arena);
    if (fclose(sink.file) != 0)
        exit(1);
}

static bool flag(const char *name, char **argv, int argc, int *i, const char **out)
{
    if (strcmp(argv[*i], name) != 0 || *i + 1 >= argc)
        return false;
    *out = argv[++*i];
    return true;
}

int main(int argc, char **argv)
{
    struct settings settings = {.rows = 1000, .groups = 1};
    const char *text = NULL;
    for (int i = 1; i < argc; i++) {
        if (flag("--rows", argv, argc, &i, &text))
            settings.rows = strtoull(text, NULL, 10);
        else if (flag("--groups", argv, argc, &i, &text))
            settings.groups = strtoull(text, NULL, 10);
        else if (flag("--nulls", argv, argc, &i, &text))
            settings.nulls = strcmp(text, "all") == 0    ? NULLS_ALL
                             : strcmp(text, "none") == 0 ? NULLS_NONE
                                                         : NULLS_SOME;
        else if (flag("--compression", argv, argc, &i, &text))
            settings.compression = text;
        else if (flag("--page-rows", argv, argc, &i, &text))
            settings.page_rows = text;
        else if (flag("--without", argv, argc, &i, &text))
            settings.without = text;
        else if (settings.n_sets < MOST_SETS && flag("--set", argv, argc, &i, &text))
            settings.sets[settings.n_sets++] = text;
        else if (settings.n_of_columns < MOST_SETS && flag("--columns", argv, argc, &i, &text))
            settings.of_columns[settings.n_of_columns++] = text;
        else if (strcmp(argv[i], "--no-dictionary") == 0)
            settings.dictionary = "false";
        else
            settings.path = argv[i];
    }
    if (!settings.path || settings.groups == 0) {
        fprintf(stderr, "usage: write_types OUT [--rows N] [--groups N] [--compression C] "
                        "[--nulls some|none|all] [--no-dictionary] [--page-rows N] "
                        "[--without COLUMN] [--set OPTION=VALUE]... [--columns OPTION=VALUE]...\n");
        return 2;
    }
    write_all(&settings);
    return 0;
}
