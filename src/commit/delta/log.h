/* The lines of the log: versions, and checkpoints that are manifests as lines. */
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
    LOG_NAME_BYTES = 128,
    LOG_HEAD_BYTES = 16 * 1024,
    LOG_CHUNK_BYTES = 1024 * 1024,
    LOG_LINE_LIMIT = 64 * 1024 * 1024,
};

/* "_delta_log/00000000000000000007.json" into OUT. */
const char *log_version_name(int64_t version, char out[LOG_NAME_BYTES]);

struct log_reader {
    struct storage *storage;
    struct storage_object *object;
    char name[LOG_NAME_BYTES];
    int64_t version;
    uint64_t size, offset; /* of the object; of what was read into the buffer */
    size_t chunk, at;
    struct buffer buffer;
};

/* CHUNK: bytes read at first (LOG_HEAD_BYTES where the first lines may do). NOT_FOUND. */
status log_open(struct storage *storage, int64_t version, size_t chunk, struct log_reader *out,
                struct error *err);
/* The same for the object NAME, which tells of VERSION. */
status log_open_object(struct storage *storage, const char *name, int64_t version, size_t chunk,
                       struct log_reader *out, struct error *err);
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
    ACTION_CDC,
    ACTION_CHECKPOINT_METADATA,
    ACTION_SIDECAR,
    ACTION_KINDS,
};
#define ACTION_BIT(kind)   (1u << (kind))
#define ACTIONS_ALL        (ACTION_BIT(ACTION_KINDS) - 1)
#define ACTIONS_OF_FILES   (ACTION_BIT(ACTION_ADD) | ACTION_BIT(ACTION_REMOVE))
#define ACTIONS_DEFINITION (ACTION_BIT(ACTION_PROTOCOL) | ACTION_BIT(ACTION_METADATA))

/* The word for KIND in the log; NULL for ACTION_OTHER. */
const char *action_name(enum action_kind kind);

/* Members of add and remove. Strings are without quotes, escapes as JSON has them; objects as written; data NULL: none. */
struct file_action {
    struct slice path;
    struct slice partition_values;
    struct slice stats;
    struct slice tags;
    int64_t size, modified_ms, deleted_ms; /* size -1: not told */
    uint64_t rows;                         /* UINT64_MAX: only stats tell */
    bool data_change;
    bool has_deletion_vector;
    struct slice unknown; /* the name of a member with a value that leat can't carry on */
};

/* One action, whatever held it; borrowed for the call. */
struct action {
    enum action_kind kind;
    int64_t version;         /* that tells of it: the checkpoint's for what one holds */
    struct slice value;      /* as JSON; add and remove: none */
    struct file_action file; /* add, remove */
};
/* Return anything but OK to stop; END stops without an error. */
typedef status_code (*action_fn)(void *context, const struct action *action, struct error *err);

/* The actions of KINDS (bits) in what READER has not read yet. Those of other kinds are passed over by their first
 * key. Stopped by END: OK. */
status log_each(struct log_reader *reader, unsigned kinds, action_fn each, void *context,
                struct error *err);
/* The same for a whole version. */
status log_each_of_version(struct storage *storage, int64_t version, unsigned kinds, action_fn each,
                           void *context, struct error *err);
/* ACTION's value, an object. */
struct json_t;
status action_json(const struct action *action, struct json_t **out, struct error *err);

/* numRecords of a stats string; UINT64_MAX when it says none. */
status log_stats_rows(struct slice stats, uint64_t *out, struct error *err);

#endif
