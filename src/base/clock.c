#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t system_wall_us(void)
{
    return read_ns(CLOCK_REALTIME) / 1000;
}

static int64_t system_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

static void system_sleep_us(int64_t us)
{
    if (us <= 0)
        return;
    struct timespec length = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    (void)nanosleep(&length, NULL); /* a signal ends it early: then there is something to look at */
}

static const struct clock_ops system_ops = {system_wall_us, system_monotonic_ns, system_sleep_us};
static const struct clock_ops *ops = &system_ops;

const struct clock_ops *clock_set_ops(const struct clock_ops *new_ops)
{
    const struct clock_ops *former = ops;
    ops = new_ops;
    return former;
}

int64_t clock_wall_us(void)
{
    return ops->wall_us();
}

int64_t clock_monotonic_ns(void)
{
    return ops->monotonic_ns();
}

void clock_sleep_ms(int64_t ms)
{
    ops->sleep_us(ms * 1000);
}

void clock_sleep_us(int64_t us)
{
    ops->sleep_us(us);
}

int64_t clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_process_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* ---- calendar ----
 *
 * Years are counted from March, so that a leap day is a year's last day, and from a March 1st so far
 * back that no int32 of days is before it. Then 400 years are 146097 days, a century is 146097/4,
 * four years are 1461, and the months March.. have 30.6 days on average, rounded: (153 m + 2) / 5. */

enum {
    CYCLE_YEARS = 400,
    CYCLE_DAYS = 146097,
    SHIFT_CYCLES = 15000,       /* 6 million years: more than int32 days */
    EPOCH_FROM_MARCH_0 = 719468 /* days from 0000-03-01 to 1970-01-01 */
};
static const int64_t SHIFT_DAYS = (int64_t)SHIFT_CYCLES * CYCLE_DAYS + EPOCH_FROM_MARCH_0;

int32_t civil_to_days(int32_t year, int32_t month, int32_t day)
{
    int64_t y = (int64_t)year - (month <= 2) + (int64_t)SHIFT_CYCLES * CYCLE_YEARS;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    return (int32_t)(days - SHIFT_DAYS);
}

void civil_from_days(int32_t days, int32_t *year, int32_t *month, int32_t *day)
{
    uint64_t from_start = (uint64_t)((int64_t)days + SHIFT_DAYS);
    uint64_t cycle = from_start / CYCLE_DAYS;
    uint32_t in_cycle = (uint32_t)(from_start % CYCLE_DAYS);
    uint32_t century = (4 * in_cycle + 3) / CYCLE_DAYS;
    uint32_t in_century = in_cycle - century * CYCLE_DAYS / 4;
    uint32_t in_century_year = (4 * in_century + 3) / 1461;
    uint32_t in_year = in_century - in_century_year * 1461 / 4;
    uint32_t m = (5 * in_year + 2) / 153;
    int64_t y = (int64_t)(cycle * CYCLE_YEARS + century * 100 + in_century_year) -
                (int64_t)SHIFT_CYCLES * CYCLE_YEARS;
    *day = (int32_t)(in_year - (153 * m + 2) / 5 + 1);
    *month = (int32_t)(m < 10 ? m + 3 : m - 9);
    *year = (int32_t)(y + (m >= 10));
}

int32_t civil_days_in_month(int32_t year, int32_t month)
{
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && leap);
}

void clock_format_utc(int64_t wall_us, char out[32])
{
    const int64_t day_us = INT64_C(86400000000);
    int64_t days = wall_us / day_us, rest = wall_us % day_us;
    if (rest < 0) {
        rest += day_us;
        days--;
    }
    int32_t year, month, day;
    civil_from_days((int32_t)days, &year, &month, &day);
    (void)snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year, month, day,
                   (int)(rest / 3600000000), (int)(rest / 60000000 % 60),
                   (int)(rest / 1000000 % 60), (int)(rest % 1000000));
}
