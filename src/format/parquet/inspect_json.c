/* Written a row group at a time: a footer may describe millions of chunks. */
#include "format/parquet/inspect_json.h"

#include <string.h>

#include "format/parquet/describe.h"
#include "json/json.h"

/* A document being built. Whatever can't be had for want of memory sets `failed`: looked at before the
 * document is written. */
struct build {
    bool failed;
};

static void arena_cleanup(struct arena *arena)
{
    arena_release(arena);
}

static void put(struct build *build, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        build->failed = true;
}

static void add(struct build *build, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        build->failed = true;
}

/* What was described, as a JSON string; TEXT is empty again. */
static json_t *take_text(struct build *build, struct text *text)
{
    build->failed |= text->failed;
    json_t *string = json_stringn(text_string(text), text->size);
    text_release(text);
    return string;
}

static json_t *text_of(struct build *build, struct span bytes)
{
    struct text text = {0};
    describe_text(&text, bytes, 0);
    return take_text(build, &text);
}

static json_t *type_of(struct build *build, const struct schema_element *element)
{
    struct text text = {0};
    describe_type(&text, element);
    return take_text(build, &text);
}

static json_t *codec_of(struct build *build, int32_t codec)
{
    struct text text = {0};
    describe_codec(&text, codec);
    return take_text(build, &text);
}

static json_t *encodings_of(struct build *build, uint64_t encodings)
{
    json_t *names = json_array();
    for (int encoding = 0; encoding < 64; encoding++) {
        if (!(encodings >> encoding & 1))
            continue;
        struct text text = {0};
        describe_encoding(&text, encoding);
        add(build, names, take_text(build, &text));
    }
    return names;
}

static json_t *bound_of(struct build *build, const struct schema_element *element, bool has,
                        struct span bound)
{
    if (!has)
        return json_null();
    struct text text = {0};
    describe_bound(&text, element, bound);
    return take_text(build, &text);
}

static json_t *number_or_null(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static json_t *path_of(struct build *build, const struct parquet_chunk *chunk)
{
    json_t *path = json_array();
    for (size_t i = 0; i < chunk->n_path; i++)
        add(build, path, text_of(build, chunk->path[i]));
    return path;
}

static void put_statistics(struct build *build, json_t *json, const struct schema_element *element,
                           const struct parquet_statistics *statistics)
{
    put(build, json, "nulls", number_or_null(statistics->null_count));
    put(build, json, "nans", number_or_null(statistics->nan_count));
    put(build, json, "min", bound_of(build, element, statistics->has_min, statistics->min));
    put(build, json, "max", bound_of(build, element, statistics->has_max, statistics->max));
    put(build, json, "min_exact", json_boolean(statistics->has_min && statistics->min_exact));
    put(build, json, "max_exact", json_boolean(statistics->has_max && statistics->max_exact));
}

static json_t *chunk_of(struct build *build, const struct parquet_chunk *chunk,
                        const struct schema_element *element)
{
    json_t *json = json_object();
    put(build, json, "path", path_of(build, chunk));
    put(build, json, "type", type_of(build, element));
    put(build, json, "codec", codec_of(build, chunk->codec));
    put(build, json, "encodings", encodings_of(build, chunk->encodings));
    put(build, json, "values", json_integer(chunk->values));
    put(build, json, "stored_bytes", json_integer(chunk->compressed_bytes));
    put(build, json, "uncompressed_bytes", json_integer(chunk->uncompressed_bytes));
    put_statistics(build, json, element, &chunk->statistics);
    put(build, json, "column_index", json_boolean(chunk->column_index_offset >= 0));
    put(build, json, "offset_index", json_boolean(chunk->offset_index_offset >= 0));
    put(build, json, "bloom_filter", json_boolean(chunk->bloom_filter_offset >= 0));
    return json;
}

static json_t *group_of(struct build *build, const struct parquet_group *group,
                        const struct schema_element *const *leaves, size_t n_leaves)
{
    json_t *json = json_object(), *columns = json_array();
    put(build, json, "rows", json_integer(group->rows));
    put(build, json, "uncompressed_bytes", json_integer(group->uncompressed_bytes));
    for (size_t i = 0; i < group->n_chunks && i < n_leaves; i++)
        add(build, columns, chunk_of(build, &group->chunks[i], leaves[i]));
    put(build, json, "columns", columns);
    return json;
}

static json_t *element_of(struct build *build, const struct schema_element *element, uint32_t depth)
{
    json_t *json = json_object();
    struct span name = {(const uint8_t *)element->name, strlen(element->name)};
    put(build, json, "name", text_of(build, name));
    put(build, json, "depth", json_integer(depth));
    put(build, json, "type", type_of(build, element));
    put(build, json, "repetition", json_string(describe_repetition(element->repetition)));
    put(build, json, "field_id",
        element->field_id > 0 ? json_integer(element->field_id) : json_null());
    return json;
}

static json_t *pairs_of(struct build *build, const struct parquet_footer *meta)
{
    json_t *pairs = json_array(); /* keys may repeat */
    for (size_t i = 0; i < meta->n_pairs; i++) {
        json_t *pair = json_object();
        put(build, pair, "key", text_of(build, meta->keys[i]));
        put(build, pair, "value", text_of(build, meta->values[i]));
        add(build, pairs, pair);
    }
    return pairs;
}

/* All of the document but its last member, row_groups. */
static json_t *head_of(struct build *build, const struct byte_source *source,
                       const struct footer *footer, const uint32_t *depths)
{
    const struct parquet_footer *meta = &footer->meta;
    json_t *json = json_object(), *schema = json_array();
    put(build, json, "format", json_string("parquet"));
    put(build, json, "size_bytes", json_integer((json_int_t)source->size));
    put(build, json, "footer_bytes", json_integer((json_int_t)footer->bytes.size));
    put(build, json, "version", json_integer(meta->version));
    put(build, json, "created_by", text_of(build, meta->created_by));
    put(build, json, "rows", json_integer(meta->rows));
    put(build, json, "metadata", pairs_of(build, meta));
    for (size_t i = 1; i < meta->n_elements; i++)
        add(build, schema, element_of(build, &meta->elements[i], depths[i]));
    put(build, json, "schema", schema);
    return json;
}

/* Takes JSON. Its text goes to OUT but for the last CUT bytes. */
static status write_out(const struct build *build, json_t *json, size_t cut, FILE *out,
                        struct error *err)
{
    SCOPED(json_release) json_t *owned = json;
    size_t size = 0;
    SCOPED(mem_freep) char *text = owned && !build->failed ? json_write(owned, &size) : NULL;
    if (!text)
        return error_no_memory(err);
    fwrite(text, 1, size - cut, out);
    return STATUS_OK;
}

status inspect_json(const struct byte_source *source, const struct footer *footer, FILE *out,
                    struct error *err)
{
    SCOPED(arena_cleanup) struct arena arena = {0};
    struct build build = {false};
    size_t n_leaves = 0;
    const struct schema_element **leaves = describe_leaves(&footer->meta, &arena, &n_leaves);
    uint32_t *depths = describe_depths(&footer->meta, &arena);
    if (!leaves || !depths)
        return error_no_memory(err);
    TRY(write_out(&build, head_of(&build, source, footer, depths), strlen("}"), out, err));
    fputs(",\"row_groups\":[", out);
    for (size_t g = 0; g < footer->meta.n_groups; g++) {
        if (g > 0)
            fputc(',', out);
        const struct parquet_group *group = &footer->meta.groups[g];
        TRY(write_out(&build, group_of(&build, group, leaves, n_leaves), 0, out, err));
    }
    fputs("]}\n", out);
    return STATUS_OK;
}
