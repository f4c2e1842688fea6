/* Words and values of a footer as a person reads them. What is in the file may be hostile: text is made
 * printable, unknown numbers are shown as numbers. */
#ifndef LEAT_FORMAT_PARQUET_DESCRIBE_H
#define LEAT_FORMAT_PARQUET_DESCRIBE_H

#include "base/text.h"
#include "format/parquet/metadata.h"

enum { DESCRIBE_VALUE_BYTES = 40 };

void describe_codec(struct text *out, int32_t codec);
void describe_encoding(struct text *out, int encoding);
/* "INT32 (DATE)", "BYTE_ARRAY (STRING)", "group (LIST)" */
void describe_type(struct text *out, const struct schema_element *element);
const char *describe_repetition(int repetition);
/* Valid UTF-8 as it is, all else and control characters as \xNN; cut after LIMIT bytes (0: never). */
void describe_text(struct text *out, struct span bytes, size_t limit);
bool describe_is_text(const struct schema_element *element);
/* Of a bound; 0: FIXED_LEN_BYTE_ARRAY and what is of any length. */
size_t describe_bound_bytes(const struct schema_element *element);
/* A bound in PLAIN form, by the type of its column. What does not fit the type is shown as hex. */
void describe_bound(struct text *out, const struct schema_element *element, struct span bound);

/* The elements that have no children, in order: one for each column chunk. Lives in ARENA; NULL: no memory. */
const struct schema_element **describe_leaves(const struct parquet_footer *meta,
                                              struct arena *arena, size_t *out_n);
/* Depth of each element, the root 0. Lives in ARENA; NULL: no memory. */
uint32_t *describe_depths(const struct parquet_footer *meta, struct arena *arena);

#endif
