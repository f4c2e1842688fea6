/* Bytes as named objects under one root: a directory, later a bucket and prefix.
 *
 * The verbs suit an object store: an object appears whole or not at all, is never changed, and can be
 * put on condition that it is absent. There is no rename, no append and no directory.
 *
 * Names are relative paths with '/' between segments: no leading or trailing '/', no empty segment, no
 * "." or "..", no NUL; each segment at most 255 bytes. Anything else is refused with BUG before the system is
 * asked (so is ".leat-tmp", where the local driver keeps what is unfinished), and the local driver also opens beneath the root only (invariant 12).
 *
 * Durability: an object that was put is durable once storage_sync returned OK for it. Nothing may refer to an
 * object before that. Many objects are put first and synced at one barrier.
 *
 * Threads: a storage may be used by any number of threads; an upload by one at a time. */
#ifndef LEAT_STORAGE_STORAGE_H
#define LEAT_STORAGE_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/option.h"

struct storage;
struct upload;
struct storage_object; /* an object open for ranged reading */

struct storage_entry {
    const char *name; /* relative to the root; borrowed for the callback */
    uint64_t size_bytes;
    int64_t modified_us; /* by the storage's clock, since 1970 UTC */
    bool is_prefix;      /* shallow listings: NAME stands for all objects below it */
};

/* Return anything but OK to stop; END stops without an error. */
typedef status_code (*storage_list_fn)(void *context, const struct storage_entry *entry,
                                       struct error *err);

enum put_mode {
    PUT_IF_ABSENT, /* EXISTS when the name is taken */
    PUT_REPLACE,   /* only for hints such as _last_checkpoint */
    /* As PUT_IF_ABSENT, and the bytes are durable before the name appears: for an object that others act on the
     * moment they see it, such as a version. The name itself is durable after sync. */
    PUT_IF_ABSENT_DURABLE,
    /* As PUT_IF_ABSENT; a sync is sure to come: bytes may go to the disk while more are put. */
    PUT_IF_ABSENT_SYNC_FOLLOWS,
};

struct storage_driver {
    const char *name;           /* "local" */
    const char *const *schemes; /* {"file", NULL} */
    const struct option_spec *options;
    /* ROOT is what the URL holds after the scheme ("/lake/shop"). It need not exist; with CREATE it is made
     * (and made durable). NOT_FOUND without CREATE when there is none. */
    status (*open)(const char *root, const struct option_values *options, bool create,
                   struct storage **out, struct error *err);
};

struct storage_ops {
    /* A storage of the objects below PREFIX, sharing this one's connection. */
    status (*open_below)(struct storage *storage, const char *prefix, struct storage **out,
                         struct error *err);
    status (*put_begin)(struct storage *storage, const char *name, enum put_mode mode,
                        struct upload **out, struct error *err);
    status (*put_write)(struct upload *upload, const void *bytes, size_t size, struct error *err);
    /* Append LENGTH bytes of an object of the same storage; in the kernel or the store where it can. */
    status (*put_copy_range)(struct upload *upload, struct storage_object *from, uint64_t offset,
                             uint64_t length, struct error *err);
    /* The object appears, whole. Frees the upload, also on failure. IF_ABSENT: EXISTS. IN_DOUBT when the reply
     * was lost (never on local disk). Durable only after sync. */
    status (*put_commit)(struct upload *upload, struct error *err);
    void (*put_abort)(struct upload *upload); /* nothing appears; frees; accepts NULL */

    status (*object_open)(struct storage *storage, const char *name, struct storage_object **out,
                          uint64_t *out_size, struct error *err);
    /* Exactly SIZE bytes from OFFSET; BAD_DATA when the object ends before. */
    status (*object_read)(struct storage_object *object, uint64_t offset, void *out, size_t size,
                          struct error *err);
    void (*object_close)(struct storage_object *object);

    status (*stat)(struct storage *storage, const char *name, struct storage_entry *out,
                   struct error *err); /* NOT_FOUND; out->name is NAME */
    /* All objects below PREFIX ("" for all), in byte order of their names; shallow: one level, deeper
     * ones as prefixes. Unfinished uploads never show. No such prefix: no entries. */
    status (*list)(struct storage *storage, const char *prefix, bool shallow, storage_list_fn each,
                   void *context, struct error *err);
    /* The object TO, equal to FROM (hard link, server-side copy); EXISTS when taken. */
    status (*copy)(struct storage *storage, const char *from, const char *to, struct error *err);
    status (*remove)(struct storage *storage, const char *name, struct error *err); /* absent: OK */
    /* All objects put or copied through this storage (and those opened below it) so far are durable, names and bytes. */
    status (*sync)(struct storage *storage, struct error *err);
    /* Make NAME the holder's until unlock or the end of the process, however it ends. OWNER is kept for
     * others to read. CONFLICT: held; then *out_holder (mem_free) is what the holder wrote. */
    status (*lock)(struct storage *storage, const char *name, const char *owner, char **out_holder,
                   struct error *err);
    void (*unlock)(struct storage *storage, const char *name);
    /* Free space for the bytes of a run, or UINT64_MAX when the storage can't tell. */
    uint64_t (*free_bytes)(struct storage *storage);
    void (*close)(struct storage *storage); /* accepts NULL; drops locks it holds */
};

struct storage {
    const struct storage_ops *ops;
    const char *url; /* for messages, without secrets */
};

/* ---- what callers use (storage/storage.c): check names, add context, then the driver ---- */

/* URL is file:///abs/path or a plain path. BAD_CONFIG for a scheme nobody serves. */
status storage_open(const char *url, const struct option_values *options, bool create,
                    struct storage **out, struct error *err);
void storage_close(struct storage *storage);
status storage_open_below(struct storage *storage, const char *prefix, struct storage **out,
                          struct error *err);
status storage_put_begin(struct storage *storage, const char *name, enum put_mode mode,
                         struct upload **out, struct error *err);
status storage_put_write(struct storage *storage, struct upload *upload, const void *bytes,
                         size_t size, struct error *err);
status storage_put_copy_range(struct storage *storage, struct upload *upload,
                              struct storage_object *from, uint64_t offset, uint64_t length,
                              struct error *err);
status storage_put_commit(struct storage *storage, struct upload *upload, struct error *err);
void storage_put_abort(struct storage *storage, struct upload *upload);
/* begin, write, commit in one. */
status storage_put(struct storage *storage, const char *name, enum put_mode mode, const void *bytes,
                   size_t size, struct error *err);
status storage_object_open(struct storage *storage, const char *name, struct storage_object **out,
                           uint64_t *out_size, struct error *err);
status storage_object_read(struct storage *storage, struct storage_object *object, uint64_t offset,
                           void *out, size_t size, struct error *err);
void storage_object_close(struct storage *storage, struct storage_object *object);
/* The whole object, at most LIMIT bytes, NUL-terminated (not counted) into OUT (mem_free). BAD_DATA above the limit. */
status storage_get(struct storage *storage, const char *name, size_t limit, char **out,
                   size_t *out_size, struct error *err);
status storage_stat(struct storage *storage, const char *name, struct storage_entry *out,
                    struct error *err);
status storage_list(struct storage *storage, const char *prefix, bool shallow, storage_list_fn each,
                    void *context, struct error *err);
status storage_copy(struct storage *storage, const char *from, const char *to, struct error *err);
status storage_remove(struct storage *storage, const char *name, struct error *err);
/* Remove all objects below PREFIX; goes on after a failure and returns the first. */
status storage_remove_below(struct storage *storage, const char *prefix, struct error *err);
status storage_sync(struct storage *storage, struct error *err);
status storage_lock(struct storage *storage, const char *name, const char *owner, char **out_holder,
                    struct error *err);
void storage_unlock(struct storage *storage, const char *name);
uint64_t storage_free_bytes(struct storage *storage);
/* Is NAME well-formed as said at the top? */
bool storage_name_valid(const char *name);

extern const struct storage_driver *const storage_drivers[]; /* registry.c; NULL-terminated */

#endif
