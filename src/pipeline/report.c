/* What a run tells of itself: counts, sizes, skew, lag, time by stage. */
#include "pipeline/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "pipeline/assemble.h"

const char *outcome_text(enum stream_outcome outcome)
{
    static const char *const texts[] = {
        [OUTCOME_PLANNED] = "planned",         [OUTCOME_PUBLISHED] = "published",
        [OUTCOME_NOTHING_NEW] = "nothing new", [OUTCOME_HELD] = "held",
        [OUTCOME_LOCKED] = "locked",           [OUTCOME_STOPPED] = "stopped",
        [OUTCOME_UNKNOWN] = "unknown",         [OUTCOME_FAILED] = "failed",
    };
    return texts[outcome];
}

void run_report_release(struct run_report *report)
{
    arena_release(&report->arena);
    memset(report, 0, sizeof(*report));
}

/* ---- after the splits ---- */

static enum value_policy policy_of(const struct stream_run *stream, const char *column)
{
    for (size_t i = 0; i < stream->spec->n_columns; i++)
        if (strcasecmp(stream->spec->columns[i].name, column) == 0)
            return stream->spec->columns[i].on_error;
    return POLICY_ERROR;
}

static void report_policies(struct stream_run *stream)
{
    struct stream_report *report = stream->report;
    size_t n = stream->plan.schema.n_fields;
    const char **texts = arena_alloc(stream->run->arena, (n + 1) * sizeof(*texts));
    if (!texts)
        return;
    for (size_t c = 0; c < n; c++) {
        uint64_t count = 0;
        for (size_t i = 0; i < stream->plan.n_splits; i++)
            count += stream->splits[i].policy ? stream->splits[i].policy[c] : 0;
        char number[32];
        const char *name = stream->plan.schema.fields[c].name;
        bool as_text = policy_of(stream, name) == POLICY_TEXT;
        *(as_text ? &report->values_text : &report->values_null) += count;
        if (count)
            texts[report->n_policy_columns++] = arena_printf(
                stream->run->arena, "column \"%s\": %s value%s that did not fit became %s", name,
                text_format_count(count, number), count == 1 ? "" : "s", as_text ? "text" : "NULL");
    }
    report->policy_columns = texts;
}

void report_splits(struct stream_run *stream)
{
    struct stream_report *report = stream->report;
    for (size_t i = 0; i < stream->plan.n_splits; i++) {
        const struct split_result *split = &stream->splits[i];
        report->rows_known += split->known;
        report->rows_rejected += split->rejected;
        report->rows_written += split->rows;
        if (split->kept)
            continue; /* read by the earlier run */
        report->rows_read += split->rows_read;
        report->bytes_read += split->bytes_read;
    }
    report_policies(stream);
}

/* ---- after assembling ---- */

static int compare_rows(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Partitions with rows in this run: --partitions meets the values of the others as well. */
static size_t count_partitions(const struct assembly *assembly)
{
    size_t n = 0;
    for (size_t i = 0; i < assembly->n_partitions; i++)
        n += assembly->partitions[i].rows > 0;
    return n;
}

/* Largest partition to the median one. */
static void report_skew(struct stream_run *stream)
{
    const struct assembly *assembly = stream->assembly;
    struct stream_report *report = stream->report;
    size_t n = count_partitions(assembly), at = 0, largest = 0;
    SCOPED(mem_freep) uint64_t *rows = mem_alloc((n + 1) * sizeof(*rows));
    if (!rows || n < 2)
        return;
    for (size_t i = 0; i < assembly->n_partitions; i++) {
        if (assembly->partitions[i].rows > 0)
            rows[at++] = assembly->partitions[i].rows;
        if (assembly->partitions[i].rows > assembly->partitions[largest].rows)
            largest = i;
    }
    qsort(rows, n, sizeof(*rows), compare_rows);
    uint64_t median = rows[n / 2];
    report->skew = (double)rows[n - 1] / (double)median;
    report->skew_partition = arena_strdup(stream->run->arena, assembly->partitions[largest].path);
    if (report->skew >= 10)
        stream_note(stream, "partition %s has %.0f times the rows of the median one",
                    report->skew_partition, report->skew);
}

static void report_partition_results(struct stream_run *stream)
{
    const struct assembly *assembly = stream->assembly;
    struct stream_report *report = stream->report;
    for (size_t i = 0; i < report->n_partition_results; i++) {
        struct partition_result *result = &report->partition_results[i];
        for (size_t p = 0; p < assembly->n_partitions; p++) {
            struct scalar value;
            partition_keys_value(assembly->keys, (uint32_t)p, 0, &value);
            const char *text =
                value.is_null ? "NULL" : partition_value_text(&value, &stream->arena);
            if (!text || strcmp(text, result->value) != 0)
                continue;
            result->rows = assembly->partitions[p].rows;
            result->files = assembly->partitions[p].files;
            result->bytes = assembly->partitions[p].file_bytes;
        }
    }
}

/* A result for each partition that was asked for, however far the run came. */
void report_given_partitions(struct stream_run *stream)
{
    const char *const *values = stream->run->options->partitions;
    struct stream_report *report = stream->report;
    size_t n = 0;
    while (values && values[n])
        n++;
    report->partition_results =
        arena_alloc(stream->run->arena, (n + 1) * sizeof(*report->partition_results));
    if (!report->partition_results)
        return;
    for (size_t i = 0; i < n; i++)
        report->partition_results[i].value = values[i];
    report->n_partition_results = n;
}

/* What the rows that were written took in the source: those left out don't count, those of kept splits do. */
static double bytes_of_written_rows(const struct stream_run *stream)
{
    double bytes = 0;
    for (size_t i = 0; i < stream->plan.n_splits; i++) {
        const struct split_result *split = &stream->splits[i];
        if (split->rows_read)
            bytes += (double)split->bytes_read * (double)split->rows / (double)split->rows_read;
    }
    return bytes;
}

void report_files(struct stream_run *stream)
{
    const struct assembly *assembly = stream->assembly;
    struct stream_report *report = stream->report;
    for (size_t i = 0; i < assembly->n_files; i++) {
        const struct assembled_file *file = &assembly->files[i];
        report->bytes_written += file->size_bytes;
        if (file->size_bytes < stream->spec->file_size / 2)
            report->small_files++;
    }
    report->files = assembly->n_files;
    report->partitions = stream->spec->n_partitions ? count_partitions(assembly) : 0;
    if (report->bytes_written)
        report->compression_ratio = bytes_of_written_rows(stream) / (double)report->bytes_written;
    report_skew(stream);
    if (stream->partial)
        report_partition_results(stream);
}

/* ---- at the end ---- */

static void report_lag(struct stream_run *stream)
{
    struct stream_report *report = stream->report;
    struct scalar newest;
    struct error ignored = {0};
    const struct scalar *mark =
        stream->partial || stream->plan.bound.is_null ? &stream->lower : &stream->plan.bound;
    bool good = report->outcome == OUTCOME_PUBLISHED || report->outcome == OUTCOME_NOTHING_NEW;
    report->lag_seconds = NAN;
    if (!good || !stream->request.update_key || mark->is_null || cancel_reason(&stream->cancel))
        return;
    if (stream->run->job->source->newest(stream->run->source, &stream->request, &stream->arena,
                                         &newest, &ignored) != STATUS_OK ||
        newest.is_null)
        return;
    report->source_newest = scalar_text(&newest, stream->run->arena);
    if (newest.type.id == TYPE_TIMESTAMP)
        report->lag_seconds = (double)(newest.i64 - mark->i64) / 1e6;
    else if (newest.type.id == TYPE_DATE)
        report->lag_seconds = (double)(newest.i64 - mark->i64) * 86400.0;
}

void report_partition_outcomes(struct stream_report *report)
{
    bool published = report->outcome == OUTCOME_PUBLISHED;
    for (size_t i = 0; i < report->n_partition_results; i++) {
        struct partition_result *result = &report->partition_results[i];
        result->outcome = published && result->rows == 0 ? "empty" : outcome_text(report->outcome);
    }
}

void report_end(struct stream_run *stream, int64_t started_ns, int64_t started_cpu_ns)
{
    struct stream_report *report = stream->report;
    for (size_t i = 0; i < STAGES; i++)
        report->stage_seconds[i] = (double)atomic_load(&stream->stage_ns[i]) / 1e9;
    if (stream->plan.relation && !stream->run->options->dry_run)
        report_lag(stream);
    report_partition_outcomes(report);
    report->ended_us = clock_wall_us();
    report->wall_seconds = (double)(clock_monotonic_ns() - started_ns) / 1e9;
    report->cpu_seconds = (double)(clock_process_cpu_ns() - started_cpu_ns) / 1e9;
}

uint64_t peak_memory_bytes(void)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %llu kB", (unsigned long long *)&kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}

/* ---- exit code ---- */

int run_report_exit_code(const struct run_report *report, const struct cancel *cancel)
{
    size_t good = 0, held = 0, locked = 0, unknown = 0, usage = 0;
    int reason = cancel ? cancel_reason(cancel) : 0;
    for (size_t i = 0; i < report->n_streams; i++) {
        const struct stream_report *stream = &report->streams[i];
        good += stream->outcome == OUTCOME_PUBLISHED || stream->outcome == OUTCOME_NOTHING_NEW ||
                stream->outcome == OUTCOME_PLANNED;
        held += stream->outcome == OUTCOME_HELD;
        locked += stream->outcome == OUTCOME_LOCKED;
        unknown += stream->outcome == OUTCOME_UNKNOWN;
        usage += stream->outcome == OUTCOME_FAILED && stream->code == STATUS_BAD_CONFIG;
    }
    if (good == report->n_streams)
        return 0;
    if (unknown)
        return 5;
    if (reason == CANCEL_SIGINT || reason == CANCEL_SIGTERM)
        return 128 + reason;
    if (good + held == report->n_streams)
        return 4;
    if (good + locked == report->n_streams)
        return 6;
    if (usage == report->n_streams)
        return 2;
    return good ? 3 : 1;
}
