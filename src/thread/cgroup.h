/* What the control group of this process allows. Private to src/thread. */
#ifndef LEAT_THREAD_CGROUP_H
#define LEAT_THREAD_CGROUP_H

/* CPUs' worth of time the group and those above it grant, rounded up; 0: no limit is set or none can be read.
 *   membership   "/proc/self/cgroup"
 *   mount        "/sys/fs/cgroup"
 * Source: the kernel's cgroup-v2.rst "cpu.max", sched-bwc.rst for version 1. */
unsigned cgroup_cpus(const char *membership, const char *mount);

#endif
