/* Records: a header of serial types, then the values. Taken apart for the columns that are wanted.
 *
 *   serial type   0     1..6                   7       8  9   10 11      even n >= 12     odd n >= 13
 *   value         NULL  1 2 3 4 6 8 bytes int  double  0  1   reserved   BLOB, (n-12)/2   TEXT, (n-13)/2
 *
 * Numbers are big-endian. Format: SQLite, "Database File Format", 2.1 "Record Format". */
#ifndef LEAT_SOURCE_SQLITE_RECORD_H
#define LEAT_SOURCE_SQLITE_RECORD_H

#include "base/bytes.h"
#include "base/memory.h"
#include "source/sqlite/scan.h"
#include "source/sqlite/value.h"

/* A value within the bytes of its rows: place << 32 | serial type. */
typedef uint64_t record_cell;
enum {
    SERIAL_NULL = 0,
    SERIAL_DOUBLE = 7,
    SERIAL_ZERO = 8,
    SERIAL_ONE = 9,
    SERIAL_BLOB = 12, /* and every even number above */
    SERIAL_TEXT = 13, /* and every odd number above */
};
/* The record ends before the column, which was added to the table later: it has the column's default. */
static const uint32_t SERIAL_MISSING = UINT32_MAX;

/* Where the wanted columns are in a record. */
struct record_shape {
    size_t n_columns; /* wanted */
    size_t n_stored;  /* positions of a record up to the last wanted one */
    uint32_t *column; /* n_stored: the wanted column at a position; n_columns: nobody's */
    bool *no_default; /* n_columns: missing means NULL */
};

/* Bytes of a value; SERIAL is no reserved one. */
static inline uint32_t serial_bytes(uint32_t serial)
{
    static const uint8_t small[SERIAL_BLOB] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
    return serial < SERIAL_BLOB ? small[serial] : (serial - SERIAL_BLOB) >> 1;
}

static inline uint32_t cell_serial(record_cell cell)
{
    return (uint32_t)cell;
}

static inline const uint8_t *cell_bytes(const uint8_t *base, record_cell cell)
{
    return base + (cell >> 32);
}

/* Integers of serial types 1 to 6, 8 and 9; eight bytes at P must be readable. */
static inline int64_t serial_integer(const uint8_t *p, uint32_t serial)
{
    static const uint8_t shift[10] = {0, 56, 48, 40, 32, 16, 0, 0, 0, 0};
    int64_t stored = (int64_t)__builtin_bswap64(load_u64le(p)) >> shift[serial];
    return serial >= SERIAL_ZERO ? (int64_t)serial - SERIAL_ZERO : stored;
}

static inline double serial_double(const uint8_t *p)
{
    uint64_t bits = __builtin_bswap64(load_u64le(p));
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The rows, whole in BASE's bytes, column by column: CELLS[column * STRIDE + row]. There is one column more than
 * SHAPE wants. BAD_DATA names the page. */
status record_parse(const struct record_shape *shape, const struct scan_row *rows, size_t n,
                    const uint8_t *base, record_cell *cells, size_t stride, struct error *err);
/* The stored value of a cell (eight bytes behind it must be readable). REAL_AFFINITY: integers mean doubles. */
void record_value(const uint8_t *base, record_cell cell, bool real_affinity,
                  struct stored_value *out);

/* ---- one row with overflow pages ---- */

struct long_record {
    struct page_source *source; /* borrowed */
    const struct scan_row *row; /* borrowed */
    uint32_t *serials;          /* n_columns */
    uint64_t *places;           /* n_columns: in the payload */
    uint8_t *page;              /* the overflow page read last */
    uint32_t page_number;       /* 0: none */
    uint64_t page_index;        /* in the chain */
    struct buffer value;        /* the value read last */
};

status long_record_init(struct long_record *record, struct page_source *source,
                        const struct record_shape *shape, struct error *err);
void long_record_release(struct long_record *record); /* accepts zeroed */
/* Read the header of ROW. */
status long_record_open(struct long_record *record, const struct record_shape *shape,
                        const struct scan_row *row, struct error *err);
/* The value of COLUMN, in record->value until the next call. It is not
 * SERIAL_MISSING. */
status long_record_value(struct long_record *record, size_t column, bool real_affinity,
                         struct stored_value *out, struct error *err);

#endif
