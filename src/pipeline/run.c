/* A run: all streams planned under one snapshot, then worked and published one by one. A stream that fails leaves the others
 * alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pipeline/assemble.h"
#include "pipeline/guard.h"
#include "pipeline/report.h"
#include "pipeline/stream.h"
#include "json/json.h"

struct run {
    struct run_context context;
    struct stream_run *streams;
    size_t n_streams;
    struct stream_spec *specs;
    unsigned snapshots_lost;
    struct arena arena;
};

/* ---- outcomes ---- */

static enum stream_outcome outcome_of(const struct stream_run *stream, status_code code)
{
    switch (code) {
    case STATUS_HELD:
    case STATUS_SCHEMA_CHANGED:
        return OUTCOME_HELD;
    case STATUS_CONFLICT:
        return OUTCOME_LOCKED;
    case STATUS_IN_DOUBT:
        return OUTCOME_UNKNOWN;
    case STATUS_CANCELLED:
        return OUTCOME_STOPPED;
    default:
        return OUTCOME_FAILED;
    }
}

static void fail_stream(struct stream_run *stream, status_code code, struct error *err)
{
    struct stream_report *report = stream->report;
    report->outcome = outcome_of(stream, code);
    report->code = code;
    report->watermark = report->watermark_before;
    report->rows_written = report->table_rows = 0; /* nothing of it is known to be visible */
    report->table_rows_known = false;
    report->ended_us = clock_wall_us();
    report_partition_outcomes(report);
    status_code told =
        error_context(err, "in stream %s, run %s", stream->spec->name, stream->run->run_id);
    const char *clean =
        job_redact(stream->run->job, err->text, stream->run->arena); /* what a value may hold */
    report->error = *err;
    snprintf(report->error.text, sizeof(report->error.text), "%s", clean ? clean : "out of memory");
    report->error.code = told == STATUS_OK ? code : told;
}

static void show(struct stream_run *stream, const char *phase, uint64_t rows_total)
{
    struct run_progress *progress = stream->run->progress;
    if (!progress)
        return;
    if (rows_total) {
        atomic_store(&progress->rows_done, 0);
        atomic_store(&progress->rows_kept, 0);
        atomic_store(&progress->bytes_read, 0);
        atomic_store(&progress->bytes_written, 0);
        atomic_store(&progress->rows_total, rows_total);
        atomic_store(&progress->started_ns, clock_monotonic_ns());
    }
    atomic_store(&progress->phase, phase);
    atomic_store(&progress->stream, stream->spec->name);
}

static void add_stage(struct stream_run *stream, enum run_stage stage, int64_t *since_ns)
{
    int64_t now = clock_monotonic_ns();
    atomic_fetch_add(&stream->stage_ns[stage], now - *since_ns);
    *since_ns = now;
}

/* ---- one stream ---- */

static status begin_stream(struct stream_run *stream, struct error *err)
{
    int64_t since = clock_monotonic_ns();
    TRY(stream_open_target(stream, err));
    add_stage(stream, STAGE_OPEN, &since);
    TRY(stream_keep_report(stream, err));
    TRY(stream_plan(stream, err));
    add_stage(stream, STAGE_PLAN, &since);
    return STATUS_OK;
}

/* Incremental and nothing but rows the table has: there is no version to make. */
static bool nothing_new(struct stream_run *stream)
{
    const struct stream_report *report = stream->report;
    if (stream->mode != MODE_INCREMENTAL || stream->partial || report->rows_written ||
        report->rows_rejected || stream->schema_changes || stream->plan.fence_state_due)
        return false;
    if (!stream->first_load)
        return true;
    /* an empty source, and a table of ours that is empty already */
    struct error ignored = {0};
    return stream->state.has_record && stream_count_table(stream, &ignored) == STATUS_OK &&
           stream->table_rows.known && stream->table_rows.before == 0;
}

/* LAST: no other stream will read. The source need not keep its snapshot while files are made of the rows. */
static status load_stream(struct stream_run *stream, bool last, struct error *err)
{
    struct stream_report *report = stream->report;
    show(stream, "reading", stream->plan.rows ? stream->plan.rows : 1);
    TRY(stream_begin_assembly(stream, err));
    TRY(stream_keep_finished(stream, err));
    if (stream->run->progress) {
        atomic_store(&stream->run->progress->rows_kept, report->rows_kept);
        atomic_fetch_add(&stream->run->progress->rows_done, report->rows_kept);
    }
    status_code code = stream_read_splits(stream, err);
    report_splits(stream);
    TRY(code);
    if (last)
        stream->run->job->source->plan_end(stream->run->source);
    if (nothing_new(stream)) {
        report->outcome = OUTCOME_NOTHING_NEW;
        report->watermark = report->watermark_before;
        return STATUS_OK;
    }
    show(stream, "assembling", 0);
    TRY(stream_assemble(stream, err));
    report_files(stream);
    int64_t since = clock_monotonic_ns();
    TRY(stream_validate(stream, err));
    show(stream, "publishing", 0);
    TRY(stream_publish(stream, err));
    add_stage(stream, STAGE_PUBLISH, &since);
    report->outcome = OUTCOME_PUBLISHED;
    return STATUS_OK;
}

static status work_stream(struct stream_run *stream, bool last, struct error *err)
{
    status_code code = stream_hold(stream, err);
    if (code == STATUS_OK)
        code = load_stream(stream, last, err);
    stream_remember_end(stream, code);
    stream_let_go(stream);
    return code;
}

/* ---- a snapshot that is lost (renew.c) ---- */

enum { MOST_SNAPSHOTS_LOST = 3, RESTART_PATIENCE_MS = 60000 };

static void note_renewed(struct run *run, struct stream_run *stream, bool others_ended,
                         const char *why)
{
    stream_note(stream,
                "the source's snapshot was lost%s (%.*s); the stream is read under a new one%s",
                run->snapshots_lost > 1 ? " again" : "", (int)strcspn(why, "\n"), why,
                others_ended ? ", of a later moment than the streams that ended before" : "");
}

/* Plan the streams [FIRST, END) of RUN again, whose snapshot was lost for the reason WHY. Those that fail have ended. *OUT_LOST: of
 * which the plan lost the new one, too; it and those behind it have none. */
static status plan_again(struct run *run, size_t first, size_t end, const char *why,
                         size_t *out_lost)
{
    struct run_context *context = &run->context;
    status_code code = STATUS_OK;
    context->job->source->plan_end(context->source);
    context->plan_patience_ms = RESTART_PATIENCE_MS;
    for (size_t i = first; i < end && code != STATUS_SNAPSHOT_LOST; i++) {
        struct stream_run *stream = &run->streams[i];
        struct error err = {0};
        if (stream->report->code != STATUS_OK)
            continue;
        int64_t since = clock_monotonic_ns();
        code = stream_plan_again(stream, &err);
        add_stage(stream, STAGE_PLAN, &since);
        context->plan_patience_ms = 0; /* was waited for; or in vain, and then for all of them */
        *out_lost = i;
        if (code == STATUS_OK)
            note_renewed(run, stream, first > 0, why);
        else if (code != STATUS_SNAPSHOT_LOST)
            fail_stream(stream, code, &err);
    }
    context->plan_patience_ms = 0;
    return code == STATUS_SNAPSHOT_LOST ? code : STATUS_OK;
}

/* What was planned for them is of a snapshot that is gone, or is dropped: a stream without a plan has no rows. */
static void fail_unplanned(struct run *run, size_t first, size_t end, const struct error *why)
{
    for (size_t i = first; i < end; i++) {
        struct error err = *why;
        if (run->streams[i].report->code == STATUS_OK)
            fail_stream(&run->streams[i], STATUS_SNAPSHOT_LOST, &err);
    }
}

/* SNAPSHOT_LOST: not once more. */
static status renew_snapshot(struct run *run, size_t first, size_t end, struct error *err)
{
    size_t lost = end;
    const char *why = job_redact(run->context.job, err->text, run->context.arena);
    status_code code = STATUS_SNAPSHOT_LOST;
    while (code == STATUS_SNAPSHOT_LOST && run->snapshots_lost < MOST_SNAPSHOTS_LOST) {
        run->snapshots_lost++;
        code = plan_again(run, first, end, why ? why : "", &lost);
    }
    if (code != STATUS_SNAPSHOT_LOST)
        return code;
    (void)error_context(err, "in each of %u snapshots", run->snapshots_lost + 1);
    fail_unplanned(run, lost, end, err);
    return code;
}

static bool is_last(const struct run *run, size_t number)
{
    for (size_t i = number + 1; i < run->n_streams; i++) {
        if (run->streams[i].report->code == STATUS_OK)
            return false;
    }
    return true;
}

static void run_stream(struct run *run, size_t number)
{
    struct stream_run *stream = &run->streams[number];
    struct error err = {0};
    int64_t started_ns = clock_monotonic_ns(), cpu_ns = clock_process_cpu_ns();
    if (run->context.options->dry_run) {
        stream->report->outcome = OUTCOME_PLANNED;
        guard_plan(stream);
        report_end(stream, started_ns, cpu_ns);
        return;
    }
    status_code code = work_stream(stream, is_last(run, number), &err);
    while (code == STATUS_SNAPSHOT_LOST &&
           renew_snapshot(run, number, run->n_streams, &err) == STATUS_OK) {
        if (stream->report->code != STATUS_OK)
            break; /* no plan could be made: it has been told */
        err = (struct error){0};
        code = work_stream(stream, is_last(run, number), &err);
    }
    if (code == STATUS_OK)
        stream_clean_up(stream);
    else if (stream->report->code == STATUS_OK)
        fail_stream(stream, code, &err);
    report_end(stream, started_ns, cpu_ns);
}

static void init_stream(struct run *run, struct stream_run *stream, struct stream_spec *spec,
                        struct stream_report *report)
{
    const struct run_options *options = run->context.options;
    stream->run = &run->context;
    stream->spec = spec;
    stream->report = report;
    stream->mode = options->has_mode ? options->mode : spec->mode;
    stream->partial = options->partitions != NULL;
    stream->lower.is_null = true;
    stream->cancel = (struct cancel){.parent = run->context.cancel};
    pthread_mutex_init(&stream->plan_mutex, NULL);
    saver_init(&stream->saver);
    pthread_mutex_init(&stream->keys_mutex, NULL);
    pthread_mutex_init(&stream->known.mutex, NULL);
    report->stream = arena_strdup(run->context.arena, spec->name);
    report->mode = stream->mode == MODE_INCREMENTAL ? "incremental" : "full-refresh";
    report->version = -1;
    report->lag_seconds = NAN;
    report->outcome = OUTCOME_FAILED;
    report->started_us = clock_wall_us();
    if (stream->partial)
        report_given_partitions(stream);
}

static void end_stream(struct stream_run *stream)
{
    stream_drop_assembly(stream);
    stream_run_release(stream);
}

/* ---- all of them ---- */

static bool any_pattern(const struct job *job)
{
    for (size_t i = 0; i < job->n_streams; i++)
        if (job->streams[i].pattern)
            return true;
    return false;
}

static status choose_streams(struct run *run, const char *const *selectors, size_t n_selectors,
                             struct error *err)
{
    const struct job *job = run->context.job;
    SCOPED(source_catalog_release) struct source_catalog catalog = {0};
    bool discover = any_pattern(job);
    if (discover)
        TRY(job->source->discover(run->context.source, &catalog, err));
    return job_streams(job, discover ? &catalog : NULL, selectors, n_selectors, &run->specs,
                       &run->n_streams, &run->arena, err);
}

static status prepare(struct run *run, struct run_report *report, struct error *err)
{
    struct run_context *context = &run->context;
    const struct run_options *options = context->options;
    unsigned cores = thread_cores();
    pace_init(&context->pace);
    bool cpu_bound = context->job->source->traits & SOURCE_CPU_BOUND;
    context->workers = options->workers ? options->workers : cores;
    context->readers = options->readers ? options->readers : cpu_bound ? cores : 0;
    uint64_t limit = options->memory_bytes ? options->memory_bytes : default_memory_bytes();
    report->memory_limit = limit;
    report->readers = context->readers;
    report->workers = context->workers;
    TRY(random_run_id(report->run_id, err));
    context->run_id = report->run_id;
    TRY(budget_new(limit, &context->budget, err));
    return gate_new(context->workers, &context->encode_gate, err);
}

/* Which streams have a watermark, before the first of them is planned. */
static status find_keyed(struct run *run, struct error *err)
{
    size_t n = 0;
    run->context.keyed =
        arena_alloc(&run->arena, (run->n_streams + 1) * sizeof(*run->context.keyed));
    if (!run->context.keyed)
        return error_no_memory(err);
    for (size_t i = 0; i < run->n_streams; i++) {
        const struct stream_spec *spec = &run->specs[i];
        bool incremental =
            spec->mode == MODE_INCREMENTAL || run->streams[i].mode == MODE_INCREMENTAL;
        if (!spec->update_key || spec->update_key_of_row)
            continue;
        run->context.watched |= incremental;
        if (!spec->query)
            run->context.keyed[n++] = spec->name;
    }
    return STATUS_OK;
}

static status begin_all(struct run *run, struct run_report *report, struct error *err)
{
    run->streams = mem_zalloc((run->n_streams + 1) * sizeof(*run->streams));
    report->streams = arena_alloc(&report->arena, (run->n_streams + 1) * sizeof(*report->streams));
    if (!run->streams || !report->streams)
        return error_no_memory(err);
    report->n_streams = run->n_streams;
    for (size_t i = 0; i < run->n_streams; i++)
        init_stream(run, &run->streams[i], &run->specs[i], &report->streams[i]);
    TRY(find_keyed(run, err));
    for (size_t i = 0; i < run->n_streams; i++) {
        struct error own = {0};
        status_code code = begin_stream(&run->streams[i], &own);
        if (code == STATUS_SNAPSHOT_LOST)
            code = renew_snapshot(run, 0, i + 1, &own);
        if (code != STATUS_OK && report->streams[i].code == STATUS_OK)
            fail_stream(&run->streams[i], job_place_error(&run->specs[i], &own), &own);
    }
    return STATUS_OK;
}

static void work_all(struct run *run, struct run_report *report, stream_ended_fn ended,
                     void *context)
{
    for (size_t i = 0; i < run->n_streams; i++) {
        struct stream_report *stream = &report->streams[i];
        if (stream->code == STATUS_OK)
            run_stream(run, i);
        end_stream(&run->streams[i]);
        report->peak_memory_bytes = peak_memory_bytes();
        if (run->context.progress) /* first, so that no line is drawn over what ENDED prints */
            atomic_store(&run->context.progress->stream, NULL);
        if (ended)
            ended(context, report, stream);
    }
}

static void run_release(struct run *run)
{
    const struct job *job = run->context.job;
    if (run->context.source) {
        job->source->plan_end(run->context.source);
        job->source->close(run->context.source);
    }
    gate_free(run->context.encode_gate);
    pace_release(&run->context.pace);
    budget_free(run->context.budget);
    mem_free(run->streams);
    arena_release(&run->arena);
}

static status_code open_source(void *context, unsigned attempt, struct error *err)
{
    struct run *run = context;
    const struct job *job = run->context.job;
    if (job->source->open_far)
        return job->source->open_far(job->source_location, &job->source_options,
                                     run->context.cancel, &run->context.source, err);
    return job->source->open(job->source_location, &job->source_options, &run->context.source, err);
}

status pipeline_run(const struct job *job, const char *const *selectors, size_t n_selectors,
                    const struct run_options *options, struct cancel *cancel,
                    struct run_progress *progress, stream_ended_fn ended, void *context,
                    struct run_report *out, struct error *err)
{
    SCOPED(run_release)
    struct run run = {.context = {.job = job,
                                  .options = options,
                                  .cancel = cancel,
                                  .progress = progress,
                                  .arena = &out->arena}};
    int64_t started_ns = clock_monotonic_ns();
    memset(out, 0, sizeof(*out));
    json_init();
    TRY(prepare(&run, out, err));
    TRY_IN(with_retries(cancel, open_source, &run, err), err, "in source %s", job->source_shown);
    TRY(choose_streams(&run, selectors, n_selectors, err));
    TRY(begin_all(&run, out, err));
    work_all(&run, out, ended, context);
    out->wall_seconds = (double)(clock_monotonic_ns() - started_ns) / 1e9;
    out->cpu_seconds = (double)clock_process_cpu_ns() / 1e9;
    return STATUS_OK;
}
