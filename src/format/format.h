/* Batches to bytes: file formats. (Reading formats comes with the readers.)
 *
 * Encoding is split in two so that it can be parallel and pure while appending is ordered and does the I/O:
 *   encoder  batch rows -> row_group   no I/O, no shared state, one encoder for each thread
 *   file     row_groups -> bytes       one after the other, into a sink
 * A row_group is sealed: its bytes hold no file offsets, so it can be kept in a segment and copied into a file
 * later, by the same process or another. */
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

/* One encoded row group in memory. `pages`: all column chunks one after the other; `meta`: what the file
 * needs to know of them, in the format's own serialised form with offsets relative to `pages`. */
struct row_group {
    uint64_t rows;
    uint64_t plain_bytes;
    struct buffer pages;
    struct buffer meta;
};
void row_group_release(struct row_group *group);

/* Where the bytes of a file go. */
struct byte_sink {
    status (*write)(struct byte_sink *sink, const void *bytes, size_t size, struct error *err);
};

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

struct key_value {
    const char *key, *value;
};

struct format_driver {
    const char *name;                  /* "parquet" */
    const char *extension;             /* ".parquet" */
    const struct option_spec *options; /* compression, row_group_rows, row_group_bytes, ... */

    /* An encoder for batches of SCHEMA (borrowed, must outlive it). BAD_CONFIG: a type or an option the format
     * can't carry. */
    status (*encoder_new)(const struct schema *schema, const struct option_values *options,
                          struct encoder **out, struct error *err);
    /* Encode rows [first, first + n) of BATCH as one sealed row group. Pure: no I/O, no shared state.
     * Errors: BAD_DATA, NO_MEMORY. OUT is the caller's on success, else untouched. */
    status (*encode)(struct encoder *encoder, const struct batch *batch, size_t first, size_t n,
                     struct row_group *out, struct error *err);
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

    /* Rows, schema and layout of a finished file, as a person wants to see it (leat inspect): text, or JSON. All lengths checked; BAD_DATA for what is not such a file. */
    status (*inspect)(const struct byte_source *source, bool json, FILE *out, struct error *err);
    /* Rows a file's footer claims, for reconciliation. */
    status (*footer_rows)(const struct byte_source *source, uint64_t *out_rows, struct error *err);
};

extern const struct format_driver *const format_drivers[]; /* registry.c; NULL-terminated */
const struct format_driver *format_find(const char *name); /* NULL: none */

#endif
