#include "source/sqlite/table.h"

#include <string.h>
#include <strings.h>

#include "source/sqlite/declared_type.h"

status sqlite_copy_text(sqlite3_stmt *statement, int column, struct arena *arena, const char **out,
                        struct error *err)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    *out = arena_strdup(arena, text ? text : "");
    return *out ? STATUS_OK : error_no_memory(err);
}

status sqlite_keep(const struct text *text, struct arena *arena, const char **out,
                   struct error *err)
{
    TRY(text_check(text, err));
    *out = arena_strndup(arena, text_string(text), text->size);
    return *out ? STATUS_OK : error_no_memory(err);
}

/* ---- finding the table ---- */

static status no_table(sqlite3 *db, const char *name, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    SCOPED(arena_release) struct arena arena = {0};
    TRY(sqlite_prepare(
        db,
        "SELECT name FROM pragma_table_list WHERE schema='main' AND"
        " type IN ('table','view','virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " ORDER BY name LIMIT 5000",
        &statement, err));
    const char *names[64]; /* the nearest of each block of 64, then against the next block */
    size_t n = 0;
    const char *nearest = NULL;
    for (;;) {
        status_code s = sqlite_step(statement, err);
        if (s != STATUS_OK && s != STATUS_END)
            return s;
        if (s == STATUS_OK)
            TRY(sqlite_copy_text(statement, 0, &arena, &names[n++], err));
        if (s == STATUS_END || n == 64) {
            nearest = text_nearest(name, names, n);
            n = 0;
            if (nearest)
                names[n++] = nearest;
        }
        if (s == STATUS_END)
            break;
    }
    if (nearest)
        return error_set(err, STATUS_BAD_CONFIG,
                         "no table or view \"%s\" in the database; did you mean \"%s\"?", name,
                         nearest);
    return error_set(err, STATUS_BAD_CONFIG, "no table or view \"%s\" in the database", name);
}

static enum sqlite_relation relation_of(const char *type, bool without_rowid)
{
    if (strcmp(type, "view") == 0)
        return RELATION_VIEW;
    if (strcmp(type, "virtual") == 0)
        return RELATION_VIRTUAL;
    return without_rowid ? RELATION_WITHOUT_ROWID : RELATION_TABLE;
}

/* The row of table_list for NAME; END: no such table. */
static status lookup(sqlite3 *db, const char *name, struct arena *arena, struct sqlite_table *out,
                     struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(sqlite_prepare(db,
                       "SELECT l.name, l.type, l.wr, coalesce(s.rootpage, 0)"
                       " FROM pragma_table_list l LEFT JOIN sqlite_schema s"
                       " ON s.name = l.name AND s.type = 'table'"
                       " WHERE l.schema = 'main' AND l.name = ?1 COLLATE NOCASE",
                       &statement, err));
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    TRY(sqlite_step(statement, err));
    const char *type;
    TRY(sqlite_copy_text(statement, 0, arena, &out->name, err));
    TRY(sqlite_copy_text(statement, 1, arena, &type, err));
    out->kind = relation_of(type, sqlite3_column_int(statement, 2) != 0);
    out->root_page = out->kind == RELATION_TABLE ? sqlite3_column_int64(statement, 3) : 0;
    return STATUS_OK;
}

static status find_table(sqlite3 *db, const char *stream, struct arena *arena,
                         struct sqlite_table *out, struct error *err)
{
    status_code s = lookup(db, stream, arena, out, err);
    if (s == STATUS_END && strncasecmp(stream, "main.", 5) == 0)
        s = lookup(db, stream + 5, arena, out, err);
    if (s == STATUS_END)
        return no_table(db, stream, err);
    TRY(s);
    SCOPED(text_release) struct text from = {0};
    text_append(&from, "main.");
    sqlite_quote(&from, out->name);
    TRY(sqlite_keep(&from, arena, &out->from, err));
    out->label =
        arena_printf(arena, "%s main.%s", out->kind == RELATION_VIEW ? "view" : "table", out->name);
    return out->label ? STATUS_OK : error_no_memory(err);
}

/* ---- its columns ---- */

static status add_column(struct sqlite_table *table, struct arena *arena,
                         const struct sqlite_column *column, struct error *err)
{
    if ((table->n_columns & (table->n_columns - 1)) == 0) { /* double at 1, 2, 4... */
        size_t room = table->n_columns ? table->n_columns * 2 : 1;
        struct sqlite_column *more = arena_alloc(arena, room * sizeof(*more));
        if (!more)
            return error_no_memory(err);
        if (table->n_columns)
            memcpy(more, table->columns, table->n_columns * sizeof(*more));
        table->columns = more;
    }
    table->columns[table->n_columns++] = *column;
    return STATUS_OK;
}

static status read_columns(sqlite3 *db, struct arena *arena, struct sqlite_table *table,
                           struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(sqlite_prepare(db,
                       "SELECT cid, name, type, \"notnull\", pk FROM pragma_table_xinfo(?1, 'main')"
                       " WHERE hidden <> 1 ORDER BY cid",
                       &statement, err));
    sqlite3_bind_text(statement, 1, table->name, -1, SQLITE_STATIC);
    for (;;) {
        status_code s = sqlite_step(statement, err);
        if (s == STATUS_END)
            return STATUS_OK;
        TRY(s);
        struct sqlite_column column = {.cid = sqlite3_column_int(statement, 0),
                                       .key_position = sqlite3_column_int(statement, 4)};
        TRY(sqlite_copy_text(statement, 1, arena, &column.name, err));
        TRY(sqlite_copy_text(statement, 2, arena, &column.declared, err));
        bool not_null = sqlite3_column_int(statement, 3) != 0;
        if (table->kind == RELATION_WITHOUT_ROWID && column.key_position > 0)
            not_null = true;
        column.nullable =
            !not_null || (table->kind != RELATION_TABLE && table->kind != RELATION_WITHOUT_ROWID);
        column.known = sqlite_declared_type(column.declared, &column.type);
        TRY(add_column(table, arena, &column, err));
    }
}

/* INTEGER PRIMARY KEY is the rowid itself, but for the one spelling that isn't (DESC): that one has an
 * index of its own. */
static status find_rowid_column(sqlite3 *db, struct sqlite_table *table, struct error *err)
{
    table->rowid_column = SIZE_MAX;
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].key_position > 1)
            return STATUS_OK;
        if (table->columns[i].key_position == 1)
            found = i;
    }
    if (found == SIZE_MAX || strcasecmp(table->columns[found].declared, "INTEGER") != 0)
        return STATUS_OK;
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(sqlite_prepare(db, "SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'",
                       &statement, err));
    sqlite3_bind_text(statement, 1, table->name, -1, SQLITE_STATIC);
    status_code s = sqlite_step(statement, err);
    if (s != STATUS_OK && s != STATUS_END)
        return s;
    if (s == STATUS_END) {
        table->rowid_column = found;
        table->columns[found].nullable = false;
    }
    return STATUS_OK;
}

static status name_rowid(struct sqlite_table *table, struct arena *arena, struct error *err)
{
    if (table->rowid_column != SIZE_MAX) {
        SCOPED(text_release) struct text quoted = {0};
        sqlite_quote(&quoted, table->columns[table->rowid_column].name);
        return sqlite_keep(&quoted, arena, &table->rowid, err);
    }
    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    for (size_t i = 0; i < 3 && !table->rowid; i++) {
        bool taken = false;
        for (size_t c = 0; c < table->n_columns; c++)
            taken = taken || strcasecmp(table->columns[c].name, names[i]) == 0;
        if (!taken)
            table->rowid = names[i];
    }
    return STATUS_OK;
}

/* ---- queries ---- */

/* The query in parentheses, without a semicolon at its end. The parentheses stand on lines of their own, so
 * that a comment at the end of the query can't swallow one. */
static status wrap_query(sqlite3 *db, const char *query, struct arena *arena, const char **out,
                         struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    SCOPED(sqlite_finalizep) sqlite3_stmt *second = NULL;
    const char *tail = NULL;
    int rc = sqlite3_prepare_v3(db, query, -1, 0, &statement, &tail);
    if (rc != SQLITE_OK)
        return sqlite_fail(db, rc, err, "the query is not valid");
    rc = sqlite3_prepare_v3(db, tail, -1, 0, &second, NULL);
    if (rc != SQLITE_OK || second)
        return error_set(err, STATUS_BAD_CONFIG,
                         "the query holds more than one statement; expected one SELECT");
    if (!statement || !sqlite3_stmt_readonly(statement) || sqlite3_column_count(statement) == 0)
        return error_set(err, STATUS_BAD_CONFIG, "the query does not read; expected one SELECT");
    size_t size = (size_t)(tail - query);
    if (size > 0 && query[size - 1] == ';')
        size--;
    *out = arena_printf(arena, "(\n%.*s\n)", (int)size, query);
    return *out ? STATUS_OK : error_no_memory(err);
}

static status describe_query(sqlite3 *db, const char *query, struct arena *arena,
                             struct sqlite_table *out, struct error *err)
{
    out->kind = RELATION_QUERY;
    out->label = "query";
    out->rowid_column = SIZE_MAX;
    TRY(wrap_query(db, query, arena, &out->from, err));
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql, "SELECT * FROM %s", out->from);
    TRY(text_check(&sql, err));
    TRY(sqlite_prepare(db, text_string(&sql), &statement, err));
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        const char *declared = sqlite3_column_decltype(statement, i);
        struct sqlite_column column = {.nullable = true, .cid = i};
        column.name = arena_strdup(arena, sqlite3_column_name(statement, i));
        column.declared = arena_strdup(arena, declared ? declared : "");
        if (!column.name || !column.declared)
            return error_no_memory(err);
        column.known = sqlite_declared_type(column.declared, &column.type);
        TRY(add_column(out, arena, &column, err));
    }
    return STATUS_OK;
}

static status name_columns(struct sqlite_table *table, struct arena *arena, struct error *err)
{
    const char **names = arena_alloc(arena, table->n_columns * sizeof(*names) + 1);
    if (!names)
        return error_no_memory(err);
    for (size_t i = 0; i < table->n_columns; i++)
        names[i] = table->columns[i].name;
    table->names = (struct column_names){names, table->n_columns, table->label, sqlite3_stricmp};
    return STATUS_OK;
}

status sqlite_table_describe(sqlite3 *db, const struct read_request *request, struct arena *arena,
                             struct sqlite_table *out, struct error *err)
{
    struct sqlite_table table = {.rowid_column = SIZE_MAX};
    if (request->query) {
        TRY(describe_query(db, request->query, arena, &table, err));
    } else {
        TRY(find_table(db, request->stream, arena, &table, err));
        TRY(read_columns(db, arena, &table, err));
        if (table.kind == RELATION_TABLE) {
            TRY(find_rowid_column(db, &table, err));
            TRY(name_rowid(&table, arena, err));
        }
    }
    TRY(name_columns(&table, arena, err));
    *out = table;
    return STATUS_OK;
}

/* BINARY is the order of the values for numbers and for text in one form; a column with another collation
 * is not compared bytewise, so its index is no help. */
status sqlite_table_index(sqlite3 *db, const struct sqlite_table *table, size_t column,
                          struct arena *arena, const char **out_name, struct error *err)
{
    *out_name = NULL;
    if (table->kind != RELATION_TABLE && table->kind != RELATION_WITHOUT_ROWID)
        return STATUS_OK;
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(sqlite_prepare(
        db,
        "SELECT l.name FROM pragma_index_list(?1, 'main') l,"
        " pragma_index_xinfo(l.name, 'main') x"
        " WHERE l.partial = 0 AND x.seqno = 0 AND x.cid = ?2 AND x.coll = 'BINARY'"
        " ORDER BY (SELECT count(*) FROM pragma_index_xinfo(l.name, 'main')), l.name",
        &statement, err));
    sqlite3_bind_text(statement, 1, table->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, table->columns[column].cid);
    status_code s = sqlite_step(statement, err);
    if (s == STATUS_END)
        return STATUS_OK;
    TRY(s);
    return sqlite_copy_text(statement, 0, arena, out_name, err);
}
