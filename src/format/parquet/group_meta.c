#include "format/parquet/group_meta.h"

#include <string.h>

enum { FORM = 1 };

static void write_leaf(struct thrift_writer *w, const struct group_leaf *leaf)
{
    thrift_item_struct(w);
    if (leaf->column_index.pages > 0) {
        thrift_field_struct(w, 1);
        parquet_write_column_index(w, &leaf->column_index);
        thrift_struct_end(w);
    }
    thrift_field_struct(w, 2);
    parquet_write_offset_index(w, &leaf->offset_index);
    thrift_struct_end(w);
    thrift_field_i64(w, 3, leaf->plain_bytes);
    thrift_struct_end(w);
}

status group_meta_write(const struct group_meta *meta, struct buffer *out, struct error *err)
{
    struct thrift_writer w;
    thrift_writer_init(&w, out);
    thrift_field_i32(&w, 1, FORM);
    thrift_field_struct(&w, 2);
    parquet_write_group(&w, &meta->group);
    thrift_struct_end(&w);
    thrift_field_list(&w, 3, THRIFT_STRUCT, meta->n_leaves);
    for (size_t i = 0; i < meta->n_leaves; i++)
        write_leaf(&w, &meta->leaves[i]);
    thrift_field_i64(&w, 4, meta->pages_bytes);
    thrift_struct_end(&w);
    return thrift_writer_check(&w, err);
}

static void read_leaf(struct thrift_reader *r, struct arena *arena, struct group_leaf *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1 && thrift_struct(r, &f)) {
            parquet_read_column_index(r, arena, &out->column_index);
            thrift_struct_done(r);
        } else if (f.id == 2 && thrift_struct(r, &f)) {
            parquet_read_offset_index(r, arena, &out->offset_index);
            thrift_struct_done(r);
        } else if (f.id == 3) {
            out->plain_bytes = thrift_int(r, &f);
        } else {
            thrift_skip(r, &f);
        }
    }
}

static void read_leaves(struct thrift_reader *r, struct arena *arena, const struct thrift_field *f,
                        struct group_meta *out)
{
    enum { MIN_LEAF_BYTES = 5 };
    size_t count = thrift_list(r, f, THRIFT_STRUCT, MIN_LEAF_BYTES);
    out->leaves = count > 0 ? arena_alloc(arena, count * sizeof(*out->leaves)) : NULL;
    out->n_leaves = out->leaves ? count : 0;
    if (count > 0 && !out->leaves)
        r->failed = r->no_memory = true;
    for (size_t i = 0; i < out->n_leaves && thrift_next_struct(r); i++) {
        read_leaf(r, arena, &out->leaves[i]);
        thrift_struct_done(r);
    }
}

static int64_t read_meta(struct thrift_reader *r, struct arena *arena, struct group_meta *out)
{
    int64_t form = 0;
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            form = thrift_int(r, &f);
            break;
        case 2:
            if (thrift_struct(r, &f)) {
                parquet_read_group(r, arena, &out->group);
                thrift_struct_done(r);
            }
            break;
        case 3:
            read_leaves(r, arena, &f, out);
            break;
        case 4:
            out->pages_bytes = thrift_int(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
    return form;
}

/* ---- checks ---- */

static status wrong(struct error *err, const char *what)
{
    return error_set(err, STATUS_BAD_DATA, "description of a row group does not hold: %s", what);
}

static bool same_path(const struct leaf *leaf, const struct parquet_chunk *chunk)
{
    if (leaf->n_path != chunk->n_path)
        return false;
    for (size_t i = 0; i < leaf->n_path; i++)
        if (strlen(leaf->path[i]) != chunk->path[i].size ||
            memcmp(leaf->path[i], chunk->path[i].data, chunk->path[i].size) != 0)
            return false;
    return true;
}

/* Bounds are read as values of the type, so their size must be its size. */
static bool bound_size_holds(const struct leaf *leaf, struct span bound)
{
    return leaf->width == 0 || bound.size == (size_t)leaf->width;
}

static bool statistics_hold(const struct leaf *leaf, const struct parquet_chunk *chunk)
{
    const struct parquet_statistics *s = &chunk->statistics;
    return s->null_count >= 0 && s->null_count <= chunk->values && s->nan_count <= chunk->values &&
           (!s->has_min || bound_size_holds(leaf, s->min)) &&
           (!s->has_max || bound_size_holds(leaf, s->max));
}

/* Pages follow each other from FROM to TO, their first rows ascend from 0. */
static bool pages_hold(const struct parquet_offset_index *index, int64_t from, int64_t to,
                       int64_t rows)
{
    int64_t row = -1;
    if (index->pages == 0 || index->locations[0].first_row != 0)
        return false;
    for (size_t i = 0; i < index->pages; i++) {
        const struct parquet_page_location *page = &index->locations[i];
        if (page->offset != from || page->bytes <= 0 || page->bytes > to - from ||
            page->first_row <= row || page->first_row >= rows)
            return false;
        row = page->first_row;
        from += page->bytes;
    }
    return from == to;
}

/* There is none, or it tells of every page. */
static bool column_index_holds(const struct parquet_column_index *index,
                               const struct parquet_offset_index *offsets)
{
    if (index->pages == 0)
        return true;
    return index->pages == offsets->pages && index->null_counts &&
           (unsigned)index->boundary <= PARQUET_DESCENDING;
}

/* The chunk lies at *IO_AT; moves it to the chunk's end. */
static bool chunk_holds(const struct leaf *leaf, const struct parquet_chunk *chunk,
                        const struct group_leaf *own, const struct group_meta *meta, int64_t *io_at)
{
    int64_t start = *io_at;
    int64_t left = meta->pages_bytes - start;
    bool dictionary = chunk->dictionary_page_offset >= 0;
    if (chunk->compressed_bytes <= 0 || chunk->compressed_bytes > left ||
        chunk->uncompressed_bytes < 0 || own->plain_bytes < 0 || chunk->values < meta->group.rows)
        return false;
    int64_t end = start + chunk->compressed_bytes;
    if (dictionary ? chunk->dictionary_page_offset != start || chunk->data_page_offset <= start
                   : chunk->data_page_offset != start)
        return false;
    if (chunk->data_page_offset >= end ||
        !pages_hold(&own->offset_index, chunk->data_page_offset, end, meta->group.rows))
        return false;
    if (!column_index_holds(&own->column_index, &own->offset_index))
        return false;
    *io_at = end;
    return statistics_hold(leaf, chunk);
}

/* Bloom filters lie behind all pages, in the order of the columns. Moves *IO_AT to their end. */
static bool filters_hold(const struct parquet_group *group, int64_t *io_at, int64_t end)
{
    for (size_t i = 0; i < group->n_chunks; i++) {
        const struct parquet_chunk *chunk = &group->chunks[i];
        if (chunk->bloom_filter_offset < 0)
            continue;
        if (chunk->bloom_filter_offset != *io_at || chunk->bloom_filter_bytes <= 0 ||
            chunk->bloom_filter_bytes > end - *io_at)
            return false;
        *io_at += chunk->bloom_filter_bytes;
    }
    return true;
}

static status check(const struct group_meta *meta, const struct leaf_plan *plan,
                    uint64_t pages_bytes, struct error *err)
{
    const struct parquet_group *group = &meta->group;
    if (meta->pages_bytes < 0 || (uint64_t)meta->pages_bytes != pages_bytes)
        return wrong(err, "it was made for another number of bytes");
    if (group->n_chunks != plan->n_leaves || meta->n_leaves != plan->n_leaves)
        return wrong(err, "it has another number of columns than the schema");
    if (group->rows <= 0)
        return wrong(err, "it has no rows");
    int64_t at = 0;
    for (size_t i = 0; i < plan->n_leaves; i++) {
        const struct leaf *leaf = &plan->leaves[i];
        const struct parquet_chunk *chunk = &group->chunks[i];
        if (chunk->physical != (int32_t)leaf->physical || !same_path(leaf, chunk))
            return wrong(err, "a column has another name or type than in the schema");
        if (!chunk_holds(leaf, chunk, &meta->leaves[i], meta, &at))
            return wrong(err, "sizes or offsets of a column do not fit its pages");
    }
    if (!filters_hold(group, &at, meta->pages_bytes))
        return wrong(err, "a bloom filter lies outside of its bytes");
    for (size_t i = 0; i < group->n_sort_keys; i++)
        if (group->sort_keys[i].leaf >= plan->n_leaves)
            return wrong(err, "its rows are sorted by a column that is not there");
    return at == meta->pages_bytes ? STATUS_OK : wrong(err, "pages are left over");
}

status group_meta_read(const void *bytes, size_t size, const struct leaf_plan *plan,
                       uint64_t pages_bytes, struct arena *arena, struct group_meta *out,
                       struct error *err)
{
    struct thrift_reader r;
    struct group_meta meta = {0};
    thrift_reader_init(&r, bytes, size);
    int64_t form = read_meta(&r, arena, &meta);
    TRY(thrift_reader_check(&r, "description of a row group", err));
    if (form != FORM)
        return wrong(err, "its form is not known to this version");
    TRY(check(&meta, plan, pages_bytes, err));
    *out = meta;
    return STATUS_OK;
}
