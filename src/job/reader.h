/* Inside job/: one job file on its way from text to a checked job. */
#ifndef LEAT_JOB_READER_H
#define LEAT_JOB_READER_H

#include "job/job.h"
#include "job/words.h"
#include "job/yaml.h"

struct job_reader {
    struct yaml yaml;
    struct job *job;       /* what is being built; its arena owns all */
    const char *directory; /* absolute, of the job file; "/" for the root */
    size_t n_secrets, secrets_capacity;
};

/* ---- file.c: the user's own small files ---- */

/* At most LIMIT bytes of PATH ("-" is standard input) into ARENA, NUL-terminated. The message names PATH. */
status file_read_small(const char *path, size_t limit, struct arena *arena, char **out,
                       size_t *out_size, struct error *err);
/* Absolute form of the folder that holds PATH; the current directory for "-". */
status file_directory(const char *path, struct arena *arena, const char **out, struct error *err);
char *file_join(const char *directory, const char *path, struct arena *arena); /* NULL: no memory */
/* An absolute PATH without empty parts, "." and "..": as the links of what is there lead, letter by letter below. A PATH
 * that has none of them stays as it is. NULL: no memory. */
char *file_normalize(const char *path, struct arena *arena);
bool file_exists(const char *path);

/* ---- override.c ---- */

/* Put what --set says into the tree. */
status override_apply(struct job_reader *reader, const struct job_override *overrides, size_t n,
                      struct error *err);

/* ---- reference.c ---- */

/* Resolve ${NAME}, $$, env:NAME and file:PATH in all values below NODE. */
status reference_resolve(struct job_reader *reader, struct yaml_node *node, struct error *err);

/* ---- values.c: maps against option tables ---- */

struct word_table {
    const struct option_spec *specs;
    struct option_values *out;
};
/* Read MAP: each key is looked up in the N tables, its value checked and put into the table's values; what is not
 * there gets its default. Values of kind MAP, and partition_by, are only noted as given. SECTION: as in
 * later_words. */
status values_read(struct job_reader *reader, const char *section, const struct yaml_node *map,
                   const struct word_table *tables, size_t n, struct error *err);
/* A scalar or list of scalars as a NULL-terminated array. NULL node: NULL. */
status values_list(struct job_reader *reader, const struct yaml_node *node, const char *const **out,
                   size_t *out_n, struct error *err);
/* What may be shown of a value: the reference it came from rather than what it holds. */
const char *values_shown(const struct yaml_node *node);
status values_later(struct job_reader *reader, const struct yaml_node *node,
                    const struct later_word *word, struct error *err);
/* The node as a map; a missing or null one as an empty map. BAD_CONFIG for anything else. */
status values_map(struct job_reader *reader, const struct yaml_node *node, const char *what,
                  const struct yaml_node **out, struct error *err);

/* ---- location.c: URLs and paths ---- */

status location_source(struct job_reader *reader, const struct yaml_node *node, struct error *err);
/* An absolute path or URL for storage_open, and the driver that serves it. */
status location_target(struct job_reader *reader, const struct yaml_node *node, const char **out,
                       const struct storage_driver **out_driver, struct error *err);

/* ---- stream.c ---- */

/* `defaults` and `streams` of the file into job->streams. */
status stream_read_all(struct job_reader *reader, const struct yaml_node *defaults,
                       const struct yaml_node *streams, struct error *err);

/* ---- redact.c ---- */

/* VALUE will be struck out of all output. */
status secret_add(struct job_reader *reader, const char *value, struct error *err);
/* The password and the secret parameters of URL. */
status secret_add_url(struct job_reader *reader, const char *url, struct error *err);

#endif
