/* Words that need or exclude each other. A word from defaults that a stream can't use is passed over where it does no
 * harm; the same word in the stream itself is a mistake. */
#include <string.h>

#include "base/text.h"
#include "job/stream.h"

static const struct yaml_node *own(const struct stream_words *words, const char *key)
{
    const struct yaml_node *node = yaml_get(words->own, key);
    return node && node->kind != YAML_NULL ? node : NULL;
}

static status check_query(struct job_reader *reader, const struct stream_words *words,
                          const struct stream_spec *spec, struct error *err)
{
    if (!spec->query)
        return STATUS_OK;
    const struct yaml_node *query = yaml_get(words->map, "query");
    if (spec->pattern)
        return yaml_error_key(&reader->yaml, query, err,
                              "query needs a stream with one name; \"%s\" is a pattern",
                              spec->name);
    if (spec->select)
        return yaml_error_key(&reader->yaml, query, err,
                              "query and select exclude each other; choose the columns in the "
                              "query");
    if (spec->where)
        return yaml_error_key(&reader->yaml, query, err,
                              "query and where exclude each other; write the condition into the "
                              "query");
    return STATUS_OK;
}

static bool is_only_key(const struct stream_spec *spec)
{
    return spec->primary_key[0] && !spec->primary_key[1] &&
           strcmp(spec->primary_key[0], spec->update_key) == 0;
}

static status check_incremental(struct job_reader *reader, const struct stream_words *words,
                                const struct stream_spec *spec, struct error *err)
{
    if (!spec->update_key)
        return yaml_error_key(&reader->yaml, words->node, err,
                              "mode: incremental needs an update_key, the column that grows with "
                              "every new row; add update_key, or write mode: full-refresh");
    /* Rows that change would come again beside their old selves. A key that is also the watermark is never met twice. */
    if (spec->primary_key && !option_given(&words->values, "write") && !is_only_key(spec))
        return yaml_error_key(&reader->yaml, words->node, err,
                              "with a primary_key an incremental stream merges, and \"write: "
                              "merge\" is not available yet in this version; write: append adds "
                              "each changed row beside its old one, mode: full-refresh replaces "
                              "the table");
    return STATUS_OK;
}

static status check_mode(struct job_reader *reader, const struct stream_words *words,
                         const struct stream_spec *spec, struct error *err)
{
    if (spec->mode == MODE_INCREMENTAL)
        return check_incremental(reader, words, spec, err);
    const struct yaml_node *write = own(words, "write");
    if (write)
        return yaml_error_key(&reader->yaml, write, err,
                              "write and mode: full-refresh exclude each other: a full refresh "
                              "replaces the table");
    const struct yaml_node *nulls = own(words, "on_null_key");
    if (nulls && !spec->update_key)
        return yaml_error_key(&reader->yaml, nulls, err, "on_null_key needs an update_key");
    return STATUS_OK;
}

/* Is COLUMN among the columns that select leaves? */
static bool is_selected(const struct stream_spec *spec, const char *column)
{
    bool keeps = false;
    for (size_t i = 0; spec->select && spec->select[i]; i++) {
        const char *entry = spec->select[i];
        if (entry[0] == '-' && strcmp(entry + 1, column) == 0)
            return false;
        if (strcmp(entry, column) == 0)
            return true;
        keeps |= entry[0] != '-';
    }
    return !keeps;
}

static status check_selected(struct job_reader *reader, const struct stream_words *words,
                             const struct stream_spec *spec, const char *key, const char *column,
                             struct error *err)
{
    if (!column || is_selected(spec, column))
        return STATUS_OK;
    return yaml_error(&reader->yaml, yaml_get(words->map, "select"), err,
                      "select leaves out \"%s\", which %s needs", column, key);
}

static status check_select(struct job_reader *reader, const struct stream_words *words,
                           const struct stream_spec *spec, struct error *err)
{
    if (!spec->select)
        return STATUS_OK;
    const struct yaml_node *node = yaml_get(words->map, "select");
    bool leaves_out = spec->select[0] && spec->select[0][0] == '-';
    for (size_t i = 0; spec->select[i]; i++)
        if ((spec->select[i][0] == '-') != leaves_out)
            return yaml_error(&reader->yaml, node, err,
                              "select: name the columns to load, or only those to leave out with "
                              "a -; not both");
    if (!spec->update_key_of_row)
        TRY(check_selected(reader, words, spec, "update_key", spec->update_key, err));
    for (size_t i = 0; spec->primary_key && spec->primary_key[i]; i++)
        TRY(check_selected(reader, words, spec, "primary_key", spec->primary_key[i], err));
    for (size_t i = 0; i < spec->n_partitions; i++)
        TRY(check_selected(reader, words, spec, "partition_by", spec->partitions[i].column, err));
    for (size_t i = 0; spec->not_null && spec->not_null[i]; i++)
        TRY(check_selected(reader, words, spec, "checks: not_null", spec->not_null[i], err));
    return STATUS_OK;
}

/* {schema} and {table} are all that braces may hold; the rest must name objects of a storage. */
static status check_object(struct job_reader *reader, const struct stream_words *words,
                           const struct stream_spec *spec, struct error *err)
{
    const struct yaml_node *node = yaml_get(words->map, "object");
    if (!node || node->kind == YAML_NULL)
        return STATUS_OK;
    SCOPED(text_release) struct text sample = {0};
    for (const char *at = spec->object; *at;) {
        if (text_starts_with(at, "{schema}") || text_starts_with(at, "{table}")) {
            text_append_char(&sample, 'x');
            at = strchr(at, '}') + 1;
        } else if (*at == '{' || *at == '}') {
            return yaml_error(&reader->yaml, node, err,
                              "object: expected {schema} or {table} in braces, got \"%s\"",
                              values_shown(node));
        } else {
            text_append_char(&sample, *at++);
        }
    }
    TRY(text_check(&sample, err));
    if (!storage_name_valid(text_string(&sample)))
        return yaml_error(&reader->yaml, node, err,
                          "object: expected a relative path such as shop/orders, without .. and "
                          "empty parts, got \"%s\"",
                          values_shown(node));
    if (spec->pattern && !strstr(spec->object, "{table}"))
        return yaml_error(&reader->yaml, node, err,
                          "object: \"%s\" is a pattern, so the object needs {table} in it",
                          spec->name);
    return STATUS_OK;
}

status stream_check(struct job_reader *reader, const struct stream_words *words,
                    const struct stream_spec *spec, struct error *err)
{
    TRY(check_query(reader, words, spec, err));
    TRY(check_mode(reader, words, spec, err));
    TRY(check_select(reader, words, spec, err));
    return check_object(reader, words, spec, err);
}
