/* What a dead run left, and what is left behind.
 *
 * The staging area of a run holds plan.json, then for each finished split its segment and manifest. A later run whose plan
 * has the same digest (same snapshot token, same splits, same job) takes the finished splits over: it copies (links) the
 * segments under names of its own, then puts manifests of its own. Work under another digest is never mixed in; it is
 * removed. Only the holder of the table's lock does either, so a staging area found here has no living owner.
 *
 * Where no token tells that the snapshot is the same, the first splits of an incremental run may be kept under another one
 * (keep.c): they are looked for before the plan is made, which is then of what is left. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pipeline/stream.h"
#include "json/json.h"

enum { MAX_MANIFEST_BYTES = 256 << 20, MAX_PLAN_BYTES = 64 << 20 };

/* ---- plan.json ---- */

static json_t *splits_to_json(const struct read_plan *plan)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < plan->n_splits; i++) {
        const struct split *split = &plan->splits[i];
        json_t *below = split->complete_below ? scalar_to_json(split->complete_below) : json_null();
        json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:o, s:I}", "text", split->text,
                                               "lower", scalar_to_json(&split->lower), "upper",
                                               scalar_to_json(&split->upper), "complete_below",
                                               below, "rows", (json_int_t)split->rows));
    }
    return array;
}

status stream_write_plan(struct stream_run *stream, struct error *err)
{
    const struct read_plan *plan = &stream->plan;
    char name[128], now[32];
    clock_format_utc(clock_wall_us(), now);
    SCOPED(json_release)
    json_t *json =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s?, s:i, s:o, s:o, s:o, s:o, s:s}", "format", 1,
                  "run", stream->run->run_id, "digest", stream->digest, "work", stream->work,
                  "stream", stream->spec->name, "source", plan->source_identity, "token",
                  plan->token, "today", (int)plan->today, "lower", scalar_to_json(&stream->lower),
                  "bound", scalar_to_json(&plan->bound), "schema", schema_to_json(&plan->schema),
                  "splits", splits_to_json(plan), "written", now);
    size_t size = 0;
    SCOPED(mem_freep) char *text = json ? json_write(json, &size) : NULL;
    if (!text)
        return error_no_memory(err);
    snprintf(name, sizeof(name), "%s/plan.json", stream->staging);
    status_code code = storage_put(stream->storage, name, PUT_IF_ABSENT, text, size, err);
    return code == STATUS_EXISTS ? STATUS_OK : code;
}

/* ---- staging areas of dead runs ---- */

struct dead_runs {
    struct stream_run *stream;
    const char **ids;
    size_t n;
};

/* What others keep there is none of ours. */
static bool is_run_id(const char *name)
{
    return strlen(name) == RUN_ID_BYTES - 1 &&
           strspn(name, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == RUN_ID_BYTES - 1;
}

static status_code note_dead_run(void *context, const struct storage_entry *entry,
                                 struct error *err)
{
    struct dead_runs *dead = context;
    struct arena *arena = &dead->stream->arena;
    const char *id = strrchr(entry->name, '/');
    id = id ? id + 1 : entry->name;
    if (!entry->is_prefix || !is_run_id(id) || strcmp(id, dead->stream->run->run_id) == 0)
        return STATUS_OK;
    const char **ids = arena_alloc(arena, (dead->n + 1) * sizeof(*ids));
    char *copy = arena_strdup(arena, id);
    if (!ids || !copy)
        return error_no_memory(err);
    if (dead->n)
        memcpy(ids, dead->ids, dead->n * sizeof(*ids));
    ids[dead->n++] = copy;
    dead->ids = ids;
    return STATUS_OK;
}

static status find_dead_runs(struct stream_run *stream, struct dead_runs *out, struct error *err)
{
    out->stream = stream;
    return storage_list(stream->storage, STAGING_ROOT, true, note_dead_run, out, err);
}

/* NULL: there is none that can be read. */
static json_t *read_dead_plan(struct stream_run *stream, const char *run_id)
{
    char name[160];
    SCOPED(mem_freep) char *text = NULL;
    json_t *json = NULL;
    size_t size;
    struct error ignored = {0};
    snprintf(name, sizeof(name), "%s/%s/plan.json", STAGING_ROOT, run_id);
    if (storage_get(stream->storage, name, MAX_PLAN_BYTES, &text, &size, &ignored) != STATUS_OK ||
        json_parse(text, size, "plan.json", &json, &ignored) != STATUS_OK)
        return NULL;
    return json;
}

static bool says(const json_t *plan, const char *key, const char *text)
{
    struct error ignored = {0};
    const char *found = NULL;
    return json_get_text(plan, key, "plan.json", &found, &ignored) == STATUS_OK &&
           strcmp(found, text) == 0;
}

static bool has_our_digest(struct stream_run *stream, const char *run_id)
{
    SCOPED(json_release) json_t *plan = read_dead_plan(stream, run_id);
    return plan && says(plan, "digest", stream->digest);
}

/* Copy (link) an object of another run under a name of our own. */
static status take_name(struct stream_run *stream, uint32_t split, const char *kind,
                        struct split_result *found, const char **name, struct error *err)
{
    if (!*name || text_starts_with(*name, stream->staging))
        return STATUS_OK;
    const char *own =
        arena_printf(&found->arena, "%s/split-%05u-kept.%s", stream->staging, split, kind);
    if (!own)
        return error_no_memory(err);
    TRY(storage_copy(stream->storage, *name, own, err));
    *name = own;
    return STATUS_OK;
}

status stream_adopt(struct stream_run *stream, uint32_t split, struct split_result *found,
                    struct error *err)
{
    TRY(segment_read_index(stream->storage, stream->partitioner, &stream->keys, found, err));
    TRY(take_name(stream, split, "seg", found, &found->segment, err));
    TRY(take_name(stream, split, "rejects", found, &found->rejects, err));
    TRY(stream_take_keys(stream, split, found, err));
    for (size_t i = 0; i < found->used.n; i++)
        (void)known_rows_take(&stream->known, &found->used.items[i]);
    found->done = found->kept = true;
    return STATUS_OK;
}

static status read_dead_manifest(struct stream_run *stream, const char *run_id, const char *digest,
                                 uint32_t split, size_t n_columns, struct split_result *out,
                                 struct error *err)
{
    char name[160];
    SCOPED(mem_freep) char *text = NULL;
    size_t size;
    snprintf(name, sizeof(name), "%s/%s/split-%05u.json", STAGING_ROOT, run_id, split);
    TRY(storage_get(stream->storage, name, MAX_MANIFEST_BYTES, &text, &size, err));
    return manifest_read(text, size, digest, split, n_columns, out, err);
}

/* A split that can't be taken over is read again: nothing here fails a run but a storage that fails. */
static void try_adopt(struct stream_run *stream, const char *run_id, uint32_t split)
{
    struct error ignored = {0};
    struct split_result found = {0};
    if (read_dead_manifest(stream, run_id, stream->digest, split, stream->plan.schema.n_fields,
                           &found, &ignored) != STATUS_OK)
        return;
    if (stream_adopt(stream, split, &found, &ignored) != STATUS_OK) {
        split_result_release(&found);
        return;
    }
    stream->splits[split] = found;
    stream->report->splits_kept++;
    stream->report->rows_kept += found.rows_read;
}

/* Manifests for the splits taken over, once all that they name is durable. */
static status put_manifests(struct stream_run *stream, struct error *err)
{
    TRY(stream_write_plan_once(stream, err));
    TRY(storage_sync(stream->storage, err));
    for (uint32_t split = 0; split < stream->plan.n_splits; split++)
        if (stream->splits[split].kept)
            TRY(stream_put_manifest(stream, split, &stream->splits[split], err));
    return storage_sync(stream->storage, err);
}

/* ---- splits that may be kept under another snapshot ---- */

/* The plan will be of what is left: by the time that the object is read it is too late to do without. */
static status stat_whole(struct stream_run *stream, const char *name, uint64_t size_bytes,
                         struct error *err)
{
    struct storage_entry entry;
    if (!name)
        return STATUS_OK;
    TRY(storage_stat(stream->storage, name, &entry, err));
    if (entry.size_bytes != size_bytes)
        return error_set(err, STATUS_BAD_DATA, "%s is not whole", name);
    return STATUS_OK;
}

static status read_kept_split(struct stream_run *stream, const char *run_id, const char *digest,
                              const json_t *splits, size_t n_columns, struct kept_splits *kept,
                              struct error *err)
{
    struct arena *arena = &stream->arena;
    const json_t *json = json_array_get(splits, kept->n);
    const json_t *below = json_object_get(json, "complete_below");
    struct split *split = &kept->splits[kept->n];
    struct split_result *result = &kept->results[kept->n];
    const char *text;
    TRY(json_get_text(json, "text", "plan.json", &text, err));
    split->text = arena_strdup(arena, text);
    struct scalar *end = arena_alloc(arena, sizeof(*end));
    if (!split->text || !end)
        return error_no_memory(err);
    if (below && !json_is_null(below)) {
        TRY(scalar_from_json(below, arena, end, err));
        split->complete_below = end;
    }
    TRY(read_dead_manifest(stream, run_id, digest, (uint32_t)kept->n, n_columns, result, err));
    status_code code = stat_whole(stream, result->segment, result->segment_bytes, err);
    if (code == STATUS_OK)
        code = stat_whole(stream, result->rejects, result->reject_bytes, err);
    if (code != STATUS_OK) {
        split_result_release(result);
        return code;
    }
    result->proven = true; /* else it had no manifest */
    kept->n++;
    return STATUS_OK;
}

/* What the dead run RUN_ID finished, if it was to do the same as this one. OUT is released by the caller, also after a failure. */
static status read_kept(struct stream_run *stream, const char *run_id, const json_t *plan,
                        struct kept_splits *out, struct error *err)
{
    const json_t *splits = NULL;
    const char *digest, *source;
    int64_t today;
    struct error end = {0};
    TRY(json_get_array(plan, "splits", "plan.json", &splits, err));
    TRY(json_get_text(plan, "digest", "plan.json", &digest, err));
    TRY(json_get_text(plan, "source", "plan.json", &source, err));
    TRY(json_get_int(plan, "today", "plan.json", &today, err));
    TRY(schema_from_json(json_object_get(plan, "schema"), &out->schema, err));
    size_t n = json_array_size(splits);
    out->today = (int32_t)today;
    out->source_identity = arena_strdup(&stream->arena, source);
    out->splits = arena_alloc(&stream->arena, (n + 1) * sizeof(*out->splits));
    out->results = mem_zalloc((n + 1) * sizeof(*out->results));
    if (!out->source_identity || !out->splits || !out->results)
        return error_no_memory(err);
    while (out->n < n && read_kept_split(stream, run_id, digest, splits, out->schema.n_fields, out,
                                         &end) == STATUS_OK)
        ;
    kept_splits_cut(out);
    return STATUS_OK;
}

status stream_find_kept(struct stream_run *stream, struct error *err)
{
    struct dead_runs dead = {0};
    bool by_token = stream->run->job->source->traits & SOURCE_TOKEN;
    /* Between two runs the source may have been filled anew, with the keys of before; who loads it for the first time then
     * expects all of it. */
    bool adds = stream->mode == MODE_INCREMENTAL && !stream->partial && !stream->lower.is_null;
    if (stream->sought || by_token || !adds || !stream->storage || stream->run->options->dry_run)
        return STATUS_OK;
    stream->sought = true;
    TRY(find_dead_runs(stream, &dead, err));
    for (size_t i = 0; i < dead.n; i++) {
        struct kept_splits found = {0};
        struct error ignored = {0};
        SCOPED(json_release) json_t *plan = read_dead_plan(stream, dead.ids[i]);
        if (!plan || !says(plan, "work", stream->work))
            continue;
        if (read_kept(stream, dead.ids[i], plan, &found, &ignored) == STATUS_OK &&
            found.n > stream->kept.n) {
            stream_drop_kept(stream);
            stream->kept = found;
        } else {
            kept_splits_release(&found);
        }
    }
    return STATUS_OK;
}

/* ---- what is removed ---- */

static status_code remove_if_of_run(void *context, const struct storage_entry *entry,
                                    struct error *err)
{
    const struct dead_runs *dead = context;
    const char *slash = strrchr(entry->name, '/');
    const char *leaf = slash ? slash + 1 : entry->name;
    if (text_starts_with(entry->name, "_") || !text_starts_with(leaf, "leat-"))
        return STATUS_OK;
    for (size_t i = 0; i < dead->n; i++)
        if (text_starts_with(leaf + strlen("leat-"), dead->ids[i]))
            return storage_remove(dead->stream->storage, entry->name, err);
    return STATUS_OK;
}

/* Data files that dead runs assembled but never published carry the run's id in their names. A run that published but died
 * before it cleaned up is told apart by the table itself: its files are live and stay. */
static status remove_dead_files(struct stream_run *stream, const struct dead_runs *dead,
                                struct error *err)
{
    struct dead_runs unpublished = {.stream = stream};
    unpublished.ids = arena_alloc(&stream->arena, (dead->n + 1) * sizeof(char *));
    if (!unpublished.ids)
        return error_no_memory(err);
    for (size_t i = 0; i < dead->n; i++) {
        char marker[160];
        struct storage_entry entry;
        struct error ignored = {0};
        int64_t version = -1;
        snprintf(marker, sizeof(marker), "%s/%s/may-have-files", STAGING_ROOT, dead->ids[i]);
        if (storage_stat(stream->storage, marker, &entry, &ignored) != STATUS_OK)
            continue;
        TRY(stream->spec->table->find_run(stream->table, dead->ids[i], &version, err));
        if (version < 0)
            unpublished.ids[unpublished.n++] = dead->ids[i];
    }
    if (unpublished.n == 0)
        return STATUS_OK;
    return storage_list(stream->storage, "", false, remove_if_of_run, &unpublished, err);
}

static status remove_dead_runs(struct stream_run *stream, const struct dead_runs *dead,
                               struct error *err)
{
    TRY(remove_dead_files(stream, dead, err));
    for (size_t i = 0; i < dead->n; i++) {
        char prefix[128];
        snprintf(prefix, sizeof(prefix), "%s/%s", STAGING_ROOT, dead->ids[i]);
        TRY(storage_remove_below(stream->storage, prefix, err));
    }
    return STATUS_OK;
}

status stream_keep_finished(struct stream_run *stream, struct error *err)
{
    struct dead_runs dead = {0};
    TRY(stream_take_kept(stream, err));
    uint64_t kept = stream->report->splits_kept;
    TRY(find_dead_runs(stream, &dead, err));
    for (size_t i = 0; i < dead.n && stream->plan.token; i++) {
        if (!has_our_digest(stream, dead.ids[i]))
            continue;
        for (uint32_t split = 0; split < stream->plan.n_splits; split++)
            if (!stream->splits[split].done)
                try_adopt(stream, dead.ids[i], split);
    }
    if (stream->report->splits_kept)
        TRY(put_manifests(stream, err));
    if (stream->report->splits_kept > kept)
        stream_note(stream, "%llu of %llu splits were finished by an earlier run and are kept",
                    (unsigned long long)(stream->report->splits_kept - kept),
                    (unsigned long long)stream->report->splits);
    return dead.n ? remove_dead_runs(stream, &dead, err) : STATUS_OK;
}

void stream_clean_up(struct stream_run *stream)
{
    struct error ignored = {0};
    if (storage_remove_below(stream->storage, stream->staging, &ignored) != STATUS_OK)
        stream_note(stream, "the staging area %s could not be removed: %s", stream->staging,
                    ignored.text);
}
