/* What assembling leaves: the data files of the version to be, and its partitions. */
#ifndef LEAT_PIPELINE_ASSEMBLE_H
#define LEAT_PIPELINE_ASSEMBLE_H

#include <pthread.h>

#include "commit/commit.h"
#include "pipeline/segment.h"
#include "pipeline/spool.h"

struct assembled_partition {
    uint32_t key; /* in assembly.keys */
    uint64_t rows;
    uint64_t files, file_bytes;
    const char *path; /* "k=v/k=v", "" without */
};

/* 48 bytes and its path; what the version will say of its columns is in the spool. */
struct assembled_file {
    const char *path;
    uint32_t partition;
    uint32_t stats_bytes;
    uint64_t stats_offset;
    uint64_t size_bytes, rows;
};

struct ahead;

struct assembly {
    const struct partition_keys *keys; /* the stream's */
    struct assembled_partition *partitions;
    size_t n_partitions;
    pthread_mutex_t mutex; /* guards what follows while tasks run, and the stream's pieces */
    size_t next_partition;
    struct assembled_file *files;
    size_t n_files, files_capacity;
    struct spool stats;
    uint64_t *nulls;                  /* in all files, one for each column of data_schema */
    struct storage_object **segments; /* one for each split, opened when first asked for */
    size_t n_segments;
    struct ahead *ahead; /* NULL: the stream has partitions */
    struct arena arena;  /* under the mutex too */
};
void assembly_free(struct assembly *assembly, struct storage *storage); /* accepts NULL */

#endif
