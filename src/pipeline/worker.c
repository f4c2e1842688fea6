/* What a thread keeps from split to split: buffers that have grown, and the encoder. */
#include "pipeline/split_work.h"

static void worker_free(struct worker *worker, const struct format_driver *format)
{
    batch_release(&worker->chunk);
    carried_rows_release(&worker->carried);
    if (worker->encoder)
        format->encoder_free(worker->encoder);
    partition_groups_release(&worker->groups);
    row_group_release(&worker->group);
    batch_codes_release(&worker->codes);
    batch_release(&worker->gathered);
    mem_free(worker->view);
    mem_free(worker);
}

static status worker_init(struct worker *worker, struct stream_run *stream, struct error *err)
{
    TRY(batch_init(&worker->chunk, &stream->plan.schema, err));
    TRY(carried_rows_init(stream, &worker->carried, err));
    TRY(batch_init(&worker->gathered, &stream->data_schema, err));
    TRY(stream->spec->format->encoder_new(&stream->data_schema, &stream->spec->format_options,
                                          &worker->encoder, err));
    worker->view = mem_zalloc(stream->data_schema.n_fields * sizeof(*worker->view));
    TRY(batch_codes_init(&worker->codes, stream->data_schema.n_fields, err));
    return worker->view ? STATUS_OK : error_no_memory(err);
}

static status renew(struct batch *batch, struct error *err)
{
    struct batch fresh;
    TRY(batch_init(&fresh, batch->schema, err));
    batch_release(batch);
    *batch = fresh;
    return STATUS_OK;
}

/* Ready for the next chunk, which is likely to be as this one was: what its texts used is kept, so that no page is asked for
 * twice, but not where it would be in the way of other columns' texts. */
status worker_empty(struct worker *worker, const struct split_room *room, struct error *err)
{
    bool much = room->data_bytes - worker->room.left > room->chunk_bytes / 2;
    bool outgrew = batch_outgrew_region(&worker->chunk);
    if (much)
        batch_trim_data(&worker->chunk);
    batch_clear(&worker->chunk);
    batch_clear(&worker->gathered);
    row_group_release(&worker->group);
    worker->outgrew_region |= outgrew;
    much = much && room->data_bytes - worker->room.left > room->chunk_bytes / 2;
    if (much || outgrew) {
        TRY(renew(&worker->chunk, err));
        TRY(renew(&worker->gathered, err));
        worker->room.left = room->data_bytes;
        batch_limit_data(&worker->chunk, &worker->room);
    }
    return STATUS_OK;
}

/* A worker that has done splits keeps its chunk, but not what has grown in a share of another size. */
status worker_begin(struct worker *worker, const struct split_room *room, struct error *err)
{
    if (worker->share_bytes == room->share_bytes)
        return STATUS_OK;
    if (worker->share_bytes) {
        TRY(renew(&worker->chunk, err));
        TRY(renew(&worker->gathered, err));
    }
    worker->share_bytes = room->share_bytes;
    worker->room = (struct data_room){.left = room->data_bytes, .most = room->value_bytes};
    batch_limit_data(&worker->chunk, &worker->room);
    return STATUS_OK;
}

/* One that is idle, and *OUT_OTHERS: those whose buffers have grown in shares of another size. Nobody may come for them again,
 * and their shares are given back. */
static struct worker *take_idle(struct split_pass *pass, uint64_t share_bytes,
                                struct worker **out_others)
{
    pthread_mutex_lock(&pass->mutex);
    struct worker *worker = pass->idle;
    if (worker)
        pass->idle = worker->next;
    for (struct worker **link = &pass->idle; *link;) {
        struct worker *idle = *link;
        if (idle->share_bytes == share_bytes) {
            link = &idle->next;
            continue;
        }
        *link = idle->next;
        idle->next = *out_others;
        *out_others = idle;
    }
    pthread_mutex_unlock(&pass->mutex);
    return worker;
}

static void free_all(struct worker *worker, const struct format_driver *format)
{
    while (worker) {
        struct worker *next = worker->next;
        worker_free(worker, format);
        worker = next;
    }
}

status worker_take(struct split_pass *pass, uint64_t share_bytes, struct worker **out,
                   struct error *err)
{
    const struct format_driver *format = pass->stream->spec->format;
    struct worker *others = NULL, *worker = take_idle(pass, share_bytes, &others);
    free_all(others, format);
    if (worker) {
        *out = worker;
        return STATUS_OK;
    }
    worker = mem_zalloc(sizeof(*worker));
    if (!worker)
        return error_no_memory(err);
    status_code code = worker_init(worker, pass->stream, err);
    if (code != STATUS_OK) {
        worker_free(worker, format);
        return code;
    }
    *out = worker;
    return STATUS_OK;
}

/* Nobody comes for a worker when others wait for all splits that have not begun: it is freed while those are read. */
void worker_give_back(struct split_pass *pass, struct worker *worker)
{
    batch_clear(&worker->chunk);
    batch_clear(&worker->gathered);
    pthread_mutex_lock(&pass->mutex);
    size_t n_idle = 0;
    for (const struct worker *idle = pass->idle; idle; idle = idle->next)
        n_idle++;
    bool wanted = pass->n_begun + n_idle < pass->stream->plan.n_splits;
    if (wanted) {
        worker->next = pass->idle;
        pass->idle = worker;
    }
    pthread_mutex_unlock(&pass->mutex);
    if (!wanted)
        worker_free(worker, pass->stream->spec->format);
}

void workers_free(struct split_pass *pass)
{
    pthread_mutex_lock(&pass->mutex);
    struct worker *worker = pass->idle;
    pass->idle = NULL;
    pthread_mutex_unlock(&pass->mutex);
    free_all(worker, pass->stream->spec->format);
}
