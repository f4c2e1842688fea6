/* A bound that can't be used yet: some of the transactions that were open when it was looked at have not ended. A run that
 * does not see their end leaves it in the table's record, for a later run that finds them ended. */
#ifndef LEAT_SOURCE_POSTGRES_CANDIDATE_H
#define LEAT_SOURCE_POSTGRES_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct candidate {
    int64_t value;       /* keys below it are complete once the transactions have ended */
    const char *waiting; /* their virtual ids, with a comma before and behind each: ",3/14,5/9," */
    const char *subject; /* what it is true of: server and its start, table, column, sequence */
};

/* One line of text, in ARENA. */
status candidate_write(const struct candidate *candidate, struct arena *arena, const char **out,
                       struct error *err);
/* False: TEXT (may be NULL) is none of SUBJECT, and says nothing. What OUT points to is TEXT's, or in ARENA. */
bool candidate_read(const char *text, const char *subject, struct arena *arena,
                    struct candidate *out);

/* How many of the ids in LIST are in OPEN, a list of the same form. */
size_t virtual_ids_open(const char *list, const char *open);
/* Is ID (SIZE bytes, no comma) in LIST? */
bool virtual_ids_have(const char *list, const char *id, size_t size);

#endif
