/* From the end of the log back to our stream's newest commit.
 *
 *   newest  foreign commits (read whole)  ...  own commit R (its first lines)   k: the definition
 *   <---------------------------------------------------------------------|     (first lines)
 *
 * An own commit begins with commitInfo, whose member "leat" names the stream, the run, and the versions in which the
 * metaData and protocol then in force stand; txn follows. So a run that finds nothing reads two heads and one
 * record, however many files the table has.
 *
 * Where the JSON was removed before k or R, the newest checkpoint that can be read tells:
 *   before k   the definition. It is the one in force: no commit between R and the end changed it unseen.
 *   before R   our stream's txn. Commits between R and the JSON that is left were seen by nobody: the run is held. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "commit/delta/checkpoint_read.h"
#include "commit/delta/delta.h"

void snapshot_release(struct snapshot *snapshot)
{
    json_release(&snapshot->metadata);
    json_release(&snapshot->protocol);
    listing_release(&snapshot->log);
    mem_free(snapshot->foreign);
    arena_release(&snapshot->arena);
    *snapshot = (struct snapshot){0};
}

/* One commit while it is read. */
struct commit_view {
    struct snapshot *snapshot;
    const struct delta_table *table;
    int64_t version;
    struct foreign_commit facts;
    bool is_own;                      /* commitInfo says so */
    int64_t metadata_at, protocol_at; /* as an own commitInfo says; -1 */
};

/* ---- the actions ---- */

static status keep(struct snapshot *snapshot, const char *text, const char **out, struct error *err)
{
    *out = text ? arena_strdup(&snapshot->arena, text) : "";
    return *out ? STATUS_OK : error_no_memory(err);
}

static status see_own_info(struct commit_view *view, const json_t *leat, struct error *err)
{
    const char *stream = json_string_value(json_object_get(leat, "stream"));
    struct snapshot *snapshot = view->snapshot;
    if (!text_equal(stream, view->table->stream) || snapshot->own_version >= 0)
        return STATUS_OK;
    view->is_own = true;
    bool other = false;
    TRY(json_get_int_opt(leat, "metaDataVersion", "commitInfo", &view->metadata_at, err));
    TRY(json_get_int_opt(leat, "protocolVersion", "commitInfo", &view->protocol_at, err));
    TRY(json_get_bool_opt(leat, "otherData", "commitInfo", &other, err));
    snapshot->other_data = other;
    return keep(snapshot, json_string_value(json_object_get(leat, "runId")), &snapshot->own_run,
                err);
}

static status see_commit_info(struct commit_view *view, const struct action *action,
                              struct error *err)
{
    SCOPED(json_release) json_t *info = NULL;
    TRY(action_json(action, &info, err));
    TRY(keep(view->snapshot, json_string_value(json_object_get(info, "operation")),
             &view->facts.operation, err));
    TRY(keep(view->snapshot, json_string_value(json_object_get(info, "engineInfo")),
             &view->facts.engine, err));
    view->facts.time_ms = (int64_t)json_integer_value(json_object_get(info, "timestamp"));
    const json_t *leat = json_object_get(info, "leat");
    return json_is_object(leat) ? see_own_info(view, leat, err) : STATUS_OK;
}

/* "leat:<table id>:<stream>" of our stream: the table id. NULL: another's. */
static status own_app_table(const struct delta_table *table, const char *app, struct arena *arena,
                            const char **out, struct error *err)
{
    *out = NULL;
    if (!text_starts_with(app, "leat:"))
        return STATUS_OK;
    app += strlen("leat:");
    const char *colon = strchr(app, ':');
    if (!colon || strcmp(colon + 1, table->stream) != 0)
        return STATUS_OK;
    *out = arena_strndup(arena, app, (size_t)(colon - app));
    return *out ? STATUS_OK : error_no_memory(err);
}

/* TABLE_ID: NULL where it is not of our stream. In the snapshot's arena. */
static status read_txn(const struct delta_table *table, struct snapshot *snapshot,
                       const struct action *action, const char **table_id, int64_t *number,
                       struct error *err)
{
    SCOPED(json_release) json_t *txn = NULL;
    const char *app;
    TRY(action_json(action, &txn, err));
    TRY(json_get_text(txn, "appId", "txn", &app, err));
    TRY(json_get_int(txn, "version", "txn", number, err));
    return own_app_table(table, app, &snapshot->arena, table_id, err);
}

static status see_txn(struct commit_view *view, const struct action *action, struct error *err)
{
    struct snapshot *snapshot = view->snapshot;
    const char *table_id;
    int64_t number;
    TRY(read_txn(view->table, snapshot, action, &table_id, &number, err));
    if (!table_id || snapshot->own_version >= 0)
        return STATUS_OK;
    snapshot->own_version = view->version;
    snapshot->own_number = number;
    snapshot->own_table_id = table_id;
    return STATUS_OK;
}

static status see_file(struct commit_view *view, const struct action *action, struct error *err)
{
    const struct file_action *file = &action->file;
    uint64_t rows;
    view->facts.deletion_vectors |= file->has_deletion_vector;
    if (!file->data_change)
        return STATUS_OK;
    if (action->kind == ACTION_REMOVE) {
        view->facts.files_removed++;
        return STATUS_OK;
    }
    TRY(log_stats_rows(file->stats, &rows, err));
    view->facts.files_added++;
    if (rows == UINT64_MAX)
        view->facts.rows_known = false;
    else
        view->facts.rows_added += rows;
    return STATUS_OK;
}

/* The newest in force: what stands already is newer. */
static status keep_definition(struct snapshot *snapshot, const struct action *action,
                              int64_t version, struct error *err)
{
    bool is_metadata = action->kind == ACTION_METADATA;
    json_t **slot = is_metadata ? &snapshot->metadata : &snapshot->protocol;
    if (*slot)
        return STATUS_OK;
    if (is_metadata)
        snapshot->metadata_version = version;
    else
        snapshot->protocol_version = version;
    return action_json(action, slot, err);
}

static bool have_definition(const struct snapshot *snapshot)
{
    return snapshot->metadata && snapshot->protocol;
}

/* Nothing more of this commit is wanted: it is our own and tells where the definition stands, or it holds what
 * was still missing. */
static bool seen_enough(const struct commit_view *view)
{
    const struct snapshot *snapshot = view->snapshot;
    if (snapshot->own_version < 0)
        return false;
    if (have_definition(snapshot))
        return true;
    bool told = view->is_own && view->metadata_at >= 0 && view->protocol_at >= 0;
    return told && snapshot->own_version == view->version && view->metadata_at != view->version &&
           view->protocol_at != view->version;
}

static status_code see_action(void *context, const struct action *action, struct error *err)
{
    struct commit_view *view = context;
    bool counts =
        view->snapshot->own_version < 0; /* older than our own: only the definition matters */
    switch (action->kind) {
    case ACTION_COMMIT_INFO:
        TRY(see_commit_info(view, action, err));
        break;
    case ACTION_TXN:
        TRY(see_txn(view, action, err));
        break;
    case ACTION_METADATA:
    case ACTION_PROTOCOL:
        view->facts.metadata |= action->kind == ACTION_METADATA;
        view->facts.protocol |= action->kind == ACTION_PROTOCOL;
        TRY(keep_definition(view->snapshot, action, view->version, err));
        break;
    default:
        if (counts)
            TRY(see_file(view, action, err));
    }
    return seen_enough(view) ? STATUS_END : STATUS_OK;
}

/* ---- one version ---- */

static status read_commit(const struct delta_table *table, struct snapshot *snapshot,
                          int64_t version, struct commit_view *out, struct error *err)
{
    struct log_reader reader;
    unsigned kinds = ACTION_BIT(ACTION_COMMIT_INFO) | ACTION_BIT(ACTION_TXN) | ACTIONS_DEFINITION;
    *out = (struct commit_view){
        .snapshot = snapshot,
        .table = table,
        .version = version,
        .facts = {.version = version, .rows_known = true, .operation = "", .engine = ""},
        .metadata_at = -1,
        .protocol_at = -1,
    };
    if (snapshot->own_version < 0)
        kinds |= ACTIONS_OF_FILES;
    TRY(log_open(table->storage, version, LOG_HEAD_BYTES, &reader, err));
    status s = log_each(&reader, kinds, see_action, out, err);
    log_close(&reader);
    return s;
}

static status add_foreign(struct snapshot *snapshot, const struct foreign_commit *commit,
                          struct error *err)
{
    size_t n = snapshot->n_foreign;
    if ((n & (n - 1)) == 0) { /* a power of two is full */
        struct foreign_commit *grown =
            mem_realloc_array(snapshot->foreign, n ? 2 * n : 1, sizeof(*grown));
        if (!grown)
            return error_no_memory(err);
        snapshot->foreign = grown;
    }
    snapshot->foreign[snapshot->n_foreign++] = *commit;
    return STATUS_OK;
}

/* ---- what only a checkpoint tells ---- */

struct checkpoint_facts {
    struct snapshot *snapshot;
    const struct delta_table *table;
    int64_t version;
    const char *own_table_id; /* NULL: no txn of our stream */
    int64_t own_number;
    json_t *metadata, *protocol;
};

static void facts_release(struct checkpoint_facts *facts)
{
    json_release(&facts->metadata);
    json_release(&facts->protocol);
}

/* A table that was replaced by another has a txn of each; they have no order but their numbers. */
static status see_checkpoint_txn(struct checkpoint_facts *facts, const struct action *action,
                                 struct error *err)
{
    const char *table_id;
    int64_t number;
    TRY(read_txn(facts->table, facts->snapshot, action, &table_id, &number, err));
    if (!table_id || (facts->own_table_id && number < facts->own_number))
        return STATUS_OK;
    facts->own_table_id = table_id;
    facts->own_number = number;
    return STATUS_OK;
}

static status_code see_checkpoint_action(void *context, const struct action *action,
                                         struct error *err)
{
    struct checkpoint_facts *facts = context;
    if (action->kind == ACTION_TXN)
        return see_checkpoint_txn(facts, action, err);
    json_t **slot = action->kind == ACTION_METADATA ? &facts->metadata : &facts->protocol;
    json_release(slot);
    return action_json(action, slot, err);
}

static void take_facts(struct checkpoint_facts *facts, bool wants_own)
{
    struct snapshot *snapshot = facts->snapshot;
    if (!snapshot->metadata) {
        snapshot->metadata = TAKE(facts->metadata);
        snapshot->metadata_version = facts->version;
    }
    if (!snapshot->protocol) {
        snapshot->protocol = TAKE(facts->protocol);
        snapshot->protocol_version = facts->version;
    }
    if (!wants_own)
        return;
    snapshot->other_data = true; /* whose its files are is not told */
    if (!facts->own_table_id)
        return;
    snapshot->own_is_hidden = true;
    snapshot->own_version = snapshot->log.json_from - 1;
    snapshot->own_number = facts->own_number;
    snapshot->own_table_id = facts->own_table_id;
}

/* Of the newest checkpoint that can be read, of version SINCE or later. WANTS_OWN: our stream's txn, too.
 * NOT_FOUND, BAD_DATA: there is none; LAST is the last one tried. */
static status read_checkpoint(const struct delta_table *table, struct snapshot *snapshot,
                              int64_t since, bool wants_own, struct log_base *last,
                              struct error *err)
{
    status_code s = STATUS_NOT_FOUND;
    for (size_t nth = 0; base_is_bad(s); nth++) {
        SCOPED(facts_release)
        struct checkpoint_facts facts = {.snapshot = snapshot, .table = table};
        struct log_base base;
        if (!listing_base(&snapshot->log, snapshot->version, BASE_NEWEST, nth, &base) ||
            !base.checkpoint || base.checkpoint->version < since)
            return s;
        *last = base;
        facts.version = base.checkpoint->version;
        s = checkpoint_each(table->storage, base.checkpoint,
                            ACTIONS_DEFINITION | ACTION_BIT(ACTION_TXN), false,
                            see_checkpoint_action, &facts, err);
        if (s == STATUS_OK)
            take_facts(&facts, wants_own);
    }
    return s;
}

/* The definition, if there is such a checkpoint; else the JSON tells. */
static status try_checkpoint(const struct delta_table *table, struct snapshot *snapshot,
                             int64_t since, struct error *err)
{
    struct log_base last;
    status_code s = read_checkpoint(table, snapshot, since, false, &last, err);
    return base_is_bad(s) ? STATUS_OK : s;
}

/* What stands before the JSON that is left. */
static status read_cut_off(const struct delta_table *table, struct snapshot *snapshot,
                           struct error *err)
{
    struct log_base last = {NULL};
    status_code s = read_checkpoint(table, snapshot, snapshot->log.json_from - 1,
                                    snapshot->own_version < 0, &last, err);
    return base_is_bad(s) ? listing_no_base(table->storage, &snapshot->log, &last, err) : s;
}

/* ---- back from the end ---- */

static bool has_checkpoint_of(const struct log_listing *log, int64_t version)
{
    for (size_t i = 0; i < log->n_checkpoints; i++)
        if (log->checkpoints[i].version == version)
            return true;
    return false;
}

/* Is what VERSION holds of the definition best read in its JSON? A version that a checkpoint stands for may hold
 * none of it, and many files. */
static bool is_in_json(const struct snapshot *snapshot, int64_t version)
{
    return version >= snapshot->log.json_from && !has_checkpoint_of(&snapshot->log, version);
}

/* What is still missing where an own commitInfo says that it stands. A checkpoint older than that would tell
 * of the definition before. */
static status read_definition(const struct delta_table *table, struct snapshot *snapshot,
                              const struct commit_view *own, struct error *err)
{
    struct commit_view view;
    int64_t metadata_at = own->metadata_at;
    int64_t protocol_at = own->protocol_at;
    if (metadata_at < 0 || protocol_at < 0)
        return STATUS_OK; /* it is not one of ours */
    if (!snapshot->metadata && is_in_json(snapshot, metadata_at))
        TRY(read_commit(table, snapshot, metadata_at, &view, err));
    if (!snapshot->protocol && is_in_json(snapshot, protocol_at))
        TRY(read_commit(table, snapshot, protocol_at, &view, err));
    if (have_definition(snapshot))
        return STATUS_OK;
    int64_t since = snapshot->metadata ? protocol_at : metadata_at;
    if (!snapshot->protocol && protocol_at > since)
        since = protocol_at;
    return try_checkpoint(table, snapshot, since, err);
}

static bool is_complete(const struct snapshot *snapshot)
{
    return snapshot->own_version >= 0 && have_definition(snapshot);
}

static status read_back(const struct delta_table *table, struct snapshot *snapshot,
                        struct error *err)
{
    const struct log_listing *log = &snapshot->log;
    for (int64_t v = snapshot->version; v >= 0 && v >= log->json_from; v--) {
        struct commit_view view;
        if (snapshot->own_version >= 0 && !is_complete(snapshot) && has_checkpoint_of(log, v))
            TRY(try_checkpoint(table, snapshot, v, err)); /* all after V was looked at */
        if (is_complete(snapshot))
            return STATUS_OK;
        TRY(read_commit(table, snapshot, v, &view, err));
        if (snapshot->own_version < 0)
            TRY(add_foreign(snapshot, &view.facts, err));
        else if (snapshot->own_version == v)
            TRY(read_definition(table, snapshot, &view, err));
    }
    if (log->json_from == 0 || is_complete(snapshot))
        return STATUS_OK;
    return read_cut_off(table, snapshot, err);
}

status snapshot_read(const struct delta_table *table, struct snapshot *out, struct error *err)
{
    SCOPED(snapshot_release)
    struct snapshot snapshot = {
        .own_version = -1,
        .own_number = -1,
        .metadata_version = -1,
        .protocol_version = -1,
        .own_run = "",
    };
    TRY(listing_read(table->storage, &snapshot.log, err));
    snapshot.version = snapshot.log.newest;
    TRY(read_back(table, &snapshot, err));
    if (snapshot.version >= 0) {
        if (!have_definition(&snapshot))
            return error_set(err, STATUS_BAD_DATA,
                             "the log of %s holds no metaData or no protocol: it is no Delta table",
                             table->storage->url);
        TRY(json_get_text(snapshot.metadata, "id", "metaData", &snapshot.table_id, err));
    }
    *out = snapshot;
    snapshot = (struct snapshot){0}; /* the caller's now */
    return STATUS_OK;
}

/* ---- properties ---- */

const char *snapshot_property(const struct snapshot *snapshot, const char *key)
{
    return json_string_value(
        json_object_get(json_object_get(snapshot->metadata, "configuration"), key));
}

int64_t snapshot_file_retention_s(const struct snapshot *snapshot)
{
    static const struct {
        const char *word;
        int64_t seconds;
    } units[] = {{"week", 604800}, {"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
    const char *text = snapshot_property(snapshot, "delta.deletedFileRetentionDuration");
    int64_t count;
    if (!text)
        return 604800;
    text += text_starts_with(text, "interval ") ? strlen("interval ") : 0;
    size_t digits = strspn(text, "0123456789");
    if (!text_parse_int64(text, digits, &count) || count > INT32_MAX)
        return -1;
    text += digits + strspn(text + digits, " ");
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (text_starts_with(text, units[i].word))
            return count * units[i].seconds;
    return -1;
}
