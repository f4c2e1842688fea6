#include "commit/contract.h"

#include <string.h>

const struct field *contract_find(const struct schema *contract, const struct field *field)
{
    for (size_t i = 0; field->source_id && i < contract->n_fields; i++)
        if (text_equal(contract->fields[i].source_id, field->source_id))
            return &contract->fields[i];
    size_t at = schema_find(contract, field->name);
    if (at == SIZE_MAX)
        return NULL;
    const struct field *found = &contract->fields[at];
    return found->source_id && field->source_id ? NULL : found;
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

static bool is_found(const struct schema *now, const struct schema *contract,
                     const struct field *was)
{
    for (size_t i = 0; i < now->n_fields; i++)
        if (contract_find(contract, &now->fields[i]) == was)
            return true;
    return false;
}

/* What there is to say of a column of the source; false: nothing. One that has another name and another type is told by
 * its name: neither is applied. */
static bool look_at(const struct commit_driver *driver, const struct schema *contract,
                    const struct field *is, struct column_change *out)
{
    const struct field *was = contract_find(contract, is);
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
    if (!items)
        return error_no_memory(err);
    for (size_t i = 0; i < now->n_fields; i++)
        n += look_at(driver, contract, &now->fields[i], &items[n]);
    for (size_t i = 0; i < contract->n_fields; i++)
        if (!is_found(now, contract, &contract->fields[i]))
            items[n++] = (struct column_change){.kind = CHANGE_DROP, .was = &contract->fields[i]};
    *out = (struct contract_changes){items, n};
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
