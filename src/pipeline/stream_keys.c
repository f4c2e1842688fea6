/* The partitions of all splits, numbered once for the stream. A split numbers its own while it is read; when it is finished its
 * pieces take the stream's numbers and its own set is dropped, so that memory grows with the partitions and not with
 * partitions times splits. */
#include "base/text.h"
#include "pipeline/stream.h"

/* Delta and every Hive reader take an empty partition value for NULL. */
static status refuse_empty_text(const struct schema *keys, const struct scalar *values,
                                const struct schema *table, struct error *err)
{
    for (size_t c = 0; c < keys->n_fields; c++) {
        const char *name = keys->fields[c].name;
        bool identity = schema_find(table, name) != SIZE_MAX;
        if (!values[c].is_null && type_is_text_like(values[c].type) && values[c].size == 0 &&
            identity)
            return error_set(err, STATUS_BAD_DATA,
                             "column \"%s\" holds the empty text, which a partition value can't be "
                             "(readers would see NULL); write `partition_by: [%s as %s_part]`, "
                             "which keeps the column itself in the files",
                             name, name, name);
    }
    return STATUS_OK;
}

/* Under the mutex. New ones in the order of their values, as pieces stand in segments: what assembling takes one after the other
 * is read together (bundle.c). */
static status map_keys(struct stream_run *stream, struct partition_keys *own, uint32_t *map,
                       struct error *err)
{
    const uint32_t *order;
    TRY(partition_keys_order(own, &order, err));
    if (!stream->all_keys)
        TRY(partition_keys_new(stream->partitioner, &stream->all_keys, err));
    for (size_t i = 0; i < partition_keys_count(own); i++) {
        uint32_t key = order[i];
        struct scalar values[16];
        for (size_t c = 0; c < stream->keys.n_fields; c++)
            partition_keys_value(own, key, c, &values[c]);
        TRY(refuse_empty_text(&stream->keys, values, &stream->carried, err));
        TRY(partition_keys_intern(stream->all_keys, values, &map[key], err));
    }
    return STATUS_OK;
}

/* The set of partitions, and later a path and a file or more for each, have to fit into what is set aside for them. */
static status check_room(const struct stream_run *stream, struct error *err)
{
    uint64_t n = partition_keys_count(stream->all_keys);
    uint64_t bytes = partition_keys_bytes(stream->all_keys) + n * ASSEMBLED_PARTITION_BYTES;
    char budget[32];
    if (bytes <= stream_kept_bytes(stream))
        return STATUS_OK;
    return error_set(
        err, STATUS_BAD_CONFIG,
        "partition_by makes more than %llu partitions, whose names alone take an eighth of "
        "the memory budget (%s); choose a coarser partition_by, or give more with --memory",
        (unsigned long long)n, text_format_bytes(budget_limit(stream->run->budget), budget));
}

static status take_pieces(struct stream_run *stream, uint32_t number, struct split_result *split,
                          struct error *err)
{
    SCOPED(mem_freep)
    uint32_t *map = mem_alloc((partition_keys_count(split->keys) + 1) * sizeof(*map));
    if (!map)
        return error_no_memory(err);
    pthread_mutex_lock(&stream->keys_mutex);
    status_code code = map_keys(stream, split->keys, map, err);
    if (code == STATUS_OK)
        code = check_room(stream, err);
    for (size_t i = 0; code == STATUS_OK && i < split->n_pieces; i++)
        split->pieces[i].key = map[split->pieces[i].key];
    if (code == STATUS_OK)
        code = pieces_add(&stream->pieces, number, split->pieces, split->n_pieces, err);
    if (code == STATUS_OK)
        code = stream_note_groups(stream, number, split->pieces, split->n_pieces, err);
    pthread_mutex_unlock(&stream->keys_mutex);
    return code;
}

status stream_take_keys(struct stream_run *stream, uint32_t number, struct split_result *split,
                        struct error *err)
{
    if (split->keys)
        TRY(take_pieces(stream, number, split, err));
    mem_free(split->pieces);
    split->pieces = NULL;
    split->n_pieces = 0;
    partition_keys_free(split->keys);
    split->keys = NULL;
    return STATUS_OK;
}
