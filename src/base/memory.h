/* Memory: plain allocations, arenas, counted 64-byte-aligned buffers and the budget of the process.
 *
 * All allocation of our code goes through one replaceable table, so that a test can fail the k-th
 * call. malloc and friends appear nowhere else in src/ (the lint says so); libraries keep theirs. */
#ifndef LEAT_BASE_MEMORY_H
#define LEAT_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/status.h"

/* ---- the seam ---- */

struct memory_ops {
    void *(*realloc)(void *block, size_t size_bytes); /* block NULL: a new one; size > 0 */
    void (*free)(void *block);
    /* Pages from the system, zeroed; grows in place or moves. old NULL: new. NULL when there is none. */
    void *(*map)(void *old, size_t old_bytes, size_t new_bytes);
    void (*unmap)(void *block, size_t size_bytes);
};

/* Replace the table (before any thread starts). Returns the one that was in force. */
const struct memory_ops *memory_set_ops(const struct memory_ops *ops);
const struct memory_ops *memory_get_ops(void); /* in force; for those who map pages themselves */

/* Before any thread starts: blocks of less than a megabyte that were freed are used again, not given back to the system and
 * touched anew. Larger ones are mappings, as large buffers are. */
void memory_keep_freed(void);

void *mem_alloc(size_t size_bytes)
    __attribute__((malloc)); /* uninitialised; NULL when there is none */
void *mem_zalloc(size_t size_bytes) __attribute__((malloc));
void *mem_realloc(void *block, size_t size_bytes);
/* An array of COUNT elements of SIZE, overflow checked; block as in realloc. */
void *mem_realloc_array(void *block, size_t count, size_t size);
void mem_free(void *block); /* accepts NULL */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t bytes);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

void mem_freep(void *pointer_to_pointer); /* for SCOPED(mem_freep) T *p */

/* Clean-up when the variable leaves its scope; ownership goes out by TAKE. */
#define SCOPED(function) __attribute__((cleanup(function)))
#define TAKE(pointer)                                                                              \
    ({                                                                                             \
        __typeof__(pointer) take_ = (pointer);                                                     \
        (pointer) = NULL;                                                                          \
        take_;                                                                                     \
    })

/* ---- budget: one for the process ----
 *
 * A reservation is a promise about bytes, made before they are allocated. Rules that keep it free
 * of deadlock: a task waits only while it holds nothing (budget_wait); whoever holds something may
 * only ask without waiting (budget_try) and flushes or spills when refused. */

struct budget;

/* limit in bytes; a limit of 0 means none. */
status budget_new(size_t limit_bytes, struct budget **out, struct error *err);
void budget_free(struct budget *budget);
size_t budget_limit(const struct budget *budget);
size_t budget_used(const struct budget *budget);
size_t budget_peak(const struct budget *budget);
bool budget_try(struct budget *budget, size_t bytes);
struct cancel;
/* Wait until BYTES fit. CANCELLED when cancelled; NO_MEMORY when it can never fit. The caller must
 * hold no reservation. Threads: any number, served in the order of asking. */
status budget_wait(struct budget *budget, size_t bytes, struct cancel *cancel, struct error *err);
void budget_return(struct budget *budget, size_t bytes);

/* ---- buffer: bytes that grow, aligned to 64, padded with 64 readable zeroed bytes ---- */

struct buffer {
    uint8_t *data;   /* 64-byte aligned, NULL while empty */
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes that may be used; 64 more stay readable behind them */
    size_t mapped;   /* > 0: length of the mapping (large buffers live in their own pages) */
    bool lent;       /* the memory is another's: buffer_lend */
};

/* Make room for at least BYTES in all (not in addition). Keeps the content. Large buffers are own
 * mappings: they grow without copying and pages cost nothing until touched. */
status buffer_reserve(struct buffer *buffer, size_t bytes, struct error *err);
/* The pages of a large buffer behind its first BYTES (at least its size) go back. */
void buffer_trim(struct buffer *buffer, size_t bytes);
status buffer_append(struct buffer *buffer, const void *bytes, size_t count, struct error *err);
void buffer_release(struct buffer *buffer); /* leaves it empty; accepts zeroed */
/* BUFFER, which is empty, uses CAPACITY bytes at MEMORY (aligned to 64, 64 zeroed bytes behind them) until it needs more. The
 * memory must outlive it. */
void buffer_lend(struct buffer *buffer, void *memory, size_t capacity);
/* What was lent is copied into memory of its own. */
status buffer_own(struct buffer *buffer, struct error *err);

/* ---- region: zeroed pages for many buffers, huge ones where the system has them ---- */

struct region {
    uint8_t *memory;
    size_t bytes;
};
status region_map(struct region *region, size_t bytes, struct error *err);
void region_unmap(struct region *region); /* accepts zeroed */

/* ---- arena: many small things that die together ---- */

struct arena {
    struct arena_block *blocks;
    size_t total_bytes;
};

void *arena_alloc(struct arena *arena,
                  size_t size_bytes); /* 16-byte aligned, zeroed; NULL when none */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t bytes);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_release(struct arena *arena);

#endif
