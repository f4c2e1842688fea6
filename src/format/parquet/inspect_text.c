#include "format/parquet/inspect_text.h"

#include "format/parquet/describe.h"

void inspect_bytes(struct text *out, int64_t bytes)
{
    char buf[32];
    text_append(out, text_format_bytes(bytes > 0 ? (uint64_t)bytes : 0, buf));
}

void inspect_count(struct text *out, int64_t count)
{
    char buf[32];
    text_append(out, text_format_count(count > 0 ? (uint64_t)count : 0, buf));
}

/* "1 page", "20 pages" */
void inspect_counted(struct text *out, uint64_t count, const char *one)
{
    inspect_count(out, (int64_t)count);
    text_printf(out, " %s%s", one, count == 1 ? "" : "s");
}

void inspect_share(struct text *out, double share)
{
    double percent = 100 * share;
    if (percent > 0 && percent < 0.001)
        text_append(out, "<0.001%");
    else if (percent > 0 && percent < 0.1)
        text_printf(out, "%.3f%%", percent);
    else
        text_printf(out, percent < 10 ? "%.1f%%" : "%.0f%%", percent);
}

/* Spaces up to COLUMN of the line that began at START; one at least. */
void inspect_pad(struct text *out, size_t start, size_t column)
{
    do
        text_append_char(out, ' ');
    while (!out->failed && out->size - start < column);
}

/* What NUMBER appended, moved to the right so that it ends WIDTH characters on. */
static void append_right(struct text *out, const struct text *number, size_t width)
{
    for (size_t size = number->size; size < width; size++)
        text_append_char(out, ' ');
    out->failed |= number->failed;
    text_append(out, text_string(number));
}

static void append_right_number(struct text *out, int64_t number, size_t width,
                                void (*append)(struct text *out, int64_t number))
{
    SCOPED(text_release) struct text shown = {0};
    if (number < 0)
        text_append_char(&shown, '?');
    else
        append(&shown, number);
    append_right(out, &shown, width);
}

void inspect_right_bytes(struct text *out, int64_t bytes, size_t width)
{
    append_right_number(out, bytes, width, inspect_bytes);
}

void inspect_right_count(struct text *out, int64_t count, size_t width)
{
    append_right_number(out, count, width, inspect_count);
}

void inspect_right_ratio(struct text *out, int64_t plain, int64_t stored, size_t width)
{
    SCOPED(text_release) struct text number = {0};
    if (plain > 0 && stored > 0)
        text_printf(&number, "%.1fx", (double)plain / (double)stored);
    else
        text_append_char(&number, '-');
    append_right(out, &number, width);
}

void inspect_right_share(struct text *out, int64_t part, int64_t all, size_t width)
{
    SCOPED(text_release) struct text number = {0};
    if (part >= 0 && all > 0)
        inspect_share(&number, (double)part / (double)all);
    else
        text_append_char(&number, '-');
    append_right(out, &number, width);
}

void inspect_path(struct text *out, const struct parquet_chunk *chunk)
{
    for (size_t i = 0; i < chunk->n_path; i++) {
        if (i > 0)
            text_append_char(out, '.');
        describe_text(out, chunk->path[i], 60);
    }
}

void inspect_order(struct text *out, const struct parquet_group *group)
{
    for (size_t i = 0; i < group->n_sort_keys; i++) {
        const struct sort_key *key = &group->sort_keys[i];
        text_append(out, i > 0 ? ", " : "");
        if (key->leaf < group->n_chunks)
            inspect_path(out, &group->chunks[key->leaf]);
        else
            text_printf(out, "column %zu", key->leaf);
        text_append(out, key->descending ? " desc" : "");
        text_append(out, key->nulls_first ? " nulls first" : "");
    }
}

void inspect_bound(struct text *out, const struct schema_element *element, bool has,
                   struct span bound, bool exact)
{
    const char *quote = describe_is_text(element) ? "\"" : "";
    if (!has) {
        text_append_char(out, '?');
        return;
    }
    text_append(out, quote);
    describe_bound(out, element, bound);
    text_append(out, quote);
    text_append(out, exact ? "" : "~"); /* cut: the value itself is not known */
}

/* A footer may describe millions of chunks and pages, so the report goes out piece by piece. */
status inspect_put_out(struct text *text, const struct inspect_report *report)
{
    TRY(text_check(text, report->err));
    fputs(text_string(text), report->out);
    text_release(text);
    return STATUS_OK;
}
