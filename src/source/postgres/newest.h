/* What `newest` needs to know of a stream, kept from its plan. */
#ifndef LEAT_SOURCE_POSTGRES_NEWEST_H
#define LEAT_SOURCE_POSTGRES_NEWEST_H

#include "source/postgres/table.h"

status newest_remember(struct source *source, const struct read_request *request,
                       const struct postgres_table *table, const struct postgres_column *key,
                       struct error *err);
void newest_forget_all(struct source *source);

#endif
