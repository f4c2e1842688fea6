/* Buffers: 64-byte aligned, 64 zeroed bytes readable behind the capacity.
 *
 * Small ones come from the allocator with room to align; the byte before `data` says how far `data`
 * is from the block's start (16..64, the allocator aligns to 16). Large ones are mappings of their
 * own, which the kernel grows by moving page tables. */
#include "base/memory.h"

#include <string.h>
#include <sys/mman.h>

enum {
    BUFFER_ALIGN = 64,
    BUFFER_PADDING = 64,
    BUFFER_PAGE = 4096,
    BUFFER_LARGE = 256 * 1024, /* from here on the copy of a realloc costs more than a mapping */
};

/* Far above any budget and far from overflow. */
static const size_t CEILING_BYTES = (size_t)1 << 46;

static size_t round_up(size_t value, size_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

static void free_small(uint8_t *data)
{
    if (data)
        mem_free(data - data[-1]);
}

static uint8_t *alloc_small(size_t capacity)
{
    uint8_t *block = mem_alloc(BUFFER_ALIGN + capacity + BUFFER_PADDING);
    if (!block)
        return NULL;
    size_t distance = BUFFER_ALIGN - (uintptr_t)block % BUFFER_ALIGN;
    uint8_t *data = block + distance;
    data[-1] = (uint8_t)distance;
    memset(data + capacity, 0, BUFFER_PADDING);
    return data;
}

static void let_go(struct buffer *buffer)
{
    if (!buffer->lent)
        free_small(buffer->data);
    buffer->lent = false;
}

static bool grow_small(struct buffer *buffer, size_t capacity)
{
    uint8_t *data = alloc_small(capacity);
    if (!data)
        return false;
    if (buffer->size > 0)
        memcpy(data, buffer->data, buffer->size);
    let_go(buffer);
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

/* New pages are zero, so the padding is: nobody wrote behind the capacity. */
static bool grow_large(struct buffer *buffer, size_t capacity)
{
    size_t bytes = round_up(capacity + BUFFER_PADDING, BUFFER_PAGE);
    uint8_t *data =
        memory_get_ops()->map(buffer->mapped ? buffer->data : NULL, buffer->mapped, bytes);
    if (!data)
        return false;
    if (!buffer->mapped) {
        if (buffer->size > 0)
            memcpy(data, buffer->data, buffer->size);
        let_go(buffer);
    }
    buffer->data = data;
    buffer->mapped = bytes;
    buffer->capacity = bytes - BUFFER_PADDING;
    return true;
}

status buffer_reserve(struct buffer *buffer, size_t bytes, struct error *err)
{
    if (bytes <= buffer->capacity && buffer->data)
        return STATUS_OK;
    if (bytes > CEILING_BYTES)
        return error_set(err, STATUS_NO_MEMORY, "out of memory: a buffer of %zu bytes", bytes);
    size_t grown = buffer->capacity + buffer->capacity / 2;
    size_t capacity = round_up(bytes > grown ? bytes : grown, BUFFER_ALIGN);
    if (capacity == 0)
        capacity = BUFFER_ALIGN;
    bool large = buffer->mapped || capacity > BUFFER_LARGE;
    if (!(large ? grow_large(buffer, capacity) : grow_small(buffer, capacity)))
        return error_set(err, STATUS_NO_MEMORY, "out of memory: a buffer of %zu bytes", capacity);
    return STATUS_OK;
}

void buffer_trim(struct buffer *buffer, size_t bytes)
{
    size_t keep = bytes > buffer->size ? bytes : buffer->size;
    if (!buffer->mapped || keep >= buffer->capacity)
        return;
    size_t mapped = round_up(keep + BUFFER_PADDING, BUFFER_PAGE);
    uint8_t *data = memory_get_ops()->map(buffer->data, buffer->mapped, mapped);
    if (!data)
        return;
    buffer->data = data;
    buffer->mapped = mapped;
    buffer->capacity = mapped - BUFFER_PADDING;
    memset(buffer->data + buffer->capacity, 0, BUFFER_PADDING);
}

status buffer_append(struct buffer *buffer, const void *bytes, size_t count, struct error *err)
{
    if (count == 0)
        return STATUS_OK;
    if (count > buffer->capacity - buffer->size) {
        size_t needed;
        if (__builtin_add_overflow(buffer->size, count, &needed))
            needed = SIZE_MAX; /* above the ceiling: refused there */
        TRY(buffer_reserve(buffer, needed, err));
    }
    memcpy(buffer->data + buffer->size, bytes, count);
    buffer->size += count;
    return STATUS_OK;
}

void buffer_release(struct buffer *buffer)
{
    if (buffer->mapped)
        memory_get_ops()->unmap(buffer->data, buffer->mapped);
    else
        let_go(buffer);
    *buffer = (struct buffer){0};
}

void buffer_lend(struct buffer *buffer, void *memory, size_t capacity)
{
    *buffer = (struct buffer){.data = memory, .capacity = capacity, .lent = true};
}

status buffer_own(struct buffer *buffer, struct error *err)
{
    size_t bytes = buffer->capacity;
    if (!buffer->lent || (bytes > BUFFER_LARGE ? grow_large : grow_small)(buffer, bytes))
        return STATUS_OK;
    return error_set(err, STATUS_NO_MEMORY, "out of memory: a buffer of %zu bytes", bytes);
}

status region_map(struct region *region, size_t bytes, struct error *err)
{
    bytes = round_up(bytes, BUFFER_PAGE);
    uint8_t *memory = memory_get_ops()->map(NULL, 0, bytes);
    if (!memory)
        return error_set(err, STATUS_NO_MEMORY, "out of memory: a region of %zu bytes", bytes);
    (void)madvise(memory, bytes, MADV_HUGEPAGE); /* a system without them has small ones */
    *region = (struct region){memory, bytes};
    return STATUS_OK;
}

void region_unmap(struct region *region)
{
    if (region->memory)
        memory_get_ops()->unmap(region->memory, region->bytes);
    *region = (struct region){0};
}
