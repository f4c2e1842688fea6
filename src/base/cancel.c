#include "base/cancel.h"

void cancel_request(struct cancel *cancel, int reason)
{
    int none = CANCEL_NONE;
    (void)atomic_compare_exchange_strong(&cancel->reason, &none, reason);
}

int cancel_reason(const struct cancel *cancel)
{
    for (; cancel; cancel = cancel->parent) {
        int reason = atomic_load_explicit(&cancel->reason, memory_order_relaxed);
        if (reason != CANCEL_NONE)
            return reason;
    }
    return CANCEL_NONE;
}

status cancel_check(const struct cancel *cancel, struct error *err)
{
    int reason = cancel_reason(cancel);
    switch (reason) {
    case CANCEL_NONE:
        return STATUS_OK;
    case CANCEL_SIGINT:
        return error_set(err, STATUS_CANCELLED, "stopped by SIGINT");
    case CANCEL_SIGTERM:
        return error_set(err, STATUS_CANCELLED, "stopped by SIGTERM");
    case CANCEL_PEER_FAILED:
        return error_set(err, STATUS_CANCELLED, "stopped because another task failed");
    default:
        return error_set(err, STATUS_CANCELLED, "stopped by signal %d", reason);
    }
}
