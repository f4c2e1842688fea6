/* Rules, their counters, and what a call has to suffer. Private to src/fault. */
#ifndef LEAT_FAULT_PLAN_H
#define LEAT_FAULT_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum fault_kind {
    FAULT_WRITE,
    FAULT_FSYNC,
    FAULT_OPENAT,
    FAULT_OPEN_BENEATH,
    FAULT_PREAD,
    FAULT_LINKAT,
    FAULT_RENAMEAT,
    FAULT_UNLINKAT,
    FAULT_MKDIRAT,
    FAULT_COPY_FILE_RANGE,
    FAULT_SYNCFS,
    FAULT_FSTAT,
    FAULT_FSTATAT,
    FAULT_FLOCK,
    FAULT_FTRUNCATE,
    FAULT_CLOSE,
    FAULT_N_STORAGE, /* the kinds above are file operations */
    FAULT_ALLOC = FAULT_N_STORAGE,
    FAULT_MAP,
    FAULT_THREAD,
    FAULT_RANDOM,
    FAULT_CLOCK,
    FAULT_N_KINDS,
};

enum fault_action {
    FAULT_DO_COUNT,
    FAULT_DO_ERRNO,
    FAULT_DO_SHORT,
    FAULT_DO_KILL,
    FAULT_DO_KILL_AFTER,
    FAULT_DO_STOP,
    FAULT_DO_DELAY,
};

enum { FAULT_MAX_RULES = 32, FAULT_RULE_BYTES = 192 };

struct fault_rule {
    uint32_t kinds;              /* bit K: kind K */
    char text[FAULT_RULE_BYTES]; /* as written */
    char path[FAULT_RULE_BYTES]; /* "": any */
    uint64_t first;              /* acts from this call on, counted from 1 */
    bool onwards;                /* and at all later ones */
    enum fault_action action;
    int os_errno;
    int64_t delay_ms;
    atomic_uint_fast64_t calls;
};

struct fault_plan {
    struct fault_rule rules[FAULT_MAX_RULES];
    size_t n_rules;
    bool needs_paths;
};

/* OUT is zeroed by the caller; on BAD_CONFIG its content is of no use. */
status fault_plan_parse(const char *text, struct fault_plan *out, struct error *err);

/* "write", "alloc", ... */
const char *fault_kind_name(enum fault_kind kind);

/* Count a call of KIND with PATH (may be NULL). The rule that is due, or NULL. Threads: any number. */
const struct fault_rule *fault_plan_next(struct fault_plan *plan, enum fault_kind kind,
                                         const char *path);

#endif
