/* Inside of assembling: the pieces of one partition on their way into data files. Not for other folders. */
#ifndef LEAT_PIPELINE_ASSEMBLING_H
#define LEAT_PIPELINE_ASSEMBLING_H

#include "batch/batch.h"
#include "pipeline/assemble.h"
#include "pipeline/bundle.h"
#include "pipeline/stream.h"

struct upload_sink {
    struct byte_sink base;
    struct storage *storage;
    struct upload *upload;
    uint64_t bytes;
};

/* What a thread keeps from partition to partition. */
struct assembler {
    struct assembler *next;
    struct encoder *encoder;
    struct bundle bundle;
    struct batch rows; /* of plain pieces, waiting to be encoded */
    struct row_group group;
    struct buffer bytes;
};

struct finished_file {
    struct assembled_file file;
    char *stats; /* as the table's driver describes its columns */
};

/* The work on one partition: at most one file is open at a time. It stays where it is: the open file knows its sink. */
struct assembling {
    struct stream_run *stream;
    struct assembly *assembly;
    struct assembled_partition *partition;
    uint64_t batch_limit_bytes;
    unsigned attempt;
    struct assembler *tools;
    uint32_t copied; /* row groups of splits before this one are in the files already */
    struct upload_sink sink;
    struct format_file *file;
    const char *path;
    struct finished_file *done;
    size_t n_done, done_capacity;
    uint64_t *nulls; /* in the finished files, by column */
};

/* The rest of WORK is zeroed, or set already. */
status assembling_init(struct assembling *work, struct error *err);
/* What is not handed over is removed. */
void assembling_release(struct assembling *work);

/* A sealed row group is copied to the open file; a plain piece waits with others until they are encoded. */
status assembling_add(struct assembling *work, const struct piece *piece, uint32_t split,
                      struct error *err);
/* The same for a plain piece of which BYTES were read already. */
status assembling_add_read(struct assembling *work, const struct piece *piece, uint32_t split,
                           const uint8_t *bytes, struct error *err);
/* A segment_read_fn of WORK. */
status_code assembling_read_segment(void *work, uint32_t split, uint64_t offset, void *out,
                                    size_t size, struct error *err);
/* Nothing of SPLIT is asked for soon: its segment is closed. */
void assembling_let_go(struct assembling *work, uint32_t split);
/* Encode what waits, and close the file. */
status assembling_finish(struct assembling *work, struct error *err);

/* ---- ahead.c: files begun while splits are read ---- */

struct ahead;
/* For a stream without partitions. ASSEMBLY is its; what was begun ends with it. */
status ahead_new(struct stream_run *stream, struct assembly *assembly, struct ahead **out,
                 struct error *err);
void ahead_free(struct ahead *ahead); /* accepts NULL */
/* No split is read any more: the work so far, or NULL. It stays AHEAD's to free. *OUT_ATTEMPT: the first that is not spent. */
struct assembling *ahead_take(struct ahead *ahead, unsigned *out_attempt);

#endif
