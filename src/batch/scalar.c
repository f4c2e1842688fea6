#include "batch/scalar.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "batch/decimal.h"

static const int64_t US_PER_DAY = INT64_C(86400) * 1000000;
enum { FLAT_TEXT_BYTES = 128 };

/* ---- from a column ---- */

static int64_t load_signed(const uint8_t *at, size_t width)
{
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    switch (width) {
    case 1:
        memcpy(&i8, at, 1);
        return i8;
    case 2:
        memcpy(&i16, at, 2);
        return i16;
    case 4:
        memcpy(&i32, at, 4);
        return i32;
    default:
        memcpy(&i64, at, 8);
        return i64;
    }
}

static void load_fixed(struct scalar *out, const uint8_t *at, size_t width)
{
    float f32;
    switch (out->type.id) {
    case TYPE_UINT8:
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
        out->u64 = 0;
        memcpy(&out->u64, at, width); /* little-endian */
        break;
    case TYPE_FLOAT32:
        memcpy(&f32, at, 4);
        out->f64 = f32;
        break;
    case TYPE_FLOAT64:
        memcpy(&out->f64, at, 8);
        break;
    case TYPE_DECIMAL:
    case TYPE_UUID:
    case TYPE_INTERVAL:
    case TYPE_FIXED_BINARY:
        if (width <= sizeof(out->fixed))
            memcpy(out->fixed, at, width);
        out->bytes = (const char *)at; /* the only form of the longer ones */
        out->size = width;
        break;
    default:
        out->i64 = load_signed(at, width);
    }
}

void scalar_from_column(struct scalar *out, const struct column *column, size_t row)
{
    *out = (struct scalar){.type = column->field->type};
    if (column_is_null(column, row)) {
        out->is_null = true;
    } else if (out->type.id == TYPE_BOOL) {
        out->i64 = bit_get(column->values.data, row);
    } else if (type_is_text_like(out->type)) {
        const int64_t *offsets = column_offsets(column);
        out->size = (size_t)(offsets[row + 1] - offsets[row]);
        out->bytes = out->size ? (const char *)column->data.data + offsets[row] : "";
    } else if (!type_is_nested(out->type)) {
        size_t width = column->value_bytes;
        load_fixed(out, column->values.data + row * width, width);
    }
}

status column_append_scalar(struct column *column, const struct scalar *value, struct error *err)
{
    struct type type = column->field->type;
    if (type_is_nested(type))
        return error_set(err, STATUS_BUG, "one value can't be appended to a nested column");
    if (value->is_null)
        return column_append_null(column, err);
    TRY(column_reserve(column, 1, err));
    if (type_is_text_like(type))
        return column_append_bytes(column, value->bytes, value->size, err);
    if (type.id == TYPE_BOOL) {
        column_append_bool(column, value->i64 != 0);
    } else if (type.id == TYPE_FLOAT32) {
        float narrow = (float)value->f64;
        column_append_fixed(column, &narrow);
    } else {
        /* the members of the union begin at one place; little-endian, so the low bytes come first */
        column_append_fixed(column, value->fixed);
    }
    return STATUS_OK;
}

status scalar_copy(struct scalar *out, const struct scalar *from, struct arena *arena,
                   struct error *err)
{
    struct scalar copy = *from;
    copy.bytes = NULL;
    if (!from->is_null && from->bytes) {
        char *bytes = arena_alloc(arena, from->size + 1);
        if (!bytes)
            return error_no_memory(err);
        memcpy(bytes, from->bytes, from->size);
        copy.bytes = bytes;
    }
    *out = copy;
    return STATUS_OK;
}

/* ---- order ---- */

static const uint8_t *fixed_bytes(const struct scalar *scalar)
{
    size_t width = type_value_bytes(scalar->type);
    return width <= sizeof(scalar->fixed) ? scalar->fixed : (const uint8_t *)scalar->bytes;
}

static int compare_f64(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    return (a > b) - (a < b);
}

static int compare_interval(const uint8_t *a, const uint8_t *b)
{
    static const struct {
        size_t at, width;
    } parts[] = {{0, 4}, {4, 4}, {8, 8}};
    for (size_t i = 0; i < 3; i++) {
        int64_t left = load_signed(a + parts[i].at, parts[i].width);
        int64_t right = load_signed(b + parts[i].at, parts[i].width);
        if (left != right)
            return left < right ? -1 : 1;
    }
    return 0;
}

static int compare_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    size_t common = a_size < b_size ? a_size : b_size;
    int order = common ? memcmp(a, b, common) : 0;
    if (order == 0)
        return (a_size > b_size) - (a_size < b_size);
    return order < 0 ? -1 : 1;
}

int scalar_compare(const struct scalar *a, const struct scalar *b)
{
    if (a->is_null || b->is_null)
        return (int)b->is_null - (int)a->is_null;
    size_t width = type_value_bytes(a->type);
    switch (a->type.id) {
    case TYPE_UINT8:
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
        return (a->u64 > b->u64) - (a->u64 < b->u64);
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return compare_f64(a->f64, b->f64);
    case TYPE_DECIMAL:
        return decimal_compare(a->fixed, b->fixed, width);
    case TYPE_INTERVAL:
        return compare_interval(a->fixed, b->fixed);
    case TYPE_UUID:
    case TYPE_FIXED_BINARY:
        return compare_bytes(fixed_bytes(a), width, fixed_bytes(b), width);
    case TYPE_UTF8:
    case TYPE_BINARY:
    case TYPE_JSON:
        return compare_bytes(a->bytes, a->size, b->bytes, b->size);
    default:
        return (a->i64 > b->i64) - (a->i64 < b->i64);
    }
}

/* ---- to text ---- */

static void format_float(const struct scalar *scalar, char *out)
{
    double value = scalar->f64;
    bool single = scalar->type.id == TYPE_FLOAT32;
    if (isnan(value)) {
        snprintf(out, FLAT_TEXT_BYTES, "NaN");
        return;
    }
    if (isinf(value)) {
        snprintf(out, FLAT_TEXT_BYTES, "%s", value < 0 ? "-Infinity" : "Infinity");
        return;
    }
    /* fewer digits than these always read back; but subnormal numbers have fewer to give */
    bool subnormal = fabs(value) < (single ? (double)FLT_MIN : DBL_MIN) && value != 0;
    int least = subnormal ? 1 : single ? 6 : 15;
    for (int digits = least; digits <= 17; digits++) {
        snprintf(out, FLAT_TEXT_BYTES, "%.*g", digits, value);
        if (single ? strtof(out, NULL) == (float)value : strtod(out, NULL) == value)
            return;
    }
}

/* Values outside 0001..9999 have no date; "@" and the number of the storage unit keeps them exact. */
static int format_date(int64_t days, char *out)
{
    int32_t year, month, day;
    if (days < civil_to_days(1, 1, 1) || days > civil_to_days(9999, 12, 31))
        return -1;
    civil_from_days((int32_t)days, &year, &month, &day);
    return snprintf(out, FLAT_TEXT_BYTES, "%04d-%02d-%02d", (int)year, (int)month, (int)day);
}

static int format_time(int64_t us, char *out)
{
    if (us < 0 || us > US_PER_DAY)
        return -1;
    int64_t seconds = us / 1000000, fraction = us % 1000000;
    int n = snprintf(out, 32, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                     (int)(seconds % 60));
    if (fraction)
        n += snprintf(out + n, 16, ".%06d", (int)fraction);
    return n;
}

static int format_timestamp(int64_t us, bool utc, char *out)
{
    int64_t days = us / US_PER_DAY, rest = us % US_PER_DAY;
    if (rest < 0) {
        days--;
        rest += US_PER_DAY;
    }
    int n = format_date(days, out);
    if (n < 0)
        return -1;
    out[n++] = 'T';
    n += format_time(rest, out + n);
    if (utc) {
        out[n] = 'Z';
        out[n + 1] = '\0';
    }
    return n;
}

static void format_uuid(const uint8_t *value, char *out)
{
    char hex[33];
    bytes_to_hex(value, 16, hex);
    snprintf(out, FLAT_TEXT_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
}

/* Types of bounded text; false for those that are bytes of any length. */
static bool format_flat(const struct scalar *scalar, char out[FLAT_TEXT_BYTES])
{
    int n = 0;
    switch (scalar->type.id) {
    case TYPE_BOOL:
        snprintf(out, FLAT_TEXT_BYTES, "%s", scalar->i64 ? "true" : "false");
        break;
    case TYPE_UINT8:
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
        snprintf(out, FLAT_TEXT_BYTES, "%llu", (unsigned long long)scalar->u64);
        break;
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        format_float(scalar, out);
        break;
    case TYPE_DECIMAL:
        decimal_format(scalar->fixed, type_value_bytes(scalar->type), scalar->type.scale, out);
        break;
    case TYPE_UUID:
        format_uuid(scalar->fixed, out);
        break;
    case TYPE_DATE:
        n = format_date(scalar->i64, out);
        break;
    case TYPE_TIME:
        n = format_time(scalar->i64, out);
        break;
    case TYPE_TIMESTAMP:
        n = format_timestamp(scalar->i64, scalar->type.utc, out);
        break;
    case TYPE_INTERVAL:
        snprintf(out, FLAT_TEXT_BYTES, "%lld months %lld days %lld ns",
                 (long long)load_signed(scalar->fixed, 4),
                 (long long)load_signed(scalar->fixed + 4, 4),
                 (long long)load_signed(scalar->fixed + 8, 8));
        break;
    case TYPE_INT8:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        snprintf(out, FLAT_TEXT_BYTES, "%lld", (long long)scalar->i64);
        break;
    default:
        return false;
    }
    if (n < 0)
        snprintf(out, FLAT_TEXT_BYTES, "@%lld", (long long)scalar->i64);
    return true;
}

static char *hex_text(const void *bytes, size_t size, struct arena *arena)
{
    char *text = arena_alloc(arena, 2 * size + 3);
    if (!text)
        return NULL;
    text[0] = '0';
    text[1] = 'x';
    bytes_to_hex(bytes, size, text + 2);
    return text;
}

char *scalar_text(const struct scalar *scalar, struct arena *arena)
{
    char flat[FLAT_TEXT_BYTES];
    if (scalar->is_null)
        return arena_strdup(arena, "NULL");
    if (format_flat(scalar, flat))
        return arena_strdup(arena, flat);
    if (scalar->type.id == TYPE_BINARY)
        return hex_text(scalar->bytes, scalar->size, arena);
    if (scalar->type.id == TYPE_FIXED_BINARY)
        return hex_text(fixed_bytes(scalar), (size_t)scalar->type.width, arena);
    if (type_is_text_like(scalar->type))
        return arena_strndup(arena, scalar->bytes, scalar->size);
    return arena_strdup(arena, "(nested)");
}

/* ---- from text ---- */

static bool in_range(enum type_id id, int64_t value)
{
    switch (id) {
    case TYPE_INT8:
        return value >= INT8_MIN && value <= INT8_MAX;
    case TYPE_INT16:
        return value >= INT16_MIN && value <= INT16_MAX;
    case TYPE_INT32:
    case TYPE_DATE:
        return value >= INT32_MIN && value <= INT32_MAX;
    default:
        return true;
    }
}

static bool in_unsigned_range(enum type_id id, uint64_t value)
{
    return id == TYPE_UINT8    ? value <= UINT8_MAX
           : id == TYPE_UINT16 ? value <= UINT16_MAX
           : id == TYPE_UINT32 ? value <= UINT32_MAX
                               : true;
}

/* TEXT is NUL-terminated here. Wrapped or rounded results are caught by the canonical comparison. */
static bool parse_number(const char *text, struct scalar *out)
{
    char *end = NULL;
    switch (out->type.id) {
    case TYPE_UINT8:
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
        out->u64 = strtoull(text, &end, 10);
        return *end == '\0' && in_unsigned_range(out->type.id, out->u64);
    case TYPE_FLOAT32:
        out->f64 = strtof(text, &end);
        return *end == '\0';
    case TYPE_FLOAT64:
        out->f64 = strtod(text, &end);
        return *end == '\0';
    default:
        out->i64 = strtoll(text, &end, 10);
        return *end == '\0' && in_range(out->type.id, out->i64);
    }
}

static bool parse_uuid(const char *text, size_t size, uint8_t *out)
{
    char hex[33];
    size_t n = 0;
    for (size_t i = 0; i < size && n < 32; i++)
        if (text[i] != '-')
            hex[n++] = text[i];
    return n == 32 && bytes_from_hex(hex, 32, out);
}

static bool parse_parts(const char *text, uint8_t *out)
{
    long long months, days, ns;
    if (sscanf(text, "%lld months %lld days %lld ns", &months, &days, &ns) != 3)
        return false;
    store_u32le(out, (uint32_t)months);
    store_u32le(out + 4, (uint32_t)days);
    store_u64le(out + 8, (uint64_t)ns);
    return true;
}

static bool parse_flat(const char *text, size_t size, struct scalar *out)
{
    int32_t days;
    bool zoned;
    if (text[0] == '@') { /* outside the calendar; see format_date */
        out->i64 = strtoll(text + 1, NULL, 10);
        return in_range(out->type.id, out->i64);
    }
    switch (out->type.id) {
    case TYPE_BOOL:
        out->i64 = text[0] == 't';
        return true;
    case TYPE_DECIMAL:
        return parse_decimal(text, size, out->type.precision, out->type.scale, out->fixed);
    case TYPE_UUID:
        return parse_uuid(text, size, out->fixed);
    case TYPE_INTERVAL:
        return parse_parts(text, out->fixed);
    case TYPE_DATE:
        if (!parse_date(text, size, &days))
            return false;
        out->i64 = days;
        return true;
    case TYPE_TIME:
        return parse_time(text, size, &out->i64);
    case TYPE_TIMESTAMP:
        return parse_timestamp(text, size, &out->i64, &zoned) && zoned == out->type.utc;
    default:
        return parse_number(text, out);
    }
}

static const char *expected_form(enum type_id id)
{
    switch (id) {
    case TYPE_BOOL:
        return "true or false";
    case TYPE_DECIMAL:
        return "digits with all places after the point, as in 12.30";
    case TYPE_DATE:
        return "YYYY-MM-DD";
    case TYPE_TIME:
        return "HH:MM:SS[.ffffff]";
    case TYPE_TIMESTAMP:
        return "YYYY-MM-DDTHH:MM:SS[.ffffff], with Z if in UTC";
    case TYPE_UUID:
        return "eight, four, four, four and twelve hex digits";
    case TYPE_BINARY:
    case TYPE_FIXED_BINARY:
        return "0x and two hex digits for each byte";
    case TYPE_INTERVAL:
        return "N months N days N ns";
    default:
        return "a number of the type, in its shortest form";
    }
}

static status bad_text(struct type type, const char *text, size_t size, struct error *err)
{
    char name[64];
    int shown = size > 100 ? 100 : (int)size;
    return error_set(err, STATUS_BAD_DATA, "\"%.*s\"%s is no %s: expected %s", shown, text,
                     size > 100 ? "..." : "", type_text(type, name), expected_form(type.id));
}

/* Bytes are in hex; there is no arena to put them in, so only what fits the scalar can be read. */
static bool parse_hex(const char *text, size_t size, struct scalar *out)
{
    if (size != 2 + 2 * (size_t)out->type.width || size > 2 + 2 * sizeof(out->fixed) ||
        memcmp(text, "0x", 2) != 0)
        return false;
    return bytes_from_hex(text + 2, size - 2, out->fixed);
}

status scalar_parse(struct type type, const char *text, size_t size, struct scalar *out,
                    struct error *err)
{
    struct scalar value = {.type = type};
    if (type.id == TYPE_UTF8 || type.id == TYPE_JSON) {
        value.bytes = text;
        value.size = size;
        *out = value;
        return STATUS_OK;
    }
    if (type.id == TYPE_FIXED_BINARY) {
        if (!parse_hex(text, size, &value))
            return bad_text(type, text, size, err);
        *out = value;
        return STATUS_OK;
    }
    char given[FLAT_TEXT_BYTES], canonical[FLAT_TEXT_BYTES];
    if (size == 0 || size >= sizeof(given) || memchr(text, '\0', size))
        return bad_text(type, text, size, err);
    memcpy(given, text, size);
    given[size] = '\0';
    if (!parse_flat(given, size, &value) || !format_flat(&value, canonical) ||
        strcmp(given, canonical) != 0)
        return bad_text(type, text, size, err);
    *out = value;
    return STATUS_OK;
}
