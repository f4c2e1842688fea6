/* PostgreSQL's types: how they come over the wire, and what they become. The rules are those of docs/sources/postgres.md. */
#ifndef LEAT_SOURCE_POSTGRES_TYPE_H
#define LEAT_SOURCE_POSTGRES_TYPE_H

#include "batch/schema.h"
#include "source/postgres/connection.h"
#include "source/postgres/decode.h"

struct wire_type {
    enum wire_form form;
    struct type type;
    const char *cast;   /* SQL type that the server casts it to; NULL: none */
    const char *why;    /* a sentence for the plan where it is not what one would expect; NULL */
    const char **names; /* RECORD: of its fields */
    struct wire_type *children; /* ARRAY: the element; RECORD: the fields */
    size_t n_children;
};

/* The type OID with modifier TYPMOD (-1: none). Domains are their base, types without a form of their own are text. */
status wire_type_of(PGconn *conn, uint32_t oid, int32_t typmod, struct arena *arena,
                    struct wire_type *out, struct error *err);
/* The same column as the job wants it: by another kernel, or cast by the server. BAD_CONFIG: no cast leads there. */
status wire_type_as(const struct wire_type *from, struct type wanted, struct arena *arena,
                    struct wire_type *out, struct error *err);
/* Type and children of FIELD. */
status wire_type_field(const struct wire_type *type, struct arena *arena, struct field *field,
                       struct error *err);

#endif
