/* A system that holds rows, read as batches.
 *
 * Order of calls:  open -> discover | plan -> (reader_open -> reader_next... -> reader_close)* -> close
 *
 * plan fixes one state of the source (the snapshot) and, from inside it, the bound; every reader of the plan reads
 * that state, whatever writers do meanwhile (invariant 5). The splits of a plan are disjoint and cover the
 * stream, NULL keys included (invariant 6). */
#ifndef LEAT_SOURCE_SOURCE_H
#define LEAT_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/option.h"
#include "batch/batch.h"
#include "batch/scalar.h"

struct source;
struct reader;

enum source_trait {
    SOURCE_SPLITS = 1 << 0, /* can read one stream with several readers at once */
    SOURCE_FENCE =
        1 << 1, /* can fix a bound below which nothing will be added (else: largest value) */
    SOURCE_TOKEN = 1 << 2, /* its snapshot token can be found again by a later run */
    SOURCE_CPU_BOUND =
        1 << 3, /* reading is work of this process: more readers than cores don't help */
};

/* What to do with a value that does not fit its column. */
enum value_policy {
    POLICY_ERROR, /* stop the run and say where (default) */
    POLICY_TEXT, /* the column becomes text; the value as its text. Decided for the whole column. */
    POLICY_NULL, /* NULL, counted */
    POLICY_REJECT, /* the row goes to the reject file, counted */
};

/* What the job says about one column. */
struct column_request {
    const char *name;
    bool has_type;
    struct type type; /* overrides the declared type */
    enum value_policy on_error;
    const char *where; /* place in the job file, for messages; NULL: none */
};

/* What to read. All strings borrowed for the life of the plan. */
struct read_request {
    const char *stream; /* "orders", "main.orders"; NULL with a query */
    const char *query;  /* a SELECT instead of a table; NULL */
    const char *where;  /* a condition in the source's language; NULL */
    const char *const *
        select; /* columns in order, NULL-terminated; NULL: all. An entry that starts with "-" leaves out. */
    const struct column_request *columns;
    size_t n_columns;
    /* The columns that the table has: types that a driver found by looking at values stay. NULL: none. */
    const struct schema *contract;
    /* Columns that tell rows apart, NULL-terminated; NULL: the job names none. */
    const char *const *primary_key;
    const char *update_key;   /* watermark column; NULL: all rows */
    bool watched;             /* some stream of the run has one */
    const char *const *keyed; /* streams of the run with one, NULL-terminated; NULL: this one */
    const struct scalar
        *lower; /* read update_key >= lower; NULL: from the start. Its type is the key's. */
    bool
        bound_known; /* the caller leaves out what an earlier bound does: no new one is looked for */
    const char *fence_state; /* what the plan of the last published run left in its own; NULL */
    bool
        nulls_ok; /* rows whose update_key is NULL are read on every first load; else an error with a count */
    uint64_t
        split_rows; /* a split has (all rows / split_count) rows, but at least split_rows ... */
    uint32_t split_count;    /* 0: only split_rows counts */
    uint64_t max_split_rows; /* ... and at most this many; 0: no limit */
    uint64_t
        kept_rows; /* splits of so many rows are worth having a fifth of split_count; 0: they are not */
    uint32_t crew; /* readers that will share them: few splits are a multiple of it; 0: not known */
    uint32_t max_readers;        /* connections the job allows */
    const struct cancel *cancel; /* of the run: may be looked at until close; NULL: none */
};

/* Rows that a split of a stream of ROWS rows should have. */
double read_request_split_rows(const struct read_request *request, double rows);

/* How a stream that makes N splits of one size is cut: the last of them into halves and quarters, so that no reader waits for
 * another that has begun a large one at the end. */
struct split_steps {
    size_t whole, halves, quarters;
};
struct split_steps split_steps_of(const struct read_request *request, size_t n);
size_t split_steps_count(const struct split_steps *steps);
/* Where split I begins, as a share of the stream: 0 for the first, 1 behind the last. */
double split_steps_at(const struct split_steps *steps, size_t i);

struct split {
    uint32_t number;     /* 0.. */
    const char *text;    /* for people and the plan: "rowid in [1, 94000)" */
    struct scalar lower; /* half-open range of the split key; is_null: open */
    struct scalar upper;
    uint64_t rows;  /* estimate; 0: unknown */
    bool cut_short; /* a half or a quarter, on purpose */
    /* May it be kept under another snapshot? With all splits before it, it holds each row of the stream whose update_key is
     * below this value (and not below the request's `lower`), and no more will come below it: a later plan with this value as
     * `lower` gives what is left, as if a run had ended here. NULL: it may not. */
    const struct scalar *complete_below;
};

struct read_plan {
    struct schema schema; /* of the batches the readers give */
    const char *relation; /* for messages: table main.orders, or "query" */
    const char
        *source_identity; /* tells this database from another: stored in the table's record */
    const char *token; /* the snapshot: equal tokens mean equal rows. NULL: can't be found again */
    const char *consistency; /* a sentence for `plan`: how all readers see one state */
    struct scalar
        bound; /* the new watermark if the run publishes: largest key in the snapshot; is_null: no
                                  rows (keep the old one). Never NULL-typed when update_key is set. */
    bool
        bound_is_fence; /* false: rows equal to the bound may still come; read again with digests */
    const char *bound_held;   /* why no bound can be told for now; then no row is read */
    bool bound_wants_help;    /* and time alone will not change that: a first load is held, too */
    const char *bound_leaves; /* what lies above it now, and the remedy; NULL: nothing known */
    const char *fence_state;  /* the driver's own, for the next run's plan; NULL */
    bool fence_state_due;     /* the next run needs it, even if this one finds no rows */
    int32_t today;            /* the source's day, days since 1970 */
    size_t update_key;        /* position in schema, or SIZE_MAX */
    uint64_t rows;            /* estimate of what will be read */
    bool rows_exact;
    uint64_t bytes;      /* estimate in the source */
    uint64_t held_bytes; /* memory that the plan takes until plan_end, if it is much */
    struct split *splits;
    size_t n_splits;
    uint32_t max_readers; /* connections the plan opened or may open */
    const char
        *statement; /* the driver's own, for its readers: what every split runs; may be NULL */
    const char *split_key; /* the driver's own: what the splits' ranges are of; NULL: one split */
    const void *driver;    /* the driver's own, for its readers; may be NULL */
    const char **notes;    /* things to tell the user, NULL-terminated; may be NULL */
    struct arena arena;    /* owns all of the above */
};
void read_plan_release(struct read_plan *plan);
/* TEXT, of PLAN's arena, behind its other notes; those beyond some dozens are dropped. NO_MEMORY also if TEXT is NULL. */
status read_plan_note(struct read_plan *plan, const char *text, struct error *err);

/* A row that was left out, for the reject file: one JSON object, its values as text, plus why. */
typedef status_code (*reject_fn)(void *context, const char *json, size_t size, struct error *err);

struct reader_options {
    struct cancel *cancel;
    reject_fn reject; /* NULL: no column's policy is reject */
    void *reject_context;
    size_t
        max_value_bytes; /* a longer text or binary value is BAD_DATA, with column and key; 0: no limit */
};

/* Per reader, read after reader_next returned END (or at any time by the reader's thread). */
struct reader_counts {
    uint64_t rows; /* rows seen in the source; = appended + rejected */
    uint64_t rejected;
    uint64_t bytes; /* of values as the source gave them */
    uint64_t
        *policy; /* schema.n_fields: values that a policy made NULL or text; owned by the reader */
};

/* ---- discover ---- */

struct source_column {
    const char *name;
    const char *declared_type; /* as the source says; "" none */
    struct type type;          /* what it becomes */
    bool nullable;
    int32_t key_position; /* 1.. in the primary key, 0: not in it */
    bool usable_key;      /* could be an update_key (integer, date or timestamp) */
    bool indexed;         /* an index starts with it */
};

struct source_stream {
    const char *name;
    const char *sql;  /* NAME as it stands in a FROM; NULL: in double quotes */
    const char *kind; /* "table", "view", "table without rowid" */
    uint64_t rows;    /* estimate */
    uint64_t bytes;   /* estimate; 0: unknown */
    struct source_column *columns;
    size_t n_columns;
    const char *note; /* NULL, or why it can't be split, or read */
};

/* A relation whose rows are a stream's: wildcards pass it by, its own name reads it alone. Its columns are the stream's. */
struct source_part {
    const char *name;
    size_t stream;
};

struct source_catalog {
    struct source_stream *streams;
    size_t n_streams;
    struct source_part *parts;
    size_t n_parts;
    struct arena arena;
};
void source_catalog_release(struct source_catalog *catalog);

/* ---- findings of `check` ---- */
enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };
typedef void (*finding_fn)(void *context, enum finding_level level, const char *subject,
                           const char *found, const char *remedy /* NULL for OK */);

/* ---- guarding the source ---- */

/* What the job allows a run to do to it. Zeroed: no limits. */
struct source_limits {
    uint64_t bytes_per_second; /* all readers together */
    bool health;               /* there are limits that `health` compares with, every second */
};

struct source_health {
    bool strained;  /* over a limit: one reader less, or none */
    char text[160]; /* then: "latency 210 ms over 100 ms" */
};

struct source_driver {
    const char *name;           /* as written in a job file: "sqlite" */
    const char *const *schemes; /* {"sqlite", NULL} */
    const char *const
        *suffixes; /* plain paths that mean this driver: {".db", ".sqlite", ...}; NULL: none */
    const struct option_spec *options; /* parsing, --help, docs and redaction come from it */
    const char *
        default_schema; /* tables of others stand in a folder of their schema; NULL: there are no schemas */
    const char *const
        *row_keys;   /* what may be an update_key and is no column: {"xmin", NULL}; NULL: nothing */
    unsigned traits; /* enum source_trait; conformance tests read them */

    /* LOCATION: what follows the scheme (sqlite:///data/x.db -> /data/x.db). Reads nothing but what proves that it is such
     * a source. NOT_FOUND, DENIED, BAD_DATA (not a database), UNAVAILABLE (locked: may heal). */
    status (*open)(const char *location, const struct option_values *options, struct source **out,
                   struct error *err);
    /* The same for one that may keep the caller waiting: CANCEL ends that, and may be looked at until close. NULL: `open` is
     * quick. */
    status (*open_far)(const char *location, const struct option_values *options,
                       const struct cancel *cancel, struct source **out, struct error *err);
    status (*discover)(struct source *source, struct source_catalog *out, struct error *err);
    /* Findings about access, consistency and one stream (REQUEST may be NULL: about the source alone). */
    status (*check)(struct source *source, const struct read_request *request, finding_fn finding,
                    void *context, struct error *err);
    /* Fix the snapshot and plan. One plan at a time; it holds until close or plan_end. OUT is the caller's.
     * SEVERAL streams of one source share the snapshot: the first plan fixes it, later ones (before plan_end) read it too.
     * Errors: BAD_CONFIG (no such table, column, type: nearest name), BAD_DATA (NULL keys with their count, key
     * values that are not of the key's type), UNAVAILABLE, SNAPSHOT_LOST (plan_end, then all plans anew: also from readers). */
    status (*plan)(struct source *source, const struct read_request *request, struct read_plan *out,
                   struct error *err);
    /* All splits of PLAN were read: was its snapshot kept from the plan until now, with all that it rests on? SNAPSHOT_LOST:
     * it was not, or what was read changed meanwhile; the rows are worth nothing. NULL: nothing can happen to it.
     * Also from a thread that has read one split, and then says this of that one; others may read meanwhile. */
    status (*plan_holds)(struct source *source, const struct read_plan *plan, struct error *err);
    /* Let the snapshot go. */
    void (*plan_end)(struct source *source);
    /* A reader for one split. Threads: from any thread, while at most plan->max_readers are open. */
    status (*reader_open)(struct source *source, const struct read_plan *plan,
                          const struct read_request *request, const struct split *split,
                          const struct reader_options *options, struct reader **out,
                          struct error *err);
    /* Append at most MAX_ROWS rows to INTO, stopping early once it holds MAX_BYTES (checked for each row, after it).
     * END: the split is drained (rows may have been appended by this call as well). Looks at the cancel flag at least
     * every 16,384 rows. Error messages name column, row and kind. */
    status (*reader_next)(struct reader *reader, struct batch *into, size_t max_rows,
                          size_t max_bytes, struct error *err);
    const struct reader_counts *(*reader_counts)(const struct reader *reader);
    void (*reader_close)(struct reader *reader); /* accepts NULL */
    /* The largest value of the request's update_key in the source right now, for the lag behind the source. */
    status (*newest)(struct source *source, const struct read_request *request, struct arena *arena,
                     struct scalar *out, struct error *err);
    /* The three below may be NULL: there is no such limit, and nothing idle. */
    void (*limits)(const struct source *source, struct source_limits *out);
    /* How the source bears it. Not while another call but those of readers runs. Gives up waiting for an answer when that alone is
     * strain enough. UNAVAILABLE, DENIED: it can't be told. */
    status (*health)(struct source *source, struct cancel *cancel, struct source_health *out,
                     struct error *err);
    /* Let go what is kept for later readers (connections), but for N of them. From any thread. */
    void (*keep_idle)(struct source *source, unsigned n);
    void (*close)(struct source *source); /* accepts NULL and half-open handles */
};

extern const struct source_driver *const source_drivers[]; /* registry.c; NULL-terminated */
/* Is NAME (may be NULL) an update_key that is no column of DRIVER's tables? */
bool source_has_row_key(const struct source_driver *driver, const char *name);
/* The driver for a URL or plain path, and the location in it (in ARENA). BAD_CONFIG names the schemes that exist. */
status source_find(const char *url, struct arena *arena, const struct source_driver **out,
                   const char **out_location, struct error *err);

#endif
