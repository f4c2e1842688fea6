/* Ranges of a stream that several readers can take: half-open, touching, first open below, last open above. */
#ifndef LEAT_SOURCE_SQLITE_SPLITS_H
#define LEAT_SOURCE_SQLITE_SPLITS_H

#include "source/sqlite/table.h"

/* How a stream is cut, and the ends of its ranges: n_cuts + 1 splits. */
struct sqlite_cuts {
    const char *key;      /* SQL of the split key; NULL: one split */
    const char *key_text; /* the same for people: rowid, "id" */
    struct scalar *cuts;  /* ascending */
    size_t n_cuts;
    double rows; /* estimate of the rows at or above `from`; 0: unknown */
    double bytes;
};

/* Cut by rowid (or the first key column of a table without one, if it is an integer).
 *   from        rows below it are not read; NULL: all are
 *   split_rows  rows a split should have
 * Streams that can't be cut get one split. */
status sqlite_cut_by_rowid(sqlite3 *db, const struct sqlite_table *table, const int64_t *from,
                           uint64_t split_rows, struct arena *arena, struct sqlite_cuts *out,
                           struct error *err);
/* Cut the entries of INDEX (on COLUMN) that fulfil FILTER (SQL) by counting along the index. ROWS of them. */
status sqlite_cut_by_index(sqlite3 *db, const struct sqlite_table *table, size_t column,
                           const char *index, const char *filter, uint64_t rows,
                           uint64_t split_rows, struct arena *arena, struct sqlite_cuts *out,
                           struct error *err);

#endif
