/* Writes the values it is given into one Parquet file, for readers of others to judge:
 *
 *   write_values VALUES.json OUT [--option NAME=VALUE]... [--groups N] [--without COLUMN]...
 *
 * VALUES.json is {"fields": [FIELD...], "values": {NAME: [VALUE...]}}; all columns have as many values. A FIELD is
 * {"name": ..., "type": ..., "children": [FIELD...]}; the type a word of job files, or list, struct, map. Nothing in a
 * value is computed here; tests/readers/extremes.py says what each looks like:
 *
 *   bool                        true, false
 *   integers                    "-128"
 *   date, time, timestamp       "-719162": the number in the column
 *   float32, float64            "7f800000": the bits, as hex digits
 *   decimal, uuid               their text
 *   text, json                  their text
 *   binary, fixed_binary        hex digits
 *   interval                    [months, days, milliseconds]
 *   list, map                   [element...], [[key, value]...]
 *   struct                      {name: value} */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "batch/batch.h"
#include "file_sink.h"
#include "format/format.h"

enum { MAX_OPTIONS = 64, MAX_WITHOUT = 64 };

struct settings {
    const char *values, *out;
    const char *without[MAX_WITHOUT];
    size_t n_without, groups;
    struct option_value options[MAX_OPTIONS];
};

static void __attribute__((noreturn)) give_up(const char *what, const char *which)
{
    fprintf(stderr, "write_values: %s: %s\n", what, which);
    exit(1);
}

static void must(status_code code, const struct error *err)
{
    if (code != STATUS_OK)
        give_up("failed", err->text);
}

static const char *text_of(const json_t *json, const char *where)
{
    if (!json_is_string(json))
        give_up("a text is expected", where);
    return json_string_value(json);
}

/* ---- schema ---- */

static bool nested_word(const char *word, struct type *out)
{
    static const struct {
        const char *word;
        enum type_id id;
    } words[] = {{"list", TYPE_LIST}, {"struct", TYPE_STRUCT}, {"map", TYPE_MAP}};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(words[i].word, word) == 0) {
            *out = (struct type){.id = words[i].id};
            return true;
        }
    return false;
}

static struct field read_field(const json_t *json, struct arena *arena)
{
    struct error err;
    const json_t *children = json_object_get(json, "children");
    const char *word = text_of(json_object_get(json, "type"), "type");
    struct field field = {.name = text_of(json_object_get(json, "name"), "name"),
                          .nullable = !json_is_true(json_object_get(json, "required")),
                          .n_children = json_array_size(children)};
    if (!nested_word(word, &field.type))
        must(type_parse(word, &field.type, &err), &err);
    struct field *fields = arena_alloc(arena, (field.n_children + 1) * sizeof(*fields));
    for (size_t i = 0; fields && i < field.n_children; i++)
        fields[i] = read_field(json_array_get(children, i), arena);
    field.children = fields;
    return field;
}

/* ---- values ---- */

static void put(struct column *column, const json_t *value);

static void put_hex(struct column *column, const char *digits, bool reversed)
{
    struct error err;
    size_t size = strlen(digits) / 2;
    uint8_t *bytes = malloc(size + 1);
    if (!bytes || !bytes_from_hex(digits, 2 * size, bytes))
        give_up("no hex digits", digits);
    for (size_t i = 0; reversed && i < size / 2; i++) {
        uint8_t kept = bytes[i];
        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = kept;
    }
    if (type_is_text_like(column->field->type))
        must(column_append_bytes(column, bytes, size, &err), &err);
    else if (size == column->value_bytes)
        column_append_fixed(column, bytes);
    else
        give_up("not the width of the column", digits);
    free(bytes);
}

static void put_interval(struct column *column, const json_t *value)
{
    uint8_t bytes[16];
    store_u32le(bytes, (uint32_t)json_integer_value(json_array_get(value, 0)));
    store_u32le(bytes + 4, (uint32_t)json_integer_value(json_array_get(value, 1)));
    uint64_t ms = (uint64_t)json_integer_value(json_array_get(value, 2));
    store_u64le(bytes + 8, ms * 1000000);
    column_append_fixed(column, bytes);
}

static void put_number(struct column *column, const char *text)
{
    int64_t number = strtoll(text, NULL, 10);
    column_append_fixed(column, &number); /* little-endian: the low bytes are the narrow value */
}

static void put_scalar(struct column *column, const char *text)
{
    struct error err;
    struct scalar scalar;
    must(scalar_parse(column->field->type, text, strlen(text), &scalar, &err), &err);
    must(column_append_scalar(column, &scalar, &err), &err);
}

static void put_children(struct column *column, const json_t *value)
{
    if (column->field->type.id == TYPE_STRUCT) {
        for (size_t i = 0; i < column->n_children; i++)
            put(&column->children[i], json_object_get(value, column->children[i].field->name));
    } else if (column->field->type.id == TYPE_LIST) {
        for (size_t i = 0; i < json_array_size(value); i++)
            put(&column->children[0], json_array_get(value, i));
    } else {
        struct column *entry = &column->children[0];
        for (size_t i = 0; i < json_array_size(value); i++) {
            const json_t *pair = json_array_get(value, i);
            struct error err;
            must(column_reserve(entry, 1, &err), &err);
            put(&entry->children[0], json_array_get(pair, 0));
            put(&entry->children[1], json_array_get(pair, 1));
            column_append_nested(entry);
        }
    }
    column_append_nested(column);
}

static void put(struct column *column, const json_t *value)
{
    struct error err;
    if (!value || json_is_null(value)) {
        must(column_append_null(column, &err), &err);
        return;
    }
    must(column_reserve(column, 1, &err), &err);
    switch (column->field->type.id) {
    case TYPE_BOOL:
        column_append_bool(column, json_is_true(value));
        break;
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        put_hex(column, text_of(value, column->field->name), true);
        break;
    case TYPE_BINARY:
    case TYPE_FIXED_BINARY:
        put_hex(column, text_of(value, column->field->name), false);
        break;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        put_number(column, text_of(value, column->field->name));
        break;
    case TYPE_INTERVAL:
        put_interval(column, value);
        break;
    case TYPE_LIST:
    case TYPE_STRUCT:
    case TYPE_MAP:
        put_children(column, value);
        break;
    case TYPE_UTF8:
    case TYPE_JSON:
        must(column_append_bytes(column, text_of(value, column->field->name),
                                 json_string_length(value), &err),
             &err);
        break;
    default:
        put_scalar(column, text_of(value, column->field->name));
    }
}

/* ---- the file ---- */

static void write_groups(const struct settings *settings, const struct batch *batch,
                         const struct option_values *options, struct byte_sink *sink)
{
    struct error err;
    const struct format_driver *driver = format_find("parquet");
    struct encoder *encoder;
    struct format_file *file;
    must(driver->encoder_new(batch->schema, options, &encoder, &err), &err);
    must(driver->file_begin(batch->schema, options, sink, &file, &err), &err);
    size_t step = (batch->rows + settings->groups - 1) / settings->groups;
    for (size_t at = 0; at < batch->rows; at += step) {
        struct row_group group = {0};
        size_t n = batch->rows - at < step ? batch->rows - at : step;
        must(driver->encode(encoder, batch, at, n, NULL, &group, &err), &err);
        must(driver->file_append(file, &group, &err), &err);
        row_group_release(&group);
    }
    struct file_result result;
    must(driver->file_finish(file, NULL, 0, &result, &err), &err);
    file_result_release(&result);
    driver->encoder_free(encoder);
}

static bool left_out(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->n_without; i++)
        if (strcmp(settings->without[i], name) == 0)
            return true;
    return false;
}

static void fill(struct batch *batch, const json_t *values)
{
    for (size_t c = 0; c < batch->schema->n_fields; c++) {
        const json_t *column = json_object_get(values, batch->schema->fields[c].name);
        for (size_t i = 0; i < json_array_size(column); i++)
            put(&batch->columns[c], json_array_get(column, i));
        batch->rows = batch->columns[c].rows;
    }
}

static void write_all(const struct settings *settings, const struct option_values *options)
{
    struct error err;
    json_error_t told;
    struct arena arena = {0};
    struct schema schema = {0};
    struct batch batch;
    json_t *json = json_load_file(settings->values, JSON_ALLOW_NUL, &told);
    if (!json)
        give_up(settings->values, told.text);
    const json_t *fields = json_object_get(json, "fields");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        struct field field = read_field(json_array_get(fields, i), &arena);
        if (!left_out(settings, field.name))
            must(schema_append(&schema, &field, &err), &err);
    }
    must(batch_init(&batch, &schema, &err), &err);
    fill(&batch, json_object_get(json, "values"));
    struct file_sink sink = {{file_sink_write}, fopen(settings->out, "wb")};
    if (!sink.file)
        give_up(settings->out, strerror(errno));
    write_groups(settings, &batch, options, &sink.base);
    if (fclose(sink.file) != 0)
        give_up(settings->out, strerror(errno));
    batch_release(&batch);
    schema_release(&schema);
    arena_release(&arena);
    json_decref(json);
}

/* a,b,c */
static void set_list(struct option_value *value, const char *text)
{
    static char kept[512];
    static const char *items[MAX_OPTIONS];
    snprintf(kept, sizeof(kept), "%s", text);
    for (char *item = strtok(kept, ","); item && value->n_items + 1 < MAX_OPTIONS;
         item = strtok(NULL, ","))
        items[value->n_items++] = item;
    value->items = items;
    value->text = text;
    value->given = true;
}

/* NAME=VALUE; a list, which one option at most may be, as a,b,c */
static void set_option(struct settings *settings, const struct option_spec *specs, const char *text)
{
    struct error err;
    size_t name = strcspn(text, "=");
    for (size_t i = 0; specs[i].name && text[name]; i++) {
        if (strlen(specs[i].name) != name || memcmp(specs[i].name, text, name) != 0)
            continue;
        if (specs[i].kind == OPTION_LIST)
            set_list(&settings->options[i], text + name + 1);
        else
            must(option_parse(&specs[i], text + name + 1, &settings->options[i], &err), &err);
        return;
    }
    give_up("no such option", text);
}

int main(int argc, char **argv)
{
    static struct settings settings = {.groups = 1};
    const struct option_spec *specs = format_find("parquet")->options;
    struct option_values options = {
        .specs = specs, .values = settings.options, .n_values = option_count(specs)};
    struct error err;
    for (size_t i = 0; i < options.n_values; i++) {
        settings.options[i].spec = &specs[i];
        if (specs[i].default_text)
            must(option_parse(&specs[i], specs[i].default_text, &settings.options[i], &err), &err);
    }
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--option") == 0 && more)
            set_option(&settings, specs, argv[++i]);
        else if (strcmp(argv[i], "--groups") == 0 && more)
            settings.groups = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--without") == 0 && more && settings.n_without < MAX_WITHOUT)
            settings.without[settings.n_without++] = argv[++i];
        else if (!settings.values)
            settings.values = argv[i];
        else
            settings.out = argv[i];
    }
    if (!settings.out || settings.groups == 0) {
        fprintf(stderr, "usage: write_values VALUES.json OUT [--option NAME=VALUE]... "
                        "[--groups N] [--without COLUMN]...\n");
        return 2;
    }
    write_all(&settings, &options);
    return 0;
}
