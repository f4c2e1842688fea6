/* The bound of a standby, from the server that it follows (option `fence`). */
#ifndef LEAT_SOURCE_POSTGRES_PRIMARY_H
#define LEAT_SOURCE_POSTGRES_PRIMARY_H

#include "source/postgres/postgres.h"

/* A connection to the primary of the cluster that STANDBY is of. BAD_CONFIG: it is of another cluster or database, or a
 * standby itself. */
status primary_connect(const struct source *source, PGconn *standby, PGconn **out,
                       struct error *err);
/* source->before and source->facts, from the primary; then wait until STANDBY has replayed what was there. Its next snapshot
 * is later than the facts. UNAVAILABLE: it did not come so far in time. */
status primary_look(struct source *source, PGconn *standby, const char *const *streams,
                    int64_t settle_ms, struct error *err);

#endif
