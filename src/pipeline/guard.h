/* Guarding the source: how many readers a stream has at any moment, and why. The calling thread of the split tasks asks
 * guard_steer; what it decides by is counted by the readers (pace.h), judged by climb.h, and limited by what the source
 * says of its health.
 *
 *   fixed      --readers, or a source whose readers are work of this process: only health changes the number
 *   climbing   from two up to what the job, the plan and the memory allow */
#ifndef LEAT_PIPELINE_GUARD_H
#define LEAT_PIPELINE_GUARD_H

#include "pipeline/climb.h"
#include "pipeline/stream.h"

struct guard {
    struct stream_run *stream;
    struct climb climb;
    const char *most_text; /* what allows no more: "connections" */
    bool fixed;
    bool watched; /* health is looked at */
    struct source_limits limits;
    uint64_t least_share; /* of the memory, with climb.most readers */

    int64_t window_ns;     /* when it began; 0: not all are reading yet */
    bool refining;         /* one more is coming; the window of the others goes on until it reads */
    uint64_t window_bytes; /* pace->bytes then */
    int64_t changed_ns;    /* the number of readers */
    int64_t looked_ns;     /* at the health */
    int64_t since_look_ns; /* from the look before to this one */
    unsigned eased;        /* looks since it was, where the number is fixed */
    char strain[160];      /* the last; empty: there was none */
    int64_t strained_ns;   /* for how long it was, in all */
    bool blind;            /* a look failed, and the user was told */
    bool too_many;         /* readers were running */
    atomic_uint wanted;    /* climb.readers, for the threads of the splits */
    int64_t started_ns;
    struct reader_rate points[32];
    size_t n_points;
};

/* For a plan: between how many the readers would be. */
void guard_plan(struct stream_run *stream);
/* Before the splits of STREAM; its plan is made. */
void guard_begin(struct guard *guard, struct stream_run *stream);
/* May the number change while they are read? */
bool guard_steers(const struct guard *guard);
/* Readers wanted now, of which RUNNING are there: a thread_run_steered asks for it. */
unsigned guard_steer(struct guard *guard, unsigned running);
/* The part of the memory that a split may have that begins now. */
uint64_t guard_share_bytes(struct guard *guard);
/* After the splits: what was chosen and why, for the report; the next stream begins where this one ended. */
void guard_end(struct guard *guard);

#endif
