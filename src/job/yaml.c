#include "job/yaml.h"

#include <libfyaml.h>
#include <string.h>

#include "base/text.h"

/* The tree is built from libfyaml's events, not from its document: the events show anchors, tags and
 * aliases before anything is resolved, and a limit on depth holds while reading. */
struct builder {
    struct yaml *yaml;
    struct fy_parser *parser;
    struct yaml_node *stack[YAML_MAX_DEPTH]; /* open maps and lists */
    struct yaml_node **tail[YAML_MAX_DEPTH]; /* where the next child goes */
    size_t children[YAML_MAX_DEPTH];
    size_t depth;
    const char *key; /* a key that waits for its value */
    int key_line, key_column;
    int line,
        column; /* the last place the parser told: nodes without text have none of their own */
    size_t documents;
};

struct yaml_node *yaml_node_new(struct arena *arena, enum yaml_kind kind)
{
    struct yaml_node *node = arena_alloc(arena, sizeof(*node));
    if (node)
        node->kind = kind;
    return node;
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (struct yaml_node *node = map ? map->first : NULL; node; node = node->next)
        if (node->key && strcmp(node->key, key) == 0)
            return node;
    return NULL;
}

void yaml_put(struct yaml_node *map, const char *key, struct yaml_node *node)
{
    struct yaml_node **at = &map->first;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    node->next = *at ? (*at)->next : NULL;
    node->key = key;
    *at = node;
}

const char *yaml_kind_text(const struct yaml_node *node)
{
    static const char *const words[] = {"nothing", "text", "a list", "a map"};
    return words[node->kind];
}

/* ---- places ---- */

static const char *place(const struct yaml *yaml, const char *set, int line, int column)
{
    const char *where = set ? arena_printf(yaml->arena, "--set %s", set)
                            : arena_printf(yaml->arena, "%s:%d:%d", yaml->path, line, column);
    return where ? where : yaml->path;
}

const char *yaml_where(const struct yaml *yaml, const struct yaml_node *node)
{
    return place(yaml, node->set, node->line, node->column);
}

const char *yaml_where_key(const struct yaml *yaml, const struct yaml_node *node)
{
    if (!node->key_line)
        return yaml_where(yaml, node);
    return place(yaml, node->set, node->key_line, node->key_column);
}

__attribute__((format(printf, 3, 0))) static status error_at(const char *where, struct error *err,
                                                             const char *format, va_list args)
{
    struct text message = {0};
    text_vprintf(&message, format, args);
    status code = error_set(err, STATUS_BAD_CONFIG, "%s: %s", where, text_string(&message));
    text_release(&message);
    return code;
}

status yaml_error(const struct yaml *yaml, const struct yaml_node *node, struct error *err,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    status code = error_at(yaml_where(yaml, node), err, format, args);
    va_end(args);
    return code;
}

status yaml_error_key(const struct yaml *yaml, const struct yaml_node *node, struct error *err,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    status code = error_at(yaml_where_key(yaml, node), err, format, args);
    va_end(args);
    return code;
}

static status refuse(const struct builder *builder, struct error *err, const char *what)
{
    return error_set(err, STATUS_BAD_CONFIG, "%s:%d:%d: %s", builder->yaml->path, builder->line,
                     builder->column, what);
}

/* ---- building ---- */

static struct yaml_node *parent(const struct builder *builder)
{
    return builder->depth ? builder->stack[builder->depth - 1] : NULL;
}

static status take_key(struct builder *builder, const char *text, struct error *err)
{
    const struct yaml_node *map = parent(builder);
    if (strcmp(text, "<<") == 0)
        return refuse(builder, err,
                      "merge keys (<<) are not used here: write the keys out, or "
                      "under defaults");
    const struct yaml_node *former = yaml_get(map, text);
    if (former)
        return error_set(
            err, STATUS_BAD_CONFIG,
            "%s:%d:%d: \"%s\" stands here for the second time; the first is in line %d",
            builder->yaml->path, builder->line, builder->column, text, former->key_line);
    if (++builder->children[builder->depth - 1] > YAML_MAP_MAX_KEYS)
        return refuse(builder, err, "a map of more than 10000 keys");
    builder->key = text;
    builder->key_line = builder->line;
    builder->key_column = builder->column;
    return STATUS_OK;
}

static status add_node(struct builder *builder, struct yaml_node *node, struct error *err)
{
    if (!node)
        return error_no_memory(err);
    struct yaml_node *into = parent(builder);
    node->line = builder->line;
    node->column = builder->column;
    if (!into) {
        builder->yaml->root = node;
        return STATUS_OK;
    }
    if (into->kind == YAML_MAP) {
        node->key = builder->key;
        node->key_line = builder->key_line;
        node->key_column = builder->key_column;
        builder->key = NULL;
    }
    *builder->tail[builder->depth - 1] = node;
    builder->tail[builder->depth - 1] = &node->next;
    return STATUS_OK;
}

static bool is_null_word(const char *text, size_t size)
{
    return size == 0 || (size == 1 && text[0] == '~') ||
           (size == 4 && memcmp(text, "null", 4) == 0);
}

static status on_scalar(struct builder *builder, struct fy_event *event, struct error *err)
{
    size_t size;
    const char *text = fy_token_get_text(event->scalar.value, &size);
    enum fy_scalar_style style = fy_scalar_token_get_style(event->scalar.value);
    bool plain = style == FYSS_PLAIN || style == FYSS_ANY;
    if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED)
        builder->column--; /* the mark is behind the quote */
    const char *copy = arena_strndup(builder->yaml->arena, text ? text : "", text ? size : 0);
    if (!copy)
        return error_no_memory(err);
    if (strlen(copy) != (text ? size : 0))
        return refuse(builder, err, "a NUL character is not text");
    const struct yaml_node *into = parent(builder);
    if (into && into->kind == YAML_MAP && !builder->key)
        return take_key(builder, copy, err);
    bool null = plain && is_null_word(text, text ? size : 0);
    struct yaml_node *node = yaml_node_new(builder->yaml->arena, null ? YAML_NULL : YAML_SCALAR);
    if (node) {
        node->text = copy;
        node->quoted = !plain;
    }
    return add_node(builder, node, err);
}

static status on_open(struct builder *builder, enum yaml_kind kind, struct error *err)
{
    const struct yaml_node *into = parent(builder);
    if (into && into->kind == YAML_MAP && !builder->key)
        return refuse(builder, err, "a key is one word or text, not a list or a map");
    if (builder->depth == YAML_MAX_DEPTH)
        return refuse(builder, err, "nested deeper than 32 levels");
    struct yaml_node *node = yaml_node_new(builder->yaml->arena, kind);
    TRY(add_node(builder, node, err));
    builder->stack[builder->depth] = node;
    builder->tail[builder->depth] = &node->first;
    builder->children[builder->depth] = 0;
    builder->depth++;
    return STATUS_OK;
}

/* Anchors and tags hang on the events of values. */
static status check_decoration(struct builder *builder, struct fy_token *anchor,
                               struct fy_token *tag, struct error *err)
{
    const struct fy_mark *mark = anchor ? fy_token_start_mark(anchor)
                                 : tag  ? fy_token_start_mark(tag)
                                        : NULL;
    if (mark) {
        builder->line = mark->line + 1;
        builder->column = mark->column + (anchor ? 0 : 1); /* an anchor's mark is behind its & */
    }
    if (anchor)
        return refuse(builder, err,
                      "anchors (&name) are not used here: write the value out, or put "
                      "it under defaults");
    if (tag)
        return refuse(builder, err,
                      "tags (!name) are not used here; put text that starts with ! in quotes");
    return STATUS_OK;
}

static status on_event(struct builder *builder, struct fy_event *event, struct error *err)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (mark && event->type != FYET_STREAM_START && event->type != FYET_STREAM_END) {
        builder->line = mark->line + 1;
        builder->column = mark->column + 1;
    }
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (builder->documents++)
            return refuse(builder, err, "a second document (---); a job file is one document");
        return STATUS_OK;
    case FYET_SCALAR:
        TRY(check_decoration(builder, event->scalar.anchor, event->scalar.tag, err));
        return on_scalar(builder, event, err);
    case FYET_MAPPING_START:
        TRY(check_decoration(builder, event->mapping_start.anchor, event->mapping_start.tag, err));
        return on_open(builder, YAML_MAP, err);
    case FYET_SEQUENCE_START:
        TRY(check_decoration(builder, event->sequence_start.anchor, event->sequence_start.tag,
                             err));
        return on_open(builder, YAML_LIST, err);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        builder->depth--;
        return STATUS_OK;
    case FYET_ALIAS:
        return refuse(builder, err,
                      "aliases (*name) are not used here: write the value out, or put "
                      "it under defaults; put text that starts with * in quotes");
    default:
        return STATUS_OK;
    }
}

static status syntax_error(struct builder *builder, struct fy_diag *diag, struct error *err)
{
    void *iterator = NULL;
    const struct fy_diag_error *first = fy_diag_errors_iterate(diag, &iterator);
    if (!first)
        return refuse(builder, err, "this is not well-formed YAML");
    return error_set(err, STATUS_BAD_CONFIG, "%s:%d:%d: this is not well-formed YAML: %s",
                     builder->yaml->path, first->line, first->column, first->msg);
}

static status build(struct builder *builder, struct fy_diag *diag, struct error *err)
{
    struct fy_event *event;
    while ((event = fy_parser_parse(builder->parser))) {
        status code = on_event(builder, event, err);
        fy_parser_event_free(builder->parser, event);
        TRY(code);
    }
    if (fy_parser_get_stream_error(builder->parser))
        return syntax_error(builder, diag, err);
    return STATUS_OK;
}

static void no_output(struct fy_diag *diag, void *user, const char *text, size_t size)
{
}

/* A diagnostic object that keeps errors and never writes to stderr. */
static struct fy_diag *quiet_diag(void)
{
    struct fy_diag_cfg config;
    fy_diag_cfg_default(&config);
    config.fp = NULL;
    config.output_fn = no_output;
    config.colorize = false;
    struct fy_diag *diag = fy_diag_create(&config);
    if (diag)
        fy_diag_set_collect_errors(diag, true);
    return diag;
}

static status run_parser(struct builder *builder, const char *text, size_t size, struct error *err)
{
    struct fy_diag *diag = quiet_diag();
    struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE | FYPCF_ALLOW_DUPLICATE_KEYS,
        .diag = diag,
    };
    builder->parser = diag ? fy_parser_create(&config) : NULL;
    status code = builder->parser && fy_parser_set_string(builder->parser, text, size) == 0
                      ? build(builder, diag, err)
                      : error_no_memory(err);
    if (builder->parser)
        fy_parser_destroy(builder->parser);
    fy_diag_destroy(diag);
    return code;
}

/* Where byte OFFSET of TEXT is, for bytes the parser never gets to see. */
static void locate(struct builder *builder, const char *text, size_t offset)
{
    builder->line = 1;
    builder->column = 1;
    for (size_t i = 0; i < offset; i++) {
        builder->column++;
        if (text[i] == '\n') {
            builder->line++;
            builder->column = 1;
        }
    }
}

status yaml_parse(const char *path, const char *text, size_t size, struct arena *arena,
                  struct yaml *out, struct error *err)
{
    struct yaml yaml = {.path = path, .arena = arena};
    struct builder builder = {.yaml = &yaml, .line = 1, .column = 1};
    size_t valid = text_utf8_valid_prefix(text, size);
    const char *nul = memchr(text, 0, size);
    if (nul || valid != size) {
        locate(&builder, text, nul && (size_t)(nul - text) < valid ? (size_t)(nul - text) : valid);
        return refuse(&builder, err, "this is not UTF-8 text");
    }
    TRY(run_parser(&builder, text, size, err));
    if (!yaml.root || yaml.root->kind == YAML_NULL) {
        yaml.root = yaml_node_new(arena, YAML_MAP);
        if (!yaml.root)
            return error_no_memory(err);
        yaml.root->line = yaml.root->column = 1;
    }
    *out = yaml;
    return STATUS_OK;
}
