/* A column as one of another type that holds each of its values exactly: what a table gets that has no such type
 * itself. Which type that is, the table says (commit_driver.carry); how, is said here:
 *
 *   uint8 uint16 uint32   int16 int32 int64          the number
 *   uint64                decimal(20,0)              the number
 *   decimal               text                       digits, all places after the point: -12.30
 *   fixed_binary          binary                     the bytes
 *   json                  text                       the text: the column as it stands
 *   uuid                  text                       6ba7b810-9dad-11d1-80b4-00c04fd430c8
 *   time                  text                       08:15:00, 08:15:00.123456, 24:00:00
 *   interval              text                       ISO 8601: P1Y2M3DT4H5M6.5S; each part has its own sign
 *   list, map, struct     the same                   with any of these inside, at any depth */
#ifndef LEAT_BATCH_CONVERT_H
#define LEAT_BATCH_CONVERT_H

#include "batch/column.h"

/* Make INTO hold all rows of FROM, and no others. BAD_DATA: a time that is none (outside a day); else only NO_MEMORY. */
typedef status (*column_convert_fn)(struct column *into, const struct column *from,
                                    struct error *err);
/* The kernel for a pair of types, to be bound once for a column; NULL: there is none. */
column_convert_fn column_convert_for(struct type from, struct type to);
/* A column of FROM is one of TO as it stands, byte for byte: it has no kernel and needs none. */
bool column_is_also(struct type from, struct type to);
/* FROM as INTO's type: by a kernel, or its rows as they are. */
status column_convert(struct column *into, const struct column *from, struct error *err);
/* Can it, for columns of these fields and all that is inside them? */
bool column_converts(const struct field *from, const struct field *to);

#endif
