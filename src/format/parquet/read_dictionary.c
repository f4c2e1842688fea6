#include <string.h>

#include "base/text.h"
#include "format/parquet/read_values.h"

void read_dictionary_release(struct read_memory *memory, struct read_dictionary *dictionary)
{
    read_memory_release(memory, &dictionary->values);
    read_memory_release(memory, &dictionary->data);
}

static status too_short(size_t entries, struct span body, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA,
                     "a dictionary of %zu entries does not fit into the %zu bytes of its page",
                     entries, body.size);
}

static status refused(const struct read_type *type, size_t entry, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "dictionary entry %zu %s", entry,
                     type->is_text ? "is not valid UTF-8" : read_type_refusal(type));
}

static status load_fixed(const struct read_type *type, struct span body, size_t entries,
                         struct read_memory *memory, struct read_dictionary *out, struct error *err)
{
    if (entries > body.size / type->width)
        return too_short(entries, body, err);
    TRY(read_memory_room(memory, &out->values, entries * type->out_width, "a dictionary", err));
    out->longest = type->out_width;
    if (!type->convert) {
        if (entries > 0)
            memcpy(out->values.data, body.data, entries * type->width);
        return STATUS_OK;
    }
    size_t done = type->convert(type, body.data, entries, out->values.data);
    return done == entries ? STATUS_OK : refused(type, done, err);
}

/* Where the entries lie in BODY. */
static status find_entries(struct span body, size_t entries, struct read_entry *out,
                           size_t *out_longest, struct error *err)
{
    size_t at = 0, longest = 0;
    for (size_t i = 0; i < entries; i++) {
        if (body.size - at < 4)
            return too_short(entries, body, err);
        uint32_t size = load_u32le(body.data + at);
        at += 4;
        if (size > body.size - at)
            return too_short(entries, body, err);
        out[i] = (struct read_entry){(uint32_t)at, size};
        longest = size > longest ? size : longest;
        at += size;
    }
    *out_longest = longest;
    return STATUS_OK;
}

static status load_texts(const struct read_type *type, struct span body, size_t entries,
                         struct read_memory *memory, struct read_dictionary *out, struct error *err)
{
    if (entries > body.size / 4 || body.size > UINT32_MAX)
        return too_short(entries, body, err);
    TRY(read_memory_room(memory, &out->values, entries * sizeof(struct read_entry), "a dictionary",
                         err));
    struct read_entry *found = (struct read_entry *)(void *)out->values.data;
    TRY(find_entries(body, entries, found, &out->longest, err));
    for (size_t i = 0; type->is_text && i < entries; i++)
        if (text_utf8_valid_prefix((const char *)body.data + found[i].start, found[i].size) !=
            found[i].size)
            return refused(type, i, err);
    TRY(read_memory_room(memory, &out->data, body.size, "a dictionary", err));
    if (body.size > 0)
        memcpy(out->data.data, body.data, body.size);
    return STATUS_OK;
}

/* Decimals of bytes become fixed. */
static status load_converted(const struct read_type *type, struct span body, size_t entries,
                             struct read_memory *memory, struct read_dictionary *out,
                             struct error *err)
{
    size_t at = 0;
    if (entries > body.size / 4)
        return too_short(entries, body, err);
    TRY(read_memory_room(memory, &out->values, entries * type->out_width, "a dictionary", err));
    out->longest = type->out_width;
    for (size_t i = 0; i < entries; i++) {
        if (body.size - at < 4 || load_u32le(body.data + at) > body.size - at - 4)
            return too_short(entries, body, err);
        size_t size = load_u32le(body.data + at);
        if (!type->convert_bytes(type, body.data + at + 4, size,
                                 out->values.data + i * type->out_width))
            return refused(type, i, err);
        at += 4 + size;
    }
    return STATUS_OK;
}

status read_dictionary_load(const struct read_type *type, struct span body, size_t entries,
                            struct read_memory *memory, struct read_dictionary *out,
                            struct error *err)
{
    out->entries = 0;
    if (type->physical == PARQUET_BOOLEAN)
        return error_set(err, STATUS_BAD_DATA, "a dictionary of booleans is not in the format");
    if (type->physical != PARQUET_BYTE_ARRAY)
        TRY(load_fixed(type, body, entries, memory, out, err));
    else if (type->convert_bytes)
        TRY(load_converted(type, body, entries, memory, out, err));
    else
        TRY(load_texts(type, body, entries, memory, out, err));
    out->entries = entries;
    return STATUS_OK;
}
