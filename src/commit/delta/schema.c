#include "commit/delta/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commit/contract.h"
#include "commit/delta/log.h"
#include "json/json.h"

/* Delta's word for TYPE, NULL when it has none. */
static const char *delta_type(struct type type, char buf[64])
{
    switch (type.id) {
    case TYPE_BOOL:
        return "boolean";
    case TYPE_INT8:
        return "byte";
    case TYPE_INT16:
        return "short";
    case TYPE_INT32:
        return "integer";
    case TYPE_INT64:
        return "long";
    case TYPE_FLOAT32:
        return "float";
    case TYPE_FLOAT64:
        return "double";
    case TYPE_UTF8:
    case TYPE_JSON:
        return "string";
    case TYPE_BINARY:
        return "binary";
    case TYPE_DATE:
        return "date";
    case TYPE_TIMESTAMP:
        return type.utc ? "timestamp" : "timestamp_ntz";
    case TYPE_DECIMAL:
        if (type.precision > DECIMAL128_MAX_PRECISION)
            return NULL;
        snprintf(buf, 64, "decimal(%d,%d)", (int)type.precision, (int)type.scale);
        return buf;
    default:
        return NULL;
    }
}

/* ---- what Delta has no type for ---- */

/* JSON would do as it is, but readers of tables do not expect the annotation that the files then have. */
bool delta_carry(struct type type, struct type *out)
{
    static const struct type wider[] = {
        [TYPE_UINT8] = {.id = TYPE_INT16},  [TYPE_UINT16] = {.id = TYPE_INT32},
        [TYPE_UINT32] = {.id = TYPE_INT64}, [TYPE_UINT64] = {.id = TYPE_DECIMAL, .precision = 20},
        [TYPE_DECIMAL] = {.id = TYPE_UTF8}, [TYPE_FIXED_BINARY] = {.id = TYPE_BINARY},
        [TYPE_TIME] = {.id = TYPE_UTF8},    [TYPE_INTERVAL] = {.id = TYPE_UTF8},
        [TYPE_UUID] = {.id = TYPE_UTF8},    [TYPE_JSON] = {.id = TYPE_UTF8},
    };
    char buf[64];
    bool has = type_is_nested(type) || (type.id != TYPE_JSON && delta_type(type, buf));
    bool widens = (size_t)type.id < sizeof(wider) / sizeof(wider[0]) && wider[type.id].id;
    if (!has && !widens)
        return false;
    *out = has ? type : wider[type.id];
    return true;
}

static status check_name(const char *name, struct error *err)
{
    size_t at = strcspn(name, " ,;{}()\n\t=");
    char shown[8];
    if (!*name)
        return error_set(err, STATUS_BAD_CONFIG,
                         "a column has an empty name, which a Delta table can't carry; give it one "
                         "(an alias in a query: stream)");
    if (!name[at])
        return STATUS_OK;
    snprintf(shown, sizeof(shown),
             name[at] == '\n'   ? "\\n"
             : name[at] == '\t' ? "\\t"
                                : "%c",
             name[at]);
    return error_set(
        err, STATUS_BAD_CONFIG,
        "column \"%s\": a Delta table takes no '%s' in a column's name; give it another "
        "name (an alias in a query: stream) or leave it out with select",
        name, shown);
}

static status check_fields(const struct field *fields, size_t n, const char *column,
                           struct error *err);

static status check_field(const struct field *field, const char *column, struct error *err)
{
    char buf[64];
    char word[64];
    TRY(check_name(field->name ? field->name : "", err));
    if (!column)
        column = field->name;
    if (type_is_nested(field->type))
        return check_fields(field->children, field->n_children, column, err);
    if (delta_type(field->type, buf))
        return STATUS_OK;
    struct type other = {.id = TYPE_UTF8};
    (void)delta_carry(field->type, &other);
    return error_set(err, STATUS_BAD_CONFIG,
                     "column \"%s\" is of type %s, for which a Delta table has none; write it as "
                     "another with columns: {%s: {type: %s}}",
                     column, type_text(field->type, word), column, type_text(other, buf));
}

static status check_fields(const struct field *fields, size_t n, const char *column,
                           struct error *err)
{
    for (size_t i = 0; i < n; i++)
        TRY(check_field(&fields[i], column, err));
    return STATUS_OK;
}

static int compare_field_names(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* Readers of Delta tables do not tell upper from lower case. */
static status check_doubles(const struct schema *schema, struct error *err)
{
    SCOPED(mem_freep)
    const char **names = mem_realloc_array(NULL, schema->n_fields + 1, sizeof(*names));
    if (!names)
        return error_no_memory(err);
    for (size_t i = 0; i < schema->n_fields; i++)
        names[i] = schema->fields[i].name;
    qsort(names, schema->n_fields, sizeof(*names), compare_field_names);
    for (size_t i = 1; i < schema->n_fields; i++)
        if (strcasecmp(names[i - 1], names[i]) == 0)
            return error_set(
                err, STATUS_BAD_CONFIG,
                "columns \"%s\" and \"%s\" have one name for readers of a Delta "
                "table, which do not tell upper from lower case; give one another name",
                names[i - 1], names[i]);
    return STATUS_OK;
}

status delta_check_schema(const struct schema *schema, struct error *err)
{
    if (schema->n_fields == 0)
        return error_set(err, STATUS_BAD_CONFIG, "a table needs at least one column");
    TRY(check_fields(schema->fields, schema->n_fields, NULL, err));
    return check_doubles(schema, err);
}

/* ---- to JSON ---- */

static void append_type(struct text *text, const struct field *field);

static void append_field_head(struct text *text, const struct field *field)
{
    text_append(text, "{\"name\":");
    text_append_json(text, field->name);
    text_append(text, ",\"type\":");
    append_type(text, field);
    text_printf(text, ",\"nullable\":%s,\"metadata\":", field->nullable ? "true" : "false");
}

static bool has_own_metadata(const struct field *field)
{
    return field->carries && field->type.id != TYPE_STRUCT;
}

static void append_struct(struct text *text, const struct field *fields, size_t n)
{
    text_append(text, "{\"type\":\"struct\",\"fields\":[");
    for (size_t i = 0; i < n; i++) {
        text_append(text, i ? "," : "");
        append_field_head(text, &fields[i]);
        text_append_char(text, '{');
        if (has_own_metadata(&fields[i])) {
            text_append(text, "\"leat.type\":");
            text_append_json(text, fields[i].carries);
        }
        text_append(text, "}}");
    }
    text_append(text, "]}");
}

static void append_type(struct text *text, const struct field *field)
{
    char buf[64];
    const struct field *child = field->children;
    switch (field->type.id) {
    case TYPE_STRUCT:
        append_struct(text, child, field->n_children);
        return;
    case TYPE_LIST:
        text_append(text, "{\"type\":\"array\",\"elementType\":");
        append_type(text, child);
        text_printf(text, ",\"containsNull\":%s}", child->nullable ? "true" : "false");
        return;
    case TYPE_MAP:
        text_append(text, "{\"type\":\"map\",\"keyType\":");
        append_type(text, &child->children[0]);
        text_append(text, ",\"valueType\":");
        append_type(text, &child->children[1]);
        text_printf(text, ",\"valueContainsNull\":%s}",
                    child->children[1].nullable ? "true" : "false");
        return;
    default:
        text_printf(text, "\"%s\"", delta_type(field->type, buf));
    }
}

static const json_t *find_column(const json_t *was, const char *name)
{
    size_t i;
    json_t *column;
    json_array_foreach(json_object_get(was, "fields"), i, column)
    {
        if (text_equal(json_string_value(json_object_get(column, "name")), name))
            return column;
    }
    return NULL;
}

/* Protocol, "Type Widening": every change of a type that files of the old one may be read under. */
static bool note_widening(json_t *metadata, const char *from, const char *to)
{
    json_t *changes = json_object_get(metadata, "delta.typeChanges");
    if (!changes) {
        changes = json_array();
        if (json_object_set_new(metadata, "delta.typeChanges", changes) != 0)
            return false;
    }
    return json_array_append_new(changes,
                                 json_pack("{s:s, s:s}", "fromType", from, "toType", to)) == 0;
}

/* What is said of FIELD: by the table so far, and by us. Of another type, nothing of the former holds. NULL: no memory. */
static json_t *column_metadata(const struct field *field, const json_t *was, bool keeps_files)
{
    char buf[64];
    const char *type = delta_type(field->type, buf);
    const char *from = json_string_value(json_object_get(was, "type"));
    bool same = text_equal(from, type);
    json_t *metadata = NULL;
    if (keeps_files || same)
        metadata = json_deep_copy(json_object_get(was, "metadata"));
    if (!metadata)
        metadata = json_object();
    bool ok = metadata != NULL;
    if (ok && !keeps_files)
        json_object_del(metadata, "delta.typeChanges");
    if (ok && keeps_files && from && type && !same)
        ok = note_widening(metadata, from, type);
    json_object_del(metadata, "leat.type");
    if (ok && has_own_metadata(field))
        ok = json_object_set_new(metadata, "leat.type", json_string(field->carries)) == 0;
    if (!ok)
        json_release(&metadata);
    return metadata;
}

static status append_columns(struct text *text, const struct schema *schema, const json_t *was,
                             bool keeps_files, struct error *err)
{
    text_append(text, "{\"type\":\"struct\",\"fields\":[");
    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct field *field = &schema->fields[i];
        SCOPED(json_release)
        json_t *metadata = column_metadata(field, find_column(was, field->name), keeps_files);
        SCOPED(mem_freep) char *json = metadata ? json_write(metadata, NULL) : NULL;
        if (!json)
            return error_no_memory(err);
        text_append(text, i ? "," : "");
        append_field_head(text, field);
        text_append(text, json);
        text_append_char(text, '}');
    }
    text_append(text, "]}");
    return text_check(text, err);
}

status delta_schema_append(struct text *text, const struct schema *schema, const char *was,
                           bool keeps_files, struct error *err)
{
    SCOPED(json_release) json_t *before = NULL;
    TRY(delta_check_schema(schema, err));
    if (was)
        TRY(json_parse(was, strlen(was), "schemaString", &before, err));
    return append_columns(text, schema, before, keeps_files, err);
}

/* ---- from JSON ---- */

static status primitive(const char *word, struct type *out, struct error *err)
{
    static const struct {
        const char *word;
        struct type type;
    } types[] = {
        {"boolean", {.id = TYPE_BOOL}},
        {"byte", {.id = TYPE_INT8}},
        {"short", {.id = TYPE_INT16}},
        {"integer", {.id = TYPE_INT32}},
        {"long", {.id = TYPE_INT64}},
        {"float", {.id = TYPE_FLOAT32}},
        {"double", {.id = TYPE_FLOAT64}},
        {"string", {.id = TYPE_UTF8}},
        {"binary", {.id = TYPE_BINARY}},
        {"date", {.id = TYPE_DATE}},
        {"timestamp", {.id = TYPE_TIMESTAMP, .utc = true}},
        {"timestamp_ntz", {.id = TYPE_TIMESTAMP}},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].word, word) == 0) {
            *out = types[i].type;
            return STATUS_OK;
        }
    if (text_starts_with(word, "decimal"))
        return type_parse(word, out, err);
    return error_set(err, STATUS_BAD_DATA, "the table's type \"%s\" is not known to leat", word);
}

struct parser {
    struct arena arena;
    unsigned depth;
};

static status parse_type(struct parser *parser, const json_t *json, struct field *out,
                         struct error *err);

static struct field *new_fields(struct parser *parser, size_t n)
{
    return arena_alloc(&parser->arena, (n + 1) * sizeof(struct field));
}

static status parse_struct(struct parser *parser, const json_t *json, struct field *out,
                           struct error *err)
{
    const json_t *array;
    TRY(json_get_array(json, "fields", "schemaString", &array, err));
    size_t n = json_array_size(array);
    struct field *fields = new_fields(parser, n);
    if (!fields)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(array, i);
        TRY(json_get_text(item, "name", "schemaString", &fields[i].name, err));
        fields[i].nullable = true;
        TRY(json_get_bool_opt(item, "nullable", "schemaString", &fields[i].nullable, err));
        TRY_IN(parse_type(parser, json_object_get(item, "type"), &fields[i], err), err,
               "in column \"%s\"", fields[i].name);
    }
    out->type.id = TYPE_STRUCT;
    out->children = fields;
    out->n_children = n;
    return STATUS_OK;
}

static status parse_list(struct parser *parser, const json_t *json, struct field *out,
                         struct error *err)
{
    struct field *element = new_fields(parser, 1);
    if (!element)
        return error_no_memory(err);
    *element = (struct field){.name = "element", .nullable = true};
    TRY(json_get_bool_opt(json, "containsNull", "schemaString", &element->nullable, err));
    TRY(parse_type(parser, json_object_get(json, "elementType"), element, err));
    out->type.id = TYPE_LIST;
    out->children = element;
    out->n_children = 1;
    return STATUS_OK;
}

static status parse_map(struct parser *parser, const json_t *json, struct field *out,
                        struct error *err)
{
    struct field *entry = new_fields(parser, 1);
    struct field *pair = new_fields(parser, 2);
    if (!entry || !pair)
        return error_no_memory(err);
    pair[0] = (struct field){.name = "key"};
    pair[1] = (struct field){.name = "value", .nullable = true};
    TRY(json_get_bool_opt(json, "valueContainsNull", "schemaString", &pair[1].nullable, err));
    TRY(parse_type(parser, json_object_get(json, "keyType"), &pair[0], err));
    TRY(parse_type(parser, json_object_get(json, "valueType"), &pair[1], err));
    *entry = (struct field){
        .name = "key_value", .type = {.id = TYPE_STRUCT}, .children = pair, .n_children = 2};
    out->type.id = TYPE_MAP;
    out->children = entry;
    out->n_children = 1;
    return STATUS_OK;
}

static status parse_type(struct parser *parser, const json_t *json, struct field *out,
                         struct error *err)
{
    const char *word;
    out->type = (struct type){0};
    if (json_is_string(json))
        return primitive(json_string_value(json), &out->type, err);
    if (parser->depth > 64)
        return error_set(err, STATUS_BAD_DATA, "types are nested more than 64 deep");
    TRY(json_get_text(json, "type", "schemaString", &word, err));
    parser->depth++;
    status_code s = strcmp(word, "struct") == 0  ? parse_struct(parser, json, out, err)
                    : strcmp(word, "array") == 0 ? parse_list(parser, json, out, err)
                    : strcmp(word, "map") == 0
                        ? parse_map(parser, json, out, err)
                        : error_set(err, STATUS_BAD_DATA, "type \"%s\" is not known to leat", word);
    parser->depth--;
    return s;
}

status delta_schema_parse(const char *text, size_t size, struct schema *out, struct error *err)
{
    SCOPED(json_release) json_t *json = NULL;
    struct parser parser = {0};
    struct schema schema = {0};
    struct field top = {0};
    TRY(json_parse(text, size, "schemaString", &json, err));
    status_code s = parse_struct(&parser, json, &top, err);
    for (size_t i = 0; s == STATUS_OK && i < top.n_children; i++)
        s = schema_append(&schema, &top.children[i], err);
    arena_release(&parser.arena);
    if (s != STATUS_OK)
        schema_release(&schema);
    else
        *out = schema;
    return s;
}

/* ---- questions ---- */

static bool any_ntz(const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((fields[i].type.id == TYPE_TIMESTAMP && !fields[i].type.utc) ||
            any_ntz(fields[i].children, fields[i].n_children))
            return true;
    return false;
}

bool delta_has_ntz(const struct schema *schema)
{
    return any_ntz(schema->fields, schema->n_fields);
}

enum likeness { OTHER, WIDER, SAME };

/* What the type of NOW is to that of WAS. */
static enum likeness compare(const struct field *was, const struct field *now)
{
    char buf_was[64], buf_now[64];
    if (type_is_nested(was->type) || type_is_nested(now->type)) {
        if (was->type.id != now->type.id || was->n_children != now->n_children)
            return OTHER;
        for (size_t i = 0; i < was->n_children; i++) {
            const struct field *a = &was->children[i], *b = &now->children[i];
            if (compare(a, b) != SAME ||
                (was->type.id == TYPE_STRUCT && strcmp(a->name, b->name) != 0))
                return OTHER;
        }
        return SAME;
    }
    const char *word_was = delta_type(was->type, buf_was),
               *word_now = delta_type(now->type, buf_now);
    if (!word_was || !word_now)
        return OTHER;
    if (strcmp(word_was, word_now) == 0)
        return SAME;
    return type_widens(was->type, now->type) ? WIDER : OTHER;
}

bool delta_schema_extends(const struct schema *was, const struct schema *now, bool wider)
{
    if (now->n_fields < was->n_fields)
        return false;
    for (size_t i = 0; i < was->n_fields; i++) {
        enum likeness likeness = compare(&was->fields[i], &now->fields[i]);
        if (strcmp(was->fields[i].name, now->fields[i].name) != 0 || likeness == OTHER ||
            (likeness == WIDER && !wider))
            return false;
    }
    return true;
}

bool delta_schema_same(const struct schema *was, const struct schema *now)
{
    if (was->n_fields != now->n_fields || !delta_schema_extends(was, now, false))
        return false;
    for (size_t i = 0; i < was->n_fields; i++)
        if (now->fields[i].nullable && !was->fields[i].nullable)
            return false;
    return true;
}

bool delta_schema_retypes(const struct schema *was, const struct schema *now)
{
    for (size_t i = 0; i < was->n_fields; i++) {
        size_t at = schema_find(now, was->fields[i].name);
        if (at != SIZE_MAX && compare(&was->fields[i], &now->fields[at]) != SAME)
            return true;
    }
    return false;
}
