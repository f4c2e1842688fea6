#include "pipeline/guard.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { START_READERS = 2, EASED_LOOKS = 5 };
static const int64_t SECOND_NS = 1000 * 1000 * 1000;
static const int64_t LOOK_NS = 1000 * 1000 * 1000;
/* Readers may wait for memory that others still have; then they are measured without. */
static const int64_t PATIENCE_NS = 5000LL * 1000 * 1000;
/* Chunk, row group and encoder of a split, by what it takes in the source. */
enum { SPLIT_MEMORY_TIMES = 3 };

static const struct source_driver *driver_of(const struct guard *guard)
{
    return guard->stream->run->job->source;
}

/* ---- begin ---- */

static void lower(unsigned *most, const char **text, size_t to, const char *why)
{
    if (to > 0 && to < *most) {
        *most = (unsigned)to;
        *text = why;
    }
}

static unsigned most_readers(struct guard *guard)
{
    const struct stream_run *stream = guard->stream;
    unsigned most = guard->fixed ? stream->run->readers : UINT32_MAX;
    guard->most_text = stream->run->options->readers ? "fixed by --readers" : "one for each core";
    lower(&most, &guard->most_text, stream->plan.max_readers, "as many as `connections` allows");
    lower(&most, &guard->most_text, stream->plan.n_splits,
          stream->plan.n_splits > 1 ? "as many as the stream has splits"
                                    : "the stream is in one piece");
    unsigned fitting = most;
    guard->least_share = stream_share_bytes(stream, &fitting);
    lower(&most, &guard->most_text, fitting, "as many as the memory allows");
    return most;
}

void guard_begin(struct guard *guard, struct stream_run *stream)
{
    struct run_context *run = stream->run;
    *guard = (struct guard){.stream = stream, .fixed = run->readers > 0};
    const struct source_driver *driver = driver_of(guard);
    if (driver->limits)
        driver->limits(run->source, &guard->limits);
    guard->watched = guard->limits.health && driver->health;
    run->pace.bytes_per_second = guard->limits.bytes_per_second;
    unsigned most = most_readers(guard);
    unsigned start = run->climbed > START_READERS ? run->climbed : START_READERS;
    climb_init(&guard->climb, guard->fixed ? most : start, most);
    guard->started_ns = guard->changed_ns = clock_monotonic_ns();
    atomic_store(&guard->wanted, guard->climb.readers);
    atomic_store(&run->pace.most_reading, 0);
    if (driver->keep_idle) /* the stream before may have had more of them */
        driver->keep_idle(run->source, guard->climb.readers);
}

void guard_plan(struct stream_run *stream)
{
    struct guard guard;
    guard_begin(&guard, stream);
    stream->report->readers = guard.climb.readers;
    stream->report->readers_most = guard.climb.most;
}

bool guard_steers(const struct guard *guard)
{
    return guard->watched || (!guard->fixed && guard->climb.readers < guard->climb.most);
}

uint64_t guard_share_bytes(struct guard *guard)
{
    const struct stream_run *stream = guard->stream;
    if (guard->fixed || stream->plan.n_splits == 0)
        return guard->least_share;
    /* Halved, so that a reader that comes finds room as soon as one of the others has ended its split. */
    unsigned parts = 1, readers = atomic_load(&guard->wanted);
    while (parts < readers)
        parts *= 2;
    uint64_t share = stream_share_bytes(stream, &parts);
    uint64_t useful = stream->plan.bytes / stream->plan.n_splits * SPLIT_MEMORY_TIMES;
    if (share > useful)
        share = useful;
    return share > guard->least_share ? share : guard->least_share;
}

/* ---- measuring ---- */

static void begin_window(struct guard *guard, int64_t now)
{
    guard->window_ns = now;
    guard->window_bytes = atomic_load(&guard->stream->run->pace.bytes);
}

/* Until all readers there should be are reading, and no others. */
static void end_window(struct guard *guard, int64_t now)
{
    struct pace *pace = &guard->stream->run->pace;
    guard->window_ns = 0;
    guard->refining = false;
    guard->changed_ns = now;
    atomic_store(&pace->most_reading, atomic_load(&pace->reading));
}

static void keep_point(struct guard *guard, unsigned readers, double rate, int64_t now)
{
    enum { MOST_POINTS = sizeof(guard->points) / sizeof(guard->points[0]) };
    struct reader_rate *point = &guard->points[guard->n_points];
    if (guard->n_points == MOST_POINTS)
        point--;
    else if (guard->n_points > 0 && point[-1].readers == readers)
        return;
    else
        guard->n_points++;
    *point = (struct reader_rate){.readers = readers,
                                  .bytes_per_second = rate,
                                  .after_seconds = (double)(now - guard->started_ns) / 1e9};
}

static double window_rate(const struct guard *guard, int64_t now, double *out_seconds)
{
    uint64_t bytes = atomic_load(&guard->stream->run->pace.bytes) - guard->window_bytes;
    *out_seconds = (double)(now - guard->window_ns) / (double)SECOND_NS;
    return *out_seconds > 0 ? (double)bytes / *out_seconds : 0;
}

/* The one that comes reads; until now the others read alone. */
static void refine(struct guard *guard, int64_t now)
{
    double seconds, rate = window_rate(guard, now, &seconds);
    guard->refining = false;
    if (rate <= 0)
        return;
    climb_refined(&guard->climb, rate);
    guard->points[guard->n_points - 1].bytes_per_second = rate;
}

static void measure(struct guard *guard, unsigned running, int64_t now)
{
    struct climb *climb = &guard->climb;
    struct pace *pace = &guard->stream->run->pace;
    if (running > climb->readers) { /* they end their splits first */
        end_window(guard, now);
        return;
    }
    if (guard->window_ns == 0 || guard->refining) {
        bool all = atomic_load(&pace->most_reading) >= climb->readers;
        if (!all && now - guard->changed_ns < PATIENCE_NS)
            return;
        if (guard->refining)
            refine(guard, now);
        begin_window(guard, now);
        return;
    }
    unsigned readers = climb->readers;
    double seconds, rate = window_rate(guard, now, &seconds);
    enum climb_move move = rate > 0 ? climb_measured(climb, rate, seconds) : CLIMB_MEASURE_ON;
    if (move == CLIMB_MEASURE_ON)
        return;
    keep_point(guard, readers, rate, now);
    int64_t window_ns = guard->window_ns;
    end_window(guard, now);
    guard->refining = move == CLIMB_UP;
    if (guard->refining)
        guard->window_ns = window_ns;
    else if (move == CLIMB_STAY)
        begin_window(guard, now);
}

/* ---- health ---- */

static void tell_blind(struct guard *guard, const struct error *err)
{
    if (!guard->blind)
        stream_note(guard->stream, "the limits on the source were not watched: %s", err->text);
    guard->blind = true;
}

static void strained(struct guard *guard, unsigned running, const struct source_health *health)
{
    guard->strained_ns += guard->since_look_ns;
    guard->eased = 0;
    if (running <= guard->climb.readers) /* the step before has been made */
        climb_strained(&guard->climb);
    snprintf(guard->strain, sizeof(guard->strain), "%s", health->text);
}

static void eased(struct guard *guard)
{
    struct climb *climb = &guard->climb;
    climb_eased(climb);
    if (!guard->fixed || climb->readers == climb->most || ++guard->eased < EASED_LOOKS)
        return;
    climb->readers++;
    guard->eased = 0;
}

static void show_pause(const struct guard *guard)
{
    struct run_progress *progress = guard->stream->run->progress;
    if (progress)
        atomic_store(&progress->phase, guard->climb.readers ? "reading" : "waiting for the source");
}

static void look(struct guard *guard, unsigned running, int64_t now)
{
    struct source_health health = {0};
    struct error err = {0};
    if (guard->looked_ns && now - guard->looked_ns < LOOK_NS)
        return;
    status_code code =
        driver_of(guard)->health(guard->stream->run->source, &guard->stream->cancel, &health, &err);
    int64_t looked = clock_monotonic_ns();
    guard->since_look_ns = guard->looked_ns ? looked - guard->looked_ns : looked - now;
    guard->looked_ns = looked;
    if (code == STATUS_CANCELLED)
        return;
    unsigned before = guard->climb.readers;
    if (code != STATUS_OK)
        tell_blind(guard, &err);
    else if (health.strained)
        strained(guard, running, &health);
    else
        eased(guard);
    if (health.strained || guard->climb.readers != before)
        end_window(guard, guard->looked_ns);
    if ((before == 0) != (guard->climb.readers == 0))
        show_pause(guard);
}

/* A reader that was taken back leaves its connection behind. */
static void let_idle_go(struct guard *guard, unsigned running)
{
    const struct source_driver *driver = driver_of(guard);
    if (running <= guard->climb.readers && guard->too_many && driver->keep_idle)
        driver->keep_idle(guard->stream->run->source, 0);
    guard->too_many = running > guard->climb.readers;
}

unsigned guard_steer(struct guard *guard, unsigned running)
{
    let_idle_go(guard, running);
    if (guard->watched)
        look(guard, running, clock_monotonic_ns());
    if (!guard->fixed && guard->climb.readers > 0)
        measure(guard, running, clock_monotonic_ns());
    atomic_store(&guard->wanted, guard->climb.readers);
    return guard->climb.readers;
}

/* ---- end ---- */

static const char *ordinal(unsigned n, char out[16])
{
    static const char *const words[] = {"second",  "third",  "fourth", "fifth", "sixth",
                                        "seventh", "eighth", "ninth",  "tenth"};
    if (n >= 2 && n - 2 < sizeof(words) / sizeof(words[0]))
        return words[n - 2];
    snprintf(out, 16, "%u%s", n,
             n % 10 == 1 && n % 100 != 11   ? "st"
             : n % 10 == 2 && n % 100 != 12 ? "nd"
             : n % 10 == 3 && n % 100 != 13 ? "rd"
                                            : "th");
    return out;
}

static const char *reason_text(const struct guard *guard, struct arena *arena)
{
    const struct climb *climb = &guard->climb;
    char number[16];
    double percent = round(climb->gain * 100);
    const char *next = ordinal(climb_chosen(climb) + 1, number);
    if (climb->phase != CLIMB_GROWING) {
        switch (climb->reason) {
        case CLIMB_STRAINED:
            return guard->strain;
        case CLIMB_NO_GAIN:
            if (percent < 0)
                return arena_printf(arena, "a %s cost %.0f %%", next, -percent);
            return arena_printf(arena, "a %s brought %.0f %%", next, percent);
        case CLIMB_FELL:
            return arena_printf(arena, "with a %s the rate fell by %.0f %%", next, -percent);
        case CLIMB_MOST:
            return guard->most_text;
        case CLIMB_UNDECIDED:
            break;
        }
    }
    if (guard->fixed || climb_chosen(climb) == climb->most)
        return guard->most_text;
    return arena_printf(arena, "all was read before a %s could show what it brings", next);
}

static void tell_strain(struct guard *guard)
{
    char time[32];
    if (guard->strain[0])
        stream_note(guard->stream, "held back for %s: %s",
                    text_format_duration((double)guard->strained_ns / 1e9, time), guard->strain);
}

void guard_end(struct guard *guard)
{
    struct stream_run *stream = guard->stream;
    struct stream_report *report = stream->report;
    struct arena *arena = stream->run->arena;
    if (!guard->fixed && guard->climb.reason != CLIMB_STRAINED)
        stream->run->climbed = climb_chosen(&guard->climb);
    report->readers = climb_chosen(&guard->climb);
    report->readers_most = guard->climb.most;
    tell_strain(guard);
    report->readers_limited = guard->climb.reason == CLIMB_STRAINED;
    report->readers_why = arena_strdup(arena, reason_text(guard, arena));
    report->reader_rates = arena_alloc(arena, (guard->n_points + 1) * sizeof(*guard->points));
    if (!report->reader_rates)
        return;
    memcpy(report->reader_rates, guard->points, guard->n_points * sizeof(*guard->points));
    report->n_reader_rates = guard->n_points;
}
