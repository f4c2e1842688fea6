/* The log of a table as objects: which versions there are, and the lines of one. */
#ifndef LEAT_COMMIT_DELTA_LOG_H
#define LEAT_COMMIT_DELTA_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "commit/delta/scan.h"
#include "storage/storage.h"

#define DELTA_LOG "_delta_log"

enum {
    LOG_NAME_BYTES = 64,
    LOG_HEAD_BYTES = 16 * 1024,
    LOG_CHUNK_BYTES = 1024 * 1024,
    LOG_LINE_LIMIT = 64 * 1024 * 1024,
};

/* "_delta_log/00000000000000000007.json" into OUT. */
const char *log_version_name(int64_t version, char out[LOG_NAME_BYTES]);

/* The newest version, -1 when there is no table. HELD when the log can't be read from version 0 on: a
 * version is missing, or the first ones were removed behind a checkpoint. */
status log_newest(struct storage *storage, int64_t *out, struct error *err);

struct log_reader {
    struct storage *storage;
    struct storage_object *object;
    int64_t version;
    uint64_t size, offset; /* of the object; of what was read into the buffer */
    size_t chunk, at;
    struct buffer buffer;
};

/* CHUNK: bytes read at first (LOG_HEAD_BYTES where the first lines may do). NOT_FOUND. */
status log_open(struct storage *storage, int64_t version, size_t chunk, struct log_reader *out,
                struct error *err);
/* The next line that is not empty, valid until the next call. END. BAD_DATA: a line over LOG_LINE_LIMIT. */
status log_next(struct log_reader *reader, struct slice *out, struct error *err);
void log_close(struct log_reader *reader);

enum action_kind {
    ACTION_OTHER,
    ACTION_COMMIT_INFO,
    ACTION_PROTOCOL,
    ACTION_METADATA,
    ACTION_TXN,
    ACTION_ADD,
    ACTION_REMOVE,
};

/* What LINE is; SCAN stands before the action's value. BAD_DATA names version. */
status log_action(const struct log_reader *reader, struct slice line, enum action_kind *out,
                  struct scan *out_scan, struct error *err);
status log_bad_line(const struct log_reader *reader, const char *action, struct error *err);

/* Members of add and remove; slices of the line. */
struct file_action {
    struct slice path;             /* a string as written */
    struct slice partition_values; /* the object as written; data NULL: none */
    struct slice stats;
    struct slice tags; /* the object as written; data NULL: none */
    int64_t size, modified_ms, deleted_ms;
    bool data_change;
    bool has_deletion_vector;
};
status log_file_action(const struct log_reader *reader, struct scan *scan, struct file_action *out,
                       struct error *err);
/* numRecords of a stats string; UINT64_MAX when it says none. */
status log_stats_rows(struct slice stats, uint64_t *out, struct error *err);

/* ---- building lines ---- */

struct text;
/* BYTES as a JSON string with its quotes. */
void json_append(struct text *text, const char *bytes, size_t size);
void json_append_text(struct text *text, const char *string);

#endif
