/* What a declared column type becomes. docs/sources/sqlite.md holds the same table for users. */
#ifndef LEAT_SOURCE_SQLITE_DECLARED_TYPE_H
#define LEAT_SOURCE_SQLITE_DECLARED_TYPE_H

#include <stdbool.h>

#include "batch/type.h"

/* The type for DECLARED ("VARCHAR(20)", "" or NULL for none). Never fails: what is not in the table is text.
 * Returns whether it was in the table. */
bool sqlite_declared_type(const char *declared, struct type *out);
/* Integer, date and timestamp columns can be a watermark. */
bool sqlite_usable_key(struct type type);

#endif
