#include "format/parquet/leaf.h"

#include <string.h>

#include "batch/column.h"

enum { MAX_DEPTH = 32, LEAVES_MAX = 1 << 20 };

/* log2(10) in 1/10^6: a number of p digits needs p * log2(10) bits and one for the sign. What does not fit 16 bytes takes 24
 * or 32: DuckDB (1.5) reads other numbers where such a length is no multiple of 8. */
int32_t decimal_fixed_bytes(int32_t precision)
{
    int64_t bits = ((int64_t)precision * 3321929 + 999999) / 1000000 + 1;
    int32_t bytes = (int32_t)((bits + 7) / 8);
    return bytes > 16 ? (bytes + 7) / 8 * 8 : bytes;
}

/* The primitive types: their physical type and what the footer says of them. */
static void set_decimal(const struct field *field, struct leaf *leaf,
                        struct schema_element *element)
{
    int32_t precision = field->type.precision;
    element->converted = PARQUET_CONVERTED_DECIMAL;
    element->logical = PARQUET_LOGICAL_DECIMAL;
    element->precision = precision;
    element->scale = field->type.scale;
    if (precision <= 9) {
        leaf->physical = PARQUET_INT32;
        leaf->width = 4;
        leaf->form = FORM_DECIMAL_INT32;
        leaf->order = ORDER_INT32;
    } else if (decimal_value_bytes(precision) == 8) {
        leaf->physical = PARQUET_INT64;
        leaf->width = 8;
        leaf->form = FORM_SAME;
        leaf->order = ORDER_INT64;
    } else {
        leaf->physical = PARQUET_FIXED;
        leaf->width = decimal_fixed_bytes(precision);
        leaf->form = FORM_DECIMAL_FIXED;
        leaf->order = ORDER_SIGNED_FIXED;
    }
}

struct form_row {
    enum parquet_physical physical;
    int32_t width;
    enum leaf_form form;
    enum leaf_order order;
    enum parquet_converted converted;
    enum parquet_logical logical;
    int8_t bit_width; /* INTEGER; 0: not said */
    bool is_signed;
};

static const struct form_row forms[] = {
    [TYPE_BOOL] = {PARQUET_BOOLEAN, 1, FORM_BOOL, ORDER_BOOL, PARQUET_CONVERTED_NONE,
                   PARQUET_LOGICAL_NONE, 0, false},
    [TYPE_INT8] = {PARQUET_INT32, 4, FORM_INT8, ORDER_INT32, PARQUET_CONVERTED_INT_8,
                   PARQUET_LOGICAL_INTEGER, 8, true},
    [TYPE_INT16] = {PARQUET_INT32, 4, FORM_INT16, ORDER_INT32, PARQUET_CONVERTED_INT_16,
                    PARQUET_LOGICAL_INTEGER, 16, true},
    [TYPE_INT32] = {PARQUET_INT32, 4, FORM_SAME, ORDER_INT32, PARQUET_CONVERTED_NONE,
                    PARQUET_LOGICAL_NONE, 0, false},
    [TYPE_INT64] = {PARQUET_INT64, 8, FORM_SAME, ORDER_INT64, PARQUET_CONVERTED_NONE,
                    PARQUET_LOGICAL_NONE, 0, false},
    [TYPE_UINT8] = {PARQUET_INT32, 4, FORM_UINT8, ORDER_UINT32, PARQUET_CONVERTED_UINT_8,
                    PARQUET_LOGICAL_INTEGER, 8, false},
    [TYPE_UINT16] = {PARQUET_INT32, 4, FORM_UINT16, ORDER_UINT32, PARQUET_CONVERTED_UINT_16,
                     PARQUET_LOGICAL_INTEGER, 16, false},
    [TYPE_UINT32] = {PARQUET_INT32, 4, FORM_SAME, ORDER_UINT32, PARQUET_CONVERTED_UINT_32,
                     PARQUET_LOGICAL_INTEGER, 32, false},
    [TYPE_UINT64] = {PARQUET_INT64, 8, FORM_SAME, ORDER_UINT64, PARQUET_CONVERTED_UINT_64,
                     PARQUET_LOGICAL_INTEGER, 64, false},
    [TYPE_FLOAT32] = {PARQUET_FLOAT, 4, FORM_SAME, ORDER_FLOAT, PARQUET_CONVERTED_NONE,
                      PARQUET_LOGICAL_NONE, 0, false},
    [TYPE_FLOAT64] = {PARQUET_DOUBLE, 8, FORM_SAME, ORDER_DOUBLE, PARQUET_CONVERTED_NONE,
                      PARQUET_LOGICAL_NONE, 0, false},
    [TYPE_UTF8] = {PARQUET_BYTE_ARRAY, 0, FORM_BYTES, ORDER_BYTES, PARQUET_CONVERTED_UTF8,
                   PARQUET_LOGICAL_STRING, 0, false},
    [TYPE_BINARY] = {PARQUET_BYTE_ARRAY, 0, FORM_BYTES, ORDER_BYTES, PARQUET_CONVERTED_NONE,
                     PARQUET_LOGICAL_NONE, 0, false},
    [TYPE_FIXED_BINARY] = {PARQUET_FIXED, 0, FORM_SAME, ORDER_BYTES, PARQUET_CONVERTED_NONE,
                           PARQUET_LOGICAL_NONE, 0, false},
    [TYPE_DATE] = {PARQUET_INT32, 4, FORM_SAME, ORDER_INT32, PARQUET_CONVERTED_DATE,
                   PARQUET_LOGICAL_DATE, 0, false},
    [TYPE_TIME] = {PARQUET_INT64, 8, FORM_SAME, ORDER_INT64, PARQUET_CONVERTED_TIME_MICROS,
                   PARQUET_LOGICAL_TIME, 0, false},
    [TYPE_TIMESTAMP] = {PARQUET_INT64, 8, FORM_SAME, ORDER_INT64,
                        PARQUET_CONVERTED_TIMESTAMP_MICROS, PARQUET_LOGICAL_TIMESTAMP, 0, false},
    [TYPE_INTERVAL] = {PARQUET_FIXED, 12, FORM_INTERVAL, ORDER_NONE, PARQUET_CONVERTED_INTERVAL,
                       PARQUET_LOGICAL_NONE, 0, false},
    [TYPE_UUID] = {PARQUET_FIXED, 16, FORM_SAME, ORDER_BYTES, PARQUET_CONVERTED_NONE,
                   PARQUET_LOGICAL_UUID, 0, false},
    [TYPE_JSON] = {PARQUET_BYTE_ARRAY, 0, FORM_BYTES, ORDER_BYTES, PARQUET_CONVERTED_JSON,
                   PARQUET_LOGICAL_JSON, 0, false},
};

static void set_form(const struct field *field, struct leaf *leaf, struct schema_element *element)
{
    if (field->type.id == TYPE_DECIMAL) {
        set_decimal(field, leaf, element);
    } else {
        const struct form_row *row = &forms[field->type.id];
        leaf->physical = row->physical;
        leaf->width = field->type.id == TYPE_FIXED_BINARY ? field->type.width : row->width;
        leaf->form = row->form;
        leaf->order = row->order;
        element->converted = row->converted;
        element->logical = row->logical;
        element->bit_width = row->bit_width;
        element->is_signed = row->is_signed;
        element->utc = field->type.id == TYPE_TIMESTAMP && field->type.utc;
    }
    leaf->is_text = field->type.id == TYPE_UTF8 || field->type.id == TYPE_JSON;
    element->physical = (int)leaf->physical;
    element->type_length = leaf->physical == PARQUET_FIXED ? leaf->width : 0;
}

/* ---- the walk over the fields, depth first ---- */

struct walk {
    struct leaf_plan *plan;
    struct error *err;
    size_t top;
    struct leaf_step steps[MAX_DEPTH];
    size_t n_steps;
    const char *path[3 * MAX_DEPTH];
    size_t n_path;
    uint8_t definition, repetition;
};

static size_t count_fields(const struct field *fields, size_t n, size_t depth)
{
    size_t count = 0;
    for (size_t i = 0; i < n && depth < MAX_DEPTH; i++)
        count += 1 + count_fields(fields[i].children, fields[i].n_children, depth + 1);
    return count;
}

static struct schema_element *add_element(struct walk *walk, const char *name,
                                          enum parquet_repetition repetition)
{
    struct schema_element *element = &walk->plan->elements[walk->plan->n_elements++];
    element->name = name;
    element->physical = -1;
    element->repetition = (int)repetition;
    element->converted = PARQUET_CONVERTED_NONE;
    walk->path[walk->n_path++] = name;
    return element;
}

static char *join_path(struct arena *arena, const char *const *path, size_t n)
{
    char *joined = arena_strdup(arena, path[0]);
    for (size_t i = 1; i < n && joined; i++)
        joined = arena_printf(arena, "%s.%s", joined, path[i]);
    return joined;
}

static status add_leaf(struct walk *walk, const struct field *field, struct schema_element *element)
{
    struct leaf_plan *plan = walk->plan;
    struct leaf *leaf = &plan->leaves[plan->n_leaves++];
    leaf->field = field;
    leaf->top = walk->top;
    leaf->n_steps = walk->n_steps;
    leaf->n_path = walk->n_path;
    leaf->max_definition = walk->definition;
    leaf->max_repetition = walk->repetition;
    struct leaf_step *steps = arena_alloc(&plan->arena, walk->n_steps * sizeof(*steps));
    const char **path = arena_alloc(&plan->arena, walk->n_path * sizeof(*path));
    if (!steps || !path)
        return error_no_memory(walk->err);
    memcpy(steps, walk->steps, walk->n_steps * sizeof(*steps));
    memcpy(path, walk->path, walk->n_path * sizeof(*path));
    leaf->steps = steps;
    leaf->path = path;
    leaf->name = join_path(&plan->arena, path, walk->n_path);
    if (!leaf->name)
        return error_no_memory(walk->err);
    set_form(field, leaf, element);
    if (leaf->physical == PARQUET_FIXED && leaf->width <= 0)
        return error_set(
            walk->err, STATUS_BAD_CONFIG,
            "Parquet has no value of %d bytes; column \"%s\" needs a width of 1 or more",
            leaf->width, leaf->name);
    return STATUS_OK;
}

static status walk_field(struct walk *walk, const struct field *field, uint32_t child,
                         const char *name, bool entries);

static status walk_children(struct walk *walk, const struct field *field)
{
    for (size_t i = 0; i < field->n_children; i++)
        TRY(walk_field(walk, &field->children[i], (uint32_t)i, field->children[i].name, false));
    return STATUS_OK;
}

/* <name> (LIST) { repeated group list { element } } */
static status walk_list(struct walk *walk, const struct field *field, struct schema_element *group)
{
    group->n_children = 1;
    group->converted = PARQUET_CONVERTED_LIST;
    group->logical = PARQUET_LOGICAL_LIST;
    add_element(walk, "list", PARQUET_REPEATED)->n_children = 1;
    TRY(walk_field(walk, &field->children[0], 0, "element", false));
    walk->n_path--;
    return STATUS_OK;
}

/* <name> (MAP) { repeated group key_value { required key; value } } */
static status walk_map(struct walk *walk, const struct field *field, struct schema_element *group)
{
    const struct field *entries = &field->children[0];
    if (entries->type.id != TYPE_STRUCT || entries->n_children != 2)
        return error_set(walk->err, STATUS_BAD_CONFIG,
                         "map \"%s\" must hold a struct of key and value", field->name);
    if (entries->children[0].nullable)
        return error_set(walk->err, STATUS_BAD_CONFIG,
                         "keys of map \"%s\" are nullable; Parquet has no NULL keys", field->name);
    group->n_children = 1;
    group->converted = PARQUET_CONVERTED_MAP;
    group->logical = PARQUET_LOGICAL_MAP;
    return walk_field(walk, entries, 0, "key_value", true);
}

static bool has_shape(const struct field *field)
{
    switch (field->type.id) {
    case TYPE_LIST:
    case TYPE_MAP:
        return field->n_children == 1;
    case TYPE_STRUCT:
        return field->n_children > 0;
    default:
        return true;
    }
}

static status walk_group(struct walk *walk, const struct field *field,
                         struct schema_element *element, bool entries)
{
    switch (field->type.id) {
    case TYPE_LIST:
        return walk_list(walk, field, element);
    case TYPE_MAP:
        return walk_map(walk, field, element);
    case TYPE_STRUCT:
        element->n_children = (int32_t)field->n_children;
        if (!entries)
            return walk_children(walk, field);
        TRY(walk_field(walk, &field->children[0], 0, "key", false));
        return walk_field(walk, &field->children[1], 1, "value", false);
    default:
        return add_leaf(walk, field, element);
    }
}

/* ENTRIES: the repeated struct inside a map, whose levels the map has counted already. */
static status walk_field(struct walk *walk, const struct field *field, uint32_t child,
                         const char *name, bool entries)
{
    if (walk->n_steps == MAX_DEPTH)
        return error_set(walk->err, STATUS_BAD_CONFIG, "column \"%s\" nests deeper than %d levels",
                         field->name, MAX_DEPTH);
    if (!has_shape(field))
        return error_set(walk->err, STATUS_BAD_CONFIG,
                         "Parquet can't hold \"%s\": a struct without fields", field->name);
    bool repeated = field->type.id == TYPE_LIST || field->type.id == TYPE_MAP;
    bool nullable = field->nullable && !entries;
    walk->steps[walk->n_steps++] = (struct leaf_step){field, child, nullable, repeated};
    walk->definition = (uint8_t)(walk->definition + nullable + repeated);
    walk->repetition = (uint8_t)(walk->repetition + repeated);
    enum parquet_repetition repetition = nullable ? PARQUET_OPTIONAL : PARQUET_REQUIRED;
    struct schema_element *element =
        add_element(walk, name, entries ? PARQUET_REPEATED : repetition);
    element->field_id = field->field_id > 0 ? field->field_id : 0;
    TRY(walk_group(walk, field, element, entries));
    walk->n_path--;
    walk->n_steps--;
    walk->definition = (uint8_t)(walk->definition - nullable - repeated);
    walk->repetition = (uint8_t)(walk->repetition - repeated);
    return STATUS_OK;
}

static status plan_schema(struct leaf_plan *plan, const struct schema *schema, struct error *err)
{
    if (schema->n_fields == 0)
        return error_set(err, STATUS_BAD_CONFIG, "Parquet can't hold a table without columns");
    size_t fields = count_fields(schema->fields, schema->n_fields, 0);
    if (fields > LEAVES_MAX)
        return error_set(err, STATUS_BAD_CONFIG,
                         "schema has %zu columns, at most %d can be written", fields, LEAVES_MAX);
    plan->leaves = arena_alloc(&plan->arena, fields * sizeof(*plan->leaves));
    /* a list needs one element more than it has fields, the root one */
    plan->elements = arena_alloc(&plan->arena, (2 * fields + 1) * sizeof(*plan->elements));
    if (!plan->leaves || !plan->elements)
        return error_no_memory(err);
    plan->elements[plan->n_elements++] = (struct schema_element){
        .name = "schema",
        .physical = -1,
        .repetition = -1,
        .converted = PARQUET_CONVERTED_NONE,
        .n_children = (int32_t)schema->n_fields,
    };
    struct walk walk = {.plan = plan, .err = err};
    for (size_t i = 0; i < schema->n_fields; i++) {
        walk.top = i;
        TRY(walk_field(&walk, &schema->fields[i], 0, schema->fields[i].name, false));
    }
    return STATUS_OK;
}

status leaf_plan_init(struct leaf_plan *plan, const struct schema *schema, struct error *err)
{
    struct leaf_plan made = {0};
    status_code code = plan_schema(&made, schema, err);
    if (code != STATUS_OK) {
        leaf_plan_release(&made);
        return code;
    }
    *plan = made;
    return STATUS_OK;
}

void leaf_plan_release(struct leaf_plan *plan)
{
    arena_release(&plan->arena);
    *plan = (struct leaf_plan){0};
}
