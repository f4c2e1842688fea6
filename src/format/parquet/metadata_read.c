#include "format/parquet/metadata.h"

#include <string.h>

/* The smallest forms that can be valid, the end of the struct included. No list may be longer than what is
 * left of the input allows, and no element shorter: so all arrays together are bounded by its size. */
enum { MIN_ELEMENT_BYTES = 4, MIN_CHUNK_BYTES = 16, MIN_GROUP_BYTES = 7, MIN_PAIR_BYTES = 3 };

static void require_bytes(struct thrift_reader *r, const uint8_t *start, size_t least)
{
    if ((size_t)(r->at - start) < least)
        r->failed = true;
}

static void *take_array(struct thrift_reader *r, struct arena *arena, size_t count, size_t size)
{
    if (r->failed || count == 0)
        return NULL;
    if (r->room > 0 && arena->total_bytes + count * size > r->room) {
        r->failed = r->too_large = true;
        return NULL;
    }
    void *array = arena_alloc(arena, count * size);
    if (!array)
        r->failed = r->no_memory = true;
    return array;
}

static void read_statistics(struct thrift_reader *r, struct parquet_statistics *out)
{
    struct thrift_field f = {0};
    out->min_exact = out->max_exact = true; /* until told otherwise */
    while (thrift_next(r, &f))
        switch (f.id) {
        case 3:
            out->null_count = thrift_int(r, &f);
            break;
        case 4:
            out->distinct_count = thrift_int(r, &f);
            out->has_distinct = true;
            break;
        case 5:
            out->max = thrift_binary(r, &f);
            out->has_max = true;
            break;
        case 6:
            out->min = thrift_binary(r, &f);
            out->has_min = true;
            break;
        case 7:
            out->max_exact = thrift_bool(r, &f);
            break;
        case 8:
            out->min_exact = thrift_bool(r, &f);
            break;
        case 9:
            out->nan_count = thrift_int(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
}

static void read_encodings(struct thrift_reader *r, const struct thrift_field *f, uint64_t *out)
{
    size_t count = thrift_list(r, f, THRIFT_I32, 1);
    for (size_t i = 0; i < count && !r->failed; i++) {
        int64_t encoding = thrift_next_int(r);
        if (encoding >= 0 && encoding < 64)
            *out |= (uint64_t)1 << encoding;
    }
}

static void read_path(struct thrift_reader *r, struct arena *arena, const struct thrift_field *f,
                      struct parquet_chunk *out)
{
    size_t count = thrift_list(r, f, THRIFT_BINARY, 1);
    struct span *path = take_array(r, arena, count, sizeof(*path));
    for (size_t i = 0; path && i < count; i++)
        path[i] = thrift_next_binary(r);
    out->path = path;
    out->n_path = path ? count : 0;
}

/* Pages of one kind and encoding. */
static void read_page_encoding(struct thrift_reader *r, struct parquet_chunk *out)
{
    int32_t type = -1, encoding = -1, count = 0;
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            type = thrift_int32(r, &f);
            break;
        case 2:
            encoding = thrift_int32(r, &f);
            break;
        case 3:
            count = thrift_int32(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
    if (type == PARQUET_DICTIONARY_PAGE) {
        out->dictionary_pages = count;
        return;
    }
    out->pages_v2 |= type == PARQUET_DATA_PAGE_V2 && count > 0;
    if (encoding == PARQUET_PLAIN) {
        out->plain_pages = count;
    } else if (encoding == PARQUET_RLE_DICTIONARY || encoding == PARQUET_PLAIN_DICTIONARY) {
        out->indexed_pages = count;
    } else {
        out->encoded_pages = count;
        out->page_encoding = encoding;
    }
}

static void read_page_encodings(struct thrift_reader *r, const struct thrift_field *f,
                                struct parquet_chunk *out)
{
    size_t count = thrift_list(r, f, THRIFT_STRUCT, 1);
    for (size_t i = 0; i < count && thrift_next_struct(r); i++) {
        read_page_encoding(r, out);
        thrift_struct_done(r);
    }
}

static int64_t *read_histogram(struct thrift_reader *r, struct arena *arena,
                               const struct thrift_field *f, size_t *out_count)
{
    size_t count = thrift_list(r, f, THRIFT_I64, 1);
    int64_t *counts = take_array(r, arena, count, sizeof(*counts));
    for (size_t i = 0; counts && i < count; i++)
        counts[i] = thrift_next_int(r);
    *out_count = counts ? count : 0;
    return counts;
}

static void read_sizes(struct thrift_reader *r, struct arena *arena,
                       struct parquet_size_statistics *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->unencoded_bytes = thrift_int(r, &f);
            out->has_unencoded = true;
            break;
        case 2:
            out->repetition = read_histogram(r, arena, &f, &out->n_repetition);
            break;
        case 3:
            out->definition = read_histogram(r, arena, &f, &out->n_definition);
            break;
        default:
            thrift_skip(r, &f);
        }
}

static void read_column_metadata(struct thrift_reader *r, struct arena *arena,
                                 struct parquet_chunk *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->physical = thrift_int32(r, &f);
            break;
        case 2:
            read_encodings(r, &f, &out->encodings);
            break;
        case 3:
            read_path(r, arena, &f, out);
            break;
        case 4:
            out->codec = thrift_int32(r, &f);
            break;
        case 5:
            out->values = thrift_int(r, &f);
            break;
        case 6:
            out->uncompressed_bytes = thrift_int(r, &f);
            break;
        case 7:
            out->compressed_bytes = thrift_int(r, &f);
            break;
        case 9:
            out->data_page_offset = thrift_int(r, &f);
            break;
        case 11:
            out->dictionary_page_offset = thrift_int(r, &f);
            break;
        case 12:
            if (thrift_struct(r, &f)) {
                read_statistics(r, &out->statistics);
                thrift_struct_done(r);
            }
            break;
        case 13:
            read_page_encodings(r, &f, out);
            break;
        case 14:
            out->bloom_filter_offset = thrift_int(r, &f);
            break;
        case 15:
            out->bloom_filter_bytes = thrift_int32(r, &f);
            break;
        case 16:
            if (thrift_struct(r, &f)) {
                read_sizes(r, arena, &out->sizes);
                thrift_struct_done(r);
            }
            break;
        default:
            thrift_skip(r, &f);
        }
}

static void read_chunk(struct thrift_reader *r, struct arena *arena, struct parquet_chunk *out)
{
    *out = (struct parquet_chunk){.physical = -1,
                                  .codec = -1,
                                  .dictionary_page_offset = -1,
                                  .column_index_offset = -1,
                                  .offset_index_offset = -1,
                                  .bloom_filter_offset = -1,
                                  .statistics = {.null_count = -1, .nan_count = -1}};
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->is_elsewhere = thrift_binary(r, &f).size > 0;
            break;
        case 3:
            if (thrift_struct(r, &f)) {
                read_column_metadata(r, arena, out);
                thrift_struct_done(r);
            }
            break;
        case 4:
            out->offset_index_offset = thrift_int(r, &f);
            break;
        case 5:
            out->offset_index_bytes = thrift_int32(r, &f);
            break;
        case 6:
            out->column_index_offset = thrift_int(r, &f);
            break;
        case 7:
            out->column_index_bytes = thrift_int32(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
}

static void read_chunks(struct thrift_reader *r, struct arena *arena, const struct thrift_field *f,
                        struct parquet_group *out)
{
    size_t count = thrift_list(r, f, THRIFT_STRUCT, MIN_CHUNK_BYTES);
    out->chunks = take_array(r, arena, count, sizeof(*out->chunks));
    out->n_chunks = out->chunks ? count : 0;
    for (size_t i = 0; i < out->n_chunks && thrift_next_struct(r); i++) {
        const uint8_t *start = r->at;
        read_chunk(r, arena, &out->chunks[i]);
        require_bytes(r, start, MIN_CHUNK_BYTES);
        thrift_struct_done(r);
    }
}

static void read_sort_key(struct thrift_reader *r, struct sort_key *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->leaf = (size_t)(uint32_t)thrift_int32(r, &f); /* a negative one is no leaf */
            break;
        case 2:
            out->descending = thrift_bool(r, &f);
            break;
        case 3:
            out->nulls_first = thrift_bool(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
}

static void read_sort_keys(struct thrift_reader *r, struct arena *arena,
                           const struct thrift_field *f, struct parquet_group *out)
{
    size_t count = thrift_list(r, f, THRIFT_STRUCT, 1);
    struct sort_key *keys = take_array(r, arena, count, sizeof(*keys));
    for (size_t i = 0; keys && i < count && thrift_next_struct(r); i++) {
        read_sort_key(r, &keys[i]);
        thrift_struct_done(r);
    }
    out->sort_keys = keys;
    out->n_sort_keys = keys ? count : 0;
}

void parquet_read_group(struct thrift_reader *r, struct arena *arena, struct parquet_group *out)
{
    *out = (struct parquet_group){.file_offset = -1, .ordinal = -1};
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            read_chunks(r, arena, &f, out);
            break;
        case 2:
            out->uncompressed_bytes = thrift_int(r, &f);
            break;
        case 3:
            out->rows = thrift_int(r, &f);
            break;
        case 4:
            read_sort_keys(r, arena, &f, out);
            break;
        case 5:
            out->file_offset = thrift_int(r, &f);
            break;
        case 6:
            out->compressed_bytes = thrift_int(r, &f);
            break;
        case 7:
            out->ordinal = thrift_int32(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
    if (out->rows < 0 || out->uncompressed_bytes < 0)
        r->failed = true;
}

static struct span *read_binaries(struct thrift_reader *r, struct arena *arena,
                                  const struct thrift_field *f, size_t *out_count)
{
    size_t count = thrift_list(r, f, THRIFT_BINARY, 1);
    struct span *items = take_array(r, arena, count, sizeof(*items));
    for (size_t i = 0; items && i < count; i++)
        items[i] = thrift_next_binary(r);
    *out_count = items ? count : 0;
    return items;
}

void parquet_read_column_index(struct thrift_reader *r, struct arena *arena,
                               struct parquet_column_index *out)
{
    *out = (struct parquet_column_index){0};
    size_t n_min = 0, n_max = 0, n_counts = 0;
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->pages = thrift_list(r, &f, THRIFT_TRUE, 1);
            out->null_pages = take_array(r, arena, out->pages, sizeof(bool));
            for (size_t i = 0; out->null_pages && i < out->pages; i++)
                out->null_pages[i] = thrift_next_bool(r);
            break;
        case 2:
            out->min = read_binaries(r, arena, &f, &n_min);
            break;
        case 3:
            out->max = read_binaries(r, arena, &f, &n_max);
            break;
        case 4:
            out->boundary = (enum parquet_boundary)thrift_int32(r, &f);
            break;
        case 5:
            n_counts = thrift_list(r, &f, THRIFT_I64, 1);
            out->null_counts = take_array(r, arena, n_counts, sizeof(int64_t));
            for (size_t i = 0; out->null_counts && i < n_counts; i++)
                out->null_counts[i] = thrift_next_int(r);
            break;
        default:
            thrift_skip(r, &f);
        }
    if (n_min != out->pages || n_max != out->pages || (n_counts && n_counts != out->pages))
        r->failed = true;
}

static void read_location(struct thrift_reader *r, struct parquet_page_location *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->offset = thrift_int(r, &f);
            break;
        case 2:
            out->bytes = thrift_int32(r, &f);
            break;
        case 3:
            out->first_row = thrift_int(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
}

void parquet_read_offset_index(struct thrift_reader *r, struct arena *arena,
                               struct parquet_offset_index *out)
{
    *out = (struct parquet_offset_index){0};
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id != 1) {
            thrift_skip(r, &f);
            continue;
        }
        out->pages = thrift_list(r, &f, THRIFT_STRUCT, 4);
        out->locations = take_array(r, arena, out->pages, sizeof(*out->locations));
        for (size_t i = 0; out->locations && i < out->pages && thrift_next_struct(r); i++) {
            read_location(r, &out->locations[i]);
            thrift_struct_done(r);
        }
    }
}

/* ---- schema ---- */

static void read_unit(struct thrift_reader *r, struct schema_element *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id >= PARQUET_UNIT_MILLIS && f.id <= PARQUET_UNIT_NANOS)
            out->unit = (int8_t)f.id;
        thrift_skip(r, &f);
    }
}

static void read_time_type(struct thrift_reader *r, struct schema_element *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1) {
            out->utc = thrift_bool(r, &f);
        } else if (f.id == 2 && thrift_struct(r, &f)) {
            read_unit(r, out);
            thrift_struct_done(r);
        } else {
            thrift_skip(r, &f);
        }
    }
}

static void read_decimal_type(struct thrift_reader *r, struct schema_element *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1)
            out->scale = thrift_int32(r, &f);
        else if (f.id == 2)
            out->precision = thrift_int32(r, &f);
        else
            thrift_skip(r, &f);
    }
}

static void read_integer_type(struct thrift_reader *r, struct schema_element *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1)
            out->bit_width = (int8_t)thrift_int32(r, &f);
        else if (f.id == 2)
            out->is_signed = thrift_bool(r, &f);
        else
            thrift_skip(r, &f);
    }
}

static void read_logical(struct thrift_reader *r, struct schema_element *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        out->logical = (enum parquet_logical)f.id;
        if (!thrift_struct(r, &f))
            return;
        struct thrift_field member = {0};
        if (f.id == PARQUET_LOGICAL_TIME || f.id == PARQUET_LOGICAL_TIMESTAMP)
            read_time_type(r, out);
        else if (f.id == PARQUET_LOGICAL_DECIMAL)
            read_decimal_type(r, out);
        else if (f.id == PARQUET_LOGICAL_INTEGER)
            read_integer_type(r, out);
        else
            while (thrift_next(r, &member))
                thrift_skip(r, &member);
        thrift_struct_done(r);
    }
}

/* What older writers say in one word, as newer ones say it. Their times are all UTC. */
static void convert_logical(struct schema_element *out)
{
    static const struct {
        enum parquet_logical logical;
        int8_t unit, bit_width;
        bool is_signed;
    } forms[] = {
        [PARQUET_CONVERTED_UTF8] = {PARQUET_LOGICAL_STRING},
        [PARQUET_CONVERTED_MAP] = {PARQUET_LOGICAL_MAP},
        [PARQUET_CONVERTED_LIST] = {PARQUET_LOGICAL_LIST},
        [PARQUET_CONVERTED_ENUM] = {PARQUET_LOGICAL_ENUM},
        [PARQUET_CONVERTED_DECIMAL] = {PARQUET_LOGICAL_DECIMAL},
        [PARQUET_CONVERTED_DATE] = {PARQUET_LOGICAL_DATE},
        [PARQUET_CONVERTED_TIME_MILLIS] = {PARQUET_LOGICAL_TIME, PARQUET_UNIT_MILLIS},
        [PARQUET_CONVERTED_TIME_MICROS] = {PARQUET_LOGICAL_TIME, PARQUET_UNIT_MICROS},
        [PARQUET_CONVERTED_TIMESTAMP_MILLIS] = {PARQUET_LOGICAL_TIMESTAMP, PARQUET_UNIT_MILLIS},
        [PARQUET_CONVERTED_TIMESTAMP_MICROS] = {PARQUET_LOGICAL_TIMESTAMP, PARQUET_UNIT_MICROS},
        [PARQUET_CONVERTED_UINT_8] = {PARQUET_LOGICAL_INTEGER, 0, 8, false},
        [PARQUET_CONVERTED_UINT_16] = {PARQUET_LOGICAL_INTEGER, 0, 16, false},
        [PARQUET_CONVERTED_UINT_32] = {PARQUET_LOGICAL_INTEGER, 0, 32, false},
        [PARQUET_CONVERTED_UINT_64] = {PARQUET_LOGICAL_INTEGER, 0, 64, false},
        [PARQUET_CONVERTED_INT_8] = {PARQUET_LOGICAL_INTEGER, 0, 8, true},
        [PARQUET_CONVERTED_INT_16] = {PARQUET_LOGICAL_INTEGER, 0, 16, true},
        [PARQUET_CONVERTED_INT_32] = {PARQUET_LOGICAL_INTEGER, 0, 32, true},
        [PARQUET_CONVERTED_INT_64] = {PARQUET_LOGICAL_INTEGER, 0, 64, true},
        [PARQUET_CONVERTED_JSON] = {PARQUET_LOGICAL_JSON},
        [PARQUET_CONVERTED_BSON] = {PARQUET_LOGICAL_BSON},
    };
    size_t converted = (size_t)out->converted;
    if (out->logical != PARQUET_LOGICAL_NONE || converted >= sizeof(forms) / sizeof(forms[0]))
        return;
    out->logical = forms[converted].logical;
    out->unit = forms[converted].unit;
    out->bit_width = forms[converted].bit_width;
    out->is_signed = forms[converted].is_signed;
    out->utc = out->unit != 0;
}

static void read_element(struct thrift_reader *r, struct arena *arena, struct schema_element *out)
{
    *out = (struct schema_element){
        .name = "", .physical = -1, .repetition = -1, .converted = PARQUET_CONVERTED_NONE};
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->physical = thrift_int32(r, &f);
            break;
        case 2:
            out->type_length = thrift_int32(r, &f);
            break;
        case 3:
            out->repetition = thrift_int32(r, &f);
            break;
        case 4: {
            struct span name = thrift_binary(r, &f);
            out->name = arena_strndup(arena, name.data ? (const char *)name.data : "", name.size);
            if (!out->name) {
                out->name = "";
                r->failed = r->no_memory = true;
            }
            break;
        }
        case 5:
            out->n_children = thrift_int32(r, &f);
            break;
        case 6:
            out->converted = (enum parquet_converted)thrift_int32(r, &f);
            break;
        case 7:
            out->scale = thrift_int32(r, &f);
            break;
        case 8:
            out->precision = thrift_int32(r, &f);
            break;
        case 9:
            out->field_id = thrift_int32(r, &f);
            break;
        case 10:
            if (thrift_struct(r, &f)) {
                read_logical(r, out);
                thrift_struct_done(r);
            }
            break;
        default:
            thrift_skip(r, &f);
        }
    convert_logical(out);
}

static void read_pair(struct thrift_reader *r, struct span *key, struct span *value)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1)
            *key = thrift_binary(r, &f);
        else if (f.id == 2)
            *value = thrift_binary(r, &f);
        else
            thrift_skip(r, &f);
    }
}

static void read_pairs(struct thrift_reader *r, struct arena *arena, const struct thrift_field *f,
                       struct parquet_footer *out)
{
    size_t count = thrift_list(r, f, THRIFT_STRUCT, MIN_PAIR_BYTES);
    out->keys = take_array(r, arena, count, sizeof(*out->keys));
    out->values = take_array(r, arena, count, sizeof(*out->values));
    out->n_pairs = out->keys && out->values ? count : 0;
    for (size_t i = 0; i < out->n_pairs && thrift_next_struct(r); i++) {
        const uint8_t *start = r->at;
        read_pair(r, &out->keys[i], &out->values[i]);
        require_bytes(r, start, MIN_PAIR_BYTES);
        thrift_struct_done(r);
    }
}

static void read_elements(struct thrift_reader *r, struct arena *arena,
                          const struct thrift_field *f, struct parquet_footer *out)
{
    size_t count = thrift_list(r, f, THRIFT_STRUCT, MIN_ELEMENT_BYTES);
    out->elements = take_array(r, arena, count, sizeof(*out->elements));
    out->n_elements = out->elements ? count : 0;
    for (size_t i = 0; i < out->n_elements; i++) {
        out->elements[i].name = "";
        if (!thrift_next_struct(r))
            break;
        const uint8_t *start = r->at;
        read_element(r, arena, &out->elements[i]);
        require_bytes(r, start, MIN_ELEMENT_BYTES);
        thrift_struct_done(r);
    }
}

static void read_groups(struct thrift_reader *r, struct arena *arena, const struct thrift_field *f,
                        struct parquet_footer *out)
{
    size_t count = thrift_list(r, f, THRIFT_STRUCT, MIN_GROUP_BYTES);
    out->groups = take_array(r, arena, count, sizeof(*out->groups));
    out->n_groups = out->groups ? count : 0;
    for (size_t i = 0; i < out->n_groups && thrift_next_struct(r); i++) {
        const uint8_t *start = r->at;
        parquet_read_group(r, arena, &out->groups[i]);
        require_bytes(r, start, MIN_GROUP_BYTES);
        thrift_struct_done(r);
    }
}

void parquet_read_footer(struct thrift_reader *r, struct arena *arena, struct parquet_footer *out)
{
    *out = (struct parquet_footer){0};
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->version = thrift_int32(r, &f);
            break;
        case 2:
            read_elements(r, arena, &f, out);
            break;
        case 3:
            out->rows = thrift_int(r, &f);
            break;
        case 4:
            read_groups(r, arena, &f, out);
            break;
        case 5:
            read_pairs(r, arena, &f, out);
            break;
        case 6:
            out->created_by = thrift_binary(r, &f);
            break;
        case 7:
            out->column_orders = thrift_list(r, &f, THRIFT_STRUCT, 1);
            for (size_t i = 0; i < out->column_orders && !r->failed; i++)
                thrift_skip(r, &(struct thrift_field){.type = THRIFT_STRUCT});
            break;
        default:
            thrift_skip(r, &f);
        }
}
