/* libFuzzer target: what a PostgreSQL server sends in a COPY, as messages and as fields, decoded into columns of every
 * form. The first byte chooses how:
 *
 *   bit 0     the bytes are the stream, messages and all; else fields (a byte of length and the bytes, 255: NULL),
 *             put into rows that hold
 *   bits 1-2  rows at once: 1, 7, 1000, 1024
 *   bit 3     the server does not vouch for UTF-8
 *
 * Besides what sanitizers see: a refusal has a text, all columns get the same rows, offsets rise and end where the bytes
 * do, text that was checked is UTF-8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/postgres/rows.h"
#include "source/postgres/statement.h"

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- the columns ---- */

static struct wire_type array_parts[] = {
    {.form = WIRE_INT4, .type = {.id = TYPE_INT32}},
    {.form = WIRE_NUMERIC, .type = {.id = TYPE_DECIMAL, .precision = 20, .scale = 3}},
    {.form = WIRE_TEXT, .type = {.id = TYPE_UTF8}},
};
static struct wire_type record_parts[] = {
    {.form = WIRE_INT2, .type = {.id = TYPE_INT16}},
    {.form = WIRE_TEXT, .type = {.id = TYPE_UTF8}},
    {.form = WIRE_ARRAY, .type = {.id = TYPE_LIST}, .children = array_parts, .n_children = 1},
};
static struct wire_type record = {
    .form = WIRE_RECORD, .type = {.id = TYPE_STRUCT}, .children = record_parts, .n_children = 3};

static const struct wire_type types[] = {
    {.form = WIRE_BOOL, .type = {.id = TYPE_BOOL}},
    {.form = WIRE_INT2, .type = {.id = TYPE_INT16}},
    {.form = WIRE_INT2, .type = {.id = TYPE_INT32}},
    {.form = WIRE_INT2, .type = {.id = TYPE_INT64}},
    {.form = WIRE_INT4, .type = {.id = TYPE_INT32}},
    {.form = WIRE_INT4, .type = {.id = TYPE_INT64}},
    {.form = WIRE_INT8, .type = {.id = TYPE_INT64}},
    {.form = WIRE_OID, .type = {.id = TYPE_INT64}},
    {.form = WIRE_FLOAT4, .type = {.id = TYPE_FLOAT32}},
    {.form = WIRE_FLOAT8, .type = {.id = TYPE_FLOAT64}},
    {.form = WIRE_NUMERIC, .type = {.id = TYPE_DECIMAL, .precision = 9, .scale = 2}},
    {.form = WIRE_NUMERIC, .type = {.id = TYPE_DECIMAL, .precision = 38, .scale = 10}},
    {.form = WIRE_NUMERIC, .type = {.id = TYPE_DECIMAL, .precision = 76, .scale = 30}},
    {.form = WIRE_NUMERIC, .type = {.id = TYPE_UTF8}},
    {.form = WIRE_MONEY, .type = {.id = TYPE_DECIMAL, .precision = 10, .scale = 2}},
    {.form = WIRE_TEXT, .type = {.id = TYPE_UTF8}},
    {.form = WIRE_BYTEA, .type = {.id = TYPE_BINARY}},
    {.form = WIRE_JSONB, .type = {.id = TYPE_JSON}},
    {.form = WIRE_DATE, .type = {.id = TYPE_DATE}},
    {.form = WIRE_TIME, .type = {.id = TYPE_TIME}},
    {.form = WIRE_TIMESTAMP, .type = {.id = TYPE_TIMESTAMP}},
    {.form = WIRE_INTERVAL, .type = {.id = TYPE_INTERVAL}},
    {.form = WIRE_UUID, .type = {.id = TYPE_UUID}},
    {.form = WIRE_ARRAY, .type = {.id = TYPE_LIST}, .children = &array_parts[0], .n_children = 1},
    {.form = WIRE_ARRAY, .type = {.id = TYPE_LIST}, .children = &array_parts[1], .n_children = 1},
    {.form = WIRE_ARRAY, .type = {.id = TYPE_LIST}, .children = &array_parts[2], .n_children = 1},
    {.form = WIRE_RECORD, .type = {.id = TYPE_STRUCT}, .children = record_parts, .n_children = 3},
    {.form = WIRE_ARRAY, .type = {.id = TYPE_LIST}, .children = &record, .n_children = 1},
};
enum { COLUMNS = sizeof(types) / sizeof(types[0]) };

static struct field fields[COLUMNS];
static struct column columns[COLUMNS];
static struct decoder decoders[COLUMNS];

static void fill_field(struct field *field, const struct wire_type *type)
{
    *field = (struct field){.name = "c", .type = type->type, .nullable = true};
    if (type->n_children == 0)
        return;
    struct field *children = calloc(type->n_children, sizeof(*children));
    ASSERT(children);
    for (size_t i = 0; i < type->n_children; i++)
        fill_field(&children[i], &type->children[i]);
    field->children = children;
    field->n_children = type->n_children;
}

static void begin(bool check_utf8)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        struct text forms = {0};
        if (!fields[i].name)
            fill_field(&fields[i], &types[i]);
        wire_form_write(&types[i], &forms);
        const char *text = text_string(&forms);
        ASSERT(wire_form_read(&text, &fields[i], check_utf8, &decoders[i], NULL) == STATUS_OK);
        ASSERT(column_init(&columns[i], &fields[i], NULL) == STATUS_OK);
        text_release(&forms);
    }
}

static void end(void)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        column_truncate(&columns[i], columns[i].rows / 2);
        column_release(&columns[i]);
        decoder_release(&decoders[i]);
    }
}

/* ---- what must hold ---- */

static void check_column(const struct column *column, size_t rows, bool check_utf8)
{
    enum type_id id = column->field->type.id;
    bool text = type_is_text_like(column->field->type);
    ASSERT(column->rows == rows);
    ASSERT(column->null_count <= rows);
    if ((text || id == TYPE_LIST) && rows > 0) {
        const int64_t *offsets = column_offsets(column);
        ASSERT(offsets[0] == 0);
        for (size_t i = 0; i < rows; i++)
            ASSERT(offsets[i] <= offsets[i + 1]);
        size_t last = (size_t)offsets[rows];
        ASSERT(last == (text ? column->data.size : column->children[0].rows));
        if (text && id != TYPE_BINARY && check_utf8 && last > 0)
            ASSERT(text_utf8_valid_prefix((const char *)column->data.data, last) == last);
        if (id == TYPE_LIST)
            check_column(&column->children[0], last, check_utf8);
    } else if (id == TYPE_STRUCT) {
        for (size_t i = 0; i < column->n_children; i++)
            check_column(&column->children[i], rows, check_utf8);
    } else if (column->value_bytes) {
        ASSERT(column->values.size == rows * column->value_bytes);
    }
}

static void decode_block(const struct rows *rows)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        struct fields block = {rows->base, rows->at + c * BLOCK_ROWS, rows->n};
        for (size_t row = 0;; row++) {
            ASSERT(decode_column(&decoders[c], &columns[c], &block, &row, NULL) == STATUS_OK);
            if (row == block.n)
                break;
            struct text shown = {0};
            const uint8_t *p = block.base + block.at[row];
            decoder_text(&decoders[c], p + 4, (int32_t)load_u32be(p), &shown);
            text_release(&shown);
            ASSERT(column_append_null(&columns[c], NULL) == STATUS_OK);
        }
    }
}

/* ---- the bytes ---- */

static void put(struct buffer *out, const void *bytes, size_t size)
{
    ASSERT(buffer_append(out, bytes, size, NULL) == STATUS_OK);
}

static void put_u32(struct buffer *out, uint32_t value)
{
    value = __builtin_bswap32(value);
    put(out, &value, sizeof(value));
}

/* Rows that hold, of the fields that DATA names. */
static void frame(struct buffer *out, const uint8_t *data, size_t size)
{
    put(out, "d", 1);
    put_u32(out, 4 + 19);
    put(out, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    while (size > 0) {
        size_t start = out->size;
        put(out, "d\0\0\0\0\0", 6);
        put(out, &(uint8_t){COLUMNS}, 1);
        for (size_t c = 0; c < COLUMNS; c++) {
            size_t length = size ? *data : 255;
            data += size > 0;
            size -= size > 0;
            put_u32(out, length == 255 ? UINT32_MAX : length > size ? size : length);
            if (length == 255)
                continue;
            length = length > size ? size : length;
            put(out, data, length);
            data += length;
            size -= length;
        }
        uint32_t bytes = __builtin_bswap32((uint32_t)(out->size - start - 1));
        memcpy(out->data + start + 1, &bytes, sizeof(bytes));
    }
    put(out, "c\0\0\0\4Z\0\0\0\5T", 11);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 7, 1000, BLOCK_ROWS};
    if (size < 1)
        return 0;
    bool check_utf8 = data[0] & 8, framed = !(data[0] & 1);
    struct wire wire = {
        .socket = -1, .bulk = true, .copying = true, .busy = true, .max_message = 1 << 20};
    struct rows rows;
    struct error error = {0};
    size_t total = 0;
    status_code code;
    if (framed)
        frame(&wire.in, data + 1, size - 1);
    else
        put(&wire.in, data + 1, size - 1);
    ASSERT(rows_init(&rows, COLUMNS, NULL) == STATUS_OK);
    begin(check_utf8);
    while ((code = rows_next(&rows, &wire, steps[data[0] >> 1 & 3], NULL, &error)) == STATUS_OK) {
        ASSERT(rows.n > 0 && rows.n <= BLOCK_ROWS);
        decode_block(&rows);
        total += rows.n;
    }
    ASSERT(code == STATUS_END || error.text_bytes > 0);
    ASSERT(code == STATUS_END || !framed);
    for (size_t c = 0; c < COLUMNS; c++)
        check_column(&columns[c], total, check_utf8);
    end();
    rows_release(&rows);
    wire_release(&wire);
    return 0;
}
