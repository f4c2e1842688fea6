#include "format/parquet/inspect_json.h"

#include <string.h>

#include "format/parquet/describe.h"
#include "json/json.h"

static void arena_cleanup(struct arena *arena)
{
    arena_release(arena);
}

/* What DESCRIBE wrote, as a JSON string; TEXT is empty again. */
static json_t *take_text(struct text *text)
{
    json_t *string = json_string(text_string(text));
    text_release(text);
    return string;
}

static json_t *text_of(struct span bytes)
{
    struct text text = {0};
    describe_text(&text, bytes, 0);
    return take_text(&text);
}

static json_t *type_of(const struct schema_element *element)
{
    struct text text = {0};
    describe_type(&text, element);
    return take_text(&text);
}

static json_t *bound_of(const struct schema_element *element, bool has, struct span bound)
{
    if (!has)
        return json_null();
    struct text text = {0};
    describe_bound(&text, element, bound);
    return take_text(&text);
}

static json_t *number_or_null(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static json_t *path_of(const struct parquet_chunk *chunk)
{
    json_t *path = json_array();
    for (size_t i = 0; i < chunk->n_path; i++)
        json_array_append_new(path, text_of(chunk->path[i]));
    return path;
}

static json_t *chunk_of(const struct parquet_chunk *chunk, const struct schema_element *element)
{
    const struct parquet_statistics *statistics = &chunk->statistics;
    struct text codec = {0}, encodings = {0};
    describe_codec(&codec, chunk->codec);
    describe_encodings(&encodings, chunk->encodings);
    json_t *json = json_object();
    json_object_set_new(json, "path", path_of(chunk));
    json_object_set_new(json, "type", type_of(element));
    json_object_set_new(json, "codec", take_text(&codec));
    json_object_set_new(json, "encodings", take_text(&encodings));
    json_object_set_new(json, "values", json_integer(chunk->values));
    json_object_set_new(json, "nulls", number_or_null(statistics->null_count));
    json_object_set_new(json, "nans", number_or_null(statistics->nan_count));
    json_object_set_new(json, "stored_bytes", json_integer(chunk->compressed_bytes));
    json_object_set_new(json, "uncompressed_bytes", json_integer(chunk->uncompressed_bytes));
    json_object_set_new(json, "min", bound_of(element, statistics->has_min, statistics->min));
    json_object_set_new(json, "max", bound_of(element, statistics->has_max, statistics->max));
    json_object_set_new(json, "min_exact", json_boolean(statistics->min_exact));
    json_object_set_new(json, "max_exact", json_boolean(statistics->max_exact));
    json_object_set_new(json, "column_index", json_boolean(chunk->column_index_offset >= 0));
    json_object_set_new(json, "offset_index", json_boolean(chunk->offset_index_offset >= 0));
    json_object_set_new(json, "bloom_filter", json_boolean(chunk->bloom_filter_offset >= 0));
    return json;
}

static json_t *group_of(const struct parquet_group *group,
                        const struct schema_element *const *leaves, size_t n_leaves)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < group->n_chunks && i < n_leaves; i++)
        json_array_append_new(columns, chunk_of(&group->chunks[i], leaves[i]));
    json_t *json = json_object();
    json_object_set_new(json, "rows", json_integer(group->rows));
    json_object_set_new(json, "uncompressed_bytes", json_integer(group->uncompressed_bytes));
    json_object_set_new(json, "columns", columns);
    return json;
}

static json_t *element_of(const struct schema_element *element, uint32_t depth)
{
    json_t *json = json_object();
    struct span name = {(const uint8_t *)element->name, strlen(element->name)};
    json_object_set_new(json, "name", text_of(name));
    json_object_set_new(json, "depth", json_integer(depth));
    json_object_set_new(json, "type", type_of(element));
    json_object_set_new(json, "repetition", json_string(describe_repetition(element->repetition)));
    if (element->field_id > 0)
        json_object_set_new(json, "field_id", json_integer(element->field_id));
    return json;
}

static json_t *pairs_of(const struct parquet_footer *meta)
{
    json_t *pairs = json_array(); /* keys may repeat */
    for (size_t i = 0; i < meta->n_pairs; i++) {
        json_t *pair = json_object();
        json_object_set_new(pair, "key", text_of(meta->keys[i]));
        json_object_set_new(pair, "value", text_of(meta->values[i]));
        json_array_append_new(pairs, pair);
    }
    return pairs;
}

static json_t *file_of(const struct byte_source *source, const struct footer *footer,
                       const struct schema_element *const *leaves, size_t n_leaves,
                       const uint32_t *depths)
{
    const struct parquet_footer *meta = &footer->meta;
    json_t *schema = json_array(), *groups = json_array(), *json = json_object();
    for (size_t i = 1; i < meta->n_elements; i++)
        json_array_append_new(schema, element_of(&meta->elements[i], depths[i]));
    for (size_t g = 0; g < meta->n_groups; g++)
        json_array_append_new(groups, group_of(&meta->groups[g], leaves, n_leaves));
    json_object_set_new(json, "format", json_string("parquet"));
    json_object_set_new(json, "size_bytes", json_integer((json_int_t)source->size));
    json_object_set_new(json, "footer_bytes", json_integer((json_int_t)footer->bytes.size));
    json_object_set_new(json, "version", json_integer(meta->version));
    json_object_set_new(json, "created_by", text_of(meta->created_by));
    json_object_set_new(json, "rows", json_integer(meta->rows));
    json_object_set_new(json, "metadata", pairs_of(meta));
    json_object_set_new(json, "schema", schema);
    json_object_set_new(json, "row_groups", groups);
    return json;
}

status inspect_json(const struct byte_source *source, const struct footer *footer, FILE *out,
                    struct error *err)
{
    SCOPED(arena_cleanup) struct arena arena = {0};
    size_t n_leaves = 0;
    const struct schema_element **leaves = describe_leaves(&footer->meta, &arena, &n_leaves);
    uint32_t *depths = describe_depths(&footer->meta, &arena);
    if (!leaves || !depths)
        return error_no_memory(err);
    SCOPED(json_release) json_t *json = file_of(source, footer, leaves, n_leaves, depths);
    SCOPED(mem_freep) char *text = json ? json_write(json, NULL) : NULL;
    if (!text)
        return error_no_memory(err);
    fprintf(out, "%s\n", text);
    return STATUS_OK;
}
