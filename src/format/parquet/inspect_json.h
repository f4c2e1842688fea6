/* A file as one JSON document: what `inspect` shows, counts and sizes as numbers, bounds as text. */
#ifndef LEAT_FORMAT_PARQUET_INSPECT_JSON_H
#define LEAT_FORMAT_PARQUET_INSPECT_JSON_H

#include "format/parquet/footer.h"

status inspect_json(const struct byte_source *source, const struct footer *footer,
                    const struct format_inspect_options *options, FILE *out, struct error *err);

#endif
