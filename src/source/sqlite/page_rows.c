#include "source/sqlite/page_rows.h"

#include <string.h>

enum { MOST_CELLS = 1 << 17 }; /* of wide tables fewer rows are a piece */

/* ---- the plan ---- */

/* SQLite, "Datatypes In SQLite", 3.1 "Determination Of Column Affinity": of the five rules the fourth. */
static bool has_real_affinity(const char *declared)
{
    static const char *const stronger[] = {"int", "char", "clob", "text", "blob"};
    static const char *const real[] = {"real", "floa", "doub"};
    char lower[256];
    size_t n = 0;
    for (; declared[n] && n + 1 < sizeof(lower); n++)
        lower[n] =
            (char)(declared[n] >= 'A' && declared[n] <= 'Z' ? declared[n] + 32 : declared[n]);
    lower[n] = '\0';
    for (size_t i = 0; i < sizeof(stronger) / sizeof(stronger[0]); i++) {
        if (strstr(lower, stronger[i]))
            return false;
    }
    for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
        if (strstr(lower, real[i]))
            return true;
    }
    return false;
}

/* What the catalog says of a table's columns, by cid. */
struct catalog {
    size_t n;
    struct catalog_column {
        uint32_t position; /* in the record; UINT32_MAX: not stored */
        bool no_default;
    } * columns;
};

static status read_catalog(sqlite3 *db, const char *table, struct arena *arena, struct catalog *out,
                           struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    int64_t n;
    TRY(sqlite_prepare(db,
                       "SELECT hidden, dflt_value IS NULL, count(*) OVER ()"
                       " FROM pragma_table_xinfo(?1, 'main') ORDER BY cid",
                       &statement, err));
    sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    uint32_t position = 0;
    for (;;) {
        status_code s = sqlite_step(statement, err);
        if (s == STATUS_END)
            return STATUS_OK;
        TRY(s);
        n = sqlite3_column_int64(statement, 2);
        if (!out->columns)
            out->columns = arena_alloc(arena, (size_t)n * sizeof(*out->columns));
        if (!out->columns)
            return error_no_memory(err);
        bool is_virtual = sqlite3_column_int(statement, 0) == 2;
        out->columns[out->n++] = (struct catalog_column){
            .position = is_virtual ? UINT32_MAX : position,
            .no_default = sqlite3_column_int(statement, 1) != 0,
        };
        position += !is_virtual;
    }
}

static status plan_column(const struct sqlite_table *table, size_t i,
                          const struct catalog_column *stored, struct arena *arena,
                          struct page_column *out, struct error *err)
{
    const struct sqlite_column *column = &table->columns[i];
    *out = (struct page_column){
        .position = stored->position,
        .real_affinity = has_real_affinity(column->declared),
        .is_rowid = i == table->rowid_column,
        .no_default = stored->no_default,
    };
    if (out->is_rowid || out->no_default)
        return STATUS_OK;
    SCOPED(text_release) struct text sql = {0};
    text_append(&sql, "SELECT ");
    sqlite_quote(&sql, column->name);
    text_printf(&sql, " FROM %s WHERE %s = ?1", table->from, table->rowid);
    return sqlite_keep(&sql, arena, &out->default_sql, err);
}

status page_plan_make(sqlite3 *db, const struct sqlite_table *table, const size_t *picked, size_t n,
                      const int64_t *first, struct arena *arena, const struct page_plan **out,
                      const char **out_why, struct error *err)
{
    struct catalog catalog = {0};
    *out = NULL;
    *out_why = NULL;
    struct page_plan *plan = arena_alloc(arena, sizeof(*plan));
    if (!plan)
        return error_no_memory(err);
    plan->columns = arena_alloc(arena, n * sizeof(*plan->columns));
    if (!plan->columns)
        return error_no_memory(err);
    TRY(read_catalog(db, table->name, arena, &catalog, err));
    for (size_t i = 0; i < n; i++) {
        size_t cid = (size_t)table->columns[picked[i]].cid;
        if (cid >= catalog.n || catalog.columns[cid].position == UINT32_MAX) {
            *out_why = "a generated column is not stored";
            return STATUS_OK;
        }
        TRY(plan_column(table, picked[i], &catalog.columns[cid], arena, &plan->columns[i], err));
        if (plan->columns[i].position >= plan->n_stored)
            plan->n_stored = plan->columns[i].position + 1;
    }
    plan->n_columns = n;
    plan->root = (uint32_t)table->root_page;
    plan->first = first ? *first : INT64_MIN;
    *out = plan;
    return STATUS_OK;
}

/* ---- open and close ---- */

static status make_shape(struct page_rows *rows, struct error *err)
{
    const struct page_plan *plan = rows->plan;
    struct record_shape *shape = &rows->shape;
    *shape = (struct record_shape){.n_columns = plan->n_columns, .n_stored = plan->n_stored};
    shape->column = arena_alloc(&rows->arena, (plan->n_stored + 1) * sizeof(*shape->column));
    shape->no_default = arena_alloc(&rows->arena, plan->n_columns * sizeof(*shape->no_default));
    if (!shape->column || !shape->no_default)
        return error_no_memory(err);
    for (size_t i = 0; i < plan->n_stored; i++)
        shape->column[i] = (uint32_t)plan->n_columns;
    for (size_t i = 0; i < plan->n_columns; i++) {
        shape->column[plan->columns[i].position] = (uint32_t)i;
        shape->no_default[i] = plan->columns[i].no_default || plan->columns[i].is_rowid;
    }
    return STATUS_OK;
}

static status bind_columns(struct page_rows *rows, const struct schema *schema,
                           const struct page_field *fields, struct error *err)
{
    size_t n = rows->plan->n_columns;
    rows->how = arena_alloc(&rows->arena, n * sizeof(*rows->how));
    rows->decode = arena_alloc(&rows->arena, n * sizeof(*rows->decode));
    rows->defaults = arena_alloc(&rows->arena, n * sizeof(*rows->defaults));
    size_t most = MOST_CELLS / (n + 1);
    rows->stride = most > PIECE_ROWS ? PIECE_ROWS : most < 1 ? 1 : most;
    rows->cells = arena_alloc(&rows->arena, (n + 1) * rows->stride * sizeof(*rows->cells));
    if (!rows->how || !rows->decode || !rows->defaults || !rows->cells)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        rows->how[i] = (struct decode_column){
            .append = fields[i].append,
            .nullable = fields[i].nullable,
            .real_affinity = rows->plan->columns[i].real_affinity,
            .is_rowid = rows->plan->columns[i].is_rowid,
        };
        rows->decode[i] = decode_for(schema->fields[i].type, &rows->how[i]);
    }
    return STATUS_OK;
}

static void page_rows_freep(struct page_rows **rows)
{
    page_rows_close(*rows);
    *rows = NULL;
}

status page_rows_open(sqlite3 *db, const struct page_map *map, const struct page_plan *plan,
                      const struct schema *schema, const struct page_field *fields,
                      const int64_t *lower, const int64_t *upper, struct page_rows **out,
                      struct error *err)
{
    SCOPED(page_rows_freep) struct page_rows *rows = mem_zalloc(sizeof(*rows));
    if (!rows)
        return error_no_memory(err);
    rows->plan = plan;
    rows->db = db;
    TRY(make_shape(rows, err));
    TRY(bind_columns(rows, schema, fields, err));
    int64_t first = lower && *lower > plan->first ? *lower : plan->first;
    int64_t last = INT64_MAX;
    bool none = upper && *upper == INT64_MIN;
    if (upper && !none)
        last = *upper - 1;
    TRY(table_scan_open(&rows->scan, db, map, plan->root, first, none ? first : last, err));
    if (none)
        rows->scan.at_end = true;
    TRY(long_record_init(&rows->long_record, &rows->scan.source, &rows->shape, err));
    *out = TAKE(rows);
    return STATUS_OK;
}

void page_rows_close(struct page_rows *rows)
{
    if (!rows)
        return;
    table_scan_close(&rows->scan);
    long_record_release(&rows->long_record);
    arena_release(&rows->arena);
    mem_free(rows);
}

/* ---- pieces ---- */

status page_rows_piece(struct page_rows *rows, size_t max, struct error *err)
{
    size_t most = max < rows->stride ? max : rows->stride;
    if (rows->end == rows->n_rows) {
        rows->first = rows->end = rows->at = rows->n_rows = 0;
        TRY(table_scan_rows(&rows->scan, rows->rows, most, &rows->n_rows, err));
    }
    rows->first = rows->at = rows->end;
    rows->is_long = rows->rows[rows->first].overflow != 0;
    rows->end = rows->first + 1;
    if (rows->is_long)
        return STATUS_OK;
    while (rows->end < rows->n_rows && rows->rows[rows->end].overflow == 0)
        rows->end++;
    return record_parse(&rows->shape, rows->rows + rows->first, rows->end - rows->first,
                        rows->scan.window, rows->cells, rows->stride, err);
}

size_t page_rows_bytes(const struct page_rows *rows)
{
    size_t bytes = 0;
    for (size_t i = rows->first; i < rows->end; i++)
        bytes += rows->rows[i].payload_bytes;
    return bytes;
}

enum decoded page_rows_decode(struct page_rows *rows, struct batch *batch, struct error *err)
{
    struct decode_rows piece = {
        .base = rows->scan.window,
        .rows = rows->rows + rows->first,
        .n = rows->end - rows->first,
    };
    if (rows->is_long || rows->at != rows->first)
        return DECODE_OTHERWISE;
    for (size_t i = 0; i < rows->plan->n_columns; i++) {
        piece.cells = rows->cells + i * rows->stride;
        enum decoded d = rows->decode[i](&batch->columns[i], &rows->how[i], &piece, err);
        if (__builtin_expect(d != DECODED, 0))
            return d;
    }
    rows->at = rows->end;
    return DECODED;
}

/* ---- row by row ---- */

status page_rows_step(struct page_rows *rows, struct error *err)
{
    if (rows->is_long)
        TRY(long_record_open(&rows->long_record, &rows->shape, &rows->rows[rows->at], err));
    rows->at++;
    return STATUS_OK;
}

int64_t page_rows_rowid(const struct page_rows *rows)
{
    return rows->rows[rows->at - 1].rowid;
}

/* The default as SQLite itself gives it in this row; it is a constant. */
static status ask_default(struct page_rows *rows, size_t column, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    struct stored_value *value = &rows->defaults[column];
    TRY(sqlite_prepare(rows->db, rows->plan->columns[column].default_sql, &statement, err));
    sqlite3_bind_int64(statement, 1, page_rows_rowid(rows));
    status_code s = sqlite_step(statement, err);
    if (s == STATUS_END)
        return page_malformed(rows->rows[rows->at - 1].page, err,
                              "SQLite does not find its rowid %lld",
                              (long long)page_rows_rowid(rows));
    TRY(s);
    struct stored_value found;
    value_of_sqlite(sqlite3_column_value(statement, 0), &found);
    if (found.kind == SQLITE_TEXT || found.kind == SQLITE_BLOB) {
        char *copy = arena_alloc(&rows->arena, found.size + 1);
        if (!copy)
            return error_no_memory(err);
        if (found.size)
            memcpy(copy, found.bytes, found.size);
        found.bytes = copy;
    }
    *value = found;
    return STATUS_OK;
}

status page_rows_value(struct page_rows *rows, size_t column, size_t most, struct stored_value *out,
                       struct error *err)
{
    const struct page_column *plan = &rows->plan->columns[column];
    record_cell cell = rows->cells[column * rows->stride + rows->at - 1 - rows->first];
    char is[32];
    uint32_t serial = rows->is_long ? rows->long_record.serials[column] : cell_serial(cell);
    if (plan->is_rowid) {
        *out = (struct stored_value){.kind = SQLITE_INTEGER, .integer = page_rows_rowid(rows)};
        return STATUS_OK;
    }
    if (serial != SERIAL_MISSING && serial_bytes(serial) > most)
        return error_set(
            err, STATUS_BAD_DATA,
            "a value of %s; the limit is far below, a third of the memory budget (--memory)",
            text_format_bytes(serial_bytes(serial), is));
    if (serial == SERIAL_MISSING) {
        if (rows->defaults[column].kind == 0)
            TRY(ask_default(rows, column, err));
        *out = rows->defaults[column];
        return STATUS_OK;
    }
    if (rows->is_long)
        return long_record_value(&rows->long_record, column, plan->real_affinity, out, err);
    record_value(rows->scan.window, cell, plan->real_affinity, out);
    return STATUS_OK;
}
