/* What others did to the table that a person must decide about. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "commit/delta/delta.h"

/* "version 12 (OPTIMIZE by Apache-Spark/3.5.1, 2026-11-23T09:00:00.000000Z)" */
static void append_who(struct text *text, const struct foreign_commit *commit)
{
    char time[32];
    text_printf(text, "version %lld (%s by %s", (long long)commit->version,
                *commit->operation ? commit->operation : "an operation without a name",
                *commit->engine ? commit->engine : "an unnamed writer");
    if (commit->time_ms > 0 && commit->time_ms < INT64_MAX / 1000) {
        clock_format_utc(commit->time_ms * 1000, time);
        text_printf(text, ", %s", time);
    }
    text_append_char(text, ')');
}

static bool is_restore(const struct foreign_commit *commit)
{
    return strcmp(commit->operation, "RESTORE") == 0;
}

static bool forbids(const struct foreign_commit *commit, bool adds_too)
{
    return commit->files_removed || commit->metadata || commit->deletion_vectors ||
           is_restore(commit) || (adds_too && commit->files_added);
}

static void append_what(struct text *text, const struct foreign_commit *commit)
{
    char count[32];
    append_who(text, commit);
    if (is_restore(commit))
        text_append(text, " put an older state of the table back");
    else if (commit->files_removed && commit->files_added)
        text_printf(text, " replaced the rows of %s files",
                    text_format_count(commit->files_removed, count));
    else if (commit->files_removed)
        text_printf(text, " removed the rows of %s files",
                    text_format_count(commit->files_removed, count));
    else if (commit->deletion_vectors)
        text_append(text, " marked rows as deleted");
    else if (commit->metadata)
        text_append(text, " changed the table's schema or properties");
    else
        text_printf(text, " added %s files", text_format_count(commit->files_added, count));
}

/* A sentence that has no memory must not pass for none. */
static status keep_sentence(const char *sentence, const char **out, struct error *err)
{
    if (!sentence)
        return error_no_memory(err);
    *out = sentence;
    return STATUS_OK;
}

status hold_foreign(const struct snapshot *snapshot, int64_t since, bool adds_too,
                    struct arena *arena, const char **out, struct error *err)
{
    const struct foreign_commit *first = NULL;
    size_t more = 0;
    struct text text = {0};
    for (size_t i = 0; i < snapshot->n_foreign; i++) {
        const struct foreign_commit *commit = &snapshot->foreign[i];
        if (commit->version <= since || !forbids(commit, adds_too))
            continue;
        more += first != NULL;
        first = commit; /* newest first: the last one seen is the oldest */
    }
    if (!first) {
        *out = NULL;
        return STATUS_OK;
    }
    append_what(&text, first);
    if (more)
        text_printf(&text, ", and %zu later versions did such things too", more);
    text_printf(&text, ", since this stream's last run. Choose: %s", HOLD_CHOICES);
    char *sentence = text.failed ? NULL : arena_strdup(arena, text_string(&text));
    text_release(&text);
    return keep_sentence(sentence, out, err);
}

/* ---- protocol ---- */

static const char *const known_features[] = {"timestampNtz", "appendOnly",   "invariants",
                                             "v2Checkpoint", "typeWidening", NULL};

static const char *unknown_feature(const json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        bool known = false;
        for (const char *const *name = known_features; *name; name++)
            known |= text_equal(json_string_value(item), *name);
        if (!known)
            return json_string_value(item) ? json_string_value(item) : "?";
    }
    return NULL;
}

status hold_protocol(const struct snapshot *snapshot, struct arena *arena, const char **out,
                     struct error *err)
{
    int64_t reader = json_integer_value(json_object_get(snapshot->protocol, "minReaderVersion"));
    int64_t writer = json_integer_value(json_object_get(snapshot->protocol, "minWriterVersion"));
    const char *feature = unknown_feature(json_object_get(snapshot->protocol, "readerFeatures"));
    if (!feature)
        feature = unknown_feature(json_object_get(snapshot->protocol, "writerFeatures"));
    if (feature)
        return keep_sentence(
            arena_printf(arena,
                         "the table uses the feature %s (version %lld), which leat can't keep; "
                         "drop the feature or load into a new table",
                         feature, (long long)snapshot->protocol_version),
            out, err);
    if ((reader != 1 && reader != 3) || (writer > 2 && writer != 7))
        return keep_sentence(
            arena_printf(arena,
                         "the table asks for reader version %lld and writer version %lld "
                         "(version %lld); leat keeps 1 and 2, or 3 and 7 with timestampNtz; load "
                         "into a new table",
                         (long long)reader, (long long)writer,
                         (long long)snapshot->protocol_version),
            out, err);
    const char *schema = json_string_value(json_object_get(snapshot->metadata, "schemaString"));
    *out = schema && strstr(schema, "delta.invariants")
               ? "the table's columns carry invariants (delta.invariants), which leat can't "
                 "check; remove them or load into a new table"
               : NULL;
    return STATUS_OK;
}
