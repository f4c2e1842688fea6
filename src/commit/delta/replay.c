/* The state of the table: which files are live, from a checkpoint or from version 0 on. A file is known by its decoded
 * name, for writers encode one name in several ways. */
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "base/text.h"
#include "commit/delta/checkpoint_read.h"
#include "commit/delta/delta.h"
#include "commit/delta/value.h"

void replay_release(struct replay *replay)
{
    mem_free(replay->buckets);
    mem_free(replay->files);
    arena_release(&replay->arena);
    *replay = (struct replay){0};
}

static uint64_t hash_name(const char *name)
{
    return XXH3_64bits(name, strlen(name));
}

static struct replay_file **bucket_of(const struct replay *replay, uint64_t hash)
{
    return &replay->buckets[hash & (replay->n_buckets - 1)];
}

static struct replay_file *find(const struct replay *replay, const char *name, uint64_t hash)
{
    struct replay_file *file = replay->n_buckets ? *bucket_of(replay, hash) : NULL;
    while (file && (file->hash != hash || strcmp(file->name, name) != 0))
        file = file->next;
    return file;
}

const struct replay_file *replay_find(const struct replay *replay, const char *name)
{
    return find(replay, name, hash_name(name));
}

static status grow(struct replay *replay, struct error *err)
{
    size_t capacity = replay->capacity ? 2 * replay->capacity : 256;
    struct replay_file **files =
        mem_realloc_array(replay->files, capacity, sizeof(struct replay_file *));
    if (!files)
        return error_no_memory(err);
    replay->files = files;
    replay->capacity = capacity;
    struct replay_file **buckets = mem_zalloc(capacity * sizeof(struct replay_file *));
    if (!buckets)
        return error_no_memory(err);
    mem_free(replay->buckets);
    replay->buckets = buckets;
    replay->n_buckets = capacity;
    for (size_t i = 0; i < replay->n_files; i++) {
        struct replay_file **bucket = bucket_of(replay, files[i]->hash);
        files[i]->next = *bucket;
        *bucket = files[i];
    }
    return STATUS_OK;
}

static uint64_t memory_of(const struct replay *replay)
{
    return replay->arena.total_bytes +
           replay->capacity * (sizeof(*replay->files) + sizeof(*replay->buckets));
}

static status check_room(const struct replay *replay, struct error *err)
{
    char limit[32];
    if (!replay->memory_limit || memory_of(replay) <= replay->memory_limit)
        return STATUS_OK;
    return error_set(
        err, STATUS_NO_MEMORY,
        "the table's log names more than %zu files, which the memory budget (%s) has no "
        "room for; give more with --memory",
        replay->n_files, text_format_bytes(replay->memory_limit, limit));
}

/* The entry of NAME, made if there is none; NAME is the arena's. */
static status entry_of(struct replay *replay, const char *name, struct replay_file **out,
                       struct error *err)
{
    uint64_t hash = hash_name(name);
    *out = find(replay, name, hash);
    if (*out)
        return STATUS_OK;
    if (replay->n_files == replay->capacity)
        TRY(grow(replay, err));
    TRY(check_room(replay, err));
    struct replay_file *file = arena_alloc(&replay->arena, sizeof(*file));
    if (!file)
        return error_no_memory(err);
    struct replay_file **bucket = bucket_of(replay, hash);
    file->name = name;
    file->hash = hash;
    file->next = *bucket;
    *bucket = file;
    replay->files[replay->n_files++] = file;
    *out = file;
    return STATUS_OK;
}

static status keep_slice(struct replay *replay, struct slice from, struct slice *out,
                         struct error *err)
{
    *out = (struct slice){0};
    if (!from.data)
        return STATUS_OK;
    char *copy = arena_strndup(&replay->arena, from.data, from.size);
    if (!copy)
        return error_no_memory(err);
    *out = (struct slice){.data = copy, .size = from.size};
    return STATUS_OK;
}

/* The path as written: mostly it is the name itself. */
static status keep_path(struct replay *replay, const struct file_action *action,
                        struct replay_file *file, struct error *err)
{
    if (strlen(file->name) == action->path.size &&
        memcmp(file->name, action->path.data, action->path.size) == 0) {
        file->path = (struct slice){.data = file->name, .size = action->path.size};
        return STATUS_OK;
    }
    return keep_slice(replay, action->path, &file->path, err);
}

/* Files of a partition stand together: one text for all of them. */
static status keep_partition(struct replay *replay, struct slice from, struct slice *out,
                             struct error *err)
{
    struct slice *last = &replay->last_partition;
    if (!from.data || last->size != from.size || !last->data ||
        memcmp(last->data, from.data, from.size) != 0)
        TRY(keep_slice(replay, from, last, err));
    *out = *last;
    return STATUS_OK;
}

static status_code apply_file(void *context, const struct action *action, struct error *err)
{
    struct replay *replay = context;
    const struct file_action *told = &action->file;
    bool is_add = action->kind == ACTION_ADD;
    struct replay_file *file = NULL;
    char *name;
    TRY_IN(value_decode_path(&told->path, &replay->arena, &name, err), err,
           "in version %lld of the log", (long long)action->version);
    TRY(entry_of(replay, name, &file, err));
    replay->n_live += (size_t)is_add - (size_t)file->live;
    file->live = is_add;
    file->version = action->version;
    file->modified_ms = is_add ? told->modified_ms : told->deleted_ms;
    if (!is_add)
        return file->path.data ? STATUS_OK : keep_path(replay, told, file, err);
    file->size = told->size;
    file->rows = told->rows;
    TRY(keep_path(replay, told, file, err));
    TRY(keep_partition(replay, told->partition_values, &file->partition, err));
    if (replay->keep_rows && file->rows == UINT64_MAX)
        return log_stats_rows(told->stats, &file->rows, err);
    return STATUS_OK;
}

static status read_base(const struct delta_table *table, struct replay *replay, struct error *err)
{
    if (!replay->base.checkpoint)
        return STATUS_OK;
    return checkpoint_each(table->storage, replay->base.checkpoint, ACTIONS_OF_FILES,
                           replay->keep_rows, apply_file, replay, err);
}

/* The best base that can be read. */
static status begin(const struct delta_table *table, const struct log_listing *listing,
                    const struct replay_request *request, struct replay *out, struct error *err)
{
    struct log_base base = {NULL};
    status_code s = STATUS_NOT_FOUND;
    for (size_t nth = 0;
         base_is_bad(s) && listing_base(listing, request->version, request->order, nth, &base);
         nth++) {
        replay_release(out);
        *out = (struct replay){
            .keep_rows = request->keep_rows, .memory_limit = table->memory_limit, .base = base};
        s = read_base(table, out, err);
    }
    return base_is_bad(s) ? listing_no_base(table->storage, listing, &base, err) : s;
}

status replay_log(const struct delta_table *table, const struct log_listing *listing,
                  const struct replay_request *request, struct replay *out, struct error *err)
{
    SCOPED(replay_release) struct replay replay = {0};
    TRY(begin(table, listing, request, &replay, err));
    for (int64_t v = base_version(&replay.base) + 1; v <= request->version; v++)
        TRY(log_each_of_version(table->storage, v, ACTIONS_OF_FILES, apply_file, &replay, err));
    *out = replay;
    replay = (struct replay){0}; /* the caller's now */
    return STATUS_OK;
}

/* ---- each live file ---- */

static void append_encoded(struct text *text, const char *bytes)
{
    for (; *bytes; bytes++) {
        unsigned char c = (unsigned char)*bytes;
        if (c < 0x20 || strchr("/=%", c))
            text_printf(text, "%%%02X", c);
        else
            text_append_char(text, (char)c);
    }
}

/* The member of OBJECT called NAME as a string; null and absent give NULL. */
static status partition_value(struct slice object, const char *name, struct arena *arena,
                              const char **out, struct error *err)
{
    struct scan scan = {.at = object.data, .end = object.data + object.size};
    struct slice key;
    struct slice value = {0};
    char *plain;
    *out = NULL;
    if (!object.data || !scan_object(&scan))
        return STATUS_OK;
    while (scan_member(&scan, &key)) {
        TRY(scan_text(key, arena, &plain, NULL, err));
        bool is_it = strcmp(plain, name) == 0;
        if (is_it && scan_string(&scan, &value) && value.data) {
            TRY(scan_text(value, arena, &plain, NULL, err));
            *out = plain;
        }
        if (is_it || !scan_skip(&scan))
            return STATUS_OK;
    }
    return STATUS_OK;
}

status replay_partition_value(const struct replay_file *file, const char *name, struct arena *arena,
                              const char **out, struct error *err)
{
    return partition_value(file->partition, name, arena, out, err);
}

static status append_partition(struct text *text, const json_t *columns, struct slice object,
                               struct arena *arena, struct error *err)
{
    size_t i;
    json_t *column;
    json_array_foreach(columns, i, column)
    {
        const char *name = json_string_value(column) ? json_string_value(column) : "";
        const char *value;
        TRY(partition_value(object, name, arena, &value, err));
        if (i)
            text_append_char(text, '/');
        append_encoded(text, name);
        text_append_char(text, '=');
        append_encoded(text, value ? value : "__HIVE_DEFAULT_PARTITION__");
    }
    return text_check(text, err);
}

static status_code tell_file(const json_t *columns, const struct replay_file *file,
                             live_file_fn each, void *context, struct error *err)
{
    struct text partition = {0};
    struct arena scratch = {0};
    status_code s = append_partition(&partition, columns, file->partition, &scratch, err);
    const struct live_file live = {
        .path = file->name,
        .rows = file->rows,
        .size_bytes = file->size < 0 ? 0 : (uint64_t)file->size,
        .modified_us = file->modified_ms * 1000,
        .partition = text_string(&partition),
    };
    if (s == STATUS_OK)
        s = each(context, &live, err);
    text_release(&partition);
    arena_release(&scratch);
    return s;
}

status delta_each_file(struct table *table, live_file_fn each, void *context, struct error *err)
{
    SCOPED(snapshot_release) struct snapshot snapshot = {0};
    SCOPED(replay_release) struct replay replay = {0};
    TRY(snapshot_read(delta_table(table), &snapshot, err));
    const struct replay_request request = {.version = snapshot.version, .keep_rows = true};
    TRY(replay_log(delta_table(table), &snapshot.log, &request, &replay, err));
    const json_t *columns = json_object_get(snapshot.metadata, "partitionColumns");
    status_code s = STATUS_OK;
    for (size_t i = 0; s == STATUS_OK && i < replay.n_files; i++)
        if (replay.files[i]->live)
            s = tell_file(columns, replay.files[i], each, context, err);
    return s == STATUS_END ? STATUS_OK : s;
}
