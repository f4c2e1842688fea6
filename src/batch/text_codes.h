/* Texts of few values as a number for each row and each value once: a column of flags or of names moves as one byte a row. */
#ifndef LEAT_BATCH_TEXT_CODES_H
#define LEAT_BATCH_TEXT_CODES_H

#include "batch/batch.h"

enum { MOST_CODED_WORDS = 16, MOST_WORD_BYTES = 32 };

/* Of one column. The numbers are of the order in which the values were met. */
struct text_codes {
    size_t n_words; /* 0: the column is as it was */
    size_t sizes[MOST_CODED_WORDS];
    uint8_t words[MOST_CODED_WORDS][MOST_WORD_BYTES];
    struct buffer codes; /* a byte for each row */
    struct buffer met;   /* the same in the order of the column, while they are found */
};
void text_codes_release(struct text_codes *codes);

/* batch_gather, but for columns of text without NULLs that have at most MOST_CODED_WORDS values, none longer than
 * MOST_WORD_BYTES: those get their rows in CODES (one for each field; zeros, or as an earlier call left them) and none in INTO.
 * INTO must be empty. */
status batch_gather_coded(struct batch *into, struct text_codes *codes, const struct batch *from,
                          const uint32_t *rows, size_t n, struct error *err);

/* batch_write_plain of what batch_gather_coded left. batch_read_plain makes texts of them again. (batch/plain_write.c) */
status batch_write_plain_coded(const struct batch *batch, const struct text_codes *codes,
                               size_t first, size_t n, struct buffer *out, struct error *err);

#endif
