#include "source/source.h"

#include <math.h>
#include <string.h>

void read_plan_release(struct read_plan *plan)
{
    if (!plan)
        return;
    schema_release(&plan->schema);
    arena_release(&plan->arena);
    *plan = (struct read_plan){0};
}

status read_plan_note(struct read_plan *plan, const char *text, struct error *err)
{
    enum { MOST_NOTES = 32 };
    size_t n = 0;
    if (!plan->notes)
        plan->notes = arena_alloc(&plan->arena, (MOST_NOTES + 1) * sizeof(*plan->notes));
    if (!plan->notes || !text)
        return error_no_memory(err);
    while (plan->notes[n])
        n++;
    if (n < MOST_NOTES)
        plan->notes[n] = text;
    return STATUS_OK;
}

void source_catalog_release(struct source_catalog *catalog)
{
    if (!catalog)
        return;
    arena_release(&catalog->arena);
    *catalog = (struct source_catalog){0};
}

/* With few splits an odd one out is waited for: rather fewer of them. */
static double shared_evenly(const struct read_request *request, double rows, double split_rows)
{
    enum { FEW = 12 }; /* rounds */
    double rounds = request->crew ? floor(rows / split_rows / request->crew) : 0;
    if (rounds < 1 || rounds > FEW)
        return split_rows;
    double even = rows / (rounds * request->crew);
    return request->max_split_rows && even > (double)request->max_split_rows ? split_rows : even;
}

double read_request_split_rows(const struct read_request *request, double rows)
{
    enum { FEWER = 5 }; /* times fewer splits than split_count */
    double wanted =
        request->split_count ? rows / request->split_count : (double)request->split_rows;
    double kept = (double)request->kept_rows;
    if (wanted < kept && FEWER * rows >= kept * request->split_count)
        wanted = kept;
    if (wanted < (double)request->split_rows)
        wanted = (double)request->split_rows;
    if (request->max_split_rows && wanted > (double)request->max_split_rows)
        wanted = (double)request->max_split_rows;
    return shared_evenly(request, rows, wanted);
}

struct split_steps split_steps_of(const struct read_request *request, size_t n)
{
    size_t crew = request->crew;
    if (crew < 2 || n < 4 * crew)
        return (struct split_steps){.whole = n};
    return (struct split_steps){.whole = n - crew, .halves = crew, .quarters = 2 * crew};
}

size_t split_steps_count(const struct split_steps *steps)
{
    return steps->whole + steps->halves + steps->quarters;
}

double split_steps_at(const struct split_steps *steps, size_t i)
{
    size_t whole = i < steps->whole ? i : steps->whole;
    size_t rest = i - whole;
    size_t halves = rest < steps->halves ? rest : steps->halves;
    size_t quarters = rest - halves;
    size_t all = 4 * steps->whole + 2 * steps->halves + steps->quarters;
    return (double)(4 * whole + 2 * halves + quarters) / (double)all;
}

bool source_has_row_key(const struct source_driver *driver, const char *name)
{
    for (const char *const *key = driver && name ? driver->row_keys : NULL; key && *key; key++) {
        if (strcmp(*key, name) == 0)
            return true;
    }
    return false;
}
