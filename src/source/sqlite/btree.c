#include "source/sqlite/btree.h"

#include <string.h>

#include "base/bytes.h"
#include "source/sqlite/scan.h"

enum {
    MAX_PAGES_READ = 1200,
    MAX_NODES = 8192, /* of the last level; more of them make no better cuts */
    MAX_DEPTH = 20,
    LEAF_SAMPLES = 24,
    TABLE_INTERIOR = 0x05,
    TABLE_LEAF = 0x0d,
    INTERIOR_HEADER_BYTES = 12,
    LEAST_CELL_BYTES = 5, /* a child number and one byte of key */
    PADDING_BYTES = 16,   /* behind the page: a number cut off there reads zeros */
};

/* A subtree and the largest rowid in it; the last one of a level has no such key. */
struct node {
    uint32_t page;
    int64_t last_key;
};

struct level {
    struct node *nodes;
    size_t n, capacity;
    size_t step;    /* each node stands for so many */
    size_t skipped; /* since the last one that was kept */
};

struct file_reader {
    sqlite3_file *file;
    uint8_t *page;
    int page_size;
    uint32_t page_count;
    size_t pages_read;
};

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static int64_t varint(const uint8_t *p)
{
    uint64_t value;
    (void)scan_varint(p, &value);
    return (int64_t)value;
}

/* The page's type, or 0 when it can't be read. */
static int read_page(struct file_reader *reader, uint32_t number)
{
    if (number < 2 || number > reader->page_count || reader->pages_read >= 2 * MAX_PAGES_READ)
        return 0;
    reader->pages_read++;
    sqlite3_int64 offset = (sqlite3_int64)(number - 1) * reader->page_size;
    if (reader->file->pMethods->xRead(reader->file, reader->page, reader->page_size, offset) !=
        SQLITE_OK)
        return 0;
    return reader->page[0];
}

static status push(struct level *level, struct node node, struct error *err)
{
    if (level->n == level->capacity) {
        size_t capacity = level->capacity ? level->capacity * 2 : 256;
        struct node *nodes = mem_realloc_array(level->nodes, capacity, sizeof(*nodes));
        if (!nodes)
            return error_no_memory(err);
        level->nodes = nodes;
        level->capacity = capacity;
    }
    level->nodes[level->n++] = node;
    return STATUS_OK;
}

/* Append the children of the interior page that was just read. A cell that makes no sense is skipped. */
static status push_children(const struct file_reader *reader, int64_t last_key, struct level *out,
                            struct error *err)
{
    const uint8_t *page = reader->page;
    uint32_t cells = u16(page + 3);
    uint32_t limit = (uint32_t)reader->page_size - LEAST_CELL_BYTES;
    if (INTERIOR_HEADER_BYTES + cells * 2 > limit)
        return STATUS_OK;
    for (uint32_t i = 0; i < cells; i++) {
        if (++out->skipped < out->step)
            continue;
        out->skipped = 0;
        uint32_t at = u16(page + INTERIOR_HEADER_BYTES + i * 2);
        if (at < INTERIOR_HEADER_BYTES || at > limit)
            continue;
        struct node node = {.page = load_u32be(page + at), .last_key = varint(page + at + 4)};
        if (node.last_key <= last_key)
            TRY(push(out, node, err));
    }
    if (++out->skipped < out->step)
        return STATUS_OK;
    out->skipped = 0;
    return push(out, (struct node){.page = load_u32be(page + 8), .last_key = last_key}, err);
}

/* One level down; *OUT_DEEPER false: the nodes are leaves, or reading them would take too long. */
static status descend(struct file_reader *reader, struct level *level, bool *out_deeper,
                      struct error *err)
{
    *out_deeper = false;
    if (level->n == 0 || level->n > MAX_PAGES_READ || level->step > 1 ||
        read_page(reader, level->nodes[0].page) != TABLE_INTERIOR)
        return STATUS_OK;
    size_t children = level->n * (u16(reader->page + 3) + (size_t)1);
    struct level below = {.step = children / MAX_NODES + 1};
    status_code s = STATUS_OK;
    for (size_t i = 0; i < level->n && s == STATUS_OK; i++) {
        if (read_page(reader, level->nodes[i].page) == TABLE_INTERIOR)
            s = push_children(reader, level->nodes[i].last_key, &below, err);
    }
    mem_free(level->nodes);
    *level = below;
    *out_deeper = s == STATUS_OK;
    return s;
}

/* Rows below one node: the fan-out along its first children, times the cells of the leaf. */
static double rows_below(struct file_reader *reader, uint32_t page, double *out_pages)
{
    *out_pages = 1;
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
        int type = read_page(reader, page);
        uint32_t cells = u16(reader->page + 3);
        if (type == TABLE_LEAF)
            return *out_pages * cells;
        if (type != TABLE_INTERIOR || cells == 0)
            return 0;
        *out_pages *= cells + 1;
        uint32_t at = u16(reader->page + INTERIOR_HEADER_BYTES);
        if (at + LEAST_CELL_BYTES > (uint32_t)reader->page_size)
            return 0;
        page = load_u32be(reader->page + at);
    }
    return 0;
}

static void estimate(struct file_reader *reader, const struct level *level, struct btree_hints *out)
{
    size_t samples = level->n < LEAF_SAMPLES ? level->n : LEAF_SAMPLES;
    double rows = 0, pages = 0;
    for (size_t i = 0; i < samples; i++) {
        double below;
        rows += rows_below(reader, level->nodes[i * level->n / samples].page, &below);
        pages += below;
    }
    if (samples) {
        double nodes = (double)level->n * (double)level->step;
        out->rows = rows / (double)samples * nodes;
        out->pages = pages / (double)samples * nodes;
    }
}

static status keys_of(const struct level *level, struct btree_hints *out, struct error *err)
{
    if (level->n < 2)
        return STATUS_OK;
    out->keys = mem_realloc_array(NULL, level->n, sizeof(*out->keys));
    if (!out->keys)
        return error_no_memory(err);
    for (size_t i = 0; i + 1 < level->n; i++) {
        int64_t key = level->nodes[i].last_key;
        if (out->n_keys == 0 || key > out->keys[out->n_keys - 1])
            out->keys[out->n_keys++] = key;
    }
    return STATUS_OK;
}

static status walk(struct file_reader *reader, int64_t root_page, struct btree_hints *out,
                   struct error *err)
{
    struct level level = {.step = 1};
    status_code s =
        push(&level, (struct node){.page = (uint32_t)root_page, .last_key = INT64_MAX}, err);
    bool deeper = s == STATUS_OK;
    for (int depth = 0; deeper && s == STATUS_OK && depth < MAX_DEPTH; depth++)
        s = descend(reader, &level, &deeper, err);
    if (s == STATUS_OK) {
        estimate(reader, &level, out);
        s = keys_of(&level, out, err);
    }
    mem_free(level.nodes);
    return s;
}

status btree_read_hints(sqlite3 *db, int64_t root_page, struct btree_hints *out, struct error *err)
{
    *out = (struct btree_hints){0};
    int64_t page_size, page_count;
    struct file_reader reader = {0};
    TRY(sqlite_number(db, "PRAGMA main.page_size", &page_size, err));
    TRY(sqlite_number(db, "PRAGMA main.page_count", &page_count, err));
    if (root_page < 2 || root_page > page_count || page_size < 512 || page_size > 65536 ||
        sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &reader.file) != SQLITE_OK ||
        !reader.file || !reader.file->pMethods)
        return STATUS_OK;
    SCOPED(mem_freep) uint8_t *page = mem_zalloc((size_t)page_size + PADDING_BYTES);
    if (!page)
        return error_no_memory(err);
    reader.page = page;
    reader.page_size = (int)page_size;
    reader.page_count = (uint32_t)page_count;
    /* Another thread may use the connection's file handle through SQLite. */
    sqlite3_mutex_enter(sqlite3_db_mutex(db));
    status_code s = walk(&reader, root_page, out, err);
    sqlite3_mutex_leave(sqlite3_db_mutex(db));
    if (s != STATUS_OK)
        btree_hints_release(out);
    return s;
}

void btree_hints_release(struct btree_hints *hints)
{
    mem_free(hints->keys);
    *hints = (struct btree_hints){0};
}
