/* Inside of the pipeline: one stream of one run, and what its steps share. Not for other folders. */
#ifndef LEAT_PIPELINE_STREAM_H
#define LEAT_PIPELINE_STREAM_H

#include <pthread.h>

#include "base/cancel.h"
#include "batch/convert.h"
#include "commit/commit.h"
#include "partition/partition.h"
#include "pipeline/pace.h"
#include "pipeline/pieces.h"
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
    struct gate *encode_gate;  /* at most `workers` encode at once */
    bool watched;              /* some stream is read by its update_key */
    const char **keyed;        /* tables whose streams have one, NULL-terminated */
    unsigned readers, workers; /* readers: 0 where their number climbs */
    unsigned climbed;          /* to so many in the stream before; 0: none was */
    struct pace pace;
    int64_t plan_patience_ms; /* a source that restarts is waited for; 0: as long as for anything */
    const char *run_id;
    struct arena *arena; /* of the report */
};

#define TABLE_LOCK   "_leat/lock"
#define STAGING_ROOT "_leat/staging"

/* Digests of rows at the old watermark that the table holds already (known_rows.c). */
struct known_rows {
    const struct tie_digests *ties; /* sorted; NULL: none */
    uint32_t *used;                 /* uses taken of a digest, at the first place it stands */
    pthread_mutex_t mutex;
};
/* TIES is borrowed; the mutex is the caller's to set up. */
status known_rows_init(struct known_rows *known, const struct tie_digests *ties, struct error *err);
/* Is a row of DIGEST known and not taken yet? Then it is now. */
bool known_rows_take(struct known_rows *known, const struct digest *digest);
void known_rows_give_back(struct known_rows *known, const struct tie_digests *taken);

/* A column that the table holds as another type (carry.c). */
struct carry {
    size_t column;
    column_convert_fn convert; /* NULL: as it stands */
};

/* Where a thread puts such columns, chunk after chunk. */
struct carried_rows {
    struct column *view;      /* all columns: borrowed */
    struct column *converted; /* those of the stream's carries: owned */
    size_t n_converted;
};

/* Finished splits on their way from a lost snapshot to the next plan (keep.c). */
struct kept_splits {
    struct split *splits;
    struct split_result *results;
    size_t n;
    struct scalar end; /* all below it are theirs */
    /* what the plan must have in common with theirs */
    int32_t today;
    const char *source_identity;
    struct schema schema;
};

/* What makes finished splits last (remember.c). */
struct saver {
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    pthread_t thread;
    bool begun;       /* a split has something to remember */
    bool has_thread;  /* else the threads that finish splits save them */
    bool saving;      /* the mutex is free, the list is not */
    bool stop;        /* no more than what is under way */
    bool marked;      /* later runs look for data files of this one */
    uint32_t *splits; /* finished, without a manifest */
    size_t n;
    int64_t saved_ns; /* monotonic */
    status_code code; /* of the thread; not OK: it has ended */
    struct error err;
};
void saver_init(struct saver *saver);
void saver_release(struct saver *saver);

struct stream_run {
    struct run_context *run;
    struct cancel cancel; /* this stream's; the run's is its parent, so one stream stops alone */
    const struct stream_spec *spec;
    struct stream_report *report;
    struct stream_report *unplanned; /* REPORT as it was before the plan */
    enum load_mode mode;
    bool partial; /* --partitions: those partitions are replaced, the watermark stays */

    struct storage *storage; /* at the table's root */
    struct table *table;
    bool locked;
    struct table_state state;

    struct read_request request;
    struct read_plan plan;
    bool first_load;            /* nothing to add to: all live files of ours go */
    bool schema_changes;        /* with this run, as the user allowed */
    bool widens;                /* columns get wider types with it */
    const size_t *contract_was; /* as in struct contract_changes; NULL: there is no contract */
    struct scalar lower;        /* old watermark; is_null: none */
    struct known_rows known;
    struct schema known_schema; /* the columns that `known` digests, where they are not all ... */
    const size_t *known_pick;   /* ... of plan.schema: their positions there; NULL: they are */

    struct schema carried; /* plan.schema as the table holds it: what partitions and files are of */
    struct carry *carries;
    size_t n_carries;
    bool converts; /* one of them has a kernel */

    struct partitioner *partitioner;
    struct partition_keys *all_keys; /* of the finished splits; NULL: none yet */
    struct pieces pieces;            /* theirs */
    pthread_mutex_t keys_mutex;      /* of both */
    struct schema keys;              /* key columns with field ids */
    struct schema data_schema;       /* columns in the files */
    struct schema table_schema;
    size_t *data_pick;   /* positions of data_schema's columns in plan.schema and carried */
    char digest[33];     /* of the plan */
    char work[33];       /* of what the job and the table make of any plan */
    const char *staging; /* "_leat/staging/<run id>" */
    pthread_mutex_t plan_mutex;
    bool plan_written;
    struct saver saver;

    uint64_t row_group_rows;     /* the format's option */
    struct encoder_needs needs;  /* of each encoder */
    uint64_t held_bytes;         /* of the budget, from the first split to the last file */
    struct split_result *splits; /* plan.n_splits */
    bool sought;                 /* dead runs were looked at for what follows */
    struct kept_splits kept;     /* they come first among them once they are taken */

    struct {
        uint64_t before, replaced; /* rows of the version before; those that this run replaces */
        bool known;                /* false: some files have no counts */
    } table_rows;
    struct assembly *assembly;
    atomic_int_least64_t stage_ns[STAGES]; /* thread time */
    struct arena arena;
};

/* ---- steps, in order; each in the file of its name ---- */
status stream_open_target(struct stream_run *stream, struct error *err);    /* target.c */
status stream_plan(struct stream_run *stream, struct error *err);           /* planning.c */
status stream_keep_finished(struct stream_run *stream, struct error *err);  /* resume.c */
status stream_begin_assembly(struct stream_run *stream, struct error *err); /* assemble.c */
status stream_read_splits(struct stream_run *stream, struct error *err);    /* read_splits.c */
status stream_assemble(struct stream_run *stream, struct error *err);       /* assemble.c */
status stream_validate(struct stream_run *stream, struct error *err);       /* checks.c */
status stream_publish(struct stream_run *stream, struct error *err);        /* publish.c */
/* The footers of some of the files, read back: tasks that any thread may do. checks.c */
size_t stream_read_back_tasks(const struct stream_run *stream);
status stream_read_back(struct stream_run *stream, size_t task, struct error *err);
status stream_write_plan(struct stream_run *stream, struct error *err); /* resume.c */
/* Once; then durable with the next sync. remember.c */
status stream_write_plan_once(struct stream_run *stream, struct error *err);
/* The plan and all that RESULT names must be durable already. remember.c */
status stream_put_manifest(struct stream_run *stream, uint32_t split,
                           const struct split_result *result, struct error *err);
/* A split is about to leave something. remember.c */
void stream_remember_begin(struct stream_run *stream);
/* SPLIT is finished: it gets a manifest, now or with those that follow. remember.c */
status stream_remember(struct stream_run *stream, uint32_t split, struct error *err);
/* From here on there may be data files of this run: later runs will know, whenever it ends. */
status stream_remember_files(struct stream_run *stream, struct error *err);
/* All files are there and good: what was not saved yet need not be, and is removed. */
void stream_remember_no_more(struct stream_run *stream);
/* The run has come to CODE; a later one may go on from what was finished. */
void stream_remember_end(struct stream_run *stream, status_code code);
void stream_drop_assembly(struct stream_run *stream); /* assemble.c */
void stream_clean_up(struct stream_run *stream);      /* resume.c */
void stream_run_release(struct stream_run *stream);   /* stream.c */
/* All that stream_plan made, and what was read by it. stream.c */
void stream_plan_release(struct stream_run *stream);
/* The snapshot is lost: once its source has let it go, give up what was read and plan again. renew.c */
status stream_plan_again(struct stream_run *stream, struct error *err);
/* Call before the first plan. renew.c */
status stream_keep_report(struct stream_run *stream, struct error *err);

/* Count the rows that the table has and those of the partitions to be replaced. checks.c */
status stream_count_table(struct stream_run *stream, struct error *err);

/* --partitions: does the stream take it; is each value one its key column can have; is this one given? partial.c */
status stream_check_partial(const struct stream_run *stream, struct error *err);
status stream_check_partition_values(struct stream_run *stream, struct error *err);
bool partition_is_given(struct stream_run *stream, const char *value);

/* Compare the source with what the table's record says; hold, or go on with what the job allows. Then give the columns their
 * field ids, and the table its columns in order. contract.c */
status stream_check_contract(struct stream_run *stream, struct error *err);
void stream_give_field_ids(struct stream_run *stream);
status stream_table_schema(struct stream_run *stream, struct error *err);

/* Find the columns that the table has no type for, and bind their kernels. carry.c */
status stream_plan_carries(struct stream_run *stream, struct error *err);
/* ROWS is zeroed; released by the caller, also after failure. */
status carried_rows_init(const struct stream_run *stream, struct carried_rows *rows,
                         struct error *err);
void carried_rows_release(struct carried_rows *rows);
/* CHUNK as the table holds it: OUT borrows from both, until ROWS is used again. */
status stream_carry(const struct stream_run *stream, const struct batch *chunk,
                    struct carried_rows *rows, struct batch *out, struct error *err);

/* Number the partitions of the finished split NUMBER as the stream does; take its pieces, and drop its own set of partitions.
 * BAD_DATA: a value that can't be a partition's. BAD_CONFIG: more partitions than there is room for. stream_keys.c */
enum { ASSEMBLED_PARTITION_BYTES = 320 }; /* of a partition, its path and its file, about */
status stream_take_keys(struct stream_run *stream, uint32_t number, struct split_result *split,
                        struct error *err);

/* The pieces of SPLIT are these: its row groups may go into a data file once it is finished. ahead.c */
status stream_note_groups(struct stream_run *stream, uint32_t split, const struct piece *pieces,
                          size_t n, struct error *err);
/* SPLIT is finished: append row groups whose turn has come, unless another thread is at it. ahead.c */
status stream_append_ahead(struct stream_run *stream, uint32_t split, struct error *err);

/* A remark for the user in the stream's report. */
void stream_note(struct stream_run *stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- a lost snapshot: keep.c ---- */
/* Before the plan is dropped: which finished splits may be kept under another one. */
status stream_keep_splits(struct stream_run *stream, struct error *err);
/* Remove from the staging area what they don't name. */
status stream_clear_staging(struct stream_run *stream, struct error *err);
/* Is the plan, of what is left, one that goes with them? Then they become its first splits ... */
bool stream_kept_fit(const struct stream_run *stream);
status stream_join_kept(struct stream_run *stream, struct error *err);
/* ... and are finished ones; the stream's pieces must be there to take theirs. */
status stream_take_kept(struct stream_run *stream, struct error *err);
void stream_drop_kept(struct stream_run *stream);
/* The last of KEPT must be one with an end: those behind it go. */
void kept_splits_cut(struct kept_splits *kept);
void kept_splits_release(struct kept_splits *kept);
/* Once, before the first plan: of a dead run. resume.c */
status stream_find_kept(struct stream_run *stream, struct error *err);
/* SPLIT was finished by another run, or under another snapshot, and is this run's now; its manifest is still to be put. resume.c */
status stream_adopt(struct stream_run *stream, uint32_t split, struct split_result *found,
                    struct error *err);

/* What a stream keeps from split to split has a part of the budget of its own, and so has what its plan holds: from
 * stream_hold to stream_let_go. */
status stream_hold(struct stream_run *stream, struct error *err);
void stream_let_go(struct stream_run *stream);
uint64_t stream_kept_bytes(const struct stream_run *stream); /* the first of the two */
/* What is left of the budget for tasks. */
uint64_t stream_task_bytes(const struct stream_run *stream);

/* The part of the memory budget that each of *THREADS tasks may use; there are fewer threads where the parts would be too
 * small to work with. */
uint64_t stream_share_bytes(const struct stream_run *stream, unsigned *threads);

/* Try ONCE again with growing waits (100 ms, doubled, half of it random; 5 tries) while it returns UNAVAILABLE. */
typedef status_code (*try_fn)(void *context, unsigned attempt, struct error *err);
status with_retries(struct cancel *cancel, try_fn once, void *context, struct error *err);
/* The same for something that may take longer to come back: until the waits (5 s at most) come to PATIENCE_MS, and not less often
 * than with_retries. */
status with_patience(int64_t patience_ms, struct cancel *cancel, try_fn once, void *context,
                     struct error *err);

/* Columns PICK[0..n) of BATCH under SCHEMA as a batch of borrowed columns: OUT->columns is COLUMNS[n], never released. */
void batch_view(const struct batch *batch, const struct schema *schema, const size_t *pick,
                struct column *columns, struct batch *out);

#endif
