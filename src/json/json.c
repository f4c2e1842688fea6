#include "json/json.h"

#include <setjmp.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* jansson 2.14 does not look whether the lexer's buffer could grow: a string that lacks bytes makes it read and write beyond
 * its end. So a parse never sees a failed allocation: it is left by longjmp, and what it had allocated is given back here.
 * For that the blocks of a parse in progress hang in a list. */
struct block {
    struct block *previous, *next;
    /* the caller's bytes follow; two pointers keep them aligned to 16 */
};

struct parse {
    struct block blocks; /* head of a ring */
    jmp_buf out_of_memory;
};

static _Thread_local struct parse *parse_in_progress;

static void *alloc(size_t size_bytes)
{
    struct parse *parse = parse_in_progress;
    struct block *block = mem_alloc(sizeof(*block) + size_bytes);
    if (!block && parse)
        longjmp(parse->out_of_memory, 1);
    if (!block)
        return NULL;
    *block = (struct block){NULL, NULL};
    if (parse) {
        *block = (struct block){&parse->blocks, parse->blocks.next};
        block->next->previous = block;
        parse->blocks.next = block;
    }
    return block + 1;
}

static void release(void *bytes)
{
    if (!bytes)
        return;
    struct block *block = (struct block *)bytes - 1;
    if (block->next) {
        block->next->previous = block->previous;
        block->previous->next = block->next;
    }
    mem_free(block);
}

static void parse_begin(struct parse *parse)
{
    parse->blocks = (struct block){&parse->blocks, &parse->blocks};
    parse_in_progress = parse;
}

/* The blocks are the document's from here on (KEEP), or are freed. */
static void parse_end(struct parse *parse, bool keep)
{
    parse_in_progress = NULL;
    for (struct block *block = parse->blocks.next, *next; block != &parse->blocks; block = next) {
        next = block->next;
        *block = (struct block){NULL, NULL};
        if (!keep)
            mem_free(block);
    }
}

void json_init(void)
{
    json_set_alloc_funcs(alloc, release);
    json_object_seed(0); /* once, here, and not within the first parse */
}

void json_release(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

status json_parse(const char *text, size_t size, const char *what, json_t **out, struct error *err)
{
    /* NUL in a string is legal JSON and stands in other writers' statistics; json_get_text refuses it. */
    json_error_t failed = {0};
    struct parse parse;
    if (setjmp(parse.out_of_memory)) {
        parse_end(&parse, false);
        return error_set(err, STATUS_NO_MEMORY, "out of memory\nin %s", what);
    }
    parse_begin(&parse);
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &failed);
    parse_end(&parse, true);
    if (json) {
        *out = json;
        return STATUS_OK;
    }
    return error_set(err, STATUS_BAD_DATA, "%s, line %d, column %d: not valid JSON: %s", what,
                     failed.line, failed.column, failed.text);
}

/* Not json_dumps: jansson 2.14 does not look whether a member's name could be written, so that a buffer that can't grow
 * just then gives a document without the name and no error. Here every failure is remembered. */
static int append_piece(const char *bytes, size_t size, void *context)
{
    struct text *out = context;
    text_append_bytes(out, bytes, size);
    return out->failed ? -1 : 0;
}

char *json_write(const json_t *json, size_t *out_size)
{
    SCOPED(text_release) struct text out = {0};
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17);
    if (json_dump_callback(json, append_piece, &out, flags) != 0 || out.failed)
        return NULL;
    if (out_size)
        *out_size = out.size; /* a NUL inside a string is written as \u0000 */
    return text_take(&out);
}

/* ---- members ---- */

/* The member KEY, or NULL when it is absent or null. */
static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static status missing(const char *key, const char *what, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "%s: member \"%s\" is missing", what, key);
}

static status wrong(const char *key, const char *what, const char *expected, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "%s: member \"%s\" is not %s", what, key, expected);
}

status json_get_text_opt(const json_t *object, const char *key, const char *what, const char **out,
                         struct error *err)
{
    const json_t *value = member(object, key);
    if (!value)
        return STATUS_OK;
    if (!json_is_string(value))
        return wrong(key, what, "a string", err);
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value))
        return wrong(key, what, "a string without NUL", err);
    *out = text;
    return STATUS_OK;
}

status json_get_text(const json_t *object, const char *key, const char *what, const char **out,
                     struct error *err)
{
    return member(object, key) ? json_get_text_opt(object, key, what, out, err)
                               : missing(key, what, err);
}

status json_get_int_opt(const json_t *object, const char *key, const char *what, int64_t *out,
                        struct error *err)
{
    const json_t *value = member(object, key);
    if (!value)
        return STATUS_OK;
    if (!json_is_integer(value))
        return wrong(key, what, "a whole number", err);
    *out = json_integer_value(value);
    return STATUS_OK;
}

status json_get_int(const json_t *object, const char *key, const char *what, int64_t *out,
                    struct error *err)
{
    return member(object, key) ? json_get_int_opt(object, key, what, out, err)
                               : missing(key, what, err);
}

status json_get_bool_opt(const json_t *object, const char *key, const char *what, bool *out,
                         struct error *err)
{
    const json_t *value = member(object, key);
    if (!value)
        return STATUS_OK;
    if (!json_is_boolean(value))
        return wrong(key, what, "true or false", err);
    *out = json_is_true(value);
    return STATUS_OK;
}

status json_get_array(const json_t *object, const char *key, const char *what, const json_t **out,
                      struct error *err)
{
    const json_t *value = member(object, key);
    if (!value)
        return missing(key, what, err);
    if (!json_is_array(value))
        return wrong(key, what, "an array", err);
    *out = value;
    return STATUS_OK;
}

status json_get_object(const json_t *object, const char *key, const char *what, const json_t **out,
                       struct error *err)
{
    const json_t *value = member(object, key);
    if (!value)
        return missing(key, what, err);
    if (!json_is_object(value))
        return wrong(key, what, "an object", err);
    *out = value;
    return STATUS_OK;
}
