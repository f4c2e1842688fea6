/* Text under construction, and the few questions asked of finished text. */
#ifndef LEAT_BASE_TEXT_H
#define LEAT_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A NUL-terminated string that grows. When memory runs out or the ceiling (64 MiB) is reached it
 * turns `failed` and ignores what follows: check once, at the end, with text_finish. */
struct text {
    char *data; /* NULL while empty; else NUL-terminated */
    size_t size;
    size_t capacity;
    bool failed;
};

void text_append(struct text *text, const char *string);
void text_append_bytes(struct text *text, const char *bytes, size_t count);
void text_append_char(struct text *text, char c);
/* As a JSON string with its quotes. What is no UTF-8 stays as it is. */
void text_append_json(struct text *text, const char *string);
void text_append_json_bytes(struct text *text, const char *bytes, size_t count);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* What was built, or "" if nothing was; never NULL. Owned by TEXT. */
const char *text_string(const struct text *text);
/* NO_MEMORY if anything was lost on the way. */
status text_check(const struct text *text, struct error *err);
/* Ownership of the string leaves (mem_free); NULL if memory ran out. TEXT is empty again. */
char *text_take(struct text *text);
void text_release(struct text *text);

bool text_equal(const char *a, const char *b); /* NULL equals only NULL */
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
/* Shell-style match with * and ?; no classes. */
bool text_matches(const char *pattern, const char *text);
/* Of the N words in CHOICES the one nearest to WORD (edit distance at most a third of its
 * length, at least 1), or NULL: for "did you mean". */
const char *text_nearest(const char *word, const char *const *choices, size_t n);
/* Is [bytes, bytes+size) well-formed UTF-8? Returns the offset of the first bad byte, or SIZE. */
size_t text_utf8_valid_prefix(const char *bytes, size_t size);

/* "256MB" (10^6), "2MiB" (2^20), "512" -> bytes. BAD_CONFIG says what was expected. */
status text_parse_size(const char *text, uint64_t *out_bytes, struct error *err);
/* "3 days", "7d", "90s", "15 min", "2 h" -> seconds. */
status text_parse_duration(const char *text, int64_t *out_seconds, struct error *err);
/* A whole number in decimal, nothing before or after it. */
bool text_parse_int64(const char *text, size_t size, int64_t *out);
/* 12345678 -> "12.3 MB", 1234567 rows -> "1,234,567". BUF at least 32 bytes; returns BUF. */
const char *text_format_bytes(uint64_t bytes, char buf[32]);
const char *text_format_count(uint64_t count, char buf[32]);
const char *text_format_duration(double seconds, char buf[32]); /* "0.8 s", "4 m 10 s", "2 h 5 m" */

#endif
