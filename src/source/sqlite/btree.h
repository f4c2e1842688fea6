/* Where the rows of a table lie, read from the interior pages of its b-tree in the file itself.
 *
 * Only hints: the file may be older than the snapshot (pages in the WAL) and a checkpoint may be writing it. A hint
 * that is wrong makes splits of unequal size, never a row lost or read twice, because splits are ranges of
 * rowids that touch. Every number taken from a page is checked before it is used.
 * Format: SQLite, "Database File Format", 1.6 "B-tree Pages". */
#ifndef LEAT_SOURCE_SQLITE_BTREE_H
#define LEAT_SOURCE_SQLITE_BTREE_H

#include "source/sqlite/connection.h"

struct btree_hints {
    int64_t *keys; /* ascending: rows between two of them fill about the same number of pages */
    size_t n_keys; /* 0: nothing found, or a table of one page */
    double rows;   /* estimate for the whole table; 0: unknown */
    double pages;  /* leaf pages, estimate */
};

/* Hints for the table with rowids whose root is ROOT_PAGE. Reads at most about a thousand pages. Never fails but
 * for memory: without a usable page OUT is empty. */
status btree_read_hints(sqlite3 *db, int64_t root_page, struct btree_hints *out, struct error *err);
void btree_hints_release(struct btree_hints *hints);

#endif
