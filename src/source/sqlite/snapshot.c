#include "source/sqlite/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/file_ops.h"

enum {
    TRIES = 50,
    MAX_READERS = 256,
    COPY_STEP_PAGES = 4096,
};

void snapshot_init(struct sqlite_snapshot *snapshot)
{
    *snapshot = (struct sqlite_snapshot){0};
    pthread_mutex_init(&snapshot->mutex, NULL);
    pthread_cond_init(&snapshot->freed, NULL);
}

/* ---- SQLite's own file handles ----
 * Never a descriptor of our own: closing one would drop every lock this process holds on that file. */

static sqlite3_file *main_file(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return rc == SQLITE_OK && file && file->pMethods ? file : NULL;
}

status sqlite_in_wal_mode(sqlite3 *db, bool *out, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(sqlite_prepare(db, "PRAGMA main.journal_mode", &statement, err));
    TRY(sqlite_step(statement, err));
    const char *mode = (const char *)sqlite3_column_text(statement, 0);
    *out = mode && strcmp(mode, "wal") == 0;
    return STATUS_OK;
}

/* ---- token ----
 * Equal tokens mean equal content:
 *   rollback   every commit raises the change counter; inode, size and times tell files with equal counters apart.
 *   WAL        with frames in the WAL: its salts, the number of the last frame and the running checksum over all
 *              frames name the content (what lies below them in the file can only be a checkpoint of the same
 *              frames). Without: the file itself, by its times, because WAL commits need not raise the counter.
 * A checkpoint changes the token though not the content: that costs a second reading, no more. */

static status make_token(sqlite3 *db, const char *path, bool wal, const struct wal_header *header,
                         char **out, struct error *err)
{
    struct stat st;
    int64_t pages, schema;
    uint8_t counter[4] = {0};
    sqlite3_file *file = main_file(db);
    *out = NULL;
    if (!file || stat(path, &st) != 0)
        return STATUS_OK; /* a state that can't be named is not an error */
    TRY(sqlite_number(db, "PRAGMA main.page_count", &pages, err));
    TRY(sqlite_number(db, "PRAGMA main.schema_version", &schema, err));
    SCOPED(text_release) struct text token = {0};
    text_printf(&token, "sqlite1 inode=%llu pages=%lld schema=%lld", (unsigned long long)st.st_ino,
                (long long)pages, (long long)schema);
    uint32_t last_frame = wal ? wal_header_last_frame(header) : 0;
    if (wal && last_frame > 0) {
        text_printf(&token, " wal=%u checksum=%08x%08x salt=%08x%08x", last_frame,
                    load_u32le(header->bytes + 24), load_u32le(header->bytes + 28),
                    load_u32le(header->bytes + 32), load_u32le(header->bytes + 36));
    } else {
        if (file->pMethods->xRead(file, counter, sizeof(counter), 24) != SQLITE_OK)
            return STATUS_OK;
        text_printf(&token, " counter=%u size=%lld mtime=%lld.%09ld ctime=%lld.%09ld",
                    load_u32be(counter), (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                    st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
    }
    TRY(text_check(&token, err));
    *out = text_take(&token);
    return STATUS_OK;
}

/* ---- transactions on all connections ---- */

/* BEGIN takes no lock; the first read does. */
static status begin(sqlite3 *db, struct error *err)
{
    return sqlite_exec(db, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1", err);
}

static void end(sqlite3 *db)
{
    if (db && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

static void end_all(struct sqlite_snapshot *snapshot)
{
    end(snapshot->planner);
    for (uint32_t i = 0; snapshot->readers && i < snapshot->n_readers; i++)
        end(snapshot->readers[i]);
}

static status begin_readers(struct sqlite_snapshot *snapshot, struct error *err)
{
    for (uint32_t i = 0; i < snapshot->n_readers; i++)
        TRY(begin(snapshot->readers[i], err));
    return STATUS_OK;
}

static void drop_readers(struct sqlite_snapshot *snapshot)
{
    for (uint32_t i = 0; snapshot->readers && i < snapshot->n_readers; i++)
        sqlite_disconnectp(&snapshot->readers[i]);
    mem_free(snapshot->readers);
    mem_free(snapshot->taken);
    snapshot->readers = NULL;
    snapshot->taken = NULL;
    snapshot->n_readers = 0;
}

static status open_readers(struct sqlite_snapshot *snapshot, const char *path, int64_t busy_ms,
                           uint32_t wanted, struct error *err)
{
    snapshot->readers = mem_zalloc(wanted * sizeof(sqlite3 *));
    snapshot->taken = mem_zalloc(wanted * sizeof(bool));
    if (!snapshot->readers || !snapshot->taken)
        return error_no_memory(err);
    for (; snapshot->n_readers < wanted; snapshot->n_readers++)
        TRY(sqlite_connect(path, false, busy_ms, &snapshot->readers[snapshot->n_readers], err));
    return STATUS_OK;
}

static status read_with_planner(struct sqlite_snapshot *snapshot, struct error *err)
{
    drop_readers(snapshot);
    snapshot->taken = mem_zalloc(sizeof(bool));
    snapshot->n_readers = 1;
    snapshot->planner_reads = true;
    snapshot->pages.unusable = "writers commit too often to prove which pages are the snapshot's";
    snapshot->note =
        mem_strdup("writers commit too often to open several connections on one state: "
                   "this run reads over one connection");
    return snapshot->taken && snapshot->note ? STATUS_OK : error_no_memory(err);
}

/* ---- the three ways ---- */

static status say(struct sqlite_snapshot *snapshot, char *sentence, struct error *err)
{
    snapshot->consistency = sentence;
    return sentence ? STATUS_OK : error_no_memory(err);
}

/* OK with *OUT_EQUAL false: a commit came in between. */
static status try_wal(struct sqlite_snapshot *snapshot, bool *out_equal, struct wal_header *before,
                      struct error *err)
{
    struct wal_header after;
    *out_equal = false;
    TRY(begin(snapshot->planner, err));
    /* Between two commits the planner's transaction and this header may already differ: so it is read
     * before a second begin and compared with one read behind all of them. */
    end(snapshot->planner);
    if (!wal_header_read(snapshot->planner, before))
        return STATUS_OK;
    TRY(begin(snapshot->planner, err));
    TRY(begin_readers(snapshot, err));
    *out_equal =
        wal_header_read(snapshot->planner, &after) && memcmp(before, &after, sizeof(after)) == 0;
    return STATUS_OK;
}

static status fix_wal(struct sqlite_snapshot *snapshot, const struct snapshot_options *options,
                      uint32_t wanted, struct error *err)
{
    struct wal_header header;
    TRY(open_readers(snapshot, options->path, options->busy_ms, wanted, err));
    for (int i = 0; i < TRIES; i++) {
        bool equal;
        TRY(try_wal(snapshot, &equal, &header, err));
        if (equal) {
            TRY(page_map_make(snapshot->planner, &header, &snapshot->pages, err));
            TRY(make_token(snapshot->planner, options->path, true, &header, &snapshot->token, err));
            return say(snapshot,
                       mem_printf("%u connections read one state of the WAL database, proved by "
                                  "its WAL header; writers go on meanwhile",
                                  snapshot->n_readers),
                       err);
        }
        end_all(snapshot);
    }
    TRY(read_with_planner(snapshot, err));
    TRY(begin(snapshot->planner, err));
    return say(snapshot,
               mem_strdup("one connection reads one state of the WAL database; writers go on "
                          "meanwhile"),
               err);
}

/* The planner's SHARED lock fixes the state. A writer of this process that waits for it lets no further
 * reader in, so the others don't wait: all let go, and try again. */
static status try_hold(struct sqlite_snapshot *snapshot, int64_t busy_ms, struct error *err)
{
    TRY(begin(snapshot->planner, err));
    for (uint32_t i = 0; i < snapshot->n_readers; i++)
        sqlite3_busy_timeout(snapshot->readers[i], 0);
    status_code s = begin_readers(snapshot, err);
    for (uint32_t i = 0; i < snapshot->n_readers; i++)
        sqlite3_busy_timeout(snapshot->readers[i], (int)busy_ms);
    return s;
}

static status fix_hold(struct sqlite_snapshot *snapshot, const struct snapshot_options *options,
                       uint32_t wanted, struct error *err)
{
    TRY(open_readers(snapshot, options->path, options->busy_ms, wanted, err));
    int64_t deadline = clock_monotonic_ns() + options->busy_ms * 1000000;
    status_code s = try_hold(snapshot, options->busy_ms, err);
    while (s == STATUS_UNAVAILABLE && clock_monotonic_ns() < deadline) {
        end_all(snapshot);
        clock_sleep_ms(5);
        s = try_hold(snapshot, options->busy_ms, err);
    }
    TRY(s);
    bool wal;
    TRY(sqlite_in_wal_mode(snapshot->planner, &wal, err));
    if (wal)
        return error_set(err, STATUS_UNAVAILABLE, "the journal mode was changed to WAL just now");
    TRY(page_map_make(snapshot->planner, NULL, &snapshot->pages, err));
    TRY(make_token(snapshot->planner, options->path, false, NULL, &snapshot->token, err));
    return say(snapshot,
               mem_strdup("all connections hold a shared lock until everything is read; writers "
                          "wait meanwhile (consistency: copy lets them go on)"),
               err);
}

static status copy_pages(sqlite3 *from, sqlite3 *to, struct error *err)
{
    TRY(sqlite_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", err));
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup)
        return sqlite_fail(to, sqlite3_extended_errcode(to), err, "cannot copy the database");
    int rc;
    do {
        rc = sqlite3_backup_step(backup, COPY_STEP_PAGES);
    } while (rc == SQLITE_OK);
    sqlite3_backup_finish(backup);
    if (rc != SQLITE_DONE)
        return sqlite_fail(to, rc, err, "cannot copy the database");
    return sqlite_exec(to, "PRAGMA journal_mode=DELETE", err); /* the copy of a WAL database, too */
}

static status write_copy(sqlite3 *from, const char *path, struct error *err)
{
    SCOPED(sqlite_disconnectp) sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(path, &to,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_EXRESCODE,
                             NULL);
    if (rc != SQLITE_OK)
        return sqlite_fail(to, rc, err, "cannot create the copy %s", path);
    TRY_IN(copy_pages(from, to, err), err, "to %s (TMPDIR chooses the place)", path);
    return STATUS_OK;
}

/* The planner changes over to the copy once all connections to it are there. */
static status open_copy(struct sqlite_snapshot *snapshot, const char *path, int64_t busy_ms,
                        uint32_t wanted, struct error *err)
{
    SCOPED(sqlite_disconnectp) sqlite3 *planner = NULL;
    TRY(write_copy(snapshot->planner, path, err));
    TRY(sqlite_connect(path, true, busy_ms, &planner, err));
    TRY(begin(planner, err));
    TRY(open_readers(snapshot, path, busy_ms, wanted, err));
    TRY(begin_readers(snapshot, err));
    end(snapshot->planner);
    sqlite_disconnectp(&snapshot->planner);
    snapshot->planner = TAKE(planner);
    return STATUS_OK;
}

static status make_copy(struct sqlite_snapshot *snapshot, uint32_t wanted, struct error *err)
{
    const char *root = getenv("TMPDIR");
    char directory[4096];
    char path[4200];
    snprintf(directory, sizeof(directory), "%s/leat-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(directory))
        return error_os(err, errno, "cannot create a directory for the copy of the database in %s",
                        directory);
    snprintf(path, sizeof(path), "%s/copy.db", directory);
    status_code s = open_copy(snapshot, path, snapshot->options->busy_ms, wanted, err);
    /* the open connections keep the content; a crash leaves nothing */
    file_ops()->unlinkat(AT_FDCWD, path, 0);
    file_ops()->unlinkat(AT_FDCWD, directory, AT_REMOVEDIR);
    TRY(s);
    page_map_release(&snapshot->pages);
    return page_map_make(snapshot->planner, NULL, &snapshot->pages, err);
}

/* The copy itself waits for the first reader. Until then the planner's transaction is the state. */
static status fix_copy(struct sqlite_snapshot *snapshot, const struct snapshot_options *options,
                       bool wal, uint32_t wanted, struct error *err)
{
    if (!wal) /* in WAL mode the header may be younger than the transaction: rather no token than a wrong one */
        TRY(make_token(snapshot->planner, options->path, false, NULL, &snapshot->token, err));
    TRY(page_map_make(snapshot->planner, NULL, &snapshot->pages, err)); /* of the copy, as to be */
    snapshot->options = options;
    snapshot->copy_for = snapshot->n_readers = wanted;
    return say(snapshot,
               mem_strdup("read from a private copy, made under the plan's shared lock when the "
                          "first row is asked for; writers wait until then, no longer "
                          "(consistency: hold saves the copy)"),
               err);
}

/* The mutex is held; no plan is at work. */
static status copy_now(struct sqlite_snapshot *snapshot, struct error *err)
{
    uint32_t wanted = snapshot->copy_for;
    snapshot->n_readers = 0;
    status_code s = make_copy(snapshot, wanted, err);
    if (s == STATUS_OK) {
        snapshot->copy_for = 0;
        return STATUS_OK;
    }
    drop_readers(snapshot);
    snapshot->n_readers = wanted;
    return error_context(err, "in %s", snapshot->options->path);
}

static status choose(struct sqlite_snapshot *snapshot, const struct snapshot_options *options,
                     uint32_t wanted, struct error *err)
{
    bool wal;
    int64_t pages, page_size;
    TRY(sqlite_connect(options->path, true, options->busy_ms, &snapshot->planner, err));
    TRY(begin(snapshot->planner, err));
    TRY(sqlite_in_wal_mode(snapshot->planner, &wal, err));
    TRY(sqlite_number(snapshot->planner, "PRAGMA main.page_count", &pages, err));
    TRY(sqlite_number(snapshot->planner, "PRAGMA main.page_size", &page_size, err));
    bool copy = options->consistency == CONSISTENCY_COPY ||
                (options->consistency == CONSISTENCY_AUTO && !wal &&
                 (uint64_t)(pages * page_size) > options->hold_limit);
    if (copy)
        return fix_copy(snapshot, options, wal, wanted, err);
    end(snapshot->planner);
    if (!wal)
        return fix_hold(snapshot, options, wanted, err);
    return fix_wal(snapshot, options, wanted, err);
}

status snapshot_fix(struct sqlite_snapshot *snapshot, const struct snapshot_options *options,
                    uint32_t wanted, struct error *err)
{
    if (snapshot->fixed)
        return STATUS_OK;
    if (wanted < 1)
        wanted = 1;
    if (wanted > MAX_READERS)
        wanted = MAX_READERS;
    status_code s = choose(snapshot, options, wanted, err);
    if (s != STATUS_OK) {
        snapshot_end(snapshot);
        return error_context(err, "in %s", options->path);
    }
    snapshot->fixed = true;
    return STATUS_OK;
}

void snapshot_end(struct sqlite_snapshot *snapshot)
{
    end_all(snapshot);
    drop_readers(snapshot);
    sqlite_disconnectp(&snapshot->planner);
    page_map_release(&snapshot->pages);
    mem_free(snapshot->token);
    mem_free(snapshot->consistency);
    mem_free(snapshot->note);
    snapshot->token = snapshot->consistency = snapshot->note = NULL;
    snapshot->planner_reads = false;
    snapshot->copy_for = 0;
    snapshot->fixed = false;
}

sqlite3 *snapshot_plan_begin(struct sqlite_snapshot *snapshot)
{
    pthread_mutex_lock(&snapshot->mutex);
    snapshot->planning++;
    sqlite3 *planner = snapshot->planner;
    pthread_mutex_unlock(&snapshot->mutex);
    return planner;
}

void snapshot_plan_done(struct sqlite_snapshot *snapshot)
{
    pthread_mutex_lock(&snapshot->mutex);
    snapshot->planning--;
    pthread_cond_broadcast(&snapshot->freed);
    pthread_mutex_unlock(&snapshot->mutex);
}

void sqlite_snapshot_release(struct sqlite_snapshot *snapshot)
{
    snapshot_end(snapshot);
    pthread_cond_destroy(&snapshot->freed);
    pthread_mutex_destroy(&snapshot->mutex);
}

/* ---- connections for readers ---- */

static uint32_t free_connection(const struct sqlite_snapshot *snapshot)
{
    uint32_t i = 0;
    while (i < snapshot->n_readers && snapshot->taken[i])
        i++;
    return i;
}

static void wait_a_little(struct sqlite_snapshot *snapshot)
{
    int64_t until_us = clock_wall_us() + 50000;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_cond_timedwait(&snapshot->freed, &snapshot->mutex, &until);
}

status snapshot_take(struct sqlite_snapshot *snapshot, const struct cancel *cancel, sqlite3 **out,
                     struct error *err)
{
    if (!snapshot->fixed)
        return error_set(err, STATUS_BUG, "a reader was opened without a plan");
    status_code s = STATUS_OK;
    pthread_mutex_lock(&snapshot->mutex);
    while (snapshot->copy_for && snapshot->planning && (s = cancel_check(cancel, err)) == STATUS_OK)
        wait_a_little(snapshot);
    if (s == STATUS_OK && snapshot->copy_for)
        s = copy_now(snapshot, err);
    if (s != STATUS_OK) {
        pthread_mutex_unlock(&snapshot->mutex);
        return s;
    }
    uint32_t i = free_connection(snapshot);
    while (i == snapshot->n_readers && (s = cancel_check(cancel, err)) == STATUS_OK) {
        wait_a_little(snapshot);
        i = free_connection(snapshot);
    }
    if (s == STATUS_OK) {
        snapshot->taken[i] = true;
        *out = snapshot->planner_reads ? snapshot->planner : snapshot->readers[i];
    }
    pthread_mutex_unlock(&snapshot->mutex);
    return s;
}

void snapshot_give_back(struct sqlite_snapshot *snapshot, sqlite3 *db)
{
    pthread_mutex_lock(&snapshot->mutex);
    for (uint32_t i = 0; i < snapshot->n_readers; i++) {
        if (snapshot->planner_reads || snapshot->readers[i] == db)
            snapshot->taken[i] = false;
    }
    pthread_cond_signal(&snapshot->freed);
    pthread_mutex_unlock(&snapshot->mutex);
}
