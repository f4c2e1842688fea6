/* Bytes as a PostgreSQL server sends them, for the tests of source/postgres. */
#ifndef LEAT_TESTS_UNIT_SOURCE_POSTGRES_BYTES_H
#define LEAT_TESTS_UNIT_SOURCE_POSTGRES_BYTES_H

#include <stdlib.h>
#include <string.h>

#include "batch/scalar.h"
#include "cmocka_all.h"
#include "source/postgres/decode.h"

static struct error err;

#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        err = (struct error){0};                                                                   \
        CHECK_CALL(call, STATUS_OK, &err);                                                         \
    } while (0)

/* ---- fields of one column ---- */

enum { MOST_FIELDS = 2048 };

struct bytes {
    struct buffer buffer;
    uint32_t at[MOST_FIELDS];
    size_t n;
};

static inline void put(struct bytes *bytes, const void *data, size_t size)
{
    CHECK_OK(buffer_append(&bytes->buffer, data, size, &err));
}

static inline void put_be(struct bytes *bytes, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0;) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        put(bytes, &byte, 1);
    }
}

static inline void put_field(struct bytes *bytes, const void *data, size_t size)
{
    assert_true(bytes->n < MOST_FIELDS);
    bytes->at[bytes->n++] = (uint32_t)bytes->buffer.size;
    put_be(bytes, size, 4);
    put(bytes, data, size);
}

static inline void put_number(struct bytes *bytes, uint64_t value, size_t size)
{
    bytes->at[bytes->n++] = (uint32_t)bytes->buffer.size;
    put_be(bytes, size, 4);
    put_be(bytes, value, size);
}

static inline void put_text(struct bytes *bytes, const char *text)
{
    put_field(bytes, text, strlen(text));
}

static inline void put_null(struct bytes *bytes)
{
    bytes->at[bytes->n++] = (uint32_t)bytes->buffer.size;
    put_be(bytes, UINT32_MAX, 4);
}

/* A numeric of N groups of four digits. */
static inline void put_numeric(struct bytes *bytes, int weight, unsigned sign, unsigned dscale,
                               size_t n, const uint16_t *groups)
{
    bytes->at[bytes->n++] = (uint32_t)bytes->buffer.size;
    put_be(bytes, 8 + 2 * n, 4);
    put_be(bytes, n, 2);
    put_be(bytes, (uint16_t)weight, 2);
    put_be(bytes, sign, 2);
    put_be(bytes, dscale, 2);
    for (size_t i = 0; i < n; i++)
        put_be(bytes, groups[i], 2);
}

/* As the server would send the number that TEXT writes: no zeros in front, none behind. */
static inline void put_numeric_text(struct bytes *bytes, const char *text)
{
    uint16_t groups[512];
    char digits[2048];
    bool negative = *text == '-';
    text += negative;
    const char *point = strchr(text, '.');
    size_t before = point ? (size_t)(point - text) : strlen(text);
    size_t behind = point ? strlen(point + 1) : 0;
    size_t front = (4 - before % 4) % 4, back = (4 - behind % 4) % 4;
    size_t n = (front + before + behind + back) / 4;
    assert_true(n <= 512);
    memset(digits, '0', sizeof(digits));
    memcpy(digits + front, text, before);
    memcpy(digits + front + before, point ? point + 1 : "", behind);
    for (size_t i = 0; i < n; i++) {
        const char *d = digits + 4 * i;
        groups[i] =
            (uint16_t)((d[0] - '0') * 1000 + (d[1] - '0') * 100 + (d[2] - '0') * 10 + (d[3] - '0'));
    }
    int weight = (int)((front + before) / 4) - 1;
    size_t first = 0;
    while (first < n && groups[first] == 0) {
        first++;
        weight--;
    }
    while (n > first && groups[n - 1] == 0)
        n--;
    if (n == first)
        weight = 0;
    put_numeric(bytes, weight, negative && n > first ? 0x4000 : 0, (unsigned)behind, n - first,
                groups + first);
}

static inline void bytes_release(struct bytes *bytes)
{
    buffer_release(&bytes->buffer);
    bytes->n = 0;
}

/* ---- a column, and what is in it ---- */

struct bench {
    struct field field;
    struct column column;
    struct decoder decoder;
};

static inline void bench_init(struct bench *bench, enum wire_form form, struct type type,
                              bool nullable)
{
    *bench = (struct bench){.field = {.name = "c", .type = type, .nullable = nullable}};
    CHECK_OK(column_init(&bench->column, &bench->field, &err));
    assert_true(decoder_init(&bench->decoder, form, type));
}

static inline void bench_release(struct bench *bench)
{
    column_release(&bench->column);
    decoder_release(&bench->decoder);
}

/* Decode all of BYTES; the row that did not fit, or N. */
static inline size_t decode_from(struct bench *bench, const struct bytes *bytes, size_t row)
{
    struct fields fields = {bytes->buffer.data, bytes->at, bytes->n};
    CHECK_OK(decode_column(&bench->decoder, &bench->column, &fields, &row, &err));
    return row;
}

/* The text of each row, with commas between. */
static inline const char *column_words(const struct column *column)
{
    static char words[1 << 16];
    struct arena arena = {0};
    size_t size = 0;
    words[0] = 0;
    for (size_t row = 0; row < column->rows; row++) {
        struct scalar scalar;
        scalar_from_column(&scalar, column, row);
        const char *text = scalar_text(&scalar, &arena);
        size_t length = strlen(text);
        assert_true(size + length + 2 < sizeof(words));
        if (row)
            words[size++] = ',';
        memcpy(words + size, text, length + 1);
        size += length;
    }
    arena_release(&arena);
    return words;
}

/* FIELDS into a nullable column of TYPE are WORDS; what comes behind them does not fit where REFUSED. */
static inline void check_decodes(enum wire_form form, struct type type, struct bytes *bytes,
                                 const char *words, bool refused)
{
    struct bench bench;
    bench_init(&bench, form, type, true);
    size_t row = decode_from(&bench, bytes, 0);
    assert_string_equal(column_words(&bench.column), words);
    assert_int_equal(row, refused ? bytes->n - 1 : bytes->n);
    assert_int_equal(bench.column.rows, row);
    bench_release(&bench);
    bytes_release(bytes);
}

#endif
