/* Filling the report of a stream, step by step. */
#ifndef LEAT_PIPELINE_REPORT_H
#define LEAT_PIPELINE_REPORT_H

#include "pipeline/stream.h"

void report_splits(struct stream_run *stream); /* after the splits */
void report_partition_outcomes(struct stream_report *report);
void report_given_partitions(struct stream_run *stream);
void report_files(struct stream_run *stream); /* after assembling */
/* At the end; the two times are those of the stream's start. */
void report_end(struct stream_run *stream, int64_t started_ns, int64_t started_cpu_ns);
/* The process's highest resident set so far. */
uint64_t peak_memory_bytes(void);

#endif
