#include "format/parquet/describe.h"

#include <string.h>

#include "batch/scalar.h"

#define DAY_MICROS   ((int64_t)86400 * 1000000)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void name_or_number(struct text *out, const char *const *names, size_t n, int64_t number)
{
    if (number >= 0 && (uint64_t)number < n && names[number])
        text_append(out, names[number]);
    else
        text_printf(out, "%lld", (long long)number);
}

void describe_codec(struct text *out, int32_t codec)
{
    static const char *const names[] = {"none",   "snappy", "gzip", "lzo",
                                        "brotli", "lz4",    "zstd", "lz4_raw"};
    name_or_number(out, names, COUNT(names), codec);
}

void describe_encoding(struct text *out, int encoding)
{
    static const char *const names[] = {"PLAIN",
                                        NULL,
                                        "PLAIN_DICTIONARY",
                                        "RLE",
                                        "BIT_PACKED",
                                        "DELTA_BINARY_PACKED",
                                        "DELTA_LENGTH_BYTE_ARRAY",
                                        "DELTA_BYTE_ARRAY",
                                        "RLE_DICTIONARY",
                                        "BYTE_STREAM_SPLIT"};
    name_or_number(out, names, COUNT(names), encoding);
}

const char *describe_repetition(int repetition)
{
    static const char *const names[] = {"required", "optional", "repeated"};
    return repetition >= 0 && (size_t)repetition < COUNT(names) ? names[repetition] : "";
}

/* "STRING", "DECIMAL 18,2", "TIMESTAMP MICROS UTC", "INT8", "UINT64" */
static void describe_logical(struct text *out, const struct schema_element *element)
{
    static const char *const names[] = {NULL,      "STRING",  "MAP",      "LIST",      "ENUM",
                                        "DECIMAL", "DATE",    "TIME",     "TIMESTAMP", NULL,
                                        "INT",     "UNKNOWN", "JSON",     "BSON",      "UUID",
                                        "FLOAT16", "VARIANT", "GEOMETRY", "GEOGRAPHY"};
    static const char *const units[] = {NULL, "MILLIS", "MICROS", "NANOS"};
    if (element->logical == PARQUET_LOGICAL_INTEGER && !element->is_signed)
        text_append_char(out, 'U');
    name_or_number(out, names, COUNT(names), element->logical);
    if (element->logical == PARQUET_LOGICAL_INTEGER)
        text_printf(out, "%d", element->bit_width);
    if (element->logical == PARQUET_LOGICAL_DECIMAL)
        text_printf(out, " %d,%d", element->precision, element->scale);
    if (element->unit != 0) {
        text_append_char(out, ' ');
        name_or_number(out, units, COUNT(units), element->unit);
        text_append(out, element->utc ? " UTC" : "");
    }
}

void describe_type(struct text *out, const struct schema_element *element)
{
    static const char *const names[] = {"BOOLEAN", "INT32",  "INT64",      "INT96",
                                        "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
    if (element->physical < 0)
        text_append(out, "group");
    else
        name_or_number(out, names, COUNT(names), element->physical);
    if (element->physical == PARQUET_FIXED)
        text_printf(out, "(%d)", element->type_length);
    if (element->logical != PARQUET_LOGICAL_NONE) {
        text_append(out, " (");
        describe_logical(out, element);
        text_append_char(out, ')');
    } else if (element->converted == PARQUET_CONVERTED_INTERVAL) {
        text_append(out, " (INTERVAL)");
    } else if (element->converted != PARQUET_CONVERTED_NONE) {
        text_printf(out, " (converted %d)", (int)element->converted);
    }
}

/* ---- values ---- */

/* C1 controls, U+0080 to U+009F, can steer a terminal as well. */
static bool is_control(const uint8_t *at, size_t left)
{
    return *at < 0x20 || *at == 0x7f || (*at == 0xc2 && left > 1 && at[1] < 0xa0);
}

static size_t character_bytes(uint8_t lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

void describe_text(struct text *out, struct span bytes, size_t limit)
{
    size_t at = 0;
    while (at < bytes.size) {
        if (limit > 0 && at >= limit) {
            text_append(out, "...");
            return;
        }
        const uint8_t *here = bytes.data + at;
        size_t left = bytes.size - at;
        size_t size = character_bytes(*here);
        bool whole = size <= left && text_utf8_valid_prefix((const char *)here, size) == size;
        if (!whole || is_control(here, left)) {
            text_printf(out, "\\x%02x", *here);
            at++;
        } else {
            text_append_bytes(out, (const char *)here, size);
            at += size;
        }
    }
}

static void describe_hex(struct text *out, struct span bytes)
{
    text_append(out, "0x");
    for (size_t i = 0; i < bytes.size && i < DESCRIBE_VALUE_BYTES / 2; i++)
        text_printf(out, "%02x", bytes.data[i]);
    if (bytes.size > DESCRIBE_VALUE_BYTES / 2)
        text_append(out, "...");
}

static void append_scalar(struct text *out, const struct scalar *scalar)
{
    struct arena arena = {0};
    char *text = scalar_text(scalar, &arena);
    if (text)
        text_append(out, text);
    else
        out->failed = true; /* no memory */
    arena_release(&arena);
}

static bool is_unsigned(const struct schema_element *element)
{
    return element->logical == PARQUET_LOGICAL_INTEGER && !element->is_signed;
}

static bool is_decimal(const struct schema_element *element, size_t bytes)
{
    return element->logical == PARQUET_LOGICAL_DECIMAL && element->precision > 0 &&
           element->precision <= DECIMAL_MAX_PRECISION && element->scale >= 0 &&
           element->scale <= element->precision && bytes > 0 &&
           bytes <= sizeof(((struct scalar *)0)->fixed);
}

static void describe_decimal(struct text *out, const struct schema_element *element,
                             struct span bound, bool big_endian)
{
    struct scalar scalar = {
        .type = {.id = TYPE_DECIMAL, /* all of `fixed`: files hold what their precision does not */
                 .precision = DECIMAL_MAX_PRECISION,
                 .scale = element->scale}};
    uint8_t high = bound.data[big_endian ? 0 : bound.size - 1];
    memset(scalar.fixed, high & 0x80 ? 0xff : 0, sizeof(scalar.fixed));
    for (size_t b = 0; b < bound.size; b++)
        scalar.fixed[b] = bound.data[big_endian ? bound.size - 1 - b : b];
    append_scalar(out, &scalar);
}

/* A time in microseconds; false where it has none: another unit's overflow or remainder. */
static bool to_micros(const struct schema_element *element, int64_t value, int64_t *out)
{
    *out = value;
    if (element->unit == PARQUET_UNIT_MILLIS)
        return !__builtin_mul_overflow(value, (int64_t)1000, out);
    if (element->unit == PARQUET_UNIT_NANOS)
        *out = value / 1000;
    return element->unit == PARQUET_UNIT_MICROS ||
           (element->unit == PARQUET_UNIT_NANOS && value % 1000 == 0);
}

static void describe_integer(struct text *out, const struct schema_element *element, int64_t value)
{
    struct scalar scalar = {.i64 = value};
    bool timed = to_micros(element, value, &scalar.i64);
    if (element->logical == PARQUET_LOGICAL_DATE)
        scalar = (struct scalar){.type.id = TYPE_DATE, .i64 = value};
    else if (element->logical == PARQUET_LOGICAL_TIMESTAMP && timed)
        scalar.type = (struct type){.id = TYPE_TIMESTAMP, .utc = element->utc};
    else if (element->logical == PARQUET_LOGICAL_TIME && timed && scalar.i64 >= 0 &&
             scalar.i64 <= DAY_MICROS)
        scalar.type.id = TYPE_TIME;
    else
        scalar = (struct scalar){.type.id = TYPE_INT64, .i64 = value};
    append_scalar(out, &scalar);
}

static void describe_number(struct text *out, const struct schema_element *element,
                            struct span bound)
{
    int32_t i32 = (int32_t)load_u32le(bound.data);
    if (is_decimal(element, bound.size))
        describe_decimal(out, element, bound, false);
    else if (bound.size == 8 && is_unsigned(element))
        text_printf(out, "%llu", (unsigned long long)load_u64le(bound.data));
    else if (bound.size == 4 && is_unsigned(element))
        text_printf(out, "%u", (uint32_t)i32);
    else
        describe_integer(out, element,
                         bound.size == 8 ? (int64_t)load_u64le(bound.data) : (int64_t)i32);
}

static void describe_floating(struct text *out, struct span bound)
{
    struct scalar scalar = {.type = {.id = bound.size == 4 ? TYPE_FLOAT32 : TYPE_FLOAT64}};
    float narrow;
    memcpy(&narrow, bound.data, sizeof(narrow));
    if (bound.size == 4)
        scalar.f64 = narrow;
    else
        memcpy(&scalar.f64, bound.data, sizeof(scalar.f64));
    append_scalar(out, &scalar);
}

size_t describe_bound_bytes(const struct schema_element *element)
{
    switch (element->physical) {
    case PARQUET_BOOLEAN:
        return 1;
    case PARQUET_INT32:
    case PARQUET_FLOAT:
        return 4;
    case PARQUET_INT64:
    case PARQUET_DOUBLE:
        return 8;
    default:
        return 0;
    }
}

bool describe_is_text(const struct schema_element *element)
{
    return element->physical == PARQUET_BYTE_ARRAY &&
           (element->logical == PARQUET_LOGICAL_STRING ||
            element->logical == PARQUET_LOGICAL_ENUM || element->logical == PARQUET_LOGICAL_JSON);
}

static void describe_uuid(struct text *out, struct span bound)
{
    struct scalar scalar = {.type.id = TYPE_UUID};
    memcpy(scalar.fixed, bound.data, bound.size);
    append_scalar(out, &scalar);
}

void describe_bound(struct text *out, const struct schema_element *element, struct span bound)
{
    size_t fixed = describe_bound_bytes(element);
    if (fixed > 0 && bound.size != fixed)
        describe_hex(out, bound);
    else if (element->physical == PARQUET_BOOLEAN)
        text_append(out, bound.data[0] ? "true" : "false");
    else if (element->physical == PARQUET_INT32 || element->physical == PARQUET_INT64)
        describe_number(out, element, bound);
    else if (fixed > 0)
        describe_floating(out, bound);
    else if (is_decimal(element, bound.size))
        describe_decimal(out, element, bound, true);
    else if (element->logical == PARQUET_LOGICAL_UUID && bound.size == 16)
        describe_uuid(out, bound);
    else if (describe_is_text(element))
        describe_text(out, bound, DESCRIBE_VALUE_BYTES);
    else
        describe_hex(out, bound);
}

/* ---- the tree ---- */

const struct schema_element **describe_leaves(const struct parquet_footer *meta,
                                              struct arena *arena, size_t *out_n)
{
    const struct schema_element **leaves =
        arena_alloc(arena, meta->n_elements * sizeof(void *) + 1);
    if (!leaves)
        return NULL;
    *out_n = 0;
    for (size_t i = 1; i < meta->n_elements; i++)
        if (meta->elements[i].n_children == 0)
            leaves[(*out_n)++] = &meta->elements[i];
    return leaves;
}

uint32_t *describe_depths(const struct parquet_footer *meta, struct arena *arena)
{
    uint32_t *depths = arena_alloc(arena, meta->n_elements * sizeof(*depths) + 1);
    int32_t *open =
        arena_alloc(arena, (meta->n_elements + 1) * sizeof(*open)); /* children to come */
    if (!depths || !open)
        return NULL;
    uint32_t depth = 0;
    for (size_t i = 0; i < meta->n_elements; i++) {
        depths[i] = depth;
        if (meta->elements[i].n_children > 0) {
            open[depth++] = meta->elements[i].n_children;
            continue;
        }
        while (depth > 0 && --open[depth - 1] == 0)
            depth--;
    }
    return depths;
}
