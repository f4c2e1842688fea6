/* One column chunk, page after page: levels and values of the page that is open, taken row by row. */
#ifndef LEAT_FORMAT_PARQUET_READ_CHUNK_H
#define LEAT_FORMAT_PARQUET_READ_CHUNK_H

#include "format/parquet/read_page.h"
#include "format/parquet/read_schema.h"
#include "format/parquet/read_values.h"

/* The data page that is open. Levels below `at` are taken. */
struct chunk_page {
    size_t levels, at;
    /* a leaf at the top: bit 1 = value; NULL: all are. Other leaves: one byte a level */
    const uint8_t *valid;
    const uint8_t *definition, *repetition; /* repetition NULL: none is repeated */
    struct page_values values;
};

struct chunk_reader {
    const struct read_leaf *leaf;
    struct page_reader *pages; /* shared by the leaves of a reader, as is the memory */
    struct format_read_counts *counts;
    struct read_input input;
    const struct parquet_chunk *chunk;
    const struct parquet_offset_index *index; /* NULL: pages are read one after the other */
    uint64_t group_rows;
    uint64_t row;         /* of the row group: the next one to take */
    size_t next_page;     /* number of the page behind the open one */
    uint64_t levels_left; /* without index: of the chunk, behind the open page */
    bool has_dictionary;
    struct read_dictionary dictionary;
    struct buffer body, dictionary_body, definition, repetition, bits;
    struct values_scratch scratch;
    struct chunk_page page;
};

static inline bool leaf_is_top(const struct read_leaf *leaf)
{
    return leaf->n_steps == 1;
}

/* Where the pages of CHUNK lie: [*OUT_AT, *OUT_END). False: not inside [4, FILE_END). */
bool chunk_range(const struct parquet_chunk *chunk, uint64_t file_end, uint64_t *out_at,
                 uint64_t *out_end);

void chunk_reader_init(struct chunk_reader *reader, const struct read_leaf *leaf,
                       const struct byte_source *source, size_t ahead, struct read_memory *memory,
                       struct page_reader *pages, struct format_read_counts *counts);
void chunk_reader_release(struct chunk_reader *reader);
/* Begin CHUNK, whose range has been checked. INDEX (checked, borrowed) or NULL. */
void chunk_reader_start(struct chunk_reader *reader, const struct parquet_chunk *chunk,
                        const struct parquet_offset_index *index, uint64_t rows, uint64_t at,
                        uint64_t end);
/* The next data page. BAD_DATA when the chunk has none. */
status chunk_next_page(struct chunk_reader *reader, struct error *err);
/* A page with something left, and the rows that can be taken from it at once: those that begin in it, and few enough
 * to take no more than ROOM bytes of a column (at least one). */
status chunk_ready(struct chunk_reader *reader, size_t room, size_t *out_rows, struct error *err);
/* N rows of a leaf at the top, at most what chunk_ready said. */
status chunk_take_flat(struct chunk_reader *reader, size_t n, struct column *column,
                       struct error *err);
/* Levels of the open page from `at` on that belong to the next *IO_ROWS rows; those that began are counted down.
 * True: the page ends before it is known that the last of them ends. */
bool chunk_portion(const struct chunk_reader *reader, bool *io_begun, size_t *io_rows,
                   size_t *out_levels);
/* Of a portion that ended with the page: is it known that the last row ends here? */
bool chunk_ends_row(const struct chunk_reader *reader, bool begun, size_t rows);
/* Levels were taken by somebody who knows their rows. */
static inline void chunk_taken(struct chunk_reader *reader, size_t levels)
{
    reader->page.at += levels;
}
/* Go on with ROW of the row group, not before the current one. Pages before it are not read where there is an index. */
status chunk_go_to(struct chunk_reader *reader, uint64_t row, struct error *err);
/* All rows of the group are taken. BAD_DATA when the chunk has more. */
status chunk_finish(struct chunk_reader *reader, struct error *err);
/* Adds the column and the page to a message. */
status chunk_context(const struct chunk_reader *reader, struct error *err);

#endif
