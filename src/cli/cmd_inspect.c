#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "storage/file_ops.h"

struct local_file {
    struct byte_source base;
    int fd;
    const char *path;
};

static status read_range(const struct byte_source *source, uint64_t offset, void *out, size_t size,
                         struct error *err)
{
    const struct local_file *file = (const struct local_file *)source;
    if (offset > file->base.size || size > file->base.size - offset)
        return error_set(err, STATUS_BAD_DATA, "%s ends before byte %llu", file->path,
                         (unsigned long long)offset + size);
    for (size_t done = 0; done < size;) {
        ssize_t n =
            file_ops()->pread(file->fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_os(err, errno, "cannot read %s", file->path);
        if (n == 0)
            return error_set(err, STATUS_BAD_DATA, "%s became shorter while it was read",
                             file->path);
        done += (size_t)n;
    }
    return STATUS_OK;
}

static void close_file(struct local_file *file)
{
    if (file->fd >= 0)
        file_ops()->close(file->fd);
}

static status open_file(const char *path, struct local_file *out, struct error *err)
{
    struct stat found;
    out->path = path;
    out->fd = file_ops()->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (out->fd < 0)
        return error_os(err, errno, "cannot open %s", path);
    if (file_ops()->fstat(out->fd, &found) != 0)
        return error_os(err, errno, "cannot open %s", path);
    if (!S_ISREG(found.st_mode))
        return error_set(err, STATUS_BAD_CONFIG,
                         "%s is not a file; inspect takes a data file of a table", path);
    out->base.read = read_range;
    out->base.size = (uint64_t)found.st_size;
    return STATUS_OK;
}

/* By the name's end; without one that is known, the first format there is. */
static const struct format_driver *format_of(const char *path)
{
    for (size_t i = 0; format_drivers[i]; i++)
        if (text_ends_with(path, format_drivers[i]->extension))
            return format_drivers[i];
    return format_drivers[0];
}

static const struct option_spec flags[] = {
    {.name = "row-groups",
     .kind = OPTION_BOOL,
     .help = "The columns of each row group one by one; --json always has them."},
    {.name = "pages", .kind = OPTION_BOOL, .help = "Each page of each column too."},
    {0},
};

static status run(struct invocation *invocation, struct error *err)
{
    const char *path = invocation->args[0];
    SCOPED(close_file) struct local_file file = {.fd = -1};
    if (text_starts_with(path, "file:///"))
        path += strlen("file://");
    TRY(open_file(path, &file, err));
    const struct format_inspect_options options = {
        .json = invocation->json,
        .row_groups = option_number(&invocation->flags, "row-groups") != 0,
        .pages = option_number(&invocation->flags, "pages") != 0,
    };
    TRY_IN(format_of(path)->inspect(&file.base, &options, invocation->out, err), err, "in file %s",
           path);
    return STATUS_OK;
}

const struct command cmd_inspect = {
    .name = "inspect",
    .synopsis = "FILE",
    .summary = "schema, row groups, encodings and statistics of a data file",
    .help = "Shows what is in a data file: schema, row groups, and for each column its encodings, "
            "sizes, bounds, dictionaries and bloom filters. \"A lookup reads\" tells how much of "
            "the file somebody reads who looks for one value of the column and trusts its bounds: "
            "the less, the better the rows are in order.",
    .flags = flags,
    .example = "leat inspect lake/orders/part-0001.parquet",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
