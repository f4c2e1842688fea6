/* The rows of one split, straight from the pages of their table: a walk over its leaves, records taken apart, whole
 * pieces of rows decoded column by column. A piece with a value that needs more than its kernel knows (a policy, a
 * default, an error with its place) is read row by row instead, by the same code that reads rows of SQLite's. */
#ifndef LEAT_SOURCE_SQLITE_PAGE_ROWS_H
#define LEAT_SOURCE_SQLITE_PAGE_ROWS_H

#include "batch/batch.h"
#include "source/sqlite/decode.h"
#include "source/sqlite/table.h"

enum { PIECE_ROWS = 128 }; /* rows decoded at once: what they need stays in the nearest cache */

/* One column of the stream, where it is stored. */
struct page_column {
    uint32_t position; /* in the record */
    bool real_affinity;
    bool is_rowid;
    bool no_default;         /* rows older than the column hold NULL */
    const char *default_sql; /* else: its value in the row whose rowid is ?1 */
};

/* What a plan tells its readers. In the arena of the plan. */
struct page_plan {
    uint32_t root;
    int64_t first; /* rowids below it are not read */
    size_t n_stored;
    size_t n_columns;
    struct page_column *columns; /* in the order of the schema */
};

/* The plan for columns PICKED[0..n) of TABLE; *OUT_WHY: a phrase where it can't be read so.
 *   first  rowids below it are not wanted; NULL: all are */
status page_plan_make(sqlite3 *db, const struct sqlite_table *table, const size_t *picked, size_t n,
                      const int64_t *first, struct arena *arena, const struct page_plan **out,
                      const char **out_why, struct error *err);

struct page_rows {
    const struct page_plan *plan;
    sqlite3 *db;
    struct table_scan scan;
    struct record_shape shape;
    struct decode_column *how;
    decode_fn *decode;
    struct scan_row rows[PIECE_ROWS];
    size_t n_rows;     /* that the scan gave */
    size_t first, end; /* of them the piece: rows that are whole, or one long one */
    bool is_long;
    size_t at;          /* in the piece, reading row by row: one behind the current row */
    record_cell *cells; /* column by column, `stride` rows each */
    size_t stride;      /* most rows of a piece */
    struct long_record long_record;
    struct stored_value *defaults; /* kind 0: not asked for yet */
    struct arena arena;
};

/* A column of the batch, as the reader treats it. */
struct page_field {
    append_fn append;
    bool nullable;
};

/* Rows with LOWER <= rowid < UPPER (NULL: open). DB is inside MAP's snapshot and stays with this thread. */
status page_rows_open(sqlite3 *db, const struct page_map *map, const struct page_plan *plan,
                      const struct schema *schema, const struct page_field *fields,
                      const int64_t *lower, const int64_t *upper, struct page_rows **out,
                      struct error *err);
void page_rows_close(struct page_rows *rows); /* accepts NULL */

/* Rows of the piece that are not read yet. */
static inline size_t page_rows_left(const struct page_rows *rows)
{
    return rows->end - rows->at;
}
/* The next piece, of at most MAX rows; the one before has been read. END: no more rows. */
status page_rows_piece(struct page_rows *rows, size_t max, struct error *err);
/* Bytes that the values of the piece can have at most. */
size_t page_rows_bytes(const struct page_rows *rows);
/* The whole piece, none of which was read, into BATCH's columns (not its `rows`); DECODED: it is read.
 * Room for the rows must be reserved. Otherwise the columns hold some of them: truncate, and read row by row. */
enum decoded page_rows_decode(struct page_rows *rows, struct batch *batch, struct error *err);
/* On to the next row of the piece; there is one. */
status page_rows_step(struct page_rows *rows, struct error *err);
int64_t page_rows_rowid(const struct page_rows *rows);
/* The value of COLUMN in the current row, good until the next call. MOST: a longer one is BAD_DATA and is not
 * loaded. */
status page_rows_value(struct page_rows *rows, size_t column, size_t most, struct stored_value *out,
                       struct error *err);

#endif
