/* Fields of COPY BINARY into columns, form by form: extremes, NULLs, and what is no value of the form. */
#include "postgres_bytes.h"

#include "source/postgres/statement.h"

#define T(...) ((struct type){__VA_ARGS__})

/* ---- numbers ---- */

static void whole_numbers_keep_their_extremes(void **state)
{
    struct bytes b = {0};
    put_number(&b, 0x7fff, 2);
    put_number(&b, 0x8000, 2);
    check_decodes(WIRE_INT2, T(.id = TYPE_INT16), &b, "32767,-32768", false);
    put_number(&b, 0x7fff, 2);
    put_number(&b, 0x8000, 2);
    check_decodes(WIRE_INT2, T(.id = TYPE_INT32), &b, "32767,-32768", false);
    put_number(&b, 0x8000, 2);
    check_decodes(WIRE_INT2, T(.id = TYPE_INT64), &b, "-32768", false);
    put_number(&b, 0x7fffffff, 4);
    put_number(&b, 0x80000000, 4);
    check_decodes(WIRE_INT4, T(.id = TYPE_INT32), &b, "2147483647,-2147483648", false);
    put_number(&b, 0x80000000, 4);
    check_decodes(WIRE_INT4, T(.id = TYPE_INT64), &b, "-2147483648", false);
    put_number(&b, INT64_MAX, 8);
    put_number(&b, (uint64_t)INT64_MIN, 8);
    check_decodes(WIRE_INT8, T(.id = TYPE_INT64), &b, "9223372036854775807,-9223372036854775808",
                  false);
    put_number(&b, 0xffffffff, 4);
    check_decodes(WIRE_OID, T(.id = TYPE_INT64), &b, "4294967295", false);
    put_number(&b, 0xffffffff, 4);
    check_decodes(WIRE_OID, T(.id = TYPE_UINT32), &b, "4294967295", false);
}

static void floats_keep_their_bits(void **state)
{
    struct bytes b = {0};
    struct bench bench;
    bench_init(&bench, WIRE_FLOAT8, T(.id = TYPE_FLOAT64), true);
    static const uint64_t bits[] = {0x3ff8000000000000, 0x8000000000000000, 0x7ff0000000000000,
                                    0xfff0000000000000, 0x7ff8000000000001, 1};
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        put_number(&b, bits[i], 8);
    assert_int_equal(decode_from(&bench, &b, 0), b.n);
    assert_memory_equal(bench.column.values.data, bits, sizeof(bits));
    bench_release(&bench);
    bytes_release(&b);
    put_number(&b, 0x3fc00000, 4);
    check_decodes(WIRE_FLOAT4, T(.id = TYPE_FLOAT32), &b, "1.5", false);
}

static void money_is_a_decimal_within_its_precision(void **state)
{
    struct bytes b = {0};
    put_number(&b, (uint64_t)INT64_MIN, 8);
    put_number(&b, INT64_MAX, 8);
    check_decodes(WIRE_MONEY, T(.id = TYPE_DECIMAL, .precision = 19, .scale = 2), &b,
                  "-92233720368547758.08,92233720368547758.07", false);
    put_number(&b, 999, 8);
    put_number(&b, (uint64_t)-1000, 8);
    check_decodes(WIRE_MONEY, T(.id = TYPE_DECIMAL, .precision = 3, .scale = 2), &b, "9.99", true);
    put_number(&b, 999999999999999999, 8);
    put_number(&b, (uint64_t)-999999999999999999, 8);
    put_number(&b, (uint64_t)INT64_MIN, 8);
    check_decodes(WIRE_MONEY, T(.id = TYPE_DECIMAL, .precision = 18, .scale = 2), &b,
                  "9999999999999999.99,-9999999999999999.99", true);
    struct decoder decoder;
    assert_false(decoder_init(&decoder, WIRE_MONEY, T(.id = TYPE_DECIMAL, .precision = 39)));
}

/* ---- time ---- */

static void dates_reach_both_ends_and_refuse_infinity(void **state)
{
    struct bytes b = {0};
    struct type date = T(.id = TYPE_DATE);
    put_number(&b, 0, 4);
    put_number(&b, (uint32_t)-10957, 4);
    put_number(&b, (uint32_t)-10958, 4);
    put_number(&b, INT32_MAX, 4);
    check_decodes(WIRE_DATE, date, &b, "2000-01-01,1970-01-01,1969-12-31", true);
    put_number(&b, (uint32_t)INT32_MIN, 4);
    check_decodes(WIRE_DATE, date, &b, "", true);
    put_number(&b, (uint32_t)(INT32_MAX - 10957), 4);
    put_number(&b, (uint32_t)(INT32_MAX - 10956), 4);
    check_decodes(WIRE_DATE, date, &b, "@2147483647", true);
}

static void timestamps_reach_both_ends_and_refuse_infinity(void **state)
{
    struct bytes b = {0};
    struct type timestamp = T(.id = TYPE_TIMESTAMP);
    const int64_t epoch = INT64_C(946684800000000);
    put_number(&b, 0, 8);
    put_number(&b, (uint64_t)-epoch, 8);
    put_number(&b, (uint64_t)INT64_MAX, 8);
    check_decodes(WIRE_TIMESTAMP, timestamp, &b, "2000-01-01T00:00:00,1970-01-01T00:00:00", true);
    put_number(&b, (uint64_t)INT64_MIN, 8);
    check_decodes(WIRE_TIMESTAMP, timestamp, &b, "", true);
    put_number(&b, (uint64_t)(INT64_MAX - epoch), 8);
    put_number(&b, (uint64_t)(INT64_MAX - epoch + 1), 8);
    check_decodes(WIRE_TIMESTAMP, timestamp, &b, "@9223372036854775807", true);
}

static void a_time_ends_with_24_hours(void **state)
{
    struct bytes b = {0};
    put_number(&b, 0, 8);
    put_number(&b, UINT64_C(86399999999), 8);
    put_number(&b, UINT64_C(86400000001), 8);
    check_decodes(WIRE_TIME, T(.id = TYPE_TIME), &b, "00:00:00,23:59:59.999999", true);
    struct bench bench;
    bench_init(&bench, WIRE_TIME, T(.id = TYPE_TIME), true);
    put_number(&b, UINT64_C(86400000000), 8);
    put_number(&b, (uint64_t)-1, 8);
    assert_int_equal(decode_from(&bench, &b, 0), 1);
    bench_release(&bench);
    bytes_release(&b);
}

static void put_interval(struct bytes *b, int64_t micros, int32_t days, int32_t months)
{
    put_number(b, 0, 0);
    b->buffer.size -= 4;
    put_be(b, 16, 4);
    put_be(b, (uint64_t)micros, 8);
    put_be(b, (uint32_t)days, 4);
    put_be(b, (uint32_t)months, 4);
}

static void intervals_keep_their_three_parts(void **state)
{
    struct bytes b = {0};
    put_interval(&b, 1500000, 3, 14);
    put_interval(&b, -1, -1, -1);
    put_interval(&b, INT64_MAX / 1000 + 1, 0, 0);
    check_decodes(WIRE_INTERVAL, T(.id = TYPE_INTERVAL), &b,
                  "14 months 3 days 1500000000 ns,-1 months -1 days -1000 ns", true);
}

/* ---- bytes ---- */

static void texts_lie_one_behind_another(void **state)
{
    struct bytes b = {0};
    put_text(&b, "a");
    put_text(&b, "");
    put_text(&b, "exactly sixteen!");
    put_null(&b);
    put_text(&b, "one more than six");
    put_text(&b, "");
    check_decodes(WIRE_TEXT, T(.id = TYPE_UTF8), &b, "a,,exactly sixteen!,NULL,one more than six,",
                  false);
    for (int i = 0; i < 3; i++)
        put_text(&b, ""); /* no bytes at all */
    check_decodes(WIRE_TEXT, T(.id = TYPE_UTF8), &b, ",,", false);
}

/* The moves of 16 bytes run over the end of what was asked for: at each length, in a buffer of just that size. */
static void texts_of_each_length_stay_within_their_buffer(void **state)
{
    char text[200];
    memset(text, 'x', sizeof(text));
    for (size_t size = 0; size < sizeof(text); size++) {
        struct bytes b = {0};
        struct bench bench;
        bench_init(&bench, WIRE_TEXT, T(.id = TYPE_UTF8), false);
        put_field(&b, text, size);
        assert_int_equal(decode_from(&bench, &b, 0), 1);
        assert_int_equal(bench.column.data.size, size);
        assert_int_equal(column_offsets(&bench.column)[1], size);
        const uint8_t *behind = bench.column.data.data + bench.column.data.capacity;
        for (int i = 0; i < 64; i++)
            assert_int_equal(behind[i], 0);
        bench_release(&bench);
        bytes_release(&b);
    }
}

static void invalid_utf8_is_refused_where_the_server_does_not_vouch(void **state)
{
    struct bytes b = {0};
    struct bench bench;
    bench_init(&bench, WIRE_TEXT, T(.id = TYPE_UTF8), true);
    put_text(&b, "gut");
    put_text(&b, "\xc3");
    put_text(&b, "danach");
    bench.decoder.check_utf8 = true;
    assert_int_equal(decode_from(&bench, &b, 0), 1);
    CHECK_OK(column_append_null(&bench.column, &err));
    assert_int_equal(decode_from(&bench, &b, 2), 3);
    assert_string_equal(column_words(&bench.column), "gut,NULL,danach");
    bench_release(&bench);
    check_decodes(WIRE_TEXT, T(.id = TYPE_UTF8), &b, "gut,\xc3,danach", false);
}

static void jsonb_stands_behind_its_version(void **state)
{
    struct bytes b = {0};
    put_text(&b, "\1{}");
    put_text(&b, "\1");
    put_text(&b, "\2[]");
    check_decodes(WIRE_JSONB, T(.id = TYPE_JSON), &b, "{},", true);
    put_text(&b, "");
    check_decodes(WIRE_JSONB, T(.id = TYPE_JSON), &b, "", true);
}

static void bytes_of_any_value_are_kept(void **state)
{
    struct bytes b = {0};
    put_field(&b, "\0\xff\x80", 3);
    put_field(&b, "", 0);
    check_decodes(WIRE_BYTEA, T(.id = TYPE_BINARY), &b, "0x00ff80,0x", false);
}

static void a_uuid_is_its_bytes(void **state)
{
    struct bytes b = {0};
    put_field(&b, "\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
    check_decodes(WIRE_UUID, T(.id = TYPE_UUID), &b, "00010203-0405-0607-0809-0a0b0c0d0e0f", false);
}

/* ---- each kernel: NULLs and lengths ---- */

static const struct {
    enum wire_form form;
    struct type type;
    size_t size; /* 0: any */
} fixed[] = {
    {WIRE_BOOL, {.id = TYPE_BOOL}, 1},
    {WIRE_INT2, {.id = TYPE_INT16}, 2},
    {WIRE_INT2, {.id = TYPE_INT32}, 2},
    {WIRE_INT2, {.id = TYPE_INT64}, 2},
    {WIRE_INT4, {.id = TYPE_INT32}, 4},
    {WIRE_INT4, {.id = TYPE_INT64}, 4},
    {WIRE_INT8, {.id = TYPE_INT64}, 8},
    {WIRE_OID, {.id = TYPE_UINT32}, 4},
    {WIRE_OID, {.id = TYPE_INT64}, 4},
    {WIRE_FLOAT4, {.id = TYPE_FLOAT32}, 4},
    {WIRE_FLOAT8, {.id = TYPE_FLOAT64}, 8},
    {WIRE_MONEY, {.id = TYPE_DECIMAL, .precision = 19, .scale = 2}, 8},
    {WIRE_DATE, {.id = TYPE_DATE}, 4},
    {WIRE_TIME, {.id = TYPE_TIME}, 8},
    {WIRE_TIMESTAMP, {.id = TYPE_TIMESTAMP}, 8},
    {WIRE_INTERVAL, {.id = TYPE_INTERVAL}, 16},
    {WIRE_UUID, {.id = TYPE_UUID}, 16},
    {WIRE_NUMERIC, {.id = TYPE_DECIMAL, .precision = 18, .scale = 2}, 8},
    {WIRE_NUMERIC, {.id = TYPE_DECIMAL, .precision = 38, .scale = 2}, 8},
    {WIRE_NUMERIC, {.id = TYPE_DECIMAL, .precision = 76, .scale = 2}, 8},
    {WIRE_NUMERIC, {.id = TYPE_UTF8}, 8},
};
enum { N_FIXED = sizeof(fixed) / sizeof(fixed[0]) };

static void a_value_of_another_length_is_refused(void **state)
{
    static const uint8_t zeros[64];
    for (size_t k = 0; k < N_FIXED; k++) {
        for (size_t size = 0; size < 40; size++) {
            struct bytes b = {0};
            struct bench bench;
            bench_init(&bench, fixed[k].form, fixed[k].type, true);
            put_field(&b, zeros, fixed[k].size);
            put_field(&b, zeros, size);
            size_t row = decode_from(&bench, &b, 0);
            assert_int_equal(row, size == fixed[k].size ? 2 : 1);
            assert_int_equal(bench.column.rows, row);
            bench_release(&bench);
            bytes_release(&b);
        }
    }
}

/* Every pattern of ten rows: the slots of NULLs are zero, the bitmap says which they are. */
static void nulls_stand_where_they_were(void **state)
{
    static const uint8_t zeros[64];
    for (size_t k = 0; k < N_FIXED; k++) {
        for (unsigned pattern = 0; pattern < 1024; pattern += k % 3 + 1) {
            struct bytes b = {0};
            struct bench bench;
            bench_init(&bench, fixed[k].form, fixed[k].type, true);
            for (unsigned row = 0; row < 10; row++) {
                if (pattern >> row & 1)
                    put_null(&b);
                else
                    put_field(&b, zeros, fixed[k].size);
            }
            assert_int_equal(decode_from(&bench, &b, 0), 10);
            const struct column *c = &bench.column;
            assert_int_equal(c->null_count, __builtin_popcount(pattern));
            for (unsigned row = 0; row < 10; row++)
                assert_int_equal(column_is_null(c, row), pattern >> row & 1);
            if (c->value_bytes)
                assert_int_equal(c->values.size, 10 * c->value_bytes);
            if (pattern)
                assert_int_equal(c->validity.size, 2);
            bench_release(&bench);
            bytes_release(&b);
        }
    }
}

static void booleans_and_nulls_share_no_bits(void **state)
{
    struct bytes b = {0};
    for (unsigned i = 0; i < 12; i++) {
        if (i % 5 == 3)
            put_null(&b);
        else
            put_number(&b, i & 1, 1);
    }
    check_decodes(WIRE_BOOL, T(.id = TYPE_BOOL), &b,
                  "false,true,false,NULL,false,true,false,true,NULL,true,false,true", false);
}

static void a_null_is_refused_where_the_column_has_none(void **state)
{
    struct bytes b = {0};
    struct bench bench;
    bench_init(&bench, WIRE_INT4, T(.id = TYPE_INT32), false);
    put_number(&b, 1, 4);
    put_null(&b);
    put_number(&b, 3, 4);
    assert_int_equal(decode_from(&bench, &b, 0), 1);
    assert_int_equal(decode_from(&bench, &b, 1), 1);
    assert_int_equal(decode_from(&bench, &b, 2), 3);
    assert_string_equal(column_words(&bench.column), "1,3");
    bench_release(&bench);
    bytes_release(&b);
}

/* ---- memory ---- */

static long allocations_left;
static const struct memory_ops *real_ops;

static void *count_realloc(void *block, size_t size)
{
    return allocations_left-- > 0 ? real_ops->realloc(block, size) : NULL;
}

static void *count_map(void *old, size_t old_bytes, size_t new_bytes)
{
    return allocations_left-- > 0 ? real_ops->map(old, old_bytes, new_bytes) : NULL;
}

/* The status of decoding BYTES when the K-th allocation fails; FIT: what was said of the values. */
static status_code decode_with(struct bench *bench, const struct bytes *bytes, long k, size_t *row)
{
    real_ops = memory_get_ops();
    struct memory_ops ops = {count_realloc, real_ops->free, count_map, real_ops->unmap};
    struct fields fields = {bytes->buffer.data, bytes->at, bytes->n};
    allocations_left = k;
    memory_set_ops(&ops);
    err = (struct error){0};
    status_code code = decode_column(&bench->decoder, &bench->column, &fields, row, &err);
    memory_set_ops(real_ops);
    return code;
}

static void memory_that_ends_is_no_fault_of_a_value(void **state)
{
    static const struct {
        enum wire_form form;
        struct type type;
    } columns[] = {
        {WIRE_INT8, {.id = TYPE_INT64}},
        {WIRE_TEXT, {.id = TYPE_UTF8}},
        {WIRE_NUMERIC, {.id = TYPE_UTF8}},
        {WIRE_NUMERIC, {.id = TYPE_DECIMAL, .precision = 60, .scale = 10}},
    };
    for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
        struct bytes b = {0};
        for (int i = 0; i < 300; i++) {
            if (columns[c].form == WIRE_INT8)
                put_number(&b, 7, 8);
            else if (columns[c].form == WIRE_TEXT)
                put_text(&b, "some words that take room");
            else
                put_numeric_text(&b, "12345678901234567890.0123456789");
            if (i % 50 == 9)
                put_null(&b);
        }
        for (long k = 0;; k++) {
            struct bench bench;
            size_t row = 0;
            bench_init(&bench, columns[c].form, columns[c].type, true);
            status_code code = decode_with(&bench, &b, k, &row);
            if (code == STATUS_OK)
                assert_int_equal(row, b.n);
            else
                assert_int_equal(code, STATUS_NO_MEMORY);
            bench_release(&bench);
            if (code == STATUS_OK)
                break;
            assert_true(k < 10000);
        }
        bytes_release(&b);
    }
}

static void many_texts_may_take_more_than_one_value_may(void **state)
{
    struct data_room room = {.left = 10000, .most = 100};
    struct bytes b = {0};
    struct bench bench;
    struct fields fields;
    size_t row = 0;
    bench_init(&bench, WIRE_TEXT, T(.id = TYPE_UTF8), true);
    bench.column.room = &room;
    for (int i = 0; i < 100; i++)
        put_text(&b, "some words that take room");
    assert_int_equal(decode_from(&bench, &b, 0), 100);
    assert_int_equal(bench.column.data.size, 2500);
    for (int i = 0; i < 1900; i++)
        put_text(&b, "some words that take room");
    fields = (struct fields){b.buffer.data, b.at, b.n};
    row = 100;
    assert_int_equal(decode_column(&bench.decoder, &bench.column, &fields, &row, &err),
                     STATUS_NO_MEMORY);
    bench_release(&bench);
    bytes_release(&b);
}

/* ---- arrays ---- */

static const struct field int_element = {
    .name = "element", .type = {.id = TYPE_INT32}, .nullable = true};

static void list_init(struct bench *bench, const struct field *element, enum wire_form form)
{
    *bench = (struct bench){.field = {.name = "c",
                                      .type = {.id = TYPE_LIST},
                                      .nullable = true,
                                      .children = element,
                                      .n_children = 1}};
    CHECK_OK(column_init(&bench->column, &bench->field, &err));
    assert_true(decoder_init(&bench->decoder, WIRE_ARRAY, bench->field.type));
    bench->decoder.children = mem_zalloc(sizeof(struct decoder));
    bench->decoder.n_children = 1;
    assert_true(decoder_init(bench->decoder.children, form, element->type));
}

static size_t begin_value(struct bytes *b)
{
    b->at[b->n++] = (uint32_t)b->buffer.size;
    put_be(b, 0, 4);
    return b->buffer.size - 4;
}

static void end_value(struct bytes *b, size_t begin)
{
    store_u32le(b->buffer.data + begin, __builtin_bswap32((uint32_t)(b->buffer.size - begin - 4)));
}

static size_t begin_array(struct bytes *b, uint32_t count)
{
    size_t begin = begin_value(b);
    put_be(b, 1, 4);
    put_be(b, 0, 4);
    put_be(b, 23, 4);
    put_be(b, count, 4);
    put_be(b, 1, 4);
    return begin;
}

static void put_element(struct bytes *b, uint32_t value)
{
    put_be(b, 4, 4);
    put_be(b, value, 4);
}

static void put_empty_array(struct bytes *b)
{
    size_t begin = begin_value(b);
    put_be(b, 0, 4);
    put_be(b, 0, 4);
    put_be(b, 23, 4);
    end_value(b, begin);
}

static void arrays_keep_their_elements_and_their_nulls(void **state)
{
    struct bytes b = {0};
    struct bench bench;
    list_init(&bench, &int_element, WIRE_INT4);
    put_null(&b);
    put_empty_array(&b);
    size_t begin = begin_array(&b, 3);
    put_element(&b, 1);
    put_be(&b, UINT32_MAX, 4);
    put_element(&b, 3);
    end_value(&b, begin);
    put_empty_array(&b);
    begin = begin_array(&b, 1);
    put_element(&b, 4);
    end_value(&b, begin);
    assert_int_equal(decode_from(&bench, &b, 0), 5);
    const int64_t *offsets = column_offsets(&bench.column);
    static const int64_t expected[] = {0, 0, 0, 3, 3, 4};
    assert_memory_equal(offsets, expected, sizeof(expected));
    assert_int_equal(bench.column.null_count, 1);
    assert_string_equal(column_words(&bench.column.children[0]), "1,NULL,3,4");
    bench_release(&bench);
    bytes_release(&b);
}

/* What is refused leaves nothing in the elements' column. */
static void check_array_refused(struct bytes *b)
{
    struct bench bench;
    list_init(&bench, &int_element, WIRE_INT4);
    assert_int_equal(decode_from(&bench, b, 0), 0);
    assert_int_equal(bench.column.rows, 0);
    assert_int_equal(bench.column.children[0].rows, 0);
    bench_release(&bench);
    bytes_release(b);
}

static void arrays_of_two_dimensions_are_refused(void **state)
{
    struct bytes b = {0};
    size_t begin = begin_value(&b);
    static const uint32_t words[] = {2, 0, 23, 1, 1, 1, 1, 4, 7};
    for (size_t i = 0; i < 9; i++)
        put_be(&b, words[i], 4);
    end_value(&b, begin);
    check_array_refused(&b);
}

static void arrays_that_lie_are_refused(void **state)
{
    static const uint32_t counts[] = {0, 1, 3, 4, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct bytes b = {0};
        size_t begin = begin_array(&b, counts[i]);
        put_element(&b, 1);
        put_element(&b, 2);
        end_value(&b, begin);
        check_array_refused(&b);
    }
    static const uint32_t lengths[] = {0, 3, 5, 8, 0x7fffffff, 0x80000000, 0xfffffffe};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct bytes b = {0};
        size_t begin = begin_array(&b, 1);
        put_be(&b, lengths[i], 4);
        put_be(&b, 5, 4);
        end_value(&b, begin);
        check_array_refused(&b);
    }
}

static void an_array_cut_at_any_byte_is_refused(void **state)
{
    struct bytes whole = {0};
    size_t begin = begin_array(&whole, 2);
    put_element(&whole, 1);
    put_element(&whole, 2);
    end_value(&whole, begin);
    for (size_t size = 0; size + 4 < whole.buffer.size; size++) {
        struct bytes b = {0};
        put_field(&b, whole.buffer.data + 4, size);
        check_array_refused(&b);
    }
    bytes_release(&whole);
}

static void an_element_that_does_not_fit_takes_its_array_along(void **state)
{
    struct field element = {.name = "element", .type = {.id = TYPE_DATE}, .nullable = true};
    struct bytes b = {0};
    struct bench bench;
    list_init(&bench, &element, WIRE_DATE);
    for (uint32_t last = 0; last < 3; last++) {
        size_t begin = begin_array(&b, 2);
        put_element(&b, 5);
        put_element(&b, last == 1 ? INT32_MAX : 7);
        end_value(&b, begin);
    }
    assert_int_equal(decode_from(&bench, &b, 0), 1);
    CHECK_OK(column_append_null(&bench.column, &err));
    assert_int_equal(decode_from(&bench, &b, 2), 3);
    assert_int_equal(bench.column.children[0].rows, 4);
    assert_int_equal(column_offsets(&bench.column)[2], 2);
    assert_int_equal(column_offsets(&bench.column)[3], 4);
    bench_release(&bench);
    bytes_release(&b);
}

/* ---- records ---- */

static const struct field record_fields[] = {
    {.name = "a", .type = {.id = TYPE_INT32}, .nullable = true},
    {.name = "b", .type = {.id = TYPE_UTF8}, .nullable = true},
};

static void record_init(struct bench *bench)
{
    *bench = (struct bench){.field = {.name = "c",
                                      .type = {.id = TYPE_STRUCT},
                                      .nullable = true,
                                      .children = record_fields,
                                      .n_children = 2}};
    CHECK_OK(column_init(&bench->column, &bench->field, &err));
    assert_true(decoder_init(&bench->decoder, WIRE_RECORD, bench->field.type));
    bench->decoder.children = mem_zalloc(2 * sizeof(struct decoder));
    bench->decoder.n_children = 2;
    assert_true(decoder_init(&bench->decoder.children[0], WIRE_INT4, record_fields[0].type));
    assert_true(decoder_init(&bench->decoder.children[1], WIRE_TEXT, record_fields[1].type));
}

static void put_record(struct bytes *b, uint32_t fields, uint32_t a, const char *text)
{
    size_t begin = begin_value(b);
    put_be(b, fields, 4);
    put_be(b, 23, 4);
    put_element(b, a);
    put_be(b, 25, 4);
    put_be(b, text ? strlen(text) : UINT32_MAX, 4);
    if (text)
        put(b, text, strlen(text));
    end_value(b, begin);
}

static void records_become_structs(void **state)
{
    struct bytes b = {0};
    struct bench bench;
    record_init(&bench);
    put_record(&b, 2, 1, "eins");
    put_null(&b);
    put_record(&b, 2, 3, NULL);
    assert_int_equal(decode_from(&bench, &b, 0), 3);
    assert_int_equal(bench.column.null_count, 1);
    assert_string_equal(column_words(&bench.column.children[0]), "1,NULL,3");
    assert_string_equal(column_words(&bench.column.children[1]), "eins,NULL,NULL");
    bench_release(&bench);
    bytes_release(&b);
}

static void check_record_refused(struct bytes *b)
{
    struct bench bench;
    record_init(&bench);
    size_t refused = b->n - 1;
    assert_int_equal(decode_from(&bench, b, 0), refused);
    assert_int_equal(bench.column.rows, refused);
    assert_int_equal(bench.column.children[0].rows, refused);
    assert_int_equal(bench.column.children[1].rows, refused);
    assert_int_equal(bench.column.children[1].data.size, 4 * refused);
    bench_release(&bench);
    bytes_release(b);
}

static void a_record_of_other_fields_is_refused(void **state)
{
    static const uint32_t numbers[] = {0, 1, 3, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct bytes b = {0};
        put_record(&b, 2, 1, "eins");
        put_record(&b, numbers[i], 1, "zwei");
        check_record_refused(&b);
    }
}

static void a_record_cut_at_any_byte_is_refused(void **state)
{
    struct bytes whole = {0};
    put_record(&whole, 2, 1, "zwei");
    for (size_t size = 0; size + 4 < whole.buffer.size; size++) {
        struct bytes b = {0};
        put_record(&b, 2, 1, "eins");
        put_field(&b, whole.buffer.data + 4, size);
        check_record_refused(&b);
    }
    bytes_release(&whole);
}

/* ---- as text, for messages ---- */

static void check_field_text(enum wire_form form, const void *value, int32_t size, const char *text)
{
    struct text out = {0};
    uint8_t *copy = malloc(size > 0 ? (size_t)size : 1); /* just so large */
    if (size > 0)
        memcpy(copy, value, (size_t)size);
    field_text(form, copy, size, &out);
    assert_string_equal(text_string(&out), text);
    text_release(&out);
    free(copy);
}

static void a_field_is_shown_as_the_server_writes_it(void **state)
{
    check_field_text(WIRE_INT4, "\xff\xff\xff\xff", 4, "-1");
    check_field_text(WIRE_INT4, NULL, -1, "NULL");
    check_field_text(WIRE_INT4, "\xff\xff", 2, "0xffff");
    check_field_text(WIRE_BOOL, "\1", 1, "true");
    check_field_text(WIRE_DATE, "\x7f\xff\xff\xff", 4, "infinity");
    check_field_text(WIRE_DATE, "\x80\0\0\0", 4, "-infinity");
    check_field_text(WIRE_TIMESTAMP, "\x80\0\0\0\0\0\0\0", 8, "-infinity");
    check_field_text(WIRE_TIMESTAMP, "\0\0\0\0\0\0\0\0", 8, "2000-01-01T00:00:00");
    check_field_text(WIRE_INTERVAL,
                     "\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff", 16,
                     "infinity");
    check_field_text(WIRE_NUMERIC, "\0\1\0\0\x40\0\0\1\0\7", 10, "-7.0");
    check_field_text(WIRE_NUMERIC, "\0\0\0\0\xc0\0\0\0", 8, "NaN");
    check_field_text(WIRE_NUMERIC, "\0\2\0\0\0\0\0\0\0\7", 10, "0x00020000000000000007");
    check_field_text(WIRE_TEXT,
                     "Gr\xc3\xbc\xc3\x9f"
                     "e",
                     7,
                     "Gr\xc3\xbc\xc3\x9f"
                     "e");
    check_field_text(WIRE_TEXT, "\xff", 1, "0xff");
    check_field_text(WIRE_TEXT, "", 0, "");
    check_field_text(WIRE_JSONB, "\1{}", 3, "{}");
    check_field_text(WIRE_JSONB, "", 0, "");
    check_field_text(WIRE_BYTEA, "\0\1", 2, "0x0001");
}

static void check_nested_text(struct bench *bench, struct bytes *b, const char *text)
{
    struct text out = {0};
    decoder_text(&bench->decoder, b->buffer.data + 4, (int32_t)load_u32be(b->buffer.data), &out);
    assert_string_equal(text_string(&out), text);
    text_release(&out);
    bytes_release(b);
}

static void arrays_and_records_are_shown_with_their_parts(void **state)
{
    struct bytes b = {0};
    struct bench list, row;
    list_init(&list, &int_element, WIRE_INT4);
    record_init(&row);
    put_empty_array(&b);
    check_nested_text(&list, &b, "{}");
    size_t begin = begin_value(&b);
    static const uint32_t matrix[] = {2, 0, 23, 2, 1, 2, 1, 4, 1, 4, 2, 4, 3, UINT32_MAX};
    for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++)
        put_be(&b, matrix[i], 4);
    end_value(&b, begin);
    check_nested_text(&list, &b, "{{1,2},{3,NULL}}");
    put_record(&b, 2, 7, "a \"b\", \\");
    check_nested_text(&row, &b, "(7,\"a \\\"b\\\", \\\\\")");
    put_record(&b, 2, 7, NULL);
    check_nested_text(&row, &b, "(7,NULL)");
    begin = begin_value(&b); /* sizes that multiply to more than there is */
    static const uint32_t lies[] = {2, 0, 23, UINT32_MAX, 1, 0, 1};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        put_be(&b, lies[i], 4);
    end_value(&b, begin);
    check_nested_text(&list, &b,
                      "0x00000002000000000000"
                      "0017ffffffff000000010000000000000001");
    bench_release(&list);
    bench_release(&row);
}

/* ---- statements ---- */

static void parts_of_a_statement_come_back(void **state)
{
    static const char *const parts[] = {"AB(C)", "", "12:SELECT", "a:b", "\"x\""};
    struct text statement = {0};
    struct span span;
    for (size_t i = 0; i < 5; i++)
        statement_add(&statement, parts[i]);
    for (size_t i = 0; i < 5; i++) {
        assert_true(statement_part(text_string(&statement), i, &span));
        assert_int_equal(span.size, strlen(parts[i]));
        assert_memory_equal(span.data, parts[i], span.size);
    }
    assert_false(statement_part(text_string(&statement), 5, &span));
    assert_false(statement_part("5:abc", 0, &span));
    assert_false(statement_part("x", 0, &span));
    assert_false(statement_part("-1:abc", 0, &span));
    assert_false(statement_part("99999999999999999999999:abc", 0, &span));
    assert_false(statement_part("", 0, &span));
    text_release(&statement);
}

static status_code read_form(const char *text, const struct field *field, const char **end)
{
    struct decoder decoder = {0};
    err = (struct error){0};
    status_code code = wire_form_read(&text, field, true, &decoder, &err);
    decoder_release(&decoder);
    *end = text;
    return code;
}

static void forms_come_back_from_a_statement(void **state)
{
    struct wire_type children[] = {{.form = WIRE_INT4, .type = {.id = TYPE_INT32}},
                                   {.form = WIRE_TEXT, .type = {.id = TYPE_UTF8}}};
    struct wire_type record = {
        .form = WIRE_RECORD, .type = {.id = TYPE_STRUCT}, .children = children, .n_children = 2};
    struct wire_type array = {
        .form = WIRE_ARRAY, .type = {.id = TYPE_LIST}, .children = &record, .n_children = 1};
    struct field record_field = {
        .name = "element", .type = {.id = TYPE_STRUCT}, .children = record_fields, .n_children = 2};
    struct field field = {
        .name = "c", .type = {.id = TYPE_LIST}, .children = &record_field, .n_children = 1};
    struct text text = {0};
    const char *end;
    wire_form_write(&array, &text);
    CHECK_OK(read_form(text_string(&text), &field, &end));
    assert_string_equal(end, "");
    for (size_t size = 0; size < text.size; size++) { /* cut anywhere */
        char cut[32] = {0};
        memcpy(cut, text.data, size);
        assert_int_equal(read_form(cut, &field, &end), STATUS_BUG);
    }
    text_release(&text);
    assert_int_equal(read_form("!", &int_element, &end), STATUS_BUG);
    assert_int_equal(read_form("z", &int_element, &end), STATUS_BUG);
    assert_int_equal(read_form("A", &int_element, &end), STATUS_BUG); /* bool into int32 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_keep_their_extremes),
        cmocka_unit_test(floats_keep_their_bits),
        cmocka_unit_test(money_is_a_decimal_within_its_precision),
        cmocka_unit_test(dates_reach_both_ends_and_refuse_infinity),
        cmocka_unit_test(timestamps_reach_both_ends_and_refuse_infinity),
        cmocka_unit_test(a_time_ends_with_24_hours),
        cmocka_unit_test(intervals_keep_their_three_parts),
        cmocka_unit_test(texts_lie_one_behind_another),
        cmocka_unit_test(texts_of_each_length_stay_within_their_buffer),
        cmocka_unit_test(invalid_utf8_is_refused_where_the_server_does_not_vouch),
        cmocka_unit_test(jsonb_stands_behind_its_version),
        cmocka_unit_test(bytes_of_any_value_are_kept),
        cmocka_unit_test(a_uuid_is_its_bytes),
        cmocka_unit_test(a_value_of_another_length_is_refused),
        cmocka_unit_test(nulls_stand_where_they_were),
        cmocka_unit_test(booleans_and_nulls_share_no_bits),
        cmocka_unit_test(a_null_is_refused_where_the_column_has_none),
        cmocka_unit_test(memory_that_ends_is_no_fault_of_a_value),
        cmocka_unit_test(many_texts_may_take_more_than_one_value_may),
        cmocka_unit_test(arrays_keep_their_elements_and_their_nulls),
        cmocka_unit_test(arrays_of_two_dimensions_are_refused),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(an_array_cut_at_any_byte_is_refused),
        cmocka_unit_test(an_element_that_does_not_fit_takes_its_array_along),
        cmocka_unit_test(records_become_structs),
        cmocka_unit_test(a_record_of_other_fields_is_refused),
        cmocka_unit_test(a_record_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_field_is_shown_as_the_server_writes_it),
        cmocka_unit_test(arrays_and_records_are_shown_with_their_parts),
        cmocka_unit_test(parts_of_a_statement_come_back),
        cmocka_unit_test(forms_come_back_from_a_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
