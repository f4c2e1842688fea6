#include <string.h>

#include "base/text.h"
#include "job/stream.h"

/* ---- partition_by ---- */

static status read_period(struct job_reader *reader, const struct yaml_node *node,
                          struct partition_spec *out, struct error *err)
{
    struct option_values values;
    struct word_table table = {period_words, &values};
    TRY(values_read(reader, "partition_by", node, &table, 1, err));
    if (!option_text(&values, "column"))
        return yaml_error(&reader->yaml, node, err, "partition_by: the map has no column");
    if (!option_given(&values, "after"))
        return yaml_error(&reader->yaml, node, err,
                          "partition_by: the map has no after, the age from which days become "
                          "months; write after: 90 days");
    int64_t seconds = option_number(&values, "after");
    if (seconds % 86400)
        return yaml_error(&reader->yaml, yaml_get(node, "after"), err,
                          "after: expected whole days such as 90 days, got \"%s\"",
                          values_shown(yaml_get(node, "after")));
    const char *zone = option_text(&values, "time_zone");
    if (strcmp(zone, "UTC") != 0)
        return yaml_error(&reader->yaml, yaml_get(node, "time_zone"), err,
                          "\"time_zone: %s\" is not available yet in this version; write UTC",
                          zone);
    *out = (struct partition_spec){
        .transform = PARTITION_PERIOD,
        .column = option_text(&values, "column"),
        .as = option_text(&values, "as"),
        .after_days = (int32_t)(seconds / 86400),
        .time_zone = zone,
    };
    return STATUS_OK;
}

static status read_partition(struct job_reader *reader, const struct yaml_node *node,
                             struct partition_spec *out, struct error *err)
{
    if (node->kind == YAML_MAP)
        return read_period(reader, node, out, err);
    if (node->kind != YAML_SCALAR)
        return yaml_error(&reader->yaml, node, err,
                          "partition_by: expected a column, year(c), month(c), day(c), hour(c), "
                          "ymd(c), truncate(c, n), bucket(c, n) or a map, got %s",
                          yaml_kind_text(node));
    struct error cause = {0};
    status code = partition_spec_parse(node->text, reader->yaml.arena, out, &cause);
    if (code == STATUS_NO_MEMORY)
        return error_no_memory(err);
    if (code != STATUS_OK)
        return yaml_error(&reader->yaml, node, err, "partition_by: %s", cause.text);
    return STATUS_OK;
}

status stream_read_partitions(struct job_reader *reader, const struct yaml_node *node,
                              struct stream_spec *spec, struct error *err)
{
    if (!node || node->kind == YAML_NULL)
        return STATUS_OK;
    bool single = node->kind != YAML_LIST;
    size_t n = single;
    for (struct yaml_node *item = single ? NULL : node->first; item; item = item->next)
        n++;
    spec->partitions = arena_alloc(reader->yaml.arena, (n + 1) * sizeof(*spec->partitions));
    if (!spec->partitions)
        return error_no_memory(err);
    for (const struct yaml_node *item = single ? node : node->first; item; item = item->next) {
        TRY(read_partition(reader, item, &spec->partitions[spec->n_partitions++], err));
        if (single)
            break;
    }
    return STATUS_OK;
}

/* ---- columns ---- */

static status read_type(struct job_reader *reader, const struct yaml_node *node,
                        struct column_request *out, struct error *err)
{
    struct error cause = {0};
    if (type_parse(node->text, &out->type, &cause) != STATUS_OK)
        return yaml_error(&reader->yaml, node, err, "type: %s", cause.text);
    out->has_type = true;
    return STATUS_OK;
}

/* ENTRY gets what is said of how the format writes the column. */
static status read_column(struct job_reader *reader, const struct format_driver *format,
                          const struct yaml_node *node, struct column_request *out,
                          struct option_entry *entry, struct error *err)
{
    static const struct option_spec no_words[] = {{0}};
    entry->name = out->name = node->key;
    out->where = yaml_where_key(&reader->yaml, node);
    if (node->kind == YAML_SCALAR)
        return read_type(reader, node, out, err);
    const struct yaml_node *map;
    TRY(values_map(reader, node, node->key, &map, err));
    struct option_values values;
    struct word_table tables[] = {
        {column_words, &values},
        {format->column_options ? format->column_options : no_words, &entry->values},
    };
    TRY(values_read(reader, "columns", map, tables, 2, err));
    /* the order of `policies` in words.c is that of enum value_policy */
    out->on_error = (enum value_policy)option_number(&values, "on_error");
    if (option_given(&values, "type"))
        return read_type(reader, yaml_get(map, "type"), out, err);
    return STATUS_OK;
}

status stream_read_columns(struct job_reader *reader, const struct yaml_node *node,
                           struct stream_spec *spec, struct error *err)
{
    const struct yaml_node *map;
    TRY(values_map(reader, node, "columns", &map, err));
    size_t n = 0;
    for (struct yaml_node *column = map->first; column; column = column->next)
        n++;
    if (n == 0)
        return STATUS_OK;
    spec->columns = arena_alloc(reader->yaml.arena, n * sizeof(*spec->columns));
    struct option_entry *entries = arena_alloc(reader->yaml.arena, n * sizeof(*entries));
    if (!spec->columns || !entries)
        return error_no_memory(err);
    for (struct yaml_node *column = map->first; column; column = column->next) {
        TRY(read_column(reader, spec->format, column, &spec->columns[spec->n_columns],
                        &entries[spec->n_columns], err));
        spec->n_columns++;
    }
    spec->format_options.entries = entries;
    spec->format_options.n_entries = n;
    return STATUS_OK;
}

/* ---- checks ---- */

static status read_row_count(struct job_reader *reader, const struct yaml_node *node,
                             struct row_count_check *out, struct error *err)
{
    const struct yaml_node *map;
    TRY(values_map(reader, node, "row_count", &map, err));
    struct option_values values;
    struct word_table table = {row_count_words, &values};
    TRY(values_read(reader, "row_count", map, &table, 1, err));
    out->has_min = option_given(&values, "min");
    out->has_max = option_given(&values, "max");
    out->has_max_drop = option_given(&values, "max_drop");
    out->min = (uint64_t)option_number(&values, "min");
    out->max = (uint64_t)option_number(&values, "max");
    out->max_drop = option_find(&values, "max_drop")->share;
    if (out->has_min && out->has_max && out->min > out->max)
        return yaml_error(&reader->yaml, map, err, "row_count: min %llu is above max %llu",
                          (unsigned long long)out->min, (unsigned long long)out->max);
    return STATUS_OK;
}

status stream_read_checks(struct job_reader *reader, const struct yaml_node *node,
                          struct stream_spec *spec, struct error *err)
{
    const struct yaml_node *map;
    TRY(values_map(reader, node, "checks", &map, err));
    struct option_values values;
    struct word_table table = {check_words, &values};
    TRY(values_read(reader, "checks", map, &table, 1, err));
    TRY(read_row_count(reader, yaml_get(map, "row_count"), &spec->row_count, err));
    size_t n;
    return values_list(reader, yaml_get(map, "not_null"), &spec->not_null, &n, err);
}

/* ---- changes of the schema ---- */

status stream_read_changes(struct job_reader *reader, const struct yaml_node *node,
                           struct stream_spec *spec, struct error *err)
{
    const struct yaml_node *map;
    struct option_values values;
    struct word_table table = {change_words, &values};
    TRY(values_map(reader, node, "on_change", &map, err));
    TRY(values_read(reader, "on_change", map, &table, 1, err));
    for (size_t kind = 0; kind < CHANGE_KINDS; kind++)
        if (values.values[kind].given)
            spec->on_change[kind] = values.values[kind].number ? CHANGE_APPLY : CHANGE_STOP;
    return STATUS_OK;
}
