/* The verbs of the driver, by the file that holds them; driver.c lists them. */
#ifndef LEAT_FORMAT_PARQUET_DRIVER_H
#define LEAT_FORMAT_PARQUET_DRIVER_H

#include "format/format.h"

extern const struct format_driver parquet_driver;

/* encoder.c */
status parquet_encoder_needs(const struct schema *schema, const struct option_values *values,
                             struct encoder_needs *out, struct error *err);
status parquet_encoder_new(const struct schema *schema, const struct option_values *options,
                           struct encoder **out, struct error *err);
status parquet_encode(struct encoder *encoder, const struct batch *batch, size_t first, size_t n,
                      struct byte_sink *pages, struct row_group *out, struct error *err);
void parquet_encoder_free(struct encoder *encoder);

/* file.c */
status parquet_file_begin(const struct schema *schema, const struct option_values *options,
                          struct byte_sink *sink, struct format_file **out, struct error *err);
status parquet_file_append(struct format_file *file, const struct row_group *group,
                           struct error *err);
status parquet_file_append_meta(struct format_file *file, const void *meta, size_t meta_bytes,
                                uint64_t pages_bytes, struct error *err);
status parquet_file_finish(struct format_file *file, const struct key_value *pairs, size_t n_pairs,
                           struct file_result *out, struct error *err);
void parquet_file_abort(struct format_file *file);

/* inspect.c, footer.c */
status parquet_inspect(const struct byte_source *source,
                       const struct format_inspect_options *options, FILE *out, struct error *err);
status parquet_footer_rows(const struct byte_source *source, uint64_t *out_rows, struct error *err);

/* reader.c */
status parquet_reader_open(const struct byte_source *source, size_t memory_limit,
                           struct format_reader **out, struct error *err);
const struct schema *parquet_reader_schema(const struct format_reader *reader);
uint64_t parquet_reader_rows(const struct format_reader *reader);
status parquet_reader_begin(struct format_reader *reader, const struct format_read_options *options,
                            struct error *err);
const struct schema *parquet_reader_batch_schema(const struct format_reader *reader);
status parquet_reader_next(struct format_reader *reader, struct batch *batch, size_t max_rows,
                           size_t *out_rows, struct error *err);
void parquet_reader_counts(const struct format_reader *reader, struct format_read_counts *out);
void parquet_reader_free(struct format_reader *reader);

#endif
