/* Connections to one database file, always read-only, and the few calls every part of the driver makes. */
#ifndef LEAT_SOURCE_SQLITE_CONNECTION_H
#define LEAT_SOURCE_SQLITE_CONNECTION_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

/* Open PATH (absolute) for reading. Nothing is created, no checkpoint is run at close, functions in the
 * schema are not trusted, statements that write are refused.
 *   shared   true: several threads may use the connection (slower)
 * Errors: NOT_FOUND, DENIED, UNAVAILABLE, BAD_DATA (not a database). */
status sqlite_connect(const char *path, bool shared, int64_t busy_ms, sqlite3 **out,
                      struct error *err);
void sqlite_disconnectp(sqlite3 **db); /* for SCOPED; accepts NULL inside */

/* ERR from the result code RC of a call on DB: "what: SQLite's text". Code: see connection.c. */
status sqlite_fail(sqlite3 *db, int rc, struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* SQL that the driver wrote itself, or that was checked before. */
status sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct error *err);
void sqlite_finalizep(sqlite3_stmt **statement); /* for SCOPED */
/* OK with a row, END without. */
status sqlite_step(sqlite3_stmt *statement, struct error *err);
status sqlite_exec(sqlite3 *db, const char *sql, struct error *err);
/* The first column of the first row as an integer; 0 when there is no row. */
status sqlite_number(sqlite3 *db, const char *sql, int64_t *out, struct error *err);

/* Append NAME as an identifier: in double quotes, each inner one doubled. The only place that does so. */
void sqlite_quote(struct text *sql, const char *name);

#endif
