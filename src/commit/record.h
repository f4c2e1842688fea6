/* The record of a published run: what the next run must know, immutable, one object for each published run of a
 * stream. The table's version names it; it never stands alone (a record without a version that names it is
 * a dead run's). JSON, written and read here only. */
#ifndef LEAT_COMMIT_RECORD_H
#define LEAT_COMMIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "batch/batch.h"
#include "batch/scalar.h"
#include "batch/schema.h"

/* Digests of the rows equal to the watermark, sorted; the same digest as often as rows had it. */
struct tie_digests {
    struct digest *items;
    size_t n;
};

struct run_record {
    int64_t number;   /* N in _leat/<stream>/N.json */
    int64_t previous; /* the record before it; -1: none */
    const char *table_id;
    const char *stream;
    const char *source_identity;
    const char *run_id;
    const char *leat_version;
    const char *mode;     /* "full-refresh", "incremental" */
    int64_t published_us; /* runner's clock, for people */

    const char *update_key;  /* NULL: the stream has none */
    struct scalar watermark; /* is_null: none yet */
    bool watermark_is_fence;
    struct tie_digests ties; /* when not a fence */
    const char *fence_state; /* what the source's driver wants to know next time; NULL */

    struct schema contract; /* source columns with field ids and identities, in table order */
    const char *const *partition_by; /* text forms, n_partition_by */
    size_t n_partition_by;
    struct schema partition_keys; /* key columns the table has, with field ids */

    uint64_t rows_read, rows_written, rows_rejected, rows_known; /* known: ties left out */
    uint64_t bytes_read, bytes_written, files_written;
    const char *reject_file; /* object below the table's root; NULL: none */
    const char *token;       /* snapshot token of the run; NULL */

    struct arena arena; /* owns all but the two schemas' own arenas */
};

/* Schema as JSON, exact (types by their text forms); used by the record, the plan and manifests. */
struct json_t;
struct json_t *schema_to_json(const struct schema *schema); /* NULL: no memory */
status schema_from_json(const struct json_t *json, struct schema *out, struct error *err);
struct json_t *scalar_to_json(
    const struct scalar *scalar); /* {"type": "...", "value": "..."|null} */
status scalar_from_json(const struct json_t *json, struct arena *arena, struct scalar *out,
                        struct error *err);

status record_write(const struct run_record *record, char **out_json, size_t *out_size,
                    struct error *err); /* mem_free */
status record_read(const char *json, size_t size, struct run_record *out, struct error *err);
void record_release(struct run_record *record);

#endif
