/* Inside of the pipeline: one stream of one run, and what its steps share. Not for other folders. */
#ifndef LEAT_PIPELINE_STREAM_H
#define LEAT_PIPELINE_STREAM_H

#include <pthread.h>

#include "base/cancel.h"
#include "commit/commit.h"
#include "partition/partition.h"
#include "pipeline/pipeline.h"
#include "pipeline/segment.h"
#include "thread/thread.h"

/* What all streams of a run share. */
struct run_context {
    const struct job *job;
    const struct run_options *options;
    struct cancel *cancel;
    struct run_progress *progress;
    struct source *source;
    struct budget *budget;
    struct gate *encode_gate; /* at most `workers` encode at once */
    unsigned readers, workers;
    const char *run_id;
    struct arena *arena; /* of the report */
};

#define TABLE_LOCK   "_leat/lock"
#define STAGING_ROOT "_leat/staging"

/* Digests of rows at the old watermark that the table holds already; each may be used as often as it stands there. */
struct known_rows {
    const struct tie_digests *ties; /* NULL: none */
    uint8_t *used;
    pthread_mutex_t mutex;
};

struct stream_run {
    struct run_context *run;
    struct cancel cancel; /* this stream's; the run's is its parent, so one stream stops alone */
    const struct stream_spec *spec;
    struct stream_report *report;
    enum load_mode mode;
    bool partial; /* --partitions: those partitions are replaced, the watermark stays */

    struct storage *storage; /* at the table's root */
    struct table *table;
    bool locked;
    struct table_state state;

    struct read_request request;
    struct read_plan plan;
    bool first_load;     /* nothing to add to: all live files of ours go */
    struct scalar lower; /* old watermark; is_null: none */
    struct known_rows known;

    struct partitioner *partitioner;
    struct schema keys;        /* key columns with field ids */
    struct schema data_schema; /* columns in the files */
    struct schema table_schema;
    size_t *data_pick;   /* positions of data_schema's columns in plan.schema */
    char digest[33];     /* of the plan */
    const char *staging; /* "_leat/staging/<run id>" */
    pthread_mutex_t plan_mutex;
    bool plan_written;

    uint64_t row_group_rows;     /* the format's option */
    struct split_result *splits; /* plan.n_splits */

    struct assembly *assembly;
    atomic_int_least64_t stage_ns[STAGES]; /* thread time */
    struct arena arena;
};

/* ---- steps, in order; each in the file of its name ---- */
status stream_open_target(struct stream_run *stream, struct error *err);   /* target.c */
status stream_plan(struct stream_run *stream, struct error *err);          /* planning.c */
status stream_keep_finished(struct stream_run *stream, struct error *err); /* resume.c */
status stream_read_splits(struct stream_run *stream, struct error *err);   /* split_task.c */
status stream_assemble(struct stream_run *stream, struct error *err);      /* assemble.c */
status stream_validate(struct stream_run *stream, struct error *err);      /* checks.c */
status stream_publish(struct stream_run *stream, struct error *err);       /* publish.c */
status stream_write_plan(struct stream_run *stream, struct error *err);    /* resume.c */
status stream_put_manifest(struct stream_run *stream, uint32_t split,
                           const struct split_result *result, struct error *err); /* split_task.c */
void stream_clean_up(struct stream_run *stream);                                  /* resume.c */
void stream_run_release(struct stream_run *stream);                               /* stream.c */

/* A remark for the user in the stream's report. */
void stream_note(struct stream_run *stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Try ONCE again with growing waits (100 ms, doubled, half of it random; 5 tries) while it returns UNAVAILABLE. */
typedef status_code (*try_fn)(void *context, unsigned attempt, struct error *err);
status with_retries(struct cancel *cancel, try_fn once, void *context, struct error *err);

/* Columns PICK[0..n) of BATCH under SCHEMA as a batch of borrowed columns: OUT->columns is COLUMNS[n], never released. */
void batch_view(const struct batch *batch, const struct schema *schema, const size_t *pick,
                struct column *columns, struct batch *out);

#endif
