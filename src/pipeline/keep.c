/* What a stream keeps of its work when its snapshot is lost.
 *
 *   splits of snapshot 1   | read | read | read | lost | read |      keys grow ->
 *   kept                   |--------------------|
 *   plan of snapshot 2                          | all that is left, up to its own bound |
 *
 * What is published is what two runs would have loaded, one that ended where the kept splits do and one that went on from there.
 * So it holds what any two runs hold, whatever was written, moved or deleted meanwhile, and nobody has to know. That takes
 *
 * 1. an incremental run: a full refresh is of one moment;
 * 2. splits that come first in the order of the update_key, without a gap, and an end of theirs that is an exact bound: the
 *    source says so of each (source.h, complete_below). A gap would be read again later, and a row that moved from there
 *    into a kept split meanwhile would be lost. Splits by block have no such order;
 * 3. a snapshot, and locks, that stood when each of them was finished: the source is asked then (plan_holds);
 * 4. a plan of the same table and columns, on the same day, which partitions may depend on.
 *
 * Where one of them fails nothing is kept. The same holds for what a dead run left (resume.c): a split of this kind has a manifest
 * only if 3 was asked, and 4 is in the plan that lies beside it. */
#include <string.h>

#include "base/text.h"
#include "pipeline/stream.h"

/* ---- what may be kept ---- */

static bool may_keep(const struct stream_run *stream)
{
    return stream->mode == MODE_INCREMENTAL && !stream->partial && stream->splits &&
           !stream->run->options->dry_run;
}

static size_t count_kept(const struct stream_run *stream)
{
    size_t n = 0;
    for (size_t i = 0; i < stream->plan.n_splits; i++) {
        const struct split_result *result = &stream->splits[i];
        if (!result->done || !result->proven)
            break;
        if (stream->plan.splits[i].complete_below)
            n = i + 1;
    }
    return n;
}

static status copy_splits(struct stream_run *stream, size_t n, struct kept_splits *out,
                          struct error *err)
{
    struct arena *arena = &stream->arena;
    out->splits = arena_alloc(arena, n * sizeof(*out->splits));
    if (!out->splits)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct split *from = &stream->plan.splits[i];
        struct scalar *end = arena_alloc(arena, sizeof(*end));
        out->splits[i] = *from;
        out->splits[i].text = arena_strdup(arena, from->text);
        if (!end || !out->splits[i].text)
            return error_no_memory(err);
        if (from->complete_below) {
            TRY(scalar_copy(end, from->complete_below, arena, err));
            out->splits[i].complete_below = end;
        }
        TRY(scalar_copy(&out->splits[i].lower, &from->lower, arena, err));
        TRY(scalar_copy(&out->splits[i].upper, &from->upper, arena, err));
    }
    return STATUS_OK;
}

status stream_keep_splits(struct stream_run *stream, struct error *err)
{
    struct kept_splits kept = {.n = may_keep(stream) ? count_kept(stream) : 0};
    if (stream->kept.n > 0) /* those of an earlier snapshot, whose plan was lost, too */
        return STATUS_OK;
    if (kept.n == 0)
        return STATUS_OK;
    TRY(copy_splits(stream, kept.n, &kept, err));
    kept.end = *kept.splits[kept.n - 1].complete_below;
    kept.today = stream->plan.today;
    kept.source_identity = arena_strdup(&stream->arena, stream->plan.source_identity);
    if (!kept.source_identity)
        return error_no_memory(err);
    TRY(schema_copy(&stream->plan.schema, &kept.schema, err));
    kept.results = mem_alloc(kept.n * sizeof(*kept.results));
    if (!kept.results) {
        schema_release(&kept.schema);
        return error_no_memory(err);
    }
    for (size_t i = 0; i < kept.n; i++) {
        kept.results[i] = stream->splits[i];
        kept.results[i].done = false; /* until its pieces are taken again */
        stream->splits[i] = (struct split_result){0};
    }
    stream->kept = kept;
    return STATUS_OK;
}

void kept_splits_cut(struct kept_splits *kept)
{
    while (kept->n > 0 && !kept->splits[kept->n - 1].complete_below)
        split_result_release(&kept->results[--kept->n]);
    if (kept->n > 0)
        kept->end = *kept->splits[kept->n - 1].complete_below;
}

void kept_splits_release(struct kept_splits *kept)
{
    for (size_t i = 0; kept->results && i < kept->n; i++)
        split_result_release(&kept->results[i]);
    mem_free(kept->results);
    schema_release(&kept->schema);
    *kept = (struct kept_splits){0};
}

void stream_drop_kept(struct stream_run *stream)
{
    kept_splits_release(&stream->kept);
}

/* ---- the staging area ---- */

static bool is_named(const struct kept_splits *kept, const char *object)
{
    for (size_t i = 0; i < kept->n; i++)
        if (text_equal(kept->results[i].segment, object) ||
            text_equal(kept->results[i].rejects, object))
            return true;
    return false;
}

static status_code remove_unless_named(void *context, const struct storage_entry *entry,
                                       struct error *err)
{
    struct stream_run *stream = context;
    if (is_named(&stream->kept, entry->name))
        return STATUS_OK;
    return storage_remove(stream->storage, entry->name, err);
}

status stream_clear_staging(struct stream_run *stream, struct error *err)
{
    if (!stream->staging || stream->run->options->dry_run)
        return STATUS_OK;
    if (stream->kept.n == 0)
        return storage_remove_below(stream->storage, stream->staging, err);
    return storage_list(stream->storage, stream->staging, false, remove_unless_named, stream, err);
}

/* ---- the plan of what is left ---- */

static bool same_columns(const struct schema *a, const struct schema *b)
{
    if (!schema_equal(a, b))
        return false;
    for (size_t i = 0; i < a->n_fields; i++)
        if (!text_equal(a->fields[i].source_id, b->fields[i].source_id))
            return false;
    return true;
}

bool stream_kept_fit(const struct stream_run *stream)
{
    const struct kept_splits *kept = &stream->kept;
    const struct read_plan *plan = &stream->plan;
    return kept->n == 0 ||
           (kept->today == plan->today &&
            text_equal(kept->source_identity, plan->source_identity) &&
            same_columns(&kept->schema, &plan->schema) &&
            plan->bound.type.id == kept->end.type.id && kept->n + plan->n_splits <= UINT32_MAX);
}

/* Their end is a bound, whether or not the new snapshot has one. */
static void raise_bound(struct stream_run *stream)
{
    struct read_plan *plan = &stream->plan;
    if (!plan->bound.is_null && scalar_compare(&plan->bound, &stream->kept.end) >= 0)
        return;
    plan->bound = stream->kept.end;
    plan->bound_is_fence = true;
    plan->bound_held = NULL;
}

status stream_join_kept(struct stream_run *stream, struct error *err)
{
    const struct kept_splits *kept = &stream->kept;
    struct read_plan *plan = &stream->plan;
    if (kept->n == 0)
        return STATUS_OK;
    size_t n = kept->n + plan->n_splits;
    struct split *all = arena_alloc(&plan->arena, n * sizeof(*all));
    if (!all)
        return error_no_memory(err);
    memcpy(all, kept->splits, kept->n * sizeof(*all));
    memcpy(all + kept->n, plan->splits, plan->n_splits * sizeof(*all));
    for (size_t i = 0; i < n; i++)
        all[i].number = (uint32_t)i;
    plan->splits = all;
    plan->n_splits = n;
    for (size_t i = 0; i < kept->n; i++)
        plan->rows += kept->results[i].rows_read;
    plan->rows_exact = false;
    raise_bound(stream);
    return STATUS_OK;
}

/* ---- and then ---- */

status stream_take_kept(struct stream_run *stream, struct error *err)
{
    struct kept_splits *kept = &stream->kept;
    struct stream_report *report = stream->report;
    size_t n = kept->n;
    for (uint32_t i = 0; i < n; i++) {
        struct split_result *result = &kept->results[i];
        TRY(stream_adopt(stream, i, result, err));
        stream->splits[i] = *result;
        *result = (struct split_result){0};
        report->splits_kept++;
        report->rows_kept += stream->splits[i].rows_read;
    }
    if (n > 0)
        stream_note(stream,
                    "%zu of %llu splits were finished under an earlier snapshot and are kept, up "
                    "to %s",
                    n, (unsigned long long)report->splits, stream->plan.splits[n - 1].text);
    stream_drop_kept(stream);
    return STATUS_OK;
}
