#include "source/select.h"

#include <string.h>

#include "base/text.h"

/* ---- names ---- */

size_t column_names_find(const struct column_names *columns, const char *name)
{
    size_t other_letters = SIZE_MAX;
    for (size_t i = 0; i < columns->n; i++) {
        if (strcmp(columns->names[i], name) == 0)
            return i;
        if (columns->compare(columns->names[i], name) == 0)
            other_letters = i;
    }
    return other_letters;
}

status column_names_need(const struct column_names *columns, const char *name, const char *user,
                         size_t *out, struct error *err)
{
    size_t found = column_names_find(columns, name);
    if (found != SIZE_MAX) {
        *out = found;
        return STATUS_OK;
    }
    const char *nearest = text_nearest(name, columns->names, columns->n);
    return error_set(err, STATUS_BAD_CONFIG, "%s: no column \"%s\" in %s%s%s%s", user, name,
                     columns->relation, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?" : "");
}

const struct column_request *column_request_find(const struct read_request *request,
                                                 const char *name, name_compare_fn compare)
{
    for (size_t i = 0; i < request->n_columns; i++) {
        if (compare(request->columns[i].name, name) == 0)
            return &request->columns[i];
    }
    return NULL;
}

/* ---- select ---- */

static bool left_out(const struct column_names *columns, const char *const *select,
                     const char *name)
{
    for (; select && *select; select++) {
        if ((*select)[0] == '-' && columns->compare(*select + 1, name) == 0)
            return true;
    }
    return false;
}

static size_t picked_position(const size_t *picked, size_t n, size_t column)
{
    for (size_t i = 0; i < n; i++) {
        if (picked[i] == column)
            return i;
    }
    return SIZE_MAX;
}

/* The columns that SELECT names; OUT_NAMED says whether there are any: an entry with "-" names none. */
static status pick_named(const struct column_names *columns, const char *const *select,
                         size_t *picked, size_t *n, bool *out_named, struct error *err)
{
    *out_named = false;
    for (const char *const *s = select; s && *s; s++) {
        bool out = (*s)[0] == '-';
        size_t column;
        TRY(column_names_need(columns, *s + out, "select", &column, err));
        if (out)
            continue;
        *out_named = true;
        if (picked_position(picked, *n, column) != SIZE_MAX)
            return error_set(err, STATUS_BAD_CONFIG, "select: column \"%s\" twice", *s);
        if (!left_out(columns, select, *s))
            picked[(*n)++] = column;
    }
    return STATUS_OK;
}

static status check_requests(const struct column_names *columns, const struct read_request *request,
                             struct error *err)
{
    for (size_t i = 0; i < request->n_columns; i++) {
        const struct column_request *asked = &request->columns[i];
        size_t column;
        TRY(column_names_need(columns, asked->name, asked->where ? asked->where : "columns",
                              &column, err));
    }
    return STATUS_OK;
}

status select_columns(const struct column_names *columns, const struct read_request *request,
                      struct arena *arena, size_t **out_picked, size_t *out_n, struct error *err)
{
    bool named;
    size_t n = 0;
    size_t *picked = arena_alloc(arena, (columns->n + 1) * sizeof(*picked));
    if (!picked)
        return error_no_memory(err);
    TRY(pick_named(columns, request->select, picked, &n, &named, err));
    for (size_t i = 0; !named && i < columns->n; i++) {
        if (!left_out(columns, request->select, columns->names[i]))
            picked[n++] = i;
    }
    if (n == 0)
        return error_set(err, STATUS_BAD_CONFIG, "select leaves no column of %s",
                         columns->relation);
    TRY(check_requests(columns, request, err));
    *out_picked = picked;
    *out_n = n;
    return STATUS_OK;
}

status select_key(const struct column_names *columns, const char *name, const size_t *picked,
                  size_t n, size_t *out_column, size_t *out_position, struct error *err)
{
    TRY(column_names_need(columns, name, "update_key", out_column, err));
    *out_position = picked_position(picked, n, *out_column);
    if (*out_position == SIZE_MAX)
        return error_set(err, STATUS_BAD_CONFIG, "select leaves out the update_key \"%s\"", name);
    return STATUS_OK;
}
