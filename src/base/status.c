#include "base/status.h"

#include <stddef.h>

static const char *const texts[] = {
    [STATUS_OK] = "ok",
    [STATUS_END] = "end",
    [STATUS_CANCELLED] = "stopped",
    [STATUS_BAD_CONFIG] = "bad configuration",
    [STATUS_BAD_DATA] = "bad data",
    [STATUS_SCHEMA_CHANGED] = "schema changed",
    [STATUS_HELD] = "held",
    [STATUS_NOT_FOUND] = "not found",
    [STATUS_EXISTS] = "already exists",
    [STATUS_DENIED] = "denied",
    [STATUS_CONFLICT] = "conflict",
    [STATUS_IN_DOUBT] = "outcome unknown",
    [STATUS_UNAVAILABLE] = "unavailable",
    [STATUS_SNAPSHOT_LOST] = "snapshot lost",
    [STATUS_NO_MEMORY] = "out of memory",
    [STATUS_NO_SPACE] = "no space",
    [STATUS_BUG] = "bug",
};

const char *status_text(status_code code)
{
    size_t i = (size_t)code;
    return i < sizeof(texts) / sizeof(texts[0]) ? texts[i] : "unknown status";
}
