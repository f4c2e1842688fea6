/* Columns as codes, on their way through segments: texts of few values as a number for each row and each value once, 64-bit numbers
 * that differ in their lower bytes as those bytes. So a column moves as one, two or four bytes a row. */
#ifndef LEAT_BATCH_COLUMN_CODES_H
#define LEAT_BATCH_COLUMN_CODES_H

#include "batch/batch.h"

enum { MOST_CODED_WORDS = 16, MOST_WORD_BYTES = 32 };

enum codes_kind {
    CODES_NONE, /* the column is as it was */
    CODES_WORDS,
    CODES_NUMBERS,
};

struct column_codes {
    enum codes_kind kind;
    unsigned width;      /* bytes of a code */
    struct buffer codes; /* one for each row */
    uint64_t base;       /* NUMBERS: what each code is to be added to */
    size_t n_words;      /* WORDS: in the order in which they were met */
    size_t sizes[MOST_CODED_WORDS];
    uint8_t words[MOST_CODED_WORDS][MOST_WORD_BYTES];
};

/* Of a batch. */
struct batch_codes {
    struct column_codes *columns;
    size_t n_columns;
    struct buffer met; /* codes in the order of the column, while they are found */
};
status batch_codes_init(struct batch_codes *codes, size_t n_columns, struct error *err);
void batch_codes_release(struct batch_codes *codes); /* accepts zeroed */

/* batch_gather, but for columns without NULLs that are coded: texts of at most MOST_CODED_WORDS values, none longer than
 * MOST_WORD_BYTES, and numbers of 8 bytes of which the upper four are the same. Those get their rows in CODES and none in
 * INTO, which must be empty. */
status batch_gather_coded(struct batch *into, struct batch_codes *codes, const struct batch *from,
                          const uint32_t *rows, size_t n, struct error *err);

/* batch_write_plain of what batch_gather_coded left. batch_read_plain makes columns of it again. (batch/plain_write.c) */
status batch_write_plain_coded(const struct batch *batch, const struct batch_codes *codes,
                               size_t first, size_t n, struct buffer *out, struct error *err);

#endif
