/* The pages of one snapshot, read from the files themselves: which file holds the newest form of a page, and the
 * reading of several at once. What may be read so, and why it is the snapshot: README.md, "Pages of a snapshot".
 * Always through SQLite's own file handles: closing a descriptor of our own would drop every lock this process
 * holds on the file. */
#ifndef LEAT_SOURCE_SQLITE_PAGES_H
#define LEAT_SOURCE_SQLITE_PAGES_H

#include "source/sqlite/connection.h"

enum { WAL_HEADER_BYTES = 48 }; /* of the WAL index: SQLite, "WAL-mode file format", 2.1 */

/* The header of the WAL index at one moment. */
struct wal_header {
    uint8_t bytes[WAL_HEADER_BYTES];
};
/* Both copies are equal unless a writer is at work on them. False: not to be had. */
bool wal_header_read(sqlite3 *db, struct wal_header *out);
uint32_t wal_header_last_frame(const struct wal_header *header);

/* Where each page of the snapshot is. Shared by all readers once it is made. */
struct page_map {
    const char *
        unusable; /* NULL, or why pages can't be read: a phrase. Zeroed maps are usable, all in the file */
    uint32_t page_size;
    uint32_t usable_size; /* without the reserved bytes at each page's end */
    uint32_t page_count;
    uint8_t salt[8]; /* of the WAL's frames */
    uint32_t
        *frames; /* open addressing: page, frame, page, frame, ...; page 0: free. NULL: no frames */
    uint32_t mask; /* slots - 1 */
};

/* The map of DB's snapshot. DB is inside its transaction.
 *   header   WAL mode: what the header of the WAL index was before the transaction began and after; NULL: the
 *            rollback journal
 * OUT->unusable tells what stands against reading pages. Errors: NO_MEMORY. */
status page_map_make(sqlite3 *db, const struct wal_header *header, struct page_map *out,
                     struct error *err);
void page_map_release(struct page_map *map);
size_t page_map_bytes(const struct page_map *map); /* memory it takes */

/* One connection's handles. The connection must stay inside its transaction and on the thread that reads. */
struct page_source {
    const struct page_map *map; /* borrowed */
    sqlite3_file *file;
    sqlite3_file *wal; /* NULL: no page is in the WAL */
    uint8_t *frame;    /* one frame with its header */
};

/* DB stays open and inside its transaction until the close. Errors: UNAVAILABLE (SQLite lends no handle),
 * NO_MEMORY. */
status page_source_open(struct page_source *source, sqlite3 *db, const struct page_map *map,
                        struct error *err);
void page_source_close(struct page_source *source);
/* Pages NUMBERS[0..n) one behind the other into OUT. Neighbours in the file are read by one call.
 * Errors: BAD_DATA (no such page, cut-off file), UNAVAILABLE (the system can't read). */
status page_source_read(struct page_source *source, const uint32_t *numbers, size_t n, uint8_t *out,
                        struct error *err);
/* BAD_DATA: "database disk image is malformed: page N: ..." */
status page_malformed(uint32_t page, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
