/* The table's contract against the source as it is now: what changed, what the job says about such changes, and what the run
 * then does. A change that nobody chose holds the run before a row is read. */
#include <string.h>

#include "base/text.h"
#include "commit/contract.h"
#include "pipeline/stream.h"

enum { CHANGES_TOLD = 10 }; /* so that a message has room for the choices */

/* ---- what is done about a change ---- */

/* A full refresh leaves no file of the old schema behind: there --accept-schema takes whatever it is, and a new column does
 * no harm. Rows that are added to a table can bring new columns and wider types, where the job says so. */
static bool is_applied(const struct stream_run *stream, const struct column_change *change,
                       bool replaces)
{
    enum change_rule rule = stream->spec->on_change[change->kind];
    bool namesake = change->kind == CHANGE_ADD && change->was;
    if (replaces && stream->run->options->accept_schema)
        return true;
    if (namesake)
        return false;
    if (replaces && change->kind == CHANGE_ADD)
        return rule != CHANGE_STOP;
    return rule == CHANGE_APPLY;
}

static status compare_partitioning(struct stream_run *stream, struct text *out, struct error *err)
{
    const struct run_record *record = &stream->state.record;
    bool same = record->n_partition_by == stream->spec->n_partitions;
    for (size_t i = 0; same && i < record->n_partition_by; i++) {
        char *text = partition_spec_text(&stream->spec->partitions[i], &stream->arena);
        if (!text)
            return error_no_memory(err);
        same = strcmp(text, record->partition_by[i]) == 0;
    }
    if (!same)
        text_append(out, "; partition_by is not what the table has");
    return STATUS_OK;
}

static void append_choices(struct text *text, const struct contract_changes *changes, bool replaces)
{
    bool kinds[CHANGE_KINDS] = {false};
    for (size_t i = 0; i < changes->n; i++)
        kinds[changes->items[i].kind] |=
            changes->items[i].kind != CHANGE_ADD || !changes->items[i].was;
    text_append(text, replaces ? "Choose: run with --accept-schema to publish it so"
                               : "Choose: load once with --mode full-refresh --accept-schema");
    if (kinds[CHANGE_ADD])
        text_append(text, "; take new columns with on_change: {add: apply}");
    if (kinds[CHANGE_WIDEN])
        text_append(text, "; take wider types with on_change: {widen: apply}");
    text_append(text, "; leave a column out with select");
}

static status hold(const struct text *what, const struct contract_changes *changes, bool replaces,
                   struct error *err)
{
    SCOPED(text_release) struct text choices = {0};
    append_choices(&choices, changes, replaces);
    TRY(text_check(what, err));
    TRY(text_check(&choices, err));
    return error_set(err, STATUS_SCHEMA_CHANGED, "the source's schema is not the table's%s. %s",
                     text_string(what), text_string(&choices));
}

/* ---- rows at the watermark ---- */

/* Those that the table has are known by a digest over the columns as they were, so the same columns must be looked at now: a
 * new one is left out. A number that got wider has other bytes in it, and nothing finds its row again. */
static status find_known_columns(struct stream_run *stream, const struct contract_changes *changes,
                                 struct error *err)
{
    const struct schema *before = &stream->state.record.contract, *now = &stream->plan.schema;
    if (!stream->known.ties || stream->known.ties->n == 0)
        return STATUS_OK;
    for (size_t i = 0; i < changes->n; i++) {
        const struct column_change *change = &changes->items[i];
        if (change->kind == CHANGE_WIDEN &&
            digest_value_bytes(change->was->type) != digest_value_bytes(change->is->type))
            return error_set(err, STATUS_SCHEMA_CHANGED,
                             "column \"%s\" got a wider type, and rows that the table has at the "
                             "watermark are known by the old one; load once with --mode "
                             "full-refresh",
                             change->is->name);
    }
    size_t *pick = arena_alloc(&stream->arena, (before->n_fields + 1) * sizeof(*pick));
    if (!pick)
        return error_no_memory(err);
    for (size_t i = 0; i < before->n_fields; i++)
        pick[i] = SIZE_MAX;
    for (size_t i = 0; i < now->n_fields; i++)
        if (changes->was[i] != SIZE_MAX)
            pick[changes->was[i]] = i;
    for (size_t i = 0; i < before->n_fields; i++)
        if (pick[i] == SIZE_MAX)
            return STATUS_OK; /* only a full refresh gets here, which knows no rows */
    TRY(schema_select(now, pick, before->n_fields, &stream->known_schema, err));
    stream->known_pick = pick;
    return STATUS_OK;
}

/* ---- the contract ---- */

/* Columns of a table of several versions may be NULL in rows of any: what was allowed stays so, and rows that are older than
 * a column have none. */
static void keep_nullable(struct stream_run *stream)
{
    const struct schema *before = &stream->state.record.contract;
    for (size_t i = 0; i < stream->plan.schema.n_fields; i++) {
        struct field *field = &stream->plan.schema.fields[i];
        size_t was = stream->contract_was[i];
        field->nullable |= was == SIZE_MAX || before->fields[was].nullable;
    }
}

static status check_source(const struct stream_run *stream, struct error *err)
{
    const struct run_record *record = &stream->state.record;
    if (text_equal(record->source_identity, stream->plan.source_identity) ||
        stream->run->options->accept_foreign)
        return STATUS_OK;
    return error_set(err, STATUS_HELD,
                     "the table was loaded from another source (%s, now %s); if it is the same "
                     "one at a new place run once with --accept-foreign",
                     record->source_identity, stream->plan.source_identity);
}

status stream_check_contract(struct stream_run *stream, struct error *err)
{
    struct contract_changes changes;
    SCOPED(text_release) struct text told = {0};
    bool replaces = stream->first_load && !stream->partial, applied = true;
    stream->widens = false; /* a plan may be made again */
    stream->contract_was = NULL;
    if (!stream->state.has_record)
        return STATUS_OK;
    TRY(check_source(stream, err));
    TRY(contract_compare(stream->spec->table, &stream->state.record.contract, &stream->plan.schema,
                         &stream->arena, &changes, err));
    stream->contract_was = changes.was;
    TRY(compare_partitioning(stream, &told, err));
    if (told.size > 0)
        applied = replaces && stream->run->options->accept_schema;
    for (size_t i = 0; i < changes.n; i++) {
        if (i < CHANGES_TOLD) {
            text_append(&told, "; ");
            contract_change_append(&told, &changes.items[i]);
        }
        applied &= is_applied(stream, &changes.items[i], replaces);
        stream->widens |= changes.items[i].kind == CHANGE_WIDEN;
    }
    if (changes.n > CHANGES_TOLD)
        text_printf(&told, "; and %zu more changes, which leat check lists",
                    changes.n - CHANGES_TOLD);
    if (!applied)
        return hold(&told, &changes, replaces, err);
    if (told.size > 0) {
        stream->schema_changes = true;
        stream_note(stream, "the table's schema changes with this run%s", text_string(&told));
    }
    if (replaces)
        return STATUS_OK;
    keep_nullable(stream);
    return find_known_columns(stream, &changes, err);
}

/* ---- field ids ---- */

static int32_t highest_field_id(const struct run_record *record)
{
    int32_t highest = 0;
    for (size_t i = 0; i < record->contract.n_fields; i++)
        if (record->contract.fields[i].field_id > highest)
            highest = record->contract.fields[i].field_id;
    for (size_t i = 0; i < record->partition_keys.n_fields; i++)
        if (record->partition_keys.fields[i].field_id > highest)
            highest = record->partition_keys.fields[i].field_id;
    return highest;
}

void stream_give_field_ids(struct stream_run *stream)
{
    const struct run_record *record = &stream->state.record;
    bool known = stream->state.has_record;
    int32_t next = known ? highest_field_id(record) + 1 : 1;
    for (size_t i = 0; i < stream->plan.schema.n_fields; i++) {
        struct field *field = &stream->plan.schema.fields[i];
        size_t was = stream->contract_was ? stream->contract_was[i] : SIZE_MAX;
        int32_t id = was == SIZE_MAX ? 0 : record->contract.fields[was].field_id;
        field->field_id = id > 0 ? id : next++;
        stream->carried.fields[i].field_id = field->field_id;
    }
    for (size_t i = 0; i < stream->keys.n_fields; i++) {
        struct field *key = &stream->keys.fields[i];
        size_t column = schema_find(&stream->plan.schema, key->name);
        size_t old = known ? schema_find(&record->partition_keys, key->name) : SIZE_MAX;
        if (column != SIZE_MAX)
            key->field_id = stream->plan.schema.fields[column].field_id;
        else if (old != SIZE_MAX && record->partition_keys.fields[old].field_id > 0)
            key->field_id = record->partition_keys.fields[old].field_id;
        else
            key->field_id = next++;
    }
}

/* ---- the table's columns ---- */

static const struct field *column_of(const struct stream_run *stream, const char *name)
{
    const struct schema *schemas[] = {&stream->carried, &stream->keys};
    for (size_t i = 0; i < 2; i++) {
        size_t at = schema_find(schemas[i], name);
        if (at != SIZE_MAX)
            return &schemas[i]->fields[at];
    }
    return NULL;
}

/* Columns that the table has keep their order, whatever that of the source is; new ones come after them, and what periods
 * make of a column comes last in a new table. */
status stream_table_schema(struct stream_run *stream, struct error *err)
{
    const struct schema *was = &stream->state.schema,
                        *schemas[] = {&stream->carried, &stream->keys};
    bool grows = stream->state.exists && !(stream->first_load && !stream->partial);
    for (size_t i = 0; grows && i < was->n_fields; i++) {
        const struct field *field = column_of(stream, was->fields[i].name);
        if (field)
            TRY(schema_append(&stream->table_schema, field, err));
    }
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < schemas[s]->n_fields; i++)
            if (schema_find(&stream->table_schema, schemas[s]->fields[i].name) == SIZE_MAX)
                TRY(schema_append(&stream->table_schema, &schemas[s]->fields[i], err));
    return STATUS_OK;
}
