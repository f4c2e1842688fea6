/* Checkpoints as actions, whoever wrote them: protocol, "Checkpoints". */
#ifndef LEAT_COMMIT_DELTA_CHECKPOINT_READ_H
#define LEAT_COMMIT_DELTA_CHECKPOINT_READ_H

#include "commit/delta/listing.h"

/* The actions of KINDS (bits) that CHECKPOINT holds, its parts and sidecars included; WITH_STATS: the statistics of
 * files too (most of what a checkpoint holds). BAD_DATA, NOT_FOUND: it is not a whole checkpoint, and what was told is
 * of no use. EACH does not return END.
 *
 * Sidecars are read only where KINDS has actions of files; else each is there and of its size. */
status checkpoint_each(struct storage *storage, const struct log_checkpoint *checkpoint,
                       unsigned kinds, bool with_stats, action_fn each, void *context,
                       struct error *err);

#endif
