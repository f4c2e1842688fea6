/* Batches out through the Arrow C data interface. Each exported struct owns what it points to through
 * private_data, children included: a consumer may move a child out (its release becomes NULL) and
 * release the parent first. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "batch/arrow.h"
#include "batch/bitmap.h"

/* ---- schema ---- */

struct schema_owner {
    struct arena arena; /* strings, children, and the array that points to them */
};

static void release_schema(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
    struct schema_owner *owner = schema->private_data;
    arena_release(&owner->arena);
    mem_free(owner);
    schema->release = NULL;
}

static const char *format_of(struct type type, struct arena *arena)
{
    static const char *const plain[] = {
        [TYPE_BOOL] = "b",    [TYPE_INT8] = "c",    [TYPE_INT16] = "s",   [TYPE_INT32] = "i",
        [TYPE_INT64] = "l",   [TYPE_UINT8] = "C",   [TYPE_UINT16] = "S",  [TYPE_UINT32] = "I",
        [TYPE_UINT64] = "L",  [TYPE_FLOAT32] = "f", [TYPE_FLOAT64] = "g", [TYPE_UTF8] = "U",
        [TYPE_BINARY] = "Z",  [TYPE_DATE] = "tdD",  [TYPE_TIME] = "ttu",  [TYPE_INTERVAL] = "tin",
        [TYPE_UUID] = "w:16", [TYPE_JSON] = "U",    [TYPE_LIST] = "+L",   [TYPE_STRUCT] = "+s",
        [TYPE_MAP] = "+m",
    };
    switch (type.id) {
    case TYPE_DECIMAL:
        if (type.precision > DECIMAL128_MAX_PRECISION)
            return arena_printf(arena, "d:%d,%d,256", (int)type.precision, (int)type.scale);
        return arena_printf(arena, "d:%d,%d", (int)type.precision, (int)type.scale);
    case TYPE_FIXED_BINARY:
        return arena_printf(arena, "w:%d", (int)type.width);
    case TYPE_TIMESTAMP:
        return type.utc ? "tsu:UTC" : "tsu:";
    default:
        return plain[type.id];
    }
}

/* Metadata of the canonical extension types: i32 pairs, then for each key and value i32 length and bytes. */
static const char *extension(const char *name, struct arena *arena)
{
    static const char key[] = "ARROW:extension:name";
    static const char more[] = "ARROW:extension:metadata";
    size_t size = 4 + 4 + (sizeof(key) - 1) + 4 + strlen(name) + 4 + (sizeof(more) - 1) + 4;
    char *out = arena_alloc(arena, size), *at = out;
    if (!out)
        return NULL;
    const char *texts[] = {key, name, more, ""};
    store_u32le(at, 2);
    at += 4;
    for (size_t i = 0; i < 4; i++) {
        size_t length = strlen(texts[i]);
        store_u32le(at, (uint32_t)length);
        memcpy(at + 4, texts[i], length);
        at += 4 + length;
    }
    return out;
}

static status export_field(const struct field *field, struct ArrowSchema *out, struct error *err);

static status fill_schema(struct schema_owner *owner, const char *name, const struct field *fields,
                          size_t n, struct ArrowSchema *out, struct error *err)
{
    struct arena *arena = &owner->arena;
    out->private_data = owner;
    out->release = release_schema;
    out->name = arena_strdup(arena, name ? name : "");
    out->children = arena_alloc(arena, (n + 1) * sizeof(struct ArrowSchema *));
    struct ArrowSchema *children = arena_alloc(arena, (n + 1) * sizeof(*children));
    if (!out->name || !out->children || !children)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        out->children[i] = &children[i];
        out->n_children++;
        TRY(export_field(&fields[i], &children[i], err));
    }
    return STATUS_OK;
}

/* OUT is zeroed; after a failure its release, if set, frees what was made. */
static status export_field(const struct field *field, struct ArrowSchema *out, struct error *err)
{
    struct schema_owner *owner = mem_zalloc(sizeof(*owner));
    if (!owner)
        return error_no_memory(err);
    out->flags = field->nullable ? ARROW_FLAG_NULLABLE : 0;
    TRY(fill_schema(owner, field->name, field->children, field->n_children, out, err));
    out->format = format_of(field->type, &owner->arena);
    const char *kind = field->type.id == TYPE_UUID   ? "arrow.uuid"
                       : field->type.id == TYPE_JSON ? "arrow.json"
                                                     : NULL;
    out->metadata = kind ? extension(kind, &owner->arena) : NULL;
    if (!out->format || (kind && !out->metadata))
        return error_no_memory(err);
    return STATUS_OK;
}

status arrow_export_schema(const struct schema *schema, struct ArrowSchema *out, struct error *err)
{
    struct field root = {.name = "",
                         .type = {.id = TYPE_STRUCT},
                         .children = schema->fields,
                         .n_children = schema->n_fields};
    struct ArrowSchema made = {0};
    status s = export_field(&root, &made, err);
    if (s != STATUS_OK) {
        if (made.release)
            made.release(&made);
        return s;
    }
    *out = made;
    return STATUS_OK;
}

/* ---- rows ---- */

enum { DECIMAL128_BYTES = 16 };

struct array_owner {
    struct buffer validity, values, data;
    const void *buffers[3];
    struct ArrowArray **pointers;
    struct ArrowArray *children;
};

/* What an empty buffer points to: some readers take no NULL. */
static const uint8_t EMPTY[64] __attribute__((aligned(64)));

static void release_array(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
    struct array_owner *owner = array->private_data;
    buffer_release(&owner->validity);
    buffer_release(&owner->values);
    buffer_release(&owner->data);
    mem_free(owner->pointers);
    mem_free(owner->children);
    mem_free(owner);
    array->release = NULL;
}

/* Arrow's map has 32-bit offsets. The narrowed copy is made while the column is still whole. */
static status narrow_offsets(const struct column *column, struct array_owner *owner,
                             struct error *err)
{
    const int64_t *offsets = column_offsets(column);
    TRY(buffer_reserve(&owner->values, (column->rows + 1) * sizeof(int32_t), err));
    int32_t *out = (int32_t *)(void *)owner->values.data;
    if (offsets[column->rows] > INT32_MAX)
        return error_set(err, STATUS_BAD_DATA,
                         "column \"%s\": %lld entries of maps in one batch, Arrow's map holds %d",
                         column->field->name, (long long)offsets[column->rows], INT32_MAX);
    for (size_t i = 0; i <= column->rows; i++)
        out[i] = (int32_t)offsets[i];
    owner->values.size = (column->rows + 1) * sizeof(int32_t);
    return STATUS_OK;
}

/* Arrow's decimals begin at 16 bytes. */
static bool exports_wider(const struct column *column)
{
    return column->field->type.id == TYPE_DECIMAL && column->value_bytes < DECIMAL128_BYTES;
}

static status widen_decimals(const struct column *column, struct array_owner *owner,
                             struct error *err)
{
    TRY(buffer_reserve(&owner->values, column->rows * DECIMAL128_BYTES, err));
    for (size_t i = 0; i < column->rows; i++) {
        int64_t value = (int64_t)load_u64le(column->values.data + i * column->value_bytes);
        uint8_t *out = owner->values.data + i * DECIMAL128_BYTES;
        store_u64le(out, (uint64_t)value);
        store_u64le(out + 8, (uint64_t)(value >> 63));
    }
    owner->values.size = column->rows * DECIMAL128_BYTES;
    return STATUS_OK;
}

/* All that can fail; COLUMN keeps its rows. OUT is zeroed and, once release is set, to be released. */
static status prepare_array(struct column *column, struct ArrowArray *out, struct error *err)
{
    struct array_owner *owner = mem_zalloc(sizeof(*owner));
    if (!owner)
        return error_no_memory(err);
    size_t n = column->n_children;
    out->private_data = owner;
    out->release = release_array;
    out->buffers = owner->buffers;
    owner->pointers = mem_zalloc((n + 1) * sizeof(struct ArrowArray *));
    owner->children = mem_zalloc((n + 1) * sizeof(*owner->children));
    if (!owner->pointers || !owner->children)
        return error_no_memory(err);
    out->children = owner->pointers;
    TRY(buffer_own(&column->values, err)); /* the batch goes on with its region */
    TRY(column_reserve(column, 0, err));   /* offsets have their first entry even without rows */
    if (column->field->type.id == TYPE_MAP)
        TRY(narrow_offsets(column, owner, err));
    if (exports_wider(column))
        TRY(widen_decimals(column, owner, err));
    for (size_t i = 0; i < n; i++) {
        owner->pointers[i] = &owner->children[i];
        out->n_children++; /* before it is made: what a failure leaves of it is released too */
        TRY(prepare_array(&column->children[i], &owner->children[i], err));
    }
    return STATUS_OK;
}

static void move_buffer(struct buffer *from, struct buffer *to)
{
    *to = *from;
    *from = (struct buffer){0};
}

static const void *pointer_of(const struct buffer *buffer)
{
    return buffer->data ? buffer->data : EMPTY;
}

/* Nothing fails from here on: the rows change hands. */
static void move_rows(struct column *column, struct ArrowArray *out)
{
    struct array_owner *owner = out->private_data;
    out->length = (int64_t)column->rows;
    out->null_count = (int64_t)column->null_count;
    out->n_buffers = 2;
    for (size_t i = 0; i < column->n_children; i++)
        move_rows(&column->children[i], out->children[i]);
    move_buffer(&column->validity, &owner->validity);
    owner->buffers[0] = column->null_count ? owner->validity.data : NULL;
    if (column->field->type.id == TYPE_STRUCT) {
        out->n_buffers = 1;
    } else if (column->field->type.id == TYPE_MAP || exports_wider(column)) {
        column->values.size = 0; /* a copy of another width went out */
    } else {
        move_buffer(&column->values, &owner->values);
    }
    owner->buffers[1] = pointer_of(&owner->values);
    if (type_is_text_like(column->field->type)) {
        out->n_buffers = 3;
        move_buffer(&column->data, &owner->data);
        owner->buffers[2] = pointer_of(&owner->data);
    }
    column->rows = 0;
    column->null_count = 0;
}

status arrow_export_batch(struct batch *batch, struct ArrowArray *out, struct error *err)
{
    struct field field = {.name = "", .type = {.id = TYPE_STRUCT}};
    struct column root = {.field = &field,
                          .rows = batch->rows,
                          .children = batch->columns,
                          .n_children = batch->schema->n_fields};
    struct ArrowArray made = {0};
    status s = prepare_array(&root, &made, err);
    buffer_release(&root.validity);
    if (s != STATUS_OK) {
        if (made.release)
            made.release(&made);
        return s;
    }
    move_rows(&root, &made);
    batch->rows = 0;
    *out = made;
    return STATUS_OK;
}
