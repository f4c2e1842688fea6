/* The decorator of struct file_ops: one function for each call, all of one shape. */
#include <errno.h>

#include "fault/inject.h"
#include "fault/monitor.h"

static const struct file_ops *inner;

static struct fault_effect before_fd(enum fault_kind kind, int fd)
{
    return fault_before(&(struct fault_call){.kind = kind, .has_path = true, .dir = fd});
}

static struct fault_effect before_at(enum fault_kind kind, int dir, const char *name)
{
    return fault_before(
        &(struct fault_call){.kind = kind, .has_path = true, .dir = dir, .name = name});
}

static struct fault_effect before_two(enum fault_kind kind, int from_dir, const char *from,
                                      int to_dir, const char *to)
{
    return fault_before(&(struct fault_call){.kind = kind,
                                             .has_path = true,
                                             .dir = from_dir,
                                             .name = from,
                                             .to_dir = to_dir,
                                             .to_name = to});
}

static int refuse(struct fault_effect effect)
{
    errno = effect.os_errno;
    return -1;
}

static size_t sized(struct fault_effect effect, size_t size)
{
    return effect.shorten && size > 1 ? size / 2 : size;
}

static int faulty_openat(int dir, const char *path, int flags, mode_t mode)
{
    struct fault_effect effect = before_at(FAULT_OPENAT, dir, path);
    if (effect.os_errno)
        return refuse(effect);
    int fd = inner->openat(dir, path, flags, mode);
    if (fd >= 0)
        fault_monitor_opened(fd, flags);
    fault_after(&effect);
    return fd;
}

static int faulty_open_beneath(int dir, const char *path, int flags, mode_t mode)
{
    struct fault_effect effect = before_at(FAULT_OPEN_BENEATH, dir, path);
    if (effect.os_errno)
        return refuse(effect);
    int fd = inner->open_beneath(dir, path, flags, mode);
    if (fd >= 0)
        fault_monitor_opened(fd, flags);
    fault_after(&effect);
    return fd;
}

static ssize_t faulty_pread(int fd, void *buf, size_t size, off_t offset)
{
    struct fault_effect effect = before_fd(FAULT_PREAD, fd);
    if (effect.os_errno)
        return refuse(effect);
    ssize_t n = inner->pread(fd, buf, sized(effect, size), offset);
    fault_after(&effect);
    return n;
}

static ssize_t faulty_write(int fd, const void *buf, size_t size)
{
    struct fault_effect effect = before_fd(FAULT_WRITE, fd);
    if (effect.os_errno)
        return refuse(effect);
    ssize_t n = inner->write(fd, buf, sized(effect, size));
    if (n > 0)
        fault_monitor_written(fd);
    fault_after(&effect);
    return n;
}

static ssize_t faulty_copy_file_range(int in, off_t *in_offset, int out, size_t size)
{
    struct fault_effect effect = before_fd(FAULT_COPY_FILE_RANGE, out);
    if (effect.os_errno)
        return refuse(effect);
    ssize_t n = inner->copy_file_range(in, in_offset, out, sized(effect, size));
    if (n > 0)
        fault_monitor_written(out);
    fault_after(&effect);
    return n;
}

static int faulty_fsync(int fd)
{
    struct fault_effect effect = before_fd(FAULT_FSYNC, fd);
    if (effect.os_errno)
        return refuse(effect);
    int result = inner->fsync(fd);
    if (result == 0)
        fault_monitor_synced(fd);
    fault_after(&effect);
    return result;
}

static int faulty_syncfs(int fd)
{
    struct fault_effect effect = before_fd(FAULT_SYNCFS, fd);
    if (effect.os_errno)
        return refuse(effect);
    int result = inner->syncfs(fd);
    if (result == 0)
        fault_monitor_synced_all(fd);
    fault_after(&effect);
    return result;
}

static void pass_write_behind(int fd)
{
    inner->write_behind(fd);
}

static int faulty_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    struct fault_effect effect = before_two(FAULT_LINKAT, from_dir, from, to_dir, to);
    if (effect.os_errno)
        return refuse(effect);
    fault_monitor_naming(from_dir, from, flags, to_dir, to);
    int result = inner->linkat(from_dir, from, to_dir, to, flags);
    if (result == 0)
        fault_monitor_named(to_dir, to);
    fault_after(&effect);
    return result;
}

static int faulty_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    struct fault_effect effect = before_two(FAULT_RENAMEAT, from_dir, from, to_dir, to);
    if (effect.os_errno)
        return refuse(effect);
    fault_monitor_naming(from_dir, from, 0, to_dir, to);
    int result = inner->renameat(from_dir, from, to_dir, to);
    if (result == 0)
        fault_monitor_named(to_dir, to);
    fault_after(&effect);
    return result;
}

static int faulty_unlinkat(int dir, const char *path, int flags)
{
    struct fault_effect effect = before_at(FAULT_UNLINKAT, dir, path);
    if (effect.os_errno)
        return refuse(effect);
    fault_monitor_removing(dir, path);
    int result = inner->unlinkat(dir, path, flags);
    fault_after(&effect);
    return result;
}

static int faulty_mkdirat(int dir, const char *path, mode_t mode)
{
    struct fault_effect effect = before_at(FAULT_MKDIRAT, dir, path);
    if (effect.os_errno)
        return refuse(effect);
    int result = inner->mkdirat(dir, path, mode);
    if (result == 0)
        fault_monitor_named(dir, path);
    fault_after(&effect);
    return result;
}

static int faulty_fstat(int fd, struct stat *out)
{
    struct fault_effect effect = before_fd(FAULT_FSTAT, fd);
    if (effect.os_errno)
        return refuse(effect);
    int result = inner->fstat(fd, out);
    fault_after(&effect);
    return result;
}

static int faulty_fstatat(int dir, const char *path, struct stat *out, int flags)
{
    struct fault_effect effect = before_at(FAULT_FSTATAT, dir, path);
    if (effect.os_errno)
        return refuse(effect);
    int result = inner->fstatat(dir, path, out, flags);
    fault_after(&effect);
    return result;
}

static int faulty_flock(int fd, int operation)
{
    struct fault_effect effect = before_fd(FAULT_FLOCK, fd);
    if (effect.os_errno)
        return refuse(effect);
    int result = inner->flock(fd, operation);
    fault_after(&effect);
    return result;
}

static int faulty_ftruncate(int fd, off_t size)
{
    struct fault_effect effect = before_fd(FAULT_FTRUNCATE, fd);
    if (effect.os_errno)
        return refuse(effect);
    int result = inner->ftruncate(fd, size);
    if (result == 0)
        fault_monitor_written(fd);
    fault_after(&effect);
    return result;
}

/* Linux gives the descriptor back even when close reports an error: so does this one. */
static int faulty_close(int fd)
{
    struct fault_effect effect = before_fd(FAULT_CLOSE, fd);
    int result = inner->close(fd);
    fault_after(&effect);
    return effect.os_errno ? refuse(effect) : result;
}

static const struct file_ops faulty_files = {
    .openat = faulty_openat,
    .open_beneath = faulty_open_beneath,
    .pread = faulty_pread,
    .write = faulty_write,
    .copy_file_range = faulty_copy_file_range,
    .fsync = faulty_fsync,
    .syncfs = faulty_syncfs,
    .write_behind = pass_write_behind,
    .linkat = faulty_linkat,
    .renameat = faulty_renameat,
    .unlinkat = faulty_unlinkat,
    .mkdirat = faulty_mkdirat,
    .fstat = faulty_fstat,
    .fstatat = faulty_fstatat,
    .flock = faulty_flock,
    .ftruncate = faulty_ftruncate,
    .close = faulty_close,
};

const struct file_ops *fault_files_inner(void)
{
    return inner;
}

void fault_files_install(void)
{
    inner = file_ops_set(&faulty_files);
}

void fault_files_remove(void)
{
    (void)file_ops_set(inner);
}
