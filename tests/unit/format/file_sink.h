/* Bytes of a file to stdio, for the programs that write files for other readers. */
#ifndef LEAT_TEST_FILE_SINK_H
#define LEAT_TEST_FILE_SINK_H

#include <errno.h>
#include <stdio.h>

#include "format/format.h"

struct file_sink {
    struct byte_sink base;
    FILE *file;
};

static inline status file_sink_write(struct byte_sink *sink, const void *bytes, size_t size,
                                     struct error *err)
{
    FILE *file = ((struct file_sink *)sink)->file;
    if (fwrite(bytes, 1, size, file) == size)
        return STATUS_OK;
    return error_os(err, errno, "cannot write");
}

#endif
