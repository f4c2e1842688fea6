/* partition_by bound to a schema: which columns, which keys, what they are called. */
#include "partition/partitioner.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"

bool partition_is_identity(const struct partition_entry *entry)
{
    return entry->transform == PARTITION_IDENTITY;
}

/* ---- binding ---- */

static status no_such_column(const struct schema *schema, const char *name, struct error *err)
{
    SCOPED(mem_freep) const char **names = mem_zalloc((schema->n_fields + 1) * sizeof(*names));
    if (!names)
        return error_no_memory(err);
    for (size_t i = 0; i < schema->n_fields; i++)
        names[i] = schema->fields[i].name;
    const char *near = text_nearest(name, names, schema->n_fields);
    if (near)
        return error_set(err, STATUS_BAD_CONFIG,
                         "partition_by: there is no column \"%s\", did you mean \"%s\"?", name,
                         near);
    return error_set(err, STATUS_BAD_CONFIG, "partition_by: there is no column \"%s\"", name);
}

/* Why a column of this type can't be a partition column as it is; NULL if it can. */
static const char *identity_refusal(enum type_id id)
{
    switch (id) {
    case TYPE_BOOL:
    case TYPE_INT8:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_UINT8:
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
    case TYPE_UTF8:
    case TYPE_DECIMAL:
    case TYPE_UUID:
        return NULL;
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return "equal numbers can have different bits and texts, and NaN equals nothing";
    case TYPE_BINARY:
    case TYPE_FIXED_BINARY:
        return "bytes have no text that all readers of a path agree on";
    case TYPE_LIST:
    case TYPE_STRUCT:
    case TYPE_MAP:
        return "a partition value is a single value";
    default:
        return "table formats have no partition value of this type";
    }
}

static status check_type(const struct field *field, const struct partition_spec *spec,
                         struct error *err)
{
    char name[64];
    const char *reason;
    if (spec->transform != PARTITION_IDENTITY) {
        reason = transform_refusal(spec->transform, field->type.id);
        if (!reason)
            return STATUS_OK;
        return error_set(
            err, STATUS_BAD_CONFIG,
            "partition_by: column \"%s\" is %s, and %s; declare its type under columns",
            field->name, type_text(field->type, name), reason);
    }
    reason = identity_refusal(field->type.id);
    if (!reason)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_CONFIG,
                     "partition_by: column \"%s\" is %s and can't be a partition column: %s",
                     field->name, type_text(field->type, name), reason);
}

static status check_spec(const struct partition_spec *spec, struct error *err)
{
    if (spec->time_zone && strcasecmp(spec->time_zone, "UTC") != 0)
        return error_set(err, STATUS_BAD_CONFIG,
                         "partition_by: time zone \"%s\" is not known, only UTC is today",
                         spec->time_zone);
    if (spec->transform == PARTITION_PERIOD && spec->after_days < 0)
        return error_set(err, STATUS_BAD_CONFIG,
                         "partition_by: `after` of a period is %d days, expected 0 or more",
                         (int)spec->after_days);
    if ((spec->transform == PARTITION_TRUNCATE || spec->transform == PARTITION_BUCKET) &&
        spec->argument < 1)
        return error_set(
            err, STATUS_BAD_CONFIG,
            "partition_by: the number of a truncate or bucket of \"%s\" is %d, expected "
            "1 or more",
            spec->column, (int)spec->argument);
    return STATUS_OK;
}

/* A key must not be called like another key or like a column that stays in the files. */
static status check_name(const struct partitioner *partitioner, const struct schema *schema,
                         const struct partition_spec *spec, const char *name, struct error *err)
{
    for (size_t i = 0; i < partitioner->keys.n_fields; i++)
        if (strcasecmp(partitioner->keys.fields[i].name, name) == 0)
            return error_set(err, STATUS_BAD_CONFIG,
                             "partition_by: two partition columns are called \"%s\"; name one with "
                             "`as`, as in day(%s) as %s_2",
                             name, spec->column, name);
    for (size_t i = 0; i < schema->n_fields; i++) {
        const char *column = schema->fields[i].name;
        bool itself = spec->transform == PARTITION_IDENTITY && text_equal(column, spec->column) &&
                      text_equal(column, name);
        if (!itself && strcasecmp(column, name) == 0)
            return error_set(err, STATUS_BAD_CONFIG,
                             "partition_by: \"%s\" is a column of the stream already; name the "
                             "partition column with `as`",
                             name);
    }
    return STATUS_OK;
}

static char *key_name(const struct partition_spec *spec, size_t part, struct arena *arena)
{
    static const char *const ymd[] = {"year", "month", "day"};
    static const char *const suffix[] = {
        [PARTITION_YEAR] = "year",     [PARTITION_MONTH] = "month", [PARTITION_DAY] = "day",
        [PARTITION_PERIOD] = "period", [PARTITION_HOUR] = "hour",   [PARTITION_TRUNCATE] = "trunc",
        [PARTITION_BUCKET] = "bucket",
    };
    if (spec->transform == PARTITION_YMD)
        return spec->as ? arena_printf(arena, "%s_%s", spec->as, ymd[part])
                        : arena_strdup(arena, ymd[part]);
    if (spec->as)
        return arena_strdup(arena, spec->as);
    if (spec->transform == PARTITION_IDENTITY)
        return arena_strdup(arena, spec->column);
    return arena_printf(arena, "%s_%s", spec->column, suffix[spec->transform]);
}

static status add_keys(struct partitioner *partitioner, const struct schema *schema,
                       const struct partition_spec *spec, struct partition_entry *entry,
                       struct error *err)
{
    const struct field *column = &schema->fields[entry->column];
    SCOPED(arena_release) struct arena scratch = {0};
    for (size_t part = 0; part < entry->n_keys; part++) {
        struct field key = *column;
        if (!partition_is_identity(entry))
            key = (struct field){.nullable = column->nullable,
                                 .type = transform_type(entry->transform, column->type),
                                 .source_type = entry->n_keys == 3 ? PARTITION_PART_OF_DATE : NULL};
        key.name = key_name(spec, part, &scratch);
        if (!key.name)
            return error_no_memory(err);
        TRY(check_name(partitioner, schema, spec, key.name, err));
        TRY(schema_append(&partitioner->keys, &key, err));
    }
    return STATUS_OK;
}

static status bind_entry(struct partitioner *partitioner, const struct schema *schema,
                         const struct partition_spec *spec, int32_t today, struct error *err)
{
    size_t at = schema_find(schema, spec->column);
    if (at == SIZE_MAX)
        return no_such_column(schema, spec->column, err);
    TRY(check_spec(spec, err));
    TRY(check_type(&schema->fields[at], spec, err));
    struct partition_entry entry = {.transform = spec->transform,
                                    .column = at,
                                    .first_key = partitioner->keys.n_fields,
                                    .n_keys = spec->transform == PARTITION_YMD ? 3 : 1,
                                    .month_until = today - spec->after_days,
                                    .argument = spec->argument};
    TRY(add_keys(partitioner, schema, spec, &entry, err));
    partitioner->entries[partitioner->n_entries++] = entry;
    return STATUS_OK;
}

/* An identity under its own name moves the column from the files to the table's metadata. */
static bool is_taken(const struct partitioner *partitioner, const struct schema *schema, size_t at)
{
    for (size_t i = 0; i < partitioner->n_entries; i++) {
        const struct partition_entry *entry = &partitioner->entries[i];
        if (partition_is_identity(entry) && entry->column == at &&
            text_equal(partitioner->keys.fields[entry->first_key].name, schema->fields[at].name))
            return true;
    }
    return false;
}

status partitioner_new(const struct schema *schema, const struct partition_spec *specs, size_t n,
                       int32_t today, struct partitioner **out, struct error *err)
{
    struct partitioner *made = mem_zalloc(sizeof(*made));
    if (!made)
        return error_no_memory(err);
    made->entries = mem_zalloc((n + 1) * sizeof(*made->entries));
    made->data_columns = mem_zalloc((schema->n_fields + 1) * sizeof(*made->data_columns));
    status s = made->entries && made->data_columns ? STATUS_OK : error_no_memory(err);
    for (size_t i = 0; s == STATUS_OK && i < n; i++)
        s = bind_entry(made, schema, &specs[i], today, err);
    if (s != STATUS_OK) {
        partitioner_free(made);
        return s;
    }
    for (size_t i = 0; i < schema->n_fields; i++)
        if (!is_taken(made, schema, i))
            made->data_columns[made->n_data_columns++] = i;
    *out = made;
    return STATUS_OK;
}

void partitioner_free(struct partitioner *partitioner)
{
    if (!partitioner)
        return;
    schema_release(&partitioner->keys);
    mem_free(partitioner->entries);
    mem_free(partitioner->data_columns);
    mem_free(partitioner);
}

const struct schema *partitioner_keys(const struct partitioner *partitioner)
{
    return &partitioner->keys;
}

void partitioner_data_columns(const struct partitioner *partitioner, size_t *out_pick,
                              size_t *out_n)
{
    if (partitioner->n_data_columns)
        memcpy(out_pick, partitioner->data_columns,
               partitioner->n_data_columns * sizeof(*out_pick));
    *out_n = partitioner->n_data_columns;
}
