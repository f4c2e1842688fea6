/* A job file as a tree whose every node knows its place.
 *
 * YAML here is what people write by hand: maps, lists and scalars. Anchors, aliases, tags, merge keys, a second
 * document and duplicate keys are refused by name, as are files over 1 MiB and nesting over 32 levels and maps of over 10,000 keys, so a small file
 * never becomes a large tree. */
#ifndef LEAT_JOB_YAML_H
#define LEAT_JOB_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"

enum { YAML_FILE_MAX_BYTES = 1 << 20, YAML_MAX_DEPTH = 32, YAML_MAP_MAX_KEYS = 10000 };

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    const char *text; /* SCALAR: the value, references resolved; NULL: as written ("~") */
    const char *
        reference; /* SCALAR: what was written where text came from elsewhere ("env:DB"); else NULL */
    bool quoted;
    struct yaml_node *first; /* children of a LIST or MAP, in the order of the file */
    struct yaml_node *next;
    const char *key;  /* in a MAP: the key this node is the value of */
    int line, column; /* of the value; 1-based */
    int key_line, key_column;
    const char *set; /* not NULL: made by this --set path, not by the file */
};

struct yaml {
    const char *path; /* for messages */
    struct arena *arena;
    struct yaml_node *root; /* a MAP */
};

/* Parse TEXT into a tree in ARENA. An empty document is an empty map.
 * BAD_CONFIG "job.yaml:3:5: ...". The caller has checked the size. */
status yaml_parse(const char *path, const char *text, size_t size, struct arena *arena,
                  struct yaml *out, struct error *err);

/* The value of KEY in MAP; NULL: not there. */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* A node of KIND in ARENA; NULL: no memory. */
struct yaml_node *yaml_node_new(struct arena *arena, enum yaml_kind kind);
/* Put NODE into MAP as KEY, in the place of a value that is there. */
void yaml_put(struct yaml_node *map, const char *key, struct yaml_node *node);
/* "a map", "a list", "text", "nothing" */
const char *yaml_kind_text(const struct yaml_node *node);

/* "job.yaml:12:5" of the value, or of its key; "--set a.b" for what the command line made. In the tree's arena. */
const char *yaml_where(const struct yaml *yaml, const struct yaml_node *node);
const char *yaml_where_key(const struct yaml *yaml, const struct yaml_node *node);

/* BAD_CONFIG with the place in front. */
status yaml_error(const struct yaml *yaml, const struct yaml_node *node, struct error *err,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
status yaml_error_key(const struct yaml *yaml, const struct yaml_node *node, struct error *err,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
