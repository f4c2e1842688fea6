/* What a transform makes of one value. Runs once for each distinct key, so it is plain rather than fast. */
#include "partition/transform.h"

#include "base/clock.h"
#include "partition/murmur3.h"
#include "partition/partitioner.h"

/* ---- types ---- */

static bool is_integer(enum type_id id)
{
    return id >= TYPE_INT8 && id <= TYPE_UINT64;
}

static bool has_bucket(enum type_id id)
{
    switch (id) {
    case TYPE_DECIMAL:
    case TYPE_UTF8:
    case TYPE_JSON:
    case TYPE_BINARY:
    case TYPE_FIXED_BINARY:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_UUID:
        return true;
    default:
        return is_integer(id);
    }
}

const char *transform_refusal(enum partition_transform transform, enum type_id id)
{
    bool text = id == TYPE_UTF8 || id == TYPE_JSON;
    switch (transform) {
    case PARTITION_HOUR:
        return id == TYPE_TIMESTAMP ? NULL : "only a timestamp can be cut by hour";
    case PARTITION_TRUNCATE:
        return text || is_integer(id) || id == TYPE_DECIMAL
                   ? NULL
                   : "only integers, decimals, text and JSON can be truncated";
    case PARTITION_BUCKET:
        return has_bucket(id) ? NULL
                              : "only integers, decimals, dates, times, timestamps, text, JSON, "
                                "bytes and UUIDs have buckets";
    default:
        return id == TYPE_DATE || id == TYPE_TIMESTAMP
                   ? NULL
                   : "only a date or a timestamp can be cut by year, month or day";
    }
}

struct type transform_type(enum partition_transform transform, struct type from)
{
    switch (transform) {
    case PARTITION_HOUR:
        return from;
    case PARTITION_TRUNCATE: /* the beginning of a JSON text is none */
        return from.id == TYPE_JSON ? (struct type){.id = TYPE_UTF8} : from;
    case PARTITION_BUCKET:
    case PARTITION_YMD:
        return (struct type){.id = TYPE_INT32};
    default:
        return (struct type){.id = TYPE_DATE};
    }
}

/* ---- dates ---- */

static bool in_calendar(struct type type, int64_t value)
{
    int64_t days = type.id == TYPE_TIMESTAMP ? floor_divide(value, US_PER_DAY) : value;
    bool dated = type.id == TYPE_TIMESTAMP || type.id == TYPE_DATE;
    return !dated || (days >= civil_to_days(1, 1, 1) && days <= civil_to_days(9999, 12, 31));
}

static status outside_calendar(int64_t days, const char *column, size_t row, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA,
                     "column \"%s\", row %zu of the batch: a day outside the years 0001 to 9999 "
                     "(day %lld since 1970) names no partition",
                     column, row, (long long)days);
}

static int64_t first_of(int64_t days, bool whole_year)
{
    int32_t year, month, day;
    civil_from_days((int32_t)days, &year, &month, &day);
    return civil_to_days(year, whole_year ? 1 : month, 1);
}

static void ymd_values(int64_t days, struct scalar *out)
{
    int32_t parts[3];
    civil_from_days((int32_t)days, &parts[0], &parts[1], &parts[2]);
    for (size_t i = 0; i < 3; i++)
        out[i].i64 = parts[i];
}

static int64_t period_of_day(const struct partition_entry *entry, int64_t days)
{
    bool month = entry->transform == PARTITION_MONTH ||
                 (entry->transform == PARTITION_PERIOD && days <= entry->month_until);
    bool year = entry->transform == PARTITION_YEAR;
    return month || year ? first_of(days, year) : days;
}

/* ---- truncate ---- */

size_t text_prefix(const uint8_t *bytes, size_t size, size_t points)
{
    size_t at = 0;
    for (; at < size; at++)
        if ((bytes[at] & 0xc0) != 0x80 && points-- == 0)
            break; /* the first byte of one code point too many */
    return at;
}

/* The remainder of the whole, limb by limb from the top. Read without a sign, a negative value is 2^bits too large. */
void decimal_floor(const uint8_t *value, size_t width, uint32_t n, uint8_t *out)
{
    bool negative = value[width - 1] >> 7;
    uint64_t rest = 0, modulus = 1;
    for (size_t at = width; at > 0; at -= 4) {
        rest = (rest << 32 | load_u32le(value + at - 4)) % n;
        modulus = (modulus << 32) % n;
    }
    uint64_t borrow = negative ? (rest + n - modulus) % n : rest;
    for (size_t at = 0; at < width; at += 4) {
        uint64_t limb = (uint64_t)load_u32le(value + at) - borrow;
        store_u32le(out + at, (uint32_t)limb);
        borrow = limb >> 63;
    }
}

/* Whether TEXT, a floor of a number that was BEFORE, is of the type it is to have. */
static bool fits(const struct scalar *value, const char *text, int64_t before)
{
    static const int64_t least[] = {[TYPE_INT8] = INT8_MIN,
                                    [TYPE_INT16] = INT16_MIN,
                                    [TYPE_INT32] = INT32_MIN,
                                    [TYPE_INT64] = INT64_MIN};
    struct type type = value->type;
    uint8_t decimal[32];
    if (type.id == TYPE_DECIMAL)
        return parse_decimal(text, strlen(text), type.precision, type.scale, decimal);
    if (type.id < TYPE_INT8 || type.id > TYPE_INT64)
        return true;
    return value->i64 <= before && value->i64 >= least[type.id];
}

static void truncated(const struct scalar *value, int32_t argument, struct scalar *out)
{
    struct type type = transform_type(PARTITION_TRUNCATE, value->type);
    *out = *value;
    out->type = type;
    if (type.id == TYPE_UTF8)
        out->size = text_prefix((const uint8_t *)value->bytes, value->size, (size_t)argument);
    else if (type.id == TYPE_DECIMAL)
        decimal_floor(value->fixed, type_value_bytes(type), (uint32_t)argument, out->fixed);
    else if (type.id >= TYPE_UINT8)
        out->u64 = value->u64 / (uint32_t)argument * (uint32_t)argument;
    else
        out->i64 = floor_wrapping(value->i64, argument);
}

static status truncate_row(const struct scalar *value, int32_t argument, const char *column,
                           size_t row, struct scalar *out, struct error *err)
{
    char name[64];
    SCOPED(arena_release) struct arena scratch = {0};
    truncated(value, argument, out);
    if (out->type.id == TYPE_UTF8)
        return STATUS_OK;
    const char *text = scalar_text(out, &scratch), *before = scalar_text(value, &scratch);
    if (!text || !before)
        return error_no_memory(err);
    if (fits(out, text, value->i64))
        return STATUS_OK;
    return error_set(
        err, STATUS_BAD_DATA,
        "column \"%s\", row %zu of the batch: %s truncated to a multiple of %d is below "
        "what %s holds; load it as a wider type or partition by bucket",
        column, row, before, (int)argument, type_text(value->type, name));
}

/* ---- bucket ---- */

uint32_t hash_of_decimal(const uint8_t *value, size_t width)
{
    uint8_t bytes[33];
    uint8_t sign = value[width - 1] >> 7 ? 0xff : 0;
    bytes[0] = sign;
    for (size_t i = 0; i < width; i++)
        bytes[width - i] = value[i];
    size_t first = 0; /* a byte of nothing but sign goes while the next one tells the sign too */
    while (first < width && bytes[first] == sign && (bytes[first + 1] ^ sign) < 0x80)
        first++;
    return murmur3_bytes(bytes + first, width + 1 - first);
}

uint32_t hash_of_unsigned(uint64_t value)
{
    uint8_t bytes[16] = {0};
    store_u64le(bytes, value);
    return hash_of_decimal(bytes, sizeof(bytes));
}

static uint32_t hash_of(const struct column *column, const struct scalar *value, size_t row)
{
    enum type_id id = value->type.id;
    struct span bytes = partition_bytes_at(column, row);
    if (id == TYPE_DECIMAL)
        return hash_of_decimal(bytes.data, bytes.size);
    if (id == TYPE_UINT64)
        return hash_of_unsigned(value->u64);
    if (type_is_text_like(value->type) || id == TYPE_FIXED_BINARY || id == TYPE_UUID)
        return murmur3_bytes(bytes.data, bytes.size);
    return murmur3_long(value->i64);
}

/* ---- all of them ---- */

static status row_value(const struct partition_entry *entry, const struct column *column,
                        const struct scalar *value, size_t row, struct scalar *out,
                        struct error *err)
{
    const char *name = column->field->name;
    bool timestamp = value->type.id == TYPE_TIMESTAMP;
    int64_t days = timestamp ? floor_divide(value->i64, US_PER_DAY) : value->i64;
    if (entry->transform == PARTITION_BUCKET) { /* any value has one */
        out->i64 = bucket_of_hash(hash_of(column, value, row), entry->argument);
        return STATUS_OK;
    }
    if (!in_calendar(value->type, value->i64))
        return outside_calendar(days, name, row, err);
    if (entry->transform == PARTITION_TRUNCATE)
        return truncate_row(value, entry->argument, name, row, out, err);
    if (entry->transform == PARTITION_IDENTITY)
        *out = *value;
    else if (entry->transform == PARTITION_HOUR)
        out->i64 = floor_wrapping(value->i64, US_PER_HOUR);
    else if (entry->transform == PARTITION_YMD)
        ymd_values(days, out);
    else
        out->i64 = period_of_day(entry, days);
    return STATUS_OK;
}

status partition_entry_values(const struct partition_entry *entry, const struct column *column,
                              size_t row, struct scalar *out, struct error *err)
{
    struct scalar value;
    scalar_from_column(&value, column, row);
    struct type type =
        partition_is_identity(entry) ? value.type : transform_type(entry->transform, value.type);
    for (size_t i = 0; i < entry->n_keys; i++)
        out[i] = (struct scalar){.type = type, .is_null = value.is_null};
    if (value.is_null)
        return STATUS_OK;
    return row_value(entry, column, &value, row, out, err);
}

/* The key's value of a row whose own is VALUE: a first of the month is the first of its own month. */
static struct scalar own_value(const struct partition_spec *spec, const struct scalar *value)
{
    struct partition_entry entry = {.transform = spec->transform, .month_until = INT32_MIN};
    struct scalar own = *value;
    switch (spec->transform) {
    case PARTITION_YEAR:
    case PARTITION_MONTH:
        own.i64 = period_of_day(&entry, value->i64);
        break;
    case PARTITION_HOUR:
        own.i64 = floor_wrapping(value->i64, US_PER_HOUR);
        break;
    case PARTITION_TRUNCATE:
        truncated(value, spec->argument, &own);
        break;
    default: /* any value of the type */
        break;
    }
    return own;
}

status partition_spec_admits(const struct partition_spec *spec, const struct scalar *value,
                             struct error *err)
{
    if (value->is_null)
        return STATUS_OK;
    if (spec->transform == PARTITION_BUCKET) {
        if (value->i64 >= 0 && value->i64 < spec->argument)
            return STATUS_OK;
        return error_set(err, STATUS_BAD_CONFIG, "buckets go from 0 to %d",
                         (int)spec->argument - 1);
    }
    if (!in_calendar(value->type, value->i64))
        return error_set(err, STATUS_BAD_CONFIG,
                         "a day outside the years 0001 to 9999 names no partition");
    struct scalar own = own_value(spec, value);
    if (scalar_compare(&own, value) == 0)
        return STATUS_OK;
    SCOPED(arena_release) struct arena scratch = {0};
    const char *text = partition_value_text(&own, &scratch);
    if (!text)
        return error_no_memory(err);
    return error_set(err, STATUS_BAD_CONFIG, "the value of that partition is %s", text);
}
