/* Keys in the order of their values: a radix sort over words that compare as the values do, from the last word of the last
 * column to the first of the first. A byte that all keys share costs no pass; most orders of days take two. */
#include <string.h>

#include "base/bytes.h"
#include "partition/partitioner.h"

enum { WORD = sizeof(uint64_t), MOST_WORDS = 4, SIGN_SHIFT = 63 };

struct sorted_key {
    uint64_t word;
    uint32_t key;
};

static uint64_t big_endian(const void *bytes, size_t size)
{
    uint8_t word[WORD] = {0};
    memcpy(word, bytes, size < WORD ? size : WORD);
    return __builtin_bswap64(load_u64le(word));
}

/* Word NUMBER, the most significant is 0, of N that compare as VALUE does. Of texts only what the words hold counts. */
static uint64_t word_of(const struct scalar *value, size_t number, size_t n)
{
    enum type_id id = value->type.id;
    size_t at = number * WORD;
    if (value->is_null)
        return 0;
    if (type_is_text_like(value->type))
        return value->size > at ? big_endian(value->bytes + at, value->size - at) : 0;
    if (id == TYPE_UUID || id == TYPE_FIXED_BINARY)
        return big_endian(value->fixed + at, type_value_bytes(value->type) - at);
    uint64_t word = load_u64le(value->fixed + (n - 1 - number) * WORD);
    bool is_unsigned = id >= TYPE_UINT8 && id <= TYPE_UINT64;
    return number == 0 && !is_unsigned ? word ^ (UINT64_C(1) << SIGN_SHIFT) : word;
}

static size_t words_of(struct type type)
{
    size_t n = (type_value_bytes(type) + WORD - 1) / WORD;
    if (type_is_text_like(type) || n > MOST_WORDS)
        return MOST_WORDS;
    return n ? n : 1;
}

/* By byte SHIFT / 8 of their words; equal ones stay as they are. */
static void sort_by_byte(const struct sorted_key *from, struct sorted_key *to, size_t n,
                         unsigned shift)
{
    size_t starts[256] = {0}, at = 0;
    for (size_t i = 0; i < n; i++)
        starts[from[i].word >> shift & 255]++;
    for (size_t b = 0; b < 256; b++) {
        size_t count = starts[b];
        starts[b] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++)
        to[starts[from[i].word >> shift & 255]++] = from[i];
}

/* Sorts ITEMS by their words; OTHER is as large. Returns where they are then. */
static struct sorted_key *sort_by_word(struct sorted_key *items, struct sorted_key *other, size_t n)
{
    uint64_t differ = 0;
    for (size_t i = 1; i < n; i++)
        differ |= items[i].word ^ items[0].word;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if ((differ >> shift & 255) == 0)
            continue;
        sort_by_byte(items, other, n, shift);
        struct sorted_key *sorted = other;
        other = items;
        items = sorted;
    }
    return items;
}

/* Before the words of a value stands one that says whether it is there. */
static void load_words(const struct partition_keys *keys, size_t column, size_t number,
                       size_t n_words, struct sorted_key *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct scalar value;
        partition_keys_value(keys, items[i].key, column, &value);
        items[i].word = number ? word_of(&value, number - 1, n_words) : !value.is_null;
    }
}

/* As sort_by_word. */
static struct sorted_key *sort_keys(const struct partition_keys *keys, struct sorted_key *items,
                                    struct sorted_key *other, size_t n)
{
    const struct schema *schema = &keys->partitioner->keys;
    for (size_t c = schema->n_fields; c-- > 0;) {
        size_t n_words = words_of(schema->fields[c].type);
        for (size_t number = n_words + 1; number-- > 0;) {
            load_words(keys, c, number, n_words, items, n);
            struct sorted_key *sorted = sort_by_word(items, other, n);
            other = sorted == items ? other : items;
            items = sorted;
        }
    }
    return items;
}

status partition_keys_order(struct partition_keys *keys, const uint32_t **out, struct error *err)
{
    size_t n = partition_keys_count(keys);
    *out = (const uint32_t *)(const void *)keys->order.data;
    if (n > 0 && keys->order.size == n * sizeof(**out))
        return STATUS_OK;
    SCOPED(buffer_release) struct buffer scratch = {0};
    TRY(buffer_reserve(&scratch, 2 * n * sizeof(struct sorted_key) + 1, err));
    TRY(buffer_reserve(&keys->order, n * sizeof(**out) + 1, err));
    struct sorted_key *items = (struct sorted_key *)(void *)scratch.data;
    for (uint32_t key = 0; key < n; key++)
        items[key] = (struct sorted_key){.key = key};
    const struct sorted_key *sorted = sort_keys(keys, items, items + n, n);
    uint32_t *order = (uint32_t *)(void *)keys->order.data;
    for (size_t i = 0; i < n; i++)
        order[i] = sorted[i].key;
    keys->order.size = n * sizeof(*order);
    *out = order;
    return STATUS_OK;
}
