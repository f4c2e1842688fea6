#include "format/parquet/metadata.h"

#include <string.h>

static void write_statistics(struct thrift_writer *w, int16_t id,
                             const struct parquet_statistics *s)
{
    thrift_field_struct(w, id);
    if (s->null_count >= 0)
        thrift_field_i64(w, 3, s->null_count);
    if (s->has_distinct)
        thrift_field_i64(w, 4, s->distinct_count);
    if (s->has_max)
        thrift_field_binary(w, 5, s->max);
    if (s->has_min)
        thrift_field_binary(w, 6, s->min);
    if (s->has_max)
        thrift_field_bool(w, 7, s->max_exact);
    if (s->has_min)
        thrift_field_bool(w, 8, s->min_exact);
    if (s->nan_count >= 0)
        thrift_field_i64(w, 9, s->nan_count);
    thrift_struct_end(w);
}

static void write_encodings(struct thrift_writer *w, int16_t id, uint64_t encodings)
{
    thrift_field_list(w, id, THRIFT_I32, (size_t)__builtin_popcountll(encodings));
    for (int encoding = 0; encoding < 64; encoding++)
        if (encodings >> encoding & 1)
            thrift_item_int(w, encoding);
}

static void write_page_encoding(struct thrift_writer *w, int32_t page_type, int32_t encoding,
                                int32_t count)
{
    if (count == 0)
        return;
    thrift_item_struct(w);
    thrift_field_i32(w, 1, page_type);
    thrift_field_i32(w, 2, encoding);
    thrift_field_i32(w, 3, count);
    thrift_struct_end(w);
}

/* Lets a reader see that every data page is dictionary encoded without reading any. */
static void write_page_encodings(struct thrift_writer *w, int16_t id, const struct parquet_chunk *c)
{
    size_t kinds = (c->dictionary_pages > 0) + (c->plain_pages > 0) + (c->indexed_pages > 0) +
                   (c->encoded_pages > 0);
    if (kinds == 0)
        return;
    int32_t data = c->pages_v2 ? PARQUET_DATA_PAGE_V2 : PARQUET_DATA_PAGE;
    thrift_field_list(w, id, THRIFT_STRUCT, kinds);
    write_page_encoding(w, PARQUET_DICTIONARY_PAGE, PARQUET_PLAIN, c->dictionary_pages);
    write_page_encoding(w, data, PARQUET_PLAIN, c->plain_pages);
    write_page_encoding(w, data, PARQUET_RLE_DICTIONARY, c->indexed_pages);
    write_page_encoding(w, data, c->page_encoding, c->encoded_pages);
}

static void write_histogram(struct thrift_writer *w, int16_t id, const int64_t *counts, size_t n)
{
    if (n == 0)
        return;
    thrift_field_list(w, id, THRIFT_I64, n);
    for (size_t i = 0; i < n; i++)
        thrift_item_int(w, counts[i]);
}

static void write_sizes(struct thrift_writer *w, int16_t id,
                        const struct parquet_size_statistics *sizes)
{
    if (!sizes->has_unencoded && sizes->n_repetition == 0 && sizes->n_definition == 0)
        return;
    thrift_field_struct(w, id);
    if (sizes->has_unencoded)
        thrift_field_i64(w, 1, sizes->unencoded_bytes);
    write_histogram(w, 2, sizes->repetition, sizes->n_repetition);
    write_histogram(w, 3, sizes->definition, sizes->n_definition);
    thrift_struct_end(w);
}

static void write_column_metadata(struct thrift_writer *w, int16_t id,
                                  const struct parquet_chunk *c)
{
    thrift_field_struct(w, id);
    thrift_field_i32(w, 1, c->physical);
    write_encodings(w, 2, c->encodings);
    thrift_field_list(w, 3, THRIFT_BINARY, c->n_path);
    for (size_t i = 0; i < c->n_path; i++)
        thrift_item_binary(w, c->path[i]);
    thrift_field_i32(w, 4, c->codec);
    thrift_field_i64(w, 5, c->values);
    thrift_field_i64(w, 6, c->uncompressed_bytes);
    thrift_field_i64(w, 7, c->compressed_bytes);
    thrift_field_i64(w, 9, c->data_page_offset);
    if (c->dictionary_page_offset >= 0)
        thrift_field_i64(w, 11, c->dictionary_page_offset);
    write_statistics(w, 12, &c->statistics);
    write_page_encodings(w, 13, c);
    if (c->bloom_filter_offset >= 0) {
        thrift_field_i64(w, 14, c->bloom_filter_offset);
        thrift_field_i32(w, 15, c->bloom_filter_bytes);
    }
    write_sizes(w, 16, &c->sizes);
    thrift_struct_end(w);
}

static void write_chunk(struct thrift_writer *w, const struct parquet_chunk *c)
{
    thrift_item_struct(w);
    thrift_field_i64(w, 2, 0); /* file_offset: deprecated, 0 as the format asks */
    write_column_metadata(w, 3, c);
    if (c->offset_index_offset >= 0) {
        thrift_field_i64(w, 4, c->offset_index_offset);
        thrift_field_i32(w, 5, c->offset_index_bytes);
    }
    if (c->column_index_offset >= 0) {
        thrift_field_i64(w, 6, c->column_index_offset);
        thrift_field_i32(w, 7, c->column_index_bytes);
    }
    thrift_struct_end(w);
}

static void write_sort_keys(struct thrift_writer *w, int16_t id, const struct parquet_group *group)
{
    if (group->n_sort_keys == 0)
        return;
    thrift_field_list(w, id, THRIFT_STRUCT, group->n_sort_keys);
    for (size_t i = 0; i < group->n_sort_keys; i++) {
        thrift_item_struct(w);
        thrift_field_i32(w, 1, (int32_t)group->sort_keys[i].leaf);
        thrift_field_bool(w, 2, group->sort_keys[i].descending);
        thrift_field_bool(w, 3, group->sort_keys[i].nulls_first);
        thrift_struct_end(w);
    }
}

void parquet_write_group(struct thrift_writer *w, const struct parquet_group *group)
{
    thrift_field_list(w, 1, THRIFT_STRUCT, group->n_chunks);
    for (size_t i = 0; i < group->n_chunks; i++)
        write_chunk(w, &group->chunks[i]);
    thrift_field_i64(w, 2, group->uncompressed_bytes);
    thrift_field_i64(w, 3, group->rows);
    write_sort_keys(w, 4, group);
    if (group->file_offset >= 0)
        thrift_field_i64(w, 5, group->file_offset);
    thrift_field_i64(w, 6, group->compressed_bytes);
    if (group->ordinal >= 0 && group->ordinal <= INT16_MAX)
        thrift_field_i16(w, 7, (int16_t)group->ordinal);
}

void parquet_write_column_index(struct thrift_writer *w, const struct parquet_column_index *index)
{
    thrift_field_list(w, 1, THRIFT_TRUE, index->pages);
    for (size_t i = 0; i < index->pages; i++)
        thrift_item_bool(w, index->null_pages[i]);
    thrift_field_list(w, 2, THRIFT_BINARY, index->pages);
    for (size_t i = 0; i < index->pages; i++)
        thrift_item_binary(w, index->min[i]);
    thrift_field_list(w, 3, THRIFT_BINARY, index->pages);
    for (size_t i = 0; i < index->pages; i++)
        thrift_item_binary(w, index->max[i]);
    thrift_field_i32(w, 4, (int32_t)index->boundary);
    thrift_field_list(w, 5, THRIFT_I64, index->pages);
    for (size_t i = 0; i < index->pages; i++)
        thrift_item_int(w, index->null_counts[i]);
}

void parquet_write_offset_index(struct thrift_writer *w, const struct parquet_offset_index *index)
{
    thrift_field_list(w, 1, THRIFT_STRUCT, index->pages);
    for (size_t i = 0; i < index->pages; i++) {
        thrift_item_struct(w);
        thrift_field_i64(w, 1, index->locations[i].offset);
        thrift_field_i32(w, 2, index->locations[i].bytes);
        thrift_field_i64(w, 3, index->locations[i].first_row);
        thrift_struct_end(w);
    }
}

static void write_time_type(struct thrift_writer *w, int16_t id, bool utc)
{
    thrift_field_struct(w, id);
    thrift_field_bool(w, 1, utc);
    thrift_field_struct(w, 2);
    thrift_field_empty(w, PARQUET_UNIT_MICROS);
    thrift_struct_end(w);
    thrift_struct_end(w);
}

static void write_logical(struct thrift_writer *w, int16_t id, const struct schema_element *e)
{
    if (e->logical == PARQUET_LOGICAL_NONE)
        return;
    int16_t member = (int16_t)e->logical;
    thrift_field_struct(w, id);
    switch (e->logical) {
    case PARQUET_LOGICAL_DECIMAL:
        thrift_field_struct(w, member);
        thrift_field_i32(w, 1, e->scale);
        thrift_field_i32(w, 2, e->precision);
        thrift_struct_end(w);
        break;
    case PARQUET_LOGICAL_TIME:
    case PARQUET_LOGICAL_TIMESTAMP:
        write_time_type(w, member, e->utc);
        break;
    case PARQUET_LOGICAL_INTEGER:
        thrift_field_struct(w, member);
        thrift_field_i8(w, 1, e->bit_width);
        thrift_field_bool(w, 2, e->is_signed);
        thrift_struct_end(w);
        break;
    default:
        thrift_field_empty(w, member);
        break;
    }
    thrift_struct_end(w);
}

void parquet_write_element(struct thrift_writer *w, const struct schema_element *e)
{
    thrift_item_struct(w);
    if (e->physical >= 0)
        thrift_field_i32(w, 1, e->physical);
    if (e->type_length > 0)
        thrift_field_i32(w, 2, e->type_length);
    if (e->repetition >= 0)
        thrift_field_i32(w, 3, e->repetition);
    thrift_field_text(w, 4, e->name);
    if (e->physical < 0)
        thrift_field_i32(w, 5, e->n_children);
    if (e->converted != PARQUET_CONVERTED_NONE)
        thrift_field_i32(w, 6, (int32_t)e->converted);
    if (e->converted == PARQUET_CONVERTED_DECIMAL) {
        thrift_field_i32(w, 7, e->scale);
        thrift_field_i32(w, 8, e->precision);
    }
    if (e->field_id > 0)
        thrift_field_i32(w, 9, e->field_id);
    write_logical(w, 10, e);
    thrift_struct_end(w);
}
