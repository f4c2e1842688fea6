/* --set a.b.c=value: the tree is changed before anything is checked, so a value from the command line goes through
 * the same checks as one from the file. */
#include <string.h>

#include "base/text.h"
#include "job/reader.h"

/* How much of PATH is a key of MAP: names of streams hold dots, so the longest existing key wins. */
static struct yaml_node *longest_key(const struct yaml_node *map, const char *path)
{
    struct yaml_node *best = NULL;
    size_t best_size = 0;
    for (struct yaml_node *node = map->first; node; node = node->next) {
        size_t size = strlen(node->key);
        if (size < best_size || strncmp(path, node->key, size) != 0)
            continue;
        if (path[size] == '.' || path[size] == 0) {
            best = node;
            best_size = size;
        }
    }
    return best;
}

static status parse_value(struct job_reader *reader, const struct job_override *override,
                          struct yaml_node **out, struct error *err)
{
    struct yaml_node *node = yaml_node_new(reader->yaml.arena, YAML_SCALAR);
    if (!node)
        return error_no_memory(err);
    node->text = override->value;
    if (override->value[0] == '[' || override->value[0] == '{') {
        struct yaml value;
        const char *where = arena_printf(reader->yaml.arena, "--set %s", override->path);
        if (!where)
            return error_no_memory(err);
        TRY(yaml_parse(where, override->value, strlen(override->value), reader->yaml.arena, &value,
                       err));
        node = value.root;
    } else if (override->value[0] == 0 || strcmp(override->value, "null") == 0) {
        node->kind = YAML_NULL;
    }
    *out = node;
    return STATUS_OK;
}

static void mark(struct yaml_node *node, const char *path)
{
    node->set = path;
    for (struct yaml_node *child = node->first; child; child = child->next)
        mark(child, path);
}

static status no_such_stream(struct job_reader *reader, const struct job_override *override,
                             const struct yaml_node *streams, struct error *err)
{
    const char *rest = override->path + strlen("streams.");
    size_t n = 0;
    const char *names[64];
    for (struct yaml_node *node = streams->first; node && n < 64; node = node->next)
        names[n++] = node->key;
    char *word = arena_strndup(reader->yaml.arena, rest, strcspn(rest, "."));
    if (!word)
        return error_no_memory(err);
    const char *nearest = text_nearest(word, names, n);
    if (nearest)
        return error_set(err, STATUS_BAD_CONFIG,
                         "--set %s: the job has no such stream; did you mean %s?", override->path,
                         nearest);
    return error_set(err, STATUS_BAD_CONFIG, "--set %s: the job has no such stream",
                     override->path);
}

static status apply_one(struct job_reader *reader, const struct job_override *override,
                        struct error *err)
{
    struct yaml_node *value = NULL;
    TRY(parse_value(reader, override, &value, err));
    mark(value, override->path);
    struct yaml_node *map = reader->yaml.root;
    const char *path = override->path;
    for (;;) {
        if (map->kind == YAML_NULL)
            map->kind = YAML_MAP;
        if (map->kind != YAML_MAP)
            return error_set(err, STATUS_BAD_CONFIG, "--set %s: \"%s\" is %s, not a map",
                             override->path, map->key ? map->key : "", yaml_kind_text(map));
        struct yaml_node *next = longest_key(map, path);
        if (!next && map == yaml_get(reader->yaml.root, "streams"))
            return no_such_stream(reader, override, map, err);
        size_t size = next ? strlen(next->key) : strcspn(path, ".");
        char *key = arena_strndup(reader->yaml.arena, path, size);
        if (!key)
            return error_no_memory(err);
        if (size == 0)
            return error_set(err, STATUS_BAD_CONFIG,
                             "--set %s: expected keys with a dot between them, such as "
                             "defaults.mode=full-refresh",
                             override->path);
        if (path[size] == 0) {
            yaml_put(map, key, value);
            return STATUS_OK;
        }
        if (!next) {
            next = yaml_node_new(reader->yaml.arena, YAML_MAP);
            if (!next)
                return error_no_memory(err);
            next->set = override->path;
            yaml_put(map, key, next);
        }
        map = next;
        path += size + 1;
    }
}

status override_apply(struct job_reader *reader, const struct job_override *overrides, size_t n,
                      struct error *err)
{
    for (size_t i = 0; i < n; i++)
        TRY(apply_one(reader, &overrides[i], err));
    return STATUS_OK;
}
