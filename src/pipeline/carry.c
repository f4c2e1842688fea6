/* Columns of types that the table does not have: bound once when the contract is known, converted chunk by chunk between
 * source and partition. */
#include <string.h>

#include "pipeline/stream.h"

static status bind(struct stream_run *stream, size_t column, struct error *err)
{
    const struct field *from = &stream->plan.schema.fields[column];
    const struct field *to = &stream->carried.fields[column];
    struct carry *carry = &stream->carries[stream->n_carries++];
    carry->column = column;
    carry->convert = column_convert_for(from->type, to->type);
    stream->converts = stream->converts || carry->convert;
    if (!column_converts(from, to))
        return error_set(err, STATUS_BUG, "column \"%s\": no kernel from %s", to->name,
                         to->carries);
    if (!stream->run->options->dry_run)
        return STATUS_OK;
    const char *text = commit_carry_text(stream->spec->table, to, stream->run->arena);
    if (!text)
        return error_no_memory(err);
    stream_note(stream, "%s", text);
    return STATUS_OK;
}

status stream_plan_carries(struct stream_run *stream, struct error *err)
{
    const struct schema *schema = &stream->plan.schema;
    TRY(commit_carry_schema(stream->spec->table, schema, &stream->carried, err));
    stream->carries = arena_alloc(&stream->arena, (schema->n_fields + 1) * sizeof(struct carry));
    if (!stream->carries)
        return error_no_memory(err);
    stream->n_carries = 0; /* a plan may be made again */
    stream->converts = false;
    for (size_t i = 0; i < schema->n_fields; i++)
        if (stream->carried.fields[i].carries)
            TRY(bind(stream, i, err));
    return STATUS_OK;
}

status carried_rows_init(const struct stream_run *stream, struct carried_rows *rows,
                         struct error *err)
{
    if (stream->n_carries == 0)
        return STATUS_OK;
    rows->view = mem_zalloc(stream->carried.n_fields * sizeof(*rows->view));
    rows->converted = mem_zalloc(stream->n_carries * sizeof(*rows->converted));
    if (!rows->view || !rows->converted)
        return error_no_memory(err);
    for (; rows->n_converted < stream->n_carries; rows->n_converted++) {
        size_t column = stream->carries[rows->n_converted].column;
        TRY(column_init(&rows->converted[rows->n_converted], &stream->carried.fields[column], err));
    }
    return STATUS_OK;
}

void carried_rows_release(struct carried_rows *rows)
{
    for (size_t i = 0; i < rows->n_converted; i++)
        column_release(&rows->converted[i]);
    mem_free(rows->converted);
    mem_free(rows->view);
    *rows = (struct carried_rows){0};
}

status stream_carry(const struct stream_run *stream, const struct batch *chunk,
                    struct carried_rows *rows, struct batch *out, struct error *err)
{
    *out = *chunk;
    if (stream->n_carries == 0)
        return STATUS_OK;
    memcpy(rows->view, chunk->columns, stream->carried.n_fields * sizeof(*rows->view));
    for (size_t i = 0; i < stream->n_carries; i++) {
        const struct carry *carry = &stream->carries[i];
        struct column *view = &rows->view[carry->column];
        if (carry->convert) {
            TRY(carry->convert(&rows->converted[i], view, err));
            *view = rows->converted[i];
        }
        view->field = &stream->carried.fields[carry->column];
    }
    out->schema = &stream->carried;
    out->columns = rows->view;
    return STATUS_OK;
}
