/* A message for people, built from the inside out: the lowest level says what happened, each
 * caller adds only what it alone knows.
 *
 *   error: numeric has 41 digits, decimal128 holds 38
 *     in column "amount", row 1179648
 *     in table public.orders, split 3 of 16
 *     in stream public.orders, run 01J9...  (bad data, not retried)
 *
 * A struct error is plain memory of a fixed size: it may be zeroed, copied and dropped. Nothing
 * here allocates, so an error can always be told. */
#ifndef LEAT_BASE_ERROR_H
#define LEAT_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#include "base/status.h"

enum { ERROR_TEXT_BYTES = 2048 };

struct error {
    status_code code;
    int os_errno;    /* 0 if no system call was involved */
    int source_code; /* the source system's own code (SQLite result code, ...), 0 if none */
    size_t text_bytes;
    char text[ERROR_TEXT_BYTES]; /* lines; the first is the cause, the rest say where */
};

/* Set ERR to CODE with a message and return CODE. Longer text is cut with "...".
 * ERR may be NULL: then only the code is returned. */
status error_set(struct error *err, status_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: CODE is chosen from OS_ERRNO (ENOSPC -> NO_SPACE, EACCES ->
 * DENIED, ENOENT -> NOT_FOUND, EINTR/EAGAIN/EIO -> UNAVAILABLE, ENOMEM -> NO_MEMORY, ...) and the
 * system's text is appended: "cannot write lake/a.parquet: No space left on device". */
status error_os(struct error *err, int os_errno, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Add one line of context ("in column ...") and return the status that ERR holds; never OK. Lines are
 * kept without indentation. */
status error_context(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

status error_no_memory(struct error *err);

/* TRY with one line of context added on failure. The status is that of EXPR, also without an ERR. */
#define TRY_IN(expr, err, ...)                                                                     \
    do {                                                                                           \
        status_code try_in_status_ = (expr);                                                       \
        if (__builtin_expect(try_in_status_ != STATUS_OK, 0)) {                                    \
            (void)error_context((err), __VA_ARGS__);                                               \
            return try_in_status_;                                                                 \
        }                                                                                          \
    } while (0)

#endif
