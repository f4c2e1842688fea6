#include "source/postgres/table.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 8192, FIRST_TID_SCANS = 140000 };

static const char *cell(const PGresult *result, int row, int column)
{
    return libpq.PQgetvalue(result, row, column);
}

static bool cell_true(const PGresult *result, int row, int column)
{
    return cell(result, row, column)[0] == 't';
}

status postgres_keep(struct text *text, struct arena *arena, const char **out, struct error *err)
{
    TRY(text_check(text, err));
    *out = arena_strdup(arena, text_string(text));
    return *out ? STATUS_OK : error_no_memory(err);
}

/* ---- which relation ---- */

status postgres_split_name(const char *stream, struct arena *arena, const char **schema,
                           const char **name, struct error *err)
{
    const char *parts[2] = {NULL, NULL};
    size_t n = 0;
    while (*stream && n < 2) {
        SCOPED(text_release) struct text part = {0};
        if (*stream == '"') {
            for (stream++; *stream && (*stream != '"' || stream[1] == '"'); stream++) {
                stream += *stream == '"';
                text_append_char(&part, *stream);
            }
            stream += *stream == '"';
        } else {
            size_t size = strcspn(stream, ".");
            text_append_bytes(&part, stream, size);
            stream += size;
        }
        TRY(postgres_keep(&part, arena, &parts[n++], err));
        if (*stream != '.')
            break;
        stream++;
    }
    if (*stream || n == 0)
        return error_set(
            err, STATUS_BAD_CONFIG,
            "expected a table's name as schema.table, with quotes around names that hold "
            "a dot");
    *schema = n == 2 ? parts[0] : NULL;
    *name = parts[n - 1];
    return STATUS_OK;
}

static status not_found(PGconn *conn, const char *stream, const char *name, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query(
        conn,
        "SELECT n.nspname || '.' || c.relname, c.relname FROM pg_class c JOIN pg_namespace n"
        " ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','f') AND"
        " n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' LIMIT 10000",
        &result, err));
    int n = libpq.PQntuples(result);
    const char **names = mem_realloc_array(NULL, 2 * (size_t)n + 1, sizeof(*names));
    if (!names)
        return error_no_memory(err);
    const char *nearest = NULL;
    for (int i = 0; i < n; i++) {
        names[i] = cell(result, i, 0);
        if (strcmp(cell(result, i, 1), name) == 0)
            nearest = names[i]; /* the same name in another schema */
    }
    if (!nearest)
        nearest = text_nearest(stream, names, (size_t)n);
    mem_free(names);
    return error_set(err, STATUS_BAD_CONFIG, "no table or view %s that this user may see%s%s%s",
                     stream, nearest ? "; did you mean " : "", nearest ? nearest : "",
                     nearest ? "?" : "");
}

const char *postgres_kind_word(char relkind)
{
    switch (relkind) {
    case 'r':
        return "table";
    case 'p':
        return "partitioned table";
    case 'v':
        return "view";
    case 'm':
        return "materialized view";
    case 'f':
        return "foreign table";
    default:
        return NULL;
    }
}

static status find_relation(PGconn *conn, const char *stream, struct arena *arena,
                            struct postgres_table *table, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text from = {0};
    const char *schema, *name;
    TRY(postgres_split_name(stream, arena, &schema, &name, err));
    const char *values[] = {schema ? schema : "public", name};
    TRY(postgres_query_with(
        conn,
        "SELECT c.oid, c.relkind, has_table_privilege(c.oid, 'SELECT') OR"
        " has_any_column_privilege(c.oid, 'SELECT'), pg_catalog.pg_get_userbyid(c.relowner)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relname = $2",
        values, 2, &result, err));
    if (libpq.PQntuples(result) == 0)
        return not_found(conn, stream, name, err);
    table->oid = (uint32_t)postgres_cell_number(result, 0, 0);
    table->kind = cell(result, 0, 1)[0];
    if (!postgres_kind_word(table->kind))
        return error_set(err, STATUS_BAD_CONFIG, "%s is no table and no view", stream);
    if (!cell_true(result, 0, 2))
        return error_set(
            err, STATUS_DENIED,
            "user %s may not read %s; as its owner: GRANT SELECT ON \"%s\".\"%s\" TO \"%s\"",
            libpq.PQuser(conn), stream, values[0], name, libpq.PQuser(conn));
    table->label =
        arena_printf(arena, "%s %s.%s", postgres_kind_word(table->kind), values[0], name);
    postgres_quote(&from, values[0]);
    text_append_char(&from, '.');
    postgres_quote(&from, name);
    return table->label ? postgres_keep(&from, arena, &table->from, err) : error_no_memory(err);
}

/* ---- columns ---- */

static status add_column(PGconn *conn, struct postgres_column *column, const char *name,
                         uint32_t oid, int32_t typmod, const char *declared, struct arena *arena,
                         struct error *err)
{
    column->name = arena_strdup(arena, name);
    column->declared = arena_strdup(arena, declared);
    column->nullable = true;
    if (!column->name || !column->declared)
        return error_no_memory(err);
    TRY_IN(wire_type_of(conn, oid, typmod, arena, &column->wire, err), err, "in column \"%s\"",
           name);
    return STATUS_OK;
}

/* The relation $1 with all of its partitions and children. */
#define TREE                                                                                       \
    "WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION SELECT i.inhrelid FROM pg_inherits i"       \
    " JOIN tree ON i.inhparent = tree.oid) "

/* The server keeps a NOT NULL for one relation: a child may have dropped its parent's, and one that is NOT VALID (18) holds
 * for new rows alone. Of a foreign table it is a promise that nobody looks after. */
#define REQUIRED                                                                                   \
    "SELECT k.attname, bool_and(k.attnotnull AND c.relkind <> 'f' AND n.oid IS NULL) AS required"  \
    " FROM tree JOIN pg_class c USING (oid) JOIN pg_attribute k ON k.attrelid = c.oid"             \
    " LEFT JOIN pg_constraint n ON n.conrelid = c.oid AND n.contype = 'n'"                         \
    " AND n.conkey[1] = k.attnum AND NOT n.convalidated GROUP BY k.attname"

static status read_columns(PGconn *conn, struct arena *arena, struct postgres_table *table,
                           struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query_of(
        conn,
        TREE "SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull AND r.required,"
             " pg_catalog.format_type(a.atttypid, a.atttypmod),"
             " coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)"
             " FROM pg_attribute a JOIN (" REQUIRED ") r USING (attname)"
             " LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary"
             " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped"
             " ORDER BY a.attnum",
        table->oid, &result, err));
    table->n_columns = (size_t)libpq.PQntuples(result);
    if (table->n_columns == 0)
        return error_set(err, STATUS_BAD_CONFIG, "%s has no columns", table->label);
    table->columns = arena_alloc(arena, table->n_columns * sizeof(*table->columns));
    if (!table->columns)
        return error_no_memory(err);
    for (int i = 0; i < libpq.PQntuples(result); i++) {
        struct postgres_column *column = &table->columns[i];
        TRY(add_column(conn, column, cell(result, i, 1),
                       (uint32_t)postgres_cell_number(result, i, 2),
                       (int)postgres_cell_number(result, i, 3), cell(result, i, 5), arena, err));
        column->attnum = (int)postgres_cell_number(result, i, 0);
        column->nullable = !cell_true(result, i, 4);
        column->key_position = (int)postgres_cell_number(result, i, 6);
    }
    return STATUS_OK;
}

/* Names of the types of the columns of RESULT, in their order. */
static status type_names(PGconn *conn, const PGresult *result, PGresult **out, struct error *err)
{
    SCOPED(text_release) struct text oids = {0};
    SCOPED(text_release) struct text modifiers = {0};
    for (int i = 0; i < libpq.PQnfields(result); i++) {
        text_printf(&oids, "%s%u", i ? "," : "{", libpq.PQftype(result, i));
        text_printf(&modifiers, "%s%d", i ? "," : "{", libpq.PQfmod(result, i));
    }
    text_append_char(&oids, '}');
    text_append_char(&modifiers, '}');
    TRY(text_check(&oids, err));
    TRY(text_check(&modifiers, err));
    const char *values[] = {text_string(&oids), text_string(&modifiers)};
    return postgres_query_with(
        conn,
        "SELECT pg_catalog.format_type(t, m) FROM ROWS FROM (unnest($1::oid[]),"
        " unnest($2::int[])) WITH ORDINALITY c (t, m, i) ORDER BY i",
        values, 2, out, err);
}

static status describe_query(PGconn *conn, const struct read_request *request, struct arena *arena,
                             struct postgres_table *table, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *prepared = NULL;
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(postgres_clearp) PGresult *names = NULL;
    table->kind = 'q';
    table->label = "query";
    table->from = arena_printf(arena, "(\n%s\n) AS query", request->query);
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql, "SELECT * FROM %s", table->from ? table->from : "");
    TRY(text_check(&sql, err));
    prepared = libpq.PQprepare(conn, "", text_string(&sql), 0, NULL);
    if (libpq.PQresultStatus(prepared) != PGRES_COMMAND_OK)
        return postgres_result_error(conn, prepared, err);
    result = libpq.PQdescribePrepared(conn, "");
    if (libpq.PQresultStatus(result) != PGRES_COMMAND_OK)
        return postgres_result_error(conn, result, err);
    table->n_columns = (size_t)libpq.PQnfields(result);
    table->columns = arena_alloc(arena, table->n_columns * sizeof(*table->columns) + 1);
    if (!table->columns)
        return error_no_memory(err);
    if (table->n_columns == 0)
        return error_set(err, STATUS_BAD_CONFIG, "the query has no columns");
    TRY(type_names(conn, result, &names, err));
    for (int i = 0; i < libpq.PQnfields(result); i++)
        TRY(add_column(conn, &table->columns[i], libpq.PQfname(result, i), libpq.PQftype(result, i),
                       libpq.PQfmod(result, i), cell(names, i, 0), arena, err));
    return STATUS_OK;
}

static status name_columns(struct postgres_table *table, struct arena *arena, struct error *err)
{
    const char **names = arena_alloc(arena, table->n_columns * sizeof(*names) + 1);
    if (!names)
        return error_no_memory(err);
    for (size_t i = 0; i < table->n_columns; i++)
        names[i] = table->columns[i].name;
    table->names = (struct column_names){names, table->n_columns, table->label, strcmp};
    return STATUS_OK;
}

/* ---- where the rows are ---- */

/* Leaves of the tree of partitions and children, the relation itself among them. */
static status read_parts(PGconn *conn, struct arena *arena, struct postgres_table *table,
                         struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query_of(
        conn,
        TREE "SELECT n.nspname, c.relname, c.relkind, pg_catalog.pg_relation_size(c.oid) / 8192,"
             " c.reltuples, has_table_privilege(c.oid, 'SELECT'), c.oid"
             " FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace"
             " WHERE c.relkind <> 'p' ORDER BY c.oid",
        table->oid, &result, err));
    int n = libpq.PQntuples(result);
    table->parts = arena_alloc(arena, (size_t)n * sizeof(*table->parts) + 1);
    if (!table->parts)
        return error_no_memory(err);
    table->by_ctid = true;
    for (int i = 0; i < n; i++) {
        SCOPED(text_release) struct text from = {0};
        struct postgres_part *part = &table->parts[i];
        char kind = cell(result, i, 2)[0];
        part->pages = (uint64_t)postgres_cell_number(result, i, 3);
        part->rows = strtod(cell(result, i, 4), NULL);
        part->oid = (uint32_t)postgres_cell_number(result, i, 6);
        if (part->rows < 0) /* never analyzed: rows of some 80 bytes */
            part->rows = (double)part->pages * 100;
        table->rows += part->rows;
        table->bytes += part->pages * PAGE_BYTES;
        table->foreign |= kind == 'f';
        /* a foreign part, or one that may be read through its parent alone */
        if ((kind != 'r' && kind != 'm') || !cell_true(result, i, 5))
            table->by_ctid = false;
        text_append(&from, "ONLY ");
        postgres_quote(&from, cell(result, i, 0));
        text_append_char(&from, '.');
        postgres_quote(&from, cell(result, i, 1));
        TRY(postgres_keep(&from, arena, &part->from, err));
    }
    table->n_parts = (size_t)n;
    if (libpq.PQserverVersion(conn) < FIRST_TID_SCANS || n == 0)
        table->by_ctid = false;
    return STATUS_OK;
}

status postgres_table_describe(PGconn *conn, const struct read_request *request,
                               struct arena *arena, struct postgres_table *out, struct error *err)
{
    *out = (struct postgres_table){0};
    if (request->query) {
        TRY(describe_query(conn, request, arena, out, err));
        return name_columns(out, arena, err);
    }
    TRY(find_relation(conn, request->stream, arena, out, err));
    TRY(read_columns(conn, arena, out, err));
    TRY(name_columns(out, arena, err));
    if (out->kind != 'v')
        TRY(read_parts(conn, arena, out, err));
    return STATUS_OK;
}

status postgres_table_oids(const struct postgres_table *table, struct text *out, struct error *err)
{
    text_printf(out, "{%u", table->oid);
    for (size_t i = 0; i < table->n_parts; i++)
        text_printf(out, ",%u", table->parts[i].oid);
    text_append_char(out, '}');
    return text_check(out, err);
}
