/* Inside `inspect`: numbers and words of its text, in columns. */
#ifndef LEAT_FORMAT_PARQUET_INSPECT_TEXT_H
#define LEAT_FORMAT_PARQUET_INSPECT_TEXT_H

#include "base/text.h"
#include "format/parquet/inspect_survey.h"

struct inspect_report {
    const struct byte_source *source;
    const struct format_inspect_options *options;
    FILE *out;
    struct error *err;
};

/* TEXT goes out and is empty again. A footer may describe millions of chunks and pages, so the report is never held as a
 * whole. */
status inspect_put_out(struct text *text, const struct inspect_report *report);

void inspect_bytes(struct text *out, int64_t bytes);                     /* "1.5 kB" */
void inspect_count(struct text *out, int64_t count);                     /* "12,000" */
void inspect_counted(struct text *out, uint64_t count, const char *one); /* "1 page", "20 pages" */
void inspect_share(struct text *out, double share);                      /* "6.7%" */
/* Spaces up to COLUMN of the line that began at START; one at least. */
void inspect_pad(struct text *out, size_t start, size_t column);
/* Numbers that end WIDTH characters on; "?" for one that is not known (-1). */
void inspect_right_bytes(struct text *out, int64_t bytes, size_t width);
void inspect_right_count(struct text *out, int64_t count, size_t width);
void inspect_right_ratio(struct text *out, int64_t plain, int64_t stored, size_t width);
void inspect_right_share(struct text *out, int64_t part, int64_t all, size_t width);

void inspect_path(struct text *out, const struct parquet_chunk *chunk);
/* "id, day desc nulls first" */
void inspect_order(struct text *out, const struct parquet_group *group);
/* A value, quoted where it is text; "?" where there is none, "~" behind one that was cut. */
void inspect_bound(struct text *out, const struct schema_element *element, bool has,
                   struct span bound, bool exact);

/* ---- inspect_groups.c ---- */

/* A line for each row group ... */
status inspect_groups(const struct inspect_report *report, const struct parquet_footer *meta);
/* ... or all of their chunks, with their pages where they are asked for. */
status inspect_chunks(const struct inspect_report *report, const struct parquet_footer *meta,
                      const struct column_survey *columns, size_t n_columns);

#endif
