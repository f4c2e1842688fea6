/* The names of a relation's columns against those of a job: `select`, `columns`, `update_key`. */
#ifndef LEAT_SOURCE_SELECT_H
#define LEAT_SOURCE_SELECT_H

#include "source/source.h"

/* strcmp, or the source's own where letter case tells no two columns apart. */
typedef int (*name_compare_fn)(const char *a, const char *b);

struct column_names {
    const char *const *names; /* in the order of the relation; borrowed */
    size_t n;
    const char *relation; /* for messages: table public.orders */
    name_compare_fn compare;
};

/* Position of NAME, or SIZE_MAX; the same letters win over what only compares equal. */
size_t column_names_find(const struct column_names *columns, const char *name);
/* Its position, or BAD_CONFIG with the nearest name. USER says where it was asked for ("update_key"). */
status column_names_need(const struct column_names *columns, const char *name, const char *user,
                         size_t *out, struct error *err);

/* Which columns are read, in the order of the schema: REQUEST's select, or all.
 *   out_picked  positions, in ARENA
 * BAD_CONFIG: select or columns name what does not exist; a column twice; none left. */
status select_columns(const struct column_names *columns, const struct read_request *request,
                      struct arena *arena, size_t **out_picked, size_t *out_n, struct error *err);
/* The update_key NAME as a column, and where it is among the N picked ones. BAD_CONFIG: it is none, or left out. */
status select_key(const struct column_names *columns, const char *name, const size_t *picked,
                  size_t n, size_t *out_column, size_t *out_position, struct error *err);

/* What the job says about column NAME; NULL: nothing. */
const struct column_request *column_request_find(const struct read_request *request,
                                                 const char *name, name_compare_fn compare);

#endif
