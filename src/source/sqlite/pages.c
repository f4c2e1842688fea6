#include "source/sqlite/pages.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum {
    INDEX_REGION_BYTES = 32768,
    INDEX_FIRST_ENTRY = 136,    /* behind two headers and the state of checkpoints */
    INDEX_BACKFILL_OFFSET = 96, /* frames that a checkpoint has copied into the file */
    INDEX_REGION_FRAMES = 4096, /* page numbers in a region; the first has less room */
    INDEX_FIRST_FRAMES = INDEX_REGION_FRAMES - INDEX_FIRST_ENTRY / 4,
    WAL_FILE_HEADER_BYTES = 32,
    WAL_FRAME_HEADER_BYTES = 24,
    MAX_FRAMES = 1 << 20, /* a longer WAL is read through SQL: the map would be over 16 MiB */
    DATABASE_HEADER_BYTES = 100,
    LEAST_USABLE_BYTES = 480,
};

/* ---- SQLite's own file handles ---- */

static sqlite3_file *file_of(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db, "main", which, (void *)&file);
    return rc == SQLITE_OK && file && file->pMethods ? file : NULL;
}

/* Region I of the WAL index; NULL: not to be had. */
static const uint8_t volatile *index_region(sqlite3_file *file, int i)
{
    void volatile *region = NULL;
    if (file->pMethods->iVersion < 2 || !file->pMethods->xShmMap ||
        file->pMethods->xShmMap(file, i, INDEX_REGION_BYTES, 0, &region) != SQLITE_OK)
        return NULL;
    return region;
}

bool wal_header_read(sqlite3 *db, struct wal_header *out)
{
    sqlite3_file *file = file_of(db, SQLITE_FCNTL_FILE_POINTER);
    const uint8_t volatile *region = file ? index_region(file, 0) : NULL;
    for (int i = 0; region && i < 1000; i++) {
        uint8_t both[2 * WAL_HEADER_BYTES];
        for (size_t b = 0; b < sizeof(both); b++)
            both[b] = region[b];
        file->pMethods->xShmBarrier(file);
        if (memcmp(both, both + WAL_HEADER_BYTES, WAL_HEADER_BYTES) == 0) {
            memcpy(out->bytes, both, WAL_HEADER_BYTES);
            return true;
        }
    }
    return false;
}

uint32_t wal_header_last_frame(const struct wal_header *header)
{
    return load_u32le(header->bytes + 16);
}

static uint32_t load_shared(const uint8_t volatile *p)
{
    return __atomic_load_n((const uint32_t volatile *)(const void volatile *)p, __ATOMIC_ACQUIRE);
}

/* ---- the map ---- */

static inline uint32_t slot_of(const struct page_map *map, uint32_t page)
{
    uint32_t slot = (page * UINT32_C(2654435761)) & map->mask;
    while (map->frames[2 * slot] != 0 && map->frames[2 * slot] != page)
        slot = (slot + 1) & map->mask;
    return slot;
}

/* The frame of PAGE, 0: it is in the file. */
static inline uint32_t frame_of(const struct page_map *map, uint32_t page)
{
    return map->frames ? map->frames[2 * slot_of(map, page) + 1] : 0;
}

/* The page numbers of frames 1.. stand in the WAL index in that order; a later frame replaces an earlier. */
static status map_frames(sqlite3_file *file, uint32_t n_frames, struct page_map *map,
                         struct error *err)
{
    uint32_t slots = 64;
    while (slots < 2 * n_frames)
        slots *= 2;
    map->frames = mem_zalloc((size_t)slots * 2 * sizeof(uint32_t));
    if (!map->frames)
        return error_no_memory(err);
    map->mask = slots - 1;
    uint32_t frame = 1;
    for (int i = 0; frame <= n_frames; i++) {
        const uint8_t volatile *region = index_region(file, i);
        uint32_t here = i == 0 ? INDEX_FIRST_FRAMES : INDEX_REGION_FRAMES;
        size_t at = i == 0 ? INDEX_FIRST_ENTRY : 0;
        if (!region) {
            map->unusable = "the WAL index cannot be read";
            return STATUS_OK;
        }
        for (; here > 0 && frame <= n_frames; here--, frame++, at += 4) {
            uint32_t page = load_shared(region + at);
            if (page == 0) {
                map->unusable = "the WAL index does not match its WAL";
                return STATUS_OK;
            }
            uint32_t slot = slot_of(map, page);
            map->frames[2 * slot] = page;
            map->frames[2 * slot + 1] = frame;
        }
    }
    return STATUS_OK;
}

/* Which of the two states of a reader in WAL mode is this one (SQLite, walTryBeginRead)?
 *
 *   nBackfill = mxFrame   all frames are in the file. A reader that took mark 0 keeps checkpoints away from the
 *                         file; one with a later mark lets them copy frames up to its mark only, and those are
 *                         copied already. So the file is the snapshot, whatever becomes of the WAL.
 *   nBackfill < mxFrame   it was less when the reader began, too (it only grows while the header stays equal), so
 *                         the reader has a mark above 0 and the WAL is not begun anew before it ends: frames 1 to
 *                         mxFrame stay. What a checkpoint may copy are frames up to the mark, and pages that have
 *                         a frame are not read from the file.
 *
 * Needs: the header was equal before the transaction began and is so now. */
static status map_wal(sqlite3 *db, const struct wal_header *header, struct page_map *map,
                      struct error *err)
{
    struct wal_header now;
    sqlite3_file *file = file_of(db, SQLITE_FCNTL_FILE_POINTER);
    const uint8_t volatile *region = file ? index_region(file, 0) : NULL;
    uint32_t n_frames = wal_header_last_frame(header);
    if (!region) {
        map->unusable = "the WAL index cannot be read";
        return STATUS_OK;
    }
    memcpy(map->salt, header->bytes + 32, sizeof(map->salt));
    uint32_t backfilled = load_shared(region + INDEX_BACKFILL_OFFSET);
    if (!wal_header_read(db, &now) || memcmp(&now, header, sizeof(now)) != 0)
        map->unusable = "writers commit too often to prove which pages are the snapshot's";
    else if (backfilled > n_frames)
        map->unusable = "the WAL index does not match its WAL";
    else if (backfilled < n_frames && n_frames > MAX_FRAMES)
        map->unusable = "the WAL holds more than a million pages; a checkpoint mends that";
    else if (backfilled < n_frames)
        return map_frames(file, n_frames, map, err);
    return STATUS_OK;
}

/* Does page 1 say what SQLite says? Encrypted files and extensions of the format don't. */
static status check_first_page(sqlite3 *db, struct page_map *map, struct error *err)
{
    SCOPED(mem_freep) uint8_t *page = mem_zalloc(map->page_size);
    struct page_source source;
    struct error ignored = {0};
    if (!page)
        return error_no_memory(err);
    status_code s = page_source_open(&source, db, map, err);
    if (s == STATUS_NO_MEMORY)
        return s;
    if (s == STATUS_OK)
        s = page_source_read(&source, (uint32_t[]){1}, 1, page, &ignored);
    page_source_close(&source);
    uint32_t size = (uint32_t)page[16] << 8 | page[17];
    if (s != STATUS_OK)
        map->unusable = "the file cannot be read directly";
    else if (memcmp(page, "SQLite format 3", 16) != 0 ||
             (size == 1 ? 65536 : size) != map->page_size || page[21] != 64 || page[22] != 32 ||
             page[23] != 32)
        map->unusable = "the file is not in SQLite's plain format";
    else if (load_u32be(page + 56) > 1)
        map->unusable = "its text is UTF-16";
    else if (map->page_size - page[20] < LEAST_USABLE_BYTES)
        map->unusable = "too much of each page is reserved";
    map->usable_size = map->page_size - page[20];
    return STATUS_OK;
}

status page_map_make(sqlite3 *db, const struct wal_header *header, struct page_map *out,
                     struct error *err)
{
    struct page_map map = {0};
    int64_t page_size, page_count;
    char *vfs = NULL;
    *out = map;
    TRY(sqlite_number(db, "PRAGMA main.page_size", &page_size, err));
    TRY(sqlite_number(db, "PRAGMA main.page_count", &page_count, err));
    map.page_size = (uint32_t)page_size;
    map.page_count = (uint32_t)page_count;
    bool plain =
        sqlite3_file_control(db, "main", SQLITE_FCNTL_VFSNAME, (void *)&vfs) == SQLITE_OK && vfs &&
        strcmp(vfs, "unix") == 0;
    sqlite3_free(vfs);
    status_code s = STATUS_OK;
    if (!plain)
        map.unusable = "its file is behind an extension of SQLite";
    else if (page_count < 1)
        map.unusable = "the database is empty";
    else if (header)
        s = map_wal(db, header, &map, err);
    if (s == STATUS_OK && !map.unusable)
        s = check_first_page(db, &map, err);
    if (s == STATUS_OK)
        *out = map;
    else
        page_map_release(&map);
    return s;
}

size_t page_map_bytes(const struct page_map *map)
{
    return map->frames ? 2 * sizeof(*map->frames) * ((size_t)map->mask + 1) : 0;
}

void page_map_release(struct page_map *map)
{
    mem_free(map->frames);
    *map = (struct page_map){0};
}

/* ---- reading ---- */

status page_malformed(uint32_t page, struct error *err, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    return error_set(err, STATUS_BAD_DATA,
                     "database disk image is malformed: page %u: %s; PRAGMA integrity_check tells "
                     "more, .recover of the sqlite3 program saves what can be saved",
                     page, what);
}

status page_source_open(struct page_source *source, sqlite3 *db, const struct page_map *map,
                        struct error *err)
{
    *source = (struct page_source){.map = map};
    source->file = file_of(db, SQLITE_FCNTL_FILE_POINTER);
    if (!source->file)
        return error_set(err, STATUS_UNAVAILABLE, "SQLite lends no handle of the database file");
    if (!map->frames)
        return STATUS_OK;
    source->wal = file_of(db, SQLITE_FCNTL_JOURNAL_POINTER);
    if (!source->wal)
        return error_set(err, STATUS_UNAVAILABLE, "SQLite lends no handle of the WAL");
    source->frame = mem_alloc(WAL_FRAME_HEADER_BYTES + map->page_size);
    return source->frame ? STATUS_OK : error_no_memory(err);
}

void page_source_close(struct page_source *source)
{
    mem_free(source->frame);
    *source = (struct page_source){0};
}

static status cannot_read(int rc, uint32_t page, struct error *err)
{
    if (rc == SQLITE_IOERR_SHORT_READ)
        return page_malformed(page, err, "behind the end of the file");
    status_code s =
        error_set(err, STATUS_UNAVAILABLE, "cannot read page %u: %s", page, sqlite3_errstr(rc));
    if (err)
        err->source_code = rc;
    return s;
}

static status read_frame(struct page_source *source, uint32_t page, uint32_t frame, uint8_t *out,
                         struct error *err)
{
    uint32_t page_size = source->map->page_size;
    sqlite3_int64 at =
        WAL_FILE_HEADER_BYTES + (sqlite3_int64)(frame - 1) * (WAL_FRAME_HEADER_BYTES + page_size);
    int rc = source->wal->pMethods->xRead(source->wal, source->frame,
                                          (int)(WAL_FRAME_HEADER_BYTES + page_size), at);
    if (rc != SQLITE_OK)
        return cannot_read(rc, page, err);
    if (load_u32be(source->frame) != page || memcmp(source->frame + 8, source->map->salt, 8) != 0)
        return page_malformed(page, err, "frame %u of the WAL is not the one of the index", frame);
    memcpy(out, source->frame + WAL_FRAME_HEADER_BYTES, page_size);
    return STATUS_OK;
}

/* How many of NUMBERS lie side by side in the file, from the first on. */
static size_t neighbours(const struct page_map *map, const uint32_t *numbers, size_t n)
{
    size_t run = 1;
    while (run < n && numbers[run] == numbers[0] + run && frame_of(map, numbers[run]) == 0)
        run++;
    return run;
}

status page_source_read(struct page_source *source, const uint32_t *numbers, size_t n, uint8_t *out,
                        struct error *err)
{
    const struct page_map *map = source->map;
    for (size_t i = 0; i < n;) {
        uint32_t page = numbers[i];
        uint8_t *into = out + i * map->page_size;
        if (page < 1 || page > map->page_count)
            return page_malformed(page, err, "the database has %u pages", map->page_count);
        uint32_t frame = frame_of(map, page);
        size_t run = frame ? 1 : neighbours(map, numbers + i, n - i);
        if (page + run - 1 > map->page_count)
            run = map->page_count - page + 1;
        if (frame) {
            TRY(read_frame(source, page, frame, into, err));
        } else {
            int rc = source->file->pMethods->xRead(source->file, into, (int)(run * map->page_size),
                                                   (sqlite3_int64)(page - 1) * map->page_size);
            if (rc != SQLITE_OK)
                return cannot_read(rc, page, err);
        }
        i += run;
    }
    return STATUS_OK;
}
