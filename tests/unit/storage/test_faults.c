/* The system calls fail, fall short and are interrupted: once, at each call, and for ever. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "scratch.h"
#include "storage/file_ops.h"

static const struct file_ops *real;
static struct file_ops bent;
static unsigned calls, fail_at, fail_errno; /* fail_at 0: never; UINT_MAX: always */
static size_t write_limit;
static bool no_tmpfile;
static unsigned fsyncs, syncfss, begun; /* `begun`: write_behind */

static bool fails(void)
{
    calls++;
    if (fail_at != calls && fail_at != ~0u)
        return false;
    errno = (int)fail_errno;
    return true;
}

static int bent_openat(int dir, const char *path, int flags, mode_t mode)
{
    if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return fails() ? -1 : real->openat(dir, path, flags, mode);
}

static int bent_open_beneath(int dir, const char *path, int flags, mode_t mode)
{
    return fails() ? -1 : real->open_beneath(dir, path, flags, mode);
}

static ssize_t bent_write(int fd, const void *bytes, size_t size)
{
    if (fails())
        return -1;
    return real->write(fd, bytes, write_limit && size > write_limit ? write_limit : size);
}

static ssize_t bent_pread(int fd, void *out, size_t size, off_t offset)
{
    if (fails())
        return -1;
    return real->pread(fd, out, write_limit && size > write_limit ? write_limit : size, offset);
}

static ssize_t bent_copy_file_range(int in, off_t *offset, int out, size_t size)
{
    errno = EXDEV;
    return -1;
}

static int bent_fsync(int fd)
{
    fsyncs++;
    return fails() ? -1 : real->fsync(fd);
}

static void bent_write_behind(int fd)
{
    begun++;
    real->write_behind(fd);
}

static int bent_syncfs(int fd)
{
    syncfss++;
    return fails() ? -1 : real->syncfs(fd);
}

static int bent_linkat(int a, const char *b, int c, const char *d, int e)
{
    return fails() ? -1 : real->linkat(a, b, c, d, e);
}

static int bent_renameat(int a, const char *b, int c, const char *d)
{
    return fails() ? -1 : real->renameat(a, b, c, d);
}

static int bent_mkdirat(int dir, const char *path, mode_t mode)
{
    return fails() ? -1 : real->mkdirat(dir, path, mode);
}

static int bent_fstat(int fd, struct stat *out)
{
    return fails() ? -1 : real->fstat(fd, out);
}

static int setup(void **state)
{
    int r = scratch_setup(state);
    real = file_ops_set(NULL);
    bent = *real;
    bent.openat = bent_openat;
    bent.open_beneath = bent_open_beneath;
    bent.write = bent_write;
    bent.pread = bent_pread;
    bent.copy_file_range = bent_copy_file_range;
    bent.fsync = bent_fsync;
    bent.syncfs = bent_syncfs;
    bent.write_behind = bent_write_behind;
    bent.linkat = bent_linkat;
    bent.renameat = bent_renameat;
    bent.mkdirat = bent_mkdirat;
    bent.fstat = bent_fstat;
    calls = fail_at = fail_errno = fsyncs = syncfss = begun = 0;
    write_limit = 0;
    no_tmpfile = false;
    file_ops_set(&bent);
    return r;
}

static int teardown(void **state)
{
    file_ops_set(NULL);
    return scratch_teardown(state);
}

static void short_writes_and_reads_are_continued(void **state)
{
    struct scratch *scratch = *state;
    write_limit = 3;
    CHECK_OK(put_text(scratch, "x", "0123456789"));
    expect_text(scratch, "x", "0123456789");
}

static void a_copy_is_read_and_written_where_the_kernel_has_none(void **state)
{
    struct scratch *scratch = *state;
    struct storage_object *from;
    struct upload *upload;
    CHECK_OK(put_text(scratch, "x", "0123456789"));
    CHECK_OK(storage_object_open(scratch->storage, "x", &from, NULL, &scratch->err));
    CHECK_OK(storage_put_begin(scratch->storage, "y", PUT_IF_ABSENT, &upload, &scratch->err));
    write_limit = 2;
    CHECK_OK(storage_put_copy_range(scratch->storage, upload, from, 2, 7, &scratch->err));
    CHECK_OK(storage_put_commit(scratch->storage, upload, &scratch->err));
    storage_object_close(scratch->storage, from);
    expect_text(scratch, "y", "2345678");
}

static void without_nameless_files_temporary_names_serve(void **state)
{
    struct scratch *scratch = *state;
    no_tmpfile = true;
    CHECK_OK(put_text(scratch, "d/x", "text"));
    CHECK_STATUS(put_text(scratch, "d/x", "other"), STATUS_EXISTS);
    expect_text(scratch, "d/x", "text");
    expect_list(scratch, "", false, "d/x ");
    char path[128];
    snprintf(path, sizeof(path), "%s/.leat-tmp", scratch->dir);
    assert_int_not_equal(access(path, F_OK), 0); /* gone with the last of them */
}

static void an_interrupted_call_is_tried_again_but_not_for_ever(void **state)
{
    struct scratch *scratch = *state;
    fail_errno = EINTR;
    for (fail_at = 1; fail_at < 12; fail_at++) {
        char name[16];
        snprintf(name, sizeof(name), "x%u", fail_at);
        calls = 0;
        status_code s = put_text(scratch, name, "text");
        if (s != STATUS_OK)
            fail_msg("call %u: %s", fail_at, scratch->err.text);
    }
    fail_at = ~0u;
    CHECK_STATUS(put_text(scratch, "y", "text"), STATUS_UNAVAILABLE);
}

static void each_failing_call_leaves_no_object_and_the_next_try_works(void **state)
{
    struct scratch *scratch = *state;
    static const int errnos[] = {EIO, ENOSPC, EACCES};
    unsigned points = 0;
    for (int mode = 0; mode < 2; mode++)
        for (size_t e = 0; e < 3; e++)
            for (unsigned nth = 1;; nth++) {
                char name[32];
                struct storage_entry entry;
                snprintf(name, sizeof(name), "%d/%zu/%u", mode, e, nth);
                no_tmpfile = mode == 1;
                calls = 0;
                fail_at = nth;
                fail_errno = (unsigned)errnos[e];
                status_code s = storage_put(scratch->storage, name, PUT_IF_ABSENT_DURABLE, "x", 1,
                                            &scratch->err);
                bool fired = calls >= nth;
                fail_at = 0;
                if (!fired) {
                    CHECK_OK(s);
                    break;
                }
                points++;
                if (s == STATUS_OK) { /* a failure of the tidying behind the link unmakes nothing */
                    assert_true(no_tmpfile);
                    expect_text(scratch, name, "x");
                    continue;
                }
                assert_true(strstr(scratch->err.text, scratch->dir) != NULL);
                CHECK_STATUS(storage_stat(scratch->storage, name, &entry, &scratch->err),
                             STATUS_NOT_FOUND);
                CHECK_OK(put_text(scratch, name, "x"));
            }
    assert_true(points > 20);
}

static void a_failed_sync_is_never_tried_again(void **state)
{
    struct scratch *scratch = *state;
    struct error first;
    CHECK_OK(put_text(scratch, "x", "text"));
    fail_at = ~0u;
    fail_errno = EIO;
    assert_int_not_equal(storage_sync(scratch->storage, &scratch->err), STATUS_OK);
    first = scratch->err;
    assert_true(strstr(first.text, "/x") != NULL);
    fail_at = 0;
    fsyncs = syncfss = 0;
    assert_int_not_equal(storage_sync(scratch->storage, &scratch->err), STATUS_OK);
    assert_int_equal(fsyncs + syncfss, 0);
}

/* Of an object that need not last, such as a segment, no byte is sent to the disk before a sync. */
static void the_disk_begins_early_only_where_a_sync_follows(void **state)
{
    enum { BLOCK = 1 << 20, BLOCKS = 9 };
    static const char block[BLOCK];
    struct scratch *scratch = *state;
    const enum put_mode modes[] = {PUT_IF_ABSENT, PUT_IF_ABSENT_SYNC_FOLLOWS};
    for (size_t m = 0; m < 2; m++) {
        struct upload *upload = NULL;
        begun = 0;
        CHECK_OK(storage_put_begin(scratch->storage, m ? "data" : "segment", modes[m], &upload,
                                   &scratch->err));
        for (int i = 0; i < BLOCKS; i++)
            CHECK_OK(storage_put_write(scratch->storage, upload, block, BLOCK, &scratch->err));
        CHECK_OK(storage_put_commit(scratch->storage, upload, &scratch->err));
        assert_int_equal(begun, m ? 3 : 0); /* every 4 MiB, and the rest */
    }
    begun = 0;
    CHECK_OK(put_text(scratch, "few", "too small for a call of its own"));
    assert_int_equal(begun, 0);
    assert_int_equal(fsyncs + syncfss, 0);
    CHECK_OK(storage_sync(scratch->storage, &scratch->err));
    assert_true(fsyncs >= 2);
}

static void few_objects_are_synced_one_by_one_and_many_at_once(void **state)
{
    struct scratch *scratch = *state;
    char name[32];
    CHECK_OK(put_text(scratch, "a/b/x", "text"));
    CHECK_OK(storage_sync(scratch->storage, &scratch->err));
    assert_int_equal(fsyncs, 4); /* the file, a/b, a, the root */
    assert_int_equal(syncfss, 0);
    for (int n = 100; n <= 200; n += 100) {
        for (int i = 0; i < n; i++) {
            snprintf(name, sizeof(name), "m%d/%d", n, i);
            CHECK_OK(put_text(scratch, name, "text"));
        }
        fsyncs = syncfss = 0;
        CHECK_OK(storage_sync(scratch->storage, &scratch->err));
        assert_int_equal(fsyncs, 0);
        assert_int_equal(syncfss, 1);
    }
}

static void many_objects_of_which_few_are_left_are_synced_one_by_one(void **state)
{
    struct scratch *scratch = *state;
    char name[32];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "m/%d", i);
        CHECK_OK(put_text(scratch, name, "text"));
    }
    for (int i = 1; i < 100; i++) {
        snprintf(name, sizeof(name), "m/%d", i);
        CHECK_OK(storage_remove(scratch->storage, name, &scratch->err));
    }
    fsyncs = syncfss = 0;
    CHECK_OK(storage_sync(scratch->storage, &scratch->err));
    assert_int_equal(fsyncs, 3); /* the file, m, the root */
    assert_int_equal(syncfss, 0);
}

static void check_synced(struct scratch *scratch, unsigned expected)
{
    fsyncs = 0;
    CHECK_OK(storage_sync(scratch->storage, &scratch->err));
    assert_int_equal(fsyncs, expected);
}

static void what_was_removed_is_not_synced_and_what_bears_its_name_or_bytes_is(void **state)
{
    struct scratch *scratch = *state;
    struct storage *below;
    CHECK_OK(put_text(scratch, "a", "text"));
    CHECK_OK(storage_remove(scratch->storage, "a", &scratch->err));
    check_synced(scratch, 1); /* the directory */
    CHECK_OK(put_text(scratch, "a", "text"));
    CHECK_OK(storage_copy(scratch->storage, "a", "b", &scratch->err));
    CHECK_OK(storage_remove(scratch->storage, "a", &scratch->err));
    check_synced(scratch, 2);
    CHECK_OK(put_text(scratch, "a", "text"));
    CHECK_OK(storage_remove(scratch->storage, "a", &scratch->err));
    CHECK_OK(put_text(scratch, "a", "more"));
    check_synced(scratch, 2);
    CHECK_OK(storage_open_below(scratch->storage, "c", &below, &scratch->err));
    CHECK_OK(storage_put(below, "a", PUT_IF_ABSENT, "text", 4, &scratch->err));
    CHECK_OK(storage_put(below, "b", PUT_IF_ABSENT, "text", 4, &scratch->err));
    CHECK_OK(storage_remove(below, "b", &scratch->err));
    storage_close(below);
    check_synced(scratch, 3); /* c/a, c, and where c is */
}

static void a_durable_put_syncs_its_bytes_before_the_name_appears(void **state)
{
    struct scratch *scratch = *state;
    CHECK_OK(storage_put(scratch->storage, "x", PUT_IF_ABSENT_DURABLE, "text", 4, &scratch->err));
    assert_int_equal(fsyncs, 1);
    bent.linkat = bent_linkat;
    fail_errno = EIO;
    calls = 0;
    struct upload *upload;
    CHECK_OK(
        storage_put_begin(scratch->storage, "y", PUT_IF_ABSENT_DURABLE, &upload, &scratch->err));
    CHECK_OK(storage_put_write(scratch->storage, upload, "text", 4, &scratch->err));
    fail_at = calls + 2; /* write, then fsync */
    assert_int_not_equal(storage_put_commit(scratch->storage, upload, &scratch->err), STATUS_OK);
    fail_at = 0;
    expect_list(scratch, "", false, "x ");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(short_writes_and_reads_are_continued),
        T(a_copy_is_read_and_written_where_the_kernel_has_none),
        T(without_nameless_files_temporary_names_serve),
        T(an_interrupted_call_is_tried_again_but_not_for_ever),
        T(each_failing_call_leaves_no_object_and_the_next_try_works),
        T(a_failed_sync_is_never_tried_again),
        T(the_disk_begins_early_only_where_a_sync_follows),
        T(few_objects_are_synced_one_by_one_and_many_at_once),
        T(many_objects_of_which_few_are_left_are_synced_one_by_one),
        T(what_was_removed_is_not_synced_and_what_bears_its_name_or_bytes_is),
        T(a_durable_put_syncs_its_bytes_before_the_name_appears),
    };
    return cmocka_run_group_tests_name("storage/faults", tests, NULL, NULL);
}
