/* The set of partition keys met so far. */
#include <string.h>

#include "base/bytes.h"
#include "partition/partitioner.h"

status partition_keys_new(const struct partitioner *partitioner, struct partition_keys **out,
                          struct error *err)
{
    struct partition_keys *made = mem_zalloc(sizeof(*made));
    if (!made)
        return error_no_memory(err);
    made->partitioner = partitioner;
    size_t n = partitioner->n_entries + 1;
    made->codes = mem_zalloc(n * sizeof(*made->codes));
    made->pairs = mem_zalloc(n * sizeof(*made->pairs));
    status s = made->codes && made->pairs ? STATUS_OK : error_no_memory(err);
    if (s == STATUS_OK)
        s = batch_init(&made->values, &partitioner->keys, err);
    if (s != STATUS_OK) {
        partition_keys_free(made);
        return s;
    }
    *out = made;
    return STATUS_OK;
}

void partition_keys_free(struct partition_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; keys->codes && i < keys->partitioner->n_entries; i++)
        interner_release(&keys->codes[i]);
    for (size_t i = 0; keys->pairs && i < keys->partitioner->n_entries; i++)
        interner_release(&keys->pairs[i]);
    mem_free(keys->codes);
    mem_free(keys->pairs);
    interner_release(&keys->table);
    buffer_release(&keys->scratch);
    buffer_release(&keys->key_of_id);
    buffer_release(&keys->order);
    batch_release(&keys->values);
    mem_free(keys);
}

size_t partition_keys_count(const struct partition_keys *keys)
{
    return keys->table.count;
}

static size_t interner_bytes(const struct interner *interner)
{
    return interner->slots.capacity + interner->hashes.capacity + interner->offsets.capacity +
           interner->bytes.capacity;
}

size_t partition_keys_bytes(const struct partition_keys *keys)
{
    size_t bytes = interner_bytes(&keys->table) + keys->key_of_id.capacity + keys->order.capacity +
                   batch_bytes(&keys->values);
    for (size_t i = 0; i < keys->partitioner->n_entries; i++)
        bytes += interner_bytes(&keys->codes[i]) + interner_bytes(&keys->pairs[i]);
    return bytes;
}

void partition_keys_value(const struct partition_keys *keys, uint32_t key, size_t column,
                          struct scalar *out)
{
    scalar_from_column(out, &keys->values.columns[column], key);
}

/* Canonical bytes of a value: a byte for NULL or not, then 8 bytes, or the fixed bytes, or length and text. */
static status put_value(struct buffer *bytes, const struct scalar *value, struct error *err)
{
    uint8_t head[9] = {!value->is_null};
    if (value->is_null)
        return buffer_append(bytes, head, 1, err);
    if (value->type.id == TYPE_UTF8) {
        store_u64le(head + 1, value->size);
        TRY(buffer_append(bytes, head, sizeof(head), err));
        return buffer_append(bytes, value->bytes, value->size, err);
    }
    size_t width = type_value_bytes(value->type);
    if (width <= 8) {
        store_u64le(head + 1, value->u64);
        return buffer_append(bytes, head, sizeof(head), err);
    }
    TRY(buffer_append(bytes, head, 1, err));
    return buffer_append(bytes, value->fixed, width, err);
}

static status append_value(struct column *column, const struct scalar *value, struct error *err)
{
    if (value->is_null)
        return column_append_null(column, err);
    TRY(column_reserve(column, 1, err));
    if (value->type.id == TYPE_BOOL)
        column_append_bool(column, value->i64 != 0);
    else if (value->type.id == TYPE_UTF8)
        return column_append_bytes(column, value->bytes, value->size, err);
    else
        column_append_fixed(column, value->fixed); /* little-endian: the low bytes of i64 too */
    return STATUS_OK;
}

status partition_keys_intern(struct partition_keys *keys, const struct scalar *values,
                             uint32_t *out_key, struct error *err)
{
    size_t n = keys->partitioner->keys.n_fields;
    uint32_t count = keys->table.count, key;
    keys->scratch.size = 0;
    for (size_t i = 0; i < n; i++)
        TRY(put_value(&keys->scratch, &values[i], err));
    /* the values go first: if one fails, the table does not know the key yet, and the next call
     * takes them off again */
    batch_truncate(&keys->values, count);
    for (size_t i = 0; i < n; i++)
        TRY(append_value(&keys->values.columns[i], &values[i], err));
    TRY(interner_add(&keys->table, keys->scratch.data, keys->scratch.size, &key, err));
    keys->values.rows = count + (size_t)1;
    if (key != count)
        batch_truncate(&keys->values, count);
    *out_key = key;
    return STATUS_OK;
}
