/* Bounds as files hold them, and single values as filters hash them. */
#ifndef LEAT_FORMAT_PARQUET_READ_BOUND_H
#define LEAT_FORMAT_PARQUET_READ_BOUND_H

#include "base/bytes.h"
#include "batch/scalar.h"
#include "format/parquet/read_type.h"

enum { PLAIN_VALUE_BYTES = 32 };

/* A bound in PLAIN form (borrowed). IS_UPPER: rounds up where the file is finer than the type. False: it bounds
 * nothing (no order, NaN, another size). */
bool read_bound(const struct read_type *type, struct span plain, bool is_upper, struct scalar *out);
/* The PLAIN form of VALUE, in BUF or borrowed. False: not known for this type. */
bool plain_value(const struct read_type *type, const struct scalar *value,
                 uint8_t buf[PLAIN_VALUE_BYTES], struct span *out);

#endif
