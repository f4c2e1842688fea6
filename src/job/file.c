#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/reader.h"
#include "storage/file_ops.h"

static status read_all(int fd, const char *path, size_t limit, struct buffer *into,
                       struct error *err)
{
    for (;;) {
        TRY(buffer_reserve(into, into->size + 65536, err));
        ssize_t n = fd == STDIN_FILENO
                        ? read(fd, into->data + into->size, 65536)
                        : file_ops()->pread(fd, into->data + into->size, 65536, (off_t)into->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_os(err, errno, "cannot read %s", path);
        if (n == 0)
            return STATUS_OK;
        into->size += (size_t)n;
        if (into->size > limit)
            return error_set(err, STATUS_BAD_CONFIG, "%s is larger than %zu KiB, the limit", path,
                             limit / 1024);
    }
}

status file_read_small(const char *path, size_t limit, struct arena *arena, char **out,
                       size_t *out_size, struct error *err)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd =
        standard_input ? STDIN_FILENO : file_ops()->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_os(err, errno, "cannot read %s", path);
    SCOPED(buffer_release) struct buffer content = {0};
    status code = read_all(fd, path, limit, &content, err);
    if (!standard_input)
        file_ops()->close(fd);
    TRY(code);
    char *text = arena_strndup(arena, (const char *)content.data, content.size);
    if (content.size == 0)
        text = arena_strdup(arena, "");
    if (!text)
        return error_no_memory(err);
    *out = text;
    *out_size = content.size;
    return STATUS_OK;
}

status file_directory(const char *path, struct arena *arena, const char **out, struct error *err)
{
    char current[PATH_MAX];
    if (!getcwd(current, sizeof(current)))
        return error_os(err, errno, "cannot tell the current directory");
    const char *slash = strcmp(path, "-") == 0 ? NULL : strrchr(path, '/');
    char *folder = slash == path ? arena_strdup(arena, "/")
                   : slash       ? arena_strndup(arena, path, (size_t)(slash - path))
                                 : arena_strdup(arena, "");
    if (!folder || !(folder = file_join(current, folder, arena)))
        return error_no_memory(err);
    *out = folder;
    return STATUS_OK;
}

char *file_join(const char *directory, const char *path, struct arena *arena)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn(path, "/");
    }
    if (path[0] == '/')
        return arena_strdup(arena, path);
    if (path[0] == 0 || strcmp(path, ".") == 0)
        return arena_strdup(arena, directory);
    return arena_printf(arena, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, path);
}

/* Does a path take a detour: an empty part, "." or ".."? */
static bool has_detour(const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t size = strcspn(slash + 1, "/");
        if ((size == 0 && slash[1]) || (size == 1 && slash[1] == '.') ||
            (size == 2 && slash[1] == '.' && slash[2] == '.'))
            return true;
    }
    return false;
}

/* PATH's parts after HEAD, which is real: where nothing is there, ".." has only one meaning. */
static void append_parts(char *real, const char *rest)
{
    for (size_t size; *rest; rest += size) {
        rest += strspn(rest, "/");
        size = strcspn(rest, "/");
        if (size == 2 && rest[0] == '.' && rest[1] == '.') {
            char *slash = strrchr(real, '/');
            slash[slash == real] = 0;
        } else if (size > 0 && !(size == 1 && rest[0] == '.')) {
            snprintf(real + strlen(real), PATH_MAX - strlen(real), "%s%.*s", real[1] ? "/" : "",
                     (int)size, rest);
        }
    }
}

char *file_normalize(const char *path, struct arena *arena)
{
    char head[PATH_MAX], real[PATH_MAX];
    size_t size = strlen(path);
    if (path[0] != '/' || !has_detour(path) || size >= sizeof(head))
        return arena_strdup(arena, path);
    memcpy(head, path, size + 1);
    while (!realpath(head, real)) { /* the longest part that is there */
        char *slash = strrchr(head, '/');
        if (errno != ENOENT && errno != ENOTDIR)
            return arena_strdup(arena, path); /* not ours to see: whoever opens it says why */
        slash[slash == head] = 0;
    }
    size_t known = strlen(head);
    if (strlen(real) + (size - known) + 2 > sizeof(real))
        return arena_strdup(arena, path);
    append_parts(real, path + known);
    return arena_strdup(arena, real);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
