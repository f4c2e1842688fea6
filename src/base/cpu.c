#include "base/cpu.h"

#include <stdbool.h>

#include "base/text.h"

static const char *const names[CPU_LEVELS] = {"portable", "avx2", "avx512"};
static enum cpu_level chosen = CPU_PORTABLE;

#ifdef __x86_64__
/* The compiler's own test, which also asks whether the operating system saves the registers. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("pclmul");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
           __builtin_cpu_supports("vpclmulqdq");
}
#else
static bool has_avx2(void)
{
    return false;
}

static bool has_avx512(void)
{
    return false;
}
#endif

enum cpu_level cpu_best(void)
{
    if (!has_avx2())
        return CPU_PORTABLE;
    return has_avx512() ? CPU_AVX512 : CPU_AVX2;
}

status cpu_choose(const char *wanted, struct error *err)
{
    enum cpu_level best = cpu_best();
    if (!wanted || !*wanted) {
        chosen = best;
        return STATUS_OK;
    }
    for (enum cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) {
        if (!text_equal(wanted, names[level]))
            continue;
        if (level > best)
            return error_set(err, STATUS_BAD_CONFIG,
                             "this processor has no %s; the highest it has is %s", wanted,
                             names[best]);
        chosen = level;
        return STATUS_OK;
    }
    return error_set(err, STATUS_BAD_CONFIG, "expected portable, avx2 or avx512, got \"%s\"",
                     wanted);
}

enum cpu_level cpu_level(void)
{
    return chosen;
}

const char *cpu_level_text(enum cpu_level level)
{
    return names[level];
}
