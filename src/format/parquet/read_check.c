#include "format/parquet/read_check.h"

#include <stdlib.h>
#include <string.h>

#include "format/parquet/read_chunk.h"

static status check_path(const struct parquet_chunk *chunk, const struct read_leaf *leaf,
                         struct error *err)
{
    const char *name = leaf->element->name;
    if (chunk->n_path == 0)
        return STATUS_OK;
    struct span last = chunk->path[chunk->n_path - 1];
    if (last.size == strlen(name) && memcmp(last.data, name, last.size) == 0)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_DATA, "its column chunk is said to be of \"%.*s\"",
                     (int)(last.size < 100 ? last.size : 100), (const char *)last.data);
}

static status check_chunk(const struct parquet_chunk *chunk, const struct parquet_group *group,
                          const struct read_leaf *leaf, uint64_t data_end, struct error *err)
{
    uint64_t at, end;
    if (chunk->is_elsewhere)
        return error_set(err, STATUS_BAD_DATA, "its pages are in another file");
    if (chunk->physical != (int32_t)leaf->type.physical)
        return error_set(err, STATUS_BAD_DATA,
                         "its column chunk is of physical type %d, its schema says %d%s",
                         chunk->physical, (int)leaf->type.physical,
                         chunk->physical < 0 ? " (no metadata: encrypted, or damaged)" : "");
    TRY(check_path(chunk, leaf, err));
    if (chunk->values < group->rows || (leaf->max_repetition == 0 && chunk->values != group->rows))
        return error_set(err, STATUS_BAD_DATA,
                         "its column chunk has %lld values, its row group %lld rows",
                         (long long)chunk->values, (long long)group->rows);
    if (!chunk_range(chunk, data_end, &at, &end))
        return error_set(
            err, STATUS_BAD_DATA,
            "its pages, %lld bytes at %lld, are not in the %llu bytes before the footer",
            (long long)chunk->compressed_bytes, (long long)chunk->data_page_offset,
            (unsigned long long)data_end);
    return STATUS_OK;
}

static status check_group(const struct parquet_group *group, const struct column_tree *plan,
                          uint64_t data_end, struct error *err)
{
    char name[READ_NAME_BYTES];
    if (group->n_chunks != plan->n_leaves)
        return error_set(err, STATUS_BAD_DATA, "%zu column chunks where the schema has %zu columns",
                         group->n_chunks, plan->n_leaves);
    for (size_t i = 0; i < plan->n_leaves && group->rows > 0; i++)
        TRY_IN(check_chunk(&group->chunks[i], group, &plan->leaves[i], data_end, err), err,
               "in column \"%s\"", read_leaf_name(&plan->leaves[i], name));
    return STATUS_OK;
}

/* ---- no byte belongs to two chunks ---- */

struct range {
    uint64_t at, end;
};

static int by_start(const void *a, const void *b)
{
    uint64_t x = ((const struct range *)a)->at, y = ((const struct range *)b)->at;
    return (x > y) - (x < y);
}

static bool follow_each_other(const struct range *ranges, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (ranges[i].at < ranges[i - 1].end)
            return false;
    return true;
}

static status check_overlaps(const struct parquet_footer *footer, const struct column_tree *plan,
                             uint64_t data_end, struct error *err)
{
    size_t n = 0;
    SCOPED(mem_freep)
    struct range *ranges =
        mem_realloc_array(NULL, footer->n_groups * plan->n_leaves, sizeof(*ranges));
    if (!ranges)
        return error_no_memory(err);
    for (size_t g = 0; g < footer->n_groups; g++)
        for (size_t i = 0; i < plan->n_leaves && footer->groups[g].rows > 0; i++) {
            const struct parquet_chunk *chunk = &footer->groups[g].chunks[i];
            if (chunk_range(chunk, data_end, &ranges[n].at, &ranges[n].end))
                n++;
        }
    if (follow_each_other(ranges, n))
        return STATUS_OK;
    qsort(ranges, n, sizeof(*ranges), by_start);
    if (follow_each_other(ranges, n))
        return STATUS_OK;
    return error_set(err, STATUS_BAD_DATA, "column chunks of the file overlap");
}

status read_check_groups(const struct parquet_footer *footer, const struct column_tree *plan,
                         uint64_t data_end, struct error *err)
{
    for (size_t g = 0; g < footer->n_groups; g++)
        TRY_IN(check_group(&footer->groups[g], plan, data_end, err), err, "in row group %zu", g);
    return check_overlaps(footer, plan, data_end, err);
}
