/* Text under construction, matching, UTF-8. */
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { TEXT_CEILING = 64 * 1024 * 1024 };

/* Room for COUNT more bytes and the NUL. */
static bool make_room(struct text *text, size_t count)
{
    if (text->failed)
        return false;
    if (text->data && count < text->capacity - text->size)
        return true;
    size_t needed = count > TEXT_CEILING ? SIZE_MAX : text->size + count + 1;
    size_t capacity = text->capacity * 2 > 64 ? text->capacity * 2 : 64;
    if (capacity < needed)
        capacity = needed;
    if (capacity > TEXT_CEILING)
        capacity = TEXT_CEILING;
    char *data = needed > TEXT_CEILING ? NULL : mem_realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_append_bytes(struct text *text, const char *bytes, size_t count)
{
    if (!make_room(text, count))
        return;
    if (count > 0)
        memcpy(text->data + text->size, bytes, count);
    text->size += count;
    text->data[text->size] = '\0';
}

void text_append(struct text *text, const char *string)
{
    text_append_bytes(text, string, strlen(string));
}

void text_append_char(struct text *text, char c)
{
    text_append_bytes(text, &c, 1);
}

void text_append_json_bytes(struct text *text, const char *bytes, size_t count)
{
    size_t from = 0;
    text_append_char(text, '"');
    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            continue;
        text_append_bytes(text, bytes + from, i - from);
        if (c == '"' || c == '\\')
            text_append_bytes(text, (const char[]){'\\', (char)c}, 2);
        else
            text_printf(text, "\\u%04x", c);
        from = i + 1;
    }
    if (count > from)
        text_append_bytes(text, bytes + from, count - from);
    text_append_char(text, '"');
}

void text_append_json(struct text *text, const char *string)
{
    text_append_json_bytes(text, string, strlen(string));
}

void text_vprintf(struct text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        text->failed = true;
    else if (make_room(text, (size_t)length)) {
        (void)vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    }
    va_end(again);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprintf(text, format, args);
    va_end(args);
}

const char *text_string(const struct text *text)
{
    return text->data ? text->data : "";
}

status text_check(const struct text *text, struct error *err)
{
    return text->failed ? error_no_memory(err) : STATUS_OK;
}

char *text_take(struct text *text)
{
    text_append_bytes(text, "", 0); /* so that an empty text is "" too */
    char *string = text->failed ? NULL : TAKE(text->data);
    text_release(text);
    return string;
}

void text_release(struct text *text)
{
    mem_free(text->data);
    *text = (struct text){0};
}

/* ---- questions ---- */

bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
    size_t text_bytes = strlen(text), suffix_bytes = strlen(suffix);
    return text_bytes >= suffix_bytes && strcmp(text + text_bytes - suffix_bytes, suffix) == 0;
}

/* On a mismatch only the last * needs to take one byte more: what an earlier one took is settled. */
bool text_matches(const char *pattern, const char *text)
{
    const char *after_star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            after_star = ++pattern;
            retry = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (after_star) {
            pattern = after_star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

enum { NEAREST_WORD_BYTES = 64 };

/* Fewest inserts, deletes, replacements and swaps of neighbours from A to B, case aside; both shorter
 * than NEAREST_WORD_BYTES. */
static size_t edit_distance(const char *a, const char *b)
{
    uint8_t rows[3][NEAREST_WORD_BYTES + 1];
    size_t b_bytes = strlen(b);
    for (size_t j = 0; j <= b_bytes; j++)
        rows[0][j] = (uint8_t)j;
    size_t i = 0;
    for (; a[i]; i++) {
        const uint8_t *before = rows[(i + 2) % 3], *above = rows[i % 3];
        uint8_t *row = rows[(i + 1) % 3];
        row[0] = (uint8_t)(i + 1);
        for (size_t j = 0; j < b_bytes; j++) {
            int x = tolower((unsigned char)a[i]), y = tolower((unsigned char)b[j]);
            unsigned best = above[j] + (x != y);
            if (above[j + 1] + 1u < best)
                best = above[j + 1] + 1u;
            if (row[j] + 1u < best)
                best = row[j] + 1u;
            if (i > 0 && j > 0 && x == tolower((unsigned char)b[j - 1]) &&
                tolower((unsigned char)a[i - 1]) == y && before[j - 1] + 1u < best)
                best = before[j - 1] + 1u;
            row[j + 1] = (uint8_t)best;
        }
    }
    return rows[i % 3][b_bytes];
}

const char *text_nearest(const char *word, const char *const *choices, size_t n)
{
    size_t word_bytes = strlen(word);
    if (word_bytes >= NEAREST_WORD_BYTES)
        return NULL;
    size_t nearest = word_bytes / 3 > 1 ? word_bytes / 3 : 1;
    const char *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (strlen(choices[i]) >= NEAREST_WORD_BYTES)
            continue;
        size_t distance = edit_distance(word, choices[i]);
        if (distance < nearest || (distance == nearest && !found)) {
            nearest = distance;
            found = choices[i];
        }
    }
    return found;
}

/* Bytes of the well-formed sequence at P, 0 if there is none. Table 3-7 of the Unicode standard: no
 * overlong form, no surrogate, nothing above U+10FFFF. */
static size_t utf8_sequence(const uint8_t *p, size_t room)
{
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (length == 0 || p[0] > 0xF4 || room < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    bool bad = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
               (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
    return bad ? 0 : length;
}

static const uint64_t high_bits = UINT64_C(0x8080808080808080);

/* Are the last bytes of DATA ASCII, up to eight of them? Loads overlap, so that no branch asks how many there are:
 * texts in columns have lengths at random. SIZE is not 0. */
static bool ends_in_ascii(const uint8_t *data, size_t size)
{
    uint64_t bits;
    if (size >= 8)
        bits = load_u64le(data + size - 8);
    else if (size >= 4)
        bits = load_u32le(data) | load_u32le(data + size - 4);
    else
        bits = data[0] | data[size / 2] | data[size - 1];
    return (bits & high_bits) == 0;
}

/* Bytes from DATA on that are ASCII, at most all SIZE. */
static size_t ascii_prefix(const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (; size - at >= 32; at += 32) {
        const uint8_t *p = data + at;
        uint64_t first = load_u64le(p) | load_u64le(p + 8);
        uint64_t second = load_u64le(p + 16) | load_u64le(p + 24);
        if ((first | second) & high_bits)
            break;
    }
    while (size - at >= 8 && !(load_u64le(data + at) & high_bits))
        at += 8;
    if (size - at < 8 && size > 0 && ends_in_ascii(data, size))
        return size;
    while (at < size && data[at] < 0x80)
        at++;
    return at;
}

size_t text_utf8_valid_prefix(const char *bytes, size_t size)
{
    const uint8_t *data = (const uint8_t *)bytes;
    for (size_t at = 0;;) {
        at += ascii_prefix(data + at, size - at);
        if (at == size)
            return size;
        size_t length = utf8_sequence(data + at, size - at);
        if (length == 0)
            return at;
        at += length;
    }
}
