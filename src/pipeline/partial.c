/* --partitions: the given partitions are replaced and nothing else. Their values are checked before anything is read, for a
 * value that no row can have would empty nothing and load nothing, and look like success. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pipeline/stream.h"

status stream_check_partial(const struct stream_run *stream, struct error *err)
{
    const struct stream_spec *spec = stream->spec;
    if (stream->partial && spec->update_key_of_row) /* of rows that are read, none tells its key */
        return error_set(err, STATUS_BAD_CONFIG,
                         "--partitions does not go with update_key: %s, for it can't be told which "
                         "rows the next run brings; load with --mode full-refresh",
                         spec->update_key);
    if (!stream->partial ||
        (spec->n_partitions == 1 && spec->partitions[0].transform != PARTITION_YMD))
        return STATUS_OK;
    return error_set(err, STATUS_BAD_CONFIG,
                     "--partitions wants a stream with partition_by of one column; this one has %s",
                     spec->n_partitions ? "more" : "none");
}

/* The value a key column of TYPE would have as TEXT, in the form of partition_value_text. */
static status parse_value(struct type type, const char *text, struct scalar *out, struct error *err)
{
    char copy[64];
    size_t size = strlen(text);
    if (type.id != TYPE_TIMESTAMP || size < 11 || size + 2 > sizeof(copy))
        return scalar_parse(type, text, size, out, err);
    snprintf(copy, sizeof(copy), "%s%s", text, type.utc && !text_ends_with(text, "Z") ? "Z" : "");
    if (copy[10] == ' ')
        copy[10] = 'T';
    return scalar_parse(type, copy, strlen(copy), out, err);
}

static status check_value(struct stream_run *stream, const char *text, struct error *err)
{
    const struct partition_spec *spec = &stream->spec->partitions[0];
    const struct field *key = &stream->keys.fields[0];
    struct scalar value;
    if (text_utf8_valid_prefix(text, strlen(text)) != strlen(text))
        return error_set(err, STATUS_BAD_CONFIG, "not UTF-8");
    if (strcmp(text, "NULL") == 0)
        return STATUS_OK;
    if (key->type.id == TYPE_UTF8 || key->type.id == TYPE_JSON) {
        if (!*text)
            return error_set(err, STATUS_BAD_CONFIG,
                             "the empty text is no partition value; write "
                             "NULL for rows without one");
        value = (struct scalar){.type = key->type, .bytes = text, .size = strlen(text)};
        return partition_spec_admits(spec, &value, err);
    }
    if (parse_value(key->type, text, &value, err) != STATUS_OK) {
        err->code = STATUS_BAD_CONFIG;
        return err->code;
    }
    TRY(partition_spec_admits(spec, &value, err));
    const char *known_as = partition_value_text(&value, &stream->arena);
    if (!known_as)
        return error_no_memory(err);
    if (strcmp(known_as, text) != 0)
        return error_set(err, STATUS_BAD_CONFIG, "the value of that partition is %s", known_as);
    return STATUS_OK;
}

status stream_check_partition_values(struct stream_run *stream, struct error *err)
{
    char type[64];
    if (!stream->partial)
        return STATUS_OK;
    for (const char *const *item = stream->run->options->partitions; *item; item++)
        TRY_IN(check_value(stream, *item, err), err, "in --partitions, value \"%s\" of %s (%s)",
               *item, stream->keys.fields[0].name, type_text(stream->keys.fields[0].type, type));
    return STATUS_OK;
}

bool partition_is_given(struct stream_run *stream, const char *value)
{
    for (const char *const *item = stream->run->options->partitions; value && *item; item++)
        if (strcmp(*item, value) == 0)
            return true;
    return false;
}
