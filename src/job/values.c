#include <string.h>

#include "base/text.h"
#include "job/reader.h"

const char *values_shown(const struct yaml_node *node)
{
    return node->reference ? node->reference : node->text ? node->text : yaml_kind_text(node);
}

status values_later(struct job_reader *reader, const struct yaml_node *node,
                    const struct later_word *word, struct error *err)
{
    SCOPED(text_release) struct text what = {0};
    if (!word->value)
        text_append(&what, word->key);
    else
        text_printf(&what, "%s: %s", strcmp(word->key, "url") == 0 ? word->section : word->key,
                    word->value);
    const char *where =
        word->value ? yaml_where(&reader->yaml, node) : yaml_where_key(&reader->yaml, node);
    if (word->instead)
        return error_set(err, STATUS_BAD_CONFIG,
                         "%s: \"%s\" is not available yet in this version; use %s", where,
                         text_string(&what), word->instead);
    return error_set(err, STATUS_BAD_CONFIG,
                     "%s: \"%s\" is not available yet in this version; leave it out", where,
                     text_string(&what));
}

status values_map(struct job_reader *reader, const struct yaml_node *node, const char *what,
                  const struct yaml_node **out, struct error *err)
{
    static const struct yaml_node nothing = {.kind = YAML_MAP};
    if (!node || node->kind == YAML_NULL)
        *out = &nothing;
    else if (node->kind == YAML_MAP)
        *out = node;
    else
        return yaml_error(&reader->yaml, node, err, "%s: expected a map of keys and values, got %s",
                          what, yaml_kind_text(node));
    return STATUS_OK;
}

/* ---- unknown keys ---- */

static status unknown_key(struct job_reader *reader, const char *section,
                          const struct yaml_node *node, const struct word_table *tables, size_t n,
                          struct error *err)
{
    const struct later_word *later = later_word_find(section, node->key, NULL);
    if (later)
        return values_later(reader, node, later, err);
    const char *words[128];
    size_t n_words = 0;
    SCOPED(text_release) struct text list = {0};
    for (size_t t = 0; t < n; t++) {
        for (const struct option_spec *spec = tables[t].specs; spec && spec->name; spec++) {
            if (n_words == sizeof(words) / sizeof(words[0]))
                break;
            text_printf(&list, "%s%s", n_words ? ", " : "", spec->name);
            words[n_words++] = spec->name;
        }
    }
    const char *nearest = text_nearest(node->key, words, n_words);
    if (nearest)
        return yaml_error_key(&reader->yaml, node, err, "unknown key \"%s\"; did you mean %s?",
                              node->key, nearest);
    return yaml_error_key(&reader->yaml, node, err, "unknown key \"%s\"; expected one of %s",
                          node->key, text_string(&list));
}

/* ---- values ---- */

status values_list(struct job_reader *reader, const struct yaml_node *node, const char *const **out,
                   size_t *out_n, struct error *err)
{
    *out = NULL;
    *out_n = 0;
    if (!node || node->kind == YAML_NULL)
        return STATUS_OK;
    if (node->kind == YAML_MAP)
        return yaml_error(&reader->yaml, node, err, "%s: expected a list such as [a, b], got a map",
                          node->key);
    size_t n = node->kind == YAML_SCALAR;
    for (struct yaml_node *item = node->first; item; item = item->next)
        n++;
    const char **items = arena_alloc(reader->yaml.arena, (n + 1) * sizeof(*items));
    if (!items)
        return error_no_memory(err);
    if (node->kind == YAML_SCALAR)
        items[0] = node->text;
    size_t i = 0;
    for (struct yaml_node *item = node->first; item; item = item->next) {
        if (item->kind != YAML_SCALAR)
            return yaml_error(&reader->yaml, item, err, "%s: expected text in the list, got %s",
                              node->key, yaml_kind_text(item));
        items[i++] = item->text;
    }
    *out = items;
    *out_n = n;
    return STATUS_OK;
}

static status bad_value(struct job_reader *reader, const char *section,
                        const struct option_spec *spec, const struct yaml_node *node,
                        const struct error *cause, struct error *err)
{
    if (node->kind == YAML_SCALAR) {
        const struct later_word *later = later_word_find(section, spec->name, node->text);
        if (later)
            return values_later(reader, node, later, err);
    }
    if (node->kind == YAML_SCALAR && !node->reference)
        return yaml_error(&reader->yaml, node, err, "%s: %s", spec->name, cause->text);
    SCOPED(text_release) struct text expected = {0};
    option_expected(spec, &expected);
    return yaml_error(&reader->yaml, node, err, "%s: expected %s, got %s%s", spec->name,
                      text_string(&expected), node->reference ? "something else from " : "",
                      values_shown(node));
}

static bool has_choice(const struct option_spec *spec, const char *word)
{
    for (size_t i = 0; spec->kind == OPTION_CHOICE && spec->choices[i]; i++)
        if (strcmp(spec->choices[i], word) == 0)
            return true;
    return false;
}

/* YAML takes a bare null for nothing; where null is one of the choices, it is the word. */
static bool is_nothing(const struct option_spec *spec, const struct yaml_node *node)
{
    return node->kind == YAML_NULL && !(node->text && has_choice(spec, node->text));
}

static status read_value(struct job_reader *reader, const char *section,
                         const struct option_spec *spec, const struct yaml_node *node,
                         struct option_value *value, struct error *err)
{
    value->where = yaml_where(&reader->yaml, node);
    value->given = true;
    if (spec->kind == OPTION_MAP || strcmp(spec->name, "partition_by") == 0)
        return STATUS_OK;
    if (spec->kind == OPTION_LIST) {
        TRY(values_list(reader, node, &value->items, &value->n_items, err));
        value->text = node->kind == YAML_SCALAR ? node->text : NULL;
        return STATUS_OK;
    }
    struct error cause = {0};
    bool has_text = node->kind == YAML_SCALAR || node->kind == YAML_NULL;
    if (!has_text || option_parse(spec, node->text, value, &cause) != STATUS_OK)
        return bad_value(reader, section, spec, node, &cause, err);
    value->where = yaml_where(&reader->yaml, node);
    if (spec->kind == OPTION_SECRET)
        return secret_add(reader, node->text, err);
    return STATUS_OK;
}

static status set_defaults(struct job_reader *reader, const struct word_table *table,
                           struct error *err)
{
    size_t n = option_count(table->specs);
    struct option_value *values = arena_alloc(reader->yaml.arena, (n + 1) * sizeof(*values));
    if (!values)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct option_spec *spec = &table->specs[i];
        values[i].spec = spec;
        if (!spec->default_text || spec->kind == OPTION_LIST || spec->kind == OPTION_MAP)
            continue;
        TRY(option_parse(spec, spec->default_text, &values[i], err));
        values[i].given = false;
    }
    *table->out = (struct option_values){table->specs, values, n};
    return STATUS_OK;
}

static struct option_value *find_value(const struct word_table *tables, size_t n, const char *key)
{
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < tables[t].out->n_values; i++)
            if (strcmp(tables[t].specs[i].name, key) == 0)
                return &tables[t].out->values[i];
    return NULL;
}

status values_read(struct job_reader *reader, const char *section, const struct yaml_node *map,
                   const struct word_table *tables, size_t n, struct error *err)
{
    for (size_t t = 0; t < n; t++)
        TRY(set_defaults(reader, &tables[t], err));
    for (struct yaml_node *node = map->first; node; node = node->next) {
        struct option_value *value = find_value(tables, n, node->key);
        if (!value)
            return unknown_key(reader, section, node, tables, n, err);
        if (!is_nothing(value->spec, node))
            TRY(read_value(reader, section, value->spec, node, value, err));
    }
    return STATUS_OK;
}
