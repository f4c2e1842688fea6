/* History of runs, for people and metrics: a SQLite file of the user's. Never the truth about a table: it may be lost or
 * deleted and no run behaves differently. */
#ifndef LEAT_LEDGER_LEDGER_H
#define LEAT_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct ledger;

/* One stream of one run. Text NULL where not known. */
struct ledger_entry {
    const char *run_id, *job, *stream, *target; /* target: URL of the table, redacted */
    const char *mode,
        *outcome; /* "published", "nothing new", "held", "failed", "stopped", "unknown", "running" */
    const char *message;          /* the error or hold text; NULL */
    int64_t started_us, ended_us; /* ended 0: running */
    int64_t version;              /* published; -1 */
    uint64_t rows_read, rows_written, rows_rejected, rows_known, table_rows;
    uint64_t values_null, values_text;  /* that a column's policy made NULL, or kept as text */
    uint64_t bytes_read, bytes_written; /* source values, files */
    double compression_ratio;           /* read / written; 0 unknown */
    uint64_t files, small_files, partitions;
    double skew; /* largest to median partition of the run; 0 unknown */
    const char *watermark, *watermark_before, *source_newest;
    double lag_seconds; /* of timestamp watermarks; NaN unknown */
    uint64_t peak_memory_bytes;
    double cpu_seconds, wall_seconds;
    double stage_seconds[6]; /* open, plan, read, encode, assemble, publish (thread seconds) */
};

/* PATH NULL: $LEAT_LEDGER, else $XDG_STATE_HOME/leat/ledger.db, else ~/.local/state/leat/ledger.db. Made if absent; schema
 * versions are migrated. Failure is a note for the caller, not a failed run. BAD_CONFIG: no place is known, the file is
 * another program's database or a newer leat's. Threads: a ledger may be used by any number. */
status ledger_open(const char *path, struct ledger **out, struct error *err);
/* The same for one that is there; NOT_FOUND, and nothing is made, where there is none. */
status ledger_open_existing(const char *path, struct ledger **out, struct error *err);
void ledger_close(struct ledger *ledger);
/* Insert or update by (run_id, stream). Waits at most a second for another writer. */
status ledger_put(struct ledger *ledger, const struct ledger_entry *entry, struct error *err);
typedef status_code (*ledger_fn)(void *context, const struct ledger_entry *entry,
                                 struct error *err);
/* Newest first; STREAM, TARGET, RUN_ID NULL: any; LIMIT 0: all. Text of an entry is borrowed for the callback. EACH
 * returns anything but OK to stop; END stops without an error. */
status ledger_list(struct ledger *ledger, const char *run_id, const char *stream,
                   const char *target, size_t limit, ledger_fn each, void *context,
                   struct error *err);
/* Median compression ratio of the last N published runs of TARGET that wrote rows; 0 when there is none. */
status ledger_past_ratio(struct ledger *ledger, const char *target, size_t n, double *out,
                         struct error *err);

#endif
