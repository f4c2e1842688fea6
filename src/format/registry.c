#include <stddef.h>

#include "base/text.h"
#include "format/format.h"
#include "format/parquet/driver.h"

const struct format_driver *const format_drivers[] = {
    &parquet_driver,
    NULL,
};

const struct format_driver *format_find(const char *name)
{
    for (size_t i = 0; format_drivers[i]; i++)
        if (text_equal(format_drivers[i]->name, name))
            return format_drivers[i];
    return NULL;
}

void row_group_release(struct row_group *group)
{
    if (!group)
        return;
    buffer_release(&group->pages);
    buffer_release(&group->meta);
    *group = (struct row_group){0};
}

void file_result_release(struct file_result *result)
{
    if (!result)
        return;
    arena_release(&result->arena);
    *result = (struct file_result){0};
}
