/* A snapshot shows rows as they were, but not where they lie. TRUNCATE, and ALTER TABLE where it rewrites, give a relation
 * new files whose rows no older snapshot sees: to it the table is empty, and no error tells. Only a lock keeps them out, and
 * a lock can only be had of what is known, which is after the snapshot:
 *
 *   exporter   snapshot ------- describe ---- lock ---- compare -------------------- readers -------- holds?
 *   others          (may truncate, rewrite, rename) |    all that changes a table's files or columns waits here
 *
 * 1. The exporter's transaction holds ACCESS SHARE on whatever a reader will read: EXPLAIN takes it, and LOCK TABLE for
 *    parts that are read by name.
 * 2. Then the file of each relation that the snapshot's catalog names is that which is there now. pg_class is read in the
 *    snapshot; pg_relation_filenode looks behind it, and is up to date since the lock was had. VACUUM FULL and CLUSTER,
 *    which keep all versions of the rows, can't be told from TRUNCATE: they count as changed.
 * 3. Locks end with the exporter. It is asked once all rows were read: if its transaction still stands, no reader had to
 *    rely on a lock that was gone.
 * 4. ATTACH PARTITION waits for no reader. A plan that names the parts reads those of its snapshot; one that names the
 *    parent is compared with the tree of partitions afterwards.
 *
 * What is found is SNAPSHOT_LOST: another plan is made under another snapshot. */
#include "source/postgres/unchanged.h"

#include <string.h>

#include "source/postgres/postgres.h"

status unchanged_lock_parts(PGconn *conn, const struct postgres_table *table, struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    if (table->kind == 'm') /* LOCK TABLE takes none; EXPLAIN has locked it */
        return STATUS_OK;
    text_append(&sql, "LOCK TABLE ");
    for (size_t i = 0; i < table->n_parts; i++)
        text_printf(&sql, "%s%s", i ? ", " : "", table->parts[i].from);
    text_append(&sql, " IN ACCESS SHARE MODE");
    TRY(text_check(&sql, err));
    return postgres_run(conn, text_string(&sql), err);
}

/* As an array: TABLE and its parts. */
static void append_oids(struct text *oids, const struct postgres_table *table, bool by_parts)
{
    text_append_char(oids, '{');
    if (table && table->oid)
        text_printf(oids, "%u", table->oid);
    for (size_t i = 0; table && by_parts && i < table->n_parts; i++)
        text_printf(oids, ",%u", table->parts[i].oid);
    text_append_char(oids, '}');
}

/* Relations below 16384 are the catalog's own. */
status unchanged_check(PGconn *conn, const struct postgres_table *table, bool by_parts,
                       struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text oids = {0};
    append_oids(&oids, table, by_parts);
    TRY(text_check(&oids, err));
    const char *values[] = {text_string(&oids)};
    TRY(postgres_query_with(
        conn,
        "WITH held AS MATERIALIZED (SELECT relation FROM pg_locks WHERE pid = pg_backend_pid()"
        " AND locktype = 'relation' AND granted AND relation >= 16384)"
        " SELECT n.nspname || '.' || c.relname FROM held JOIN pg_class c ON c.oid = relation"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm')"
        " AND c.relfilenode IS DISTINCT FROM pg_relation_filenode(c.oid)"
        " UNION ALL"
        " SELECT n.nspname || '.' || c.relname FROM unnest($1::oid[]) AS wanted JOIN pg_class c"
        " ON c.oid = wanted JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE wanted NOT IN (SELECT relation FROM held) LIMIT 1",
        values, 1, &result, err));
    if (libpq.PQntuples(result) == 0)
        return STATUS_OK;
    return error_set(err, STATUS_SNAPSHOT_LOST,
                     "the table %s was truncated, rewritten or replaced while the run took its "
                     "snapshot; run again",
                     libpq.PQgetvalue(result, 0, 0));
}

bool unchanged_names_fail(const struct error *err)
{
    return strstr(err->text, "(SQLSTATE 42703)") || strstr(err->text, "(SQLSTATE 42P01)");
}

/* ---- once all was read ---- */

static status look(PGconn *conn, uint32_t parent, PGresult **out, struct error *err)
{
    if (!parent)
        return postgres_query(conn, "SELECT false", out, err);
    return postgres_query_of(
        conn,
        "WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION SELECT i.inhrelid FROM pg_inherits i"
        " JOIN tree ON i.inhparent = tree.oid)"
        " SELECT EXISTS (SELECT relid::oid FROM pg_partition_tree($1::oid::regclass) EXCEPT"
        " SELECT oid FROM tree)",
        parent, out, err);
}

status postgres_plan_holds(struct source *source, const struct read_plan *plan, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    const struct plan_watch *watch = plan->driver;
    status_code s;
    pthread_mutex_lock(&source->mutex);
    if (!postgres_answers(source->exporter, "SELECT 1", source->connect.connect_timeout_s * 1000,
                          err))
        s = err->code;
    else if (libpq.PQtransactionStatus(source->exporter) == PQTRANS_INTRANS)
        s = look(source->exporter, watch ? watch->parent : 0, &result, err);
    else
        s = error_set(err, STATUS_SNAPSHOT_LOST, "its transaction has ended");
    pthread_mutex_unlock(&source->mutex);
    if (s != STATUS_OK)
        return postgres_snapshot_verdict(source, s, err);
    if (libpq.PQgetvalue(result, 0, 0)[0] != 't')
        return STATUS_OK;
    return error_set(err, STATUS_SNAPSHOT_LOST,
                     "a partition was attached to %s while it was read; run again", plan->relation);
}
