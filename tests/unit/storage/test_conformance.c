/* What every storage must keep; run for the local one. */
#include <pthread.h>

#include "scratch.h"

static void names_are_relative_paths_of_whole_segments(void **state)
{
    static const char *const good[] = {"a", "a/b", "a b", "_leat/x/1.json", "...", "a/.b", "%2E"};
    static const char *const bad[] = {"",     "/",         "/a",           "a/",   "a//b",
                                      ".",    "a/.",       "..",           "../a", "a/../../b",
                                      "a/..", ".leat-tmp", "a/.leat-tmp/x"};
    char long_segment[300];
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(storage_name_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(storage_name_valid(bad[i]));
    memset(long_segment, 'x', sizeof(long_segment));
    long_segment[255] = '\0';
    assert_true(storage_name_valid(long_segment));
    long_segment[255] = 'x';
    long_segment[256] = '\0';
    assert_false(storage_name_valid(long_segment));
}

static void a_bad_name_is_refused_before_the_system_is_asked(void **state)
{
    struct scratch *scratch = *state;
    struct upload *upload;
    CHECK_STATUS(storage_put_begin(scratch->storage, "../x", PUT_IF_ABSENT, &upload, &scratch->err),
                 STATUS_BUG);
    CHECK_STATUS(storage_remove(scratch->storage, "/etc/passwd", &scratch->err), STATUS_BUG);
    CHECK_STATUS(storage_copy(scratch->storage, "a", "..", &scratch->err), STATUS_BUG);
}

static void an_object_appears_whole_at_commit_and_not_before(void **state)
{
    struct scratch *scratch = *state;
    struct upload *upload;
    struct storage_entry entry;
    CHECK_OK(storage_put_begin(scratch->storage, "d/e/x", PUT_IF_ABSENT, &upload, &scratch->err));
    CHECK_OK(storage_put_write(scratch->storage, upload, "hello ", 6, &scratch->err));
    CHECK_STATUS(storage_stat(scratch->storage, "d/e/x", &entry, &scratch->err), STATUS_NOT_FOUND);
    expect_list(scratch, "", false, "");
    CHECK_OK(storage_put_write(scratch->storage, upload, "world", 5, &scratch->err));
    CHECK_OK(storage_put_commit(scratch->storage, upload, &scratch->err));
    expect_text(scratch, "d/e/x", "hello world");
    CHECK_OK(storage_stat(scratch->storage, "d/e/x", &entry, &scratch->err));
    assert_int_equal(entry.size_bytes, 11);
    assert_true(entry.modified_us > 1600000000LL * 1000000);
    CHECK_OK(storage_sync(scratch->storage, &scratch->err));
}

static void an_aborted_object_never_appears(void **state)
{
    struct scratch *scratch = *state;
    struct upload *upload;
    for (enum put_mode mode = PUT_IF_ABSENT; mode <= PUT_IF_ABSENT_DURABLE; mode++) {
        CHECK_OK(storage_put_begin(scratch->storage, "d/x", mode, &upload, &scratch->err));
        CHECK_OK(storage_put_write(scratch->storage, upload, "x", 1, &scratch->err));
        storage_put_abort(scratch->storage, upload);
    }
    storage_put_abort(scratch->storage, NULL);
    expect_list(scratch, "", false, "");
}

static void put_if_absent_leaves_the_first_one(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(put_text(scratch, "x", "first"));
    CHECK_STATUS(put_text(scratch, "x", "second"), STATUS_EXISTS);
    CHECK_STATUS(storage_put(scratch->storage, "x", PUT_IF_ABSENT_DURABLE, "2", 1, &scratch->err),
                 STATUS_EXISTS);
    expect_text(scratch, "x", "first");
}

static void put_replace_takes_the_place_of_what_was_there(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(storage_put(scratch->storage, "x", PUT_REPLACE, "one", 3, &scratch->err));
    CHECK_OK(storage_put(scratch->storage, "x", PUT_REPLACE, "two", 3, &scratch->err));
    expect_text(scratch, "x", "two");
    expect_list(scratch, "", false, "x ");
}

static void large_and_small_writes_keep_their_order(void **state)
{
    struct scratch *scratch = *state;
    struct upload *upload;
    size_t sizes[] = {1, 300000, 7, 262144, 262143, 2, 0, 500000};
    size_t total = 0;
    CHECK_OK(storage_put_begin(scratch->storage, "x", PUT_IF_ABSENT, &upload, &scratch->err));
    char *chunk = malloc(500000);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        memset(chunk, (int)('a' + i), sizes[i]);
        CHECK_OK(storage_put_write(scratch->storage, upload, chunk, sizes[i], &scratch->err));
        total += sizes[i];
    }
    CHECK_OK(storage_put_commit(scratch->storage, upload, &scratch->err));
    char *got;
    size_t size;
    CHECK_OK(storage_get(scratch->storage, "x", 1 << 24, &got, &size, &scratch->err));
    assert_int_equal(size, total);
    size_t at = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        for (size_t k = 0; k < sizes[i]; k++)
            if (got[at++] != (char)('a' + i))
                fail_msg("byte %zu is not of write %zu", at - 1, i);
    mem_free(got);
    free(chunk);
}

static void ranges_of_one_object_are_appended_to_another(void **state)
{
    struct scratch *scratch = *state;
    struct storage_object *from;
    struct upload *upload;
    uint64_t size;
    CHECK_OK(put_text(scratch, "from", "0123456789"));
    CHECK_OK(storage_object_open(scratch->storage, "from", &from, &size, &scratch->err));
    assert_int_equal(size, 10);
    CHECK_OK(storage_put_begin(scratch->storage, "to", PUT_IF_ABSENT, &upload, &scratch->err));
    CHECK_OK(storage_put_write(scratch->storage, upload, "<", 1, &scratch->err));
    CHECK_OK(storage_put_copy_range(scratch->storage, upload, from, 3, 4, &scratch->err));
    CHECK_OK(storage_put_copy_range(scratch->storage, upload, from, 0, 0, &scratch->err));
    CHECK_OK(storage_put_write(scratch->storage, upload, ">", 1, &scratch->err));
    CHECK_OK(storage_put_commit(scratch->storage, upload, &scratch->err));
    expect_text(scratch, "to", "<3456>");
    CHECK_OK(storage_put_begin(scratch->storage, "no", PUT_IF_ABSENT, &upload, &scratch->err));
    CHECK_STATUS(storage_put_copy_range(scratch->storage, upload, from, 8, 4, &scratch->err),
                 STATUS_BAD_DATA);
    storage_put_abort(scratch->storage, upload);
    storage_object_close(scratch->storage, from);
}

static void a_range_behind_the_end_is_bad_data(void **state)
{
    struct scratch *scratch = *state;
    struct storage_object *object;
    char bytes[8];
    CHECK_OK(put_text(scratch, "x", "0123"));
    CHECK_OK(storage_object_open(scratch->storage, "x", &object, NULL, &scratch->err));
    CHECK_OK(storage_object_read(scratch->storage, object, 1, bytes, 3, &scratch->err));
    assert_memory_equal(bytes, "123", 3);
    CHECK_STATUS(storage_object_read(scratch->storage, object, 2, bytes, 3, &scratch->err),
                 STATUS_BAD_DATA);
    storage_object_close(scratch->storage, object);
    char *got;
    CHECK_STATUS(storage_get(scratch->storage, "x", 3, &got, NULL, &scratch->err), STATUS_BAD_DATA);
}

static void lists_go_in_byte_order_of_whole_names(void **state)
{
    struct scratch *scratch = *state;
    static const char *const names[] = {"b", "a/z", "a.b", "a/b/c", "a0", "a-1", "a/b.d", "Z"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        CHECK_OK(put_text(scratch, names[i], "x"));
    expect_list(scratch, "", false, "Z a-1 a.b a/b.d a/b/c a/z a0 b ");
    expect_list(scratch, "", true, "Z a-1 a.b a/ a0 b ");
    expect_list(scratch, "a", false, "a/b.d a/b/c a/z ");
    expect_list(scratch, "a", true, "a/b.d a/b/ a/z ");
    expect_list(scratch, "nothing/here", false, "");
    expect_list(scratch, "b", false, "");
}

static status_code stop_at_second(void *context, const struct storage_entry *entry,
                                  struct error *err)
{
    (void)entry;
    (void)err;
    return ++*(int *)context == 2 ? STATUS_END : STATUS_OK;
}

static void a_listing_ends_when_its_reader_has_enough(void **state)
{
    struct scratch *scratch = *state;
    int seen = 0;
    for (const char *name = "a\0b\0c\0d\0"; *name; name += 2)
        CHECK_OK(put_text(scratch, name, "x"));
    CHECK_OK(storage_list(scratch->storage, "", false, stop_at_second, &seen, &scratch->err));
    assert_int_equal(seen, 2);
}

static void a_storage_below_sees_only_what_is_below(void **state)
{
    struct scratch *scratch = *state;
    struct scratch below = {0};
    CHECK_OK(storage_open_below(scratch->storage, "t/u", &below.storage, &scratch->err));
    CHECK_OK(put_text(&below, "d/x", "text"));
    CHECK_OK(put_text(scratch, "t/other", "text"));
    expect_text(scratch, "t/u/d/x", "text");
    expect_list(&below, "", false, "d/x ");
    expect_list(&below, "d", false, "d/x ");
    CHECK_OK(storage_sync(below.storage, &scratch->err));
    storage_close(below.storage);
}

static void copies_are_equal_and_absent_names_only(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(put_text(scratch, "a/x", "text"));
    CHECK_OK(storage_copy(scratch->storage, "a/x", "b/c/y", &scratch->err));
    CHECK_OK(storage_sync(scratch->storage, &scratch->err));
    expect_text(scratch, "b/c/y", "text");
    CHECK_STATUS(storage_copy(scratch->storage, "a/x", "b/c/y", &scratch->err), STATUS_EXISTS);
    CHECK_STATUS(storage_copy(scratch->storage, "a/none", "z", &scratch->err), STATUS_NOT_FOUND);
    CHECK_OK(storage_remove(scratch->storage, "a/x", &scratch->err));
    expect_text(scratch, "b/c/y", "text");
}

static void removing_what_is_absent_is_no_failure(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(put_text(scratch, "a/b/x", "text"));
    CHECK_OK(put_text(scratch, "a/y", "text"));
    CHECK_OK(storage_remove(scratch->storage, "a/b/x", &scratch->err));
    CHECK_OK(storage_remove(scratch->storage, "a/b/x", &scratch->err));
    CHECK_OK(storage_remove(scratch->storage, "no/such", &scratch->err));
    expect_list(scratch, "", false, "a/y ");
    expect_list(scratch, "a", true, "a/y "); /* no empty directory stays */
    CHECK_OK(storage_remove_below(scratch->storage, "a", &scratch->err));
    expect_list(scratch, "", true, "");
}

struct racer {
    struct scratch *scratch;
    int number;
    int won;
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    struct error err = {0};
    char name[32];
    char text[16];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "race/%d/x", i);
        snprintf(text, sizeof(text), "%d", racer->number);
        status_code s = storage_put(racer->scratch->storage, name, PUT_IF_ABSENT_DURABLE, text,
                                    strlen(text), &err);
        if (s == STATUS_OK)
            racer->won++;
        else if (s != STATUS_EXISTS)
            racer->won += 1000;
    }
    return NULL;
}

static void of_many_puts_of_one_name_exactly_one_wins(void **state)
{
    struct scratch *scratch = *state;
    pthread_t threads[8];
    struct racer racers[8];
    int won = 0;
    for (int i = 0; i < 8; i++) {
        racers[i] = (struct racer){.scratch = scratch, .number = i};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        won += racers[i].won;
    }
    assert_int_equal(won, 50);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(names_are_relative_paths_of_whole_segments),
        T(a_bad_name_is_refused_before_the_system_is_asked),
        T(an_object_appears_whole_at_commit_and_not_before),
        T(an_aborted_object_never_appears),
        T(put_if_absent_leaves_the_first_one),
        T(put_replace_takes_the_place_of_what_was_there),
        T(large_and_small_writes_keep_their_order),
        T(ranges_of_one_object_are_appended_to_another),
        T(a_range_behind_the_end_is_bad_data),
        T(lists_go_in_byte_order_of_whole_names),
        T(a_listing_ends_when_its_reader_has_enough),
        T(a_storage_below_sees_only_what_is_below),
        T(copies_are_equal_and_absent_names_only),
        T(removing_what_is_absent_is_no_failure),
        T(of_many_puts_of_one_name_exactly_one_wins),
    };
    return cmocka_run_group_tests_name("storage/conformance", tests, NULL, NULL);
}
