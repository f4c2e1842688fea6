/* Ending what runs on the server, in bounded time. */
#ifndef LEAT_SOURCE_POSTGRES_CANCEL_H
#define LEAT_SOURCE_POSTGRES_CANCEL_H

#include "source/postgres/libpq.h"

/* Cancel CONN's query and sever the connection; it is closed by its owner. Returns after two seconds at the latest, also when
 * the server is cut off. */
void postgres_cancel(PGconn *conn);
/* From now on CONN is broken for both sides. */
void postgres_sever(PGconn *conn);

#endif
