/* Checkpoints: the state of the table at a version as one file, for readers that would not read the whole log, and
 * for us where its JSON is gone.
 *
 *   base, base + 1 ..V.json ---> which files are live, which are tombstones    first pass: names, no statistics
 *   base, base + 1 ..V.json ---> rows, a group at a time                       second pass: each file as last told
 *   V.checkpoint.parquet   put if absent      sync
 *   _last_checkpoint       replaced           sync
 *
 * The base is the last checkpoint that can be read, whoever wrote it, or nothing: then the JSON from 0 on.
 *
 * 1. The hint names only a checkpoint that is durable and whole (write_checkpoint before write_hint).
 * 2. The hint never goes back (is_due).
 * 3. What leat has no place for is not left out: then no checkpoint is written (see_action, see_file).
 * 4. Memory: the names of the table's files and one row group, whatever their statistics hold. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "commit/delta/checkpoint_read.h"
#include "commit/delta/checkpoint_rows.h"
#include "commit/delta/delta.h"
#include "commit/delta/value.h"

#define LAST_CHECKPOINT DELTA_LOG "/_last_checkpoint"

enum {
    CHECKPOINT_INTERVAL = 10, /* versions */
    GROUP_ROWS = 10000,
    GROUP_BYTES = 16 * 1024 * 1024,
    HINT_LIMIT_BYTES = 1024 * 1024,
};

/* ---- the file ---- */

struct checkpoint_file {
    struct byte_sink sink; /* first: write_bytes finds the rest from it */
    struct storage *storage;
    struct upload *upload;
    const struct format_driver *format;
    struct encoder *encoder;
    struct format_file *file;
};

static status write_bytes(struct byte_sink *sink, const void *bytes, size_t size, struct error *err)
{
    struct checkpoint_file *file = (struct checkpoint_file *)sink;
    return storage_put_write(file->storage, file->upload, bytes, size, err);
}

static void file_release(struct checkpoint_file *file)
{
    if (file->file)
        file->format->file_abort(file->file);
    if (file->encoder)
        file->format->encoder_free(file->encoder);
    if (file->upload)
        storage_put_abort(file->storage, file->upload);
    *file = (struct checkpoint_file){0};
}

/* Snappy, which every reader has had from the beginning. */
static const struct option_spec file_specs[] = {{.name = "compression", .kind = OPTION_TEXT}, {0}};
static struct option_value file_value[] = {{.spec = file_specs, .text = "snappy"}};
static const struct option_values file_options = {file_specs, file_value, 1};

static status file_open(struct storage *storage, int64_t version, struct checkpoint_file *file,
                        struct error *err)
{
    char name[LOG_NAME_BYTES];
    *file = (struct checkpoint_file){
        .sink = {write_bytes}, .storage = storage, .format = format_find("parquet")};
    snprintf(name, sizeof(name), DELTA_LOG "/%020" PRId64 ".checkpoint.parquet", version);
    TRY(file->format->encoder_new(&checkpoint_schema, &file_options, &file->encoder, err));
    TRY(storage_put_begin(storage, name, PUT_IF_ABSENT_DURABLE, &file->upload, err));
    return file->format->file_begin(&checkpoint_schema, &file_options, &file->sink, &file->file,
                                    err);
}

static status file_append(struct checkpoint_file *file, const struct batch *batch,
                          struct error *err)
{
    struct row_group group = {0};
    status s = file->format->encode(file->encoder, batch, 0, batch->rows, NULL, &group, err);
    if (s == STATUS_OK)
        s = file->format->file_append(file->file, &group, err);
    row_group_release(&group);
    return s;
}

/* EXISTS: another writer made a checkpoint of the version. */
static status file_commit(struct checkpoint_file *file, uint64_t *out_bytes, struct error *err)
{
    struct file_result result = {0};
    TRY(file->format->file_finish(TAKE(file->file), NULL, 0, &result, err));
    uint64_t bytes = result.size_bytes;
    file_result_release(&result);
    TRY(storage_put_commit(file->storage, TAKE(file->upload), err));
    *out_bytes = bytes;
    return STATUS_OK;
}

/* ---- from the log to rows ---- */

struct checkpoint {
    const struct delta_table *table;
    int64_t version;
    struct snapshot now;
    struct replay replay;
    json_t *protocol, *metadata, *txns; /* the newest; txns: by app id */
    int64_t tombstones_from_ms;
    struct batch batch;
    struct checkpoint_file file;
    uint64_t actions, adds, size_bytes;
};

static void checkpoint_release(struct checkpoint *checkpoint)
{
    replay_release(&checkpoint->replay);
    snapshot_release(&checkpoint->now);
    json_release(&checkpoint->protocol);
    json_release(&checkpoint->metadata);
    json_release(&checkpoint->txns);
    batch_release(&checkpoint->batch);
    file_release(&checkpoint->file);
}

static status flush(struct checkpoint *checkpoint, struct error *err)
{
    if (checkpoint->batch.rows == 0)
        return STATUS_OK;
    checkpoint->actions += checkpoint->batch.rows;
    TRY(file_append(&checkpoint->file, &checkpoint->batch, err));
    batch_clear(&checkpoint->batch);
    return STATUS_OK;
}

/* Is ACTION the last word on its file, and does the state hold it? */
static status is_wanted(struct checkpoint *checkpoint, const struct action *action, bool *out,
                        struct error *err)
{
    char *name;
    const struct replay_file *file;
    bool is_add = action->kind == ACTION_ADD;
    struct arena scratch = {0};
    status s = value_decode_path(&action->file.path, &scratch, &name, err);
    if (s == STATUS_OK) {
        file = replay_find(&checkpoint->replay, name);
        *out = file && file->version == action->version && file->live == is_add &&
               (is_add || action->file.deleted_ms >= checkpoint->tombstones_from_ms);
    }
    arena_release(&scratch);
    return s;
}

static status cant_carry(const struct action *action, struct slice what, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA,
                     "version %lld has %.*s, which leat can't carry into a checkpoint; another "
                     "writer of the table must write it",
                     (long long)action->version, (int)(what.size < 80 ? what.size : 80), what.data);
}

static status see_file(struct checkpoint *checkpoint, const struct action *action,
                       struct error *err)
{
    const struct file_action *file = &action->file;
    bool is_add = action->kind == ACTION_ADD;
    bool wanted;
    TRY(is_wanted(checkpoint, action, &wanted, err));
    if (!wanted)
        return STATUS_OK;
    if (file->unknown.data && is_add)
        return cant_carry(action, file->unknown, err);
    if (is_add)
        TRY(checkpoint_append_add(&checkpoint->batch, file, err));
    else
        TRY(checkpoint_append_remove(&checkpoint->batch, file, err));
    checkpoint->adds += is_add;
    if (checkpoint->batch.rows < GROUP_ROWS && batch_bytes(&checkpoint->batch) < GROUP_BYTES)
        return STATUS_OK;
    return flush(checkpoint, err);
}

static status keep_newest(struct checkpoint *checkpoint, const struct action *action,
                          struct error *err)
{
    const char *app;
    SCOPED(json_release) json_t *value = NULL;
    TRY(action_json(action, &value, err));
    if (action->kind == ACTION_TXN) {
        TRY(json_get_text(value, "appId", "txn", &app, err));
        if (json_object_set(checkpoint->txns, app, value) != 0)
            return error_no_memory(err);
        return STATUS_OK;
    }
    json_t **slot = action->kind == ACTION_PROTOCOL ? &checkpoint->protocol : &checkpoint->metadata;
    json_release(slot);
    *slot = TAKE(value);
    return STATUS_OK;
}

static const struct slice unknown_action = {.data = "an action of an unknown kind",
                                            .size = sizeof("an action of an unknown kind") - 1};

static status_code see_action(void *context, const struct action *action, struct error *err)
{
    switch (action->kind) {
    case ACTION_ADD:
    case ACTION_REMOVE:
        return see_file(context, action, err);
    case ACTION_PROTOCOL:
    case ACTION_METADATA:
    case ACTION_TXN:
        return keep_newest(context, action, err);
    case ACTION_OTHER:
        return cant_carry(action, unknown_action, err);
    default:
        return STATUS_OK;
    }
}

/* A tombstone must be told as long as a file may still be there for readers of older versions. */
static void plan_tombstones(struct checkpoint *checkpoint)
{
    int64_t keep_s = snapshot_file_retention_s(&checkpoint->now);
    checkpoint->tombstones_from_ms =
        keep_s < 0 ? INT64_MIN : clock_wall_us() / 1000 - keep_s * 1000;
}

static status append_actions(struct checkpoint *checkpoint, struct error *err)
{
    struct storage *storage = checkpoint->table->storage;
    const struct log_base *base = &checkpoint->replay.base;
    if (base->checkpoint)
        TRY(checkpoint_each(storage, base->checkpoint, ACTIONS_ALL, true, see_action, checkpoint,
                            err));
    for (int64_t v = base_version(base) + 1; v <= checkpoint->version; v++)
        TRY(log_each_of_version(storage, v, ACTIONS_ALL, see_action, checkpoint, err));
    return STATUS_OK;
}

static status append_state(struct checkpoint *checkpoint, struct error *err)
{
    struct batch *batch = &checkpoint->batch;
    const char *app;
    json_t *txn;
    TRY(append_actions(checkpoint, err));
    if (!checkpoint->protocol || !checkpoint->metadata)
        return error_set(err, STATUS_BAD_DATA, "the log holds no metaData or no protocol");
    TRY(checkpoint_append_protocol(batch, checkpoint->protocol, err));
    TRY(checkpoint_append_metadata(batch, checkpoint->metadata, err));
    json_object_foreach(checkpoint->txns, app, txn) TRY(checkpoint_append_txn(batch, txn, err));
    return flush(checkpoint, err);
}

static status write_checkpoint(struct checkpoint *checkpoint, struct error *err)
{
    const struct delta_table *table = checkpoint->table;
    const struct replay_request request = {.version = checkpoint->version};
    checkpoint->txns = json_object();
    if (!checkpoint->txns)
        return error_no_memory(err);
    TRY(snapshot_read(table, &checkpoint->now, err));
    plan_tombstones(checkpoint);
    TRY(replay_log(table, &checkpoint->now.log, &request, &checkpoint->replay, err));
    TRY(batch_init(&checkpoint->batch, &checkpoint_schema, err));
    TRY(file_open(table->storage, checkpoint->version, &checkpoint->file, err));
    TRY(append_state(checkpoint, err));
    TRY(file_commit(&checkpoint->file, &checkpoint->size_bytes, err));
    return storage_sync(table->storage, err);
}

/* ---- the hint ---- */

static status write_hint(const struct checkpoint *checkpoint, struct error *err)
{
    struct storage *storage = checkpoint->table->storage;
    char hint[160];
    int size = snprintf(hint, sizeof(hint),
                        "{\"version\":%" PRId64 ",\"size\":%" PRIu64 ",\"sizeInBytes\":%" PRIu64
                        ",\"numOfAddFiles\":%" PRIu64 "}",
                        checkpoint->version, checkpoint->actions, checkpoint->size_bytes,
                        checkpoint->adds);
    TRY(storage_put(storage, LAST_CHECKPOINT, PUT_REPLACE, hint, (size_t)size, err));
    return storage_sync(storage, err);
}

/* The version of the last checkpoint, whoever wrote it; 0 where there is none or the hint tells nothing, or more than
 * there is: then the next checkpoint mends it. */
static int64_t last_checkpoint(struct storage *storage, int64_t newest)
{
    SCOPED(mem_freep) char *text = NULL;
    SCOPED(json_release) json_t *hint = NULL;
    struct error ignored = {0};
    size_t size;
    int64_t version = 0;
    if (storage_get(storage, LAST_CHECKPOINT, HINT_LIMIT_BYTES, &text, &size, &ignored) !=
            STATUS_OK ||
        json_parse(text, size, LAST_CHECKPOINT, &hint, &ignored) != STATUS_OK ||
        json_get_int(hint, "version", LAST_CHECKPOINT, &version, &ignored) != STATUS_OK)
        return 0;
    return version < 0 || version > newest ? 0 : version;
}

/* Another writer may have gone on behind VERSION, and hinted at a checkpoint there. */
static bool is_due(struct storage *storage, int64_t version)
{
    return version >= CHECKPOINT_INTERVAL &&
           version - last_checkpoint(storage, version + CHECKPOINT_INTERVAL) >= CHECKPOINT_INTERVAL;
}

status delta_after_publish(struct table *table, int64_t version, struct error *err)
{
    SCOPED(checkpoint_release)
    struct checkpoint checkpoint = {.table = delta_table(table), .version = version};
    if (!is_due(checkpoint.table->storage, version))
        return STATUS_OK;
    status_code s = write_checkpoint(&checkpoint, err);
    if (s == STATUS_EXISTS)
        return STATUS_OK; /* another writer's, who also writes the hint */
    if (s == STATUS_OK)
        s = write_hint(&checkpoint, err);
    if (s != STATUS_OK)
        (void)error_context(err, "in the checkpoint of version %lld", (long long)version);
    return s;
}
