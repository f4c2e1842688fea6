/* Rows of a batch in plain form. Numbers are gone over twice: once for their range, once to store them less the smallest. */
#include <string.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "batch/bitmap.h"
#include "batch/column_codes.h"
#include "batch/plain.h"

enum {
    SHORT_COPY = 16, /* short texts are copied in one fixed move */
    FRAME_BYTES = 1 + 10,
};

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
    switch (plain_numbers_of(column)) {
    case PLAIN_LENGTHS:
        return load_lengths;
    case PLAIN_VALUES:
        break;
    default:
        return NULL;
    }
    switch (column->value_bytes) {
    case 1:
        return load_8;
    case 2:
        return load_16;
    case 4:
        return load_32;
    case 8:
        return load_64;
    default:
        return load_128;
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
    int64_t block[PLAIN_BLOCK];
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

/* Zigzag. */
static void put_smallest(struct writer *writer, uint64_t value)
{
    put_varint(writer, (value << 1) ^ (uint64_t)((int64_t)value >> 63));
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

static bool load_block(const struct numbers *from, size_t at, int64_t *block)
{
    const struct selection *pick = from->pick;
    return from->load(block, from->values, pick->rows ? pick->rows + at : NULL, pick->first + at,
                      plain_block_rows(pick->n - at));
}

static unsigned width_of(uint64_t range, size_t rows)
{
    if (range == 0)
        return rows > PLAIN_FREE_ROWS;
    return range <= UINT8_MAX ? 1 : range <= UINT16_MAX ? 2 : range <= UINT32_MAX ? 4 : 8;
}

/* False: a number does not fit 64 bits. PLAIN_BLOCK holds the last block afterwards: of a small piece the only one. */
static bool survey(const struct numbers *from, int64_t *block, struct frame *out)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    uint64_t sum = 0;
    size_t rows = from->pick->n;
    for (size_t at = 0; at < rows; at += PLAIN_BLOCK) {
        size_t n = plain_block_rows(rows - at);
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
    put_smallest(writer, frame->smallest);
    for (size_t at = 0; frame->width && at < rows; at += PLAIN_BLOCK) {
        size_t n = plain_block_rows(rows - at);
        if (rows > PLAIN_BLOCK)
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
    if (plain_has_child_rows(column)) {
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
    writer->column_bytes += plain_values_bytes(column, pick->n);
    TRY(make_column_room(writer, column, pick->n, err));
    size_t head = writer->out->size++;
    put_validity(writer, column, pick, &nulls);

    struct numbers numbers = {.load = kernel_of(column),
                              .values = column->values.data,
                              .valid = nulls ? writer->out->data + head + 1 : NULL,
                              .pick = pick};
    struct frame frame = {.width = PLAIN_AS_THEY_ARE};
    if (numbers.load && survey(&numbers, writer->block, &frame))
        put_numbers(writer, &numbers, &frame);
    else if (column->field->type.id == TYPE_BOOL)
        put_bits(writer, column->values.data, pick);
    else if (column->value_bytes)
        put_as_they_are(writer, column, pick);
    writer->out->data[head] = (uint8_t)(frame.width | (nulls ? PLAIN_HAS_NULLS : 0));
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

static status write_words(struct writer *writer, const struct column_codes *coded,
                          const struct selection *pick, struct error *err)
{
    const uint8_t *codes = coded->codes.data + pick->first;
    uint8_t numbers[MOST_CODED_WORDS] = {0};
    uint64_t bytes = 0;
    unsigned n_words = 0, words = words_among(codes, pick->n);
    TRY(make_room(writer, 2 + MOST_CODED_WORDS * (1 + MOST_WORD_BYTES) + pick->n, err));
    put_byte(writer, PLAIN_CODED);
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

/* As write_column would, but over the range of the whole batch. */
static status write_numbers(struct writer *writer, const struct column_codes *coded,
                            const struct selection *pick, struct error *err)
{
    size_t bytes = pick->n * coded->width;
    TRY(make_room(writer, FRAME_BYTES + bytes, err));
    put_byte(writer, coded->width);
    put_smallest(writer, coded->base);
    memcpy(end_of(writer), coded->codes.data + pick->first * coded->width, bytes);
    writer->out->size += bytes;
    writer->column_bytes += pick->n * sizeof(uint64_t);
    return STATUS_OK;
}

static status write_columns(struct writer *writer, const struct batch *batch,
                            const struct batch_codes *codes, const struct selection *pick,
                            struct error *err)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        const struct column *column = &batch->columns[i];
        enum codes_kind kind = codes && pick->n ? codes->columns[i].kind : CODES_NONE;
        if (kind == CODES_WORDS)
            TRY(write_words(writer, &codes->columns[i], pick, err));
        else if (kind == CODES_NUMBERS)
            TRY(write_numbers(writer, &codes->columns[i], pick, err));
        else if (pick->rows && column->n_children)
            TRY(write_nested(writer, column, pick, err));
        else
            TRY(write_column(writer, column, pick, err));
    }
    return make_room(writer, PLAIN_SUM_BYTES, err);
}

static status write_plain(const struct batch *batch, const struct batch_codes *codes,
                          const struct selection *pick, struct buffer *out, struct error *err)
{
    struct writer writer; /* not set to zeros: its block is large */
    size_t start = out->size;
    writer.out = out;
    writer.column_bytes = 0;
    TRY(make_room(&writer, PLAIN_HEAD_BYTES, err));
    out->size += PLAIN_HEAD_BYTES;
    status_code code = write_columns(&writer, batch, codes, pick, err);
    if (code != STATUS_OK) {
        out->size = start;
        return code;
    }
    uint8_t *head = out->data + start;
    memcpy(head, BATCH_PLAIN_FORM, PLAIN_FORM_BYTES);
    store_u32le(head + 4,
                (uint32_t)plain_count_columns(batch->schema->fields, batch->schema->n_fields));
    store_u64le(head + 8, pick->n);
    store_u64le(head + 16, writer.column_bytes);
    store_u64le(end_of(&writer), XXH3_64bits(head, out->size - start));
    out->size += PLAIN_SUM_BYTES;
    return STATUS_OK;
}

status batch_write_plain(const struct batch *batch, size_t first, size_t n, struct buffer *out,
                         struct error *err)
{
    return write_plain(batch, NULL, &(struct selection){.first = first, .n = n}, out, err);
}

status batch_write_plain_coded(const struct batch *batch, const struct batch_codes *codes,
                               size_t first, size_t n, struct buffer *out, struct error *err)
{
    return write_plain(batch, codes, &(struct selection){.first = first, .n = n}, out, err);
}

status batch_write_plain_gathered(const struct batch *batch, const uint32_t *rows, size_t n,
                                  struct buffer *out, struct error *err)
{
    return write_plain(batch, NULL, &(struct selection){.rows = rows, .n = n}, out, err);
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
