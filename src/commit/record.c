/* Records, schemas and single values as JSON. */
#include "commit/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "json/json.h"

#define RECORD_FORMAT 1

/* Member KEY of OBJECT becomes VALUE (taken over); NULL VALUE: an earlier step had no memory. */
static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static bool set_text(json_t *object, const char *key, const char *text)
{
    return !text || set(object, key, json_string(text));
}

static bool set_count(json_t *object, const char *key, uint64_t count)
{
    return set(object, key, json_integer((json_int_t)count));
}

/* ---- schema ---- */

static json_t *fields_to_json(const struct field *fields, size_t n);

static json_t *field_to_json(const struct field *field)
{
    static const char *const nested[] = {"list", "struct", "map"};
    char buf[64];
    json_t *json = json_object();
    const char *type = type_is_nested(field->type) ? nested[field->type.id - TYPE_LIST]
                                                   : type_text(field->type, buf);
    bool ok = json && set_text(json, "name", field->name) && set_text(json, "type", type) &&
              set(json, "nullable", json_boolean(field->nullable)) &&
              set(json, "id", json_integer(field->field_id)) &&
              set_text(json, "source_id", field->source_id) &&
              set_text(json, "source_type", field->source_type);
    if (ok && field->n_children)
        ok = set(json, "fields", fields_to_json(field->children, field->n_children));
    if (!ok)
        json_release(&json);
    return json;
}

static json_t *fields_to_json(const struct field *fields, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < n; i++)
        if (json_array_append_new(array, field_to_json(&fields[i])) != 0)
            json_release(&array);
    return array;
}

struct json_t *schema_to_json(const struct schema *schema)
{
    return fields_to_json(schema->fields, schema->n_fields);
}

static status nested_type(const char *text, struct type *out, struct error *err)
{
    *out = (struct type){0};
    if (strcmp(text, "list") == 0)
        out->id = TYPE_LIST;
    else if (strcmp(text, "struct") == 0)
        out->id = TYPE_STRUCT;
    else if (strcmp(text, "map") == 0)
        out->id = TYPE_MAP;
    else
        return type_parse(text, out, err);
    return STATUS_OK;
}

static status field_from_json(const json_t *json, struct arena *arena, unsigned depth,
                              struct field *out, struct error *err);

static status children_from_json(const json_t *array, struct arena *arena, unsigned depth,
                                 struct field *out, struct error *err)
{
    size_t n = json_array_size(array);
    struct field *children = arena_alloc(arena, n * sizeof(*children) + 1);
    if (!children)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++)
        TRY(field_from_json(json_array_get(array, i), arena, depth + 1, &children[i], err));
    out->children = children;
    out->n_children = n;
    return STATUS_OK;
}

/* Strings are borrowed from JSON: schema_append copies. */
static status field_from_json(const json_t *json, struct arena *arena, unsigned depth,
                              struct field *out, struct error *err)
{
    const char *type;
    const json_t *children = json_object_get(json, "fields");
    int64_t id = 0;
    if (depth > 64)
        return error_set(err, STATUS_BAD_DATA, "schema: types are nested more than 64 deep");
    TRY(json_get_text(json, "name", "schema field", &out->name, err));
    TRY(json_get_text(json, "type", "schema field", &type, err));
    TRY_IN(nested_type(type, &out->type, err), err, "in column \"%s\" of a schema", out->name);
    TRY(json_get_bool_opt(json, "nullable", "schema field", &out->nullable, err));
    TRY(json_get_int_opt(json, "id", "schema field", &id, err));
    TRY(json_get_text_opt(json, "source_id", "schema field", &out->source_id, err));
    TRY(json_get_text_opt(json, "source_type", "schema field", &out->source_type, err));
    if (id < 0 || id > INT32_MAX)
        return error_set(err, STATUS_BAD_DATA, "schema: column \"%s\" has no proper id", out->name);
    out->field_id = (int32_t)id;
    return children ? children_from_json(children, arena, depth, out, err) : STATUS_OK;
}

status schema_from_json(const struct json_t *json, struct schema *out, struct error *err)
{
    struct schema schema = {0};
    struct arena scratch = {0};
    status_code s = STATUS_OK;
    if (!json_is_array(json))
        return error_set(err, STATUS_BAD_DATA, "schema: expected a list of fields");
    for (size_t i = 0; s == STATUS_OK && i < json_array_size(json); i++) {
        struct field field = {0};
        s = field_from_json(json_array_get(json, i), &scratch, 0, &field, err);
        if (s == STATUS_OK)
            s = schema_append(&schema, &field, err);
    }
    arena_release(&scratch);
    if (s != STATUS_OK)
        schema_release(&schema);
    else
        *out = schema;
    return s;
}

/* ---- scalar ---- */

struct json_t *scalar_to_json(const struct scalar *scalar)
{
    char buf[64];
    struct arena arena = {0};
    json_t *json = json_object();
    char *text = scalar->is_null ? NULL : scalar_text(scalar, &arena);
    bool ok = json && set_text(json, "type", type_text(scalar->type, buf)) &&
              set(json, "value",
                  scalar->is_null ? json_null()
                  : text          ? json_string(text)
                                  : NULL);
    arena_release(&arena);
    if (!ok)
        json_release(&json);
    return json;
}

status scalar_from_json(const struct json_t *json, struct arena *arena, struct scalar *out,
                        struct error *err)
{
    const char *type_name;
    const char *text = NULL;
    struct scalar scalar = {0};
    struct type type;
    TRY(json_get_text(json, "type", "value", &type_name, err));
    TRY(type_parse(type_name, &type, err));
    TRY(json_get_text_opt(json, "value", "value", &text, err));
    scalar.type = type;
    scalar.is_null = !text;
    if (text) {
        char *copy = arena_strdup(arena, text);
        if (!copy)
            return error_no_memory(err);
        size_t size = json_string_length(json_object_get(json, "value"));
        TRY(scalar_parse(type, copy, size, &scalar, err));
    }
    *out = scalar;
    return STATUS_OK;
}

/* ---- record ---- */

static json_t *ties_to_json(const struct tie_digests *ties)
{
    json_t *array = json_array();
    char hex[33];
    for (size_t i = 0; array && i < ties->n; i++) {
        snprintf(hex, sizeof(hex), "%016" PRIx64 "%016" PRIx64, ties->items[i].high,
                 ties->items[i].low);
        if (json_array_append_new(array, json_string(hex)) != 0)
            json_release(&array);
    }
    return array;
}

static json_t *texts_to_json(const char *const *texts, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < n; i++)
        if (json_array_append_new(array, json_string(texts[i])) != 0)
            json_release(&array);
    return array;
}

static bool set_identity(json_t *json, const struct run_record *record)
{
    return set(json, "format", json_integer(RECORD_FORMAT)) &&
           set(json, "number", json_integer(record->number)) &&
           set(json, "previous", json_integer(record->previous)) &&
           set_text(json, "table_id", record->table_id) &&
           set_text(json, "stream", record->stream) &&
           set_text(json, "source_identity", record->source_identity) &&
           set_text(json, "run_id", record->run_id) &&
           set_text(json, "leat_version", record->leat_version) &&
           set_text(json, "mode", record->mode) &&
           set(json, "published_us", json_integer(record->published_us));
}

static bool set_bound(json_t *json, const struct run_record *record)
{
    return set_text(json, "update_key", record->update_key) &&
           set(json, "watermark", scalar_to_json(&record->watermark)) &&
           set(json, "watermark_is_fence", json_boolean(record->watermark_is_fence)) &&
           set(json, "ties", ties_to_json(&record->ties)) &&
           set_text(json, "fence_state", record->fence_state);
}

static bool set_contract(json_t *json, const struct run_record *record)
{
    return set(json, "contract", schema_to_json(&record->contract)) &&
           set(json, "partition_by", texts_to_json(record->partition_by, record->n_partition_by)) &&
           set(json, "partition_keys", schema_to_json(&record->partition_keys));
}

static bool set_counts(json_t *json, const struct run_record *record)
{
    return set_count(json, "rows_read", record->rows_read) &&
           set_count(json, "rows_written", record->rows_written) &&
           set_count(json, "rows_rejected", record->rows_rejected) &&
           set_count(json, "rows_known", record->rows_known) &&
           set_count(json, "bytes_read", record->bytes_read) &&
           set_count(json, "bytes_written", record->bytes_written) &&
           set_count(json, "files_written", record->files_written) &&
           set_text(json, "reject_file", record->reject_file) &&
           set_text(json, "token", record->token);
}

status record_write(const struct run_record *record, char **out_json, size_t *out_size,
                    struct error *err)
{
    SCOPED(json_release) json_t *json = json_object();
    char *text = NULL;
    size_t size = 0;
    if (json && set_identity(json, record) && set_bound(json, record) &&
        set_contract(json, record) && set_counts(json, record))
        text = json_write(json, &size);
    if (!text)
        return error_no_memory(err);
    *out_json = text;
    *out_size = size;
    return STATUS_OK;
}

static status get_text(const json_t *json, const char *key, bool needed, struct arena *arena,
                       const char **out, struct error *err)
{
    const char *text = NULL;
    if (needed)
        TRY(json_get_text(json, key, "record", &text, err));
    else
        TRY(json_get_text_opt(json, key, "record", &text, err));
    *out = text ? arena_strdup(arena, text) : NULL;
    return text && !*out ? error_no_memory(err) : STATUS_OK;
}

static status get_count(const json_t *json, const char *key, uint64_t *out, struct error *err)
{
    int64_t count;
    TRY(json_get_int(json, key, "record", &count, err));
    if (count < 0)
        return error_set(err, STATUS_BAD_DATA, "record: member \"%s\" is negative", key);
    *out = (uint64_t)count;
    return STATUS_OK;
}

static status get_identity(const json_t *json, struct run_record *out, struct error *err)
{
    int64_t format;
    TRY(json_get_int(json, "format", "record", &format, err));
    if (format != RECORD_FORMAT)
        return error_set(err, STATUS_BAD_DATA,
                         "record has format %lld, this leat (" LEAT_VERSION
                         ") reads %d; use the newer leat that wrote it",
                         (long long)format, RECORD_FORMAT);
    TRY(json_get_int(json, "number", "record", &out->number, err));
    TRY(json_get_int(json, "previous", "record", &out->previous, err));
    TRY(get_text(json, "table_id", true, &out->arena, &out->table_id, err));
    TRY(get_text(json, "stream", true, &out->arena, &out->stream, err));
    TRY(get_text(json, "source_identity", false, &out->arena, &out->source_identity, err));
    TRY(get_text(json, "run_id", true, &out->arena, &out->run_id, err));
    TRY(get_text(json, "leat_version", false, &out->arena, &out->leat_version, err));
    TRY(get_text(json, "mode", false, &out->arena, &out->mode, err));
    return json_get_int_opt(json, "published_us", "record", &out->published_us, err);
}

static bool digest_from_hex(const char *hex, struct digest *out)
{
    uint8_t bytes[16];
    if (!hex || strlen(hex) != 32 || !bytes_from_hex(hex, 32, bytes))
        return false;
    out->high = __builtin_bswap64(load_u64le(bytes));
    out->low = __builtin_bswap64(load_u64le(bytes + 8));
    return true;
}

static status get_ties(const json_t *json, struct run_record *out, struct error *err)
{
    const json_t *array;
    TRY(json_get_array(json, "ties", "record", &array, err));
    size_t n = json_array_size(array);
    out->ties.items = arena_alloc(&out->arena, n * sizeof(*out->ties.items) + 1);
    if (!out->ties.items)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (!digest_from_hex(json_string_value(json_array_get(array, i)), &out->ties.items[i]))
            return error_set(err, STATUS_BAD_DATA, "record: tie %zu is no digest", i);
    out->ties.n = n;
    return STATUS_OK;
}

static status get_bound(const json_t *json, struct run_record *out, struct error *err)
{
    const json_t *watermark;
    TRY(get_text(json, "update_key", false, &out->arena, &out->update_key, err));
    TRY(json_get_object(json, "watermark", "record", &watermark, err));
    TRY(scalar_from_json(watermark, &out->arena, &out->watermark, err));
    TRY(json_get_bool_opt(json, "watermark_is_fence", "record", &out->watermark_is_fence, err));
    TRY(get_text(json, "fence_state", false, &out->arena, &out->fence_state, err));
    return get_ties(json, out, err);
}

static status get_contract(const json_t *json, struct run_record *out, struct error *err)
{
    const json_t *array;
    TRY(json_get_array(json, "contract", "record", &array, err));
    TRY(schema_from_json(array, &out->contract, err));
    TRY(json_get_array(json, "partition_keys", "record", &array, err));
    TRY(schema_from_json(array, &out->partition_keys, err));
    TRY(json_get_array(json, "partition_by", "record", &array, err));
    size_t n = json_array_size(array);
    const char **texts = arena_alloc(&out->arena, (n + 1) * sizeof(*texts));
    if (!texts)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (!text)
            return error_set(err, STATUS_BAD_DATA, "record: partition_by %zu is no text", i);
        texts[i] = arena_strdup(&out->arena, text);
        if (!texts[i])
            return error_no_memory(err);
    }
    out->partition_by = texts;
    out->n_partition_by = n;
    return STATUS_OK;
}

static status get_counts(const json_t *json, struct run_record *out, struct error *err)
{
    TRY(get_count(json, "rows_read", &out->rows_read, err));
    TRY(get_count(json, "rows_written", &out->rows_written, err));
    TRY(get_count(json, "rows_rejected", &out->rows_rejected, err));
    TRY(get_count(json, "rows_known", &out->rows_known, err));
    TRY(get_count(json, "bytes_read", &out->bytes_read, err));
    TRY(get_count(json, "bytes_written", &out->bytes_written, err));
    TRY(get_count(json, "files_written", &out->files_written, err));
    TRY(get_text(json, "reject_file", false, &out->arena, &out->reject_file, err));
    return get_text(json, "token", false, &out->arena, &out->token, err);
}

void record_release(struct run_record *record)
{
    schema_release(&record->contract);
    schema_release(&record->partition_keys);
    arena_release(&record->arena);
    *record = (struct run_record){0};
}

status record_read(const char *text, size_t size, struct run_record *out, struct error *err)
{
    SCOPED(json_release) json_t *json = NULL;
    SCOPED(record_release) struct run_record record = {0};
    TRY(json_parse(text, size, "record", &json, err));
    TRY(get_identity(json, &record, err));
    TRY(get_bound(json, &record, err));
    TRY(get_contract(json, &record, err));
    TRY(get_counts(json, &record, err));
    *out = record;
    record = (struct run_record){0}; /* the caller's now */
    return STATUS_OK;
}
