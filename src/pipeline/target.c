/* Step 1: open the target, take its lock, read its current version. The target is the truth. */
#include <string.h>

#include "base/text.h"
#include "pipeline/stream.h"

static const char *table_url(struct stream_run *stream)
{
    const char *root = stream->spec->target ? stream->spec->target : stream->run->job->target;
    const char *slash = text_ends_with(root, "/") ? "" : "/";
    return arena_printf(&stream->arena, "%s%s%s", root, slash, stream->spec->object);
}

static status open_storage(struct stream_run *stream, struct error *err)
{
    const char *url = table_url(stream);
    if (!url)
        return error_no_memory(err);
    stream->report->table_url = job_redact_url(url, stream->run->arena);
    bool create = !stream->run->options->dry_run;
    status_code code =
        storage_open(url, &stream->run->job->storage_options, create, &stream->storage, err);
    if (code == STATUS_NOT_FOUND && !create)
        return STATUS_OK; /* a plan for a table that is not there yet */
    if (code == STATUS_DENIED)
        return error_context(err, "make the target's folder writable for this user, or correct "
                                  "target; leat check tries it");
    return code;
}

static status take_lock(struct stream_run *stream, struct error *err)
{
    char *holder = NULL;
    const char *owner = arena_printf(&stream->arena, "run %s", stream->run->run_id);
    if (!owner)
        return error_no_memory(err);
    status_code code = storage_lock(stream->storage, TABLE_LOCK, owner, &holder, err);
    if (code == STATUS_OK) {
        stream->locked = true;
        return STATUS_OK;
    }
    if (code == STATUS_CONFLICT) {
        stream->report->holder = arena_strdup(stream->run->arena, holder ? holder : "");
        stream->report->outcome = OUTCOME_LOCKED;
        code = error_set(err, STATUS_CONFLICT,
                         "%s holds this table; wait until it has ended, or stop it",
                         holder && *holder ? holder : "another run");
    }
    mem_free(holder);
    return code;
}

struct load_context {
    struct stream_run *stream;
};

static status_code load_once(void *context, unsigned attempt, struct error *err)
{
    struct stream_run *stream = ((struct load_context *)context)->stream;
    return stream->spec->table->load(stream->table, &stream->state, err);
}

static status hold_unless_accepted(struct stream_run *stream, struct error *err)
{
    const struct table_state *state = &stream->state;
    const char *why = state->hold;
    if (!why && state->exists && !state->has_record && state->has_other_data)
        why = "the table exists and was not made by this stream; `--accept-foreign` adds to it "
              "(or, with full-refresh, replaces it)";
    if (!why)
        return STATUS_OK;
    if (stream->run->options->accept_foreign) {
        stream_note(stream, "accepted: %s", why);
        return STATUS_OK;
    }
    return error_set(err, STATUS_HELD, "%s", why);
}

status stream_open_target(struct stream_run *stream, struct error *err)
{
    TRY(open_storage(stream, err));
    if (!stream->storage) {
        stream->state.version = -1;
        return STATUS_OK;
    }
    if (!stream->run->options->dry_run)
        TRY(take_lock(stream, err));
    TRY(stream->spec->table->open(stream->storage, stream->spec->name,
                                  &stream->spec->commit_options, &stream->table, err));
    stream->spec->table->limit_memory(stream->table,
                                      stream_task_bytes(stream) - stream_kept_bytes(stream));
    struct load_context context = {stream};
    TRY(with_retries(&stream->cancel, load_once, &context, err));
    return hold_unless_accepted(stream, err);
}
