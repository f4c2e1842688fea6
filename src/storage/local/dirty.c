/* What was put and is not durable yet, and the barrier that makes it so.
 *
 *   put, copy ---> dirty set ---> local_sync ---> durable, or the storage is failed for good
 *
 * 1. An object is in the dirty set when put_commit or copy returns, and leaves it only to a sync that began later.
 *    Noting it can't fail: without memory for its name the whole file system counts as dirty. One that is removed before
 *    leaves it, too: its bytes need not reach the disk.
 * 2. With a file go the entries of its directory and of all directories above it up to the root: a directory that
 *    another process made a moment ago may itself not be durable.
 * 3. Few files: each is synced by a descriptor that was open while it was written, so a failure is told to us
 *    and of us. Many: one syncfs of each file system touched, by a descriptor opened before the first write. Which it is
 *    turns out at the barrier: a load of many segments removes most of them before.
 * 4. After a failed sync nothing is synced again: the kernel has dropped the dirty pages and would call a second
 *    fsync a success. Every later sync of this storage fails with the first one's reason; whoever wants to
 *    go on writes again, under other names, through a storage opened anew. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/local/local.h"

void local_dirty_release(struct dirty_set *dirty)
{
    for (size_t i = 0; i < dirty->n_files; i++) {
        local_close(dirty->files[i].fd);
        mem_free(dirty->files[i].path);
    }
    for (size_t i = 0; i < dirty->n_dirs; i++)
        mem_free(dirty->dirs[i]);
    *dirty = (struct dirty_set){0};
}

/* Too many to remember: the whole file systems are dirty. */
static void turn_to_all(struct dirty_set *dirty)
{
    local_dirty_release(dirty);
    dirty->all = true;
}

static bool knows_dir(const struct dirty_set *dirty, const char *path)
{
    for (size_t i = 0; i < dirty->n_dirs; i++)
        if (strcmp(dirty->dirs[i], path) == 0)
            return true;
    return false;
}

/* Under the mutex. Adds PATH and all above it; a known one's parents are known. */
static void add_dirs(struct dirty_set *dirty, const char *path)
{
    char way[PATH_MAX];
    memcpy(way, path, strlen(path) + 1);
    while (!dirty->all && !knows_dir(dirty, way)) {
        char *copy = dirty->n_dirs < LOCAL_DIRTY_DIRS ? mem_strdup(way) : NULL;
        if (!copy) {
            turn_to_all(dirty);
            return;
        }
        dirty->dirs[dirty->n_dirs++] = copy;
        if (!*way)
            return;
        char *slash = strrchr(way, '/');
        *(slash ? slash : way) = '\0';
    }
}

void local_note_dir(struct local_root *root, const char *path)
{
    pthread_mutex_lock(&root->mutex);
    add_dirs(&root->dirty, path);
    pthread_mutex_unlock(&root->mutex);
}

/* Under the mutex. */
static status add_device(struct local_root *root, int fd, const char *path, struct error *err)
{
    struct stat st;
    if (UNINTERRUPTED(file_ops()->fstat(fd, &st)) != 0)
        return local_failed(root, "stat", path, err);
    for (size_t i = 0; i < root->n_devices; i++)
        if (root->devices[i].dev == st.st_dev)
            return STATUS_OK;
    struct device *devices =
        mem_realloc_array(root->devices, root->n_devices + 1, sizeof(*devices));
    if (!devices)
        return error_no_memory(err);
    root->devices = devices;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return local_failed(root, "keep open", path, err);
    devices[root->n_devices++] = (struct device){.dev = st.st_dev, .fd = copy};
    return STATUS_OK;
}

status local_note_device(struct local_root *root, int fd, const char *path, struct error *err)
{
    pthread_mutex_lock(&root->mutex);
    status s = add_device(root, fd, path, err);
    pthread_mutex_unlock(&root->mutex);
    return s;
}

/* Under the mutex. */
static void add_file(struct dirty_set *dirty, const char *path, int fd)
{
    char *copy = NULL;
    if (!dirty->all && dirty->n_files < LOCAL_DIRTY_FILES)
        copy = mem_strdup(path);
    if (copy) {
        dirty->files[dirty->n_files++] = (struct dirty_file){.fd = fd, .path = copy};
        return;
    }
    local_close(fd);
    if (!dirty->all)
        turn_to_all(dirty);
}

void local_note_put(struct local_root *root, const struct local_path *path, int fd)
{
    char parent[PATH_MAX];
    local_parent(path, parent);
    pthread_mutex_lock(&root->mutex);
    add_dirs(&root->dirty, parent);
    add_file(&root->dirty, path->text, fd);
    pthread_mutex_unlock(&root->mutex);
}

void local_note_removed(struct local_root *root, const char *path)
{
    struct dirty_set *dirty = &root->dirty;
    pthread_mutex_lock(&root->mutex);
    for (size_t i = 0; i < dirty->n_files; i++) {
        if (strcmp(dirty->files[i].path, path) != 0)
            continue;
        local_close(dirty->files[i].fd);
        mem_free(dirty->files[i].path);
        dirty->files[i] = dirty->files[--dirty->n_files];
        break;
    }
    pthread_mutex_unlock(&root->mutex);
}

static status sync_dir(struct local_root *root, const char *path, struct error *err)
{
    const struct file_ops *ops = file_ops();
    int fd = local_open(root, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 && errno == ENOENT)
        return STATUS_OK; /* removed since, and with it the entries */
    if (fd < 0)
        return local_failed(root, "open", path, err);
    status s = STATUS_OK;
    if (UNINTERRUPTED(ops->fsync(fd)) != 0)
        s = local_failed(root, "sync the directory", path, err);
    local_close(fd);
    return s;
}

static status sync_each(struct local_root *root, const struct dirty_set *dirty, struct error *err)
{
    const struct file_ops *ops = file_ops();
    for (size_t i = 0; i < dirty->n_files; i++)
        if (UNINTERRUPTED(ops->fsync(dirty->files[i].fd)) != 0)
            return local_failed(root, "sync", dirty->files[i].path, err);
    for (size_t i = 0; i < dirty->n_dirs; i++)
        TRY(sync_dir(root, dirty->dirs[i], err));
    return STATUS_OK;
}

static status sync_all(struct local_root *root, struct error *err)
{
    const struct file_ops *ops = file_ops();
    for (size_t i = 0;; i++) {
        pthread_mutex_lock(&root->mutex);
        int fd = i < root->n_devices ? root->devices[i].fd : -1;
        pthread_mutex_unlock(&root->mutex);
        if (fd < 0)
            return STATUS_OK;
        if (UNINTERRUPTED(ops->syncfs(fd)) != 0)
            return local_failed(root, "sync the file system of", "", err);
    }
}

static status sync_taken(struct local_root *root, struct dirty_set *dirty, struct error *err)
{
    if (root->sync_errno)
        return error_os(err, root->sync_errno,
                        "an earlier sync of %s failed and what was written before it can't be "
                        "trusted; start the run again",
                        root->url);
    bool few = !dirty->all && dirty->n_files <= LOCAL_FEW_FILES;
    status s = few ? sync_each(root, dirty, err) : sync_all(root, err);
    if (s != STATUS_OK)
        root->sync_errno = errno ? errno : EIO;
    return s;
}

status local_sync(struct storage *storage, struct error *err)
{
    struct local_root *root = local_storage(storage)->root;
    pthread_mutex_lock(&root->sync_mutex);
    pthread_mutex_lock(&root->mutex);
    struct dirty_set dirty = root->dirty;
    root->dirty = (struct dirty_set){0};
    pthread_mutex_unlock(&root->mutex);
    status s = sync_taken(root, &dirty, err);
    local_dirty_release(&dirty);
    pthread_mutex_unlock(&root->sync_mutex);
    return s;
}
