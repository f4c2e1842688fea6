#include "format/parquet/sort_item.h"

#include <string.h>

#include "base/text.h"

/* Take WORD, and the spaces in front of it, off the end of NAME. A column may hold spaces itself, so words are looked
 * for from behind. */
static bool take_word(char *name, const char *word)
{
    size_t size = strlen(name), length = strlen(word);
    if (size <= length || name[size - length - 1] != ' ' ||
        strcasecmp(name + size - length, word) != 0)
        return false;
    size -= length;
    while (size > 0 && name[size - 1] == ' ')
        size--;
    name[size] = 0;
    return true;
}

static bool is_word(const char *name)
{
    static const char *const words[] = {"asc", "desc", "nulls first", "nulls last"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(name, words[i]) == 0)
            return true;
    return name[0] == 0;
}

status sort_item_parse(const char *text, struct arena *arena, struct sort_item *out,
                       struct error *err)
{
    struct sort_item item = {0};
    char *name = arena_strdup(arena, text);
    if (!name)
        return error_no_memory(err);
    item.nulls_first = take_word(name, "nulls first");
    if (!item.nulls_first)
        (void)take_word(name, "nulls last");
    item.descending = take_word(name, "desc");
    if (!item.descending)
        (void)take_word(name, "asc");
    if (is_word(name))
        return error_set(err, STATUS_BAD_CONFIG,
                         "sort_by: expected a column, with asc or desc and nulls first or nulls "
                         "last behind it, got \"%s\"",
                         text);
    item.name = name;
    *out = item;
    return STATUS_OK;
}
