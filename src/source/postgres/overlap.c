#include "source/postgres/overlap.h"

#include <string.h>

/* One plan: the relations that hold its rows, by their oids in rising order. */
struct planned {
    struct planned *next;
    uint32_t oid;
    char *label;
    size_t n_parts;
    uint32_t parts[];
};

static bool share_a_part(const struct planned *planned, const struct postgres_table *table)
{
    size_t i = 0, k = 0;
    while (i < planned->n_parts && k < table->n_parts) {
        if (planned->parts[i] == table->parts[k].oid)
            return true;
        if (planned->parts[i] < table->parts[k].oid)
            i++;
        else
            k++;
    }
    return false;
}

status overlap_find(const struct source *source, const struct postgres_table *table,
                    struct arena *arena, const char **out, struct error *err)
{
    *out = NULL;
    for (const struct planned *planned = source->planned; planned; planned = planned->next) {
        if (planned->oid == table->oid || !share_a_part(planned, table))
            continue;
        *out = arena_printf(arena,
                            "rows of the %s are loaded twice: %s is a stream of this job, too, and "
                            "one is a part of the other",
                            table->label, planned->label);
        return *out ? STATUS_OK : error_no_memory(err);
    }
    return STATUS_OK;
}

status overlap_remember(struct source *source, const struct postgres_table *table,
                        struct error *err)
{
    struct planned *planned = mem_alloc(sizeof(*planned) + table->n_parts * sizeof(uint32_t));
    if (!planned)
        return error_no_memory(err);
    *planned = (struct planned){.next = source->planned,
                                .oid = table->oid,
                                .label = mem_strdup(table->label),
                                .n_parts = table->n_parts};
    for (size_t i = 0; i < table->n_parts; i++)
        planned->parts[i] = table->parts[i].oid;
    source->planned = planned;
    return planned->label ? STATUS_OK : error_no_memory(err);
}

void overlap_forget_all(struct source *source)
{
    while (source->planned) {
        struct planned *first = source->planned;
        source->planned = first->next;
        mem_free(first->label);
        mem_free(first);
    }
}
