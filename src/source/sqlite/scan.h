/* A walk over the rows of one table, leaf page by leaf page, in order of rowid, within a range of rowids.
 *
 *   interior pages   one of each level is held; every key in them is checked to lie between those of its parent, so
 *                    a page can't be met twice and the walk ends whatever a damaged file says
 *   leaf pages       read many at a time, as they follow each other in the tree, into one window
 *
 * Format: SQLite, "Database File Format", 1.6 "B-tree Pages". */
#ifndef LEAT_SOURCE_SQLITE_SCAN_H
#define LEAT_SOURCE_SQLITE_SCAN_H

#include "source/sqlite/pages.h"

enum {
    SCAN_MAX_DEPTH = 20, /* SQLite's own limit */
    SCAN_PADDING_BYTES =
        64 /* readable behind the window: a number may be loaded eight bytes at a time */
};

/* One row as its cell says. Good until the next call of table_scan_rows. */
struct scan_row {
    int64_t rowid;
    const uint8_t *payload; /* in the window */
    uint32_t local_bytes;   /* of the payload that are there */
    uint32_t overflow;      /* page with the rest; 0: none */
    uint32_t page;          /* for messages */
    uint64_t payload_bytes;
};

struct scan_level {
    uint8_t *page;
    uint32_t number, cells,
        next;            /* child to visit next; the one numbered `cells` is the rightmost */
    int64_t above, last; /* keys of the subtree: above < key <= last */
};

struct scan_leaf {
    uint32_t number;
    int64_t above, last;
};

struct table_scan {
    struct page_source source;
    const struct page_map *map;
    int64_t first, last; /* rowids wanted, both included */
    struct scan_level levels[SCAN_MAX_DEPTH];
    size_t depth;    /* interior levels; 0: the root is a leaf */
    bool at_end;     /* no leaf behind those in the window */
    uint8_t *window; /* window_pages pages and the padding */
    size_t window_pages;
    struct scan_leaf *leaves; /* those in the window */
    uint32_t *numbers;
    size_t n_leaves, leaf; /* in the window; the current one */
    uint32_t cell, cells;  /* of the current leaf: the next one, how many */
    int64_t key;           /* of the row before */
    uint32_t root;
};

/* Rows of the table at ROOT with FIRST <= rowid <= LAST. DB is inside the snapshot of MAP, which is borrowed. */
status table_scan_open(struct table_scan *scan, sqlite3 *db, const struct page_map *map,
                       uint32_t root, int64_t first, int64_t last, struct error *err);
void table_scan_close(struct table_scan *scan); /* accepts zeroed */
/* At most MAX rows, all in the window. END: no more. BAD_DATA names the page that is damaged. */
status table_scan_rows(struct table_scan *scan, struct scan_row *rows, size_t max, size_t *out_n,
                       struct error *err);

/* Big-endian groups of seven bits, the ninth byte whole. Returns its length; nine bytes must be readable. */
static inline size_t scan_varint(const uint8_t *p, uint64_t *out)
{
    uint64_t value = p[0];
    if (__builtin_expect(value < 0x80, 1)) {
        *out = value;
        return 1;
    }
    value &= 0x7f;
    for (size_t i = 1; i < 8; i++) {
        value = value << 7 | (p[i] & 0x7f);
        if (!(p[i] & 0x80)) {
            *out = value;
            return i + 1;
        }
    }
    *out = value << 8 | p[8];
    return 9;
}

#endif
