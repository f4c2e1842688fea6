/* A snapshot that is lost, and another one in its place.
 *
 *   read splits --SNAPSHOT_LOST--> plan_end -> plan dropped, staging cleared -> planned again -> read splits
 *
 * 1. Rows of two snapshots never meet in one version, except where two runs would have loaded them: the first splits of an
 *    incremental read, in the order of its key (keep.c). All other that the stream has read is thrown away, and removed from
 *    its staging area before the first object of the new plan is put there.
 * 2. The new plan has the bound of its own snapshot (invariant 5), and the old watermark is still the one that was read under
 *    the table's lock.
 * 3. Streams that are published stay so: they are of an earlier moment, and the report says it.
 * 4. A run killed anywhere in between leaves a staging area without a plan, or with one that its manifests don't name: the
 *    next run removes it. */
#include "pipeline/stream.h"

status stream_keep_report(struct stream_run *stream, struct error *err)
{
    stream->unplanned = arena_alloc(&stream->arena, sizeof(*stream->unplanned));
    if (!stream->unplanned)
        return error_no_memory(err);
    *stream->unplanned = *stream->report;
    return STATUS_OK;
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
    stream_drop_assembly(stream);
    TRY(stream_keep_splits(stream, err));
    TRY(stream_clear_staging(stream, err));
    drop_plan(stream);
    return stream_plan(stream, err);
}
