/* What one reader may hold: every buffer it fills from a file is charged here before it is allocated, so that no
 * number in a file can make it take more. */
#ifndef LEAT_FORMAT_PARQUET_READ_MEMORY_H
#define LEAT_FORMAT_PARQUET_READ_MEMORY_H

#include "base/memory.h"

struct read_memory {
    size_t limit, used;
};

/* Room for BYTES in BUFFER, whose content is lost. BAD_DATA, with WHAT ("a page"), when the limit does not allow it. */
status read_memory_room(struct read_memory *memory, struct buffer *buffer, size_t bytes,
                        const char *what, struct error *err);
void read_memory_release(struct read_memory *memory, struct buffer *buffer);

#endif
