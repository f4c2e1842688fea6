/* The system behind struct file_ops, and opening beneath a directory on kernels old and new. */
#include "storage/file_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

static int system_openat(int dir, const char *path, int flags, mode_t mode)
{
    return openat(dir, path, flags, mode);
}

static int openat2_beneath(int dir, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
        how.mode = mode & 07777;
    int fd;
    int tries = 0;
    /* EAGAIN: something was renamed while the kernel walked; the kernel asks to try again. */
    do
        fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
    while (fd < 0 && errno == EAGAIN && ++tries < 32);
    return fd;
}

/* Kernels before 5.6, and sandboxes that know no openat2. */
static bool have_openat2(void)
{
    static atomic_int known; /* 0: not asked yet, 1: yes, 2: no */
    int state = atomic_load(&known);
    if (state == 0) {
        int saved = errno;
        int fd = openat2_beneath(AT_FDCWD, ".", O_PATH | O_CLOEXEC, 0);
        state = fd < 0 && (errno == ENOSYS || errno == EPERM) ? 2 : 1;
        if (fd >= 0)
            close(fd);
        errno = saved;
        atomic_store(&known, state);
    }
    return state == 1;
}

/* Segment by segment, no link followed: the same answer as openat2 gives, in more calls. */
static int walk_beneath(int dir, const char *path, int flags, mode_t mode)
{
    char segment[NAME_MAX + 1];
    int at = dir;
    for (;;) {
        size_t length = strcspn(path, "/");
        bool last = path[length] == '\0';
        int fd = -1;
        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
        } else if (length == 0 || (length == 2 && memcmp(path, "..", 2) == 0)) {
            errno = EXDEV;
        } else {
            memcpy(segment, path, length);
            segment[length] = '\0';
            int how = last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC;
            fd = openat(at, segment, how | O_NOFOLLOW, mode);
        }
        if (at != dir) {
            int saved = errno;
            close(at);
            errno = saved;
        }
        if (fd < 0 || last)
            return fd;
        at = fd;
        path += length + 1;
    }
}

static int system_open_beneath(int dir, const char *path, int flags, mode_t mode)
{
    return have_openat2() ? openat2_beneath(dir, path, flags, mode)
                          : walk_beneath(dir, path, flags, mode);
}

static ssize_t system_copy_file_range(int in, off_t *in_offset, int out, size_t size)
{
    return copy_file_range(in, in_offset, out, NULL, size, 0);
}

static void system_write_behind(int fd)
{
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* what fails, fsync will tell */
}

static int system_fstat(int fd, struct stat *out)
{
    return fstat(fd, out);
}

static int system_fstatat(int dir, const char *path, struct stat *out, int flags)
{
    return fstatat(dir, path, out, flags);
}

static const struct file_ops system_ops = {
    .openat = system_openat,
    .open_beneath = system_open_beneath,
    .pread = pread,
    .write = write,
    .copy_file_range = system_copy_file_range,
    .fsync = fsync,
    .syncfs = syncfs,
    .write_behind = system_write_behind,
    .linkat = linkat,
    .renameat = renameat,
    .unlinkat = unlinkat,
    .mkdirat = mkdirat,
    .fstat = system_fstat,
    .fstatat = system_fstatat,
    .flock = flock,
    .ftruncate = ftruncate,
    .close = close,
};

static const struct file_ops *ops_in_force = &system_ops;

const struct file_ops *file_ops(void)
{
    return ops_in_force;
}

const struct file_ops *file_ops_set(const struct file_ops *ops)
{
    const struct file_ops *former = ops_in_force;
    ops_in_force = ops ? ops : &system_ops;
    return former;
}
