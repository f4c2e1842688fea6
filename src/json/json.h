/* JSON documents by jansson, with our errors and our allocator. Callers use jansson's json_t and its accessors. */
#ifndef LEAT_JSON_JSON_H
#define LEAT_JSON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Route jansson's memory through base/memory (once, before use). */
void json_init(void);

void json_release(json_t **json); /* for SCOPED(json_release) json_t *j */

/* Parse; BAD_DATA with line, column and WHAT ("plan.json"). Depth and size are bounded by jansson. Duplicate
 * keys are refused. */
status json_parse(const char *text, size_t size, const char *what, json_t **out, struct error *err);
/* Compact one-line text (mem_free), keys in insertion order. NULL: no memory. */
char *json_write(const json_t *json, size_t *out_size);

/* Members, checked: BAD_DATA "WHAT: member "x" is missing / is not a string". Strings borrowed from JSON.
 * The _opt forms leave *out alone when the member is absent or null. */
status json_get_text(const json_t *object, const char *key, const char *what, const char **out,
                     struct error *err);
status json_get_text_opt(const json_t *object, const char *key, const char *what, const char **out,
                         struct error *err);
status json_get_int(const json_t *object, const char *key, const char *what, int64_t *out,
                    struct error *err);
status json_get_int_opt(const json_t *object, const char *key, const char *what, int64_t *out,
                        struct error *err);
status json_get_bool_opt(const json_t *object, const char *key, const char *what, bool *out,
                         struct error *err);
status json_get_array(const json_t *object, const char *key, const char *what, const json_t **out,
                      struct error *err);
status json_get_object(const json_t *object, const char *key, const char *what, const json_t **out,
                       struct error *err);

#endif
