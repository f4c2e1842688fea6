/* One SQLite file, one table, one row for each stream of a run. Statements are built from the table of
 * columns; each call prepares its own, so any number of threads may use one ledger. */
#include "ledger/ledger.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#include "base/text.h"
#include "ledger/columns.h"
#include "ledger/location.h"

enum {
    APPLICATION_ID = 0x6C656174, /* "leat" in the file's header */
    BUSY_MS = 1000,
};

struct ledger {
    sqlite3 *db;
    char *path;
};

static status_code code_of_sqlite(int code)
{
    switch (code & 0xFF) {
    case SQLITE_NOMEM:
        return STATUS_NO_MEMORY;
    case SQLITE_FULL:
        return STATUS_NO_SPACE;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return STATUS_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STATUS_BAD_DATA;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return STATUS_BUG;
    default:
        return STATUS_UNAVAILABLE;
    }
}

static status failed(const struct ledger *ledger, struct error *err)
{
    int code = sqlite3_extended_errcode(ledger->db);
    status_code result = code_of_sqlite(code);
    const char *advice =
        result == STATUS_BAD_DATA ? "; it holds only history and may be deleted" : "";
    (void)error_set(err, result, "ledger %s: %s%s", ledger->path, sqlite3_errmsg(ledger->db),
                    advice);
    if (err)
        err->source_code = code;
    return result;
}

static status execute(const struct ledger *ledger, const char *sql, struct error *err)
{
    return sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK
                                                                        : failed(ledger, err);
}

static void finalize(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
}

static status prepare(const struct ledger *ledger, const char *sql, sqlite3_stmt **out,
                      struct error *err)
{
    return sqlite3_prepare_v2(ledger->db, sql, -1, out, NULL) == SQLITE_OK ? STATUS_OK
                                                                           : failed(ledger, err);
}

/* The first column of the first row. */
static status query_int(const struct ledger *ledger, const char *sql, int64_t *out,
                        struct error *err)
{
    SCOPED(finalize) sqlite3_stmt *statement = NULL;
    TRY(prepare(ledger, sql, &statement, err));
    if (sqlite3_step(statement) != SQLITE_ROW)
        return failed(ledger, err);
    *out = sqlite3_column_int64(statement, 0);
    return STATUS_OK;
}

/* ---- open ---- */

static int64_t newest_version(void)
{
    int64_t n = 0;
    while (ledger_migrations[n])
        n++;
    return n;
}

/* A path by mistake must not grow a table in somebody's database. */
static status check_ours(const struct ledger *ledger, struct error *err)
{
    int64_t id = 0, objects = 0;
    TRY(query_int(ledger, "PRAGMA application_id", &id, err));
    if (id == APPLICATION_ID)
        return STATUS_OK;
    TRY(query_int(ledger, "SELECT count(*) FROM sqlite_schema", &objects, err));
    if (id == 0 && objects == 0)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_CONFIG,
                     "%s is a database but not a ledger; set LEAT_LEDGER to a file of its own",
                     ledger->path);
}

/* Under the write lock, where nobody else migrates. */
static status migrate_locked(const struct ledger *ledger, struct error *err)
{
    int64_t version = 0, newest = newest_version();
    TRY(query_int(ledger, "PRAGMA user_version", &version, err));
    for (; version < newest; version++)
        TRY(execute(ledger, ledger_migrations[version], err));
    char finish[96];
    (void)sqlite3_snprintf(sizeof(finish), finish,
                           "PRAGMA application_id = %d; PRAGMA user_version = %lld; COMMIT",
                           APPLICATION_ID, (long long)version);
    return execute(ledger, finish, err);
}

static status migrate(const struct ledger *ledger, struct error *err)
{
    int64_t version = 0, newest = newest_version();
    TRY(check_ours(ledger, err));
    TRY(query_int(ledger, "PRAGMA user_version", &version, err));
    if (version == newest)
        return STATUS_OK;
    if (version > newest)
        return error_set(
            err, STATUS_BAD_CONFIG,
            "ledger %s was written by a newer leat (version %lld, this one knows %lld)",
            ledger->path, (long long)version, (long long)newest);
    TRY(execute(ledger, "BEGIN IMMEDIATE", err));
    status_code result = migrate_locked(ledger, err);
    if (result != STATUS_OK)
        (void)sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

static void ledger_closep(struct ledger **ledger)
{
    ledger_close(*ledger);
}

status ledger_open(const char *path, struct ledger **out, struct error *err)
{
    SCOPED(ledger_closep) struct ledger *ledger = mem_zalloc(sizeof(*ledger));
    if (!ledger)
        return error_no_memory(err);
    TRY(ledger_locate(path, &ledger->path, err));
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX;
    if (sqlite3_open_v2(ledger->path, &ledger->db, flags, NULL) != SQLITE_OK)
        return ledger->db ? failed(ledger, err) : error_no_memory(err);
    (void)sqlite3_busy_timeout(ledger->db, BUSY_MS);
    TRY(execute(ledger, "PRAGMA synchronous = NORMAL", err));
    TRY(migrate(ledger, err));
    *out = TAKE(ledger);
    return STATUS_OK;
}

status ledger_open_existing(const char *path, struct ledger **out, struct error *err)
{
    TRY(ledger_find(path, err));
    return ledger_open(path, out, err);
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    (void)sqlite3_close(ledger->db);
    mem_free(ledger->path);
    mem_free(ledger);
}

/* ---- put ---- */

static void append_column_names(struct text *sql)
{
    for (size_t i = 0; i < ledger_n_columns; i++)
        text_printf(sql, "%s%s", i ? ", " : "", ledger_columns[i].name);
}

static int bind_field(sqlite3_stmt *statement, int position, const struct ledger_column *column,
                      const struct ledger_entry *entry)
{
    const char *field = (const char *)entry + column->offset;
    const char *text;
    int64_t number;
    double real;
    switch (column->kind) {
    case LEDGER_TEXT:
        memcpy(&text, field, sizeof(text));
        return sqlite3_bind_text(statement, position, text, -1, SQLITE_STATIC);
    case LEDGER_INT:
        memcpy(&number, field, sizeof(number));
        return sqlite3_bind_int64(statement, position, number);
    default:
        memcpy(&real, field, sizeof(real));
        return sqlite3_bind_double(statement, position, real); /* SQLite keeps NaN as NULL */
    }
}

status ledger_put(struct ledger *ledger, const struct ledger_entry *entry, struct error *err)
{
    if (!entry->run_id || !entry->stream)
        return error_set(err, STATUS_BUG, "a ledger entry without run id or stream");
    SCOPED(text_release) struct text sql = {0};
    text_append(&sql, "INSERT OR REPLACE INTO runs (");
    append_column_names(&sql);
    text_append(&sql, ") VALUES (?");
    for (size_t i = 1; i < ledger_n_columns; i++)
        text_append(&sql, ", ?");
    text_append(&sql, ")");
    TRY(text_check(&sql, err));
    SCOPED(finalize) sqlite3_stmt *statement = NULL;
    TRY(prepare(ledger, text_string(&sql), &statement, err));
    for (size_t i = 0; i < ledger_n_columns; i++)
        if (bind_field(statement, (int)i + 1, &ledger_columns[i], entry) != SQLITE_OK)
            return failed(ledger, err);
    return sqlite3_step(statement) == SQLITE_DONE ? STATUS_OK : failed(ledger, err);
}

/* ---- read ---- */

static void read_field(sqlite3_stmt *statement, int position, const struct ledger_column *column,
                       struct ledger_entry *entry)
{
    char *field = (char *)entry + column->offset;
    const char *text;
    int64_t number;
    double real;
    switch (column->kind) {
    case LEDGER_TEXT:
        text = (const char *)sqlite3_column_text(statement, position);
        memcpy(field, &text, sizeof(text));
        break;
    case LEDGER_INT:
        number = sqlite3_column_int64(statement, position);
        memcpy(field, &number, sizeof(number));
        break;
    default:
        real = sqlite3_column_double(statement, position);
        if (column->kind == LEDGER_MAYBE && sqlite3_column_type(statement, position) == SQLITE_NULL)
            real = (double)NAN;
        memcpy(field, &real, sizeof(real));
    }
}

static status visit_rows(const struct ledger *ledger, sqlite3_stmt *statement, ledger_fn each,
                         void *context, struct error *err)
{
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct ledger_entry entry = {0};
        for (size_t i = 0; i < ledger_n_columns; i++)
            read_field(statement, (int)i, &ledger_columns[i], &entry);
        status_code result = each(context, &entry, err);
        if (result != STATUS_OK)
            return result == STATUS_END ? STATUS_OK : result;
    }
    return step == SQLITE_DONE ? STATUS_OK : failed(ledger, err);
}

status ledger_list(struct ledger *ledger, const char *run_id, const char *stream,
                   const char *target, size_t limit, ledger_fn each, void *context,
                   struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    text_append(&sql, "SELECT ");
    append_column_names(&sql);
    text_append(&sql, " FROM runs WHERE (?1 IS NULL OR run_id = ?1)"
                      " AND (?2 IS NULL OR stream = ?2) AND (?3 IS NULL OR target = ?3)"
                      " ORDER BY started_us DESC, run_id DESC, stream LIMIT ?4");
    TRY(text_check(&sql, err));
    SCOPED(finalize) sqlite3_stmt *statement = NULL;
    TRY(prepare(ledger, text_string(&sql), &statement, err));
    const char *const filters[] = {run_id, stream, target};
    for (int i = 0; i < 3; i++)
        if (sqlite3_bind_text(statement, i + 1, filters[i], -1, SQLITE_STATIC) != SQLITE_OK)
            return failed(ledger, err);
    if (sqlite3_bind_int64(statement, 4, limit ? (int64_t)limit : -1) != SQLITE_OK)
        return failed(ledger, err);
    return visit_rows(ledger, statement, each, context, err);
}

status ledger_past_ratio(struct ledger *ledger, const char *target, size_t n, double *out,
                         struct error *err)
{
    SCOPED(finalize) sqlite3_stmt *statement = NULL;
    TRY(prepare(ledger,
                "WITH recent AS (SELECT compression_ratio AS ratio FROM runs WHERE target = ?1"
                "  AND outcome = 'published' AND rows_written > 0 AND compression_ratio > 0"
                "  ORDER BY started_us DESC LIMIT ?2),"
                " ranked AS (SELECT ratio, row_number() OVER (ORDER BY ratio) AS place,"
                "  count(*) OVER () AS n FROM recent)"
                " SELECT avg(ratio) FROM ranked WHERE place IN ((n + 1) / 2, n / 2 + 1)",
                &statement, err));
    if (sqlite3_bind_text(statement, 1, target, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 2, (int64_t)n) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        return failed(ledger, err);
    *out = sqlite3_column_double(statement, 0); /* NULL, of no run, reads as 0 */
    return STATUS_OK;
}
