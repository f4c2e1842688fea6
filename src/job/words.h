/* The words of a job file: the option tables of its sections, and the words that a later version will know. */
#ifndef LEAT_JOB_WORDS_H
#define LEAT_JOB_WORDS_H

#include "base/option.h"

extern const struct option_spec job_words[];       /* top level */
extern const struct option_spec source_words[];    /* `source` as a map; the driver's options too */
extern const struct option_spec target_words[];    /* `target` as a map; the driver's options too */
extern const struct option_spec stream_words[];    /* a stream, and defaults */
extern const struct option_spec column_words[];    /* an entry of `columns` */
extern const struct option_spec check_words[];     /* `checks` */
extern const struct option_spec row_count_words[]; /* `checks: row_count` */
extern const struct option_spec change_words[];    /* `on_change` */
extern const struct option_spec period_words[];    /* the map form of `partition_by` */

/* A word, or a value of a word, that the design has and this version doesn't. */
struct later_word {
    const char *section; /* "stream", "checks", ... */
    const char *key;     /* "write" */
    const char *value;   /* "merge"; NULL: the key itself */
    const char *instead; /* what to write for now; NULL: nothing does it */
};
/* VALUE NULL: asks about the key. NULL: no such word. */
const struct later_word *later_word_find(const char *section, const char *key, const char *value);
extern const struct later_word later_words[]; /* ends with a NULL section */

#endif
