#include "source/sqlite/decode.h"

#include <math.h>
#include <string.h>

/* Every kernel is a loop of two steps: a run of values of the expected class, written as a plain array, and one
 * value of another class through odd_value. */

static const int64_t MAX_EXACT_DOUBLE = INT64_C(1) << 53;

static inline bool is_integer(uint32_t serial)
{
    return (1u << (serial < 31 ? serial : 31)) & 0x37e; /* 1 to 6, 8, 9 */
}

/* The rows from FIRST on have values; their slots are written. */
static void end_run(struct column *column, size_t n, size_t bytes_each)
{
    if (__builtin_expect(column->null_count != 0, 0)) {
        size_t rows = column->rows;
        for (size_t i = 0; i < n; i++, column->rows++)
            column_mark_valid(column);
        column->rows = rows;
    }
    column->rows += n;
    column->values.size += n * bytes_each;
}

static enum decoded odd_value(struct column *column, const struct decode_column *how,
                              const struct decode_rows *rows, size_t i, struct error *err)
{
    struct stored_value value;
    if (how->is_rowid)
        value = (struct stored_value){.kind = SQLITE_INTEGER, .integer = rows->rows[i].rowid};
    else if (cell_serial(rows->cells[i]) == SERIAL_MISSING)
        return DECODE_OTHERWISE;
    else
        record_value(rows->base, rows->cells[i], how->real_affinity, &value);
    switch (how->append(column, &value, err)) {
    case FIT_YES:
        return DECODED;
    case FIT_FAILED:
        return DECODE_FAILED;
    case FIT_NULL:
        if (!how->nullable)
            return DECODE_OTHERWISE;
        return column_append_null(column, err) == STATUS_OK ? DECODED : DECODE_FAILED;
    case FIT_NO:
        break;
    }
    return DECODE_OTHERWISE;
}

/* Runs of TYPE's expected values, written by RUN(out, rows, first) which returns where it stopped. */
#define DECODE_RUNS(value_type, RUN)                                                               \
    do {                                                                                           \
        for (size_t i = 0; i < rows->n; i++) {                                                     \
            value_type *out = (value_type *)(void *)(column->values.data + column->values.size);   \
            size_t stop = RUN;                                                                     \
            end_run(column, stop - i, sizeof(value_type));                                         \
            i = stop;                                                                              \
            if (i == rows->n)                                                                      \
                break;                                                                             \
            enum decoded d = odd_value(column, how, rows, i, err);                                 \
            if (__builtin_expect(d != DECODED, 0))                                                 \
                return d;                                                                          \
        }                                                                                          \
        return DECODED;                                                                            \
    } while (0)

/* ---- integers ---- */

static size_t run_int64(const struct decode_rows *rows, size_t i, int64_t *out)
{
    const uint8_t *base = rows->base;
    const record_cell *cells = rows->cells;
    for (; i < rows->n; i++, out++) {
        uint32_t serial = cell_serial(cells[i]);
        if (__builtin_expect(!is_integer(serial), 0))
            break;
        *out = serial_integer(cell_bytes(base, cells[i]), serial);
    }
    return i;
}

static enum decoded decode_int64(struct column *column, const struct decode_column *how,
                                 const struct decode_rows *rows, struct error *err)
{
    DECODE_RUNS(int64_t, run_int64(rows, i, out));
}

static enum decoded decode_rowid(struct column *column, const struct decode_column *how,
                                 const struct decode_rows *rows, struct error *err)
{
    int64_t *out = (int64_t *)(void *)(column->values.data + column->values.size);
    for (size_t i = 0; i < rows->n; i++)
        out[i] = rows->rows[i].rowid;
    end_run(column, rows->n, sizeof(*out));
    return DECODED;
}

/* ---- floating point ---- */

static size_t run_float64(const struct decode_rows *rows, size_t i, double *out)
{
    for (; i < rows->n; i++, out++) {
        uint32_t serial = cell_serial(rows->cells[i]);
        const uint8_t *bytes = cell_bytes(rows->base, rows->cells[i]);
        if (__builtin_expect(serial == SERIAL_DOUBLE, 1)) {
            double value = serial_double(bytes);
            if (isnan(value))
                break;
            *out = value;
        } else if (is_integer(serial)) {
            int64_t integer = serial_integer(bytes, serial);
            if (integer <= -MAX_EXACT_DOUBLE || integer >= MAX_EXACT_DOUBLE)
                break;
            *out = (double)integer;
        } else {
            break;
        }
    }
    return i;
}

static enum decoded decode_float64(struct column *column, const struct decode_column *how,
                                   const struct decode_rows *rows, struct error *err)
{
    DECODE_RUNS(double, run_float64(rows, i, out));
}

/* ---- decimals of 8 and 16 bytes ---- */

/* WORDS of 8 bytes for each value, a constant where it is called. */
static inline size_t run_decimal(const struct decode_rows *rows, size_t i, struct type type,
                                 size_t words, int64_t *out)
{
    double power = value_power_real(type.scale);
    int64_t power_whole = (int64_t)power;
    uint64_t most = (uint64_t)value_decimal_limit(type.precision) - 1;
    for (; i < rows->n; i++, out += words) {
        uint32_t serial = cell_serial(rows->cells[i]);
        const uint8_t *bytes = cell_bytes(rows->base, rows->cells[i]);
        int64_t unscaled;
        if (serial == SERIAL_DOUBLE) {
            if (__builtin_expect(!value_decimal_of_real(serial_double(bytes), power, &unscaled), 0))
                break;
        } else if (!is_integer(serial) ||
                   __builtin_mul_overflow(serial_integer(bytes, serial), power_whole, &unscaled)) {
            break;
        }
        if (__builtin_expect((uint64_t)unscaled + most > 2 * most, 0))
            break; /* below -most or above most */
        out[0] = unscaled;
        if (words > 1)
            out[1] = unscaled >> 63;
    }
    return i;
}

static enum decoded decode_decimal_8(struct column *column, const struct decode_column *how,
                                     const struct decode_rows *rows, struct error *err)
{
    struct type type = column->field->type;
    DECODE_RUNS(int64_t, run_decimal(rows, i, type, 1, out));
}

struct decimal16 {
    int64_t low, high;
};

static enum decoded decode_decimal_16(struct column *column, const struct decode_column *how,
                                      const struct decode_rows *rows, struct error *err)
{
    struct type type = column->field->type;
    DECODE_RUNS(struct decimal16, run_decimal(rows, i, type, 2, (int64_t *)(void *)out));
}

/* ---- dates ---- */

enum { DAYS_TO_1970 = 719163 }; /* from the day before 0001-01-01 */

/* Days of a year before each month, and of each month; with 29 February and without. */
static const uint16_t days_before[2][13] = {
    {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334},
    {0, 0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335},
};
static const uint8_t days_in[2][13] = {
    {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
    {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
};

/* YYYY-MM-DD, the eight bytes at its start as one number: digits and hyphens are told by their high bits. */
static inline bool date_of(const uint8_t *text, int32_t *out)
{
    static const uint64_t pattern = UINT64_C(0x2d30302d30303030); /* "0000-00-" */
    static const uint64_t fixed = UINT64_C(0xfff0f0fff0f0f0f0);   /* what must be 0 then */
    uint64_t digits = load_u64le(text) ^ pattern;
    unsigned tens = text[8] ^ '0', ones = text[9] ^ '0';
    if (((digits | (digits + UINT64_C(0x0006060006060606))) & fixed) || tens > 3 || ones > 9)
        return false;
    uint32_t year = (uint32_t)((digits & 15) * 1000 + (digits >> 8 & 15) * 100 +
                               (digits >> 16 & 15) * 10 + (digits >> 24 & 15));
    uint32_t month = (uint32_t)((digits >> 40 & 15) * 10 + (digits >> 48 & 15));
    uint32_t day = tens * 10 + ones;
    uint32_t before = year - 1; /* whole years since 0001-01-01 */
    uint32_t leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year == 0 || month == 0 || month > 12 || day == 0 || day > days_in[leap][month])
        return false;
    *out = (int32_t)(before * 365 + before / 4 - before / 100 + before / 400 +
                     days_before[leap][month] + day) -
           DAYS_TO_1970;
    return true;
}

static size_t run_date(const struct decode_rows *rows, size_t i, int32_t *out)
{
    enum { DATE_SERIAL = SERIAL_TEXT + 2 * 10 };
    for (; i < rows->n; i++, out++) {
        if (__builtin_expect(cell_serial(rows->cells[i]) != DATE_SERIAL, 0) ||
            !date_of(cell_bytes(rows->base, rows->cells[i]), out))
            break;
    }
    return i;
}

static enum decoded decode_date(struct column *column, const struct decode_column *how,
                                const struct decode_rows *rows, struct error *err)
{
    DECODE_RUNS(int32_t, run_date(rows, i, out));
}

/* ---- text and bytes ---- */

enum { COPY_BYTES = 48, COPY_STEP = 16 };

/* Short values by fixed steps, which may write up to COPY_BYTES past the value. */
static inline void copy_value(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, COPY_STEP);
    if (size > COPY_STEP) {
        memcpy(to + COPY_STEP, from + COPY_STEP, COPY_BYTES - COPY_STEP);
        if (__builtin_expect(size > COPY_BYTES, 0))
            memcpy(to + COPY_BYTES, from + COPY_BYTES, size - COPY_BYTES);
    }
}

/* Values of class TEXT, or both TEXT and BLOB, from FIRST on: where they end and how many bytes they have. */
static size_t measure(const struct decode_rows *rows, size_t first, bool only_text, size_t *out)
{
    size_t i = first, bytes = 0;
    for (; i < rows->n; i++) {
        uint32_t serial = cell_serial(rows->cells[i]);
        if (serial < SERIAL_BLOB || serial == SERIAL_MISSING || (only_text && !(serial & 1)))
            break;
        bytes += serial_bytes(serial);
    }
    *out = bytes;
    return i;
}

static status copy_run(struct column *column, const struct decode_rows *rows, size_t first,
                       size_t stop, size_t bytes, struct error *err)
{
    if (bytes + COPY_BYTES > column->data.capacity - column->data.size)
        TRY(column_grow_data(column, bytes + COPY_BYTES, err));
    uint8_t *start = column->data.data;
    size_t at = column->data.size;
    int64_t *offsets = (int64_t *)(void *)column->values.data + column->rows + 1;
    for (size_t i = first; i < stop; i++) {
        size_t size = serial_bytes(cell_serial(rows->cells[i]));
        copy_value(start + at, cell_bytes(rows->base, rows->cells[i]), size);
        at += size;
        *offsets++ = (int64_t)at;
    }
    column->data.size = at;
    end_run(column, stop - first, sizeof(int64_t));
    return STATUS_OK;
}

static bool all_ascii(const uint8_t *bytes, size_t size)
{
    uint64_t bits = 0;
    size_t i = 0;
    for (; i + 8 <= size; i += 8)
        bits |= load_u64le(bytes + i);
    for (; i < size; i++)
        bits |= bytes[i];
    return !(bits & UINT64_C(0x8080808080808080));
}

static bool all_utf8(const struct decode_rows *rows, size_t first, size_t stop)
{
    for (size_t i = first; i < stop; i++) {
        if (!value_is_utf8((const char *)cell_bytes(rows->base, rows->cells[i]),
                           serial_bytes(cell_serial(rows->cells[i]))))
            return false;
    }
    return true;
}

static inline enum decoded decode_bytes(struct column *column, const struct decode_column *how,
                                        const struct decode_rows *rows, bool utf8,
                                        struct error *err)
{
    for (size_t i = 0; i < rows->n; i++) {
        size_t bytes, before = column->data.size;
        size_t stop = measure(rows, i, utf8, &bytes);
        if (stop > i && copy_run(column, rows, i, stop, bytes, err) != STATUS_OK)
            return DECODE_FAILED;
        if (utf8 && !all_ascii(column->data.data + before, bytes) && !all_utf8(rows, i, stop))
            return DECODE_OTHERWISE;
        i = stop;
        if (i == rows->n)
            break;
        enum decoded d = odd_value(column, how, rows, i, err);
        if (__builtin_expect(d != DECODED, 0))
            return d;
    }
    return DECODED;
}

static enum decoded decode_utf8(struct column *column, const struct decode_column *how,
                                const struct decode_rows *rows, struct error *err)
{
    return decode_bytes(column, how, rows, true, err);
}

static enum decoded decode_binary(struct column *column, const struct decode_column *how,
                                  const struct decode_rows *rows, struct error *err)
{
    return decode_bytes(column, how, rows, false, err);
}

/* ---- all other types: one by one through their rule ---- */

static enum decoded decode_other(struct column *column, const struct decode_column *how,
                                 const struct decode_rows *rows, struct error *err)
{
    for (size_t i = 0; i < rows->n; i++) {
        enum decoded d = odd_value(column, how, rows, i, err);
        if (__builtin_expect(d != DECODED, 0))
            return d;
    }
    return DECODED;
}

static decode_fn decode_for_decimal(struct type type, const struct decode_column *how)
{
    enum { MAX_WHOLE_SCALE = 18 };
    size_t width = type_value_bytes(type);
    if (width > 16 || type.scale > MAX_WHOLE_SCALE || how->real_affinity)
        return decode_other;
    return width == 8 ? decode_decimal_8 : decode_decimal_16;
}

decode_fn decode_for(struct type type, const struct decode_column *how)
{
    if (how->is_rowid)
        return type.id == TYPE_INT64 ? decode_rowid : decode_other;
    switch (type.id) {
    case TYPE_INT64:
        return how->real_affinity ? decode_other : decode_int64;
    case TYPE_FLOAT64:
        return decode_float64;
    case TYPE_DECIMAL:
        return decode_for_decimal(type, how);
    case TYPE_DATE:
        return decode_date;
    case TYPE_UTF8:
    case TYPE_JSON:
        return decode_utf8;
    case TYPE_BINARY:
        return decode_binary;
    default:
        return decode_other;
    }
}
