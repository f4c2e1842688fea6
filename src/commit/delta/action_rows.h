/* Rows of a Parquet file with a column for each kind of action, as actions. Private to checkpoint_read.c. */
#ifndef LEAT_COMMIT_DELTA_ACTION_ROWS_H
#define LEAT_COMMIT_DELTA_ACTION_ROWS_H

#include "commit/delta/log.h"

struct action_rows {
    struct storage *storage;
    const char *name; /* object */
    int64_t version;  /* what its actions are told to be of */
    unsigned kinds;   /* columns of others are not read */
    bool with_stats;
};

/* Kind by kind within some thousands of rows. BAD_DATA: no such file. EACH does not return END. */
status action_rows_each(const struct action_rows *rows, action_fn each, void *context,
                        struct error *err);

#endif
