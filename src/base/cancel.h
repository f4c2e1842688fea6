/* One flag that stops a run: set by a signal or by the first task that fails. */
#ifndef LEAT_BASE_CANCEL_H
#define LEAT_BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

struct cancel {
    atomic_int reason;           /* 0: go on; CANCEL_* else */
    const struct cancel *parent; /* also looked at; NULL for none */
};

enum { CANCEL_NONE = 0, CANCEL_SIGINT = 2, CANCEL_SIGTERM = 15, CANCEL_PEER_FAILED = 1000 };

/* Async-signal-safe. The first reason stays. */
void cancel_request(struct cancel *cancel, int reason);
int cancel_reason(const struct cancel *cancel);
/* OK, or CANCELLED with "stopped by SIGINT". CANCEL may be NULL. */
status cancel_check(const struct cancel *cancel, struct error *err);

#endif
