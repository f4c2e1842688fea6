#include "commit/delta/scan.h"

#include <string.h>

#include "base/text.h"

static bool fail(struct scan *scan)
{
    scan->bad = true;
    return false;
}

static char peek(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool expect(struct scan *scan, char c)
{
    if (scan->bad || peek(scan) != c)
        return fail(scan);
    scan->at++;
    return true;
}

bool scan_object(struct scan *scan)
{
    return expect(scan, '{');
}

/* Between the quotes; an escaped quote does not end it. */
static bool quoted(struct scan *scan, struct slice *out)
{
    if (!expect(scan, '"'))
        return false;
    const char *start = scan->at;
    const char *from = start;
    for (;;) {
        const char *quote = memchr(from, '"', (size_t)(scan->end - from));
        if (!quote)
            return fail(scan);
        const char *slash = quote;
        while (slash > start && slash[-1] == '\\')
            slash--;
        from = quote + 1;
        if ((quote - slash) % 2 == 0) {
            *out = (struct slice){.data = start, .size = (size_t)(quote - start)};
            scan->at = from;
            return true;
        }
    }
}

bool scan_member(struct scan *scan, struct slice *out_key)
{
    char c = scan->bad ? '\0' : peek(scan);
    if (c == '}') {
        scan->at++;
        return false;
    }
    if (c == ',')
        scan->at++;
    return quoted(scan, out_key) && expect(scan, ':');
}

static bool nested(struct scan *scan)
{
    size_t depth = 0;
    struct slice string;
    do {
        char c = peek(scan);
        if (c == '"') {
            if (!quoted(scan, &string))
                return false;
            continue;
        }
        if (c == '\0')
            return fail(scan);
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        scan->at++;
    } while (depth > 0);
    return true;
}

bool scan_skip(struct scan *scan)
{
    struct slice string;
    char c = scan->bad ? '\0' : peek(scan);
    if (c == '"')
        return quoted(scan, &string);
    if (c == '{' || c == '[')
        return nested(scan);
    const char *start = scan->at;
    while (scan->at < scan->end && !strchr(",}] \t\r", *scan->at))
        scan->at++;
    return scan->at > start ? true : fail(scan);
}

bool scan_value(struct scan *scan, struct slice *out)
{
    (void)peek(scan);
    const char *start = scan->at;
    if (!scan_skip(scan))
        return false;
    *out = (struct slice){.data = start, .size = (size_t)(scan->at - start)};
    return true;
}

bool scan_string(struct scan *scan, struct slice *out)
{
    if (scan->bad)
        return false;
    if (peek(scan) == 'n') {
        *out = (struct slice){0};
        return scan_skip(scan);
    }
    return quoted(scan, out);
}

bool scan_int(struct scan *scan, int64_t *out)
{
    struct slice value;
    if (!scan_value(scan, &value))
        return false;
    return text_parse_int64(value.data, value.size, out) ? true : fail(scan);
}

bool scan_bool(struct scan *scan, bool *out)
{
    struct slice value;
    if (!scan_value(scan, &value))
        return false;
    *out = slice_is(value, "true");
    return *out || slice_is(value, "false") ? true : fail(scan);
}

bool slice_is(struct slice slice, const char *text)
{
    return slice.data && strlen(text) == slice.size && memcmp(slice.data, text, slice.size) == 0;
}

/* ---- escapes ---- */

static int hex4(const char *at, const char *end)
{
    int value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | (c >> 6));
        *to++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | (c >> 12));
        *to++ = (char)(0x80 | ((c >> 6) & 63));
        *to++ = (char)(0x80 | (c & 63));
    } else {
        *to++ = (char)(0xF0 | (c >> 18));
        *to++ = (char)(0x80 | ((c >> 12) & 63));
        *to++ = (char)(0x80 | ((c >> 6) & 63));
        *to++ = (char)(0x80 | (c & 63));
    }
    return to;
}

/* \uXXXX at AT (behind the 'u'), with its second half where it is a surrogate. Bytes taken, 0: improper. */
static size_t code_point(const char *at, const char *end, uint32_t *out)
{
    int first = hex4(at, end);
    if (first < 0 || (first >= 0xDC00 && first <= 0xDFFF))
        return 0;
    *out = (uint32_t)first;
    if (first < 0xD800 || first > 0xDFFF)
        return 4;
    int second = end - at >= 10 && at[4] == '\\' && at[5] == 'u' ? hex4(at + 6, end) : -1;
    if (second < 0xDC00 || second > 0xDFFF)
        return 0;
    *out = 0x10000 + (((uint32_t)first - 0xD800) << 10) + ((uint32_t)second - 0xDC00);
    return 10;
}

/* What stands at *AT, one byte or one escape, to *TO; false: no proper escape. */
static bool take_piece(const char **at, const char *end, char **to)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (**at != '\\') {
        *(*to)++ = *(*at)++;
        return true;
    }
    if (++*at == end)
        return false;
    const char *letter = memchr(letters, **at, sizeof(letters) - 1);
    uint32_t c = 0;
    size_t taken = **at == 'u' ? code_point(*at + 1, end, &c) : 0;
    if (letter)
        *(*to)++ = meanings[letter - letters];
    else if (taken)
        *to = put_utf8(*to, c);
    else
        return false;
    *at += 1 + taken;
    return true;
}

char *scan_unescape(struct slice string, struct arena *arena, size_t *out_size)
{
    char *out = arena_alloc(arena, string.size + 1);
    char *to = out;
    const char *end = string.data + string.size;
    for (const char *at = string.data; out && at < end;) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape ? escape : end) - at);
        memcpy(to, at, plain);
        to += plain;
        at += plain;
        if (escape && !take_piece(&at, end, &to))
            return NULL;
    }
    if (out && out_size)
        *out_size = (size_t)(to - out);
    return out;
}

static bool is_proper(struct slice string)
{
    char piece[4];
    const char *end = string.data + string.size;
    for (const char *at = string.data; at < end;) {
        char *to = piece;
        if (!take_piece(&at, end, &to))
            return false;
    }
    return true;
}

status scan_text(struct slice string, struct arena *arena, char **out, size_t *out_size,
                 struct error *err)
{
    char *text = scan_unescape(string, arena, out_size);
    if (!text && is_proper(string))
        return error_no_memory(err);
    if (!text)
        return error_set(err, STATUS_BAD_DATA, "\"%.*s\" is no proper JSON string",
                         (int)(string.size < 80 ? string.size : 80), string.data);
    *out = text;
    return STATUS_OK;
}
