/* The contract: the columns a table has of its source, as its last record knows them, against the source as it is now. */
#ifndef LEAT_COMMIT_CONTRACT_H
#define LEAT_COMMIT_CONTRACT_H

#include "base/error.h"
#include "base/text.h"
#include "batch/schema.h"
#include "commit/commit.h"

/* In the order of the words of on_change in a job file. */
enum change_kind {
    CHANGE_ADD,    /* a column that the table has not */
    CHANGE_WIDEN,  /* a type that holds every value of the old one, or NULL where there was none */
    CHANGE_RENAME, /* the same column of the source by another name */
    CHANGE_DROP,   /* a column that the source has no more */
    CHANGE_NARROW, /* any other type */
    CHANGE_KINDS,
};

/* What a job says about a kind of change. */
enum change_rule {
    CHANGE_UNSAID, /* stop, but a full refresh takes new columns */
    CHANGE_STOP,
    CHANGE_APPLY,
};

struct column_change {
    enum change_kind kind;
    const struct field *was; /* in the contract; NULL for ADD, unless a column of this name went */
    const struct field *is;  /* in the source; NULL for DROP */
};

struct contract_changes {
    struct column_change
        *items; /* in the order of the source's columns, then those that are gone */
    size_t n;
    const size_t *
        was; /* for each column of the source its position in the contract: the same by its identity, or by its
                          name where one of them has none. SIZE_MAX: it is new */
};

/* Was every value of FROM one of TO, and is it the same value still? Integers and floats to more bytes, decimals to more
 * digits before the point. False for equal types. */
bool type_widens(struct type from, struct type to);

/* What changed from CONTRACT to NOW. A wider type counts as such only if a table of DRIVER holds it as a wider type, too.
 * OUT is in ARENA and borrows from both schemas. */
status contract_compare(const struct commit_driver *driver, const struct schema *contract,
                        const struct schema *now, struct arena *arena, struct contract_changes *out,
                        struct error *err);

/* Append what happened as a clause: column "n" was int32 and is int64. */
void contract_change_append(struct text *text, const struct column_change *change);

#endif
