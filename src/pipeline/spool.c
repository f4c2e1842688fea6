#include "pipeline/spool.h"

#include <string.h>

static status write_kept(struct spool *spool, struct error *err)
{
    if (!spool->upload)
        TRY(storage_put_begin(spool->storage, spool->name, PUT_IF_ABSENT, &spool->upload, err));
    TRY(storage_put_write(spool->storage, spool->upload, spool->kept.data, spool->kept.size, err));
    spool->written += spool->kept.size;
    spool->kept.size = 0;
    return STATUS_OK;
}

/* After a failed write nobody knows how much of it is there. */
static status check_usable(const struct spool *spool, struct error *err)
{
    return spool->failed ? error_set(err, STATUS_BUG, "%s is incomplete: an earlier write failed",
                                     spool->name)
                         : STATUS_OK;
}

status spool_append(struct spool *spool, const void *bytes, size_t size, uint64_t *out_offset,
                    struct error *err)
{
    TRY(check_usable(spool, err));
    if (spool->kept.size && spool->kept.size + size > spool->limit) {
        status_code code = write_kept(spool, err);
        spool->failed = code != STATUS_OK;
        TRY(code);
    }
    uint64_t offset = spool->written + spool->kept.size;
    TRY(buffer_append(&spool->kept, bytes, size, err));
    *out_offset = offset;
    return STATUS_OK;
}

status spool_seal(struct spool *spool, struct error *err)
{
    uint64_t size;
    TRY(check_usable(spool, err));
    if (!spool->upload)
        return STATUS_OK;
    TRY(write_kept(spool, err));
    buffer_release(&spool->kept);
    TRY(storage_put_commit(spool->storage, TAKE(spool->upload), err));
    return storage_object_open(spool->storage, spool->name, &spool->object, &size, err);
}

status spool_read(const struct spool *spool, uint64_t offset, void *out, size_t size,
                  struct error *err)
{
    if (spool->object)
        return storage_object_read(spool->storage, spool->object, offset, out, size, err);
    if (offset > spool->kept.size || size > spool->kept.size - offset)
        return error_set(err, STATUS_BUG, "%zu bytes at %llu of a spool of %zu", size,
                         (unsigned long long)offset, spool->kept.size);
    if (size)
        memcpy(out, spool->kept.data + offset, size);
    return STATUS_OK;
}

void spool_release(struct spool *spool)
{
    if (spool->upload)
        storage_put_abort(spool->storage, spool->upload);
    if (spool->object)
        storage_object_close(spool->storage, spool->object);
    buffer_release(&spool->kept);
    *spool = (struct spool){0};
}
