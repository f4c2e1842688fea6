#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "fault/fault.h"
#include "storage/file_ops.h"
#include "thread/thread.h"

static char root[] = "/tmp/leat-fault-XXXXXX";
static int root_fd = -1;

static void install(const char *plan)
{
    struct error err = {0};
    status_code got = fault_install(plan, &err);
    if (got != STATUS_OK)
        print_error("%s\n", err.text);
    assert_int_equal(got, STATUS_OK);
}

static int take_off(void **state)
{
    fault_remove();
    (void)unsetenv("LEAT_FAULT_COUNTS");
    (void)unsetenv("LEAT_FAULT_LOG");
    (void)unsetenv("LEAT_FAULT_MONITOR");
    return 0;
}

static int open_new(const char *name)
{
    int fd = file_ops()->openat(root_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void only_the_kth_call_fails(void **state)
{
    install("write#2=ENOSPC");
    int fd = open_new("kth");
    assert_int_equal(file_ops()->write(fd, "abcd", 4), 4);
    errno = 0;
    assert_int_equal(file_ops()->write(fd, "abcd", 4), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(file_ops()->write(fd, "abcd", 4), 4);
    struct stat st;
    assert_int_equal(file_ops()->fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 8); /* the failed call wrote nothing */
    assert_int_equal(fault_fired(), 1);
    assert_int_equal(file_ops()->close(fd), 0);
}

static void from_the_kth_on_or_every_one(void **state)
{
    install("fsync#2+=EIO;pread#*=EINTR");
    int fd = open_new("onwards");
    char byte;
    assert_int_equal(file_ops()->fsync(fd), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(file_ops()->fsync(fd), -1);
        assert_int_equal(errno, EIO);
        assert_int_equal(file_ops()->pread(fd, &byte, 1, 0), -1);
        assert_int_equal(errno, EINTR);
    }
    assert_int_equal(file_ops()->close(fd), 0);
}

static void short_calls_move_half_and_at_least_one_byte(void **state)
{
    install("write#*=short;pread#*=short;copy_file_range#*=short");
    int fd = open_new("short"), other = open_new("short-copy");
    char back[8] = {0};
    off_t at = 0;
    assert_int_equal(file_ops()->write(fd, "abcdefgh", 8), 4);
    assert_int_equal(file_ops()->write(fd, "e", 1), 1);
    assert_int_equal(file_ops()->pread(fd, back, 4, 0), 2);
    assert_string_equal(back, "ab");
    assert_int_equal(file_ops()->copy_file_range(fd, &at, other, 4), 2);
    assert_int_equal(file_ops()->close(fd), 0);
    assert_int_equal(file_ops()->close(other), 0);
}

static void a_path_part_picks_calls_by_directory_descriptor_and_name(void **state)
{
    assert_int_equal(mkdirat(root_fd, "month=1", 0700), 0);
    install("fsync:/month=1#1=EIO;openat:special#1=EACCES;linkat:final#1=EEXIST");
    int outside = open_new("plain"), inside = open_new("month=1/a");
    assert_int_equal(file_ops()->fsync(outside), 0);
    assert_int_equal(file_ops()->fsync(inside), -1);
    assert_int_equal(file_ops()->openat(root_fd, "special", O_RDONLY, 0), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(file_ops()->linkat(root_fd, "plain", root_fd, "final", 0), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(file_ops()->linkat(root_fd, "plain", root_fd, "final", 0), 0);
    assert_int_equal(file_ops()->close(outside), 0);
    assert_int_equal(file_ops()->close(inside), 0);
}

static void a_nameless_file_has_the_path_of_its_directory(void **state)
{
    install("write:leat-fault-#1=EIO");
    int fd = file_ops()->openat(root_fd, ".", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        skip(); /* this file system has none */
    assert_int_equal(file_ops()->write(fd, "x", 1), -1);
    assert_int_equal(file_ops()->close(fd), 0);
}

static void a_close_that_fails_has_closed(void **state)
{
    install("close#1=EIO");
    int fd = open_new("close");
    assert_int_equal(file_ops()->close(fd), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void groups_count_all_their_kinds_together(void **state)
{
    install("storage#3=EIO");
    int fd = open_new("group");                                     /* 1 */
    assert_int_equal(file_ops()->write(fd, "x", 1), 1);             /* 2 */
    assert_int_equal(file_ops()->fsync(fd), -1);                    /* 3 */
    assert_int_equal(file_ops()->unlinkat(root_fd, "group", 0), 0); /* 4 */
    assert_int_equal(file_ops()->close(fd), 0);
}

static status_code do_nothing(void *context, size_t i, struct error *err)
{
    return STATUS_OK;
}

static void memory_threads_and_randomness_fail_too(void **state)
{
    install("alloc#2=ENOMEM;map#1=ENOMEM;thread#1=EAGAIN;random#1=EIO;clock#*=delay=0");
    void *first = mem_alloc(8);
    assert_non_null(first);
    assert_null(mem_alloc(8));
    mem_free(first);
    struct buffer buffer = {0};
    struct error err = {0};
    assert_int_equal(buffer_reserve(&buffer, 1 << 20, &err), STATUS_NO_MEMORY);
    assert_int_equal(buffer_reserve(&buffer, 1 << 20, &err), STATUS_OK);
    buffer_release(&buffer);
    char id[RUN_ID_BYTES];
    assert_int_equal(random_run_id(id, &err), STATUS_UNAVAILABLE);
    assert_int_equal(random_run_id(id, &err), STATUS_OK);
    unsigned fired = fault_fired();
    assert_int_equal(thread_run_all(4, 2, do_nothing, NULL, NULL, &err), STATUS_OK);
    assert_int_equal(fault_fired(), fired + 1); /* the thread was refused, the caller did it all */
    assert_true(clock_wall_us() > 0);
}

static void a_delay_comes_before_the_call(void **state)
{
    install("fsync#1=delay=30");
    int fd = open_new("delay");
    int64_t before = clock_monotonic_ns();
    assert_int_equal(file_ops()->fsync(fd), 0);
    assert_true(clock_monotonic_ns() - before >= 30000000);
    assert_int_equal(file_ops()->close(fd), 0);
}

static int wait_for(pid_t child, int options)
{
    int how = 0;
    assert_int_equal(waitpid(child, &how, options), child);
    return how;
}

static off_t size_after(const char *plan, int expected_signal)
{
    (void)unlinkat(root_fd, "killed", 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error err = {0};
        if (fault_install(plan, &err) != STATUS_OK)
            _exit(1);
        int fd = file_ops()->openat(root_fd, "killed", O_RDWR | O_CREAT, 0600);
        for (int i = 0; i < 3; i++)
            if (file_ops()->write(fd, "x", 1) != 1)
                _exit(2);
        _exit(0);
    }
    int how = wait_for(child, 0);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), expected_signal);
    struct stat st;
    assert_int_equal(fstatat(root_fd, "killed", &st, 0), 0);
    return st.st_size;
}

static void kill_comes_before_the_call_and_kill_after_behind_it(void **state)
{
    assert_int_equal(size_after("write#2=kill", SIGKILL), 1);
    assert_int_equal(size_after("write#2=kill-after", SIGKILL), 2);
}

static void a_stopped_process_goes_on_when_told(void **state)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error err = {0};
        if (fault_install("fsync#1=stop", &err) != STATUS_OK)
            _exit(1);
        _exit(file_ops()->fsync(root_fd) == 0 ? 7 : 2);
    }
    assert_true(WIFSTOPPED(wait_for(child, WUNTRACED)));
    assert_int_equal(kill(child, SIGCONT), 0);
    int how = wait_for(child, 0);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 7);
}

static void read_whole(const char *name, char *out, size_t size)
{
    int fd = openat(root_fd, name, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, out, size - 1);
    assert_true(n >= 0);
    out[n] = '\0';
    (void)close(fd);
}

static void set_path(const char *variable, const char *name)
{
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    assert_int_equal(setenv(variable, path, 1), 0);
}

static void counts_are_appended_at_exit(void **state)
{
    char text[4096];
    set_path("LEAT_FAULT_COUNTS", "counts");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error err = {0};
        if (fault_install("write:counted#1=count", &err) != STATUS_OK)
            _exit(1);
        int fd = file_ops()->openat(root_fd, "counted", O_RDWR | O_CREAT, 0600);
        int other = file_ops()->openat(root_fd, "other", O_RDWR | O_CREAT, 0600);
        (void)!file_ops()->write(fd, "x", 1);
        (void)!file_ops()->write(other, "x", 1);
        exit(fault_fired() == 0 ? 0 : 3);
    }
    assert_int_equal(wait_for(child, 0), 0);
    read_whole("counts", text, sizeof(text));
    assert_non_null(strstr(text, "write 2\n"));
    assert_non_null(strstr(text, "openat 2\n"));
    assert_non_null(strstr(text, "fsync 0\n"));
    assert_non_null(strstr(text, "storage 4\n"));
    assert_non_null(strstr(text, "write:counted#1=count 1\n"));
}

static void a_rule_that_acts_is_logged_with_the_path(void **state)
{
    char text[1024], expected[300];
    set_path("LEAT_FAULT_LOG", "log");
    install("fsync#2=EIO");
    int fd = open_new("logged");
    assert_int_equal(file_ops()->fsync(fd), 0);
    assert_int_equal(file_ops()->fsync(fd), -1);
    assert_int_equal(file_ops()->close(fd), 0);
    read_whole("log", text, sizeof(text));
    (void)snprintf(expected, sizeof(expected), "fsync#2=EIO %s/logged\n", root);
    assert_string_equal(text, expected);
}

static void a_plan_that_cannot_be_meant_is_refused(void **state)
{
    const char *const bad[] = {"write",        "write#1",          "write#0=EIO",    "write#x=EIO",
                               "wriet#1=EIO",  "write#1=EFOO",     "fsync#1=short",  "alloc#1=EIO",
                               "clock#1=EIO",  "alloc:x#1=ENOMEM", "write#1=delay=", "#1=EIO",
                               "write#-1=EIO", "write#+=EIO"};
    const struct file_ops *before = file_ops();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        assert_int_equal(fault_install(bad[i], &err), STATUS_BAD_CONFIG);
        assert_non_null(strstr(err.text, bad[i]));
        assert_ptr_equal(file_ops(), before);
    }
}

static void without_a_plan_nothing_is_replaced(void **state)
{
    const struct file_ops *before = file_ops();
    install(NULL);
    install("");
    assert_ptr_equal(file_ops(), before);
    install("write#1=EIO");
    assert_ptr_not_equal(file_ops(), before);
    fault_remove();
    assert_ptr_equal(file_ops(), before);
}

static status_code sync_root(void *context, size_t i, struct error *err)
{
    if (file_ops()->fsync(root_fd) != 0)
        (void)atomic_fetch_add((atomic_int *)context, 1);
    return STATUS_OK;
}

static void among_threads_exactly_one_call_is_the_kth(void **state)
{
    atomic_int failures = 0;
    install("fsync#50=EIO");
    assert_int_equal(thread_run_all(100, 4, sync_root, &failures, NULL, NULL), STATUS_OK);
    assert_int_equal(atomic_load(&failures), 1);
}

/* ---- the monitor: a table made step by step, one step left out ---- */

enum step {
    SYNC_DATA = 1,
    SYNC_DATA_DIR = 2,
    SYNC_ROOT = 4,
    SYNC_COMMIT = 8,
    SYNC_ALL = 16, /* syncfs instead of the first three */
    STAGE = 32,    /* and leave a staged file unsynced */
};

static void write_linked(int table, const char *name, bool sync)
{
    const struct file_ops *ops = file_ops();
    int fd = ops->openat(table, "temporary", O_RDWR | O_CREAT | O_EXCL, 0600);
    (void)!ops->write(fd, "x", 1);
    if (sync)
        (void)ops->fsync(fd);
    (void)ops->linkat(table, "temporary", table, name, 0);
    (void)ops->unlinkat(table, "temporary", 0);
    (void)ops->close(fd);
}

static void sync_directory(int table, const char *name)
{
    int fd = file_ops()->openat(table, name, O_RDONLY | O_DIRECTORY, 0);
    (void)file_ops()->fsync(fd);
    (void)file_ops()->close(fd);
}

static void publish(int steps)
{
    const struct file_ops *ops = file_ops();
    (void)ops->mkdirat(root_fd, "table", 0700);
    int table = ops->openat(root_fd, "table", O_RDONLY | O_DIRECTORY, 0);
    (void)ops->mkdirat(table, "day=1", 0700);
    (void)ops->mkdirat(table, "_delta_log", 0700);
    (void)ops->mkdirat(table, "_leat", 0700);
    (void)ops->mkdirat(table, "_leat/staging", 0700);
    write_linked(table, "day=1/a.parquet", steps & SYNC_DATA);
    if (steps & SYNC_DATA_DIR)
        sync_directory(table, "day=1");
    if (steps & SYNC_ROOT)
        sync_directory(table, ".");
    if (steps & SYNC_ALL)
        (void)ops->syncfs(table);
    if (steps & STAGE)
        write_linked(table, "_leat/staging/segment", false);
    write_linked(table, "_delta_log/00000000000000000000.json", steps & SYNC_COMMIT);
}

static int exit_code_of(int steps)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error err = {0};
        (void)close(STDERR_FILENO);
        (void)openat(root_fd, "stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fault_install(NULL, &err) != STATUS_OK)
            _exit(1);
        publish(steps);
        _exit(0);
    }
    int how = wait_for(child, 0);
    char command[100];
    (void)snprintf(command, sizeof(command), "rm -rf %s/table", root);
    assert_int_equal(system(command), 0);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static void a_commit_before_what_it_names_is_durable_ends_the_process(void **state)
{
    const int all = SYNC_DATA | SYNC_DATA_DIR | SYNC_ROOT | SYNC_COMMIT;
    char text[1024];
    assert_int_equal(setenv("LEAT_FAULT_MONITOR", "1", 1), 0);
    assert_int_equal(exit_code_of(all), 0);
    assert_int_equal(exit_code_of(SYNC_ALL | SYNC_COMMIT), 0);
    assert_int_equal(exit_code_of(all | STAGE), 0);
    assert_int_equal(exit_code_of(all & ~SYNC_COMMIT), 99);
    assert_int_equal(exit_code_of(all & ~SYNC_DATA_DIR), 99);
    assert_int_equal(exit_code_of(all & ~SYNC_ROOT), 99);
    assert_int_equal(exit_code_of(all & ~SYNC_DATA), 99);
    read_whole("stderr", text, sizeof(text));
    assert_true(strncmp(text, "ordering: ", 10) == 0);
    assert_non_null(strstr(text, "day=1/a.parquet"));
}

static int make_root(void **state)
{
    if (!mkdtemp(root))
        return -1;
    root_fd = open(root, O_RDONLY | O_DIRECTORY);
    return root_fd >= 0 ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[100];
    (void)close(root_fd);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(only_the_kth_call_fails, take_off),
        cmocka_unit_test_teardown(from_the_kth_on_or_every_one, take_off),
        cmocka_unit_test_teardown(short_calls_move_half_and_at_least_one_byte, take_off),
        cmocka_unit_test_teardown(a_path_part_picks_calls_by_directory_descriptor_and_name,
                                  take_off),
        cmocka_unit_test_teardown(a_nameless_file_has_the_path_of_its_directory, take_off),
        cmocka_unit_test_teardown(a_close_that_fails_has_closed, take_off),
        cmocka_unit_test_teardown(groups_count_all_their_kinds_together, take_off),
        cmocka_unit_test_teardown(memory_threads_and_randomness_fail_too, take_off),
        cmocka_unit_test_teardown(a_delay_comes_before_the_call, take_off),
        cmocka_unit_test_teardown(kill_comes_before_the_call_and_kill_after_behind_it, take_off),
        cmocka_unit_test_teardown(a_stopped_process_goes_on_when_told, take_off),
        cmocka_unit_test_teardown(counts_are_appended_at_exit, take_off),
        cmocka_unit_test_teardown(a_rule_that_acts_is_logged_with_the_path, take_off),
        cmocka_unit_test_teardown(a_plan_that_cannot_be_meant_is_refused, take_off),
        cmocka_unit_test_teardown(without_a_plan_nothing_is_replaced, take_off),
        cmocka_unit_test_teardown(among_threads_exactly_one_call_is_the_kth, take_off),
        cmocka_unit_test_teardown(a_commit_before_what_it_names_is_durable_ends_the_process,
                                  take_off),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
