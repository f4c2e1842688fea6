/* The flags that run and plan share, and the run options they come to. */
#ifndef LEAT_CLI_RUN_FLAGS_H
#define LEAT_CLI_RUN_FLAGS_H

#include "cli/command.h"
#include "pipeline/pipeline.h"

extern const struct option_spec run_flags[];

/* Strings are borrowed from INVOCATION. */
status run_options_take(struct invocation *invocation, struct run_options *out, struct error *err);

/* A pipeline_run of the loaded job and the streams named behind it, stopped by SIGINT and SIGTERM. */
status run_job(struct invocation *invocation, const struct run_options *options,
               struct run_progress *progress, stream_ended_fn ended, void *context,
               struct run_report *out, int *out_exit_code, struct error *err);

#endif
