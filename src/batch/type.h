/* The types a column can have. Each has one layout in memory (that of the Arrow columnar format)
 * and one defined form in every file format; docs/types.md is the user's view of this list. */
#ifndef LEAT_BATCH_TYPE_H
#define LEAT_BATCH_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum type_id {
    TYPE_BOOL, /* bitmap */
    TYPE_INT8,
    TYPE_INT16,
    TYPE_INT32,
    TYPE_INT64,
    TYPE_UINT8,
    TYPE_UINT16,
    TYPE_UINT32,
    TYPE_UINT64,
    TYPE_FLOAT32,
    TYPE_FLOAT64,
    TYPE_DECIMAL, /* two's complement little-endian; 8 bytes to 18 digits, 16 to 38, 32 to 76 */
    TYPE_UTF8,    /* int64 offsets + bytes; always valid UTF-8 */
    TYPE_BINARY,  /* int64 offsets + bytes */
    TYPE_FIXED_BINARY, /* width bytes */
    TYPE_DATE,         /* int32 days since 1970-01-01 */
    TYPE_TIME,         /* int64 microseconds since midnight, 0..86400000000 */
    TYPE_TIMESTAMP,    /* int64 microseconds since 1970-01-01; utc: an instant; else a wall clock */
    TYPE_INTERVAL,     /* 16 bytes: int32 months, int32 days, int64 nanoseconds */
    TYPE_UUID,         /* 16 bytes, big-endian */
    TYPE_JSON,         /* as UTF8; the text is JSON */
    TYPE_LIST,         /* int64 offsets + one child */
    TYPE_STRUCT,       /* children side by side */
    TYPE_MAP,          /* int64 offsets + one child: struct of key (not null) and value */
};

enum {
    DECIMAL_MAX_PRECISION = 76,
    DECIMAL128_MAX_PRECISION = 38, /* fits 16 bytes */
    DECIMAL64_MAX_PRECISION = 18,  /* fits 8 */
};

struct type {
    enum type_id id;
    int32_t precision; /* DECIMAL: digits in all, 1..76 */
    int32_t scale;     /* DECIMAL: digits after the point, 0..precision */
    int32_t width;     /* FIXED_BINARY: bytes */
    bool utc;          /* TIMESTAMP: an instant in UTC */
};

bool type_equal(struct type a, struct type b);
/* "decimal(18,2)", "timestamp with time zone": the word used in job files and messages. */
const char *type_text(struct type type, char buf[64]);
/* The type written as TEXT in a job file: bool, int8..int64, uint8..uint64, float32 (real), float64
 * (double), decimal(p,s), text (utf8, string), binary (bytes), fixed_binary(n), date, time, timestamp,
 * timestamptz, interval, uuid, json. BAD_CONFIG names what was expected. */
status type_parse(const char *text, struct type *out, struct error *err);
/* Bytes of a decimal of PRECISION digits: 8, 16 or 32. */
size_t decimal_value_bytes(int32_t precision);
/* Bytes of one value in the values buffer: 0 for BOOL (a bit) and for types without one. */
size_t type_value_bytes(struct type type);
/* int64 offsets into `data` (UTF8, BINARY, JSON) */
bool type_is_text_like(struct type type);
/* can hold children (LIST, STRUCT, MAP) */
bool type_is_nested(struct type type);

#endif
