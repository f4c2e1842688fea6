/* The lines of a version, and how they get into the log. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "commit/delta/publish.h"
#include "commit/delta/schema.h"
#include "commit/delta/value.h"

/* ---- what was done, and the definition ---- */

static void append_partition_by(struct text *text, const struct schema *keys)
{
    struct text list = {0};
    text_append_char(&list, '[');
    for (size_t i = 0; i < keys->n_fields; i++) {
        if (i)
            text_append_char(&list, ',');
        text_append_json(&list, keys->fields[i].name);
    }
    text_append_char(&list, ']');
    text_append_json(text, text_string(&list));
    text->failed |= list.failed;
    text_release(&list);
}

static void append_metrics(struct text *text, const struct publish_request *request)
{
    uint64_t rows = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < request->n_files; i++) {
        rows += request->files[i].rows;
        bytes += request->files[i].size_bytes;
    }
    text_printf(text,
                "\"operationMetrics\":{\"numFiles\":\"%zu\",\"numOutputRows\":\"%" PRIu64
                "\",\"numOutputBytes\":\"%" PRIu64 "\"}",
                request->n_files, rows, bytes);
}

/* Will files that this stream's runs did not write be live? */
static bool leaves_other_data(const struct publication *publication)
{
    const struct snapshot *now = &publication->now;
    if (publication->request->replace_all)
        return false;
    bool other = now->other_data;
    for (size_t i = 0; i < now->n_foreign; i++)
        other |= now->foreign[i].files_added > 0;
    return other;
}

static status append_commit_info(struct text *text, const struct publication *publication,
                                 int64_t version, struct error *err)
{
    const struct publish_request *request = publication->request;
    const struct snapshot *now = &publication->now;
    char txn_id[37];
    TRY(random_uuid(txn_id, err));
    text_printf(
        text,
        "{\"commitInfo\":{\"timestamp\":%" PRId64
        ",\"operation\":\"WRITE\",\"operationParameters\":{\"mode\":\"%s\",\"partitionBy\":",
        clock_wall_us() / 1000, takes_away(request) ? "Overwrite" : "Append");
    append_partition_by(text, request->partition_keys);
    text_append(text, "},");
    if (now->version >= 0)
        text_printf(text, "\"readVersion\":%" PRId64 ",", now->version);
    text_printf(text, "\"isBlindAppend\":%s,", takes_away(request) ? "false" : "true");
    append_metrics(text, request);
    text_printf(text, ",\"engineInfo\":\"" DELTA_ENGINE "\",\"txnId\":\"%s\",\"leat\":{\"stream\":",
                txn_id);
    text_append_json(text, publication->table->stream);
    text_append(text, ",\"runId\":");
    text_append_json(text, request->record->run_id);
    text_printf(text,
                ",\"metaDataVersion\":%" PRId64 ",\"protocolVersion\":%" PRId64
                ",\"otherData\":%s}}}\n",
                publication->new_metadata ? version : now->metadata_version,
                publication->new_protocol ? version : now->protocol_version,
                leaves_other_data(publication) ? "true" : "false");
    return STATUS_OK;
}

static status append_txn(struct text *text, const struct publication *publication,
                         struct error *err)
{
    const struct run_record *record = publication->request->record;
    SCOPED(mem_freep) char *app = delta_app_id(record->table_id, publication->table->stream);
    if (!app)
        return error_no_memory(err);
    text_append(text, "{\"txn\":{\"appId\":");
    text_append_json(text, app);
    text_printf(text, ",\"version\":%" PRId64 ",\"lastUpdated\":%" PRId64 "}}\n", record->number,
                clock_wall_us() / 1000);
    return STATUS_OK;
}

static bool has_required_column(const struct schema *schema)
{
    for (size_t i = 0; i < schema->n_fields; i++)
        if (!schema->fields[i].nullable)
            return true;
    return false;
}

static void append_feature(struct text *text, const char *name)
{
    if (text->size)
        text_append_char(text, ',');
    text_append_json(text, name);
}

/* Those of LIST, and those that the columns need. */
static void append_features_of(struct text *text, const json_t *list,
                               const struct publication *publication)
{
    const struct {
        const char *name;
        bool needed;
    } features[] = {
        {"timestampNtz", delta_has_ntz(publication->request->table_schema)},
        {"typeWidening", publication->widens},
    };
    size_t i;
    json_t *item;
    bool listed[2] = {false, false};
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(item);
        for (size_t f = 0; f < 2; f++)
            listed[f] |= text_equal(name, features[f].name);
        if (name)
            append_feature(text, name);
    }
    for (size_t f = 0; f < 2; f++)
        if (features[f].needed && !listed[f])
            append_feature(text, features[f].name);
}

/* Features of a writer: what writer version 2 stood for must be said once features are listed; NOT NULL is an
 * invariant. */
static void append_writer_features(struct text *text, const struct publication *publication)
{
    const struct snapshot *now = &publication->now;
    const json_t *listed = json_object_get(now->protocol, "writerFeatures");
    append_features_of(text, listed, publication);
    if (listed)
        return;
    if (now->version >= 0)
        append_feature(text, "appendOnly");
    if (now->version >= 0 || has_required_column(publication->request->table_schema))
        append_feature(text, "invariants");
}

/* The least that the columns need; a table that has features already keeps them. */
static status append_protocol(struct text *text, const struct publication *publication,
                              struct error *err)
{
    SCOPED(text_release) struct text readers = {0};
    SCOPED(text_release) struct text writers = {0};
    const json_t *protocol = publication->now.protocol;
    if (!delta_has_ntz(publication->request->table_schema) && !publication->widens) {
        text_append(text, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n");
        return STATUS_OK;
    }
    append_features_of(&readers, json_object_get(protocol, "readerFeatures"), publication);
    append_writer_features(&writers, publication);
    text_printf(text,
                "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                "\"readerFeatures\":[%s],\"writerFeatures\":[%s]}}\n",
                text_string(&readers), text_string(&writers));
    TRY(text_check(&readers, err));
    return text_check(&writers, err);
}

/* A type may only be changed while the table says so. */
static status append_configuration(struct text *text, const struct publication *publication,
                                   struct error *err)
{
    const json_t *was = json_object_get(publication->now.metadata, "configuration");
    SCOPED(json_release)
    json_t *configuration = json_is_object(was) ? json_copy((json_t *)was) : json_object();
    SCOPED(mem_freep) char *json = NULL;
    if (publication->widens &&
        json_object_set_new(configuration, "delta.enableTypeWidening", json_string("true")) != 0)
        return error_no_memory(err);
    json = configuration ? json_write(configuration, NULL) : NULL;
    if (!json)
        return error_no_memory(err);
    text_append(text, json);
    return STATUS_OK;
}

static status append_metadata(struct text *text, const struct publication *publication,
                              struct error *err)
{
    const struct publish_request *request = publication->request;
    const json_t *was = publication->now.metadata;
    struct text schema = {0};
    const json_t *created = json_object_get(was, "createdTime");
    text_append(text, "{\"metaData\":{\"id\":");
    text_append_json(text, request->record->table_id);
    if (json_is_string(json_object_get(was, "name"))) {
        text_append(text, ",\"name\":");
        text_append_json(text, json_string_value(json_object_get(was, "name")));
    }
    text_append(text, ",\"format\":{\"provider\":\"parquet\",\"options\":{}},\"schemaString\":");
    status s = delta_schema_append(&schema, request->table_schema,
                                   json_string_value(json_object_get(was, "schemaString")),
                                   !request->replace_all, err);
    if (s == STATUS_OK)
        text_append_json(text, text_string(&schema));
    text_release(&schema);
    if (s != STATUS_OK)
        return s;
    text_append(text, ",\"partitionColumns\":[");
    for (size_t i = 0; i < request->partition_keys->n_fields; i++) {
        if (i)
            text_append_char(text, ',');
        text_append_json(text, request->partition_keys->fields[i].name);
    }
    text_append(text, "],\"configuration\":");
    TRY(append_configuration(text, publication, err));
    text_printf(text, ",\"createdTime\":%" PRId64 "}}\n",
                json_is_integer(created) ? (int64_t)json_integer_value(created)
                                         : clock_wall_us() / 1000);
    return STATUS_OK;
}

/* ---- files ---- */

static bool is_listed(const char *const *values, const char *value)
{
    for (; values && *values; values++)
        if (strcmp(*values, value) == 0)
            return true;
    return false;
}

/* An empty partition value is NULL: protocol, "Partition Value Serialization". */
static status goes(const struct publish_request *request, const struct replay_file *file,
                   struct arena *arena, bool *out, struct error *err)
{
    const char *value;
    *out = file->live && request->replace_all;
    if (!file->live || request->replace_all || request->partition_keys->n_fields != 1)
        return STATUS_OK;
    TRY(replay_partition_value(file, request->partition_keys->fields[0].name, arena, &value, err));
    *out = is_listed(request->replaced_values, value && *value ? value : "NULL");
    return STATUS_OK;
}

static void append_remove(struct text *text, const struct replay_file *file, int64_t now_ms)
{
    text_append(text, "{\"remove\":{\"path\":\"");
    text_append_bytes(text, file->path.data, file->path.size);
    text_printf(text,
                "\",\"deletionTimestamp\":%" PRId64
                ",\"dataChange\":true,\"extendedFileMetadata\":true,\"partitionValues\":",
                now_ms);
    if (file->partition.data)
        text_append_bytes(text, file->partition.data, file->partition.size);
    else
        text_append(text, "{}");
    text_printf(text, ",\"size\":%" PRId64 "}}\n", file->size < 0 ? 0 : file->size);
}

static status append_stats(struct text *text, const struct publish_request *request, size_t number,
                           struct error *err)
{
    struct text stats = {0};
    status s = request->file_stats
                   ? request->file_stats(request->file_stats_context, number, &stats, err)
                   : value_append_stats(&stats, request->data_schema, &request->files[number], err);
    if (s == STATUS_OK)
        s = text_check(&stats, err);
    if (s == STATUS_OK)
        text_append_json_bytes(text, text_string(&stats), stats.size);
    text_release(&stats);
    return s;
}

static status append_add(struct text *text, const struct publish_request *request, size_t number,
                         struct error *err)
{
    const struct new_file *file = &request->files[number];
    text_append(text, "{\"add\":{\"path\":");
    value_append_path(text, file->path);
    text_append(text, ",\"partitionValues\":{");
    for (size_t i = 0; i < request->partition_keys->n_fields; i++) {
        if (i)
            text_append_char(text, ',');
        text_append_json(text, request->partition_keys->fields[i].name);
        text_append_char(text, ':');
        TRY(value_append_partition(text, &file->partition_values[i], err));
    }
    text_printf(text,
                "},\"size\":%" PRIu64 ",\"modificationTime\":%" PRId64
                ",\"dataChange\":true,\"stats\":",
                file->size_bytes, file->modified_us / 1000);
    TRY(append_stats(text, request, number, err));
    text_append(text, "}}\n");
    return STATUS_OK;
}

/* ---- writing them ---- */

struct version_writer {
    struct storage *storage;
    struct upload *upload;
    struct text text;
};

enum { WRITER_FLUSH_BYTES = 256 * 1024 };

static status writer_flush(struct version_writer *writer, size_t above, struct error *err)
{
    if (writer->text.size <= above && !writer->text.failed)
        return STATUS_OK;
    TRY(text_check(&writer->text, err));
    TRY(storage_put_write(writer->storage, writer->upload, text_string(&writer->text),
                          writer->text.size, err));
    writer->text.size = 0;
    return STATUS_OK;
}

/* What tells whose commit it is stands first, so that later runs need to read no further. */
static status write_lines(struct version_writer *writer, const struct publication *publication,
                          int64_t version, struct error *err)
{
    const struct publish_request *request = publication->request;
    const struct replay *old = &publication->old;
    int64_t now_ms = clock_wall_us() / 1000;
    TRY(append_commit_info(&writer->text, publication, version, err));
    TRY(append_txn(&writer->text, publication, err));
    if (publication->new_protocol)
        TRY(append_protocol(&writer->text, publication, err));
    if (publication->new_metadata)
        TRY(append_metadata(&writer->text, publication, err));
    SCOPED(arena_release) struct arena scratch = {0};
    for (size_t i = 0; i < old->n_files; i++) {
        bool gone;
        TRY(goes(request, old->files[i], &scratch, &gone, err));
        if (gone)
            append_remove(&writer->text, old->files[i], now_ms);
        TRY(writer_flush(writer, WRITER_FLUSH_BYTES, err));
    }
    for (size_t i = 0; i < request->n_files; i++) {
        TRY(append_add(&writer->text, request, i, err));
        TRY(writer_flush(writer, WRITER_FLUSH_BYTES, err));
    }
    return writer_flush(writer, 0, err);
}

status version_put(const struct publication *publication, int64_t version, struct error *err)
{
    char name[LOG_NAME_BYTES];
    struct version_writer writer = {.storage = publication->table->storage};
    TRY(storage_put_begin(writer.storage, log_version_name(version, name), PUT_IF_ABSENT_DURABLE,
                          &writer.upload, err));
    status s = write_lines(&writer, publication, version, err);
    text_release(&writer.text);
    if (s == STATUS_OK)
        return storage_put_commit(writer.storage, writer.upload, err);
    storage_put_abort(writer.storage, writer.upload);
    return s;
}
