/* thread_run_all: an index that grows, and as many threads as there are taking from it. thread_run_steered (below): the same,
 * where the caller makes threads and lets them end as it is told.
 *
 *   caller --create--> worker 1..T-1 --+--> take next i --> task(i) --ok--> take next
 *      |                               |                        |
 *      +---- is a worker too ----------+                      fails: first one keeps its error,
 *      +---- joins, returns that error                               then cancel is requested
 *
 * The error is kept before cancel is requested, so the CANCELLED of the others can't come first. */
#include "thread/thread.h"

#include <stdbool.h>
#include <time.h>

#include "base/clock.h"

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

bool thread_begin(pthread_t *out, void *(*run)(void *), void *argument)
{
    return ops->create(out, run, argument) == 0;
}

void thread_join(pthread_t thread)
{
    (void)ops->join(thread);
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

/* False: nothing is left to do. */
static bool do_next(struct crew *crew)
{
    if (cancel_reason(crew->cancel) != CANCEL_NONE)
        return false;
    size_t i = atomic_fetch_add(&crew->next, 1);
    if (i >= crew->n)
        return false;
    struct error err = {0};
    status_code result = crew->task(crew->context, i, &err);
    if (result != STATUS_OK)
        keep_first_failure(crew, result, &err);
    return true;
}

static void *work(void *argument)
{
    while (do_next(argument))
        ;
    return NULL;
}

static status outcome(struct crew *crew, struct error *err)
{
    if (crew->failed != STATUS_OK)
        return crew->failed;
    return atomic_load(&crew->next) >= crew->n ? STATUS_OK : cancel_check(crew->cancel, err);
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
    return outcome(&crew, err);
}

/* ---- steered ---- */

enum place { EMPTY, WORKING, ENDED };

struct member {
    struct steered_crew *of;
    pthread_t thread;
    enum place place; /* EMPTY: no thread; ENDED: to be joined */
};

struct steered_crew {
    struct crew crew;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t ended;
    unsigned wanted, working, to_join;
    struct member members[MAX_THREADS];
};

/* One of too many goes; counted down under the lock, so that not all of them do. */
static bool may_go_on(struct steered_crew *steered)
{
    (void)pthread_mutex_lock(&steered->mutex);
    bool stays = steered->working <= steered->wanted;
    if (!stays)
        steered->working--;
    (void)pthread_mutex_unlock(&steered->mutex);
    return stays;
}

static void *work_steered(void *argument)
{
    struct member *member = argument;
    struct steered_crew *steered = member->of;
    bool stays = true;
    while (stays && do_next(&steered->crew))
        stays = may_go_on(steered);
    (void)pthread_mutex_lock(&steered->mutex);
    if (stays)
        steered->working--;
    member->place = ENDED;
    steered->to_join++;
    (void)pthread_cond_signal(&steered->ended);
    (void)pthread_mutex_unlock(&steered->mutex);
    return NULL;
}

/* The lock is held: a thread that has ENDED only gives it back. */
static void join_ended(struct steered_crew *steered)
{
    for (size_t i = 0; steered->to_join > 0; i++) {
        if (steered->members[i].place != ENDED)
            continue;
        (void)ops->join(steered->members[i].thread);
        steered->members[i].place = EMPTY;
        steered->to_join--;
    }
}

static void make_wanted(struct steered_crew *steered)
{
    for (size_t i = 0; i < MAX_THREADS && steered->working < steered->wanted; i++) {
        struct member *member = &steered->members[i];
        if (member->place != EMPTY)
            continue;
        member->of = steered;
        member->place = WORKING;
        steered->working++;
        if (ops->create(&member->thread, work_steered, member) != 0) {
            member->place = EMPTY;
            steered->working--;
            return;
        }
    }
}

static void wait_for_end(struct steered_crew *steered)
{
    struct timespec until;
    if (steered->to_join > 0) /* it ended while the lock was free */
        return;
    int64_t until_ns = clock_monotonic_ns() + STEER_MS * 1000000LL;
    until = (struct timespec){.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    (void)pthread_cond_timedwait(&steered->ended, &steered->mutex, &until);
}

/* The lock is held, but not while a task or STEER runs. */
static void lead(struct steered_crew *steered, steer_fn steer)
{
    struct crew *crew = &steered->crew;
    for (;;) {
        join_ended(steered);
        bool left =
            atomic_load(&crew->next) < crew->n && cancel_reason(crew->cancel) == CANCEL_NONE;
        if (!left && steered->working == 0)
            return;
        if (left) {
            unsigned working = steered->working;
            (void)pthread_mutex_unlock(&steered->mutex);
            unsigned wanted = steer(crew->context, working);
            (void)pthread_mutex_lock(&steered->mutex);
            steered->wanted = wanted;
            make_wanted(steered);
            if (wanted > 0 && steered->working == 0) {
                (void)pthread_mutex_unlock(&steered->mutex);
                (void)do_next(crew);
                (void)pthread_mutex_lock(&steered->mutex);
                continue;
            }
        }
        wait_for_end(steered);
    }
}

static void steered_init(struct steered_crew *steered)
{
    pthread_condattr_t steady;
    (void)pthread_mutex_init(&steered->crew.mutex, NULL);
    (void)pthread_mutex_init(&steered->mutex, NULL);
    (void)pthread_condattr_init(&steady);
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&steered->ended, &steady);
    (void)pthread_condattr_destroy(&steady);
}

status thread_run_steered(size_t n, task_fn task, steer_fn steer, void *context,
                          struct cancel *cancel, struct error *err)
{
    struct cancel own = {0};
    struct steered_crew steered = {.crew = {.task = task,
                                            .context = context,
                                            .cancel = cancel ? cancel : &own,
                                            .n = n,
                                            .err = err}};
    steered_init(&steered);
    (void)pthread_mutex_lock(&steered.mutex);
    lead(&steered, steer);
    (void)pthread_mutex_unlock(&steered.mutex);
    (void)pthread_cond_destroy(&steered.ended);
    (void)pthread_mutex_destroy(&steered.mutex);
    (void)pthread_mutex_destroy(&steered.crew.mutex);
    return outcome(&steered.crew, err);
}
