#include "format/parquet/read_input.h"

#include <string.h>

void read_input_start(struct read_input *input, uint64_t at, uint64_t end)
{
    input->at = at;
    input->end = end;
    input->buffer.size = 0;
}

/* Room for WANT bytes with the KEPT ones at its start. */
static status make_room(struct read_input *input, const uint8_t *kept, size_t n, size_t want,
                        struct error *err)
{
    struct buffer *buffer = &input->buffer;
    if (buffer->data && want <= buffer->capacity) {
        memmove(buffer->data, kept, n);
        return STATUS_OK;
    }
    struct buffer larger = {0};
    TRY(read_memory_room(input->memory, &larger, want, "a page as it is stored", err));
    if (n > 0)
        memcpy(larger.data, kept, n);
    read_memory_release(input->memory, buffer);
    *buffer = larger;
    return STATUS_OK;
}

static status refill(struct read_input *input, size_t size, struct error *err)
{
    struct buffer *buffer = &input->buffer;
    const uint8_t *kept = buffer->data;
    size_t n = 0;
    if (buffer->size > 0 && input->at >= input->from && input->at < input->from + buffer->size) {
        kept += input->at - input->from;
        n = buffer->size - (size_t)(input->at - input->from);
    }
    uint64_t want = size > input->ahead ? size : input->ahead;
    if (want > read_input_left(input))
        want = read_input_left(input);
    TRY(make_room(input, kept, n, (size_t)want, err));
    input->from = input->at;
    buffer->size = n;
    TRY(input->source->read(input->source, input->at + n, buffer->data + n, (size_t)want - n, err));
    buffer->size = (size_t)want;
    *input->bytes_read += want - n;
    return STATUS_OK;
}

status read_input_peek(struct read_input *input, size_t size, const uint8_t **out,
                       struct error *err)
{
    bool is_there = input->buffer.size > 0 && input->at >= input->from &&
                    input->at + size <= input->from + input->buffer.size;
    if (!is_there)
        TRY(refill(input, size, err));
    *out = input->buffer.data + (input->at - input->from);
    return STATUS_OK;
}

void read_input_release(struct read_input *input)
{
    read_memory_release(input->memory, &input->buffer);
}
