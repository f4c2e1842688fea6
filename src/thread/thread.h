/* Threads and the few ways they meet, behind a table a test can replace. */
#ifndef LEAT_THREAD_THREAD_H
#define LEAT_THREAD_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/error.h"

struct thread_ops {
    /* 0 or an errno; as pthread_create and pthread_join. */
    int (*create)(pthread_t *out, void *(*run)(void *), void *argument);
    int (*join)(pthread_t thread);
};
const struct thread_ops *thread_set_ops(const struct thread_ops *ops);

/* One thread beside the caller's. False: none can be made. What was begun is joined. */
bool thread_begin(pthread_t *out, void *(*run)(void *), void *argument);
void thread_join(pthread_t thread);

/* A counting gate: at most LIMIT holders. Served in the order of asking. */
struct gate;
status gate_new(unsigned limit, struct gate **out, struct error *err);
void gate_free(struct gate *gate);
/* CANCELLED when CANCEL was requested while waiting (looked at every 50 ms). */
status gate_enter(struct gate *gate, struct cancel *cancel, struct error *err);
void gate_leave(struct gate *gate);

/* Run TASK(context, i) for i in [0, n) on at most THREADS threads (this one counts), each number once, in order of
 * number as threads come free. The first failure requests CANCEL (PEER_FAILED), the others end at their next look;
 * its status and error are returned. When a thread can't be made, goes on with those there are. */
typedef status_code (*task_fn)(void *context, size_t i, struct error *err);
status thread_run_all(size_t n, unsigned threads, task_fn task, void *context,
                      struct cancel *cancel, struct error *err);

/* The same with threads that come and go. STEER, called by the calling thread alone, which does no task, says how many there
 * should be: at the start, whenever a thread has ended, and every STEER_MS. Threads that are too many end after the task
 * they are in; with 0 the tasks wait until it says more. RUNNING: those there are now. It is not called any more once
 * every number is taken. When no thread can be made at all, the caller does the tasks. */
enum { STEER_MS = 25 };
typedef unsigned (*steer_fn)(void *context, unsigned running);
status thread_run_steered(size_t n, task_fn task, steer_fn steer, void *context,
                          struct cancel *cancel, struct error *err);

/* Cores this process may use (affinity and cgroup quota), at least 1. */
unsigned thread_cores(void);

#endif
