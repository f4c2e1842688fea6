/* The verbs of reading: a file is opened, columns are chosen, batches are filled.
 *
 * Rows are taken in slices that end where the open page of any column does, so that each column decodes from one page
 * into its own buffers; fields with elements reach into the next page where their last row does. */
#include "format/parquet/reader.h"

#include <string.h>

#include "format/parquet/driver.h"
#include "format/parquet/read_check.h"
#include "format/parquet/read_column.h"

enum { DEFAULT_MEMORY_BYTES = 256 << 20, AHEAD_BYTES = 1 << 20, AHEAD_LEAST_BYTES = 4 << 10 };

/* ---- open ---- */

static status open_into(struct format_reader *reader, struct error *err)
{
    struct read_memory *memory = &reader->memory;
    struct footer *footer = &reader->footer;
    TRY(footer_read_within(reader->source, memory->limit, footer, err));
    reader->data_end = reader->source->size - PARQUET_TAIL_BYTES - footer->bytes.size;
    memory->used = footer->bytes.capacity + footer->arena.total_bytes;
    size_t left = memory->used < memory->limit ? memory->limit - memory->used : 0;
    TRY(column_tree_init(&reader->plan, &footer->meta, left, err));
    memory->used += reader->plan.arena.total_bytes + reader->plan.schema.arena.total_bytes;
    reader->counts.bytes = footer->bytes.size + PARQUET_TAIL_BYTES;
    crc32_init(&reader->pages.crc);
    return read_check_groups(&footer->meta, &reader->plan, reader->data_end, err);
}

status parquet_reader_open(const struct byte_source *source, size_t memory_limit,
                           struct format_reader **out, struct error *err)
{
    struct format_reader *reader = mem_zalloc(sizeof(*reader));
    if (!reader)
        return error_no_memory(err);
    reader->source = source;
    reader->memory.limit = memory_limit ? memory_limit : DEFAULT_MEMORY_BYTES;
    status_code code = open_into(reader, err);
    if (code != STATUS_OK) {
        parquet_reader_free(reader);
        return code;
    }
    *out = reader;
    return STATUS_OK;
}

static void release_group(struct format_reader *reader)
{
    arena_release(&reader->group_arena);
    reader->memory.used -= reader->group_bytes;
    reader->group_bytes = 0;
}

static void release_leaves(struct format_reader *reader)
{
    for (size_t i = 0; i < reader->n_leaves; i++)
        chunk_reader_release(&reader->leaves[i]);
    mem_free(reader->leaves);
    mem_free(reader->columns);
    schema_release(&reader->schema);
}

void parquet_reader_free(struct format_reader *reader)
{
    if (!reader)
        return;
    release_leaves(reader);
    release_group(reader);
    decompressor_release(&reader->pages.decompressor);
    column_tree_release(&reader->plan);
    footer_release(&reader->footer);
    mem_free(reader);
}

void parquet_reader_ignore_checksums(struct format_reader *reader)
{
    reader->pages.ignore_checksums = true;
}

const struct schema *parquet_reader_schema(const struct format_reader *reader)
{
    return &reader->plan.schema;
}

uint64_t parquet_reader_rows(const struct format_reader *reader)
{
    return (uint64_t)reader->footer.meta.rows;
}

const struct schema *parquet_reader_batch_schema(const struct format_reader *reader)
{
    return reader->has_begun ? &reader->schema : &reader->plan.schema;
}

void parquet_reader_counts(const struct format_reader *reader, struct format_read_counts *out)
{
    *out = reader->counts;
}

/* ---- begin ---- */

static status check_options(const struct format_reader *reader,
                            const struct format_read_options *options, struct error *err)
{
    const struct schema *schema = &reader->plan.schema;
    for (size_t i = 0; options->fields && i < options->n_fields; i++)
        if (options->fields[i] >= schema->n_fields)
            return error_set(err, STATUS_BAD_CONFIG, "field %zu of a file of %zu fields",
                             options->fields[i], schema->n_fields);
    for (size_t i = 0; i < options->n_ranges; i++) {
        const struct format_range *range = &options->ranges[i];
        if (range->field >= schema->n_fields)
            return error_set(err, STATUS_BAD_CONFIG, "a range over field %zu of a file of %zu",
                             range->field, schema->n_fields);
        const struct field *field = &schema->fields[range->field];
        char type[64];
        if (type_is_nested(field->type) ||
            (range->low && !type_equal(range->low->type, field->type)) ||
            (range->high && !type_equal(range->high->type, field->type)))
            return error_set(
                err, STATUS_BAD_CONFIG,
                "a range over \"%s\" needs bounds of its type %s, which can't be nested",
                field->name, type_text(field->type, type));
    }
    return STATUS_OK;
}

static void plan_columns(struct format_reader *reader, const size_t *fields)
{
    size_t leaves = 0;
    for (size_t i = 0; i < reader->n_columns; i++) {
        size_t field = fields ? fields[i] : i;
        const size_t *first = &reader->plan.first_leaf[field];
        reader->columns[i] = (struct reader_column){field, leaves, first[1] - first[0]};
        leaves += first[1] - first[0];
    }
    reader->n_leaves = leaves;
}

/* What is read ahead of all columns together is a quarter of the memory at most. */
static void init_leaves(struct format_reader *reader)
{
    size_t ahead = reader->memory.limit / 4 / (reader->n_leaves ? reader->n_leaves : 1);
    ahead = ahead < AHEAD_BYTES ? ahead : AHEAD_BYTES;
    ahead = ahead > AHEAD_LEAST_BYTES ? ahead : AHEAD_LEAST_BYTES;
    for (size_t i = 0; i < reader->n_columns; i++) {
        const struct reader_column *column = &reader->columns[i];
        const struct read_leaf *leaves =
            reader->plan.leaves + reader->plan.first_leaf[column->field];
        for (size_t l = 0; l < column->n_leaves; l++)
            chunk_reader_init(&reader->leaves[column->first_leaf + l], &leaves[l], reader->source,
                              ahead, &reader->memory, &reader->pages, &reader->counts);
    }
}

static status begin(struct format_reader *reader, const size_t *fields, size_t n, struct error *err)
{
    struct reader_column *columns = mem_realloc_array(reader->columns, n, sizeof(*reader->columns));
    if (!columns)
        return error_no_memory(err);
    reader->columns = columns;
    reader->n_columns = n;
    plan_columns(reader, fields);
    size_t bytes = reader->n_leaves * sizeof(*reader->leaves);
    size_t n_leaves = reader->n_leaves;
    reader->n_leaves = 0; /* until they are there to be released */
    if (reader->memory.used > reader->memory.limit ||
        bytes > reader->memory.limit - reader->memory.used)
        return error_set(err, STATUS_BAD_DATA,
                         "%zu columns take more than the %zu bytes of memory that a reader may use",
                         n_leaves, reader->memory.limit);
    reader->leaves = mem_zalloc(bytes);
    if (!reader->leaves)
        return error_no_memory(err);
    reader->n_leaves = n_leaves;
    reader->memory.used += bytes;
    TRY(schema_select(&reader->plan.schema, fields, n, &reader->schema, err));
    init_leaves(reader);
    reader->has_begun = true;
    return STATUS_OK;
}

status parquet_reader_begin(struct format_reader *reader, const struct format_read_options *options,
                            struct error *err)
{
    if (reader->has_begun)
        return error_set(err, STATUS_BUG, "what to read was chosen before");
    TRY(check_options(reader, options, err));
    if (options->memory_limit)
        reader->memory.limit = options->memory_limit;
    reader->ranges = options->ranges;
    reader->n_ranges = options->n_ranges;
    return begin(reader, options->fields,
                 options->fields ? options->n_fields : reader->plan.schema.n_fields, err);
}

/* ---- row groups ---- */

static struct skip_request skip_request(struct format_reader *reader,
                                        const struct parquet_group *group)
{
    return (struct skip_request){.source = reader->source,
                                 .data_end = reader->data_end,
                                 .group = group,
                                 .plan = &reader->plan,
                                 .ranges = reader->ranges,
                                 .n_ranges = reader->n_ranges,
                                 .has_orders = reader->footer.meta.column_orders > 0,
                                 .memory = &reader->memory,
                                 .bytes_read = &reader->counts.bytes,
                                 .arena = &reader->group_arena};
}

/* Pages are found by their index only where some of them are left out. */
static status start_chunks(struct format_reader *reader, const struct skip_request *request,
                           struct error *err)
{
    const struct parquet_group *group = request->group;
    const struct row_spans *spans = &reader->spans;
    bool is_whole =
        spans->n == 1 && spans->spans[0].first == 0 && spans->spans[0].end == (uint64_t)group->rows;
    char name[READ_NAME_BYTES];
    for (size_t i = 0; i < reader->n_leaves; i++) {
        struct chunk_reader *leaf = &reader->leaves[i];
        const struct parquet_chunk *chunk = &group->chunks[leaf->leaf->index];
        const struct parquet_offset_index *index = NULL;
        uint64_t at = 0, end = 0;
        (void)chunk_range(chunk, reader->data_end, &at, &end); /* checked when it was opened */
        if (!is_whole)
            TRY_IN(skip_offset_index(request, chunk, &index, err), err, "in column \"%s\"",
                   read_leaf_name(leaf->leaf, name));
        chunk_reader_start(leaf, chunk, index, (uint64_t)group->rows, at, end);
    }
    return STATUS_OK;
}

static status finish_group(struct format_reader *reader, struct error *err)
{
    for (size_t i = 0; i < reader->n_leaves; i++)
        TRY(chunk_finish(&reader->leaves[i], err));
    reader->is_open = false;
    return STATUS_OK;
}

static status start_group(struct format_reader *reader, const struct parquet_group *group,
                          struct error *err)
{
    struct skip_request request = skip_request(reader, group);
    release_group(reader);
    TRY(skip_choose(&request, &reader->spans, err));
    if (reader->spans.n == 0) {
        reader->counts.groups_skipped++;
        return STATUS_OK;
    }
    TRY(start_chunks(reader, &request, err));
    reader->group_bytes = reader->group_arena.total_bytes;
    reader->memory.used += reader->group_bytes;
    reader->span = 0;
    reader->row = 0;
    reader->is_open = true;
    return STATUS_OK;
}

/* The next row group that can hold what is wanted; none is open at the end. */
static status open_group(struct format_reader *reader, struct error *err)
{
    const struct parquet_footer *meta = &reader->footer.meta;
    while (!reader->is_open && reader->next_group < meta->n_groups) {
        const struct parquet_group *group = &meta->groups[reader->next_group++];
        reader->counts.groups++;
        if (group->rows > 0)
            TRY(start_group(reader, group, err));
    }
    return STATUS_OK;
}

/* ---- rows ---- */

/* Rows that every leaf can give from the page it has open. */
static status ready_rows(struct format_reader *reader, size_t most, size_t *out, struct error *err)
{
    size_t room = reader->memory.limit / (reader->n_leaves ? reader->n_leaves : 1);
    for (size_t i = 0; i < reader->n_leaves; i++) {
        size_t rows = 0;
        TRY(chunk_ready(&reader->leaves[i], room, &rows, err));
        most = rows < most ? rows : most;
    }
    *out = most;
    return STATUS_OK;
}

static status read_slice(struct format_reader *reader, struct batch *batch, size_t most,
                         size_t *out_rows, struct error *err)
{
    const struct row_span *span = &reader->spans.spans[reader->span];
    size_t rows = span->end - reader->row < most ? (size_t)(span->end - reader->row) : most;
    TRY(ready_rows(reader, rows, &rows, err));
    for (size_t i = 0; i < reader->n_columns; i++) {
        const struct reader_column *column = &reader->columns[i];
        TRY(column_read(&reader->leaves[column->first_leaf], column->n_leaves, &batch->columns[i],
                        rows, err));
    }
    batch->rows += rows;
    reader->row += rows;
    *out_rows = rows;
    return STATUS_OK;
}

static status go_to_row(struct format_reader *reader, uint64_t row, struct error *err)
{
    for (size_t i = 0; i < reader->n_leaves; i++)
        TRY(chunk_go_to(&reader->leaves[i], row, err));
    reader->row = row;
    return STATUS_OK;
}

/* One slice of the open group, or its end. */
static status advance(struct format_reader *reader, struct batch *batch, size_t most,
                      size_t *out_rows, struct error *err)
{
    *out_rows = 0;
    if (reader->span < reader->spans.n && reader->row == reader->spans.spans[reader->span].end)
        reader->span++;
    if (reader->span == reader->spans.n)
        return finish_group(reader, err);
    const struct row_span *span = &reader->spans.spans[reader->span];
    if (reader->row < span->first)
        TRY(go_to_row(reader, span->first, err));
    return read_slice(reader, batch, most, out_rows, err);
}

static status read_rows(struct format_reader *reader, struct batch *batch, size_t max_rows,
                        size_t *out_rows, struct error *err)
{
    size_t before = batch_bytes(batch), done = 0;
    while (done < max_rows) {
        size_t rows = 0;
        status_code code = open_group(reader, err);
        if (code == STATUS_OK && !reader->is_open)
            break;
        if (code == STATUS_OK)
            code = advance(reader, batch, max_rows - done, &rows, err);
        if (code != STATUS_OK) {
            (void)error_context(err, "in row group %zu", reader->next_group - 1);
            return code;
        }
        done += rows;
        if (batch_bytes(batch) - before > reader->memory.limit)
            break;
    }
    *out_rows = done;
    return STATUS_OK;
}

/* Columns that stand at different rows can't go on: after a failure there is nothing but the failure. */
status parquet_reader_next(struct format_reader *reader, struct batch *batch, size_t max_rows,
                           size_t *out_rows, struct error *err)
{
    size_t before = batch->rows, rows = 0;
    if (reader->failed != STATUS_OK)
        return error_set(err, reader->failed, "the file could not be read further before");
    if (!reader->has_begun)
        TRY(begin(reader, NULL, reader->plan.schema.n_fields, err));
    reader->failed = read_rows(reader, batch, max_rows, &rows, err);
    if (reader->failed != STATUS_OK) {
        batch_truncate(batch, before);
        return reader->failed;
    }
    *out_rows = rows;
    return STATUS_OK;
}
