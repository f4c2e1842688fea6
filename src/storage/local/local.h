/* What the files of the local storage share: the root, its dirty set, its locks. */
#ifndef LEAT_STORAGE_LOCAL_LOCAL_H
#define LEAT_STORAGE_LOCAL_LOCAL_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "storage/file_ops.h"
#include "storage/storage.h"

/* Unfinished objects live here, below the prefix of the storage that puts them, where the file system has
 * no nameless files. Listings leave it out, names with it are refused. */
#define LOCAL_TEMP_DIR ".leat-tmp"

enum {
    LOCAL_EINTR_TRIES = 64,  /* a call interrupted that often fails: for ever must end */
    LOCAL_DIRTY_FILES = 128, /* remembered: most may be removed before the barrier */
    LOCAL_FEW_FILES = 32,    /* above: one syncfs, not an fsync each (figures: README) */
    LOCAL_DIRTY_DIRS = 64,
};

/* The value of CALL, tried again while a signal interrupts it. */
#define UNINTERRUPTED(call)                                                                        \
    ({                                                                                             \
        __typeof__(call) result_;                                                                  \
        int tries_ = 0;                                                                            \
        do                                                                                         \
            result_ = (call);                                                                      \
        while (result_ < 0 && errno == EINTR && ++tries_ < LOCAL_EINTR_TRIES);                     \
        result_;                                                                                   \
    })

struct local_lock {
    struct local_lock *next;
    int fd;
    char *path;
};

/* What was put since the last sync. Either few things one by one, or `all`: the file systems as a whole. */
struct dirty_set {
    bool all;
    size_t n_files, n_dirs;
    struct dirty_file {
        int fd;
        char *path;
    } files[LOCAL_DIRTY_FILES];
    char *dirs[LOCAL_DIRTY_DIRS]; /* relative to the root; "" is the root */
};

/* File systems below the root: the root's own first, then those of mount points met. The descriptors were
 * open before anything was written, so syncfs reports every failure since (Linux 5.8). */
struct device {
    dev_t dev;
    int fd;
};

struct local_root {
    pthread_mutex_t mutex; /* guards all below but `sync_mutex` */
    unsigned references;
    int fd; /* the root directory, readable */
    char *url;
    struct dirty_set dirty;
    struct device *devices;
    size_t n_devices;
    struct local_lock *locks;
    pthread_mutex_t sync_mutex; /* one sync at a time: the second waits for the first's objects */
    int sync_errno;             /* not 0: a sync failed; what was put by then can't be trusted */
};

struct local_storage {
    struct storage base;
    struct local_root *root;
    char *prefix; /* "" or "a/b" */
    char *url;
};

static inline struct local_storage *local_storage(struct storage *storage)
{
    return (struct local_storage *)storage;
}

/* ---- path.c ---- */

struct local_path {
    char text[PATH_MAX]; /* relative to the root: prefix and name */
    size_t leaf;         /* offset of the last segment */
};

status local_path(const struct local_storage *storage, const char *name, struct local_path *out,
                  struct error *err);
/* The directory that PATH's leaf is in: "" for the root. BUF holds PATH_MAX. */
const char *local_parent(const struct local_path *path, char *buf);
/* As file_ops()->open_beneath, interrupted calls tried again; PATH "" is the root itself. */
int local_open(struct local_root *root, const char *path, int flags, mode_t mode);
/* Open directory PATH for reading and linking into; made with its parents where absent, and then noted as dirty. */
status local_make_dir(struct local_root *root, const char *path, int *out_fd, struct error *err);
void local_close(int fd); /* accepts -1; keeps errno */
/* What a failed call on VERB ("write", "open") of the object at PATH means. Reads errno. */
status local_failed(const struct local_root *root, const char *verb, const char *path,
                    struct error *err);
/* "/proc/self/fd/N": FD as a path to link from. */
void local_fd_path(int fd, char out[32]);
/* Write all of BYTES; false and errno. */
bool local_write_all(int fd, const void *bytes, size_t size);

/* ---- dirty.c ---- */

/* Before anything is written to FD or linked beside it: its file system is one that sync knows. */
status local_note_device(struct local_root *root, int fd, const char *path, struct error *err);
/* The object at PATH appeared; it, open as FD, and the names of its directories must be synced. Takes FD over. */
void local_note_put(struct local_root *root, const struct local_path *path, int fd);
/* The object at PATH, if it is to be synced, is gone. Nobody puts another one there meanwhile. */
void local_note_removed(struct local_root *root, const char *path);
/* The entries of directory PATH and those of the directories above it changed. */
void local_note_dir(struct local_root *root, const char *path);
status local_sync(struct storage *storage, struct error *err);
void local_dirty_release(struct dirty_set *dirty);

/* ---- upload.c ---- */

status local_put_begin(struct storage *storage, const char *name, enum put_mode mode,
                       struct upload **out, struct error *err);
status local_put_write(struct upload *upload, const void *bytes, size_t size, struct error *err);
status local_put_copy_range(struct upload *upload, struct storage_object *from, uint64_t offset,
                            uint64_t length, struct error *err);
status local_put_commit(struct upload *upload, struct error *err);
void local_put_abort(struct upload *upload);
/* Remove what died with its process: temporary names nobody holds, an hour after their last change. */
void local_sweep_temp(struct local_storage *storage);

/* ---- local.c ---- */

struct storage_object {
    struct local_root *root;
    int fd;
    char *path;
};

/* ---- list.c, lock.c ---- */

/* Names in the open directory DIR in byte order, those of directories with a '/' behind. In ARENA. */
status local_names(int dir, struct arena *arena, char ***out, size_t *out_n, struct error *err);
status local_list(struct storage *storage, const char *prefix, bool shallow, storage_list_fn each,
                  void *context, struct error *err);
status local_lock(struct storage *storage, const char *name, const char *owner, char **out_holder,
                  struct error *err);
void local_unlock(struct storage *storage, const char *name);
void local_locks_release(struct local_root *root);

#endif
