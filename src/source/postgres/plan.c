#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/postgres/fence.h"
#include "source/postgres/newest.h"
#include "source/postgres/numeric_scan.h"
#include "source/postgres/overlap.h"
#include "source/postgres/postgres.h"
#include "source/postgres/splits.h"
#include "source/postgres/statement.h"
#include "source/postgres/table.h"
#include "source/postgres/unchanged.h"
#include "source/postgres/xmin.h"

enum {
    FEW_ROWS = 100000,
};

enum { MOST_SNAPSHOTS = 4 }; /* taken by one plan for tables that others change meanwhile */

/* Everything a plan is made of, on its way. */
struct planning {
    struct source *source;
    PGconn *conn; /* in the snapshot */
    const struct read_request *request;
    struct read_plan *plan;
    struct postgres_table table;
    size_t *picked; /* columns of the table in the order of the schema */
    struct wire_type *wires;
    size_t n_picked;
    struct postgres_column *key; /* of the update_key; NULL: none */
    struct fence fence;
    bool by_xmin; /* the update_key is no column, but what wrote the row */
    struct xmin_range xmin;
    bool by_index;
    const char **ranges; /* conditions of the splits, if they are cut by a key */
};

/* ---- which columns ---- */

static status add_field(struct planning *p, size_t i, struct error *err)
{
    const struct postgres_column *column = &p->table.columns[p->picked[i]];
    const struct column_request *asked = column_request_find(p->request, column->name, strcmp);
    struct wire_type *wire = &p->wires[i];
    char id[48];
    *wire = column->wire;
    if (asked && asked->has_type)
        TRY_IN(wire_type_as(&column->wire, asked->type, &p->plan->arena, wire, err), err,
               "%s: column \"%s\"", asked->where ? asked->where : "columns", column->name);
    else if (asked && asked->on_error == POLICY_TEXT && wire->type.id != TYPE_UTF8)
        *wire = (struct wire_type){.form = WIRE_TEXT, .type = {.id = TYPE_UTF8}, .cast = "text"};
    else if (column->wire.why)
        TRY(read_plan_note(p->plan,
                           arena_printf(&p->plan->arena, "column \"%s\" (%s): %s", column->name,
                                        column->declared, column->wire.why),
                           err));
    struct field field = {.name = column->name,
                          .nullable = column->nullable || (asked && asked->on_error == POLICY_NULL),
                          .source_type = column->declared};
    snprintf(id, sizeof(id), "%u.%d", p->table.oid, column->attnum);
    if (column->attnum > 0)
        field.source_id = id;
    TRY(wire_type_field(wire, &p->plan->arena, &field, err));
    return schema_append(&p->plan->schema, &field, err);
}

static status make_schema(struct planning *p, struct error *err)
{
    TRY(select_columns(&p->table.names, p->request, &p->plan->arena, &p->picked, &p->n_picked,
                       err));
    if (p->source->scan_numerics)
        TRY(numeric_scan(p->conn, p->request, &p->table, p->picked, p->n_picked, &p->plan->arena,
                         err));
    p->wires = arena_alloc(&p->plan->arena, p->n_picked * sizeof(*p->wires));
    if (!p->wires)
        return error_no_memory(err);
    for (size_t i = 0; i < p->n_picked; i++)
        TRY(add_field(p, i, err));
    return STATUS_OK;
}

/* ---- the watermark ---- */

static bool is_key_type(struct type type)
{
    switch (type.id) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
        return true;
    default:
        return false;
    }
}

static status find_key(struct planning *p, struct error *err)
{
    const char *name = p->request->update_key;
    p->plan->update_key = SIZE_MAX;
    p->plan->bound.is_null = true;
    if (!name)
        return STATUS_OK;
    p->by_xmin = xmin_is_key(&p->table, name);
    if (p->by_xmin) {
        const char *why = xmin_doubt(&p->table);
        return why ? error_set(err, STATUS_BAD_CONFIG, "update_key: %s has no xmin: %s",
                               p->table.label, why)
                   : STATUS_OK;
    }
    size_t column;
    TRY(select_key(&p->table.names, name, p->picked, p->n_picked, &column, &p->plan->update_key,
                   err));
    p->key = &p->table.columns[column];
    /* the server compares the column as it is, the pipeline as the job wants it */
    if (is_key_type(p->key->wire.type) && is_key_type(p->wires[p->plan->update_key].type))
        return STATUS_OK;
    return error_set(err, STATUS_BAD_CONFIG,
                     "update_key: column \"%s\" is %s; a watermark needs an integer, a date or a "
                     "timestamp",
                     name, p->key->declared);
}

static status refuse_nulls(struct planning *p, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text sql = {0};
    if (!p->key->nullable || p->request->nulls_ok)
        return STATUS_OK;
    text_printf(&sql, "SELECT count(*) FROM %s WHERE ", p->table.from);
    postgres_quote(&sql, p->key->name);
    text_append(&sql, " IS NULL");
    if (p->request->where)
        text_printf(&sql, " AND (\n%s\n)", p->request->where);
    TRY(text_check(&sql, err));
    TRY(postgres_query(p->conn, text_string(&sql), &result, err));
    const char *count = libpq.PQgetvalue(result, 0, 0);
    if (strcmp(count, "0") == 0)
        return STATUS_OK;
    return error_set(
        err, STATUS_BAD_DATA,
        "%s rows have no \"%s\", so no watermark can tell whether they are loaded; give them "
        "one, leave them out with `where`, or set on_null_key: include",
        count, p->key->name);
}

static status settle_bound(struct planning *p, struct error *err)
{
    struct read_plan *plan = p->plan;
    if (p->by_xmin) {
        TRY(xmin_plan(p->conn, p->request->lower, &plan->arena, &p->xmin, err));
        plan->bound = p->xmin.bound;
        plan->bound_is_fence = true;
        return read_plan_note(p->plan, p->xmin.note, err);
    }
    if (!p->key)
        return STATUS_OK;
    TRY(refuse_nulls(p, err));
    if (p->request->bound_known)
        return STATUS_OK;
    TRY(fence_bound(p->source, p->conn, &p->table, p->key, p->request, &plan->arena, &p->fence,
                    err));
    plan->bound = p->fence.value;
    plan->bound_is_fence = p->fence.is_fence;
    plan->bound_held = p->fence.held;
    plan->bound_wants_help = p->fence.wants_help;
    plan->bound_leaves = p->fence.leaves;
    plan->fence_state = p->fence.state;
    plan->fence_state_due = p->fence.state_due;
    if (p->fence.note)
        TRY(read_plan_note(p->plan, p->fence.note, err));
    if (!p->fence.is_fence)
        return fence_largest(p->conn, &p->table, p->key, p->request->where, p->key->wire.type,
                             &plan->arena, &plan->bound, err);
    if (!plan->bound.is_null && p->request->lower &&
        scalar_compare(&plan->bound, p->request->lower) < 0)
        plan->bound.is_null = true; /* an old transaction is open: nothing is ready yet */
    return STATUS_OK;
}

/* ---- what the readers run ---- */

static status make_where(struct planning *p, struct text *where, struct error *err)
{
    const struct read_request *request = p->request;
    struct read_plan *plan = p->plan;
    SCOPED(text_release) struct text conditions = {0};
    if (p->by_xmin)
        text_append(&conditions, p->xmin.condition);
    if (p->key && (request->lower || plan->bound_is_fence)) {
        SCOPED(text_release) struct text range = {0};
        if (request->lower) {
            postgres_quote(&range, p->key->name);
            text_append(&range, " >= ");
            TRY(fence_literal(request->lower, p->key, &range, err));
        }
        if (plan->bound_is_fence && plan->bound.is_null) {
            text_append(&range, range.size ? " AND false" : "false");
        } else if (plan->bound_is_fence) {
            text_append(&range, range.size ? " AND " : "");
            postgres_quote(&range, p->key->name);
            text_append(&range, " < ");
            TRY(fence_literal(&plan->bound, p->key, &range, err));
        }
        text_append(&conditions, text_string(&range));
        /* while the bound is held, each run would read them again */
        if (request->nulls_ok && !request->lower && range.size > 0 && !plan->bound_held) {
            text_append(&conditions, " OR ");
            postgres_quote(&conditions, p->key->name);
            text_append(&conditions, " IS NULL");
        }
    }
    if (conditions.size > 0)
        text_printf(where, " WHERE (%s)", text_string(&conditions));
    if (request->where)
        text_printf(where, "%s(\n%s\n)", where->size ? " AND " : " WHERE ", request->where);
    return text_check(where, err);
}

static void make_select(const struct planning *p, struct text *sql)
{
    text_append(sql, "SELECT ");
    for (size_t i = 0; i < p->n_picked; i++) {
        text_append(sql, i ? ", " : "");
        postgres_quote(sql, p->table.columns[p->picked[i]].name);
        if (p->wires[i].cast)
            text_printf(sql, "::%s", p->wires[i].cast);
    }
    text_append(sql, " FROM ");
}

static status make_statement(struct planning *p, const char *where, struct error *err)
{
    SCOPED(text_release) struct text statement = {0};
    SCOPED(text_release) struct text forms = {0};
    SCOPED(text_release) struct text select = {0};
    const char *encoding = libpq.PQparameterStatus(p->conn, "server_encoding");
    for (size_t i = 0; i < p->n_picked; i++)
        wire_form_write(&p->wires[i], &forms);
    make_select(p, &select);
    TRY(text_check(&forms, err));
    TRY(text_check(&select, err));
    statement_add(&statement, text_string(&forms));
    statement_add(&statement, encoding && strcmp(encoding, "SQL_ASCII") == 0 ? "check" : "server");
    statement_add(&statement, text_string(&select));
    statement_add(&statement, where);
    bool by_blocks = p->plan->split_key && !p->ranges;
    for (size_t i = 0; by_blocks && i < p->table.n_parts; i++)
        statement_add(&statement, p->table.parts[i].from);
    if (!by_blocks)
        statement_add(&statement, p->table.from);
    for (size_t i = 0; p->ranges && i < p->plan->n_splits; i++)
        statement_add(&statement, p->ranges[i]);
    return postgres_keep(&statement, &p->plan->arena, &p->plan->statement, err);
}

/* ---- splits ---- */

static status cut(struct planning *p, const char *where, struct error *err)
{
    SCOPED(text_release) struct text select = {0};
    make_select(p, &select);
    TRY(text_check(&select, err));
    struct cutting cutting = {
        .conn = p->conn,
        .request = p->request,
        .table = &p->table,
        .update_key = p->key,
        .select = text_string(&select),
        .where = where,
        .plan = p->plan,
    };
    TRY(splits_cut(&cutting, err));
    p->by_index = p->key && cutting.whole.by_index;
    p->ranges = cutting.ranges;
    return cutting.note ? read_plan_note(p->plan, cutting.note, err) : STATUS_OK;
}

/* ---- facts ---- */

static status copy_facts(struct planning *p, struct error *err)
{
    struct read_plan *plan = p->plan;
    plan->today = p->source->today;
    plan->relation = arena_strdup(&plan->arena, p->table.label);
    plan->source_identity = arena_strdup(&plan->arena, p->source->identity);
    plan->consistency = arena_printf(&plan->arena, "all connections read the exported snapshot %s",
                                     p->source->snapshot);
    uint32_t connections = (uint32_t)p->source->max_connections;
    plan->max_readers = p->request->max_readers && p->request->max_readers < connections
                            ? p->request->max_readers
                            : connections;
    if (!plan->relation || !plan->source_identity || !plan->consistency)
        return error_no_memory(err);
    return STATUS_OK;
}

/* The column at PLACE of the key, counted from 1: the job's, else the table's own. NULL: there is none. */
static const char *key_column(const struct planning *p, size_t place)
{
    const char *const *named = p->request->primary_key;
    if (named && *named) {
        for (size_t i = 1; i < place && *named; i++)
            named++;
        return *named;
    }
    for (size_t i = 0; i < p->table.n_columns; i++)
        if ((size_t)p->table.columns[i].key_position == place)
            return p->table.columns[i].name;
    return NULL;
}

static status find_row_key(struct planning *p, struct plan_watch *out, struct error *err)
{
    const struct schema *schema = &p->plan->schema;
    size_t n = 0;
    const char *name;
    out->key = arena_alloc(&p->plan->arena, schema->n_fields * sizeof(*out->key) + 1);
    if (!out->key)
        return error_no_memory(err);
    for (; n < schema->n_fields && (name = key_column(p, n + 1)); n++) {
        size_t i = 0;
        while (i < schema->n_fields && strcmp(schema->fields[i].name, name) != 0)
            i++;
        if (i == schema->n_fields)
            return STATUS_OK;
        out->key[n] = i;
    }
    out->n_key = n;
    return STATUS_OK;
}

/* From here on nobody changes what will be read; what was looked at so far is compared with it. unchanged.c */
static status hold_still(struct planning *p, struct error *err)
{
    const struct source *source = p->source;
    bool by_parts = text_equal(p->plan->split_key, "ctid"); /* named by readers in the FROM */
    if (by_parts)
        TRY(unchanged_lock_parts(p->conn, &p->table, err));
    TRY(unchanged_check(p->conn, &p->table, by_parts, err));
    if (p->key && source->before)
        TRY(unchanged_check(source->before, NULL, false, err));
    struct plan_watch *watch = arena_alloc(&p->plan->arena, sizeof(*watch));
    if (!watch)
        return error_no_memory(err);
    *watch = (struct plan_watch){0};
    TRY(find_row_key(p, watch, err));
    watch->parent = !by_parts && p->table.kind == 'p' ? p->table.oid : 0;
    p->plan->driver = watch;
    return STATUS_OK;
}

static status make_plan(struct planning *p, struct error *err)
{
    SCOPED(text_release) struct text where = {0};
    TRY(copy_facts(p, err));
    TRY(make_schema(p, err));
    TRY(find_key(p, err));
    TRY(settle_bound(p, err));
    TRY(make_where(p, &where, err));
    TRY(cut(p, text_string(&where), err));
    TRY(hold_still(p, err));
    return make_statement(p, text_string(&where), err);
}

/* A reader may have the exporter for itself if nobody else needs it. */
static void lend_exporter(struct planning *p)
{
    struct source *source = p->source;
    source->lend = !source->never_lend && source->n_plans == 0 && p->by_index &&
                   p->plan->n_splits == 1 && p->plan->rows < FEW_ROWS;
    source->n_plans++;
}

static status note_overlap(struct planning *p, struct error *err)
{
    const char *text;
    TRY(overlap_find(p->source, &p->table, &p->plan->arena, &text, err));
    TRY(overlap_remember(p->source, &p->table, err));
    return text ? read_plan_note(p->plan, text, err) : STATUS_OK;
}

static status plan_in_snapshot(struct planning *p, struct error *err)
{
    struct arena *arena = &p->plan->arena;
    TRY(postgres_table_describe(p->conn, p->request, arena, &p->table, err));
    TRY(make_plan(p, err));
    TRY(note_overlap(p, err));
    if (p->key)
        TRY(newest_remember(p->source, p->request, &p->table, p->key, err));
    lend_exporter(p);
    return STATUS_OK;
}

/* What fails in a transaction ends it, and with it the snapshot that other streams read. */
static status plan_another(struct planning *p, struct error *err)
{
    struct source *source = p->source;
    PGconn *conns[] = {p->conn, source->before != source->exporter ? source->before : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (conns[i])
            TRY(postgres_run(conns[i], "SAVEPOINT plan", err));
    }
    status_code s = plan_in_snapshot(p, err);
    for (size_t i = 0; i < 2 && s != STATUS_OK; i++) {
        if (conns[i])
            libpq.PQclear(libpq.PQexec(conns[i], "ROLLBACK TO plan"));
    }
    return s;
}

static status plan_once(struct source *source, const struct read_request *request,
                        struct read_plan *out, struct error *err)
{
    bool first = !source->exporter;
    SCOPED(read_plan_release) struct read_plan plan = {0};
    struct planning planning = {.source = source, .request = request, .plan = &plan};
    source->cancel = request->cancel;
    TRY(postgres_snapshot_fix(source, request, err));
    planning.conn = source->exporter;
    status_code s = first ? plan_in_snapshot(&planning, err) : plan_another(&planning, err);
    if (s != STATUS_OK) {
        if (first)
            postgres_snapshot_end(source);
        if (!first && s == STATUS_UNAVAILABLE && source->before &&
            !postgres_is_alive(source->before))
            s = STATUS_SNAPSHOT_LOST; /* what was there before it can't be had again */
        return first ? s : postgres_snapshot_verdict(source, s, err);
    }
    *out = plan;
    plan = (struct read_plan){0}; /* the caller's now */
    return STATUS_OK;
}

status postgres_plan(struct source *source, const struct read_request *request,
                     struct read_plan *out, struct error *err)
{
    bool first = !source->exporter;
    status_code s = plan_once(source, request, out, err);
    for (int tries = 1; tries < MOST_SNAPSHOTS && first && s != STATUS_OK; tries++) {
        if (s != STATUS_SNAPSHOT_LOST && !(tries == 1 && unchanged_names_fail(err)))
            break;
        *err = (struct error){0};
        s = plan_once(source, request, out, err);
    }
    return s;
}
