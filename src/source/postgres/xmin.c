/* Transactions have numbers that grow. A snapshot knows the oldest one that had not ended, its own xmin: whatever is older
 * has ended, so all of its rows are in the snapshot, prepared transactions and writers of any length included. That is the
 * bound, exact without a wait: rows of transactions below it are read, the next run goes on there. A subtransaction has a
 * number above its transaction's, so it is never below the bound alone. On a standby the snapshot knows the transactions of
 * the primary from the log, and a number that the log has not shown is above all that it has.
 *
 * A row that is updated is written anew, by a later transaction, and comes again.
 *
 * A row holds 32 bits of the number; the snapshot's have 64, and those are kept as the watermark. Since PostgreSQL 9.4 freezing
 * leaves the 32 bits as they are. Seen from a snapshot whose next transaction is M, the bits stand for the largest number below
 * M that ends in them. What is wrong by that is a row older than 2^32 transactions:
 *
 *   1. it is never missed: a first load that takes it for one of [bound, M) leaves it to the next run, which reads from there;
 *   2. it may come a second time, as often as a run reads a range that its bits fall into.
 *
 * A range over 2^31 numbers is not read at all: vacuum keeps a server from going so far with rows that are not frozen, so a
 * table that was not loaded for as long is loaded anew. */
#include "source/postgres/xmin.h"

#include <string.h>

enum { FIRST_NORMAL = 3 }; /* 1: made by initdb; 2: frozen before 9.4; both older than all */
#define MOST_BEHIND ((UINT64_C(1) << 31) - UINT64_C(10000000))

bool xmin_is_key(const struct postgres_table *table, const char *key)
{
    return strcmp(key, XMIN_KEY) == 0 && column_names_find(&table->names, key) == SIZE_MAX;
}

const char *xmin_doubt(const struct postgres_table *table)
{
    if (table->kind != 'r' && table->kind != 'p')
        return "only the rows of a table have it";
    return table->foreign ? "a part of it is a foreign table, whose rows have none" : NULL;
}

/* ---- the condition ---- */

/* Numbers of a row in [FROM, TO), which may lie around the end of 32 bits. As bytes in network order they compare as they
 * are: the type itself knows no order. */
static void between(uint32_t from, uint32_t to, struct text *out)
{
    text_printf(out, "(xidsend(xmin) >= '\\x%08x'::bytea %s xidsend(xmin) < '\\x%08x'::bytea)",
                from, from <= to ? "AND" : "OR", to);
}

void xmin_condition(uint64_t lower, uint64_t bound, uint64_t most, struct text *out)
{
    if (lower == bound) {
        text_append(out, "false");
    } else if (lower > 0) { /* around the end of 32 bits, the numbers that stand for nothing */
        bool around = (uint32_t)lower > (uint32_t)bound;
        between((uint32_t)lower, (uint32_t)bound, out);
        if (around)
            text_printf(out, " AND xidsend(xmin) >= '\\x%08x'::bytea", FIRST_NORMAL);
    } else if (bound < most) { /* all but [bound, most) */
        text_append(out, "(NOT ");
        between((uint32_t)bound, (uint32_t)most, out);
        text_printf(out, " OR xidsend(xmin) < '\\x%08x'::bytea)", FIRST_NORMAL);
    }
}

/* ---- the bound ---- */

static status look(PGconn *conn, uint64_t *out_oldest, uint64_t *out_next, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query(conn,
                       "SELECT txid_snapshot_xmin(s), txid_snapshot_xmax(s) FROM"
                       " txid_current_snapshot() s",
                       &result, err));
    *out_oldest = (uint64_t)postgres_cell_number(result, 0, 0);
    *out_next = (uint64_t)postgres_cell_number(result, 0, 1);
    return STATUS_OK;
}

static status check_lower(uint64_t lower, uint64_t next, struct error *err)
{
    if (lower > next)
        return error_set(
            err, STATUS_HELD,
            "the watermark is transaction %llu, and the server is only at %llu: it was "
            "restored from a backup, or is a standby that lags or was promoted; wait "
            "until it is there, or load once with --mode full-refresh",
            (unsigned long long)lower, (unsigned long long)next);
    if (next - lower > MOST_BEHIND)
        return error_set(
            err, STATUS_HELD,
            "the last load ended at transaction %llu, the server is at %llu: numbers of "
            "transactions can't be told apart over so many; load once with --mode "
            "full-refresh",
            (unsigned long long)lower, (unsigned long long)next);
    return STATUS_OK;
}

status xmin_plan(PGconn *conn, const struct scalar *lower, struct arena *arena,
                 struct xmin_range *out, struct error *err)
{
    SCOPED(text_release) struct text condition = {0};
    uint64_t from = lower ? (uint64_t)lower->i64 : 0, bound, next;
    TRY(look(conn, &bound, &next, err));
    *out = (struct xmin_range){.bound = {.type = {.id = TYPE_INT64}, .i64 = (int64_t)bound}};
    if (lower)
        TRY(check_lower(from, next, err));
    if (bound < from) { /* a standby that is behind the server of the last run */
        out->bound.is_null = true;
        bound = from;
    }
    xmin_condition(from, bound, next, &condition);
    out->note = next >> 32
                    ? "the whole table is looked at, as no index has xmin; rows written more "
                      "than 4,294,967,296 transactions ago may come again"
                    : "the whole table is looked at, as no index has xmin";
    return postgres_keep(&condition, arena, &out->condition, err);
}

status xmin_newest(PGconn *conn, struct scalar *out, struct error *err)
{
    uint64_t bound, next;
    TRY(look(conn, &bound, &next, err));
    *out = (struct scalar){.type = {.id = TYPE_INT64}, .i64 = (int64_t)bound};
    return STATUS_OK;
}
