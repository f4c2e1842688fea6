/* The system calls that reach a disk, as a table: the seam through which tests fail, delay, cut short or
 * kill at the k-th call. Every file operation of leat's own goes through it (SQLite's files are SQLite's).
 * Each function behaves as the call of its name: -1 and errno on failure, short counts allowed. */
#ifndef LEAT_STORAGE_FILE_OPS_H
#define LEAT_STORAGE_FILE_OPS_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct file_ops {
    int (*openat)(int dir, const char *path, int flags, mode_t mode);
    /* Open beneath DIR: no "..", no absolute path, no symbolic link leads out (openat2 RESOLVE_BENEATH where the
     * kernel has it, else checked segment by segment). */
    int (*open_beneath)(int dir, const char *path, int flags, mode_t mode);
    ssize_t (*pread)(int fd, void *buf, size_t size, off_t offset);
    ssize_t (*write)(int fd, const void *buf, size_t size);
    ssize_t (*copy_file_range)(int in, off_t *in_offset, int out, size_t size);
    int (*fsync)(int fd);
    int (*syncfs)(int fd);
    /* The system may begin to write what is dirty of FD; nothing is waited for, and nothing is durable by it. */
    void (*write_behind)(int fd);
    int (*linkat)(int from_dir, const char *from, int to_dir, const char *to, int flags);
    int (*renameat)(int from_dir, const char *from, int to_dir, const char *to);
    int (*unlinkat)(int dir, const char *path, int flags);
    int (*mkdirat)(int dir, const char *path, mode_t mode);
    int (*fstat)(int fd, struct stat *out);
    int (*fstatat)(int dir, const char *path, struct stat *out, int flags);
    int (*flock)(int fd, int operation);
    int (*ftruncate)(int fd, off_t size);
    int (*close)(int fd);
};

/* The table in force; the default is the system. Replaced before any thread starts. */
const struct file_ops *file_ops(void);
const struct file_ops *file_ops_set(const struct file_ops *ops); /* returns the former */

#endif
