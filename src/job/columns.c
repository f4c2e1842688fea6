/* Columns that a stream names against those the source has. The source would refuse them too, but it does not know the
 * place in the file. */
#include <string.h>

#include "base/text.h"
#include "job/job.h"

static bool has_column(const struct source_stream *stream, const char *name)
{
    for (size_t i = 0; i < stream->n_columns; i++) /* SQL takes names in any case */
        if (strcasecmp(stream->columns[i].name, name) == 0)
            return true;
    return false;
}

static const char *nearest_column(const struct source_stream *stream, const char *name)
{
    enum { MAX_WORDS = 1000 };
    const char *words[MAX_WORDS];
    size_t n = 0;
    for (; n < stream->n_columns && n < MAX_WORDS; n++)
        words[n] = stream->columns[n].name;
    return text_nearest(name, words, n);
}

/* WHERE NULL: the place of the stream. */
static status check_name(const struct stream_spec *spec, const struct source_stream *stream,
                         const char *word, const char *where, const char *name, struct error *err)
{
    if (!name || has_column(stream, name))
        return STATUS_OK;
    const char *nearest = nearest_column(stream, name);
    where = where ? where : spec->where_in_file;
    if (nearest)
        return error_set(err, STATUS_BAD_CONFIG,
                         "%s: %s: %s has no column \"%s\"; did you mean %s?", where, word,
                         stream->name, name, nearest);
    return error_set(err, STATUS_BAD_CONFIG,
                     "%s: %s: %s has no column \"%s\"; leat discover shows what it has", where,
                     word, stream->name, name);
}

static const char *place_of(const struct stream_spec *spec, const char *word)
{
    const struct option_value *value = option_find(&spec->words, word);
    return value ? value->where : NULL;
}

static status check_list(const struct stream_spec *spec, const struct source_stream *stream,
                         const char *word, const char *where, const char *const *names,
                         struct error *err)
{
    for (size_t i = 0; names && names[i]; i++) /* select leaves out with a - */
        TRY(check_name(spec, stream, word, where, names[i] + (names[i][0] == '-'), err));
    return STATUS_OK;
}

status job_check_columns(const struct stream_spec *spec, const struct source_stream *stream,
                         struct error *err)
{
    if (stream->n_columns == 0)
        return STATUS_OK;
    TRY(check_list(spec, stream, "select", place_of(spec, "select"), spec->select, err));
    TRY(check_list(spec, stream, "primary_key", place_of(spec, "primary_key"), spec->primary_key,
                   err));
    if (!spec->update_key_of_row)
        TRY(check_name(spec, stream, "update_key", place_of(spec, "update_key"), spec->update_key,
                       err));
    for (size_t i = 0; i < spec->n_partitions; i++)
        TRY(check_name(spec, stream, "partition_by", place_of(spec, "partition_by"),
                       spec->partitions[i].column, err));
    for (size_t i = 0; i < spec->n_columns; i++)
        TRY(check_name(spec, stream, "columns", spec->columns[i].where, spec->columns[i].name,
                       err));
    return check_list(spec, stream, "checks: not_null", place_of(spec, "checks"), spec->not_null,
                      err);
}

status job_check_schema(const struct stream_spec *spec, const struct schema *schema,
                        struct error *err)
{
    struct arena arena = {0};
    struct source_column *columns = arena_alloc(&arena, (schema->n_fields + 1) * sizeof(*columns));
    if (!columns)
        return error_no_memory(err);
    for (size_t i = 0; i < schema->n_fields; i++)
        columns[i].name = schema->fields[i].name;
    struct source_stream stream = {.name = spec->query ? "the query" : spec->name,
                                   .columns = columns,
                                   .n_columns = schema->n_fields};
    status_code code = check_list(spec, &stream, "primary_key", place_of(spec, "primary_key"),
                                  spec->primary_key, err);
    if (code == STATUS_OK)
        code = check_list(spec, &stream, "checks: not_null", place_of(spec, "checks"),
                          spec->not_null, err);
    arena_release(&arena);
    return code;
}

status job_check_format(const struct stream_spec *spec, const struct schema *files,
                        struct error *err)
{
    struct encoder *encoder = NULL;
    status_code code = spec->format->encoder_new(files, &spec->format_options, &encoder, err);
    if (code == STATUS_OK)
        spec->format->encoder_free(encoder);
    return code == STATUS_BAD_CONFIG ? job_place_error(spec, err) : code;
}
