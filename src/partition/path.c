/* Partition values as paths, and back. A segment holds no byte that means something to a file system, a
 * shell, a URL or a listing that skips hidden names; so no value leaves its directory (invariant 12). */
#include <string.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/text.h"
#include "partition/partition.h"

enum { SEGMENT_BYTES = 200, DIGEST_BYTES = 1 + 32 };
static const char DEFAULT_PARTITION[] = "__HIVE_DEFAULT_PARTITION__";

static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

/* "." and ".." start with a dot, hidden names with one or with "_": encoding that is enough. */
static void encode(struct text *out, const char *bytes, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        bool leading = i == 0 && (c == '.' || c == '_');
        if (is_plain((char)c) && !leading) {
            text_append_char(out, (char)c);
        } else {
            char triple[3] = {'%', hex[c >> 4], hex[c & 15]};
            text_append_bytes(out, triple, sizeof(triple));
        }
    }
}

static bool encode_value(struct text *out, const struct field *key, const struct scalar *value,
                         struct arena *arena)
{
    bool text = type_is_text_like(value->type);
    if (value->is_null || (text && value->size == 0)) {
        text_append(out, DEFAULT_PARTITION);
        return true;
    }
    if (text) {
        encode(out, value->bytes, value->size);
        return true;
    }
    if (text_equal(key->source_type, PARTITION_PART_OF_DATE)) {
        text_printf(out, "%02d", (int)value->i64); /* month=09: paths sort as the dates do */
        return true;
    }
    const char *canonical = scalar_text(value, arena);
    if (canonical)
        encode(out, canonical, strlen(canonical));
    return canonical != NULL;
}

/* Too long for a file name: as much as fits, "~" (which encoding never leaves bare), the whole's digest. */
static void append_segment(struct text *path, const struct text *segment)
{
    if (segment->size <= SEGMENT_BYTES) {
        text_append_bytes(path, segment->data, segment->size);
        return;
    }
    size_t keep = SEGMENT_BYTES - DIGEST_BYTES;
    for (size_t back = 1; back <= 2; back++)
        if (segment->data[keep - back] == '%') /* not through a triple */
            keep -= back;
    XXH128_canonical_t digest;
    char hex[33];
    XXH128_canonicalFromHash(&digest, XXH3_128bits(segment->data, segment->size));
    bytes_to_hex(digest.digest, sizeof(digest.digest), hex);
    text_append_bytes(path, segment->data, keep);
    text_append_char(path, '~');
    text_append(path, hex);
}

char *partition_path(const struct schema *keys, const struct scalar *values, struct arena *arena)
{
    SCOPED(text_release) struct text path = {0};
    for (size_t i = 0; i < keys->n_fields; i++) {
        SCOPED(text_release) struct text segment = {0};
        encode(&segment, keys->fields[i].name, strlen(keys->fields[i].name));
        text_append_char(&segment, '=');
        if (!encode_value(&segment, &keys->fields[i], &values[i], arena) || segment.failed)
            return NULL;
        if (i > 0)
            text_append_char(&path, '/');
        append_segment(&path, &segment);
    }
    return path.failed ? NULL : arena_strndup(arena, text_string(&path), path.size);
}

static char *copy_bytes(struct arena *arena, const char *bytes, size_t size)
{
    char *copy = arena_alloc(arena, size + 1);
    if (copy && size)
        memcpy(copy, bytes, size);
    return copy;
}

char *partition_value_text(const struct scalar *value, struct arena *arena)
{
    if (value->is_null)
        return NULL;
    if (type_is_text_like(value->type))
        return copy_bytes(arena, value->bytes, value->size);
    char *text = scalar_text(value, arena);
    if (!text || value->type.id != TYPE_TIMESTAMP || text[0] == '@')
        return text;
    text[10] = ' ';
    size_t size = strlen(text);
    if (text[size - 1] == 'Z')
        text[size - 1] = '\0';
    return text;
}

/* ---- back ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *decode(const char *text, size_t size, struct arena *arena, size_t *out_size)
{
    char *out = arena_alloc(arena, size + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < size; i++) {
        if (is_plain(text[i])) {
            out[n++] = text[i];
            continue;
        }
        if (text[i] != '%' || size - i < 3)
            return NULL;
        int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0)
            return NULL;
        out[n++] = (char)(high << 4 | low);
        i += 2;
    }
    *out_size = n;
    return out;
}

bool partition_segment_decode(const char *segment, size_t size, struct arena *arena,
                              char **out_name, char **out_value, size_t *out_value_size)
{
    const char *equals = memchr(segment, '=', size);
    if (!equals || equals == segment)
        return false;
    const char *value = equals + 1;
    size_t value_size = size - (size_t)(value - segment), name_size, decoded_size = 0;
    char *name = decode(segment, (size_t)(equals - segment), arena, &name_size), *decoded = NULL;
    bool is_default = value_size == sizeof(DEFAULT_PARTITION) - 1 &&
                      memcmp(value, DEFAULT_PARTITION, value_size) == 0;
    if (!is_default)
        decoded = decode(value, value_size, arena, &decoded_size);
    if (!name || memchr(name, '\0', name_size) || (!is_default && !decoded) || value_size == 0)
        return false;
    *out_name = name;
    *out_value = decoded;
    *out_value_size = decoded_size;
    return true;
}

bool partition_path_decode(const char *segment, size_t size, struct arena *arena, char **out_name,
                           char **out_value)
{
    char *name, *value;
    size_t value_size;
    if (!partition_segment_decode(segment, size, arena, &name, &value, &value_size))
        return false;
    if (value && memchr(value, '\0', value_size))
        return false;
    *out_name = name;
    *out_value = value;
    return true;
}
