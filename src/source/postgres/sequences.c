/* A sequence is no table that a snapshot shows: its last value is that of the moment. Keys that are drawn later lie above,
 * whatever keys rows bring of their own. */
#include "source/postgres/sequences.h"

#include <string.h>

enum { AT_ONCE = 100 }; /* sequences that one statement reads */

static const char *cell(const PGresult *result, int row, int column)
{
    return libpq.PQgetvalue(result, row, column);
}

/* ---- the look ---- */

static void append_element(struct text *array, const char *value)
{
    text_append(array, array->size > 1 ? ",\"" : "\"");
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            text_append_char(array, '\\');
        text_append_char(array, *value);
    }
    text_append_char(array, '"');
}

static status name_streams(const char *const *streams, struct text *schemas, struct text *names,
                           struct error *err)
{
    struct arena arena = {0};
    status_code s = STATUS_OK;
    text_append_char(schemas, '{');
    text_append_char(names, '{');
    for (; *streams && s == STATUS_OK; streams++) {
        const char *schema, *name;
        status_code named = postgres_split_name(*streams, &arena, &schema, &name, err);
        if (named == STATUS_OK) {
            append_element(schemas, schema ? schema : "public");
            append_element(names, name);
        } else if (named == STATUS_BAD_CONFIG) {
            *err = (struct error){0}; /* that stream's own failure, once it is planned */
        } else {
            s = named;
        }
    }
    arena_release(&arena);
    text_append_char(schemas, '}');
    text_append_char(names, '}');
    if (s != STATUS_OK)
        return s;
    TRY(text_check(schemas, err));
    return text_check(names, err);
}

/* The relations whose defaults make the keys of what is in "read": all below it; and where that is a partition, all above,
 * which send rows there with the keys of their own. */
#define TREE_OF_READ                                                                               \
    "below(oid) AS (SELECT oid FROM read UNION SELECT i.inhrelid FROM pg_inherits i JOIN below"    \
    " ON i.inhparent = below.oid), above(oid) AS (SELECT oid FROM read UNION SELECT i.inhparent"   \
    " FROM pg_inherits i JOIN above ON i.inhrelid = above.oid JOIN pg_class c ON"                  \
    " c.oid = i.inhrelid AND c.relispartition), tree(oid) AS (SELECT oid FROM below UNION SELECT"  \
    " oid FROM above)"

/* Those of all columns: which of them is the key is known when a stream is planned. */
static status list_sequences(PGconn *conn, const char *const *streams, PGresult **out,
                             struct error *err)
{
    SCOPED(text_release) struct text schemas = {0};
    SCOPED(text_release) struct text names = {0};
    TRY(name_streams(streams, &schemas, &names, err));
    const char *values[] = {text_string(&schemas), text_string(&names)};
    return postgres_query_with(
        conn,
        "WITH RECURSIVE read(oid) AS (SELECT c.oid FROM unnest($1::text[], $2::text[]) w(s, t)"
        " JOIN pg_namespace n ON n.nspname = w.s JOIN pg_class c ON c.relnamespace = n.oid AND"
        " c.relname = w.t), " TREE_OF_READ ","
        " fed AS (SELECT d.objid AS oid FROM tree JOIN pg_depend d ON"
        " d.refclassid = 'pg_class'::regclass AND d.refobjid = tree.oid AND d.refobjsubid > 0"
        " AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'"
        " UNION SELECT d.refobjid FROM tree JOIN pg_attrdef a ON a.adrelid = tree.oid JOIN"
        " pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND"
        " d.refclassid = 'pg_class'::regclass)"
        " SELECT s.oid, quote_ident(n.nspname) || '.' || quote_ident(s.relname),"
        " concat_ws('; ', CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN"
        " format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, current_user) END,"
        " CASE WHEN NOT has_sequence_privilege(s.oid, 'SELECT') THEN"
        " format('GRANT SELECT ON SEQUENCE %I.%I TO %I', n.nspname, s.relname, current_user) END)"
        " FROM fed JOIN pg_class s USING (oid) JOIN pg_namespace n ON n.oid = s.relnamespace"
        " WHERE s.relkind = 'S' AND s.relpersistence <> 't' AND NOT pg_is_in_recovery()",
        values, 2, out, err);
}

static status add_hidden(const PGresult *list, int row, struct fence_facts *facts,
                         struct error *err)
{
    struct sequence_look *look = &facts->sequences[facts->n_sequences];
    *look = (struct sequence_look){.oid = (uint32_t)postgres_cell_number(list, row, 0),
                                   .grant = mem_strdup(cell(list, row, 2))};
    if (!look->grant)
        return error_no_memory(err);
    facts->n_sequences++;
    return STATUS_OK;
}

static void add_read(const PGresult *values, struct fence_facts *facts)
{
    for (int i = 0; i < libpq.PQntuples(values); i++) {
        int64_t next = postgres_cell_number(values, i, 1);
        if (cell(values, i, 2)[0] == 't' && next < INT64_MAX)
            next++; /* by the smallest step: a larger one may be changed to it */
        facts->sequences[facts->n_sequences++] = (struct sequence_look){
            .oid = (uint32_t)postgres_cell_number(values, i, 0), .next = next};
    }
}

static status read_values(PGconn *conn, const struct text *sql, struct fence_facts *facts,
                          struct error *err)
{
    SCOPED(postgres_clearp) PGresult *values = NULL;
    TRY(text_check(sql, err));
    TRY(postgres_query(conn, text_string(sql), &values, err));
    add_read(values, facts);
    return STATUS_OK;
}

/* Dropped this moment, or locked by who will drop or restart it: no reason to fail the streams that have others. */
static bool is_of_one(const struct error *err)
{
    return err->source_code == postgres_state_number("42P01") ||
           err->source_code == postgres_state_number("55P03");
}

static void add_question(const PGresult *list, int row, struct text *sql)
{
    text_printf(sql, "%sSELECT %s, last_value, is_called FROM %s", sql->size ? " UNION ALL " : "",
                cell(list, row, 0), cell(list, row, 1));
}

/* Row ROW of LIST. The wait for a lock was had already, for all of them. */
static status look_at_one(PGconn *conn, const PGresult *list, int row, struct fence_facts *facts,
                          struct error *err)
{
    SCOPED(postgres_clearp) PGresult *locked = NULL;
    SCOPED(text_release) struct text sql = {0};
    TRY(postgres_query_of(conn,
                          "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'relation' AND"
                          " relation = $1::bigint::oid AND granted AND"
                          " mode = 'AccessExclusiveLock')",
                          postgres_cell_number(list, row, 0), &locked, err));
    if (cell(locked, 0, 0)[0] == 't')
        return STATUS_OK;
    add_question(list, row, &sql);
    status_code s = read_values(conn, &sql, facts, err);
    if (s == STATUS_OK || !is_of_one(err))
        return s;
    *err = (struct error){0};
    return STATUS_OK;
}

/* Rows [FROM, TO) of LIST. */
static status look_at_some(PGconn *conn, const PGresult *list, int from, int to,
                           struct fence_facts *facts, struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    for (int i = from; i < to; i++) {
        if (*cell(list, i, 2))
            TRY(add_hidden(list, i, facts, err));
        else
            add_question(list, i, &sql);
    }
    status_code s = sql.size ? read_values(conn, &sql, facts, err) : STATUS_OK;
    if (s == STATUS_OK || !is_of_one(err))
        return s;
    *err = (struct error){0};
    for (int i = from; i < to; i++) {
        if (!*cell(list, i, 2))
            TRY(look_at_one(conn, list, i, facts, err));
    }
    return STATUS_OK;
}

status sequences_look(PGconn *conn, const char *const *streams, struct fence_facts *facts,
                      struct error *err)
{
    SCOPED(postgres_clearp) PGresult *list = NULL;
    if (!*streams)
        return STATUS_OK;
    TRY(list_sequences(conn, streams, &list, err));
    int n = libpq.PQntuples(list);
    facts->sequences = mem_realloc_array(NULL, (size_t)n + 1, sizeof(*facts->sequences));
    if (!facts->sequences)
        return error_no_memory(err);
    for (int i = 0; i < n; i += AT_ONCE)
        TRY(look_at_some(conn, list, i, i + AT_ONCE < n ? i + AT_ONCE : n, facts, err));
    return STATUS_OK;
}

void sequences_release(struct fence_facts *facts)
{
    for (size_t i = 0; i < facts->n_sequences; i++)
        mem_free(facts->sequences[i].grant);
    mem_free(facts->sequences);
    facts->sequences = NULL;
    facts->n_sequences = 0;
}

/* ---- of one key ---- */

/* Relations between TABLE and its parts hold no rows, but rows that are sent to them get their defaults. */
status sequences_of_key(PGconn *conn, const struct postgres_table *table,
                        const struct postgres_column *key, PGresult **out, struct error *err)
{
    SCOPED(text_release) struct text oids = {0};
    TRY(postgres_table_oids(table, &oids, err));
    const char *values[] = {text_string(&oids), key->name};
    return postgres_query_with(
        conn,
        "WITH RECURSIVE read(oid) AS (SELECT unnest($1::oid[])), " TREE_OF_READ ","
        " keys AS (SELECT attrelid, attnum FROM tree JOIN pg_attribute ON attrelid = tree.oid"
        " WHERE attname = $2 AND NOT attisdropped),"
        " defaults AS (SELECT a.oid, pg_get_expr(adbin, adrelid) !~"
        " '^\\(?nextval\\(''([^'']|'''')+''::regclass\\)\\)?(::(smallint|integer|bigint))?$' AS odd"
        " FROM keys JOIN pg_attrdef a ON adrelid = attrelid AND adnum = attnum),"
        " fed AS (SELECT d.objid AS oid FROM keys JOIN pg_depend d ON"
        " d.refclassid = 'pg_class'::regclass AND d.refobjid = attrelid AND d.refobjsubid = attnum"
        " AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'"
        " UNION SELECT d.refobjid FROM defaults a JOIN pg_depend d ON"
        " d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND"
        " d.refclassid = 'pg_class'::regclass)"
        " SELECT count(*), max(seqcache), bool_or(seqcycle OR seqincrement < 0),"
        " EXISTS (SELECT FROM pg_subscription_rel JOIN tree ON srrelid = tree.oid),"
        " max(pg_relation_filenode(seqrelid)::bigint), (SELECT bool_or(odd) FROM defaults),"
        " max(seqrelid::bigint), max(quote_ident(nspname) || '.' || quote_ident(relname)),"
        " quote_literal(max(quote_ident(nspname) || '.' || quote_ident(relname)))"
        " FROM pg_sequence JOIN fed ON fed.oid = seqrelid JOIN pg_class c ON c.oid = seqrelid JOIN"
        " pg_namespace n ON n.oid = relnamespace",
        values, 2, out, err);
}

status sequences_find(const struct fence_facts *facts, const PGresult *of_key, struct arena *arena,
                      struct key_sequence *out, struct error *err)
{
    uint32_t oid = (uint32_t)postgres_cell_number(of_key, 0, 6);
    *out = (struct key_sequence){.name = arena_strdup(arena, cell(of_key, 0, 7)),
                                 .literal = arena_strdup(arena, cell(of_key, 0, 8))};
    if (!out->name || !out->literal)
        return error_no_memory(err);
    for (size_t i = 0; i < facts->n_sequences; i++) {
        if (facts->sequences[i].oid == oid)
            out->look = &facts->sequences[i];
    }
    return STATUS_OK;
}

int64_t sequences_most(struct type type)
{
    return type.id == TYPE_INT16 ? INT16_MAX : type.id == TYPE_INT32 ? INT32_MAX : INT64_MAX;
}

/* ---- in words ---- */

const char *sequences_say_above(const struct key_sequence *sequence,
                                const struct postgres_column *key, int64_t largest,
                                struct arena *arena)
{
    return arena_printf(arena,
                        "the largest \"%s\" is %lld, but the sequence %s goes on at %lld: rows "
                        "from there on are left until it has passed them",
                        key->name, (long long)largest, sequence->name,
                        (long long)sequence->look->next);
}

/* At the end of its type a sequence would give no more keys. */
const char *sequences_remedy_above(const struct key_sequence *sequence,
                                   const struct postgres_column *key, int64_t largest,
                                   struct arena *arena)
{
    if (largest == sequences_most(key->wire.type))
        return "give that row a smaller key";
    return arena_printf(arena,
                        "SELECT setval(%s, %lld) moves it behind them; where rows always bring "
                        "keys of their own, \"%s\" should have no sequence",
                        sequence->literal, (long long)largest, key->name);
}

const char *sequences_say_hidden(const struct key_sequence *sequence,
                                 const struct postgres_column *key, struct arena *arena)
{
    return arena_printf(arena,
                        "the sequence %s may not be read: a row that brings a larger \"%s\" of its "
                        "own moves the bound past rows that are written later, and they are missed",
                        sequence->name, key->name);
}
