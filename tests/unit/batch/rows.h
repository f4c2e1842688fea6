/* A batch with a column of every type, filled from a seed: what the tests of batch/ work on. */
#ifndef LEAT_TEST_BATCH_ROWS_H
#define LEAT_TEST_BATCH_ROWS_H

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "batch/batch.h"
#include "cmocka_all.h"

#define CHECK_OK(call) CHECK_CALL(call, STATUS_OK, &test_error)

static struct error test_error;

static inline uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const struct field element = {.name = "element", .type.id = TYPE_UTF8, .nullable = true};
static const struct field pair[] = {
    {.name = "a", .type.id = TYPE_INT32, .nullable = true},
    {.name = "b", .type.id = TYPE_LIST, .nullable = true, .children = &element, .n_children = 1},
};
static const struct field key_value[] = {
    {.name = "key", .type.id = TYPE_UTF8},
    {.name = "value", .type.id = TYPE_INT64, .nullable = true},
};
static const struct field entries = {
    .name = "entries", .type.id = TYPE_STRUCT, .children = key_value, .n_children = 2};

static struct field every_field[] = {
    {.name = "bool", .type.id = TYPE_BOOL, .nullable = true},
    {.name = "i8", .type.id = TYPE_INT8, .nullable = true},
    {.name = "i16", .type.id = TYPE_INT16, .nullable = true},
    {.name = "i32", .type.id = TYPE_INT32, .nullable = true},
    {.name = "i64", .type.id = TYPE_INT64, .nullable = true},
    {.name = "u8", .type.id = TYPE_UINT8, .nullable = true},
    {.name = "u16", .type.id = TYPE_UINT16, .nullable = true},
    {.name = "u32", .type.id = TYPE_UINT32, .nullable = true},
    {.name = "u64", .type.id = TYPE_UINT64, .nullable = true},
    {.name = "f32", .type.id = TYPE_FLOAT32, .nullable = true},
    {.name = "f64", .type.id = TYPE_FLOAT64, .nullable = true},
    {.name = "d64", .type = {TYPE_DECIMAL, .precision = 18, .scale = 4}, .nullable = true},
    {.name = "d128", .type = {TYPE_DECIMAL, .precision = 38, .scale = 2}, .nullable = true},
    {.name = "d256", .type = {TYPE_DECIMAL, .precision = 76, .scale = 9}, .nullable = true},
    {.name = "text", .type.id = TYPE_UTF8, .nullable = true},
    {.name = "binary", .type.id = TYPE_BINARY, .nullable = true},
    {.name = "fixed", .type = {TYPE_FIXED_BINARY, .width = 5}, .nullable = true},
    {.name = "date", .type.id = TYPE_DATE, .nullable = true},
    {.name = "time", .type.id = TYPE_TIME, .nullable = true},
    {.name = "ts", .type.id = TYPE_TIMESTAMP, .nullable = true},
    {.name = "tsz", .type = {TYPE_TIMESTAMP, .utc = true}, .nullable = true},
    {.name = "interval", .type.id = TYPE_INTERVAL, .nullable = true},
    {.name = "uuid", .type.id = TYPE_UUID, .nullable = true},
    {.name = "json", .type.id = TYPE_JSON, .nullable = true},
    {.name = "list", .type.id = TYPE_LIST, .nullable = true, .children = &element, .n_children = 1},
    {.name = "struct", .type.id = TYPE_STRUCT, .nullable = true, .children = pair, .n_children = 2},
    {.name = "map", .type.id = TYPE_MAP, .nullable = true, .children = &entries, .n_children = 1},
};
enum { N_FIELDS = sizeof(every_field) / sizeof(every_field[0]) };
static const struct schema every_type = {.fields = every_field, .n_fields = N_FIELDS};

/* One NULL in NULLS_IN values; 0: none. */
static inline void append_random(struct column *column, uint64_t *seed, unsigned nulls_in)
{
    struct error *err = &test_error;
    uint64_t random = next_random(seed);
    CHECK_OK(column_reserve(column, 1, err));
    if (nulls_in && random % nulls_in == 0) {
        CHECK_OK(column_append_null(column, err));
        return;
    }
    char bytes[64];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)('a' + (random >> (i % 40)) % 26);
    switch (column->field->type.id) {
    case TYPE_BOOL:
        column_append_bool(column, random & 64);
        break;
    case TYPE_UTF8:
    case TYPE_JSON:
    case TYPE_BINARY:
        CHECK_OK(column_append_bytes(column, bytes, (random >> 8) % 30, err));
        break;
    case TYPE_LIST:
    case TYPE_MAP:
        for (unsigned n = (random >> 8) % 4; n > 0; n--)
            append_random(&column->children[0], seed,
                          column->field->type.id == TYPE_MAP ? 0 : nulls_in);
        column_append_nested(column);
        break;
    case TYPE_STRUCT:
        for (size_t i = 0; i < column->n_children; i++)
            append_random(&column->children[i], seed, nulls_in);
        column_append_nested(column);
        break;
    default: {
        bool negative = column->field->type.id == TYPE_DECIMAL && random & 64;
        uint8_t value[32];
        memset(value, negative ? 0xff : 0, sizeof(value));
        store_u64le(value, negative ? ~(random >> 16) : random >> 16);
        column_append_fixed(column, value);
    }
    }
}

static inline void fill(struct batch *batch, size_t rows, uint64_t seed, unsigned nulls_in)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < batch->schema->n_fields; c++)
            append_random(&batch->columns[c], &seed, nulls_in);
    batch->rows += rows;
}

/* Every row's digest: equal digests are equal values. */
static inline void check_same_row(const struct batch *a, size_t row_a, const struct batch *b,
                                  size_t row_b)
{
    struct digest left, right;
    CHECK_OK(batch_digest(a, row_a, 1, &left, &test_error));
    CHECK_OK(batch_digest(b, row_b, 1, &right, &test_error));
    if (left.low != right.low || left.high != right.high)
        fail_msg("row %zu and row %zu differ", row_a, row_b);
}

/* The invariants of column.h. */
static inline void check_layout(const struct column *column)
{
    size_t n = column->rows, nulls = 0;
    enum type_id id = column->field->type.id;
    if (column->null_count == 0) {
        assert_int_equal(column->validity.size, 0);
    } else {
        assert_int_equal(column->validity.size, (n + 7) / 8);
        if (n & 7)
            assert_int_equal(column->validity.data[n >> 3] >> (n & 7), 0);
    }
    for (size_t i = 0; i < n; i++)
        nulls += column_is_null(column, i);
    assert_int_equal(nulls, column->null_count);
    if (id == TYPE_BOOL) {
        assert_int_equal(column->values.size, (n + 7) / 8);
        if (n & 7)
            assert_int_equal(column->values.data[n >> 3] >> (n & 7), 0);
    } else if (type_is_text_like(column->field->type) || id == TYPE_LIST || id == TYPE_MAP) {
        if (n == 0 && column->values.size == 0)
            return;
        assert_int_equal(column->values.size, (n + 1) * 8);
        const int64_t *offsets = column_offsets(column);
        assert_int_equal(offsets[0], 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(offsets[i + 1] >= offsets[i]);
            if (column_is_null(column, i))
                assert_int_equal(offsets[i], offsets[i + 1]);
        }
        assert_int_equal(offsets[n],
                         column->n_children ? column->children[0].rows : column->data.size);
    } else if (id != TYPE_STRUCT) {
        static const uint8_t zeros[64];
        assert_int_equal(column->values.size, n * column->value_bytes);
        for (size_t i = 0; i < n; i++)
            if (column_is_null(column, i))
                assert_memory_equal(column->values.data + i * column->value_bytes, zeros,
                                    column->value_bytes);
    }
    for (size_t i = 0; i < column->n_children; i++) {
        if (id == TYPE_STRUCT)
            assert_int_equal(column->children[i].rows, n);
        check_layout(&column->children[i]);
    }
}

static inline void check_batch(const struct batch *batch)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        assert_int_equal(batch->columns[i].rows, batch->rows);
        check_layout(&batch->columns[i]);
    }
}

#endif
