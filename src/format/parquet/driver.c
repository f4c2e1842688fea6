#include "format/parquet/driver.h"

#include "format/parquet/options.h"

const struct format_driver parquet_driver = {
    .name = "parquet",
    .extension = ".parquet",
    .options = parquet_option_specs,
    .column_options = parquet_column_specs,
    .check_options = parquet_options_check,
    .encoder_needs = parquet_encoder_needs,
    .encoder_new = parquet_encoder_new,
    .encode = parquet_encode,
    .encoder_free = parquet_encoder_free,
    .file_begin = parquet_file_begin,
    .file_append = parquet_file_append,
    .file_append_meta = parquet_file_append_meta,
    .file_finish = parquet_file_finish,
    .file_abort = parquet_file_abort,
    .inspect = parquet_inspect,
    .footer_rows = parquet_footer_rows,
    .reader_open = parquet_reader_open,
    .reader_schema = parquet_reader_schema,
    .reader_rows = parquet_reader_rows,
    .reader_begin = parquet_reader_begin,
    .reader_batch_schema = parquet_reader_batch_schema,
    .reader_next = parquet_reader_next,
    .reader_counts = parquet_reader_counts,
    .reader_free = parquet_reader_free,
};
