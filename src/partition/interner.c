#include "partition/interner.h"

#include <string.h>
#include <xxhash.h>

enum { FIRST_SLOTS = 64 };

static uint32_t *slots_of(const struct interner *interner)
{
    return (uint32_t *)(void *)interner->slots.data;
}

static uint64_t *hashes_of(const struct interner *interner)
{
    return (uint64_t *)(void *)interner->hashes.data;
}

static uint64_t *offsets_of(const struct interner *interner)
{
    return (uint64_t *)(void *)interner->offsets.data;
}

void interner_release(struct interner *interner)
{
    buffer_release(&interner->slots);
    buffer_release(&interner->hashes);
    buffer_release(&interner->offsets);
    buffer_release(&interner->bytes);
    *interner = (struct interner){0};
}

/* Twice the slots, filled again from the hashes. */
static status grow_slots(struct interner *interner, struct error *err)
{
    size_t old = interner->slots.size / sizeof(uint32_t);
    size_t n = old ? old * 2 : FIRST_SLOTS;
    SCOPED(buffer_release) struct buffer grown = {0};
    TRY(buffer_reserve(&grown, n * sizeof(uint32_t), err));
    memset(grown.data, 0, n * sizeof(uint32_t));
    uint32_t *slots = (uint32_t *)(void *)grown.data;
    for (uint32_t i = 0; i < interner->count; i++) {
        size_t at = hashes_of(interner)[i] & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = i + 1;
    }
    grown.size = n * sizeof(uint32_t);
    struct buffer old_slots = interner->slots;
    interner->slots = grown;
    grown = old_slots; /* freed on the way out */
    return STATUS_OK;
}

static bool holds(const struct interner *interner, uint32_t number, const void *bytes, size_t size)
{
    const uint64_t *offsets = offsets_of(interner) + number;
    return offsets[1] - offsets[0] == size &&
           (size == 0 || memcmp(interner->bytes.data + offsets[0], bytes, size) == 0);
}

static status append(struct interner *interner, uint64_t hash, const void *bytes, size_t size,
                     struct error *err)
{
    static const uint64_t zero = 0;
    if (interner->count == UINT32_MAX - 1)
        return error_set(err, STATUS_NO_MEMORY, "more than 2^32 distinct partition values");
    if (interner->count == 0) {
        interner->offsets.size = 0;
        TRY(buffer_append(&interner->offsets, &zero, sizeof(zero), err));
    }
    uint64_t end = interner->bytes.size + size;
    /* after a failure half way the sizes are set back by the count, which did not change */
    interner->hashes.size = interner->count * sizeof(uint64_t);
    interner->offsets.size = (interner->count + (size_t)1) * sizeof(uint64_t);
    TRY(buffer_append(&interner->hashes, &hash, sizeof(hash), err));
    TRY(buffer_append(&interner->offsets, &end, sizeof(end), err));
    TRY(buffer_append(&interner->bytes, bytes, size, err));
    interner->count++;
    return STATUS_OK;
}

status interner_add(struct interner *interner, const void *bytes, size_t size, uint32_t *out,
                    struct error *err)
{
    size_t n = interner->slots.size / sizeof(uint32_t);
    if (interner->count >= n / 2) {
        TRY(grow_slots(interner, err));
        n = interner->slots.size / sizeof(uint32_t);
    }
    uint64_t hash = XXH3_64bits(bytes, size);
    uint32_t *slots = slots_of(interner);
    size_t at = hash & (n - 1);
    for (; slots[at]; at = (at + 1) & (n - 1)) {
        uint32_t number = slots[at] - 1;
        if (hashes_of(interner)[number] == hash && holds(interner, number, bytes, size)) {
            *out = number;
            return STATUS_OK;
        }
    }
    TRY(append(interner, hash, bytes, size, err));
    slots[at] = interner->count;
    *out = interner->count - 1;
    return STATUS_OK;
}
