#include "format/parquet/read_bound.h"

#include <math.h>
#include <string.h>

/* Whole units below or above. */
static bool from_nanos(struct span plain, bool is_upper, struct scalar *out)
{
    int64_t ns;
    memcpy(&ns, plain.data, sizeof(ns));
    int64_t us = ns / 1000, rest = ns % 1000;
    out->i64 = us + (rest > 0 && is_upper) - (rest < 0 && !is_upper);
    return true;
}

static bool from_fixed(const struct read_type *type, struct span plain, struct scalar *out)
{
    _Alignas(16) uint8_t value[32] = {0};
    struct field field = {.type = type->type};
    struct column column = {
        .field = &field, .rows = 1, .value_bytes = type->out_width, .values.data = value};
    if (type->out_width > sizeof(value))
        return false;
    if (type->convert_bytes) {
        if (!type->convert_bytes(type, plain.data, plain.size, value))
            return false;
    } else if (type->convert) {
        if (type->convert(type, plain.data, 1, value) != 1)
            return false;
    } else {
        memcpy(value, plain.data, plain.size);
    }
    scalar_from_column(out, &column, 0);
    return true;
}

static bool has_order(const struct read_type *type)
{
    return type->physical != PARQUET_INT96 && type->type.id != TYPE_INTERVAL;
}

bool read_bound(const struct read_type *type, struct span plain, bool is_upper, struct scalar *out)
{
    size_t width = type->physical == PARQUET_BOOLEAN ? 1 : type->width;
    struct scalar made = {.type = type->type};
    if (!has_order(type) || (width > 0 && plain.size != width))
        return false;
    if (type->physical == PARQUET_BOOLEAN) {
        made.i64 = plain.data[0] & 1;
    } else if (type->out_width == 0) {
        made.bytes = (const char *)plain.data;
        made.size = plain.size;
    } else if (type->divisor) {
        (void)from_nanos(plain, is_upper, &made);
    } else if (!from_fixed(type, plain, &made)) {
        return false;
    }
    bool is_float = type->physical == PARQUET_FLOAT || type->physical == PARQUET_DOUBLE;
    if (is_float && isnan(made.f64))
        return false;
    *out = made;
    return true;
}

/* ---- the other way ---- */

static void put_big_endian(const uint8_t *value, size_t have, size_t width, uint8_t *out)
{
    uint8_t sign = value[have - 1] >> 7 ? 0xff : 0;
    for (size_t b = 0; b < width; b++)
        out[width - 1 - b] = b < have ? value[b] : sign;
}

static bool plain_decimal(const struct read_type *type, const struct scalar *value, uint8_t *buf,
                          struct span *out)
{
    if (type->width == 0 || type->width > PLAIN_VALUE_BYTES)
        return false;
    if (type->physical == PARQUET_FIXED)
        put_big_endian(value->fixed, type->out_width, type->width, buf);
    else
        memcpy(buf, value->fixed, type->width);
    *out = (struct span){buf, type->width};
    return true;
}

bool plain_value(const struct read_type *type, const struct scalar *value,
                 uint8_t buf[PLAIN_VALUE_BYTES], struct span *out)
{
    float narrow = (float)value->f64;
    switch (type->type.id) {
    case TYPE_UTF8:
    case TYPE_BINARY:
    case TYPE_JSON:
        *out = (struct span){(const uint8_t *)value->bytes, value->size};
        return true;
    case TYPE_DECIMAL:
        return plain_decimal(type, value, buf, out);
    case TYPE_FLOAT32:
        memcpy(buf, &narrow, sizeof(narrow));
        break;
    case TYPE_FLOAT64:
        memcpy(buf, &value->f64, sizeof(value->f64));
        break;
    case TYPE_INT8:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_UINT8:
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
    case TYPE_DATE:
        memcpy(buf, &value->i64, sizeof(value->i64)); /* the low bytes of either sign */
        break;
    case TYPE_TIMESTAMP:
        if (type->convert)
            return false; /* of another unit */
        memcpy(buf, &value->i64, sizeof(value->i64));
        break;
    case TYPE_UUID:
        memcpy(buf, value->fixed, type->width);
        break;
    default:
        return false;
    }
    *out = (struct span){buf, type->width};
    return true;
}
