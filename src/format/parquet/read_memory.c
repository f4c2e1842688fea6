#include "format/parquet/read_memory.h"

enum {
    SLACK = 4096 + 64
}; /* what a buffer takes more than it is asked for: alignment, padding, a page */

void read_memory_release(struct read_memory *memory, struct buffer *buffer)
{
    memory->used -= buffer->capacity;
    buffer_release(buffer);
}

/* Released before it is taken anew: buffers grow by half, and both old and new would count. */
status read_memory_room(struct read_memory *memory, struct buffer *buffer, size_t bytes,
                        const char *what, struct error *err)
{
    if (buffer->data && bytes <= buffer->capacity)
        return STATUS_OK;
    size_t wish = buffer->capacity + buffer->capacity / 4;
    read_memory_release(memory, buffer);
    size_t left = memory->used < memory->limit ? memory->limit - memory->used : 0;
    if (bytes > left || left - bytes < SLACK)
        return error_set(err, STATUS_BAD_DATA,
                         "%s needs %zu bytes of memory, of %zu that a reader may use %zu are left",
                         what, bytes, memory->limit, left);
    if (wish < bytes || left < wish + SLACK)
        wish = bytes;
    TRY(buffer_reserve(buffer, wish, err));
    memory->used += buffer->capacity;
    return STATUS_OK;
}
