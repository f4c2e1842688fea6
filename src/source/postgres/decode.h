/* Fields of COPY BINARY into columns: one kernel for each column, bound when the plan is known, called once for a
 * block of rows. Forms: PostgreSQL's send functions (src/backend/utils/adt), big-endian all of them. */
#ifndef LEAT_SOURCE_POSTGRES_DECODE_H
#define LEAT_SOURCE_POSTGRES_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/text.h"
#include "batch/column.h"

/* Binary forms that have a kernel; every other type is cast to text by the server. */
enum wire_form {
    WIRE_BOOL,
    WIRE_INT2,
    WIRE_INT4,
    WIRE_INT8,
    WIRE_OID, /* unsigned 32 bits */
    WIRE_FLOAT4,
    WIRE_FLOAT8,
    WIRE_NUMERIC,
    WIRE_MONEY,
    WIRE_TEXT,
    WIRE_BYTEA,
    WIRE_JSONB,
    WIRE_DATE,
    WIRE_TIME,
    WIRE_TIMESTAMP,
    WIRE_INTERVAL,
    WIRE_UUID,
    WIRE_ARRAY,
    WIRE_RECORD,
};

/* One field of each of N rows: a length of 32 bits at base + at[i] (-1: NULL), then the value. 64 bytes behind the last
 * value are readable. */
struct fields {
    const uint8_t *base;
    const uint32_t *at;
    size_t n;
};

struct decoder;
/* Append values until the first that is NULL or has no form in the column; *OUT_N: how many. Room for N rows is
 * reserved. Errors: NO_MEMORY, and then nothing was appended: a kernel that has values when memory ends gives
 * those, and the error in the next call. */
typedef status (*decode_kernel)(const struct decoder *decoder, struct column *column,
                                const struct fields *fields, size_t *out_n, struct error *err);

struct decoder {
    enum wire_form form;
    decode_kernel kernel;     /* NULL: ARRAY, RECORD */
    struct type type;         /* of the column */
    bool check_utf8;          /* the server does not vouch for it */
    __int128 limit;           /* DECIMAL to 38 digits: |value| < limit */
    struct decoder *children; /* ARRAY: of its element; RECORD: of its fields */
    size_t n_children;
    struct buffer places; /* ARRAY, RECORD: where the parts of one value lie */
};

/* The kernel for values of FORM into a column of TYPE. False: there is none. */
bool decoder_init(struct decoder *decoder, enum wire_form form, struct type type);
void decoder_release(struct decoder *decoder);

/* Append from FIELDS, NULLs included where the field allows them. *IO_ROW: in: the first row to take, out: N, or the
 * row whose value does not fit (nothing of it is appended). Errors: NO_MEMORY. */
status decode_column(struct decoder *decoder, struct column *column, const struct fields *fields,
                     size_t *io_row, struct error *err);

/* One value, as PostgreSQL would write it as text: for messages and rejected rows. SIZE -1: NULL. */
void field_text(enum wire_form form, const uint8_t *value, int32_t size, struct text *out);
/* The same for a value of DECODER's column, arrays as {1,"two",NULL} and records as (1,"two",NULL). */
void decoder_text(const struct decoder *decoder, const uint8_t *value, int32_t size,
                  struct text *out);

/* numeric (numeric.c), named by the bytes of a value in the column */
status decode_numeric_8(const struct decoder *decoder, struct column *column,
                        const struct fields *fields, size_t *out_n, struct error *err);
status decode_numeric_16(const struct decoder *decoder, struct column *column,
                         const struct fields *fields, size_t *out_n, struct error *err);
status decode_numeric_32(const struct decoder *decoder, struct column *column,
                         const struct fields *fields, size_t *out_n, struct error *err);
status decode_numeric_text(const struct decoder *decoder, struct column *column,
                           const struct fields *fields, size_t *out_n, struct error *err);
/* False: SIZE bytes are no numeric; nothing was appended. */
bool numeric_text(const uint8_t *value, size_t size, struct text *out);

static inline uint16_t load_u16be(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint64_t load_u64be(const uint8_t *p)
{
    return __builtin_bswap64(load_u64le(p));
}

#endif
