/* Time of day, time that only moves forward, and sleep: behind a table a test can replace.
 * The runner's clock decides nothing about data (invariant 5): it names, measures and waits. */
#ifndef LEAT_BASE_CLOCK_H
#define LEAT_BASE_CLOCK_H

#include <stdint.h>

struct clock_ops {
    int64_t (*wall_us)(void); /* microseconds since 1970-01-01 UTC */
    int64_t (*monotonic_ns)(void);
    void (*sleep_us)(int64_t us); /* may return early on a signal */
};

const struct clock_ops *clock_set_ops(const struct clock_ops *ops);

int64_t clock_wall_us(void);
int64_t clock_monotonic_ns(void);
void clock_sleep_ms(int64_t ms);
void clock_sleep_us(int64_t us);

/* CPU time of this thread and of the process, nanoseconds. */
int64_t clock_thread_cpu_ns(void);
int64_t clock_process_cpu_ns(void);

/* Proleptic Gregorian calendar, years -9999..9999. Days since 1970-01-01. */
int32_t civil_to_days(int32_t year, int32_t month, int32_t day);
void civil_from_days(int32_t days, int32_t *year, int32_t *month, int32_t *day);
/* 1..28/29/30/31 */
int32_t civil_days_in_month(int32_t year, int32_t month);
/* "2013-11-30T08:15:00.000000Z" into OUT (32 bytes). */
void clock_format_utc(int64_t wall_us, char out[32]);

#endif
