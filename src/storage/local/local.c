/* Objects as files beneath a directory: opening it, and reading, copying and removing what is there. */
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/local/driver.h"
#include "storage/local/local.h"

/* ---- the root ---- */

/* Make PATH and what is missing above it, each durable in its parent before the next. */
static bool make_root(char *path)
{
    const struct file_ops *ops = file_ops();
    if (UNINTERRUPTED(ops->mkdirat(AT_FDCWD, path, 0777)) != 0) {
        if (errno == EEXIST)
            return true;
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || !slash || slash == path)
            return false;
        *slash = '\0';
        bool made = make_root(path);
        *slash = '/';
        if (!made || (UNINTERRUPTED(ops->mkdirat(AT_FDCWD, path, 0777)) != 0 && errno != EEXIST))
            return false;
    }
    char *slash = strrchr(path, '/');
    const char *parent = !slash ? "." : slash == path ? "/" : path;
    if (slash && slash != path)
        *slash = '\0';
    int fd = UNINTERRUPTED(ops->openat(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    bool durable = fd >= 0 && UNINTERRUPTED(ops->fsync(fd)) == 0;
    local_close(fd);
    if (slash)
        *slash = '/';
    return durable;
}

static void root_release(struct local_root *root)
{
    if (!root)
        return;
    pthread_mutex_lock(&root->mutex);
    unsigned left = --root->references;
    pthread_mutex_unlock(&root->mutex);
    if (left > 0)
        return;
    local_locks_release(root);
    local_dirty_release(&root->dirty);
    for (size_t i = 0; i < root->n_devices; i++)
        local_close(root->devices[i].fd);
    mem_free(root->devices);
    local_close(root->fd);
    pthread_mutex_destroy(&root->mutex);
    pthread_mutex_destroy(&root->sync_mutex);
    mem_free(root->url);
    mem_free(root);
}

static void root_releasep(struct local_root **root)
{
    root_release(*root);
}

static status open_root_dir(struct local_root *root, bool create, struct error *err)
{
    const struct file_ops *ops = file_ops();
    int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    root->fd = UNINTERRUPTED(ops->openat(AT_FDCWD, root->url, how, 0));
    if (root->fd < 0 && errno == ENOENT && create) {
        if (!make_root(root->url))
            return error_os(err, errno, "cannot make the directory %s", root->url);
        root->fd = UNINTERRUPTED(ops->openat(AT_FDCWD, root->url, how, 0));
    }
    if (root->fd < 0 && errno == ENOTDIR)
        return error_set(err, STATUS_BAD_CONFIG, "%s is not a directory", root->url);
    if (root->fd < 0)
        return error_os(err, errno, "cannot open the directory %s", root->url);
    return local_note_device(root, root->fd, "", err);
}

static status root_new(const char *path, bool create, struct local_root **out, struct error *err)
{
    SCOPED(root_releasep) struct local_root *root = mem_zalloc(sizeof(*root));
    if (!root)
        return error_no_memory(err);
    root->references = 1;
    root->fd = -1;
    pthread_mutex_init(&root->mutex, NULL);
    pthread_mutex_init(&root->sync_mutex, NULL);
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    root->url = mem_strndup(path, size);
    if (!root->url)
        return error_no_memory(err);
    TRY(open_root_dir(root, create, err));
    *out = TAKE(root);
    return STATUS_OK;
}

static const struct storage_ops local_ops;

static void local_storage_close(struct storage *storage)
{
    if (!storage)
        return;
    struct local_storage *local = local_storage(storage);
    root_release(local->root);
    mem_free(local->prefix);
    mem_free(local->url);
    mem_free(local);
}

static void local_storage_closep(struct local_storage **local)
{
    if (*local)
        local_storage_close(&(*local)->base);
}

/* ROOT's reference is taken over on success only. */
static status storage_new(struct local_root *root, const char *prefix, struct storage **out,
                          struct error *err)
{
    SCOPED(local_storage_closep) struct local_storage *local = mem_zalloc(sizeof(*local));
    if (!local)
        return error_no_memory(err);
    local->prefix = mem_strdup(prefix);
    local->url = mem_printf(*prefix ? "%s/%s" : "%s%s", root->url, prefix);
    if (!local->prefix || !local->url)
        return error_no_memory(err);
    local->root = root;
    local->base = (struct storage){.ops = &local_ops, .url = local->url};
    *out = &TAKE(local)->base;
    return STATUS_OK;
}

static status local_open_storage(const char *path, const struct option_values *options, bool create,
                                 struct storage **out, struct error *err)
{
    SCOPED(root_releasep) struct local_root *root = NULL;
    if (strlen(path) >= PATH_MAX)
        return error_set(err, STATUS_BAD_CONFIG, "the path %.60s... is too long", path);
    TRY(root_new(path, create, &root, err));
    TRY(storage_new(root, "", out, err));
    root = NULL;
    return STATUS_OK;
}

static status local_open_below(struct storage *storage, const char *prefix, struct storage **out,
                               struct error *err)
{
    struct local_storage *local = local_storage(storage);
    struct local_path path;
    TRY(local_path(local, prefix, &path, err));
    TRY(storage_new(local->root, path.text, out, err));
    pthread_mutex_lock(&local->root->mutex);
    local->root->references++;
    pthread_mutex_unlock(&local->root->mutex);
    return STATUS_OK;
}

/* ---- reading ---- */

static status not_an_object(const struct local_root *root, const char *path, mode_t mode,
                            struct error *err)
{
    if (S_ISDIR(mode))
        return error_set(err, STATUS_NOT_FOUND, "%s/%s is a directory", root->url, path);
    return error_set(err, STATUS_DENIED, "%s/%s is not a regular file", root->url, path);
}

/* Open the file at PATH (how: O_RDONLY or O_PATH) and make sure that it is one. */
static status open_file(struct local_root *root, const char *path, int how, int *out_fd,
                        struct stat *out, struct error *err)
{
    /* O_NONBLOCK: a pipe of that name must not hold us. */
    int fd = local_open(root, path, how | O_NOFOLLOW | (how & O_PATH ? 0 : O_NONBLOCK), 0);
    if (fd < 0)
        return local_failed(root, "open", path, err);
    status s = STATUS_OK;
    if (UNINTERRUPTED(file_ops()->fstat(fd, out)) != 0)
        s = local_failed(root, "stat", path, err);
    else if (!S_ISREG(out->st_mode))
        s = not_an_object(root, path, out->st_mode, err);
    if (s != STATUS_OK)
        local_close(fd);
    else
        *out_fd = fd;
    return s;
}

static status local_object_open(struct storage *storage, const char *name,
                                struct storage_object **out, uint64_t *out_size, struct error *err)
{
    struct local_storage *local = local_storage(storage);
    struct local_path path;
    struct stat st;
    int fd;
    TRY(local_path(local, name, &path, err));
    TRY(open_file(local->root, path.text, O_RDONLY, &fd, &st, err));
    struct storage_object *object = mem_zalloc(sizeof(*object));
    char *copy = mem_strdup(path.text);
    if (!object || !copy) {
        local_close(fd);
        mem_free(object);
        mem_free(copy);
        return error_no_memory(err);
    }
    *object = (struct storage_object){.root = local->root, .fd = fd, .path = copy};
    *out = object;
    if (out_size)
        *out_size = (uint64_t)st.st_size;
    return STATUS_OK;
}

static status local_object_read(struct storage_object *object, uint64_t offset, void *out,
                                size_t size, struct error *err)
{
    const struct file_ops *ops = file_ops();
    uint8_t *at = out;
    while (size > 0) {
        ssize_t n = UNINTERRUPTED(ops->pread(object->fd, at, size, (off_t)offset));
        if (n < 0)
            return local_failed(object->root, "read", object->path, err);
        if (n == 0)
            return error_set(err, STATUS_BAD_DATA, "%s/%s ends at byte %llu, more was expected",
                             object->root->url, object->path, (unsigned long long)offset);
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return STATUS_OK;
}

static void local_object_close(struct storage_object *object)
{
    if (!object)
        return;
    local_close(object->fd);
    mem_free(object->path);
    mem_free(object);
}

static status local_stat(struct storage *storage, const char *name, struct storage_entry *out,
                         struct error *err)
{
    struct local_storage *local = local_storage(storage);
    struct local_path path;
    struct stat st;
    int fd;
    TRY(local_path(local, name, &path, err));
    TRY(open_file(local->root, path.text, O_PATH, &fd, &st, err));
    local_close(fd);
    *out = (struct storage_entry){
        .name = name,
        .size_bytes = (uint64_t)st.st_size,
        .modified_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000,
    };
    return STATUS_OK;
}

/* ---- copy and remove ---- */

static status copy_bytes(struct storage *storage, struct storage_object *from, uint64_t size,
                         const char *to, struct error *err)
{
    struct upload *upload;
    TRY(local_put_begin(storage, to, PUT_IF_ABSENT, &upload, err));
    status s = local_put_copy_range(upload, from, 0, size, err);
    if (s == STATUS_OK)
        return local_put_commit(upload, err);
    local_put_abort(upload);
    return s;
}

static status copy_object(struct storage *storage, struct storage_object *from, uint64_t size,
                          const char *to, struct error *err)
{
    struct local_storage *local = local_storage(storage);
    struct local_path path;
    char parent[PATH_MAX];
    char self[32];
    int dir;
    TRY(local_path(local, to, &path, err));
    TRY(local_note_device(local->root, from->fd, from->path, err));
    TRY(local_make_dir(local->root, local_parent(&path, parent), &dir, err));
    local_fd_path(from->fd, self);
    int r = UNINTERRUPTED(
        file_ops()->linkat(AT_FDCWD, self, dir, path.text + path.leaf, AT_SYMLINK_FOLLOW));
    local_close(dir);
    if (r != 0 && errno == EEXIST)
        return error_set(err, STATUS_EXISTS, "%s/%s is there already", local->root->url, path.text);
    if (r != 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EROFS))
        return local_failed(local->root, "link", path.text, err);
    if (r != 0) /* links not to be had, or too many: the bytes then */
        return copy_bytes(storage, from, size, to, err);
    local_note_put(local->root, &path, from->fd);
    from->fd = -1;
    return STATUS_OK;
}

static status local_copy(struct storage *storage, const char *from, const char *to,
                         struct error *err)
{
    struct storage_object *object;
    uint64_t size;
    TRY(local_object_open(storage, from, &object, &size, err));
    status s = copy_object(storage, object, size, to, err);
    local_object_close(object);
    return s;
}

/* Directories are no objects: the last object out takes its empty ones with it, up to the storage's own. */
static void prune(struct local_root *root, char *path, size_t keep)
{
    char *slash;
    while (strlen(path) > keep && *path) {
        slash = strrchr(path, '/');
        char *leaf = slash ? slash + 1 : path;
        char name[NAME_MAX + 1];
        memcpy(name, leaf, strlen(leaf) + 1);
        *(slash ? slash : path) = '\0';
        int dir = local_open(root, path, O_PATH | O_DIRECTORY, 0);
        int r = dir >= 0 ? file_ops()->unlinkat(dir, name, AT_REMOVEDIR) : -1;
        local_close(dir);
        if (r != 0)
            return;
    }
}

static status local_remove(struct storage *storage, const char *name, struct error *err)
{
    struct local_storage *local = local_storage(storage);
    struct local_path path;
    char parent[PATH_MAX];
    TRY(local_path(local, name, &path, err));
    int dir = local_open(local->root, local_parent(&path, parent), O_PATH | O_DIRECTORY, 0);
    if (dir < 0 && errno == ENOENT)
        return STATUS_OK;
    if (dir < 0)
        return local_failed(local->root, "remove", path.text, err);
    int r = UNINTERRUPTED(file_ops()->unlinkat(dir, path.text + path.leaf, 0));
    local_close(dir);
    if (r != 0 && errno != ENOENT)
        return local_failed(local->root, "remove", path.text, err);
    local_note_removed(local->root, path.text);
    prune(local->root, parent, strlen(local->prefix));
    return STATUS_OK;
}

static uint64_t local_free_bytes(struct storage *storage)
{
    struct statvfs st;
    if (fstatvfs(local_storage(storage)->root->fd, &st) != 0)
        return UINT64_MAX;
    return (uint64_t)st.f_bavail * st.f_frsize;
}

static const struct storage_ops local_ops = {
    .open_below = local_open_below,
    .put_begin = local_put_begin,
    .put_write = local_put_write,
    .put_copy_range = local_put_copy_range,
    .put_commit = local_put_commit,
    .put_abort = local_put_abort,
    .object_open = local_object_open,
    .object_read = local_object_read,
    .object_close = local_object_close,
    .stat = local_stat,
    .list = local_list,
    .copy = local_copy,
    .remove = local_remove,
    .sync = local_sync,
    .lock = local_lock,
    .unlock = local_unlock,
    .free_bytes = local_free_bytes,
    .close = local_storage_close,
};

static const char *const schemes[] = {"file", NULL};
static const struct option_spec no_options[] = {{0}};

const struct storage_driver storage_local = {
    .name = "local",
    .schemes = schemes,
    .options = no_options,
    .open = local_open_storage,
};
