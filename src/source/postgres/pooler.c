/* Settings and snapshots belong to a session of the server. A pooler that lends a server for a transaction at a time would
 * lose ours and leave them to whoever comes next. It can be told from one that lends it for a session: there, two clients
 * that are both connected never have the same server, and one keeps its own. */
#include "source/postgres/pooler.h"

status pooler_backend(PGconn *conn, int64_t *out, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    TRY(postgres_query(conn, "SELECT pg_catalog.pg_backend_pid()", &result, err));
    *out = postgres_cell_number(result, 0, 0);
    return STATUS_OK;
}

status pooler_keeps_sessions(const struct connection_options *options, PGconn *conn,
                             struct error *err)
{
    SCOPED(postgres_disconnectp) PGconn *other = NULL;
    int64_t first, others, again;
    TRY(pooler_backend(conn, &first, err));
    TRY(postgres_connect_bare(options, &other, err));
    TRY(pooler_backend(other, &others, err));
    TRY(pooler_backend(conn, &again, err));
    if (others != first && again == first)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_CONFIG,
                     "a connection pooler answers, which takes another session of the server for "
                     "each transaction; a snapshot needs one that stays: connect to the server "
                     "itself, or to a pool with pool_mode = session");
}
