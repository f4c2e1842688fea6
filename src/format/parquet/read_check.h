/* What a footer says of its row groups, against the schema, the file and itself. */
#ifndef LEAT_FORMAT_PARQUET_READ_CHECK_H
#define LEAT_FORMAT_PARQUET_READ_CHECK_H

#include "format/parquet/footer.h"
#include "format/parquet/read_schema.h"

/* BAD_DATA names the row group and the column. DATA_END: where the footer begins. */
status read_check_groups(const struct parquet_footer *footer, const struct column_tree *plan,
                         uint64_t data_end, struct error *err);

#endif
