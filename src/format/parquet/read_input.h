/* The bytes of one column chunk in the order of its pages: few large reads, never outside of the chunk. */
#ifndef LEAT_FORMAT_PARQUET_READ_INPUT_H
#define LEAT_FORMAT_PARQUET_READ_INPUT_H

#include "format/format.h"
#include "format/parquet/read_memory.h"

struct read_input {
    const struct byte_source *source;
    struct read_memory *memory;
    uint64_t *bytes_read; /* counted for reader_counts */
    size_t ahead;         /* bytes to read at once where fewer are wanted */
    uint64_t at, end;     /* in the file: the next byte, and the end of the chunk */
    struct buffer buffer; /* holds file bytes [from, from + buffer.size) */
    uint64_t from;
};

/* From here on the bytes [at, end) of the file; the caller has checked them against the file's size. */
void read_input_start(struct read_input *input, uint64_t at, uint64_t end);
static inline uint64_t read_input_left(const struct read_input *input)
{
    return input->end - input->at;
}
/* The next SIZE bytes, at most what is left; they stay in place until the next call. 64 more are readable. */
status read_input_peek(struct read_input *input, size_t size, const uint8_t **out,
                       struct error *err);
static inline void read_input_skip(struct read_input *input, uint64_t size)
{
    input->at += size;
}
void read_input_release(struct read_input *input);

#endif
