/* Names to places beneath the root, directories on the way, and what a failed call means. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/local/local.h"

status local_path(const struct local_storage *storage, const char *name, struct local_path *out,
                  struct error *err)
{
    size_t prefix = strlen(storage->prefix);
    size_t size = strlen(name);
    size_t at = prefix ? prefix + 1 : 0;
    if (at + size >= sizeof(out->text))
        return error_set(err, STATUS_BAD_DATA, "the name %.60s... has %zu bytes, a path holds %d",
                         name, size, PATH_MAX);
    if (prefix) {
        memcpy(out->text, storage->prefix, prefix);
        out->text[prefix] = '/';
    }
    memcpy(out->text + at, name, size + 1);
    const char *slash = strrchr(out->text, '/');
    out->leaf = slash ? (size_t)(slash - out->text) + 1 : 0;
    return STATUS_OK;
}

const char *local_parent(const struct local_path *path, char *buf)
{
    size_t size = path->leaf ? path->leaf - 1 : 0;
    memcpy(buf, path->text, size);
    buf[size] = '\0';
    return buf;
}

int local_open(struct local_root *root, const char *path, int flags, mode_t mode)
{
    const struct file_ops *ops = file_ops();
    return UNINTERRUPTED(ops->open_beneath(root->fd, *path ? path : ".", flags | O_CLOEXEC, mode));
}

void local_close(int fd)
{
    int saved = errno;
    if (fd >= 0)
        file_ops()->close(fd); /* nothing unsynced rests on its result */
    errno = saved;
}

status local_failed(const struct local_root *root, const char *verb, const char *path,
                    struct error *err)
{
    if (errno == ELOOP)
        return error_set(err, STATUS_DENIED,
                         "cannot %s %s/%s: a symbolic link is on the way; below the root none is "
                         "followed, so put the real file or directory there",
                         verb, root->url, path);
    return error_os(err, errno, "cannot %s %s/%s", verb, root->url, path);
}

void local_fd_path(int fd, char out[32])
{
    snprintf(out, 32, "/proc/self/fd/%d", fd);
}

bool local_write_all(int fd, const void *bytes, size_t size)
{
    const struct file_ops *ops = file_ops();
    const char *at = bytes;
    while (size > 0) {
        ssize_t n = UNINTERRUPTED(ops->write(fd, at, size));
        if (n < 0)
            return false;
        if (n == 0) { /* no progress and no reason: do not turn for ever */
            errno = EIO;
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* Make the directory SEGMENT in the directory AT, and open it. */
static int make_segment(int at, const char *segment)
{
    const struct file_ops *ops = file_ops();
    if (UNINTERRUPTED(ops->mkdirat(at, segment, 0777)) != 0 && errno != EEXIST)
        return -1;
    return UNINTERRUPTED(ops->open_beneath(at, segment, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
}

/* Open the deepest directory on the way to PATH that is there; *out_have is the length of its path. */
static int open_deepest(struct local_root *root, char *path, size_t *out_have)
{
    size_t have = strlen(path);
    for (;;) {
        char cut = path[have];
        path[have] = '\0';
        int fd = local_open(root, path, O_RDONLY | O_DIRECTORY, 0);
        path[have] = cut;
        if (fd >= 0 || errno != ENOENT || have == 0) {
            *out_have = have;
            return fd;
        }
        while (have > 0 && path[have - 1] != '/')
            have--;
        have -= have > 0;
    }
}

/* Make what is missing of WAY below its deepest directory; -1 and errno. */
static int make_way(struct local_root *root, char *way, bool *out_made)
{
    size_t have;
    int fd = open_deepest(root, way, &have);
    *out_made = way[have] != '\0';
    while (fd >= 0 && way[have]) {
        char *segment = way + have + (have > 0);
        size_t length = strcspn(segment, "/");
        char cut = segment[length];
        segment[length] = '\0';
        int next = make_segment(fd, segment);
        segment[length] = cut;
        local_close(fd);
        fd = next;
        have = (size_t)(segment - way) + length;
    }
    return fd;
}

status local_make_dir(struct local_root *root, const char *path, int *out_fd, struct error *err)
{
    char way[PATH_MAX];
    memcpy(way, path, strlen(path) + 1);
    bool made;
    int fd;
    int tries = 0;
    /* ENOENT: somebody removed an empty directory between two of our steps. */
    do
        fd = make_way(root, way, &made);
    while (fd < 0 && errno == ENOENT && ++tries < 4);
    if (fd < 0)
        return local_failed(root, "make the directory", path, err);
    if (made)
        local_note_dir(root, path);
    *out_fd = fd;
    return STATUS_OK;
}
