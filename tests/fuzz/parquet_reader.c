/* libFuzzer target: any bytes as a Parquet file, opened, read to the end and inspected. The first byte chooses how:
 *
 *   bit 0     checksums are ignored, so that what was changed reaches what lies behind them
 *   bits 1-2  rows at once: 1, 7, 1000, 100000
 *   bit 3     every second column only
 *   bit 4     a range over each flat column, so that statistics, indexes and filters are read
 *   bit 5     inspect, too
 *
 * Besides what sanitizers see: a refusal must have a text and must be of the file (BAD_DATA), and the rows read from a
 * file are never more than its footer says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "format/format.h"
#include "format/parquet/reader.h"

enum { MEMORY_BYTES = 4 << 20, MOST_FIELDS = 64 };

struct memory_source {
    struct byte_source base;
    const uint8_t *bytes;
};

static status read_memory(const struct byte_source *source, uint64_t offset, void *out, size_t size,
                          struct error *err)
{
    if (offset > source->size || size > source->size - offset)
        abort(); /* nothing is read outside of the file */
    memcpy(out, ((const struct memory_source *)source)->bytes + offset, size);
    return STATUS_OK;
}

static void check(status_code code, const struct error *error)
{
    if (code != STATUS_OK && (code != STATUS_BAD_DATA || error->text_bytes == 0)) {
        fprintf(stderr, "status %s: %s\n", status_text(code), error->text);
        abort();
    }
}

/* Ranges that hold the zero of each type. */
static size_t make_ranges(const struct schema *schema, struct format_range *ranges,
                          struct scalar *zeros)
{
    size_t n = 0;
    for (size_t i = 0; i < schema->n_fields && n < MOST_FIELDS; i++) {
        if (type_is_nested(schema->fields[i].type))
            continue;
        if (schema->fields[i].type.id == TYPE_FIXED_BINARY && schema->fields[i].type.width > 32)
            continue; /* no scalar holds it */
        zeros[n] = (struct scalar){.type = schema->fields[i].type, .bytes = "m", .size = 1};
        ranges[n] = (struct format_range){i, &zeros[n], n % 3 ? &zeros[n] : NULL};
        n++;
    }
    return n;
}

static status_code read_all(struct format_reader *reader, const struct format_driver *driver,
                            size_t at_once, struct error *error)
{
    struct batch batch;
    uint64_t total = 0;
    size_t rows = 1;
    status_code code = batch_init(&batch, driver->reader_batch_schema(reader), error);
    for (int calls = 0; code == STATUS_OK && rows > 0 && calls < 2000; calls++) {
        code = driver->reader_next(reader, &batch, at_once, &rows, error);
        if (code == STATUS_OK)
            total += rows;
        batch_clear(&batch);
    }
    if (total > driver->reader_rows(reader))
        abort();
    batch_release(&batch);
    return code;
}

static void read_file(const struct memory_source *source, uint8_t choice)
{
    static const size_t steps[] = {1, 7, 1000, 100000};
    const struct format_driver *driver = format_find("parquet");
    static struct format_range ranges[MOST_FIELDS];
    static struct scalar zeros[MOST_FIELDS];
    size_t fields[MOST_FIELDS], n_fields = 0;
    struct format_reader *reader = NULL;
    struct error error = {0};
    status_code code = driver->reader_open(&source->base, MEMORY_BYTES, &reader, &error);
    check(code, &error);
    if (code != STATUS_OK)
        return;
    const struct schema *schema = driver->reader_schema(reader);
    if (choice & 1)
        parquet_reader_ignore_checksums(reader);
    for (size_t i = 0; i < schema->n_fields && n_fields < MOST_FIELDS; i += 2)
        fields[n_fields++] = i;
    struct format_read_options options = {.fields = choice & 8 ? fields : NULL,
                                          .n_fields = n_fields,
                                          .ranges = ranges,
                                          .memory_limit = MEMORY_BYTES};
    if (choice & 16)
        options.n_ranges = make_ranges(schema, ranges, zeros);
    check(driver->reader_begin(reader, &options, &error), &error);
    check(read_all(reader, driver, steps[choice >> 1 & 3], &error), &error);
    driver->reader_free(reader);
}

static void inspect_file(const struct memory_source *source, bool json)
{
    static FILE *nowhere;
    struct error error = {0};
    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    struct format_inspect_options options = {.json = json, .row_groups = true, .pages = true};
    check(format_find("parquet")->inspect(&source->base, &options, nowhere, &error), &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct memory_source source = {{read_memory, size - 1}, data + 1};
    read_file(&source, data[0]);
    if (data[0] & 32)
        inspect_file(&source, data[0] & 64);
    return 0;
}
