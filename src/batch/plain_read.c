/* Rows in plain form into a batch. Everything is checked before it is used; the rows count once the whole piece has held. */
#include <string.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "batch/bitmap.h"
#include "batch/column_codes.h"
#include "batch/plain.h"

static const uint64_t ROWS_LIMIT = UINT64_C(1) << 40;

struct reader {
    const uint8_t *at, *end;
    uint64_t column_bytes;
    int64_t block[PLAIN_BLOCK];
};

static status damaged(struct error *err, const char *what)
{
    return error_set(err, STATUS_BAD_DATA, "plain rows are damaged: %s", what);
}

static size_t bytes_left(const struct reader *in)
{
    return (size_t)(in->end - in->at);
}

/* The next COUNT * WIDTH bytes. */
static status take(struct reader *in, uint64_t count, size_t width, const uint8_t **out,
                   struct error *err)
{
    if (width && count > bytes_left(in) / width)
        return damaged(err, "values are cut short");
    *out = in->at;
    in->at += count * width;
    return STATUS_OK;
}

static status take_varint(struct reader *in, uint64_t *out, struct error *err)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *out = value;
            return STATUS_OK;
        }
    }
    return damaged(err, "a number does not end");
}

static bool tail_is_zero(const uint8_t *bits, uint64_t n)
{
    return (n & 7) == 0 || (bits[n >> 3] >> (n & 7)) == 0;
}

static status take_bits(struct reader *in, size_t rows, const uint8_t **out, struct error *err)
{
    TRY(take(in, bitmap_bytes(rows), 1, out, err));
    return tail_is_zero(*out, rows) ? STATUS_OK : damaged(err, "bits behind the last row");
}

/* What a column's first bytes say. */
struct shape {
    size_t rows, nulls;
    const uint8_t *valid; /* NULL: no NULLs */
    unsigned width;
    uint64_t smallest;
    const uint8_t *numbers; /* where the width is not PLAIN_AS_THEY_ARE */
};

static status take_numbers(struct reader *in, struct shape *shape, struct error *err)
{
    uint64_t folded;
    unsigned width = shape->width;
    if (width > 8 || (width & (width - 1)) != 0)
        return damaged(err, "the width of numbers");
    TRY(take_varint(in, &folded, err));
    shape->smallest = (folded >> 1) ^ (0 - (folded & 1));
    return take(in, shape->rows, width, &shape->numbers, err);
}

static status take_shape(struct reader *in, const struct column *column, size_t rows,
                         struct shape *out, struct error *err)
{
    const uint8_t *head;
    *out = (struct shape){.rows = rows};
    TRY(take(in, 1, 1, &head, err));
    out->width = *head & (PLAIN_HAS_NULLS - 1);
    if (rows > PLAIN_FREE_ROWS && rows / 8 > bytes_left(in)) /* before any memory is asked for */
        return damaged(err, "the number of rows");
    if (*head & PLAIN_HAS_NULLS) {
        TRY(take_bits(in, rows, &out->valid, err));
        out->nulls = rows - bits_count(out->valid, 0, rows);
        if (out->nulls == 0)
            return damaged(err, "a validity bitmap without NULLs");
        in->column_bytes += bitmap_bytes(rows);
    }
    if (out->width == PLAIN_CODED && type_is_text_like(column->field->type) && !out->nulls) {
        in->column_bytes += plain_values_bytes(column, rows);
        return STATUS_OK;
    }
    bool framed = out->width != PLAIN_AS_THEY_ARE;
    enum plain_numbers numbers = plain_numbers_of(column);
    if (framed ? numbers == PLAIN_NO_NUMBERS : numbers == PLAIN_LENGTHS)
        return damaged(err, "the form of a column");
    in->column_bytes += plain_values_bytes(column, rows);
    return framed ? take_numbers(in, out, err) : STATUS_OK;
}

#define WIDEN_KERNEL(bits)                                                                         \
    static void widen_##bits(int64_t *restrict block, const uint8_t *restrict from,                \
                             uint64_t smallest, size_t n)                                          \
    {                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                           \
            uint##bits##_t value;                                                                  \
            memcpy(&value, from + i * sizeof(value), sizeof(value));                               \
            block[i] = (int64_t)(smallest + value);                                                \
        }                                                                                          \
    }

WIDEN_KERNEL(8)
WIDEN_KERNEL(16)
WIDEN_KERNEL(32)
WIDEN_KERNEL(64)

/* Numbers [at, at + n) into the block; 0 for NULLs. */
static void widen(const struct shape *shape, size_t at, size_t n, int64_t *block)
{
    const uint8_t *from = shape->numbers + at * shape->width;
    switch (shape->width) {
    case 1:
        widen_8(block, from, shape->smallest, n);
        break;
    case 2:
        widen_16(block, from, shape->smallest, n);
        break;
    case 4:
        widen_32(block, from, shape->smallest, n);
        break;
    case 8:
        widen_64(block, from, shape->smallest, n);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            block[i] = (int64_t)shape->smallest;
    }
    for (size_t i = 0; shape->valid && i < n; i++)
        if (!bit_get(shape->valid, at + i))
            block[i] = 0;
}

#define STORE_KERNEL(bits)                                                                         \
    static void store_##bits(uint8_t *restrict to, const int64_t *restrict block, size_t n)        \
    {                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                           \
            int##bits##_t value = (int##bits##_t)block[i];                                         \
            memcpy(to + i * sizeof(value), &value, sizeof(value));                                 \
        }                                                                                          \
    }

STORE_KERNEL(8)
STORE_KERNEL(16)
STORE_KERNEL(32)
STORE_KERNEL(64)

static void store_128(uint8_t *restrict to, const int64_t *restrict block, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t value[2] = {block[i], block[i] >> 63};
        memcpy(to + i * sizeof(value), value, sizeof(value));
    }
}

static void store(uint8_t *to, const int64_t *block, size_t width, size_t n)
{
    switch (width) {
    case 1:
        store_8(to, block, n);
        break;
    case 2:
        store_16(to, block, n);
        break;
    case 4:
        store_32(to, block, n);
        break;
    case 8:
        store_64(to, block, n);
        break;
    default:
        store_128(to, block, n);
    }
}

/* The slots of NULLs are zero, whatever the bytes say. */
static void clear_nulls(uint8_t *values, size_t width, const struct shape *shape)
{
    for (size_t i = 0; shape->valid && i < shape->rows; i++)
        if (!bit_get(shape->valid, i))
            memset(values + i * width, 0, width);
}

static status read_fixed(struct column *column, const struct shape *shape, struct reader *in,
                         struct error *err)
{
    size_t width = column->value_bytes;
    uint8_t *to = column->values.data + column->values.size;
    if (shape->width == PLAIN_AS_THEY_ARE) {
        const uint8_t *from;
        TRY(take(in, shape->rows, width, &from, err));
        memcpy(to, from, shape->rows * width);
        clear_nulls(to, width, shape);
    } else {
        for (size_t at = 0; at < shape->rows; at += PLAIN_BLOCK) {
            size_t n = plain_block_rows(shape->rows - at);
            widen(shape, at, n, in->block);
            store(to + at * width, in->block, width, n);
        }
    }
    column->values.size += shape->rows * width;
    return STATUS_OK;
}

static status read_bools(struct column *column, const struct shape *shape, struct reader *in,
                         struct error *err)
{
    const uint8_t *from;
    size_t rows = column->rows;
    TRY(take_bits(in, shape->rows, &from, err));
    bitmap_copy(column->values.data, rows, from, 0, shape->rows);
    for (size_t i = 0; shape->valid && i < shape->rows; i++)
        if (!bit_get(shape->valid, i))
            bit_clear(column->values.data, rows + i);
    column->values.size = bitmap_bytes(rows + shape->rows);
    return STATUS_OK;
}

/* Offsets behind those of the column, which counts them once what they point to is there too. */
static status read_lengths(struct column *column, const struct shape *shape, uint64_t limit,
                           struct reader *in, uint64_t *sum, struct error *err)
{
    int64_t *offsets = (int64_t *)(void *)column->values.data + column->rows;
    uint64_t start = (uint64_t)offsets[0], total = 0;
    bool beyond = false;
    offsets++;
    for (size_t at = 0; at < shape->rows; at += PLAIN_BLOCK) {
        size_t n = plain_block_rows(shape->rows - at);
        widen(shape, at, n, in->block);
        for (size_t i = 0; i < n; i++) {
            total += (uint64_t)in->block[i];
            beyond |= (uint64_t)in->block[i] > limit || total > limit;
            offsets[at + i] = (int64_t)(start + total);
        }
    }
    *sum = total;
    return beyond ? damaged(err, "values end beyond the bytes") : STATUS_OK;
}

static status read_text(struct column *column, const struct shape *shape, struct reader *in,
                        struct error *err)
{
    uint64_t size;
    const uint8_t *from;
    TRY(read_lengths(column, shape, bytes_left(in), in, &size, err));
    TRY(take(in, size, 1, &from, err));
    if (size > column->data.capacity - column->data.size)
        TRY(column_grow_data(column, size, err));
    if (size)
        memcpy(column->data.data + column->data.size, from, size);
    column->data.size += size;
    column->values.size += shape->rows * sizeof(int64_t);
    in->column_bytes += size;
    return STATUS_OK;
}

/* The values of a coded column, each with bytes behind it that a copy of fixed size may read. */
struct words {
    unsigned n;
    uint8_t sizes[256]; /* 0 for codes that are not there */
    uint8_t bytes[MOST_CODED_WORDS][MOST_WORD_BYTES];
};

static status take_words(struct reader *in, struct words *out, struct error *err)
{
    const uint8_t *head, *size, *word;
    memset(out->sizes, 0, sizeof(out->sizes));
    TRY(take(in, 1, 1, &head, err));
    out->n = *head;
    if (out->n < 1 || out->n > MOST_CODED_WORDS)
        return damaged(err, "the number of coded values");
    for (unsigned i = 0; i < out->n; i++) {
        TRY(take(in, 1, 1, &size, err));
        if (*size > MOST_WORD_BYTES)
            return damaged(err, "the length of a coded value");
        TRY(take(in, *size, 1, &word, err));
        out->sizes[i] = *size;
        memset(out->bytes[i], 0, MOST_WORD_BYTES);
        memcpy(out->bytes[i], word, *size);
    }
    return STATUS_OK;
}

static status read_coded(struct column *column, const struct shape *shape, struct reader *in,
                         struct error *err)
{
    struct words words;
    const uint8_t *codes;
    uint64_t size = 0;
    uint8_t greatest = 0;
    TRY(take_words(in, &words, err));
    TRY(take(in, shape->rows, 1, &codes, err));
    for (size_t i = 0; i < shape->rows; i++) {
        greatest = codes[i] > greatest ? codes[i] : greatest;
        size += words.sizes[codes[i]];
    }
    if (greatest >= words.n)
        return damaged(err, "the code of a value");
    if (size + MOST_WORD_BYTES > column->data.capacity - column->data.size)
        TRY(column_grow_data(column, size + MOST_WORD_BYTES, err));
    int64_t *offsets = (int64_t *)(void *)column->values.data + column->rows + 1;
    uint8_t *to = column->data.data + column->data.size;
    int64_t end = (int64_t)column->data.size;
    for (size_t i = 0; i < shape->rows; i++) {
        memcpy(to, words.bytes[codes[i]], MOST_WORD_BYTES);
        to += words.sizes[codes[i]];
        end += words.sizes[codes[i]];
        offsets[i] = end;
    }
    column->data.size = (size_t)end;
    column->values.size += shape->rows * sizeof(int64_t);
    in->column_bytes += size;
    return STATUS_OK;
}

static status read_column(struct column *column, size_t rows, struct reader *in, struct error *err);

static status read_list(struct column *column, const struct shape *shape, struct reader *in,
                        struct error *err)
{
    uint64_t elements;
    TRY(read_lengths(column, shape, ROWS_LIMIT, in, &elements, err));
    TRY(read_column(&column->children[0], elements, in, err));
    column->values.size += shape->rows * sizeof(int64_t);
    return STATUS_OK;
}

static status read_values(struct column *column, const struct shape *shape, struct reader *in,
                          struct error *err)
{
    if (shape->width == PLAIN_CODED)
        return read_coded(column, shape, in, err);
    if (type_is_text_like(column->field->type))
        return read_text(column, shape, in, err);
    if (plain_has_child_rows(column))
        return read_list(column, shape, in, err);
    if (column->field->type.id == TYPE_BOOL)
        return read_bools(column, shape, in, err);
    if (column->value_bytes)
        return read_fixed(column, shape, in, err);
    for (size_t i = 0; i < column->n_children; i++)
        TRY(read_column(&column->children[i], shape->rows, in, err));
    return STATUS_OK;
}

static void append_validity(struct column *column, const struct shape *shape)
{
    if (shape->nulls && column->null_count == 0)
        bitmap_fill(column->validity.data, 0, column->rows);
    if (shape->nulls)
        bitmap_copy(column->validity.data, column->rows, shape->valid, 0, shape->rows);
    else if (column->null_count)
        bitmap_fill(column->validity.data, column->rows, shape->rows);
    column->null_count += shape->nulls;
    if (column->null_count)
        column->validity.size = bitmap_bytes(column->rows + shape->rows);
}

static status read_column(struct column *column, size_t rows, struct reader *in, struct error *err)
{
    struct shape shape;
    if (rows == 0)
        return STATUS_OK;
    TRY(take_shape(in, column, rows, &shape, err));
    TRY(column_reserve(column, rows, err));
    TRY(read_values(column, &shape, in, err));
    append_validity(column, &shape);
    column->rows += rows;
    return STATUS_OK;
}

static status check_frame(const struct schema *schema, const uint8_t *bytes, size_t size,
                          struct error *err)
{
    if (size < PLAIN_HEAD_BYTES + PLAIN_SUM_BYTES)
        return damaged(err, "cut short");
    if (memcmp(bytes, BATCH_PLAIN_FORM, PLAIN_FORM_BYTES) != 0)
        return damaged(err, "no plain form, or one of another release");
    if (load_u64le(bytes + size - PLAIN_SUM_BYTES) != XXH3_64bits(bytes, size - PLAIN_SUM_BYTES))
        return damaged(err, "the checksum does not hold");
    if (load_u32le(bytes + 4) != plain_count_columns(schema->fields, schema->n_fields))
        return damaged(err, "another number of columns");
    if (load_u64le(bytes + 8) > ROWS_LIMIT)
        return damaged(err, "the number of rows");
    return STATUS_OK;
}

static status read_columns(struct batch *into, size_t rows, struct reader *in, struct error *err)
{
    for (size_t i = 0; i < into->schema->n_fields; i++)
        TRY_IN(read_column(&into->columns[i], rows, in, err), err, "in column \"%s\"",
               into->schema->fields[i].name);
    return in->at == in->end ? STATUS_OK : damaged(err, "bytes behind the last column");
}

status batch_read_plain(struct batch *into, const void *bytes, size_t size, struct error *err)
{
    struct reader in; /* not set to zeros: its block is large */
    TRY(check_frame(into->schema, bytes, size, err));
    size_t rows = load_u64le((const uint8_t *)bytes + 8);
    in.at = (const uint8_t *)bytes + PLAIN_HEAD_BYTES;
    in.end = (const uint8_t *)bytes + size - PLAIN_SUM_BYTES;
    in.column_bytes = 0;
    status_code code = read_columns(into, rows, &in, err);
    if (code == STATUS_OK && in.column_bytes != batch_plain_column_bytes(bytes, size))
        code = damaged(err, "the size of the rows");
    if (code != STATUS_OK) {
        batch_truncate(into, into->rows); /* columns that got their rows give them back */
        return code;
    }
    into->rows += rows;
    return STATUS_OK;
}
