#include "format/parquet/levels.h"

#include <string.h>

#include "base/bytes.h"
#include "format/parquet/kernels.h"

void levels_scratch_release(struct levels_scratch *scratch)
{
    buffer_release(&scratch->rows);
    buffer_release(&scratch->definition);
    buffer_release(&scratch->repetition);
    buffer_release(&scratch->row_levels);
}

static status null_in_required(const struct leaf *leaf, const struct field *field, size_t row,
                               struct error *err)
{
    return error_set(
        err, STATUS_BAD_DATA,
        "NULL in column \"%s\" (field \"%s\", row %zu of the batch), which is NOT NULL by "
        "its schema",
        leaf->name, field->name, row);
}

/* ---- flat ---- */

static size_t first_null(const uint8_t *validity, size_t first)
{
    while (bit_get(validity, first))
        first++;
    return first;
}

static status take_flat(const struct leaf *leaf, const struct column *column, size_t first,
                        size_t n, struct levels_scratch *scratch, struct levels *out,
                        struct error *err)
{
    *out = (struct levels){.column = column, .count = n, .values = n, .first = first};
    if (column->null_count == 0 || n == 0)
        return STATUS_OK;
    const uint8_t *validity = column->validity.data;
    size_t present = bits_count(validity, first, n);
    if (present == n)
        return STATUS_OK;
    if (!leaf->field->nullable)
        return null_in_required(leaf, leaf->field, first_null(validity, first), err);
    TRY(buffer_reserve(&scratch->rows, (n + 16) * sizeof(uint32_t), err));
    uint32_t *rows = (uint32_t *)(void *)scratch->rows.data;
    out->values = kernels()->positions(validity, first, n, rows);
    out->rows = rows;
    out->validity = validity;
    return STATUS_OK;
}

/* ---- nested ---- */

struct shred {
    const struct leaf *leaf;
    struct levels_scratch *scratch;
    struct error *err;
    size_t count, values; /* levels and values so far */
    size_t row;           /* for messages */
};

/* USED bytes are kept. */
static status grow(struct buffer *buffer, size_t used, size_t bytes, struct error *err)
{
    if (__builtin_expect(bytes <= buffer->capacity, 1))
        return STATUS_OK;
    buffer->size = used;
    return buffer_reserve(buffer, bytes < 4096 ? 4096 : 2 * bytes, err);
}

static status put_level(struct shred *shred, unsigned repetition, unsigned definition)
{
    struct levels_scratch *scratch = shred->scratch;
    TRY(grow(&scratch->definition, shred->count, shred->count + 1, shred->err));
    TRY(grow(&scratch->repetition, shred->count, shred->count + 1, shred->err));
    scratch->definition.data[shred->count] = (uint8_t)definition;
    scratch->repetition.data[shred->count] = (uint8_t)repetition;
    shred->count++;
    return STATUS_OK;
}

static status put_value(struct shred *shred, size_t position)
{
    struct buffer *rows = &shred->scratch->rows;
    size_t used = shred->values * sizeof(uint32_t);
    TRY(grow(rows, used, used + sizeof(uint32_t), shred->err));
    if (position > UINT32_MAX)
        return error_set(shred->err, STATUS_BAD_DATA,
                         "column \"%s\" has more than %u values in a batch", shred->leaf->name,
                         UINT32_MAX);
    ((uint32_t *)(void *)rows->data)[shred->values++] = (uint32_t)position;
    return STATUS_OK;
}

static status shred_at(struct shred *shred, const struct column *column, size_t step, size_t at,
                       unsigned repetition, unsigned definition, unsigned lists);

/* The elements of list AT. The first one continues the repetition it was reached with; the others repeat at
 * this list's own level. */
static status shred_list(struct shred *shred, const struct column *column, size_t step, size_t at,
                         unsigned repetition, unsigned definition, unsigned lists)
{
    const int64_t *offsets = column_offsets(column);
    const struct column *child = &column->children[0];
    if (offsets[at] == offsets[at + 1])
        return put_level(shred, repetition, definition);
    for (int64_t i = offsets[at]; i < offsets[at + 1]; i++) {
        TRY(shred_at(shred, child, step + 1, (size_t)i, repetition, definition + 1, lists + 1));
        repetition = lists + 1;
    }
    return STATUS_OK;
}

/* Value AT of COLUMN, which is step STEP of the leaf, reached through LISTS lists. Depth is bounded by the
 * schema's. */
static status shred_at(struct shred *shred, const struct column *column, size_t step, size_t at,
                       unsigned repetition, unsigned definition, unsigned lists)
{
    const struct leaf_step *here = &shred->leaf->steps[step];
    if (column_is_null(column, at)) {
        if (!here->nullable)
            return null_in_required(shred->leaf, here->field, shred->row, shred->err);
        return put_level(shred, repetition, definition);
    }
    definition += here->nullable;
    if (here->repeated)
        return shred_list(shred, column, step, at, repetition, definition, lists);
    if (step + 1 < shred->leaf->n_steps) {
        const struct column *child = &column->children[shred->leaf->steps[step + 1].child];
        return shred_at(shred, child, step + 1, at, repetition, definition, lists);
    }
    TRY(put_value(shred, at));
    return put_level(shred, repetition, definition);
}

static status take_nested(const struct leaf *leaf, const struct column *top, size_t first, size_t n,
                          struct levels_scratch *scratch, struct levels *out, struct error *err)
{
    struct shred shred = {.leaf = leaf, .scratch = scratch, .err = err};
    TRY(buffer_reserve(&scratch->row_levels, (n + 1) * sizeof(uint64_t), err));
    TRY(grow(&scratch->rows, 0, sizeof(uint32_t), err)); /* a list, if only of none */
    TRY(grow(&scratch->definition, 0, 1, err));
    uint64_t *row_levels = (uint64_t *)(void *)scratch->row_levels.data;
    for (size_t i = 0; i < n; i++) {
        row_levels[i] = shred.count;
        shred.row = first + i;
        TRY(shred_at(&shred, top, 0, first + i, 0, 0, 0));
    }
    row_levels[n] = shred.count;
    const struct column *column = top;
    for (size_t step = 1; step < leaf->n_steps; step++)
        column = &column->children[leaf->steps[step].child];
    *out = (struct levels){.column = column,
                           .count = shred.count,
                           .values = shred.values,
                           .rows = (const uint32_t *)(const void *)scratch->rows.data,
                           .definition = scratch->definition.data,
                           .repetition = scratch->repetition.data,
                           .row_levels = row_levels};
    return STATUS_OK;
}

status levels_take(const struct leaf *leaf, const struct batch *batch, size_t first, size_t n,
                   struct levels_scratch *scratch, struct levels *out, struct error *err)
{
    const struct column *top = &batch->columns[leaf->top];
    if (leaf_is_flat(leaf))
        return take_flat(leaf, top, first, n, scratch, out, err);
    return take_nested(leaf, top, first, n, scratch, out, err);
}

size_t levels_plain_bytes(const struct leaf *leaf, const struct batch *batch, size_t from,
                          size_t to)
{
    const struct column *column = &batch->columns[leaf->top];
    for (size_t step = 0; step + 1 < leaf->n_steps; step++) {
        if (leaf->steps[step].repeated && from < to) {
            const int64_t *offsets = column_offsets(column);
            from = (size_t)offsets[from];
            to = (size_t)offsets[to];
        }
        column = &column->children[leaf->steps[step + 1].child];
    }
    if (from >= to)
        return 0;
    if (leaf->width > 0)
        return (to - from) * (size_t)leaf->width;
    const int64_t *offsets = column_offsets(column);
    return (size_t)(offsets[to] - offsets[from]) + 4 * (to - from);
}
