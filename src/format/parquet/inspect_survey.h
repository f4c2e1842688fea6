/* What is known of each column over all row groups of a file, and what readers can skip in it. */
#ifndef LEAT_FORMAT_PARQUET_INSPECT_SURVEY_H
#define LEAT_FORMAT_PARQUET_INSPECT_SURVEY_H

#include "format/parquet/footer.h"
#include "format/parquet/inspect_probe.h"

/* Who looks for the rows of one value and trusts bounds reads, of TOTAL parts, about READ: on average, so many overlap
 * the part that holds it, itself included. */
struct lookup {
    size_t total;
    size_t bounded; /* parts with bounds, or without values; the others are always read */
    double read;
};

struct column_survey {
    const struct schema_element *element;
    const struct parquet_chunk *first; /* for the path; NULL: the file has no row groups */
    int64_t values, nulls, nans;       /* -1: not said for every row group */
    int64_t stored_bytes, plain_bytes; /* page headers included */
    uint64_t encodings, codecs;        /* bit N: N occurs */
    uint64_t data_encodings; /* of data pages, where the footer tells them apart; else all */
    bool has_min, has_max, min_exact, max_exact;
    struct span min, max;        /* into the footer */
    int64_t distinct;            /* of a single row group; else -1 */
    struct lookup groups, pages; /* pages.total 0: no page index */
    size_t n_groups;
    size_t column_indexes, offset_indexes;        /* row groups that have one */
    bool ascending, descending;                   /* pages of every row group are in order */
    size_t dictionaries;                          /* row groups with one */
    int64_t dictionary_entries, dictionary_bytes; /* of all; as stored */
    size_t v1, v2, checksummed;                   /* row groups, by their first data page */
    size_t bloom_filters;
    uint64_t bloom_filter_bytes;
    double bloom_filter_fpp; /* the worst */
    bool damaged;
};

/* One for each leaf, in ARENA. Errors: of the source, NO_MEMORY. */
status survey_columns(const struct byte_source *source, const struct footer *footer,
                      struct arena *arena, struct column_survey **out, size_t *out_n,
                      struct error *err);

/* How bounds of ELEMENT compare; ORDER_NONE: nobody may use them. */
enum leaf_order survey_order(const struct schema_element *element);

#endif
