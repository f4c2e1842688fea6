#include "source/postgres/type.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 16, /* domains over arrays over composites ... */
    TYPMOD_HEADER = 4,
    OID_MONEY = 790,
    OID_NUMERIC = 1700,
    OID_INT2VECTOR = 22,
    OID_OIDVECTOR = 30,
};

/* Types whose OIDs are fixed (src/include/catalog/pg_type.dat). */
static const struct {
    uint32_t oid;
    enum wire_form form;
    struct type type;
    const char *cast;
} builtin[] = {
    {16, WIRE_BOOL, {.id = TYPE_BOOL}, NULL},
    {17, WIRE_BYTEA, {.id = TYPE_BINARY}, NULL},
    {19, WIRE_TEXT, {.id = TYPE_UTF8}, NULL},
    {20, WIRE_INT8, {.id = TYPE_INT64}, NULL},
    {21, WIRE_INT2, {.id = TYPE_INT16}, NULL},
    {23, WIRE_INT4, {.id = TYPE_INT32}, NULL},
    {25, WIRE_TEXT, {.id = TYPE_UTF8}, NULL},
    {26, WIRE_OID, {.id = TYPE_INT64}, NULL},
    {114, WIRE_TEXT, {.id = TYPE_JSON}, NULL},
    {700, WIRE_FLOAT4, {.id = TYPE_FLOAT32}, NULL},
    {701, WIRE_FLOAT8, {.id = TYPE_FLOAT64}, NULL},
    {1042, WIRE_TEXT, {.id = TYPE_UTF8}, NULL},
    {1043, WIRE_TEXT, {.id = TYPE_UTF8}, NULL},
    {1082, WIRE_DATE, {.id = TYPE_DATE}, NULL},
    {1083, WIRE_TIME, {.id = TYPE_TIME}, NULL},
    {1114, WIRE_TIMESTAMP, {.id = TYPE_TIMESTAMP}, NULL},
    {1184, WIRE_TIMESTAMP, {.id = TYPE_TIMESTAMP, .utc = true}, NULL},
    {1186, WIRE_INTERVAL, {.id = TYPE_INTERVAL}, NULL},
    {2950, WIRE_UUID, {.id = TYPE_UUID}, NULL},
    {3802, WIRE_JSONB, {.id = TYPE_JSON}, NULL},
    /* text says all of them; their binary forms say no more */
    {18, WIRE_TEXT, {.id = TYPE_UTF8}, "text"},   /* "char" */
    {142, WIRE_TEXT, {.id = TYPE_UTF8}, "text"},  /* xml */
    {650, WIRE_TEXT, {.id = TYPE_UTF8}, "text"},  /* cidr */
    {774, WIRE_TEXT, {.id = TYPE_UTF8}, "text"},  /* macaddr8 */
    {829, WIRE_TEXT, {.id = TYPE_UTF8}, "text"},  /* macaddr */
    {869, WIRE_TEXT, {.id = TYPE_UTF8}, "text"},  /* inet */
    {1266, WIRE_TEXT, {.id = TYPE_UTF8}, "text"}, /* timetz */
    {1560, WIRE_TEXT, {.id = TYPE_UTF8}, "text"}, /* bit */
    {1562, WIRE_TEXT, {.id = TYPE_UTF8}, "text"}, /* varbit */
};

static void as_text(struct wire_type *out, const char *why)
{
    *out = (struct wire_type){
        .form = WIRE_TEXT, .type = {.id = TYPE_UTF8}, .cast = "text", .why = why};
}

/* Negative scales and scales above the precision are allowed since PostgreSQL 15. */
static void numeric_type(int32_t typmod, struct wire_type *out)
{
    *out = (struct wire_type){.form = WIRE_NUMERIC, .type = {.id = TYPE_UTF8}};
    if (typmod < TYPMOD_HEADER) {
        out->why = "numeric without precision: read as text, every digit kept (columns: {NAME: "
                   "{type: \"decimal(38,10)\"}} makes it a number)";
        return;
    }
    int32_t precision = (typmod - TYPMOD_HEADER) >> 16 & 0xffff;
    int32_t scale = (((typmod - TYPMOD_HEADER) & 0x7ff) ^ 1024) - 1024;
    if (scale < 0) {
        precision -= scale;
        scale = 0;
    }
    if (scale > precision)
        precision = scale;
    if (precision > DECIMAL_MAX_PRECISION)
        out->why = "more digits than a decimal holds: read as text";
    else
        out->type = (struct type){.id = TYPE_DECIMAL, .precision = precision, .scale = scale};
}

static status money_type(PGconn *conn, struct wire_type *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query(conn, "SELECT pg_catalog.scale('1'::money::numeric)", &result, err));
    *out = (struct wire_type){.form = WIRE_MONEY,
                              .type = {.id = TYPE_DECIMAL,
                                       .precision = 19,
                                       .scale = (int)postgres_cell_number(result, 0, 0)}};
    return STATUS_OK;
}

static status type_at(PGconn *conn, uint32_t oid, int32_t typmod, int depth, struct arena *arena,
                      struct wire_type *out, struct error *err);

static status one_child(struct arena *arena, struct wire_type *out, size_t n, struct error *err)
{
    out->children = arena_alloc(arena, n * sizeof(*out->children) + 1);
    out->names = arena_alloc(arena, n * sizeof(*out->names) + 1);
    out->n_children = n;
    return out->children && out->names ? STATUS_OK : error_no_memory(err);
}

static status array_type(PGconn *conn, uint32_t element, int32_t typmod, int depth,
                         struct arena *arena, struct wire_type *out, struct error *err)
{
    *out = (struct wire_type){.form = WIRE_ARRAY, .type = {.id = TYPE_LIST}};
    TRY(one_child(arena, out, 1, err));
    TRY(type_at(conn, element, typmod, depth + 1, arena, &out->children[0], err));
    if (out->children[0].cast) {
        out->cast = "text[]";
        out->children[0].cast = NULL;
    }
    return STATUS_OK;
}

static status record_type(PGconn *conn, const char *relation, int depth, struct arena *arena,
                          struct wire_type *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    const char *values[] = {relation};
    TRY(postgres_query_with(
        conn,
        "SELECT attname, atttypid, atttypmod FROM pg_attribute WHERE attrelid = "
        "$1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        values, 1, &result, err));
    int n = libpq.PQntuples(result);
    *out = (struct wire_type){.form = WIRE_RECORD, .type = {.id = TYPE_STRUCT}};
    TRY(one_child(arena, out, (size_t)n, err));
    for (int i = 0; i < n; i++) {
        out->names[i] = arena_strdup(arena, libpq.PQgetvalue(result, i, 0));
        if (!out->names[i])
            return error_no_memory(err);
        TRY(type_at(conn, (uint32_t)postgres_cell_number(result, i, 1),
                    (int)postgres_cell_number(result, i, 2), depth + 1, arena, &out->children[i],
                    err));
        if (out->children[i].cast) { /* nothing casts a part of a record */
            as_text(out, "a composite whose parts have no binary form here: read as text");
            return STATUS_OK;
        }
    }
    if (n == 0)
        as_text(out, "a composite without fields: read as text");
    return STATUS_OK;
}

/* What the catalog says of a type that is not built in, or is an array. */
static status catalog_type(PGconn *conn, uint32_t oid, int32_t typmod, int depth,
                           struct arena *arena, struct wire_type *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query_of(conn,
                          "SELECT typtype, typcategory, typbasetype, typtypmod, typelem, typrelid,"
                          " typlen, pg_catalog.format_type(oid, NULL)"
                          " FROM pg_type WHERE oid = $1::oid",
                          oid, &result, err));
    if (libpq.PQntuples(result) == 0)
        return error_set(err, STATUS_BAD_DATA, "the server has no type %u", oid);
    char kind = libpq.PQgetvalue(result, 0, 0)[0], category = libpq.PQgetvalue(result, 0, 1)[0];
    uint32_t base = (uint32_t)postgres_cell_number(result, 0, 2);
    uint32_t element = (uint32_t)postgres_cell_number(result, 0, 4);
    bool variable = strcmp(libpq.PQgetvalue(result, 0, 6), "-1") == 0;
    if (kind == 'd')
        return type_at(conn, base, (int)postgres_cell_number(result, 0, 3), depth + 1, arena, out,
                       err);
    if (kind == 'c')
        return record_type(conn, libpq.PQgetvalue(result, 0, 5), depth, arena, out, err);
    if (kind == 'e') { /* an enum's label is its text */
        *out = (struct wire_type){.form = WIRE_TEXT, .type = {.id = TYPE_UTF8}};
        return STATUS_OK;
    }
    if (category == 'A' && element && variable && oid != OID_INT2VECTOR && oid != OID_OIDVECTOR)
        return array_type(conn, element, typmod, depth, arena, out, err);
    const char *why = NULL;
    if (kind != 'r' && kind != 'm') {
        why = arena_printf(arena, "type %s is not known here: read as text",
                           libpq.PQgetvalue(result, 0, 7));
        if (!why)
            return error_no_memory(err);
    }
    as_text(out, why);
    return STATUS_OK;
}

static status type_at(PGconn *conn, uint32_t oid, int32_t typmod, int depth, struct arena *arena,
                      struct wire_type *out, struct error *err)
{
    if (depth > MAX_DEPTH) {
        as_text(out, "types nested too deep: read as text");
        return STATUS_OK;
    }
    if (oid == OID_NUMERIC) {
        numeric_type(typmod, out);
        return STATUS_OK;
    }
    if (oid == OID_MONEY)
        return money_type(conn, out, err);
    for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
        if (builtin[i].oid == oid) {
            *out = (struct wire_type){
                .form = builtin[i].form, .type = builtin[i].type, .cast = builtin[i].cast};
            return STATUS_OK;
        }
    }
    return catalog_type(conn, oid, typmod, depth, arena, out, err);
}

status wire_type_of(PGconn *conn, uint32_t oid, int32_t typmod, struct arena *arena,
                    struct wire_type *out, struct error *err)
{
    return type_at(conn, oid, typmod, 0, arena, out, err);
}

/* ---- as the job wants it ---- */

static const struct {
    enum type_id id;
    enum wire_form form;
    const char *sql;
} casts[] = {
    {TYPE_BOOL, WIRE_BOOL, "boolean"},       {TYPE_INT16, WIRE_INT2, "smallint"},
    {TYPE_INT32, WIRE_INT4, "integer"},      {TYPE_INT64, WIRE_INT8, "bigint"},
    {TYPE_FLOAT32, WIRE_FLOAT4, "real"},     {TYPE_FLOAT64, WIRE_FLOAT8, "double precision"},
    {TYPE_DECIMAL, WIRE_NUMERIC, "numeric"}, {TYPE_UTF8, WIRE_TEXT, "text"},
    {TYPE_BINARY, WIRE_BYTEA, "bytea"},      {TYPE_DATE, WIRE_DATE, "date"},
    {TYPE_TIME, WIRE_TIME, "time"},          {TYPE_INTERVAL, WIRE_INTERVAL, "interval"},
    {TYPE_UUID, WIRE_UUID, "uuid"},          {TYPE_JSON, WIRE_TEXT, "json"},
};

status wire_type_as(const struct wire_type *from, struct type wanted, struct arena *arena,
                    struct wire_type *out, struct error *err)
{
    struct decoder probe;
    char text[64];
    *out = (struct wire_type){.form = from->form, .type = wanted, .cast = from->cast};
    bool other_unit = from->form == WIRE_MONEY && wanted.scale != from->type.scale;
    if (!type_is_nested(wanted) && !other_unit && decoder_init(&probe, from->form, wanted))
        return STATUS_OK;
    if (wanted.id == TYPE_TIMESTAMP) {
        out->form = WIRE_TIMESTAMP;
        out->cast = wanted.utc ? "timestamptz" : "timestamp";
        return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof(casts) / sizeof(casts[0]); i++) {
        if (casts[i].id == wanted.id) {
            out->form = casts[i].form;
            out->cast = casts[i].sql;
            return STATUS_OK;
        }
    }
    return error_set(err, STATUS_BAD_CONFIG, "PostgreSQL has no type that is %s",
                     type_text(wanted, text));
}

/* ---- into a schema ---- */

status wire_type_field(const struct wire_type *type, struct arena *arena, struct field *field,
                       struct error *err)
{
    field->type = type->type;
    if (type->n_children == 0)
        return STATUS_OK;
    struct field *children = arena_alloc(arena, type->n_children * sizeof(*children));
    if (!children)
        return error_no_memory(err);
    for (size_t i = 0; i < type->n_children; i++) {
        children[i].name = type->form == WIRE_ARRAY ? "element" : type->names[i];
        children[i].nullable = true;
        TRY(wire_type_field(&type->children[i], arena, &children[i], err));
    }
    field->children = children;
    field->n_children = type->n_children;
    return STATUS_OK;
}
