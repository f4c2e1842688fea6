/* A memory table whose k-th call fails (and all after it, when asked), for loops over k:
 *
 *   for (unsigned nth = 1;; nth++) {
 *       fail_allocation(nth);
 *       status_code got = thing_under_test(...);
 *       if (!allocation_failed()) { ... got is OK ...; break; }
 *       assert_int_equal(got, STATUS_NO_MEMORY);
 *   }
 *
 * allocation_failed() also restores the table that was in force. Counts alloc, realloc and map calls. */
#ifndef LEAT_TEST_FAILING_MEMORY_H
#define LEAT_TEST_FAILING_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/memory.h"

static const struct memory_ops *failing_inner;
static unsigned failing_nth;
static atomic_uint failing_calls;

static bool failing_now(void)
{
    return atomic_fetch_add(&failing_calls, 1) + 1 == failing_nth;
}

static void *failing_realloc(void *block, size_t size_bytes)
{
    return failing_now() ? NULL : failing_inner->realloc(block, size_bytes);
}

static void failing_free(void *block)
{
    failing_inner->free(block);
}

static void *failing_map(void *old, size_t old_bytes, size_t new_bytes)
{
    return failing_now() ? NULL : failing_inner->map(old, old_bytes, new_bytes);
}

static void failing_unmap(void *block, size_t size_bytes)
{
    failing_inner->unmap(block, size_bytes);
}

static const struct memory_ops failing_ops = {failing_realloc, failing_free, failing_map,
                                              failing_unmap};

static inline void fail_allocation(unsigned nth)
{
    failing_nth = nth;
    atomic_store(&failing_calls, 0);
    failing_inner = memory_set_ops(&failing_ops);
}

static inline bool allocation_failed(void)
{
    (void)memory_set_ops(failing_inner);
    return atomic_load(&failing_calls) >= failing_nth;
}

#endif
