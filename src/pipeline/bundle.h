/* Partitions whose plain pieces are read together. A split's rows of a day may be a few kB: where the pieces of several partitions
 * stand side by side in a segment, as they mostly do (partition_keys_order), one read brings them all. */
#ifndef LEAT_PIPELINE_BUNDLE_H
#define LEAT_PIPELINE_BUNDLE_H

#include "pipeline/pieces.h"

enum { BUNDLE_PARTITIONS = 32 };

struct near_piece;
struct bundle {
    uint64_t limit_bytes; /* of memory */
    size_t limit_partitions;
    struct piece_list pieces; /* of its partitions, one after the other */
    size_t ends[BUNDLE_PARTITIONS];
    size_t n;         /* partitions */
    size_t n_bundled; /* the first so many pieces are read together */
    uint64_t room;    /* for them */
    bool full, read;
    struct near_piece *order;
    size_t capacity;
    struct buffer bytes;
};
void bundle_release(struct bundle *bundle); /* accepts zeroed */

/* Empty it. LIMIT_PARTITIONS: at least 1; no more than BUNDLE_PARTITIONS count. */
void bundle_begin(struct bundle *bundle, uint64_t limit_bytes, size_t limit_partitions);
/* Take the pieces of partition KEY out of PIECES, until it is full. A partition with too many bytes comes last, and is not read
 * with the others. */
status bundle_add(struct bundle *bundle, struct pieces *pieces, uint32_t key, struct error *err);
/* The pieces of its partition NUMBER. */
const struct piece_ref *bundle_pieces(const struct bundle *bundle, size_t number, size_t *out_n);

/* Bytes [OFFSET, OFFSET + SIZE) of the segment of SPLIT. */
typedef status_code (*segment_read_fn)(void *context, uint32_t split, uint64_t offset, void *out,
                                       size_t size, struct error *err);
/* Read what was not read yet; after an error it may be called again. */
status bundle_read(struct bundle *bundle, segment_read_fn read, void *context, struct error *err);
/* The bytes of one of its plain pieces; NULL: they are still to be read from the segment. */
const uint8_t *bundle_bytes(const struct bundle *bundle, const struct piece_ref *ref);

#endif
