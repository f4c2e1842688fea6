#include "format/parquet/read_schema.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Where the walk over the elements stands. The footer has been checked: the elements are a tree. */
struct walk {
    struct column_tree *plan;
    const struct schema_element *elements;
    size_t n_elements, at;
    struct read_step steps[READ_MAX_DEPTH];
    size_t n_steps;
    size_t top, limit;
    uint8_t definition, repetition, slot_definition;
    struct error *err;
};

static const struct schema_element *element_at(const struct walk *walk, size_t at)
{
    return at < walk->n_elements ? &walk->elements[at] : NULL;
}

static bool is_group(const struct schema_element *element)
{
    return element->physical < 0;
}

static bool is_repeated(const struct schema_element *element)
{
    return element->repetition == PARQUET_REPEATED;
}

/* Names of the steps with dots; what does not fit is cut. */
static const char *join_names(const struct read_step *steps, size_t n, char *buf)
{
    size_t used = 0;
    buf[0] = 0;
    for (size_t i = 0; i < n && used < READ_NAME_BYTES - 1; i++)
        used += (size_t)snprintf(buf + used, READ_NAME_BYTES - used, "%s%s", i ? "." : "",
                                 steps[i].node->field->name);
    return buf;
}

const char *read_leaf_name(const struct read_leaf *leaf, char buf[READ_NAME_BYTES])
{
    return join_names(leaf->steps, leaf->n_steps, buf);
}

/* The more a schema nests, the more it takes for each byte of the footer. */
static status charge(struct walk *walk, size_t bytes)
{
    size_t used = walk->plan->arena.total_bytes + walk->plan->schema.arena.total_bytes;
    if (used <= walk->limit && bytes <= walk->limit - used)
        return STATUS_OK;
    return error_set(walk->err, STATUS_BAD_DATA,
                     "the schema of %zu elements takes more than the %zu bytes of memory that a "
                     "reader may use",
                     walk->n_elements, walk->limit);
}

/* ---- the rules of LIST and MAP ---- */

/* A group LIST of one repeated child; anything else so annotated is read by its bare structure. */
static bool is_list(const struct walk *walk, const struct schema_element *element)
{
    const struct schema_element *child = element_at(walk, walk->at + 1);
    return element->logical == PARQUET_LOGICAL_LIST && element->n_children == 1 && child &&
           is_repeated(child);
}

static bool is_map(const struct walk *walk, const struct schema_element *element)
{
    const struct schema_element *entries = element_at(walk, walk->at + 1);
    const struct schema_element *key = element_at(walk, walk->at + 2);
    bool annotated = element->logical == PARQUET_LOGICAL_MAP ||
                     element->converted == PARQUET_CONVERTED_MAP_KEY_VALUE;
    return annotated && element->n_children == 1 && entries && key && is_group(entries) &&
           is_repeated(entries) && entries->n_children == 2 && !is_repeated(key);
}

/* Is the repeated child of the LIST at walk->at only a wrapper around the element? */
static bool wraps_element(const struct walk *walk, const struct schema_element *list)
{
    const struct schema_element *child = element_at(walk, walk->at + 1);
    const struct schema_element *inner = element_at(walk, walk->at + 2);
    if (!is_group(child) || child->n_children != 1 || !inner || is_repeated(inner))
        return false;
    size_t length = strlen(list->name);
    bool is_tuple = strncmp(child->name, list->name, length) == 0 &&
                    strcmp(child->name + length, "_tuple") == 0;
    return strcmp(child->name, "array") != 0 && !is_tuple;
}

/* ---- the walk ---- */

static status walk_any(struct walk *walk, const char *name, size_t child, struct field *out);
static status walk_one(struct walk *walk, const char *name, size_t child, bool nullable,
                       bool refuses_null, struct field *out);

static struct field *take_children(struct walk *walk, size_t n, struct field *out)
{
    struct field *children = arena_alloc(&walk->plan->schema.arena, n * sizeof(*children));
    out->children = children;
    out->n_children = children ? n : 0;
    return children;
}

static status add_leaf(struct walk *walk, const struct schema_element *element, struct field *out)
{
    struct column_tree *plan = walk->plan;
    struct read_leaf *leaf = &plan->leaves[plan->n_leaves];
    TRY(charge(walk, walk->n_steps * sizeof(struct read_step)));
    struct read_step *steps = arena_alloc(&plan->arena, walk->n_steps * sizeof(*steps));
    *leaf = (struct read_leaf){.element = element,
                               .steps = steps,
                               .n_steps = walk->n_steps,
                               .top = walk->top,
                               .index = plan->n_leaves,
                               .max_definition = walk->definition,
                               .max_repetition = walk->repetition};
    if (!steps)
        return error_no_memory(walk->err);
    memcpy(steps, walk->steps, walk->n_steps * sizeof(*steps));
    char name[READ_NAME_BYTES];
    TRY_IN(read_type_of(element, &leaf->type, walk->err), walk->err, "in column \"%s\"",
           read_leaf_name(leaf, name));
    if (leaf->type.width > walk->limit / 2)
        return error_set(walk->err, STATUS_BAD_DATA,
                         "values of column \"%s\" have %zu bytes each, more than a reader may hold",
                         name, leaf->type.width);
    plan->n_leaves++;
    out->type = leaf->type.type;
    return STATUS_OK;
}

static status walk_struct(struct walk *walk, const struct schema_element *element,
                          struct field *out)
{
    char name[READ_NAME_BYTES];
    size_t n = (size_t)element->n_children;
    out->type.id = TYPE_STRUCT;
    if (n == 0)
        return error_set(walk->err, STATUS_BAD_DATA, "column \"%s\" is a group without fields",
                         join_names(walk->steps, walk->n_steps, name));
    TRY(charge(walk, n * sizeof(struct field)));
    struct field *children = take_children(walk, n, out);
    if (!children)
        return error_no_memory(walk->err);
    for (size_t i = 0; i < n; i++)
        TRY(walk_any(walk, walk->elements[walk->at].name, i, &children[i]));
    return STATUS_OK;
}

/* The levels that elements of a list stand at. */
struct levels_before {
    uint8_t definition, slot_definition;
};

static struct levels_before enter_list(struct walk *walk, struct read_node *node)
{
    struct levels_before before = {walk->definition, walk->slot_definition};
    node->is_list = true;
    node->element_definition = ++walk->definition;
    walk->slot_definition = walk->definition;
    walk->repetition++;
    return before;
}

static void leave_list(struct walk *walk, struct levels_before before)
{
    walk->definition = before.definition;
    walk->slot_definition = before.slot_definition;
    walk->repetition--;
}

static status walk_list(struct walk *walk, const struct schema_element *list,
                        struct read_node *node, struct field *out)
{
    walk->at--; /* the rules look from the list's own element */
    bool wraps = wraps_element(walk, list);
    walk->at++;
    out->type.id = TYPE_LIST;
    struct field *child = take_children(walk, 1, out);
    if (!child)
        return error_no_memory(walk->err);
    struct levels_before before = enter_list(walk, node);
    if (wraps) {
        walk->at++;
        TRY(walk_any(walk, "element", 0, child));
    } else {
        TRY(walk_one(walk, "element", 0, false, false, child));
    }
    leave_list(walk, before);
    return STATUS_OK;
}

static status walk_entries(struct walk *walk, struct field *out);

static struct read_node *push_node(struct walk *walk, size_t child, bool nullable,
                                   bool refuses_null, struct field *out)
{
    struct read_node *node = arena_alloc(&walk->plan->arena, sizeof(*node));
    if (!node || !out->name)
        return NULL;
    walk->definition = (uint8_t)(walk->definition + nullable);
    *node = (struct read_node){.field = out,
                               .slot_definition = walk->slot_definition,
                               .definition = walk->definition,
                               .repetition = walk->repetition,
                               .refuses_null = refuses_null,
                               .first_leaf = walk->plan->n_leaves};
    walk->steps[walk->n_steps++] = (struct read_step){node, child};
    return node;
}

static status walk_map(struct walk *walk, struct read_node *node, struct field *out)
{
    out->type.id = TYPE_MAP;
    struct field *child = take_children(walk, 1, out);
    if (!child)
        return error_no_memory(walk->err);
    struct levels_before before = enter_list(walk, node);
    TRY(walk_entries(walk, child));
    leave_list(walk, before);
    return STATUS_OK;
}

static status too_deep(struct walk *walk)
{
    return error_set(walk->err, STATUS_BAD_DATA, "column \"%s\" nests deeper than %d levels",
                     walk->steps[0].node->field->name, READ_MAX_DEPTH);
}

/* The repeated group of key and value; what the file calls them does not matter. */
static status walk_entries(struct walk *walk, struct field *out)
{
    walk->at++;
    if (walk->n_steps == READ_MAX_DEPTH)
        return too_deep(walk);
    *out = (struct field){.name = "key_value", .type.id = TYPE_STRUCT};
    struct field *children = take_children(walk, 2, out);
    if (!push_node(walk, 0, false, false, out) || !children)
        return error_no_memory(walk->err);
    bool key_nullable = walk->elements[walk->at].repetition == PARQUET_OPTIONAL;
    TRY(walk_one(walk, "key", 0, key_nullable, true, &children[0]));
    children[0].nullable = false;
    TRY(walk_any(walk, "value", 1, &children[1]));
    walk->n_steps--;
    return STATUS_OK;
}

/* The element as a field of its own, its repetition aside. */
static status walk_one(struct walk *walk, const char *name, size_t child, bool nullable,
                       bool refuses_null, struct field *out)
{
    const struct schema_element *element = &walk->elements[walk->at];
    if (walk->n_steps == READ_MAX_DEPTH)
        return too_deep(walk);
    TRY(charge(walk, sizeof(struct read_node) + strlen(name)));
    *out = (struct field){.name = arena_strdup(&walk->plan->schema.arena, name),
                          .nullable = nullable,
                          .field_id = element->field_id > 0 ? element->field_id : 0};
    struct read_node *node = push_node(walk, child, nullable, refuses_null, out);
    if (!node || !out->name)
        return error_no_memory(walk->err);
    bool list = is_list(walk, element), map = is_map(walk, element);
    walk->at++;
    if (!is_group(element))
        TRY(add_leaf(walk, element, out));
    else if (list)
        TRY(walk_list(walk, element, node, out));
    else if (map)
        TRY(walk_map(walk, node, out));
    else
        TRY(walk_struct(walk, element, out));
    walk->n_steps--;
    walk->definition = (uint8_t)(walk->definition - nullable);
    return STATUS_OK;
}

/* A repeated field outside of LIST and MAP: a list, never NULL, of elements that are never NULL. */
static status walk_bare_repeated(struct walk *walk, const char *name, size_t child,
                                 struct field *out)
{
    *out =
        (struct field){.name = arena_strdup(&walk->plan->schema.arena, name), .type.id = TYPE_LIST};
    if (walk->n_steps == READ_MAX_DEPTH)
        return too_deep(walk);
    struct field *element = take_children(walk, 1, out);
    struct read_node *node = push_node(walk, child, false, false, out);
    if (!element || !node || !out->name)
        return error_no_memory(walk->err);
    struct levels_before before = enter_list(walk, node);
    TRY(walk_one(walk, "element", 0, false, false, element));
    leave_list(walk, before);
    walk->n_steps--;
    return STATUS_OK;
}

static status walk_any(struct walk *walk, const char *name, size_t child, struct field *out)
{
    const struct schema_element *element = &walk->elements[walk->at];
    if (element->repetition < PARQUET_REQUIRED || element->repetition > PARQUET_REPEATED)
        return error_set(walk->err, STATUS_BAD_DATA,
                         "schema element %zu (\"%s\") has the repetition %d, which is not in the "
                         "format",
                         walk->at, name, element->repetition);
    if (is_repeated(element))
        return walk_bare_repeated(walk, name, child, out);
    return walk_one(walk, name, child, element->repetition == PARQUET_OPTIONAL, false, out);
}

/* ---- the whole ---- */

static status check_elements(const struct parquet_footer *footer, size_t *out_leaves,
                             struct error *err)
{
    size_t leaves = 0;
    for (size_t i = 1; i < footer->n_elements; i++) {
        const struct schema_element *element = &footer->elements[i];
        size_t length = strlen(element->name);
        if (text_utf8_valid_prefix(element->name, length) != length)
            return error_set(err, STATUS_BAD_DATA,
                             "the name of schema element %zu is not valid UTF-8", i);
        if (!is_group(element) && element->n_children > 0)
            return error_set(err, STATUS_BAD_DATA,
                             "schema element %zu (\"%s\") has a physical type and children", i,
                             element->name);
        leaves += !is_group(element);
    }
    if (!is_group(&footer->elements[0]))
        return error_set(err, STATUS_BAD_DATA, "the root of the schema is not a group");
    *out_leaves = leaves;
    return STATUS_OK;
}

static status build(struct column_tree *plan, const struct parquet_footer *footer, size_t limit,
                    struct error *err)
{
    struct walk walk = {.plan = plan,
                        .elements = footer->elements,
                        .n_elements = footer->n_elements,
                        .at = 1,
                        .limit = limit,
                        .err = err};
    size_t leaves = 0, n = (size_t)footer->elements[0].n_children;
    TRY(check_elements(footer, &leaves, err));
    TRY(charge(&walk, n * sizeof(struct field) + leaves * sizeof(struct read_leaf)));
    plan->schema.fields = arena_alloc(&plan->schema.arena, n * sizeof(*plan->schema.fields));
    plan->leaves = arena_alloc(&plan->arena, leaves * sizeof(*plan->leaves));
    size_t *first = arena_alloc(&plan->arena, (n + 1) * sizeof(*first));
    if (!plan->schema.fields || !plan->leaves || !first)
        return error_no_memory(err);
    plan->schema.n_fields = n;
    plan->first_leaf = first;
    for (walk.top = 0; walk.top < n; walk.top++) {
        first[walk.top] = plan->n_leaves;
        TRY(walk_any(&walk, walk.elements[walk.at].name, 0, &plan->schema.fields[walk.top]));
    }
    first[n] = plan->n_leaves;
    return STATUS_OK;
}

status column_tree_init(struct column_tree *plan, const struct parquet_footer *footer, size_t limit,
                        struct error *err)
{
    struct column_tree made = {0};
    status_code code = build(&made, footer, limit, err);
    if (code != STATUS_OK) {
        column_tree_release(&made);
        return code;
    }
    *plan = made;
    return STATUS_OK;
}

void column_tree_release(struct column_tree *plan)
{
    schema_release(&plan->schema);
    arena_release(&plan->arena);
    *plan = (struct column_tree){0};
}
