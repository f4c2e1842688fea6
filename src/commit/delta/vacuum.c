/* Objects that no retained version refers to. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "commit/delta/checkpoint_read.h"
#include "commit/delta/delta.h"

enum { CLOCK_NAME_BYTES = 64, FOLDER_BYTES = 512 };

struct vacuum {
    const struct delta_table *table;
    struct log_listing log;
    struct replay replay;
    json_t *named;  /* "<folder>/N.json" of every record that a version names -> true */
    json_t *lowest; /* folder -> the lowest N of it that is named */
    int64_t keep_s, now_us;
    bool dry_run;
    vacuum_fn found;
    void *context;
};

static void vacuum_release(struct vacuum *vacuum)
{
    replay_release(&vacuum->replay);
    json_release(&vacuum->named);
    json_release(&vacuum->lowest);
    listing_release(&vacuum->log);
}

/* ---- records that versions name ---- */

/* The lowest number named of each folder: below it a log that was cut off no longer tells. */
static status note_lowest(struct vacuum *vacuum, const char *folder, int64_t number,
                          struct error *err)
{
    const json_t *lowest = json_object_get(vacuum->lowest, folder);
    if (lowest && json_integer_value(lowest) <= number)
        return STATUS_OK;
    if (json_object_set_new(vacuum->lowest, folder, json_integer(number)) != 0)
        return error_no_memory(err);
    return STATUS_OK;
}

static status name_record(struct vacuum *vacuum, const char *app, int64_t number, struct error *err)
{
    const char *stream = text_starts_with(app, "leat:") ? strchr(app + strlen("leat:"), ':') : NULL;
    if (!stream)
        return STATUS_OK;
    SCOPED(mem_freep) char *folder = delta_folder(stream + 1);
    SCOPED(mem_freep) char *name = folder ? delta_record_name(folder, number) : NULL;
    if (!name || json_object_set_new(vacuum->named, name, json_true()) != 0)
        return error_no_memory(err);
    return note_lowest(vacuum, folder, number, err);
}

static status_code see_txn(void *context, const struct action *action, struct error *err)
{
    SCOPED(json_release) json_t *txn = NULL;
    const char *app;
    int64_t number;
    TRY(action_json(action, &txn, err));
    TRY(json_get_text(txn, "appId", "txn", &app, err));
    TRY(json_get_int(txn, "version", "txn", &number, err));
    return name_record(context, app, number, err);
}

/* Of every version that is left, and of the base that stands for those that are not. */
static status read_named(struct vacuum *vacuum, struct error *err)
{
    struct storage *storage = vacuum->table->storage;
    unsigned txns = ACTION_BIT(ACTION_TXN);
    if (vacuum->replay.base.checkpoint)
        TRY(checkpoint_each(storage, vacuum->replay.base.checkpoint, txns, false, see_txn, vacuum,
                            err));
    for (int64_t v = vacuum->log.json_from; v <= vacuum->log.newest; v++)
        TRY(log_each_of_version(storage, v, txns, see_txn, vacuum, err));
    return STATUS_OK;
}

/* Did a version that is gone name the record? Then it is no dead run's, and who knows what still asks for it. */
static bool may_have_been_named(const struct vacuum *vacuum, const char *name)
{
    const char *leaf = strrchr(name, '/');
    char folder[FOLDER_BYTES];
    int64_t number;
    if (vacuum->log.json_from == 0)
        return false;
    if ((size_t)(leaf - name) >= sizeof(folder) ||
        !text_parse_int64(leaf + 1, strspn(leaf + 1, "0123456789"), &number))
        return true; /* not of a name that leat gives */
    memcpy(folder, name, (size_t)(leaf - name));
    folder[leaf - name] = '\0';
    const json_t *lowest = json_object_get(vacuum->lowest, folder);
    return !lowest || number < json_integer_value(lowest);
}

/* ---- what may go ---- */

/* Folders and files beginning with '_' or '.' are not data, but for a partition column of such a name. */
static bool is_hidden(const char *name)
{
    while (*name) {
        size_t size = strcspn(name, "/");
        if ((*name == '_' || *name == '.') && !memchr(name, '=', size))
            return true;
        name += size + (name[size] == '/');
    }
    return false;
}

static bool is_record(const char *name)
{
    const char *leaf = strrchr(name, '/');
    if (!text_starts_with(name, "_leat/") || text_starts_with(name, "_leat/staging/") || !leaf)
        return false;
    size_t digits = strspn(leaf + 1, "0123456789");
    return digits > 0 && strcmp(leaf + 1 + digits, ".json") == 0;
}

/* Why NAME may go, or NULL. A tombstone younger than KEEP still serves readers of the version before it. */
static const char *reason(const struct vacuum *vacuum, const struct storage_entry *entry)
{
    int64_t before_us = vacuum->now_us - vacuum->keep_s * 1000000;
    if (entry->modified_us > before_us)
        return NULL;
    if (is_record(entry->name))
        return json_object_get(vacuum->named, entry->name) ||
                       may_have_been_named(vacuum, entry->name)
                   ? NULL
                   : "the record of a run that never published";
    if (is_hidden(entry->name) || !text_ends_with(entry->name, ".parquet"))
        return NULL;
    const struct replay_file *file = replay_find(&vacuum->replay, entry->name);
    if (!file)
        return "no version refers to it";
    if (file->live || file->modified_ms > before_us / 1000)
        return NULL;
    return "removed from the table before the time to keep";
}

static status_code see_object(void *context, const struct storage_entry *entry, struct error *err)
{
    struct vacuum *vacuum = context;
    const char *why = reason(vacuum, entry);
    if (!why)
        return STATUS_OK;
    if (!vacuum->dry_run)
        TRY(storage_remove(vacuum->table->storage, entry->name, err));
    vacuum->found(vacuum->context, entry->name, entry->size_bytes,
                  (vacuum->now_us - entry->modified_us) / 1000000, why);
    return STATUS_OK;
}

/* The storage's time is that of an object put now: ages are differences of its own clock. */
static status storage_now(struct storage *storage, int64_t *out_us, struct error *err)
{
    struct storage_entry entry;
    char id[RUN_ID_BYTES];
    char name[CLOCK_NAME_BYTES] = "_leat/staging/clock-";
    TRY(random_run_id(id, err));
    memcpy(name + strlen(name), id, sizeof(id));
    TRY(storage_put(storage, name, PUT_IF_ABSENT, "", 0, err));
    status s = storage_stat(storage, name, &entry, err);
    struct error ignored = {0};
    if (storage_remove(storage, name, &ignored) != STATUS_OK && s == STATUS_OK)
        s = error_set(err, ignored.code, "%s", ignored.text);
    if (s == STATUS_OK)
        *out_us = entry.modified_us;
    return s;
}

status delta_vacuum(struct table *table, int64_t keep_s, bool dry_run, vacuum_fn found,
                    void *context, struct error *err)
{
    SCOPED(vacuum_release)
    struct vacuum vacuum = {
        .table = delta_table(table),
        .keep_s = keep_s,
        .now_us = clock_wall_us(),
        .dry_run = dry_run,
        .found = found,
        .context = context,
    };
    struct storage *storage = vacuum.table->storage;
    TRY(listing_read(storage, &vacuum.log, err));
    if (vacuum.log.newest < 0)
        return error_set(err, STATUS_NOT_FOUND, "there is no Delta table in %s", storage->url);
    vacuum.named = json_object();
    vacuum.lowest = json_object();
    if (!vacuum.named || !vacuum.lowest)
        return error_no_memory(err);
    if (!dry_run)
        TRY(storage_now(storage, &vacuum.now_us, err));
    const struct replay_request request = {.version = vacuum.log.newest, .order = BASE_OLDEST};
    TRY(replay_log(vacuum.table, &vacuum.log, &request, &vacuum.replay, err));
    TRY(read_named(&vacuum, err));
    return storage_list(storage, "", false, see_object, &vacuum, err);
}
