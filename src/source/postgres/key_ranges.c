/* Ranges of a key. With cuts c1 < c2 < ... < cn in the key's own order, each row is in one of
 *
 *   key < c1 | c1 <= key < c2 | ... | cn <= key | key IS NULL
 *
 * and in no other: that the cuts grow is all it takes, so they are put into order by the server itself. Where they lie is
 * a guess from statistics, and a bad one makes splits of unequal size, no more. */
#include <stdlib.h>
#include <string.h>

#include "source/postgres/fence.h"
#include "source/postgres/splits.h"

enum { MOST_RANGES = 1024, LEAST_ROWS = 100000 };

/* Looking for the ends of a key may cost so much of reading all, and all ranges together so many times as much. */
static const double ends_may_cost = 0.1, ranges_may_cost = 3;

struct cuts {
    PGresult *values; /* in the order of the key, each once */
    size_t n;
};

static void cuts_release(struct cuts *cuts)
{
    libpq.PQclear(cuts->values);
}

bool splits_key_usable(const struct postgres_column *column)
{
    switch (column->wire.type.id) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
    case TYPE_UUID:
        return !column->wire.cast;
    default:
        return false;
    }
}

/* ---- where to cut ---- */

static status take_cuts(PGconn *conn, const struct text *sql, const char *const *values, int n,
                        struct cuts *out, struct error *err)
{
    TRY(text_check(sql, err));
    TRY(postgres_query_with(conn, text_string(sql), values, n, &out->values, err));
    out->n = (size_t)libpq.PQntuples(out->values);
    return STATUS_OK;
}

/* The relations whose statistics may tell where KEY lies: the table with its parts; of a view, those with a column of
 * that name and type which it is made of. */
#define RELATIONS_OF                                                                               \
    "WITH RECURSIVE used(oid, type) AS (SELECT attrelid, atttypid FROM pg_attribute"               \
    " WHERE attrelid = ANY ($1::oid[]) AND attname = $2"                                           \
    " UNION SELECT a.attrelid, a.atttypid FROM used JOIN pg_rewrite r ON r.ev_class = used.oid"    \
    " JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND"              \
    " d.refclassid = 'pg_class'::regclass JOIN pg_attribute a ON a.attrelid = d.refobjid AND"      \
    " a.attnum = d.refobjsubid AND a.attname = $2 AND a.atttypid = used.type)"

static status statistics(struct cutting *cutting, const struct postgres_column *key,
                         const struct text *within, struct cuts *out, struct error *err)
{
    SCOPED(text_release) struct text oids = {0};
    SCOPED(text_release) struct text sql = {0};
    const struct postgres_table *table = cutting->table;
    if (!table->oid)
        return STATUS_OK;
    TRY(postgres_table_oids(table, &oids, err));
    const char *values[] = {text_string(&oids), key->name};
    text_printf(&sql,
                RELATIONS_OF
                " SELECT k FROM (SELECT DISTINCT v::%s AS k FROM used JOIN pg_class c USING (oid)"
                " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_stats s ON"
                " s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = $2,"
                " unnest(s.histogram_bounds::text::text[]) v) bounds%s ORDER BY k",
                key->declared, text_string(within));
    return take_cuts(cutting->conn, &sql, values, 2, out, err);
}

/* N - 1 cuts at even distances between both ends. */
static const char *even_step(const struct postgres_column *key)
{
    switch (key->wire.type.id) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        return "floor(lo::numeric + (hi::numeric - lo) * i / n)";
    case TYPE_DATE:
        return "lo + ((hi - lo)::bigint * i / n)::int";
    case TYPE_TIMESTAMP:
        return "lo + (hi - lo) * (i::float8 / n)";
    default:
        return NULL;
    }
}

static bool is_finite(const char *value)
{
    return *value && strcmp(value, "infinity") != 0 && strcmp(value, "-infinity") != 0;
}

static status ends_of(struct cutting *cutting, const struct postgres_column *key, PGresult **out,
                      struct error *err)
{
    SCOPED(text_release) struct text ends = {0};
    struct cutting question = *cutting;
    struct estimate look;
    text_append(&ends, "SELECT min(");
    postgres_quote(&ends, key->name);
    text_append(&ends, "), max(");
    postgres_quote(&ends, key->name);
    text_append(&ends, ") FROM ");
    TRY(text_check(&ends, err));
    question.select = text_string(&ends);
    TRY(splits_explain(&question, NULL, &look, err));
    if (look.cost > ends_may_cost * cutting->whole.cost)
        return STATUS_OK;
    text_printf(&ends, "%s%s", cutting->table->from, cutting->where);
    TRY(text_check(&ends, err));
    return postgres_query(cutting->conn, text_string(&ends), out, err);
}

static status even_cuts(struct cutting *cutting, const struct postgres_column *key, size_t wanted,
                        struct cuts *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *ends = NULL;
    SCOPED(text_release) struct text sql = {0};
    const char *step = even_step(key);
    if (!step)
        return STATUS_OK;
    TRY(ends_of(cutting, key, &ends, err));
    if (!ends || !is_finite(libpq.PQgetvalue(ends, 0, 0)) ||
        !is_finite(libpq.PQgetvalue(ends, 0, 1)))
        return STATUS_OK;
    const char *values[] = {libpq.PQgetvalue(ends, 0, 0), libpq.PQgetvalue(ends, 0, 1)};
    text_printf(&sql,
                "SELECT DISTINCT (%s)::%s AS k FROM generate_series(1, %zu) i,"
                " (SELECT $1::%s AS lo, $2::%s AS hi, %zu AS n) ends ORDER BY k",
                step, key->declared, wanted - 1, key->declared, key->declared, wanted);
    return take_cuts(cutting->conn, &sql, values, 2, out, err);
}

/* " WHERE k > lower AND k < bound": cuts elsewhere would make empty ranges of an incremental read. */
static status where_cuts_help(const struct cutting *cutting, const struct postgres_column *key,
                              struct text *out, struct error *err)
{
    const struct read_plan *plan = cutting->plan;
    if (key != cutting->update_key)
        return STATUS_OK;
    if (cutting->request->lower) {
        text_append(out, " WHERE k > ");
        TRY(fence_literal(cutting->request->lower, key, out, err));
    }
    if (plan->bound_is_fence && !plan->bound.is_null) {
        text_append(out, out->size ? " AND k < " : " WHERE k < ");
        TRY(fence_literal(&plan->bound, key, out, err));
    }
    return text_check(out, err);
}

static status find_cuts(struct cutting *cutting, const struct postgres_column *key, size_t wanted,
                        struct cuts *out, struct error *err)
{
    SCOPED(text_release) struct text within = {0};
    TRY(where_cuts_help(cutting, key, &within, err));
    TRY(statistics(cutting, key, &within, out, err));
    if (out->n >= wanted / 2)
        return STATUS_OK;
    SCOPED(cuts_release) struct cuts even = {0};
    TRY(even_cuts(cutting, key, wanted, &even, err));
    if (even.n > out->n) {
        struct cuts fewer = *out;
        *out = even;
        even = fewer;
    }
    return STATUS_OK;
}

/* ---- the ranges ---- */

/* Cut NUMBER of N - 1, evenly among those that were found. */
static const char *cut_at(const struct cuts *cuts, size_t number, size_t n)
{
    size_t row = number * (cuts->n + 1) / n - 1;
    return libpq.PQgetvalue(cuts->values, (int)row, 0);
}

static void add_literal(struct text *out, const char *value, const struct postgres_column *key)
{
    postgres_quote_literal(out, value);
    text_printf(out, "::%s", key->declared);
}

/* The condition of range NUMBER of N. */
static status make_range(const struct cuts *cuts, size_t number, size_t n,
                         const struct postgres_column *key, struct text *out, struct error *err)
{
    if (number > 0) {
        postgres_quote(out, key->name);
        text_append(out, " >= ");
        add_literal(out, cut_at(cuts, number, n), key);
    }
    if (number + 1 < n) {
        text_append(out, number > 0 ? " AND " : "");
        postgres_quote(out, key->name);
        text_append(out, " < ");
        add_literal(out, cut_at(cuts, number + 1, n), key);
    }
    return text_check(out, err);
}

static status make_text(const struct cuts *cuts, size_t number, size_t n,
                        const struct postgres_column *key, struct arena *arena, const char **out,
                        struct error *err)
{
    const char *lower = number > 0 ? cut_at(cuts, number, n) : NULL;
    const char *upper = number + 1 < n ? cut_at(cuts, number + 1, n) : NULL;
    if (!lower)
        *out = arena_printf(arena, "%s below %s", key->name, upper);
    else if (!upper)
        *out = arena_printf(arena, "%s from %s on", key->name, lower);
    else
        *out = arena_printf(arena, "%s in [%s, %s)", key->name, lower, upper);
    return *out ? STATUS_OK : error_no_memory(err);
}

static void add_split(struct cutting *cutting, const char *text, const char *range, double rows)
{
    struct read_plan *plan = cutting->plan;
    struct scalar number = {.type = {.id = TYPE_INT64}, .i64 = (int64_t)plan->n_splits};
    cutting->ranges[plan->n_splits] = range;
    plan->splits[plan->n_splits] = (struct split){.number = (uint32_t)plan->n_splits,
                                                  .text = text,
                                                  .lower = number,
                                                  .upper = number,
                                                  .rows = (uint64_t)rows};
    plan->n_splits++;
}

static status add_nulls(struct cutting *cutting, const struct postgres_column *key,
                        struct error *err)
{
    SCOPED(text_release) struct text range = {0};
    const char *kept;
    postgres_quote(&range, key->name);
    text_append(&range, " IS NULL");
    TRY(postgres_keep(&range, &cutting->plan->arena, &kept, err));
    const char *text = arena_printf(&cutting->plan->arena, "%s NULL", key->name);
    if (!text)
        return error_no_memory(err);
    add_split(cutting, text, kept, 0);
    return STATUS_OK;
}

/* The statement's own WHERE asks for rows whose KEY is not NULL. What the catalog says does not count: a range too many is
 * one look into the index, one too few loses rows. */
static bool nulls_are_out(const struct cutting *cutting, const struct postgres_column *key)
{
    const struct read_request *request = cutting->request;
    bool filtered = request->lower || cutting->plan->bound_is_fence;
    return key == cutting->update_key && filtered && !(request->nulls_ok && !request->lower);
}

/* ---- what would hold under another snapshot, too ---- */

/* The end of range NUMBER of N as a bound: below an exact one, each value is one. NULL where it can't be told. */
static status end_of(const struct cutting *cutting, const struct cuts *cuts, size_t number,
                     size_t n, const struct postgres_column *key, const struct scalar **out,
                     struct error *err)
{
    struct read_plan *plan = cutting->plan;
    struct error none = {0};
    struct scalar value = plan->bound;
    *out = NULL;
    if (number + 1 < n && fence_value(cut_at(cuts, number + 1, n), key->wire.type, &plan->arena,
                                      &value, &none) != STATUS_OK)
        return STATUS_OK;
    struct scalar *kept = arena_alloc(&plan->arena, sizeof(*kept));
    if (!kept)
        return error_no_memory(err);
    *kept = value;
    *out = kept;
    return STATUS_OK;
}

/* Ranges of the update_key below an exact bound: whoever has read the first of them may go on behind them as a run does behind
 * the one before it. NULL keys stand in no range, and are read once, with the first of all bounds. */
static status add_ends(struct cutting *cutting, const struct cuts *cuts, size_t n,
                       const struct postgres_column *key, struct error *err)
{
    struct read_plan *plan = cutting->plan;
    if (key != cutting->update_key || !plan->bound_is_fence || plan->bound.is_null ||
        !nulls_are_out(cutting, key))
        return STATUS_OK;
    for (size_t i = 0; i < n; i++)
        TRY(end_of(cutting, cuts, i, n, key, &plan->splits[i].complete_below, err));
    return STATUS_OK;
}

static status make_ranges(struct cutting *cutting, const struct cuts *cuts, size_t n,
                          const struct postgres_column *key, struct error *err)
{
    struct arena *arena = &cutting->plan->arena;
    cutting->ranges = arena_alloc(arena, (n + 1) * sizeof(*cutting->ranges));
    if (!cutting->ranges)
        return error_no_memory(err);
    TRY(splits_reserve(cutting, n + 1, err));
    for (size_t i = 0; i < n; i++) {
        SCOPED(text_release) struct text range = {0};
        const char *kept, *text;
        TRY(make_range(cuts, i, n, key, &range, err));
        TRY(postgres_keep(&range, arena, &kept, err));
        TRY(make_text(cuts, i, n, key, arena, &text, err));
        add_split(cutting, text, kept, cutting->whole.rows / (double)n);
    }
    cutting->plan->split_key = key->name;
    TRY(add_ends(cutting, cuts, n, key, err));
    return nulls_are_out(cutting, key) ? STATUS_OK : add_nulls(cutting, key, err);
}

/* One range in the middle, for all of them: without an index each would read everything. */
static status are_worth_it(struct cutting *cutting, const struct cuts *cuts, size_t n,
                           const struct postgres_column *key, bool *out, struct error *err)
{
    SCOPED(text_release) struct text middle = {0};
    struct estimate one;
    TRY(make_range(cuts, n / 2, n, key, &middle, err));
    TRY(splits_explain(cutting, text_string(&middle), &one, err));
    *out = one.cost * (double)n <= ranges_may_cost * cutting->whole.cost;
    if (*out)
        return STATUS_OK;
    cutting->note = arena_printf(&cutting->plan->arena,
                                 "read over one connection: the server would read all of it for "
                                 "each range of \"%s\"",
                                 key->name);
    return cutting->note ? STATUS_OK : error_no_memory(err);
}

status splits_by_key(struct cutting *cutting, const struct postgres_column *key, struct error *err)
{
    SCOPED(cuts_release) struct cuts cuts = {0};
    double rows = cutting->whole.rows;
    double aim = read_request_split_rows(cutting->request, rows);
    size_t wanted = aim > 0 && rows / aim < MOST_RANGES ? (size_t)(rows / aim) : MOST_RANGES;
    bool good = false;
    if (aim <= 0 || wanted < 2 || rows < LEAST_ROWS)
        return STATUS_OK;
    TRY(find_cuts(cutting, key, wanted, &cuts, err));
    size_t n = cuts.n + 1 < wanted ? cuts.n + 1 : wanted;
    if (n < 2)
        return STATUS_OK;
    TRY(are_worth_it(cutting, &cuts, n, key, &good, err));
    return good ? make_ranges(cutting, &cuts, n, key, err) : STATUS_OK;
}
