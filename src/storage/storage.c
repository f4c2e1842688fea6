/* The verbs as callers use them: names are checked here, once for all drivers, then the driver does the work. */
#include "storage/storage.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"

/* A driver's own place for unfinished objects; nobody else's name. */
static bool is_reserved(const char *segment, size_t size)
{
    static const char reserved[] = ".leat-tmp";
    return size == sizeof(reserved) - 1 && memcmp(segment, reserved, size) == 0;
}

static bool segment_valid(const char *segment, size_t size)
{
    if (size == 0 || size > NAME_MAX || is_reserved(segment, size))
        return false;
    return !(segment[0] == '.' && (size == 1 || (size == 2 && segment[1] == '.')));
}

bool storage_name_valid(const char *name)
{
    for (;;) {
        size_t size = strcspn(name, "/");
        if (!segment_valid(name, size))
            return false;
        if (name[size] == '\0')
            return true;
        name += size + 1;
    }
}

static status check_name(const struct storage *storage, const char *name, struct error *err)
{
    if (name && storage_name_valid(name))
        return STATUS_OK;
    return error_set(err, STATUS_BUG, "\"%.200s\" is not a name of an object in %s",
                     name ? name : "", storage->url);
}

void storage_close(struct storage *storage)
{
    if (storage)
        storage->ops->close(storage);
}

status storage_open_below(struct storage *storage, const char *prefix, struct storage **out,
                          struct error *err)
{
    TRY(check_name(storage, prefix, err));
    return storage->ops->open_below(storage, prefix, out, err);
}

status storage_put_begin(struct storage *storage, const char *name, enum put_mode mode,
                         struct upload **out, struct error *err)
{
    TRY(check_name(storage, name, err));
    return storage->ops->put_begin(storage, name, mode, out, err);
}

status storage_put_write(struct storage *storage, struct upload *upload, const void *bytes,
                         size_t size, struct error *err)
{
    return storage->ops->put_write(upload, bytes, size, err);
}

status storage_put_copy_range(struct storage *storage, struct upload *upload,
                              struct storage_object *from, uint64_t offset, uint64_t length,
                              struct error *err)
{
    return storage->ops->put_copy_range(upload, from, offset, length, err);
}

status storage_put_commit(struct storage *storage, struct upload *upload, struct error *err)
{
    return storage->ops->put_commit(upload, err);
}

void storage_put_abort(struct storage *storage, struct upload *upload)
{
    if (upload)
        storage->ops->put_abort(upload);
}

status storage_put(struct storage *storage, const char *name, enum put_mode mode, const void *bytes,
                   size_t size, struct error *err)
{
    struct upload *upload;
    TRY(storage_put_begin(storage, name, mode, &upload, err));
    status s = storage_put_write(storage, upload, bytes, size, err);
    if (s == STATUS_OK)
        return storage_put_commit(storage, upload, err);
    storage_put_abort(storage, upload);
    return s;
}

status storage_object_open(struct storage *storage, const char *name, struct storage_object **out,
                           uint64_t *out_size, struct error *err)
{
    TRY(check_name(storage, name, err));
    return storage->ops->object_open(storage, name, out, out_size, err);
}

status storage_object_read(struct storage *storage, struct storage_object *object, uint64_t offset,
                           void *out, size_t size, struct error *err)
{
    return storage->ops->object_read(object, offset, out, size, err);
}

void storage_object_close(struct storage *storage, struct storage_object *object)
{
    if (object)
        storage->ops->object_close(object);
}

static status get_object(struct storage *storage, const char *name, struct storage_object *object,
                         uint64_t size, size_t limit, char **out, struct error *err)
{
    if (size > limit)
        return error_set(err, STATUS_BAD_DATA, "%s/%s has %llu bytes, at most %zu were expected",
                         storage->url, name, (unsigned long long)size, limit);
    SCOPED(mem_freep) char *bytes = mem_alloc((size_t)size + 1);
    if (!bytes)
        return error_no_memory(err);
    TRY(storage_object_read(storage, object, 0, bytes, (size_t)size, err));
    bytes[size] = '\0';
    *out = TAKE(bytes);
    return STATUS_OK;
}

status storage_get(struct storage *storage, const char *name, size_t limit, char **out,
                   size_t *out_size, struct error *err)
{
    struct storage_object *object;
    uint64_t size;
    TRY(storage_object_open(storage, name, &object, &size, err));
    status s = get_object(storage, name, object, size, limit, out, err);
    storage_object_close(storage, object);
    if (s == STATUS_OK && out_size)
        *out_size = (size_t)size;
    return s;
}

status storage_stat(struct storage *storage, const char *name, struct storage_entry *out,
                    struct error *err)
{
    TRY(check_name(storage, name, err));
    return storage->ops->stat(storage, name, out, err);
}

status storage_list(struct storage *storage, const char *prefix, bool shallow, storage_list_fn each,
                    void *context, struct error *err)
{
    if (*prefix)
        TRY(check_name(storage, prefix, err));
    return storage->ops->list(storage, prefix, shallow, each, context, err);
}

status storage_copy(struct storage *storage, const char *from, const char *to, struct error *err)
{
    TRY(check_name(storage, from, err));
    TRY(check_name(storage, to, err));
    return storage->ops->copy(storage, from, to, err);
}

status storage_remove(struct storage *storage, const char *name, struct error *err)
{
    TRY(check_name(storage, name, err));
    return storage->ops->remove(storage, name, err);
}

struct removal {
    struct storage *storage;
    status_code first;
    struct error *err;
};

static status_code remove_one(void *context, const struct storage_entry *entry, struct error *err)
{
    struct removal *removal = context;
    struct error own = {0};
    status_code s = storage_remove(removal->storage, entry->name, &own);
    if (s != STATUS_OK && removal->first == STATUS_OK) {
        removal->first = s;
        if (removal->err)
            *removal->err = own;
    }
    return STATUS_OK;
}

status storage_remove_below(struct storage *storage, const char *prefix, struct error *err)
{
    struct error first = {0};
    struct removal removal = {.storage = storage, .err = &first};
    TRY(storage_list(storage, prefix, false, remove_one, &removal, err));
    if (removal.first != STATUS_OK && err)
        *err = first;
    return removal.first;
}

status storage_sync(struct storage *storage, struct error *err)
{
    return storage->ops->sync(storage, err);
}

status storage_lock(struct storage *storage, const char *name, const char *owner, char **out_holder,
                    struct error *err)
{
    TRY(check_name(storage, name, err));
    return storage->ops->lock(storage, name, owner, out_holder, err);
}

void storage_unlock(struct storage *storage, const char *name)
{
    if (storage_name_valid(name))
        storage->ops->unlock(storage, name);
}

uint64_t storage_free_bytes(struct storage *storage)
{
    return storage->ops->free_bytes(storage);
}
