#include "base/text.h"
#include "cli/cmd.h"
#include "cli/progress.h"
#include "cli/run_flags.h"
#include "cli/run_print.h"
#include "ledger/ledger.h"

/* What the streams of a run tell as they end. */
struct telling {
    struct invocation *invocation;
    struct progress_display *display;
    struct ledger *ledger; /* NULL: could not be opened; the run goes on */
};

/* A table whose files compress much worse than before has changed in a way somebody should look at. */
static void warn_of_compression(struct telling *telling, const struct stream_report *stream)
{
    struct error ignored = {0};
    double past = 0;
    if (stream->outcome != OUTCOME_PUBLISHED || stream->rows_written < 10000 ||
        ledger_past_ratio(telling->ledger, stream->table_url, 10, &past, &ignored) != STATUS_OK)
        return;
    if (past > 0 && stream->compression_ratio > 0 && stream->compression_ratio < past * 0.7)
        fprintf(telling->invocation->log,
                "warning: %s compresses %.1f to 1, the table's past runs %.1f to 1\n",
                stream->stream, stream->compression_ratio, past);
}

static void write_ledger(struct telling *telling, const struct run_report *run,
                         const struct stream_report *stream)
{
    struct ledger_entry entry;
    struct error err = {0};
    stream_to_ledger(run, stream, telling->invocation->job.path, &entry);
    if (ledger_put(telling->ledger, &entry, &err) != STATUS_OK)
        fprintf(telling->invocation->log, "warning: the ledger was not written: %s\n", err.text);
}

static void log_as_json(struct telling *telling, const struct stream_report *stream)
{
    size_t size;
    json_t *json = stream_to_json(stream);
    if (json)
        json_object_set_new(json, "event", json_string("stream_ended"));
    char *line = json ? json_write(json, &size) : NULL;
    if (line)
        fprintf(telling->invocation->log, "%s\n", line);
    mem_free(line);
    json_decref(json);
}

static void stream_ended(void *context, const struct run_report *run,
                         const struct stream_report *stream)
{
    struct telling *telling = context;
    struct invocation *invocation = telling->invocation;
    bool good = stream->outcome == OUTCOME_PUBLISHED || stream->outcome == OUTCOME_NOTHING_NEW;
    progress_clear(telling->display);
    if (telling->ledger)
        warn_of_compression(telling, stream);
    if (invocation->json)
        log_as_json(telling, stream);
    else if (!invocation->quiet || !good)
        print_stream_text(invocation->out, stream);
    fflush(invocation->out);
    if (!good && !invocation->json)
        print_stream_error(invocation->log, stream);
    if (telling->ledger)
        write_ledger(telling, run, stream);
}

static struct ledger *open_ledger(struct invocation *invocation)
{
    struct ledger *ledger = NULL;
    struct error err = {0};
    if (ledger_open(option_text(&invocation->flags, "ledger"), &ledger, &err) != STATUS_OK)
        fprintf(invocation->log, "warning: this run is not kept in the ledger: %s\n", err.text);
    return ledger;
}

static status run(struct invocation *invocation, struct error *err)
{
    struct run_options options;
    struct run_progress progress = {.stream = NULL};
    SCOPED(run_report_release) struct run_report report = {0};
    TRY(invocation_load_job(invocation, err));
    TRY(run_options_take(invocation, &options, err));
    struct telling telling = {.invocation = invocation, .ledger = open_ledger(invocation)};
    if (invocation->progress && !invocation->json)
        telling.display = progress_start(&progress);
    status_code code = run_job(invocation, &options, &progress, stream_ended, &telling, &report,
                               &invocation->exit_code, err);
    progress_stop(telling.display);
    ledger_close(telling.ledger);
    if (code != STATUS_OK)
        return code;
    if (invocation->json) {
        /* the exit code tells what became of the tables, also where the telling itself fails */
        if (print_json(invocation, run_to_json(&report, invocation->exit_code), err) != STATUS_OK)
            fprintf(invocation->log, "warning: the report could not be printed: %s\n", err->text);
    } else if (!invocation->quiet) {
        char peak[32], limit[32], time[32];
        fprintf(invocation->out, "run %s: %s, %.1f CPU-s, peak memory %s (budget %s)\n",
                report.run_id, text_format_duration(report.wall_seconds, time), report.cpu_seconds,
                text_format_bytes(report.peak_memory_bytes, peak),
                text_format_bytes(report.memory_limit, limit));
    }
    return STATUS_OK;
}

const struct command cmd_run = {
    .name = "run",
    .synopsis = "JOB [STREAM...]",
    .summary = "plan, load, validate and publish",
    .help = "Loads the streams of the job: plans, reads, encodes, checks, and publishes each table "
            "in one atomic step. Streams are chosen by name, wildcard or tag:NAME; all without "
            "one. A run that was killed is gone on with by the next one.",
    .example = "leat run shop.yaml orders --memory 256MB",
    .flags = run_flags,
    .min_args = 1,
    .max_args = 1000,
    .run = run,
};
