/* Columns as bytes: what writing (plain_write.c) and reading (plain_read.c) share. The layout is in batch.h.
 *
 * Loads into many partitions write and read each row once more in this form, in pieces of a few dozen rows: so integers and
 * lengths take the bytes that their range in the piece needs, and a piece costs no allocation. Values pass through a block
 * of 64-bit integers on the stack, filled by a kernel for the width in memory and emptied by one for the width in the bytes;
 * pieces larger than the block are gone over twice. */
#include "batch/plain.h"

#include "base/bytes.h"
#include "batch/bitmap.h"

size_t plain_count_columns(const struct field *fields, size_t n)
{
    size_t count = n;
    for (size_t i = 0; i < n; i++)
        count += plain_count_columns(fields[i].children, fields[i].n_children);
    return count;
}

bool plain_has_child_rows(const struct column *column)
{
    return column->field->type.id == TYPE_LIST || column->field->type.id == TYPE_MAP;
}

size_t plain_values_bytes(const struct column *column, size_t rows)
{
    if (column->value_bytes)
        return rows * column->value_bytes;
    switch (column->field->type.id) {
    case TYPE_STRUCT:
        return 0;
    case TYPE_BOOL:
        return bitmap_bytes(rows);
    default:
        return (rows + 1) * sizeof(int64_t);
    }
}

enum plain_numbers plain_numbers_of(const struct column *column)
{
    switch (column->field->type.id) {
    case TYPE_INT8:
    case TYPE_UINT8:
    case TYPE_INT16:
    case TYPE_UINT16:
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_DATE:
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return PLAIN_VALUES;
    case TYPE_DECIMAL:
        return column->value_bytes <= 16 ? PLAIN_VALUES : PLAIN_NO_NUMBERS;
    case TYPE_UTF8:
    case TYPE_BINARY:
    case TYPE_JSON:
    case TYPE_LIST:
    case TYPE_MAP:
        return PLAIN_LENGTHS;
    default:
        return PLAIN_NO_NUMBERS;
    }
}

uint64_t batch_plain_column_bytes(const void *plain, size_t size)
{
    return size < PLAIN_HEAD_BYTES ? 0 : load_u64le((const uint8_t *)plain + 16);
}
