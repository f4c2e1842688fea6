#include "batch/schema.h"

#include <string.h>

#include "base/text.h"

/* The array of fields has room for the next power of two, so appending n fields copies O(n). */
static size_t room_for(size_t n)
{
    size_t room = 8;
    while (room < n)
        room *= 2;
    return room;
}

static bool copy_text(struct arena *arena, const char *from, const char **out)
{
    *out = from ? arena_strdup(arena, from) : NULL;
    return !from || *out;
}

static bool copy_field(struct arena *arena, const struct field *from, struct field *out)
{
    *out = *from;
    out->children = NULL;
    if (!copy_text(arena, from->name, &out->name) ||
        !copy_text(arena, from->source_id, &out->source_id) ||
        !copy_text(arena, from->source_type, &out->source_type) ||
        !copy_text(arena, from->carries, &out->carries))
        return false;
    if (from->n_children == 0)
        return true;
    struct field *children = arena_alloc(arena, from->n_children * sizeof(*children));
    if (!children)
        return false;
    for (size_t i = 0; i < from->n_children; i++)
        if (!copy_field(arena, &from->children[i], &children[i]))
            return false;
    out->children = children;
    return true;
}

status schema_select(const struct schema *from, const size_t *pick, size_t n, struct schema *out,
                     struct error *err)
{
    struct schema made = {0};
    made.fields = arena_alloc(&made.arena, room_for(n) * sizeof(*made.fields));
    if (!made.fields)
        return error_no_memory(err);
    for (; made.n_fields < n; made.n_fields++) {
        size_t at = pick ? pick[made.n_fields] : made.n_fields;
        if (!copy_field(&made.arena, &from->fields[at], &made.fields[made.n_fields])) {
            arena_release(&made.arena);
            return error_no_memory(err);
        }
    }
    *out = made;
    return STATUS_OK;
}

status schema_copy(const struct schema *from, struct schema *out, struct error *err)
{
    return schema_select(from, NULL, from->n_fields, out, err);
}

status schema_append(struct schema *schema, const struct field *field, struct error *err)
{
    size_t n = schema->n_fields;
    struct field copy;
    if (!copy_field(&schema->arena, field, &copy))
        return error_no_memory(err);
    if (n == 0 || n == room_for(n)) {
        struct field *fields = arena_alloc(&schema->arena, room_for(n + 1) * sizeof(*fields));
        if (!fields)
            return error_no_memory(err);
        if (n)
            memcpy(fields, schema->fields, n * sizeof(*fields));
        schema->fields = fields;
    }
    schema->fields[schema->n_fields++] = copy;
    return STATUS_OK;
}

size_t schema_find(const struct schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_fields; i++)
        if (text_equal(schema->fields[i].name, name))
            return i;
    return SIZE_MAX;
}

static bool field_equal(const struct field *a, const struct field *b)
{
    if (!text_equal(a->name, b->name) || !type_equal(a->type, b->type) ||
        a->nullable != b->nullable || a->n_children != b->n_children)
        return false;
    for (size_t i = 0; i < a->n_children; i++)
        if (!field_equal(&a->children[i], &b->children[i]))
            return false;
    return true;
}

bool schema_equal(const struct schema *a, const struct schema *b)
{
    if (a->n_fields != b->n_fields)
        return false;
    for (size_t i = 0; i < a->n_fields; i++)
        if (!field_equal(&a->fields[i], &b->fields[i]))
            return false;
    return true;
}

void schema_release(struct schema *schema)
{
    if (!schema)
        return;
    arena_release(&schema->arena);
    *schema = (struct schema){0};
}
