/* The values of a page, NULLs left out, on their way into a column: one kind for each way they can lie there. */
#ifndef LEAT_FORMAT_PARQUET_READ_VALUES_H
#define LEAT_FORMAT_PARQUET_READ_VALUES_H

#include "base/bytes.h"
#include "batch/column.h"
#include "format/parquet/read_levels.h"
#include "format/parquet/read_memory.h"
#include "format/parquet/read_type.h"

/* The dictionary of a chunk, in the form of the column already: so each entry is converted and checked once. */
struct read_entry {
    uint32_t start, size;
};

struct read_dictionary {
    size_t entries;
    size_t longest;       /* bytes of the longest text, or the width */
    struct buffer values; /* fixed: out_width each; text: struct read_entry */
    struct buffer data;   /* text */
};

void read_dictionary_release(struct read_memory *memory, struct read_dictionary *dictionary);
/* ENTRIES values PLAIN in BODY, which is copied. */
status read_dictionary_load(const struct read_type *type, struct span body, size_t entries,
                            struct read_memory *memory, struct read_dictionary *out,
                            struct error *err);

enum values_kind {
    VALUES_FIXED,   /* `width` bytes each, in the physical form */
    VALUES_FINAL,   /* `out_width` bytes each, in the form of the column */
    VALUES_SPANS,   /* four bytes of length before each */
    VALUES_OFFSETS, /* bytes and their ends */
    VALUES_BITS,
    VALUES_INDEX, /* positions in the dictionary */
};

struct page_values {
    enum values_kind kind;
    size_t left;
    const uint8_t *at, *end; /* FIXED, FINAL, SPANS */
    const int64_t *offsets;  /* OFFSETS: start of the next value, its end, ... in `at` */
    size_t bit;              /* BITS: the next one in `at` */
    struct hybrid_reader index;
    const struct read_dictionary *dictionary;
};

/* Memory of a leaf for pages whose values are decoded as a whole, used again for each. */
struct values_scratch {
    struct buffer fixed, bytes, offsets, lengths;
};

void values_scratch_release(struct read_memory *memory, struct values_scratch *scratch);

/* N values of ENCODING in BODY, behind the levels. DICTIONARY: NULL when the chunk has none. BODY is borrowed. */
status page_values_open(const struct read_type *type, int32_t encoding, struct span body, size_t n,
                        const struct read_dictionary *dictionary, struct read_memory *memory,
                        struct values_scratch *scratch, struct page_values *out, struct error *err);
/* The next N values into the slots [rows, rows + n) of COLUMN, which are reserved; its rows and sizes stay, but for
 * the bytes of texts. No more than MOST bytes of text. */
status page_values_take(const struct read_type *type, struct page_values *values, size_t n,
                        size_t most, struct column *column, struct error *err);
status page_values_skip(const struct read_type *type, struct page_values *values, size_t n,
                        struct error *err);

/* ---- read_fill.c ---- */

/* The slots [rows, rows + values) of COLUMN are filled: make SLOTS rows of them, where bit FIRST + i of VALID says
 * whether slot I has a value (VALID NULL: all have). The bits hold exactly VALUES ones. */
void column_fill(struct column *column, size_t slots, size_t values, const uint8_t *valid,
                 size_t first);
/* Only the bitmap of SLOTS more rows; room is reserved. */
void column_fill_validity(struct column *column, size_t slots, size_t values, const uint8_t *valid,
                          size_t first);

#endif
