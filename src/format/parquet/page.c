/* A page:
 *
 *   header   Thrift: type, sizes, checksum, counts, encoding
 *   V1       levels and values, compressed together; four bytes of length before each kind of levels
 *   V2       repetition levels, definition levels, as they are (their lengths are in the header); then the values,
 *            compressed or not
 *
 * The checksum is over everything behind the header, as stored. */
#include "format/parquet/page.h"

#include <string.h>

#include "base/bytes.h"
#include "format/parquet/bit_pack.h"

enum { HEADER_ROOM = 96, BODY_SLACK = 64, LENGTH_BYTES = 4 };

/* ---- header ---- */

struct page_header {
    enum parquet_page_type type;
    size_t body_bytes, stored_bytes;
    uint32_t crc;
    size_t values; /* NULLs included */
    enum parquet_encoding encoding;
    /* V2 */
    size_t nulls, rows;
    size_t definition_bytes, repetition_bytes;
    bool compressed;
};

static void write_v1(const struct page_header *header, struct thrift_writer *w)
{
    thrift_field_struct(w, 5);
    thrift_field_i32(w, 1, (int32_t)header->values);
    thrift_field_i32(w, 2, (int32_t)header->encoding);
    thrift_field_i32(w, 3, PARQUET_RLE);
    thrift_field_i32(w, 4, PARQUET_RLE);
    thrift_struct_end(w);
}

static void write_v2(const struct page_header *header, struct thrift_writer *w)
{
    thrift_field_struct(w, 8);
    thrift_field_i32(w, 1, (int32_t)header->values);
    thrift_field_i32(w, 2, (int32_t)header->nulls);
    thrift_field_i32(w, 3, (int32_t)header->rows);
    thrift_field_i32(w, 4, (int32_t)header->encoding);
    thrift_field_i32(w, 5, (int32_t)header->definition_bytes);
    thrift_field_i32(w, 6, (int32_t)header->repetition_bytes);
    thrift_field_bool(w, 7, header->compressed);
    thrift_struct_end(w);
}

static void write_dictionary(const struct page_header *header, struct thrift_writer *w)
{
    thrift_field_struct(w, 7);
    thrift_field_i32(w, 1, (int32_t)header->values);
    thrift_field_i32(w, 2, (int32_t)header->encoding);
    thrift_struct_end(w);
}

static status write_header(const struct page_header *header, struct buffer *out, struct error *err)
{
    struct thrift_writer w;
    out->size = 0;
    thrift_writer_init(&w, out);
    thrift_field_i32(&w, 1, (int32_t)header->type);
    thrift_field_i32(&w, 2, (int32_t)header->body_bytes);
    thrift_field_i32(&w, 3, (int32_t)header->stored_bytes);
    thrift_field_i32(&w, 4, (int32_t)header->crc);
    if (header->type == PARQUET_DATA_PAGE)
        write_v1(header, &w);
    else if (header->type == PARQUET_DATA_PAGE_V2)
        write_v2(header, &w);
    else
        write_dictionary(header, &w);
    thrift_struct_end(&w);
    return thrift_writer_check(&w, err);
}

/* ---- compression ---- */

enum { PIECE_BYTES = 16384, SMALL_PAGE_BYTES = 4 * PIECE_BYTES };

/* Would compression pay, going by some bytes of the middle? */
static status try_piece(const uint8_t *body, size_t size, struct codec *codec, uint8_t *room,
                        size_t capacity, bool *out_pays, struct error *err)
{
    size_t made;
    const uint8_t *from = body + (size - PIECE_BYTES) / 2;
    TRY(codec_compress(codec, from, PIECE_BYTES, room, capacity, &made, err));
    *out_pays = compression_pays(PIECE_BYTES, made);
    return STATUS_OK;
}

/* The values of a page V2 into AT, which has CAPACITY bytes. */
static status put_compressed_or_not(const struct page_source *source, const uint8_t *body,
                                    size_t size, struct codec *codec, uint8_t *at, size_t capacity,
                                    bool *out_compressed, size_t *out_size, struct error *err)
{
    bool pays = codec->spec.id != CODEC_NONE && size > 0;
    if (pays && source->doubtful && size > SMALL_PAGE_BYTES)
        TRY(try_piece(body, size, codec, at, capacity, &pays, err));
    if (pays) {
        TRY(codec_compress(codec, body, size, at, capacity, out_size, err));
        pays = compression_pays(size, *out_size);
    }
    if (!pays) {
        if (size > 0)
            memcpy(at, body, size);
        *out_size = size;
    }
    *out_compressed = pays;
    return STATUS_OK;
}

/* Room for the header, then the body behind it as it is stored, then the header before it and the gap closed. The
 * first LEVELS bytes of a page V2 are never compressed. */
static status seal(const struct page_source *source, struct page_header *header,
                   const uint8_t *body, size_t levels, struct chunk_scratch *scratch,
                   struct buffer *pages, struct page_sizes *out, struct error *err)
{
    if (header->body_bytes > INT32_MAX - BODY_SLACK)
        return error_set(
            err, STATUS_BAD_DATA,
            "a page of column \"%s\" has %zu bytes, Parquet holds 2 GiB; the value is too large",
            source->leaf->name, header->body_bytes);
    size_t capacity = codec_bound(&scratch->codec, header->body_bytes);
    TRY(buffer_reserve(pages, pages->size + HEADER_ROOM + levels + capacity, err));
    uint8_t *at = pages->data + pages->size, *stored = at + HEADER_ROOM;
    if (header->type == PARQUET_DATA_PAGE_V2) {
        if (levels > 0)
            memcpy(stored, body, levels);
        TRY(put_compressed_or_not(source, body + levels, header->body_bytes - levels,
                                  &scratch->codec, stored + levels, capacity, &header->compressed,
                                  &header->stored_bytes, err));
        header->stored_bytes += levels;
    } else {
        TRY(codec_compress(&scratch->codec, body, header->body_bytes, stored, capacity,
                           &header->stored_bytes, err));
    }
    header->crc = crc32_of(&scratch->crc, stored, header->stored_bytes);
    TRY(write_header(header, &scratch->small, err));
    size_t header_bytes = scratch->small.size;
    memcpy(at, scratch->small.data, header_bytes);
    memmove(at + header_bytes, stored, header->stored_bytes);
    pages->size += header_bytes + header->stored_bytes;
    *out = (struct page_sizes){.body = header_bytes + header->body_bytes,
                               .stored = header_bytes + header->stored_bytes};
    return STATUS_OK;
}

/* ---- levels: the hybrid; in V1 with four bytes of length before it ---- */

static size_t put_flat_definition(const struct levels *levels, const struct page *page,
                                  uint8_t *out)
{
    if (!levels->validity || page->values == page->levels)
        return hybrid_encode_run(1, page->levels, 1, out);
    if (page->values == 0)
        return hybrid_encode_run(0, page->levels, 1, out);
    return hybrid_encode_bits(levels->validity, levels->first + page->first_level, page->levels,
                              out);
}

static status put_nested(const uint8_t *levels, const struct page *page, unsigned max,
                         struct buffer *wide_buffer, uint8_t *out, size_t *out_size,
                         struct error *err)
{
    TRY(buffer_reserve(wide_buffer, page->levels * sizeof(uint32_t), err));
    uint32_t *wide = (uint32_t *)(void *)wide_buffer->data;
    for (size_t i = 0; i < page->levels; i++)
        wide[i] = levels[page->first_level + i];
    *out_size = hybrid_encode(wide, page->levels, bit_width_of(max), out);
    return STATUS_OK;
}

/* Repetition levels, then definition levels, from the start of the body; *OUT_SIZE is where the values begin. */
static status put_levels(const struct page_source *source, const struct page *page,
                         struct page_header *header, struct chunk_scratch *scratch,
                         size_t *out_size, struct error *err)
{
    const struct levels *levels = source->levels;
    const struct leaf *leaf = source->leaf;
    size_t prefix = source->v2 ? 0 : LENGTH_BYTES;
    uint8_t *out = scratch->body.data;
    if (leaf->max_repetition > 0) {
        size_t *size = &header->repetition_bytes;
        TRY(put_nested(levels->repetition, page, leaf->max_repetition, &scratch->small,
                       out + prefix, size, err));
        if (prefix > 0)
            store_u32le(out, (uint32_t)*size);
        out += prefix + *size;
    }
    if (leaf->max_definition > 0) {
        size_t *size = &header->definition_bytes;
        if (levels->definition)
            TRY(put_nested(levels->definition, page, leaf->max_definition, &scratch->small,
                           out + prefix, size, err));
        else
            *size = put_flat_definition(levels, page, out + prefix);
        if (prefix > 0)
            store_u32le(out, (uint32_t)*size);
        out += prefix + *size;
    }
    *out_size = (size_t)(out - scratch->body.data);
    return STATUS_OK;
}

/* ---- pages ---- */

static size_t body_room(const struct page_source *source, const struct page *page)
{
    const struct leaf *leaf = source->leaf;
    size_t levels = 2 * LENGTH_BYTES +
                    hybrid_bound(page->levels, bit_width_of(leaf->max_definition)) +
                    hybrid_bound(page->levels, bit_width_of(leaf->max_repetition));
    size_t values = values_bound(source->values, &source->coding, page->first_value, page->values);
    return levels + values + BODY_SLACK;
}

status page_write_data(const struct page_source *source, const struct page *page,
                       struct chunk_scratch *scratch, struct buffer *pages, struct page_sizes *out,
                       struct error *err)
{
    const struct leaf *leaf = source->leaf;
    const struct dense *values = source->values;
    struct page_header header = {.type = source->v2 ? PARQUET_DATA_PAGE_V2 : PARQUET_DATA_PAGE,
                                 .values = page->levels,
                                 .nulls = page->levels - page->values,
                                 .rows = page->rows,
                                 .encoding = source->coding.encoding};
    codec_expect(&scratch->codec, page_content(leaf, source->coding.encoding));
    bool as_it_lies = source->coding.encoding == PARQUET_PLAIN && leaf->max_definition == 0 &&
                      values->width > 0 && leaf->physical != PARQUET_BOOLEAN && page->values > 0;
    if (as_it_lies) {
        header.body_bytes = page->values * values->width;
        return seal(source, &header, values->values + page->first_value * values->width, 0, scratch,
                    pages, out, err);
    }
    TRY(buffer_reserve(&scratch->body, body_room(source, page), err));
    size_t levels, content;
    TRY(put_levels(source, page, &header, scratch, &levels, err));
    uint8_t *body = scratch->body.data;
    TRY_IN(values_encode(leaf, values, &source->coding, page->first_value, page->values,
                         &scratch->values, body + levels, &content, err),
           err, "in column \"%s\"", leaf->name);
    header.body_bytes = levels + content;
    return seal(source, &header, body, source->v2 ? levels : 0, scratch, pages, out, err);
}

status page_write_dictionary(const struct page_source *source, struct chunk_scratch *scratch,
                             struct buffer *pages, struct page_sizes *out, struct error *err)
{
    const struct dictionary *dictionary = source->coding.dictionary;
    const struct dense *values = source->values;
    struct page_header header = {.type = PARQUET_DICTIONARY_PAGE,
                                 .values = dictionary->entries,
                                 .encoding = PARQUET_PLAIN,
                                 .body_bytes = dictionary->bytes};
    codec_expect(&scratch->codec, page_content(source->leaf, PARQUET_PLAIN));
    if (values->width == 4 || values->width == 8)
        return seal(source, &header, dictionary->values.data, 0, scratch, pages, out, err);
    TRY(buffer_reserve(&scratch->body, dictionary->bytes + BODY_SLACK, err));
    header.body_bytes =
        values_put_entries(values, dictionary, dictionary->entries, scratch->body.data);
    return seal(source, &header, scratch->body.data, 0, scratch, pages, out, err);
}
