#include "source/postgres/candidate.h"

#include <stdlib.h>
#include <string.h>

#define FORM "1 "

/* 1 VALUE WAITING SUBJECT; only the last holds spaces. */
status candidate_write(const struct candidate *candidate, struct arena *arena, const char **out,
                       struct error *err)
{
    *out = arena_printf(arena, FORM "%lld %s %s", (long long)candidate->value, candidate->waiting,
                        candidate->subject);
    return *out ? STATUS_OK : error_no_memory(err);
}

bool candidate_read(const char *text, const char *subject, struct arena *arena,
                    struct candidate *out)
{
    if (!text || strncmp(text, FORM, strlen(FORM)) != 0)
        return false;
    char *end;
    const char *number = text + strlen(FORM);
    long long value = strtoll(number, &end, 10);
    if (end == number || end[0] != ' ' || end[1] != ',')
        return false;
    const char *list = end + 1, *space = strchr(list, ' ');
    if (!space || space[-1] != ',' || strcmp(space + 1, subject) != 0)
        return false;
    *out = (struct candidate){.value = value,
                              .waiting = arena_strndup(arena, list, (size_t)(space - list)),
                              .subject = space + 1};
    return out->waiting != NULL;
}

bool virtual_ids_have(const char *list, const char *id, size_t size)
{
    for (const char *at = list; (at = strchr(at, ',')) != NULL; at++) {
        if (strncmp(at + 1, id, size) == 0 && at[1 + size] == ',')
            return true;
    }
    return false;
}

size_t virtual_ids_open(const char *list, const char *open)
{
    size_t n = 0;
    for (const char *id = list + (*list == ','); *id; id += strcspn(id, ",") + 1) {
        size_t size = strcspn(id, ",");
        n += virtual_ids_have(open, id, size);
        if (!id[size])
            break;
    }
    return n;
}
