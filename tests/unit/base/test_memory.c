#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/failing_memory.h"
#include "base/memory.h"

static void assert_sound(const struct buffer *buffer)
{
    assert_int_equal((uintptr_t)buffer->data % 64, 0);
    assert_true(buffer->size <= buffer->capacity);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(buffer->data[buffer->capacity + i], 0);
}

static void a_buffer_keeps_its_bytes_while_it_grows(void **state)
{
    struct buffer buffer = {0};
    struct error err = {0};
    size_t capacity = 0;
    for (uint32_t i = 0; i < 400000; i++) {
        assert_int_equal(buffer_append(&buffer, &i, sizeof(i), &err), STATUS_OK);
        if (buffer.capacity != capacity) {
            assert_true(capacity == 0 || buffer.capacity >= capacity + capacity / 2);
            capacity = buffer.capacity;
            memset(buffer.data + buffer.size, 0xFF, capacity - buffer.size);
            assert_sound(&buffer);
        }
    }
    assert_true(buffer.mapped > 0);
    for (uint32_t i = 0; i < 400000; i++)
        assert_memory_equal(buffer.data + 4 * i, &i, sizeof(i));
    buffer_release(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
}

static void an_empty_reservation_still_gives_readable_bytes(void **state)
{
    struct buffer buffer = {0};
    struct error err = {0};
    assert_int_equal(buffer_append(&buffer, NULL, 0, &err), STATUS_OK);
    assert_int_equal(buffer_reserve(&buffer, 0, &err), STATUS_OK);
    assert_non_null(buffer.data);
    assert_sound(&buffer);
    buffer_release(&buffer);
    buffer_release(&buffer);
}

static void a_large_reservation_costs_nothing_until_touched(void **state)
{
    struct buffer buffer = {0};
    struct error err = {0};
    /* more than the machine has: only address space */
    assert_int_equal(buffer_reserve(&buffer, (size_t)4 << 30, &err), STATUS_OK);
    buffer.data[0] = 7;
    buffer.size = 1;
    assert_int_equal(buffer_reserve(&buffer, (size_t)9 << 30, &err), STATUS_OK);
    assert_int_equal(buffer.data[0], 7);
    assert_sound(&buffer);
    buffer_release(&buffer);
}

static void a_trimmed_buffer_keeps_its_bytes_and_grows_again(void **state)
{
    struct buffer buffer = {0};
    struct error err = {0};
    assert_int_equal(buffer_reserve(&buffer, 8 << 20, &err), STATUS_OK);
    memset(buffer.data, 0xEE, buffer.capacity);
    buffer.size = 300000;
    buffer_trim(&buffer, 0); /* never below what is used */
    assert_in_range(buffer.capacity, 300000, 310000);
    assert_sound(&buffer);
    for (size_t i = 0; i < buffer.size; i++)
        assert_int_equal(buffer.data[i], 0xEE);
    assert_int_equal(buffer_reserve(&buffer, 8 << 20, &err), STATUS_OK);
    assert_int_equal(buffer.data[299999], 0xEE);
    assert_sound(&buffer);
    size_t capacity = buffer.capacity;
    buffer_trim(&buffer, capacity + 1);
    assert_int_equal(buffer.capacity, capacity);
    buffer_release(&buffer);

    assert_int_equal(buffer_reserve(&buffer, 1000, &err), STATUS_OK);
    buffer_trim(&buffer, 0);
    assert_in_range(buffer.capacity, 1000, 1100);
    buffer_release(&buffer);
}

static void a_lent_buffer_leaves_its_memory_where_it_is(void **state)
{
    enum { LENT = 1000 };
    struct region region = {0};
    struct error err = {0};
    assert_int_equal(region_map(&region, 3 << 20, &err), STATUS_OK);
    for (size_t grown = LENT + 1; grown <= 4 << 20; grown *= 64) { /* small, then a mapping */
        struct buffer buffer = {0};
        memset(region.memory, 0, 3 << 20);
        buffer_lend(&buffer, region.memory, LENT);
        assert_int_equal(buffer_reserve(&buffer, LENT, &err), STATUS_OK);
        assert_ptr_equal(buffer.data, region.memory);
        for (size_t i = 0; i < LENT; i++)
            assert_int_equal(buffer_append(&buffer, "x", 1, &err), STATUS_OK);
        assert_int_equal(buffer_reserve(&buffer, grown, &err), STATUS_OK);
        assert_ptr_not_equal(buffer.data, region.memory);
        assert_sound(&buffer);
        memset(region.memory, 'y', LENT);
        for (size_t i = 0; i < LENT; i++)
            assert_int_equal(buffer.data[i], 'x');
        buffer_release(&buffer);
    }
    struct buffer buffer = {0};
    buffer_lend(&buffer, region.memory, LENT);
    buffer_trim(&buffer, 0);
    assert_int_equal(buffer.capacity, LENT);
    assert_int_equal(buffer_append(&buffer, "z", 1, &err), STATUS_OK);
    assert_int_equal(buffer_own(&buffer, &err), STATUS_OK);
    assert_ptr_not_equal(buffer.data, region.memory);
    assert_int_equal(buffer.data[0], 'z');
    const uint8_t *own = buffer.data;
    assert_int_equal(buffer_own(&buffer, &err), STATUS_OK);
    assert_ptr_equal(buffer.data, own);
    buffer_release(&buffer);
    buffer_lend(&buffer, region.memory, LENT);
    buffer_release(&buffer);
    assert_int_equal(region.memory[0], 'z');
    region_unmap(&region);
    region_unmap(&region);
}

static void an_absurd_reservation_is_refused(void **state)
{
    struct buffer buffer = {0};
    struct error err = {0};
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX - 1, &err), STATUS_NO_MEMORY);
    assert_int_equal(buffer_append(&buffer, "x", 1, &err), STATUS_OK);
    assert_int_equal(buffer_append(&buffer, "x", SIZE_MAX, &err), STATUS_NO_MEMORY);
    assert_int_equal(buffer.size, 1);
    buffer_release(&buffer);
}

static status fill(struct buffer *buffer, struct error *err)
{
    char piece[3000];
    for (size_t i = 0; i < 500; i++) {
        memset(piece, (int)i, sizeof(piece));
        TRY(buffer_append(buffer, piece, sizeof(piece), err));
    }
    return STATUS_OK;
}

static void a_buffer_survives_every_failed_allocation(void **state)
{
    for (unsigned nth = 1;; nth++) {
        struct buffer buffer = {0};
        struct error err = {0};
        fail_allocation(nth);
        status_code got = fill(&buffer, &err);
        bool failed = allocation_failed();
        assert_int_equal(got, failed ? STATUS_NO_MEMORY : STATUS_OK);
        for (size_t i = 0; i < buffer.size; i++) /* what was appended is still there */
            assert_int_equal(buffer.data[i], i / 3000 & 0xFF);
        buffer_release(&buffer);
        if (!failed) {
            assert_true(nth > 10);
            break;
        }
    }
}

static void an_arena_hands_out_zeroed_aligned_bytes(void **state)
{
    struct arena arena = {0};
    unsigned char *all[2000];
    for (size_t i = 0; i < 2000; i++) {
        all[i] = arena_alloc(&arena, i);
        assert_non_null(all[i]);
        assert_int_equal((uintptr_t)all[i] % 16, 0);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(all[i][k], 0);
        memset(all[i], (int)(i & 0xFF), i);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(all[i][k], i & 0xFF);
    assert_true(arena.total_bytes < 3 * 2000 * 1000);
    arena_release(&arena);
    arena_release(&arena);
    assert_int_equal(arena.total_bytes, 0);
}

static void an_arena_takes_one_large_thing_among_small_ones(void **state)
{
    struct arena arena = {0};
    char *small = arena_strdup(&arena, "small");
    unsigned char *large = arena_alloc(&arena, 1 << 20);
    memset(large, 0xEE, 1 << 20);
    char *next = arena_printf(&arena, "%s-%d", "next", 7);
    assert_string_equal(small, "small");
    assert_string_equal(next, "next-7");
    assert_int_equal(next - small, 16); /* the first block goes on being filled */
    assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
    assert_null(arena_alloc(&arena, SIZE_MAX - 3));
    arena_release(&arena);
}

static void an_arena_says_when_memory_is_out(void **state)
{
    struct arena arena = {0};
    fail_allocation(2);
    assert_non_null(arena_alloc(&arena, 10));
    assert_null(arena_alloc(&arena, 5000));
    assert_non_null(arena_alloc(&arena, 10));
    assert_true(allocation_failed());
    arena_release(&arena);
}

static void strings_are_copied_and_arrays_checked_for_overflow(void **state)
{
    SCOPED(mem_freep) char *a = mem_strndup("abc", 2);
    SCOPED(mem_freep) char *b = mem_printf("%d/%s", 42, "x");
    SCOPED(mem_freep) char *c = mem_strdup("");
    assert_string_equal(a, "ab");
    assert_string_equal(b, "42/x");
    assert_string_equal(c, "");
    assert_null(mem_realloc_array(NULL, SIZE_MAX / 2, 3));
    void *nothing = mem_zalloc(0);
    assert_non_null(nothing);
    mem_free(nothing);
    mem_free(NULL);
    char *taken = TAKE(a);
    assert_null(a);
    mem_free(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_keeps_its_bytes_while_it_grows),
        cmocka_unit_test(an_empty_reservation_still_gives_readable_bytes),
        cmocka_unit_test(a_large_reservation_costs_nothing_until_touched),
        cmocka_unit_test(a_trimmed_buffer_keeps_its_bytes_and_grows_again),
        cmocka_unit_test(a_lent_buffer_leaves_its_memory_where_it_is),
        cmocka_unit_test(an_absurd_reservation_is_refused),
        cmocka_unit_test(a_buffer_survives_every_failed_allocation),
        cmocka_unit_test(an_arena_hands_out_zeroed_aligned_bytes),
        cmocka_unit_test(an_arena_takes_one_large_thing_among_small_ones),
        cmocka_unit_test(an_arena_says_when_memory_is_out),
        cmocka_unit_test(strings_are_copied_and_arrays_checked_for_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
