#include "commit/delta/action_rows.h"

#include <string.h>

#include "base/text.h"
#include "batch/scalar.h"
#include "format/format.h"

enum {
    ROWS_AT_ONCE = 4096,
    READER_LIMIT_BYTES = 128 * 1024 * 1024,
    UNKNOWN_MAX = 16, /* members of a file action that are looked at for having no value */
    FIELDS_MAX = 32,
};

/* ---- values as JSON ---- */

static const struct column *child(const struct column *column, size_t i)
{
    return &column->children[i];
}

static struct slice bytes_at(const struct column *column, size_t row)
{
    const int64_t *offsets = column_offsets(column);
    return (struct slice){.data = (const char *)column->data.data + offsets[row],
                          .size = (size_t)(offsets[row + 1] - offsets[row])};
}

static bool is_text(const struct column *column)
{
    return column->field->type.id == TYPE_UTF8 || column->field->type.id == TYPE_JSON;
}

static void append_value(struct text *text, const struct column *column, size_t row);

static void append_struct(struct text *text, const struct column *column, size_t row)
{
    bool first = true;
    text_append_char(text, '{');
    for (size_t i = 0; i < column->n_children; i++) {
        if (column_is_null(child(column, i), row))
            continue; /* as writers of JSON do */
        if (!first)
            text_append_char(text, ',');
        first = false;
        text_append_json(text, child(column, i)->field->name);
        text_append_char(text, ':');
        append_value(text, child(column, i), row);
    }
    text_append_char(text, '}');
}

static void append_elements(struct text *text, const struct column *column, size_t row)
{
    const int64_t *offsets = column_offsets(column);
    bool is_map = column->field->type.id == TYPE_MAP;
    const struct column *elements = child(column, 0);
    text_append_char(text, is_map ? '{' : '[');
    for (int64_t i = offsets[row]; i < offsets[row + 1]; i++) {
        if (i > offsets[row])
            text_append_char(text, ',');
        if (is_map) {
            append_value(text, child(elements, 0), (size_t)i);
            text_append_char(text, ':');
            append_value(text, child(elements, 1), (size_t)i);
        } else {
            append_value(text, elements, (size_t)i);
        }
    }
    text_append_char(text, is_map ? '}' : ']');
}

/* Types that no action has are null: whoever needs the member finds it missing. */
static void append_value(struct text *text, const struct column *column, size_t row)
{
    struct scalar value;
    enum type_id type = column->field->type.id;
    if (column_is_null(column, row)) {
        text_append(text, "null");
    } else if (is_text(column)) {
        struct slice bytes = bytes_at(column, row);
        text_append_json_bytes(text, bytes.data, bytes.size);
    } else if (type == TYPE_STRUCT) {
        append_struct(text, column, row);
    } else if (type == TYPE_LIST || type == TYPE_MAP) {
        append_elements(text, column, row);
    } else if (type == TYPE_BOOL || type == TYPE_INT32 || type == TYPE_INT64) {
        scalar_from_column(&value, column, row);
        if (type == TYPE_BOOL)
            text_append(text, value.i64 ? "true" : "false");
        else
            text_printf(text, "%lld", (long long)value.i64);
    } else {
        text_append(text, "null");
    }
}

/* ---- add and remove ---- */

struct file_columns {
    const struct column *path, *partition_values, *size, *modified, *deleted, *data_change, *stats,
        *tags, *stats_parsed, *parsed_rows;
    const struct column *unknown[UNKNOWN_MAX];
    size_t n_unknown;
};

/* What is built of one row, where a column's bytes can't be lent. */
struct file_scratch {
    struct text path, partition_values, stats, tags;
};

static void scratch_release(struct file_scratch *scratch)
{
    text_release(&scratch->path);
    text_release(&scratch->partition_values);
    text_release(&scratch->stats);
    text_release(&scratch->tags);
}

static const struct column *find_child(const struct column *column, const char *name,
                                       enum type_id type)
{
    for (size_t i = 0; i < column->n_children; i++)
        if (strcmp(child(column, i)->field->name, name) == 0 &&
            child(column, i)->field->type.id == type)
            return child(column, i);
    return NULL;
}

/* The members that file_action has a place for; the type decides as well as the name. */
static bool bind_member(struct file_columns *columns, const struct column *member)
{
    const struct {
        const char *name;
        enum type_id type;
        const struct column **slot;
    } members[] = {
        {"path", TYPE_UTF8, &columns->path},
        {"partitionValues", TYPE_MAP, &columns->partition_values},
        {"size", TYPE_INT64, &columns->size},
        {"modificationTime", TYPE_INT64, &columns->modified},
        {"deletionTimestamp", TYPE_INT64, &columns->deleted},
        {"dataChange", TYPE_BOOL, &columns->data_change},
        {"stats", TYPE_UTF8, &columns->stats},
        {"tags", TYPE_MAP, &columns->tags},
        {"stats_parsed", TYPE_STRUCT, &columns->stats_parsed},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (strcmp(member->field->name, members[i].name) == 0 &&
            member->field->type.id == members[i].type) {
            *members[i].slot = member;
            return true;
        }
    return strcmp(member->field->name, "extendedFileMetadata") == 0 ||
           strcmp(member->field->name, "partitionValues_parsed") == 0;
}

static bool is_text_map(const struct column *map)
{
    const struct column *entries = map ? child(map, 0) : NULL;
    return !entries ||
           (entries->n_children == 2 && is_text(child(entries, 0)) && is_text(child(entries, 1)));
}

static status bind_file(const struct column *column, struct file_columns *out, struct error *err)
{
    *out = (struct file_columns){0};
    for (size_t i = 0; i < column->n_children; i++) {
        if (bind_member(out, child(column, i)))
            continue;
        if (out->n_unknown == UNKNOWN_MAX)
            return error_set(err, STATUS_BAD_DATA, "%s has more members than any writer gives it",
                             column->field->name);
        out->unknown[out->n_unknown++] = child(column, i);
    }
    if (!out->path || !is_text_map(out->partition_values) || !is_text_map(out->tags))
        return error_set(err, STATUS_BAD_DATA, "the column %s is not as the Delta protocol has it",
                         column->field->name);
    if (out->stats_parsed)
        out->parsed_rows = find_child(out->stats_parsed, "numRecords", TYPE_INT64);
    return STATUS_OK;
}

static int64_t long_at(const struct column *column, size_t row, int64_t otherwise)
{
    struct scalar value;
    if (!column || column_is_null(column, row))
        return otherwise;
    scalar_from_column(&value, column, row);
    return value.i64;
}

static bool is_plain(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F)
            return false;
    }
    return true;
}

/* A string as JSON has it between its quotes: the column's own bytes where that is the same. */
static struct slice string_at(const struct column *column, size_t row, struct text *scratch)
{
    if (!column || column_is_null(column, row))
        return (struct slice){0};
    struct slice bytes = bytes_at(column, row);
    if (bytes.size && is_plain(bytes))
        return bytes;
    scratch->size = 0;
    text_append_json_bytes(scratch, bytes.data, bytes.size);
    if (scratch->failed)
        return (struct slice){0};
    return (struct slice){.data = scratch->data + 1, .size = scratch->size - 2};
}

static struct slice object_at(const struct column *column, size_t row, struct text *scratch)
{
    if (!column || column_is_null(column, row))
        return (struct slice){0};
    scratch->size = 0;
    append_value(scratch, column, row);
    return (struct slice){.data = scratch->data, .size = scratch->size};
}

static struct slice name_of(const struct column *column)
{
    return (struct slice){.data = column->field->name, .size = strlen(column->field->name)};
}

/* A member that has a value and no place. */
static struct slice unknown_at(const struct file_columns *columns, size_t row, bool has_stats)
{
    for (size_t i = 0; i < columns->n_unknown; i++)
        if (!column_is_null(columns->unknown[i], row))
            return name_of(columns->unknown[i]);
    if (columns->stats_parsed && !has_stats && !column_is_null(columns->stats_parsed, row))
        return name_of(columns->stats_parsed); /* statistics in no other form */
    return (struct slice){0};
}

static bool has_deletion_vector(const struct file_columns *columns, size_t row)
{
    for (size_t i = 0; i < columns->n_unknown; i++)
        if (strcmp(columns->unknown[i]->field->name, "deletionVector") == 0)
            return !column_is_null(columns->unknown[i], row);
    return false;
}

static status file_at(const struct file_columns *columns, size_t row, bool with_stats,
                      struct file_scratch *scratch, struct file_action *out, struct error *err)
{
    bool has_stats = columns->stats && !column_is_null(columns->stats, row);
    if (column_is_null(columns->path, row))
        return error_set(err, STATUS_BAD_DATA, "a file without a path");
    *out = (struct file_action){
        .path = string_at(columns->path, row, &scratch->path),
        .partition_values = object_at(columns->partition_values, row, &scratch->partition_values),
        .stats = with_stats ? string_at(columns->stats, row, &scratch->stats) : (struct slice){0},
        .tags = object_at(columns->tags, row, &scratch->tags),
        .size = long_at(columns->size, row, -1),
        .modified_ms = long_at(columns->modified, row, 0),
        .deleted_ms = long_at(columns->deleted, row, 0),
        .data_change = long_at(columns->data_change, row, 0) != 0,
        .unknown = unknown_at(columns, row, has_stats),
        .has_deletion_vector = has_deletion_vector(columns, row),
    };
    out->rows = (uint64_t)long_at(columns->parsed_rows, row, -1);
    TRY(text_check(&scratch->path, err));
    TRY(text_check(&scratch->partition_values, err));
    TRY(text_check(&scratch->stats, err));
    return text_check(&scratch->tags, err);
}

/* ---- the file ---- */

struct row_reader {
    struct byte_source source; /* first: read_range finds the rest from it */
    const struct action_rows *rows;
    action_fn each;
    void *context;
    struct storage_object *object;
    const struct format_driver *format;
    struct format_reader *reader;
    size_t fields[FIELDS_MAX];
    enum action_kind kinds[FIELDS_MAX]; /* of the fields */
    size_t n_fields;
    struct batch batch;
    struct file_scratch scratch;
    struct text value;
};

static status read_range(const struct byte_source *source, uint64_t offset, void *out, size_t size,
                         struct error *err)
{
    const struct row_reader *reader = (const struct row_reader *)source;
    return storage_object_read(reader->rows->storage, reader->object, offset, out, size, err);
}

static void reader_release(struct row_reader *reader)
{
    batch_release(&reader->batch);
    if (reader->reader)
        reader->format->reader_free(reader->reader);
    if (reader->object)
        storage_object_close(reader->rows->storage, reader->object);
    scratch_release(&reader->scratch);
    text_release(&reader->value);
}

static enum action_kind kind_of(const struct field *field)
{
    for (unsigned kind = ACTION_OTHER + 1; kind < ACTION_KINDS; kind++)
        if (strcmp(field->name, action_name((enum action_kind)kind)) == 0)
            return (enum action_kind)kind;
    return ACTION_OTHER;
}

static status choose_fields(struct row_reader *reader, struct error *err)
{
    const struct schema *schema = reader->format->reader_schema(reader->reader);
    for (size_t i = 0; i < schema->n_fields; i++) {
        enum action_kind kind = kind_of(&schema->fields[i]);
        if (!(reader->rows->kinds & ACTION_BIT(kind)))
            continue;
        if (reader->n_fields == FIELDS_MAX || schema->fields[i].type.id != TYPE_STRUCT)
            return error_set(err, STATUS_BAD_DATA, "its columns are not those of a checkpoint");
        reader->fields[reader->n_fields] = i;
        reader->kinds[reader->n_fields++] = kind;
    }
    return STATUS_OK;
}

static status open_file(struct row_reader *reader, struct error *err)
{
    const struct action_rows *rows = reader->rows;
    reader->source.read = read_range;
    reader->format = format_find("parquet");
    TRY(storage_object_open(rows->storage, rows->name, &reader->object, &reader->source.size, err));
    TRY(reader->format->reader_open(&reader->source, READER_LIMIT_BYTES, &reader->reader, err));
    TRY(choose_fields(reader, err));
    const struct format_read_options options = {
        .fields = reader->fields,
        .n_fields = reader->n_fields,
        .memory_limit = READER_LIMIT_BYTES,
    };
    if (reader->n_fields == 0)
        return STATUS_OK;
    TRY(reader->format->reader_begin(reader->reader, &options, err));
    return batch_init(&reader->batch, reader->format->reader_batch_schema(reader->reader), err);
}

static status tell_files(struct row_reader *reader, enum action_kind kind,
                         const struct column *column, struct error *err)
{
    struct file_columns columns;
    struct action action = {.kind = kind, .version = reader->rows->version};
    TRY(bind_file(column, &columns, err));
    for (size_t row = 0; row < column->rows; row++) {
        if (column_is_null(column, row))
            continue;
        TRY(file_at(&columns, row, reader->rows->with_stats, &reader->scratch, &action.file, err));
        TRY(reader->each(reader->context, &action, err));
    }
    return STATUS_OK;
}

static status tell_values(struct row_reader *reader, enum action_kind kind,
                          const struct column *column, struct error *err)
{
    struct text *text = &reader->value;
    for (size_t row = 0; row < column->rows; row++) {
        if (column_is_null(column, row))
            continue;
        text->size = 0;
        append_value(text, column, row);
        TRY(text_check(text, err));
        const struct action action = {
            .kind = kind,
            .version = reader->rows->version,
            .value = {.data = text->data, .size = text->size},
        };
        TRY(reader->each(reader->context, &action, err));
    }
    return STATUS_OK;
}

static status tell_batch(struct row_reader *reader, struct error *err)
{
    for (size_t i = 0; i < reader->n_fields; i++) {
        const struct column *column = &reader->batch.columns[i];
        enum action_kind kind = reader->kinds[i];
        if (column->null_count == column->rows)
            continue;
        if (ACTIONS_OF_FILES & ACTION_BIT(kind))
            TRY(tell_files(reader, kind, column, err));
        else
            TRY(tell_values(reader, kind, column, err));
    }
    return STATUS_OK;
}

static status read_file(struct row_reader *reader, struct error *err)
{
    size_t n = 1;
    TRY(open_file(reader, err));
    while (reader->n_fields && n > 0) {
        batch_clear(&reader->batch);
        TRY(reader->format->reader_next(reader->reader, &reader->batch, ROWS_AT_ONCE, &n, err));
        TRY(tell_batch(reader, err));
    }
    return STATUS_OK;
}

status action_rows_each(const struct action_rows *rows, action_fn each, void *context,
                        struct error *err)
{
    struct row_reader reader = {.rows = rows, .each = each, .context = context};
    status s = read_file(&reader, err);
    reader_release(&reader);
    return s;
}
