/* A checkpoint takes one of these shapes, which this reads alike:
 *
 *   N.checkpoint.parquet                           rows, one action each             classic
 *   N.checkpoint.<part>.<parts>.parquet            the same in several files
 *   N.checkpoint.<uuid>.parquet, ...<uuid>.json    rows or lines; those of files may stand in
 *     _sidecars/<name>.parquet                       files of their own               V2
 *
 * A row is told as the line of a version would be: strings in JSON's form, maps and the rest as JSON. Nothing is
 * believed: a file may be anything, and what is no checkpoint is BAD_DATA. */
#include "commit/delta/checkpoint_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "commit/delta/action_rows.h"
#include "commit/delta/value.h"
#include "json/json.h"

#define SIDECARS DELTA_LOG "/_sidecars/"

struct sidecar {
    const char *name; /* object */
    int64_t size;     /* -1: not told */
    struct sidecar *next;
};

struct checkpoint_view {
    struct storage *storage;
    const struct log_checkpoint *checkpoint;
    unsigned kinds; /* asked for by the caller */
    bool with_stats;
    action_fn each;
    void *context;
    unsigned seen; /* kinds that it holds */
    struct sidecar *sidecars;
    struct arena arena;
};

/* ---- what a manifest says of itself ---- */

static status see_sidecar(struct checkpoint_view *view, const json_t *json, struct error *err)
{
    const char *path;
    char *decoded;
    struct sidecar *sidecar = arena_alloc(&view->arena, sizeof(*sidecar));
    if (!sidecar)
        return error_no_memory(err);
    sidecar->size = -1;
    TRY(json_get_text(json, "path", "sidecar", &path, err));
    TRY(json_get_int_opt(json, "sizeInBytes", "sidecar", &sidecar->size, err));
    decoded = arena_strdup(&view->arena, path);
    if (!decoded)
        return error_no_memory(err);
    TRY(value_decode_uri(decoded, err));
    const char *leaf = strrchr(decoded, '/'); /* they stand in one folder, whatever the path says */
    sidecar->name = arena_printf(&view->arena, SIDECARS "%s", leaf ? leaf + 1 : decoded);
    if (!sidecar->name)
        return error_no_memory(err);
    if (!storage_name_valid(sidecar->name))
        return error_set(err, STATUS_BAD_DATA, "the sidecar \"%.200s\" has no proper name", path);
    sidecar->next = view->sidecars;
    view->sidecars = sidecar;
    return STATUS_OK;
}

static status check_version(const struct checkpoint_view *view, const json_t *json,
                            struct error *err)
{
    int64_t version;
    TRY(json_get_int(json, "version", "checkpointMetadata", &version, err));
    if (version != view->checkpoint->version)
        return error_set(err, STATUS_BAD_DATA, "%s says that it is of version %lld",
                         view->checkpoint->name, (long long)version);
    return STATUS_OK;
}

static status_code see_action(void *context, const struct action *action, struct error *err)
{
    struct checkpoint_view *view = context;
    SCOPED(json_release) json_t *json = NULL;
    view->seen |= ACTION_BIT(action->kind);
    if (action->kind == ACTION_SIDECAR || action->kind == ACTION_CHECKPOINT_METADATA) {
        TRY(action_json(action, &json, err));
        return action->kind == ACTION_SIDECAR ? see_sidecar(view, json, err)
                                              : check_version(view, json, err);
    }
    if (!(view->kinds & ACTION_BIT(action->kind)))
        return STATUS_OK;
    return view->each(view->context, action, err);
}

/* ---- its objects ---- */

static status read_rows(struct checkpoint_view *view, const char *name, unsigned kinds,
                        struct error *err)
{
    const struct action_rows rows = {
        .storage = view->storage,
        .name = name,
        .version = view->checkpoint->version,
        .kinds = kinds,
        .with_stats = view->with_stats,
    };
    TRY_IN(action_rows_each(&rows, see_action, view, err), err, "in %s", name);
    return STATUS_OK;
}

static status read_lines(struct checkpoint_view *view, unsigned kinds, struct error *err)
{
    struct log_reader reader;
    TRY(log_open_object(view->storage, view->checkpoint->name, view->checkpoint->version,
                        LOG_CHUNK_BYTES, &reader, err));
    status s = log_each(&reader, kinds, see_action, view, err);
    log_close(&reader);
    return s;
}

static status read_parts(struct checkpoint_view *view, unsigned kinds, struct error *err)
{
    const struct log_checkpoint *checkpoint = view->checkpoint;
    char name[LOG_NAME_BYTES];
    for (uint32_t part = 1; part <= checkpoint->parts; part++) {
        snprintf(name, sizeof(name), "%s%010" PRIu32 ".%010" PRIu32 ".parquet", checkpoint->name,
                 part, checkpoint->parts);
        TRY(read_rows(view, name, kinds, err));
    }
    return STATUS_OK;
}

static status check_sidecar(struct checkpoint_view *view, const struct sidecar *sidecar,
                            struct error *err)
{
    struct storage_entry entry;
    TRY(storage_stat(view->storage, sidecar->name, &entry, err));
    if (sidecar->size >= 0 && entry.size_bytes != (uint64_t)sidecar->size)
        return error_set(err, STATUS_BAD_DATA, "%s has %" PRIu64 " bytes, %s says %" PRId64,
                         sidecar->name, entry.size_bytes, view->checkpoint->name, sidecar->size);
    return STATUS_OK;
}

static status read_sidecars(struct checkpoint_view *view, struct error *err)
{
    unsigned kinds = view->kinds & ACTIONS_OF_FILES;
    for (const struct sidecar *sidecar = view->sidecars; sidecar; sidecar = sidecar->next) {
        TRY(check_sidecar(view, sidecar, err));
        if (kinds)
            TRY(read_rows(view, sidecar->name, kinds, err));
    }
    return STATUS_OK;
}

static status read_all(struct checkpoint_view *view, struct error *err)
{
    unsigned kinds = view->kinds | ACTIONS_DEFINITION | ACTION_BIT(ACTION_SIDECAR) |
                     ACTION_BIT(ACTION_CHECKPOINT_METADATA);
    if (view->checkpoint->is_json)
        TRY(read_lines(view, kinds, err));
    else if (view->checkpoint->parts)
        TRY(read_parts(view, kinds, err));
    else
        TRY(read_rows(view, view->checkpoint->name, kinds, err));
    if ((view->seen & ACTIONS_DEFINITION) != ACTIONS_DEFINITION)
        return error_set(err, STATUS_BAD_DATA, "%s holds no metaData or no protocol",
                         view->checkpoint->name);
    return read_sidecars(view, err);
}

status checkpoint_each(struct storage *storage, const struct log_checkpoint *checkpoint,
                       unsigned kinds, bool with_stats, action_fn each, void *context,
                       struct error *err)
{
    struct checkpoint_view view = {
        .storage = storage,
        .checkpoint = checkpoint,
        .kinds = kinds,
        .with_stats = with_stats,
        .each = each,
        .context = context,
    };
    status s = read_all(&view, err);
    arena_release(&view.arena);
    return s;
}
