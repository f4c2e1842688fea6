/* Inside of the pipeline: one split on its way to a segment, and what its steps share. Not for other folders. */
#ifndef LEAT_PIPELINE_SPLIT_WORK_H
#define LEAT_PIPELINE_SPLIT_WORK_H

#include "pipeline/guard.h"
#include "pipeline/stream.h"

/* What a thread keeps from split to split. */
struct worker {
    struct worker *next;
    struct batch chunk;    /* of plan.schema */
    struct data_room room; /* of the chunk's texts */
    bool outgrew_region;   /* there were more rows than the plan said: no more regions */
    struct carried_rows carried;
    struct batch gathered;    /* of data_schema: the chunk by partition ... */
    struct batch_codes codes; /* ... and what of it is coded */
    struct encoder *encoder;
    struct partition_groups groups;
    struct row_group group;
    struct column *view;  /* data_schema.n_fields */
    uint64_t share_bytes; /* that its buffers have grown in; 0: they are new */
};

enum { READ_STEP_ROWS = 16384 };

struct split_pass {
    struct stream_run *stream;
    pthread_mutex_t mutex; /* of what follows, the guard aside */
    struct worker *idle;
    size_t n_begun; /* splits */
    struct guard guard;
};

/* What of the budget a task may use, and for what. */
struct split_room {
    uint64_t share_bytes;
    bool alone;
    uint64_t chunk_bytes; /* the chunk is written out once it is so large */
    uint64_t data_bytes;  /* memory of its texts */
    uint64_t value_bytes; /* the largest of them */
    uint64_t keep_bytes;  /* rows of a partition that take as much become a row group ... */
    uint64_t
        slice_bytes; /* ... or several, each of so many bytes, where they have to be gathered */
    uint64_t group_bytes; /* no row group is larger: a file's size */
};

struct split_work {
    struct split_pass *pass;
    struct stream_run *stream;
    struct worker *worker;
    struct split_room room;
    const struct split *split;
    struct reader *reader;
    struct segment_writer writer;
    struct split_result result;
    struct pace_step step;
    struct upload *rejects;
    size_t chunk_rows; /* a chunk that has so many is written out */
    size_t ties_capacity, used_capacity;
    unsigned attempt;
    uint64_t shown_rows, shown_bytes; /* what the progress display counts of this try */
    uint8_t *wanted;                  /* --partitions: worked out for keys below n_wanted */
    size_t n_wanted;
};

/* ---- workers: worker.c ---- */
/* For a task with a share of SHARE_BYTES. Idle workers of other shares are freed. */
status worker_take(struct split_pass *pass, uint64_t share_bytes, struct worker **out,
                   struct error *err);
/* Before the first row of a split. */
status worker_begin(struct worker *worker, const struct split_room *room, struct error *err);
/* After a chunk was written out. */
status worker_empty(struct worker *worker, const struct split_room *room, struct error *err);
void worker_give_back(struct split_pass *pass, struct worker *worker);
void workers_free(struct split_pass *pass);

/* ---- steps of a split ---- */
/* Sort out the rows [first, ...) of the chunk by what the watermark says of them. watermark_rows.c */
status split_sort_out(struct split_work *work, size_t first, struct error *err);
/* Partition and encode the chunk, and empty it. write_chunk.c */
status split_write_chunk(struct split_work *work, struct error *err);
/* Read the split, write its segment. split_task.c */
status split_read(struct split_work *work, struct error *err);
/* A try that failed: its rows will be counted again. split_task.c */
void split_take_progress_back(const struct split_work *work);

#endif
