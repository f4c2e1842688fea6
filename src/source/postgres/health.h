/* Limits that a job sets on what a run does to the server, and how the server bears it. */
#ifndef LEAT_SOURCE_POSTGRES_HEALTH_H
#define LEAT_SOURCE_POSTGRES_HEALTH_H

#include "base/option.h"
#include "source/source.h"

struct health_limits {
    int64_t max_rate, max_lag; /* bytes a second; bytes of WAL. 0: none */
    int64_t max_lag_ms;        /* of a standby behind its primary; 0: none */
    int64_t max_latency_ms;    /* 0: none */
    int64_t mark, mark_ns;     /* where the log ended at some look, and when; 0: none yet */
    int64_t asked_ns;          /* a question is out since then; 0: none is */
};

/* BAD_CONFIG: max_latency is no time, max_replication_lag neither time nor size. */
status health_limits_read(const struct option_values *values, struct health_limits *out,
                          struct error *err);
/* The callbacks of the driver. */
void postgres_limits(const struct source *source, struct source_limits *out);
status postgres_health(struct source *source, struct cancel *cancel, struct source_health *out,
                       struct error *err);

#endif
