/* The schema of a file that somebody wrote, as fields of ours, and how its levels speak of them.
 *
 * Levels, for a field (a node) below R repeated ones:
 *   a level speaks of a slot of the field   repetition <= R and definition >= slot_definition
 *   the slot holds a value, not NULL        definition >= definition of the node
 *   LIST, MAP: it speaks of an element      repetition <= R + 1 and definition >= element_definition
 * Source: parquet-format README "Nested Encoding", LogicalTypes.md "Lists", "Maps" and their rules for old files. */
#ifndef LEAT_FORMAT_PARQUET_READ_SCHEMA_H
#define LEAT_FORMAT_PARQUET_READ_SCHEMA_H

#include "batch/schema.h"
#include "format/parquet/metadata.h"
#include "format/parquet/read_type.h"

enum { READ_MAX_DEPTH = 32, READ_NAME_BYTES = 192 };

struct read_node {
    const struct field *field;
    uint8_t slot_definition, definition, element_definition;
    uint8_t repetition; /* repeated fields above */
    bool is_list;       /* LIST or MAP */
    bool refuses_null;  /* keys of maps: NULL is bad data whatever the file's schema says */
    size_t first_leaf;  /* of the leaves below */
};

struct read_step {
    const struct read_node *node;
    size_t child; /* which child of the step above; 0 at the top */
};

struct read_leaf {
    const struct schema_element *element;
    struct read_type type;
    const struct read_step *steps; /* from the top-level field down to the leaf itself */
    size_t n_steps;
    size_t top, index; /* positions of the top-level field and of the leaf itself */
    uint8_t max_definition, max_repetition;
};

struct column_tree {
    struct schema schema;
    struct arena arena; /* owns nodes and leaves */
    struct read_leaf *leaves;
    size_t n_leaves;
    const size_t *first_leaf; /* of each top-level field; one more behind */
};

/* FOOTER is borrowed. BAD_DATA names the column that can't be read; also when the plan needs more than LIMIT bytes. */
status column_tree_init(struct column_tree *plan, const struct parquet_footer *footer, size_t limit,
                        struct error *err);
void column_tree_release(struct column_tree *plan); /* accepts zeroed */

/* "pair.a", "points.element.b": for messages. */
const char *read_leaf_name(const struct read_leaf *leaf, char buf[READ_NAME_BYTES]);

static inline const struct read_node *leaf_node(const struct read_leaf *leaf)
{
    return leaf->steps[leaf->n_steps - 1].node;
}

#endif
