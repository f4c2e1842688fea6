#include "source/sqlite/value.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "batch/scalar.h"

enum { MAX_REAL_TEXT = 400 };

static const int64_t MAX_EXACT_DOUBLE = INT64_C(1) << 53; /* every integer to here is a double */

struct stored_text {
    const char *text;
    size_t size;
};

static inline struct stored_text text_of(const struct stored_value *value)
{
    return (struct stored_text){.text = value->bytes, .size = value->size};
}

void value_of_sqlite(sqlite3_value *value, struct stored_value *out)
{
    *out = (struct stored_value){.kind = sqlite3_value_type(value)};
    switch (out->kind) {
    case SQLITE_INTEGER:
        out->integer = sqlite3_value_int64(value);
        break;
    case SQLITE_FLOAT:
        out->real = sqlite3_value_double(value);
        break;
    case SQLITE_TEXT:
        out->bytes = (const char *)sqlite3_value_text(value);
        out->size = (size_t)sqlite3_value_bytes(value);
        break;
    case SQLITE_BLOB:
        out->bytes = sqlite3_value_blob(value);
        out->size = (size_t)sqlite3_value_bytes(value);
        break;
    default:
        break;
    }
}

/* ---- integers ---- */

/* Whole REALs fit: SQLite itself makes them INTEGER in a column of integer affinity, so they only turn up in
 * columns of expressions and where the job names the type. */
static inline bool whole_number(double real, int64_t *out)
{
    if (!(real >= -9223372036854775808.0 && real < 9223372036854775808.0) || real != trunc(real))
        return false;
    *out = (int64_t)real;
    return true;
}

static inline enum fit integer_of(const struct stored_value *value, int64_t *out)
{
    switch (value->kind) {
    case SQLITE_INTEGER:
        *out = value->integer;
        return FIT_YES;
    case SQLITE_NULL:
        return FIT_NULL;
    case SQLITE_FLOAT:
        return whole_number(value->real, out) ? FIT_YES : FIT_NO;
    case SQLITE_TEXT: {
        struct stored_text stored = text_of(value);
        return text_parse_int64(stored.text, stored.size, out) ? FIT_YES : FIT_NO;
    }
    default:
        return FIT_NO;
    }
}

static enum fit append_int64(struct column *column, const struct stored_value *value,
                             struct error *err)
{
    int64_t number;
    enum fit fit = integer_of(value, &number);
    if (fit == FIT_YES)
        column_append_fixed(column, &number);
    return fit;
}

static enum fit append_narrow(struct column *column, const struct stored_value *value,
                              int64_t least, int64_t greatest)
{
    int64_t number;
    enum fit fit = integer_of(value, &number);
    if (fit != FIT_YES)
        return fit;
    if (number < least || number > greatest)
        return FIT_NO;
    column_append_fixed(column, &number); /* little-endian: the low bytes are the narrow value */
    return FIT_YES;
}

static enum fit append_int8(struct column *column, const struct stored_value *value,
                            struct error *err)
{
    return append_narrow(column, value, INT8_MIN, INT8_MAX);
}

static enum fit append_int16(struct column *column, const struct stored_value *value,
                             struct error *err)
{
    return append_narrow(column, value, INT16_MIN, INT16_MAX);
}

static enum fit append_int32(struct column *column, const struct stored_value *value,
                             struct error *err)
{
    return append_narrow(column, value, INT32_MIN, INT32_MAX);
}

static enum fit append_uint8(struct column *column, const struct stored_value *value,
                             struct error *err)
{
    return append_narrow(column, value, 0, UINT8_MAX);
}

static enum fit append_uint16(struct column *column, const struct stored_value *value,
                              struct error *err)
{
    return append_narrow(column, value, 0, UINT16_MAX);
}

static enum fit append_uint32(struct column *column, const struct stored_value *value,
                              struct error *err)
{
    return append_narrow(column, value, 0, UINT32_MAX);
}

static enum fit append_uint64(struct column *column, const struct stored_value *value,
                              struct error *err)
{
    const char *digits = value->kind == SQLITE_TEXT ? value->bytes : NULL;
    uint8_t fixed[16];
    if (!digits || value->size < 19)
        return append_narrow(column, value, 0, INT64_MAX);
    for (size_t i = 0; i < value->size; i++)
        if (digits[i] < '0' || digits[i] > '9')
            return append_narrow(column, value, 0, INT64_MAX);
    if (!parse_decimal(digits, value->size, 20, 0, fixed) || load_u64le(fixed + 8) != 0)
        return FIT_NO;
    column_append_fixed(column, fixed); /* the low bytes */
    return FIT_YES;
}

static enum fit append_bool(struct column *column, const struct stored_value *value,
                            struct error *err)
{
    int64_t number = -1;
    if (value->kind == SQLITE_TEXT) {
        struct stored_text stored = text_of(value);
        if (stored.size == 4 && sqlite3_strnicmp(stored.text, "true", 4) == 0)
            number = 1;
        else if (stored.size == 5 && sqlite3_strnicmp(stored.text, "false", 5) == 0)
            number = 0;
    } else {
        enum fit fit = integer_of(value, &number);
        if (fit != FIT_YES)
            return fit;
    }
    if (number != 0 && number != 1)
        return FIT_NO;
    column_append_bool(column, number == 1);
    return FIT_YES;
}

/* ---- floating point ---- */

/* strtod also takes hex, "inf" and "nan"; those are no numbers here. */
static bool parse_real(struct stored_text stored, double *out)
{
    char text[MAX_REAL_TEXT + 1]; /* what is stored need not end in a NUL */
    if (stored.size == 0 || stored.size > MAX_REAL_TEXT)
        return false;
    memcpy(text, stored.text, stored.size);
    text[stored.size] = '\0';
    if (strspn(text, "+-.0123456789eE") != stored.size)
        return false;
    char *end;
    *out = strtod(text, &end);
    return end == text + stored.size && isfinite(*out);
}

static inline enum fit real_of(const struct stored_value *value, double *out)
{
    switch (value->kind) {
    case SQLITE_FLOAT:
        *out = value->real;
        return FIT_YES;
    case SQLITE_NULL:
        return FIT_NULL;
    case SQLITE_INTEGER: {
        int64_t number = value->integer;
        int64_t back = 0;
        *out = (double)number;
        if (number > -MAX_EXACT_DOUBLE && number < MAX_EXACT_DOUBLE)
            return FIT_YES;
        return whole_number(*out, &back) && back == number ? FIT_YES : FIT_NO;
    }
    case SQLITE_TEXT:
        return parse_real(text_of(value), out) ? FIT_YES : FIT_NO;
    default:
        return FIT_NO;
    }
}

static enum fit append_float64(struct column *column, const struct stored_value *value,
                               struct error *err)
{
    double real;
    enum fit fit = real_of(value, &real);
    if (fit == FIT_YES)
        column_append_fixed(column, &real);
    return fit;
}

static enum fit append_float32(struct column *column, const struct stored_value *value,
                               struct error *err)
{
    double real;
    enum fit fit = real_of(value, &real);
    if (fit != FIT_YES)
        return fit;
    if (isfinite(real) && fabs(real) > FLT_MAX)
        return FIT_NO;
    float narrow = (float)real;
    if ((double)narrow != real)
        return FIT_NO;
    column_append_fixed(column, &narrow);
    return FIT_YES;
}

size_t value_real_text(double value, char out[VALUE_TEXT_BYTES])
{
    if (isinf(value))
        return (size_t)snprintf(out, VALUE_TEXT_BYTES, value < 0 ? "-Infinity" : "Infinity");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, VALUE_TEXT_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    if (!strpbrk(out, ".e"))
        memcpy(out + strlen(out), ".0", 3);
    return strlen(out);
}

/* ---- decimals ---- */

enum { MAX_POWER64 = 18 };

static const int64_t power64[MAX_POWER64 + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

/* Powers of ten that are exact doubles. */
static const double power_real[VALUE_EXACT_SCALE + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

double value_power_real(int32_t n)
{
    return power_real[n];
}

int64_t value_decimal_limit(int32_t precision)
{
    return precision <= MAX_POWER64 ? power64[precision] : INT64_MAX;
}

/* UNSCALED is the value times 10^scale. */
static inline enum fit append_unscaled(struct column *column, int64_t unscaled)
{
    struct type type = column->field->type;
    if (type.precision <= MAX_POWER64 &&
        (unscaled >= power64[type.precision] || unscaled <= -power64[type.precision]))
        return FIT_NO;
    uint8_t fixed[32];
    store_u64le(fixed, (uint64_t)unscaled);
    memset(fixed + 8, unscaled < 0 ? 0xff : 0, sizeof(fixed) - 8);
    column_append_fixed(column, fixed);
    return FIT_YES;
}

static enum fit decimal_from_text(struct column *column, const char *text, size_t size)
{
    struct type type = column->field->type;
    uint8_t fixed[32];
    if (!parse_decimal(text, size, type.precision, type.scale, fixed))
        return FIT_NO;
    column_append_fixed(column, fixed);
    return FIT_YES;
}

static enum fit decimal_from_integer(struct column *column, int64_t number)
{
    int64_t unscaled;
    int32_t scale = column->field->type.scale;
    if (scale <= MAX_POWER64 && !__builtin_mul_overflow(number, power64[scale], &unscaled))
        return append_unscaled(column, unscaled);
    char text[VALUE_TEXT_BYTES];
    int size = snprintf(text, sizeof(text), "%lld", (long long)number);
    return decimal_from_text(column, text, (size_t)size);
}

static enum fit decimal_from_real(struct column *column, double real)
{
    int32_t scale = column->field->type.scale;
    int64_t unscaled;
    if (__builtin_expect(scale <= VALUE_EXACT_SCALE, 1) &&
        value_decimal_of_real(real, power_real[scale], &unscaled))
        return append_unscaled(column, unscaled);
    if (!isfinite(real))
        return FIT_NO;
    char text[VALUE_TEXT_BYTES];
    size_t size = value_real_text(real, text);
    return decimal_from_text(column, text, size);
}

/* [-]digits[.digits] of at most 18 digits by hand; the rest is parse_decimal's. */
static enum fit decimal_from_stored(struct column *column, struct stored_text stored)
{
    int32_t scale = column->field->type.scale;
    size_t i = stored.size > 0 && stored.text[0] == '-';
    size_t digits = 0;
    int32_t behind = -1; /* digits behind the point; -1: no point yet */
    int64_t number = 0;
    if (stored.size > 19 || stored.size == i)
        return decimal_from_text(column, stored.text, stored.size);
    for (; i < stored.size; i++) {
        unsigned digit = (unsigned char)stored.text[i] - '0';
        if (digit <= 9) {
            number = number * 10 + (int64_t)digit;
            digits++;
            behind += behind >= 0;
        } else if (stored.text[i] == '.' && behind < 0 && digits > 0) {
            behind = 0;
        } else {
            return decimal_from_text(column, stored.text, stored.size);
        }
    }
    int32_t missing = scale - (behind > 0 ? behind : 0);
    if (behind == 0 || missing < 0 || missing > MAX_POWER64 || digits > MAX_POWER64 ||
        __builtin_mul_overflow(number, power64[missing], &number))
        return decimal_from_text(column, stored.text, stored.size);
    return append_unscaled(column, stored.text[0] == '-' ? -number : number);
}

static enum fit append_decimal(struct column *column, const struct stored_value *value,
                               struct error *err)
{
    switch (value->kind) {
    case SQLITE_FLOAT:
        return decimal_from_real(column, value->real);
    case SQLITE_INTEGER:
        return decimal_from_integer(column, value->integer);
    case SQLITE_TEXT:
        return decimal_from_stored(column, text_of(value));
    case SQLITE_NULL:
        return FIT_NULL;
    default:
        return FIT_NO;
    }
}

/* ---- dates and times ---- */

/* The text of a TEXT; FIT_YES, FIT_NULL, or FIT_NO for the other kinds. */
static inline enum fit only_text(const struct stored_value *value, struct stored_text *out)
{
    int kind = value->kind;
    if (__builtin_expect(kind != SQLITE_TEXT, 0))
        return kind == SQLITE_NULL ? FIT_NULL : FIT_NO;
    *out = text_of(value);
    return FIT_YES;
}

static enum fit append_date(struct column *column, const struct stored_value *value,
                            struct error *err)
{
    struct stored_text stored;
    enum fit fit = only_text(value, &stored);
    if (fit != FIT_YES)
        return fit;
    int32_t days;
    if (!parse_date(stored.text, stored.size, &days))
        return FIT_NO;
    column_append_fixed(column, &days);
    return FIT_YES;
}

static enum fit append_time(struct column *column, const struct stored_value *value,
                            struct error *err)
{
    struct stored_text stored;
    enum fit fit = only_text(value, &stored);
    if (fit != FIT_YES)
        return fit;
    int64_t us;
    if (!parse_time(stored.text, stored.size, &us))
        return FIT_NO;
    column_append_fixed(column, &us);
    return FIT_YES;
}

static enum fit append_timestamp(struct column *column, const struct stored_value *value,
                                 struct error *err)
{
    struct stored_text stored;
    enum fit fit = only_text(value, &stored);
    if (fit != FIT_YES)
        return fit;
    int64_t us;
    bool zoned;
    if (!parse_timestamp(stored.text, stored.size, &us, &zoned) || zoned != column->field->type.utc)
        return FIT_NO;
    column_append_fixed(column, &us);
    return FIT_YES;
}

static enum fit append_interval(struct column *column, const struct stored_value *value,
                                struct error *err)
{
    struct stored_text stored;
    enum fit fit = only_text(value, &stored);
    if (fit != FIT_YES)
        return fit;
    uint8_t interval[16];
    if (!parse_interval(stored.text, stored.size, interval))
        return FIT_NO;
    column_append_fixed(column, interval);
    return FIT_YES;
}

/* ---- text and bytes ---- */

bool value_is_utf8(const char *bytes, size_t size)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        if (load_u64le(bytes + i) & high)
            break;
    }
    for (; i < size && !((unsigned char)bytes[i] & 0x80); i++) {
    }
    return i == size || text_utf8_valid_prefix(bytes + i, size - i) == size - i;
}

static inline enum fit append_bytes(struct column *column, const void *bytes, size_t size,
                                    struct error *err)
{
    return column_append_bytes(column, bytes, size, err) == STATUS_OK ? FIT_YES : FIT_FAILED;
}

/* Numbers as canonical text. */
static enum fit append_number_text(struct column *column, const struct stored_value *value,
                                   struct error *err)
{
    char text[VALUE_TEXT_BYTES];
    size_t size;
    if (value->kind == SQLITE_INTEGER)
        size = (size_t)snprintf(text, sizeof(text), "%lld", (long long)value->integer);
    else
        size = value_real_text(value->real, text);
    return append_bytes(column, text, size, err);
}

static enum fit append_utf8(struct column *column, const struct stored_value *value,
                            struct error *err)
{
    switch (value->kind) {
    case SQLITE_TEXT: {
        struct stored_text stored = text_of(value);
        if (!value_is_utf8(stored.text, stored.size))
            return FIT_NO;
        return append_bytes(column, stored.text, stored.size, err);
    }
    case SQLITE_NULL:
        return FIT_NULL;
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
        return append_number_text(column, value, err);
    default:
        return FIT_NO;
    }
}

static enum fit append_binary(struct column *column, const struct stored_value *value,
                              struct error *err)
{
    int kind = value->kind;
    if (kind == SQLITE_NULL)
        return FIT_NULL;
    if (kind == SQLITE_TEXT) {
        struct stored_text stored = text_of(value);
        return append_bytes(column, stored.text, stored.size, err);
    }
    if (kind != SQLITE_BLOB)
        return FIT_NO;
    const void *bytes = value->bytes;
    return append_bytes(column, bytes, value->size, err);
}

static enum fit append_fixed_binary(struct column *column, const struct stored_value *value,
                                    struct error *err)
{
    if (value->kind == SQLITE_NULL)
        return FIT_NULL;
    if (value->kind != SQLITE_BLOB || value->size != (size_t)column->field->type.width ||
        column->field->type.width == 0)
        return FIT_NO;
    column_append_fixed(column, value->bytes);
    return FIT_YES;
}

/* 8-4-4-4-12 hex digits, or 32 without hyphens. */
static bool parse_uuid(struct stored_text stored, uint8_t out[16])
{
    char digits[32];
    size_t n = 0;
    if (stored.size != 36 && stored.size != 32)
        return false;
    for (size_t i = 0; i < stored.size; i++) {
        bool hyphen = stored.size == 36 && (i == 8 || i == 13 || i == 18 || i == 23);
        if (hyphen != (stored.text[i] == '-'))
            return false;
        if (!hyphen)
            digits[n++] = stored.text[i];
    }
    return bytes_from_hex(digits, sizeof(digits), out);
}

static enum fit append_uuid(struct column *column, const struct stored_value *value,
                            struct error *err)
{
    uint8_t uuid[16];
    switch (value->kind) {
    case SQLITE_NULL:
        return FIT_NULL;
    case SQLITE_TEXT:
        if (!parse_uuid(text_of(value), uuid))
            return FIT_NO;
        break;
    case SQLITE_BLOB: {
        const void *bytes = value->bytes;
        if (value->size != sizeof(uuid))
            return FIT_NO;
        memcpy(uuid, bytes, sizeof(uuid));
        break;
    }
    default:
        return FIT_NO;
    }
    column_append_fixed(column, uuid);
    return FIT_YES;
}

static enum fit append_hex(struct column *column, const uint8_t *bytes, size_t size,
                           struct error *err)
{
    SCOPED(text_release) struct text hex = {0};
    text_append(&hex, "0x");
    for (size_t i = 0; i < size; i++)
        text_printf(&hex, "%02x", bytes[i]);
    if (text_check(&hex, err) != STATUS_OK)
        return FIT_FAILED;
    return append_bytes(column, hex.data, hex.size, err);
}

enum fit value_append_any_text(struct column *column, const struct stored_value *value,
                               struct error *err)
{
    enum fit fit = append_utf8(column, value, err);
    if (fit != FIT_NO)
        return fit;
    const uint8_t *bytes = (const uint8_t *)value->bytes;
    return append_hex(column, bytes, value->size, err);
}

append_fn value_append_for(struct type type)
{
    static const append_fn functions[] = {
        [TYPE_BOOL] = append_bool,
        [TYPE_INT8] = append_int8,
        [TYPE_INT16] = append_int16,
        [TYPE_INT32] = append_int32,
        [TYPE_INT64] = append_int64,
        [TYPE_UINT8] = append_uint8,
        [TYPE_UINT16] = append_uint16,
        [TYPE_UINT32] = append_uint32,
        [TYPE_UINT64] = append_uint64,
        [TYPE_FLOAT32] = append_float32,
        [TYPE_FLOAT64] = append_float64,
        [TYPE_DECIMAL] = append_decimal,
        [TYPE_UTF8] = append_utf8,
        [TYPE_BINARY] = append_binary,
        [TYPE_FIXED_BINARY] = append_fixed_binary,
        [TYPE_DATE] = append_date,
        [TYPE_TIME] = append_time,
        [TYPE_TIMESTAMP] = append_timestamp,
        [TYPE_INTERVAL] = append_interval,
        [TYPE_UUID] = append_uuid,
        [TYPE_JSON] = append_utf8,
        [TYPE_MAP] = NULL,
    };
    return (size_t)type.id < sizeof(functions) / sizeof(functions[0]) ? functions[type.id] : NULL;
}

const char *value_show(const struct stored_value *value, char out[VALUE_SHOWN_BYTES])
{
    char number[VALUE_TEXT_BYTES];
    switch (value->kind) {
    case SQLITE_INTEGER:
        snprintf(out, VALUE_SHOWN_BYTES, "INTEGER %lld", (long long)value->integer);
        break;
    case SQLITE_FLOAT:
        value_real_text(value->real, number);
        snprintf(out, VALUE_SHOWN_BYTES, "REAL %s", number);
        break;
    case SQLITE_TEXT: {
        struct stored_text stored = text_of(value);
        size_t shown = stored.size < 60 ? stored.size : 60;
        while (shown > 0 && shown < stored.size && (stored.text[shown] & 0xc0) == 0x80)
            shown--; /* not in the middle of a character */
        char text[64];
        unsigned char limit = value_is_utf8(stored.text, stored.size) ? 0xff : 0x7e;
        for (size_t i = 0; i < shown; i++) {
            unsigned char c = (unsigned char)stored.text[i];
            text[i] = (char)(c < 0x20 || c == 0x7f || c > limit ? '?' : c);
        }
        snprintf(out, VALUE_SHOWN_BYTES, "TEXT '%.*s'%s", (int)shown, text,
                 shown < stored.size ? "..." : "");
        break;
    }
    case SQLITE_BLOB:
        snprintf(out, VALUE_SHOWN_BYTES, "BLOB of %zu bytes", value->size);
        break;
    default:
        snprintf(out, VALUE_SHOWN_BYTES, "NULL");
    }
    return out;
}
