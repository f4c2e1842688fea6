/* Step 4: what all splits left of a partition becomes files of the target size. Row groups that stand are copied as bytes,
 * small pieces are read back and encoded together. One task a partition: so neither workers nor splits show in the files,
 * and 10,000 partitions need no 10,000 open writers. */
#include "base/clock.h"
#include "pipeline/assembling.h"

enum { STATS_IN_MEMORY_BYTES = 1 << 20, MOST_BUNDLE_BYTES = 2 << 20 };

static void close_segments(struct assembly *assembly, struct storage *storage)
{
    for (size_t i = 0; i < assembly->n_segments; i++)
        if (assembly->segments[i])
            storage_object_close(storage, assembly->segments[i]);
    mem_free(assembly->segments);
    assembly->segments = NULL;
    assembly->n_segments = 0;
}

void assembly_free(struct assembly *assembly, struct storage *storage)
{
    if (!assembly)
        return;
    ahead_free(assembly->ahead);
    mem_free(assembly->partitions);
    mem_free(assembly->files);
    mem_free(assembly->nulls);
    spool_release(&assembly->stats);
    close_segments(assembly, storage);
    pthread_mutex_destroy(&assembly->mutex);
    arena_release(&assembly->arena);
    mem_free(assembly);
}

/* ---- the partitions ---- */

static status name_partitions(struct stream_run *stream, struct assembly *assembly,
                              struct error *err)
{
    for (uint32_t key = 0; key < assembly->n_partitions; key++) {
        struct scalar values[16];
        for (size_t c = 0; c < stream->keys.n_fields; c++)
            partition_keys_value(stream->all_keys, key, c, &values[c]);
        assembly->partitions[key].key = key;
        assembly->partitions[key].path = partition_path(&stream->keys, values, &assembly->arena);
        if (!assembly->partitions[key].path)
            return error_no_memory(err);
    }
    return STATUS_OK;
}

static status plan_assembly(struct stream_run *stream, struct assembly *assembly, struct error *err)
{
    assembly->keys = stream->all_keys;
    assembly->n_partitions = stream->pieces.n_pieces ? partition_keys_count(assembly->keys) : 0;
    assembly->partitions = mem_zalloc((assembly->n_partitions + 1) * sizeof(*assembly->partitions));
    if (!assembly->partitions)
        return error_no_memory(err);
    TRY(pieces_seal(&stream->pieces, err));
    return name_partitions(stream, assembly, err);
}

/* ---- tasks ---- */

struct assembly_pass {
    struct stream_run *stream;
    struct assembly *assembly;
    uint64_t share_bytes, batch_limit_bytes, bundle_bytes;
    size_t bundle_partitions;
    pthread_mutex_t mutex;
    struct assembler *idle;
};

static void assembler_free(struct assembler *tools, const struct format_driver *format)
{
    if (tools->encoder)
        format->encoder_free(tools->encoder);
    bundle_release(&tools->bundle);
    batch_release(&tools->rows);
    row_group_release(&tools->group);
    buffer_release(&tools->bytes);
    mem_free(tools);
}

static status assembler_init(struct assembler *tools, struct stream_run *stream, struct error *err)
{
    TRY(batch_init(&tools->rows, &stream->data_schema, err));
    return stream->spec->format->encoder_new(&stream->data_schema, &stream->spec->format_options,
                                             &tools->encoder, err);
}

static status assembler_take(struct assembly_pass *pass, struct assembler **out, struct error *err)
{
    pthread_mutex_lock(&pass->mutex);
    struct assembler *tools = pass->idle;
    if (tools)
        pass->idle = tools->next;
    pthread_mutex_unlock(&pass->mutex);
    if (!tools) {
        tools = mem_zalloc(sizeof(*tools));
        if (!tools)
            return error_no_memory(err);
        status_code code = assembler_init(tools, pass->stream, err);
        if (code != STATUS_OK) {
            assembler_free(tools, pass->stream->spec->format);
            return code;
        }
    }
    *out = tools;
    return STATUS_OK;
}

static void assembler_give_back(struct assembly_pass *pass, struct assembler *tools)
{
    batch_clear(&tools->rows);
    pthread_mutex_lock(&pass->mutex);
    tools->next = pass->idle;
    pass->idle = tools;
    pthread_mutex_unlock(&pass->mutex);
}

struct assembly_try {
    struct assembly_pass *pass;
    struct assembler *tools;
    struct assembled_partition *partition;
    size_t number; /* of the partition in the bundle */
};

/* Under the mutex; there is room. */
static void add_files(struct assembling *work)
{
    struct assembly *assembly = work->assembly;
    for (size_t i = 0; i < work->n_done; i++) {
        assembly->files[assembly->n_files++] = work->done[i].file;
        work->partition->files++;
        work->partition->file_bytes += work->done[i].file.size_bytes;
        mem_free(work->done[i].stats);
    }
    for (size_t c = 0; c < work->stream->data_schema.n_fields; c++)
        assembly->nulls[c] += work->nulls[c];
    work->n_done = 0;
}

/* Under the mutex. */
static status check_room(const struct assembling *work, size_t capacity, struct error *err)
{
    const struct assembly *assembly = work->assembly;
    uint64_t bytes = assembly->arena.total_bytes + capacity * sizeof(struct assembled_file);
    if (bytes <= stream_kept_bytes(work->stream))
        return STATUS_OK;
    return error_set(err, STATUS_BAD_CONFIG,
                     "the run makes more than %zu files, whose names alone take an eighth of the "
                     "memory budget; choose a larger file_size, or give more with --memory",
                     assembly->n_files);
}

static status hand_over_files(struct assembling *work, struct error *err)
{
    struct assembly *assembly = work->assembly;
    status_code code = STATUS_OK;
    pthread_mutex_lock(&assembly->mutex);
    if (assembly->n_files + work->n_done > assembly->files_capacity) {
        size_t capacity = (assembly->n_files + work->n_done) * 2;
        code = check_room(work, capacity, err);
        struct assembled_file *files =
            code == STATUS_OK ? mem_realloc_array(assembly->files, capacity, sizeof(*files)) : NULL;
        if (files) {
            assembly->files = files;
            assembly->files_capacity = capacity;
        } else if (code == STATUS_OK) {
            code = error_no_memory(err);
        }
    }
    for (size_t i = 0; code == STATUS_OK && i < work->n_done; i++) {
        struct assembled_file *file = &work->done[i].file;
        code = spool_append(&assembly->stats, work->done[i].stats, file->stats_bytes,
                            &file->stats_offset, err);
    }
    if (code == STATUS_OK)
        add_files(work);
    pthread_mutex_unlock(&assembly->mutex);
    return code;
}

/* Row groups first: the small pieces of all splits are encoded together. */
static status assemble_partition(const struct assembly_try *try, struct assembling *work,
                                 struct error *err)
{
    struct bundle *bundle = &work->tools->bundle;
    size_t n;
    const struct piece_ref *pieces = bundle_pieces(bundle, try->number, &n);
    TRY(bundle_read(bundle, assembling_read_segment, work, err));
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].piece.kind == PIECE_ROW_GROUP && pieces[i].split >= work->copied)
            TRY(assembling_add(work, &pieces[i].piece, pieces[i].split, err));
    }
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].piece.kind != PIECE_PLAIN)
            continue;
        const uint8_t *bytes = bundle_bytes(bundle, &pieces[i]);
        if (bytes)
            TRY(assembling_add_read(work, &pieces[i].piece, pieces[i].split, bytes, err));
        else
            TRY(assembling_add(work, &pieces[i].piece, pieces[i].split, err));
    }
    return assembling_finish(work, err);
}

/* What was begun while splits were read is gone on with, once. */
static struct assembling *begin_work(struct assembly_try *try, struct assembling *fresh,
                                     unsigned attempt)
{
    struct assembly *assembly = try->pass->assembly;
    unsigned spent = 0;
    struct assembling *begun = assembly->ahead ? ahead_take(assembly->ahead, &spent) : NULL;
    struct assembling *work = begun ? begun : fresh;
    work->stream = try->pass->stream;
    work->assembly = assembly;
    work->partition = try->partition;
    work->tools = try->tools;
    work->batch_limit_bytes = try->pass->batch_limit_bytes;
    work->attempt = attempt + spent;
    return work;
}

static status_code assemble_once(void *context, unsigned attempt, struct error *err)
{
    struct assembly_try *try = context;
    struct assembling fresh = {0}, *work = begin_work(try, &fresh, attempt);
    struct stream_run *stream = try->pass->stream;
    int64_t started = clock_monotonic_ns();
    batch_clear(&work->tools->rows);
    status_code code = work->nulls ? STATUS_OK : assembling_init(work, err);
    if (code == STATUS_OK)
        code = assemble_partition(try, work, err);
    if (code == STATUS_OK)
        code = hand_over_files(work, err);
    assembling_release(work);
    atomic_fetch_add(&stream->stage_ns[STAGE_ASSEMBLE], clock_monotonic_ns() - started);
    return code;
}

/* The next partitions and their pieces. Not tried again: what was taken is gone. */
static status take_bundle(struct assembly_try *try, struct error *err)
{
    struct assembly *assembly = try->pass->assembly;
    struct bundle *bundle = &try->tools->bundle;
    status_code code = STATUS_OK;
    bundle_begin(bundle, try->pass->bundle_bytes, try->pass->bundle_partitions);
    pthread_mutex_lock(&assembly->mutex);
    try->partition = &assembly->partitions[assembly->next_partition];
    while (code == STATUS_OK && !bundle->full &&
           assembly->next_partition < assembly->n_partitions) {
        uint32_t key = assembly->partitions[assembly->next_partition++].key;
        code = bundle_add(bundle, &try->pass->stream->pieces, key, err);
    }
    pthread_mutex_unlock(&assembly->mutex);
    return code;
}

static status assemble_next(struct assembly_try *try, struct error *err)
{
    size_t n;
    const struct piece_ref *pieces = bundle_pieces(&try->tools->bundle, try->number, &n);
    for (size_t i = 0; i < n; i++)
        try->partition->rows += pieces[i].piece.rows;
    status_code code = with_retries(&try->pass->stream->cancel, assemble_once, try, err);
    if (code == STATUS_OK || code == STATUS_CANCELLED)
        return code;
    const char *path = try->partition->path;
    return *path ? error_context(err, "in partition %.300s", path) : code;
}

static status assemble_bundle(struct assembly_try *try, struct error *err)
{
    TRY(take_bundle(try, err));
    for (; try->number < try->tools->bundle.n; try->number++, try->partition++)
        TRY(assemble_next(try, err));
    return STATUS_OK;
}

static bool all_taken(struct assembly *assembly)
{
    pthread_mutex_lock(&assembly->mutex);
    bool all = assembly->next_partition == assembly->n_partitions;
    pthread_mutex_unlock(&assembly->mutex);
    return all;
}

/* NUMBER only counts: partitions are taken in order by whoever comes, several at once, so the last tasks find none. */
static status_code assembly_task(void *context, size_t number, struct error *err)
{
    struct assembly_try try = {.pass = context};
    struct run_context *run = try.pass->stream->run;
    if (all_taken(try.pass->assembly))
        return STATUS_OK;
    TRY(budget_wait(run->budget, try.pass->share_bytes, &try.pass->stream->cancel, err));
    status_code code = assembler_take(try.pass, &try.tools, err);
    if (code == STATUS_OK) {
        code = assemble_bundle(&try, err);
        assembler_give_back(try.pass, try.tools);
    }
    budget_return(run->budget, try.pass->share_bytes);
    return code;
}

status stream_begin_assembly(struct stream_run *stream, struct error *err)
{
    struct assembly *assembly = mem_zalloc(sizeof(*assembly));
    size_t n_splits = stream->plan.n_splits;
    stream->assembly = assembly;
    if (!assembly)
        return error_no_memory(err);
    pthread_mutex_init(&assembly->mutex, NULL);
    assembly->segments = mem_zalloc((n_splits + 1) * sizeof(struct storage_object *));
    assembly->nulls = mem_zalloc((stream->data_schema.n_fields + 1) * sizeof(*assembly->nulls));
    assembly->stats.storage = stream->storage;
    assembly->stats.limit = STATS_IN_MEMORY_BYTES;
    assembly->stats.name = arena_printf(&assembly->arena, "%s/statistics", stream->staging);
    if (!assembly->segments || !assembly->nulls || !assembly->stats.name)
        return error_no_memory(err);
    assembly->n_segments = n_splits;
    return stream->spec->n_partitions ? STATUS_OK
                                      : ahead_new(stream, assembly, &assembly->ahead, err);
}

void stream_drop_assembly(struct stream_run *stream)
{
    assembly_free(stream->assembly, stream->storage);
    stream->assembly = NULL;
}

/* Towards the end, too, there should be bundles for all threads. */
static void share_out(struct assembly_pass *pass, unsigned *threads)
{
    struct stream_run *stream = pass->stream;
    pass->share_bytes = stream_share_bytes(stream, threads);
    pass->bundle_bytes = pass->share_bytes / 32;
    if (pass->bundle_bytes > MOST_BUNDLE_BYTES)
        pass->bundle_bytes = MOST_BUNDLE_BYTES;
    pass->bundle_partitions = pass->assembly->n_partitions / (8 * (size_t)*threads) + 1;
    uint64_t left = pass->share_bytes - pass->bundle_bytes;
    pass->batch_limit_bytes = left / (stream->needs.copies_rows ? 4 : 3);
    if (pass->batch_limit_bytes > stream->spec->file_size) /* a row group no larger than a file */
        pass->batch_limit_bytes = stream->spec->file_size;
}

status stream_assemble(struct stream_run *stream, struct error *err)
{
    struct run_context *run = stream->run;
    struct assembly *assembly = stream->assembly;
    TRY(plan_assembly(stream, assembly, err));
    if (assembly->n_partitions == 0)
        return STATUS_OK;
    unsigned threads = run->workers;
    struct assembly_pass pass = {.stream = stream, .assembly = assembly};
    share_out(&pass, &threads);
    pthread_mutex_init(&pass.mutex, NULL);
    status_code code =
        thread_run_all(assembly->n_partitions, threads, assembly_task, &pass, &stream->cancel, err);
    while (pass.idle) {
        struct assembler *tools = pass.idle;
        pass.idle = tools->next;
        assembler_free(tools, stream->spec->format);
    }
    pthread_mutex_destroy(&pass.mutex);
    close_segments(assembly, stream->storage);
    return code == STATUS_OK ? spool_seal(&assembly->stats, err) : code;
}
