/* DELTA_LENGTH_BYTE_ARRAY: all lengths (DELTA_BINARY_PACKED, 32 bits), then all bytes.
 * DELTA_BYTE_ARRAY: how many bytes each value shares with the beginning of the one before it (the first: 0), as
 * DELTA_BINARY_PACKED; then what follows those bytes, as DELTA_LENGTH_BYTE_ARRAY. */
#include <string.h>

#include "base/bytes.h"
#include "format/parquet/delta.h"

enum { COPY_STEP = 16, COPY_ROOM = 2 * COPY_STEP, LENGTH_WIDTH = 4 };

/* Most values are short: a fixed number of bytes is copied without a call where ROOM bytes can be read. OUT has
 * COPY_ROOM bytes more than it needs. The two may overlap when FROM lies before OUT. */
static inline void copy_short(uint8_t *out, const uint8_t *from, size_t size, size_t room)
{
    if (size <= COPY_ROOM && room >= COPY_ROOM) {
        uint8_t held[COPY_ROOM];
        memcpy(held, from, COPY_ROOM);
        memcpy(out, held, COPY_ROOM);
    } else if (size > 0) {
        memcpy(out, from, size);
    }
}

/* ---- encoding ---- */

static status check_length(int64_t length, struct error *err)
{
    if (length > INT32_MAX)
        return error_set(err, STATUS_BAD_DATA,
                         "a value has %lld bytes, Parquet's delta encodings hold 2 GiB; write the "
                         "column with the encoding plain",
                         (long long)length);
    return STATUS_OK;
}

size_t delta_length_bound(const int64_t *offsets, size_t n)
{
    return delta_binary_bound(n, LENGTH_WIDTH) + (size_t)(offsets[n] - offsets[0]);
}

status delta_length_encode(const uint8_t *bytes, const int64_t *offsets, size_t n,
                           struct buffer *scratch, uint8_t *out, size_t *out_size,
                           struct error *err)
{
    TRY(buffer_reserve(scratch, n * LENGTH_WIDTH + 1, err));
    int32_t *lengths = (int32_t *)(void *)scratch->data;
    int64_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t length = offsets[i + 1] - offsets[i];
        longest = length > longest ? length : longest;
        lengths[i] = (int32_t)length;
    }
    TRY(check_length(longest, err));
    size_t size = delta_binary_encode(lengths, n, LENGTH_WIDTH, out);
    size_t content = (size_t)(offsets[n] - offsets[0]);
    if (content > 0)
        memcpy(out + size, bytes + offsets[0], content);
    *out_size = size + content;
    return STATUS_OK;
}

size_t delta_bytes_bound(const int64_t *offsets, size_t n)
{
    return 2 * delta_binary_bound(n, LENGTH_WIDTH) + (size_t)(offsets[n] - offsets[0]) + COPY_ROOM;
}

/* Bytes that A and B, at least MOST bytes each, have in common at their beginning. */
static size_t common_prefix(const uint8_t *a, const uint8_t *b, size_t most)
{
    size_t i = 0;
    for (; i + 8 <= most; i += 8) {
        uint64_t differ = load_u64le(a + i) ^ load_u64le(b + i);
        if (differ)
            return i + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (i < most && a[i] == b[i])
        i++;
    return i;
}

static status split_prefixes(const uint8_t *bytes, const int64_t *offsets, size_t n,
                             int32_t *prefixes, int32_t *suffixes, struct error *err)
{
    size_t before = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t length = offsets[i + 1] - offsets[i];
        TRY(check_length(length, err));
        size_t most = before < (size_t)length ? before : (size_t)length;
        size_t prefix =
            most == 0 ? 0 : common_prefix(bytes + offsets[i - 1], bytes + offsets[i], most);
        prefixes[i] = (int32_t)prefix;
        suffixes[i] = (int32_t)((size_t)length - prefix);
        before = (size_t)length;
    }
    return STATUS_OK;
}

status delta_bytes_encode(const uint8_t *bytes, const int64_t *offsets, size_t n,
                          struct buffer *scratch, uint8_t *out, size_t *out_size, struct error *err)
{
    TRY(buffer_reserve(scratch, 2 * n * LENGTH_WIDTH + 1, err));
    int32_t *prefixes = (int32_t *)(void *)scratch->data, *suffixes = prefixes + n;
    TRY(split_prefixes(bytes, offsets, n, prefixes, suffixes, err));
    uint8_t *at = out + delta_binary_encode(prefixes, n, LENGTH_WIDTH, out);
    at += delta_binary_encode(suffixes, n, LENGTH_WIDTH, at);
    for (size_t i = 0; i < n; i++) {
        int64_t from = offsets[i] + prefixes[i];
        if (suffixes[i] > 0)
            copy_short(at, bytes + from, (size_t)suffixes[i], (size_t)(offsets[n] - from));
        at += suffixes[i];
    }
    *out_size = (size_t)(at - out);
    return STATUS_OK;
}

/* ---- decoding ---- */

static status refuse(const char *encoding, const char *what, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "%s: %s; the page is damaged", encoding, what);
}

/* Takes N lengths off FROM. */
static status take_lengths(struct span *from, size_t n, int32_t *out, const char *encoding,
                           struct error *err)
{
    size_t used;
    if (!delta_binary_decode(from->data, from->size, n, LENGTH_WIDTH, out, &used))
        return refuse(encoding, "the lengths can't be read", err);
    from->data += used;
    from->size -= used;
    return STATUS_OK;
}

/* Puts the ends of the values behind those in OFFSETS; *OUT_BYTES: their lengths' sum. */
static status put_ends(const int32_t *lengths, size_t n, size_t max_bytes, size_t base,
                       struct buffer *offsets, size_t *out_bytes, struct error *err)
{
    const char *encoding = "DELTA_LENGTH_BYTE_ARRAY";
    TRY(buffer_reserve(offsets, offsets->size + n * sizeof(int64_t), err));
    uint8_t *ends = offsets->data + offsets->size;
    uint64_t total = 0; /* at most 2^31 values of 2^31 bytes */
    uint32_t negative = 0;
    for (size_t i = 0; i < n; i++) {
        negative |= (uint32_t)lengths[i];
        total += (uint32_t)lengths[i];
        store_u64le(ends + i * sizeof(int64_t), base + total);
    }
    if (negative >> 31)
        return refuse(encoding, "a length is negative", err);
    if (total > max_bytes)
        return refuse(encoding, "the values are longer than the page", err);
    *out_bytes = total;
    return STATUS_OK;
}

status delta_length_decode(const uint8_t *from, size_t size, size_t n, size_t max_bytes,
                           struct buffer *lengths, struct buffer *bytes, struct buffer *offsets,
                           struct error *err)
{
    struct span rest = {from, size};
    if (n > INT32_MAX)
        return refuse("DELTA_LENGTH_BYTE_ARRAY", "more than 2^31 values", err);
    TRY(buffer_reserve(lengths, n * LENGTH_WIDTH + 1, err));
    int32_t *each = (int32_t *)(void *)lengths->data;
    TRY(take_lengths(&rest, n, each, "DELTA_LENGTH_BYTE_ARRAY", err));
    size_t total, most = rest.size < max_bytes ? rest.size : max_bytes;
    TRY(put_ends(each, n, most, bytes->size, offsets, &total, err));
    TRY(buffer_append(bytes, rest.data, total, err));
    offsets->size += n * sizeof(int64_t);
    return STATUS_OK;
}

/* *OUT_BYTES: what all values take. */
static status check_prefixes(const int32_t *prefixes, const int32_t *suffixes, size_t n,
                             size_t suffix_bytes, size_t max_bytes, size_t *out_bytes,
                             struct error *err)
{
    const char *encoding = "DELTA_BYTE_ARRAY";
    uint64_t total = 0, of_suffixes = 0, before = 0;
    for (size_t i = 0; i < n; i++) {
        if (prefixes[i] < 0 || suffixes[i] < 0)
            return refuse(encoding, "a length is negative", err);
        if ((uint64_t)prefixes[i] > before)
            return refuse(encoding, "a prefix is longer than the value before", err);
        before = (uint64_t)prefixes[i] + (uint64_t)suffixes[i];
        total += before;
        of_suffixes += (uint64_t)suffixes[i];
    }
    if (of_suffixes > suffix_bytes)
        return refuse(encoding, "the values are longer than the page", err);
    if (total > max_bytes)
        return error_set(err, STATUS_BAD_DATA,
                         "%s: the values of a page take %llu bytes, %zu are allowed", encoding,
                         (unsigned long long)total, max_bytes);
    *out_bytes = total;
    return STATUS_OK;
}

/* OUT has room for all values and COPY_ROOM bytes. */
static void join_prefixes(const int32_t *prefixes, const int32_t *suffixes, size_t n,
                          struct span from, uint64_t base, uint8_t *out, uint8_t *ends)
{
    const uint8_t *before = out;
    const uint8_t *start = out;
    for (size_t i = 0; i < n; i++) {
        uint8_t *value = out;
        size_t prefix = (size_t)prefixes[i], suffix = (size_t)suffixes[i];
        if (prefix > 0)
            copy_short(out, before, prefix, COPY_ROOM);
        out += prefix;
        copy_short(out, from.data, suffix, from.size);
        out += suffix;
        from.data += suffix;
        from.size -= suffix;
        store_u64le(ends + i * sizeof(int64_t), base + (uint64_t)(out - start));
        before = value;
    }
}

status delta_bytes_decode(const uint8_t *from, size_t size, size_t n, size_t max_bytes,
                          struct buffer *lengths, struct buffer *bytes, struct buffer *offsets,
                          struct error *err)
{
    struct span rest = {from, size};
    if (n > INT32_MAX)
        return refuse("DELTA_BYTE_ARRAY", "more than 2^31 values", err);
    TRY(buffer_reserve(lengths, 2 * n * LENGTH_WIDTH + 1, err));
    int32_t *prefixes = (int32_t *)(void *)lengths->data, *suffixes = prefixes + n;
    TRY(take_lengths(&rest, n, prefixes, "DELTA_BYTE_ARRAY", err));
    TRY(take_lengths(&rest, n, suffixes, "DELTA_BYTE_ARRAY", err));
    size_t total;
    TRY(check_prefixes(prefixes, suffixes, n, rest.size, max_bytes, &total, err));
    TRY(buffer_reserve(bytes, bytes->size + total + COPY_ROOM, err));
    TRY(buffer_reserve(offsets, offsets->size + n * sizeof(int64_t), err));
    join_prefixes(prefixes, suffixes, n, rest, bytes->size, bytes->data + bytes->size,
                  offsets->data + offsets->size);
    bytes->size += total;
    offsets->size += n * sizeof(int64_t);
    return STATUS_OK;
}
