/* Option tables: what a job file or a command line may say. Parsing, --help, the reference pages,
 * "did you mean" and the redaction of secrets all come from these tables, so every driver carries
 * one and no other list of options exists. */
#ifndef LEAT_BASE_OPTION_H
#define LEAT_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_SECRET, /* text that is never printed; shown as *** */
    OPTION_BOOL,
    OPTION_INT,
    OPTION_SIZE,     /* bytes: 256MB, 2MiB */
    OPTION_DURATION, /* seconds: 3 days, 15m */
    OPTION_PERCENT,  /* 20% or a share of 1 as a double */
    OPTION_CHOICE,   /* one of `choices` */
    OPTION_LIST,     /* list of text; in a job file a sequence, or one scalar */
    OPTION_MAP,      /* a map with a table of its own; only in a job file, taken apart by job/ */
};

struct option_spec {
    const char *name; /* as written in a job file: "busy_timeout"; NULL ends the table */
    enum option_kind kind;
    const char *const *choices; /* CHOICE only, NULL-terminated */
    const char *default_text;   /* as it would be written; NULL: no default */
    int64_t minimum, maximum;   /* INT, SIZE, DURATION; both 0: no limits */
    const char *help;           /* one sentence, plain, with a full stop */
    const char *example;        /* NULL: none */
};

/* A value that passed its spec. `text` is what was written (defaults included). */
struct option_value {
    const struct option_spec *spec;
    bool given;               /* false: the default, or nothing */
    const char *text;         /* NULL: not given and no default */
    int64_t number;           /* BOOL 0/1, INT, SIZE, DURATION, CHOICE (its index) */
    double share;             /* PERCENT */
    const char *const *items; /* LIST, NULL-terminated */
    size_t n_items;
    const char *where; /* "job.yaml:12:5", or NULL: for messages about this value */
};

/* Values of one table, in its order. Strings live as long as the job they came from. */
struct option_values {
    const struct option_spec *specs;
    struct option_value *values;
    size_t n_values;
    const struct option_entry *entries; /* what is said of single things: columns */
    size_t n_entries;
};

/* Values of another table, for the one thing called NAME. */
struct option_entry {
    const char *name;
    struct option_values values;
};

/* The value called NAME; NULL only if the table has no such name (a bug of the caller). */
const struct option_value *option_find(const struct option_values *values, const char *name);
const char *option_text(const struct option_values *values, const char *name); /* NULL: not set */
int64_t option_number(const struct option_values *values, const char *name);   /* 0: not set */
bool option_given(const struct option_values *values, const char *name);

/* Check and convert TEXT for SPEC into OUT (strings borrowed from TEXT; not for LIST and MAP).
 * BAD_CONFIG: "expected one of ..., got ..."; the caller adds where. */
status option_parse(const struct option_spec *spec, const char *text, struct option_value *out,
                    struct error *err);
/* What a value of SPEC looks like, for messages: "a size such as 256MB, at least 1". */
struct text;
void option_expected(const struct option_spec *spec, struct text *out);
/* Values of the table SPECS where nothing was given: each its default; lists are empty. In ARENA. */
status option_defaults(struct arena *arena, const struct option_spec *specs,
                       struct option_values *out, struct error *err);
size_t option_count(const struct option_spec *specs);
const char *option_kind_text(enum option_kind kind); /* "size", "duration", ... for help and docs */

#endif
