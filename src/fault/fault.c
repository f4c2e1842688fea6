/* The plan in force, the counts, and how a rule acts. Nothing here allocates: it runs inside allocations. */
#include "fault/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/inject.h"
#include "fault/monitor.h"

static struct {
    struct fault_plan plan;
    atomic_uint_fast64_t calls[FAULT_N_KINDS];
    atomic_uint fired;
    char counts_path[PATH_MAX]; /* "": not asked for */
    int log;                    /* descriptor, -1: not asked for */
    bool installed;
} faults = {.log = -1};

unsigned fault_fired(void)
{
    return atomic_load(&faults.fired);
}

/* ---- a call ---- */

void fault_path(int dir, const char *name, char *out, size_t size)
{
    out[0] = '\0';
    if (name && name[0] == '/') {
        (void)snprintf(out, size, "%s", name);
        return;
    }
    char link[40] = "/proc/self/cwd";
    if (dir != AT_FDCWD)
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    ssize_t length = readlink(link, out, size - 1);
    if (length < 0)
        length = 0;
    out[length] = '\0';
    if (name && name[0])
        (void)snprintf(out + length, size - (size_t)length, "/%s", name);
}

/* The one or two paths of a call, a newline between them. */
static void describe(const struct fault_call *call, char *out, size_t size)
{
    out[0] = '\0';
    if (!call->has_path)
        return;
    fault_path(call->dir, call->name, out, size);
    size_t length = strlen(out);
    if (call->to_name && length + 2 < size) {
        out[length++] = '\n';
        fault_path(call->to_dir, call->to_name, out + length, size - length);
    }
}

static void log_line(const struct fault_rule *rule, const char *path)
{
    char line[2 * PATH_MAX + FAULT_RULE_BYTES + 8];
    int length = snprintf(line, sizeof(line), "%s %s", rule->text, path);
    for (int i = 0; i < length; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[length++] = '\n';
    (void)!write(faults.log, line, (size_t)length);
}

static void kill_self(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) /* until it arrives */
        (void)pause();
}

static struct fault_effect act(const struct fault_rule *rule)
{
    switch (rule->action) {
    case FAULT_DO_ERRNO:
        return (struct fault_effect){.os_errno = rule->os_errno};
    case FAULT_DO_SHORT:
        return (struct fault_effect){.shorten = true};
    case FAULT_DO_KILL:
        kill_self();
        break;
    case FAULT_DO_KILL_AFTER:
        return (struct fault_effect){.kill_after = true};
    case FAULT_DO_STOP:
        (void)kill(getpid(), SIGSTOP);
        break;
    case FAULT_DO_DELAY:
        fault_sleep_ms(rule->delay_ms);
        break;
    case FAULT_DO_COUNT:
        break;
    }
    return (struct fault_effect){0};
}

struct fault_effect fault_before(const struct fault_call *call)
{
    char path[2 * PATH_MAX];
    (void)atomic_fetch_add(&faults.calls[call->kind], 1);
    path[0] = '\0';
    if (faults.plan.needs_paths || faults.log >= 0)
        describe(call, path, sizeof(path));
    const struct fault_rule *rule = fault_plan_next(&faults.plan, call->kind, path);
    if (!rule)
        return (struct fault_effect){0};
    (void)atomic_fetch_add(&faults.fired, 1);
    if (faults.log >= 0)
        log_line(rule, path);
    return act(rule);
}

void fault_after(const struct fault_effect *effect)
{
    if (effect->kill_after)
        kill_self();
}

/* ---- the counts ---- */

static void append_count(char *text, size_t size, const char *name, uint64_t calls)
{
    size_t length = strlen(text);
    (void)snprintf(text + length, size - length, "%s %llu\n", name, (unsigned long long)calls);
}

static void write_counts(void)
{
    static char text[(FAULT_N_KINDS + 2) * 48 + FAULT_MAX_RULES * (FAULT_RULE_BYTES + 24)];
    if (!faults.installed || !faults.counts_path[0])
        return;
    uint64_t storage = 0, any = 0;
    for (size_t i = 0; i < FAULT_N_KINDS; i++) {
        uint64_t calls = atomic_load(&faults.calls[i]);
        any += calls;
        if (i < FAULT_N_STORAGE)
            storage += calls;
        append_count(text, sizeof(text), fault_kind_name((enum fault_kind)i), calls);
    }
    append_count(text, sizeof(text), "storage", storage);
    append_count(text, sizeof(text), "any", any);
    for (size_t i = 0; i < faults.plan.n_rules; i++)
        append_count(text, sizeof(text), faults.plan.rules[i].text,
                     atomic_load(&faults.plan.rules[i].calls));
    const struct file_ops *files = fault_files_inner();
    int fd = files->openat(AT_FDCWD, faults.counts_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                           0600);
    if (fd < 0)
        return;
    (void)!files->write(fd, text, strlen(text));
    (void)files->close(fd);
}

/* ---- install ---- */

static status open_log(const char *path, struct error *err)
{
    faults.log =
        file_ops()->openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return faults.log >= 0 ? STATUS_OK
                           : error_os(err, errno, "cannot open LEAT_FAULT_LOG, %s", path);
}

static void forget(void)
{
    memset(&faults.plan, 0, sizeof(faults.plan));
    memset(faults.calls, 0, sizeof(faults.calls));
    atomic_store(&faults.fired, 0);
    faults.counts_path[0] = '\0';
    if (faults.log >= 0)
        (void)file_ops()->close(faults.log);
    faults.log = -1;
}

status fault_install(const char *plan, struct error *err)
{
    static bool at_exit;
    const char *counts = getenv("LEAT_FAULT_COUNTS"), *log = getenv("LEAT_FAULT_LOG");
    const char *monitor = getenv("LEAT_FAULT_MONITOR");
    bool monitored = monitor && strcmp(monitor, "1") == 0;
    if (!(plan && *plan) && !counts && !monitored)
        return STATUS_OK;
    forget();
    TRY(fault_plan_parse(plan ? plan : "", &faults.plan, err));
    if (counts)
        (void)snprintf(faults.counts_path, sizeof(faults.counts_path), "%s", counts);
    if (log)
        TRY(open_log(log, err));
    if (!at_exit && atexit(write_counts) != 0)
        return error_no_memory(err);
    at_exit = true;
    faults.installed = true;
    fault_monitor_enable(monitored);
    fault_files_install();
    fault_others_install();
    return STATUS_OK;
}

void fault_remove(void)
{
    if (!faults.installed)
        return;
    fault_others_remove();
    fault_files_remove();
    faults.installed = false;
    forget();
}
