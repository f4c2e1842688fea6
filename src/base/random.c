#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/clock.h"

static int system_fill(void *out, size_t bytes)
{
    uint8_t *at = out;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        at += got;
        bytes -= (size_t)got;
    }
    return 0;
}

static const struct random_ops system_ops = {system_fill};
static const struct random_ops *ops = &system_ops;

const struct random_ops *random_set_ops(const struct random_ops *new_ops)
{
    const struct random_ops *former = ops;
    ops = new_ops;
    return former;
}

status random_fill(void *out, size_t bytes, struct error *err)
{
    int failed = ops->fill(out, bytes);
    return failed ? error_os(err, failed, "cannot get random bytes from the system") : STATUS_OK;
}

status random_run_id(char out[RUN_ID_BYTES], struct error *err)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* without I L O U */
    uint8_t random[10];
    TRY(random_fill(random, sizeof(random), err));
    uint64_t ms = (uint64_t)clock_wall_us() / 1000;
    for (int i = 9; i >= 0; i--, ms >>= 5) /* 10 digits hold the 48 bits of time */
        out[i] = digits[ms & 31];
    for (size_t half = 0; half < 2; half++) { /* 16 digits for 80 bits: 8 for each 40 */
        uint64_t bits = 0;
        for (size_t i = 0; i < 5; i++)
            bits = bits << 8 | random[half * 5 + i];
        for (size_t i = 8; i-- > 0; bits >>= 5)
            out[10 + half * 8 + i] = digits[bits & 31];
    }
    out[RUN_ID_BYTES - 1] = '\0';
    return STATUS_OK;
}

status random_uuid(char out[37], struct error *err)
{
    uint8_t bytes[16];
    TRY(random_fill(bytes, sizeof(bytes), err));
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    const uint8_t *from = bytes;
    for (size_t i = 0; i < sizeof(groups); i++) {
        bytes_to_hex(from, groups[i], out);
        from += groups[i];
        out += 2 * groups[i];
        *out++ = i + 1 < sizeof(groups) ? '-' : '\0';
    }
    return STATUS_OK;
}

int64_t backoff_ms(unsigned attempt, int64_t first_ms, int64_t most_ms)
{
    int64_t full = attempt < 16 && first_ms << attempt < most_ms ? first_ms << attempt : most_ms;
    uint32_t random = 0;
    struct error ignored;
    if (random_fill(&random, sizeof(random), &ignored) != STATUS_OK)
        random = 0; /* waiting needs no good randomness */
    return full / 2 + (int64_t)(random % (uint32_t)(full / 2 + 1));
}
