/* Actions of the log as rows of a checkpoint: protocol, "Checkpoint Schema". */
#ifndef LEAT_COMMIT_DELTA_CHECKPOINT_ROWS_H
#define LEAT_COMMIT_DELTA_CHECKPOINT_ROWS_H

#include "batch/batch.h"
#include "commit/delta/log.h"
#include "json/json.h"

/* One struct column for each kind of action; a row has one of them and NULL in the others. */
extern const struct schema checkpoint_schema;

/* Each appends one row to a batch of checkpoint_schema; after a failure the batch is of no more use. BAD_DATA names
 * the member that is not as the protocol has it. */
status checkpoint_append_add(struct batch *batch, const struct file_action *add, struct error *err);
status checkpoint_append_remove(struct batch *batch, const struct file_action *remove,
                                struct error *err);
status checkpoint_append_txn(struct batch *batch, const json_t *txn, struct error *err);
status checkpoint_append_metadata(struct batch *batch, const json_t *metadata, struct error *err);
status checkpoint_append_protocol(struct batch *batch, const json_t *protocol, struct error *err);

#endif
