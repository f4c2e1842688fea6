/* Segments and manifests: what was written is read back, what was damaged is refused. */
#include <xxhash.h>

#include "../storage/scratch.h"

#include "pipeline/segment.h"
#include "json/json.h"

static const char *const digest = "00112233445566778899aabbccddeeff";

struct fixture {
    struct scratch *scratch;
    struct schema schema;
    struct partitioner *partitioner;
};

static int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct error err = {0};
    struct partition_spec spec = {.transform = PARTITION_IDENTITY, .column = "name"};
    const struct field fields[] = {
        {.name = "name", .type.id = TYPE_UTF8, .nullable = true},
        {.name = "id", .type.id = TYPE_INT64},
    };
    if (scratch_setup((void **)&fixture->scratch) != 0 ||
        schema_append(&fixture->schema, &fields[0], &err) != STATUS_OK ||
        schema_append(&fixture->schema, &fields[1], &err) != STATUS_OK ||
        partitioner_new(&fixture->schema, &spec, 1, 0, &fixture->partitioner, &err) != STATUS_OK)
        return -1;
    *state = fixture;
    return 0;
}

static int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    partitioner_free(fixture->partitioner);
    schema_release(&fixture->schema);
    int r = scratch_teardown((void **)&fixture->scratch);
    free(fixture);
    return r;
}

static uint32_t key_of(struct scratch *scratch, struct partition_keys *keys, const char *text)
{
    uint32_t key = 99;
    struct scalar value = {.type.id = TYPE_UTF8, .is_null = !text, .bytes = text};
    value.size = text ? strlen(text) : 0;
    CHECK_OK(partition_keys_intern(keys, &value, &key, &scratch->err));
    return key;
}

/* Ids 0..5, all of one name. */
static void fill_batch(struct fixture *fixture, struct batch *batch)
{
    struct scratch *scratch = fixture->scratch;
    CHECK_OK(batch_init(batch, &fixture->schema, &scratch->err));
    for (int64_t id = 0; id < 6; id++) {
        struct scalar name = {.type.id = TYPE_UTF8, .bytes = "name", .size = 4};
        struct scalar number = {.type.id = TYPE_INT64, .i64 = id};
        CHECK_OK(column_append_scalar(&batch->columns[0], &name, &scratch->err));
        CHECK_OK(column_append_scalar(&batch->columns[1], &number, &scratch->err));
        batch->rows++;
    }
}

/* A segment of two plain pieces and a row group, for the keys "a" and NULL. */
static void write_segment(struct fixture *fixture, struct split_result *out)
{
    struct scratch *scratch = fixture->scratch;
    struct segment_writer writer = {.storage = scratch->storage, .name = "s.seg"};
    struct batch batch = {0};
    const uint32_t side_by_side[] = {0, 1, 2}, apart[] = {3, 5};
    struct row_group group = {.rows = 7, .plain_bytes = 70};
    CHECK_OK(partition_keys_new(fixture->partitioner, &out->keys, &scratch->err));
    uint32_t a = key_of(scratch, out->keys, "a"), null = key_of(scratch, out->keys, NULL);
    fill_batch(fixture, &batch);
    CHECK_OK(segment_add_rows(&writer, a, &batch, NULL, side_by_side, 3, &scratch->err));
    CHECK_OK(segment_add_rows(&writer, null, &batch, NULL, apart, 2, &scratch->err));
    CHECK_OK(buffer_append(&group.pages, "pages", 5, &scratch->err));
    CHECK_OK(buffer_append(&group.meta, "meta", 4, &scratch->err));
    CHECK_OK(segment_begin_row_group(&writer, a, &scratch->err));
    group.pages_bytes = group.pages.size;
    CHECK_OK(writer.pages.write(&writer.pages, group.pages.data, 3, &scratch->err));
    CHECK_OK(writer.pages.write(&writer.pages, group.pages.data + 3, group.pages.size - 3,
                                &scratch->err));
    CHECK_OK(segment_end_row_group(&writer, &group, &scratch->err));
    CHECK_OK(segment_finish(&writer, partitioner_keys(fixture->partitioner), out->keys, out,
                            &scratch->err));
    out->rows = 12;
    out->rows_read = 12;
    batch_release(&batch);
    row_group_release(&group);
    segment_abort(&writer);
}

static struct split_result without_index(const struct split_result *from)
{
    return (struct split_result){.rows = from->rows,
                                 .segment = from->segment,
                                 .segment_bytes = from->segment_bytes,
                                 .index_offset = from->index_offset,
                                 .index_bytes = from->index_bytes,
                                 .index_hash = from->index_hash};
}

static status read_index(struct fixture *fixture, struct split_result *result)
{
    struct scratch *scratch = fixture->scratch;
    return segment_read_index(scratch->storage, fixture->partitioner,
                              partitioner_keys(fixture->partitioner), result, &scratch->err);
}

static void a_segment_is_read_back_from_its_index(void **state)
{
    struct fixture *fixture = *state;
    struct scratch *scratch = fixture->scratch;
    struct split_result written = {0};
    write_segment(fixture, &written);
    struct split_result read = without_index(&written);
    CHECK_OK(read_index(fixture, &read));
    assert_int_equal(read.n_pieces, 3);
    assert_memory_equal(read.pieces, written.pieces, 3 * sizeof(struct piece));
    assert_int_equal(read.pieces[0].rows, 3);
    assert_int_equal(read.pieces[1].rows, 2);
    assert_int_equal(read.pieces[2].kind, PIECE_ROW_GROUP);
    assert_int_equal(read.pieces[2].meta_bytes, 4);
    struct scalar value;
    partition_keys_value(read.keys, 0, 0, &value);
    assert_int_equal(value.size, 1);
    assert_memory_equal(value.bytes, "a", 1);
    partition_keys_value(read.keys, 1, 0, &value);
    assert_true(value.is_null);
    split_result_release(&read);
    split_result_release(&written);
}

static void rows_are_read_back_from_their_pieces(void **state)
{
    struct fixture *fixture = *state;
    struct scratch *scratch = fixture->scratch;
    struct split_result written = {0};
    struct batch batch = {0};
    char *bytes = NULL;
    size_t size = 0;
    write_segment(fixture, &written);
    CHECK_OK(batch_init(&batch, &fixture->schema, &scratch->err));
    CHECK_OK(storage_get(scratch->storage, "s.seg", 1 << 20, &bytes, &size, &scratch->err));
    for (size_t i = 0; i < 2; i++) {
        const struct piece *piece = &written.pieces[i];
        CHECK_OK(batch_read_plain(&batch, bytes + piece->offset, piece->bytes, &scratch->err));
        assert_int_equal(piece->kind, PIECE_PLAIN);
    }
    const int64_t ids[] = {0, 1, 2, 3, 5};
    assert_int_equal(batch.rows, 5);
    assert_memory_equal(batch.columns[1].values.data, ids, sizeof(ids));
    mem_free(bytes);
    batch_release(&batch);
    split_result_release(&written);
}

static void a_damaged_index_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct scratch *scratch = fixture->scratch;
    struct split_result written = {0};
    write_segment(fixture, &written);
    char *bytes = NULL;
    size_t size = 0;
    CHECK_OK(storage_get(scratch->storage, "s.seg", 1 << 20, &bytes, &size, &scratch->err));
    for (size_t at = written.index_offset; at < size; at++) {
        bytes[at] ^= 1;
        CHECK_OK(storage_put(scratch->storage, "s.seg", PUT_REPLACE, bytes, size, &scratch->err));
        struct split_result read = without_index(&written);
        CHECK_STATUS(read_index(fixture, &read), STATUS_BAD_DATA);
        split_result_release(&read);
        bytes[at] ^= 1;
    }
    mem_free(bytes);
    split_result_release(&written);
}

/* Whole, but its rows are in the plain form of an older release: the split is read again then. */
static void a_segment_of_another_release_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct scratch *scratch = fixture->scratch;
    struct split_result written = {0};
    write_segment(fixture, &written);
    char *bytes = NULL;
    size_t size = 0;
    CHECK_OK(storage_get(scratch->storage, "s.seg", 1 << 20, &bytes, &size, &scratch->err));
    uint8_t *index = (uint8_t *)bytes + written.index_offset;
    assert_memory_equal(index + 16, "LPB4", 4);
    memcpy(index + 16, "LPB1", 4);
    CHECK_OK(storage_put(scratch->storage, "s.seg", PUT_REPLACE, bytes, size, &scratch->err));
    struct split_result read = without_index(&written);
    read.index_hash = XXH3_64bits(index, written.index_bytes);
    CHECK_STATUS(read_index(fixture, &read), STATUS_BAD_DATA);
    split_result_release(&read);
    mem_free(bytes);
    split_result_release(&written);
}

static void a_segment_of_another_size_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct scratch *scratch = fixture->scratch;
    struct split_result written = {0};
    write_segment(fixture, &written);
    struct split_result read = without_index(&written);
    read.segment_bytes++;
    CHECK_STATUS(read_index(fixture, &read), STATUS_BAD_DATA);
    split_result_release(&read);
    split_result_release(&written);
}

static void fill_result(struct split_result *result, struct digest *ties, uint64_t *policy)
{
    *result = (struct split_result){.rows_read = 10,
                                    .rows = 6,
                                    .known = 1,
                                    .skipped = 2,
                                    .rejected = 1,
                                    .bytes_read = 1234,
                                    .policy = policy,
                                    .ties = {ties, 2},
                                    .used = {ties, 1},
                                    .segment = "s.seg",
                                    .segment_bytes = 99,
                                    .index_offset = 90,
                                    .index_bytes = 9,
                                    .index_hash = UINT64_C(0xfedcba9876543210),
                                    .rejects = "s.rejects",
                                    .reject_bytes = 5};
}

static void a_manifest_is_read_back_whole(void **state)
{
    struct scratch *scratch = ((struct fixture *)*state)->scratch;
    struct digest ties[2] = {{1, 2}, {UINT64_MAX, 3}};
    uint64_t policy[2] = {0, 4};
    struct split_result result, read = {0};
    char *json = NULL;
    size_t size = 0;
    fill_result(&result, ties, policy);
    CHECK_OK(manifest_write(&result, "RUN", digest, 5, 2, &json, &size, &scratch->err));
    CHECK_OK(manifest_read(json, size, digest, 5, 2, &read, &scratch->err));
    assert_int_equal(read.rows, 6);
    assert_int_equal(read.skipped, 2);
    assert_int_equal(read.index_hash, UINT64_C(0xfedcba9876543210));
    assert_int_equal(read.ties.n, 2);
    assert_memory_equal(read.ties.items, ties, sizeof(ties));
    assert_int_equal(read.used.n, 1);
    assert_int_equal(read.policy[1], 4);
    assert_string_equal(read.segment, "s.seg");
    assert_string_equal(read.rejects, "s.rejects");
    split_result_release(&read);
    mem_free(json);
}

static void a_manifest_of_another_plan_or_split_is_refused(void **state)
{
    struct scratch *scratch = ((struct fixture *)*state)->scratch;
    struct digest ties[2] = {{1, 2}, {3, 4}};
    uint64_t policy[2] = {0, 0};
    struct split_result result, read = {0};
    char *json = NULL;
    size_t size = 0;
    fill_result(&result, ties, policy);
    CHECK_OK(manifest_write(&result, "RUN", digest, 5, 2, &json, &size, &scratch->err));
    CHECK_STATUS(manifest_read(json, size, "ffff", 5, 2, &read, &scratch->err), STATUS_BAD_DATA);
    CHECK_STATUS(manifest_read(json, size, digest, 6, 2, &read, &scratch->err), STATUS_BAD_DATA);
    CHECK_STATUS(manifest_read(json, size, digest, 5, 3, &read, &scratch->err), STATUS_BAD_DATA);
    for (size_t cut = 0; cut < size; cut += 7)
        CHECK_STATUS(manifest_read(json, cut, digest, 5, 2, &read, &scratch->err), STATUS_BAD_DATA);
    mem_free(json);
}

static void a_manifest_that_does_not_add_up_is_refused(void **state)
{
    struct scratch *scratch = ((struct fixture *)*state)->scratch;
    struct digest ties[2] = {{1, 2}, {3, 4}};
    uint64_t policy[2] = {0, 0};
    struct split_result result, read = {0};
    char *json = NULL;
    size_t size = 0;
    fill_result(&result, ties, policy);
    result.rows_read++;
    CHECK_OK(manifest_write(&result, "RUN", digest, 5, 2, &json, &size, &scratch->err));
    CHECK_STATUS(manifest_read(json, size, digest, 5, 2, &read, &scratch->err), STATUS_BAD_DATA);
    mem_free(json);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_segment_is_read_back_from_its_index),
        T(rows_are_read_back_from_their_pieces),
        T(a_damaged_index_is_refused),
        T(a_segment_of_another_release_is_refused),
        T(a_segment_of_another_size_is_refused),
        T(a_manifest_is_read_back_whole),
        T(a_manifest_of_another_plan_or_split_is_refused),
        T(a_manifest_that_does_not_add_up_is_refused),
    };
    json_init();
    return cmocka_run_group_tests_name("pipeline/segment", tests, NULL, NULL);
}
