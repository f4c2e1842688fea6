/* The watermark column: its largest value in the snapshot, and the proof that "largest" means "latest".
 *
 * A key must be stored as its type says: INTEGER for integers, TEXT in one form for dates and timestamps. SQLite
 * compares text byte by byte, so '2013-11-30 08:00' and '2013-11-30T07:00' side by side would put the earlier one
 * above the later. What is looked at:
 *   rowid              nothing but the largest: it is always an integer
 *   integer, index     both ends of the index (NULL < numbers < text < BLOB there)
 *   text, index        both ends; the form of every value from the day of the lower bound on (all on a first load)
 *   no index, views    every value */
#ifndef LEAT_SOURCE_SQLITE_KEY_H
#define LEAT_SOURCE_SQLITE_KEY_H

#include "source/sqlite/table.h"

/* How timestamps of the key are written; all zero for dates and integers. */
struct key_form {
    char separator; /* 'T' or ' ' */
    char suffix[8]; /* "Z", "+01:00", "" */
    uint8_t size;   /* with a suffix: bytes of every value; else 0, because then longer is later */
};

struct sqlite_key {
    size_t column;     /* in the table */
    const char *sql;   /* the column, quoted */
    const char *index; /* NULL: none */
    bool is_rowid;
    struct scalar bound; /* is_null: no rows, or none at or above the lower bound */
    const char *filter;  /* "key >= lower" in the stored form; NULL: no lower bound */
};

/* Check REQUEST's update_key, of TYPE, and find its bound. DB is inside the snapshot.
 * Errors: BAD_DATA (NULL keys, values not of the type, more than one form: each with a count and an example),
 * BAD_CONFIG (a type that can't be a watermark). */
status sqlite_key_examine(sqlite3 *db, const struct sqlite_table *table,
                          const struct read_request *request, size_t column, struct type type,
                          struct arena *arena, struct sqlite_key *out, struct error *err);
/* The largest value only, unchecked beyond its own type: for the lag behind the source. */
status sqlite_key_newest(sqlite3 *db, const struct sqlite_table *table,
                         const struct read_request *request, size_t column, struct type type,
                         struct arena *arena, struct scalar *out, struct error *err);

#endif
