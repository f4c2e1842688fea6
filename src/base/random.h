/* Randomness for names, behind a table a test can replace. */
#ifndef LEAT_BASE_RANDOM_H
#define LEAT_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct random_ops {
    /* 0 or an errno. */
    int (*fill)(void *out, size_t bytes);
};

const struct random_ops *random_set_ops(const struct random_ops *ops);
status random_fill(void *out, size_t bytes, struct error *err);

/* A run id: 26 characters of Crockford base32 (ULID form): 48 bits of wall time in ms, then 80 random
 * bits, so ids sort by time and never collide within a millisecond. NUL-terminated. */
enum { RUN_ID_BYTES = 27 };
status random_run_id(char out[RUN_ID_BYTES], struct error *err);
/* A version 4 UUID in text, 36 characters and NUL. */
status random_uuid(char out[37], struct error *err);

/* How long to wait after try ATTEMPT (0..): FIRST_MS doubled with each, at most MOST_MS; half of it is random, so that those who
 * failed together don't ask together again. */
int64_t backoff_ms(unsigned attempt, int64_t first_ms, int64_t most_ms);

#endif
