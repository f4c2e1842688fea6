/* Row groups in short, or with their chunks and pages. */
#include "format/parquet/describe.h"
#include "format/parquet/inspect_text.h"

enum { NAME_WIDTH = 26 };

static int64_t stored_bytes(const struct parquet_group *group)
{
    int64_t stored = 0;
    for (size_t i = 0; i < group->n_chunks; i++)
        if (__builtin_add_overflow(stored, group->chunks[i].compressed_bytes, &stored))
            return -1;
    return stored;
}

static void append_chunk(struct text *out, const struct parquet_chunk *chunk,
                         const struct schema_element *element, const struct chunk_probe *probe)
{
    const struct parquet_statistics *statistics = &chunk->statistics;
    size_t start = out->size;
    text_append(out, "  ");
    inspect_path(out, chunk);
    inspect_pad(out, start, NAME_WIDTH);
    inspect_right_bytes(out, chunk->compressed_bytes, 8);
    inspect_right_ratio(out, chunk->uncompressed_bytes, chunk->compressed_bytes, 8);
    inspect_right_count(out, statistics->null_count, 13);
    text_append(out, "  ");
    describe_codec(out, chunk->codec);
    if (statistics->has_min || statistics->has_max) {
        text_append(out, "  ");
        inspect_bound(out, element, statistics->has_min, statistics->min, statistics->min_exact);
        text_append(out, " to ");
        inspect_bound(out, element, statistics->has_max, statistics->max, statistics->max_exact);
    }
    if (probe->has_bloom_filter) {
        text_append(out, "  bloom filter ");
        inspect_bytes(out, (int64_t)probe->bloom_filter_bytes);
    }
    text_append(out, probe->damaged ? "  damaged\n" : "\n");
}

static const char *page_word(int32_t type)
{
    switch (type) {
    case PARQUET_DATA_PAGE:
        return "data V1";
    case PARQUET_DATA_PAGE_V2:
        return "data V2";
    case PARQUET_DICTIONARY_PAGE:
        return "dictionary";
    case PARQUET_INDEX_PAGE:
        return "index";
    default:
        return "unknown";
    }
}

/* NUMBER: among the data pages; SIZE_MAX for others. */
static void append_page(struct text *out, const struct seen_page *page, size_t number,
                        const struct schema_element *element, const struct chunk_probe *probe)
{
    const struct parquet_column_index *index = &probe->column_index;
    text_printf(out, "    %-11s at %-12llu", page_word(page->type),
                (unsigned long long)page->offset);
    inspect_right_bytes(out, page->stored_bytes, 9);
    inspect_right_ratio(out, page->decoded_bytes, page->stored_bytes, 8);
    inspect_right_count(out, page->values, 9);
    text_append(out, page->type == PARQUET_DICTIONARY_PAGE ? " entries  " : " values  ");
    describe_encoding(out, page->encoding);
    if (number < index->pages && index->null_pages[number]) {
        text_append(out, "  NULLs");
    } else if (number < index->pages) {
        text_append(out, "  ");
        inspect_bound(out, element, true, index->min[number], true);
        text_append(out, " to ");
        inspect_bound(out, element, true, index->max[number], true);
    }
    text_append_char(out, '\n');
}

static status print_pages(const struct inspect_report *report, const struct schema_element *element,
                          const struct chunk_probe *probe)
{
    SCOPED(text_release) struct text text = {0};
    size_t number = 0;
    for (uint64_t at = probe->start; at < probe->end;) {
        struct seen_page page;
        bool holds;
        TRY(seen_page_read(report->source, at, probe->end, &page, &holds, report->err));
        if (!holds) {
            text_printf(&text, "    no page at %llu; %llu bytes are left over\n",
                        (unsigned long long)at, (unsigned long long)(probe->end - at));
            return inspect_put_out(&text, report);
        }
        bool data = page.type == PARQUET_DATA_PAGE || page.type == PARQUET_DATA_PAGE_V2;
        append_page(&text, &page, data ? number++ : SIZE_MAX, element, probe);
        TRY(inspect_put_out(&text, report));
        at += (uint64_t)page.stored_bytes;
    }
    return STATUS_OK;
}

static status print_chunk(const struct inspect_report *report, const struct parquet_chunk *chunk,
                          const struct schema_element *element)
{
    SCOPED(arena_release) struct arena arena = {0};
    SCOPED(text_release) struct text text = {0};
    struct chunk_probe probe;
    TRY(chunk_probe_read(report->source, chunk, &arena, &probe, report->err));
    append_chunk(&text, chunk, element, &probe);
    TRY(inspect_put_out(&text, report));
    return report->options->pages ? print_pages(report, element, &probe) : STATUS_OK;
}

static void append_group(struct text *out, const struct parquet_group *group, size_t number)
{
    int64_t stored = stored_bytes(group);
    text_printf(out, "  %-6zu", number);
    inspect_right_count(out, group->rows, 13);
    inspect_right_bytes(out, stored, 11);
    inspect_right_ratio(out, group->uncompressed_bytes, stored, 8);
    if (group->n_chunks > 0 && group->chunks[0].data_page_offset >= 0) {
        int64_t dictionary = group->chunks[0].dictionary_page_offset;
        inspect_right_count(out, dictionary > 0 ? dictionary : group->chunks[0].data_page_offset,
                            16);
    }
    text_append_char(out, '\n');
}

status inspect_groups(const struct inspect_report *report, const struct parquet_footer *meta)
{
    SCOPED(text_release) struct text text = {0};
    text_append(&text, "\nrow group           rows     stored   ratio       at offset\n");
    for (size_t g = 0; g < meta->n_groups; g++) {
        append_group(&text, &meta->groups[g], g);
        TRY(inspect_put_out(&text, report));
    }
    return STATUS_OK;
}

status inspect_chunks(const struct inspect_report *report, const struct parquet_footer *meta,
                      const struct column_survey *columns, size_t n_columns)
{
    SCOPED(text_release) struct text text = {0};
    for (size_t g = 0; g < meta->n_groups; g++) {
        const struct parquet_group *group = &meta->groups[g];
        int64_t stored = stored_bytes(group);
        text_printf(&text, "\nrow group %zu: ", g);
        inspect_counted(&text, (uint64_t)group->rows, "row");
        text_append(&text, ", ");
        inspect_bytes(&text, stored);
        if (group->n_sort_keys > 0) {
            text_append(&text, ", sorted by ");
            inspect_order(&text, group);
        }
        text_append_char(&text, '\n');
        TRY(inspect_put_out(&text, report));
        for (size_t i = 0; i < group->n_chunks && i < n_columns; i++)
            TRY(print_chunk(report, &group->chunks[i], columns[i].element));
    }
    return STATUS_OK;
}
