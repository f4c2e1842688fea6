/* Which pieces the partitions are made of. A finished split puts its pieces here by partition, one run after the other; up to a
 * limit they stay in memory, beyond it they go to the staging area. Assembling takes them partition by partition, out of all
 * runs side by side: so neither partitions times splits nor the rows show in the memory of a load. */
#ifndef LEAT_PIPELINE_PIECES_H
#define LEAT_PIPELINE_PIECES_H

#include "pipeline/segment.h"
#include "pipeline/spool.h"

/* A piece and the split it is of. */
struct piece_ref {
    struct piece piece;
    uint32_t split;
    uint32_t place; /* in the bytes of its bundle, once they are read */
};

struct piece_list {
    struct piece_ref *items;
    size_t n, capacity;
};
void piece_list_release(struct piece_list *list);

struct piece_run;
struct pieces {
    struct spool spool;
    struct piece_run *runs; /* one for each split */
    size_t n_runs;
    uint64_t n_pieces;
    struct piece *windows; /* the next few of each run */
    size_t window;         /* how many */
};

/* NAME: of the object in STORAGE, should there be one; borrowed, as STORAGE is. */
status pieces_init(struct pieces *pieces, struct storage *storage, const char *name,
                   size_t limit_bytes, size_t n_splits, struct error *err);
void pieces_release(struct pieces *pieces); /* accepts zeroed */

/* The pieces FOUND[0..n) of SPLIT, their keys the stream's; they are put into order. Said again, after a try that failed, it
 * replaces what was said. One thread at a time. */
status pieces_add(struct pieces *pieces, uint32_t split, struct piece *found, size_t n,
                  struct error *err);
/* All splits are done: from now on they are taken. */
status pieces_seal(struct pieces *pieces, struct error *err);
/* Those of partition KEY, in order of splits, are appended to OUT. Each key once, in ascending order. One thread at a time. */
status pieces_take(struct pieces *pieces, uint32_t key, struct piece_list *out, struct error *err);

#endif
