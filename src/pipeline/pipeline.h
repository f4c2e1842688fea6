/* Joins the stages: plan, workers, memory budget, back-pressure, retry, cancel, resume, publish.
 *
 *   open target -> plan -> split tasks -> assemble tasks -> reconcile, checks -> publish -> clean up
 *
 * All streams of one source are planned first, under one snapshot, then worked and published one by one. A stream that
 * fails does not stop the others. */
#ifndef LEAT_PIPELINE_PIPELINE_H
#define LEAT_PIPELINE_PIPELINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "job/job.h"

enum run_stage { STAGE_OPEN, STAGE_PLAN, STAGE_READ, STAGE_ENCODE, STAGE_ASSEMBLE, STAGE_PUBLISH };
enum { STAGES = 6 };

enum stream_outcome {
    OUTCOME_PLANNED, /* leat plan: nothing was moved */
    OUTCOME_PUBLISHED,
    OUTCOME_NOTHING_NEW,
    OUTCOME_HELD,    /* exit 4 */
    OUTCOME_LOCKED,  /* another run holds the table: exit 6 */
    OUTCOME_STOPPED, /* by a signal */
    OUTCOME_UNKNOWN, /* exit 5 */
    OUTCOME_FAILED,
};
const char *outcome_text(enum stream_outcome outcome);

/* What a run may be told besides its job. Zeroed: the defaults. */
struct run_options {
    uint64_t memory_bytes; /* 0: a quarter of what there is, at most 1 GiB */
    unsigned readers;      /* 0: the cores, where reading is CPU work; else what brings something */
    unsigned workers;      /* encoding; 0: the cores */
    const char *const *partitions; /* NULL-terminated list of partition values; NULL: all */
    bool has_mode;
    enum load_mode mode; /* overrides the streams' */
    bool accept_foreign;
    bool accept_schema;
    int64_t save_every_ms; /* finished splits are made durable so often; 0: each */
    bool dry_run;          /* plan only; writes nothing */
};

/* Counters that a progress display may read at any time. */
struct run_progress {
    _Atomic(const char *) stream;                /* being worked on; NULL: none yet */
    _Atomic(const char *) phase;                 /* "reading", "assembling", "publishing" */
    atomic_uint_least64_t rows_done, rows_total; /* done: with those kept from an earlier run */
    atomic_uint_least64_t rows_kept;
    atomic_uint_least64_t bytes_read, bytes_written;
    atomic_int_least64_t started_ns; /* of the stream, monotonic */
};

struct partition_result {
    const char *value; /* "2013-11-28" */
    uint64_t rows, files, bytes;
    const char *outcome; /* "published", "empty", "held", ... */
};

/* What so many readers brought. */
struct reader_rate {
    unsigned readers;
    double bytes_per_second, after_seconds;
};

/* Everything worth telling about one stream of one run. Strings live in the report's arena. */
struct stream_report {
    const char *stream, *table_url, *mode;
    enum stream_outcome outcome;
    status_code code;
    struct error error;      /* when not published */
    const char *holder;      /* LOCKED: what the holder wrote of itself */
    const char *consistency; /* how the readers see one state */
    const char **notes;      /* n_notes */
    size_t n_notes;
    int64_t version;              /* published; -1 */
    uint64_t splits, splits_kept; /* kept: finished by a dead run or under a lost snapshot */
    uint64_t rows_planned, bytes_planned;
    bool rows_planned_exact;
    uint64_t rows_read, rows_kept, rows_known, rows_rejected, rows_written;
    uint64_t table_rows; /* of the table after the run */
    bool table_rows_known;
    uint64_t bytes_read, bytes_written;
    double compression_ratio; /* bytes in the source of the rows written, to bytes written */
    uint64_t files, small_files, partitions;
    double skew; /* largest partition to the median one, in rows; 0: none */
    const char *skew_partition;
    const char *watermark, *watermark_before, *source_newest;
    double lag_seconds; /* NaN: no time */
    const char *reject_file;
    uint64_t values_null, values_text; /* that a column's policy made NULL, or kept as text */
    const char **policy_columns;       /* "column \"n\": 3 values that did not fit became NULL" */
    size_t n_policy_columns;
    struct partition_result *partition_results; /* with --partitions */
    size_t n_partition_results;
    unsigned readers;        /* in the end; of a plan: at the start; 0: nothing was read */
    unsigned readers_most;   /* that were allowed */
    const char *readers_why; /* "a fifth brought 2 %" */
    struct reader_rate *reader_rates;
    size_t n_reader_rates;
    bool readers_limited; /* their number had to do with limits on the source */
    int64_t started_us, ended_us;
    double wall_seconds, cpu_seconds, stage_seconds[STAGES];
    /* for plan; the estimates come from the table's past runs, by the caller */
    uint64_t estimated_bytes, estimated_files, estimated_partitions; /* 0: not known */
    double estimated_seconds;
    const char **split_texts;
    const char *partition_by;
    uint64_t file_size;
};

struct run_report {
    char run_id[RUN_ID_BYTES];
    struct stream_report *streams;
    size_t n_streams;
    uint64_t memory_limit, peak_memory_bytes; /* budget; VmHWM */
    unsigned readers, workers; /* readers: 0 where each stream finds its own number */
    double wall_seconds, cpu_seconds;
    struct arena arena;
};
void run_report_release(struct run_report *report);

/* Called when a stream has ended, by the thread that called pipeline_run. */
typedef void (*stream_ended_fn)(void *context, const struct run_report *run,
                                const struct stream_report *stream);

/* Run the streams of JOB (names, wildcards, tags in SELECTORS; 0: all). Failures of single streams are in the report;
 * the status is not OK only when nothing could be started (job, source, memory). PROGRESS, ENDED may be NULL. */
status pipeline_run(const struct job *job, const char *const *selectors, size_t n_selectors,
                    const struct run_options *options, struct cancel *cancel,
                    struct run_progress *progress, stream_ended_fn ended, void *context,
                    struct run_report *out, struct error *err);

/* The exit code that a report comes to (DESIGN: 0, 1, 3, 4, 5, 6, 130, 143). */
int run_report_exit_code(const struct run_report *report, const struct cancel *cancel);

/* A quarter of the memory of the machine or its cgroup, at most 1 GiB, at least 64 MiB. */
uint64_t default_memory_bytes(void);

#endif
