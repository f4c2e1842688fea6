/* Bytes that are put aside one after the other and read back later: in memory while they are few, then in an object of the
 * run's staging area. So what a run has to remember of each file does not grow in memory with the files. */
#ifndef LEAT_PIPELINE_SPOOL_H
#define LEAT_PIPELINE_SPOOL_H

#include "base/error.h"
#include "base/memory.h"
#include "storage/storage.h"

struct spool {
    struct storage *storage; /* borrowed */
    const char *name;        /* of the object, should there be one; borrowed */
    size_t limit;            /* bytes held in memory */
    struct buffer kept;      /* what is not yet in the object */
    uint64_t written;        /* bytes in the object */
    struct upload *upload;
    struct storage_object *object; /* sealed, and not all in memory */
    bool failed;                   /* a write failed: what the object holds is not known */
};

/* Put SIZE bytes aside; *OUT_OFFSET is where they can be read. One thread at a time, never after spool_seal. */
status spool_append(struct spool *spool, const void *bytes, size_t size, uint64_t *out_offset,
                    struct error *err);
/* No more comes; from now on it can be read. */
status spool_seal(struct spool *spool, struct error *err);
/* SIZE bytes that were put aside at OFFSET. Threads: any number. */
status spool_read(const struct spool *spool, uint64_t offset, void *out, size_t size,
                  struct error *err);
void spool_release(struct spool *spool); /* accepts zeroed; the object goes with the staging area */

#endif
