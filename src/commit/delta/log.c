#include "commit/delta/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "json/json.h"

const char *log_version_name(int64_t version, char out[LOG_NAME_BYTES])
{
    snprintf(out, LOG_NAME_BYTES, DELTA_LOG "/%020" PRId64 ".json", version);
    return out;
}

/* ---- lines ---- */

status log_open_object(struct storage *storage, const char *name, int64_t version, size_t chunk,
                       struct log_reader *out, struct error *err)
{
    struct log_reader reader = {.storage = storage, .version = version, .chunk = chunk};
    TRY(storage_object_open(storage, name, &reader.object, &reader.size, err));
    snprintf(reader.name, sizeof(reader.name), "%s", name);
    *out = reader;
    return STATUS_OK;
}

status log_open(struct storage *storage, int64_t version, size_t chunk, struct log_reader *out,
                struct error *err)
{
    char name[LOG_NAME_BYTES];
    return log_open_object(storage, log_version_name(version, name), version, chunk, out, err);
}

void log_close(struct log_reader *reader)
{
    storage_object_close(reader->storage, reader->object);
    buffer_release(&reader->buffer);
    *reader = (struct log_reader){0};
}

/* Read the next chunk behind what is left of the last. */
static status read_more(struct log_reader *reader, struct error *err)
{
    struct buffer *buffer = &reader->buffer;
    size_t left = buffer->size - reader->at;
    if (left > 0 && reader->at > 0)
        memmove(buffer->data, buffer->data + reader->at, left);
    buffer->size = left;
    reader->at = 0;
    if (left > LOG_LINE_LIMIT)
        return error_set(err, STATUS_BAD_DATA, "a line of %s has more than %d bytes", reader->name,
                         LOG_LINE_LIMIT);
    uint64_t rest = reader->size - reader->offset;
    size_t size = rest < reader->chunk ? (size_t)rest : reader->chunk;
    reader->chunk = LOG_CHUNK_BYTES;
    TRY(buffer_reserve(buffer, left + size, err));
    TRY(storage_object_read(reader->storage, reader->object, reader->offset, buffer->data + left,
                            size, err));
    buffer->size += size;
    reader->offset += size;
    return STATUS_OK;
}

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.size; i++)
        if (!strchr(" \t\r", line.data[i]))
            return false;
    return true;
}

static status next_line(struct log_reader *reader, struct slice *out, struct error *err)
{
    size_t seen = 0;
    for (;;) {
        const char *start = (const char *)reader->buffer.data + reader->at;
        size_t left = reader->buffer.size - reader->at;
        const char *end = left > seen ? memchr(start + seen, '\n', left - seen) : NULL;
        bool all_read = reader->offset == reader->size;
        if (!end && !all_read) {
            seen = left;
            TRY(read_more(reader, err));
            continue;
        }
        if (!end && left == 0)
            return STATUS_END;
        *out = (struct slice){.data = start, .size = end ? (size_t)(end - start) : left};
        reader->at += out->size + (end != NULL);
        return STATUS_OK;
    }
}

status log_next(struct log_reader *reader, struct slice *out, struct error *err)
{
    if (reader->size == 0)
        return error_set(err, STATUS_BAD_DATA, "%s is empty: it was torn", reader->name);
    struct slice line;
    do
        TRY(next_line(reader, &line, err));
    while (is_blank(line));
    *out = line;
    return STATUS_OK;
}

/* ---- actions ---- */

static status bad_line(const struct log_reader *reader, const char *action, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "%s in %s of %s is not as the Delta protocol has it",
                     action, reader->name, reader->storage->url);
}

static const char *const action_names[ACTION_KINDS] = {
    [ACTION_COMMIT_INFO] = "commitInfo",
    [ACTION_PROTOCOL] = "protocol",
    [ACTION_METADATA] = "metaData",
    [ACTION_TXN] = "txn",
    [ACTION_ADD] = "add",
    [ACTION_REMOVE] = "remove",
    [ACTION_CDC] = "cdc",
    [ACTION_CHECKPOINT_METADATA] = "checkpointMetadata",
    [ACTION_SIDECAR] = "sidecar",
};

const char *action_name(enum action_kind kind)
{
    return action_names[kind];
}

/* What LINE is; SCAN stands before the action's value. */
static status begin_action(const struct log_reader *reader, struct slice line,
                           enum action_kind *out, struct scan *scan, struct error *err)
{
    struct slice key;
    *scan = (struct scan){.at = line.data, .end = line.data + line.size};
    if (!scan_object(scan) || !scan_member(scan, &key))
        return bad_line(reader, "a line", err);
    *out = ACTION_OTHER;
    for (unsigned i = ACTION_OTHER + 1; i < ACTION_KINDS; i++)
        if (slice_is(key, action_names[i]))
            *out = (enum action_kind)i;
    return STATUS_OK;
}

static bool is_null(struct slice value)
{
    return slice_is(value, "null");
}

/* One member of add or remove. */
static bool take_member(struct scan *scan, struct slice key, struct file_action *out)
{
    struct slice value;
    if (slice_is(key, "path"))
        return scan_string(scan, &out->path);
    if (slice_is(key, "stats"))
        return scan_string(scan, &out->stats);
    if (slice_is(key, "dataChange"))
        return scan_bool(scan, &out->data_change);
    if (!scan_value(scan, &value))
        return false;
    if (is_null(value) || slice_is(key, "extendedFileMetadata"))
        return true;
    if (slice_is(key, "size"))
        return text_parse_int64(value.data, value.size, &out->size);
    if (slice_is(key, "modificationTime"))
        return text_parse_int64(value.data, value.size, &out->modified_ms);
    if (slice_is(key, "deletionTimestamp"))
        return text_parse_int64(value.data, value.size, &out->deleted_ms);
    if (slice_is(key, "partitionValues"))
        out->partition_values = value;
    else if (slice_is(key, "tags"))
        out->tags = value;
    else
        out->unknown = key;
    out->has_deletion_vector |= slice_is(key, "deletionVector");
    return true;
}

static status take_file(const struct log_reader *reader, struct scan *scan, struct file_action *out,
                        struct error *err)
{
    struct slice key;
    bool good = scan_object(scan);
    *out = (struct file_action){.size = -1, .data_change = true, .rows = UINT64_MAX};
    while (good && scan_member(scan, &key))
        good = take_member(scan, key, out);
    if (!good || scan->bad || !out->path.data)
        return bad_line(reader, "an add or remove", err);
    return STATUS_OK;
}

/* ---- one after the other ---- */

static status_code take_action(const struct log_reader *reader, struct slice line, unsigned kinds,
                               action_fn each, void *context, struct error *err)
{
    struct scan scan;
    struct action action = {.version = reader->version};
    TRY(begin_action(reader, line, &action.kind, &scan, err));
    if (!(kinds & ACTION_BIT(action.kind)))
        return STATUS_OK;
    if (ACTIONS_OF_FILES & ACTION_BIT(action.kind))
        TRY(take_file(reader, &scan, &action.file, err));
    else if (!scan_value(&scan, &action.value))
        return bad_line(reader, "an action", err);
    return each(context, &action, err);
}

status log_each(struct log_reader *reader, unsigned kinds, action_fn each, void *context,
                struct error *err)
{
    struct slice line;
    status_code s;
    while ((s = log_next(reader, &line, err)) == STATUS_OK)
        if ((s = take_action(reader, line, kinds, each, context, err)) != STATUS_OK)
            break;
    return s == STATUS_END ? STATUS_OK : s;
}

status log_each_of_version(struct storage *storage, int64_t version, unsigned kinds, action_fn each,
                           void *context, struct error *err)
{
    struct log_reader reader;
    TRY(log_open(storage, version, LOG_CHUNK_BYTES, &reader, err));
    status s = log_each(&reader, kinds, each, context, err);
    log_close(&reader);
    return s;
}

status action_json(const struct action *action, json_t **out, struct error *err)
{
    const char *what = action_name(action->kind) ? action_name(action->kind) : "an action";
    SCOPED(json_release) json_t *json = NULL;
    TRY_IN(json_parse(action->value.data, action->value.size, what, &json, err), err,
           "in version %lld of the log", (long long)action->version);
    if (!json_is_object(json))
        return error_set(err, STATUS_BAD_DATA, "%s of version %lld is no object", what,
                         (long long)action->version);
    *out = TAKE(json);
    return STATUS_OK;
}

/* ---- statistics ---- */

/* Writers put the number first, so most statistics need not be unescaped for it. */
static bool rows_come_first(struct slice stats, int64_t *out)
{
    static const char start[] = "{\\\"numRecords\\\":";
    size_t at = sizeof(start) - 1;
    if (stats.size <= at || memcmp(stats.data, start, at) != 0)
        return false;
    size_t end = at;
    while (end < stats.size && stats.data[end] >= '0' && stats.data[end] <= '9')
        end++;
    return end < stats.size && strchr(",}", stats.data[end]) &&
           text_parse_int64(stats.data + at, end - at, out);
}

status log_stats_rows(struct slice stats, uint64_t *out, struct error *err)
{
    struct arena arena = {0};
    size_t size = 0;
    int64_t rows = -1;
    char *text = NULL;
    if (stats.data && rows_come_first(stats, &rows)) {
        *out = (uint64_t)rows;
        return STATUS_OK;
    }
    if (stats.data && scan_text(stats, &arena, &text, &size, err) == STATUS_NO_MEMORY)
        return STATUS_NO_MEMORY; /* improper ones tell nothing */
    struct scan scan = {.at = text, .end = text ? text + size : NULL};
    struct slice key;
    if (text && scan_object(&scan))
        while (rows < 0 && scan_member(&scan, &key))
            if (!(slice_is(key, "numRecords") ? scan_int(&scan, &rows) : scan_skip(&scan)))
                break;
    arena_release(&arena);
    *out = rows < 0 ? UINT64_MAX : (uint64_t)rows;
    return STATUS_OK;
}
