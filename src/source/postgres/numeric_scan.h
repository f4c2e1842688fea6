/* numeric without precision, looked at before it is read. */
#ifndef LEAT_SOURCE_POSTGRES_NUMERIC_SCAN_H
#define LEAT_SOURCE_POSTGRES_NUMERIC_SCAN_H

#include "source/postgres/table.h"

/* A decimal for each of the N picked columns that is a numeric without precision, if the job gives it no type: that of the
 * table's contract, else one that holds all values CONN sees, with room for larger ones; else it stays text.
 *   table   its columns' wire types change, and say why */
status numeric_scan(PGconn *conn, const struct read_request *request, struct postgres_table *table,
                    const size_t *picked, size_t n, struct arena *arena, struct error *err);

#endif
