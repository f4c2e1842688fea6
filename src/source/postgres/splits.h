/* How a stream is cut into splits. */
#ifndef LEAT_SOURCE_POSTGRES_SPLITS_H
#define LEAT_SOURCE_POSTGRES_SPLITS_H

#include "source/postgres/table.h"

/* What the server's planner thinks of a statement. */
struct estimate {
    double rows, cost;
    bool by_index; /* rows come through an index, and nothing is read from end to end */
    bool foreign;  /* other servers are asked */
};

struct cutting {
    PGconn *conn; /* in the snapshot */
    const struct read_request *request;
    const struct postgres_table *table;
    const struct postgres_column *update_key; /* NULL: none */
    const char *select;                       /* "SELECT ... FROM " */
    const char *where;                        /* " WHERE ..." or nothing */
    struct estimate whole;                    /* of all that is read */
    struct read_plan *plan; /* its arena; splits, split_key, rows and bytes are filled in */
    const char **ranges;    /* result: the condition of each split by key; NULL: it is not by key */
    const char *note;       /* result: for the user; NULL */
};

/* Cut the stream so that the splits are disjoint and hold all of its rows, whatever statistics say. */
status splits_cut(struct cutting *cutting, struct error *err);

/* Room for N splits, none of them made. */
status splits_reserve(struct cutting *cutting, size_t n, struct error *err);
/* What the planner thinks of all rows with CONDITION as well; NULL: of all. */
status splits_explain(const struct cutting *cutting, const char *condition, struct estimate *out,
                      struct error *err);

/* key_ranges.c: cut by ranges of a key. No splits are made where that would cost more than it brings. */
status splits_by_key(struct cutting *cutting, const struct postgres_column *key, struct error *err);
/* Values of COLUMN can be cut. */
bool splits_key_usable(const struct postgres_column *column);

#endif
