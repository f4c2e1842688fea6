#include "fault/monitor.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/inject.h"

enum { SLOTS = 1 << 14, EXIT_ORDERING = 99, NODE_PATH_BYTES = 512 };

/* An inode this process wrote to, or gave a name in. */
struct node {
    dev_t device;
    ino_t inode;
    bool used;
    bool unsynced;              /* bytes of a file, entries of a directory */
    char path[NODE_PATH_BYTES]; /* "" while it has no name */
};

static bool enabled;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct node nodes[SLOTS]; /* open addressing; nodes stay once used */

void fault_monitor_enable(bool on)
{
    enabled = on;
    memset(nodes, 0, sizeof(nodes));
}

static void breach(const char *what, const char *path, const char *commit)
{
    char line[2 * PATH_MAX];
    int length = snprintf(line, sizeof(line), "ordering: %s%s is not synced before %s appears\n",
                          what, path, commit);
    (void)!write(STDERR_FILENO, line, (size_t)length);
    _exit(EXIT_ORDERING);
}

/* Under the mutex. */
static struct node *node_of(const struct stat *st)
{
    size_t slot = (size_t)(st->st_ino * UINT64_C(0x9E3779B97F4A7C15) >> 40) % SLOTS;
    for (size_t i = 0; i < SLOTS; i++, slot = (slot + 1) % SLOTS) {
        struct node *node = &nodes[slot];
        if (node->used && node->inode == st->st_ino && node->device == st->st_dev)
            return node;
        if (!node->used) {
            *node = (struct node){.device = st->st_dev, .inode = st->st_ino, .used = true};
            return node;
        }
    }
    static const char full[] = "ordering: too many files to watch\n";
    (void)!write(STDERR_FILENO, full, sizeof(full) - 1);
    _exit(EXIT_ORDERING);
}

static bool get_fd(int fd, struct stat *out)
{
    return enabled && fault_files_inner()->fstat(fd, out) == 0;
}

static void set_unsynced(int fd, bool unsynced)
{
    int saved = errno;
    struct stat st;
    if (get_fd(fd, &st)) {
        (void)pthread_mutex_lock(&mutex);
        node_of(&st)->unsynced = unsynced;
        (void)pthread_mutex_unlock(&mutex);
    }
    errno = saved;
}

void fault_monitor_written(int fd)
{
    set_unsynced(fd, true);
}

void fault_monitor_synced(int fd)
{
    set_unsynced(fd, false);
}

void fault_monitor_synced_all(int fd)
{
    struct stat st;
    if (!get_fd(fd, &st))
        return;
    (void)pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < SLOTS; i++)
        if (nodes[i].device == st.st_dev)
            nodes[i].unsynced = false;
    (void)pthread_mutex_unlock(&mutex);
}

/* A new file may have the inode number of one that is gone. */
void fault_monitor_opened(int fd, int flags)
{
    bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
    struct stat st;
    if ((!nameless && !(flags & O_EXCL)) || !get_fd(fd, &st))
        return;
    (void)pthread_mutex_lock(&mutex);
    struct node *node = node_of(&st);
    node->unsynced = false;
    node->path[0] = '\0';
    (void)pthread_mutex_unlock(&mutex);
}

void fault_monitor_removing(int dir, const char *name)
{
    struct stat st;
    if (!enabled || fault_files_inner()->fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        (!S_ISDIR(st.st_mode) && st.st_nlink > 1))
        return;
    (void)pthread_mutex_lock(&mutex);
    struct node *node = node_of(&st);
    node->unsynced = false;
    node->path[0] = '\0';
    (void)pthread_mutex_unlock(&mutex);
}

/* ---- names ---- */

/* Names that no version refers to. */
static bool is_private(const char *path)
{
    static const char *const parts[] = {"/_delta_log", "/_leat/staging", "/_leat/rejects",
                                        "/_leat/lock", "/.leat-tmp"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strstr(path, parts[i]))
            return true;
    return false;
}

/* If PATH is ROOT/_delta_log/<digits>.json: the bytes of ROOT; else 0. */
static size_t root_of_commit(const char *path)
{
    const char *log = NULL;
    for (const char *at = path; (at = strstr(at, "/_delta_log/")); at++)
        log = at;
    if (!log)
        return 0;
    const char *digits = log + strlen("/_delta_log/"), *end = digits;
    while (isdigit((unsigned char)*end))
        end++;
    return end > digits && strcmp(end, ".json") == 0 ? (size_t)(log - path) : 0;
}

/* Under the mutex. */
static void check_commit(const char *path, size_t root, const struct stat *commit)
{
    if (node_of(commit)->unsynced)
        breach("the commit ", path, path);
    for (size_t i = 0; i < SLOTS; i++) {
        const struct node *node = &nodes[i];
        if (node->unsynced && strncmp(node->path, path, root) == 0 &&
            (node->path[root] == '/' || node->path[root] == '\0'))
            breach("", node->path, path);
    }
}

static void keep_path(struct node *node, const char *path)
{
    size_t length = strnlen(path, sizeof(node->path) - 1);
    memcpy(node->path, path, length);
    node->path[length] = '\0';
}

void fault_monitor_naming(int from_dir, const char *from, int flags, int to_dir, const char *to)
{
    if (!enabled)
        return;
    char path[PATH_MAX];
    struct stat st;
    int follow = flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
    if (fault_files_inner()->fstatat(from_dir, from, &st, follow | (flags & AT_EMPTY_PATH)) != 0)
        return;
    fault_path(to_dir, to, path, sizeof(path));
    size_t root = root_of_commit(path);
    (void)pthread_mutex_lock(&mutex);
    if (root > 0)
        check_commit(path, root, &st);
    (void)pthread_mutex_unlock(&mutex);
}

/* A file that appeared, and the directory that now has an entry which may not survive. */
void fault_monitor_named(int dir, const char *name)
{
    if (!enabled)
        return;
    int saved = errno;
    char path[PATH_MAX], parent[PATH_MAX];
    struct stat st, parent_st;
    fault_path(dir, name, path, sizeof(path));
    (void)snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash)
        *(slash == parent ? slash + 1 : slash) = '\0';
    const struct file_ops *files = fault_files_inner();
    if (!is_private(path) && files->fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        files->fstatat(AT_FDCWD, parent, &parent_st, 0) == 0) {
        (void)pthread_mutex_lock(&mutex);
        keep_path(node_of(&st), path);
        struct node *holder = node_of(&parent_st);
        keep_path(holder, parent);
        holder->unsynced = true;
        (void)pthread_mutex_unlock(&mutex);
    }
    errno = saved;
}
