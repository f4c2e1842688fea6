/* Pieces come back by partition, in order of splits, from memory and from the staging area alike. */
#include "../storage/scratch.h"

#include "pipeline/pieces.h"

enum { SPLITS = 40, KEYS = 300 };

/* Split S has pieces of every key that S + 1 divides, and two of key 7; in an order of their own. */
static void add_split(struct scratch *scratch, struct pieces *pieces, uint32_t split)
{
    struct piece found[KEYS + 2];
    size_t n = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t key = i * 7 % KEYS;
        if (key % (split + 1) == 0)
            found[n++] = (struct piece){.key = key, .rows = split + 1, .offset = 1000 + i};
    }
    found[n++] = (struct piece){.key = 7, .rows = 1, .offset = 2};
    found[n++] = (struct piece){.key = 7, .rows = 1, .offset = 1};
    CHECK_OK(pieces_add(pieces, split, found, n, &scratch->err));
}

static void check_key(struct scratch *scratch, struct pieces *pieces, uint32_t key,
                      struct piece_list *list)
{
    size_t at = 0;
    list->n = 0;
    CHECK_OK(pieces_take(pieces, key, list, &scratch->err));
    for (uint32_t split = 0; split < SPLITS; split++) {
        bool divides = key % (split + 1) == 0;
        for (uint64_t offset = 1; key == 7 && offset <= 2; offset++, at++) {
            assert_int_equal(list->items[at].split, split);
            assert_int_equal(list->items[at].piece.offset, offset);
        }
        if (!divides)
            continue;
        assert_int_equal(list->items[at].split, split);
        assert_int_equal(list->items[at].piece.key, key);
        assert_int_equal(list->items[at++].piece.rows, split + 1);
    }
    assert_int_equal(list->n, at);
}

static void add_and_take(struct scratch *scratch, size_t limit)
{
    struct pieces pieces;
    struct piece_list list = {0};
    CHECK_OK(pieces_init(&pieces, scratch->storage, "pieces", limit, SPLITS, &scratch->err));
    for (uint32_t split = 0; split < SPLITS; split++)
        add_split(scratch, &pieces, SPLITS - 1 - split);
    CHECK_OK(pieces_seal(&pieces, &scratch->err));
    for (uint32_t key = 0; key < KEYS; key++)
        check_key(scratch, &pieces, key, &list);
    piece_list_release(&list);
    pieces_release(&pieces);
}

static void few_pieces_stay_in_memory(void **state)
{
    struct scratch *scratch = *state;
    struct storage_entry entry;
    add_and_take(scratch, 1 << 20);
    assert_int_equal(storage_stat(scratch->storage, "pieces", &entry, &scratch->err),
                     STATUS_NOT_FOUND);
}

static void many_pieces_go_to_the_staging_area(void **state)
{
    struct scratch *scratch = *state;
    struct storage_entry entry;
    add_and_take(scratch, 1000);
    CHECK_OK(storage_stat(scratch->storage, "pieces", &entry, &scratch->err));
}

static void what_a_failed_try_said_is_replaced(void **state)
{
    struct scratch *scratch = *state;
    struct pieces pieces;
    struct piece_list list = {0};
    CHECK_OK(pieces_init(&pieces, scratch->storage, "pieces", 1 << 20, SPLITS, &scratch->err));
    for (uint32_t split = 0; split < SPLITS; split++) {
        add_split(scratch, &pieces, split);
        add_split(scratch, &pieces, split);
    }
    uint64_t once = pieces.n_pieces;
    add_split(scratch, &pieces, 3);
    assert_int_equal(pieces.n_pieces, once);
    CHECK_OK(pieces_seal(&pieces, &scratch->err));
    for (uint32_t key = 0; key < KEYS; key++)
        check_key(scratch, &pieces, key, &list);
    piece_list_release(&list);
    pieces_release(&pieces);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(few_pieces_stay_in_memory),
        T(many_pieces_go_to_the_staging_area),
        T(what_a_failed_try_said_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
