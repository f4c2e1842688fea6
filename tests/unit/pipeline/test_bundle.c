/* Pieces of several partitions come in few reads, and each is what its segment holds. */
#include "../storage/scratch.h"

#include "pipeline/bundle.h"

enum { SPLITS = 5, KEYS = 40, PIECE = 1000, SEGMENT = 200000, LIMIT = 1 << 20 };

/* Segments of which each byte tells its place; what was read of them. */
struct segments {
    size_t reads;
    uint64_t bytes;
    size_t fail_at; /* this read fails, counted from 1; 0: none */
};

static uint8_t byte_at(uint32_t split, uint64_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 8) * 3 + split * 31);
}

static status_code read_segment(void *context, uint32_t split, uint64_t offset, void *out,
                                size_t size, struct error *err)
{
    struct segments *segments = context;
    uint8_t *to = out;
    segments->reads++;
    if (segments->reads == segments->fail_at)
        return error_set(err, STATUS_UNAVAILABLE, "not now");
    assert_true(offset + size <= SEGMENT);
    segments->bytes += size;
    for (size_t i = 0; i < size; i++)
        to[i] = byte_at(split, offset + i);
    return STATUS_OK;
}

/* Of each key a piece in each split, STRIDE bytes from one key's to the next. */
static void add_pieces(struct scratch *scratch, struct pieces *pieces, uint64_t bytes,
                       uint64_t stride)
{
    CHECK_OK(pieces_init(pieces, scratch->storage, "pieces", LIMIT, SPLITS, &scratch->err));
    for (uint32_t split = 0; split < SPLITS; split++) {
        struct piece found[KEYS];
        for (uint32_t key = 0; key < KEYS; key++)
            found[key] = (struct piece){.key = key,
                                        .kind = PIECE_PLAIN,
                                        .rows = 1,
                                        .offset = 10 + key * stride,
                                        .bytes = bytes};
        CHECK_OK(pieces_add(pieces, split, found, KEYS, &scratch->err));
    }
    CHECK_OK(pieces_seal(pieces, &scratch->err));
}

/* The pieces of a number of the bundle's: how many have bytes? Those have the right ones. */
static size_t check_part(const struct bundle *bundle, size_t number)
{
    size_t n, with_bytes = 0;
    const struct piece_ref *refs = bundle_pieces(bundle, number, &n);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *bytes = bundle_bytes(bundle, &refs[i]);
        with_bytes += bytes != NULL;
        for (uint64_t at = 0; bytes && at < refs[i].piece.bytes; at++)
            assert_int_equal(bytes[at], byte_at(refs[i].split, refs[i].piece.offset + at));
    }
    return with_bytes;
}

static void take(struct scratch *scratch, struct bundle *bundle, struct pieces *pieces,
                 uint32_t first, size_t n)
{
    bundle_begin(bundle, LIMIT, n);
    for (uint32_t key = first; !bundle->full; key++)
        CHECK_OK(bundle_add(bundle, pieces, key, &scratch->err));
    assert_int_equal(bundle->n, n);
}

/* Ten keys of five splits, twice with the same bundle. */
static void check_reads(struct scratch *scratch, uint64_t stride, size_t reads)
{
    struct bundle bundle = {0};
    struct pieces pieces;
    add_pieces(scratch, &pieces, PIECE, stride);
    for (uint32_t first = 0; first < 20; first += 10) {
        struct segments segments = {0};
        take(scratch, &bundle, &pieces, first, 10);
        assert_int_equal(check_part(&bundle, 0), 0); /* not read yet */
        CHECK_OK(bundle_read(&bundle, read_segment, &segments, &scratch->err));
        assert_int_equal(segments.reads, reads);
        assert_true(segments.bytes <= bundle.room);
        for (size_t number = 0; number < 10; number++)
            assert_int_equal(check_part(&bundle, number), SPLITS);
        CHECK_OK(bundle_read(&bundle, read_segment, &segments, &scratch->err));
        assert_int_equal(segments.reads, reads);
    }
    bundle_release(&bundle);
    pieces_release(&pieces);
}

static void neighbours_are_one_read(void **state)
{
    check_reads(*state, PIECE, SPLITS);
}

static void small_holes_are_read_over(void **state)
{
    check_reads(*state, PIECE + PIECE / 2, SPLITS);
}

static void large_holes_are_not(void **state)
{
    check_reads(*state, 5 * PIECE, SPLITS * 10);
}

/* A chunk after the other: each split has two rounds of all keys. */
static void pieces_of_later_chunks_are_found_beside_each_other(void **state)
{
    struct scratch *scratch = *state;
    struct segments segments = {0};
    struct bundle bundle = {0};
    struct pieces pieces;
    struct piece found[2 * KEYS];
    for (uint32_t i = 0; i < 2 * KEYS; i++)
        found[i] = (struct piece){
            .key = i % KEYS, .kind = PIECE_PLAIN, .rows = 1, .offset = i * PIECE, .bytes = PIECE};
    CHECK_OK(pieces_init(&pieces, scratch->storage, "pieces", LIMIT, 1, &scratch->err));
    CHECK_OK(pieces_add(&pieces, 0, found, (size_t)2 * KEYS, &scratch->err));
    CHECK_OK(pieces_seal(&pieces, &scratch->err));
    take(scratch, &bundle, &pieces, 0, 10);
    CHECK_OK(bundle_read(&bundle, read_segment, &segments, &scratch->err));
    assert_int_equal(segments.reads, 2);
    for (size_t number = 0; number < 10; number++)
        assert_int_equal(check_part(&bundle, number), 2);
    bundle_release(&bundle);
    pieces_release(&pieces);
}

static void a_read_that_failed_is_tried_again(void **state)
{
    struct scratch *scratch = *state;
    struct segments segments = {.fail_at = 3};
    struct bundle bundle = {0};
    struct pieces pieces;
    add_pieces(scratch, &pieces, PIECE, PIECE);
    take(scratch, &bundle, &pieces, 0, 10);
    assert_int_equal(bundle_read(&bundle, read_segment, &segments, &scratch->err),
                     STATUS_UNAVAILABLE);
    assert_int_equal(check_part(&bundle, 0), 0);
    CHECK_OK(bundle_read(&bundle, read_segment, &segments, &scratch->err));
    assert_int_equal(segments.reads, 3 + SPLITS);
    for (size_t number = 0; number < 10; number++)
        assert_int_equal(check_part(&bundle, number), SPLITS);
    bundle_release(&bundle);
    pieces_release(&pieces);
}

/* What does not fit comes last, and alone where nothing fits. */
static void memory_is_limited(void **state)
{
    struct scratch *scratch = *state;
    static const uint64_t limits[] = {1, 15000, 40000};
    static const size_t bundled[] = {0, 1, 4};
    for (size_t i = 0; i < 3; i++) {
        struct segments segments = {0};
        struct bundle bundle = {0};
        struct pieces pieces;
        add_pieces(scratch, &pieces, PIECE, PIECE);
        bundle_begin(&bundle, limits[i], BUNDLE_PARTITIONS + 1);
        for (uint32_t key = 0; !bundle.full; key++)
            CHECK_OK(bundle_add(&bundle, &pieces, key, &scratch->err));
        CHECK_OK(bundle_read(&bundle, read_segment, &segments, &scratch->err));
        assert_true(segments.bytes <= limits[i]);
        size_t with_bytes = 0;
        for (size_t number = 0; number < bundle.n; number++)
            with_bytes += check_part(&bundle, number);
        assert_int_equal(with_bytes, bundled[i] * SPLITS);
        assert_int_equal(bundle.n, bundled[i] ? bundled[i] : 1);
        bundle_release(&bundle);
        pieces_release(&pieces);
    }
}

static void row_groups_are_not_read(void **state)
{
    struct scratch *scratch = *state;
    struct piece found[] = {
        {.kind = PIECE_ROW_GROUP, .rows = 9, .bytes = PIECE, .meta_bytes = 10},
        {.kind = PIECE_PLAIN, .rows = 1, .offset = PIECE + 10, .bytes = PIECE},
    };
    struct segments segments = {0};
    struct bundle bundle = {0};
    struct pieces pieces;
    CHECK_OK(pieces_init(&pieces, scratch->storage, "pieces", LIMIT, 1, &scratch->err));
    CHECK_OK(pieces_add(&pieces, 0, found, 2, &scratch->err));
    CHECK_OK(pieces_seal(&pieces, &scratch->err));
    take(scratch, &bundle, &pieces, 0, 1);
    CHECK_OK(bundle_read(&bundle, read_segment, &segments, &scratch->err));
    assert_int_equal(segments.bytes, PIECE);
    bundle_release(&bundle);
    pieces_release(&pieces);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(neighbours_are_one_read),
        T(small_holes_are_read_over),
        T(large_holes_are_not),
        T(pieces_of_later_chunks_are_found_beside_each_other),
        T(a_read_that_failed_is_tried_again),
        T(memory_is_limited),
        T(row_groups_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
