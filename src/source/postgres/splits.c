/* Ways to cut a stream, the first that fits:
 *
 *   the planner takes an index for the watermark     one split; of many rows, ranges of the update_key
 *   tables, from PostgreSQL 14 on                    ranges of blocks, each partition and child for itself, the last open
 *   tables before 14, views and queries with a key   ranges of the key, NULL on its own
 *   all other                                        one split
 *
 * Other servers that foreign tables stand for give each connection a snapshot of its own: these are never cut. */
#include <stdlib.h>
#include <string.h>

#include "source/postgres/splits.h"
#include "source/postgres/statement.h"

enum { PAGE_BYTES = 8192, LEAST_PAGES = 128, DEFAULT_SPLITS = 16 };

/* ---- what the planner thinks ---- */

static double number_of(const char *json, const char *name)
{
    const char *at = strstr(json, name); /* the topmost node comes first */
    return at ? strtod(at + strlen(name), NULL) : 0;
}

status splits_explain(const struct cutting *cutting, const char *condition, struct estimate *out,
                      struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql, "EXPLAIN (FORMAT JSON) %s%s%s", cutting->select, cutting->table->from,
                cutting->where);
    if (condition)
        text_printf(&sql, "%s%s", *cutting->where ? " AND " : " WHERE ", condition);
    TRY(text_check(&sql, err));
    TRY_IN(postgres_query(cutting->conn, text_string(&sql), &result, err), err, "planning %s",
           cutting->table->label);
    const char *json = libpq.PQgetvalue(result, 0, 0);
    *out = (struct estimate){
        .rows = number_of(json, "\"Plan Rows\": "),
        .cost = number_of(json, "\"Total Cost\": "),
        .by_index = (strstr(json, "\"Index Scan\"") || strstr(json, "\"Index Only Scan\"") ||
                     strstr(json, "\"Bitmap Heap Scan\"")) &&
                    !strstr(json, "\"Seq Scan\""),
        .foreign = strstr(json, "\"Foreign Scan\"") != NULL,
    };
    return STATUS_OK;
}

/* A condition on partitions leaves most of them out: then what is left may well be read from end to end. A first load has
 * all rows before it, whatever a planner without statistics takes an index for. */
static bool is_selective(const struct cutting *cutting)
{
    const struct postgres_table *table = cutting->table;
    double all = (double)table->bytes / PAGE_BYTES + table->rows / 100; /* by the default costs */
    bool by_index = cutting->request->lower && cutting->whole.by_index;
    return cutting->update_key && (by_index || cutting->whole.cost < all / 4);
}

/* ---- one split, or blocks ---- */

status splits_reserve(struct cutting *cutting, size_t n, struct error *err)
{
    cutting->plan->splits = arena_alloc(&cutting->plan->arena, n * sizeof(struct split));
    cutting->plan->n_splits = 0;
    return cutting->plan->splits ? STATUS_OK : error_no_memory(err);
}

static status one_split(struct cutting *cutting, struct error *err)
{
    struct read_plan *plan = cutting->plan;
    struct scalar open_end = {.type = {.id = TYPE_INT64}, .is_null = true};
    TRY(splits_reserve(cutting, 1, err));
    plan->splits[0] = (struct split){
        .text = "all rows", .lower = open_end, .upper = open_end, .rows = plan->rows};
    plan->n_splits = 1;
    return STATUS_OK;
}

/* Blocks of one split, so that it has the rows the request aims at. */
static uint64_t blocks_a_split(const struct cutting *cutting)
{
    const struct postgres_table *table = cutting->table;
    double pages = (double)table->bytes / PAGE_BYTES, rows = table->rows > 0 ? table->rows : 1;
    double wanted = read_request_split_rows(cutting->request, rows);
    uint64_t blocks = (uint64_t)(pages * (wanted > 0 ? wanted : rows / DEFAULT_SPLITS) / rows);
    return blocks < LEAST_PAGES ? LEAST_PAGES : blocks;
}

static status add_blocks(struct cutting *cutting, size_t part, uint64_t from, uint64_t to,
                         bool last, struct error *err)
{
    struct read_plan *plan = cutting->plan;
    struct split *split = &plan->splits[plan->n_splits];
    struct type type = {.id = TYPE_INT64};
    const struct postgres_part *piece = &cutting->table->parts[part];
    split->number = (uint32_t)plan->n_splits++;
    split->lower = (struct scalar){.type = type, .i64 = block_key(part, from)};
    split->upper = (struct scalar){.type = type, .i64 = block_key(part, last ? UINT32_MAX : to)};
    split->rows =
        piece->pages ? (uint64_t)(piece->rows * (double)(to - from) / (double)piece->pages) : 0;
    const char *relation = cutting->table->n_parts > 1 ? piece->from : "";
    split->text =
        last ? arena_printf(&plan->arena, "%s%sblocks from %llu on", relation, *relation ? " " : "",
                            (unsigned long long)from)
             : arena_printf(&plan->arena, "%s%sblocks [%llu, %llu)", relation, *relation ? " " : "",
                            (unsigned long long)from, (unsigned long long)to);
    return split->text ? STATUS_OK : error_no_memory(err);
}

/* The blocks of one part; only the last one's readers end with it. */
static status cut_part(struct cutting *cutting, size_t part, uint64_t blocks, struct error *err)
{
    uint64_t pages = cutting->table->parts[part].pages;
    uint64_t pieces = pages / blocks ? pages / blocks : 1;
    struct split_steps steps = {.whole = pieces};
    if (part + 1 == cutting->table->n_parts && pages / pieces >= 4 * LEAST_PAGES)
        steps = split_steps_of(cutting->request, pieces);
    pieces = split_steps_count(&steps);
    uint64_t from = 0, to;
    for (uint64_t k = 0; k < pieces; k++, from = to) {
        to = (uint64_t)((double)pages * split_steps_at(&steps, k + 1));
        TRY(add_blocks(cutting, part, from, to, k + 1 == pieces, err));
        cutting->plan->splits[cutting->plan->n_splits - 1].cut_short = k >= steps.whole;
    }
    return STATUS_OK;
}

static status by_blocks(struct cutting *cutting, struct error *err)
{
    const struct postgres_table *table = cutting->table;
    uint64_t blocks = blocks_a_split(cutting);
    size_t n = 0;
    for (size_t i = 0; i < table->n_parts; i++)
        n += table->parts[i].pages / blocks + 1;
    n += 2 * (size_t)cutting->request->crew; /* more of the last part's: see split_steps_of */
    TRY(splits_reserve(cutting, n, err));
    cutting->plan->split_key = "ctid";
    for (size_t i = 0; i < table->n_parts; i++)
        TRY(cut_part(cutting, i, blocks, err));
    return STATUS_OK;
}

/* ---- which way ---- */

/* What the job names as the key; else, of a table, its own. A view or query whose job names none may well be one that
 * gives other rows each time it is asked. */
static const struct postgres_column *key_of(const struct cutting *cutting)
{
    const struct postgres_table *table = cutting->table;
    const char *const *named = cutting->request->primary_key;
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct postgres_column *column = &table->columns[i];
        bool is_key =
            named && *named ? strcmp(column->name, *named) == 0 : column->key_position == 1;
        if (is_key)
            return splits_key_usable(column) ? column : NULL;
    }
    return NULL;
}

status splits_cut(struct cutting *cutting, struct error *err)
{
    struct read_plan *plan = cutting->plan;
    const struct postgres_column *key = NULL;
    TRY(splits_explain(cutting, NULL, &cutting->whole, err));
    plan->rows = (uint64_t)cutting->whole.rows;
    plan->bytes = cutting->table->bytes;
    if (is_selective(cutting))
        key = cutting->update_key;
    else if (!cutting->table->by_ctid)
        key = key_of(cutting);
    else {
        if (!*cutting->where)
            plan->rows = (uint64_t)cutting->table->rows;
        return by_blocks(cutting, err);
    }
    if (key && !cutting->whole.foreign)
        TRY(splits_by_key(cutting, key, err));
    return plan->n_splits > 0 ? STATUS_OK : one_split(cutting, err);
}
