/* One version, once.
 *
 *   data files     put and synced by the pipeline; here each is stat'ed
 *   _leat/s/N      put if absent, N the first free number
 *   sync           ------------------------------------------- everything a version will refer to is durable
 *   read the log   is it still the base's? else CONFLICT, HELD
 *   _delta_log/V   put if absent, its bytes durable before its name: the one atomic step
 *     EXISTS ----> somebody else was first: read the log again, after a short wait of random length
 *   sync           ------------------------------------------- the name is durable: success may be told
 *
 * 1. A version refers only to files and a record that were durable before it appeared.
 * 2. The version put is the one after the newest that was looked at, so nothing can slip in between unseen.
 * 3. txn names the record; it is put only while the stream's newest txn is the base's. Two runs of a stream can't
 *    both publish, whatever their clocks and locks do.
 * 4. A run id is looked for before anything is put again: a put whose reply was lost is found, not repeated.
 * 5. Once the version may be visible, a failure is IN_DOUBT and nothing is removed.
 * 6. A dead run's record stays unnamed: its number is never used again, for the put is if absent. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "commit/delta/delta.h"
#include "commit/delta/publish.h"
#include "commit/delta/schema.h"

enum { PUBLISH_TRIES = 200, RECORD_NUMBERS_TRIED = 1000 };

static void publication_release(struct publication *publication)
{
    snapshot_release(&publication->now);
    replay_release(&publication->old);
    arena_release(&publication->arena);
}

/* ---- before ---- */

static status check_files(const struct publication *publication, struct error *err)
{
    const struct publish_request *request = publication->request;
    struct storage *storage = publication->table->storage;
    for (size_t i = 0; i < request->n_files; i++) {
        const struct new_file *file = &request->files[i];
        struct storage_entry entry;
        status_code s = storage_stat(storage, file->path, &entry, err);
        if (s == STATUS_NOT_FOUND)
            return error_set(err, STATUS_BUG, "the data file %s is gone; nothing was published",
                             file->path);
        if (s != STATUS_OK)
            return s;
        if (entry.size_bytes != file->size_bytes)
            return error_set(err, STATUS_BUG,
                             "the data file %s has %" PRIu64 " bytes, %" PRIu64
                             " were written; nothing was published",
                             file->path, entry.size_bytes, file->size_bytes);
    }
    return STATUS_OK;
}

/* Files of a slow run may be taken for abandoned ones by whoever cleans the table. */
static status check_age(const struct publication *publication, struct error *err)
{
    int64_t retention = publication->base->file_retention_s;
    int64_t started = publication->request->run_started_us;
    char age_text[32];
    char limit[32];
    if (retention < 0 || started <= 0)
        return STATUS_OK;
    int64_t age = (clock_wall_us() - started) / 1000000;
    if (age <= retention / 2)
        return STATUS_OK;
    return error_set(err, STATUS_HELD,
                     "the run began %s ago, and the table lets files go that nobody refers to "
                     "after %s (delta.deletedFileRetentionDuration); raise that or start again",
                     text_format_duration((double)age, age_text),
                     text_format_duration((double)retention, limit));
}

/* ---- is the table still the base's? ---- */

static status check_stream(const struct publication *publication, struct error *err)
{
    const struct snapshot *now = &publication->now;
    const struct table_state *base = publication->base;
    if (!base->exists && now->version >= 0)
        return error_set(err, STATUS_CONFLICT, "%s made the table %s meanwhile; run again",
                         now->own_version >= 0 ? "another run of this stream" : "another writer",
                         publication->table->storage->url);
    int64_t base_number = base->exists ? base->record_number : -1;
    if (now->own_number != base_number)
        return error_set(err, STATUS_CONFLICT,
                         "another run (%s) published this stream meanwhile, as version %lld; run "
                         "again",
                         *now->own_run ? now->own_run : "of unknown id",
                         (long long)now->own_version);
    return STATUS_OK;
}

static status check_table(const struct publication *publication, struct error *err)
{
    const struct snapshot *now = &publication->now;
    const struct table_state *base = publication->base;
    if (base->exists &&
        (now->version < base->version || !text_equal(now->table_id, base->table_id)))
        return error_set(err, STATUS_HELD,
                         "the table %s was replaced by another while the run went on; look at it, "
                         "then run again",
                         publication->table->storage->url);
    return STATUS_OK;
}

static status check_foreign(struct publication *publication, struct error *err)
{
    const struct publish_request *request = publication->request;
    const struct snapshot *now = &publication->now;
    const struct table_state *base = publication->base;
    const char *hold = NULL;
    if (now->version >= 0)
        TRY(hold_protocol(now, &publication->arena, &hold, err));
    if (!hold && !request->accept_foreign)
        hold = base->hold;
    if (!hold)
        TRY(hold_foreign(now, base->version, takes_away(request), &publication->arena, &hold, err));
    if (!hold && takes_away(request) && now->version >= 0 &&
        text_equal(snapshot_property(now, "delta.appendOnly"), "true"))
        hold = "the table takes rows only at its end (delta.appendOnly), and this run would "
               "replace rows; use mode: incremental or change the property";
    return hold ? error_set(err, STATUS_HELD, "%s", hold) : STATUS_OK;
}

/* ---- schema ---- */

static bool same_partition_columns(const struct publication *publication)
{
    const json_t *array = json_object_get(publication->now.metadata, "partitionColumns");
    const struct schema *keys = publication->request->partition_keys;
    if (json_array_size(array) != keys->n_fields)
        return false;
    for (size_t i = 0; i < keys->n_fields; i++)
        if (!text_equal(json_string_value(json_array_get(array, i)), keys->fields[i].name))
            return false;
    return true;
}

static bool has_feature(const struct snapshot *now, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(now->protocol, "writerFeatures"), i, item)
    {
        if (text_equal(json_string_value(item), name))
            return true;
    }
    return false;
}

static status plan_definition(struct publication *publication, struct error *err)
{
    const struct publish_request *request = publication->request;
    const struct snapshot *now = &publication->now;
    struct schema schema = {0};
    const char *text;
    if (now->version < 0) {
        publication->new_metadata = publication->new_protocol = true;
        return STATUS_OK;
    }
    TRY(json_get_text(now->metadata, "schemaString", "metaData", &text, err));
    TRY(delta_schema_parse(text, strlen(text), &schema, err));
    bool partitions = same_partition_columns(publication);
    bool same = delta_schema_same(&schema, request->table_schema);
    bool grows = delta_schema_extends(&schema, request->table_schema, request->widens);
    publication->widens =
        !request->replace_all && delta_schema_retypes(&schema, request->table_schema);
    schema_release(&schema);
    if (!request->replace_all && (!partitions || !grows))
        return error_set(err, STATUS_SCHEMA_CHANGED,
                         "the table's %s are not those of the run, which only adds rows; load the "
                         "table again with --mode full-refresh",
                         partitions ? "columns" : "partition columns");
    publication->new_metadata = !same || !partitions;
    bool lacks_ntz = delta_has_ntz(request->table_schema) && !has_feature(now, "timestampNtz");
    bool lacks_widening = publication->widens && !has_feature(now, "typeWidening");
    publication->new_protocol = publication->new_metadata && (lacks_ntz || lacks_widening);
    return STATUS_OK;
}

/* ---- the record ---- */

static status take_table_id(struct publication *publication, struct error *err)
{
    const struct snapshot *now = &publication->now;
    struct run_record *record = publication->request->record;
    const char *id = now->table_id;
    if (!id) {
        TRY(random_uuid(publication->table_id, err));
        id = publication->table_id;
    }
    record->table_id = arena_strdup(&record->arena, id);
    return record->table_id ? STATUS_OK : error_no_memory(err);
}

static status put_record_as(struct publication *publication, int64_t number, struct error *err)
{
    const struct delta_table *table = publication->table;
    SCOPED(mem_freep) char *name = delta_record_name(table->folder, number);
    SCOPED(mem_freep) char *json = NULL;
    size_t size;
    if (!name)
        return error_no_memory(err);
    publication->request->record->number = number;
    TRY(record_write(publication->request->record, &json, &size, err));
    return storage_put(table->storage, name, PUT_IF_ABSENT, json, size, err);
}

/* Once; lost races for a version don't need another. */
static status put_record(struct publication *publication, struct error *err)
{
    const struct snapshot *now = &publication->now;
    struct run_record *record = publication->request->record;
    if (publication->record_is_put)
        return STATUS_OK;
    TRY(take_table_id(publication, err));
    record->previous = now->own_number;
    if (!record->published_us)
        record->published_us = clock_wall_us();
    status_code s = STATUS_EXISTS;
    for (int64_t n = now->own_number + 1;
         s == STATUS_EXISTS && n <= now->own_number + RECORD_NUMBERS_TRIED; n++)
        s = put_record_as(publication, n, err);
    if (s == STATUS_EXISTS)
        return error_set(err, STATUS_CONFLICT,
                         "%d runs that never published left records in %s/%s; leat vacuum removes "
                         "them",
                         RECORD_NUMBERS_TRIED, publication->table->storage->url,
                         publication->table->folder);
    if (s != STATUS_OK)
        return s;
    TRY(storage_sync(publication->table->storage, err));
    publication->record_is_put = true;
    return STATUS_OK;
}

/* ---- one try, and as many as it takes ---- */

static status replay_old(struct publication *publication, struct error *err)
{
    const struct snapshot *now = &publication->now;
    const struct replay_request request = {.version = now->version};
    return replay_log(publication->table, &now->log, &request, &publication->old, err);
}

static status prepare(struct publication *publication, struct error *err)
{
    snapshot_release(&publication->now);
    replay_release(&publication->old);
    TRY(snapshot_read(publication->table, &publication->now, err));
    if (text_equal(publication->now.own_run, publication->request->record->run_id))
        return STATUS_END; /* it is there already */
    TRY(check_stream(publication, err));
    TRY(check_table(publication, err));
    TRY(check_foreign(publication, err));
    TRY(plan_definition(publication, err));
    TRY(put_record(publication, err));
    if (takes_away(publication->request) && publication->now.version >= 0)
        return replay_old(publication, err);
    return STATUS_OK;
}

/* The put failed in a way that leaves open whether the version is there. */
static status settle_doubt(const struct publication *publication, int64_t version,
                           status_code failed, struct error *err)
{
    struct error own = {0};
    bool ours = false;
    status_code s = delta_names_run(publication->table, version,
                                    publication->request->record->run_id, &ours, &own);
    if (s == STATUS_OK && ours)
        return STATUS_OK;
    if (s == STATUS_OK || s == STATUS_NOT_FOUND)
        return failed;
    return error_set(err, STATUS_IN_DOUBT,
                     "whether version %lld was published is not known: %s; nothing was removed, "
                     "leat runs finds out",
                     (long long)version, own.text);
}

static status make_name_durable(const struct publication *publication, int64_t version,
                                struct error *err)
{
    struct error own = {0};
    if (storage_sync(publication->table->storage, &own) == STATUS_OK)
        return STATUS_OK;
    return error_set(err, STATUS_IN_DOUBT,
                     "version %lld is visible, but may not outlive a power cut: %s",
                     (long long)version, own.text);
}

static void wait_a_little(unsigned tries)
{
    struct error ignored = {0};
    uint32_t bits = 0;
    unsigned most_ms = tries < 6 ? 4u << tries : 200;
    if (random_fill(&bits, sizeof(bits), &ignored) == STATUS_OK)
        clock_sleep_ms(1 + (int64_t)(bits % most_ms));
}

static status publish_once(struct publication *publication, int64_t *out_version, struct error *err)
{
    status_code s = prepare(publication, err);
    int64_t version = publication->now.version + 1;
    if (s == STATUS_OK) {
        s = version_put(publication, version, err);
        if (s == STATUS_EXISTS)
            return s;
        if (s != STATUS_OK)
            s = settle_doubt(publication, version, s, err);
    } else if (s == STATUS_END) {
        version = publication->now.own_version;
        s = STATUS_OK;
    }
    if (s != STATUS_OK)
        return s;
    TRY(make_name_durable(publication, version, err));
    *out_version = version;
    return STATUS_OK;
}

status delta_publish(struct table *table, const struct publish_request *request,
                     int64_t *out_version, struct error *err)
{
    SCOPED(publication_release)
    struct publication publication = {
        .table = delta_table(table),
        .request = request,
        .base = request->base,
        .now = {.own_version = -1},
    };
    TRY(delta_check_schema(request->table_schema, err));
    TRY(check_files(&publication, err));
    TRY(check_age(&publication, err));
    for (unsigned tries = 0; tries < PUBLISH_TRIES; tries++) {
        status_code s = publish_once(&publication, out_version, err);
        if (s != STATUS_EXISTS)
            return s;
        wait_a_little(tries);
    }
    return error_set(err, STATUS_CONFLICT,
                     "other writers of %s were faster %d times; run again when they are fewer",
                     publication.table->storage->url, PUBLISH_TRIES);
}
