/* A sealed row group's own description (struct row_group, `meta`), as it lies in segments:
 *
 *   Thrift struct {
 *     1: i32 form            1
 *     2: RowGroup            offsets relative to the first byte of its pages
 *     3: list<struct {       one for each leaf
 *          1: ColumnIndex    absent where the format wants none
 *          2: OffsetIndex    offsets relative to the first byte of the pages
 *          3: i64            plain bytes
 *        }>
 *     4: i64 pages           bytes, bloom filters included
 *   }
 *
 * The pages of all columns come first, then their bloom filters, both in the order of the columns: filters are copied
 * with the pages wherever the row group goes, and nobody holds them until the footer is written.
 */
#ifndef LEAT_FORMAT_PARQUET_GROUP_META_H
#define LEAT_FORMAT_PARQUET_GROUP_META_H

#include "format/parquet/metadata.h"

struct group_leaf {
    struct parquet_column_index column_index;
    struct parquet_offset_index offset_index;
    int64_t plain_bytes;
};

struct group_meta {
    struct parquet_group group;
    struct group_leaf *leaves;
    size_t n_leaves;
    int64_t pages_bytes;
};

status group_meta_write(const struct group_meta *meta, struct buffer *out, struct error *err);
/* Arrays live in ARENA, spans in BYTES. BAD_DATA unless everything in it holds for PLAN and for PAGES_BYTES:
 * the columns and their types, and pages that fill the bytes without a gap. */
status group_meta_read(const void *bytes, size_t size, const struct leaf_plan *plan,
                       uint64_t pages_bytes, struct arena *arena, struct group_meta *out,
                       struct error *err);

#endif
