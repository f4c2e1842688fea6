/* Single values and paths as the Delta log writes them. */
#ifndef LEAT_COMMIT_DELTA_VALUE_H
#define LEAT_COMMIT_DELTA_VALUE_H

#include "base/text.h"
#include "batch/scalar.h"
#include "format/format.h"

struct new_file;

/* Append VALUE as a member of partitionValues: a JSON string, or null. */
status value_append_partition(struct text *text, const struct scalar *value, struct error *err);

/* Append the statistics of FILE's data columns as the text of a JSON object (not yet a JSON string). */
status value_append_stats(struct text *text, const struct schema *columns,
                          const struct new_file *file, struct error *err);

/* Append PATH as a JSON string holding an URI-encoded relative path. */
void value_append_path(struct text *text, const char *path);
/* The inverse, of an URI-encoded path, in place. BAD_DATA: not well-formed. */
status value_decode_uri(char *path, struct error *err);
/* The same of a JSON string as written: the object's name in ARENA. */
struct slice;
status value_decode_path(const struct slice *written, struct arena *arena, char **out,
                         struct error *err);

#endif
