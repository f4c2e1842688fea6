/* A pull scanner over one line of JSON: for log lines by the hundred thousand, of which a few members matter.
 * Nothing is copied; strings stay as written until scan_unescape. Numbers and words are not checked for
 * form, structure and strings are. */
#ifndef LEAT_COMMIT_DELTA_SCAN_H
#define LEAT_COMMIT_DELTA_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct slice {
    const char *data; /* strings: between the quotes, escapes as written */
    size_t size;
};

struct scan {
    const char *at, *end;
    bool bad; /* not JSON, or not of the shape asked for; every further call fails */
};

/* Enter an object. Then: while (scan_member(&scan, &key)) take or scan_skip the value. */
bool scan_object(struct scan *scan);
bool scan_member(struct scan *scan, struct slice *out_key); /* false: the end, or bad */
/* The next value, whole, as written (strings with their quotes). */
bool scan_value(struct scan *scan, struct slice *out);
bool scan_skip(struct scan *scan);
/* A string; null gives data NULL. */
bool scan_string(struct scan *scan, struct slice *out);
bool scan_int(struct scan *scan, int64_t *out);
bool scan_bool(struct scan *scan, bool *out);
bool slice_is(struct slice slice, const char *text);

/* What a string means: escapes undone. NUL-terminated in ARENA; *out_size without it. NULL: no memory, or not a proper
 * escape. */
char *scan_unescape(struct slice string, struct arena *arena, size_t *out_size);
/* The same, where it matters which: NO_MEMORY, BAD_DATA. OUT_SIZE may be NULL. */
status scan_text(struct slice string, struct arena *arena, char **out, size_t *out_size,
                 struct error *err);

#endif
