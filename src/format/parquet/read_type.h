/* What a leaf of a foreign file is: its type here, and the kernel that brings values of the physical type into the
 * form of a column (batch/column.h). Chosen once for a leaf. */
#ifndef LEAT_FORMAT_PARQUET_READ_TYPE_H
#define LEAT_FORMAT_PARQUET_READ_TYPE_H

#include "batch/type.h"
#include "format/parquet/leaf.h"

struct read_type {
    struct type type;
    enum parquet_physical physical;
    size_t width;     /* bytes of a PLAIN value; 0: BYTE_ARRAY, BOOLEAN */
    size_t out_width; /* bytes of a value in the column; 0: text-like, BOOL */
    /* N values at FROM (each of `width` bytes, not aligned) into OUT. Returns N, or the position of a value that
     * the type does not hold. NULL: they are the same. */
    size_t (*convert)(const struct read_type *type, const uint8_t *from, size_t n, uint8_t *out);
    /* BYTE_ARRAY that becomes fixed (decimals): one value. */
    bool (*convert_bytes)(const struct read_type *type, const uint8_t *from, size_t size,
                          uint8_t *out);
    bool is_text;    /* must be UTF-8 */
    int32_t divisor; /* of bounds finer than the type: nanoseconds; 0: none */
};

/* BAD_DATA names an annotation that can't be read, or does not fit its physical type. */
status read_type_of(const struct schema_element *element, struct read_type *out, struct error *err);
/* Why a value was refused, for messages: "is no whole number of microseconds". */
const char *read_type_refusal(const struct read_type *type);

#endif
