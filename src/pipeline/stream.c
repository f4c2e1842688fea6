#include "pipeline/stream.h"

#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

void stream_note(struct stream_run *stream, const char *format, ...)
{
    struct text text = {0};
    va_list args;
    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);

    struct stream_report *report = stream->report;
    struct arena *arena = stream->run->arena;
    const char **notes = arena_alloc(arena, (report->n_notes + 1) * sizeof(*notes));
    char *note = arena_strdup(arena, text_string(&text));
    text_release(&text);
    if (!notes || !note)
        return; /* a remark may be lost; the run goes on */
    if (report->n_notes)
        memcpy(notes, report->notes, report->n_notes * sizeof(*notes));
    notes[report->n_notes] = note;
    report->notes = notes;
    report->n_notes++;
}

/* ---- retry: lives here and reads only the status ---- */

enum { MAX_TRIES = 5, FIRST_WAIT_MS = 100, MOST_WAIT_MS = 5000, STEP_MS = 50 };

static void sleep_unless_cancelled(int64_t wait_ms, struct cancel *cancel)
{
    for (int64_t left = wait_ms; left > 0; left -= STEP_MS) {
        struct error cancelled;
        if (cancel_check(cancel, &cancelled) != STATUS_OK)
            return;
        clock_sleep_ms(left < STEP_MS ? left : STEP_MS);
    }
}

status with_patience(int64_t patience_ms, struct cancel *cancel, try_fn once, void *context,
                     struct error *err)
{
    for (unsigned attempt = 0;; attempt++) {
        TRY(cancel_check(cancel, err));
        memset(err, 0, sizeof(*err));
        status_code code = once(context, attempt, err);
        if (code != STATUS_UNAVAILABLE)
            return code;
        if (attempt + 1 >= MAX_TRIES && patience_ms <= 0)
            return error_context(err, "in each of %u tries", attempt + 1);
        int64_t wait_ms = backoff_ms(attempt, FIRST_WAIT_MS, MOST_WAIT_MS);
        patience_ms -= wait_ms;
        sleep_unless_cancelled(wait_ms, cancel);
    }
}

status with_retries(struct cancel *cancel, try_fn once, void *context, struct error *err)
{
    return with_patience(0, cancel, once, context, err);
}

/* ---- shares of the memory budget ---- */

/* What a reader, an encoder and their buffers take before the first row, about; measured with 3 and with 1,600 columns. */
static const uint64_t LEAST_TASK_BYTES = 12 << 20, LEAST_COLUMN_BYTES = 12 << 10;
/* Of it an encoder may have so much. */
static const uint64_t LEAST_ENCODER_BYTES = 5 << 20;

enum { LEAST_PIECES_BYTES = 1 << 20 };

uint64_t stream_kept_bytes(const struct stream_run *stream)
{
    return budget_limit(stream->run->budget) / 8;
}

uint64_t stream_task_bytes(const struct stream_run *stream)
{
    return budget_limit(stream->run->budget) - stream->held_bytes;
}

status stream_hold(struct stream_run *stream, struct error *err)
{
    uint64_t kept = stream_kept_bytes(stream);
    size_t pieces = kept / 8 > LEAST_PIECES_BYTES ? kept / 8 : LEAST_PIECES_BYTES;
    char *name = arena_printf(&stream->arena, "%s/pieces", stream->staging);
    if (!name)
        return error_no_memory(err);
    TRY(stream->spec->format->encoder_needs(&stream->data_schema, &stream->spec->format_options,
                                            &stream->needs, err));
    pieces_release(&stream->pieces);
    TRY(pieces_init(&stream->pieces, stream->storage, name, pieces, stream->plan.n_splits, err));
    TRY(budget_wait(stream->run->budget, kept + stream->plan.held_bytes, &stream->cancel, err));
    stream->held_bytes = kept + stream->plan.held_bytes;
    return STATUS_OK;
}

void stream_let_go(struct stream_run *stream)
{
    pieces_release(&stream->pieces);
    budget_return(stream->run->budget, stream->held_bytes);
    stream->held_bytes = 0;
}

uint64_t stream_share_bytes(const struct stream_run *stream, unsigned *threads)
{
    uint64_t limit = stream_task_bytes(stream);
    uint64_t least = LEAST_TASK_BYTES + stream->plan.schema.n_fields * LEAST_COLUMN_BYTES;
    uint64_t encoder = stream->needs.bytes > LEAST_ENCODER_BYTES ? stream->needs.bytes : 0;
    least += encoder;
    uint64_t most = limit / least ? limit / least : 1;
    if (*threads > most)
        *threads = (unsigned)most;
    if (*threads == 0)
        *threads = 1;
    uint64_t share = limit / *threads;
    return share > 2 * encoder ? share - encoder : share / 2;
}

void batch_view(const struct batch *batch, const struct schema *schema, const size_t *pick,
                struct column *columns, struct batch *out)
{
    for (size_t i = 0; i < schema->n_fields; i++)
        columns[i] = batch->columns[pick[i]];
    *out = (struct batch){.schema = schema, .rows = batch->rows, .columns = columns};
}

void stream_plan_release(struct stream_run *stream)
{
    for (size_t i = 0; stream->splits && i < stream->plan.n_splits; i++)
        split_result_release(&stream->splits[i]);
    mem_free(stream->splits);
    stream->splits = NULL;
    mem_free(stream->known.used);
    stream->known.used = NULL;
    stream->known.ties = NULL;
    stream->known_pick = NULL;
    partition_keys_free(stream->all_keys);
    stream->all_keys = NULL;
    partitioner_free(stream->partitioner);
    stream->partitioner = NULL;
    schema_release(&stream->keys);
    schema_release(&stream->carried);
    schema_release(&stream->known_schema);
    schema_release(&stream->data_schema);
    schema_release(&stream->table_schema);
    read_plan_release(&stream->plan);
    stream->plan = (struct read_plan){0};
}

void stream_run_release(struct stream_run *stream)
{
    stream_plan_release(stream);
    stream_drop_kept(stream);
    table_state_release(&stream->state);
    if (stream->table)
        stream->spec->table->close(stream->table);
    if (stream->locked)
        storage_unlock(stream->storage, TABLE_LOCK);
    storage_close(stream->storage);
    pthread_mutex_destroy(&stream->plan_mutex);
    saver_release(&stream->saver);
    pthread_mutex_destroy(&stream->keys_mutex);
    pthread_mutex_destroy(&stream->known.mutex);
    arena_release(&stream->arena);
    stream->storage = NULL;
    stream->table = NULL;
}
