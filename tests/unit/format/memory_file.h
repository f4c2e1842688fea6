/* A Parquet file in memory, and the little that tests of the writer do again and again. */
#ifndef LEAT_TEST_MEMORY_FILE_H
#define LEAT_TEST_MEMORY_FILE_H

#include <string.h>

#include "batch/batch.h"
#include "cmocka_all.h"
#include "format/format.h"
#include "random.h"

#define CHECK_OK(call) CHECK_CALL(call, STATUS_OK, &test_error)

static struct error test_error;

struct memory_sink {
    struct byte_sink base;
    struct buffer bytes;
};

static inline status memory_sink_write(struct byte_sink *sink, const void *bytes, size_t size,
                                       struct error *err)
{
    return buffer_append(&((struct memory_sink *)sink)->bytes, bytes, size, err);
}

struct memory_source {
    struct byte_source base;
    const uint8_t *bytes;
};

/* Copies, so that what is read can't hide a read beyond it. */
static inline status memory_source_read(const struct byte_source *source, uint64_t offset,
                                        void *out, size_t size, struct error *err)
{
    if (offset > source->size || size > source->size - offset)
        fail_msg("a read of %zu bytes at %llu of %llu", size, (unsigned long long)offset,
                 (unsigned long long)source->size);
    memcpy(out, ((const struct memory_source *)source)->bytes + offset, size);
    return STATUS_OK;
}

static inline struct memory_source memory_source_of(const void *bytes, size_t size)
{
    return (struct memory_source){.base = {memory_source_read, size}, .bytes = bytes};
}

/* Options as "name=value" texts, lists as "name=a,b", those of a column as "column.name=value"; NULL at the end. */
enum { MOST_OPTIONS = 16, MOST_ENTRIES = 4 };

struct test_options {
    struct option_value values[MOST_OPTIONS];
    struct option_value entry_values[MOST_ENTRIES][MOST_OPTIONS];
    struct option_entry entries[MOST_ENTRIES];
    char kept[1024]; /* lists and names, cut to pieces */
    size_t kept_bytes;
    const char *items[MOST_OPTIONS];
    size_t n_items;
    struct option_values set;
};

static inline char *test_options_keep(struct test_options *options, const char *text, size_t size)
{
    assert_true(options->kept_bytes + size + 1 <= sizeof(options->kept));
    char *copy = options->kept + options->kept_bytes;
    memcpy(copy, text, size);
    copy[size] = 0;
    options->kept_bytes += size + 1;
    return copy;
}

static inline void test_options_list(struct test_options *options, const char *text,
                                     struct option_value *out)
{
    out->given = true;
    out->items = &options->items[options->n_items];
    for (const char *at = text; *at;) {
        size_t size = strcspn(at, ",");
        assert_true(options->n_items < MOST_OPTIONS);
        options->items[options->n_items++] = test_options_keep(options, at, size);
        out->n_items++;
        at += size + (at[size] == ',');
    }
}

static inline void test_options_defaults(const struct option_spec *specs,
                                         struct option_value *values, struct option_values *out)
{
    *out =
        (struct option_values){.specs = specs, .values = values, .n_values = option_count(specs)};
    assert_true(out->n_values <= MOST_OPTIONS);
    for (size_t i = 0; i < out->n_values; i++) {
        if (specs[i].default_text)
            CHECK_OK(option_parse(&specs[i], specs[i].default_text, &values[i], &test_error));
        values[i].spec = &specs[i];
        values[i].given = false;
    }
}

static inline struct option_values *test_options_entry(struct test_options *options,
                                                       const char *name, size_t size)
{
    size_t i = 0;
    for (; i < options->set.n_entries; i++)
        if (strlen(options->entries[i].name) == size &&
            memcmp(options->entries[i].name, name, size) == 0)
            return &options->entries[i].values;
    assert_true(i < MOST_ENTRIES);
    options->entries[i].name = test_options_keep(options, name, size);
    options->set.n_entries++;
    test_options_defaults(format_find("parquet")->column_options, options->entry_values[i],
                          &options->entries[i].values);
    return &options->entries[i].values;
}

static inline const struct option_values *test_options(struct test_options *out,
                                                       const char *const *texts)
{
    *out = (struct test_options){.n_items = 0};
    test_options_defaults(format_find("parquet")->options, out->values, &out->set);
    out->set.entries = out->entries;
    for (const char *const *t = texts; t && *t; t++) {
        struct option_values *into = &out->set;
        const char *text = *t;
        size_t column = strcspn(text, ".=");
        if (text[column] == '.') {
            into = test_options_entry(out, text, column);
            text += column + 1;
        }
        const char *value = strchr(text, '=');
        assert_non_null(value);
        const char *name = test_options_keep(out, text, (size_t)(value - text));
        size_t i = 0;
        while (i < into->n_values && strcmp(into->specs[i].name, name) != 0)
            i++;
        if (i == into->n_values)
            fail_msg("no option is called %s", name);
        if (into->specs[i].kind == OPTION_LIST)
            test_options_list(out, value + 1, &into->values[i]);
        else
            CHECK_OK(option_parse(&into->specs[i], value + 1, &into->values[i], &test_error));
    }
    return &out->set;
}

/* A number, an instant, a text that repeats and one that does not, a float with NaN, a list. */
static const struct field mixed_element = {
    .name = "element", .type.id = TYPE_INT32, .nullable = true};
static struct field mixed_fields[] = {
    {.name = "id", .type.id = TYPE_INT64},
    {.name = "at", .type = {.id = TYPE_TIMESTAMP, .utc = true}, .nullable = true},
    {.name = "color", .type.id = TYPE_UTF8, .nullable = true},
    {.name = "note", .type.id = TYPE_UTF8, .nullable = true},
    {.name = "share", .type.id = TYPE_FLOAT64, .nullable = true},
    {.name = "tags",
     .type.id = TYPE_LIST,
     .nullable = true,
     .children = &mixed_element,
     .n_children = 1},
};
static const struct schema mixed = {.fields = mixed_fields, .n_fields = 6};

static inline status append_text(struct column *column, const char *text)
{
    return column_append_bytes(column, text, strlen(text), &test_error);
}

static inline void append_mixed(struct batch *batch, uint64_t i, uint64_t *seed)
{
    static const char *const colors[] = {"red", "green", "blue"};
    struct column *c = batch->columns;
    uint64_t random = next_random(seed);
    double share = i % 10 == 3 ? __builtin_nan("") : (double)(random % 1000) / 8;
    char note[40];
    snprintf(note, sizeof(note), "%016llx", (unsigned long long)random);
    column_append_i64(&c[0], (int64_t)i);
    if (i % 5 == 0)
        CHECK_OK(column_append_null(&c[1], &test_error));
    else
        column_append_i64(&c[1], (int64_t)(i * 1000000));
    CHECK_OK(i % 7 == 0 ? column_append_null(&c[2], &test_error)
                        : append_text(&c[2], colors[i % 3]));
    CHECK_OK(append_text(&c[3], note));
    column_append_fixed(&c[4], &share);
    CHECK_OK(column_reserve(&c[5].children[0], 3, &test_error));
    for (uint64_t k = 0; k < i % 3; k++)
        column_append_i32(&c[5].children[0], (int32_t)(i + k));
    column_append_nested(&c[5]);
    batch->rows++;
}

static inline void make_mixed(struct batch *batch, size_t rows)
{
    uint64_t seed = 1;
    CHECK_OK(batch_init(batch, &mixed, &test_error));
    CHECK_OK(batch_reserve(batch, rows, &test_error));
    for (uint64_t i = 0; i < rows; i++)
        append_mixed(batch, i, &seed);
}

static inline void encode_group(const struct batch *batch, size_t first, size_t n,
                                const struct option_values *options, struct row_group *out)
{
    const struct format_driver *driver = format_find("parquet");
    struct encoder *encoder;
    CHECK_OK(driver->encoder_new(batch->schema, options, &encoder, &test_error));
    CHECK_OK(driver->encode(encoder, batch, first, n, NULL, out, &test_error));
    driver->encoder_free(encoder);
}

/* BATCH as a file of GROUPS row groups in SINK; the caller releases the sink's bytes. */
static inline void write_file(const struct batch *batch, size_t groups,
                              const struct option_values *options, struct memory_sink *sink,
                              struct file_result *result)
{
    const struct format_driver *driver = format_find("parquet");
    struct format_file *file;
    *sink = (struct memory_sink){.base = {memory_sink_write}};
    CHECK_OK(driver->file_begin(batch->schema, options, &sink->base, &file, &test_error));
    size_t step = (batch->rows + groups - 1) / groups;
    for (size_t at = 0; at < batch->rows; at += step) {
        struct row_group group;
        size_t n = batch->rows - at < step ? batch->rows - at : step;
        encode_group(batch, at, n, options, &group);
        CHECK_OK(driver->file_append(file, &group, &test_error));
        row_group_release(&group);
    }
    const struct key_value pairs[] = {{"made by", "a test"}, {"empty", NULL}};
    CHECK_OK(driver->file_finish(file, pairs, 2, result, &test_error));
}

#endif
