#include "format/parquet/values.h"

#include <string.h>

#include "base/bytes.h"
#include "format/parquet/bit_pack.h"
#include "format/parquet/delta.h"

enum { COPY_STEP = 16, LENGTH_BYTES = 4 };

void coding_scratch_release(struct coding_scratch *scratch)
{
    buffer_release(&scratch->lengths);
    buffer_release(&scratch->offsets);
}

/* ---- PLAIN ---- */

static void put_bits(const uint8_t *bools, size_t n, uint8_t *out)
{
    size_t whole = n / 8;
    for (size_t g = 0; g < whole; g++) /* the multiplication gathers the lowest bit of each byte */
        out[g] = (uint8_t)(load_u64le(bools + 8 * g) * 0x0102040810204080u >> 56);
    if (n % 8) {
        out[whole] = 0;
        for (size_t i = 8 * whole; i < n; i++)
            bit_put(out, i, bools[i]);
    }
}

/* Four bytes of length before each value. Short values are copied by a fixed number of bytes: both sides
 * have room behind. */
static uint8_t *put_spans(const struct dense *values, size_t first, size_t n, uint8_t *out)
{
    const int64_t *offsets = values->offsets + first;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *from = values->data + offsets[i];
        size_t size = (size_t)(offsets[i + 1] - offsets[i]);
        store_u32le(out, (uint32_t)size);
        out += LENGTH_BYTES;
        if (size <= 2 * COPY_STEP) {
            memcpy(out, from, COPY_STEP);
            memcpy(out + COPY_STEP, from + COPY_STEP, COPY_STEP);
        } else {
            memcpy(out, from, size);
        }
        out += size;
    }
    return out;
}

static size_t put_plain(const struct leaf *leaf, const struct dense *values, size_t first, size_t n,
                        uint8_t *out)
{
    if (leaf->physical == PARQUET_BOOLEAN) {
        put_bits(values->values + first, n, out);
        return (n + 7) / 8;
    }
    if (values->width == 0)
        return (size_t)(put_spans(values, first, n, out) - out);
    if (n > 0)
        memcpy(out, values->values + first * values->width, n * values->width);
    return n * values->width;
}

/* ---- RLE_DICTIONARY ---- */

static unsigned index_width(const struct dictionary *dictionary)
{
    unsigned width = bit_width_of(dictionary->entries - 1);
    return width > 0 ? width : 1;
}

static size_t put_index(const struct dictionary *dictionary, size_t first, size_t n, uint8_t *out)
{
    unsigned width = index_width(dictionary);
    out[0] = (uint8_t)width;
    return 1 + hybrid_encode(dictionary_index(dictionary) + first, n, width, out + 1);
}

/* Entries of bytes and of other widths are told by the position of their first value. */
size_t values_put_entries(const struct dense *values, const struct dictionary *dictionary,
                          size_t entries, uint8_t *out)
{
    if (values->width == 4 || values->width == 8) {
        memcpy(out, dictionary->values.data, entries * values->width);
        return entries * values->width;
    }
    const uint32_t *firsts = dictionary_firsts(dictionary);
    uint8_t *at = out;
    for (size_t e = 0; e < entries; e++) {
        struct span value = dense_value(values, firsts[e]);
        if (values->width == 0) {
            store_u32le(at, (uint32_t)value.size);
            at += LENGTH_BYTES;
        }
        memcpy(at, value.data, value.size);
        at += value.size;
    }
    return (size_t)(at - out);
}

/* ---- RLE, of booleans: four bytes of length, also in pages V2 ---- */

static status put_runs(const uint8_t *bools, size_t n, struct coding_scratch *scratch, uint8_t *out,
                       size_t *out_size, struct error *err)
{
    TRY(buffer_reserve(&scratch->lengths, n * sizeof(uint32_t) + 1, err));
    uint32_t *wide = (uint32_t *)(void *)scratch->lengths.data;
    for (size_t i = 0; i < n; i++)
        wide[i] = bools[i];
    size_t size = hybrid_encode(wide, n, 1, out + LENGTH_BYTES);
    store_u32le(out, (uint32_t)size);
    *out_size = LENGTH_BYTES + size;
    return STATUS_OK;
}

/* ---- DELTA_BYTE_ARRAY ---- */

static status put_prefixed(const struct dense *values, size_t first, size_t n,
                           struct coding_scratch *scratch, uint8_t *out, size_t *out_size,
                           struct error *err)
{
    if (values->width == 0)
        return delta_bytes_encode(values->data, values->offsets + first, n, &scratch->lengths, out,
                                  out_size, err);
    TRY(buffer_reserve(&scratch->offsets, (n + 1) * sizeof(int64_t), err));
    int64_t *offsets = (int64_t *)(void *)scratch->offsets.data;
    for (size_t i = 0; i <= n; i++)
        offsets[i] = (int64_t)((first + i) * values->width);
    return delta_bytes_encode(values->values, offsets, n, &scratch->lengths, out, out_size, err);
}

/* ---- the encoding's own ---- */

size_t values_bound(const struct dense *values, const struct value_coding *coding, size_t first,
                    size_t n)
{
    size_t plain = dense_plain_bytes(values, first, n) + VALUES_SLACK;
    switch (coding->encoding) {
    case PARQUET_RLE_DICTIONARY:
        return 1 + hybrid_bound(n, index_width(coding->dictionary)) + VALUES_SLACK;
    case PARQUET_RLE:
        return LENGTH_BYTES + hybrid_bound(n, 1) + VALUES_SLACK;
    case PARQUET_DELTA_BINARY_PACKED:
        return delta_binary_bound(n, values->width);
    case PARQUET_DELTA_LENGTH_BYTE_ARRAY:
        return delta_length_bound(values->offsets + first, n);
    case PARQUET_DELTA_BYTE_ARRAY: {
        int64_t both[] = {0, (int64_t)plain};
        return delta_bytes_bound(both, 1) + 2 * delta_binary_bound(n, LENGTH_BYTES);
    }
    default:
        return plain;
    }
}

status values_encode(const struct leaf *leaf, const struct dense *values,
                     const struct value_coding *coding, size_t first, size_t n,
                     struct coding_scratch *scratch, uint8_t *out, size_t *out_size,
                     struct error *err)
{
    const uint8_t *fixed = values->width > 0 ? values->values + first * values->width : NULL;
    switch (coding->encoding) {
    case PARQUET_RLE_DICTIONARY:
        *out_size = put_index(coding->dictionary, first, n, out);
        return STATUS_OK;
    case PARQUET_RLE:
        return put_runs(fixed, n, scratch, out, out_size, err);
    case PARQUET_DELTA_BINARY_PACKED:
        *out_size = delta_binary_encode(fixed, n, values->width, out);
        return STATUS_OK;
    case PARQUET_DELTA_LENGTH_BYTE_ARRAY:
        return delta_length_encode(values->data, values->offsets + first, n, &scratch->lengths, out,
                                   out_size, err);
    case PARQUET_DELTA_BYTE_ARRAY:
        return put_prefixed(values, first, n, scratch, out, out_size, err);
    case PARQUET_BYTE_STREAM_SPLIT:
        stream_split_encode(fixed, n, values->width, out);
        *out_size = n * values->width;
        return STATUS_OK;
    default:
        *out_size = put_plain(leaf, values, first, n, out);
        return STATUS_OK;
    }
}
