/* Byte strings to numbers from 0 in order of appearance. Private to partition/. */
#ifndef LEAT_PARTITION_INTERNER_H
#define LEAT_PARTITION_INTERNER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct interner {
    struct buffer slots;   /* open addressing, a power of two of uint32: number + 1, 0 is free */
    struct buffer hashes;  /* uint64 of each string */
    struct buffer offsets; /* uint64, count + 1: where each string lies in bytes */
    struct buffer bytes;
    uint32_t count;
};

void interner_release(struct interner *interner);
/* The number of these bytes; it equals the count before the call when they are new. */
status interner_add(struct interner *interner, const void *bytes, size_t size, uint32_t *out,
                    struct error *err);

#endif
