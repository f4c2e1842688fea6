/* What only the local storage has: links, locks, directories, opening. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "scratch.h"

static void link_in(struct scratch *scratch, const char *target, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", scratch->dir, name);
    assert_int_equal(symlink(target, path), 0);
}

static void no_symbolic_link_is_followed_below_the_root(void **state)
{
    struct scratch *scratch = *state;
    struct storage_entry entry;
    char *got;
    CHECK_OK(put_text(scratch, "d/x", "text"));
    link_in(scratch, "/etc", "out");
    link_in(scratch, "d", "inside");
    link_in(scratch, "d/x", "file");
    CHECK_STATUS(put_text(scratch, "out/x", "evil"), STATUS_DENIED);
    CHECK_STATUS(put_text(scratch, "inside/y", "evil"), STATUS_DENIED);
    CHECK_STATUS(storage_get(scratch->storage, "out/passwd", 1 << 20, &got, NULL, &scratch->err),
                 STATUS_DENIED);
    CHECK_STATUS(storage_get(scratch->storage, "inside/x", 1 << 20, &got, NULL, &scratch->err),
                 STATUS_DENIED);
    CHECK_STATUS(storage_get(scratch->storage, "file", 1 << 20, &got, NULL, &scratch->err),
                 STATUS_DENIED);
    CHECK_STATUS(storage_stat(scratch->storage, "file", &entry, &scratch->err), STATUS_DENIED);
    CHECK_STATUS(storage_copy(scratch->storage, "file", "copy", &scratch->err), STATUS_DENIED);
    CHECK_STATUS(storage_remove(scratch->storage, "inside/x", &scratch->err), STATUS_DENIED);
    CHECK_STATUS(storage_lock(scratch->storage, "file", "me", NULL, &scratch->err), STATUS_DENIED);
    expect_text(scratch, "d/x", "text");
}

static void links_and_pipes_are_not_listed(void **state)
{
    struct scratch *scratch = *state;
    char path[128];
    CHECK_OK(put_text(scratch, "x", "text"));
    link_in(scratch, "/etc", "out");
    link_in(scratch, "x", "file");
    snprintf(path, sizeof(path), "%s/pipe", scratch->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_list(scratch, "", false, "x ");
    CHECK_STATUS(storage_get(scratch->storage, "pipe", 9, &(char *){0}, NULL, &scratch->err),
                 STATUS_DENIED);
}

static void a_directory_is_no_object(void **state)
{
    struct scratch *scratch = *state;
    struct storage_entry entry;
    CHECK_OK(put_text(scratch, "d/x", "text"));
    CHECK_STATUS(storage_stat(scratch->storage, "d", &entry, &scratch->err), STATUS_NOT_FOUND);
    CHECK_STATUS(storage_get(scratch->storage, "d", 9, &(char *){0}, NULL, &scratch->err),
                 STATUS_NOT_FOUND);
}

static void a_lock_keeps_another_process_out_and_says_who(void **state)
{
    struct scratch *scratch = *state;
    int ready[2];
    int go[2];
    char byte;
    assert_int_equal(pipe(ready) + pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        struct storage *own;
        struct error err = {0};
        status_code s = storage_open(scratch->dir, NULL, false, &own, &err);
        if (s == STATUS_OK)
            s = storage_lock(own, "_leat/lock", "run 42, pid 7", NULL, &err);
        byte = (char)s;
        _exit(write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1 ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, STATUS_OK);
    char *holder = NULL;
    CHECK_STATUS(storage_lock(scratch->storage, "_leat/lock", "run 43", &holder, &scratch->err),
                 STATUS_CONFLICT);
    assert_string_equal(holder, "run 42, pid 7");
    mem_free(holder);
    assert_int_equal(kill(child, 9), 0); /* however the holder ends ... */
    assert_int_equal(waitpid(child, NULL, 0), child);
    CHECK_OK(storage_lock(scratch->storage, "_leat/lock", "run 43", NULL, &scratch->err));
    expect_text(scratch, "_leat/lock", "run 43");
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

static void a_lock_is_free_after_unlock_and_after_close(void **state)
{
    struct scratch *scratch = *state;
    struct storage *other;
    CHECK_OK(storage_open(scratch->dir, NULL, false, &other, &scratch->err));
    CHECK_OK(storage_lock(scratch->storage, "l", "a much longer owner", NULL, &scratch->err));
    CHECK_STATUS(storage_lock(other, "l", "b", NULL, &scratch->err), STATUS_CONFLICT);
    storage_unlock(scratch->storage, "l");
    CHECK_OK(storage_lock(other, "l", "b", NULL, &scratch->err));
    expect_text(scratch, "l", "b");
    storage_close(other);
    CHECK_OK(storage_lock(scratch->storage, "l", "c", NULL, &scratch->err));
}

static void a_root_is_made_only_when_asked(void **state)
{
    struct scratch *scratch = *state;
    struct storage *storage;
    char url[128];
    snprintf(url, sizeof(url), "file://%s/a/b%%20c", scratch->dir);
    CHECK_STATUS(storage_open(url, NULL, false, &storage, &scratch->err), STATUS_NOT_FOUND);
    CHECK_OK(storage_open(url, NULL, true, &storage, &scratch->err));
    CHECK_OK(storage_put(storage, "x", PUT_IF_ABSENT, "text", 4, &scratch->err));
    storage_close(storage);
    expect_text(scratch, "a/b c/x", "text");
    snprintf(url, sizeof(url), "%s/a/b c/x", scratch->dir);
    CHECK_STATUS(storage_open(url, NULL, true, &storage, &scratch->err), STATUS_BAD_CONFIG);
    CHECK_STATUS(storage_open("s4://bucket/x", NULL, true, &storage, &scratch->err),
                 STATUS_BAD_CONFIG);
    CHECK_STATUS(storage_open("file://host/x", NULL, true, &storage, &scratch->err),
                 STATUS_BAD_CONFIG);
    CHECK_STATUS(storage_open("", NULL, true, &storage, &scratch->err), STATUS_BAD_CONFIG);
}

static void many_objects_are_synced_at_one_barrier(void **state)
{
    struct scratch *scratch = *state;
    char name[32];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "p=%d/x%d", i % 100, i);
        CHECK_OK(put_text(scratch, name, "text"));
    }
    CHECK_OK(storage_sync(scratch->storage, &scratch->err));
    CHECK_OK(storage_sync(scratch->storage, &scratch->err));
    assert_true(storage_free_bytes(scratch->storage) > 0);
}

static void dead_temporary_names_are_swept_by_the_next_holder(void **state)
{
    struct scratch *scratch = *state;
    char path[128];
    struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    snprintf(path, sizeof(path), "%s/.leat-tmp", scratch->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/.leat-tmp/t%d", scratch->dir, i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        if (i == 0)
            assert_int_equal(futimens(fd, old), 0);
        close(fd);
    }
    expect_list(scratch, "", false, "");
    CHECK_OK(storage_lock(scratch->storage, "l", "me", NULL, &scratch->err));
    snprintf(path, sizeof(path), "%s/.leat-tmp/t0", scratch->dir);
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%s/.leat-tmp/t1", scratch->dir);
    assert_int_equal(access(path, F_OK), 0); /* young: somebody may just be opening it */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(no_symbolic_link_is_followed_below_the_root),
        T(links_and_pipes_are_not_listed),
        T(a_directory_is_no_object),
        T(a_lock_keeps_another_process_out_and_says_who),
        T(a_lock_is_free_after_unlock_and_after_close),
        T(a_root_is_made_only_when_asked),
        T(many_objects_are_synced_at_one_barrier),
        T(dead_temporary_names_are_swept_by_the_next_holder),
    };
    return cmocka_run_group_tests_name("storage/local", tests, NULL, NULL);
}
