/* Is everything durable before a version names it? Watches the file operations of this process and ends it with
 * exit code 99 and a line "ordering: ..." on stderr when a commit comes too early. Private to src/fault.
 *
 * Just before a name _delta_log/<digits>.json is given, below the table's root (where _delta_log lies):
 *   1. no file that was written and has a name is unsynced: data files and records;
 *   2. no directory holds an entry of such a file, or of a directory above one, that is unsynced;
 *   3. the bytes of the commit itself are synced.
 * A sync counts when it succeeded: fsync for its inode, syncfs for its file system. Left out are names no version
 * refers to: the log's own entries, staging, rejects, locks, temporary files. */
#ifndef LEAT_FAULT_MONITOR_H
#define LEAT_FAULT_MONITOR_H

#include <stdbool.h>

void fault_monitor_enable(bool enabled); /* forgets what it knew */

/* All of these do nothing unless enabled. After a call that succeeded: */
void fault_monitor_opened(int fd, int flags);
void fault_monitor_written(int fd);
void fault_monitor_synced(int fd);
void fault_monitor_synced_all(int fd);
void fault_monitor_named(int dir, const char *name);
/* Before a call: */
void fault_monitor_naming(int from_dir, const char *from, int flags, int to_dir, const char *to);
void fault_monitor_removing(int dir, const char *name);

#endif
