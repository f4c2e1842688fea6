/* One relation or query as the catalog describes it. */
#ifndef LEAT_SOURCE_POSTGRES_TABLE_H
#define LEAT_SOURCE_POSTGRES_TABLE_H

#include "source/postgres/postgres.h"
#include "source/postgres/type.h"
#include "source/select.h"

struct postgres_column {
    const char *name;
    int attnum;           /* 0: of a query */
    const char *declared; /* "numeric(15,2)" */
    bool nullable;        /* in this relation, or in one of its parts */
    struct wire_type wire;
    int key_position; /* 1.. in the primary key */
};

/* A relation that holds rows itself: the table, or one of its partitions or children. */
struct postgres_part {
    uint32_t oid;
    const char *from; /* ONLY "schema"."name" */
    uint64_t pages;
    double rows; /* estimate */
};

struct postgres_table {
    uint32_t oid;      /* 0: a query */
    const char *label; /* for messages: table public.orders */
    const char *from;  /* in SQL */
    char kind;         /* relkind; 'q': a query */
    bool by_ctid;      /* parts can be cut by their blocks */
    bool foreign;      /* one of the parts is a foreign table */
    struct postgres_column *columns;
    size_t n_columns;
    struct column_names names; /* of the columns */
    struct postgres_part *parts;
    size_t n_parts;
    double rows;
    uint64_t bytes;
};

/* What REQUEST reads. CONN: inside the snapshot or not; sizes are those of this moment. NOT_FOUND and BAD_CONFIG name what
 * is nearest. */
status postgres_table_describe(PGconn *conn, const struct read_request *request,
                               struct arena *arena, struct postgres_table *out, struct error *err);
/* "public.orders" -> public, orders; "orders" -> NULL, orders. A dot inside a name is written in quotes. */
status postgres_split_name(const char *stream, struct arena *arena, const char **schema,
                           const char **name, struct error *err);
/* "table", "view" ... of a pg_class.relkind that holds or shows rows; else NULL. */
const char *postgres_kind_word(char relkind);
/* TEXT as a string of ARENA. */
status postgres_keep(struct text *text, struct arena *arena, const char **out, struct error *err);

/* The oids of TABLE and its parts as an array literal. */
status postgres_table_oids(const struct postgres_table *table, struct text *out, struct error *err);

#endif
