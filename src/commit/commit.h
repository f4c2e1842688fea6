/* Data files to a version of a table, once.
 *
 * A table lives below one root of a storage. load reads its current version and what happened since our own last
 * one; publish makes the next version in one atomic step that holds files, schema, watermark and run id together,
 * on condition that the stream's last run is still the one load saw (invariants 1, 4, 8, 9). */
#ifndef LEAT_COMMIT_COMMIT_H
#define LEAT_COMMIT_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/option.h"
#include "base/text.h"
#include "batch/schema.h"
#include "commit/record.h"
#include "format/format.h"
#include "storage/storage.h"

struct table;

/* What stands in the table now. */
struct table_state {
    bool exists;
    int64_t version; /* newest version seen; -1: no table */
    const char *table_id;
    struct schema schema;                 /* all columns, partition columns included, table order */
    const char *const *partition_columns; /* NULL-terminated */
    bool has_record;
    struct run_record record; /* the stream's last published run */
    int64_t record_version;   /* the version that named it; -1 */
    int64_t record_number;    /* of the run, also where its record is missing; -1 */
    uint64_t foreign_commits; /* since then, by others */
    uint64_t foreign_rows;    /* rows they added (as far as their statistics say) */
    const char
        *hold; /* not NULL: why no run may publish until the user chooses; a sentence or two with
                                    the choices */
    bool has_other_data;      /* files not written by this stream's runs are live */
    int64_t file_retention_s; /* how long the table keeps unreferenced files; -1: not known */
    struct arena arena;
};
void table_state_release(struct table_state *state);

struct new_file {
    const char *path; /* object name below the table's root (not URI-encoded) */
    uint64_t size_bytes, rows;
    int64_t modified_us;
    const struct scalar *partition_values; /* one for each key column */
    const struct column_stats *columns;    /* one for each data column; NULL with file_stats */
};

struct publish_request {
    const struct table_state *base; /* as loaded; decides what is a conflict */
    bool replace_all;               /* full refresh: files of the base go */
    bool replace_partitions;        /* files go whose value of the only key column is one of ... */
    const char *const
        *replaced_values; /* ... these (as in partitionValues; "NULL" for NULL; NULL-terminated) */
    bool accept_foreign;  /* the user chose to go on over state->hold */
    bool widens;          /* columns that the table has may get wider types (commit/contract.h) */
    const struct schema *data_schema;    /* columns in the files, in order, with field ids */
    const struct schema *partition_keys; /* key columns, with field ids; may have no fields */
    const struct schema
        *table_schema; /* all columns in table order (identity partition columns at their place,
                                            derived ones at the end) */
    const struct new_file *files;
    size_t n_files;
    struct run_record *record; /* number, previous and table_id are filled by publish */
    int64_t run_started_us; /* a run older than half the table's file retention is refused (HELD) */
    /* Append to OUT what describe_file made of files[NUMBER]; asked for in order, once for each try. NULL: the
     * files have their columns. */
    status (*file_stats)(void *context, size_t number, struct text *out, struct error *err);
    void *file_stats_context;
};

/* One live data file of the current version. */
struct live_file {
    const char *path;
    uint64_t size_bytes;
    uint64_t rows; /* UINT64_MAX: no statistics */
    int64_t modified_us;
    const char
        *partition; /* "k=v/k=v" of its partition values, "" without; canonical, for grouping */
};
typedef status_code (*live_file_fn)(void *context, const struct live_file *file, struct error *err);

/* What vacuum found: name, size, age and why it may go. */
typedef void (*vacuum_fn)(void *context, const char *name, uint64_t size_bytes, int64_t age_s,
                          const char *why);

struct commit_driver {
    const char *name; /* "delta" */
    const struct option_spec *options;

    /* STORAGE: opened at the table's root, borrowed until close. STREAM names the record's folder and the
     * writer. Reads nothing. */
    status (*open)(struct storage *storage, const char *stream, const struct option_values *options,
                   struct table **out, struct error *err);
    /* Read no log into more than BYTES of memory: NO_MEMORY then. */
    void (*limit_memory)(struct table *table, uint64_t bytes);
    /* The state now. A table that is not there is a state (exists false). DENIED/BAD_DATA/HELD for a log that
     * can't be read to the end, with the reason; a missing record of ours or a record of another table sets
     * state->hold, it never means a first load. */
    status (*load)(struct table *table, struct table_state *out, struct error *err);
    /* How such a table holds values of TYPE, which is not a nested one: OUT is TYPE itself where the table has it, else
     * another type that holds each of its values exactly and that batch/convert.h has a kernel for. False: it has none. */
    bool (*carry)(struct type type, struct type *out);
    /* Types the table can't carry: BAD_CONFIG names column and type. */
    status (*check_schema)(struct table *table, const struct schema *schema, struct error *err);
    /* Append to OUT all that a version will hold of the columns of FILE (of DATA_SCHEMA), in a form that only publish
     * understands; so a run need not keep the statistics of all its files. Threads: any number. */
    status (*describe_file)(const struct schema *data_schema, const struct new_file *file,
                            struct text *out, struct error *err);
    /* Make the next version. The files must be synced; each is stat'ed first (size equal, else BUG).
     * CONFLICT: the stream was published by another run since base. HELD: foreign change. IN_DOUBT: unknown. The record
     * is put and synced before the version. Takes up the race for a version number by itself. */
    status (*publish)(struct table *table, const struct publish_request *request,
                      int64_t *out_version, struct error *err);
    /* After an IN_DOUBT or a crash: the version that holds RUN_ID, or -1. */
    status (*find_run)(struct table *table, const char *run_id, int64_t *out_version,
                       struct error *err);
    /* Housekeeping that may fail without harm: the checkpoint. Returns what went wrong for a note. */
    status (*after_publish)(struct table *table, int64_t version, struct error *err);
    status (*each_file)(struct table *table, live_file_fn each, void *context, struct error *err);
    /* Remove (or, dry, only report) objects that no retained version refers to and that are older than KEEP_S by the
     * storage's time: unreferenced data files, records no version names. Never under _leat/staging/. */
    status (*vacuum)(struct table *table, int64_t keep_s, bool dry_run, vacuum_fn found,
                     void *context, struct error *err);
    void (*close)(struct table *table); /* accepts NULL */
};

extern const struct commit_driver *const commit_drivers[]; /* registry.c; NULL-terminated */
const struct commit_driver *commit_find(const char *name);

/* SCHEMA as a table of DRIVER holds it: the same columns, their types by `carry`, at any depth, and in `carries` what they
 * were (of a nested field: something inside it is carried). What the table has no type for stays as it is, for check_schema
 * to name. carry.c */
status commit_carry_schema(const struct commit_driver *driver, const struct schema *schema,
                           struct schema *out, struct error *err);
/* What happened to a field that has `carries`, for people; in ARENA, NULL when there is no memory. */
char *commit_carry_text(const struct commit_driver *driver, const struct field *field,
                        struct arena *arena);

#endif
