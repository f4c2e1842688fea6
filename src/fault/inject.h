/* What every decorator does around its call. Private to src/fault.
 *
 *   struct fault_effect effect = fault_before(&(struct fault_call){.kind = ..., ...});
 *   if (effect.os_errno) { errno = effect.os_errno; return -1; }
 *   result = inner->call(...);
 *   fault_after(&effect);
 */
#ifndef LEAT_FAULT_INJECT_H
#define LEAT_FAULT_INJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "fault/plan.h"
#include "storage/file_ops.h"

/* A call and what it acts on. NAME NULL: the descriptor DIR itself. */
struct fault_call {
    enum fault_kind kind;
    bool has_path;
    int dir;
    const char *name;
    int to_dir; /* linkat, renameat: a second path */
    const char *to_name;
};

struct fault_effect {
    int os_errno; /* 0: make the call */
    bool shorten;
    bool kill_after;
};

struct fault_effect fault_before(const struct fault_call *call);
void fault_after(const struct fault_effect *effect);

/* The absolute path of NAME below DIR, or of descriptor DIR if NAME is NULL; "" if there is none. */
void fault_path(int dir, const char *name, char *out, size_t size);

/* The decorators: each puts its table around the one in force, and takes it off again. */
void fault_files_install(void);
void fault_files_remove(void);
const struct file_ops *fault_files_inner(void); /* the table below */
void fault_others_install(void);
void fault_others_remove(void);
void fault_sleep_ms(int64_t ms); /* by the clock below */

#endif
