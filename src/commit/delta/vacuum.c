/* Objects that no retained version refers to. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "commit/delta/delta.h"

enum { CLOCK_NAME_BYTES = 64 };

struct vacuum {
    const struct delta_table *table;
    struct replay replay;
    json_t *named; /* "<folder>/N.json" of every record that a version names -> true */
    int64_t keep_s, now_us;
    bool dry_run;
    vacuum_fn found;
    void *context;
};

static void vacuum_release(struct vacuum *vacuum)
{
    replay_release(&vacuum->replay);
    json_release(&vacuum->named);
}

/* ---- records that versions name ---- */

static status name_record(struct vacuum *vacuum, const char *app, int64_t number, struct error *err)
{
    const char *stream = text_starts_with(app, "leat:") ? strchr(app + strlen("leat:"), ':') : NULL;
    if (!stream)
        return STATUS_OK;
    SCOPED(mem_freep) char *folder = delta_folder(stream + 1);
    SCOPED(mem_freep) char *name = folder ? delta_record_name(folder, number) : NULL;
    if (!name || json_object_set_new(vacuum->named, name, json_true()) != 0)
        return error_no_memory(err);
    return STATUS_OK;
}

static status see_txn(struct vacuum *vacuum, const struct log_reader *reader, struct scan *scan,
                      struct error *err)
{
    struct slice key;
    struct slice app = {0};
    int64_t number = -1;
    bool good = scan_object(scan);
    while (good && scan_member(scan, &key))
        good = slice_is(key, "appId")     ? scan_string(scan, &app)
               : slice_is(key, "version") ? scan_int(scan, &number)
                                          : scan_skip(scan);
    if (!good || scan->bad || !app.data)
        return log_bad_line(reader, "a txn", err);
    struct arena arena = {0};
    char *text = NULL;
    status_code s = scan_text(app, &arena, &text, NULL, err);
    if (s == STATUS_OK)
        s = name_record(vacuum, text, number, err);
    arena_release(&arena);
    return s;
}

static status read_txns(struct vacuum *vacuum, struct log_reader *reader, struct error *err)
{
    for (;;) {
        struct slice line;
        struct scan scan;
        enum action_kind kind;
        status_code s = log_next(reader, &line, err);
        if (s == STATUS_END)
            return STATUS_OK;
        if (s != STATUS_OK)
            return s;
        TRY(log_action(reader, line, &kind, &scan, err));
        if (kind == ACTION_TXN)
            TRY(see_txn(vacuum, reader, &scan, err));
    }
}

static status read_named(struct vacuum *vacuum, int64_t newest, struct error *err)
{
    for (int64_t v = 0; v <= newest; v++) {
        struct log_reader reader;
        TRY(log_open(vacuum->table->storage, v, LOG_CHUNK_BYTES, &reader, err));
        status_code s = read_txns(vacuum, &reader, err);
        log_close(&reader);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
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
        return json_object_get(vacuum->named, entry->name)
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
    int64_t newest;
    TRY(log_newest(storage, &newest, err));
    if (newest < 0)
        return error_set(err, STATUS_NOT_FOUND, "there is no Delta table in %s", storage->url);
    vacuum.named = json_object();
    if (!vacuum.named)
        return error_no_memory(err);
    if (!dry_run)
        TRY(storage_now(storage, &vacuum.now_us, err));
    TRY(replay_log(vacuum.table, newest, false, &vacuum.replay, err));
    TRY(read_named(&vacuum, newest, err));
    return storage_list(storage, "", false, see_object, &vacuum, err);
}
