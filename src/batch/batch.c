#include "batch/batch.h"

status batch_init(struct batch *batch, const struct schema *schema, struct error *err)
{
    struct batch made = {.schema = schema};
    if (schema->n_fields) {
        made.columns = mem_zalloc(schema->n_fields * sizeof(*made.columns));
        if (!made.columns)
            return error_no_memory(err);
    }
    for (size_t i = 0; i < schema->n_fields; i++) {
        status s = column_init(&made.columns[i], &schema->fields[i], err);
        if (s != STATUS_OK) {
            batch_release(&made);
            return s;
        }
    }
    *batch = made;
    return STATUS_OK;
}

void batch_release(struct batch *batch)
{
    if (!batch)
        return;
    if (batch->columns)
        for (size_t i = 0; i < batch->schema->n_fields; i++)
            column_release(&batch->columns[i]);
    mem_free(batch->columns);
    region_unmap(&batch->region);
    *batch = (struct batch){0};
}

static void limit_column(struct column *column, struct data_room *room)
{
    column->room = room;
    for (size_t i = 0; i < column->n_children; i++)
        limit_column(&column->children[i], room);
}

void batch_limit_data(struct batch *batch, struct data_room *room)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        limit_column(&batch->columns[i], room);
}

void batch_trim_data(struct batch *batch)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        column_trim_data(&batch->columns[i]);
}

void batch_clear(struct batch *batch)
{
    batch_truncate(batch, 0);
}

status batch_reserve(struct batch *batch, size_t rows, struct error *err)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        TRY(column_reserve(&batch->columns[i], rows, err));
    return STATUS_OK;
}

/* ---- one region for all columns ---- */

enum { REGION_ALIGN = 64, REGION_PADDING = 64, LEAST_REGION_BYTES = 2 << 20 };

/* What the values of a column without children, or its offsets, take; 0: they find a place of their own. */
static size_t slot_bytes(const struct column *column, size_t rows)
{
    size_t width = type_is_text_like(column->field->type) ? sizeof(int64_t) : column->value_bytes;
    size_t bytes = (rows + 1) * width;
    return width ? (bytes + REGION_PADDING + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN : 0;
}

static bool is_new(const struct batch *batch)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        if (batch->columns[i].values.data)
            return false;
    return !batch->region.memory;
}

bool batch_outgrew_region(const struct batch *batch)
{
    for (size_t i = 0; batch->region.memory && i < batch->schema->n_fields; i++) {
        const struct column *column = &batch->columns[i];
        if (slot_bytes(column, 1) && !column->values.lent)
            return true;
    }
    return false;
}

status batch_reserve_together(struct batch *batch, size_t rows, struct error *err)
{
    size_t total = 0;
    if (rows >= SIZE_MAX / 1024 || !is_new(batch))
        return batch_reserve(batch, rows, err);
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        total += slot_bytes(&batch->columns[i], rows);
    if (total < LEAST_REGION_BYTES)
        return batch_reserve(batch, rows, err);
    TRY(region_map(&batch->region, total, err));
    uint8_t *at = batch->region.memory;
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        size_t bytes = slot_bytes(&batch->columns[i], rows);
        if (bytes)
            buffer_lend(&batch->columns[i].values, at, bytes - REGION_PADDING);
        at += bytes;
    }
    return batch_reserve(batch, rows, err);
}

void batch_truncate(struct batch *batch, size_t rows)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        column_truncate(&batch->columns[i], rows);
    if (rows < batch->rows)
        batch->rows = rows;
}

status batch_gather(struct batch *into, const struct batch *from, const uint32_t *rows, size_t n,
                    struct error *err)
{
    for (size_t i = 0; i < into->schema->n_fields; i++) {
        status s = column_gather(&into->columns[i], &from->columns[i], rows, n, err);
        if (s != STATUS_OK) {
            batch_truncate(into, into->rows); /* columns that got their rows give them back */
            return s;
        }
    }
    into->rows += n;
    return STATUS_OK;
}

status batch_append_range(struct batch *into, const struct batch *from, size_t first, size_t n,
                          struct error *err)
{
    for (size_t i = 0; i < into->schema->n_fields; i++) {
        status s = column_append_range(&into->columns[i], &from->columns[i], first, n, err);
        if (s != STATUS_OK) {
            batch_truncate(into, into->rows);
            return s;
        }
    }
    into->rows += n;
    return STATUS_OK;
}

size_t batch_bytes(const struct batch *batch)
{
    size_t bytes = 0;
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        bytes += column_bytes(&batch->columns[i]);
    return bytes;
}

size_t batch_capacity_bytes(const struct batch *batch)
{
    size_t bytes = 0;
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        bytes += column_capacity_bytes(&batch->columns[i]);
    return bytes;
}
