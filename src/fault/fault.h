/* Faults on purpose: a plan says which call of a kind shall fail, be cut short, be late, stop or kill the process.
 * Only binaries built with -Dfaults=true call this; there $LEAT_FAULT holds the plan.
 *
 *   plan    = rule { ";" rule }
 *   rule    = kind [ ":" pathpart ] "#" which "=" action
 *   kind    = any                  every call of all kinds below
 *           | storage              every file operation
 *           | write fsync openat open_beneath pread linkat renameat unlinkat mkdirat copy_file_range
 *             syncfs fstat fstatat flock ftruncate close
 *           | alloc                mem_alloc and all that stands on it
 *           | map                  pages for large buffers, new and grown
 *           | thread               creation of a thread
 *           | random | clock
 *   pathpart                       calls whose absolute path contains it; of two paths either. Calls on a descriptor
 *                                  have the path it was opened by; a nameless file has that of its directory
 *   which   = K                    the K-th call that kind and pathpart match, from 1
 *           | K "+"                that one and all after it
 *           | "*"                  every one
 *   action  = an errno by name     EIO ENOSPC EINTR EDQUOT EACCES EMFILE EAGAIN ...: the call is not made and fails so;
 *                                  a close is made and then fails. alloc and map know ENOMEM only, clock none
 *           | short                write, pread, copy_file_range of half the bytes, at least one
 *           | kill                 SIGKILL instead of the call
 *           | kill-after           the call, then SIGKILL
 *           | stop                 SIGSTOP before the call; somebody sends SIGCONT
 *           | delay=MS             wait before the call
 *           | count                nothing: for the counts
 *
 * For example "fsync:_delta_log#1=EIO", "storage#17=kill", "write#3+=ENOSPC", "pread#*=short".
 * Each rule counts on its own; of the rules a call meets, the first that is due acts.
 *
 * Environment:
 *   LEAT_FAULT_COUNTS=PATH   at exit one line "kind calls" for each kind is appended, "storage" and "any" among them,
 *                            then one "rule calls" for each rule: a driver runs once to count and then loops over K
 *   LEAT_FAULT_LOG=PATH      one line is appended when a rule acts: the rule and the path of the call
 *   LEAT_FAULT_MONITOR=1     watch the order of writes, syncs and names (see monitor.h); exit 99 on a breach */
#ifndef LEAT_FAULT_FAULT_H
#define LEAT_FAULT_FAULT_H

#include "base/error.h"

/* Put the decorators around the tables in force: file_ops, memory_ops, thread_ops, random_ops, clock_ops. Once, before
 * any thread starts. PLAN NULL or empty: only what the environment asks for, which may be nothing.
 * BAD_CONFIG names the rule and what is wrong with it; then nothing is replaced. */
status fault_install(const char *plan, struct error *err);

/* The tables as they were, all counts forgotten; for unit tests. */
void fault_remove(void);

/* How often rules acted since fault_install. */
unsigned fault_fired(void);

#endif
