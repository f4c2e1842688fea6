/* Rows equal to the old watermark: which of them the table has already. They are a multiset: two rows that differ in nothing
 * are two rows, so a digest may be taken as often as the record lists it. */
#include <string.h>

#include "pipeline/stream.h"

static int compare(const struct digest *a, const struct digest *b)
{
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return a->low < b->low ? -1 : a->low > b->low;
}

/* First item that is not below DIGEST (or, with AFTER, the first above it). */
static size_t bound(const struct tie_digests *ties, const struct digest *digest, bool after)
{
    size_t low = 0, high = ties->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&ties->items[middle], digest);
        if (order < 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

status known_rows_init(struct known_rows *known, const struct tie_digests *ties, struct error *err)
{
    if (ties->n == 0)
        return STATUS_OK;
    known->used = mem_zalloc(ties->n * sizeof(*known->used));
    if (!known->used)
        return error_no_memory(err);
    known->ties = ties;
    return STATUS_OK;
}

bool known_rows_take(struct known_rows *known, const struct digest *digest)
{
    if (!known->ties)
        return false;
    size_t first = bound(known->ties, digest, false);
    size_t count = bound(known->ties, digest, true) - first;
    if (count == 0)
        return false;
    pthread_mutex_lock(&known->mutex);
    bool taken = known->used[first] < count;
    if (taken)
        known->used[first]++;
    pthread_mutex_unlock(&known->mutex);
    return taken;
}

void known_rows_give_back(struct known_rows *known, const struct tie_digests *taken)
{
    pthread_mutex_lock(&known->mutex);
    for (size_t i = 0; known->ties && i < taken->n; i++) {
        size_t first = bound(known->ties, &taken->items[i], false);
        if (first < known->ties->n && known->used[first])
            known->used[first]--;
    }
    pthread_mutex_unlock(&known->mutex);
}
