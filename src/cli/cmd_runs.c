#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "ledger/ledger.h"

static const struct option_spec flags[] = {
    {.name = "stream",
     .kind = OPTION_TEXT,
     .help = "Only runs of this stream.",
     .example = "orders"},
    {.name = "run",
     .kind = OPTION_TEXT,
     .help = "Only this run.",
     .example = "01J9ZQ5D3M8W2K4T6V8X0Y2Z4A"},
    {.name = "limit",
     .kind = OPTION_INT,
     .default_text = "20",
     .minimum = 0,
     .maximum = INT64_MAX,
     .help = "At most this many lines, the newest first; 0 for all."},
    {.name = "ledger",
     .kind = OPTION_TEXT,
     .help = "History of runs; $LEAT_LEDGER or ~/.local/state/leat/ledger.db without it.",
     .example = "./ledger.db"},
    {0},
};

static void ledger_closep(struct ledger **ledger)
{
    ledger_close(*ledger);
}

struct listing {
    struct invocation *invocation;
    struct grid grid;
    json_t *entries;
    const char *unknown; /* a run whose outcome is not known */
};

static json_t *entry_to_json(const struct ledger_entry *entry)
{
    json_t *json = json_object();
    const struct {
        const char *key, *text;
    } texts[] = {
        {"run_id", entry->run_id},
        {"job", entry->job},
        {"stream", entry->stream},
        {"target", entry->target},
        {"mode", entry->mode},
        {"outcome", entry->outcome},
        {"message", entry->message},
        {"watermark", entry->watermark},
        {"watermark_before", entry->watermark_before},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        json_object_set_new(json, texts[i].key, json_text_or_null(texts[i].text));
    const struct {
        const char *key;
        uint64_t number;
    } numbers[] = {
        {"rows_read", entry->rows_read},
        {"rows_written", entry->rows_written},
        {"rows_rejected", entry->rows_rejected},
        {"values_null", entry->values_null},
        {"values_text", entry->values_text},
        {"table_rows", entry->table_rows},
        {"bytes_read", entry->bytes_read},
        {"bytes_written", entry->bytes_written},
        {"files", entry->files},
        {"small_files", entry->small_files},
        {"partitions", entry->partitions},
        {"peak_memory_bytes", entry->peak_memory_bytes},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        json_object_set_new(json, numbers[i].key, json_integer((json_int_t)numbers[i].number));
    char started[32], ended[32];
    clock_format_utc(entry->started_us, started);
    clock_format_utc(entry->ended_us, ended);
    json_object_set_new(json, "started", json_string(started));
    json_object_set_new(json, "ended", entry->ended_us ? json_string(ended) : json_null());
    json_object_set_new(json, "version",
                        entry->version < 0 ? json_null() : json_integer(entry->version));
    json_object_set_new(json, "compression_ratio", json_real(entry->compression_ratio));
    json_object_set_new(json, "skew", json_real(entry->skew));
    json_object_set_new(json, "cpu_seconds", json_real(entry->cpu_seconds));
    json_object_set_new(json, "wall_seconds", json_real(entry->wall_seconds));
    return json;
}

static void add_row(struct grid *grid, const struct ledger_entry *entry)
{
    char started[32], rows[32], bytes[32], wall[32], version[32] = "";
    clock_format_utc(entry->started_us, started);
    started[10] = ' ';
    started[19] = 0; /* whole seconds */
    if (entry->version >= 0)
        snprintf(version, sizeof(version), "%lld", (long long)entry->version);
    const char *cells[] = {
        started,
        entry->run_id,
        entry->stream,
        entry->outcome,
        version,
        text_format_count(entry->rows_written, rows),
        text_format_bytes(entry->bytes_written, bytes),
        entry->ended_us ? text_format_duration(entry->wall_seconds, wall) : "",
        entry->watermark,
    };
    grid_row(grid, cells);
}

static status_code on_entry(void *context, const struct ledger_entry *entry, struct error *err)
{
    struct listing *listing = context;
    if (listing->entries)
        json_array_append_new(listing->entries, entry_to_json(entry));
    else
        add_row(&listing->grid, entry);
    if (!listing->unknown && text_equal(entry->outcome, "unknown"))
        listing->unknown = arena_strdup(&listing->invocation->arena, entry->run_id);
    return STATUS_OK;
}

static status print_listing(struct invocation *invocation, struct listing *listing,
                            struct error *err)
{
    if (listing->entries)
        return print_json(invocation, json_pack("{s:o}", "runs", TAKE(listing->entries)), err);
    if (listing->grid.n_rows == 1) {
        bool chosen =
            option_text(&invocation->flags, "run") || option_text(&invocation->flags, "stream");
        fputs(chosen ? "no such run in the ledger\n" : "no runs yet\n", invocation->out);
        return STATUS_OK;
    }
    TRY(grid_print(&listing->grid, invocation->out, err));
    if (listing->unknown)
        fprintf(invocation->out,
                "\nThe outcome of run %s is unknown. Nothing was deleted. leat status JOB shows "
                "the table's newest version and the run that made it: if it is this run, it was "
                "published; if not, run the job again.\n",
                listing->unknown);
    return STATUS_OK;
}

static status run(struct invocation *invocation, struct error *err)
{
    static const char *const head[] = {"started (UTC)", "run",  "stream", "outcome",  "version",
                                       "rows",          "size", "time",   "watermark"};
    struct listing listing = {
        .invocation = invocation,
        .grid = {.arena = &invocation->arena, .n_columns = 9, .alignment = "llllrrrrl"},
    };
    SCOPED(ledger_closep) struct ledger *ledger = NULL;
    TRY(ledger_open(option_text(&invocation->flags, "ledger"), &ledger, err));
    grid_row(&listing.grid, head);
    listing.entries = invocation->json ? json_array() : NULL;
    status_code code = ledger_list(
        ledger, option_text(&invocation->flags, "run"), option_text(&invocation->flags, "stream"),
        NULL, (size_t)option_number(&invocation->flags, "limit"), on_entry, &listing, err);
    if (code == STATUS_OK)
        code = print_listing(invocation, &listing, err);
    json_decref(listing.entries);
    return code;
}

const struct command cmd_runs = {
    .name = "runs",
    .synopsis = "",
    .summary = "history of runs",
    .help = "Lists past runs from the ledger, the newest first. The ledger is for people and "
            "metrics: it may be deleted, the tables hold the truth.",
    .example = "leat runs --stream orders",
    .flags = flags,
    .max_args = 0,
    .run = run,
};
