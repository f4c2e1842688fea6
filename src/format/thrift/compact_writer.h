/* Thrift's compact protocol, writing: Parquet's footers, page headers and indexes are made of it.
 * Source of the wire form: apache/thrift doc/specs/thrift-compact-protocol.md. */
#ifndef LEAT_FORMAT_THRIFT_COMPACT_WRITER_H
#define LEAT_FORMAT_THRIFT_COMPACT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"

/* Types as they stand in the low four bits of a field or list header. */
enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1, /* in a field header the type is the value; in a list it means bool */
    THRIFT_FALSE = 2,
    THRIFT_I8 = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12,
    THRIFT_UUID = 13,
};

enum { THRIFT_MAX_DEPTH = 16 };

/* Appends to a buffer. The first failure stays and later calls do nothing: look once, at the end,
 * with thrift_writer_check. Field ids within a struct must grow. */
struct thrift_writer {
    struct buffer *out;
    status_code failed;
    unsigned depth;
    int16_t last_field[THRIFT_MAX_DEPTH]; /* of each open struct */
};

/* The outermost struct is open from here on; close it with thrift_struct_end. OUT is borrowed. */
void thrift_writer_init(struct thrift_writer *writer, struct buffer *out);
status thrift_writer_check(const struct thrift_writer *writer, struct error *err);

/* Fields of the struct that is open. */
void thrift_field_bool(struct thrift_writer *writer, int16_t id, bool value);
void thrift_field_i8(struct thrift_writer *writer, int16_t id, int8_t value);
void thrift_field_i16(struct thrift_writer *writer, int16_t id, int16_t value);
void thrift_field_i32(struct thrift_writer *writer, int16_t id, int32_t value);
void thrift_field_i64(struct thrift_writer *writer, int16_t id, int64_t value);
void thrift_field_binary(struct thrift_writer *writer, int16_t id, struct span bytes);
void thrift_field_text(struct thrift_writer *writer, int16_t id, const char *text);
void thrift_field_struct(struct thrift_writer *writer, int16_t id); /* until thrift_struct_end */
void thrift_field_empty(struct thrift_writer *writer, int16_t id);  /* a struct without fields */
void thrift_field_list(struct thrift_writer *writer, int16_t id, enum thrift_type element,
                       size_t count);

/* Elements of the list that was begun last, COUNT of them. */
void thrift_item_bool(struct thrift_writer *writer, bool value);
void thrift_item_int(struct thrift_writer *writer, int64_t value); /* I16, I32, I64 */
void thrift_item_binary(struct thrift_writer *writer, struct span bytes);
void thrift_item_struct(struct thrift_writer *writer); /* until thrift_struct_end */

void thrift_struct_end(struct thrift_writer *writer);

#endif
