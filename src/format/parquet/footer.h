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

enum { FOOTER_MEMORY_BYTES = 256 << 20 };

/* BAD_DATA says what is wrong with the file; also when the footer takes more than LIMIT bytes of memory, as read and
 * as structs (footer_read: FOOTER_MEMORY_BYTES). */
status footer_read(const struct byte_source *source, struct footer *out, struct error *err);
status footer_read_within(const struct byte_source *source, size_t limit, struct footer *out,
                          struct error *err);
void footer_release(struct footer *footer); /* accepts zeroed */

#endif
