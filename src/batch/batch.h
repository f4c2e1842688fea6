/* Rows of one schema as columns. The unit that moves through the stages. Not shared between threads
 * while it is being changed. */
#ifndef LEAT_BATCH_BATCH_H
#define LEAT_BATCH_BATCH_H

#include "batch/column.h"
#include "batch/schema.h"

struct batch {
    const struct schema *schema; /* borrowed; outlives the batch */
    size_t rows;
    struct column *columns; /* schema->n_fields */
    struct region region;   /* batch_reserve_together */
};

/* An empty batch; SCHEMA is borrowed. */
status batch_init(struct batch *batch, const struct schema *schema, struct error *err);
void batch_release(struct batch *batch);
/* From now on values may be appended while ROOM lasts (borrowed; what the data grows by is taken off it); one for which
 * there is none is NO_MEMORY. */
void batch_limit_data(struct batch *batch, struct data_room *room);
/* Of the room that limits the data, what the values do not need, an eighth aside, is given back. */
void batch_trim_data(struct batch *batch);
void batch_clear(struct batch *batch);
status batch_reserve(struct batch *batch, size_t rows, struct error *err);
/* The same; of a batch that has had no rows yet, values and offsets of all columns then lie in one region, which the kernel gives
 * in fewer, larger pages: all of it may count as used from the first rows on. A column that needs more leaves it. */
status batch_reserve_together(struct batch *batch, size_t rows, struct error *err);
/* Has a column left the region? The memory of both is held until the batch is released. */
bool batch_outgrew_region(const struct batch *batch);
void batch_truncate(struct batch *batch, size_t rows);
/* Append rows of FROM; schemas have the same types in the same order. */
status batch_gather(struct batch *into, const struct batch *from, const uint32_t *rows, size_t n,
                    struct error *err);
status batch_append_range(struct batch *into, const struct batch *from, size_t first, size_t n,
                          struct error *err);
size_t batch_bytes(const struct batch *batch);
size_t batch_capacity_bytes(const struct batch *batch);

/* The form below, by the bytes it begins with; another one can't be read. */
#define BATCH_PLAIN_FORM "LPB4"

/* ---- plain form: columns as bytes, for segments (batch/plain.c, plain_write.c, plain_read.c) ----
 *
 * Layout (little-endian, nothing aligned):
 *
 *   "LPB4" | u32 columns (nested ones counted) | u64 rows | u64 their bytes as columns | columns | u64 XXH3-64
 *   of all before it
 *
 * Each column in depth-first order; one without rows takes no byte:
 *
 *   u8      width of its numbers: 0, 1, 2, 4 or 8 bytes, 16 for a column that has none, or 32 for coded texts; 128 is added
 *           for NULLs
 *   bitmap  where there are NULLs: validity
 *   numbers varint (zigzag) of the smallest, then for each row what it is more than that, in so many bytes (0: all are
 *           equal, which columns of more than 65536 rows store in a byte each). Of a NULL the difference is 0
 *   data    text: the bytes
 *
 * Coded texts (batch/column_codes.h) have, in place of numbers and data: u8 values, 1 to 16 | each: u8 length, 32 at most |
 * bytes | and for each row u8 which of them it is.
 *
 * Numbers are the values of integers, dates, times, timestamps, decimals of 8 bytes and those of 16 that fit 64 bits, and
 * the lengths of texts, lists and maps. The values of other types, and decimals where one does not fit, stand as they are in
 * the column; a struct has none. */

/* Append rows [first, first+n) in plain form to OUT. */
status batch_write_plain(const struct batch *batch, size_t first, size_t n, struct buffer *out,
                         struct error *err);
/* The same for rows ROWS[0..n), gathered column by column without an intermediate batch where possible. */
status batch_write_plain_gathered(const struct batch *batch, const uint32_t *rows, size_t n,
                                  struct buffer *out, struct error *err);
/* What the rows of a plain form take as columns (`batch_bytes`); nothing is checked. 0: cut short. */
uint64_t batch_plain_column_bytes(const void *plain, size_t size);
/* Bytes of text and binary values (not those of nested columns) in rows ROWS[0..n): most of what wide rows take. */
size_t batch_data_bytes(const struct batch *batch, const uint32_t *rows, size_t n);
/* Append the rows of a plain form to INTO. BAD_DATA when the checksum, a length or an offset does not
 * hold: everything is checked before use. */
status batch_read_plain(struct batch *into, const void *bytes, size_t size, struct error *err);

/* ---- digest: 128 bits that tell a row from another (batch/digest.c) ----
 * XXH3-128 (seed 0) of the row's values in column order, each as
 *   NULL                 byte 0
 *   any other value      byte 1, then
 *     BOOL               byte 0 or 1
 *     fixed width        the type_value_bytes of its slot (little-endian; UUID and FIXED_BINARY as they are);
 *                        decimals of 8 bytes are widened to 16
 *     UTF8 BINARY JSON   u64 length, bytes
 *     LIST MAP           u64 number of elements, each as a value
 *     STRUCT             its children, each as a value
 * so the same row gives the same digest in every batch, run and machine, and where a decimal got more digits, to 38. */
struct digest {
    uint64_t low, high;
};

/* Bytes of a value of fixed width in its row's digest: a column whose type changed has the same digests only while these are
 * the same. */
size_t digest_value_bytes(struct type type);
/* Digests of rows [first, first + n) into OUT[n]. */
status batch_digest(const struct batch *batch, size_t first, size_t n, struct digest *out,
                    struct error *err);

#endif
