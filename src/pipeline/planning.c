/* Step 2: what the run will do. The contract, what changed in the source's schema, the snapshot, the bound, the splits; and the
 * digest that names all of it, so that a later run knows whether finished work of this one is its own. */
#include <string.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "pipeline/stream.h"
#include "json/json.h"

enum {
    /* A killed run loses at most what its workers had in hand; and each row group repeats the dictionaries. */
    SPLITS_AIMED_AT = 48,
    MIN_SPLIT_ROWS = 4096,
    /* What the workers encode needs no encoding when files are assembled, and stands in the files as it is; a little
     * more than KEEP_ROWS of write_chunk.c, for splits that come out smaller than they were meant to. */
    KEPT_SPLIT_ROWS = 70000,
    MAX_KEY_COLUMNS = 16,
};

/* ---- the request ---- */

static bool has_watermark(const struct stream_run *stream)
{
    const struct run_record *record = &stream->state.record;
    return stream->state.has_record && record->update_key && !record->watermark.is_null;
}

/* The old watermark counts only for the column it was taken from. */
static status take_lower(struct stream_run *stream, struct error *err)
{
    const struct run_record *record = &stream->state.record;
    stream->lower.is_null = true;
    stream->first_load = true;
    if (stream->mode != MODE_INCREMENTAL && !stream->partial)
        return STATUS_OK;
    if (!has_watermark(stream)) {
        /* rows that --partitions runs brought are loaded again as a whole, not added to */
        return STATUS_OK;
    }
    if (!text_equal(record->update_key, stream->spec->update_key))
        return error_set(err, STATUS_HELD,
                         "the table's watermark is of column \"%s\", the job says update_key: %s; "
                         "load once with --mode full-refresh to change it",
                         record->update_key,
                         stream->spec->update_key ? stream->spec->update_key : "(none)");
    stream->first_load = false;
    stream->lower = record->watermark;
    return record->watermark_is_fence ? STATUS_OK
                                      : known_rows_init(&stream->known, &record->ties, err);
}

/* A full refresh of a stream that the job loads incrementally sets the watermark, so that the next run goes on from it; and
 * given partitions of a table that has one must know what lies above it. */
static const char *key_to_read(const struct stream_run *stream)
{
    const struct stream_spec *spec = stream->spec;
    bool wanted = stream->mode == MODE_INCREMENTAL || spec->mode == MODE_INCREMENTAL ||
                  !stream->lower.is_null;
    return wanted ? spec->update_key : NULL;
}

/* It speaks of the column that the record names. */
static const char *state_of_fence(const struct stream_run *stream)
{
    const struct run_record *record = &stream->state.record;
    bool same = stream->state.has_record && text_equal(record->update_key, key_to_read(stream));
    return same ? record->fence_state : NULL;
}

/* None where the schema may become whatever the source says. */
static const struct schema *contract_to_keep(const struct stream_run *stream)
{
    bool anew = stream->mode != MODE_INCREMENTAL && stream->run->options->accept_schema;
    return stream->state.has_record && !anew ? &stream->state.record.contract : NULL;
}

static void fill_request(struct stream_run *stream)
{
    const struct stream_spec *spec = stream->spec;
    stream->request = (struct read_request){
        .stream = spec->query ? NULL : spec->name,
        .query = spec->query,
        .where = spec->where,
        .select = spec->select,
        .columns = spec->columns,
        .n_columns = spec->n_columns,
        .contract = contract_to_keep(stream),
        .primary_key = spec->primary_key,
        .update_key = key_to_read(stream),
        .watched = stream->run->watched,
        .keyed = stream->run->keyed,
        .lower = stream->lower.is_null || stream->partial ? NULL : &stream->lower,
        .bound_known = stream->partial && !stream->lower.is_null,
        .fence_state = state_of_fence(stream),
        .nulls_ok = spec->update_key_nulls,
        .split_rows = 0,
        .max_readers = stream->run->readers,
        .cancel = stream->run->cancel,
    };
}

static status_code plan_once(void *context, unsigned attempt, struct error *err)
{
    struct stream_run *stream = context;
    return stream->run->job->source->plan(stream->run->source, &stream->request, &stream->plan,
                                          err);
}

/* ---- schemas of files and table ---- */

static status plan_schemas(struct stream_run *stream, struct error *err)
{
    const struct stream_spec *spec = stream->spec;
    const struct schema *schema = &stream->carried;
    TRY(stream_plan_carries(stream, err));
    TRY(partitioner_new(schema, spec->partitions, spec->n_partitions, stream->plan.today,
                        &stream->partitioner, err));
    TRY(schema_copy(partitioner_keys(stream->partitioner), &stream->keys, err));
    if (stream->keys.n_fields > MAX_KEY_COLUMNS)
        return error_set(err, STATUS_BAD_CONFIG, "partition_by makes %zu columns, the limit is %d",
                         stream->keys.n_fields, MAX_KEY_COLUMNS);
    stream_give_field_ids(stream);

    size_t n = 0;
    stream->data_pick = arena_alloc(&stream->arena, (schema->n_fields + 1) * sizeof(size_t));
    if (!stream->data_pick)
        return error_no_memory(err);
    partitioner_data_columns(stream->partitioner, stream->data_pick, &n);
    if (n == 0)
        return error_set(err, STATUS_BAD_CONFIG,
                         "every column is a partition column; leave at least one for the files");
    TRY(schema_select(schema, stream->data_pick, n, &stream->data_schema, err));
    TRY(stream_table_schema(stream, err));
    if (stream->table)
        TRY(spec->table->check_schema(stream->table, &stream->table_schema, err));
    return STATUS_OK;
}

/* ---- the digest ---- */

static void digest_fields(struct text *text, const struct schema *schema)
{
    char type[64];
    for (size_t i = 0; i < schema->n_fields; i++)
        text_printf(text, "field %d %s %s %d\n", schema->fields[i].field_id, schema->fields[i].name,
                    type_text(schema->fields[i].type, type), schema->fields[i].nullable);
}

static void digest_values(struct text *text, const struct option_values *options)
{
    for (size_t i = 0; i < options->n_values; i++) {
        const struct option_value *value = &options->values[i];
        text_printf(text, "option %s=%s\n", options->specs[i].name, value->text ? value->text : "");
        for (size_t k = 0; k < value->n_items; k++)
            text_printf(text, "item %s\n", value->items[k]);
    }
}

static void digest_options(struct text *text, const struct option_values *options)
{
    digest_values(text, options);
    for (size_t i = 0; i < options->n_entries; i++) {
        text_printf(text, "options of %s\n", options->entries[i].name);
        digest_values(text, &options->entries[i].values);
    }
}

static void digest_job(struct stream_run *stream, struct text *text)
{
    const struct stream_spec *spec = stream->spec;
    /* a release that has another form can't read them */
    text_printf(text, "pieces %s\n", BATCH_PLAIN_FORM);
    text_printf(text, "stream %s\nquery %s\nwhere %s\nkey %s\nlower %s\nrecord %lld\n", spec->name,
                spec->query ? spec->query : "", spec->where ? spec->where : "",
                stream->request.update_key ? stream->request.update_key : "",
                scalar_text(&stream->lower, &stream->arena),
                stream->state.has_record ? (long long)stream->state.record.number : -1LL);
    for (size_t i = 0; i < spec->n_columns; i++)
        text_printf(text, "policy %s %d\n", spec->columns[i].name, spec->columns[i].on_error);
    for (size_t i = 0; i < spec->n_partitions; i++)
        text_printf(text, "partition %s\n",
                    partition_spec_text(&spec->partitions[i], &stream->arena));
    for (const char *const *value = stream->run->options->partitions; value && *value; value++)
        text_printf(text, "only %s\n", *value);
    digest_options(text, &spec->format_options);
}

/* Every input that decides what a split's segment holds. */
static void digest_inputs(struct stream_run *stream, struct text *text)
{
    const struct read_plan *plan = &stream->plan;
    text_printf(text, "leat plan 2\nsource %s\ntoken %s\nbound %s\ntoday %d\n",
                plan->source_identity, plan->token ? plan->token : "",
                scalar_text(&plan->bound, &stream->arena), plan->today);
    digest_job(stream, text);
    digest_fields(text, &plan->schema);
    digest_fields(text, &stream->carried);
    for (size_t i = 0; i < plan->n_splits; i++)
        text_printf(text, "split %s\n", plan->splits[i].text);
}

static status hash_text(const struct text *text, char out[33], struct error *err)
{
    TRY(text_check(text, err));
    XXH128_hash_t hash = XXH3_128bits(text->data, text->size);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    bytes_to_hex(canonical.digest, sizeof(canonical.digest), out);
    return STATUS_OK;
}

static status take_digest(struct stream_run *stream, struct error *err)
{
    SCOPED(text_release) struct text text = {0};
    digest_inputs(stream, &text);
    return hash_text(&text, stream->digest, err);
}

/* Of all that is known without a plan. What a plan brings, and a kept split must have in common with it, is compared then. */
static status take_work(struct stream_run *stream, struct error *err)
{
    SCOPED(text_release) struct text text = {0};
    text_printf(&text, "leat work 1\nmode %d nulls %d\n", stream->mode, stream->request.nulls_ok);
    digest_job(stream, &text);
    return hash_text(&text, stream->work, err);
}

/* ---- the source's plan ---- */

/* Of what is left, if splits are kept; where that can't be told, of all. */
static status plan_source(struct stream_run *stream, struct error *err)
{
    int64_t patience_ms = stream->run->plan_patience_ms;
    TRY(take_work(stream, err));
    TRY(stream_find_kept(stream, err));
    if (stream->kept.n > 0)
        stream->request.lower = &stream->kept.end;
    TRY(with_patience(patience_ms, &stream->cancel, plan_once, stream, err));
    if (stream_kept_fit(stream))
        return stream_join_kept(stream, err);
    stream_drop_kept(stream);
    TRY(stream_clear_staging(stream, err));
    read_plan_release(&stream->plan);
    stream->plan = (struct read_plan){0};
    stream->request.lower = stream->lower.is_null ? NULL : &stream->lower;
    return with_patience(patience_ms, &stream->cancel, plan_once, stream, err);
}

/* ---- the report ---- */

static status report_plan(struct stream_run *stream, struct error *err)
{
    struct stream_report *report = stream->report;
    const struct read_plan *plan = &stream->plan;
    struct arena *arena = stream->run->arena;
    report->consistency = arena_strdup(arena, plan->consistency ? plan->consistency : "");
    report->splits = plan->n_splits;
    report->rows_planned = plan->rows;
    report->rows_planned_exact = plan->rows_exact;
    report->bytes_planned = plan->bytes;
    report->file_size = stream->spec->file_size;
    for (size_t i = 0; plan->notes && plan->notes[i]; i++)
        stream_note(stream, "%s", plan->notes[i]);
    if (!stream->lower.is_null)
        report->watermark_before = scalar_text(&stream->lower, arena);
    report->watermark = report->watermark_before;
    if (stream->request.update_key && !plan->bound.is_null && !stream->partial)
        report->watermark = scalar_text(&plan->bound, arena);

    SCOPED(text_release) struct text by = {0};
    for (size_t i = 0; i < stream->spec->n_partitions; i++)
        text_printf(&by, "%s%s", i ? ", " : "",
                    partition_spec_text(&stream->spec->partitions[i], &stream->arena));
    report->partition_by = arena_strdup(arena, text_string(&by));
    if (!stream->run->options->dry_run)
        return STATUS_OK;
    report->split_texts = arena_alloc(arena, (plan->n_splits + 1) * sizeof(char *));
    if (!report->split_texts)
        return error_no_memory(err);
    for (size_t i = 0; i < plan->n_splits; i++)
        report->split_texts[i] = arena_strdup(arena, plan->splits[i].text);
    return STATUS_OK;
}

/* While the source can't tell which rows are complete, a load that would replace the table leaves it as it is. A table that
 * stays empty until somebody does something is not made at all. */
static status keep_while_held(struct stream_run *stream, struct error *err)
{
    if (!stream->plan.bound_held || stream->partial)
        return STATUS_OK;
    if (!stream->state.has_record && stream->plan.bound_wants_help)
        return error_set(err, STATUS_HELD, "%s, so a first load would be without rows",
                         stream->plan.bound_held);
    if (!stream->state.has_record)
        return STATUS_OK;
    if (stream->mode != MODE_INCREMENTAL)
        return error_set(err, STATUS_HELD,
                         "%s, so a full refresh would leave the table without rows; run again "
                         "later",
                         stream->plan.bound_held);
    stream->first_load = false;
    return STATUS_OK;
}

/* Rows that the table holds and the source still has must not go because the bound has fallen behind them. */
static status keep_rows_above(struct stream_run *stream, struct error *err)
{
    const struct run_record *record = &stream->state.record;
    const struct read_plan *plan = &stream->plan;
    if (stream->mode == MODE_INCREMENTAL || stream->partial || !plan->bound_leaves ||
        plan->bound.is_null || !has_watermark(stream) ||
        !text_equal(record->update_key, stream->request.update_key) ||
        record->watermark.type.id != plan->bound.type.id ||
        scalar_compare(&record->watermark, &plan->bound) <= 0)
        return STATUS_OK;
    const char *watermark = scalar_text(&record->watermark, &stream->arena);
    return error_set(err, STATUS_HELD,
                     "%s. The table holds rows below %s, and a full refresh would drop those of "
                     "them that it leaves",
                     plan->bound_leaves, watermark ? watermark : "its watermark");
}

status stream_plan(struct stream_run *stream, struct error *err)
{
    TRY(stream_check_partial(stream, err));
    TRY(take_lower(stream, err));
    fill_request(stream);
    stream->row_group_rows =
        (uint64_t)option_number(&stream->spec->format_options, "row_group_rows");
    if (stream->row_group_rows == 0)
        stream->row_group_rows = 500000;
    stream->request.split_rows = MIN_SPLIT_ROWS;
    stream->request.split_count = SPLITS_AIMED_AT;
    stream->request.kept_rows = KEPT_SPLIT_ROWS;
    stream->request.crew = stream->run->workers;
    stream->request.max_split_rows = stream->row_group_rows;
    TRY(plan_source(stream, err));
    TRY(keep_while_held(stream, err));
    TRY(keep_rows_above(stream, err));
    TRY(job_check_schema(stream->spec, &stream->plan.schema, err));
    TRY(stream_check_contract(stream, err));
    TRY(plan_schemas(stream, err));
    TRY(job_check_format(stream->spec, &stream->data_schema, err));
    TRY(stream_check_partition_values(stream, err));
    TRY(take_digest(stream, err));
    stream->staging = arena_printf(&stream->arena, "%s/%s", STAGING_ROOT, stream->run->run_id);
    stream->splits = mem_zalloc((stream->plan.n_splits + 1) * sizeof(*stream->splits));
    if (!stream->staging || !stream->splits)
        return error_no_memory(err);
    return report_plan(stream, err);
}
