/* A command of leat: a struct in a file of its own (cmd_<name>.c), listed in commands.c. Parsing, --help and
 * docs/reference/commands.md come from it. */
#ifndef LEAT_CLI_COMMAND_H
#define LEAT_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/option.h"
#include "job/job.h"
#include "json/json.h"

struct command;

/* One call of a command, parsed. */
struct invocation {
    const struct command *command;
    struct option_values flags; /* of the command's table; a list holds each use of the flag */
    const char *const *args;    /* what is not a flag; NULL-terminated */
    size_t n_args;
    bool help, quiet, json;
    bool color;    /* standard error is a terminal that may be coloured */
    bool progress; /* standard error is a terminal, and not --quiet */
    FILE *out;     /* results */
    FILE *log;     /* progress, warnings, errors */
    struct arena arena;
    struct job job; /* once loaded: main releases it, and strikes its secrets out of an error */
    int exit_code;  /* of a command that ends with OK but has something to say */
};

struct command {
    const char *name;
    const char *synopsis;            /* "JOB [STREAM...]" */
    const char *summary;             /* one line, no full stop */
    const char *help;                /* a paragraph or two; NULL: the summary is all */
    const char *example;             /* a line that can be typed */
    const struct option_spec *flags; /* besides the global ones; NULL: none */
    size_t min_args, max_args;
    bool hidden; /* not in the overview */
    /* OK: exit_code of INVOCATION. Else main prints ERR and exits as exit_code.c says. */
    status (*run)(struct invocation *invocation, struct error *err);
};

extern const struct command *const commands[]; /* NULL-terminated, in the order of the overview */
const struct command *command_find(const char *name);
extern const struct option_spec global_flags[]; /* every command takes them */

/* ---- invocation.c ---- */

/* Parse ARGV after the command's name. BAD_CONFIG: one line on the mistake, with the nearest flag. */
status invocation_parse(struct invocation *invocation, int argc, char **argv, struct error *err);
void invocation_release(struct invocation *invocation);
/* The items of a list flag, each cut at commas; NULL-terminated; NULL: not given. */
status invocation_split(struct invocation *invocation, const char *flag, const char *const **out,
                        struct error *err);
/* args[0] as a job, with --set where the command has it. */
status invocation_load_job(struct invocation *invocation, struct error *err);

/* ---- usage.c ---- */
void usage_overview(FILE *out);
void usage_command(const struct command *command, FILE *out);
const char *command_nearest(const char *word); /* NULL: none is near */

/* ---- output.c ---- */

/* Print DOCUMENT on one line and release it. NULL: memory ran out while it was built. */
status print_json(struct invocation *invocation, json_t *document, struct error *err);
/* "1 row", "20,000 rows": a count and what is counted. */
const char *counted(uint64_t n, const char *unit, char out[48]);
/* The value as JSON text, or null. */
json_t *json_text_or_null(const char *text);

/* Rows of text in aligned columns. */
struct grid {
    struct arena *arena;
    size_t n_columns;
    const char *alignment; /* one letter a column: l or r */
    const char ***rows;
    size_t n_rows, capacity;
    bool failed;
};
void grid_row(struct grid *grid, const char *const *cells); /* n_columns texts, copied; NULL: "" */
/* The first row is the head. Two spaces stand before each line and between columns. */
status grid_print(const struct grid *grid, FILE *out, struct error *err);

#endif
