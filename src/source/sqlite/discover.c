#include "source/sqlite/btree.h"
#include "source/sqlite/declared_type.h"
#include "source/sqlite/sqlite.h"
#include "source/sqlite/table.h"

struct listing {
    sqlite3 *db;
    struct source_catalog *catalog;
    size_t capacity;
    int64_t page_size;
};

static const char *kind_words(enum sqlite_relation kind)
{
    switch (kind) {
    case RELATION_VIEW:
        return "view";
    case RELATION_WITHOUT_ROWID:
        return "table without rowid";
    case RELATION_VIRTUAL:
        return "virtual table";
    default:
        return "table";
    }
}

static status describe_column(struct listing *listing, const struct sqlite_table *table, size_t i,
                              struct source_column *out, struct error *err)
{
    const struct sqlite_column *column = &table->columns[i];
    const char *index = NULL;
    *out = (struct source_column){.name = column->name,
                                  .declared_type = column->declared,
                                  .type = column->type,
                                  .nullable = column->nullable,
                                  .key_position = column->key_position,
                                  .usable_key = sqlite_usable_key(column->type)};
    TRY(sqlite_table_index(listing->db, table, i, &listing->catalog->arena, &index, err));
    out->indexed = index != NULL || table->rowid_column == i;
    return STATUS_OK;
}

static status estimate(struct listing *listing, const struct sqlite_table *table,
                       struct source_stream *out, struct error *err)
{
    struct btree_hints hints;
    TRY(btree_read_hints(listing->db, table->root_page, &hints, err));
    out->rows = (uint64_t)hints.rows;
    out->bytes = (uint64_t)(hints.pages * (double)listing->page_size);
    btree_hints_release(&hints);
    return STATUS_OK;
}

/* What a user has to know before reading it. */
static const char *note_on(const struct sqlite_table *table, struct arena *arena)
{
    struct text note = {0};
    if (table->kind == RELATION_VIEW || table->kind == RELATION_VIRTUAL)
        text_append(&note, "read in one split");
    else if (table->kind == RELATION_TABLE && !table->rowid)
        text_append(&note, "columns hide every name of the rowid: read in one split");
    for (size_t i = 0; i < table->n_columns; i++) {
        if (!table->columns[i].known)
            text_printf(&note, "%scolumn \"%s\" has %s%s: text unless the job names a type",
                        note.size ? "; " : "", table->columns[i].name,
                        table->columns[i].declared[0] ? "the unknown declared type "
                                                      : "no declared type",
                        table->columns[i].declared);
    }
    const char *kept = note.size ? arena_strdup(arena, text_string(&note)) : NULL;
    text_release(&note);
    return kept;
}

static status describe(struct listing *listing, const char *name, struct source_stream *out,
                       struct error *err)
{
    struct arena *arena = &listing->catalog->arena;
    struct read_request request = {.stream = name};
    struct sqlite_table table;
    *out = (struct source_stream){.name = name, .kind = "view", .rows = 0};
    struct error why = {0};
    status_code s = sqlite_table_describe(listing->db, &request, arena, &table, &why);
    if (s == STATUS_BAD_CONFIG) { /* a view of a table that is gone must not hide the others */
        out->note = arena_printf(arena, "can't be read: %s", why.text);
        return STATUS_OK;
    }
    if (s != STATUS_OK) {
        if (err)
            *err = why;
        return s;
    }
    out->kind = kind_words(table.kind);
    out->n_columns = table.n_columns;
    out->columns = arena_alloc(arena, (table.n_columns + 1) * sizeof(*out->columns));
    if (!out->columns)
        return error_no_memory(err);
    for (size_t i = 0; i < table.n_columns; i++)
        TRY(describe_column(listing, &table, i, &out->columns[i], err));
    out->note = note_on(&table, arena);
    return estimate(listing, &table, out, err);
}

static status grow(struct listing *listing, struct error *err)
{
    struct source_catalog *catalog = listing->catalog;
    if (catalog->n_streams < listing->capacity)
        return STATUS_OK;
    size_t capacity = listing->capacity ? listing->capacity * 2 : 16;
    struct source_stream *streams = arena_alloc(&catalog->arena, capacity * sizeof(*streams));
    if (!streams)
        return error_no_memory(err);
    for (size_t i = 0; i < catalog->n_streams; i++)
        streams[i] = catalog->streams[i];
    catalog->streams = streams;
    listing->capacity = capacity;
    return STATUS_OK;
}

static status list_all(struct listing *listing, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(sqlite_number(listing->db, "PRAGMA main.page_size", &listing->page_size, err));
    TRY(sqlite_prepare(listing->db,
                       "SELECT name FROM pragma_table_list WHERE schema = 'main'"
                       " AND type IN ('table', 'view', 'virtual')"
                       " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
                       &statement, err));
    for (;;) {
        const char *name;
        status_code s = sqlite_step(statement, err);
        if (s == STATUS_END)
            return STATUS_OK;
        TRY(s);
        TRY(sqlite_copy_text(statement, 0, &listing->catalog->arena, &name, err));
        TRY(grow(listing, err));
        TRY(describe(listing, name, &listing->catalog->streams[listing->catalog->n_streams], err));
        listing->catalog->n_streams++;
    }
}

status sqlite_discover(struct source *source, struct source_catalog *out, struct error *err)
{
    SCOPED(source_catalog_release) struct source_catalog catalog = {0};
    struct listing listing = {.db = source->db, .catalog = &catalog};
    TRY(sqlite_exec(source->db, "BEGIN", err)); /* one state for the whole list */
    status_code s = list_all(&listing, err);
    sqlite3_exec(source->db, "ROLLBACK", NULL, NULL, NULL);
    TRY_IN(s, err, "in %s", source->path);
    *out = catalog;
    catalog = (struct source_catalog){0};
    return STATUS_OK;
}
