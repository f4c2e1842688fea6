/* A name held by one process: flock on its file. The kernel lets go when the holder ends, however it ends, so
 * no lock is ever broken by age; the text in the file only tells others who holds it. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/local/local.h"

static char *read_owner(int fd)
{
    char text[512];
    ssize_t n = UNINTERRUPTED(file_ops()->pread(fd, text, sizeof(text), 0));
    return mem_strndup(text, n > 0 ? (size_t)n : 0);
}

static status held_by_other(const struct local_root *root, const char *path, int fd,
                            char **out_holder, struct error *err)
{
    char *holder = read_owner(fd);
    status s = error_set(err, STATUS_CONFLICT, "%s/%s is held by %s", root->url, path,
                         holder && *holder ? holder : "another process");
    if (out_holder)
        *out_holder = TAKE(holder);
    mem_free(holder);
    return s;
}

/* Who holds it is a courtesy: a full disk must not keep a vacuum from its lock. */
static void write_owner(int fd, const char *owner)
{
    if (UNINTERRUPTED(file_ops()->ftruncate(fd, 0)) == 0)
        (void)local_write_all(fd, owner, strlen(owner));
}

static status remember(struct local_root *root, const char *path, int fd, struct error *err)
{
    struct local_lock *lock = mem_zalloc(sizeof(*lock));
    char *copy = mem_strdup(path);
    if (!lock || !copy) {
        mem_free(lock);
        mem_free(copy);
        return error_no_memory(err);
    }
    lock->fd = fd;
    lock->path = copy;
    pthread_mutex_lock(&root->mutex);
    lock->next = root->locks;
    root->locks = lock;
    pthread_mutex_unlock(&root->mutex);
    return STATUS_OK;
}

static status take(struct local_root *root, const struct local_path *path, const char *owner,
                   char **out_holder, struct error *err)
{
    const struct file_ops *ops = file_ops();
    int fd = local_open(root, path->text, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
    if (fd < 0)
        return local_failed(root, "open the lock", path->text, err);
    status s = STATUS_OK;
    if (UNINTERRUPTED(ops->flock(fd, LOCK_EX | LOCK_NB)) != 0)
        s = errno == EWOULDBLOCK ? held_by_other(root, path->text, fd, out_holder, err)
                                 : local_failed(root, "lock", path->text, err);
    if (s == STATUS_OK) {
        write_owner(fd, owner);
        s = remember(root, path->text, fd, err);
    }
    if (s != STATUS_OK)
        local_close(fd);
    return s;
}

status local_lock(struct storage *storage, const char *name, const char *owner, char **out_holder,
                  struct error *err)
{
    struct local_storage *local = local_storage(storage);
    struct local_path path;
    char parent[PATH_MAX];
    int dir;
    TRY(local_path(local, name, &path, err));
    local_parent(&path, parent);
    TRY(local_make_dir(local->root, parent, &dir, err));
    local_close(dir);
    TRY(take(local->root, &path, owner, out_holder, err));
    local_sweep_temp(local);
    return STATUS_OK;
}

static void release_lock(struct local_lock *lock)
{
    local_close(lock->fd);
    mem_free(lock->path);
    mem_free(lock);
}

void local_unlock(struct storage *storage, const char *name)
{
    struct local_storage *local = local_storage(storage);
    struct local_path path;
    struct error ignored = {0};
    struct local_lock *found = NULL;
    if (local_path(local, name, &path, &ignored) != STATUS_OK)
        return;
    pthread_mutex_lock(&local->root->mutex);
    for (struct local_lock **at = &local->root->locks; *at; at = &(*at)->next)
        if (strcmp((*at)->path, path.text) == 0) {
            found = *at;
            *at = found->next;
            break;
        }
    pthread_mutex_unlock(&local->root->mutex);
    if (found)
        release_lock(found);
}

void local_locks_release(struct local_root *root)
{
    while (root->locks) {
        struct local_lock *next = root->locks->next;
        release_lock(root->locks);
        root->locks = next;
    }
}
