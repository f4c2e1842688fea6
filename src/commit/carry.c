/* Types that a table does not have, and those it holds their values in. */
#include "commit/commit.h"

status commit_carry_schema(const struct commit_driver *driver, const struct schema *schema,
                           struct schema *out, struct error *err)
{
    struct schema carried = {0};
    TRY(schema_copy(schema, &carried, err));
    for (size_t i = 0; i < carried.n_fields; i++) {
        struct field *field = &carried.fields[i];
        struct type type;
        char text[64];
        if (!driver->carry(field->type, &type) || type_equal(field->type, type))
            continue;
        field->carries = arena_strdup(&carried.arena, type_text(field->type, text));
        field->type = type;
        if (!field->carries) {
            schema_release(&carried);
            return error_no_memory(err);
        }
    }
    *out = carried;
    return STATUS_OK;
}

char *commit_carry_text(const struct commit_driver *driver, const struct field *field,
                        struct arena *arena)
{
    char type[64];
    return arena_printf(arena, "column \"%s\": %s, carried as %s: a %s table has no %s",
                        field->name, field->carries, type_text(field->type, type), driver->name,
                        field->carries);
}
