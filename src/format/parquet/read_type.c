#include "format/parquet/read_type.h"

#include <string.h>

#include "base/bytes.h"

/* ---- kernels: loops without a branch that depends on the type ---- */

typedef __int128 wide;

/* Narrowing: all values are moved, and what does not fit is looked for only if any did not. */
#define NARROW(name, out_type)                                                                     \
    static size_t name(const struct read_type *type, const uint8_t *from, size_t n, uint8_t *out)  \
    {                                                                                              \
        (void)type;                                                                                \
        int32_t bad = 0;                                                                           \
        for (size_t i = 0; i < n; i++) {                                                           \
            int32_t value;                                                                         \
            memcpy(&value, from + 4 * i, 4);                                                       \
            out_type narrow = (out_type)value;                                                     \
            bad |= value ^ (int32_t)narrow;                                                        \
            memcpy(out + sizeof(narrow) * i, &narrow, sizeof(narrow));                             \
        }                                                                                          \
        for (size_t i = 0; bad && i < n; i++) {                                                    \
            int32_t value;                                                                         \
            memcpy(&value, from + 4 * i, 4);                                                       \
            if (value != (int32_t)(out_type)value)                                                 \
                return i;                                                                          \
        }                                                                                          \
        return n;                                                                                  \
    }
NARROW(to_int8, int8_t)
NARROW(to_int16, int16_t)
NARROW(to_uint8, uint8_t)
NARROW(to_uint16, uint16_t)

static const int64_t DAY_US = INT64_C(86400000000);

struct int96 {
    uint8_t bytes[12];
};

static inline bool day_time(int64_t us, int64_t *out)
{
    *out = us;
    return us >= 0 && us <= DAY_US;
}

static inline bool day_millis(int32_t ms, int64_t *out)
{
    return day_time((int64_t)ms * 1000, out);
}

static inline bool whole_micros(int64_t ns, int64_t *out)
{
    *out = ns / 1000;
    return *out * 1000 == ns;
}

static inline bool day_nanos(int64_t ns, int64_t *out)
{
    return whole_micros(ns, out) && day_time(*out, out);
}

static inline bool stamp_millis(int64_t ms, int64_t *out)
{
    return !__builtin_mul_overflow(ms, 1000, out);
}

/* Nanoseconds of the day, then the Julian day. */
static inline bool stamp_int96(struct int96 value, int64_t *out)
{
    enum { JULIAN_EPOCH = 2440588 };
    int64_t ns = (int64_t)load_u64le(value.bytes);
    int32_t day = (int32_t)load_u32le(value.bytes + 8);
    return ns % 1000 == 0 && !__builtin_mul_overflow((int64_t)day - JULIAN_EPOCH, DAY_US, out) &&
           !__builtin_add_overflow(*out, ns / 1000, out);
}

/* Microseconds; RULE says how, and whether there is such a value. */
#define TO_MICROS(name, in_type, rule)                                                             \
    static size_t name(const struct read_type *type, const uint8_t *from, size_t n, uint8_t *out)  \
    {                                                                                              \
        (void)type;                                                                                \
        for (size_t i = 0; i < n; i++) {                                                           \
            in_type value;                                                                         \
            int64_t us;                                                                            \
            memcpy(&value, from + sizeof(value) * i, sizeof(value));                               \
            if (!rule(value, &us))                                                                 \
                return i;                                                                          \
            memcpy(out + 8 * i, &us, 8);                                                           \
        }                                                                                          \
        return n;                                                                                  \
    }
TO_MICROS(time_from_millis, int32_t, day_millis)
TO_MICROS(time_from_micros, int64_t, day_time)
TO_MICROS(time_from_nanos, int64_t, day_nanos)
TO_MICROS(stamp_from_millis, int64_t, stamp_millis)
TO_MICROS(stamp_from_nanos, int64_t, whole_micros)
TO_MICROS(stamp_from_int96, struct int96, stamp_int96)

static size_t interval_from_millis(const struct read_type *type, const uint8_t *from, size_t n,
                                   uint8_t *out)
{
    (void)type;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *value = from + 12 * i;
        if ((load_u32le(value) | load_u32le(value + 4)) >> 31)
            return i;
        memcpy(out + 16 * i, value, 8);
        store_u64le(out + 16 * i + 8, (uint64_t)load_u32le(value + 8) * 1000000);
    }
    return n;
}

/* ---- decimals ---- */

static wide power_of_ten(int32_t digits)
{
    wide power = 1;
    for (int32_t i = 0; i < digits; i++)
        power *= 10;
    return power;
}

/* An int32 or int64 has at most 19 digits; a precision above that holds them all. */
static wide small_limit(const struct read_type *type)
{
    return power_of_ten(type->type.precision < 20 ? type->type.precision : 20);
}

static void put_wide(wide value, size_t width, uint8_t *out)
{
    memcpy(out, &value, width < 16 ? width : 16);
    if (width > 16)
        memset(out + 16, value < 0 ? 0xff : 0, width - 16);
}

#define DECIMAL_FROM(name, in_type)                                                                \
    static size_t name(const struct read_type *type, const uint8_t *from, size_t n, uint8_t *out)  \
    {                                                                                              \
        wide limit = small_limit(type);                                                            \
        size_t width = type->out_width;                                                            \
        for (size_t i = 0; i < n; i++) {                                                           \
            in_type value;                                                                         \
            memcpy(&value, from + sizeof(value) * i, sizeof(value));                               \
            if (value >= limit || value <= -limit)                                                 \
                return i;                                                                          \
            put_wide(value, width, out + width * i);                                               \
        }                                                                                          \
        return n;                                                                                  \
    }
DECIMAL_FROM(decimal_from_int32, int32_t)
DECIMAL_FROM(decimal_from_int64, int64_t)

/* Into 8 bytes: what almost all files hold. */
#define DECIMAL64_FROM(name, physical)                                                             \
    static size_t name(const struct read_type *type, const uint8_t *from, size_t n, uint8_t *out)  \
    {                                                                                              \
        int64_t limit = (int64_t)small_limit(type), bad = 0;                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            physical##_t narrow;                                                                   \
            memcpy(&narrow, from + sizeof(narrow) * i, sizeof(narrow));                            \
            int64_t value = narrow;                                                                \
            bad |= (value >= limit) | (value <= -limit);                                           \
            memcpy(out + sizeof(value) * i, &value, sizeof(value));                                \
        }                                                                                          \
        return bad ? decimal_from_##physical(type, from, n, out) : n;                              \
    }
DECIMAL64_FROM(decimal64_from_int32, int32)
DECIMAL64_FROM(decimal64_from_int64, int64)

/* 10^p for p of 39..76 in four words, least first. */
static void power_words(int32_t digits, uint64_t out[4])
{
    memset(out, 0, 4 * sizeof(*out));
    out[0] = 1;
    for (int32_t i = 0; i < digits; i++) {
        unsigned __int128 carry = 0;
        for (int w = 0; w < 4; w++) {
            carry += (unsigned __int128)out[w] * 10;
            out[w] = (uint64_t)carry;
            carry >>= 64;
        }
    }
}

/* Is the magnitude of the little-endian number below LIMIT? */
static bool is_below(const uint8_t value[32], const uint64_t limit[4])
{
    uint64_t words[4];
    memcpy(words, value, sizeof(words));
    uint64_t flip = words[3] >> 63 ? UINT64_MAX : 0, carry = flip & 1;
    for (int w = 0; w < 4; w++) {
        words[w] = (words[w] ^ flip) + carry;
        carry = carry && words[w] == 0;
    }
    for (int w = 3; w >= 0; w--)
        if (words[w] != limit[w])
            return words[w] < limit[w];
    return false;
}

/* Big-endian two's complement of SIZE bytes; longer ones must have nothing but the sign in front. */
static bool decimal_bytes(const uint8_t *from, size_t size, size_t width, const uint64_t limit[4],
                          uint8_t *out)
{
    uint8_t value[32];
    uint8_t sign = size > 0 && from[0] >> 7 ? 0xff : 0;
    for (; size > 32; from++, size--)
        if (from[0] != sign)
            return false;
    if (size > 0 && (from[0] ^ sign) >> 7)
        return false;
    memset(value, sign, sizeof(value));
    for (size_t b = 0; b < size; b++)
        value[b] = from[size - 1 - b];
    if (!is_below(value, limit))
        return false;
    memcpy(out, value, width);
    return true;
}

static size_t decimal_from_fixed(const struct read_type *type, const uint8_t *from, size_t n,
                                 uint8_t *out)
{
    uint64_t limit[4];
    power_words(type->type.precision, limit);
    for (size_t i = 0; i < n; i++)
        if (!decimal_bytes(from + type->width * i, type->width, type->out_width, limit,
                           out + type->out_width * i))
            return i;
    return n;
}

static bool decimal_from_bytes(const struct read_type *type, const uint8_t *from, size_t size,
                               uint8_t *out)
{
    uint64_t limit[4];
    power_words(type->type.precision, limit);
    return decimal_bytes(from, size, type->out_width, limit, out);
}

/* ---- the type of an element ---- */

static const char *const physical_names[] = {
    "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};

static status misfit(const struct schema_element *element, const char *what, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "%s does not fit the physical type %s", what,
                     physical_names[element->physical]);
}

static status set_decimal(const struct schema_element *element, struct read_type *out,
                          struct error *err)
{
    if (element->precision < 1 || element->scale < 0 || element->scale > element->precision)
        return error_set(err, STATUS_BAD_DATA, "a decimal of precision %d and scale %d is none",
                         element->precision, element->scale);
    if (element->precision > DECIMAL_MAX_PRECISION)
        return error_set(err, STATUS_BAD_DATA, "a decimal of %d digits; at most %d can be read",
                         element->precision, DECIMAL_MAX_PRECISION);
    out->type =
        (struct type){.id = TYPE_DECIMAL, .precision = element->precision, .scale = element->scale};
    bool narrow = decimal_value_bytes(element->precision) == 8;
    switch (out->physical) {
    case PARQUET_INT32:
        out->convert = narrow ? decimal64_from_int32 : decimal_from_int32;
        return STATUS_OK;
    case PARQUET_INT64:
        out->convert = narrow ? decimal64_from_int64 : decimal_from_int64;
        return STATUS_OK;
    case PARQUET_FIXED:
        out->convert = decimal_from_fixed;
        return STATUS_OK;
    case PARQUET_BYTE_ARRAY:
        out->convert_bytes = decimal_from_bytes;
        return STATUS_OK;
    default:
        return misfit(element, "a decimal", err);
    }
}

static status set_integer(const struct schema_element *element, struct read_type *out,
                          struct error *err)
{
    static const struct {
        int8_t bits;
        bool is_signed;
        enum parquet_physical physical;
        enum type_id id;
        size_t (*convert)(const struct read_type *, const uint8_t *, size_t, uint8_t *);
    } rows[] = {
        {8, true, PARQUET_INT32, TYPE_INT8, to_int8},
        {16, true, PARQUET_INT32, TYPE_INT16, to_int16},
        {32, true, PARQUET_INT32, TYPE_INT32, NULL},
        {64, true, PARQUET_INT64, TYPE_INT64, NULL},
        {8, false, PARQUET_INT32, TYPE_UINT8, to_uint8},
        {16, false, PARQUET_INT32, TYPE_UINT16, to_uint16},
        {32, false, PARQUET_INT32, TYPE_UINT32, NULL},
        {64, false, PARQUET_INT64, TYPE_UINT64, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].bits == element->bit_width && rows[i].is_signed == element->is_signed &&
            rows[i].physical == out->physical) {
            out->type.id = rows[i].id;
            out->convert = rows[i].convert;
            return STATUS_OK;
        }
    return misfit(element, "an integer of its width", err);
}

static status set_time(const struct schema_element *element, struct read_type *out,
                       struct error *err)
{
    out->type.id = TYPE_TIME;
    out->divisor = element->unit == PARQUET_UNIT_NANOS ? 1000 : 0;
    bool is_millis = element->unit == PARQUET_UNIT_MILLIS;
    if (out->physical != (is_millis ? PARQUET_INT32 : PARQUET_INT64))
        return misfit(element, "a time of its unit", err);
    if (element->unit < PARQUET_UNIT_MILLIS || element->unit > PARQUET_UNIT_NANOS)
        return error_set(err, STATUS_BAD_DATA, "a time without a unit that is known");
    out->convert = is_millis ? time_from_millis : out->divisor ? time_from_nanos : time_from_micros;
    return STATUS_OK;
}

static status set_timestamp(const struct schema_element *element, struct read_type *out,
                            struct error *err)
{
    out->type = (struct type){.id = TYPE_TIMESTAMP, .utc = element->utc};
    out->divisor = element->unit == PARQUET_UNIT_NANOS ? 1000 : 0;
    if (out->physical != PARQUET_INT64)
        return misfit(element, "a timestamp", err);
    if (element->unit < PARQUET_UNIT_MILLIS || element->unit > PARQUET_UNIT_NANOS)
        return error_set(err, STATUS_BAD_DATA, "a timestamp without a unit that is known");
    out->convert = element->unit == PARQUET_UNIT_MILLIS  ? stamp_from_millis
                   : element->unit == PARQUET_UNIT_NANOS ? stamp_from_nanos
                                                         : NULL;
    return STATUS_OK;
}

static void set_plain(const struct schema_element *element, struct read_type *out)
{
    static const enum type_id ids[] = {
        [PARQUET_BOOLEAN] = TYPE_BOOL,      [PARQUET_INT32] = TYPE_INT32,
        [PARQUET_INT64] = TYPE_INT64,       [PARQUET_INT96] = TYPE_TIMESTAMP,
        [PARQUET_FLOAT] = TYPE_FLOAT32,     [PARQUET_DOUBLE] = TYPE_FLOAT64,
        [PARQUET_BYTE_ARRAY] = TYPE_BINARY, [PARQUET_FIXED] = TYPE_FIXED_BINARY,
    };
    out->type.id = ids[out->physical];
    if (out->physical == PARQUET_FIXED)
        out->type.width = element->type_length;
    if (out->physical == PARQUET_INT96) {
        out->type.utc = true; /* as Spark means them */
        out->convert = stamp_from_int96;
    }
}

/* Annotations that only say how to look at bytes or at an int32. */
static status set_simple(const struct schema_element *element, enum parquet_physical physical,
                         enum type_id id, const char *what, struct read_type *out,
                         struct error *err)
{
    if (out->physical != physical)
        return misfit(element, what, err);
    out->type.id = id;
    out->is_text = id == TYPE_UTF8 || id == TYPE_JSON;
    return STATUS_OK;
}

static status set_fixed(const struct schema_element *element, int32_t width, enum type_id id,
                        const char *what, struct read_type *out, struct error *err)
{
    if (out->physical != PARQUET_FIXED || element->type_length != width)
        return error_set(err, STATUS_BAD_DATA, "%s must be FIXED_LEN_BYTE_ARRAY of %d bytes", what,
                         width);
    out->type.id = id;
    if (id == TYPE_INTERVAL)
        out->convert = interval_from_millis;
    return STATUS_OK;
}

static status set_logical(const struct schema_element *element, struct read_type *out,
                          struct error *err)
{
    switch (element->logical) {
    case PARQUET_LOGICAL_STRING:
        return set_simple(element, PARQUET_BYTE_ARRAY, TYPE_UTF8, "STRING", out, err);
    case PARQUET_LOGICAL_ENUM:
        return set_simple(element, PARQUET_BYTE_ARRAY, TYPE_UTF8, "ENUM", out, err);
    case PARQUET_LOGICAL_JSON:
        return set_simple(element, PARQUET_BYTE_ARRAY, TYPE_JSON, "JSON", out, err);
    case PARQUET_LOGICAL_BSON:
        return set_simple(element, PARQUET_BYTE_ARRAY, TYPE_BINARY, "BSON", out, err);
    case PARQUET_LOGICAL_DATE:
        return set_simple(element, PARQUET_INT32, TYPE_DATE, "DATE", out, err);
    case PARQUET_LOGICAL_DECIMAL:
        return set_decimal(element, out, err);
    case PARQUET_LOGICAL_TIME:
        return set_time(element, out, err);
    case PARQUET_LOGICAL_TIMESTAMP:
        return set_timestamp(element, out, err);
    case PARQUET_LOGICAL_INTEGER:
        return set_integer(element, out, err);
    case PARQUET_LOGICAL_UUID:
        return set_fixed(element, 16, TYPE_UUID, "UUID", out, err);
    case PARQUET_LOGICAL_FLOAT16:
        return error_set(err, STATUS_BAD_DATA, "FLOAT16 can't be read; write it as FLOAT");
    case PARQUET_LOGICAL_LIST:
    case PARQUET_LOGICAL_MAP:
        return error_set(err, STATUS_BAD_DATA, "a LIST or MAP must be a group");
    default: /* UNKNOWN, and what came to the format later: the values are what they physically are */
        if (element->converted == PARQUET_CONVERTED_INTERVAL)
            return set_fixed(element, 12, TYPE_INTERVAL, "INTERVAL", out, err);
        set_plain(element, out);
        return STATUS_OK;
    }
}

status read_type_of(const struct schema_element *element, struct read_type *out, struct error *err)
{
    static const uint8_t widths[] = {0, 4, 8, 12, 4, 8, 0, 0};
    if (element->physical < 0 || element->physical > PARQUET_FIXED)
        return error_set(err, STATUS_BAD_DATA, "physical type %d is not in the format",
                         element->physical);
    struct read_type type = {.physical = (enum parquet_physical)element->physical};
    type.width = widths[element->physical];
    if (type.physical == PARQUET_FIXED) {
        if (element->type_length < 1)
            return error_set(err, STATUS_BAD_DATA, "FIXED_LEN_BYTE_ARRAY of %d bytes",
                             element->type_length);
        type.width = (size_t)element->type_length;
    }
    TRY(set_logical(element, &type, err));
    type.out_width = type_value_bytes(type.type);
    *out = type;
    return STATUS_OK;
}

const char *read_type_refusal(const struct read_type *type)
{
    if (type->divisor || type->physical == PARQUET_INT96)
        return "is not a whole number of microseconds in range";
    switch (type->type.id) {
    case TYPE_DECIMAL:
        return "has more digits than its precision";
    case TYPE_TIME:
        return "is no time of a day";
    case TYPE_TIMESTAMP:
        return "is out of the range of microseconds";
    case TYPE_INTERVAL:
        return "is out of the range of months and days";
    default:
        return "is out of the range of its type";
    }
}
