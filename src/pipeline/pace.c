#include "pipeline/pace.h"

#include "base/clock.h"

/* A reader that was slow may catch up so much; more would be a flood behind every pause. */
static const int64_t CREDIT_NS = 100 * 1000 * 1000;
static const int64_t SECOND_NS = 1000 * 1000 * 1000;
/* A step is no longer, where rows come slowly ... */
static const int64_t STEP_NS = 40 * 1000 * 1000;
enum { LEAST_STEP_ROWS = 256, FIRST_STEP_ROWS = 512, LEAST_STEP_BYTES = 64 << 10 };
enum { STEPS_A_SECOND = 10 }; /* ... or are to come slowly */
enum { LOOK_MS = 50 };

void pace_init(struct pace *pace)
{
    *pace = (struct pace){0};
    (void)pthread_mutex_init(&pace->mutex, NULL);
}

void pace_release(struct pace *pace)
{
    (void)pthread_mutex_destroy(&pace->mutex);
}

int64_t pace_owed_ns(struct pace *pace, uint64_t bytes, int64_t now_ns)
{
    if (pace->bytes_per_second == 0)
        return 0;
    double cost_ns = (double)bytes / (double)pace->bytes_per_second * (double)SECOND_NS;
    (void)pthread_mutex_lock(&pace->mutex);
    if (pace->paid_until_ns < now_ns - CREDIT_NS)
        pace->paid_until_ns = now_ns - CREDIT_NS;
    pace->paid_until_ns += (int64_t)cost_ns;
    int64_t owed = pace->paid_until_ns - now_ns;
    (void)pthread_mutex_unlock(&pace->mutex);
    return owed > 0 ? owed : 0;
}

status pace_took(struct pace *pace, uint64_t bytes, const struct cancel *cancel, struct error *err)
{
    (void)atomic_fetch_add_explicit(&pace->bytes, bytes, memory_order_relaxed);
    int64_t left_ms = pace_owed_ns(pace, bytes, clock_monotonic_ns()) / (SECOND_NS / 1000);
    for (; left_ms > 0; left_ms -= LOOK_MS) {
        TRY(cancel_check(cancel, err));
        clock_sleep_ms(left_ms < LOOK_MS ? left_ms : LOOK_MS);
    }
    return STATUS_OK;
}

/* ---- steps ---- */

size_t pace_step_rows(const struct pace_step *step, size_t most)
{
    size_t rows = step->rows ? step->rows : FIRST_STEP_ROWS;
    return rows < most ? rows : most;
}

size_t pace_step_bytes(const struct pace *pace, size_t held, size_t limit)
{
    size_t step = pace->bytes_per_second / STEPS_A_SECOND;
    if (pace->bytes_per_second == 0)
        return limit;
    if (step < LEAST_STEP_BYTES)
        step = LEAST_STEP_BYTES;
    return held + step < limit ? held + step : limit;
}

void pace_step_took(struct pace *pace, struct pace_step *step, size_t rows, int64_t took_ns)
{
    size_t asked = step->rows ? step->rows : FIRST_STEP_ROWS;
    if (took_ns > STEP_NS && asked > LEAST_STEP_ROWS)
        asked /= 2;
    else if (took_ns < STEP_NS / 2 && rows >= asked)
        asked *= 2;
    step->rows = asked;
    if (step->reading || rows == 0)
        return;
    step->reading = 1;
    unsigned now = atomic_fetch_add(&pace->reading, 1) + 1, most = atomic_load(&pace->most_reading);
    while (now > most && !atomic_compare_exchange_weak(&pace->most_reading, &most, now))
        ;
}

void pace_step_end(struct pace *pace, struct pace_step *step)
{
    if (step->reading)
        (void)atomic_fetch_sub(&pace->reading, 1);
    step->reading = 0;
}
