#include "pipeline/pieces.h"

#include <stdlib.h>

enum {
    WINDOWS_BYTES = 2 << 20, /* of all runs together ... */
    LEAST_WINDOW = 4,        /* ... but so many pieces of each */
    MOST_WINDOW = 1024,
};

struct piece_run {
    uint64_t offset; /* of the first piece that is not in the window yet */
    uint64_t left;   /* pieces from there on */
    uint32_t at, n;  /* of the window */
};

void piece_list_release(struct piece_list *list)
{
    mem_free(list->items);
    *list = (struct piece_list){0};
}

status pieces_init(struct pieces *pieces, struct storage *storage, const char *name,
                   size_t limit_bytes, size_t n_splits, struct error *err)
{
    *pieces = (struct pieces){.spool = {.storage = storage, .name = name, .limit = limit_bytes},
                              .n_runs = n_splits};
    pieces->runs = mem_zalloc((n_splits + 1) * sizeof(*pieces->runs));
    return pieces->runs ? STATUS_OK : error_no_memory(err);
}

void pieces_release(struct pieces *pieces)
{
    spool_release(&pieces->spool);
    mem_free(pieces->runs);
    mem_free(pieces->windows);
    *pieces = (struct pieces){0};
}

/* ---- putting in ---- */

static int by_key(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

status pieces_add(struct pieces *pieces, uint32_t split, struct piece *found, size_t n,
                  struct error *err)
{
    struct piece_run *run = &pieces->runs[split];
    uint64_t offset = 0;
    if (n > 0) /* else FOUND may be NULL, which qsort does not take */
        qsort(found, n, sizeof(*found), by_key);
    TRY(spool_append(&pieces->spool, found, n * sizeof(*found), &offset, err));
    pieces->n_pieces += n;
    pieces->n_pieces -= run->left;
    *run = (struct piece_run){.offset = offset, .left = n};
    return STATUS_OK;
}

status pieces_seal(struct pieces *pieces, struct error *err)
{
    size_t fair = WINDOWS_BYTES / sizeof(struct piece) / (pieces->n_runs + 1);
    pieces->window = fair < LEAST_WINDOW ? LEAST_WINDOW : fair > MOST_WINDOW ? MOST_WINDOW : fair;
    pieces->windows = mem_alloc(pieces->n_runs * pieces->window * sizeof(struct piece) + 1);
    if (!pieces->windows)
        return error_no_memory(err);
    return spool_seal(&pieces->spool, err);
}

/* ---- taking out ---- */

/* The next piece of RUN, or NULL. */
static status look(struct pieces *pieces, size_t number, const struct piece **out,
                   struct error *err)
{
    struct piece_run *run = &pieces->runs[number];
    struct piece *window = &pieces->windows[number * pieces->window];
    *out = NULL;
    if (run->at == run->n) {
        size_t n = run->left < pieces->window ? (size_t)run->left : pieces->window;
        if (n == 0)
            return STATUS_OK;
        TRY(spool_read(&pieces->spool, run->offset, window, n * sizeof(*window), err));
        run->offset += n * sizeof(*window);
        run->left -= n;
        run->at = 0;
        run->n = (uint32_t)n;
    }
    *out = &window[run->at];
    return STATUS_OK;
}

static status append(struct piece_list *list, const struct piece *piece, uint32_t split,
                     struct error *err)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        struct piece_ref *items = mem_realloc_array(list->items, capacity, sizeof(*items));
        if (!items)
            return error_no_memory(err);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->n++] = (struct piece_ref){.piece = *piece, .split = split};
    return STATUS_OK;
}

status pieces_take(struct pieces *pieces, uint32_t key, struct piece_list *out, struct error *err)
{
    for (uint32_t split = 0; split < pieces->n_runs; split++) {
        for (;;) {
            const struct piece *piece;
            TRY(look(pieces, split, &piece, err));
            if (!piece || piece->key != key)
                break;
            TRY(append(out, piece, split, err));
            pieces->runs[split].at++;
        }
    }
    return STATUS_OK;
}
