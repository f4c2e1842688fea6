#include "commit/contract.h"

#include <string.h>

/* ---- which column is which ---- */

static size_t find_id(const struct schema *schema, const char *id)
{
    for (size_t i = 0; id && i < schema->n_fields; i++)
        if (text_equal(schema->fields[i].source_id, id))
            return i;
    return SIZE_MAX;
}

/* SQLite knows a column by its place ("cid:3"), which the next one takes when a column is dropped. So columns are told by
 * their names while those that stayed stand in the order they had; else names were exchanged. */
static bool ids_are_places(const struct schema *contract, const struct schema *now)
{
    size_t last = 0;
    for (size_t i = 0; i < now->n_fields; i++) {
        const char *id = now->fields[i].source_id;
        size_t at = schema_find(contract, now->fields[i].name);
        if (!id || strncmp(id, "cid:", 4) != 0 || (at != SIZE_MAX && at < last))
            return false;
        last = at != SIZE_MAX ? at : last;
    }
    return true;
}

static size_t find(const struct schema *contract, const struct schema *now,
                   const struct field *field, bool by_name)
{
    size_t id = find_id(contract, field->source_id);
    size_t name = schema_find(contract, field->name);
    if (by_name && name == SIZE_MAX && id != SIZE_MAX)
        return schema_find(now, contract->fields[id].name) == SIZE_MAX ? id : SIZE_MAX;
    if (by_name || name == SIZE_MAX)
        return by_name ? name : id;
    if (id != SIZE_MAX)
        return id;
    return contract->fields[name].source_id && field->source_id ? SIZE_MAX : name;
}

/* ---- types ---- */

bool type_widens(struct type from, struct type to)
{
    bool signed_ints =
        from.id >= TYPE_INT8 && from.id <= TYPE_INT64 && to.id >= TYPE_INT8 && to.id <= TYPE_INT64;
    bool unsigned_ints = from.id >= TYPE_UINT8 && from.id <= TYPE_UINT64 && to.id >= TYPE_UINT8 &&
                         to.id <= TYPE_UINT64;
    if (signed_ints || unsigned_ints)
        return to.id > from.id;
    if (from.id == TYPE_DECIMAL && to.id == TYPE_DECIMAL)
        return to.scale == from.scale && to.precision > from.precision;
    return from.id == TYPE_FLOAT32 && to.id == TYPE_FLOAT64;
}

static bool same_type(const struct field *a, const struct field *b)
{
    if (!type_equal(a->type, b->type) || a->n_children != b->n_children)
        return false;
    for (size_t i = 0; i < a->n_children; i++) {
        const struct field *x = &a->children[i], *y = &b->children[i];
        if (!same_type(x, y) || (a->type.id == TYPE_STRUCT && strcmp(x->name, y->name) != 0))
            return false;
    }
    return true;
}

/* A type that the table holds as text before and as text now is none of its concern; a number that becomes text is. */
static bool table_widens(const struct commit_driver *driver, struct type from, struct type to)
{
    struct type was = from, is = to;
    if (!type_widens(from, to) || !driver->carry(from, &was) || !driver->carry(to, &is))
        return false;
    return type_equal(was, is) || type_widens(was, is);
}

/* ---- comparing ---- */

/* What there is to say of a column of the source; false: nothing. One that has another name and another type is told by
 * its name: neither is applied. */
static bool look_at(const struct commit_driver *driver, const struct schema *contract,
                    const struct field *was, const struct field *is, struct column_change *out)
{
    *out = (struct column_change){.was = was, .is = is};
    if (!was) {
        size_t namesake = schema_find(contract, is->name);
        out->kind = CHANGE_ADD;
        out->was = namesake == SIZE_MAX ? NULL : &contract->fields[namesake];
        return true;
    }
    if (strcmp(was->name, is->name) != 0)
        out->kind = CHANGE_RENAME;
    else if (!same_type(was, is))
        out->kind = table_widens(driver, was->type, is->type) ? CHANGE_WIDEN : CHANGE_NARROW;
    else if (!was->nullable && is->nullable)
        out->kind = CHANGE_WIDEN;
    else
        return false;
    return true;
}

status contract_compare(const struct commit_driver *driver, const struct schema *contract,
                        const struct schema *now, struct arena *arena, struct contract_changes *out,
                        struct error *err)
{
    size_t most = contract->n_fields + now->n_fields + 1, n = 0;
    struct column_change *items = arena_alloc(arena, most * sizeof(*items));
    size_t *was = arena_alloc(arena, (now->n_fields + 1) * sizeof(*was));
    bool *stays = arena_alloc(arena, contract->n_fields + 1);
    if (!items || !was || !stays)
        return error_no_memory(err);
    memset(stays, 0, contract->n_fields + 1);
    bool by_name = ids_are_places(contract, now);
    for (size_t i = 0; i < now->n_fields; i++) {
        was[i] = find(contract, now, &now->fields[i], by_name);
        bool known = was[i] != SIZE_MAX;
        if (known)
            stays[was[i]] = true;
        n += look_at(driver, contract, known ? &contract->fields[was[i]] : NULL, &now->fields[i],
                     &items[n]);
    }
    for (size_t i = 0; i < contract->n_fields; i++)
        if (!stays[i])
            items[n++] = (struct column_change){.kind = CHANGE_DROP, .was = &contract->fields[i]};
    *out = (struct contract_changes){items, n, was};
    return STATUS_OK;
}

/* ---- for people ---- */

/* "was int32 and is int64" */
static void append_types(struct text *text, const struct field *was, const struct field *is)
{
    char before[64], now[64];
    if (!type_equal(was->type, is->type))
        text_printf(text, "was %s and is %s", type_text(was->type, before),
                    type_text(is->type, now));
    else if (was->source_type && is->source_type && strcmp(was->source_type, is->source_type) != 0)
        text_printf(text, "was %s and is %s", was->source_type, is->source_type);
    else if (!same_type(was, is))
        text_append(text, "has other parts than it had");
    else
        text_append(text, "may now be NULL");
}

void contract_change_append(struct text *text, const struct column_change *change)
{
    const struct field *was = change->was, *is = change->is;
    text_printf(text, "column \"%s\"", was ? was->name : is->name);
    switch (change->kind) {
    case CHANGE_ADD:
        text_append(text, was ? " is new, another one than the table's of this name" : " is new");
        break;
    case CHANGE_RENAME:
        text_printf(text, " is now called \"%s\"", is->name);
        if (!same_type(was, is)) {
            text_append(text, ", ");
            append_types(text, was, is);
        }
        break;
    case CHANGE_DROP:
        text_append(text, " is gone");
        break;
    default:
        text_append_char(text, ' ');
        append_types(text, was, is);
    }
}
