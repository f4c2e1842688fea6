/* Batches to bytes and back: file formats.
 *
 * Encoding is split in two so that it can be parallel and pure while appending is ordered and does the I/O:
 *   encoder  batch rows -> row_group   no I/O, no shared state, one encoder for each thread
 *   file     row_groups -> bytes       one after the other, into a sink
 * A row_group is sealed: its bytes hold no file offsets, so it can be kept in a segment and copied into a file
 * later, by the same process or another.
 *
 * Reading is one pass over a file, or over the parts of it that can hold what is asked for:
 *   format_reader  bytes -> batches   one thread at a time; takes bytes that nobody vouches for */
#ifndef LEAT_FORMAT_FORMAT_H
#define LEAT_FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/option.h"
#include "batch/batch.h"
#include "batch/scalar.h"

struct encoder;
struct format_file;
struct format_reader;

/* Statistics of one leaf column in one row group or file. */
struct column_stats {
    bool has_bounds; /* min and max are set (never for all-NULL, NaN-only, INTERVAL) */
    bool min_exact, max_exact;
    struct scalar min, max; /* text bounds may be cut: min down, max up */
    uint64_t null_count;    /* of a nested field: 0, nothing is known */
    uint64_t nan_count;     /* FLOAT32, FLOAT64: NaN is never a bound */
    uint64_t value_count;   /* NULLs included */
    uint64_t encoded_bytes; /* as stored, page headers included */
    uint64_t plain_bytes;   /* before encoding and compression */
};

/* Where bytes go. */
struct byte_sink {
    status (*write)(struct byte_sink *sink, const void *bytes, size_t size, struct error *err);
};

/* One encoded row group in memory. `pages`: all column chunks one after the other; `meta`: what the file
 * needs to know of them, in the format's own serialised form with offsets relative to `pages`. */
struct row_group {
    uint64_t rows;
    uint64_t plain_bytes;
    uint64_t pages_bytes;
    struct buffer pages; /* empty where they went into a sink */
    struct buffer meta;
};
void row_group_release(struct row_group *group);

/* Ranges of a finished file of `size` bytes. */
struct byte_source {
    status (*read)(const struct byte_source *source, uint64_t offset, void *out, size_t size,
                   struct error *err);
    uint64_t size;
};

struct file_result {
    uint64_t size_bytes;
    uint64_t rows;
    uint64_t row_groups;
    uint64_t plain_bytes;
    struct column_stats
        *columns; /* one for each top-level field of the schema; nested: no bounds */
    size_t n_columns;
    struct arena arena; /* owns the above */
};
void file_result_release(struct file_result *result);

/* A range that wanted rows lie in: parts of a file that can't hold such a row are left out, so what is read
 * is more than asked for at times, never less. NULLs and NaN lie in no range. */
struct format_range {
    size_t field;              /* a flat top-level field of the file's schema */
    const struct scalar *low;  /* included; NULL: open below */
    const struct scalar *high; /* included; NULL: open above */
};

struct format_read_options {
    const size_t
        *fields; /* top-level fields of the file's schema to read, in this order; NULL: all */
    size_t n_fields;
    const struct format_range *ranges; /* all must hold (AND) */
    size_t n_ranges;
    size_t
        memory_limit; /* bytes of footer, pages and dictionaries held at once; 0: 256 MiB. What asks for more
                          * is refused (BAD_DATA) before it is allocated */
};

struct format_read_counts {
    uint64_t groups,
        groups_skipped; /* row groups looked at, and left out by statistics or bloom filter */
    uint64_t pages, pages_skipped;
    uint64_t bytes; /* read from the source */
};

struct key_value {
    const char *key, *value;
};

/* Memory of an encoder, beside the rows it is given and the row group that it makes of them. */
struct encoder_needs {
    uint64_t bytes;   /* compressor, pages, filters */
    bool copies_rows; /* and the rows once more, in another order */
};

struct format_inspect_options {
    bool json;
    bool row_groups; /* each row group's columns too */
    bool pages;      /* and their pages */
};

struct format_driver {
    const char *name;                  /* "parquet" */
    const char *extension;             /* ".parquet" */
    const struct option_spec *options; /* compression, row_group_rows, row_group_bytes, ... */
    /* What a job file may say of one column; NULL: nothing. Their values are the entries of the options, by
     * top-level column. */
    const struct option_spec *column_options;

    /* OPTIONS by themselves, before any schema is known. BAD_CONFIG: a value that the tables can't judge; begins with
     * the option's name, or with `column "name": ` and the option's name. NULL: the tables say all. */
    status (*check_options)(const struct option_values *options, struct error *err);

    /* Of the encoder that encoder_new makes of the same. */
    status (*encoder_needs)(const struct schema *schema, const struct option_values *options,
                            struct encoder_needs *out, struct error *err);
    /* An encoder for batches of SCHEMA (borrowed, must outlive it). BAD_CONFIG: a type or an option the format
     * can't carry. */
    status (*encoder_new)(const struct schema *schema, const struct option_values *options,
                          struct encoder **out, struct error *err);
    /* Encode rows [first, first + n) of BATCH as one sealed row group. No shared state. Its pages go to PAGES, column by
     * column, so that nobody holds all of them; NULL: they stay in OUT. Errors: BAD_DATA, NO_MEMORY, those of PAGES. OUT is the caller's on success, else untouched. */
    status (*encode)(struct encoder *encoder, const struct batch *batch, size_t first, size_t n,
                     struct byte_sink *pages, struct row_group *out, struct error *err);
    void (*encoder_free)(struct encoder *encoder);

    /* Begin a file of SCHEMA: writes what stands at its head. SINK is borrowed until finish or abort. */
    status (*file_begin)(const struct schema *schema, const struct option_values *options,
                         struct byte_sink *sink, struct format_file **out, struct error *err);
    /* Append a row group whose pages are in memory ... */
    status (*file_append)(struct format_file *file, const struct row_group *group,
                          struct error *err);
    /* ... or whose PAGES_BYTES pages the caller copies into the sink itself right after this call
     * returned (a copy inside the storage): only meta is taken here. META is checked before use (BAD_DATA). */
    status (*file_append_meta)(struct format_file *file, const void *meta, size_t meta_bytes,
                               uint64_t pages_bytes, struct error *err);
    /* Write indexes and footer. Frees FILE, also on failure. */
    status (*file_finish)(struct format_file *file, const struct key_value *pairs, size_t n_pairs,
                          struct file_result *out, struct error *err);
    void (*file_abort)(struct format_file *file); /* frees; writes nothing; accepts NULL */

    /* Rows, schema, layout and statistics of a finished file, and what readers can skip in it, as a person wants to
     * see it (leat inspect): text, or JSON. Nothing of the file is trusted; what a footer speaks of and is not there
     * is told in the report. BAD_DATA for what is not such a file. */
    status (*inspect)(const struct byte_source *source,
                      const struct format_inspect_options *options, FILE *out, struct error *err);
    /* Rows a file's footer claims, for reconciliation. */
    status (*footer_rows)(const struct byte_source *source, uint64_t *out_rows, struct error *err);

    /* Open a finished file: its footer is read and checked, nothing else. SOURCE is borrowed until
     * reader_free. BAD_DATA says what of the file does not hold, UNSUPPORTED is BAD_DATA that names the type, codec
     * or encoding; both name no path: the caller does. */
    status (*reader_open)(const struct byte_source *source, size_t memory_limit,
                          struct format_reader **out, struct error *err);
    /* All fields of the file, with field ids where the file has them; lives as long as the reader. */
    const struct schema *(*reader_schema)(const struct format_reader *reader);
    uint64_t (*reader_rows)(const struct format_reader *reader);
    /* What to read, before the first reader_next (without this call: everything). Borrowed until
     * reader_free. BAD_CONFIG: no such field, or a range over a nested field or of another type. */
    status (*reader_begin)(struct format_reader *reader, const struct format_read_options *options,
                           struct error *err);
    /* The schema of the batches: the fields chosen. */
    const struct schema *(*reader_batch_schema)(const struct format_reader *reader);
    /* Append up to MAX_ROWS rows to BATCH (of the batch schema); *OUT_ROWS 0: the end. After an error the batch
     * holds what it held before. BAD_DATA names column, row group and page. */
    status (*reader_next)(struct format_reader *reader, struct batch *batch, size_t max_rows,
                          size_t *out_rows, struct error *err);
    void (*reader_counts)(const struct format_reader *reader, struct format_read_counts *out);
    void (*reader_free)(struct format_reader *reader); /* accepts NULL */
};

extern const struct format_driver *const format_drivers[]; /* registry.c; NULL-terminated */
const struct format_driver *format_find(const char *name); /* NULL: none */

#endif
