/* Prints a Parquet file as this reader sees it, a JSON object a row, for other readers to be compared with:
 *
 *   read_file FILE [--fields NAME,...] [--rows-at-once N] [--memory BYTES] [--count] [--schema]
 *
 * Numbers as they are; NaN and infinities, decimals and texts in quotes; bytes, UUIDs in hex; dates, times and
 * timestamps as days or microseconds; intervals as [months, days, nanoseconds]; maps as [[key, value], ...].
 * --count reads all and prints only the number of rows; --schema prints names and types. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "batch/batch.h"
#include "format/format.h"

struct settings {
    const char *path;
    const char *fields;
    size_t rows_at_once, memory;
    bool count, schema;
};

static struct error error;

static void must(status_code code)
{
    if (code == STATUS_OK)
        return;
    fprintf(stderr, "read_file: %s\n", error.text);
    exit(1);
}

/* ---- the file ---- */

struct file_source {
    struct byte_source base;
    FILE *file;
};

static status read_bytes(const struct byte_source *source, uint64_t offset, void *out, size_t size,
                         struct error *err)
{
    FILE *file = ((const struct file_source *)source)->file;
    if (fseek(file, (long)offset, SEEK_SET) == 0 && fread(out, 1, size, file) == size)
        return STATUS_OK;
    return error_set(err, STATUS_UNAVAILABLE, "cannot read");
}

/* ---- values ---- */

static void print_text(const uint8_t *bytes, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            printf("\\%c", bytes[i]);
        else if (bytes[i] < 0x20)
            printf("\\u%04x", bytes[i]);
        else
            putchar(bytes[i]);
    }
    putchar('"');
}

static void print_hex(const uint8_t *bytes, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar('"');
}

static void print_double(double value, int digits)
{
    if (isnan(value))
        printf("\"NaN\"");
    else if (isinf(value))
        printf(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        printf("%.*g", digits, value);
}

static void print_interval(const uint8_t *bytes)
{
    int32_t months, days;
    int64_t nanoseconds;
    memcpy(&months, bytes, 4);
    memcpy(&days, bytes + 4, 4);
    memcpy(&nanoseconds, bytes + 8, 8);
    printf("[%d, %d, %" PRId64 "]", months, days, nanoseconds);
}

static void print_decimal(const struct column *column, size_t row)
{
    struct arena arena = {0};
    struct scalar value;
    scalar_from_column(&value, column, row);
    printf("\"%s\"", scalar_text(&value, &arena));
    arena_release(&arena);
}

static void print_fixed(const struct column *column, size_t row)
{
    const uint8_t *at = column->values.data + row * column->value_bytes;
    struct scalar value;
    switch (column->field->type.id) {
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        scalar_from_column(&value, column, row);
        print_double(value.f64, column->field->type.id == TYPE_FLOAT32 ? 9 : 17);
        return;
    case TYPE_DECIMAL:
        print_decimal(column, row);
        return;
    case TYPE_INTERVAL:
        print_interval(at);
        return;
    case TYPE_FIXED_BINARY:
    case TYPE_UUID:
        print_hex(at, column->value_bytes);
        return;
    case TYPE_UINT8:
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
        scalar_from_column(&value, column, row);
        printf("%" PRIu64, value.u64);
        return;
    default:
        scalar_from_column(&value, column, row);
        printf("%" PRId64, value.i64);
    }
}

static void print_value(const struct column *column, size_t row);

static void print_struct(const struct column *column, size_t row)
{
    for (size_t i = 0; i < column->n_children; i++) {
        printf(i ? ", " : "{");
        print_text((const uint8_t *)column->children[i].field->name,
                   strlen(column->children[i].field->name));
        printf(": ");
        print_value(&column->children[i], row);
    }
    printf("}");
}

static void print_list(const struct column *column, size_t row)
{
    const int64_t *offsets = column_offsets(column);
    const struct column *child = &column->children[0];
    printf("[");
    for (int64_t i = offsets[row]; i < offsets[row + 1]; i++) {
        printf(i > offsets[row] ? ", " : "");
        if (column->field->type.id == TYPE_LIST) {
            print_value(child, (size_t)i);
            continue;
        }
        printf("[");
        print_value(&child->children[0], (size_t)i);
        printf(", ");
        print_value(&child->children[1], (size_t)i);
        printf("]");
    }
    printf("]");
}

static void print_value(const struct column *column, size_t row)
{
    const int64_t *offsets = column_offsets(column);
    if (column_is_null(column, row)) {
        printf("null");
        return;
    }
    switch (column->field->type.id) {
    case TYPE_BOOL:
        printf(bit_get(column->values.data, row) ? "true" : "false");
        return;
    case TYPE_UTF8:
    case TYPE_JSON:
        print_text(column->data.data + offsets[row], (size_t)(offsets[row + 1] - offsets[row]));
        return;
    case TYPE_BINARY:
        print_hex(column->data.data + offsets[row], (size_t)(offsets[row + 1] - offsets[row]));
        return;
    case TYPE_LIST:
    case TYPE_MAP:
        print_list(column, row);
        return;
    case TYPE_STRUCT:
        print_struct(column, row);
        return;
    default:
        print_fixed(column, row);
    }
}

static void print_rows(const struct batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++) {
        for (size_t i = 0; i < batch->schema->n_fields; i++) {
            const char *name = batch->schema->fields[i].name;
            printf(i ? ", " : "{");
            print_text((const uint8_t *)name, strlen(name));
            printf(": ");
            print_value(&batch->columns[i], row);
        }
        puts("}");
    }
}

static void print_field(const struct field *field, int depth)
{
    char type[64];
    printf("%*s%s: %s%s", 2 * depth, "", field->name, type_text(field->type, type),
           field->nullable ? "" : " not null");
    printf(field->field_id ? " id %d\n" : "\n", field->field_id);
    for (size_t i = 0; i < field->n_children; i++)
        print_field(&field->children[i], depth + 1);
}

/* ---- reading ---- */

static void choose(const struct format_driver *driver, struct format_reader *reader,
                   const struct settings *settings)
{
    static size_t fields[4096];
    size_t n = 0;
    char *names = settings->fields ? strdup(settings->fields) : NULL, *next = NULL;
    for (char *name = names ? strtok_r(names, ",", &next) : NULL; name;
         name = strtok_r(NULL, ",", &next)) {
        fields[n++] = schema_find(driver->reader_schema(reader), name);
        if (fields[n - 1] == SIZE_MAX) {
            fprintf(stderr, "read_file: no column %s\n", name);
            exit(2);
        }
    }
    struct format_read_options options = {
        .fields = names ? fields : NULL, .n_fields = n, .memory_limit = settings->memory};
    must(driver->reader_begin(reader, &options, &error));
    free(names);
}

static void read_all(const struct format_driver *driver, struct format_reader *reader,
                     const struct settings *settings)
{
    struct batch batch;
    uint64_t total = 0;
    must(batch_init(&batch, driver->reader_batch_schema(reader), &error));
    for (;;) {
        size_t rows = 0;
        must(driver->reader_next(reader, &batch, settings->rows_at_once, &rows, &error));
        if (rows == 0)
            break;
        total += rows;
        if (!settings->count)
            print_rows(&batch);
        batch_clear(&batch);
    }
    if (settings->count)
        printf("%" PRIu64 "\n", total);
    batch_release(&batch);
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
    struct settings settings = {.rows_at_once = 16384};
    const char *text = NULL;
    for (int i = 1; i < argc; i++) {
        if (flag("--fields", argv, argc, &i, &text))
            settings.fields = text;
        else if (flag("--rows-at-once", argv, argc, &i, &text))
            settings.rows_at_once = strtoull(text, NULL, 10);
        else if (flag("--memory", argv, argc, &i, &text))
            settings.memory = strtoull(text, NULL, 10);
        else if (strcmp(argv[i], "--count") == 0)
            settings.count = true;
        else if (strcmp(argv[i], "--schema") == 0)
            settings.schema = true;
        else
            settings.path = argv[i];
    }
    struct file_source source = {{read_bytes, 0},
                                 settings.path ? fopen(settings.path, "rb") : NULL};
    if (!source.file || fseek(source.file, 0, SEEK_END) != 0) {
        fprintf(stderr, "usage: read_file FILE [--fields NAME,...] [--rows-at-once N] "
                        "[--memory BYTES] [--count] [--schema]\n");
        return 2;
    }
    source.base.size = (uint64_t)ftell(source.file);
    const struct format_driver *driver = format_find("parquet");
    struct format_reader *reader = NULL;
    must(cpu_choose(getenv("LEAT_CPU"), &error));
    must(driver->reader_open(&source.base, settings.memory, &reader, &error));
    if (settings.schema)
        for (size_t i = 0; i < driver->reader_schema(reader)->n_fields; i++)
            print_field(&driver->reader_schema(reader)->fields[i], 0);
    choose(driver, reader, &settings);
    if (!settings.schema)
        read_all(driver, reader, &settings);
    driver->reader_free(reader);
    fclose(source.file);
    return 0;
}
