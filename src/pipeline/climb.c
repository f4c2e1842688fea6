#include "pipeline/climb.h"

static const double LEAST_GAIN = 0.05;
/* Shorter windows hold too few of the pauses between splits. The first one goes on while the next reader connects. */
static const double FIRST_SECONDS = 0.25, UP_SECONDS = 1.0, HOLD_SECONDS = 2.0;
/* Who goes back too soon tries again seconds later only. */
static const double BACK_SECONDS = 1.5;
/* A new reader that brings half of what the others do on average is no accident, so this is enough to see it. On a
 * long link every reader does, and the climb costs less than a second for each. */
static const double EARLY_SECONDS = 0.25, EARLY_PART = 0.5;
/* Other work on source and machine makes rates go up and down; this is more. */
static const double FALL = 0.25;
enum { FIRST_HOLD = 2, LONGEST_HOLD = 128, STRAINED_HOLD = 4 };

void climb_init(struct climb *climb, unsigned start, unsigned most)
{
    *climb = (struct climb){
        .readers = start < most ? start : most, .most = most, .next_windows = FIRST_HOLD};
}

static enum climb_move hold(struct climb *climb, enum climb_reason reason, double rate)
{
    climb->phase = CLIMB_HOLDING;
    climb->reason = reason;
    climb->rate = rate;
    climb->windows_left = climb->next_windows;
    return CLIMB_STAY;
}

static enum climb_move up(struct climb *climb, double rate)
{
    if (climb->readers == climb->most)
        return hold(climb, CLIMB_MOST, rate);
    climb->phase = CLIMB_GROWING;
    climb->rate = rate;
    climb->readers++;
    return CLIMB_UP;
}

static enum climb_move grown(struct climb *climb, double rate, double seconds)
{
    double gain = rate / climb->rate - 1;
    double share = 1.0 / (climb->readers - 1); /* what an average reader would bring */
    if (gain >= LEAST_GAIN && gain >= EARLY_PART * share && seconds >= EARLY_SECONDS)
        return up(climb, rate);
    if (gain >= LEAST_GAIN && seconds >= UP_SECONDS)
        return up(climb, rate);
    if (seconds < BACK_SECONDS)
        return CLIMB_MEASURE_ON;
    climb->readers--;
    climb->gain = gain;
    (void)hold(climb, CLIMB_NO_GAIN, climb->rate);
    if (climb->next_windows < LONGEST_HOLD)
        climb->next_windows *= 2;
    return CLIMB_BACK;
}

static enum climb_move held(struct climb *climb, double rate, double seconds)
{
    if (seconds < HOLD_SECONDS)
        return CLIMB_MEASURE_ON;
    if (climb->readers > 1 && rate < climb->rate * (1 - FALL)) {
        climb->gain = rate / climb->rate - 1;
        climb->readers--;
        (void)hold(climb, CLIMB_FELL, 0);
        return CLIMB_BACK;
    }
    climb->rate = climb->rate > 0 ? (climb->rate + rate) / 2 : rate;
    if (climb->windows_left > 0)
        climb->windows_left--;
    if (climb->windows_left == 0 && climb->readers < climb->most)
        return up(climb, climb->rate);
    return CLIMB_STAY;
}

enum climb_move climb_measured(struct climb *climb, double rate, double seconds)
{
    switch (climb->phase) {
    case CLIMB_FIRST:
        return seconds < FIRST_SECONDS ? CLIMB_MEASURE_ON : up(climb, rate);
    case CLIMB_GROWING:
        return grown(climb, rate, seconds);
    case CLIMB_HOLDING:
        return held(climb, rate, seconds);
    }
    return CLIMB_STAY;
}

void climb_refined(struct climb *climb, double rate)
{
    if (climb->phase == CLIMB_GROWING)
        climb->rate = rate;
}

void climb_strained(struct climb *climb)
{
    if (climb->readers > 0)
        climb->readers--;
    (void)hold(climb, CLIMB_STRAINED, 0);
    climb->windows_left = STRAINED_HOLD;
}

void climb_eased(struct climb *climb)
{
    if (climb->readers == 0)
        climb->readers = 1;
}

unsigned climb_chosen(const struct climb *climb)
{
    return climb->phase == CLIMB_GROWING ? climb->readers - 1 : climb->readers;
}
