/* The life of a column and the appends that are not in the header. Copying of rows: gather.c. */
#include "batch/column.h"

#include <string.h>

#include "base/text.h"
#include "batch/bitmap.h"

static bool has_offsets(const struct column *column)
{
    enum type_id id = column->field->type.id;
    return type_is_text_like(column->field->type) || id == TYPE_LIST || id == TYPE_MAP;
}

status column_init(struct column *column, const struct field *field, struct error *err)
{
    struct column made = {.field = field, .value_bytes = type_value_bytes(field->type)};
    if (field->n_children) {
        made.children = mem_zalloc(field->n_children * sizeof(*made.children));
        if (!made.children)
            return error_no_memory(err);
    }
    for (; made.n_children < field->n_children; made.n_children++) {
        status s =
            column_init(&made.children[made.n_children], &field->children[made.n_children], err);
        if (s != STATUS_OK) {
            column_release(&made);
            return s;
        }
    }
    *column = made;
    return STATUS_OK;
}

void column_release(struct column *column)
{
    if (!column)
        return;
    for (size_t i = 0; i < column->n_children; i++)
        column_release(&column->children[i]);
    mem_free(column->children);
    buffer_release(&column->validity);
    buffer_release(&column->values);
    buffer_release(&column->data);
    *column = (struct column){0};
}

void column_clear(struct column *column)
{
    column_truncate(column, 0);
}

/* Growth by half, so that a column built value by value costs a constant for each. */
static status grow(struct buffer *buffer, size_t more, struct error *err)
{
    if (__builtin_expect(more <= buffer->capacity - buffer->size, 1))
        return STATUS_OK;
    size_t need;
    if (__builtin_add_overflow(buffer->size, more, &need))
        return error_no_memory(err);
    size_t wish = buffer->capacity + buffer->capacity / 2;
    return buffer_reserve(buffer, need > wish ? need : wish, err);
}

static status no_room(size_t size, const struct data_room *room, struct error *err)
{
    char is[32], left[32];
    return error_set(err, STATUS_NO_MEMORY,
                     "a value of %s does not fit: %s are left of what the values of one row may "
                     "take; raise --memory",
                     text_format_bytes(size, is),
                     text_format_bytes(size > room->most ? room->most : room->left, left));
}

static __attribute__((noinline)) status grow_within(struct buffer *data, size_t size,
                                                    struct data_room *room, struct error *err)
{
    size_t need = data->size + size, capacity = data->capacity;
    if (need <= capacity)
        return STATUS_OK;
    size_t wish = capacity + capacity / 2;
    if (wish < need || wish - capacity > room->left)
        wish = need; /* no more than this value takes */
    if (size > room->most || wish - capacity > room->left)
        return no_room(size, room, err);
    TRY(buffer_reserve(data, wish, err));
    size_t grown = data->capacity - capacity;
    room->left -= grown < room->left ? grown : room->left;
    return STATUS_OK;
}

status column_grow_data(struct column *column, size_t size, struct error *err)
{
    if (column->room && size < SIZE_MAX / 4)
        return grow_within(&column->data, size, column->room, err);
    return grow(&column->data, size, err);
}

void column_trim_data(struct column *column)
{
    size_t capacity = column->data.capacity;
    if (column->room)
        buffer_trim(&column->data, column->data.size + column->data.size / 8);
    if (column->room)
        column->room->left += capacity - column->data.capacity;
    for (size_t i = 0; i < column->n_children; i++)
        column_trim_data(&column->children[i]);
}

/* The bitmap has room even while it is empty: the first NULL may come at any row. */
static status reserve_validity(struct column *column, size_t rows, struct error *err)
{
    size_t need = bitmap_bytes(column->rows + rows);
    if (__builtin_expect(need <= column->validity.capacity, 1))
        return STATUS_OK;
    size_t wish = column->validity.capacity + column->validity.capacity / 2;
    return buffer_reserve(&column->validity, need > wish ? need : wish, err);
}

status column_reserve(struct column *column, size_t rows, struct error *err)
{
    if (rows > SIZE_MAX / 64 || column->rows > SIZE_MAX / 64)
        return error_no_memory(err);
    TRY(reserve_validity(column, rows, err));
    if (column->field->type.id == TYPE_STRUCT) {
        for (size_t i = 0; i < column->n_children; i++)
            TRY(column_reserve(&column->children[i], rows, err));
        return STATUS_OK;
    }
    if (column->field->type.id == TYPE_BOOL)
        return grow(&column->values, bitmap_bytes(rows) + 1, err);
    if (!has_offsets(column)) {
        size_t bytes;
        if (__builtin_mul_overflow(rows, column->value_bytes, &bytes))
            return error_no_memory(err);
        return grow(&column->values, bytes, err);
    }
    TRY(grow(&column->values, (rows + 1) * sizeof(int64_t), err));
    if (column->values.size == 0) {
        memset(column->values.data, 0, sizeof(int64_t));
        column->values.size = sizeof(int64_t);
    }
    return STATUS_OK;
}

void column_append_nested(struct column *column)
{
    column_mark_valid(column);
    column->rows++;
    if (column->field->type.id == TYPE_STRUCT)
        return;
    ((int64_t *)(void *)column->values.data)[column->rows] = (int64_t)column->children[0].rows;
    column->values.size += sizeof(int64_t);
}

/* The slot of a NULL: zero, empty, or a NULL in each child. */
static status append_null_slot(struct column *column, struct error *err)
{
    size_t row = column->rows;
    if (column->field->type.id == TYPE_STRUCT) {
        for (size_t i = 0; i < column->n_children; i++)
            TRY(column_append_null(&column->children[i], err));
    } else if (column->field->type.id == TYPE_BOOL) {
        if ((row & 7) == 0)
            column->values.data[row >> 3] = 0;
        column->values.size = (row >> 3) + 1;
    } else if (has_offsets(column)) {
        int64_t *offsets = (int64_t *)(void *)column->values.data;
        offsets[row + 1] = offsets[row];
        column->values.size += sizeof(int64_t);
    } else {
        memset(column->values.data + column->values.size, 0, column->value_bytes);
        column->values.size += column->value_bytes;
    }
    return STATUS_OK;
}

status column_append_null(struct column *column, struct error *err)
{
    TRY(column_reserve(column, 1, err));
    TRY(append_null_slot(column, err));
    size_t row = column->rows;
    if (column->null_count == 0)
        bitmap_fill(column->validity.data, 0, row);
    if ((row & 7) == 0)
        column->validity.data[row >> 3] = 0;
    column->validity.size = (row >> 3) + 1;
    column->null_count++;
    column->rows++;
    return STATUS_OK;
}

static void truncate_validity(struct column *column, size_t rows)
{
    if (column->null_count == 0)
        return;
    size_t dropped = column->rows - rows;
    column->null_count -= dropped - bits_count(column->validity.data, rows, dropped);
    if (column->null_count == 0) {
        column->validity.size = 0;
        return;
    }
    column->validity.size = bitmap_bytes(rows);
    bitmap_clear_tail(column->validity.data, rows);
}

static void truncate_offsets(struct column *column, size_t rows)
{
    int64_t end = column_offsets(column)[rows];
    column->values.size = (rows + 1) * sizeof(int64_t);
    if (type_is_text_like(column->field->type))
        column->data.size = (size_t)end;
    else
        column_truncate(&column->children[0], (size_t)end);
}

void column_truncate(struct column *column, size_t rows)
{
    if (column->field && column->field->type.id == TYPE_STRUCT) {
        /* even if this row is not complete: a child may be one ahead */
        for (size_t i = 0; i < column->n_children; i++)
            column_truncate(&column->children[i], rows);
    } else if (column->field && has_offsets(column) && column->values.size) {
        if (rows <= column->rows)
            truncate_offsets(column, rows);
    }
    if (rows >= column->rows)
        return;
    truncate_validity(column, rows);
    if (column->field->type.id == TYPE_BOOL) {
        column->values.size = bitmap_bytes(rows);
        bitmap_clear_tail(column->values.data, rows);
    } else if (!has_offsets(column)) {
        column->values.size = rows * column->value_bytes;
    }
    column->rows = rows;
}

size_t column_bytes(const struct column *column)
{
    size_t bytes = column->validity.size + column->values.size + column->data.size;
    for (size_t i = 0; i < column->n_children; i++)
        bytes += column_bytes(&column->children[i]);
    return bytes;
}

size_t column_capacity_bytes(const struct column *column)
{
    size_t bytes = column->validity.capacity + column->values.capacity + column->data.capacity;
    for (size_t i = 0; i < column->n_children; i++)
        bytes += column_capacity_bytes(&column->children[i]);
    return bytes;
}
