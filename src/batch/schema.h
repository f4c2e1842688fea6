/* The columns of a stream: names, types, and who they are in the source.
 *
 * A column is known by its identity in the source (`source_id`), not by its name, where the source has
 * such a thing; and by its field id in everything leat writes, from the first version on. */
#ifndef LEAT_BATCH_SCHEMA_H
#define LEAT_BATCH_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "batch/type.h"

struct field {
    const char *name;
    struct type type;
    bool nullable;
    int32_t field_id;      /* > 0 once the contract gave one; 0 before */
    const char *source_id; /* identity in the source ("cid:3", "16384.2"); NULL: the name is all */
    const char *source_type; /* type as the source declares it ("DECIMAL(15,2)"); NULL: unknown */
    const char
        *carries; /* the type whose values a table without it holds as `type`; NULL: that one */
    const struct field *children; /* LIST: 1 (element); MAP: 1 (struct of key, value); STRUCT: n */
    size_t n_children;
};

struct schema {
    struct arena arena; /* owns the fields and their strings */
    struct field *fields;
    size_t n_fields;
};

/* All of these leave OUT untouched on failure. */
status schema_copy(const struct schema *from, struct schema *out, struct error *err);
/* The fields at the N positions in PICK, in that order. */
status schema_select(const struct schema *from, const size_t *pick, size_t n, struct schema *out,
                     struct error *err);
/* Append a copy of FIELD; NO_MEMORY only. */
status schema_append(struct schema *schema, const struct field *field, struct error *err);
/* Position of NAME, or SIZE_MAX. Exact match. */
size_t schema_find(const struct schema *schema, const char *name);
/* Same names, types, nullability and children, in the same order. */
bool schema_equal(const struct schema *a, const struct schema *b);
void schema_release(struct schema *schema);

#endif
