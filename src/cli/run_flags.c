#include "cli/run_flags.h"

#include <signal.h>
#include <string.h>

#include "base/text.h"

static const char *const modes[] = {"full-refresh", "incremental", NULL};

const struct option_spec run_flags[] = {
    {.name = "set",
     .kind = OPTION_LIST,
     .help = "Another value for a word of the job file; may be given again.",
     .example = "streams.orders.mode=full-refresh"},
    {.name = "memory",
     .kind = OPTION_SIZE,
     .minimum = 64000000,
     .maximum = INT64_MAX,
     .help = "Memory the run may use; a quarter of the machine's, at most 1 GiB, without it.",
     .example = "256MB"},
    {.name = "workers",
     .kind = OPTION_INT,
     .minimum = 1,
     .maximum = 1024,
     .help = "Threads that encode; the cores without it.",
     .example = "2"},
    {.name = "readers",
     .kind = OPTION_INT,
     .minimum = 1,
     .maximum = 1024,
     .help = "Connections that read at once; without it, the cores, or as many as bring something.",
     .example = "4"},
    {.name = "partitions",
     .kind = OPTION_LIST,
     .help = "Run these partitions only, with a result for each: values with commas between.",
     .example = "2013-11-28,2013-11-29"},
    {.name = "mode",
     .kind = OPTION_CHOICE,
     .choices = modes,
     .help = "This mode for all chosen streams.",
     .example = "full-refresh"},
    {.name = "accept-foreign",
     .kind = OPTION_BOOL,
     .help = "Go on over what others did to the table since our last run."},
    {.name = "accept-schema", .kind = OPTION_BOOL, .help = "Go on with the source's new schema."},
    {.name = "save-every",
     .kind = OPTION_DURATION,
     .default_text = "5 s",
     .maximum = 86400,
     .help = "How often finished work is made durable, for a run that goes on after this one was "
             "killed; 0 s: after each split.",
     .example = "1 min"},
    {.name = "ledger",
     .kind = OPTION_TEXT,
     .help = "History of runs; $LEAT_LEDGER or ~/.local/state/leat/ledger.db without it.",
     .example = "./ledger.db"},
    {0},
};

status run_options_take(struct invocation *invocation, struct run_options *out, struct error *err)
{
    const struct option_values *values = &invocation->flags;
    *out = (struct run_options){
        .memory_bytes = (uint64_t)option_number(values, "memory"),
        .readers = (unsigned)option_number(values, "readers"),
        .workers = (unsigned)option_number(values, "workers"),
        .has_mode = option_given(values, "mode"),
        .save_every_ms = option_number(values, "save-every") * 1000,
        .accept_foreign = option_number(values, "accept-foreign") != 0,
        .accept_schema = option_number(values, "accept-schema") != 0,
    };
    if (out->has_mode)
        out->mode = text_equal(option_text(values, "mode"), "incremental") ? MODE_INCREMENTAL
                                                                           : MODE_FULL_REFRESH;
    TRY(invocation_split(invocation, "partitions", &out->partitions, err));
    if (option_given(values, "partitions") && !out->partitions) /* that is not: all of them */
        return error_set(err, STATUS_BAD_CONFIG,
                         "--partitions: expected values such as 2013-11-28,2013-11-29, got none");
    return STATUS_OK;
}

/* ---- signals: the first asks for a stop, the second of the same kind ends the process ---- */

static struct cancel signal_cancel;

static void on_signal(int number)
{
    if (cancel_reason(&signal_cancel) != CANCEL_NONE) {
        signal(number, SIG_DFL);
        raise(number);
    }
    cancel_request(&signal_cancel, number);
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

status run_job(struct invocation *invocation, const struct run_options *options,
               struct run_progress *progress, stream_ended_fn ended, void *context,
               struct run_report *out, int *out_exit_code, struct error *err)
{
    catch_signals();
    status_code code = pipeline_run(&invocation->job, invocation->args + 1, invocation->n_args - 1,
                                    options, &signal_cancel, progress, ended, context, out, err);
    if (code == STATUS_CANCELLED)
        *out_exit_code = 128 + cancel_reason(&signal_cancel);
    TRY(code);
    *out_exit_code = run_report_exit_code(out, &signal_cancel);
    return STATUS_OK;
}
