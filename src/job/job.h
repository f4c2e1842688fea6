/* A job file, checked: what to read, where it goes, how. Every word of it comes from an option table (job/words.c for the
 * job's own, the drivers' for theirs), so nothing can be written that --help and the reference don't show. */
#ifndef LEAT_JOB_JOB_H
#define LEAT_JOB_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/option.h"
#include "commit/commit.h"
#include "commit/contract.h"
#include "format/format.h"
#include "partition/partition.h"
#include "source/source.h"
#include "storage/storage.h"

enum load_mode { MODE_FULL_REFRESH, MODE_INCREMENTAL };

struct row_count_check {
    bool has_min, has_max, has_max_drop;
    uint64_t min, max; /* rows of the table after the run */
    double max_drop;   /* share of the rows of the version before: 0.2 */
};

/* A stream as the job file says it, defaults merged. Wildcards are still patterns here. */
struct stream_spec {
    const char *name;          /* key in the file: "orders", "public.orders", "sales.*" */
    bool pattern;              /* has * or ?, or starts with '!' */
    bool exclude;              /* "!pattern" */
    const char *where_in_file; /* "job.yaml:7:3" */

    const char
        *object; /* name of the table below the target; "{schema}" and "{table}" are filled in */
    bool object_given; /* false: {schema}/{table} outside the source's default schema */
    enum load_mode mode;
    const char *write; /* "append" */
    const char *query, *where;
    const char *const *select;      /* NULL-terminated; NULL: all */
    const char *const *primary_key; /* NULL-terminated; NULL: none */
    const char *update_key;
    bool update_key_nulls;  /* on_null_key: include */
    bool update_key_of_row; /* it is no column, but the source knows it of each row */
    struct partition_spec *partitions;
    size_t n_partitions;
    struct column_request *columns;
    size_t n_columns;
    struct row_count_check row_count;
    enum change_rule on_change[CHANGE_KINDS];
    const char *const *not_null;         /* columns; NULL-terminated; NULL: none */
    const char *const *tags;             /* NULL: none */
    uint64_t file_size;                  /* target bytes on disk */
    const char *target;                  /* URL; NULL: the job's */
    struct option_values format_options; /* of the parquet driver */
    struct option_values commit_options; /* of the table driver */
    const struct commit_driver *table;
    const struct format_driver *format;
    struct option_values words; /* the stream's own words with their places, for messages */
};

struct job {
    const char *path; /* as given, for messages; "-" for none */
    const struct source_driver *source;
    const char *source_location; /* may hold secrets: never print; print source_shown */
    const char *source_shown;    /* redacted */
    struct option_values source_options;
    const char *target; /* storage URL */
    const char *target_shown;
    struct option_values storage_options;
    struct stream_spec *streams;
    size_t n_streams;
    const char *const
        *secrets; /* every secret value read, NULL-terminated: the redactor strikes them out */
    struct arena arena;
};

struct job_override { /* --set a.b.c=value, in order */
    const char *path, *value;
};

/* Read and check PATH ("-" is standard input). ${NAME} inside values, env:NAME and file:PATH as values; relative
 * paths are relative to the job file. BAD_CONFIG: "job.yaml:12:5: ...", what was expected, the nearest right word. */
status job_load(const char *path, const struct job_override *overrides, size_t n_overrides,
                struct job *out, struct error *err);
void job_release(struct job *job);

/* The streams of the job against what the source has: wildcards expanded in the order of the catalog, patterns
 * applied, SELECTORS (names, wildcards, tag:x; n 0: all) chosen. Each result is a copy of its spec with name and object
 * filled. BAD_CONFIG: a selector or a stream that matches nothing (nearest name); two streams with one object. CATALOG may be NULL when no
 * spec is a pattern. */
status job_streams(const struct job *job, const struct source_catalog *catalog,
                   const char *const *selectors, size_t n_selectors, struct stream_spec **out,
                   size_t *out_n, struct arena *arena, struct error *err);

/* The columns that SPEC names against those the source has (job_streams does so for every stream of a catalog).
 * BAD_CONFIG: "job.yaml:9:17: update_key: orders has no column "updatd_at"; did you mean updated_at?". */
status job_check_columns(const struct stream_spec *spec, const struct source_stream *stream,
                         struct error *err);

/* The columns that SPEC checks after the load (checks: not_null, primary_key) against those that will be read: call it
 * once the plan is made, so that a wrong name is told before the first row and not after the last. For a query it is
 * the only look at them. BAD_CONFIG as above. */
status job_check_schema(const struct stream_spec *spec, const struct schema *schema,
                        struct error *err);

/* What SPEC says of its files against FILES, the schema they will have (columns that only stand in the names of folders left
 * out): once the plan is made, before the first row. BAD_CONFIG with its place: an option that names no column of
 * them, or one that a column's type can't have. */
status job_check_format(const struct stream_spec *spec, const struct schema *files,
                        struct error *err);

/* Put the place in the job file in front of a BAD_CONFIG that a stage gave for SPEC: that of the word or column the
 * message names, else that of the stream. Anything else, and what has a place already, stays as it is. Returns the
 * status that ERR holds. */
status job_place_error(const struct stream_spec *spec, struct error *err);

/* A URL as one may print it: user info and secret parameters struck out. In ARENA. */
char *job_redact_url(const char *url, struct arena *arena);
/* TEXT with every secret of JOB replaced by ***. In ARENA. */
char *job_redact(const struct job *job, const char *text, struct arena *arena);

/* A URL that no job file held (leat discover URL): job_redact strikes its secrets out from now on. JOB may be zeroed; it
 * has no other secrets yet. */
status job_keep_url_secret(struct job *job, const char *url, struct error *err);

/* The option tables of the job file itself, for help and docs: sections "job", "stream", "columns", "checks". */
struct option_section {
    const char *name, *title, *help;
    const struct option_spec *specs;
};
const struct option_section *job_sections(size_t *out_n);

#endif
