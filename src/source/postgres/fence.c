#include "source/postgres/fence.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MARGIN_MICROS INT64_C(1000000)
enum { SETTLE_STEP_MS = 20 };

static const char *cell(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column);
}

/* ---- literals and values ---- */

/* Numbers and instants as text that PostgreSQL reads back to the same value. */
status fence_literal(const struct scalar *value, const struct postgres_column *key,
                     struct text *sql, struct error *err)
{
    struct arena arena = {0};
    const char *text = scalar_text(value, &arena);
    if (text)
        postgres_quote_literal(sql, text);
    arena_release(&arena);
    if (!text)
        return error_no_memory(err);
    text_printf(sql, "::%s", key->wire.cast ? key->wire.cast : key->declared);
    return text_check(sql, err);
}

/* What text output makes of a key, in the form that scalar_parse reads. */
static status key_value(const char *text, struct type type, struct arena *arena, struct scalar *out,
                        struct error *err)
{
    SCOPED(text_release) struct text canonical = {0};
    text_append(&canonical, text);
    if (type.id == TYPE_TIMESTAMP) { /* 2013-11-30 08:15:00.123+00 */
        int64_t micros;
        bool zoned;
        if (!parse_timestamp(text, strlen(text), &micros, &zoned))
            return error_set(
                err, STATUS_BAD_DATA,
                "the largest key is %s, which is no bound; mend that row, or leave it out "
                "with `where`",
                text);
        *out = (struct scalar){.type = type, .i64 = micros};
        return STATUS_OK;
    }
    TRY(text_check(&canonical, err));
    char *kept = arena_strdup(arena, text_string(&canonical));
    if (!kept)
        return error_no_memory(err);
    return scalar_parse(type, kept, strlen(kept), out, err);
}

status fence_largest(PGconn *conn, const struct postgres_table *table,
                     const struct postgres_column *key, const char *where, struct type type,
                     struct arena *arena, struct scalar *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text sql = {0};
    text_append(&sql, "SELECT max(");
    postgres_quote(&sql, key->name);
    text_printf(&sql, ")%s%s FROM %s%s%s%s", key->wire.cast ? "::" : "",
                key->wire.cast ? key->wire.cast : "", table->from, where ? " WHERE (\n" : "",
                where ? where : "", where ? "\n)" : "");
    TRY(text_check(&sql, err));
    TRY(postgres_query(conn, text_string(&sql), &result, err));
    *out = (struct scalar){.type = type, .is_null = true};
    if (PQgetisnull(result, 0, 0))
        return STATUS_OK;
    return key_value(cell(result, 0, 0), type, arena, out, err);
}

/* ---- what other sessions may still add ----
 *
 * Timestamps: now() is the start of a transaction, so a row that will still appear has a time no older than the oldest
 * transaction that is open. pg_stat_activity is live, not part of a snapshot: looked at before the run's snapshot is
 * taken, a transaction that commits in between is seen by both. A prepared transaction shows when it was prepared, not
 * when it began: a table that one holds a write lock on has no bound.
 *
 * Integers from a sequence:
 *
 *   snapshot A: H = max(key)   |   open transactions are listed   |   they end   |   snapshot B: rows are read
 *
 * A key below H that A did not see was drawn by a transaction that was open then. When all those have ended, B sees
 * their keys or they are gone for good. */

static status open_transactions(PGconn *conn, struct text *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query(
        conn,
        "SELECT coalesce(string_agg(quote_literal(l.virtualxid), ','), '') FROM pg_locks l"
        " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'virtualxid' AND l.granted"
        " AND l.mode = 'ExclusiveLock' AND l.pid <> pg_backend_pid()"
        " AND a.datname = current_database() AND a.application_name <> 'leat'"
        " AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'walsender')",
        &result, err));
    text_append(out, cell(result, 0, 0));
    return text_check(out, err);
}

static status still_open(PGconn *conn, const char *which, bool *out_open, char *out_pids,
                         size_t size, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text sql = {0};
    text_printf(
        &sql,
        "SELECT coalesce(string_agg(pid::text, ', '), '') FROM pg_locks WHERE"
        " locktype = 'virtualxid' AND granted AND mode = 'ExclusiveLock' AND virtualxid IN (%s)",
        which);
    TRY(text_check(&sql, err));
    TRY(postgres_query(conn, text_string(&sql), &result, err));
    snprintf(out_pids, size, "%s", cell(result, 0, 0));
    *out_open = out_pids[0] != '\0';
    return STATUS_OK;
}

static status settle(PGconn *conn, int64_t settle_ms, struct fence_facts *facts, struct error *err)
{
    SCOPED(text_release) struct text which = {0};
    bool open = false;
    TRY(open_transactions(conn, &which, err));
    for (int64_t waited = 0; which.size > 0; waited += SETTLE_STEP_MS) {
        TRY(still_open(conn, text_string(&which), &open, facts->pids, sizeof(facts->pids), err));
        if (!open || waited >= settle_ms)
            break;
        clock_sleep_ms(SETTLE_STEP_MS);
    }
    facts->settled = !open;
    return STATUS_OK;
}

void fence_facts_release(struct fence_facts *facts)
{
    mem_free(facts->prepared);
    *facts = (struct fence_facts){0};
}

status fence_look(PGconn *conn, int64_t settle_ms, struct fence_facts *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    struct fence_facts facts = {0};
    TRY(settle(conn, settle_ms, &facts, err));
    TRY(postgres_query(
        conn,
        "SELECT (extract(epoch FROM least(clock_timestamp(), (SELECT min(xact_start) FROM"
        " pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database())))"
        " * 1000000)::bigint,"
        " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND"
        " query = '<insufficient privilege>'),"
        " (SELECT ',' || coalesce(string_agg(DISTINCT relation::text, ','), '') || ',' FROM "
        "pg_locks"
        " WHERE locktype = 'relation' AND pid IS NULL AND mode NOT IN ('AccessShareLock',"
        " 'RowShareLock') AND database = (SELECT oid FROM pg_database WHERE datname ="
        " current_database())), pg_is_in_recovery()",
        &result, err));
    facts.oldest_micros = postgres_cell_number(result, 0, 0);
    facts.hidden = (int)postgres_cell_number(result, 0, 1);
    facts.prepared = mem_strdup(cell(result, 0, 2));
    facts.standby = cell(result, 0, 3)[0] == 't';
    if (!facts.prepared)
        return error_no_memory(err);
    *out = facts;
    return STATUS_OK;
}

/* ---- where no exact bound can be had ---- */

static bool is_integer(struct type type)
{
    return type.id == TYPE_INT16 || type.id == TYPE_INT32 || type.id == TYPE_INT64;
}

/* The sequences that TABLE and its parts take KEY from, and whether a subscription writes into them. */
static status look_at_key(PGconn *conn, const struct postgres_table *table,
                          const struct postgres_column *key, PGresult **out, struct error *err)
{
    SCOPED(text_release) struct text oids = {0};
    text_printf(&oids, "{%u", table->oid);
    for (size_t i = 0; i < table->n_parts; i++)
        text_printf(&oids, ",%u", table->parts[i].oid);
    text_append_char(&oids, '}');
    TRY(text_check(&oids, err));
    const char *values[] = {text_string(&oids), key->name};
    return postgres_query_with(
        conn,
        "WITH keys AS (SELECT attrelid, attnum FROM pg_attribute WHERE attrelid = ANY ($1::oid[])"
        " AND attname = $2 AND NOT attisdropped),"
        " sequences AS (SELECT d.objid AS oid FROM keys JOIN pg_depend d ON"
        " d.refclassid = 'pg_class'::regclass AND d.refobjid = attrelid AND d.refobjsubid = attnum"
        " AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'"
        " UNION SELECT d.refobjid FROM keys JOIN pg_attrdef a ON adrelid = attrelid AND"
        " adnum = attnum JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND"
        " d.objid = a.oid AND d.refclassid = 'pg_class'::regclass)"
        " SELECT count(*), max(seqcache), bool_or(seqcycle OR seqincrement < 0),"
        " EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = ANY ($1::oid[]))"
        " FROM pg_sequence WHERE seqrelid IN (SELECT oid FROM sequences)",
        values, 2, out, err);
}

static const char *doubt_about_sequence(const PGresult *look, const struct postgres_column *key,
                                        struct arena *arena)
{
    int64_t sequences = postgres_cell_number(look, 0, 0), cache = postgres_cell_number(look, 0, 1);
    if (sequences == 0)
        return arena_printf(arena, "\"%s\" comes from no sequence", key->name);
    if (sequences > 1)
        return arena_printf(arena, "\"%s\" comes from %lld sequences", key->name,
                            (long long)sequences);
    if (cache > 1)
        return arena_printf(arena,
                            "the sequence of \"%s\" has CACHE %lld, so sessions draw keys ahead",
                            key->name, (long long)cache);
    if (cell(look, 0, 2)[0] == 't')
        return arena_printf(arena, "the sequence of \"%s\" does not always grow", key->name);
    return "";
}

status fence_doubt(PGconn *conn, bool standby, const struct postgres_table *table,
                   const struct postgres_column *key, struct arena *arena, const char **out_why,
                   struct error *err)
{
    SCOPED(postgres_clearp) PGresult *look = NULL;
    struct type type = key->wire.type;
    const char *why = "";
    if (standby)
        why = "this is a standby, which does not see what is open on its primary";
    else if (table->kind != 'r' && table->kind != 'p')
        why = "it is no table, so what is written there can't be watched";
    else if (type.id == TYPE_DATE || (type.id == TYPE_TIMESTAMP && !type.utc))
        why = arena_printf(arena, "\"%s\" is %s, which is no instant", key->name, key->declared);
    if (!why)
        return error_no_memory(err);
    if (!*why) {
        TRY(look_at_key(conn, table, key, &look, err));
        if (cell(look, 0, 3)[0] == 't')
            why = "logical replication writes the table, with the keys of another server";
        else if (is_integer(type))
            why = doubt_about_sequence(look, key, arena);
    }
    if (!why)
        return error_no_memory(err);
    *out_why = *why ? why : NULL;
    return STATUS_OK;
}

/* ---- the bound ---- */

static bool held_by_prepared(const struct fence_facts *facts, const struct postgres_table *table)
{
    char oid[24];
    for (size_t i = 0; i < table->n_parts; i++) {
        snprintf(oid, sizeof(oid), ",%u,", table->parts[i].oid);
        if (strstr(facts->prepared, oid))
            return true;
    }
    return false;
}

static status bound_by_time(PGconn *conn, const struct fence_facts *facts, struct arena *arena,
                            struct fence *out, struct error *err)
{
    if (facts->hidden > 0) {
        out->note =
            arena_printf(arena,
                         "the bound is the largest key seen, because this user does not see when "
                         "%d other sessions began; GRANT pg_read_all_stats TO \"%s\" gives an "
                         "exact one",
                         facts->hidden, PQuser(conn));
        return out->note ? STATUS_OK : error_no_memory(err);
    }
    out->is_fence = true;
    out->value = (struct scalar){.type = {.id = TYPE_TIMESTAMP, .utc = true},
                                 .i64 = facts->oldest_micros - MARGIN_MICROS};
    return STATUS_OK;
}

static status bound_by_sequence(PGconn *before, const struct fence_facts *facts,
                                const struct postgres_table *table,
                                const struct postgres_column *key, struct arena *arena,
                                struct fence *out, struct error *err)
{
    out->is_fence = true;
    if (!facts->settled) {
        out->note =
            arena_printf(arena,
                         "transactions (pid %s) were open for longer than `settle`: the bound "
                         "stays where it was",
                         facts->pids);
        return out->note ? STATUS_OK : error_no_memory(err);
    }
    TRY(fence_largest(before, table, key, NULL, key->wire.type, arena, &out->value, err));
    if (!out->value.is_null && out->value.i64 < INT64_MAX)
        out->value.i64++; /* rows below the bound are read: the largest key, too */
    return STATUS_OK;
}

status fence_bound(PGconn *before, const struct fence_facts *facts,
                   const struct postgres_table *table, const struct postgres_column *key,
                   struct arena *arena, struct fence *out, struct error *err)
{
    const char *why;
    *out = (struct fence){.value = {.type = key->wire.type, .is_null = true}};
    TRY(fence_doubt(before, facts->standby, table, key, arena, &why, err));
    if (why) {
        out->note = arena_printf(arena,
                                 "the bound is the largest \"%s\" seen, because %s; rows that are "
                                 "committed later with a smaller one are missed",
                                 key->name, why);
        return out->note ? STATUS_OK : error_no_memory(err);
    }
    if (held_by_prepared(facts, table)) {
        out->note =
            "a prepared transaction holds a lock on the table: the bound stays where it was";
        out->is_fence = true;
        return STATUS_OK;
    }
    return is_integer(key->wire.type)
               ? bound_by_sequence(before, facts, table, key, arena, out, err)
               : bound_by_time(before, facts, arena, out, err);
}
