/* What a job file may say about Parquet files. */
#ifndef LEAT_FORMAT_PARQUET_OPTIONS_H
#define LEAT_FORMAT_PARQUET_OPTIONS_H

#include "base/option.h"
#include "format/codec/codec.h"

struct parquet_options {
    struct codec_spec codec;
    size_t page_rows;
    size_t page_bytes;
    bool dictionary;
};

extern const struct option_spec parquet_option_specs[];

/* VALUES may be NULL, or a table without some of the names: defaults then. */
status parquet_options_read(const struct option_values *values, struct parquet_options *out,
                            struct error *err);

#endif
