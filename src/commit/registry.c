/* The kinds of table there are. */
#include "base/text.h"
#include "commit/commit.h"
#include "commit/delta/driver.h"

const struct commit_driver *const commit_drivers[] = {
    &commit_delta,
    NULL,
};

const struct commit_driver *commit_find(const char *name)
{
    for (const struct commit_driver *const *driver = commit_drivers; *driver; driver++)
        if (text_equal((*driver)->name, name))
            return *driver;
    return NULL;
}

void table_state_release(struct table_state *state)
{
    schema_release(&state->schema);
    record_release(&state->record);
    arena_release(&state->arena);
    *state = (struct table_state){0};
}
