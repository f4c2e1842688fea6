/* thread_run_all: an index that grows, and as many threads as there are taking from it.
 *
 *   caller --create--> worker 1..T-1 --+--> take next i --> task(i) --ok--> take next
 *      |                               |                        |
 *      +---- is a worker too ----------+                      fails: first one keeps its error,
 *      +---- joins, returns that error                               then cancel is requested
 *
 * The error is kept before cancel is requested, so the CANCELLED of the others can't come first. */
#include "thread/thread.h"

static int system_create(pthread_t *out, void *(*run)(void *), void *argument)
{
    return pthread_create(out, NULL, run, argument);
}

static int system_join(pthread_t thread)
{
    return pthread_join(thread, NULL);
}

static const struct thread_ops system_ops = {system_create, system_join};
static const struct thread_ops *ops = &system_ops;

const struct thread_ops *thread_set_ops(const struct thread_ops *new_ops)
{
    const struct thread_ops *former = ops;
    ops = new_ops;
    return former;
}

enum { MAX_THREADS = 256 };

struct crew {
    task_fn task;
    void *context;
    struct cancel *cancel;
    size_t n;
    atomic_size_t next;
    pthread_mutex_t mutex; /* of the two below */
    status_code failed;
    struct error *err; /* the caller's; of the first failure */
};

static void keep_first_failure(struct crew *crew, status_code failed, const struct error *err)
{
    (void)pthread_mutex_lock(&crew->mutex);
    if (crew->failed == STATUS_OK) {
        crew->failed = failed;
        if (crew->err)
            *crew->err = *err;
    }
    (void)pthread_mutex_unlock(&crew->mutex);
    cancel_request(crew->cancel, CANCEL_PEER_FAILED);
}

static void *work(void *argument)
{
    struct crew *crew = argument;
    while (cancel_reason(crew->cancel) == CANCEL_NONE) {
        size_t i = atomic_fetch_add(&crew->next, 1);
        if (i >= crew->n)
            break;
        struct error err = {0};
        status_code result = crew->task(crew->context, i, &err);
        if (result != STATUS_OK)
            keep_first_failure(crew, result, &err);
    }
    return NULL;
}

status thread_run_all(size_t n, unsigned threads, task_fn task, void *context,
                      struct cancel *cancel, struct error *err)
{
    struct cancel own = {0}; /* the failure of one must stop the others without a CANCEL too */
    struct crew crew = {.task = task,
                        .context = context,
                        .cancel = cancel ? cancel : &own,
                        .n = n,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .err = err};
    pthread_t others[MAX_THREADS];
    size_t wanted = threads < MAX_THREADS ? threads : MAX_THREADS, made = 0;
    if (wanted > n)
        wanted = n;
    while (made + 1 < wanted && ops->create(&others[made], work, &crew) == 0)
        made++;
    (void)work(&crew);
    for (size_t i = 0; i < made; i++)
        (void)ops->join(others[i]);
    (void)pthread_mutex_destroy(&crew.mutex);
    if (crew.failed != STATUS_OK)
        return crew.failed;
    return atomic_load(&crew.next) >= n ? STATUS_OK : cancel_check(crew.cancel, err);
}
