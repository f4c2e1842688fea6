/* An item of sort_by: a column, and after it asc or desc, and nulls first or nulls last. */
#ifndef LEAT_FORMAT_PARQUET_SORT_ITEM_H
#define LEAT_FORMAT_PARQUET_SORT_ITEM_H

#include <stdbool.h>

#include "base/error.h"
#include "base/memory.h"

struct sort_item {
    const char *name;
    bool descending;  /* else ascending */
    bool nulls_first; /* else last, in both directions */
};

/* NAME lives in ARENA. BAD_CONFIG: no column in front of the words. */
status sort_item_parse(const char *text, struct arena *arena, struct sort_item *out,
                       struct error *err);

#endif
