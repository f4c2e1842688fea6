/* A footer for a person to read, or as JSON. */
#include <errno.h>
#include <string.h>

#include "format/parquet/describe.h"
#include "format/parquet/driver.h"
#include "format/parquet/footer.h"
#include "format/parquet/inspect_json.h"

enum { INDENT_MAX = 24, NAME_WIDTH = 24 };

static void arena_cleanup(struct arena *arena)
{
    arena_release(arena);
}

static void text_cleanup(struct text *text)
{
    text_release(text);
}

static void append_bytes(struct text *out, int64_t bytes)
{
    char buf[32];
    text_append(out, text_format_bytes(bytes > 0 ? (uint64_t)bytes : 0, buf));
}

static void append_count(struct text *out, int64_t count)
{
    char buf[32];
    text_append(out, text_format_count(count > 0 ? (uint64_t)count : 0, buf));
}

static void append_ratio(struct text *out, int64_t plain, int64_t stored)
{
    if (plain > 0 && stored > 0)
        text_printf(out, "%.1fx", (double)plain / (double)stored);
    else
        text_append(out, "-");
}

static void append_file(struct text *out, const struct byte_source *source,
                        const struct footer *footer, size_t columns)
{
    const struct parquet_footer *meta = &footer->meta;
    text_append(out, "rows        ");
    append_count(out, meta->rows);
    text_append(out, "\nsize        ");
    append_bytes(out, (int64_t)source->size);
    text_append(out, ", footer ");
    append_bytes(out, (int64_t)footer->bytes.size);
    text_printf(out, "\nrow groups  %zu\ncolumns     %zu\nversion     %d\ncreated by  ",
                meta->n_groups, columns, meta->version);
    describe_text(out, meta->created_by, 200);
    text_append_char(out, '\n');
    for (size_t i = 0; i < meta->n_pairs; i++) {
        text_append(out, i == 0 ? "metadata    " : "            ");
        describe_text(out, meta->keys[i], 100);
        text_append(out, " = ");
        describe_text(out, meta->values[i], 200);
        text_append_char(out, '\n');
    }
}

static void pad_to(struct text *out, size_t start, size_t width)
{
    do
        text_append_char(out, ' ');
    while (!out->failed && out->size - start < width);
}

static void append_schema(struct text *out, const struct parquet_footer *meta,
                          const uint32_t *depths)
{
    text_append(out, "\nschema\n");
    for (size_t i = 1; i < meta->n_elements && !out->failed; i++) {
        const struct schema_element *element = &meta->elements[i];
        size_t start = out->size;
        for (uint32_t d = 0; d < depths[i] && d < INDENT_MAX; d++)
            text_append(out, "  ");
        struct span name = {(const uint8_t *)element->name, strlen(element->name)};
        describe_text(out, name, 100);
        pad_to(out, start, NAME_WIDTH);
        text_printf(out, "%-9s ", describe_repetition(element->repetition));
        describe_type(out, element);
        if (element->field_id > 0)
            text_printf(out, "  id %d", element->field_id);
        text_append_char(out, '\n');
    }
}

static void append_path(struct text *out, const struct parquet_chunk *chunk)
{
    for (size_t i = 0; i < chunk->n_path; i++) {
        if (i > 0)
            text_append_char(out, '.');
        describe_text(out, chunk->path[i], 60);
    }
}

static void append_bound(struct text *out, const char *name, const struct schema_element *element,
                         bool has, struct span bound, bool exact)
{
    const char *quote = describe_is_text(element) ? "\"" : "";
    text_printf(out, "  %s ", name);
    if (!has) {
        text_append_char(out, '-');
        return;
    }
    text_append(out, quote);
    describe_bound(out, element, bound);
    text_append(out, quote);
    text_append(out, exact ? "" : "~"); /* cut: the value itself is not known */
}

static void append_bounds(struct text *out, const struct schema_element *element,
                          const struct parquet_statistics *statistics)
{
    if (!statistics->has_min && !statistics->has_max)
        return;
    append_bound(out, "min", element, statistics->has_min, statistics->min, statistics->min_exact);
    append_bound(out, "max", element, statistics->has_max, statistics->max, statistics->max_exact);
}

static void append_encodings(struct text *out, uint64_t encodings)
{
    const char *before = "";
    for (int encoding = 0; encoding < 64; encoding++) {
        if (!(encodings >> encoding & 1))
            continue;
        text_append(out, before);
        describe_encoding(out, encoding);
        before = " ";
    }
}

static const char *index_words(const struct parquet_chunk *chunk)
{
    bool column = chunk->column_index_offset >= 0, offset = chunk->offset_index_offset >= 0;
    if (column && offset)
        return "  page index";
    if (offset)
        return "  offset index";
    return column ? "  column index" : "";
}

static void append_chunk(struct text *out, const struct parquet_chunk *chunk,
                         const struct schema_element *element)
{
    size_t start = out->size;
    text_append(out, "  ");
    append_path(out, chunk);
    pad_to(out, start, NAME_WIDTH);
    describe_codec(out, chunk->codec);
    text_append(out, "  ");
    append_bytes(out, chunk->compressed_bytes);
    text_append(out, "  ");
    append_ratio(out, chunk->uncompressed_bytes, chunk->compressed_bytes);
    text_append(out, "  ");
    append_encodings(out, chunk->encodings);
    text_append(out, "  nulls ");
    if (chunk->statistics.null_count >= 0)
        append_count(out, chunk->statistics.null_count);
    else
        text_append_char(out, '?');
    if (chunk->statistics.nan_count > 0) {
        text_append(out, "  NaNs ");
        append_count(out, chunk->statistics.nan_count);
    }
    append_bounds(out, element, &chunk->statistics);
    text_append(out, index_words(chunk));
    if (chunk->bloom_filter_offset >= 0)
        text_append(out, "  bloom filter");
    text_append_char(out, '\n');
}

static void append_group(struct text *out, const struct parquet_group *group, size_t number,
                         const struct schema_element *const *leaves, size_t n_leaves)
{
    int64_t stored = 0;
    for (size_t i = 0; i < group->n_chunks; i++)
        __builtin_add_overflow(stored, group->chunks[i].compressed_bytes, &stored);
    text_printf(out, "\nrow group %zu: ", number);
    append_count(out, group->rows);
    text_append(out, " rows, ");
    append_bytes(out, stored);
    text_append(out, " stored, ");
    append_ratio(out, group->uncompressed_bytes, stored);
    text_append(out, " compressed\n");
    for (size_t i = 0; i < group->n_chunks && i < n_leaves && !out->failed; i++)
        append_chunk(out, &group->chunks[i], leaves[i]);
}

/* A footer may describe millions of chunks, so the report goes out a row group at a time. */
static status put_out(struct text *text, FILE *out, struct error *err)
{
    TRY(text_check(text, err));
    fputs(text_string(text), out);
    text_release(text);
    return STATUS_OK;
}

static status as_text(const struct byte_source *source, const struct footer *footer, FILE *out,
                      struct error *err)
{
    SCOPED(arena_cleanup) struct arena arena = {0};
    SCOPED(text_cleanup) struct text text = {0};
    size_t n_leaves = 0;
    const struct schema_element **leaves = describe_leaves(&footer->meta, &arena, &n_leaves);
    uint32_t *depths = describe_depths(&footer->meta, &arena);
    if (!leaves || !depths)
        return error_no_memory(err);
    append_file(&text, source, footer, n_leaves);
    append_schema(&text, &footer->meta, depths);
    TRY(put_out(&text, out, err));
    for (size_t g = 0; g < footer->meta.n_groups; g++) {
        append_group(&text, &footer->meta.groups[g], g, leaves, n_leaves);
        TRY(put_out(&text, out, err));
    }
    return STATUS_OK;
}

status parquet_inspect(const struct byte_source *source, bool json, FILE *out, struct error *err)
{
    struct footer footer = {0};
    TRY(footer_read(source, &footer, err));
    status_code code =
        json ? inspect_json(source, &footer, out, err) : as_text(source, &footer, out, err);
    footer_release(&footer);
    if (code == STATUS_OK && (fflush(out) != 0 || ferror(out)))
        code = error_os(err, errno, "cannot write the report");
    return code;
}
