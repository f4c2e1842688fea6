/* A text is looked up by its first and last eight bytes, which are all of it up to 16; the slots are few and stay in the
 * processor's first cache. A column with more values gives up when it meets one too many: mostly within some dozens of rows. */
#include "batch/column_codes.h"

#include <string.h>

#include "batch/gather.h"
#include "batch/plain.h"

enum { SLOTS = 64, WORD = 8 }; /* four slots for each value */

/* What is known of a value without a look at it. */
struct word_key {
    uint64_t first, last;
    size_t size;
};

struct finder {
    struct column_codes *codes;
    struct word_key keys[MOST_CODED_WORDS];
    uint8_t slots[SLOTS]; /* number of the value and one; 0: free */
};

/* Behind a column's data there are bytes that can be read. */
static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static struct word_key key_of(const uint8_t *text, size_t size)
{
    struct word_key key = {.size = size};
    if (size >= WORD) {
        key.first = word_at(text);
        key.last = word_at(text + size - WORD);
    } else if (size > 0) {
        key.first = word_at(text) & ((UINT64_C(1) << (8 * size)) - 1);
    }
    return key;
}

static size_t slot_of(const struct word_key *key)
{
    uint64_t mixed = key->first ^ (key->last << 29 | key->last >> 35) ^ key->size;
    return (size_t)((mixed * UINT64_C(0x9e3779b97f4a7c15)) >> 58);
}

static bool is_word(const struct finder *finder, size_t number, const struct word_key *key,
                    const uint8_t *text)
{
    const struct word_key *known = &finder->keys[number];
    if (known->size != key->size || known->first != key->first || known->last != key->last)
        return false;
    return key->size <= 2 * WORD ||
           memcmp(text + WORD, finder->codes->words[number] + WORD, key->size - 2 * WORD) == 0;
}

static bool add_word(struct finder *finder, size_t slot, const struct word_key *key,
                     const uint8_t *text)
{
    struct column_codes *codes = finder->codes;
    size_t number = codes->n_words;
    if (number == MOST_CODED_WORDS)
        return false;
    if (key->size)
        memcpy(codes->words[number], text, key->size);
    codes->sizes[number] = key->size;
    finder->keys[number] = *key;
    finder->slots[slot] = (uint8_t)++codes->n_words;
    return true;
}

/* False: there are too many, or a long one. */
static bool find_codes(struct finder *finder, const struct column *column, uint8_t *out)
{
    const int64_t *offsets = column_offsets(column);
    const uint8_t *data = column->data.data;
    for (size_t i = 0; i < column->rows; i++) {
        const uint8_t *text = data + offsets[i];
        size_t size = (size_t)(offsets[i + 1] - offsets[i]);
        if (size > MOST_WORD_BYTES)
            return false;
        struct word_key key = key_of(text, size);
        size_t slot = slot_of(&key);
        while (finder->slots[slot] && !is_word(finder, finder->slots[slot] - 1u, &key, text))
            slot = (slot + 1) % SLOTS;
        if (!finder->slots[slot] && !add_word(finder, slot, &key, text))
            return false;
        out[i] = (uint8_t)(finder->slots[slot] - 1);
    }
    return true;
}

static bool code_texts(struct column_codes *codes, const struct column *column, uint8_t *met)
{
    struct finder finder = {.codes = codes};
    codes->n_words = 0;
    codes->width = 1;
    return column->data.data && find_codes(&finder, column, met);
}

/* ---- numbers ---- */

#define NARROW(type)                                                                               \
    for (size_t i = 0; i < n; i++) {                                                               \
        type code = (type)values[i];                                                               \
        memcpy(met + i * sizeof(code), &code, sizeof(code));                                       \
    }

static bool code_numbers(struct column_codes *codes, const struct column *column, uint8_t *met)
{
    const uint64_t *values = (const uint64_t *)(const void *)column->values.data;
    size_t n = column->rows;
    uint64_t differ = 0;
    for (size_t i = 0; i < n; i++)
        differ |= values[i] ^ values[0];
    if (differ > UINT32_MAX)
        return false;
    codes->width = differ <= UINT8_MAX ? 1 : differ <= UINT16_MAX ? 2 : 4;
    codes->base = values[0] >> (8 * codes->width) << (8 * codes->width);
    if (codes->width == 1)
        NARROW(uint8_t)
    else if (codes->width == 2)
        NARROW(uint16_t)
    else
        NARROW(uint32_t)
    return true;
}

/* ---- columns ---- */

static enum codes_kind kind_of(const struct column *column)
{
    if (column->null_count || column->rows == 0)
        return CODES_NONE;
    if (type_is_text_like(column->field->type))
        return CODES_WORDS;
    bool numbers = column->value_bytes == 8 && plain_numbers_of(column) == PLAIN_VALUES;
    return numbers ? CODES_NUMBERS : CODES_NONE;
}

static status code_column(struct batch_codes *batch, struct column_codes *codes,
                          const struct column *column, const uint32_t *rows, size_t n,
                          struct error *err)
{
    enum codes_kind kind = kind_of(column);
    codes->kind = CODES_NONE;
    if (kind == CODES_NONE)
        return STATUS_OK;
    TRY(buffer_reserve(&batch->met, column->rows * sizeof(uint32_t), err));
    bool coded = kind == CODES_WORDS ? code_texts(codes, column, batch->met.data)
                                     : code_numbers(codes, column, batch->met.data);
    if (!coded)
        return STATUS_OK;
    TRY(buffer_reserve(&codes->codes, n * codes->width, err));
    gather_values(codes->codes.data, batch->met.data, codes->width, rows, n);
    codes->kind = kind;
    return STATUS_OK;
}

status batch_gather_coded(struct batch *into, struct batch_codes *codes, const struct batch *from,
                          const uint32_t *rows, size_t n, struct error *err)
{
    status_code code = STATUS_OK;
    for (size_t i = 0; i < into->schema->n_fields && code == STATUS_OK; i++) {
        const struct column *column = &from->columns[i];
        code = code_column(codes, &codes->columns[i], column, rows, n, err);
        if (code == STATUS_OK && codes->columns[i].kind == CODES_NONE)
            code = column_gather(&into->columns[i], column, rows, n, err);
    }
    if (code != STATUS_OK)
        batch_truncate(into, 0);
    else
        into->rows = n;
    return code;
}

status batch_codes_init(struct batch_codes *codes, size_t n_columns, struct error *err)
{
    *codes = (struct batch_codes){.n_columns = n_columns};
    codes->columns = mem_zalloc((n_columns + 1) * sizeof(*codes->columns));
    return codes->columns ? STATUS_OK : error_no_memory(err);
}

void batch_codes_release(struct batch_codes *codes)
{
    for (size_t i = 0; codes->columns && i < codes->n_columns; i++)
        buffer_release(&codes->columns[i].codes);
    mem_free(codes->columns);
    buffer_release(&codes->met);
    *codes = (struct batch_codes){0};
}
