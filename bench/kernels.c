/* What a kernel takes at each level of processor: nanoseconds for a value, the best of many passes over a page of 20,000
 * in the cache.
 *
 *   bench_kernels        one line for each kernel */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/parquet/crc32.h"
#include "format/parquet/kernels.h"

enum { VALUES = 20000, PASSES = 300, ROOM = VALUES * 16 + 4096 };

static uint8_t from[ROOM], to[ROOM];
static struct crc32 crc;
static volatile uint64_t sink;

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* ---- one pass of each ---- */

static const void *in(void)
{
    return from;
}

static void *out(void)
{
    return to;
}

#define PACK_PASSES(width)                                                                         \
    static void pack_##width(const struct kernels *k)                                              \
    {                                                                                              \
        k->pack(in(), VALUES / 8, width, to);                                                      \
    }                                                                                              \
    static void unpack_##width(const struct kernels *k)                                            \
    {                                                                                              \
        k->unpack(from, VALUES / 8, width, out());                                                 \
    }

PACK_PASSES(1)
PACK_PASSES(3)
PACK_PASSES(7)
PACK_PASSES(12)
PACK_PASSES(20)

static void next_run(const struct kernels *k)
{
    sink = k->next_run(in(), 0, VALUES / 8);
}

#define BOUNDS_PASS(name, type)                                                                    \
    static void name(const struct kernels *k)                                                      \
    {                                                                                              \
        type min, max;                                                                             \
        k->name(in(), VALUES, &min, &max);                                                         \
        sink = (uint64_t)min + (uint64_t)max;                                                      \
    }

BOUNDS_PASS(bounds_int32, int32_t)
BOUNDS_PASS(bounds_int64, int64_t)
BOUNDS_PASS(bounds_uint64, uint64_t)
BOUNDS_PASS(bounds_float, float)
BOUNDS_PASS(bounds_double, double)

static void positions(const struct kernels *k)
{
    sink = k->positions(from, 3, VALUES, out());
}

static void bits_to_bytes(const struct kernels *k)
{
    k->bits_to_bytes(from, 3, VALUES, to);
}

static void narrow_int32(const struct kernels *k)
{
    sink = k->narrow_int32(in(), VALUES, out());
}

static void crc32_bytes(const struct kernels *k)
{
    sink = k->crc32(&crc, 0, from, VALUES);
}

#define PASS(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }

static const struct {
    const char *name;
    void (*pass)(const struct kernels *);
} passes[] = {
    PASS(pack_1),       PASS(pack_3),        PASS(pack_7),       PASS(pack_12),
    PASS(pack_20),      PASS(unpack_1),      PASS(unpack_3),     PASS(unpack_7),
    PASS(unpack_12),    PASS(unpack_20),     PASS(next_run),     PASS(bounds_int32),
    PASS(bounds_int64), PASS(bounds_uint64), PASS(bounds_float), PASS(bounds_double),
    PASS(positions),    PASS(bits_to_bytes), PASS(narrow_int32), PASS(crc32_bytes),
};

static double best_of(void (*pass)(const struct kernels *), const struct kernels *kernel)
{
    double best = 0;
    for (int i = 0; i < PASSES; i++) {
        double started = now_ns();
        pass(kernel);
        double took = now_ns() - started;
        if (i == 0 || took < best)
            best = took;
    }
    return best / VALUES;
}

int main(void)
{
    srand(1);
    crc32_init(&crc);
    for (size_t i = 0; i < ROOM; i += 4) { /* small integers: they fit every width */
        uint32_t value = (uint32_t)rand() & 1;
        memcpy(from + i, &value, sizeof(value));
    }
    printf("| %-16s |", "ns a value");
    for (enum cpu_level level = CPU_PORTABLE; level <= cpu_best(); level++)
        printf(" %8s |", cpu_level_text(level));
    for (size_t p = 0; p < sizeof(passes) / sizeof(passes[0]); p++) {
        printf("\n| %-16s |", passes[p].name);
        for (enum cpu_level level = CPU_PORTABLE; level <= cpu_best(); level++)
            printf(" %8.3f |", best_of(passes[p].pass, kernels_of(level)));
    }
    putchar('\n');
    return 0;
}
