#include "cli/run_print.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"

static const char *const stage_names[STAGES] = {"open",   "plan",     "read",
                                                "encode", "assemble", "publish"};

/* ---- text ---- */

static void print_size_line(FILE *out, const struct stream_report *stream)
{
    char read[32], written[32], count[48];
    fprintf(out, "  read %s, wrote %s", text_format_bytes(stream->bytes_read, read),
            text_format_bytes(stream->bytes_written, written));
    if (stream->compression_ratio > 0)
        fprintf(out, " (%.1f to 1)", stream->compression_ratio);
    if (stream->partitions)
        fprintf(out, ", %s", counted(stream->partitions, "partition", count));
    if (stream->small_files)
        fprintf(out, ", %s under half of file_size", counted(stream->small_files, "file", count));
    fputc('\n', out);
}

static void print_watermark_line(FILE *out, const struct stream_report *stream)
{
    char lag[32];
    if (!stream->watermark)
        return;
    fprintf(out, "  watermark %s", stream->watermark);
    if (stream->watermark_before && strcmp(stream->watermark_before, stream->watermark) != 0)
        fprintf(out, " (was %s)", stream->watermark_before);
    if (!isnan(stream->lag_seconds) && stream->lag_seconds <= 0)
        fputs(", level with the source", out);
    else if (!isnan(stream->lag_seconds))
        fprintf(out, ", %s behind the source", text_format_duration(stream->lag_seconds, lag));
    fputc('\n', out);
}

/* Where their number was looked for. */
static void print_readers_line(FILE *out, const struct stream_report *stream)
{
    char count[48], rate[32];
    if (!stream->readers_why || (stream->n_reader_rates == 0 && !stream->readers_limited))
        return;
    fprintf(out, "  %s: %s", counted(stream->readers, "reader", count), stream->readers_why);
    for (size_t i = 0; i < stream->n_reader_rates; i++)
        fprintf(out, "%s%u: %s/s", i ? ", " : " (", stream->reader_rates[i].readers,
                text_format_bytes((uint64_t)stream->reader_rates[i].bytes_per_second, rate));
    fputs(stream->n_reader_rates ? ")\n" : "\n", out);
}

static void print_counts(FILE *out, const struct stream_report *stream)
{
    char count[48];
    if (stream->rows_rejected)
        fprintf(out, "  %s rejected, kept in %s/%s\n", counted(stream->rows_rejected, "row", count),
                stream->table_url, stream->reject_file ? stream->reject_file : "");
    for (size_t i = 0; i < stream->n_policy_columns; i++)
        fprintf(out, "  %s\n", stream->policy_columns[i]);
    for (size_t i = 0; i < stream->n_notes; i++)
        fprintf(out, "  note: %s\n", stream->notes[i]);
}

static void print_published(FILE *out, const struct stream_report *stream)
{
    char rows[48], files[48], time[32], rate[32];
    double seconds = stream->wall_seconds > 1e-9 ? stream->wall_seconds : 1e-9;
    fprintf(out, "%s: published version %lld: %s in %s, %s, %s rows/s\n", stream->stream,
            (long long)stream->version, counted(stream->rows_written, "row", rows),
            counted(stream->files, "file", files), text_format_duration(stream->wall_seconds, time),
            text_format_count((uint64_t)((double)stream->rows_read / seconds), rate));
    print_size_line(out, stream);
    print_readers_line(out, stream);
    print_watermark_line(out, stream);
    for (size_t i = 0; i < stream->n_partition_results; i++) {
        const struct partition_result *result = &stream->partition_results[i];
        fprintf(out, "  partition %s: %s, %s, %s\n", result->value, result->outcome,
                counted(result->rows, "row", rows), counted(result->files, "file", files));
    }
    print_counts(out, stream);
}

void print_stream_text(FILE *out, const struct stream_report *stream)
{
    char time[32];
    if (stream->outcome == OUTCOME_PUBLISHED) {
        print_published(out, stream);
    } else if (stream->outcome == OUTCOME_NOTHING_NEW) {
        fprintf(out, "%s: nothing new, %s\n", stream->stream,
                text_format_duration(stream->wall_seconds, time));
        print_watermark_line(out, stream);
        print_counts(out, stream);
    } else {
        fprintf(out, "%s: %s\n", stream->stream, outcome_text(stream->outcome));
        print_counts(out, stream);
    }
}

void print_stream_error(FILE *out, const struct stream_report *stream)
{
    const char *word = stream->outcome == OUTCOME_HELD ? "held" : "error";
    const char *retried = stream->error.code == STATUS_BAD_DATA || stream->error.code == STATUS_BUG
                              ? ", not retried"
                              : "";
    struct text lines = {0};
    for (const char *at = stream->error.text; *at; at++) {
        text_append_char(&lines, *at);
        if (*at == '\n')
            text_append(&lines, "  ");
    }
    fprintf(out, "%s: %s  (%s%s)\n", word, text_string(&lines), status_text(stream->error.code),
            retried);
    text_release(&lines);
}

void print_plan_text(FILE *out, const struct run_report *run, const struct stream_report *stream)
{
    char rows[48], bytes[32], size[32], count[48];
    bool known = stream->rows_planned_exact || stream->rows_planned > 0;
    fprintf(out, "%s -> %s (%s)\n", stream->stream, stream->table_url, stream->mode);
    fprintf(out, "  %s%s in %s", stream->rows_planned_exact || !known ? "" : "about ",
            known ? counted(stream->rows_planned, "row", rows) : "rows not counted",
            counted(stream->splits, "split", count));
    if (stream->bytes_planned)
        fprintf(out, ", %s in the source", text_format_bytes(stream->bytes_planned, bytes));
    if (stream->readers < stream->readers_most)
        fprintf(out, ", %u to", stream->readers);
    fprintf(out, "%s%s", stream->readers < stream->readers_most ? " " : ", ",
            counted(stream->readers_most, "reader", count));
    fprintf(out, ", %s\n", counted(run->workers, "encoder", count));
    if (stream->consistency && *stream->consistency)
        fprintf(out, "  consistency: %s\n", stream->consistency);
    if (stream->watermark_before)
        fprintf(out, "  from watermark %s\n", stream->watermark_before);
    if (stream->watermark)
        fprintf(out, "  to watermark %s\n", stream->watermark);
    if (stream->partition_by && *stream->partition_by)
        fprintf(out, "  partitioned by %s%s\n", stream->partition_by,
                stream->estimated_partitions ? "" : " (at least one file for each partition)");
    fprintf(out, "  files of about %s", text_format_bytes(stream->file_size, size));
    if (stream->estimated_bytes)
        fprintf(out, ", %s in about %s", text_format_bytes(stream->estimated_bytes, bytes),
                counted(stream->estimated_files, "file", count));
    if (stream->estimated_partitions)
        fprintf(out, " of at most %s", counted(stream->estimated_partitions, "partition", count));
    if (stream->estimated_seconds > 0)
        fprintf(out, ", in about %s", text_format_duration(stream->estimated_seconds, size));
    fputc('\n', out);
    for (size_t i = 0; i < stream->splits && stream->split_texts && i < 8; i++)
        fprintf(out, "    split %zu: %s\n", i + 1, stream->split_texts[i]);
    if (stream->splits > 8)
        fprintf(out, "    ... and %llu more (--json lists all)\n",
                (unsigned long long)stream->splits - 8);
    for (size_t i = 0; i < stream->n_notes; i++)
        fprintf(out, "  note: %s\n", stream->notes[i]);
}

/* ---- JSON ---- */

static void set_number(json_t *json, const char *key, uint64_t value)
{
    json_object_set_new(json, key, json_integer((json_int_t)value));
}

static void set_real(json_t *json, const char *key, double value)
{
    json_object_set_new(json, key, isnan(value) ? json_null() : json_real(value));
}

static void set_text(json_t *json, const char *key, const char *value)
{
    json_object_set_new(json, key, value ? json_string(value) : json_null());
}

static json_t *texts_to_json(const char *const *texts, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_string(texts[i]));
    return array;
}

static void set_counts(json_t *json, const struct stream_report *stream)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"splits", stream->splits},
        {"splits_kept", stream->splits_kept},
        {"rows_planned", stream->rows_planned},
        {"bytes_planned", stream->bytes_planned},
        {"rows_read", stream->rows_read},
        {"rows_kept", stream->rows_kept},
        {"rows_known", stream->rows_known},
        {"rows_rejected", stream->rows_rejected},
        {"values_null", stream->values_null},
        {"values_text", stream->values_text},
        {"rows_written", stream->rows_written},
        {"bytes_read", stream->bytes_read},
        {"bytes_written", stream->bytes_written},
        {"files", stream->files},
        {"small_files", stream->small_files},
        {"partitions", stream->partitions},
        {"file_size", stream->file_size},
        {"estimated_bytes", stream->estimated_bytes},
        {"estimated_files", stream->estimated_files},
        {"estimated_partitions", stream->estimated_partitions},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        set_number(json, numbers[i].key, numbers[i].value);
    set_real(json, "compression_ratio", stream->compression_ratio);
    set_real(json, "skew", stream->skew);
    set_real(json, "lag_seconds", stream->lag_seconds);
    set_real(json, "estimated_seconds", stream->estimated_seconds);
}

static json_t *partitions_to_json(const struct stream_report *stream)
{
    json_t *array = json_array();
    for (size_t i = 0; i < stream->n_partition_results; i++) {
        const struct partition_result *result = &stream->partition_results[i];
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:I, s:I, s:I}", "partition", result->value, "outcome",
                             result->outcome, "rows", (json_int_t)result->rows, "files",
                             (json_int_t)result->files, "bytes", (json_int_t)result->bytes));
    }
    return array;
}

static json_t *readers_to_json(const struct stream_report *stream)
{
    json_t *json = json_object(), *rates = json_array();
    for (size_t i = 0; i < stream->n_reader_rates; i++) {
        const struct reader_rate *rate = &stream->reader_rates[i];
        json_array_append_new(rates, json_pack("{s:i, s:f, s:f}", "readers", (int)rate->readers,
                                               "bytes_per_second", rate->bytes_per_second,
                                               "after_seconds", rate->after_seconds));
    }
    set_number(json, "chosen", stream->readers);
    set_number(json, "most", stream->readers_most);
    set_text(json, "why", stream->readers_why);
    json_object_set_new(json, "rates", rates);
    return json;
}

static json_t *stages_to_json(const struct stream_report *stream)
{
    json_t *object = json_object();
    for (size_t i = 0; i < STAGES; i++)
        set_real(object, stage_names[i], stream->stage_seconds[i]);
    return object;
}

static json_t *error_to_json(const struct stream_report *stream)
{
    if (stream->error.code == STATUS_OK || !*stream->error.text)
        return json_null();
    return json_pack("{s:s, s:s, s:i, s:i}", "kind", status_text(stream->error.code), "message",
                     stream->error.text, "errno", stream->error.os_errno, "source_code",
                     stream->error.source_code);
}

json_t *stream_to_json(const struct stream_report *stream)
{
    json_t *json = json_object();
    double seconds = stream->wall_seconds;
    set_text(json, "stream", stream->stream);
    set_text(json, "table", stream->table_url);
    set_text(json, "mode", stream->mode);
    set_text(json, "outcome", outcome_text(stream->outcome));
    json_object_set_new(json, "version", json_integer(stream->version));
    json_object_set_new(json, "error", error_to_json(stream));
    if (stream->holder)
        set_text(json, "holder", stream->holder);
    set_counts(json, stream);
    set_real(json, "rows_per_second", seconds > 0 ? (double)stream->rows_read / seconds : 0);
    json_object_set_new(json, "table_rows",
                        stream->table_rows_known ? json_integer((json_int_t)stream->table_rows)
                                                 : json_null());
    set_text(json, "watermark", stream->watermark);
    set_text(json, "watermark_before", stream->watermark_before);
    set_text(json, "source_newest", stream->source_newest);
    set_text(json, "reject_file", stream->reject_file);
    set_text(json, "skew_partition", stream->skew_partition);
    set_text(json, "consistency", stream->consistency);
    set_text(json, "partition_by", stream->partition_by);
    json_object_set_new(json, "partition_results", partitions_to_json(stream));
    json_object_set_new(json, "policies",
                        texts_to_json(stream->policy_columns, stream->n_policy_columns));
    json_object_set_new(json, "notes", texts_to_json(stream->notes, stream->n_notes));
    if (stream->split_texts)
        json_object_set_new(json, "split_ranges",
                            texts_to_json(stream->split_texts, stream->splits));
    json_object_set_new(json, "readers", readers_to_json(stream));
    json_object_set_new(json, "stage_seconds", stages_to_json(stream));
    set_real(json, "wall_seconds", stream->wall_seconds);
    set_real(json, "cpu_seconds", stream->cpu_seconds);
    return json;
}

json_t *run_to_json(const struct run_report *run, int exit_code)
{
    json_t *json = json_object(), *streams = json_array();
    set_text(json, "run_id", run->run_id);
    json_object_set_new(json, "exit_code", json_integer(exit_code));
    set_number(json, "memory_limit_bytes", run->memory_limit);
    set_number(json, "peak_memory_bytes", run->peak_memory_bytes);
    set_number(json, "readers", run->readers);
    set_number(json, "workers", run->workers);
    set_real(json, "wall_seconds", run->wall_seconds);
    set_real(json, "cpu_seconds", run->cpu_seconds);
    for (size_t i = 0; i < run->n_streams; i++)
        json_array_append_new(streams, stream_to_json(&run->streams[i]));
    json_object_set_new(json, "streams", streams);
    return json;
}

/* ---- ledger ---- */

void stream_to_ledger(const struct run_report *run, const struct stream_report *stream,
                      const char *job_path, struct ledger_entry *out)
{
    *out = (struct ledger_entry){
        .run_id = run->run_id,
        .job = job_path,
        .stream = stream->stream,
        .target = stream->table_url,
        .mode = stream->mode,
        .outcome = outcome_text(stream->outcome),
        .message = stream->error.text[0] ? stream->error.text : NULL,
        .started_us = stream->started_us,
        .ended_us = stream->ended_us,
        .version = stream->version,
        .rows_read = stream->rows_read,
        .rows_written = stream->rows_written,
        .rows_rejected = stream->rows_rejected,
        .rows_known = stream->rows_known,
        .values_null = stream->values_null,
        .values_text = stream->values_text,
        .table_rows = stream->table_rows, /* 0: not known */
        .bytes_read = stream->bytes_read,
        .bytes_written = stream->bytes_written,
        .compression_ratio = stream->compression_ratio,
        .files = stream->files,
        .small_files = stream->small_files,
        .partitions = stream->partitions,
        .skew = stream->skew,
        .watermark = stream->watermark,
        .watermark_before = stream->watermark_before,
        .source_newest = stream->source_newest,
        .lag_seconds = stream->lag_seconds,
        .peak_memory_bytes = run->peak_memory_bytes,
        .cpu_seconds = stream->cpu_seconds,
        .wall_seconds = stream->wall_seconds,
    };
    memcpy(out->stage_seconds, stream->stage_seconds, sizeof(out->stage_seconds));
}
