/* Our schemas as Delta's schemaString, and back. */
#ifndef LEAT_COMMIT_DELTA_SCHEMA_H
#define LEAT_COMMIT_DELTA_SCHEMA_H

#include "base/text.h"
#include "batch/schema.h"

/* commit_driver.carry */
bool delta_carry(struct type type, struct type *out);
/* Types and names that a Delta table can carry: BAD_CONFIG names column, type and remedy. */
status delta_check_schema(const struct schema *schema, struct error *err);
/* Append the schemaString's JSON (checked before). WAS: the table's schemaString so far, NULL without one. What it says of a
 * column stays with the column; KEEPS_FILES: so does the history of its types, and a wider type is noted there. */
status delta_schema_append(struct text *text, const struct schema *schema, const char *was,
                           bool keeps_files, struct error *err);
/* BAD_DATA names what leat has no type for. Field ids are 0. */
status delta_schema_parse(const char *json, size_t size, struct schema *out, struct error *err);
/* Is there a column, at any depth, of timestamps without zone? */
bool delta_has_ntz(const struct schema *schema);
/* Same names and Delta types in the same order, and NULL allowed where it is in NOW. */
bool delta_schema_same(const struct schema *was, const struct schema *now);
/* Can rows of NOW be read as a table of WAS grown by columns at its end, and (WIDER) by wider types? */
bool delta_schema_extends(const struct schema *was, const struct schema *now, bool wider);
/* Has a column of WAS another type in NOW? */
bool delta_schema_retypes(const struct schema *was, const struct schema *now);

#endif
