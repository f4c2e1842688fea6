/* A row that is left out, as one line of the reject file:
 *
 *   {"relation":"table main.t","row":"rowid 3","column":"n","why":"...","values":{"id":"3","n":null}}
 *
 * Values are text whatever their column is. */
#ifndef LEAT_SOURCE_REJECT_H
#define LEAT_SOURCE_REJECT_H

#include "base/text.h"
#include "source/source.h"

struct rejected_row {
    struct text json;
    bool has_values;
};

/* WHICH row of the relation, in words; NULL: the source has no name for it. WHY: what is wrong in COLUMN. */
void rejected_row_init(struct rejected_row *row, const char *relation, const char *which,
                       const char *column, const struct text *why);
/* Columns in the order of the schema. BYTES NULL: the value is NULL. */
void rejected_row_value(struct rejected_row *row, const char *column, const char *bytes,
                        size_t size);
/* To the reject file of OPTIONS. */
status rejected_row_send(struct rejected_row *row, const struct reader_options *options,
                         struct error *err);
void rejected_row_release(struct rejected_row *row);

#endif
