/* One page of a chunk: its header, and its body out of the codec, checked. Source: parquet.thrift, PageHeader. */
#ifndef LEAT_FORMAT_PARQUET_READ_PAGE_H
#define LEAT_FORMAT_PARQUET_READ_PAGE_H

#include "base/bytes.h"
#include "format/codec/codec.h"
#include "format/parquet/crc32.h"
#include "format/parquet/read_input.h"
#include "format/parquet/spec.h"

/* What all leaves of a reader share. */
struct page_reader {
    struct decompressor decompressor;
    struct crc32 crc;
    bool ignore_checksums; /* for fuzzing: what lies behind a checksum must hold too */
};

struct page_header {
    int32_t type; /* enum parquet_page_type */
    size_t body_bytes, stored_bytes;
    bool has_crc;
    uint32_t crc;
    /* data and dictionary pages */
    size_t values; /* NULLs included; entries of a dictionary */
    int32_t encoding;
    int32_t definition_encoding, repetition_encoding; /* V1 */
    /* V2 */
    size_t nulls, rows, definition_bytes, repetition_bytes;
    bool is_compressed;
};

/* The header at INPUT, which is left behind it. */
status page_read_header(struct read_input *input, struct page_header *out, struct error *err);
/* The body: in INPUT's buffer, or decompressed into BODY; it stays there until the next page is read. INPUT is left
 * behind it. 64 more bytes are readable. */
status page_read_body(struct page_reader *reader, struct read_input *input,
                      const struct page_header *header, int32_t codec, struct buffer *body,
                      struct span *out, struct error *err);

#endif
