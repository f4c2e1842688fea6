/* The floor: sqlite3_step over a table and nothing else, one connection a thread, ranges of rowid.
 *
 *   step DB TABLE THREADS      prints rows and the sum of the bytes of all values
 *
 * Every column of every row is touched (type, and bytes where it is text), none is kept. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct range {
    const char *path, *table;
    sqlite3_int64 first, end; /* rowids [first, end) */
    uint64_t rows, bytes;
};

static void die(const char *what, sqlite3 *db)
{
    fprintf(stderr, "step: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
    exit(1);
}

static sqlite3 *open_read_only(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        die(path, db);
    return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *format, const char *table)
{
    sqlite3_stmt *statement = NULL;
    char *sql = sqlite3_mprintf(format, table);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        die(sql, db);
    sqlite3_free(sql);
    return statement;
}

static void *walk(void *argument)
{
    struct range *range = argument;
    sqlite3 *db = open_read_only(range->path);
    sqlite3_stmt *statement =
        prepare(db, "SELECT * FROM \"%w\" WHERE rowid >= ?1 AND rowid < ?2", range->table);
    sqlite3_bind_int64(statement, 1, range->first);
    sqlite3_bind_int64(statement, 2, range->end);
    int columns = sqlite3_column_count(statement);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        range->rows++;
        for (int i = 0; i < columns; i++) {
            switch (sqlite3_column_type(statement, i)) {
            case SQLITE_INTEGER:
            case SQLITE_FLOAT:
                range->bytes += 8;
                break;
            case SQLITE_TEXT:
            case SQLITE_BLOB:
                range->bytes += (uint64_t)sqlite3_column_bytes(statement, i);
                break;
            default:
                break;
            }
        }
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return NULL;
}

int main(int argc, char **argv)
{
    enum { MOST_THREADS = 64 };
    int threads = argc == 4 ? atoi(argv[3]) : 0;
    if (threads < 1 || threads > MOST_THREADS) {
        fprintf(stderr, "usage: step DB TABLE THREADS\n");
        return 2;
    }
    sqlite3 *db = open_read_only(argv[1]);
    sqlite3_stmt *statement = prepare(db, "SELECT max(rowid) FROM \"%w\"", argv[2]);
    if (sqlite3_step(statement) != SQLITE_ROW)
        die("max(rowid)", db);
    sqlite3_int64 last = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);

    struct range ranges[MOST_THREADS];
    pthread_t ids[MOST_THREADS];
    for (int i = 0; i < threads; i++) {
        ranges[i] = (struct range){
            .path = argv[1],
            .table = argv[2],
            .first = 1 + last / threads * i,
            .end = i + 1 == threads ? last + 1 : 1 + last / threads * (i + 1),
        };
        if (pthread_create(&ids[i], NULL, walk, &ranges[i]) != 0)
            die("pthread_create", NULL);
    }
    uint64_t rows = 0, bytes = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        rows += ranges[i].rows;
        bytes += ranges[i].bytes;
    }
    printf("%llu rows, %llu bytes\n", (unsigned long long)rows, (unsigned long long)bytes);
    return 0;
}
