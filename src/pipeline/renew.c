/* A snapshot that is lost, and another one in its place.
 *
 *   read splits --SNAPSHOT_LOST--> staging removed, plan dropped -> plan_end -> planned again -> read splits
 *
 * 1. Rows of two snapshots never meet in one version: what the stream has read is thrown away, and its staging area is
 *    removed before the first object of the new plan is put there. Splits whose rows are the same in both (DESIGN, "What a
 *    resumed run may keep") are none here: no source with a snapshot that can be lost gives such splits.
 * 2. The new plan has the bound of its own snapshot (invariant 5), and the old watermark is still the one that was read under
 *    the table's lock.
 * 3. Streams that are published stay so: they are of an earlier moment, and the report says it.
 * 4. A run killed anywhere in between leaves a staging area without a plan, or with one that its manifests don't name: the
 *    next run removes it. */
#include <string.h>

#include "base/text.h"
#include "pipeline/stream.h"

status stream_keep_report(struct stream_run *stream, struct error *err)
{
    stream->unplanned = arena_alloc(&stream->arena, sizeof(*stream->unplanned));
    if (!stream->unplanned)
        return error_no_memory(err);
    *stream->unplanned = *stream->report;
    return STATUS_OK;
}

static status drop_staging(struct stream_run *stream, struct error *err)
{
    if (!stream->staging || stream->run->options->dry_run)
        return STATUS_OK;
    return storage_remove_below(stream->storage, stream->staging, err);
}

static void drop_plan(struct stream_run *stream)
{
    stream_plan_release(stream);
    stream->cancel = (struct cancel){.parent = stream->run->cancel};
    stream->plan_written = false;
    stream->schema_changes = false;
    *stream->report = *stream->unplanned;
}

status stream_plan_again(struct stream_run *stream, struct error *err)
{
    TRY(drop_staging(stream, err));
    drop_plan(stream);
    return stream_plan(stream, err);
}
