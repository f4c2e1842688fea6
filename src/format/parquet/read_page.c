#include "format/parquet/read_page.h"

#include <string.h>

#include "format/thrift/compact_reader.h"

/* Most headers are far smaller; those with long texts as statistics are not. */
enum { HEADER_FIRST_BYTES = 256, HEADER_MAX_BYTES = 16 << 20 };

/* ---- header ---- */

/* A count or a size: never below zero. */
static size_t read_size(struct thrift_reader *r, const struct thrift_field *f)
{
    int32_t value = thrift_int32(r, f);
    if (value >= 0)
        return (size_t)value;
    r->failed = true;
    return 0;
}

static void read_data_v1(struct thrift_reader *r, struct page_header *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->values = read_size(r, &f);
            break;
        case 2:
            out->encoding = thrift_int32(r, &f);
            break;
        case 3:
            out->definition_encoding = thrift_int32(r, &f);
            break;
        case 4:
            out->repetition_encoding = thrift_int32(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
}

static void read_dictionary(struct thrift_reader *r, struct page_header *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->values = read_size(r, &f);
            break;
        case 2:
            out->encoding = thrift_int32(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
}

static void read_data_v2(struct thrift_reader *r, struct page_header *out)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f))
        switch (f.id) {
        case 1:
            out->values = read_size(r, &f);
            break;
        case 2:
            out->nulls = read_size(r, &f);
            break;
        case 3:
            out->rows = read_size(r, &f);
            break;
        case 4:
            out->encoding = thrift_int32(r, &f);
            break;
        case 5:
            out->definition_bytes = read_size(r, &f);
            break;
        case 6:
            out->repetition_bytes = read_size(r, &f);
            break;
        case 7:
            out->is_compressed = thrift_bool(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
}

static void read_fields(struct thrift_reader *r, struct page_header *out)
{
    static void (*const kinds[])(struct thrift_reader *, struct page_header *) = {
        [5] = read_data_v1, [7] = read_dictionary, [8] = read_data_v2};
    static const int32_t types[] = {
        [5] = PARQUET_DATA_PAGE, [7] = PARQUET_DICTIONARY_PAGE, [8] = PARQUET_DATA_PAGE_V2};
    struct thrift_field f = {0};
    int32_t described = -1;
    while (thrift_next(r, &f)) {
        if (f.id == 1) {
            out->type = thrift_int32(r, &f);
        } else if (f.id == 2) {
            out->body_bytes = read_size(r, &f);
        } else if (f.id == 3) {
            out->stored_bytes = read_size(r, &f);
        } else if (f.id == 4) {
            out->crc = (uint32_t)thrift_int32(r, &f);
            out->has_crc = true;
        } else if ((f.id == 5 || f.id == 7 || f.id == 8) && thrift_struct(r, &f)) {
            kinds[f.id](r, out);
            thrift_struct_done(r);
            described = types[f.id];
        } else {
            thrift_skip(r, &f);
        }
    }
    if (out->type != PARQUET_INDEX_PAGE && out->type != described)
        r->failed = true;
}

/* How long a header is only its end tells: look at more of the chunk until it holds. */
status page_read_header(struct read_input *input, struct page_header *out, struct error *err)
{
    uint64_t left = read_input_left(input);
    size_t most = left < HEADER_MAX_BYTES ? (size_t)left : HEADER_MAX_BYTES;
    for (size_t window = HEADER_FIRST_BYTES;; window *= 8) {
        size_t size = window < most ? window : most;
        const uint8_t *bytes;
        struct thrift_reader r;
        TRY(read_input_peek(input, size, &bytes, err));
        *out = (struct page_header){.type = -1, .is_compressed = true, .encoding = -1};
        thrift_reader_init(&r, bytes, size);
        read_fields(&r, out);
        if (!r.failed) {
            read_input_skip(input, (uint64_t)(r.at - r.start));
            break;
        }
        if (size == most)
            return thrift_reader_check(&r, "page header", err);
    }
    if (out->stored_bytes > read_input_left(input))
        return error_set(err, STATUS_BAD_DATA,
                         "page header says %zu bytes, its column chunk has %llu left",
                         out->stored_bytes, (unsigned long long)read_input_left(input));
    return STATUS_OK;
}

/* ---- body ---- */

static status check_crc(const struct page_reader *reader, const struct page_header *header,
                        const uint8_t *stored, struct error *err)
{
    if (!header->has_crc || reader->ignore_checksums)
        return STATUS_OK;
    uint32_t found = crc32_of(&reader->crc, stored, header->stored_bytes);
    if (found == header->crc)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_DATA,
                     "the page's checksum is %08x, its header says %08x: the file is damaged",
                     found, header->crc);
}

/* In a V2 page the levels stand before the compressed part. */
static status unpack(struct page_reader *reader, const struct page_header *header, int32_t codec,
                     const uint8_t *stored, struct read_memory *memory, struct buffer *body,
                     struct span *out, struct error *err)
{
    size_t levels = 0;
    bool is_v2 = header->type == PARQUET_DATA_PAGE_V2;
    if (is_v2)
        levels = header->definition_bytes + header->repetition_bytes;
    if (levels > header->stored_bytes || levels > header->body_bytes)
        return error_set(err, STATUS_BAD_DATA,
                         "page header says %zu bytes of levels in a page of %zu", levels,
                         header->body_bytes);
    size_t size = header->stored_bytes - levels, made = header->body_bytes - levels;
    if (codec == CODEC_NONE || (is_v2 && !header->is_compressed) || (size == 0 && made == 0)) {
        if (size != made)
            return error_set(err, STATUS_BAD_DATA,
                             "page header says %zu bytes stored and %zu without compression, "
                             "but the page is not compressed",
                             header->stored_bytes, header->body_bytes);
        *out = (struct span){stored, header->stored_bytes};
        return STATUS_OK;
    }
    TRY(read_memory_room(memory, body, header->body_bytes, "a page", err));
    if (levels > 0)
        memcpy(body->data, stored, levels);
    TRY(decompress(&reader->decompressor, codec, stored + levels, size, body->data + levels, made,
                   err));
    *out = (struct span){body->data, header->body_bytes};
    return STATUS_OK;
}

status page_read_body(struct page_reader *reader, struct read_input *input,
                      const struct page_header *header, int32_t codec, struct buffer *body,
                      struct span *out, struct error *err)
{
    const uint8_t *stored = NULL;
    TRY(read_input_peek(input, header->stored_bytes, &stored, err));
    TRY(check_crc(reader, header, stored, err));
    TRY(unpack(reader, header, codec, stored, input->memory, body, out, err));
    read_input_skip(input, header->stored_bytes);
    return STATUS_OK;
}
