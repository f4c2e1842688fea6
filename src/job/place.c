/* A stage that refuses a word of the job file says which; job/ knows where it stands. */
#include <string.h>

#include "base/text.h"
#include "job/job.h"

/* Does TEXT speak of WORD: "word: ...", "word ...", or "... in option word"? */
static bool speaks_of(const char *text, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(text, word, size) == 0 && (text[size] == ':' || text[size] == ' '))
        return true;
    const char *option = strstr(text, "in option ");
    return option && text_equal(option + strlen("in option "), word);
}

static const char *place_of_word(const struct option_values *values, const char *text)
{
    for (size_t i = 0; i < values->n_values; i++)
        if (values->values[i].given && speaks_of(text, values->specs[i].name))
            return values->values[i].where;
    return NULL;
}

/* column "NAME", or a word of it: column "NAME": word: ... */
static const char *place_of_column(const struct stream_spec *spec, const char *text)
{
    const char *quoted = strstr(text, "column \"");
    if (!quoted)
        return NULL;
    quoted += strlen("column \"");
    for (size_t i = 0; i < spec->n_columns; i++) {
        size_t size = strlen(spec->columns[i].name);
        if (strncmp(quoted, spec->columns[i].name, size) != 0 || quoted[size] != '"')
            continue;
        const char *where = NULL;
        if (text_starts_with(quoted + size, "\": ") && i < spec->format_options.n_entries)
            where = place_of_word(&spec->format_options.entries[i].values,
                                  quoted + size + strlen("\": "));
        return where ? where : spec->columns[i].where;
    }
    return NULL;
}

static bool has_place(const struct stream_spec *spec, const char *text)
{
    size_t path = strcspn(spec->where_in_file, ":");
    return strncmp(text, spec->where_in_file, path) == 0 && text[path] == ':';
}

status job_place_error(const struct stream_spec *spec, struct error *err)
{
    if (err->code != STATUS_BAD_CONFIG || !spec->where_in_file || has_place(spec, err->text))
        return err->code;
    const struct option_values *tables[] = {&spec->words, &spec->format_options,
                                            &spec->commit_options};
    const char *where = NULL;
    for (size_t i = 0; !where && i < sizeof(tables) / sizeof(tables[0]); i++)
        where = place_of_word(tables[i], err->text);
    if (!where)
        where = place_of_column(spec, err->text);
    struct error cause = *err;
    return error_set(err, STATUS_BAD_CONFIG, "%s: %s", where ? where : spec->where_in_file,
                     cause.text);
}
