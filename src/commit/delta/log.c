#include "commit/delta/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *log_version_name(int64_t version, char out[LOG_NAME_BYTES])
{
    snprintf(out, LOG_NAME_BYTES, DELTA_LOG "/%020" PRId64 ".json", version);
    return out;
}

/* ---- which versions there are ---- */

struct versions {
    int64_t first, newest, gap, checkpoint; /* -1: none */
};

/* NAME is a name in the log folder: its version, and what stands behind the 20 digits. */
static bool version_of(const char *name, int64_t *out, const char **out_rest)
{
    name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    if (strspn(name, "0123456789") != 20 || !text_parse_int64(name, 20, out))
        return false;
    *out_rest = name + 20;
    return true;
}

static status_code see_version(void *context, const struct storage_entry *entry, struct error *err)
{
    struct versions *versions = context;
    int64_t version;
    const char *rest;
    if (entry->is_prefix || !version_of(entry->name, &version, &rest))
        return STATUS_OK;
    if (text_starts_with(rest, ".checkpoint"))
        versions->checkpoint = version;
    if (strcmp(rest, ".json") != 0)
        return STATUS_OK;
    if (versions->first < 0)
        versions->first = version;
    else if (version != versions->newest + 1 && versions->gap < 0)
        versions->gap = versions->newest + 1;
    versions->newest = version;
    return STATUS_OK;
}

static status cut_off(const struct storage *storage, const struct versions *versions,
                      struct error *err)
{
    if (versions->checkpoint >= 0)
        return error_set(err, STATUS_HELD,
                         "the log of %s begins at version %lld behind the checkpoint of version "
                         "%lld: another writer removed the JSON before it, and leat can't read "
                         "checkpoints yet; keep the log's JSON files "
                         "(delta.logRetentionDuration) or load into a new table",
                         storage->url, (long long)versions->first, (long long)versions->checkpoint);
    return error_set(err, STATUS_HELD,
                     "the log of %s begins at version %lld, versions before it are missing; "
                     "restore them or load into a new table",
                     storage->url, (long long)versions->first);
}

status log_newest(struct storage *storage, int64_t *out, struct error *err)
{
    struct versions versions = {-1, -1, -1, -1};
    TRY(storage_list(storage, DELTA_LOG, true, see_version, &versions, err));
    if (versions.first > 0 || (versions.first < 0 && versions.checkpoint >= 0))
        return cut_off(storage, &versions, err);
    if (versions.gap >= 0)
        return error_set(err, STATUS_HELD,
                         "version %lld is missing in the log of %s, which goes on to %lld; what it "
                         "did is not known; restore the file or load into a new table",
                         (long long)versions.gap, storage->url, (long long)versions.newest);
    *out = versions.newest;
    return STATUS_OK;
}

/* ---- lines ---- */

status log_open(struct storage *storage, int64_t version, size_t chunk, struct log_reader *out,
                struct error *err)
{
    char name[LOG_NAME_BYTES];
    struct log_reader reader = {.storage = storage, .version = version, .chunk = chunk};
    TRY(storage_object_open(storage, log_version_name(version, name), &reader.object, &reader.size,
                            err));
    *out = reader;
    return STATUS_OK;
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
        return error_set(err, STATUS_BAD_DATA, "a line of version %lld has more than %d bytes",
                         (long long)reader->version, LOG_LINE_LIMIT);
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
        return error_set(err, STATUS_BAD_DATA, "version %lld of the log is empty: it was torn",
                         (long long)reader->version);
    struct slice line;
    do
        TRY(next_line(reader, &line, err));
    while (is_blank(line));
    *out = line;
    return STATUS_OK;
}

/* ---- actions ---- */

status log_bad_line(const struct log_reader *reader, const char *action, struct error *err)
{
    char name[LOG_NAME_BYTES];
    return error_set(err, STATUS_BAD_DATA, "%s in %s of %s is not as the Delta protocol has it",
                     action, log_version_name(reader->version, name), reader->storage->url);
}

status log_action(const struct log_reader *reader, struct slice line, enum action_kind *out,
                  struct scan *out_scan, struct error *err)
{
    static const char *const names[] = {
        [ACTION_COMMIT_INFO] = "commitInfo",
        [ACTION_PROTOCOL] = "protocol",
        [ACTION_METADATA] = "metaData",
        [ACTION_TXN] = "txn",
        [ACTION_ADD] = "add",
        [ACTION_REMOVE] = "remove",
    };
    struct scan scan = {.at = line.data, .end = line.data + line.size};
    struct slice key;
    if (!scan_object(&scan) || !scan_member(&scan, &key))
        return log_bad_line(reader, "a line", err);
    *out = ACTION_OTHER;
    for (size_t i = ACTION_COMMIT_INFO; i <= ACTION_REMOVE; i++)
        if (slice_is(key, names[i]))
            *out = (enum action_kind)i;
    *out_scan = scan;
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
    if (is_null(value))
        return true;
    if (slice_is(key, "partitionValues"))
        out->partition_values = value;
    if (slice_is(key, "tags"))
        out->tags = value;
    if (slice_is(key, "deletionVector"))
        out->has_deletion_vector = true;
    if (slice_is(key, "size"))
        return text_parse_int64(value.data, value.size, &out->size);
    if (slice_is(key, "modificationTime"))
        return text_parse_int64(value.data, value.size, &out->modified_ms);
    if (slice_is(key, "deletionTimestamp"))
        return text_parse_int64(value.data, value.size, &out->deleted_ms);
    return true;
}

status log_file_action(const struct log_reader *reader, struct scan *scan, struct file_action *out,
                       struct error *err)
{
    struct file_action action = {.size = -1, .data_change = true};
    struct slice key;
    bool good = scan_object(scan);
    while (good && scan_member(scan, &key))
        good = take_member(scan, key, &action);
    if (!good || scan->bad || !action.path.data)
        return log_bad_line(reader, "an add or remove", err);
    *out = action;
    return STATUS_OK;
}

status log_stats_rows(struct slice stats, uint64_t *out, struct error *err)
{
    struct arena arena = {0};
    size_t size = 0;
    int64_t rows = -1;
    char *text = NULL;
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

/* ---- building lines ---- */

void json_append(struct text *text, const char *bytes, size_t size)
{
    size_t from = 0;
    text_append_char(text, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            continue;
        text_append_bytes(text, bytes + from, i - from);
        if (c == '"' || c == '\\')
            text_printf(text, "\\%c", c);
        else
            text_printf(text, "\\u%04x", c);
        from = i + 1;
    }
    if (size > from)
        text_append_bytes(text, bytes + from, size - from);
    text_append_char(text, '"');
}

void json_append_text(struct text *text, const char *string)
{
    json_append(text, string, strlen(string));
}
