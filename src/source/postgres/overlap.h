/* Tables that are reached twice: a partitioned table and one of its partitions, a parent and a child. */
#ifndef LEAT_SOURCE_POSTGRES_OVERLAP_H
#define LEAT_SOURCE_POSTGRES_OVERLAP_H

#include "source/postgres/table.h"

/* A sentence (in ARENA) if rows of TABLE are read by another stream that was planned before; else NULL. */
status overlap_find(const struct source *source, const struct postgres_table *table,
                    struct arena *arena, const char **out, struct error *err);
/* TABLE is planned. */
status overlap_remember(struct source *source, const struct postgres_table *table,
                        struct error *err);
void overlap_forget_all(struct source *source);

#endif
