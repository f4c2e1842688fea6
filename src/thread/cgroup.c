#include "thread/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* At most SIZE - 1 bytes of a small kernel file, NUL-terminated. */
static bool read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, out, size - 1);
    (void)close(fd);
    if (got < 0)
        return false;
    out[got] = '\0';
    return true;
}

__attribute__((format(printf, 3, 4))) static bool read_small_at(char *out, size_t size,
                                                                const char *format, ...)
{
    char path[PATH_MAX];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(path, sizeof(path), format, args);
    va_end(args);
    return length > 0 && (size_t)length < sizeof(path) && read_small(path, out, size);
}

/* ceil(quota / period); 0 for "no limit". */
static unsigned cpus_of(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    long long cpus = (quota - 1) / period + 1;
    return cpus < INT_MAX ? (unsigned)cpus : 0;
}

/* Version 2: "max 100000" or "150000 100000". */
static unsigned limit_v2(const char *mount, const char *group)
{
    char text[64];
    long long quota, period;
    if (!read_small_at(text, sizeof(text), "%s%s/cpu.max", mount, group) ||
        sscanf(text, "%lld %lld", &quota, &period) != 2)
        return 0;
    return cpus_of(quota, period);
}

/* Version 1: two files, the quota -1 for none. */
static unsigned limit_v1(const char *mount, const char *group)
{
    char text[2][64];
    long long quota, period;
    if (!read_small_at(text[0], sizeof(text[0]), "%s/cpu%s/cpu.cfs_quota_us", mount, group) ||
        !read_small_at(text[1], sizeof(text[1]), "%s/cpu%s/cpu.cfs_period_us", mount, group) ||
        sscanf(text[0], "%lld", &quota) != 1 || sscanf(text[1], "%lld", &period) != 1)
        return 0;
    return cpus_of(quota, period);
}

/* The smallest limit of GROUP and all above it. In a container the path may be the host's, which isn't
 * there: the walk ends at the mount's root, which is the container's own group. */
static unsigned limit_upwards(const char *mount, char *group,
                              unsigned (*limit)(const char *mount, const char *group))
{
    unsigned least = 0;
    for (;;) {
        size_t length = strlen(group);
        while (length > 0 && group[length - 1] == '/')
            group[--length] = '\0';
        unsigned here = limit(mount, group);
        if (here > 0 && (least == 0 || here < least))
            least = here;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* Is "cpu" one of the comma-separated controllers? */
static bool lists_cpu(const char *controllers)
{
    for (const char *at = controllers; *at;) {
        size_t length = strcspn(at, ",");
        if (length == 3 && memcmp(at, "cpu", 3) == 0)
            return true;
        at += length + (at[length] == ',');
    }
    return false;
}

unsigned cgroup_cpus(const char *membership, const char *mount)
{
    char text[8192];
    if (!read_small(membership, text, sizeof(text)))
        return 0;
    unsigned least = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        /* "0::/group" is version 2; "4:cpu,cpuacct:/group" is version 1 */
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *controllers++ = '\0';
        *group++ = '\0';
        unsigned here = 0;
        if (strcmp(line, "0") == 0 && *controllers == '\0')
            here = limit_upwards(mount, group, limit_v2);
        else if (lists_cpu(controllers))
            here = limit_upwards(mount, group, limit_v1);
        if (here > 0 && (least == 0 || here < least))
            least = here;
    }
    return least;
}
