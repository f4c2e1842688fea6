/* The driver `sqlite`: what its parts share. A source owns one snapshot at a time; readers borrow its
 * connections. */
#ifndef LEAT_SOURCE_SQLITE_SQLITE_H
#define LEAT_SOURCE_SQLITE_SQLITE_H

#include "source/source.h"
#include "source/sqlite/snapshot.h"

extern const struct source_driver sqlite_driver;

enum sqlite_way { READ_AUTO, READ_PAGES, READ_SQL }; /* in the order of the option's choices */

struct source {
    char *path;     /* absolute, links resolved */
    char *identity; /* for records: the path and the application id */
    struct snapshot_options options;
    enum sqlite_way way;
    sqlite3 *db; /* outside the snapshot: discover, check */
    struct sqlite_snapshot snapshot;
};

/* A fresh connection to the database as it is now. */
status sqlite_source_connect(const struct source *source, sqlite3 **out, struct error *err);
/* The callbacks of source.h, one file each. */
status sqlite_plan(struct source *source, const struct read_request *request, struct read_plan *out,
                   struct error *err);
status sqlite_newest(struct source *source, const struct read_request *request, struct arena *arena,
                     struct scalar *out, struct error *err);
status sqlite_discover(struct source *source, struct source_catalog *out, struct error *err);
status sqlite_check(struct source *source, const struct read_request *request, finding_fn finding,
                    void *context, struct error *err);
status sqlite_reader_open(struct source *source, const struct read_plan *plan,
                          const struct read_request *request, const struct split *split,
                          const struct reader_options *options, struct reader **out,
                          struct error *err);
status sqlite_reader_next(struct reader *reader, struct batch *into, size_t max_rows,
                          size_t max_bytes, struct error *err);
const struct reader_counts *sqlite_reader_counts(const struct reader *reader);
void sqlite_reader_close(struct reader *reader);

#endif
