/* Which kernels the processor can run. Found once at the start of the program and the same until its end: whoever
 * has kernels of several levels takes those of cpu_level(), for a page or a column at a time, never for a value. */
#ifndef LEAT_BASE_CPU_H
#define LEAT_BASE_CPU_H

#include "base/error.h"

enum cpu_level {
    CPU_PORTABLE, /* plain C */
    CPU_AVX2,     /* AVX2, BMI1, BMI2, POPCNT, PCLMULQDQ */
    CPU_AVX512,   /* and AVX-512 F, BW, DQ, VL, VBMI, VBMI2, and VPCLMULQDQ */
    CPU_LEVELS
};

/* The highest level that this processor and its operating system have. */
enum cpu_level cpu_best(void);

/* From now on WANTED ("portable", "avx2", "avx512"; NULL or "": the best) is the level. BAD_CONFIG: no such level,
 * or one that the processor lacks; names those there are. Called before threads start; until then the level is
 * CPU_PORTABLE. */
status cpu_choose(const char *wanted, struct error *err);
enum cpu_level cpu_level(void);

const char *cpu_level_text(enum cpu_level level);

#endif
