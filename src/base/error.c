#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Cut what does not fit with "...", never inside a UTF-8 sequence. */
static void mark_cut(struct error *err)
{
    size_t end = ERROR_TEXT_BYTES - 4;
    while (end > 0 && ((unsigned char)err->text[end] & 0xC0) == 0x80)
        end--;
    memcpy(err->text + end, "...", 4);
    err->text_bytes = end + 3;
}

static void append(struct error *err, const char *bytes, size_t count)
{
    size_t room = ERROR_TEXT_BYTES - 1 - err->text_bytes;
    size_t taken = count < room ? count : room;
    memcpy(err->text + err->text_bytes, bytes, taken);
    err->text_bytes += taken;
    err->text[err->text_bytes] = '\0';
    if (taken < count)
        mark_cut(err);
}

/* PREFIX and the formatted text, behind what ERR holds from byte AT on. Formatted aside first: an
 * argument may be the text of this very error. */
__attribute__((format(printf, 4, 0))) static void put_format(struct error *err, size_t at,
                                                             const char *prefix, const char *format,
                                                             va_list args)
{
    char line[ERROR_TEXT_BYTES + 1];
    int length = vsnprintf(line, sizeof(line), format, args);
    if (length < 0)
        length = snprintf(line, sizeof(line), "%s", format);
    err->text_bytes = at;
    append(err, prefix, strlen(prefix));
    append(err, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

/* Start anew. */
static void set_codes(struct error *err, status_code code, int os_errno)
{
    err->code = code;
    err->os_errno = os_errno;
    err->source_code = 0;
}

status error_set(struct error *err, status_code code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        put_format(err, 0, "", format, args);
        va_end(args);
        set_codes(err, code, 0);
    }
    return code;
}

static status_code code_of_errno(int os_errno)
{
    switch (os_errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STATUS_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
    case EXDEV: /* openat2 says so of a path that leads out of its root */
    case ELOOP: /* and of a symbolic link where none is followed */
        return STATUS_DENIED;
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EEXIST:
        return STATUS_EXISTS;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case EOPNOTSUPP:
    case ENOSYS:
        return STATUS_BAD_CONFIG;
    case EBADF:
    case EFAULT:
    case EINVAL:
        return STATUS_BUG;
    default: /* EINTR, EAGAIN, EIO, EBUSY, EMFILE, ESTALE, ...: trying again does no harm */
        return STATUS_UNAVAILABLE;
    }
}

status error_os(struct error *err, int os_errno, const char *format, ...)
{
    status_code code = code_of_errno(os_errno);
    if (err) {
        va_list args;
        va_start(args, format);
        put_format(err, 0, "", format, args);
        va_end(args);
        set_codes(err, code, os_errno);
        char space[128];
        const char *system = strerror_r(os_errno, space, sizeof(space));
        append(err, ": ", 2);
        append(err, system, strlen(system));
    }
    return code;
}

status error_context(struct error *err, const char *format, ...)
{
    if (!err)
        return STATUS_BUG; /* nobody to ask what happened; never OK, for a caller that returns it */
    va_list args;
    va_start(args, format);
    put_format(err, err->text_bytes, "\n", format, args);
    va_end(args);
    return err->code == STATUS_OK ? STATUS_BUG : err->code;
}

status error_no_memory(struct error *err)
{
    return error_set(err, STATUS_NO_MEMORY, "out of memory");
}
