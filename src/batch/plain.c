/* Columns as bytes and back; the layout is in batch.h.
 *
 * Loads into many partitions write and read each row once more in this form, in pieces of a few dozen rows: so integers and
 * lengths take the bytes that their range in the piece needs, and a piece costs no allocation. Values pass through a block
 * of 64-bit integers on the stack, filled by a kernel for the width in memory and emptied by one for the width in the bytes;
 * pieces larger than the block are gone over twice.
 * Reading: everything is checked before it is used; the rows count once the whole piece has held. */
#include <string.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "batch/batch.h"
#include "batch/bitmap.h"
#include "batch/text_codes.h"

enum {
    HEAD_BYTES = 24,
    SUM_BYTES = 8,
    SHORT_COPY = 16, /* short texts are copied in one fixed move */
    BLOCK = 1024,    /* numbers on the stack */
    FRAME_BYTES = 1 + 10,
    /* Behind the checksum: rows of which none takes a byte might be any number of them. A column of more rows than these
     * takes a bit of each at least. */
    FREE_ROWS = 65536,
};
/* The first byte of a column: how wide its numbers are, and whether there are NULLs. */
enum { AS_THEY_ARE = 16, CODED = 32, HAS_NULLS = 128 };
static const uint64_t ROWS_LIMIT = UINT64_C(1) << 40;
enum { FORM_BYTES = 4 };

static size_t count_columns(const struct field *fields, size_t n)
{
    size_t count = n;
    for (size_t i = 0; i < n; i++)
        count += count_columns(fields[i].children, fields[i].n_children);
    return count;
}

static bool has_child_rows(const struct column *column)
{
    return column->field->type.id == TYPE_LIST || column->field->type.id == TYPE_MAP;
}

static size_t values_bytes(const struct column *column, size_t rows)
{
    if (column->value_bytes)
        return rows * column->value_bytes;
    switch (column->field->type.id) {
    case TYPE_STRUCT:
        return 0;
    case TYPE_BOOL:
        return bitmap_bytes(rows);
    default:
        return (rows + 1) * sizeof(int64_t);
    }
}

/* ---- numbers: into a block, whatever their width ---- */

/* Rows FIRST, FIRST + 1, ... or those of ROWS; false: one does not fit. */
typedef bool load_kernel(int64_t *restrict to, const uint8_t *restrict values,
                         const uint32_t *restrict rows, size_t first, size_t n);

/* Unsigned ones are taken for signed: all that counts is that the lower bits come back. */
#define LOAD_KERNEL(bits)                                                                          \
    static bool load_##bits(int64_t *restrict to, const uint8_t *restrict values,                  \
                            const uint32_t *restrict rows, size_t first, size_t n)                 \
    {                                                                                              \
        int##bits##_t value;                                                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            memcpy(&value, values + (rows ? rows[i] : first + i) * sizeof(value), sizeof(value));  \
            to[i] = (int64_t)value;                                                                \
        }                                                                                          \
        return true;                                                                               \
    }

LOAD_KERNEL(8)
LOAD_KERNEL(16)
LOAD_KERNEL(32)
LOAD_KERNEL(64)

static bool load_128(int64_t *restrict to, const uint8_t *restrict values,
                     const uint32_t *restrict rows, size_t first, size_t n)
{
    int64_t wide = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t value[2];
        memcpy(value, values + (rows ? rows[i] : first + i) * sizeof(value), sizeof(value));
        to[i] = value[0];
        wide |= (value[0] >> 63) ^ value[1];
    }
    return wide == 0;
}

static bool load_lengths(int64_t *restrict to, const uint8_t *restrict values,
                         const uint32_t *restrict rows, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t ends[2];
        memcpy(ends, values + (rows ? rows[i] : first + i) * sizeof(int64_t), sizeof(ends));
        to[i] = ends[1] - ends[0];
    }
    return true;
}

/* NULL: values are stored as they are. */
static load_kernel *kernel_of(const struct column *column)
{
    switch (column->field->type.id) {
    case TYPE_INT8:
    case TYPE_UINT8:
        return load_8;
    case TYPE_INT16:
    case TYPE_UINT16:
        return load_16;
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_DATE:
        return load_32;
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return load_64;
    case TYPE_DECIMAL:
        return column->value_bytes == 8 ? load_64 : column->value_bytes == 16 ? load_128 : NULL;
    case TYPE_UTF8:
    case TYPE_BINARY:
    case TYPE_JSON:
    case TYPE_LIST:
    case TYPE_MAP:
        return load_lengths;
    default:
        return NULL;
    }
}

/* ---- writing ---- */

/* Which rows: [first, first + n), or rows[0..n) where ROWS is given. */
struct selection {
    const uint32_t *rows;
    size_t first, n;
};

struct writer {
    struct buffer *out;
    uint64_t column_bytes; /* what the rows take as columns */
    int64_t block[BLOCK];
};

static status make_room(struct writer *writer, size_t bytes, struct error *err)
{
    return buffer_reserve(writer->out, writer->out->size + bytes, err);
}

/* Room was made for these. */
static uint8_t *end_of(const struct writer *writer)
{
    return writer->out->data + writer->out->size;
}

static void put_byte(struct writer *writer, unsigned byte)
{
    *end_of(writer) = (uint8_t)byte;
    writer->out->size++;
}

static void put_varint(struct writer *writer, uint64_t value)
{
    for (; value > 127; value >>= 7)
        put_byte(writer, (unsigned)(value & 127) | 128);
    put_byte(writer, (unsigned)value);
}

static void put_bits(struct writer *writer, const uint8_t *bits, const struct selection *pick)
{
    uint8_t *to = end_of(writer);
    writer->out->size += bitmap_bytes(pick->n);
    if (!pick->rows) {
        bitmap_copy(to, 0, bits, pick->first, pick->n);
        return;
    }
    for (size_t i = 0; i < pick->n; to++) {
        unsigned byte = 0;
        for (unsigned k = 0; k < 8 && i < pick->n; k++, i++)
            byte |= (unsigned)bit_get(bits, pick->rows[i]) << k;
        *to = (uint8_t)byte;
    }
}

/* The numbers of a column's selected rows. */
struct numbers {
    load_kernel *load;
    const uint8_t *values;
    const uint8_t *valid; /* bits of the selected rows; NULL: no NULLs */
    const struct selection *pick;
};

/* How numbers are stored: each less SMALLEST, in WIDTH bytes. */
struct frame {
    uint64_t smallest;
    uint64_t sum;
    unsigned width;
};

static size_t block_rows(size_t left)
{
    return left < BLOCK ? left : BLOCK;
}

static bool load_block(const struct numbers *from, size_t at, int64_t *block)
{
    const struct selection *pick = from->pick;
    return from->load(block, from->values, pick->rows ? pick->rows + at : NULL, pick->first + at,
                      block_rows(pick->n - at));
}

static unsigned width_of(uint64_t range, size_t rows)
{
    if (range == 0)
        return rows > FREE_ROWS;
    return range <= UINT8_MAX ? 1 : range <= UINT16_MAX ? 2 : range <= UINT32_MAX ? 4 : 8;
}

/* False: a number does not fit 64 bits. BLOCK holds the last block afterwards: of a small piece the only one. */
static bool survey(const struct numbers *from, int64_t *block, struct frame *out)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    uint64_t sum = 0;
    size_t rows = from->pick->n;
    for (size_t at = 0; at < rows; at += BLOCK) {
        size_t n = block_rows(rows - at);
        if (!load_block(from, at, block))
            return false;
        for (size_t i = 0; i < n; i++) {
            if (from->valid && !bit_get(from->valid, at + i))
                continue; /* the zero in a NULL's slot would widen the range of dates */
            low = block[i] < low ? block[i] : low;
            high = block[i] > high ? block[i] : high;
            sum += (uint64_t)block[i];
        }
    }
    if (low > high)
        low = high = 0; /* NULLs only */
    *out = (struct frame){.smallest = (uint64_t)low,
                          .sum = sum,
                          .width = width_of((uint64_t)high - (uint64_t)low, rows)};
    return true;
}

#define NARROW_KERNEL(bits)                                                                        \
    static void narrow_##bits(uint8_t *restrict to, const int64_t *restrict block,                 \
                              uint64_t smallest, size_t n)                                         \
    {                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                           \
            uint##bits##_t value = (uint##bits##_t)((uint64_t)block[i] - smallest);                \
            memcpy(to + i * sizeof(value), &value, sizeof(value));                                 \
        }                                                                                          \
    }

NARROW_KERNEL(8)
NARROW_KERNEL(16)
NARROW_KERNEL(32)
NARROW_KERNEL(64)

static void narrow(uint8_t *to, const int64_t *block, const struct frame *frame, size_t n)
{
    switch (frame->width) {
    case 1:
        narrow_8(to, block, frame->smallest, n);
        break;
    case 2:
        narrow_16(to, block, frame->smallest, n);
        break;
    case 4:
        narrow_32(to, block, frame->smallest, n);
        break;
    case 8:
        narrow_64(to, block, frame->smallest, n);
        break;
    default: /* all equal */
        break;
    }
}

/* The block is as survey left it. */
static void put_numbers(struct writer *writer, const struct numbers *from,
                        const struct frame *frame)
{
    size_t rows = from->pick->n;
    int64_t *block = writer->block;
    uint64_t sign = (uint64_t)((int64_t)frame->smallest >> 63);
    put_varint(writer, (frame->smallest << 1) ^ sign);
    for (size_t at = 0; frame->width && at < rows; at += BLOCK) {
        size_t n = block_rows(rows - at);
        if (rows > BLOCK)
            (void)load_block(from, at, block);
        for (size_t i = 0; from->valid && i < n; i++)
            if (!bit_get(from->valid, at + i))
                block[i] = (int64_t)frame->smallest;
        narrow(end_of(writer), block, frame, n);
        writer->out->size += n * frame->width;
    }
}

#define COPY_ROWS(width)                                                                           \
    for (size_t i = 0; i < pick->n; i++, to += (width))                                            \
    memcpy(to, values + (size_t)pick->rows[i] * (width), (width))

static void put_as_they_are(struct writer *writer, const struct column *column,
                            const struct selection *pick)
{
    uint8_t *to = end_of(writer);
    const uint8_t *values = column->values.data;
    size_t width = column->value_bytes;
    writer->out->size += pick->n * width;
    if (!pick->rows)
        memcpy(to, values + pick->first * width, pick->n * width);
    else if (width == 8)
        COPY_ROWS(8);
    else if (width == 4)
        COPY_ROWS(4);
    else if (width == 16)
        COPY_ROWS(16);
    else
        COPY_ROWS(width);
}

static status put_text(struct writer *writer, const struct column *column,
                       const struct selection *pick, size_t bytes, struct error *err)
{
    const int64_t *offsets = column_offsets(column);
    const uint8_t *source = column->data.data;
    if (bytes == 0)
        return STATUS_OK;
    TRY(make_room(writer, bytes + SHORT_COPY, err));
    uint8_t *to = end_of(writer);
    writer->out->size += bytes;
    if (!pick->rows) {
        memcpy(to, source + offsets[pick->first], bytes);
        return STATUS_OK;
    }
    for (size_t i = 0; i < pick->n; i++) {
        int64_t from = offsets[pick->rows[i]];
        size_t size = (size_t)(offsets[pick->rows[i] + (size_t)1] - from);
        if (size <= SHORT_COPY) /* bytes behind the data are readable */
            memcpy(to, source + from, SHORT_COPY);
        else
            memcpy(to, source + from, size);
        to += size;
    }
    return STATUS_OK;
}

/* The bitmap, where there is a NULL in the selection: *NULLS says whether. */
static void put_validity(struct writer *writer, const struct column *column,
                         const struct selection *pick, bool *nulls)
{
    *nulls = false;
    if (column->null_count == 0)
        return;
    const uint8_t *bits = end_of(writer);
    put_bits(writer, column->validity.data, pick);
    *nulls = bits_count(bits, 0, pick->n) < pick->n;
    if (!*nulls)
        writer->out->size -= bitmap_bytes(pick->n);
    else
        writer->column_bytes += bitmap_bytes(pick->n);
}

static status write_column(struct writer *writer, const struct column *column,
                           const struct selection *pick, struct error *err);

/* The rows of the children: of a list, the elements that its rows hold; only for ranges. */
static status write_children(struct writer *writer, const struct column *column,
                             const struct selection *pick, struct error *err)
{
    struct selection inner = *pick;
    if (has_child_rows(column)) {
        const int64_t *offsets = column_offsets(column) + pick->first;
        inner.first = (size_t)offsets[0];
        inner.n = (size_t)(offsets[pick->n] - offsets[0]);
    }
    for (size_t i = 0; i < column->n_children; i++)
        TRY(write_column(writer, &column->children[i], &inner, err));
    return STATUS_OK;
}

/* Room for all of a column but its texts, at their widest. */
static status make_column_room(struct writer *writer, const struct column *column, size_t n,
                               struct error *err)
{
    size_t width = column->value_bytes > sizeof(int64_t) ? column->value_bytes : sizeof(int64_t);
    return make_room(writer, FRAME_BYTES + 2 * bitmap_bytes(n) + n * width, err);
}

static status write_column(struct writer *writer, const struct column *column,
                           const struct selection *pick, struct error *err)
{
    bool nulls;
    if (pick->n == 0)
        return STATUS_OK;
    writer->column_bytes += values_bytes(column, pick->n);
    TRY(make_column_room(writer, column, pick->n, err));
    size_t head = writer->out->size++;
    put_validity(writer, column, pick, &nulls);

    struct numbers numbers = {.load = kernel_of(column),
                              .values = column->values.data,
                              .valid = nulls ? writer->out->data + head + 1 : NULL,
                              .pick = pick};
    struct frame frame = {.width = AS_THEY_ARE};
    if (numbers.load && survey(&numbers, writer->block, &frame))
        put_numbers(writer, &numbers, &frame);
    else if (column->field->type.id == TYPE_BOOL)
        put_bits(writer, column->values.data, pick);
    else if (column->value_bytes)
        put_as_they_are(writer, column, pick);
    writer->out->data[head] = (uint8_t)(frame.width | (nulls ? HAS_NULLS : 0));
    if (type_is_text_like(column->field->type)) {
        writer->column_bytes += frame.sum;
        TRY(put_text(writer, column, pick, frame.sum, err));
    }
    return column->n_children ? write_children(writer, column, pick, err) : STATUS_OK;
}

/* Nested columns are gathered into a column of their own and written as a range. */
static status write_nested(struct writer *writer, const struct column *column,
                           const struct selection *pick, struct error *err)
{
    SCOPED(column_release) struct column gathered = {0};
    struct selection all = {.n = pick->n};
    TRY(column_init(&gathered, column->field, err));
    TRY(column_gather(&gathered, column, pick->rows, pick->n, err));
    return write_column(writer, &gathered, &all, err);
}

/* The values that are among the rows, under numbers without gaps: few rows need not bring all of them. */
static unsigned words_among(const uint8_t *codes, size_t n)
{
    unsigned words = 0;
    for (size_t i = 0; i < n; i++)
        words |= 1u << codes[i];
    return words;
}

static void put_word(struct writer *writer, const uint8_t *word, size_t size)
{
    put_byte(writer, (unsigned)size);
    memcpy(end_of(writer), word, size);
    writer->out->size += size;
}

static status write_coded(struct writer *writer, const struct text_codes *coded,
                          const struct selection *pick, struct error *err)
{
    const uint8_t *codes = coded->codes.data + pick->first;
    uint8_t numbers[MOST_CODED_WORDS] = {0};
    uint64_t bytes = 0;
    unsigned n_words = 0, words = words_among(codes, pick->n);
    TRY(make_room(writer, 2 + MOST_CODED_WORDS * (1 + MOST_WORD_BYTES) + pick->n, err));
    put_byte(writer, CODED);
    put_byte(writer, (unsigned)__builtin_popcount(words));
    for (size_t i = 0; i < coded->n_words; i++) {
        if (!(words >> i & 1))
            continue;
        numbers[i] = (uint8_t)n_words++;
        put_word(writer, coded->words[i], coded->sizes[i]);
    }
    uint8_t *to = end_of(writer);
    for (size_t i = 0; i < pick->n; i++) {
        to[i] = numbers[codes[i]];
        bytes += coded->sizes[codes[i]];
    }
    writer->out->size += pick->n;
    writer->column_bytes += (pick->n + 1) * sizeof(int64_t) + bytes;
    return STATUS_OK;
}

static status write_columns(struct writer *writer, const struct batch *batch,
                            const struct text_codes *codes, const struct selection *pick,
                            struct error *err)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        const struct column *column = &batch->columns[i];
        if (codes && codes[i].n_words && pick->n)
            TRY(write_coded(writer, &codes[i], pick, err));
        else if (pick->rows && column->n_children)
            TRY(write_nested(writer, column, pick, err));
        else
            TRY(write_column(writer, column, pick, err));
    }
    return make_room(writer, SUM_BYTES, err);
}

static status write_plain(const struct batch *batch, const struct text_codes *codes,
                          const struct selection *pick, struct buffer *out, struct error *err)
{
    struct writer writer; /* not set to zeros: its block is large */
    size_t start = out->size;
    writer.out = out;
    writer.column_bytes = 0;
    TRY(make_room(&writer, HEAD_BYTES, err));
    out->size += HEAD_BYTES;
    status_code code = write_columns(&writer, batch, codes, pick, err);
    if (code != STATUS_OK) {
        out->size = start;
        return code;
    }
    uint8_t *head = out->data + start;
    memcpy(head, BATCH_PLAIN_FORM, FORM_BYTES);
    store_u32le(head + 4, (uint32_t)count_columns(batch->schema->fields, batch->schema->n_fields));
    store_u64le(head + 8, pick->n);
    store_u64le(head + 16, writer.column_bytes);
    store_u64le(end_of(&writer), XXH3_64bits(head, out->size - start));
    out->size += SUM_BYTES;
    return STATUS_OK;
}

status batch_write_plain(const struct batch *batch, size_t first, size_t n, struct buffer *out,
                         struct error *err)
{
    return write_plain(batch, NULL, &(struct selection){.first = first, .n = n}, out, err);
}

status batch_write_plain_coded(const struct batch *batch, const struct text_codes *codes,
                               size_t first, size_t n, struct buffer *out, struct error *err)
{
    return write_plain(batch, codes, &(struct selection){.first = first, .n = n}, out, err);
}

status batch_write_plain_gathered(const struct batch *batch, const uint32_t *rows, size_t n,
                                  struct buffer *out, struct error *err)
{
    return write_plain(batch, NULL, &(struct selection){.rows = rows, .n = n}, out, err);
}

uint64_t batch_plain_column_bytes(const void *plain, size_t size)
{
    return size < HEAD_BYTES ? 0 : load_u64le((const uint8_t *)plain + 16);
}

size_t batch_data_bytes(const struct batch *batch, const uint32_t *rows, size_t n)
{
    int64_t bytes = 0;
    for (size_t c = 0; c < batch->schema->n_fields; c++) {
        if (!type_is_text_like(batch->schema->fields[c].type))
            continue;
        const int64_t *offsets = column_offsets(&batch->columns[c]);
        for (size_t i = 0; i < n; i++)
            bytes += offsets[rows[i] + (size_t)1] - offsets[rows[i]];
    }
    return (size_t)bytes;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at, *end;
    uint64_t column_bytes;
    int64_t block[BLOCK];
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
    const uint8_t *numbers; /* where the width is not AS_THEY_ARE */
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
    out->width = *head & (HAS_NULLS - 1);
    if (rows > FREE_ROWS && rows / 8 > bytes_left(in)) /* before any memory is asked for */
        return damaged(err, "the number of rows");
    if (*head & HAS_NULLS) {
        TRY(take_bits(in, rows, &out->valid, err));
        out->nulls = rows - bits_count(out->valid, 0, rows);
        if (out->nulls == 0)
            return damaged(err, "a validity bitmap without NULLs");
        in->column_bytes += bitmap_bytes(rows);
    }
    if (out->width == CODED && type_is_text_like(column->field->type) && !out->nulls) {
        in->column_bytes += values_bytes(column, rows);
        return STATUS_OK;
    }
    bool framed = out->width != AS_THEY_ARE;
    if (framed ? !kernel_of(column) : kernel_of(column) == load_lengths)
        return damaged(err, "the form of a column");
    in->column_bytes += values_bytes(column, rows);
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
    if (shape->width == AS_THEY_ARE) {
        const uint8_t *from;
        TRY(take(in, shape->rows, width, &from, err));
        memcpy(to, from, shape->rows * width);
        clear_nulls(to, width, shape);
    } else {
        for (size_t at = 0; at < shape->rows; at += BLOCK) {
            size_t n = block_rows(shape->rows - at);
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
    for (size_t at = 0; at < shape->rows; at += BLOCK) {
        size_t n = block_rows(shape->rows - at);
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
    if (shape->width == CODED)
        return read_coded(column, shape, in, err);
    if (type_is_text_like(column->field->type))
        return read_text(column, shape, in, err);
    if (has_child_rows(column))
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
    if (size < HEAD_BYTES + SUM_BYTES)
        return damaged(err, "cut short");
    if (memcmp(bytes, BATCH_PLAIN_FORM, FORM_BYTES) != 0)
        return damaged(err, "no plain form, or one of another release");
    if (load_u64le(bytes + size - SUM_BYTES) != XXH3_64bits(bytes, size - SUM_BYTES))
        return damaged(err, "the checksum does not hold");
    if (load_u32le(bytes + 4) != count_columns(schema->fields, schema->n_fields))
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
    in.at = (const uint8_t *)bytes + HEAD_BYTES;
    in.end = (const uint8_t *)bytes + size - SUM_BYTES;
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
