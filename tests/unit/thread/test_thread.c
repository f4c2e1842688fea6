#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/clock.h"
#include "thread/cgroup.h"
#include "thread/thread.h"

enum { TASKS = 1000, FAILING = 37 };

struct tally {
    atomic_int runs[TASKS];
    atomic_int inside, most_inside, started;
    struct gate *gate;
    struct cancel *cancel;
};

static status_code count_run(void *context, size_t i, struct error *err)
{
    struct tally *tally = context;
    (void)atomic_fetch_add(&tally->runs[i], 1);
    return STATUS_OK;
}

static void every_number_runs_once(void **state)
{
    for (unsigned threads = 0; threads <= 9; threads += 3) {
        struct tally tally = {0};
        struct cancel cancel = {0};
        struct error err = {0};
        assert_int_equal(thread_run_all(TASKS, threads, count_run, &tally, &cancel, &err),
                         STATUS_OK);
        for (size_t i = 0; i < TASKS; i++)
            assert_int_equal(atomic_load(&tally.runs[i]), 1);
        assert_int_equal(cancel_reason(&cancel), CANCEL_NONE);
    }
    assert_int_equal(thread_run_all(0, 4, count_run, NULL, NULL, NULL), STATUS_OK);
}

static status_code fail_at_one(void *context, size_t i, struct error *err)
{
    struct tally *tally = context;
    (void)atomic_fetch_add(&tally->started, 1);
    if (i == FAILING) {
        /* not before another task is there to be stopped */
        while (tally->cancel && atomic_load(&tally->started) <= FAILING + 1)
            clock_sleep_ms(1);
        return error_set(err, STATUS_BAD_DATA, "task %zu is bad", i);
    }
    while (tally->cancel && i > FAILING && cancel_reason(tally->cancel) == CANCEL_NONE)
        clock_sleep_ms(1);
    return tally->cancel ? cancel_check(tally->cancel, err) : STATUS_OK;
}

static void the_first_failure_stops_the_others_and_is_told(void **state)
{
    struct cancel cancel = {0};
    struct tally tally = {.cancel = &cancel};
    struct error err = {0};
    assert_int_equal(thread_run_all(TASKS, 4, fail_at_one, &tally, &cancel, &err), STATUS_BAD_DATA);
    assert_string_equal(err.text, "task 37 is bad");
    assert_int_equal(cancel_reason(&cancel), CANCEL_PEER_FAILED);
    assert_true(atomic_load(&tally.started) <= FAILING + 5);
}

static void a_failure_stops_also_without_a_cancel(void **state)
{
    struct tally tally = {0};
    assert_int_equal(thread_run_all(TASKS, 1, fail_at_one, &tally, NULL, NULL), STATUS_BAD_DATA);
    assert_int_equal(atomic_load(&tally.started), FAILING + 1);
}

static void a_stopped_run_says_so(void **state)
{
    struct tally tally = {0};
    struct cancel cancel = {0};
    struct error err = {0};
    cancel_request(&cancel, CANCEL_SIGINT);
    assert_int_equal(thread_run_all(TASKS, 2, count_run, &tally, &cancel, &err), STATUS_CANCELLED);
    assert_string_equal(err.text, "stopped by SIGINT");
    assert_int_equal(atomic_load(&tally.runs[0]), 0);
}

static int refuse_to_create(pthread_t *out, void *(*run)(void *), void *argument)
{
    return EAGAIN;
}

static void without_more_threads_the_caller_does_all_the_work(void **state)
{
    static const struct thread_ops refusing = {refuse_to_create, NULL};
    const struct thread_ops *before = thread_set_ops(&refusing);
    struct tally tally = {0};
    assert_int_equal(thread_run_all(TASKS, 8, count_run, &tally, NULL, NULL), STATUS_OK);
    (void)thread_set_ops(before);
    for (size_t i = 0; i < TASKS; i++)
        assert_int_equal(atomic_load(&tally.runs[i]), 1);
}

/* As many threads as SCRIPT says, a line for each call; the last holds on. */
struct steering {
    struct tally tally;
    unsigned script[4];
    unsigned calls, most_seen, after_back;
};

static status_code count_inside(void *context, size_t i, struct error *err)
{
    struct steering *steering = context;
    struct tally *tally = &steering->tally;
    int inside = atomic_fetch_add(&tally->inside, 1) + 1;
    (void)atomic_fetch_add(&tally->runs[i], 1);
    if (inside > atomic_load(&tally->most_inside))
        atomic_store(&tally->most_inside, inside);
    clock_sleep_ms(1);
    (void)atomic_fetch_sub(&tally->inside, 1);
    return STATUS_OK;
}

static unsigned follow_script(void *context, unsigned running)
{
    struct steering *steering = context;
    unsigned call = steering->calls++;
    if (running > steering->most_seen)
        steering->most_seen = running;
    if (call > 10 &&
        running > steering->after_back) /* those that were too many have had their time */
        steering->after_back = running;
    return steering->script[call < 4 ? call : 3];
}

static void threads_come_and_go_as_they_are_wanted(void **state)
{
    struct steering steering = {.script = {2, 5, 0, 3}};
    struct error err = {0};
    assert_int_equal(thread_run_steered(TASKS, count_inside, follow_script, &steering, NULL, &err),
                     STATUS_OK);
    for (size_t i = 0; i < TASKS; i++)
        assert_int_equal(atomic_load(&steering.tally.runs[i]), 1);
    assert_int_equal(atomic_load(&steering.tally.most_inside), 5);
    assert_int_equal(steering.most_seen, 5);
    assert_true(steering.after_back <= 3);
    assert_true(steering.calls > 11);
}

static void no_number_runs_while_no_thread_is_wanted(void **state)
{
    struct steering steering = {.script = {0, 0, 0, 1}};
    assert_int_equal(thread_run_steered(3, count_inside, follow_script, &steering, NULL, NULL),
                     STATUS_OK);
    assert_true(steering.calls >= 4);
    assert_int_equal(atomic_load(&steering.tally.most_inside), 1);
}

static unsigned four(void *context, unsigned running)
{
    return 4;
}

static void a_failure_stops_threads_that_are_steered(void **state)
{
    struct cancel cancel = {0};
    struct tally tally = {.cancel = &cancel};
    struct error err = {0};
    assert_int_equal(thread_run_steered(TASKS, fail_at_one, four, &tally, &cancel, &err),
                     STATUS_BAD_DATA);
    assert_string_equal(err.text, "task 37 is bad");
    assert_true(atomic_load(&tally.started) <= FAILING + 5);
}

static void a_stop_ends_a_wait_for_threads(void **state)
{
    struct steering steering = {.script = {0, 0, 0, 0}};
    struct cancel cancel = {0};
    struct error err = {0};
    cancel_request(&cancel, CANCEL_SIGINT);
    assert_int_equal(thread_run_steered(3, count_inside, follow_script, &steering, &cancel, &err),
                     STATUS_CANCELLED);
    assert_int_equal(atomic_load(&steering.tally.runs[0]), 0);
}

static void without_any_thread_the_caller_does_what_is_wanted(void **state)
{
    static const struct thread_ops refusing = {refuse_to_create, NULL};
    const struct thread_ops *before = thread_set_ops(&refusing);
    struct steering steering = {.script = {2, 2, 0, 2}};
    assert_int_equal(thread_run_steered(20, count_inside, follow_script, &steering, NULL, NULL),
                     STATUS_OK);
    (void)thread_set_ops(before);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(atomic_load(&steering.tally.runs[i]), 1);
}

static status_code pass_the_gate(void *context, size_t i, struct error *err)
{
    struct tally *tally = context;
    TRY(gate_enter(tally->gate, NULL, err));
    int inside = atomic_fetch_add(&tally->inside, 1) + 1;
    if (inside > atomic_load(&tally->most_inside))
        atomic_store(&tally->most_inside, inside);
    (void)atomic_fetch_sub(&tally->inside, 1);
    gate_leave(tally->gate);
    return STATUS_OK;
}

static void a_gate_holds_no_more_than_its_limit(void **state)
{
    struct tally tally = {0};
    struct error err = {0};
    assert_int_equal(gate_new(2, &tally.gate, &err), STATUS_OK);
    assert_int_equal(thread_run_all(TASKS, 6, pass_the_gate, &tally, NULL, &err), STATUS_OK);
    assert_true(atomic_load(&tally.most_inside) <= 2);
    gate_free(tally.gate);
    gate_free(NULL);
}

static void a_wait_at_a_gate_can_be_stopped(void **state)
{
    struct gate *gate = NULL;
    struct cancel cancel = {0};
    struct error err = {0};
    assert_int_equal(gate_new(1, &gate, &err), STATUS_OK);
    assert_int_equal(gate_enter(gate, NULL, &err), STATUS_OK);
    cancel_request(&cancel, CANCEL_SIGTERM);
    assert_int_equal(gate_enter(gate, &cancel, &err), STATUS_CANCELLED);
    gate_leave(gate);
    assert_int_equal(gate_enter(gate, NULL, &err), STATUS_OK);
    gate_free(gate);
}

static void write_file(const char *root, const char *name, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static unsigned cpus_below(const char *root)
{
    char membership[512];
    (void)snprintf(membership, sizeof(membership), "%s/membership", root);
    return cgroup_cpus(membership, root);
}

static void the_smallest_quota_above_us_counts(void **state)
{
    char root[] = "/tmp/leat-test-XXXXXX";
    assert_non_null(mkdtemp(root));
    write_file(root, "membership", "0::/a/b/c\n");
    assert_int_equal(cpus_below(root), 0);
    write_file(root, "a/b/cpu.max", "max 100000\n");
    assert_int_equal(cpus_below(root), 0);
    write_file(root, "a/cpu.max", "350000 100000\n");
    assert_int_equal(cpus_below(root), 4); /* rounded up */
    write_file(root, "a/b/c/cpu.max", "150000 100000\n");
    assert_int_equal(cpus_below(root), 2);
    write_file(root, "cpu.max", "50000 100000\n"); /* a container sees its own group as the root */
    assert_int_equal(cpus_below(root), 1);
    write_file(root, "membership", "12:cpuset:/x\n4:cpu,cpuacct:/x\n1:name=systemd:/y\n");
    write_file(root, "cpu/x/cpu.cfs_quota_us", "-1\n");
    write_file(root, "cpu/x/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus_below(root), 0);
    write_file(root, "cpu/x/cpu.cfs_quota_us", "300000\n");
    assert_int_equal(cpus_below(root), 3);
    char command[600];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    assert_int_equal(system(command), 0);
}

static void there_is_always_a_core(void **state)
{
    assert_true(thread_cores() >= 1);
    assert_int_equal(cgroup_cpus("/does/not/exist", "/neither"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_runs_once),
        cmocka_unit_test(the_first_failure_stops_the_others_and_is_told),
        cmocka_unit_test(a_failure_stops_also_without_a_cancel),
        cmocka_unit_test(a_stopped_run_says_so),
        cmocka_unit_test(without_more_threads_the_caller_does_all_the_work),
        cmocka_unit_test(threads_come_and_go_as_they_are_wanted),
        cmocka_unit_test(no_number_runs_while_no_thread_is_wanted),
        cmocka_unit_test(a_failure_stops_threads_that_are_steered),
        cmocka_unit_test(a_stop_ends_a_wait_for_threads),
        cmocka_unit_test(without_any_thread_the_caller_does_what_is_wanted),
        cmocka_unit_test(a_gate_holds_no_more_than_its_limit),
        cmocka_unit_test(a_wait_at_a_gate_can_be_stopped),
        cmocka_unit_test(the_smallest_quota_above_us_counts),
        cmocka_unit_test(there_is_always_a_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
