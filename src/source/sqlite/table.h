/* What a stream reads from: a table, view or query of the user's, described from SQLite's catalog. */
#ifndef LEAT_SOURCE_SQLITE_TABLE_H
#define LEAT_SOURCE_SQLITE_TABLE_H

#include "batch/schema.h"
#include "source/select.h"
#include "source/source.h"
#include "source/sqlite/connection.h"

enum sqlite_relation {
    RELATION_TABLE,
    RELATION_WITHOUT_ROWID,
    RELATION_VIEW,
    RELATION_VIRTUAL,
    RELATION_QUERY,
};

struct sqlite_column {
    const char *name;
    const char *declared; /* "" none */
    struct type type;     /* of the declared type */
    bool known;           /* the declared type is in the table of names */
    bool nullable;
    int32_t key_position; /* 1.. in the primary key */
    int cid;
};

/* Strings live in the arena it was described in. */
struct sqlite_table {
    enum sqlite_relation kind;
    const char *name;  /* NULL: query */
    const char *label; /* for messages: table main.orders, view main.v, query */
    const char *from;  /* SQL behind FROM, quoted */
    struct sqlite_column *columns;
    size_t n_columns;
    struct column_names names; /* of the columns */
    const char *rowid;         /* SQL that names the row's id; NULL: none */
    size_t rowid_column;       /* the column that is the rowid (INTEGER PRIMARY KEY), or SIZE_MAX */
    int64_t root_page;         /* of a table with rowid; else 0 */
};

/* Describe REQUEST's stream or query. BAD_CONFIG: no such table (with the nearest name), or the query is
 * not one reading statement. */
status sqlite_table_describe(sqlite3 *db, const struct read_request *request, struct arena *arena,
                             struct sqlite_table *out, struct error *err);
/* An index whose first column is COLUMN, in order of its values, and that holds every row (not partial);
 * NULL: none. Of several the one with the fewest columns. */
status sqlite_table_index(sqlite3 *db, const struct sqlite_table *table, size_t column,
                          struct arena *arena, const char **out_name, struct error *err);
/* A copy of a text column, or an error. */
status sqlite_copy_text(sqlite3_stmt *statement, int column, struct arena *arena, const char **out,
                        struct error *err);
/* TEXT's string into ARENA; NO_MEMORY also if TEXT lost something. */
status sqlite_keep(const struct text *text, struct arena *arena, const char **out,
                   struct error *err);

#endif
