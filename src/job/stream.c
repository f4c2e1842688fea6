/* A stream of the job file: its words and those of defaults, checked one by one and then together. */
#include <string.h>

#include "base/text.h"
#include "job/stream.h"

static const struct option_spec no_words[] = {{0}};

/* ---- defaults ---- */

static struct yaml_node *copy_node(struct arena *arena, const struct yaml_node *node)
{
    struct yaml_node *copy = yaml_node_new(arena, node->kind);
    if (copy) {
        *copy = *node;
        copy->next = NULL;
    }
    return copy;
}

/* OVER's entries on top of UNDER's, one level deep. NULL: no memory. */
static struct yaml_node *overlay(struct arena *arena, const struct yaml_node *under,
                                 const struct yaml_node *over)
{
    struct yaml_node *map = copy_node(arena, over);
    if (!map)
        return NULL;
    map->first = NULL;
    const struct yaml_node *layers[] = {under, over};
    for (size_t i = 0; i < 2; i++) {
        for (struct yaml_node *node = layers[i]->first; node; node = node->next) {
            struct yaml_node *copy = copy_node(arena, node);
            if (!copy)
                return NULL;
            yaml_put(map, node->key, copy);
        }
    }
    return map;
}

/* The stream's words over the defaults; columns, checks and on_change entry by entry, everything else whole. */
static struct yaml_node *merge(struct arena *arena, const struct yaml_node *defaults,
                               const struct yaml_node *own)
{
    static const char *const deep[] = {"columns", "checks", "on_change"};
    struct yaml_node *merged = overlay(arena, defaults, own);
    for (size_t i = 0; merged && i < sizeof(deep) / sizeof(deep[0]); i++) {
        const struct yaml_node *under = yaml_get(defaults, deep[i]);
        const struct yaml_node *over = yaml_get(own, deep[i]);
        if (!under || !over || under->kind != YAML_MAP || over->kind != YAML_MAP)
            continue;
        struct yaml_node *both = overlay(arena, under, over);
        if (!both)
            return NULL;
        yaml_put(merged, deep[i], both);
    }
    return merged;
}

/* ---- drivers ---- */

static status find_table(struct job_reader *reader, const struct yaml_node *words,
                         const struct commit_driver **out, struct error *err)
{
    const struct yaml_node *node = yaml_get(words, "table");
    if (!node || node->kind == YAML_NULL) {
        *out = commit_find("delta");
        return *out ? STATUS_OK
                    : error_set(err, STATUS_BUG, "this build has no table kind \"delta\"");
    }
    if (node->kind != YAML_SCALAR)
        return yaml_error(&reader->yaml, node, err, "table: expected text, got %s",
                          yaml_kind_text(node));
    *out = commit_find(node->text);
    if (*out)
        return STATUS_OK;
    const struct later_word *later = later_word_find("stream", "table", node->text);
    if (later)
        return values_later(reader, node, later, err);
    SCOPED(text_release) struct text list = {0};
    for (size_t i = 0; commit_drivers[i]; i++)
        text_printf(&list, "%s%s", i ? ", " : "", commit_drivers[i]->name);
    return yaml_error(&reader->yaml, node, err, "table: expected %s, got \"%s\"",
                      text_string(&list), values_shown(node));
}

/* All scalars of a stream's map: its own words, the table's and the format's. */
static status read_words(struct job_reader *reader, const struct yaml_node *map,
                         struct stream_words *out, struct stream_spec *spec, struct error *err)
{
    out->map = map;
    TRY(find_table(reader, map, &spec->table, err));
    spec->format = format_find("parquet");
    if (!spec->format)
        return error_set(err, STATUS_BUG, "this build has no file format \"parquet\"");
    const struct option_spec *of_table = spec->table->options;
    const struct option_spec *of_format = spec->format->options;
    struct word_table tables[] = {
        {stream_words, &out->values},
        {of_table ? of_table : no_words, &spec->commit_options},
        {of_format ? of_format : no_words, &spec->format_options},
    };
    return values_read(reader, "stream", map, tables, 3, err);
}

/* ---- one stream ---- */

static status fill_lists(struct job_reader *reader, const struct yaml_node *map,
                         struct stream_spec *spec, struct error *err)
{
    const struct {
        const char *key;
        const char *const **out;
        bool needs_one;
    } lists[] = {
        {"select", &spec->select, true},
        {"primary_key", &spec->primary_key, true},
        {"tags", &spec->tags, false},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const struct yaml_node *node = yaml_get(map, lists[i].key);
        size_t n;
        TRY(values_list(reader, node, lists[i].out, &n, err));
        if (node && lists[i].needs_one && node->kind == YAML_LIST && n == 0)
            return yaml_error(&reader->yaml, node, err,
                              "%s: an empty list; name at least one column, or leave it out",
                              lists[i].key);
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b < a; b++)
                if (strcmp((*lists[i].out)[a], (*lists[i].out)[b]) == 0)
                    return yaml_error(&reader->yaml, node, err, "%s: \"%s\" stands there twice",
                                      lists[i].key, (*lists[i].out)[a]);
    }
    return STATUS_OK;
}

static enum load_mode effective_mode(const struct stream_words *words)
{
    const struct option_value *mode = option_find(&words->values, "mode");
    if (mode->given)
        return mode->number == 1 ? MODE_INCREMENTAL : MODE_FULL_REFRESH;
    return option_text(&words->values, "update_key") ? MODE_INCREMENTAL : MODE_FULL_REFRESH;
}

static status fill_target(struct job_reader *reader, const struct yaml_node *map,
                          struct stream_spec *spec, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, "target");
    const struct storage_driver *driver;
    if (!node || node->kind == YAML_NULL)
        return STATUS_OK;
    return location_target(reader, node, &spec->target, &driver, err);
}

static status fill(struct job_reader *reader, const struct stream_words *words,
                   struct stream_spec *spec, struct error *err)
{
    const struct option_values *values = &words->values;
    spec->words = *values;
    spec->object = option_text(values, "object");
    spec->object_given = option_given(values, "object");
    spec->mode = effective_mode(words);
    spec->write = option_text(values, "write") ? option_text(values, "write") : "append";
    spec->query = option_text(values, "query");
    spec->where = option_text(values, "where");
    spec->update_key = option_text(values, "update_key");
    spec->update_key_of_row = source_has_row_key(reader->job->source, spec->update_key);
    spec->update_key_nulls = strcmp(option_text(values, "on_null_key"), "include") == 0;
    spec->file_size = (uint64_t)option_number(values, "file_size");
    TRY(fill_lists(reader, words->map, spec, err));
    TRY(fill_target(reader, words->map, spec, err));
    TRY(stream_read_partitions(reader, yaml_get(words->map, "partition_by"), spec, err));
    TRY(stream_read_columns(reader, yaml_get(words->map, "columns"), spec, err));
    TRY(stream_read_changes(reader, yaml_get(words->map, "on_change"), spec, err));
    return stream_read_checks(reader, yaml_get(words->map, "checks"), spec, err);
}

static status check_exclude(struct job_reader *reader, const struct yaml_node *node,
                            struct error *err)
{
    if (node->kind == YAML_NULL || (node->kind == YAML_MAP && !node->first))
        return STATUS_OK;
    return yaml_error(&reader->yaml, node, err,
                      "\"%s\" leaves streams out; it takes no words of its own", node->key);
}

/* Options that only the format itself can judge ("zstd:40"): now, not after the first million rows. */
static status try_format(const struct stream_spec *spec, struct error *err)
{
    if (!spec->format->check_options)
        return STATUS_OK;
    status_code code = spec->format->check_options(&spec->format_options, err);
    return code == STATUS_BAD_CONFIG ? job_place_error(spec, err) : code;
}

static status read_stream(struct job_reader *reader, const struct yaml_node *defaults,
                          const struct yaml_node *node, struct stream_spec *spec, struct error *err)
{
    spec->name = node->key;
    spec->exclude = node->key[0] == '!';
    spec->pattern = spec->exclude || strpbrk(node->key, "*?") != NULL;
    spec->where_in_file = yaml_where_key(&reader->yaml, node);
    if (!node->key[0] || strcmp(node->key, "!") == 0)
        return yaml_error_key(&reader->yaml, node, err, "a stream without a name");
    if (spec->exclude)
        TRY(check_exclude(reader, node, err));
    const struct yaml_node *own;
    TRY(values_map(reader, node, node->key, &own, err));
    const struct yaml_node *merged = merge(reader->yaml.arena, defaults, own);
    if (!merged)
        return error_no_memory(err);
    struct stream_words words = {.own = own, .node = node};
    TRY(read_words(reader, merged, &words, spec, err));
    TRY(fill(reader, &words, spec, err));
    if (spec->exclude)
        return STATUS_OK;
    TRY(try_format(spec, err));
    return stream_check(reader, &words, spec, err);
}

/* Defaults are checked on their own, so that a mistake in them is told even if no stream uses the word. */
static status check_defaults(struct job_reader *reader, const struct yaml_node *defaults,
                             struct error *err)
{
    struct stream_spec ignored = {0};
    struct stream_words words = {.own = defaults, .node = defaults};
    const struct yaml_node *query = yaml_get(defaults, "query");
    if (query)
        return yaml_error_key(&reader->yaml, query, err,
                              "a query belongs to one stream, not to defaults");
    TRY(read_words(reader, defaults, &words, &ignored, err));
    return fill(reader, &words, &ignored, err);
}

status stream_read_all(struct job_reader *reader, const struct yaml_node *defaults,
                       const struct yaml_node *streams, struct error *err)
{
    struct job *job = reader->job;
    TRY(values_map(reader, defaults, "defaults", &defaults, err));
    TRY(check_defaults(reader, defaults, err));
    TRY(values_map(reader, streams, "streams", &streams, err));
    size_t n = 0, n_wanted = 0;
    for (struct yaml_node *node = streams->first; node; node = node->next) {
        n++;
        n_wanted += node->key[0] != '!';
    }
    if (n_wanted == 0)
        return yaml_error(&reader->yaml, streams, err,
                          "streams: no stream is named; write at least one, or \"*\" for all");
    job->streams = arena_alloc(&job->arena, n * sizeof(*job->streams));
    if (!job->streams)
        return error_no_memory(err);
    for (struct yaml_node *node = streams->first; node; node = node->next)
        TRY(read_stream(reader, defaults, node, &job->streams[job->n_streams++], err));
    return STATUS_OK;
}
