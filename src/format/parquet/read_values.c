#include "format/parquet/read_values.h"

#include <string.h>

#include "base/text.h"
#include "batch/bitmap.h"
#include "format/parquet/delta.h"

enum { BLOCK = 1024, RUN_LEAST = 16, COPY_STEP = 16, TEXT_SLACK = 64 };

void values_scratch_release(struct read_memory *memory, struct values_scratch *scratch)
{
    read_memory_release(memory, &scratch->fixed);
    read_memory_release(memory, &scratch->bytes);
    read_memory_release(memory, &scratch->offsets);
    read_memory_release(memory, &scratch->lengths);
}

/* ---- taking: fixed width ---- */

static status refused(const struct read_type *type, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "a value %s", read_type_refusal(type));
}

static status take_fixed(const struct read_type *type, struct page_values *values, size_t n,
                         uint8_t *out, struct error *err)
{
    const uint8_t *from = values->at;
    size_t width = values->kind == VALUES_FINAL ? type->out_width : type->width;
    values->at += n * width;
    if (type->convert && values->kind == VALUES_FIXED)
        return type->convert(type, from, n, out) == n ? STATUS_OK : refused(type, err);
    if (n > 0)
        memcpy(out, from, n * width);
    return STATUS_OK;
}

/* ---- taking: by index ---- */

static status bad_index(const struct page_values *values, uint32_t index, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA,
                     "dictionary index %u, but the dictionary has %zu entries", index,
                     values->dictionary->entries);
}

static status bad_stream(struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "the page ends before its dictionary indexes do");
}

static status check_block(const struct page_values *values, const uint32_t *index, size_t n,
                          struct error *err)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = index[i] > largest ? index[i] : largest;
    return largest < values->dictionary->entries ? STATUS_OK : bad_index(values, largest, err);
}

#define GATHER(name, type)                                                                         \
    static void name(const uint8_t *entries, const uint32_t *index, size_t n, uint8_t *out,        \
                     size_t width)                                                                 \
    {                                                                                              \
        (void)width;                                                                               \
        for (size_t i = 0; i < n; i++)                                                             \
            memcpy(out + i * sizeof(type), entries + index[i] * sizeof(type), sizeof(type));       \
    }
struct two_words {
    uint64_t words[2];
};
struct four_words {
    uint64_t words[4];
};
GATHER(gather_1, uint8_t)
GATHER(gather_2, uint16_t)
GATHER(gather_4, uint32_t)
GATHER(gather_8, uint64_t)
GATHER(gather_16, struct two_words)
GATHER(gather_32, struct four_words)

static void gather_any(const uint8_t *entries, const uint32_t *index, size_t n, uint8_t *out,
                       size_t width)
{
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * width, entries + index[i] * width, width);
}

typedef void gather_kernel(const uint8_t *entries, const uint32_t *index, size_t n, uint8_t *out,
                           size_t width);

static gather_kernel *gather_for(size_t width)
{
    switch (width) {
    case 1:
        return gather_1;
    case 2:
        return gather_2;
    case 4:
        return gather_4;
    case 8:
        return gather_8;
    case 16:
        return gather_16;
    case 32:
        return gather_32;
    default:
        return gather_any;
    }
}

/* One entry N times: doubles what is there. */
static void repeat(const uint8_t *entry, size_t n, uint8_t *out, size_t width)
{
    size_t total = n * width, done = width;
    memcpy(out, entry, width);
    while (done < total) {
        size_t part = done < total - done ? done : total - done;
        memcpy(out + done, out, part);
        done += part;
    }
}

static status take_indexed(const struct read_type *type, struct page_values *values, size_t n,
                           uint8_t *out, struct error *err)
{
    const struct read_dictionary *dictionary = values->dictionary;
    size_t width = type->out_width;
    gather_kernel *gather = gather_for(width);
    uint32_t index[BLOCK];
    while (n > 0) {
        size_t part = hybrid_read_run(&values->index, n, RUN_LEAST, index);
        if (part > 0) {
            TRY(check_block(values, index, 1, err));
            repeat(dictionary->values.data + index[0] * width, part, out, width);
        } else {
            part = n < BLOCK ? n : BLOCK;
            if (!hybrid_read(&values->index, part, index))
                return bad_stream(err);
            TRY(check_block(values, index, part, err));
            gather(dictionary->values.data, index, part, out, width);
        }
        out += part * width;
        n -= part;
    }
    return STATUS_OK;
}

/* ---- taking: texts ---- */

static int64_t *ends_of(struct column *column)
{
    return (int64_t *)(void *)column->values.data + column->rows + 1;
}

static status too_much_text(size_t most, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA,
                     "texts of the page take more than the %zu bytes of memory left to them", most);
}

/* Copies by a fixed number of bytes where the values are short; both sides have room behind. */
static void copy_text(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size <= COPY_STEP)
        memcpy(to, from, COPY_STEP);
    else
        memcpy(to, from, size);
}

static status room_for_text(struct column *column, size_t size, size_t most, struct error *err)
{
    if (size > most)
        return too_much_text(most, err);
    if (size + TEXT_SLACK > column->data.capacity - column->data.size)
        TRY(column_grow_data(column, size + TEXT_SLACK, err));
    return STATUS_OK;
}

static status put_entries(const struct page_values *values, const uint32_t *index, size_t n,
                          size_t most, struct column *column, int64_t *ends, struct error *err)
{
    const struct read_dictionary *dictionary = values->dictionary;
    const struct read_entry *entries = (const struct read_entry *)(void *)dictionary->values.data;
    size_t total = n * dictionary->longest;
    if (total > BLOCK * 64 || total > most) {
        total = 0;
        for (size_t i = 0; i < n; i++)
            total += entries[index[i]].size;
    }
    TRY(room_for_text(column, total, most, err));
    size_t size = column->data.size;
    uint8_t *data = column->data.data;
    for (size_t i = 0; i < n; i++) {
        struct read_entry entry = entries[index[i]];
        copy_text(data + size, dictionary->data.data + entry.start, entry.size);
        size += entry.size;
        ends[i] = (int64_t)size;
    }
    column->data.size = size;
    return STATUS_OK;
}

static status take_indexed_texts(struct page_values *values, size_t n, size_t most,
                                 struct column *column, struct error *err)
{
    uint32_t index[BLOCK];
    int64_t *ends = ends_of(column);
    size_t before = column->data.size;
    while (n > 0) {
        size_t part = n < BLOCK ? n : BLOCK;
        if (!hybrid_read(&values->index, part, index))
            return bad_stream(err);
        TRY(check_block(values, index, part, err));
        TRY(put_entries(values, index, part, most - (column->data.size - before), column, ends,
                        err));
        ends += part;
        n -= part;
    }
    return STATUS_OK;
}

static status bad_span(struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "a text of the page is longer than what is left of it");
}

/* All that is left of the page is an upper bound of its texts. */
static status take_spans(struct page_values *values, size_t n, size_t most, struct column *column,
                         struct error *err)
{
    const uint8_t *at = values->at, *end = values->end;
    int64_t *ends = ends_of(column);
    size_t room = (size_t)(end - at);
    TRY(room_for_text(column, room < most ? room : most, most, err));
    size_t size = column->data.size, stop = size + most;
    uint8_t *data = column->data.data;
    for (size_t i = 0; i < n; i++) {
        if (end - at < 4)
            return bad_span(err);
        size_t length = load_u32le(at);
        at += 4;
        if (length > (size_t)(end - at))
            return bad_span(err);
        if (length > stop - size)
            return too_much_text(most, err);
        copy_text(data + size, at, length);
        at += length;
        size += length;
        ends[i] = (int64_t)size;
    }
    column->data.size = size;
    values->at = at;
    return STATUS_OK;
}

static status take_offsets(struct page_values *values, size_t n, size_t most, struct column *column,
                           struct error *err)
{
    const int64_t *offsets = values->offsets;
    int64_t *ends = ends_of(column);
    size_t size = (size_t)(offsets[n] - offsets[0]);
    TRY(room_for_text(column, size, most, err));
    if (size > 0)
        memcpy(column->data.data + column->data.size, values->at + offsets[0], size);
    int64_t move = (int64_t)column->data.size - offsets[0];
    for (size_t i = 0; i < n; i++)
        ends[i] = offsets[i + 1] + move;
    column->data.size += size;
    values->offsets += n;
    return STATUS_OK;
}

static bool is_ascii(const uint8_t *bytes, size_t size)
{
    uint64_t seen = 0;
    size_t i = 0;
    for (; i + 32 <= size; i += 32)
        seen |= load_u64le(bytes + i) | load_u64le(bytes + i + 8) | load_u64le(bytes + i + 16) |
                load_u64le(bytes + i + 24);
    for (; i < size; i++)
        seen |= bytes[i];
    return (seen & UINT64_C(0x8080808080808080)) == 0;
}

/* Valid as one text, and no value begins inside of a character: so each of them is valid. */
static status check_texts(const struct column *column, size_t before, size_t n, struct error *err)
{
    const uint8_t *bytes = column->data.data + before;
    size_t size = column->data.size - before;
    if (size == 0 || is_ascii(bytes, size))
        return STATUS_OK;
    bool good = text_utf8_valid_prefix((const char *)bytes, size) == size;
    const int64_t *starts = column_offsets(column) + column->rows;
    for (size_t i = 1; good && i < n; i++)
        good =
            (size_t)starts[i] == column->data.size || (column->data.data[starts[i]] & 0xc0) != 0x80;
    return good ? STATUS_OK : error_set(err, STATUS_BAD_DATA, "a text is not valid UTF-8");
}

static status take_texts(const struct read_type *type, struct page_values *values, size_t n,
                         size_t most, struct column *column, struct error *err)
{
    size_t before = column->data.size;
    if (values->kind == VALUES_INDEX)
        return take_indexed_texts(values, n, most, column, err);
    if (values->kind == VALUES_SPANS)
        TRY(take_spans(values, n, most, column, err));
    else
        TRY(take_offsets(values, n, most, column, err));
    return type->is_text ? check_texts(column, before, n, err) : STATUS_OK;
}

status page_values_take(const struct read_type *type, struct page_values *values, size_t n,
                        size_t most, struct column *column, struct error *err)
{
    if (n > values->left)
        return error_set(err, STATUS_BAD_DATA, "the page has fewer values than its levels say");
    values->left -= n;
    if (type->type.id == TYPE_BOOL) {
        bitmap_copy(column->values.data, column->rows, values->at, values->bit, n);
        values->bit += n;
        return STATUS_OK;
    }
    if (type->out_width == 0)
        return take_texts(type, values, n, most, column, err);
    uint8_t *out = column->values.data + column->rows * type->out_width;
    if (values->kind == VALUES_INDEX)
        return take_indexed(type, values, n, out, err);
    return take_fixed(type, values, n, out, err);
}

/* ---- skipping ---- */

static status skip_spans(struct page_values *values, size_t n, struct error *err)
{
    for (; n > 0; n--) {
        if (values->end - values->at < 4)
            return bad_span(err);
        size_t length = load_u32le(values->at);
        if (length > (size_t)(values->end - values->at) - 4)
            return bad_span(err);
        values->at += 4 + length;
    }
    return STATUS_OK;
}

status page_values_skip(const struct read_type *type, struct page_values *values, size_t n,
                        struct error *err)
{
    if (n > values->left)
        return error_set(err, STATUS_BAD_DATA, "the page has fewer values than its levels say");
    values->left -= n;
    switch (values->kind) {
    case VALUES_FIXED:
        values->at += n * type->width;
        return STATUS_OK;
    case VALUES_FINAL:
        values->at += n * type->out_width;
        return STATUS_OK;
    case VALUES_SPANS:
        return skip_spans(values, n, err);
    case VALUES_OFFSETS:
        values->offsets += n;
        return STATUS_OK;
    case VALUES_BITS:
        values->bit += n;
        return STATUS_OK;
    case VALUES_INDEX:
        break;
    }
    return hybrid_skip(&values->index, n) ? STATUS_OK : bad_stream(err);
}
