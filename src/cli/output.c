#include <string.h>

#include "base/text.h"
#include "cli/command.h"

status print_json(struct invocation *invocation, json_t *document, struct error *err)
{
    SCOPED(json_release) json_t *json = document;
    size_t size;
    char *text = json ? json_write(json, &size) : NULL;
    if (!text)
        return error_no_memory(err);
    fprintf(invocation->out, "%s\n", text);
    mem_free(text);
    return STATUS_OK;
}

const char *counted(uint64_t n, const char *unit, char out[48])
{
    char count[32];
    snprintf(out, 48, "%s %s%s", text_format_count(n, count), unit, n == 1 ? "" : "s");
    return out;
}

json_t *json_text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

void grid_row(struct grid *grid, const char *const *cells)
{
    if (grid->n_rows == grid->capacity) {
        size_t capacity = grid->capacity ? grid->capacity * 2 : 16;
        const char ***rows = arena_alloc(grid->arena, capacity * sizeof(*rows));
        if (!rows) {
            grid->failed = true;
            return;
        }
        if (grid->n_rows)
            memcpy(rows, grid->rows, grid->n_rows * sizeof(*rows));
        grid->rows = rows;
        grid->capacity = capacity;
    }
    const char **row = arena_alloc(grid->arena, grid->n_columns * sizeof(*row));
    for (size_t i = 0; row && i < grid->n_columns; i++) {
        row[i] = arena_strdup(grid->arena, cells[i] ? cells[i] : "");
        grid->failed |= !row[i];
    }
    grid->failed |= !row;
    if (!grid->failed)
        grid->rows[grid->n_rows++] = row;
}

/* Characters, as a terminal shows them: bytes that begin one. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_row(const struct grid *grid, const size_t *widths, const char *const *row,
                      FILE *out)
{
    size_t last = grid->n_columns;
    while (last > 0 && !row[last - 1][0])
        last--;
    for (size_t i = 0; i < last; i++) {
        int padding = (int)(widths[i] - text_width(row[i]));
        if (grid->alignment[i] == 'r')
            fprintf(out, "  %*s%s", padding, "", row[i]);
        else
            fprintf(out, "  %s%*s", row[i], i + 1 < last ? padding : 0, "");
    }
    fputc('\n', out);
}

status grid_print(const struct grid *grid, FILE *out, struct error *err)
{
    enum { MAX_COLUMNS = 16 };
    size_t widths[MAX_COLUMNS] = {0};
    if (grid->failed || grid->n_columns > MAX_COLUMNS)
        return error_no_memory(err);
    for (size_t r = 0; r < grid->n_rows; r++) {
        for (size_t i = 0; i < grid->n_columns; i++) {
            size_t width = text_width(grid->rows[r][i]);
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    for (size_t r = 0; r < grid->n_rows; r++)
        print_row(grid, widths, grid->rows[r], out);
    return STATUS_OK;
}
