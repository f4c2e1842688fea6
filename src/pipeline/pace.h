/* What all readers of a run count together, and the rate they keep to. */
#ifndef LEAT_PIPELINE_PACE_H
#define LEAT_PIPELINE_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/error.h"

struct pace {
    atomic_uint_least64_t bytes; /* read since the start */
    atomic_uint reading,
        most_reading; /* splits with a row read and not ended; the most since it was set to 0 */
    uint64_t bytes_per_second; /* all together, at most; 0: no limit. Set before they begin */
    pthread_mutex_t mutex;
    int64_t paid_until_ns; /* what was read is within the rate up to then */
};

void pace_init(struct pace *pace);
void pace_release(struct pace *pace);

/* BYTES were read at NOW: how long the reader that read them waits before it reads more, in nanoseconds. */
int64_t pace_owed_ns(struct pace *pace, uint64_t bytes, int64_t now_ns);
/* Count BYTES and wait as long as is owed. CANCELLED. Threads: any number. */
status pace_took(struct pace *pace, uint64_t bytes, const struct cancel *cancel, struct error *err);

/* One reader's steps: small enough that what it read is soon counted, and few. */
struct pace_step {
    size_t rows;
    int reading; /* counted in pace->reading */
};
/* Rows to ask for next, at most MOST. */
size_t pace_step_rows(const struct pace_step *step, size_t most);
/* Of a chunk that holds HELD bytes and is full with LIMIT: where to stop. */
size_t pace_step_bytes(const struct pace *pace, size_t held, size_t limit);
/* A step of ROWS took so long. */
void pace_step_took(struct pace *pace, struct pace_step *step, size_t rows, int64_t took_ns);
/* The split has ended, or its try. */
void pace_step_end(struct pace *pace, struct pace_step *step);

#endif
