#include "base/memory.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *system_map(void *old, size_t old_bytes, size_t new_bytes)
{
    void *block =
        old ? mremap(old, old_bytes, new_bytes, MREMAP_MAYMOVE)
            : mmap(NULL, new_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static void system_unmap(void *block, size_t size_bytes)
{
    (void)munmap(block, size_bytes); /* fails only for arguments that were never a mapping */
}

static const struct memory_ops system_ops = {realloc, free, system_map, system_unmap};
static const struct memory_ops *ops = &system_ops;

const struct memory_ops *memory_set_ops(const struct memory_ops *new_ops)
{
    const struct memory_ops *former = ops;
    ops = new_ops;
    return former;
}

const struct memory_ops *memory_get_ops(void)
{
    return ops;
}

void memory_keep_freed(void)
{
#ifdef M_MMAP_THRESHOLD /* glibc's; without it nothing is lost but time */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 4 << 20);
#endif
}

void *mem_realloc(void *block, size_t size_bytes)
{
    /* Size 0 frees in some C libraries and not in others: always hand out a byte. */
    return ops->realloc(block, size_bytes ? size_bytes : 1);
}

void *mem_alloc(size_t size_bytes)
{
    return mem_realloc(NULL, size_bytes);
}

void *mem_zalloc(size_t size_bytes)
{
    void *block = mem_alloc(size_bytes);
    if (block)
        memset(block, 0, size_bytes);
    return block;
}

void *mem_realloc_array(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return mem_realloc(block, bytes);
}

void mem_free(void *block)
{
    if (block)
        ops->free(block);
}

void mem_freep(void *pointer_to_pointer)
{
    void *block;
    memcpy(&block, pointer_to_pointer, sizeof(block)); /* of any pointer type */
    mem_free(block);
    memset(pointer_to_pointer, 0, sizeof(block));
}

char *mem_strndup(const char *text, size_t bytes)
{
    size_t length = strnlen(text, bytes);
    char *copy = mem_alloc(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : mem_alloc((size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

/* ---- arena ---- */

enum { ARENA_ALIGN = 16, ARENA_FIRST_BYTES = 1024, ARENA_MAX_BYTES = 64 * 1024 };

/* The newest block stands first and is the one that is filled. */
struct arena_block {
    struct arena_block *next;
    size_t used, size; /* of `bytes` */
    _Alignas(ARENA_ALIGN) uint8_t bytes[];
};

static struct arena_block *arena_block_new(struct arena *arena, size_t size)
{
    struct arena_block *block = mem_alloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    block->next = NULL;
    block->used = 0;
    block->size = size;
    arena->total_bytes += sizeof(*block) + size;
    return block;
}

/* A block with room for SIZE bytes, linked in. Something large gets a block of its own behind the
 * one being filled, whose rest stays usable. Blocks double, so their number stays small. */
static struct arena_block *arena_block_for(struct arena *arena, size_t size)
{
    struct arena_block *first = arena->blocks;
    if (first && first->size - first->used >= size)
        return first;
    size_t usual = first ? first->size * 2 : ARENA_FIRST_BYTES;
    if (usual > ARENA_MAX_BYTES)
        usual = ARENA_MAX_BYTES;
    bool own = first && size > usual / 4;
    struct arena_block *block = arena_block_new(arena, own || size > usual ? size : usual);
    if (!block)
        return NULL;
    struct arena_block **link = own ? &first->next : &arena->blocks;
    block->next = *link;
    *link = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX / 2)
        return NULL;
    size_t size = (size_bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (size == 0)
        size = ARENA_ALIGN;
    struct arena_block *block = arena_block_for(arena, size);
    if (!block)
        return NULL;
    void *out = block->bytes + block->used;
    block->used += size;
    return memset(out, 0, size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t bytes)
{
    size_t length = strnlen(text, bytes);
    char *copy = arena_alloc(arena, length + 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void arena_release(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block;) {
        struct arena_block *next = block->next;
        mem_free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
