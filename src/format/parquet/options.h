/* What a job file may say about Parquet files. */
#ifndef LEAT_FORMAT_PARQUET_OPTIONS_H
#define LEAT_FORMAT_PARQUET_OPTIONS_H

#include "base/memory.h"
#include "base/option.h"
#include "format/codec/codec.h"
#include "format/parquet/leaf.h"

enum parquet_profile {
    PROFILE_COMPATIBLE, /* pages V1, PLAIN and dictionaries: every reader */
    PROFILE_DENSE,      /* pages V2, delta and split encodings where they are smaller */
};

/* What is asked of one leaf. Others than AUTO are written as asked, in both profiles, or refused when the schema
 * is known (BAD_CONFIG) where the type does not allow it. */
enum leaf_encoding {
    ENCODE_AUTO,
    ENCODE_PLAIN,
    ENCODE_DICTIONARY,    /* where it can be had at all; else PLAIN */
    ENCODE_DELTA,         /* DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY by the physical type */
    ENCODE_DELTA_STRINGS, /* DELTA_BYTE_ARRAY */
    ENCODE_SPLIT,         /* BYTE_STREAM_SPLIT */
};

struct leaf_options {
    struct codec_spec codec;
    enum leaf_encoding encoding;
    bool statistics; /* false: no bounds in footer, pages or table; counts stay */
    bool bloom_filter;
};

struct parquet_options {
    enum parquet_profile profile;
    struct codec_spec codec; /* of leaves that say nothing else */
    size_t page_rows;
    size_t page_bytes;
    bool dictionary; /* false: none, except where a column asks for one */
    double bloom_filter_fpp;
    struct leaf_options *leaves; /* parquet_options_bind; one for each leaf of the plan */
    struct sort_key
        *sort_keys; /* rows of each row group are put in this order; said in the footer */
    size_t n_sort_keys;
};

extern const struct option_spec parquet_option_specs[];
extern const struct option_spec parquet_column_specs[]; /* of one column */

/* Do values that no table can judge hold: codecs, the words of sort_by? */
status parquet_options_check(const struct option_values *values, struct error *err);

/* Can values of PHYSICAL be written so? */
bool parquet_encoding_fits(enum leaf_encoding encoding, enum parquet_physical physical);

/* VALUES may be NULL, or a table without some of the names: defaults then. */
status parquet_options_read(const struct option_values *values, struct parquet_options *out,
                            struct error *err);
/* The options by leaf of PLAN, in ARENA: what is said of a column holds for all its leaves, an encoding for those
 * whose type allows it. BAD_CONFIG names a column that is not there, or an encoding that its type can't have. */
status parquet_options_bind(const struct option_values *values, const struct leaf_plan *plan,
                            struct arena *arena, struct parquet_options *options,
                            struct error *err);

#endif
