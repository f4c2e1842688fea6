#include "source/sqlite/scan.h"

#include <string.h>

#include "base/bytes.h"

enum {
    WINDOW_BYTES = 256 * 1024,
    TABLE_INTERIOR = 0x05,
    TABLE_LEAF = 0x0d,
    INTERIOR_HEADER_BYTES = 12,
    LEAF_HEADER_BYTES = 8,
    LEAST_INTERIOR_CELL = 5, /* a child and one byte of key */
    LEAST_LEAF_CELL = 4,     /* SQLite gives no cell less */
};

static inline uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

/* ---- interior pages ---- */

static const uint8_t *interior_cell(const struct scan_level *level, uint32_t i)
{
    return level->page + u16(level->page + INTERIOR_HEADER_BYTES + 2 * i);
}

static int64_t interior_key(const struct scan_level *level, uint32_t i)
{
    uint64_t key;
    (void)scan_varint(interior_cell(level, i) + 4, &key);
    return (int64_t)key;
}

static uint32_t child_page(const struct scan_level *level, uint32_t i)
{
    return load_u32be(i < level->cells ? interior_cell(level, i) : level->page + 8);
}

/* Keys rise and stay between those of the parent; the first child to visit is the one that can hold FIRST. */
static status check_interior(struct table_scan *scan, struct scan_level *level, struct error *err)
{
    uint32_t usable = scan->map->usable_size;
    level->cells = u16(level->page + 3);
    level->next = 0;
    if (level->cells == 0 || INTERIOR_HEADER_BYTES + 2 * level->cells > usable)
        return page_malformed(level->number, err, "%u cells", level->cells);
    int64_t before = level->above;
    for (uint32_t i = 0; i < level->cells; i++) {
        uint32_t at = u16(level->page + INTERIOR_HEADER_BYTES + 2 * i);
        if (at < INTERIOR_HEADER_BYTES + 2 * level->cells || at > usable - LEAST_INTERIOR_CELL)
            return page_malformed(level->number, err, "cell %u is outside the page", i);
        int64_t key = interior_key(level, i);
        bool first = i == 0 && before == INT64_MIN; /* nothing is below the least key there is */
        if ((first ? key < before : key <= before) || key > level->last)
            return page_malformed(level->number, err, "key %lld is out of order", (long long)key);
        before = key;
        if (key < scan->first)
            level->next = i + 1;
    }
    return STATUS_OK;
}

/* The child that LEVEL is to visit next, with the keys it may hold. */
static struct scan_leaf child_of(const struct scan_level *level)
{
    uint32_t i = level->next;
    return (struct scan_leaf){
        .number = child_page(level, i),
        .above = i ? interior_key(level, i - 1) : level->above,
        .last = i < level->cells ? interior_key(level, i) : level->last,
    };
}

static status load_interior(struct table_scan *scan, size_t depth, struct scan_leaf from,
                            struct error *err)
{
    struct scan_level *level = &scan->levels[depth];
    if (!level->page) {
        level->page = mem_zalloc(scan->map->page_size + SCAN_PADDING_BYTES);
        if (!level->page)
            return error_no_memory(err);
    }
    level->number = from.number;
    level->above = from.above;
    level->last = from.last;
    TRY(page_source_read(&scan->source, &from.number, 1, level->page, err));
    if (level->page[0] != TABLE_INTERIOR)
        return page_malformed(from.number, err, "type %u where an interior page of a table belongs",
                              level->page[0]);
    return check_interior(scan, level, err);
}

/* Down from the root along the children that can hold the first row: how deep the leaves are. */
static status descend(struct table_scan *scan, struct error *err)
{
    struct scan_leaf at = {.number = scan->root, .above = INT64_MIN, .last = INT64_MAX};
    for (;;) {
        TRY(page_source_read(&scan->source, &at.number, 1, scan->window, err));
        if (scan->window[0] == TABLE_LEAF)
            break;
        if (scan->depth == SCAN_MAX_DEPTH)
            return page_malformed(at.number, err, "deeper than %d levels", SCAN_MAX_DEPTH);
        if (scan->depth > 0)
            scan->levels[scan->depth - 1].next++;
        TRY(load_interior(scan, scan->depth, at, err));
        at = child_of(&scan->levels[scan->depth++]);
    }
    return STATUS_OK;
}

/* The lowest level stands on a child that is not visited yet; END: there is none. */
static status next_branch(struct table_scan *scan, struct error *err)
{
    size_t depth = scan->depth;
    while (depth > 0 && scan->levels[depth - 1].next > scan->levels[depth - 1].cells)
        depth--;
    if (depth == 0)
        return STATUS_END;
    for (; depth < scan->depth; depth++) {
        struct scan_level *above = &scan->levels[depth - 1];
        struct scan_leaf at = child_of(above);
        above->next++;
        TRY(load_interior(scan, depth, at, err));
    }
    return STATUS_OK;
}

/* ---- leaves ---- */

static status list_leaves(struct table_scan *scan, struct error *err)
{
    scan->n_leaves = 0;
    if (scan->depth == 0) {
        scan->leaves[0] =
            (struct scan_leaf){.number = scan->root, .above = INT64_MIN, .last = INT64_MAX};
        scan->n_leaves = 1;
        scan->at_end = true;
    }
    while (!scan->at_end && scan->n_leaves < scan->window_pages) {
        status_code s = next_branch(scan, err);
        if (s == STATUS_END) {
            scan->at_end = true;
            break;
        }
        TRY(s);
        struct scan_level *lowest = &scan->levels[scan->depth - 1];
        struct scan_leaf leaf = child_of(lowest);
        lowest->next++;
        scan->leaves[scan->n_leaves++] = leaf;
        scan->at_end = leaf.last >= scan->last;
    }
    return STATUS_OK;
}

static status open_leaf(struct table_scan *scan, struct error *err)
{
    const struct scan_leaf *leaf = &scan->leaves[scan->leaf];
    const uint8_t *page = scan->window + scan->leaf * scan->map->page_size;
    if (page[0] != TABLE_LEAF)
        return page_malformed(leaf->number, err, "type %u where a leaf page of a table belongs",
                              page[0]);
    scan->cell = 0;
    scan->cells = u16(page + 3);
    scan->key = leaf->above;
    if (LEAF_HEADER_BYTES + 2 * scan->cells > scan->map->usable_size)
        return page_malformed(leaf->number, err, "%u cells", scan->cells);
    return STATUS_OK;
}

static status fill_window(struct table_scan *scan, struct error *err)
{
    if (scan->at_end)
        return STATUS_END;
    TRY(list_leaves(scan, err));
    if (scan->n_leaves == 0)
        return STATUS_END;
    for (size_t i = 0; i < scan->n_leaves; i++)
        scan->numbers[i] = scan->leaves[i].number;
    TRY(page_source_read(&scan->source, scan->numbers, scan->n_leaves, scan->window, err));
    scan->leaf = 0;
    return open_leaf(scan, err);
}

/* How much of a payload too long for its page stays there (1.6, "U is the usable size of a page"). */
static uint32_t local_of(uint32_t usable, uint64_t payload)
{
    uint32_t most = usable - 35;
    if (payload <= most)
        return (uint32_t)payload;
    uint32_t least = (usable - 12) * 32 / 255 - 23;
    uint32_t kept = least + (uint32_t)((payload - least) % (usable - 4));
    return kept <= most ? kept : least;
}

/* The cell at OFFSET of PAGE, whose number is LEAF's. */
static inline status read_cell(struct table_scan *scan, const uint8_t *page, uint32_t offset,
                               struct scan_row *row, struct error *err)
{
    const struct scan_leaf *leaf = &scan->leaves[scan->leaf];
    uint32_t usable = scan->map->usable_size;
    if (offset < LEAF_HEADER_BYTES + 2 * scan->cells || offset > usable - LEAST_LEAF_CELL)
        return page_malformed(leaf->number, err, "cell %u is outside the page", scan->cell);
    uint64_t rowid;
    size_t at = offset + scan_varint(page + offset, &row->payload_bytes);
    at += scan_varint(page + at, &rowid);
    row->rowid = (int64_t)rowid;
    row->payload = page + at;
    row->page = leaf->number;
    row->local_bytes = local_of(usable, row->payload_bytes);
    row->overflow = 0;
    bool least = row->rowid == INT64_MIN && scan->key == INT64_MIN && scan->cell == 0;
    bool rises = row->rowid > scan->key || least;
    if (!rises || row->rowid > leaf->last)
        return page_malformed(leaf->number, err, "rowid %lld is out of order",
                              (long long)row->rowid);
    if (row->payload_bytes > row->local_bytes) {
        if (at + row->local_bytes + 4 > usable ||
            row->payload_bytes / usable > scan->map->page_count)
            return page_malformed(leaf->number, err, "cell %u is outside the page", scan->cell);
        row->overflow = load_u32be(page + at + row->local_bytes);
    } else if (at + row->local_bytes > usable) {
        return page_malformed(leaf->number, err, "cell %u is outside the page", scan->cell);
    }
    scan->key = row->rowid;
    return STATUS_OK;
}

/* Rows of the current leaf; *OUT_N grows. Rows before the range are passed over, those behind it end the walk. */
static status rows_of_leaf(struct table_scan *scan, struct scan_row *rows, size_t max,
                           size_t *out_n, struct error *err)
{
    const uint8_t *page = scan->window + scan->leaf * scan->map->page_size;
    for (; scan->cell < scan->cells && *out_n < max; scan->cell++) {
        struct scan_row *row = &rows[*out_n];
        TRY(read_cell(scan, page, u16(page + LEAF_HEADER_BYTES + 2 * scan->cell), row, err));
        if (row->rowid < scan->first)
            continue;
        if (row->rowid > scan->last) {
            scan->leaf = scan->n_leaves;
            scan->at_end = true;
            return STATUS_OK;
        }
        (*out_n)++;
    }
    return STATUS_OK;
}

status table_scan_rows(struct table_scan *scan, struct scan_row *rows, size_t max, size_t *out_n,
                       struct error *err)
{
    *out_n = 0;
    while (*out_n < max) {
        if (scan->leaf == scan->n_leaves) {
            if (*out_n > 0)
                return STATUS_OK; /* the window must stay while they are looked at */
            TRY(fill_window(scan, err));
        }
        TRY(rows_of_leaf(scan, rows, max, out_n, err));
        if (scan->leaf < scan->n_leaves && scan->cell == scan->cells &&
            ++scan->leaf < scan->n_leaves)
            TRY(open_leaf(scan, err));
    }
    return STATUS_OK;
}

status table_scan_open(struct table_scan *scan, sqlite3 *db, const struct page_map *map,
                       uint32_t root, int64_t first, int64_t last, struct error *err)
{
    *scan = (struct table_scan){.map = map, .root = root, .first = first, .last = last};
    scan->window_pages = map->page_size < WINDOW_BYTES ? WINDOW_BYTES / map->page_size : 1;
    scan->window = mem_zalloc(scan->window_pages * map->page_size + SCAN_PADDING_BYTES);
    scan->leaves = mem_zalloc(scan->window_pages * sizeof(*scan->leaves));
    scan->numbers = mem_zalloc(scan->window_pages * sizeof(*scan->numbers));
    if (!scan->window || !scan->leaves || !scan->numbers)
        return error_no_memory(err);
    TRY(page_source_open(&scan->source, db, map, err));
    if (first > last) {
        scan->at_end = true;
        return STATUS_OK;
    }
    return descend(scan, err);
}

void table_scan_close(struct table_scan *scan)
{
    page_source_close(&scan->source);
    for (size_t i = 0; i < SCAN_MAX_DEPTH; i++)
        mem_free(scan->levels[i].page);
    mem_free(scan->window);
    mem_free(scan->leaves);
    mem_free(scan->numbers);
    *scan = (struct table_scan){0};
}
