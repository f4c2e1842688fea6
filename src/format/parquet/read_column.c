#include "format/parquet/read_column.h"

#include <string.h>

#include "batch/bitmap.h"

/* One field on the way from the top to a leaf, and how far its rows have come in this call. */
struct place {
    const struct read_node *node;
    struct column *column;
    bool is_owner;   /* this leaf makes the rows; else it compares */
    bool is_open;    /* LIST, MAP: the last slot has an element that may be followed by another */
    size_t row;      /* rows of the column so far */
    size_t elements; /* LIST, MAP: rows of the child so far */
};

struct leaf_walk {
    struct chunk_reader *reader;
    struct place places[READ_MAX_DEPTH];
    size_t n_places; /* the last one is the leaf's own */
    struct error *err;
};

/* A stretch of levels. */
struct portion {
    const uint8_t *definition, *repetition; /* repetition NULL: all 0 */
    size_t n;
};

static status disagree(struct leaf_walk *walk, const struct place *place)
{
    return error_set(walk->err, STATUS_BAD_DATA,
                     "levels of \"%s\" are not those of the other columns of the same field",
                     place->node->field->name);
}

/* Slots that the levels speak of: their number, and a bit for each. */
struct slots {
    size_t n, values;
    uint8_t *valid;
};

static status find_slots(struct leaf_walk *walk, const struct read_node *node,
                         const struct portion *levels, struct slots *out)
{
    struct buffer *bits = &walk->reader->bits;
    TRY(read_memory_room(walk->reader->input.memory, bits, levels->n / 8 + 16, "levels of a page",
                         walk->err));
    uint8_t *valid = bits->data;
    size_t n = 0, values = 0;
    memset(valid, 0, levels->n / 8 + 1);
    for (size_t i = 0; i < levels->n; i++) {
        bool is_slot = levels->definition[i] >= node->slot_definition &&
                       (!levels->repetition || levels->repetition[i] <= node->repetition);
        bool is_value = is_slot && levels->definition[i] >= node->definition;
        valid[n >> 3] |= (uint8_t)(is_value << (n & 7));
        n += is_slot;
        values += is_value;
    }
    *out = (struct slots){n, values, valid};
    if (node->refuses_null && values < n)
        return error_set(walk->err, STATUS_BAD_DATA, "a key of a map is NULL");
    return STATUS_OK;
}

/* ---- lists ---- */

/* What the walk over the levels of a list came to: a new slot closes the one before at `elements`. */
struct list_walk {
    size_t slots, elements;
    bool is_open, holds;
};

/* Does the level begin a slot, and does it stand for an element? An element that is not the first of its list needs
 * one before it. */
static inline void list_step(const struct read_node *node, uint8_t definition, uint8_t repetition,
                             struct list_walk *walk, bool *out_slot)
{
    bool is_element = definition >= node->element_definition;
    bool begins = repetition <= node->repetition;
    bool follows = repetition == node->repetition + 1;
    *out_slot = begins && definition >= node->slot_definition;
    walk->holds &= !follows || (is_element && walk->is_open);
    walk->is_open = begins ? is_element : walk->is_open;
    walk->slots += *out_slot;
    walk->elements += is_element && (begins || follows);
}

static bool make_ends(struct place *place, const struct portion *levels)
{
    int64_t *offsets = (int64_t *)(void *)place->column->values.data;
    struct list_walk walk = {place->row, place->elements, place->is_open, true};
    bool is_slot;
    for (size_t i = 0; i < levels->n && walk.holds; i++) {
        list_step(place->node, levels->definition[i], levels->repetition[i], &walk, &is_slot);
        offsets[walk.slots] = (int64_t)walk.elements;
    }
    place->elements = walk.elements;
    place->is_open = walk.is_open;
    return walk.holds;
}

/* The same without writing: each list that is closed must end where it ends in the column. */
static bool compare_ends(struct place *place, const struct portion *levels)
{
    const int64_t *offsets = column_offsets(place->column);
    struct list_walk walk = {place->row, place->elements, place->is_open, true};
    bool is_slot;
    for (size_t i = 0; i < levels->n && walk.holds; i++) {
        size_t before = walk.elements;
        list_step(place->node, levels->definition[i], levels->repetition[i], &walk, &is_slot);
        if (is_slot)
            walk.holds &=
                walk.slots <= place->column->rows && offsets[walk.slots - 1] == (int64_t)before;
    }
    place->elements = walk.elements;
    place->is_open = walk.is_open;
    return walk.holds;
}

/* ---- one field ---- */

static status too_large(struct leaf_walk *walk)
{
    return error_set(walk->err, STATUS_BAD_DATA,
                     "a row takes more than the %zu bytes of memory that a reader may use",
                     walk->reader->input.memory->limit);
}

/* Of a struct only the bitmap: column_reserve would make room in all that is below. */
static status reserve_rows(struct column *column, size_t n, struct error *err)
{
    if (column->field->type.id != TYPE_STRUCT)
        return column_reserve(column, n, err);
    return buffer_reserve(&column->validity, bitmap_bytes(column->rows + n) + 8, err);
}

static status make_rows(struct leaf_walk *walk, struct place *place, const struct portion *levels,
                        const struct slots *slots)
{
    struct column *column = place->column;
    TRY(reserve_rows(column, slots->n, walk->err));
    if (place->node->is_list) {
        if (!make_ends(place, levels))
            return error_set(walk->err, STATUS_BAD_DATA,
                             "repetition levels of \"%s\" go on with a list that is not there",
                             place->node->field->name);
        column->values.size = (column->rows + slots->n + 1) * sizeof(int64_t);
    }
    column_fill_validity(column, slots->n, slots->values, slots->valid, 0);
    column->rows += slots->n;
    place->row += slots->n;
    return STATUS_OK;
}

static bool same_validity(const struct column *column, size_t row, const struct slots *slots)
{
    for (size_t i = 0; i < slots->n; i++)
        if (column_is_null(column, row + i) == bit_get(slots->valid, i))
            return false;
    return true;
}

static status compare_rows(struct leaf_walk *walk, struct place *place,
                           const struct portion *levels, const struct slots *slots)
{
    if (slots->n > place->column->rows - place->row ||
        !same_validity(place->column, place->row, slots) ||
        (place->node->is_list && !compare_ends(place, levels)))
        return disagree(walk, place);
    place->row += slots->n;
    return STATUS_OK;
}

static status fill_leaf(struct leaf_walk *walk, struct place *place, const struct portion *levels)
{
    struct chunk_reader *reader = walk->reader;
    size_t width = reader->leaf->type.out_width;
    struct slots slots;
    TRY(find_slots(walk, place->node, levels, &slots));
    if (width > 0 && slots.n > reader->input.memory->limit / width)
        return too_large(walk);
    TRY(column_reserve(place->column, slots.n, walk->err));
    TRY(page_values_take(&reader->leaf->type, &reader->page.values, slots.values,
                         reader->input.memory->limit, place->column, walk->err));
    column_fill(place->column, slots.n, slots.values, slots.valid, 0);
    place->row += slots.n;
    return STATUS_OK;
}

static status apply(struct leaf_walk *walk, const struct portion *levels)
{
    size_t last = walk->n_places - 1;
    for (size_t i = 0; i < last; i++) {
        struct place *place = &walk->places[i];
        struct slots slots;
        TRY(find_slots(walk, place->node, levels, &slots));
        TRY(place->is_owner ? make_rows(walk, place, levels, &slots)
                            : compare_rows(walk, place, levels, &slots));
    }
    return fill_leaf(walk, &walk->places[last], levels);
}

/* ---- one leaf ---- */

/* ROW of the top-level column, and what row of each field below that is. */
static void begin(struct leaf_walk *walk, struct column *column, size_t row)
{
    const struct read_leaf *leaf = walk->reader->leaf;
    walk->n_places = leaf->n_steps;
    for (size_t i = 0; i < leaf->n_steps; i++) {
        const struct read_node *node = leaf->steps[i].node;
        struct place *place = &walk->places[i];
        if (i > 0)
            column = &column->children[leaf->steps[i].child];
        *place = (struct place){.node = node,
                                .column = column,
                                .is_owner = node->first_leaf == leaf->index,
                                .row = row};
        if (node->is_list) {
            place->elements = column->values.size ? (size_t)column_offsets(column)[row] : 0;
            row = place->elements;
        }
    }
}

/* All fields must have come to their last row. */
static status end(struct leaf_walk *walk)
{
    for (size_t i = 0; i < walk->n_places; i++) {
        const struct place *place = &walk->places[i];
        if (place->row != place->column->rows)
            return disagree(walk, place);
        if (place->node->is_list &&
            column_offsets(place->column)[place->row] != (int64_t)place->elements)
            return disagree(walk, place);
    }
    return STATUS_OK;
}

/* What a single row takes is not foreseen: it must stay below the limit as well. */
static status check_size(struct leaf_walk *walk, size_t before)
{
    size_t limit = walk->reader->input.memory->limit;
    size_t now = column_bytes(walk->places[0].column);
    if (now < before || now - before <= limit)
        return STATUS_OK;
    return too_large(walk);
}

/* N levels of the open page; a few at a time, for one row may be as large as the file likes to say. */
static status take_levels(struct leaf_walk *walk, size_t n, size_t before)
{
    enum { STEP = 1 << 16 };
    struct chunk_page *page = &walk->reader->page;
    while (n > 0) {
        struct portion levels = {.definition = page->definition + page->at,
                                 .repetition =
                                     page->repetition ? page->repetition + page->at : NULL,
                                 .n = n < STEP ? n : STEP};
        status_code code = apply(walk, &levels);
        if (code == STATUS_OK)
            code = check_size(walk, before);
        if (code != STATUS_OK) {
            (void)chunk_context(walk->reader, walk->err);
            return code;
        }
        chunk_taken(walk->reader, levels.n);
        n -= levels.n;
    }
    return STATUS_OK;
}

static status take_rows(struct leaf_walk *walk, size_t n)
{
    struct chunk_reader *reader = walk->reader;
    size_t rows = n, levels, before = column_bytes(walk->places[0].column);
    bool begun = false;
    while (rows > 0) {
        if (reader->page.at == reader->page.levels)
            TRY(chunk_next_page(reader, walk->err));
        bool goes_on = chunk_portion(reader, &begun, &rows, &levels);
        TRY(take_levels(walk, levels, before));
        if (!goes_on || chunk_ends_row(reader, begun, rows))
            break;
    }
    reader->row += n;
    return STATUS_OK;
}

status column_read(struct chunk_reader *leaves, size_t n_leaves, struct column *column, size_t n,
                   struct error *err)
{
    size_t row = column->rows;
    if (n_leaves == 1 && leaf_is_top(leaves[0].leaf))
        return chunk_take_flat(&leaves[0], n, column, err);
    for (size_t i = 0; i < n_leaves; i++) {
        struct leaf_walk walk = {.reader = &leaves[i], .err = err};
        begin(&walk, column, row);
        TRY(take_rows(&walk, n));
        status_code code = end(&walk);
        if (code != STATUS_OK) {
            (void)chunk_context(&leaves[i], err);
            return code;
        }
    }
    return STATUS_OK;
}
