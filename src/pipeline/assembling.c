/* Pieces become data files: row groups that stand are copied as bytes, small pieces are read back and encoded together. */
#include "pipeline/assembling.h"

#include "base/text.h"

/* ---- files ---- */

static status sink_write(struct byte_sink *base, const void *bytes, size_t size, struct error *err)
{
    struct upload_sink *sink = (struct upload_sink *)base;
    sink->bytes += size;
    return storage_put_write(sink->storage, sink->upload, bytes, size, err);
}

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
    TRY(stream_remember_files(stream, err));
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

/* Encode what waits where PIECE would be too much with it. */
static status make_batch_room(struct assembling *work, const struct piece *piece, struct error *err)
{
    const struct batch *rows = &work->tools->rows;
    if (rows->rows && (rows->rows + piece->rows > work->stream->row_group_rows ||
                       batch_bytes(rows) + piece->plain_bytes > work->batch_limit_bytes))
        return encode_rows(work, err);
    return STATUS_OK;
}

static status add_plain(struct assembling *work, struct storage_object *segment,
                        const struct piece *piece, struct error *err)
{
    struct buffer *bytes = &work->tools->bytes;
    TRY(make_batch_room(work, piece, err));
    bytes->size = 0;
    TRY(buffer_reserve(bytes, piece->bytes, err));
    TRY(storage_object_read(work->stream->storage, segment, piece->offset, bytes->data,
                            piece->bytes, err));
    return batch_read_plain(&work->tools->rows, bytes->data, piece->bytes, err);
}

static status in_segment(const struct assembling *work, uint32_t split, status_code code,
                         struct error *err)
{
    TRY_IN(code, err, "in segment %s", work->stream->splits[split].segment);
    return cancel_check(&work->stream->cancel, err);
}

static void close_segment(const struct assembling *work, uint32_t split,
                          struct storage_object *segment)
{
    if (split >= SEGMENTS_KEPT_OPEN)
        storage_object_close(work->stream->storage, segment);
}

status assembling_add(struct assembling *work, const struct piece *piece, uint32_t split,
                      struct error *err)
{
    struct storage_object *segment;
    TRY(open_segment(work, split, &segment, err));
    status_code code = piece->kind == PIECE_PLAIN ? add_plain(work, segment, piece, err)
                                                  : copy_row_group(work, segment, piece, err);
    close_segment(work, split, segment);
    return in_segment(work, split, code, err);
}

status assembling_add_read(struct assembling *work, const struct piece *piece, uint32_t split,
                           const uint8_t *bytes, struct error *err)
{
    status_code code = make_batch_room(work, piece, err);
    if (code == STATUS_OK)
        code = batch_read_plain(&work->tools->rows, bytes, piece->bytes, err);
    return in_segment(work, split, code, err);
}

status_code assembling_read_segment(void *context, uint32_t split, uint64_t offset, void *out,
                                    size_t size, struct error *err)
{
    struct assembling *work = context;
    struct storage_object *segment;
    TRY(open_segment(work, split, &segment, err));
    status_code code = storage_object_read(work->stream->storage, segment, offset, out, size, err);
    close_segment(work, split, segment);
    return in_segment(work, split, code, err);
}

void assembling_let_go(struct assembling *work, uint32_t split)
{
    struct assembly *assembly = work->assembly;
    pthread_mutex_lock(&assembly->mutex);
    struct storage_object *segment = TAKE(assembly->segments[split]);
    pthread_mutex_unlock(&assembly->mutex);
    if (segment)
        storage_object_close(work->stream->storage, segment);
}

status assembling_finish(struct assembling *work, struct error *err)
{
    TRY(encode_rows(work, err));
    return close_file(work, err);
}

/* ---- from begin to end ---- */

status assembling_init(struct assembling *work, struct error *err)
{
    work->nulls = mem_zalloc((work->stream->data_schema.n_fields + 1) * sizeof(*work->nulls));
    return work->nulls ? STATUS_OK : error_no_memory(err);
}

void assembling_release(struct assembling *work)
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
    *work = (struct assembling){0};
}
