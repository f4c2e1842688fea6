/* Written a row group at a time: a footer may describe millions of chunks. */
#include "format/parquet/inspect_json.h"

#include <string.h>

#include "format/parquet/describe.h"
#include "format/parquet/inspect_survey.h"
#include "json/json.h"

/* A document being built. Whatever can't be had for want of memory sets `failed`: looked at before the
 * document is written. */
struct build {
    bool failed;
};

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

static json_t *encoding_of(struct build *build, int32_t encoding)
{
    struct text text = {0};
    describe_encoding(&text, encoding);
    return take_text(build, &text);
}

static json_t *dictionary_of(struct build *build, const struct chunk_probe *probe)
{
    if (!probe->has_dictionary)
        return json_null();
    json_t *json = json_object();
    put(build, json, "entries", json_integer(probe->dictionary.values));
    put(build, json, "stored_bytes", json_integer(probe->dictionary.stored_bytes));
    put(build, json, "uncompressed_bytes", json_integer(probe->dictionary.decoded_bytes));
    return json;
}

static json_t *bloom_filter_of(struct build *build, const struct chunk_probe *probe)
{
    if (!probe->has_bloom_filter)
        return json_null();
    json_t *json = json_object();
    put(build, json, "bytes", json_integer((json_int_t)probe->bloom_filter_bytes));
    put(build, json, "false_positives", json_real(probe->bloom_filter_fpp));
    put(build, json, "distinct_estimate", json_integer((json_int_t)probe->bloom_filter_distinct));
    return json;
}

static json_t *histogram_of(struct build *build, const int64_t *counts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        add(build, list, json_integer(counts[i]));
    return list;
}

static const char *boundary_word(const struct parquet_column_index *index)
{
    static const char *const words[] = {"unordered", "ascending", "descending"};
    return (size_t)index->boundary < sizeof(words) / sizeof(words[0]) ? words[index->boundary]
                                                                      : "unordered";
}

static void put_probe(struct build *build, json_t *json, const struct parquet_chunk *chunk,
                      const struct chunk_probe *probe)
{
    const struct parquet_size_statistics *sizes = &chunk->sizes;
    bool indexed = probe->column_index.pages > 0;
    put(build, json, "pages",
        probe->offset_index.pages > 0 ? json_integer((json_int_t)probe->offset_index.pages)
                                      : json_null());
    put(build, json, "page_order",
        indexed ? json_string(boundary_word(&probe->column_index)) : json_null());
    put(build, json, "page_version",
        probe->has_data ? json_integer(probe->data.type == PARQUET_DATA_PAGE_V2 ? 2 : 1)
                        : json_null());
    put(build, json, "checksums",
        probe->has_data ? json_boolean(probe->data.has_crc) : json_null());
    put(build, json, "dictionary", dictionary_of(build, probe));
    put(build, json, "column_index", json_boolean(chunk->column_index_offset >= 0));
    put(build, json, "offset_index", json_boolean(chunk->offset_index_offset >= 0));
    put(build, json, "bloom_filter", bloom_filter_of(build, probe));
    put(build, json, "unencoded_bytes",
        sizes->has_unencoded ? json_integer(sizes->unencoded_bytes) : json_null());
    put(build, json, "definition_levels",
        histogram_of(build, sizes->definition, sizes->n_definition));
    put(build, json, "repetition_levels",
        histogram_of(build, sizes->repetition, sizes->n_repetition));
    put(build, json, "damaged", json_boolean(probe->damaged));
}

static json_t *chunk_of(struct build *build, const struct parquet_chunk *chunk,
                        const struct schema_element *element, const struct chunk_probe *probe)
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
    put_probe(build, json, chunk, probe);
    return json;
}

static json_t *sort_keys_of(struct build *build, const struct parquet_group *group)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < group->n_sort_keys; i++) {
        const struct sort_key *key = &group->sort_keys[i];
        json_t *json = json_object();
        put(build, json, "path",
            key->leaf < group->n_chunks ? path_of(build, &group->chunks[key->leaf]) : json_null());
        put(build, json, "descending", json_boolean(key->descending));
        put(build, json, "nulls_first", json_boolean(key->nulls_first));
        add(build, keys, json);
    }
    return keys;
}

static json_t *group_of(struct build *build, const struct parquet_group *group)
{
    json_t *json = json_object();
    put(build, json, "rows", json_integer(group->rows));
    put(build, json, "uncompressed_bytes", json_integer(group->uncompressed_bytes));
    put(build, json, "sorted_by", sort_keys_of(build, group));
    return json;
}

/* ---- pages ---- */

static json_t *page_of(struct build *build, const struct seen_page *page)
{
    static const char *const kinds[] = {[PARQUET_DATA_PAGE] = "data",
                                        [PARQUET_INDEX_PAGE] = "index",
                                        [PARQUET_DICTIONARY_PAGE] = "dictionary",
                                        [PARQUET_DATA_PAGE_V2] = "data_v2"};
    bool known = page->type >= 0 && (size_t)page->type < sizeof(kinds) / sizeof(kinds[0]);
    json_t *json = json_object();
    put(build, json, "kind", known ? json_string(kinds[page->type]) : json_integer(page->type));
    put(build, json, "offset", json_integer((json_int_t)page->offset));
    put(build, json, "stored_bytes", json_integer(page->stored_bytes));
    put(build, json, "uncompressed_bytes", json_integer(page->decoded_bytes));
    put(build, json, "values", json_integer(page->values));
    put(build, json, "encoding", encoding_of(build, page->encoding));
    put(build, json, "checksum", json_boolean(page->has_crc));
    return json;
}

/* What the indexes say of data page NUMBER. */
static void put_indexed(struct build *build, json_t *json, const struct schema_element *element,
                        const struct chunk_probe *probe, size_t number)
{
    const struct parquet_column_index *index = &probe->column_index;
    if (number < probe->offset_index.pages)
        put(build, json, "first_row",
            json_integer(probe->offset_index.locations[number].first_row));
    if (number >= index->pages)
        return;
    bool bounded = !index->null_pages[number];
    put(build, json, "nulls",
        index->null_counts ? json_integer(index->null_counts[number]) : json_null());
    put(build, json, "min", bound_of(build, element, bounded, index->min[number]));
    put(build, json, "max", bound_of(build, element, bounded, index->max[number]));
}

static status pages_of(struct build *build, const struct byte_source *source,
                       const struct schema_element *element, const struct chunk_probe *probe,
                       json_t *list, struct error *err)
{
    size_t number = 0;
    for (uint64_t at = probe->start; at < probe->end;) {
        struct seen_page page;
        bool holds;
        TRY(seen_page_read(source, at, probe->end, &page, &holds, err));
        if (!holds)
            return STATUS_OK;
        json_t *json = page_of(build, &page);
        if (page.type == PARQUET_DATA_PAGE || page.type == PARQUET_DATA_PAGE_V2)
            put_indexed(build, json, element, probe, number++);
        add(build, list, json);
        at += (uint64_t)page.stored_bytes;
    }
    return STATUS_OK;
}

/* ---- columns over all row groups ---- */

static json_t *lookup_of(struct build *build, const struct lookup *lookup)
{
    json_t *json = json_object();
    put(build, json, "total", json_integer((json_int_t)lookup->total));
    put(build, json, "bounded", json_integer((json_int_t)lookup->bounded));
    put(build, json, "read", json_real(lookup->read));
    return json;
}

static json_t *survey_of(struct build *build, const struct column_survey *column)
{
    json_t *json = json_object();
    put(build, json, "path", path_of(build, column->first));
    put(build, json, "type", type_of(build, column->element));
    put(build, json, "encodings", encodings_of(build, column->encodings));
    put(build, json, "values", number_or_null(column->values));
    put(build, json, "nulls", number_or_null(column->nulls));
    put(build, json, "nans", number_or_null(column->nans));
    put(build, json, "distinct", number_or_null(column->distinct));
    put(build, json, "stored_bytes", number_or_null(column->stored_bytes));
    put(build, json, "uncompressed_bytes", number_or_null(column->plain_bytes));
    put(build, json, "min", bound_of(build, column->element, column->has_min, column->min));
    put(build, json, "max", bound_of(build, column->element, column->has_max, column->max));
    put(build, json, "min_exact", json_boolean(column->has_min && column->min_exact));
    put(build, json, "max_exact", json_boolean(column->has_max && column->max_exact));
    put(build, json, "lookup_row_groups", lookup_of(build, &column->groups));
    put(build, json, "lookup_pages", lookup_of(build, &column->pages));
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

/* ---- the document, written piece by piece ---- */

struct document {
    const struct byte_source *source;
    const struct format_inspect_options *options;
    struct build build;
    FILE *out;
    struct error *err;
};

static status write_columns(struct document *document, const struct column_survey *columns,
                            size_t n)
{
    const char *before = "";
    fputs(",\"columns\":[", document->out);
    for (size_t i = 0; i < n; i++) {
        if (!columns[i].first)
            continue;
        fputs(before, document->out);
        before = ",";
        TRY(write_out(&document->build, survey_of(&document->build, &columns[i]), 0, document->out,
                      document->err));
    }
    fputs("]", document->out);
    return STATUS_OK;
}

static status write_chunk(struct document *document, const struct parquet_chunk *chunk,
                          const struct schema_element *element)
{
    SCOPED(arena_release) struct arena arena = {0};
    struct chunk_probe probe;
    struct build *build = &document->build;
    TRY(chunk_probe_read(document->source, chunk, &arena, &probe, document->err));
    SCOPED(json_release) json_t *json = chunk_of(build, chunk, element, &probe);
    if (document->options->pages) {
        json_t *list = json_array();
        status_code code = pages_of(build, document->source, element, &probe, list, document->err);
        put(build, json, "page_list", list);
        if (code != STATUS_OK)
            return code;
    }
    return write_out(build, TAKE(json), 0, document->out, document->err);
}

static status write_group(struct document *document, const struct parquet_group *group,
                          const struct column_survey *columns, size_t n_columns)
{
    TRY(write_out(&document->build, group_of(&document->build, group), strlen("}"), document->out,
                  document->err));
    fputs(",\"columns\":[", document->out);
    for (size_t i = 0; i < group->n_chunks && i < n_columns; i++) {
        fputs(i > 0 ? "," : "", document->out);
        TRY(write_chunk(document, &group->chunks[i], columns[i].element));
    }
    fputs("]}", document->out);
    return STATUS_OK;
}

status inspect_json(const struct byte_source *source, const struct footer *footer,
                    const struct format_inspect_options *options, FILE *out, struct error *err)
{
    SCOPED(arena_release) struct arena arena = {0};
    const struct parquet_footer *meta = &footer->meta;
    struct document document = {.source = source, .options = options, .out = out, .err = err};
    struct column_survey *columns;
    size_t n = 0;
    uint32_t *depths = describe_depths(meta, &arena);
    if (!depths)
        return error_no_memory(err);
    TRY(survey_columns(source, footer, &arena, &columns, &n, err));
    TRY(write_out(&document.build, head_of(&document.build, source, footer, depths), strlen("}"),
                  out, err));
    TRY(write_columns(&document, columns, n));
    fputs(",\"row_groups\":[", out);
    for (size_t g = 0; g < meta->n_groups; g++) {
        fputs(g > 0 ? "," : "", out);
        TRY(write_group(&document, &meta->groups[g], columns, n));
    }
    fputs("]}\n", out);
    return STATUS_OK;
}
