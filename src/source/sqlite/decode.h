/* Kernels: the stored values of one column, of many rows at once, into the column of the batch. Bound once for
 * each column. Each knows the storage class its type expects; whatever else it meets goes to the rule of value.h,
 * so there is one place that says what fits. */
#ifndef LEAT_SOURCE_SQLITE_DECODE_H
#define LEAT_SOURCE_SQLITE_DECODE_H

#include "source/sqlite/record.h"

struct decode_column {
    append_fn append;   /* the rule of the type, for what the kernel does not expect */
    bool nullable;      /* a NULL may be appended */
    bool real_affinity; /* integers mean doubles */
    bool is_rowid;      /* the values are the rowids, whatever is stored */
};

struct decode_rows {
    const uint8_t *base; /* SCAN_PADDING_BYTES are readable behind the last value */
    const record_cell *cells;
    const struct scan_row *rows;
    size_t n;
};

enum decoded {
    DECODED,
    DECODE_OTHERWISE, /* a value needs a policy, a default or an error: the rows are to be read one by one */
    DECODE_FAILED, /* ERR is set (memory) */
};

/* Room for the rows must be reserved. Unless DECODED the column holds some of them: the caller truncates. */
typedef enum decoded (*decode_fn)(struct column *column, const struct decode_column *how,
                                  const struct decode_rows *rows, struct error *err);

/* Never NULL for a type that value_append_for has a rule for. */
decode_fn decode_for(struct type type, const struct decode_column *how);

#endif
