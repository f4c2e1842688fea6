/* Arrow C data interface: batches out to and in from other libraries, without copying where ownership
 * allows it. The two structs are the published ABI of the Arrow project ("The Arrow C data interface"). */
#ifndef LEAT_BATCH_ARROW_H
#define LEAT_BATCH_ARROW_H

#include <stdint.h>

#include "base/error.h"
#include "batch/batch.h"

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

/* The schema as a struct ("+s") with one child for each field; utf8 goes out as large_utf8 ("U"). */
status arrow_export_schema(const struct schema *schema, struct ArrowSchema *out, struct error *err);
/* Moves the rows out: BATCH is empty afterwards and OUT's release frees them. */
status arrow_export_batch(struct batch *batch, struct ArrowArray *out, struct error *err);
/* Accepts utf8 and large_utf8, binary and large_binary, decimal128/256, date32, time, timestamps in s, ms, us and
 * ns (exactly or BAD_DATA), lists, structs, maps. BAD_DATA names a format it does not take. */
status arrow_import_schema(const struct ArrowSchema *schema, struct schema *out, struct error *err);
/* Append the rows of ARRAY (offset honoured) to INTO by copying; ARRAY stays the caller's. */
status arrow_import_batch(const struct ArrowSchema *schema, const struct ArrowArray *array,
                          struct batch *into, struct error *err);

#endif
