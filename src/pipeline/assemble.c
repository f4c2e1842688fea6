/* Step 4: what all splits left of a partition becomes files of the target size. Row groups that stand are copied as bytes,
 * small pieces are read back and encoded together. One task a partition: so neither workers nor splits show in the files,
 * and 10,000 partitions need no 10,000 open writers. */
#include "pipeline/assemble.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "batch/batch.h"
#include "pipeline/stream.h"

enum { STATS_IN_MEMORY_BYTES = 1 << 20 };

static void close_segments(struct assembly *assembly, struct storage *storage, size_t n_splits)
{
    for (size_t i = 0; assembly->segments && i < n_splits; i++)
        if (assembly->segments[i])
            storage_object_close(storage, assembly->segments[i]);
    mem_free(assembly->segments);
    assembly->segments = NULL;
}

void assembly_free(struct assembly *assembly, struct storage *storage, size_t n_splits)
{
    if (!assembly)
        return;
    mem_free(assembly->partitions);
    mem_free(assembly->files);
    mem_free(assembly->nulls);
    spool_release(&assembly->stats);
    close_segments(assembly, storage, n_splits);
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
    size_t n_splits = stream->plan.n_splits;
    assembly->keys = stream->all_keys;
    assembly->n_partitions = stream->pieces.n_pieces ? partition_keys_count(assembly->keys) : 0;
    assembly->partitions = mem_zalloc((assembly->n_partitions + 1) * sizeof(*assembly->partitions));
    assembly->segments = mem_zalloc((n_splits + 1) * sizeof(struct storage_object *));
    assembly->nulls = mem_zalloc((stream->data_schema.n_fields + 1) * sizeof(*assembly->nulls));
    assembly->stats.storage = stream->storage;
    assembly->stats.limit = STATS_IN_MEMORY_BYTES;
    assembly->stats.name = arena_printf(&assembly->arena, "%s/statistics", stream->staging);
    if (!assembly->partitions || !assembly->segments || !assembly->nulls || !assembly->stats.name)
        return error_no_memory(err);
    TRY(pieces_seal(&stream->pieces, err));
    return name_partitions(stream, assembly, err);
}

/* ---- writing one file ---- */

struct upload_sink {
    struct byte_sink base;
    struct storage *storage;
    struct upload *upload;
    uint64_t bytes;
};

static status sink_write(struct byte_sink *base, const void *bytes, size_t size, struct error *err)
{
    struct upload_sink *sink = (struct upload_sink *)base;
    sink->bytes += size;
    return storage_put_write(sink->storage, sink->upload, bytes, size, err);
}

/* What a thread keeps from partition to partition. */
struct assembler {
    struct assembler *next;
    struct encoder *encoder;
    struct piece_list pieces;
    struct batch rows; /* of plain pieces, waiting to be encoded */
    struct row_group group;
    struct buffer bytes;
};

struct finished_file {
    struct assembled_file file;
    char *stats; /* as the table's driver describes its columns */
};

/* The work on one partition: at most one file is open at a time. */
struct assembling {
    struct stream_run *stream;
    struct assembly *assembly;
    struct assembled_partition *partition;
    uint64_t batch_limit_bytes;
    unsigned attempt;
    struct assembler *tools;
    struct upload_sink sink;
    struct format_file *file;
    const char *path;
    struct finished_file *done;
    size_t n_done, done_capacity;
    uint64_t *nulls; /* in the finished files, by column */
};

static const char *file_path(struct assembling *work)
{
    struct assembly *assembly = work->assembly;
    const struct assembled_partition *partition = work->partition;
    const char *slash = *partition->path ? "/" : "";
    char retry[16] = "";
    if (work->attempt)
        snprintf(retry, sizeof(retry), "-%u", work->attempt);
    pthread_mutex_lock(&assembly->mutex);
    const char *path = arena_printf(&assembly->arena, "%s%sleat-%s-%05u-%03zu%s%s", partition->path,
                                    slash, work->stream->run->run_id, partition->key, work->n_done,
                                    retry, work->stream->spec->format->extension);
    pthread_mutex_unlock(&assembly->mutex);
    return path;
}

static status open_file(struct assembling *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    work->path = file_path(work);
    if (!work->path)
        return error_no_memory(err);
    work->sink = (struct upload_sink){.base.write = sink_write, .storage = stream->storage};
    TRY(storage_put_begin(stream->storage, work->path, PUT_IF_ABSENT_SYNC_FOLLOWS,
                          &work->sink.upload, err));
    return stream->spec->format->file_begin(&stream->data_schema, &stream->spec->format_options,
                                            &work->sink.base, &work->file, err);
}

/* Of its statistics only what the version will hold stays: with 10,000 files of 300 columns all of them would be a gigabyte. */
static status remember_file(struct assembling *work, const struct file_result *result,
                            struct error *err)
{
    struct stream_run *stream = work->stream;
    SCOPED(text_release) struct text stats = {0};
    struct new_file file = {.rows = result->rows, .columns = result->columns};
    if (work->n_done == work->done_capacity) {
        size_t capacity = work->done_capacity ? work->done_capacity * 2 : 4;
        struct finished_file *done = mem_realloc_array(work->done, capacity, sizeof(*done));
        if (!done)
            return error_no_memory(err);
        work->done = done;
        work->done_capacity = capacity;
    }
    TRY(stream->spec->table->describe_file(&stream->data_schema, &file, &stats, err));
    TRY(text_check(&stats, err));
    struct finished_file *done = &work->done[work->n_done];
    *done = (struct finished_file){.file = {.path = work->path,
                                            .partition = work->partition->key,
                                            .stats_bytes = (uint32_t)stats.size,
                                            .size_bytes = result->size_bytes,
                                            .rows = result->rows}};
    done->stats = text_take(&stats);
    if (!done->stats)
        return error_no_memory(err);
    work->n_done++;
    for (size_t i = 0; i < result->n_columns; i++)
        work->nulls[i] += result->columns[i].null_count;
    return STATUS_OK;
}

static status close_file(struct assembling *work, struct error *err)
{
    struct stream_run *stream = work->stream;
    if (!work->file)
        return STATUS_OK;
    const struct key_value pairs[] = {{"leat.run", stream->run->run_id},
                                      {"leat.stream", stream->spec->name}};
    SCOPED(file_result_release) struct file_result result = {0};
    TRY(stream->spec->format->file_finish(TAKE(work->file), pairs, 2, &result, err));
    TRY(storage_put_commit(stream->storage, TAKE(work->sink.upload), err));
    if (stream->run->progress)
        atomic_fetch_add(&stream->run->progress->bytes_written, result.size_bytes);
    return remember_file(work, &result, err);
}

/* Begin a new file where one more group of BYTES would leave this one further from the target than it is; but never leave one
 * behind that is under half of it, whatever the sizes of the groups. */
static status make_room(struct assembling *work, uint64_t bytes, struct error *err)
{
    uint64_t target = work->stream->spec->file_size;
    bool enough = work->sink.bytes >= target / 2;
    if (work->file && enough && work->sink.bytes + bytes / 2 > target)
        TRY(close_file(work, err));
    return work->file ? STATUS_OK : open_file(work, err);
}

static status encode_rows(struct assembling *work, struct error *err)
{
    const struct format_driver *format = work->stream->spec->format;
    if (work->tools->rows.rows == 0)
        return STATUS_OK;
    row_group_release(&work->tools->group);
    TRY(format->encode(work->tools->encoder, &work->tools->rows, 0, work->tools->rows.rows, NULL,
                       &work->tools->group, err));
    batch_clear(&work->tools->rows);
    TRY(make_room(work, work->tools->group.pages.size, err));
    return format->file_append(work->file, &work->tools->group, err);
}

/* The segments of the first splits stay open, those of a very large load are opened for each piece: file descriptors don't
 * grow with the data. */
enum { SEGMENTS_KEPT_OPEN = 256 };

static status open_segment(struct assembling *work, uint32_t split, struct storage_object **out,
                           struct error *err)
{
    struct assembly *assembly = work->assembly;
    struct stream_run *stream = work->stream;
    status_code code = STATUS_OK;
    uint64_t size;
    if (split >= SEGMENTS_KEPT_OPEN)
        return storage_object_open(stream->storage, stream->splits[split].segment, out, &size, err);
    pthread_mutex_lock(&assembly->mutex);
    if (!assembly->segments[split]) {
        code = storage_object_open(stream->storage, stream->splits[split].segment,
                                   &assembly->segments[split], &size, err);
    }
    *out = assembly->segments[split];
    pthread_mutex_unlock(&assembly->mutex);
    return code;
}

static status copy_row_group(struct assembling *work, struct storage_object *segment,
                             const struct piece *piece, struct error *err)
{
    struct stream_run *stream = work->stream;
    work->tools->bytes.size = 0;
    TRY(buffer_reserve(&work->tools->bytes, piece->meta_bytes, err));
    TRY(storage_object_read(stream->storage, segment, piece->offset + piece->bytes,
                            work->tools->bytes.data, piece->meta_bytes, err));
    TRY(make_room(work, piece->bytes, err));
    TRY(stream->spec->format->file_append_meta(work->file, work->tools->bytes.data,
                                               piece->meta_bytes, piece->bytes, err));
    work->sink.bytes += piece->bytes;
    return storage_put_copy_range(stream->storage, work->sink.upload, segment, piece->offset,
                                  piece->bytes, err);
}

static status add_plain(struct assembling *work, struct storage_object *segment,
                        const struct piece *piece, struct error *err)
{
    struct stream_run *stream = work->stream;
    if (work->tools->rows.rows &&
        (work->tools->rows.rows + piece->rows > stream->row_group_rows ||
         batch_bytes(&work->tools->rows) + piece->plain_bytes > work->batch_limit_bytes))
        TRY(encode_rows(work, err));
    work->tools->bytes.size = 0;
    TRY(buffer_reserve(&work->tools->bytes, piece->bytes, err));
    TRY(storage_object_read(stream->storage, segment, piece->offset, work->tools->bytes.data,
                            piece->bytes, err));
    return batch_read_plain(&work->tools->rows, work->tools->bytes.data, piece->bytes, err);
}

static status add_piece(struct assembling *work, const struct piece_ref *ref, bool plain,
                        struct error *err)
{
    const struct piece *piece = &ref->piece;
    struct storage_object *segment;
    if ((piece->kind == PIECE_PLAIN) != plain)
        return STATUS_OK;
    TRY(open_segment(work, ref->split, &segment, err));
    status_code code =
        plain ? add_plain(work, segment, piece, err) : copy_row_group(work, segment, piece, err);
    if (ref->split >= SEGMENTS_KEPT_OPEN)
        storage_object_close(work->stream->storage, segment);
    TRY_IN(code, err, "in segment %s", work->stream->splits[ref->split].segment);
    return cancel_check(&work->stream->cancel, err);
}

static status assemble_partition(struct assembling *work, struct error *err)
{
    const struct piece_list *pieces = &work->tools->pieces;
    for (size_t i = 0; i < pieces->n; i++)
        TRY(add_piece(work, &pieces->items[i], false, err));
    for (size_t i = 0; i < pieces->n; i++)
        TRY(add_piece(work, &pieces->items[i], true, err));
    TRY(encode_rows(work, err));
    return close_file(work, err);
}

/* ---- tasks ---- */

struct assembly_pass {
    struct stream_run *stream;
    struct assembly *assembly;
    uint64_t share_bytes, batch_limit_bytes;
    pthread_mutex_t mutex;
    struct assembler *idle;
};

static void assembler_free(struct assembler *tools, const struct format_driver *format)
{
    if (tools->encoder)
        format->encoder_free(tools->encoder);
    piece_list_release(&tools->pieces);
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

static void assembling_release(struct assembling *work)
{
    struct stream_run *stream = work->stream;
    if (work->file)
        stream->spec->format->file_abort(work->file);
    if (work->sink.upload)
        storage_put_abort(stream->storage, work->sink.upload);
    struct error ignored = {0};
    for (size_t i = 0; i < work->n_done; i++) { /* of a failed try */
        (void)!storage_remove(stream->storage, work->done[i].file.path, &ignored);
        mem_free(work->done[i].stats);
    }
    mem_free(work->done);
    mem_free(work->nulls);
}

static status_code assemble_once(void *context, unsigned attempt, struct error *err)
{
    const struct assembly_try *try = context;
    struct assembly_pass *pass = try->pass;
    struct assembling work = {.stream = pass->stream,
                              .assembly = pass->assembly,
                              .partition = try->partition,
                              .tools = try->tools,
                              .batch_limit_bytes = pass->batch_limit_bytes,
                              .attempt = attempt};
    int64_t started = clock_monotonic_ns();
    batch_clear(&work.tools->rows);
    work.nulls = mem_zalloc((pass->stream->data_schema.n_fields + 1) * sizeof(*work.nulls));
    status_code code = work.nulls ? assemble_partition(&work, err) : error_no_memory(err);
    if (code == STATUS_OK)
        code = hand_over_files(&work, err);
    assembling_release(&work);
    atomic_fetch_add(&pass->stream->stage_ns[STAGE_ASSEMBLE], clock_monotonic_ns() - started);
    return code;
}

/* The next partition and its pieces. Not tried again: what was taken is gone. */
static status take_partition(struct assembly_try *try, struct error *err)
{
    struct stream_run *stream = try->pass->stream;
    struct assembly *assembly = try->pass->assembly;
    struct piece_list *pieces = &try->tools->pieces;
    pthread_mutex_lock(&assembly->mutex);
    try->partition = &assembly->partitions[assembly->next_partition++];
    status_code code = pieces_take(&stream->pieces, try->partition->key, pieces, err);
    pthread_mutex_unlock(&assembly->mutex);
    for (size_t i = 0; code == STATUS_OK && i < pieces->n; i++)
        try->partition->rows += pieces->items[i].piece.rows;
    return code;
}

static status assemble_with(struct assembly_try *try, struct error *err)
{
    struct stream_run *stream = try->pass->stream;
    TRY(take_partition(try, err));
    status_code code = with_retries(&stream->cancel, assemble_once, try, err);
    if (code == STATUS_OK || code == STATUS_CANCELLED)
        return code;
    const char *path = try->partition->path;
    return *path ? error_context(err, "in partition %.300s", path) : code;
}

/* NUMBER only counts: partitions are taken in order by whoever comes. */
static status_code assembly_task(void *context, size_t number, struct error *err)
{
    struct assembly_try try = {.pass = context};
    struct run_context *run = try.pass->stream->run;
    TRY(budget_wait(run->budget, try.pass->share_bytes, &try.pass->stream->cancel, err));
    status_code code = assembler_take(try.pass, &try.tools, err);
    if (code == STATUS_OK) {
        code = assemble_with(&try, err);
        assembler_give_back(try.pass, try.tools);
    }
    budget_return(run->budget, try.pass->share_bytes);
    return code;
}

status stream_assemble(struct stream_run *stream, struct error *err)
{
    struct run_context *run = stream->run;
    stream->assembly = mem_zalloc(sizeof(*stream->assembly));
    if (!stream->assembly)
        return error_no_memory(err);
    pthread_mutex_init(&stream->assembly->mutex, NULL);
    TRY(plan_assembly(stream, stream->assembly, err));
    if (stream->assembly->n_partitions == 0)
        return STATUS_OK;
    TRY(stream_remember_files(stream, err));
    unsigned threads = run->workers;
    struct assembly_pass pass = {.stream = stream, .assembly = stream->assembly};
    pass.share_bytes = stream_share_bytes(stream, &threads);
    pass.batch_limit_bytes = pass.share_bytes / (stream->needs.copies_rows ? 4 : 3);
    if (pass.batch_limit_bytes > stream->spec->file_size) /* a row group no larger than a file */
        pass.batch_limit_bytes = stream->spec->file_size;
    pthread_mutex_init(&pass.mutex, NULL);
    status_code code = thread_run_all(stream->assembly->n_partitions, threads, assembly_task, &pass,
                                      &stream->cancel, err);
    while (pass.idle) {
        struct assembler *tools = pass.idle;
        pass.idle = tools->next;
        assembler_free(tools, stream->spec->format);
    }
    pthread_mutex_destroy(&pass.mutex);
    close_segments(stream->assembly, stream->storage, stream->plan.n_splits);
    return code == STATUS_OK ? spool_seal(&stream->assembly->stats, err) : code;
}
