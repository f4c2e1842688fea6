/* Rows of a COPY stream, found a block at a time: where each field lies. */
#ifndef LEAT_SOURCE_POSTGRES_ROWS_H
#define LEAT_SOURCE_POSTGRES_ROWS_H

#include "source/postgres/wire.h"

enum { BLOCK_ROWS = 1024 };

struct rows {
    size_t columns;
    size_t n;     /* rows of the block */
    uint32_t *at; /* columns * BLOCK_ROWS; field f of row r: base + at[f * BLOCK_ROWS + r] */
    const uint8_t *base;
    bool header_seen;
};

status rows_init(struct rows *rows, size_t columns, struct error *err);
void rows_release(struct rows *rows);

/* The next block: at most MAX_ROWS (1 or more) rows of what WIRE holds, which fills itself. The rows lie there until the next
 * call. END: there are no more (and N is 0). BAD_DATA: the stream is not what the protocol says. */
status rows_next(struct rows *rows, struct wire *wire, size_t max_rows, const struct cancel *cancel,
                 struct error *err);

/* After rows_next refused a row for its size (wire.cut): the first field that is not there as a whole, and its size; the
 * fields before it are row 0 of the block. False: it can't be told. */
bool rows_cut_field(struct rows *rows, const struct wire *wire, size_t *out_column,
                    uint32_t *out_size);

#endif
