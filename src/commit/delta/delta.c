/* Delta tables: opening one, and the state it is in. The protocol of publishing is drawn in publish.c, how
 * the log is read in snapshot.c. */
#include "commit/delta/delta.h"

#include <string.h>

#include "base/text.h"
#include "commit/delta/driver.h"
#include "commit/delta/schema.h"
#include "commit/delta/value.h"

enum { RECORD_LIMIT_BYTES = 256 * 1024 * 1024 };

static void delta_limit_memory(struct table *table, uint64_t bytes)
{
    delta_table(table)->memory_limit = bytes;
}

static void delta_close(struct table *table)
{
    struct delta_table *delta = delta_table(table);
    if (!delta)
        return;
    mem_free(delta->stream);
    mem_free(delta->folder);
    mem_free(delta);
}

static status delta_open(struct storage *storage, const char *stream,
                         const struct option_values *options, struct table **out, struct error *err)
{
    struct delta_table *delta = mem_zalloc(sizeof(*delta));
    if (!delta)
        return error_no_memory(err);
    delta->storage = storage;
    delta->stream = mem_strdup(stream);
    delta->folder = delta_folder(stream);
    status s = STATUS_OK;
    if (!delta->stream || !delta->folder)
        s = error_no_memory(err);
    else if (!storage_name_valid(delta->folder))
        s = error_set(err, STATUS_BAD_CONFIG,
                      "the stream's name \"%.80s\" is empty or too long for a folder of its "
                      "records; give it a shorter one with object:",
                      stream);
    if (s != STATUS_OK)
        delta_close((struct table *)delta);
    else
        *out = (struct table *)delta;
    return s;
}

static status delta_check(struct table *table, const struct schema *schema, struct error *err)
{
    return delta_check_schema(schema, err);
}

static status delta_describe_file(const struct schema *data_schema, const struct new_file *file,
                                  struct text *out, struct error *err)
{
    return value_append_stats(out, data_schema, file, err);
}

/* ---- load ---- */

static status load_partition_columns(const struct snapshot *snapshot, struct table_state *out,
                                     struct error *err)
{
    const json_t *array = json_object_get(snapshot->metadata, "partitionColumns");
    size_t n = json_array_size(array);
    const char **names = arena_alloc(&out->arena, (n + 1) * sizeof(*names));
    if (!names)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(array, i));
        if (!name)
            return error_set(err, STATUS_BAD_DATA, "metaData: a partition column has no name");
        names[i] = arena_strdup(&out->arena, name);
        if (!names[i])
            return error_no_memory(err);
    }
    out->partition_columns = names;
    return STATUS_OK;
}

static int32_t field_id_of(const struct run_record *record, const char *name)
{
    const struct schema *schemas[] = {&record->contract, &record->partition_keys};
    for (size_t i = 0; i < 2; i++) {
        size_t at = schema_find(schemas[i], name);
        if (at != SIZE_MAX)
            return schemas[i]->fields[at].field_id;
    }
    return 0;
}

static status load_schema(const struct snapshot *snapshot, struct table_state *out,
                          struct error *err)
{
    const char *text;
    TRY(json_get_text(snapshot->metadata, "schemaString", "metaData", &text, err));
    TRY_IN(delta_schema_parse(text, strlen(text), &out->schema, err), err, "in the schema of %s",
           snapshot->table_id);
    for (size_t i = 0; out->has_record && i < out->schema.n_fields; i++)
        out->schema.fields[i].field_id = field_id_of(&out->record, out->schema.fields[i].name);
    return load_partition_columns(snapshot, out, err);
}

static status hold(struct table_state *out, const char *sentence, struct error *err)
{
    if (!sentence)
        return error_no_memory(err);
    if (!out->hold)
        out->hold = sentence;
    return STATUS_OK;
}

/* A record that is not there, or not this table's, never means a first load: it holds. */
static status load_record(const struct delta_table *table, const struct snapshot *snapshot,
                          struct table_state *out, struct error *err)
{
    SCOPED(mem_freep) char *name = delta_record_name(table->folder, snapshot->own_number);
    SCOPED(mem_freep) char *text = NULL;
    size_t size;
    if (!name)
        return error_no_memory(err);
    status_code s = storage_get(table->storage, name, RECORD_LIMIT_BYTES, &text, &size, err);
    if (s == STATUS_NOT_FOUND)
        return hold(out,
                    arena_printf(&out->arena,
                                 "version %lld names the record %s, which is missing: where the "
                                 "stream stands is not known. Choose: restore the record, or %s",
                                 (long long)snapshot->own_version, name,
                                 "leat run --mode full-refresh --accept-foreign loads the table "
                                 "again"),
                    err);
    if (s != STATUS_OK)
        return s;
    TRY_IN(record_read(text, size, &out->record, err), err, "in %s/%s", table->storage->url, name);
    out->has_record = true;
    if (text_equal(out->record.table_id, snapshot->table_id) &&
        text_equal(snapshot->own_table_id, snapshot->table_id) &&
        text_equal(out->record.stream, table->stream) && out->record.number == snapshot->own_number)
        return STATUS_OK;
    return hold(out,
                arena_printf(&out->arena,
                             "the record %s is of table %s, stream %s, and this is table %s: the "
                             "table or its records were copied or made anew. Choose: "
                             "leat run --mode full-refresh --accept-foreign loads the table again",
                             name, out->record.table_id, out->record.stream, snapshot->table_id),
                err);
}

static void count_foreign(const struct snapshot *snapshot, struct table_state *out)
{
    out->has_other_data = snapshot->other_data;
    out->foreign_commits = snapshot->n_foreign;
    for (size_t i = 0; i < snapshot->n_foreign; i++) {
        out->foreign_rows += snapshot->foreign[i].rows_added;
        out->has_other_data |= snapshot->foreign[i].files_added > 0;
    }
}

/* What others did between our last run and the JSON that is left was seen by nobody. */
static status hold_hidden(const struct snapshot *snapshot, struct table_state *out,
                          struct error *err)
{
    if (!snapshot->own_is_hidden)
        return STATUS_OK;
    return hold(out,
                arena_printf(&out->arena,
                             "the log begins at version %lld, and this stream's last run (record "
                             "%lld) was published before it; what others did in between is not "
                             "known, for the log's clean-up removed it "
                             "(delta.logRetentionDuration). Choose: " HOLD_CHOICES,
                             (long long)snapshot->log.json_from, (long long)snapshot->own_number),
                err);
}

static status fill_state(const struct delta_table *table, const struct snapshot *snapshot,
                         struct table_state *out, struct error *err)
{
    out->version = snapshot->version;
    out->record_version = snapshot->own_version;
    out->record_number = snapshot->own_number;
    out->file_retention_s = -1;
    out->exists = snapshot->version >= 0;
    if (!out->exists)
        return STATUS_OK;
    out->table_id = arena_strdup(&out->arena, snapshot->table_id);
    if (!out->table_id)
        return error_no_memory(err);
    out->file_retention_s = snapshot_file_retention_s(snapshot);
    count_foreign(snapshot, out);
    TRY(hold_protocol(snapshot, &out->arena, &out->hold, err));
    if (snapshot->own_version >= 0) {
        TRY(load_record(table, snapshot, out, err));
        TRY(hold_hidden(snapshot, out, err));
        if (!out->hold)
            TRY(hold_foreign(snapshot, snapshot->own_version, false, &out->arena, &out->hold, err));
    }
    return load_schema(snapshot, out, err);
}

static status delta_load(struct table *table, struct table_state *out, struct error *err)
{
    SCOPED(snapshot_release) struct snapshot snapshot = {0};
    SCOPED(table_state_release) struct table_state state = {0};
    TRY(snapshot_read(delta_table(table), &snapshot, err));
    TRY_IN(fill_state(delta_table(table), &snapshot, &state, err), err, "in the table %s",
           delta_table(table)->storage->url);
    *out = state;
    state = (struct table_state){0}; /* the caller's now */
    return STATUS_OK;
}

/* ---- find a run ---- */

struct run_search {
    const char *run_id;
    bool found;
};

static status_code see_info(void *context, const struct action *action, struct error *err)
{
    struct run_search *search = context;
    SCOPED(json_release) json_t *info = NULL;
    if (action->kind == ACTION_COMMIT_INFO) {
        TRY(action_json(action, &info, err));
        search->found =
            text_equal(json_string_value(json_object_get(json_object_get(info, "leat"), "runId")),
                       search->run_id);
    }
    return STATUS_END; /* ours begin with it */
}

status delta_names_run(const struct delta_table *table, int64_t version, const char *run_id,
                       bool *out, struct error *err)
{
    struct log_reader reader;
    struct run_search search = {.run_id = run_id};
    TRY(log_open(table->storage, version, LOG_HEAD_BYTES, &reader, err));
    status s = log_each(&reader, ACTIONS_ALL, see_info, &search, err);
    log_close(&reader);
    *out = search.found;
    return s;
}

/* The stream's last run is told of by a checkpoint alone: its record says which run that was. */
static status find_hidden(const struct delta_table *table, const char *run_id, int64_t *out_version,
                          struct error *err)
{
    SCOPED(snapshot_release) struct snapshot snapshot = {0};
    SCOPED(table_state_release) struct table_state state = {0};
    TRY(snapshot_read(table, &snapshot, err));
    if (!snapshot.own_is_hidden)
        return STATUS_OK;
    TRY(load_record(table, &snapshot, &state, err));
    if (state.has_record && text_equal(state.record.run_id, run_id))
        *out_version = snapshot.own_version;
    return STATUS_OK;
}

static status find_in_json(const struct delta_table *table, const struct log_listing *log,
                           const char *run_id, int64_t *out_version, struct error *err)
{
    *out_version = -1;
    for (int64_t v = log->newest; v >= 0 && v >= log->json_from; v--) {
        bool found;
        TRY(delta_names_run(table, v, run_id, &found, err));
        if (found) {
            *out_version = v;
            return STATUS_OK;
        }
    }
    return log->json_from > 0 ? find_hidden(table, run_id, out_version, err) : STATUS_OK;
}

static status delta_find_run(struct table *table, const char *run_id, int64_t *out_version,
                             struct error *err)
{
    struct log_listing log;
    TRY(listing_read(delta_table(table)->storage, &log, err));
    status s = find_in_json(delta_table(table), &log, run_id, out_version, err);
    listing_release(&log);
    return s;
}

static const struct option_spec no_options[] = {{0}};

const struct commit_driver commit_delta = {
    .name = "delta",
    .options = no_options,
    .open = delta_open,
    .limit_memory = delta_limit_memory,
    .load = delta_load,
    .carry = delta_carry,
    .check_schema = delta_check,
    .describe_file = delta_describe_file,
    .publish = delta_publish,
    .find_run = delta_find_run,
    .after_publish = delta_after_publish,
    .each_file = delta_each_file,
    .vacuum = delta_vacuum,
    .close = delta_close,
};
