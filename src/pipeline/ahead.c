/* Data files begun while splits are read. In the files of a stream without partitions the row groups stand in the order of the
 * splits, so whoever finishes a split appends those whose turn has come; when the last split ends, little is left to copy.
 *
 * Nothing depends on it: what was appended still stands in the segments, and a run that dies, loses its snapshot, or fails to
 * write, drops the files and assembles them anew. */
#include "base/clock.h"
#include "pipeline/assembling.h"

/* A finished split's row groups, until they are appended. */
struct ahead_split {
    bool done;
    uint32_t n;
    struct piece *groups;
};

struct ahead {
    struct assembling work;
    struct assembler tools; /* no encoder: row groups are copied */
    struct assembled_partition partition;
    pthread_mutex_t mutex; /* of all below */
    struct ahead_split *splits;
    size_t n_splits;
    size_t next;    /* those before are appended */
    bool busy;      /* a thread is at it */
    bool over;      /* no more */
    unsigned spent; /* attempts whose names are taken */
    size_t files;   /* that are finished */
    uint64_t
        meta_bytes; /* of what was appended since: the footer of the open file is about so large */
};

status ahead_new(struct stream_run *stream, struct assembly *assembly, struct ahead **out,
                 struct error *err)
{
    struct ahead *ahead = mem_zalloc(sizeof(*ahead));
    if (!ahead)
        return error_no_memory(err);
    *out = ahead;
    pthread_mutex_init(&ahead->mutex, NULL);
    ahead->partition.path = "";
    ahead->work = (struct assembling){.stream = stream,
                                      .assembly = assembly,
                                      .partition = &ahead->partition,
                                      .tools = &ahead->tools};
    ahead->n_splits = stream->plan.n_splits;
    ahead->splits = mem_zalloc((ahead->n_splits + 1) * sizeof(*ahead->splits));
    if (!ahead->splits)
        return error_no_memory(err);
    return assembling_init(&ahead->work, err);
}

void ahead_free(struct ahead *ahead)
{
    if (!ahead)
        return;
    if (ahead->work.stream)
        assembling_release(&ahead->work);
    for (size_t i = 0; ahead->splits && i < ahead->n_splits; i++)
        mem_free(ahead->splits[i].groups);
    mem_free(ahead->splits);
    buffer_release(&ahead->tools.bytes);
    pthread_mutex_destroy(&ahead->mutex);
    mem_free(ahead);
}

struct assembling *ahead_take(struct ahead *ahead, unsigned *out_attempt)
{
    *out_attempt = ahead->spent;
    if (!ahead->work.stream)
        return NULL;
    ahead->work.copied = (uint32_t)ahead->next;
    ahead->over = true;
    return &ahead->work;
}

/* ---- while splits are read ---- */

status stream_note_groups(struct stream_run *stream, uint32_t split, const struct piece *pieces,
                          size_t n, struct error *err)
{
    struct ahead *ahead = stream->assembly->ahead;
    if (!ahead)
        return STATUS_OK;
    struct ahead_split *note = &ahead->splits[split];
    struct piece *groups = mem_alloc(n * sizeof(*groups) + 1);
    if (!groups)
        return error_no_memory(err);
    mem_free(note->groups); /* of a try that failed */
    note->groups = groups;
    note->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].kind == PIECE_ROW_GROUP)
            groups[note->n++] = pieces[i];
    }
    return STATUS_OK;
}

static status_code append_split(struct ahead *ahead, size_t number, struct error *err)
{
    struct ahead_split *split = &ahead->splits[number];
    for (uint32_t i = 0; i < split->n; i++) {
        TRY(assembling_add(&ahead->work, &split->groups[i], (uint32_t)number, err));
        if (ahead->files != ahead->work.n_done)
            ahead->meta_bytes = 0;
        ahead->files = ahead->work.n_done;
        ahead->meta_bytes += split->groups[i].meta_bytes;
    }
    assembling_let_go(&ahead->work, (uint32_t)number);
    return STATUS_OK;
}

/* What fails for now may go well when the files are assembled; anything else would fail there, too. */
static status_code give_up(struct ahead *ahead, status_code code, struct error *err)
{
    ahead->over = true;
    ahead->spent++;
    assembling_release(&ahead->work);
    if (code != STATUS_UNAVAILABLE)
        return code;
    *err = (struct error){0};
    return STATUS_OK;
}

/* The mutex is held, but not while bytes are copied. */
static status_code append_due(struct ahead *ahead, uint64_t meta_limit, struct error *err)
{
    status_code code = STATUS_OK;
    while (code == STATUS_OK && ahead->next < ahead->n_splits && ahead->splits[ahead->next].done &&
           ahead->meta_bytes <= meta_limit) {
        struct ahead_split *split = &ahead->splits[ahead->next];
        pthread_mutex_unlock(&ahead->mutex);
        code = append_split(ahead, ahead->next, err);
        pthread_mutex_lock(&ahead->mutex);
        mem_free(TAKE(split->groups));
        ahead->next++;
    }
    return code == STATUS_OK ? code : give_up(ahead, code, err);
}

status stream_append_ahead(struct stream_run *stream, uint32_t split, struct error *err)
{
    struct ahead *ahead = stream->assembly->ahead;
    status_code code = STATUS_OK;
    if (!ahead)
        return STATUS_OK;
    int64_t started = clock_monotonic_ns();
    pthread_mutex_lock(&ahead->mutex);
    ahead->splits[split].done = true;
    if (!ahead->busy && !ahead->over) {
        ahead->busy = true;
        code = append_due(ahead, stream_kept_bytes(stream) / 8, err);
        ahead->busy = false;
    }
    pthread_mutex_unlock(&ahead->mutex);
    atomic_fetch_add(&stream->stage_ns[STAGE_ASSEMBLE], clock_monotonic_ns() - started);
    return code;
}
