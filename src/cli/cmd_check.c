#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/exit_code.h"
#include "cli/open.h"
#include "commit/contract.h"

static const struct option_spec flags[] = {
    {.name = "set",
     .kind = OPTION_LIST,
     .help = "Another value for a word of the job file; may be given again.",
     .example = "target=./other"},
    {.name = "offline",
     .kind = OPTION_BOOL,
     .help = "Check the job file alone; open neither source nor target."},
    {0},
};

struct findings {
    struct invocation *invocation;
    const char *stream; /* NULL: the job as a whole */
    json_t *list;       /* with --json */
    size_t counts[3];   /* by level */
    const char **told;  /* "subject: found" of the source, which each stream would say again */
    size_t n_told;
};

static const char *const level_words[] = {"ok", "warning", "failed"};

static void print_finding(const struct findings *findings, enum finding_level level,
                          const char *subject, const char *found, const char *remedy)
{
    FILE *out = findings->invocation->out;
    fprintf(out, "  %-8s %s%s%s: %s\n", level_words[level],
            findings->stream ? findings->stream : "", findings->stream ? ": " : "", subject, found);
    if (remedy && level != FINDING_OK)
        fprintf(out, "           mend: %s\n", remedy);
}

enum { MAX_TOLD = 64 };

/* Is this what the source as a whole was found to be? What it was found to be is kept. */
static bool is_told(struct findings *findings, const char *subject, const char *found)
{
    struct arena *arena = &findings->invocation->arena;
    const char *words = arena_printf(arena, "%s: %s", subject, found);
    for (size_t i = 0; words && findings->stream && i < findings->n_told; i++)
        if (strcmp(findings->told[i], words) == 0)
            return true;
    if (!findings->told)
        findings->told = arena_alloc(arena, MAX_TOLD * sizeof(*findings->told));
    if (words && findings->told && !findings->stream && findings->n_told < MAX_TOLD)
        findings->told[findings->n_told++] = words;
    return false;
}

static void on_finding(void *context, enum finding_level level, const char *subject,
                       const char *found, const char *remedy)
{
    struct findings *findings = context;
    struct invocation *invocation = findings->invocation;
    if (is_told(findings, subject, found ? found : ""))
        return;
    findings->counts[level]++;
    const char *clean = job_redact(&invocation->job, found ? found : "", &invocation->arena);
    clean = clean ? clean : "";
    if (findings->list)
        json_array_append_new(findings->list,
                              json_pack("{s:o,s:s,s:s,s:s,s:o}", "stream",
                                        json_text_or_null(findings->stream), "level",
                                        level_words[level], "subject", subject, "found", clean,
                                        "remedy", json_text_or_null(remedy)));
    else if (!invocation->quiet || level != FINDING_OK)
        print_finding(findings, level, subject, clean, remedy);
}

/* An error as a finding: the check goes on with what is left. */
static void fail(struct findings *findings, const char *subject, const struct error *err,
                 const char *remedy)
{
    on_finding(findings, FINDING_FAIL, subject, err->text, remedy);
}

/* ---- source ---- */

static bool check_source(struct findings *findings, struct open_source *source)
{
    struct error err = {0};
    const struct job *job = &findings->invocation->job;
    if (source_open_job(job, source, &err) != STATUS_OK) {
        fail(findings, "source", &err, "correct source in the job file, or make it readable");
        return false;
    }
    on_finding(findings, FINDING_OK, "source", job->source_shown, NULL);
    if (source->driver->check(source->source, NULL, on_finding, findings, &err) != STATUS_OK)
        fail(findings, "source", &err, NULL);
    err = (struct error){0};
    if (source_catalog_read(source, &err) != STATUS_OK) {
        fail(findings, "source", &err, NULL);
        return false;
    }
    return true;
}

/* ---- target ---- */

/* Put an object and take it away again: the only proof that the place is writable. */
static status try_writing(struct storage *storage, struct error *err)
{
    static const char probe[] = "leat-check"; /* at the top: no folder stays behind */
    status_code code = storage_put(storage, probe, PUT_REPLACE, "leat\n", 5, err);
    if (code == STATUS_OK)
        code = storage_remove(storage, probe, err);
    return code;
}

static void check_space(struct findings *findings, struct storage *storage, uint64_t source_bytes)
{
    char free_text[32], needed[32], found[128];
    uint64_t free_bytes = storage_free_bytes(storage);
    if (free_bytes == UINT64_MAX)
        return;
    snprintf(found, sizeof(found), "%s free; the streams hold about %s in the source",
             text_format_bytes(free_bytes, free_text), text_format_bytes(source_bytes, needed));
    bool tight = free_bytes < source_bytes;
    on_finding(findings, tight ? FINDING_WARN : FINDING_OK, "space", found,
               tight ? "make room; a run needs its new files beside the old ones" : NULL);
}

static void check_target(struct findings *findings, uint64_t source_bytes)
{
    struct error err = {0};
    const struct job *job = &findings->invocation->job;
    struct storage *storage = NULL;
    if (storage_open(job->target, &job->storage_options, true, &storage, &err) != STATUS_OK) {
        fail(findings, "target", &err, "make the folder writable for this user, or correct target");
        return;
    }
    if (try_writing(storage, &err) == STATUS_OK)
        on_finding(findings, FINDING_OK, "target", job->target_shown, NULL);
    else
        fail(findings, "target", &err, "make the folder writable for this user");
    check_space(findings, storage, source_bytes);
    storage_close(storage);
}

/* ---- streams ---- */

/* BAD_CONFIG is the user's mistake and ends the check with its place in the file; the rest is a finding. */
static status finding_or_mistake(struct findings *findings, const struct stream_spec *spec,
                                 const char *subject, const struct error *cause, struct error *err)
{
    if (cause->code == STATUS_BAD_CONFIG) {
        *err = *cause;
        return job_place_error(spec, err);
    }
    fail(findings, subject, cause, NULL);
    return STATUS_OK;
}

/* What changed in the source since the table's last run, as that run's record has it. */
static status check_drift(struct findings *findings, const struct stream_spec *spec,
                          const struct open_table *table, const struct schema *now,
                          struct error *err)
{
    SCOPED(arena_release) struct arena arena = {0};
    SCOPED(text_release) struct text told = {0};
    struct contract_changes changes;
    if (!table->state.has_record)
        return STATUS_OK;
    TRY(contract_compare(spec->table, &table->state.record.contract, now, &arena, &changes, err));
    for (size_t i = 0; i < changes.n; i++) {
        text_append(&told, i ? "; " : "");
        contract_change_append(&told, &changes.items[i]);
    }
    TRY(text_check(&told, err));
    if (changes.n == 0)
        on_finding(findings, FINDING_OK, "drift", "the source's columns are the table's", NULL);
    else
        on_finding(findings, FINDING_WARN, "drift", text_string(&told),
                   "on_change: {add: apply, widen: apply} takes new columns and wider types; leat "
                   "run --mode full-refresh --accept-schema loads it anew; select leaves a column "
                   "out");
    return STATUS_OK;
}

/* What the stream says of its files against the columns that stand in them. */
static status check_files(const struct stream_spec *spec, const struct schema *schema,
                          const struct partitioner *partitioner, struct error *err)
{
    struct schema files = {0};
    size_t n = 0, *pick = mem_realloc_array(NULL, schema->n_fields + 1, sizeof(*pick));
    if (!pick)
        return error_no_memory(err);
    partitioner_data_columns(partitioner, pick, &n);
    status_code code = schema_select(schema, pick, n, &files, err);
    mem_free(pick);
    if (code == STATUS_OK && n > 0)
        code = job_check_format(spec, &files, err);
    schema_release(&files);
    return code;
}

/* What the table says about the columns' types, CARRIED being as it would hold them. */
static void check_types(struct findings *findings, const struct stream_spec *spec,
                        struct open_table *table, const struct schema *carried)
{
    struct error cause = {0};
    struct arena arena = {0};
    if (table->table && spec->table->check_schema(table->table, carried, &cause) != STATUS_OK) {
        fail(findings, "types", &cause,
             "give the column another type under columns, or leave it out of select");
    } else {
        char found[128];
        snprintf(found, sizeof(found), "%zu columns, all with a type the table carries",
                 carried->n_fields);
        on_finding(findings, FINDING_OK, "types", found, NULL);
    }
    for (size_t i = 0; i < carried->n_fields; i++)
        if (carried->fields[i].carries)
            on_finding(findings, FINDING_OK, "types",
                       commit_carry_text(spec->table, &carried->fields[i], &arena), NULL);
    arena_release(&arena);
}

static status check_layout(struct findings *findings, const struct stream_spec *spec,
                           const struct schema *carried, int32_t today, struct error *err)
{
    struct error cause = {0};
    struct partitioner *partitioner = NULL;
    status_code code =
        partitioner_new(carried, spec->partitions, spec->n_partitions, today, &partitioner, &cause);
    if (code != STATUS_OK)
        return finding_or_mistake(findings, spec, "partition_by", &cause, err);
    code = check_files(spec, carried, partitioner, &cause);
    partitioner_free(partitioner);
    return code == STATUS_OK ? STATUS_OK : finding_or_mistake(findings, spec, "files", &cause, err);
}

/* The columns as they come out of the source, and as the table would hold them. */
static status check_schema(struct findings *findings, const struct stream_spec *spec,
                           struct open_table *table, const struct read_plan *plan,
                           struct error *err)
{
    SCOPED(schema_release) struct schema carried = {0};
    TRY(commit_carry_schema(spec->table, &plan->schema, &carried, err));
    check_types(findings, spec, table, &carried);
    TRY(check_drift(findings, spec, table, &plan->schema, err));
    return check_layout(findings, spec, &carried, plan->today, err);
}

static status check_plan(struct findings *findings, struct open_source *source,
                         const struct stream_spec *spec, struct open_table *table,
                         struct error *err)
{
    struct error cause = {0};
    struct read_request request;
    struct read_plan plan = {0};
    stream_request(spec, &request);
    if (source->driver->plan(source->source, &request, &plan, &cause) != STATUS_OK)
        return finding_or_mistake(findings, spec, "plan", &cause, err);
    status_code code = job_check_schema(spec, &plan.schema, err);
    if (code == STATUS_OK)
        code = check_schema(findings, spec, table, &plan, err);
    read_plan_release(&plan);
    return code;
}

static status check_stream(struct findings *findings, struct open_source *source,
                           const struct stream_spec *spec, struct error *err)
{
    struct error cause = {0};
    struct read_request request;
    SCOPED(open_table_close) struct open_table table = {0};
    findings->stream = spec->name;
    stream_request(spec, &request);
    if (source->driver->check(source->source, &request, on_finding, findings, &cause) != STATUS_OK)
        return finding_or_mistake(findings, spec, "source", &cause, err);
    if (table_open_stream(findings->invocation, spec, &table, &cause) != STATUS_OK)
        fail(findings, "table", &cause, NULL);
    else if (table.state.hold)
        on_finding(findings, FINDING_WARN, "table", table.state.hold,
                   "see the choices of leat run --help");
    return check_plan(findings, source, spec, &table, err);
}

/* "orders", or with its schema before it. */
static bool is_name_of(const char *stream, const char *table)
{
    size_t stream_size = strlen(stream), table_size = strlen(table);
    if (stream_size <= table_size)
        return strcmp(stream, table) == 0;
    return text_ends_with(stream, table) && stream[stream_size - table_size - 1] == '.';
}

static uint64_t bytes_of(const struct source_catalog *catalog, const struct stream_spec *streams,
                         size_t n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < catalog->n_streams; k++)
            if (is_name_of(streams[i].name, catalog->streams[k].name))
                bytes += catalog->streams[k].bytes;
    return bytes;
}

/* ---- the command ---- */

static status summarize(struct findings *findings, struct error *err)
{
    struct invocation *invocation = findings->invocation;
    size_t warned = findings->counts[FINDING_WARN], failed = findings->counts[FINDING_FAIL];
    invocation->exit_code = failed ? EXIT_FAILED : EXIT_PUBLISHED;
    if (findings->list)
        return print_json(invocation,
                          json_pack("{s:I,s:I,s:o}", "warnings", (json_int_t)warned, "failed",
                                    (json_int_t)failed, "findings", TAKE(findings->list)),
                          err);
    if (failed || warned || !invocation->quiet)
        fprintf(invocation->out, "%s: %zu failed, %zu warning%s\n", invocation->job.path, failed,
                warned, warned == 1 ? "" : "s");
    return STATUS_OK;
}

/* A wrong table or column name is a mistake of the job file (exit 2); what the systems answer is a finding. */
static status check_online(struct findings *findings, struct error *err)
{
    struct invocation *invocation = findings->invocation;
    SCOPED(open_source_close) struct open_source source = {0};
    struct stream_spec *streams = NULL;
    size_t n = 0;
    bool readable = check_source(findings, &source);
    if (readable)
        TRY(invocation_streams(invocation, &source.catalog, &streams, &n, err));
    check_target(findings, readable ? bytes_of(&source.catalog, streams, n) : 0);
    status_code code = STATUS_OK;
    for (size_t i = 0; i < n && code == STATUS_OK; i++)
        code = check_stream(findings, &source, &streams[i], err);
    if (source.source)
        source.driver->plan_end(source.source);
    return code;
}

static status run(struct invocation *invocation, struct error *err)
{
    struct findings findings = {.invocation = invocation};
    TRY(invocation_load_job(invocation, err));
    findings.list = invocation->json ? json_array() : NULL;
    status_code code = STATUS_OK;
    if (option_number(&invocation->flags, "offline"))
        on_finding(&findings, FINDING_OK, "job", "every word is right", NULL);
    else
        code = check_online(&findings, err);
    if (code == STATUS_OK)
        code = summarize(&findings, err);
    json_decref(findings.list);
    return code;
}

const struct command cmd_check = {
    .name = "check",
    .synopsis = "JOB [STREAM...]",
    .summary = "job file, connections, privileges and types, and how to mend what is wrong",
    .help = "Checks the job file, opens source and target, looks at each stream and its table, and "
            "says for each finding how to mend it. Loads nothing.",
    .example = "leat check shop.yaml",
    .flags = flags,
    .min_args = 1,
    .max_args = 1000,
    .run = run,
};
