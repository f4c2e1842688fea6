/* Types that a table does not have, and those it holds their values in. */
#include "base/text.h"
#include "commit/commit.h"

static status carry_field(const struct commit_driver *driver, struct field *field,
                          struct arena *arena, struct error *err);

/* "list of uuid", "map of text to uuid", "struct": of a field in whose children something is carried. */
static char *nested_text(const struct field *field, struct arena *arena)
{
    const char *words[2] = {NULL, NULL};
    char text[2][64];
    bool map = field->type.id == TYPE_MAP;
    const struct field *inside = map ? field->children[0].children : field->children;
    for (size_t i = 0; i < (map ? 2u : 1u); i++)
        words[i] = inside[i].carries ? inside[i].carries : type_text(inside[i].type, text[i]);
    if (field->type.id == TYPE_STRUCT)
        return arena_strdup(arena, "struct");
    return map ? arena_printf(arena, "map of %s to %s", words[0], words[1])
               : arena_printf(arena, "list of %s", words[0]);
}

static status carry_children(const struct commit_driver *driver, struct field *field,
                             struct arena *arena, struct error *err)
{
    struct field *children = arena_alloc(arena, field->n_children * sizeof(*children));
    bool changed = false;
    if (!children)
        return error_no_memory(err);
    for (size_t i = 0; i < field->n_children; i++) {
        children[i] = field->children[i];
        TRY(carry_field(driver, &children[i], arena, err));
        changed = changed || children[i].carries;
    }
    if (!changed)
        return STATUS_OK;
    field->children = children;
    field->carries = nested_text(field, arena);
    return field->carries ? STATUS_OK : error_no_memory(err);
}

static status carry_field(const struct commit_driver *driver, struct field *field,
                          struct arena *arena, struct error *err)
{
    struct type type;
    char text[64];
    if (field->n_children)
        return carry_children(driver, field, arena, err);
    if (!driver->carry(field->type, &type) || type_equal(field->type, type))
        return STATUS_OK;
    field->carries = arena_strdup(arena, type_text(field->type, text));
    field->type = type;
    return field->carries ? STATUS_OK : error_no_memory(err);
}

status commit_carry_schema(const struct commit_driver *driver, const struct schema *schema,
                           struct schema *out, struct error *err)
{
    struct schema carried = {0};
    status_code code = schema_copy(schema, &carried, err);
    for (size_t i = 0; code == STATUS_OK && i < carried.n_fields; i++)
        code = carry_field(driver, &carried.fields[i], &carried.arena, err);
    if (code != STATUS_OK)
        schema_release(&carried);
    else
        *out = carried;
    return code;
}

/* "uuid as text, time as text" */
static void append_leaves(struct text *out, const struct field *field)
{
    char type[64];
    for (size_t i = 0; i < field->n_children; i++)
        append_leaves(out, &field->children[i]);
    if (field->carries && !field->n_children)
        text_printf(out, "%s%s as %s", out->size ? ", " : "", field->carries,
                    type_text(field->type, type));
}

char *commit_carry_text(const struct commit_driver *driver, const struct field *field,
                        struct arena *arena)
{
    char type[64];
    if (!field->n_children)
        return arena_printf(arena, "column \"%s\": %s, carried as %s: a %s table has no %s",
                            field->name, field->carries, type_text(field->type, type), driver->name,
                            field->carries);
    SCOPED(text_release) struct text leaves = {0};
    append_leaves(&leaves, field);
    return arena_printf(arena, "column \"%s\": inside it %s: a %s table has no such type",
                        field->name, text_string(&leaves), driver->name);
}
