/* Columns as bytes and back; the layout is in batch.h.
 *
 * Writing: one pass gives each column's sizes, then the rows are copied straight to their place in OUT: a
 * `struct column` whose buffers lie in OUT is the target of the same kernels that fill a batch.
 * Reading: everything is checked, then a batch whose buffers lie in the input is appended to INTO. */
#include <string.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "batch/batch.h"
#include "batch/bitmap.h"

enum {
    HEAD_BYTES = 16,
    ENTRY_BYTES = 40,
    SUM_BYTES = 8,
    SPARE_BYTES = 64, /* kernels may write a little past the end of text */
};
static const uint64_t ROWS_LIMIT = UINT64_C(1) << 40;
static const uint32_t MAGIC = 0x3142504c; /* "LPB1" */

struct entry {
    uint64_t rows, nulls, validity, values, data;
};

static size_t padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

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

static size_t values_bytes(const struct field *field, size_t rows)
{
    switch (field->type.id) {
    case TYPE_STRUCT:
        return 0;
    case TYPE_BOOL:
        return bitmap_bytes(rows);
    case TYPE_LIST:
    case TYPE_MAP:
    case TYPE_UTF8:
    case TYPE_BINARY:
    case TYPE_JSON:
        return (rows + 1) * sizeof(int64_t);
    default:
        return rows * type_value_bytes(field->type);
    }
}

/* ---- writing ---- */

/* Which rows: [first, first + n), or rows[0..n) where ROWS is given. */
struct selection {
    const uint32_t *rows;
    size_t first, n;
};

static size_t selected_nulls(const struct column *column, const struct selection *pick)
{
    if (column->null_count == 0)
        return 0;
    if (!pick->rows)
        return pick->n - bits_count(column->validity.data, pick->first, pick->n);
    size_t valid = 0;
    for (size_t i = 0; i < pick->n; i++)
        valid += bit_get(column->validity.data, pick->rows[i]);
    return pick->n - valid;
}

static size_t selected_text_bytes(const struct column *column, const struct selection *pick)
{
    const int64_t *offsets = column_offsets(column);
    if (pick->n == 0)
        return 0;
    if (!pick->rows)
        return (size_t)(offsets[pick->first + pick->n] - offsets[pick->first]);
    int64_t bytes = 0;
    for (size_t i = 0; i < pick->n; i++)
        bytes += offsets[pick->rows[i] + (size_t)1] - offsets[pick->rows[i]];
    return (size_t)bytes;
}

/* The rows a list's elements take in its child; only for ranges. */
static struct selection child_selection(const struct column *column, const struct selection *pick)
{
    if (!has_child_rows(column) || pick->n == 0)
        return *pick;
    const int64_t *offsets = column_offsets(column) + pick->first;
    return (struct selection){.first = (size_t)offsets[0],
                              .n = (size_t)(offsets[pick->n] - offsets[0])};
}

static size_t measure(const struct column *column, const struct selection *pick,
                      struct entry **entries)
{
    struct entry *entry = (*entries)++;
    entry->rows = pick->n;
    entry->nulls = selected_nulls(column, pick);
    entry->validity = entry->nulls ? bitmap_bytes(pick->n) : 0;
    entry->values = values_bytes(column->field, pick->n);
    entry->data = type_is_text_like(column->field->type) ? selected_text_bytes(column, pick) : 0;
    size_t bytes = padded(entry->validity) + padded(entry->values) + padded(entry->data);
    struct selection inner = child_selection(column, pick);
    for (size_t i = 0; i < column->n_children; i++)
        bytes += measure(&column->children[i], &inner, entries);
    return bytes;
}

/* Hand out the next region of SIZE bytes. */
static uint8_t *place(uint8_t **at, size_t size)
{
    uint8_t *region = *at;
    *at += padded(size);
    return region;
}

/* A column whose buffers are regions of OUT. Capacities reach to END, so no kernel grows them. */
static void lay_out(struct column *view, const struct entry *entry, uint8_t **at,
                    const uint8_t *end)
{
    uint8_t *validity = place(at, entry->validity);
    uint8_t *values = place(at, entry->values);
    uint8_t *data = place(at, entry->data);
    view->validity = (struct buffer){.data = validity, .capacity = (size_t)(end - validity)};
    view->values = (struct buffer){.data = values, .capacity = (size_t)(end - values)};
    view->data = (struct buffer){.data = data, .capacity = (size_t)(end - data)};
}

static void zero_padding(uint8_t *region, size_t size)
{
    memset(region + size, 0, padded(size) - size);
}

static status write_column(const struct column *column, const struct selection *pick,
                           const struct entry **entries, uint8_t **at, const uint8_t *end,
                           struct error *err)
{
    const struct entry *entry = (*entries)++;
    struct column view = {.field = column->field, .value_bytes = column->value_bytes};
    lay_out(&view, entry, at, end);
    if (has_child_rows(column) || column->field->type.id == TYPE_STRUCT) {
        /* offsets and validity here, the children on their own */
        const int64_t *offsets = column_offsets(column);
        if (has_child_rows(column))
            for (size_t i = 0; i <= pick->n; i++)
                store_u64le(view.values.data + i * 8,
                            pick->n ? (uint64_t)(offsets[pick->first + i] - offsets[pick->first])
                                    : 0);
        if (entry->nulls)
            bitmap_copy(view.validity.data, 0, column->validity.data, pick->first, pick->n);
    } else if (pick->rows) {
        TRY(column_gather(&view, column, pick->rows, pick->n, err));
    } else {
        TRY(column_append_range(&view, column, pick->first, pick->n, err));
    }
    if (pick->n == 0)
        memset(view.values.data, 0, entry->values);
    zero_padding(view.validity.data, entry->validity);
    zero_padding(view.values.data, entry->values);
    zero_padding(view.data.data, entry->data);
    struct selection inner = child_selection(column, pick);
    for (size_t i = 0; i < column->n_children; i++)
        TRY(write_column(&column->children[i], &inner, entries, at, end, err));
    return STATUS_OK;
}

static void store_entries(uint8_t *to, const struct entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++, to += ENTRY_BYTES) {
        store_u64le(to, entries[i].rows);
        store_u64le(to + 8, entries[i].nulls);
        store_u64le(to + 16, entries[i].validity);
        store_u64le(to + 24, entries[i].values);
        store_u64le(to + 32, entries[i].data);
    }
}

/* COLUMNS[i] with its own selection: nested columns of a gather were gathered before. */
static status write_plain(const struct schema *schema, const struct column *columns,
                          const struct selection *picks, size_t rows, struct buffer *out,
                          struct error *err)
{
    size_t n = count_columns(schema->fields, schema->n_fields);
    SCOPED(mem_freep) struct entry *entries = mem_zalloc((n + 1) * sizeof(*entries));
    if (!entries)
        return error_no_memory(err);
    size_t bytes = HEAD_BYTES + n * ENTRY_BYTES + SUM_BYTES;
    struct entry *fill = entries;
    for (size_t i = 0; i < schema->n_fields; i++)
        bytes += measure(&columns[i], &picks[i], &fill);

    /* kernels store whole words: build at a multiple of 8, move down afterwards if OUT ends at none */
    size_t gap = padded(out->size) - out->size;
    TRY(buffer_reserve(out, out->size + gap + bytes + SPARE_BYTES, err));
    uint8_t *start = out->data + out->size + gap;
    store_u32le(start, MAGIC);
    store_u32le(start + 4, (uint32_t)n);
    store_u64le(start + 8, rows);
    store_entries(start + HEAD_BYTES, entries, n);
    uint8_t *at = start + HEAD_BYTES + n * ENTRY_BYTES;
    const struct entry *entry = entries;
    for (size_t i = 0; i < schema->n_fields; i++)
        TRY(write_column(&columns[i], &picks[i], &entry, &at, start + bytes + SPARE_BYTES, err));
    store_u64le(at, XXH3_64bits(start, (size_t)(at - start)));
    if (gap)
        memmove(start - gap, start, bytes);
    out->size += bytes;
    return STATUS_OK;
}

size_t batch_data_bytes(const struct batch *batch, const uint32_t *rows, size_t n)
{
    struct selection pick = {.rows = rows, .n = n};
    size_t bytes = 0;
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        if (type_is_text_like(batch->schema->fields[i].type))
            bytes += selected_text_bytes(&batch->columns[i], &pick);
    return bytes;
}

status batch_write_plain(const struct batch *batch, size_t first, size_t n, struct buffer *out,
                         struct error *err)
{
    size_t n_fields = batch->schema->n_fields;
    SCOPED(mem_freep) struct selection *picks = mem_zalloc((n_fields + 1) * sizeof(*picks));
    if (!picks)
        return error_no_memory(err);
    for (size_t i = 0; i < n_fields; i++)
        picks[i] = (struct selection){.first = first, .n = n};
    return write_plain(batch->schema, batch->columns, picks, n, out, err);
}

/* Nested columns are gathered into a column of their own and written as a range. */
static status gather_nested(const struct batch *batch, const uint32_t *rows, size_t n,
                            struct column *columns, struct selection *picks, struct error *err)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        if (!type_is_nested(batch->schema->fields[i].type)) {
            picks[i] = (struct selection){.rows = rows, .n = n};
            columns[i] = batch->columns[i]; /* borrowed: not released below */
            continue;
        }
        picks[i] = (struct selection){.n = n};
        TRY(column_init(&columns[i], &batch->schema->fields[i], err));
        TRY(column_gather(&columns[i], &batch->columns[i], rows, n, err));
    }
    return STATUS_OK;
}

status batch_write_plain_gathered(const struct batch *batch, const uint32_t *rows, size_t n,
                                  struct buffer *out, struct error *err)
{
    size_t n_fields = batch->schema->n_fields;
    SCOPED(mem_freep) struct selection *picks = mem_zalloc((n_fields + 1) * sizeof(*picks));
    SCOPED(mem_freep) struct column *columns = mem_zalloc((n_fields + 1) * sizeof(*columns));
    if (!picks || !columns)
        return error_no_memory(err);
    status s = gather_nested(batch, rows, n, columns, picks, err);
    if (s == STATUS_OK)
        s = write_plain(batch->schema, columns, picks, n, out, err);
    for (size_t i = 0; i < n_fields; i++)
        if (type_is_nested(batch->schema->fields[i].type))
            column_release(&columns[i]);
    return s;
}

/* ---- reading ---- */

struct input {
    const uint8_t *entry; /* next entry */
    const uint8_t *bytes; /* next buffer */
    const uint8_t *end;   /* of the buffers */
};

static status damaged(struct error *err, const char *what)
{
    return error_set(err, STATUS_BAD_DATA, "plain rows are damaged: %s", what);
}

static status take_buffer(struct input *in, uint64_t size, struct buffer *out, struct error *err)
{
    size_t left = (size_t)(in->end - in->bytes);
    if (size > left || padded(size) > left)
        return damaged(err, "a buffer is longer than the rest");
    /* a view: only read from, never grown or released */
    *out = (struct buffer){.data = (uint8_t *)(uintptr_t)in->bytes, .size = size, .capacity = size};
    in->bytes += padded(size);
    return STATUS_OK;
}

static bool tail_is_zero(const uint8_t *bits, uint64_t n)
{
    return (n & 7) == 0 || (bits[n >> 3] >> (n & 7)) == 0;
}

static status check_validity(const struct column *view, struct error *err)
{
    if (view->null_count > view->rows ||
        view->validity.size != (view->null_count ? bitmap_bytes(view->rows) : 0))
        return damaged(err, "the size of a validity bitmap");
    if (view->null_count == 0)
        return STATUS_OK;
    if (bits_count(view->validity.data, 0, view->rows) != view->rows - view->null_count ||
        !tail_is_zero(view->validity.data, view->rows))
        return damaged(err, "a validity bitmap does not match its null count");
    return STATUS_OK;
}

static status check_offsets(const struct column *view, struct error *err)
{
    const int64_t *offsets = column_offsets(view);
    if (offsets[0] != 0)
        return damaged(err, "offsets do not start at 0");
    bool falling = false;
    for (size_t i = 0; i < view->rows; i++)
        falling |= offsets[i + 1] < offsets[i];
    if (falling)
        return damaged(err, "offsets fall");
    if (type_is_text_like(view->field->type) && (uint64_t)offsets[view->rows] != view->data.size)
        return damaged(err, "offsets do not end where the data does");
    return STATUS_OK;
}

static status read_column(struct column *view, uint64_t rows, struct input *in, struct error *err)
{
    const uint8_t *entry = in->entry;
    in->entry += ENTRY_BYTES;
    if (load_u64le(entry) != rows)
        return damaged(err, "a column's rows");
    view->rows = rows;
    view->null_count = load_u64le(entry + 8);
    /* no more rows than bytes could hold, so no size below overflows */
    uint64_t left = (uint64_t)(in->end - in->bytes);
    if (rows > ROWS_LIMIT || (view->value_bytes && rows > left / view->value_bytes) ||
        load_u64le(entry + 24) != values_bytes(view->field, rows))
        return damaged(err, "the size of a column's values");
    if (load_u64le(entry + 32) != 0 && !type_is_text_like(view->field->type))
        return damaged(err, "data of a column that has none");
    TRY(take_buffer(in, load_u64le(entry + 16), &view->validity, err));
    TRY(take_buffer(in, load_u64le(entry + 24), &view->values, err));
    TRY(take_buffer(in, load_u64le(entry + 32), &view->data, err));
    TRY(check_validity(view, err));
    enum type_id id = view->field->type.id;
    if (id == TYPE_BOOL && !tail_is_zero(view->values.data, rows))
        return damaged(err, "bits behind the last row");
    if (has_child_rows(view) || type_is_text_like(view->field->type))
        TRY(check_offsets(view, err));
    uint64_t inner = has_child_rows(view) ? (uint64_t)column_offsets(view)[rows] : rows;
    for (size_t i = 0; i < view->n_children; i++)
        TRY(read_column(&view->children[i], inner, in, err));
    return STATUS_OK;
}

static status check_frame(const struct schema *schema, const uint8_t *bytes, size_t size,
                          struct error *err)
{
    if (size < HEAD_BYTES + SUM_BYTES || size % 8 != 0)
        return damaged(err, "cut short");
    if (load_u32le(bytes) != MAGIC)
        return damaged(err, "no plain form");
    if (load_u64le(bytes + size - SUM_BYTES) != XXH3_64bits(bytes, size - SUM_BYTES))
        return damaged(err, "the checksum does not hold");
    size_t n = count_columns(schema->fields, schema->n_fields);
    if (load_u32le(bytes + 4) != n || n > (size - HEAD_BYTES - SUM_BYTES) / ENTRY_BYTES)
        return damaged(err, "another number of columns");
    return STATUS_OK;
}

static status read_views(struct batch *view, const uint8_t *bytes, size_t size, struct error *err)
{
    TRY(check_frame(view->schema, bytes, size, err));
    view->rows = load_u64le(bytes + 8);
    if (view->rows > ROWS_LIMIT)
        return damaged(err, "the number of rows");
    size_t n = load_u32le(bytes + 4);
    struct input in = {.entry = bytes + HEAD_BYTES,
                       .bytes = bytes + HEAD_BYTES + n * ENTRY_BYTES,
                       .end = bytes + size - SUM_BYTES};
    for (size_t i = 0; i < view->schema->n_fields; i++)
        TRY_IN(read_column(&view->columns[i], view->rows, &in, err), err, "in column \"%s\"",
               view->schema->fields[i].name);
    if (in.bytes != in.end)
        return damaged(err, "bytes behind the last column");
    return STATUS_OK;
}

static void forget_views(struct column *columns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        columns[i].validity = columns[i].values = columns[i].data = (struct buffer){0};
        forget_views(columns[i].children, columns[i].n_children);
    }
}

static status read_aligned(struct batch *into, const uint8_t *bytes, size_t size, struct error *err)
{
    struct batch view;
    TRY(batch_init(&view, into->schema, err));
    status s = read_views(&view, bytes, size, err);
    if (s == STATUS_OK)
        s = batch_append_range(into, &view, 0, view.rows, err);
    forget_views(view.columns, view.schema->n_fields);
    batch_release(&view);
    return s;
}

status batch_read_plain(struct batch *into, const void *bytes, size_t size, struct error *err)
{
    if (((uintptr_t)bytes & 7) == 0)
        return read_aligned(into, bytes, size, err);
    SCOPED(buffer_release) struct buffer copy = {0}; /* offsets are read as whole words */
    TRY(buffer_append(&copy, bytes, size, err));
    return read_aligned(into, copy.data, size, err);
}
