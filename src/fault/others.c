/* The decorators of memory, threads, randomness and the clock. */
#include <errno.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "fault/inject.h"
#include "thread/thread.h"

static const struct memory_ops *memory;
static const struct thread_ops *threads;
static const struct random_ops *randomness;
static const struct clock_ops *clocks;

static struct fault_effect before(enum fault_kind kind)
{
    return fault_before(&(struct fault_call){.kind = kind});
}

static void *faulty_realloc(void *block, size_t size_bytes)
{
    struct fault_effect effect = before(FAULT_ALLOC);
    if (effect.os_errno)
        return NULL;
    void *out = memory->realloc(block, size_bytes);
    fault_after(&effect);
    return out;
}

static void plain_free(void *block)
{
    memory->free(block);
}

static void *faulty_map(void *old, size_t old_bytes, size_t new_bytes)
{
    struct fault_effect effect = before(FAULT_MAP);
    if (effect.os_errno)
        return NULL;
    void *out = memory->map(old, old_bytes, new_bytes);
    fault_after(&effect);
    return out;
}

static void plain_unmap(void *block, size_t size_bytes)
{
    memory->unmap(block, size_bytes);
}

static int faulty_create(pthread_t *out, void *(*run)(void *), void *argument)
{
    struct fault_effect effect = before(FAULT_THREAD);
    if (effect.os_errno)
        return effect.os_errno;
    int failed = threads->create(out, run, argument);
    fault_after(&effect);
    return failed;
}

static int plain_join(pthread_t thread)
{
    return threads->join(thread);
}

static int faulty_fill(void *out, size_t bytes)
{
    struct fault_effect effect = before(FAULT_RANDOM);
    if (effect.os_errno)
        return effect.os_errno;
    int failed = randomness->fill(out, bytes);
    fault_after(&effect);
    return failed;
}

static int64_t faulty_wall_us(void)
{
    struct fault_effect effect = before(FAULT_CLOCK);
    int64_t now = clocks->wall_us();
    fault_after(&effect);
    return now;
}

static int64_t faulty_monotonic_ns(void)
{
    struct fault_effect effect = before(FAULT_CLOCK);
    int64_t now = clocks->monotonic_ns();
    fault_after(&effect);
    return now;
}

static void faulty_sleep_us(int64_t us)
{
    struct fault_effect effect = before(FAULT_CLOCK);
    clocks->sleep_us(us);
    fault_after(&effect);
}

static const struct memory_ops faulty_memory = {faulty_realloc, plain_free, faulty_map,
                                                plain_unmap};
static const struct thread_ops faulty_threads = {faulty_create, plain_join};
static const struct random_ops faulty_randomness = {faulty_fill};
static const struct clock_ops faulty_clocks = {faulty_wall_us, faulty_monotonic_ns,
                                               faulty_sleep_us};

void fault_sleep_ms(int64_t ms)
{
    clocks->sleep_us(ms * 1000);
}

void fault_others_install(void)
{
    memory = memory_set_ops(&faulty_memory);
    threads = thread_set_ops(&faulty_threads);
    randomness = random_set_ops(&faulty_randomness);
    clocks = clock_set_ops(&faulty_clocks);
}

void fault_others_remove(void)
{
    (void)memory_set_ops(memory);
    (void)thread_set_ops(threads);
    (void)random_set_ops(randomness);
    (void)clock_set_ops(clocks);
}
