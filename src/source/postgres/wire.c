#include "source/postgres/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "source/postgres/connection.h"

enum {
    READ_BYTES = 256 << 10, /* fits the second-level cache together with the columns of a block */
    KEEP_BYTES = 1 << 20,   /* a buffer that one large row needed is not kept for the others */
    POLL_MS = 200,          /* the cancel flag is looked at so often while the server is silent */
    FLOW_BYTES = 1 << 20,   /* after so many there are likely to be many more */
    NAP_BYTES = READ_BYTES / 2,
    NAP_FIRST_US = 200,
    NAP_LEAST_US = 20,
    NAP_MOST_US = 1000,
};

void wire_init(struct wire *wire, PGconn *conn, size_t max_message)
{
    *wire = (struct wire){
        .conn = conn,
        .socket = libpq.PQsocket(conn),
        .bulk = !libpq.PQsslInUse(conn) && !libpq.PQgssEncInUse(conn),
        .max_message =
            max_message && max_message < WIRE_MOST_MESSAGE ? max_message : WIRE_MOST_MESSAGE,
    };
}

void wire_release(struct wire *wire)
{
    buffer_release(&wire->in);
    wire->at = 0;
}

/* ---- bytes ---- */

static status wait_for(struct wire *wire, short events, const struct cancel *cancel,
                       struct error *err)
{
    int64_t since = clock_monotonic_ns();
    for (;;) {
        struct pollfd one = {.fd = wire->socket, .events = events};
        TRY(cancel_check(cancel, err));
        int ready = poll(&one, 1, POLL_MS);
        if (ready > 0)
            return STATUS_OK;
        if (ready < 0 && errno != EINTR)
            return error_os(err, errno, "cannot wait for the server");
        if (wire->silent && clock_monotonic_ns() - since > wire->silent_ms * 1000000) {
            status_code s = wire->silent(wire->silent_context, err);
            if (s != STATUS_OK && poll(&one, 1, 0) == 0) { /* nothing came while it was asked */
                wire->busy = false;
                return s;
            }
            since = clock_monotonic_ns();
        }
    }
}

/* Where poll wakes us for each 8 kB that the server sends, the processor goes back and forth between the two, and what is
 * decoded at once is a few dozen rows. Rows that flow are left to gather in the socket's buffer for as long as NAP_BYTES of
 * them took the last time: that is less than the buffer holds, so the server goes on. */
static bool nap(struct wire *wire)
{
    if (wire->bytes < FLOW_BYTES)
        return false;
    if (wire->nap_us == 0)
        wire->nap_us = NAP_FIRST_US;
    clock_sleep_us(wire->nap_us);
    return true;
}

/* By a quarter at most: one nap says little. */
static void learn_nap(struct wire *wire, size_t gathered)
{
    int64_t next = wire->nap_us * NAP_BYTES / (int64_t)gathered;
    int64_t least = wire->nap_us * 4 / 5, most = wire->nap_us * 5 / 4;
    next = next < least ? least : next > most ? most : next;
    wire->nap_us = next < NAP_LEAST_US ? NAP_LEAST_US : next > NAP_MOST_US ? NAP_MOST_US : next;
}

static status lost(struct wire *wire, int os_errno, struct error *err)
{
    wire->busy = false;
    if (os_errno)
        return error_set(err, STATUS_UNAVAILABLE, "the connection to the server broke: %s",
                         strerror(os_errno));
    return error_set(err, STATUS_UNAVAILABLE, "the server closed the connection");
}

static status too_large(const struct wire *wire, size_t size, struct error *err)
{
    char is[32], most[32];
    return error_set(err, STATUS_BAD_DATA,
                     "a row of %s is larger than the memory allows (%s): raise --memory, or leave "
                     "large columns out with select",
                     text_format_bytes(size, is), text_format_bytes(wire->max_message, most));
}

/* What is left of the messages moves to the front. */
static status close_up(struct wire *wire, size_t wanted, struct error *err)
{
    struct buffer *in = &wire->in, fresh = {0};
    size_t left = in->size - wire->at;
    if (in->capacity > KEEP_BYTES && wanted < KEEP_BYTES) {
        TRY(buffer_reserve(&fresh, wanted, err));
        if (left > 0)
            memcpy(fresh.data, in->data + wire->at, left);
        buffer_release(in);
        *in = fresh;
    } else if (wire->at > 0 && left > 0) {
        memmove(in->data, in->data + wire->at, left);
    }
    in->size = left;
    wire->at = 0;
    return wanted > in->capacity ? buffer_reserve(in, wanted, err) : STATUS_OK;
}

/* Taken messages make room; a message larger than the buffer makes it grow. *OUT_UP_TO: where reading ends, so that no
 * block of rows is larger than READ_BYTES or one row. */
static status make_room(struct wire *wire, size_t *out_up_to, struct error *err)
{
    size_t left = wire->in.size - wire->at, wanted = READ_BYTES;
    if (left >= WIRE_HEADER_BYTES) {
        size_t length = load_u32be(wire->in.data + wire->at + 1);
        if (length < WIRE_LEAST_LENGTH)
            return error_set(err, STATUS_BAD_DATA, "the server sent a message of %zu bytes",
                             length);
        wire->cut = length > wire->max_message && left >= READ_BYTES;
        if (wire->cut || length > WIRE_MOST_MESSAGE)
            return too_large(wire, length, err);
        if (1 + length > wanted && length <= wire->max_message)
            wanted = 1 + length;
    }
    *out_up_to = wanted;
    return close_up(wire, wanted, err);
}

static status read_some(struct wire *wire, const struct cancel *cancel, struct error *err)
{
    struct buffer *in = &wire->in;
    size_t up_to = 0;
    bool napped = false;
    TRY(make_room(wire, &up_to, err));
    for (;;) {
        ssize_t n = recv(wire->socket, in->data + in->size, up_to - in->size, MSG_DONTWAIT);
        if (n > 0) {
            in->size += (size_t)n;
            wire->bytes += (uint64_t)n;
            if (napped)
                learn_nap(wire, (size_t)n);
            return STATUS_OK;
        }
        if (n == 0)
            return lost(wire, 0, err);
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return lost(wire, errno, err);
        if (napped || !nap(wire))
            TRY(wait_for(wire, POLLIN, cancel, err));
        else
            napped = true;
    }
}

static status send_query(struct wire *wire, const char *sql, const struct cancel *cancel,
                         struct error *err)
{
    size_t size = strlen(sql) + 1, sent = 0;
    uint8_t header[WIRE_HEADER_BYTES] = {'Q'};
    uint32_t length = __builtin_bswap32((uint32_t)(size + WIRE_LEAST_LENGTH));
    memcpy(header + 1, &length, sizeof(length));
    wire->in.size = wire->at = 0;
    TRY(buffer_append(&wire->in, header, sizeof(header), err));
    TRY(buffer_append(&wire->in, sql, size, err));
    wire->busy = true;
    while (sent < wire->in.size) {
        ssize_t n = send(wire->socket, wire->in.data + sent, wire->in.size - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0)
            sent += (size_t)n;
        else if (errno == EAGAIN)
            TRY(wait_for(wire, POLLOUT, cancel, err));
        else if (errno != EINTR)
            return lost(wire, errno, err);
    }
    wire->in.size = 0;
    return STATUS_OK;
}

/* ---- messages ---- */

/* Fields of an ErrorResponse: a letter and a string each, a zero at the end. */
static const char *error_field(const uint8_t *body, size_t size, char letter)
{
    size_t at = 0;
    while (at < size && body[at]) {
        const char *value = (const char *)body + at + 1;
        const uint8_t *end = memchr(value, 0, size - at - 1);
        if (!end)
            return NULL;
        if ((char)body[at] == letter)
            return value;
        at = (size_t)(end - body) + 1;
    }
    return NULL;
}

static status server_error(const uint8_t *body, size_t size, struct error *err)
{
    const char *state = error_field(body, size, 'C');
    const char *message = error_field(body, size, 'M');
    const char *detail = error_field(body, size, 'D');
    const char *hint = error_field(body, size, 'H');
    return postgres_error(err, state, message, detail, hint);
}

/* One message that is no CopyData. ERR holds the first error; reading goes on to ReadyForQuery. */
static status take_message(struct wire *wire, size_t size, status_code *failed, struct error *err)
{
    const uint8_t *message = wire->in.data + wire->at, *body = message + WIRE_HEADER_BYTES;
    wire->at += size;
    switch (message[0]) {
    case 'H':
        wire->copying = true;
        return STATUS_OK;
    case 'c':
        wire->copying = false;
        return STATUS_OK;
    case 'E':
        wire->copying = false;
        if (*failed == STATUS_OK)
            *failed = server_error(body, size - WIRE_HEADER_BYTES, err);
        return STATUS_OK;
    case 'Z':
        wire->busy = false;
        return STATUS_OK;
    case 'd': /* behind an error */
    case 'C':
    case 'N':
    case 'S':
    case 'A':
        return STATUS_OK;
    default:
        return error_set(*failed == STATUS_OK ? err : NULL, STATUS_BAD_DATA,
                         "the server sent a message of type %d where none was due", message[0]);
    }
}

static status next_message(struct wire *wire, const struct cancel *cancel, size_t *out_size,
                           struct error *err)
{
    while ((*out_size = wire_message(wire, wire->at)) == 0) {
        status_code s = read_some(wire, cancel, err);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

/* FOUND: the server's error, told when the connection is idle again or has ended. */
static status fill_bulk(struct wire *wire, const struct cancel *cancel, struct error *err)
{
    status_code failed = STATUS_OK;
    struct error found = {0};
    size_t size;
    while (wire->busy) {
        status_code s = next_message(wire, cancel, &size, failed == STATUS_OK ? &found : NULL);
        if (s == STATUS_OK && wire->copying && wire->in.data[wire->at] == 'd')
            return STATUS_OK;
        if (s == STATUS_OK)
            s = take_message(wire, size, &failed, &found);
        if (s != STATUS_OK) {
            failed = failed == STATUS_OK ? s : failed;
            break;
        }
    }
    if (failed == STATUS_OK)
        return STATUS_END;
    if (err)
        *err = found;
    return failed;
}

/* ---- through libpq, where the bytes are encrypted ---- */

static status append_row(struct wire *wire, const char *row, int size, struct error *err)
{
    uint8_t header[WIRE_HEADER_BYTES] = {'d'};
    uint32_t length = __builtin_bswap32((uint32_t)size + WIRE_LEAST_LENGTH);
    memcpy(header + 1, &length, sizeof(length));
    TRY(buffer_append(&wire->in, header, sizeof(header), err));
    TRY(buffer_append(&wire->in, row, (size_t)size, err));
    wire->bytes += (uint64_t)size + sizeof(header);
    return STATUS_OK;
}

static status finish_copy(struct wire *wire, struct error *err)
{
    status_code s = STATUS_OK;
    PGresult *result;
    wire->copying = wire->busy = false;
    while ((result = libpq.PQgetResult(wire->conn))) {
        if (s == STATUS_OK && libpq.PQresultStatus(result) != PGRES_COMMAND_OK)
            s = postgres_result_error(wire->conn, result, err);
        libpq.PQclear(result);
    }
    return s == STATUS_OK ? STATUS_END : s;
}

static status fill_by_libpq(struct wire *wire, const struct cancel *cancel, struct error *err)
{
    if (wire_message(wire, wire->at) > 0) /* more rows came than were taken */
        return STATUS_OK;
    wire->in.size = wire->at = 0;
    if (!wire->busy)
        return STATUS_END;
    if (!wire->copying)
        return finish_copy(wire, err);
    while (wire->in.size < READ_BYTES) {
        char *row = NULL;
        int size = libpq.PQgetCopyData(wire->conn, &row, true);
        if (size > 0) {
            status_code s = (size_t)size > wire->max_message ? too_large(wire, (size_t)size, err)
                                                             : append_row(wire, row, size, err);
            libpq.PQfreemem(row);
            TRY(s);
        } else if (size < 0) {
            wire->copying = false;
            return wire->in.size > 0 ? STATUS_OK : finish_copy(wire, err);
        } else if (wire->in.size > 0) {
            return STATUS_OK;
        } else {
            TRY(wait_for(wire, POLLIN, cancel, err));
            if (!libpq.PQconsumeInput(wire->conn))
                return lost(wire, 0, err);
        }
    }
    return STATUS_OK;
}

static status copy_by_libpq(struct wire *wire, const char *sql, const struct cancel *cancel,
                            struct error *err)
{
    status_code s = STATUS_OK;
    if (!libpq.PQsendQuery(wire->conn, sql))
        return lost(wire, 0, err);
    wire->busy = true;
    while (libpq.PQisBusy(wire->conn)) { /* it may wait for a lock: the cancel flag is looked at */
        TRY(wait_for(wire, POLLIN, cancel, err));
        if (!libpq.PQconsumeInput(wire->conn))
            return lost(wire, 0, err);
    }
    PGresult *result = libpq.PQgetResult(wire->conn);
    if (libpq.PQresultStatus(result) != PGRES_COPY_OUT)
        s = postgres_result_error(wire->conn, result, err);
    libpq.PQclear(result);
    wire->copying = wire->busy = s == STATUS_OK;
    return s;
}

/* ---- the verbs ---- */

status wire_copy(struct wire *wire, const char *sql, const struct cancel *cancel, struct error *err)
{
    if (!wire->bulk)
        return copy_by_libpq(wire, sql, cancel, err);
    TRY(send_query(wire, sql, cancel, err));
    status_code failed = STATUS_OK;
    while (wire->busy && !wire->copying) {
        size_t size;
        status_code s = next_message(wire, cancel, &size, failed == STATUS_OK ? err : NULL);
        if (s != STATUS_OK && failed != STATUS_OK)
            break; /* a fatal error, then the end of the connection */
        TRY(s);
        TRY(take_message(wire, size, &failed, err));
    }
    return failed;
}

status wire_fill(struct wire *wire, const struct cancel *cancel, struct error *err)
{
    return wire->bulk ? fill_bulk(wire, cancel, err) : fill_by_libpq(wire, cancel, err);
}
