/* A cancel goes over a connection of its own (PostgreSQL, "Canceling Requests in Progress"). PQcancel makes it, sends and
 * waits for its end; each of these blocks as long as the kernel has patience when the network is cut. So a
 * thread of its own does it, and is left behind where it does not come back. */
#include "source/postgres/cancel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"

enum { PATIENCE_MS = 2000, STEP_MS = 2 };

struct request {
    PGcancel *cancel;
    atomic_int users; /* who asked, and who does it until it is done; the last one frees */
};

static void let_go(struct request *request)
{
    if (atomic_fetch_sub(&request->users, 1) > 1)
        return;
    libpq.PQfreeCancel(request->cancel);
    mem_free(request);
}

static void *send_request(void *argument)
{
    struct request *request = argument;
    char why[256];
    (void)libpq.PQcancel(request->cancel, why, sizeof(why));
    let_go(request);
    return NULL;
}

static void wait_for(struct request *request)
{
    for (int waited = 0; waited < PATIENCE_MS && atomic_load(&request->users) > 1;
         waited += STEP_MS)
        clock_sleep_ms(STEP_MS);
}

void postgres_sever(PGconn *conn)
{
    if (libpq.PQsocket(conn) >= 0)
        shutdown(libpq.PQsocket(conn), SHUT_RDWR);
}

void postgres_cancel(PGconn *conn)
{
    pthread_t thread;
    PGcancel *cancel = libpq.PQgetCancel(conn); /* NULL where it is broken already */
    struct request *request = cancel ? mem_zalloc(sizeof(*request)) : NULL;
    if (!request) {
        libpq.PQfreeCancel(cancel);
        postgres_sever(conn);
        return;
    }
    request->cancel = cancel;
    atomic_store(&request->users, 2);
    if (pthread_create(&thread, NULL, send_request, request) == 0) {
        pthread_detach(thread);
        wait_for(request);
    } else {
        let_go(request);
    }
    let_go(request);
    postgres_sever(conn);
}
