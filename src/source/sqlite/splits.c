#include "source/sqlite/splits.h"

#include <math.h>

#include "source/sqlite/btree.h"

enum {
    MAX_SPLITS = 4096,
    MAX_SEGMENTS = 256, /* probing: two index look-ups for each */
};

static void add_cut(struct sqlite_cuts *cuts, int64_t key)
{
    if (cuts->n_cuts && cuts->cuts[cuts->n_cuts - 1].i64 >= key)
        return;
    cuts->cuts[cuts->n_cuts++] =
        (struct scalar){.type = {.id = TYPE_INT64}, .is_null = false, .i64 = key};
}

/* Distance as a number that can't overflow: keys may be INT64_MIN and INT64_MAX. */
static double distance(int64_t low, int64_t high)
{
    return high < low ? 0 : (double)((uint64_t)high - (uint64_t)low) + 1;
}

/* ---- probing: without a look at the pages ---- */

struct segment {
    int64_t first, last; /* both are keys of rows */
};

struct prober {
    sqlite3_stmt *up;   /* the first key at or above ?1 */
    sqlite3_stmt *down; /* the last key at or below ?1 */
};

static status prepare_probe(sqlite3 *db, const struct sqlite_table *table, const char *key,
                            const char *compare, const char *order, sqlite3_stmt **out,
                            struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql,
                "SELECT %s FROM %s WHERE typeof(%s) = 'integer' AND %s %s ?1 ORDER BY %s %s"
                " LIMIT 1",
                key, table->from, key, key, compare, key, order);
    TRY(text_check(&sql, err));
    return sqlite_prepare(db, text_string(&sql), out, err);
}

static status probe(sqlite3_stmt *statement, int64_t at, int64_t *out, struct error *err)
{
    sqlite3_bind_int64(statement, 1, at);
    status_code s = sqlite_step(statement, err);
    if (s == STATUS_OK)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return s;
}

/* Cut the widest segment in its middle and shrink both halves to the rows that are there: gaps fall out. */
static status halve_widest(struct prober *prober, struct segment *segments, size_t *n, double least,
                           bool *out_done, struct error *err)
{
    size_t widest = 0;
    for (size_t i = 1; i < *n; i++) {
        if (distance(segments[i].first, segments[i].last) >
            distance(segments[widest].first, segments[widest].last))
            widest = i;
    }
    struct segment *s = &segments[widest];
    *out_done = distance(s->first, s->last) <= least;
    if (*out_done)
        return STATUS_OK;
    int64_t middle = s->first + (int64_t)(((uint64_t)s->last - (uint64_t)s->first) / 2);
    struct segment upper = {.last = s->last};
    TRY(probe(prober->up, middle + 1, &upper.first, err));
    TRY(probe(prober->down, middle, &s->last, err));
    for (size_t i = *n; i > widest + 1; i--)
        segments[i] = segments[i - 1];
    segments[widest + 1] = upper;
    (*n)++;
    return STATUS_OK;
}

static void cut_segments(const struct segment *segments, size_t n, uint64_t split_rows,
                         double most_rows, struct sqlite_cuts *out)
{
    double total = 0, seen = 0;
    for (size_t i = 0; i < n; i++)
        total += distance(segments[i].first, segments[i].last);
    double rows = total < most_rows ? total : most_rows; /* keys may be sparse */
    out->rows += rows;
    double wanted = ceil(rows / (double)split_rows);
    double room = MAX_SPLITS - 1 - (double)out->n_cuts;
    if (wanted > room)
        wanted = room;
    double share = wanted > 0 ? total / wanted : total;
    double next = share;
    for (size_t i = 0; i < n; i++) {
        double width = distance(segments[i].first, segments[i].last);
        for (; next < seen + width && next < total - share / 2; next += share)
            add_cut(out, segments[i].first + (int64_t)(uint64_t)(next - seen));
        seen += width;
    }
}

/* No more rows than this fit into the pages there are. */
static status most_rows_of(sqlite3 *db, double *out, struct error *err)
{
    enum { LEAST_ROW_BYTES = 8 };
    int64_t page_size, page_count;
    TRY(sqlite_number(db, "PRAGMA main.page_size", &page_size, err));
    TRY(sqlite_number(db, "PRAGMA main.page_count", &page_count, err));
    *out = (double)page_size * (double)page_count / LEAST_ROW_BYTES;
    return STATUS_OK;
}

/* Cuts above FROM, as if rows were dense where there are any, for LIMIT rows at most. */
static status cut_by_probing(sqlite3 *db, const struct sqlite_table *table, const char *key,
                             int64_t from, uint64_t split_rows, double limit,
                             struct sqlite_cuts *out, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *up = NULL;
    SCOPED(sqlite_finalizep) sqlite3_stmt *down = NULL;
    TRY(prepare_probe(db, table, key, ">=", "ASC", &up, err));
    TRY(prepare_probe(db, table, key, "<=", "DESC", &down, err));
    struct prober prober = {.up = up, .down = down};
    struct segment segments[MAX_SEGMENTS + 1];
    size_t n = 1;
    status_code s = probe(up, from, &segments[0].first, err);
    if (s == STATUS_OK)
        s = probe(down, INT64_MAX, &segments[0].last, err);
    if (s == STATUS_END)
        return STATUS_OK; /* no rows */
    TRY(s);
    if (segments[0].last < segments[0].first)
        return STATUS_OK;
    for (bool done = false; !done && n < MAX_SEGMENTS;)
        TRY(halve_widest(&prober, segments, &n, (double)split_rows, &done, err));
    double most_rows;
    TRY(most_rows_of(db, &most_rows, err));
    cut_segments(segments, n, split_rows, most_rows < limit ? most_rows : limit, out);
    return STATUS_OK;
}

/* ---- by pages ---- */

static void cut_by_hints(const struct btree_hints *hints, int64_t from, uint64_t split_rows,
                         struct sqlite_cuts *out)
{
    double rows_between = hints->rows / (double)(hints->n_keys + 1);
    double step = rows_between > 0 ? (double)split_rows / rows_between : 1;
    double least = 2.0 * (double)(hints->n_keys + 1) / MAX_SPLITS;
    if (step < least)
        step = least;
    if (step < 1)
        step = 1;
    size_t first = 0;
    while (first < hints->n_keys && hints->keys[first] < from)
        first++;
    size_t left = hints->n_keys - first; /* keys at or above FROM: left + 1 pieces */
    out->rows = rows_between * (double)(left + 1);
    out->bytes = hints->pages > 0 ? hints->pages / (double)(hints->n_keys + 1) * (double)(left + 1)
                                  : 0; /* in pages; the caller knows their size */
    for (double at = step; at < (double)(left + 1) - step / 2; at += step) {
        size_t i = first + (size_t)at - 1;
        if (hints->keys[i] != INT64_MAX)
            add_cut(out, hints->keys[i] + 1);
    }
}

static status greatest_key(sqlite3 *db, const struct sqlite_table *table, int64_t *out,
                           struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql, "SELECT max(%s) FROM %s", table->rowid, table->from);
    TRY(text_check(&sql, err));
    *out = INT64_MIN;
    return sqlite_number(db, text_string(&sql), out, err);
}

/* Rows above the last hint, if keys there lie as far apart as in the pages below it. */
static double rows_above(const struct btree_hints *hints, int64_t greatest)
{
    enum { LOOK_BACK = 64 };
    size_t n = hints->n_keys;
    size_t back = n - 1 < LOOK_BACK ? n - 1 : LOOK_BACK;
    double rows = hints->rows / (double)(n + 1) * (double)back;
    double width = distance(hints->keys[n - 1 - back], hints->keys[n - 1]);
    double apart = rows > 0 && width > rows ? width / rows : 1;
    return distance(hints->keys[n - 1], greatest) / apart;
}

/* Rows that only the WAL holds lie above the last page that the hints know. */
static status cut_tail(sqlite3 *db, const struct sqlite_table *table, int64_t from,
                       uint64_t split_rows, const struct btree_hints *hints,
                       struct sqlite_cuts *out, struct error *err)
{
    int64_t greatest, last = hints->keys[hints->n_keys - 1];
    TRY(greatest_key(db, table, &greatest, err));
    if (greatest <= last)
        return STATUS_OK;
    double rows = rows_above(hints, greatest);
    if (rows < 2 * (double)split_rows)
        return STATUS_OK;
    return cut_by_probing(db, table, table->rowid, from > last ? from : last + 1, split_rows, rows,
                          out, err);
}

static status cut_table(sqlite3 *db, const struct sqlite_table *table, int64_t from,
                        uint64_t split_rows, struct sqlite_cuts *out, struct error *err)
{
    struct btree_hints hints;
    TRY(btree_read_hints(db, table->root_page, &hints, err));
    status_code s = STATUS_OK;
    if (hints.n_keys == 0) {
        s = cut_by_probing(db, table, table->rowid, from, split_rows, INFINITY, out, err);
        if (hints.rows > 0 && out->n_cuts == 0 && hints.rows < out->rows)
            out->rows = hints.rows;
    } else {
        int64_t page_size = 0;
        cut_by_hints(&hints, from, split_rows, out);
        s = cut_tail(db, table, from, split_rows, &hints, out, err);
        if (s == STATUS_OK)
            s = sqlite_number(db, "PRAGMA main.page_size", &page_size, err);
        out->bytes *= (double)page_size;
    }
    btree_hints_release(&hints);
    return s;
}

/* The first column of the primary key, if it is an integer: rows are stored in its order. */
static const struct sqlite_column *leading_integer(const struct sqlite_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].key_position == 1)
            return table->columns[i].type.id == TYPE_INT64 ? &table->columns[i] : NULL;
    }
    return NULL;
}

status sqlite_cut_by_rowid(sqlite3 *db, const struct sqlite_table *table, const int64_t *from,
                           uint64_t split_rows, struct arena *arena, struct sqlite_cuts *out,
                           struct error *err)
{
    *out = (struct sqlite_cuts){0};
    out->cuts = arena_alloc(arena, MAX_SPLITS * sizeof(*out->cuts));
    if (!out->cuts)
        return error_no_memory(err);
    int64_t start = from ? *from : INT64_MIN;
    if (split_rows == 0)
        split_rows = 1;
    if (table->kind == RELATION_TABLE && table->rowid) {
        out->key = out->key_text = table->rowid;
        return cut_table(db, table, start, split_rows, out, err);
    }
    const struct sqlite_column *leading =
        table->kind == RELATION_WITHOUT_ROWID ? leading_integer(table) : NULL;
    if (!leading)
        return STATUS_OK;
    SCOPED(text_release) struct text quoted = {0};
    sqlite_quote(&quoted, leading->name);
    TRY(sqlite_keep(&quoted, arena, &out->key, err));
    out->key_text = out->key;
    return cut_by_probing(db, table, out->key, INT64_MIN, split_rows, INFINITY, out, err);
}

/* ---- along an index ---- */

/* A cut at the statement's value, unless it is the last one's; other kinds than these can't be bound again. */
static status cut_at(sqlite3_stmt *statement, struct arena *arena, struct sqlite_cuts *out,
                     struct error *err)
{
    struct scalar cut = {.type = {.id = TYPE_INT64}};
    int kind = sqlite3_column_type(statement, 0);
    if (kind == SQLITE_INTEGER) {
        cut.i64 = sqlite3_column_int64(statement, 0);
    } else if (kind == SQLITE_TEXT) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        cut.type.id = TYPE_UTF8;
        cut.size = (size_t)sqlite3_column_bytes(statement, 0);
        cut.bytes = arena_strndup(arena, text ? text : "", cut.size);
        if (!cut.bytes)
            return error_no_memory(err);
    } else {
        return STATUS_OK;
    }
    const struct scalar *last = out->n_cuts ? &out->cuts[out->n_cuts - 1] : NULL;
    if (!last || last->type.id != cut.type.id || scalar_compare(last, &cut) < 0)
        out->cuts[out->n_cuts++] = cut;
    return STATUS_OK;
}

status sqlite_cut_by_index(sqlite3 *db, const struct sqlite_table *table, size_t column,
                           const char *index, const char *filter, uint64_t rows,
                           uint64_t split_rows, struct arena *arena, struct sqlite_cuts *out,
                           struct error *err)
{
    *out = (struct sqlite_cuts){.rows = (double)rows};
    SCOPED(text_release) struct text key = {0};
    SCOPED(text_release) struct text sql = {0};
    sqlite_quote(&key, table->columns[column].name);
    TRY(sqlite_keep(&key, arena, &out->key, err));
    out->key_text = out->key;
    size_t wanted = (size_t)((rows + split_rows - 1) / split_rows);
    if (wanted <= 1)
        return STATUS_OK;
    out->cuts = arena_alloc(arena, wanted * sizeof(*out->cuts));
    if (!out->cuts)
        return error_no_memory(err);
    text_printf(&sql, "SELECT %s FROM %s INDEXED BY ", out->key, table->from);
    sqlite_quote(&sql, index);
    text_printf(&sql, " WHERE %s ORDER BY %s LIMIT -1 OFFSET ?1", filter, out->key);
    TRY(text_check(&sql, err));
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(sqlite_prepare(db, text_string(&sql), &statement, err));
    sqlite3_bind_int64(statement, 1, (int64_t)split_rows);
    for (uint64_t at = split_rows; at < rows; at++) {
        status_code s = sqlite_step(statement, err);
        if (s == STATUS_END)
            break;
        TRY(s);
        if (at % split_rows == 0 && out->n_cuts + 1 < wanted)
            TRY(cut_at(statement, arena, out, err));
    }
    return STATUS_OK;
}
