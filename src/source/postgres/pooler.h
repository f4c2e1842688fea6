/* A connection pooler between us and the server. */
#ifndef LEAT_SOURCE_POSTGRES_POOLER_H
#define LEAT_SOURCE_POSTGRES_POOLER_H

#include "source/postgres/connection.h"

/* The server process that runs the next statement of CONN. Behind a pooler it is another than PQbackendPID says, which is
 * made up. */
status pooler_backend(PGconn *conn, int64_t *out, struct error *err);
/* CONN is to a pooler. BAD_CONFIG: it lends its servers for a transaction at a time. Nothing is set on any of them. */
status pooler_keeps_sessions(const struct connection_options *options, PGconn *conn,
                             struct error *err);

#endif
