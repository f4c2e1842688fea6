#include "source/reject.h"

#include <string.h>

static void member(struct text *json, const char *name, const char *value, size_t size)
{
    text_append_json(json, name);
    text_append_char(json, ':');
    text_append_json_bytes(json, value, size);
    text_append_char(json, ',');
}

void rejected_row_init(struct rejected_row *row, const char *relation, const char *which,
                       const char *column, const struct text *why)
{
    *row = (struct rejected_row){0};
    row->json.failed = why->failed;
    text_append_char(&row->json, '{');
    member(&row->json, "relation", relation, strlen(relation));
    if (which)
        member(&row->json, "row", which, strlen(which));
    member(&row->json, "column", column, strlen(column));
    member(&row->json, "why", text_string(why), why->size);
    text_append(&row->json, "\"values\":{");
}

void rejected_row_value(struct rejected_row *row, const char *column, const char *bytes,
                        size_t size)
{
    if (row->has_values)
        text_append_char(&row->json, ',');
    row->has_values = true;
    text_append_json(&row->json, column);
    text_append_char(&row->json, ':');
    if (bytes)
        text_append_json_bytes(&row->json, bytes, size);
    else
        text_append(&row->json, "null");
}

status rejected_row_send(struct rejected_row *row, const struct reader_options *options,
                         struct error *err)
{
    if (!options->reject)
        return error_set(err, STATUS_BUG, "a row to reject and no reject file");
    text_append(&row->json, "}}");
    TRY(text_check(&row->json, err));
    return options->reject(options->reject_context, row->json.data, row->json.size, err);
}

void rejected_row_release(struct rejected_row *row)
{
    text_release(&row->json);
}
