/* Thrift's compact protocol, reading bytes that nobody vouches for: every length is checked against
 * what is left before it is used, and nothing here allocates. */
#ifndef LEAT_FORMAT_THRIFT_COMPACT_READER_H
#define LEAT_FORMAT_THRIFT_COMPACT_READER_H

#include "format/thrift/compact_writer.h"

/* The first thing that is wrong sets `failed`; from then on every call gives zeros and every loop
 * over fields ends. Look once, at the end, with thrift_reader_check. */
struct thrift_reader {
    const uint8_t *start, *at, *end;
    bool failed;
    bool no_memory; /* why: the caller, who sets it, had no room for what was read ... */
    bool too_large; /* ... or would have taken more than `room` bytes; 0: as many as it takes */
    size_t room;
    unsigned depth;
};

struct thrift_field {
    int16_t id;
    enum thrift_type type;
};

void thrift_reader_init(struct thrift_reader *reader, const void *bytes, size_t size);
/* BAD_DATA with WHAT ("footer") and the offset of the first wrong byte; NO_MEMORY. */
status thrift_reader_check(const struct thrift_reader *reader, const char *what, struct error *err);

/* The fields of a struct:
 *   struct thrift_field field = {0};
 *   while (thrift_next(reader, &field))
 *       switch (field.id) { case 1: x = thrift_int(reader, &field); break; default: thrift_skip(..) }
 * Each field must be read or skipped. A value of another type than asked for fails. */
bool thrift_next(struct thrift_reader *reader, struct thrift_field *field);
int64_t thrift_int(struct thrift_reader *reader, const struct thrift_field *field);
int32_t thrift_int32(struct thrift_reader *reader, const struct thrift_field *field); /* in range */
bool thrift_bool(struct thrift_reader *reader, const struct thrift_field *field);
struct span thrift_binary(struct thrift_reader *reader, const struct thrift_field *field);
/* False unless the field is a struct; its fields follow, with a struct thrift_field of their own. */
bool thrift_struct(struct thrift_reader *reader, const struct thrift_field *field);
void thrift_struct_done(struct thrift_reader *reader);
/* Elements of a list of ELEMENT, each at least MIN_BYTES (> 0) long: never more than could stand in
 * what is left, so an array of them is bounded by the size of the input. */
size_t thrift_list(struct thrift_reader *reader, const struct thrift_field *field,
                   enum thrift_type element, size_t min_bytes);
int64_t thrift_next_int(struct thrift_reader *reader);
bool thrift_next_bool(struct thrift_reader *reader);
struct span thrift_next_binary(struct thrift_reader *reader);
/* An element that is a struct: counts depth; pair with thrift_struct_done. */
bool thrift_next_struct(struct thrift_reader *reader);
void thrift_skip(struct thrift_reader *reader, const struct thrift_field *field);

#endif
