/* The bound of an incremental run: below it every row is in the snapshot (DESIGN, "The bound"). */
#ifndef LEAT_SOURCE_POSTGRES_FENCE_H
#define LEAT_SOURCE_POSTGRES_FENCE_H

#include "source/postgres/table.h"

struct fence {
    bool is_fence;        /* VALUE is a bound that nothing below will be added to */
    struct scalar value;  /* in ARENA; NULL-valued when there is none */
    const char *note;     /* for the user; NULL */
};

/* Before the snapshot is taken. KEY: the update_key's column; TYPE: of its values. The largest value, where no exact
 * bound can be had, is found by fence_largest inside the snapshot. */
status fence_before(struct source *source, const struct postgres_table *table,
                    const struct postgres_column *key, struct arena *arena, struct fence *out,
                    struct error *err);
status fence_largest(PGconn *conn, const struct postgres_table *table,
                     const struct postgres_column *key, const char *where, struct type type,
                     struct arena *arena, struct scalar *out, struct error *err);
/* "literal"::type of VALUE. */
status fence_literal(const struct scalar *value, const struct postgres_column *key,
                     struct text *sql, struct error *err);

#endif
