/* How the columns of a schema stand in Parquet: the schema elements of the footer, and the leaves, one
 * column chunk each. Made once for an encoder or a file. */
#ifndef LEAT_FORMAT_PARQUET_LEAF_H
#define LEAT_FORMAT_PARQUET_LEAF_H

#include "batch/schema.h"
#include "format/parquet/spec.h"

/* How values compare, for bounds. */
enum leaf_order {
    ORDER_NONE, /* INTERVAL: the format defines no order */
    ORDER_BOOL,
    ORDER_INT32,
    ORDER_INT64,
    ORDER_UINT32,
    ORDER_UINT64,
    ORDER_FLOAT,
    ORDER_DOUBLE,
    ORDER_BYTES,        /* unsigned, byte by byte, shorter first */
    ORDER_SIGNED_FIXED, /* big-endian two's complement of one length: decimals */
};

/* How values come out of a column's memory into the physical type. */
enum leaf_form {
    FORM_SAME, /* fixed width, as it lies there */
    FORM_BOOL, /* bits -> bytes 0 and 1; packed again in the page */
    FORM_INT8, /* widened to int32 ... */
    FORM_INT16,
    FORM_UINT8,
    FORM_UINT16,
    FORM_DECIMAL_INT32, /* 8 bytes -> int32 */
    FORM_DECIMAL_FIXED, /* 16 or 32 bytes little-endian -> big-endian of the smallest length */
    FORM_INTERVAL,      /* months, days, nanoseconds -> months, days, milliseconds (12 bytes) */
    FORM_BYTES,         /* offsets and bytes */
};

/* One step from a top-level column down to a leaf. */
struct leaf_step {
    const struct field *field;
    uint32_t child; /* which child of the step above; 0 at the top */
    bool nullable;  /* adds a definition level */
    bool repeated;  /* LIST, MAP: adds a definition and a repetition level */
};

struct leaf {
    const struct field *field; /* the leaf's own */
    size_t top;                /* position of the top-level field */
    const struct leaf_step *steps;
    size_t n_steps;
    const char *const *path; /* names in the Parquet schema, root left out */
    size_t n_path;
    char *name; /* the path with dots, for messages */
    enum parquet_physical physical;
    int32_t width; /* bytes of one PLAIN value; 0 for BYTE_ARRAY */
    enum leaf_form form;
    enum leaf_order order;
    bool is_text; /* cut bounds at UTF-8 boundaries */
    uint8_t max_definition, max_repetition;
};

struct schema_element {
    const char *name;
    int physical; /* -1: a group */
    int32_t type_length;
    int repetition; /* -1: the root */
    int32_t n_children;
    enum parquet_converted converted;
    enum parquet_logical logical;
    int32_t precision, scale;
    int8_t bit_width;
    bool is_signed;
    bool utc;
    int8_t unit;      /* TIME, TIMESTAMP: enum parquet_unit; 0: not said */
    int32_t field_id; /* 0: none */
};

/* A leaf that the rows of a row group are ordered by. */
struct sort_key {
    size_t leaf;
    bool descending, nulls_first;
};

struct leaf_plan {
    struct arena arena; /* owns all below */
    struct leaf *leaves;
    size_t n_leaves;
    struct schema_element *elements; /* depth first, the root first */
    size_t n_elements;
};

/* SCHEMA is borrowed and must outlive the plan. BAD_CONFIG names a column that Parquet can't hold. */
status leaf_plan_init(struct leaf_plan *plan, const struct schema *schema, struct error *err);
void leaf_plan_release(struct leaf_plan *plan);

/* Bytes of the smallest big-endian two's complement that holds PRECISION digits. */
int32_t decimal_fixed_bytes(int32_t precision);

static inline bool leaf_is_flat(const struct leaf *leaf)
{
    return leaf->n_steps == 1;
}

#endif
