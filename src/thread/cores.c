#include <sched.h>
#include <unistd.h>

#include "thread/cgroup.h"
#include "thread/thread.h"

unsigned thread_cores(void)
{
    cpu_set_t set;
    long cpus;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        cpus = CPU_COUNT(&set);
    else /* more CPUs than the fixed set holds */
        cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned allowed = cpus > 0 ? (unsigned)cpus : 1;
    unsigned quota = cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    return quota > 0 && quota < allowed ? quota : allowed;
}
