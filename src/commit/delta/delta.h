/* A Delta table in our hands, and what its log says. Private to delta/. */
#ifndef LEAT_COMMIT_DELTA_DELTA_H
#define LEAT_COMMIT_DELTA_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "commit/commit.h"
#include "commit/delta/listing.h"
#include "json/json.h"

#define DELTA_ENGINE "leat/" LEAT_VERSION

struct delta_table {
    struct storage *storage; /* borrowed */
    char *stream;
    char *folder;          /* "_leat/<stream as one segment>" */
    uint64_t memory_limit; /* of what a log is read into; 0: none */
};

static inline struct delta_table *delta_table(struct table *table)
{
    return (struct delta_table *)table;
}

/* ---- folder.c: names below _leat/ ---- */

/* "_leat/" and STREAM, percent-encoded to one segment that can't be "staging". NULL: no memory. */
char *delta_folder(const char *stream);
char *delta_record_name(const char *folder, int64_t number); /* mem_free */
/* "leat:<table id>:<stream>" (mem_free) */
char *delta_app_id(const char *table_id, const char *stream);

/* ---- snapshot.c ---- */

/* A commit by somebody else since our stream's last one. */
struct foreign_commit {
    int64_t version;
    uint64_t rows_added, files_added, files_removed; /* with dataChange */
    bool rows_known;
    bool metadata, protocol, deletion_vectors;
    const char *operation, *engine; /* never NULL */
    int64_t time_ms;                /* 0: it does not say */
};

struct snapshot {
    int64_t version; /* -1: no table */
    struct log_listing log;
    const char *table_id;
    json_t *metadata; /* the metaData action's value */
    json_t *protocol;
    int64_t metadata_version,
        protocol_version; /* which commits hold them, or which checkpoint; -1: none found */

    /* our stream's newest commit */
    int64_t own_version; /* -1: none */
    bool own_is_hidden;  /* only a checkpoint tells of it: OWN_VERSION is the last that it can be */
    int64_t own_number;  /* its txn version */
    const char *own_table_id, *own_run;
    bool other_data; /* as it said: others' files are live too */

    struct foreign_commit *foreign; /* newest first */
    size_t n_foreign;
    struct arena arena;
};

/* Read the log as it stands now: from its end back to our stream's newest commit (to its beginning without one), and
 * the definition in force. Commits of our own are known by their first lines; their adds are not read. What the
 * JSON no longer tells, a checkpoint does. HELD when the log is cut off and no checkpoint can be read. */
status snapshot_read(const struct delta_table *table, struct snapshot *out, struct error *err);
void snapshot_release(struct snapshot *snapshot);
/* Member of the table's configuration, or NULL. */
const char *snapshot_property(const struct snapshot *snapshot, const char *key);
/* Seconds that the table keeps removed files (delta.deletedFileRetentionDuration; a week without it). */
int64_t snapshot_file_retention_s(const struct snapshot *snapshot);

/* ---- hold.c ---- */

/* A sentence on the first commit with a version above SINCE that forbids to go on over it; NULL: none. In ARENA.
 * ADDS_TOO: rows that others only added forbid it as well. */
status hold_foreign(const struct snapshot *snapshot, int64_t since, bool adds_too,
                    struct arena *arena, const char **out, struct error *err);
/* What leat can't honour in the table's protocol or properties, for good; NULL: nothing. In ARENA. */
status hold_protocol(const struct snapshot *snapshot, struct arena *arena, const char **out,
                     struct error *err);
#define HOLD_CHOICES                                                                               \
    "leat run --accept-foreign goes on from the watermark; leat run --mode full-refresh "          \
    "--accept-foreign loads the table again"

/* ---- replay.c ---- */

struct replay_file {
    const char *name;          /* decoded object name: what makes it one file */
    uint64_t hash;             /* of the name */
    struct slice path;         /* as a JSON string without quotes, for a remove */
    struct slice partition;    /* the partitionValues object; data NULL: none */
    uint64_t rows;             /* UINT64_MAX: not told, or not asked for */
    int64_t size, modified_ms; /* removed: when, in modified_ms */
    int64_t version;           /* that says so last; of all that the base tells: the base's */
    bool live;                 /* false: a tombstone */
    struct replay_file *next;  /* same hash */
};

/* Every file the log tells of, live or removed. */
struct replay {
    struct log_base base; /* borrows from the listing */
    struct replay_file **buckets;
    size_t n_buckets;
    struct replay_file **files; /* in order of first appearance */
    size_t n_files, capacity, n_live;
    bool keep_rows;
    uint64_t memory_limit;
    struct slice last_partition;
    struct arena arena;
};

struct replay_request {
    int64_t version;
    enum base_order order;
    bool keep_rows; /* of the statistics; they are most of a log */
};
/* The state of a version. HELD: no base can be read. */
status replay_log(const struct delta_table *table, const struct log_listing *listing,
                  const struct replay_request *request, struct replay *out, struct error *err);
const struct replay_file *replay_find(const struct replay *replay, const char *name);
/* FILE's value of partition column NAME as the log has it, in ARENA; NULL: null or none. */
status replay_partition_value(const struct replay_file *file, const char *name, struct arena *arena,
                              const char **out, struct error *err);
void replay_release(struct replay *replay);

status delta_each_file(struct table *table, live_file_fn each, void *context, struct error *err);

/* Does the commitInfo of VERSION name RUN_ID? (delta.c) */
status delta_names_run(const struct delta_table *table, int64_t version, const char *run_id,
                       bool *out, struct error *err);

/* ---- publish.c, checkpoint.c, vacuum.c ---- */

status delta_publish(struct table *table, const struct publish_request *request,
                     int64_t *out_version, struct error *err);
status delta_after_publish(struct table *table, int64_t version, struct error *err);
status delta_vacuum(struct table *table, int64_t keep_s, bool dry_run, vacuum_fn found,
                    void *context, struct error *err);

#endif
