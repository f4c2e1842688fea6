/* The rows of one COPY ... TO STDOUT, in bulk.
 *
 * libpq connects, authenticates and runs every other statement. Its PQgetCopyData allocates and copies each row, which
 * costs more than decoding it; so between two statements, when libpq has nothing left to read, the query message
 * is sent and its answers are read here, straight from the socket (PostgreSQL, "Frontend/Backend Protocol", Message
 * Formats; Copy-out sends one CopyData message for each row). When ReadyForQuery has come, libpq goes on as if
 * nothing had been. Where the connection is encrypted, PQgetCopyData fills the same buffer. */
#ifndef LEAT_SOURCE_POSTGRES_WIRE_H
#define LEAT_SOURCE_POSTGRES_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/memory.h"
#include "source/postgres/libpq.h"

/* The server has been silent for a while: does it still work? Else UNAVAILABLE. */
typedef status_code (*wire_silent_fn)(void *context, struct error *err);

struct wire {
    PGconn *conn;
    int socket;       /* CONN's, while messages are read here */
    struct buffer in; /* messages as they come; [at, in.size) is not taken yet */
    size_t at;
    bool bulk;      /* read here; false: by PQgetCopyData */
    bool copying;   /* between CopyOutResponse and CopyDone */
    bool busy;      /* a query is out and ReadyForQuery has not come */
    uint64_t bytes; /* read from the server */
    int64_t nap_us; /* how long the server takes to send half a block, about; 0: not known */
    size_t max_message;
    wire_silent_fn silent; /* asked after each silent_ms without a byte; NULL: nobody is */
    void *silent_context;
    int64_t silent_ms;
    bool cut; /* the message at `at` was refused for its size; its first READ_BYTES are there */
};

enum { WIRE_HEADER_BYTES = 5 }; /* type and length of a message */

/* A message's length counts itself; no row of a server is larger than 1 GiB, so 32 bits are enough for a place in `in`. */
enum { WIRE_LEAST_LENGTH = 4, WIRE_MOST_MESSAGE = 1 << 30 };

/* CONN is idle and stays the caller's; MAX_MESSAGE: a longer row is BAD_DATA; 0: the protocol's limit. */
void wire_init(struct wire *wire, PGconn *conn, size_t max_message);
void wire_release(struct wire *wire);

/* Start "COPY (SQL) TO STDOUT (FORMAT binary)"; returns when the server has agreed. */
status wire_copy(struct wire *wire, const char *sql, const struct cancel *cancel,
                 struct error *err);
/* At least one more CopyData message, whole, at `at`; as many as came with it. END: there is none left, and the
 * connection is idle again. What was taken before `at` is gone. UNAVAILABLE: the connection broke. Errors of
 * the server are told by its SQLSTATE. */
status wire_fill(struct wire *wire, const struct cancel *cancel, struct error *err);

/* Bytes of the message at AT, header included, or 0 while it is not whole, or says that it is smaller than its
 * header: then the next wire_fill refuses it. */
static inline size_t wire_message(const struct wire *wire, size_t at)
{
    size_t left = wire->in.size - at;
    if (left < WIRE_HEADER_BYTES)
        return 0;
    uint32_t length;
    __builtin_memcpy(&length, wire->in.data + at + 1, sizeof(length));
    size_t size = 1 + (size_t)__builtin_bswap32(length);
    return size >= WIRE_HEADER_BYTES && size <= left ? size : 0;
}

#endif
