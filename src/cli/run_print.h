/* The report of a run as text for people, as JSON for programs, and as a line of the ledger. */
#ifndef LEAT_CLI_RUN_PRINT_H
#define LEAT_CLI_RUN_PRINT_H

#include <stdio.h>

#include "ledger/ledger.h"
#include "pipeline/pipeline.h"
#include "json/json.h"

/* A stream that has ended, in two to six calm lines. */
void print_stream_text(FILE *out, const struct stream_report *stream);
/* What a stream would do (leat plan). */
void print_plan_text(FILE *out, const struct run_report *run, const struct stream_report *stream);
/* The error of a stream that did not publish. */
void print_stream_error(FILE *out, const struct stream_report *stream);

json_t *stream_to_json(const struct stream_report *stream);
json_t *run_to_json(const struct run_report *run, int exit_code);

void stream_to_ledger(const struct run_report *run, const struct stream_report *stream,
                      const char *job_path, struct ledger_entry *out);

#endif
