/* From an encoding to the values of a page: in place where they can be taken bit by bit, else decoded as a whole. */
#include <string.h>

#include "format/parquet/delta.h"
#include "format/parquet/read_values.h"

struct opening {
    const struct read_type *type;
    struct span body;
    size_t n;
    const struct read_dictionary *dictionary;
    struct read_memory *memory;
    struct values_scratch *scratch;
    struct page_values *out;
    struct error *err;
};

static status too_short(const struct opening *in)
{
    return error_set(in->err, STATUS_BAD_DATA, "%zu values do not fit into the %zu bytes they have",
                     in->n, in->body.size);
}

static status damaged(const struct opening *in, const char *encoding)
{
    return error_set(in->err, STATUS_BAD_DATA,
                     "%s data does not hold: %zu values expected in %zu bytes", encoding, in->n,
                     in->body.size);
}

static bool is_fixed(const struct read_type *type)
{
    return type->width > 0;
}

/* ---- bytes of decimals: converted as a whole ---- */

static status convert_spans(const struct opening *in)
{
    const struct read_type *type = in->type;
    const uint8_t *at = in->body.data, *end = at + in->body.size;
    if (in->n > in->body.size / 4)
        return too_short(in);
    TRY(read_memory_room(in->memory, &in->scratch->fixed, in->n * type->out_width,
                         "decimals of a page", in->err));
    for (size_t i = 0; i < in->n; i++) {
        if (end - at < 4 || load_u32le(at) > (size_t)(end - at) - 4)
            return too_short(in);
        size_t size = load_u32le(at);
        if (!type->convert_bytes(type, at + 4, size, in->scratch->fixed.data + i * type->out_width))
            return error_set(in->err, STATUS_BAD_DATA, "a value %s", read_type_refusal(type));
        at += 4 + size;
    }
    in->out->kind = VALUES_FINAL;
    in->out->at = in->scratch->fixed.data;
    return STATUS_OK;
}

static status convert_offsets(const struct opening *in)
{
    const struct read_type *type = in->type;
    TRY(read_memory_room(in->memory, &in->scratch->fixed, in->n * type->out_width,
                         "decimals of a page", in->err));
    for (size_t i = 0; i < in->n; i++) {
        const int64_t *offsets = in->out->offsets + i;
        if (!type->convert_bytes(type, in->out->at + offsets[0], (size_t)(offsets[1] - offsets[0]),
                                 in->scratch->fixed.data + i * type->out_width))
            return error_set(in->err, STATUS_BAD_DATA, "a value %s", read_type_refusal(type));
    }
    in->out->kind = VALUES_FINAL;
    in->out->at = in->scratch->fixed.data;
    return STATUS_OK;
}

/* ---- the encodings ---- */

static status open_plain(const struct opening *in)
{
    struct page_values *out = in->out;
    out->at = in->body.data;
    out->end = in->body.data + in->body.size;
    if (in->type->physical == PARQUET_BOOLEAN) {
        out->kind = VALUES_BITS;
        return in->n / 8 + (in->n % 8 != 0) > in->body.size ? too_short(in) : STATUS_OK;
    }
    if (is_fixed(in->type)) {
        out->kind = VALUES_FIXED;
        return in->n > in->body.size / in->type->width ? too_short(in) : STATUS_OK;
    }
    if (in->type->convert_bytes)
        return convert_spans(in);
    out->kind = VALUES_SPANS;
    return in->n > in->body.size / 4 ? too_short(in) : STATUS_OK;
}

static status open_index(const struct opening *in)
{
    struct page_values *out = in->out;
    if (!in->dictionary)
        return error_set(in->err, STATUS_BAD_DATA,
                         "the page holds dictionary indexes, but there is no dictionary before it");
    out->kind = VALUES_INDEX;
    out->dictionary = in->dictionary;
    if (in->n == 0)
        return STATUS_OK;
    if (in->body.size == 0)
        return too_short(in);
    if (in->body.data[0] > 32)
        return error_set(in->err, STATUS_BAD_DATA, "dictionary indexes of %u bits",
                         in->body.data[0]);
    hybrid_reader_init(&out->index, in->body.data + 1, in->body.size - 1, in->body.data[0]);
    return STATUS_OK;
}

/* Booleans as runs, behind four bytes of length. */
static status open_bools(const struct opening *in)
{
    size_t ones;
    struct buffer *bits = &in->scratch->fixed;
    if (in->n > 0 && (in->body.size < 4 || load_u32le(in->body.data) > in->body.size - 4))
        return too_short(in);
    TRY(read_memory_room(in->memory, bits, in->n / 8 + 16, "booleans of a page", in->err));
    in->out->kind = VALUES_BITS;
    in->out->at = bits->data;
    if (in->n == 0 ||
        levels_read_bits(in->body.data + 4, load_u32le(in->body.data), in->n, bits->data, &ones))
        return STATUS_OK;
    return damaged(in, "RLE");
}

static status open_delta(const struct opening *in)
{
    size_t used = 0, width = in->type->width;
    TRY(read_memory_room(in->memory, &in->scratch->fixed, in->n * width, "values of a page",
                         in->err));
    in->out->kind = VALUES_FIXED;
    in->out->at = in->scratch->fixed.data;
    if (in->n > 0 && !delta_binary_decode(in->body.data, in->body.size, in->n, width,
                                          in->scratch->fixed.data, &used))
        return damaged(in, "DELTA_BINARY_PACKED");
    return STATUS_OK;
}

static status open_split(const struct opening *in)
{
    size_t width = in->type->width;
    if (in->n > in->body.size / width)
        return too_short(in);
    TRY(read_memory_room(in->memory, &in->scratch->fixed, in->n * width, "values of a page",
                         in->err));
    if (in->n > 0)
        stream_split_decode(in->body.data, in->n, width, in->scratch->fixed.data);
    in->out->kind = VALUES_FIXED;
    in->out->at = in->scratch->fixed.data;
    return STATUS_OK;
}

typedef status delta_texts_decoder(const uint8_t *from, size_t size, size_t n, size_t max_bytes,
                                   struct buffer *lengths, struct buffer *bytes,
                                   struct buffer *offsets, struct error *err);

/* What the decoders grow is charged afterwards; what they may grow to is told before. */
static status decode_texts(const struct opening *in, delta_texts_decoder *decode, const char *name)
{
    struct values_scratch *scratch = in->scratch;
    struct read_memory *memory = in->memory;
    TRY(read_memory_room(memory, &scratch->lengths, in->n * 8 + 64, "lengths of a page", in->err));
    TRY(read_memory_room(memory, &scratch->offsets, in->n * 8 + 16, "values of a page", in->err));
    TRY(read_memory_room(memory, &scratch->bytes, in->body.size, "values of a page", in->err));
    scratch->bytes.size = 0;
    scratch->offsets.size = 8;
    memset(scratch->offsets.data, 0, 8);
    size_t before = scratch->bytes.capacity + scratch->lengths.capacity + scratch->offsets.capacity;
    size_t most = memory->used < memory->limit ? (memory->limit - memory->used) / 2 : 0;
    if (most < in->body.size)
        most = in->body.size;
    status_code code = decode(in->body.data, in->body.size, in->n, most, &scratch->lengths,
                              &scratch->bytes, &scratch->offsets, in->err);
    memory->used +=
        scratch->bytes.capacity + scratch->lengths.capacity + scratch->offsets.capacity - before;
    if (code != STATUS_OK)
        return error_context(in->err, "in %s values", name);
    in->out->kind = VALUES_OFFSETS;
    in->out->at = scratch->bytes.data;
    in->out->offsets = (const int64_t *)(void *)scratch->offsets.data;
    return STATUS_OK;
}

/* DELTA_BYTE_ARRAY may also hold values of one width. */
static status fixed_from_offsets(const struct opening *in)
{
    const int64_t *offsets = in->out->offsets;
    for (size_t i = 0; i < in->n; i++)
        if ((size_t)(offsets[i + 1] - offsets[i]) != in->type->width)
            return error_set(in->err, STATUS_BAD_DATA, "a value of %lld bytes where all have %zu",
                             (long long)(offsets[i + 1] - offsets[i]), in->type->width);
    in->out->kind = VALUES_FIXED;
    return STATUS_OK;
}

static status open_texts(const struct opening *in, delta_texts_decoder *decode, const char *name)
{
    if (in->n == 0) {
        in->out->kind = is_fixed(in->type) ? VALUES_FIXED : VALUES_SPANS;
        return STATUS_OK;
    }
    TRY(decode_texts(in, decode, name));
    if (is_fixed(in->type))
        return fixed_from_offsets(in);
    return in->type->convert_bytes ? convert_offsets(in) : STATUS_OK;
}

static status misplaced(const struct opening *in, const char *encoding)
{
    return error_set(in->err, STATUS_BAD_DATA, "%s can't hold values of this physical type",
                     encoding);
}

static bool is_number(const struct read_type *type)
{
    return type->physical == PARQUET_INT32 || type->physical == PARQUET_INT64;
}

static bool can_split(const struct read_type *type)
{
    return is_fixed(type) && type->physical != PARQUET_INT96;
}

static status open_encoding(const struct opening *in, int32_t encoding)
{
    bool is_bytes = in->type->physical == PARQUET_BYTE_ARRAY;
    switch (encoding) {
    case PARQUET_PLAIN:
        return open_plain(in);
    case PARQUET_PLAIN_DICTIONARY:
    case PARQUET_RLE_DICTIONARY:
        return open_index(in);
    case PARQUET_RLE:
        return in->type->physical == PARQUET_BOOLEAN ? open_bools(in) : misplaced(in, "RLE");
    case PARQUET_DELTA_BINARY_PACKED:
        return is_number(in->type) ? open_delta(in) : misplaced(in, "DELTA_BINARY_PACKED");
    case PARQUET_DELTA_LENGTH_BYTE_ARRAY:
        return is_bytes ? open_texts(in, delta_length_decode, "DELTA_LENGTH_BYTE_ARRAY")
                        : misplaced(in, "DELTA_LENGTH_BYTE_ARRAY");
    case PARQUET_DELTA_BYTE_ARRAY:
        return is_bytes || in->type->physical == PARQUET_FIXED
                   ? open_texts(in, delta_bytes_decode, "DELTA_BYTE_ARRAY")
                   : misplaced(in, "DELTA_BYTE_ARRAY");
    case PARQUET_BYTE_STREAM_SPLIT:
        return can_split(in->type) ? open_split(in) : misplaced(in, "BYTE_STREAM_SPLIT");
    default:
        return error_set(in->err, STATUS_BAD_DATA, "values are in encoding %d, which can't be read",
                         encoding);
    }
}

status page_values_open(const struct read_type *type, int32_t encoding, struct span body, size_t n,
                        const struct read_dictionary *dictionary, struct read_memory *memory,
                        struct values_scratch *scratch, struct page_values *out, struct error *err)
{
    *out = (struct page_values){.left = n};
    struct opening in = {type, body, n, dictionary, memory, scratch, out, err};
    return open_encoding(&in, encoding);
}
