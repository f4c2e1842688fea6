/* The writer's bytes, looked at without the writer: headers, levels, indexes and checksums as the format
 * defines them. */
#include <math.h>
#include <zstd.h>

#include "base/failing_memory.h"
#include "format/codec/codec.h"
#include "format/parquet/footer.h"
#include "format/parquet/group_meta.h"
#include "format/parquet/leaf.h"
#include "hybrid_decode.h"
#include "memory_file.h"

static struct batch batch;
static struct memory_sink sink;
static struct file_result result;
static struct footer footer;

static void write_mixed(size_t rows, size_t groups, const char *const *texts)
{
    struct test_options options;
    make_mixed(&batch, rows);
    write_file(&batch, groups, test_options(&options, texts), &sink, &result);
    struct memory_source source = memory_source_of(sink.bytes.data, sink.bytes.size);
    CHECK_OK(footer_read(&source.base, &footer, &test_error));
}

static void release_all(void)
{
    footer_release(&footer);
    file_result_release(&result);
    buffer_release(&sink.bytes);
    batch_release(&batch);
}

/* ---- pages, read by themselves ---- */

struct page_seen {
    int32_t type, body_bytes, stored_bytes, values, encoding;
    uint32_t crc;
    const uint8_t *stored;
};

static void read_inner(struct thrift_reader *r, const struct thrift_field *field,
                       struct page_seen *out)
{
    struct thrift_field f = {0};
    assert_true(thrift_struct(r, field));
    while (thrift_next(r, &f)) {
        if (f.id == 1)
            out->values = thrift_int32(r, &f);
        else if (f.id == 2)
            out->encoding = thrift_int32(r, &f);
        else
            thrift_skip(r, &f);
    }
    thrift_struct_done(r);
}

/* The page at OFFSET of the file; returns the bytes it takes. */
static size_t read_page(uint64_t offset, struct page_seen *out)
{
    struct thrift_reader r;
    struct thrift_field f = {0};
    *out = (struct page_seen){0};
    thrift_reader_init(&r, sink.bytes.data + offset, sink.bytes.size - offset);
    while (thrift_next(&r, &f)) {
        if (f.id == 1)
            out->type = thrift_int32(&r, &f);
        else if (f.id == 2)
            out->body_bytes = thrift_int32(&r, &f);
        else if (f.id == 3)
            out->stored_bytes = thrift_int32(&r, &f);
        else if (f.id == 4)
            out->crc = (uint32_t)thrift_int32(&r, &f);
        else
            read_inner(&r, &f, out);
    }
    assert_false(r.failed);
    out->stored = r.at;
    return (size_t)(r.at - r.start) + (size_t)out->stored_bytes;
}

static uint32_t crc_bit_by_bit(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void read_indexes(const struct parquet_chunk *chunk, struct arena *arena,
                         struct parquet_column_index *columns, struct parquet_offset_index *offsets)
{
    struct thrift_reader r;
    thrift_reader_init(&r, sink.bytes.data + chunk->offset_index_offset,
                       (size_t)chunk->offset_index_bytes);
    parquet_read_offset_index(&r, arena, offsets);
    assert_true(!r.failed && r.at == r.end);
    *columns = (struct parquet_column_index){0};
    if (chunk->column_index_offset < 0)
        return;
    thrift_reader_init(&r, sink.bytes.data + chunk->column_index_offset,
                       (size_t)chunk->column_index_bytes);
    parquet_read_column_index(&r, arena, columns);
    assert_true(!r.failed && r.at == r.end);
}

/* Every page of the chunk is where the indexes say and as its header says. */
static void check_pages(const struct parquet_group *group, const struct parquet_chunk *chunk)
{
    struct arena arena = {0};
    struct parquet_column_index columns;
    struct parquet_offset_index offsets;
    read_indexes(chunk, &arena, &columns, &offsets);
    struct page_seen page;
    uint64_t at = (uint64_t)chunk->data_page_offset;
    int64_t values = 0, stored = 0;
    if (chunk->dictionary_page_offset >= 0) {
        at = (uint64_t)chunk->dictionary_page_offset;
        stored = (int64_t)read_page(at, &page);
        assert_int_equal(page.type, PARQUET_DICTIONARY_PAGE);
        assert_int_equal(page.crc, crc_bit_by_bit(page.stored, (size_t)page.stored_bytes));
        assert_int_equal(at + (uint64_t)stored, chunk->data_page_offset);
        at += (uint64_t)stored;
    }
    for (size_t p = 0; p < offsets.pages; p++) {
        assert_int_equal(offsets.locations[p].offset, at);
        size_t bytes = read_page(at, &page);
        assert_int_equal(bytes, offsets.locations[p].bytes);
        assert_int_equal(page.type, PARQUET_DATA_PAGE);
        assert_true(chunk->encodings >> page.encoding & 1);
        assert_int_equal(page.crc, crc_bit_by_bit(page.stored, (size_t)page.stored_bytes));
        at += bytes;
        stored += (int64_t)bytes;
        values += page.values;
    }
    assert_int_equal(values, chunk->values);
    assert_int_equal(stored, chunk->compressed_bytes);
    assert_true(chunk->values >= group->rows);
    arena_release(&arena);
}

static void pages_lie_where_the_indexes_say_with_their_checksums(void **state)
{
    static const char *const settings[][3] = {
        {"compression=zstd:1", NULL},
        {"compression=snappy", "page_rows=77", NULL},
        {"compression=none", "page_bytes=1KiB", NULL},
        {"dictionary=false", "page_rows=500", NULL},
    };
    for (size_t k = 0; k < 4; k++) {
        write_mixed(2500, 2, settings[k]);
        assert_int_equal(footer.meta.n_groups, 2);
        for (size_t g = 0; g < 2; g++) {
            const struct parquet_group *group = &footer.meta.groups[g];
            assert_int_equal(group->n_chunks, 6);
            for (size_t c = 0; c < group->n_chunks; c++)
                check_pages(group, &group->chunks[c]);
        }
        release_all();
    }
}

static void pages_are_cut_at_the_same_rows_in_every_column(void **state)
{
    const char *const texts[] = {"page_bytes=2KiB", "page_rows=300", NULL};
    write_mixed(3000, 1, texts);
    struct arena arena = {0};
    const struct parquet_group *group = &footer.meta.groups[0];
    struct parquet_offset_index first, other;
    struct parquet_column_index columns;
    read_indexes(&group->chunks[0], &arena, &columns, &first);
    assert_true(first.pages >= 3000 * 20 / 2048); /* the notes, of 20 bytes each, fill them first */
    for (size_t c = 0; c < group->n_chunks; c++) {
        read_indexes(&group->chunks[c], &arena, &columns, &other);
        assert_int_equal(other.pages, first.pages);
        for (size_t p = 0; p < first.pages; p++) {
            assert_int_equal(other.locations[p].first_row, first.locations[p].first_row);
            struct page_seen page;
            read_page((uint64_t)other.locations[p].offset, &page);
            assert_in_range(page.body_bytes, 1, 2048 + 64); /* values, and a little for levels */
            if (c < 5)                                      /* flat: a value a row */
                assert_int_equal(page.values,
                                 (p + 1 < first.pages ? first.locations[p + 1].first_row : 3000) -
                                     first.locations[p].first_row);
        }
    }
    arena_release(&arena);
    release_all();
}

static int64_t i64_of(struct span span)
{
    assert_int_equal(span.size, 8);
    return (int64_t)load_u64le(span.data);
}

static double f64_of(struct span span)
{
    double value;
    assert_int_equal(span.size, 8);
    memcpy(&value, span.data, 8);
    return value;
}

static void the_column_index_holds_the_bounds_of_each_page(void **state)
{
    const char *const texts[] = {"page_rows=100", NULL};
    write_mixed(1000, 1, texts);
    struct arena arena = {0};
    struct parquet_column_index ids, times, shares;
    struct parquet_offset_index offsets;
    const struct parquet_chunk *chunks = footer.meta.groups[0].chunks;
    read_indexes(&chunks[0], &arena, &ids, &offsets);
    read_indexes(&chunks[1], &arena, &times, &offsets);
    read_indexes(&chunks[4], &arena, &shares, &offsets);
    assert_int_equal(ids.pages, 10);
    assert_int_equal(ids.boundary, PARQUET_ASCENDING);
    assert_int_equal(shares.boundary, PARQUET_UNORDERED);
    const double *share = (const double *)(const void *)batch.columns[4].values.data;
    for (size_t p = 0; p < 10; p++) {
        int64_t row = (int64_t)p * 100;
        assert_int_equal(i64_of(ids.min[p]), row);
        assert_int_equal(i64_of(ids.max[p]), row + 99);
        assert_int_equal(ids.null_counts[p], 0);
        assert_int_equal(i64_of(times.min[p]), (row + 1) * 1000000);
        assert_int_equal(times.null_counts[p], 20);
        double min = INFINITY, max = -INFINITY;
        for (size_t i = p * 100; i < p * 100 + 100; i++) {
            min = fmin(min, share[i]); /* both leave NaN out */
            max = fmax(max, share[i]);
        }
        assert_true(f64_of(shares.min[p]) == min && f64_of(shares.max[p]) == max);
    }
    assert_int_equal(chunks[4].statistics.nan_count, 100);
    assert_int_equal(chunks[1].statistics.null_count, 200);
    arena_release(&arena);
    release_all();
}

static void pages_of_nulls_are_told_and_a_page_of_nan_forbids_the_index(void **state)
{
    struct field fields[] = {{.name = "n", .type.id = TYPE_INT32, .nullable = true},
                             {.name = "f", .type.id = TYPE_FLOAT64, .nullable = true}};
    const struct schema schema = {.fields = fields, .n_fields = 2};
    const char *const texts[] = {"page_rows=10", NULL};
    struct test_options options;
    CHECK_OK(batch_init(&batch, &schema, &test_error));
    for (int32_t i = 0; i < 30; i++) {
        double f = i < 10 ? NAN : i;
        CHECK_OK(batch_reserve(&batch, 1, &test_error));
        if (i / 10 == 1)
            CHECK_OK(column_append_null(&batch.columns[0], &test_error));
        else
            column_append_i32(&batch.columns[0], i);
        column_append_fixed(&batch.columns[1], &f);
        batch.rows++;
    }
    write_file(&batch, 1, test_options(&options, texts), &sink, &result);
    struct memory_source source = memory_source_of(sink.bytes.data, sink.bytes.size);
    CHECK_OK(footer_read(&source.base, &footer, &test_error));
    struct arena arena = {0};
    struct parquet_column_index columns;
    struct parquet_offset_index offsets;
    read_indexes(&footer.meta.groups[0].chunks[0], &arena, &columns, &offsets);
    assert_int_equal(columns.pages, 3);
    assert_true(!columns.null_pages[0] && columns.null_pages[1] && !columns.null_pages[2]);
    assert_int_equal(columns.min[1].size, 0);
    assert_int_equal(columns.null_counts[1], 10);
    assert_true(footer.meta.groups[0].chunks[1].column_index_offset < 0);
    assert_true(footer.meta.groups[0].chunks[1].offset_index_offset > 0);
    arena_release(&arena);
    release_all();
}

static void levels_tell_which_rows_are_null(void **state)
{
    const char *const texts[] = {"compression=none", "page_rows=333", NULL};
    write_mixed(1000, 1, texts);
    struct arena arena = {0};
    struct parquet_column_index columns;
    struct parquet_offset_index offsets;
    read_indexes(&footer.meta.groups[0].chunks[1], &arena, &columns, &offsets);
    size_t row = 0;
    for (size_t p = 0; p < offsets.pages; p++) {
        static uint32_t levels[1000];
        struct page_seen page;
        read_page((uint64_t)offsets.locations[p].offset, &page);
        assert_true(hybrid_decode(page.stored + 4, load_u32le(page.stored), (size_t)page.values, 1,
                                  levels));
        for (int32_t i = 0; i < page.values; i++, row++)
            assert_int_equal(levels[i], row % 5 != 0);
    }
    assert_int_equal(row, 1000);
    arena_release(&arena);
    release_all();
}

static void indexes_of_a_dictionary_lead_to_the_values(void **state)
{
    static const char *const colors[] = {"red", "green", "blue"};
    const char *const texts[] = {"compression=none", NULL};
    write_mixed(1000, 1, texts);
    const struct parquet_chunk *chunk = &footer.meta.groups[0].chunks[2];
    struct page_seen dictionary, page;
    read_page((uint64_t)chunk->dictionary_page_offset, &dictionary);
    assert_int_equal(dictionary.values, 3);
    read_page((uint64_t)chunk->data_page_offset, &page);
    assert_int_equal(page.encoding, PARQUET_RLE_DICTIONARY);
    const uint8_t *body = page.stored + 4 + load_u32le(page.stored); /* behind the levels */
    static uint32_t index[1000];
    size_t values = 1000 - 143, at = 0;
    size_t size = (size_t)(page.stored + page.stored_bytes - body) - 1;
    assert_int_equal(body[0], 2); /* bits of an index */
    assert_true(hybrid_decode(body + 1, size, values, 2, index));
    for (uint64_t i = 0; i < 1000; i++) {
        if (i % 7 == 0)
            continue;
        const uint8_t *entry = dictionary.stored;
        for (uint32_t e = 0; e < index[at]; e++)
            entry += 4 + load_u32le(entry);
        assert_int_equal(load_u32le(entry), strlen(colors[i % 3]));
        assert_memory_equal(entry + 4, colors[i % 3], strlen(colors[i % 3]));
        at++;
    }
    assert_int_equal(at, values);
    release_all();
}

static void compressed_pages_come_back_and_codecs_that_gain_nothing_are_left_out(void **state)
{
    const char *const texts[] = {"compression=zstd:3", "dictionary=false", NULL};
    write_mixed(2000, 1, texts);
    bool some = false, none = false;
    for (size_t c = 0; c < 6; c++) {
        const struct parquet_chunk *chunk = &footer.meta.groups[0].chunks[c];
        struct page_seen page;
        read_page((uint64_t)chunk->data_page_offset, &page);
        assert_int_equal(chunk->codec == CODEC_ZSTD,
                         chunk->compressed_bytes < chunk->uncompressed_bytes);
        some |= chunk->codec == CODEC_ZSTD;
        if (chunk->codec != CODEC_ZSTD)
            continue;
        uint8_t *body = test_malloc((size_t)page.body_bytes);
        assert_int_equal(
            ZSTD_decompress(body, (size_t)page.body_bytes, page.stored, (size_t)page.stored_bytes),
            page.body_bytes);
        test_free(body);
    }
    release_all();
    const char *const one_row[] = {"compression=snappy", NULL};
    write_mixed(1, 1, one_row);
    for (size_t c = 0; c < 6; c++)
        none |= footer.meta.groups[0].chunks[c].codec == CODEC_NONE;
    assert_true(some && none);
    release_all();
}

/* N values of 10,000 possible ones: a dictionary pays only where there are many of them. */
static bool has_dictionary(size_t n, const char *compression)
{
    struct field fields[] = {{.name = "supplier", .type.id = TYPE_INT64}};
    const struct schema schema = {.fields = fields, .n_fields = 1};
    const char *const texts[] = {compression, NULL};
    struct test_options options;
    uint64_t seed = 3;
    CHECK_OK(batch_init(&batch, &schema, &test_error));
    CHECK_OK(batch_reserve(&batch, n, &test_error));
    for (size_t i = 0; i < n; i++)
        column_append_i64(&batch.columns[0], (int64_t)(next_random(&seed) % 10000));
    batch.rows = n;
    write_file(&batch, 1, test_options(&options, texts), &sink, &result);
    struct memory_source source = memory_source_of(sink.bytes.data, sink.bytes.size);
    CHECK_OK(footer_read(&source.base, &footer, &test_error));
    bool has = footer.meta.groups[0].chunks[0].dictionary_page_offset >= 0;
    release_all();
    return has;
}

static void a_dictionary_is_left_out_where_compression_alone_does_better(void **state)
{
    assert_false(has_dictionary(20000, "compression=zstd:1"));
    assert_true(has_dictionary(200000, "compression=zstd:1"));
    assert_true(has_dictionary(20000, "compression=none"));
}

/* ---- results ---- */

static void the_result_tells_what_the_file_holds(void **state)
{
    write_mixed(1000, 3, NULL);
    assert_int_equal(result.rows, 1000);
    assert_int_equal(result.size_bytes, sink.bytes.size);
    assert_int_equal(result.row_groups, 3);
    assert_int_equal(result.n_columns, 6);
    assert_true(result.columns[0].has_bounds);
    assert_int_equal(result.columns[0].min.i64, 0);
    assert_int_equal(result.columns[0].max.i64, 999);
    assert_int_equal(result.columns[1].null_count, 200);
    assert_int_equal(result.columns[2].max.size, 3); /* "red" */
    assert_memory_equal(result.columns[2].max.bytes, "red", 3);
    assert_int_equal(result.columns[4].nan_count, 100);
    assert_false(result.columns[5].has_bounds);
    release_all();
}

static void a_file_without_rows_is_a_file(void **state)
{
    write_mixed(0, 1, NULL);
    assert_int_equal(footer.meta.rows, 0);
    assert_int_equal(footer.meta.n_groups, 0);
    assert_false(result.columns[0].has_bounds);
    release_all();
}

/* ---- meta from segments ---- */

static status append_meta(const struct row_group *group, const void *meta, size_t meta_bytes,
                          uint64_t pages_bytes)
{
    const struct format_driver *driver = format_find("parquet");
    struct memory_sink into = {.base = {memory_sink_write}};
    struct format_file *file;
    struct file_result made = {0};
    CHECK_OK(driver->file_begin(&mixed, NULL, &into.base, &file, &test_error));
    uint8_t *copy = test_malloc(meta_bytes + 1);
    memcpy(copy, meta, meta_bytes);
    status_code code = driver->file_append_meta(file, copy, meta_bytes, pages_bytes, &test_error);
    if (code == STATUS_OK) {
        CHECK_OK(buffer_append(&into.bytes, group->pages.data, group->pages.size, &test_error));
        CHECK_OK(driver->file_finish(file, NULL, 0, &made, &test_error));
    } else {
        driver->file_abort(file);
    }
    file_result_release(&made);
    buffer_release(&into.bytes);
    test_free(copy);
    return code;
}

static void meta_is_taken_as_it_was_given_and_refused_when_cut(void **state)
{
    struct row_group group;
    make_mixed(&batch, 500);
    encode_group(&batch, 0, 500, NULL, &group);
    CHECK_OK(append_meta(&group, group.meta.data, group.meta.size, group.pages.size));
    assert_int_equal(append_meta(&group, group.meta.data, group.meta.size, group.pages.size + 1),
                     STATUS_BAD_DATA);
    for (size_t size = 0; size < group.meta.size; size++)
        assert_int_equal(append_meta(&group, group.meta.data, size, group.pages.size),
                         STATUS_BAD_DATA);
    row_group_release(&group);
    batch_release(&batch);
}

/* Whatever is damaged, the file that follows is refused or can at least be read. */
static void hostile_meta_does_no_harm(void **state)
{
    struct row_group group;
    uint64_t seed = 13;
    unsigned refused = 0;
    make_mixed(&batch, 300);
    encode_group(&batch, 0, 300, NULL, &group);
    uint8_t *meta = test_malloc(group.meta.size);
    for (int round = 0; round < 4000; round++) {
        memcpy(meta, group.meta.data, group.meta.size);
        for (uint64_t k = next_random(&seed) % 3 + 1; k > 0; k--) {
            size_t bit = next_random(&seed) % (8 * group.meta.size);
            meta[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        status_code code = append_meta(&group, meta, group.meta.size, group.pages.size);
        assert_true(code == STATUS_OK || code == STATUS_BAD_DATA);
        refused += code == STATUS_BAD_DATA;
    }
    assert_true(refused > 2000);
    test_free(meta);
    row_group_release(&group);
    batch_release(&batch);
}

/* GROUP with a meta that BEND has changed in one of WAYS is refused; way 0 changes nothing. */
static void check_bent(const struct row_group *group,
                       void (*bend)(struct group_meta *meta, int how), int ways)
{
    struct leaf_plan plan = {0};
    CHECK_OK(leaf_plan_init(&plan, &mixed, &test_error));
    for (int how = 0; how < ways; how++) {
        struct arena arena = {0};
        struct group_meta meta;
        struct buffer bent = {0};
        CHECK_OK(group_meta_read(group->meta.data, group->meta.size, &plan, group->pages.size,
                                 &arena, &meta, &test_error));
        bend(&meta, how);
        CHECK_OK(group_meta_write(&meta, &bent, &test_error));
        assert_int_equal(append_meta(group, bent.data, bent.size, group->pages.size),
                         how == 0 ? STATUS_OK : STATUS_BAD_DATA);
        buffer_release(&bent);
        arena_release(&arena);
    }
    leaf_plan_release(&plan);
}

/* What may be wrong with the two pages of a column. */
static void bend_pages(struct group_meta *meta, int how)
{
    struct parquet_page_location *pages = meta->leaves[0].offset_index.locations;
    assert_int_equal(meta->leaves[0].offset_index.pages, 2);
    switch (how) {
    case 0: /* nothing: the way through the test itself is good */
        break;
    case 1: /* a gap */
        pages[1].offset++;
        pages[1].bytes--;
        break;
    case 2: /* an overlap */
        pages[0].bytes++;
        break;
    case 3: /* beyond the chunk */
        pages[1].bytes++;
        break;
    case 4: /* before the chunk's end */
        pages[1].bytes--;
        break;
    case 5: /* rows that do not begin at the first */
        pages[0].first_row = 1;
        break;
    case 6: /* rows that do not ascend */
        pages[1].first_row = 0;
        break;
    case 7: /* a page beyond the rows */
        pages[1].first_row = 20001;
        break;
    default: /* a page of no bytes */
        pages[0].bytes = 0;
    }
}

static void pages_must_fill_their_chunk_in_the_order_of_rows(void **state)
{
    struct row_group group;
    make_mixed(&batch, 20001);
    encode_group(&batch, 0, 20001, NULL, &group);
    check_bent(&group, bend_pages, 9);
    row_group_release(&group);
    batch_release(&batch);
}

/* What may be wrong with filters and order. */
static void bend_filters(struct group_meta *meta, int how)
{
    struct parquet_chunk *chunk = &meta->group.chunks[2];
    static struct sort_key beyond = {.leaf = 6};
    assert_true(meta->group.chunks[0].bloom_filter_offset > 0);
    assert_true(meta->group.chunks[1].bloom_filter_offset < 0);
    assert_int_equal(meta->group.n_sort_keys, 1);
    assert_int_equal(meta->group.sort_keys[0].leaf, 3);
    switch (how) {
    case 0: /* nothing */
        break;
    case 1: /* a gap */
        chunk->bloom_filter_offset++;
        break;
    case 2: /* within the pages */
        chunk->bloom_filter_offset = 0;
        break;
    case 3: /* beyond the end */
        chunk->bloom_filter_bytes++;
        break;
    case 4: /* bytes left over */
        chunk->bloom_filter_bytes--;
        break;
    case 5: /* of no bytes */
        chunk->bloom_filter_bytes = 0;
        break;
    case 6: /* not told of */
        chunk->bloom_filter_offset = -1;
        break;
    default: /* sorted by the seventh of six columns */
        meta->group.sort_keys = &beyond;
    }
}

static void filters_lie_behind_the_pages_without_a_gap(void **state)
{
    struct row_group group;
    struct test_options options;
    const char *const texts[] = {"bloom_filter=id,color", "sort_by=note", NULL};
    make_mixed(&batch, 500);
    encode_group(&batch, 0, 500, test_options(&options, texts), &group);
    check_bent(&group, bend_filters, 8);
    row_group_release(&group);
    batch_release(&batch);
}

static void a_group_of_another_schema_is_refused(void **state)
{
    struct field fields[] = {{.name = "id", .type.id = TYPE_INT64}};
    const struct schema schema = {.fields = fields, .n_fields = 1};
    struct row_group group;
    CHECK_OK(batch_init(&batch, &schema, &test_error));
    CHECK_OK(batch_reserve(&batch, 1, &test_error));
    column_append_i64(&batch.columns[0], 1);
    batch.rows = 1;
    encode_group(&batch, 0, 1, NULL, &group);
    assert_int_equal(append_meta(&group, group.meta.data, group.meta.size, group.pages.size),
                     STATUS_BAD_DATA);
    row_group_release(&group);
    batch_release(&batch);
}

/* ---- want of memory ---- */

static status encode_and_write(struct error *err)
{
    const struct format_driver *driver = format_find("parquet");
    struct encoder *encoder = NULL;
    struct format_file *file = NULL;
    struct row_group group = {0};
    struct file_result made = {0};
    struct memory_sink into = {.base = {memory_sink_write}};
    status_code code = driver->encoder_new(&mixed, NULL, &encoder, err);
    if (code == STATUS_OK)
        code = driver->encode(encoder, &batch, 0, batch.rows, NULL, &group, err);
    if (code == STATUS_OK)
        code = driver->file_begin(&mixed, NULL, &into.base, &file, err);
    if (code == STATUS_OK)
        code = driver->file_append(file, &group, err);
    if (code == STATUS_OK)
        code = driver->file_finish(file, NULL, 0, &made, err);
    else
        driver->file_abort(file);
    driver->encoder_free(encoder);
    row_group_release(&group);
    file_result_release(&made);
    buffer_release(&into.bytes);
    return code;
}

static void every_failed_allocation_is_told_and_leaks_nothing(void **state)
{
    make_mixed(&batch, 3000);
    for (unsigned nth = 1;; nth++) {
        fail_allocation(nth);
        status_code code = encode_and_write(&test_error);
        if (!allocation_failed()) {
            CHECK_OK(code);
            assert_true(nth > 20);
            break;
        }
        assert_int_equal(code, STATUS_NO_MEMORY);
    }
    batch_release(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_lie_where_the_indexes_say_with_their_checksums),
        cmocka_unit_test(pages_are_cut_at_the_same_rows_in_every_column),
        cmocka_unit_test(the_column_index_holds_the_bounds_of_each_page),
        cmocka_unit_test(pages_of_nulls_are_told_and_a_page_of_nan_forbids_the_index),
        cmocka_unit_test(levels_tell_which_rows_are_null),
        cmocka_unit_test(indexes_of_a_dictionary_lead_to_the_values),
        cmocka_unit_test(compressed_pages_come_back_and_codecs_that_gain_nothing_are_left_out),
        cmocka_unit_test(a_dictionary_is_left_out_where_compression_alone_does_better),
        cmocka_unit_test(the_result_tells_what_the_file_holds),
        cmocka_unit_test(a_file_without_rows_is_a_file),
        cmocka_unit_test(meta_is_taken_as_it_was_given_and_refused_when_cut),
        cmocka_unit_test(hostile_meta_does_no_harm),
        cmocka_unit_test(pages_must_fill_their_chunk_in_the_order_of_rows),
        cmocka_unit_test(filters_lie_behind_the_pages_without_a_gap),
        cmocka_unit_test(a_group_of_another_schema_is_refused),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
