#include "commit/delta/checkpoint_rows.h"

#include <string.h>

#include "base/text.h"

/* ---- the schema ---- */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(label)                                                                                \
    {                                                                                              \
        .name = (label), .type = {.id = TYPE_UTF8}, .nullable = true                               \
    }
#define LONG(label)                                                                                \
    {                                                                                              \
        .name = (label), .type = {.id = TYPE_INT64}, .nullable = true                              \
    }
#define INT(label)                                                                                 \
    {                                                                                              \
        .name = (label), .type = {.id = TYPE_INT32}, .nullable = true                              \
    }
#define BOOL(label)                                                                                \
    {                                                                                              \
        .name = (label), .type = {.id = TYPE_BOOL}, .nullable = true                               \
    }
#define NESTED(label, kind, of)                                                                    \
    {                                                                                              \
        .name = (label), .type = {.id = (kind)}, .nullable = true, .children = (of),               \
        .n_children = COUNT(of)                                                                    \
    }
#define MAP(label)        NESTED(label, TYPE_MAP, entries)
#define LIST(label)       NESTED(label, TYPE_LIST, elements)
#define STRUCT(label, of) NESTED(label, TYPE_STRUCT, of)

static const struct field key_and_value[] = {
    {.name = "key", .type = {.id = TYPE_UTF8}},
    TEXT("value"),
};
static const struct field entries[] = {
    {.name = "key_value",
     .type = {.id = TYPE_STRUCT},
     .children = key_and_value,
     .n_children = COUNT(key_and_value)},
};
static const struct field elements[] = {TEXT("element")};
static const struct field format_fields[] = {TEXT("provider"), MAP("options")};

static const struct field txn_fields[] = {TEXT("appId"), LONG("version"), LONG("lastUpdated")};
static const struct field add_fields[] = {
    TEXT("path"),       MAP("partitionValues"), LONG("size"), LONG("modificationTime"),
    BOOL("dataChange"), TEXT("stats"),          MAP("tags"),
};
static const struct field remove_fields[] = {
    TEXT("path"),           LONG("deletionTimestamp"),
    BOOL("dataChange"),     BOOL("extendedFileMetadata"),
    MAP("partitionValues"), LONG("size"),
};
static const struct field metadata_fields[] = {
    TEXT("id"),           TEXT("name"),
    TEXT("description"),  STRUCT("format", format_fields),
    TEXT("schemaString"), LIST("partitionColumns"),
    MAP("configuration"), LONG("createdTime"),
};
static const struct field protocol_fields[] = {
    INT("minReaderVersion"),
    INT("minWriterVersion"),
    LIST("readerFeatures"),
    LIST("writerFeatures"),
};

enum { COLUMN_TXN, COLUMN_ADD, COLUMN_REMOVE, COLUMN_METADATA, COLUMN_PROTOCOL, N_COLUMNS };

static struct field checkpoint_fields[N_COLUMNS] = {
    [COLUMN_TXN] = STRUCT("txn", txn_fields),
    [COLUMN_ADD] = STRUCT("add", add_fields),
    [COLUMN_REMOVE] = STRUCT("remove", remove_fields),
    [COLUMN_METADATA] = STRUCT("metaData", metadata_fields),
    [COLUMN_PROTOCOL] = STRUCT("protocol", protocol_fields),
};

const struct schema checkpoint_schema = {.fields = checkpoint_fields, .n_fields = N_COLUMNS};

/* ---- values ---- */

static status append_text(struct column *column, const char *bytes, size_t size, struct error *err)
{
    if (!bytes)
        return column_append_null(column, err);
    if (text_utf8_valid_prefix(bytes, size) != size)
        return error_set(err, STATUS_BAD_DATA, "%s is not UTF-8", column->field->name);
    TRY(column_reserve(column, 1, err));
    return column_append_bytes(column, bytes, size, err);
}

static status append_long(struct column *column, int64_t value, struct error *err)
{
    TRY(column_reserve(column, 1, err));
    column_append_i64(column, value);
    return STATUS_OK;
}

static status append_bool(struct column *column, bool value, struct error *err)
{
    TRY(column_reserve(column, 1, err));
    column_append_bool(column, value);
    return STATUS_OK;
}

/* The row of a column whose children got theirs. */
static status end_nested(struct column *column, struct error *err)
{
    TRY(column_reserve(column, 1, err));
    column_append_nested(column);
    return STATUS_OK;
}

/* One entry of a MAP; VALUE NULL: null. */
static status append_entry(struct column *map, const char *key, size_t key_size, const char *value,
                           size_t value_size, struct error *err)
{
    struct column *entry = &map->children[0];
    TRY(append_text(&entry->children[0], key, key_size, err));
    TRY(append_text(&entry->children[1], value, value_size, err));
    return end_nested(entry, err);
}

static status wrong_member(const struct column *column, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "%s is not as the Delta protocol has it",
                     column->field->name);
}

/* ---- values as a line of the log has them ---- */

static status append_slice(struct column *column, struct slice string, struct error *err)
{
    struct arena arena = {0};
    size_t size = 0;
    char *plain = NULL;
    status_code s = string.data ? scan_text(string, &arena, &plain, &size, err) : STATUS_OK;
    if (s == STATUS_OK)
        s = append_text(column, plain, size, err);
    arena_release(&arena);
    return s;
}

static status append_slice_entries(struct column *map, struct scan *scan, struct arena *arena,
                                   struct error *err)
{
    struct slice key;
    struct slice value;
    while (scan_member(scan, &key)) {
        size_t key_size = 0;
        size_t value_size = 0;
        if (!scan_string(scan, &value))
            break;
        char *plain_key = NULL;
        char *plain = NULL;
        TRY(scan_text(key, arena, &plain_key, &key_size, err));
        if (value.data)
            TRY(scan_text(value, arena, &plain, &value_size, err));
        TRY(append_entry(map, plain_key, key_size, plain, value_size, err));
    }
    return scan->bad ? wrong_member(map, err) : end_nested(map, err);
}

/* An object of strings as written; without data: null. */
static status append_slice_map(struct column *map, struct slice object, struct error *err)
{
    struct scan scan = {.at = object.data, .end = object.data + object.size};
    struct arena arena = {0};
    if (!object.data)
        return column_append_null(map, err);
    status s =
        scan_object(&scan) ? append_slice_entries(map, &scan, &arena, err) : wrong_member(map, err);
    arena_release(&arena);
    return s;
}

/* ---- values as jansson has them ---- */

static status append_json_text(struct column *column, const json_t *value, struct error *err)
{
    if (value && !json_is_string(value) && !json_is_null(value))
        return wrong_member(column, err);
    return append_text(column, json_string_value(value), json_string_length(value), err);
}

static status append_json_long(struct column *column, const json_t *value, struct error *err)
{
    if (!value || json_is_null(value))
        return column_append_null(column, err);
    return json_is_integer(value) ? append_long(column, (int64_t)json_integer_value(value), err)
                                  : wrong_member(column, err);
}

static status append_json_int(struct column *column, const json_t *value, struct error *err)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > INT32_MAX)
        return wrong_member(column, err);
    TRY(column_reserve(column, 1, err));
    column_append_i32(column, (int32_t)number);
    return STATUS_OK;
}

static status append_json_list(struct column *list, const json_t *array, struct error *err)
{
    size_t i;
    json_t *item;
    if (!array || json_is_null(array))
        return column_append_null(list, err);
    if (!json_is_array(array))
        return wrong_member(list, err);
    json_array_foreach(array, i, item) TRY(append_json_text(&list->children[0], item, err));
    return end_nested(list, err);
}

static status append_json_map(struct column *map, const json_t *object, struct error *err)
{
    const char *key;
    json_t *value;
    if (object && !json_is_object(object) && !json_is_null(object))
        return wrong_member(map, err);
    json_object_foreach((json_t *)object, key, value)
    {
        if (!json_is_string(value) && !json_is_null(value))
            return wrong_member(map, err);
        TRY(append_entry(map, key, strlen(key), json_string_value(value), json_string_length(value),
                         err));
    }
    return end_nested(map, err); /* readers expect these maps; empty where there is none */
}

static status append_json_format(struct column *format, const json_t *object, struct error *err)
{
    TRY(append_json_text(&format->children[0], json_object_get(object, "provider"), err));
    TRY(append_json_map(&format->children[1], json_object_get(object, "options"), err));
    return end_nested(format, err);
}

/* ---- rows ---- */

/* The row has its value in column FILLED, whose children are complete. */
static status end_row(struct batch *batch, size_t filled, struct error *err)
{
    for (size_t i = 0; i < N_COLUMNS; i++) {
        if (i == filled)
            TRY(end_nested(&batch->columns[i], err));
        else
            TRY(column_append_null(&batch->columns[i], err));
    }
    batch->rows++;
    return STATUS_OK;
}

status checkpoint_append_add(struct batch *batch, const struct file_action *add, struct error *err)
{
    struct column *next = batch->columns[COLUMN_ADD].children; /* in the order of add_fields */
    static const struct slice no_values = {.data = "{}", .size = 2};
    TRY(append_slice(next++, add->path, err));
    TRY(append_slice_map(next++, add->partition_values.data ? add->partition_values : no_values,
                         err));
    TRY(append_long(next++, add->size, err));
    TRY(append_long(next++, add->modified_ms, err));
    TRY(append_bool(next++, false, err)); /* a state changes nothing */
    TRY(append_slice(next++, add->stats, err));
    TRY(append_slice_map(next++, add->tags, err));
    return end_row(batch, COLUMN_ADD, err);
}

status checkpoint_append_remove(struct batch *batch, const struct file_action *remove,
                                struct error *err)
{
    struct column *next =
        batch->columns[COLUMN_REMOVE].children; /* in the order of remove_fields */
    bool extended = remove->partition_values.data && remove->size >= 0;
    TRY(append_slice(next++, remove->path, err));
    TRY(append_long(next++, remove->deleted_ms, err));
    TRY(append_bool(next++, false, err));
    TRY(append_bool(next++, extended, err));
    TRY(append_slice_map(next++, remove->partition_values, err));
    if (remove->size >= 0)
        TRY(append_long(next++, remove->size, err));
    else
        TRY(column_append_null(next++, err));
    return end_row(batch, COLUMN_REMOVE, err);
}

status checkpoint_append_txn(struct batch *batch, const json_t *txn, struct error *err)
{
    struct column *next = batch->columns[COLUMN_TXN].children;
    TRY(append_json_text(next++, json_object_get(txn, "appId"), err));
    TRY(append_json_long(next++, json_object_get(txn, "version"), err));
    TRY(append_json_long(next++, json_object_get(txn, "lastUpdated"), err));
    return end_row(batch, COLUMN_TXN, err);
}

status checkpoint_append_metadata(struct batch *batch, const json_t *metadata, struct error *err)
{
    struct column *next = batch->columns[COLUMN_METADATA].children;
    TRY(append_json_text(next++, json_object_get(metadata, "id"), err));
    TRY(append_json_text(next++, json_object_get(metadata, "name"), err));
    TRY(append_json_text(next++, json_object_get(metadata, "description"), err));
    TRY(append_json_format(next++, json_object_get(metadata, "format"), err));
    TRY(append_json_text(next++, json_object_get(metadata, "schemaString"), err));
    TRY(append_json_list(next++, json_object_get(metadata, "partitionColumns"), err));
    TRY(append_json_map(next++, json_object_get(metadata, "configuration"), err));
    TRY(append_json_long(next++, json_object_get(metadata, "createdTime"), err));
    return end_row(batch, COLUMN_METADATA, err);
}

status checkpoint_append_protocol(struct batch *batch, const json_t *protocol, struct error *err)
{
    struct column *next = batch->columns[COLUMN_PROTOCOL].children;
    TRY(append_json_int(next++, json_object_get(protocol, "minReaderVersion"), err));
    TRY(append_json_int(next++, json_object_get(protocol, "minWriterVersion"), err));
    TRY(append_json_list(next++, json_object_get(protocol, "readerFeatures"), err));
    TRY(append_json_list(next++, json_object_get(protocol, "writerFeatures"), err));
    return end_row(batch, COLUMN_PROTOCOL, err);
}
