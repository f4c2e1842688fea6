/* Row groups to a file:
 *
 *   "PAR1", pages of row group 0, pages of row group 1, ..., all column indexes, all offset indexes,
 *   footer, length of the footer (4 bytes), "PAR1"
 *
 * Until the end only the descriptions of the row groups are held, in their serialised form. */
#include <string.h>

#include "format/parquet/bounds.h"
#include "format/parquet/driver.h"
#include "format/parquet/group_meta.h"
#include "format/parquet/options.h"

enum { WRITE_STEP_BYTES = 1 << 20 };

/* What is known of a leaf over all row groups. */
struct file_column {
    bool has_values; /* any value that is not NULL */
    bool bounded;    /* bounds are set ... */
    bool unbounded;  /* ... and not, for good: a row group had values but no bounds */
    bool min_exact, max_exact;
    struct span min, max; /* in the arena of the file */
    uint64_t null_count, nan_count, value_count, encoded_bytes, plain_bytes;
};

struct appended {
    uint64_t base; /* where its pages begin in the file */
    uint64_t pages_bytes;
    uint8_t *meta;
    size_t meta_bytes;
};

struct format_file {
    const struct schema *schema;
    struct byte_sink *sink;
    struct leaf_plan plan;
    struct file_column *columns; /* one for each leaf */
    struct appended *groups;
    size_t n_groups, groups_capacity;
    uint64_t offset; /* bytes written, those the caller copied included */
    uint64_t rows, plain_bytes;
    struct arena arena;
};

void parquet_file_abort(struct format_file *file)
{
    if (!file)
        return;
    leaf_plan_release(&file->plan);
    mem_free(file->columns);
    for (size_t i = 0; i < file->n_groups; i++)
        mem_free(file->groups[i].meta);
    mem_free(file->groups);
    arena_release(&file->arena);
    mem_free(file);
}

static void file_freep(struct format_file **file)
{
    parquet_file_abort(*file);
}

static status sink_write(struct format_file *file, const void *bytes, size_t size,
                         struct error *err)
{
    TRY(file->sink->write(file->sink, bytes, size, err));
    file->offset += size;
    return STATUS_OK;
}

status parquet_file_begin(const struct schema *schema, const struct option_values *options,
                          struct byte_sink *sink, struct format_file **out, struct error *err)
{
    SCOPED(file_freep) struct format_file *file = mem_zalloc(sizeof(*file));
    if (!file)
        return error_no_memory(err);
    file->schema = schema;
    file->sink = sink;
    TRY(leaf_plan_init(&file->plan, schema, err));
    file->columns = mem_zalloc(file->plan.n_leaves * sizeof(*file->columns));
    if (!file->columns)
        return error_no_memory(err);
    TRY(sink_write(file, PARQUET_MAGIC, PARQUET_MAGIC_BYTES, err));
    *out = TAKE(file);
    return STATUS_OK;
}

/* ---- statistics over row groups ---- */

static status keep(struct arena *arena, struct span from, struct span *out, struct error *err)
{
    uint8_t *copy = arena_alloc(arena, from.size + 1);
    if (!copy)
        return error_no_memory(err);
    if (from.size > 0)
        memcpy(copy, from.data, from.size);
    *out = (struct span){copy, from.size};
    return STATUS_OK;
}

static status widen(struct format_file *file, const struct leaf *leaf, struct file_column *column,
                    const struct parquet_statistics *from, struct error *err)
{
    if (!column->bounded || bound_compare(leaf->order, from->min, column->min) < 0) {
        TRY(keep(&file->arena, from->min, &column->min, err));
        column->min_exact = from->min_exact;
    }
    if (!column->bounded || bound_compare(leaf->order, from->max, column->max) > 0) {
        TRY(keep(&file->arena, from->max, &column->max, err));
        column->max_exact = from->max_exact;
    }
    column->bounded = true;
    return STATUS_OK;
}

static status merge_leaf(struct format_file *file, size_t i, const struct group_meta *meta,
                         struct error *err)
{
    const struct parquet_chunk *chunk = &meta->group.chunks[i];
    const struct parquet_statistics *from = &chunk->statistics;
    struct file_column *column = &file->columns[i];
    uint64_t nans = from->nan_count > 0 ? (uint64_t)from->nan_count : 0;
    column->null_count += (uint64_t)from->null_count;
    column->nan_count += nans;
    column->value_count += (uint64_t)chunk->values;
    column->encoded_bytes += (uint64_t)chunk->compressed_bytes;
    column->plain_bytes += (uint64_t)meta->leaves[i].plain_bytes;
    if (from->has_min && from->has_max)
        return widen(file, &file->plan.leaves[i], column, from, err);
    if (from->null_count + (int64_t)nans < chunk->values)
        column->unbounded = true;
    return STATUS_OK;
}

/* ---- append ---- */

static status remember(struct format_file *file, const void *meta, size_t meta_bytes,
                       uint64_t pages_bytes, struct error *err)
{
    if (file->n_groups == file->groups_capacity) {
        size_t capacity = file->groups_capacity ? 2 * file->groups_capacity : 8;
        struct appended *groups = mem_realloc_array(file->groups, capacity, sizeof(*groups));
        if (!groups)
            return error_no_memory(err);
        file->groups = groups;
        file->groups_capacity = capacity;
    }
    uint8_t *copy = mem_alloc(meta_bytes);
    if (!copy)
        return error_no_memory(err);
    memcpy(copy, meta, meta_bytes);
    file->groups[file->n_groups++] = (struct appended){
        .base = file->offset, .pages_bytes = pages_bytes, .meta = copy, .meta_bytes = meta_bytes};
    return STATUS_OK;
}

static status take_meta(struct format_file *file, const void *bytes, size_t size,
                        uint64_t pages_bytes, struct error *err)
{
    SCOPED(arena_release) struct arena arena = {0};
    struct group_meta meta;
    TRY(group_meta_read(bytes, size, &file->plan, pages_bytes, &arena, &meta, err));
    if (file->offset + pages_bytes > INT64_MAX / 2)
        return error_set(err, STATUS_BAD_DATA, "the file would be larger than Parquet can address");
    for (size_t i = 0; i < file->plan.n_leaves; i++)
        TRY(merge_leaf(file, i, &meta, err));
    TRY(remember(file, bytes, size, pages_bytes, err));
    file->rows += (uint64_t)meta.group.rows;
    for (size_t i = 0; i < meta.n_leaves; i++)
        file->plain_bytes += (uint64_t)meta.leaves[i].plain_bytes;
    return STATUS_OK;
}

status parquet_file_append_meta(struct format_file *file, const void *meta, size_t meta_bytes,
                                uint64_t pages_bytes, struct error *err)
{
    TRY(take_meta(file, meta, meta_bytes, pages_bytes, err));
    file->offset += pages_bytes;
    return STATUS_OK;
}

status parquet_file_append(struct format_file *file, const struct row_group *group,
                           struct error *err)
{
    if (group->rows == 0)
        return STATUS_OK; /* readers trip over row groups without rows */
    TRY(take_meta(file, group->meta.data, group->meta.size, group->pages.size, err));
    return sink_write(file, group->pages.data, group->pages.size, err);
}

/* ---- finish ---- */

/* Where the indexes of a chunk went. */
struct index_place {
    int64_t column_index_offset, offset_index_offset;
    int32_t column_index_bytes, offset_index_bytes;
};

/* One description is parsed at a time, three times each where there are several: parsed they are many times as large, and
 * a file of 1,600 columns has a hundred of them. */
struct finish {
    struct format_file *file;
    struct arena arena;         /* of the group at hand */
    struct group_meta group;    /* offsets absolute */
    size_t at_hand;             /* its number, or SIZE_MAX */
    struct index_place *places; /* one for each leaf of each group */
    struct buffer out;          /* not yet in the sink */
    struct error *err;
};

static void finish_release(struct finish *finish)
{
    arena_release(&finish->arena);
    mem_free(finish->places);
    buffer_release(&finish->out);
}

static status flush(struct finish *finish, size_t at_least)
{
    struct buffer *out = &finish->out;
    if (out->size == 0 || out->size < at_least)
        return STATUS_OK;
    TRY(sink_write(finish->file, out->data, out->size, finish->err));
    out->size = 0;
    return STATUS_OK;
}

/* Offsets in a description begin at its first page; in the file the pages begin at BASE. */
static void make_absolute(struct group_meta *meta, uint64_t base, size_t ordinal)
{
    meta->group.file_offset = (int64_t)base;
    meta->group.ordinal = ordinal <= INT16_MAX ? (int32_t)ordinal : -1;
    for (size_t i = 0; i < meta->n_leaves; i++) {
        struct parquet_chunk *chunk = &meta->group.chunks[i];
        chunk->data_page_offset += (int64_t)base;
        if (chunk->dictionary_page_offset >= 0)
            chunk->dictionary_page_offset += (int64_t)base;
        if (chunk->bloom_filter_offset >= 0)
            chunk->bloom_filter_offset += (int64_t)base;
        struct parquet_offset_index *index = &meta->leaves[i].offset_index;
        for (size_t p = 0; p < index->pages; p++)
            index->locations[p].offset += (int64_t)base;
    }
}

static status take_group(struct finish *finish, size_t number)
{
    const struct format_file *file = finish->file;
    const struct appended *from = &file->groups[number];
    if (finish->at_hand == number)
        return STATUS_OK;
    finish->at_hand = SIZE_MAX;
    arena_release(&finish->arena);
    TRY(group_meta_read(from->meta, from->meta_bytes, &file->plan, from->pages_bytes,
                        &finish->arena, &finish->group, finish->err));
    make_absolute(&finish->group, from->base, number);
    finish->at_hand = number;
    return STATUS_OK;
}

static struct index_place *places_of(const struct finish *finish, size_t group)
{
    return &finish->places[group * finish->file->plan.n_leaves];
}

static status write_column_indexes(struct finish *finish, size_t number)
{
    struct index_place *places = places_of(finish, number);
    TRY(take_group(finish, number));
    for (size_t i = 0; i < finish->group.n_leaves; i++) {
        const struct parquet_column_index *index = &finish->group.leaves[i].column_index;
        places[i].column_index_offset = -1;
        if (index->pages == 0)
            continue;
        size_t start = finish->out.size;
        struct thrift_writer w;
        thrift_writer_init(&w, &finish->out);
        parquet_write_column_index(&w, index);
        thrift_struct_end(&w);
        TRY(thrift_writer_check(&w, finish->err));
        places[i].column_index_offset = (int64_t)(finish->file->offset + start);
        places[i].column_index_bytes = (int32_t)(finish->out.size - start);
        TRY(flush(finish, WRITE_STEP_BYTES));
    }
    return STATUS_OK;
}

static status write_offset_indexes(struct finish *finish, size_t number)
{
    struct index_place *places = places_of(finish, number);
    TRY(take_group(finish, number));
    for (size_t i = 0; i < finish->group.n_leaves; i++) {
        size_t start = finish->out.size;
        struct thrift_writer w;
        thrift_writer_init(&w, &finish->out);
        parquet_write_offset_index(&w, &finish->group.leaves[i].offset_index);
        thrift_struct_end(&w);
        TRY(thrift_writer_check(&w, finish->err));
        places[i].offset_index_offset = (int64_t)(finish->file->offset + start);
        places[i].offset_index_bytes = (int32_t)(finish->out.size - start);
        TRY(flush(finish, WRITE_STEP_BYTES));
    }
    return STATUS_OK;
}

/* In the footer. */
static status write_group(struct finish *finish, struct thrift_writer *w, size_t number)
{
    const struct index_place *places = places_of(finish, number);
    TRY(take_group(finish, number));
    for (size_t i = 0; i < finish->group.n_leaves; i++) {
        struct parquet_chunk *chunk = &finish->group.group.chunks[i];
        if (places[i].column_index_offset >= 0) {
            chunk->column_index_offset = places[i].column_index_offset;
            chunk->column_index_bytes = places[i].column_index_bytes;
        }
        chunk->offset_index_offset = places[i].offset_index_offset;
        chunk->offset_index_bytes = places[i].offset_index_bytes;
    }
    thrift_item_struct(w);
    parquet_write_group(w, &finish->group.group);
    thrift_struct_end(w);
    TRY(thrift_writer_check(w, finish->err));
    return flush(finish, WRITE_STEP_BYTES);
}

static void write_pairs(struct thrift_writer *w, const struct key_value *pairs, size_t n_pairs)
{
    if (n_pairs == 0)
        return;
    thrift_field_list(w, 5, THRIFT_STRUCT, n_pairs);
    for (size_t i = 0; i < n_pairs; i++) {
        thrift_item_struct(w);
        thrift_field_text(w, 1, pairs[i].key);
        if (pairs[i].value)
            thrift_field_text(w, 2, pairs[i].value);
        thrift_struct_end(w);
    }
}

/* Without column orders readers may not use any bound. */
static void write_column_orders(struct thrift_writer *w, size_t leaves)
{
    thrift_field_list(w, 7, THRIFT_STRUCT, leaves);
    for (size_t i = 0; i < leaves; i++) {
        thrift_item_struct(w);
        thrift_field_empty(w, 1); /* the order of the type */
        thrift_struct_end(w);
    }
}

static status write_tail(struct finish *finish, uint64_t footer_bytes)
{
    uint8_t tail[PARQUET_TAIL_BYTES];
    if (footer_bytes > INT32_MAX)
        return error_set(finish->err, STATUS_BAD_DATA,
                         "the footer has %llu bytes, Parquet holds 2 GiB; write larger row groups",
                         (unsigned long long)footer_bytes);
    store_u32le(tail, (uint32_t)footer_bytes);
    memcpy(tail + 4, PARQUET_MAGIC, PARQUET_MAGIC_BYTES);
    TRY(buffer_append(&finish->out, tail, sizeof(tail), finish->err));
    return flush(finish, 0);
}

static status write_footer(struct finish *finish, const struct key_value *pairs, size_t n_pairs)
{
    const struct format_file *file = finish->file;
    uint64_t start = file->offset;
    struct thrift_writer w;
    thrift_writer_init(&w, &finish->out);
    thrift_field_i32(&w, 1, 1); /* "writers should always populate 1" */
    thrift_field_list(&w, 2, THRIFT_STRUCT, file->plan.n_elements);
    for (size_t i = 0; i < file->plan.n_elements; i++)
        parquet_write_element(&w, &file->plan.elements[i]);
    thrift_field_i64(&w, 3, (int64_t)file->rows);
    thrift_field_list(&w, 4, THRIFT_STRUCT, file->n_groups);
    for (size_t g = 0; g < file->n_groups; g++)
        TRY(write_group(finish, &w, g));
    write_pairs(&w, pairs, n_pairs);
    /* readers look for "X version Y (build Z)" to tell writers with known faults */
    thrift_field_text(&w, 6, "leat version " LEAT_VERSION " (build 0)");
    write_column_orders(&w, file->plan.n_leaves);
    thrift_struct_end(&w);
    TRY(thrift_writer_check(&w, finish->err));
    return write_tail(finish, file->offset + finish->out.size - start);
}

static status write_end(struct format_file *file, const struct key_value *pairs, size_t n_pairs,
                        struct error *err)
{
    SCOPED(finish_release)
    struct finish finish = {.file = file, .at_hand = SIZE_MAX, .err = err};
    finish.places =
        mem_realloc_array(NULL, file->n_groups * file->plan.n_leaves + 1, sizeof(*finish.places));
    if (!finish.places)
        return error_no_memory(err);
    for (size_t g = 0; g < file->n_groups; g++)
        TRY(write_column_indexes(&finish, g));
    for (size_t g = 0; g < file->n_groups; g++)
        TRY(write_offset_indexes(&finish, g));
    TRY(flush(&finish, 0));
    return write_footer(&finish, pairs, n_pairs);
}

/* ---- the result ---- */

/* A bound in PLAIN form as a value of the column's type. */
static void to_scalar(const struct leaf *leaf, struct span bound, struct scalar *out)
{
    *out = (struct scalar){.type = leaf->field->type};
    int32_t i32;
    float f32;
    switch (leaf->form) {
    case FORM_BYTES:
        out->bytes = (const char *)bound.data;
        out->size = bound.size;
        return;
    case FORM_DECIMAL_FIXED: {
        uint8_t sign = bound.data[0] & 0x80 ? 0xff : 0;
        memset(out->fixed, sign, sizeof(out->fixed));
        for (size_t b = 0; b < bound.size; b++)
            out->fixed[b] = bound.data[bound.size - 1 - b];
        return;
    }
    case FORM_DECIMAL_INT32: {
        uint8_t sign = bound.data[bound.size - 1] & 0x80 ? 0xff : 0;
        memset(out->fixed, sign, sizeof(out->fixed));
        memcpy(out->fixed, bound.data, bound.size);
        return;
    }
    default:
        break;
    }
    switch (leaf->physical) {
    case PARQUET_BOOLEAN:
        out->i64 = bound.data[0];
        break;
    case PARQUET_INT32:
        memcpy(&i32, bound.data, sizeof(i32));
        if (leaf->order == ORDER_UINT32)
            out->u64 = (uint32_t)i32;
        else
            out->i64 = i32;
        break;
    case PARQUET_FLOAT:
        memcpy(&f32, bound.data, sizeof(f32));
        out->f64 = f32;
        break;
    default: /* INT64, DOUBLE and FIXED: the same bytes */
        memcpy(out->fixed, bound.data,
               bound.size < sizeof(out->fixed) ? bound.size : sizeof(out->fixed));
        break;
    }
}

static bool scalar_holds(const struct leaf *leaf)
{
    return leaf->physical != PARQUET_FIXED ||
           leaf->width <= (int32_t)sizeof(((struct scalar *)0)->fixed);
}

static status add_leaf(const struct format_file *file, size_t i, struct file_result *result,
                       struct error *err)
{
    const struct leaf *leaf = &file->plan.leaves[i];
    const struct file_column *from = &file->columns[i];
    struct column_stats *into = &result->columns[leaf->top];
    into->encoded_bytes += from->encoded_bytes;
    into->plain_bytes += from->plain_bytes;
    into->value_count = file->rows;
    if (!leaf_is_flat(leaf))
        return STATUS_OK;
    into->null_count = from->null_count;
    into->nan_count = from->nan_count;
    if (!from->bounded || from->unbounded || !scalar_holds(leaf))
        return STATUS_OK;
    struct scalar min, max;
    to_scalar(leaf, from->min, &min);
    to_scalar(leaf, from->max, &max);
    TRY(scalar_copy(&into->min, &min, &result->arena, err));
    TRY(scalar_copy(&into->max, &max, &result->arena, err));
    into->has_bounds = true;
    into->min_exact = from->min_exact;
    into->max_exact = from->max_exact;
    return STATUS_OK;
}

static status make_result(const struct format_file *file, struct file_result *result,
                          struct error *err)
{
    result->size_bytes = file->offset;
    result->rows = file->rows;
    result->row_groups = file->n_groups;
    result->plain_bytes = file->plain_bytes;
    result->n_columns = file->schema->n_fields;
    result->columns = arena_alloc(&result->arena, result->n_columns * sizeof(*result->columns));
    if (!result->columns)
        return error_no_memory(err);
    for (size_t i = 0; i < file->plan.n_leaves; i++)
        TRY(add_leaf(file, i, result, err));
    return STATUS_OK;
}

status parquet_file_finish(struct format_file *file, const struct key_value *pairs, size_t n_pairs,
                           struct file_result *out, struct error *err)
{
    SCOPED(file_freep) struct format_file *ending = file;
    TRY(write_end(ending, pairs, n_pairs, err));
    struct file_result result = {0};
    status_code code = make_result(ending, &result, err);
    if (code != STATUS_OK) {
        file_result_release(&result);
        return code;
    }
    *out = result;
    return STATUS_OK;
}
