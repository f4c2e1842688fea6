#include "source/postgres/fence.h"

#include <stdlib.h>
#include <string.h>

#include "source/postgres/candidate.h"
#include "source/postgres/sequences.h"

#define MARGIN_MICROS INT64_C(1000000)

static const char *cell(const PGresult *result, int row, int column)
{
    return libpq.PQgetvalue(result, row, column);
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
status fence_value(const char *text, struct type type, struct arena *arena, struct scalar *out,
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
    if (libpq.PQgetisnull(result, 0, 0))
        return STATUS_OK;
    return fence_value(cell(result, 0, 0), type, arena, out, err);
}

/* ---- where no exact bound can be had ---- */

static bool is_integer(struct type type)
{
    return type.id == TYPE_INT16 || type.id == TYPE_INT32 || type.id == TYPE_INT64;
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
    if (cell(look, 0, 5)[0] == 't')
        return arena_printf(arena, "a default of \"%s\" is not just the next value of its sequence",
                            key->name);
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
        why = "this is a standby, which does not see what is open on its primary (name the primary "
              "with `fence`)";
    else if (table->kind != 'r' && table->kind != 'p')
        why = "it is no table, so what is written there can't be watched";
    else if (table->foreign)
        why = "a part of it is a foreign table, and what is written there can't be watched";
    else if (type.id == TYPE_DATE || (type.id == TYPE_TIMESTAMP && !type.utc))
        why = arena_printf(arena, "\"%s\" is %s, which is no instant", key->name, key->declared);
    if (!why)
        return error_no_memory(err);
    if (!*why) {
        TRY(sequences_of_key(conn, table, key, &look, err));
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

/* The smallest key that is too large; a key at the end of its type has none behind it, and stays out. */
static int64_t behind(struct type type, int64_t key)
{
    return key < sequences_most(type) ? key + 1 : key;
}

/* What the first look tells of a key. */
struct ahead {
    bool known;          /* the largest key and its sequence were looked at in time */
    struct scalar value; /* the bound once all transactions of the look have ended; NULL: no keys */
    int64_t largest;     /* unless that is NULL */
    bool above;          /* and the sequence has yet to come there */
    bool counts;         /* the sequence was read */
    struct key_sequence by; /* of integers */
    int64_t file;           /* of the sequence: another once it begins anew */
};

static status look_at_sequence(const struct source *source, PGconn *conn,
                               const struct postgres_table *table,
                               const struct postgres_column *key, struct arena *arena,
                               struct ahead *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *of_key = NULL;
    TRY(sequences_of_key(conn, table, key, &of_key, err));
    TRY(sequences_find(&source->facts, of_key, arena, &out->by, err));
    out->file = postgres_cell_number(of_key, 0, 4);
    out->counts = out->by.look && !out->by.look->grant;
    return STATUS_OK;
}

static status look_ahead(const struct source *source, PGconn *conn,
                         const struct postgres_table *table, const struct postgres_column *key,
                         struct arena *arena, struct ahead *out, struct error *err)
{
    struct scalar *value = &out->value;
    *out = (struct ahead){.known = true, .value = {.type = key->wire.type, .is_null = true}};
    if (!is_integer(key->wire.type)) {
        value->is_null = false;
        value->i64 = source->facts.looked_micros - MARGIN_MICROS;
        return STATUS_OK;
    }
    TRY(look_at_sequence(source, conn, table, key, arena, out, err));
    out->known = source->before && out->by.look;
    if (!out->known)
        return STATUS_OK;
    TRY(fence_largest(source->before, table, key, NULL, key->wire.type, arena, value, err));
    if (value->is_null)
        return STATUS_OK;
    out->largest = value->i64;
    out->above = out->counts && out->largest >= out->by.look->next;
    value->i64 = out->above ? out->by.look->next : behind(key->wire.type, out->largest);
    return STATUS_OK;
}

/* What a candidate is true of. TRUNCATE ... RESTART IDENTITY and ALTER SEQUENCE ... RESTART give a sequence another file. 's':
 * the sequence was read. */
static status subject_of(const struct source *source, const struct postgres_table *table,
                         const struct postgres_column *key, const struct ahead *ahead,
                         struct arena *arena, const char **out, struct error *err)
{
    char kind = !is_integer(key->wire.type) ? 't' : ahead->counts ? 's' : 'i';
    *out = arena_printf(arena, "%lld %u.%d.%lld.%c %s", (long long)source->facts.server_start,
                        table->oid, key->attnum, (long long)ahead->file, kind, source->identity);
    return *out ? STATUS_OK : error_no_memory(err);
}

/* Rows that draw keys below what is loaded would not be seen. */
static status refuse_set_back(const struct read_request *request, const struct ahead *ahead,
                              struct error *err)
{
    if (!ahead->counts || !request->lower || request->lower->i64 <= ahead->by.look->next)
        return STATUS_OK;
    long long lower = request->lower->i64;
    return error_set(err, STATUS_HELD,
                     "the watermark is %lld, and the sequence %s goes on at %lld: rows that draw "
                     "keys in between would be missed; SELECT setval(%s, %lld)%s",
                     lower, ahead->by.name, (long long)ahead->by.look->next, ahead->by.literal,
                     lower - 1, ahead->above ? "" : ", or load once with --mode full-refresh");
}

/* Rows that no run can read yet are no reason to replace a table by an empty one. */
static status hold_if_all_above(const struct source *source, const struct postgres_table *table,
                                const struct postgres_column *key,
                                const struct read_request *request, const struct ahead *ahead,
                                struct arena *arena, struct fence *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *any = NULL;
    SCOPED(text_release) struct text sql = {0};
    if (request->lower || out->value.is_null)
        return STATUS_OK;
    text_printf(&sql, "SELECT EXISTS (SELECT FROM %s WHERE ", table->from);
    postgres_quote(&sql, key->name);
    text_append(&sql, " < ");
    TRY(fence_literal(&out->value, key, &sql, err));
    text_append_char(&sql, ')');
    TRY(text_check(&sql, err));
    TRY(postgres_query(source->before, text_string(&sql), &any, err));
    if (cell(any, 0, 0)[0] == 't')
        return STATUS_OK;
    const char *then = sequences_remedy_above(&ahead->by, key, ahead->largest, arena);
    out->value.is_null = true;
    out->wants_help = true;
    out->held = then ? arena_printf(arena,
                                    "the sequence %s goes on at %lld and has yet to come to the "
                                    "keys of all rows (%s)",
                                    ahead->by.name, (long long)ahead->by.look->next, then)
                     : NULL;
    return out->held ? STATUS_OK : error_no_memory(err);
}

/* Adds to what is said already. */
static status say_of_sequence(const struct postgres_column *key, const struct ahead *ahead,
                              struct arena *arena, struct fence *out, struct error *err)
{
    const char *what, *then, *before = out->note;
    if (ahead->above) {
        what = sequences_say_above(&ahead->by, key, ahead->largest, arena);
        then = sequences_remedy_above(&ahead->by, key, ahead->largest, arena);
    } else if (is_integer(key->wire.type) && !ahead->value.is_null &&
               ahead->largest == sequences_most(key->wire.type)) {
        what =
            arena_printf(arena, "\"%s\" has come to %lld, the end of %s: no bound lies behind it",
                         key->name, (long long)ahead->largest, key->declared);
        then = "that row is left out, until the column has a wider type";
    } else if (ahead->by.look && ahead->by.look->grant) {
        what = sequences_say_hidden(&ahead->by, key, arena);
        then = ahead->by.look->grant;
    } else {
        return STATUS_OK;
    }
    if (!what || !then)
        return error_no_memory(err);
    out->note =
        arena_printf(arena, "%s%s%s; %s", before ? before : "", before ? "; " : "", what, then);
    out->leaves = ahead->above ? arena_printf(arena, "%s; %s", what, then) : NULL;
    return out->note && (out->leaves || !ahead->above) ? STATUS_OK : error_no_memory(err);
}

/* Which candidate the next run gets. The one that is there stays until it can be used or is behind: were it replaced by each
 * run, none would ever be old enough. A later one takes its place where it waits for no more transactions. */
static status leave_candidate(const struct fence_facts *facts, const struct candidate *kept,
                              bool kept_waits, const struct candidate *own,
                              const struct read_request *request, struct arena *arena,
                              struct fence *out, struct error *err)
{
    int64_t reached = request->lower ? request->lower->i64 : INT64_MIN;
    if (!out->value.is_null && out->value.i64 > reached)
        reached = out->value.i64;
    bool own_is_news = own && own->value > reached;
    bool keeps = kept_waits && kept->value > reached;
    if (keeps && (!own_is_news || virtual_ids_open(kept->waiting, facts->open) <
                                      virtual_ids_open(own->waiting, facts->open))) {
        out->state = request->fence_state;
        return STATUS_OK;
    }
    if (!own_is_news)
        return STATUS_OK;
    out->state_due = !keeps;
    return candidate_write(own, arena, &out->state, err);
}

/* KNOWN: the keys were looked at in time; another stream's end may have taken that away, or the key got another sequence. */
static status say_open(const struct fence_facts *facts, bool known, bool hidden, PGconn *conn,
                       struct arena *arena, struct fence *out, struct error *err)
{
    const char *open =
        known ? arena_printf(arena, "transactions (pid %s) were open for longer than `settle`",
                             facts->pids)
              : "the largest key and its sequence were not looked at before the snapshot was taken";
    const char *grant = hidden ? arena_printf(arena,
                                              "; GRANT pg_read_all_stats TO \"%s\" gives one below "
                                              "their start",
                                              libpq.PQuser(conn))
                               : "";
    if (!open || !grant)
        return error_no_memory(err);
    if (out->value.is_null)
        out->held = open;
    out->note = arena_printf(
        arena, "%s: the bound %s%s", open,
        out->held ? "stays where it was" : "is one that an earlier run looked at", grant);
    return out->note ? STATUS_OK : error_no_memory(err);
}

/* The earlier bound if the transactions that it waits for have ended; else what the next run may go by. A sequence that stands
 * below a candidate was set back. */
static status bound_by_candidate(const struct source *source, PGconn *conn,
                                 const struct postgres_table *table,
                                 const struct postgres_column *key,
                                 const struct read_request *request, const struct ahead *ahead,
                                 struct arena *arena, struct fence *out, struct error *err)
{
    const struct fence_facts *facts = &source->facts;
    struct candidate own = {.value = ahead->value.i64, .waiting = facts->waiting}, kept = {0};
    TRY(subject_of(source, table, key, ahead, arena, &own.subject, err));
    bool found = candidate_read(request->fence_state, own.subject, arena, &kept) &&
                 !(ahead->counts && kept.value > ahead->by.look->next);
    bool waits = found && virtual_ids_open(kept.waiting, facts->open) > 0;
    if (found && !waits)
        out->value = (struct scalar){.type = key->wire.type, .i64 = kept.value};
    TRY(leave_candidate(facts, &kept, waits, ahead->known && !ahead->value.is_null ? &own : NULL,
                        request, arena, out, err));
    return say_open(facts, ahead->known, !is_integer(key->wire.type), conn, arena, out, err);
}

static status bound_by_waiting(const struct source *source, PGconn *conn,
                               const struct postgres_table *table,
                               const struct postgres_column *key,
                               const struct read_request *request, struct arena *arena,
                               struct fence *out, struct error *err)
{
    struct ahead ahead;
    out->is_fence = true;
    TRY(look_ahead(source, conn, table, key, arena, &ahead, err));
    TRY(refuse_set_back(request, &ahead, err));
    if (source->facts.settled && ahead.known)
        out->value = ahead.value;
    else
        TRY(bound_by_candidate(source, conn, table, key, request, &ahead, arena, out, err));
    if (ahead.above)
        TRY(hold_if_all_above(source, table, key, request, &ahead, arena, out, err));
    return say_of_sequence(key, &ahead, arena, out, err);
}

static status bound_by_start(const struct fence_facts *facts, struct fence *out)
{
    out->is_fence = true;
    out->value = (struct scalar){.type = {.id = TYPE_TIMESTAMP, .utc = true},
                                 .i64 = facts->oldest_micros - MARGIN_MICROS};
    return STATUS_OK;
}

status fence_bound(const struct source *source, PGconn *conn, const struct postgres_table *table,
                   const struct postgres_column *key, const struct read_request *request,
                   struct arena *arena, struct fence *out, struct error *err)
{
    const struct fence_facts *facts = &source->facts;
    const char *why;
    *out = (struct fence){.value = {.type = key->wire.type, .is_null = true}};
    TRY(fence_doubt(conn, facts->standby, table, key, arena, &why, err));
    if (why) {
        out->note = arena_printf(arena,
                                 "the bound is the largest \"%s\" seen, because %s; rows that are "
                                 "committed later with a smaller one are missed",
                                 key->name, why);
        return out->note ? STATUS_OK : error_no_memory(err);
    }
    if (held_by_prepared(facts, table)) {
        out->held = "a prepared transaction holds a lock on the table";
        out->note =
            "a prepared transaction holds a lock on the table: the bound stays where it was";
        out->is_fence = true;
        out->state = request->fence_state;
        return STATUS_OK;
    }
    if (is_integer(key->wire.type) || facts->hidden > 0)
        return bound_by_waiting(source, conn, table, key, request, arena, out, err);
    return bound_by_start(facts, out);
}
