#include "source/sqlite/connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static status_code status_of(sqlite3 *db, int rc)
{
    if (rc == SQLITE_READONLY_ROLLBACK || rc == SQLITE_READONLY_RECOVERY)
        return STATUS_UNAVAILABLE; /* heals when a writer opens the database */
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_SCHEMA:
    case SQLITE_IOERR:
        return STATUS_UNAVAILABLE;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_TOOBIG:
    case SQLITE_FORMAT:
        return STATUS_BAD_DATA;
    case SQLITE_CANTOPEN:
        return db && sqlite3_system_errno(db) == ENOENT ? STATUS_NOT_FOUND : STATUS_DENIED;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return STATUS_DENIED;
    case SQLITE_NOMEM:
        return STATUS_NO_MEMORY;
    case SQLITE_FULL:
        return STATUS_NO_SPACE;
    case SQLITE_INTERRUPT:
        return STATUS_CANCELLED;
    case SQLITE_MISUSE:
        return STATUS_BUG;
    default:
        return STATUS_BAD_CONFIG; /* SQL that the user wrote, or names that are not there */
    }
}

static const char *remedy_of(int rc)
{
    if (rc == SQLITE_READONLY_ROLLBACK)
        return "; a writer died in a transaction: open the file once with a program that may write";
    if ((rc & 0xff) == SQLITE_BUSY)
        return "; another connection holds it: wait, or raise busy_timeout";
    if ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY)
        return "; a database in WAL mode needs its -wal and -shm files beside it: let this user "
               "read "
               "and write them";
    return "";
}

status sqlite_fail(sqlite3 *db, int rc, struct error *err, const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    bool same = db && sqlite3_extended_errcode(db) == rc;
    status_code code = error_set(err, status_of(db, rc), "%s: %s%s", what,
                                 same ? sqlite3_errmsg(db) : sqlite3_errstr(rc), remedy_of(rc));
    if (err) {
        err->source_code = rc;
        err->os_errno = db ? sqlite3_system_errno(db) : 0;
    }
    return code;
}

void sqlite_disconnectp(sqlite3 **db)
{
    if (*db)
        sqlite3_close_v2(*db);
    *db = NULL;
}

static status configure(sqlite3 *db, int64_t busy_ms, struct error *err)
{
    sqlite3_busy_timeout(db, (int)(busy_ms > INT32_MAX ? INT32_MAX : busy_ms));
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    /* "x" that names no column must be an error, not the text 'x' */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
    TRY(sqlite_exec(db, "PRAGMA query_only=1", err));
    return sqlite_exec(db, "SELECT 1 FROM sqlite_schema LIMIT 1", err);
}

status sqlite_connect(const char *path, bool shared, int64_t busy_ms, sqlite3 **out,
                      struct error *err)
{
    SCOPED(sqlite_disconnectp) sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
                (shared ? SQLITE_OPEN_FULLMUTEX : SQLITE_OPEN_NOMUTEX);
    int rc = sqlite3_open_v2(path, &db, flags, NULL);
    if (rc != SQLITE_OK)
        return sqlite_fail(db, rc, err, "cannot open %s", path);
    TRY(configure(db, busy_ms, err));
    *out = TAKE(db);
    return STATUS_OK;
}

status sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct error *err)
{
    int rc = sqlite3_prepare_v3(db, sql, -1, 0, out, NULL);
    if (rc != SQLITE_OK)
        return sqlite_fail(db, rc, err, "SQLite refuses \"%.300s\"", sql);
    return STATUS_OK;
}

void sqlite_finalizep(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
    *statement = NULL;
}

status sqlite_step(sqlite3_stmt *statement, struct error *err)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return STATUS_OK;
    if (rc == SQLITE_DONE)
        return STATUS_END;
    return sqlite_fail(sqlite3_db_handle(statement), rc, err, "cannot read");
}

status sqlite_exec(sqlite3 *db, const char *sql, struct error *err)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? STATUS_OK : sqlite_fail(db, rc, err, "cannot read the database");
}

status sqlite_number(sqlite3 *db, const char *sql, int64_t *out, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(sqlite_prepare(db, sql, &statement, err));
    status_code s = sqlite_step(statement, err);
    if (s != STATUS_OK && s != STATUS_END)
        return s;
    *out = s == STATUS_OK ? sqlite3_column_int64(statement, 0) : 0;
    return STATUS_OK;
}

void sqlite_quote(struct text *sql, const char *name)
{
    text_append_char(sql, '"');
    for (const char *c = name; *c; c++) {
        if (*c == '"')
            text_append_char(sql, '"');
        text_append_char(sql, *c);
    }
    text_append_char(sql, '"');
}
