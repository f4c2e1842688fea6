/* What a file is made of, for a person to read, or as JSON: the file, its schema, each column over all row groups, the
 * row groups; their chunks and pages where they are asked for. */
#include <errno.h>
#include <string.h>

#include "format/parquet/describe.h"
#include "format/parquet/driver.h"
#include "format/parquet/inspect_json.h"
#include "format/parquet/inspect_survey.h"
#include "format/parquet/inspect_text.h"

enum { INDENT_MAX = 24, NAME_WIDTH = 26 };

/* ---- the file ---- */

static bool same_order(const struct parquet_group *a, const struct parquet_group *b)
{
    if (a->n_sort_keys != b->n_sort_keys)
        return false;
    for (size_t i = 0; i < a->n_sort_keys; i++)
        if (a->sort_keys[i].leaf != b->sort_keys[i].leaf ||
            a->sort_keys[i].descending != b->sort_keys[i].descending ||
            a->sort_keys[i].nulls_first != b->sort_keys[i].nulls_first)
            return false;
    return true;
}

static void append_sorting(struct text *out, const struct parquet_footer *meta)
{
    size_t sorted = 0, same = 0;
    for (size_t g = 0; g < meta->n_groups; g++) {
        sorted += meta->groups[g].n_sort_keys > 0;
        same += same_order(&meta->groups[0], &meta->groups[g]);
    }
    if (sorted == 0)
        return;
    text_append(out, "sorted by   ");
    if (same == meta->n_groups)
        inspect_order(out, &meta->groups[0]);
    else
        text_printf(out, "%zu of %zu row groups, not all alike (--row-groups)", sorted,
                    meta->n_groups);
    text_append(out, same == meta->n_groups && sorted > 1 ? ", in each row group\n" : "\n");
}

static void append_pages_form(struct text *out, const struct column_survey *columns, size_t n)
{
    size_t v1 = 0, v2 = 0, checksummed = 0, damaged = 0;
    for (size_t i = 0; i < n; i++) {
        v1 += columns[i].v1;
        v2 += columns[i].v2;
        checksummed += columns[i].checksummed;
        damaged += columns[i].damaged;
    }
    if (v1 + v2 > 0)
        text_printf(out, "pages       %s, %s\n",
                    v1 && v2 ? "V1 and V2"
                    : v2     ? "V2"
                             : "V1",
                    checksummed == v1 + v2 ? "with checksums"
                    : checksummed > 0      ? "some with checksums"
                                           : "without checksums");
    if (damaged > 0) {
        text_append(out, "damaged     pages or indexes of ");
        inspect_counted(out, damaged, "column");
        text_append(out, " are not where the footer says\n");
    }
}

static void append_file(struct text *out, const struct byte_source *source,
                        const struct footer *footer, const struct column_survey *columns,
                        size_t n_columns)
{
    const struct parquet_footer *meta = &footer->meta;
    text_append(out, "rows        ");
    inspect_count(out, meta->rows);
    text_append(out, meta->n_groups == 1 ? " in 1 row group" : "");
    if (meta->n_groups > 1) {
        text_append(out, " in ");
        inspect_counted(out, meta->n_groups, "row group");
    }
    text_append(out, "\nsize        ");
    inspect_bytes(out, (int64_t)source->size);
    text_append(out, ", footer ");
    inspect_bytes(out, (int64_t)footer->bytes.size);
    if (meta->rows > 0)
        text_printf(out, "; %.1f bytes a row", (double)source->size / (double)meta->rows);
    text_printf(out, "\ncolumns     %zu\ncreated by  ", n_columns);
    describe_text(out, meta->created_by, 200);
    text_printf(out, "; format version %d\n", meta->version);
    append_pages_form(out, columns, n_columns);
    append_sorting(out, meta);
    for (size_t i = 0; i < meta->n_pairs; i++) {
        text_append(out, i == 0 ? "metadata    " : "            ");
        describe_text(out, meta->keys[i], 60);
        text_append(out, " = ");
        describe_text(out, meta->values[i], 100);
        if (meta->values[i].size > 100) {
            text_append(out, " (");
            inspect_bytes(out, (int64_t)meta->values[i].size);
            text_append_char(out, ')');
        }
        text_append_char(out, '\n');
    }
}

/* ---- schema ---- */

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
        inspect_pad(out, start, NAME_WIDTH);
        text_printf(out, "%-9s ", describe_repetition(element->repetition));
        describe_type(out, element);
        if (element->field_id > 0)
            text_printf(out, "  id %d", element->field_id);
        text_append_char(out, '\n');
    }
}

/* ---- columns ---- */

static void append_set(struct text *out, uint64_t set, void (*describe)(struct text *, int))
{
    const char *before = "";
    for (int i = 0; i < 64; i++) {
        if (!(set >> i & 1))
            continue;
        text_append(out, before);
        describe(out, i);
        before = " ";
    }
}

static void describe_codec_number(struct text *out, int codec)
{
    describe_codec(out, codec);
}

/* "1.0 of 310 pages (0.3%)" */
static void append_parts(struct text *out, const struct lookup *lookup, const char *one)
{
    text_printf(out,
                lookup->read < 10 && lookup->read != (double)(size_t)lookup->read ? "%.1f" : "%.0f",
                lookup->read);
    text_append(out, " of ");
    inspect_counted(out, lookup->total, one);
    if (lookup->total > 1) {
        text_append(out, " (");
        inspect_share(out, lookup->read / (double)lookup->total);
        text_append_char(out, ')');
    }
}

static void append_lookup(struct text *out, const struct column_survey *column)
{
    bool groups = column->groups.total > 1;
    bool pages = column->pages.total > column->groups.total && column->column_indexes > 0;
    bool in_order = column->ascending || column->descending;
    if (column->groups.bounded == 0 || (!groups && !pages))
        return;
    text_append(out, "    a lookup reads ");
    if (groups)
        append_parts(out, &column->groups, "row group");
    text_append(out, groups && pages ? ", " : "");
    if (pages)
        append_parts(out, &column->pages, "page");
    if (pages && in_order && 2 * column->pages.read < (double)column->pages.total)
        text_append(out, column->ascending ? "; ascending" : "; descending");
    text_append_char(out, '\n');
}

static void append_dictionary(struct text *out, const struct column_survey *column)
{
    if (column->dictionaries == 0)
        return;
    bool single = column->n_groups == 1;
    text_append(out, single ? "    dictionary of " : "    dictionaries of ");
    inspect_counted(out, column->dictionary_entries > 0 ? (uint64_t)column->dictionary_entries : 0,
                    "value");
    text_append(out, ", ");
    inspect_bytes(out, column->dictionary_bytes);
    if (!single)
        text_printf(out, ", in %zu of %zu row groups", column->dictionaries, column->n_groups);
    text_append_char(out, '\n');
}

static void append_bloom_filters(struct text *out, const struct column_survey *column)
{
    if (column->bloom_filters == 0)
        return;
    text_append(out, column->n_groups == 1 ? "    bloom filter of " : "    bloom filters of ");
    inspect_bytes(out, (int64_t)column->bloom_filter_bytes);
    if (column->n_groups > 1)
        text_printf(out, " for %zu of %zu row groups", column->bloom_filters, column->n_groups);
    text_append(out, ", wrong for ");
    inspect_share(out, column->bloom_filter_fpp);
    text_append(out, " of absent values\n");
}

static const char *index_words(const struct column_survey *column)
{
    bool all = column->column_indexes == column->n_groups;
    if (column->offset_indexes == 0 && column->column_indexes == 0)
        return "no page index";
    if (column->column_indexes == 0)
        return "no column index";
    return all ? "" : "page index in some row groups";
}

static void append_bounds(struct text *out, const struct column_survey *column)
{
    const char *index = index_words(column);
    text_append(out, "    ");
    if (column->has_min || column->has_max) {
        inspect_bound(out, column->element, column->has_min, column->min, column->min_exact);
        text_append(out, " to ");
        inspect_bound(out, column->element, column->has_max, column->max, column->max_exact);
    } else {
        text_append(out, "no bounds");
    }
    if (column->distinct >= 0) {
        text_append(out, ", ");
        inspect_count(out, column->distinct);
        text_append(out, " distinct");
    }
    if (column->nans > 0) {
        text_append(out, ", ");
        inspect_count(out, column->nans);
        text_append(out, " NaN");
    }
    text_append(out, index[0] ? "; " : "");
    text_append(out, index);
    text_append(out, column->damaged ? "; damaged" : "");
    text_append_char(out, '\n');
}

static void append_column(struct text *out, const struct column_survey *column, int64_t all)
{
    size_t start = out->size;
    text_append(out, "  ");
    inspect_path(out, column->first);
    inspect_pad(out, start, NAME_WIDTH);
    inspect_right_bytes(out, column->stored_bytes, 8);
    inspect_right_share(out, column->stored_bytes, all, 7);
    inspect_right_ratio(out, column->plain_bytes, column->stored_bytes, 8);
    inspect_right_count(out, column->nulls, 13);
    text_append(out, "  ");
    append_set(out, column->codecs, describe_codec_number);
    text_append(out, "  ");
    append_set(out, column->data_encodings, describe_encoding);
    text_append_char(out, '\n');
    append_bounds(out, column);
    append_lookup(out, column);
    append_dictionary(out, column);
    append_bloom_filters(out, column);
}

static int64_t all_stored(const struct column_survey *columns, size_t n)
{
    int64_t all = 0;
    for (size_t i = 0; i < n; i++)
        if (columns[i].stored_bytes < 0 ||
            __builtin_add_overflow(all, columns[i].stored_bytes, &all))
            return -1;
    return all;
}

static status print_columns(const struct inspect_report *report,
                            const struct column_survey *columns, size_t n)
{
    SCOPED(text_release) struct text text = {0};
    int64_t all = all_stored(columns, n);
    text_append(&text, "\ncolumns                     stored  share   ratio        NULLs  codec "
                       "and encodings\n");
    for (size_t i = 0; i < n; i++) {
        if (!columns[i].first)
            continue;
        append_column(&text, &columns[i], all);
        TRY(inspect_put_out(&text, report));
    }
    return STATUS_OK;
}

static status as_text(const struct inspect_report *report, const struct footer *footer)
{
    SCOPED(arena_release) struct arena arena = {0};
    SCOPED(text_release) struct text text = {0};
    struct column_survey *columns;
    size_t n = 0;
    uint32_t *depths = describe_depths(&footer->meta, &arena);
    if (!depths)
        return error_no_memory(report->err);
    TRY(survey_columns(report->source, footer, &arena, &columns, &n, report->err));
    append_file(&text, report->source, footer, columns, n);
    append_schema(&text, &footer->meta, depths);
    TRY(inspect_put_out(&text, report));
    if (footer->meta.n_groups == 0)
        return STATUS_OK;
    TRY(print_columns(report, columns, n));
    if (report->options->row_groups || report->options->pages)
        return inspect_chunks(report, &footer->meta, columns, n);
    return inspect_groups(report, &footer->meta);
}

status parquet_inspect(const struct byte_source *source,
                       const struct format_inspect_options *options, FILE *out, struct error *err)
{
    struct footer footer = {0};
    const struct inspect_report report = {source, options, out, err};
    TRY(footer_read(source, &footer, err));
    status_code code = options->json ? inspect_json(source, &footer, options, out, err)
                                     : as_text(&report, &footer);
    footer_release(&footer);
    if (code == STATUS_OK && (fflush(out) != 0 || ferror(out)))
        code = error_os(err, errno, "cannot write the report");
    return code;
}
