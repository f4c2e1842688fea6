#include "cli/cmd.h"
#include "cli/run_flags.h"
#include "cli/run_print.h"
#include "ledger/ledger.h"

/* Sizes and times to expect, from the table's past runs. */
struct past {
    double rows, bytes_written, seconds;
    uint64_t partitions; /* the most that one run wrote */
};

static status_code add_past(void *context, const struct ledger_entry *entry, struct error *err)
{
    struct past *past = context;
    if (entry->rows_written == 0)
        return STATUS_OK;
    past->rows += (double)entry->rows_written;
    past->bytes_written += (double)entry->bytes_written;
    past->seconds += entry->wall_seconds;
    if (entry->partitions > past->partitions)
        past->partitions = entry->partitions;
    return STATUS_OK;
}

static void estimate(struct ledger *ledger, struct stream_report *stream)
{
    struct past past = {0};
    struct error ignored = {0};
    double rows = (double)stream->rows_planned;
    if (ledger &&
        ledger_list(ledger, NULL, stream->stream, stream->table_url, 10, add_past, &past,
                    &ignored) == STATUS_OK &&
        past.rows > 0) {
        stream->estimated_bytes = (uint64_t)(rows * past.bytes_written / past.rows);
        stream->estimated_seconds = rows * past.seconds / past.rows;
    } else {
        stream->estimated_bytes =
            stream->bytes_planned / 4; /* what columns and zstd make of it, as a rule */
    }
    if (stream->file_size)
        stream->estimated_files = stream->estimated_bytes / stream->file_size + 1;
    /* each partition has a file of its own, and a run seldom has more partitions than rows */
    stream->estimated_partitions =
        past.partitions < stream->rows_planned ? past.partitions : stream->rows_planned;
    if (stream->estimated_files < stream->estimated_partitions)
        stream->estimated_files = stream->estimated_partitions;
}

static void print_one(struct invocation *invocation, const struct run_report *report,
                      const struct stream_report *stream)
{
    if (stream->outcome == OUTCOME_PLANNED)
        print_plan_text(invocation->out, report, stream);
    else
        print_stream_error(invocation->log, stream);
}

static status run(struct invocation *invocation, struct error *err)
{
    struct run_options options;
    SCOPED(run_report_release) struct run_report report = {0};
    struct ledger *ledger = NULL;
    struct error ignored = {0};
    TRY(invocation_load_job(invocation, err));
    TRY(run_options_take(invocation, &options, err));
    options.dry_run = true;
    TRY(run_job(invocation, &options, NULL, NULL, NULL, &report, &invocation->exit_code, err));
    if (ledger_open_existing(option_text(&invocation->flags, "ledger"), &ledger, &ignored) !=
        STATUS_OK)
        ledger = NULL; /* no past to estimate from */
    for (size_t i = 0; i < report.n_streams; i++)
        estimate(ledger, &report.streams[i]);
    ledger_close(ledger);
    if (invocation->json)
        return print_json(invocation, run_to_json(&report, invocation->exit_code), err);
    for (size_t i = 0; i < report.n_streams; i++)
        print_one(invocation, &report, &report.streams[i]);
    return STATUS_OK;
}

const struct command cmd_plan = {
    .name = "plan",
    .synopsis = "JOB [STREAM...]",
    .summary = "what a run would move; writes nothing",
    .help =
        "Shows what a run would do: splits, rows, bytes, watermark, files and their sizes, time. "
        "Sizes and times come from the table's past runs where there are any. Writes nothing.",
    .example = "leat plan shop.yaml",
    .flags = run_flags,
    .min_args = 1,
    .max_args = 1000,
    .run = run,
};
