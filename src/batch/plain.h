/* What both sides of the plain form know; the form is in batch.h. Not for other folders. */
#ifndef LEAT_BATCH_PLAIN_H
#define LEAT_BATCH_PLAIN_H

#include "batch/batch.h"

enum {
    PLAIN_FORM_BYTES = 4,
    PLAIN_HEAD_BYTES = 24,
    PLAIN_SUM_BYTES = 8,
    PLAIN_BLOCK = 1024, /* numbers on the stack */
    /* Behind the checksum: rows of which none takes a byte might be any number of them. A column of more rows than these
     * takes a bit of each at least. */
    PLAIN_FREE_ROWS = 65536,
};
/* The first byte of a column: how wide its numbers are, or one of these; and whether there are NULLs. */
enum { PLAIN_AS_THEY_ARE = 16, PLAIN_CODED = 32, PLAIN_HAS_NULLS = 128 };

/* What of a column is stored as numbers, less their smallest. */
enum plain_numbers {
    PLAIN_NO_NUMBERS, /* values are stored as they are */
    PLAIN_VALUES,     /* of 1, 2, 4, 8 or 16 bytes */
    PLAIN_LENGTHS,
};
enum plain_numbers plain_numbers_of(const struct column *column);

size_t plain_count_columns(const struct field *fields, size_t n); /* nested ones, too */
bool plain_has_child_rows(const struct column *column);           /* lists and maps */
/* What the values of ROWS rows take as a column. */
size_t plain_values_bytes(const struct column *column, size_t rows);

/* Of LEFT rows, those that the next block takes. */
static inline size_t plain_block_rows(size_t left)
{
    return left < PLAIN_BLOCK ? left : PLAIN_BLOCK;
}

#endif
