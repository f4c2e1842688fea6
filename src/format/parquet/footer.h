/* The footer of a finished file, read from its end. Nothing is trusted: sizes are checked against the file
 * before anything is allocated or read. */
#ifndef LEAT_FORMAT_PARQUET_FOOTER_H
#define LEAT_FORMAT_PARQUET_FOOTER_H

#include "format/format.h"
#include "format/parquet/metadata.h"

struct footer {
    struct parquet_footer meta;
    struct buffer bytes; /* what the spans of meta point into */
    struct arena arena;
};

/* BAD_DATA says what is wrong with the file. */
status footer_read(const struct byte_source *source, struct footer *out, struct error *err);
void footer_release(struct footer *footer); /* accepts zeroed */

#endif
