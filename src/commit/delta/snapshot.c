/* From the end of the log back to our stream's newest commit.
 *
 *   newest  foreign commits (read whole)  ...  own commit R (its first lines)   k: the definition
 *   <---------------------------------------------------------------------|     (first lines)
 *
 * An own commit begins with commitInfo, whose member "leat" names the stream, the run, and the versions in which the
 * metaData and protocol then in force stand; txn follows. So a run that finds nothing reads two heads and one
 * record, however many files the table has. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "commit/delta/delta.h"

void snapshot_release(struct snapshot *snapshot)
{
    json_release(&snapshot->metadata);
    json_release(&snapshot->protocol);
    mem_free(snapshot->foreign);
    arena_release(&snapshot->arena);
    *snapshot = (struct snapshot){0};
}

/* One commit while it is read. */
struct commit_view {
    struct snapshot *snapshot;
    const struct delta_table *table;
    struct log_reader reader;
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

static status parse_value(const struct log_reader *reader, const struct scan *scan,
                          struct slice line, const char *what, json_t **out, struct error *err)
{
    struct scan value_scan = *scan;
    struct slice value;
    if (!scan_value(&value_scan, &value))
        return log_bad_line(reader, what, err);
    TRY_IN(json_parse(value.data, value.size, what, out, err), err, "in version %lld of the log",
           (long long)reader->version);
    return json_is_object(*out) ? STATUS_OK : log_bad_line(reader, what, err);
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

static status see_commit_info(struct commit_view *view, const struct scan *scan, struct slice line,
                              struct error *err)
{
    SCOPED(json_release) json_t *info = NULL;
    TRY(parse_value(&view->reader, scan, line, "commitInfo", &info, err));
    TRY(keep(view->snapshot, json_string_value(json_object_get(info, "operation")),
             &view->facts.operation, err));
    TRY(keep(view->snapshot, json_string_value(json_object_get(info, "engineInfo")),
             &view->facts.engine, err));
    view->facts.time_ms = (int64_t)json_integer_value(json_object_get(info, "timestamp"));
    const json_t *leat = json_object_get(info, "leat");
    return json_is_object(leat) ? see_own_info(view, leat, err) : STATUS_OK;
}

/* "leat:<table id>:<stream>" of our stream: the table id. NULL: another's. */
static status own_app_table(const struct commit_view *view, const char *app, const char **out,
                            struct error *err)
{
    const char *stream = view->table->stream;
    *out = NULL;
    if (!text_starts_with(app, "leat:"))
        return STATUS_OK;
    app += strlen("leat:");
    const char *colon = strchr(app, ':');
    if (!colon || strcmp(colon + 1, stream) != 0)
        return STATUS_OK;
    *out = arena_strndup(&view->snapshot->arena, app, (size_t)(colon - app));
    return *out ? STATUS_OK : error_no_memory(err);
}

static status see_txn(struct commit_view *view, const struct scan *scan, struct slice line,
                      struct error *err)
{
    SCOPED(json_release) json_t *txn = NULL;
    const char *app;
    const char *table_id;
    int64_t number;
    TRY(parse_value(&view->reader, scan, line, "txn", &txn, err));
    TRY(json_get_text(txn, "appId", "txn", &app, err));
    TRY(json_get_int(txn, "version", "txn", &number, err));
    TRY(own_app_table(view, app, &table_id, err));
    struct snapshot *snapshot = view->snapshot;
    if (!table_id || snapshot->own_version >= 0)
        return STATUS_OK;
    snapshot->own_version = view->reader.version;
    snapshot->own_number = number;
    snapshot->own_table_id = table_id;
    return STATUS_OK;
}

static status see_file(struct commit_view *view, enum action_kind kind, struct scan *scan,
                       struct error *err)
{
    struct file_action file;
    TRY(log_file_action(&view->reader, scan, &file, err));
    view->facts.deletion_vectors |= file.has_deletion_vector;
    if (!file.data_change)
        return STATUS_OK;
    if (kind == ACTION_REMOVE) {
        view->facts.files_removed++;
        return STATUS_OK;
    }
    uint64_t rows;
    TRY(log_stats_rows(file.stats, &rows, err));
    view->facts.files_added++;
    if (rows == UINT64_MAX)
        view->facts.rows_known = false;
    else
        view->facts.rows_added += rows;
    return STATUS_OK;
}

static status see_definition(struct commit_view *view, enum action_kind kind,
                             const struct scan *scan, struct slice line, struct error *err)
{
    struct snapshot *snapshot = view->snapshot;
    bool is_metadata = kind == ACTION_METADATA;
    view->facts.metadata |= is_metadata;
    view->facts.protocol |= !is_metadata;
    json_t **slot = is_metadata ? &snapshot->metadata : &snapshot->protocol;
    if (*slot)
        return STATUS_OK; /* a newer one is in force */
    if (is_metadata)
        snapshot->metadata_version = view->reader.version;
    else
        snapshot->protocol_version = view->reader.version;
    return parse_value(&view->reader, scan, line, is_metadata ? "metaData" : "protocol", slot, err);
}

static status see_action(struct commit_view *view, enum action_kind kind, struct scan *scan,
                         struct slice line, struct error *err)
{
    bool counts =
        view->snapshot->own_version < 0; /* older than our own: only the definition matters */
    switch (kind) {
    case ACTION_COMMIT_INFO:
        return see_commit_info(view, scan, line, err);
    case ACTION_TXN:
        return see_txn(view, scan, line, err);
    case ACTION_METADATA:
    case ACTION_PROTOCOL:
        return see_definition(view, kind, scan, line, err);
    case ACTION_ADD:
    case ACTION_REMOVE:
        return counts ? see_file(view, kind, scan, err) : STATUS_OK;
    default:
        return STATUS_OK;
    }
}

/* ---- one version ---- */

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
    return told && snapshot->own_version == view->reader.version &&
           view->metadata_at != view->reader.version && view->protocol_at != view->reader.version;
}

static status read_lines(struct commit_view *view, struct error *err)
{
    while (!seen_enough(view)) {
        struct slice line;
        struct scan scan;
        enum action_kind kind;
        status_code s = log_next(&view->reader, &line, err);
        if (s == STATUS_END)
            return STATUS_OK;
        if (s != STATUS_OK)
            return s;
        TRY(log_action(&view->reader, line, &kind, &scan, err));
        TRY(see_action(view, kind, &scan, line, err));
    }
    return STATUS_OK;
}

static status read_commit(const struct delta_table *table, struct snapshot *snapshot,
                          int64_t version, struct commit_view *out, struct error *err)
{
    *out = (struct commit_view){
        .snapshot = snapshot,
        .table = table,
        .facts = {.version = version, .rows_known = true, .operation = "", .engine = ""},
        .metadata_at = -1,
        .protocol_at = -1,
    };
    TRY(log_open(table->storage, version, LOG_HEAD_BYTES, &out->reader, err));
    status s = read_lines(out, err);
    log_close(&out->reader);
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

/* The versions that an own commitInfo names for what is still missing. */
static status read_definition(const struct delta_table *table, struct snapshot *snapshot,
                              const struct commit_view *own, struct error *err)
{
    struct commit_view view;
    if (!snapshot->metadata && own->metadata_at >= 0)
        TRY(read_commit(table, snapshot, own->metadata_at, &view, err));
    if (!snapshot->protocol && own->protocol_at >= 0)
        TRY(read_commit(table, snapshot, own->protocol_at, &view, err));
    return STATUS_OK;
}

static status read_back(const struct delta_table *table, struct snapshot *snapshot,
                        struct error *err)
{
    for (int64_t v = snapshot->version; v >= 0; v--) {
        struct commit_view view;
        if (snapshot->own_version >= 0 && have_definition(snapshot))
            return STATUS_OK;
        TRY(read_commit(table, snapshot, v, &view, err));
        if (snapshot->own_version < 0)
            TRY(add_foreign(snapshot, &view.facts, err));
        else if (snapshot->own_version == v && view.is_own)
            TRY(read_definition(table, snapshot, &view, err));
    }
    return STATUS_OK;
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
    TRY(log_newest(table->storage, &snapshot.version, err));
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
