#include "pipeline/bundle.h"

#include <stdlib.h>

/* A read may pass over bytes that nobody asked for: half of what was asked for, and a little for each piece. More costs more
 * than another read. */
enum { HOLE_BYTES = 256 };

/* A plain piece among those of its split. */
struct near_piece {
    uint64_t offset, bytes;
    uint32_t split;
    uint32_t number; /* in bundle.pieces */
};

void bundle_release(struct bundle *bundle)
{
    piece_list_release(&bundle->pieces);
    mem_free(bundle->order);
    buffer_release(&bundle->bytes);
    *bundle = (struct bundle){0};
}

/* ---- which ---- */

void bundle_begin(struct bundle *bundle, uint64_t limit_bytes, size_t limit_partitions)
{
    bundle->limit_bytes = limit_bytes;
    bundle->limit_partitions =
        limit_partitions < BUNDLE_PARTITIONS ? limit_partitions : BUNDLE_PARTITIONS;
    bundle->pieces.n = 0;
    bundle->n = 0;
    bundle->n_bundled = 0;
    bundle->room = 0;
    bundle->full = false;
    bundle->read = false;
}

static uint64_t allowed_hole(uint64_t bytes)
{
    return bytes / 2 + HOLE_BYTES;
}

/* What the pieces [FIRST, ...) take with what is read between them. */
static uint64_t room_of(const struct piece_list *pieces, size_t first)
{
    uint64_t room = 0;
    for (size_t i = first; i < pieces->n; i++) {
        const struct piece *piece = &pieces->items[i].piece;
        room += sizeof(struct piece_ref);
        if (piece->kind == PIECE_PLAIN)
            room += piece->bytes + allowed_hole(piece->bytes) + sizeof(struct near_piece);
    }
    return room;
}

status bundle_add(struct bundle *bundle, struct pieces *pieces, uint32_t key, struct error *err)
{
    size_t first = bundle->pieces.n;
    TRY(pieces_take(pieces, key, &bundle->pieces, err));
    uint64_t room = room_of(&bundle->pieces, first);
    bundle->ends[bundle->n++] = bundle->pieces.n;
    bundle->full = bundle->n >= bundle->limit_partitions;
    if (room > bundle->limit_bytes - bundle->room) {
        bundle->full = true;
        return STATUS_OK;
    }
    bundle->room += room;
    bundle->n_bundled = bundle->pieces.n;
    /* what was taken can't be put back: no room for one more like these */
    if (bundle->room / bundle->n > bundle->limit_bytes - bundle->room)
        bundle->full = true;
    return STATUS_OK;
}

const struct piece_ref *bundle_pieces(const struct bundle *bundle, size_t number, size_t *out_n)
{
    size_t first = number ? bundle->ends[number - 1] : 0;
    *out_n = bundle->ends[number] - first;
    return bundle->pieces.items + first;
}

/* ---- reading ---- */

static int by_place(const void *a, const void *b)
{
    const struct near_piece *x = a, *y = b;
    if (x->split != y->split)
        return x->split < y->split ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static status order_pieces(struct bundle *bundle, size_t *out_n, struct error *err)
{
    size_t n = 0;
    if (bundle->capacity < bundle->n_bundled) {
        mem_free(bundle->order);
        bundle->order = mem_realloc_array(NULL, bundle->n_bundled, sizeof(*bundle->order));
        bundle->capacity = bundle->order ? bundle->n_bundled : 0;
        if (!bundle->order)
            return error_no_memory(err);
    }
    for (size_t i = 0; i < bundle->n_bundled; i++) {
        const struct piece_ref *ref = &bundle->pieces.items[i];
        if (ref->piece.kind == PIECE_PLAIN)
            bundle->order[n++] = (struct near_piece){.offset = ref->piece.offset,
                                                     .bytes = ref->piece.bytes,
                                                     .split = ref->split,
                                                     .number = (uint32_t)i};
    }
    if (n > 0)
        qsort(bundle->order, n, sizeof(*bundle->order), by_place);
    *out_n = n;
    return STATUS_OK;
}

/* How many of NEXT[0..n) one read brings, and how many bytes that are. */
static size_t reach(const struct near_piece *next, size_t n, uint64_t *out_bytes)
{
    uint64_t end = next->offset + next->bytes, allowed = allowed_hole(next->bytes);
    size_t i = 1;
    for (; i < n && next[i].split == next->split; i++) {
        uint64_t hole = next[i].offset - end;
        allowed += allowed_hole(next[i].bytes);
        if (hole > allowed)
            break;
        allowed -= hole;
        end = next[i].offset + next[i].bytes;
    }
    *out_bytes = end - next->offset;
    return i;
}

status bundle_read(struct bundle *bundle, segment_read_fn read, void *context, struct error *err)
{
    size_t n;
    uint64_t bytes, at = 0;
    if (bundle->read)
        return STATUS_OK;
    TRY(order_pieces(bundle, &n, err));
    TRY(buffer_reserve(&bundle->bytes, bundle->room + 1, err));
    for (size_t i = 0, more; i < n; i += more, at += bytes) {
        const struct near_piece *first = &bundle->order[i];
        more = reach(first, n - i, &bytes);
        TRY(read(context, first->split, first->offset, bundle->bytes.data + at, bytes, err));
        for (size_t k = 0; k < more; k++)
            bundle->pieces.items[first[k].number].place =
                (uint32_t)(at + first[k].offset - first->offset);
    }
    bundle->read = true;
    return STATUS_OK;
}

const uint8_t *bundle_bytes(const struct bundle *bundle, const struct piece_ref *ref)
{
    bool bundled = (size_t)(ref - bundle->pieces.items) < bundle->n_bundled;
    return bundle->read && bundled ? bundle->bytes.data + ref->place : NULL;
}
