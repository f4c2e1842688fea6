/* Dates, times and timestamps of text: strict forms, no locale, no allocation. */
#include <string.h>

#include "base/clock.h"
#include "batch/scalar.h"

static const int64_t US_PER_SECOND = 1000000;
static const int64_t US_PER_DAY = INT64_C(86400) * 1000000;

/* Two digits in 0..limit, or -1. */
static int two(const char *text, int limit)
{
    unsigned tens = (unsigned char)text[0] - '0', ones = (unsigned char)text[1] - '0';
    if (tens > 9 || ones > 9)
        return -1;
    int value = (int)(tens * 10 + ones);
    return value <= limit ? value : -1;
}

bool parse_date(const char *text, size_t size, int32_t *out_days)
{
    if (size != 10 || text[4] != '-' || text[7] != '-')
        return false;
    int century = two(text, 99), year = two(text + 2, 99);
    int month = two(text + 5, 12), day = two(text + 8, 31);
    if (century < 0 || year < 0 || month < 1 || day < 1)
        return false;
    year += century * 100;
    if (year == 0 || (day > 28 && day > civil_days_in_month(year, month)))
        return false;
    *out_days = civil_to_days(year, month, day);
    return true;
}

/* ".f{1,9}": digits after the sixth must be zero. Returns the characters used, 0 if malformed. */
static size_t fraction(const char *text, size_t size, int64_t *out_us)
{
    int64_t value = 0;
    size_t i = 1;
    for (; i < size && text[i] >= '0' && text[i] <= '9'; i++) {
        if (i <= 6)
            value = value * 10 + (text[i] - '0');
        else if (i > 9 || text[i] != '0')
            return 0;
    }
    if (i == 1)
        return 0;
    for (size_t digits = i - 1; digits < 6; digits++)
        value *= 10;
    *out_us = value;
    return i;
}

/* HH:MM[:SS[.f]] at the start of TEXT. Returns the characters used, 0 if malformed. */
static size_t time_of_day(const char *text, size_t size, int64_t *out_us)
{
    if (size < 5 || text[2] != ':')
        return 0;
    int hour = two(text, 24), minute = two(text + 3, 59), second = 0;
    if (hour < 0 || minute < 0)
        return 0;
    size_t used = 5;
    int64_t us = 0;
    if (size >= 8 && text[5] == ':') {
        second = two(text + 6, 59);
        if (second < 0)
            return 0;
        used = 8;
        if (size > 8 && text[8] == '.') {
            size_t part = fraction(text + 8, size - 8, &us);
            if (part == 0)
                return 0;
            used += part;
        }
    }
    *out_us = ((hour * 60 + minute) * INT64_C(60) + second) * US_PER_SECOND + us;
    return used;
}

bool parse_time(const char *text, size_t size, int64_t *out_us)
{
    int64_t us;
    size_t used = time_of_day(text, size, &us);
    if (used == 0 || used != size || us > US_PER_DAY)
        return false;
    *out_us = us;
    return true;
}

/* Z, +HH, +HH:MM: seconds east of UTC. */
static bool offset(const char *text, size_t size, int64_t *out_seconds)
{
    *out_seconds = 0;
    if (size == 1)
        return text[0] == 'Z';
    if ((size != 3 && size != 6) || (text[0] != '+' && text[0] != '-'))
        return false;
    int hours = two(text + 1, 23), minutes = 0;
    if (size == 6)
        minutes = text[3] == ':' ? two(text + 4, 59) : -1;
    if (hours < 0 || minutes < 0)
        return false;
    int64_t seconds = hours * INT64_C(3600) + minutes * 60;
    *out_seconds = text[0] == '-' ? -seconds : seconds;
    return true;
}

bool parse_timestamp(const char *text, size_t size, int64_t *out_us, bool *out_zoned)
{
    int32_t days;
    int64_t us, east = 0;
    if (size < 16 || !parse_date(text, 10, &days) || (text[10] != 'T' && text[10] != ' '))
        return false;
    size_t used = time_of_day(text + 11, size - 11, &us);
    if (used == 0 || us >= US_PER_DAY)
        return false;
    used += 11;
    bool zoned = used < size;
    if (zoned && !offset(text + used, size - used, &east))
        return false;
    us += days * US_PER_DAY - east * US_PER_SECOND;
    /* an offset may carry the first or the last day out of the calendar, where no file format follows */
    if (us < civil_to_days(1, 1, 1) * US_PER_DAY ||
        us >= (civil_to_days(9999, 12, 31) + 1) * US_PER_DAY)
        return false;
    *out_us = us;
    *out_zoned = zoned;
    return true;
}
