/* ${NAME} inside a value, $$ for one $, env:NAME and file:PATH as a whole value. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "job/reader.h"

enum { REFERENCED_FILE_MAX_BYTES = 64 * 1024 };

static size_t name_length(const char *text)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    if (!*text || !strchr(first, *text))
        return 0;
    return 1 + strspn(text + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
}

static status environment(struct job_reader *reader, const struct yaml_node *node, const char *name,
                          size_t size, const char **out, struct error *err)
{
    char *copy = arena_strndup(reader->yaml.arena, name, size);
    if (!copy)
        return error_no_memory(err);
    const char *value = getenv(copy);
    if (!value)
        return yaml_error(&reader->yaml, node, err, "the environment variable %s is not set (%s)",
                          copy, node->text);
    *out = value;
    return STATUS_OK;
}

/* TEXT with its ${NAME} filled in, into RESULT. */
static status expand(struct job_reader *reader, struct yaml_node *node, struct text *result,
                     bool *out_referred, struct error *err)
{
    for (const char *at = node->text; *at;) {
        const char *dollar = strchr(at, '$');
        if (!dollar) {
            text_append(result, at);
            break;
        }
        text_append_bytes(result, at, (size_t)(dollar - at));
        if (dollar[1] == '$') {
            text_append_char(result, '$');
            at = dollar + 2;
        } else if (dollar[1] == '{') {
            size_t size = name_length(dollar + 2);
            if (size == 0 || dollar[2 + size] != '}')
                return yaml_error(&reader->yaml, node, err,
                                  "expected ${NAME} with letters, digits and _ in it; write $${ "
                                  "for a plain ${");
            const char *value;
            TRY(environment(reader, node, dollar + 2, size, &value, err));
            text_append(result, value);
            *out_referred = true;
            at = dollar + 3 + size;
        } else {
            text_append_char(result, '$');
            at = dollar + 1;
        }
    }
    return text_check(result, err);
}

static status resolve_inside(struct job_reader *reader, struct yaml_node *node, struct error *err)
{
    SCOPED(text_release) struct text result = {0};
    bool referred = false;
    TRY(expand(reader, node, &result, &referred, err));
    const char *text = arena_strdup(reader->yaml.arena, text_string(&result));
    if (!text)
        return error_no_memory(err);
    if (referred)
        node->reference = node->text;
    node->text = text;
    return STATUS_OK;
}

static status resolve_env(struct job_reader *reader, struct yaml_node *node, struct error *err)
{
    const char *name = node->text + strlen("env:");
    if (name_length(name) == 0 || name[name_length(name)] != 0)
        return yaml_error(&reader->yaml, node, err,
                          "expected env:NAME with the name of an environment variable, got \"%s\"",
                          node->text);
    const char *value;
    TRY(environment(reader, node, name, strlen(name), &value, err));
    const char *copy = arena_strdup(reader->yaml.arena, value);
    if (!copy)
        return error_no_memory(err);
    node->reference = node->text;
    node->text = copy;
    return STATUS_OK;
}

static status resolve_file(struct job_reader *reader, struct yaml_node *node, struct error *err)
{
    struct arena *arena = reader->yaml.arena;
    const char *path = file_join(reader->directory, node->text + strlen("file:"), arena);
    char *content;
    size_t size;
    if (!path)
        return error_no_memory(err);
    struct error cause = {0};
    status_code code =
        file_read_small(path, REFERENCED_FILE_MAX_BYTES, arena, &content, &size, &cause);
    if (code == STATUS_NO_MEMORY)
        return error_no_memory(err);
    if (code != STATUS_OK)
        return yaml_error(&reader->yaml, node, err, "%s: %s", node->text, cause.text);
    if (strlen(content) != size || text_utf8_valid_prefix(content, size) != size)
        return yaml_error(&reader->yaml, node, err, "%s does not hold text", path);
    while (size && (content[size - 1] == '\n' || content[size - 1] == '\r'))
        content[--size] = 0;
    node->reference = node->text;
    node->text = content;
    return STATUS_OK;
}

/* file:PATH names a file that holds the value; file:// begins a URL. */
static bool is_file_reference(const char *text)
{
    return text_starts_with(text, "file:") && !text_starts_with(text, "file://") && text[5];
}

status reference_resolve(struct job_reader *reader, struct yaml_node *node, struct error *err)
{
    for (struct yaml_node *child = node->first; child; child = child->next)
        TRY(reference_resolve(reader, child, err)); /* as deep as YAML_MAX_DEPTH */
    if (node->kind != YAML_SCALAR)
        return STATUS_OK;
    if (strchr(node->text, '$'))
        return resolve_inside(reader, node, err);
    if (text_starts_with(node->text, "env:"))
        return resolve_env(reader, node, err);
    if (is_file_reference(node->text))
        return resolve_file(reader, node, err);
    return STATUS_OK;
}
