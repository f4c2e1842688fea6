/* Pages V2 as the format defines them, and what is stored without compression. */
#include "format/codec/codec.h"
#include "format/parquet/footer.h"
#include "hybrid_decode.h"
#include "memory_file.h"

enum { PAGE_ROWS = 1000, PAGES = 12, ROWS = PAGE_ROWS * PAGES };

static struct batch batch;
static struct memory_sink sink;
static struct file_result result;
static struct footer footer;

static void write_batch(const char *const *texts)
{
    struct test_options options;
    write_file(&batch, 1, test_options(&options, texts), &sink, &result);
    struct memory_source source = memory_source_of(sink.bytes.data, sink.bytes.size);
    CHECK_OK(footer_read(&source.base, &footer, &test_error));
}

static void release_file(void)
{
    footer_release(&footer);
    file_result_release(&result);
    buffer_release(&sink.bytes);
    footer = (struct footer){.bytes = {0}};
}

static const struct parquet_chunk *chunk_at(size_t leaf)
{
    return &footer.meta.groups[0].chunks[leaf];
}

struct page_v2 {
    int32_t type, body_bytes, stored_bytes;
    int32_t values, nulls, rows, encoding, definition_bytes, repetition_bytes;
    bool compressed;
    const uint8_t *stored;
};

static void read_v2(struct thrift_reader *r, struct page_v2 *out)
{
    int32_t *const numbers[] = {
        NULL,           &out->values,           &out->nulls,           &out->rows,
        &out->encoding, &out->definition_bytes, &out->repetition_bytes};
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id >= 1 && f.id <= 6)
            *numbers[f.id] = thrift_int32(r, &f);
        else if (f.id == 7)
            out->compressed = thrift_bool(r, &f);
        else
            thrift_skip(r, &f);
    }
}

/* The page at OFFSET of the file; returns the bytes it takes. Of pages V1 only the sizes are read. */
static size_t read_page(uint64_t offset, struct page_v2 *out)
{
    struct thrift_reader r;
    struct thrift_field f = {0};
    *out = (struct page_v2){.compressed = true};
    thrift_reader_init(&r, sink.bytes.data + offset, sink.bytes.size - offset);
    while (thrift_next(&r, &f)) {
        if (f.id == 1) {
            out->type = thrift_int32(&r, &f);
        } else if (f.id == 2) {
            out->body_bytes = thrift_int32(&r, &f);
        } else if (f.id == 3) {
            out->stored_bytes = thrift_int32(&r, &f);
        } else if (f.id == 8 && thrift_struct(&r, &f)) {
            read_v2(&r, out);
            thrift_struct_done(&r);
        } else {
            thrift_skip(&r, &f);
        }
    }
    assert_false(r.failed);
    out->stored = r.at;
    return (size_t)(r.at - r.start) + (size_t)out->stored_bytes;
}

/* ---- V2 ---- */

static size_t nulls_in(const struct column *column, size_t first, size_t n)
{
    size_t nulls = 0;
    for (size_t i = first; i < first + n; i++)
        nulls += column_is_null(column, i);
    return nulls;
}

static void pages_v2_count_rows_nulls_and_values(void **state)
{
    static const char *const texts[] = {"encoding=dense", "page_rows=1000", NULL};
    make_mixed(&batch, 3500);
    write_batch(texts);
    for (size_t leaf = 0; leaf < 5; leaf++) { /* the flat ones */
        uint64_t at = (uint64_t)chunk_at(leaf)->data_page_offset;
        for (size_t row = 0; row < 3500; row += PAGE_ROWS) {
            struct page_v2 page;
            size_t rows = 3500 - row < PAGE_ROWS ? 3500 - row : PAGE_ROWS;
            at += read_page(at, &page);
            assert_int_equal(page.type, PARQUET_DATA_PAGE_V2);
            assert_int_equal(page.rows, rows);
            assert_int_equal(page.values, rows);
            assert_int_equal(page.nulls, nulls_in(&batch.columns[leaf], row, rows));
            assert_int_equal(page.repetition_bytes, 0);
            assert_true(chunk_at(leaf)->encodings >> page.encoding & 1);
        }
    }
    release_file();
    batch_release(&batch);
}

/* Levels stand before the values as they are, without a length: a reader skips them by the header alone. */
static void levels_of_pages_v2_are_not_compressed(void **state)
{
    static const char *const texts[] = {"encoding=dense", "page_rows=1000", "compression=zstd:9",
                                        NULL};
    enum { TAGS = 5, LEVELS = 3 * PAGE_ROWS };
    uint32_t repetition[LEVELS], definition[LEVELS];
    make_mixed(&batch, PAGE_ROWS);
    write_batch(texts);
    struct page_v2 page;
    read_page((uint64_t)chunk_at(TAGS)->data_page_offset, &page);
    size_t levels = (size_t)page.values, rows = 0, values = 0;
    const uint8_t *at = page.stored;
    assert_int_equal(page.rows, PAGE_ROWS);
    assert_true(levels <= LEVELS);
    assert_true(hybrid_decode(at, (size_t)page.repetition_bytes, levels, 1, repetition));
    at += page.repetition_bytes;
    assert_true(hybrid_decode(at, (size_t)page.definition_bytes, levels, 2, definition));
    for (size_t i = 0; i < levels; i++) {
        rows += repetition[i] == 0;
        values += definition[i] == 3;
    }
    assert_int_equal(rows, PAGE_ROWS);
    assert_int_equal(values, batch.columns[TAGS].children[0].rows);
    assert_int_equal(page.nulls, levels - values);
    release_file();
    batch_release(&batch);
}

/* ---- what compression does not make smaller ---- */

static const struct field number_field = {.name = "v", .type.id = TYPE_INT64};
static const struct schema numbers = {.fields = (struct field *)&number_field, .n_fields = 1};

/* Random numbers in pages [from, to), zeros in the others. */
static void make_numbers(size_t from, size_t to)
{
    uint64_t seed = 4;
    CHECK_OK(batch_init(&batch, &numbers, &test_error));
    CHECK_OK(batch_reserve(&batch, ROWS, &test_error));
    for (size_t i = 0; i < ROWS; i++) {
        bool random = i / PAGE_ROWS >= from && i / PAGE_ROWS < to;
        column_append_i64(&batch.columns[0], random ? (int64_t)next_random(&seed) : 0);
        batch.rows++;
    }
}

static void write_numbers(const char *profile, size_t from, size_t to)
{
    const char *texts[] = {profile, "page_rows=1000", "v.encoding=plain", NULL};
    make_numbers(from, to);
    write_batch(texts);
    assert_true(chunk_at(0)->compressed_bytes <= chunk_at(0)->uncompressed_bytes);
}

static void release_numbers(void)
{
    release_file();
    batch_release(&batch);
}

static void random_numbers_are_stored_as_they_are(void **state)
{
    static const char *const profiles[] = {"encoding=compatible", "encoding=dense"};
    for (size_t i = 0; i < 2; i++) {
        write_numbers(profiles[i], 0, PAGES);
        assert_int_equal(chunk_at(0)->codec, CODEC_NONE);
        assert_int_equal(chunk_at(0)->compressed_bytes, chunk_at(0)->uncompressed_bytes);
        release_numbers();
    }
}

/* The pages that were tried are not those that gain: a chunk is given up only when beginning, middle and end agree. */
static void a_chunk_is_not_given_up_for_its_first_page(void **state)
{
    static const size_t ranges[][2] = {{0, 1}, {0, 6}, {0, 7}, {0, 11}, {1, 12}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        size_t random = ranges[i][1] - ranges[i][0];
        write_numbers("encoding=compatible", ranges[i][0], ranges[i][1]);
        assert_int_equal(chunk_at(0)->codec, CODEC_ZSTD);
        assert_true(chunk_at(0)->compressed_bytes < (int64_t)(random * PAGE_ROWS * 8 + 4096));
        release_numbers();
    }
}

static void pages_v2_are_compressed_one_by_one(void **state)
{
    write_numbers("encoding=dense", 3, 8);
    assert_int_equal(chunk_at(0)->codec, CODEC_ZSTD);
    uint64_t at = (uint64_t)chunk_at(0)->data_page_offset;
    for (size_t i = 0; i < PAGES; i++) {
        struct page_v2 page;
        at += read_page(at, &page);
        bool random = i >= 3 && i < 8;
        assert_int_equal(page.compressed, !random);
        assert_int_equal(page.stored_bytes == page.body_bytes, random);
        if (random)
            assert_memory_equal(page.stored, batch.columns[0].values.data + i * PAGE_ROWS * 8,
                                PAGE_ROWS * 8);
    }
    release_numbers();
}

/* Which worker encodes a row group, and after which others, must not be seen in a file. */
static void a_row_group_is_the_same_whatever_was_encoded_before(void **state)
{
    static const char *const profiles[] = {"encoding=compatible", "encoding=dense"};
    const struct format_driver *driver = format_find("parquet");
    make_mixed(&batch, 3500);
    for (size_t i = 0; i < 2; i++) {
        const char *texts[] = {profiles[i], "page_rows=1000", "sort_by=color,id desc",
                               "bloom_filter=note", NULL};
        struct test_options options;
        struct row_group alone, before, after;
        struct encoder *encoder;
        encode_group(&batch, 2000, 1500, test_options(&options, texts), &alone);
        CHECK_OK(driver->encoder_new(&mixed, &options.set, &encoder, &test_error));
        CHECK_OK(driver->encode(encoder, &batch, 0, 2000, NULL, &before, &test_error));
        CHECK_OK(driver->encode(encoder, &batch, 2000, 1500, NULL, &after, &test_error));
        assert_int_equal(after.pages.size, alone.pages.size);
        assert_memory_equal(after.pages.data, alone.pages.data, alone.pages.size);
        assert_int_equal(after.meta.size, alone.meta.size);
        assert_memory_equal(after.meta.data, alone.meta.data, alone.meta.size);
        driver->encoder_free(encoder);
        row_group_release(&alone);
        row_group_release(&before);
        row_group_release(&after);
    }
    batch_release(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_v2_count_rows_nulls_and_values),
        cmocka_unit_test(levels_of_pages_v2_are_not_compressed),
        cmocka_unit_test(random_numbers_are_stored_as_they_are),
        cmocka_unit_test(a_chunk_is_not_given_up_for_its_first_page),
        cmocka_unit_test(pages_v2_are_compressed_one_by_one),
        cmocka_unit_test(a_row_group_is_the_same_whatever_was_encoded_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
