/* Connections: how one is made, what its session is set to, and what the server's errors mean here. */
#ifndef LEAT_SOURCE_POSTGRES_CONNECTION_H
#define LEAT_SOURCE_POSTGRES_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "source/postgres/libpq.h"

enum { POSTGRES_POLL_MS = 200 }; /* how often a wait looks whether it is cancelled */

struct connection_options {
    const char *location;                          /* URL or key-value string; never printed */
    int64_t statement_timeout_ms, lock_timeout_ms; /* 0: none */
    int64_t connect_timeout_s;
    int64_t network_timeout_s; /* a server that is silent for so long is cut off; 0: the system's */
    const struct cancel *const
        *cancel;         /* *CANCEL is looked at while a statement runs; NULLs: none */
    bool *sessions_kept; /* set once a pooler has proved to keep them, as it is asked once; NULL */
};

/* A connection whose session is set: UTF-8, UTC, no search_path, read only.
 * Errors: BAD_CONFIG (the string), DENIED, UNAVAILABLE. No message holds the password. */
status postgres_connect(const struct connection_options *options, PGconn **out, struct error *err);
/* The same with the session as the server made it. */
status postgres_connect_bare(const struct connection_options *options, PGconn **out,
                             struct error *err);
void postgres_disconnectp(PGconn **conn);
void postgres_clearp(PGresult **result);

/* SQL without a result; with one (the caller clears it). CANCELLED: the query is cancelled on the server, and the connection
 * is of no more use. */
status postgres_run(PGconn *conn, const char *sql, struct error *err);
/* What takes no time but the network's: UNAVAILABLE after WITHIN_MS. */
status postgres_run_within(PGconn *conn, const char *sql, int64_t within_ms, struct error *err);
status postgres_query(PGconn *conn, const char *sql, PGresult **out, struct error *err);
/* The same with N text parameters. */
status postgres_query_with(PGconn *conn, const char *sql, const char *const *values, int n,
                           PGresult **out, struct error *err);

/* Does the server answer SQL within WITHIN_MS? Else ERR says why not; a connection that is silent is severed. */
bool postgres_answers(PGconn *conn, const char *sql, int64_t within_ms, struct error *err);
/* For one that is idle: has it been ended meanwhile? Asks nobody. */
bool postgres_is_alive(PGconn *conn);
/* The same with one number as $1. */
status postgres_query_of(PGconn *conn, const char *sql, int64_t number, PGresult **out,
                         struct error *err);

/* A whole number in a cell; 0 where it is NULL or something else. */
int64_t postgres_cell_number(const PGresult *result, int row, int column);

/* What a SQLSTATE means for the run; *OUT_REMEDY: what to change, or NULL. */
status_code postgres_state_status(const char *state, const char **out_remedy);
/* As it stands in error.source_code. */
int postgres_state_number(const char *state);
/* An error of the server, by SQLSTATE: the status it means, the server's words, and how to mend it. Texts may be NULL. */
status postgres_error(struct error *err, const char *state, const char *message, const char *detail,
                      const char *hint);
/* Of a connection that was not made, by libpq's words. */
status postgres_connect_error(const char *message, struct error *err);
status postgres_result_error(PGconn *conn, const PGresult *result, struct error *err);

/* NAME in quotes, doubled inside: the only way names get into SQL. */
void postgres_quote(struct text *sql, const char *name);
void postgres_quote_literal(struct text *sql, const char *value);

/* host=... is this machine: a socket directory, localhost, 127.0.0.0/8, ::1 */
bool postgres_host_is_local(const char *host);
/* Both the name and the address that CONN is connected to are. */
bool postgres_is_local(PGconn *conn);

#endif
