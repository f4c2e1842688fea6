#include <math.h>
#include <stdio.h>
#include <string.h>

#include "source/sqlite/declared_type.h"
#include "source/sqlite/key.h"
#include "source/sqlite/page_rows.h"
#include "source/sqlite/splits.h"
#include "source/sqlite/sqlite.h"
#include "source/sqlite/value.h"

enum {
    /* An index is taken for new rows as long as they are this small a share: rows come one by one through it. */
    INDEX_SHARE = 10,
    INDEX_ROWS_ALWAYS = 10000,
    COUNT_UP_TO = 200000, /* tables that are estimated smaller are counted: a few ms */
};

/* Everything a plan is made of, on its way. */
struct planning {
    sqlite3 *db;
    const struct read_request *request;
    struct read_plan *plan;
    struct sqlite_table table;
    size_t *picked; /* columns of the table in the order of the schema */
    size_t n_picked;
    bool has_key;
    struct sqlite_key key;
    bool by_index;
    struct sqlite_cuts cuts;
    struct split_steps steps; /* of the splits that the cuts make */
};

/* ---- the schema ---- */

static status add_field(struct planning *p, const struct sqlite_column *column, struct error *err)
{
    char id[32], text[64];
    const struct column_request *asked =
        column_request_find(p->request, column->name, sqlite3_stricmp);
    struct field field = {.name = column->name,
                          .type = asked && asked->has_type ? asked->type : column->type,
                          .nullable = column->nullable || (asked && asked->on_error == POLICY_NULL),
                          .source_id = id,
                          .source_type = column->declared};
    if (asked && asked->on_error == POLICY_TEXT)
        field.type = (struct type){.id = TYPE_UTF8};
    snprintf(id, sizeof(id), "cid:%d", column->cid);
    if (!value_append_for(field.type))
        return error_set(err, STATUS_BAD_CONFIG, "column \"%s\": no rule makes %s of SQLite values",
                         column->name, type_text(field.type, text));
    return schema_append(&p->plan->schema, &field, err);
}

static status make_schema(struct planning *p, struct error *err)
{
    TRY(select_columns(&p->table.names, p->request, &p->plan->arena, &p->picked, &p->n_picked,
                       err));
    for (size_t i = 0; i < p->n_picked; i++) {
        const struct sqlite_column *column = &p->table.columns[p->picked[i]];
        const struct column_request *asked =
            column_request_find(p->request, column->name, sqlite3_stricmp);
        TRY(add_field(p, column, err));
        if (column->known || (asked && asked->has_type))
            continue;
        TRY(read_plan_note(
            p->plan,
            arena_printf(&p->plan->arena,
                         "column \"%s\" has %s%s: read as text (columns: {%s: {type: ...}} "
                         "names another type)",
                         column->name,
                         column->declared[0] ? "the unknown declared type " : "no declared type",
                         column->declared, column->name),
            err));
    }
    return STATUS_OK;
}

/* The condition must be an expression that stays inside its parentheses and only reads. */
static status check_where(const struct planning *p, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *alone = NULL;
    SCOPED(sqlite_finalizep) sqlite3_stmt *inside = NULL;
    SCOPED(text_release) struct text sql = {0};
    const char *where = p->request->where;
    if (!where)
        return STATUS_OK;
    text_printf(&sql, "SELECT 1 FROM %s WHERE\n%s\n", p->table.from, where);
    TRY(text_check(&sql, err));
    const char *tail = NULL;
    int rc = sqlite3_prepare_v3(p->db, text_string(&sql), -1, 0, &alone, &tail);
    if (rc != SQLITE_OK)
        return sqlite_fail(p->db, rc, err, "where: \"%.300s\" is not a condition", where);
    if (strspn(tail, " \t\r\n") != strlen(tail) || !sqlite3_stmt_readonly(alone))
        return error_set(err, STATUS_BAD_CONFIG, "where: \"%.300s\" is more than one condition",
                         where);
    text_release(&sql);
    text_printf(&sql, "SELECT 1 FROM %s WHERE (\n%s\n)", p->table.from, where);
    TRY(text_check(&sql, err));
    rc = sqlite3_prepare_v3(p->db, text_string(&sql), -1, 0, &inside, NULL);
    if (rc != SQLITE_OK)
        return sqlite_fail(p->db, rc, err, "where: \"%.300s\" is not one condition", where);
    return STATUS_OK;
}

/* ---- the watermark ---- */

static status examine_key(struct planning *p, struct error *err)
{
    struct read_plan *plan = p->plan;
    plan->update_key = SIZE_MAX;
    plan->bound.is_null = true;
    if (!p->request->update_key)
        return STATUS_OK;
    size_t column;
    TRY(select_key(&p->table.names, p->request->update_key, p->picked, p->n_picked, &column,
                   &plan->update_key, err));
    struct type type = plan->schema.fields[plan->update_key].type;
    TRY(sqlite_key_examine(p->db, &p->table, p->request, column, type, &plan->arena, &p->key, err));
    p->has_key = true;
    plan->bound = p->key.bound;
    plan->bound_is_fence = false;
    return STATUS_OK;
}

/* ---- splits ---- */

/* Rows that FILTER lets through, counted along the index, LIMIT at most. */
static status count_new(struct planning *p, uint64_t limit, uint64_t *out, struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql, "SELECT count(*) FROM (SELECT 1 FROM %s INDEXED BY ", p->table.from);
    sqlite_quote(&sql, p->key.index);
    text_printf(&sql, " WHERE %s LIMIT %llu)", p->key.filter, (unsigned long long)limit);
    TRY(text_check(&sql, err));
    int64_t count;
    TRY(sqlite_number(p->db, text_string(&sql), &count, err));
    *out = (uint64_t)count;
    return STATUS_OK;
}

static status try_index(struct planning *p, uint64_t split_rows, struct error *err)
{
    if (!p->has_key || !p->key.filter || !p->key.index)
        return STATUS_OK;
    uint64_t limit = (uint64_t)p->cuts.rows / INDEX_SHARE;
    if (limit < INDEX_ROWS_ALWAYS)
        limit = INDEX_ROWS_ALWAYS;
    uint64_t rows;
    TRY(count_new(p, limit + 1, &rows, err));
    if (rows > limit)
        return STATUS_OK;
    double bytes = p->cuts.rows > 0 ? p->cuts.bytes * (double)rows / p->cuts.rows : 0;
    TRY(sqlite_cut_by_index(p->db, &p->table, p->key.column, p->key.index, p->key.filter, rows,
                            split_rows, &p->plan->arena, &p->cuts, err));
    p->by_index = true;
    p->cuts.bytes = bytes;
    p->plan->rows_exact = !p->request->where;
    return STATUS_OK;
}

static status count_small(struct planning *p, struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    bool table = p->table.kind == RELATION_TABLE || p->table.kind == RELATION_WITHOUT_ROWID;
    if (!table || p->request->where || (p->has_key && p->key.filter) || p->cuts.rows > COUNT_UP_TO)
        return STATUS_OK;
    text_printf(&sql, "SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d)", p->table.from,
                2 * COUNT_UP_TO);
    TRY(text_check(&sql, err));
    int64_t rows;
    TRY(sqlite_number(p->db, text_string(&sql), &rows, err));
    p->cuts.rows = (double)rows;
    p->plan->rows_exact = rows < 2 * COUNT_UP_TO;
    return STATUS_OK;
}

static void scalar_words(const struct scalar *scalar, struct text *out)
{
    if (scalar->type.id == TYPE_UTF8)
        text_printf(out, "'%.*s'", (int)scalar->size, scalar->bytes);
    else
        text_printf(out, "%lld", (long long)scalar->i64);
}

static status name_split(const struct planning *p, struct split *split, struct error *err)
{
    SCOPED(text_release) struct text text = {0};
    const char *key = p->cuts.key_text ? p->cuts.key_text : "";
    if (split->lower.is_null && split->upper.is_null) {
        text_append(&text, "all rows");
    } else {
        text_append(&text, key);
        text_append(&text, split->lower.is_null ? " < " : split->upper.is_null ? " >= " : " in [");
        if (!split->lower.is_null)
            scalar_words(&split->lower, &text);
        if (!split->lower.is_null && !split->upper.is_null)
            text_append(&text, ", ");
        if (!split->upper.is_null)
            scalar_words(&split->upper, &text);
        if (!split->lower.is_null && !split->upper.is_null)
            text_append(&text, ")");
    }
    return sqlite_keep(&text, &p->plan->arena, &split->text, err);
}

static status make_splits(struct planning *p, struct error *err)
{
    struct read_plan *plan = p->plan;
    plan->n_splits = p->cuts.n_cuts + 1;
    plan->splits = arena_alloc(&plan->arena, plan->n_splits * sizeof(*plan->splits));
    if (!plan->splits)
        return error_no_memory(err);
    struct scalar open_end = {.type = {.id = TYPE_INT64}, .is_null = true};
    if (split_steps_count(&p->steps) != plan->n_splits)
        p->steps = (struct split_steps){.whole = plan->n_splits};
    for (size_t i = 0; i < plan->n_splits; i++) {
        double share = split_steps_at(&p->steps, i + 1) - split_steps_at(&p->steps, i);
        struct split *split = &plan->splits[i];
        split->number = (uint32_t)i;
        split->lower = i == 0 ? open_end : p->cuts.cuts[i - 1];
        split->upper = i == p->cuts.n_cuts ? open_end : p->cuts.cuts[i];
        split->rows = (uint64_t)(p->cuts.rows * share);
        split->cut_short = i >= p->steps.whole;
        TRY(name_split(p, split, err));
    }
    plan->rows = (uint64_t)p->cuts.rows;
    plan->bytes = (uint64_t)p->cuts.bytes;
    return STATUS_OK;
}

/* The cuts are as fine as a split may be; keep so many that a split has the rows that the request aims at. */
static void thin_cuts(struct planning *p, uint64_t least_rows)
{
    enum { FINE = 8 }; /* a quarter of a split has two */
    size_t finest = p->cuts.n_cuts + 1;
    double wanted = read_request_split_rows(p->request, p->cuts.rows);
    if (wanted < 1)
        wanted = (double)least_rows;
    size_t n = (size_t)ceil(p->cuts.rows / wanted - 1e-6); /* of splits */
    if (n < 1)
        n = 1;
    if (n >= finest)
        return;
    p->steps = (struct split_steps){.whole = n};
    if (finest / n >= FINE)
        p->steps = split_steps_of(p->request, n);
    n = split_steps_count(&p->steps);
    for (size_t i = 1; i < n; i++)
        p->cuts.cuts[i - 1] =
            p->cuts.cuts[(size_t)(split_steps_at(&p->steps, i) * (double)finest) - 1];
    p->cuts.n_cuts = n - 1;
}

static status cut(struct planning *p, struct error *err)
{
    uint64_t split_rows = p->request->split_rows ? p->request->split_rows : 1000000;
    bool from_rowid = p->has_key && p->key.is_rowid && p->request->lower;
    const int64_t *from = from_rowid ? &p->request->lower->i64 : NULL;
    TRY(sqlite_cut_by_rowid(p->db, &p->table, from, split_rows, &p->plan->arena, &p->cuts, err));
    TRY(try_index(p, split_rows, err));
    thin_cuts(p, split_rows);
    TRY(count_small(p, err));
    return make_splits(p, err);
}

/* ---- what the readers run ---- */

/* Behind the fields come the columns that tell a row in messages: the rowid, or the primary key. */
static void select_list(const struct planning *p, struct text *sql)
{
    text_append(sql, "SELECT ");
    for (size_t i = 0; i < p->n_picked; i++) {
        text_append(sql, i ? ", " : "");
        sqlite_quote(sql, p->table.columns[p->picked[i]].name);
    }
    if (p->table.rowid)
        text_printf(sql, ", %s", p->table.rowid);
    for (size_t i = 0; p->table.kind == RELATION_WITHOUT_ROWID && i < p->table.n_columns; i++) {
        if (p->table.columns[i].key_position > 0) {
            text_append(sql, ", ");
            sqlite_quote(sql, p->table.columns[i].name);
        }
    }
}

static status make_statement(struct planning *p, struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    select_list(p, &sql);
    text_printf(&sql, " FROM %s", p->table.from);
    if (p->by_index) {
        text_append(&sql, " INDEXED BY ");
        sqlite_quote(&sql, p->key.index);
    } else if (p->table.kind == RELATION_TABLE && !p->request->where) {
        text_append(&sql, " NOT INDEXED"); /* in order of rowid, whatever the filter could use */
    }
    text_append(&sql, " WHERE 1");
    if (p->has_key && p->key.filter)
        text_printf(&sql, " AND %s", p->key.filter);
    if (p->request->where)
        text_printf(&sql, " AND (\n%s\n)", p->request->where);
    p->plan->split_key = p->cuts.n_cuts ? p->cuts.key : NULL;
    return sqlite_keep(&sql, &p->plan->arena, &p->plan->statement, err);
}

/* What stands against reading the pages; NULL: nothing so far. */
static const char *why_not_pages(const struct planning *p, const struct source *source)
{
    if (source->way == READ_SQL)
        return "as the job asks";
    if (p->table.kind != RELATION_TABLE)
        return "it is not a table with rowids";
    if (p->request->where)
        return "where: is SQL";
    if (p->by_index)
        return "by an index";
    if (p->has_key && p->key.filter && !p->key.is_rowid)
        return "the update_key is not the rowid";
    if (!p->table.rowid || p->table.root_page < 2 || p->table.root_page > UINT32_MAX)
        return "its rowid has no name";
    return source->snapshot.pages.unusable;
}

/* The pages of the table, or SQL: the sentence about consistency says it, with the reason. */
static status choose_way(struct planning *p, const struct source *source, struct error *err)
{
    struct read_plan *plan = p->plan;
    const struct page_plan *pages = NULL;
    const char *why = why_not_pages(p, source);
    const int64_t *first =
        p->has_key && p->key.filter && p->request->lower ? &p->request->lower->i64 : NULL;
    if (!why)
        TRY(page_plan_make(p->db, &p->table, p->picked, p->n_picked, first, &plan->arena, &pages,
                           &why, err));
    if (why && source->way == READ_PAGES)
        return error_set(err, STATUS_BAD_CONFIG,
                         "read: pages, but they can't be read: %s; read: auto takes SQL then", why);
    plan->driver = pages;
    plan->consistency =
        why ? arena_printf(&plan->arena, "%s; read: sql (%s)", source->snapshot.consistency, why)
            : arena_printf(&plan->arena, "%s; read: pages", source->snapshot.consistency);
    return plan->consistency ? STATUS_OK : error_no_memory(err);
}

static status copy_facts(struct planning *p, const struct source *source, struct error *err)
{
    struct read_plan *plan = p->plan;
    const struct sqlite_snapshot *snapshot = &source->snapshot;
    int64_t today;
    TRY(sqlite_number(p->db, "SELECT CAST(strftime('%s', date('now')) AS INTEGER) / 86400", &today,
                      err));
    plan->today = (int32_t)today;
    plan->relation = arena_strdup(&plan->arena, p->table.label);
    plan->source_identity = arena_strdup(&plan->arena, source->identity);
    plan->held_bytes = page_map_bytes(&snapshot->pages);
    plan->max_readers = snapshot->n_readers;
    if (snapshot->token) {
        plan->token = arena_strdup(&plan->arena, snapshot->token);
        if (!plan->token)
            return error_no_memory(err);
    }
    if (snapshot->note)
        TRY(read_plan_note(p->plan, arena_strdup(&plan->arena, snapshot->note), err));
    if (!plan->relation || !plan->source_identity)
        return error_no_memory(err);
    return STATUS_OK;
}

static status key_notes(struct planning *p, struct error *err)
{
    if (!p->has_key || p->key.is_rowid || p->key.index)
        return STATUS_OK;
    return read_plan_note(
        p->plan,
        arena_printf(&p->plan->arena,
                     "no index starts with the update_key \"%s\": every run looks at all rows",
                     p->request->update_key),
        err);
}

static status make_plan(struct planning *p, const struct source *source, struct error *err)
{
    TRY(copy_facts(p, source, err));
    TRY(make_schema(p, err));
    TRY(check_where(p, err));
    TRY(examine_key(p, err));
    TRY(key_notes(p, err));
    TRY(cut(p, err));
    TRY(choose_way(p, source, err));
    return make_statement(p, err);
}

status sqlite_plan(struct source *source, const struct read_request *request, struct read_plan *out,
                   struct error *err)
{
    bool first = !source->snapshot.fixed;
    SCOPED(read_plan_release) struct read_plan plan = {0};
    TRY(snapshot_fix(&source->snapshot, &source->options, request->max_readers, err));
    struct planning planning = {
        .db = snapshot_plan_begin(&source->snapshot), .request = request, .plan = &plan};
    status_code s = sqlite_table_describe(planning.db, request, &plan.arena, &planning.table, err);
    if (s == STATUS_OK)
        s = make_plan(&planning, source, err);
    snapshot_plan_done(&source->snapshot);
    if (s != STATUS_OK) {
        if (first)
            snapshot_end(&source->snapshot);
        return s;
    }
    *out = plan;
    plan = (struct read_plan){0}; /* the caller's now */
    return STATUS_OK;
}

/* ---- newest ---- */

status sqlite_newest(struct source *source, const struct read_request *request, struct arena *arena,
                     struct scalar *out, struct error *err)
{
    SCOPED(sqlite_disconnectp) sqlite3 *db = NULL;
    struct sqlite_table table;
    struct type type;
    if (!request->update_key)
        return error_set(err, STATUS_BAD_CONFIG, "no update_key, so nothing is the newest");
    TRY(sqlite_source_connect(source, &db, err));
    TRY(sqlite_table_describe(db, request, arena, &table, err));
    size_t column;
    TRY(column_names_need(&table.names, request->update_key, "update_key", &column, err));
    const struct column_request *asked =
        column_request_find(request, request->update_key, sqlite3_stricmp);
    type = asked && asked->has_type ? asked->type : table.columns[column].type;
    return sqlite_key_newest(db, &table, request, column, type, arena, out, err);
}
