#include "pipeline/segment.h"

#include <string.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "batch/batch.h"
#include "batch/scalar.h"
#include "json/json.h"

enum { MAX_TIES = 1000000, PENDING_BYTES = 1 << 20 };

void split_result_release(struct split_result *result)
{
    if (!result)
        return;
    mem_free(result->policy);
    mem_free(result->ties.items);
    mem_free(result->used.items);
    mem_free(result->pieces);
    partition_keys_free(result->keys);
    arena_release(&result->arena);
    memset(result, 0, sizeof(*result));
}

/* ---- writing ---- */

static status new_piece(struct segment_writer *writer, uint32_t key, enum piece_kind kind,
                        uint64_t rows, struct piece **out, struct error *err)
{
    if (!writer->upload)
        TRY(storage_put_begin(writer->storage, writer->name, PUT_IF_ABSENT, &writer->upload, err));
    if (writer->n_pieces == writer->capacity) {
        size_t capacity = writer->capacity ? writer->capacity * 2 : 64;
        struct piece *pieces = mem_realloc_array(writer->pieces, capacity, sizeof(*pieces));
        if (!pieces)
            return error_no_memory(err);
        writer->pieces = pieces;
        writer->capacity = capacity;
    }
    *out = &writer->pieces[writer->n_pieces];
    **out = (struct piece){.key = key, .kind = kind, .rows = rows, .offset = writer->offset};
    return STATUS_OK;
}

static status write_pending(struct segment_writer *writer, size_t at_least, struct error *err)
{
    struct buffer *pending = &writer->pending;
    if (pending->size == 0 || pending->size < at_least)
        return STATUS_OK;
    TRY(storage_put_write(writer->storage, writer->upload, pending->data, pending->size, err));
    pending->size = 0;
    return STATUS_OK;
}

static status write_bytes(struct segment_writer *writer, const void *bytes, size_t size,
                          struct error *err)
{
    TRY(write_pending(writer, 0, err));
    TRY(storage_put_write(writer->storage, writer->upload, bytes, size, err));
    writer->offset += size;
    return STATUS_OK;
}

static status write_pages(struct byte_sink *sink, const void *bytes, size_t size, struct error *err)
{
    return write_bytes((struct segment_writer *)sink, bytes, size, err);
}

status segment_begin_row_group(struct segment_writer *writer, uint32_t key, struct error *err)
{
    struct piece *piece;
    writer->pages.write = write_pages;
    return new_piece(writer, key, PIECE_ROW_GROUP, 0, &piece, err);
}

status segment_end_row_group(struct segment_writer *writer, const struct row_group *group,
                             struct error *err)
{
    struct piece *piece = &writer->pieces[writer->n_pieces];
    piece->rows = group->rows;
    piece->bytes = writer->offset - piece->offset;
    piece->meta_bytes = group->meta.size;
    piece->plain_bytes = group->plain_bytes;
    if (piece->bytes != group->pages_bytes)
        return error_set(err, STATUS_BUG, "a row group of %llu bytes wrote %llu",
                         (unsigned long long)group->pages_bytes, (unsigned long long)piece->bytes);
    TRY(write_bytes(writer, group->meta.data, group->meta.size, err));
    writer->n_pieces++;
    return STATUS_OK;
}

status segment_add_rows(struct segment_writer *writer, uint32_t key, const struct batch *batch,
                        const struct batch_codes *codes, const uint32_t *rows, size_t n,
                        struct error *err)
{
    struct piece *piece;
    size_t before = writer->pending.size;
    TRY(new_piece(writer, key, PIECE_PLAIN, n, &piece, err));
    if (codes)
        TRY(batch_write_plain_coded(batch, codes, rows[0], n, &writer->pending, err));
    else if (rows[n - 1] - rows[0] == n - 1)
        TRY(batch_write_plain(batch, rows[0], n, &writer->pending, err));
    else
        TRY(batch_write_plain_gathered(batch, rows, n, &writer->pending, err));
    piece->bytes = writer->pending.size - before;
    piece->plain_bytes =
        batch_plain_column_bytes(writer->pending.data + before, (size_t)piece->bytes);
    writer->offset += piece->bytes;
    writer->n_pieces++;
    return write_pending(writer, PENDING_BYTES, err);
}

static status keys_as_batch(const struct schema *schema, const struct partition_keys *keys,
                            struct batch *out, struct error *err)
{
    size_t n = partition_keys_count(keys);
    for (size_t c = 0; c < schema->n_fields; c++) {
        for (uint32_t key = 0; key < n; key++) {
            struct scalar value;
            partition_keys_value(keys, key, c, &value);
            TRY(column_append_scalar(&out->columns[c], &value, err));
        }
    }
    out->rows = n;
    return STATUS_OK;
}

static status build_index(const struct segment_writer *writer, const struct schema *key_schema,
                          const struct partition_keys *keys, struct buffer *index,
                          struct error *err)
{
    SCOPED(batch_release) struct batch batch = {0};
    TRY(batch_init(&batch, key_schema, err));
    TRY(keys_as_batch(key_schema, keys, &batch, err));
    uint64_t head[2] = {0, writer->n_pieces};
    TRY(buffer_append(index, head, sizeof(head), err));
    TRY(batch_write_plain(&batch, 0, batch.rows, index, err));
    uint64_t keys_bytes = index->size - sizeof(head);
    memcpy(index->data, &keys_bytes, sizeof(keys_bytes));
    return buffer_append(index, writer->pieces, writer->n_pieces * sizeof(struct piece), err);
}

status segment_finish(struct segment_writer *writer, const struct schema *key_schema,
                      const struct partition_keys *keys, struct split_result *result,
                      struct error *err)
{
    if (!writer->upload)
        return STATUS_OK;
    SCOPED(buffer_release) struct buffer index = {0};
    TRY(build_index(writer, key_schema, keys, &index, err));
    result->index_offset = writer->offset;
    result->index_bytes = index.size;
    result->index_hash = XXH3_64bits(index.data, index.size);
    TRY(write_bytes(writer, index.data, index.size, err));
    TRY(storage_put_commit(writer->storage, TAKE(writer->upload), err));
    result->segment = writer->name;
    result->segment_bytes = writer->offset;
    result->pieces = TAKE(writer->pieces);
    result->n_pieces = writer->n_pieces;
    return STATUS_OK;
}

void segment_abort(struct segment_writer *writer)
{
    if (writer->upload)
        storage_put_abort(writer->storage, TAKE(writer->upload));
    mem_free(writer->pieces);
    buffer_release(&writer->pending);
    writer->pieces = NULL;
    writer->n_pieces = writer->capacity = 0;
}

/* ---- reading ---- */

static status check_pieces(const struct split_result *result, size_t n_keys, struct error *err)
{
    uint64_t offset = 0, rows = 0;
    for (size_t i = 0; i < result->n_pieces; i++) {
        const struct piece *piece = &result->pieces[i];
        if (piece->offset != offset || piece->bytes > result->index_offset ||
            piece->meta_bytes > result->index_offset || piece->key >= n_keys ||
            (piece->kind != PIECE_PLAIN && piece->kind != PIECE_ROW_GROUP))
            return error_set(err, STATUS_BAD_DATA, "piece %zu of %s does not fit its segment", i,
                             result->segment);
        offset += piece->bytes + piece->meta_bytes;
        rows += piece->rows;
    }
    if (offset != result->index_offset || rows != result->rows)
        return error_set(err, STATUS_BAD_DATA, "the index of %s does not add up", result->segment);
    return STATUS_OK;
}

static status parse_index(const uint8_t *index, size_t size, const struct partitioner *partitioner,
                          const struct schema *key_schema, struct split_result *result,
                          struct error *err)
{
    uint64_t head[2];
    if (size < sizeof(head))
        return error_set(err, STATUS_BAD_DATA, "the index of %s is cut short", result->segment);
    memcpy(head, index, sizeof(head));
    size_t rest = size - sizeof(head);
    if (head[0] > rest || head[1] > rest / sizeof(struct piece) ||
        head[0] + head[1] * sizeof(struct piece) != rest)
        return error_set(err, STATUS_BAD_DATA, "the index of %s is cut short", result->segment);

    SCOPED(batch_release) struct batch batch = {0};
    TRY(batch_init(&batch, key_schema, err));
    TRY(batch_read_plain(&batch, index + sizeof(head), head[0], err));
    TRY(partition_keys_new(partitioner, &result->keys, err));
    for (size_t row = 0; row < batch.rows; row++) {
        struct scalar values[16];
        uint32_t key;
        for (size_t c = 0; c < key_schema->n_fields; c++)
            scalar_from_column(&values[c], &batch.columns[c], row);
        TRY(partition_keys_intern(result->keys, values, &key, err));
        if (key != row)
            return error_set(err, STATUS_BAD_DATA, "%s names a partition twice", result->segment);
    }
    result->pieces = mem_alloc(head[1] * sizeof(struct piece) + 1);
    if (!result->pieces)
        return error_no_memory(err);
    memcpy(result->pieces, index + sizeof(head) + head[0], head[1] * sizeof(struct piece));
    result->n_pieces = head[1];
    return check_pieces(result, batch.rows, err);
}

status segment_read_index(struct storage *storage, const struct partitioner *partitioner,
                          const struct schema *key_schema, struct split_result *result,
                          struct error *err)
{
    if (!result->segment)
        return partition_keys_new(partitioner, &result->keys, err);
    struct storage_object *object = NULL;
    uint64_t size = 0;
    TRY(storage_object_open(storage, result->segment, &object, &size, err));
    SCOPED(buffer_release) struct buffer index = {0};
    status_code code = STATUS_OK;
    if (size != result->segment_bytes || result->index_offset > size ||
        result->index_bytes != size - result->index_offset)
        code = error_set(err, STATUS_BAD_DATA, "%s has another size than its manifest says",
                         result->segment);
    if (code == STATUS_OK)
        code = buffer_reserve(&index, result->index_bytes, err);
    if (code == STATUS_OK)
        code = storage_object_read(storage, object, result->index_offset, index.data,
                                   result->index_bytes, err);
    storage_object_close(storage, object);
    TRY(code);
    if (XXH3_64bits(index.data, result->index_bytes) != result->index_hash)
        return error_set(err, STATUS_BAD_DATA, "the index of %s is damaged", result->segment);
    return parse_index(index.data, result->index_bytes, partitioner, key_schema, result, err);
}

/* ---- manifest ---- */

static json_t *digests_to_json(const struct tie_digests *ties)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < ties->n; i++) {
        char hex[33];
        bytes_to_hex(&ties->items[i], sizeof(ties->items[i]), hex);
        if (json_array_append_new(array, json_string(hex))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static status digests_from_json(const json_t *array, struct tie_digests *out, struct error *err)
{
    size_t n = json_array_size(array);
    if (n > MAX_TIES)
        return error_set(err, STATUS_BAD_DATA, "a manifest lists too many digests");
    out->items = mem_alloc((n + 1) * sizeof(*out->items));
    if (!out->items)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const char *hex = json_string_value(json_array_get(array, i));
        if (!hex || strlen(hex) != 32 || !bytes_from_hex(hex, 32, (uint8_t *)&out->items[i]))
            return error_set(err, STATUS_BAD_DATA, "a manifest holds a malformed digest");
    }
    out->n = n;
    return STATUS_OK;
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

status manifest_write(const struct split_result *result, const char *run_id, const char *digest,
                      uint32_t split, size_t n_columns, char **out, size_t *out_size,
                      struct error *err)
{
    SCOPED(json_release) json_t *policy = json_array();
    for (size_t i = 0; policy && i < n_columns; i++)
        json_array_append_new(policy, number(result->policy ? result->policy[i] : 0));
    char hash[17];
    bytes_to_hex(&result->index_hash, sizeof(result->index_hash), hash);
    SCOPED(json_release)
    json_t *json = json_pack(
        "{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:O, s:o, s:o, s:s?, s:o, s:o, s:o, "
        "s:s, s:s?, s:o}",
        "format", 1, "run", run_id, "plan", digest, "split", number(split), "rows_read",
        number(result->rows_read), "rows", number(result->rows), "known", number(result->known),
        "skipped", number(result->skipped), "rejected", number(result->rejected), "bytes_read",
        number(result->bytes_read), "policy", policy, "ties", digests_to_json(&result->ties),
        "used", digests_to_json(&result->used), "segment", result->segment, "segment_bytes",
        number(result->segment_bytes), "index_offset", number(result->index_offset), "index_bytes",
        number(result->index_bytes), "index_hash", hash, "rejects", result->rejects, "reject_bytes",
        number(result->reject_bytes));
    *out = json ? json_write(json, out_size) : NULL;
    return *out ? STATUS_OK : error_no_memory(err);
}

static status read_numbers(const json_t *json, struct split_result *out, struct error *err)
{
    struct {
        const char *key;
        uint64_t *value;
    } members[] = {
        {"rows_read", &out->rows_read},
        {"rows", &out->rows},
        {"known", &out->known},
        {"skipped", &out->skipped},
        {"rejected", &out->rejected},
        {"bytes_read", &out->bytes_read},
        {"segment_bytes", &out->segment_bytes},
        {"index_offset", &out->index_offset},
        {"index_bytes", &out->index_bytes},
        {"reject_bytes", &out->reject_bytes},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        int64_t value;
        TRY(json_get_int(json, members[i].key, "manifest", &value, err));
        *members[i].value = (uint64_t)value;
    }
    return STATUS_OK;
}

static status read_policy(const json_t *json, size_t n_columns, struct split_result *out,
                          struct error *err)
{
    const json_t *array;
    TRY(json_get_array(json, "policy", "manifest", &array, err));
    if (json_array_size(array) != n_columns)
        return error_set(err, STATUS_BAD_DATA, "the manifest is of another schema");
    out->policy = mem_zalloc((n_columns + 1) * sizeof(*out->policy));
    if (!out->policy)
        return error_no_memory(err);
    for (size_t i = 0; i < n_columns; i++)
        out->policy[i] = (uint64_t)json_integer_value(json_array_get(array, i));
    return STATUS_OK;
}

static status read_names(const json_t *json, struct split_result *out, struct error *err)
{
    const char *segment = NULL, *rejects = NULL, *hash;
    TRY(json_get_text_opt(json, "segment", "manifest", &segment, err));
    TRY(json_get_text_opt(json, "rejects", "manifest", &rejects, err));
    TRY(json_get_text(json, "index_hash", "manifest", &hash, err));
    if (strlen(hash) != 16 || !bytes_from_hex(hash, 16, (uint8_t *)&out->index_hash))
        return error_set(err, STATUS_BAD_DATA, "the manifest holds a malformed hash");
    if (segment && !(out->segment = arena_strdup(&out->arena, segment)))
        return error_no_memory(err);
    if (rejects && !(out->rejects = arena_strdup(&out->arena, rejects)))
        return error_no_memory(err);
    return STATUS_OK;
}

static status read_manifest(const json_t *json, const char *digest, uint32_t split,
                            size_t n_columns, struct split_result *out, struct error *err)
{
    const char *plan;
    int64_t number_;
    const json_t *ties, *used;
    TRY(json_get_text(json, "plan", "manifest", &plan, err));
    TRY(json_get_int(json, "split", "manifest", &number_, err));
    if (strcmp(plan, digest) != 0 || number_ != (int64_t)split)
        return error_set(err, STATUS_BAD_DATA, "the manifest belongs to another plan");
    TRY(read_numbers(json, out, err));
    TRY(read_policy(json, n_columns, out, err));
    TRY(read_names(json, out, err));
    TRY(json_get_array(json, "ties", "manifest", &ties, err));
    TRY(json_get_array(json, "used", "manifest", &used, err));
    TRY(digests_from_json(ties, &out->ties, err));
    TRY(digests_from_json(used, &out->used, err));
    if (out->rows_read != out->rows + out->known + out->skipped + out->rejected)
        return error_set(err, STATUS_BAD_DATA, "the manifest does not add up");
    return STATUS_OK;
}

status manifest_read(const char *json_text, size_t size, const char *digest, uint32_t split,
                     size_t n_columns, struct split_result *out, struct error *err)
{
    SCOPED(json_release) json_t *json = NULL;
    struct split_result result = {0};
    TRY(json_parse(json_text, size, "manifest", &json, err));
    status_code code = read_manifest(json, digest, split, n_columns, &result, err);
    if (code != STATUS_OK)
        split_result_release(&result);
    else
        *out = result;
    return code;
}
