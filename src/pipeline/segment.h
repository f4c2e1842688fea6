/* Segments: what a split leaves in the run's staging area, and the manifest that says it is whole.
 *
 * A segment is one object:
 *
 *   piece | piece | ... | index
 *
 *   piece   rows of one partition: a sealed row group (pages, then its meta) where they are many enough to stay as they
 *           are in a data file, else columns in plain form (batch.h)
 *   index   the partition keys in plain form, then an entry for each piece
 *
 * The manifest is put, if absent, once the segment is durable; a split without one was never finished. */
#ifndef LEAT_PIPELINE_SEGMENT_H
#define LEAT_PIPELINE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "batch/column_codes.h"
#include "commit/record.h"
#include "format/format.h"
#include "partition/partition.h"
#include "storage/storage.h"

enum piece_kind { PIECE_PLAIN = 1, PIECE_ROW_GROUP = 2 };

/* As stored in the index: 48 bytes, little-endian. */
struct piece {
    uint32_t
        key; /* of the split's partition keys; in memory, of the stream's once it is finished */
    uint32_t kind;
    uint64_t rows;
    uint64_t offset;
    uint64_t bytes;       /* plain form, or pages */
    uint64_t meta_bytes;  /* ROW_GROUP: the meta stands right behind the pages */
    uint64_t plain_bytes; /* size of the rows as columns */
};

/* A finished split. */
struct split_result {
    bool done;
    bool kept;          /* finished by an earlier run, or under an earlier snapshot */
    bool proven;        /* its snapshot stood when it was finished */
    uint64_t rows_read; /* = rows + known + skipped + rejected */
    uint64_t rows, known, skipped, rejected;
    uint64_t bytes_read;
    uint64_t *policy;        /* one for each column of the plan's schema */
    struct tie_digests ties; /* of rows equal to the new bound */
    struct tie_digests used; /* digests of the rows counted in `known` */
    const char *segment;     /* object name; NULL: no rows */
    uint64_t segment_bytes, index_offset, index_bytes, index_hash;
    const char *rejects; /* object name; NULL: none */
    uint64_t reject_bytes;
    struct partition_keys *keys;
    struct piece *pieces;
    size_t n_pieces;
    struct arena arena;
};
void split_result_release(struct split_result *result);

struct segment_writer {
    struct byte_sink pages; /* of a row group that was begun */
    struct storage *storage;
    struct upload *upload; /* NULL until the first piece */
    const char *name;
    uint64_t offset;
    struct piece *pieces;
    size_t n_pieces, capacity;
    struct buffer pending; /* plain pieces not yet in the upload: one write for many */
};

/* A row group: its pages go into writer->pages between the two calls. */
status segment_begin_row_group(struct segment_writer *writer, uint32_t key, struct error *err);
status segment_end_row_group(struct segment_writer *writer, const struct row_group *group,
                             struct error *err);
/* Rows ROWS[0..n) of BATCH as a plain piece. CODES: its coded columns (batch_gather_coded), the rows then side by side; NULL:
 * none. */
status segment_add_rows(struct segment_writer *writer, uint32_t key, const struct batch *batch,
                        const struct batch_codes *codes, const uint32_t *rows, size_t n,
                        struct error *err);
/* Write the index and let the object appear; fills the segment's part of RESULT and moves the pieces there. Without pieces
 * nothing is written. */
status segment_finish(struct segment_writer *writer, const struct schema *key_schema,
                      const struct partition_keys *keys, struct split_result *result,
                      struct error *err);
void segment_abort(struct segment_writer *writer);

/* Read the index of RESULT's segment into keys and pieces; all of it checked (BAD_DATA). */
status segment_read_index(struct storage *storage, const struct partitioner *partitioner,
                          const struct schema *key_schema, struct split_result *result,
                          struct error *err);

/* The manifest as JSON (mem_free) and back. DIGEST is the plan's. */
status manifest_write(const struct split_result *result, const char *run_id, const char *digest,
                      uint32_t split, size_t n_columns, char **out, size_t *out_size,
                      struct error *err);
/* SCHEMA_CHANGED-free: a manifest of another plan or split is BAD_DATA. */
status manifest_read(const char *json, size_t size, const char *digest, uint32_t split,
                     size_t n_columns, struct split_result *out, struct error *err);

#endif
