/* Which encoding the values of a chunk get. */
#ifndef LEAT_FORMAT_PARQUET_ENCODING_CHOICE_H
#define LEAT_FORMAT_PARQUET_ENCODING_CHOICE_H

#include "format/parquet/chunk.h"

/* What was asked of leaf NUMBER, or what is smallest. *OUT_DICTIONARY: the distinct values where they became known,
 * whether the chunk uses them or not; else NULL. The codec of SCRATCH is the chunk's. Dictionaries are in SCRATCH. */
status encoding_choose(const struct leaf *leaf, const struct parquet_options *options,
                       size_t number, const struct dense *values, const struct bounds *bounds,
                       struct chunk_scratch *scratch, struct value_coding *out,
                       const struct dictionary **out_dictionary, struct error *err);

#endif
