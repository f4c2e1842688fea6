/* The budget: a count under a mutex and a queue of those who wait.
 *
 *   1. used <= limit always (limit 0: none).
 *   2. Only the head of the queue may take from a wait; a new waiter queues when anybody waits.
 *   3. budget_try passes the queue: its caller holds bytes that come back only if it gets on. */
#include "base/memory.h"

#include <pthread.h>
#include <time.h>

#include "base/cancel.h"

enum { CANCEL_LOOK_MS = 50 };

struct waiter {
    struct waiter *next;
};

struct budget {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* bytes came back, or the head of the queue left */
    size_t limit, used, peak;
    struct waiter *first, **last;
};

status budget_new(size_t limit_bytes, struct budget **out, struct error *err)
{
    SCOPED(mem_freep) struct budget *budget = mem_zalloc(sizeof(*budget));
    if (!budget)
        return error_no_memory(err);
    budget->limit = limit_bytes;
    budget->last = &budget->first;
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed)
        return error_os(err, failed, "cannot make the memory budget");
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!failed)
        failed = pthread_cond_init(&budget->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (failed)
        return error_os(err, failed, "cannot make the memory budget");
    (void)pthread_mutex_init(&budget->mutex, NULL); /* default attributes: cannot fail on Linux */
    *out = TAKE(budget);
    return STATUS_OK;
}

void budget_free(struct budget *budget)
{
    if (!budget)
        return;
    (void)pthread_cond_destroy(&budget->changed);
    (void)pthread_mutex_destroy(&budget->mutex);
    mem_free(budget);
}

size_t budget_limit(const struct budget *budget)
{
    return budget->limit;
}

static size_t read_locked(const struct budget *budget, const size_t *field)
{
    pthread_mutex_t *mutex = (pthread_mutex_t *)&budget->mutex;
    (void)pthread_mutex_lock(mutex);
    size_t value = *field;
    (void)pthread_mutex_unlock(mutex);
    return value;
}

size_t budget_used(const struct budget *budget)
{
    return read_locked(budget, &budget->used);
}

size_t budget_peak(const struct budget *budget)
{
    return read_locked(budget, &budget->peak);
}

/* Under the mutex. */
static bool take(struct budget *budget, size_t bytes)
{
    size_t used;
    if (__builtin_add_overflow(budget->used, bytes, &used) ||
        (budget->limit && used > budget->limit))
        return false;
    budget->used = used;
    if (used > budget->peak)
        budget->peak = used;
    return true;
}

bool budget_try(struct budget *budget, size_t bytes)
{
    (void)pthread_mutex_lock(&budget->mutex);
    bool taken = take(budget, bytes);
    (void)pthread_mutex_unlock(&budget->mutex);
    return taken;
}

static void enqueue(struct budget *budget, struct waiter *waiter)
{
    *budget->last = waiter;
    budget->last = &waiter->next;
}

static void dequeue(struct budget *budget, const struct waiter *waiter)
{
    struct waiter **link = &budget->first;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    if (!*link)
        budget->last = link;
    (void)pthread_cond_broadcast(&budget->changed); /* the next in line may fit */
}

static void wait_a_little(struct budget *budget)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += CANCEL_LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&budget->changed, &budget->mutex, &until);
}

status budget_wait(struct budget *budget, size_t bytes, struct cancel *cancel, struct error *err)
{
    if (budget->limit && bytes > budget->limit)
        return error_set(err, STATUS_NO_MEMORY,
                         "%zu bytes are needed at once, the memory budget is %zu bytes; raise it",
                         bytes, budget->limit);
    struct waiter waiter = {0};
    status_code result = STATUS_OK;
    (void)pthread_mutex_lock(&budget->mutex);
    if (budget->first || !take(budget, bytes)) {
        enqueue(budget, &waiter);
        while ((result = cancel_check(cancel, err)) == STATUS_OK) {
            if (budget->first == &waiter && take(budget, bytes))
                break;
            wait_a_little(budget);
        }
        dequeue(budget, &waiter);
    }
    (void)pthread_mutex_unlock(&budget->mutex);
    return result;
}

void budget_return(struct budget *budget, size_t bytes)
{
    (void)pthread_mutex_lock(&budget->mutex);
    budget->used -= bytes < budget->used ? bytes : budget->used;
    (void)pthread_cond_broadcast(&budget->changed);
    (void)pthread_mutex_unlock(&budget->mutex);
}
