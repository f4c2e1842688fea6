/* The largest key right now. A run asks for it at its end, when the catalog was read for the plan already: what the
 * question needs is kept from there. */
#include <string.h>

#include "source/postgres/fence.h"
#include "source/postgres/newest.h"
#include "source/postgres/xmin.h"

struct newest_key {
    struct newest_key *next;
    const char *what;              /* stream or query */
    struct postgres_table table;   /* its FROM alone */
    struct postgres_column column; /* name, type and cast */
    struct arena arena;
};

static const char *what_is_read(const struct read_request *request)
{
    return request->query ? request->query : request->stream;
}

static struct newest_key *find(const struct source *source, const struct read_request *request)
{
    for (struct newest_key *key = source->newest; key; key = key->next) {
        if (strcmp(key->what, what_is_read(request)) == 0 &&
            strcmp(key->column.name, request->update_key) == 0)
            return key;
    }
    return NULL;
}

static void forget(struct newest_key **key)
{
    struct newest_key *gone = *key;
    if (!gone)
        return;
    arena_release(&gone->arena);
    mem_free(gone);
    *key = NULL;
}

status newest_remember(struct source *source, const struct read_request *request,
                       const struct postgres_table *table, const struct postgres_column *key,
                       struct error *err)
{
    if (find(source, request))
        return STATUS_OK;
    SCOPED(forget) struct newest_key *kept = mem_zalloc(sizeof(*kept));
    if (!kept)
        return error_no_memory(err);
    kept->what = arena_strdup(&kept->arena, what_is_read(request));
    kept->table.from = arena_strdup(&kept->arena, table->from);
    kept->column.name = arena_strdup(&kept->arena, key->name);
    kept->column.wire.type = key->wire.type;
    if (key->wire.cast)
        kept->column.wire.cast = arena_strdup(&kept->arena, key->wire.cast);
    if (!kept->what || !kept->table.from || !kept->column.name ||
        (key->wire.cast && !kept->column.wire.cast))
        return error_no_memory(err);
    kept->next = source->newest;
    source->newest = TAKE(kept);
    return STATUS_OK;
}

void newest_forget_all(struct source *source)
{
    while (source->newest) {
        struct newest_key *first = source->newest;
        source->newest = first->next;
        forget(&first);
    }
}

status postgres_newest(struct source *source, const struct read_request *request,
                       struct arena *arena, struct scalar *out, struct error *err)
{
    struct postgres_table table;
    size_t column;
    if (!request->update_key)
        return error_set(err, STATUS_BAD_CONFIG, "no update_key, so nothing is the newest");
    TRY(postgres_present(source, err));
    const struct newest_key *kept = find(source, request);
    if (kept)
        return fence_largest(source->conn, &kept->table, &kept->column, request->where,
                             kept->column.wire.type, arena, out, err);
    TRY(postgres_table_describe(source->conn, request, arena, &table, err));
    if (xmin_is_key(&table, request->update_key))
        return xmin_newest(source->conn, out, err);
    TRY(column_names_need(&table.names, request->update_key, "update_key", &column, err));
    return fence_largest(source->conn, &table, &table.columns[column], request->where,
                         table.columns[column].wire.type, arena, out, err);
}
