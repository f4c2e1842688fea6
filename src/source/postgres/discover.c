#include <stdlib.h>
#include <string.h>

#include "source/postgres/table.h"

static status list_streams(struct source *source, PGresult **out, struct error *err)
{
    return postgres_query(
        source->conn,
        "SELECT n.nspname, c.relname, c.relkind, greatest(c.reltuples, 0)::bigint,"
        " CASE WHEN c.relkind IN ('r','m') THEN pg_catalog.pg_table_size(c.oid) ELSE 0 END,"
        " has_table_privilege(c.oid, 'SELECT'), c.oid"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition AND"
        " n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
        " ORDER BY n.nspname, c.relname",
        out, err);
}

static bool usable_key(struct type type)
{
    return type.id == TYPE_INT16 || type.id == TYPE_INT32 || type.id == TYPE_INT64 ||
           type.id == TYPE_DATE || type.id == TYPE_TIMESTAMP;
}

static status first_of_index(PGconn *conn, uint32_t oid, PGresult **out, struct error *err)
{
    return postgres_query_of(
        conn,
        "SELECT indkey[0] FROM pg_index WHERE indrelid = $1::oid AND indisvalid"
        " AND indpred IS NULL",
        oid, out, err);
}

static status describe_columns(struct source *source, const struct postgres_table *table,
                               struct source_stream *stream, struct arena *arena, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *indexes = NULL;
    TRY(first_of_index(source->conn, table->oid, &indexes, err));
    stream->columns = arena_alloc(arena, table->n_columns * sizeof(*stream->columns) + 1);
    if (!stream->columns)
        return error_no_memory(err);
    stream->n_columns = table->n_columns;
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct postgres_column *column = &table->columns[i];
        stream->columns[i] = (struct source_column){.name = column->name,
                                                    .declared_type = column->declared,
                                                    .type = column->wire.type,
                                                    .nullable = column->nullable,
                                                    .key_position = column->key_position,
                                                    .usable_key = usable_key(column->wire.type)};
        for (int k = 0; k < libpq.PQntuples(indexes); k++)
            stream->columns[i].indexed |=
                (int)postgres_cell_number(indexes, k, 0) == column->attnum;
    }
    return STATUS_OK;
}

/* NAME as a job file writes it: in quotes where a dot or a quote would part it. */
static void write_name(struct text *out, const char *name)
{
    if (strpbrk(name, ".\"") || !*name)
        postgres_quote(out, name);
    else
        text_append(out, name);
}

static status name_stream(struct source_stream *stream, const char *schema, const char *name,
                          struct arena *arena, struct error *err)
{
    SCOPED(text_release) struct text shown = {0};
    SCOPED(text_release) struct text sql = {0};
    write_name(&shown, schema);
    text_append_char(&shown, '.');
    write_name(&shown, name);
    postgres_quote(&sql, schema);
    text_append_char(&sql, '.');
    postgres_quote(&sql, name);
    TRY(postgres_keep(&shown, arena, &stream->name, err));
    return postgres_keep(&sql, arena, &stream->sql, err);
}

static status describe_stream(struct source *source, const PGresult *list, int row,
                              struct source_stream *stream, struct arena *arena, struct error *err)
{
    const char *schema = libpq.PQgetvalue(list, row, 0), *name = libpq.PQgetvalue(list, row, 1);
    TRY(name_stream(stream, schema, name, arena, err));
    stream->kind = postgres_kind_word(libpq.PQgetvalue(list, row, 2)[0]);
    stream->rows = (uint64_t)postgres_cell_number(list, row, 3);
    stream->bytes = (uint64_t)postgres_cell_number(list, row, 4);
    if (libpq.PQgetvalue(list, row, 5)[0] != 't') {
        stream->note =
            arena_printf(arena, "may not be read: GRANT SELECT ON \"%s\".\"%s\" TO \"%s\"", schema,
                         name, libpq.PQuser(source->conn));
        return stream->note ? STATUS_OK : error_no_memory(err);
    }
    struct read_request request = {.stream = stream->sql};
    struct postgres_table table;
    TRY(postgres_table_describe(source->conn, &request, arena, &table, err));
    if (table.rows > 0)
        stream->rows = (uint64_t)table.rows;
    if (table.bytes > 0)
        stream->bytes = table.bytes;
    if (!table.by_ctid)
        stream->note = "read over one connection";
    return describe_columns(source, &table, stream, arena, err);
}

/* Partitions of the tables in LIST are read by their own names, too. */
static status list_parts(struct source *source, const PGresult *list,
                         struct source_catalog *catalog, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query(source->conn,
                       "SELECT n.nspname, c.relname, pg_partition_root(c.oid)::oid"
                       " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                       " WHERE c.relispartition AND c.relkind IN ('r','p','f')"
                       " ORDER BY n.nspname, c.relname",
                       &result, err));
    catalog->parts =
        arena_alloc(&catalog->arena, (size_t)libpq.PQntuples(result) * sizeof(*catalog->parts) + 1);
    if (!catalog->parts)
        return error_no_memory(err);
    for (int i = 0; i < libpq.PQntuples(result); i++) {
        struct source_stream named = {0};
        size_t root = 0;
        while (root < catalog->n_streams &&
               strcmp(libpq.PQgetvalue(list, (int)root, 6), libpq.PQgetvalue(result, i, 2)) != 0)
            root++;
        if (root == catalog->n_streams)
            continue; /* its parent came meanwhile */
        TRY(name_stream(&named, libpq.PQgetvalue(result, i, 0), libpq.PQgetvalue(result, i, 1),
                        &catalog->arena, err));
        catalog->parts[catalog->n_parts++] = (struct source_part){named.name, root};
    }
    return STATUS_OK;
}

status postgres_discover(struct source *source, struct source_catalog *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *list = NULL;
    SCOPED(source_catalog_release) struct source_catalog catalog = {0};
    TRY(list_streams(source, &list, err));
    catalog.n_streams = (size_t)libpq.PQntuples(list);
    catalog.streams = arena_alloc(&catalog.arena, catalog.n_streams * sizeof(*catalog.streams) + 1);
    if (!catalog.streams)
        return error_no_memory(err);
    for (int i = 0; i < libpq.PQntuples(list); i++)
        TRY(describe_stream(source, list, i, &catalog.streams[i], &catalog.arena, err));
    TRY(list_parts(source, list, &catalog, err));
    *out = catalog;
    catalog = (struct source_catalog){0};
    return STATUS_OK;
}
