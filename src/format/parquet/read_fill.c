/* Dense values to the slots they belong in: backwards in place, so that nothing is copied twice. */
#include <string.h>

#include "batch/bitmap.h"
#include "format/parquet/read_values.h"

/* VALUE of the dense ones goes to slot I; slots without a value become zero. From slot K - 1 down all is in place. */
#define SPREAD(name, type)                                                                         \
    static void name(uint8_t *base, size_t slots, size_t k, const uint8_t *valid, size_t first,    \
                     size_t width)                                                                 \
    {                                                                                              \
        (void)width;                                                                               \
        type *slot = (type *)(void *)base;                                                         \
        size_t i = slots;                                                                          \
        while (i > k && k > 0) {                                                                   \
            i--;                                                                                   \
            bool is_value = bit_get(valid, first + i);                                             \
            type value = slot[k - 1];                                                              \
            slot[i] = is_value ? value : (type){0};                                                \
            k -= is_value;                                                                         \
        }                                                                                          \
        if (k == 0)                                                                                \
            memset(slot, 0, i * sizeof(*slot));                                                    \
    }
struct two_words {
    uint64_t words[2];
};
struct four_words {
    uint64_t words[4];
};
SPREAD(spread_1, uint8_t)
SPREAD(spread_2, uint16_t)
SPREAD(spread_4, uint32_t)
SPREAD(spread_8, uint64_t)
SPREAD(spread_16, struct two_words)
SPREAD(spread_32, struct four_words)

static void spread_any(uint8_t *base, size_t slots, size_t k, const uint8_t *valid, size_t first,
                       size_t width)
{
    size_t i = slots;
    while (i > k && k > 0) {
        i--;
        if (bit_get(valid, first + i))
            memmove(base + i * width, base + --k * width, width);
        else
            memset(base + i * width, 0, width);
    }
    if (k == 0)
        memset(base, 0, i * width);
}

typedef void spread(uint8_t *base, size_t slots, size_t k, const uint8_t *valid, size_t first,
                    size_t width);

static void spread_fixed(uint8_t *base, size_t slots, size_t k, const uint8_t *valid, size_t first,
                         size_t width)
{
    static spread *const of_width[] = {[1] = spread_1, [2] = spread_2,   [4] = spread_4,
                                       [8] = spread_8, [16] = spread_16, [32] = spread_32};
    bool known = width < sizeof(of_width) / sizeof(of_width[0]) && of_width[width];
    (known ? of_width[width] : spread_any)(base, slots, k, valid, first, width);
}

/* A slot without a value ends where the one before it does. */
static void spread_ends(int64_t *offsets, size_t slots, size_t k, const uint8_t *valid,
                        size_t first)
{
    for (size_t i = slots; i > k;) {
        i--;
        offsets[1 + i] = offsets[k];
        k -= bit_get(valid, first + i);
    }
}

static void spread_bits(uint8_t *bits, size_t base, size_t slots, size_t k, const uint8_t *valid,
                        size_t first)
{
    for (size_t i = slots; i > 0;) {
        i--;
        bool is_value = bit_get(valid, first + i);
        bit_put(bits, base + i, is_value && bit_get(bits, base + k - 1));
        k -= is_value;
    }
    bitmap_clear_tail(bits, base + slots);
}

void column_fill_validity(struct column *column, size_t slots, size_t values, const uint8_t *valid,
                          size_t first)
{
    size_t rows = column->rows, nulls = slots - values;
    if (column->null_count == 0 && nulls == 0)
        return;
    if (column->null_count == 0)
        bitmap_fill(column->validity.data, 0, rows);
    if (nulls == 0)
        bitmap_fill(column->validity.data, rows, slots);
    else
        bitmap_copy(column->validity.data, rows, valid, first, slots);
    column->validity.size = bitmap_bytes(rows + slots);
    column->null_count += nulls;
}

void column_fill(struct column *column, size_t slots, size_t values, const uint8_t *valid,
                 size_t first)
{
    size_t rows = column->rows, width = column->value_bytes;
    if (slots == 0)
        return;
    if (column->field->type.id == TYPE_BOOL) {
        if (values < slots)
            spread_bits(column->values.data, rows, slots, values, valid, first);
        column->values.size = bitmap_bytes(rows + slots);
    } else if (type_is_text_like(column->field->type)) {
        int64_t *offsets = (int64_t *)(void *)column->values.data + rows;
        if (values < slots)
            spread_ends(offsets, slots, values, valid, first);
        column->values.size = (rows + slots + 1) * sizeof(int64_t);
    } else {
        if (values < slots)
            spread_fixed(column->values.data + rows * width, slots, values, valid, first, width);
        column->values.size = (rows + slots) * width;
    }
    column_fill_validity(column, slots, values, valid, first);
    column->rows += slots;
}
