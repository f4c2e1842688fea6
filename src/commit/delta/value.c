#include "commit/delta/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "commit/commit.h"
#include "commit/delta/log.h"
#include "commit/delta/scan.h"

enum { STATS_COLUMNS = 32, STATS_CODE_POINTS = 32 };

/* ---- time ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* "2013-11-30" SEPARATOR "08:15:00"; false outside years 1 to 9999, which readers can't take. */
static bool format_second(char *out, size_t size, int64_t second, char separator)
{
    int64_t days = floor_div(second, 86400);
    int64_t rest = second - days * 86400;
    int32_t year, month, day;
    if (days < -719162 || days > 2932896)
        return false;
    civil_from_days((int32_t)days, &year, &month, &day);
    snprintf(out, size, "%04d-%02d-%02d%c%02d:%02d:%02d", (int)year, (int)month, (int)day,
             separator, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    return true;
}

/* ---- partition values ----
 * As the protocol's "Partition Value Serialization" has it. An instant is written with its Z: without one, each
 * reader would take it to be of its own time zone. */

static status partition_timestamp(struct text *text, const struct scalar *value, struct error *err)
{
    char second[40];
    int64_t seconds = floor_div(value->i64, 1000000);
    int fraction = (int)(value->i64 - seconds * 1000000);
    if (!format_second(second, sizeof(second), seconds, value->type.utc ? 'T' : ' '))
        return error_set(err, STATUS_BAD_DATA,
                         "a timestamp outside the years 1 to 9999 can't be a partition value");
    text_printf(text, "\"%s", second);
    if (fraction || value->type.utc)
        text_printf(text, ".%06d", fraction);
    text_append(text, value->type.utc ? "Z\"" : "\"");
    return STATUS_OK;
}

status value_append_partition(struct text *text, const struct scalar *value, struct error *err)
{
    if (value->is_null) {
        text_append(text, "null");
        return STATUS_OK;
    }
    if (value->type.id == TYPE_TIMESTAMP)
        return partition_timestamp(text, value, err);
    if (type_is_text_like(value->type) && value->type.id != TYPE_BINARY) {
        text_append_json_bytes(text, value->bytes ? value->bytes : "", value->size);
        return STATUS_OK;
    }
    struct arena arena = {0};
    char *plain = scalar_text(value, &arena);
    if (plain)
        text_append_json(text, plain);
    arena_release(&arena);
    return plain ? STATUS_OK : error_no_memory(err);
}

/* ---- statistics ---- */

/* Bytes of the first STATS_CODE_POINTS code points of well-formed UTF-8. */
static size_t first_code_points(const char *bytes, size_t size)
{
    size_t points = 0;
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)bytes[i] & 0xC0) != 0x80 && points++ == STATS_CODE_POINTS)
            return i;
    return size;
}

static uint32_t last_code_point(const char *bytes, size_t size, size_t *out_start)
{
    size_t start = size - 1;
    while (start > 0 && ((unsigned char)bytes[start] & 0xC0) == 0x80)
        start--;
    unsigned char lead = (unsigned char)bytes[start];
    uint32_t c = lead < 0x80 ? lead : lead < 0xE0 ? lead & 31 : lead < 0xF0 ? lead & 15 : lead & 7;
    for (size_t i = start + 1; i < size; i++)
        c = c << 6 | ((unsigned char)bytes[i] & 63);
    *out_start = start;
    return c;
}

static size_t encode_code_point(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 63));
    out[0] = (char)(lead[n] | c);
    return n;
}

/* The smallest short text that is greater than all that begin with PREFIX: its last code point that can be
 * raised is, what follows goes. False: there is none. */
static bool append_raised(struct text *text, const char *prefix, size_t size)
{
    while (size > 0) {
        size_t start;
        char raised[4];
        uint32_t c = last_code_point(prefix, size, &start);
        if (c < 0x10FFFF) {
            c = c + 1 == 0xD800 ? 0xE000 : c + 1;
            size_t n = encode_code_point(c, raised);
            char bytes[STATS_CODE_POINTS * 4 + 4];
            memcpy(bytes, prefix, start);
            memcpy(bytes + start, raised, n);
            text_append_json_bytes(text, bytes, start + n);
            return true;
        }
        size = start;
    }
    return false;
}

static bool append_text_bound(struct text *text, const struct scalar *bound, bool is_max)
{
    const char *bytes = bound->bytes ? bound->bytes : "";
    /* A bound that was cut within a character is no text. */
    if (text_utf8_valid_prefix(bytes, bound->size) != bound->size)
        return false;
    size_t size = first_code_points(bytes, bound->size);
    if (size < bound->size && is_max)
        return append_raised(text, bytes, size);
    text_append_json_bytes(text, bytes, size);
    return true;
}

/* To milliseconds, which is all that some readers keep: down for the least, up for the greatest. */
static bool append_time_bound(struct text *text, const struct scalar *bound, bool is_max)
{
    char second[40];
    if (bound->i64 > INT64_MAX - 1000)
        return false;
    int64_t ms = floor_div(bound->i64 + (is_max ? 999 : 0), 1000);
    int64_t seconds = floor_div(ms, 1000);
    if (!format_second(second, sizeof(second), seconds, 'T'))
        return false;
    text_printf(text, "\"%s.%03d%s\"", second, (int)(ms - seconds * 1000),
                bound->type.utc ? "Z" : "");
    return true;
}

static bool append_number_bound(struct text *text, const struct scalar *bound)
{
    struct arena arena = {0};
    char *plain = scalar_text(bound, &arena);
    if (plain)
        text_append(text, plain);
    else
        text->failed = true;
    arena_release(&arena);
    return true;
}

/* False: no bound of that kind is written. */
static bool append_bound(struct text *text, const struct scalar *bound, bool is_max)
{
    char day[40];
    switch (bound->type.id) {
    case TYPE_INT8:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DECIMAL:
        return append_number_bound(text, bound);
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return isfinite(bound->f64) && append_number_bound(text, bound);
    case TYPE_DATE:
        if (bound->i64 < -719162 || bound->i64 > 2932896 ||
            !format_second(day, sizeof(day), bound->i64 * 86400, '\0'))
            return false;
        text_printf(text, "\"%s\"", day); /* ends at the separator */
        return true;
    case TYPE_TIMESTAMP:
        return append_time_bound(text, bound, is_max);
    case TYPE_UTF8:
    case TYPE_JSON:
        return append_text_bound(text, bound, is_max);
    default:
        return false;
    }
}

static void undo_to(struct text *text, size_t size)
{
    if (text->data && text->size > size) {
        text->size = size;
        text->data[size] = '\0';
    }
}

/* "name":bound for each column that has one. */
static void append_bounds(struct text *text, const struct schema *columns,
                          const struct new_file *file, bool is_max)
{
    bool first = true;
    text_append_char(text, '{');
    for (size_t i = 0; i < columns->n_fields && i < STATS_COLUMNS; i++) {
        const struct column_stats *stats = &file->columns[i];
        size_t before = text->size;
        if (!stats->has_bounds || (is_max && stats->nan_count))
            continue; /* some readers hold NaN to be greater than all numbers */
        if (!first)
            text_append_char(text, ',');
        text_append_json(text, columns->fields[i].name);
        text_append_char(text, ':');
        if (append_bound(text, is_max ? &stats->max : &stats->min, is_max))
            first = false;
        else
            undo_to(text, before);
    }
    text_append_char(text, '}');
}

status value_append_stats(struct text *text, const struct schema *columns,
                          const struct new_file *file, struct error *err)
{
    bool first = true;
    text_printf(text, "{\"numRecords\":%" PRIu64, file->rows);
    if (file->columns) {
        text_append(text, ",\"minValues\":");
        append_bounds(text, columns, file, false);
        text_append(text, ",\"maxValues\":");
        append_bounds(text, columns, file, true);
        text_append(text, ",\"nullCount\":{");
        for (size_t i = 0; i < columns->n_fields && i < STATS_COLUMNS; i++) {
            if (type_is_nested(columns->fields[i].type))
                continue;
            if (!first)
                text_append_char(text, ',');
            first = false;
            text_append_json(text, columns->fields[i].name);
            text_printf(text, ":%" PRIu64, file->columns[i].null_count);
        }
        text_append_char(text, '}');
    }
    text_append_char(text, '}');
    return text_check(text, err);
}

/* ---- paths ---- */

void value_append_path(struct text *text, const char *path)
{
    text_append_char(text, '"');
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     strchr("-_.~/=", c);
        if (plain)
            text_append_char(text, (char)c);
        else
            text_printf(text, "%%%02X", c);
    }
    text_append_char(text, '"');
}

status value_decode_uri(char *path, struct error *err)
{
    char *to = strchr(path, '%');
    for (const char *at = to; at && *at; at++) {
        uint8_t byte;
        if (*at != '%') {
            *to++ = *at;
        } else if (at[1] && bytes_from_hex(at + 1, 2, &byte) && byte) {
            *to++ = (char)byte;
            at += 2;
        } else {
            return error_set(err, STATUS_BAD_DATA, "the path \"%.200s\" is no proper URI",
                             at); /* from the fault on */
        }
    }
    if (to)
        *to = '\0';
    return STATUS_OK;
}

status value_decode_path(const struct slice *written, struct arena *arena, char **out,
                         struct error *err)
{
    char *path;
    size_t size;
    TRY(scan_text(*written, arena, &path, &size, err));
    if (strlen(path) != size)
        return error_set(err, STATUS_BAD_DATA, "the path \"%.200s\" goes on behind a zero", path);
    TRY(value_decode_uri(path, err));
    *out = path;
    return STATUS_OK;
}
