/* How many readers a source should have, by what they brought so far. Pure: no clock, no thread, no source.
 *
 *               a quarter second        grows by 5 %
 *   FIRST ---------------------> one more: GROWING ---+--> one more: GROWING
 *                                                     |
 *                                     does not        +--> one less: HOLDING
 *                                     is the last     +--> HOLDING
 *
 *   HOLDING: one less when the rate falls; one more (GROWING) after a while, later each time it brings nothing.
 *   In any: one less, down to none, while the source is strained. */
#ifndef LEAT_PIPELINE_CLIMB_H
#define LEAT_PIPELINE_CLIMB_H

#include <stdbool.h>

enum climb_phase { CLIMB_FIRST, CLIMB_GROWING, CLIMB_HOLDING };

/* Why there are no more readers than there are. */
enum climb_reason {
    CLIMB_UNDECIDED, /* nothing was measured to the end */
    CLIMB_NO_GAIN,   /* one more brought `gain` */
    CLIMB_MOST,      /* no more are allowed */
    CLIMB_FELL,      /* with one more the rate fell by `gain` (negative) while they read */
    CLIMB_STRAINED,  /* the source was over a limit */
};

enum climb_move {
    CLIMB_MEASURE_ON, /* too early to say: the window goes on */
    CLIMB_STAY,       /* these from here on; like the two below, a new window begins */
    CLIMB_UP,         /* one more */
    CLIMB_BACK,       /* one less */
};

struct climb {
    unsigned readers, most; /* wanted now; never more */
    enum climb_phase phase;
    enum climb_reason reason;
    double rate; /* GROWING: with one reader less. HOLDING: with these; 0: not known yet */
    double gain; /* see `reason` */
    unsigned windows_left, next_windows; /* HOLDING: until one more is tried */
};

/* START is at least 1 and at most MOST. */
void climb_init(struct climb *climb, unsigned start, unsigned most);
/* All of climb->readers have been reading for SECONDS of a window, RATE (above 0) in its mean. */
enum climb_move climb_measured(struct climb *climb, double rate, double seconds);
/* After CLIMB_UP: until the new reader began to read, the others had RATE. A window that was enough to go up is short, and
 * one that was lucky; what the new one brings is compared with this. */
void climb_refined(struct climb *climb, double rate);
/* The source is over a limit, and as many readers as were wanted are there. */
void climb_strained(struct climb *climb);
/* It is no longer: a climb that was brought to nothing starts again with one. */
void climb_eased(struct climb *climb);
/* The readers that are worth what they cost: without one that is on trial. */
unsigned climb_chosen(const struct climb *climb);

#endif
