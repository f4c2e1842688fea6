#include "format/parquet/page.h"

#include <string.h>

#include "base/bytes.h"
#include "format/parquet/bit_pack.h"

enum { HEADER_ROOM = 64, COPY_STEP = 16, BODY_SLACK = 64 };

/* ---- header ---- */

struct page_header {
    enum parquet_page_type type;
    size_t body_bytes, stored_bytes;
    uint32_t crc;
    size_t values;
    enum parquet_encoding encoding;
};

static status write_header(const struct page_header *header, struct buffer *out, struct error *err)
{
    struct thrift_writer w;
    out->size = 0;
    thrift_writer_init(&w, out);
    thrift_field_i32(&w, 1, (int32_t)header->type);
    thrift_field_i32(&w, 2, (int32_t)header->body_bytes);
    thrift_field_i32(&w, 3, (int32_t)header->stored_bytes);
    thrift_field_i32(&w, 4, (int32_t)header->crc);
    bool data = header->type == PARQUET_DATA_PAGE;
    thrift_field_struct(&w, data ? 5 : 7);
    thrift_field_i32(&w, 1, (int32_t)header->values);
    thrift_field_i32(&w, 2, (int32_t)header->encoding);
    if (data) {
        thrift_field_i32(&w, 3, PARQUET_RLE);
        thrift_field_i32(&w, 4, PARQUET_RLE);
    }
    thrift_struct_end(&w);
    thrift_struct_end(&w);
    return thrift_writer_check(&w, err);
}

/* Compress BODY behind the room of a header, then put the header before it and close the gap. */
static status seal(const struct leaf *leaf, struct page_header *header, const uint8_t *body,
                   struct chunk_scratch *scratch, struct buffer *pages, struct page_sizes *out,
                   struct error *err)
{
    if (header->body_bytes > INT32_MAX - BODY_SLACK)
        return error_set(
            err, STATUS_BAD_DATA,
            "a page of column \"%s\" has %zu bytes, Parquet holds 2 GiB; the value is too large",
            leaf->name, header->body_bytes);
    size_t bound = codec_bound(&scratch->codec, header->body_bytes);
    TRY(buffer_reserve(pages, pages->size + HEADER_ROOM + bound, err));
    uint8_t *at = pages->data + pages->size;
    TRY(codec_compress(&scratch->codec, body, header->body_bytes, at + HEADER_ROOM, bound,
                       &header->stored_bytes, err));
    header->crc = crc32_of(&scratch->crc, at + HEADER_ROOM, header->stored_bytes);
    TRY(write_header(header, &scratch->small, err));
    size_t header_bytes = scratch->small.size;
    memcpy(at, scratch->small.data, header_bytes);
    memmove(at + header_bytes, at + HEADER_ROOM, header->stored_bytes);
    pages->size += header_bytes + header->stored_bytes;
    *out = (struct page_sizes){.body = header_bytes + header->body_bytes,
                               .stored = header_bytes + header->stored_bytes};
    return STATUS_OK;
}

/* ---- levels: four bytes of length, then the hybrid ---- */

static size_t put_flat_definition(const struct levels *levels, const struct page *page,
                                  uint8_t *out)
{
    size_t size;
    if (!levels->validity || page->values == page->levels)
        size = hybrid_encode_run(1, page->levels, 1, out + 4);
    else if (page->values == 0)
        size = hybrid_encode_run(0, page->levels, 1, out + 4);
    else
        size = hybrid_encode_bits(levels->validity, levels->first + page->first_level, page->levels,
                                  out + 4);
    store_u32le(out, (uint32_t)size);
    return 4 + size;
}

static status put_nested(const uint8_t *levels, const struct page *page, unsigned max,
                         struct buffer *wide_buffer, uint8_t *out, size_t *io_size,
                         struct error *err)
{
    if (max == 0)
        return STATUS_OK;
    TRY(buffer_reserve(wide_buffer, page->levels * sizeof(uint32_t), err));
    uint32_t *wide = (uint32_t *)(void *)wide_buffer->data;
    for (size_t i = 0; i < page->levels; i++)
        wide[i] = levels[page->first_level + i];
    size_t size = hybrid_encode(wide, page->levels, bit_width_of(max), out + *io_size + 4);
    store_u32le(out + *io_size, (uint32_t)size);
    *io_size += 4 + size;
    return STATUS_OK;
}

static status put_levels(const struct leaf *leaf, const struct levels *levels,
                         const struct page *page, struct chunk_scratch *scratch, size_t *out_size,
                         struct error *err)
{
    size_t size = 0;
    uint8_t *out = scratch->body.data;
    if (!levels->definition) {
        if (leaf->max_definition > 0)
            size = put_flat_definition(levels, page, out);
    } else {
        TRY(put_nested(levels->repetition, page, leaf->max_repetition, &scratch->small, out, &size,
                       err));
        TRY(put_nested(levels->definition, page, leaf->max_definition, &scratch->small, out, &size,
                       err));
    }
    *out_size = size;
    return STATUS_OK;
}

/* ---- values ---- */

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
        out += 4;
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

static size_t put_values(const struct leaf *leaf, const struct dense *values, size_t first,
                         size_t n, uint8_t *out)
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

static size_t body_room(const struct leaf *leaf, const struct dense *values,
                        const struct dictionary *dictionary, const struct page *page)
{
    size_t levels = 8 + hybrid_bound(page->levels, bit_width_of(leaf->max_definition)) +
                    hybrid_bound(page->levels, bit_width_of(leaf->max_repetition));
    size_t content = dictionary ? 1 + hybrid_bound(page->values, index_width(dictionary))
                                : dense_plain_bytes(values, page->first_value, page->values);
    return levels + content + BODY_SLACK;
}

status page_write_data(const struct leaf *leaf, const struct levels *levels,
                       const struct dense *values, const struct dictionary *dictionary,
                       const struct page *page, struct chunk_scratch *scratch, struct buffer *pages,
                       struct page_sizes *out, struct error *err)
{
    struct page_header header = {.type = PARQUET_DATA_PAGE,
                                 .values = page->levels,
                                 .encoding = dictionary ? PARQUET_RLE_DICTIONARY : PARQUET_PLAIN};
    bool as_it_lies = !dictionary && leaf->max_definition == 0 && values->width > 0 &&
                      leaf->physical != PARQUET_BOOLEAN && page->values > 0;
    if (as_it_lies) {
        header.body_bytes = page->values * values->width;
        return seal(leaf, &header, values->values + page->first_value * values->width, scratch,
                    pages, out, err);
    }
    TRY(buffer_reserve(&scratch->body, body_room(leaf, values, dictionary, page), err));
    size_t size = 0;
    TRY(put_levels(leaf, levels, page, scratch, &size, err));
    uint8_t *body = scratch->body.data;
    if (dictionary)
        size += put_index(dictionary, page->first_value, page->values, body + size);
    else
        size += put_values(leaf, values, page->first_value, page->values, body + size);
    header.body_bytes = size;
    return seal(leaf, &header, body, scratch, pages, out, err);
}

/* Entries of bytes and of other widths are told by the position of their first value. */
static size_t put_entries(const struct dense *values, const struct dictionary *dictionary,
                          size_t entries, uint8_t *out)
{
    const uint32_t *firsts = dictionary_firsts(dictionary);
    uint8_t *at = out;
    for (size_t e = 0; e < entries; e++) {
        struct span value = dense_value(values, firsts[e]);
        if (values->width == 0) {
            store_u32le(at, (uint32_t)value.size);
            at += 4;
        }
        memcpy(at, value.data, value.size);
        at += value.size;
    }
    return (size_t)(at - out);
}

status page_write_dictionary(const struct leaf *leaf, const struct dense *values,
                             const struct dictionary *dictionary, struct chunk_scratch *scratch,
                             struct buffer *pages, struct page_sizes *out, struct error *err)
{
    struct page_header header = {.type = PARQUET_DICTIONARY_PAGE,
                                 .values = dictionary->entries,
                                 .encoding = PARQUET_PLAIN,
                                 .body_bytes = dictionary->bytes};
    if (values->width == 4 || values->width == 8)
        return seal(leaf, &header, dictionary->values.data, scratch, pages, out, err);
    TRY(buffer_reserve(&scratch->body, dictionary->bytes + BODY_SLACK, err));
    header.body_bytes = put_entries(values, dictionary, dictionary->entries, scratch->body.data);
    return seal(leaf, &header, scratch->body.data, scratch, pages, out, err);
}

/* ---- is a dictionary worth it? ---- */

static status compressed_size(struct chunk_scratch *scratch, const uint8_t *bytes, size_t size,
                              size_t *out, struct error *err)
{
    size_t bound = codec_bound(&scratch->codec, size);
    TRY(buffer_reserve(&scratch->small, bound, err));
    return codec_compress(&scratch->codec, bytes, size, scratch->small.data, bound, out, err);
}

status page_dictionary_pays(const struct leaf *leaf, const struct dense *values,
                            const struct dictionary *dictionary, struct chunk_scratch *scratch,
                            bool *out_pays, struct error *err)
{
    enum { SAMPLE = 2048, SAMPLE_BYTES = 1 << 20 };
    size_t n = values->n < SAMPLE ? values->n : SAMPLE, plain, stored;
    size_t entries = dictionary->entries < SAMPLE ? dictionary->entries : SAMPLE;
    while (n > 1 && dense_plain_bytes(values, 0, n) > SAMPLE_BYTES)
        n /= 2;
    size_t room = dense_plain_bytes(values, 0, n);
    if (room < dictionary->bytes)
        room = dictionary->bytes;
    TRY(buffer_reserve(&scratch->body, room + BODY_SLACK, err));
    uint8_t *body = scratch->body.data;
    TRY(compressed_size(scratch, body, put_values(leaf, values, 0, n, body), &plain, err));
    if (values->width == 4 || values->width == 8)
        TRY(compressed_size(scratch, dictionary->values.data, entries * values->width, &stored,
                            err));
    else
        TRY(compressed_size(scratch, body, put_entries(values, dictionary, entries, body), &stored,
                            err));
    size_t index = values->n * index_width(dictionary) / 8; /* indexes hardly compress */
    *out_pays = stored * dictionary->entries / entries + index < plain * values->n / n;
    return STATUS_OK;
}
