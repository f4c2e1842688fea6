/* The default of --memory: a quarter of what this process may use, at most 1 GiB, at least 64 MiB. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/pipeline.h"

/* The number in a one-line file; 0: none ("max"). */
static uint64_t read_number(const char *path)
{
    unsigned long long value = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%llu", &value) != 1)
        value = 0;
    fclose(file);
    return value;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return b && b < a ? b : a;
}

/* The limits of our own cgroup and of those above it (version 2), or of the memory controller (version 1). */
static uint64_t cgroup_limit(uint64_t limit)
{
    char line[512], path[1024];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        bool version_2 = strncmp(line, "0::", 3) == 0;
        char *controllers = strchr(line, ':');
        char *name = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!name || (!version_2 && strncmp(controllers, ":memory:", 8) != 0))
            continue;
        for (name++; *name;) {
            snprintf(path, sizeof(path),
                     version_2 ? "/sys/fs/cgroup%s/memory.max"
                               : "/sys/fs/cgroup/memory%s/memory.limit_in_bytes",
                     name);
            limit = smaller(limit, read_number(path));
            char *slash = strrchr(name, '/');
            *(slash ? slash : name) = '\0';
        }
        limit =
            smaller(limit, read_number(version_2 ? "/sys/fs/cgroup/memory.max"
                                                 : "/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    }
    if (file)
        fclose(file);
    return limit;
}

uint64_t default_memory_bytes(void)
{
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t quarter = cgroup_limit(machine) / 4;
    uint64_t most = UINT64_C(1) << 30, least = UINT64_C(64) << 20;
    return quarter > most ? most : quarter < least ? least : quarter;
}
